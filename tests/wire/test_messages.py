"""
Tests for L{txws.wire.messages}.
"""

from __future__ import annotations

import tracemalloc

from txws.wire.codes import Opcode
from txws.wire.errors import BadPayload, MessageTooBig
from txws.wire.events import (
    BytesFragmentReceived,
    BytesMessageReceived,
    TextFragmentReceived,
    TextMessageReceived,
)
from txws.wire.frames import Frame
from txws.wire.messages import FragmentReader, MessageAssembler

from .assertions import WireTestCase
from .tables import BAD_TEXTS, CUT_TEXTS, dribble, keptSize, splits


def give(assembler, frame):
    """
    Give an assembler a frame.
    """
    return assembler.receiveFrame(frame.opcode, frame.payload, frame.isFinal)


def assemble(assembler, opcode, pieces):
    """
    Give an assembler a message in fragments; tell what each of them completes.
    """
    results = []
    for number, piece in enumerate(pieces):
        results.append(
            give(
                assembler,
                Frame(
                    Opcode.CONTINUATION if number else opcode,
                    piece,
                    isFinal=number == len(pieces) - 1,
                ),
            )
        )
    return results


class MessageAssemblerTests(WireTestCase):
    """
    Frames are put together to messages.
    """

    def test_text(self):
        """
        A text message is complete with its last fragment, however it was cut,
        also inside a character.
        """
        text = "aé€😀\0\x7f\x80\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff"
        assembler = MessageAssembler()
        for pieces in splits(text.encode()):
            self.assertEqual(
                assemble(assembler, Opcode.TEXT, pieces),
                [None] * (len(pieces) - 1) + [TextMessageReceived(text)],
            )

    def test_bytes(self):
        """
        A binary message is complete with its last fragment, and is bytes that
        do not change.
        """
        data = b"\xff\0\x80abc"
        assembler = MessageAssembler()
        for pieces in splits(data):
            results = assemble(assembler, Opcode.BINARY, pieces)
            self.assertEqual(
                results, [None] * (len(pieces) - 1) + [BytesMessageReceived(data)]
            )
            self.assertIs(type(results[-1].data), bytes)

    def test_alternating(self):
        """
        Text and bytes can follow each other in any order.
        """
        assembler = MessageAssembler()
        for pieces in ([b"a"], [b"a", b"b"], [b"", b"", b""]):
            whole = b"".join(pieces)
            for _ in range(2):
                text = assemble(assembler, Opcode.TEXT, pieces)[-1]
                data = assemble(assembler, Opcode.BINARY, pieces)[-1]
                self.assertEqual(text, TextMessageReceived(whole.decode()))
                self.assertEqual(data, BytesMessageReceived(whole))

    def test_badText(self):
        """
        Text that is not UTF-8 fails, and where it does is told, however it was
        cut.
        """
        for before in (b"", "grün".encode()):
            for bad, _good, case in BAD_TEXTS:
                explanation = f"a text message is not UTF-8 at byte {len(before)}"
                for pieces in splits(before + bad + b"."):
                    assembler = MessageAssembler()
                    found = self.assertViolation(
                        BadPayload, case, assemble, assembler, Opcode.TEXT, pieces
                    )
                    self.assertEqual(found, explanation, case)

    def test_firstBadByte(self):
        """
        Text fails with its first bad byte, not with its end.
        """
        for bad, good, case in BAD_TEXTS:
            assembler = MessageAssembler()
            first = Frame(Opcode.TEXT, b"ok", isFinal=False)
            self.assertIs(give(assembler, first), None)
            for byte in dribble(bad[:good]):
                fragment = Frame(Opcode.CONTINUATION, byte, isFinal=False)
                self.assertIs(give(assembler, fragment), None, case)
            fragment = Frame(Opcode.CONTINUATION, bad[good : good + 1], isFinal=False)
            self.assertViolation(BadPayload, case, give, assembler, fragment)

    def test_cutText(self):
        """
        Text that ends in the middle of a character fails with its last
        fragment, and not before.
        """
        for cut in CUT_TEXTS:
            for pieces in ([cut], [cut, b""], [*dribble(cut), b""]):
                assembler = MessageAssembler()
                for number, piece in enumerate(pieces[:-1]):
                    opcode = Opcode.CONTINUATION if number else Opcode.TEXT
                    fragment = Frame(opcode, piece, isFinal=False)
                    self.assertIs(give(assembler, fragment), None)
                opcode = Opcode.CONTINUATION if len(pieces) > 1 else Opcode.TEXT
                last = Frame(opcode, pieces[-1])
                self.assertViolation(BadPayload, pieces, give, assembler, last)

    def test_badBytes(self):
        """
        Bytes need not be UTF-8.
        """
        for bad, _good, _case in BAD_TEXTS:
            results = assemble(MessageAssembler(), Opcode.BINARY, dribble(bad))
            self.assertEqual(results[-1], BytesMessageReceived(bad))

    def test_limit(self):
        """
        A message may have as many bytes as the limit says, however it was cut,
        and fails with the fragment that exceeds it.
        """
        assembler = MessageAssembler(4)
        for pieces in splits(b"abcd"):
            for opcode in (Opcode.TEXT, Opcode.BINARY):
                self.assertNotEqual(assemble(assembler, opcode, pieces)[-1], None)
        for pieces in ([b"abcde"], [b"abcd", b"e"], [b"ab", b"cde", b"f"]):
            error = self.assertRaises(
                MessageTooBig, assemble, MessageAssembler(4), Opcode.BINARY, pieces
            )
            self.assertEqual(
                error.explanation, "a message has more than 4 bytes (maxMessageSize)"
            )

    def test_limitBeforeEnd(self):
        """
        A message that exceeds the limit fails before its end is there.
        """
        assembler = MessageAssembler(4)
        give(assembler, Frame(Opcode.TEXT, b"abcd", isFinal=False))
        fragment = Frame(Opcode.CONTINUATION, b"e", isFinal=False)
        self.assertRaises(MessageTooBig, give, assembler, fragment)

    def test_tinyFragments(self):
        """
        A message in tiny and empty fragments takes about as much room as its
        bytes do.
        """
        for opcode, expected in (
            (Opcode.TEXT, TextMessageReceived("a" * 50000)),
            (Opcode.BINARY, BytesMessageReceived(b"a" * 50000)),
        ):
            assembler = MessageAssembler()
            give(assembler, Frame(opcode, b"", isFinal=False))
            tracemalloc.start()
            self.addCleanup(tracemalloc.stop)
            for _ in range(50000):
                give(assembler, Frame(Opcode.CONTINUATION, b"a", isFinal=False))
                give(assembler, Frame(Opcode.CONTINUATION, b"", isFinal=False))
            self.assertLess(tracemalloc.get_traced_memory()[0], 100000)
            message = give(assembler, Frame(Opcode.CONTINUATION, b""))
            self.assertEqual(message, expected)
            tracemalloc.stop()
            self.assertEqual(keptSize(assembler), 0)

    def test_lineEnds(self):
        """
        Line ends stay as they are, and characters may be cut anywhere.
        """
        text = "\r\n\n\r\x85\u2028\r å 😀\n\r"
        for pieces in splits(text.encode()):
            assembler = MessageAssembler()
            frames = [Frame(Opcode.TEXT, b"", isFinal=False)]
            frames += [
                Frame(Opcode.CONTINUATION, each, isFinal=False) for each in pieces
            ]
            for frame in frames:
                self.assertIsNone(give(assembler, frame))
            message = give(assembler, Frame(Opcode.CONTINUATION, b""))
            self.assertEqual(message, TextMessageReceived(text))


