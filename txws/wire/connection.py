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
from enum import Enum
from itertools import chain
from secrets import token_bytes

from .codes import CloseCode, Opcode, isSendableCloseCode
from .contract import ConnectionState, WireConnection
from .errors import BadFrame, BadPayload, ConnectionStateError, Violation
from .events import (
    CloseReceived,
    CloseStatus,
    Event,
    PingReceived,
    PongReceived,
    ViolationReceived,
)
from .extensions import IExtension, IReleasable
from .frames import (
    JOINED_PAYLOAD,
    MAX_CONTROL_PAYLOAD,
    RSV1,
    RSV2,
    RSV3,
    Frame,
    FrameParser,
    serializeHeader,
)
from .masking import mask
from .messages import FragmentReader, MessageAssembler
from .prepared import PreparedMessage, sharingKeyOf

__all__ = [
    "TRANSITIONS",
    "Connection",
    "ConnectionState",
    "Direction",
    "Role",
    "checkClose",
]


class Role(Enum):
    """
    Which side of the connection this is; clients mask, RFC 6455 section 5.3.
    """

    CLIENT = "client"
    SERVER = "server"


class Direction(Enum):
    """
    Which way a frame goes.
    """

    RECEIVED = "received"
    SENT = "sent"


class Input(Enum):
    """
    What moves a connection from one state to the next.
    """

    SEND_CLOSE = "Close sent"
    RECEIVE_CLOSE = "Close received"
    FAIL = "violation"
    LOSE = "transport lost"


# Looking up a member of an Enum takes as long as a call.
_OPEN = ConnectionState.OPEN
_CLOSE_SENT = ConnectionState.CLOSE_SENT
_TEXT = Opcode.TEXT
_BINARY = Opcode.BINARY
_CONTINUATION = Opcode.CONTINUATION.value
_CLOSE = Opcode.CLOSE
# Control frames have this opcode and those above it.
_CONTROL = Opcode.CLOSE.value

# The headers of short messages in one frame that is not masked.
_SHORT = 126
_SHORT_HEADERS = tuple(
    tuple(serializeHeader(opcode, length, True, 0, None) for length in range(_SHORT))
    for opcode in (Opcode.CONTINUATION, Opcode.TEXT, Opcode.BINARY)
)

TRANSITIONS = {
    (ConnectionState.OPEN, Input.SEND_CLOSE): ConnectionState.CLOSE_SENT,
    (ConnectionState.OPEN, Input.RECEIVE_CLOSE): ConnectionState.CLOSING,
    (ConnectionState.OPEN, Input.FAIL): ConnectionState.FAILED,
    (ConnectionState.OPEN, Input.LOSE): ConnectionState.CLOSED,
    (ConnectionState.CLOSE_SENT, Input.RECEIVE_CLOSE): ConnectionState.CLOSING,
    (ConnectionState.CLOSE_SENT, Input.FAIL): ConnectionState.FAILED,
    (ConnectionState.CLOSE_SENT, Input.LOSE): ConnectionState.CLOSED,
    (ConnectionState.FAILED, Input.LOSE): ConnectionState.CLOSED,
    (ConnectionState.CLOSING, Input.LOSE): ConnectionState.CLOSED,
}


