"""
The opening handshake as applications see it, RFC 6455 section 4.2.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from urllib.parse import unquote

from twisted.internet.interfaces import IAddress
from zope.interface import implementer

from .interfaces import IWebSocketRequest
from .wire.http import Headers

__all__ = ["WebSocketRequest"]


_NO_PARAMETERS: Mapping[str, object] = MappingProxyType({})


@implementer(IWebSocketRequest)
@dataclass(frozen=True)
class WebSocketRequest:
    """
    What a client asked for, and from where.

    See L{IWebSocketRequest} for what its attributes mean.
    """

    # Not in the log: queries are where tokens are.
    target: str = field(repr=False)
    host: str
    origin: str | None
    headers: Headers
    subprotocols: tuple[str, ...]
    isSecure: bool
    peer: IAddress
    subprotocol: str | None = None
    parameters: Mapping[str, object] = field(
        default_factory=lambda: _NO_PARAMETERS, hash=False
    )
    http: object = field(default=None, repr=False, compare=False)

    @cached_property
    def path(self) -> str:
        """
        The path of the resource, percent-decoded.
        """
        return unquote(self.target.partition("?")[0])

    @property
    def query(self) -> str:
        """
        What follows the C{?} of the target.
        """
        return self.target.partition("?")[2]

    @property
    def url(self) -> str:
        """
        The URL of the resource, RFC 6455 section 3.
        """
        scheme = "wss" if self.isSecure else "ws"
        return f"{scheme}://{self.host}{self.target}"

    @cached_property
    def cookies(self) -> Mapping[str, str]:
        """
        The cookies, RFC 6265 section 5.4; of two with one name the first
        counts, which is the one with the longer path.
        """
        cookies: dict[str, str] = {}
        for value in self.headers.getAll("Cookie"):
            for pair in value.split(";"):
                name, isPair, content = pair.partition("=")
                if isPair:
                    cookies.setdefault(name.strip(_BLANKS), _unquote(content))
        return MappingProxyType(cookies)


# Not what str.strip() takes for blank: "\xa0__Host-id" is not "__Host-id", which
# only the host itself can set.
_BLANKS = " \t"


def _unquote(content: str) -> str:
    """
    Take the quotes off the value of a cookie, RFC 6265 section 4.1.1.
    """
    content = content.strip(_BLANKS)
    isQuoted = len(content) > 1 and content[0] == content[-1] == '"'
    return content[1:-1] if isQuoted else content
