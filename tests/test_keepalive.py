"""
Tests for L{txws.keepalive}.
"""

from __future__ import annotations

from typing import Any
from weakref import ref

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txws.deadlines import TICK
from txws.errors import DeadlineExpired
from txws.keepalive import Keepalive
from txws.policy import KeepalivePolicy

POLICY = KeepalivePolicy(
    handshakeTimeout=10, pingInterval=20, pingTimeout=7, closeTimeout=5
)


class KeptConnection:
    """
    Notes what its clock tells it to do.

    @ivar acts: what it was told, with the time.
    """

    def __init__(self, policy: KeepalivePolicy = POLICY) -> None:
        self.clock = Clock()
        self.isListening = True
        self.isProgressing = False
        self.acts: list[tuple[Any, ...]] = []
        self.payloads: list[bytes] = []
        self.keepalive = Keepalive(policy, self.clock, self.expire)

    @classmethod
    def opened(cls, policy: KeepalivePolicy = POLICY) -> KeptConnection:
        """
        Make one that is open.
        """
        connection = cls(policy)
        connection.keepalive.start()
        connection.keepalive.connectionOpened(connection)
        return connection

    def sendHeartbeat(self, payload: bytes, isOneWay: bool) -> None:
        """
        Note a Ping or a Pong.
        """
        self.acts.append((self.clock.seconds(), "pong" if isOneWay else "ping"))
        self.payloads.append(payload)

    def hasProgressed(self) -> bool:
        """
        Tell what the test wants.
        """
        return self.isProgressing

    def becomeIdle(self) -> None:
        """
        Begin to close.
        """
        self.acts.append((self.clock.seconds(), "idle"))
        self.keepalive.closingProgressed()

    def expire(self, expired: DeadlineExpired) -> None:
        """
        Note which deadline it was.
        """
        self.acts.append((self.clock.seconds(), expired.deadline, expired.seconds))

    def hearAt(self, *times: float) -> None:
        """
        Hear the peer at some times.
        """
        for time in times:
            self.wait(until=time)
            self.keepalive.heard()

    def wait(self, seconds: float = 0, until: float = 0) -> None:
        """
        Let time pass, in steps of half a second at most, so that what is
        scheduled in a call is seen to be scheduled in time.
        """
        end = max(self.clock.seconds() + seconds, until)
        while self.clock.seconds() < end:
            self.clock.advance(min(0.5, end - self.clock.seconds()))


class HandshakeTests(SynchronousTestCase):
    """
    Tests for the deadline of the opening handshake.
    """

    def test_nothingBefore(self):
        """
        Nothing is scheduled for a connection that is not yet accepted.
        """
        connection = KeptConnection()
        self.assertEqual(connection.clock.getDelayedCalls(), [])

    def test_deadline(self):
        """
        A peer that does not get its opening handshake done in time is given
        up.
        """
        connection = KeptConnection()
        connection.keepalive.start()
        connection.wait(9.5)
        self.assertEqual(connection.acts, [])
        connection.wait(0.5)
        self.assertEqual(connection.acts, [(10, "handshakeTimeout", 10)])
        self.assertEqual(connection.clock.getDelayedCalls(), [])

    def test_absolute(self):
        """
        No byte prolongs it.
        """
        connection = KeptConnection()
        connection.keepalive.start()
        connection.hearAt(*range(1, 12))
        self.assertEqual(connection.acts, [(10, "handshakeTimeout", 10)])

    def test_done(self):
        """
        When the handshake is done its deadline is of no concern.
        """
        connection = KeptConnection()
        connection.keepalive.start()
        connection.wait(9)
        connection.keepalive.connectionOpened(connection)
        connection.wait(19.5)
        self.assertEqual(connection.acts, [])
        connection.wait(0.5)
        self.assertEqual(connection.acts, [(29, "ping")])

    def test_refused(self):
        """
        A peer whose handshake was refused has until the close timeout to go.
        """
        connection = KeptConnection()
        connection.keepalive.start()
        connection.wait(1)
        connection.keepalive.closingProgressed()
        connection.wait(4.5)
        self.assertEqual(connection.acts, [])
        connection.wait(0.5)
        self.assertEqual(connection.acts, [(6, "closeTimeout", 5)])


