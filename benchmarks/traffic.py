"""
What the load sends: opening handshakes, and masked frames.
"""

from __future__ import annotations

import json
import zlib
from random import Random

__all__ = ["makeDocuments", "makeRequest", "makeText", "serialize", "serializeDeflated"]

_KEY = bytes.fromhex("37fa213d")
_MASKED = 0x80
_TEXT = 0x81
_COMPRESSED_TEXT = 0xC1


def makeRequest(extensions: str = "") -> bytes:
    """
    Make an opening handshake, as a browser would.

    @param extensions: what is offered, if anything.
    """
    lines = [
        "GET /ws HTTP/1.1",
        "Host: localhost",
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101",
        "Accept: */*",
        "Accept-Language: en",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Connection: Upgrade",
        "Pragma: no-cache",
        "Cache-Control: no-cache",
        "Upgrade: websocket",
    ]
    if extensions:
        lines.append(f"Sec-WebSocket-Extensions: {extensions}")
    return "\r\n".join((*lines, "", "")).encode()


def makeText(size: int) -> bytes:
    """
    Make plain text.

    @param size: in bytes.
    """
    line = b"The quick brown fox jumps over the lazy dog, 1234567890 times.\n"
    return (line * (size // len(line) + 1))[:size]


def makeDocuments(count: int, size: int) -> list[bytes]:
    """
    Make JSON documents such as feeds send, each another.

    @param size: in bytes, of each.
    """
    random = Random(0)  # The same ones each time.
    names = ("price", "volume", "bid", "ask", "high", "low")
    documents = []
    for number in range(count):
        rows: list[dict[str, object]] = []
        while len(text := json.dumps({"sequence": number, "rows": rows})) < size:
            row = {name: round(random.uniform(1, 500), 2) for name in names}
            rows.append({"symbol": "".join(random.choices("ABCDEFG", k=4)), **row})
        documents.append(text[:size].encode())
    return documents


def serialize(payload: bytes, first: int = _TEXT) -> bytes:
    """
    Make a text frame.

    @param first: its first byte.
    """
    size = len(payload)
    if size < 126:
        header = bytes((first, _MASKED | size))
    elif size < 1 << 16:
        header = bytes((first, _MASKED | 126)) + size.to_bytes(2, "big")
    else:
        header = bytes((first, _MASKED | 127)) + size.to_bytes(8, "big")
    return header + _KEY + _mask(payload)


def serializeDeflated(payload: bytes) -> bytes:
    """
    Make a compressed text frame, RFC 7692, that looks back into no other, so
    that frames can be sent in any order.
    """
    compressor = zlib.compressobj(wbits=-12)
    data = compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)
    return serialize(data.removesuffix(b"\x00\x00\xff\xff"), _COMPRESSED_TEXT)


def _mask(payload: bytes) -> bytes:
    """
    Mask a payload, RFC 6455 section 5.3.
    """
    size = len(payload)
    key = (_KEY * (size // 4 + 1))[:size]
    masked = int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")
    return masked.to_bytes(size, "big")
