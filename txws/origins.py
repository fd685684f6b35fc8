"""
Where pages may come from that connect, RFC 6455 section 10.2, and how their
origins are compared, RFC 6454.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Union

from .errors import InvalidSetting
from .interfaces import IWebSocketRequest

__all__ = ["ANY_ORIGIN", "SAME_ORIGIN", "OriginPattern", "compileOrigin"]

ANY_ORIGIN = "*"
SAME_ORIGIN = "same-origin"

OriginPattern = Union[str, "re.Pattern[str]", Callable[[str, IWebSocketRequest], bool]]
_Origin = tuple[str, str, int]
_ORIGIN = re.compile(
    r"\A([A-Za-z][A-Za-z0-9+.\-]*)://"
    r"([A-Za-z0-9._\-]+|\[[0-9A-Fa-f:.]+\])(?::([1-9][0-9]{0,4}))?\Z"
)
_DEFAULT_PORTS = {"http": 80, "https": 443}


def compileOrigin(pattern: OriginPattern) -> Callable[[str, IWebSocketRequest], bool]:
    """
    Make the function that decides about an origin.

    @param pattern: one of
        L{HandshakePolicy.origins<txws.policy.HandshakePolicy>}.
    @return: a function of the header and the request.
    @raise InvalidSetting: if it is no pattern.
    """
    if isinstance(pattern, re.Pattern) and isinstance(pattern.pattern, str):
        return lambda origin, request: pattern.fullmatch(origin) is not None
    if callable(pattern):
        return pattern
    if pattern == ANY_ORIGIN:
        return lambda origin, request: True
    if pattern == SAME_ORIGIN:
        return _isSameOrigin
    if pattern == "null":
        return lambda origin, request: origin == "null"
    return _compileOriginText(pattern)


def _compileOriginText(
    pattern: object,
) -> Callable[[str, IWebSocketRequest], bool]:
    """
    Make the function that compares an origin with one, or with the subdomains
    of one.
    """
    scheme, wildcard, domain = str(pattern).partition("://*.")
    expected = _splitOrigin(f"{scheme}://{domain}" if wildcard else scheme)
    if expected is None:
        raise InvalidSetting(
            "origins", f"must be like 'https://example.com:8443', not {pattern!r}"
        )
    if not wildcard:
        return lambda origin, request: _splitOrigin(origin) == expected

    def isSubdomain(origin: str, request: IWebSocketRequest) -> bool:
        found = _splitOrigin(origin)
        if found is None or (found[0], found[2]) != (expected[0], expected[2]):
            return False
        return found[1].endswith(f".{expected[1]}") and found[1][0] != "."

    return isSubdomain


def _isSameOrigin(origin: str, request: IWebSocketRequest) -> bool:
    """
    Tell whether a page comes from this very server, RFC 6454 section 5.
    """
    scheme = "https" if request.isSecure else "http"
    expected = _splitOrigin(f"{scheme}://{request.host}")
    # Two that are no origins are not the same one.
    return expected is not None and _splitOrigin(origin) == expected


def _splitOrigin(origin: str) -> _Origin | None:
    """
    Split an origin into scheme, host and port, RFC 6454 section 7.1.

    @return: L{None} if it is not one.
    """
    match = _ORIGIN.match(origin)
    if match is None:
        return None
    scheme, host, digits = match.groups()
    scheme = scheme.lower()
    port = int(digits or _DEFAULT_PORTS.get(scheme, 0))
    return (scheme, host.lower(), port) if port <= 65535 else None
