"""
An internet in memory, for what makes its own connections.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import error as network
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import (
    IHostnameResolver,
    IHostResolution,
    IProtocolFactory,
    IReactorPluggableNameResolver,
    IReactorTCP,
    IReactorTime,
    IReactorUNIX,
)
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from txws.factories import WebSocketFactory
from txws.shell.options import parseOptions
from txws.shell.streams import Streams
from txws.testing import Faults, MemoryConnection, MemoryTransport
from txws.testing.networks import Network

__all__ = ["Internet", "Pipes", "Saying", "optionsOf", "outcomeOf"]

ADDRESS = "192.0.2.1"


class Saying(Protocol):
    """
    A server that says one thing, whatever it is asked, and closes.
    """

    def __init__(self, said: bytes, closes: bool = True) -> None:
        self._said = said
        self._closes = closes

    def dataReceived(self, data: bytes) -> None:
        """
        Say it.
        """
        self.transport.write(self._said)
        if self._closes:
            self.transport.loseConnection()


@implementer(IHostResolution)
class _Resolution:
    """
    A name that is being found.
    """

    def __init__(self, name: str, internet: Internet) -> None:
        self.name = name
        self._internet = internet

    def cancel(self) -> None:
        """
        Note it.
        """
        if not self._internet.canCancel:
            raise NotImplementedError
        self._internet.cancelled.append(self.name)


@implementer(
    IHostnameResolver,
    IReactorPluggableNameResolver,
    IReactorTCP,
    IReactorTime,
    IReactorUNIX,
)
class Internet(Clock):
    """
    A reactor with an internet of its own.

    @ivar names: the addresses of each name.
    @ivar servers: what listens at each port, or at each path.
    @ivar faults: what happens to what servers send.
    @ivar clients: the clients' transports.
    @ivar canCancel: whether the search for a name can be cancelled.
    @ivar cancelled: for which names it was.
    @ivar receiver: who wants to know the name that was asked for last.
    """

    def __init__(self) -> None:
        super().__init__()
        self.nameResolver = self
        self.names = {
            "example.com": [ADDRESS],
            "localhost": [ADDRESS],
            "proxy.example": [ADDRESS],
            ADDRESS: [ADDRESS],
        }
        self.servers: dict[int | str, Any] = {}
        self.faults = Faults()
        self.clients: list[MemoryTransport] = []
        self.canCancel = True
        self.cancelled: list[str] = []
        self._network = Network(self)

    def serve(
        self, application: Any, port: int = 80, **settings: Any
    ) -> WebSocketFactory:
        """
        Serve WebSockets.
        """
        factory = WebSocketFactory(application, clock=self, **settings)
        self.servers[port] = IProtocolFactory(factory)
        return factory

    def run(self, seconds: float = 0.0) -> None:
        """
        Let time pass.
        """
        self._network.advance(seconds)
        self._network.flush()

    # What is used of a reactor

    def resolveHostName(
        self,
        resolutionReceiver,
        hostName,
        portNumber=0,
        addressTypes=None,
        transportSemantics="TCP",
    ) -> IHostResolution:
        """
        Find a name.
        """
        resolution = _Resolution(hostName, self)
        self.receiver = resolutionReceiver
        resolutionReceiver.resolutionBegan(resolution)
        for address in self.names.get(hostName, ()):
            resolutionReceiver.addressResolved(IPv4Address("TCP", address, portNumber))
        if hostName != "silent.example":
            resolutionReceiver.resolutionComplete()
        return resolution

    def installNameResolver(self, resolver):
        """
        Never called.
        """
        raise NotImplementedError

    def listenTCP(self, port, factory, backlog=50, interface=""):
        """
        Never called.
        """
        raise NotImplementedError

    def listenUNIX(self, address, factory, backlog=50, mode=0o666, wantPID=0):
        """
        Never called.
        """
        raise NotImplementedError

    def connectTCP(self, host, port, factory, timeout=30, bindAddress=None):
        """
        Connect to what listens at a port.
        """
        return _Connector(self, port, factory)

    def connectUNIX(self, address, factory, timeout=30, checkPID=0):
        """
        Connect to what listens at a path.
        """
        return _Connector(self, address, factory)

    def connect(self, server: Any, factory: Any) -> None:
        """
        Connect a client to a server.
        """
        protocol = factory.buildProtocol(IPv4Address("TCP", ADDRESS, 80))
        accepted = server.buildProtocol(IPv4Address("TCP", "192.0.2.2", 50000))
        assert accepted is not None
        connection = MemoryConnection(
            accepted, protocol, toClient=self.faults, clock=self
        )
        self.clients.append(connection.client)
        self._network.connections.append(connection)


class _Connector:
    """
    An attempt to connect.
    """

    def __init__(self, internet: Internet, where: int | str, factory: Any) -> None:
        self._internet = internet
        self._where = where
        self._factory = factory
        factory.doStart()
        factory.startedConnecting(self)
        self._attempt = internet.callLater(0, self._connect)

    def getDestination(self) -> IPv4Address:
        """
        Tell where it leads.
        """
        return IPv4Address("TCP", ADDRESS, 80)

    def stopConnecting(self) -> None:
        """
        Give up.
        """
        self._attempt.cancel()
        self._factory.clientConnectionFailed(self, Failure(network.UserError()))

    def _connect(self) -> None:
        """
        Connect, or be refused.
        """
        server = self._internet.servers.get(self._where)
        if server is None:
            refused = Failure(network.ConnectionRefusedError())
            self._factory.clientConnectionFailed(self, refused)
        else:
            self._internet.connect(server, self._factory)


class Pipes:
    """
    Input and output in memory.

    @ivar streams: what is tested uses these.
    @ivar transport: what is below them.
    """

    def __init__(self) -> None:
        self.streams = Streams()
        self.transport = MemoryTransport(self.streams)
        self.transport.connect()

    def type(self, data: bytes | str) -> None:
        """
        Give some input.
        """
        self.transport.receiveData(data.encode() if isinstance(data, str) else data)

    def end(self) -> None:
        """
        End the input.
        """
        self.streams.readConnectionLost()

    def take(self) -> str:
        """
        Take the output.
        """
        return self.transport.takeData().decode()

    def finish(self) -> None:
        """
        Have written what is left.
        """
        self.transport.settle()


def outcomeOf(deferred: Any) -> Any:
    """
    Tell what has become of something: L{None} as long as nothing has.
    """
    outcomes: list[Any] = []
    deferred.addBoth(outcomes.append)
    if not outcomes:
        return None
    return outcomes[0].value if isinstance(outcomes[0], Failure) else outcomes[0]


def optionsOf(*arguments: str) -> Any:
    """
    Parse a command line.
    """
    return parseOptions(list(arguments))
