"""
How a client connects: everything that can be said besides the URL.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from typing import Any, TypeAlias

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IStreamClientEndpoint

from .authentication import Credentials
from .carriers import TLSPolicy
from .errors import InvalidSetting
from .extensions import checkExtensions
from .interfaces import IExtensionFactory
from .policy import (
    ClientTimeouts,
    HeaderFields,
    KeepalivePolicy,
    Limits,
    checkBoolean,
    checkPolicies,
    checkSubprotocol,
)
from .proxies import Proxy

__all__ = ["ClientOptions", "RequestHeaders"]


RequestHeaders: TypeAlias = (
    "HeaderFields"
    " | Callable[[], HeaderFields | Deferred[HeaderFields]"
    " | Coroutine[Deferred[Any], Any, HeaderFields]]"
)


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
    @ivar extensions: what is offered, the preferred one first; L{None} for
        compression, but not of wrapped protocols; none to do without.
    @ivar limits: how much the server may make this side keep.
    @ivar keepalive: how long it waits for the handshake and later.
    @ivar timeouts: how long it waits before.
    @ivar tlsPolicy: whom to trust, and as whom to come: an
        L{IPolicyForHTTPS<twisted.web.iweb.IPolicyForHTTPS>}; L{None} to trust
        whom the system trusts.
    @ivar endpoint: what to connect by, instead of the host of the URL, or
        L{None}.  If the URL is C{wss}, TLS comes on top of it.
    @ivar proxy: what to go through: a L{Proxy<txws.proxies.Proxy>} or its URL,
        such as C{http://user:password@proxy.example:3128} or
        C{socks5://proxy.example}; or L{None}.
    @ivar usesEnvironment: whether to look for a proxy in the environment, if
        there is none here: see
        L{proxyFromEnvironment<txws.proxies.proxyFromEnvironment>}.
    @ivar credentials: who the client is, as
        L{Credentials<txws.authentication.Credentials>} or a pair of username
        and password, for a server that asks, by Digest or Basic; or L{None}.
        A user in the URL is told to the server without being asked.
    @ivar cookies: where cookies are taken from, and kept: a L{CookieJar}, or
        L{None}.
    @ivar bindAddress: from which address to connect, or L{None} for any.
    @ivar maxRedirects: how many redirections are followed.
    @ivar logsFrames: whether each frame is logged, at level debug.
    """

    headers: RequestHeaders = ()
    omittedHeaders: Sequence[str] = ()
    origin: str | None = None
    subprotocols: Sequence[str] = ()
    extensions: Sequence[IExtensionFactory] | None = None
    limits: Limits = field(default_factory=lambda: Limits(maxFragments=65536))
    keepalive: KeepalivePolicy = field(default_factory=KeepalivePolicy)
    timeouts: ClientTimeouts = field(default_factory=ClientTimeouts)
    tlsPolicy: TLSPolicy | None = None
    endpoint: IStreamClientEndpoint | None = None
    proxy: Proxy | str | None = None
    usesEnvironment: bool = False
    credentials: Credentials | tuple[str, str] | None = None
    cookies: CookieJar | None = None
    bindAddress: str | None = None
    maxRedirects: int = 5
    logsFrames: bool = False

    def __post_init__(self) -> None:
        checkPolicies(self.limits, self.keepalive, None)
        for name in ("usesEnvironment", "logsFrames"):
            checkBoolean(name, getattr(self, name))
        object.__setattr__(self, "extensions", checkExtensions(self.extensions))
        for subprotocol in self.subprotocols:
            checkSubprotocol(subprotocol)
        if isinstance(self.proxy, str):
            object.__setattr__(self, "proxy", Proxy.parse(self.proxy))
        if isinstance(self.credentials, tuple):
            object.__setattr__(self, "credentials", Credentials(*self.credentials))
        if self.endpoint is not None and (self.proxy or self.usesEnvironment):
            raise InvalidSetting("proxy", "cannot be there together with endpoint")