class Connection(WireConnection):
    """
    One side of one connection, from the end of its opening handshake on.
    """

    __slots__ = (
        "_assembler",
        "_begun",
        "_decoded",
        "_extensions",
        "_firstOutgoing",
        "_fragmentSize",
        "_generateKey",
        "_isCutFirst",
        "_isInDecoded",
        "_isLatestAnswer",
        "_isPlain",
        "_isShortened",
        "_isWhole",
        "_latestPong",
        "_observer",
        "_outgoing",
        "_parser",
        "_sharingKey",
    )

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
        if fragmentSize is not None and fragmentSize < 1:
            raise ValueError(f"fragmentSize must be at least 1, not {fragmentSize}")
        super().__init__()
        self._extensions = tuple(extensions)
        _checkClaims(self._extensions)
        self._isCutFirst = any(each.isPerFrame for each in self._extensions)
        self._fragmentSize = fragmentSize
        # Whether short messages go out in a shorter way.
        self._isShortened = (
            role is Role.SERVER and not extensions and not (fragmentSize or observer)
        )
        # Whether nobody is to see the frames of messages.
        self._isPlain = not self._extensions and observer is None
        # Whether what is received in one piece is handed on in one.
        self._isWhole = self._isPlain and not deliversFragments
        self._generateKey = None
        self._sharingKey = sharingKeyOf(self._extensions)
        if role is Role.CLIENT:
            self._generateKey = generateKey or _generateKey
            self._sharingKey = None
        self._observer = observer
        self._parser = _makeParser(role, maxMessageSize, maxFragments, self._extensions)
        assembler = FragmentReader if deliversFragments else MessageAssembler
        self._assembler = assembler(maxMessageSize)
        # What is in the frame that was received last, if extensions see to it.
        self._decoded: Iterator[Frame] | None = None
        # Whether the message that is on its way has begun, as they see to it.
        self._isInDecoded = False
        # Of the message that is being sent in fragments.
        self._begun: Opcode | None = None
        # What is to be fetched, from the first on that is not.
        self._outgoing: list[bytes] = []
        self._firstOutgoing = 0
        self._latestPong: bytes | None = None
        self._isLatestAnswer = False

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

    def nextMessages(self) -> list[str | bytes]:
        """
        Find out which messages the peer has sent next, in a shorter way than
        L{nextEvent}, which goes on from there.

        @return: some messages, text as L{str} and binary as L{bytes}; none if
            L{nextEvent} has to see to what comes next.
        """
        return self._parser.nextMessages() if self._isWhole else []

    def nextEvent(self) -> Event | None:
        """
        Find out what the peer has sent next.

        Pings are answered, and so are a Close and a violation: the answer is
        in L{dataToSend} when the event is returned.

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
                    event = self._assembler.receiveFrame(
                        parser.opcode, payload, parser.isFinal
                    )
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
                frames = (_join(frames),)
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
            if self._isInDecoded is not (opcode == _CONTINUATION):
                raise ValueError("extensions have decoded no message of one message")
            _checkPayload(payload)
            self._isInDecoded = not isFinal
            event = self._assembler.receiveFrame(opcode, bytes(payload), isFinal)
            if event is not None:
                return event
        self._decoded = None
        if self._isInDecoded and self._parser.isFinal:
            raise ValueError("extensions have kept the end of a message")
        return None

    def _receiveClose(self, payload: bytes) -> CloseReceived:
        """
        Answer the peer's Close, RFC 6455 section 5.5.1.
        """
        status = _parseClose(payload)
        self.closeReceived = status
        if self.state is _OPEN:
            # "... typically echos the status code it received."
            self.isCloseReceivedFirst = True
            self._sendClose(status.code, status.reason)
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
        self._assembler.clear()
        self._decoded = None

    # Sending

    def sendText(self, message: str, compress: bool | None = None) -> None:
        """
        Send a text message.

        @param message: the text.
        @param compress: whether to compress it, if that was negotiated;
            L{None} to leave it to the extension.
        @raise ConnectionStateError: if a Close has been sent.
        @raise TypeError: if it is not L{str}.
        @raise UnicodeEncodeError: if the text has surrogates, which UTF-8
            cannot say.
        """
        if not isinstance(message, str):
            raise TypeError(f"message must be str, not {type(message).__name__}")
        # Of any kind of text, by a call that C knows.
        self._sendMessage(_TEXT, str.encode(message), compress)

    def sendBytes(
        self, data: bytes | bytearray | memoryview, compress: bool | None = None
    ) -> None:
        """
        Send a binary message.

        @param data: the message; it is copied unless it is immutable.
        @param compress: as for L{sendText}.
        @raise ConnectionStateError: if a Close has been sent.
        @raise TypeError: if it is not like bytes.
        """
        if type(data) is not bytes:
            # bytes(5) would be five zeros.
            data = bytes(memoryview(data))
        self._sendMessage(_BINARY, data, compress)

    def sendTextFragment(
        self, text: str, isFinal: bool = False, compress: bool | None = None
    ) -> None:
        """
        Send a fragment of a text message, RFC 6455 section 5.4: the first of a
        new one, or the next of the one that is on its way.

        @param text: the fragment.
        @param isFinal: whether it is the last one.
        @param compress: as for L{sendText}, for the whole message; said with
            the first fragment of it.
        @raise ConnectionStateError: if a Close has been sent, or if a binary
            message is on its way.
        @raise TypeError: if it is not L{str}.
        @raise UnicodeEncodeError: if the text has surrogates.
        """
        if not isinstance(text, str):
            raise TypeError(f"text must be str, not {type(text).__name__}")
        self._sendFragment(_TEXT, str.encode(text), isFinal, compress)

    def sendBytesFragment(
        self,
        data: bytes | bytearray | memoryview,
        isFinal: bool = False,
        compress: bool | None = None,
    ) -> None:
        """
        Send a fragment of a binary message, RFC 6455 section 5.4: the first of
        a new one, or the next of the one that is on its way.

        @param data: the fragment; it is copied unless it is immutable.
        @param isFinal: whether it is the last one.
        @param compress: as for L{sendTextFragment}.
        @raise ConnectionStateError: if a Close has been sent, or if a text
            message is on its way.
        @raise TypeError: if it is not like bytes.
        """
        if type(data) is not bytes:
            data = bytes(memoryview(data))
        self._sendFragment(_BINARY, data, isFinal, compress)

    def finishMessage(self) -> None:
        """
        End the message that is being sent in fragments, or send an empty
        binary one if there is none.

        @raise ConnectionStateError: if a Close has been sent.
        """
        self._sendFragment(self._begun or _BINARY, b"", True)

    def sendPrepared(self, message: PreparedMessage) -> None:
        """
        Send a message that goes to many, in bytes shared with all connections
        that send the same for it.

        @param message: the message.
        @raise ConnectionStateError: if a Close has been sent.
        @raise TypeError: if it is not a L{PreparedMessage}.
        """
        if not isinstance(message, PreparedMessage):
            raise TypeError(
                f"message must be PreparedMessage, not {type(message).__name__}"
            )
        opcode, payload, *_ = message.frame
        key, size = self._sharingKey, self._fragmentSize
        if key is None or (size is not None and len(payload) > size):
            self._sendMessage(opcode, payload, message.compress)
            return
        self._checkFree()
        try:
            shared = message.serializedFor(key, self._extensions)
        except Exception:
            self._extensionFailed()
            raise
        if self._observer is not None:
            self._observer(Direction.SENT, shared.frame)
        self._outgoing.extend(shared.pieces)
        self.pendingSize += shared.size

    def sendPing(self, payload: bytes = b"") -> None:
        """
        Send a Ping, RFC 6455 section 5.5.2.

        @param payload: what the Pong is to repeat, at most 125 bytes.
        @raise ConnectionStateError: if a Close has been sent.
        @raise ValueError: if the payload is too long.
        """
        self._checkOpen("sending a Ping")
        self._sendControl(Opcode.PING, payload)

    def sendPong(self, payload: bytes = b"") -> None:
        """
        Send a Pong, RFC 6455 section 5.5.3; Pings have theirs without this.

        @param payload: at most 125 bytes.
        @raise ConnectionStateError: if the peer's Close has been received.
        @raise ValueError: if the payload is too long.
        """
        if self.state is not _CLOSE_SENT:
            self._checkOpen("sending a Pong")
        self._sendPong(payload, isAnswer=False)

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

    def dataToSend(self, atMost: int | None = None) -> list[bytes]:
        """
        Fetch what is to be written to the transport.

        @param atMost: stop with the frame that exceeds this many bytes; L{None}
            for all.
        @return: pieces of whole frames, in order.
        """
        outgoing, first = self._outgoing, self._firstOutgoing
        if atMost is None or self.pendingSize <= atMost:
            self.discardData()
            return outgoing[first:] if first else outgoing
        size, end = 0, first
        while size <= atMost or _isHeader(outgoing[end - 1]):
            size += len(outgoing[end])
            end += 1
        self.pendingSize -= size
        pieces = outgoing[first:end]
        if end > len(outgoing) // 2:
            # Now and then, for each time moves all that is left.
            del outgoing[:end]
            end = 0
        self._firstOutgoing = end
        return pieces

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

    @property
    def pendingPieces(self) -> int:
        """
        In how many pieces of bytes what is waiting for L{dataToSend} is kept.
        """
        return len(self._outgoing) - self._firstOutgoing

    def discardData(self) -> None:
        """
        Forget what has not been fetched by L{dataToSend}.
        """
        self._outgoing = []
        self._firstOutgoing = 0
        self.pendingSize = 0

    def connectionLost(self) -> None:
        """
        The transport is gone.
        """
        self._advance(Input.LOSE)
        self._dropReceived()
        self.discardData()

    def _sendMessage(
        self, opcode: Opcode, payload: bytes, compress: bool | None
    ) -> None:
        """
        Send a message in one frame, or in fragments if it is long.
        """
        if self.state is not _OPEN or self._begun is not None:
            self._checkFree()
        length = len(payload)
        if length < _SHORT and self._isShortened:
            self._outgoing.append(_SHORT_HEADERS[opcode][length] + payload)
            self.pendingSize += length + 2
            return
        size = self._fragmentSize
        if size is None and self._isPlain:
            self._write(opcode, payload, True, 0)
            return
        frame = Frame(opcode, payload)
        if size is None:
            self._queue(self._encode(frame, compress))
        elif self._isCutFirst:
            for fragment in frame.fragments(size):
                self._queue(self._encode(fragment, compress))
        else:
            for fragment in self._encode(frame, compress).fragments(size):
                self._queue(fragment)

    def _sendFragment(
        self,
        opcode: Opcode,
        payload: bytes,
        isFinal: bool,
        compress: bool | None = None,
    ) -> None:
        """
        Send a fragment of a message.
        """
        self._checkOpen("sending a fragment")
        begun = self._begun
        if begun is not None and begun is not opcode:
            raise ConnectionStateError(self.state.value, "mixing text and binary")
        self._begun = None if isFinal else opcode
        frame = Frame(
            opcode if begun is None else Opcode.CONTINUATION, payload, isFinal
        )
        self._queue(self._encode(frame, compress))

    def _encode(self, frame: Frame, compress: bool | None) -> Frame:
        """
        Have the extensions change a data frame.

        @raise Exception: what an extension raises; the connection has failed.
        """
        try:
            for extension in self._extensions:
                frame = extension.encode(frame, compress)
            _checkPayload(frame.payload)
        except Exception:
            self._extensionFailed()
            raise
        return frame

    def _sendPong(self, payload: bytes, isAnswer: bool) -> None:
        """
        Send a Pong, in place of one of its kind if that still waits.
        """
        outgoing = self._outgoing
        isLatestWaiting = (
            len(outgoing) > self._firstOutgoing and outgoing[-1] is self._latestPong
        )
        self._sendControl(Opcode.PONG, payload)
        if self.isCongested and isLatestWaiting and self._isLatestAnswer is isAnswer:
            # RFC 6455 5.5.3: "If an endpoint receives a Ping frame and has not
            # yet sent Pong frame(s) in response to previous Ping frame(s), the
            # endpoint MAY elect to send a Pong frame for only the most
            # recently processed Ping frame."
            self.pendingSize -= len(outgoing[-2])
            del outgoing[-2]
        self._latestPong = outgoing[-1]
        self._isLatestAnswer = isAnswer

    def _sendControl(self, opcode: Opcode, payload: bytes) -> None:
        """
        Send a control frame.
        """
        if len(payload) > MAX_CONTROL_PAYLOAD:
            raise ValueError(
                f"a {opcode.name} carries at most {MAX_CONTROL_PAYLOAD} bytes, "
                f"not {len(payload)}"
            )
        self._queue(Frame(opcode, payload))

    def _sendClose(self, code: int, reason: str) -> None:
        """
        Send a Close and remember it.
        """
        payload = b""
        if code != CloseCode.NO_STATUS_RECEIVED:
            told = reason.encode("utf-8", "replace")[: MAX_CONTROL_PAYLOAD - 2]
            reason = told.decode("utf-8", "ignore")
            payload = code.to_bytes(2, "big") + reason.encode("utf-8")
        self.closeSent = CloseStatus(code, reason)
        self._sendControl(_CLOSE, payload)

    def _queue(self, frame: Frame) -> None:
        """
        Show a frame to the observer and serialize it.
        """
        if self._observer is not None:
            self._observer(Direction.SENT, frame)
        opcode, payload, isFinal, rsv = frame
        self._write(opcode, payload, isFinal, rsv)

    def _write(self, opcode: int, payload: bytes, isFinal: bool, rsv: int) -> None:
        """
        Serialize a frame for L{dataToSend}.
        """
        maskingKey = None
        if self._generateKey is not None:
            maskingKey = self._generateKey()
            payload = mask(payload, maskingKey)
        length = len(payload)
        header = serializeHeader(opcode, length, isFinal, rsv, maskingKey)
        if length <= JOINED_PAYLOAD:
            self._outgoing.append(header + payload)
        else:
            self._outgoing.append(header)
            self._outgoing.append(payload)
        self.pendingSize += len(header) + length

    def _checkFree(self) -> None:
        """
        Check that this end may send a message, and is not in the midst of one.
        """
        self._checkOpen("sending a message")
        if self._begun is not None:
            raise ConnectionStateError(self.state.value, "mixing two messages")

    def _checkOpen(self, act: str) -> None:
        """
        Check that this end may still send.
        """
        if self.state is not _OPEN:
            raise ConnectionStateError(self.state.value, act)

    def _advance(self, given: Input) -> None:
        """
        Go to the next state.
        """
        try:
            self.state = TRANSITIONS[self.state, given]
        except KeyError:
            raise ConnectionStateError(self.state.value, given.value) from None


def checkClose(code: int | None, reason: str) -> None:
    """
    Check what a Close is to say.

    @param code: a close code that may travel, or L{None} for none.
    @param reason: why.
    @raise TypeError: if the code is not L{int}, or the reason not L{str}.
    @raise ValueError: if the code may not travel, or if there is a reason
        without a code.
    """
    # mypy sees what may be passed; it does not see what users pass.
    found: object = code
    if not (found is None or isinstance(found, int)):
        raise TypeError(f"code must be int, not {type(found).__name__}")
    if not isinstance(reason, str):
        raise TypeError(f"reason must be str, not {type(reason).__name__}")
    if code is None and reason:
        raise ValueError("a reason needs a close code")
    if code is not None and not isSendableCloseCode(code):
        raise ValueError(f"close code {code} may not be sent")


def _isHeader(piece: bytes) -> bool:
    """
    Tell whether a piece of what is sent is a header whose payload comes next;
    all others end a frame.
    """
    # The length says that more than 125 bytes follow, and they are not there.
    return piece[1] & 0x7F >= 126 and len(piece) <= 14


_NO_STATUS = CloseStatus(CloseCode.NO_STATUS_RECEIVED, "")


def _generateKey() -> bytes:
    """
    Make a masking key, RFC 6455 section 5.3: "... derived from a strong source
    of entropy".
    """
    return token_bytes(4)


def _checkClaims(extensions: Sequence[IExtension]) -> None:
    """
    Check that reserved bits are claimed, and each of them once.
    """
    claimed = 0
    for extension in extensions:
        if extension.rsv & ~(RSV1 | RSV2 | RSV3):
            raise ValueError(
                f"{extension!r} claims {extension.rsv:#x}, which is no reserved bit"
            )
        if extension.rsv & claimed:
            raise ValueError(f"{extension!r} claims a reserved bit that is taken")
        claimed |= extension.rsv


def _checkPayload(payload: object) -> None:
    """
    Check what an extension has made.
    """
    if not isinstance(payload, bytes):
        raise TypeError(f"a payload must be bytes, not {type(payload).__name__}")


def _join(frames: Iterable[Frame]) -> Frame:
    """
    Put a frame together that was decoded in parts.
    """
    first, *others = frames
    if not others:
        return first
    payload = b"".join((first.payload, *(other.payload for other in others)))
    return first._replace(payload=payload, isFinal=others[-1].isFinal)


def _makeParser(
    role: Role,
    maxMessageSize: int | None,
    maxFragments: int | None,
    extensions: Sequence[IExtension],
) -> FrameParser:
    """
    Make the parser that the extensions need.
    """
    firstRSV = continuationRSV = 0
    for extension in extensions:
        firstRSV |= extension.rsv
        if extension.isPerFrame:
            continuationRSV |= extension.rsv
    return FrameParser(
        isMasked=role is Role.SERVER,
        maxMessageSize=maxMessageSize,
        maxFragments=maxFragments,
        firstRSV=firstRSV,
        continuationRSV=continuationRSV,
        keepsFramesWhole=any(extension.isPerFrame for extension in extensions),
    )


def _parseClose(payload: bytes) -> CloseStatus:
    """
    Parse the payload of a Close, RFC 6455 section 5.5.1.
    """
    if not payload:
        return _NO_STATUS
    if len(payload) == 1:
        raise BadFrame("a Close carries half a close code")
    code = int.from_bytes(payload[:2], "big")
    if not isSendableCloseCode(code):
        raise BadFrame(f"close code {code} may not be sent")
    try:
        return CloseStatus(code, str(payload[2:], "utf-8"))
    except UnicodeDecodeError:
        raise BadPayload("a close reason is not UTF-8") from None
