"""
Tests for L{txws.client}.
"""

from __future__ import annotations

from typing import Any

from OpenSSL.SSL import Error
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides, implementer

from txws.client import ClientSettings, WebSocketClientProtocol
from txws.errors import (
    DeadlineExpired,
    HandshakeRefused,
    MessageTooBig,
    TLSFailed,
    WebSocketClosed,
    WebSocketFailed,
)
from txws.interfaces import IWebSocketHandlerFactory
from txws.policy import KeepalivePolicy, Limits
from txws.testing import MemoryTransport, RecordingHandler
from txws.wire.codes import Opcode
from txws.wire.frames import Frame

from .ends import Act, ActingHandler, closeFrame
from .peers import ACCEPT, KEY
from .test_flow import PushProducer
from .test_transport import Company
from .wire.ciphers import CipherFactory, Stream
from .wire.tables import dribble, frame, readFrames

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = Opcode


def makeAnswer(*changes: tuple[str, ...], status: str = "101 Switching") -> bytes:
    """
    Make a valid answer with some header fields replaced: by none, one or
    several values.
    """
    fields: dict[str, tuple[str, ...]] = {
        "Upgrade": ("websocket",),
        "Connection": ("Upgrade",),
        "Sec-WebSocket-Accept": (ACCEPT,),
    }
    for name, *values in changes:
        fields[name] = tuple(values)
    lines = [f"HTTP/1.1 {status}"]
    lines += [f"{name}: {value}" for name in fields for value in fields[name]]
    return "\r\n".join((*lines, "", "")).encode("latin-1")


class Client:
    """
    A client, and the server's bytes.
    """

    def __init__(
        self,
        handler: Any = None,
        isConnected: bool = True,
        isSecure: bool = False,
        **settings: Any,
    ) -> None:
        self.clock = Clock()
        self.handler = RecordingHandler() if handler is None else handler
        settings = {"host": "example.com", "target": "/feed?a=b", **settings}
        self.protocol = WebSocketClientProtocol(
            ClientSettings(
                clock=self.clock, generateNonce=lambda: b"the sample nonce", **settings
            ),
            self.handler,
        )
        self.waiting: Any = self.protocol.opened
        self.transport = MemoryTransport(self.protocol)
        if isSecure:
            alsoProvides(self.transport, ISSLTransport)
        if isConnected:
            self.transport.connect()

    @classmethod
    def opened(cls, *arguments: Any, **settings: Any) -> Client:
        """
        Make one that is open.
        """
        client = cls(*arguments, **settings)
        client.transport.takeData()
        client.answer()
        return client

    def answer(self, *changes: tuple[str, ...], rest: bytes = b"") -> None:
        """
        Accept the handshake.
        """
        self.transport.receiveData(makeAnswer(*changes) + rest)

    def leave(self) -> None:
        """
        Have the server close the connection.
        """
        self.transport.lose()
        self.transport.settle()

    @property
    def names(self) -> list[object]:
        """
        Which methods of the handler were called.
        """
        return [event[0] for event in self.handler.events]


class ClientTestCase(SynchronousTestCase):
    """
    Judges clients.
    """

    def assertGone(self, client: Client) -> None:
        """
        Assert that nothing is left.
        """
        client.transport.settle()
        self.assertTrue(client.transport.isLost)
        self.assertIsNone(client.transport.producer)
        self.assertEqual(client.clock.getDelayedCalls(), [])

    def assertRefused(self, client: Client, explanation: str) -> HandshakeRefused:
        """
        Assert that the handshake was refused, and the handler not told.
        """
        refused = self.failureResultOf(client.protocol.opened, HandshakeRefused).value
        self.assertEqual(refused.explanation, explanation)
        self.assertEqual(client.handler.events, [])
        self.assertIsNone(client.protocol.webSocket)
        self.assertGone(client)
        return refused


OFFERS = (
    "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12, "
    "permessage-deflate; client_max_window_bits"
)


