"""
Tests for L{txws.wire.singleframes}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txws.wire.codes import Opcode
from txws.wire.frames import Frame
from txws.wire.singleframes import serializeMessage, textAt

from .tables import BAD_TEXTS, KEY, xor

# Of each length of a character in UTF-8, and of each length of a header.
TEXTS = tuple(
    character * count
    for character in ("a", "\x7f", "\x80", "\N{EURO SIGN}", "\N{GRINNING FACE}")
    for count in (0, 1, 7, 8, 9, 31, 62, 63, 125, 126, 127, 1000, 16383)
)


class TextAtTests(SynchronousTestCase):
    """
    Texts are decoded where they lie.
    """

    def test_texts(self) -> None:
        """
        Any text is found, masked and not, wherever it lies.
        """
        for text in TEXTS:
            payload = text.encode()
            for before in (b"", b"a", b"abc\x80"):
                start = len(before)
                end = start + len(payload)
                received = before + payload + b"\xff"
                self.assertEqual(textAt(received, start, end, False), text)
                received = before + KEY + xor(payload, KEY) + b"\xff"
                self.assertEqual(textAt(received, start + 4, end + 4, True), text)

    def test_lateCharacter(self) -> None:
        """
        One character that is not ASCII is found wherever it stands.
        """
        for place in range(40):
            text = "a" * place + "\xe9" + "b" * (39 - place)
            received = KEY + xor(text.encode(), KEY)
            self.assertEqual(textAt(received, 4, len(received), True), text)

    def test_noText(self) -> None:
        """
        What is not UTF-8 is refused, masked and not.
        """
        for payload, *_ in BAD_TEXTS:
            received = KEY + xor(payload, KEY)
            with self.assertRaises(UnicodeDecodeError):
                textAt(received, 4, len(received), True)
            with self.assertRaises(UnicodeDecodeError):
                textAt(payload, 0, len(payload), False)


class SerializeTests(SynchronousTestCase):
    """
    Messages are serialized in one frame.
    """

    def test_messages(self) -> None:
        """
        It is the frame that any other way makes.
        """
        for text in TEXTS:
            data = text.encode()
            for message, opcode in ((text, Opcode.TEXT), (data, Opcode.BINARY)):
                if len(data) > 0xFFFF:
                    self.assertRaises(OverflowError, serializeMessage, message)
                else:
                    expected = Frame(opcode, data).serialize()
                    self.assertEqual(serializeMessage(message), expected)

    def test_limit(self) -> None:
        """
        65,535 bytes are the most.
        """
        self.assertEqual(serializeMessage("a" * 65535)[:4], b"\x81\x7e\xff\xff")
        self.assertRaises(OverflowError, serializeMessage, "a" * 65536)

    def test_derived(self) -> None:
        """
        What is derived from text is what it holds, whatever it says of itself.
        """

        class Liar(str):
            """
            Says that it is longer, and something else.
            """

            __slots__ = ()

            def __len__(self) -> int:
                return 1000

            def encode(self, *arguments: str) -> bytes:
                """
                Lie.
                """
                return b"lie"

        for text in ("truth", "tr\xfcth"):
            self.assertEqual(serializeMessage(Liar(text)), serializeMessage(text))

    def test_surrogates(self) -> None:
        """
        Surrogates are refused.
        """
        self.assertRaises(UnicodeEncodeError, serializeMessage, "a\ud800")

    def test_otherTypes(self) -> None:
        """
        What is neither text nor bytes is refused.
        """
        for wrong in (5, None):
            self.assertRaises(TypeError, serializeMessage, wrong)
