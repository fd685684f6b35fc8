"""
What whoever drives a connection may rely on.

L{txws.transport} and L{txws.flow} know no more of the wire than this, so that
another version of the protocol can take the place of
L{Connection<txws.wire.connection.Connection>}.
"""

from __future__ import annotations

from typing import Protocol

from .connection import ConnectionState
from .events import CloseStatus, Event
from .prepared import PreparedMessage

__all__ = ["WireConnection"]


class WireConnection(Protocol):
    """
    One side of one connection, from the end of its opening handshake on.

    L{Connection<txws.wire.connection.Connection>} says what its methods do,
    and what they raise.

    @ivar state: where it stands.
    @ivar closeSent: what this end's Close said, or L{None} if there was none.
    @ivar closeReceived: what the peer's Close said, or L{None} if there was
        none.
    @ivar isCloseReceivedFirst: whether the peer's Close came before ours.
    @ivar pendingSize: how many bytes are waiting for L{dataToSend}.
    @ivar isCongested: whether the transport cannot write at present; set by
        whoever owns the transport.
    """

    state: ConnectionState
    closeSent: CloseStatus | None
    closeReceived: CloseStatus | None
    isCloseReceivedFirst: bool
    pendingSize: int
    isCongested: bool

    @property
    def pendingPieces(self) -> int:
        """
        In how many pieces of bytes what is waiting for L{dataToSend} is kept.
        """

    def receiveData(self, data: bytes) -> None:
        """
        Keep what the peer has sent for L{nextEvent}.
        """

    def nextEvent(self) -> Event | None:
        """
        Find out what the peer has sent next.
        """

    def sendText(self, message: str, compress: bool | None = None) -> None:
        """
        Send a text message.
        """

    def sendBytes(
        self, data: bytes | bytearray | memoryview, compress: bool | None = None
    ) -> None:
        """
        Send a binary message.
        """

    def sendPrepared(self, message: PreparedMessage) -> None:
        """
        Send a message that goes to many.
        """

    def sendTextFragment(
        self, text: str, isFinal: bool = False, compress: bool | None = None
    ) -> None:
        """
        Send a fragment of a text message.
        """

    def sendBytesFragment(
        self,
        data: bytes | bytearray | memoryview,
        isFinal: bool = False,
        compress: bool | None = None,
    ) -> None:
        """
        Send a fragment of a binary message.
        """

    def finishMessage(self) -> None:
        """
        End the message that is being sent in fragments.
        """

    def sendPing(self, payload: bytes = b"") -> None:
        """
        Send a Ping.
        """

    def sendPong(self, payload: bytes = b"") -> None:
        """
        Send a Pong.
        """

    def sendClose(self, code: int | None = 1000, reason: str = "") -> None:
        """
        Begin the closing handshake.
        """

    def dataToSend(self, atMost: int | None = None) -> list[bytes]:
        """
        Fetch what is to be written to the transport.
        """

    def release(self) -> None:
        """
        Give back what can be done without while nothing is sent.
        """

    def discardData(self) -> None:
        """
        Forget what has not been fetched by L{dataToSend}.
        """

    def connectionLost(self) -> None:
        """
        The transport is gone.
        """
