"""
Endpoints: WebSocket as one more thing that a Twisted program can listen on.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocolFactory,
    IReactorTime,
    IStreamServerEndpoint,
)
from zope.interface import implementer

from .factories import WebSocketFactory
from .interfaces import IExtensionFactory
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
        extensions: Sequence[IExtensionFactory] | None = None,
        site: IProtocolFactory | None = None,
        logsFrames: bool = False,
        clock: IReactorTime | None = None,
    ) -> None:
        """
        What follows C{endpoint} is as for
        L{WebSocketFactory<txws.factories.WebSocketFactory>}.

        @param endpoint: what to listen on.
        @param text: send text messages, not binary ones.
        @param limits: how much a peer may make this server keep.
        @param keepalive: how long it waits.
        @param handshake: which origins, subprotocols and paths it accepts.
        @param extensions: the extensions it knows; L{None} for compression, but
            not of wrapped protocols; none to do without.
        @param site: what serves HTTP requests that are no upgrades.
        @param logsFrames: whether to log each frame.
        @param clock: what schedules.
        """
        self._endpoint = endpoint
        self._makeFactory = partial(
            WebSocketFactory,
            text=text,
            limits=limits,
            keepalive=keepalive,
            handshake=handshake,
            extensions=extensions,
            site=site,
            logsFrames=logsFrames,
            clock=clock,
        )

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """
        Listen for WebSocket connections.

        @param protocolFactory: makes the protocols that are wrapped.
        @return: fires with the port.
        """
        listening: Deferred[IListeningPort] = self._endpoint.listen(
            self._makeFactory(protocolFactory)
        )
        return listening
