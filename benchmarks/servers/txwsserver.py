"""
txws: C{txwsserver.py WORK DOOR}, where the door is C{handler}, C{compiled},
C{resource}, C{wrap} or C{coroutine}.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any

from serving import listen, refuse
from twisted.internet.protocol import Factory, Protocol
from twisted.web.resource import Resource
from twisted.web.server import Site

import txws.wire
from txws import Group, Limits, WebSocketFactory, WebSocketHandler, WebSocketResource

group = Group()


class Echo(WebSocketHandler):
    """
    Sends back what it gets.
    """

    def textMessageReceived(self, message: str) -> None:
        """
        Echo.
        """
        self.transport.sendTextMessage(message)


class Member(WebSocketHandler):
    """
    Has all told what it is told.
    """

    def negotiationFinished(self) -> None:
        """
        Join.
        """
        group.add(self.transport)

    def textMessageReceived(self, message: str) -> None:
        """
        Broadcast.
        """
        group.broadcast(message)


class Wrapped(Protocol):
    """
    Sends back what it gets.
    """

    def dataReceived(self, data: bytes) -> None:
        """
        Echo.
        """
        self.transport.write(data)


async def converse(websocket: Any) -> None:
    """
    Send back what comes.
    """
    async for message in websocket:
        await websocket.send(message)


def wireIsCompiled() -> bool:
    """
    Find out which wire has been loaded.

    A compiled wire is to say so in this attribute, and to stay away if the
    environment has C{TXWS_PLAIN}, as it has for the door C{handler}.
    """
    return bool(getattr(txws.wire, "isCompiled", False))


def applicationOf(door: str, work: str) -> Any:
    """
    Choose the application.
    """
    if work == "broadcast":
        return Member
    doors: dict[str, Any] = {
        "wrap": Factory.forProtocol(Wrapped),
        "coroutine": converse,
    }
    return doors.get(door, Echo)


def main(work: str, door: str) -> None:
    """
    Serve.
    """
    if door == "compiled" and not wireIsCompiled():
        refuse("this txws has no compiled wire")
    if work == "deflate" and find_spec("txws.extensions") is None:
        refuse("this txws has no permessage-deflate")
    limits = Limits()
    if work == "large":
        limits = Limits(maxMessageSize=None, maxPendingSize=None)
    application = applicationOf(door, work)
    if door == "resource":
        root = Resource()
        root.putChild(b"ws", WebSocketResource(application, limits=limits))
        listen(Site(root))
    else:
        # Keepalive and permessage-deflate are as they are by default.
        listen(WebSocketFactory(application, limits=limits))


if __name__ == "__main__":
    main(*sys.argv[1:])
