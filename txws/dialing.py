"""
From a URL to an open connection: what is below it, and the opening handshake,
as often as the server asks for another.
"""

from __future__ import annotations

import os
from typing import Any

from twisted.internet.interfaces import (
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import ClientFactory

from .carriers import TLSPolicy, encrypted, endpointFor, endpointThrough
from .client import ClientSettings, WebSocketClientProtocol
from .clientoptions import ClientOptions, checkFields
from .errors import DeadlineExpired, HandshakeRefused, WebSocketFailed
from .interfaces import IWebSocketHandler, IWebSocketHandlerFactory
from .policy import HeaderFields
from .proxies import Proxy, proxyFromEnvironment
from .results import resultOf
from .urls import WebSocketURL
from .visits import Visit

__all__ = ["Dialer", "carrierFor", "proxyFor", "settingsFor"]


class Dialer:
    """
    Connects to one URL, as often as it is asked.
    """

    def __init__(
        self,
        reactor: Any,
        url: WebSocketURL,
        options: ClientOptions,
        factory: IProtocolFactory | None = None,
    ) -> None:
        """
        @param reactor: what connects and schedules.
        @param url: where to.
        @param options: how.
        @param factory: what is started and stopped with each attempt, or
            L{None}.
        """
        self._reactor = reactor
        self._url = url
        self._options = options
        self._factory = factory
        self._protocol: WebSocketClientProtocol | None = None

    def abandon(self) -> None:
        """
        Abort the connection that was made last: nobody wants it any more.
        """
        if self._protocol is not None and self._protocol.webSocket is not None:
            self._protocol.webSocket.abortConnection()

    async def dial(self, application: IWebSocketHandlerFactory) -> IWebSocketHandler:
        """
        Connect.

        @param application: what makes the handler when the server has agreed.
        @return: the handler, whose connection is open.
        """
        visit = Visit(self._url, self._options)
        while True:
            try:
                return await self._attempt(visit, application)
            except HandshakeRefused as refused:
                # Raised again, if there is nothing else to try.
                visit.goOn(refused)

    async def _attempt(
        self, visit: Visit, application: IWebSocketHandlerFactory
    ) -> IWebSocketHandler:
        """
        Connect to a URL, once.
        """
        headers = self._options.headers
        if callable(headers):
            headers = checkFields(await resultOf(headers()))
        # Made before, for what cannot be asked for is known then.
        options, url = self._options, visit.url
        settings = settingsFor(self._reactor, url, options, visit.fields(headers))
        self._protocol = protocol = WebSocketClientProtocol(settings, application)
        endpoint = carrierFor(self._reactor, url, options, options.tlsPolicy)
        await endpoint.connect(_DialFactory(protocol, self._factory))
        try:
            handler = await protocol.opened
        except WebSocketFailed as failed:
            if isinstance(failed.cause, DeadlineExpired):
                # As from the steps below, which know nothing of WebSocket.
                raise failed.cause from None
            raise
        visit.keepCookies(protocol.answer or ())
        return handler


def proxyFor(url: WebSocketURL, options: ClientOptions) -> Proxy | None:
    """
    Find the proxy to go through.

    @param url: where to.
    @param options: how.
    @return: L{None} if there is none.
    """
    if url.socketPath is not None:
        return None
    proxy = options.proxy
    if proxy is None and options.usesEnvironment:
        return proxyFromEnvironment(url.host, url.port, url.isSecure, os.environ)
    assert not isinstance(proxy, str)
    return proxy


def carrierFor(
    reactor: Any, url: WebSocketURL, options: ClientOptions, policy: TLSPolicy | None
) -> IStreamClientEndpoint:
    """
    Make what carries a connection.

    @param reactor: what connects.
    @param url: where to.
    @param options: how.
    @param policy: whom to trust to be the server, if it is reached by TLS;
        L{None} for those that the system trusts.
    """
    endpoint = options.endpoint
    proxy = proxyFor(url, options)
    if proxy is not None:
        endpoint = endpointThrough(
            reactor,
            proxy,
            url,
            options.timeouts,
            options.limits.headLimits,
            options.tlsPolicy,
            options.bindAddress,
        )
    elif endpoint is None:
        endpoint = endpointFor(reactor, url, options.timeouts, options.bindAddress)
    if url.isSecure:
        endpoint = encrypted(endpoint, url.host, url.port, policy, reactor)
    return endpoint


def settingsFor(
    reactor: Any, url: WebSocketURL, options: ClientOptions, headers: HeaderFields
) -> ClientSettings:
    """
    Find out what to ask a server for.

    @param reactor: what schedules.
    @param url: where to.
    @param options: how.
    @param headers: all further header fields.
    """
    return ClientSettings(
        host=url.authority,
        target=url.target,
        clock=IReactorTime(reactor),
        limits=options.limits,
        keepalive=options.keepalive,
        origin=options.origin,
        subprotocols=options.subprotocols,
        extensions=options.extensions,
        headers=headers,
        logsFrames=options.logsFrames,
        isSecure=url.isSecure,
        tlsTimeout=options.timeouts.tlsTimeout if url.isSecure else None,
    )


class _DialFactory(ClientFactory):
    """
    Gives the protocol of one attempt, and starts and stops the factory that it
    is made for.
    """

    noisy = False

    def __init__(
        self, protocol: WebSocketClientProtocol, above: IProtocolFactory | None
    ) -> None:
        self._protocol = protocol
        self._above = above

    def buildProtocol(self, addr: object) -> WebSocketClientProtocol:
        """
        Give the protocol.
        """
        return self._protocol

    def startFactory(self) -> None:
        """
        Start the factory above.
        """
        if self._above is not None:
            self._above.doStart()

    def stopFactory(self) -> None:
        """
        Stop the factory above.
        """
        if self._above is not None:
            self._above.doStop()
