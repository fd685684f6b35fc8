"""
Tests for L{txws.streaming}.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IConsumer,
    INegotiated,
    IPushProducer,
    ISSLTransport,
    ITCPTransport,
    ITransport,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import LogEvent, LogLevel, capturedLogs, formatEvent
from twisted.protocols.amp import AMP, Command, Integer, Unicode
from twisted.protocols.basic import FileSender, LineReceiver
from twisted.python.failure import Failure
from twisted.spread.pb import PBClientFactory, PBServerFactory, Root
from twisted.trial.unittest import SynchronousTestCase
from twisted.words.service import InMemoryWordsRealm, IRCFactory
from zope.interface.verify import verifyObject

from txws.client import ClientSettings, WebSocketClientProtocol
from txws.encodings import Binary
from txws.factories import WebSocketFactory
from txws.interfaces import (
    IStartedHandlerFactory,
    IWebSocketHandler,
    IWebSocketHandlerFactory,
)
from txws.policy import HandshakePolicy
from txws.streaming import StreamHandler, StreamHandlerFactory, StreamTransport
from txws.testing import FakeWebSocketTransport, RecordingHandler
from txws.wire.codes import CloseCode, Opcode

from .peers import RawPeer, TLSPair, connectClient, makeRequest, streamHandlerFor
from .wire.tables import readFrames


class Recorder(Protocol):
    """
    A protocol that notes what it is told.
    """

    def __init__(self) -> None:
        self.events: list[object] = []

    def connectionMade(self) -> None:
        """
        Note that it is connected.
        """
        self.events.append("connectionMade")

    def dataReceived(self, data: bytes) -> None:
        """
        Note bytes.
        """
        self.events.append(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Note the end.
        """
        self.events.append("connectionLost")
        self.reason = reason


class Producer:
    """
    A push producer that notes what it is told, and declares nothing, as many
    do not.
    """

    def __init__(self) -> None:
        self.events: list[str] = []

    def pauseProducing(self) -> None:
        """
        Note it.
        """
        self.events.append("pause")

    def resumeProducing(self) -> None:
        """
        Note it.
        """
        self.events.append("resume")

    def stopProducing(self) -> None:
        """
        Note it.
        """
        self.events.append("stop")


def warnings(logged: Sequence[LogEvent]) -> list[str]:
    """
    Find the warnings in what was logged.
    """
    return [
        formatEvent(event) for event in logged if event["log_level"] is LogLevel.warn
    ]


class StreamTestCase(SynchronousTestCase):
    """
    Wraps a protocol that notes what it is told.
    """

    def setUp(self):
        """
        Nothing has happened yet.
        """
        self.clock = Clock()
        self.protocol = Recorder()

    def serve(self, factory: Factory | None = None, **settings) -> WebSocketFactory:
        """
        Make a server of a factory, or of the one protocol.
        """
        if factory is None:
            factory = Factory.forProtocol(lambda: self.protocol)
        return WebSocketFactory(factory, clock=self.clock, **settings)

    def connect(self, *changes, **settings) -> RawPeer:
        """
        Connect a peer to the one protocol.
        """
        return RawPeer.upgraded(self.serve(**settings), *changes)

    def register(self, producer: Any) -> None:
        """
        Register a push producer.
        """
        self.transport.registerProducer(producer, True)

    @property
    def transport(self) -> StreamTransport:
        """
        What the protocol has for a transport.
        """
        transport: Any = self.protocol.transport
        assert isinstance(transport, StreamTransport)
        return transport


