"""
Two ends of ours, joined in memory, over TCP and over TLS: what they do to each
other.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Factory
from twisted.internet.ssl import PrivateCertificate, optionsForClientTLS
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from txws.applications import HandlerFactory
from txws.client import ClientSettings, WebSocketClientProtocol
from txws.errors import (
    BadFrame,
    DeadlineExpired,
    WebSocketClosed,
    WebSocketFailed,
)
from txws.factories import WebSocketFactory
from txws.interfaces import IWebSocketTransport
from txws.policy import KeepalivePolicy, Limits
from txws.testing import MemoryConnection, RecordingHandler

from .certificates import makePEM
from .ends import Act, ActingHandler
from .peers import wrapTLS
from .wire.ciphers import CipherFactory, Mirror, Stream

# Reserved bits that nobody has claimed.
BROKEN = b"\xf1\x80"


@implementer(IPushProducer)
class Bulk:
    """
    Sends messages as long as it is not paused.

    @ivar left: how many are still to be sent.
    """

    def __init__(
        self, transport: IWebSocketTransport, count: int, pings: bool = False
    ) -> None:
        self.left = count
        self._pings = pings
        self._isPaused = False
        self._transport = transport

    def start(self) -> None:
        """
        Begin.
        """
        self._transport.attachProducer(self)
        self._produce()

    def pauseProducing(self) -> None:
        """
        Stop.
        """
        self._isPaused = True

    def resumeProducing(self) -> None:
        """
        Go on.
        """
        self._isPaused = False
        self._produce()

    def stopProducing(self) -> None:
        """
        Stop for good.
        """
        self.pauseProducing()

    def _produce(self) -> None:
        """
        Send.
        """
        while self.left and not self._isPaused:
            self.left -= 1
            if self._pings:
                self._transport.ping(b"%d" % self.left)
            self._transport.sendBytesMessage(bytes(20000))


class Pair:
    """
    A server and a client, whose handlers do what is wanted.
    """

    def __init__(
        self,
        isSecure: bool,
        window: int | None = None,
        limits: Limits | None = None,
        atServer: RecordingHandler | None = None,
        atClient: RecordingHandler | None = None,
    ) -> None:
        """
        @param window: how much the network takes that is not read.
        """
        self.clock = Clock()
        policy = KeepalivePolicy(pingInterval=20, pingTimeout=7, closeTimeout=5)
        self.atServer = atServer or RecordingHandler()
        self.atClient = atClient or RecordingHandler()
        self.factory = WebSocketFactory(
            HandlerFactory(lambda: self.atServer),
            clock=self.clock,
            keepalive=policy,
            limits=limits,
            # Zeros are to be as many bytes on the wire.
            extensions=(),
        )
        settings = ClientSettings(
            "localhost",
            "/",
            self.clock,
            keepalive=policy,
            limits=limits or Limits(maxFragments=65536),
        )
        self.client = WebSocketClientProtocol(settings, self.atClient)
        # Handlers may close the connection before it is open.
        self.client.opened.addErrback(lambda failure: None)
        server: Any = self.factory
        client: Any = Factory.forProtocol(lambda: self.client)
        if isSecure:
            server = wrapTLS(server, self.clock)
            trusted = PrivateCertificate.loadPEM(makePEM())
            options = optionsForClientTLS("localhost", trustRoot=trusted)
            client = TLSMemoryBIOFactory(options, True, client, self.clock)
        self.connection = MemoryConnection(
            server.buildProtocol(None), client.buildProtocol(None), window
        )
        self.flush()

    @property
    def server(self) -> IWebSocketTransport:
        """
        The connection, for the server's application.
        """
        return self.atServer.transport

    def flush(self, size: int | None = None) -> None:
        """
        Carry bytes until nothing moves.
        """
        while self.step(size):
            pass

    def step(self, size: int | None = None) -> bool:
        """
        Carry bytes once.  TLS joins small writes until the next turn of the
        clock.
        """
        moved = self.connection.step(size)
        self.clock.advance(0)
        return self.connection.step(size) or moved

    def wait(self, seconds: int) -> None:
        """
        Let time pass, with a working network.
        """
        for _ in range(seconds * 2):
            self.clock.advance(0.5)
            self.flush()

    def reasons(self) -> tuple[Any, Any]:
        """
        What the server's and the client's handler were told of the end.
        """
        assert self.atServer.reason is not None
        assert self.atClient.reason is not None
        return self.atServer.reason.value, self.atClient.reason.value


class ExtensionTests(SynchronousTestCase):
    """
    Both ends have agreed on extensions in the opening handshake.
    """

    def setUp(self):
        """
        Connect two ends that know the same two extensions.
        """
        clock = Clock()
        self.atServer, self.atClient = RecordingHandler(), RecordingHandler()
        self.served, self.wanted = (
            [CipherFactory("x-stream", Stream), CipherFactory("x-mirror", Mirror)]
            for _ in range(2)
        )
        factory = WebSocketFactory(
            HandlerFactory(lambda: self.atServer),
            extensions=self.served,
            limits=Limits(maxMessageSize=1000),
            clock=clock,
        )
        settings = ClientSettings(
            "localhost",
            "/",
            clock,
            extensions=self.wanted,
            limits=Limits(maxMessageSize=2000),
        )
        self.connection = MemoryConnection(
            factory.buildProtocol(None),
            WebSocketClientProtocol(settings, self.atClient),
        )
        self.connection.flush()

    def test_messages(self):
        """
        Messages arrive as they were sent, both ways, and are not sent as they
        are.
        """
        for sender, carrier, handler in (
            (self.atServer, self.connection.server, self.atClient),
            (self.atClient, self.connection.client, self.atServer),
        ):
            sender.transport.sendTextMessage("hello")
            sender.transport.sendBytesMessage(b"\0" * 900)

            first, second = carrier.writes
            # FIN, RSV1 and RSV2.
            self.assertEqual((first[0], second[0]), (0xE1, 0xE2))
            self.connection.flush()
            self.assertEqual(handler.messages, ["hello", b"\0" * 900])

    def test_limits(self):
        """
        Each side's extensions know the largest message that it accepts.
        """
        for factories, limit, levels in (
            (self.served, 1000, "32"),
            (self.wanted, 2000, "2"),
        ):
            for factory in factories:
                self.assertEqual(
                    [
                        (tuple(parameters), size)
                        for parameters, size in factory.considered
                    ],
                    [((("level", level),), limit) for level in levels],
                )


def startBulk(transport: IWebSocketTransport) -> None:
    """
    Send much, and nothing else that is produced.
    """
    transport.detachProducer()
    Bulk(transport, 5).start()


stable = settings(deadline=None, derandomize=True, max_examples=60, database=None)

ACTS: dict[str, Act] = {
    "say": lambda transport: transport.sendTextMessage("hello"),
    "send": lambda transport: transport.sendBytesMessage(bytes(40000)),
    "ping": lambda transport: transport.ping(b"p"),
    "pause": lambda transport: transport.pauseProducing(),
    "resume": lambda transport: transport.resumeProducing(),
    "lose": lambda transport: transport.loseConnection(),
    "abort": lambda transport: transport.abortConnection(),
    "break": lambda transport: transport.carrier.write(BROKEN),
    "bulk": startBulk,
    "detach": lambda transport: transport.detachProducer(),
}
names = st.sampled_from(sorted(set(ACTS) - {"bulk"}))


class ConversationTestCase(SynchronousTestCase):
    """
    Judges conversations.
    """

    isSecure = False

    def makePair(self, **settings: Any) -> Pair:
        """
        Connect two ends.
        """
        pair = Pair(self.isSecure, **settings)
        self.assertIs(self.successResultOf(pair.client.opened), pair.atClient)
        return pair

    def assertGone(
        self,
        pair: Pair,
        atServer: type[BaseException],
        atClient: type[BaseException],
    ) -> tuple[Any, Any]:
        """
        Assert that both ends are gone, with what, and that nothing is left.
        """
        for handler in (pair.atServer, pair.atClient):
            names = [event[0] for event in handler.events]
            self.assertEqual(names.count("connectionLost"), 1, names)
            self.assertEqual(names[-1], "connectionLost")
        reasons = pair.reasons()
        self.assertEqual(tuple(map(type, reasons)), (atServer, atClient))
        for transport in (pair.connection.server, pair.connection.client):
            self.assertTrue(transport.isLost)
            self.assertIsNone(transport.producer)
        self.assertEqual(pair.clock.getDelayedCalls(), [])
        self.assertEqual(list(pair.factory.connections), [])
        self.assertEqual(self.flushLoggedErrors(), [])
        return reasons


class ConversationTests(ConversationTestCase):
    """
    Over TCP.
    """

    def test_messages(self):
        """
        Messages arrive both ways, in whatever pieces.
        """
        for size in (None, 1, 7, 1000):
            pair = self.makePair()
            pair.server.sendTextMessage("Grüße")
            pair.atClient.transport.sendBytesMessage(bytes(3000))
            pair.server.ping(b"p")
            pair.flush(size)
            self.assertEqual(pair.atClient.messages, ["Grüße"])
            self.assertEqual(pair.atServer.messages, [bytes(3000)])
            self.assertEqual(pair.atServer.events[-1], ("pongReceived", b"p"))

    def test_isSecure(self):
        """
        Both know whether they are encrypted.
        """
        pair = self.makePair()
        for transport in (pair.server, pair.atClient.transport):
            self.assertEqual(transport.request.isSecure, self.isSecure)

    def test_closedByServer(self):
        """
        The server closes: both ends are gone at once, and know who it was.
        """
        pair = self.makePair()
        pair.server.sendTextMessage("bye")
        pair.server.loseConnection(1001, "moving")
        pair.flush()
        self.assertEqual(pair.atClient.messages, ["bye"])
        server, client = self.assertGone(pair, WebSocketClosed, WebSocketClosed)
        self.assertEqual((client.code, client.reason), (1001, "moving"))
        self.assertEqual(
            (server.isReceivedFirst, client.isReceivedFirst), (False, True)
        )

    def test_closedByClient(self):
        """
        The client closes: the same the other way round.
        """
        pair = self.makePair()
        pair.atClient.transport.sendTextMessage("bye")
        pair.atClient.transport.loseConnection(3000)
        pair.flush()
        self.assertEqual(pair.atServer.messages, ["bye"])
        server, client = self.assertGone(pair, WebSocketClosed, WebSocketClosed)
        self.assertEqual((server.code, client.code), (3000, 3000))
        self.assertEqual(
            (server.isReceivedFirst, client.isReceivedFirst), (True, False)
        )

    def test_closedByBoth(self):
        """
        Both close at the same time: each believes that it was first.
        """
        pair = self.makePair()
        pair.server.loseConnection(3000)
        pair.atClient.transport.loseConnection(3001)
        pair.flush()
        server, client = self.assertGone(pair, WebSocketClosed, WebSocketClosed)
        self.assertEqual((server.code, client.code), (3001, 3000))
        self.assertEqual(
            (server.isReceivedFirst, client.isReceivedFirst), (False, False)
        )

    def test_closedInside(self):
        """
        Either may close from inside any of its methods.
        """
        for name in ("negotiationStarted", "negotiationFinished"):
            for closing in range(2):
                handlers = ActingHandler(), ActingHandler()
                handlers[closing].acts[name] = lambda t: t.loseConnection()
                pair = Pair(self.isSecure, None, None, *handlers)
                pair.flush()
                self.assertGone(pair, WebSocketClosed, WebSocketClosed)

    def test_abortedByServer(self):
        """
        The server aborts: both ends are gone at once.
        """
        pair = self.makePair()
        pair.server.sendTextMessage("never sent")
        pair.server.abortConnection()
        pair.flush()
        server, client = self.assertGone(pair, WebSocketFailed, WebSocketFailed)
        self.assertEqual((server.code, client.code), (1006, 1006))
        self.assertIsInstance(client.cause, (ConnectionLost, ConnectionDone))

    def test_abortedByClient(self):
        """
        The client aborts: the same.
        """
        pair = self.makePair()
        pair.atClient.transport.abortConnection()
        pair.flush()
        self.assertGone(pair, WebSocketFailed, WebSocketFailed)

    def test_violationOfClient(self):
        """
        The client breaks the protocol, and goes on to send: it is told why it
        is closed, and both ends are gone.
        """
        for isSending in (False, True):
            pair = self.makePair()
            carrier = pair.atClient.transport.carrier
            carrier.write(BROKEN)
            for _ in range(50 if isSending else 0):
                carrier.write(bytes(10000))
                pair.step()
            pair.flush()
            server, client = self.assertGone(pair, WebSocketFailed, WebSocketClosed)
            self.assertIsInstance(server.cause, BadFrame)
            self.assertEqual(client.code, 1002)

    def test_violationOfServer(self):
        """
        The server breaks the protocol: it is told so.
        """
        pair = self.makePair()
        pair.server.carrier.write(BROKEN)
        pair.wait(5)
        server, client = self.assertGone(pair, WebSocketClosed, WebSocketFailed)
        self.assertIsInstance(client.cause, BadFrame)
        self.assertEqual(server.code, 1002)

    def test_silence(self):
        """
        If the network carries nothing any more, both ends find out, each by
        itself.
        """
        pair = self.makePair()
        for _ in range(54):
            pair.clock.advance(0.5)
            pair.connection.server.settle()
            pair.connection.client.settle()
        for error in self.assertGone(pair, WebSocketFailed, WebSocketFailed):
            self.assertIsInstance(error.cause, DeadlineExpired)

    def test_keptAlive(self):
        """
        Over a working network an idle connection stays open, and the round
        trip is known.
        """
        pair = self.makePair()
        pair.wait(200)
        self.assertEqual(pair.server.roundTripTime, 0)
        self.assertNotIn("pongReceived", [event[0] for event in pair.atServer.events])
        pair.server.sendTextMessage("hello")
        pair.flush()
        self.assertEqual(pair.atClient.messages, ["hello"])

    def test_lostNetwork(self):
        """
        If the network breaks, each end is told when its transport is lost.
        """
        pair = self.makePair()
        for transport in (pair.connection.server, pair.connection.client):
            transport.lose(ConnectionLost())
            transport.settle()
        pair.clock.advance(0)
        self.assertGone(pair, WebSocketFailed, WebSocketFailed)

    def test_slowReader(self):
        """
        Who closes while a lot is pending loses nothing, over a slow network.
        """
        pair = self.makePair(window=1000)
        for _ in range(20):
            pair.server.sendBytesMessage(bytes(50000))
        pair.server.loseConnection(1001)
        for turn in range(10000):
            pair.step()
            if turn % 100 == 0:
                pair.clock.advance(1)
        self.assertEqual(pair.atClient.messages, [bytes(50000)] * 20)
        self.assertGone(pair, WebSocketClosed, WebSocketClosed)

    def test_pressure(self):
        """
        Who sends much to a peer that does not read is told so: little is kept
        beyond the high-water mark.
        """
        pair = self.makePair(window=10000)
        pair.atClient.transport.pauseProducing()
        bulk = Bulk(pair.server, 1000)
        bulk.start()
        pair.flush()
        self.assertGreater(bulk.left, 980)
        kept = pair.connection.server.writes
        self.assertLess(sum(map(len, kept)), 200000)
        self.assertLess(pair.server.pendingSize, 65536 + 20010)
        pair.atClient.transport.resumeProducing()
        pair.flush()
        self.assertEqual((bulk.left, len(pair.atClient.messages)), (0, 1000))

    def test_cap(self):
        """
        Who sends too much to a peer that does not read gives it up; if the
        peer reads again it learns why, and has lost nothing but the end.
        """
        pair = self.makePair(window=10000, limits=Limits(maxPendingSize=300000))
        pair.atClient.transport.pauseProducing()
        pair.flush()
        for number in range(100):
            pair.server.sendBytesMessage(bytes([number]) * 10000)
        pair.atClient.transport.resumeProducing()
        pair.flush()
        pair.wait(1)
        _, client = self.assertGone(pair, WebSocketClosed, WebSocketClosed)
        self.assertEqual((client.code, client.reason), (1008, "read too slowly"))
        numbers = [message[0] for message in pair.atClient.messages]
        self.assertEqual(numbers, list(range(len(numbers))))
        self.assertLess(len(numbers), 100)

    def test_bothSendMuch(self):
        """
        Two ends that both send much on their own, and ping each other, do not
        wait for each other for ever, however little the network takes.
        """
        for window in (1000, 100000):
            for pings in (False, True):
                pair = self.makePair(window=window)
                fromServer = Bulk(pair.server, 50, pings)
                fromClient = Bulk(pair.atClient.transport, 50, pings)
                fromServer.start()
                fromClient.start()
                pair.flush()
                self.assertEqual((fromServer.left, fromClient.left), (0, 0))
                self.assertEqual(len(pair.atServer.messages), 50)
                self.assertEqual(len(pair.atClient.messages), 50)

    def test_bothSendMuchAndAnswer(self):
        """
        Nor do they if each acknowledges every message of the other one.
        """
        for window in (1000, 100000):
            handlers = [
                ActingHandler(
                    bytesMessageReceived=lambda t: t.sendTextMessage("received")
                )
                for _ in range(2)
            ]
            pair = self.makePair(
                window=window, atServer=handlers[0], atClient=handlers[1]
            )
            Bulk(pair.server, 200).start()
            Bulk(pair.atClient.transport, 200).start()
            pair.flush()
            for handler in handlers:
                self.assertEqual(handler.messages.count("received"), 200)
                self.assertEqual(len(handler.messages), 400)

    def test_echoOfMuch(self):
        """
        Much that is sent to one that sends it back, by one that reads, comes
        back, with little kept on either side.
        """
        handler = ActingHandler()
        kept: list[int] = []

        def echo(transport) -> None:
            transport.sendBytesMessage(handler.messages.pop())
            kept.append(transport.pendingSize)

        handler.acts["bytesMessageReceived"] = echo
        pair = self.makePair(window=5000, atServer=handler)
        bulk = Bulk(pair.atClient.transport, 200)
        bulk.start()
        pair.flush()
        self.assertEqual((bulk.left, len(pair.atClient.messages)), (0, 200))
        self.assertLess(max(kept), 200000)


class TLSConversationTests(ConversationTests):
    """
    Over TLS.
    """

    isSecure = True


class AnyTests(ConversationTestCase):
    """
    What holds whatever happens.
    """

    @stable
    @given(
        isSecure=st.booleans(),
        acts=st.lists(
            st.tuples(st.booleans(), st.sampled_from(sorted(ACTS))), max_size=20
        ),
        inside=st.tuples(st.none() | names, st.none() | names),
        window=st.sampled_from((None, 1000, 100000)),
    )
    def test_anything(self, isSecure, acts, inside, window):
        """
        Whatever two ends do, in whatever order: when one of them closes, both
        are soon gone, and nothing is left.
        """
        handlers = [
            ActingHandler(
                **({} if name is None else {"textMessageReceived": ACTS[name]})
            )
            for name in inside
        ]
        limits = Limits(highWaterMark=5000, lowWaterMark=100, maxPendingSize=300000)
        pair = Pair(isSecure, window, limits, *handlers)
        for isClient, name in acts:
            ACTS[name](handlers[isClient].transport)
            pair.step()
        for handler in handlers:
            handler.acts.clear()
            handler.transport.resumeProducing()
        pair.server.loseConnection()
        pair.wait(12)
        reasons = pair.reasons()
        self.assertGone(pair, *map(type, reasons))
