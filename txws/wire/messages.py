"""
Messages, RFC 6455 section 5.4 and 5.6, put together from the frames that
L{txws.wire.frames} has let through, or handed on part by part.

A message that is on its way is kept in few pieces, however small its fragments;
text is decoded as it arrives, so that it fails on its first bad byte.
"""

from __future__ import annotations

from codecs import IncrementalDecoder, getincrementaldecoder
from typing import Any

from .codes import Opcode
from .errors import BadPayload, MessageTooBig
from .events import (
    BytesFragmentReceived,
    BytesMessageReceived,
    MessageEvent,
    TextFragmentReceived,
    TextMessageReceived,
)

__all__ = ["FragmentReader", "MessageAssembler"]

_UTF8Decoder = getincrementaldecoder("utf-8")

_TEXT = Opcode.TEXT.value

# So many pieces become one.
_FEW = 256


class MessageAssembler:
    """
    Puts the messages of one direction of one connection together.
    """

    __slots__ = ("_decoder", "_maxMessageSize", "_message", "_size")

    def __init__(self, maxMessageSize: int | None = None) -> None:
        """
        @param maxMessageSize: the most bytes in one message after extensions
            have worked on it, or L{None} for no limit.
        """
        self._maxMessageSize = maxMessageSize
        # The message that is on its way, how many bytes have come of it, and what
        # decodes its text.
        self._message: Pieces | None = None
        self._size = 0
        self._decoder: IncrementalDecoder | None = None

    def receiveFrame(
        self, opcode: int, payload: bytes, isFinal: bool
    ) -> MessageEvent | None:
        """
        Add a data frame.

        @param opcode: what the frame carries, as extensions have left it.
        @param payload: its payload.
        @param isFinal: whether it ends its message.
        @return: the message if the frame ends it.
        @raise BadPayload: if a text message is not UTF-8.
        @raise MessageTooBig: if a message exceeds the limit.
        """
        if self._message is None:
            if isFinal:
                return self._receiveWhole(opcode, payload)
            isText = opcode == _TEXT
            self._message = Pieces("" if isText else b"")
            self._decoder = _UTF8Decoder() if isText else None
        return self._receiveFragment(self._message, payload, isFinal)

    def clear(self) -> None:
        """
        Drop the message that is on its way.
        """
        self._message = None
        self._size = 0
        self._decoder = None

    def _receiveWhole(self, opcode: int, payload: bytes) -> MessageEvent:
        """
        Take a message of one frame.
        """
        _checkSize(len(payload), self._maxMessageSize)
        if opcode != _TEXT:
            return BytesMessageReceived(payload)
        try:
            return TextMessageReceived(payload.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise _badText(error.start) from None

    def _receiveFragment(
        self, message: Pieces, payload: bytes, isFinal: bool
    ) -> MessageEvent | None:
        """
        Add a fragment to the message that is on its way.
        """
        self._size += len(payload)
        _checkSize(self._size, self._maxMessageSize)
        decoder = self._decoder
        if decoder is None:
            message.append(payload)
        else:
            message.append(_decodeText(decoder, payload, isFinal, self._size))
        if not isFinal:
            return None
        self.clear()
        whole = message.join()
        kind = BytesMessageReceived if decoder is None else TextMessageReceived
        return kind(whole)


class Pieces:
    """
    Bytes or text that grows, in few pieces.

    None is copied to make room, for large ones cost more than all else that is
    done with a message; many small ones become one.
    """

    __slots__ = ("_empty", "_large", "_latest")

    def __init__(self, empty: Any) -> None:
        """
        @param empty: nothing, of the kind that the pieces are of.
        """
        self._empty = empty
        self._large: list[Any] = []
        self._latest: list[Any] = []

    def append(self, piece: Any) -> None:
        """
        Add a piece.
        """
        if piece:
            self._latest.append(piece)
            if len(self._latest) == _FEW:
                self._large.append(self._empty.join(self._latest))
                self._latest.clear()

    def join(self) -> Any:
        """
        Put all together.
        """
        return self._empty.join(self._large + self._latest)


class FragmentReader(MessageAssembler):
    """
    Hands the messages of one direction of one connection on in parts, as they
    arrive: nothing is kept but the beginning of a character.
    """

    __slots__ = ("_isInMessage",)

    def __init__(self, maxMessageSize: int | None = None) -> None:
        """
        @param maxMessageSize: as for L{MessageAssembler}.
        """
        super().__init__(maxMessageSize)
        self._isInMessage = False

    def receiveFrame(
        self, opcode: int, payload: bytes, isFinal: bool
    ) -> MessageEvent | None:
        """
        Take a data frame, as L{MessageAssembler.receiveFrame} does.

        @return: what is new; L{None} if there is nothing.
        """
        if not self._isInMessage:
            self._size = 0
            self._decoder = _UTF8Decoder() if opcode == _TEXT else None
        self._isInMessage = not isFinal
        self._size += len(payload)
        _checkSize(self._size, self._maxMessageSize)
        if self._decoder is None:
            if payload or isFinal:
                return BytesFragmentReceived(payload, isFinal)
            return None
        text = _decodeText(self._decoder, payload, isFinal, self._size)
        if text or isFinal:
            return TextFragmentReceived(text, isFinal)
        return None


def _checkSize(size: int, limit: int | None) -> None:
    """
    Check the size of a message against the limit.
    """
    if limit is not None and size > limit:
        raise MessageTooBig(f"a message has more than {limit} bytes (maxMessageSize)")


def _decodeText(
    decoder: IncrementalDecoder, payload: bytes, isFinal: bool, size: int
) -> str:
    """
    Decode a fragment of text, and check that it goes on as UTF-8.

    @param size: the size of the message with this fragment.
    """
    try:
        text = decoder.decode(payload, isFinal)
    except UnicodeDecodeError as error:
        raise _badText(size - len(error.object) + error.start) from None
    # Two bytes show that a surrogate begins; the decoder waits for the third.
    rest = decoder.getstate()[0]
    if b"\xed\xa0" <= rest < b"\xee":
        raise _badText(size - len(rest))
    return text


def _badText(position: int) -> BadPayload:
    """
    Say which character of a text is not UTF-8, RFC 6455 section 8.1.
    """
    return BadPayload(f"a text message is not UTF-8 at byte {position}")