class TransportTests(StreamTestCase):
    """
    A wrapped protocol has a transport that keeps the promises of Twisted's.
    """

    def test_interfaces(self):
        """
        Over TCP it is a TCP transport, a consumer and a push producer, and
        says nothing of TLS.
        """
        self.connect()

        for interface in (ITransport, IConsumer, IPushProducer, ITCPTransport):
            verifyObject(interface, self.transport)
        self.assertFalse(ISSLTransport.providedBy(self.transport))
        self.assertFalse(INegotiated.providedBy(self.transport))

    def test_connectedAfterTheHandshake(self):
        """
        The protocol is connected when the handshake is done, not before; what
        it writes then follows the 101.
        """

        class Greeter(Recorder):
            def connectionMade(self) -> None:
                super().connectionMade()
                self.transport.write(b"hello")

        self.protocol = Greeter()
        peer = RawPeer(self.serve())
        request = makeRequest()
        peer.send(request[:-1])
        self.assertEqual(self.protocol.events, [])

        peer.send(request[-1:])

        self.assertEqual(self.protocol.events, ["connectionMade"])
        head, _, rest = peer.transport.takeData().partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 101 "))
        self.assertEqual(rest, b"\x82\x05hello")

    def test_received(self):
        """
        The protocol gets what binary and text messages carry, as bytes, and
        nothing for an empty message, a Ping or a Pong.
        """
        peer = self.connect()

        peer.sendFrame(Opcode.BINARY, b"\x00\xff")
        peer.sendFrame(Opcode.BINARY)
        peer.sendFrame(Opcode.TEXT)
        peer.sendFrame(Opcode.PING, b"ping")
        peer.sendFrame(Opcode.PONG, b"pong")
        peer.sendFrame(Opcode.TEXT, "é".encode())

        self.assertEqual(
            self.protocol.events, ["connectionMade", b"\x00\xff", b"\xc3\xa9"]
        )

    def test_written(self):
        """
        Each write is a binary message; an empty one is nothing.
        """
        peer = self.connect()

        self.transport.write(b"one")
        self.transport.write(b"")
        self.transport.write(b"\xff")

        self.assertEqual(peer.takeMessages(), [b"one", b"\xff"])

    def test_writtenAsASequence(self):
        """
        A sequence is written as one message, an empty one as none.
        """
        peer = self.connect()

        self.transport.writeSequence([b"one", b"", b"two"])
        self.transport.writeSequence(iter([]))

        self.assertEqual(peer.takeMessages(), [b"onetwo"])

    def test_writtenBehindAStream(self):
        """
        What is written while a message is streamed comes after it, in its order.
        """
        peer = self.connect()
        more: Deferred[None] = Deferred()

        async def pieces():
            yield b"streamed "
            await more
            yield b"message"

        streamed = self.transport.webSocket.sendStream(pieces())
        self.transport.write(b"one")
        self.transport.write("two")
        self.assertEqual(peer.takeMessages(), [b"streamed "])

        more.callback(None)
        self.transport.write(b"three")

        self.successResultOf(streamed)
        frames = readFrames(peer.transport.takeData())
        self.assertEqual(
            [frame.payload for frame in frames],
            [b"message", b"", b"one", b"two", b"three"],
        )

    def test_onlyBytesAndTextAreWritten(self):
        """
        Writing anything but bytes and text is an error, and a sequence is one
        of bytes.
        """
        peer = self.connect()

        for wrong in (bytearray(b"a"), 5, None):
            self.assertRaises(TypeError, self.transport.write, wrong)
        self.assertRaises(TypeError, self.transport.writeSequence, ["text"])

        self.assertEqual(peer.takeMessages(), [])

    def test_derivedKinds(self):
        """
        What is derived from bytes or text is sent as they are.
        """

        class Data(bytes):
            pass

        class Words(str):
            pass

        for isText, expected in ((False, [b"one", "two"]), (True, ["one", "two"])):
            self.protocol = Recorder()
            peer = self.connect(text=isText)

            self.transport.write(Data(b"one"))
            self.transport.write(Words("two"))

            self.assertEqual(peer.takeMessages(), expected)

    def test_derivedKindsReceived(self):
        """
        So does the protocol get what a handler of one's own hands on.
        """

        class Data(bytes):
            pass

        class Words(str):
            pass

        handler = StreamHandler(self.protocol, Binary())
        FakeWebSocketTransport(handler).finishNegotiation()

        handler.bytesMessageReceived(Data(b"one"))
        handler.textMessageReceived(Words("two"))

        self.assertEqual(self.protocol.events, ["connectionMade", b"one", b"two"])

    def test_writtenToADerivedTransport(self):
        """
        What is written goes the way of a transport that sends in its own.
        """

        class Shouting(FakeWebSocketTransport):
            def sendBytesMessage(self, data, compress=None):
                return super().sendBytesMessage(data.upper(), compress)

        webSocket = Shouting(StreamHandler(self.protocol, Binary()))
        webSocket.finishNegotiation()

        self.transport.write(b"one")

        self.assertEqual(webSocket.messages, [b"ONE"])

    def test_attributes(self):
        """
        Protocols may attach to a transport what they like, over TCP or not.
        """
        below = StringTransport(peerAddress=UNIXAddress("/peer"))
        server = self.serve().buildProtocol(None)
        server.makeConnection(below)
        server.dataReceived(makeRequest())
        overUNIX: Any = self.transport
        self.protocol = Recorder()
        self.connect()
        overTCP: Any = self.transport

        for transport in (overUNIX, overTCP):
            transport.user = "alice"
            self.assertEqual(transport.user, "alice")

    def test_addresses(self):
        """
        Peer and host are those of the connection below; the protocol is built
        for the address of the peer.
        """
        built: list[object] = []

        class Watching(Factory):
            def buildProtocol(watching, addr):
                built.append(addr)
                return self.protocol

        peer = RawPeer.upgraded(self.serve(Watching()))

        self.assertEqual(self.transport.getPeer(), peer.transport.getPeer())
        self.assertEqual(self.transport.getHost(), peer.transport.getHost())
        self.assertEqual(built, [peer.transport.getPeer()])

    def test_request(self):
        """
        The protocol can ask what the client has asked for, and reach the
        WebSocket.
        """
        RawPeer.upgraded(self.serve(), ("Cookie", "id=7"), target="/room?x=1")

        self.assertEqual(self.transport.request.path, "/room")
        self.assertEqual(self.transport.request.query, "x=1")
        self.assertEqual(self.transport.request.cookies["id"], "7")
        self.assertIs(self.transport.webSocket.request, self.transport.request)

    def test_socketOptions(self):
        """
        The options of the socket below can be read and set.
        """
        peer = self.connect()
        transport = ITCPTransport(self.transport)

        transport.setTcpNoDelay(True)
        transport.setTcpKeepAlive(True)

        self.assertTrue(transport.getTcpNoDelay())
        self.assertTrue(transport.getTcpKeepAlive())
        self.assertTrue(peer.transport.getTcpNoDelay())
        self.assertTrue(peer.transport.getTcpKeepAlive())

    def test_notOverTCP(self):
        """
        Over something else than TCP it is a stream transport and no more.
        """
        below = StringTransport(peerAddress=UNIXAddress("/peer"))
        server = self.serve().buildProtocol(None)

        server.makeConnection(below)
        server.dataReceived(makeRequest())

        for interface in (ITransport, IConsumer, IPushProducer):
            verifyObject(interface, self.transport)
        self.assertFalse(ITCPTransport.providedBy(self.transport))
        self.assertEqual(self.transport.getPeer(), below.getPeer())
        self.assertEqual(self.transport.getHost(), below.getHost())

    def test_overTLS(self):
        """
        Over TLS it is a TLS transport, which knows the peer's certificate and
        what ALPN has agreed on.
        """
        client = Protocol()
        pair = TLSPair(self.serve(), self.clock, client, [b"h2", b"http/1.1"])

        client.transport.write(makeRequest())
        pair.flush()

        for interface in (ITransport, IConsumer, IPushProducer, ISSLTransport):
            verifyObject(interface, self.transport)
        verifyObject(INegotiated, self.transport)
        self.assertIsNone(ISSLTransport(self.transport).getPeerCertificate())
        negotiated = INegotiated(self.transport).negotiatedProtocol
        self.assertEqual(negotiated, b"http/1.1")

    def test_certificateOfTheServer(self):
        """
        A wrapped protocol of a client knows the server's certificate.
        """
        peer = self.connect()
        here = Recorder()
        handler = streamHandlerFor(Factory.forProtocol(lambda: here), peer.transport)
        client = WebSocketClientProtocol(
            ClientSettings("example.com", "/", self.clock), handler
        )
        pair = TLSPair(self.serve(Factory.forProtocol(Recorder)), self.clock, client)

        pair.flush()

        certificate: Any = ISSLTransport(here.transport).getPeerCertificate()
        self.assertEqual(certificate.get_subject().CN, "localhost")

    def test_closedOverTLS(self):
        """
        Over TLS a connection is closed to the end, with no timer left.
        """
        handler = RecordingHandler()
        client = WebSocketClientProtocol(
            ClientSettings("example.com", "/", self.clock), handler
        )
        pair = TLSPair(self.serve(), self.clock, client)
        self.transport.write(b"bye")

        self.transport.loseConnection()
        for _ in range(5):
            pair.flush()

        self.assertEqual(handler.messages, [b"bye"])
        self.assertTrue(pair.server.isLost)
        self.assertTrue(pair.client.isLost)
        self.assertIsNotNone(self.protocol.reason.check(ConnectionDone))
        self.assertEqual(self.clock.getDelayedCalls(), [])


