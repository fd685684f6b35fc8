"""
DEFLATE streams as peers make them, right and wrong, for the tests of
compression.
"""

from __future__ import annotations

import zlib

# RFC 7692 section 7.2.3.
HELLO = bytes.fromhex("f248cdc9c90700")
HELLO_AGAIN = bytes.fromhex("f200110000")
HELLO_STORED = bytes.fromhex("000500faff48656c6c6f00")
HELLO_FINAL = bytes.fromhex("f348cdc9c9070000")
HELLO_TWO_BLOCKS = bytes.fromhex("f248050000 00ffffcac9c90700".replace(" ", ""))

TAIL = b"\x00\x00\xff\xff"


def compress(data: bytes, windowBits: int = 15, level: int = 9) -> bytes:
    """
    Compress a message as RFC 7692 section 7.2.1 spells it.
    """
    stream = zlib.compressobj(level, zlib.DEFLATED, -windowBits)
    compressed = stream.compress(data) + stream.flush(zlib.Z_SYNC_FLUSH)
    return compressed.removesuffix(TAIL)


def decompress(*messages: bytes, windowBits: int = 15) -> list[bytes]:
    """
    Inflate messages as RFC 7692 section 7.2.2 spells it, byte by byte, so that
    the window counts, not what zlib happens to have at hand.
    """
    stream = zlib.decompressobj(-windowBits)
    inflated = []
    for message in messages:
        result, rest = b"", message + TAIL
        while chunk := stream.decompress(rest, 1):
            result += chunk
            rest = stream.unconsumed_tail
        inflated.append(result)
    return inflated


def bomb(size: int) -> bytes:
    """
    Make a message that is a thousand times as large when it is inflated.
    """
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = bytes(1 << 20)
    pieces = [stream.compress(block) for _ in range(size >> 20)]
    return b"".join((*pieces, stream.flush(zlib.Z_SYNC_FLUSH))).removesuffix(TAIL)
