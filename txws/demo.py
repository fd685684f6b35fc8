"""
What C{twistd websocket} serves when it is not told what to serve: an echo on
every path but C{/chat}, a chat room on C{/chat}, and a page that talks to both.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files

from twisted.python.failure import Failure
from zope.interface import implementer

from .groups import Group
from .handlers import WebSocketHandler
from .interfaces import (
    IWebSocketHandler,
    IWebSocketHandlerFactory,
    IWebSocketRequest,
    IWebSocketTransport,
)

__all__ = ["ChatMember", "ChatRoom", "Demo", "Echo", "readPage"]


class Echo(WebSocketHandler):
    """
    Sends back what it receives.
    """

    def textMessageReceived(self, message: str) -> None:
        """
        Send back text.
        """
        self.transport.sendTextMessage(message)

    def bytesMessageReceived(self, data: bytes) -> None:
        """
        Send back bytes.
        """
        self.transport.sendBytesMessage(data)


class ChatRoom:
    """
    Everybody who is chatting.
    """

    def __init__(self) -> None:
        self._guests = 0
        self._names: list[str] = []
        self._members = Group()

    def join(self, transport: IWebSocketTransport) -> str:
        """
        Add a member.

        @return: the name that it gets.
        """
        self._guests += 1
        name = f"guest-{self._guests}"
        self.tell(event="joined", name=name)
        self._names.append(name)
        self._members.add(transport)
        welcome = {"event": "welcome", "name": name, "members": self._names}
        transport.sendTextMessage(json.dumps(welcome, ensure_ascii=False))
        return name

    def leave(self, name: str) -> None:
        """
        Remove a member, whose connection is lost.
        """
        self._names.remove(name)
        self.tell(event="left", name=name)

    def tell(self, **event: str) -> None:
        """
        Tell all members something.
        """
        self._members.broadcast(json.dumps(event, ensure_ascii=False))


class ChatMember(WebSocketHandler):
    """
    One who is chatting: says what it receives to the room.
    """

    def __init__(self, room: ChatRoom) -> None:
        """
        @param room: where it chats.
        """
        self._room = room
        self._name: str | None = None

    def negotiationFinished(self) -> None:
        """
        Join the room.
        """
        self._name = self._room.join(self.transport)

    def textMessageReceived(self, message: str) -> None:
        """
        Say something.
        """
        assert self._name is not None
        self._room.tell(event="said", name=self._name, text=message)

    def connectionLost(self, reason: Failure) -> None:
        """
        Leave the room.
        """
        if self._name is not None:
            self._room.leave(self._name)


@implementer(IWebSocketHandlerFactory)
class Demo:
    """
    The echo and the chat room, by path.
    """

    subprotocols: Sequence[str] = ()

    def __init__(self) -> None:
        self._room = ChatRoom()

    def buildHandler(self, request: IWebSocketRequest) -> IWebSocketHandler:
        """
        See L{IWebSocketHandlerFactory}.
        """
        return ChatMember(self._room) if request.path == "/chat" else Echo()


def readPage() -> bytes:
    """
    Read the page that talks to the echo and the chat room: HTML in UTF-8,
    which needs nothing else.
    """
    return (files(__package__) / "demo.html").read_bytes()