class EndTests(StreamTestCase):
    """
    A wrapped protocol's connection ends as it would over TCP.
    """

    def test_lost(self):
        """
        A protocol that loses its connection has what it has written before
        sent, then a Close with code 1000; what it writes after is dropped.
        """
        peer = self.connect()

        self.transport.write(b"last")
        self.assertFalse(self.transport.disconnecting)
        self.transport.loseConnection()
        self.transport.write(b"late")

        self.assertTrue(self.transport.disconnecting)
        frames = peer.takeFrames()
        self.assertEqual(
            [(found.opcode, found.payload) for found in frames],
            [(Opcode.BINARY, b"last"), (Opcode.CLOSE, b"\x03\xe8")],
        )
        self.assertEqual(self.protocol.events, ["connectionMade"])
        peer.sendClose(1000)
        peer.transport.settle()
        self.assertEqual(self.protocol.events, ["connectionMade", "connectionLost"])
        self.assertIsNotNone(self.protocol.reason.check(ConnectionDone))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_lostTwice(self):
        """
        Losing a connection that is being lost does nothing.
        """
        peer = self.connect()

        self.transport.loseConnection()
        self.transport.loseConnection()

        self.assertEqual(len(peer.takeFrames()), 1)

    def test_closedByThePeer(self):
        """
        A protocol whose peer closes is told that the connection is done.
        """
        peer = self.connect()

        peer.sendClose(1001)
        peer.takeFrames()
        peer.transport.settle()

        self.assertEqual(self.protocol.events, ["connectionMade", "connectionLost"])
        self.assertIsNotNone(self.protocol.reason.check(ConnectionDone))

    def test_vanished(self):
        """
        A protocol whose peer vanishes is told that the connection is lost,
        and writes into the void.
        """
        peer = self.connect()

        peer.leave()
        self.transport.write(b"late")
        self.transport.loseConnection()

        self.assertIsNotNone(self.protocol.reason.check(ConnectionLost))
        self.assertEqual(self.protocol.events, ["connectionMade", "connectionLost"])

    def test_aborted(self):
        """
        An aborted connection is lost without a Close, and what was written is
        dropped.
        """
        peer = self.connect()
        self.transport.write(b"dropped")

        ITCPTransport(self.transport).abortConnection()

        self.assertTrue(self.transport.disconnecting)
        self.assertEqual(peer.transport.takeData(), b"")
        peer.transport.settle()
        self.assertIsNotNone(self.protocol.reason.check(ConnectionLost))

    def test_halfClosed(self):
        """
        WebSocket has no half-close: asking for one closes the connection.
        """
        peer = self.connect()

        ITCPTransport(self.transport).loseWriteConnection()

        self.assertEqual(peer.takeCloseCode(), CloseCode.NORMAL_CLOSURE)

    def test_stopped(self):
        """
        A consumer that stops the transport as a producer closes it.
        """
        peer = self.connect()

        self.transport.stopProducing()

        self.assertEqual(peer.takeCloseCode(), CloseCode.NORMAL_CLOSURE)

    def test_nothingIsReceivedAfterTheEnd(self):
        """
        A protocol that has lost its connection receives nothing any more, even
        while a producer of it goes on.
        """
        peer = self.connect()
        self.register(Producer())

        self.transport.loseConnection()
        peer.sendFrame(Opcode.BINARY, b"late")

        self.assertEqual(self.protocol.events, ["connectionMade"])

    def test_protocolFails(self):
        """
        A protocol that fails has its connection closed with code 1011, and is
        told of the end.
        """

        class Failing(Recorder):
            def dataReceived(self, data: bytes) -> None:
                raise ZeroDivisionError

        self.protocol = Failing()
        peer = self.connect()

        peer.sendFrame(Opcode.BINARY, b"data")

        self.assertEqual(peer.takeCloseCode(), CloseCode.INTERNAL_ERROR)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        peer.sendClose(1011)
        peer.transport.settle()
        self.assertEqual(self.protocol.events, ["connectionMade", "connectionLost"])

    def test_neverConnected(self):
        """
        A protocol that was built for a connection which never opened is not
        told of its end.
        """
        peer = self.connect()
        handler = streamHandlerFor(
            Factory.forProtocol(lambda: self.protocol), peer.transport
        )
        self.protocol.events.clear()

        handler.negotiationStarted(self.transport.webSocket)
        peer.leave()
        handler.connectionLost(self.protocol.reason)

        # Once by the peer's own connection.
        self.assertEqual(self.protocol.events, ["connectionLost"])


