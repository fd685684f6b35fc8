"""
Handlers that note what they are told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.python.failure import Failure

from txws.applications import HandlerFactory
from txws.handlers import WebSocketHandler
from txws.interfaces import IWebSocketHandler, IWebSocketRequest, IWebSocketTransport

__all__ = ["RecordingHandler", "RecordingHandlerFactory"]


class RecordingHandler(WebSocketHandler):
    """
    Notes what it is told.

    @ivar events: the calls of its methods, as tuples of the method's name and
        its arguments.
    @ivar messages: the messages received, text and binary.
    @ivar reason: what the connection was lost with, or L{None}.
    """

    def __init__(self) -> None:
        self.events: list[tuple[object, ...]] = []
        self.messages: list[str | bytes] = []
        self.reason: Failure | None = None

    def negotiationStarted(self, transport: IWebSocketTransport) -> None:
        """
        Note the transport.
        """
        super().negotiationStarted(transport)
        self.events.append(("negotiationStarted",))

    def negotiationFinished(self) -> None:
        """
        Note that it was called.
        """
        self.events.append(("negotiationFinished",))

    def textMessageReceived(self, message: str) -> None:
        """
        Note a text message.
        """
        self.events.append(("textMessageReceived", message))
        self.messages.append(message)

    def bytesMessageReceived(self, data: bytes) -> None:
        """
        Note a binary message.
        """
        self.events.append(("bytesMessageReceived", data))
        self.messages.append(data)

    def pongReceived(self, payload: bytes) -> None:
        """
        Note a Pong.
        """
        self.events.append(("pongReceived", payload))

    def connectionLost(self, reason: Failure) -> None:
        """
        Note the end.
        """
        self.events.append(("connectionLost",))
        self.reason = reason


class RecordingHandlerFactory(HandlerFactory):
    """
    Makes handlers, and keeps them for the test.

    @ivar handlers: those that it has made, the oldest first.
    @ivar requests: what they were made for.
    """

    def __init__(
        self, makeHandler: Callable[[], Any] = RecordingHandler, *subprotocols: str
    ) -> None:
        """
        @param makeHandler: makes a handler; a class of handlers, say.
        @param subprotocols: what the handlers speak, the preferred one first.
        """
        super().__init__(makeHandler, *subprotocols)
        self.handlers: list[Any] = []
        self.requests: list[IWebSocketRequest] = []

    def buildHandler(self, request: IWebSocketRequest) -> IWebSocketHandler:
        """
        Make a handler, and keep it.
        """
        handler = super().buildHandler(request)
        self.requests.append(request)
        self.handlers.append(handler)
        return handler
