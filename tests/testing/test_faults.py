"""
Tests for L{txws.testing.faults}; what faults do is tested with connections.
"""

from __future__ import annotations

from random import Random
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from txws.errors import InvalidSetting
from txws.testing import Faults, splitData


class FaultsTests(SynchronousTestCase):
    """
    Tests for L{Faults}.
    """

    def test_value(self):
        """
        Faults are a value: equal if they say the same, and frozen.
        """
        sizes = [1, 2]
        faults = Faults(split=sizes, delay=1)
        sizes.append(3)
        self.assertEqual(faults, Faults(split=(1, 2), delay=1))
        self.assertNotEqual(faults, Faults())
        with self.assertRaises(AttributeError):
            faults.delay = 2  # type: ignore[misc]  # that is the test

    def test_noSense(self):
        """
        A fault that makes no sense is an error, which names it.
        """
        for name, value in (
            ("split", 0),
            ("split", True),
            ("split", "abc"),
            ("split", 1.5),
            ("split", [1, 0]),
            ("split", [1, 2.5]),
            ("merge", -1),
            ("delay", "1"),
            ("delay", float("nan")),
            ("bytesPerSecond", -0.5),
            ("cutAfter", -1),
            ("cutAfter", 1.5),
            ("cutAfter", False),
            ("isReset", True),
        ):
            arguments: Any = {name: value}
            with self.assertRaises(InvalidSetting) as raised:
                Faults(**arguments)
            self.assertEqual(raised.exception.setting, name)

    def test_sense(self):
        """
        The least that each fault can be is none.
        """
        Faults(split=1, merge=0, delay=0, bytesPerSecond=0, cutAfter=0, isReset=True)
        Faults(split=(), bytesPerSecond=0.5)
        Faults(split=Random(1))

    def test_isTimed(self):
        """
        It is known which faults take time.
        """
        for faults in (
            Faults(),
            Faults(split=1, cutAfter=1, isReset=True),
        ):
            self.assertFalse(faults.isTimed)
        for faults in (
            Faults(merge=1),
            Faults(delay=1),
            Faults(bytesPerSecond=0),
        ):
            self.assertTrue(faults.isTimed)


class SplitDataTests(SynchronousTestCase):
    """
    Tests for L{splitData}.
    """

    def test_sizes(self):
        """
        Bytes are split into pieces of given sizes, and what is left.
        """
        for sizes, pieces in (
            ((), [b"abcdef"]),
            ((1, 2), [b"a", b"bc", b"def"]),
            ((6,), [b"abcdef"]),
            ((4, 4, 4), [b"abcd", b"ef"]),
            ((3, 3), [b"abc", b"def"]),
        ):
            self.assertEqual(splitData(b"abcdef", sizes), pieces)

    def test_nothing(self):
        """
        No bytes are no pieces.
        """
        self.assertEqual(splitData(b"", (1, 2)), [])
