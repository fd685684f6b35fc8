"""
Tests for L{txws.transport}.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from functools import partial
from itertools import pairwise, product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IConsumer,
    IPullProducer,
    IPushProducer,
    ITransport,
)
from twisted.internet.protocol import Protocol
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import classImplementsOnly, implementer
from zope.interface.verify import verifyObject

from txws.closing import abortTransport
from txws.errors import (
    BadFrame,
    BadPayload,
    DeadlineExpired,
    WebSocketClosed,
    WebSocketFailed,
)
from txws.interfaces import IGroup, IWebSocketTransport
from txws.policy import Limits
from txws.testing import MemoryTransport, RecordingHandler
from txws.wire.codes import Opcode
from txws.wire.events import CloseStatus
from txws.wire.extensions import IReleasable
from txws.wire.frames import Frame
from txws.wire.prepared import PreparedMessage
from txws.wire.states import Role

from .ends import FULL, Act, ActingHandler, End, closeFrame
from .test_flow import PushProducer
from .wire.ciphers import Stream
from .wire.tables import readFrames

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = Opcode

# Reserved bits that nobody has claimed.
BROKEN = b"\xf1\x80"


class Broken(Exception):
    """
    An error of an application.
    """


def raiseBroken(transport: object = None) -> None:
    """
    Be an application that has an error.
    """
    raise Broken


class BrokenStream(Stream):
    """
    An extension that raises for some messages.
    """

    rsv = 0

    def encode(self, frame: Frame, compress: bool | None = None) -> Frame:
        """
        Raise for what is bad, and for the end behind what says so.
        """
        if frame.payload == b"bad" or (self._isPlain and not frame.payload):
            raise Broken
        self._isPlain = frame.payload == b"end"
        return frame

    def decode(self, frame: Frame) -> Iterable[Frame]:
        """
        Raise for what is bad.
        """
        if frame.payload == b"bad":
            raise Broken
        return [frame]


def echo(handler: RecordingHandler) -> Act:
    """
    Make the act that sends the last message back.
    """

    def act(transport: IWebSocketTransport) -> None:
        message = handler.messages[-1]
        if isinstance(message, str):
            transport.sendTextMessage(message)
        else:
            transport.sendBytesMessage(message)

    return act


def makeEcho() -> ActingHandler:
    """
    Make a handler that sends each message back.
    """
    handler = ActingHandler()
    handler.acts["textMessageReceived"] = echo(handler)
    handler.acts["bytesMessageReceived"] = echo(handler)
    return handler


class TransportTestCase(SynchronousTestCase):
    """
    Judges ends of connections.
    """

    def assertGone(self, end: End) -> None:
        """
        Assert that a connection is over: the handler was told so once and
        last, and nothing is left.
        """
        self.assertEqual(end.names.count("connectionLost"), 1, end.names)
        self.assertEqual(end.names[-1], "connectionLost")
        self.assertEqual(end.delayedCalls, 0)
        self.assertIsNone(end.transport.producer)

    def assertClosed(
        self, end: End, received: int, sent: int, isReceivedFirst: bool
    ) -> None:
        """
        Assert that a connection was closed by a closing handshake.
        """
        self.assertGone(end)
        ended = end.ended
        self.assertIsInstance(ended, WebSocketClosed)
        self.assertEqual(
            (ended.received.code, ended.sent.code, ended.isReceivedFirst),
            (received, sent, isReceivedFirst),
        )
        self.assertTrue(end.handler.reason.check(ConnectionDone))

    def assertFailed(self, end: End, cause: type[BaseException]) -> Any:
        """
        Assert that a connection was lost without a closing handshake.
        """
        self.assertGone(end)
        ended = end.ended
        self.assertIsInstance(ended, WebSocketFailed)
        self.assertIsInstance(ended.cause, cause)
        self.assertTrue(end.handler.reason.check(ConnectionLost))
        return ended


class SendTests(TransportTestCase):
    """
    What the application sends.
    """

    def test_interface(self):
        """
        It is all that is promised to applications.
        """
        verifyObject(IWebSocketTransport, End().webSocket)

    def test_facts(self):
        """
        An application learns who is there and what was agreed on.
        """
        end = End.opened()
        self.assertIs(end.webSocket.carrier, end.transport)
        self.assertEqual(end.webSocket.request.path, "/feed")
        self.assertEqual(end.webSocket.subprotocol, "v1")
        self.assertEqual(end.webSocket.getPeer(), end.transport.getPeer())
        self.assertEqual(end.webSocket.getHost(), end.transport.getHost())
        self.assertNotEqual(end.webSocket.getHost(), end.webSocket.getPeer())
        self.assertIsNone(end.webSocket.roundTripTime)
        self.assertEqual(end.webSocket.pendingSize, 0)

    def test_repr(self):
        """
        In a log it says which connection it is and how it stands.
        """
        end = End.opened()
        peer = end.transport.getPeer()
        self.assertEqual(
            repr(end.webSocket), f"<WebSocketTransport open '/feed' {peer}>"
        )
        end.webSocket.abortConnection()
        self.assertIn("closed", repr(end.webSocket))

    def test_send(self):
        """
        What is sent on its own leaves at once.
        """
        end = End.opened()
        end.webSocket.sendTextMessage("Grüße")
        self.assertEqual(end.takeFrames(), [Frame(TEXT, "Grüße".encode())])
        for data in (b"ab", bytearray(b"ab"), memoryview(b"xabx")[1:3]):
            end.webSocket.sendBytesMessage(data)
            self.assertEqual(end.takeFrames(), [Frame(BINARY, b"ab")])
        end.webSocket.ping(b"hi")
        end.webSocket.ping()
        self.assertEqual(end.takeFrames(), [Frame(PING, b"hi"), Frame(PING, b"")])

    def test_masked(self):
        """
        A client masks what it sends.
        """
        end = End.opened(role=Role.CLIENT)
        end.webSocket.sendTextMessage("a")
        (written,) = end.transport.writes
        self.assertEqual(written[1] & 0x80, 0x80)
        self.assertEqual(end.takeFrames(), [Frame(TEXT, b"a")])

    def test_copied(self):
        """
        What was sent may be changed afterwards.
        """
        end = End.full()
        data = bytearray(b"x" * 8192)
        end.webSocket.sendBytesMessage(data)
        data[:] = b"y" * 8192
        self.assertEqual(end.takeAll()[-1], Frame(BINARY, b"x" * 8192))

    def test_misuse(self):
        """
        What cannot be sent is an error at the call, and changes nothing.
        """
        end = End.opened()
        webSocket = end.webSocket
        self.assertRaises(UnicodeEncodeError, webSocket.sendTextMessage, "\ud800")
        self.assertRaises(TypeError, webSocket.sendTextMessage, b"a")
        self.assertRaises(TypeError, webSocket.sendBytesMessage, "a")
        self.assertRaises(TypeError, webSocket.sendBytesMessage, 5)
        self.assertRaises(ValueError, webSocket.ping, b"x" * 126)
        for code in (0, 999, 1004, 1005, 1006, 1015, 2999, 5000):
            self.assertRaises(ValueError, webSocket.loseConnection, code)
        self.assertEqual(end.takeFrames(), [])
        webSocket.sendTextMessage("a")
        self.assertEqual(end.takeFrames(), [Frame(TEXT, b"a")])

    def test_oneWrite(self):
        """
        Everything that one read of the transport causes leaves in one write:
        replies, pongs and pings, in their order.
        """
        handler = makeEcho()
        end = End.opened(handler)
        handler.acts["pongReceived"] = lambda transport: transport.ping(b"again")
        end.receive(
            end.frame(TEXT, b"1"),
            end.frame(PING, b"2"),
            end.frame(BINARY, b"3"),
            end.frame(PONG, b"4"),
            end.frame(TEXT, b"5"),
        )
        (written,) = end.transport.writes
        self.assertEqual(
            readFrames(written),
            [
                Frame(TEXT, b"1"),
                Frame(PONG, b"2"),
                Frame(BINARY, b"3"),
                Frame(PING, b"again"),
                Frame(TEXT, b"5"),
            ],
        )

    def test_longTurn(self):
        """
        What is sent in one turn does not pile up beside the transport's own
        buffer: it leaves earlier when it is a lot.
        """
        for method in ("negotiationFinished", "textMessageReceived"):
            pending: list[int] = []

            def act(transport, pending=pending) -> None:
                for _ in range(100):
                    transport.sendBytesMessage(bytes(1000))
                    pending.append(transport.pendingSize)

            end = End.opened(ActingHandler(**{method: act}))
            end.receiveText("go")
            self.assertEqual(len(pending), 100)
            self.assertLess(max(pending), 65536, method)
            self.assertEqual(len(end.takeAll()), 100)

    def test_tenMegabytes(self):
        """
        A handler may send 10 MB in one turn: not much more than what it sends
        is kept, and all of it arrives.
        """
        handler = ActingHandler()
        end = End.opened(handler)

        def act(transport) -> None:
            for number in range(160):
                transport.sendBytesMessage(bytes([number]) * 65536)

        handler.acts["textMessageReceived"] = act
        end.receiveText("go")
        written = sum(map(len, end.transport.writes))
        self.assertLess(written, 3 * 65536)
        self.assertLess(written + end.webSocket.pendingSize, 160 * 65546 + 1)
        self.assertEqual(
            [found.payload[0] for found in end.takeAll()], list(range(160))
        )

    def test_afterClose(self):
        """
        After the end has begun, on whatever side, what is sent is ignored.
        """
        for begin in (
            lambda end: end.webSocket.loseConnection(),
            lambda end: end.webSocket.abortConnection(),
            lambda end: end.receiveClose(),
            lambda end: end.receive(BROKEN),
            lambda end: end.leave(),
        ):
            end = End.opened()
            begin(end)
            before = list(end.transport.writes)
            producer = PushProducer()
            end.webSocket.sendTextMessage("a")
            end.webSocket.sendBytesMessage(b"a")
            end.webSocket.sendPreparedMessage(PreparedMessage("a"))
            end.webSocket.ping()
            end.webSocket.loseConnection(1001)
            end.webSocket.pauseProducing()
            end.webSocket.resumeProducing()
            end.webSocket.attachProducer(producer)
            self.assertEqual(end.transport.writes, before)
            self.assertEqual(end.webSocket.pendingSize, 0)
            self.assertEqual(producer.told, ["stop"])

    def test_prepared(self):
        """
        A message that goes to many is sent as others are: by servers, and by
        clients, who mask it; it keeps a connection from being idle.
        """
        for role in Role:
            end = End.opened(role=role, idleTimeout=40)
            for _ in range(4):
                end.clock.advance(15)
                end.receive(end.frame(PONG))
                end.webSocket.sendPreparedMessage(PreparedMessage("Grüße"))
                self.assertIn(Frame(TEXT, "Grüße".encode()), end.takeFrames())
            self.assertTrue(end.webSocket.isOpen)
            self.assertRaises(TypeError, end.webSocket.sendPreparedMessage, "a")

    def test_isOpen(self):
        """
        A connection is open until the closing begins, on either side.
        """
        for begin in (
            lambda end: end.webSocket.loseConnection(),
            lambda end: end.webSocket.abortConnection(),
            lambda end: end.receiveClose(),
            lambda end: end.receive(BROKEN),
            lambda end: end.leave(),
        ):
            end = End.opened()
            self.assertIs(end.webSocket.isOpen, True)
            begin(end)
            self.assertIs(end.webSocket.isOpen, False)


class OpenTests(TransportTestCase):
    """
    Until the opening handshake is answered.
    """

    def test_order(self):
        """
        What is sent before the 101 follows it.
        """
        handler = ActingHandler(
            negotiationStarted=lambda transport: transport.sendTextMessage("a"),
            negotiationFinished=lambda transport: transport.sendTextMessage("b"),
        )
        end = End(handler)
        end.webSocket.ping(b"c")
        end.webSocket.sendBytesMessage(bytes(100000))
        self.assertEqual(end.transport.writes, [])
        end.webSocket.open(b"HTTP/1.1 101 \r\n\r\n")
        written = b"".join(iter(end.transport.takeData, b""))
        self.assertTrue(written.startswith(b"HTTP/1.1 101 \r\n\r\n"))
        self.assertEqual(
            readFrames(written.partition(b"\r\n\r\n")[2]),
            [
                Frame(TEXT, b"a"),
                Frame(PING, b"c"),
                Frame(BINARY, bytes(100000)),
                Frame(TEXT, b"b"),
            ],
        )
        self.assertEqual(end.names, ["negotiationStarted", "negotiationFinished"])

    def test_pullProducer(self):
        """
        A producer that was attached before the 101 is asked after it.
        """
        handler = ActingHandler()

        @implementer(IPullProducer)
        class Endless:
            """
            Always has more.
            """

            def resumeProducing(self) -> None:
                """
                Send something.
                """
                handler.transport.sendBytesMessage(bytes(1000))

            def stopProducing(self) -> None:
                """
                Be done.
                """

        handler.acts["negotiationStarted"] = lambda transport: transport.attachProducer(
            Endless(), False
        )
        end = End(handler)
        self.assertEqual(end.transport.writes, [])
        end.webSocket.open(b"101")
        self.assertEqual(end.transport.writes[0], b"101")
        self.assertGreater(sum(map(len, end.transport.writes)), 65536)

    def test_closedBefore(self):
        """
        A connection that is closed before it is open is opened and closed:
        messages that were sent before arrive, and nothing else is called.
        """
        handler = ActingHandler()

        def act(transport) -> None:
            transport.sendTextMessage("sorry")
            transport.loseConnection(1013, "later")
            transport.sendTextMessage("ignored")

        handler.acts["negotiationStarted"] = act
        end = End(handler)
        end.webSocket.open(b"")
        self.assertEqual(
            end.takeFrames(), [Frame(TEXT, b"sorry"), closeFrame(1013, "later")]
        )
        end.receiveText("ignored")
        end.receiveClose(1013)
        end.transport.settle()
        self.assertClosed(end, 1013, 1013, False)
        self.assertEqual(end.names, ["negotiationStarted", "connectionLost"])

    def test_closeDeadlineOfClosedBefore(self):
        """
        A peer that does not answer the Close of such a connection is given up
        in time.
        """
        handler = ActingHandler(negotiationStarted=lambda t: t.loseConnection())
        end = End(handler, closeTimeout=5)
        end.webSocket.open(b"")
        end.transport.takeData()
        end.clock.advance(5)
        end.transport.settle()
        self.assertFailed(end, DeadlineExpired)

    def test_abortedBefore(self):
        """
        A connection that is aborted before it is open is never opened.
        """
        handler = ActingHandler(negotiationStarted=lambda t: t.abortConnection())
        end = End(handler)
        end.webSocket.open(b"HTTP/1.1 101")
        self.assertEqual(end.transport.writes, [])
        end.transport.settle()
        self.assertGone(end)
        self.assertEqual(end.names, ["negotiationStarted", "connectionLost"])

    def test_pausedBefore(self):
        """
        A connection that is paused before it is open delivers nothing until it
        is resumed.
        """
        handler = ActingHandler(negotiationStarted=lambda t: t.pauseProducing())
        end = End(handler)
        end.webSocket.open(b"")
        end.receiveText("a")
        self.assertEqual(handler.messages, [])
        end.webSocket.resumeProducing()
        end.transport.settle()
        self.assertEqual(handler.messages, ["a"])

    def test_deadline(self):
        """
        When the connection is open the deadline of the opening handshake is of
        no concern.
        """
        end = End.opened(handshakeTimeout=10, pingInterval=None)
        end.clock.advance(10)
        self.assertEqual(end.delayedCalls, 0)
        self.assertFalse(end.transport.disconnecting)


class ReceiveTests(TransportTestCase):
    """
    What the handler is told.
    """

    def test_events(self):
        """
        Messages and Pongs are delivered in their order, Pings are not.
        """
        end = End.opened()
        end.receive(
            end.frame(TEXT, "Grüße".encode()),
            end.frame(PING, b"p"),
            end.frame(BINARY, b"\xff", isFinal=False),
            end.frame(PONG, b"q"),
            end.frame(CONTINUATION, b"\xfe"),
        )
        self.assertEqual(
            end.handler.events[2:],
            [
                ("textMessageReceived", "Grüße"),
                ("pongReceived", b"q"),
                ("bytesMessageReceived", b"\xff\xfe"),
            ],
        )

    def test_pieces(self):
        """
        It does not matter in what pieces bytes arrive.
        """
        end = End.opened()
        data = end.frame(TEXT, b"hello") + end.frame(BINARY, b"world")
        for position in range(len(data)):
            end.receive(data[position : position + 1])
        self.assertEqual(end.handler.messages, ["hello", b"world"])

    def test_afterClosing(self):
        """
        After the application has closed, nothing but the end is told, no
        matter what still comes in: messages, Pongs.
        """
        for data in (b"", b"split"):
            handler = ActingHandler()
            end = End.opened(handler)
            handler.acts["textMessageReceived"] = lambda t: t.loseConnection()
            first = end.frame(TEXT, b"bye")
            rest = [end.frame(TEXT), end.frame(PONG), end.frame(BINARY)]
            if data:
                end.receive(first)
                end.receive(*rest)
            else:
                end.receive(first, *rest)
            end.receiveClose()
            end.transport.takeData()
            end.transport.settle()
            self.assertEqual(end.names[2:], ["textMessageReceived", "connectionLost"])

    def test_pingAfterClosing(self):
        """
        A Ping is answered until the peer's Close has come, RFC 6455 section
        5.5.2.
        """
        end = End.opened()
        end.webSocket.loseConnection()
        end.receive(end.frame(PING, b"p"), end.frame(CLOSE), end.frame(PING, b"q"))
        self.assertEqual(end.takeFrames(), [closeFrame(1000), Frame(PONG, b"p")])


class TurnTests(TransportTestCase):
    """
    A peer that gives much to do with few bytes does not keep others waiting.
    """

    def openSlow(self) -> tuple[End, ActingHandler]:
        """
        Make an end whose handler is busy for 4 ms with each message.
        """
        handler = ActingHandler()
        end = End.opened(handler)

        def act(transport: IWebSocketTransport) -> None:
            end.clock.rightNow += 0.004

        handler.acts["textMessageReceived"] = act
        return end, handler

    def test_turns(self):
        """
        After 5 ms nothing is read, and what has been read waits for the next
        turn of the reactor.
        """
        end, handler = self.openSlow()
        end.receiveText(*"abcde")
        self.assertEqual(handler.messages, list("ab"))
        self.assertFalse(end.transport.isReading)
        self.assertEqual(end.delayedCalls, 2)
        others = []
        end.clock.callLater(0, lambda: others.extend(handler.messages))
        end.clock.advance(0)
        self.assertEqual(others, list("abcd"))
        self.assertEqual(handler.messages, list("abcde"))
        self.assertTrue(end.transport.isReading)
        self.assertEqual(end.delayedCalls, 1)

    def test_receivedMeanwhile(self):
        """
        What arrives while the last message is seen to does not wait for more.
        """
        handler = ActingHandler()
        end = End.opened(handler)

        def act(transport: IWebSocketTransport) -> None:
            if handler.messages == ["a"]:
                end.receiveText("b")

        handler.acts["textMessageReceived"] = act
        end.receiveText("a")

        self.assertEqual(handler.messages, ["a", "b"])

    def test_slowAfterQuick(self):
        """
        After quick messages not many slow ones come in one turn.
        """
        handler = ActingHandler()
        end = End.opened(handler)

        def act(transport: IWebSocketTransport) -> None:
            if len(handler.messages) > 10:
                end.clock.rightNow += 0.004

        handler.acts["textMessageReceived"] = act
        end.receiveText(*"abcdefghijklmnopqrstuvwxyz")
        turns = []

        def beOthers() -> None:
            turns.append(len(handler.messages))
            if not end.transport.isReading:
                end.clock.callLater(0, beOthers)

        beOthers()
        end.clock.advance(0)

        first, *rest = turns
        self.assertIn(first, range(11, 11 + 4))
        # Then each is waited for, of 4 ms that others wait.
        for before, after in pairwise(rest):
            self.assertLessEqual(after - before, 2)
        self.assertEqual(handler.messages, list("abcdefghijklmnopqrstuvwxyz"))

    def test_fragmented(self):
        """
        So do messages in fragments, which are put together one by one.
        """
        end, handler = self.openSlow()
        parts = [
            part
            for text in (b"a", b"b", b"c", b"d", b"e")
            for part in (
                end.frame(TEXT, text, isFinal=False),
                end.frame(CONTINUATION, b""),
            )
        ]
        end.receive(*parts)
        self.assertEqual(handler.messages, list("ab"))
        self.assertFalse(end.transport.isReading)
        end.clock.advance(0)
        self.assertEqual(handler.messages, list("abcde"))
        self.assertTrue(end.transport.isReading)

    def test_lost(self):
        """
        A peer that has gone meanwhile is heard to its end, as ever.
        """
        end, handler = self.openSlow()
        end.receive(
            *(end.frame(TEXT, text) for text in (b"a", b"b", b"c", b"d", b"e", b"f")),
            end.frame(CLOSE, (4000).to_bytes(2, "big")),
        )
        end.transport.protocol.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(handler.messages, list("abcdef"))
        self.assertEqual(end.ended.received.code, 4000)
        self.assertEqual(end.delayedCalls, 0)

    def test_paused(self):
        """
        What the application has paused stays so in the next turn.
        """
        end, handler = self.openSlow()
        end.receiveText(*"abc")
        end.webSocket.pauseProducing()
        end.clock.advance(0)
        self.assertEqual(handler.messages, list("ab"))
        end.webSocket.resumeProducing()
        self.assertEqual(handler.messages, list("abc"))

    def test_resumedAgainAndAgain(self):
        """
        Nor does an application that pauses and resumes keep others waiting,
        however busy it is in between.
        """
        handler = ActingHandler(textMessageReceived=lambda t: t.pauseProducing())
        end = End.opened(handler)
        end.receiveText(*"abcde")
        for _message in range(4):
            end.clock.rightNow += 0.003
            end.webSocket.resumeProducing()
        self.assertEqual(handler.messages, list("abc"))
        self.assertFalse(end.transport.isReading)
        end.clock.advance(0)
        self.assertEqual(handler.messages, list("abcd"))
        end.webSocket.resumeProducing()
        self.assertEqual(handler.messages, list("abcde"))

    def test_closing(self):
        """
        When the connection is closed in between, it is read on at once, and the
        next turn changes nothing; an aborted one leaves no call behind.
        """
        end, handler = self.openSlow()
        end.receiveText(*"abc")
        end.webSocket.loseConnection()
        self.assertTrue(end.transport.isReading)
        end.clock.advance(0)
        self.assertEqual(handler.messages, list("ab"))
        end, handler = self.openSlow()
        end.receiveText(*"abc")
        end.webSocket.abortConnection()
        self.assertEqual(end.delayedCalls, 0)


class PauseTests(TransportTestCase):
    """
    The application stops and goes on to read.
    """

    def test_pause(self):
        """
        While the application pauses, nothing is delivered and nothing is read;
        afterwards everything is, in its order.
        """
        handler = ActingHandler(textMessageReceived=lambda t: t.pauseProducing())
        end = End.opened(handler)
        end.receiveText("a", "b", "c")
        self.assertEqual(handler.messages, ["a"])
        self.assertFalse(end.transport.isReading)
        end.receiveText("d")
        self.assertEqual(handler.messages, ["a"])
        end.webSocket.resumeProducing()
        self.assertEqual(handler.messages, ["a", "b"])
        handler.acts.clear()
        end.webSocket.resumeProducing()
        self.assertTrue(end.transport.isReading)
        end.transport.settle()
        self.assertEqual(handler.messages, ["a", "b", "c", "d"])

    def test_pings(self):
        """
        While the application pauses, Pings wait, too; nothing grows.
        """
        end = End.opened()
        end.webSocket.pauseProducing()
        end.receive(end.frame(PING, b"p"))
        self.assertEqual(end.takeFrames(), [])
        end.webSocket.resumeProducing()
        end.transport.settle()
        self.assertEqual(end.takeFrames(), [Frame(PONG, b"p")])

    def test_carrierThatGoesOn(self):
        """
        What a Twisted transport delivers although it was paused, as TLS does
        with what it has decrypted, waits as well.
        """
        end = End.opened()
        end.webSocket.pauseProducing()
        end.webSocket.dataReceived(end.frame(TEXT, b"a"))
        end.webSocket.dataReceived(end.frame(TEXT, b"b"))
        self.assertEqual(end.handler.messages, [])
        end.webSocket.resumeProducing()
        self.assertEqual(end.handler.messages, ["a", "b"])

    def test_resumeInside(self):
        """
        Pausing and resuming in one method changes nothing.
        """

        def act(transport) -> None:
            transport.pauseProducing()
            transport.resumeProducing()

        handler = ActingHandler(textMessageReceived=act)
        end = End.opened(handler)
        end.receiveText("a", "b")
        self.assertEqual(handler.messages, ["a", "b"])
        self.assertTrue(end.transport.isReading)

    def test_notCounted(self):
        """
        Pausing is not counted: to resume once is enough.
        """
        end = End.opened()
        end.webSocket.resumeProducing()
        end.webSocket.pauseProducing()
        end.webSocket.pauseProducing()
        end.webSocket.resumeProducing()
        end.receiveText("a")
        self.assertEqual(end.handler.messages, ["a"])

    def test_sending(self):
        """
        To pause reading does not keep anybody from sending.
        """
        end = End.opened()
        end.webSocket.pauseProducing()
        end.webSocket.sendTextMessage("a")
        self.assertEqual(end.takeFrames(), [Frame(TEXT, b"a")])

    def test_lostWhilePaused(self):
        """
        If the connection is lost while the application pauses, what has not
        been delivered never is.
        """
        handler = ActingHandler(textMessageReceived=lambda t: t.pauseProducing())
        end = End.opened(handler)
        end.receiveText("a", "b")
        end.transport.lose(ConnectionLost())
        end.transport.settle()
        self.assertFailed(end, ConnectionLost)
        self.assertEqual(handler.messages, ["a"])
        end.webSocket.resumeProducing()
        self.assertGone(end)

    def test_closeWhilePaused(self):
        """
        To close while pausing does not wait for the application to resume: the
        peer's Close is found, although it came before.
        """
        handler = ActingHandler(textMessageReceived=lambda t: t.pauseProducing())
        end = End.opened(handler)
        end.receive(end.frame(TEXT, b"a"), end.frame(TEXT, b"b"), end.frame(CLOSE))
        end.webSocket.loseConnection(1001)
        end.transport.takeData()
        end.transport.settle()
        self.assertClosed(end, 1005, 1001, False)
        self.assertEqual(handler.messages, ["a"])

    def test_closeThatIsNotRead(self):
        """
        To close while pausing goes on to read for the peer's Close.
        """
        end = End.opened()
        end.webSocket.pauseProducing()
        end.receiveText("a")
        end.receiveClose()
        end.webSocket.loseConnection()
        end.transport.takeData()
        end.transport.settle()
        end.transport.settle()
        self.assertClosed(end, 1000, 1000, False)
        self.assertEqual(end.handler.messages, [])


class ReentrancyTests(TransportTestCase):
    """
    The application may call anything from inside each of its methods.
    """

    methods = (
        "negotiationStarted",
        "negotiationFinished",
        "textMessageReceived",
        "bytesMessageReceived",
        "pongReceived",
        "connectionLost",
    )

    def converse(self, handler: RecordingHandler, role: Role) -> End:
        """
        Have a conversation in which each method would be called.
        """
        end = End(handler, role, closeTimeout=5)
        end.webSocket.open(b"")
        end.receive(end.frame(TEXT, b"a"), end.frame(PING), end.frame(BINARY, b"b"))
        end.receive(end.frame(PONG, b"c"), end.frame(TEXT, b"d"))
        end.receiveClose(1001)
        for _ in range(8):
            end.webSocket.resumeProducing()
            end.transport.takeData()
            end.transport.settle()
        end.leave()
        return end

    def assertConversed(self, end: End, case: object) -> None:
        """
        Assert that it ended as it should.
        """
        self.assertEqual(end.names[0], "negotiationStarted", case)
        self.assertGone(end)
        self.assertEqual(self.flushLoggedErrors(), [], case)

    def test_nothing(self):
        """
        If the application does nothing, it is told everything.
        """
        for role in Role:
            end = self.converse(RecordingHandler(), role)
            self.assertEqual(
                end.names,
                [
                    "negotiationStarted",
                    "negotiationFinished",
                    "textMessageReceived",
                    "bytesMessageReceived",
                    "pongReceived",
                    "textMessageReceived",
                    "connectionLost",
                ],
            )
            self.assertClosed(end, 1001, 1001, True)

    def test_end(self):
        """
        Closing or aborting in any method, or both, is the last thing but
        C{connectionLost} that happens.
        """

        def both(transport) -> None:
            transport.loseConnection()
            transport.abortConnection()
            transport.loseConnection()
            transport.resumeProducing()

        ends: tuple[Act, ...] = (
            lambda transport: transport.loseConnection(),
            lambda transport: transport.abortConnection(),
            both,
        )
        for role, method, act in product(Role, self.methods, ends):
            end = self.converse(ActingHandler(**{method: act}), role)
            self.assertConversed(end, (role, method))
            if method != "connectionLost":
                self.assertEqual(end.names[-2], method, (role, method))
                self.assertEqual(end.names.count(method), 1, (role, method))

    def test_pauses(self):
        """
        Pausing or resuming in any method leads to the same end.
        """

        def both(transport) -> None:
            transport.pauseProducing()
            transport.resumeProducing()

        acts: tuple[Act, ...] = (
            lambda transport: transport.pauseProducing(),
            lambda transport: transport.resumeProducing(),
            both,
        )
        for role, method, act in product(Role, self.methods, acts):
            end = self.converse(ActingHandler(**{method: act}), role)
            self.assertConversed(end, (role, method))

    def test_sends(self):
        """
        Anything can be sent in any method; it arrives if the connection is
        open.
        """

        def act(transport) -> None:
            transport.sendTextMessage("a")
            transport.sendBytesMessage(bytes(5000))
            transport.ping(b"b")

        for role, method in product(Role, self.methods):
            end = self.converse(ActingHandler(**{method: act}), role)
            self.assertConversed(end, (role, method))

    def test_producers(self):
        """
        A producer can be attached in any method, and is stopped at the end.
        """
        for role, method in product(Role, self.methods):
            producers: list[PushProducer] = []

            def act(transport, producers=producers) -> None:
                transport.detachProducer()
                producers.append(PushProducer())
                transport.attachProducer(producers[-1])

            end = self.converse(ActingHandler(**{method: act}), role)
            self.assertConversed(end, (role, method))
            self.assertEqual(producers[-1].told, ["stop"], (role, method))

    def test_bothAtOnce(self):
        """
        A message may be sent and the connection closed in one method: the
        message arrives first.
        """

        def act(transport) -> None:
            transport.sendTextMessage("bye")
            transport.loseConnection(1001)

        end = End.opened(ActingHandler(textMessageReceived=act))
        end.receiveText("a", "b")
        (written,) = end.transport.writes
        self.assertEqual(readFrames(written), [Frame(TEXT, b"bye"), closeFrame(1001)])


class ErrorTests(TransportTestCase):
    """
    Applications have errors.
    """

    def test_extension(self):
        """
        An exception of an extension is logged, and closes the connection with
        1011, too.
        """
        end = End.opened(extensions=[BrokenStream()])
        end.receiveText("bad")
        self.assertEqual(len(self.flushLoggedErrors(Broken)), 1)
        self.assertEqual(end.takeFrames(), [closeFrame(1011, "internal error")])

    def test_extensionAndClose(self):
        """
        So it is when the peer's Close has come with what made it raise, and what
        the peer sends afterwards does not make it raise again.
        """
        end = End.opened(extensions=[BrokenStream()])
        end.receive(end.frame(TEXT, b"bad"), end.frame(CLOSE))
        end.receiveText("bad")
        self.assertEqual(len(self.flushLoggedErrors(Broken)), 1)
        self.assertEqual(end.takeFrames(), [closeFrame(1011, "internal error")])
        end.leave()
        self.assertEqual(end.ended.sent.code, 1011)
        self.assertEqual(end.delayedCalls, 0)

    def test_extensionCannotSend(self):
        """
        If an extension raises when a message is sent, the application is told
        at the call, and so is the log, and the connection is closed with 1011:
        the peer does not get what other extensions may look back to.  What is
        sent later fails.
        """
        sends: tuple[Act, ...] = (
            lambda transport: transport.sendTextMessage("bad"),
            lambda transport: transport.sendBytesMessage(b"bad"),
            lambda transport: transport.sendPreparedMessage(PreparedMessage("bad")),
        )
        for send, isInHandler in product(sends, (False, True)):
            late = []

            def act(transport, send=send, late=late) -> None:
                transport.sendTextMessage("good")
                self.assertRaises(Broken, send, transport)
                late.append(transport.sendTextMessage("good"))

            handler = ActingHandler(textMessageReceived=act)
            end = End.opened(handler, extensions=[BrokenStream()])
            if isInHandler:
                end.receiveText("good", "good")
            else:
                act(end.webSocket)
            self.assertFalse(end.webSocket.isOpen)
            frames = end.takeFrames()
            self.assertEqual(frames[0].payload, b"good")
            self.assertEqual(frames[1:], [closeFrame(1011, "internal error")])
            end.leave()
            self.failureResultOf(late[0], WebSocketFailed)
            self.assertEqual(end.ended.sent.code, 1011)
            self.assertEqual(len(self.flushLoggedErrors(Broken)), 1)
            self.assertEqual(end.delayedCalls, 0)

    def test_extensionCannotRelease(self):
        """
        So it is if it raises when it is to give memory back, which is nobody's
        call, and nothing is left of the connection's clock.
        """

        @implementer(IReleasable)
        class Releasing(BrokenStream):
            def release(self) -> None:
                raise Broken

        end = End.opened(extensions=[Releasing()], pingInterval=20, closeTimeout=5)
        end.clock.advance(20)
        self.assertEqual(len(self.flushLoggedErrors(Broken)), 1)
        self.assertEqual(end.takeFrames(), [closeFrame(1011, "internal error")])
        end.clock.advance(5)
        end.transport.settle()
        self.assertTrue(end.transport.isLost)
        self.assertEqual(end.delayedCalls, 0)

    def test_extensionCannotStream(self):
        """
        So it is if it raises at the beginning, within or at the end of a message
        that is streamed, and with a message that waits behind one.
        """
        for pieces, waiting in (
            (["bad", "good"], "good"),
            (["good", "bad", "good"], "good"),
            (["good", "end"], "good"),
            (["good"], "bad"),
        ):
            end = End.opened(extensions=[BrokenStream()])
            source: Deferred[str] = Deferred()

            async def stream(source=source, pieces=pieces) -> AsyncIterator[str]:
                await source
                for piece in pieces:
                    yield piece

            streamed = end.webSocket.sendStream(stream())
            behind = end.webSocket.sendTextMessage(waiting)
            source.callback("")
            last = end.takeFrames()[-1]
            self.assertEqual(last, closeFrame(1011, "internal error"), pieces)
            end.leave()
            if waiting == "bad":
                self.successResultOf(streamed)
                self.failureResultOf(behind, Broken)
            else:
                self.failureResultOf(streamed, WebSocketFailed)
                self.successResultOf(behind)
            self.assertEqual(len(self.flushLoggedErrors()), 1)

    def test_namelessCallback(self):
        """
        The log names a callback as well as it can.
        """
        handler = ActingHandler()
        end = End(handler)
        act = partial(raiseBroken)
        vars(handler)["negotiationFinished"] = act
        with capturedLogs() as logged:
            end.webSocket.open(b"")
        self.assertEqual(len(self.flushLoggedErrors(Broken)), 1)
        self.assertIn("raiseBroken", formatEvent(logged[0]))

    def test_handler(self):
        """
        An exception of a handler is logged, and closes the connection with
        1011; what was sent before arrives, and nothing more is delivered.
        """
        for method in ReentrancyTests.methods[1:-1]:

            def act(transport) -> None:
                transport.sendTextMessage("before")
                raiseBroken()

            end = End(ActingHandler(**{method: act}))
            with capturedLogs() as logged:
                end.webSocket.open(b"")
                end.receive(end.frame(TEXT), end.frame(BINARY), end.frame(PONG))
            self.assertEqual(len(self.flushLoggedErrors(Broken)), 1, method)
            (text,) = [
                formatEvent(event)
                for event in logged
                if event["log_level"] is LogLevel.critical
            ]
            self.assertIn(f"{method} raised", text)
            frames = end.takeFrames()
            self.assertEqual(
                frames[-2:],
                [Frame(TEXT, b"before"), closeFrame(1011, "internal error")],
            )
            self.assertEqual(end.names.count(method), 1)
            end.receiveClose(1011)
            end.transport.settle()
            self.assertClosed(end, 1011, 1011, False)
            self.assertEqual(end.names[-2], method)

    def test_connectionLost(self):
        """
        An exception of C{connectionLost} is logged.
        """
        end = End.opened(ActingHandler(connectionLost=raiseBroken))
        end.leave()
        self.assertEqual(len(self.flushLoggedErrors(Broken)), 1)
        self.assertGone(end)

    def test_producer(self):
        """
        An exception of a producer is logged, and closes the connection with
        1011, or aborts it if it was about to be aborted; the handler is told
        of the end in any case.
        """
        for method in ("pauseProducing", "resumeProducing", "stopProducing"):
            end = End.full(limits=Limits(highWaterMark=1000, lowWaterMark=100))
            producer = PushProducer()
            setattr(producer, method, raiseBroken)
            end.webSocket.attachProducer(producer)
            end.webSocket.sendBytesMessage(bytes(1000))
            end.transport.takeData()
            if method == "stopProducing":
                end.webSocket.abortConnection()
                end.transport.settle()
                self.assertFailed(end, ConnectionLost)
            else:
                frames = end.takeAll()
                self.assertEqual(frames[-1], closeFrame(1011, "internal error"))
                end.receiveClose()
                end.transport.settle()
                self.assertClosed(end, 1000, 1011, False)
            self.assertEqual(len(self.flushLoggedErrors(Broken)), 1, method)

    def test_producerOfALostConnection(self):
        """
        The same if the connection is lost.
        """
        end = End.opened()
        producer = PushProducer()
        producer.stopProducing = raiseBroken  # type: ignore[method-assign]
        end.webSocket.attachProducer(producer)
        end.leave()
        self.assertEqual(len(self.flushLoggedErrors(Broken)), 1)
        failed = self.assertFailed(end, ConnectionDone)
        self.assertIsNone(failed.sent)

    def test_pullProducer(self):
        """
        An exception of a pull producer does not leave it half asked.
        """
        end = End.opened()
        producer = PushProducer()
        producer.resumeProducing = raiseBroken  # type: ignore[method-assign]
        end.webSocket.attachProducer(producer, False)
        self.assertEqual(len(self.flushLoggedErrors(Broken)), 1)
        self.assertEqual(end.takeFrames(), [closeFrame(1011, "internal error")])
        self.assertEqual(producer.told, ["stop"])


class ViolationTests(TransportTestCase):
    """
    The peer breaks the protocol.
    """

    def test_first(self):
        """
        What came before the violation is delivered and answered first; then
        comes the Close that says what was wrong.
        """
        end = End.opened(makeEcho())
        end.receive(end.frame(TEXT, b"a"), BROKEN, end.frame(TEXT, b"b"))
        echoed, close = end.takeFrames()
        self.assertEqual(echoed, Frame(TEXT, b"a"))
        self.assertEqual((close.opcode, close.payload[:2]), (CLOSE, b"\x03\xea"))
        self.assertIn(b"reserved bit", close.payload)
        self.assertEqual(end.handler.messages, ["a"])

    def test_reason(self):
        """
        The handler learns what the violation was.
        """
        for data, kind, code in (
            (BROKEN, BadFrame, 1002),
            (b"\x81\x81\0\0\0\0\xff", BadPayload, 1007),
        ):
            end = End.opened()
            with capturedLogs() as logged:
                end.receive(data)
            self.assertIn("broke the protocol", formatEvent(logged[-1]))
            self.assertIs(logged[-1]["log_level"], LogLevel.warn)
            end.transport.takeData()
            end.leave()
            failed = self.assertFailed(end, kind)
            self.assertEqual(failed.sent.code, code)
            self.assertIsNone(failed.received)
            self.assertEqual(failed.code, 1006)

    def test_limitExceeded(self):
        """
        A peer that only exceeds a limit of this side has broken no protocol.
        """
        end = End.opened(limits=Limits(maxMessageSize=3))
        with capturedLogs() as logged:
            end.receiveText("long")
        self.assertIn("exceeded a limit: ", formatEvent(logged[-1]))
        self.assertIs(logged[-1]["log_level"], LogLevel.warn)

    def test_peerThatStillSends(self):
        """
        A peer that still sends gets to read the Close: the connection is
        closed for writing alone, and what comes is read and dropped, until the
        peer goes or the deadline is over.
        """
        end = End.opened()
        end.receive(BROKEN)
        end.transport.takeData()
        self.assertTrue(end.transport.hasEnded)
        for _ in range(9):
            end.clock.advance(0.5)
            end.receive(end.frame(BINARY, bytes(50000)))
            end.transport.takeData()
            end.transport.settle()
            self.assertFalse(end.transport.isLost)
        self.assertEqual(end.transport.unreadSize, 0)
        self.assertLess(end.wire.pendingSize, 1)
        end.clock.advance(0.5)
        end.transport.settle()
        self.assertFailed(end, BadFrame)
        self.assertEqual(end.handler.messages, [])

    def test_peerThatHasSentAll(self):
        """
        A peer that has closed its half of the connection gets the Close all
        the same, and nobody waits for more of it then.
        """
        end = End.opened()
        end.receive(BROKEN, end.frame(TEXT, b"a"))
        end.leave()
        (close,) = end.takeFrames()
        self.assertEqual(close.payload[:2], b"\x03\xea")
        end.transport.settle()
        end.transport.settle()
        self.assertFailed(end, BadFrame)
        self.assertEqual(end.delayedCalls, 0)

    def test_nothingIsToBeSaid(self):
        """
        A violation after the Close is answered with nothing more, and the
        connection is closed for writing all the same.
        """
        end = End.opened()
        end.webSocket.loseConnection()
        end.takeFrames()
        end.receive(BROKEN)
        end.transport.settle()
        self.assertTrue(end.transport.hasEnded)
        self.assertTrue(end.transport.isReading)
        end.leave()
        self.assertFailed(end, BadFrame)

    def test_networkBreaks(self):
        """
        Nor is anything left if the network breaks before the Close is written.
        """
        end = End.opened()
        end.receive(BROKEN)
        end.transport.lose(ConnectionLost())
        end.transport.settle()
        self.assertFailed(end, BadFrame)
        self.assertEqual(end.delayedCalls, 0)

    def test_peerThatGoes(self):
        """
        A peer that goes is not waited for.
        """
        end = End.opened()
        end.receive(BROKEN)
        end.transport.takeData()
        end.leave()
        self.assertFailed(end, BadFrame)

    def test_whilePending(self):
        """
        If the transport is full, the Close follows what was sent before.
        """
        end = End.full()
        end.webSocket.sendTextMessage("a")
        end.receive(BROKEN)
        self.assertFalse(end.transport.hasEnded)
        first, second, close = end.takeAll()
        self.assertEqual((first.opcode, second), (BINARY, Frame(TEXT, b"a")))
        self.assertIs(close.opcode, CLOSE)
        self.assertTrue(end.transport.hasEnded)

    def test_afterOurClose(self):
        """
        A violation instead of an answer to our Close ends the connection, too.
        """
        end = End.opened()
        end.webSocket.loseConnection()
        end.receive(BROKEN)
        self.assertEqual(end.takeFrames(), [closeFrame(1000)])
        end.leave()
        failed = self.assertFailed(end, BadFrame)
        self.assertEqual(failed.sent, CloseStatus(1000, ""))

    def test_client(self):
        """
        A client that meets a violation leaves the end to the server, and
        aborts if that takes too long.
        """
        for wait in (0, 5):
            end = End.opened(role=Role.CLIENT, closeTimeout=5)
            end.receive(BROKEN)
            self.assertIs(end.takeFrames()[-1].opcode, CLOSE)
            end.clock.advance(wait)
            if wait:
                end.transport.settle()
            else:
                end.leave()
            self.assertFailed(end, BadFrame)

    def test_transportThatCannotHalfClose(self):
        """
        A transport that is not TCP is closed as it can be, and aborted as it
        can be.
        """

        class Pipe(MemoryTransport):
            """
            Has nothing of TCP's.
            """

        classImplementsOnly(Pipe, ITransport, IConsumer, IPushProducer)
        end = End.opened(transport=Pipe(Protocol()))
        end.receive(BROKEN)
        end.transport.takeData()
        end.transport.settle()
        self.assertFailed(end, BadFrame)


class CloseTests(TransportTestCase):
    """
    The closing handshake.
    """

    def test_byUs(self):
        """
        A server that closes sends a Close, waits for the peer's, and closes
        the transport first.
        """
        end = End.opened()
        end.webSocket.loseConnection(1001, "moving")
        self.assertEqual(end.takeFrames(), [closeFrame(1001, "moving")])
        end.transport.settle()
        self.assertFalse(end.transport.disconnecting)
        end.receiveClose(1001)
        self.assertTrue(end.transport.disconnecting)
        end.transport.settle()
        self.assertClosed(end, 1001, 1001, False)
        self.assertEqual(end.ended.sent.reason, "moving")

    def test_byThePeer(self):
        """
        A Close of the peer is answered with its code, and the server closes
        the transport.
        """
        end = End.opened()
        end.receiveClose(3000)
        self.assertEqual(end.takeFrames(), [closeFrame(3000)])
        end.transport.settle()
        self.assertClosed(end, 3000, 3000, True)

    def test_withoutCode(self):
        """
        A Close without a code is answered without one, and reported as 1005.
        """
        end = End.opened()
        end.receive(end.frame(CLOSE))
        self.assertEqual(end.takeFrames(), [Frame(CLOSE, b"")])
        end.transport.settle()
        self.assertClosed(end, 1005, 1005, True)

    def test_clientWaits(self):
        """
        A client leaves it to the server to close the transport, in both
        directions of the closing handshake.
        """
        for begin in (lambda end: end.webSocket.loseConnection(), lambda end: None):
            end = End.opened(role=Role.CLIENT, closeTimeout=5)
            begin(end)
            end.receiveClose()
            end.transport.takeData()
            end.clock.advance(4)
            end.transport.settle()
            self.assertFalse(end.transport.disconnecting)
            end.leave()
            self.assertIsInstance(end.ended, WebSocketClosed)
            self.assertGone(end)

    def test_clientDoesNotWaitForEver(self):
        """
        A client aborts if the server does not close the transport; the
        connection was closed nevertheless.
        """
        end = End.opened(role=Role.CLIENT, closeTimeout=5)
        end.receiveClose()
        end.transport.takeData()
        end.clock.advance(5)
        end.transport.settle()
        self.assertClosed(end, 1000, 1000, True)

    def test_silentPeer(self):
        """
        A peer that does not answer the Close is given up, whatever else it
        sends.
        """
        end = End.opened(closeTimeout=5)
        end.webSocket.loseConnection()
        for _ in range(9):
            end.clock.advance(0.5)
            end.receiveText("more")
        end.transport.takeData()
        self.assertFalse(end.transport.disconnecting)
        end.clock.advance(0.5)
        end.transport.settle()
        failed = self.assertFailed(end, DeadlineExpired)
        self.assertEqual(failed.cause.deadline, "closeTimeout")
        self.assertEqual(failed.sent.code, 1000)
        self.assertEqual(end.handler.messages, [])

    def test_peerThatGoesWithoutAClose(self):
        """
        A peer that closes its transport without a word breaks the connection,
        although the transport ended cleanly.
        """
        end = End.opened()
        end.leave()
        failed = self.assertFailed(end, ConnectionDone)
        self.assertEqual((failed.code, failed.sent), (1006, None))

    def test_peerThatGoesInsteadOfAnswering(self):
        """
        Nor is its going an answer to our Close.
        """
        end = End.opened()
        end.webSocket.loseConnection()
        end.leave()
        failed = self.assertFailed(end, ConnectionDone)
        self.assertEqual(failed.sent.code, 1000)

    def test_network(self):
        """
        A broken network breaks the connection, and how it did is told.
        """
        end = End.opened()
        reason = ConnectionLost("cable")
        end.transport.lose(reason)
        end.transport.settle()
        self.assertIs(self.assertFailed(end, ConnectionLost).cause, reason)

    def test_twice(self):
        """
        The first close counts.
        """
        end = End.opened()
        end.webSocket.loseConnection(1001)
        end.webSocket.loseConnection(1011)
        self.assertEqual(end.takeFrames(), [closeFrame(1001)])

    def test_longReason(self):
        """
        A reason is cut where it has to be, between two characters.
        """
        end = End.opened()
        end.webSocket.loseConnection(1000, "ü" * 100)
        self.assertEqual(end.takeFrames(), [closeFrame(1000, "ü" * 61)])

    def test_producerIsStopped(self):
        """
        When the closing begins nobody has to produce any more.
        """
        for begin in (
            lambda end: end.webSocket.loseConnection(),
            lambda end: end.receiveClose(),
            lambda end: end.receive(BROKEN),
            lambda end: end.webSocket.abortConnection(),
            lambda end: end.leave(),
        ):
            end = End.opened()
            producer = PushProducer()
            end.webSocket.attachProducer(producer)
            begin(end)
            self.assertEqual(producer.told, ["stop"])
            end.leave()
            self.assertEqual(producer.told, ["stop"])

    def test_detach(self):
        """
        A producer that was detached is not stopped.
        """
        end = End.opened()
        producer = PushProducer()
        end.webSocket.attachProducer(producer)
        self.assertRaises(RuntimeError, end.webSocket.attachProducer, PushProducer())
        end.webSocket.detachProducer()
        end.leave()
        self.assertEqual(producer.told, [])

    def test_slowReader(self):
        """
        To close while a megabyte is pending loses nothing, however slowly the
        peer reads, as long as it does.
        """
        end = End.opened(closeTimeout=5)
        messages = [bytes([number]) * 100000 for number in range(10)]
        for message in messages:
            end.webSocket.sendBytesMessage(message)
        end.webSocket.loseConnection(1001)
        taken = b""
        while data := end.transport.takeData(20000):
            taken += data
            end.clock.advance(0.5)
        *received, close = readFrames(taken)
        self.assertEqual([found.payload for found in received], messages)
        self.assertEqual(close, closeFrame(1001))
        end.receiveClose(1001)
        end.transport.settle()
        self.assertClosed(end, 1001, 1001, False)

    def test_slowReaderAfterBothCloses(self):
        """
        So does a Close of the peer while a megabyte is pending.
        """
        for role in Role:
            end = End.opened(role=role, closeTimeout=5)
            for _ in range(10):
                end.webSocket.sendBytesMessage(bytes(100000))
            end.receiveClose()
            taken = b""
            while data := end.transport.takeData(20000):
                taken += data
                end.transport.settle()
                end.clock.advance(0.5)
            self.assertEqual(len(readFrames(taken)), 11)
            end.transport.settle()
            end.leave()
            self.assertClosed(end, 1000, 1000, True)

    def test_fullTransport(self):
        """
        A transport that is full of what was sent last is closed when the peer
        has read that.
        """
        for data in (b"", BROKEN):
            end = End.opened(
                ActingHandler(
                    textMessageReceived=lambda t: t.sendBytesMessage(bytes(65531))
                )
            )
            end.receive(end.frame(TEXT, b"a"), data or end.frame(CLOSE))
            self.assertEqual(end.webSocket.pendingSize, 0)
            self.assertFalse(end.transport.hasEnded)
            self.assertEqual(len(end.takeFrames()), 2)
            self.assertTrue(end.transport.hasEnded)

    def test_readerThatStops(self):
        """
        A peer that stops to read is given up.
        """
        end = End.opened(closeTimeout=5)
        for _ in range(10):
            end.webSocket.sendBytesMessage(bytes(100000))
        end.webSocket.loseConnection()
        end.clock.advance(4)
        end.transport.takeData()
        end.clock.advance(4.5)
        end.transport.settle()
        self.assertFalse(end.transport.isLost)
        end.clock.advance(0.5)
        end.transport.settle()
        self.assertFailed(end, DeadlineExpired)

    def test_peerThatKeepsPinging(self):
        """
        A peer does not put off the end of a connection by Pings, whose Pongs
        it reads.
        """
        end = End.opened(closeTimeout=5)
        end.webSocket.loseConnection()
        pings = end.frame(PING, bytes(125)) * 1000
        for _ in range(20):
            end.receive(pings)
            end.transport.takeData()
            end.transport.takeData()
            end.clock.advance(1)
        end.transport.settle()
        self.assertFailed(end, DeadlineExpired)


class AbortTests(TransportTestCase):
    """
    The application ends the connection at once.
    """

    def test_abort(self):
        """
        What is pending is dropped, and the handler is told.
        """
        end = End.full()
        end.webSocket.sendTextMessage("a")
        end.webSocket.abortConnection()
        end.webSocket.abortConnection()
        self.assertEqual(end.transport.takeData(), b"")
        self.assertNotIn("connectionLost", end.names)
        end.transport.settle()
        failed = self.assertFailed(end, ConnectionLost)
        self.assertIsNone(failed.sent)

    def test_data(self):
        """
        Nothing that comes after it is delivered.
        """
        end = End.opened()
        end.webSocket.abortConnection()
        end.webSocket.dataReceived(end.frame(TEXT, b"a"))
        self.assertEqual(end.handler.messages, [])

    def test_clock(self):
        """
        The clock stops with it: neither a Ping nor a deadline comes between
        the abort and the end.
        """
        end = End.opened()
        end.webSocket.abortConnection()
        end.clock.advance(20)
        end.clock.advance(20)
        end.transport.settle()
        self.assertFailed(end, ConnectionLost)

    def test_transportWithoutAbort(self):
        """
        A transport that cannot be aborted is closed.
        """

        class Pipe:
            """
            Cannot be aborted.
            """

            isClosing = False

            def loseConnection(self) -> None:
                """
                Close.
                """
                self.isClosing = True

        pipe: Any = Pipe()
        abortTransport(pipe)
        self.assertTrue(pipe.isClosing)


class PressureTests(TransportTestCase):
    """
    The peer reads more slowly than it is sent to.
    """

    limits = Limits(highWaterMark=5000, lowWaterMark=1000, maxPendingSize=50000)

    def test_answersTakenBefore(self):
        """
        Answers that the peer has taken count no more, when it is sent much
        that answers nothing: it is read on.
        """
        end = End.opened(makeEcho())
        end.receive(end.frame(BINARY, bytes(60000)))
        end.transport.takeData()
        end.webSocket.sendBytesMessage(bytes(400000))
        end.receive(end.frame(BINARY, bytes(8000)))
        self.assertTrue(end.transport.isReading)
        self.assertGreater(end.webSocket.pendingSize, 300000)

    def test_reading(self):
        """
        A peer that is answered but does not read is not read on when too much
        is pending, and read on when it has read.
        """
        end = End.full(makeEcho(), limits=self.limits)
        count = 0
        while end.transport.isReading:
            end.receive(end.frame(BINARY, bytes(1000)))
            count += 1
        self.assertEqual(count, 5)
        end.receive(end.frame(BINARY, b"last"))
        self.assertEqual(len(end.handler.messages), 5)
        end.transport.takeData()
        self.assertTrue(end.transport.isReading)
        end.transport.settle()
        self.assertEqual(end.handler.messages[5:], [b"last"])
        self.assertEqual(end.takeAll()[-1], Frame(BINARY, b"last"))

    def test_oneTurn(self):
        """
        What one read has brought is answered as far as the peer takes the
        answers; the rest waits.
        """
        end = End.full(makeEcho(), limits=self.limits)
        end.receive(*[end.frame(BINARY, bytes(1000))] * 20)
        self.assertEqual(len(end.handler.messages), 5)
        self.assertFalse(end.transport.isReading)
        for _ in range(10):
            end.transport.takeData()
        self.assertEqual(len(end.handler.messages), 20)
        self.assertTrue(end.transport.isReading)

    def test_sendingAlone(self):
        """
        Who sends much on its own goes on to read: otherwise two peers that
        both do would wait for each other for ever.
        """
        end = End.full(limits=self.limits)
        end.webSocket.sendBytesMessage(bytes(20000))
        end.receiveText("a")
        self.assertTrue(end.transport.isReading)
        end.receiveText("b")
        self.assertEqual(end.handler.messages, ["a", "b"])

    def test_answersWhileSending(self):
        """
        Nor do a few answers stop it, only as many as the high-water mark
        allows; when it has recovered, counting begins anew.
        """
        end = End.full(makeEcho(), limits=self.limits)
        for _ in range(3):
            end.webSocket.sendBytesMessage(bytes(20000))
            for _ in range(4):
                end.receive(end.frame(BINARY, bytes(1000)))
                self.assertTrue(end.transport.isReading)
            end.transport.takeData()
            end.webSocket.sendBytesMessage(bytes(70000))
        end.webSocket.sendBytesMessage(bytes(20000))
        end.receive(*[end.frame(BINARY, bytes(1000))] * 5)
        self.assertFalse(end.transport.isReading)

    def test_answersThatAreTaken(self):
        """
        Answers that the peer takes do not count, however many they are.
        """
        end = End.full(makeEcho(), limits=self.limits)
        for _ in range(20):
            end.receive(end.frame(BINARY, bytes(4000)))
            self.assertTrue(end.transport.isReading)
            end.transport.takeData()

    def test_pingsWhileSending(self):
        """
        The same with Pings, whose Pongs coalesce: two peers that both send
        much on their own and ping each other do not wait for each other for
        ever, and a flood of Pings does not make anything grow.
        """
        end = End.full(limits=self.limits)
        end.webSocket.sendBytesMessage(bytes(20000))
        pending = end.webSocket.pendingSize
        for number in range(1000):
            end.receive(end.frame(PING, b"%125d" % number))
        self.assertTrue(end.transport.isReading)
        self.assertLess(end.webSocket.pendingSize, pending + 130)
        self.assertEqual(end.takeAll()[-1], Frame(PONG, b"%125d" % 999))

    def test_twoReasons(self):
        """
        If the application pauses as well, both have to agree before reading
        goes on.
        """
        for resumeFirst in (True, False):
            end = End.full(makeEcho(), limits=self.limits)
            end.receive(end.frame(BINARY, bytes(6000)), end.frame(TEXT, b"a"))
            end.webSocket.pauseProducing()
            end.receiveText("b")
            if resumeFirst:
                end.webSocket.resumeProducing()
                self.assertFalse(end.transport.isReading)
                end.transport.takeData()
            else:
                end.transport.takeData()
                self.assertFalse(end.transport.isReading)
                end.webSocket.resumeProducing()
            self.assertTrue(end.transport.isReading)
            end.transport.settle()
            self.assertEqual(end.handler.messages[1:], ["a", "b"])

    def test_lost(self):
        """
        If the connection is lost while it is not read because of that, what
        was received before is delivered, for the peer has not done anything
        wrong.
        """
        handler = ActingHandler()
        end = End.full(handler, limits=self.limits)
        handler.acts["textMessageReceived"] = lambda t: t.sendBytesMessage(bytes(6000))
        end.receiveText("a")
        self.assertFalse(end.transport.isReading)
        # As TLS does with what it has decrypted.
        end.webSocket.dataReceived(end.frame(TEXT, b"b") + end.frame(CLOSE))
        self.assertEqual(handler.messages, ["a"])
        end.transport.lose(ConnectionLost())
        end.transport.settle()
        self.assertEqual(handler.messages, ["a", "b"])
        self.assertClosed(end, 1005, 1005, True)

    def test_lostAndPaused(self):
        """
        Not so if the application has paused as well.
        """
        end = End.full(makeEcho(), limits=self.limits)
        end.receive(end.frame(BINARY, bytes(6000)))
        end.webSocket.dataReceived(end.frame(TEXT, b"b"))
        end.webSocket.pauseProducing()
        end.transport.lose(ConnectionLost())
        end.transport.settle()
        self.assertEqual(len(end.handler.messages), 1)
        self.assertFailed(end, ConnectionLost)

    def test_close(self):
        """
        The application may close while nothing is read because of that: the
        peer's Close is read.
        """
        end = End.full(makeEcho(), limits=self.limits)
        end.receive(end.frame(BINARY, bytes(6000)))
        end.webSocket.loseConnection(1001)
        end.receiveClose(1001)
        end.takeAll()
        end.transport.settle()
        self.assertClosed(end, 1001, 1001, False)

    def test_stalled(self):
        """
        A peer that reads no more before it is read itself is read on, for as much
        again, after a second, two more, four more: so two that answer each other
        do not wait for ever.
        """
        end = End.full(makeEcho(), limits=self.limits)
        end.receive(*[end.frame(BINARY, bytes(1000))] * 20)
        self.assertEqual(len(end.handler.messages), 5)
        end.clock.advance(0.9)
        self.assertFalse(end.transport.isReading)
        end.clock.advance(0.1)
        self.assertEqual(len(end.handler.messages), 10)
        self.assertFalse(end.transport.isReading)
        end.clock.advance(1.9)
        self.assertEqual(len(end.handler.messages), 10)
        end.clock.advance(0.1)
        self.assertEqual(len(end.handler.messages), 15)
        end.clock.advance(3.9)
        self.assertEqual(len(end.handler.messages), 15)
        # That it reads is seen, and the next time it is read on after a second.
        for _ in range(10):
            end.transport.takeData()
        self.assertEqual(len(end.handler.messages), 20)
        end.webSocket.sendBytesMessage(bytes(FULL))
        end.receive(*[end.frame(BINARY, bytes(1000))] * 20)
        end.clock.advance(1)
        self.assertEqual(len(end.handler.messages), 30)

    def test_notStalled(self):
        """
        A peer that reads, if slowly, is waited for; and nothing is scheduled any
        more when it has read all.
        """
        end = End.full(makeEcho(), limits=Limits(highWaterMark=400000))
        calls = end.delayedCalls
        end.receive(*[end.frame(BINARY, bytes(50000))] * 20)
        answered = len(end.handler.messages)
        self.assertLess(answered, 10)
        self.assertEqual(end.delayedCalls, calls + 1)
        for _second in range(2):
            end.clock.advance(0.5)
            end.transport.takeData()
            end.clock.advance(0.5)
            self.assertEqual(len(end.handler.messages), answered)
        end.clock.advance(1)
        self.assertGreater(len(end.handler.messages), answered)
        end.takeAll()
        self.assertEqual(len(end.handler.messages), 20)
        self.assertEqual(end.delayedCalls, calls)

    def test_twoThatAnswer(self):
        """
        Two ends that each answer with more than all that is between them takes
        get it all, also if one answers so several times.
        """
        size = 40 * FULL

        def burst(transport: Any) -> None:
            for _message in range(20):
                transport.sendBytesMessage(bytes(size // 20))

        limits = Limits(maxPendingSize=None)
        client = ActingHandler(textMessageReceived=burst)
        ends = [
            End.opened(makeEcho(), limits=limits),
            End.opened(client, role=Role.CLIENT, limits=limits),
        ]
        begin = ends[1].frame(TEXT, b"begin")
        ends[1].receive(begin, begin, begin)
        for _second in range(500):
            for end, other in (ends, ends[::-1]):
                # What is between them takes no more than a few of its pieces.
                if other.transport.isReading:
                    other.transport.receiveData(end.transport.takeData(FULL))
            for end in ends:
                end.clock.advance(0.1)
        echoed = sum(map(len, (m for m in client.messages if isinstance(m, bytes))))
        self.assertEqual(echoed, 3 * size)

    def test_peerThatNeverReads(self):
        """
        A peer that never reads is given up, although it sends, and although
        nothing is read because of it.
        """
        end = End.full(makeEcho(), limits=self.limits, pingInterval=20, pingTimeout=7)
        end.receive(end.frame(BINARY, bytes(6000)))
        self.assertFalse(end.transport.isReading)
        for _ in range(150):
            end.receiveText("never read" * 100)
            end.clock.advance(1)
        end.transport.settle()
        failed = self.assertFailed(end, DeadlineExpired)
        self.assertEqual(failed.cause.deadline, "pingTimeout")
        self.assertRegex(
            str(failed.cause),
            r"^the peer exceeded pingTimeout of 7 s while \d+ bytes waited for it$",
        )
        self.assertLess(len(end.handler.messages), 50)

    def answerEachOther(self, limits, seconds, count=9, size=15 * FULL):
        """
        Let two ends answer each other with more than what is between them takes,
        for some seconds.
        """

        def answer(transport: Any) -> None:
            transport.sendBytesMessage(bytes(size))

        ends = []
        for role in Role:
            handler = ActingHandler(textMessageReceived=answer)
            end = End.opened(
                handler, role=role, limits=limits, pingInterval=20, pingTimeout=20
            )
            ends.append(end)
        for end in ends:
            for _question in range(count):
                end.webSocket.sendTextMessage("question")
        for _second in range(seconds):
            for _portion in range(200):
                self.carry(*ends)
                self.carry(*reversed(ends))
            for end in ends:
                end.clock.advance(1)
                end.transport.settle()
        return ends

    def carry(self, end, other):
        """
        Carry as much from one end to another as is between them, if it reads.
        """
        if other.transport.isReading and not end.transport.isLost:
            other.transport.receiveData(end.transport.takeData(FULL))

    def test_twoThatAnswerTooMuch(self):
        """
        Two ends that answer each other with more than may be pending are given up,
        and say how much was: none keeps it all, and none waits for ever.
        """
        limits = Limits(maxPendingSize=100 * FULL)
        for end in self.answerEachOther(limits, 200):
            reason = end.handler.reason.value
            if isinstance(reason, WebSocketFailed):
                self.assertIn("bytes waited for it", str(reason.cause))
            else:
                self.assertEqual(reason.sent.code, 1008)

    def test_twoThatMayAnswer(self):
        """
        They get it all at once if the high-water mark allows for all that they
        answer.
        """
        limits = Limits(maxPendingSize=200 * FULL, highWaterMark=200 * FULL)
        for end in self.answerEachOther(limits, 1):
            self.assertFalse(end.transport.isLost)
            answers = [m for m in end.handler.messages if isinstance(m, bytes)]
            self.assertEqual(answers, [bytes(15 * FULL)] * 9)

    def test_cap(self):
        """
        A peer for which too much is pending is given up with 1008: what is
        pending is dropped, and the Close reaches it if it reads again.
        """
        end = End.full(limits=self.limits)
        with capturedLogs() as logged:
            while not logged:
                end.webSocket.sendBytesMessage(bytes(1000))
        self.assertIn("reads too slowly", formatEvent(logged[0]))
        # At most the rest of the message that is on its way, and the Close.
        self.assertLess(end.webSocket.pendingSize, 5000)
        first, close = end.takeAll()
        self.assertEqual(first, Frame(BINARY, bytes(FULL)))
        self.assertEqual(close, closeFrame(1008, "read too slowly"))
        end.receiveClose(1008)
        end.transport.settle()
        self.assertClosed(end, 1008, 1008, False)

    def test_capOfOneTurn(self):
        """
        So is one for which a handler sends too much in one turn.
        """
        handler = ActingHandler()
        end = End.opened(handler, limits=self.limits)

        def act(transport) -> None:
            for _ in range(1000):
                transport.sendBytesMessage(bytes(1000))

        handler.acts["textMessageReceived"] = act
        end.receiveText("a", "b")
        self.assertEqual(handler.messages, ["a"])
        *frames, close = end.takeAll()
        self.assertEqual(close, closeFrame(1008, "read too slowly"))
        self.assertEqual(set(frames), {Frame(BINARY, bytes(1000))})

    def test_capAndNoReading(self):
        """
        If it does not read again, it is aborted.
        """
        end = End.full(limits=self.limits, closeTimeout=5)
        end.webSocket.sendBytesMessage(bytes(60000))
        end.clock.advance(5)
        end.transport.settle()
        failed = self.assertFailed(end, DeadlineExpired)
        self.assertEqual(failed.sent.code, 1008)

    def test_capWhileClosing(self):
        """
        When the connection is being closed already, what was sent before is
        not dropped because a Pong makes it too much.
        """
        end = End.full(limits=self.limits)
        end.webSocket.sendBytesMessage(bytes(49980))
        end.webSocket.loseConnection(1001)
        end.receive(end.frame(PING, bytes(100)))
        self.assertGreater(end.webSocket.pendingSize, 50000)
        self.assertEqual(
            end.takeAll()[1:],
            [Frame(BINARY, bytes(49980)), closeFrame(1001), Frame(PONG, bytes(100))],
        )

    def test_wholeFrames(self):
        """
        What is dropped is whole frames, never the payload of one whose header
        is already on its way.
        """
        for size in range(65520, 65540):
            handler = ActingHandler()

            def act(transport, size=size) -> None:
                transport.sendBytesMessage(bytes(size - 4))
                for _ in range(6):
                    transport.sendBytesMessage(bytes(60000))

            handler.acts["textMessageReceived"] = act
            end = End.opened(handler, limits=self.limits)
            end.receiveText("go")
            close = end.takeAll()[-1]
            self.assertEqual(close, closeFrame(1008, "read too slowly"), size)


class WritableTests(TransportTestCase):
    """
    Waiting for a peer to read.
    """

    limits = PressureTests.limits

    def slow(self, *arguments, **settings) -> End:
        """
        Make an end whose peer reads too slowly.
        """
        end = End.full(*arguments, limits=self.limits, **settings)
        end.webSocket.sendBytesMessage(bytes(6000))
        return end

    def note(self, _: None, end: End, told: list[object]) -> None:
        """
        Note what the handler of an end knows.
        """
        told.extend(end.names)

    def test_atOnce(self):
        """
        Up to the high-water mark there is nothing to wait for.
        """
        end = End.full(limits=self.limits)
        end.webSocket.sendBytesMessage(bytes(4996))
        self.assertEqual(end.webSocket.pendingSize, 5000)
        self.assertIs(end.webSocket.isAboveHighWater, False)
        self.assertIsNone(self.successResultOf(end.webSocket.whenWritable()))

    def test_lowWater(self):
        """
        Above it one waits for the low-water mark, again each time.
        """
        limits = Limits(highWaterMark=5000, lowWaterMark=1000)
        end = End.full(limits=limits)
        for _ in range(2):
            end.webSocket.sendBytesMessage(bytes(FULL))
            end.webSocket.sendBytesMessage(bytes(2000))
            self.assertIs(end.webSocket.isAboveHighWater, True)
            both = [end.webSocket.whenWritable() for _ in range(2)]
            end.transport.takeData()
            self.assertEqual(end.webSocket.pendingSize, 2004)
            for wait in both:
                self.assertNoResult(wait)
            end.transport.takeData()
            for wait in both:
                self.assertIsNone(self.successResultOf(wait))
            self.assertIs(end.webSocket.isAboveHighWater, False)
            end.webSocket.sendBytesMessage(bytes(FULL))

    def test_senderGoesOn(self):
        """
        Who has waited may send at once, and has to wait again.
        """
        end = self.slow()
        waits = []

        def send(_: object = None) -> None:
            end.webSocket.sendBytesMessage(bytes(FULL))
            end.webSocket.sendBytesMessage(bytes(6000))
            waits.append(end.webSocket.whenWritable())

        first = end.webSocket.whenWritable().addCallback(send)
        end.transport.takeData()
        self.assertIsNone(self.successResultOf(first))
        self.assertNoResult(waits[0])
        end.takeAll()
        self.successResultOf(waits[0])

    def test_lost(self):
        """
        Nobody waits for a peer that is gone, nor is there anything to wait
        for afterwards; what waited is told after the handler.
        """
        for end_ in (
            lambda end: end.leave(),
            lambda end: end.transport.lose(ConnectionLost()),
            lambda end: end.webSocket.abortConnection(),
        ):
            end = self.slow()
            told: list[object] = []
            wait = end.webSocket.whenWritable()
            wait.addCallback(self.note, end, told)
            end_(end)
            end.transport.settle()
            self.assertEqual(told[-1], "connectionLost")
            self.assertGone(end)
            self.assertIs(end.webSocket.isAboveHighWater, False)
            self.successResultOf(end.webSocket.whenWritable())

    def test_givenUp(self):
        """
        Nor for one that was given up because it never reads.
        """
        end = self.slow()
        wait = end.webSocket.whenWritable()
        end.webSocket.sendBytesMessage(bytes(60000))
        self.assertIs(end.webSocket.isOpen, False)
        self.successResultOf(wait)

    def test_cancelled(self):
        """
        Who gives up waiting is not told, and disturbs nobody.
        """
        end = self.slow()
        first, second = (end.webSocket.whenWritable() for _ in range(2))
        first.cancel()
        self.failureResultOf(first, CancelledError)
        end.takeAll()
        self.successResultOf(second)

    def test_cancelledByAnother(self):
        """
        One who is told may cancel the wait of another.
        """
        end = self.slow()
        first, second = (end.webSocket.whenWritable() for _ in range(2))
        first.addCallback(lambda _: second.cancel())
        end.takeAll()
        self.successResultOf(first)
        self.failureResultOf(second, CancelledError)

    def test_closing(self):
        """
        While the closing goes on, one still waits for what is pending.
        """
        end = self.slow()
        end.webSocket.loseConnection()
        wait = end.webSocket.whenWritable()
        self.assertNoResult(wait)
        end.takeAll()
        self.successResultOf(wait)


@implementer(IGroup)
class Company:
    """
    A group that notes who leaves.
    """

    def __init__(self) -> None:
        self.left: list[tuple[IWebSocketTransport, list[object]]] = []

    def discard(self, member: IWebSocketTransport) -> None:
        """
        Note it, and what its handler knows of it.
        """
        handler: Any = member._delivery._handler  # type: ignore[attr-defined]  # of ours
        self.left.append((member, [event[0] for event in handler.events]))


class MembershipTests(TransportTestCase):
    """
    A connection leaves its groups when it is lost.
    """

    def test_interface(self):
        """
        A group is what a member can be discarded from.
        """
        verifyObject(IGroup, Company())

    def test_noGroup(self):
        """
        A connection in no group has none, and pays for none.
        """
        end = End.opened()
        self.assertIsNone(end.webSocket._groups)
        self.assertEqual(len(end.webSocket.groups), 0)
        end.leave()
        self.assertGone(end)

    def test_lost(self):
        """
        However it ends, it leaves all of its groups, once, before its handler
        is told.
        """
        for end_ in (
            lambda end: end.leave(),
            lambda end: end.transport.lose(ConnectionLost()),
            lambda end: end.webSocket.abortConnection(),
            lambda end: (end.receive(BROKEN), end.takeAll(), end.leave()),
            lambda end: end.receiveClose() or end.takeAll(),
        ):
            end = End.opened()
            companies = [Company(), Company()]
            end.webSocket.groups.update(companies)
            end_(end)
            end.transport.settle()
            self.assertGone(end)
            for company in companies:
                ((member, names),) = company.left
                self.assertIs(member, end.webSocket)
                self.assertNotIn("connectionLost", names)

    def test_left(self):
        """
        A group that was left before is not told.
        """
        end = End.opened()
        company = Company()
        end.webSocket.groups.add(company)
        end.webSocket.groups.discard(company)
        end.leave()
        self.assertEqual(company.left, [])

    def test_neverOpened(self):
        """
        A connection that is refused after all leaves them, too, and keeps
        nobody waiting.
        """
        end = End()
        company = Company()
        end.webSocket.groups.add(company)
        end.webSocket.neverOpened()
        self.assertEqual(company.left, [(end.webSocket, ["negotiationStarted"])])

    def test_raises(self):
        """
        A group that raises is logged, and keeps neither the other groups nor
        the handler from being told.
        """

        class Bad(Company):
            """
            Raises.
            """

            def discard(self, member: IWebSocketTransport) -> None:
                """
                Raise.
                """
                super().discard(member)
                raise Broken

        end = End.opened()
        companies = [Bad(), Bad()]
        end.webSocket.groups.update(companies)
        with capturedLogs() as logged:
            end.leave()
        self.assertEqual([len(company.left) for company in companies], [1, 1])
        self.assertGone(end)
        for event in logged:
            if event["log_level"] is LogLevel.critical:
                self.assertIs(event["transport"], end.webSocket)
                self.assertIn(event["group"], companies)
        self.assertEqual(len(self.flushLoggedErrors(Broken)), 2)

    def test_discardedInside(self):
        """
        A group may tell the connection to forget it, and other groups.
        """

        class Selfish(Company):
            """
            Wants to be alone.
            """

            def discard(self, member: IWebSocketTransport) -> None:
                """
                Clear.
                """
                super().discard(member)
                member.groups.discard(self)
                member.groups.clear()

        end = End.opened()
        companies = [Selfish(), Selfish()]
        end.webSocket.groups.update(companies)
        end.leave()
        self.assertEqual(sum(len(company.left) for company in companies), 1)
        self.assertGone(end)


class KeepaliveTests(TransportTestCase):
    """
    What the clock tells a connection.
    """

    def test_ping(self):
        """
        A silent peer is pinged; its Pong is not the application's, but the
        round trip is.
        """
        end = End.opened(pingInterval=20, pingTimeout=7)
        end.clock.advance(20)
        (ping,) = end.takeFrames()
        self.assertIs(ping.opcode, PING)
        end.clock.advance(3)
        end.receive(end.frame(PONG, ping.payload))
        self.assertEqual(end.webSocket.roundTripTime, 3)
        self.assertNotIn("pongReceived", end.names)
        end.receive(end.frame(PONG, b"foreign"))
        self.assertEqual(end.handler.events[-1], ("pongReceived", b"foreign"))

    def test_giveUp(self):
        """
        A peer that does not answer is given up.
        """
        end = End.opened(pingInterval=20, pingTimeout=7)
        end.clock.advance(20)
        with capturedLogs() as logged:
            end.clock.advance(7)
        self.assertIn("exceeded pingTimeout of 7 s", formatEvent(logged[0]))
        self.assertIs(logged[0]["log_level"], LogLevel.warn)
        end.transport.settle()
        failed = self.assertFailed(end, DeadlineExpired)
        self.assertEqual(failed.cause.deadline, "pingTimeout")
        self.assertIsNone(failed.sent)

    def test_received(self):
        """
        Whatever the peer sends shows that it is there, even a part of a
        frame.
        """
        end = End.opened(pingInterval=20, pingTimeout=7)
        data = end.frame(TEXT, b"slowly")
        for position in range(len(data)):
            end.clock.advance(19)
            end.receive(data[position : position + 1])
        self.assertEqual(end.takeFrames(), [])
        self.assertEqual(end.handler.messages, ["slowly"])

    def test_written(self):
        """
        What the peer takes shows that it is there.
        """
        end = End.full(pingInterval=20, pingTimeout=7)
        for _ in range(10):
            end.clock.advance(15)
            end.transport.takeData()
            end.webSocket.sendBytesMessage(bytes(70000))
        self.assertFalse(end.transport.disconnecting)
        self.assertNotIn(PING, [found.opcode for found in end.takeAll()])

    def test_slow(self):
        """
        Nor is a peer given up that takes some of what the kernel holds for it.
        """
        end = End.opened(pingInterval=20, pingTimeout=7)
        end.webSocket.sendBytesMessage(bytes(2000))
        end.unsent = 1000
        for _ in range(10):
            end.clock.advance(20)
            end.unsent -= 50
            end.clock.advance(7)
        self.assertFalse(end.transport.disconnecting)

    def test_takesNothing(self):
        """
        What it took before the Ping does not count, nor does the Ping.
        """
        end = End.opened(pingInterval=20, pingTimeout=7)
        end.webSocket.sendBytesMessage(bytes(2000))
        end.unsent = 1000
        end.clock.advance(20)
        end.clock.advance(7)
        end.transport.settle()
        self.assertFailed(end, DeadlineExpired)

    def test_paused(self):
        """
        While the application pauses, the peer's silence means nothing; when it
        goes on, the peer has time to be heard.
        """
        end = End.opened(pingInterval=20, pingTimeout=7)
        end.clock.advance(20)
        end.transport.takeData()
        end.webSocket.pauseProducing()
        end.clock.advance(6.5)
        end.webSocket.resumeProducing()
        end.clock.advance(0.5)
        end.transport.settle()
        self.assertFalse(end.transport.isLost)
        end.webSocket.pauseProducing()
        for _ in range(100):
            end.clock.advance(10)
        end.transport.settle()
        self.assertFalse(end.transport.isLost)

    def test_pausedWhilePending(self):
        """
        A paused application's peer that takes nothing of what is pending is
        given up: that it does not read has nothing to do with the pause.
        """
        end = End.full(pingInterval=20, pingTimeout=7)
        end.webSocket.sendBytesMessage(b"pending")
        end.webSocket.pauseProducing()
        end.clock.advance(20)
        end.clock.advance(6.5)
        self.assertFalse(end.transport.disconnecting)
        end.clock.advance(0.5)
        end.transport.settle()
        failed = self.assertFailed(end, DeadlineExpired)
        self.assertEqual(failed.cause.deadline, "pingTimeout")

    def test_pausedAndIdle(self):
        """
        Nor does the pause keep such a peer from being idle; one that takes
        what is pending is not.
        """
        end = End.full(pingInterval=None, idleTimeout=50)
        end.webSocket.pauseProducing()
        end.clock.advance(50)
        self.assertIs(end.takeAll()[-1].opcode, CLOSE)
        end = End.full(pingInterval=None, idleTimeout=50)
        end.webSocket.pauseProducing()
        end.takeAll()
        end.clock.advance(500)
        self.assertEqual(end.takeAll(), [])

    def test_oneWay(self):
        """
        A heartbeat may be a Pong that nobody answers.
        """
        end = End.opened(pingInterval=20, isOneWay=True)
        end.clock.advance(20)
        end.clock.advance(20)
        self.assertEqual([found.opcode for found in end.takeFrames()], [PONG, PONG])

    def test_idle(self):
        """
        A connection without messages is closed with 1000.
        """
        end = End.opened(idleTimeout=50)
        for _ in range(49):
            end.clock.advance(1)
            end.receive(end.frame(PING))
        end.takeAll()
        end.clock.advance(1)
        self.assertEqual(end.takeFrames(), [closeFrame(1000, "idle")])

    def test_notIdle(self):
        """
        A message in either direction is enough; a part of one is not.
        """
        for move in (
            lambda end: end.receiveText("a"),
            lambda end: end.webSocket.sendTextMessage("a"),
            lambda end: end.webSocket.sendBytesMessage(b"a"),
        ):
            end = End.opened(idleTimeout=50, pingInterval=None)
            end.clock.advance(49)
            move(end)
            end.clock.advance(49)
            self.assertFalse(CLOSE in [found.opcode for found in end.takeFrames()])
            end.receive(end.frame(TEXT, b"a", isFinal=False))
            end.clock.advance(1)
            self.assertEqual(end.takeFrames(), [closeFrame(1000, "idle")])


PRODUCER_METHODS = ("pauseProducing", "resumeProducing", "stopProducing")


class ActingProducer(PushProducer):
    """
    Does something in its methods, a few times.
    """

    def __init__(self, end: End, acts: dict[str, Act]) -> None:
        super().__init__()
        self._end = end
        self._acts = acts

    def pauseProducing(self) -> None:
        """
        Act.
        """
        super().pauseProducing()
        self._act("pauseProducing")

    def resumeProducing(self) -> None:
        """
        Act.
        """
        super().resumeProducing()
        self._act("resumeProducing")

    def stopProducing(self) -> None:
        """
        Act.
        """
        super().stopProducing()
        self._act("stopProducing")

    def _act(self, name: str) -> None:
        """
        Do what is to be done in a method.
        """
        if name in self._acts and len(self.told) < 20:
            self._acts[name](self._end.webSocket)


stable = settings(deadline=None, derandomize=True, max_examples=300, database=None)

ACTS = {
    "text": lambda end: end.receiveText("abc"),
    "bytes": lambda end: end.receive(end.frame(BINARY, bytes(3000))),
    "part": lambda end: end.receive(end.frame(TEXT, b"abc")[:5]),
    "ping": lambda end: end.receive(end.frame(PING, b"p")),
    "pong": lambda end: end.receive(end.frame(PONG, b"p")),
    "close": lambda end: end.receiveClose(),
    "broken": lambda end: end.receive(BROKEN),
    "raw": lambda end: end.webSocket.dataReceived(end.frame(TEXT, b"raw")),
    "send": lambda end: end.webSocket.sendBytesMessage(bytes(40000)),
    "say": lambda end: end.webSocket.sendTextMessage("abc"),
    "lose": lambda end: end.webSocket.loseConnection(),
    "abort": lambda end: end.webSocket.abortConnection(),
    "pause": lambda end: end.webSocket.pauseProducing(),
    "resume": lambda end: end.webSocket.resumeProducing(),
    "take": lambda end: end.transport.takeData(),
    "takeSome": lambda end: end.transport.takeData(10000),
    "settle": lambda end: end.transport.settle(),
    "leave": lambda end: end.leave(),
    "break": lambda end: end.transport.lose(ConnectionLost()),
    "wait": lambda end: end.clock.advance(3),
    "waitLong": lambda end: end.clock.advance(21),
    "detach": lambda end: end.webSocket.detachProducer(),
}
names = st.sampled_from(sorted(ACTS))


class AnyTests(TransportTestCase):
    """
    What holds whatever happens.
    """

    @stable
    @given(
        role=st.sampled_from(Role),
        acts=st.lists(names, max_size=25),
        inside=st.dictionaries(
            st.sampled_from((*ReentrancyTests.methods, *PRODUCER_METHODS)),
            st.sampled_from(
                ("say", "send", "lose", "abort", "pause", "resume", "detach")
            ),
        ),
        streaming=st.none() | st.booleans(),
    )
    def test_end(self, role, acts, inside, streaming):
        """
        Whatever the peer, the network, the clock and the application do, in
        whatever order: a connection has at most two delayed calls, one of them for
        a peer that is not read; its handler is told of the end once and last;
        nothing is left then.
        """

        def act(name):
            return lambda transport: ACTS[name](end)

        handler = ActingHandler()
        end = End(handler, role, limits=PressureTests.limits, idleTimeout=40)
        handler.acts = {method: act(name) for method, name in inside.items()}
        producer = ActingProducer(end, handler.acts)
        if streaming is not None:
            end.webSocket.attachProducer(producer, streaming)
        end.webSocket.open(b"")
        isOver = False
        for name in acts:
            ACTS[name](end)
            self.assertLessEqual(end.delayedCalls, 2)
            if end.transport.isLost and not isOver:
                isOver = True
                self.assertEqual(end.names[-1], "connectionLost")
        if not end.transport.isLost:
            end.webSocket.loseConnection()
            for _ in range(50):
                end.clock.advance(1)
                end.transport.settle()
        self.assertGone(end)
        isDetached = "detach" in acts or "detach" in inside.values()
        if streaming is None or not isDetached:
            stops = producer.told.count("stop")
            self.assertEqual(stops, int(streaming is not None))
        self.assertEqual(self.flushLoggedErrors(), [])
