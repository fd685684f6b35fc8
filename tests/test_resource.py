"""
Tests for L{txws.resource}.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import IRealm, Portal
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.guard import BasicCredentialFactory, HTTPAuthSessionWrapper
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request, Site
from twisted.web.static import File
from twisted.web.test.requesthelper import DummyChannel
from twisted.web.util import DeferredResource
from zope.interface import implementer
from zope.interface.verify import verifyObject

from txws.applications import HandlerFactory
from txws.demo import Echo
from txws.errors import InvalidSetting
from txws.factories import WebSocketFactory
from txws.interfaces import IRoute, IWebSocketHandlerFactory, IWebSocketRouter
from txws.resource import WebSocketResource, makePageSite
from txws.wire.codes import Opcode

from .peers import Answer, RawPeer, makeRequest, useMemoryReactor

PAGE = "<!doctype html><title>ä</title>".encode()


class PageTests(SynchronousTestCase):
    """
    A site of one page stands beside WebSockets.
    """

    def setUp(self):
        """
        Make a server.
        """
        self.clock = Clock()
        self.factory = WebSocketFactory(
            Echo, site=makePageSite(PAGE, self.clock), clock=self.clock
        )

    def ask(self, method: str, target: str) -> Answer:
        """
        Ask by plain HTTP.
        """
        peer = RawPeer(self.factory)
        peer.send(f"{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        return peer.takeAnswer()

    def test_page(self):
        """
        The page is at C{/}, as HTML in UTF-8.
        """
        answer = self.ask("GET", "/")

        self.assertEqual((answer.status, answer.body), (200, PAGE))
        self.assertEqual(answer.headers.get("Content-Type"), "text/html; charset=utf-8")

    def test_query(self):
        """
        A query changes nothing.
        """
        self.assertEqual(self.ask("GET", "/?x=1").body, PAGE)

    def test_head(self):
        """
        HEAD gets the length of the page, and not the page.
        """
        answer = self.ask("HEAD", "/")

        self.assertEqual((answer.status, answer.body), (200, b""))
        self.assertEqual(answer.headers.get("Content-Length"), str(len(PAGE)))

    def test_nothingElse(self):
        """
        Nothing else is there, and nothing can be sent there.
        """
        for method, target, status in (
            ("GET", "/index.html", 404),
            ("GET", "//", 404),
            ("GET", "/../etc/passwd", 404),
            ("POST", "/", 405),
        ):
            self.assertEqual(self.ask(method, target).status, status, target)

    def test_body(self):
        """
        Whoever sends a body is disconnected when it begins: nobody reads it,
        and kept it would fill the disk.
        """
        for header, chunk in (
            (b"Content-Length: 1000000000000", bytes(1000)),
            (b"Content-Length: 1", b"a"),
            (b"Transfer-Encoding: chunked", b"3e8\r\n" + bytes(1000) + b"\r\n"),
        ):
            peer = RawPeer(self.factory)
            peer.send(b"POST / HTTP/1.1\r\nHost: a\r\n" + header + b"\r\n\r\n")

            peer.send(chunk)
            peer.transport.takeData()

            self.assertTrue(peer.isAborted, header)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_oneAnswer(self):
        """
        A connection gets one answer, which says that it is the last: a peer
        that goes on asking without reading makes the server keep no more.
        """
        for version in (b"1.1", b"1.0"):
            peer = RawPeer(self.factory)

            peer.send(b"GET / HTTP/%s\r\nHost: a\r\n\r\n" % version * 1000)
            peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 1000)

            answer = peer.takeAnswer()
            self.assertEqual(answer.body, PAGE)
            self.assertEqual(answer.headers.get("Connection"), "close")
            self.assertTrue(peer.isAborted)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_deafBrowser(self):
        """
        A browser that does not take its answer is given up, by the clock that
        was given.
        """
        peer = RawPeer(self.factory)
        peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")

        self.clock.pump([1] * 60)
        self.assertFalse(peer.transport.isLost)
        self.clock.pump([1] * 60)

        self.assertTrue(peer.isAborted)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_webSocketsBesideIt(self):
        """
        WebSockets are served all the same, on the same path.
        """
        peer = RawPeer(self.factory)
        peer.send(makeRequest())
        self.assertEqual(peer.takeAnswer().status, 101)

        peer.sendFrame(Opcode.TEXT, b"hello")

        self.assertEqual(peer.takeMessages(), ["hello"])


class TreeTests(SynchronousTestCase):
    """
    A WebSocket is anywhere in a tree of resources.
    """

    def setUp(self):
        """
        Nothing has happened yet.
        """
        self.clock = Clock()
        self.root = Resource()
        self.site = Site(self.root, reactor=self.clock)

    def upgrade(self, target: str, *changes: tuple[str, ...]) -> RawPeer:
        """
        Ask for an upgrade.
        """
        peer = RawPeer(self.site)
        peer.send(makeRequest(*changes, target=target))
        return peer

    def assertEchoes(self, peer: RawPeer) -> None:
        """
        Assert that a peer is connected to an echo.
        """
        self.assertEqual(peer.takeAnswer().status, 101)
        peer.sendFrame(Opcode.TEXT, b"hello")
        self.assertEqual(peer.takeMessages(), ["hello"])
        peer.leave()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_resource(self):
        """
        It is a resource in Twisted's sense.
        """
        verifyObject(IResource, WebSocketResource(Echo))

    def test_besideFiles(self):
        """
        It stands next to files, and has nothing below it.
        """
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "page.html").write_bytes(PAGE)
        self.root.putChild(b"static", File(str(folder)))
        self.root.putChild(b"ws", WebSocketResource(Echo, clock=self.clock))

        self.assertEchoes(self.upgrade("/ws"))
        self.assertEqual(self.upgrade("/ws/below").takeAnswer().status, 404)
        peer = RawPeer(self.site)
        peer.send(b"HEAD /static/page.html HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = peer.takeAnswer()
        self.assertEqual(answer.headers.get("Content-Length"), str(len(PAGE)))

    def test_applications(self):
        """
        It takes whatever a factory takes.
        """

        class Twisteds:
            def buildProtocol(self, request):
                test.assertEqual(request.path, b"/ws")
                return Echo()

        class Lines(Protocol):
            def dataReceived(self, data: bytes) -> None:
                self.transport.write(data)

        class Undeclared:
            def negotiationStarted(self, transport) -> None:
                self.transport = transport

            def textMessageReceived(self, message: str) -> None:
                self.transport.sendTextMessage(message)

            def ignore(self, *arguments) -> None:
                pass

            negotiationFinished = bytesMessageReceived = ignore
            pongReceived = connectionLost = ignore

        test = self
        applications: tuple[tuple[Any, bool], ...] = (
            (Echo, False),
            (Undeclared, False),
            (HandlerFactory(Echo), False),
            (Twisteds(), False),
            (Lines, True),
            (Factory.forProtocol(Lines), True),
        )
        for application, text in applications:
            self.root.putChild(
                b"ws", WebSocketResource(application, text, clock=self.clock)
            )

            self.assertEchoes(self.upgrade("/ws"))

    def test_noApplication(self):
        """
        What is no application, or no setting, is told at once.
        """
        self.assertRaises(InvalidSetting, WebSocketResource, object())
        self.assertRaises(InvalidSetting, WebSocketResource, type("A", (), {}))
        self.assertRaises(InvalidSetting, WebSocketResource, Echo, text=True)
        self.assertRaises(InvalidSetting, WebSocketResource, Echo, limits=1)

    def test_wrappedFactoryIsStarted(self):
        """
        A wrapped factory is started once, when it is first needed.
        """
        started: list[object] = []
        factory: Any = Factory.forProtocol(Protocol)
        factory.startFactory = lambda: started.append(factory)
        self.root.putChild(b"ws", WebSocketResource(factory, clock=self.clock))
        self.assertEqual(started, [])

        for _ in range(2):
            self.upgrade("/ws").leave()

        self.assertEqual(started, [factory])

    def test_reactor(self):
        """
        Without a clock it is the reactor that schedules.
        """
        reactor = useMemoryReactor(self)
        self.root.putChild(b"ws", WebSocketResource(Echo))

        self.upgrade("/ws")

        self.assertEqual(len(reactor.getDelayedCalls()), 1)

    def test_router(self):
        """
        A router is asked for the rest of the path, also by those who ask for a
        page; its parameters are told.
        """
        router = _Router()
        self.root.putChild(b"ws", WebSocketResource(router, clock=self.clock))

        for target, path in (
            ("/ws", "/"),
            ("/ws/", "/"),
            ("/ws/caf%C3%A9?x=1", "/café"),
            ("/ws/a//b", "/a//b"),
        ):
            self.assertEchoes(self.upgrade(target))
            self.assertEqual(router.paths, [path])
            router.paths.clear()
        self.assertEqual(router.built[-1].parameters, {"path": "/a//b"})
        self.assertEqual(router.built[-1].path, "/ws/a//b")
        self.assertEqual(self.upgrade("/ws/none").takeAnswer().status, 404)
        for target, status in (("/ws/none", 404), ("/ws/some", 426)):
            peer = RawPeer(self.site)
            peer.send(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            self.assertEqual(peer.takeAnswer().status, status)
        for target, status in (("/ws/none", 404), ("/ws/some", 405)):
            peer = RawPeer(self.site)
            peer.send(makeRequest(method="POST", target=target))
            self.assertEqual(peer.takeAnswer().status, status)

    def test_guarded(self):
        """
        Behind a guard it is for those who log in, and they are logged out when
        their connection ends.
        """
        loggedOut: list[bytes] = []

        @implementer(IRealm)
        class Realm:
            def requestAvatar(self, avatarId, mind, *interfaces):
                return (
                    IResource,
                    WebSocketResource(Echo, clock=clock),
                    lambda: loggedOut.append(avatarId),
                )

        clock = self.clock
        checker = InMemoryUsernamePasswordDatabaseDontUse(alice=b"secret")
        guard = HTTPAuthSessionWrapper(
            Portal(Realm(), [checker]), [BasicCredentialFactory(b"example.com")]
        )
        self.root.putChild(b"ws", guard)
        good, bad = (
            f"Basic {b64encode(word).decode()}" for word in (b"alice:secret", b"eve:x")
        )

        for changes in ((), (("Authorization", bad),)):
            peer = self.upgrade("/ws", *changes)
            self.assertEqual(peer.takeAnswer().status, 401)
            peer.leave()
        peer = self.upgrade("/ws", ("Authorization", good))
        self.assertEqual(loggedOut, [])
        self.assertEchoes(peer)
        self.assertEqual(loggedOut, [b"alice"])

    def test_slowGuard(self):
        """
        A client that does not wait for a guard is refused.
        """
        found: Deferred[IResource] = Deferred()
        self.root.putChild(b"ws", DeferredResource(found))
        peer = self.upgrade("/ws")
        peer.sendFrame(Opcode.TEXT, b"hello")

        found.callback(WebSocketResource(Echo, clock=self.clock))

        self.assertEqual(peer.takeAnswer().status, 400)

    def test_proxied(self):
        """
        What the program knows better about a request counts: the address of
        the client, and whether it is encrypted up to a proxy.
        """
        peers: list[object] = []

        class Proxied(Request):
            def getClientAddress(self):
                return IPv4Address("TCP", "198.51.100.7", 0)

            def process(self):
                self.setHost(b"example.org", 443, ssl=True)
                super().process()

        class Watching(Echo):
            def negotiationFinished(self):
                asked: Any = self.transport.request
                peers.append((asked.peer.host, asked.url))

        self.site.requestFactory = Proxied
        self.root.putChild(b"ws", WebSocketResource(Watching, clock=self.clock))

        peer = self.upgrade("/ws", ("Origin", "https://example.org"))

        self.assertEchoes(peer)
        self.assertEqual(peers, [("198.51.100.7", "wss://example.org/ws")])

    def test_http2(self):
        """
        A request by HTTP/2 is refused, and says what is spoken here.
        """
        self.root.putChild(b"ws", WebSocketResource(Echo, clock=self.clock))
        request = self.makeOddRequest(b"HTTP/2")

        self.site.getResourceFor(request).render(request)

        self.assertEqual(request.code, 505)
        written = request.channel.transport.written.getvalue()
        self.assertIn(b"HTTP/1.1 here\n", written)
        self.assertNotIn(b"Connection", written)

    def makeOddRequest(self, version: bytes) -> Any:
        """
        Make a request as a channel of another version does.
        """
        channel: Any = DummyChannel()
        channel.site = self.site
        channel.requestDone = lambda request: None
        request: Any = Request(channel)
        request.gotLength(0)
        request.method, request.uri, request.path = b"GET", b"/ws", b"/ws"
        request.clientproto = version
        request.prepath, request.postpath = [], [b"ws"]
        request.finish = lambda: None
        return request


class KleinTests(SynchronousTestCase):
    """
    A WebSocket is a route of an application of Klein's.
    """

    try:
        import klein
    except ImportError:
        skip = "Klein is not installed: pip install klein"

    def setUp(self):
        """
        Make an application with a page, a WebSocket, and one that is found
        later.
        """
        self.clock = Clock()
        app: Any = self.klein.Klein()
        self.resource = WebSocketResource(Echo, clock=self.clock)
        self.later: Deferred[IResource] = Deferred()
        for path, endpoint, found in (
            ("/", "page", "a page"),
            ("/ws", "socket", self.resource),
            ("/later", "later", self.later),
        ):
            app.route(path, endpoint=endpoint)(lambda request, found=found: found)
        router = WebSocketResource(_Router(), clock=self.clock)
        app.route("/routed", endpoint="routed", branch=True)(lambda request: router)
        self.site = Site(app.resource(), reactor=self.clock)

    def check(self, peer: RawPeer) -> None:
        """
        Check that a peer is connected, and that nothing is left of it.
        """
        self.assertEqual(peer.takeAnswer().status, 101)
        peer.sendFrame(Opcode.TEXT, b"hello")
        self.assertEqual(peer.takeMessages(), ["hello"])
        peer.sendClose(1000)
        self.assertEqual(peer.takeCloseCode(), 1000)
        peer.transport.settle()
        self.assertTrue(peer.transport.isLost)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_routes(self):
        """
        It is at its route, or below it, and pages are elsewhere.
        """
        for target in ("/ws", "/routed/a/b"):
            peer = RawPeer(self.site)
            peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertIn(b"a page", peer.transport.takeData())

            peer.send(makeRequest(target=target))

            self.check(peer)

    def test_later(self):
        """
        Its route may return a Deferred.
        """
        peer = RawPeer(self.site)
        peer.send(makeRequest(target="/later"))
        self.assertEqual(peer.transport.takeData(), b"")

        self.later.callback(self.resource)

        self.check(peer)

    def test_refused(self):
        """
        Refusals are answered by HTTP, once.
        """
        peer = RawPeer(self.site)

        peer.send(b"GET /ws HTTP/1.1\r\nHost: a\r\n\r\n")

        self.assertEqual(peer.takeAnswer().status, 426)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_cut(self):
        """
        A connection that is cut ends without an error.
        """
        peer = RawPeer.upgraded(self.site, target="/ws")

        peer.transport.lose(ConnectionLost())
        peer.transport.settle()

        self.assertEqual(list(self.resource.connections), [])
        self.assertEqual(self.flushLoggedErrors(), [])


@implementer(IRoute)
@dataclass(frozen=True)
class _Route:
    """
    What is at a path.
    """

    handlerFactory: Any
    parameters: Any
    limits: Any = None
    keepalive: Any = None
    handshake: Any = None


@implementer(IWebSocketHandlerFactory, IWebSocketRouter)
class _Router:
    """
    Has an echo at each path but one.
    """

    subprotocols = ()

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.built: list[Any] = []

    def findRoute(self, path: str):
        """
        Note the path.
        """
        self.paths.append(path)
        return None if path == "/none" else _Route(self, {"path": path})

    def buildHandler(self, request):
        """
        Note the request.
        """
        self.built.append(request)
        return Echo()
