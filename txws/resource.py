"""
txws and L{twisted.web}: the only module that imports it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site
from twisted.web.static import Data

from .applications import Application
from .connections import Connections
from .interfaces import (
    IExtensionFactory,
    IStartedHandlerFactory,
    IWebSocketRouter,
    IWebSocketTransport,
)
from .negotiation import ServerSettings
from .policy import HandshakePolicy, KeepalivePolicy, Limits
from .refusals import notAnUpgrade
from .setups import ServerSetup
from .upgrades import RequestUpgrade, answerRequest
from .wire.codes import CloseCode
from .wire.errors import BadHandshake
from .wire.http import RequestHead
from .wire.serverhandshake import UpgradeRequest

__all__ = ["WebSocketResource", "makePageSite"]


class WebSocketResource(Resource):
    """
    Serves an application over WebSocket, anywhere in a tree of resources.

    A router is a leaf: it is asked for the rest of the path, which is C{/} if
    there is none.  Any other application is at the path of the resource alone.
    """

    def __init__(
        self,
        application: Application,
        text: bool = False,
        *,
        limits: Limits | None = None,
        keepalive: KeepalivePolicy | None = None,
        handshake: HandshakePolicy | None = None,
        extensions: Sequence[IExtensionFactory] | None = None,
        logsFrames: bool = False,
        clock: IReactorTime | None = None,
    ) -> None:
        """
        @param application: see
            L{handlerFactoryFor<txws.applications.handlerFactoryFor>}.
        @param text: have a wrapped protocol send text messages.
        @param limits: how much a peer may make this server keep; until the
            head of a request is read, the limits of L{twisted.web} hold.
        @param keepalive: how long this server waits, from when the resource is
            rendered.
        @param handshake: which origins, subprotocols and paths it accepts;
            paths are whole.
        @param extensions: the extensions it knows; L{None} for compression, but
            not of wrapped protocols; none to do without.
        @param logsFrames: whether to log each frame, at level debug.
        @param clock: what schedules; L{None} for the reactor.
        @raise InvalidSetting: if the application, or a setting, is none.
        """
        super().__init__()  # type: ignore[no-untyped-call]  # Twisted's
        self._setup = ServerSetup(
            application,
            text,
            limits,
            keepalive,
            handshake,
            extensions,
            logsFrames,
            clock,
        )
        self.isLeaf = IWebSocketRouter.providedBy(self._setup.handlerFactory)
        self._isStarted = False
        self._connections = Connections(self._setup.limits.maxConnections)

    @property
    def connections(self) -> Iterator[IWebSocketTransport]:
        """
        The connections that are open or being closed.
        """
        return iter(self._connections)

    def closeAll(
        self, code: int = CloseCode.GOING_AWAY, reason: str = ""
    ) -> Deferred[None]:
        """
        Close all connections that there are now: the open ones by a closing
        handshake, the others by a refusal.

        @param code: the close code.
        @param reason: the close reason.
        @return: fires when they are gone.  Cancelling it aborts those that are
            left.
        @raise ValueError: if the code may not travel.
        """
        return self._connections.closeAll(code, reason)

    def render(self, request: Request) -> Any:
        """
        Upgrade a connection, or refuse to.

        @param request: any request.
        @return: always C{NOT_DONE_YET}.
        """
        self._start()
        answerRequest(
            request,
            self._setup.settings,
            partial(_ResourceUpgrade, self._connections),
            _routedPath(request) if self.isLeaf else None,
            self.notAnUpgrade,
        )
        return NOT_DONE_YET

    def _start(self) -> None:
        """
        Start the wrapped factories: there is no port that would do it, and
        none that stops them.
        """
        if not self._isStarted:
            self._isStarted = True
            factory = self._setup.handlerFactory
            if IStartedHandlerFactory.providedBy(factory):
                factory.doStart()

    def notAnUpgrade(
        self, settings: ServerSettings, head: RequestHead, routed: str | None
    ) -> BadHandshake:
        """
        Refuse a request that is no upgrade; for subclasses.

        @param settings: what is at which path.
        @param head: the head of the request.
        @param routed: what a router is to look for, or L{None}.
        """
        return notAnUpgrade(settings, head, routed)


class _ResourceUpgrade(RequestUpgrade):
    """
    A connection of a resource.
    """

    def __init__(
        self,
        connections: Connections,
        request: Request,
        settings: ServerSettings,
        upgrade: UpgradeRequest,
    ) -> None:
        if connections.isFull:
            raise BadHandshake(503, "too many connections")
        super().__init__(request, settings, upgrade, http=request)
        self._connections = connections
        connections.add(self)

    def ended(self) -> None:
        """
        Count it no more.
        """
        self._connections.discard(self)


def _routedPath(request: Any) -> str:
    """
    Find what a router is to look for.
    """
    path: bytes = b"/" + b"/".join(request.postpath)
    return path.decode("utf-8", "replace")


def makePageSite(page: bytes, clock: IReactorTime) -> Site:
    """
    Make a site that serves one page at C{/}, and nothing else.

    @param page: HTML in UTF-8.
    @param clock: what schedules the site's time-outs.
    """
    root = Resource()
    root.putChild(b"", Data(page, "text/html; charset=utf-8"))
    return Site(root, _BodilessRequest, reactor=clock)


class _BodilessRequest(Request):
    """
    A request to which nobody needs to say more than its head.
    """

    def handleContentChunk(self, data: bytes) -> None:
        """
        Read no body: L{twisted.web} would keep one of any size.
        """
        self.loseConnection()  # type: ignore[no-untyped-call]  # Twisted's

    def process(self) -> None:
        """
        Answer, and close the connection: L{twisted.web} would go on to answer
        a peer that does not read.
        """
        channel: Any = self.channel
        channel.persistent = False
        self.responseHeaders.setRawHeaders(b"Connection", [b"close"])
        super().process()  # type: ignore[no-untyped-call]  # Twisted's
        # It would also wait for ever until the answer is taken.
        channel.setTimeout(channel.site.timeOut)
