"""
The peer of the library C{aiohttp}, which sends no fragments.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import ClientSession, WSMsgType, web

from . import CLOSE_CODE, CLOSE_REASON, SUBPROTOCOL
from .orders import behaviorOf, follow, makeContexts, say

__all__ = ["main"]

_DEFLATE_WINDOW = 15


async def main(pem: str) -> None:
    """
    Serve, and connect when it is ordered.

    @param pem: the path of the certificate and its key.
    """
    serverContext, clientContext = makeContexts(pem)
    application = web.Application()
    application.router.add_get("/{behavior}", _accept)
    runner = web.AppRunner(application)
    await runner.setup()
    async with ClientSession() as session:

        async def dial(url: str, subprotocols: list[str], deflate: object) -> None:
            parts = urlsplit(url)
            target = f"{parts.path}?{parts.query}"
            async with session.ws_connect(
                url,
                protocols=subprotocols,
                ssl=clientContext,
                autoping=behaviorOf(target) != "ping",
                compress=_DEFLATE_WINDOW,
            ) as connection:
                await _behave(connection, target)

        say(
            version=f"aiohttp {aiohttp.__version__}",
            plain=await _listen(runner, None),
            secure=await _listen(runner, serverContext),
        )
        await follow(dial)
    await runner.cleanup()


async def _listen(runner: web.AppRunner, context: ssl.SSLContext | None) -> int:
    """
    Listen on a free port.
    """
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    port: int = runner.addresses[-1][1]
    return port


async def _accept(request: web.Request) -> web.WebSocketResponse:
    """
    Serve a connection.
    """
    connection = web.WebSocketResponse(
        protocols=[SUBPROTOCOL], autoping=behaviorOf(request.path_qs) != "ping"
    )
    await connection.prepare(request)
    await _behave(connection, request.path_qs)
    return connection


async def _behave(connection: Any, target: str) -> None:
    """
    Do on a connection what its target says, and tell how it has ended.
    """
    behavior, reason = behaviorOf(target), None
    if behavior == "close":
        # What the other side answers is told by its code alone.
        await connection.close(code=CLOSE_CODE, message=CLOSE_REASON.encode())
    else:
        if behavior == "ping":
            await connection.ping(b"from aiohttp")
        reason = await _talk(connection)
    say(
        target=target,
        subprotocol=getattr(connection, "ws_protocol", None)
        or getattr(connection, "protocol", None),
        code=connection.close_code,
        reason=reason,
    )


async def _talk(connection: Any) -> str | None:
    """
    Answer each message until the other side closes.

    @return: its reason.
    """
    while True:
        message = await connection.receive()
        if message.type is WSMsgType.TEXT:
            await connection.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await connection.send_bytes(message.data)
        elif message.type is WSMsgType.PING:
            await connection.pong(message.data)
        elif message.type is WSMsgType.PONG:
            await connection.send_str("pong")
        else:
            reason: str | None = message.extra
            return reason


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
