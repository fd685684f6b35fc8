"""
Masking of payloads, RFC 6455 section 5.3, by wsaccel's C loop.
"""

from __future__ import annotations

from wsaccel.xormask import XorMaskerSimple

__all__ = ["Masker", "mask"]

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
