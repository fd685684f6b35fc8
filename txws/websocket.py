"""
Drop-in for L{twisted.web.websocket}: programs that were written for it run on
txws when they import the same names from here.

What is better here is everywhere better: limits, origins, deadlines, flow
control.  See L{txws} for the names that new programs use.
"""

from __future__ import annotations

import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from hyperlink import URL
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import (
    IProducer,
    IPushProducer,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import URI, BrowserLikePolicyForHTTPS
from twisted.web.error import SchemeNotSupported
from twisted.web.iweb import IAgentEndpointFactory, IPolicyForHTTPS, IResponse
from twisted.web.server import Request
from zope.interface import implementer

from .client import ClientSettings, WebSocketClientProtocol
from .errors import BadHandshake, HandshakeRefused
from .negotiation import ServerSettings
from .resource import WebSocketResource as TreeResource
from .responses import RefusalResponse
from .setups import clockFor
from .wire.codes import CloseCode
from .wire.http import RequestHead

__all__ = [
    "ConnectionRejected",
    "WebSocketClientEndpoint",
    "WebSocketClientFactory",
    "WebSocketProtocol",
    "WebSocketResource",
    "WebSocketServerFactory",
    "WebSocketTransport",
]

_SCHEMES = {"ws": "http", "http": "http", "wss": "https", "https": "https"}
_PORTS = {b"http": 80, b"https": 443}


class WebSocketTransport(typing.Protocol):
    """
    What a L{WebSocketProtocol} sends with: a part of what
    L{IWebSocketTransport<txws.interfaces.IWebSocketTransport>} promises, all
    of which it may use.
    """

    def sendTextMessage(self, text: str, /) -> Any:
        """
        Send a text message.
        """

    def sendBytesMessage(self, data: bytes, /) -> Any:
        """
        Send a binary message.
        """

    def loseConnection(
        self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = ""
    ) -> None:
        """
        Close the connection by the closing handshake.
        """

    def ping(self, payload: bytes = b"") -> None:
        """
        Send a Ping.
        """

    def attachProducer(self, producer: IProducer) -> None:
        """
        Have a producer paused while the peer is slow.
        """

    def detachProducer(self) -> None:
        """
        Forget the attached producer.
        """


class WebSocketProtocol(typing.Protocol):
    """
    What happens on one connection: the methods of
    L{IWebSocketHandler<txws.interfaces.IWebSocketHandler>}, which say what
    they promise.  Here they do nothing.
    """

    def negotiationStarted(self, transport: WebSocketTransport) -> None:
        """
        The opening handshake is about to be accepted.
        """

    def negotiationFinished(self) -> None:
        """
        The connection is open.
        """

    def textMessageReceived(self, message: str) -> None:
        """
        The peer has sent a text message.
        """

    def bytesMessageReceived(self, data: bytes) -> None:
        """
        The peer has sent a binary message.
        """

    def pongReceived(self, payload: bytes) -> None:
        """
        The peer has sent a Pong.
        """

    def connectionLost(self, reason: Failure) -> None:
        """
        The connection has ended.
        """


_H_co = TypeVar("_H_co", covariant=True, bound=WebSocketProtocol)


class WebSocketServerFactory(typing.Protocol[_H_co]):
    """
    Makes what handles the connections of a L{WebSocketResource}.
    """

    def buildProtocol(self, request: Request) -> _H_co:
        """
        Make a L{WebSocketProtocol}.

        @param request: what asks for the upgrade.
        @return: L{None} to refuse it.
        """


class WebSocketClientFactory(typing.Protocol[_H_co]):
    """
    Makes what handles the connections of a L{WebSocketClientEndpoint}.
    """

    def buildProtocol(self, url: str) -> _H_co:
        """
        Make a L{WebSocketProtocol}.

        @param url: what is connected to.
        """


@dataclass
class ConnectionRejected(Exception):
    """
    The server has answered an opening handshake with something else than an
    acceptance.

    @ivar response: its answer.  The body has to be asked for within the
        C{closeTimeout} of L{KeepalivePolicy<txws.policy.KeepalivePolicy>};
        until then it is not read.
    """

    response: IResponse


class WebSocketResource(TreeResource):
    """
    A L{txws.resource.WebSocketResource} that refuses plain requests as the one
    of L{twisted.web.websocket} does.

    @ivar factory: what it was made with.
    """

    def __init__(
        self, factory: WebSocketServerFactory[WebSocketProtocol], **settings: Any
    ) -> None:
        """
        @param factory: makes what handles the connections.
        @param settings: see L{txws.resource.WebSocketResource}.
        """
        super().__init__(factory, **settings)
        self.factory = factory

    def notAnUpgrade(
        self, settings: ServerSettings, head: RequestHead, routed: str | None
    ) -> BadHandshake:
        """
        Refuse a request that is no upgrade.

        @param settings: what is at which path.
        @param head: the head of the request.
        @param routed: what a router is to look for, or L{None}.
        """
        refusal = super().notAnUpgrade(settings, head, routed)
        if refusal.status != 426:
            return refusal
        body = b"websocket protocol negotiation error"
        return BadHandshake(400, refusal.explanation, body=body)


@dataclass(frozen=True)
class WebSocketClientEndpoint:
    """
    Connects to one URL.

    @ivar endpointFactory: makes the endpoint below.
    @ivar url: what to connect to: C{ws}, C{wss}, C{http} or C{https}.
    @ivar clock: what schedules; L{None} for the reactor.
    """

    endpointFactory: IAgentEndpointFactory
    url: str
    clock: IReactorTime | None = None

    @classmethod
    def new(
        cls,
        reactor: Any,
        url: str,
        tlsPolicy: IPolicyForHTTPS | None = None,
        connectTimeout: int | None = None,
        bindAddress: bytes | None = None,
    ) -> WebSocketClientEndpoint:
        """
        Make an endpoint.

        @param reactor: what connects.
        @param url: what to connect to.
        @param tlsPolicy: whom to trust; L{None} for whom browsers trust.
        @param connectTimeout: how many seconds TCP may take.
        @param bindAddress: the address of this side.
        """
        if tlsPolicy is None:
            tlsPolicy = BrowserLikePolicyForHTTPS()
        factory = _EndpointFactory(reactor, tlsPolicy, connectTimeout, bindAddress)
        return cls(factory, url, reactor)

    async def connect(self, protocolFactory: WebSocketClientFactory[_H_co]) -> _H_co:
        """
        Connect.

        @param protocolFactory: makes what handles the connection.
        @return: what it has made, when the connection is open.
        @raise ConnectionRejected: if the server refuses.
        """
        scheme, _, rest = self.url.partition("://")
        if scheme.lower() not in _SCHEMES:
            raise SchemeNotSupported(f"Unsupported scheme: {scheme!r}")
        url = f"{_SCHEMES[scheme.lower()]}://{rest}"
        if not url.isascii():
            url = URL.from_text(url).to_uri().to_text()
        uri = URI.fromBytes(url.encode("ascii"))
        host = uri.host.decode("ascii")
        host = f"[{host}]" if ":" in host else host
        settings = ClientSettings(
            host=host if uri.port == _PORTS[uri.scheme] else f"{host}:{uri.port}",
            target=uri.originForm.decode("ascii"),
            clock=clockFor(self.clock),
            waitsForBody=False,
        )

        def build() -> _Client:
            return _Client(settings, cast(Any, make(self.url)))

        make = protocolFactory.buildProtocol
        client = await self.endpointFactory.endpointForURI(uri).connect(
            _ClientFactory(build)
        )
        handler: Any = await client.opened
        return cast(_H_co, handler)


@implementer(IAgentEndpointFactory)
@dataclass(frozen=True)
class _EndpointFactory:
    """
    Makes endpoints for TCP and TLS.
    """

    reactor: Any
    tlsPolicy: IPolicyForHTTPS
    connectTimeout: int | None
    bindAddress: bytes | None

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        """
        See L{IAgentEndpointFactory}.
        """
        settings: dict[str, Any] = {"bindAddress": self.bindAddress}
        if self.connectTimeout is not None:
            settings["timeout"] = self.connectTimeout
        endpoint = HostnameEndpoint(self.reactor, uri.host, uri.port, **settings)
        if uri.scheme == b"http":
            return endpoint
        policy = self.tlsPolicy
        return wrapClientTLS(policy.creatorForNetloc(uri.host, uri.port), endpoint)


class _ClientFactory(Factory):
    """
    Makes the protocol of one connection.
    """

    noisy = False

    def __init__(self, build: Callable[[], _Client]) -> None:
        self._build = build

    def buildProtocol(self, addr: object) -> _Client:
        """
        Make it.
        """
        return self._build()


class _Client(WebSocketClientProtocol):
    """
    A client that hands on what a server that refuses has to say.
    """

    _response: RefusalResponse | None = None

    def handshakeRefused(self, refused: HandshakeRefused) -> None:
        """
        Tell of a refusal when its head is there, if it is a proper one.
        """
        if refused.status < 200:
            super().handshakeRefused(refused)
            return
        assert self.transport is not None
        self._handshake = None
        self._keepalive.closingProgressed()
        cast(IPushProducer, self.transport).pauseProducing()
        self._response = RefusalResponse(refused, self.transport)
        self.opened.errback(Failure(ConnectionRejected(self._response)))

    def dataReceived(self, data: bytes) -> None:
        """
        Read the body of a refusal, if it has come to that.
        """
        if self._response is None:
            super().dataReceived(data)
        else:
            self._keepalive.closingProgressed()
            self._response.dataReceived(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Tell who reads the body of a refusal.
        """
        response, self._response = self._response, None
        super().connectionLost(reason)
        if response is not None:
            response.connectionLost(reason)
