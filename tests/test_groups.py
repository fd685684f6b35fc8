"""
Tests for L{txws.groups} and L{txws.slowreaders}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionLost
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from txws.errors import InvalidSetting, WebSocketFailed
from txws.groups import (
    Block,
    Close,
    DropOldest,
    Group,
    GroupCounters,
    Latest,
    SlowReaderPolicy,
)
from txws.interfaces import IGroup
from txws.policy import Limits
from txws.results import Shared
from txws.testing import RecordingHandler
from txws.wire.codes import Opcode
from txws.wire.frames import Frame
from txws.wire.prepared import PreparedMessage
from txws.wire.states import Role

from .ends import FULL, Act, ActingHandler, End
from .test_flow import PushProducer
from .test_transport import stable
from .wire.tables import keptSize

LIMITS = Limits(highWaterMark=1000, lowWaterMark=100, maxPendingSize=100000)


class Broken(Exception):
    """
    An error of a connection, or of an application.
    """


class BadEnd(End):
    """
    A member to which nothing can be sent.

    @ivar act: what happens when it is tried.
    """

    def __init__(self, *arguments, **settings) -> None:
        super().__init__(*arguments, **settings)
        self.act: Callable[[], object] = self.fail
        sendPrepared = self.webSocket.sendPreparedMessage

        def send(message: PreparedMessage) -> Deferred[None]:
            self.act()
            return sendPrepared(message)

        self.webSocket.sendPreparedMessage = send  # type: ignore[method-assign]

    @classmethod
    def make(cls, **settings) -> BadEnd:
        """
        Make one that is open.
        """
        end = cls(**settings)
        end.webSocket.open(b"")
        return end

    def fail(self) -> None:
        """
        Raise.
        """
        raise Broken


class GroupTestCase(SynchronousTestCase):
    """
    Makes groups with members.
    """

    def waitingFor(self, end: End) -> int:
        """
        Find out how many wait for the peer of a connection to read.
        """
        writable = end.webSocket._whenWritable()
        assert isinstance(writable, Shared)
        return writable.waiting

    def makeGroup(
        self, count: int = 3, policy: SlowReaderPolicy | None = None
    ) -> tuple[Group, list[End]]:
        """
        Make a group of connections that read.
        """
        group = Group(policy)
        ends = [End.opened(limits=LIMITS) for _ in range(count)]
        for end in ends:
            group.add(end.webSocket)
        return group, ends

    def makeSlow(self, end: End) -> None:
        """
        Have the peer of a connection read too slowly.
        """
        end.webSocket.sendBytesMessage(bytes(FULL))
        end.webSocket.sendBytesMessage(bytes(2000))
        self.assertTrue(end.webSocket.isAboveHighWater)

    def takeTexts(self, end: End) -> list[str]:
        """
        Take the texts that were sent to a member, until nothing moves.
        """
        return self.textsOf(end.takeAll())

    def textsOf(self, frames: list[Frame]) -> list[str]:
        """
        Find the texts among some frames.
        """
        return [f.payload.decode() for f in frames if f.opcode is Opcode.TEXT]


class MembersTests(GroupTestCase):
    """
    Who is in a group.
    """

    def test_interface(self):
        """
        It is a group, as connections know them.
        """
        verifyObject(IGroup, Group())

    def test_members(self):
        """
        Members can be counted, looked for and listed in the order in which
        they came; each is there once.
        """
        group, ends = self.makeGroup()
        stranger = End.opened()
        group.add(ends[0].webSocket)
        self.assertEqual(len(group), 3)
        self.assertEqual(list(group), [end.webSocket for end in ends])
        self.assertIn(ends[0].webSocket, group)
        self.assertNotIn(stranger.webSocket, group)

    def test_discard(self):
        """
        Who is discarded is not sent anything any more; discarding a stranger
        does nothing.
        """
        group, ends = self.makeGroup()
        group.discard(ends[1].webSocket)
        group.discard(ends[1].webSocket)
        group.discard(End.opened().webSocket)
        group.broadcast("a")
        self.assertEqual([self.takeTexts(end) for end in ends], [["a"], [], ["a"]])
        self.assertEqual(ends[1].webSocket.groups, set())

    def test_again(self):
        """
        Who was discarded may come back.
        """
        group, (end,) = self.makeGroup(1)
        group.discard(end.webSocket)
        group.add(end.webSocket)
        group.broadcast("a")
        self.assertEqual(self.takeTexts(end), ["a"])
        end.leave()
        self.assertEqual(len(group), 0)

    def test_iteration(self):
        """
        Members may come and go while one goes through them.
        """
        group, ends = self.makeGroup()
        seen = []
        for member in group:
            seen.append(member)
            group.discard(member)
            group.add(End.opened().webSocket)
        self.assertEqual(seen, [end.webSocket for end in ends])
        self.assertEqual(len(group), 3)

    def test_lost(self):
        """
        However a connection ends, it leaves all of its groups, before its
        handler is told.
        """
        for end_ in (
            lambda end: end.leave(),
            lambda end: end.transport.lose(ConnectionLost()),
            lambda end: end.webSocket.abortConnection(),
        ):
            groups = [Group(), Group()]
            sizes: list[int] = []
            handler = ActingHandler(connectionLost=self.sizing(groups, sizes))
            end = End.opened(handler)
            for group in groups:
                group.add(end.webSocket)
            end_(end)
            end.transport.settle()
            self.assertEqual(sizes, [0, 0])

    def sizing(self, groups: list[Group], sizes: list[int]) -> Act:
        """
        Make the act that notes how many are in some groups.
        """
        return lambda transport: sizes.extend(map(len, groups))

    def test_tooLate(self):
        """
        A connection that is closing, or lost, is not added: nobody would take
        it out again.
        """
        for begin in (
            lambda end: end.webSocket.loseConnection(),
            lambda end: end.webSocket.abortConnection(),
            lambda end: end.leave(),
        ):
            group, end = Group(), End.opened()
            begin(end)
            group.add(end.webSocket)
            self.assertEqual(len(group), 0)
            self.assertEqual(end.webSocket.groups, set())

    def test_early(self):
        """
        A connection may be added from C{negotiationStarted} on; what it is
        sent follows the 101.
        """
        group = Group()
        end = End(ActingHandler(negotiationStarted=group.add))
        group.broadcast("a")
        self.assertEqual(end.transport.writes, [])
        end.webSocket.open(b"")
        self.assertEqual(self.takeTexts(end), ["a"])

    def test_misuse(self):
        """
        A handler is no member, and what is no policy is no setting.
        """
        error = self.assertRaises(TypeError, Group().add, RecordingHandler())
        self.assertIn("IWebSocketTransport", str(error))
        for policy in (DropOldest, "close", 5):
            error = self.assertRaises(InvalidSetting, Group, policy)
            self.assertEqual(error.setting, "slowReaders")

    def test_repr(self):
        """
        In a log it says how many it is, and what its policy is.
        """
        group, _ = self.makeGroup(2, DropOldest(5))
        self.assertEqual(repr(group), "<Group of 2, DropOldest(size=5)>")


class BroadcastTests(GroupTestCase):
    """
    Sending to all.
    """

    def test_text(self):
        """
        All members get a message, text as text and bytes as bytes, prepared or
        not.
        """
        group, ends = self.makeGroup()
        given: list[Any] = ["Grüße", b"\0", bytearray(b"\1"), memoryview(b"\2")]
        for message in (*given, *map(PreparedMessage, given)):
            self.assertIsNone(self.successResultOf(group.broadcast(message)))
        for end in ends:
            frames = [(found.opcode, found.payload) for found in end.takeAll()]
            expected = [
                (Opcode.TEXT, "Grüße".encode()),
                (Opcode.BINARY, b"\0"),
                (Opcode.BINARY, b"\1"),
                (Opcode.BINARY, b"\2"),
            ]
            self.assertEqual(frames, expected * 2)
        self.assertEqual(group.counters, GroupCounters(sent=24))

    def test_nobody(self):
        """
        Nobody may be there.
        """
        self.assertIsNone(self.successResultOf(Group().broadcast("a")))

    def test_serializedOnce(self):
        """
        Ten thousand bytes to a hundred members that do not read are kept once.
        """
        group, ends = self.makeGroup(100)
        for end in ends:
            end.webSocket.sendBytesMessage(bytes(FULL))
        before = keptSize([end.wire for end in ends])
        group.broadcast("x" * 10000)
        self.assertLess(keptSize([end.wire for end in ends]) - before, 11000)

    def test_roles(self):
        """
        Connections of clients are members like others; they mask.
        """
        group = Group()
        end = End.opened(role=Role.CLIENT)
        group.add(end.webSocket)
        group.broadcast("a")
        (written,) = end.transport.writes
        self.assertEqual(written[1] & 0x80, 0x80)
        self.assertEqual(self.takeTexts(end), ["a"])

    def test_exclude(self):
        """
        Some may be left out: members, strangers, another group.
        """
        group, ends = self.makeGroup()
        group.broadcast("a", exclude=[ends[0].webSocket, End.opened().webSocket])
        other = Group()
        other.add(ends[1].webSocket)
        group.broadcast("b", exclude=other)
        self.assertEqual(
            [self.takeTexts(end) for end in ends], [["b"], ["a"], ["a", "b"]]
        )

    def test_misuse(self):
        """
        What cannot be sent is an error of the caller, and nobody gets
        anything.
        """
        group, ends = self.makeGroup()
        self.assertRaises(UnicodeEncodeError, group.broadcast, "\ud800")
        error = self.assertRaises(TypeError, group.broadcast, 5)
        self.assertIn("message", str(error))
        error = self.assertRaises(TypeError, group.broadcast, "a", ends[0].webSocket)
        self.assertIn("exclude", str(error))
        self.assertEqual([self.takeTexts(end) for end in ends], [[], [], []])
        self.assertEqual(len(group), 3)

    def test_closing(self):
        """
        A member that is being closed is sent nothing, and counted for nothing.
        """
        group, ends = self.makeGroup(2)
        ends[0].webSocket.loseConnection()
        ends[0].takeFrames()
        self.successResultOf(group.broadcast("a"))
        self.assertEqual(ends[0].takeFrames(), [])
        self.assertEqual(self.takeTexts(ends[1]), ["a"])
        self.assertEqual(group.counters, GroupCounters(sent=1))

    def test_bad(self):
        """
        A member to which nothing can be sent is logged with its facts and
        discarded; the others get everything.
        """
        group, ends = self.makeGroup(1)
        bad = BadEnd.make()
        last = End.opened()
        for end in (bad, last):
            group.add(end.webSocket)
        with capturedLogs() as logged:
            group.broadcast("a")
        group.broadcast("b")
        for end in (ends[0], last):
            self.assertEqual(self.takeTexts(end), ["a", "b"])
        self.assertNotIn(bad.webSocket, group)
        self.assertEqual(group.counters, GroupCounters(sent=4, failed=1))
        (event,) = (e for e in logged if e["log_level"] is LogLevel.critical)
        self.assertIs(event["member"], bad.webSocket)
        self.assertIs(event["group"], group)
        self.assertIn("/feed", formatEvent(event))
        self.assertEqual(len(self.flushLoggedErrors(Broken)), 1)

    def test_endOfOthers(self):
        """
        Sending to one may end others: those are not sent to, and the rest is.
        """
        group, first = Group(), BadEnd.make()
        aborted, discarded, last = (End.opened() for _ in range(3))
        for end in (first, aborted, discarded, last):
            group.add(end.webSocket)

        def act() -> None:
            aborted.webSocket.abortConnection()
            aborted.transport.settle()
            group.discard(discarded.webSocket)

        first.act = act
        group.broadcast("a")
        self.assertEqual(
            [self.takeTexts(end) for end in (first, aborted, discarded, last)],
            [["a"], [], [], ["a"]],
        )
        self.assertEqual(list(group), [first.webSocket, last.webSocket])

    def test_newcomers(self):
        """
        Who joins during a broadcast gets the next one.
        """
        group, first, newcomer = Group(), BadEnd.make(), End.opened()
        group.add(first.webSocket)
        first.act = lambda: group.add(newcomer.webSocket)
        group.broadcast("a")
        group.broadcast("b")
        self.assertEqual(self.takeTexts(newcomer), ["b"])

    def test_oneTurn(self):
        """
        Answers to what one read has brought leave in one write, also when they
        go to a group that the sender is in.
        """
        group = Group()
        handler = ActingHandler(
            textMessageReceived=lambda transport: group.broadcast("a")
        )
        ends = [End.opened(handler), End.opened()]
        for end in ends:
            group.add(end.webSocket)
        ends[0].receiveText("1", "2", "3")
        self.assertEqual(len(ends[0].transport.writes), 1)
        for end in ends:
            self.assertEqual(self.takeTexts(end), ["a"] * 3)


class BlockTests(GroupTestCase):
    """
    The sender waits for the slowest.
    """

    def test_waits(self):
        """
        All get a message at once; the broadcast is done when the slowest has
        read.
        """
        group, ends = self.makeGroup(3, Block())
        for end in ends[1:]:
            self.makeSlow(end)
        done = group.broadcast("a")
        self.assertEqual(self.takeTexts(ends[0]), ["a"])
        self.assertNoResult(done)
        self.assertEqual(self.takeTexts(ends[1]), ["a"])
        self.assertNoResult(done)
        self.assertEqual(self.takeTexts(ends[2]), ["a"])
        self.assertIsNone(self.successResultOf(done))
        self.assertEqual(group.counters, GroupCounters(sent=3))

    def test_paced(self):
        """
        Who waits for each broadcast sends no faster than the slowest reads:
        its memory is bounded by the high-water mark and a message.
        """
        group, ends = self.makeGroup()
        message = b"x" * 500
        for _ in range(300):
            done = group.broadcast(message)
            for end in ends[1:]:
                end.takeAll()
            if not done.called:
                break
        self.assertTrue(ends[0].webSocket.isAboveHighWater)
        self.assertLess(ends[0].webSocket.pendingSize, 1000 + 504 + 1)
        ends[0].takeAll()
        self.successResultOf(done)
        self.successResultOf(group.broadcast(message))

    def test_coroutine(self):
        """
        A coroutine may await it.
        """
        group, ends = self.makeGroup()

        async def send() -> int:
            sent = 0
            while sent < 200:
                await group.broadcast(b"x" * 1000)
                sent += 1
            return sent

        sending = Deferred.fromCoroutine(send())
        rounds = 0
        while not sending.called and rounds < 1000:
            rounds += 1
            for end in ends:
                end.takeAll()
        self.assertGreater(rounds, 1)
        self.assertEqual(self.successResultOf(sending), 200)

    def test_gone(self):
        """
        Slow readers that are lost, discarded or given up are not waited for.
        """
        for end_ in (
            lambda group, end: end.transport.lose(ConnectionLost()),
            lambda group, end: end.webSocket.abortConnection(),
            lambda group, end: group.discard(end.webSocket),
            lambda group, end: end.webSocket.sendBytesMessage(bytes(200000)),
        ):
            group, ends = self.makeGroup()
            self.makeSlow(ends[0])
            both = [group.broadcast("a") for _ in range(2)]
            end_(group, ends[0])
            ends[0].transport.settle()
            for done in both:
                self.successResultOf(done)

    def test_others(self):
        """
        Neither are members that it was not sent to: those left out, those who
        are closing, and those who come later.
        """
        group, ends = self.makeGroup()
        self.makeSlow(ends[0])
        self.makeSlow(ends[1])
        ends[1].webSocket.loseConnection()
        self.successResultOf(group.broadcast("a", exclude=[ends[0].webSocket]))
        group.discard(ends[0].webSocket)
        done = group.broadcast("b")
        group.add(ends[0].webSocket)
        self.successResultOf(done)

    def test_cancelled(self):
        """
        Who gives up waiting ends nothing else: the message arrives, and other
        senders wait on.
        """
        group, ends = self.makeGroup()
        self.makeSlow(ends[0])
        first, second = group.broadcast("a"), group.broadcast("b")
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.assertNoResult(second)
        self.assertEqual(self.takeTexts(ends[0]), ["a", "b"])
        self.successResultOf(second)

    def test_unread(self):
        """
        If nobody waits, a member that never reads is closed by its own limit,
        and the others are served.
        """
        group, ends = self.makeGroup()
        for _ in range(400):
            group.broadcast(b"x" * 1000)
            for end in ends[1:]:
                self.assertEqual(len(end.takeAll()), 1)
        self.assertFalse(ends[0].webSocket.isOpen)
        self.assertLess(ends[0].webSocket.pendingSize, 2000)
        self.assertEqual(ends[0].wire.closeSent.code, 1008)

    def test_badWait(self):
        """
        A member that cannot even be waited for is discarded, whether it was
        slow before or has become so.
        """

        def fail() -> Deferred[None]:
            raise Broken

        for makeSlow in (
            self.makeSlow,
            lambda end: end.webSocket.sendBytesMessage(bytes(FULL)),
        ):
            group, ends = self.makeGroup()
            bad = ends[0].webSocket
            makeSlow(ends[0])
            bad.whenWritable = fail  # type: ignore[method-assign]
            done = group.broadcast("a" * 2000)
            self.successResultOf(done)
            self.assertNotIn(bad, group)
            self.assertEqual(self.takeTexts(ends[1]), ["a" * 2000])
            self.assertEqual(len(self.flushLoggedErrors(Broken)), 1)


class DropOldestTests(GroupTestCase):
    """
    The newest messages wait for slow readers.
    """

    def test_dropped(self):
        """
        When too many wait, the oldest is dropped and counted; what waits is
        sent in order when the peer has read.
        """
        group, ends = self.makeGroup(2, DropOldest(size=3))
        self.makeSlow(ends[0])
        for number in range(5):
            self.successResultOf(group.broadcast(str(number)))
        self.assertEqual(group.waiting(ends[0].webSocket), 3)
        self.assertEqual(group.waiting(ends[1].webSocket), 0)
        self.assertEqual(group.counters, GroupCounters(sent=5, dropped=2))
        self.assertEqual(self.takeTexts(ends[0]), ["2", "3", "4"])
        self.assertEqual(self.takeTexts(ends[1]), ["0", "1", "2", "3", "4"])
        self.assertEqual(group.waiting(ends[0].webSocket), 0)
        self.assertEqual(group.counters, GroupCounters(sent=8, dropped=2))

    def test_recovered(self):
        """
        Who has read is sent to at once again.
        """
        group, (end,) = self.makeGroup(1, DropOldest())
        for _ in range(2):
            self.makeSlow(end)
            group.broadcast("a")
            self.assertEqual(group.waiting(end.webSocket), 1)
            self.assertEqual(self.takeTexts(end), ["a"])
            group.broadcast("b")
            self.assertEqual(group.waiting(end.webSocket), 0)
            self.assertEqual(self.takeTexts(end), ["b"])

    def test_bitByBit(self):
        """
        What waits is sent no faster than the peer reads.
        """
        group, (end,) = self.makeGroup(1, DropOldest(size=1000))
        self.makeSlow(end)
        for _ in range(500):
            group.broadcast("x" * 1000)
        texts = 0
        while group.waiting(end.webSocket) and end.transport.writes:
            self.assertLess(end.webSocket.pendingSize, 2000 + 1004 + 4)
            texts += sum(f.opcode is Opcode.TEXT for f in end.takeFrames())
        self.assertEqual(texts + len(self.takeTexts(end)), 500)
        self.assertEqual(group.counters, GroupCounters(sent=500))

    def test_order(self):
        """
        Nothing overtakes what waits, not even what is broadcast when the peer
        reads again.
        """
        group, (end,) = self.makeGroup(1, DropOldest())
        self.makeSlow(end)
        producer = PushProducer()
        producer.resumeProducing = lambda: group.broadcast("3")  # type: ignore[assignment, method-assign]
        end.webSocket.attachProducer(producer)
        group.broadcast("1")
        group.broadcast("2")
        self.assertEqual(self.takeTexts(end), ["1", "2", "3"])

    def test_bounded(self):
        """
        The memory that a member takes which never reads is bounded, and others
        are served.
        """
        group, ends = self.makeGroup(2, DropOldest(size=10))
        for number in range(1000):
            group.broadcast(b"%1000d" % number)
            self.assertEqual(len(ends[1].takeAll()), 1)
        self.assertTrue(ends[0].webSocket.isOpen)
        # Its transport keeps what fills it.
        self.assertLess(keptSize(group, ends[0].wire), FULL + 30000)
        self.assertEqual(ends[0].takeAll()[-1].payload, b"%1000d" % 999)

    def test_forgotten(self):
        """
        What waits for a member is forgotten when it leaves, closes or is lost.
        """
        for end_ in (
            lambda group, end: group.discard(end.webSocket),
            lambda group, end: end.webSocket.loseConnection(),
            lambda group, end: end.webSocket.abortConnection(),
            lambda group, end: end.leave(),
        ):
            group, (end,) = self.makeGroup(1, DropOldest())
            self.makeSlow(end)
            group.broadcast("a")
            end_(group, end)
            self.assertEqual(self.takeTexts(end), [])
            end.transport.settle()
            self.assertEqual(group.waiting(end.webSocket), 0)
            self.assertEqual(group.counters, GroupCounters())

    def test_oneWait(self):
        """
        A connection is asked once when it has read, whatever is broadcast
        meanwhile; who leaves leaves nothing behind.
        """
        group, (end,) = self.makeGroup(1, DropOldest())
        self.makeSlow(end)
        for _ in range(3):
            for _ in range(3):
                group.broadcast("a")
            self.assertEqual(self.waitingFor(end), 1)
            group.discard(end.webSocket)
            self.assertEqual(self.waitingFor(end), 0)
            group.add(end.webSocket)

    def test_addedAgain(self):
        """
        Adding a member that is one already changes nothing.
        """
        group, (end,) = self.makeGroup(1, DropOldest())
        self.makeSlow(end)
        group.broadcast("a")
        group.add(end.webSocket)
        self.assertEqual(group.waiting(end.webSocket), 1)
        self.assertEqual(self.takeTexts(end), ["a"])

    def test_rejoined(self):
        """
        Who leaves and comes back begins anew.
        """
        group, (end,) = self.makeGroup(1, DropOldest())
        self.makeSlow(end)
        group.broadcast("a")
        group.discard(end.webSocket)
        group.add(end.webSocket)
        group.broadcast("b")
        self.assertEqual(self.takeTexts(end), ["b"])

    def test_failsLater(self):
        """
        A member that fails when it is sent what has waited is discarded, too.
        """
        group = Group(DropOldest())
        bad = BadEnd.make(limits=LIMITS)
        group.add(bad.webSocket)
        self.makeSlow(bad)
        group.broadcast("a")
        group.broadcast("b")
        bad.takeAll()
        self.assertEqual(len(group), 0)
        self.assertEqual(group.counters, GroupCounters(failed=1))
        self.assertEqual(len(self.flushLoggedErrors(Broken)), 1)

    def test_leavesInside(self):
        """
        A member that leaves while it is sent what has waited gets no more of
        it.
        """
        group = Group(DropOldest())
        end = BadEnd.make(limits=LIMITS)
        group.add(end.webSocket)
        self.makeSlow(end)
        group.broadcast("a")
        group.broadcast("b")
        end.act = lambda: group.discard(end.webSocket)
        self.assertEqual(self.takeTexts(end), ["a"])
        self.assertEqual(len(group), 0)

    def test_settings(self):
        """
        At least one message can wait, by default a hundred.
        """
        self.assertEqual(DropOldest().size, 100)
        for size in (0, -1, 1.5, True, None, "1"):
            error = self.assertRaises(InvalidSetting, DropOldest, size)
            self.assertEqual(error.setting, "size")


class LatestTests(GroupTestCase):
    """
    The latest message of each key waits for slow readers.
    """

    def test_replaced(self):
        """
        A later message takes the place of the one that waits with the same
        key, and is counted; those who read get all.
        """
        group, ends = self.makeGroup(2, Latest(lambda message: message[0]))
        self.makeSlow(ends[0])
        for message in ("a1", "b1", "a2", "a3", "c1"):
            self.successResultOf(group.broadcast(message))
        self.assertEqual(group.waiting(ends[0].webSocket), 3)
        self.assertEqual(self.takeTexts(ends[0]), ["a3", "b1", "c1"])
        self.assertEqual(self.takeTexts(ends[1]), ["a1", "b1", "a2", "a3", "c1"])
        self.assertEqual(group.counters, GroupCounters(sent=8, replaced=2))

    def test_given(self):
        """
        The key is asked once for each broadcast, for what was given.
        """
        asked: list[Any] = []
        group, ends = self.makeGroup(3, Latest(asked.append))
        for end in ends:
            self.makeSlow(end)
        given = ("text", b"bytes", bytearray(b"array"), PreparedMessage("prepared"))
        for message in given:
            group.broadcast(message)
        self.assertEqual(asked, list(given))
        self.assertIs(asked[-1], given[-1])

    def test_bounded(self):
        """
        However many keys there are, only so many messages wait.
        """
        group, (end,) = self.makeGroup(1, Latest(lambda message: message, size=2))
        self.makeSlow(end)
        for message in ("a", "b", "a", "c"):
            group.broadcast(message)
        self.assertEqual(group.counters, GroupCounters(dropped=1, replaced=1))
        self.assertEqual(self.takeTexts(end), ["b", "c"])

    def test_raises(self):
        """
        A key function that raises, or returns what is no key, is an error of
        the caller: nobody gets anything.
        """

        def fail(message: object) -> None:
            raise Broken

        keys: tuple[Any, ...] = ((fail, Broken), (lambda message: [], TypeError))
        for key, error in keys:
            group, ends = self.makeGroup(2, Latest(key))
            self.makeSlow(ends[0])
            found = self.assertRaises(error, group.broadcast, "a")
            if error is TypeError:
                self.assertIn("key", str(found))
            self.assertEqual([self.takeTexts(end) for end in ends], [[], []])
            self.assertEqual(len(group), 2)

    def test_settings(self):
        """
        A key function is called; by default a thousand keys are kept apart.
        """
        self.assertEqual(Latest(len).size, 1000)
        error = self.assertRaises(InvalidSetting, Latest, "symbol")
        self.assertEqual(error.setting, "key")
        error = self.assertRaises(InvalidSetting, Latest, len, 0)
        self.assertEqual(error.setting, "size")


class CloseTests(GroupTestCase):
    """
    Slow readers are closed.
    """

    def test_closed(self):
        """
        A member above its high-water mark is closed with 1008, once, and
        leaves; the others get the message.
        """
        group, ends = self.makeGroup(3, Close())
        self.makeSlow(ends[1])
        with capturedLogs() as logged:
            for message in ("a", "b"):
                self.successResultOf(group.broadcast(message))
        self.assertEqual(list(group), [ends[0].webSocket, ends[2].webSocket])
        self.assertEqual(self.waitingFor(ends[1]), 0)
        closed = ends[1].takeAll()[-1]
        self.assertEqual(closed.opcode, Opcode.CLOSE)
        self.assertEqual(closed.payload, b"\x03\xf0read too slowly")
        self.assertEqual(self.takeTexts(ends[2]), ["a", "b"])
        self.assertEqual(group.counters, GroupCounters(sent=4, closed=1))
        (event,) = (e for e in logged if e["log_level"] is LogLevel.warn)
        self.assertIs(event["member"], ends[1].webSocket)

    def test_unanswered(self):
        """
        One that never reads is aborted after the close timeout, so that
        nothing is left of it.
        """
        group, (end,) = self.makeGroup(1, Close())
        self.makeSlow(end)
        group.broadcast("a")
        end.clock.advance(5)
        end.transport.settle()
        self.assertIsInstance(end.ended, WebSocketFailed)
        self.assertEqual(end.delayedCalls, 0)


class PolicyTests(GroupTestCase):
    """
    Policies are values, and an application may have one of its own.
    """

    def test_values(self):
        """
        A policy does not change, and may be that of many groups.
        """
        for policy in (Block(), DropOldest(), Latest(len), Close()):
            self.assertRaises(AttributeError, setattr, policy, "size", 5)
            self.assertIs(Group(policy).__dict__["_slowReaders"], policy)
        self.assertEqual(DropOldest(5), DropOldest(5))

    def test_own(self):
        """
        An application may decide about each message.
        """

        class Urgent(SlowReaderPolicy):
            """
            Only messages in capitals wait.
            """

            def keyOf(self, message):
                """
                Tell whether it is urgent.
                """
                return message.isupper()

            def apply(self, reader, message, key):
                """
                Keep the last one that is.
                """
                if key:
                    reader.keep(message, key, 1)

        group, (end,) = self.makeGroup(1, Urgent())
        self.makeSlow(end)
        for message in ("A", "b", "C", "d"):
            group.broadcast(message)
        self.assertEqual(self.takeTexts(end), ["C"])
        group.broadcast("e")
        self.assertEqual(self.takeTexts(end), ["e"])

    def test_none(self):
        """
        One that decides nothing is a mistake, which is logged.
        """
        group, (end,) = self.makeGroup(1, SlowReaderPolicy())
        self.makeSlow(end)
        group.broadcast("a")
        self.assertEqual(len(self.flushLoggedErrors(NotImplementedError)), 1)


names = st.sampled_from(("broadcast", "stall", "read", "leave"))


class AnyTests(GroupTestCase):
    """
    What holds whoever reads, stalls and leaves, in whatever order.
    """

    def play(
        self, policy: SlowReaderPolicy, acts: list[tuple[str, int]]
    ) -> tuple[Group, list[list[str]], int]:
        """
        Play some acts with a group of three, and have all read to the end.

        @return: the group, what each was sent, and how many messages there
            were: each begins with its number modulo 3.
        """
        group, ends = self.makeGroup(3, policy)
        texts: list[list[str]] = [[], [], []]
        count = 0
        for name, index in acts:
            end = ends[index]
            if name == "broadcast":
                group.broadcast(f"{count % 3} {count}".ljust(300))
                count += 1
            elif name == "stall" and end.webSocket.pendingSize < 1000:
                end.webSocket.sendBytesMessage(bytes(FULL))
                end.webSocket.sendBytesMessage(bytes(500))
            elif name == "read":
                texts[index] += map(str.strip, self.textsOf(end.takeFrames()))
            elif name == "leave":
                group.discard(end.webSocket)
        for index, end in enumerate(ends):
            texts[index] += map(str.strip, self.takeTexts(end))
            self.assertEqual(group.waiting(end.webSocket), 0)
        self.assertEqual(group.counters.sent, sum(map(len, texts)))
        self.assertEqual(group.counters.failed, 0)
        return group, texts, count

    @stable
    @given(acts=st.lists(st.tuples(names, st.integers(0, 2)), max_size=60))
    def test_block(self, acts):
        """
        With L{Block} each gets every message until it leaves, in order.
        """
        _, texts, count = self.play(Block(), acts)
        everything = [f"{number % 3} {number}" for number in range(count)]
        for told in texts:
            self.assertEqual(told, everything[: len(told)])

    @stable
    @given(acts=st.lists(st.tuples(names, st.integers(0, 2)), max_size=60))
    def test_dropOldest(self, acts):
        """
        With L{DropOldest} nothing comes twice or too early, who stays gets the
        last, and what is not sent is counted.
        """
        group, texts, count = self.play(DropOldest(2), acts)
        for told in texts:
            numbers = [int(text.split()[1]) for text in told]
            self.assertEqual(numbers, sorted(set(numbers)))
        if len(group) == 3:
            counters = group.counters
            self.assertEqual(counters.sent + counters.dropped, 3 * count)
            for told in texts:
                expected = [f"{number % 3} {number}" for number in range(count)]
                self.assertEqual(told[-1:], expected[-1:])

    @stable
    @given(acts=st.lists(st.tuples(names, st.integers(0, 2)), max_size=60))
    def test_latest(self, acts):
        """
        With L{Latest} the same holds for each key.
        """
        policy = Latest(lambda message: message.split()[0])
        group, texts, count = self.play(policy, acts)
        for told in texts:
            for key in "012":
                numbers = [int(t.split()[1]) for t in told if t[0] == key]
                self.assertEqual(numbers, sorted(set(numbers)))
                if len(group) == 3:
                    expected = list(range(int(key), count, 3))
                    self.assertEqual(numbers[-1:], expected[-1:])
        if len(group) == 3:
            counters = group.counters
            self.assertEqual(counters.sent + counters.replaced, 3 * count)
