"""
Tests for L{txws.wire.compression}.
"""

from __future__ import annotations

import tracemalloc
import zlib
from random import Random
from types import SimpleNamespace
from typing import Any

from txws.wire.compression import (
    CHUNK_SIZE,
    ISAL,
    Deflater,
    Inflater,
    findLibrary,
    parseWindowBits,
)
from txws.wire.errors import BadCompression, MessageTooBig

from .assertions import WireTestCase
from .streams import (
    HELLO,
    HELLO_AGAIN,
    HELLO_FINAL,
    HELLO_STORED,
    HELLO_TWO_BLOCKS,
    bomb,
    compress,
    decompress,
)
from .tables import dribble, splits

MIB = 1 << 20


def inflate(inflater: Inflater, *parts: bytes) -> bytes:
    """
    Inflate one message, given in parts.
    """
    last = len(parts) - 1
    return b"".join(
        chunk
        for number, part in enumerate(parts)
        for chunk in inflater.inflate(part, number == last)
    )


class InflaterTests(WireTestCase):
    """
    What peers compress is inflated.
    """

    def test_examples(self):
        """
        The examples of RFC 7692 section 7.2.3 say "Hello", however they are cut.
        """
        for data in (HELLO, HELLO_STORED, HELLO_FINAL, HELLO_TWO_BLOCKS):
            for parts in splits(data):
                self.assertEqual(inflate(Inflater(15, True, None), *parts), b"Hello")

    def test_contextTakeover(self):
        """
        A message may look back into the one before, if that was agreed on.
        """
        inflater = Inflater(15, True, None)
        self.assertEqual(inflate(inflater, HELLO), b"Hello")
        self.assertEqual(inflate(inflater, HELLO_AGAIN), b"Hello")

    def test_noContextTakeover(self):
        """
        If it was not, there is nothing to look back to.
        """
        inflater = Inflater(15, False, None)
        self.assertEqual(inflate(inflater, HELLO), b"Hello")
        self.assertViolation(BadCompression, "", inflate, inflater, HELLO_AGAIN)

    def test_nothing(self):
        """
        A message may be empty, in any of its spellings.
        """
        inflater = Inflater(15, True, None)
        for data in (b"\x00", b"\x02\x00", b"\x03\x00", b"\x03\x00\x00"):
            self.assertEqual(inflate(inflater, data), b"", data)
            self.assertEqual(inflate(inflater, HELLO), b"Hello", data)

    def test_streamEnds(self):
        """
        A peer may end its stream within a message and begin another one, RFC
        7692 section 7.2.3.4, with or without the byte that should be there.
        """
        for data in (HELLO_FINAL, HELLO_FINAL[:-1]):
            inflater = Inflater(15, True, None)
            for _ in range(3):
                self.assertEqual(inflate(inflater, data), b"Hello")
        both = HELLO_FINAL[:-1] + HELLO
        for parts in splits(both):
            inflater = Inflater(15, True, None)
            self.assertEqual(inflate(inflater, *parts), b"HelloHello")

    def test_streamEndsTooOften(self):
        """
        A peer that begins again and again is stopped: each time takes more from
        us than from it.
        """
        once = b"\x03\x00"
        inflater = Inflater(15, True, None)
        self.assertEqual(inflate(inflater, once * 4096), b"")
        explanation = self.assertViolation(
            BadCompression, "", inflate, inflater, once * 4097
        )
        self.assertEqual(explanation, "a compressed message begins again too often")

    def test_corrupt(self):
        """
        What DEFLATE cannot have made is refused, also behind the end of a
        stream.
        """
        for data in (b"\xff\xff", b"Hello", HELLO_FINAL[:-1] + b"\xff", b"\x07"):
            explanation = self.assertViolation(
                BadCompression, data, inflate, Inflater(15, True, None), data
            )
            self.assertEqual(explanation, "a compressed message is corrupt")

    def test_pieces(self):
        """
        What grows is handed on in pieces.
        """
        for size in (CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 5 * CHUNK_SIZE):
            inflater = Inflater(15, True, None)
            chunks = list(inflater.inflate(compress(bytes(size)), True))
            self.assertLessEqual(max(map(len, chunks)), CHUNK_SIZE)
            self.assertEqual(sum(map(len, chunks)), size)
            self.assertEqual(inflate(inflater, HELLO), b"Hello")

    def test_largeParts(self):
        """
        Large parts are inflated, whatever is in them.
        """
        random = Random(1).randbytes(100_000)
        for data in (random, random + bytes(300_000) + random):
            for compressed in (compress(data), compress(data, level=0)):
                inflater = Inflater(15, True, len(data))
                self.assertEqual(inflate(inflater, compressed), data)
                self.assertEqual(inflate(inflater, HELLO), b"Hello")
                half = len(compressed) // 2
                parts = compressed[:half], compressed[half:]
                self.assertEqual(inflate(Inflater(15, True, None), *parts), data)

    def test_limit(self):
        """
        A message of as many bytes as allowed is inflated, one of one more is
        not, in one part or in many; each message counts by itself.
        """
        for limit in (1, 5, 1000, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, MIB):
            for parts in ((lambda data: [data]), dribble):
                inflater = Inflater(15, False, limit)
                for _ in range(3):
                    inflated = inflate(inflater, *parts(compress(bytes(limit))))
                    self.assertEqual(len(inflated), limit)
                self.assertViolation(
                    MessageTooBig,
                    limit,
                    inflate,
                    inflater,
                    *parts(compress(bytes(limit + 1))),
                )

    def test_limitOverStreams(self):
        """
        A message that ends its stream and begins another one counts as one.
        """
        self.assertViolation(
            MessageTooBig,
            "",
            inflate,
            Inflater(15, True, 9),
            HELLO_FINAL[:-1] + HELLO,
        )

    def test_bomb(self):
        """
        Of 200 MB in 200 kB no more is inflated than a message may have, and a
        byte.
        """
        data = bomb(200 * MIB)
        self.assertLess(len(data), 210_000)
        for parts in (
            [data],
            [data[:1000], data[1000:]],
            list(splits(data[:2000]))[-1],
        ):
            size = 0
            inflater = Inflater(15, True, MIB)
            tracemalloc.start()
            try:
                for part in parts:
                    for chunk in inflater.inflate(part, False):
                        size += len(chunk)
            except MessageTooBig:
                pass
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            self.assertLessEqual(size, MIB)
            self.assertGreater(size, MIB - CHUNK_SIZE - 1)
            self.assertLess(peak, MIB)

    def test_smallLimit(self):
        """
        Where the limit is small, no more is inflated than that and a byte.
        """
        data = bomb(MIB)
        tracemalloc.start()
        self.assertViolation(MessageTooBig, "", inflate, Inflater(15, False, 10), data)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        # zlib's own state and window, and no chunk.
        self.assertLess(peak, CHUNK_SIZE)

    def test_smallWindow(self):
        """
        A peer that has agreed to a window of 256 bytes, but looks back 400, as
        some versions of zlib let it, is understood.
        """
        data = Random(2).randbytes(400) * 3
        inflater = Inflater(8, True, None)
        chunks = []
        for byte in dribble(compress(data, windowBits=10)):
            chunks.extend(inflater.inflate(byte, False))
        self.assertEqual(b"".join(chunks), data)