class RequestTests(ClientTestCase):
    """
    What a client asks for.
    """

    def test_request(self):
        """
        It asks at once, with a key that nobody can guess.
        """
        client = Client()
        self.assertEqual(
            client.transport.takeData().decode("ascii").split("\r\n"),
            [
                "GET /feed?a=b HTTP/1.1",
                "Host: example.com",
                "Upgrade: websocket",
                "Connection: Upgrade",
                f"Sec-WebSocket-Key: {KEY}",
                "Sec-WebSocket-Version: 13",
                f"Sec-WebSocket-Extensions: {OFFERS}",
                "",
                "",
            ],
        )
        self.assertNoResult(client.protocol.opened)
        keys = set()
        for _ in range(10):
            settings = ClientSettings("example.com", "/", Clock())
            keys.add(settings.generateNonce())
        self.assertEqual(({16}, 10), (set(map(len, keys)), len(keys)))

    def test_settings(self):
        """
        What it is to offer is in its request.
        """
        client = Client(
            origin="https://example.com",
            subprotocols=("v2", "v1"),
            headers=(("Authorization", "Bearer 1"), ("Cookie", "a=b")),
        )
        request = client.transport.takeData()
        for line in (
            b"Origin: https://example.com",
            b"Sec-WebSocket-Protocol: v2, v1",
            b"Authorization: Bearer 1",
            b"Cookie: a=b",
        ):
            self.assertIn(b"\r\n" + line + b"\r\n", request)

    def test_unfit(self):
        """
        What is not fit to be sent is an error before anything is.
        """
        for settings in (
            {"host": "a\r\nX: y"},
            {"target": "/a b"},
            {"target": ""},
            {"headers": (("a b", "c"),)},
            {"headers": (("a", "b\r\nc: d"),)},
            {"origin": "a\nb"},
            {"subprotocols": ("a\r\nb",)},
        ):
            self.assertRaises(ValueError, Client, **settings)

    def test_defaults(self):
        """
        A client takes messages of as many fragments as servers are known to
        send.
        """
        settings = ClientSettings("example.com", "/", Clock())
        self.assertEqual(settings.limits, Limits(maxFragments=65536))
        self.assertEqual(settings.keepalive, KeepalivePolicy())


