"""
Tests for L{txws.testing.servers}, and for the pairs that it makes.
"""

from __future__ import annotations

from twisted.internet.error import ConnectionDone, NoProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock, LoopingCall
from twisted.internet.testing import MemoryReactorClock
from twisted.protocols.wire import Echo as EchoProtocol
from twisted.trial.unittest import SynchronousTestCase

from tests.peers import useMemoryReactor
from tests.wire.ciphers import CipherFactory, Stream
from txws import (
    BadHandshake,
    HandlerFactory,
    HandshakePolicy,
    KeepalivePolicy,
    Limits,
    WebSocketFactory,
    WebSocketHandler,
)
from txws.errors import (
    DeadlineExpired,
    HandshakeRefused,
    InvalidSetting,
    WebSocketClosed,
    WebSocketFailed,
)
from txws.testing import (
    Faults,
    MemoryClient,
    MemoryServer,
    RecordingHandler,
    RecordingHandlerFactory,
)


class Echo(WebSocketHandler):
    """
    Sends back what it receives.
    """

    def textMessageReceived(self, message: str) -> None:
        """
        Send it back.
        """
        self.transport.sendTextMessage(message)

    def bytesMessageReceived(self, data: bytes) -> None:
        """
        Send it back.
        """
        self.transport.sendBytesMessage(data)


class Refusing(RecordingHandlerFactory):
    """
    Refuses everybody.
    """

    def buildHandler(self, request):
        """
        Refuse.
        """
        raise BadHandshake(401, "who are you?", [("WWW-Authenticate", "Basic")])


class Starting(Factory):
    """
    Notes whether it is started.
    """

    isStarted = False
    protocol = EchoProtocol

    def startFactory(self):
        """
        Note it.
        """
        self.isStarted = True

    def stopFactory(self):
        """
        Note it.
        """
        self.isStarted = False


class Talker(Protocol):
    """
    Says hello, and notes the answer.
    """

    answer = b""

    def connectionMade(self):
        """
        Say hello.
        """
        self.transport.write(b"hello")

    def dataReceived(self, data):
        """
        Note it.
        """
        self.answer += data


class Only(Factory):
    """
    Has one protocol, or none.
    """

    def __init__(self, protocol):
        self._only = protocol

    def buildProtocol(self, addr):
        """
        Return it.
        """
        return self._only


class ServerTests(SynchronousTestCase):
    """
    What is served.
    """

    def test_handler(self):
        """
        A test speaks with a handler as a client.
        """
        client = MemoryServer(Echo).connect()
        self.assertIsInstance(client, MemoryClient)
        for message in ("hello", b"hello"):
            client.send(message)
            self.assertEqual(client.takeMessages(), [message])
        self.assertEqual(client.takeMessages(), [])
        client.send(bytearray(b"a"))
        client.send(memoryview(b"b"))
        self.assertEqual(client.takeMessages(), [b"a", b"b"])

    def test_applications(self):
        """
        It serves whatever L{WebSocketFactory} does, a ready one too.
        """
        for application in (
            Echo,
            HandlerFactory(Echo),
            EchoProtocol,
            Factory.forProtocol(EchoProtocol),
            WebSocketFactory(Echo),
            WebSocketFactory(EchoProtocol, clock=Clock()),
        ):
            client = MemoryServer(application).connect()
            client.send(b"hello")
            self.assertEqual(client.takeMessages(), [b"hello"], application)

    def test_text(self):
        """
        A wrapped protocol may send text.
        """
        client = MemoryServer(EchoProtocol, text=True).connect()
        client.send(b"hello")
        self.assertEqual(client.takeMessages(), ["hello"])

    def test_noApplication(self):
        """
        What is no application is an error, and so are settings for a factory
        that has its own.
        """
        self.assertRaises(InvalidSetting, MemoryServer, object())
        factory = WebSocketFactory(Echo)
        self.assertRaises(InvalidSetting, MemoryServer, factory, text=True)
        self.assertRaises(InvalidSetting, MemoryServer, factory, limits=Limits())

    def test_settings(self):
        """
        The settings of the server are those of the factory.
        """
        server = MemoryServer(
            Echo,
            limits=Limits(maxMessageSize=3),
            handshake=HandshakePolicy(paths=["/there"]),
        )
        client = server.connect(target="/there")
        client.send("four")
        self.assertEqual((client.closeCode, client.takeMessages()), (1009, []))

    def test_clock(self):
        """
        Everything runs on one clock: the factory's, a given one, or a new one.
        """
        clock = Clock()
        for server in (
            MemoryServer(Echo, clock=clock),
            MemoryServer(WebSocketFactory(Echo, clock=clock)),
            MemoryServer(WebSocketFactory(Echo), clock=clock),
            MemoryServer(WebSocketFactory(Echo, clock=clock), clock=clock),
        ):
            self.assertIs(server.clock, clock)
            self.assertIs(server.factory.clock, clock)
            self.assertIs(server.connect().clock, clock)
        self.assertIsNot(MemoryServer(Echo).clock, MemoryServer(Echo).clock)

    def test_otherClock(self):
        """
        A factory on another clock is an error, and so is one on the reactor.
        """
        factory = WebSocketFactory(Echo, clock=Clock())
        self.assertRaises(InvalidSetting, MemoryServer, factory, clock=Clock())
        useMemoryReactor(self)
        factory = WebSocketFactory(Echo)
        factory.buildProtocol(None)
        self.assertIsInstance(MemoryServer(factory).clock, MemoryReactorClock)

    def test_startAndStop(self):
        """
        What is served is started; when it is stopped its clients are told, and
        nothing is left.
        """
        application = Starting()
        server = MemoryServer(application)
        self.assertTrue(application.isStarted)
        client = server.connect()
        server.stop()
        self.assertFalse(application.isStarted)
        self.assertEqual(client.closeCode, 1001)
        self.assertEqual(server.clock.getDelayedCalls(), [])


