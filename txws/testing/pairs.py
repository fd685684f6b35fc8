"""
A server and a client in memory, connected by a whole opening handshake.
"""

from __future__ import annotations

from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from txws.client import WebSocketClientProtocol
from txws.errors import WebSocketClosed, WebSocketFailed
from txws.interfaces import IWebSocketHandler, IWebSocketTransport
from txws.server import WebSocketServerProtocol
from txws.wire.codes import CloseCode

from .connections import MemoryConnection
from .handlers import RecordingHandler
from .networks import Network

__all__ = ["MemoryClient", "MemoryPair"]


class MemoryPair:
    """
    A server and a client, which L{MemoryServer.connect
    <txws.testing.servers.MemoryServer.connect>} has connected.

    @ivar clock: the time, for both sides.
    @ivar connection: the transports of both sides and the network between,
        whose faults may be set.
    @ivar opened: fires with the client's handler when the connection is open.
    """

    def __init__(
        self,
        network: Network,
        server: WebSocketServerProtocol,
        client: WebSocketClientProtocol,
        connection: MemoryConnection,
    ) -> None:
        """
        @param network: where the connection is.
        @param server: the server's protocol.
        @param client: the client's protocol.
        @param connection: the connection of both.
        """
        self.clock: Clock = network.clock
        self.connection = connection
        self.opened: Deferred[IWebSocketHandler] = client.opened
        self._network = network
        self._protocols = (server, client)
        self._server: IWebSocketTransport | None = None
        self._client: IWebSocketTransport | None = None

    @property
    def server(self) -> IWebSocketTransport:
        """
        The connection, for the server's application.

        @raise RuntimeError: if the server has not accepted the handshake.
        """
        if self._server is None:
            raise RuntimeError("the server has not accepted the handshake")
        return self._server

    @property
    def client(self) -> IWebSocketTransport:
        """
        The connection, for the client's application.

        @raise RuntimeError: if the handshake is not done.
        """
        if self._client is None:
            raise RuntimeError("the opening handshake is not done")
        return self._client

    @property
    def isLost(self) -> bool:
        """
        Whether both sides have been told of the end.
        """
        return self.connection.isLost

    @property
    def due(self) -> float | None:
        """
        See L{MemoryConnection.due}.
        """
        return self.connection.due

    def flush(self, size: int | None = None) -> None:
        """
        Carry bytes on all connections of the server, and make the calls that
        are due now, until nothing moves.

        @param size: in pieces of so many bytes; L{None} for as they come.
        @raise RuntimeError: if there is no end to it.
        """
        self._network.flush(size)

    def advance(self, seconds: float) -> None:
        """
        Let time pass for all connections of the server, and carry bytes
        whenever something happens.

        @param seconds: how long.
        """
        self._network.advance(seconds)

    def step(self, size: int | None = None) -> bool:
        """
        Carry bytes both ways, once, on this connection alone.

        @param size: in pieces of so many bytes; L{None} for as they come.
        @return: whether anything moved.
        """
        hasMoved = self.connection.step(size)
        server, client = self._protocols
        # A protocol forgets it at the end of the connection.
        self._server = self._server or server.webSocket
        self._client = self._client or client.webSocket
        return hasMoved

    def open(self) -> None:
        """
        Go through the opening handshake, as long as it takes the network.

        @raise Exception: what the handshake fails with; a
            L{HandshakeRefused<txws.wire.errors.HandshakeRefused>}, say.
        """
        self.flush()
        while not self.opened.called and (due := self.due) is not None:
            self.advance(due - self.clock.seconds())
        result: object = getattr(self.opened, "result", None)
        if isinstance(result, Failure):
            self.opened.addErrback(lambda failure: None)
            result.raiseException()


class MemoryClient(MemoryPair):
    """
    A server and a client, which is the test itself.

    @ivar handler: what the client is told.
    """

    def __init__(
        self,
        network: Network,
        server: WebSocketServerProtocol,
        client: WebSocketClientProtocol,
        connection: MemoryConnection,
        handler: RecordingHandler,
    ) -> None:
        """
        @param network: where the connection is.
        @param server: the server's protocol.
        @param client: the client's protocol.
        @param connection: the connection of both.
        @param handler: the client's handler.
        """
        super().__init__(network, server, client, connection)
        self.handler = handler

    def send(self, message: str | bytes | bytearray | memoryview) -> None:
        """
        Send a message, text or binary, and let the server answer.
        """
        if isinstance(message, str):
            self.client.sendTextMessage(message)
        else:
            self.client.sendBytesMessage(message)
        self.flush()

    def takeMessages(self) -> list[str | bytes]:
        """
        Take the messages that have been received and not been taken.
        """
        self.flush()
        messages = self.handler.messages
        taken = list(messages)
        messages.clear()
        return taken

    def close(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """
        Close the connection, and let the server answer.

        @param code: the close code.
        @param reason: the close reason.
        """
        self.client.loseConnection(code, reason)
        self.flush()

    @property
    def ended(self) -> WebSocketClosed | WebSocketFailed | None:
        """
        How the connection has ended, or L{None}.
        """
        reason = self.handler.reason
        if reason is None:
            return None
        return cast("WebSocketClosed | WebSocketFailed", reason.value)

    @property
    def closeCode(self) -> int | None:
        """
        The close code of the server, 1006 if it did not send one; L{None}
        before the end.
        """
        return None if self.ended is None else int(self.ended.code)

    @property
    def closeReason(self) -> str | None:
        """
        The close reason of the server; L{None} before the end.
        """
        return None if self.ended is None else self.ended.reason
