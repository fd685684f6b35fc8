"""
One end of a connection in memory, which behaves like a TCP connection of
Twisted's, down to its buffer that fills up.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
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

__all__ = ["CLIENT_ADDRESS", "SERVER_ADDRESS", "MemoryTransport"]

# Of the networks that are reserved for documentation, RFC 5737.
SERVER_ADDRESS = IPv4Address("TCP", "192.0.2.1", 80)
CLIENT_ADDRESS = IPv4Address("TCP", "192.0.2.2", 50000)


@implementer(ITCPTransport, IConsumer, IPushProducer)
class MemoryTransport:
    """
    One end of a connection in memory.

    What is written stays here until L{takeData}; what the peer sends comes by
    L{receiveData}.  As with a socket, the protocol is told of the end of the
    connection not from inside its own call, but by L{settle}.

    @cvar bufferSize: with more than so many bytes written and not taken, a
        producer is paused.
    @ivar isReading: whether the protocol wants to be told what is received.
    @ivar isLost: whether the protocol has been told of the end.
    @ivar disconnecting: whether the protocol has asked for the end.
    @ivar producer: who is told when the buffer is full, or L{None}.
    @ivar writes: each write that is not taken yet, as it was made.
    """

    bufferSize = 64 * 1024

    def __init__(
        self,
        protocol: IProtocol,
        host: IPv4Address = SERVER_ADDRESS,
        peer: IPv4Address = CLIENT_ADDRESS,
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
        # How much is in so many writes; a test may have changed them.
        self._unsentSize = 0
        self._countedWrites = 0
        self._isWriting = False
        self._isWriteClosing = False
        self._isWriteClosed = False
        self._host = host
        self._peer = peer
        self._received: list[bytes] = []
        self._hasPeerClosed = False
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

    def takeData(self, size: int | None = None) -> bytes:
        """
        Take what has been written, as the network does.  When nothing is left,
        a producer is resumed, and a transport that is being closed can close.

        @param size: the most bytes to take; L{None} for all.
        """
        written = b"".join(self.writes)
        data = written[:size]
        self.writes[:] = [written[len(data) :]] if len(data) < len(written) else []
        self._unsentSize = len(written) - len(data)
        self._countedWrites = len(self.writes)
        if self._isWriting and not self.writes and self._ending is None:
            self._isWriting = False
            self._written()
        return data

    def settle(self) -> None:
        """
        Tell the protocol what it has not been told because it did not read,
        and of the end of the connection, if it has come.
        """
        self._deliver()
        if not self.writes:
            self.takeData()
        if self._ending is not None:
            self._end(self._ending)

    def lose(self, reason: BaseException | None = None) -> None:
        """
        Lose the connection from outside.

        @param reason: what it is lost with, at once, because the network
            broke; L{None} if the peer has closed it, which is only noticed
            when everything before has been read.
        """
        self._hasPeerClosed = True
        if reason is not None and self._ending is None:
            self._ending = Failure(reason)
        self._deliver()

    @property
    def hasEnded(self) -> bool:
        """
        Whether nothing more will be written: the peer may be told.
        """
        if self._ending is not None or self._isWriteClosed:
            return True
        isClosing = self.disconnecting or self._isWriteClosing
        isFlushed = self._isWriting and not self.writes
        return isClosing and isFlushed and self._isProducerContent

    @property
    def isAborted(self) -> bool:
        """
        Whether the protocol has ended the connection by force, which is an
        error for the peer.
        """
        ending = self._ending
        return ending is not None and ending.check(ConnectionAborted) is not None

    @property
    def unreadSize(self) -> int:
        """
        How many bytes were received and not yet read by the protocol.
        """
        return sum(map(len, self._received))

    @property
    def _isProducerContent(self) -> bool:
        """
        Whether no producer waits to be resumed.
        """
        if self.producer is None:
            return True
        return self._isStreaming and not self._isProducerPaused

    def _deliver(self) -> None:
        """
        Give the protocol what has been received.
        """
        while self._received and self.isReading and self._ending is None:
            self.protocol.dataReceived(self._received.pop(0))
        if self._hasPeerClosed and self.isReading and self._ending is None:
            self._ending = Failure(ConnectionDone())

    def _written(self) -> None:
        """
        Do what comes when the buffer has become empty.
        """
        if self.producer is not None and not self._isProducerContent:
            self._isProducerPaused = False
            cast(IPullProducer, self.producer).resumeProducing()
        elif self.disconnecting:
            self._ending = Failure(ConnectionDone())
        elif self._isWriteClosing:
            self._isWriteClosed = True

    def _end(self, ending: Failure) -> None:
        """
        Tell the protocol of the end.
        """
        if self.isLost:
            return
        self._ending = ending
        self.isLost = True
        self.writes.clear()
        producer, self.producer = self.producer, None
        if producer is not None:
            producer.stopProducing()
        self.protocol.connectionLost(ending)

    # ITCPTransport

    def write(self, data: bytes) -> None:
        """
        Keep bytes for L{takeData}.
        """
        self.writeSequence((data,))

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """
        Keep bytes for L{takeData}.
        """
        pieces = list(data)
        for piece in pieces:
            if not isinstance(piece, bytes):
                raise TypeError(f"data must be bytes, not {type(piece).__name__}")
        if self._ending is not None or self._isWriteClosed or not any(pieces):
            return
        written = b"".join(pieces)
        if len(self.writes) != self._countedWrites:
            self._unsentSize = sum(map(len, self.writes))
        self.writes.append(written)
        self._unsentSize += len(written)
        self._countedWrites = len(self.writes)
        self._isWriting = True
        isFull = self._unsentSize > self.bufferSize
        if isFull and self.producer is not None and self._isStreaming:
            self._isProducerPaused = True
            cast(IPushProducer, self.producer).pauseProducing()

    def loseConnection(self) -> None:
        """
        Close when everything is written; read no more.

        After L{loseWriteConnection} everything is, and the protocol is told
        of the end from inside this call, as Twisted does.
        """
        if self._ending is not None or self.disconnecting:
            return
        self.isReading = False
        self.disconnecting = True
        self._isWriting = True
        if self._isWriteClosed:
            self._end(Failure(ConnectionDone()))

    def loseWriteConnection(self) -> None:
        """
        Write no more when everything is written, and go on to read.

        To say so twice breaks a connection, as it does with a socket: there is
        nothing left that could be closed for writing.
        """
        if self._isWriteClosed:
            self.lose(ConnectionLost())
        self._isWriteClosing = True
        self._isWriting = True

    def abortConnection(self) -> None:
        """
        Close at once.
        """
        self.disconnecting = True
        self.isReading = False
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
        if self.isLost:
            producer.stopProducing()
            return
        self.producer = producer
        self._isStreaming = streaming
        self._isProducerPaused = False
        if not streaming:
            cast(IPullProducer, producer).resumeProducing()

    def unregisterProducer(self) -> None:
        """
        See L{IConsumer<twisted.internet.interfaces.IConsumer>}.
        """
        self.producer = None
        if self.disconnecting:
            self._isWriting = True

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
