"""
Tests for L{txws.routing}.
"""

from __future__ import annotations

import sys
from types import MappingProxyType
from typing import Any, ClassVar

from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.protocols.basic import LineReceiver
from twisted.trial.unittest import SynchronousTestCase
from werkzeug.routing import BaseConverter
from zope.interface import implementer
from zope.interface.verify import verifyObject

from txws.applications import HandlerFactory
from txws.errors import BadHandshake, InvalidSetting
from txws.factories import WebSocketFactory
from txws.handlers import WebSocketHandler
from txws.interfaces import (
    IRoute,
    IStartedHandlerFactory,
    IWebSocketHandlerFactory,
    IWebSocketRouter,
)
from txws.origins import ANY_ORIGIN
from txws.policy import HandshakePolicy, KeepalivePolicy, Limits
from txws.routing import Router
from txws.testing import RecordingHandler
from txws.wire.codes import CloseCode, Opcode

from .peers import RawPeer, makeRequest
from .test_request import makeRequest as makeKnownRequest


class Teller(WebSocketHandler):
    """
    Tells what was found in its path.
    """

    def negotiationFinished(self) -> None:
        """
        Tell.
        """
        self.transport.sendTextMessage(repr(dict(self.transport.request.parameters)))


class LineEcho(LineReceiver):
    """
    Sends back lines.
    """

    def lineReceived(self, line: bytes) -> None:
        """
        Send it back.
        """
        self.sendLine(line)


class Noting(Factory):
    """
    A factory that notes how it is started and stopped.
    """

    noisy = False
    protocol = LineEcho

    def __init__(self) -> None:
        self.events: list[str] = []

    def startFactory(self) -> None:
        """
        Note it.
        """
        self.events.append("start")

    def stopFactory(self) -> None:
        """
        Note it.
        """
        self.events.append("stop")


class Upper(BaseConverter):
    """
    A converter of an application's own.
    """

    regex = "[A-Z]+"

    def to_python(self, value: str) -> str:
        """
        Break at one word.
        """
        if value == "BUG":
            raise ZeroDivisionError
        return value.lower()


@implementer(IWebSocketRouter)
class Everywhere:
    """
    A router of an application's own, with one application.
    """

    asked: ClassVar[list[str]] = []

    def findRoute(self, path: str) -> Any:
        """
        Find it.
        """
        self.asked.append(path)
        router = Router()
        router.add("/", Teller)
        return router.findRoute("/")


class RouterTestCase(SynchronousTestCase):
    """
    Serves a router.
    """

    def setUp(self):
        """
        Make it.
        """
        self.clock = Clock()
        self.router = Router()

    def serve(self, **settings: Any) -> WebSocketFactory:
        """
        Make a server.
        """
        return WebSocketFactory(self.router, clock=self.clock, **settings)

    def connect(self, target: str, *changes: tuple[str, ...], **settings) -> RawPeer:
        """
        Connect to a new server, and go through the opening handshake.
        """
        return RawPeer.upgraded(self.serve(**settings), *changes, target=target)

    def statusOf(self, request: bytes, **settings: Any) -> int:
        """
        Find the status with which a new server answers.
        """
        peer = RawPeer(self.serve(**settings))
        peer.send(request)
        return peer.takeAnswer().status

    def assertInvalid(
        self, setting: str, problem: str, method: Any, *arguments, **settings
    ) -> None:
        """
        Assert that a call is refused, with a sentence that tells the setting
        and what is wrong with it.
        """
        error = self.assertRaises(InvalidSetting, method, *arguments, **settings)
        self.assertEqual(error.setting, setting)
        self.assertIn(problem, error.problem)


