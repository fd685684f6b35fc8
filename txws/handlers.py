"""
The base class of message handlers.
"""

from __future__ import annotations

from twisted.python.failure import Failure
from zope.interface import implementer

from .interfaces import Awaited, IWebSocketHandler, IWebSocketTransport

__all__ = ["WebSocketHandler"]


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