class FragmentReaderTests(WireTestCase):
    """
    Messages are handed on as they arrive.
    """

    def test_text(self):
        """
        The parts of a text, however it was cut, are the text, each cut between
        two characters; the last part says so.
        """
        text = "aé€😀\0\x7f\x80\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff"
        reader = FragmentReader()
        for pieces in splits(text.encode()):
            parts = [
                part
                for part in assemble(reader, Opcode.TEXT, pieces)
                if part is not None
            ]
            self.assertEqual("".join(part.text for part in parts), text)
            self.assertEqual(
                [part.isFinal for part in parts], [False] * (len(parts) - 1) + [True]
            )
            self.assertTrue(all(part.text for part in parts[:-1]))

    def test_bytes(self):
        """
        The parts of a binary message are those that came; empty ones are none,
        but the last.
        """
        reader = FragmentReader()
        self.assertEqual(
            assemble(reader, Opcode.BINARY, [b"a", b"", b"b", b""]),
            [
                BytesFragmentReceived(b"a", False),
                None,
                BytesFragmentReceived(b"b", False),
                BytesFragmentReceived(b"", True),
            ],
        )

    def test_sequence(self):
        """
        Text and bytes can follow each other; an empty message is one part.
        """
        reader = FragmentReader()
        self.assertEqual(
            assemble(reader, Opcode.TEXT, [b""]), [TextFragmentReceived("", True)]
        )
        self.assertEqual(
            assemble(reader, Opcode.BINARY, [b"\xff"]),
            [BytesFragmentReceived(b"\xff", True)],
        )
        self.assertEqual(
            assemble(reader, Opcode.TEXT, ["é".encode()]),
            [TextFragmentReceived("é", True)],
        )

    def test_badText(self):
        """
        Bad text fails on its first bad byte, and so does an end in the middle
        of a character.
        """
        for text, _position, _what in BAD_TEXTS:
            reader = FragmentReader()
            self.assertRaises(BadPayload, assemble, reader, Opcode.TEXT, [text])
        reader = FragmentReader()
        self.assertRaises(BadPayload, assemble, reader, Opcode.TEXT, [b"\xc3", b""])

    def test_limit(self):
        """
        The limit counts all parts of a message, and each message anew.
        """
        reader = FragmentReader(maxMessageSize=4)
        for _message in range(3):
            assemble(reader, Opcode.BINARY, [b"abc", b"d"])
        self.assertRaises(
            MessageTooBig, assemble, reader, Opcode.BINARY, [b"abc", b"de"]
        )

    def test_clear(self):
        """
        What is on its way can be forgotten.
        """
        reader = FragmentReader()
        give(reader, Frame(Opcode.TEXT, b"\xc3", isFinal=False))
        reader.clear()
        self.assertLess(keptSize(reader), 1000)
