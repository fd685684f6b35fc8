"""
The application's say in an opening handshake, RFC 6455 section 4.2.2: whether
it is accepted, with which subprotocol and extensions, and by which handler.

Wherever the request came from, a port of its own or a resource of
L{twisted.web}, it is decided here; and the application may take its time.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import CoroutineType
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime, ITransport
from twisted.logger import Logger
from twisted.python.failure import Failure

from .extensions import extensionsFor
from .framelog import FrameLog
from .interfaces import (
    IExtension,
    IExtensionFactory,
    IFragmentHandler,
    ILegacyHandshake,
    ILegacyVersions,
    IRoute,
    IWebSocketHandler,
    IWebSocketHandlerFactory,
    IWebSocketRouter,
)
from .keepalive import Keepalive
from .policy import HandshakePolicy, KeepalivePolicy, Limits
from .request import WebSocketRequest
from .transport import WebSocketTransport
from .wire.connection import Connection
from .wire.contract import WireConnection
from .wire.errors import BadHandshake
from .wire.extensions import ExtensionOffer, acceptExtensions
from .wire.serverhandshake import UpgradeRequest, acceptUpgrade
from .wire.states import Role

__all__ = ["Negotiation", "NegotiationOwner", "ServerSettings"]

_log = Logger()

# Calls of the application, each a method and its arguments, which are answered by
# what it returns.
_Questions = Generator[tuple[Callable[..., object], tuple[object, ...]], Any, None]

_METHODS = tuple(IWebSocketHandler)


@dataclass(frozen=True)
class ServerSettings:
    """
    What all connections of a server share.

    @ivar handlerFactory: the application.
    @ivar limits: how much a peer may make this side keep.
    @ivar keepalive: how long it waits.
    @ivar handshake: which handshakes it accepts.
    @ivar extensions: the extensions it knows, or L{None} for
        L{extensionsFor<txws.extensions.extensionsFor>} each handler.
    @ivar clock: what schedules.
    @ivar logsFrames: whether each frame is logged.
    @ivar legacy: what it speaks beside RFC 6455, or L{None}.
    """

    handlerFactory: IWebSocketHandlerFactory
    limits: Limits
    keepalive: KeepalivePolicy
    handshake: HandshakePolicy
    extensions: Sequence[IExtensionFactory] | None
    clock: IReactorTime
    logsFrames: bool
    legacy: ILegacyVersions | None = None

    @property
    def isRouted(self) -> bool:
        """
        Whether the application is a router.
        """
        return IWebSocketRouter.providedBy(self.handlerFactory)

    def hasPath(self, path: str, routed: str | None = None) -> bool:
        """
        Tell whether there may be a WebSocket at a path.

        @param path: percent-decoded.
        @param routed: what a router is to look for; L{None} for the path.
        @raise BadHandshake: if a router fails.
        """
        paths = self.handshake.paths
        if paths is not None and path not in paths:
            return False
        router = self.handlerFactory
        if not IWebSocketRouter.providedBy(router):
            return True
        return _findRoute(router, routed or path) is not None

    def at(self, path: str) -> tuple[ServerSettings, Mapping[str, object]]:
        """
        Find the settings for a path, and the parameters in it.

        @param path: percent-decoded.
        @raise BadHandshake: with 404 if there is nothing at this path.
        """
        router = self.handlerFactory
        if not IWebSocketRouter.providedBy(router):
            return self, {}
        route = _findRoute(router, path)
        if route is None:
            raise BadHandshake(404, "no WebSocket at this path")
        handshake = route.handshake or self.handshake
        if handshake.paths is None and self.handshake.paths is not None:
            handshake = replace(handshake, paths=self.handshake.paths)
        settings = replace(
            self,
            handlerFactory=route.handlerFactory,
            limits=route.limits or self.limits,
            keepalive=route.keepalive or self.keepalive,
            handshake=handshake,
        )
        return settings, route.parameters


def _findRoute(router: IWebSocketRouter, path: str) -> IRoute | None:
    """
    Ask a router, which is a part of the application.

    @raise BadHandshake: with 500 if it fails.
    """
    try:
        return router.findRoute(path)
    except BadHandshake:
        raise
    except Exception:
        _log.failure("{router} raised", router=router)
        raise BadHandshake(500, "internal error") from None


class NegotiationOwner(Protocol):
    """
    Whom L{Negotiation} tells how it ends.
    """

    def negotiationAccepted(
        self, webSocket: WebSocketTransport, acceptance: bytes
    ) -> None:
        """
        The handshake is accepted.

        @param webSocket: the connection, to be opened.
        @param acceptance: the 101 that opens it.
        """

    def negotiationRefused(self, refusal: BadHandshake) -> None:
        """
        The handshake is refused.
        """

    def handlerBuilt(self, handler: IWebSocketHandler) -> None:
        """
        The application has built a handler.
        """


class Negotiation:
    """
    Asks the application about one valid opening handshake.
    """

    def __init__(
        self,
        settings: ServerSettings,
        upgrade: UpgradeRequest,
        request: WebSocketRequest,
        transport: ITransport,
        keepalive: Keepalive,
        owner: NegotiationOwner,
        legacy: ILegacyHandshake | None = None,
    ) -> None:
        """
        @param settings: what the server does.
        @param upgrade: what the client asks for.
        @param request: the same, for the application.
        @param transport: the Twisted transport.
        @param keepalive: the clock of the connection.
        @param owner: who is told.
        @param legacy: the handshake, if it is not one of RFC 6455.
        """
        self._settings = settings
        self._upgrade = upgrade
        self._request = request
        self._transport = transport
        self._keepalive = keepalive
        self._owner = owner
        self._legacy = legacy
        self._lost: Failure | None = None
        # The answer that is waited for.
        self._awaited: Deferred[Any] | None = None
        # What the handler is started with.
        self._webSocket: WebSocketTransport | None = None

    def start(self, path: str | None = None) -> None:
        """
        Ask.  The owner may be told before this returns.

        @param path: what a router is to look for; L{None} for the path of the
            request.
        """
        self._goOn(None, self._negotiate(path))

    def cancel(self, reason: Failure) -> None:
        """
        Stop asking: the connection has ended, or will.  The owner is told
        nothing more.

        @param reason: how it ended, for a handler that has been started
            meanwhile.
        """
        self._lost = reason
        if self._awaited is not None:
            self._awaited.cancel()

    def _negotiate(self, path: str | None) -> _Questions:
        """
        Ask what there is to ask, in this order: cheap questions first.
        """
        request = self._request
        settings = self._settings
        if settings.isRouted:
            settings, parameters = settings.at(path or request.path)
            if parameters:
                request = replace(request, parameters=parameters)
        yield settings.handshake.checkRequest, (request,)
        factory = settings.handlerFactory
        subprotocol = yield (
            settings.handshake.chooseSubprotocol,
            (request.subprotocols, factory.subprotocols),
        )
        if subprotocol is not None:
            request = replace(request, subprotocol=subprotocol)
        handler = yield factory.buildHandler, (request,)
        if self._lost is not None:
            # It did not let itself be cancelled.
            return
        if handler is None:
            raise BadHandshake(403, "the application refuses")
        _checkHandler(handler)
        self._owner.handlerBuilt(handler)
        yield from self._accept(settings, request, handler)

    def _accept(
        self,
        settings: ServerSettings,
        request: WebSocketRequest,
        handler: IWebSocketHandler,
    ) -> _Questions:
        """
        Start the handler, and accept the handshake if it does not mind.
        """
        limits = settings.limits
        answers, extensions = yield (
            acceptExtensions,
            (
                self._upgrade.extensions,
                extensionsFor(handler, settings.extensions),
                limits.maxMessageSize,
            ),
        )
        headers = yield settings.handshake.headersFor, (request,)
        acceptance = yield self._makeAcceptance, (request, answers, headers)
        self._keepalive.policy = settings.keepalive
        if self._legacy is not None and not self._legacy.hasPings:
            self._keepalive.policy = replace(settings.keepalive, pingInterval=None)
        webSocket = self._webSocket = WebSocketTransport(
            self._transport,
            self._connect(settings, handler, extensions),
            Role.SERVER,
            request,
            handler,
            limits,
            self._keepalive,
        )
        yield handler.negotiationStarted, (webSocket,)
        if self._lost is None:
            self._owner.negotiationAccepted(webSocket, acceptance)
        else:
            # It did not let itself be cancelled.
            webSocket.connectionLost(self._lost)

    def _makeAcceptance(
        self,
        request: WebSocketRequest,
        answers: Sequence[ExtensionOffer],
        headers: Sequence[tuple[str, str]],
    ) -> bytes:
        """
        Make the 101.
        """
        if self._legacy is not None:
            return self._legacy.accept(request, answers, headers)
        return acceptUpgrade(self._upgrade, request.subprotocol, answers, headers)

    def _connect(
        self,
        settings: ServerSettings,
        handler: IWebSocketHandler,
        extensions: Sequence[IExtension],
    ) -> WireConnection:
        """
        Make the wire.
        """
        limits = settings.limits
        details: dict[str, Any] = {
            "maxMessageSize": limits.maxMessageSize,
            "maxFragments": limits.maxFragments,
            "extensions": extensions,
            "deliversFragments": IFragmentHandler.providedBy(handler),
            "observer": FrameLog(self._request.peer) if settings.logsFrames else None,
        }
        if self._legacy is not None:
            return self._legacy.connect(**details)
        return Connection(Role.SERVER, **details)

    def _goOn(self, answer: object, questions: _Questions) -> None:
        """
        Ask, until there is an answer to be waited for, which most are not.

        @param answer: the answer to the last question.
        @param questions: those that are left.
        """
        try:
            while True:
                method, arguments = questions.send(answer)
                try:
                    answer = method(*arguments)
                except Exception:
                    self._askedInVain(Failure(), method)
                    return
                if answer is None:
                    continue
                if isinstance(answer, CoroutineType):
                    answer = Deferred.fromCoroutine(answer)
                if isinstance(answer, Deferred):
                    self._wait(answer, method, questions)
                    return
        except StopIteration:
            return
        except BaseException:
            self._failed(Failure())

    def _wait(
        self,
        answer: Deferred[Any],
        method: Callable[..., object],
        questions: _Questions,
    ) -> None:
        """
        Go on when there is an answer.
        """
        self._awaited = answer
        answer.addCallback(self._goOn, questions)
        answer.addErrback(self._askedInVain, method)

    def _askedInVain(self, failure: Failure, method: Callable[..., object]) -> None:
        """
        Refuse the handshake, for the application has refused or failed.
        """
        if self._webSocket is not None:
            self._webSocket.neverOpened()
        if self._lost is None and failure.check(BadHandshake) is None:
            _log.failure(
                "{request}: {method} raised",
                failure,
                request=self._request,
                method=getattr(method, "__qualname__", method),
            )
            failure = Failure(BadHandshake(500, "internal error"))
        self._failed(failure)

    def _failed(self, failure: Failure) -> None:
        """
        Refuse the handshake, unless it does not matter any more.
        """
        refusal = failure.value
        if self._lost is not None:
            return
        if not isinstance(refusal, BadHandshake):
            _log.failure(
                "{request}: negotiating raised", failure, request=self._request
            )
            refusal = BadHandshake(500, "internal error")
        self._owner.negotiationRefused(refusal)


def _checkHandler(handler: object) -> None:
    """
    Check what an application has built, before it is too late for a 500.
    """
    if isinstance(handler, type):
        raise TypeError(f"buildHandler returned {handler!r}, a class")
    # It need not declare what it provides.
    for name in _METHODS:
        if not callable(getattr(handler, name, None)):
            raise TypeError(f"buildHandler returned {handler!r}, which has no {name}()")
