"""
Tests for L{txws.negotiation}: what a router changes.  What else is decided
there is tested with L{txws.server}.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from txws.errors import BadHandshake
from txws.factories import HandlerFactory
from txws.interfaces import IRoute, IWebSocketHandlerFactory, IWebSocketRouter
from txws.negotiation import ServerSettings
from txws.policy import ANY_ORIGIN, HandshakePolicy, KeepalivePolicy, Limits
from txws.testing import RecordingHandler


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