class ApplicationTests(RouterTestCase):
    """
    A path leads to an application.
    """

    def test_interfaces(self):
        """
        It is a router, a handler factory, and wants to be started; what it
        finds is a route.
        """
        self.router.add("/", Teller)

        for interface in (
            IWebSocketRouter,
            IWebSocketHandlerFactory,
            IStartedHandlerFactory,
        ):
            verifyObject(interface, self.router)
        verifyObject(IRoute, self.router.findRoute("/"))

    def test_parameters(self):
        """
        A handler finds what was in its path, percent-decoded and converted.
        """
        self.router.add("/chat/<room>/<int:page>", Teller)

        peer = self.connect("/chat/caf%C3%A9%20%3C/7?page=8")

        self.assertEqual(peer.takeMessages(), ["{'room': 'café <', 'page': 7}"])

    def test_parametersNeverChange(self):
        """
        What was found in a path cannot be changed.
        """
        self.router.add("/<a>", Teller)

        route = self.router.findRoute("/b")

        assert route is not None
        self.assertIsInstance(route.parameters, MappingProxyType)

    def test_encodedSlash(self):
        """
        A percent-encoded slash is a slash, as everywhere in txws.
        """
        self.router.add("/one/<a>", Teller)
        self.router.add("/many/<path:a>", Teller)

        self.assertEqual(self.statusOf(makeRequest(target="/one/b%2Fc")), 404)
        peer = self.connect("/many/b%2fc")
        self.assertEqual(peer.takeMessages(), ["{'a': 'b/c'}"])

    def test_kinds(self):
        """
        An application is whatever a server takes: classes of handlers and of
        protocols, factories of both.
        """
        self.router.add("/handler", Teller)
        self.router.add("/handlers", HandlerFactory(Teller))
        self.router.add("/protocol", LineEcho)
        self.router.add("/protocols", Factory.forProtocol(LineEcho))

        for path in ("/handler", "/handlers"):
            self.assertEqual(self.connect(path).takeMessages(), ["{}"])
        for path in ("/protocol", "/protocols"):
            peer = self.connect(path)
            peer.sendFrame(Opcode.BINARY, b"line\r\n")
            self.assertEqual(peer.takeMessages(), [b"line\r\n"])

    def test_text(self):
        """
        A wrapped protocol may send text messages.
        """
        self.router.add("/", LineEcho, text=True)

        peer = self.connect("/")
        peer.sendFrame(Opcode.TEXT, b"line\r\n")

        self.assertEqual(peer.takeMessages(), ["line\r\n"])

    def test_decorator(self):
        """
        A class can say itself where it is, at several paths too, and stays
        what it is.
        """

        @self.router.route("/echo", text=True)
        @self.router.route("/echo/<int:times>", limits=Limits(maxMessageSize=1))
        class Echo(Protocol):
            def dataReceived(self, data: bytes) -> None:
                self.transport.write(data)

        self.assertIsInstance(Echo(), Echo)
        peer = self.connect("/echo")
        peer.sendFrame(Opcode.BINARY, b"ab")
        self.assertEqual(peer.takeMessages(), ["ab"])
        peer = self.connect("/echo/3")
        peer.sendFrame(Opcode.BINARY, b"ab")
        self.assertEqual(peer.takeCloseCode(), CloseCode.MESSAGE_TOO_BIG)

    def test_converters(self):
        """
        A router may have converters of its own.
        """
        self.router = Router(converters={"upper": Upper})
        self.router.add("/<upper:word>", Teller)

        self.assertEqual(self.connect("/WORD").takeMessages(), ["{'word': 'word'}"])
        self.assertEqual(self.statusOf(makeRequest(target="/word")), 404)

    def test_brokenConverter(self):
        """
        A converter that fails is the application's fault: 500, logged, for
        upgrades and for what is none.
        """
        self.router = Router(converters={"upper": Upper})
        self.router.add("/<upper:word>", Teller)

        for request in (
            makeRequest(target="/BUG"),
            b"GET /BUG HTTP/1.1\r\nHost: a\r\n\r\n",
        ):
            self.assertEqual(self.statusOf(request), 500)
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class StatusTests(RouterTestCase):
    """
    What HTTP says where there is no WebSocket.
    """

    def setUp(self):
        """
        Have a route.
        """
        super().setUp()
        self.router.add("/chat/<room>", RecordingHandler)

    def test_status(self):
        """
        Elsewhere the answer is 404; where there is a route it is 405 for
        methods other than GET, and 426 for a GET that is no upgrade.
        """
        for method, target, status in (
            ("GET", "/chat", 404),
            ("POST", "/chat/", 404),
            ("GET", "/chat/red/", 404),
            ("GET", "//chat/red", 404),
            ("POST", "/chat/red", 405),
            ("HEAD", "/chat/red", 405),
            ("GET", "/chat/red?a=b", 426),
        ):
            plain = f"{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
            self.assertEqual(self.statusOf(plain), status, (method, target))
            upgrade = makeRequest(method=method, target=target)
            expected = 101 if status == 426 else status
            self.assertEqual(self.statusOf(upgrade), expected, (method, target))

    def test_allow(self):
        """
        A 405 tells which method is allowed.
        """
        peer = RawPeer(self.serve())

        peer.send(b"PUT /chat/red HTTP/1.1\r\nHost: a\r\n\r\n")

        self.assertEqual(peer.takeAnswer().headers.getAll("Allow"), ["GET"])

    def test_oddPaths(self):
        """
        An odd path is answered like any other: nothing fails.
        """
        for target, status in (
            ("/", 404),
            ("//", 404),
            ("/chat//", 404),
            ("/chat/..", 101),
            ("/chat/../red", 404),
            ("/chat/%00%0A", 101),
            ("/chat/<room>", 101),
            ("/chat/%F0%9F%98%80", 101),
            ("/chat/" + "%2e" * 2000, 101),
            ("/" * 8000, 404),
        ):
            self.assertEqual(self.statusOf(makeRequest(target=target)), status, target)

    def test_empty(self):
        """
        A router without routes is nowhere.
        """
        self.router = Router()

        self.assertEqual(self.statusOf(makeRequest()), 404)


