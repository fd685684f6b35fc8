"""
What a message can be streamed from: iterables, asynchronous iterables and
what produces a body for L{twisted.web}.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable
from contextlib import aclosing, closing
from typing import Any, Protocol, TypeAlias, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer, IProducer
from zope.interface import implementer

__all__ = ["Body", "Piece", "Source", "pump"]

Piece: TypeAlias = "str | bytes | bytearray | memoryview"


class Body(Protocol):
    """
    An L{IBodyProducer<twisted.web.iweb.IBodyProducer>}, as far as it is used
    here.
    """

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """
        Write to a consumer, until the returned L{Deferred} fires.
        """

    def stopProducing(self) -> None:
        """
        Write nothing more.
        """

    def pauseProducing(self) -> None:
        """
        Write nothing until L{resumeProducing}.
        """

    def resumeProducing(self) -> None:
        """
        Go on to write.
        """


Source: TypeAlias = Iterable[Piece] | AsyncIterable[Piece] | Body
_Send = Callable[[Any], "Deferred[None]"]


async def pump(source: Source, send: _Send) -> None:
    """
    Send all that comes from a source, piece by piece, each when the one before
    has gone.

    @param source: where the pieces come from.  When this fails or is
        cancelled, a generator is closed and a body stopped.
    @param send: takes a piece, and returns what fires when the next may come.
    @raise TypeError: if it is no source.
    """
    if isinstance(source, (str, bytes, bytearray, memoryview)):
        raise TypeError(f"a source must give pieces, not be one: {type(source)}")
    if hasattr(source, "startProducing"):
        await _BodyConsumer(cast(Body, source), send).consume()
    elif isinstance(source, AsyncIterable):
        await _pumpAsynchronous(source, send)
    elif isinstance(source, Iterable):
        await _pumpIterable(source, send)
    else:
        raise TypeError(f"not a source of pieces: {source!r}")


async def _pumpIterable(source: Iterable[Piece], send: _Send) -> None:
    """
    Send what an iterable gives.
    """
    pieces: Any = iter(source)
    if hasattr(pieces, "close"):
        with closing(pieces):
            for piece in pieces:
                await send(piece)
    else:
        for piece in pieces:
            await send(piece)


async def _pumpAsynchronous(source: AsyncIterable[Piece], send: _Send) -> None:
    """
    Send what an asynchronous iterable gives.
    """
    pieces: Any = aiter(source)
    if hasattr(pieces, "aclose"):
        async with aclosing(pieces):
            async for piece in pieces:
                await send(piece)
    else:
        async for piece in pieces:
            await send(piece)


@implementer(IConsumer)
class _BodyConsumer:
    """
    What a body is written to.
    """

    def __init__(self, body: Body, send: _Send) -> None:
        self._body = body
        self._send = send
        self._isPaused = False
        self._isDone = False

    async def consume(self) -> None:
        """
        Have the body produced.
        """
        try:
            await self._body.startProducing(self)
        except BaseException:
            if not self._isDone:
                self._isDone = True
                self._body.stopProducing()
            raise
        finally:
            self._isDone = True

    def write(self, data: bytes) -> None:
        """
        Send what the body writes, and have it wait while that does not go.
        """
        if self._isDone:
            return
        gone = self._send(data)
        if not (gone.called or self._isPaused):
            self._isPaused = True
            self._body.pauseProducing()
            gone.addCallback(self._goOn)

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """
        Know already who writes.
        """

    def unregisterProducer(self) -> None:
        """
        Learn that the body is done by other means.
        """

    def _goOn(self, ignored: None) -> None:
        """
        Have the body go on.
        """
        self._isPaused = False
        if not self._isDone:
            self._body.resumeProducing()
