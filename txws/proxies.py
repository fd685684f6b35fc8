"""
Proxies: what is known of one, whether the environment asks for one, and the
endpoints that lead through one.

Each endpoint stands on another one, which leads to the proxy itself: over TCP
or TLS, as L{Proxy.isSecure} says.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from secrets import token_bytes
from urllib.parse import unquote_to_bytes

from twisted.internet import address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
)
from zope.interface import implementer

from .authentication import Credentials
from .errors import DeadlineExpired, InvalidSetting
from .httptunnels import HTTPNegotiation
from .sockstunnels import SOCKSNegotiation
from .tunnels import Negotiation, NewConnectionNeeded, Tunnel, TunnelFactory
from .wire.http import HeadLimits

__all__ = [
    "HTTPProxyEndpoint",
    "Proxy",
    "SOCKSProxyEndpoint",
    "proxyFromEnvironment",
]

_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_LABEL = r"[A-Za-z0-9_~!$&'()*+;=\-]{1,63}"
_NAME = rf"{_LABEL}(?:\.{_LABEL})*\.?"
_PROXY = re.compile(
    r"\A([A-Za-z][A-Za-z0-9+.\-]*)://"
    r"(?:([!-.0-;=A-~]*)@)?"
    rf"({_NAME}|\[[0-9A-Fa-f:.]+\])(?::([0-9]{{1,5}}))?/?\Z"
)
_HOST = re.compile(rf"\A(?:{_NAME}|[0-9A-Fa-f:.]+)\Z")
_ENTRY = re.compile(r"\A(?:\[([^\]]*)\]|([^:]*))(?::([0-9]{1,5}))?\Z")


@dataclass(frozen=True)
class Proxy:
    """
    A proxy, and who the client is to it.

    @ivar scheme: C{http}; C{https}, for HTTP over TLS; C{socks5} or
        C{socks5h}, which are the same here: names are resolved by the proxy.
    @ivar host: its name or address.
    @ivar port: where it listens.
    @ivar credentials: who the client is, or L{None}.
    """

    scheme: str
    host: str
    port: int
    credentials: Credentials | None = None

    def __post_init__(self) -> None:
        if self.scheme not in _PORTS:
            raise InvalidSetting("proxy", f"must begin with one of {_schemes()}")
        if not _isHost(self.host) or not 0 < self.port < 65536:
            raise InvalidSetting("proxy", "must have a host and a port from 1 to 65535")
        if self.isSOCKS and self.credentials is not None:
            # RFC 1929 section 2.
            username = self.credentials.username.encode()
            password = self.credentials.password.encode()
            if not 0 < len(username) < 256 or len(password) > 255:
                raise InvalidSetting(
                    "proxy", "must have a username and a password of up to 255 bytes"
                )

    @classmethod
    def parse(cls, url: str) -> Proxy:
        """
        Parse the URL of a proxy.

        @param url: such as C{http://user:password@proxy.example:3128} or
            C{socks5://[2001:db8::1]}.  Reserved characters in the username and
            the password are percent-encoded.
        @raise InvalidSetting: if it is not one.
        """
        match = _PROXY.match(url)
        # The error does not show what may be a password.
        if match is None:
            raise InvalidSetting(
                "proxy",
                "must be like 'http://user:password@proxy.example:3128', "
                "with reserved characters percent-encoded",
            )
        scheme, userinfo, host, port = match.groups()
        scheme = scheme.lower()
        return cls(
            scheme,
            host.strip("[]"),
            int(port or _PORTS.get(scheme, 0)),
            None if userinfo is None else _parseUserinfo(userinfo),
        )

    @property
    def isSecure(self) -> bool:
        """
        Whether the proxy itself is reached by TLS.
        """
        return self.scheme == "https"

    @property
    def isSOCKS(self) -> bool:
        """
        Whether the proxy speaks SOCKS5 instead of HTTP.
        """
        return self.scheme.startswith("socks5")


def _schemes() -> str:
    """
    Tell which schemes there are.
    """
    return ", ".join(f"{scheme}://" for scheme in _PORTS)


def _parseUserinfo(userinfo: str) -> Credentials:
    """
    Parse the credentials in a URL, RFC 3986 section 3.2.1.
    """
    username, _, password = userinfo.partition(":")
    try:
        return Credentials(
            unquote_to_bytes(username).decode(), unquote_to_bytes(password).decode()
        )
    except UnicodeDecodeError:
        raise InvalidSetting(
            "proxy", "must have a username and a password in UTF-8"
        ) from None


class _ProxyEndpoint(ABC):
    """
    Leads through a proxy.
    """

    def __init__(
        self,
        endpoint: IStreamClientEndpoint,
        host: str,
        port: int,
        proxy: Proxy,
        clock: IReactorTime,
        timeout: float,
    ) -> None:
        """
        @param endpoint: leads to the proxy.
        @param host: where to go from there: a name in ASCII, or an address.
        @param port: where to go from there.
        @param proxy: who the client is to the proxy.
        @param clock: what schedules.
        @param timeout: how many seconds may pass from C{connect} to the open
            tunnel; no byte of the proxy prolongs it.
        @raise InvalidSetting: if there can be no such host or port.
        """
        if not _isHost(host):
            raise InvalidSetting("host", f"must be a name or an address, not {host!r}")
        if not 0 < port < 65536:
            raise InvalidSetting("port", f"must be from 1 to 65535, not {port!r}")
        self._endpoint = endpoint
        self._host = host
        self._port = port
        self._proxy = proxy
        self._clock = clock
        self._timeout = timeout

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Connect a protocol through the proxy.

        The address that C{protocolFactory} gets is that of the host.

        @param protocolFactory: makes the protocol when the tunnel is open.
        @return: fires with the protocol when it is connected.  It fails with
            L{ProxyRefused<txws.errors.ProxyRefused>}, with
            L{DeadlineExpired<txws.errors.DeadlineExpired>}, or with what the
            connection to the proxy failed with.  Cancelling it aborts that
            connection.
        """
        negotiation = self._negotiate()
        connecting = Deferred.fromCoroutine(self._connect(protocolFactory, negotiation))

        def expire(result: object, seconds: float) -> None:
            raise negotiation.refusal or DeadlineExpired("proxyTimeout", seconds)

        connecting.addTimeout(self._timeout, self._clock, expire)
        return connecting

    @abstractmethod
    def _negotiate(self) -> Negotiation:
        """
        Make what asks the proxy.
        """

    async def _connect(
        self, factory: IProtocolFactory, negotiation: Negotiation
    ) -> IProtocol:
        """
        Ask the proxy, on as many connections as it needs.
        """
        target = _addressOf(self._host, self._port)
        while True:
            tunnel = Tunnel(negotiation, factory, target)
            try:
                await self._endpoint.connect(TunnelFactory(tunnel, factory))
            except Exception:
                tunnel.abandon()
                raise
            try:
                return await tunnel.opened
            except NewConnectionNeeded:
                continue


@implementer(IStreamClientEndpoint)
class HTTPProxyEndpoint(_ProxyEndpoint):
    """
    Leads through an HTTP proxy, by C{CONNECT}.
    """

    def __init__(
        self,
        endpoint: IStreamClientEndpoint,
        host: str,
        port: int,
        proxy: Proxy,
        clock: IReactorTime,
        timeout: float,
        limits: HeadLimits,
        *,
        generateNonce: Callable[[], bytes] | None = None,
    ) -> None:
        """
        @param endpoint: leads to the proxy.
        @param host: where to go from there: a name in ASCII, or an address.
        @param port: where to go from there.
        @param proxy: who the client is to the proxy.
        @param clock: what schedules.
        @param timeout: how many seconds may pass from C{connect} to the open
            tunnel; no byte of the proxy prolongs it.
        @param limits: how much of an answer's head is read.
        @param generateNonce: makes unpredictable bytes for Digest.
        @raise InvalidSetting: if there can be no such host or port.
        """
        super().__init__(endpoint, host, port, proxy, clock, timeout)
        self._limits = limits
        self._generateNonce = generateNonce or _generateNonce

    def _negotiate(self) -> Negotiation:
        """
        Make what asks the proxy.
        """
        host = f"[{self._host}]" if ":" in self._host else self._host
        return HTTPNegotiation(
            f"{host}:{self._port}",
            self._proxy.credentials,
            self._limits,
            self._generateNonce,
        )


@implementer(IStreamClientEndpoint)
class SOCKSProxyEndpoint(_ProxyEndpoint):
    """
    Leads through a SOCKS5 proxy, which resolves the host's name.
    """

    def _negotiate(self) -> Negotiation:
        """
        Make what asks the proxy.
        """
        return SOCKSNegotiation(self._host, self._port, self._proxy.credentials)


def _generateNonce() -> bytes:
    """
    Make what a client's nonce is made of.
    """
    return token_bytes(16)


def _parseAddress(host: str) -> IPv4Address | IPv6Address | None:
    """
    Parse an address.

    @return: L{None} if it is a name.
    """
    try:
        return ip_address(host)
    except ValueError:
        return None


def _isHost(host: str) -> bool:
    """
    Tell whether something can be a name or an address.
    """
    # ip_address() alone would take anything for the zone of an address.
    isAddress = ":" in host
    # RFC 1928 section 5 has one byte for the length of a name.
    return (
        _HOST.match(host) is not None
        and len(host) < 256
        and (not isAddress or _parseAddress(host) is not None)
    )


def _addressOf(host: str, port: int) -> IAddress:
    """
    Make the address of a host.
    """
    parsed = _parseAddress(host)
    if parsed is None:
        return address.HostnameAddress(host.encode("ascii"), port)
    if parsed.version == 4:
        return address.IPv4Address("TCP", host, port)
    return address.IPv6Address("TCP", host, port)


def proxyFromEnvironment(
    host: str, port: int, isSecure: bool, environ: Mapping[str, str]
) -> Proxy | None:
    """
    Find the proxy that the environment asks for.

    That is C{HTTPS_PROXY} for TLS and C{HTTP_PROXY} without, then
    C{ALL_PROXY}, unless C{NO_PROXY} has an entry for the host: a name, which
    stands for its subdomains too, an address, a network such as
    C{10.0.0.0/8}, each with or without a port, or C{*}.  A name in lower case
    goes before the same one in upper case.

    @param host: where to go.
    @param port: where to go.
    @param isSecure: whether by TLS.
    @param environ: the environment, such as L{os.environ}.
    @return: L{None} if there is none for this host.
    @raise InvalidSetting: if a variable holds something else.
    """
    excluded = environ.get("no_proxy", environ.get("NO_PROXY", ""))
    if any(_matches(entry, host, port) for entry in re.split(r"[\s,]+", excluded)):
        return None
    for name in ("https_proxy" if isSecure else "http_proxy", "all_proxy"):
        url = environ.get(name)
        # In a CGI program it is a header of the request: CVE-2016-5385.
        if url is None and (name != "http_proxy" or "REQUEST_METHOD" not in environ):
            url = environ.get(name.upper())
        if url:
            try:
                return Proxy.parse(url if "://" in url else f"http://{url}")
            except InvalidSetting as error:
                raise InvalidSetting(name.upper(), error.problem) from None
    return None


def _matches(entry: str, host: str, port: int) -> bool:
    """
    Tell whether an entry of C{NO_PROXY} stands for a host.
    """
    if entry == "*":
        return True
    entry, wanted = _splitEntry(entry.lower())
    if not entry or wanted not in (None, port):
        return False
    found = _parseAddress(host)
    if found is None:
        name = host.lower().rstrip(".")
        entry = entry.removeprefix("*").strip(".")
        return name == entry or name.endswith(f".{entry}")
    try:
        return found in ip_network(entry, strict=False)
    except ValueError:
        return False


def _splitEntry(entry: str) -> tuple[str, int | None]:
    """
    Split an entry of C{NO_PROXY} into host and port.
    """
    match = _ENTRY.match(entry)
    if match is None:
        # An IPv6 address without brackets.
        return entry, None
    bracketed, plain, port = match.groups()
    return plain if bracketed is None else bracketed, int(port) if port else None
