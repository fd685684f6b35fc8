"""
Bytes for the tests of the wire, and ways to cut, feed, read and weigh them.

Frames are built and read here a second time, as RFC 6455 section 5.2 draws
them, so that no test asks the code that it tests for what it should say.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from types import FunctionType, ModuleType

from txws.wire.codes import Opcode
from txws.wire.connection import Connection
from txws.wire.contract import WireConnection
from txws.wire.events import Event
from txws.wire.frames import Frame
from txws.wire.states import Role

# The masking key of the examples in RFC 6455 section 5.7.
KEY = b"\x37\xfa\x21\x3d"

# What is not UTF-8, with how many of its bytes are good, and what a text that
# ends with it is called.
BAD_TEXTS = (
    (b"\x80", 0, "a continuation byte alone"),
    (b"\xc0\xaf", 0, "an overlong slash"),
    (b"\xc1\xbf", 0, "an overlong DEL"),
    (b"\xe0\x80\xaf", 1, "an overlong slash in three bytes"),
    (b"\xf0\x80\x80\xaf", 1, "an overlong slash in four bytes"),
    (b"\xed\xa0\x80", 1, "a high surrogate"),
    (b"\xed\xbf\xbf", 1, "a low surrogate"),
    (b"\xf4\x90\x80\x80", 1, "a code point above U+10FFFF"),
    (b"\xf5\x80\x80\x80", 0, "a first byte above F4"),
    (b"\xfe", 0, "FE"),
    (b"\xff", 0, "FF"),
    (b"\xc3\x28", 1, "two bytes, the second not a continuation"),
    (b"\xe2\x82\x28", 2, "three bytes, the third not a continuation"),
    (b"\xf0\x9f\x98\x28", 3, "four bytes, the fourth not a continuation"),
)
CUT_TEXTS = (b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98")


def splits(data: bytes) -> Iterator[list[bytes]]:
    """
    Cut bytes in the ways that matter: not at all, in two at every byte, and
    into single bytes.
    """
    yield [data]
    for position in range(1, len(data)):
        yield [data[:position], data[position:]]
    yield dribble(data)


def dribble(data: bytes) -> list[bytes]:
    """
    Cut bytes into single ones.
    """
    return [data[position : position + 1] for position in range(len(data))]


def xor(payload: bytes, maskingKey: bytes) -> bytes:
    """
    Mask a payload as RFC 6455 section 5.3 spells it.
    """
    size = len(payload)
    keys = maskingKey * -(-size // len(maskingKey))
    masked = int.from_bytes(payload, "big") ^ int.from_bytes(keys[:size], "big")
    return masked.to_bytes(size, "big")


def header(
    opcode: int,
    length: int,
    isFinal: bool = True,
    rsv: int = 0,
    isMasked: bool = False,
) -> bytes:
    """
    Build the header of a frame up to its masking key, right or wrong.
    """
    first = bytes([(0x80 if isFinal else 0) | rsv | opcode])
    masked = 0x80 if isMasked else 0
    if length < 126:
        return first + bytes([masked | length])
    if length < 1 << 16:
        return first + bytes([masked | 126]) + length.to_bytes(2, "big")
    return first + bytes([masked | 127]) + length.to_bytes(8, "big")


def frame(
    opcode: int,
    payload: bytes = b"",
    isFinal: bool = True,
    rsv: int = 0,
    isMasked: bool = False,
) -> bytes:
    """
    Build a frame, right or wrong.
    """
    head = header(opcode, len(payload), isFinal, rsv, isMasked)
    return head + KEY + xor(payload, KEY) if isMasked else head + payload


def peerFrame(
    role: Role,
    opcode: int,
    payload: bytes = b"",
    isFinal: bool = True,
    rsv: int = 0,
) -> bytes:
    """
    Build a frame as the peer of a role sends it: masked to servers.
    """
    return frame(opcode, payload, isFinal, rsv, isMasked=role is Role.SERVER)


def readFrames(data: bytes) -> list[Frame]:
    """
    Read frames that are all there, masked or not.
    """
    frames = []
    while data:
        first, second = data[:2]
        isMasked = second >= 0x80
        size = {126: 2, 127: 8}.get(second & 0x7F, 0)
        length = int.from_bytes(data[2 : 2 + size], "big") if size else second & 0x7F
        maskingKey = data[2 + size : 6 + size] if isMasked else b"\0"
        start = 2 + size + (4 if isMasked else 0)
        payload = data[start : start + length]
        if len(payload) != length:
            raise AssertionError(f"{length - len(payload)} bytes are missing")
        opcode = Opcode(first & 0x0F)
        frames.append(
            Frame(opcode, xor(payload, maskingKey), first >= 0x80, first & 0x70)
        )
        data = data[start + length :]
    return frames


def makeConnection(role: Role, **settings) -> Connection:
    """
    Make a connection whose masking keys are known.
    """
    settings.setdefault("generateKey", lambda: KEY)
    return Connection(role, **settings)


def receive(connection: WireConnection, *pieces: bytes) -> list[Event]:
    """
    Give a connection the peer's bytes, and collect what it makes of them.
    """
    events = []
    for piece in pieces:
        connection.receiveData(piece)
        events.extend(pendingEvents(connection))
    return events


def pendingEvents(connection: WireConnection) -> list[Event]:
    """
    Collect the events that a connection has in store.
    """
    return list(iter(connection.nextEvent, None))


def sentBytes(connection: WireConnection) -> bytes:
    """
    Fetch what a connection wants to be written.
    """
    return b"".join(connection.dataToSend())


def sentFrames(connection: Connection) -> list[Frame]:
    """
    Fetch what a connection wants to be written, as frames.
    """
    return readFrames(sentBytes(connection))


def exchange(first: Connection, second: Connection) -> tuple[list[Event], list[Event]]:
    """
    Carry bytes between two connections until both are silent.

    @return: the events of the first and those of the second.
    """
    events: tuple[list[Event], list[Event]] = ([], [])
    while first.pendingSize or second.pendingSize:
        events[1].extend(receive(second, sentBytes(first)))
        events[0].extend(receive(first, sentBytes(second)))
    return events


def keptSize(*roots: object) -> int:
    """
    Weigh the bytes that objects keep alive.
    """
    seen: set[int] = set()
    size = 0
    waiting: list[object] = list(roots)
    while waiting:
        kept = waiting.pop()
        if id(kept) in seen or isinstance(kept, (type, FunctionType, ModuleType)):
            continue
        seen.add(id(kept))
        if isinstance(kept, (bytes, bytearray)):
            size += len(kept)
        waiting.extend(gc.get_referents(kept))
    return size


class Markup(str):
    """
    Text of a kind of its own, as a library for templates may have it.
    """


class Digest(bytes):
    """
    Bytes of a kind of their own.
    """


def closeBody(code, reason=""):
    """
    Make the payload of a Close.
    """
    return code.to_bytes(2, "big") + reason.encode()
