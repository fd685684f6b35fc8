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
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.error import (
    ConnectionAborted,
    ConnectionDone,
    ConnectionLost,
    NoProtocol,
)
from twisted.internet.interfaces import (
    IHandshakeListener,
    IPushProducer,
    IReactorTime,
    ISSLTransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from .closing import abortTransport
from .errors import DeadlineExpired, HandshakeRefused, TLSFailed, WebSocketFailed
from .extensions import extensionsFor
from .framelog import FrameLog
from .interfaces import (
    IExtensionFactory,
    IFragmentHandler,
    IWebSocketHandler,
    IWebSocketHandlerFactory,
)
from .keepalive import Keepalive
from .policy import KeepalivePolicy, Limits
from .request import WebSocketRequest
from .results import resultOf
from .tlsfailures import explainTLS
from .transport import WebSocketTransport
from .wire.clienthandshake import ClientHandshake, HandshakeAccepted
from .wire.connection import Connection
from .wire.http import Headers
from .wire.states import Role

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
    @ivar isSecure: whether the server is reached by TLS; L{None} if the
        transport tells.
    @ivar tlsTimeout: how many seconds TLS may take before the request is sent;
        L{None} if there is no TLS, or nobody waits for it.
    @ivar waitsForBody: whether a refusal is told when the beginning of its
        body is there; if not, as soon as its head is.
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
    isSecure: bool | None = None
    tlsTimeout: float | None = None
    waitsForBody: bool = True
    generateNonce: Callable[[], bytes] = _generateNonce
    generateKey: Callable[[], bytes] | None = None


@implementer(IHandshakeListener)
class WebSocketClientProtocol(Protocol):
    """
    Asks a server for an upgrade, and connects a handler when it agrees.

    @ivar opened: fires with the handler when the connection is open, and fails
        if it never is: with L{HandshakeRefused} or L{WebSocketFailed}, or with
        what the handler's C{negotiationStarted} has raised.  Cancelling it
        aborts the connection.
    @ivar webSocket: the connection, when it is upgraded, or L{None}.
    @ivar answer: the headers of the server's 101, when it has come.
    """

    def __init__(
        self,
        settings: ClientSettings,
        application: IWebSocketHandler | IWebSocketHandlerFactory,
    ) -> None:
        """
        @param settings: what to ask for.
        @param application: the handler, or what makes it when the server has
            agreed.
        @raise ValueError: if a header is not fit to be sent.
        """
        self.opened: Deferred[IWebSocketHandler] = Deferred(self._cancelled)
        self.webSocket: WebSocketTransport | None = None
        self._settings = settings
        self.answer: Headers | None = None
        self._application = application
        self._starting: Deferred[None] | None = None
        self._lost: Failure | None = None
        # What has followed the answer before the connection is open.
        self._early: bytearray | None = None
        self._isAsked = False
        self._keepalive = Keepalive(settings.keepalive, settings.clock, self._expire)
        self._handshake: ClientHandshake | None = ClientHandshake(
            settings.host,
            settings.target,
            b64encode(settings.generateNonce()).decode("ascii"),
            settings.limits.headLimits,
            origin=settings.origin,
            subprotocols=settings.subprotocols,
            extensions=extensionsFor(application, settings.extensions),
            headers=settings.headers,
            maxMessageSize=settings.limits.maxMessageSize,
            waitsForBody=settings.waitsForBody,
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
        if self._settings.tlsTimeout is None:
            self._ask(self._handshake)
        else:
            self._keepalive.startTLS(self._settings.tlsTimeout)

    def handshakeCompleted(self) -> None:
        """
        The connection is encrypted.
        """
        isAsked, self._isAsked = self._isAsked, True
        if self._handshake is not None and not isAsked:
            self._ask(self._handshake)

    def dataReceived(self, data: bytes) -> None:
        """
        Read the answer, or pass on what follows it.
        """
        if self._early is not None:
            # Paused or not, TLS hands over all that it has.
            self._early += data
        elif self.webSocket is not None:
            self.webSocket.dataReceived(data)
        elif self._handshake is not None:
            try:
                accepted = self._handshake.receiveData(data)
            except HandshakeRefused as refused:
                self.handshakeRefused(refused)
            except Exception as error:
                # Only what negotiates an extension can raise here.
                self._fail(error)
            else:
                if accepted is not None:
                    self._open(accepted)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Tell the handler, or whoever waits for it to be connected.
        """
        self._keepalive.stop()
        self._lost = reason
        self._early = None
        # Whoever still holds this protocol holds nothing of the application.
        webSocket, self.webSocket = self.webSocket, None
        if self._starting is not None:
            self._giveUp(Failure(WebSocketFailed(_causeOf(reason))))
            self._starting.cancel()
        elif webSocket is not None:
            webSocket.connectionLost(reason)
        elif self._handshake is not None:
            self._lostUnanswered(self._handshake, reason)

    def _lostUnanswered(self, handshake: ClientHandshake, reason: Failure) -> None:
        """
        Explain why there is no answer.
        """
        # TLS may fail after its handshake: 1.3 refuses certificates of clients then.
        isClosed = isinstance(_causeOf(reason), (ConnectionDone, ConnectionLost))
        if not (self._isAsked and isClosed):
            self._fail(TLSFailed(explainTLS(reason, self.transport)))
            return
        try:
            handshake.connectionLost()
        except HandshakeRefused as refused:
            self._fail(refused)

    def _ask(self, handshake: ClientHandshake) -> None:
        """
        Send the request.
        """
        assert self.transport is not None
        self._isAsked = True
        self._keepalive.start()
        self.transport.write(handshake.request)

    def handshakeRefused(self, refused: HandshakeRefused) -> None:
        """
        The server has answered with something else than an acceptance: give
        up.  For subclasses.

        @param refused: what it has answered.
        """
        self._fail(refused)

    def _open(self, accepted: HandshakeAccepted) -> None:
        """
        Connect the handler.
        """
        assert self.transport is not None
        settings = self._settings
        isSecure = settings.isSecure
        if isSecure is None:
            isSecure = ISSLTransport.providedBy(self.transport)
        request = WebSocketRequest(
            target=settings.target,
            host=settings.host,
            origin=settings.origin,
            headers=Headers(settings.headers),
            subprotocols=tuple(settings.subprotocols),
            isSecure=isSecure,
            peer=self.transport.getPeer(),
            subprotocol=accepted.subprotocol,
        )
        self._handshake = None
        self.answer = accepted.head.headers
        self._early = bytearray(accepted.rest)
        starting = Deferred.fromCoroutine(self._start(request, accepted))
        starting.addErrback(self._startFailed)
        if not starting.called:
            self._starting = starting
            cast(IPushProducer, self.transport).pauseProducing()

    async def _start(
        self, request: WebSocketRequest, accepted: HandshakeAccepted
    ) -> None:
        """
        Start the handler, which may take its time, and open the connection.
        """
        assert self.transport is not None
        handler = await self._buildHandler(request)
        webSocket = WebSocketTransport(
            self.transport,
            self._connect(request, handler, accepted),
            Role.CLIENT,
            request,
            handler,
            self._settings.limits,
            self._keepalive,
        )
        self.webSocket = webSocket
        await resultOf(handler.negotiationStarted(webSocket))
        if self._starting is not None:
            self._starting = None
            if self._lost is not None:
                # It did not let itself be cancelled.
                webSocket.connectionLost(self._lost)
                return
            cast(IPushProducer, self.transport).resumeProducing()
        isOpened = webSocket.open(b"")
        if not self.opened.called:
            if isOpened:
                self.opened.callback(handler)
            else:
                self.opened.errback(WebSocketFailed(ConnectionAborted()))
        early, self._early = self._early, None
        if early:
            webSocket.dataReceived(bytes(early))

    async def _buildHandler(self, request: WebSocketRequest) -> IWebSocketHandler:
        """
        Get the handler, from its factory if it comes from one.
        """
        application = self._application
        if not IWebSocketHandlerFactory.providedBy(application):
            return application
        handler = await resultOf(application.buildHandler(request))
        if handler is None or self._lost is not None:
            raise NoProtocol
        return handler

    def _connect(
        self,
        request: WebSocketRequest,
        handler: IWebSocketHandler,
        accepted: HandshakeAccepted,
    ) -> Connection:
        """
        Make the wire.
        """
        settings = self._settings
        return Connection(
            Role.CLIENT,
            maxMessageSize=settings.limits.maxMessageSize,
            maxFragments=settings.limits.maxFragments,
            extensions=accepted.extensions,
            deliversFragments=IFragmentHandler.providedBy(handler),
            generateKey=settings.generateKey,
            observer=FrameLog(request.peer) if settings.logsFrames else None,
        )

    def _startFailed(self, failure: Failure) -> None:
        """
        Give up, for the handler does not want to start.
        """
        webSocket, self.webSocket = self.webSocket, None
        self._starting = None
        self._early = None
        if webSocket is not None:
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
        The server does not answer in time, or not to the end.
        """
        handshake = self._handshake
        refusal = None if handshake is None else handshake.refusal
        self._fail(refusal or WebSocketFailed(expired))

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