class HeartbeatTests(SynchronousTestCase):
    """
    Tests for pings on an open connection.
    """

    def test_silence(self):
        """
        A silent peer is pinged.
        """
        connection = KeptConnection.opened()
        connection.wait(19.5)
        self.assertEqual(connection.acts, [])
        connection.wait(0.5)
        self.assertEqual(connection.acts, [(20, "ping")])

    def test_anyTraffic(self):
        """
        A peer that is heard is not pinged before it has been silent again.
        """
        connection = KeptConnection.opened()
        connection.hearAt(5, 19.5, 30)
        connection.wait(until=49.5)
        self.assertEqual(connection.acts, [])
        connection.wait(until=50)
        self.assertEqual(connection.acts, [(50, "ping")])

    def test_unanswered(self):
        """
        A peer that stays silent after a Ping is given up, once.
        """
        connection = KeptConnection.opened()
        connection.wait(until=26.5)
        self.assertEqual(connection.acts, [(20, "ping")])
        connection.wait(until=100)
        self.assertEqual(connection.acts, [(20, "ping"), (27, "pingTimeout", 7)])
        self.assertEqual(connection.clock.getDelayedCalls(), [])

    def test_answeredByAnything(self):
        """
        Anything that the peer says after a Ping saves it, a Pong or not.
        """
        connection = KeptConnection.opened()
        connection.hearAt(26.5)
        connection.wait(until=46)
        self.assertEqual(connection.acts, [(20, "ping")])
        connection.wait(until=46.5)
        self.assertEqual(connection.acts, [(20, "ping"), (46.5, "ping")])

    def test_everyInterval(self):
        """
        A peer that only answers is pinged at every interval.
        """
        connection = KeptConnection.opened()
        connection.hearAt(20, 40, 60)
        connection.wait(until=79.5)
        self.assertEqual(connection.acts, [(20, "ping"), (40, "ping"), (60, "ping")])

    def test_everyIntervalBelowTimeout(self):
        """
        So it is if the timeout is longer than the interval, and soon after an
        answer that took long.
        """
        policy = KeepalivePolicy(pingInterval=1, pingTimeout=30)
        connection = KeptConnection.opened(policy)
        connection.hearAt(1, 2, 3, 9.5)
        connection.wait(until=10)
        self.assertEqual([act[0] for act in connection.acts], [1, 2, 3, 4])
        connection.wait(until=10.5)
        self.assertEqual([act[0] for act in connection.acts], [1, 2, 3, 4, 10.5])
        connection.wait(until=100)
        self.assertEqual(connection.acts[5:], [(40.5, "pingTimeout", 30)])

    def test_shortTimeoutAfterLongInterval(self):
        """
        The timeout counts from the Ping, whatever the interval is.
        """
        policy = KeepalivePolicy(pingInterval=1, pingTimeout=30)
        connection = KeptConnection.opened(policy)
        connection.wait(until=30.5)
        self.assertEqual(connection.acts, [(1, "ping")])
        connection.wait(until=31)
        self.assertEqual(connection.acts, [(1, "ping"), (31, "pingTimeout", 30)])

    def test_notListening(self):
        """
        Who does not listen does not complain of silence: as long as nothing is
        read, a peer is pinged, which shows whether it can be written to, but
        not given up.
        """
        connection = KeptConnection.opened()
        connection.wait(until=20)
        connection.isListening = False
        connection.wait(until=100)
        self.assertEqual(connection.acts, [(20, "ping"), (47, "ping"), (74, "ping")])
        connection.isListening = True
        connection.wait(until=300)
        self.assertEqual(connection.acts[3:], [(101, "ping"), (108, "pingTimeout", 7)])

    def test_slowPeer(self):
        """
        A peer that takes what is on its way to it is alive, however long its
        answer takes.
        """
        connection = KeptConnection.opened()
        connection.isProgressing = True
        connection.wait(until=100)
        self.assertEqual(connection.acts, [(20, "ping"), (47, "ping"), (74, "ping")])
        connection.isProgressing = False
        connection.wait(until=108)
        self.assertEqual(connection.acts[-1], (108, "pingTimeout", 7))

    def test_slowPeerOfAClosing(self):
        """
        The same holds while the connection is being closed.
        """
        connection = KeptConnection.opened()
        connection.isProgressing = True
        connection.keepalive.closingProgressed()
        connection.wait(until=24)
        self.assertEqual(connection.acts, [])
        connection.isProgressing = False
        connection.wait(until=25)
        self.assertEqual(connection.acts, [(25, "closeTimeout", 5)])

    def test_never(self):
        """
        Without an interval there are no pings, and nothing is scheduled.
        """
        connection = KeptConnection.opened(KeepalivePolicy(pingInterval=None))
        connection.wait(until=1000)
        self.assertEqual(connection.acts, [])
        self.assertEqual(connection.clock.getDelayedCalls(), [])

    def test_oneWay(self):
        """
        One-way heartbeats are Pongs at every interval of silence, whose answer
        nobody waits for.
        """
        policy = KeepalivePolicy(pingInterval=20, pingTimeout=7, isOneWay=True)
        connection = KeptConnection.opened(policy)
        connection.wait(until=60)
        self.assertEqual(connection.acts, [(20, "pong"), (40, "pong"), (60, "pong")])
        connection.hearAt(79)
        connection.wait(until=98.5)
        self.assertEqual(len(connection.acts), 3)
        self.assertTrue(connection.keepalive.pongReceived(connection.payloads[-1]))
        self.assertIsNone(connection.keepalive.roundTripTime)

    def test_fewCalls(self):
        """
        A busy connection schedules no call for what it receives.
        """
        connection = KeptConnection.opened()
        (call,) = connection.clock.getDelayedCalls()
        due = call.getTime()
        connection.hearAt(1, 2, 3)
        connection.keepalive.messageMoved()
        self.assertEqual(connection.clock.getDelayedCalls(), [call])
        self.assertEqual(call.getTime(), due)