class DeflaterTests(WireTestCase):
    """
    What is compressed can be inflated by anybody.
    """

    def test_messages(self):
        """
        Messages say what they said, each in fewer bytes than before.
        """
        for isKept in (True, False):
            deflater = Deflater(15, 6, 8, isKept)
            texts = [b"Hello, " * 40, b"Hello, " * 40]
            messages = [deflater.deflate(text, True) for text in texts]
            self.assertEqual(decompress(*messages), texts)
            self.assertLess(len(messages[0]), 30)
            self.assertIs(len(messages[1]) < len(messages[0]), isKept)

    def test_example(self):
        """
        "Hello" becomes what RFC 7692 section 7.2.3.1 and 7.2.3.2 say.
        """
        deflater = Deflater(15, 6, 8, True)
        self.assertEqual(deflater.deflate(b"Hello", True), HELLO)
        self.assertEqual(deflater.deflate(b"Hello", True), HELLO_AGAIN)

    def test_parts(self):
        """
        A message may be compressed in parts, of which any may be empty; what
        has been given can be inflated before the rest comes.
        """
        for parts in (
            [b"Hel", b"lo"],
            [b"Hello", b""],
            [b"", b"Hello"],
            [b"", b""],
            [b"Hel", b"", b"lo", b""],
        ):
            for isKept in (True, False):
                deflater = Deflater(15, 6, 8, isKept)
                for _ in range(2):
                    inflater = Inflater(15, False, None)
                    deflater.release()
                    for number, part in enumerate(parts, 1):
                        isFinal = number == len(parts)
                        deflated = deflater.deflate(part, isFinal)
                        inflated = b"".join(inflater.inflate(deflated, isFinal))
                        self.assertEqual(inflated, part, parts)

    def test_release(self):
        """
        Memory can be given back at any time, also within a message, and what
        follows does not look back.
        """
        text = b"Hello, world. " * 9
        deflater = Deflater(15, 6, 8, True)
        first = deflater.deflate(text, True)
        deflater.release()
        self.assertEqual(deflater.deflate(text, True), first)
        half = deflater.deflate(text, False)
        deflater.release()
        rest = deflater.deflate(text, True)
        self.assertEqual(decompress(first, first, half + rest), [text, text, text * 2])

    def test_windows(self):
        """
        A compressor looks no further back than was agreed on, at 256 bytes
        too, of which zlib knows nothing.
        """
        random = Random(3)
        for bits in range(8, 16):
            farthest = random.randbytes(1 << bits)
            # Repeated from just outside of the window, and from inside.
            data = farthest + farthest[-200:] + random.randbytes(60) + farthest[:300]
            data += data
            # One of each way that zlib has to compress.
            for level in (0, 1, 3, 4, 9):
                message = Deflater(bits, level, 5, True).deflate(data, True)
                (inflated,) = decompress(message, windowBits=bits)
                self.assertEqual(inflated, data, (bits, level))


