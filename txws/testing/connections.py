"""
Two protocols, connected in memory.
"""

from __future__ import annotations

from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IProtocol, IReactorTime

from .faults import NO_FAULTS, Faults
from .links import Link
from .transports import CLIENT_ADDRESS, SERVER_ADDRESS, MemoryTransport

__all__ = ["MemoryConnection"]


class MemoryConnection:
    """
    Two protocols, connected in memory, by a network that may misbehave.

    @ivar server: the transport of the server's protocol.
    @ivar client: the transport of the client's protocol.
    """

    def __init__(
        self,
        server: IProtocol,
        client: IProtocol,
        window: int | None = None,
        *,
        toServer: Faults = NO_FAULTS,
        toClient: Faults = NO_FAULTS,
        clock: IReactorTime | None = None,
    ) -> None:
        """
        Connect both.

        @param server: the server's protocol.
        @param client: the client's protocol.
        @param window: how many bytes the network takes that are not read on
            the other side; L{None} for no limit.
        @param toServer: what happens to what the client sends.
        @param toClient: what happens to what the server sends.
        @param clock: what tells the time; L{None} if no fault takes any.
        @raise InvalidSetting: if there is a fault that takes time, and no
            clock.
        """
        self.server = MemoryTransport(server)
        self.client = MemoryTransport(client, CLIENT_ADDRESS, SERVER_ADDRESS)
        self._isCut = False
        self._toServer = Link(self.client, self.server, window, clock, toServer)
        self._toClient = Link(self.server, self.client, window, clock, toClient)
        self.server.connect()
        self.client.connect()

    @property
    def toServer(self) -> Faults:
        """
        What happens to what the client sends; may be set at any time.
        """
        return self._toServer.faults

    @toServer.setter
    def toServer(self, faults: Faults) -> None:
        self._toServer.setFaults(faults)

    @property
    def toClient(self) -> Faults:
        """
        What happens to what the server sends; may be set at any time.
        """
        return self._toClient.faults

    @toClient.setter
    def toClient(self, faults: Faults) -> None:
        self._toClient.setFaults(faults)

    @property
    def due(self) -> float | None:
        """
        When the network has something to carry that it cannot carry now, as
        the clock counts; L{None} if it has not.
        """
        dues = [link.due for link in (self._toServer, self._toClient)]
        return min((due for due in dues if due is not None), default=None)

    @property
    def isLost(self) -> bool:
        """
        Whether both protocols have been told of the end.
        """
        return self.server.isLost and self.client.isLost

    def flush(self, size: int | None = None) -> None:
        """
        Carry bytes both ways until nothing moves.

        @param size: in pieces of so many bytes; L{None} for as they come.
        """
        while self.step(size):
            pass

    def step(self, size: int | None = None) -> bool:
        """
        Carry bytes both ways, once.

        @param size: in pieces of so many bytes; L{None} for as they come.
        @return: whether anything moved.
        """
        if self._isCut:
            return self._stepCut()
        hasMoved = False
        for link in (self._toServer, self._toClient):
            hasMoved = link.carry(size) or hasMoved
            if link.isCut:
                self._cut(link.faults.isReset)
                return True
        return hasMoved

    def _cut(self, isReset: bool) -> None:
        """
        Cut the connection, for both sides.
        """
        self._isCut = True
        for transport in (self.server, self.client):
            transport.lose(ConnectionLost() if isReset else None)

    def _stepCut(self) -> bool:
        """
        Carry nothing: who writes is told that nobody takes it.

        @return: whether anything moved.
        """
        before = (self.server.isLost, self.client.isLost)
        for transport in (self.server, self.client):
            if transport.takeData():
                transport.lose(ConnectionLost())
            transport.settle()
        return before != (self.server.isLost, self.client.isLost)