class PongTests(SynchronousTestCase):
    """
    Tests for the answers to pings.
    """

    def test_roundTrip(self):
        """
        The round trip of a Ping is measured, from the last one that was
        answered.
        """
        connection = KeptConnection.opened()
        keepalive = connection.keepalive
        self.assertIsNone(keepalive.roundTripTime)
        connection.wait(until=20)
        self.assertIsNone(keepalive.roundTripTime)
        connection.wait(1.5)
        connection.keepalive.heard()
        self.assertTrue(keepalive.pongReceived(connection.payloads[0]))
        self.assertEqual(keepalive.roundTripTime, 1.5)
        connection.wait(until=41.5)
        self.assertEqual(keepalive.roundTripTime, 1.5)
        connection.wait(3)
        self.assertTrue(keepalive.pongReceived(connection.payloads[1]))
        self.assertEqual(keepalive.roundTripTime, 3)

    def test_foreign(self):
        """
        A Pong that answers no heartbeat is not ours: one that nobody asked
        for, one for a Ping of the application.
        """
        connection = KeptConnection.opened()
        connection.wait(until=20)
        for foreign in (b"", b"\0\0\0\1", b"txws", b"hello"):
            self.assertFalse(connection.keepalive.pongReceived(foreign))
        self.assertIsNone(connection.keepalive.roundTripTime)

    def test_late(self):
        """
        A Pong that answers an earlier heartbeat, or a second time, is ours but
        measures nothing.
        """
        connection = KeptConnection.opened()
        connection.hearAt(20, 21)
        connection.wait(until=41)
        first, second = connection.payloads
        self.assertTrue(connection.keepalive.pongReceived(first))
        self.assertIsNone(connection.keepalive.roundTripTime)
        connection.wait(2)
        self.assertTrue(connection.keepalive.pongReceived(second))
        connection.wait(1)
        self.assertTrue(connection.keepalive.pongReceived(second))
        self.assertEqual(connection.keepalive.roundTripTime, 2)

    def test_different(self):
        """
        No two heartbeats have the same payload, so that an answer is known to
        be of its Ping.
        """
        connection = KeptConnection.opened()
        connection.hearAt(20, 40, 60, 80)
        self.assertEqual(len(set(connection.payloads)), 4)


