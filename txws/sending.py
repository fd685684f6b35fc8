"""
What an application sends: messages that leave at once, at the end of the turn, or
behind one that is streamed; and what those wait for who send more than the peer
reads.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from .flow import Outflow
from .inflow import Inflow, Turn
from .keepalive import Keepalive
from .outbox import Outbox
from .results import DONE, Shared
from .sources import Piece, Source
from .wire.codes import CloseCode
from .wire.contract import WireConnection
from .wire.prepared import PreparedMessage
from .wire.states import ConnectionState
from .writing import TURN_SIZE

__all__ = ["Sender"]

_T = TypeVar("_T")

# Looking up a member of an Enum takes as long as a call.
_IDLE = Turn.IDLE
_OPEN = ConnectionState.OPEN
_TURN_SIZE = TURN_SIZE

# After so many bytes that were sent without a wait others have their turn: to
# compress them takes some milliseconds.
_WORK_SIZE = 512 * 1024

# What each message costs besides its bytes, as if it were bytes.
_MESSAGE_WORK = 1024

# Nothing is left to be said, nor to be heard.
_OVER = frozenset((ConnectionState.FAILED, ConnectionState.CLOSING))


class Sender:
    """
    What sends the messages of one connection, between its way in and its way out.

    L{WebSocketTransport<txws.transport.WebSocketTransport>} is this and all the
    rest of L{IWebSocketTransport<txws.interfaces.IWebSocketTransport>}.
    """

    __slots__ = (
        "_connection",
        "_drained",
        "_ended",
        "_hasSent",
        "_idleClock",
        "_inflow",
        "_leaving",
        "_nextTurn",
        "_outbox",
        "_outflow",
        "_over",
        "_writable",
    )

    def __init__(
        self, connection: WireConnection, inflow: Inflow, outflow: Outflow
    ) -> None:
        """
        @param connection: makes frames of messages.
        @param inflow: the way in, whose turns end with writing.
        @param outflow: the way out.
        """
        self._connection = connection
        self._inflow = inflow
        self._outflow = outflow
        # Who wants to know of each message.
        self._idleClock: Keepalive | None = None
        self._ended: Failure | None = None
        # Those who wait until the peer has read.
        self._writable: Shared | None = None
        # Those who wait until others have had their turn.
        self._nextTurn: Shared | None = None
        # Those who have sent too late.
        self._over: Shared | None = None
        # The message that is streamed, which does not wait for those behind it.
        self._drained: Shared | None = None
        self._outbox: Outbox | None = None
        # What to close with when the outbox is empty.
        self._leaving: tuple[int, str] | None = None
        # Whether a message was sent since the last heartbeat.
        self._hasSent = False

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

    def sendTextMessage(
        self, message: str, compress: bool | None = None
    ) -> Deferred[None]:
        """
        See L{IWebSocketTransport}.
        """
        if self._outbox is None and self._connection.state is _OPEN:
            return self._sendText(message, compress)
        if not self.isOpen:
            return self._whenOver()
        # Refused now, if it cannot be sent.
        if not isinstance(message, str):
            raise TypeError(f"message must be str, not {type(message).__name__}")
        payload = str.encode(message)
        send = partial(_sendText, self, compress)
        return self._postpone(send, message, payload)

    def sendBytesMessage(
        self, data: bytes | bytearray | memoryview, compress: bool | None = None
    ) -> Deferred[None]:
        """
        See L{IWebSocketTransport}.
        """
        if self._outbox is None and self._connection.state is _OPEN:
            return self._sendBytes(data, compress)
        if not self.isOpen:
            return self._whenOver()
        data = bytes(memoryview(data))
        send = partial(_sendBytes, self, compress)
        return self._postpone(send, data, data)

    def sendBytesAtOnce(self, data: bytes) -> bool:
        """
        Send a binary message, in a shorter way than L{sendBytesMessage}.

        @return: whether that could be; else nothing is sent.
        """
        if self._outbox is None and self._connection.state is _OPEN:
            self._sendBytes(data, None)
            return True
        return False

    def sendStream(
        self, source: Source, compress: bool | None = None
    ) -> Deferred[None]:
        """
        See L{IWebSocketTransport}.
        """
        if not self.isOpen:
            return self._whenOver().branch()
        if self._outbox is None:
            self._outbox = Outbox(self)
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
        if self._outbox is None and self._connection.state is _OPEN:
            return self._sendPrepared(message)
        if not self.isOpen:
            return self._whenOver()
        send = partial(_sendPrepared, self)
        return self._postpone(send, message, message.frame.payload)

    def turnEnded(self) -> None:
        """
        See L{InflowOwner<txws.inflow.InflowOwner>}.
        """
        self._flush()

    def othersServed(self) -> None:
        """
        See L{InflowOwner<txws.inflow.InflowOwner>}.
        """
        nextTurn, self._nextTurn = self._nextTurn, None
        if nextTurn is not None:
            nextTurn.callback(None)

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
        self._inflow.workSize = 0

    def outflowDrained(self) -> None:
        """
        See L{FlowOwner<txws.flow.FlowOwner>}.
        """
        drained, self._drained = self._drained, None
        if drained is not None:
            drained.callback(None)

    # What the outbox calls

    def sendFragment(self, piece: Piece, compress: bool | None) -> Deferred[None]:
        """
        See L{OutboxOwner<txws.outbox.OutboxOwner>}.
        """
        try:
            if isinstance(piece, str):
                self._connection.sendTextFragment(piece, compress=compress)
            else:
                self._connection.sendBytesFragment(piece, compress=compress)
        except Exception:
            self._sendFailed()
            raise
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
        try:
            self._connection.finishMessage()
        except Exception:
            self._sendFailed()
            raise
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

    # What is left to the rest of the connection

    def extensionFailed(self) -> None:
        """
        See L{InflowOwner<txws.inflow.InflowOwner>}.
        """
        raise NotImplementedError

    def _close(self, code: int, reason: str) -> None:
        """
        Begin the closing handshake now.
        """
        raise NotImplementedError

    def _leaveTransport(self) -> None:
        """
        Close the transport when all is written.
        """
        raise NotImplementedError

    # Helpers

    def _sendText(self, message: str, compress: bool | None) -> Deferred[None]:
        """
        Send a text message now.
        """
        try:
            self._connection.sendText(message, compress)
        except Exception:
            self._sendFailed()
            raise
        return self._sent(len(message))

    def _sendBytes(
        self, data: bytes | bytearray | memoryview, compress: bool | None
    ) -> Deferred[None]:
        """
        Send a binary message now.
        """
        if type(data) is not bytes:
            # Views of some shapes have no length.
            data = bytes(memoryview(data))
        try:
            self._connection.sendBytes(data, compress)
        except Exception:
            self._sendFailed()
            raise
        return self._sent(len(data))

    def _sendPrepared(self, message: PreparedMessage) -> Deferred[None]:
        """
        Send a prepared message now.
        """
        try:
            self._connection.sendPrepared(message)
        except Exception:
            self._sendFailed()
            raise
        return self._sent()

    def _sendFailed(self) -> None:
        """
        See whether what was to be sent has made an extension raise.
        """
        if self._connection.state is ConnectionState.FAILED:
            self.extensionFailed()
            self._flush()

    def _postpone(
        self, send: Callable[[_T], Deferred[None]], message: _T, payload: bytes
    ) -> Deferred[None]:
        """
        Send a message behind the one that is on its way.
        """
        assert self._outbox is not None
        return self._outbox.addMessage(send, message, len(payload))

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
        self.othersServed()
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
        inflow, outflow = self._inflow, self._outflow
        self._hasSent = True
        inflow.workSize += size + _MESSAGE_WORK
        if self._idleClock is not None:
            self._idleClock.messageMoved()
        # Within a turn what is sent waits for its end.
        if inflow.turn is _IDLE or self._connection.pendingSize >= _TURN_SIZE:
            self._flush()
        if inflow.workSize >= _WORK_SIZE:
            self._serveOthers()
        return (
            self._whenWritable() if outflow.isAboveHighWater else self._nextTurn or DONE
        )

    def _serveOthers(self) -> None:
        """
        Have whoever sends wait until others have had their turn.
        """
        self._inflow.workSize = 0
        if self._nextTurn is None:
            self._nextTurn = Shared()
            self._inflow.serveOthers()

    def _flush(self) -> None:
        """
        Write what is pending, now or at the end of the turn, and close the
        transport when all is said.
        """
        connection, turn = self._connection, self._inflow.turn
        if turn is _IDLE:
            self._outflow.flush()
            if connection.state is not _OPEN and connection.state in _OVER:
                self._leaveTransport()
        elif connection.pendingSize >= _TURN_SIZE and turn is not Turn.OVER:
            self._outflow.flush()


# What Python can keep: methods of compiled classes that are called by C alone are
# nothing to it.


def _sendText(sender: Sender, compress: bool | None, message: str) -> Deferred[None]:
    """
    Send a text message whose turn has come.
    """
    return sender._sendText(message, compress)


def _sendBytes(sender: Sender, compress: bool | None, data: bytes) -> Deferred[None]:
    """
    Send a binary message whose turn has come.
    """
    return sender._sendBytes(data, compress)


def _sendPrepared(sender: Sender, message: PreparedMessage) -> Deferred[None]:
    """
    Send a prepared message whose turn has come.
    """
    return sender._sendPrepared(message)
