"""
Tests for L{txws.deadlines}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txws.deadlines import TICK, deadlinesOf, placeOf


class Waiter:
    """
    Notes when it is told.

    @ivar told: the times.
    """

    def __init__(self, clock: Clock, act: Any = None) -> None:
        self.clock = clock
        self.told: list[float] = []
        self._act = act

    def waitUntil(self, time: float) -> int:
        """
        Wait, and return the place.
        """
        place = placeOf(time)
        deadlinesOf(self.clock).add(self, place)
        return place

    def wake(self) -> None:
        """
        Note it.
        """
        self.told.append(self.clock.seconds())
        if self._act is not None:
            self._act()


class DeadlinesTests(SynchronousTestCase):
    """
    All who wait by a clock share one call of it.
    """

    def setUp(self) -> None:
        """
        Have a clock.
        """
        self.clock = Clock()

    def advance(self, seconds: float) -> None:
        """
        Let time pass in small steps.
        """
        for _step in range(int(seconds * 20)):
            self.clock.advance(0.05)

    def test_times(self):
        """
        Whoever waits is told at most a tick late, never early, and once.
        """
        times = (0.01, 3.0, 0.6, 1.0, 0.62, 2.99, 7.1)
        waiters = [Waiter(self.clock) for _time in times]
        for waiter, time in zip(waiters, times, strict=True):
            waiter.waitUntil(time)
            self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.advance(10)
        for waiter, time in zip(waiters, times, strict=True):
            (told,) = waiter.told
            self.assertGreaterEqual(told, time - 1e-9)
            self.assertLess(told, time + TICK + 0.06)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_past(self):
        """
        What is over already is told in the next turn.
        """
        self.clock.advance(100)
        waiter = Waiter(self.clock)
        waiter.waitUntil(50)
        self.assertEqual(waiter.told, [])
        self.clock.advance(0)
        self.assertEqual(waiter.told, [100])

    def test_discard(self):
        """
        Whoever waits no more is not told; others are, and nothing is scheduled when
        nobody waits.
        """
        first, second = Waiter(self.clock), Waiter(self.clock)
        place = first.waitUntil(1)
        other = second.waitUntil(1)
        deadlines = deadlinesOf(self.clock)
        deadlines.discard(first, place)
        self.clock.advance(0.5)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        deadlines.discard(second, other)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.clock.advance(10)
        self.assertEqual(first.told + second.told, [])
        first.waitUntil(12)
        self.clock.advance(10)
        self.assertEqual(first.told, [20.5])

    def test_earlier(self):
        """
        Whoever comes later may wait for less.
        """
        late, early = Waiter(self.clock), Waiter(self.clock)
        late.waitUntil(9)
        early.waitUntil(2)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.advance(2)
        self.assertEqual((early.told, late.told), ([2], []))
        self.clock.advance(7)
        self.assertEqual(late.told, [9])

    def test_inside(self):
        """
        Whoever is told may wait again, and have others wait no more.
        """
        other = Waiter(self.clock)
        places: list[int] = []

        def again() -> None:
            if places:
                deadlinesOf(self.clock).discard(other, places.pop())
            if len(first.told) < 3:
                first.waitUntil(self.clock.seconds() + 1)
                places.append(other.waitUntil(9))

        first = Waiter(self.clock, again)
        first.waitUntil(1)
        for _second in range(12):
            self.clock.advance(1)
        self.assertEqual(first.told, [1, 2, 3])
        self.assertEqual(other.told, [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_failing(self):
        """
        One that raises is logged, and others are told.
        """

        def fail() -> None:
            raise ValueError("no")

        waiters = [Waiter(self.clock, fail), Waiter(self.clock)]
        for waiter in waiters:
            waiter.waitUntil(1)
        self.clock.advance(1)
        self.assertEqual([waiter.told for waiter in waiters], [[1], [1]])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_exit(self):
        """
        Others are told in the next turn, also if one ends the program, or would.
        """

        def leave() -> None:
            raise SystemExit

        waiters = [Waiter(self.clock, leave) for _number in range(2)]
        for waiter in waiters:
            waiter.waitUntil(1)
        late = Waiter(self.clock)
        late.waitUntil(2)
        for told in (1, 2):
            self.assertRaises(SystemExit, self.clock.advance, 1 if told == 1 else 0)
            self.assertEqual(sum(len(each.told) for each in waiters), told)
        self.clock.advance(1)
        self.assertEqual(late.told, [2])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_turns(self):
        """
        If many are told, others have their turn of the reactor between them.
        """
        waiters = [Waiter(self.clock) for _number in range(1000)]
        toldBefore: list[int] = []
        for waiter in waiters:
            waiter.waitUntil(1)
        self.clock.callLater(
            1, lambda: toldBefore.append(sum(len(each.told) for each in waiters))
        )
        self.clock.advance(1)
        self.assertEqual(toldBefore, [100])
        self.assertTrue(all(waiter.told == [1] for waiter in waiters))

    def test_clocks(self):
        """
        Whoever waits by another clock does not share the call, and a clock that
        nobody waits by is not kept.
        """
        other = Clock()
        here, there = Waiter(self.clock), Waiter(other)
        here.waitUntil(1)
        there.waitUntil(1)
        self.assertIsNot(deadlinesOf(self.clock), deadlinesOf(other))
        other.advance(1)
        self.assertEqual((here.told, there.told), ([], [1]))
        self.clock.advance(1)
        self.assertEqual(here.told, [1])