class ProducerTests(StreamTestCase):
    """
    Producers work both ways.
    """

    def test_pushProducer(self):
        """
        A push producer is paused when the peer does not read, and resumed when
        it does.
        """
        peer = self.connect()
        producer = Producer()
        self.register(producer)

        for _ in range(40):
            self.transport.write(bytes(8192))
        self.assertEqual(producer.events, ["pause"])
        while peer.transport.takeData():
            pass

        self.assertEqual(producer.events, ["pause", "resume"])

    def test_pullProducer(self):
        """
        A pull producer is asked for as much as the peer reads.
        """
        peer = self.connect()
        content = bytes(range(256)) * 4096
        sent = FileSender().beginFileTransfer(BytesIO(content), self.transport)
        self.assertNoResult(sent)

        received = b""
        while frames := peer.takeFrames():
            data = b"".join(found.payload for found in frames)
            self.assertLess(len(data), 256 * 1024)
            received += data

        self.assertEqual(received, content)
        self.successResultOf(sent)

    def test_pullProducerDoneAtOnce(self):
        """
        A pull producer that has said everything before its registration
        returns does not keep the connection from being closed.
        """
        peer = self.connect()

        sent = FileSender().beginFileTransfer(BytesIO(b"short"), self.transport)
        self.transport.loseConnection()

        self.successResultOf(sent)
        frames = peer.takeFrames()
        self.assertEqual(
            [(found.opcode, found.payload) for found in frames],
            [(Opcode.BINARY, b"short"), (Opcode.CLOSE, b"\x03\xe8")],
        )

    def test_losingWaitsForAPullProducer(self):
        """
        A connection that is lost while a pull producer is registered goes on
        until it is unregistered.
        """
        peer = self.connect()
        producer: Any = Producer()
        self.transport.registerProducer(producer, False)

        self.transport.loseConnection()
        self.transport.write(b"more")
        self.assertTrue(self.transport.disconnecting)
        self.assertEqual(peer.takeMessages(), [b"more"])
        self.transport.unregisterProducer()

        self.assertEqual(peer.takeCloseCode(), CloseCode.NORMAL_CLOSURE)

    def test_losingDoesNotWaitForAPushProducer(self):
        """
        A push producer does not keep a connection, over TCP neither: it may be
        another transport, which is lost already.
        """
        peer = self.connect()
        producer = Producer()
        self.register(producer)

        self.transport.write(b"last")
        self.transport.loseConnection()
        self.transport.write(b"late")
        self.transport.unregisterProducer()

        self.assertEqual(
            [(found.opcode, found.payload) for found in peer.takeFrames()],
            [(Opcode.BINARY, b"last"), (Opcode.CLOSE, b"\x03\xe8")],
        )
        self.assertEqual(producer.events, ["stop"])

    def test_losingWaitsForAPausedProducer(self):
        """
        A push producer that is paused can go on when the peer has read, before
        the connection is closed.
        """
        peer = self.connect()
        said: list[str] = []

        class Last(Producer):
            """
            Says a last thing.
            """

            def resumeProducing(inner) -> None:
                """
                Say it.
                """
                said.append("resumed")
                self.transport.write(b"last")

        self.register(Last())
        self.transport.write(bytes(65536))
        self.transport.write(bytes(65537))

        self.transport.loseConnection()
        self.assertTrue(self.transport.disconnecting)
        self.assertEqual(said, [])
        read = b""
        while data := peer.transport.takeData():
            read += data

        self.assertEqual(said, ["resumed"])
        self.assertEqual(
            [(found.opcode, found.payload) for found in readFrames(read)[2:]],
            [(Opcode.BINARY, b"last"), (Opcode.CLOSE, b"\x03\xe8")],
        )

    def test_losingWaitsAsOftenAsItIsPaused(self):
        """
        A push producer that is paused once more goes on once more: what it has
        to say arrives, as over TCP.
        """
        peer = self.connect()
        parts = [b"third", b"second", b"first"]

        class Long(Producer):
            """
            Says one part after the other, each more than is taken at once.
            """

            def resumeProducing(inner) -> None:
                """
                Say the next.
                """
                if parts:
                    self.transport.write(parts.pop())
                    self.transport.write(bytes(65536))
                    self.transport.write(bytes(65537))

        producer = Long()
        self.register(producer)
        producer.resumeProducing()

        self.transport.loseConnection()
        read = b""
        while data := peer.transport.takeData():
            read += data

        frames = readFrames(read)
        self.assertEqual(
            [found.payload for found in frames if len(found.payload) < 65536],
            [b"first", b"second", b"third", b"\x03\xe8"],
        )
        self.assertEqual(frames[-1].opcode, Opcode.CLOSE)

    def test_losingAPausedProducerAtOnce(self):
        """
        A paused producer that is unregistered, or whose connection ends, holds
        up nothing.
        """
        for act in (
            lambda peer: self.transport.unregisterProducer(),
            lambda peer: peer.leave(),
        ):
            self.protocol = Recorder()
            peer = self.connect()
            self.register(Producer())
            self.transport.write(bytes(65536))
            self.transport.write(bytes(65537))
            self.transport.loseConnection()

            act(peer)

            self.assertFalse(self.transport.webSocket.isOpen)

    def test_oneProducerAtATime(self):
        """
        A second producer is refused; the first goes on to count.
        """
        peer = self.connect()
        pulled: Any = Producer()
        self.transport.registerProducer(pulled, False)

        self.assertRaises(RuntimeError, self.register, Producer())

        self.transport.loseConnection()
        self.assertEqual(peer.takeFrames(), [])
        self.transport.unregisterProducer()
        self.assertEqual(peer.takeCloseCode(), CloseCode.NORMAL_CLOSURE)

    def test_refusedProducer(self):
        """
        A producer that is refused, because one is attached to the WebSocket
        itself, is not waited for.
        """
        peer = self.connect()
        attached: Any = Producer()
        self.transport.webSocket.attachProducer(attached)

        self.assertRaises(RuntimeError, self.register, Producer())
        self.transport.loseConnection()

        self.assertEqual(peer.takeCloseCode(), CloseCode.NORMAL_CLOSURE)

    def test_producerAfterAnother(self):
        """
        When a producer is unregistered there is room for the next.
        """
        self.connect()
        producer = Producer()
        self.register(Producer())
        self.transport.unregisterProducer()

        self.register(producer)

        self.assertEqual(producer.events, [])

    def test_producerOfALostConnection(self):
        """
        A producer is stopped when the connection ends, and at once if it has
        ended already.
        """
        peer = self.connect()
        early, late = Producer(), Producer()
        self.register(early)

        peer.leave()
        self.transport.unregisterProducer()
        self.register(late)

        self.assertEqual(early.events, ["stop"])
        self.assertEqual(late.events, ["stop"])

    def test_paused(self):
        """
        A protocol that pauses its transport gets nothing until it resumes it,
        and loses nothing.
        """
        peer = self.connect()

        self.transport.pauseProducing()
        peer.sendFrame(Opcode.BINARY, b"one")
        peer.sendFrame(Opcode.BINARY, b"two")
        self.assertEqual(self.protocol.events, ["connectionMade"])
        self.transport.resumeProducing()
        peer.transport.settle()

        self.assertEqual(self.protocol.events, ["connectionMade", b"one", b"two"])

    def test_forwarded(self):
        """
        Two wrapped protocols can be the producer and the consumer of each
        other, as a proxy makes them: who reads slowly slows who writes.
        """

        class Forwarder(Protocol):
            def dataReceived(self, data: bytes) -> None:
                second.transport.write(data)

        first, second = Forwarder(), Recorder()
        protocols: list[Protocol] = [second, first]
        factory = self.serve(Factory.forProtocol(protocols.pop))
        source, sink = RawPeer.upgraded(factory), RawPeer.upgraded(factory)
        second.transport.registerProducer(first.transport, True)

        for _ in range(40):
            source.sendFrame(Opcode.BINARY, bytes(8192))
        self.assertFalse(source.transport.isReading)
        received = 0
        while messages := sink.takeMessages():
            received += sum(map(len, messages))
            source.transport.settle()

        self.assertEqual(received, 40 * 8192)
        self.assertTrue(source.transport.isReading)