class ClientTests(SynchronousTestCase):
    """
    What connects.
    """

    def test_close(self):
        """
        The test closes, and sees what the server answers.
        """
        factory = RecordingHandlerFactory()
        client = MemoryServer(factory).connect()
        self.assertEqual((client.closeCode, client.closeReason), (None, None))
        self.assertIsNone(client.ended)
        client.close(3000, "enough")
        self.assertEqual((client.closeCode, client.closeReason), (3000, "enough"))
        self.assertIsInstance(client.ended, WebSocketClosed)
        self.assertTrue(client.isLost)
        self.assertIsNotNone(factory.handlers[0].reason)

    def test_closed(self):
        """
        The server closes, and the test sees why.
        """
        client = MemoryServer(RecordingHandler).connect()
        client.server.loseConnection(1001, "moving")
        client.flush()
        self.assertEqual((client.closeCode, client.closeReason), (1001, "moving"))

    def test_aborted(self):
        """
        If the server says nothing there is no code, RFC 6455 section 7.1.5.
        """
        client = MemoryServer(RecordingHandler).connect()
        client.server.abortConnection()
        client.flush()
        self.assertEqual((client.closeCode, client.closeReason), (1006, ""))
        self.assertEqual(repr(client.closeCode), "1006")
        self.assertIsInstance(client.ended, WebSocketFailed)

    def test_several(self):
        """
        Clients of one server talk to each other: what one sends makes bytes
        move on the connections of all.
        """
        handlers = RecordingHandlerFactory()
        server = MemoryServer(handlers)
        first, second = server.connect(), server.connect()
        first.send("a")
        handlers.handlers[1].transport.sendTextMessage("b")
        self.assertEqual(second.takeMessages(), ["b"])
        self.assertEqual(first.takeMessages(), [])

    def test_handler(self):
        """
        A client may be a handler of one's own.
        """
        handler = RecordingHandler()
        pair = MemoryServer(Echo).connect(handler)
        self.assertNotIsInstance(pair, MemoryClient)
        self.assertIs(handler.transport, pair.client)
        self.assertIs(self.successResultOf(pair.opened), handler)
        pair.client.sendTextMessage("a")
        self.assertEqual(handler.messages, [])
        pair.flush()
        self.assertEqual(handler.messages, ["a"])
        pair.server.sendBytesMessage(b"b")
        pair.flush(1)
        self.assertEqual(handler.messages, ["a", b"b"])

    def test_protocol(self):
        """
        A client may be a protocol that is wrapped, on both sides even.
        """
        for subprotocols in ((), ("base64",), ("binary", "base64")):
            talker = Talker()
            pair = MemoryServer(EchoProtocol).connect(
                Only(talker),
                subprotocols=subprotocols,
            )
            self.assertEqual(talker.answer, b"hello")
            self.assertEqual(pair.client.subprotocol, (*subprotocols, None)[0])

    def test_textOfProtocol(self):
        """
        A wrapped protocol may send text.
        """
        handlers = RecordingHandlerFactory()
        MemoryServer(handlers).connect(Talker, text=True)
        self.assertEqual(handlers.handlers[0].messages, ["hello"])

    def test_noClient(self):
        """
        What is no client is an error.
        """
        server = MemoryServer(Echo)
        self.assertRaises(InvalidSetting, server.connect, object())
        self.assertRaises(NoProtocol, server.connect, Only(None))

    def test_settings(self):
        """
        The settings of the client are what it asks for, and how.
        """
        handlers = RecordingHandlerFactory(RecordingHandler, "v1")
        server = MemoryServer(handlers, extensions=[CipherFactory("stream", Stream)])
        client = server.connect(
            host="example.org:8080",
            target="/feed?x=1",
            origin="http://example.org:8080",
            subprotocols=["v1"],
            headers=[("Cookie", "session=1")],
            extensions=[CipherFactory("stream", Stream)],
            limits=Limits(maxMessageSize=3),
        )
        (request,) = handlers.requests
        self.assertEqual(request.url, "ws://example.org:8080/feed?x=1")
        self.assertEqual(request.origin, "http://example.org:8080")
        self.assertEqual(request.cookies, {"session": "1"})
        self.assertEqual(request.subprotocols, ("v1",))
        self.assertIn("Sec-WebSocket-Extensions", request.headers)
        self.assertEqual(client.server.subprotocol, "v1")
        client.server.sendTextMessage("four")
        client.flush()
        self.assertEqual(handlers.handlers[0].reason.value.code, 1009)

    def test_refused(self):
        """
        A refused handshake is an exception, which says all about the refusal.
        """
        server = MemoryServer(Refusing())
        with self.assertRaises(HandshakeRefused) as raised:
            server.connect()
        refused = raised.exception
        self.assertEqual((refused.status, refused.body), (401, b"who are you?\n"))
        self.assertIn(("WWW-Authenticate", "Basic"), refused.headers)
        server.advance(5)
        self.assertEqual(server.clock.getDelayedCalls(), [])
        self.assertEqual(list(server.factory.connections), [])

    def test_refusedLater(self):
        """
        A server that does not answer in time is an exception, too.
        """
        with self.assertRaises(WebSocketFailed) as raised:
            MemoryServer(Echo).connect(toServer=Faults(bytesPerSecond=1))
        self.assertIsInstance(raised.exception.cause, DeadlineExpired)

    def test_pending(self):
        """
        A handshake of which nothing arrives is not done, and there is nothing
        to send on.
        """
        server = MemoryServer(Echo)
        client = server.connect(toServer=Faults(bytesPerSecond=0))
        self.assertNoResult(client.opened)
        for name in ("server", "client"):
            with self.assertRaises(RuntimeError):
                getattr(client, name)
        self.assertRaises(RuntimeError, client.send, "a")
        server.advance(10)
        self.failureResultOf(client.opened, WebSocketFailed)

    def test_stillThere(self):
        """
        A connection that is lost can still be looked at, and what is sent is
        ignored.
        """
        client = MemoryServer(Echo).connect()
        client.close()
        client.send("a")
        client.close()
        self.assertEqual(client.takeMessages(), [])
        self.assertEqual(client.server.request.target, "/")


