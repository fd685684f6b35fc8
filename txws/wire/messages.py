"""
Messages, RFC 6455 section 5.4 and 5.6, put together from the frames that
L{txws.wire.frames} has let through.

One growing buffer holds a message that is on its way, however small its
fragments; text is checked as it arrives, so that it fails on its first bad
byte.
"""

from __future__ import annotations

from codecs import IncrementalDecoder, getincrementaldecoder

from .codes import Opcode
from .errors import BadPayload, MessageTooBig
from .events import BytesMessageReceived, MessageEvent, TextMessageReceived
from .frames import Frame

__all__ = ["MessageAssembler"]

_UTF8Decoder = getincrementaldecoder("utf-8")


class MessageAssembler:
    """
    Puts the messages of one direction of one connection together.
    """

    __slots__ = ("_decoder", "_maxMessageSize", "_payload")

    def __init__(self, maxMessageSize: int | None = None) -> None:
        """
        @param maxMessageSize: the most bytes in one message after extensions
            have worked on it, or L{None} for no limit.
        """
        self._maxMessageSize = maxMessageSize
        # The message that is on its way, and the check of its text.
        self._payload: bytearray | None = None
        self._decoder: IncrementalDecoder | None = None

    def receiveFrame(self, frame: Frame) -> MessageEvent | None:
        """
        Add a data frame.

        @param frame: the frame, as extensions have left it.
        @return: the message if the frame ends it.
        @raise BadPayload: if a text message is not UTF-8.
        @raise MessageTooBig: if a message exceeds the limit.
        """
        if self._payload is None:
            if frame.isFinal:
                return self._receiveWhole(frame)
            self._payload = bytearray()
            if frame.opcode is Opcode.TEXT:
                self._decoder = _UTF8Decoder()
        return self._receiveFragment(self._payload, frame)

    def clear(self) -> None:
        """
        Drop the message that is on its way.
        """
        self._payload = None
        self._decoder = None

    def _receiveWhole(self, frame: Frame) -> MessageEvent:
        """
        Take a message of one frame.
        """
        self._checkSize(len(frame.payload))
        if frame.opcode is not Opcode.TEXT:
            return BytesMessageReceived(frame.payload)
        try:
            return TextMessageReceived(str(frame.payload, "utf-8"))
        except UnicodeDecodeError as error:
            raise _badText(error.start) from None

    def _receiveFragment(self, payload: bytearray, frame: Frame) -> MessageEvent | None:
        """
        Add a fragment to the message that is on its way.
        """
        size = len(payload) + len(frame.payload)
        self._checkSize(size)
        decoder = self._decoder
        if decoder is not None:
            _checkText(decoder, frame, size)
        payload += frame.payload
        if not frame.isFinal:
            return None
        self._payload = None
        self._decoder = None
        if decoder is None:
            return BytesMessageReceived(bytes(payload))
        return TextMessageReceived(str(payload, "utf-8"))

    def _checkSize(self, size: int) -> None:
        """
        Check the size of a message against the limit.
        """
        if self._maxMessageSize is not None and size > self._maxMessageSize:
            raise MessageTooBig(
                f"a message has more than {self._maxMessageSize} bytes (maxMessageSize)"
            )


def _checkText(decoder: IncrementalDecoder, frame: Frame, size: int) -> None:
    """
    Check that a fragment of text goes on as UTF-8.

    @param size: the size of the message with this fragment.
    """
    try:
        decoder.decode(frame.payload, frame.isFinal)
    except UnicodeDecodeError as error:
        raise _badText(size - len(error.object) + error.start) from None
    # Two bytes show that a surrogate begins; the decoder waits for the third.
    rest = decoder.getstate()[0]
    if b"\xed\xa0" <= rest < b"\xee":
        raise _badText(size - len(rest))


def _badText(position: int) -> BadPayload:
    """
    Say which character of a text is not UTF-8, RFC 6455 section 8.1.
    """
    return BadPayload(f"a text message is not UTF-8 at byte {position}")
