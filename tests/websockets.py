"""
What an L{IWebSocketTransport} does, as a handler sees it: told with the fake of
L{txws.testing}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionAborted, ConnectionLost
from zope.interface.verify import verifyObject

from txws.errors import WebSocketClosed, WebSocketFailed
from txws.interfaces import IWebSocketTransport
from txws.policy import Limits
from txws.testing import FakeWebSocketTransport
from txws.wire.codes import Opcode
from txws.wire.events import CloseStatus
from txws.wire.frames import Frame

from .contract import Producer
from .ends import ActingHandler, closeFrame

__all__ = ["WebSocketTransportContract"]


def text(message: str) -> Frame:
    """
    Make a text message.
    """
    return Frame(Opcode.TEXT, message.encode())


def binary(data: bytes) -> Frame:
    """
    Make a binary message.
    """
    return Frame(Opcode.BINARY, data)


class WebSocketTransportContract:
    """
    Tests for a connection.
    """

    assertEqual: Any
    assertGreater: Any
    assertIs: Any
    assertIsInstance: Any
    assertIsNone: Any
    assertIsNot: Any
    assertRaises: Any
    assertTrue: Any
    assertFalse: Any
    flushLoggedErrors: Any

    def begin(self, limits: Limits | None = None, **acts: Any) -> Any:
        """
        Make a connection that is not open.
        """
        self.handler = ActingHandler(**acts)
        self.driver: Any = FakeWebSocketTransport(self.handler, limits=limits)
        self.transport: Any = self.driver
        return self.driver

    def open(self, limits: Limits | None = None, **acts: Any) -> Any:
        """
        Make a connection that is open.
        """
        self.begin(limits, **acts)
        self.driver.finishNegotiation()
        return self.driver

    def assertSent(self, *frames: Frame) -> None:
        """
        Assert what has left.
        """
        self.assertEqual(self.driver.frames, list(frames))

    def assertEnded(
        self,
        kind: type[BaseException],
        received: CloseStatus | None,
        sent: CloseStatus | None,
        isReceivedFirst: bool = False,
    ) -> Any:
        """
        Assert what the handler was told of the end, once and last.
        """
        names = [event[0] for event in self.handler.events]
        self.assertEqual(names.count("connectionLost"), 1)
        self.assertEqual(names[-1], "connectionLost")
        reason = self.handler.reason
        assert reason is not None
        ended: Any = reason.value
        self.assertIs(type(ended), kind)
        self.assertEqual((ended.received, ended.sent), (received, sent))
        self.assertEqual(ended.isReceivedFirst, isReceivedFirst)
        return ended

    # Sending

    def test_interface(self):
        """
        It is a whole transport, whose facts are there from the start.
        """
        self.begin()
        verifyObject(IWebSocketTransport, self.transport)
        self.assertEqual(self.transport.subprotocol, self.transport.request.subprotocol)
        self.assertEqual(self.transport.getPeer(), self.transport.carrier.getPeer())
        self.assertEqual(self.transport.getHost(), self.transport.carrier.getHost())
        self.assertEqual(self.transport.request.peer, self.transport.getPeer())
        self.assertIsNone(self.transport.roundTripTime)
        self.assertEqual(self.transport.pendingSize, 0)
        self.assertIs(self.handler.transport, self.transport)

    def test_messages(self):
        """
        Messages leave in their order.
        """
        self.open()
        self.transport.sendTextMessage("Grüße")
        self.transport.sendBytesMessage(b"a")
        self.transport.sendBytesMessage(bytearray(b"b"))
        self.transport.sendBytesMessage(memoryview(b"cxd")[::2])
        self.transport.sendTextMessage("")
        self.assertSent(
            text("Grüße"), binary(b"a"), binary(b"b"), binary(b"cd"), text("")
        )
        self.assertEqual(self.transport.pendingSize, 0)

    def test_ownKinds(self):
        """
        So do those of a kind of their own.
        """
        self.open()
        self.transport.sendTextMessage(type("Markup", (str,), {})("Grüße"))
        self.transport.sendBytesMessage(type("Digest", (bytes,), {})(b"a"))
        self.assertSent(text("Grüße"), binary(b"a"))

    def test_changedAfterwards(self):
        """
        What was sent may be changed afterwards.
        """
        self.open().stall()
        data = bytearray(b"a")
        self.transport.sendBytesMessage(data)
        data[:] = b"b"
        self.driver.drain()
        self.assertSent(binary(b"a"))

    def test_noMessages(self):
        """
        What is no message is an error at the call.
        """
        self.open()
        for message in (b"a", None, 5):
            self.assertRaises(TypeError, self.transport.sendTextMessage, message)
        self.assertRaises(UnicodeEncodeError, self.transport.sendTextMessage, "a\ud800")
        for data in ("a", None, 5):
            self.assertRaises(TypeError, self.transport.sendBytesMessage, data)
        self.assertSent()
        self.assertEqual(self.transport.pendingSize, 0)

    def test_ping(self):
        """
        A Ping carries at most 125 bytes.
        """
        self.open()
        self.transport.ping()
        self.transport.ping(bytes(125))
        self.assertRaises(ValueError, self.transport.ping, bytes(126))
        self.assertRaises(TypeError, self.transport.ping, "a")
        self.assertRaises(TypeError, self.transport.ping, None)
        self.assertSent(Frame(Opcode.PING, b""), Frame(Opcode.PING, bytes(125)))

    def test_beforeTheEndOfTheHandshake(self):
        """
        What is sent before the end of the handshake waits for it.
        """
        self.begin(
            negotiationStarted=lambda t: t.sendTextMessage("first"),
            negotiationFinished=lambda t: t.sendTextMessage("third"),
        )
        self.transport.sendTextMessage("second")
        self.assertEqual(self.transport.pendingSize, 7 + 8)
        self.assertSent()
        self.driver.finishNegotiation()
        self.assertSent(text("first"), text("second"), text("third"))

    def test_turn(self):
        """
        What is sent in a method waits for its end.
        """
        sizes = []

        def send(transport):
            for _ in range(2):
                transport.sendTextMessage("a")
                sizes.append(transport.pendingSize)

        self.open(textMessageReceived=send)
        self.driver.receive("x", "y")
        self.assertEqual(sizes, [3, 6, 9, 12])
        self.assertSent(*[text("a")] * 4)

    def test_sizes(self):
        """
        What is pending is counted as it will be on the wire.
        """
        self.open().stall()
        total = 0
        for size, header in ((0, 2), (125, 2), (126, 4), (65535, 4), (65536, 10)):
            self.transport.sendBytesMessage(bytes(size))
            total += size + header
            self.assertEqual(self.transport.pendingSize, total)

    def test_muchInATurn(self):
        """
        More than 64 KiB does not wait for the end of a turn.
        """
        sizes = []

        def send(transport):
            for _ in range(3):
                transport.sendBytesMessage(bytes(30000))
                sizes.append(transport.pendingSize)

        self.open(textMessageReceived=send)
        self.driver.receive("x")
        self.assertEqual(sizes, [30004, 60008, 0])
        self.assertSent(*[binary(bytes(30000))] * 3)

    # Receiving

    def test_receive(self):
        """
        The handler is told what is received, in its order.
        """
        self.open().receive("a", b"b")
        self.driver.receivePong(b"c")
        self.assertEqual(
            self.handler.events[2:],
            [
                ("textMessageReceived", "a"),
                ("bytesMessageReceived", b"b"),
                ("pongReceived", b"c"),
            ],
        )

    def test_pause(self):
        """
        What comes while the connection is paused waits until it is resumed,
        and is not told from inside that call.
        """
        self.open()
        self.assertTrue(self.driver.isReading)
        self.transport.pauseProducing()
        self.transport.pauseProducing()
        self.assertFalse(self.driver.isReading)
        self.driver.receive("a")
        self.driver.receivePong(b"b")
        self.assertEqual(len(self.handler.events), 2)
        self.transport.resumeProducing()
        self.transport.resumeProducing()
        self.assertEqual(len(self.handler.events), 2)
        self.driver.settle()
        self.assertTrue(self.driver.isReading)
        names = [event[0] for event in self.handler.events[2:]]
        self.assertEqual(names, ["textMessageReceived", "pongReceived"])

    def test_pauseInside(self):
        """
        A handler may pause at each message, and resume from wherever it is.
        """
        self.open(textMessageReceived=lambda t: t.pauseProducing())
        self.driver.receive("a", "b", "c")
        self.assertEqual(self.handler.messages, ["a"])
        self.transport.resumeProducing()
        self.assertEqual(self.handler.messages, ["a", "b"])

        def again(transport):
            transport.pauseProducing()
            transport.resumeProducing()

        self.handler.acts["textMessageReceived"] = again
        self.transport.resumeProducing()
        self.assertEqual(self.handler.messages, ["a", "b", "c"])

    def test_throttle(self):
        """
        A peer that does not read what it is answered is not read from.
        """
        limits = Limits(highWaterMark=100, lowWaterMark=10)
        self.open(limits, textMessageReceived=lambda t: t.sendBytesMessage(bytes(48)))
        self.driver.stall()
        self.driver.receive("a", "b", "c", "d")
        self.assertEqual(self.handler.messages, ["a", "b", "c"])
        self.assertFalse(self.driver.isReading)
        self.driver.receive("e")
        self.driver.drain()
        self.assertTrue(self.driver.isReading)
        self.assertEqual(self.handler.messages, ["a", "b", "c", "d", "e"])
        self.assertSent(*[binary(bytes(48))] * 5)

    def test_hugeMarks(self):
        """
        The marks may be larger than any memory.
        """
        for mark in (2**63 - 1, 2**63, 2**64, 2**70):
            limits = Limits(None, None, highWaterMark=mark, maxPendingSize=None)
            self.open(limits, textMessageReceived=lambda t: t.sendBytesMessage(b"a"))
            self.driver.receive("a", "b")
            self.assertSent(binary(b"a"), binary(b"a"))

    def test_throttledToTheEnd(self):
        """
        If it closes then, what it has sent before is delivered all the same.
        """
        limits = Limits(highWaterMark=100, lowWaterMark=10)
        self.open(limits, textMessageReceived=lambda t: t.sendBytesMessage(bytes(120)))
        self.driver.stall()
        self.driver.receive("a", "b", "c")
        self.assertEqual(self.handler.messages, ["a"])
        self.driver.lose()
        self.assertEqual(self.handler.messages, ["a", "b", "c"])
        self.assertEnded(WebSocketFailed, None, None)

    def test_notThrottled(self):
        """
        What the application sends on its own does not count.
        """
        limits = Limits(highWaterMark=100, lowWaterMark=10)
        self.open(limits).stall()
        self.transport.sendBytesMessage(bytes(200))
        self.driver.receive("a", "b")
        self.assertEqual(self.handler.messages, ["a", "b"])

    def test_notThrottledByWhatIsRead(self):
        """
        Nor does what the peer has read.
        """
        limits = Limits(highWaterMark=100, lowWaterMark=10)
        self.open(limits, textMessageReceived=lambda t: t.sendBytesMessage(bytes(48)))
        for _ in range(10):
            self.driver.receive("a")
        self.assertTrue(self.driver.isReading)
        self.assertEqual(len(self.handler.messages), 10)

    def test_closeWhileThrottled(self):
        """
        Who closes then hears the peer's Close, wherever it closes.
        """

        def answerAndClose(transport):
            transport.sendBytesMessage(bytes(200))
            transport.loseConnection()

        status = CloseStatus(1000, "")
        for act in (answerAndClose, lambda t: t.sendBytesMessage(bytes(200))):
            self.open(
                Limits(highWaterMark=100, lowWaterMark=10), textMessageReceived=act
            )
            self.driver.stall()
            self.driver.receive("a", "b")
            self.transport.loseConnection()
            self.driver.receiveClose()
            self.driver.lose()
            self.assertEqual(self.handler.messages, ["a"])
            self.assertEnded(WebSocketClosed, status, status)

    # Closing

    def test_loseConnection(self):
        """
        The handler closes: its Close leaves after what is pending, and it is
        told of the end when the peer has answered.
        """
        self.open()
        self.transport.sendTextMessage("a")
        self.transport.loseConnection(3000, "enough")
        self.driver.settle()
        self.assertSent(text("a"), closeFrame(3000, "enough"))
        self.assertIsNone(self.handler.reason)
        self.transport.pauseProducing()
        self.driver.receiveClose(3001, "so be it")
        self.assertEnded(
            WebSocketClosed, CloseStatus(3001, "so be it"), CloseStatus(3000, "enough")
        )

    def test_loseConnectionInside(self):
        """
        It may close from inside a method, and is told no more.
        """
        self.open(textMessageReceived=lambda t: t.loseConnection())
        self.driver.receive("a", "b", b"c")
        self.driver.receivePong()
        self.assertEqual(self.handler.messages, ["a"])
        self.assertSent(closeFrame(1000))
        self.driver.receiveClose()
        self.assertEqual(len(self.handler.events), 4)

    def test_closeArguments(self):
        """
        What may not travel is an error at the call, and closes nothing.
        """
        self.open()
        for code in (0, 999, 1004, 1005, 1006, 1015, 2999, 5000, -1, 1 << 16):
            self.assertRaises(ValueError, self.transport.loseConnection, code)
        for reason in (b"bytes", None):
            self.assertRaises(TypeError, self.transport.loseConnection, 1000, reason)
        self.assertRaises(TypeError, self.transport.loseConnection, "a")
        self.transport.sendTextMessage("open")
        self.assertSent(text("open"))

    def test_longReason(self):
        """
        A reason is cut between two characters.
        """
        self.open()
        self.transport.loseConnection(1001, "a" + "ü" * 100)
        self.assertSent(closeFrame(1001, "a" + "ü" * 61))
        self.driver.lose()
        self.assertEnded(WebSocketFailed, None, CloseStatus(1001, "a" + "ü" * 61))

    def test_surrogatesInAReason(self):
        """
        What UTF-8 cannot say does not keep a connection from being closed.
        """
        self.open()
        self.transport.loseConnection(1001, "a\ud800")
        self.assertSent(closeFrame(1001, "a?"))

    def test_afterwards(self):
        """
        After that nothing that is called has an effect, right or wrong.
        """
        for isAborted in (False, True):
            self.open()
            if isAborted:
                self.transport.abortConnection()
            else:
                self.transport.loseConnection()
            sent = self.driver.frames
            self.transport.sendTextMessage("a")
            self.transport.sendTextMessage(None)
            self.transport.sendBytesMessage("a")
            self.transport.ping(bytes(200))
            self.transport.loseConnection(1, None)
            self.transport.pauseProducing()
            self.transport.resumeProducing()
            self.transport.detachProducer()
            self.assertEqual(self.transport.pendingSize, 0)
            self.assertSent(*sent)

    def test_closedByThePeer(self):
        """
        The peer closes: it is answered, and the handler is told.
        """
        self.open()
        self.driver.receive("a")
        self.driver.receiveClose(1001, "moving")
        self.assertSent(closeFrame(1001, "moving"))
        self.assertEqual(self.handler.messages, ["a"])
        status = CloseStatus(1001, "moving")
        ended = self.assertEnded(WebSocketClosed, status, status, True)
        self.assertEqual((ended.code, ended.reason), (1001, "moving"))
        self.driver.receive("b")
        self.assertEqual(self.handler.messages, ["a"])

    def test_closedWithoutACode(self):
        """
        The peer need not say why.
        """
        self.open().receiveClose(1005)
        self.assertSent(Frame(Opcode.CLOSE, b""))
        status = CloseStatus(1005, "")
        self.assertEnded(WebSocketClosed, status, status, True)

    def test_closedWhilePending(self):
        """
        What was pending leaves before the connection is closed.
        """
        self.open().stall()
        self.transport.sendTextMessage("a")
        self.driver.receiveClose()
        self.driver.receive("too late")
        self.driver.receiveClose(1002)
        self.assertIsNone(self.handler.reason)
        self.driver.drain()
        self.assertEqual(self.handler.messages, [])
        self.assertSent(text("a"), closeFrame(1000))
        status = CloseStatus(1000, "")
        self.assertEnded(WebSocketClosed, status, status, True)

    def test_closedAndLost(self):
        """
        If it is lost before that, both have closed all the same.
        """
        self.open().stall()
        self.driver.receiveClose()
        self.driver.lose()
        status = CloseStatus(1000, "")
        self.assertEnded(WebSocketClosed, status, status, True)

    def test_closedWhilePaused(self):
        """
        Who has paused is told of the peer's Close when it resumes, or closes
        itself, with what came before.
        """
        status = CloseStatus(1000, "")
        self.open()
        self.transport.pauseProducing()
        self.driver.receive("a")
        self.driver.receiveClose()
        self.transport.resumeProducing()
        self.driver.settle()
        self.assertEqual(self.handler.messages, ["a"])
        self.assertEnded(WebSocketClosed, status, status, True)
        self.open()
        self.transport.pauseProducing()
        self.driver.receive("a")
        self.driver.receiveClose()
        self.transport.loseConnection(3000)
        self.driver.settle()
        self.assertEqual(self.handler.messages, [])
        self.assertEnded(WebSocketClosed, status, CloseStatus(3000, ""))

    def test_abortConnection(self):
        """
        To abort drops what is pending, and is told, but not from inside the
        call.
        """
        self.open().stall()
        self.transport.sendTextMessage("a")
        self.transport.abortConnection()
        self.transport.abortConnection()
        self.assertEqual(self.transport.pendingSize, 0)
        self.assertIsNone(self.handler.reason)
        self.driver.lose()
        ended = self.assertEnded(WebSocketFailed, None, None)
        self.assertIsInstance(ended.cause, ConnectionAborted)
        self.assertSent()
        self.driver.settle()
        self.driver.receive("b")
        self.assertEnded(WebSocketFailed, None, None)

    def test_abortInside(self):
        """
        So it is from inside a method.
        """
        self.open(textMessageReceived=lambda t: t.abortConnection())
        self.driver.receive("a", "b")
        self.assertEqual(self.handler.messages, ["a"])
        self.assertEnded(WebSocketFailed, None, None)

    def test_abortAfterLoseConnection(self):
        """
        Who waits for the peer's Close may abort.
        """
        self.open()
        self.transport.loseConnection(1001)
        self.transport.abortConnection()
        self.driver.settle()
        self.assertEnded(WebSocketFailed, None, CloseStatus(1001, ""))

    def test_lose(self):
        """
        The connection is lost: the handler is told with what.
        """
        cause = ConnectionLost("the cable")
        self.open().lose(cause)
        ended = self.assertEnded(WebSocketFailed, None, None)
        self.assertIs(ended.cause, cause)
        self.driver.lose()
        self.transport.abortConnection()
        self.driver.settle()
        self.assertEnded(WebSocketFailed, None, None)

    def test_loseUnread(self):
        """
        What has not been read before that is lost.
        """
        self.open()
        self.transport.pauseProducing()
        self.driver.receive("a")
        self.transport.resumeProducing()
        self.driver.lose()
        self.assertEqual(self.handler.messages, [])
        self.assertEnded(WebSocketFailed, None, None)

    def test_neverOpen(self):
        """
        Who closes or aborts before the end of the handshake is never open.
        """
        for act in ("loseConnection", "abortConnection"):
            self.begin(negotiationStarted=lambda t, act=act: getattr(t, act)())
            self.driver.finishNegotiation()
            self.driver.lose()
            names = [event[0] for event in self.handler.events]
            self.assertEqual(names, ["negotiationStarted", "connectionLost"])

    # Producers

    def test_pushProducer(self):
        """
        A producer is paused above the high-water mark, resumed below the
        low-water mark, and stopped when the handler closes.
        """
        self.open(Limits(highWaterMark=100, lowWaterMark=10)).stall()
        producer = Producer()
        self.transport.attachProducer(producer)
        self.transport.sendBytesMessage(bytes(98))
        self.assertEqual(producer.told, [])
        self.transport.sendBytesMessage(b"")
        self.transport.sendBytesMessage(b"")
        self.assertEqual(producer.told, ["pause"])
        self.driver.drain()
        self.assertEqual(producer.told, ["pause", "resume"])
        self.transport.loseConnection()
        self.assertEqual(producer.told, ["pause", "resume", "stop"])

    def test_producerThatWrites(self):
        """
        A producer that goes on is paused again.
        """
        self.open(Limits(highWaterMark=100, lowWaterMark=10)).stall()
        transport = self.transport

        class Sender(Producer):
            """
            Sends when it is resumed.
            """

            def resumeProducing(self):
                super().resumeProducing()
                transport.sendBytesMessage(bytes(200))

        producer = Sender()
        transport.attachProducer(producer, True)
        transport.sendBytesMessage(bytes(200))
        self.driver.drain()
        self.assertEqual(producer.told, ["pause", "resume"])
        self.assertSent(*[binary(bytes(200))] * 2)

    def test_ends(self):
        """
        A producer is stopped at each end of the connection.
        """
        for act in (
            lambda driver: driver.abortConnection(),
            lambda driver: driver.receiveClose(),
            lambda driver: driver.lose(),
        ):
            driver = self.open()
            producer = Producer()
            self.transport.attachProducer(producer)
            act(driver)
            self.assertEqual(producer.told, ["stop"])

    def test_attachProducer(self):
        """
        There is one producer at most; one that comes while much is pending is
        paused at once, and one that comes too late is stopped.
        """
        self.open(Limits(highWaterMark=100, lowWaterMark=10)).stall()
        self.transport.sendBytesMessage(bytes(200))
        producer = Producer()
        self.transport.attachProducer(producer)
        self.assertEqual(producer.told, ["pause"])
        with self.assertRaises(RuntimeError):
            self.transport.attachProducer(Producer())
        self.transport.detachProducer()
        self.driver.drain()
        self.assertEqual(producer.told, ["pause"])
        self.transport.loseConnection()
        producer = Producer()
        self.transport.attachProducer(producer)
        self.assertEqual(producer.told, ["stop"])

    def test_pullProducer(self):
        """
        A pull producer is asked as long as it has something and that leaves.
        """

        class Puller(Producer):
            """
            Sends when it is asked.
            """

            def __init__(self, transport, count):
                super().__init__()
                self.left = count
                self._webSocket = transport

            def resumeProducing(self):
                super().resumeProducing()
                if self.left:
                    self.left -= 1
                    self._webSocket.sendTextMessage("a")

        self.open(Limits(highWaterMark=100, lowWaterMark=10))
        puller = Puller(self.transport, 3)
        self.transport.attachProducer(puller, False)
        self.assertEqual(puller.told, ["resume"] * 4)
        self.assertSent(*[text("a")] * 3)
        puller.left = 1
        self.driver.stall()
        self.transport.sendTextMessage("b")
        self.assertEqual(puller.told, ["resume"] * 4)
        self.driver.drain()
        self.assertEqual(puller.left, 0)
        self.assertSent(*[text("a")] * 3, text("b"), text("a"))
        asked = len(puller.told)
        self.driver.stall()
        self.transport.sendBytesMessage(bytes(200))
        self.assertEqual(len(puller.told), asked)
        self.driver.drain()
        self.assertEqual(puller.told, ["resume"] * (asked + 1))

    def test_cap(self):
        """
        Beyond the cap the peer is given up, and what is pending dropped.
        """
        limits = Limits(highWaterMark=100, lowWaterMark=10, maxPendingSize=300)
        self.open(limits).stall()
        self.transport.sendBytesMessage(bytes(150))
        self.transport.sendBytesMessage(bytes(200))
        self.transport.sendTextMessage("too late")
        self.driver.drain()
        self.assertSent(closeFrame(1008, "read too slowly"))
        self.driver.lose()
        self.assertEnded(WebSocketFailed, None, CloseStatus(1008, "read too slowly"))

    def test_capWhileClosing(self):
        """
        A peer that has closed is not given up.
        """
        limits = Limits(highWaterMark=100, lowWaterMark=10, maxPendingSize=100)
        self.open(limits).stall()
        self.transport.sendBytesMessage(bytes(95))
        self.driver.receiveClose(1001)
        self.assertEqual(self.transport.pendingSize, 97 + 4)
        self.driver.drain()
        self.assertSent(binary(bytes(95)), closeFrame(1001))

    # Errors

    def test_errors(self):
        """
        An exception of the handler is logged, and closes with code 1011.
        """

        def fail(transport):
            raise RuntimeError("oops")

        for name, act in (
            ("negotiationFinished", lambda driver: None),
            ("textMessageReceived", lambda driver: driver.receive("a")),
            ("bytesMessageReceived", lambda driver: driver.receive(b"a")),
            ("pongReceived", lambda driver: driver.receivePong()),
        ):
            acts: Any = {name: fail}
            act(self.open(**acts))
            self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
            self.assertSent(closeFrame(1011, "internal error"))
            self.driver.lose()

    def test_errorAtTheEnd(self):
        """
        So is one that it raises at the end.
        """

        def fail(transport):
            raise RuntimeError("oops")

        self.open(connectionLost=fail).lose()
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEnded(WebSocketFailed, None, None)

    def test_errorOfAProducer(self):
        """
        And one of its producer.
        """

        class Failing(Producer):
            """
            Fails.
            """

            def pauseProducing(self):
                raise RuntimeError("oops")

        self.open(Limits(highWaterMark=100, lowWaterMark=10)).stall()
        self.transport.attachProducer(Failing())
        self.transport.sendBytesMessage(bytes(200))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.driver.drain()
        self.assertSent(binary(bytes(200)), closeFrame(1011, "internal error"))
