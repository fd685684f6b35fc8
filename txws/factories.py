"""
The door of a server: a factory that wraps an application, whatever it is, and
listens wherever Twisted can.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from inspect import iscoroutinefunction
from typing import Any, TypeAlias

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import (
    IAddress,
    IProtocol,
    IProtocolFactory,
    IProtocolNegotiationFactory,
    IReactorTime,
)
from twisted.internet.protocol import Factory, ServerFactory, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from .coroutines import CoroutineFactory, Serve
from .errors import InvalidSetting
from .extensions import checkExtensions
from .handlers import SharedHandlerFactory
from .interfaces import (
    IExtensionFactory,
    ISharedWebSocketHandler,
    IWebSocketHandler,
    IWebSocketHandlerFactory,
    IWebSocketRequest,
    IWebSocketTransport,
)
from .negotiation import ServerSettings
from .policy import HandshakePolicy, KeepalivePolicy, Limits
from .server import WebSocketServerProtocol
from .streaming import StreamHandler, StreamHandlerFactory
from .wire.codes import CloseCode, isSendableCloseCode
from .wire.errors import BadHandshake

__all__ = [
    "Application",
    "HandlerFactory",
    "WebSocketFactory",
    "WebSocketProtocol",
    "handlerFactoryFor",
]

Application: TypeAlias = (
    "IWebSocketHandlerFactory | IProtocolFactory | ISharedWebSocketHandler"
    " | type[IWebSocketHandler] | type[IProtocol] | Serve"
)


# Methods that txWS 0.9 called, which programs overrode.
_OLD_HOOKS = frozenset(
    (
        "close",
        "parseFrames",
        "sendCommonPreamble",
        "sendFrames",
        "sendHyBi00Preamble",
        "sendHyBi07Preamble",
        "validateHeaders",
        "write",
        "writeSequence",
    )
)


@implementer(IWebSocketHandlerFactory)
class HandlerFactory:
    """
    Makes a new handler for each connection, without asking who it is.
    """

    def __init__(
        self, makeHandler: Callable[[], IWebSocketHandler], *subprotocols: str
    ) -> None:
        """
        @param makeHandler: makes a handler; a class of handlers, say.
        @param subprotocols: what the handlers speak, the preferred one first.
        """
        self.subprotocols: Sequence[str] = subprotocols
        self._makeHandler = makeHandler

    def buildHandler(self, request: IWebSocketRequest) -> IWebSocketHandler:
        """
        See L{IWebSocketHandlerFactory}.
        """
        return self._makeHandler()


def handlerFactoryFor(
    application: Application, text: bool = False
) -> IWebSocketHandlerFactory:
    """
    Adapt an application to L{IWebSocketHandlerFactory}.

    @param application: one of

      - an L{IWebSocketHandlerFactory};
      - an L{IProtocolFactory<twisted.internet.interfaces.IProtocolFactory>},
        whose protocols are wrapped;
      - a class of L{IWebSocketHandler}s, of which each connection gets one;
      - an L{ISharedWebSocketHandler}, which all connections share;
      - a coroutine function, which is called with the
        L{Conversation<txws.coroutines.Conversation>} of each connection;
      - a class of L{IProtocol<twisted.internet.interfaces.IProtocol>}s,
        likewise.
    @param text: have wrapped protocols send text messages.
    @raise InvalidSetting: if it is none of these.
    """
    if IProtocolFactory.providedBy(application):
        return StreamHandlerFactory(application, text)
    if isinstance(application, type) and IProtocol.implementedBy(application):
        makeProtocol: Any = application
        return StreamHandlerFactory(Factory.forProtocol(makeProtocol), text)
    if text:
        raise InvalidSetting("text", "is for wrapped protocols; handlers send both")
    if IWebSocketHandlerFactory.providedBy(application):
        return application
    if ISharedWebSocketHandler.providedBy(application):
        return SharedHandlerFactory(application)
    # mypy sees that nothing else is left; it does not see what users pass.
    found: Any = application
    if isinstance(found, type) and IWebSocketHandler.implementedBy(found):
        return HandlerFactory(found)
    if iscoroutinefunction(found):
        return CoroutineFactory(found)
    raise InvalidSetting(
        "application",
        "must provide IWebSocketHandlerFactory, IProtocolFactory or "
        "ISharedWebSocketHandler, be a class that implements IWebSocketHandler or "
        f"IProtocol, or a coroutine function, not {application!r}",
    )


class WebSocketProtocol(WebSocketServerProtocol):
    """
    What L{WebSocketFactory} makes for a connection.

    Programs written for txWS 0.9 may derive from it and set
    L{WebSocketFactory.protocol}.

    @raise TypeError: if a subclass has a method that txWS 0.9 would have
        called, and nobody calls any more.
    """

    _binaryMode: bool | None = None
    _streamHandler: StreamHandler | None = None

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        # One that refused clients, say, would now let everybody in.
        for hook in _OLD_HOOKS & vars(cls).keys():
            raise TypeError(
                f"{cls.__name__}.{hook} would never be called, as it was by txWS 0.9; "
                "see HandshakePolicy and IWebSocketHandlerFactory for what to do "
                "instead"
            )

    def setBinaryMode(self, mode: bool) -> None:
        """
        Have a wrapped protocol send binary messages, or text messages.

        @param mode: true for binary, which is the default; false for text.
        """
        self._binaryMode = mode
        if self._streamHandler is not None:
            self._streamHandler.setBinaryMode(mode)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Let the wrapped protocol go.
        """
        super().connectionLost(reason)
        self._streamHandler = None

    def handlerBuilt(self, handler: IWebSocketHandler) -> None:
        """
        Tell a wrapped protocol's handler.
        """
        if isinstance(handler, StreamHandler):
            self._streamHandler = handler
            if self._binaryMode is not None:
                handler.setBinaryMode(self._binaryMode)


