"""
Many applications behind one door: which one a client gets is said by the path
that it asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from zope.interface import implementer

from .applications import Application, handlerFactoryFor
from .errors import BadHandshake, InvalidSetting
from .interfaces import (
    IRoute,
    IStartedHandlerFactory,
    IWebSocketHandlerFactory,
    IWebSocketRequest,
    IWebSocketRouter,
)
from .policy import HandshakePolicy, KeepalivePolicy, Limits, checkPolicies
from .request import WebSocketRequest

if TYPE_CHECKING:
    from .patterns import Patterns

__all__ = ["Route", "Router"]

_ApplicationT = TypeVar("_ApplicationT", bound=Application)


@implementer(IRoute)
@dataclass(frozen=True)
class Route:
    """
    What is at a path.

    See L{IRoute} for what its attributes mean.
    """

    handlerFactory: IWebSocketHandlerFactory
    limits: Limits | None
    keepalive: KeepalivePolicy | None
    handshake: HandshakePolicy | None
    parameters: Mapping[str, object] = field(default_factory=dict)


@implementer(IWebSocketRouter, IWebSocketHandlerFactory, IStartedHandlerFactory)
class Router:
    """
    Finds the application for a path by patterns such as C{/chat/<room>}, and
    the parameters in it for C{transport.request.parameters}.

    A parameter is C{<name>} or C{<converter:name>}, where the converter is one
    of werkzeug's: C{string}, C{int}, C{float}, C{any}, C{uuid}, C{path}.  The
    path is percent-decoded before, and has to match from its first to its
    last character: C{/chat/} is not C{/chat}.

    Of several patterns that match, the most specific one counts, whichever was
    added first; two of which neither is more specific are an error.

    @cvar subprotocols: none: those of the applications count.
    """

    subprotocols = ()

    def __init__(self, converters: Mapping[str, type[Any]] | None = None) -> None:
        """
        @param converters: further ones by their names in patterns, subclasses
            of C{werkzeug.routing.BaseConverter}.
        @raise ImportError: if werkzeug is not there, which the extra
            C{txws[routing]} installs.
        @raise InvalidSetting: if the converters are none.
        """
        try:
            from .patterns import Patterns
        except ImportError as error:
            raise ImportError(
                "Router needs werkzeug: python -m pip install 'txws[routing]'",
                name=error.name,
            ) from error
        self._patterns: Patterns[Route] = Patterns(converters or {})
        self._routes: dict[str, Route] = {}
        self._mounted: dict[str, IWebSocketRouter] = {}
        # How many servers have started it.
        self._starts = 0

    def add(
        self,
        pattern: str,
        application: Application,
        *,
        text: bool = False,
        limits: Limits | None = None,
        keepalive: KeepalivePolicy | None = None,
        handshake: HandshakePolicy | None = None,
    ) -> None:
        """
        Say what is at the paths that a pattern matches.

        @param pattern: starts with C{/}.
        @param application: see
            L{handlerFactoryFor<txws.applications.handlerFactoryFor>}.
        @param text: have a wrapped protocol send text messages.
        @param limits: how much a peer may make this side keep; L{None} for
            the server's.  Those of the opening handshake are the server's
            anyway: the path is not known before.
        @param keepalive: how long to wait; L{None} for the server's.  Its
            C{handshakeTimeout} is the server's anyway.
        @param handshake: which origins and subprotocols are accepted; L{None}
            for the server's.
        @raise InvalidSetting: if one of them makes no sense, or the pattern
            matches the same paths as another one.
        """
        try:
            _checkRoute(limits, keepalive, handshake)
            if IWebSocketRouter.providedBy(application):
                raise InvalidSetting("application", "is a router, to be mounted")
            factory = handlerFactoryFor(application, text)
        except InvalidSetting as error:
            raise InvalidSetting(
                error.setting, f"{error.problem}, at {pattern!r}"
            ) from None
        route = Route(factory, limits, keepalive, handshake)
        for prefix in self._mounted:
            _checkBelow(pattern, prefix)
        self._patterns.add(pattern, route)
        self._routes[pattern] = route
        self._startLate(factory)

    def route(
        self,
        pattern: str,
        *,
        text: bool = False,
        limits: Limits | None = None,
        keepalive: KeepalivePolicy | None = None,
        handshake: HandshakePolicy | None = None,
    ) -> Callable[[_ApplicationT], _ApplicationT]:
        """
        Decorate an application that is at the paths that a pattern matches.
        The parameters are those of L{add}.

        @return: what adds an application, and returns it as it is.
        """

        def decorate(application: _ApplicationT) -> _ApplicationT:
            self.add(
                pattern,
                application,
                text=text,
                limits=limits,
                keepalive=keepalive,
                handshake=handshake,
            )
            return application

        return decorate

    def mount(self, prefix: str, router: IWebSocketRouter) -> None:
        """
        Leave all paths that begin with a prefix and C{/} to another router,
        which is asked for what follows the prefix.

        @param prefix: such as C{/admin}.
        @param router: the other router.
        @raise InvalidSetting: if one of them makes no sense, if another prefix
            or a pattern is below this one, or if the other router leads back
            to this one.
        """
        _checkPrefix(prefix)
        if not IWebSocketRouter.providedBy(router):
            raise InvalidSetting(
                "router",
                f"must provide IWebSocketRouter, not {router!r}, at {prefix!r}",
            )
        if isinstance(router, Router) and router._leadsTo(self):
            raise InvalidSetting("router", f"leads back to this one, at {prefix!r}")
        for other in self._mounted:
            _checkBelow(f"{prefix}/", other)
            _checkBelow(f"{other}/", prefix)
        for pattern in self._routes:
            _checkBelow(pattern, prefix)
        self._mounted[prefix] = router
        self._startLate(router)

    def findRoute(self, path: str) -> IRoute | None:
        """
        See L{IWebSocketRouter}.
        """
        for prefix, router in self._mounted.items():
            if path.startswith(f"{prefix}/"):
                return router.findRoute(path[len(prefix) :])
        found = self._patterns.find(path)
        if found is None:
            return None
        route, parameters = found
        return replace(route, parameters=MappingProxyType(parameters))

    def buildHandler(self, request: IWebSocketRequest) -> Any:
        """
        Build a handler, for those who know nothing of routes.  The origins of
        the route count here too; its other settings are for a server to apply.

        @raise BadHandshake: with 404 if there is nothing at this path.
        """
        route = self.findRoute(request.path)
        if route is None:
            raise BadHandshake(404, "no WebSocket at this path")
        if route.handshake is not None:
            route.handshake.checkRequest(request)
        known = replace(cast(WebSocketRequest, request), parameters=route.parameters)
        return route.handlerFactory.buildHandler(known)

    def doStart(self) -> None:
        """
        Start the applications that want to know.
        """
        self._starts += 1
        for factory in self._factoriesBelow():
            factory.doStart()

    def doStop(self) -> None:
        """
        Stop the applications that want to know.
        """
        self._starts -= 1
        for factory in self._factoriesBelow():
            factory.doStop()

    def _factoriesBelow(self) -> Iterator[IStartedHandlerFactory]:
        """
        Find the applications that want to know when they are served.
        """
        routes = tuple(self._routes.values())
        for factory in (*(r.handlerFactory for r in routes), *self._mounted.values()):
            if IStartedHandlerFactory.providedBy(factory):
                yield factory

    def _startLate(self, factory: object) -> None:
        """
        Start an application as often as those that were there before.
        """
        if IStartedHandlerFactory.providedBy(factory):
            for _ in range(self._starts):
                factory.doStart()

    def _leadsTo(self, router: Router) -> bool:
        """
        Tell whether a router is this one, or somewhere below it.
        """
        return self is router or any(
            isinstance(below, Router) and below._leadsTo(router)
            for below in self._mounted.values()
        )


def _checkRoute(
    limits: Limits | None,
    keepalive: KeepalivePolicy | None,
    handshake: HandshakePolicy | None,
) -> None:
    """
    Check the settings of a route: that they are such, and can have an effect.
    """
    checkPolicies(limits, keepalive, handshake)
    if limits is not None and limits.maxConnections is not None:
        raise InvalidSetting("maxConnections", "counts for a whole server only")
    if handshake is not None and handshake.paths is not None:
        raise InvalidSetting("paths", "are for a whole server only")


def _checkPrefix(prefix: object) -> None:
    """
    Check that another router can be mounted below a prefix.
    """
    if not isinstance(prefix, str) or not prefix.startswith("/"):
        raise InvalidSetting("prefix", f"must start with '/', not {prefix!r}")
    if prefix.endswith("/") or "<" in prefix:
        raise InvalidSetting(
            "prefix", f"must have no '/' at its end, and no parameters, not {prefix!r}"
        )


def _checkBelow(pattern: object, prefix: str) -> None:
    """
    Check that nothing is said of paths that are left to another router.
    """
    if str(pattern).startswith(f"{prefix}/"):
        raise InvalidSetting(
            "pattern", f"{pattern!r} is below {prefix!r}, where a router is mounted"
        )
