"""
Tests for L{txws.shell.display}.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txws.shell.display import (
    cellWidth,
    harmless,
    hexDump,
    oneLine,
    tellMessage,
    tellSeconds,
    tellSize,
)


class HarmlessTests(SynchronousTestCase):
    """
    A terminal obeys nothing that a server sends.
    """

    def test_escapes(self):
        """
        What a terminal would obey, or hide, is shown as an escape; what can be
        seen stays as it is.
        """
        for sent, shown in (
            ("caf\u00e9 \u4e2d \U0001f600", "caf\u00e9 \u4e2d \U0001f600"),
            ("\x1b[31mred", "\\x1b[31mred"),
            ("\x9b31m\x07\x7f", "\\x9b31m\\x07\\x7f"),
            ("a\r\n\tb", "a\\r\\n\\tb"),
            ("\u202egnp.exe", "\\u202egnp.exe"),
            ("\u2066\u200b\ufeff\u2028", "\\u2066\\u200b\\ufeff\\u2028"),
            ("\U000e0041\ud800", "\\U000e0041\\ud800"),
        ):
            self.assertEqual(harmless(sent), shown)

    @given(st.text())
    def test_anything(self, text):
        """
        Whatever is sent, only what can be seen is shown.
        """
        self.assertTrue(harmless(text).isprintable())
        self.assertTrue(all(line.isprintable() for line in tellMessage(text)))

    def test_oneLine(self):
        """
        An excerpt is one line, and says when there is more.
        """
        self.assertEqual(oneLine(" <h1>\n no </h1>\x1b "), "<h1> no </h1>\\x1b")
        self.assertEqual(oneLine("abcdef", 3), "abc...")


class MessageTests(SynchronousTestCase):
    """
    Messages on a terminal.
    """

    def test_text(self):
        """
        Text is shown in its lines.
        """
        self.assertEqual(tellMessage("a\nb\x1bc"), ["a", "b\\x1bc"])
        self.assertEqual(tellMessage(""), [""])

    def test_binary(self):
        """
        Binary is shown as a hex dump.
        """
        first = "3c 3d 3e 3f 40 41 42 43  44 45 46 47 48 49 4a 4b"
        self.assertEqual(
            tellMessage(bytes(range(60, 80))),
            [
                "binary, 20 bytes",
                f"00000000  {first}  |<=>?@ABCDEFGHIJK|",
                f"00000010  4c 4d 4e 4f{' ' * 39}|LMNO|",
            ],
        )
        self.assertEqual(next(hexDump(b"\x1b\x7f"))[-4:], "|..|")

    def test_long(self):
        """
        What nobody could read is cut, and said to be.
        """
        text = tellMessage("x" * 20000)
        self.assertEqual(text[1], "... 3616 characters more")
        binary = tellMessage(bytes(1025))
        self.assertEqual((len(binary), binary[-1]), (66, "... 1 bytes more"))


class UnitTests(SynchronousTestCase):
    """
    Times, sizes and columns.
    """

    def test_seconds(self):
        """
        A time has a unit that fits.
        """
        told = [tellSeconds(seconds) for seconds in (0.00025, 0.0123, 61.5)]
        self.assertEqual(told, ["250 us", "12.3 ms", "61.50 s"])

    def test_sizes(self):
        """
        A size has a unit that fits.
        """
        told = [tellSize(size) for size in (1, 64, 65536, 1536 * 1024, 2 * 1024**3)]
        self.assertEqual(told, ["1 byte", "64 bytes", "64 KiB", "1.5 MiB", "2 GiB"])

    def test_columns(self):
        """
        Wide characters take two columns, accents none.
        """
        widths = [
            cellWidth(cell) for cell in ("a", "\u4e2d", "\u0301", "\u20dd", "\u00e9")
        ]
        self.assertEqual(widths, [1, 2, 0, 0, 1])
