"""
The door of a server: a factory that wraps an application, whatever it is, and
listens wherever Twisted can.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IProtocolFactory,
    IProtocolNegotiationFactory,
    IReactorTime,
)
from twisted.internet.protocol import ServerFactory, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from .applications import Application
from .connections import Connections
from .interfaces import (
    IExtensionFactory,
    ILegacyVersions,
    IStartedHandlerFactory,
    IWebSocketHandler,
    IWebSocketTransport,
)
from .policy import (
    HandshakePolicy,
    KeepalivePolicy,
    Limits,
)
from .server import WebSocketServerProtocol
from .setups import ServerSetup, checkProvides
from .streaming import StreamHandler
from .wire.codes import CloseCode
from .wire.errors import BadHandshake
from .wire.prepared import PreparedMessage

__all__ = ["WebSocketFactory", "WebSocketProtocol"]

_log = Logger()

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
    @cvar isWebSocketServer: true, for it is a whole server.
    """

    protocol = WebSocketProtocol
    isWebSocketServer = True

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
        legacy: ILegacyVersions | None = None,
        clock: IReactorTime | None = None,
    ) -> None:
        """
        @param application: see
            L{handlerFactoryFor<txws.applications.handlerFactoryFor>}.
        @param text: have a wrapped protocol send text messages.
        @param limits: how much a peer may make this server keep.
        @param keepalive: how long this server waits.
        @param handshake: which origins, subprotocols and paths it accepts.
        @param extensions: the extensions it knows; L{None} for compression, but
            not of wrapped protocols; none to do without.
        @param site: what serves HTTP requests that are no upgrades: a
            L{Site<twisted.web.server.Site>}, say; L{None} to refuse them.
        @param logsFrames: whether to log each frame, at level debug.
        @param legacy: what it speaks beside RFC 6455, none of which is safe: a
            L{Legacy<txws.legacy.versions.Legacy>}, or L{None} for nothing.
        @param clock: what schedules; L{None} for the reactor.
        @raise InvalidSetting: if the application, or a setting, is none.
        """
        if site is not None:
            checkProvides("site", site, IProtocolFactory)
        self._setup = ServerSetup(
            application,
            text,
            limits,
            keepalive,
            handshake,
            extensions,
            logsFrames,
            clock,
            legacy,
        )
        self._site = site
        self._connections = Connections(self._setup.limits.maxConnections)
        # One for all connections.
        self._discard = self._connections.discard

    @property
    def clock(self) -> IReactorTime | None:
        """
        What schedules; L{None} for the reactor, before the first connection.
        """
        return self._setup.clock

    @clock.setter
    def clock(self, clock: IReactorTime) -> None:
        self._setup.clock = clock

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
        refusal = None
        if self._connections.isFull:
            refusal = BadHandshake(503, "too many connections")
        protocol = self.protocol(
            self._setup.settings, self._discard, self._site, refusal
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
        Start the application, if it wants to know, and the site with this one.
        """
        for factory in self._factoriesBelow():
            factory.doStart()

    def stopFactory(self) -> None:
        """
        Stop the application, if it wants to know, and the site with this one.
        """
        for factory in self._factoriesBelow():
            factory.doStop()

    def broadcast(
        self,
        message: str | bytes | bytearray | memoryview | PreparedMessage,
        compress: bool | None = None,
    ) -> int:
        """
        Send a message to all open connections, serialized once.  One to which
        that raises is logged, and the others get it.  What slow readers have
        not read is pending, as with whatever else is sent; a
        L{Group<txws.groups.Group>} has policies for them.

        @param message: text, or data for a binary message.
        @param compress: as for L{Group.broadcast<txws.groups.Group.broadcast>}.
        @return: how many were sent it.
        @raise TypeError: if the message is neither L{str} nor like bytes.
        @raise UnicodeEncodeError: if the text has surrogates, which UTF-8
            cannot say.
        """
        if not isinstance(message, PreparedMessage):
            message = PreparedMessage(message, compress)
        sent = 0
        for connection in self.connections:
            if connection.isOpen:
                try:
                    connection.sendPreparedMessage(message)
                    sent += 1
                except Exception:
                    _log.failure("{connection} raised", connection=connection)
        return sent

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

    def _factoriesBelow(self) -> list[IProtocolFactory | IStartedHandlerFactory]:
        """
        Find the factories that live as long as this one.
        """
        factories: list[IProtocolFactory | IStartedHandlerFactory] = []
        if IStartedHandlerFactory.providedBy(self._setup.handlerFactory):
            factories.append(self._setup.handlerFactory)
        if self._site is not None:
            factories.append(self._site)
        return factories
