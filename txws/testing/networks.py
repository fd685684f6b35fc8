"""
All that is connected in a test, and the clock that it runs on.
"""

from __future__ import annotations

from typing import Protocol

from twisted.internet.task import Clock

__all__ = ["Carried", "Network"]

# What two sides say to each other without the clock moving ends sooner, or
# never.
_MAX_TURNS = 10_000

# The least, in seconds, by which the clock is turned.
_TICK = 1e-6


class Carried(Protocol):
    """
    A connection, to L{Network}.
    """

    @property
    def due(self) -> float | None:
        """
        When there is something to carry that cannot be carried now.
        """

    @property
    def isLost(self) -> bool:
        """
        Whether it is over.
        """

    def step(self, size: int | None = None) -> bool:
        """
        Carry bytes both ways, once.

        @return: whether anything moved.
        """


class Network:
    """
    Carries bytes on all connections while time passes.

    @ivar clock: the time.
    @ivar connections: those that are not over.
    """

    def __init__(self, clock: Clock) -> None:
        """
        @param clock: the time.
        """
        self.clock = clock
        self.connections: list[Carried] = []

    def flush(self, size: int | None = None) -> None:
        """
        Carry bytes on all connections, and make the calls that are due now,
        until nothing moves.

        @param size: in pieces of so many bytes; L{None} for as they come.
        @raise RuntimeError: if there is no end to it.
        """
        for _ in range(_MAX_TURNS):
            if not self._turn(size):
                return
        raise RuntimeError(
            "the two sides never stop to send: let one of them read slowly, by"
            " Faults(bytesPerSecond=...)"
        )

    def advance(self, seconds: float) -> None:
        """
        Let time pass, and carry bytes whenever something happens.

        @param seconds: how long.
        """
        self.flush()
        end = self.clock.seconds() + seconds
        while (now := self.clock.seconds()) < end:
            due = min((due for due in self._dues() if due > now), default=end)
            self.clock.advance(max(min(due, end) - now, _TICK))
            self.flush()

    def _turn(self, size: int | None) -> bool:
        """
        Do everything once.

        @return: whether anything moved.
        """
        hasMoved = False
        for connection in tuple(self.connections):
            hasMoved = connection.step(size) or hasMoved
        self.clock.advance(0)
        for connection in tuple(self.connections):
            hasMoved = connection.step(size) or hasMoved
            if connection.isLost:
                self.connections.remove(connection)
        return hasMoved

    def _dues(self) -> list[float]:
        """
        Find out when something happens.
        """
        dues = [call.getTime() for call in self.clock.getDelayedCalls()]
        carried = (connection.due for connection in self.connections)
        return dues + [due for due in carried if due is not None]