class TimeTests(SynchronousTestCase):
    """
    How time passes.
    """

    def test_keepalive(self):
        """
        Bytes move as time passes, so that peers that are alive are not taken
        for dead, and whatever is due comes in time.
        """
        keepalive = KeepalivePolicy(pingInterval=0.7, pingTimeout=0.1, idleTimeout=100)
        server = MemoryServer(Echo, keepalive=keepalive)
        client = server.connect(keepalive=keepalive)
        server.advance(99)
        self.assertEqual(client.server.roundTripTime, 0)
        self.assertIsNone(client.closeCode)
        client.advance(1)
        self.assertEqual((client.closeCode, client.closeReason), (1000, "idle"))
        self.assertAlmostEqual(client.clock.seconds(), 100)

    def test_delay(self):
        """
        A slow network takes its time, in both directions and for the handshake
        too.
        """
        server = MemoryServer(Echo, keepalive=KeepalivePolicy(pingInterval=1))
        client = server.connect(toServer=Faults(delay=0.3), toClient=Faults(delay=0.2))
        self.assertAlmostEqual(server.clock.seconds(), 0.5)
        client.send("hello")
        client.advance(0.4)
        self.assertEqual(client.takeMessages(), [])
        client.advance(0.1)
        self.assertEqual(client.takeMessages(), ["hello"])
        client.advance(2)
        self.assertAlmostEqual(client.server.roundTripTime, 0.5)

    def test_slow(self):
        """
        A reader takes so many bytes a second, whatever else happens meanwhile.
        """
        server = MemoryServer(RecordingHandler)
        client = server.connect()
        client.connection.toClient = Faults(bytesPerSecond=1000)
        for _ in range(10):
            client.server.sendBytesMessage(bytes(996))
        client.advance(4.5)
        self.assertEqual(len(client.takeMessages()), 4)
        client.advance(5.5)
        self.assertEqual(len(client.takeMessages()), 6)

    def test_calls(self):
        """
        Calls that are due now are made, and so are those to come, each at its
        time.
        """
        server = MemoryServer(Echo)
        client = server.connect()
        times = []
        call = LoopingCall(lambda: times.append(server.clock.seconds()))
        call.clock = server.clock
        call.start(0.25)
        server.clock.callLater(0, client.server.sendTextMessage, "now")
        self.assertEqual(client.takeMessages(), ["now"])
        server.advance(1)
        self.assertEqual(times, [0, 0.25, 0.5, 0.75, 1])
        call.stop()

    def test_noTime(self):
        """
        No time is enough for what is due now.
        """
        server = MemoryServer(Echo)
        client = server.connect()
        client.client.sendTextMessage("a")
        server.advance(0)
        self.assertEqual(client.handler.messages, ["a"])
        self.assertEqual(server.clock.seconds(), 0)

    def test_endless(self):
        """
        Two that answer each other for ever are told from a long conversation.
        """
        pair = MemoryServer(Echo).connect(Echo)
        pair.client.sendTextMessage("a")
        self.assertRaises(RuntimeError, pair.flush)

    def test_cut(self):
        """
        A connection is cut in the middle of a message, and both sides know.
        """
        handlers = RecordingHandlerFactory()
        client = MemoryServer(handlers).connect()
        client.connection.toServer = Faults(cutAfter=20)
        client.send("short")
        client.send("and long enough")
        (handler,) = handlers.handlers
        self.assertEqual(handler.messages, ["short"])
        self.assertEqual(client.closeCode, 1006)
        self.assertIsInstance(client.ended.cause, ConnectionDone)
        self.assertIsInstance(handler.reason.value, WebSocketFailed)

    def test_split(self):
        """
        The opening handshake, too, may arrive byte by byte.
        """
        byte = Faults(split=1)
        client = MemoryServer(Echo).connect(toServer=byte, toClient=byte)
        client.send("hello")
        self.assertEqual(client.takeMessages(), ["hello"])

    def test_window(self):
        """
        The network takes no more than its window of what is not read.
        """
        pair = MemoryServer(Echo).connect(RecordingHandler(), window=100)
        pair.client.pauseProducing()
        pair.flush()
        pair.server.sendBytesMessage(bytes(1000))
        pair.flush()
        self.assertEqual(pair.connection.client.unreadSize, 100)

    def test_step(self):
        """
        Bytes can be carried once, on one connection alone.
        """
        server = MemoryServer(Echo)
        first, second = server.connect(), server.connect()
        first.client.sendTextMessage("a")
        second.client.sendTextMessage("b")
        self.assertTrue(first.step())
        self.assertFalse(first.step())
        self.assertEqual(first.handler.messages, ["a"])
        self.assertEqual(second.handler.messages, [])
        server.flush()
        self.assertEqual(second.handler.messages, ["b"])
