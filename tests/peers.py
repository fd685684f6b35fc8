"""
Clients for the tests of servers: one that speaks bytes, right or wrong, and
one that is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import twisted.internet
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IProtocolFactory,
    IReactorPluggableNameResolver,
    IReactorTime,
    IResolutionReceiver,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import PrivateCertificate, optionsForClientTLS
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from txws.client import ClientSettings, WebSocketClientProtocol
from txws.interfaces import IWebSocketHandler
from txws.request import WebSocketRequest
from txws.streaming import StreamHandler, StreamHandlerFactory
from txws.testing import MemoryConnection, MemoryTransport
from txws.wire.codes import Opcode
from txws.wire.frames import Frame
from txws.wire.http import Headers, HeadLimits, parseResponseHead

from .certificates import makePEM
from .wire.tables import frame, readFrames

__all__ = [
    "ACCEPT",
    "ADDRESS",
    "KEY",
    "Answer",
    "MemoryReactor",
    "RawPeer",
    "TLSPair",
    "connectClient",
    "makeRequest",
    "readAnswer",
    "streamHandlerFor",
    "useMemoryReactor",
    "wrapTLS",
]

# RFC 6455 section 1.3.
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

# Where a peer seems to be when a factory is asked for a protocol.
ADDRESS = IPv4Address("TCP", "192.0.2.2", 50000)

_LIMITS = HeadLimits(maxSize=65536, maxHeaders=128, maxLineSize=65536)


def makeRequest(
    *changes: tuple[str, ...],
    method: str = "GET",
    target: str = "/",
    version: str = "HTTP/1.1",
) -> bytes:
    """
    Make a valid opening handshake with some header fields replaced: by none,
    one or several values.
    """
    fields: dict[str, tuple[str, ...]] = {
        "Host": ("example.com",),
        "Upgrade": ("websocket",),
        "Connection": ("Upgrade",),
        "Sec-WebSocket-Key": (KEY,),
        "Sec-WebSocket-Version": ("13",),
    }
    for name, *values in changes:
        fields[name] = tuple(values)
    lines = [f"{method} {target} {version}"]
    lines += [f"{name}: {value}" for name in fields for value in fields[name]]
    return "\r\n".join((*lines, "", "")).encode("latin-1")


class Answer(NamedTuple):
    """
    What a server has answered to an HTTP request.
    """

    status: int
    headers: Headers
    body: bytes


def readAnswer(data: bytes) -> Answer:
    """
    Read an answer that is all there.
    """
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator:
        raise AssertionError(f"not an answer of HTTP: {data!r}")
    parsed = parseResponseHead(head, _LIMITS)
    return Answer(parsed.status, parsed.headers, body)


class RawPeer:
    """
    A client that sends whatever bytes it is told to.

    @ivar protocol: the server's protocol.
    @ivar transport: the server's transport.
    """

    def __init__(self, factory: IProtocolFactory) -> None:
        """
        Connect to a server.
        """
        protocol = factory.buildProtocol(ADDRESS)
        assert protocol is not None
        self.protocol: Any = protocol
        self.transport = MemoryTransport(protocol)
        self.transport.connect()

    @classmethod
    def upgraded(
        cls, factory: IProtocolFactory, *changes: tuple[str, ...], target: str = "/"
    ) -> RawPeer:
        """
        Connect to a server and go through the opening handshake.
        """
        peer = cls(factory)
        peer.send(makeRequest(*changes, target=target))
        answer, separator, rest = peer.transport.takeData().partition(b"\r\n\r\n")
        if readAnswer(answer + separator).status != 101:
            raise AssertionError(f"the handshake is refused: {answer!r}")
        if rest:
            # For the test, as if it had been written last.
            peer.transport.writes.insert(0, rest)
        return peer

    @property
    def isAborted(self) -> bool:
        """
        Whether the server has closed the connection without a word.
        """
        self.transport.settle()
        return self.transport.isLost

    def send(self, *pieces: bytes) -> None:
        """
        Send bytes, each argument by itself.
        """
        for piece in pieces:
            self.transport.receiveData(piece)

    def sendFrame(self, opcode: Opcode, payload: bytes = b"") -> None:
        """
        Send a frame, masked.
        """
        self.send(frame(opcode, payload, isMasked=True))

    def sendClose(self, code: int) -> None:
        """
        Send a Close.
        """
        self.sendFrame(Opcode.CLOSE, code.to_bytes(2, "big"))

    def takeAnswer(self) -> Answer:
        """
        Take what the server has written, as an answer of HTTP.
        """
        return readAnswer(self.transport.takeData())

    def takeFrames(self) -> list[Frame]:
        """
        Take what the server has written, as frames.
        """
        return readFrames(self.transport.takeData())

    def takeMessages(self) -> list[str | bytes]:
        """
        Take what the server has written, as messages in a frame each.
        """
        return [
            found.payload.decode() if found.opcode is Opcode.TEXT else found.payload
            for found in self.takeFrames()
            if found.opcode in (Opcode.TEXT, Opcode.BINARY)
        ]

    def takeCloseCode(self) -> int:
        """
        Take what the server has written, of which the last is a Close.
        """
        last = self.takeFrames()[-1]
        if last.opcode is not Opcode.CLOSE:
            raise AssertionError(f"not a Close: {last!r}")
        return int.from_bytes(last.payload[:2], "big")

    def leave(self) -> None:
        """
        Close the connection, as TCP does.
        """
        self.transport.lose()
        self.transport.settle()


def connectClient(
    factory: IProtocolFactory,
    handler: IWebSocketHandler,
    clock: IReactorTime,
    target: str = "/",
    subprotocols: tuple[str, ...] = (),
) -> MemoryConnection:
    """
    Connect a client of ours to a server, and go through the opening handshake.
    """
    server = factory.buildProtocol(ADDRESS)
    assert server is not None
    settings = ClientSettings("example.com", target, clock, subprotocols=subprotocols)
    client = WebSocketClientProtocol(settings, handler)
    connection = MemoryConnection(server, client)
    connection.flush()
    return connection


def streamHandlerFor(factory: IProtocolFactory, peer: MemoryTransport) -> StreamHandler:
    """
    Make the handler that a client needs to run a byte-stream protocol.
    """
    request = WebSocketRequest(
        target="/",
        host="example.com",
        origin=None,
        headers=Headers(),
        subprotocols=(),
        isSecure=False,
        peer=peer.getPeer(),
    )
    handler = StreamHandlerFactory(factory).buildHandler(request)
    assert handler is not None
    return handler


def wrapTLS(factory: IProtocolFactory, clock: IReactorTime) -> TLSMemoryBIOFactory:
    """
    Put TLS below a server, as C{listenSSL} does.
    """
    options = PrivateCertificate.loadPEM(makePEM()).options()
    return TLSMemoryBIOFactory(options, False, factory, clock)


class TLSPair:
    """
    A server and a client, connected by TLS in memory.

    @ivar server: the server's transport below TLS.
    @ivar client: the client's transport below TLS.
    """

    def __init__(
        self,
        factory: IProtocolFactory,
        clock: Clock,
        protocol: Protocol,
        acceptableProtocols: list[bytes] | None = None,
    ) -> None:
        """
        Connect, and finish the handshake of TLS.

        @param factory: the server.
        @param protocol: the client's protocol.
        @param acceptableProtocols: what the client offers by ALPN.
        """
        options = optionsForClientTLS(
            "localhost",
            trustRoot=PrivateCertificate.loadPEM(makePEM()),
            acceptableProtocols=acceptableProtocols,
        )
        below = TLSMemoryBIOFactory(
            options, True, Factory.forProtocol(lambda: protocol), clock
        )
        self._clock = clock
        self._connection = MemoryConnection(
            wrapTLS(factory, clock).buildProtocol(None), below.buildProtocol(None)
        )
        self.server = self._connection.server
        self.client = self._connection.client
        self.flush()

    def flush(self) -> None:
        """
        Carry bytes both ways until nothing moves.
        """
        self._connection.flush()
        # Small writes are joined until the next turn.
        self._clock.advance(0)
        self._connection.flush()


@implementer(IHostnameResolver)
class Here:
    """
    Finds each name at once, on this machine.
    """

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[IAddress]] | None = None,
        transportSemantics: str = "TCP",
    ) -> Any:
        """
        Find it.
        """
        address: Any = IPv4Address("TCP", "127.0.0.1", portNumber)
        resolution: Any = None
        resolutionReceiver.resolutionBegan(resolution)
        resolutionReceiver.addressResolved(address)
        resolutionReceiver.resolutionComplete()


@implementer(IReactorPluggableNameResolver)
class MemoryReactor(MemoryReactorClock):
    """
    A reactor in memory that finds names; that of older versions of Twisted does
    not.
    """

    def __init__(self) -> None:
        super().__init__()
        self.nameResolver: IHostnameResolver = Here()

    def installNameResolver(self, resolver: IHostnameResolver) -> IHostnameResolver:
        """
        Find names by another resolver.
        """
        before, self.nameResolver = self.nameResolver, resolver
        return before


def useMemoryReactor(case: SynchronousTestCase) -> MemoryReactor:
    """
    Have whoever imports the reactor during a test get one in memory.
    """
    # To be put back, the real one has to be there.
    from twisted.internet import reactor as installed

    memory = MemoryReactor()
    case.assertIsNot(installed, memory)
    case.patch(twisted.internet, "reactor", memory)
    return memory
