"""
DEFLATE streams, RFC 1951, as WebSocket extensions use them (RFC 7692 section
7.2): what L{txws.wire.deflate} and L{txws.wire.deflateframe} have in common.

What comes in is inflated in pieces, and only as far as a message may grow; a
few bytes may stand for a thousand times as many.

It is zlib that inflates.  What goes out may be compressed by Intel's ISA-L, if the
extra C{isal} is installed.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any

from .codes import Opcode
from .errors import BadCompression, MessageTooBig
from .frames import RSV1, Frame

__all__ = [
    "CHUNK_SIZE",
    "ISAL",
    "LARGEST_WINDOW",
    "SMALLEST_WINDOW",
    "Deflater",
    "Deflation",
    "Inflater",
    "checkBoolean",
    "checkNumber",
    "findLibrary",
    "inflateFrame",
    "parseWindowBits",
]

SMALLEST_WINDOW = 8
LARGEST_WINDOW = 15

# The most bytes that are inflated at a time.
CHUNK_SIZE = 64 * 1024

# Of what is inflated, zlib copies the rest at each step.
_SLICE_SIZE = 16 * 1024

# RFC 7692 7.2.1: "Remove 4 octets (that are 0x00 0x00 0xff 0xff) from the tail
# end."
_TAIL = b"\x00\x00\xff\xff"

# RFC 7692 7.2.3.6: "the compressed data for an empty uncompressed buffer", which
# also goes on where an earlier fragment has ended.
_NOTHING = b"\x00"

# zlib has no raw streams with a window of 256 bytes, but with one of 512 it
# looks back no further than 250: 262 less, deflate.h's MIN_LOOKAHEAD.
_SMALLEST_OF_ZLIB = 9

# Each begins a stream of its own, which takes more time than it takes bytes.
_MAX_STREAMS = 4096

# The levels of ISA-L that stand in for zlib's.  Where messages look back, ISA-L's
# are a tenth larger, and its best level takes three times the memory; so there it
# is only used for who has chosen speed.
_LEVELS_OF_ISAL = {-1: 3, 1: 1, 2: 3, 3: 3, 4: 3, 5: 3, 6: 3}
_KEPT_LEVELS_OF_ISAL = {1: 1}


def findLibrary(name: str) -> Any | None:
    """
    Import a library that has the functions of zlib.

    @param name: the name of its module.
    @return: L{None} if it is not installed.
    """
    try:
        return import_module(name)
    except ImportError:
        return None


ISAL = findLibrary("isal.isal_zlib")


class Deflater:
    """
    Compresses what one side of a connection sends.

    The state of zlib is made when it is first needed.
    """

    __slots__ = (
        "_isKept",
        "_level",
        "_library",
        "_memoryLevel",
        "_stream",
        "_windowBits",
    )

    def __init__(
        self,
        windowBits: int,
        level: int,
        memoryLevel: int,
        isKept: bool,
        isal: Any | None = ISAL,
    ) -> None:
        """
        @param windowBits: how far it may look back: so many bits, from 8 to 15.
        @param level: how hard it tries, from 0 to 9; -1 for zlib's own choice.
        @param memoryLevel: how much memory it takes to be fast, from 1 to 9.
        @param isKept: whether it may look back into earlier messages (context
            takeover).
        @param isal: the library that takes the place of zlib where it is better,
            or L{None}.
        """
        self._windowBits = max(windowBits, _SMALLEST_OF_ZLIB)
        self._level = level
        self._library: Any = zlib
        levels = _KEPT_LEVELS_OF_ISAL if isKept else _LEVELS_OF_ISAL
        # It would look back into all of the window that is not the smallest.
        if isal is not None and level in levels and windowBits == self._windowBits:
            self._library, self._level = isal, levels[level]
        self._memoryLevel = memoryLevel
        self._isKept = isKept
        self._stream: Any | None = None

    def deflate(self, data: bytes, isFinal: bool) -> bytes:
        """
        Compress a message, or a part of one; the peer can inflate all of it.

        @param data: the part.
        @param isFinal: whether it ends the message.
        """
        deflated: bytes
        if not data:
            deflated = _NOTHING if isFinal else b""
        else:
            stream = self._stream
            if stream is None:
                stream = self._stream = self._library.compressobj(
                    self._level, zlib.DEFLATED, -self._windowBits, self._memoryLevel
                )
            deflated = stream.compress(data) + stream.flush(zlib.Z_SYNC_FLUSH)
            if isFinal:
                deflated = deflated[: -len(_TAIL)]
        if isFinal and not self._isKept:
            self._stream = None
        return deflated

    def release(self) -> None:
        """
        Give the memory back: what comes next does not look back.
        """
        # What was flushed ends between two bytes, where a new stream can begin.
        self._stream = None


class Inflater:
    """
    Inflates what one side of a connection receives.
    """

    __slots__ = (
        "_isKept",
        "_maxMessageSize",
        "_size",
        "_stream",
        "_streams",
        "_windowBits",
    )

    def __init__(
        self, windowBits: int, isKept: bool, maxMessageSize: int | None
    ) -> None:
        """
        @param windowBits: how far the peer may look back: so many bits, from 8
            to 15.
        @param isKept: whether it may look back into earlier messages.
        @param maxMessageSize: the most bytes in an inflated message, or L{None}
            for no limit.
        """
        # Old versions of zlib take 9 for 8, and say nothing.
        self._windowBits = max(windowBits, _SMALLEST_OF_ZLIB)
        self._isKept = isKept
        self._maxMessageSize = maxMessageSize
        self._stream: zlib._Decompress | None = None
        # Of the message that is on its way.
        self._size = 0
        self._streams = 0

    def inflate(self, data: bytes, isFinal: bool) -> Iterable[bytes]:
        """
        Inflate a message, or a part of one.

        @param data: the part.
        @param isFinal: whether it ends the message.
        @return: what is in it, in pieces of at most L{CHUNK_SIZE}; to be read
            to its end before the next call, and only once.
        @raise BadCompression: if it is not what DEFLATE makes; also when the
            pieces are read.
        @raise MessageTooBig: if the message exceeds the limit; likewise.
        """
        if len(data) > _SLICE_SIZE:
            return self._inflateSlices(data, isFinal)
        if isFinal:
            data += _TAIL
        chunk, rest = self._step(data)
        if rest is not None:
            return self._inflateRest(chunk, rest, isFinal)
        if isFinal:
            self._finish()
        return (chunk,)

    def _inflateSlices(self, data: bytes, isFinal: bool) -> Iterator[bytes]:
        """
        Inflate a large part.
        """
        for start in range(0, len(data), _SLICE_SIZE):
            yield from self._inflateRest(b"", data[start : start + _SLICE_SIZE], False)
        if isFinal:
            yield from self._inflateRest(b"", _TAIL, True)

    def _inflateRest(
        self, chunk: bytes, rest: bytes | None, isFinal: bool
    ) -> Iterator[bytes]:
        """
        Go on to inflate.

        @param chunk: what has been inflated already.
        @param rest: what has not.
        """
        while True:
            if chunk:
                yield chunk
            if rest is None:
                break
            chunk, rest = self._step(rest)
        if isFinal:
            self._finish()

    def _step(self, data: bytes) -> tuple[bytes, bytes | None]:
        """
        Inflate one piece.

        @return: the piece, and what is to be inflated next: L{None} if nothing
            is left, not even inside of zlib.
        """
        stream = self._stream
        if stream is None:
            stream = self._stream = zlib.decompressobj(-self._windowBits)
        room = CHUNK_SIZE
        limit = self._maxMessageSize
        if limit is not None:
            room = min(room, limit - self._size + 1)
        try:
            chunk = stream.decompress(data, room)
        except zlib.error:
            raise BadCompression("a compressed message is corrupt") from None
        self._size += len(chunk)
        if limit is not None and self._size > limit:
            raise MessageTooBig(
                f"a message has more than {limit} bytes when it is inflated "
                "(maxMessageSize)"
            )
        if stream.eof:
            return chunk, self._begin(stream.unused_data)
        rest = stream.unconsumed_tail
        return chunk, rest if rest or len(chunk) == room else None

    def _begin(self, rest: bytes) -> bytes | None:
        """
        Begin another stream: RFC 7692 section 7.2.3.4 allows a peer to end the
        one before in the middle of a message.

        @param rest: what follows.
        """
        self._stream = None
        self._streams += 1
        if self._streams > _MAX_STREAMS:
            raise BadCompression("a compressed message begins again too often")
        return rest or None

    def _finish(self) -> None:
        """
        A message is complete.
        """
        # Whoever ends a stream has begun a new one, with nothing to look back to.
        if self._streams or not self._isKept:
            self._stream = None
        self._size = 0
        self._streams = 0


class Deflation:
    """
    DEFLATE at work on one connection.
    """

    __slots__ = ("_deflater", "_inflater", "_threshold")

    rsv = RSV1

    def __init__(self, deflater: Deflater, inflater: Inflater, threshold: int) -> None:
        """
        @param deflater: compresses what is sent.
        @param inflater: inflates what is received.
        @param threshold: what has fewer bytes is not compressed.
        """
        self._deflater = deflater
        self._inflater = inflater
        self._threshold = threshold

    def release(self) -> None:
        """
        See L{IReleasable<txws.wire.extensions.IReleasable>}.
        """
        self._deflater.release()


def inflateFrame(frame: Frame, inflater: Inflater, isFinal: bool) -> Iterable[Frame]:
    """
    Inflate the payload of a frame.

    @param frame: the frame.
    @param inflater: what inflates.
    @param isFinal: whether the payload is the last of what was compressed in
        one go.
    @return: the frame, or if it is large, a frame and continuations.
    """
    chunks = inflater.inflate(frame.payload, isFinal)
    if isinstance(chunks, tuple):
        (chunk,) = chunks
        return (Frame(frame.opcode, chunk, frame.isFinal, frame.rsv & ~RSV1),)
    return _cut(frame, iter(chunks))


def _cut(frame: Frame, chunks: Iterator[bytes]) -> Iterator[Frame]:
    """
    Make frames of what was in one.
    """
    opcode, rsv = frame.opcode, frame.rsv & ~RSV1
    last = next(chunks, b"")
    for chunk in chunks:
        yield Frame(opcode, last, False, rsv)
        opcode, rsv, last = Opcode.CONTINUATION, 0, chunk
    yield Frame(opcode, last, frame.isFinal, rsv)


def checkNumber(setting: str, value: object, least: int, most: int | None) -> None:
    """
    Check a setting.

    @raise ValueError: if it is not a whole number from C{least} to C{most}.
    """
    isWhole = isinstance(value, int) and not isinstance(value, bool)
    if not isWhole or value < least or (most is not None and value > most):  # type: ignore[operator]  # it is whole
        upTo = "on" if most is None else f"to {most}"
        raise ValueError(
            f"{setting} must be a whole number from {least} {upTo}, not {value!r}"
        )


def checkBoolean(setting: str, value: object) -> None:
    """
    Check a setting that says yes or no.

    @raise ValueError: if it is anything else, which would be true or false as
        well.
    """
    if not isinstance(value, bool):
        raise ValueError(f"{setting} must be True or False, not {value!r}")


def parseWindowBits(value: str | None) -> int:
    """
    Parse the size of a window, RFC 7692 section 7.1.2: "a decimal integer value
    without leading zeroes between 8 to 15, inclusive".

    @raise ValueError: if it is none.
    """
    if value is None or value not in _WINDOW_BITS:
        raise ValueError(f"{value!r} is no size of a window")
    return int(value)


_WINDOW_BITS = frozenset(map(str, range(SMALLEST_WINDOW, LARGEST_WINDOW + 1)))
