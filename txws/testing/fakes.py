"""
A connection that is none: for tests of one handler, without a handshake, a
peer or a network.

L{FakeWebSocketTransport} is the real thing, on a Twisted transport in memory;
the peer is the test.
"""

from __future__ import annotations

from typing import cast

from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from txws.interfaces import IFragmentHandler, IWebSocketHandler, IWebSocketRequest
from txws.keepalive import Keepalive
from txws.policy import KeepalivePolicy, Limits
from txws.results import deferredOf
from txws.transport import WebSocketTransport
from txws.wire.codes import CloseCode, Opcode
from txws.wire.connection import Connection
from txws.wire.events import CloseStatus
from txws.wire.frames import Frame, FrameParser
from txws.wire.states import Role

from .handlers import RecordingHandler
from .requests import makeRequest
from .transports import MemoryTransport

__all__ = ["FakeWebSocketTransport"]

# What a client masks with: nothing is hidden from a test.
_KEY = bytes(4)


class _Below(Protocol):
    """
    What the transport in memory tells.
    """

    def __init__(self, webSocket: FakeWebSocketTransport) -> None:
        self._webSocket = webSocket

    def dataReceived(self, data: bytes) -> None:
        """
        Pass it on.
        """
        self._webSocket.dataReceived(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Pass it on.
        """
        self._webSocket.connectionLost(reason)


class FakeWebSocketTransport(WebSocketTransport):
    """
    A server's side of a connection whose network takes everything at once,
    unless it is L{stall}ed, and whose peer is the test::

        transport = FakeWebSocketTransport(Echo())
        transport.finishNegotiation()
        transport.receive("hello")
        self.assertEqual(transport.messages, ["hello"])

    @ivar handler: the handler.
    """

    def __init__(
        self,
        handler: IWebSocketHandler | None = None,
        *,
        request: IWebSocketRequest | None = None,
        limits: Limits | None = None,
        keepalive: KeepalivePolicy | None = None,
        clock: Clock | None = None,
    ) -> None:
        """
        Start the negotiation; L{finishNegotiation} finishes it, when the handler is
        done with C{negotiationStarted}.

        @param handler: what is tested; L{None} for a L{RecordingHandler}.
        @param request: what the client has asked for; L{None} for L{makeRequest}.
        @param limits: how much may be pending.
        @param keepalive: how long to wait; L{None} to send no Pings.
        @param clock: the clock; L{None} for a new one.
        """
        self.handler = RecordingHandler() if handler is None else handler
        limits = limits or Limits()
        self._below = MemoryTransport(_Below(self))
        self._left: list[Frame] = []
        self._parser = FrameParser(isMasked=False, keepsFramesWhole=True)
        self._isStalled = False
        super().__init__(
            self._below,
            Connection(
                Role.SERVER,
                maxMessageSize=limits.maxMessageSize,
                maxFragments=limits.maxFragments,
                deliversFragments=IFragmentHandler.providedBy(self.handler),
            ),
            Role.SERVER,
            makeRequest() if request is None else request,
            self.handler,
            limits,
            Keepalive(
                keepalive or KeepalivePolicy(pingInterval=None),
                Clock() if clock is None else clock,
                self.expire,
            ),
        )
        self._below.connect()
        self._refusal: Failure | None = None
        self._negotiating = deferredOf(self.handler.negotiationStarted(self))
        if self._negotiating is not None:
            self._negotiating.addErrback(self._refused)

    @property
    def frames(self) -> list[Frame]:
        """
        All that has left, in its order.
        """
        while not self._isStalled and (data := self._below.takeData()):
            self._parser.receiveData(data)
            while (frame := self._parser.nextFrame()) is not None:
                self._left.append(frame)
        return list(self._left)

    @property
    def messages(self) -> list[str | bytes]:
        """
        The messages that have left.
        """
        messages: list[str | bytes] = []
        parts: list[bytes] = []
        opcode = Opcode.BINARY
        for frame in self.frames:
            if frame.opcode >= Opcode.CLOSE:
                continue
            if frame.opcode is not Opcode.CONTINUATION:
                opcode = frame.opcode
            parts.append(frame.payload)
            if frame.isFinal:
                payload = b"".join(parts)
                messages.append(payload.decode() if opcode is Opcode.TEXT else payload)
                parts.clear()
        return messages

    @property
    def pings(self) -> list[bytes]:
        """
        The payloads of the Pings that have left.
        """
        return [frame.payload for frame in self.frames if frame.opcode is Opcode.PING]

    @property
    def closeSent(self) -> CloseStatus | None:
        """
        What the Close of this side says, or L{None} if there is none.
        """
        return self._connection.closeSent

    @property
    def closeReceived(self) -> CloseStatus | None:
        """
        What the peer's Close says, or L{None} if there is none.
        """
        return self._connection.closeReceived

    @property
    def isAborted(self) -> bool:
        """
        Whether the connection was aborted.
        """
        return self._below.isAborted

    @property
    def isReading(self) -> bool:
        """
        Whether messages of the peer are delivered; they wait if not.
        """
        return self._below.isReading

    def finishNegotiation(self) -> None:
        """
        Open the connection.

        @raise RuntimeError: if the handler takes its time, and C{negotiationStarted}
            is not done.
        @raise Exception: what that has failed with: a
            L{BadHandshake<txws.wire.errors.BadHandshake>} to refuse, say.
        """
        if self._negotiating is not None and not self._negotiating.called:
            raise RuntimeError("negotiationStarted is not done")
        if self._refusal is not None:
            self._refusal.raiseException()
        self.open(b"")
        self.settle()

    def receive(self, *messages: str | bytes) -> None:
        """
        Receive messages, all in one turn.
        """
        self._receive(
            *(
                Frame(Opcode.TEXT, message.encode())
                if isinstance(message, str)
                else Frame(Opcode.BINARY, message)
                for message in messages
            )
        )

    def receivePing(self, payload: bytes = b"") -> None:
        """
        Receive a Ping.
        """
        self._receive(Frame(Opcode.PING, payload))

    def receivePong(self, payload: bytes = b"") -> None:
        """
        Receive a Pong.
        """
        self._receive(Frame(Opcode.PONG, payload))

    def receiveClose(
        self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = ""
    ) -> None:
        """
        Receive a Close, and be closed when it is answered.

        @param code: its close code; 1005 for none.
        @param reason: its close reason.
        """
        payload = code.to_bytes(2, "big") + reason.encode()
        self._receive(
            Frame(
                Opcode.CLOSE, b"" if code == CloseCode.NO_STATUS_RECEIVED else payload
            )
        )

    def lose(self, reason: BaseException | None = None) -> None:
        """
        Lose the connection.

        @param reason: what it is lost with; L{None} for a L{ConnectionLost
            <twisted.internet.error.ConnectionLost>}.
        """
        self._below.lose(ConnectionLost() if reason is None else reason)
        self.settle()

    def stall(self) -> None:
        """
        Have the network take nothing, until L{drain}: what is sent is pending.
        """
        self._isStalled = True
        if self._below.producer is not None:
            cast(IPushProducer, self._below.producer).pauseProducing()

    def drain(self) -> None:
        """
        Have the network take everything, from now on.
        """
        self._isStalled = False
        if self._below.producer is not None:
            cast(IPushProducer, self._below.producer).resumeProducing()
        self.settle()

    def settle(self) -> None:
        """
        Tell the handler what has come while it did not read, and of the end,
        if it has come: that is not done from inside its own call.  All that
        the test does here does it by itself.
        """
        for _turn in range(3):
            if not self._isStalled:
                _ = self.frames
            self._below.settle()

    def _refused(self, refusal: Failure) -> None:
        """
        Keep what a handler that has taken its time has failed with.
        """
        self._refusal = refusal

    def _receive(self, *frames: Frame) -> None:
        """
        Receive frames, all in one turn.
        """
        self._below.receiveData(b"".join(frame.serialize(_KEY) for frame in frames))
        self.settle()