class OpenTests(ClientTestCase):
    """
    The server accepts.
    """

    def test_accepted(self):
        """
        When the server accepts, the handler is connected, and whoever waits is
        told.
        """
        client = Client()
        client.transport.takeData()
        for piece in dribble(makeAnswer()):
            self.assertNoResult(client.protocol.opened)
            client.transport.receiveData(piece)
        self.assertIs(self.successResultOf(client.protocol.opened), client.handler)
        self.assertEqual(client.names, ["negotiationStarted", "negotiationFinished"])
        self.assertIs(client.protocol.webSocket, client.handler.transport)

    def test_facts(self):
        """
        The handler learns what was asked for and what was agreed on.
        """
        client = Client(
            origin="https://example.com",
            subprotocols=("v2", "v1"),
            headers=(("Cookie", "a=b"),),
            target="/f%C3%BCr?a=%20",
            host="example.com:8080",
        )
        client.answer(("Sec-WebSocket-Protocol", "v1"))
        webSocket = client.handler.transport
        self.assertEqual(webSocket.subprotocol, "v1")
        request = webSocket.request
        self.assertEqual(
            (request.path, request.query, request.host, request.origin),
            ("/für", "a=%20", "example.com:8080", "https://example.com"),
        )
        self.assertEqual(request.subprotocols, ("v2", "v1"))
        self.assertEqual(request.subprotocol, "v1")
        self.assertEqual(dict(request.cookies), {"a": "b"})
        self.assertEqual(request.peer, client.transport.getPeer())
        self.assertEqual(request.url, "ws://example.com:8080/f%C3%BCr?a=%20")
        self.assertFalse(request.isSecure)

    def test_secure(self):
        """
        It learns whether the connection is encrypted.
        """
        client = Client.opened(isSecure=True)
        self.assertEqual(
            client.handler.transport.request.url, "wss://example.com/feed?a=b"
        )

    def test_noSubprotocol(self):
        """
        A server need not choose a subprotocol.
        """
        client = Client.opened(subprotocols=("v1",))
        self.assertIsNone(client.handler.transport.subprotocol)

    def test_rest(self):
        """
        Frames that come with the answer are delivered, after the handler and
        whoever waits have been told that the connection is open.
        """
        client = Client()
        noted: list[object] = []
        client.waiting.addCallback(lambda handler: noted.append(list(handler.messages)))
        client.answer(rest=frame(TEXT, b"a") + frame(BINARY, b"b") + b"\x81\1")
        client.transport.receiveData(b"c")
        self.assertEqual(noted, [[]])
        self.assertEqual(client.handler.messages, ["a", b"b", "c"])

    def test_interim(self):
        """
        A 1xx before the answer is passed over.
        """
        client = Client()
        early = b"HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n"
        client.transport.receiveData(early + makeAnswer())
        self.successResultOf(client.protocol.opened)

    def test_masked(self):
        """
        It masks what it sends, each frame by another key.
        """
        client = Client.opened()
        for _ in range(3):
            client.handler.transport.sendTextMessage("hello")
        written = client.transport.takeData()
        self.assertEqual(readFrames(written), [Frame(TEXT, b"hello")] * 3)
        keys = {written[start + 2 : start + 6] for start in range(0, len(written), 11)}
        self.assertEqual(len(keys), 3)

    def test_keyFromOutside(self):
        """
        The masking key can come from outside.
        """
        client = Client.opened(generateKey=lambda: b"abcd")
        client.handler.transport.ping()
        self.assertEqual(client.transport.takeData(), b"\x89\x80abcd")

    def test_logsFrames(self):
        """
        Frames are logged on demand.
        """
        client = Client.opened(logsFrames=True)
        with capturedLogs() as logged:
            client.transport.receiveData(frame(TEXT, b"hello"))
        self.assertIn("received TEXT 5 bytes: 'hello'", formatEvent(logged[0]))

    def test_limits(self):
        """
        The limits hold for what the server sends.
        """
        for limits, data in (
            (Limits(maxMessageSize=4), frame(TEXT, b"hello")),
            (
                Limits(maxFragments=1),
                frame(TEXT, isFinal=False) + frame(CONTINUATION, isFinal=False),
            ),
        ):
            client = Client.opened(limits=limits)
            client.transport.receiveData(data)
            (close,) = readFrames(client.transport.takeData())
            self.assertEqual(close.payload[:2], (1009).to_bytes(2, "big"))
            client.leave()
            assert client.handler.reason is not None
            failed = client.handler.reason.value
            self.assertIsInstance(failed.cause, MessageTooBig)

    def test_end(self):
        """
        The handler is told of the end; nothing is left.
        """
        client = Client.opened()
        client.transport.receiveData(frame(CLOSE, b"\x03\xe9"))
        self.assertEqual(readFrames(client.transport.takeData()), [closeFrame(1001)])
        client.leave()
        assert client.handler.reason is not None
        self.assertIsInstance(client.handler.reason.value, WebSocketClosed)
        self.assertEqual(client.names[-1], "connectionLost")
        self.assertIsNone(client.protocol.webSocket)
        self.assertGone(client)

    def test_brokenHandler(self):
        """
        If the handler cannot be connected, the connection is given up, and
        whoever waits learns why.
        """

        class Broken(Exception):
            """
            An error of an application.
            """

        def act(transport) -> None:
            transport.sendTextMessage("never sent")
            raise Broken

        client = Client(ActingHandler(negotiationStarted=act))
        client.transport.takeData()
        client.answer(rest=frame(TEXT, b"a"))
        self.failureResultOf(client.protocol.opened, Broken)
        self.assertEqual(client.transport.takeData(), b"")
        self.assertGone(client)
        self.assertEqual(client.names, ["negotiationStarted"])

    def test_groupsOfABrokenHandler(self):
        """
        Nothing keeps a connection that was given up so: its producer is
        stopped, and its groups forget it.
        """
        company, producer = Company(), PushProducer()

        def act(transport) -> None:
            transport.groups.add(company)
            transport.attachProducer(producer)
            raise ValueError

        client = Client(ActingHandler(negotiationStarted=act))
        client.transport.takeData()
        client.answer()
        self.failureResultOf(client.protocol.opened, ValueError)
        self.assertEqual(
            company.left, [(client.handler.transport, ["negotiationStarted"])]
        )
        self.assertEqual(producer.told, ["stop"])

    def test_endBeforeTheBeginning(self):
        """
        If the handler ends the connection before it is open, whoever waits for
        that learns that it never is.
        """
        acts: tuple[Act, ...] = (
            lambda transport: transport.loseConnection(),
            lambda transport: transport.abortConnection(),
        )
        for act in acts:
            handler = ActingHandler(negotiationStarted=act)
            client = Client(handler)
            client.answer()
            self.assertNotIn("negotiationFinished", client.names)
            failed = self.failureResultOf(client.protocol.opened, WebSocketFailed).value
            self.assertIsInstance(failed.cause, ConnectionAborted)
            client.leave()
            self.assertEqual(client.names.count("connectionLost"), 1)
            self.assertGone(client)

    def test_endInside(self):
        """
        A handler, or whoever waits, may end the connection at once: nothing
        more is delivered.
        """
        acts: tuple[Act, ...] = (
            lambda transport: transport.loseConnection(),
            lambda transport: transport.abortConnection(),
        )
        for act in acts:
            for method in ("negotiationStarted", "negotiationFinished", "opened"):
                handler = ActingHandler(**{method: act})
                client = Client(handler)
                if method == "opened":
                    client.waiting.addCallback(
                        lambda handler, act=act: act(handler.transport)
                    )
                client.answer(rest=frame(TEXT, b"a"))
                client.waiting.addErrback(Failure.trap, WebSocketFailed)
                client.transport.settle()
                client.leave()
                self.assertEqual(handler.messages, [])
                self.assertEqual(client.names.count("connectionLost"), 1)
                self.assertGone(client)


