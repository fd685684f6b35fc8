"""
Tests for L{txws.sources}.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from io import BytesIO
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IConsumer
from twisted.internet.task import Clock, Cooperator
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import FileBodyProducer
from zope.interface.verify import verifyObject

from txws.sources import pump


class Broken(Exception):
    """
    An error of an application.
    """


class Sink:
    """
    Takes pieces, and more when the test says so.
    """

    def __init__(self, isSlow: bool = False) -> None:
        self.pieces: list[Any] = []
        self.waiting: list[Deferred[None]] = []
        self.isSlow = isSlow

    def send(self, piece: Any) -> Deferred[None]:
        """
        Take a piece.
        """
        self.pieces.append(piece)
        if not self.isSlow:
            return succeed(None)
        self.waiting.append(Deferred())
        return self.waiting[-1]

    def goOn(self) -> None:
        """
        Take more.
        """
        self.waiting.pop(0).callback(None)


class PumpTests(SynchronousTestCase):
    """
    Pieces are sent one after the other.
    """

    def pump(self, source: Any, sink: Sink) -> Deferred[None]:
        """
        Begin to pump.
        """
        return Deferred.fromCoroutine(pump(source, sink.send))

    def numbers(self, closed: list[str]) -> Iterator[str]:
        """
        Give pieces, and note the end.
        """
        try:
            yield from "abc"
        finally:
            closed.append("closed")

    async def laterNumbers(self, closed: list[str]) -> AsyncIterator[str]:
        """
        Give pieces, and note the end.
        """
        try:
            for piece in "abc":
                await succeed(None)
                yield piece
        finally:
            closed.append("closed")

    def test_all(self):
        """
        All pieces of iterables, generators and asynchronous ones are sent.
        """
        for source in (
            ["a", "b", "c"],
            iter(("a", "b", "c")),
            self.numbers([]),
            self.laterNumbers([]),
        ):
            sink = Sink()
            self.successResultOf(self.pump(source, sink))
            self.assertEqual(sink.pieces, ["a", "b", "c"])

    def test_flow(self):
        """
        The next piece is asked for when the one before has gone.
        """
        for make in (self.numbers, self.laterNumbers):
            sink = Sink(isSlow=True)
            closed: list[str] = []
            pumping = self.pump(make(closed), sink)
            self.assertEqual(sink.pieces, ["a"])
            sink.goOn()
            self.assertEqual(sink.pieces, ["a", "b"])
            sink.goOn()
            self.assertNoResult(pumping)
            sink.goOn()
            self.successResultOf(pumping)
            self.assertEqual(closed, ["closed"])

    def test_cancel(self):
        """
        When it is cancelled, a generator is closed.
        """
        for make in (self.numbers, self.laterNumbers):
            sink = Sink(isSlow=True)
            closed: list[str] = []
            pumping = self.pump(make(closed), sink)
            pumping.addErrback(lambda failure: None)
            pumping.cancel()
            self.assertEqual(closed, ["closed"])

    def test_sourceFails(self):
        """
        What a source raises is what pumping fails with.
        """

        def broken() -> Iterator[str]:
            yield "a"
            raise Broken

        class Iterating:
            """
            An asynchronous iterable that is no generator.
            """

            def __aiter__(self) -> Iterating:
                return self

            async def __anext__(self) -> str:
                raise Broken

        self.failureResultOf(self.pump(broken(), Sink()), Broken)
        self.failureResultOf(self.pump(Iterating(), Sink()), Broken)

    def test_noSource(self):
        """
        What cannot be pumped is refused, and so is one piece alone.
        """
        for source in (1, None, "text", b"bytes", bytearray(b"x"), memoryview(b"x")):
            self.failureResultOf(self.pump(source, Sink()), TypeError)


class Body:
    """
    A body that writes when the test wants.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.done: Deferred[None] = Deferred()
        self.consumer: Any = None

    def startProducing(self, consumer: Any) -> Deferred[None]:
        """
        Begin.
        """
        self.consumer = consumer
        return self.done

    def pauseProducing(self) -> None:
        """
        Note it.
        """
        self.calls.append("pause")

    def resumeProducing(self) -> None:
        """
        Note it.
        """
        self.calls.append("resume")

    def stopProducing(self) -> None:
        """
        Note it.
        """
        self.calls.append("stop")


class BodyTests(SynchronousTestCase):
    """
    What produces a body for twisted.web can be sent.
    """

    def start(self, isSlow: bool = True) -> tuple[Body, Sink, Deferred[None]]:
        """
        Begin to pump a body.
        """
        body, sink = Body(), Sink(isSlow)
        return body, sink, Deferred.fromCoroutine(pump(body, sink.send))

    def test_flow(self):
        """
        It is paused while what it has written does not go, once however often
        it writes.
        """
        body, sink, pumping = self.start()
        body.consumer.write(b"a")
        body.consumer.write(b"b")
        self.assertEqual(body.calls, ["pause"])
        sink.goOn()
        self.assertEqual(body.calls, ["pause", "resume"])
        self.assertEqual(sink.pieces, [b"a", b"b"])
        body.done.callback(None)
        self.successResultOf(pumping)

    def test_fast(self):
        """
        It is not paused if all goes at once.
        """
        body, _sink, pumping = self.start(isSlow=False)
        body.consumer.write(b"a")
        self.assertEqual(body.calls, [])
        body.done.callback(None)
        self.successResultOf(pumping)

    def test_afterwards(self):
        """
        When it is done it is not resumed, and what it writes is ignored.
        """
        body, sink, _pumping = self.start()
        body.consumer.write(b"a")
        body.done.callback(None)
        sink.goOn()
        body.consumer.write(b"b")
        self.assertEqual(body.calls, ["pause"])
        self.assertEqual(sink.pieces, [b"a"])

    def test_cancel(self):
        """
        It is stopped when pumping is cancelled.
        """
        body, _sink, pumping = self.start()
        pumping.addErrback(lambda failure: None)
        pumping.cancel()
        self.assertEqual(body.calls, ["stop"])

    def test_fails(self):
        """
        What it fails with is what pumping fails with.
        """
        body, _sink, pumping = self.start()
        body.done.errback(Broken())
        self.failureResultOf(pumping, Broken)

    def test_consumer(self):
        """
        It is given a consumer, which it may tell what it likes.
        """
        body, _sink, _pumping = self.start()
        verifyObject(IConsumer, body.consumer)
        body.consumer.registerProducer(body, True)
        body.consumer.unregisterProducer()
        self.assertEqual(body.calls, [])

    def test_file(self):
        """
        Twisted's own producer of files works.
        """
        clock = Clock()
        cooperator = Cooperator(
            scheduler=lambda call: clock.callLater(0.01, call),
            terminationPredicateFactory=lambda: lambda: True,
        )
        body = FileBodyProducer(BytesIO(bytes(200000)), cooperator)
        sink = Sink()
        pumping = Deferred.fromCoroutine(pump(body, sink.send))
        clock.pump([0.01] * 10)
        self.successResultOf(pumping)
        self.assertEqual(b"".join(sink.pieces), bytes(200000))
