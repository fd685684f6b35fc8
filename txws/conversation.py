"""
One connection, as coroutines see it: they ask for what is next instead of
being told.

What has been received and not asked for waits here, so much and no more: the
rest stays with the peer.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from .errors import WebSocketClosed, WebSocketFailed
from .interfaces import IWebSocketRequest, IWebSocketTransport
from .results import Result
from .sources import Source
from .wire.codes import CloseCode

__all__ = ["Conversation"]

_T = TypeVar("_T")


class Conversation:
    """
    A connection, as coroutines see it.

    Everything that is returned may be awaited, or used as a L{Deferred}.
    """

    __slots__ = (
        "__dict__",
        "__weakref__",
        "_closed",
        "_ended",
        "_highWater",
        "_isPaused",
        "_lowWater",
        "_messages",
        "_pingCount",
        "_pings",
        "_receiving",
        "_transport",
        "_waiting",
    )

    def __init__(
        self, transport: IWebSocketTransport, highWater: int = 16, lowWater: int = 4
    ) -> None:
        """
        @param transport: the connection.
        @param highWater: with so many messages waiting to be received, no more
            are read from the peer.
        @param lowWater: with no more than so many, reading goes on.
        """
        self._transport = transport
        self._highWater = highWater
        self._lowWater = lowWater
        self._messages: list[str | bytes] = []
        self._receiving: Result[str | bytes] | None = None
        self._closed: dict[Deferred[Any], None] = {}
        self._isPaused = False
        self._ended: Failure | None = None
        self._waiting: dict[Deferred[Any], None] = {}
        self._pings: dict[bytes, tuple[Result[float], float]] = {}
        self._pingCount = 0

    @property
    def transport(self) -> IWebSocketTransport:
        """
        The connection below.
        """
        return self._transport

    @property
    def request(self) -> IWebSocketRequest:
        """
        What the client asked for.
        """
        return self._transport.request

    @property
    def subprotocol(self) -> str | None:
        """
        The subprotocol in use, if there is one.
        """
        return self._transport.subprotocol

    @property
    def waitingMessages(self) -> int:
        """
        How many messages wait to be received.
        """
        return len(self._messages)

    def receive(self) -> Result[str | bytes]:
        """
        Receive the next message: L{str} if it is text, L{bytes} if it is
        binary.

        Cancelling it loses no message.

        @return: fails with L{WebSocketClosed<txws.errors.WebSocketClosed>} or
            L{WebSocketFailed<txws.errors.WebSocketFailed>} when the connection
            has ended and all messages are received.
        @raise RuntimeError: if somebody is receiving already.
        """
        if self._receiving is not None:
            raise RuntimeError("somebody is already receiving from this connection")
        result = _Received(self._notReceiving, self._takeBack)
        if self._messages:
            result.callback(self._messages.pop(0))
            self._resume()
        elif self._ended is not None:
            result.errback(self._ended)
        else:
            self._receiving = result
        return result

    def send(
        self,
        message: str | bytes | bytearray | memoryview | Source,
        compress: bool | None = None,
    ) -> Result[None]:
        """
        Send a message.

        @param message: L{str} for text; L{bytes} and the like for binary;
            anything else is streamed, see
            L{IWebSocketTransport.sendStream<txws.interfaces.IWebSocketTransport.sendStream>};
            an asynchronous iterable is run by Twisted, on asyncio too.
        @param compress: whether to compress it, if that was negotiated; L{None}
            to compress all but short ones.
        @return: fires when the connection takes more: a message has left, or no
            more than the high-water mark waits.  Fails with what ends the
            connection, if it has ended or is being closed.
        @raise TypeError: if it is no message.
        @raise UnicodeEncodeError: if text has surrogates.
        """
        if not self._transport.isOpen:
            return self._late()
        if isinstance(message, str):
            sent = self._transport.sendTextMessage(message, compress)
        elif isinstance(message, (bytes, bytearray, memoryview)):
            sent = self._transport.sendBytesMessage(message, compress)
        else:
            sent = self._transport.sendStream(message, compress)
        result: Result[None] = Result(lambda result: sent.cancel())
        sent.addCallback(self._checkSent).addBoth(_fire, result)
        return result

    def ping(self) -> Result[float]:
        """
        Measure how long a Ping and its Pong take, RFC 6455 section 5.5.2.

        @return: fires with seconds.  A Pong that answers a later Ping counts,
            too.  Fails with what ends the connection before.
        """
        if not self._transport.isOpen:
            return self._late()
        self._pingCount += 1
        payload = b"txws ping %d" % self._pingCount
        result: Result[float] = Result(lambda result: self._forgetPing(payload))
        self._pings[payload] = (result, self._transport.clock.seconds())
        self._transport.ping(payload)
        return result

    def close(
        self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = ""
    ) -> Result[None]:
        """
        Close the connection.  To close again changes nothing.

        @param code: a close code that may travel, RFC 6455 section 7.4.
        @param reason: for the peer's log; cut at 123 bytes of UTF-8.
        @return: fires when the connection has ended.  Cancelling it aborts the
            connection.
        @raise ValueError: if the code may not travel.
        """
        self._transport.loseConnection(code, reason)
        # The peer's Close may wait behind what nobody will receive any more.
        self._resume()
        result: Result[None] = Result(lambda result: self._transport.abortConnection())
        self.whenClosed().addCallback(lambda reason: None).addBoth(_fire, result)
        return result

    def whenClosed(self) -> Result[WebSocketClosed | WebSocketFailed]:
        """
        Wait for the end of the connection.

        @return: fires with how it has ended; it does not fail.
        """
        result: Result[Any] = Result(self._notWaiting)
        if self._ended is None:
            self._closed[result] = None
        else:
            result.callback(self._ended.value)
        return result

    def __aiter__(self) -> Conversation:
        """
        Receive all messages: C{async for message in websocket}.  It ends when
        both sides have closed, and raises when the connection failed.
        """
        return self

    async def __anext__(self) -> str | bytes:
        """
        Receive the next message.
        """
        try:
            return await self.receive()
        except WebSocketClosed as closed:
            # It is kept here, and would keep who waited.
            closed.__traceback__ = None
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Conversation:
        """
        Use the connection until the end of a block.
        """
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """
        Close the connection: with 1000, or with 1011 after an exception.
        """
        if value is None or isinstance(value, GeneratorExit):
            await self.close()
        else:
            await self.close(CloseCode.INTERNAL_ERROR, "internal error")

    # What the handler calls

    def messageReceived(self, message: str | bytes) -> None:
        """
        Hand a message to whoever receives, or keep it.
        """
        receiving, self._receiving = self._receiving, None
        if receiving is not None:
            receiving.callback(message)
            return
        self._messages.append(message)
        if len(self._messages) >= self._highWater and not self._isPaused:
            self._isPaused = True
            self._transport.pauseProducing()

    def pongReceived(self, payload: bytes) -> None:
        """
        Tell who waits for this Pong, and for earlier ones.
        """
        answered = []
        if payload in self._pings:
            for earlier in tuple(self._pings):
                answered.append(self._pings.pop(earlier))
                if earlier == payload:
                    break
        now = self._transport.clock.seconds()
        for result, sentAt in answered:
            _fire(now - sentAt, result)

    def connectionLost(self, reason: Failure) -> None:
        """
        Tell everybody who waits.
        """
        self._ended = reason
        pings, self._pings = self._pings, {}
        waiting, self._waiting = self._waiting, {}
        closed, self._closed = self._closed, {}
        receiving, self._receiving = self._receiving, None
        # Whoever is told may cancel what others wait for.
        if receiving is not None:
            _fire(reason, receiving)
        for result in (*waiting, *(result for result, sentAt in pings.values())):
            _fire(reason, result)
        for result in closed:
            _fire(reason.value, result)

    # Helpers

    def _late(self) -> Result[Any]:
        """
        Make the result of what comes too late: it fails with what ends the
        connection.
        """
        result: Result[Any] = Result(self._notWaiting)
        if self._ended is None:
            self._waiting[result] = None
        else:
            result.errback(self._ended)
        return result

    def _checkSent(self, ignored: None) -> None:
        """
        Check that a message has not been dropped at the end of the connection.
        """
        if self._ended is not None:
            self._ended.raiseException()

    def _forgetPing(self, payload: bytes) -> None:
        """
        Nobody waits for this Pong any more.
        """
        self._pings.pop(payload, None)

    def _notWaiting(self, result: Deferred[Any]) -> None:
        """
        Somebody does not wait any more.
        """
        self._waiting.pop(result, None)
        self._closed.pop(result, None)

    def _notReceiving(self, receiving: Deferred[Any]) -> None:
        """
        Nobody waits for the next message any more.
        """
        self._receiving = None

    def _takeBack(self, message: str | bytes) -> None:
        """
        Take back a message that was received and not taken, for whoever has
        begun to receive meanwhile.
        """
        receiving, self._receiving = self._receiving, None
        if receiving is None:
            self._messages.insert(0, message)
        else:
            receiving.callback(message)

    def _resume(self) -> None:
        """
        Go on to read from the peer, if enough was received of what it sent.
        """
        if self._isPaused and len(self._messages) <= self._lowWater:
            self._isPaused = False
            self._transport.resumeProducing()


class _Received(Result[_T]):
    """
    The next message; one that was not taken is not lost.
    """

    def __init__(
        self,
        canceller: Callable[[Deferred[Any]], None],
        giveBack: Callable[[_T], None],
    ) -> None:
        super().__init__(canceller)
        self._giveBack = giveBack

    def giveBack(self, outcome: Any) -> None:
        """
        Give a message back.
        """
        self._giveBack(outcome)


def _fire(outcome: Any, result: Deferred[Any]) -> None:
    """
    Fire a L{Deferred} with the outcome of another, unless it is cancelled.
    """
    if not result.called:
        result.callback(outcome)
