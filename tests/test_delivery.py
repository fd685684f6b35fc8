"""
Tests for L{txws.delivery}: handlers that take their time, and what they may
want to know besides.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, FirstError, fail, succeed
from twisted.internet.interfaces import IPullProducer
from twisted.logger import capturedLogs, formatEvent
from twisted.python.failure import Failure
from zope.interface import implementer
from zope.interface.verify import verifyClass, verifyObject

from txws.delivery import Receiver
from txws.handlers import WebSocketHandler
from txws.interfaces import (
    ICloseHandler,
    IConcurrentHandler,
    IFragmentHandler,
    IPingHandler,
)
from txws.policy import Limits
from txws.results import DONE
from txws.testing import RecordingHandler
from txws.wire.codes import Opcode
from txws.wire.errors import BadPayload, MessageTooBig
from txws.wire.frames import Frame
from txws.wire.prepared import PreparedMessage

from .ends import FULL, End
from .test_transport import Broken, TransportTestCase
from .wire.ciphers import Nothing

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = Opcode


class SlowHandler(RecordingHandler):
    """
    Takes its time for what it is told, as long as the test wants.

    @ivar started: what it has begun to do, in order.
    @ivar results: what it waits for, one for each of them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.started: list[object] = []
        self.results: list[Deferred[None]] = []

    def take(self, what: object) -> Deferred[None]:
        """
        Begin something.
        """
        self.started.append(what)
        self.results.append(Deferred())
        return self.results[-1]

    def negotiationFinished(self) -> Any:
        """
        Take time.
        """
        return self.take("open")

    async def textMessageReceived(  # type: ignore[override]  # may take time
        self, message: str
    ) -> None:
        """
        Take time, as a coroutine.
        """
        await self.take(message)
        self.transport.sendTextMessage(f"done: {message}")

    def bytesMessageReceived(self, data: bytes) -> Any:
        """
        Take time.
        """
        return self.take(data)

    async def pongReceived(  # type: ignore[override]  # may take time
        self, payload: bytes
    ) -> None:
        """
        Take time.
        """
        await self.take(("pong", payload))


@implementer(IConcurrentHandler)
class ConcurrentHandler(SlowHandler):
    """
    Does not want to wait for itself.
    """


def openSlow(**settings: Any) -> tuple[End, SlowHandler]:
    """
    Open a connection with a handler that takes its time.
    """
    handler = SlowHandler()
    end = End.opened(handler, **settings)
    handler.results.pop().callback(None)
    return end, handler


class Sink(Receiver, WebSocketHandler):
    """
    A handler as those of txws itself are, which notes what it receives.
    """

    def __init__(self) -> None:
        self.received: list[object] = []

    def textMessageReceived(self, message: str) -> None:
        """
        Note it, if it is good.
        """
        if message == "bad":
            raise ValueError(message)
        self.received.append(message)

    def bytesMessageReceived(self, data: bytes) -> None:
        """
        Note it.
        """
        self.received.append(data)


class ReceiverTests(TransportTestCase):
    """
    Handlers of txws itself are called in a shorter way.
    """

    def test_messages(self):
        """
        They are told of all messages, in their order, whole or in fragments.
        """
        sink = Sink()
        end = End.opened(sink)
        end.receive(
            end.frame(TEXT, b"a"),
            end.frame(BINARY, b"b"),
            end.frame(TEXT, b"c", isFinal=False),
            end.frame(CONTINUATION, b"d"),
            end.frame(BINARY, b"e", isFinal=False),
            end.frame(CONTINUATION, b"f"),
            end.frame(TEXT, b"g"),
        )
        self.assertEqual(sink.received, ["a", b"b", "cd", b"ef", "g"])

    def test_raised(self):
        """
        What they raise is logged, and closes the connection.
        """
        sink = Sink()
        end = End.opened(sink)
        with capturedLogs() as logged:
            end.receiveText("a", "bad", "b")
        self.assertEqual(sink.received, ["a"])
        self.assertEqual(end.takeFrames()[-1].payload[:2], b"\x03\xf3")
        (event,) = [event for event in logged if "log_failure" in event]
        self.assertIn("Sink.textMessageReceived raised", formatEvent(event))
        self.flushLoggedErrors(ValueError)


