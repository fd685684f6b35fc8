"""
A server in memory, to which clients connect.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias, overload

from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.task import Clock

from txws.applications import Application, handlerFactoryFor
from txws.client import ClientSettings, WebSocketClientProtocol
from txws.errors import InvalidSetting
from txws.factories import WebSocketFactory
from txws.interfaces import IWebSocketHandler, IWebSocketHandlerFactory

from .connections import MemoryConnection
from .faults import NO_FAULTS, Faults
from .handlers import RecordingHandler
from .networks import Network
from .pairs import MemoryClient, MemoryPair
from .transports import CLIENT_ADDRESS

__all__ = ["ClientApplication", "MemoryServer"]

ClientApplication: TypeAlias = "IWebSocketHandler | Application"


class MemoryServer:
    """
    Serves an application in memory::

        client = MemoryServer(Echo).connect()
        client.send("hello")
        self.assertEqual(client.takeMessages(), ["hello"])

    @ivar factory: the server's factory.
    @ivar clock: the time, for the server and its clients.
    """

    def __init__(
        self,
        application: Application | WebSocketFactory,
        text: bool = False,
        *,
        clock: Clock | None = None,
        **settings: Any,
    ) -> None:
        """
        @param application: see L{handlerFactoryFor}; or a factory that is
            ready, and has its settings.
        @param text: have a wrapped protocol send text messages.
        @param clock: the time; L{None} for that of a factory, or a new one.
        @param settings: see L{WebSocketFactory}.
        @raise InvalidSetting: if the application or a setting is none, or if a
            factory does not run on a L{Clock<twisted.internet.task.Clock>}.
        """
        if isinstance(application, WebSocketFactory):
            if text or settings:
                raise InvalidSetting("settings", "are those that the factory has")
            self.factory = application
            self.clock = _clockOf(application, clock)
        else:
            self.clock = Clock() if clock is None else clock
            self.factory = WebSocketFactory(
                application, text, clock=self.clock, **settings
            )
        self._network = Network(self.clock)
        IProtocolFactory(self.factory).doStart()

    @overload
    def connect(self, client: None = None, **settings: Any) -> MemoryClient: ...

    @overload
    def connect(self, client: ClientApplication, **settings: Any) -> MemoryPair: ...

    def connect(
        self,
        client: ClientApplication | None = None,
        *,
        text: bool = False,
        host: str = "example.com",
        target: str = "/",
        subprotocols: Sequence[str] = (),
        window: int | None = None,
        toServer: Faults = NO_FAULTS,
        toClient: Faults = NO_FAULTS,
        **settings: Any,
    ) -> MemoryPair:
        """
        Connect a client, and go through the opening handshake.

        @param client: a handler, or anything that L{handlerFactoryFor} takes;
            L{None} for the test itself.
        @param text: have a wrapped protocol send text messages.
        @param host: the C{Host} header.
        @param target: the path and query of the resource, percent-encoded.
        @param subprotocols: what is offered, the preferred one first.
        @param window: how many bytes the network takes that are not read.
        @param toServer: what happens to what the client sends.
        @param toClient: what happens to what the server sends.
        @param settings: see L{ClientSettings<txws.client.ClientSettings>}:
            C{origin}, C{headers}, C{limits}, C{keepalive}; C{extensions}, which
            are none if not given, so that what is sent has the size that it
            has ...
        @return: a L{MemoryClient} if there is no client, else a L{MemoryPair}.
            The handshake may be not done, if the server takes its time.
        @raise HandshakeRefused: if the server refuses the handshake.
        @raise InvalidSetting: if the client is none.
        """
        # A slow network is tried with messages that would be small compressed.
        settings.setdefault("extensions", ())
        asked = ClientSettings(
            host, target, self.clock, subprotocols=subprotocols, **settings
        )
        recorder = RecordingHandler()
        handler = recorder if client is None else _build(client, text)
        protocol = WebSocketClientProtocol(asked, handler)
        server = self.factory.buildProtocol(CLIENT_ADDRESS)
        connection = MemoryConnection(
            server,
            protocol,
            window,
            toServer=toServer,
            toClient=toClient,
            clock=self.clock,
        )
        pair: MemoryPair
        if client is None:
            pair = MemoryClient(self._network, server, protocol, connection, recorder)
        else:
            pair = MemoryPair(self._network, server, protocol, connection)
        self._network.connections.append(pair)
        pair.open()
        return pair

    def flush(self, size: int | None = None) -> None:
        """
        Carry bytes on all connections, and make the calls that are due now,
        until nothing moves.

        @param size: in pieces of so many bytes; L{None} for as they come.
        @raise RuntimeError: if there is no end to it.
        """
        self._network.flush(size)

    def advance(self, seconds: float) -> None:
        """
        Let time pass, and carry bytes whenever something happens.

        @param seconds: how long.
        """
        self._network.advance(seconds)

    def stop(self) -> None:
        """
        Stop the factory, and close all connections with code 1001.
        """
        self.factory.closeAll()
        IProtocolFactory(self.factory).doStop()
        self.flush()


def _clockOf(factory: WebSocketFactory, clock: Clock | None) -> Clock:
    """
    Find the clock of a factory, or give it one.
    """
    found = factory.clock
    if found is None:
        found = factory.clock = Clock() if clock is None else clock
    if not isinstance(found, Clock) or clock not in (None, found):
        raise InvalidSetting("clock", f"of the factory is {found!r}")
    return found


def _build(
    client: ClientApplication, text: bool
) -> IWebSocketHandler | IWebSocketHandlerFactory:
    """
    Find the client's handler, or what makes it.
    """
    if IWebSocketHandler.providedBy(client):
        return client
    application: Any = client
    return handlerFactoryFor(application, text)
