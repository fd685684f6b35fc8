"""
The base classes of message handlers, and handlers for those that many
connections share.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.python.failure import Failure
from zope.interface import implementer

from .errors import InvalidSetting
from .interfaces import (
    Awaited,
    ISharedWebSocketHandler,
    IWebSocketHandler,
    IWebSocketHandlerFactory,
    IWebSocketRequest,
    IWebSocketTransport,
)
from .policy import checkSubprotocol

__all__ = ["SharedHandlerFactory", "SharedWebSocketHandler", "WebSocketHandler"]


@implementer(IWebSocketHandler)
class WebSocketHandler:
    """
    An L{IWebSocketHandler} that does nothing: derive from it and write the
    methods that matter.

    @ivar transport: the connection, from L{negotiationStarted} on.
    """

    transport: IWebSocketTransport

    def negotiationStarted(self, transport: IWebSocketTransport) -> Awaited:
        """
        See L{IWebSocketHandler}.
        """
        self.transport = transport
        return None

    def negotiationFinished(self) -> Awaited:
        """
        See L{IWebSocketHandler}.
        """

    def textMessageReceived(self, message: str) -> Awaited:
        """
        See L{IWebSocketHandler}.
        """

    def bytesMessageReceived(self, data: bytes) -> Awaited:
        """
        See L{IWebSocketHandler}.
        """

    def pongReceived(self, payload: bytes) -> Awaited:
        """
        See L{IWebSocketHandler}.
        """

    def connectionLost(self, reason: Failure) -> Awaited:
        """
        See L{IWebSocketHandler}.
        """


@implementer(ISharedWebSocketHandler)
class SharedWebSocketHandler:
    """
    An L{ISharedWebSocketHandler} that does nothing: derive from it and write
    the methods that matter.
    """

    def negotiationStarted(self, transport: IWebSocketTransport) -> Awaited:
        """
        See L{ISharedWebSocketHandler}.
        """

    def negotiationFinished(self, transport: IWebSocketTransport) -> Awaited:
        """
        See L{ISharedWebSocketHandler}.
        """

    def textMessageReceived(
        self, transport: IWebSocketTransport, message: str
    ) -> Awaited:
        """
        See L{ISharedWebSocketHandler}.
        """

    def bytesMessageReceived(
        self, transport: IWebSocketTransport, data: bytes
    ) -> Awaited:
        """
        See L{ISharedWebSocketHandler}.
        """

    def pongReceived(self, transport: IWebSocketTransport, payload: bytes) -> Awaited:
        """
        See L{ISharedWebSocketHandler}.
        """

    def connectionLost(
        self, transport: IWebSocketTransport, reason: Failure
    ) -> Awaited:
        """
        See L{ISharedWebSocketHandler}.
        """


@implementer(IWebSocketHandler)
class _Share:
    """
    What one connection has of a shared handler.
    """

    __slots__ = ("_shared", "_transport")

    def __init__(self, shared: ISharedWebSocketHandler) -> None:
        self._shared = shared

    def negotiationStarted(self, transport: IWebSocketTransport) -> Awaited:
        """
        See L{IWebSocketHandler}.
        """
        self._transport = transport
        return self._shared.negotiationStarted(transport)

    def negotiationFinished(self) -> Awaited:
        """
        See L{IWebSocketHandler}.
        """
        return self._shared.negotiationFinished(self._transport)

    def textMessageReceived(self, message: str) -> Awaited:
        """
        See L{IWebSocketHandler}.
        """
        return self._shared.textMessageReceived(self._transport, message)

    def bytesMessageReceived(self, data: bytes) -> Awaited:
        """
        See L{IWebSocketHandler}.
        """
        return self._shared.bytesMessageReceived(self._transport, data)

    def pongReceived(self, payload: bytes) -> Awaited:
        """
        See L{IWebSocketHandler}.
        """
        return self._shared.pongReceived(self._transport, payload)

    def connectionLost(self, reason: Failure) -> Awaited:
        """
        See L{IWebSocketHandler}.
        """
        return self._shared.connectionLost(self._transport, reason)


@implementer(IWebSocketHandlerFactory)
class SharedHandlerFactory:
    """
    Has one handler for all connections.
    """

    def __init__(self, shared: ISharedWebSocketHandler, *subprotocols: str) -> None:
        """
        @param shared: the handler.
        @param subprotocols: what it speaks, the preferred one first.
        @raise InvalidSetting: if they make no sense.
        """
        if not ISharedWebSocketHandler.providedBy(shared):
            raise InvalidSetting(
                "shared", f"must provide ISharedWebSocketHandler, not {shared!r}"
            )
        for subprotocol in subprotocols:
            checkSubprotocol(subprotocol)
        self.subprotocols: Sequence[str] = subprotocols
        self._shared = shared

    def buildHandler(self, request: IWebSocketRequest) -> IWebSocketHandler:
        """
        See L{IWebSocketHandlerFactory}.
        """
        return _Share(self._shared)
