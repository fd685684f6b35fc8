"""
Time: when to ping a silent peer, RFC 6455 section 5.5.2, and every deadline of
a connection.

What a connection receives only notes the time; when it is told that something is
due, it finds out whether that was too early.  All connections share one call of the
reactor, see L{txws.deadlines}.  A peer that keeps this side busy costs one of its own,
for the next turn of the reactor, and one that does not read what it is answered
another one.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from .deadlines import Deadlines, deadlinesOf, placeOf
from .errors import DeadlineExpired
from .policy import KeepalivePolicy

__all__ = ["Keepalive", "KeptAlive"]


# What heartbeats begin with, so that their Pongs are told from others.
_HEARTBEAT = b"txws heartbeat "


class KeptAlive(Protocol):
    """
    What L{Keepalive} asks of a connection.
    """

    @property
    def isListening(self) -> bool:
        """
        Whether a peer that is alive would have been heard: it is read from, or
        there is something that it could have taken.
        """

    def sendHeartbeat(self, payload: bytes, isOneWay: bool) -> None:
        """
        Send a Ping, or a Pong if C{isOneWay}.
        """

    def hasProgressed(self) -> bool:
        """
        Tell whether the peer has taken anything since the last heartbeat, or
        since this was last asked.
        """

    def becomeIdle(self) -> None:
        """
        Close the connection, for it has been idle.
        """

    def expire(self, expired: DeadlineExpired) -> None:
        """
        Abort the connection, for its peer took too long.
        """


class _Phase(Enum):
    """
    What a connection waits for.
    """

    TLS = "handshake of TLS"
    HANDSHAKE = "opening handshake"
    EXPIRED = "no answer in time"
    OPEN = "open"
    CLOSING = "closing"
    STOPPED = "stopped"


class Keepalive:
    """
    The clock of one connection, from its acceptance to its end.

    @ivar clock: what schedules.
    @ivar policy: how long to wait; it may be changed before the handshake is
        done.
    @ivar roundTripTime: how many seconds the last answered Ping took, or
        L{None} as long as none was.
    @ivar seconds: tells what time it is; asked for nearly each message.
    """

    __slots__ = (
        "_awaited",
        "_connection",
        "_deadline",
        "_deadlines",
        "_expire",
        "_heardAt",
        "_heartbeatAt",
        "_heartbeats",
        "_messageAt",
        "_nextTurn",
        "_phase",
        "_place",
        "_stall",
        "_tlsTimeout",
        "clock",
        "policy",
        "roundTripTime",
        "seconds",
    )

    def __init__(
        self,
        policy: KeepalivePolicy,
        clock: IReactorTime,
        expire: Callable[[DeadlineExpired], object],
    ) -> None:
        """
        @param policy: how long to wait.
        @param clock: what schedules.
        @param expire: what is called if the handshake takes too long.
        """
        now = clock.seconds()
        self.roundTripTime: float | None = None
        self.policy = policy
        self.clock = clock
        self.seconds = clock.seconds
        self._connection: KeptAlive | None = None
        self._expire: Callable[[DeadlineExpired], object] | None = expire
        self._heardAt = self._messageAt = self._heartbeatAt = now
        self._heartbeats = 0
        self._stall: IDelayedCall | None = None
        self._awaited: bytes | None = None
        self._phase = _Phase.HANDSHAKE
        self._tlsTimeout = 0.0
        self._deadline = now
        # Where it waits to be told, if it does.
        self._deadlines: Deadlines | None = None
        self._place: int | None = None
        self._nextTurn: IDelayedCall | None = None

    def startTLS(self, seconds: float) -> None:
        """
        The connection is made: the handshake of TLS has a deadline.

        @param seconds: how long it may take.
        """
        self._phase = _Phase.TLS
        self._tlsTimeout = seconds
        self._deadline = self.seconds() + seconds
        self._schedule()

    def start(self) -> None:
        """
        The connection is accepted: its opening handshake has a deadline.
        """
        self._phase = _Phase.HANDSHAKE
        self._deadline = self.seconds() + self.policy.handshakeTimeout
        self._schedule()

    def connectionOpened(self, connection: KeptAlive) -> None:
        """
        The opening handshake is done.

        @param connection: what is told from now on.
        """
        self._connection = connection
        self._expire = None
        self._phase = _Phase.OPEN
        self._heardAt = self._messageAt = self._heartbeatAt = self.seconds()
        # One number less to keep.
        self._deadline = self._heardAt
        self._schedule()

    def closingProgressed(self) -> None:
        """
        The closing has begun, or made a step: a peer has C{closeTimeout} for
        each.
        """
        if self._phase is not _Phase.STOPPED:
            self._phase = _Phase.CLOSING
            self._deadline = self.seconds() + self.policy.closeTimeout
            self._schedule()

    def stop(self) -> None:
        """
        The connection is lost, and let go.
        """
        self._phase = _Phase.STOPPED
        self._connection = None
        self._expire = None
        self._forget()
        nextTurn, self._nextTurn = self._nextTurn, None
        if nextTurn is not None:
            nextTurn.cancel()
        self.forgetStall()

    def giveWay(self, goOn: Callable[[], object]) -> None:
        """
        Have others served before this connection goes on, unless it is lost
        by then.

        @param goOn: what goes on.
        """

        def takeTurn() -> None:
            self._nextTurn = None
            goOn()

        if self._phase is not _Phase.STOPPED and self._nextTurn is None:
            self._nextTurn = self.clock.callLater(0, takeTurn)

    def whenStalled(self, goOn: Callable[[], object], seconds: float) -> None:
        """
        Find out later whether anything has moved.

        @param goOn: what finds out.
        @param seconds: how much later.
        """

        def wake() -> None:
            self._stall = None
            goOn()

        if self._phase is not _Phase.STOPPED and self._stall is None:
            self._stall = self.clock.callLater(seconds, wake)

    def forgetStall(self) -> None:
        """
        Do not find that out any more.
        """
        stall, self._stall = self._stall, None
        if stall is not None:
            stall.cancel()

    def heard(self) -> float:
        """
        The peer is alive: it has sent something, or taken what was written.

        @return: what time it is.
        """
        now = self._heardAt = self.seconds()
        return now

    def messageMoved(self) -> None:
        """
        A message has been sent or received.
        """
        if self.policy.idleTimeout is not None:
            self._messageAt = self.seconds()

    def pongReceived(self, payload: bytes) -> bool:
        """
        Measure the round trip, if a Pong answers the latest heartbeat.

        @return: whether it answers a heartbeat, late or not.
        """
        if not payload.startswith(_HEARTBEAT):
            return False
        if payload == self._awaited:
            self._awaited = None
            self.roundTripTime = self.seconds() - self._heartbeatAt
        return True

    def _isUnanswered(self) -> bool:
        """
        Tell whether nothing was heard since the last Ping.
        """
        return not self.policy.isOneWay and self._heardAt < self._heartbeatAt

    def _heartbeatDue(self, pingInterval: float) -> float:
        """
        Find out when a heartbeat or its answer is due.
        """
        if self._isUnanswered():
            return self._heartbeatAt + self.policy.pingTimeout
        return max(self._heardAt, self._heartbeatAt) + pingInterval

    def _schedule(self) -> None:
        """
        See to it that this is told when something is due, or earlier.
        """
        due = self._deadline
        if self._phase is _Phase.OPEN:
            dues = []
            interval = self.policy.pingInterval
            if interval is not None:
                # An answer makes the next heartbeat due before its own deadline is.
                again = self.seconds() + interval
                dues.append(min(self._heartbeatDue(interval), again))
            if self.policy.idleTimeout is not None:
                dues.append(self._messageAt + self.policy.idleTimeout)
            if not dues:
                return
            due = min(dues)
        place = placeOf(due)
        if self._place is None or self._place > place:
            self._forget()
            self._deadlines = deadlinesOf(self.clock)
            self._deadlines.add(self, place)
            self._place = place

    def _forget(self) -> None:
        """
        Be told nothing.
        """
        place, self._place = self._place, None
        if place is not None and self._deadlines is not None:
            self._deadlines.discard(self, place)

    def wake(self) -> None:
        """
        Do what is due.
        """
        self._place = None
        now = self.seconds()
        if self._phase is _Phase.OPEN:
            assert self._connection is not None
            self._wakeOpen(now, self._connection)
        elif now >= self._deadline:
            self._wakeLate()
        if self._phase in _RUNNING:
            self._schedule()

    def _wakeOpen(self, now: float, connection: KeptAlive) -> None:
        """
        Do what is due on an open connection.
        """
        policy = self.policy
        if not connection.isListening:
            # A message may have come.
            self._messageAt = now
        idle = policy.idleTimeout
        if idle is not None and now >= self._messageAt + idle:
            # Once, whatever comes of it.
            self._messageAt = now
            connection.becomeIdle()
        elif policy.pingInterval is None or now < self._heartbeatDue(
            policy.pingInterval
        ):
            return
        elif not self._isUnanswered():
            self._heartbeat(now, connection)
        elif connection.hasProgressed() or not connection.isListening:
            # A slow peer is none that is gone; and whoever does not listen
            # cannot complain of silence.
            self._heardAt = now
        else:
            self._giveUp()

    def _wakeLate(self) -> None:
        """
        Do what is due when a deadline has passed.
        """
        isSlow = self._connection is not None and self._connection.hasProgressed()
        if self._phase is _Phase.CLOSING and isSlow:
            self.closingProgressed()
        else:
            self._giveUp()

    def _heartbeat(self, now: float, connection: KeptAlive) -> None:
        """
        Send a heartbeat.
        """
        self._heartbeats += 1
        self._heartbeatAt = now
        payload = _HEARTBEAT + self._heartbeats.to_bytes(4, "big")
        if not self.policy.isOneWay:
            self._awaited = payload
        connection.sendHeartbeat(payload, self.policy.isOneWay)

    def _giveUp(self) -> None:
        """
        Tell that the peer took too long.
        """
        setting = _DEADLINES[self._phase]
        seconds = self._tlsTimeout
        if self._phase is not _Phase.TLS:
            seconds = getattr(self.policy, setting)
        # Before the connection is open there is a call for it.
        expire = self._expire
        if self._connection is not None:
            expire = self._connection.expire
        assert expire is not None
        if self._phase is _Phase.HANDSHAKE:
            # It may still be told so, and be seen off.
            self._phase = _Phase.EXPIRED
        else:
            self.stop()
        expire(DeadlineExpired(setting, seconds))


_RUNNING = frozenset((_Phase.TLS, _Phase.HANDSHAKE, _Phase.OPEN, _Phase.CLOSING))
_DEADLINES = {
    _Phase.TLS: "tlsTimeout",
    _Phase.HANDSHAKE: "handshakeTimeout",
    _Phase.OPEN: "pingTimeout",
    _Phase.CLOSING: "closeTimeout",
}
