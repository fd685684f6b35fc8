"""
C{twisted.web.websocket}.
"""

from __future__ import annotations

import sys
from typing import Any

from serving import PING_INTERVAL, listen
from twisted.internet.task import LoopingCall
from twisted.web.resource import Resource
from twisted.web.server import Site
from twisted.web.websocket import WebSocketResource

members: list[Any] = []


class Echo:
    """
    Sends back what it gets.
    """

    def negotiationStarted(self, transport: Any) -> None:
        """
        Keep the connection.
        """
        self.transport = transport

    def negotiationFinished(self) -> None:
        """
        Nothing is to be done.
        """

    def textMessageReceived(self, message: str) -> None:
        """
        Echo.
        """
        self.transport.sendTextMessage(message)

    def bytesMessageReceived(self, data: bytes) -> None:
        """
        Nobody sends that.
        """

    def pongReceived(self, payload: bytes) -> None:
        """
        Nothing is to be done.
        """

    def connectionLost(self, reason: object) -> None:
        """
        Nothing is to be done.
        """


class Kept(Echo):
    """
    Sends Pings, which its library leaves to applications.
    """

    def negotiationFinished(self) -> None:
        """
        Begin.
        """
        LoopingCall(self.transport.ping).start(PING_INTERVAL, now=False)


class Member(Echo):
    """
    Has all told what it is told.
    """

    def negotiationFinished(self) -> None:
        """
        Join.
        """
        members.append(self.transport)

    def textMessageReceived(self, message: str) -> None:
        """
        Broadcast.
        """
        for member in members:
            member.sendTextMessage(message)


class Handlers:
    """
    Makes handlers.
    """

    def __init__(self, handler: type[Echo]) -> None:
        self._handler = handler

    def buildProtocol(self, request: object) -> Echo:
        """
        Make one.
        """
        return self._handler()


def main(work: str) -> None:
    """
    Serve.
    """
    handler = {"idle": Kept, "broadcast": Member}.get(work, Echo)
    root = Resource()
    root.putChild(b"ws", WebSocketResource(Handlers(handler)))
    listen(Site(root))


if __name__ == "__main__":
    main(*sys.argv[1:])
