"""
The load of a server: messages on many connections, whose echoes are verified.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from zope.interface import implementer

from txws.interfaces import IWebSocketHandler, IWebSocketTransport

from .diagnosis import tellEnd
from .latencies import Latencies

__all__ = ["Load", "LoadSettings", "LoadingHandler"]


@dataclass(frozen=True)
class LoadSettings:
    """
    How a server is loaded.

    @ivar size: bytes in a message.
    @ivar inFlight: how many messages of a connection may be underway.
    @ivar messages: how many messages, all together, or L{None}.
    @ivar seconds: how long, or L{None}.
    @ivar rate: messages a second, all together; L{None} for as many as come
        back.
    @ivar timeout: how many seconds without an echo are too many.
    @ivar isText: whether messages are text.
    """

    size: int = 64
    inFlight: int = 1
    messages: int | None = None
    seconds: float | None = None
    rate: float | None = None
    timeout: float = 10.0
    isText: bool = False


class Load:
    """
    What all connections send together.

    @ivar settings: how.
    @ivar handlers: those that are open.
    @ivar sent: how many messages were sent.
    @ivar latencies: of the echoes that came.
    @ivar wrong: how many echoes were not what was sent.
    @ivar missing: how many echoes connections that were lost owe.
    @ivar lost: why connections ended before the end of the load.
    @ivar isRunning: whether messages are sent.
    """

    def __init__(self, settings: LoadSettings, clock: IReactorTime) -> None:
        """
        @param settings: how to load.
        @param clock: tells the time.
        """
        self.settings = settings
        self.handlers: list[LoadingHandler] = []
        self.sent = 0
        self.latencies = Latencies()
        self.wrong = 0
        self.missing = 0
        self.lost: list[str] = []
        self.isRunning = False
        self._clock = clock
        self._began = 0.0
        self._lastActive = 0.0
        self._turn = 0
        self._fill = b"x" * settings.size

    @property
    def elapsed(self) -> float:
        """
        How many seconds the load has lasted.
        """
        return self._clock.seconds() - self._began

    @property
    def underway(self) -> int:
        """
        How many messages have not come back.
        """
        return sum(len(handler.underway) for handler in self.handlers)

    @property
    def isDone(self) -> bool:
        """
        Whether there is nothing more to send, nor to wait for.
        """
        if self.isSent:
            return not self.underway or self.isSilent
        return not self.handlers or (self.underway > 0 and self.isSilent)

    @property
    def isSent(self) -> bool:
        """
        Whether everything that was to be sent has been.
        """
        settings = self.settings
        if settings.messages is not None and self.sent >= settings.messages:
            return True
        return settings.seconds is not None and self.elapsed >= settings.seconds

    @property
    def isSilent(self) -> bool:
        """
        Whether nothing was sent and no echo has come for too long.
        """
        return self._clock.seconds() - self._lastActive >= self.settings.timeout

    def start(self) -> None:
        """
        Begin to send.
        """
        self._began = self._lastActive = self._clock.seconds()
        self.isRunning = True
        self.sendDue()

    def stop(self) -> None:
        """
        Send no more.
        """
        self.isRunning = False

    def sendDue(self) -> None:
        """
        Send what may be sent now, on one connection after the other.
        """
        blocked = 0
        while self.handlers and blocked < len(self.handlers) and self._isDue():
            self._turn = (self._turn + 1) % len(self.handlers)
            handler = self.handlers[self._turn]
            if len(handler.underway) < self.settings.inFlight:
                self._send(handler)
                blocked = 0
            else:
                blocked += 1

    def echoed(
        self, handler: LoadingHandler, isRight: bool, sentAt: float | None
    ) -> None:
        """
        An echo has come.

        @param handler: whose.
        @param isRight: whether it is what was sent.
        @param sentAt: when that was due to be sent; L{None} if nothing was.
        """
        if not self.isRunning:
            return
        self._lastActive = now = self._clock.seconds()
        if not isRight or sentAt is None:
            self.wrong += 1
            return
        self.latencies.add(now - sentAt)
        if self._isDue():
            self._send(handler)

    def connectionLost(self, handler: LoadingHandler, why: str) -> None:
        """
        A connection has ended.

        @param handler: whose.
        @param why: one sentence.
        """
        if handler in self.handlers:
            self.handlers.remove(handler)
        if self.isRunning:
            self.lost.append(why)
            self.missing += len(handler.underway)

    def _send(self, handler: LoadingHandler) -> None:
        """
        Send the next message.
        """
        self._lastActive = self._clock.seconds()
        handler.send(self._makeMessage(), self._dueTime())
        self.sent += 1

    def _isDue(self) -> bool:
        """
        Tell whether another message is to be sent now.
        """
        if not self.isRunning or self.isSent:
            return False
        rate = self.settings.rate
        return rate is None or self.sent <= self.elapsed * rate

    def _dueTime(self) -> float:
        """
        Tell when the next message was to be sent.  At a fixed rate, the time
        that it waits for a slow server counts.
        """
        rate = self.settings.rate
        if rate is None:
            return self._clock.seconds()
        return self._began + self.sent / rate

    def _makeMessage(self) -> bytes:
        """
        Make a message that is like no other, as far as its size allows.
        """
        return (b"%d " % self.sent + self._fill)[: self.settings.size]


@implementer(IWebSocketHandler)
class LoadingHandler:
    """
    One connection of a load.

    @ivar underway: what was sent and has not come back, and when it was due.
    @ivar ended: fires when the connection has ended.
    """

    transport: IWebSocketTransport

    def __init__(self, load: Load) -> None:
        """
        @param load: what all send together.
        """
        self.underway: deque[tuple[bytes, float]] = deque()
        self.ended: Deferred[None] = Deferred()
        self._load = load
        self._isText = load.settings.isText

    def send(self, message: bytes, due: float) -> None:
        """
        Send a message.

        @param message: ASCII.
        @param due: when it was to be sent.
        """
        self.underway.append((message, due))
        if self._isText:
            self.transport.sendTextMessage(message.decode("ascii"))
        else:
            self.transport.sendBytesMessage(message)

    def negotiationStarted(self, transport: IWebSocketTransport) -> None:
        """
        Keep the connection.
        """
        self.transport = transport

    def negotiationFinished(self) -> None:
        """
        Take part.
        """
        self._load.handlers.append(self)

    def textMessageReceived(self, message: str) -> None:
        """
        Check an echo.
        """
        self._echoed(message.encode(), self._isText)

    def bytesMessageReceived(self, data: bytes) -> None:
        """
        Check an echo.
        """
        self._echoed(data, not self._isText)

    def pongReceived(self, payload: bytes) -> None:
        """
        Nobody asks.
        """

    def connectionLost(self, reason: Failure) -> None:
        """
        Take no part any more.
        """
        ended: Any = reason.value
        self._load.connectionLost(self, tellEnd(ended))
        self.ended.callback(None)

    def _echoed(self, data: bytes, isKind: bool) -> None:
        """
        Compare an echo with what was sent first.
        """
        message, due = self.underway.popleft() if self.underway else (None, None)
        self._load.echoed(self, isKind and data == message, due)
