"""
Messages in one frame, RFC 6455 section 5.2: the short way of most messages.
"""

from __future__ import annotations

from .masking import Masker

__all__ = ["serializeMessage", "textAt"]

# The headers of short messages that are not masked.
_SHORT = 126
_TEXT = tuple(bytes((0x81, length)) for length in range(_SHORT))
_BINARY = tuple(bytes((0x82, length)) for length in range(_SHORT))


def textAt(buffer: bytes, start: int, end: int, isMasked: bool) -> str:
    """
    Decode a text where it lies in what was received: right after its key, if it is
    masked.

    @raise UnicodeDecodeError: if it is not UTF-8.
    """
    data = buffer[start:end]
    unmasked = Masker(buffer[start - 4 : start]).process(data) if isMasked else data
    return unmasked.decode("utf-8")


def serializeMessage(message: str | bytes) -> bytes:
    """
    Serialize a message of up to 65,535 bytes in one frame that is not masked.

    @raise OverflowError: if it has more.
    @raise UnicodeEncodeError: if it has surrogates, which UTF-8 cannot say.
    """
    if isinstance(message, str):
        headers, payload = _TEXT, str.encode(message)
    else:
        headers, payload = _BINARY, message
    length = len(payload)
    if length < _SHORT:
        return headers[length] + payload
    return b"%c\x7e%b%b" % (headers[0][0], length.to_bytes(2, "big"), payload)
