"""
Echo servers that compress, for C{compression.py} and C{compression_memory.py}:
C{python compression_servers.py NAME} prints its port and serves until it is
killed.  A signal, SIGUSR1, has the C library give back the memory that is free.

All but those named C{default} use windows of 12 bits and memory level 5 if they
let one choose.
"""

from __future__ import annotations

import asyncio
import ctypes
import signal
import sys
from collections.abc import Callable
from typing import Any

BITS, MEMORY = 12, 5


def serveTxws(preset: str, hasISAL: bool = False, **changes: Any) -> None:
    """
    Serve with txws.
    """
    if not hasISAL:
        # As if it were not installed.
        sys.modules["isal"] = None  # type: ignore[assignment]  # it is forbidden so
    from twisted.internet import reactor
    from twisted.internet.endpoints import TCP4ServerEndpoint

    from txws import KeepalivePolicy, PerMessageDeflate, WebSocketFactory
    from txws.demo import Echo

    chosen: Any = ()
    if preset != "none":
        chosen = (PerMessageDeflate.preset(preset, **changes),)
    # Nobody would answer Pings.
    keepalive = KeepalivePolicy(isOneWay=True)
    factory = WebSocketFactory(Echo, extensions=chosen, keepalive=keepalive)
    endpoint = TCP4ServerEndpoint(reactor, 0, 1000, "127.0.0.1")
    endpoint.listen(factory).addCallback(lambda port: announce(port.getHost().port))
    reactor.run()


def serveAutobahn(settings: dict[str, int]) -> None:
    """
    Serve with Autobahn on Twisted.
    """
    from autobahn.twisted.websocket import (
        WebSocketServerFactory,
        WebSocketServerProtocol,
    )
    from autobahn.websocket.compress import (
        PerMessageDeflateOffer,
        PerMessageDeflateOfferAccept,
    )
    from twisted.internet import reactor

    class Echo(WebSocketServerProtocol):
        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            self.sendMessage(payload, isBinary)

    def accept(offers: Any) -> Any:
        for offer in offers:
            if isinstance(offer, PerMessageDeflateOffer):
                return PerMessageDeflateOfferAccept(offer, **settings)
        return None

    factory = WebSocketServerFactory()
    factory.protocol = Echo
    factory.setProtocolOptions(perMessageCompressionAccept=accept)
    port = reactor.listenTCP(0, factory, 1000, "127.0.0.1")
    announce(port.getHost().port)
    reactor.run()


def serveWebsockets() -> None:
    """
    Serve with websockets, whose default is 12 bits and level 5.
    """
    from websockets.asyncio.server import serve

    async def echo(connection: Any) -> None:
        async for message in connection:
            await connection.send(message)

    async def run() -> None:
        async with serve(echo, "127.0.0.1", 0, backlog=1000) as server:
            announce(server.sockets[0].getsockname()[1])
            await asyncio.Future()

    asyncio.run(run())


def serveAiohttp() -> None:
    """
    Serve with aiohttp, which lets a client choose the window and nobody the
    rest.
    """
    from aiohttp import WSMsgType, web

    async def echo(request: Any) -> Any:
        response = web.WebSocketResponse(compress=True)
        await response.prepare(request)
        async for message in response:
            if message.type is WSMsgType.TEXT:
                await response.send_str(message.data)
        return response

    async def run() -> None:
        application = web.Application()
        application.router.add_get("/", echo)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1000)
        await site.start()
        announce(runner.addresses[0][1])
        await asyncio.Future()

    asyncio.run(run())


SERVERS: dict[str, Callable[[], None]] = {
    "txws none": lambda: serveTxws("none"),
    "txws low": lambda: serveTxws("low"),
    "txws balanced": lambda: serveTxws("balanced"),
    "txws best": lambda: serveTxws("best"),
    "txws low, ISA-L": lambda: serveTxws("low", hasISAL=True),
    "txws level 1": lambda: serveTxws("balanced", level=1),
    "txws level 1, ISA-L": lambda: serveTxws("balanced", hasISAL=True, level=1),
    "websockets": serveWebsockets,
    "autobahn": lambda: serveAutobahn(
        {"request_max_window_bits": BITS, "window_bits": BITS, "mem_level": MEMORY}
    ),
    "autobahn default": lambda: serveAutobahn({}),
    "aiohttp": serveAiohttp,
}


def announce(port: int) -> None:
    """
    Tell where it is, and which version.
    """
    from importlib.metadata import PackageNotFoundError, version

    try:
        said = version(sys.argv[1].split()[0])
    except PackageNotFoundError:
        said = "checkout"
    print(port, said, flush=True)


def trim(signalNumber: int, frame: object) -> None:
    """
    Have the C library of Linux give memory back.
    """
    ctypes.CDLL(None).malloc_trim(0)


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, trim)
    SERVERS[sys.argv[1]]()