@implementer(IProtocolNegotiationFactory)
class WebSocketFactory(ServerFactory):
    """
    Serves an application over WebSocket; for C{listenTCP}, C{listenSSL} and
    endpoints.

    @cvar protocol: the class of what it builds.
    """

    protocol = WebSocketProtocol

    def __init__(
        self,
        application: Application,
        text: bool = False,
        *,
        limits: Limits | None = None,
        keepalive: KeepalivePolicy | None = None,
        handshake: HandshakePolicy | None = None,
        extensions: Sequence[IExtensionFactory] | None = None,
        site: IProtocolFactory | None = None,
        logsFrames: bool = False,
        clock: IReactorTime | None = None,
    ) -> None:
        """
        @param application: see L{handlerFactoryFor}.
        @param text: have a wrapped protocol send text messages.
        @param limits: how much a peer may make this server keep.
        @param keepalive: how long this server waits.
        @param handshake: which origins, subprotocols and paths it accepts.
        @param extensions: the extensions it knows; L{None} for compression, but
            not of wrapped protocols; none to do without.
        @param site: what serves HTTP requests that are no upgrades: a
            L{Site<twisted.web.server.Site>}, say; L{None} to refuse them.
        @param logsFrames: whether to log each frame, at level debug.
        @param clock: what schedules; L{None} for the reactor.
        @raise InvalidSetting: if the application, or a setting, is none.
        """
        for name, setting, kind in (
            ("limits", limits, Limits),
            ("keepalive", keepalive, KeepalivePolicy),
            ("handshake", handshake, HandshakePolicy),
        ):
            if not (setting is None or isinstance(setting, kind)):
                raise InvalidSetting(name, f"must be {kind.__name__}, not {setting!r}")
        self._handlerFactory = handlerFactoryFor(application, text)
        self._limits = limits or Limits()
        self._keepalive = keepalive or KeepalivePolicy()
        self._handshake = handshake or HandshakePolicy()
        self._extensions = checkExtensions(extensions)
        self._site = site
        self._logsFrames = logsFrames
        self._clock = clock
        self._settings: ServerSettings | None = None
        self._protocols: set[WebSocketServerProtocol] = set()
        # Of these, how many came when there were too many.
        self._turnedAway = 0
        self._leaving: list[tuple[set[WebSocketServerProtocol], Deferred[None]]] = []

    @property
    def connections(self) -> Iterator[IWebSocketTransport]:
        """
        The connections that are open or being closed.
        """
        protocols = tuple(self._protocols)
        return (p.webSocket for p in protocols if p.webSocket is not None)

    def buildProtocol(self, addr: IAddress | None) -> WebSocketServerProtocol:
        """
        Make what reads the opening handshake of a connection.  The
        application is not asked before that is done.
        """
        if self._settings is None:
            self._settings = self._makeSettings()
        refusal = None
        limit = self._limits.maxConnections
        if limit is not None and len(self._protocols) - self._turnedAway >= limit:
            self._turnedAway += 1
            refusal = BadHandshake(503, "too many connections")
        protocol = self.protocol(self._settings, self._forget, self._site, refusal)
        protocol.factory = self
        self._protocols.add(protocol)
        return protocol

    def acceptableProtocols(self) -> list[bytes]:
        """
        See L{IProtocolNegotiationFactory
        <twisted.internet.interfaces.IProtocolNegotiationFactory>}: over TLS
        only HTTP/1.1 is spoken here.
        """
        return [b"http/1.1"]

    def startFactory(self) -> None:
        """
        Start the wrapped factory and the site with this one.
        """
        for factory in self._factoriesBelow():
            factory.doStart()

    def stopFactory(self) -> None:
        """
        Stop the wrapped factory and the site with this one.
        """
        for factory in self._factoriesBelow():
            factory.doStop()

    def closeAll(
        self, code: int = CloseCode.GOING_AWAY, reason: str = ""
    ) -> Deferred[None]:
        """
        Close all connections that there are now: the open ones by a closing
        handshake, the others at once.

        @param code: the close code.
        @param reason: the close reason.
        @return: fires when they are gone.  Cancelling it aborts those that are
            left.
        @raise ValueError: if the code may not travel.
        """
        if not isSendableCloseCode(code):
            raise ValueError(f"close code {code} may not be sent")
        protocols = set(self._protocols)
        if not protocols:
            return succeed(None)

        def abort(deferred: Deferred[None]) -> None:
            for protocol in tuple(protocols):
                protocol.abortConnection()

        gone: Deferred[None] = Deferred(abort)
        self._leaving.append((protocols, gone))
        for protocol in tuple(protocols):
            protocol.loseConnection(code, reason)
        return gone

    def _forget(self, protocol: WebSocketServerProtocol) -> None:
        """
        A connection is gone.
        """
        self._protocols.discard(protocol)
        self._turnedAway -= protocol.isTurnedAway
        leaving, self._leaving = self._leaving, []
        done = []
        for protocols, gone in leaving:
            protocols.discard(protocol)
            if protocols:
                self._leaving.append((protocols, gone))
            else:
                done.append(gone)
        for gone in done:
            if not gone.called:
                # It has not been cancelled.
                gone.callback(None)

    def _factoriesBelow(self) -> list[IProtocolFactory]:
        """
        Find the factories that live as long as this one.
        """
        factories = []
        if isinstance(self._handlerFactory, StreamHandlerFactory):
            factories.append(self._handlerFactory.factory)
        if self._site is not None:
            factories.append(self._site)
        return factories

    def _makeSettings(self) -> ServerSettings:
        """
        Settle what all connections share.
        """
        clock = self._clock
        if clock is None:
            # Not before it is needed: whoever imports it installs it.
            from twisted.internet import reactor

            clock = IReactorTime(reactor)
        return ServerSettings(
            handlerFactory=self._handlerFactory,
            limits=self._limits,
            keepalive=self._keepalive,
            handshake=self._handshake,
            extensions=self._extensions,
            clock=clock,
            logsFrames=self._logsFrames,
        )