class OrderTests(TransportTestCase):
    """
    One thing after the other.
    """

    def test_messages(self):
        """
        A message waits for what the one before has returned, a Deferred or a
        coroutine; then it is delivered.
        """
        end, handler = openSlow()
        end.receive(
            end.frame(TEXT, b"a"), end.frame(BINARY, b"b"), end.frame(PONG, b"c")
        )
        self.assertEqual(handler.started, ["open", "a"])
        handler.results.pop().callback(None)
        self.assertEqual(handler.started, ["open", "a", b"b"])
        handler.results.pop().callback(None)
        self.assertEqual(handler.started, ["open", "a", b"b", ("pong", b"c")])
        handler.results.pop().callback(None)
        self.assertEqual(end.takeFrames(), [Frame(TEXT, b"done: a")])
        end.receiveText("d")
        self.assertEqual(handler.started[-1], "d")

    def test_opening(self):
        """
        The first message waits for C{negotiationFinished}.
        """
        handler = SlowHandler()
        end = End.opened(handler)
        end.receiveText("a")
        self.assertEqual(handler.started, ["open"])
        handler.results[0].callback(None)
        end.transport.settle()
        self.assertEqual(handler.started, ["open", "a"])

    def test_notReading(self):
        """
        Nothing is read from the peer meanwhile, and it is not given up for its
        silence.
        """
        end, handler = openSlow(pingInterval=20.0, pingTimeout=20.0)
        end.receiveText("a")
        self.assertFalse(end.transport.isReading)
        for _turn in range(10):
            end.clock.advance(20)
            end.transport.takeData()
        self.assertFalse(end.transport.isLost)
        handler.results.pop().callback(None)
        self.assertTrue(end.transport.isReading)

    def test_atOnce(self):
        """
        What has fired already is not waited for, and what is not to be waited
        for is ignored.
        """
        for returned in (succeed(None), DONE, None, True, "x"):
            handler: Any = RecordingHandler()
            handler.textMessageReceived = lambda message, it=returned: it
            end = End.opened(handler)
            end.receive(end.frame(TEXT, b"a"), end.frame(BINARY, b"b"))
            self.assertTrue(end.transport.isReading)
            self.assertEqual(handler.messages, [b"b"])

    def test_manyAtOnce(self):
        """
        Thousands of messages in one read, each with a coroutine that is done
        at once, are no problem.
        """
        handler: Any = RecordingHandler()
        handled = []

        async def textMessageReceived(message: str) -> None:
            handled.append(message)

        handler.textMessageReceived = textMessageReceived
        end = End.opened(handler)
        end.receiveText(*(["a"] * 5000))
        self.assertEqual(len(handled), 5000)

    def test_chained(self):
        """
        One that has fired is not done as long as what one of its callbacks has
        returned is not.
        """
        handler = SlowHandler()
        looked: Deferred[None] = Deferred()
        end = End.opened(handler)
        handler.results.pop().callback(None)
        handler.bytesMessageReceived = (  # type: ignore[method-assign]
            lambda data: succeed(data).addCallback(lambda data: looked)
        )
        end.receive(end.frame(BINARY, b"a"), end.frame(TEXT, b"b"))
        self.assertNotIn("b", handler.started)
        self.assertFalse(end.transport.isReading)
        looked.callback(None)
        self.assertIn("b", handler.started)

    def test_manyLater(self):
        """
        Nor are they if each is done a bit later.
        """
        end, handler = openSlow()
        end.receiveText(*(["a"] * 3000))
        for _message in range(3000):
            handler.results.pop().callback(None)
        self.assertEqual(len(handler.started), 3001)

    def test_concurrent(self):
        """
        A handler that says so gets the next message at once.
        """
        handler = ConcurrentHandler()
        end = End.opened(handler)
        end.receiveText("a", "b", "c")
        self.assertEqual(handler.started, ["open", "a", "b", "c"])
        self.assertTrue(end.transport.isReading)
        for result in reversed(handler.results):
            result.callback(None)
        self.assertEqual(
            [received.payload for received in end.takeFrames()],
            [b"done: c", b"done: b", b"done: a"],
        )

    def test_producer(self):
        """
        What the methods of a producer return is not waited for, and does not
        end the wait for those of the handler.
        """

        class Producer:
            """
            Returns something.
            """

            results: list[Deferred[None]] = []

            def pauseProducing(self) -> Any:
                """
                Return something.
                """
                self.results.append(Deferred())
                return self.results[-1]

            def resumeProducing(self) -> None:
                """
                Do nothing.
                """

            def stopProducing(self) -> None:
                """
                Do nothing.
                """

        end, handler = openSlow()
        producer: Any = Producer()
        end.webSocket.attachProducer(producer)
        end.receiveText("a", "b")
        end.webSocket.sendBytesMessage(bytes(FULL))
        end.webSocket.sendBytesMessage(bytes(FULL + 1))
        producer.results[0].callback(None)
        self.assertEqual(handler.started, ["open", "a"])
        end.webSocket.abortConnection()

    def test_paused(self):
        """
        An application that has paused stays paused when a method is done.
        """
        end, handler = openSlow()
        end.receiveText("a", "b")
        end.webSocket.pauseProducing()
        handler.results.pop().callback(None)
        self.assertEqual(handler.started, ["open", "a"])
        end.webSocket.resumeProducing()
        self.assertEqual(handler.started, ["open", "a", "b"])


