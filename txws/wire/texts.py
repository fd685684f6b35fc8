"""
Text in payloads, RFC 6455 section 5.6, by the interpreter's own decoder.
"""

from __future__ import annotations

from .masking import unmask

__all__ = ["frameText", "textAt"]

# The headers of short texts in one frame that is not masked, section 5.2.
_SHORT_HEADERS = tuple(bytes((0x81, length)) for length in range(126))


def textAt(buffer: bytes, start: int, end: int, isMasked: bool) -> str:
    """
    Decode a text where it lies in what was received: right after its key, if it is
    masked.

    @raise UnicodeDecodeError: if it is not UTF-8.
    """
    payload = unmask(buffer, start, end) if isMasked else buffer[start:end]
    return payload.decode("utf-8")


def frameText(text: str) -> bytes:
    """
    Serialize a text message of up to 65,535 bytes in one frame that is not masked.

    @raise OverflowError: if it has more.
    @raise UnicodeEncodeError: if it has surrogates, which UTF-8 cannot say.
    """
    payload = str.encode(text)
    length = len(payload)
    if length < len(_SHORT_HEADERS):
        return _SHORT_HEADERS[length] + payload
    return b"\x81\x7e%b%b" % (length.to_bytes(2, "big"), payload)
