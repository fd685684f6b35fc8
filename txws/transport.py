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

from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import (
    IAddress,
    IProducer,
    IReactorTime,
    ITransport,
)
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from .closing import abortTransport, seeOff
from .delivery import Delivery, DeliveryOwner, deliveryFor
from .errors import DeadlineExpired, MessageTooBig, WebSocketClosed, WebSocketFailed
from .flow import FlowOwner, Outflow, unsentSize
from .handlers import WebSocketHandler
from .inflow import Inflow, InflowOwner, Pause, Turn
from .interfaces import (
    IGroup,
    IWebSocketHandler,
    IWebSocketRequest,
    IWebSocketTransport,
)
from .keepalive import Keepalive
from .policy import Limits
from .sending import Sender
from .wire.closeframe import checkClose
from .wire.codes import CloseCode
from .wire.contract import WireConnection
from .wire.events import (
    CloseReceived,
    CloseStatus,
    Event,
    PingReceived,
    PongReceived,
    ViolationReceived,
)
from .wire.states import ConnectionState, Role

__all__ = ["WebSocketTransport"]

_log = Logger()

_OPEN = ConnectionState.OPEN


class _Nobody(DeliveryOwner, FlowOwner, InflowOwner):
    """
    Whom the parts of a connection tell that is over.
    """

    isGivingWay = False


_NOBODY = _Nobody()  # type: ignore[abstract]  # it does nothing
_NOWHERE = Delivery(WebSocketHandler(), _NOBODY)


