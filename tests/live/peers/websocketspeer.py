"""
The peer of the library C{websockets}.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    ServerPerMessageDeflateFactory,
)

from . import CLOSE_CODE, CLOSE_REASON, SUBPROTOCOL
from .orders import behaviorOf, follow, makeContexts, say, splitMessage

__all__ = ["main"]


async def main(pem: str) -> None:
    """
    Serve, and connect when it is ordered.

    @param pem: the path of the certificate and its key.
    """
    serverContext, clientContext = makeContexts(pem)

    async def dial(url: str, subprotocols: list[str], deflate: dict[str, Any]) -> None:
        async with connect(
            url,
            subprotocols=subprotocols,
            ssl=clientContext if url.startswith("wss:") else None,
            compression=None,
            extensions=[ClientPerMessageDeflateFactory(**deflate)],
        ) as connection:
            parts = urlsplit(url)
            await _behave(connection, f"{parts.path}?{parts.query}")

    async def accept(connection: Any) -> None:
        await _behave(connection, connection.request.path)

    def listen(context: ssl.SSLContext | None) -> serve:
        return serve(
            accept,
            "127.0.0.1",
            0,
            select_subprotocol=_choose,
            ssl=context,
            # Its own compression asks for 12 bits.
            compression=None,
            extensions=[ServerPerMessageDeflateFactory()],
        )

    async with listen(None) as plain, listen(serverContext) as secure:
        say(
            version=f"websockets {websockets.__version__}",
            plain=plain.sockets[0].getsockname()[1],
            secure=secure.sockets[0].getsockname()[1],
        )
        await follow(dial)


def _choose(connection: Any, offered: Sequence[str]) -> str | None:
    """
    Choose the subprotocol; the library alone would refuse who offers none.
    """
    return SUBPROTOCOL if SUBPROTOCOL in offered else None


async def _behave(connection: Any, target: str) -> None:
    """
    Do on a connection what its target says, and tell how it has ended.
    """
    behavior = behaviorOf(target)
    try:
        if behavior == "close":
            await connection.close(CLOSE_CODE, CLOSE_REASON)
        elif behavior == "ping":
            await (await connection.ping(b"from websockets"))
            await connection.send("pong")
        async for message in connection:
            isSplit = behavior == "fragments"
            await connection.send(splitMessage(message) if isSplit else message)
    except websockets.ConnectionClosed:
        pass
    await connection.wait_closed()
    say(
        target=target,
        subprotocol=connection.subprotocol,
        code=connection.close_code,
        reason=connection.close_reason,
    )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
