"""
Tests for L{txws.shell.latencies}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txws.shell.latencies import Latencies


class LatenciesTests(SynchronousTestCase):
    """
    Percentiles of durations.
    """

    def test_none(self):
        """
        Where there is none, there is no percentile.
        """
        self.assertEqual(
            Latencies().summary(), {"p50": None, "p90": None, "p99": None, "max": None}
        )

    def test_percentiles(self):
        """
        They are right to one percent, whatever the order; the longest is
        exact.
        """
        latencies = Latencies()
        for number in reversed(range(1, 1001)):
            latencies.add(number / 1000)
        found = latencies.summary()
        self.assertEqual(latencies.count, 1000)
        self.assertEqual((latencies.min, found["max"]), (0.001, 1.0))
        for name, expected in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99)):
            seconds = found[name] or 0.0
            self.assertTrue(expected <= seconds <= expected * 1.011, found)

    def test_one(self):
        """
        Of one, all percentiles are that one, also of one that took no time.
        """
        for seconds in (0.25, 0.0):
            latencies = Latencies()
            latencies.add(seconds)
            self.assertEqual(set(latencies.summary().values()), {seconds})
