"""
One delayed call for the deadlines of all connections.

A call of the reactor for each of ten thousand connections takes some MB, and sorting
them takes time whenever one connects.  So those that wait for about the same time
share a place here, and the reactor knows of the earliest place alone.
"""

from __future__ import annotations

from math import ceil
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

__all__ = ["TICK", "Deadlines", "Sleeper", "deadlinesOf", "placeOf"]

_log = Logger()

# So many seconds are one place: that late whoever waits may be told, never earlier.
TICK = 0.25

# So many are told before others have their turn of the reactor.
_MOST_TOLD = 100


class Sleeper(Protocol):
    """
    Who waits for a deadline.
    """

    def wake(self) -> None:
        """
        The time has come.
        """


class Deadlines:
    """
    Those who wait by one clock, in places: all who wait for the end of one tick.
    """

    def __init__(self, clock: IReactorTime) -> None:
        """
        @param clock: what schedules.
        """
        self._clock = clock
        self._places: dict[int, set[Sleeper]] = {}
        self._call: IDelayedCall | None = None

    def add(self, sleeper: Sleeper, place: int) -> None:
        """
        Have somebody wait.

        @param sleeper: who is told.
        @param place: where, as L{placeOf} says.
        """
        sleepers = self._places.get(place)
        if sleepers is None:
            sleepers = self._places[place] = set()
            self._schedule(place)
        sleepers.add(sleeper)

    def discard(self, sleeper: Sleeper, place: int) -> None:
        """
        Let somebody wait no more.

        @param sleeper: who is not told.
        @param place: where it was.
        """
        self._places[place].discard(sleeper)
        self._tidy(place)

    def _tidy(self, place: int) -> None:
        """
        Drop a place where nobody is left, and leave the reactor alone if it was the
        last one.
        """
        if not self._places[place]:
            del self._places[place]
        if not self._places:
            _known.pop(id(self._clock), None)
            call, self._call = self._call, None
            if call is not None:
                call.cancel()

    def _schedule(self, place: int) -> None:
        """
        See to it that the reactor calls at the end of a tick, or before.
        """
        time = place * TICK
        if self._call is not None:
            if self._call.getTime() <= time:
                return
            self._call.cancel()
        delay = max(time - self._clock.seconds(), 0)
        self._call = self._clock.callLater(delay, self._wake)

    def _wake(self) -> None:
        """
        Tell those whose time has come, and be called again for the others.
        """
        self._call = None
        try:
            self._tell()
        finally:
            # Also if somebody wants to end the program: it may not end by that.
            if self._places:
                self._schedule(min(self._places))

    def _tell(self) -> None:
        """
        Tell those whose time has come, some at a time.
        """
        now = self._clock.seconds() / TICK
        for _told in range(_MOST_TOLD):
            place = min(self._places, default=None)
            if place is None or place > now:
                return
            sleeper = self._places[place].pop()
            self._tidy(place)
            try:
                sleeper.wake()
            except Exception:
                _log.failure("{sleeper} raised", sleeper=sleeper)


# By the identity of the clock, as long as anybody waits.
_known: dict[int, Deadlines] = {}


def deadlinesOf(clock: IReactorTime) -> Deadlines:
    """
    Find those who wait by a clock, to join them at once.

    @param clock: what schedules.
    """
    deadlines = _known.get(id(clock))
    if deadlines is None:
        deadlines = _known[id(clock)] = Deadlines(clock)
    return deadlines


def placeOf(time: float) -> int:
    """
    Find the place for a deadline.

    @param time: when it is, in the seconds of the clock.
    """
    return ceil(time / TICK)
