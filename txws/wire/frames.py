"""
Frames, RFC 6455 section 5: parsed from bytes that arrive in any pieces, and
serialized.

A frame is refused by its header, before a byte of its payload is kept.  The
payload of a data frame is handed on as it arrives: a frame of which only a
part has come is parsed as that part, followed by continuations.  RFC 6455
section 5.4 lets anyone between two applications refragment a message, so that
nothing above needs to know, and nothing here grows.
"""

from __future__ import annotations

from collections.abc import Iterator
from sys import maxsize
from typing import NamedTuple

from .codes import Opcode
from .errors import BadFrame, MessageTooBig
from .masking import Masker, mask, unmask
from .singleframes import textAt

__all__ = [
    "JOINED_PAYLOAD",
    "MAX_CONTROL_PAYLOAD",
    "RSV1",
    "RSV2",
    "RSV3",
    "Frame",
    "FrameParser",
    "serializeHeader",
]

RSV1 = 0x40
RSV2 = 0x20
RSV3 = 0x10

# RFC 6455 5.5: "All control frames MUST have a payload length of 125 bytes or
# less and MUST NOT be fragmented."
MAX_CONTROL_PAYLOAD = 125

# Up to here, in bytes, a copy is cheaper than one more piece to write.
JOINED_PAYLOAD = 4096

_FIN = 0x80
_ANY_RSV = RSV1 | RSV2 | RSV3
_OPCODE = 0x0F
_CONTROL = 0x08
_MASKED = 0x80
_LENGTH = 0x7F
_TWO_BYTE_LENGTH = 126
_EIGHT_BYTE_LENGTH = 127

# The first bytes of messages in one frame, without reserved bits.
_WHOLE_TEXT = _FIN | Opcode.TEXT
_WHOLE_BINARY = _FIN | Opcode.BINARY

# So many at once, that not much waits for an application that pauses.
_MOST_MESSAGES = 32

# DEFLATE needs at most a seventh more than it is given, and a few bytes for each
# part that can be inflated by itself.
_ENCODED_EXTRA = 64

_BYTES = tuple(bytes((byte,)) for byte in range(256))
_OPCODES = {opcode.value: opcode for opcode in Opcode}


class Frame(NamedTuple):
    """
    One frame, RFC 6455 section 5.2, its payload unmasked.

    @ivar opcode: what it carries.
    @ivar payload: its payload.
    @ivar isFinal: whether it is the last fragment of its message (FIN).
    @ivar rsv: the reserved bits that are set, of L{RSV1}, L{RSV2} and L{RSV3}.
    """

    opcode: Opcode
    payload: bytes
    isFinal: bool = True
    rsv: int = 0

    def serialize(self, maskingKey: bytes | None = None) -> bytes:
        """
        Serialize this frame.

        @param maskingKey: four bytes if a client sends it, L{None} if a server
            does.
        """
        header = serializeHeader(
            self.opcode, len(self.payload), self.isFinal, self.rsv, maskingKey
        )
        if maskingKey is None:
            return header + self.payload
        return header + mask(self.payload, maskingKey)

    def fragments(self, size: int) -> Iterator[Frame]:
        """
        Cut this frame into fragments, RFC 6455 section 5.4.

        @param size: the largest payload of one fragment, in bytes.
        @raise ValueError: if this is a control frame, which must not be
            fragmented, or if C{size} is less than 1.
        """
        if self.opcode & _CONTROL:
            raise ValueError(f"a {self.opcode.name} frame cannot be fragmented")
        if size < 1:
            raise ValueError(f"size must be at least 1 byte, not {size}")
        return self._cut(size)

    def _cut(self, size: int) -> Iterator[Frame]:
        opcode, rsv = self.opcode, self.rsv
        last = max(len(self.payload) - 1, 0) // size * size
        for start in range(0, last + 1, size):
            payload = self.payload[start : start + size]
            yield Frame(opcode, payload, self.isFinal and start == last, rsv)
            opcode, rsv = Opcode.CONTINUATION, 0


def serializeHeader(
    opcode: int, length: int, isFinal: bool, rsv: int, maskingKey: bytes | None
) -> bytes:
    """
    Serialize the header of a frame, RFC 6455 section 5.2.

    @param opcode: what the frame carries.
    @param length: the length of its payload, in bytes.
    @param isFinal: whether it ends its message.
    @param rsv: the reserved bits to set.
    @param maskingKey: four bytes, or L{None} for a frame that is not masked.
    """
    first = (_FIN if isFinal else 0) | rsv | opcode
    masked = 0 if maskingKey is None else _MASKED
    if length < _TWO_BYTE_LENGTH:
        header = _BYTES[first] + _BYTES[masked | length]
    elif length <= 0xFFFF:
        second = masked | _TWO_BYTE_LENGTH
        header = _BYTES[first] + _BYTES[second] + length.to_bytes(2, "big")
    else:
        second = masked | _EIGHT_BYTE_LENGTH
        header = _BYTES[first] + _BYTES[second] + length.to_bytes(8, "big")
    return header if maskingKey is None else header + maskingKey


