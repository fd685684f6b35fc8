"""
websockets on uvloop, with its C extension.
"""

from __future__ import annotations

import sys
from typing import Any

import uvloop
from serving import BACKLOG, HOST, LARGEST, PING_INTERVAL, announce
from websockets.asyncio.server import broadcast, serve

members = set()


async def echo(connection: Any) -> None:
    """
    Send back what comes.
    """
    async for message in connection:
        await connection.send(message)


async def join(connection: Any) -> None:
    """
    Have all told what it is told.
    """
    members.add(connection)
    async for message in connection:
        broadcast(members, message)


async def main(work: str) -> None:
    """
    Serve.
    """
    async with serve(
        join if work == "broadcast" else echo,
        HOST,
        0,
        backlog=BACKLOG,
        compression="deflate" if work == "deflate" else None,
        max_size=LARGEST,
        ping_interval=PING_INTERVAL if work == "idle" else None,
    ) as server:
        announce(next(iter(server.sockets)).getsockname()[1])
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