class TextTests(StreamTestCase):
    """
    In text mode what is written is sent as text messages.
    """

    def test_text(self):
        """
        Bytes in UTF-8 are sent as text.
        """
        peer = self.connect(text=True)

        self.transport.write("häß 日本 😀".encode())

        self.assertEqual(peer.takeMessages(), ["häß 日本 😀"])

    def test_splitCodePoints(self):
        """
        A code point that is split over writes is held back until it is
        complete, wherever it is split.
        """
        text = "é日😀!"
        encoded = text.encode()
        for cut in range(1, len(encoded)):
            self.protocol = Recorder()
            peer = self.connect(text=True)

            self.transport.write(encoded[:cut])
            self.transport.write(encoded[cut:])

            self.assertEqual("".join(map(str, peer.takeMessages())), text, cut)

    def test_dribbledCodePoints(self):
        """
        Text that is written byte by byte is sent code point by code point.
        """
        peer = self.connect(text=True)

        for byte in "é日😀!".encode():
            self.transport.write(bytes([byte]))

        self.assertEqual(peer.takeMessages(), ["é", "日", "😀", "!"])

    def test_notUTF8(self):
        """
        Bytes that are not UTF-8 are refused with an error that says so, and
        where, but shows nothing of them; nothing of them is sent.
        """
        peer = self.connect(text=True)

        error = self.assertRaises(
            ValueError, self.transport.write, b"secret " * 9 + b"\xff\xfe" + bytes(99)
        )

        self.assertEqual(
            str(error),
            "only UTF-8 can be written to a WebSocket in text mode; this is not, "
            "from byte 63 on",
        )
        self.assertEqual(peer.takeMessages(), [])
        self.transport.write(b"fine")
        self.assertEqual(peer.takeMessages(), ["fine"])

    def test_whereItIsNotUTF8(self):
        """
        The place is one in what is written, whatever was held back before.
        """
        for before, written, position in (
            (b"\xf0\x9f\x98", b"\x80abc\xff", 4),
            (b"\xc3", b"a", 0),
            (b"\xc3", b"\xa9\xc3a", 1),
        ):
            self.protocol = Recorder()
            self.connect(text=True)
            self.transport.write(before)

            error = self.assertRaises(ValueError, self.transport.write, written)

            self.assertIn(f"from byte {position} on", str(error))

    def test_notUTF8AfterHeldBack(self):
        """
        What was held back before a write that is refused does not spoil the
        next one.
        """
        peer = self.connect(text=True)
        self.transport.write(b"\xc3")

        self.assertRaises(ValueError, self.transport.write, b"abc")

        self.transport.write(b"fine")
        self.assertEqual(peer.takeMessages(), ["fine"])

    def test_protocolWritesNoUTF8(self):
        """
        A protocol that answers with bytes that are not UTF-8 has its
        connection closed with code 1011, and the log says why.
        """

        class Shouting(Recorder):
            def dataReceived(self, data: bytes) -> None:
                self.transport.write(b"\xff")

        self.protocol = Shouting()
        peer = self.connect(text=True)

        peer.sendFrame(Opcode.TEXT, b"go")

        self.assertEqual(peer.takeCloseCode(), CloseCode.INTERNAL_ERROR)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_closedWithinACodePoint(self):
        """
        Closing within a code point is warned of, once.
        """
        peer = self.connect(text=True)
        self.transport.write(b"ab\xe6\x97")

        with capturedLogs() as logged:
            self.transport.loseConnection()
            self.transport.loseConnection()

        self.assertEqual(peer.takeMessages(), ["ab"])
        (warning,) = warnings(logged)
        self.assertIn("is not sent the last 2 bytes in text mode", warning)
        self.assertIn("192.0.2.2", warning)

    def test_closedBetweenCodePoints(self):
        """
        Closing when all is sent is not warned of.
        """
        self.connect(text=True)
        self.transport.write("é".encode())

        with capturedLogs() as logged:
            self.transport.loseConnection()

        self.assertEqual(warnings(logged), [])

    def test_binaryMode(self):
        """
        A protocol can switch between text and binary messages as it likes.
        """
        peer = self.connect()

        self.transport.setBinaryMode(False)
        self.transport.write(b"text")
        self.transport.setBinaryMode(True)
        self.transport.write(b"bytes")

        self.assertEqual(peer.takeMessages(), ["text", b"bytes"])

    def test_binaryModeWithinACodePoint(self):
        """
        Switching within a code point is warned of.
        """
        self.connect(text=True)
        self.transport.write(b"\xe6")

        with capturedLogs() as logged:
            self.transport.setBinaryMode(True)

        self.assertEqual(len(warnings(logged)), 1)

    def test_binarySubprotocol(self):
        """
        A client that asks for the C{binary} subprotocol gets binary messages,
        also of a server that would send text.
        """
        peer = self.connect(("Sec-WebSocket-Protocol", "binary, base64"), text=True)

        self.transport.write(b"\xff")

        self.assertEqual(peer.takeMessages(), [b"\xff"])
        self.assertEqual(self.transport.webSocket.subprotocol, "binary")


