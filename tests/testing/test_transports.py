"""
Tests for L{txws.testing.transports}.
"""

from __future__ import annotations

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IConsumer, IPushProducer, ITCPTransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.contract import Producer, Recorder, TransportContract
from txws.testing import MemoryConnection, MemoryTransport


class ContractTests(TransportContract, SynchronousTestCase):
    """
    Two ends in memory do what two sockets do.
    """

    def setUp(self) -> None:
        """
        Connect two protocols.
        """
        self.nearProtocol, self.farProtocol = Recorder(), Recorder()
        self._connection = MemoryConnection(self.nearProtocol, self.farProtocol)
        self.near = self._connection.server
        self.far = self._connection.client

    def turn(self) -> None:
        """
        Carry everything.
        """
        self._connection.flush()


class MemoryTransportTests(SynchronousTestCase):
    """
    Tests for L{MemoryTransport} alone: what a test does with it.
    """

    def setUp(self) -> None:
        """
        Connect a protocol.
        """
        self.protocol = Recorder()
        self.transport = MemoryTransport(self.protocol)
        self.transport.connect()

    def test_interfaces(self):
        """
        It is all that TCP is to a protocol.
        """
        for interface in (ITCPTransport, IConsumer, IPushProducer):
            verifyObject(interface, self.transport)
        self.assertIs(self.protocol.transport, self.transport)

    def test_addresses(self):
        """
        It has addresses, that of a server unless it is told otherwise.
        """
        self.assertEqual(self.transport.getHost().port, 80)
        ours = IPv4Address("TCP", "192.0.2.3", 1)
        theirs = IPv4Address("TCP", "192.0.2.4", 2)
        transport = MemoryTransport(self.protocol, ours, theirs)
        self.assertEqual((transport.getHost(), transport.getPeer()), (ours, theirs))

    def test_writes(self):
        """
        Each write can be seen, as it was made, until it is taken.
        """
        self.transport.write(b"a")
        self.transport.writeSequence([b"b", b"c"])
        self.assertEqual(self.transport.writes, [b"a", b"bc"])
        self.assertEqual(self.transport.takeData(), b"abc")
        self.assertEqual(self.transport.writes, [])

    def test_takeSome(self):
        """
        A slow network takes only some of what was written; the producer waits
        until it has taken all.
        """
        producer = Producer()
        self.transport.registerProducer(producer, True)
        self.transport.write(b"abc" + bytes(65536))
        self.assertEqual(self.transport.takeData(0), b"")
        self.assertEqual(self.transport.takeData(2), b"ab")
        self.assertEqual(self.transport.takeData(1), b"c")
        self.assertEqual(producer.told, ["pause"])
        self.assertEqual(self.transport.takeData(65536), bytes(65536))
        self.assertEqual(producer.told, ["pause", "resume"])

    def test_changedWrites(self):
        """
        A test may also change what was written, and be the network by itself.
        """
        producer = Producer()
        self.transport.registerProducer(producer, True)
        for _time in range(2):
            self.transport.write(bytes(40000))
            self.transport.writes.clear()
        self.transport.write(b"a")
        self.assertEqual(producer.told, [])
        self.transport.writes.insert(0, bytes(65536))
        self.transport.write(b"b")
        self.assertEqual(producer.told, ["pause"])

    def test_receive(self):
        """
        What is received is told at once, or when the protocol reads.
        """
        self.transport.receiveData(b"a")
        self.assertEqual(self.protocol.received, b"a")
        self.transport.pauseProducing()
        self.assertFalse(self.transport.isReading)
        self.transport.receiveData(b"bc")
        self.transport.receiveData(b"d")
        self.assertEqual(self.protocol.received, b"a")
        self.assertEqual(self.transport.unreadSize, 3)
        self.transport.resumeProducing()
        self.transport.settle()
        self.assertEqual(self.protocol.received, b"abcd")
        self.assertEqual(self.transport.unreadSize, 0)

    def test_lose(self):
        """
        The peer can be gone, or the network: one is noticed when everything
        has been read, the other one at once.
        """
        self.transport.pauseProducing()
        self.transport.receiveData(b"a")
        self.transport.lose()
        self.transport.settle()
        self.assertFalse(self.transport.isLost)
        self.transport.resumeProducing()
        self.transport.settle()
        self.assertTrue(self.transport.isLost)
        self.assertEqual(self.protocol.received, b"a")
        self.assertIs(self.protocol.ending, ConnectionDone)
        self.setUp()
        self.transport.pauseProducing()
        self.transport.receiveData(b"a")
        self.transport.lose(ConnectionLost())
        self.assertFalse(self.transport.isLost)
        self.transport.settle()
        self.transport.settle()
        self.assertEqual(self.protocol.received, b"")
        self.assertIs(self.protocol.ending, ConnectionLost)

    def test_settle(self):
        """
        A transport that has nothing to write closes by itself; one that has
        closes when that is taken.
        """
        self.transport.loseConnection()
        self.assertFalse(self.transport.isLost)
        self.transport.settle()
        self.assertIs(self.protocol.ending, ConnectionDone)
        self.setUp()
        self.transport.write(b"a")
        self.transport.loseConnection()
        self.transport.settle()
        self.assertFalse(self.transport.isLost)
        self.assertEqual(self.transport.takeData(), b"a")
        self.transport.settle()
        self.assertIs(self.protocol.ending, ConnectionDone)

    def test_abort(self):
        """
        Aborting leaves nothing to take and nothing to read.
        """
        self.transport.write(b"a")
        self.transport.abortConnection()
        self.transport.receiveData(b"b")
        self.assertFalse(self.transport.isReading)
        self.assertEqual(self.transport.writes, [])
        self.transport.settle()
        self.assertEqual(self.protocol.received, b"")
        self.assertEqual(self.transport.takeData(), b"")

    def test_endOfProducer(self):
        """
        A producer that waits to be asked keeps a transport from ending, and
        one that is unregistered does not.
        """
        for isStreaming in (False, True):
            self.setUp()
            self.transport.registerProducer(Producer(), isStreaming)
            self.transport.write(bytes(65537))
            self.transport.loseConnection()
            self.assertFalse(self.transport.hasEnded)
            self.transport.takeData()
            self.transport.settle()
            self.assertFalse(self.transport.hasEnded)
            self.transport.unregisterProducer()
            self.assertTrue(self.transport.hasEnded)
            self.assertFalse(self.transport.isLost)
            self.transport.settle()
            self.assertTrue(self.transport.isLost)

    def test_hasEnded(self):
        """
        Whether nothing more will be written can be seen before the protocol is
        told.
        """
        for close in ("loseConnection", "loseWriteConnection", "stopProducing"):
            self.setUp()
            self.transport.write(b"a")
            self.assertFalse(self.transport.hasEnded)
            getattr(self.transport, close)()
            self.assertFalse(self.transport.hasEnded)
            self.transport.takeData()
            self.assertTrue(self.transport.hasEnded)
            self.assertFalse(self.transport.isAborted)
        self.setUp()
        self.transport.abortConnection()
        self.assertTrue(self.transport.hasEnded)
        self.assertTrue(self.transport.isAborted)
        self.assertTrue(self.transport.disconnecting)
