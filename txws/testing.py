"""
Tools to test WebSocket applications with, in memory: no socket, no clock but
the one that the test turns.

L{MemoryTransport} behaves like a TCP connection of Twisted's, down to its
buffer that fills up; L{MemoryConnection} is two of them, joined.
L{RecordingHandler} notes what it is told.

The rest of the package does not import this module.
"""

from __future__ import annotations

from collections.abc import Iterable

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import (
    IConsumer,
    IProducer,
    IProtocol,
    IPullProducer,
    IPushProducer,
    ITCPTransport,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from .handlers import WebSocketHandler
from .interfaces import IWebSocketTransport

__all__ = ["MemoryConnection", "MemoryTransport", "RecordingHandler"]

_SERVER = IPv4Address("TCP", "192.0.2.1", 80)
_CLIENT = IPv4Address("TCP", "192.0.2.2", 50000)


@implementer(ITCPTransport, IConsumer, IPushProducer)
class MemoryTransport:
    """
    One end of a connection in memory.

    What is written stays here until L{takeData}; what the peer sends comes by
    L{receiveData}.  As with a socket, the protocol is never told of the end of
    the connection from inside its own call, but by L{settle}.

    @cvar bufferSize: with more than so many bytes written and not taken, a
        producer is paused.
    @ivar isReading: whether the protocol wants to be told what is received.
    @ivar isLost: whether the protocol has been told of the end.
    @ivar disconnecting: whether the protocol has asked for the end.
    @ivar writes: each write since the last L{takeData}, as it was made.
    """

    bufferSize = 64 * 1024

    def __init__(
        self,
        protocol: IProtocol,
        host: IPv4Address = _SERVER,
        peer: IPv4Address = _CLIENT,
    ) -> None:
        """
        @param protocol: whose connection it is; connect it with L{connect}.
        @param host: the address of this end.
        @param peer: the address of the other end.
        """
        self.protocol = protocol
        self.isReading = True
        self.isLost = False
        self.disconnecting = False
        self.writes: list[bytes] = []
        self.producer: IProducer | None = None
        self._isStreaming = True
        self._isProducerPaused = False
        self._isWriteLost = False
        self._host = host
        self._peer = peer
        self._received: list[bytes] = []
        self._ending: Failure | None = None
        self._options = {"noDelay": False, "keepAlive": False}

    # For the test

    def connect(self) -> None:
        """
        Connect the protocol.
        """
        self.protocol.makeConnection(self)

    def receiveData(self, data: bytes) -> None:
        """
        Receive bytes from the peer: at once if the protocol reads, else when
        it does.
        """
        self._received.append(data)
        self._deliver()

    def takeData(self) -> bytes:
        """
        Take what has been written, as the network does; a producer is resumed,
        and a transport that is being closed can close.
        """
        data = b"".join(self.writes)
        self.writes.clear()
        if self.isLost or self._ending is not None:
            return data
        if self.producer is not None:
            if not self._isStreaming:
                IPullProducer(self.producer).resumeProducing()
            elif self._isProducerPaused:
                self._isProducerPaused = False
                IPushProducer(self.producer).resumeProducing()
        return data

    def settle(self) -> None:
        """
        Tell the protocol of the end of the connection, if it has come.
        """
        self._deliver()
        isFlushed = not self.writes and self.producer is None
        if self._ending is None and self.disconnecting and isFlushed:
            self._ending = Failure(ConnectionDone())
        if self._ending is not None and not self.isLost:
            self.isLost = True
            self.writes.clear()
            self._received.clear()
            producer, self.producer = self.producer, None
            if producer is not None:
                producer.stopProducing()
            self.protocol.connectionLost(self._ending)

    def lose(self, reason: BaseException | None = None) -> None:
        """
        Lose the connection from outside: the peer has closed it, or the
        network broke.

        @param reason: what it is lost with; L{None} if the peer closed.
        """
        if self._ending is None:
            self._ending = Failure(reason or ConnectionDone())

    @property
    def hasEnded(self) -> bool:
        """
        Whether nothing more will be written: the peer may be told.
        """
        isFlushed = not self.writes and self.producer is None
        isClosing = self.disconnecting or self._isWriteLost
        return self._ending is not None or (isClosing and isFlushed)

    def _deliver(self) -> None:
        """
        Give the protocol what has been received.
        """
        while self._received and self.isReading and self._ending is None:
            self.protocol.dataReceived(self._received.pop(0))

    # ITCPTransport

    def write(self, data: bytes) -> None:
        """
        Keep bytes for L{takeData}.
        """
        if not isinstance(data, bytes):
            raise TypeError(f"data must be bytes, not {type(data).__name__}")
        if self._ending is not None or self._isWriteLost or not data:
            return
        self.writes.append(data)
        isFull = sum(map(len, self.writes)) > self.bufferSize
        if isFull and self.producer is not None and self._isStreaming:
            self._isProducerPaused = True
            IPushProducer(self.producer).pauseProducing()

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """
        Keep bytes for L{takeData}.
        """
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """
        Close when everything is written; read no more.
        """
        self.disconnecting = True
        self.isReading = False

    def loseWriteConnection(self) -> None:
        """
        Write no more, and go on to read.
        """
        self._isWriteLost = True

    def abortConnection(self) -> None:
        """
        Close at once.
        """
        self.disconnecting = True
        self.writes.clear()
        self.lose(ConnectionAborted())

    def getHost(self) -> IPv4Address:
        """
        Get the address of this end.
        """
        return self._host

    def getPeer(self) -> IPv4Address:
        """
        Get the address of the other end.
        """
        return self._peer

    def getTcpNoDelay(self) -> bool:
        """
        See L{ITCPTransport<twisted.internet.interfaces.ITCPTransport>}.
        """
        return self._options["noDelay"]

    def setTcpNoDelay(self, enabled: bool) -> None:
        """
        See L{ITCPTransport<twisted.internet.interfaces.ITCPTransport>}.
        """
        self._options["noDelay"] = bool(enabled)

    def getTcpKeepAlive(self) -> bool:
        """
        See L{ITCPTransport<twisted.internet.interfaces.ITCPTransport>}.
        """
        return self._options["keepAlive"]

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """
        See L{ITCPTransport<twisted.internet.interfaces.ITCPTransport>}.
        """
        self._options["keepAlive"] = bool(enabled)

    # IConsumer

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """
        See L{IConsumer<twisted.internet.interfaces.IConsumer>}.
        """
        if self.producer is not None:
            raise RuntimeError(f"producer {self.producer!r} is registered")
        if self._ending is not None:
            producer.stopProducing()
            return
        self.producer = producer
        self._isStreaming = streaming
        if not streaming:
            IPullProducer(producer).resumeProducing()

    def unregisterProducer(self) -> None:
        """
        See L{IConsumer<twisted.internet.interfaces.IConsumer>}.
        """
        self.producer = None
        self._isProducerPaused = False

    # IPushProducer

    def pauseProducing(self) -> None:
        """
        Tell the protocol nothing until L{resumeProducing}.
        """
        self.isReading = False

    def resumeProducing(self) -> None:
        """
        Tell the protocol what it gets from now on, and with the next
        L{settle} what it got meanwhile.
        """
        if not self.disconnecting:
            self.isReading = True

    def stopProducing(self) -> None:
        """
        Close the connection.
        """
        self.loseConnection()


class MemoryConnection:
    """
    Two protocols, connected in memory.

    @ivar server: the transport of the server's protocol.
    @ivar client: the transport of the client's protocol.
    """

    def __init__(self, server: IProtocol, client: IProtocol) -> None:
        """
        Connect both.

        @param server: the server's protocol.
        @param client: the client's protocol.
        """
        self.server = MemoryTransport(server)
        self.client = MemoryTransport(client, host=_CLIENT, peer=_SERVER)
        self.server.connect()
        self.client.connect()

    def flush(self, size: int | None = None) -> None:
        """
        Carry bytes both ways until nothing moves.

        @param size: in pieces of so many bytes; L{None} for as they come.
        """
        isMoving = True
        while isMoving:
            there = self._carry(self.client, self.server, size)
            back = self._carry(self.server, self.client, size)
            isMoving = there or back

    def _carry(
        self, source: MemoryTransport, sink: MemoryTransport, size: int | None
    ) -> bool:
        """
        Carry bytes one way.

        @return: whether there was anything to carry.
        """
        data = source.takeData()
        for start in range(0, len(data), size or max(len(data), 1)):
            piece = data[start : start + size] if size else data
            sink.receiveData(piece)
        wasLost = source.isLost
        source.settle()
        if source.hasEnded and sink.isReading:
            sink.lose()
        sink.settle()
        return bool(data) or source.isLost is not wasLost


class RecordingHandler(WebSocketHandler):
    """
    Notes what it is told.

    @ivar events: the calls of its methods, as tuples of the method's name and
        its arguments.
    @ivar messages: the messages received, text and binary.
    @ivar reason: what the connection was lost with, or L{None}.
    """

    def __init__(self) -> None:
        self.events: list[tuple[object, ...]] = []
        self.messages: list[str | bytes] = []
        self.reason: Failure | None = None

    def negotiationStarted(self, transport: IWebSocketTransport) -> None:
        """
        Note the transport.
        """
        super().negotiationStarted(transport)
        self.events.append(("negotiationStarted",))

    def negotiationFinished(self) -> None:
        """
        Note that it was called.
        """
        self.events.append(("negotiationFinished",))

    def textMessageReceived(self, message: str) -> None:
        """
        Note a text message.
        """
        self.events.append(("textMessageReceived", message))
        self.messages.append(message)

    def bytesMessageReceived(self, data: bytes) -> None:
        """
        Note a binary message.
        """
        self.events.append(("bytesMessageReceived", data))
        self.messages.append(data)

    def pongReceived(self, payload: bytes) -> None:
        """
        Note a Pong.
        """
        self.events.append(("pongReceived", payload))

    def connectionLost(self, reason: Failure) -> None:
        """
        Note the end.
        """
        self.events.append(("connectionLost",))
        self.reason = reason
