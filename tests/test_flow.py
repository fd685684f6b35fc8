"""
Tests for L{txws.flow}.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from io import BytesIO

from twisted.internet.interfaces import IPullProducer, IPushProducer
from twisted.internet.protocol import Protocol
from twisted.protocols.basic import FileSender
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from txws.flow import Outflow, unsentSize
from txws.policy import Limits
from txws.testing import MemoryTransport
from txws.wire.codes import Opcode
from txws.wire.connection import Connection
from txws.wire.frames import serializeHeader
from txws.wire.states import Role

from .wire.tables import readFrames

# More than a transport takes before it is full.
FULL = 64 * 1024


@implementer(IPushProducer)
class PushProducer:
    """
    Notes what it is told.
    """

    def __init__(self) -> None:
        self.told: list[str] = []

    def pauseProducing(self) -> None:
        """
        Note it.
        """
        self.told.append("pause")

    def resumeProducing(self) -> None:
        """
        Note it.
        """
        self.told.append("resume")

    def stopProducing(self) -> None:
        """
        Note it.
        """
        self.told.append("stop")


@implementer(IPullProducer)
class PullProducer:
    """
    Produces a message each time it is asked, as long as it has some.

    @ivar asked: how often it was asked.
    @ivar isStopped: whether it was stopped.
    """

    def __init__(self, flow: Flow, *messages: bytes) -> None:
        self.asked = 0
        self.isStopped = False
        self._flow = flow
        self._messages = list(messages)

    def resumeProducing(self) -> None:
        """
        Produce.
        """
        self.asked += 1
        if self._messages:
            self._flow.send(self._messages.pop(0))

    def stopProducing(self) -> None:
        """
        Note it.
        """
        self.isStopped = True


class Flow:
    """
    An L{Outflow}, and what it goes through and tells.

    @ivar told: what was told.
    """

    def __init__(
        self,
        highWaterMark: int = 1000,
        lowWaterMark: int = 100,
        maxPendingSize: int | None = 5000,
    ) -> None:
        self.told: list[str] = []
        self.isGivingWay = False
        self.transport = MemoryTransport(Protocol())
        self.transport.connect()
        self.connection = Connection(Role.SERVER)
        self.limits = Limits(
            highWaterMark=highWaterMark,
            lowWaterMark=lowWaterMark,
            maxPendingSize=maxPendingSize,
        )
        # What the kernel would say that it holds.
        self.unsent = 0
        self.outflow = Outflow(
            self.connection,
            self.transport,
            self.limits,
            self,
            lambda transport: self.unsent,
        )

    @classmethod
    def started(cls, **settings) -> Flow:
        """
        Make one on which bytes flow.
        """
        flow = cls(**settings)
        flow.outflow.start()
        return flow

    @classmethod
    def full(cls, **settings) -> Flow:
        """
        Make one whose transport is full.
        """
        flow = cls.started(**settings)
        flow.send(bytes(FULL))
        return flow

    def send(self, message: bytes) -> None:
        """
        Send a message.
        """
        self.connection.sendBytes(message)
        self.outflow.flush()

    def pend(self, size: int) -> None:
        """
        Send a message, so that so many bytes in all are pending.
        """
        size -= self.connection.pendingSize
        header = len(serializeHeader(Opcode.BINARY, size - 4, True, 0, None))
        self.send(bytes(size - header))

    def callApplication(self, method) -> None:
        """
        Call it.
        """
        method()

    def outflowResumed(self) -> None:
        """
        Nothing has to be counted.
        """

    def outflowProgressed(self) -> None:
        """
        Note it.
        """
        self.told.append("progressed")

    def outflowDrained(self) -> None:
        """
        Do nothing.
        """

    def outflowReceded(self) -> None:
        """
        Note it.
        """
        self.told.append("receded")

    def outflowExceeded(self) -> None:
        """
        Note it.
        """
        self.told.append("exceeded")


class WriteTests(SynchronousTestCase):
    """
    Tests for what is handed on.
    """

    def test_interface(self):
        """
        To its transport it is a push producer.
        """
        flow = Flow.started()
        verifyObject(IPushProducer, flow.outflow)
        self.assertIs(flow.transport.producer, flow.outflow)

    def test_oneWrite(self):
        """
        What is pending leaves in one write.
        """
        flow = Flow.started()
        flow.connection.sendBytes(b"a")
        flow.connection.sendBytes(b"b" * 5000)
        flow.connection.sendBytes(b"c")
        flow.outflow.flush()
        (written,) = flow.transport.writes
        payloads = [found.payload for found in readFrames(written)]
        self.assertEqual(payloads, [b"a", b"b" * 5000, b"c"])

    def test_nothing(self):
        """
        When nothing is pending nothing is written.
        """
        flow = Flow.started()
        flow.outflow.flush()
        self.assertEqual(flow.transport.writes, [])

    def test_full(self):
        """
        No more is handed on than the transport takes; the rest follows in its
        order when the transport takes more.
        """
        flow = Flow.full()
        for message in (b"a", b"b", b"c"):
            flow.send(message)
        self.assertEqual(len(flow.transport.writes), 1)
        self.assertEqual(flow.connection.pendingSize, 9)
        taken = flow.transport.takeData()
        self.assertEqual(flow.connection.pendingSize, 0)
        taken += flow.transport.takeData()
        payloads = [found.payload for found in readFrames(taken)]
        self.assertEqual(payloads, [bytes(FULL), b"a", b"b", b"c"])

    def test_bound(self):
        """
        Of a lot that is sent in one turn only as much as the transport takes
        is handed on at once: not much more than its buffer.
        """
        flow = Flow.started(maxPendingSize=None)
        for _ in range(10):
            flow.connection.sendBytes(bytes(1000))
        for _ in range(200):
            flow.connection.sendBytes(bytes(50000))
        flow.outflow.flush()
        self.assertLess(sum(map(len, flow.transport.writes)), 3 * 65536)
        taken = 0
        while size := len(flow.transport.takeData()):
            self.assertLess(size, 3 * 65536)
            taken += size
        self.assertEqual(taken, 10 * 1004 + 200 * 50004)

    def test_start(self):
        """
        Before the start nothing is handed on.
        """
        flow = Flow()
        flow.send(b"a")
        self.assertEqual(flow.transport.writes, [])
        flow.outflow.start()
        flow.outflow.flush()
        self.assertEqual(flow.transport.writes, [b"\x82\1a"])

    def test_stop(self):
        """
        After the stop the transport is free to be closed.
        """
        flow = Flow.full()
        flow.outflow.stop()
        self.assertIsNone(flow.transport.producer)

    def test_lost(self):
        """
        When the transport is lost nothing more is handed on.
        """
        flow = Flow.started()
        flow.transport.lose()
        flow.transport.settle()
        flow.send(b"a")
        self.assertEqual(flow.transport.writes, [])
        self.assertEqual(flow.connection.pendingSize, 3)

    def test_progress(self):
        """
        That the transport takes more is told, and nothing else is.
        """
        flow = Flow.full()
        flow.send(b"a")
        self.assertEqual(flow.told, [])
        flow.transport.takeData(10)
        self.assertEqual(flow.told, [])
        flow.transport.takeData()
        self.assertEqual(flow.told, ["progressed"])


class LargeMessageTests(SynchronousTestCase):
    """
    Tests for messages that are larger than what a transport takes.
    """

    def test_bitByBit(self):
        """
        A large message is handed on as the transport takes it, and each step
        is told.
        """
        flow = Flow.started()
        flow.send(bytes(1000000))
        self.assertLess(sum(map(len, flow.transport.writes)), 140000)
        self.assertGreater(flow.outflow.pendingSize, 860000)
        taken = b"".join(iter(flow.transport.takeData, b""))
        self.assertEqual(readFrames(taken)[0].payload, bytes(1000000))
        self.assertEqual(flow.outflow.pendingSize, 0)
        self.assertGreater(flow.told.count("progressed"), 5)

    def test_given(self):
        """
        Nothing of it is kept when all of it has been handed on.
        """
        flow = Flow.started()
        message = bytes(1000000)
        holders = sys.getrefcount(message)
        flow.send(message)
        self.assertGreater(sys.getrefcount(message), holders)
        while flow.transport.takeData():
            pass
        self.assertEqual(sys.getrefcount(message), holders)

    def test_order(self):
        """
        What is sent later follows it.
        """
        flow = Flow.started()
        flow.connection.sendBytes(b"a")
        flow.send(bytes(300000))
        flow.send(b"b")
        taken = b"".join(iter(flow.transport.takeData, b""))
        payloads = [found.payload for found in readFrames(taken)]
        self.assertEqual(payloads, [b"a", bytes(300000), b"b"])

    def test_inside(self):
        """
        A transport may say that it takes more while it is written to.
        """
        flow = Flow.started()
        write = flow.transport.writeSequence

        def writeAtOnce(pieces: Iterable[bytes]) -> None:
            write(pieces)
            flow.outflow.pauseProducing()
            flow.outflow.resumeProducing()

        self.patch(flow.transport, "writeSequence", writeAtOnce)
        message = bytes(range(256)) * 2000
        flow.connection.sendBytes(b"a")
        flow.connection.sendBytes(message)
        flow.send(b"b")
        taken = b"".join(iter(flow.transport.takeData, b""))
        payloads = [found.payload for found in readFrames(taken)]
        self.assertEqual(payloads, [b"a", message, b"b"])
        self.assertEqual(flow.outflow.pendingSize, 0)
        self.assertEqual(flow.outflow.handedOn, len(taken))

    def test_limit(self):
        """
        A message may be larger than what may be pending behind it.
        """
        flow = Flow.started(maxPendingSize=100000)
        flow.send(bytes(1000000))
        self.assertNotIn("exceeded", flow.told)
        flow.send(bytes(100000))
        self.assertIn("exceeded", flow.told)

    def test_capOfTinyMessages(self):
        """
        Many tiny messages take more memory than their bytes: each counts for at
        least 64 of them against the limit.
        """
        flow = Flow.full(highWaterMark=1000, maxPendingSize=64000)
        for _message in range(1000):
            flow.send(b"")
        self.assertNotIn("exceeded", flow.told)
        flow.send(b"")
        self.assertIn("exceeded", flow.told)

    def test_cap(self):
        """
        What is pending behind it can be dropped; the message itself is not cut.
        """
        flow = Flow.started()
        flow.send(bytes(300000))
        flow.send(b"dropped")
        flow.connection.discardData()
        flow.send(b"last")
        taken = b"".join(iter(flow.transport.takeData, b""))
        payloads = [found.payload for found in readFrames(taken)]
        self.assertEqual(payloads, [bytes(300000), b"last"])

    def test_drop(self):
        """
        When the transport is lost nothing of it is kept.
        """
        flow = Flow.started()
        flow.send(bytes(300000))
        flow.send(b"a")
        flow.outflow.drop()
        self.assertEqual(flow.outflow.pendingSize, 0)

    def test_progress(self):
        """
        A peer is slow, not gone, if it takes some of what the kernel holds;
        one that has taken all has nothing that would keep it from answering.
        """
        flow = Flow.full()
        for unsent, isProgress in (
            (60000, True),
            (60000, False),
            (59999, True),
            (59999, False),
            (60000, False),
            (1, True),
            (0, False),
        ):
            flow.unsent = unsent
            self.assertIs(flow.outflow.noteProgress(), isProgress, unsent)

    def test_progressOfTheClosing(self):
        """
        When the closing begins, what is pending then is the last that counts,
        not what is sent later.
        """
        flow = Flow.full()
        flow.unsent = 100
        flow.outflow.finish()
        flow.unsent = 50
        self.assertTrue(flow.outflow.noteProgress())
        flow.transport.takeData()
        for _ in range(3):
            flow.send(bytes(1000))
            flow.outflow.noteProgress()
        flow.send(bytes(1000))
        self.assertFalse(flow.outflow.noteProgress())

    def test_unknownProgress(self):
        """
        Where the kernel cannot be asked, a peer is not thought to be slow.
        """
        flow = Flow()
        transport = flow.transport
        self.assertEqual(unsentSize(transport), 0)
        transport.fileno = lambda: -1  # type: ignore[attr-defined]  # closed
        self.assertEqual(unsentSize(transport), 0)
        with open(os.devnull, "wb") as neverFull:
            transport.fileno = neverFull.fileno  # type: ignore[attr-defined]  # none
            self.assertEqual(unsentSize(transport), 0)


class MarkTests(SynchronousTestCase):
    """
    Tests for the marks.
    """

    def test_highWater(self):
        """
        Above the high-water mark a producer is paused, not at it.
        """
        flow = Flow.full()
        producer = PushProducer()
        flow.outflow.attachProducer(producer, True)
        flow.pend(1000)
        self.assertEqual(producer.told, [])
        self.assertFalse(flow.outflow.isAboveHighWater)
        flow.send(b"")
        self.assertEqual(producer.told, ["pause"])
        self.assertTrue(flow.outflow.isAboveHighWater)
        flow.send(b"more")
        self.assertEqual(producer.told, ["pause"])

    def test_lowWater(self):
        """
        At the low-water mark it is resumed, not above it; and that is told
        once.
        """
        for left, told in ((101, ["pause"]), (100, ["pause", "resume"])):
            flow = Flow.full()
            producer = PushProducer()
            flow.outflow.attachProducer(producer, True)
            flow.pend(1001)
            flow.connection.discardData()
            flow.pend(left)
            self.assertEqual(producer.told, told, left)
            self.assertEqual(flow.told, ["receded"] * (len(told) - 1))
            flow.connection.discardData()
            flow.send(b"")
            self.assertEqual(flow.told, ["receded"])
            self.assertFalse(flow.outflow.isAboveHighWater)

    def test_again(self):
        """
        The marks hold as often as they are passed.
        """
        flow = Flow.full()
        producer = PushProducer()
        flow.outflow.attachProducer(producer, True)
        for _ in range(3):
            flow.send(bytes(FULL // 20))
            flow.transport.takeData()
            flow.transport.takeData()
            flow.send(bytes(FULL))
        self.assertEqual(producer.told, ["pause", "resume"] * 3)

    def test_withoutProducer(self):
        """
        They hold without a producer, too.
        """
        flow = Flow.full()
        flow.pend(1001)
        self.assertTrue(flow.outflow.isAboveHighWater)
        flow.transport.takeData()
        self.assertFalse(flow.outflow.isAboveHighWater)
        self.assertEqual(flow.told, ["receded", "progressed"])

    def test_limit(self):
        """
        That more is pending than the limit allows is told, not what it
        allows.
        """
        flow = Flow.full()
        flow.pend(4998)
        self.assertEqual(flow.told, [])
        flow.send(b"")
        self.assertEqual(flow.told, [])
        flow.send(b"")
        self.assertEqual(flow.told, ["exceeded"])

    def test_noLimit(self):
        """
        There may be no limit.
        """
        flow = Flow.full(maxPendingSize=None)
        flow.send(bytes(1 << 22))
        self.assertEqual(flow.told, [])


class PushProducerTests(SynchronousTestCase):
    """
    Tests for producers that are paused and resumed.
    """

    def test_late(self):
        """
        A producer that comes when too much is pending is paused at once.
        """
        flow = Flow.full()
        flow.pend(1001)
        producer = PushProducer()
        flow.outflow.attachProducer(producer, True)
        self.assertEqual(producer.told, ["pause"])
        flow.transport.takeData()
        self.assertEqual(producer.told, ["pause", "resume"])

    def test_two(self):
        """
        There is one producer at most; the other one is not touched.
        """
        flow = Flow.started()
        first, second = PushProducer(), PushProducer()
        flow.outflow.attachProducer(first, True)
        error = self.assertRaises(
            RuntimeError, flow.outflow.attachProducer, second, True
        )
        self.assertIn(repr(first), str(error))
        flow.outflow.stopProducer()
        self.assertEqual((first.told, second.told), (["stop"], []))

    def test_detach(self):
        """
        A producer that was detached is told nothing, and another one can
        come.
        """
        flow = Flow.full()
        first, second = PushProducer(), PushProducer()
        flow.outflow.attachProducer(first, True)
        flow.outflow.detachProducer()
        flow.pend(1001)
        flow.outflow.attachProducer(second, True)
        flow.transport.takeData()
        flow.outflow.stop()
        self.assertEqual(first.told, [])
        self.assertEqual(second.told, ["pause", "resume", "stop"])

    def test_stop(self):
        """
        At the end the producer is stopped, once.
        """
        flow = Flow.started()
        producer = PushProducer()
        flow.outflow.attachProducer(producer, True)
        flow.outflow.stop()
        flow.outflow.stop()
        flow.outflow.stopProducer()
        self.assertEqual(producer.told, ["stop"])

    def test_producesAtOnce(self):
        """
        A producer may produce from inside the call that resumes it, as much as
        it likes: it is paused again, and order is kept.
        """
        flow = Flow.full(maxPendingSize=None)

        class Eager(PushProducer):
            """
            Produces at once, three times.
            """

            def resumeProducing(self) -> None:
                """
                Produce.
                """
                super().resumeProducing()
                if self.told.count("resume") <= 3:
                    flow.send(bytes([self.told.count("resume")]) * FULL)
                    flow.send(b"end" * 1000)

        producer = Eager()
        flow.outflow.attachProducer(producer, True)
        flow.pend(1001)
        taken = []
        while data := flow.transport.takeData():
            taken.append(data)
        payloads = [found.payload[:1] for found in readFrames(b"".join(taken))]
        self.assertEqual(
            payloads, [b"\0", b"\0", b"\1", b"e", b"\2", b"e", b"\3", b"e"]
        )

    def test_undeclared(self):
        """
        A producer need not declare what it provides: many do not.
        """
        flow = Flow.full()
        told = []

        class Undeclared:
            """
            Declares nothing.
            """

            def pauseProducing(self) -> None:
                """
                Note it.
                """
                told.append("pause")

            def resumeProducing(self) -> None:
                """
                Note it.
                """
                told.append("resume")

        producer = Undeclared()
        flow.outflow.attachProducer(producer, True)  # type: ignore[arg-type]  # on purpose
        flow.pend(1001)
        flow.transport.takeData()
        self.assertEqual(told, ["pause", "resume"])


class PullProducerTests(SynchronousTestCase):
    """
    Tests for producers that are asked for more.
    """

    def test_driven(self):
        """
        A producer is asked for more as long as the transport takes it, and
        again when it takes more.
        """
        flow = Flow.started(maxPendingSize=None)
        producer = PullProducer(flow, *[bytes(40000)] * 5)
        flow.outflow.attachProducer(producer, False)
        self.assertEqual(producer.asked, 2)
        taken = len(flow.transport.takeData())
        self.assertEqual(producer.asked, 4)
        taken += len(flow.transport.takeData())
        self.assertEqual(taken, 4 * 40004)
        self.assertEqual(len(flow.transport.takeData()), 40004)

    def test_givingWay(self):
        """
        Nor is it asked while others have their turn, however much is taken.
        """
        flow = Flow.started()
        producer = PullProducer(flow, *[b"a"] * 5)

        def resumeProducing() -> None:
            PullProducer.resumeProducing(producer)
            flow.isGivingWay = producer.asked == 2

        producer.resumeProducing = resumeProducing  # type: ignore[method-assign]
        flow.outflow.attachProducer(producer, False)
        self.assertEqual(producer.asked, 2)
        flow.isGivingWay = False
        flow.outflow.flush()
        self.assertEqual(producer.asked, 6)

    def test_full(self):
        """
        As long as the transport is full a producer is not asked.
        """
        flow = Flow.full()
        producer = PullProducer(flow, b"a")
        flow.outflow.attachProducer(producer, False)
        self.assertEqual(producer.asked, 0)
        flow.transport.takeData()
        self.assertEqual(flow.transport.takeData(), b"\x82\1a")

    def test_notStarted(self):
        """
        Before the start a producer is not asked, and then it is.
        """
        flow = Flow()
        producer = PullProducer(flow, b"a", b"b")
        flow.outflow.attachProducer(producer, False)
        self.assertEqual((producer.asked, flow.transport.writes), (0, []))
        flow.outflow.start()
        flow.outflow.flush()
        self.assertEqual(flow.transport.takeData(), b"\x82\1a\x82\1b")

    def test_noSpinning(self):
        """
        A producer that has nothing when it is asked is not asked again and
        again.
        """
        flow = Flow.started()
        producer = PullProducer(flow)
        flow.outflow.attachProducer(producer, False)
        self.assertEqual(producer.asked, 1)

    def test_producesLater(self):
        """
        A producer that has something only later is asked for more when it has
        sent that.
        """
        flow = Flow.started()
        producer = PullProducer(flow)
        flow.outflow.attachProducer(producer, False)
        flow.send(b"late")
        self.assertEqual(producer.asked, 2)

    def test_doneInside(self):
        """
        A producer may detach itself when it is asked.
        """
        flow = Flow.started()

        class Last(PullProducer):
            """
            Sends one message and is done.
            """

            def resumeProducing(self) -> None:
                """
                Send it.
                """
                super().resumeProducing()
                flow.outflow.detachProducer()

        producer = Last(flow, b"a", b"b")
        flow.outflow.attachProducer(producer, False)
        self.assertEqual(producer.asked, 1)
        self.assertEqual(flow.transport.takeData(), b"\x82\1a")
        self.assertFalse(producer.isStopped)

    def test_stop(self):
        """
        At the end it is stopped.
        """
        flow = Flow.full()
        producer = PullProducer(flow, b"a")
        flow.outflow.attachProducer(producer, False)
        flow.outflow.stop()
        self.assertTrue(producer.isStopped)

    def test_neverPaused(self):
        """
        A producer that is asked for more knows of no pause.
        """
        flow = Flow.full()
        producer = PullProducer(flow, bytes(2000))
        flow.outflow.attachProducer(producer, False)
        flow.pend(1001)
        flow.transport.takeData()
        self.assertEqual(producer.asked, 2)

    def test_fileSender(self):
        """
        Twisted's own L{FileSender} sends a file.
        """
        flow = Flow.started(maxPendingSize=None)
        content = bytes(range(256)) * 1024

        class Consumer:
            """
            What a L{FileSender} expects.
            """

            def registerProducer(self, producer, streaming) -> None:
                """
                Attach it.
                """
                flow.outflow.attachProducer(producer, streaming)

            def unregisterProducer(self) -> None:
                """
                Detach it.
                """
                flow.outflow.detachProducer()

            def write(self, data) -> None:
                """
                Send a message.
                """
                flow.send(data)

        sent = FileSender().beginFileTransfer(BytesIO(content), Consumer())
        taken = b""
        while data := flow.transport.takeData():
            taken += data
        self.successResultOf(sent)
        payloads = [found.payload for found in readFrames(taken)]
        self.assertEqual(b"".join(payloads), content)
