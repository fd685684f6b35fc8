"""
Tests for L{txws.conversation}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost

from txws.conversation import Conversation
from txws.errors import WebSocketClosed, WebSocketFailed
from txws.wire.codes import Opcode
from txws.wire.frames import Frame

from .ends import FULL, Served, closeFrame
from .test_transport import Broken, TransportTestCase

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = Opcode


class FactsTests(TransportTestCase):
    """
    What a conversation knows of its connection.
    """

    def test_facts(self):
        """
        A conversation knows its connection.
        """
        end = Served.idle()
        self.assertIs(end.conversation.transport, end.webSocket)
        self.assertEqual(end.conversation.request.path, "/feed")
        self.assertEqual(end.conversation.subprotocol, "v1")


class ReceiveTests(TransportTestCase):
    """
    What the peer sends.
    """

    def test_waiting(self):
        """
        Whoever receives waits for the next message, text or bytes.
        """
        end = Served.idle()
        received = end.conversation.receive()
        self.assertNoResult(received)
        end.receiveText("a")
        self.assertEqual(self.successResultOf(received), "a")
        received = end.conversation.receive()
        end.receive(end.frame(BINARY, b"b"))
        self.assertEqual(self.successResultOf(received), b"b")

    def test_kept(self):
        """
        Messages that nobody waits for are kept, in order.
        """
        end = Served.idle()
        end.receiveText("a", "b")
        self.assertEqual(end.conversation.waitingMessages, 2)
        self.assertEqual(self.successResultOf(end.conversation.receive()), "a")
        self.assertEqual(self.successResultOf(end.conversation.receive()), "b")
        self.assertEqual(end.conversation.waitingMessages, 0)

    def test_marks(self):
        """
        Of a flood no more are kept than the high-water mark; when no more than
        the low-water mark is left, it goes on.
        """
        end = Served.idle()
        end.receiveText(*map(str, range(1000)))
        self.assertEqual(end.conversation.waitingMessages, 16)
        self.assertFalse(end.transport.isReading)
        for number in range(11):
            self.assertEqual(
                self.successResultOf(end.conversation.receive()), str(number)
            )
        self.assertEqual(end.conversation.waitingMessages, 5)
        self.assertFalse(end.transport.isReading)
        end.conversation.receive()
        self.assertEqual(end.conversation.waitingMessages, 16)
        for number in range(12, 1000):
            self.assertEqual(
                self.successResultOf(end.conversation.receive()), str(number)
            )
        self.assertTrue(end.transport.isReading)

    def test_twice(self):
        """
        Two cannot receive at a time: who would get what?
        """
        end = Served.idle()
        end.conversation.receive()
        self.assertRaises(RuntimeError, end.conversation.receive)

    def test_cancel(self):
        """
        To cancel loses no message.
        """
        end = Served.idle()
        received = end.conversation.receive()
        received.cancel()
        self.failureResultOf(received, CancelledError)
        end.receiveText("a")
        self.assertEqual(self.successResultOf(end.conversation.receive()), "a")

    def test_timeout(self):
        """
        Waiting can be limited.
        """
        end = Served.idle()
        received = end.conversation.receive().addTimeout(5, end.clock)
        end.clock.advance(5)
        self.failureResultOf(received)
        end.receiveText("a")
        self.assertEqual(self.successResultOf(end.conversation.receive()), "a")

    def test_end(self):
        """
        After the end what is kept can still be received; then it fails with how
        the connection has ended.
        """
        end = Served.idle()
        end.receiveText("a", "b")
        end.receiveClose(4000)
        end.finish()
        self.assertEqual(self.successResultOf(end.conversation.receive()), "a")
        self.assertEqual(self.successResultOf(end.conversation.receive()), "b")
        for _time in range(2):
            failure = self.failureResultOf(end.conversation.receive(), WebSocketClosed)
            self.assertEqual(failure.value.received.code, 4000)

    def test_endWhileWaiting(self):
        """
        Whoever waits at the end learns it.
        """
        end = Served.idle()
        received = end.conversation.receive()
        end.lose()
        self.failureResultOf(received, WebSocketFailed)


class IterationTests(TransportTestCase):
    """
    C{async for message in websocket}.
    """

    def test_echo(self):
        """
        An echo in three lines.
        """

        async def echo(websocket: Conversation) -> None:
            async for message in websocket:
                await websocket.send(message)

        end = Served.by(echo)
        end.receive(end.frame(TEXT, b"a"), end.frame(BINARY, b"b"))
        self.assertEqual(end.takeFrames(), [Frame(TEXT, b"a"), Frame(BINARY, b"b")])
        # In one write.
        end.receiveText("c", "d")
        self.assertEqual(len(end.transport.writes), 1)
        end.takeAll()
        end.receiveClose(4001)
        end.finish()
        self.assertClosed_(end)

    def assertClosed_(self, end: Served) -> None:
        """
        Assert that the end was quiet.
        """
        self.assertEqual(self.flushLoggedErrors(), [])
        self.assertEqual(end.delayedCalls, 0)
        self.successResultOf(end.conversation.whenClosed())

    def collect(self, end: Served) -> Deferred[list[Any]]:
        """
        Collect messages.
        """

        async def collect() -> list[Any]:
            return [message async for message in end.conversation]

        return Deferred.fromCoroutine(collect())

    def test_closed(self):
        """
        It ends when the connection is closed.
        """
        end = Served.idle()
        collected = self.collect(end)
        end.receiveText("a", "b")
        end.receiveClose()
        end.finish()
        self.assertEqual(self.successResultOf(collected), ["a", "b"])

    def test_failed(self):
        """
        It raises when the connection fails.
        """
        end = Served.idle()
        collected = self.collect(end)
        end.receiveText("a")
        end.lose()
        self.failureResultOf(collected, WebSocketFailed)


class SendTests(TransportTestCase):
    """
    What is sent.
    """

    def test_messages(self):
        """
        Text, bytes and streams are sent.
        """
        end = Served.idle()
        for message in ("a", b"b", bytearray(b"c"), memoryview(b"d"), ["e"]):
            self.successResultOf(end.conversation.send(message))
        self.assertEqual(
            end.takeFrames(),
            [
                Frame(TEXT, b"a"),
                *(Frame(BINARY, data) for data in (b"b", b"c", b"d")),
                Frame(TEXT, b"e", isFinal=False),
                Frame(CONTINUATION, b""),
            ],
        )

    def test_misuse(self):
        """
        What is no message is refused.
        """
        end = Served.idle()
        found: Any = 1
        self.failureResultOf(end.conversation.send(found), TypeError)
        self.assertRaises(UnicodeEncodeError, end.conversation.send, "\ud800")

    def test_slowPeer(self):
        """
        Sending waits while the peer is slow.
        """
        end = Served.idle()
        end.conversation.send(bytes(FULL))
        sent = end.conversation.send(bytes(FULL + 1))
        self.assertNoResult(sent)
        end.takeAll()
        self.successResultOf(sent)

    def test_end(self):
        """
        What cannot leave any more fails with what ends the connection.
        """
        end = Served.idle()
        end.conversation.send(bytes(FULL))
        slow = end.conversation.send(bytes(FULL + 1))
        end.lose()
        self.failureResultOf(slow, WebSocketFailed)
        self.failureResultOf(end.conversation.send("late"), WebSocketFailed)

    def test_closing(self):
        """
        So does what is sent while the connection is being closed.
        """
        end = Served.idle()
        end.conversation.close()
        late = end.conversation.send("late")
        self.assertNoResult(late)
        end.receiveClose()
        end.finish()
        self.failureResultOf(late, WebSocketClosed)

    def test_cancel(self):
        """
        Whoever does not want to wait says so; the message leaves nevertheless.
        """
        end = Served.idle()
        end.conversation.send(bytes(FULL))
        sent = end.conversation.send(bytes(FULL + 1))
        sent.cancel()
        self.failureResultOf(sent, CancelledError)
        self.assertEqual(len(end.takeAll()), 2)

    def test_cancelStream(self):
        """
        To cancel a stream cuts it.
        """
        end = Served.idle()
        waiting: Deferred[None] = Deferred()

        async def pieces() -> Any:
            yield "a"
            await waiting

        sent = end.conversation.send(pieces())
        sent.cancel()
        self.failureResultOf(sent, CancelledError)
        self.assertEqual(
            end.takeFrames()[-1], closeFrame(1011, "a message cannot be finished")
        )


class PingTests(TransportTestCase):
    """
    Round trips.
    """

    def pong(self, end: Served) -> bytes:
        """
        Find out what to answer to the last Ping.
        """
        return end.takeFrames()[-1].payload

    def test_ping(self):
        """
        A Ping tells how long the round trip takes.
        """
        end = Served.idle()
        result = end.conversation.ping()
        end.clock.advance(0.25)
        end.receive(end.frame(PONG, self.pong(end)))
        self.assertEqual(self.successResultOf(result), 0.25)

    def test_several(self):
        """
        A Pong answers earlier Pings, too; unasked ones answer none.
        """
        end = Served.idle()
        results = [end.conversation.ping() for _ping in range(3)]
        second = end.takeFrames()[1].payload
        end.receive(end.frame(PONG, b"unasked"), end.frame(PONG, second))
        self.successResultOf(results[0])
        self.successResultOf(results[1])
        self.assertNoResult(results[2])

    def test_end(self):
        """
        It fails with the end, also if that came before.
        """
        end = Served.idle()
        result = end.conversation.ping()
        end.conversation.close()
        late = end.conversation.ping()
        end.lose()
        for failed in (result, late, end.conversation.ping()):
            self.failureResultOf(failed, ConnectionLost)

    def test_cancelInside(self):
        """
        Whoever is told may cancel another.
        """
        end = Served.idle()
        first, second = end.conversation.ping(), end.conversation.ping()
        first.addBoth(lambda seconds: second.cancel())
        second.addErrback(lambda failure: None)
        end.receive(end.frame(PONG, self.pong(end)))
        self.successResultOf(second)
        self.assertTrue(end.webSocket.isOpen)

    def test_cancel(self):
        """
        Cancelled ones are forgotten.
        """
        end = Served.idle()
        result = end.conversation.ping()
        result.cancel()
        self.failureResultOf(result, CancelledError)
        end.receive(end.frame(PONG, self.pong(end)))


class CloseTests(TransportTestCase):
    """
    The end.
    """

    def test_close(self):
        """
        Closing fires when the connection has ended; to close again changes
        nothing.
        """
        end = Served.idle()
        closed = end.conversation.close(4000, "bye")
        again = end.conversation.close(4001)
        self.assertEqual(end.takeFrames(), [closeFrame(4000, "bye")])
        self.assertNoResult(closed)
        end.receiveClose(4000)
        end.finish()
        self.successResultOf(closed)
        self.successResultOf(again)
        self.successResultOf(end.conversation.close())

    def test_misuse(self):
        """
        A code that may not travel is refused.
        """
        self.assertRaises(ValueError, Served.idle().conversation.close, 1006)

    def test_cancel(self):
        """
        Whoever does not want to wait for the peer aborts.
        """
        end = Served.idle()
        closed = end.conversation.close()
        closed.cancel()
        self.failureResultOf(closed, CancelledError)
        end.transport.settle()
        self.assertTrue(end.transport.isLost)

    def test_flood(self):
        """
        Closing is not held up by what nobody will receive.
        """
        end = Served.idle()
        end.receiveText(*map(str, range(100)))
        closed = end.conversation.close()
        end.receiveClose()
        end.finish()
        self.successResultOf(closed)
        self.assertEqual(end.conversation.waitingMessages, 16)

    def test_whenClosed(self):
        """
        The end can be waited for, before and after, and does not fail.
        """
        end = Served.idle()
        before, cancelled = (
            end.conversation.whenClosed(),
            end.conversation.whenClosed(),
        )
        cancelled.cancel()
        self.failureResultOf(cancelled, CancelledError)
        end.lose()
        for closed in (before, end.conversation.whenClosed()):
            self.assertIsInstance(self.successResultOf(closed), WebSocketFailed)

    def test_cancelInside(self):
        """
        Whoever is told of the end may cancel what others wait for: all are
        told.
        """
        end = Served.idle()
        received, pinged = end.conversation.receive(), end.conversation.ping()
        closed = end.conversation.close()
        late, later = end.conversation.send("a"), end.conversation.send("b")

        def cancel(failure: Any) -> None:
            later.cancel()
            pinged.cancel()

        late.addErrback(cancel)
        pinged.addErrback(lambda failure: received.cancel())
        for result in (later, received):
            result.addErrback(lambda failure: None)
        end.lose()
        self.successResultOf(closed)
        self.successResultOf(end.conversation.whenClosed())
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_with(self):
        """
        C{async with} closes, with a code that tells of errors.
        """
        for error, code in ((None, 1000), (Broken(), 1011)):
            end = Served.idle()

            async def use(end: Served = end, error: Exception | None = error) -> None:
                async with end.conversation as websocket:
                    await websocket.send("a")
                    if error is not None:
                        raise error

            used = Deferred.fromCoroutine(use())
            self.assertEqual(end.takeFrames()[-1].payload[:2], code.to_bytes(2, "big"))
            end.receiveClose(code)
            end.finish()
            if error is None:
                self.successResultOf(used)
            else:
                self.failureResultOf(used, Broken)


class QuietTests(TransportTestCase):
    """
    What is left when all is over.
    """

    def test_nothingLeft(self):
        """
        A conversation that is over is nobody's: no call is scheduled, nobody
        waits.
        """

        async def echo(websocket: Conversation) -> None:
            async for message in websocket:
                await websocket.send(message)

        end = Served.by(echo)
        end.receiveText("a")
        end.takeAll()
        end.leave()
        self.assertEqual(end.delayedCalls, 0)
        self.assertIsNone(end.transport.producer)
        closed = self.successResultOf(end.conversation.whenClosed())
        self.assertNotIsInstance(closed, ConnectionDone)