class EndTests(TransportTestCase):
    """
    The end of a connection whose handler is not done.
    """

    def test_close(self):
        """
        The peer's Close is answered when the messages before it are done.
        """
        end, handler = openSlow()
        end.receiveText("a")
        end.receiveClose(1000)
        self.assertEqual(end.takeFrames(), [])
        handler.results.pop().callback(None)
        end.transport.settle()
        self.assertEqual(
            [received.opcode for received in end.takeFrames()], [TEXT, CLOSE]
        )

    def test_lost(self):
        """
        If the connection is lost meanwhile, the handler is told at once; what
        it does later makes no difference.
        """
        end, handler = openSlow()
        end.receiveText("a", "b")
        end.transport.lose(ConnectionResetError())
        end.transport.settle()
        self.assertIsNotNone(handler.reason)
        handler.results.pop().callback(None)
        self.assertEqual(handler.started, ["open", "a"])
        self.assertEqual(end.delayedCalls, 0)

    def test_closedByUs(self):
        """
        After the application has closed, the peer is read from, so that its
        Close arrives, though a method is not done.
        """
        handler: Any = RecordingHandler()
        waiting: Deferred[None] = Deferred()

        async def textMessageReceived(message: str) -> None:
            handler.transport.loseConnection(4000)
            await waiting

        handler.textMessageReceived = textMessageReceived
        end = End.opened(handler)
        end.receiveText("a")
        self.assertTrue(end.transport.isReading)
        end.receiveClose(4000)
        end.takeAll()
        end.transport.settle()
        self.assertClosed(end, received=4000, sent=4000, isReceivedFirst=False)

    def test_closedMeanwhile(self):
        """
        The application can close while a method is not done.
        """
        end, _handler = openSlow()
        end.receiveText("a", "b")
        end.webSocket.loseConnection()
        end.receiveClose()
        end.takeAll()
        end.transport.settle()
        self.assertClosed(end, received=1000, sent=1000, isReceivedFirst=False)

    def test_connectionLostTakesTime(self):
        """
        C{connectionLost} may be a coroutine; its errors are logged.
        """
        waiting: Deferred[None] = Deferred()
        handler: Any = RecordingHandler()

        async def connectionLost(reason: Failure) -> None:
            await waiting
            raise Broken

        handler.connectionLost = connectionLost
        end = End.opened(handler)
        end.leave()
        waiting.callback(None)
        self.assertEqual(len(self.flushLoggedErrors(Broken)), 1)


