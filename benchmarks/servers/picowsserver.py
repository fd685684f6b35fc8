"""
picows on uvloop.  It leaves the check of UTF-8 to applications, and this one
does without, as its documentation's does.
"""

from __future__ import annotations

import sys

import uvloop
from picows import (
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    ws_create_server,
)
from serving import BACKLOG, HOST, LARGEST, PING_INTERVAL, announce, refuse

members = set()


class Echo(WSListener):
    """
    Sends back what it gets.
    """

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """
        Echo.
        """
        if frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()
        else:
            transport.send(frame.msg_type, frame.get_payload_as_memoryview())


class Member(WSListener):
    """
    Has all told what it is told.
    """

    def on_ws_connected(self, transport: WSTransport) -> None:
        """
        Join.
        """
        members.add(transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """
        Broadcast.
        """
        payload = frame.get_payload_as_bytes()
        for member in members:
            member.send(WSMsgType.TEXT, payload)


async def main(work: str) -> None:
    """
    Serve.
    """
    if work == "deflate":
        refuse("picows has no permessage-deflate")
    listener = Member if work == "broadcast" else Echo

    def build(request: WSUpgradeRequest) -> WSListener:
        return listener()

    server = await ws_create_server(
        build,
        HOST,
        0,
        backlog=BACKLOG,
        max_frame_size=LARGEST,
        enable_auto_ping=work == "idle",
        auto_ping_idle_timeout=PING_INTERVAL,
        auto_ping_reply_timeout=PING_INTERVAL,
    )
    announce(server.sockets[0].getsockname()[1])
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
