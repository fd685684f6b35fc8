"""
What the peers that use asyncio have in common: how they are told what to do.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

__all__ = ["behaviorOf", "follow", "makeContexts", "say", "splitMessage"]


def say(**told: object) -> None:
    """
    Tell something to who has started this program.
    """
    print(json.dumps(told), flush=True)


def behaviorOf(target: str) -> str:
    """
    Find out what to do on a connection.

    @param target: the path and query of its URL.
    """
    return target.partition("?")[0].lstrip("/")


def splitMessage(message: Any) -> list[Any]:
    """
    Split a message into the fragments that it is sent in.
    """
    third = len(message) // 3
    return [message[:third], message[third : 2 * third], message[2 * third :]]


def makeContexts(pem: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """
    Make what TLS needs in a server and in a client.

    @param pem: the path of the certificate and its key.
    """
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=pem)


async def follow(
    connect: Callable[[str, list[str], dict[str, Any]], Awaitable[None]],
) -> None:
    """
    Follow the orders of who has started this program, until there are no more.

    @param connect: connects a client to a URL, offering subprotocols and parameters
        of compression.
    """
    connecting = set()
    async for order in _orders():
        task = asyncio.ensure_future(
            connect(order["url"], order["subprotocols"], order["deflate"])
        )
        connecting.add(task)
        task.add_done_callback(connecting.discard)


async def _orders() -> AsyncIterator[dict[str, Any]]:
    """
    Read the lines of standard input.
    """
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while line := await reader.readline():
        yield json.loads(line)
