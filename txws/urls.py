"""
URLs of WebSockets, RFC 6455 section 3: C{ws}, C{wss}, and the same over UNIX
sockets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address
from os import fsencode
from urllib.parse import quote, unquote, urljoin, urlsplit

import idna

from .errors import InvalidSetting

__all__ = ["WebSocketURL"]

_PORTS = {"ws": 80, "wss": 443, "ws+unix": 80, "wss+unix": 443}
# The reactor would log an error, and wait.
_MAX_SOCKET_PATH = 107
_REDIRECTED = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}

# RFC 3986 section 2: what may stand in a path and a query as it is.
_UNQUOTED = "!#$%&'()*+,/:;=?@[]~-._"
_LABEL = r"[A-Za-z0-9_\-]{1,63}"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?\Z")


@dataclass(frozen=True)
class WebSocketURL:
    """
    Where a WebSocket is.

    @ivar isSecure: whether it is reached by TLS.
    @ivar host: the name, in ASCII, or the address of the server.
    @ivar port: its port.
    @ivar target: the path and the query of the resource, percent-encoded.
    @ivar socketPath: the UNIX socket that the server listens on, or L{None}.
    @ivar username: who is to be let in, or L{None}.
    @ivar password: with which password.
    """

    isSecure: bool
    host: str
    port: int
    # Not in the log: queries are where tokens are.
    target: str = field(repr=False)
    socketPath: str | None = None
    username: str | None = field(default=None, repr=False)
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> WebSocketURL:
        """
        Parse a URL such as C{wss://example.com/feed?id=1},
        C{ws://user:password@[::1]:8080/} or
        C{ws+unix:///run/feed.sock:/feed?id=1}, where the path of the resource
        follows that of the socket.

        @param text: the URL; names and paths in other alphabets are encoded.
        @raise InvalidSetting: if it is none.
        """
        if not isinstance(text, str):
            raise InvalidSetting("url", f"must be a text, not {type(text).__name__}")
        if re.search(r"[\x00-\x20\x7f]", text):
            # Not shown: there may be a password in it.
            raise InvalidSetting("url", "has a space or a control character")
        scheme, _separator, rest = text.partition(":")
        scheme = scheme.lower()
        if scheme not in _PORTS or not rest.startswith("/"):
            raise InvalidSetting(
                "url", "must begin with ws:// or wss://, ws+unix:// or wss+unix://"
            )
        if "#" in rest:
            raise InvalidSetting("url", "has a fragment; RFC 6455 forbids it")
        if scheme.endswith("+unix"):
            return cls._parseUNIX(scheme, rest)
        try:
            return cls._parseTCP(scheme, rest)
        except ValueError as error:
            raise InvalidSetting("url", f"is none: {error}") from None

    @classmethod
    def _parseUNIX(cls, scheme: str, rest: str) -> WebSocketURL:
        """
        Parse the URL of a UNIX socket.
        """
        rest = rest.removeprefix("//")
        socketPath, _separator, target = rest.partition(":")
        if not socketPath.startswith("/") or socketPath.endswith("/"):
            raise InvalidSetting("url", "must name a socket by its absolute path")
        socketPath = unquote(socketPath)
        if "\0" in socketPath or len(fsencode(socketPath)) > _MAX_SOCKET_PATH:
            raise InvalidSetting(
                "url",
                f"must name a socket by a path of at most {_MAX_SOCKET_PATH} bytes",
            )
        return cls(
            isSecure=scheme == "wss+unix",
            host="localhost",
            port=_PORTS[scheme],
            target=_quote(target or "/"),
            socketPath=socketPath,
        )

    @classmethod
    def _parseTCP(cls, scheme: str, rest: str) -> WebSocketURL:
        """
        Parse the URL of a host.

        @raise ValueError: if it is none.
        """
        try:
            parts = urlsplit(f"{scheme}:{rest}")
            port = parts.port
        except ValueError:
            # What Python says shows what may be a part of the password.
            raise ValueError(
                "its host or its port is malformed, or has a username or a password"
                " before it whose reserved characters are not percent-encoded"
            ) from None
        if not parts.hostname:
            raise ValueError("it has no host")
        if port == 0:
            raise ValueError("port 0 is none")
        username, separator, password = _userinfo(parts.netloc)
        return cls(
            isSecure=scheme == "wss",
            host=_encodeHost(parts.hostname),
            port=_PORTS[scheme] if port is None else port,
            target=_quote(rest[2 + len(parts.netloc) :]),
            username=unquote(username) if username or separator else None,
            password=unquote(password),
        )

    def __str__(self) -> str:
        """
        Say where it is, without saying who comes.
        """
        scheme = "wss" if self.isSecure else "ws"
        if self.socketPath is not None:
            return f"{scheme}+unix://{self.socketPath}:{self.target}"
        return f"{scheme}://{self.authority}{self.target}"

    @property
    def authority(self) -> str:
        """
        The host, and the port if it is not the default: for the C{Host} header.
        """
        # A zone says something on this machine alone, RFC 6874 section 4.
        host = self.host.partition("%")[0]
        host = f"[{host}]" if ":" in host else host
        isDefault = self.port == (443 if self.isSecure else 80)
        return host if isDefault else f"{host}:{self.port}"

    @property
    def httpURL(self) -> str:
        """
        The same resource, as HTTP calls it.
        """
        scheme = "https" if self.isSecure else "http"
        return f"{scheme}://{self.authority}{self.target}"

    def redirected(self, location: str) -> WebSocketURL:
        """
        Find out where a redirection leads, RFC 9110 section 10.2.2.

        @param location: the C{Location} header; relative to this, C{http} and
            C{https} as well as C{ws} and C{wss}.
        @return: the URL, with this one's user if it is of the same origin.
        @raise InvalidSetting: if it is none.
        """
        try:
            absolute = urljoin(self.httpURL, location.partition("#")[0])
        except ValueError:
            raise InvalidSetting("Location", "is no URL") from None
        scheme, _separator, rest = absolute.partition(":")
        if scheme.lower() not in _REDIRECTED:
            raise InvalidSetting("Location", f"leads to {scheme!r}, no WebSocket")
        found = WebSocketURL.parse(f"{_REDIRECTED[scheme.lower()]}:{rest}")
        if not self.isSameOrigin(found):
            return found
        return replace(self, target=found.target)

    def isSameOrigin(self, other: WebSocketURL) -> bool:
        """
        Tell whether two are of one server, RFC 6454 section 5.
        """
        return (self.isSecure, self.host, self.port) == (
            other.isSecure,
            other.host,
            other.port,
        )


def _userinfo(netloc: str) -> tuple[str, str, str]:
    """
    Find the user and the password, as they are encoded.
    """
    userinfo, separator, _host = netloc.rpartition("@")
    username, _, password = userinfo.partition(":")
    return username, separator, password


def _encodeHost(host: str) -> str:
    """
    Encode a name by IDNA 2008, or check an address.

    @raise ValueError: if it is neither.
    """
    host = unquote(host)
    if ":" in host:
        address, separator, zone = host.partition("%")
        return f"{IPv6Address(address)}{separator}{zone}"
    if not host.isascii():
        host = idna.encode(host, uts46=True).decode("ascii")
    if _NAME.match(host) is None or len(host) > 253:
        raise ValueError("its host is no name and no address")
    return host


def _quote(target: str) -> str:
    """
    Percent-encode what may not stand in a request target as it is.
    """
    if not target.startswith("/"):
        target = f"/{target}"
    return quote(target, safe=_UNQUOTED)
