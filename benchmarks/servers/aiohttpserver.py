"""
aiohttp on uvloop, with its C parser.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import uvloop
from aiohttp import WSMsgType, web
from serving import BACKLOG, HOST, LARGEST, PING_INTERVAL, announce

members = set()


def makeHandler(work: str) -> Any:
    """
    Make what serves a request.
    """

    async def serve(request: Any) -> Any:
        websocket = web.WebSocketResponse(
            compress=work == "deflate",
            max_msg_size=LARGEST,
            heartbeat=PING_INTERVAL if work == "idle" else None,
        )
        await websocket.prepare(request)
        members.add(websocket)
        async for message in websocket:
            if message.type is WSMsgType.TEXT:
                if work == "broadcast":
                    for member in members:
                        await member.send_str(message.data)
                else:
                    await websocket.send_str(message.data)
        members.discard(websocket)
        return websocket

    return serve


async def main(work: str) -> None:
    """
    Serve.
    """
    application = web.Application()
    application.router.add_get("/ws", makeHandler(work))
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0, backlog=BACKLOG).start()
    announce(runner.addresses[0][1])
    await asyncio.Future()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
