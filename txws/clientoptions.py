"""
How a client connects: everything that can be said besides the URL.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Sequence
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
    checkCount,
    checkSubprotocol,
    freeze,
)
from .proxies import Proxy
from .wire.clienthandshake import OUR_HEADERS
from .wire.http import serializeHead

__all__ = ["ClientOptions", "RequestHeaders", "checkFields"]


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
        for name, kind in _KINDS.items():
            _checkKind(name, getattr(self, name), kind)
        for name in ("usesEnvironment", "logsFrames"):
            checkBoolean(name, getattr(self, name))
        checkCount("maxRedirects", self.maxRedirects, least=0)
        self._set("extensions", checkExtensions(self.extensions))
        self._set("subprotocols", _checkSubprotocols(self.subprotocols))
        self._set("omittedHeaders", _checkNames(self.omittedHeaders))
        if not callable(self.headers):
            self._set("headers", checkFields(self.headers))
        if self.origin is not None:
            _checkFit("origin", [("Origin", self.origin)])
        if isinstance(self.proxy, str):
            self._set("proxy", Proxy.parse(self.proxy))
        if isinstance(self.credentials, tuple):
            self._set("credentials", _makeCredentials(self.credentials))
        self._checkCarriers()

    def _set(self, name: str, value: object) -> None:
        """
        Replace what was given by what was made of it.
        """
        object.__setattr__(self, name, value)

    def _checkCarriers(self) -> None:
        """
        Check what is below.
        """
        policy: Any = self.tlsPolicy
        if policy is not None and not hasattr(policy, "creatorForNetloc"):
            raise InvalidSetting(
                "tlsPolicy", f"must be IPolicyForHTTPS, not {policy!r}"
            )
        if self.endpoint is None:
            return
        if not IStreamClientEndpoint.providedBy(self.endpoint):
            raise InvalidSetting(
                "endpoint", f"must provide IStreamClientEndpoint, not {self.endpoint!r}"
            )
        if self.proxy or self.usesEnvironment:
            raise InvalidSetting("proxy", "cannot be there together with endpoint")


_NOTHING = type(None)
_KINDS: dict[str, tuple[type, ...]] = {
    "origin": (str, _NOTHING),
    "limits": (Limits,),
    "keepalive": (KeepalivePolicy,),
    "timeouts": (ClientTimeouts,),
    "proxy": (Proxy, str, _NOTHING),
    "credentials": (Credentials, tuple, _NOTHING),
    "cookies": (CookieJar, _NOTHING),
    "bindAddress": (str, _NOTHING),
}


def checkFields(headers: object) -> HeaderFields:
    """
    Check that header fields are pairs of text which can be sent.

    @param headers: those that an application gives.
    @return: a copy.
    @raise InvalidSetting: if they are not.  It does not show their values, for
        there may be a token in them.
    """
    fields = tuple(headers) if isinstance(headers, Iterable) else (headers,)
    if not all(map(_isField, fields)):
        raise InvalidSetting(
            "headers", "must be pairs of text, such as [('X-Token', '1')]"
        )
    _checkNotOurs("headers", [name for name, _value in fields])
    _checkFit("headers", fields)
    return fields


def _checkNotOurs(setting: str, names: Sequence[str]) -> None:
    """
    Check that names of header fields are none of those of the handshake.
    """
    for name in names:
        if name.lower() in OUR_HEADERS:
            raise InvalidSetting(
                setting, f"cannot have {name}, which is up to the handshake"
            )


def _checkFit(setting: str, fields: HeaderFields) -> None:
    """
    Check that header fields can be sent.
    """
    try:
        serializeHead("GET / HTTP/1.1", fields)
    except ValueError as error:
        raise InvalidSetting(setting, f"cannot be sent: {error}") from None


def _isField(field: Any) -> bool:
    """
    Tell whether something is a header field.
    """
    isPair = isinstance(field, (tuple, list)) and len(field) == 2
    return isPair and all(isinstance(part, str) for part in field)


def _checkKind(name: str, value: object, kinds: tuple[type, ...]) -> None:
    """
    Check that an option is of one of some kinds.
    """
    if not isinstance(value, kinds):
        named = " or ".join("None" if x is _NOTHING else x.__name__ for x in kinds)
        # Only its kind is shown: there may be a password in it.
        raise InvalidSetting(name, f"must be {named}, not {type(value).__name__}")


def _checkSubprotocols(subprotocols: object) -> tuple[str, ...]:
    """
    Check what is offered, RFC 6455 section 4.1.
    """
    found = freeze("subprotocols", subprotocols)
    for subprotocol in found:
        checkSubprotocol(subprotocol)
    if len(set(found)) < len(found):
        raise InvalidSetting("subprotocols", f"must all be different, not {found!r}")
    return found


def _checkNames(names: object) -> tuple[str, ...]:
    """
    Check which header fields are not sent.
    """
    found = freeze("omittedHeaders", names)
    if not all(isinstance(name, str) for name in found):
        raise InvalidSetting("omittedHeaders", f"must be text, not {found!r}")
    _checkNotOurs("omittedHeaders", found)
    return found


def _makeCredentials(pair: tuple[Any, ...]) -> Credentials:
    """
    Make credentials of a username and a password.
    """
    if len(pair) != 2:
        raise InvalidSetting("credentials", "must be a username and a password")
    return Credentials(*pair)