class ErrorTests(TransportTestCase):
    """
    What coroutines raise.
    """

    def check(self, makeResult: Callable[[], Any]) -> None:
        """
        Check that a result closes the connection, and is logged once with the
        facts.
        """
        handler: Any = RecordingHandler()
        handler.textMessageReceived = lambda message: makeResult()
        end = End.opened(handler)
        with capturedLogs() as logs:
            end.receiveText("a", "b")
        (close,) = end.takeFrames()
        self.assertEqual(close.payload[:2], (1011).to_bytes(2, "big"))
        self.assertEqual(len(self.flushLoggedErrors(Broken)), 1)
        (event,) = [event for event in logs if "log_failure" in event]
        self.assertIn("/feed", formatEvent(event))
        self.assertIn("192.0.2.2", formatEvent(event))

    def test_deferred(self):
        """
        A Deferred that fails closes with 1011.
        """
        self.check(lambda: fail(Broken()))

    def test_coroutine(self):
        """
        So does a coroutine that raises.
        """

        async def broken() -> None:
            raise Broken

        self.check(broken)

    def test_later(self):
        """
        So does one that raises later; nothing more is delivered.
        """
        end, handler = openSlow()
        end.receiveText("a", "b")
        handler.results.pop().errback(Broken())
        (close,) = end.takeFrames()
        self.assertEqual(close.payload[:2], (1011).to_bytes(2, "big"))
        self.assertEqual(handler.started, ["open", "a"])
        self.assertEqual(len(self.flushLoggedErrors(Broken)), 1)

    def test_afterTheEnd(self):
        """
        One that raises after the end is logged.
        """
        end, handler = openSlow()
        end.receiveText("a")
        end.transport.lose(ConnectionResetError())
        end.transport.settle()
        handler.results.pop().errback(Broken())
        self.assertEqual(len(self.flushLoggedErrors(Broken)), 1)

    def test_becauseOfTheEnd(self):
        """
        One that fails with the end of the connection itself is not logged.
        """
        end, handler = openSlow()
        end.receiveText("a")
        end.transport.lose(ConnectionResetError())
        end.transport.settle()
        assert handler.reason is not None
        handler.results.pop().errback(handler.reason)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_partlyBecauseOfTheEnd(self):
        """
        One that fails with the end and something else is logged.
        """
        end, handler = openSlow()
        end.receiveText("a")
        end.transport.lose(ConnectionResetError())
        end.transport.settle()
        assert handler.reason is not None
        error = FirstError(Failure(Broken()), 0)
        handler.results.pop().errback(error)
        self.assertEqual(self.flushLoggedErrors(FirstError)[0].value, error)


@implementer(IFragmentHandler, IPingHandler, ICloseHandler)
class CuriousHandler(RecordingHandler):
    """
    Wants to know everything.
    """

    def textFragmentReceived(self, text: str, isFinal: bool) -> None:
        """
        Note it.
        """
        self.events.append(("text", text, isFinal))

    def bytesFragmentReceived(self, data: bytes, isFinal: bool) -> None:
        """
        Note it.
        """
        self.events.append(("bytes", data, isFinal))

    def pingReceived(self, payload: bytes) -> None:
        """
        Note it.
        """
        self.events.append(("ping", payload))

    def closeReceived(self, code: int, reason: str) -> None:
        """
        Note it.
        """
        self.events.append(("close", code, reason))


class CuriousTests(TransportTestCase):
    """
    What a handler may want to know besides.
    """

    def openCurious(self, **settings: Any) -> tuple[End, list[Any]]:
        """
        Open a connection with a handler that wants to know everything.
        """
        handler = CuriousHandler()
        end = End.opened(handler, deliversFragments=True, **settings)
        handler.events.clear()
        return end, handler.events

    def test_interfaces(self):
        """
        The interfaces can be kept.
        """
        handler = CuriousHandler()
        for interface in (IFragmentHandler, IPingHandler, ICloseHandler):
            verifyObject(interface, handler)
            verifyClass(interface, CuriousHandler)
        self.assertFalse(IPingHandler.implementedBy(WebSocketHandler))

    def test_fragments(self):
        """
        Parts of messages are delivered as they arrive, text cut between two
        characters.
        """
        end, events = self.openCurious()
        end.receive(end.frame(TEXT, b"Gr\xc3", isFinal=False))
        end.receive(end.frame(CONTINUATION, b"\xbc", isFinal=False))
        end.receive(end.frame(PING, b"?"))
        end.receive(end.frame(CONTINUATION, b"\xc3\x9fe"))
        end.receive(end.frame(BINARY, b"\xff"))
        data = end.frame(BINARY, b"abcdef")
        end.receive(data[:-3])
        end.receive(data[-3:])
        self.assertEqual(
            events,
            [
                ("text", "Gr", False),
                ("text", "ü", False),
                ("ping", b"?"),
                ("text", "ße", True),
                ("bytes", b"\xff", True),
                ("bytes", b"abc", False),
                ("bytes", b"def", True),
            ],
        )

    def test_fragmentsAreLimited(self):
        """
        The limits hold, though nothing is kept; bad text is refused at once.
        """
        for frames, error in (
            ((("TEXT", b"abc", False), ("CONTINUATION", b"de", True)), MessageTooBig),
            ((("TEXT", b"\xff", False),), BadPayload),
            ((("TEXT", b"\xc3", True),), BadPayload),
        ):
            end, _events = self.openCurious(limits=Limits(maxMessageSize=4))
            for opcode, payload, isFinal in frames:
                end.receive(end.frame(Opcode[opcode], payload, isFinal=isFinal))
            end.takeAll()
            end.leave()
            self.assertFailed(end, error)

    def test_ping(self):
        """
        A Ping that is told of is answered, too.
        """
        end, events = self.openCurious()
        end.receive(end.frame(PING, b"?"))
        self.assertEqual(events, [("ping", b"?")])
        self.assertEqual(end.takeFrames(), [Frame(PONG, b"?")])

    def test_close(self):
        """
        The peer's Close is told of before the end.
        """
        end, events = self.openCurious()
        end.receive(end.frame(CLOSE, (4001).to_bytes(2, "big") + b"bye"))
        self.assertEqual(events, [("close", 4001, "bye")])
        end.takeAll()
        end.transport.settle()
        self.assertEqual([event[0] for event in events], ["close", "connectionLost"])

    def test_closedByUs(self):
        """
        An answer to our own Close is not told of, nor anything else then.
        """
        end, events = self.openCurious()
        end.webSocket.loseConnection()
        end.receive(end.frame(PING), end.frame(TEXT, b"a"))
        end.receiveClose()
        self.assertEqual(events, [])

    def test_plain(self):
        """
        Handlers that do not want to know are not asked.
        """
        end = End.opened()
        end.receive(end.frame(PING))
        end.receiveClose()
        self.assertEqual(end.names, ["negotiationStarted", "negotiationFinished"])