class SettingTests(RouterTestCase):
    """
    What a route has of its own counts for its connections, and the server's
    for the others.
    """

    def test_limits(self):
        """
        A route may take smaller messages than the server, or larger ones.
        """
        self.router.add("/small", RecordingHandler, limits=Limits(maxMessageSize=3))
        self.router.add("/large", RecordingHandler, limits=Limits(maxMessageSize=9))
        self.router.add("/other", RecordingHandler)

        for path, size in (("/small", 3), ("/other", 6), ("/large", 9)):
            peer = self.connect(path, limits=Limits(maxMessageSize=6))
            peer.sendFrame(Opcode.TEXT, b"a" * size)
            self.assertEqual(peer.takeFrames(), [])
            peer.sendFrame(Opcode.TEXT, b"a" * (size + 1))
            self.assertEqual(peer.takeCloseCode(), CloseCode.MESSAGE_TOO_BIG)

    def test_pending(self):
        """
        A route has its own cap for what its readers leave.
        """

        class Flood(WebSocketHandler):
            def textMessageReceived(self, message: str) -> None:
                for _ in range(3):
                    self.transport.sendBytesMessage(bytes(100_000))

        small = Limits(maxPendingSize=100_000)
        self.router.add("/small", Flood, limits=small)
        self.router.add("/other", Flood)

        for path, isClosed in (("/small", True), ("/other", False)):
            peer = self.connect(path)
            peer.sendFrame(Opcode.TEXT)
            taken = b"".join(iter(peer.transport.takeData, b""))
            self.assertEqual(
                CloseCode.POLICY_VIOLATION.to_bytes(2, "big") in taken[-40:], isClosed
            )

    def test_keepalive(self):
        """
        A route has its own intervals.
        """
        often = KeepalivePolicy(pingInterval=2, pingTimeout=1)
        self.router.add("/often", RecordingHandler, keepalive=often)
        self.router.add("/other", RecordingHandler)

        peers = [
            self.connect(path, keepalive=KeepalivePolicy(pingInterval=5))
            for path in ("/often", "/other")
        ]

        self.clock.advance(2)
        opcodes = [[frame.opcode for frame in peer.takeFrames()] for peer in peers]
        self.assertEqual(opcodes, [[Opcode.PING], []])
        self.clock.advance(1)
        self.assertEqual([peer.isAborted for peer in peers], [True, False])
        self.clock.advance(2)
        self.assertEqual(peers[1].takeFrames()[0].opcode, Opcode.PING)

    def test_origins(self):
        """
        A route has its own origins.
        """
        policy = HandshakePolicy(origins=["https://a.example"])
        self.router.add("/own", RecordingHandler, handshake=policy)
        self.router.add("/other", RecordingHandler)

        for path, origin, status in (
            ("/own", "https://a.example", 101),
            ("/own", "https://b.example", 403),
            ("/other", "https://a.example", 403),
            ("/other", "https://b.example", 101),
        ):
            request = makeRequest(("Origin", origin), target=path)
            server = HandshakePolicy(origins=["https://b.example"])
            self.assertEqual(self.statusOf(request, handshake=server), status)

    def test_headers(self):
        """
        A route has its own header fields for the 101.
        """
        policy = HandshakePolicy(headers=lambda request: [("X", request.path)])
        self.router.add("/<a>", RecordingHandler, handshake=policy)
        peer = RawPeer(self.serve())

        peer.send(makeRequest(target="/b"))

        self.assertEqual(peer.takeAnswer().headers.getAll("X"), ["/b"])

    def test_subprotocols(self):
        """
        The subprotocols are those of the route's application, unless the
        route's policy names others.
        """
        own = HandshakePolicy(subprotocols=["v3"])
        self.router.add("/a", HandlerFactory(RecordingHandler, "v1"))
        self.router.add("/b", HandlerFactory(RecordingHandler, "v2", "v1"))
        self.router.add("/c", HandlerFactory(RecordingHandler, "v1"), handshake=own)
        self.router.add("/d", RecordingHandler)

        for path, subprotocols in (
            ("/a", ["v1"]),
            ("/b", ["v2"]),
            ("/c", ["v3"]),
            ("/d", []),
        ):
            peer = RawPeer(self.serve())
            peer.send(
                makeRequest(("Sec-WebSocket-Protocol", "v1, v2, v3"), target=path)
            )
            answer = peer.takeAnswer()
            self.assertEqual(answer.status, 101)
            found = answer.headers.getAll("Sec-WebSocket-Protocol")
            self.assertEqual(found, subprotocols, path)


