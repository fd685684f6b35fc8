"""
One end of a connection that is past its opening handshake, in memory, for the
tests of what comes after it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from txws.conversation import Conversation
from txws.coroutines import ConversationHandler
from txws.interfaces import IExtension, IWebSocketTransport
from txws.keepalive import Keepalive
from txws.policy import KeepalivePolicy, Limits
from txws.request import WebSocketRequest
from txws.testing import MemoryTransport, RecordingHandler
from txws.transport import WebSocketTransport
from txws.wire.codes import Opcode
from txws.wire.frames import Frame
from txws.wire.http import Headers
from txws.wire.states import Role

from .wire.tables import makeConnection, peerFrame, readFrames

__all__ = ["Act", "ActingHandler", "End", "Served", "closeFrame"]

Act = Callable[[IWebSocketTransport], object]


class ActingHandler(RecordingHandler):
    """
    Does something in some of its methods.

    @ivar acts: what to do, by the name of the method.
    """

    def __init__(self, **acts: Act) -> None:
        super().__init__()
        self.acts = acts

    def negotiationStarted(self, transport: IWebSocketTransport) -> None:
        """
        Act.
        """
        super().negotiationStarted(transport)
        self._act("negotiationStarted")

    def negotiationFinished(self) -> None:
        """
        Act.
        """
        super().negotiationFinished()
        self._act("negotiationFinished")

    def textMessageReceived(self, message: str) -> None:
        """
        Act.
        """
        super().textMessageReceived(message)
        self._act("textMessageReceived")

    def bytesMessageReceived(self, data: bytes) -> None:
        """
        Act.
        """
        super().bytesMessageReceived(data)
        self._act("bytesMessageReceived")

    def pongReceived(self, payload: bytes) -> None:
        """
        Act.
        """
        super().pongReceived(payload)
        self._act("pongReceived")

    def connectionLost(self, reason: Failure) -> None:
        """
        Act.
        """
        super().connectionLost(reason)
        self._act("connectionLost")

    def _act(self, name: str) -> None:
        """
        Do what is to be done in a method.
        """
        act = self.acts.get(name)
        if act is not None:
            act(self.transport)


class _Carried(Protocol):
    """
    What stands between the Twisted transport and ours when the opening
    handshake is done.
    """

    def __init__(self, webSocket: WebSocketTransport, keepalive: Keepalive) -> None:
        self._webSocket = webSocket
        self._keepalive = keepalive

    def dataReceived(self, data: bytes) -> None:
        """
        Pass it on.
        """
        self._webSocket.dataReceived(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Pass it on.
        """
        self._keepalive.stop()
        self._webSocket.connectionLost(reason)


# A message that fills a transport, and of which nothing waits.
FULL = 64 * 1024


class End:
    """
    One end of a connection, and its peer's bytes.

    @ivar webSocket: what is tested.
    @ivar transport: the Twisted transport below.
    """

    def __init__(
        self,
        handler: RecordingHandler | None = None,
        role: Role = Role.SERVER,
        transport: MemoryTransport | None = None,
        limits: Limits | None = None,
        extensions: Sequence[IExtension] = (),
        deliversFragments: bool = False,
        **keepalive: Any,
    ) -> None:
        """
        @param keepalive: what is in its policy.
        """
        self.role = role
        self.clock = Clock()
        self.handler = RecordingHandler() if handler is None else handler
        self.transport = MemoryTransport(Protocol()) if transport is None else transport
        self.limits = limits or Limits()
        # What the kernel would say that it holds.
        self.unsent = 0
        self.wire = makeConnection(
            role,
            maxMessageSize=self.limits.maxMessageSize,
            extensions=extensions,
            deliversFragments=deliversFragments,
        )
        request = WebSocketRequest(
            target="/feed",
            host="example.com",
            origin=None,
            headers=Headers(),
            subprotocols=("v1",),
            isSecure=False,
            peer=self.transport.getPeer(),
            subprotocol="v1",
        )
        clock = Keepalive(
            KeepalivePolicy(**keepalive), self.clock, lambda expired: None
        )
        clock.start()
        self.webSocket = WebSocketTransport(
            self.transport,
            self.wire,
            role,
            request,
            self.handler,
            self.limits,
            clock,
            lambda transport: self.unsent,
        )
        self.transport.protocol = _Carried(self.webSocket, clock)
        self.transport.connect()
        self.handler.negotiationStarted(self.webSocket)

    @classmethod
    def opened(cls, *arguments, **settings) -> End:
        """
        Make one that is open.
        """
        end = cls(*arguments, **settings)
        end.webSocket.open(b"")
        return end

    @classmethod
    def full(cls, *arguments, **settings) -> End:
        """
        Make one that is open and whose transport takes no more.
        """
        end = cls.opened(*arguments, **settings)
        end.webSocket.sendBytesMessage(bytes(FULL))
        return end

    @property
    def delayedCalls(self) -> int:
        """
        How many calls are scheduled.
        """
        return len(self.clock.getDelayedCalls())

    @property
    def names(self) -> list[object]:
        """
        Which methods of the handler were called.
        """
        return [event[0] for event in self.handler.events]

    @property
    def ended(self) -> Any:
        """
        What the handler was told of the end.
        """
        reason = self.handler.reason
        return None if reason is None else reason.value

    def frame(self, opcode: Opcode, payload: bytes = b"", **bits: Any) -> bytes:
        """
        Build a frame of the peer's.
        """
        return peerFrame(self.role, opcode, payload, **bits)

    def receive(self, *frames: bytes) -> None:
        """
        Receive bytes of the peer's, all at once.
        """
        self.transport.receiveData(b"".join(frames))

    def receiveText(self, *messages: str) -> None:
        """
        Receive text messages, all at once.
        """
        self.receive(*(self.frame(Opcode.TEXT, text.encode()) for text in messages))

    def receiveClose(self, code: int = 1000) -> None:
        """
        Receive a Close.
        """
        self.receive(self.frame(Opcode.CLOSE, code.to_bytes(2, "big")))

    def takeFrames(self, size: int | None = None) -> list[Frame]:
        """
        Take what has been written.
        """
        return readFrames(self.transport.takeData(size))

    def takeAll(self) -> list[Frame]:
        """
        Take what has been written, and what is written when that is taken.
        """
        taken = b""
        while data := self.transport.takeData():
            taken += data
        return readFrames(taken)

    def leave(self) -> None:
        """
        Have the peer close its transport.
        """
        self.transport.lose()
        self.transport.settle()


class Served(End):
    """
    One end of a connection, with a coroutine.
    """

    handler: Any

    @classmethod
    def by(cls, serve: Any, **settings: Any) -> Served:
        """
        Serve a connection with a coroutine function.
        """
        end: Any = cls.opened(ConversationHandler(serve), **settings)
        served: Served = end
        return served

    @classmethod
    def idle(cls, **settings: Any) -> Served:
        """
        Serve a connection with one that does nothing, so that the test talks.
        """
        return cls.by(lambda conversation: Deferred(), **settings)

    @property
    def conversation(self) -> Conversation:
        """
        The conversation.
        """
        conversation: Conversation = self.handler.conversation
        return conversation

    def lose(self) -> None:
        """
        Lose the connection by force.
        """
        self.transport.lose(OSError())
        self.transport.settle()

    def finish(self) -> None:
        """
        Finish a closing handshake.
        """
        self.takeAll()
        self.transport.settle()


def closeFrame(code: int, reason: str = "") -> Frame:
    """
    Make a Close.
    """
    return Frame(Opcode.CLOSE, code.to_bytes(2, "big") + reason.encode())