class Base64Tests(StreamTestCase):
    """
    With the C{base64} subprotocol bytes travel as text in base64.
    """

    def setUp(self):
        """
        Connect what noVNC was.
        """
        super().setUp()
        self.peer = self.connect(("Sec-WebSocket-Protocol", "base64"))

    def test_written(self):
        """
        What is written is sent in base64.
        """
        self.transport.write(b"\x00\xff\xfe")

        self.assertEqual(self.peer.takeMessages(), ["AP/+"])

    def test_received(self):
        """
        What is received is decoded; what is sent as binary needs no decoding.
        """
        self.peer.sendFrame(Opcode.TEXT, b"AP/+")
        self.peer.sendFrame(Opcode.TEXT)
        self.peer.sendFrame(Opcode.BINARY, b"AP/+")

        self.assertEqual(
            self.protocol.events, ["connectionMade", b"\x00\xff\xfe", b"AP/+"]
        )

    def test_notBase64(self):
        """
        What is not base64 closes the connection with code 1007, and the log
        names the peer.
        """
        for wrong in ("A", "AP/", "AP_-", "AP/+ ", "\n", "é", "=AAA"):
            self.protocol = Recorder()
            peer = self.connect(("Sec-WebSocket-Protocol", "base64"))

            with capturedLogs() as logged:
                peer.sendFrame(Opcode.TEXT, wrong.encode())

            self.assertEqual(
                peer.takeCloseCode(), CloseCode.INVALID_PAYLOAD_DATA, wrong
            )
            self.assertEqual(self.protocol.events, ["connectionMade"], wrong)
            (warning,) = warnings(logged)
            self.assertIn(peer.transport.getPeer().host, warning)

    def test_binaryModeChangesNothing(self):
        """
        What was agreed on with the client holds, whatever mode the protocol
        asks for.
        """
        self.transport.setBinaryMode(True)
        self.transport.write(b"\x00")
        self.transport.setBinaryMode(False)
        self.transport.write(b"\x00")

        self.assertEqual(self.peer.takeMessages(), ["AA==", "AA=="])

    def test_policyComesFirst(self):
        """
        A server that is told which subprotocols to speak speaks no base64 of
        its own accord.
        """
        self.protocol = Recorder()
        peer = self.connect(
            ("Sec-WebSocket-Protocol", "base64"),
            handshake=HandshakePolicy(subprotocols=["chat"]),
        )

        self.transport.write(b"\x00")

        self.assertEqual(peer.takeMessages(), [b"\x00"])


