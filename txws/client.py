"""
A client's side of a connection, from the moment that its transport is
connected: the opening handshake, RFC 6455 section 4.1, and the hand-over to
L{WebSocketTransport<txws.transport.WebSocketTransport>}.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from secrets import token_bytes
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer, IReactorTime, ISSLTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from .errors import DeadlineExpired, HandshakeRefused, WebSocketFailed
from .extensions import extensionsFor
from .framelog import FrameLog
from .interfaces import IExtensionFactory, IFragmentHandler, IWebSocketHandler
from .keepalive import Keepalive
from .policy import KeepalivePolicy, Limits
from .request import WebSocketRequest
from .results import resultOf
from .transport import WebSocketTransport, abortTransport
from .wire.clienthandshake import ClientHandshake, HandshakeAccepted
from .wire.connection import Connection, Role
from .wire.http import Headers

__all__ = ["ClientSettings", "WebSocketClientProtocol"]


def _generateNonce() -> bytes:
    """
    Make what the key is made of, RFC 6455 section 4.1.
    """
    return token_bytes(16)


@dataclass(frozen=True)
class ClientSettings:
    """
    What a client asks for, and how.

    @ivar host: the C{Host} header: the server's name, and its port if it is
        not the default.
    @ivar target: the path and query of the resource, percent-encoded.
    @ivar clock: what schedules.
    @ivar limits: how much the server may make this side keep.
    @ivar keepalive: how long it waits.
    @ivar origin: the C{Origin} header, or L{None}.
    @ivar subprotocols: what is offered, the preferred one first.
    @ivar extensions: what is offered, the preferred one first, or L{None} for
        L{extensionsFor<txws.extensions.extensionsFor>} the handler.
    @ivar headers: further header fields, as (name, value).
    @ivar logsFrames: whether each frame is logged.
    @ivar generateNonce: makes 16 unpredictable bytes.
    @ivar generateKey: makes a masking key, or L{None} for the wire's own.
    """

    host: str
    target: str
    clock: IReactorTime
    limits: Limits = field(default_factory=lambda: Limits(maxFragments=65536))
    keepalive: KeepalivePolicy = field(default_factory=KeepalivePolicy)
    origin: str | None = None
    subprotocols: Sequence[str] = ()
    extensions: Sequence[IExtensionFactory] | None = None
    headers: Sequence[tuple[str, str]] = ()
    logsFrames: bool = False
    generateNonce: Callable[[], bytes] = _generateNonce
    generateKey: Callable[[], bytes] | None = None


class WebSocketClientProtocol(Protocol):
    """
    Asks a server for an upgrade, and connects a handler when it agrees.

    @ivar opened: fires with the handler when the connection is open, and fails
        with L{HandshakeRefused} or L{WebSocketFailed} if it never is.
        Cancelling it aborts the connection.
    @ivar webSocket: the connection, when it is upgraded, or L{None}.
    """

    def __init__(self, settings: ClientSettings, handler: IWebSocketHandler) -> None:
        """
        @param settings: what to ask for.
        @param handler: the application.
        @raise ValueError: if a header is not fit to be sent.
        """
        self.opened: Deferred[IWebSocketHandler] = Deferred(self._cancelled)
        self.webSocket: WebSocketTransport | None = None
        self._settings = settings
        self._handler = handler
        self._starting: Deferred[None] | None = None
        self._lost: Failure | None = None
        self._keepalive = Keepalive(settings.keepalive, settings.clock, self._expire)
        self._handshake: ClientHandshake | None = ClientHandshake(
            settings.host,
            settings.target,
            b64encode(settings.generateNonce()).decode("ascii"),
            settings.limits.headLimits,
            origin=settings.origin,
            subprotocols=settings.subprotocols,
            extensions=extensionsFor(handler, settings.extensions),
            headers=settings.headers,
            maxMessageSize=settings.limits.maxMessageSize,
        )

    def connectionMade(self) -> None:
        """
        Send the request.
        """
        assert self.transport is not None
        if self._handshake is None:
            # It was cancelled before.
            abortTransport(self.transport)
            return
        self._keepalive.start()
        self.transport.write(self._handshake.request)

    def dataReceived(self, data: bytes) -> None:
        """
        Read the answer, or pass on what follows it.
        """
        if self.webSocket is not None:
            self.webSocket.dataReceived(data)
        elif self._handshake is not None:
            try:
                accepted = self._handshake.receiveData(data)
            except HandshakeRefused as refused:
                self._fail(refused)
            else:
                if accepted is not None:
                    self._open(accepted)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Tell the handler, or whoever waits for it to be connected.
        """
        self._keepalive.stop()
        self._lost = reason
        # Whoever still holds this protocol holds nothing of the application.
        webSocket, self.webSocket = self.webSocket, None
        if self._starting is not None:
            self._giveUp(Failure(WebSocketFailed(_causeOf(reason))))
            self._starting.cancel()
        elif webSocket is not None:
            webSocket.connectionLost(reason)
        elif self._handshake is not None:
            try:
                self._handshake.connectionLost()
            except HandshakeRefused as refused:
                self._fail(refused)

    def _open(self, accepted: HandshakeAccepted) -> None:
        """
        Connect the handler.
        """
        assert self.transport is not None
        settings = self._settings
        request = WebSocketRequest(
            target=settings.target,
            host=settings.host,
            origin=settings.origin,
            headers=Headers(settings.headers),
            subprotocols=tuple(settings.subprotocols),
            isSecure=ISSLTransport.providedBy(self.transport),
            peer=self.transport.getPeer(),
            subprotocol=accepted.subprotocol,
        )
        connection = Connection(
            Role.CLIENT,
            maxMessageSize=settings.limits.maxMessageSize,
            maxFragments=settings.limits.maxFragments,
            extensions=accepted.extensions,
            deliversFragments=IFragmentHandler.providedBy(self._handler),
            generateKey=settings.generateKey,
            observer=FrameLog(request.peer) if settings.logsFrames else None,
        )
        self._handshake = None
        self.webSocket = webSocket = WebSocketTransport(
            self.transport,
            connection,
            Role.CLIENT,
            request,
            self._handler,
            settings.limits,
            self._keepalive,
        )
        starting = Deferred.fromCoroutine(self._start(webSocket, accepted.rest))
        starting.addErrback(self._startFailed, webSocket)
        if not starting.called:
            self._starting = starting
            IPushProducer(self.transport).pauseProducing()

    async def _start(self, webSocket: WebSocketTransport, rest: bytes) -> None:
        """
        Start the handler, which may take its time, and open the connection.

        @param rest: what has been received behind the answer.
        """
        assert self.transport is not None
        await resultOf(self._handler.negotiationStarted(webSocket))
        if self._starting is not None:
            self._starting = None
            if self._lost is not None:
                # It did not let itself be cancelled.
                webSocket.connectionLost(self._lost)
                return
            IPushProducer(self.transport).resumeProducing()
        webSocket.open(b"")
        if not self.opened.called:
            self.opened.callback(self._handler)
        if rest:
            webSocket.dataReceived(rest)

    def _startFailed(self, failure: Failure, webSocket: WebSocketTransport) -> None:
        """
        Give up, for the handler does not want to start.
        """
        self._starting = self.webSocket = None
        webSocket.neverOpened()
        if self._lost is None:
            self._giveUp(failure)

    def _fail(self, error: Exception) -> None:
        """
        Give up before the connection is open.
        """
        self._handshake = None
        self._giveUp(Failure(error))

    def _giveUp(self, failure: Failure) -> None:
        """
        Close the transport, and say why.
        """
        assert self.transport is not None
        self._keepalive.stop()
        abortTransport(self.transport)
        if not self.opened.called:
            self.opened.errback(failure)

    def _expire(self, expired: DeadlineExpired) -> None:
        """
        The server does not answer in time.
        """
        self._fail(WebSocketFailed(expired))

    def _cancelled(self, opened: Deferred[IWebSocketHandler]) -> None:
        """
        Nobody waits for it any more.
        """
        self._handshake = None
        if self.webSocket is not None:
            self.webSocket.abortConnection()
        elif self.transport is not None:
            self._keepalive.stop()
            abortTransport(self.transport)


def _causeOf(reason: Failure) -> BaseException:
    """
    Get what the transport was lost with.
    """
    cause: Any = reason.value
    return cause  # type: ignore[no-any-return]  # it always is one