def spy(used: list[tuple[int, ...]]) -> Any:
    """
    Make a library that is zlib, and tells what was asked of it.
    """

    def compressobj(*arguments: Any) -> Any:
        used.append(arguments)
        return zlib.compressobj(*arguments)

    return SimpleNamespace(compressobj=compressobj)


class LibraryTests(WireTestCase):
    """
    ISA-L compresses, if it is installed, where that costs nothing but some bytes.
    """

    def test_chosen(self):
        """
        It compresses messages that stand alone, at its best level, and whatever
        is to be compressed at level 1, with windows of its own sizes.
        """
        for level, isKept, asked in (
            *((level, False, 3) for level in (-1, 2, 3, 4, 5, 6)),
            (1, False, 1),
            (1, True, 1),
        ):
            used: list[tuple[int, ...]] = []
            deflater = Deflater(9, level, 4, isKept, spy(used))
            self.assertEqual(deflater.deflate(b"Hello", True), HELLO)
            self.assertEqual(used, [(asked, zlib.DEFLATED, -9, 4)], level)

    def test_notChosen(self):
        """
        Everything else is zlib's: what looks back, whose state takes more memory
        in ISA-L or whose bytes are more; high levels, which ask for few bytes;
        none at all; and windows of 8 bits.
        """
        for bits, level, isKept in (
            *((12, level, True) for level in (-1, 0, 2, 6, 9)),
            *((12, level, False) for level in (0, 7, 8, 9)),
            (8, 1, True),
            (8, 6, False),
        ):
            used: list[tuple[int, ...]] = []
            deflater = Deflater(bits, level, 5, isKept, spy(used))
            (inflated,) = decompress(deflater.deflate(b"Hello", True))
            self.assertEqual(inflated, b"Hello")
            self.assertEqual(used, [], (bits, level, isKept))

    def test_notInstalled(self):
        """
        Nothing is missed where it is not installed.
        """
        self.assertIsNone(findLibrary("txws.isNotThere"))
        self.assertIs(findLibrary("zlib"), zlib)
        for isKept in (True, False):
            deflater = Deflater(12, 1, 5, isKept, None)
            (inflated,) = decompress(deflater.deflate(b"Hello", True))
            self.assertEqual(inflated, b"Hello")


class InstalledTests(WireTestCase):
    """
    What ISA-L compresses can be inflated by anybody.
    """

    if ISAL is None:
        skip = "ISA-L, the extra isal, is not installed"

    def test_messages(self):
        """
        Messages say what they said, whole or in parts, whatever is in them, and
        whenever memory is given back.
        """
        random = Random(4)
        for number in range(300):
            isKept = bool(number % 2)
            bits = random.randrange(9, 16)
            deflater = Deflater(bits, 1 if isKept else 6, 5, isKept, ISAL)
            inflater = Inflater(bits, isKept, None)
            for _ in range(4):
                size = random.choice((1, 2, 5, 300, random.randrange(1, 70_000)))
                data = random.choice((random.randbytes(size), b"abc" * size))
                half = random.choice((0, len(data) // 2, len(data)))
                parts = [
                    deflater.deflate(data[:half], False),
                    deflater.deflate(data[half:], True),
                ]
                self.assertEqual(inflate(inflater, *parts), data)
                if random.random() < 0.2:
                    deflater.release()

    def test_windows(self):
        """
        It looks no further back than was agreed on.
        """
        random = Random(3)
        for bits in range(8, 16):
            farthest = random.randbytes(1 << bits)
            data = farthest + farthest[-200:] + random.randbytes(60) + farthest[:300]
            data += data
            for level, isKept in ((1, True), (1, False), (6, False)):
                deflater = Deflater(bits, level, 5, isKept, ISAL)
                messages = [deflater.deflate(data, True) for _ in range(2)]
                if isKept:
                    inflated = decompress(*messages, windowBits=bits)
                else:
                    inflated = [
                        decompress(each, windowBits=bits)[0] for each in messages
                    ]
                self.assertEqual(inflated, [data] * 2, (bits, level))


class WindowTests(WireTestCase):
    """
    What a size of a window may be.
    """

    def test_parse(self):
        """
        It is 8 to 15, without leading zeros, signs, blanks and foreign digits.
        """
        self.assertEqual(
            [parseWindowBits(str(bits)) for bits in range(8, 16)], list(range(8, 16))
        )
        for value in (None, "", "7", "16", "08", "+9", " 9", "9 ", "1e1", "٩", "9.0"):
            with self.assertRaises(ValueError, msg=value):
                parseWindowBits(value)
