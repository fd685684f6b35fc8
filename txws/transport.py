"""
One connection after its opening handshake: L{wire.Connection
<txws.wire.connection.Connection>}, a Twisted transport, the clock and the
application, married.

Between two calls of the reactor this is a loop: what has been received becomes
events, the events go to the handler, and what the handler and the wire have
sent meanwhile leaves in one write.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import TypeVar, cast

from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import (
    IAddress,
    IProducer,
    IPushProducer,
    IReactorTime,
    ITransport,
)
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from .closing import abortTransport, seeOff
from .delivery import Delivery
from .errors import DeadlineExpired, MessageTooBig, WebSocketClosed, WebSocketFailed
from .flow import TURN_SIZE, Outflow, unsentSize
from .interfaces import (
    IGroup,
    IWebSocketHandler,
    IWebSocketRequest,
    IWebSocketTransport,
)
from .keepalive import Keepalive
from .outbox import Outbox
from .policy import Limits
from .results import DONE, Shared
from .sources import Piece, Source
from .wire.codes import CloseCode
from .wire.connection import ConnectionState, Role, checkClose
from .wire.contract import WireConnection
from .wire.events import (
    BytesFragmentReceived,
    BytesMessageReceived,
    CloseReceived,
    CloseStatus,
    Event,
    PingReceived,
    PongReceived,
    TextFragmentReceived,
    TextMessageReceived,
    ViolationReceived,
)
from .wire.prepared import PreparedMessage

__all__ = ["WebSocketTransport"]

_log = Logger()
_T = TypeVar("_T")


class _Pause(Enum):
    """
    Why nothing is read from the peer.
    """

    APPLICATION = "the application has paused it"
    HANDLER = "a method of the handler is not done"
    OUTFLOW = "it is answered faster than the peer reads"
    TURN = "others have their turn"


_NONE: frozenset[_Pause] = frozenset()


class _Turn(Enum):
    """
    What becomes of something that is sent.
    """

    OPENING = "it waits for the 101"
    BUSY = "it waits for the end of the turn"
    IDLE = "it leaves at once"
    OVER = "it is too late"


# Looking up a member of an Enum takes as long as a call.
_IDLE, _BUSY = _Turn.IDLE, _Turn.BUSY
_OPEN = ConnectionState.OPEN


@implementer(IWebSocketTransport)
class WebSocketTransport:
    """
    The application's side of a connection, and the connection's inner life.

    See L{IWebSocketTransport} for what applications may do with it.
    """

    __slots__ = (
        # For what applications attach; there is no dictionary before they do.
        "__dict__",
        "__weakref__",
        "_answersSize",
        "_cause",
        "_connection",
        "_delivery",
        "_drained",
        "_ended",
        "_groups",
        "_hasSent",
        "_highWaterMark",
        "_idleClock",
        "_keepalive",
        "_leaving",
        "_nextTurn",
        "_outbox",
        "_outflow",
        "_over",
        "_pauses",
        "_pendingBefore",
        "_role",
        "_turn",
        "_until",
        "_workSize",
        "_writable",
        "carrier",
        "request",
        "subprotocol",
    )

    def __init__(
        self,
        transport: ITransport,
        connection: WireConnection,
        role: Role,
        request: IWebSocketRequest,
        handler: IWebSocketHandler,
        limits: Limits,
        keepalive: Keepalive,
        unsentSize: Callable[[ITransport], int] = unsentSize,
    ) -> None:
        """
        @param transport: the Twisted transport.
        @param connection: the wire.
        @param role: which side of the connection this is.
        @param request: what the client asked for.
        @param handler: the application.
        @param limits: how much may be pending.
        @param keepalive: the clock, running since the connection was accepted.
        @param unsentSize: see L{Outflow<txws.flow.Outflow>}.
        """
        self.carrier = transport
        self.request = request
        self.subprotocol = request.subprotocol
        self._connection = connection
        self._role = role
        self._delivery = Delivery(handler, self)
        self._outflow = Outflow(connection, transport, limits, self, unsentSize)
        self._keepalive = keepalive
        self._highWaterMark = limits.highWaterMark
        # Who wants to know of each message.
        self._idleClock: Keepalive | None = None
        # How much the peer has been answered that it has not read, and how much
        # was pending before it was answered.
        self._answersSize = 0
        self._pendingBefore = 0
        self._pauses: frozenset[_Pause] = _NONE
        self._turn = _Turn.OPENING
        # When others are to be served.
        self._until = 0.0
        self._cause: BaseException | None = None
        self._ended: Failure | None = None
        # Those who wait until the peer has read.
        self._writable: Shared | None = None
        # Those who wait until others have had their turn, and how much was sent
        # since somebody had to wait.
        self._nextTurn: Shared | None = None
        self._workSize = 0
        # Those who have sent too late.
        self._over: Shared | None = None
        # The message that is streamed, which does not wait for those behind it.
        self._drained: Shared | None = None
        self._outbox: Outbox | None = None
        # What to close with when the outbox is empty.
        self._leaving: tuple[int, str] | None = None
        # Whether a message was sent since the last heartbeat.
        self._hasSent = False
        # Most connections are in no group.
        self._groups: set[IGroup] | None = None

    # IWebSocketTransport

    @property
    def clock(self) -> IReactorTime:
        """
        See L{IWebSocketTransport}.
        """
        return self._keepalive.clock

    @property
    def isOpen(self) -> bool:
        """
        See L{IWebSocketTransport}.
        """
        return self._connection.state is _OPEN and self._leaving is None

    @property
    def isAboveHighWater(self) -> bool:
        """
        See L{IWebSocketTransport}.
        """
        return self._outflow.isAboveHighWater and self._ended is None

    @property
    def pendingSize(self) -> int:
        """
        See L{IWebSocketTransport}.
        """
        return self._outflow.pendingSize

    @property
    def groups(self) -> set[IGroup]:
        """
        See L{IWebSocketTransport}.
        """
        if self._groups is None:
            self._groups = set()
        return self._groups

    @property
    def roundTripTime(self) -> float | None:
        """
        See L{IWebSocketTransport}.
        """
        return self._keepalive.roundTripTime

    def sendTextMessage(
        self, message: str, compress: bool | None = None
    ) -> Deferred[None]:
        """
        See L{IWebSocketTransport}.
        """
        if self.isOpen:
            if self._outbox is not None:
                # Refused now, if it cannot be sent.
                payload = str.encode(message)
                send = partial(self._sendText, compress=compress)
                return self._postpone(send, message, payload)
            return self._sendText(message, compress)
        return self._whenOver()

    def sendBytesMessage(
        self, data: bytes | bytearray | memoryview, compress: bool | None = None
    ) -> Deferred[None]:
        """
        See L{IWebSocketTransport}.
        """
        if self.isOpen:
            if self._outbox is not None:
                data = bytes(memoryview(data))
                send = partial(self._sendBytes, compress=compress)
                return self._postpone(send, data, data)
            return self._sendBytes(data, compress)
        return self._whenOver()

    def sendStream(
        self, source: Source, compress: bool | None = None
    ) -> Deferred[None]:
        """
        See L{IWebSocketTransport}.
        """
        if self._ended is not None:
            return fail(self._ended)
        if self._outbox is None:
            self._outbox = Outbox(self)
        if not self.isOpen:
            self._outbox.stop()
        return self._outbox.addStream(source, compress)

    def whenWritable(self) -> Deferred[None]:
        """
        See L{IWebSocketTransport}.
        """
        return self._whenWritable().branch()

    def sendPreparedMessage(self, message: PreparedMessage) -> Deferred[None]:
        """
        See L{IWebSocketTransport}.
        """
        if self.isOpen:
            if self._outbox is not None:
                return self._postpone(
                    self._sendPrepared, message, message.frame.payload
                )
            return self._sendPrepared(message)
        return self._whenOver()

    def ping(self, payload: bytes = b"") -> None:
        """
        See L{IWebSocketTransport}.
        """
        if self._connection.state is _OPEN:
            self._connection.sendPing(payload)
            self._flush()

    def loseConnection(
        self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = ""
    ) -> None:
        """
        See L{IWebSocketTransport}.
        """
        if not self.isOpen:
            return
        if self._outbox is None:
            self._close(code, reason)
        else:
            # Refused now, if it cannot be sent.
            checkClose(code, reason)
            self._leaving = (code, reason)

    def abortConnection(self) -> None:
        """
        See L{IWebSocketTransport}.
        """
        if self._connection.state is not ConnectionState.CLOSED:
            self._connection.connectionLost()
            self._keepalive.stop()
            if self._outbox is not None:
                self._outbox.stop()
            self._outflow.drop()
            self._outflow.stop()
            abortTransport(self.carrier)

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
        if self._connection.state is _OPEN:
            self._outflow.attachProducer(producer, streaming)
        else:
            producer.stopProducing()

    def detachProducer(self) -> None:
        """
        See L{IWebSocketTransport}.
        """
        self._outflow.detachProducer()

    def pauseProducing(self) -> None:
        """
        See L{IWebSocketTransport}.
        """
        if self._connection.state is _OPEN:
            self._pause(_Pause.APPLICATION)

    def resumeProducing(self) -> None:
        """
        See L{IWebSocketTransport}.
        """
        self._resume(_Pause.APPLICATION)

    # What the protocol below calls

    def open(self, acceptance: bytes) -> bool:
        """
        Begin: the opening handshake is done.

        @param acceptance: what goes before the first frame: the 101 of a server,
            nothing of a client.
        @return: whether the handler has been told; it may have closed the
            connection before.
        """
        if self._connection.state is ConnectionState.CLOSED:
            return False
        self._turn = _BUSY
        if acceptance:
            self.carrier.write(acceptance)
        self._outflow.start()
        self._keepalive.connectionOpened(self)
        if self._keepalive.policy.idleTimeout is not None:
            self._idleClock = self._keepalive
        isOpened = self._connection.state is _OPEN
        if isOpened:
            self._delivery.open()
        else:
            self._keepalive.closingProgressed()
        self._turn = _IDLE
        self._flush()
        return isOpened

    def neverOpened(self) -> None:
        """
        End before the beginning: the opening handshake is refused after all.
        """
        if self._connection.state is not ConnectionState.CLOSED:
            self._connection.connectionLost()
        self._outflow.stopProducer()
        self._leave()
        self._ended = Failure(WebSocketFailed(ConnectionAborted()))
        self._tellWaiting(self._ended)

    def dataReceived(self, data: bytes) -> None:
        """
        The Twisted transport has received bytes.
        """
        self._keepalive.heard()
        self._connection.receiveData(data)
        self._deliver()

    def connectionLost(self, reason: Failure) -> None:
        """
        The Twisted transport is gone.
        """
        while not self._pauses.isdisjoint(_PEERS_PAUSES):
            # The peer has closed before it was read to the end.
            self._outflow.drop()
            self._resume(_Pause.OUTFLOW)
            self._resume(_Pause.TURN)
        self._keepalive.stop()
        if self._connection.state is not ConnectionState.CLOSED:
            self._connection.connectionLost()
        self._outflow.drop()
        self._outflow.stopProducer()
        self._ended = ended = Failure(self._explain(reason))
        _log.debug("{transport} ended: {ended}", transport=self, ended=ended.value)
        self._leave()
        self._delivery.connectionLost(ended)
        self._tellWaiting(ended)

    # What the clock and the way out tell

    @property
    def isListening(self) -> bool:
        """
        See L{KeptAlive<txws.keepalive.KeptAlive>}.
        """
        isRead = self._pauses.isdisjoint(_OUR_PAUSES)
        return isRead or self._connection.isCongested

    def sendHeartbeat(self, payload: bytes, isOneWay: bool) -> None:
        """
        See L{KeptAlive<txws.keepalive.KeptAlive>}.
        """
        # The peer has been silent for a while; and this side?
        if not self._hasSent:
            self._connection.release()
        self._hasSent = False
        if isOneWay:
            self._connection.sendPong(payload)
        else:
            self._connection.sendPing(payload)
        self._flush()
        # Neither what was taken before nor the heartbeat itself is progress.
        self._outflow.noteProgress()

    def hasProgressed(self) -> bool:
        """
        See L{KeptAlive<txws.keepalive.KeptAlive>}.
        """
        return self._outflow.noteProgress()

    def becomeIdle(self) -> None:
        """
        See L{KeptAlive<txws.keepalive.KeptAlive>}.
        """
        # Not behind a message that does not move either.
        self._close(CloseCode.NORMAL_CLOSURE, "idle")

    def expire(self, expired: DeadlineExpired) -> None:
        """
        See L{KeptAlive<txws.keepalive.KeptAlive>}.
        """
        _log.warn("{transport}: {expired}", transport=self, expired=expired)
        if self._connection.state not in _OVER:
            self._cause = expired
        self.abortConnection()

    @property
    def isGivingWay(self) -> bool:
        """
        See L{FlowOwner<txws.flow.FlowOwner>}.
        """
        return self._nextTurn is not None

    def outflowResumed(self) -> None:
        """
        See L{FlowOwner<txws.flow.FlowOwner>}.
        """
        self._workSize = 0

    def outflowProgressed(self) -> None:
        """
        See L{FlowOwner<txws.flow.FlowOwner>}.
        """
        self._keepalive.heard()
        if self._connection.state is not _OPEN:
            self._keepalive.closingProgressed()
            self._flush()

    def outflowDrained(self) -> None:
        """
        See L{FlowOwner<txws.flow.FlowOwner>}.
        """
        drained, self._drained = self._drained, None
        if drained is not None:
            drained.callback(None)

    def outflowReceded(self) -> None:
        """
        See L{FlowOwner<txws.flow.FlowOwner>}.
        """
        self._answersSize = 0
        self._fireWritable()
        self._resume(_Pause.OUTFLOW)

    def outflowExceeded(self) -> None:
        """
        See L{FlowOwner<txws.flow.FlowOwner>}.
        """
        if self._connection.state is _OPEN:
            _log.warn(
                "{transport} reads too slowly: {pending} bytes were pending",
                transport=self,
                pending=self.pendingSize,
            )
            self._connection.discardData()
            self._close(CloseCode.POLICY_VIOLATION, "read too slowly")

    def callApplication(
        self, method: Callable[..., object], *arguments: object
    ) -> None:
        """
        See L{FlowOwner<txws.flow.FlowOwner>}.
        """
        self._delivery.call(method, *arguments)

    # What the delivery tells

    def handlerWaits(self) -> None:
        """
        See L{DeliveryOwner<txws.delivery.DeliveryOwner>}.
        """
        if self.isOpen:
            self._pause(_Pause.HANDLER)

    def handlerGoesOn(self) -> None:
        """
        See L{DeliveryOwner<txws.delivery.DeliveryOwner>}.
        """
        self._resume(_Pause.HANDLER)

    def handlerFailed(self) -> None:
        """
        See L{DeliveryOwner<txws.delivery.DeliveryOwner>}.
        """
        self._close(CloseCode.INTERNAL_ERROR, "internal error")

    # What the outbox calls

    def sendFragment(self, piece: Piece, compress: bool | None) -> Deferred[None]:
        """
        See L{OutboxOwner<txws.outbox.OutboxOwner>}.
        """
        if isinstance(piece, str):
            self._connection.sendTextFragment(piece, compress=compress)
        else:
            self._connection.sendBytesFragment(piece, compress=compress)
        self._sent(len(piece))
        if not self._outflow.isFull:
            return self._nextTurn or DONE
        if self._drained is None:
            self._drained = Shared()
        return self._drained

    def finishMessage(self) -> None:
        """
        See L{OutboxOwner<txws.outbox.OutboxOwner>}.
        """
        self._connection.finishMessage()
        self._sent()

    def streamFailed(self) -> None:
        """
        See L{OutboxOwner<txws.outbox.OutboxOwner>}.
        """
        self._close(CloseCode.INTERNAL_ERROR, "a message cannot be finished")

    def outboxChanged(self, size: int) -> None:
        """
        See L{OutboxOwner<txws.outbox.OutboxOwner>}.
        """
        self._outflow.hold(size)

    def outboxEmptied(self) -> None:
        """
        See L{OutboxOwner<txws.outbox.OutboxOwner>}.
        """
        self._outbox = None
        if self._leaving is not None:
            self._close(*self._leaving)

    # Helpers

    def __repr__(self) -> str:
        return (
            f"<WebSocketTransport {self._connection.state.value}"
            f" {self.request.path!r} {self.request.peer}>"
        )

    def _deliver(self, isResumed: bool = False) -> None:
        """
        Tell the handler what has been received, and write what it has answered.

        @param isResumed: whether the application goes on, which may be because of
            what it was told before in the same turn of the reactor.
        """
        if self._turn is not _IDLE:
            return
        if not isResumed:
            self._workSize = 0
            self._until = self._keepalive.clock.seconds() + _TURN_TIME
        outflow = self._outflow
        self._turn = _BUSY
        self._pendingBefore = outflow.pendingSize
        try:
            self._takeTurn()
        except Exception:
            # Only an extension can raise here.
            _log.failure("{transport}: an extension raised", transport=self)
            self._close(CloseCode.INTERNAL_ERROR, "internal error")
        finally:
            self._turn = _IDLE
        self._answersSize += outflow.pendingSize - self._pendingBefore
        self._flush()
        if outflow.pendingSize:
            self._throttle()
        else:
            self._answersSize = 0

    def _takeTurn(self) -> None:
        """
        See to what has been received, until nothing is left or something says
        stop.
        """
        connection = self._connection
        deliver = self._delivery.deliver
        seconds = self._keepalive.clock.seconds
        until = self._until
        while not self._pauses and (event := connection.nextEvent()) is not None:
            if not isinstance(event, _MESSAGES):
                self._dispatch(event)
            elif connection.state is _OPEN and not self._leaving:
                if self._idleClock is not None:
                    self._idleClock.messageMoved()
                deliver(event)
            if connection.pendingSize > self._highWaterMark or self._outbox:
                self._countAnswers()
            if seconds() > until:
                self._giveWay()

    def _countAnswers(self) -> None:
        """
        Count what has been answered in this turn, and see whether the peer reads it.
        """
        self._answersSize += self.pendingSize - self._pendingBefore
        if self._answersSize > self._highWaterMark:
            self._outflow.flush()
            self._throttle()
        self._pendingBefore = self.pendingSize

    def _throttle(self) -> None:
        """
        Read no more from a peer that does not read what it is answered.

        Only answers count, neither what the application sends on its own nor
        Pongs, which coalesce: two peers that both send much must not wait for
        each other for ever.
        """
        self._answersSize = max(0, min(self._answersSize, self.pendingSize))
        isOpen = self._connection.state is _OPEN
        if isOpen and self._answersSize > self._highWaterMark:
            self._pause(_Pause.OUTFLOW)

    def _giveWay(self) -> None:
        """
        Go on in the next turn of the reactor: a few bytes of a peer's may be
        much to do, if they are compressed, or a message each.
        """
        if self._connection.state in _RECEIVING:
            self._pause(_Pause.TURN)
            self._keepalive.giveWay(self._takeNextTurn)

    def _takeNextTurn(self) -> None:
        """
        Go on, for others have had their turn.
        """
        self._fireNextTurn()
        self._resume(_Pause.TURN)
        # A pull producer goes on.
        self._flush()

    def _dispatch(self, event: Event) -> None:
        """
        See to an event that is no message.
        """
        if isinstance(event, CloseReceived):
            self._closeReceived(event.status)
        elif isinstance(event, ViolationReceived):
            self._cause = event.violation
            isTooBig = isinstance(event.violation, MessageTooBig)
            _log.warn(
                "{transport} {act}: {violation}",
                transport=self,
                act="exceeded a limit" if isTooBig else "broke the protocol",
                violation=event.violation,
            )
            self._closing()
        elif isinstance(event, PongReceived):
            isOurs = self._keepalive.pongReceived(event.payload)
            if not isOurs and self.isOpen:
                self._delivery.pongReceived(event.payload)
        elif isinstance(event, PingReceived) and self.isOpen:
            self._delivery.pingReceived(event.payload)

    def _closeReceived(self, status: CloseStatus) -> None:
        """
        Close, and tell of the peer's Close if it came first.
        """
        isFirst = self._leaving is None and self._connection.isCloseReceivedFirst
        self._closing()
        if isFirst:
            self._delivery.closeReceived(status)

    def _sendText(self, message: str, compress: bool | None) -> Deferred[None]:
        """
        Send a text message now.
        """
        self._connection.sendText(message, compress)
        return self._sent(len(message))

    def _sendBytes(
        self, data: bytes | bytearray | memoryview, compress: bool | None
    ) -> Deferred[None]:
        """
        Send a binary message now.
        """
        if not isinstance(data, bytes):
            # Views of some shapes have no length.
            data = bytes(memoryview(data))
        self._connection.sendBytes(data, compress)
        return self._sent(len(data))

    def _sendPrepared(self, message: PreparedMessage) -> Deferred[None]:
        """
        Send a prepared message now.
        """
        self._connection.sendPrepared(message)
        return self._sent()

    def _postpone(
        self, send: Callable[[_T], Deferred[None]], message: _T, payload: bytes
    ) -> Deferred[None]:
        """
        Send a message behind the one that is on its way.
        """
        assert self._outbox is not None
        return self._outbox.addMessage(send, message, len(payload))

    def _close(self, code: int, reason: str) -> None:
        """
        Begin the closing handshake now.
        """
        if self._connection.state is _OPEN:
            self._connection.sendClose(code, reason)
            self._closing()
            # The peer's Close may wait here already.
            self._deliver()

    def _whenWritable(self) -> Shared:
        """
        Find out what fires when the connection takes more.
        """
        if not self.isAboveHighWater:
            return DONE
        if self._writable is None:
            self._writable = Shared()
        return self._writable

    def _fireWritable(self) -> None:
        """
        Tell those who wait that the connection takes more, or nothing at all.
        """
        writable, self._writable = self._writable, None
        if writable is not None:
            writable.callback(None)

    def _giveOthersTheirTurn(self) -> None:
        """
        Have whoever sends wait until others have had their turn.
        """
        self._workSize = 0
        if self._nextTurn is None:
            self._nextTurn = Shared()
            self._keepalive.giveWay(self._takeNextTurn)

    def _fireNextTurn(self) -> None:
        """
        Tell those who wait that others have had their turn.
        """
        nextTurn, self._nextTurn = self._nextTurn, None
        if nextTurn is not None:
            nextTurn.callback(None)

    def _whenOver(self) -> Shared:
        """
        Find out what fails at the end.  Who has sent too late, and waits, must
        not believe that there is room for more: a coroutine that sends without
        an end would never let anybody else run.
        """
        if self._over is None:
            self._over = Shared()
            if self._ended is not None:
                self._over.errback(self._ended)
        return self._over

    def _tellWaiting(self, ended: Failure) -> None:
        """
        Tell those who wait that the connection has ended.
        """
        outbox, self._outbox = self._outbox, None
        if outbox is not None:
            outbox.end(ended)
        self._fireWritable()
        self._fireNextTurn()
        if self._over is not None and not self._over.called:
            self._over.errback(ended)

    def _sent(self, size: int = 0) -> Deferred[None]:
        """
        A message, or a part of one, has been queued.

        @param size: how many bytes it had, of which less may be left.
        @return: see L{whenWritable}; or what fires when others have had their turn,
            if much was sent: it may be compressed to so little, or be read so fast,
            that nothing else would ever stop a sender.
        """
        self._hasSent = True
        self._workSize += size + _MESSAGE_WORK
        if self._idleClock is not None:
            self._idleClock.messageMoved()
        # Within a turn what is sent waits for its end.
        if self._turn is _IDLE or self._connection.pendingSize >= TURN_SIZE:
            self._flush()
        if self._workSize >= _WORK_SIZE:
            self._giveOthersTheirTurn()
        if self._outflow.isAboveHighWater:
            return self._whenWritable()
        return self._nextTurn or DONE

    def _flush(self) -> None:
        """
        Write what is pending, now or at the end of the turn, and close the
        transport when all is said.
        """
        connection = self._connection
        if self._turn is _IDLE:
            self._outflow.flush()
            if connection.state is not _OPEN and connection.state in _OVER:
                self._leaveTransport()
        elif connection.pendingSize >= TURN_SIZE and self._turn is not _Turn.OVER:
            self._outflow.flush()

    def _leave(self) -> None:
        """
        Leave the groups: the connection is over.
        """
        while self._groups:
            group = self._groups.pop()
            try:
                group.discard(self)
            except Exception:
                _log.failure("{transport}: {group} raised", transport=self, group=group)

    def _closing(self) -> None:
        """
        The closing handshake has begun, or is done: hear the peer out.
        """
        if self._outbox is not None:
            self._outbox.stop()
        self._keepalive.closingProgressed()
        self._outflow.finish()
        self._pauses = _NONE
        cast(IPushProducer, self.carrier).resumeProducing()

    def _leaveTransport(self) -> None:
        """
        Close the transport when all is written, RFC 6455 section 7.1.1: the
        server does so, the client leaves it to the server until its deadline.
        """
        if self.pendingSize:
            return
        self._turn = _Turn.OVER
        if self._role is Role.SERVER:
            self._outflow.stop()
            if self._connection.state is ConnectionState.FAILED:
                seeOff(self.carrier)
            else:
                self.carrier.loseConnection()

    def _pause(self, why: _Pause) -> None:
        """
        Stop to read from the peer.
        """
        if not self._pauses:
            cast(IPushProducer, self.carrier).pauseProducing()
        self._pauses |= {why}

    def _resume(self, why: _Pause) -> None:
        """
        Go on to read from the peer, if nothing else speaks against it.
        """
        if why in self._pauses:
            self._pauses -= {why}
            if not self._pauses:
                cast(IPushProducer, self.carrier).resumeProducing()
                # It could not be heard.
                self._keepalive.heard()
                self._deliver(isResumed=why is _Pause.APPLICATION)

    def _explain(self, reason: Failure) -> WebSocketClosed | WebSocketFailed:
        """
        Say how the connection ended.
        """
        connection = self._connection
        sent, received = connection.closeSent, connection.closeReceived
        first = connection.isCloseReceivedFirst
        if self._cause is None and sent is not None and received is not None:
            return WebSocketClosed(received, sent, first)
        lostWith: BaseException = reason.value  # type: ignore[assignment]  # untyped
        cause = lostWith if self._cause is None else self._cause
        return WebSocketFailed(cause, received, sent, first)


# Whoever does not listen cannot complain of silence.
_OUR_PAUSES = frozenset((_Pause.APPLICATION, _Pause.HANDLER))

_MESSAGES = (
    TextMessageReceived,
    BytesMessageReceived,
    TextFragmentReceived,
    BytesFragmentReceived,
)

# What the peer has sent is delivered all the same, when it has gone.
_PEERS_PAUSES = frozenset((_Pause.OUTFLOW, _Pause.TURN))

# There may be more to deliver, or to parse.
_RECEIVING = frozenset((ConnectionState.OPEN, ConnectionState.CLOSE_SENT))

# So many seconds others wait for one connection, and for what it is told last.
_TURN_TIME = 0.02

# After so many bytes that were sent without a wait others have their turn: to
# compress them takes some milliseconds.
_WORK_SIZE = 512 * 1024

# What each message costs besides its bytes, as if it were bytes.
_MESSAGE_WORK = 1024

# Nothing is left to be said, nor to be heard.
_OVER = frozenset((ConnectionState.FAILED, ConnectionState.CLOSING))