class BadSettingTests(RouterTestCase):
    """
    Settings that make no sense raise when the route is added, and name its
    pattern; the route is not there then.
    """

    def test_patterns(self):
        """
        A pattern that is none, or one too many.
        """
        self.router.add("/<a>", Teller)

        wrong: tuple[Any, ...] = ("", "a", "/<", "/<b>", "/<what:b>", None)
        for pattern in wrong:
            self.assertInvalid(
                "pattern", repr(pattern), self.router.add, pattern, Teller
            )
            self.assertInvalid(
                "pattern", repr(pattern), self.router.route(pattern), Teller
            )

    def test_policies(self):
        """
        Settings of the wrong kind, and those that are for a whole server.
        """
        for given, setting, problem in (
            ({"limits": 5}, "limits", "must be Limits, not 5"),
            ({"keepalive": 5}, "keepalive", "must be KeepalivePolicy, not 5"),
            ({"handshake": 5}, "handshake", "must be HandshakePolicy, not 5"),
            (
                {"limits": Limits(maxConnections=5)},
                "maxConnections",
                "counts for a whole server only",
            ),
            (
                {"handshake": HandshakePolicy(paths=["/a"])},
                "paths",
                "are for a whole server only",
            ),
            ({"text": True}, "text", "is for wrapped protocols"),
        ):
            self.assertInvalid(setting, problem, self.router.add, "/a", Teller, **given)
            self.assertInvalid(setting, "'/a'", self.router.add, "/a", Teller, **given)
            self.assertIsNone(self.router.findRoute("/a"))

    def test_applications(self):
        """
        What is no application; and a router, which is to be mounted.
        """
        self.assertInvalid("application", "'/a'", self.router.add, "/a", object())
        self.assertInvalid(
            "application", "is a router", self.router.add, "/a", Router()
        )

    def test_withoutWerkzeug(self):
        """
        Without werkzeug a router cannot be made, and it is told which extra
        brings it; everything else works.
        """
        hidden = [
            name
            for name in sys.modules
            if name.partition(".")[0] == "werkzeug" or name == "txws.patterns"
        ]
        saved = {name: sys.modules.pop(name) for name in hidden}
        self.addCleanup(sys.modules.update, saved)
        sys.modules["werkzeug"] = None  # type: ignore[assignment]  # hides it

        error = self.assertRaises(ImportError, Router)

        self.assertIn("Router needs werkzeug", str(error))
        self.assertIn("txws[routing]", str(error))