class FactoryTests(StreamTestCase):
    """
    A handler factory wraps a protocol factory.
    """

    def test_interfaces(self):
        """
        What wraps is a handler factory, and what it builds a handler.
        """
        peer = self.connect()
        factory = Factory.forProtocol(Recorder)

        for interface in (IWebSocketHandlerFactory, IStartedHandlerFactory):
            verifyObject(interface, StreamHandlerFactory(factory))
        handler = streamHandlerFor(factory, peer.transport)
        self.assertIsInstance(handler, StreamHandler)
        verifyObject(IWebSocketHandler, handler)

    def test_factoryRefuses(self):
        """
        A factory that builds no protocol refuses the handshake with 403.
        """

        class Closed(Factory):
            def buildProtocol(self, addr):
                return None

        peer = RawPeer(self.serve(Closed()))

        peer.send(makeRequest())

        self.assertEqual(peer.takeAnswer().status, 403)


class LineEcho(LineReceiver):
    """
    Sends each line back.
    """

    def lineReceived(self, line: bytes) -> None:
        """
        Send it back.
        """
        self.sendLine(line)


class Sum(Command):
    """
    Asks for a sum.
    """

    arguments = [(b"a", Integer()), (b"b", Integer())]
    response = [(b"total", Integer())]


class Shout(Command):
    """
    Asks for a greeting.
    """

    arguments = [(b"name", Unicode())]
    response = [(b"greeting", Unicode())]


