"""
Tests for L{txws.outbox}: messages that are sent while they are made.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost

from txws.errors import WebSocketClosed
from txws.policy import Limits
from txws.testing import RecordingHandler
from txws.wire.codes import Opcode
from txws.wire.frames import Frame
from txws.wire.prepared import PreparedMessage
from txws.wire.states import Role

from .ends import FULL, ActingHandler, End, closeFrame
from .test_flow import PushProducer
from .test_transport import Broken, TransportTestCase
from .wire.ciphers import Nothing, Stream

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = Opcode


def first(payload: bytes, opcode: Opcode = BINARY) -> Frame:
    """
    Make the first fragment of a message.
    """
    return Frame(opcode, payload, isFinal=False)


def more(payload: bytes) -> Frame:
    """
    Make a further fragment of a message.
    """
    return Frame(CONTINUATION, payload, isFinal=False)


LAST = Frame(CONTINUATION, b"")


class Slow:
    """
    Gives a piece whenever the test wants, and ends when it wants.
    """

    def __init__(self) -> None:
        self.asked: list[Deferred[Any]] = []
        self.isCancelled = False

    def __aiter__(self) -> Slow:
        return self

    async def __anext__(self) -> Any:
        def cancelled(deferred: Deferred[Any]) -> None:
            self.isCancelled = True

        self.asked.append(Deferred(cancelled))
        return await self.asked[-1]

    def give(self, piece: Any) -> None:
        """
        Give a piece.
        """
        self.asked.pop().callback(piece)

    def end(self, error: Exception | None = None) -> None:
        """
        Give no more.
        """
        self.asked.pop().errback(error or StopAsyncIteration())


class StreamTests(TransportTestCase):
    """
    One message, sent in fragments.
    """

    def test_bytes(self):
        """
        Each piece is a fragment, and an empty one ends the message.
        """
        for role in Role:
            end = End.opened(role=role)
            pieces = (b"a", bytearray(b"b"), memoryview(b"c"))
            self.successResultOf(end.webSocket.sendStream(pieces))
            self.assertEqual(
                end.takeFrames(), [first(b"a"), more(b"b"), more(b"c"), LAST]
            )

    def test_text(self):
        """
        Text makes a text message.
        """
        end = End.opened()
        self.successResultOf(end.webSocket.sendStream(iter("äb")))
        self.assertEqual(
            end.takeFrames(), [first("ä".encode(), TEXT), more(b"b"), LAST]
        )

    def test_nothing(self):
        """
        Of nothing comes an empty binary message.
        """
        end = End.opened()
        self.successResultOf(end.webSocket.sendStream([]))
        self.assertEqual(end.takeFrames(), [Frame(BINARY, b"")])

    def test_asItIsMade(self):
        """
        A piece leaves when it is there.
        """
        end = End.opened()
        source = Slow()
        sent = end.webSocket.sendStream(source)
        source.give("a")
        self.assertEqual(end.takeFrames(), [first(b"a", TEXT)])
        source.give("b")
        self.assertEqual(end.takeFrames(), [more(b"b")])
        self.assertNoResult(sent)
        source.end()
        self.assertEqual(end.takeFrames(), [LAST])
        self.successResultOf(sent)

    def test_slowPeer(self):
        """
        No more is asked for than the peer takes: endless data need no endless
        memory.
        """
        end = End.opened()
        asked: list[int] = []

        def endless() -> Iterator[bytes]:
            while True:
                asked.append(1)
                yield bytes(16384)

        end.webSocket.sendStream(endless()).addErrback(lambda failure: None)
        atFirst = len(asked)
        self.assertLess(atFirst * 16384, 4 * FULL)
        end.transport.takeData(1000)
        self.assertEqual(len(asked), atFirst)
        for _turn in range(5):
            end.transport.takeData()
        self.assertGreater(len(asked), atFirst)
        end.webSocket.abortConnection()

    def test_fastPeer(self):
        """
        Nor is more asked for in one turn of the reactor than takes a moment,
        although the peer needs next to nothing of it as it is compressed; messages
        that wait for its end change nothing.
        """
        end = End.opened(extensions=[Nothing()])
        asked: list[int] = []

        def many() -> Iterator[bytes]:
            for _piece in range(20):
                asked.append(1)
                yield bytes(65536)

        def count() -> None:
            atOthersTurns.append(len(asked))

        sent = end.webSocket.sendStream(many())
        end.webSocket.sendBytesMessage(bytes(2 * FULL))
        atOthersTurns = [len(asked)]
        for _turn in range(2):
            end.clock.callLater(0, count)
            end.clock.advance(0)
        self.successResultOf(sent)
        self.assertEqual(atOthersTurns, [8, 16, 20])

    def test_beforeTheOpening(self):
        """
        A stream may begin before the connection is open; it takes no endless
        memory either.
        """
        asked: list[int] = []

        def endless() -> Iterator[bytes]:
            while True:
                asked.append(1)
                yield bytes(16384)

        end = End()
        end.webSocket.sendStream(endless()).addErrback(lambda failure: None)
        self.assertLess(len(asked) * 16384, 4 * FULL)
        before = len(asked)
        end.webSocket.open(b"")
        end.transport.takeData()
        self.assertGreater(len(asked), before)
        end.webSocket.abortConnection()

    def test_control(self):
        """
        Pings and Pongs go between the fragments.
        """
        end = End.opened()
        source = Slow()
        end.webSocket.sendStream(source)
        source.give(b"a")
        end.webSocket.ping(b"?")
        end.receive(end.frame(PING, b"!"))
        source.end()
        self.assertEqual(
            end.takeFrames(), [first(b"a"), Frame(PING, b"?"), Frame(PONG, b"!"), LAST]
        )

    def test_emptyPieces(self):
        """
        Empty pieces are no fragments: peers limit their number.
        """
        end = End.opened()
        self.successResultOf(end.webSocket.sendStream([b"", b"a", b"", b""]))
        self.assertEqual(end.takeFrames(), [first(b"a"), LAST])


class QueueTests(TransportTestCase):
    """
    What is sent while a message is on its way.
    """

    def test_order(self):
        """
        Messages and streams wait for the one that is on its way, and leave in
        the order in which they were sent.
        """
        end = End.opened()
        one, two = Slow(), Slow()
        results = [
            end.webSocket.sendStream(one),
            end.webSocket.sendTextMessage("b"),
            end.webSocket.sendPreparedMessage(PreparedMessage("p")),
            end.webSocket.sendStream(two),
            end.webSocket.sendBytesMessage(b"d"),
        ]
        one.give(b"a")
        self.assertEqual(two.asked, [])
        for result in results:
            self.assertNoResult(result)
        one.end()
        two.give(b"c")
        two.end()
        self.assertEqual(
            end.takeFrames(),
            [
                *(first(b"a"), LAST, Frame(TEXT, b"b"), Frame(TEXT, b"p")),
                *(first(b"c"), LAST, Frame(BINARY, b"d")),
            ],
        )
        for result in results:
            self.successResultOf(result)
        end.webSocket.sendTextMessage("e")
        self.assertEqual(end.takeFrames(), [Frame(TEXT, b"e")])

    def test_misuse(self):
        """
        What cannot be sent is refused at the call, also behind a stream.
        """
        end = End.opened()
        end.webSocket.sendStream(Slow()).addErrback(lambda failure: None)
        webSocket: Any = end.webSocket
        self.assertRaises(UnicodeEncodeError, webSocket.sendTextMessage, "\ud800")
        error = self.assertRaises(TypeError, webSocket.sendTextMessage, b"x")
        self.assertEqual(str(error), "message must be str, not bytes")
        self.assertRaises(TypeError, webSocket.sendBytesMessage, "x")
        self.assertRaises(TypeError, webSocket.sendBytesMessage, 5)
        self.assertRaises(ValueError, webSocket.loseConnection, 1006)
        self.assertRaises(TypeError, webSocket.loseConnection, 1000, 5)
        self.assertRaises(TypeError, webSocket.loseConnection, 1000, None)
        self.assertTrue(webSocket.isOpen)
        end.webSocket.abortConnection()

    def test_copied(self):
        """
        What waits may be changed by whoever has sent it.
        """
        end = End.opened()
        source = Slow()
        end.webSocket.sendStream(source)
        data = bytearray(b"a")
        end.webSocket.sendBytesMessage(data)
        data[0] = 0
        source.end()
        self.assertEqual(end.takeFrames()[-1], Frame(BINARY, b"a"))

    def test_cap(self):
        """
        What waits counts for the cap.
        """
        end = End.opened(limits=Limits(maxPendingSize=FULL))
        sent = end.webSocket.sendStream(Slow())
        for _message in range(5):
            end.webSocket.sendBytesMessage(bytes(FULL // 4))
        self.assertEqual(end.takeFrames(), [closeFrame(1008, "read too slowly")])
        sent.addErrback(lambda failure: None)
        end.webSocket.abortConnection()

    def test_marks(self):
        """
        What waits counts for the marks: the sender is told to wait, and so is
        a producer, but not the message that everybody waits for.
        """
        end = End.opened()
        source, producer = Slow(), PushProducer()
        end.webSocket.sendStream(source)
        end.webSocket.attachProducer(producer)
        end.webSocket.sendBytesMessage(bytes(FULL))
        self.assertTrue(end.webSocket.isAboveHighWater)
        self.assertGreater(end.webSocket.pendingSize, FULL)
        self.assertEqual(producer.told, ["pause"])
        writable = end.webSocket.whenWritable()
        source.give(b"a")
        self.assertEqual(len(source.asked), 1)
        source.end()
        end.takeAll()
        self.successResultOf(writable)
        self.assertFalse(end.webSocket.isAboveHighWater)
        self.assertEqual(producer.told, ["pause", "resume"])
        self.assertEqual(end.webSocket.pendingSize, 0)

    def test_answers(self):
        """
        A peer that makes many answers wait is not read from, however small
        they are; then it goes on.
        """
        handler: Any = RecordingHandler()
        end = End.opened(handler)

        def textMessageReceived(message: str) -> None:
            end.webSocket.sendTextMessage("")

        handler.textMessageReceived = textMessageReceived
        source = Slow()
        end.webSocket.sendStream(source)
        end.receiveText(*[""] * 5000)
        self.assertFalse(end.transport.isReading)
        self.assertLess(end.webSocket.pendingSize, 2 * FULL)
        source.end()
        frames = end.takeAll()
        while not end.transport.isReading or end.webSocket.pendingSize:
            end.transport.settle()
            frames += end.takeAll()
        self.assertEqual(frames.count(Frame(TEXT, b"")), 5000)

    def test_manyEmpty(self):
        """
        Empty messages, and streams, that wait count for the cap as well.
        """
        for send in (
            lambda webSocket: webSocket.sendTextMessage(""),
            lambda webSocket: webSocket.sendStream([]).addErrback(str),
        ):
            end = End.opened(limits=Limits(maxPendingSize=FULL))
            end.webSocket.sendStream(Slow()).addErrback(str)
            for _message in range(200):
                send(end.webSocket)
            self.assertEqual(end.takeFrames(), [closeFrame(1008, "read too slowly")])
            end.webSocket.abortConnection()
            end.transport.settle()

    def test_many(self):
        """
        Many streams that are done at once are no problem.
        """
        end = End.opened()
        source = Slow()
        end.webSocket.sendStream(source)
        results = [end.webSocket.sendStream([]) for _stream in range(3000)]
        source.end()
        self.successResultOf(results[-1])
        self.assertEqual(len(end.takeAll()), 3001)

    def test_forget(self):
        """
        A stream that has not begun can be cancelled; the others go on.
        """
        end = End.opened()
        source = Slow()
        end.webSocket.sendStream(source)
        second = end.webSocket.sendStream([b"b"])
        third = end.webSocket.sendStream([b"c"])
        second.cancel()
        self.failureResultOf(second, CancelledError)
        source.end()
        self.successResultOf(third)
        self.assertEqual(end.takeFrames(), [Frame(BINARY, b""), first(b"c"), LAST])


class FailureTests(TransportTestCase):
    """
    Messages that cannot be finished.
    """

    def assertCut(self, end: End) -> None:
        """
        Assert that the connection is closed because a message is cut.
        """
        self.assertEqual(
            end.takeFrames()[-1], closeFrame(1011, "a message cannot be finished")
        )

    def test_source(self):
        """
        If a source raises, the sender learns it; as the message cannot be taken
        back, the connection is closed.
        """
        end = End.opened()
        source = Slow()
        sent = end.webSocket.sendStream(source)
        source.give(b"a")
        source.end(Broken())
        self.failureResultOf(sent, Broken)
        self.assertCut(end)

    def test_messageBehind(self):
        """
        If a message that waited cannot be sent when its turn comes, for an
        extension raises, its sender learns it, and nothing else is sent but the
        Close.
        """

        class Picky(Stream):
            def encode(self, frame: Frame, compress: bool | None = None) -> Frame:
                if frame.payload == b"bad":
                    raise Broken
                return frame

        end = End.opened(extensions=[Picky()])
        source = Slow()
        end.webSocket.sendStream(source)
        gone = end.webSocket.sendBytesMessage(b"bad")
        end.webSocket.sendBytesMessage(b"good")
        end.webSocket.loseConnection()
        source.end()

        self.failureResultOf(gone, Broken)
        self.assertEqual(
            end.takeFrames(), [Frame(BINARY, b""), closeFrame(1011, "internal error")]
        )
        self.assertEqual(len(self.flushLoggedErrors(Broken)), 1)

    def test_sourceAtOnce(self):
        """
        If nothing has left, the connection stays open.
        """
        end = End.opened()
        source = Slow()
        sent = end.webSocket.sendStream(source)
        waiting = end.webSocket.sendTextMessage("next")
        source.end(Broken())
        self.failureResultOf(sent, Broken)
        self.successResultOf(waiting)
        self.assertEqual(end.takeFrames(), [Frame(TEXT, b"next")])

    def test_mixed(self):
        """
        A message is text or bytes, not both, and nothing else.
        """
        for pieces in (["a", b"b"], [b"a", "b"], [b"a", 1]):
            end = End.opened()
            source: Any = pieces
            sent = end.webSocket.sendStream(source)
            self.failureResultOf(sent, TypeError)
            self.assertCut(end)

    def test_noSource(self):
        """
        What is no source is refused, and changes nothing.
        """
        end = End.opened()
        for source in (1, "text", b"bytes", [1], ["\ud800"]):
            found: Any = source
            sent = end.webSocket.sendStream(found)
            self.failureResultOf(sent, TypeError, UnicodeEncodeError)
        self.assertEqual(end.takeFrames(), [])
        self.assertTrue(end.webSocket.isOpen)

    def test_cancel(self):
        """
        Cancelling a message that is on its way closes the connection, and stops
        its source.
        """
        end = End.opened()
        source = Slow()
        sent = end.webSocket.sendStream(source)
        source.give(b"a")
        sent.cancel()
        self.failureResultOf(sent, CancelledError)
        self.assertTrue(source.isCancelled)
        self.assertCut(end)

    def test_cancelStubborn(self):
        """
        A source that does not mind being cancelled, and goes on or ends, is asked
        for nothing more: the message is cut, and not taken for a whole one.
        """

        async def goOn() -> AsyncIterator[Any]:
            yield b"a"
            with contextlib.suppress(CancelledError):
                await Deferred()
            yield b"b"

        async def end() -> AsyncIterator[Any]:
            yield b"a"
            with contextlib.suppress(CancelledError):
                await Deferred()

        for make in (goOn, end):
            cut = End.opened()
            sent = cut.webSocket.sendStream(make())
            sent.cancel()
            self.failureResultOf(sent, CancelledError)
            self.assertEqual(
                cut.takeFrames(),
                [first(b"a"), closeFrame(1011, "a message cannot be finished")],
            )

    def test_cancelInside(self):
        """
        A source may cancel its own message, and is asked for nothing more.
        """

        def pieces() -> Iterator[bytes]:
            yield b"a"
            sent.cancel()
            yield b"b"

        end = End.opened()
        source = Slow()
        end.webSocket.sendStream(source)
        sent = end.webSocket.sendStream(pieces())
        source.end()
        self.failureResultOf(sent, CancelledError)
        self.assertEqual(
            end.takeFrames(),
            [
                Frame(BINARY, b""),
                first(b"a"),
                closeFrame(1011, "a message cannot be finished"),
            ],
        )

    def test_cancelBeforeAnything(self):
        """
        Cancelling one of which nothing has left changes nothing.
        """
        end = End.opened()
        source = Slow()
        sent = end.webSocket.sendStream(source)
        sent.cancel()
        self.failureResultOf(sent, CancelledError)
        self.assertTrue(source.isCancelled)
        end.webSocket.sendTextMessage("next")
        self.assertEqual(end.takeFrames(), [Frame(TEXT, b"next")])


class EndTests(TransportTestCase):
    """
    The end of a connection in the middle of a message.
    """

    def test_closeWaits(self):
        """
        To lose the connection waits for what has been sent before.
        """
        end = End.opened()
        source = Slow()
        end.webSocket.sendStream(source)
        end.webSocket.sendTextMessage("b")
        end.webSocket.loseConnection(4000, "bye")
        self.assertFalse(end.webSocket.isOpen)
        end.webSocket.sendTextMessage("too late")
        end.webSocket.loseConnection(4001)
        source.give(b"a")
        source.end()
        self.assertEqual(
            end.takeFrames(),
            [first(b"a"), LAST, Frame(TEXT, b"b"), closeFrame(4000, "bye")],
        )
        end.receiveClose(4000)
        end.transport.settle()
        self.assertClosed(end, received=4000, sent=4000, isReceivedFirst=False)

    def test_idle(self):
        """
        A connection on which nothing moves any more is closed, though a message
        is on its way; the clock does not spin.
        """
        end = End.opened(idleTimeout=30.0, pingInterval=None)
        source = Slow()
        sent = end.webSocket.sendStream(source)
        source.give(b"a")
        end.clock.advance(30)
        self.assertEqual(end.takeFrames()[-1], closeFrame(1000, "idle"))
        end.clock.advance(5)
        end.transport.settle()
        self.failureResultOf(sent, ConnectionLost)
        self.assertGone(end)

    def test_nothingIsDelivered(self):
        """
        From the call on no message is delivered.
        """
        end = End.opened()
        source = Slow()
        end.webSocket.sendStream(source)
        end.webSocket.loseConnection()
        end.receive(end.frame(TEXT, b"a"), end.frame(PONG, b"a"))
        self.assertEqual(end.handler.messages, [])

    def checkEnd(self, act: Callable[[End], object], reason: type[Exception]) -> None:
        """
        Check that streams fail with what ends the connection, and that other
        messages are not waited for any more.
        """
        end = End.opened()
        source = Slow()
        sent = end.webSocket.sendStream(source)
        waiting = end.webSocket.sendTextMessage("b")
        second = end.webSocket.sendStream([b"c"])
        source.give(b"a")
        act(end)
        end.takeAll()
        end.transport.settle()
        self.assertTrue(source.isCancelled)
        self.failureResultOf(sent, reason)
        self.failureResultOf(second, reason)
        self.successResultOf(waiting)
        late = end.webSocket.sendStream([b"d"])
        self.failureResultOf(late, reason)
        self.assertGone(end)

    def test_peerCloses(self):
        """
        The peer's Close is answered at once.
        """
        self.checkEnd(lambda end: end.receiveClose(), ConnectionDone)

    def test_peerClosesWhileClosing(self):
        """
        Also if our own waits for the message.
        """

        def act(end: End) -> None:
            end.webSocket.loseConnection(4000)
            end.receiveClose()

        self.checkEnd(act, ConnectionDone)

    def test_abort(self):
        """
        To abort does not wait.
        """
        self.checkEnd(lambda end: end.webSocket.abortConnection(), ConnectionLost)

    def test_lost(self):
        """
        A connection may be lost at any time.
        """
        self.checkEnd(lambda end: end.transport.lose(OSError()), ConnectionLost)

    def test_lostWhilePaused(self):
        """
        A handler that resumes a connection when it is lost resumes nothing: no
        source is asked for more.
        """
        asked: list[int] = []

        def pieces() -> Iterator[bytes]:
            for number in range(5):
                asked.append(number)
                yield bytes(FULL)

        acts = {"connectionLost": lambda webSocket: webSocket.resumeProducing()}
        end = End.full(ActingHandler(**acts))
        sent = end.webSocket.sendStream(pieces())
        before = list(asked)
        end.webSocket.pauseProducing()
        end.transport.lose(OSError())
        end.transport.settle()
        self.failureResultOf(sent, ConnectionLost)
        self.assertEqual(asked, before)
        self.assertGone(end)

    def test_violation(self):
        """
        A peer that breaks the protocol gets no more.
        """

        def act(end: End) -> None:
            end.receive(b"\xf1\x80")
            end.takeAll()
            end.leave()

        self.checkEnd(act, ConnectionLost)

    def test_violationInside(self):
        """
        A peer that breaks the protocol while a source is asked gets no more of it,
        and no extension is said to have raised.
        """
        end = End.opened()

        def pieces() -> Iterator[bytes]:
            yield b"a"
            end.receive(b"\xf1\x80")
            yield b"b"

        sent = end.webSocket.sendStream(pieces())
        *frames, last = end.takeAll()
        self.assertEqual(frames, [first(b"a")])
        self.assertEqual(last.opcode, CLOSE)
        end.leave()
        self.failureResultOf(sent, ConnectionLost)
        self.assertGone(end)
        # A failure that was logged makes a test fail.
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_stubbornSource(self):
        """
        A source that does not let itself be cancelled changes nothing.
        """

        class Stubborn(Slow):
            """
            Ends instead.
            """

            async def __anext__(self) -> Any:
                try:
                    return await super().__anext__()
                except CancelledError:
                    raise StopAsyncIteration from None

        end = End.opened()
        source = Stubborn()
        sent = end.webSocket.sendStream(source)
        source.give(b"a")
        end.transport.lose(OSError())
        end.transport.settle()
        self.failureResultOf(sent, ConnectionLost)
        self.assertGone(end)

    def test_tooLate(self):
        """
        A stream that is sent after the Close fails with the end.
        """
        end = End.opened()
        end.webSocket.loseConnection()
        sent = end.webSocket.sendStream([b"a"])
        self.assertNoResult(sent)
        end.receiveClose()
        end.takeAll()
        end.transport.settle()
        self.failureResultOf(sent, ConnectionDone)

    def test_tooLateWhileClosing(self):
        """
        A stream that is sent after the connection has been lost, but before the
        Close, changes nothing for those that were sent before; it can be cancelled,
        and fails with the end.
        """
        end = End.opened()
        source = Slow()
        sent = end.webSocket.sendStream(source)
        end.webSocket.loseConnection(4000, "bye")
        late = [end.webSocket.sendStream([b"too late"]) for _ in range(2)]
        late[0].cancel()
        self.failureResultOf(late[0], CancelledError)
        self.assertFalse(source.isCancelled)
        source.give(b"a")
        source.end()
        self.successResultOf(sent)
        self.assertEqual(end.takeFrames(), [first(b"a"), LAST, closeFrame(4000, "bye")])
        self.assertNoResult(late[1])
        end.receiveClose(4000)
        end.transport.settle()
        self.assertClosed(end, received=4000, sent=4000, isReceivedFirst=False)
        self.failureResultOf(late[1], WebSocketClosed)

    def test_handlerThatReturnsIt(self):
        """
        A handler may return it; that it fails with the end is not logged.
        """
        handler: Any = RecordingHandler()
        source = Slow()
        end = End.opened(handler)
        handler.textMessageReceived = lambda message: end.webSocket.sendStream(source)
        end.receiveText("a")
        source.give(b"a")
        end.transport.lose(OSError())
        end.transport.settle()
        self.assertEqual(self.flushLoggedErrors(), [])
