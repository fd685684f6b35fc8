"""
Requests that nobody has sent.
"""

from __future__ import annotations

from collections.abc import Iterable

from twisted.internet.interfaces import IAddress

from txws.request import WebSocketRequest
from txws.wire.http import Headers

from .transports import CLIENT_ADDRESS

__all__ = ["makeRequest"]


def makeRequest(
    target: str = "/",
    *,
    host: str = "example.com",
    origin: str | None = None,
    headers: Iterable[tuple[str, str]] = (),
    subprotocols: Iterable[str] = (),
    subprotocol: str | None = None,
    isSecure: bool = False,
    peer: IAddress = CLIENT_ADDRESS,
) -> WebSocketRequest:
    """
    Make a request, for whoever is asked for a handler or looks at what a
    client has asked for.

    @param target: the path and query of the resource, percent-encoded.
    @param host: the C{Host} header.
    @param origin: the C{Origin} header, or L{None}.
    @param headers: header fields, as (name, value).
    @param subprotocols: those offered, the preferred one first.
    @param subprotocol: the one in use, if there is one.
    @param isSecure: whether the connection is encrypted by TLS.
    @param peer: the address of the client.
    """
    return WebSocketRequest(
        target=target,
        host=host,
        origin=origin,
        headers=Headers(headers),
        subprotocols=tuple(subprotocols),
        isSecure=isSecure,
        peer=peer,
        subprotocol=subprotocol,
    )
