"""
What a Twisted TCP connection does: the same tests for L{txws.testing}'s and,
in C{tests.live}, for the real one, so that the one in memory is no fiction.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IPullProducer, IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

__all__ = ["Recorder", "TransportContract"]

SIZE = 65536


class Recorder(Protocol):
    """
    Notes what it is told.

    @ivar received: what was received.
    @ivar ending: what the connection was lost with.
    """

    def __init__(self) -> None:
        self.received = b""
        self.ending: type[BaseException] | None = None

    def dataReceived(self, data: bytes) -> None:
        """
        Note it.
        """
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Note it.
        """
        assert self.ending is None
        ending: Any = type(reason.value)
        self.ending = ending


@implementer(IPushProducer, IPullProducer)
class Producer:
    """
    Notes what it is told, and writes something when it is told to go on.
    """

    def __init__(self, transport: Any = None, *written: bytes) -> None:
        self.told: list[str] = []
        self._transport = transport
        self._written = list(written)

    def pauseProducing(self) -> None:
        """
        Note it.
        """
        self.told.append("pause")

    def resumeProducing(self) -> None:
        """
        Note it, and write.
        """
        self.told.append("resume")
        if self._written:
            self._transport.write(self._written.pop(0))

    def stopProducing(self) -> None:
        """
        Note it.
        """
        self.told.append("stop")


