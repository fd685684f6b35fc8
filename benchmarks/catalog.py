"""
The servers that are measured.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["BARE", "FASTEST", "OURS", "RAW", "SERVERS", "Server"]


class Server(NamedTuple):
    """
    A server.

    @ivar name: what commands call it.
    @ivar title: what tables call it.
    @ivar program: its module in C{benchmarks/servers}.
    @ivar arguments: what follows the work.
    @ivar distributions: what it stands on, whose versions matter.
    @ivar works: what it can do.
    @ivar isPlain: whether it is txws that is to use the plain wire.
    """

    name: str
    title: str
    program: str
    arguments: tuple[str, ...] = ()
    distributions: tuple[str, ...] = ()
    works: frozenset[str] = frozenset(("echo", "large", "broadcast", "deflate", "idle"))
    isPlain: bool = False


_TXWS = ("twisted", "wsaccel")
_ECHOES = frozenset(("echo", "large", "deflate", "idle"))

RAW = "tcp"
BARE = "bare"
OURS = ("handler", "compiled", "resource", "wrap", "coroutine")

SERVERS = {
    server.name: server
    for server in (
        Server(
            RAW,
            "R: raw TCP, Twisted",
            "tcpserver",
            distributions=("twisted",),
            works=frozenset(("echo", "large", "idle")),
        ),
        Server(
            BARE,
            "nothing but Twisted, sent at once",
            "bareserver",
            distributions=("twisted",),
            works=frozenset(("echo", "large", "broadcast")),
        ),
        Server(
            "handler",
            "txws, handler, plain wire",
            "txwsserver",
            ("handler",),
            _TXWS,
            isPlain=True,
        ),
        Server(
            "compiled",
            "txws, handler, compiled wire",
            "txwsserver",
            ("compiled",),
            _TXWS,
        ),
        Server(
            "resource", "txws, WebSocketResource", "txwsserver", ("resource",), _TXWS
        ),
        # Wrapped protocols are not compressed, and have nobody to broadcast to.
        Server(
            "wrap",
            "txws, wrapped protocol",
            "txwsserver",
            ("wrap",),
            _TXWS,
            _ECHOES - {"deflate"},
        ),
        Server(
            "coroutine",
            "txws, coroutine",
            "txwsserver",
            ("coroutine",),
            _TXWS,
            _ECHOES,
        ),
        Server(
            "twistedweb",
            "twisted.web.websocket",
            "twistedwebserver",
            distributions=("twisted", "wsproto"),
            works=frozenset(("echo", "large", "broadcast", "idle")),
        ),
        Server(
            "autobahn",
            "Autobahn, Twisted, native",
            "autobahnserver",
            distributions=("autobahn", "twisted"),
        ),
        Server(
            "websockets",
            "websockets, uvloop",
            "websocketsserver",
            distributions=("websockets",),
        ),
        Server(
            "aiohttp",
            "aiohttp, uvloop",
            "aiohttpserver",
            distributions=("aiohttp", "uvloop"),
        ),
        Server(
            "picows",
            "picows, uvloop",
            "picowsserver",
            distributions=("picows", "uvloop"),
        ),
        Server(
            "socketify",
            "uWebSockets, socketify",
            "socketifyserver",
            distributions=("socketify",),
        ),
    )
}
FASTEST = ("compiled", "handler")
