"""
What goes out: how much of it may wait, and who is told to slow down.

Pieces are handed to the Twisted transport as long as it takes them.  When it
says that it is full, they wait here: above the high-water mark the
application's producer is paused, up to the low-water mark it is resumed, and
beyond the limit the peer is given up.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from math import inf
from typing import Protocol, cast

from twisted.internet.interfaces import (
    IConsumer,
    IProducer,
    IPushProducer,
    ITransport,
)
from zope.interface import classImplements

from .memory import keepMemory
from .policy import Limits
from .wire.contract import WireConnection
from .writing import TURN_SIZE, writerFor

try:
    from fcntl import ioctl
    from termios import TIOCOUTQ
except ImportError:
    # Not on Windows: there is nobody to ask.
    ioctl, TIOCOUTQ = None, 0  # type: ignore[assignment,misc]  # no constant

__all__ = ["FlowOwner", "Outflow", "unsentSize"]

# As much as a piece that waits counts for at least: each takes some memory besides
# its bytes, and many of them are much.
_PIECE_SIZE = 64

_NOTHING = memoryview(b"")

# What the kernel answers with.
_ANSWER = bytes(4)

_TURN_SIZE = TURN_SIZE


def unsentSize(transport: ITransport) -> int:
    """
    Ask the kernel how many bytes it holds that a peer has not taken; 0 where it
    cannot tell.

    @param transport: a socket's, or any other.
    """
    try:
        descriptor: int = transport.fileno()  # type: ignore[attr-defined]  # if any
        answer = ioctl(descriptor, TIOCOUTQ, _ANSWER)
    except (AttributeError, OSError, TypeError, ValueError):
        return 0
    return int.from_bytes(answer, sys.byteorder)


class FlowOwner(Protocol):
    """
    What L{Outflow} tells.
    """

    @property
    def isGivingWay(self) -> bool:
        """
        Whether others have their turn before more is sent, of which the end is
        told by L{Outflow.flush}.
        """

    def outflowResumed(self) -> None:
        """
        The Twisted transport is about to take more, in a turn of the reactor that
        nobody has had a part of before.
        """

    def outflowProgressed(self) -> None:
        """
        The Twisted transport takes more: the peer has read something of what
        was to be sent before the closing.
        """

    def outflowDrained(self) -> None:
        """
        No more than the low-water mark is pending, after the high-water mark
        had been exceeded, without what is held back.
        """

    def outflowReceded(self) -> None:
        """
        No more than the low-water mark is pending, after the high-water mark
        had been exceeded.
        """

    def outflowExceeded(self) -> None:
        """
        More is pending than the limit allows.
        """

    def callApplication(self, method: Callable[[], object]) -> None:
        """
        Call a method of the application's producer, which may do anything.
        """


class Outflow:
    """
    The way out of one connection; to its Twisted transport it is a producer.

    @ivar isAboveHighWater: whether the high-water mark was exceeded and the
        low-water mark is not yet reached.
    @ivar isFull: the same, without what is held back.
    @ivar handedOn: how many bytes were handed on.
    @ivar heldSize: how many bytes are held back.
    """

    __slots__ = (
        "_connection",
        "_isPulling",
        "_isStreaming",
        "_isWriting",
        "_lastByte",
        "_limits",
        "_owner",
        "_producer",
        "_rest",
        "_takenSize",
        "_transport",
        "_unsentSize",
        "_writer",
        "handedOn",
        "heldSize",
        "isAboveHighWater",
        "isFull",
    )

    def __init__(
        self,
        connection: WireConnection,
        transport: ITransport,
        limits: Limits,
        owner: FlowOwner,
        unsentSize: Callable[[ITransport], int] = unsentSize,
    ) -> None:
        """
        @param connection: where what is to be sent comes from.
        @param transport: where it goes.
        @param limits: how much may wait.
        @param owner: who is told.
        @param unsentSize: tells how many bytes are on their way that the peer
            has not taken.
        """
        self.isAboveHighWater = False
        self.isFull = False
        self._connection = connection
        self.heldSize = 0
        self._transport = transport
        self._writer = writerFor(transport)
        self._limits = limits
        self._owner = owner
        self._unsentSize = unsentSize
        self._producer: IProducer | None = None
        self._isStreaming = True
        self._isPulling = False
        self.handedOn = 0
        self._takenSize: float = 0
        # Of a large payload, what is not handed on yet.
        self._rest = _NOTHING
        self._isWriting = False
        self._lastByte: float = inf
        # Until the start.
        connection.isCongested = True

    def start(self, head: bytes = b"") -> None:
        """
        Begin to hand on, and ask the transport to say when it is full.

        @param head: what goes before the first frame.
        """
        if head:
            self._writer.send([head])
        self._connection.isCongested = False
        cast(IConsumer, self._transport).registerProducer(self, True)

    def stop(self) -> None:
        """
        Leave the transport alone, so that it can be closed, and stop the
        application's producer.
        """
        cast(IConsumer, self._transport).unregisterProducer()
        self.stopProducer()

    def finish(self) -> None:
        """
        The closing has begun: what is pending now is the last that counts, for
        answering Pings must not keep a connection alive.
        """
        self._lastByte = self.handedOn + self.pendingSize
        self.noteProgress()
        self.stopProducer()

    def stopProducer(self) -> None:
        """
        Tell the application's producer, if there is one, that nobody listens.
        """
        producer, self._producer = self._producer, None
        if producer is not None:
            self._owner.callApplication(producer.stopProducing)

    def attachProducer(self, producer: IProducer, streaming: bool) -> None:
        """
        Pause and resume a producer from now on.

        @raise RuntimeError: if there is one already.
        """
        if self._producer is not None:
            raise RuntimeError(
                f"cannot attach producer {producer!r}: "
                f"producer {self._producer!r} is attached"
            )
        # Not adapted: many producers, such as Twisted's own FileSender, do not
        # declare what they provide.
        self._producer = producer
        self._isStreaming = streaming
        if streaming:
            if self.isAboveHighWater:
                self._pauseProducer()
        else:
            self._pull()

    def detachProducer(self) -> None:
        """
        Forget the producer.
        """
        self._producer = None

    @property
    def pendingSize(self) -> int:
        """
        How many bytes are not handed on yet, those that are held back
        included.
        """
        return self.countPending()

    def countPending(self) -> int:
        """
        See L{pendingSize}.
        """
        return self._connection.pendingSize + len(self._rest) + self.heldSize

    def hold(self, size: int) -> None:
        """
        Count what is held back by the owner, and mind the marks.

        @param size: how many bytes.
        """
        self.heldSize = size
        self._mind()

    def startTurn(self) -> None:
        """
        Others have had their turn of the reactor.
        """
        self._writer.startTurn()

    def flush(self) -> None:
        """
        Hand on what the transport takes, and mind the marks.
        """
        if self._isWriting:
            # The transport takes more already, which is seen to when it is done.
            return
        connection = self._connection
        while not connection.isCongested and (connection.pendingSize or self._rest):
            self._handOn()
        if self.isAboveHighWater or connection.pendingSize or self._rest:
            self._mind()
        if not self._isStreaming:
            self._pull()

    def _mind(self) -> None:
        """
        Mind the limit and the marks.
        """
        limits = self._limits
        connection = self._connection
        # A message that is on its way may be as large as it is.
        waiting = self.heldSize + max(
            connection.pendingSize, connection.pendingPieces * _PIECE_SIZE
        )
        if limits.maxPendingSize is not None and waiting > limits.maxPendingSize:
            self._owner.outflowExceeded()
            return
        pending = self.pendingSize - self.heldSize
        if not self.isFull:
            self.isFull = pending > limits.highWaterMark
        elif pending <= limits.lowWaterMark:
            self.isFull = False
            self._owner.outflowDrained()
        pending = self.pendingSize
        if self.isAboveHighWater:
            if pending <= limits.lowWaterMark:
                self._recede()
        elif pending > limits.highWaterMark:
            self._rise()

    def _handOn(self) -> None:
        """
        Hand on about as much as the transport takes before it is full, so that
        it is seen how a peer takes a large message bit by bit.
        """
        connection = self._connection
        if connection.pendingSize <= _TURN_SIZE and not self._rest:
            self.handedOn += connection.pendingSize
            self._writer.send(connection.dataToSend())
            return
        pieces: list[bytes] = []
        if not self._rest:
            pieces = connection.dataToSend(_TURN_SIZE)
            if len(pieces[-1]) > _TURN_SIZE:
                self._rest = memoryview(pieces.pop())
                keepMemory()
        self.handedOn += sum(map(len, pieces))
        if self._rest:
            self._handOnRest(pieces)
        else:
            self._writer.send(pieces)

    def _handOnRest(self, pieces: list[bytes]) -> None:
        """
        Hand on pieces of bytes, and of a large payload what the transport takes.
        """
        self._isWriting = True
        try:
            size = self._writer.sendLarge(pieces, self._rest)
        finally:
            self._isWriting = False
        self.handedOn += size
        # What is left of nothing would keep all of it.
        self._rest = self._rest[size:] if size < len(self._rest) else _NOTHING

    def drop(self) -> None:
        """
        Forget what is not handed on: the transport is lost.
        """
        self._connection.discardData()
        self._rest = _NOTHING

    def end(self, nobody: FlowOwner) -> None:
        """
        Forget the owner, for the connection is over: it would keep what it is made
        of, and that keeps it.

        @param nobody: who is told instead.
        """
        self._owner = nobody

    def noteProgress(self) -> bool:
        """
        Find out whether the peer has taken some of what is on its way to it
        since this was called last; that the transport takes more is told by
        it, but the kernel holds much that it does not tell of.
        """
        unsent = self._unsentSize(self._transport)
        taken = min(self.handedOn - unsent, self._lastByte)
        before, self._takenSize = self._takenSize, taken
        return unsent > 0 and taken > before

    def pauseProducing(self) -> None:
        """
        The transport is full.
        """
        self._connection.isCongested = True

    def resumeProducing(self) -> None:
        """
        The transport takes more.
        """
        hasProgressed = self.handedOn <= self._lastByte
        self._owner.outflowResumed()
        self._connection.isCongested = False
        self.flush()
        if hasProgressed:
            self._owner.outflowProgressed()

    def stopProducing(self) -> None:
        """
        The transport is lost; its protocol is told so, too.
        """
        self._connection.isCongested = True

    def _rise(self) -> None:
        """
        The high-water mark is exceeded.
        """
        self.isAboveHighWater = True
        if self._isStreaming:
            self._pauseProducer()

    def _recede(self) -> None:
        """
        The low-water mark is reached.
        """
        self.isAboveHighWater = False
        if self._isStreaming:
            self._resumeProducer()
        self._owner.outflowReceded()

    def _pull(self) -> None:
        """
        Ask a pull producer for more, as long as it has some and it is taken.
        """
        if self._isPulling:
            return
        self._isPulling = True
        connection = self._connection
        before = -1
        # One that has nothing when it is asked is asked again when it sends.
        while (
            not (self._isStreaming or self._producer is None or connection.isCongested)
            and not self._owner.isGivingWay
            and self.handedOn + self.pendingSize != before
        ):
            before = self.handedOn + self.pendingSize
            self._resumeProducer()
            self.flush()
        self._isPulling = False

    def _pauseProducer(self) -> None:
        """
        Tell the application's producer, if there is one, to slow down.
        """
        if self._producer is not None:
            producer = cast(IPushProducer, self._producer)
            self._owner.callApplication(producer.pauseProducing)

    def _resumeProducer(self) -> None:
        """
        Tell the application's producer, if there is one, to go on.
        """
        if self._producer is not None:
            producer = cast(IPushProducer, self._producer)
            self._owner.callApplication(producer.resumeProducing)


# No decorator, for this class can be compiled.
classImplements(Outflow, IPushProducer)