class TransportContract:
    """
    Tests for a connection.

    @ivar near: the transport that is tested.
    @ivar far: the transport of its peer.
    @ivar nearProtocol: the protocol of the one.
    @ivar farProtocol: the protocol of the other.
    """

    near: Any
    far: Any
    nearProtocol: Recorder
    farProtocol: Recorder
    assertEqual: Any
    assertRaises: Any

    def turn(self) -> None:
        """
        Carry everything both ways, and tell the protocols.
        """
        raise NotImplementedError

    def assertEnded(
        self, near: type[BaseException] | None, far: type[BaseException] | None
    ) -> None:
        """
        Assert what both protocols were told of the end.
        """
        ends = (self.nearProtocol.ending, self.farProtocol.ending)
        self.assertEqual(ends, (near, far))

    def test_write(self):
        """
        What is written arrives, in its order.
        """
        self.near.write(b"a")
        self.near.writeSequence([b"b", b"", b"c"])
        self.near.write(b"")
        self.near.write(b"d")
        self.assertEqual(self.farProtocol.received, b"")
        self.turn()
        self.assertEqual(self.farProtocol.received, b"abcd")
        self.far.write(b"e")
        self.turn()
        self.assertEqual(self.nearProtocol.received, b"e")
        self.assertEnded(None, None)

    def test_noBytes(self):
        """
        What is not bytes is an error at the call.
        """
        for data in ("a", bytearray(b"a"), memoryview(b"a"), None):
            self.assertRaises(TypeError, self.near.write, data)
            self.assertRaises(TypeError, self.near.writeSequence, [b"a", data])

    def test_pushProducer(self):
        """
        A producer is paused when more than the buffer holds is written, and
        resumed when all is gone.
        """
        producer = Producer()
        self.near.registerProducer(producer, True)
        self.near.write(bytes(SIZE))
        self.assertEqual(producer.told, [])
        self.near.write(b"a")
        self.assertEqual(producer.told, ["pause"])
        self.turn()
        self.assertEqual(producer.told, ["pause", "resume"])
        self.near.write(b"a")
        self.turn()
        self.assertEqual(producer.told, ["pause", "resume"])

    def test_twoProducers(self):
        """
        There is one producer at most.
        """
        self.near.registerProducer(Producer(), True)
        self.assertRaises(RuntimeError, self.near.registerProducer, Producer(), True)
        self.near.unregisterProducer()
        self.near.unregisterProducer()
        self.near.registerProducer(Producer(), True)

    def test_pullProducer(self):
        """
        A pull producer is asked at once, and again when what it wrote is gone;
        if it wrote nothing it is not asked again.
        """
        producer = Producer(self.near, b"a", b"b")
        self.near.registerProducer(producer, False)
        self.assertEqual(producer.told, ["resume"])
        self.turn()
        self.assertEqual(producer.told, ["resume"] * 3)
        self.assertEqual(self.farProtocol.received, b"ab")
        self.turn()
        self.assertEqual(producer.told, ["resume"] * 3)

    def test_loseConnection(self):
        """
        To close waits for what is written, even afterwards, and is told to
        both protocols, but not from inside the call.
        """
        self.near.write(bytes(SIZE * 3))
        self.near.loseConnection()
        self.near.write(b"a")
        self.near.loseConnection()
        self.assertEnded(None, None)
        self.turn()
        self.assertEqual(len(self.farProtocol.received), SIZE * 3 + 1)
        self.assertEnded(ConnectionDone, ConnectionDone)

    def test_loseConnectionOfProducer(self):
        """
        A push producer that is not paused does not keep a connection from
        being closed, and is stopped.
        """
        producer = Producer()
        self.near.registerProducer(producer, True)
        self.near.write(b"a")
        self.near.loseConnection()
        self.turn()
        self.assertEnded(ConnectionDone, ConnectionDone)
        self.assertEqual(producer.told, ["stop"])

    def test_loseConnectionOfPausedProducer(self):
        """
        One that is paused does, until it has been unregistered.
        """
        producer = Producer()
        self.near.registerProducer(producer, True)
        self.near.write(bytes(SIZE + 1))
        self.near.loseConnection()
        self.turn()
        self.assertEqual(producer.told, ["pause", "resume"])
        self.assertEnded(None, None)
        self.near.unregisterProducer()
        self.turn()
        self.assertEnded(ConnectionDone, ConnectionDone)
        self.assertEqual(producer.told, ["pause", "resume"])

    def test_loseConnectionOfPullProducer(self):
        """
        So does a pull producer.
        """
        producer = Producer(self.near, b"a", b"b")
        self.near.registerProducer(producer, False)
        self.near.loseConnection()
        self.turn()
        self.assertEqual(self.farProtocol.received, b"ab")
        self.assertEnded(None, None)
        self.near.unregisterProducer()
        self.turn()
        self.assertEnded(ConnectionDone, ConnectionDone)

    def test_readAfterLoseConnection(self):
        """
        Who closes reads no more, not even when told to.
        """
        self.near.registerProducer(Producer(), False)
        self.near.loseConnection()
        self.near.resumeProducing()
        self.far.write(b"a")
        self.turn()
        self.assertEqual(self.nearProtocol.received, b"")

    def test_registerProducerAfterwards(self):
        """
        A producer that comes too late is stopped.
        """
        self.near.loseConnection()
        self.turn()
        producer = Producer()
        self.near.registerProducer(producer, True)
        self.assertEqual(producer.told, ["stop"])

    def test_afterwards(self):
        """
        When the connection is lost, nothing that is called has an effect.
        """
        self.near.loseConnection()
        self.turn()
        self.near.write(b"a")
        self.near.writeSequence([b"a"])
        self.near.resumeProducing()
        self.near.loseConnection()
        self.near.abortConnection()
        self.near.unregisterProducer()
        self.turn()
        self.assertEnded(ConnectionDone, ConnectionDone)

    def test_loseWriteConnection(self):
        """
        To close for writing waits for what is written, even afterwards; the
        peer sees the end, and then so do we.
        """
        self.near.write(b"a")
        self.near.loseWriteConnection()
        self.near.write(b"b")
        self.assertEnded(None, None)
        self.turn()
        self.assertEqual(self.farProtocol.received, b"ab")
        self.assertEnded(ConnectionDone, ConnectionDone)

    def test_readAfterLoseWriteConnection(self):
        """
        Who has closed for writing goes on to read, and writes nothing.
        """
        self.far.pauseProducing()
        self.near.loseWriteConnection()
        self.turn()
        self.near.write(b"lost")
        self.far.write(b"a")
        self.turn()
        self.assertEqual(self.nearProtocol.received, b"a")
        self.assertEnded(None, None)
        self.far.resumeProducing()
        self.turn()
        self.assertEqual(self.farProtocol.received, b"")
        self.assertEnded(ConnectionDone, ConnectionDone)

    def test_peerThatHasSentAll(self):
        """
        When it is read that the peer has closed for writing, the connection
        ends, and what is not written is dropped.
        """
        self.near.pauseProducing()
        self.far.loseWriteConnection()
        self.turn()
        self.near.resumeProducing()
        self.near.write(b"lost")
        self.turn()
        self.assertEqual(self.farProtocol.received, b"")
        self.assertEnded(ConnectionDone, ConnectionDone)

    def test_peerThatHasSentAllIsNotRead(self):
        """
        As long as that is not read, what is written leaves.
        """
        self.near.pauseProducing()
        self.far.loseWriteConnection()
        self.turn()
        self.near.write(b"a")
        self.turn()
        self.assertEqual(self.farProtocol.received, b"a")
        self.near.resumeProducing()
        self.turn()
        self.assertEnded(ConnectionDone, ConnectionDone)

    def test_pullProducerBeforeLoseWriteConnection(self):
        """
        A pull producer is asked when all is written, and goes before the
        closing for writing.
        """
        producer = Producer(self.near)
        self.near.write(b"a")
        self.near.loseWriteConnection()
        self.near.registerProducer(producer, False)
        self.turn()
        self.assertEqual(self.farProtocol.received, b"a")
        self.assertEnded(None, None)
        self.near.unregisterProducer()
        self.near.loseWriteConnection()
        self.turn()
        self.assertEnded(ConnectionDone, ConnectionDone)

    def test_loseWriteConnectionTwice(self):
        """
        To close for writing again, when it has been closed, breaks the
        connection.
        """
        self.far.pauseProducing()
        self.near.loseWriteConnection()
        self.near.loseWriteConnection()
        self.turn()
        self.assertEnded(None, None)
        self.near.loseWriteConnection()
        self.turn()
        self.assertEnded(ConnectionLost, None)

    def test_loseConnectionAfterLoseWriteConnection(self):
        """
        To close a connection that is closed for writing is told at once, from
        inside the call.
        """
        self.far.pauseProducing()
        self.near.loseWriteConnection()
        self.turn()
        self.near.loseConnection()
        self.assertEnded(ConnectionDone, None)

    def test_abortConnection(self):
        """
        To abort drops what is written, and is told to both protocols, but not
        from inside the call.
        """
        producer = Producer()
        self.near.registerProducer(producer, True)
        self.near.write(b"a")
        self.near.abortConnection()
        self.near.abortConnection()
        self.assertEnded(None, None)
        self.turn()
        self.assertEqual(self.farProtocol.received, b"")
        self.assertEqual(producer.told, ["stop"])
        self.assertEnded(ConnectionAborted, ConnectionLost)

    def test_abortConnectionAfterLoseConnection(self):
        """
        Who waits to close may be aborted.
        """
        self.near.registerProducer(Producer(), False)
        self.near.loseConnection()
        self.turn()
        self.assertEnded(None, None)
        self.near.abortConnection()
        self.turn()
        self.assertEnded(ConnectionAborted, ConnectionLost)

    def test_pauseProducing(self):
        """
        A protocol that is paused is told nothing until it is resumed, and then
        not from inside the call.
        """
        self.near.pauseProducing()
        self.far.write(b"a")
        self.turn()
        self.far.write(b"b")
        self.turn()
        self.assertEqual(self.nearProtocol.received, b"")
        self.near.resumeProducing()
        self.assertEqual(self.nearProtocol.received, b"")
        self.turn()
        self.assertEqual(self.nearProtocol.received, b"ab")

    def test_endWhilePaused(self):
        """
        Nor is it told of the end before that, nor of the end before the rest.
        """
        self.near.pauseProducing()
        self.far.write(b"a")
        self.far.loseConnection()
        self.turn()
        self.assertEnded(None, ConnectionDone)
        self.near.resumeProducing()
        self.turn()
        self.assertEqual(self.nearProtocol.received, b"a")
        self.assertEnded(ConnectionDone, ConnectionDone)

    def test_writeToWhoIsGone(self):
        """
        Who writes to one that is gone is told that the connection is broken.
        """
        self.near.pauseProducing()
        self.far.loseConnection()
        self.turn()
        self.near.write(b"a")
        self.turn()
        self.near.write(b"b")
        self.turn()
        self.assertEnded(ConnectionLost, ConnectionDone)

    def test_closeWithoutReading(self):
        """
        To close without reading what has come ends the connection for both.
        """
        self.near.pauseProducing()
        self.far.write(b"never read")
        self.turn()
        self.near.loseConnection()
        self.turn()
        self.assertEqual(self.nearProtocol.received, b"")
        self.assertEnded(ConnectionDone, ConnectionDone)

    def test_options(self):
        """
        The options of the socket can be set.
        """
        for name in ("TcpNoDelay", "TcpKeepAlive"):
            for enabled in (True, False):
                getattr(self.near, f"set{name}")(enabled)
                self.assertEqual(getattr(self.near, f"get{name}")(), enabled)