class MountTests(RouterTestCase):
    """
    A router below another one.
    """

    def setUp(self):
        """
        Mount one.
        """
        super().setUp()
        self.below = Router()
        self.router.mount("/admin", self.below)

    def test_mounted(self):
        """
        The other router is asked for what follows the prefix; handlers see the
        whole path, and what was found in its rest.
        """
        paths = []

        class Pathfinder(Teller):
            def negotiationFinished(self) -> None:
                paths.append(self.transport.request.path)
                super().negotiationFinished()

        self.below.add("/", Pathfinder)
        self.below.add("/users/<name>", Pathfinder)

        self.connect("/admin/")
        peer = self.connect("/admin/users/ada")

        self.assertEqual(peer.takeMessages(), ["{'name': 'ada'}"])
        self.assertEqual(paths, ["/admin/", "/admin/users/ada"])

    def test_rest(self):
        """
        Below the prefix only the other router counts; the prefix itself, and
        what only begins like it, is not below it.
        """
        self.router.add("/admin", Teller)
        self.router.add("/<path:rest>", Teller)
        self.below.add("/here", Teller)

        for path, status in (
            ("/admin/here", 101),
            ("/admin/there", 404),
            ("/admin/", 404),
            ("/admin//here", 404),
            ("/admin", 101),
            ("/administrator", 101),
            ("/there", 101),
        ):
            self.assertEqual(self.statusOf(makeRequest(target=path)), status, path)

    def test_settings(self):
        """
        The settings of a mounted router's routes count.
        """
        self.below.add("/", RecordingHandler, limits=Limits(maxMessageSize=1))

        peer = self.connect("/admin/")
        peer.sendFrame(Opcode.TEXT, b"ab")

        self.assertEqual(peer.takeCloseCode(), CloseCode.MESSAGE_TOO_BIG)

    def test_deeper(self):
        """
        Routers may be mounted at any depth, the same one in many places.
        """
        deep = Router()
        deep.add("/<a>", Teller)
        self.below.mount("/b/c", deep)
        self.below.mount("/d", deep)
        self.router.mount("/e", deep)

        for path in ("/admin/b/c/x", "/admin/d/x", "/e/x"):
            self.assertEqual(self.connect(path).takeMessages(), ["{'a': 'x'}"])

    def test_ownRouter(self):
        """
        Any router can be mounted.
        """
        everywhere = Everywhere()
        self.router.mount("/any", everywhere)

        self.connect("/any/where")

        self.assertEqual(everywhere.asked, ["/where"])

    def test_bad(self):
        """
        A prefix that is none, a router that is none, or one too many.
        """
        self.router.add("/chat/<room>", Teller)
        for prefix, setting, problem in (
            ("", "prefix", "must start with '/', not ''"),
            ("a", "prefix", "must start with '/', not 'a'"),
            (None, "prefix", "must start with '/', not None"),
            ("/", "prefix", "must have no '/' at its end"),
            ("/a/", "prefix", "must have no '/' at its end"),
            ("/<a>", "prefix", "no parameters, not '/<a>'"),
            ("/admin", "pattern", "'/admin/' is below '/admin'"),
            ("/admin/a", "pattern", "'/admin/a/' is below '/admin'"),
            ("/chat", "pattern", "'/chat/<room>' is below '/chat'"),
        ):
            self.assertInvalid(setting, problem, self.router.mount, prefix, Router())
        self.router.mount("/one/two", Router())
        self.assertInvalid(
            "pattern", "is below '/one'", self.router.mount, "/one", Router()
        )
        self.assertInvalid("router", "'/x'", self.router.mount, "/x", Teller)

    def test_routesBelow(self):
        """
        A route cannot be where another router is.
        """
        for pattern in ("/admin/", "/admin/a", "/admin/<a>"):
            self.assertInvalid(
                "pattern",
                f"{pattern!r} is below '/admin', where a router is mounted",
                *(self.router.add, pattern, Teller),
            )

    def test_circle(self):
        """
        A router cannot be mounted below itself, in no way.
        """
        between = Router()
        self.below.mount("/a", between)

        for router, below in (
            (self.router, self.router),
            (self.below, self.router),
            (between, self.router),
        ):
            self.assertInvalid("router", "leads back", router.mount, "/b", below)