class RefusedTests(ClientTestCase):
    """
    The server does not accept.
    """

    def test_status(self):
        """
        A server that answers with something else than a 101 has refused; what
        it said can be read.
        """
        client = Client()
        answer = makeAnswer(
            ("Content-Length", "6"), ("X-Why", "because"), status="403 Forbidden"
        )
        for piece in dribble(answer + b"go awa"):
            self.assertNoResult(client.protocol.opened)
            client.transport.receiveData(piece)
        refused = self.assertRefused(client, "the server answered 403 instead of 101")
        self.assertEqual((refused.status, refused.body), (403, b"go awa"))
        self.assertIn(("X-Why", "because"), refused.headers)

    def test_extensionRaises(self):
        """
        If what negotiates an extension raises, whoever waits is told just that.
        """

        class Broken(CipherFactory):
            def confirm(self, parameters: Any, maxMessageSize: Any) -> Any:
                raise KeyError("confirm")

        client = Client(extensions=[Broken("stream", Stream)])
        client.answer(("Sec-WebSocket-Extensions", "stream"))
        failure = self.failureResultOf(client.protocol.opened, KeyError)
        self.assertEqual(failure.value.args, ("confirm",))
        self.assertEqual(client.handler.events, [])
        self.assertGone(client)

    def test_statusWithoutLength(self):
        """
        If nobody knows how long the body is, it ends with the connection.
        """
        client = Client()
        client.transport.receiveData(makeAnswer(status="503 Later") + b"later")
        self.assertNoResult(client.protocol.opened)
        client.leave()
        refused = self.assertRefused(client, "the server answered 503 instead of 101")
        self.assertEqual((refused.status, refused.body), (503, b"later"))

    def test_wrongAnswers(self):
        """
        A 101 that does not answer the request is refused.
        """
        accept = "Sec-WebSocket-Accept"
        for change, explanation in (
            (("Upgrade",), "the server's Upgrade is not 'websocket'"),
            (("Upgrade", "h2c"), "the server's Upgrade is not 'websocket'"),
            (("Connection",), "the server's Connection does not say 'Upgrade'"),
            (
                (accept,),
                "the server's Sec-WebSocket-Accept does not answer the key",
            ),
            (
                (accept, ACCEPT.lower()),
                "the server's Sec-WebSocket-Accept does not answer the key",
            ),
            (
                ("Sec-WebSocket-Protocol", "v3"),
                "the server uses subprotocol v3, which was not offered",
            ),
        ):
            client = Client(subprotocols=("v1",))
            client.answer(change, rest=frame(TEXT, b"a"))
            refused = self.assertRefused(client, explanation)
            self.assertEqual(refused.status, 101)

    def test_junk(self):
        """
        A server that does not speak HTTP is refused.
        """
        client = Client()
        client.transport.receiveData(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")
        refused = self.failureResultOf(client.protocol.opened, HandshakeRefused).value
        self.assertIn("does not speak HTTP/1.1", refused.explanation)
        self.assertGone(client)

    def test_endless(self):
        """
        An answer without an end is not read on.
        """
        client = Client(limits=Limits(maxHandshakeSize=1000, maxLineSize=500))
        client.transport.receiveData(b"HTTP/1.1 101 \r\n" + b"a: b\r\n" * 200)
        self.failureResultOf(client.protocol.opened, HandshakeRefused)
        self.assertGone(client)

    def test_closed(self):
        """
        A server that closes the connection instead of an answer has refused.
        """
        client = Client()
        client.leave()
        self.assertRefused(client, "the server closed the connection without an answer")

    def test_cutOff(self):
        """
        So has one that closes it in the middle of its answer.
        """
        client = Client()
        client.transport.receiveData(makeAnswer()[:-1])
        client.transport.lose(ConnectionLost())
        client.transport.settle()
        self.assertRefused(client, "the server's answer was cut off")

    def test_afterwards(self):
        """
        What a server sends after it has refused is of no concern.
        """
        client = Client()
        client.answer(("Upgrade",))
        client.protocol.dataReceived(makeAnswer())
        self.failureResultOf(client.protocol.opened, HandshakeRefused)
        self.assertEqual(client.handler.events, [])


class TLSTests(ClientTestCase):
    """
    The connection cannot be encrypted.
    """

    def test_late(self):
        """
        That is told if it is found when the request has been made, too, as TLS
        1.3 refuses a client's certificate.
        """
        client = Client(isSecure=True, tlsTimeout=10.0)
        client.protocol.handshakeCompleted()
        client.transport.lose(Error([("SSL", "f", "certificate required")]))
        client.transport.settle()
        failed = self.failureResultOf(client.waiting, TLSFailed).value
        self.assertEqual(failed.explanation, "certificate required")


class TimeTests(ClientTestCase):
    """
    The server takes its time.
    """

    def test_silent(self):
        """
        A server that does not answer in time is given up.
        """
        for data in (b"", makeAnswer()[:-2]):
            client = Client(keepalive=KeepalivePolicy(handshakeTimeout=10))
            client.transport.receiveData(data)
            client.clock.advance(9)
            self.assertNoResult(client.protocol.opened)
            client.clock.advance(1)
            failed = self.failureResultOf(client.protocol.opened, WebSocketFailed).value
            self.assertIsInstance(failed.cause, DeadlineExpired)
            self.assertEqual(failed.cause.deadline, "handshakeTimeout")
            self.assertGone(client)
            self.assertEqual(client.handler.events, [])

    def test_slowRefusal(self):
        """
        One that has refused, and dribbles the reason, is given up as well; what
        is known of its answer is told.
        """
        client = Client(keepalive=KeepalivePolicy(handshakeTimeout=10))
        client.transport.receiveData(
            makeAnswer(("Retry-After", "9"), status="503 Full") + b"no"
        )
        client.clock.advance(10)
        refused = self.assertRefused(client, "the server answered 503 instead of 101")
        self.assertEqual((refused.status, refused.body), (503, b"no"))
        self.assertIn(("Retry-After", "9"), refused.headers)

    def test_dribble(self):
        """
        No byte of it prolongs that.
        """
        client = Client(keepalive=KeepalivePolicy(handshakeTimeout=10))
        for piece in dribble(makeAnswer())[:10]:
            client.clock.advance(1)
            client.transport.receiveData(piece)
        self.failureResultOf(client.protocol.opened, WebSocketFailed)

    def test_keepalive(self):
        """
        When the connection is open, a silent server is pinged and given up.
        """
        policy = KeepalivePolicy(pingInterval=20, pingTimeout=7)
        client = Client.opened(keepalive=policy)
        client.clock.advance(20)
        (ping,) = readFrames(client.transport.takeData())
        self.assertIs(ping.opcode, PING)
        client.clock.advance(7)
        client.transport.settle()
        assert client.handler.reason is not None
        failed = client.handler.reason.value
        self.assertIsInstance(failed.cause, DeadlineExpired)
        self.assertGone(client)


class CancelTests(ClientTestCase):
    """
    Nobody waits any more.
    """

    def test_whileWaiting(self):
        """
        To cancel while the server has not answered aborts the connection.
        """
        for data in (b"", makeAnswer()[:-2], makeAnswer(status="500 Oh") + b"no"):
            client = Client()
            client.transport.receiveData(data)
            client.protocol.opened.cancel()
            self.failureResultOf(client.protocol.opened, CancelledError)
            client.protocol.dataReceived(makeAnswer())
            self.assertGone(client)
            self.assertEqual(client.handler.events, [])

    def test_beforeConnected(self):
        """
        To cancel before there is a connection aborts it when there is one:
        nothing is asked.
        """
        client = Client(isConnected=False)
        client.protocol.opened.cancel()
        self.failureResultOf(client.protocol.opened, CancelledError)
        client.transport.connect()
        self.assertEqual(client.transport.takeData(), b"")
        self.assertGone(client)

    def test_afterRefusal(self):
        """
        To cancel when the server has refused changes nothing.
        """
        client = Client()
        client.leave()
        client.protocol.opened.cancel()
        self.failureResultOf(client.protocol.opened, HandshakeRefused)

    def test_afterOpening(self):
        """
        To cancel when the connection is open changes nothing.
        """
        client = Client.opened()
        client.protocol.opened.cancel()
        self.assertIs(self.successResultOf(client.protocol.opened), client.handler)
        client.transport.settle()
        self.assertFalse(client.transport.isLost)

    def test_inside(self):
        """
        To cancel from inside the handler, when the connection is about to be
        open, aborts it.
        """
        for method in ("negotiationStarted", "negotiationFinished"):
            handler = ActingHandler()
            client = Client(handler)

            def cancel(transport, client=client) -> None:
                client.protocol.opened.cancel()

            handler.acts[method] = cancel
            client.transport.takeData()
            client.answer(rest=frame(TEXT, b"a"))
            self.failureResultOf(client.protocol.opened, CancelledError)
            self.assertGone(client)
            self.assertEqual(client.transport.takeData(), b"")
            self.assertEqual(client.names[-2:], [method, "connectionLost"])
            assert handler.reason is not None
            self.assertIsNone(handler.reason.check(ConnectionDone))

    def test_insideAndBroken(self):
        """
        Nor does an exception after that make a difference.
        """
        handler = ActingHandler()
        client = Client(handler)

        def act(transport) -> None:
            client.protocol.opened.cancel()
            raise ValueError

        handler.acts["negotiationStarted"] = act
        client.answer()
        self.failureResultOf(client.protocol.opened, CancelledError)
        self.assertGone(client)


class SlowStart(RecordingHandler):
    """
    Takes its time to start.
    """

    def __init__(self) -> None:
        super().__init__()
        self.isCancelled = False
        self.starting: Deferred[None] = Deferred(self._cancelled)

    def _cancelled(self, starting: Deferred[None]) -> None:
        self.isCancelled = True

    def negotiationStarted(self, transport: Any) -> Any:
        """
        Begin.
        """
        super().negotiationStarted(transport)
        return self.starting


@implementer(IWebSocketHandlerFactory)
class SlowFactory:
    """
    Takes its time to make a handler.
    """

    subprotocols = ()

    def __init__(self) -> None:
        self.building: Deferred[Any] = Deferred()

    def buildHandler(self, request: Any) -> Any:
        """
        Begin.
        """
        return self.building


class SlowStartTests(ClientTestCase):
    """
    A handler that takes its time to start.
    """

    def start(self, handler: SlowStart | None = None) -> Client:
        """
        Connect a client whose handler takes its time.
        """
        client = Client(SlowStart() if handler is None else handler)
        client.transport.takeData()
        client.answer(rest=frame(TEXT, b"a"))
        return client

    def test_started(self):
        """
        The connection is open when it has started; nothing is read before, and
        nothing is lost.
        """
        client = self.start()
        self.assertFalse(client.transport.isReading)
        self.assertNoResult(client.protocol.opened)
        client.transport.receiveData(frame(TEXT, b"b"))
        client.handler.starting.callback(None)
        client.transport.settle()
        self.assertIs(self.successResultOf(client.protocol.opened), client.handler)
        self.assertEqual(client.handler.messages, ["a", "b"])

    def test_early(self):
        """
        What comes before it has started, for TLS hands over all that it has,
        paused or not, is delivered then, in the order in which it came.
        """
        client = self.start()
        # As TLS does, which asks nobody.
        client.protocol.dataReceived(frame(TEXT, b"b"))
        client.protocol.dataReceived(frame(TEXT, b"c"))
        self.assertEqual(client.names, ["negotiationStarted"])
        client.handler.starting.callback(None)
        self.assertEqual(client.handler.messages, ["a", "b", "c"])

    def test_earlierThanTheHandler(self):
        """
        So is what comes before it is made.
        """
        factory = SlowFactory()
        client = Client(factory)
        client.transport.takeData()
        client.answer(rest=frame(TEXT, b"a"))
        client.protocol.dataReceived(frame(TEXT, b"b"))
        handler = RecordingHandler()
        factory.building.callback(handler)
        client.transport.receiveData(frame(TEXT, b"c"))
        self.assertEqual(handler.messages, ["a", "b", "c"])

    def test_earlyAndRefused(self):
        """
        If it does not want to, what has come for it is dropped, and what comes
        later as well.
        """
        client = self.start()
        client.protocol.dataReceived(frame(TEXT, b"b"))
        client.handler.starting.errback(ValueError())
        client.protocol.dataReceived(frame(TEXT, b"c"))
        self.failureResultOf(client.protocol.opened, ValueError)
        self.assertGone(client)
        self.assertEqual(client.names, ["negotiationStarted"])

    def test_refuses(self):
        """
        If it does not want to, whoever waits learns why.
        """
        client = self.start()
        client.handler.starting.errback(ValueError())
        self.failureResultOf(client.protocol.opened, ValueError)
        self.assertGone(client)
        self.assertEqual(client.names, ["negotiationStarted"])

    def test_lost(self):
        """
        If the connection is lost before, it is not told of an end.
        """
        client = self.start()
        client.transport.lose(OSError())
        client.transport.settle()
        self.failureResultOf(client.protocol.opened, WebSocketFailed)
        self.assertTrue(client.handler.isCancelled)
        self.assertGone(client)
        self.assertEqual(client.names, ["negotiationStarted"])

    def test_lostAndStarted(self):
        """
        If it starts nevertheless, it is told.
        """
        handler = SlowStart()
        handler.starting = Deferred(lambda starting: starting.callback(None))
        client = self.start(handler)
        client.transport.lose(OSError())
        client.transport.settle()
        self.failureResultOf(client.protocol.opened, WebSocketFailed)
        self.assertEqual(client.names, ["negotiationStarted", "connectionLost"])

    def test_tooLong(self):
        """
        The deadline of the handshake holds for it, too.
        """
        client = self.start()
        client.clock.advance(10)
        client.transport.settle()
        self.failureResultOf(client.protocol.opened, WebSocketFailed)
        self.assertTrue(client.handler.isCancelled)
        self.assertGone(client)

    def test_cancel(self):
        """
        Whoever does not want to wait any more aborts it.
        """
        client = self.start()
        client.protocol.opened.cancel()
        self.failureResultOf(client.protocol.opened, CancelledError)
        client.transport.settle()
        self.assertTrue(client.handler.isCancelled)
        self.assertGone(client)

    def test_producer(self):
        """
        A producer that it has attached is stopped if it does not start.
        """
        client = self.start()
        producer = PushProducer()
        client.handler.transport.attachProducer(producer)
        client.handler.starting.errback(ValueError())
        self.failureResultOf(client.protocol.opened, ValueError)
        self.assertEqual(producer.told, ["stop"])
