"""
A connection that is none: for tests of one handler, without a handshake, a
peer or a network.

What L{FakeWebSocketTransport} does to a handler is held against
L{WebSocketTransport<txws.transport.WebSocketTransport>} by the same tests, so
that it is no fiction.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from enum import Enum

from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IAddress, IProducer, ITransport
from twisted.internet.protocol import Protocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from txws.errors import WebSocketClosed, WebSocketFailed
from txws.flow import TURN_SIZE
from txws.interfaces import IWebSocketHandler, IWebSocketRequest, IWebSocketTransport
from txws.policy import Limits
from txws.wire.codes import CloseCode, Opcode, isSendableCloseCode
from txws.wire.connection import ConnectionState
from txws.wire.events import (
    BytesMessageReceived,
    CloseReceived,
    CloseStatus,
    PongReceived,
    TextMessageReceived,
)
from txws.wire.frames import MAX_CONTROL_PAYLOAD, Frame

from .handlers import RecordingHandler
from .outboxes import Outbox
from .requests import makeRequest
from .transports import MemoryTransport

__all__ = ["FakeWebSocketTransport"]

_log = Logger()

_Event = TextMessageReceived | BytesMessageReceived | PongReceived | CloseReceived
_RECEIVING = frozenset((ConnectionState.OPEN, ConnectionState.CLOSE_SENT))


class _Turn(Enum):
    """
    What becomes of something that is sent.
    """

    OPENING = "it waits for the end of the handshake"
    BUSY = "it waits for the end of the turn"
    IDLE = "it leaves at once"


@implementer(IWebSocketTransport)
class FakeWebSocketTransport:
    """
    A server's side of a connection whose network takes everything at once,
    unless it is L{stall}ed, and whose peer is the test::

        transport = FakeWebSocketTransport(Echo())
        transport.open()
        transport.receive("hello")
        self.assertEqual(transport.messages, ["hello"])

    @ivar handler: the handler.
    @ivar roundTripTime: what the test sets.
    @ivar closeSent: what the Close of this side says, L{None} if there is none.
    @ivar closeReceived: what the peer's says, likewise.
    @ivar isAborted: whether the handler has aborted the connection.
    """

    def __init__(
        self,
        handler: IWebSocketHandler | None = None,
        *,
        request: IWebSocketRequest | None = None,
        limits: Limits | None = None,
    ) -> None:
        """
        Start the negotiation; L{open} finishes it.

        @param handler: what is tested; L{None} for a L{RecordingHandler}.
        @param request: what the client has asked for; L{None} for L{makeRequest}.
        @param limits: how much may be pending.
        """
        self.handler = RecordingHandler() if handler is None else handler
        self.request = makeRequest() if request is None else request
        self.subprotocol = self.request.subprotocol
        self.carrier: ITransport = MemoryTransport(Protocol())
        self.roundTripTime: float | None = None
        self.closeSent: CloseStatus | None = None
        self.closeReceived: CloseStatus | None = None
        self.isAborted = False
        self._limits = limits or Limits()
        self._outbox = Outbox(self._limits, self)
        self._state = ConnectionState.OPEN
        self._turn = _Turn.OPENING
        # What comes while nothing is read waits below, as it does in a socket.
        self._arrived: deque[list[_Event]] = deque()
        self._received: deque[_Event] = deque()
        self._isCloseReceivedFirst = False
        self._isPaused = False
        # Whether it is answered more than the peer reads, and how much.
        self._isThrottled = False
        self._answersSize = 0
        self._ending: BaseException | None = None
        self._isLost = False
        self.handler.negotiationStarted(self)

    # For the test

    @property
    def frames(self) -> list[Frame]:
        """
        All that has left, in its order, a frame for each message.
        """
        return list(self._outbox.left)

    @property
    def messages(self) -> list[str | bytes]:
        """
        The messages that have left.
        """
        return [
            frame.payload.decode() if frame.opcode is Opcode.TEXT else frame.payload
            for frame in self.frames
            if frame.opcode in (Opcode.TEXT, Opcode.BINARY)
        ]

    @property
    def pings(self) -> list[bytes]:
        """
        The payloads of the Pings that have left.
        """
        return [frame.payload for frame in self.frames if frame.opcode is Opcode.PING]

    @property
    def producer(self) -> IProducer | None:
        """
        The attached producer, if there is one.
        """
        return self._outbox.producer

    @property
    def isReading(self) -> bool:
        """
        Whether messages of the peer are delivered; they wait if not.
        """
        return not (self._isPaused or self._isThrottled)

    def open(self) -> None:
        """
        Finish the negotiation.
        """
        if self._state is not ConnectionState.CLOSED:
            self._turn = _Turn.BUSY
            self._outbox.isStuck = False
            if self._state is ConnectionState.OPEN:
                self.callApplication(self.handler.negotiationFinished)
            self._turn = _Turn.IDLE
            self._flush()
        self.settle()

    def receive(self, *messages: str | bytes) -> None:
        """
        Receive messages, all in one turn.
        """
        self._receive(
            TextMessageReceived(message)
            if isinstance(message, str)
            else BytesMessageReceived(message)
            for message in messages
        )

    def receivePong(self, payload: bytes = b"") -> None:
        """
        Receive a Pong.
        """
        self._receive([PongReceived(payload)])

    def receiveClose(
        self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = ""
    ) -> None:
        """
        Receive a Close, and be closed when it is answered.

        @param code: its close code; 1005 for none.
        @param reason: its close reason.
        """
        self._receive([CloseReceived(CloseStatus(code, reason))])

    def lose(self, reason: BaseException | None = None) -> None:
        """
        Lose the connection.

        @param reason: what it is lost with; L{None} for a L{ConnectionLost
            <twisted.internet.error.ConnectionLost>}.
        """
        self._ending = self._ending or reason or ConnectionLost()
        self.settle()

    def stall(self) -> None:
        """
        Have the network take nothing, until L{drain}: what is sent is pending.
        """
        self._outbox.isStuck = True

    def drain(self) -> None:
        """
        Have the network take everything, from now on.
        """
        self._outbox.isStuck = False
        self._outbox.flush()
        if self._state is not ConnectionState.OPEN:
            self._flush()
        self.settle()

    def settle(self) -> None:
        """
        Tell the handler what has come while it did not read, and of the end,
        if it has come: that is not done from inside its own call.  All that
        the test does here does it by itself.
        """
        while self._arrived and self.isReading and self._ending is None:
            events = self._arrived.popleft()
            if self._state in _RECEIVING:
                self._received.extend(events)
                self._deliver()
        if self._ending is not None and not self._isLost:
            self._isLost = True
            self._lost(self._ending)

    # IWebSocketTransport

    @property
    def pendingSize(self) -> int:
        """
        See L{IWebSocketTransport}.
        """
        return self._outbox.pendingSize

    def sendTextMessage(self, message: str) -> None:
        """
        See L{IWebSocketTransport}.
        """
        if self._state is ConnectionState.OPEN:
            if not isinstance(message, str):
                raise TypeError(f"message must be str, not {type(message).__name__}")
            self._send(Opcode.TEXT, message.encode("utf-8"))

    def sendBytesMessage(self, data: bytes | bytearray | memoryview) -> None:
        """
        See L{IWebSocketTransport}.
        """
        if self._state is ConnectionState.OPEN:
            self._send(Opcode.BINARY, bytes(memoryview(data)))

    def ping(self, payload: bytes = b"") -> None:
        """
        See L{IWebSocketTransport}.
        """
        if self._state is ConnectionState.OPEN:
            if len(payload) > MAX_CONTROL_PAYLOAD:
                raise ValueError(f"a Ping carries at most {MAX_CONTROL_PAYLOAD} bytes")
            self._send(Opcode.PING, b"" + payload)

    def loseConnection(
        self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = ""
    ) -> None:
        """
        See L{IWebSocketTransport}.
        """
        if self._state is ConnectionState.OPEN:
            if not isinstance(reason, str):
                raise TypeError(f"reason must be str, not {type(reason).__name__}")
            if not isSendableCloseCode(code):
                raise ValueError(f"close code {code} may not be sent")
            self._sendClose(code, reason)
            self._state = ConnectionState.CLOSE_SENT
            self._closing()
            self._deliver()

    def abortConnection(self) -> None:
        """
        See L{IWebSocketTransport}.
        """
        if self._state is not ConnectionState.CLOSED:
            self.isAborted = True
            self._end(ConnectionAborted())
            self._outbox.stopProducer()

    def getPeer(self) -> IAddress:
        """
        See L{IWebSocketTransport}.
        """
        return self.carrier.getPeer()

    def getHost(self) -> IAddress:
        """
        See L{IWebSocketTransport}.
        """
        return self.carrier.getHost()

    def attachProducer(self, producer: IProducer, streaming: bool = True) -> None:
        """
        See L{IWebSocketTransport}.
        """
        if self._state is ConnectionState.OPEN:
            self._outbox.attachProducer(producer, streaming)
        else:
            producer.stopProducing()

    def detachProducer(self) -> None:
        """
        See L{IWebSocketTransport}.
        """
        self._outbox.producer = None

    def pauseProducing(self) -> None:
        """
        See L{IWebSocketTransport}.
        """
        self._isPaused = self._state is ConnectionState.OPEN

    def resumeProducing(self) -> None:
        """
        See L{IWebSocketTransport}.
        """
        if self._isPaused:
            self._isPaused = False
            self._deliver()

    # What the outbox tells

    def outboxReceded(self) -> None:
        """
        See L{OutboxOwner<txws.testing.outboxes.OutboxOwner>}.
        """
        if self._isThrottled:
            self._isThrottled = False
            self._deliver()

    def outboxExceeded(self) -> None:
        """
        See L{OutboxOwner<txws.testing.outboxes.OutboxOwner>}.
        """
        if self._state is ConnectionState.OPEN:
            self._outbox.drop()
            self.loseConnection(CloseCode.POLICY_VIOLATION, "read too slowly")

    def callApplication(
        self, method: Callable[..., object], *arguments: object
    ) -> None:
        """
        See L{OutboxOwner<txws.testing.outboxes.OutboxOwner>}.
        """
        try:
            method(*arguments)
        except Exception:
            _log.failure("{method} raised", method=method)
            self.loseConnection(CloseCode.INTERNAL_ERROR, "internal error")

    # Helpers

    def _receive(self, events: Iterable[_Event]) -> None:
        """
        Receive something in one turn.
        """
        self._arrived.append(list(events))
        self.settle()

    def _deliver(self) -> None:
        """
        Tell the handler what has been received, until nothing is left or
        something says stop.
        """
        if self._turn is not _Turn.IDLE:
            return
        self._turn = _Turn.BUSY
        while self.isReading and self._received:
            pendingBefore = self.pendingSize
            self._dispatch(self._received.popleft())
            self._answersSize += self.pendingSize - pendingBefore
            if self._answersSize > self._limits.highWaterMark:
                self._outbox.flush()
                self._throttle()
        self._turn = _Turn.IDLE
        self._flush()
        self._throttle()

    def _throttle(self) -> None:
        """
        Read no more from a peer that does not read what it is answered.
        """
        self._answersSize = max(0, min(self._answersSize, self.pendingSize))
        isOpen = self._state is ConnectionState.OPEN
        if isOpen and self._answersSize > self._limits.highWaterMark:
            self._isThrottled = True

    def _dispatch(self, event: _Event) -> None:
        """
        Tell the handler one thing, unless it has closed.
        """
        if isinstance(event, CloseReceived):
            self._receiveClose(event.status)
        elif self._state is not ConnectionState.OPEN:
            pass
        elif isinstance(event, TextMessageReceived):
            self.callApplication(self.handler.textMessageReceived, event.message)
        elif isinstance(event, BytesMessageReceived):
            self.callApplication(self.handler.bytesMessageReceived, event.data)
        else:
            self.callApplication(self.handler.pongReceived, event.payload)

    def _receiveClose(self, status: CloseStatus) -> None:
        """
        Answer the peer's Close.
        """
        self.closeReceived = status
        if self._state is ConnectionState.OPEN:
            self._isCloseReceivedFirst = True
            self._sendClose(status.code, status.reason)
        self._state = ConnectionState.CLOSING
        self._closing()

    def _send(self, opcode: Opcode, payload: bytes) -> None:
        """
        Send a frame.
        """
        self._outbox.put(opcode, payload)
        self._flush()

    def _sendClose(self, code: int, reason: str) -> None:
        """
        Send a Close, its reason cut between two characters.
        """
        told = reason.encode("utf-8", "replace")[: MAX_CONTROL_PAYLOAD - 2]
        reason = told.decode("utf-8", "ignore")
        self.closeSent = CloseStatus(code, reason)
        hasCode = code != CloseCode.NO_STATUS_RECEIVED
        payload = code.to_bytes(2, "big") + reason.encode() if hasCode else b""
        self._outbox.put(Opcode.CLOSE, payload)

    def _closing(self) -> None:
        """
        The closing handshake has begun, or is done.
        """
        self._outbox.stopProducer()
        self._isPaused = self._isThrottled = False

    def _flush(self) -> None:
        """
        Let what is pending leave, now or at the end of the turn, and close
        when all is said.
        """
        if self._turn is _Turn.IDLE:
            self._outbox.flush()
            if self._state is ConnectionState.CLOSING and not self.pendingSize:
                self._ending = self._ending or ConnectionDone()
        elif self._turn is _Turn.BUSY and self.pendingSize >= TURN_SIZE:
            self._outbox.flush()

    def _end(self, ending: BaseException) -> None:
        """
        The connection has ended; the handler is told later.
        """
        self._ending = ending
        self._state = ConnectionState.CLOSED
        self._received.clear()
        self._arrived.clear()
        self._outbox.drop()

    def _lost(self, ending: BaseException) -> None:
        """
        Tell the handler of the end.
        """
        while self._isThrottled:
            # The peer has gone before it was read to the end.
            self._outbox.drop()
            self._isThrottled = False
            self._deliver()
        self._end(ending)
        self._outbox.stopProducer()
        try:
            self.handler.connectionLost(Failure(self._explain(ending)))
        except Exception:
            _log.failure("connectionLost raised")

    def _explain(self, ending: BaseException) -> WebSocketClosed | WebSocketFailed:
        """
        Say how the connection ended.
        """
        sent, received = self.closeSent, self.closeReceived
        first = self._isCloseReceivedFirst
        if sent is not None and received is not None:
            return WebSocketClosed(received, sent, first)
        return WebSocketFailed(ending, received, sent, first)
