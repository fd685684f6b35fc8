"""
From a URL to an open connection: what is below it, the opening handshake, and
what a server may answer instead: a challenge (RFC 9110 section 11), or a
redirection (section 15.4).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import ClientFactory

from .carriers import TLSPolicy, encrypted, endpointFor
from .client import ClientSettings, WebSocketClientProtocol
from .errors import (
    DeadlineExpired,
    HandshakeRefused,
    InvalidSetting,
    RedirectRefused,
    WebSocketFailed,
)
from .interfaces import (
    IExtensionFactory,
    IWebSocketHandler,
    IWebSocketHandlerFactory,
)
from .policy import ClientTimeouts, HeaderFields, KeepalivePolicy, Limits
from .results import resultOf
from .urls import WebSocketURL
from .version import VERSION

__all__ = ["ClientOptions", "Dialer"]

RequestHeaders: TypeAlias = (
    "HeaderFields"
    " | Callable[[], HeaderFields | Deferred[HeaderFields]"
    " | Coroutine[Deferred[Any], Any, HeaderFields]]"
)

_USER_AGENT = f"txws/{VERSION}"
_REDIRECTS = frozenset((301, 302, 303, 307, 308))

# What says who comes, and is not told to another server.
_SECRETS = frozenset(("authorization", "cookie", "proxy-authorization"))


@dataclass(frozen=True)
class ClientOptions:
    """
    How a client connects.

    @ivar headers: further header fields of the request, as (name, value); or a
        function that returns them, now or later, for each attempt anew: a
        fresh token, say.
    @ivar omittedHeaders: names of header fields that are not sent:
        C{User-Agent}, say.
    @ivar origin: the C{Origin} header, or L{None}.
    @ivar subprotocols: what is offered, the preferred one first.
    @ivar extensions: what is offered, the preferred one first.
    @ivar limits: how much the server may make this side keep.
    @ivar keepalive: how long it waits for the handshake and later.
    @ivar timeouts: how long it waits before.
    @ivar tlsPolicy: whom to trust, and as whom to come: an
        L{IPolicyForHTTPS<twisted.web.iweb.IPolicyForHTTPS>}; L{None} to trust
        whom the system trusts.
    @ivar endpoint: what to connect by, instead of the host of the URL, or
        L{None}.  If the URL is C{wss}, TLS comes on top of it.
    @ivar bindAddress: from which address to connect, or L{None} for any.
    @ivar maxRedirects: how many redirections are followed.
    @ivar logsFrames: whether each frame is logged, at level debug.
    """

    headers: RequestHeaders = ()
    omittedHeaders: Sequence[str] = ()
    origin: str | None = None
    subprotocols: Sequence[str] = ()
    extensions: Sequence[IExtensionFactory] = ()
    limits: Limits = field(default_factory=lambda: Limits(maxFragments=65536))
    keepalive: KeepalivePolicy = field(default_factory=KeepalivePolicy)
    timeouts: ClientTimeouts = field(default_factory=ClientTimeouts)
    tlsPolicy: TLSPolicy | None = None
    endpoint: IStreamClientEndpoint | None = None
    bindAddress: str | None = None
    maxRedirects: int = 5
    logsFrames: bool = False


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

    async def dial(self, application: IWebSocketHandlerFactory) -> IWebSocketHandler:
        """
        Connect.

        @param application: what makes the handler when the server has agreed.
        @return: the handler, whose connection is open.
        """
        url, redirects = self._url, 0
        while True:
            try:
                return await self._attempt(url, application)
            except HandshakeRefused as refused:
                location = _locationOf(refused)
                if location is None:
                    raise
                redirects += 1
                if redirects > self._options.maxRedirects:
                    raise RedirectRefused(
                        f"more than {self._options.maxRedirects} redirections "
                        "(maxRedirects)",
                        location,
                    ) from None
                found = _redirect(url, location)
                if self._options.endpoint is not None and not url.isSameOrigin(found):
                    raise RedirectRefused(
                        "the server redirects away from the endpoint that was given",
                        location,
                    ) from None
                url = found

    async def _attempt(
        self, url: WebSocketURL, application: IWebSocketHandlerFactory
    ) -> IWebSocketHandler:
        """
        Connect to a URL, once.
        """
        settings = await self._settingsFor(url)
        endpoint = self._endpointFor(url)
        # Made before, for what cannot be asked for is known then.
        protocol = WebSocketClientProtocol(settings, application)
        await endpoint.connect(_DialFactory(protocol, self._factory))
        try:
            return await protocol.opened
        except WebSocketFailed as failed:
            if isinstance(failed.cause, DeadlineExpired):
                # As from the steps below, which know nothing of WebSocket.
                raise failed.cause from None
            raise

    def _endpointFor(self, url: WebSocketURL) -> IStreamClientEndpoint:
        """
        Make what carries a connection.
        """
        options = self._options
        endpoint = options.endpoint
        if endpoint is None:
            endpoint = endpointFor(
                self._reactor, url, options.timeouts, options.bindAddress
            )
        if url.isSecure:
            endpoint = encrypted(endpoint, url, options.tlsPolicy, self._reactor)
        return endpoint

    async def _settingsFor(self, url: WebSocketURL) -> ClientSettings:
        """
        Find out what to ask for.
        """
        options = self._options
        headers = options.headers
        if callable(headers):
            headers = await resultOf(headers())
        omitted = {name.lower() for name in options.omittedHeaders}
        fields = [
            (name, value)
            for name, value in (("User-Agent", _USER_AGENT), *headers)
            if name.lower() not in omitted
        ]
        if not url.isSameOrigin(self._url):
            fields = [
                (name, value) for name, value in fields if name.lower() not in _SECRETS
            ]
        return ClientSettings(
            host=url.authority,
            target=url.target,
            clock=IReactorTime(self._reactor),
            limits=options.limits,
            keepalive=options.keepalive,
            origin=options.origin,
            subprotocols=options.subprotocols,
            extensions=options.extensions,
            headers=fields,
            logsFrames=options.logsFrames,
            tlsTimeout=options.timeouts.tlsTimeout if url.isSecure else None,
        )


def _locationOf(refused: HandshakeRefused) -> str | None:
    """
    Find out where an answer redirects to, if it does.
    """
    if refused.status not in _REDIRECTS:
        return None
    locations = [value for name, value in refused.headers if name.lower() == "location"]
    return locations[0] if len(locations) == 1 else None


def _redirect(url: WebSocketURL, location: str) -> WebSocketURL:
    """
    Follow a redirection, if it does not lead out of TLS.
    """
    try:
        found = url.redirected(location)
    except InvalidSetting as error:
        raise RedirectRefused(
            f"the server redirects to nowhere: {error}", location
        ) from None
    if url.isSecure and not found.isSecure:
        raise RedirectRefused("the server redirects from wss to ws", location)
    return found
