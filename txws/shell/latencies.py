"""
Many durations, in little memory.
"""

from __future__ import annotations

import math

__all__ = ["Latencies"]

# Each bucket is so much wider than the one before: what is read is wrong by
# less than one in a hundred.
_STEP = math.log(1.01)
_LEAST = 1e-7


class Latencies:
    """
    How many durations there were of each length, to one percent.

    @ivar count: how many there were.
    @ivar min: the shortest, exactly; infinite if there was none.
    @ivar max: the longest, exactly; 0 if there was none.
    """

    def __init__(self) -> None:
        self.count = 0
        self.min = math.inf
        self.max = 0.0
        self._buckets: dict[int, int] = {}

    def add(self, seconds: float) -> None:
        """
        Add one.

        @param seconds: how long.
        """
        self.count += 1
        self.min = min(self.min, seconds)
        self.max = max(self.max, seconds)
        bucket = int(math.log(max(seconds, _LEAST) / _LEAST) / _STEP)
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1

    def percentile(self, percent: float) -> float | None:
        """
        Find what so many percent did not exceed.

        @param percent: more than 0, up to 100.
        @return: seconds, or L{None} if there was none.
        """
        wanted = math.ceil(self.count * percent / 100)
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= wanted:
                # The upper end of the bucket, but nothing longer than there was.
                longest = _LEAST * math.exp((bucket + 1) * _STEP)
                return max(min(longest, self.max), self.min)
        return None

    def summary(self) -> dict[str, float | None]:
        """
        Tell the percentiles that people ask for, in seconds.
        """
        return {
            "p50": self.percentile(50),
            "p90": self.percentile(90),
            "p99": self.percentile(99),
            "max": self.max if self.count else None,
        }
