"""
Masking of payloads, RFC 6455 section 5.3, by wsaccel's C loop.

The compiled wire has a loop of its own, which says the same.
"""

from __future__ import annotations

from wsaccel.xormask import XorMaskerSimple

__all__ = ["Masker", "mask", "unmask"]

# process(payload) -> bytes goes on where the last call stopped, so that a
# payload which arrives in pieces is unmasked in pieces.
Masker = XorMaskerSimple


def mask(payload: bytes | memoryview, maskingKey: bytes) -> bytes:
    """
    Mask a whole payload, or unmask it, which is the same.

    @param payload: the payload.
    @param maskingKey: four bytes.
    """
    masked: bytes = Masker(maskingKey).process(payload)
    return masked


def unmask(buffer: bytes, start: int, end: int) -> bytes:
    """
    Unmask a payload where it lies in what was received: right after its key.

    @param buffer: what was received.
    @param start: where the payload begins.
    @param end: where it ends.
    """
    unmasked: bytes = Masker(buffer[start - 4 : start]).process(buffer[start:end])
    return unmasked
