"""
What comes in: events of the wire become calls of the handler, one after the
other, each when the one before is done.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from .interfaces import (
    ICloseHandler,
    IConcurrentHandler,
    IFragmentHandler,
    IPingHandler,
    IWebSocketHandler,
)
from .keepalive import Keepalive
from .results import deferredOf
from .wire.events import (
    BytesFragmentReceived,
    BytesMessageReceived,
    CloseStatus,
    Event,
    PingReceived,
    PongReceived,
    TextFragmentReceived,
    TextMessageReceived,
)

__all__ = ["Delivery", "DeliveryOwner"]

_log = Logger()


class DeliveryOwner(Protocol):
    """
    Whose events L{Delivery} delivers.
    """

    @property
    def isOpen(self) -> bool:
        """
        Whether messages are delivered: neither side has begun to close.
        """

    def handlerWaits(self) -> None:
        """
        Something that the handler has been told takes its time.
        """

    def handlerGoesOn(self) -> None:
        """
        The handler can be told the next thing.
        """

    def handlerFailed(self) -> None:
        """
        A method of the application has raised.
        """


class Delivery:
    """
    Tells the handler of one connection what happens.
    """

    def __init__(
        self, handler: IWebSocketHandler, keepalive: Keepalive, owner: DeliveryOwner
    ) -> None:
        """
        @param handler: the application.
        @param keepalive: told of messages and Pongs.
        @param owner: asked and told.
        """
        self._handler = handler
        self._keepalive = keepalive
        self._owner = owner
        self._ended: Failure | None = None

    def deliver(self, event: Event) -> None:
        """
        Tell the handler of one event, unless it has begun to close.
        """
        if isinstance(event, PongReceived):
            isOurs = self._keepalive.pongReceived(event.payload)
            if not isOurs and self._owner.isOpen:
                self.tell(self._handler.pongReceived, event.payload)
        elif not self._owner.isOpen:
            return
        elif isinstance(event, PingReceived):
            self._deliverPing(event.payload)
        else:
            self._keepalive.messageMoved()
            self._deliverMessage(event)

    def open(self) -> None:
        """
        Tell the handler that the connection is open.
        """
        self.tell(self._handler.negotiationFinished)

    def closeReceived(self, status: CloseStatus) -> None:
        """
        Tell the handler of the peer's Close, if it wants to know.
        """
        handler = self._handler
        if ICloseHandler.providedBy(handler):
            self.tell(handler.closeReceived, status.code, status.reason)

    def connectionLost(self, reason: Failure) -> None:
        """
        Tell the handler of the end; it need not be done with what came before.
        """
        self._ended = reason
        self.tell(self._handler.connectionLost, reason)

    def call(self, method: Callable[..., object], *arguments: object) -> None:
        """
        Call a method of the application's, which may do anything, and wait for
        nothing: a method of its producer.
        """
        self._call(method, *arguments)

    def tell(self, method: Callable[..., object], *arguments: object) -> None:
        """
        Call a method of the handler, which may do anything, and wait for what
        it returns, if it is to be waited for.
        """
        deferred = self._call(method, *arguments)
        if deferred is None or self._ended is not None:
            return
        if deferred.called and not deferred.paused:
            return
        if not IConcurrentHandler.providedBy(self._handler):
            self._owner.handlerWaits()
            deferred.addCallback(lambda ignored: self._owner.handlerGoesOn())

    def _call(
        self, method: Callable[..., object], *arguments: object
    ) -> Deferred[Any] | None:
        """
        Call a method of the application's.

        @return: what fires when it is done, or L{None} if it is.
        """
        try:
            deferred = deferredOf(method(*arguments))
        except Exception:
            self._failed(Failure(), method)
            return None
        if deferred is None:
            return None
        # Not the same, if it is shared with others.
        return deferred.addErrback(self._failed, method)

    def _deliverPing(self, payload: bytes) -> None:
        """
        Tell the handler of a Ping, if it wants to know.
        """
        handler = self._handler
        if IPingHandler.providedBy(handler):
            self.tell(handler.pingReceived, payload)

    def _deliverMessage(self, event: Event) -> None:
        """
        Tell the handler of a message, or of a part of one.
        """
        if isinstance(event, TextMessageReceived):
            self.tell(self._handler.textMessageReceived, event.message)
        elif isinstance(event, BytesMessageReceived):
            self.tell(self._handler.bytesMessageReceived, event.data)
        elif isinstance(event, TextFragmentReceived):
            handler = IFragmentHandler(self._handler)
            self.tell(handler.textFragmentReceived, event.text, event.isFinal)
        elif isinstance(event, BytesFragmentReceived):
            handler = IFragmentHandler(self._handler)
            self.tell(handler.bytesFragmentReceived, event.data, event.isFinal)

    def _failed(self, failure: Failure, method: Callable[..., object]) -> None:
        """
        Log what a method has raised, and close the connection.
        """
        if self._ended is not None and failure.value is self._ended.value:
            # It waited for something that the end of the connection has ended.
            return
        _log.failure(
            "{transport}: {method} raised",
            failure,
            transport=self._owner,
            # Not every callable has a name; a functools.partial has none.
            method=getattr(method, "__qualname__", method),
        )
        self._owner.handlerFailed()
