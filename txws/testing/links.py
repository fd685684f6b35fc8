"""
One direction of a connection in memory: bytes that are on their way, and what
the faults of the network make of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IReactorTime

from txws.errors import InvalidSetting

from .faults import Faults
from .transports import MemoryTransport

__all__ = ["Link"]

# Clocks add up seconds, and so add up what is rounded.
_INSTANT = 1e-9

# How often, in seconds, a reader takes bytes that takes many a second.
_TICK = 0.01


@dataclass
class _Flight:
    """
    Bytes that are on their way.

    @ivar data: the bytes.
    @ivar closing: until when more are gathered.
    @ivar due: when they arrive.
    """

    data: bytes
    closing: float
    due: float


class Link:
    """
    Carries the bytes of one transport to another.

    @ivar isCut: whether the faults say that the connection is cut now.
    """

    def __init__(
        self,
        source: MemoryTransport,
        sink: MemoryTransport,
        window: int | None,
        clock: IReactorTime | None,
        faults: Faults,
    ) -> None:
        """
        @param source: who writes.
        @param sink: who reads.
        @param window: how many bytes are taken that are not read; L{None} for
            no limit.
        @param clock: what tells the time; L{None} if no fault takes any.
        @param faults: what happens to the bytes.
        @raise InvalidSetting: if there is a fault that takes time, and no
            clock.
        """
        self.isCut = False
        self._source = source
        self._sink = sink
        self._window = window
        self._clock = clock
        self._flights: deque[_Flight] = deque()
        self._endDue: float | None = None
        self.setFaults(faults)

    def setFaults(self, faults: Faults) -> None:
        """
        Have other faults from now on.

        @raise InvalidSetting: if there is one that takes time, and no clock.
        """
        if faults.isTimed and self._clock is None:
            raise InvalidSetting("faults", f"take time, and need a clock: {faults!r}")
        self.faults = faults
        self._sizes = faults.sizes()
        # Of the piece that is being carried, how many bytes are left.
        self._left = 0
        self._carriedSize = 0
        self._takenSize = 0
        self._busySince: float | None = None

    @property
    def due(self) -> float | None:
        """
        When this has something to carry that it cannot carry now.
        """
        dues = [flight.due for flight in self._flights]
        if self._endDue is not None:
            dues.append(self._endDue)
        rate = self.faults.bytesPerSecond
        if self._busySince is not None and rate:
            next_ = self._busySince + (self._takenSize + 1) / rate
            dues.append(max(next_, self._now + _TICK))
        return min((due for due in dues if due > self._now + _INSTANT), default=None)

    def carry(self, size: int | None) -> bool:
        """
        Carry what there is to carry now.

        @param size: in pieces of so many bytes; L{None} for what the faults
            say.
        @return: whether anything moved.
        """
        source, sink = self._source, self._sink
        before = (source.isLost, sink.isLost, sink.unreadSize)
        taken = self._take()
        arrived = self._arrive(size)
        if arrived and sink.isLost:
            # Nobody is there to take it.
            source.lose(ConnectionLost())
        source.settle()
        self._carryEnd()
        sink.settle()
        hasMoved = before != (source.isLost, sink.isLost, sink.unreadSize)
        return taken or arrived or hasMoved

    @property
    def _now(self) -> float:
        """
        What time it is.
        """
        return 0.0 if self._clock is None else self._clock.seconds()

    def _take(self) -> bool:
        """
        Take what has been written.

        @return: whether there was anything to take.
        """
        data = self._source.takeData(self._room())
        if not data:
            return False
        self._takenSize += len(data)
        now, faults = self._now, self.faults
        if self._flights and now < self._flights[-1].closing - _INSTANT:
            self._flights[-1].data += data
        else:
            closing = now + faults.merge
            self._flights.append(_Flight(data, closing, closing + faults.delay))
        return True

    def _room(self) -> int | None:
        """
        Find out how many bytes can be taken.
        """
        rooms = []
        if self._window is not None:
            underWay = sum(len(flight.data) for flight in self._flights)
            rooms.append(self._window - self._sink.unreadSize - underWay)
        if self.faults.bytesPerSecond is not None:
            rooms.append(self._readable(self.faults.bytesPerSecond))
        return min(rooms, default=None)

    def _readable(self, bytesPerSecond: float) -> int:
        """
        Find out how many bytes a slow reader takes.
        """
        if not self._source.writes:
            self._busySince = None
            return 0
        if self._busySince is None:
            self._busySince = self._now
            self._takenSize = 0
        seconds = self._now - self._busySince + _INSTANT
        return int(seconds * bytesPerSecond) - self._takenSize

    def _arrive(self, size: int | None) -> bool:
        """
        Give the reader what is due.

        @return: whether there was anything to give.
        """
        hasArrived = False
        cutAfter = self.faults.cutAfter
        while self._flights and self._flights[0].due <= self._now + _INSTANT:
            data = self._flights.popleft().data
            if cutAfter is not None:
                data = data[: cutAfter - self._carriedSize]
            self._carriedSize += len(data)
            hasArrived = hasArrived or bool(data)
            for piece in self._cut(data, size):
                self._sink.receiveData(piece)
        self.isCut = cutAfter is not None and self._carriedSize >= cutAfter
        return hasArrived

    def _cut(self, data: bytes, size: int | None) -> Iterator[bytes]:
        """
        Cut bytes into the pieces in which they arrive.
        """
        start = 0
        while start < len(data):
            if size is not None:
                self._left = size
            elif not self._left:
                self._left = self._nextSize(len(data) - start)
            piece = data[start : start + self._left]
            self._left -= len(piece)
            start += len(piece)
            yield piece

    def _nextSize(self, available: int) -> int:
        """
        Choose the size of the next piece.
        """
        if isinstance(self.faults.split, Random):
            return self.faults.split.randint(1, available)
        return next(self._sizes, available)

    def _carryEnd(self) -> None:
        """
        Tell the reader that the writer has ended the connection, when that is
        due.
        """
        if not self._source.hasEnded:
            return
        if self._endDue is None:
            self._endDue = self._now + self.faults.delay
        if not self._flights and self._endDue <= self._now + _INSTANT:
            self._sink.lose(ConnectionLost() if self._source.isAborted else None)
