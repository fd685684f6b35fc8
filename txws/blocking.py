"""
A client for programs that have no reactor: scripts, threads, notebooks, WSGI
workers::

    from txws.blocking import connect

    with connect("wss://example.com/feed") as websocket:
        for message in websocket:
            print(message)

Each call waits in the thread that makes it.  The reactor runs in a thread of
its own, which all connections of a process share.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from threading import get_ident
from types import TracebackType
from typing import Any, Protocol, TypeVar
from warnings import warn

from twisted.internet.defer import Deferred, gatherResults
from twisted.python.failure import Failure

from .conversation import Conversation
from .endpoints import connect as dial
from .errors import WebSocketClosed, WebSocketFailed
from .interfaces import IWebSocketRequest
from .reactorthread import ReactorThread
from .results import Result
from .sources import Piece
from .wire.codes import CloseCode

__all__ = ["BlockingConversation", "Caller", "Clients", "connect"]

_T = TypeVar("_T")


class Caller(Protocol):
    """
    How a call gets into the reactor's thread; see
    L{ReactorThread<txws.reactorthread.ReactorThread>}.
    """

    def start(self) -> Any:
        """
        Have the reactor run.
        """

    def call(
        self, function: Callable[[], Result[_T]], timeout: float | None = None
    ) -> _T:
        """
        Call a function in the reactor's thread, and wait for its result.
        """

    def post(self, function: Callable[[], object]) -> None:
        """
        Call a function in the reactor's thread, and do not wait.
        """


class BlockingConversation:
    """
    A connection, as a thread sees it that waits for what it does.

    Threads may share one: any number of them may send at the same time, and
    one may receive.
    """

    def __init__(self, conversation: Conversation, caller: Caller) -> None:
        """
        @param conversation: what does all this without waiting.
        @param caller: how to call it.
        """
        self._conversation = conversation
        self._caller = caller
        # The threads that make the pieces of a message.
        self._making: set[int] = set()

    @property
    def request(self) -> IWebSocketRequest:
        """
        What was asked for.
        """
        return self._conversation.request

    @property
    def subprotocol(self) -> str | None:
        """
        The subprotocol in use, if there is one.
        """
        return self._conversation.subprotocol

    def receive(self, timeout: float | None = None) -> str | bytes:
        """
        Receive the next message.

        @param timeout: how many seconds to wait for it; 0 for a message that
            is there already; L{None} for as long as it takes.
        @return: L{str} if it is text, L{bytes} if it is binary.
        @raise TimeoutError: if none comes in time; the next call gets it.
        @raise WebSocketClosed: when both sides have closed, and all messages
            are received.
        @raise WebSocketFailed: when the connection has failed, and all
            messages are received.
        @raise RuntimeError: if another thread is receiving.
        """
        return self._call(self._conversation.receive, timeout)

    def send(self, message: Piece | Iterable[Piece]) -> None:
        """
        Send a message, and wait while the peer is slow.

        @param message: L{str} for text; L{bytes} and the like for binary; or
            an iterable of these, which is sent piece by piece as one message
            (RFC 6455 section 5.4).  It is iterated in the thread that calls.
        @raise WebSocketClosed: if both sides have closed.
        @raise WebSocketFailed: if the connection has failed.
        @raise TypeError: if it is no message.
        @raise UnicodeEncodeError: if text has surrogates.
        @raise RuntimeError: in an iterable that is being sent.
        """
        self._checkDone()
        if isinstance(message, (str, bytes, bytearray, memoryview)):
            self._call(lambda: self._conversation.send(message))
        elif isinstance(message, Iterable):
            self._sendPieces(message)
        else:
            raise TypeError(
                "a message is text, bytes or an iterable of either, "
                f"not {type(message).__name__}"
            )

    def ping(self, timeout: float | None = None) -> float:
        """
        Measure how long a Ping and its Pong take, RFC 6455 section 5.5.2.

        @param timeout: how many seconds to wait for the Pong; L{None} for as
            long as it takes.
        @return: seconds.
        @raise TimeoutError: if no Pong comes in time.
        @raise WebSocketClosed: if both sides have closed.
        @raise WebSocketFailed: if the connection has failed.
        """
        return self._call(self._conversation.ping, timeout)

    def close(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """
        Close the connection, and wait for the peer to answer: at most for
        L{KeepalivePolicy.closeTimeout<txws.policy.KeepalivePolicy>}.  To close
        again changes nothing.

        @param code: a close code that may travel, RFC 6455 section 7.4.
        @param reason: for the peer's log; cut at 123 bytes of UTF-8.
        @raise ValueError: if the code may not travel.
        @raise RuntimeError: in an iterable that is being sent.
        """
        self._checkDone()
        self._call(lambda: self._conversation.close(code, reason))

    def __iter__(self) -> BlockingConversation:
        """
        Receive all messages: C{for message in websocket}.  It ends when both
        sides have closed, and raises when the connection failed.
        """
        return self

    def __next__(self) -> str | bytes:
        """
        Receive the next message.
        """
        try:
            return self.receive()
        except WebSocketClosed:
            raise StopIteration from None

    def __enter__(self) -> BlockingConversation:
        """
        Use the connection until the end of a block.
        """
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """
        Close the connection: with 1000, with 1011 after an exception, or with
        1001 if the program is to end.
        """
        if value is None or isinstance(value, GeneratorExit):
            self.close()
        elif isinstance(value, Exception):
            self.close(CloseCode.INTERNAL_ERROR, "internal error")
        else:
            self.close(CloseCode.GOING_AWAY)

    def __del__(self) -> None:
        """
        Close a connection that was forgotten.
        """
        if self._conversation.transport.isOpen:
            warn(f"unclosed {self!r}", ResourceWarning, stacklevel=2, source=self)
            self._caller.post(self._conversation.close)

    def __repr__(self) -> str:
        return f"<BlockingConversation {self._conversation.transport}>"

    def _call(
        self, function: Callable[[], Result[_T]], timeout: float | None = None
    ) -> _T:
        """
        Call a function in the reactor's thread, and wait for its result.
        """

        def call() -> Result[_T]:
            result = function()
            result.addErrback(_renew)
            return result

        return self._caller.call(call, timeout)

    def _sendPieces(self, pieces: Iterable[Piece]) -> None:
        """
        Send a message while it is made.
        """
        handover = _Handover(self._conversation)
        self._making.add(get_ident())
        try:
            self._call(handover.begin)
            for piece in pieces:
                self._call(partial(handover.give, piece))
            self._call(partial(handover.give, None))
        except BaseException:
            self._caller.post(handover.cancel)
            raise
        finally:
            self._making.discard(get_ident())

    def _checkDone(self) -> None:
        """
        Check that this thread would not wait for itself: messages and the Close
        come after the message that it is still making.
        """
        if get_ident() in self._making:
            raise RuntimeError(
                "the message that this thread is sending piece by piece is not finished"
            )


class _Handover:
    """
    The pieces of a message, on their way from another thread.

    Whoever makes them has its turn when the next is wanted, and when there is
    nothing more to do.
    """

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._turn: Result[None] = Result()
        self._piece: Deferred[Piece | None] = Deferred()
        self._sent: Result[None] | None = None
        self._failed: Failure | None = None

    def begin(self) -> Result[None]:
        """
        Begin to send.
        """
        turn = self._turn
        self._sent = self._conversation.send(self._pieces())
        self._sent.addErrback(self._fail).addBoth(self._giveTurn)
        return turn

    def give(self, piece: Piece | None) -> Result[None]:
        """
        Send a piece, or L{None} for the end of the message.
        """
        turn: Result[None] = Result()
        self._turn = turn
        if self._failed is not None:
            turn.errback(self._failed)
        else:
            self._piece.callback(piece)
        return turn

    def cancel(self) -> None:
        """
        Leave the message unfinished.
        """
        if self._sent is not None:
            self._sent.cancel()

    async def _pieces(self) -> AsyncIterator[Piece]:
        """
        Ask for each piece.
        """
        while True:
            self._piece = Deferred()
            self._giveTurn(None)
            piece = await self._piece
            if piece is None:
                return
            yield piece

    def _fail(self, failure: Failure) -> Failure:
        """
        Remember why nothing more is sent.
        """
        self._failed = failure
        return failure

    def _giveTurn(self, outcome: Failure | None) -> None:
        """
        Let go on who makes the pieces, unless it has given up.
        """
        if not self._turn.called:
            self._turn.callback(outcome)


class _Dialing(Result[Conversation]):
    """
    A connection on its way; one that nobody takes is aborted.
    """

    def giveBack(self, result: Any) -> None:
        """
        Abort it.
        """
        if not isinstance(result, Failure):
            result.transport.abortConnection()


class Clients:
    """
    The clients of one reactor: those that are open when it stops are closed
    before.
    """

    def __init__(self, caller: Caller) -> None:
        """
        @param caller: how to call into the reactor's thread.
        """
        self._caller = caller
        self._open: set[Conversation] = set()
        self._isWatching = False

    def connect(
        self, url: str, timeout: float | None = None, **options: Any
    ) -> BlockingConversation:
        """
        Connect; see L{connect}.
        """
        reactor = self._caller.start()
        conversation = self._caller.call(
            lambda: self._dial(reactor, url, options), timeout
        )
        return BlockingConversation(conversation, self._caller)

    def _dial(
        self, reactor: Any, url: str, options: dict[str, Any]
    ) -> Result[Conversation]:
        """
        Connect, in the reactor's thread.
        """
        if not self._isWatching:
            self._isWatching = True
            reactor.addSystemEventTrigger("before", "shutdown", self._closeAll)
        connecting = dial(reactor, url, None, **options)
        dialing = _Dialing(lambda result: connecting.cancel())
        connecting.addCallback(self._opened)
        connecting.addBoth(dialing.callback)
        return dialing

    def _opened(self, conversation: Conversation) -> Conversation:
        """
        Keep a connection until it is closed.
        """
        self._open.add(conversation)
        conversation.whenClosed().addCallback(
            lambda reason: self._open.discard(conversation)
        )
        return conversation

    def _closeAll(self) -> Deferred[Any]:
        """
        Close all connections, for the reactor stops.
        """
        closing = [each.close(CloseCode.GOING_AWAY) for each in tuple(self._open)]
        return gatherResults(closing)


def _renew(failure: Failure) -> Failure:
    """
    Make the exception that tells the end of a connection anew: each call in
    each thread raises its own, with its own traceback.
    """
    ended = failure.value
    if not isinstance(ended, (WebSocketClosed, WebSocketFailed)):
        return failure
    renewed = type(ended).__new__(type(ended))
    renewed.__dict__.update(ended.__dict__)
    if isinstance(renewed, WebSocketFailed):
        renewed.__cause__ = renewed.cause
    return Failure(renewed)


_clients = Clients(ReactorThread())


def connect(
    url: str, *, timeout: float | None = None, **options: Any
) -> BlockingConversation:
    """
    Connect to a WebSocket server, and wait until the connection is open.

    @param url: where to: C{ws}, C{wss}, C{ws+unix} or C{wss+unix}; see
        L{WebSocketURL<txws.urls.WebSocketURL>}.
    @param timeout: how many seconds to wait; L{None} for as long as the
        deadlines of each step allow.
    @param options: how; see L{ClientOptions<txws.clientoptions.ClientOptions>}.
        Functions among them are called in the reactor's thread, and must not
        block.
    @return: the connection; C{with connect(url) as websocket} closes it at the
        end of the block.
    @raise TimeoutError: if it is not open in time.
    @raise RuntimeError: in the reactor's own thread, where L{txws.connect} is
        for; and in a process that was forked from one that had connected.
    @raise ReactorNotRunning: if the reactor cannot run, or not any more.
    @raise Exception: what L{connect<txws.endpoints.connect>} fails with.
    """
    return _clients.connect(url, timeout, **options)
