"""
Tests for L{txws.shell.history}.
"""

from __future__ import annotations

import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from txws.shell.history import History, historyPath


class HistoryTests(SynchronousTestCase):
    """
    What was typed is there the next time.
    """

    def setUp(self):
        """
        Have a file that is not there yet.
        """
        self.path = Path(self.mktemp()) / "state" / "txws" / "history"

    def remember(self, *lines: str) -> None:
        """
        Remember lines.
        """
        history = History(self.path)
        for line in lines:
            history.add(line)
        history.save()

    def test_remembered(self):
        """
        Lines come back, also such of several lines, after those of earlier
        times.
        """
        self.remember("one", "two\nthree")
        self.remember("caf\u00e9")
        self.assertEqual(History(self.path).load(), ["one", "two\nthree", "caf\u00e9"])

    def test_private(self):
        """
        The file can be read by the user alone, for it may hold secrets.
        """
        self.remember("one")
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        self.assertEqual(list(self.path.parent.iterdir()), [self.path])

    def test_left(self):
        """
        What begins with a space, is empty or is very long is not remembered.
        """
        self.remember(" secret", "", "x" * 5000)
        self.assertFalse(self.path.exists())

    def test_bounded(self):
        """
        It does not grow for ever.
        """
        self.remember(*map(str, range(1500)))
        kept = History(self.path).load()
        self.assertEqual((len(kept), kept[-1]), (1000, "1499"))

    def test_malformed(self):
        """
        What is no history is passed over.
        """
        self.remember("one")
        with self.path.open("ab") as file:
            file.write(b'\xff\n5\n"two"\n')
        self.assertEqual(History(self.path).load(), ["one", "two"])

    def test_none(self):
        """
        Without a file, or where none can be written, nothing is remembered,
        and nothing fails.
        """
        nowhere = History(None)
        nowhere.add("one")
        nowhere.save()
        self.assertEqual(nowhere.load(), [])
        self.path = Path("/dev/null/history")
        self.remember("one")
        self.assertEqual(History(self.path).load(), [])

    def test_path(self):
        """
        It is where the user's programs keep their state.
        """
        for environment, path in (
            ({"XDG_STATE_HOME": "/state"}, "/state/txws/history"),
            ({"HOME": "/home/me"}, "/home/me/.local/state/txws/history"),
            (
                {"HOME": "/home/me", "XDG_STATE_HOME": "relative"},
                "/home/me/.local/state/txws/history",
            ),
        ):
            self.assertEqual(str(historyPath(environment)), path)
