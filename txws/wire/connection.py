"""
A connection after its opening handshake, RFC 6455 sections 5 to 7: frames in,
events out; calls in, frames out.

Events are pulled, so that not asking for one is all that pausing takes; what
is sent is kept until it is fetched, so that everything that one turn causes
can leave in one write::

    connection.receiveData(data)
    while not paused and (event := connection.nextEvent()) is not None:
        deliver(event)
    transport.writeSequence(connection.dataToSend())

Whoever is in a hurry asks for L{nextMessages<Connection.nextMessages>} before.

The life of a connection is the table L{TRANSITIONS}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

from .closeframe import checkClose, parseClose, serializeClose
from .codes import CloseCode, Opcode
from .errors import ConnectionStateError, Violation
from .events import (
    CloseReceived,
    Event,
    MessageEvent,
    PingReceived,
    PongReceived,
    ViolationReceived,
)
from .extensions import IExtension, IReleasable, checkClaims, checkPayload
from .frames import Frame, FrameParser
from .messages import FragmentReader, MessageAssembler
from .sending import SendingHalf
from .states import TRANSITIONS, ConnectionState, Direction, Input, Role

# Whoever speaks the wire alone finds all of it here.
__all__ = ["TRANSITIONS", "Connection", "ConnectionState", "Direction", "Role"]

# Looking up a member of an Enum takes as long as a call.
_OPEN = ConnectionState.OPEN
_CLOSE_SENT = ConnectionState.CLOSE_SENT
_CLOSE = Opcode.CLOSE
# Control frames have this opcode and those above it.
_CONTROL = Opcode.CLOSE.value
# What may come next of a message that extensions have worked on.
_BEGINNING = (Opcode.TEXT.value, Opcode.BINARY.value)
_REST = (Opcode.CONTINUATION.value,)
_NOTHING = ()


class Connection(SendingHalf):
    """
    One side of one connection, from the end of its opening handshake on.
    """

    __slots__ = ("_assembler", "_decoded", "_deliversFragments", "_expected", "_parser")

    def __init__(
        self,
        role: Role,
        *,
        maxMessageSize: int | None = None,
        maxFragments: int | None = None,
        extensions: Sequence[IExtension] = (),
        fragmentSize: int | None = None,
        deliversFragments: bool = False,
        generateKey: Callable[[], bytes] | None = None,
        observer: Callable[[Direction, Frame], None] | None = None,
    ) -> None:
        """
        @param role: which side this is.
        @param maxMessageSize: the most bytes in a message that is received, or
            L{None} for no limit.
        @param maxFragments: the most frames in a message that is received, or
            L{None} for no limit.
        @param extensions: what the opening handshake has agreed on, in the
            order of its C{Sec-WebSocket-Extensions}.
        @param fragmentSize: the most bytes of payload in a frame that is sent;
            longer messages are fragmented.  L{None} for no limit.
        @param deliversFragments: whether what is received becomes an event as it
            arrives, not when its message is complete.
        @param generateKey: makes a masking key of four bytes, unpredictable
            (RFC 6455 section 10.3).
        @param observer: called with every frame, as it is on the wire but
            unmasked; with a large one that is received in parts.
        @raise ValueError: if C{fragmentSize} is less than 1, or if two extensions
            claim the same reserved bit, or one claims what is none.
        """
        super().__init__(role, extensions, fragmentSize, generateKey, observer)
        checkClaims(self._extensions)
        self._deliversFragments = deliversFragments
        firstRSV, continuationRSV = _claimedBits(self._extensions)
        self._parser = FrameParser(
            isMasked=role is Role.SERVER,
            maxMessageSize=maxMessageSize,
            maxFragments=maxFragments,
            firstRSV=firstRSV,
            continuationRSV=continuationRSV,
            keepsFramesWhole=self._isCutFirst,
        )
        # Made when it is needed first: most messages come in one piece.
        self._assembler: MessageAssembler | None = None
        # What is in the frame that was received last, if extensions see to it.
        self._decoded: Iterator[Frame] | None = None
        # Which frames they may make of it.
        self._expected: Sequence[int] = _NOTHING

    # Receiving

    def receiveData(self, data: bytes | bytearray | memoryview) -> None:
        """
        Keep what the peer has sent for L{nextEvent}.

        @param data: any bytes, cut anywhere; they are copied unless they are
            immutable.
        @raise TypeError: if it is not like bytes.
        """
        if self.state is _OPEN or self.state is _CLOSE_SENT:
            self._parser.receiveData(data)
            self.hasMore = True

    def nextMessages(self) -> list[str | bytes]:
        """
        Find out which messages the peer has sent next, in a shorter way than
        L{nextEvent}, which goes on from there.

        @return: some messages, text as L{str} and binary as L{bytes}; none if
            L{nextEvent} has to see to what comes next.
        """
        isSeen = self._deliversFragments or not self._isPlain
        messages = [] if isSeen else self._parser.nextMessages()
        self.hasMore = isSeen or self._parser.hasMore
        return messages

    def nextEvent(self) -> Event | None:
        """
        Find out what the peer has sent next.

        Pings are answered, and so are a Close and a violation: the answer is
        in L{dataToSend<SendingHalf.dataToSend>} when the event is returned.

        @return: L{None} when more bytes are needed.
        @raise Exception: what an extension has raised; the connection has failed.
        """
        try:
            if self._decoded is not None:
                event = self._nextDecoded(self._decoded)
                if event is not None:
                    return event
            parser = self._parser
            while (payload := parser.nextPayload()) is not None:
                if self._isPlain and parser.opcode < _CONTROL:
                    event = self._assemble(parser.opcode, payload, parser.isFinal)
                else:
                    event = self._receiveFrame(parser.frameOf(payload))
                if event is not None:
                    return event
        except Violation as violation:
            return self._fail(violation)
        except Exception:
            self._extensionFailed()
            raise
        return None

    def _receiveFrame(self, frame: Frame) -> Event | None:
        """
        Show a frame to the observer and find out what it means.
        """
        if self._observer is not None:
            self._observer(Direction.RECEIVED, frame)
        opcode = frame.opcode
        if opcode < _CLOSE:
            if opcode in _BEGINNING:
                self._expected = _BEGINNING
            self._decoded = self._decode(frame)
            return self._nextDecoded(self._decoded)
        if opcode is Opcode.PING:
            self._sendPong(frame.payload, isAnswer=True)
            return PingReceived(frame.payload)
        if opcode is Opcode.PONG:
            return PongReceived(frame.payload)
        return self._receiveClose(frame.payload)

    def _decode(self, frame: Frame) -> Iterator[Frame]:
        """
        Undo what the peer's extensions have done to a data frame.
        """
        frames: Iterable[Frame] = (frame,)
        for extension in reversed(self._extensions):
            if extension.isPerFrame:
                frames = _join(frames)
            frames = chain.from_iterable(map(extension.decode, frames))
        return iter(frames)

    def _nextDecoded(self, frames: Iterator[Frame]) -> Event | None:
        """
        Find out what is in a data frame.

        @raise Exception: if extensions make something else of it than one
            message of one.
        """
        for frame in frames:
            opcode, payload, isFinal, _rsv = frame
            if opcode not in self._expected:
                raise ValueError("extensions have decoded no message of one message")
            checkPayload(payload)
            self._expected = _NOTHING if isFinal else _REST
            event = self._assemble(opcode, bytes(payload), isFinal)
            if event is not None:
                return event
        self._decoded = None
        if self._expected is _REST and self._parser.isFinal:
            raise ValueError("extensions have kept the end of a message")
        return None

    def _assemble(
        self, opcode: int, payload: bytes, isFinal: bool
    ) -> MessageEvent | None:
        """
        Add a frame to the message that is on its way.
        """
        if self._assembler is None:
            kind = FragmentReader if self._deliversFragments else MessageAssembler
            self._assembler = kind(self._parser.maxMessageSize)
        return self._assembler.receiveFrame(opcode, payload, isFinal)

    def _receiveClose(self, payload: bytes) -> CloseReceived:
        """
        Answer the peer's Close, RFC 6455 section 5.5.1.
        """
        status = parseClose(payload)
        self.closeReceived = status
        if self.state is _OPEN:
            # "... typically echos the status code it received."
            self.isCloseReceivedFirst = True
            self.closeSent = status
            self._sendControl(_CLOSE, payload)
        self._advance(Input.RECEIVE_CLOSE)
        self._dropReceived()
        return CloseReceived(status)

    def _fail(self, violation: Violation) -> ViolationReceived:
        """
        Fail the connection, RFC 6455 section 7.1.7: "An endpoint MUST NOT
        continue to attempt to process data (including a responding Close
        frame) from the remote endpoint".
        """
        if self.state is _OPEN:
            self._sendClose(violation.closeCode, violation.explanation)
        self._advance(Input.FAIL)
        self._dropReceived()
        return ViolationReceived(violation)

    def _extensionFailed(self) -> None:
        """
        Fail the connection, for an extension has raised: what it and others keep
        is not what the peer's keep any more.
        """
        if self.state is _OPEN:
            self._sendClose(CloseCode.INTERNAL_ERROR, "internal error")
        self._advance(Input.FAIL)
        self._dropReceived()

    def _dropReceived(self) -> None:
        """
        Forget what the peer has sent and nobody will ask for.
        """
        self._parser.clear()
        if self._assembler is not None:
            self._assembler.clear()
        self._decoded = None

    # Closing

    def sendClose(
        self, code: int | None = CloseCode.NORMAL_CLOSURE, reason: str = ""
    ) -> None:
        """
        Begin the closing handshake, RFC 6455 section 7.1.2.

        @param code: a close code that may travel, or L{None} for none.
        @param reason: why; cut at 123 bytes of UTF-8, between two characters.
        @raise ConnectionStateError: if a Close has been sent.
        @raise TypeError: if the reason is not L{str}.
        @raise ValueError: if the code may not travel, or if there is a reason
            without a code.
        """
        checkClose(code, reason)
        self._checkOpen("sending a Close")
        self._sendClose(CloseCode.NO_STATUS_RECEIVED if code is None else code, reason)
        self._advance(Input.SEND_CLOSE)

    def release(self) -> None:
        """
        Give back what the extensions can do without while nothing is sent.

        @raise Exception: what an extension raises; the connection has failed.
        """
        try:
            for extension in self._extensions:
                if IReleasable.providedBy(extension):
                    extension.release()
        except Exception:
            self._extensionFailed()
            raise

    def connectionLost(self) -> None:
        """
        The transport is gone.
        """
        self._advance(Input.LOSE)
        self._dropReceived()
        self.discardData()

    def _sendClose(self, code: int, reason: str) -> None:
        """
        Send a Close and remember it.
        """
        self.closeSent, payload = serializeClose(code, reason)
        self._sendControl(_CLOSE, payload)

    def _advance(self, given: Input) -> None:
        """
        Go to the next state.
        """
        try:
            self.state = TRANSITIONS[self.state, given]
        except KeyError:
            raise ConnectionStateError(self.state.value, given.value) from None


def _join(frames: Iterable[Frame]) -> Sequence[Frame]:
    """
    Put a frame together that was decoded in parts, if anything is left of it.
    """
    parts = tuple(frames)
    if len(parts) < 2:
        return parts
    payload = b"".join(part.payload for part in parts)
    return (parts[0]._replace(payload=payload, isFinal=parts[-1].isFinal),)


def _claimedBits(extensions: Sequence[IExtension]) -> tuple[int, int]:
    """
    Find the reserved bits that are claimed: of the first frame of a message, and
    of its other frames.
    """
    firstRSV = continuationRSV = 0
    for extension in extensions:
        firstRSV |= extension.rsv
        if extension.isPerFrame:
            continuationRSV |= extension.rsv
    return firstRSV, continuationRSV
