"""
Tests for L{txws.negotiation}: applications that take their time to decide, and
what a router changes.  What else is decided there is tested with L{txws.server}.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from txws.applications import HandlerFactory
from txws.errors import BadHandshake, InvalidSetting
from txws.factories import WebSocketFactory
from txws.interfaces import IRoute, IWebSocketHandlerFactory, IWebSocketRouter
from txws.negotiation import ServerSettings
from txws.origins import ANY_ORIGIN
from txws.policy import HandshakePolicy, KeepalivePolicy, Limits
from txws.testing import RecordingHandler
from txws.wire.codes import Opcode

from .peers import RawPeer, makeRequest, readAnswer
from .wire.tables import frame

REQUEST = makeRequest()


class Broken(Exception):
    """
    An error of an application.
    """


@implementer(IWebSocketHandlerFactory)
class Asked:
    """
    Makes handlers when the test says so.
    """

    subprotocols = ()

    def __init__(self, build: Callable[[Any], Any]) -> None:
        self.buildHandler = build


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


class AsynchronousTests(SynchronousTestCase):
    """
    A handshake whose answer takes time.
    """

    def setUp(self) -> None:
        """
        Make an application that takes its time.
        """
        self.clock = Clock()
        self.isCancelled = False
        self.building: Deferred[Any] = Deferred(self.cancelled)
        self.handler = RecordingHandler()

    def cancelled(self, building: Deferred[Any]) -> None:
        """
        Note that the application is not asked any more.
        """
        self.isCancelled = True

    def connect(self, build: Callable[[Any], Any] | None = None) -> RawPeer:
        """
        Connect, and ask for an upgrade.
        """
        factory = WebSocketFactory(
            Asked(build or (lambda request: self.building)), clock=self.clock
        )
        peer = RawPeer(factory)
        peer.transport.receiveData(REQUEST)
        return peer

    def assertStatus(self, peer: RawPeer, status: int) -> Any:
        """
        Assert what the answer is.
        """
        answer = readAnswer(peer.transport.takeData())
        self.assertEqual(answer.status, status)
        return answer

    def assertNothingLeft(self, peer: RawPeer) -> None:
        """
        Assert that nothing is scheduled when the peer has gone.
        """
        peer.transport.lose()
        peer.transport.settle()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_deferred(self):
        """
        A handler can be built later.
        """
        peer = self.connect()
        self.assertEqual(peer.transport.takeData(), b"")
        self.building.callback(self.handler)
        self.assertStatus(peer, 101)
        peer.transport.receiveData(frame(Opcode.TEXT, b"a", isMasked=True))
        self.assertEqual(self.handler.messages, ["a"])

    def test_coroutine(self):
        """
        So can it by a coroutine.
        """

        async def build(request: Any) -> Any:
            return await self.building

        peer = self.connect(build)
        self.building.callback(self.handler)
        self.assertStatus(peer, 101)

    def test_refused(self):
        """
        It can be refused later, with a status, headers and a body.
        """
        peer = self.connect()
        self.building.errback(
            BadHandshake(
                401,
                "log in first",
                [
                    ("WWW-Authenticate", 'Basic realm="x"'),
                    ("Content-Type", "application/json"),
                ],
                b'{"error": "log in"}',
            )
        )
        answer = self.assertStatus(peer, 401)
        self.assertEqual(answer.headers.getAll("Content-Type"), ["application/json"])
        self.assertEqual(answer.body, b'{"error": "log in"}')
        self.assertNothingLeft(peer)

    def test_explained(self):
        """
        Without a body the explanation is told, as plain text.
        """
        peer = self.connect(lambda request: fail(BadHandshake(402, "pay 5 €")))
        answer = self.assertStatus(peer, 402)
        self.assertEqual(answer.body, "pay 5 €\n".encode())

    def test_nobody(self):
        """
        None refuses with 403, later as well as at once.
        """
        for build in (lambda request: None, lambda request: succeed(None)):
            self.assertStatus(self.connect(build), 403)

    def test_broken(self):
        """
        An error is logged, and told as 500.
        """
        with capturedLogs() as logs:
            peer = self.connect()
            self.building.errback(Broken())
        self.assertStatus(peer, 500)
        self.assertEqual(len(self.flushLoggedErrors(Broken)), 1)
        (event,) = [event for event in logs if "log_failure" in event]
        self.assertIn("192.0.2.2", formatEvent(event))

    def test_tooLong(self):
        """
        The deadline of the handshake holds for the application, too: the
        answer is 503.
        """
        peer = self.connect()
        self.clock.advance(9.9)
        self.assertEqual(peer.transport.takeData(), b"")
        self.clock.advance(0.2)
        self.assertTrue(self.isCancelled)
        self.assertStatus(peer, 503)
        self.assertEqual(self.flushLoggedErrors(), [])
        self.assertNothingLeft(peer)

    def test_tooLongAndDeaf(self):
        """
        A peer that then does not go is aborted.
        """
        peer = self.connect()
        self.clock.advance(10)
        self.clock.advance(5)
        peer.transport.settle()
        self.assertTrue(peer.transport.isLost)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_peerGoes(self):
        """
        When the peer goes, the application is not asked any more.
        """
        peer = self.connect()
        self.assertNothingLeft(peer)
        self.assertTrue(self.isCancelled)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_peerGoesAndTheApplicationGoesOn(self):
        """
        A handler that is built then is not started.
        """
        canceller: Deferred[Any] = Deferred(lambda it: it.callback(self.handler))
        peer = self.connect(lambda request: canceller)
        self.assertNothingLeft(peer)
        self.assertEqual(self.handler.events, [])

    def test_earlyData(self):
        """
        A client that does not wait for the answer is refused.
        """
        peer = self.connect()
        peer.transport.receiveData(frame(Opcode.TEXT, b"a", isMasked=True))
        self.assertTrue(self.isCancelled)
        self.assertStatus(peer, 400)
        self.assertNothingLeft(peer)

    def test_start(self):
        """
        A handler can take its time to start, as well.
        """
        handler = SlowStart()
        peer = self.connect(lambda request: handler)
        self.assertEqual(peer.transport.takeData(), b"")
        handler.transport.sendTextMessage("first")
        handler.starting.callback(None)
        answer = self.assertStatus(peer, 101)
        self.assertEqual(answer.body, b"\x81\x05first")
        self.assertEqual(
            handler.events, [("negotiationStarted",), ("negotiationFinished",)]
        )

    def test_startRefuses(self):
        """
        And it can refuse.
        """
        handler = SlowStart()
        peer = self.connect(lambda request: handler)
        handler.starting.errback(BadHandshake(402, "pay first"))
        self.assertStatus(peer, 402)
        self.assertNothingLeft(peer)
        self.assertEqual(handler.events, [("negotiationStarted",)])

    def test_peerGoesMeanwhile(self):
        """
        If the peer goes before it has started, it is not told of an end.
        """
        handler = SlowStart()
        peer = self.connect(lambda request: handler)
        self.assertNothingLeft(peer)
        self.assertTrue(handler.isCancelled)
        self.assertEqual(handler.events, [("negotiationStarted",)])

    def test_peerGoesAndTheHandlerStarts(self):
        """
        If it starts nevertheless, it is told.
        """
        handler = SlowStart()
        handler.starting = Deferred(lambda starting: starting.callback(None))
        peer = self.connect(lambda request: handler)
        self.assertNothingLeft(peer)
        self.assertEqual(handler.events[0], ("negotiationStarted",))
        self.assertEqual(handler.events[-1][0], "connectionLost")
        self.assertEqual(len(handler.events), 2)

    def test_refusedAndTheHandlerStarts(self):
        """
        If it starts although the handshake is refused, it is told, and a peer that
        does not go is aborted all the same.
        """
        handler = SlowStart()
        handler.starting = Deferred(lambda starting: starting.callback(None))
        peer = self.connect(lambda request: handler)
        peer.transport.receiveData(frame(Opcode.TEXT, b"a", isMasked=True))
        self.assertStatus(peer, 400)
        self.assertEqual(handler.events[-1][0], "connectionLost")
        self.clock.advance(4)
        peer.transport.settle()
        self.assertFalse(peer.transport.isLost)
        self.clock.advance(1)
        peer.transport.settle()
        self.assertTrue(peer.transport.isLost)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_closeAll(self):
        """
        A server that stops does not wait for the application.
        """
        factory = WebSocketFactory(
            Asked(lambda request: self.building), clock=self.clock
        )
        peer = RawPeer(factory)
        peer.transport.receiveData(REQUEST)
        gone = factory.closeAll()
        peer.transport.settle()
        self.successResultOf(gone)
        self.assertTrue(self.isCancelled)


class HeaderTests(SynchronousTestCase):
    """
    Further headers of the 101.
    """

    def connect(self, headers: Any) -> Any:
        """
        Get the answer to an upgrade.
        """
        factory = WebSocketFactory(
            Asked(lambda request: RecordingHandler()),
            handshake=HandshakePolicy(headers=headers),
            clock=Clock(),
        )
        peer = RawPeer(factory)
        peer.transport.receiveData(REQUEST)
        return readAnswer(peer.transport.takeData())

    def test_fields(self):
        """
        Header fields can be added.
        """
        answer = self.connect([("Set-Cookie", "id=1"), ("Set-Cookie", "b=2")])
        self.assertEqual(answer.status, 101)
        self.assertEqual(answer.headers.getAll("Set-Cookie"), ["id=1", "b=2"])

    def test_function(self):
        """
        They may depend on the request.
        """
        answer = self.connect(lambda request: [("X-Path", request.path)])
        self.assertEqual(answer.headers.getAll("X-Path"), ["/"])

    def test_invalid(self):
        """
        What cannot be sent, or would break the handshake, is refused at once.
        """
        for headers in (
            [("X", "a\r\nb")],
            [("Bad Name", "a")],
            [("Upgrade", "x")],
            [("Sec-WebSocket-Protocol", "x")],
            [("X",)],
            "X: a",
            3,
        ):
            found: Any = headers
            error = self.assertRaises(InvalidSetting, HandshakePolicy, headers=found)
            self.assertEqual(error.setting, "headers")

    def test_invalidFunction(self):
        """
        A function that returns such is logged, and the handshake refused.
        """
        for result in ([("X", "a\nb")], [("Connection", "close")], None):
            answer = self.connect(lambda request, result=result: result)
            self.assertEqual(answer.status, 500)
            self.assertEqual(len(self.flushLoggedErrors(ValueError, TypeError)), 1)


@implementer(IRoute)
@dataclass
class Route:
    """
    A route of an application's own.
    """

    handlerFactory: IWebSocketHandlerFactory
    parameters: Mapping[str, object] = field(default_factory=dict)
    limits: Limits | None = None
    keepalive: KeepalivePolicy | None = None
    handshake: HandshakePolicy | None = None


@implementer(IWebSocketHandlerFactory, IWebSocketRouter)
class Table:
    """
    A router of an application's own.
    """

    subprotocols = ()

    def __init__(self, **routes: Route | Exception) -> None:
        self._routes = routes

    def findRoute(self, path: str) -> Route | None:
        """
        Look a path up, or fail.
        """
        found = self._routes.get(path[1:])
        if isinstance(found, Exception):
            raise found
        return found

    def buildHandler(self, request: object) -> None:
        """
        Refuse: this is for those who do not know of routes.
        """


class RouteTestCase(SynchronousTestCase):
    """
    Has an application, and a server's settings.
    """

    def setUp(self):
        """
        Make them.
        """
        self.application = HandlerFactory(RecordingHandler, "v1")
        self.settings = ServerSettings(
            handlerFactory=self.application,
            limits=Limits(maxMessageSize=1),
            keepalive=KeepalivePolicy(pingInterval=1),
            handshake=HandshakePolicy(origins=["null"]),
            extensions=(),
            clock=Clock(),
            logsFrames=False,
        )

    def serve(self, *paths: str, **routes: Any) -> ServerSettings:
        """
        Make the settings of a server that has a router.

        @param paths: the only ones that the server has, if there are any.
        """
        handshake = replace(self.settings.handshake, paths=paths or None)
        return replace(
            self.settings, handlerFactory=Table(**routes), handshake=handshake
        )

    def assertStatus(self, status: int, method: Any, *arguments: object) -> None:
        """
        Assert that asking is refused.
        """
        refusal = self.assertRaises(BadHandshake, method, *arguments)
        self.assertEqual(refusal.status, status)


class AtTests(RouteTestCase):
    """
    The settings at a path.
    """

    def test_withoutRouter(self):
        """
        What is no router is at every path, and finds nothing in it.
        """
        settings, parameters = self.settings.at("/any/where")

        self.assertIs(settings, self.settings)
        self.assertEqual(parameters, {})

    def test_defaults(self):
        """
        A route that says no more than what is there has the settings of the
        server.
        """
        served = self.serve(chat=Route(self.application, {"room": "red"}))

        settings, parameters = served.at("/chat")

        self.assertEqual(settings, self.settings)
        self.assertEqual(parameters, {"room": "red"})

    def test_own(self):
        """
        What a route has of its own counts instead of the server's.
        """
        own = Route(
            self.application,
            limits=Limits(maxMessageSize=2),
            keepalive=KeepalivePolicy(pingInterval=2),
            handshake=HandshakePolicy(origins=[ANY_ORIGIN]),
        )

        settings, _ = self.serve(chat=own).at("/chat")

        self.assertIs(settings.handlerFactory, self.application)
        self.assertIs(settings.limits, own.limits)
        self.assertIs(settings.keepalive, own.keepalive)
        self.assertIs(settings.handshake, own.handshake)

    def test_unknown(self):
        """
        Where there is nothing, the answer is 404.
        """
        self.assertStatus(404, self.serve(chat=Route(self.application)).at, "/else")

    def test_paths(self):
        """
        The paths of the server hold for the routes too, also for those with
        a policy of their own, unless that names paths itself.
        """
        plain = Route(self.application)
        open_ = replace(plain, handshake=HandshakePolicy(origins=[ANY_ORIGIN]))
        own = replace(plain, handshake=HandshakePolicy(paths=["/c"]))
        served = self.serve("/a", a=plain, b=open_, c=own)

        self.assertEqual(served.at("/a")[0].handshake.paths, ("/a",))
        handshake = served.at("/b")[0].handshake
        self.assertEqual(handshake.paths, ("/a",))
        self.assertEqual(handshake.origins, (ANY_ORIGIN,))
        self.assertEqual(served.at("/c")[0].handshake.paths, ("/c",))

    def test_failure(self):
        """
        A router that fails is an application that fails: that is logged, and
        the answer is 500, unless it says which one.
        """
        served = self.serve(bug=ZeroDivisionError(), busy=BadHandshake(503, "busy"))

        self.assertStatus(500, served.at, "/bug")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertStatus(503, served.at, "/busy")


class HasPathTests(RouteTestCase):
    """
    Whether there may be a WebSocket at a path.
    """

    def test_withoutRouter(self):
        """
        Without a router the paths of the policy count, or all.
        """
        self.assertTrue(self.settings.hasPath("/any/where"))
        handshake = HandshakePolicy(paths=["/a"])
        settings = replace(self.settings, handshake=handshake)
        self.assertTrue(settings.hasPath("/a"))
        self.assertFalse(settings.hasPath("/b"))

    def test_router(self):
        """
        With a router its routes count.
        """
        served = self.serve(chat=Route(self.application))

        self.assertTrue(served.hasPath("/chat"))
        self.assertFalse(served.hasPath("/else"))

    def test_both(self):
        """
        A path has to be known to the policy and to the router.
        """
        route = Route(self.application)
        served = self.serve("/a", "/c", a=route, b=route)

        self.assertEqual(
            [served.hasPath(path) for path in ("/a", "/b", "/c")],
            [True, False, False],
        )

    def test_failure(self):
        """
        A router that fails cannot say no; the answer is 500.
        """
        served = self.serve(bug=ZeroDivisionError())

        self.assertStatus(500, served.hasPath, "/bug")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
