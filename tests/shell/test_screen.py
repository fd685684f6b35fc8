"""
Tests for L{txws.shell.screen}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txws.shell.editor import LineEditor
from txws.shell.screen import Screen

from .internet import Pipes


class ScreenTests(SynchronousTestCase):
    """
    A line is edited while messages come in.
    """

    def setUp(self):
        """
        Have a terminal of twenty columns.
        """
        self.pipes = Pipes()
        self.heard: list[object] = []
        self.screen = Screen(self.pipes.streams, LineEditor(), lambda: 20)
        self.screen.entered = self.heard.append
        self.screen.interrupted = lambda: self.heard.append("interrupted")
        self.screen.ended = lambda: self.heard.append("ended")
        self.screen.open()
        self.opened = self.pipes.take()

    def rows(self, shown: str) -> list[str]:
        """
        Find the rows that stay on the terminal: what is behind the last
        erasure of each.
        """
        self.assertNotIn("\x1b[2J", shown)
        return [
            row.rpartition("\r\x1b[K")[2].split("\r\x1b[")[0]
            for row in shown.split("\n")
        ]

    def test_opened(self):
        """
        A prompt is shown; what is pasted is told from what is typed.
        """
        self.assertEqual(self.opened, "\x1b[?2004h\r\x1b[K> \r\x1b[2C")

    def test_typed(self):
        """
        What is typed is shown, with the cursor where it is, and handed on by
        Enter.
        """
        self.pipes.type("abc\x1b[D")
        self.assertEqual(self.pipes.take(), "\r\x1b[K> abc\r\x1b[4C")
        self.pipes.type("\r")
        self.assertEqual(self.rows(self.pipes.take()), ["> abc", "> "])
        self.assertEqual(self.heard, ["abc"])

    def test_shown(self):
        """
        What comes in is shown above the line that is edited, which stays.
        """
        self.pipes.type("half")
        self.pipes.take()
        self.screen.show("<", ["one", "two"])
        self.assertEqual(self.rows(self.pipes.take()), ["< one", "| two", "> half"])

    def test_long(self):
        """
        A long line never takes more than one row.
        """
        self.pipes.type("0123456789" * 5)
        (row,) = self.rows(self.pipes.take())
        self.assertEqual(len(row), 18)

    def test_keys(self):
        """
        Ctrl-C and Ctrl-D are told; in the midst of a line Ctrl-D deletes.
        """
        self.pipes.type("\x03\x04")
        self.assertEqual(self.heard, ["interrupted", "ended"])
        self.pipes.type("ab\x01\x04")
        self.assertEqual(self.rows(self.pipes.take())[-1], "> b")
        self.assertEqual(len(self.heard), 2)

    def test_gone(self):
        """
        A terminal that is gone is the end.
        """
        self.pipes.end()
        self.assertEqual(self.heard, ["ended"])

    def test_clear(self):
        """
        Ctrl-L clears the terminal, and shows the line again.
        """
        self.pipes.type("ab\x0c")
        self.assertEqual(self.pipes.take(), "\x1b[H\x1b[2J\r\x1b[K> ab\r\x1b[4C")

    def test_closed(self):
        """
        After the end nothing is edited, and what is shown stands alone.
        """
        self.pipes.type("half")
        self.pipes.take()
        self.screen.close()
        self.screen.close()
        self.screen.show("*", ["over"])
        self.assertEqual(self.pipes.take(), "\r\x1b[K\x1b[?2004l* over\n")
        self.pipes.type("more\r")
        self.assertEqual((self.pipes.take(), self.heard), ("", []))
