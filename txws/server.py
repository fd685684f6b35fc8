"""
A server's side of a connection, from its acceptance on: the opening handshake,
RFC 6455 section 4.2, and the hand-over to
L{WebSocketTransport<txws.transport.WebSocketTransport>}, or to HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from twisted.internet.interfaces import (
    IConsumer,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
    ISSLTransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from .errors import DeadlineExpired
from .framelog import FrameLog
from .interfaces import (
    IExtension,
    IExtensionFactory,
    IWebSocketHandler,
    IWebSocketHandlerFactory,
)
from .keepalive import Keepalive
from .policy import HandshakePolicy, KeepalivePolicy, Limits
from .request import WebSocketRequest
from .transport import WebSocketTransport, abortTransport, seeOff
from .wire.codes import CloseCode
from .wire.connection import Connection, Role
from .wire.errors import BadHandshake
from .wire.extensions import ExtensionOffer, acceptExtensions
from .wire.http import HeadReader, RequestHead, parseRequestHead
from .wire.serverhandshake import (
    UpgradeRequest,
    acceptUpgrade,
    isUpgrade,
    parseUpgrade,
    refuseRequest,
)

__all__ = ["ServerSettings", "WebSocketServerProtocol"]

_log = Logger()

# A browser that asks for a page, and a limit that is reached.
_NOBODYS_FAULT = frozenset((426, 503))

_A = TypeVar("_A")
_R = TypeVar("_R")


@dataclass(frozen=True)
class ServerSettings:
    """
    What all connections of a server share.

    @ivar handlerFactory: the application.
    @ivar limits: how much a peer may make this side keep.
    @ivar keepalive: how long it waits.
    @ivar handshake: which handshakes it accepts.
    @ivar extensions: the extensions it knows.
    @ivar site: what serves requests that are no upgrades, or L{None}.
    @ivar clock: what schedules.
    @ivar logsFrames: whether each frame is logged.
    """

    handlerFactory: IWebSocketHandlerFactory
    limits: Limits
    keepalive: KeepalivePolicy
    handshake: HandshakePolicy
    extensions: Sequence[IExtensionFactory]
    site: IProtocolFactory | None
    clock: IReactorTime
    logsFrames: bool


class WebSocketServerProtocol(Protocol):
    """
    Accepts or refuses the opening handshake of one connection.

    @ivar webSocket: the connection, when it is upgraded, or L{None}.
    @ivar isTurnedAway: whether no request is even read.
    """

    def __init__(
        self,
        settings: ServerSettings,
        lost: Callable[[WebSocketServerProtocol], object],
        refusal: BadHandshake | None = None,
    ) -> None:
        """
        @param settings: what to do.
        @param lost: called last, when this connection is lost and the
            application knows.
        @param refusal: why no request is even read, or L{None}.
        """
        self.webSocket: WebSocketTransport | None = None
        self._settings = settings
        self._lost = lost
        self.isTurnedAway = refusal is not None
        self._refusal = refusal
        # Whom it is for: this object, then nobody, a WebSocket or a site.
        self._receive: Callable[[bytes], None] = self._readRequest
        self._reader = HeadReader(settings.limits.headLimits)
        self._http: IProtocol | None = None
        self._keepalive = Keepalive(settings.keepalive, settings.clock, self._expire)

    def connectionMade(self) -> None:
        """
        Start the clock, or refuse at once.
        """
        self._keepalive.start()
        if self._refusal is not None:
            self._refuse(self._refusal)

    def dataReceived(self, data: bytes) -> None:
        """
        Read the request, or pass on what belongs to whom it was handed over.
        """
        self._receive(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Tell whom it was handed over.
        """
        self._keepalive.stop()
        # Whoever still holds this protocol holds nothing of the application.
        self._receive = _drop
        webSocket, self.webSocket = self.webSocket, None
        try:
            if webSocket is not None:
                webSocket.connectionLost(reason)
            elif self._http is not None:
                self._http.connectionLost(reason)
        finally:
            self._lost(self)

    def loseConnection(
        self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = ""
    ) -> None:
        """
        Close an open connection by the closing handshake, any other at once.

        @param code: the close code.
        @param reason: the close reason.
        """
        if self.webSocket is not None:
            self.webSocket.loseConnection(code, reason)
        elif self.transport is not None:
            # TLS would wait for a site that is still producing.
            IConsumer(self.transport).unregisterProducer()
            self.transport.loseConnection()

    def abortConnection(self) -> None:
        """
        Close the transport at once.
        """
        if self.webSocket is not None:
            self.webSocket.abortConnection()
        elif self.transport is not None:
            abortTransport(self.transport)

    def handlerBuilt(self, handler: IWebSocketHandler) -> None:
        """
        A handler has been built for this connection; for subclasses.
        """

    def _readRequest(self, data: bytes) -> None:
        """
        Read the head of the request and find out what it asks for.
        """
        limits = self._settings.limits.headLimits
        try:
            read = self._reader.receiveData(data)
            if read is None:
                return
            head = parseRequestHead(read[0], limits)
            if not isUpgrade(head):
                self._serveHTTP(head)
                return
            upgrade = parseUpgrade(head)
            if read[1]:
                # RFC 6455 4.1: the client "MUST wait for a response from the
                # server before sending any further data."
                raise BadHandshake(400, "data follow the handshake unanswered")
            self._upgrade(upgrade)
        except BadHandshake as refusal:
            self._refuse(refusal)

    def _serveHTTP(self, head: RequestHead) -> None:
        """
        Hand a connection over to the site, with all that it has sent.
        """
        assert self.transport is not None
        site = self._settings.site
        http = None if site is None else site.buildProtocol(self.transport.getPeer())
        if http is None:
            raise _notAnUpgrade(head)
        self._receive = http.dataReceived
        self._keepalive.stop()
        self._http = http
        http.makeConnection(self.transport)
        http.dataReceived(bytes(self._reader.received))
        self._reader.received.clear()

    def _upgrade(self, upgrade: UpgradeRequest) -> None:
        """
        Find out whether a valid handshake is wanted, and answer it.
        """
        assert self.transport is not None
        settings = self._settings
        request = WebSocketRequest(
            target=upgrade.target,
            host=upgrade.host,
            origin=upgrade.origin,
            headers=upgrade.headers,
            subprotocols=upgrade.subprotocols,
            isSecure=ISSLTransport.providedBy(self.transport),
            peer=self.transport.getPeer(),
        )
        self._ask(request, settings.handshake.checkRequest, request)
        subprotocol = self._ask(request, self._chooseSubprotocol, request)
        request = replace(request, subprotocol=subprotocol)
        self._accept(upgrade, request, self._buildHandler(request))

    def _chooseSubprotocol(self, request: WebSocketRequest) -> str | None:
        """
        Choose a subprotocol among those that the application speaks.
        """
        return self._settings.handshake.chooseSubprotocol(
            request.subprotocols, self._settings.handlerFactory.subprotocols
        )

    def _buildHandler(self, request: WebSocketRequest) -> IWebSocketHandler:
        """
        Ask the application for a handler.
        """
        handlerFactory = self._settings.handlerFactory
        handler = self._ask(request, handlerFactory.buildHandler, request)
        if handler is None:
            raise BadHandshake(403, "the application refuses")
        self.handlerBuilt(handler)
        return handler

    def _ask(
        self, request: WebSocketRequest, method: Callable[[_A], _R], argument: _A
    ) -> _R:
        """
        Call the application, which may refuse or fail.
        """
        try:
            return method(argument)
        except BadHandshake:
            raise
        except Exception:
            _log.failure(
                "{request}: {method} raised",
                request=request,
                method=getattr(method, "__qualname__", method),
            )
            raise BadHandshake(500, "internal error") from None

    def _acceptExtensions(
        self, upgrade: UpgradeRequest
    ) -> tuple[list[ExtensionOffer], list[IExtension]]:
        """
        Choose among the extensions that the client offers.
        """
        return acceptExtensions(
            upgrade.extensions,
            self._settings.extensions,
            self._settings.limits.maxMessageSize,
        )

    def _accept(
        self,
        upgrade: UpgradeRequest,
        request: WebSocketRequest,
        handler: IWebSocketHandler,
    ) -> None:
        """
        Accept the handshake.
        """
        assert self.transport is not None
        limits = self._settings.limits
        answers, extensions = self._ask(request, self._acceptExtensions, upgrade)
        connection = Connection(
            Role.SERVER,
            maxMessageSize=limits.maxMessageSize,
            maxFragments=limits.maxFragments,
            extensions=extensions,
            observer=FrameLog(request.peer) if self._settings.logsFrames else None,
        )
        webSocket = WebSocketTransport(
            self.transport,
            connection,
            Role.SERVER,
            request,
            handler,
            limits,
            self._keepalive,
        )
        try:
            self._ask(request, handler.negotiationStarted, webSocket)
        except BadHandshake:
            webSocket.neverOpened()
            raise
        self._receive = webSocket.dataReceived
        self.webSocket = webSocket
        self._reader.received.clear()
        webSocket.open(acceptUpgrade(upgrade, request.subprotocol, answers))

    def _refuse(self, refusal: BadHandshake) -> None:
        """
        Answer with an error, and see the peer off.
        """
        assert self.transport is not None
        isOurs = refusal.status in _NOBODYS_FAULT
        log = _log.info if isOurs else _log.warn
        log(
            "{peer} is refused with {status}: {explanation}",
            peer=self.transport.getPeer(),
            status=refusal.status,
            explanation=refusal.explanation,
        )
        self._receive = _drop
        self._reader.received.clear()
        self.transport.write(_serializeRefusal(refusal))
        self._keepalive.closingProgressed()
        seeOff(self.transport)

    def _expire(self, expired: DeadlineExpired) -> None:
        """
        Give up a peer that does not get its request done, or does not go.
        """
        assert self.transport is not None
        _log.warn("{peer}: {expired}", peer=self.transport.getPeer(), expired=expired)
        abortTransport(self.transport)


def _drop(data: bytes) -> None:
    """
    Receive bytes from a peer that is refused.
    """


def _serializeRefusal(refusal: BadHandshake) -> bytes:
    """
    Make the answer that refuses a request, in plain text.
    """
    try:
        body = f"{refusal.explanation}\n".encode()
        return refuseRequest(refusal.status, body, refusal.headers)
    except ValueError:
        # What an application wants to say may be not fit for HTTP.
        _log.failure("cannot answer with {refusal}", refusal=refusal)
        return refuseRequest(500, b"internal error\n")


def _notAnUpgrade(head: RequestHead) -> BadHandshake:
    """
    Refuse a request that asks for something else than WebSocket.
    """
    if head.method != "GET":
        return BadHandshake(405, "this server speaks WebSocket", [("Allow", "GET")])
    return BadHandshake(
        426,
        "this server speaks WebSocket; the request has no 'Upgrade: websocket'",
        [("Upgrade", "websocket"), ("Connection", "Upgrade, close")],
    )
