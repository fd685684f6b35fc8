"""
Coroutines that serve connections, each for as long as it lives::

    async def echo(websocket):
        async for message in websocket:
            await websocket.send(message)

What they are given is a L{Conversation<txws.conversation.Conversation>}.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from .conversation import Conversation
from .errors import InvalidSetting
from .interfaces import (
    IWebSocketHandler,
    IWebSocketHandlerFactory,
    IWebSocketRequest,
    IWebSocketTransport,
)
from .policy import checkCount, checkSubprotocol
from .results import deferredOf, isNothingBut
from .wire.codes import CloseCode

__all__ = [
    "ConversationHandler",
    "CoroutineFactory",
    "Serve",
    "onAsyncio",
]

_log = Logger()

Serve = Callable[[Conversation], "Coroutine[Deferred[Any], Any, Any] | Deferred[Any]"]


@implementer(IWebSocketHandler)
class ConversationHandler:
    """
    Runs a coroutine for the time of a connection.

    When it returns, the connection is closed with 1000; when it raises, that
    is logged, and the connection closed with 1011.  What it raises because the
    connection has ended is not logged.
    """

    def __init__(self, serve: Serve, highWater: int = 16, lowWater: int = 4) -> None:
        """
        @param serve: called with the L{Conversation} when the connection is
            open.
        @param highWater: see L{Conversation}.
        @param lowWater: see L{Conversation}.
        """
        self._serve = serve
        self._highWater = highWater
        self._lowWater = lowWater
        self._ended: Failure | None = None

    def negotiationStarted(self, transport: IWebSocketTransport) -> None:
        """
        Make the conversation.
        """
        self._transport = transport
        self.conversation = Conversation(transport, self._highWater, self._lowWater)

    def negotiationFinished(self) -> None:
        """
        Begin.
        """
        serving = Deferred.fromCoroutine(self._run())
        serving.addCallbacks(self._served, self._failed)

    def textMessageReceived(self, message: str) -> None:
        """
        Keep it until it is asked for.
        """
        self.conversation.messageReceived(message)

    def bytesMessageReceived(self, data: bytes) -> None:
        """
        Keep it until it is asked for.
        """
        self.conversation.messageReceived(data)

    def pongReceived(self, payload: bytes) -> None:
        """
        Tell whoever waits for it.
        """
        self.conversation.pongReceived(payload)

    def connectionLost(self, reason: Failure) -> None:
        """
        Tell the coroutine.
        """
        self._ended = reason
        self.conversation.connectionLost(reason)

    async def _run(self) -> None:
        """
        Call the function, and wait for it.
        """
        serving = deferredOf(self._serve(self.conversation))
        if serving is None:
            raise TypeError(f"{self._serve!r} returned nothing to wait for")
        await serving

    def _served(self, ignored: object) -> None:
        """
        The coroutine is done.
        """
        self._transport.loseConnection()

    def _failed(self, failure: Failure) -> None:
        """
        The coroutine has raised.
        """
        if isNothingBut(failure.value, self._ended):
            # Who has the reason does not need all that waited for it.
            failure.cleanFailure()
            return
        _log.failure(
            "{transport}: {serve} raised",
            failure,
            transport=self._transport,
            serve=getattr(self._serve, "__qualname__", self._serve),
        )
        self._transport.loseConnection(CloseCode.INTERNAL_ERROR, "internal error")


@implementer(IWebSocketHandlerFactory)
class CoroutineFactory:
    """
    Runs a coroutine function for each connection.
    """

    def __init__(
        self,
        serve: Serve,
        *subprotocols: str,
        highWater: int = 16,
        lowWater: int = 4,
    ) -> None:
        """
        @param serve: a function of a L{Conversation}, a coroutine function or
            one that returns a L{Deferred}.
        @param subprotocols: what it speaks, the preferred one first.
        @param highWater: with so many messages waiting to be received, no more
            are read from the peer.
        @param lowWater: with no more than so many, reading goes on.
        @raise InvalidSetting: if one of them makes no sense.
        """
        _checkServe(serve)
        for subprotocol in subprotocols:
            checkSubprotocol(subprotocol)
        checkCount("highWater", highWater)
        checkCount("lowWater", lowWater, 0)
        if lowWater >= highWater:
            raise InvalidSetting(
                "lowWater",
                f"must be less than highWater, which is {highWater}, not {lowWater}",
            )
        self.subprotocols: Sequence[str] = subprotocols
        self._serve = serve
        self._marks = (highWater, lowWater)

    def buildHandler(self, request: IWebSocketRequest) -> ConversationHandler:
        """
        See L{IWebSocketHandlerFactory}.
        """
        return ConversationHandler(self._serve, *self._marks)


def onAsyncio(serve: Callable[[Conversation], Coroutine[Any, Any, Any]]) -> Serve:
    """
    Have a coroutine function run by asyncio, so that it can use what is made
    for asyncio.  It needs the asyncio reactor.

    @param serve: the coroutine function.
    @return: a function for L{CoroutineFactory}.
    @raise InvalidSetting: if it is no function.
    """
    _checkServe(serve)

    def run(conversation: Conversation) -> Deferred[Any]:
        from asyncio import ensure_future, get_running_loop

        try:
            loop = get_running_loop()
        except RuntimeError:
            # Some Pythons would make one that never runs.
            raise RuntimeError("onAsyncio needs the asyncio reactor") from None
        return Deferred.fromFuture(ensure_future(serve(conversation), loop=loop))

    return run


def _checkServe(serve: object) -> None:
    """
    Check what is to serve a connection.
    """
    if not callable(serve):
        raise InvalidSetting("serve", f"must be a function, not {serve!r}")
