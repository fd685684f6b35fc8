"""
Tests for L{txws.blocking}.
"""

from __future__ import annotations

import gc
import traceback
import warnings
from collections.abc import Iterator
from contextlib import redirect_stdout
from functools import partial
from io import StringIO
from runpy import run_path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError as Refused

import txws.blocking
from txws import HandlerFactory, WebSocketFactory
from txws.blocking import BlockingConversation, Clients
from txws.conversation import Conversation
from txws.demo import Echo
from txws.errors import InvalidSetting, WebSocketClosed, WebSocketFailed
from txws.policy import KeepalivePolicy
from txws.testing import RecordingHandler
from txws.wire.codes import CloseCode

from .processes import ROOT
from .threads import MemoryEndpoint, ThreadlessTestCase

URL = "ws://example.com/feed"


class BlockingTestCase(ThreadlessTestCase):
    """
    Connects to a server in memory.

    @ivar server: what the server does with the connection.
    @ivar endpoint: how to get there.
    """

    def setUp(self) -> None:
        """
        Have a server.
        """
        super().setUp()
        self.server: Any = RecordingHandler()
        factory = WebSocketFactory(
            HandlerFactory(lambda: self.server, "chat"),
            clock=self.reactor,
            keepalive=KeepalivePolicy(closeTimeout=5),
        )
        self.endpoint = MemoryEndpoint(self.reactor, factory)
        self.clients = Clients(self.thread)
        self.patch(txws.blocking, "_clients", self.clients)

    def connect(self, **options: Any) -> BlockingConversation:
        """
        Connect.
        """
        return txws.blocking.connect(URL, endpoint=self.endpoint, **options)

    def tell(self, *messages: str) -> None:
        """
        Have the server send messages, during the next wait.
        """
        self.duringWaits.append(lambda: self.tellNow(*messages))

    def tellNow(self, *messages: str) -> None:
        """
        Have the server send messages.
        """
        self.reactor.turn()
        for message in messages:
            self.server.transport.sendTextMessage(message)

    def leave(self, code: int = 1000) -> None:
        """
        Have the server close the connection.
        """
        self.server.transport.loseConnection(code)
        self.reactor.turn()

    def cut(self) -> None:
        """
        Have the connection end without a closing handshake.
        """
        self.server.transport.abortConnection()
        self.reactor.turn()