@implementer(IWebSocketTransport)
class WebSocketTransport(Sender):
    """
    The application's side of a connection, and the connection's inner life.

    See L{IWebSocketTransport} for what applications may do with it.
    """

    __slots__ = (
        # For what applications attach; there is no dictionary before they do.
        "__dict__",
        "__weakref__",
        "_cause",
        "_delivery",
        "_groups",
        "_keepalive",
        "_role",
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
        self._role = role
        self._keepalive = keepalive
        self._delivery = delivery = deliveryFor(handler, self)
        outflow = Outflow(connection, transport, limits, self, unsentSize)
        inflow = Inflow(
            connection,
            transport,
            delivery,
            outflow,
            keepalive,
            limits.highWaterMark,
            self,
        )
        super().__init__(connection, inflow, outflow)
        self._cause: BaseException | None = None
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
            self._inflow.isOver = True

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
            self._inflow.pause(Pause.APPLICATION)

    def resumeProducing(self) -> None:
        """
        See L{IWebSocketTransport}.
        """
        self._inflow.resume(Pause.APPLICATION)

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
        self._inflow.turn = Turn.BUSY
        self._outflow.start(acceptance)
        self._keepalive.connectionOpened(self)
        if self._keepalive.policy.idleTimeout is not None:
            self._idleClock = self._keepalive
        isOpened = self._connection.state is _OPEN
        if isOpened:
            self._delivery.open()
        else:
            self._keepalive.closingProgressed()
        self._inflow.start()
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
        self._end()

    @property
    def dataReceived(self) -> Callable[[bytes], None]:
        """
        What is called when the Twisted transport has received bytes.
        """
        return self._inflow.receiveData

    def connectionLost(self, reason: Failure) -> None:
        """
        The Twisted transport is gone.

        The clock is left alone: whoever made it stops it, also if this connection
        was refused before it was open, and its peer is still to go.
        """
        self._inflow.finish()
        if self._connection.state is not ConnectionState.CLOSED:
            self._connection.connectionLost()
        if self._outbox is not None:
            self._outbox.stop()
        self._outflow.drop()
        self._outflow.stopProducer()
        self._ended = ended = Failure(self._explain(reason))
        if isinstance(ended.value, WebSocketFailed):
            _log.debug("{transport} ended: {ended}", transport=self, ended=ended.value)
        self._leave()
        self._delivery.connectionLost(ended)
        self._tellWaiting(ended)
        self._end()

    # What the clock and the way out tell

    @property
    def isListening(self) -> bool:
        """
        See L{KeptAlive<txws.keepalive.KeptAlive>}.
        """
        return self._inflow.isListening or self._connection.isCongested

    def sendHeartbeat(self, payload: bytes, isOneWay: bool) -> None:
        """
        See L{KeptAlive<txws.keepalive.KeptAlive>}.
        """
        # The peer has been silent for a while; and this side?
        if not self._hasSent:
            try:
                self._connection.release()
            except Exception:
                self._sendFailed()
                return
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
        expired.pendingSize = self.pendingSize
        _log.warn("{transport}: {expired}", transport=self, expired=expired)
        if self._connection.state not in _OVER:
            self._cause = expired
        self.abortConnection()

    def outflowProgressed(self) -> None:
        """
        See L{FlowOwner<txws.flow.FlowOwner>}.
        """
        self._keepalive.heard()
        if self._connection.state is not _OPEN:
            self._keepalive.closingProgressed()
            self._flush()

    def outflowReceded(self) -> None:
        """
        See L{FlowOwner<txws.flow.FlowOwner>}.
        """
        self._fireWritable()
        self._inflow.answersTaken()

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
            self._inflow.pause(Pause.HANDLER)

    def handlerGoesOn(self) -> None:
        """
        See L{DeliveryOwner<txws.delivery.DeliveryOwner>}.
        """
        self._inflow.resume(Pause.HANDLER)

    def handlerFailed(self) -> None:
        """
        See L{DeliveryOwner<txws.delivery.DeliveryOwner>}.
        """
        self._close(CloseCode.INTERNAL_ERROR, "internal error")

    # What the way in tells

    def eventReceived(self, event: Event) -> None:
        """
        See L{InflowOwner<txws.inflow.InflowOwner>}.
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

    def extensionFailed(self) -> None:
        """
        See L{InflowOwner<txws.inflow.InflowOwner>}.
        """
        _log.failure("{transport}: an extension raised", transport=self)
        self._closing()

    # Helpers

    def __repr__(self) -> str:
        return (
            f"<WebSocketTransport {self._connection.state.value}"
            f" {self.request.path!r} {self.request.peer}>"
        )

    def _closeReceived(self, status: CloseStatus) -> None:
        """
        Close, and tell of the peer's Close if it came first.
        """
        isFirst = self._leaving is None and self._connection.isCloseReceivedFirst
        self._closing()
        if isFirst:
            self._delivery.closeReceived(status)

    def _close(self, code: int, reason: str) -> None:
        """
        Begin the closing handshake now.
        """
        if self._connection.state is _OPEN:
            self._connection.sendClose(code, reason)
            self._closing()
            # The peer's Close may wait here already.
            self._inflow.deliver()

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

    def _end(self) -> None:
        """
        Come apart, so that nothing is left to the garbage collector.
        """
        self._delivery = _NOWHERE
        self._inflow.end(_NOWHERE, _NOBODY)
        self._outflow.end(_NOBODY)

    def _closing(self) -> None:
        """
        The closing handshake has begun, or is done: hear the peer out.
        """
        if self._outbox is not None:
            self._outbox.stop()
        self._keepalive.closingProgressed()
        self._outflow.finish()
        self._inflow.resumeAll()

    def _leaveTransport(self) -> None:
        """
        Close the transport when all is written, RFC 6455 section 7.1.1: the
        server does so, the client leaves it to the server until its deadline.
        """
        if self.pendingSize:
            return
        self._inflow.turn = Turn.OVER
        if self._role is Role.SERVER:
            self._outflow.stop()
            if self._connection.state is ConnectionState.FAILED:
                seeOff(self.carrier)
            else:
                self.carrier.loseConnection()

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


# Nothing is left to be said, nor to be heard.
_OVER = frozenset((ConnectionState.FAILED, ConnectionState.CLOSING))