def _sendAll(end: End) -> list[Deferred[None]]:
    """
    Send messages of all kinds.
    """
    return [
        end.webSocket.sendTextMessage("a"),
        end.webSocket.sendBytesMessage(b"a"),
        end.webSocket.sendPreparedMessage(PreparedMessage("a")),
    ]


class SendTests(TransportTestCase):
    """
    What is sent can be waited for.
    """

    def test_atOnce(self):
        """
        A message that leaves at once needs no waiting.
        """
        end = End.opened()
        for sent in (
            end.webSocket.sendTextMessage("a"),
            end.webSocket.sendBytesMessage(b"a"),
            # It has no length.
            end.webSocket.sendBytesMessage(memoryview(b"a").cast("B", ())),
        ):
            self.assertIs(sent, DONE)
        self.successResultOf(end.webSocket.whenWritable())

    def test_slowPeer(self):
        """
        Above the high-water mark it fires when no more than the low-water mark
        is left.
        """
        end = End.full()
        self.assertFalse(end.webSocket.isAboveHighWater)
        sent = end.webSocket.sendBytesMessage(bytes(FULL + 1))
        writable = end.webSocket.whenWritable()
        self.assertTrue(end.webSocket.isAboveHighWater)
        self.assertNoResult(sent)
        self.assertNoResult(writable)
        end.takeAll()
        self.successResultOf(sent)
        self.successResultOf(writable)
        self.assertFalse(end.webSocket.isAboveHighWater)

    def test_fastPeer(self):
        """
        Nobody sends without an end to a peer that takes everything, or needs next
        to nothing of it as it is compressed: after 512 messages, or fewer large
        ones, a sender waits until others have had their turn.
        """
        for message, count in ((b"", 512), (bytes(65536), 8)):
            end = End.opened(extensions=[Nothing()])
            sent = [end.webSocket.sendBytesMessage(message) for _ in range(count)]
            self.assertEqual(sent[:-1], [DONE] * (count - 1))
            self.assertNoResult(sent[-1])
            self.assertFalse(end.webSocket.isAboveHighWater)
            end.clock.advance(0)
            self.successResultOf(sent[-1])
            self.assertIs(end.webSocket.sendBytesMessage(b""), DONE)
            self.assertEqual(end.delayedCalls, 1)

    def test_fullTransport(self):
        """
        Who had to wait for the Twisted transport has had others served.
        """
        end = End.opened(extensions=[Nothing()])
        for _time in range(2):
            for _message in range(7):
                sent = end.webSocket.sendBytesMessage(bytes(65536))
                self.assertIs(sent, DONE)
            end.transport.write(bytes(FULL))
            while end.transport.takeData():
                pass

    def test_fastPeerOfAProducer(self):
        """
        Nor is a producer asked for more before others have had their turn.
        """
        end = End.opened(extensions=[Nothing()])
        asked: list[int] = []
        atOthersTurns: list[int] = []

        @implementer(IPullProducer)
        class Endless:
            """
            Always has more.
            """

            def resumeProducing(self) -> None:
                asked.append(1)
                end.webSocket.sendBytesMessage(bytes(65536))

            def stopProducing(self) -> None:
                """
                Do nothing.
                """

        end.webSocket.attachProducer(Endless(), streaming=False)
        self.assertEqual(len(asked), 8)
        end.clock.callLater(0, end.webSocket.detachProducer)
        end.clock.callLater(0, lambda: atOthersTurns.append(len(asked)))
        end.clock.advance(0)
        self.assertEqual(atOthersTurns, [16])

    def test_fastPeerThatGoes(self):
        """
        Whoever waits for that is told if the connection ends before.
        """
        end = End.opened(extensions=[Nothing()])
        sent = [end.webSocket.sendBytesMessage(b"") for _ in range(512)]
        self.assertNoResult(sent[-1])
        end.webSocket.abortConnection()
        end.transport.settle()
        self.successResultOf(sent[-1])
        self.assertEqual(end.delayedCalls, 0)

    def test_end(self):
        """
        It fires when the connection has ended.
        """
        for end in (End.full(), End.full()):
            sent = end.webSocket.sendBytesMessage(bytes(FULL + 1))
            if end.webSocket.isOpen:
                end.webSocket.abortConnection()
            end.transport.settle()
            self.successResultOf(sent)
            self.successResultOf(end.webSocket.whenWritable())

    def test_tooLate(self):
        """
        Whoever waits for what is sent too late is told of the end, when it has
        come; nobody else is troubled.
        """
        for begin in (
            lambda end: end.webSocket.loseConnection(),
            lambda end: end.webSocket.abortConnection(),
            lambda end: end.receiveClose(),
        ):
            end = End.opened()
            begin(end)
            early = [each.addCallback(repr) for each in _sendAll(end)]
            for sent in early:
                self.assertNoResult(sent)
            _sendAll(end)
            end.webSocket.abortConnection()
            end.leave()
            late = [each.addCallback(repr) for each in _sendAll(end)]
            for sent in (*early, *late):
                self.assertIs(self.failureResultOf(sent).value, end.ended)
            _sendAll(end)
            gc.collect()
            self.assertEqual(self.flushLoggedErrors(), [])

    def test_endlessSender(self):
        """
        A coroutine that sends without an end ends with the connection, and
        nothing is logged: it does not keep everybody else from running.
        """

        class Flood(RecordingHandler):
            sent = 0

            async def negotiationFinished(self) -> None:  # type: ignore[override]  # may take time
                while self.sent < 100:
                    await self.transport.sendBytesMessage(bytes(FULL))
                    self.sent += 1

        for finish in (End.receiveClose, lambda end: end.webSocket.abortConnection()):
            handler = Flood()
            end = End.opened(handler)
            end.webSocket.loseConnection()
            finish(end)
            end.takeAll()
            end.leave()
            self.assertIsNotNone(end.ended)
            self.assertLess(handler.sent, 5)
            self.assertEqual(self.flushLoggedErrors(), [])

    def test_endOfWhatIsReturned(self):
        """
        A method may return what it has sent too late; nothing is logged.
        """
        handler = RecordingHandler()
        end = End.opened(handler)
        send = end.webSocket.sendTextMessage
        handler.connectionLost = lambda reason: send("a")  # type: ignore[assignment, method-assign]
        end.leave()
        gc.collect()
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_cancel(self):
        """
        Whoever does not want to wait any more can say so.
        """
        end = End.full()
        end.webSocket.sendBytesMessage(bytes(FULL + 1))
        first, second = end.webSocket.whenWritable(), end.webSocket.whenWritable()
        first.addErrback(lambda failure: None)
        first.cancel()
        end.takeAll()
        self.successResultOf(first)
        self.successResultOf(second)

    def test_isOpen(self):
        """
        A connection knows whether what is sent will leave.
        """
        end = End()
        self.assertTrue(end.webSocket.isOpen)
        end.webSocket.open(b"")
        self.assertTrue(end.webSocket.isOpen)
        end.webSocket.loseConnection()
        self.assertFalse(end.webSocket.isOpen)

    def test_clock(self):
        """
        The clock is there for applications.
        """
        end = End.opened()
        self.assertIs(end.webSocket.clock, end.clock)
