"""
Endpoints: WebSocket as one more thing that a Twisted program can listen on.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocolFactory,
    IStreamServerEndpoint,
)
from zope.interface import implementer

from .factories import WebSocketFactory
from .policy import HandshakePolicy, KeepalivePolicy, Limits

__all__ = ["WebSocketServerEndpoint"]


@implementer(IStreamServerEndpoint)
class WebSocketServerEndpoint:
    """
    Serves any factory over WebSocket, on top of another endpoint.
    """

    def __init__(
        self,
        endpoint: IStreamServerEndpoint,
        text: bool = False,
        *,
        limits: Limits | None = None,
        keepalive: KeepalivePolicy | None = None,
        handshake: HandshakePolicy | None = None,
    ) -> None:
        """
        @param endpoint: what to listen on.
        @param text: send text messages, not binary ones.
        @param limits: how much a peer may make this server keep.
        @param keepalive: how long it waits.
        @param handshake: which origins, subprotocols and paths it accepts.
        """
        self._endpoint = endpoint
        self._text = text
        self._limits = limits
        self._keepalive = keepalive
        self._handshake = handshake

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """
        Listen for WebSocket connections.

        @param protocolFactory: makes the protocols that are wrapped.
        @return: fires with the port.
        """
        listening: Deferred[IListeningPort] = self._endpoint.listen(
            WebSocketFactory(
                protocolFactory,
                self._text,
                limits=self._limits,
                keepalive=self._keepalive,
                handshake=self._handshake,
            )
        )
        return listening