class ConnectTests(BlockingTestCase):
    """
    How a connection begins, and how it ends.
    """

    def test_facts(self) -> None:
        """
        One connects with the options of every client, and has its facts.
        """
        with self.connect(subprotocols=["chat"], headers=[("X-A", "b")]) as websocket:
            self.assertEqual(websocket.subprotocol, "chat")
            self.assertEqual(websocket.request.target, "/feed")
            self.assertEqual(self.server.transport.request.headers.get("X-A"), "b")
            self.assertIn("BlockingConversation", repr(websocket))

    def test_block(self) -> None:
        """
        At the end of a block the connection is closed.
        """
        with self.connect():
            pass
        self.assertEqual(self.server.reason.value.code, CloseCode.NORMAL_CLOSURE)

    def test_raised(self) -> None:
        """
        After an exception it is closed with 1011.
        """

        def fail() -> None:
            with self.connect():
                raise KeyError

        self.assertRaises(KeyError, fail)
        self.assertEqual(self.server.reason.value.code, CloseCode.INTERNAL_ERROR)

    def test_interrupted(self) -> None:
        """
        If the program is to end, it is closed with 1001.
        """
        with self.assertRaises(KeyboardInterrupt), self.connect():
            self.interrupt()
        self.assertEqual(self.server.reason.value.code, CloseCode.GOING_AWAY)

    def test_generator(self) -> None:
        """
        A generator that is not asked for more has come to no harm.
        """

        def generate() -> Iterator[str | bytes]:
            with self.connect() as websocket:
                while True:
                    yield websocket.receive()

        messages = generate()
        self.duringWaits.append(lambda: None)
        self.tell("one")
        self.assertEqual(next(messages), "one")
        messages.close()  # type: ignore[attr-defined]  # it is a generator
        self.assertEqual(self.server.reason.value.code, CloseCode.NORMAL_CLOSURE)

    def test_refused(self) -> None:
        """
        What connecting fails with is raised where it was asked for.
        """
        self.endpoint.connecting = Deferred()
        self.endpoint.connecting.errback(Refused())
        with self.assertRaises(Refused) as raised:
            self.connect()
        frames = traceback.extract_tb(raised.exception.__traceback__)
        self.assertEqual(frames[0].name, "test_refused")
        self.assertIn("dial", [frame.name for frame in frames])

    def test_badURL(self) -> None:
        """
        So is what is no URL.
        """
        self.assertRaises(InvalidSetting, txws.blocking.connect, "gopher://nowhere/")

    def test_application(self) -> None:
        """
        There is no application.
        """
        self.assertRaises(TypeError, self.connect, application=RecordingHandler())

    def test_timeout(self) -> None:
        """
        Connecting can be limited as a whole.
        """
        cancelled: list[object] = []
        self.endpoint.connecting = Deferred(cancelled.append)
        self.assertRaises(TimeoutError, self.connect, timeout=3)
        self.assertEqual(len(cancelled), 1)

    def test_nobodyTakesIt(self) -> None:
        """
        A connection that is there when nobody waits for it any more is
        aborted.
        """

        def interrupt() -> None:
            self.reactor.turn()
            self.interrupt()

        self.duringWaits.append(interrupt)
        self.assertRaises(KeyboardInterrupt, self.connect)
        self.reactor.turn()
        self.assertIsInstance(self.server.reason.value, WebSocketFailed)

    def test_interruptedDialing(self) -> None:
        """
        One that is not there yet is given up.
        """

        def interrupt() -> None:
            self.reactor.turn()
            self.interrupt()

        cancelled: list[object] = []
        self.endpoint.connecting = Deferred(cancelled.append)
        self.duringWaits.append(interrupt)
        self.assertRaises(KeyboardInterrupt, self.connect)
        self.reactor.turn()
        self.assertEqual(len(cancelled), 1)

    def test_closeTwice(self) -> None:
        """
        To close again changes nothing.
        """
        websocket = self.connect()
        websocket.close(4000, "enough")
        websocket.close()
        ended = self.server.reason.value
        self.assertEqual((ended.code, ended.reason), (4000, "enough"))

    def test_closeCode(self) -> None:
        """
        A code that may not travel is refused.
        """
        with self.connect() as websocket:
            self.assertRaises(ValueError, websocket.close, 1006)

    def test_forgotten(self) -> None:
        """
        A connection that is forgotten is closed, with a warning.
        """
        websocket = self.connect()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del websocket
            gc.collect()
        self.assertEqual([each.category for each in caught], [ResourceWarning])
        self.reactor.turn()
        self.assertEqual(self.server.reason.value.code, CloseCode.NORMAL_CLOSURE)

    def test_exit(self) -> None:
        """
        What is open when the interpreter exits is closed with 1001.
        """
        websocket, gone = self.connect(), self.connect()
        gone.close()
        (stop,) = self.onExit
        self.assertEqual(len(self.reactor.trigger("before")), 1)
        self.server.reason = None
        stop()
        self.reactor.turn()
        self.assertEqual(self.server.reason.value.code, CloseCode.GOING_AWAY)
        del websocket

    def test_nothingIsLeft(self) -> None:
        """
        A connection that is closed is not kept.
        """

        def count() -> int:
            gc.collect()
            return sum(type(found) is Conversation for found in gc.get_objects())

        before = count()
        websocket = self.connect()
        self.assertEqual(count(), before + 1)
        websocket.close()
        del websocket, self.server
        self.reactor.connections.clear()
        self.assertEqual(count(), before)

    def test_ended(self) -> None:
        """
        After the reactor has stopped, an error says so.
        """
        websocket = self.connect()
        self.reactor.stop()
        self.assertRaises(RuntimeError, websocket.receive)


