"""
A server's side of a hixie-75 or hixie-76 connection after its opening
handshake: text between 0x00 and 0xFF, and 0xFF 0x00 to close.

There is no binary message, no Ping, no close code, and, in hixie-75, no
closing handshake at all: one side closes TCP.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from txws.wire.codes import CloseCode, Opcode, isSendableCloseCode
from txws.wire.contract import WireConnection
from txws.wire.errors import ConnectionStateError, Violation, WireError
from txws.wire.events import CloseReceived, CloseStatus, Event, ViolationReceived
from txws.wire.frames import Frame
from txws.wire.messages import FragmentReader, MessageAssembler
from txws.wire.prepared import PreparedMessage
from txws.wire.states import TRANSITIONS, ConnectionState, Direction, Input

from .hixieframes import TEXT_END, HixieFrameParser

__all__ = ["BinaryUnsupported", "HixieConnection"]

_TEXT_START = b"\x00"
_CLOSE_FRAME = b"\xff\x00"


class BinaryUnsupported(WireError):
    """
    A binary message was to be sent to a client whose version of the protocol
    has none.
    """


class HixieConnection(WireConnection):
    """
    What L{Connection<txws.wire.connection.Connection>} is for RFC 6455; see
    L{WireConnection<txws.wire.contract.WireConnection>}.

    A Close of these versions says nothing, so that close codes and reasons are
    forgotten.
    """

    __slots__ = (
        "_assembler",
        "_hasClose",
        "_lastByte",
        "_observer",
        "_outgoing",
        "_parser",
    )

    def __init__(
        self,
        hasClose: bool,
        *,
        maxMessageSize: int | None = None,
        deliversFragments: bool = False,
        observer: Callable[[Direction, Frame], None] | None = None,
    ) -> None:
        """
        @param hasClose: whether there is a closing handshake: in hixie-76, not
            in hixie-75.
        @param maxMessageSize: the most bytes in a message that is received, or
            L{None} for no limit.
        @param deliversFragments: whether what is received becomes an event as it
            arrives, not when its message is complete.
        @param observer: called with every frame, as RFC 6455 would have it.
        """
        super().__init__()
        self._hasClose = hasClose
        self._observer = observer
        self._parser = HixieFrameParser(hasClose)
        assembler = FragmentReader if deliversFragments else MessageAssembler
        self._assembler = assembler(maxMessageSize)
        self._outgoing: deque[bytes] = deque()
        # Of what was fetched.
        self._lastByte = TEXT_END

    # Receiving

    def receiveData(self, data: bytes) -> None:
        """
        Keep what the peer has sent for L{nextEvent}.

        @param data: any bytes, cut anywhere.
        """
        if self.state in _RECEIVING:
            self._parser.receiveData(data)

    def nextEvent(self) -> Event | None:
        """
        Find out what the peer has sent next.

        @return: L{None} when more bytes are needed.
        """
        try:
            while (frame := self._parser.nextFrame()) is not None:
                self._observe(Direction.RECEIVED, frame)
                if frame.opcode is Opcode.CLOSE:
                    return self._receiveClose()
                event = self._assembler.receiveFrame(*frame[:3])
                if event is not None:
                    return event
        except Violation as violation:
            return self._fail(violation)
        return None

    def _receiveClose(self) -> CloseReceived:
        """
        Answer the peer's Close.
        """
        self.closeReceived = _NO_STATUS
        if self.state is ConnectionState.OPEN:
            self.isCloseReceivedFirst = True
            self._sayClose()
        self._advance(Input.RECEIVE_CLOSE)
        self._dropReceived()
        return CloseReceived(_NO_STATUS)

    def _fail(self, violation: Violation) -> ViolationReceived:
        """
        Fail the connection.
        """
        if self.state is ConnectionState.OPEN:
            self._sayClose()
        self._advance(Input.FAIL)
        self._dropReceived()
        return ViolationReceived(violation)

    def _dropReceived(self) -> None:
        """
        Forget what the peer has sent and nobody will ask for.
        """
        self._parser.clear()
        self._assembler.clear()

    # Sending

    def sendText(self, message: str, compress: bool | None = None) -> None:
        """
        Send a text message.

        @param message: the text.
        @param compress: nothing is compressed.
        @raise ConnectionStateError: if a Close has been sent, or if a message
            is on its way in fragments.
        @raise TypeError: if it is not L{str}.
        @raise UnicodeEncodeError: if the text has surrogates.
        """
        self._sendMessage(_encode(message))

    def _sendMessage(self, payload: bytes) -> None:
        """
        Send a text message.
        """
        self._checkOpen("sending a message")
        if not self._isBetweenFrames:
            raise ConnectionStateError(self.state.value, "mixing two messages")
        self._observe(Direction.SENT, Frame(Opcode.TEXT, payload))
        self._queue(_TEXT_START + payload + TEXT_END)

    def sendTextFragment(
        self, text: str, isFinal: bool = False, compress: bool | None = None
    ) -> None:
        """
        Send a part of a text message: the first of a new one, or the next of
        the one that is on its way.  The client cannot tell.

        @param text: the part.
        @param isFinal: whether it is the last one.
        @param compress: nothing is compressed.
        @raise ConnectionStateError: if a Close has been sent.
        @raise TypeError: if it is not L{str}.
        @raise UnicodeEncodeError: if the text has surrogates.
        """
        payload = _encode(text)
        self._checkOpen("sending a fragment")
        isFirst = self._isBetweenFrames
        opcode = Opcode.TEXT if isFirst else Opcode.CONTINUATION
        self._observe(Direction.SENT, Frame(opcode, payload, isFinal))
        start = _TEXT_START if isFirst else b""
        self._queue(start + payload + (TEXT_END if isFinal else b""))

    def finishMessage(self) -> None:
        """
        End the message that is being sent in parts, or send an empty one if
        there is none.

        @raise ConnectionStateError: if a Close has been sent.
        """
        self.sendTextFragment("", True)

    def sendBytes(
        self, data: bytes | bytearray | memoryview, compress: bool | None = None
    ) -> None:
        """
        Refuse to send a binary message.

        @raise ConnectionStateError: if a Close has been sent.
        @raise BinaryUnsupported: otherwise.
        """
        self._checkOpen("sending a message")
        raise BinaryUnsupported("this client's version has no binary messages")

    def sendBytesFragment(
        self,
        data: bytes | bytearray | memoryview,
        isFinal: bool = False,
        compress: bool | None = None,
    ) -> None:
        """
        Refuse to send a part of a binary message; see L{sendBytes}.

        @raise ConnectionStateError: if a Close has been sent.
        @raise BinaryUnsupported: otherwise.
        """
        self.sendBytes(data)

    def sendPrepared(self, message: PreparedMessage) -> None:
        """
        Send a message that goes to many.

        @param message: the message.
        @raise BinaryUnsupported: if it is binary.
        @raise ConnectionStateError: if a Close has been sent, or if a message
            is on its way in fragments.
        @raise TypeError: if it is not a L{PreparedMessage
            <txws.wire.prepared.PreparedMessage>}.
        """
        if not isinstance(message, PreparedMessage):
            raise TypeError(
                f"message must be PreparedMessage, not {type(message).__name__}"
            )
        if message.frame.opcode is Opcode.TEXT:
            self._sendMessage(message.frame.payload)
        else:
            self.sendBytes(message.frame.payload)

    def sendPing(self, payload: bytes = b"") -> None:
        """
        Do nothing: there are no Pings.

        @raise ConnectionStateError: if a Close has been sent.
        """
        self._checkOpen("sending a Ping")

    def sendPong(self, payload: bytes = b"") -> None:
        """
        Do nothing: there are no Pongs.

        @raise ConnectionStateError: if a Close has been sent.
        """
        self._checkOpen("sending a Pong")

    def sendClose(
        self, code: int | None = CloseCode.NORMAL_CLOSURE, reason: str = ""
    ) -> None:
        """
        Begin the closing handshake, or have the transport closed if there is
        none.

        @param code: a close code that could travel by RFC 6455, or L{None}.
        @param reason: why.  Neither is sent.
        @raise ConnectionStateError: if a Close has been sent.
        @raise ValueError: if the code may not travel.
        """
        if code is not None and not isSendableCloseCode(code):
            raise ValueError(f"close code {code} may not be sent")
        self._checkOpen("sending a Close")
        self._sayClose()
        if self.closeSent is not None:
            self._advance(Input.SEND_CLOSE)
        else:
            # There is nothing to wait for, and what the peer still sends must
            # not make TCP reset the connection: as after a violation.
            self._advance(Input.FAIL)
            self._dropReceived()

    def release(self) -> None:
        """
        Do nothing: there are no extensions.
        """

    def dataToSend(self, atMost: int | None = None) -> list[bytes]:
        """
        Fetch what is to be written to the transport.

        @param atMost: stop with the piece that exceeds this many bytes; L{None}
            for all.
        @return: frames, and parts of those that are sent in parts, in order.
        """
        outgoing = self._outgoing
        pieces: list[bytes] = []
        size = 0
        while outgoing and (atMost is None or size <= atMost):
            pieces.append(outgoing.popleft())
            size += len(pieces[-1])
        if pieces:
            self._lastByte = pieces[-1][-1:]
        self.pendingSize -= size
        return pieces

    @property
    def pendingPieces(self) -> int:
        """
        In how many pieces of bytes what is waiting for L{dataToSend} is kept.
        """
        return len(self._outgoing)

    def discardData(self) -> None:
        """
        Forget what has not been fetched by L{dataToSend}.
        """
        self._outgoing.clear()
        self.pendingSize = 0

    def connectionLost(self) -> None:
        """
        The transport is gone.
        """
        self._advance(Input.LOSE)
        self._dropReceived()
        self.discardData()

    @property
    def _isBetweenFrames(self) -> bool:
        """
        Whether what was sent last, and has not been discarded, ends a frame.
        """
        last = self._outgoing[-1] if self._outgoing else self._lastByte
        return last.endswith(TEXT_END)

    def _sayClose(self) -> None:
        """
        Send a Close, where there is one.
        """
        # Inside a text it would end that, which would pass for a whole one.
        if self._hasClose and self._isBetweenFrames:
            self.closeSent = _NO_STATUS
            self._observe(Direction.SENT, Frame(Opcode.CLOSE, b""))
            self._queue(_CLOSE_FRAME)

    def _queue(self, piece: bytes) -> None:
        """
        Keep bytes for L{dataToSend}.
        """
        if piece:
            self._outgoing.append(piece)
            self.pendingSize += len(piece)

    def _observe(self, direction: Direction, frame: Frame) -> None:
        """
        Show a frame to whoever wants to see it.
        """
        if self._observer is not None:
            self._observer(direction, frame)

    def _checkOpen(self, act: str) -> None:
        """
        Check that this end may still send.
        """
        if self.state is not ConnectionState.OPEN:
            raise ConnectionStateError(self.state.value, act)

    def _advance(self, given: Input) -> None:
        """
        Go to the next state.
        """
        try:
            self.state = TRANSITIONS[self.state, given]
        except KeyError:
            raise ConnectionStateError(self.state.value, given.value) from None


_NO_STATUS = CloseStatus(CloseCode.NO_STATUS_RECEIVED, "")
_RECEIVING = frozenset((ConnectionState.OPEN, ConnectionState.CLOSE_SENT))


def _encode(text: str) -> bytes:
    """
    Encode text, of which no byte is 0xFF then.
    """
    if not isinstance(text, str):
        raise TypeError(f"text must be str, not {type(text).__name__}")
    return text.encode("utf-8")