class IdleTests(SynchronousTestCase):
    """
    Tests for the end of idle connections.
    """

    policy = KeepalivePolicy(pingInterval=20, pingTimeout=7, idleTimeout=50)

    def test_idle(self):
        """
        A connection without messages is closed, although its peer is alive.
        """
        connection = KeptConnection.opened(self.policy)
        connection.hearAt(20, 40)
        connection.wait(until=49.5)
        self.assertEqual(connection.acts, [(20, "ping"), (40, "ping")])
        connection.wait(until=50)
        self.assertEqual(connection.acts[2:], [(50, "idle")])
        connection.wait(until=55)
        self.assertEqual(connection.acts[3:], [(55, "closeTimeout", 5)])

    def test_messages(self):
        """
        A message in either direction makes it wait anew.
        """
        connection = KeptConnection.opened(self.policy)
        for time in (30, 60):
            connection.hearAt(time - 15, time)
            connection.keepalive.messageMoved()
        connection.hearAt(75, 90, 105, 109.5)
        self.assertEqual(connection.acts, [])
        connection.wait(until=110)
        self.assertEqual(connection.acts, [(110, "idle")])

    def test_withoutPings(self):
        """
        It needs no pings.
        """
        policy = KeepalivePolicy(pingInterval=None, idleTimeout=50)
        connection = KeptConnection.opened(policy)
        connection.wait(until=50)
        self.assertEqual(connection.acts, [(50, "idle")])

    def test_neverIdle(self):
        """
        By default no connection is idle.
        """
        connection = KeptConnection.opened()
        connection.hearAt(*range(1000))
        self.assertEqual(connection.acts, [])

    def test_notListening(self):
        """
        While nothing is read, nobody can tell whether a message has come.
        """
        policy = KeepalivePolicy(pingInterval=None, idleTimeout=50)
        connection = KeptConnection.opened(policy)
        connection.isListening = False
        connection.wait(until=500)
        self.assertEqual(connection.acts, [])


class ClosingTests(SynchronousTestCase):
    """
    Tests for the deadline of the closing handshake.
    """

    def test_deadline(self):
        """
        A peer that does not close in time is given up; no byte that it sends
        prolongs that, and it is not pinged any more.
        """
        connection = KeptConnection.opened()
        connection.wait(until=18)
        connection.keepalive.closingProgressed()
        connection.hearAt(19, 20, 21, 22, 22.5)
        self.assertEqual(connection.acts, [])
        connection.wait(until=23)
        self.assertEqual(connection.acts, [(23, "closeTimeout", 5)])

    def test_progress(self):
        """
        Each step on the way to the end has its own time.
        """
        connection = KeptConnection.opened()
        for time in (0, 4.5, 9, 13.5):
            connection.wait(until=time)
            connection.keepalive.closingProgressed()
        connection.wait(until=18)
        self.assertEqual(connection.acts, [])
        connection.wait(until=18.5)
        self.assertEqual(connection.acts, [(18.5, "closeTimeout", 5)])


class StopTests(SynchronousTestCase):
    """
    Tests for the end.
    """

    def test_stop(self):
        """
        After the end nothing is scheduled, in whatever phase it came.
        """
        for begin in (
            lambda keepalive, connection: None,
            lambda keepalive, connection: keepalive.start(),
            lambda keepalive, connection: keepalive.connectionOpened(connection),
            lambda keepalive, connection: keepalive.closingProgressed(),
        ):
            connection = KeptConnection()
            begin(connection.keepalive, connection)
            connection.keepalive.stop()
            connection.keepalive.stop()
            self.assertEqual(connection.clock.getDelayedCalls(), [])

    def test_afterwards(self):
        """
        What a connection does after its end schedules nothing.
        """
        connection = KeptConnection.opened()
        connection.keepalive.stop()
        connection.keepalive.heard()
        connection.keepalive.messageMoved()
        connection.keepalive.closingProgressed()
        connection.keepalive.pongReceived(b"")
        self.assertEqual(connection.clock.getDelayedCalls(), [])

    def test_letsGo(self):
        """
        After the end the connection is not kept in memory.
        """
        for begin in (KeptConnection, KeptConnection.opened):
            connection = begin()
            keepalive = connection.keepalive
            kept = ref(connection)
            keepalive.stop()
            del connection
            self.assertIsNone(kept())

    def test_stopInside(self):
        """
        A connection may end in whatever its clock tells it to do.
        """

        class Ending(KeptConnection):
            """
            Ends when it is told to ping or to close.
            """

            def sendHeartbeat(self, payload: bytes, isOneWay: bool) -> None:
                """
                End.
                """
                super().sendHeartbeat(payload, isOneWay)
                self.keepalive.stop()

            def becomeIdle(self) -> None:
                """
                End.
                """
                super().becomeIdle()
                self.keepalive.stop()

        for policy in (POLICY, IdleTests.policy, KeepalivePolicy(isOneWay=True)):
            connection = Ending.opened(policy)
            connection.wait(until=60)
            self.assertEqual(len(connection.acts), 1)
            self.assertEqual(connection.clock.getDelayedCalls(), [])


