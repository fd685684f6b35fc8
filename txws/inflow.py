"""
What comes in: who may stop it, and when others have their turn.

Whatever has been received becomes calls of the handler, and what these cause to
be sent leaves when the turn is over, in one write.  A turn ends when nothing is
left, when somebody stops it, or when it has taken long.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import Enum
from typing import Protocol, cast

from twisted.internet.interfaces import IPushProducer, ITransport

from .delivery import Delivery
from .flow import Outflow
from .keepalive import Keepalive
from .reading import FULL_SIZE, readMore
from .wire.contract import WireConnection
from .wire.events import (
    BytesFragmentReceived,
    BytesMessageReceived,
    Event,
    TextFragmentReceived,
    TextMessageReceived,
)
from .wire.states import ConnectionState

__all__ = ["Inflow", "InflowOwner", "Pause", "Turn"]


class Pause(Enum):
    """
    Why nothing is read from the peer.
    """

    APPLICATION = "the application has paused it"
    HANDLER = "a method of the handler is not done"
    OUTFLOW = "it is answered faster than the peer reads"
    TURN = "others have their turn"


class Turn(Enum):
    """
    What becomes of something that is sent.
    """

    OPENING = "it waits for the 101"
    BUSY = "it waits for the end of the turn"
    IDLE = "it leaves at once"
    OVER = "it is too late"


# Looking up a member of an Enum takes as long as a call.
_FULL_SIZE = FULL_SIZE
_BUSY, _IDLE = Turn.BUSY, Turn.IDLE
_OPEN = ConnectionState.OPEN

# There may be more to deliver, or to parse.
_RECEIVING = (ConnectionState.OPEN, ConnectionState.CLOSE_SENT)

_MESSAGES = (
    str,
    bytes,
    TextMessageReceived,
    BytesMessageReceived,
    TextFragmentReceived,
    BytesFragmentReceived,
)

_NONE: frozenset[Pause] = frozenset()

# Whoever does not listen cannot complain of silence.
_OUR_PAUSES = frozenset((Pause.APPLICATION, Pause.HANDLER))

# What the peer has sent is delivered all the same, when it has gone.
_PEERS_PAUSES = frozenset((Pause.OUTFLOW, Pause.TURN))

# So many seconds others wait for one connection.
_TURN_TIME = 0.005

# As long as more of them are left than this, the time is looked at only after so
# many messages.
_MUCH_TIME = 0.0025
_QUICK_MESSAGES = 4

# So many seconds a peer that is not read may take nothing, at first.
_STALL_TIME = 1.0


class InflowOwner(Protocol):
    """
    What L{Inflow} tells.
    """

    def eventReceived(self, event: Event) -> None:
        """
        The peer has sent something that is no message.
        """

    def extensionFailed(self) -> None:
        """
        An extension has raised an exception, which is handled now.
        """

    def turnEnded(self) -> None:
        """
        What has been sent meanwhile is to be written.
        """

    def othersServed(self) -> None:
        """
        Others have had their turn.
        """


class Inflow:
    """
    The way in of one connection.

    @ivar turn: what becomes of something that is sent now.
    @ivar workSize: about how much was sent in this turn of the reactor, in bytes
        that it cost.
    @ivar isOver: whether messages are dropped, for the application has closed
        the connection.
    """

    __slots__ = (
        "_answersSize",
        "_carrier",
        "_connection",
        "_delivery",
        "_handedOn",
        "_highWaterMark",
        "_idleClock",
        "_keepalive",
        "_left",
        "_outflow",
        "_owner",
        "_pauses",
        "_pendingBefore",
        "_stallTime",
        "_until",
        "isOver",
        "turn",
        "workSize",
    )

    def __init__(
        self,
        connection: WireConnection,
        carrier: ITransport,
        delivery: Delivery,
        outflow: Outflow,
        keepalive: Keepalive,
        highWaterMark: int,
        owner: InflowOwner,
    ) -> None:
        """
        @param connection: makes events of what is received.
        @param carrier: the Twisted transport.
        @param delivery: what gets the messages.
        @param outflow: where the answers go.
        @param keepalive: the clock.
        @param highWaterMark: how many bytes of answers may be pending before no
            more is read.
        @param owner: what gets everything else.
        """
        self.turn = Turn.OPENING
        self.workSize = 0
        self.isOver = False
        self._connection = connection
        self._carrier = carrier
        self._delivery = delivery
        self._outflow = outflow
        self._keepalive = keepalive
        # No more can be kept, and C counts no further.
        self._highWaterMark = min(highWaterMark, sys.maxsize)
        self._owner = owner
        # Who wants to know of each message.
        self._idleClock: Keepalive | None = None
        # How much the peer has been answered that it has not read, and how much
        # was pending before it was answered.
        self._answersSize = 0
        self._pendingBefore = 0
        # How much had been handed on when the peer was read no more because of
        # that, and how long it may take nothing before it is read on.
        self._handedOn = 0
        self._stallTime = _STALL_TIME
        self._pauses = _NONE
        # When others are to be served.
        self._until = 0.0
        # The messages that came together with one that stopped the turn.
        self._left: Sequence[str | bytes | Event] = ()

    def start(self) -> None:
        """
        Deliver what comes from now on.
        """
        self.turn = _IDLE
        if self._keepalive.policy.idleTimeout is not None:
            self._idleClock = self._keepalive

    @property
    def isListening(self) -> bool:
        """
        Whether it is not this side that stops to read.
        """
        return self._pauses.isdisjoint(_OUR_PAUSES)

    def receiveData(self, data: bytes) -> None:
        """
        Take what the Twisted transport has received.
        """
        now = self._keepalive.heard()
        self._connection.receiveData(data)
        if len(data) == _FULL_SIZE:
            readMore(self._carrier)
        if self.turn is _IDLE:
            self.workSize = 0
            self._outflow.startTurn()
            self._until = now + _TURN_TIME
            self._deliver()

    def deliver(self, isResumed: bool = False) -> None:
        """
        Tell the handler what has been received, and have written what it has
        answered.

        @param isResumed: whether the application goes on, which may be because of
            what it was told before in the same turn of the reactor.
        """
        if self.turn is _IDLE:
            if not isResumed:
                self.workSize = 0
                self._until = self._keepalive.seconds() + _TURN_TIME
            self._deliver()

    def pause(self, why: Pause) -> None:
        """
        Stop to read from the peer.
        """
        if not self._pauses:
            cast(IPushProducer, self._carrier).pauseProducing()
        self._pauses |= {why}

    def resume(self, why: Pause) -> None:
        """
        Go on to read from the peer, if nothing else speaks against it.
        """
        if why in self._pauses:
            self._pauses -= {why}
            if not self._pauses:
                cast(IPushProducer, self._carrier).resumeProducing()
                # It could not be heard.
                self._keepalive.heard()
                self.deliver(isResumed=why is Pause.APPLICATION)

    def resumeAll(self) -> None:
        """
        Hear the peer out: the closing has begun.
        """
        self._pauses = _NONE
        self._keepalive.forgetStall()
        cast(IPushProducer, self._carrier).resumeProducing()

    def answersTaken(self) -> None:
        """
        The peer has read what it was answered.
        """
        self._answersSize = 0
        self._stallTime = _STALL_TIME
        self._keepalive.forgetStall()
        self.resume(Pause.OUTFLOW)

    def serveOthers(self) -> None:
        """
        Have others served, and tell the owner when that is done.
        """
        self._keepalive.giveWay(self._takeNextTurn)

    def finish(self) -> None:
        """
        Deliver what is left of a peer that has gone, but not what the application
        does not want yet.
        """
        while not self._pauses.isdisjoint(_PEERS_PAUSES):
            self._outflow.drop()
            self.resume(Pause.OUTFLOW)
            self.resume(Pause.TURN)
        self._left = ()

    def end(self, nowhere: Delivery, nobody: InflowOwner) -> None:
        """
        Forget the handler and the owner, see L{Outflow.end}.

        @param nowhere: what gets the messages instead.
        @param nobody: who is told instead.
        """
        self._delivery = nowhere
        self._owner = nobody

    def _deliver(self) -> None:
        """
        Tell the handler what has been received, and have written what it has
        answered.
        """
        outflow = self._outflow
        self.turn = _BUSY
        self._pendingBefore = outflow.countPending()
        try:
            self._takeTurn()
        except Exception:
            # The application's are seen to where it is called.
            self._owner.extensionFailed()
        finally:
            self.turn = _IDLE
        self._answersSize += outflow.countPending() - self._pendingBefore
        self._owner.turnEnded()
        if outflow.countPending():
            self._throttle()
        else:
            self._answersSize = 0

    def _takeTurn(self) -> None:
        """
        See to what has been received, until nothing is left or something says
        stop.
        """
        connection = self._connection
        events = self._nextEvents()
        while events:
            self._seeTo(events)
            if not connection.hasMore:
                return
            events = self._nextEvents()
            # Whoever sends one message at a time need not ask for the time.
            if events and self._keepalive.seconds() > self._until:
                self._giveWay()
                if self._pauses:
                    self._left = events
                    return

    def _nextEvents(self) -> Sequence[str | bytes | Event]:
        """
        Find out what is to be seen to next, if anything may be.
        """
        if self._pauses:
            return ()
        events = self._left or self._connection.nextMessages()
        self._left = ()
        if events:
            return events
        event = self._connection.nextEvent()
        return () if event is None else (event,)

    def _seeTo(self, events: Sequence[str | bytes | Event]) -> None:
        """
        See to some events, until something says stop.
        """
        connection, outflow = self._connection, self._outflow
        delivery = self._delivery
        count, look = len(events), 1
        for number, event in enumerate(events, 1):
            # Nearly all are text, and this takes less.
            if type(event) is not str and not isinstance(event, _MESSAGES):
                self._owner.eventReceived(event)
            elif connection.state is _OPEN and not self.isOver:
                if self._idleClock is not None:
                    self._idleClock.messageMoved()
                delivery.deliver(event)
            if connection.pendingSize > self._highWaterMark or outflow.heldSize:
                self._countAnswers()
            if look <= number < count:
                look = number + self._lookAtClock()
            if self._pauses:
                self._left = events[number:]
                return

    def _lookAtClock(self) -> int:
        """
        Give way if it is time.

        @return: after how many messages to look again.
        """
        left = self._until - self._keepalive.seconds()
        if left < 0:
            self._giveWay()
        return _QUICK_MESSAGES if left > _MUCH_TIME else 1

    def _countAnswers(self) -> None:
        """
        Count what has been answered in this turn, and see whether the peer reads it.
        """
        outflow = self._outflow
        self._answersSize += outflow.countPending() - self._pendingBefore
        if self._answersSize > self._highWaterMark:
            outflow.flush()
            self._throttle()
        self._pendingBefore = outflow.countPending()

    def _throttle(self) -> None:
        """
        Read no more from a peer that does not read what it is answered.

        Only answers count, neither what the application sends on its own nor
        Pongs, which coalesce: two peers that both send much must not wait for
        each other for ever.
        """
        self._answersSize = max(0, min(self._answersSize, self._outflow.countPending()))
        isOpen = self._connection.state is _OPEN
        if isOpen and self._answersSize > self._highWaterMark:
            if Pause.OUTFLOW not in self._pauses:
                self._watchStall()
            self.pause(Pause.OUTFLOW)

    def _watchStall(self) -> None:
        """
        See whether the peer goes on to read, although it is not read.
        """
        self._handedOn = self._outflow.handedOn
        self._keepalive.whenStalled(self._relent, self._stallTime)

    def _relent(self) -> None:
        """
        Read on if the peer has taken nothing for a while: it may be one that reads
        no more either, before its own answers are read.

        The next time it takes twice as long, until the peer has read all: so one
        that never reads is soon silent for long enough to be given up.
        """
        if self._outflow.handedOn != self._handedOn:
            self._watchStall()
        else:
            self._stallTime *= 2
            self._answersSize = 0
            self.resume(Pause.OUTFLOW)

    def _giveWay(self) -> None:
        """
        Go on in the next turn of the reactor: a few bytes of a peer's may be
        much to do, if they are compressed, or a message each.
        """
        if self._connection.state in _RECEIVING:
            self.pause(Pause.TURN)
            self.serveOthers()

    def _takeNextTurn(self) -> None:
        """
        Go on, for others have had their turn.
        """
        self._owner.othersServed()
        self.resume(Pause.TURN)
        # A pull producer goes on.
        self._owner.turnEnded()
