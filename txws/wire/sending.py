"""
The sending half of a connection, RFC 6455 sections 5 and 6: calls in, frames out.

What is sent is kept until it is fetched, so that everything that one turn causes
can leave in one write.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from secrets import token_bytes

from .codes import Opcode
from .contract import WireConnection
from .errors import ConnectionStateError
from .extensions import IExtension, checkPayload
from .frames import JOINED_PAYLOAD, MAX_CONTROL_PAYLOAD, Frame, serializeHeader
from .masking import mask
from .prepared import PreparedMessage, SharedFrame, sharingKeyOf
from .singleframes import serializeMessage
from .states import ConnectionState, Direction, Role

__all__ = ["SendingHalf"]

# Looking up a member of an Enum takes as long as a call.
_OPEN = ConnectionState.OPEN
_CLOSE_SENT = ConnectionState.CLOSE_SENT
_TEXT = Opcode.TEXT
_BINARY = Opcode.BINARY

# RFC 6455 section 5.3: a masking key is "... derived from a strong source of entropy".
_generateKey = partial(token_bytes, 4)


class SendingHalf(WireConnection):
    """
    What sends on one connection; L{Connection<txws.wire.connection.Connection>} is
    this and the rest of it.
    """

    __slots__ = (
        "_begun",
        "_extensions",
        "_firstOutgoing",
        "_fragmentSize",
        "_generateKey",
        "_isCutFirst",
        "_isLatestAnswer",
        "_isPlain",
        "_isShortened",
        "_latestPong",
        "_observer",
        "_outgoing",
        "_sharingKey",
    )

    def __init__(
        self,
        role: Role,
        extensions: Sequence[IExtension],
        fragmentSize: int | None,
        generateKey: Callable[[], bytes] | None,
        observer: Callable[[Direction, Frame], None] | None,
    ) -> None:
        """
        See L{Connection<txws.wire.connection.Connection>}.
        """
        if fragmentSize is not None and fragmentSize < 1:
            raise ValueError(f"fragmentSize must be at least 1, not {fragmentSize}")
        super().__init__()
        self._extensions = tuple(extensions)
        self._isCutFirst = any(each.isPerFrame for each in self._extensions)
        self._fragmentSize = fragmentSize
        # Whether nobody is to see the frames of messages.
        self._isPlain = not self._extensions and observer is None
        # Whether short ones go out in a shorter way.
        self._isShortened = self._isPlain and role is Role.SERVER and not fragmentSize
        self._generateKey = None
        self._sharingKey = sharingKeyOf(self._extensions)
        if role is Role.CLIENT:
            self._generateKey = generateKey or _generateKey
            self._sharingKey = None
        self._observer = observer
        # Of the message that is being sent in fragments.
        self._begun: Opcode | None = None
        # What is to be fetched, from the first on that is not.
        self._outgoing: list[bytes] = []
        self._firstOutgoing = 0
        self._latestPong: bytes | None = None
        self._isLatestAnswer = False

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
        if type(message) is not str:
            if not isinstance(message, str):
                raise TypeError(f"message must be str, not {type(message).__name__}")
            # What is derived from it may say that it has another length.
            message = str.__str__(message)
        self._sendMessage(message, compress)

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
        self._sendMessage(data, compress)

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
        Send a fragment of a binary message, as L{sendTextFragment} does of a text.

        @param data: the fragment; it is copied unless it is immutable.
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
        if self.state is not _OPEN or self._begun is not None:
            self._refuseMessage()
        if self._isShortened:
            self._outgoing.extend(message.pieces)
            self.pendingSize += message.size
            return
        key, size, frame = self._sharingKey, self._fragmentSize, message.frame
        isLong = size is not None and len(frame.payload) > size
        if key is None or (self._isCutFirst and isLong):
            self._sendPayload(frame.opcode, frame.payload, message.compress)
            return
        try:
            shared = message.serializedFor(key, self._extensions)
        except Exception:
            self._extensionFailed()
            raise
        self._queueShared(shared)

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

    def _sendMessage(self, message: str | bytes, compress: bool | None) -> None:
        """
        Send a message, in a shorter way if there is one.
        """
        if self.state is not _OPEN or self._begun is not None:
            self._refuseMessage()
        if self._isShortened and len(message) <= JOINED_PAYLOAD:
            frame = serializeMessage(message)
            self._outgoing.append(frame)
            self.pendingSize += len(frame)
        elif isinstance(message, str):
            self._sendPayload(_TEXT, str.encode(message), compress)
        else:
            self._sendPayload(_BINARY, message, compress)

    def _sendPayload(
        self, opcode: Opcode, payload: bytes, compress: bool | None
    ) -> None:
        """
        Send a message in one frame, or in fragments if it is long.
        """
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

    def _queueShared(self, shared: SharedFrame) -> None:
        """
        Show a frame that others have serialized to the observer.
        """
        frame, size = shared.frame, self._fragmentSize
        if size is not None and len(frame.payload) > size and not self._isCutFirst:
            for fragment in frame.fragments(size):
                self._queue(fragment)
            return
        if self._observer is not None:
            self._observer(Direction.SENT, frame)
        self._outgoing.extend(shared.pieces)
        self.pendingSize += shared.size

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
            checkPayload(frame.payload)
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

    def _refuseMessage(self) -> None:
        """
        Say why this end may not send a message now.
        """
        self._checkOpen("sending a message")
        raise ConnectionStateError(self.state.value, "mixing two messages")

    def _checkOpen(self, act: str) -> None:
        """
        Check that this end may still send.
        """
        if self.state is not _OPEN:
            raise ConnectionStateError(self.state.value, act)

    def _extensionFailed(self) -> None:
        """
        Fail the connection, for an extension has raised.
        """
        raise NotImplementedError


def _isHeader(piece: bytes) -> bool:
    """
    Tell whether a piece of what is sent is a header whose payload comes next;
    all others end a frame.
    """
    # The length says that more than 125 bytes follow, and they are not there.
    return piece[1] & 0x7F >= 126 and len(piece) <= 14