stable = settings(deadline=None, derandomize=True, database=None)

STEPS = st.one_of(
    st.tuples(st.just("wait"), st.floats(0, 30)),
    st.tuples(
        st.sampled_from(
            ("heard", "messageMoved", "closingProgressed", "pong", "listen", "deaf")
        ),
        st.none(),
    ),
)


class AnyTests(SynchronousTestCase):
    """
    What holds whatever happens.
    """

    @stable
    @given(
        steps=st.lists(STEPS, max_size=30),
        pingInterval=st.none() | st.floats(0.5, 40),
        idleTimeout=st.none() | st.floats(0.5, 40),
        isOneWay=st.booleans(),
    )
    def test_oneCall(self, steps, pingInterval, idleTimeout, isOneWay):
        """
        A connection has at most one delayed call, and none after its end.
        """
        connection = KeptConnection(
            KeepalivePolicy(
                pingInterval=pingInterval, idleTimeout=idleTimeout, isOneWay=isOneWay
            )
        )
        keepalive = connection.keepalive
        keepalive.start()
        keepalive.connectionOpened(connection)
        for name, seconds in steps:
            if name == "wait":
                connection.clock.advance(seconds)
            elif name == "pong":
                keepalive.pongReceived((connection.payloads or [b""])[-1])
            elif name in ("listen", "deaf"):
                connection.isListening = name == "listen"
            else:
                getattr(keepalive, name)()
            self.assertLessEqual(len(connection.clock.getDelayedCalls()), 1)
        ends = [act for act in connection.acts if len(act) == 3]
        self.assertLessEqual(len(ends), 1)
        if ends:
            self.assertEqual(connection.acts[-1], ends[0])
            self.assertEqual(connection.clock.getDelayedCalls(), [])
        keepalive.stop()
        self.assertEqual(connection.clock.getDelayedCalls(), [])

    @stable
    @given(steps=st.lists(STEPS, max_size=30))
    def test_silentPeerIsGivenUp(self, steps):
        """
        Whatever has happened before: a peer that falls silent is given up
        within an interval and a timeout, if it is listened to.
        """
        connection = KeptConnection.opened()
        for name, seconds in steps:
            if name == "wait":
                connection.clock.advance(min(seconds, 15))
                connection.keepalive.heard()
            elif name in ("heard", "messageMoved", "closingProgressed"):
                getattr(connection.keepalive, name)()
        # A clock of floats may round: what is due just after a step of wait()
        # comes with the next, twice here.
        connection.wait(28)
        self.assertEqual(len(connection.acts[-1]), 3)

    @stable
    @given(st.lists(st.floats(0.1, 26.5), min_size=1, max_size=20))
    def test_livingPeerIsKept(self, silences):
        """
        A peer that never is silent for an interval and a timeout is never
        given up.
        """
        connection = KeptConnection.opened()
        for silence in silences:
            connection.wait(silence)
            connection.keepalive.heard()
        acts = [act[1] for act in connection.acts]
        self.assertEqual(acts, ["ping"] * len(acts))
        # A Ping may be a tick late.
        self.assertLessEqual(len(acts), sum(silence >= 20 for silence in silences))
        atLeast = sum(silence >= 20 + 2 * TICK for silence in silences)
        self.assertGreaterEqual(len(acts), atLeast)
