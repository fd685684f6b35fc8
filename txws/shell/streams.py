"""
Standard input and output, with flow control both ways.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from txws.results import Shared

__all__ = ["Streams"]


@implementer(IHalfCloseableProtocol, IPushProducer)
class Streams(Protocol):
    """
    Input and output of a program.

    @ivar received: called with bytes of the input.
    @ivar ended: called when the input has ended.
    @ivar outputLost: called when nobody reads the output any more, or it cannot
        be written.
    @ivar isOutputLost: whether that was so before all was written.
    """

    def __init__(self) -> None:
        self.received: Callable[[bytes], object] = _ignore
        self.ended: Callable[[], object] = _ignore
        self.outputLost: Callable[[], object] = _ignore
        self.isOutputLost = False
        self._full: Shared | None = None
        self._isWritable = True
        self._isInputPaused = False
        self._hasInputEnded = False
        self._flushed: Deferred[None] = Deferred()

    def write(self, text: str | bytes) -> Deferred[None]:
        """
        Write something.

        @param text: what; text in UTF-8.
        @return: fires when there is room for more, or nobody reads it.
        """
        if not self._isWritable:
            return succeed(None)
        data = text.encode("utf-8", "replace") if isinstance(text, str) else text
        self._carrier.write(data)
        return succeed(None) if self._full is None else self._full

    def pauseInput(self) -> None:
        """
        Read no input for a while.
        """
        if not (self._isInputPaused or self._hasInputEnded):
            self._isInputPaused = True
            self._carrier.pauseProducing()

    def resumeInput(self) -> None:
        """
        Read input again.
        """
        if self._isInputPaused and not self._hasInputEnded:
            self._isInputPaused = False
            self._carrier.resumeProducing()

    def finish(self) -> Deferred[None]:
        """
        Write what is left.

        @return: fires when it is written, or nobody reads it.
        """
        if self._isWritable and not self._flushed.called:
            self._carrier.unregisterProducer()
            self._carrier.loseConnection()
        return self._flushed

    # IProtocol

    def connectionMade(self) -> None:
        """
        Watch whether the output is full.
        """
        carrier: Any = self.transport
        self._carrier = carrier
        self._carrier.registerProducer(self, True)

    def dataReceived(self, data: bytes) -> None:
        """
        There is input.
        """
        self.received(data)

    def readConnectionLost(self) -> None:
        """
        The input has ended.
        """
        if not self._hasInputEnded:
            self._hasInputEnded = True
            self.ended()

    def writeConnectionLost(self) -> None:
        """
        Nobody reads the output any more, or it cannot be written.
        """
        self.isOutputLost = True
        self._lose()
        self.outputLost()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Both are over.
        """
        if not reason.check(ConnectionDone):
            self.isOutputLost = True
        self._lose()

    # IPushProducer: what the output does with those who write

    def pauseProducing(self) -> None:
        """
        The output is full.
        """
        if self._full is None:
            self._full = Shared()

    def resumeProducing(self) -> None:
        """
        There is room again.
        """
        full, self._full = self._full, None
        if full is not None:
            full.callback(None)

    def stopProducing(self) -> None:
        """
        The output is gone.
        """
        self.resumeProducing()

    def _lose(self) -> None:
        """
        Keep nobody waiting.
        """
        self._isWritable = False
        self.resumeProducing()
        if not self._flushed.called:
            self._flushed.callback(None)


def _ignore(*arguments: object) -> None:
    """
    Do nothing.
    """
