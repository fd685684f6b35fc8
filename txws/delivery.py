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
from .results import deferredOf, isNothingBut
from .wire.events import (
    BytesMessageReceived,
    CloseStatus,
    MessageEvent,
    TextFragmentReceived,
    TextMessageReceived,
)

__all__ = ["Delivery", "DeliveryOwner", "Receiver", "deliveryFor"]

_log = Logger()


class DeliveryOwner(Protocol):
    """
    Whose events L{Delivery} delivers.
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

    __slots__ = ("_ended", "_handler", "_owner")

    def __init__(self, handler: IWebSocketHandler, owner: DeliveryOwner) -> None:
        """
        @param handler: the application.
        @param owner: told what becomes of it.
        """
        self._handler = handler
        self._owner = owner
        self._ended: Failure | None = None

    def deliver(self, message: str | bytes | MessageEvent) -> None:
        """
        Tell the handler of a message, or of a part of one.
        """
        handler = self._handler
        returned: object
        try:
            if isinstance(message, str):
                returned = handler.textMessageReceived(message)
            elif isinstance(message, bytes):
                returned = handler.bytesMessageReceived(message)
            else:
                returned = None
                self._deliverEvent(message)
        except Exception:
            self._failed(Failure(), self._methodFor(message))
        else:
            if returned is not None:
                self._wait(returned, self._methodFor(message))

    def _methodFor(self, message: object) -> Callable[..., object]:
        """
        Find the method that has been told of a message.
        """
        handler = self._handler
        if isinstance(message, str):
            return handler.textMessageReceived
        return handler.bytesMessageReceived

    def _deliverEvent(self, event: MessageEvent) -> None:
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
        else:
            handler = IFragmentHandler(self._handler)
            self.tell(handler.bytesFragmentReceived, event.data, event.isFinal)

    def pingReceived(self, payload: bytes) -> None:
        """
        Tell the handler of a Ping, if it wants to know.
        """
        handler = self._handler
        if IPingHandler.providedBy(handler):
            self.tell(handler.pingReceived, payload)

    def pongReceived(self, payload: bytes) -> None:
        """
        Tell the handler of a Pong.
        """
        self.tell(self._handler.pongReceived, payload)

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
        try:
            self._watch(method(*arguments), method)
        except Exception:
            self._failed(Failure(), method)

    def tell(self, method: Callable[..., object], *arguments: object) -> None:
        """
        Call a method of the handler, which may do anything, and wait for what
        it returns, if it is to be waited for.
        """
        try:
            returned = method(*arguments)
        except Exception:
            self._failed(Failure(), method)
        else:
            if returned is not None:
                self._wait(returned, method)

    def _wait(self, returned: object, method: Callable[..., object]) -> None:
        """
        Wait for what a method has returned, if it is to be waited for.
        """
        deferred = self._watch(returned, method)
        if deferred is None or self._ended is not None:
            return
        if deferred.called and not deferred.paused:
            return
        if not IConcurrentHandler.providedBy(self._handler):
            self._owner.handlerWaits()
            deferred.addCallback(lambda ignored: self._owner.handlerGoesOn())

    def _watch(
        self, returned: object, method: Callable[..., object]
    ) -> Deferred[Any] | None:
        """
        Log what a method raises later.

        @return: what fires when it is done, or L{None} if it is.
        """
        deferred = deferredOf(returned)
        if deferred is None:
            return None
        # Not the same, if it is shared with others.
        return deferred.addErrback(self._failed, method)

    def _failed(self, failure: Failure, method: Callable[..., object]) -> None:
        """
        Log what a method has raised, and close the connection.
        """
        if isNothingBut(failure.value, self._ended):
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


class Receiver:
    """
    A handler that belongs to txws, and is compiled where what calls it is.

    Its methods return nothing: nobody waits for them.
    """

    __slots__ = ()

    def textMessageReceived(self, message: str) -> None:
        """
        See L{IWebSocketHandler}.
        """
        raise NotImplementedError

    def bytesMessageReceived(self, data: bytes) -> None:
        """
        See L{IWebSocketHandler}.
        """
        raise NotImplementedError


class ReceiverDelivery(Delivery):
    """
    Delivers to a L{Receiver}, whose methods need not be looked for.
    """

    __slots__ = ("_receiver",)

    def __init__(self, handler: IWebSocketHandler, owner: DeliveryOwner) -> None:
        """
        @param handler: the handler, a L{Receiver}.
        @param owner: told what becomes of it.
        """
        super().__init__(handler, owner)
        assert isinstance(handler, Receiver)
        self._receiver = handler

    def deliver(self, message: str | bytes | MessageEvent) -> None:
        """
        See L{Delivery}.
        """
        try:
            if isinstance(message, str):
                self._receiver.textMessageReceived(message)
            elif isinstance(message, bytes):
                self._receiver.bytesMessageReceived(message)
            else:
                self._deliverEvent(message)
        except Exception:
            self._failed(Failure(), self._methodFor(message))


def deliveryFor(handler: IWebSocketHandler, owner: DeliveryOwner) -> Delivery:
    """
    Choose what delivers to a handler.

    @param handler: the application.
    @param owner: told what becomes of it.
    """
    if isinstance(handler, Receiver):
        return ReceiverDelivery(handler, owner)
    return Delivery(handler, owner)
