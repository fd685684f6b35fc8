"""
Tests for L{txws.testing.connections}, and L{txws.testing.links} below.
"""

from __future__ import annotations

from random import Random
from typing import Any

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.contract import Producer, Recorder
from txws.errors import InvalidSetting
from txws.testing import Faults, MemoryConnection
from txws.testing.faults import NO_FAULTS


class Pieces(Recorder):
    """
    Notes each piece that is received.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []

    def dataReceived(self, data: bytes) -> None:
        """
        Note it.
        """
        super().dataReceived(data)
        self.pieces.append(data)


class MemoryConnectionTests(SynchronousTestCase):
    """
    Tests for L{MemoryConnection} alone.
    """

    def setUp(self) -> None:
        """
        Connect two protocols.
        """
        self.server, self.client = Recorder(), Recorder()

    def test_addresses(self):
        """
        The host of one is the peer of the other.
        """
        connection = MemoryConnection(self.server, self.client)
        self.assertIs(self.server.transport, connection.server)
        self.assertIs(self.client.transport, connection.client)
        self.assertEqual(connection.server.getHost(), connection.client.getPeer())
        self.assertEqual(connection.server.getPeer(), connection.client.getHost())
        self.assertNotEqual(connection.server.getHost(), connection.client.getHost())

    def test_pieces(self):
        """
        Bytes can be carried in pieces.
        """
        server = Pieces()
        connection = MemoryConnection(server, self.client)
        connection.client.write(b"abcdefg")
        connection.flush(3)
        self.assertEqual(server.pieces, [b"abc", b"def", b"g"])

    def test_window(self):
        """
        The network takes no more than its window of what is not read; the
        rest waits with who wrote it.
        """
        connection = MemoryConnection(self.server, self.client, window=10)
        producer = Producer()
        connection.client.registerProducer(producer, True)
        connection.server.pauseProducing()
        connection.client.write(bytes(range(100)) * 1000)
        connection.flush()
        self.assertEqual(connection.server.unreadSize, 10)
        self.assertEqual(sum(map(len, connection.client.writes)), 99990)
        self.assertEqual(producer.told, ["pause"])
        connection.server.resumeProducing()
        connection.flush()
        self.assertEqual(self.server.received, bytes(range(100)) * 1000)
        self.assertEqual(producer.told, ["pause", "resume"])

    def test_step(self):
        """
        Bytes can be carried once, and whether there were any is told.
        """
        connection = MemoryConnection(self.server, self.client, window=1)
        connection.client.write(b"ab")
        self.assertTrue(connection.step())
        self.assertEqual(self.server.received, b"a")
        self.assertTrue(connection.step())
        self.assertFalse(connection.step())
        self.assertEqual(self.server.received, b"ab")


class FaultTestCase(SynchronousTestCase):
    """
    Judges connections that misbehave.
    """

    def connect(self, toServer: Faults, toClient: Faults = NO_FAULTS) -> None:
        """
        Connect two protocols.
        """
        self.clock = Clock()
        self.atServer, self.atClient = Pieces(), Pieces()
        self.connection = MemoryConnection(
            self.atServer,
            self.atClient,
            toServer=toServer,
            toClient=toClient,
            clock=self.clock,
        )
        self.server, self.client = self.connection.server, self.connection.client

    def wait(self, seconds: float) -> None:
        """
        Let time pass.
        """
        self.clock.advance(seconds)
        self.connection.flush()

    def received(self, protocol: Pieces) -> list[bytes]:
        """
        Take the pieces that a protocol has received.
        """
        pieces, protocol.pieces = protocol.pieces, []
        return pieces


class SplitTests(FaultTestCase):
    """
    A network that splits bytes.
    """

    def test_size(self):
        """
        Bytes arrive in pieces of one size, wherever writes end; in the other
        direction they do not.
        """
        self.connect(Faults(split=3))
        self.client.write(b"abcd")
        self.connection.step()
        self.client.write(b"efgh")
        self.server.write(b"abcdefg")
        self.connection.flush()
        self.assertEqual(self.received(self.atServer), [b"abc", b"d", b"ef", b"gh"])
        self.assertEqual(self.received(self.atClient), [b"abcdefg"])

    def test_sizes(self):
        """
        Bytes arrive in pieces of given sizes, one after the other, and then as
        they come.
        """
        self.connect(Faults(split=[1, 3]))
        self.client.write(b"abcdefg")
        self.connection.flush()
        self.client.write(b"hij")
        self.connection.flush()
        self.assertEqual(self.received(self.atServer), [b"a", b"bcd", b"efg", b"hij"])

    def test_random(self):
        """
        Bytes arrive in pieces of any size, which are the same in each run.
        """
        runs = []
        for _ in range(2):
            self.connect(Faults(split=Random(7)))
            self.client.write(bytes(range(200)))
            self.connection.flush()
            runs.append(self.received(self.atServer))
        self.assertEqual(runs[0], runs[1])
        self.assertEqual(b"".join(runs[0]), bytes(range(200)))
        self.assertGreater(len({len(piece) for piece in runs[0]}), 2)

    def test_sizeOfFlush(self):
        """
        The size that C{flush} is given counts more.
        """
        self.connect(Faults(split=3))
        self.client.write(b"abcd")
        self.connection.flush(2)
        self.assertEqual(self.received(self.atServer), [b"ab", b"cd"])


class TimeTests(FaultTestCase):
    """
    A network that takes its time.
    """

    def test_delay(self):
        """
        Bytes arrive later, in the pieces in which they were written; it is
        known when.
        """
        self.connect(Faults(delay=2))
        self.client.write(b"a")
        self.connection.flush()
        self.wait(1)
        self.client.write(b"b")
        self.connection.flush()
        self.assertEqual(self.received(self.atServer), [])
        self.assertEqual(self.connection.due, 2)
        self.wait(1)
        self.assertEqual(self.received(self.atServer), [b"a"])
        self.assertEqual(self.connection.due, 3)
        self.wait(1)
        self.assertEqual(self.received(self.atServer), [b"b"])
        self.assertIsNone(self.connection.due)

    def test_delayOfTheEnd(self):
        """
        So does the end, after all that was written before.
        """
        self.connect(Faults(delay=2))
        self.client.write(b"a")
        self.client.loseConnection()
        self.wait(0)
        self.assertIs(self.atClient.ending, ConnectionDone)
        self.wait(1)
        self.assertEqual((self.atServer.received, self.atServer.ending), (b"", None))
        self.wait(1)
        self.assertEqual(self.atServer.received, b"a")
        self.assertIs(self.atServer.ending, ConnectionDone)
        self.assertTrue(self.connection.isLost)

    def test_delayOfAnAbort(self):
        """
        And so does an end by force.
        """
        self.connect(Faults(delay=2))
        self.client.abortConnection()
        self.connection.flush()
        self.assertEqual(self.connection.due, 2)
        self.wait(1)
        self.assertIsNone(self.atServer.ending)
        self.assertFalse(self.connection.isLost)
        self.wait(1)
        self.assertIs(self.atServer.ending, ConnectionLost)

    def test_merge(self):
        """
        What is written within some time arrives in one piece; what comes later
        in the next one.
        """
        self.connect(Faults(merge=1, delay=1))
        for byte in (b"a", b"b", b"c"):
            self.client.write(byte)
            self.connection.flush()
            self.wait(0.5)
        self.wait(0.5)
        self.assertEqual(self.received(self.atServer), [b"ab"])
        self.wait(1)
        self.assertEqual(self.received(self.atServer), [b"c"])

    def test_mergeAndTheEnd(self):
        """
        The end comes after what is still being gathered.
        """
        self.connect(Faults(merge=2))
        self.client.write(b"a")
        self.client.loseConnection()
        self.wait(0)
        self.wait(1)
        self.assertIsNone(self.atServer.ending)
        self.wait(1)
        self.assertEqual(self.atServer.received, b"a")
        self.assertIs(self.atServer.ending, ConnectionDone)

    def test_slow(self):
        """
        A slow reader takes so many bytes a second; the rest waits with who
        wrote it, whose producer waits, too.
        """
        self.connect(Faults(bytesPerSecond=1000))
        producer = Producer()
        self.client.registerProducer(producer, True)
        self.client.write(bytes(70000))
        self.connection.flush()
        self.assertEqual(self.atServer.received, b"")
        self.wait(2.5)
        self.assertEqual(len(self.atServer.received), 2500)
        self.assertEqual(sum(map(len, self.client.writes)), 67500)
        self.wait(60)
        self.assertEqual(producer.told, ["pause"])
        self.wait(7.5)
        self.assertEqual(len(self.atServer.received), 70000)
        self.assertEqual(producer.told, ["pause", "resume"])

    def test_slowAfterSilence(self):
        """
        It takes no more at once for having had nothing to take.
        """
        self.connect(Faults(bytesPerSecond=10))
        self.client.write(bytes(10))
        self.connection.flush()
        self.wait(1)
        self.wait(100)
        self.client.write(bytes(100))
        self.connection.flush()
        self.wait(1)
        self.assertEqual(len(self.atServer.received), 20)

    def test_slowIsDue(self):
        """
        It is known when a slow reader takes the next byte, or of a fast one
        when it is worth to look.
        """
        for rate, due in ((4, 0.25), (1000, 0.01)):
            self.connect(Faults(bytesPerSecond=rate))
            self.client.write(bytes(10))
            self.connection.flush()
            self.assertEqual(self.connection.due, due)

    def test_never(self):
        """
        A reader may take nothing at all, for ever.
        """
        self.connect(Faults(bytesPerSecond=0))
        self.client.write(b"a")
        self.connection.flush()
        self.wait(1000)
        self.assertEqual(self.atServer.received, b"")
        self.assertIsNone(self.connection.due)

    def test_window(self):
        """
        What is on its way counts to what the network takes.
        """
        clock = Clock()
        connection = MemoryConnection(
            Pieces(), Pieces(), 10, toServer=Faults(delay=1), clock=clock
        )
        connection.client.write(bytes(15))
        connection.flush()
        self.assertEqual(sum(map(len, connection.client.writes)), 5)
        clock.advance(1)
        connection.flush()
        self.assertEqual(connection.client.writes, [])

    def test_noClock(self):
        """
        What takes time needs a clock.
        """
        for faults in (
            Faults(merge=1),
            Faults(delay=1),
            Faults(bytesPerSecond=0),
        ):
            for name in ("toServer", "toClient"):
                arguments: Any = {name: faults}
                with self.assertRaises(InvalidSetting):
                    MemoryConnection(Pieces(), Pieces(), None, **arguments)
                connection = MemoryConnection(Pieces(), Pieces())
                with self.assertRaises(InvalidSetting):
                    setattr(connection, name, faults)


class CutTests(FaultTestCase):
    """
    A network that cuts the connection.
    """

    def test_clean(self):
        """
        After so many bytes both sides are told that the other one has closed;
        what comes after them is lost.
        """
        self.connect(Faults(cutAfter=3))
        self.client.write(b"ab")
        self.connection.flush()
        self.assertIsNone(self.atServer.ending)
        self.client.write(b"cde")
        self.server.write(b"lost")
        self.connection.flush()
        self.assertEqual(self.atServer.received, b"abc")
        self.assertEqual(self.atClient.received, b"")
        self.assertIs(self.atServer.ending, ConnectionDone)
        self.assertIs(self.atClient.ending, ConnectionDone)

    def test_reset(self):
        """
        Both sides can be told that the connection was lost, also while they
        do not read.
        """
        self.connect(Faults(), Faults(cutAfter=2, isReset=True))
        self.client.pauseProducing()
        self.server.write(b"abc")
        self.connection.flush()
        self.assertEqual(self.atClient.received, b"")
        self.assertIs(self.atServer.ending, ConnectionLost)
        self.assertIs(self.atClient.ending, ConnectionLost)

    def test_notReading(self):
        """
        Who does not read does not notice a clean cut, until it writes.
        """
        self.connect(Faults(cutAfter=1))
        self.client.pauseProducing()
        self.client.write(b"a")
        self.connection.flush()
        self.assertIs(self.atServer.ending, ConnectionDone)
        self.assertIsNone(self.atClient.ending)
        self.assertFalse(self.connection.step())
        self.client.write(b"b")
        self.connection.flush()
        self.assertIs(self.atClient.ending, ConnectionLost)

    def test_later(self):
        """
        Faults may be set at any time, and count from then.
        """
        self.connect(Faults())
        self.client.write(b"abc")
        self.connection.flush()
        faults = Faults(cutAfter=2)
        self.connection.toServer = faults
        self.assertIs(self.connection.toServer, faults)
        self.connection.toClient = Faults(split=1)
        self.assertEqual(self.connection.toClient.split, 1)
        self.client.write(b"d")
        self.connection.flush()
        self.assertIsNone(self.atServer.ending)
        self.client.write(b"ef")
        self.connection.flush()
        self.assertEqual(self.atServer.received, b"abcde")
        self.assertIs(self.atServer.ending, ConnectionDone)

    def test_atOnce(self):
        """
        A connection may be cut before a byte.
        """
        self.connect(Faults(cutAfter=0))
        self.client.write(b"a")
        self.connection.flush()
        self.assertEqual(self.atServer.received, b"")
        self.assertIs(self.atServer.ending, ConnectionDone)

    def test_withOthers(self):
        """
        Faults go together: what arrives late, in pieces, is cut then.
        """
        self.connect(Faults(split=2, delay=1, cutAfter=3))
        self.client.write(b"abcdef")
        self.connection.flush()
        self.assertIsNone(self.atServer.ending)
        self.wait(1)
        self.assertEqual(self.received(self.atServer), [b"ab", b"c"])
        self.assertIs(self.atServer.ending, ConnectionDone)