class LifeTests(RouterTestCase):
    """
    Applications that want to know are started and stopped with the server.
    """

    def test_startedAndStopped(self):
        """
        Wrapped factories are started and stopped once, those of mounted
        routers and those with two paths too.
        """
        wrapped, mounted = Noting(), Noting()
        below = Router()
        below.add("/", mounted)
        self.router.mount("/below", below)
        self.router.mount("/any", Everywhere())
        self.router.add("/a", wrapped)
        self.router.add("/b", wrapped)
        self.router.add("/c", Teller)
        factory = self.serve()

        factory.doStart()
        self.assertEqual((wrapped.events, mounted.events), (["start"], ["start"]))
        factory.doStop()

        for noting in (wrapped, mounted):
            self.assertEqual(noting.events, ["start", "stop"])

    def test_twoServers(self):
        """
        With two servers, the last one stops them.
        """
        wrapped = Noting()
        self.router.add("/", wrapped)
        first, second = self.serve(), self.serve()

        for server in (first, second):
            server.doStart()
        first.doStop()
        self.assertEqual(wrapped.events, ["start"])
        second.doStop()

        self.assertEqual(wrapped.events, ["start", "stop"])

    def test_addedLater(self):
        """
        What is added while servers run is started then, and stopped with the
        last of them.
        """
        first, second = self.serve(), self.serve()
        wrapped, mounted = Noting(), Noting()
        below = Router()
        below.add("/", mounted)
        first.doStart()
        second.doStart()

        self.router.add("/", wrapped)
        self.router.mount("/below", below)
        self.assertEqual((wrapped.events, mounted.events), (["start"], ["start"]))
        self.assertEqual(self.connect("/below/").takeFrames(), [])
        first.doStop()
        self.assertEqual((wrapped.events, mounted.events), (["start"], ["start"]))
        second.doStop()

        for noting in (wrapped, mounted):
            self.assertEqual(noting.events, ["start", "stop"])


class HandlerFactoryTests(RouterTestCase):
    """
    A router where a handler factory is wanted.
    """

    def test_built(self):
        """
        It asks the application at the path, which sees what was found there.
        """
        asked: list[Any] = []

        class Asked(HandlerFactory):
            def buildHandler(self, request):
                asked.append(request)
                return super().buildHandler(request)

        self.router.add("/<a>", Asked(Teller))

        handler = self.router.buildHandler(makeKnownRequest(target="/b"))

        self.assertIsInstance(handler, Teller)
        self.assertEqual(dict(asked[0].parameters), {"a": "b"})

    def test_nowhere(self):
        """
        Where there is nothing, it refuses with 404.
        """
        error = self.assertRaises(
            BadHandshake, self.router.buildHandler, makeKnownRequest(target="/b")
        )

        self.assertEqual(error.status, 404)

    def test_inside(self):
        """
        A handler factory of an application's own may ask it; the origins of
        its routes hold there too.
        """

        @implementer(IWebSocketHandlerFactory)
        class Door:
            subprotocols = ()

            def __init__(self, inside: Router) -> None:
                self._inside = inside

            def buildHandler(self, request):
                return self._inside.buildHandler(request)

        policy = HandshakePolicy(origins=["https://a.example"])
        self.router.add("/", Teller, handshake=policy)
        self.router.add("/open", Teller)
        server = WebSocketFactory(
            Door(self.router),
            handshake=HandshakePolicy(origins=[ANY_ORIGIN]),
            clock=self.clock,
        )

        for target, origin, status in (
            ("/", "https://a.example", 101),
            ("/", "https://b.example", 403),
            ("/open", "https://b.example", 101),
            ("/else", "https://a.example", 404),
        ):
            peer = RawPeer(server)
            peer.send(makeRequest(("Origin", origin), target=target))
            self.assertEqual(peer.takeAnswer().status, status, target)
