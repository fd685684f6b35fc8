"""
What servers refuse, wherever a request came from, and how they say so.
"""

from __future__ import annotations

from twisted.internet.interfaces import IAddress
from twisted.logger import Logger

from .negotiation import ServerSettings
from .wire.errors import BadHandshake
from .wire.http import RequestHead
from .wire.serverhandshake import parsePath, upgradeRequired

__all__ = ["earlyData", "logRefusal", "notAnUpgrade"]

_log = Logger()

# A browser that asks for a page, and a limit that is reached.
_NOBODYS_FAULT = frozenset((426, 503))


def notAnUpgrade(
    settings: ServerSettings, head: RequestHead, routed: str | None = None
) -> BadHandshake:
    """
    Refuse a request that asks for something else than WebSocket.

    @param settings: what is at which path.
    @param head: the head of the request.
    @param routed: what a router is to look for; L{None} for the path of the
        request.
    @raise BadHandshake: if its target has no path.
    """
    if not settings.hasPath(parsePath(head.target), routed):
        return BadHandshake(404, "nothing is at this path")
    if head.method != "GET":
        return BadHandshake(405, "this server speaks WebSocket", [("Allow", "GET")])
    return upgradeRequired(
        "this server speaks WebSocket; the request has no 'Upgrade: websocket'"
    )


def earlyData() -> BadHandshake:
    """
    Refuse a client that does not wait for its answer.
    """
    # RFC 6455 4.1: the client "MUST wait for a response from the server before
    # sending any further data."
    return BadHandshake(
        400, "data follow the handshake unanswered", [("Connection", "close")]
    )


def logRefusal(peer: IAddress, refusal: BadHandshake) -> None:
    """
    Note that a request is refused.

    @param peer: where it came from.
    @param refusal: why.
    """
    isOurs = refusal.status in _NOBODYS_FAULT
    log = _log.info if isOurs else _log.warn
    log(
        "{peer} is refused with {status}: {explanation}",
        peer=peer,
        status=refusal.status,
        explanation=refusal.explanation,
    )
