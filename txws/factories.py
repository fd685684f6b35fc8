"""
The door of a server: a factory that wraps an application, whatever it is, and
listens wherever Twisted can.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeAlias
from typing import Protocol as TypingProtocol

from twisted.internet.defer import Deferred
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

from .connections import Connections
from .errors import InvalidSetting
from .interfaces import (
    IExtensionFactory,
    IWebSocketHandler,
    IWebSocketHandlerFactory,
    IWebSocketRequest,
    IWebSocketTransport,
)
from .negotiation import ServerSettings
from .policy import HandshakePolicy, KeepalivePolicy, Limits
from .server import WebSocketServerProtocol
from .streaming import StreamHandler, StreamHandlerFactory
from .wire.codes import CloseCode
from .wire.errors import BadHandshake

__all__ = [
    "Application",
    "BuildsHandlers",
    "HandlerFactory",
    "RequestHandlerFactory",
    "WebSocketFactory",
    "WebSocketProtocol",
    "checkSettings",
    "clockFor",
    "handlerFactoryFor",
    "makeSettings",
]


class BuildsHandlers(TypingProtocol):
    """
    A factory as L{twisted.web.websocket} has them.
    """

    def buildProtocol(self, request: Any, /) -> Any:
        """
        Make something that has the methods of L{IWebSocketHandler}.
        """


Application: TypeAlias = (
    "IWebSocketHandlerFactory | IProtocolFactory | BuildsHandlers"
    " | type[IWebSocketHandler] | type[IProtocol]"
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


@implementer(IWebSocketHandlerFactory)
class RequestHandlerFactory:
    """
    Makes handlers by a factory as L{twisted.web.websocket} has them.
    """

    subprotocols: Sequence[str] = ()

    def __init__(self, factory: BuildsHandlers) -> None:
        """
        @param factory: its C{buildProtocol} is given a
            L{Request<twisted.web.server.Request>} where there is one, else an
            L{IWebSocketRequest}.
        """
        self._factory = factory

    def buildHandler(self, request: IWebSocketRequest) -> IWebSocketHandler:
        """
        See L{IWebSocketHandlerFactory}.
        """
        http = request.http
        handler: IWebSocketHandler = self._factory.buildProtocol(
            request if http is None else http
        )
        return handler


def handlerFactoryFor(
    application: Application, text: bool = False
) -> IWebSocketHandlerFactory:
    """
    Adapt an application to L{IWebSocketHandlerFactory}.

    @param application: one of

      - an L{IWebSocketHandlerFactory};
      - an L{IProtocolFactory<twisted.internet.interfaces.IProtocolFactory>},
        whose protocols are wrapped;
      - a class of L{IWebSocketHandler}s, of which each connection gets one; it
        need not declare the interface if it has all the methods;
      - a class of L{IProtocol<twisted.internet.interfaces.IProtocol>}s,
        likewise;
      - an object as L{twisted.web.websocket} has them, which declares no
        interface: its C{buildProtocol(request)} makes something that has the
        methods of L{IWebSocketHandler}.
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
    # mypy sees that nothing else is left; it does not see what users pass.
    found: Any = application
    if isinstance(found, type) and _isHandler(found):
        return HandlerFactory(found)
    if callable(getattr(found, "buildProtocol", None)) and not isinstance(found, type):
        return RequestHandlerFactory(found)
    raise InvalidSetting(
        "application",
        "must provide IWebSocketHandlerFactory or IProtocolFactory, have "
        "buildProtocol() as twisted.web.websocket knows it, or be a class that "
        f"implements IWebSocketHandler or IProtocol, not {application!r}",
    )


def _isHandler(found: type) -> bool:
    """
    Tell whether a class is one of handlers, declared or not.
    """
    if IWebSocketHandler.implementedBy(found):
        return True
    return all(callable(getattr(found, name, None)) for name in IWebSocketHandler)


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


def checkSettings(
    limits: Limits | None,
    keepalive: KeepalivePolicy | None,
    handshake: HandshakePolicy | None,
) -> None:
    """
    Check that settings are what they are given as.

    @param limits: how much a peer may make this server keep, or L{None}.
    @param keepalive: how long this server waits, or L{None}.
    @param handshake: which handshakes it accepts, or L{None}.
    @raise InvalidSetting: if one is not.
    """
    for name, setting, kind in (
        ("limits", limits, Limits),
        ("keepalive", keepalive, KeepalivePolicy),
        ("handshake", handshake, HandshakePolicy),
    ):
        if not (setting is None or isinstance(setting, kind)):
            raise InvalidSetting(name, f"must be {kind.__name__}, not {setting!r}")


def makeSettings(
    handlerFactory: IWebSocketHandlerFactory,
    limits: Limits,
    keepalive: KeepalivePolicy,
    handshake: HandshakePolicy,
    extensions: Sequence[IExtensionFactory],
    logsFrames: bool,
    clock: IReactorTime | None,
) -> ServerSettings:
    """
    Settle what all connections of a server share.

    @param handlerFactory: the application.
    @param limits: how much a peer may make the server keep.
    @param keepalive: how long it waits.
    @param handshake: which handshakes it accepts.
    @param extensions: the extensions it knows.
    @param logsFrames: whether each frame is logged.
    @param clock: what schedules; L{None} for the reactor.
    """
    return ServerSettings(
        handlerFactory=handlerFactory,
        limits=limits,
        keepalive=keepalive,
        handshake=handshake,
        extensions=extensions,
        clock=clockFor(clock),
        logsFrames=logsFrames,
    )


def clockFor(clock: IReactorTime | None) -> IReactorTime:
    """
    Find what schedules.

    @param clock: L{None} for the reactor, which whoever imports it installs:
        not before it is needed.
    """
    if clock is None:
        from twisted.internet import reactor

        clock = IReactorTime(reactor)
    return clock


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
        extensions: Sequence[IExtensionFactory] = (),
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
        @param extensions: the extensions it knows.
        @param site: what serves HTTP requests that are no upgrades: a
            L{Site<twisted.web.server.Site>}, say; L{None} to refuse them.
        @param logsFrames: whether to log each frame, at level debug.
        @param clock: what schedules; L{None} for the reactor.
        @raise InvalidSetting: if the application, or a setting, is none.
        """
        checkSettings(limits, keepalive, handshake)
        self._handlerFactory = handlerFactoryFor(application, text)
        self._site = site
        self._makeSettings = partial(
            makeSettings,
            self._handlerFactory,
            limits or Limits(),
            keepalive or KeepalivePolicy(),
            handshake or HandshakePolicy(),
            tuple(extensions),
            logsFrames,
            clock,
        )
        self._settings: ServerSettings | None = None
        self._connections = Connections((limits or Limits()).maxConnections)

    @property
    def connections(self) -> Iterator[IWebSocketTransport]:
        """
        The connections that are open or being closed.
        """
        return iter(self._connections)

    def buildProtocol(self, addr: IAddress | None) -> WebSocketServerProtocol:
        """
        Make what reads the opening handshake of a connection.  The
        application is not asked before that is done.
        """
        if self._settings is None:
            self._settings = self._makeSettings()
        refusal = None
        if self._connections.isFull:
            refusal = BadHandshake(503, "too many connections")
        protocol = self.protocol(
            self._settings, self._connections.discard, self._site, refusal
        )
        protocol.factory = self
        self._connections.add(protocol, isCounted=refusal is None)
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
        return self._connections.closeAll(code, reason)

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
