"""
What a fake transport has sent, and what waits to leave it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, cast

from twisted.internet.interfaces import IProducer, IPushProducer

from txws.policy import Limits
from txws.wire.codes import Opcode
from txws.wire.frames import Frame, serializeHeader

__all__ = ["Outbox", "OutboxOwner"]


class OutboxOwner(Protocol):
    """
    What L{Outbox} tells.
    """

    def outboxReceded(self) -> None:
        """
        No more than the low-water mark waits, after the high-water mark had
        been exceeded.
        """

    def outboxExceeded(self) -> None:
        """
        More waits than the limit allows.
        """

    def callApplication(self, method: Callable[[], object]) -> None:
        """
        Call a method of the handler's producer, which may do anything.
        """


class Outbox:
    """
    Frames that wait or have left, and the producer that is told how many wait.

    @ivar left: what has left, a frame for each message.
    @ivar pendingSize: how many bytes wait.
    @ivar isStuck: whether nothing can leave.
    @ivar producer: the handler's producer, or L{None}.
    """

    def __init__(self, limits: Limits, owner: OutboxOwner) -> None:
        """
        @param limits: how much may wait.
        @param owner: who is told.
        """
        self.left: list[Frame] = []
        self.pendingSize = 0
        self.isStuck = True
        self.producer: IProducer | None = None
        self._limits = limits
        self._owner = owner
        self._pending: list[Frame] = []
        self._leftSize = 0
        self._isAboveHighWater = False
        self._isStreaming = True
        self._isPulling = False

    def put(self, opcode: Opcode, payload: bytes) -> None:
        """
        Have a frame wait for L{flush}.
        """
        header = serializeHeader(opcode, len(payload), True, 0, None)
        self._pending.append(Frame(opcode, payload))
        self.pendingSize += len(header) + len(payload)

    def flush(self) -> None:
        """
        Let everything leave if that is possible, and mind the marks.
        """
        if not self.isStuck:
            self.left += self._pending
            self._leftSize += self.pendingSize
            self.drop()
        limit = self._limits.maxPendingSize
        if limit is not None and self.pendingSize > limit:
            self._owner.outboxExceeded()
        elif self._isAboveHighWater:
            if self.pendingSize <= self._limits.lowWaterMark:
                self._recede()
        elif self.pendingSize > self._limits.highWaterMark:
            self._isAboveHighWater = True
            if self._isStreaming:
                self._pauseProducer()
        self._pull()

    def drop(self) -> None:
        """
        Forget what waits.
        """
        self._pending.clear()
        self.pendingSize = 0

    def attachProducer(self, producer: IProducer, streaming: bool) -> None:
        """
        Pause and resume a producer from now on.

        @raise RuntimeError: if there is one already.
        """
        if self.producer is not None:
            raise RuntimeError(f"producer {self.producer!r} is attached")
        self.producer = producer
        self._isStreaming = streaming
        if streaming and self._isAboveHighWater:
            self._pauseProducer()
        self._pull()

    def stopProducer(self) -> None:
        """
        Stop the producer, if there is one, and forget it.
        """
        producer, self.producer = self.producer, None
        if producer is not None:
            self._owner.callApplication(producer.stopProducing)

    def _recede(self) -> None:
        """
        The low-water mark is reached.
        """
        self._isAboveHighWater = False
        if self._isStreaming:
            self._resumeProducer()
        self._owner.outboxReceded()

    def _pull(self) -> None:
        """
        Ask a pull producer for more, as long as it has some and it can leave.
        """
        if self._isPulling:
            return
        self._isPulling = True
        before = -1
        while self._isAsking and self._leftSize + self.pendingSize != before:
            before = self._leftSize + self.pendingSize
            self._resumeProducer()
            self.flush()
        self._isPulling = False

    @property
    def _isAsking(self) -> bool:
        """
        Whether a pull producer may be asked.
        """
        return not (self._isStreaming or self.producer is None or self.isStuck)

    def _pauseProducer(self) -> None:
        """
        Tell the producer, if there is one, to slow down.
        """
        if self.producer is not None:
            producer = cast(IPushProducer, self.producer)
            self._owner.callApplication(producer.pauseProducing)

    def _resumeProducer(self) -> None:
        """
        Tell the producer, if there is one, to go on.
        """
        if self.producer is not None:
            producer = cast(IPushProducer, self.producer)
            self._owner.callApplication(producer.resumeProducing)