class FrameParser:
    """
    Parses and checks the frames of one direction of one connection.

    Bytes go in by L{receiveData}, frames come out of L{nextFrame}, as many as
    are wanted: nothing is parsed before it is asked for.

    @ivar opcode: what the frame carries that was parsed last.
    @ivar isFinal: whether that is the last fragment of its message.
    @ivar rsv: its reserved bits.
    @ivar maxMessageSize: the most bytes in a message, or L{None} for no limit.
    @ivar hasMore: whether L{nextMessages} has left anything.
    """

    __slots__ = (
        "_arrived",
        "_buffer",
        "_continuationRSV",
        "_firstRSV",
        "_fragments",
        "_isInMessage",
        "_masked",
        "_masker",
        "_maxFragments",
        "_maxLength",
        "_messageRSV",
        "_messageSize",
        "_missing",
        "_nextIsFinal",
        "_nextOpcode",
        "_nextRSV",
        "_offset",
        "_whole",
        "hasMore",
        "isFinal",
        "maxMessageSize",
        "opcode",
        "rsv",
    )

    def __init__(
        self,
        isMasked: bool,
        *,
        maxMessageSize: int | None = None,
        maxFragments: int | None = None,
        firstRSV: int = 0,
        continuationRSV: int = 0,
        keepsFramesWhole: bool = False,
    ) -> None:
        """
        @param isMasked: whether the peer has to mask, RFC 6455 section 5.1:
            true on servers, false on clients.
        @param maxMessageSize: the most bytes of payload in one message, or
            L{None} for no limit.  One that extensions have worked on, as its
            reserved bits say, may have a seventh more, and 64 for each frame.
        @param maxFragments: the most frames in one message, or L{None} for no
            limit.
        @param firstRSV: the reserved bits that extensions have claimed on the
            first frame of a message.
        @param continuationRSV: the same, on its other frames.
        @param keepsFramesWhole: hand a data frame on only when all of it is
            there, for extensions that work on the peer's frames as they are.
        """
        self._masked = _MASKED if isMasked else 0
        self.maxMessageSize = maxMessageSize
        self._maxFragments = maxFragments
        self._firstRSV = firstRSV
        self._continuationRSV = continuationRSV
        self._whole = bytearray() if keepsFramesWhole else None
        # Of a message in one frame that no extension has worked on.
        self._maxLength = maxsize
        if maxMessageSize is not None:
            self._maxLength = min(maxMessageSize, maxsize)

        # What has been received: a buffer, parsed up to the offset, and what
        # came while there was a rest of it.
        self._buffer = b""
        self._offset = 0
        self._arrived: list[bytes] | None = None

        # The message that is on its way.
        self._isInMessage = False
        self._messageRSV = 0
        self._messageSize = 0
        self._fragments = 0

        # The data frame that is on its way, and how many bytes it is missing.
        self._missing = 0
        self._masker: Masker | None = None
        self._nextOpcode = 0
        self._nextIsFinal = False
        self._nextRSV = 0

        self.hasMore = False
        self.opcode = 0
        self.isFinal = False
        self.rsv = 0

    def receiveData(self, data: bytes | bytearray | memoryview) -> None:
        """
        Keep bytes for L{nextFrame}.

        @param data: any bytes, cut anywhere; they are copied unless they are
            immutable.
        @raise TypeError: if it is not like bytes.
        """
        if type(data) is not bytes:
            data = bytes(memoryview(data))
        self.hasMore = True
        if self._offset == len(self._buffer) and not self._arrived:
            self._buffer = data
            self._offset = 0
        else:
            self._arrived = self._arrived or []
            self._arrived.append(data)

    def nextMessages(self) -> list[str | bytes]:
        """
        Parse the messages that come next, as long as each is whole, in a frame of
        its own, and nothing comes between them: the short way of what most peers
        send most of the time.  Whatever is in doubt is left for L{nextPayload}.

        @return: some messages, text as L{str} and binary as L{bytes}; none if
            something else comes next, or nothing.
        """
        messages: list[str | bytes] = []
        if self._missing or self._isInMessage:
            return messages
        buffer, start, masked = self._buffer, self._offset, self._masked
        size, headerSize = len(buffer), 6 if masked else 2
        try:
            while start + headerSize <= size and len(messages) < _MOST_MESSAGES:
                first = buffer[start]
                # Larger than any, if it is not masked as it has to be.
                length = buffer[start + 1] ^ masked
                begin = start + headerSize
                isWhole = first == _WHOLE_TEXT or first == _WHOLE_BINARY  # noqa: PLR1714
                if not isWhole or length > _LENGTH:
                    break
                if length >= _TWO_BYTE_LENGTH:
                    more = 2 if length == _TWO_BYTE_LENGTH else 8
                    length = _parseLength(buffer, start + 2, more)
                    begin += more
                if not 0 <= length <= self._maxLength or length > size - begin:
                    break
                end = begin + length
                if first == _WHOLE_TEXT:
                    messages.append(textAt(buffer, begin, end, masked > 0))
                else:
                    messages.append(
                        unmask(buffer, begin, end) if masked else buffer[begin:end]
                    )
                start = end
        except (UnicodeDecodeError, BadFrame):
            # Whoever parses this one by itself will say what is wrong with it.
            pass
        self.hasMore = start < size or self._arrived is not None
        self._offset = start if self.hasMore else 0
        self._buffer = buffer if self.hasMore else b""
        return messages

    def nextFrame(self) -> Frame | None:
        """
        Parse the next frame, or the next part of a data frame.

        @return: L{None} when more bytes are needed.
        @raise BadFrame: if the next frame breaks RFC 6455 section 5.
        @raise MessageTooBig: if it exceeds a limit.
        """
        payload = self.nextPayload()
        return None if payload is None else self.frameOf(payload)

    def frameOf(self, payload: bytes) -> Frame:
        """
        Make the frame that was parsed last.

        @param payload: what L{nextPayload} has returned.
        """
        return Frame(_OPCODES[self.opcode], payload, self.isFinal, self.rsv)

    def nextPayload(self) -> bytes | None:
        """
        Do what L{nextFrame} does for whoever needs no L{Frame}: its payload is
        returned, the rest of it is in C{opcode}, C{isFinal} and C{rsv}.
        """
        while True:
            payload = self._parseMissing() if self._missing else self._parse()
            if payload is not None or not self._arrived:
                break
            self._buffer = b"".join((self._buffer[self._offset :], *self._arrived))
            self._offset = 0
            self._arrived = None
        if payload is None:
            # Not more is kept than a part of a header or of a control frame.
            self._buffer = self._buffer[self._offset :]
            self._offset = 0
        return payload

    def clear(self) -> None:
        """
        Drop what has been received and is not parsed.
        """
        self._buffer = b""
        self._offset = 0
        self._arrived = None
        self._whole = None

    def _parse(self) -> bytes | None:
        """
        Parse a frame from the buffer alone.
        """
        buffer = self._buffer
        start = self._offset + 2
        if start > len(buffer):
            return None
        first = buffer[start - 2]
        second = buffer[start - 1]
        isWhole = first == _WHOLE_TEXT or first == _WHOLE_BINARY  # noqa: PLR1714
        if not isWhole or self._isInMessage or second & _MASKED != self._masked:
            self._checkHeader(first, second)

        length = second & _LENGTH
        if length >= _TWO_BYTE_LENGTH:
            size = 2 if length == _TWO_BYTE_LENGTH else 8
            length = _parseLength(buffer, start, size)
            start += size
        if not isWhole or length > self._maxLength:
            self._checkLimits(first, length)
        start += 4 if self._masked else 0
        if length < 0 or start > len(buffer):
            return None
        if not isWhole:
            self._count(first, length)
        if length > len(buffer) - start:
            return self._begin(first, start, length)
        end = start + length
        self._offset = end
        self.opcode = first & _OPCODE
        self.isFinal = first >= _FIN
        self.rsv = first & _ANY_RSV
        return unmask(buffer, start, end) if self._masked else buffer[start:end]

    def _begin(self, first: int, start: int, length: int) -> bytes | None:
        """
        Parse a frame of which a part has yet to come: a data frame as far as
        it is there, a control frame not before it is whole.

        @param start: where its payload begins.
        """
        if first & _CONTROL:
            return None
        self._offset = start
        self._missing = length
        if self._masked:
            self._masker = Masker(self._buffer[start - 4 : start])
        self._nextOpcode = first & _OPCODE
        self._nextIsFinal = first >= _FIN
        self._nextRSV = first & _ANY_RSV
        return self._parseMissing()

    def _parseMissing(self) -> bytes | None:
        """
        Parse what the buffer holds of the data frame that is on its way.
        """
        piece = memoryview(self._buffer)[self._offset :][: self._missing]
        length = len(piece)
        if not length:
            return None
        self._offset += length
        self._missing -= length
        masker = self._masker
        payload = bytes(piece) if masker is None else masker.process(piece)
        if self._whole is not None:
            self._whole += payload
            if self._missing:
                return None
            payload = bytes(self._whole)
            self._whole.clear()

        self.opcode, self.rsv = self._nextOpcode, self._nextRSV
        self.isFinal = self._nextIsFinal and not self._missing
        self._nextOpcode = self._nextRSV = 0
        return payload

    def _count(self, first: int, length: int) -> None:
        """
        Count a frame as part of the message that is on its way.
        """
        if first & _CONTROL:
            return
        if first >= _FIN:
            self._isInMessage = False
            self._messageRSV = 0
            self._messageSize = 0
            self._fragments = 0
        else:
            self._isInMessage = True
            self._messageRSV |= first & _ANY_RSV
            self._messageSize += length
            self._fragments += 1

    def _checkHeader(self, first: int, second: int) -> None:
        """
        Check the first two bytes of a frame, RFC 6455 section 5.2.
        """
        opcode = first & _OPCODE
        if opcode not in _OPCODES:
            raise BadFrame(f"opcode {opcode:#x} is not defined")
        rsv = first & _ANY_RSV
        if rsv:
            self._checkRSV(opcode, rsv)
        if second & _MASKED != self._masked:
            # RFC 6455 5.1: "The server MUST close the connection upon
            # receiving a frame that is not masked. [...] A client MUST close
            # a connection if it detects a masked frame."
            raise BadFrame(
                "a client's frame is not masked"
                if self._masked
                else "a server's frame is masked"
            )
        if opcode & _CONTROL:
            if first < _FIN:
                raise BadFrame("a control frame is fragmented")
            if second & _LENGTH > MAX_CONTROL_PAYLOAD:
                raise BadFrame("a control frame has more than 125 bytes")
        elif self._isInMessage is not (opcode == Opcode.CONTINUATION):
            raise BadFrame(
                "a message begins inside another"
                if self._isInMessage
                else "a continuation has no message to continue"
            )

    def _checkRSV(self, opcode: int, rsv: int) -> None:
        """
        Check that each reserved bit has been claimed by an extension.
        """
        if opcode & _CONTROL:
            claimed = 0
        elif opcode == Opcode.CONTINUATION:
            claimed = self._continuationRSV
        else:
            claimed = self._firstRSV
        if rsv & ~claimed:
            raise BadFrame("a reserved bit is set that no extension has claimed")

    def _checkLimits(self, first: int, length: int) -> None:
        """
        Check that the message does not outgrow its limits with a frame.

        @param length: the length of its payload, or -1 if it is not known yet.
        """
        if first & _CONTROL:
            return
        limit = self.maxMessageSize
        if limit is not None and (first | self._messageRSV) & _ANY_RSV:
            # What an extension has made of random bytes is larger than they
            # are; how large it is afterwards is checked then.
            limit += limit // 7 + _ENCODED_EXTRA * (self._fragments + 1)
        # No sum, which a compiled one could overflow.
        if limit is not None and length > limit - self._messageSize:
            raise MessageTooBig(
                f"a message has more than {self.maxMessageSize} bytes (maxMessageSize)"
            )
        if self._maxFragments is not None and self._fragments >= self._maxFragments:
            raise MessageTooBig(
                f"a message has more than {self._maxFragments} fragments (maxFragments)"
            )


def _parseLength(buffer: bytes, start: int, size: int) -> int:
    """
    Parse an extended payload length, RFC 6455 section 5.2.

    @param start: where it begins.
    @param size: in how many bytes it is written.
    @return: -1 when more bytes are needed.
    """
    if start + size > len(buffer):
        return -1
    length = buffer[start]
    if size > 2 and length >= _FIN:
        # "... the most significant bit MUST be 0"
        raise BadFrame("a payload length has its top bit set")
    for place in range(start + 1, start + size):
        length = length << 8 | buffer[place]
    if length < _TWO_BYTE_LENGTH or (size > 2 and length <= 0xFFFF):
        # "... the minimal number of bytes MUST be used to encode the length"
        raise BadFrame("a payload length is longer than it needs to be")
    return length