class Calculator(AMP):
    """
    Answers.
    """

    @Sum.responder
    def sum(self, a: int, b: int) -> dict[str, int]:
        """
        Add.
        """
        return {"total": a + b}

    @Shout.responder
    def shout(self, name: str) -> dict[str, str]:
        """
        Greet.
        """
        return {"greeting": f"HELLO {name.upper()}"}


class Answering(Root):
    """
    An object for others to call.
    """

    def remote_echo(self, said: object) -> object:
        """
        Say the same.
        """
        return said


class RealProtocolTests(StreamTestCase):
    """
    Protocols of Twisted's run unchanged.
    """

    def test_lines(self):
        """
        Lines are echoed, however messages cut them.
        """
        peer = RawPeer.upgraded(self.serve(Factory.forProtocol(LineEcho)))

        peer.sendFrame(Opcode.TEXT, b"one\r\ntw")
        peer.sendFrame(Opcode.BINARY, b"o\r")
        peer.sendFrame(Opcode.BINARY, b"\n")

        self.assertEqual(peer.takeMessages(), [b"one\r\n", b"two\r\n"])

    def test_longLine(self):
        """
        A line protocol that gives up a peer closes the WebSocket.
        """
        peer = RawPeer.upgraded(self.serve(Factory.forProtocol(LineEcho)))

        peer.sendFrame(Opcode.BINARY, b"a" * 20000)

        self.assertEqual(peer.takeCloseCode(), CloseCode.NORMAL_CLOSURE)

    def test_amp(self):
        """
        AMP calls go both ways, through a client's wrap as well.
        """
        served: list[Calculator] = []

        class Watching(Factory):
            def buildProtocol(self, addr):
                served.append(Calculator())
                return served[-1]

        here = Calculator()
        peer = self.connect()
        handler = streamHandlerFor(Factory.forProtocol(lambda: here), peer.transport)
        connection = connectClient(self.serve(Watching()), handler, self.clock)

        asked = here.callRemote(Sum, a=2, b=3)
        connection.flush(size=3)
        askedBack = served[0].callRemote(Shout, name="Zoë")
        connection.flush()

        self.assertEqual(self.successResultOf(asked), {"total": 5})
        self.assertEqual(self.successResultOf(askedBack), {"greeting": "HELLO ZOË"})
        here.transport.loseConnection()
        connection.flush()
        self.assertTrue(connection.server.isLost)
        self.assertTrue(connection.client.isLost)

    def test_perspectiveBroker(self):
        """
        Perspective Broker finds an object at the other end, and calls it.
        """
        clientFactory = PBClientFactory()
        peer = self.connect()
        handler = streamHandlerFor(clientFactory, peer.transport)
        server = WebSocketFactory(PBServerFactory(Answering()), clock=self.clock)
        connection = connectClient(server, handler, self.clock)

        found = clientFactory.getRootObject()
        connection.flush()
        said = self.successResultOf(found).callRemote("echo", ["a", 1, {"b": None}])
        connection.flush()

        self.assertEqual(self.successResultOf(said), ["a", 1, {"b": None}])
        clientFactory.disconnect()
        connection.flush()
        self.assertTrue(connection.server.isLost)

    def test_irc(self):
        """
        An IRC server welcomes who logs in.
        """
        realm = InMemoryWordsRealm("irc.example.com")
        realm.createUserOnRequest = True
        checker = InMemoryUsernamePasswordDatabaseDontUse()
        users: dict[Any, Any] = checker.users
        users["ann"] = "pw"
        portal = Portal(realm, [checker])
        peer = RawPeer.upgraded(self.serve(IRCFactory(realm, portal), text=True))

        peer.sendFrame(Opcode.TEXT, b"PASS pw\r\nNICK ann\r\nUSER ann 0 * :Ann\r\n")

        said = "".join(map(str, peer.takeMessages()))
        self.assertIn("001 ann :connected to Twisted IRC", said)
        peer.leave()
