"""
Tests for L{txws.server}.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site
from zope.interface import implementer
from zope.interface.verify import verifyObject

from txws.applications import HandlerFactory
from txws.errors import BadHandshake, InvalidSetting, WebSocketClosed, WebSocketFailed
from txws.factories import WebSocketFactory
from txws.handlers import WebSocketHandler
from txws.interfaces import IWebSocketHandlerFactory
from txws.origins import ANY_ORIGIN
from txws.policy import HandshakePolicy, KeepalivePolicy, Limits
from txws.testing import RecordingHandler
from txws.wire.codes import CloseCode, Opcode

from .peers import ACCEPT, RawPeer, TLSPair, makeRequest, readAnswer, wrapTLS
from .test_flow import PushProducer
from .wire.ciphers import CipherFactory, Stream
from .wire.tables import dribble

REQUEST = makeRequest()
OFFER = (("Sec-WebSocket-Extensions", "x-stream"),)

# What cannot be read as an opening handshake, with the status that answers it.
BAD_REQUESTS = (
    (b"\r\n\r\n", 400, "an empty line"),
    (b"hello\r\n\r\n", 400, "no HTTP at all"),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "TLS"),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "HTTP/2"),
    (makeRequest(version="HTTP/1.0"), 400, "an upgrade by HTTP/1.0"),
    (makeRequest(("Sec-WebSocket-Key",)), 400, "no key"),
    (makeRequest(("Sec-WebSocket-Key", "short")), 400, "a bad key"),
    (makeRequest(("Host",)), 400, "no host"),
    (makeRequest(("Host", "a.example", "b.example")), 400, "two hosts"),
    (makeRequest(("Connection", "keep-alive")), 400, "a proxy's Connection"),
    (makeRequest(("Content-Length", "5")), 400, "a body"),
    (makeRequest(("Transfer-Encoding", "chunked")), 400, "a chunked body"),
    (makeRequest(("Origin", "null", "null")), 400, "two origins"),
    (makeRequest(("Sec-WebSocket-Protocol", "a b")), 400, "a bad subprotocol"),
    (makeRequest(("Sec-WebSocket-Extensions", "a;=")), 400, "a bad extension"),
    (makeRequest(("X", "1\r\n 2")), 400, "a folded header"),
    (makeRequest(target="http://[/"), 400, "a target that is no URL"),
    (makeRequest(target="/%ff"), 400, "a path that is not UTF-8"),
    (makeRequest(("Origin", "http://evil.example")), 403, "a page from elsewhere"),
    (makeRequest(("Origin", "null")), 403, "a page from nowhere"),
    (makeRequest(target="/nowhere"), 404, "a path that is not there"),
    (makeRequest(method="POST"), 405, "an upgrade by POST"),
    (b"POST / HTTP/1.1\r\nHost: a\r\n\r\n", 405, "a POST"),
    (makeRequest(target="/" + "a" * 9000), 414, "a long target"),
    (makeRequest(("Sec-WebSocket-Version", "8")), 426, "an old version"),
    (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 426, "no upgrade"),
    (makeRequest(("Cookie", "a" * 9000)), 431, "a long header"),
    (makeRequest(("X", *["1"] * 200)), 431, "many headers"),
    (makeRequest(("X", *["a" * 7000] * 3)), 431, "a long head"),
)


class ServerTestCase(SynchronousTestCase):
    """
    Serves handlers that note what they are told.
    """

    def setUp(self):
        """
        Nothing has happened yet.
        """
        self.clock = Clock()
        self.handlers: list[RecordingHandler] = []

    def makeHandler(self) -> RecordingHandler:
        """
        Make a handler, and remember it.
        """
        self.handlers.append(RecordingHandler())
        return self.handlers[-1]

    def serve(self, application=None, *subprotocols, **settings) -> WebSocketFactory:
        """
        Make a server.
        """
        if application is None:
            application = HandlerFactory(self.makeHandler, *subprotocols)
        return WebSocketFactory(application, clock=self.clock, **settings)

    def connect(self, *arguments, **settings) -> RawPeer:
        """
        Connect to a new server.
        """
        return RawPeer(self.serve(*arguments, **settings))

    def assertRefused(self, peer: RawPeer, status: int, case: object = None):
        """
        Assert that a peer has been refused as a peer should be: with an HTTP
        status and a sentence in plain text, which no browser takes for markup
        and no terminal obeys; and that the connection is being closed, without
        a handler to know of it.

        @return: the answer.
        """
        answer = peer.takeAnswer()
        headers = answer.headers
        self.assertEqual(answer.status, status, case)
        self.assertEqual(
            headers.getAll("Content-Type"), ["text/plain; charset=utf-8"], case
        )
        self.assertEqual(headers.getAll("X-Content-Type-Options"), ["nosniff"], case)
        self.assertIn("close", headers.get("Connection"), case)
        self.assertEqual(headers.get("Content-Length"), str(len(answer.body)), case)
        sentence = answer.body.decode()
        self.assertTrue(sentence.endswith("\n"), case)
        self.assertTrue(sentence[:-1].isprintable(), sentence)
        self.assertNotIn("Traceback", sentence)
        self.assertTrue(peer.transport.hasEnded, case)
        self.assertEqual(list(self.factoryOf(peer).connections), [], case)
        return answer

    def factoryOf(self, peer: RawPeer) -> WebSocketFactory:
        """
        Find the server of a peer.
        """
        factory = peer.protocol.factory
        assert isinstance(factory, WebSocketFactory)
        return factory

    def assertNothingIsLeft(self, *peers: RawPeer) -> None:
        """
        Assert that peers have left, and with them all that waits for them.
        """
        for peer in peers:
            peer.transport.settle()
            self.assertTrue(peer.transport.isLost)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class AcceptanceTests(ServerTestCase):
    """
    Valid opening handshakes are accepted.
    """

    def test_accepted(self):
        """
        A valid handshake is answered with 101 and the key that its own key
        makes, and the handler is told so, in order.
        """
        peer = self.connect()

        peer.send(REQUEST)

        answer = peer.takeAnswer()
        self.assertEqual((answer.status, answer.body), (101, b""))
        self.assertEqual(
            list(answer.headers),
            [
                ("Upgrade", "websocket"),
                ("Connection", "Upgrade"),
                ("Sec-WebSocket-Accept", ACCEPT),
            ],
        )
        self.assertEqual(
            self.handlers[0].events, [("negotiationStarted",), ("negotiationFinished",)]
        )

    def test_dribbled(self):
        """
        A handshake may arrive byte by byte, and so may what follows it.
        """
        peer = self.connect()

        peer.send(*dribble(REQUEST))
        answer = peer.takeAnswer()
        peer.send(
            *dribble(b"\x81\x85abcd" + bytes(map(int.__xor__, b"hello", b"abcda")))
        )

        self.assertEqual(answer.status, 101)
        self.assertEqual(self.handlers[0].messages, ["hello"])

    def test_protocolIsOne(self):
        """
        What the factory builds is a protocol in Twisted's sense.
        """
        verifyObject(IProtocol, self.serve().buildProtocol(None))

    def test_acceptanceComesFirst(self):
        """
        What a handler sends before the opening handshake is done leaves after
        the 101, in order, in the same write.
        """

        class Eager(WebSocketHandler):
            def negotiationStarted(self, transport) -> None:
                super().negotiationStarted(transport)
                transport.sendTextMessage("first")

            def negotiationFinished(self) -> None:
                self.transport.sendTextMessage("second")

        peer = RawPeer.upgraded(self.serve(Eager))

        self.assertEqual(peer.takeMessages(), ["first", "second"])

    def test_requestIsTold(self):
        """
        A handler factory is told what the client has asked for, and from
        where; a handler finds it at its transport.
        """
        factory = _Choosy(self.makeHandler())
        peer = self.connect(factory, handshake=HandshakePolicy(subprotocols=["b", "a"]))

        peer.send(
            makeRequest(
                ("Host", "example.com:8080"),
                ("Origin", "http://example.com:8080"),
                ("Cookie", "theme=dark; id=7"),
                ("Sec-WebSocket-Protocol", "a, b"),
                target="/caf%C3%A9?x=%20",
            )
        )

        (request,) = factory.requests
        self.assertEqual(request.path, "/café")
        self.assertEqual(request.query, "x=%20")
        self.assertEqual(request.host, "example.com:8080")
        self.assertEqual(request.origin, "http://example.com:8080")
        self.assertEqual(dict(request.cookies), {"theme": "dark", "id": "7"})
        self.assertEqual(request.subprotocols, ("a", "b"))
        self.assertEqual(request.subprotocol, "b")
        self.assertEqual(request.url, "ws://example.com:8080/caf%C3%A9?x=%20")
        self.assertEqual(request.peer, peer.transport.getPeer())
        self.assertFalse(request.isSecure)
        transport = self.handlers[0].transport
        self.assertIs(transport.request, request)
        self.assertEqual(transport.subprotocol, "b")

    def test_requestIsSecure(self):
        """
        Over TLS a handler knows that the connection is encrypted, and the
        server's own pages come from an C{https} origin.
        """
        client = Protocol()
        pair = TLSPair(self.serve(), self.clock, client)

        client.transport.write(makeRequest(("Origin", "https://example.com")))
        pair.flush()

        request = self.handlers[0].transport.request
        self.assertTrue(request.isSecure)
        self.assertEqual(request.url, "wss://example.com/")

    def test_subprotocolIsAgreedOn(self):
        """
        Of the subprotocols offered the one that the application prefers is
        agreed on, and none if it speaks none of them.
        """
        for offered, agreed in (
            ("chat, v2.chat", ["v2.chat"]),
            ("chat", ["chat"]),
            ("Chat", []),
            ("soap", []),
        ):
            peer = self.connect(None, "v2.chat", "chat")

            peer.send(makeRequest(("Sec-WebSocket-Protocol", offered)))

            answer = peer.takeAnswer()
            self.assertEqual(answer.status, 101)
            self.assertEqual(answer.headers.getAll("Sec-WebSocket-Protocol"), agreed)

    def test_unknownExtensionIsDeclined(self):
        """
        A client that offers extensions that the server does not know is
        accepted without them.
        """
        peer = self.connect()

        peer.send(makeRequest(("Sec-WebSocket-Extensions", "permessage-bzip2, x;y=1")))

        answer = peer.takeAnswer()
        self.assertEqual(answer.status, 101)
        self.assertNotIn("Sec-WebSocket-Extensions", answer.headers)

    def test_framesAreLogged(self):
        """
        A server that is told so logs each frame, with what a terminal would
        obey escaped.
        """
        peer = RawPeer.upgraded(self.serve(logsFrames=True))

        with capturedLogs() as logged:
            peer.sendFrame(Opcode.TEXT, b"\x1b[2J")
            peer.sendFrame(Opcode.BINARY, bytes(100))
            self.handlers[0].transport.sendTextMessage("hi")

        first, second, third = map(formatEvent, logged)
        self.assertIn("received TEXT 4 bytes: '\\x1b[2J'", first)
        self.assertIn("received BINARY 100 bytes: '" + "\\x00" * 48 + "'...", second)
        self.assertIn("sent TEXT 2 bytes: 'hi'", third)
        self.assertIn(peer.transport.getPeer().host, first)

    def test_closeIsAnswered(self):
        """
        A connection that the client closes is closed by the server, and
        nothing is left of it.
        """
        peer = RawPeer.upgraded(self.serve())

        peer.sendClose(1000)

        self.assertEqual(peer.takeCloseCode(), 1000)
        self.assertNothingIsLeft(peer)
        self.assertIsInstance(self.handlers[0].reason.value, WebSocketClosed)

    def test_lostConnectionIsTold(self):
        """
        A handler whose peer vanishes without a Close is told so.
        """
        peer = RawPeer.upgraded(self.serve())

        peer.leave()

        self.assertNothingIsLeft(peer)
        self.assertIsInstance(self.handlers[0].reason.value, WebSocketFailed)


@implementer(IWebSocketHandlerFactory)
class _Choosy:
    """
    A handler factory that notes whom it is asked about.
    """

    subprotocols = ()

    def __init__(
        self, handler: RecordingHandler | None = None, error: Exception | None = None
    ) -> None:
        self.requests: list = []
        self._handler = handler
        self._error = error

    def buildHandler(self, request):
        self.requests.append(request)
        if self._error is not None:
            raise self._error
        return self._handler


class RefusalTests(ServerTestCase):
    """
    What is not a valid opening handshake, or not wanted, is refused.
    """

    def setUp(self):
        """
        The application notes whom it is asked about.
        """
        super().setUp()
        self.application = _Choosy(self.makeHandler())
        self.policy = HandshakePolicy(paths=["/"])

    def connectToChoosy(self) -> RawPeer:
        """
        Connect to a new server of the application.
        """
        return self.connect(self.application, handshake=self.policy)

    def test_badRequests(self):
        """
        A request that is no valid handshake, or not one for this server, gets
        the status that says why, without the application being asked.
        """
        for request, status, case in BAD_REQUESTS:
            peer = self.connectToChoosy()

            peer.send(request)

            self.assertRefused(peer, status, case)
            self.assertEqual(self.application.requests, [], case)

    def test_badRequestsDribbled(self):
        """
        The answer to a bad request does not depend on how it is cut.
        """
        for request, status, case in BAD_REQUESTS:
            peer = self.connectToChoosy()

            peer.send(*dribble(request))

            self.assertRefused(peer, status, case)
            self.assertEqual(self.application.requests, [], case)

    def test_versionIsTold(self):
        """
        A client that speaks another version is told which one the server
        speaks, and what to upgrade to.
        """
        peer = self.connectToChoosy()

        peer.send(makeRequest(("Sec-WebSocket-Version", "25")))

        answer = self.assertRefused(peer, 426)
        self.assertEqual(answer.headers.getAll("Sec-WebSocket-Version"), ["13"])
        self.assertEqual(answer.headers.getAll("Upgrade"), ["websocket"])
        self.assertEqual(answer.headers.getAll("Connection"), ["Upgrade, close"])

    def test_plainHTTPIsToldWhatIsSpoken(self):
        """
        Who asks by plain HTTP where there is no site is told what is spoken
        here, and by which method.
        """
        get, post = self.connectToChoosy(), self.connectToChoosy()

        get.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        post.send(b"POST / HTTP/1.0\r\n\r\n")

        answer = self.assertRefused(get, 426)
        self.assertEqual(answer.headers.getAll("Upgrade"), ["websocket"])
        self.assertEqual(answer.headers.getAll("Sec-WebSocket-Version"), ["13"])
        self.assertIn(b"WebSocket", answer.body)
        answer = self.assertRefused(post, 405)
        self.assertEqual(answer.headers.getAll("Allow"), ["GET"])

    def test_controlCharacters(self):
        """
        No ASCII control character is let through in any part of a request,
        but for the tab where HTTP allows it.
        """
        parts = {
            "method": b"G@T / HTTP/1.1\r\n",
            "path": b"GET /@ HTTP/1.1\r\n",
            "query": b"GET /?@ HTTP/1.1\r\n",
            "version": b"GET / HTTP/1@1\r\n",
            "name": b"GET / HTTP/1.1\r\nX@Y: 1\r\n",
            "value": b"GET / HTTP/1.1\r\nX: a@b\r\n",
            "host": b"GET / HTTP/1.1\r\nHost: a@b\r\n",
            "subprotocol": b"GET / HTTP/1.1\r\nSec-WebSocket-Protocol: a@b\r\n",
        }
        rest = REQUEST.partition(b"\r\n")[2]
        for part, head in parts.items():
            for character in (*range(0x20), 0x7F):
                if (part, character) == ("value", 0x09):
                    continue
                peer = self.connectToChoosy()

                peer.send(head.replace(b"@", bytes([character])) + rest)

                self.assertRefused(peer, 400, (part, character))
                self.assertEqual(self.application.requests, [])

    def test_markupIsNotEchoedAsMarkup(self):
        """
        Markup and what terminals obey, put anywhere in a request, come back as
        neither.
        """
        for evil in ("<script>alert(1)</script>", "\x9b2J\x85\x9d0;owned\x9c"):
            for request in (
                makeRequest(("Connection", f"Upgrade, {evil}")),
                makeRequest(("Host", evil)),
                makeRequest(("Origin", evil)),
                makeRequest(("Sec-WebSocket-Key", evil)),
                makeRequest(("Sec-WebSocket-Version", evil)),
                makeRequest(("Sec-WebSocket-Protocol", evil)),
                makeRequest(("Sec-WebSocket-Extensions", evil)),
                makeRequest(target=f"/{evil}"),
            ):
                peer = self.connectToChoosy()

                peer.send(request)

                status = readAnswer(b"".join(peer.transport.writes)).status
                self.assertRefused(peer, status, request)
                self.assertNotEqual(status, 101)

    def test_dataBeforeTheAnswer(self):
        """
        Frames that come in one piece with the request, unasked, are not taken
        for the client's: the handshake is refused.
        """
        peer = self.connectToChoosy()

        peer.send(REQUEST + b"\x81\x80abcd")

        self.assertRefused(peer, 400)
        self.assertEqual(self.application.requests, [])

    def test_whatFollowsARefusalIsIgnored(self):
        """
        A refused peer gets one answer, whatever else it sends.
        """
        peer = self.connectToChoosy()

        peer.send(makeRequest(method="POST"), REQUEST, b"\x81\x80abcd", bytes(100000))

        self.assertRefused(peer, 405)
        self.assertEqual(peer.transport.takeData(), b"")

    def test_opaqueOriginIsNotTheSame(self):
        """
        No host that a page can be made to name makes an origin that is none
        the same origin.
        """
        for host in ("example.com:", "a~b.example.com", "a!b.example.com", "a%20b"):
            for origin in ("null", "", "file://", "example.com"):
                peer = self.connectToChoosy()

                peer.send(makeRequest(("Host", host), ("Origin", origin)))

                self.assertRefused(peer, 403, (host, origin))

    def test_applicationRefuses(self):
        """
        An application that builds no handler refuses the handshake with 403.
        """
        peer = self.connect(_Choosy(None))

        peer.send(REQUEST)

        self.assertRefused(peer, 403)

    def test_applicationRefusesWithAStatus(self):
        """
        An application may refuse with a status, a sentence and headers of its
        own.
        """
        refusal = BadHandshake(
            401, "who is there?", [("WWW-Authenticate", 'Basic realm="chat"')]
        )
        peer = self.connect(_Choosy(error=refusal))

        peer.send(REQUEST)

        answer = self.assertRefused(peer, 401)
        self.assertEqual(answer.body, b"who is there?\n")
        self.assertEqual(answer.headers.get("WWW-Authenticate"), 'Basic realm="chat"')

    def test_applicationRefusesWithABadHeader(self):
        """
        A header of the application's that would split the answer is not sent;
        it is logged, and the peer gets status 500.
        """
        refusal = BadHandshake(401, "no", [("X-Name", "a\r\nSet-Cookie: b=c")])
        peer = self.connect(_Choosy(error=refusal))

        peer.send(REQUEST)

        answer = self.assertRefused(peer, 500)
        self.assertNotIn("Set-Cookie", answer.headers)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_applicationRaises(self):
        """
        An application that fails to build a handler refuses with 500; the log
        says why, the peer does not learn it.
        """
        peer = self.connect(_Choosy(error=ZeroDivisionError("secret")))

        peer.send(REQUEST)

        answer = self.assertRefused(peer, 500)
        self.assertNotIn(b"secret", answer.body)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_policyRaises(self):
        """
        A function of the application's that fails to judge an origin refuses
        with 500; the log says why.
        """

        def judge(origin: str, request: object) -> bool:
            raise ZeroDivisionError("secret")

        peer = self.connect(
            self.application, handshake=HandshakePolicy(origins=[judge])
        )

        peer.send(makeRequest(("Origin", "http://example.com")))

        answer = self.assertRefused(peer, 500)
        self.assertNotIn(b"secret", answer.body)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(self.application.requests, [])

    def test_handlerRaisesAtTheStart(self):
        """
        A handler that fails before the handshake is accepted refuses it with
        500; the log says why, and nothing that it has sent leaves.
        """

        class Failing(WebSocketHandler):
            def negotiationStarted(self, transport) -> None:
                transport.sendTextMessage("secret")
                raise ZeroDivisionError("secret")

        peer = self.connect(Failing)

        peer.send(REQUEST)

        answer = self.assertRefused(peer, 500)
        self.assertNotIn(b"secret", answer.body)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_wrappedProtocolIsNotBuiltForTheRefused(self):
        """
        A wrapped factory is not asked for a protocol before the handshake is
        known to be accepted, and builds none for a client that is refused.
        """
        built: list[Protocol] = []

        class Counted(Protocol):
            def __init__(self) -> None:
                built.append(self)

        for request, _, case in BAD_REQUESTS:
            peer = self.connect(Factory.forProtocol(Counted), handshake=self.policy)

            peer.send(request)

            self.assertEqual(built, [], case)


class PathTests(ServerTestCase):
    """
    What HTTP says of paths and methods, where there is no site: RFC 9110
    sections 15.5.5, 15.5.6 and 15.5.22.
    """

    def ask(self, method: str, target: str) -> bytes:
        """
        Make a request that is no upgrade.
        """
        return f"{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode()

    def connectToPaths(self) -> RawPeer:
        """
        Connect to a server that has two paths.
        """
        return self.connect(handshake=HandshakePolicy(paths=["/chat", "/café"]))

    def test_unknownPath(self):
        """
        Where there is nothing, the answer is 404 whatever the method is, and
        whether an upgrade is asked for or not.
        """
        for request in (
            self.ask("GET", "/else"),
            self.ask("POST", "/else"),
            self.ask("GET", "/chat/"),
            self.ask("GET", "//chat"),
            self.ask("GET", "http://example.com/"),
            makeRequest(target="/else"),
            makeRequest(target="/else", method="POST"),
        ):
            peer = self.connectToPaths()

            peer.send(request)

            answer = self.assertRefused(peer, 404, request)
            self.assertNotIn("Allow", answer.headers)
        self.assertEqual(self.handlers, [])

    def test_head(self):
        """
        HEAD is refused without a body, RFC 9110 section 9.3.2, but otherwise as
        any method but GET.
        """
        for request in (
            self.ask("HEAD", "/chat?a=b"),
            makeRequest(target="/chat", method="HEAD"),
        ):
            peer = self.connectToPaths()

            peer.send(request)

            answer = peer.takeAnswer()
            self.assertEqual((answer.status, answer.body), (405, b""), request)
            self.assertEqual(answer.headers.getAll("Allow"), ["GET"], request)
            self.assertIn("close", answer.headers.get("Connection"), request)
            self.assertTrue(peer.transport.hasEnded, request)
        self.assertEqual(self.handlers, [])

    def test_otherMethod(self):
        """
        At a path that is there, any method but GET gets 405, and is told which
        one is allowed.
        """
        for request in (
            self.ask("POST", "/chat"),
            self.ask("get", "/chat"),
            self.ask("DELETE", "/caf%C3%A9"),
            self.ask("PUT", "http://example.com/chat"),
            makeRequest(target="/chat", method="POST"),
        ):
            peer = self.connectToPaths()

            peer.send(request)

            answer = self.assertRefused(peer, 405, request)
            self.assertEqual(answer.headers.getAll("Allow"), ["GET"], request)

    def test_noUpgrade(self):
        """
        At a path that is there, a GET that is no upgrade is told what to
        upgrade to.
        """
        for target in ("/chat", "/ch%61t?a=b", "/caf%C3%A9", "http://a.example/chat"):
            peer = self.connectToPaths()

            peer.send(self.ask("GET", target))

            answer = self.assertRefused(peer, 426, target)
            self.assertEqual(answer.headers.getAll("Upgrade"), ["websocket"])

    def test_noPath(self):
        """
        A target that has no path gets 400.
        """
        for target in ("*", "/%ff", "http://[/", "mailto:a"):
            peer = self.connectToPaths()

            peer.send(self.ask("OPTIONS", target))

            self.assertRefused(peer, 400, target)


class RefusalLogTests(ServerTestCase):
    """
    The log tells of refusals.
    """

    def assertLogged(self, level: LogLevel, status: int, peer: RawPeer, *sent: bytes):
        """
        Assert that what is sent is refused, and at which level that is logged.
        """
        with capturedLogs() as logged:
            peer.send(*sent)
        (event,) = (event for event in logged if "status" in event)
        self.assertEqual(event["status"], status)
        self.assertIs(event["log_level"], level)
        self.assertEqual(event["peer"], peer.transport.getPeer())
        self.assertIn(event["explanation"], formatEvent(event))

    def test_nobodysFault(self):
        """
        A browser that asks for a page is nothing to warn of.
        """
        request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"

        self.assertLogged(LogLevel.info, 426, self.connect(), request)

    def test_tooMany(self):
        """
        Nor is a limit that is reached.
        """
        factory = self.serve(limits=Limits(maxConnections=1))
        first = RawPeer(factory)
        first.send(REQUEST)

        with capturedLogs() as logged:
            RawPeer(factory)

        (event,) = (event for event in logged if "status" in event)
        self.assertEqual(event["status"], 503)
        self.assertIs(event["log_level"], LogLevel.info)

    def test_peersFault(self):
        """
        The peer is warned of if it is wrong, or not wanted.
        """
        for request, status, case in BAD_REQUESTS:
            if status not in (404, 426):
                with self.subTest(case):
                    self.assertLogged(LogLevel.warn, status, self.connect(), request)


class DepartureTests(ServerTestCase):
    """
    Whoever is refused, or says nothing, is seen off.
    """

    def test_refusedPeerHasTimeToRead(self):
        """
        A refused peer that is still sending is not reset: the server closes
        its half of the connection, and reads on until the peer closes too.
        """
        peer = self.connect()
        peer.send(makeRequest(method="POST"))
        peer.takeAnswer()

        peer.send(bytes(1000))
        peer.transport.settle()

        self.assertTrue(peer.transport.isReading)
        self.assertFalse(peer.transport.isLost)
        peer.leave()
        self.assertNothingIsLeft(peer)

    def test_refusedPeerThatHasSentAll(self):
        """
        A refused peer that has closed its half of the connection gets its
        answer all the same, and nothing is left of it then.
        """
        peer = self.connect()
        peer.send(makeRequest(method="POST"))

        peer.leave()

        self.assertEqual(peer.takeAnswer().status, 405)
        peer.transport.settle()
        peer.transport.settle()
        self.assertNothingIsLeft(peer)

    def test_refusedPeerHasToGo(self):
        """
        A refused peer that stays is cut off after the close timeout, whatever
        it sends.
        """
        peer = self.connect(keepalive=KeepalivePolicy(closeTimeout=3))
        peer.send(makeRequest(method="POST"))
        peer.takeAnswer()
        for _ in range(2):
            self.clock.advance(1)
            peer.send(b"x")
        self.assertFalse(peer.isAborted)

        self.clock.advance(1)

        self.assertNothingIsLeft(peer)

    def test_refusedPeerHasToGoOverTLS(self):
        """
        Over TLS a refused peer that does not answer is cut off, too.
        """
        client = Protocol()
        pair = TLSPair(self.serve(), self.clock, client)
        client.transport.write(makeRequest(method="POST"))
        self.clock.advance(0)
        pair.server.receiveData(pair.client.takeData())
        pair.server.takeData()
        self.clock.advance(4)
        pair.server.settle()
        self.assertFalse(pair.server.isLost)

        self.clock.advance(1)
        pair.server.settle()

        self.assertTrue(pair.server.isLost)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_handshakeHasADeadline(self):
        """
        Whoever has not sent a request in time is cut off without an answer,
        and no byte prolongs that time.
        """
        peer = self.connect(keepalive=KeepalivePolicy(handshakeTimeout=10))
        for byte in dribble(REQUEST[:9]):
            self.clock.advance(1)
            peer.send(byte)
        self.assertFalse(peer.isAborted)

        self.clock.advance(1)

        self.assertEqual(peer.transport.takeData(), b"")
        self.assertNothingIsLeft(peer)

    def test_silentPeer(self):
        """
        Whoever says nothing at all is cut off as well.
        """
        peer = self.connect()

        self.clock.advance(10)

        self.assertNothingIsLeft(peer)

    def test_silentPeerOverTLS(self):
        """
        Whoever connects to a TLS port and says nothing is cut off as well.
        """
        peer = RawPeer(wrapTLS(self.serve(), self.clock))

        self.clock.advance(10)

        self.assertNothingIsLeft(peer)

    def test_peerLeavesInTheHandshake(self):
        """
        Of a peer that goes before its request is complete nothing is left.
        """
        peer = self.connect()
        peer.send(REQUEST[:20])

        peer.leave()

        self.assertNothingIsLeft(peer)
        self.assertEqual(self.handlers, [])

    def test_deadlineEndsWithTheHandshake(self):
        """
        A connection that is open does not end with the time for its opening
        handshake.
        """
        peer = RawPeer.upgraded(self.serve())

        self.clock.advance(11)

        self.assertFalse(peer.isAborted)

    def test_tooManyConnections(self):
        """
        One connection more than the limit allows is refused at once with 503,
        before it has sent a byte; when one has gone, the next is welcome.
        """
        factory = self.serve(limits=Limits(maxConnections=2))
        first, second = RawPeer.upgraded(factory), RawPeer(factory)

        third = RawPeer(factory)

        answer = readAnswer(b"".join(third.transport.writes))
        self.assertEqual(answer.status, 503)
        self.assertEqual(third.takeAnswer(), answer)
        self.assertTrue(third.transport.hasEnded)
        third.send(REQUEST)
        self.assertEqual(third.transport.takeData(), b"")
        third.leave()
        second.leave()
        RawPeer.upgraded(factory)
        first.leave()

    def test_refusedForTheLimitHasToGo(self):
        """
        A peer that is one too many and stays is cut off after the close
        timeout.
        """
        factory = self.serve(limits=Limits(maxConnections=1))
        RawPeer.upgraded(factory)

        peer = RawPeer(factory)
        self.assertRefusedForTheLimit(peer)
        self.clock.advance(5)

        self.assertTrue(peer.isAborted)

    def test_refusedPeersTakeNoRoom(self):
        """
        Peers that were too many, and stay, keep nobody else out.
        """
        factory = self.serve(limits=Limits(maxConnections=1))
        first = RawPeer.upgraded(factory)
        refused = [RawPeer(factory) for _ in range(3)]

        first.leave()

        RawPeer.upgraded(factory)
        self.assertRefusedForTheLimit(RawPeer(factory))
        for peer in refused:
            peer.leave()
        self.assertRefusedForTheLimit(RawPeer(factory))

    def assertRefusedForTheLimit(self, peer: RawPeer) -> None:
        """
        Assert that a peer is one too many.
        """
        answer = peer.takeAnswer()
        self.assertEqual(answer.status, 503)
        self.assertEqual(answer.headers.get("X-Content-Type-Options"), "nosniff")
        self.assertEqual(answer.headers.get("Connection"), "close")
        self.assertEqual(answer.body, b"too many connections\n")


class ApplicationErrorTests(ServerTestCase):
    """
    What an application gives a server may have errors, too.
    """

    def assertInternalError(self, kind: type[Exception], peer: RawPeer) -> None:
        """
        Assert that a peer is refused with 500, and the log says why.
        """
        peer.send(makeRequest(("Origin", "http://a.example"), *OFFER))
        self.assertRefused(peer, 500)
        self.assertEqual(len(self.flushLoggedErrors(kind)), 1)

    def test_asynchronousOrigin(self):
        """
        A function of the origins that is not synchronous lets nobody in: what
        it returns is no verdict.
        """
        for verdict in (succeed(False), succeed(True), 1, None):
            judge: Any = partial(lambda verdict, *asked: verdict, verdict)
            policy = HandshakePolicy(origins=[judge])
            peer = RawPeer(self.serve(handshake=policy))
            self.assertInternalError(TypeError, peer)

    def test_extension(self):
        """
        An extension that raises when it is offered refuses the handshake.
        """

        class Broken(CipherFactory):
            def accept(self, parameters, maxMessageSize):
                raise KeyError("accept")

        peer = RawPeer(
            self.serve(
                extensions=[Broken("x-stream", Stream)],
                handshake=HandshakePolicy(origins=[ANY_ORIGIN]),
            )
        )
        self.assertInternalError(KeyError, peer)

    def test_noSubprotocols(self):
        """
        A handler factory that does not say what it speaks refuses the
        handshake.
        """

        @implementer(IWebSocketHandlerFactory)
        class Mute:  # type: ignore[misc]  # the point
            def buildHandler(self, request):
                return RecordingHandler()

        peer = RawPeer(WebSocketFactory(Mute(), clock=self.clock))
        peer.send(REQUEST)
        self.assertRefused(peer, 500)
        self.assertEqual(len(self.flushLoggedErrors(AttributeError)), 1)

    def test_noHandler(self):
        """
        What is no handler, or not all of one, refuses the handshake, not later
        the connection.
        """

        class Started:
            def negotiationStarted(self, transport):
                pass

        class Deaf(RecordingHandler):
            textMessageReceived: Any = None

        for made, missing in (
            (object(), "negotiationStarted"),
            ("handler", "negotiationStarted"),
            (RecordingHandler, "a class"),
            (Started(), "negotiationFinished"),
            (Deaf(), "textMessageReceived"),
        ):
            make: Any = partial(lambda made: made, made)
            peer = self.connect(HandlerFactory(make))
            peer.send(REQUEST)
            self.assertRefused(peer, 500, made)
            (logged,) = self.flushLoggedErrors(TypeError)
            self.assertIn(missing, str(logged.value))

    def test_refusedByTheHandler(self):
        """
        A handler that refuses is not told of an end; its producer is stopped,
        and what it still sends is dropped.
        """
        producer = PushProducer()

        class Refusing(RecordingHandler):
            def negotiationStarted(self, transport) -> None:
                super().negotiationStarted(transport)
                transport.attachProducer(producer)
                raise BadHandshake(403, "not you")

        handler = Refusing()
        peer = self.connect(HandlerFactory(lambda: handler))
        peer.send(REQUEST)
        self.assertRefused(peer, 403)
        handler.transport.sendTextMessage("too late")
        self.assertEqual(handler.transport.pendingSize, 0)
        self.assertEqual(producer.told, ["stop"])
        peer.leave()
        self.assertEqual(handler.events, [("negotiationStarted",)])

    def test_siteLosesItsConnection(self):
        """
        The protocol of a site that raises when its connection is lost is
        forgotten all the same.
        """

        class Clumsy(Protocol):
            def connectionLost(self, reason=None) -> None:
                raise KeyError("connectionLost")

        factory = self.serve(
            limits=Limits(maxConnections=1), site=Factory.forProtocol(Clumsy)
        )
        peer = RawPeer(factory)
        peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        peer.transport.lose()
        self.assertRaises(KeyError, peer.transport.settle)
        RawPeer.upgraded(factory)

    def test_wrongSettings(self):
        """
        Settings of the wrong kind are refused by name.
        """
        for name in ("limits", "keepalive", "handshake"):
            error = self.assertRaises(InvalidSetting, self.serve, **{name: 5})
            self.assertEqual(error.setting, name)


class NegotiationTests(ServerTestCase):
    """
    A handler may end its connection at any moment.
    """

    def connectTo(
        self, negotiate: Callable[[RecordingHandler], object], event: str
    ) -> tuple[RawPeer, RecordingHandler]:
        """
        Connect to a handler that does something at one event.
        """

        class Negotiating(RecordingHandler):
            def negotiationStarted(self, transport) -> None:
                super().negotiationStarted(transport)
                if event == "negotiationStarted":
                    negotiate(self)

            def negotiationFinished(self) -> None:
                super().negotiationFinished()
                if event == "negotiationFinished":
                    negotiate(self)

        handler = Negotiating()
        peer = self.connect(HandlerFactory(lambda: handler))
        peer.send(REQUEST)
        return peer, handler

    def test_closedAtTheStart(self):
        """
        A handler that closes before the 101 has the client told why, by a
        Close right after the 101; it never learns of an open connection.
        """
        peer, handler = self.connectTo(
            lambda handler: handler.transport.loseConnection(4000, "full"),
            "negotiationStarted",
        )

        answer = peer.takeAnswer()
        self.assertEqual(answer.status, 101)
        self.assertEqual(answer.body, b"\x88\x06\x0f\xa0full")
        peer.sendClose(4000)
        self.assertNothingIsLeft(peer)
        self.assertEqual(handler.events, [("negotiationStarted",), ("connectionLost",)])
        self.assertIsNotNone(handler.reason.check(ConnectionDone))

    def test_closedAtTheStartUnanswered(self):
        """
        A client that does not answer the Close which came with the 101 is cut
        off after the close timeout.
        """
        peer, handler = self.connectTo(
            lambda handler: handler.transport.loseConnection(), "negotiationStarted"
        )
        peer.takeAnswer()

        self.clock.advance(5)

        self.assertNothingIsLeft(peer)
        self.assertIn("closeTimeout", str(handler.reason.value))

    def test_abortedAtTheStart(self):
        """
        A handler that aborts before the 101 has the client get nothing.
        """
        peer, handler = self.connectTo(
            lambda handler: handler.transport.abortConnection(), "negotiationStarted"
        )

        self.assertEqual(peer.transport.takeData(), b"")
        self.assertNothingIsLeft(peer)
        self.assertEqual(handler.events, [("negotiationStarted",), ("connectionLost",)])

    def test_closedAtTheEnd(self):
        """
        A handler that closes as soon as the connection is open gets no message
        any more.
        """
        peer, handler = self.connectTo(
            lambda handler: handler.transport.loseConnection(4001),
            "negotiationFinished",
        )

        peer.sendFrame(Opcode.TEXT, b"late")
        self.assertEqual(peer.takeAnswer().body, b"\x88\x02\x0f\xa1")
        peer.sendClose(4001)

        self.assertNothingIsLeft(peer)
        self.assertEqual(handler.messages, [])

    def test_abortedAtTheEnd(self):
        """
        A handler that aborts as soon as the connection is open is told of its
        end once.
        """
        peer, handler = self.connectTo(
            lambda handler: handler.transport.abortConnection(), "negotiationFinished"
        )

        self.assertNothingIsLeft(peer)
        self.assertEqual(
            handler.events,
            [("negotiationStarted",), ("negotiationFinished",), ("connectionLost",)],
        )

    def test_raisesAtTheEnd(self):
        """
        A handler that fails when the connection is open has it closed with
        code 1011; the log says why.
        """

        def fail(handler: RecordingHandler) -> None:
            raise ZeroDivisionError("secret")

        peer, _ = self.connectTo(fail, "negotiationFinished")

        code = int.from_bytes(peer.takeAnswer().body[2:4], "big")
        self.assertEqual(code, CloseCode.INTERNAL_ERROR)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class _Recorded(Resource):
    """
    A page that tells what it was asked with.
    """

    isLeaf = True

    def render_GET(self, request):
        return b"got " + request.uri

    def render_POST(self, request):
        return b"posted " + request.content.read()


class _Slow(Resource):
    """
    A page that is never ready.
    """

    isLeaf = True

    def render_GET(self, request):
        return NOT_DONE_YET


class HTTPTests(ServerTestCase):
    """
    Requests that are no upgrades go to a site, if there is one.
    """

    def connectToSite(self, resource: Resource | None = None) -> RawPeer:
        """
        Connect to a server with a site.
        """
        site = Site(resource or _Recorded(), reactor=self.clock)
        return self.connect(site=site)

    def test_get(self):
        """
        A GET is answered by the site.
        """
        peer = self.connectToSite()

        peer.send(b"GET /page?x=1 HTTP/1.1\r\nHost: a\r\n\r\n")

        answer = peer.takeAnswer()
        self.assertEqual((answer.status, answer.body), (200, b"got /page?x=1"))
        self.assertEqual(self.handlers, [])

    def test_getDribbled(self):
        """
        The site gets every byte, however they come.
        """
        peer = self.connectToSite()

        peer.send(*dribble(b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n"))

        self.assertEqual(peer.takeAnswer().body, b"got /page")

    def test_post(self):
        """
        The body of a POST reaches the site whole, however it is cut: together
        with the head, after it, or in the middle of both.
        """
        head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n"
        request = head + b"hello world"
        for cut in (1, len(head) - 1, len(head), len(head) + 5, len(request)):
            peer = self.connectToSite()

            peer.send(request[:cut], request[cut:])

            self.assertEqual(peer.takeAnswer().body, b"posted hello world", cut)

    def test_keptAlive(self):
        """
        Pipelined requests, and later ones on the same connection, are all
        answered, in order.
        """
        peer = self.connectToSite()
        get = b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n"

        peer.send(get % 1 + get % 2, get % 3)
        peer.send(get % 4)

        answered = peer.transport.takeData()
        for number in range(1, 5):
            found, _, answered = answered.partition(b"got /%d" % number)
            self.assertTrue(found.startswith(b"HTTP/1.1 200 "), found)
        self.assertEqual(answered, b"")

    def test_upgradeBesideASite(self):
        """
        A server with a site accepts upgrades all the same, and refuses the bad
        ones itself.
        """
        good, bad = self.connectToSite(), self.connectToSite()

        good.send(REQUEST)
        bad.send(makeRequest(("Sec-WebSocket-Key", "short")))

        self.assertEqual(good.takeAnswer().status, 101)
        self.assertRefused(bad, 400)

    def test_siteHasItsOwnDeadlines(self):
        """
        The deadline of the opening handshake does not hold for the site.
        """
        peer = self.connectToSite(_Slow())
        peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")

        self.clock.advance(11)

        self.assertFalse(peer.isAborted)
        peer.leave()
        self.assertNothingIsLeft(peer)

    def test_siteIsToldOfTheEnd(self):
        """
        The site learns that a connection is lost.
        """
        finished: list[object] = []

        class Watching(_Slow):
            def render_GET(self, request):
                request.notifyFinish().addErrback(finished.append)
                return super().render_GET(request)

        peer = self.connectToSite(Watching())
        peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")

        peer.leave()

        self.assertEqual(len(finished), 1)

    def test_siteRefuses(self):
        """
        A site that builds no protocol leaves the refusal to the server.
        """

        class Closed(Factory):
            def buildProtocol(self, addr):
                return None

        peer = self.connect(site=Closed())

        peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")

        self.assertRefused(peer, 426)

    def test_siteIsNotAskedForWhatIsNoHTTP(self):
        """
        What cannot be read as HTTP is refused before a site sees it.
        """
        peer = self.connectToSite()

        peer.send(b"GET / HTTP/1.1\r\nX: a\rb\r\n\r\n")

        self.assertRefused(peer, 400)
