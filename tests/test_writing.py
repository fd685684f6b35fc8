"""
Tests for L{txws.writing}.
"""

from __future__ import annotations

import errno
from typing import Any

from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Connection as Socket
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.trial.unittest import SynchronousTestCase

from txws.testing import MemoryTransport
from txws.writing import TURN_SIZE, Writer, writerFor


class FakeSocket:
    """
    A socket that takes as much as the test wants.

    @ivar taken: what it has taken, call by call.
    @ivar vectors: how often it was given several pieces at once.
    """

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.vectors = 0
        self.room = 10**6
        self.error: int | None = None

    def setblocking(self, isBlocking: int) -> None:
        """
        Do nothing.
        """

    def setsockopt(self, level: int, option: int, value: int) -> None:
        """
        Do nothing.
        """

    def fileno(self) -> int:
        """
        Have none.
        """
        return -1

    def send(self, data: Any) -> int:
        """
        Take some.
        """
        if self.error is not None:
            raise OSError(self.error, "no")
        data = bytes(data[: self.room])
        self.taken.append(data)
        return len(data)

    def sendmsg(self, buffers: Any) -> int:
        """
        Take some of what is not in one piece.
        """
        self.vectors += 1
        return self.send(b"".join(buffers))


class PlainSocketTests(SynchronousTestCase):
    """
    The socket of a TCP or UNIX connection.
    """

    def setUp(self) -> None:
        """
        Connect.
        """
        found: Any = FakeSocket()
        self.socket = found
        self.transport: Any = Socket(self.socket, Protocol(), MemoryReactorClock())
        self.transport.connected = True
        self.writer = writerFor(self.transport)
        self.write = self.writer.send

    @property
    def waiting(self) -> bytes:
        """
        What waits for the socket to be writable.
        """
        return b"".join([self.transport.dataBuffer, *self.transport._tempDataBuffer])

    def test_atOnce(self):
        """
        What is written goes to the socket at once, in one.
        """
        self.write([b"a"])
        self.write([b"b", b"c"])
        self.assertEqual(self.socket.taken, [b"a", b"bc"])
        self.assertEqual(self.waiting, b"")

    def test_partly(self):
        """
        What the socket does not take waits, and what is written then waits
        behind it: nothing is sent twice, or out of order.
        """
        self.socket.room = 2
        self.write([b"abc", b"d"])
        self.assertEqual(self.waiting, b"cd")
        self.socket.room = 100
        self.write([b"e"])
        self.assertEqual(self.socket.taken, [b"ab"])
        self.transport.doWrite()
        self.assertEqual(b"".join(self.socket.taken), b"abcde")
        self.write([b"f"])
        self.assertEqual(b"".join(self.socket.taken), b"abcdef")

    def test_large(self):
        """
        A large payload is not copied behind its header.
        """
        payload = bytes(16384)
        self.write([b"a", b"b", payload])
        self.assertEqual(
            (self.socket.taken, self.socket.vectors), ([b"ab" + payload], 1)
        )
        self.socket.room = 3
        self.write([b"a", b"b", payload])
        self.assertEqual(self.waiting, payload[1:])
        self.setUp()
        self.socket.error = errno.EWOULDBLOCK
        self.write([b"a", payload])
        self.assertEqual(self.waiting, b"a" + payload)

    def test_manyPieces(self):
        """
        Many pieces go in one, for no socket takes any number of them.
        """
        pieces = [b"a"] * 2000 + [bytes(16384)]
        self.write(pieces)
        self.assertEqual(self.socket.taken, [b"".join(pieces)])
        self.assertEqual(self.socket.vectors, 0)

    def test_descriptors(self):
        """
        Descriptors that wait to go to the peer of a UNIX socket are not passed.
        """
        self.transport._sendmsgQueue = []
        self.writer = writerFor(self.transport)
        self.write = self.writer.send
        self.transport._sendmsgQueue.append(3)
        written: list[Any] = []
        self.transport.writeSequence = written.append
        self.write([b"a"])
        self.assertEqual((self.socket.taken, written), ([], [[b"a"]]))

    def test_full(self):
        """
        A socket that takes nothing is asked again when it is writable.
        """
        self.socket.error = errno.EWOULDBLOCK
        self.write([b"a", b"b"])
        self.assertEqual(self.waiting, b"ab")
        self.socket.error = None
        self.transport.doWrite()
        self.assertEqual(self.socket.taken, [b"ab"])

    def test_producer(self):
        """
        A producer is told when too much waits, as ever.
        """
        told: list[str] = []

        class Told:
            """
            Notes what it is told.
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

            def stopProducing(self) -> None:
                """
                Note it.
                """

        self.transport.registerProducer(Told(), True)
        self.write([bytes(100000)])
        self.assertEqual(told, [])
        self.socket.room = 0
        self.write([bytes(100000)])
        self.assertEqual(told, ["pause"])
        self.socket.room = 10**6
        while self.waiting:
            self.transport.doWrite()
        self.assertEqual(told, ["pause", "resume"])

    def test_endless(self):
        """
        Who sends without an end, to a peer that takes all of it, leaves the
        reactor its turns.
        """
        for size in (1, 50000):
            self.setUp()
            for _write in range(400):
                self.write([bytes(size)])
                if self.waiting:
                    break
            self.assertTrue(self.waiting)
            self.assertGreater(len(self.socket.taken), 3)
            taken = len(self.socket.taken)
            self.write([b"more"])
            self.assertEqual(len(self.socket.taken), taken)
            while self.waiting:
                self.transport.doWrite()
            taken = len(self.socket.taken)
            self.write([b"again"])
            self.assertEqual(self.socket.taken[taken:], [b"again"])

    def test_turns(self):
        """
        If the reactor has its turns anyway, nothing has to wait for one.
        """
        for _write in range(1000):
            self.writer.startTurn()
            self.write([bytes(50000)])
            self.assertEqual(self.waiting, b"")

    def test_sendLarge(self):
        """
        Of what is too large to be kept as much leaves at once as the socket takes,
        without being copied, and the transport keeps a part of the rest: it tells
        when the socket takes more.
        """
        large = memoryview(bytes(range(256)) * 2000)
        self.assertEqual(self.writer.sendLarge([b"head"], large), len(large))
        self.assertEqual(self.socket.taken, [b"head" + large])
        self.assertEqual(self.waiting, b"")
        for room in (0, 1, 4, 5, 100000):
            self.setUp()
            self.socket.room = room
            size = self.writer.sendLarge([b"he", b"ad"], large)
            sent = b"".join(self.socket.taken) + self.waiting
            self.assertEqual(sent, b"head" + large[:size], room)
            self.assertEqual(size, max(room - 4, 0) + TURN_SIZE, room)
            self.assertEqual(self.writer.sendLarge([], large[size:]), TURN_SIZE)
            self.assertEqual(len(self.socket.taken), 1)

    def test_sendLargeEnd(self):
        """
        What is left at last may be less than a part.
        """
        self.socket.room = 0
        self.assertEqual(self.writer.sendLarge([], memoryview(b"last")), 4)
        self.assertEqual(self.waiting, b"last")

    def test_sendLargeInTurns(self):
        """
        However fast the peer reads, the reactor has its turns.
        """
        self.socket.room = 10**7
        large = memoryview(bytes(5000000))
        size = self.writer.sendLarge([], large)
        self.assertLess(size, 2000000)
        self.assertEqual(self.waiting, b"")
        self.assertEqual(self.writer.sendLarge([], large), TURN_SIZE)
        self.assertEqual(len(self.waiting), TURN_SIZE)

    def test_lost(self):
        """
        That a connection is lost is found out by the reactor, not by whoever
        writes.
        """
        self.socket.error = errno.EPIPE
        self.write([b"a"])
        self.assertEqual(self.waiting, b"a")
        self.assertIsInstance(self.transport.doWrite(), Exception)

    def test_closing(self):
        """
        A transport that is not connected, is being closed or encrypted is not
        gone around.
        """
        for name in ("disconnecting", "TLS", "_writeDisconnected"):
            self.setUp()
            setattr(self.transport, name, True)
            written: list[Any] = []
            self.transport.writeSequence = written.append
            self.write([b"a"])
            self.assertEqual((self.socket.taken, written), ([], [[b"a"]]), name)
        self.setUp()
        self.transport.connected = False
        self.write([b"a"])
        self.assertEqual((self.socket.taken, self.waiting), ([], b""))


class DelayTests(SynchronousTestCase):
    """
    Small messages do not wait for each other.
    """

    def test_noDelay(self) -> None:
        """
        The kernel is told not to keep what is small until the peer has acknowledged
        what went before.
        """
        transport = MemoryTransport(Protocol())
        self.assertFalse(transport.getTcpNoDelay())
        writerFor(transport)
        self.assertTrue(transport.getTcpNoDelay())

    def test_noSuchOption(self) -> None:
        """
        The sockets of UNIX have no such thing, and other transports do not know of
        it.
        """
        for error in (OSError(errno.EOPNOTSUPP, "no"), AttributeError("socket")):

            def refuse(isSet: bool, error: Exception = error) -> None:
                raise error

            transport: Any = MemoryTransport(Protocol())
            transport.setTcpNoDelay = refuse
            writerFor(transport).send([b"a"])
            self.assertEqual(transport.writes, [b"a"])
        other: Any = StringTransport()
        writerFor(other).send([b"a"])
        self.assertEqual(other.value(), b"a")


class OtherTransportTests(SynchronousTestCase):
    """
    All other transports.
    """

    def test_ordinary(self):
        """
        They are written to as ever.
        """
        transport = MemoryTransport(Protocol())
        transport.connect()
        writer = writerFor(transport)
        writer.send([b"a", b"b"])
        self.assertEqual(transport.takeData(), b"ab")
        large = memoryview(bytes(100000))
        self.assertEqual(writer.sendLarge([b"head"], large), TURN_SIZE)
        self.assertEqual(transport.takeData(), b"head" + bytes(TURN_SIZE))
        writer.startTurn()

    def test_unknown(self):
        """
        So is a socket of a Twisted that keeps what waits in another way.
        """
        socket: Any = FakeSocket()
        transport: Any = Socket(socket, Protocol(), MemoryReactorClock())
        transport._tempDataBuffer = None
        self.assertIs(type(writerFor(transport)), Writer)
        del transport._tempDataBuffer
        self.assertIs(type(writerFor(transport)), Writer)