class ReceiveTests(BlockingTestCase):
    """
    What is received.
    """

    def test_kinds(self) -> None:
        """
        Text is received as L{str}, binary as L{bytes}.
        """
        with self.connect() as websocket:
            self.tellNow("text")
            self.server.transport.sendBytesMessage(b"bytes")
            self.assertEqual(websocket.receive(), "text")
            self.assertEqual(websocket.receive(), b"bytes")

    def test_waits(self) -> None:
        """
        One waits for a message that is not there yet.
        """
        with self.connect() as websocket:
            self.tell("late")
            self.assertEqual(websocket.receive(), "late")

    def test_timeout(self) -> None:
        """
        A message that comes too late is received next.
        """
        with self.connect() as websocket:
            self.assertRaises(TimeoutError, websocket.receive, 2)
            self.tellNow("late")
            self.assertEqual(websocket.receive(timeout=2), "late")

    def test_justInTime(self) -> None:
        """
        A message that comes with the end of the timeout is received.
        """

        def arrive() -> None:
            self.server.transport.sendTextMessage("late")
            self.reactor.connections[0].flush()

        with self.connect() as websocket:
            self.duringWaits.append(lambda: None)
            self.duringWaits.append(arrive)
            self.assertEqual(websocket.receive(timeout=2), "late")

    def test_noTime(self) -> None:
        """
        Without any time one receives what is there already.
        """
        with self.connect() as websocket:
            self.tellNow("one")
            self.reactor.turn()
            self.assertEqual(websocket.receive(0), "one")
            self.assertRaises(TimeoutError, websocket.receive, 0)

    def test_interrupted(self) -> None:
        """
        Ctrl-C loses no message, whether it came before or after.
        """
        with self.connect() as websocket:
            for _ in range(2):
                self.tellNow("message")
                self.duringWaits.append(self.interruptLater)
                self.assertRaises(KeyboardInterrupt, websocket.receive)
                self.assertEqual(websocket.receive(), "message")
            self.duringWaits.append(self.interruptLater)
            self.assertRaises(KeyboardInterrupt, websocket.receive)
            self.tell("later")
            self.assertEqual(websocket.receive(), "later")

    def interruptLater(self) -> None:
        """
        Be Ctrl-C when the call is made.
        """
        self.reactor.turn()
        self.interrupt()

    def test_twoThreads(self) -> None:
        """
        Only one thread can receive.
        """
        with self.connect() as websocket:
            told: list[RuntimeError] = []

            def receive() -> None:
                self.reactor.turn()
                told.append(self.assertRaises(RuntimeError, websocket.receive))
                self.tellNow("for the first")

            self.duringWaits.append(receive)
            self.assertEqual(websocket.receive(), "for the first")
            self.assertIn("already receiving", str(told[0]))

    def test_iterate(self) -> None:
        """
        Iterating ends when both sides have closed.
        """
        with self.connect() as websocket:
            self.tellNow("one", "two")
            self.leave(4000)
            self.assertEqual(list(websocket), ["one", "two"])

    def test_iterateFailed(self) -> None:
        """
        Iterating raises when the connection has failed, with the cause.
        """
        with self.connect() as websocket:
            self.tellNow("one")
            self.reactor.turn()
            self.cut()
            self.assertEqual(next(websocket), "one")
            failed = self.assertRaises(WebSocketFailed, next, websocket)
            self.assertIs(failed.__cause__, failed.cause)

    def test_ended(self) -> None:
        """
        Each call raises an exception of its own, which tells how the
        connection ended and where the call was made.
        """
        with self.connect() as websocket:
            self.leave(4000)
            first = self.assertRaises(WebSocketClosed, websocket.receive)
            second = self.assertRaises(WebSocketClosed, websocket.receive)
            self.assertIsNot(first, second)
            self.assertEqual(str(first), str(second))
            self.assertEqual((first.code, first.isReceivedFirst), (4000, True))
            for each in (first, second):
                names = [f.name for f in traceback.extract_tb(each.__traceback__)]
                self.assertEqual(names.count("receive"), 1)


