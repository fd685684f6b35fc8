"""
What whoever drives a connection may rely on, in any version of the protocol.

The rooms of L{txws.transport} know no more of the wire than this.
"""

from __future__ import annotations

from .events import CloseStatus, Event
from .prepared import PreparedMessage
from .states import ConnectionState

__all__ = ["ConnectionState", "WireConnection"]


class WireConnection:
    """
    One side of one connection, from the end of its opening handshake on.

    L{Connection<txws.wire.connection.Connection>} says what its methods do,
    and what they raise.

    @ivar state: where it stands.
    @ivar closeSent: what this end's Close said, or L{None} if there was none.
    @ivar closeReceived: what the peer's Close said, or L{None} if there was
        none.
    @ivar isCloseReceivedFirst: whether the peer's Close came before ours.
    @ivar hasMore: whether L{nextEvent} may find anything.
    @ivar pendingSize: how many bytes are waiting for L{dataToSend}.
    @ivar isCongested: whether the transport cannot write at present; set by
        whoever owns the transport.  While it is true, answers to Pings are
        coalesced, and so are Pongs that answer none.
    """

    __slots__ = (
        "closeReceived",
        "closeSent",
        "hasMore",
        "isCloseReceivedFirst",
        "isCongested",
        "pendingSize",
        "state",
    )

    def __init__(self) -> None:
        self.state = ConnectionState.OPEN
        self.closeSent: CloseStatus | None = None
        self.closeReceived: CloseStatus | None = None
        self.hasMore = True
        self.isCloseReceivedFirst = False
        self.pendingSize = 0
        self.isCongested = False

    @property
    def pendingPieces(self) -> int:
        """
        In how many pieces of bytes what is waiting for L{dataToSend} is kept.
        """
        raise NotImplementedError

    def receiveData(self, data: bytes) -> None:
        """
        Keep what the peer has sent for L{nextEvent}.
        """
        raise NotImplementedError

    def nextMessages(self) -> list[str | bytes]:
        """
        Find out which messages the peer has sent next, if there is a shorter way
        than L{nextEvent}.
        """
        return []

    def nextEvent(self) -> Event | None:
        """
        Find out what the peer has sent next.
        """
        raise NotImplementedError

    def sendText(self, message: str, compress: bool | None = None) -> None:
        """
        Send a text message.
        """
        raise NotImplementedError

    def sendBytes(
        self, data: bytes | bytearray | memoryview, compress: bool | None = None
    ) -> None:
        """
        Send a binary message.
        """
        raise NotImplementedError

    def sendPrepared(self, message: PreparedMessage) -> None:
        """
        Send a message that goes to many.
        """
        raise NotImplementedError

    def sendTextFragment(
        self, text: str, isFinal: bool = False, compress: bool | None = None
    ) -> None:
        """
        Send a fragment of a text message.
        """
        raise NotImplementedError

    def sendBytesFragment(
        self,
        data: bytes | bytearray | memoryview,
        isFinal: bool = False,
        compress: bool | None = None,
    ) -> None:
        """
        Send a fragment of a binary message.
        """
        raise NotImplementedError

    def finishMessage(self) -> None:
        """
        End the message that is being sent in fragments.
        """
        raise NotImplementedError

    def sendPing(self, payload: bytes = b"") -> None:
        """
        Send a Ping.
        """
        raise NotImplementedError

    def sendPong(self, payload: bytes = b"") -> None:
        """
        Send a Pong.
        """
        raise NotImplementedError

    def sendClose(self, code: int | None = 1000, reason: str = "") -> None:
        """
        Begin the closing handshake.
        """
        raise NotImplementedError

    def dataToSend(self, atMost: int | None = None) -> list[bytes]:
        """
        Fetch what is to be written to the transport.
        """
        raise NotImplementedError

    def release(self) -> None:
        """
        Give back what can be done without while nothing is sent.
        """
        raise NotImplementedError

    def discardData(self) -> None:
        """
        Forget what has not been fetched by L{dataToSend}.
        """
        raise NotImplementedError

    def connectionLost(self) -> None:
        """
        The transport is gone.
        """
        raise NotImplementedError
