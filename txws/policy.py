"""
The settings of a server or a client, as frozen values that decide.

A setting that makes no sense raises
L{InvalidSetting<txws.errors.InvalidSetting>} when it is made, and names
itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from .errors import InvalidSetting
from .interfaces import IWebSocketRequest
from .origins import SAME_ORIGIN, OriginPattern, compileOrigin
from .wire.errors import BadHandshake
from .wire.handshake import parseTokens
from .wire.http import HeadLimits
from .wire.serverhandshake import checkAcceptanceHeaders

__all__ = [
    "ClientTimeouts",
    "HandshakePolicy",
    "KeepalivePolicy",
    "Limits",
    "checkBoolean",
    "checkCount",
    "checkPolicies",
    "checkSubprotocol",
    "freeze",
]

KIB = 1024
MIB = 1024 * KIB

HeaderFields = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Limits:
    """
    How much a peer may make this side keep, RFC 6455 section 10.4.

    Sizes are in bytes.  L{None} means no limit where it is allowed.

    @ivar maxMessageSize: in one message, all fragments of it together, after
        inflation; or L{None}.
    @ivar maxFragments: frames in one message; or L{None}.
    @ivar maxHandshakeSize: in the opening handshake.
    @ivar maxHeaders: header fields in the opening handshake.
    @ivar maxLineSize: in one line of the opening handshake.
    @ivar maxConnections: connections of one factory, those in their opening
        handshake included; or L{None}.
    @ivar highWaterMark: when more is pending, on top of the Twisted
        transport's own 64 KiB, producers are paused; when more of it answers
        what was received, no more is read.
    @ivar lowWaterMark: when no more is pending, both go on.
    @ivar maxPendingSize: when more is pending behind the message that is on
        its way, the connection is closed with code 1008; or L{None}.  Each
        message counts for at least 64 bytes.
    """

    maxMessageSize: int | None = MIB
    maxFragments: int | None = 4096
    maxHandshakeSize: int = 16 * KIB
    maxHeaders: int = 128
    maxLineSize: int = 8 * KIB
    maxConnections: int | None = None
    highWaterMark: int = 64 * KIB
    lowWaterMark: int = 16 * KIB
    maxPendingSize: int | None = 16 * MIB

    def __post_init__(self) -> None:
        for name in (
            "maxMessageSize",
            "maxFragments",
            "maxConnections",
            "maxPendingSize",
        ):
            if getattr(self, name) is not None:
                checkCount(name, getattr(self, name))
        for name in ("maxHandshakeSize", "maxHeaders", "maxLineSize", "highWaterMark"):
            checkCount(name, getattr(self, name))
        checkCount("lowWaterMark", self.lowWaterMark, least=0)
        if self.maxLineSize > self.maxHandshakeSize:
            raise InvalidSetting(
                "maxLineSize",
                f"must be at most maxHandshakeSize, {self.maxHandshakeSize}, "
                f"not {self.maxLineSize}",
            )
        if self.lowWaterMark > self.highWaterMark:
            raise InvalidSetting(
                "lowWaterMark",
                f"must be at most highWaterMark, {self.highWaterMark}, "
                f"not {self.lowWaterMark}",
            )
        if self.maxPendingSize is not None and self.maxPendingSize < self.highWaterMark:
            raise InvalidSetting(
                "maxPendingSize",
                f"must be at least highWaterMark, {self.highWaterMark}, "
                f"not {self.maxPendingSize}",
            )

    @cached_property
    def headLimits(self) -> HeadLimits:
        """
        The limits of the opening handshake alone.
        """
        return HeadLimits(self.maxHandshakeSize, self.maxHeaders, self.maxLineSize)


@dataclass(frozen=True)
class KeepalivePolicy:
    """
    How long this side waits, and how it finds out that a peer is gone, RFC
    6455 section 5.5.2.

    All are in seconds.

    All connections share one clock, which looks four times a second: nothing is
    early, and nothing is later than a quarter of a second.

    @ivar handshakeTimeout: from accepting the connection to the 101; no byte
        of the peer prolongs it.
    @ivar pingInterval: after so much silence a Ping is sent; L{None} for
        never.
    @ivar pingTimeout: if so much silence follows, the connection is aborted.
        Anything that the peer sends ends the silence; while the application
        has paused it, none counts unless the peer takes nothing of what is
        pending because the Twisted transport is full.
    @ivar closeTimeout: if the closing handshake and the closing of the
        transport make no progress for so long, the connection is aborted.
    @ivar idleTimeout: after so long without a message in either direction the
        connection is closed with code 1000, unless the application has paused
        it, as for C{pingTimeout}; L{None} for never.
    @ivar isOneWay: send Pongs instead of Pings, to keep proxies awake; they
        are not answered, so that C{pingTimeout} has no meaning.
    """

    handshakeTimeout: float = 10.0
    pingInterval: float | None = 20.0
    pingTimeout: float = 20.0
    closeTimeout: float = 5.0
    idleTimeout: float | None = None
    isOneWay: bool = False

    def __post_init__(self) -> None:
        for name in ("handshakeTimeout", "pingTimeout", "closeTimeout"):
            _checkSeconds(name, getattr(self, name))
        for name in ("pingInterval", "idleTimeout"):
            if getattr(self, name) is not None:
                _checkSeconds(name, getattr(self, name))
        checkBoolean("isOneWay", self.isOneWay)


@dataclass(frozen=True)
class ClientTimeouts:
    """
    How long a client waits before its handshake, for which
    L{KeepalivePolicy.handshakeTimeout} is.

    All are in seconds.

    @ivar nameTimeout: to find the addresses of a name.
    @ivar connectTimeout: to connect to one of them.
    @ivar proxyTimeout: for a proxy to reach the server.
    @ivar tlsTimeout: for the handshake of TLS.
    """

    nameTimeout: float = 10.0
    connectTimeout: float = 10.0
    proxyTimeout: float = 10.0
    tlsTimeout: float = 10.0

    def __post_init__(self) -> None:
        for name in ("nameTimeout", "connectTimeout", "proxyTimeout", "tlsTimeout"):
            _checkSeconds(name, getattr(self, name))


@dataclass(frozen=True)
class HandshakePolicy:
    """
    Which opening handshakes a server accepts, RFC 6455 section 4.2.2.

    @ivar origins: where pages may come from that connect (RFC 6455 section
        10.2); a handshake without an C{Origin} does not come from a page and
        is accepted.  Each is one of:

          - C{"https://example.com"}: scheme, host and port, exactly;
          - C{"https://*.example.com"}: any subdomain, not the domain itself;
          - C{"null"}: what sandboxed and local pages send;
          - L{SAME_ORIGIN<txws.origins.SAME_ORIGIN>}: the scheme, host and port
            by which the server was called, which is the default;
          - L{ANY_ORIGIN<txws.origins.ANY_ORIGIN>};
          - a compiled pattern, which must match all of the header;
          - a function of the header and the request.

    @ivar subprotocols: what the server speaks, the preferred one first;
        L{None} for what the application says it speaks.
    @ivar paths: the paths that exist, percent-decoded; L{None} for all.
    @ivar headers: further header fields of the 101, as (name, value): such as
        C{("Set-Cookie", "id=1")}; or a function of the request that returns
        them.
    """

    origins: Sequence[OriginPattern] = (SAME_ORIGIN,)
    subprotocols: Sequence[str] | None = None
    paths: Sequence[str] | None = None
    headers: HeaderFields | Callable[[IWebSocketRequest], HeaderFields] = ()
    _accepts: Sequence[Callable[[str, IWebSocketRequest], bool]] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "origins", freeze("origins", self.origins))
        for name in ("subprotocols", "paths"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, freeze(name, getattr(self, name)))
        for subprotocol in self.subprotocols or ():
            checkSubprotocol(subprotocol)
        for path in self.paths or ():
            _checkPath(path)
        if not callable(self.headers):
            object.__setattr__(self, "headers", freeze("headers", self.headers))
            _checkHeaders(self.headers)
        accepts = tuple(compileOrigin(pattern) for pattern in self.origins)
        object.__setattr__(self, "_accepts", accepts)

    def checkRequest(self, request: IWebSocketRequest) -> None:
        """
        Check the path and the origin of a handshake.

        @param request: what the client asks for.
        @raise BadHandshake: with 404 or 403.
        @raise TypeError: if a function of the origins returns no L{bool}.
        """
        if self.paths is not None and request.path not in self.paths:
            raise BadHandshake(404, "no WebSocket at this path")
        origin = request.origin
        if origin is None:
            return
        for accepts in self._accepts:
            verdict = accepts(origin, request)
            if not isinstance(verdict, bool):
                # A coroutine, say, which is true whatever it would return.
                raise TypeError(f"origins: {accepts!r} returned {verdict!r}, no bool")
            if verdict:
                return
        raise BadHandshake(403, f"Origin {origin[:200]!r} is not among the origins")

    def chooseSubprotocol(
        self, offered: Iterable[str], spoken: Sequence[str]
    ) -> str | None:
        """
        Choose a subprotocol, by the server's preference.

        @param offered: what the client offers.
        @param spoken: what the application says it speaks.
        @return: L{None} if there is none in common.
        """
        preferred = spoken if self.subprotocols is None else self.subprotocols
        available = set(offered)
        return next((name for name in preferred if name in available), None)

    def headersFor(self, request: IWebSocketRequest) -> HeaderFields:
        """
        Find the further header fields of the 101.

        @param request: what is answered.
        """
        headers = self.headers
        return headers(request) if callable(headers) else headers


def checkPolicies(limits: object, keepalive: object, handshake: object) -> None:
    """
    Check that settings are of the right kinds, or L{None}.

    @param limits: for a L{Limits}.
    @param keepalive: for a L{KeepalivePolicy}.
    @param handshake: for a L{HandshakePolicy}.
    @raise InvalidSetting: if one is not.
    """
    for name, setting, kind in (
        ("limits", limits, Limits),
        ("keepalive", keepalive, KeepalivePolicy),
        ("handshake", handshake, HandshakePolicy),
    ):
        if not (setting is None or isinstance(setting, kind)):
            raise InvalidSetting(name, f"must be {kind.__name__}, not {setting!r}")


def checkBoolean(name: str, value: object) -> None:
    """
    Check a setting that says yes or no.

    @param name: what it is called.
    @param value: what it is.
    @raise InvalidSetting: if it is anything else, which would be true or false
        as well.
    """
    if not isinstance(value, bool):
        raise InvalidSetting(name, f"must be True or False, not {value!r}")


def checkSubprotocol(name: object) -> None:
    """
    Check that a subprotocol may stand in a header, RFC 6455 section 4.1.

    @param name: what it is called.
    @raise InvalidSetting: if it may not.
    """
    try:
        isToken = isinstance(name, str) and parseTokens([name]) == [name]
    except ValueError:
        isToken = False
    if not isToken:
        raise InvalidSetting("subprotocols", f"must be HTTP tokens, not {name!r}")


def checkCount(name: str, value: object, least: int = 1) -> None:
    """
    Check a setting that counts something.

    @param name: what it is called.
    @param value: what it is.
    @param least: how many it has to be.
    @raise InvalidSetting: if it is anything else.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InvalidSetting(
            name, f"must be a whole number from {least} on, not {value!r}"
        )


def freeze(name: str, values: object) -> tuple[Any, ...]:
    """
    Check a setting that is a sequence, and keep it from changing.

    @param name: what it is called.
    @param values: what it is.
    @return: a copy.
    @raise InvalidSetting: if it is no sequence; text is none here.
    """
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise InvalidSetting(name, f"must be a sequence, not {values!r}")
    return tuple(values)


def _checkHeaders(headers: HeaderFields) -> None:
    """
    Check that header fields may be sent.
    """
    try:
        checkAcceptanceHeaders(headers)
    except (TypeError, ValueError) as error:
        raise InvalidSetting("headers", f"cannot be sent: {error}") from None


def _checkSeconds(name: str, value: object) -> None:
    """
    Check a setting that says how long.
    """
    isNumber = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not isNumber or not 0 < value < float("inf"):  # type: ignore[operator]
        raise InvalidSetting(
            name, f"must be a number of seconds more than 0, not {value!r}"
        )


def _checkPath(path: object) -> None:
    """
    Check that a path can be that of a request.
    """
    if not isinstance(path, str) or not path.startswith("/"):
        raise InvalidSetting("paths", f"must start with '/', not {path!r}")
    if "?" in path:
        raise InvalidSetting("paths", f"must have no query, not {path!r}")
