"""
The peer of the library C{autobahn}, on Twisted.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import autobahn
from autobahn.twisted.websocket import (
    WebSocketClientFactory,
    WebSocketClientProtocol,
    WebSocketServerFactory,
    WebSocketServerProtocol,
)
from autobahn.websocket.compress import (
    PerMessageDeflateOffer,
    PerMessageDeflateOfferAccept,
    PerMessageDeflateResponse,
    PerMessageDeflateResponseAccept,
)
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    HostnameEndpoint,
    quoteStringArgument,
    serverFromString,
    wrapClientTLS,
)
from twisted.internet.protocol import connectionDone
from twisted.internet.ssl import PrivateCertificate, optionsForClientTLS
from twisted.internet.stdio import StandardIO
from twisted.internet.task import react
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure

from . import CLOSE_CODE, CLOSE_REASON, SUBPROTOCOL
from .orders import behaviorOf, say

__all__ = ["main"]


class Behaving:
    """
    Does on a connection what its target says, and tells how it has ended.
    """

    target: str

    def onOpen(self: Any) -> None:
        """
        Begin.
        """
        behavior = behaviorOf(self.target)
        if behavior == "close":
            self.sendClose(CLOSE_CODE, CLOSE_REASON)
        elif behavior == "ping":
            self.sendPing(b"from autobahn")

    def onPong(self: Any, payload: bytes) -> None:
        """
        Tell of the answer to the Ping.
        """
        self.sendMessage(b"pong")

    def onMessage(self: Any, payload: bytes, isBinary: bool) -> None:
        """
        Echo.
        """
        isSplit = behaviorOf(self.target) == "fragments"
        size = len(payload) // 3 + 1 if isSplit else None
        self.sendMessage(payload, isBinary, fragmentSize=size)

    def onClose(self: Any, wasClean: bool, code: int | None, reason: str) -> None:
        """
        Tell of the end.
        """
        say(
            target=self.target,
            subprotocol=self.websocket_protocol_in_use,
            code=code,
            reason=reason or "",
        )


class ServerProtocol(Behaving, WebSocketServerProtocol):
    """
    A connection of the server.
    """

    def onConnect(self, request: Any) -> str | None:
        """
        Choose the subprotocol.
        """
        self.target = self.http_request_uri
        return SUBPROTOCOL if SUBPROTOCOL in request.protocols else None


class ClientProtocol(Behaving, WebSocketClientProtocol):
    """
    A connection of the client.
    """

    def onConnect(self, response: Any) -> None:
        """
        Note what was asked for.
        """
        self.target = self.factory.resource


class Orders(LineReceiver):
    """
    Standard input.
    """

    delimiter = b"\n"

    def __init__(self, connect: Any) -> None:
        self.ended: Deferred[None] = Deferred()
        self._connect = connect

    def lineReceived(self, line: bytes) -> None:
        """
        Connect.
        """
        order = json.loads(line)
        self._connect(order["url"], order["subprotocols"])

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        End.
        """
        self.ended.callback(None)


async def main(reactor: Any, pem: str) -> None:
    """
    Serve, and connect when it is ordered.

    @param pem: the path of the certificate and its key.
    """
    trusted = PrivateCertificate.loadPEM(Path(pem).read_bytes())

    def connect(url: str, subprotocols: list[str]) -> None:
        factory = WebSocketClientFactory(url, protocols=subprotocols)
        factory.protocol = ClientProtocol
        factory.setProtocolOptions(
            perMessageCompressionOffers=[PerMessageDeflateOffer()],
            perMessageCompressionAccept=_acceptAnswer,
        )
        endpoint: Any = HostnameEndpoint(reactor, factory.host, factory.port)
        if factory.isSecure:
            endpoint = wrapClientTLS(
                optionsForClientTLS(factory.host, trustRoot=trusted), endpoint
            )
        endpoint.connect(factory)

    server = WebSocketServerFactory()
    server.protocol = ServerProtocol
    server.setProtocolOptions(perMessageCompressionAccept=_acceptOffers)
    ports = [
        (await serverFromString(reactor, place).listen(server)).getHost().port
        for place in (
            "tcp:0:interface=127.0.0.1",
            f"ssl:0:interface=127.0.0.1:privateKey={quoteStringArgument(pem)}",
        )
    ]
    say(version=f"autobahn {autobahn.__version__}", plain=ports[0], secure=ports[1])
    orders = Orders(connect)
    StandardIO(orders)
    await orders.ended


def _acceptOffers(offers: Any) -> Any:
    """
    Agree on compression.
    """
    for offer in offers:
        if isinstance(offer, PerMessageDeflateOffer):
            return PerMessageDeflateOfferAccept(offer)
    return None


def _acceptAnswer(answer: Any) -> Any:
    """
    Agree on compression.
    """
    if isinstance(answer, PerMessageDeflateResponse):
        return PerMessageDeflateResponseAccept(answer)
    return None


if __name__ == "__main__":
    react(main, sys.argv[1:])
