"""
A message that is sent while it is made, in fragments (RFC 6455 section 5.4),
and those that wait behind it: fragments of two messages must not be mixed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from .results import DONE
from .sources import Piece, Source, pump

__all__ = ["Outbox", "OutboxOwner"]


# What each that waits takes besides its payload, roughly, in bytes: many empty
# ones are much, too.
ENTRY_SIZE = 512


class OutboxOwner(Protocol):
    """
    What L{Outbox} sends through.
    """

    def sendFragment(self, piece: Piece, compress: bool | None) -> Deferred[None]:
        """
        Send a fragment of the message that is on its way, or the first of one.

        @param compress: whether to compress the message, if that can be chosen.
        @return: fires when the next may come.
        """

    def finishMessage(self) -> None:
        """
        Send the last fragment of the message that is on its way.
        """

    def streamFailed(self) -> None:
        """
        A message that is on its way will never be finished.
        """

    def outboxChanged(self, size: int) -> None:
        """
        More or less waits than before.

        @param size: about how many bytes.
        """

    def outboxEmptied(self) -> None:
        """
        Nothing is on its way, and nothing waits.
        """


class _Stream:
    """
    A message that is made while it is sent.
    """

    size = ENTRY_SIZE

    def __init__(self, source: Source, outbox: Outbox, compress: bool | None) -> None:
        self.sent: Deferred[None] = Deferred(self._cancelled)
        self._source = source
        self._outbox = outbox
        self._compress = compress
        self._kind: type | None = None
        self._pumping: Deferred[None] | None = None
        self._isCancelled = False

    def start(self) -> None:
        """
        Begin to send.
        """
        self._pumping = Deferred.fromCoroutine(pump(self._source, self._send))
        self._pumping.addCallback(self._finished).addErrback(self._failed)

    def stop(self) -> None:
        """
        Ask the source for nothing more.
        """
        if self._pumping is not None:
            self._pumping.cancel()

    def end(self, reason: Failure) -> None:
        """
        Tell that the connection has ended.
        """
        if not self.sent.called:
            self.sent.errback(reason)

    def _send(self, piece: Piece) -> Deferred[None]:
        """
        Send a piece.
        """
        if self._isCancelled or self._outbox.isStopped:
            # The source goes on all the same.
            raise CancelledError
        kind = str if isinstance(piece, str) else bytes
        if kind is not (self._kind or kind):
            raise TypeError(
                f"a message is text or binary, not both: {type(piece).__name__}"
            )
        if not len(piece):
            # Peers limit the number of fragments.
            return DONE
        gone = self._outbox.owner.sendFragment(piece, self._compress)
        self._kind = kind
        return gone

    def _finished(self, ignored: None) -> None:
        """
        Tell that all is sent.
        """
        if self._outbox.isStopped:
            return
        if self._isCancelled:
            # What the source has given is not all.
            self._failed(Failure(CancelledError()))
            return
        self._outbox.owner.finishMessage()
        self._outbox.streamDone()
        self.sent.callback(None)

    def _failed(self, reason: Failure) -> None:
        """
        Tell that the message cannot be finished.
        """
        if self._outbox.isStopped:
            return
        if self._kind is not None:
            self._outbox.owner.streamFailed()
        else:
            self._outbox.streamDone()
        if not self.sent.called:
            self.sent.errback(reason)

    def _cancelled(self, sent: Deferred[None]) -> None:
        """
        Nobody wants it any more.
        """
        self._isCancelled = True
        self._outbox.forget(self)
        self.stop()


class _Message:
    """
    A message that waits.
    """

    def __init__(
        self, send: Callable[[Any], Deferred[None]], message: Any, size: int
    ) -> None:
        self.gone: Deferred[None] = Deferred()
        self.size = size
        self._send = send
        self._message = message

    def start(self) -> None:
        """
        Send it.
        """
        try:
            sent = self._send(self._message)
        except Exception:
            # What waits behind it must not wait for ever.
            self.gone.errback(Failure())
        else:
            sent.chainDeferred(self.gone)

    def end(self, reason: Failure) -> None:
        """
        Tell that the connection has ended.
        """
        self.gone.callback(None)


class Outbox:
    """
    What is to be sent, in order, while a message is streamed.

    @ivar isStopped: whether nothing more will be sent.
    @ivar owner: what it sends through.
    """

    def __init__(self, owner: OutboxOwner) -> None:
        """
        @param owner: what to send through.
        """
        self.isStopped = False
        self.owner = owner
        self._size = 0
        self._current: _Stream | None = None
        self._waiting: deque[_Stream | _Message] = deque()
        self._isAdvancing = False

    def addStream(self, source: Source, compress: bool | None = None) -> Deferred[None]:
        """
        Send a message while it is made, when what waits before it is sent.

        @param source: what it is made of.
        @param compress: whether to compress it, if that can be chosen.
        @return: fires when all of it is sent, and fails with what the source
            fails with, or with what ends the connection before.
        """
        stream = _Stream(source, self, compress)
        self._waiting.append(stream)
        self._advance()
        if stream in self._waiting and not self.isStopped:
            self._resize(ENTRY_SIZE)
        return stream.sent

    def addMessage(
        self, send: Callable[[Any], Deferred[None]], message: Any, size: int
    ) -> Deferred[None]:
        """
        Send a message when what waits before it is sent.

        @param send: sends it.
        @param message: the message.
        @param size: how many bytes it has.
        @return: fires when it has gone, or the connection has ended.
        """
        waiting = _Message(send, message, ENTRY_SIZE + size)
        self._waiting.append(waiting)
        self._resize(waiting.size)
        return waiting.gone

    def stop(self) -> None:
        """
        Send nothing more.
        """
        if not self.isStopped:
            self.isStopped = True
            # First, for a source that waits may be told that there is room.
            if self._current is not None:
                self._current.stop()
            self._resize(-self._size)

    def end(self, reason: Failure) -> None:
        """
        Tell that the connection has ended.
        """
        self.stop()
        current, self._current = self._current, None
        if current is not None:
            current.end(reason)
        while self._waiting:
            self._waiting.popleft().end(reason)

    def streamDone(self) -> None:
        """
        Go on after a stream.
        """
        self._current = None
        self._advance()

    def forget(self, stream: _Stream) -> None:
        """
        Drop a stream, if it has not begun.
        """
        if stream not in self._waiting:
            return
        self._waiting.remove(stream)
        if not self.isStopped:
            self._resize(-ENTRY_SIZE)

    def _resize(self, difference: int) -> None:
        """
        Tell how much waits.
        """
        # One that is sent at once has never waited.
        self._size = max(self._size + difference, 0)
        self.owner.outboxChanged(self._size)

    def _advance(self) -> None:
        """
        Send what comes next.
        """
        if self._isAdvancing or self.isStopped:
            return
        self._isAdvancing = True
        while self._current is None and self._waiting and not self.isStopped:
            entry = self._waiting.popleft()
            if isinstance(entry, _Stream):
                self._current = entry
            entry.start()
            self._resize(-entry.size)
        self._isAdvancing = False
        if self._current is None and not self.isStopped:
            self.owner.outboxEmptied()