class SendTests(BlockingTestCase):
    """
    What is sent.
    """

    def test_kinds(self) -> None:
        """
        L{str} is sent as text, L{bytes} and the like as binary.
        """
        with self.connect() as websocket:
            for message in ("text", b"a", bytearray(b"b"), memoryview(b"c")):
                websocket.send(message)
        self.assertEqual(self.server.messages, ["text", b"a", b"b", b"c"])

    def test_slowPeer(self) -> None:
        """
        One waits while the peer does not read, and goes on when it does.
        """
        with self.connect(extensions=()) as websocket:
            connection = self.reactor.connections.pop()
            websocket.send("small")
            self.assertRaises(AssertionError, websocket.send, bytes(1000000))
            self.duringWaits.append(lambda: self.reactor.connections.append(connection))
            websocket.send("next")
        self.assertEqual(self.server.messages, ["small", bytes(1000000), "next"])

    def test_notAMessage(self) -> None:
        """
        What is no message is refused, and harms nothing.
        """
        with self.connect() as websocket:
            send: Any = websocket.send
            self.assertRaises(TypeError, send, 7)
            self.assertRaises(UnicodeEncodeError, send, "\ud800")
            send("text")
        self.assertEqual(self.server.messages, ["text"])

    def test_closed(self) -> None:
        """
        Sending on a connection that has ended tells how it has.
        """
        with self.connect() as websocket:
            self.cut()
            self.assertRaises(WebSocketFailed, websocket.send, "text")
            self.assertRaises(WebSocketFailed, websocket.send, ["text"])

    def test_pieces(self) -> None:
        """
        An iterable is one message, each piece of which is made when the one
        before is sent.
        """
        with self.connect() as websocket:
            websocket.send(piece for piece in ("a", "b", "c"))
            websocket.send([b"d", b"e"])
            websocket.send([])
        self.assertEqual(self.server.messages, ["abc", b"de", b""])

    def test_badPiece(self) -> None:
        """
        A message that cannot be finished closes the connection.
        """
        with self.connect() as websocket:
            pieces: Any = ("a", b"b", "c")
            self.assertRaises(TypeError, websocket.send, pieces)
        self.assertEqual(self.server.reason.value.code, CloseCode.INTERNAL_ERROR)

    def test_raises(self) -> None:
        """
        So does an iterable that raises; what it raises is raised.
        """

        def pieces() -> Iterator[str]:
            yield "a"
            raise KeyError

        with self.connect() as websocket:
            self.assertRaises(KeyError, websocket.send, pieces())
            self.reactor.turn()
        self.assertEqual(self.server.reason.value.code, CloseCode.INTERNAL_ERROR)
        self.assertEqual(self.server.messages, [])

    def test_raisesBefore(self) -> None:
        """
        If nothing has left, the connection goes on.
        """
        with self.connect() as websocket:
            pieces = (str(int(number)) for number in ["none"])
            self.assertRaises(ValueError, websocket.send, pieces)
            websocket.send("text")
        self.assertEqual(self.server.messages, ["text"])

    def test_endsMeanwhile(self) -> None:
        """
        When the connection ends while a piece is made, that is told.
        """

        def pieces() -> Iterator[str]:
            yield "a"
            self.cut()
            yield "b"

        with self.connect() as websocket:
            self.assertRaises(WebSocketFailed, websocket.send, pieces())

    def test_interruptedBefore(self) -> None:
        """
        Ctrl-C before anything was done has nothing to undo.
        """
        with self.connect() as websocket:
            self.duringWaits.append(self.interrupt)
            self.assertRaises(KeyboardInterrupt, websocket.send, ["a"])
            websocket.send("text")
        self.assertEqual(self.server.messages, ["text"])

    def test_interrupted(self) -> None:
        """
        Ctrl-C while a piece is sent leaves the message unfinished.
        """
        with self.connect() as websocket:
            self.duringWaits.append(lambda: None)
            self.duringWaits.append(self.interruptLater)
            self.assertRaises(KeyboardInterrupt, websocket.send, ["a", "b"])
            self.reactor.turn()
        self.assertEqual(self.server.reason.value.code, CloseCode.INTERNAL_ERROR)

    def test_twoThreads(self) -> None:
        """
        Two threads may send at the same time: one message comes after the
        other.
        """
        with self.connect() as websocket:

            def pieces() -> Iterator[str]:
                yield "a"
                self.thread.post(lambda: websocket._conversation.send("other"))
                yield "b"

            websocket.send(pieces())
        self.assertEqual(self.server.messages, ["ab", "other"])

    def test_insideOfItself(self) -> None:
        """
        Who makes a message cannot wait for another one to be sent, nor for the
        end of the connection, which come after it.
        """
        with self.connect() as websocket:

            def pieces() -> Iterator[Any]:
                yield "a"
                self.tell("answer")
                yield websocket.receive(1)
                for wait in (lambda: websocket.send("other"), websocket.close):
                    error = self.assertRaises(RuntimeError, wait)
                    self.assertIn("not finished", str(error))
                yield "b"

            websocket.send(pieces())
            websocket.send("other")
            self.assertRaises(ValueError, websocket.send, map(int, ["none"]))
            websocket.send("more")
        self.assertEqual(self.server.messages, ["aanswerb", "other", "more"])

    def interruptLater(self) -> None:
        """
        Be Ctrl-C when the call is made.
        """
        self.reactor.turn()
        self.interrupt()


class PingTests(BlockingTestCase):
    """
    Round-trip times.
    """

    def test_ping(self) -> None:
        """
        A Ping tells how long its Pong took.
        """
        with self.connect() as websocket:
            connection = self.reactor.connections.pop()

            def delay() -> None:
                self.reactor.turn()
                self.reactor.advance(0.25)
                self.reactor.connections.append(connection)

            self.duringWaits.append(delay)
            self.assertEqual(websocket.ping(), 0.25)

    def test_timeout(self) -> None:
        """
        One does not wait for ever.
        """
        with self.connect() as websocket:
            connection = self.reactor.connections.pop()
            self.assertRaises(TimeoutError, websocket.ping, 2)
            self.reactor.connections.append(connection)


class ExampleTests(BlockingTestCase):
    """
    The program in C{examples}.
    """

    def test_program(self) -> None:
        """
        C{blocking_client} tells each answer.
        """
        connect = partial(txws.blocking.connect, endpoint=self.endpoint)
        self.patch(txws.blocking, "connect", connect)
        program = run_path(str(ROOT / "examples" / "blocking_client.py"))
        self.server = Echo()
        told = StringIO()
        with redirect_stdout(told):
            program["main"](URL, ["one\n", "two\n"])
        self.assertEqual(told.getvalue(), "A Ping took 0.0 ms.\none\ntwo\n")
