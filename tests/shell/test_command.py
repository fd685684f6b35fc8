"""
Tests for L{txws.shell.command}.
"""

from __future__ import annotations

import io
import json
import signal
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import twisted.internet
from twisted.internet.error import ReactorNotRunning
from twisted.internet.protocol import Factory
from twisted.trial.unittest import SynchronousTestCase

from txws.demo import Echo
from txws.policy import Limits
from txws.shell import command
from txws.shell.command import Shell, main
from txws.testing import RecordingHandler, RecordingHandlerFactory

from .internet import Internet, Pipes, Saying, optionsOf

URL = "ws://example.com/"


class Terminal(io.StringIO):
    """
    Output that somebody reads.
    """

    def isatty(self) -> bool:
        """
        It is a terminal.
        """
        return True


class ShellTestCase(SynchronousTestCase):
    """
    Runs commands.
    """

    def setUp(self):
        """
        Have an internet, and a place for files.
        """
        self.internet = Internet()
        self.pipes = Pipes()
        self.state = Path(self.mktemp())
        self.output = io.StringIO()
        self.errors: io.StringIO = io.StringIO()
        self.raw: list[str] = []
        self.isTerminal = False
        self.isOutputPipe = True

    @contextmanager
    def makeRaw(self):
        """
        Note for how long the terminal is raw.
        """
        self.raw.append("raw")
        try:
            yield
        finally:
            self.raw.append("cooked")

    def start(self, *arguments: str) -> None:
        """
        Start a command.
        """
        self.shell = Shell(
            self.internet,
            self.output,
            self.errors,
            lambda: self.pipes.streams,
            self.isTerminal,
            self.isTerminal,
            self.isOutputPipe,
            {"XDG_STATE_HOME": str(self.state.absolute())},
            lambda: 80,
            self.makeRaw,
        )
        self.ended = self.shell.start(optionsOf(*arguments))
        self.internet.run()

    def finish(self, seconds: float = 30) -> Any:
        """
        Have the command end.

        @return: the exit code.
        """
        for _ in range(3):
            self.internet.run(seconds)
            self.written += self.pipes.take()
            self.pipes.finish()
        self.assertEqual(self.internet.getDelayedCalls(), [])
        self.assertTrue(all(client.isLost for client in self.internet.clients))
        return self.successResultOf(self.ended)

    written = ""


class PipeTests(ShellTestCase):
    """
    Talking through pipes.
    """

    def test_echo(self):
        """
        The output is what was received, and the exit code 0.
        """
        self.internet.serve(Echo)
        self.start("--wait", "1", URL)
        self.pipes.type("hello\n")
        self.pipes.end()
        self.assertEqual(self.finish(), 0)
        self.assertEqual((self.written, self.errors.getvalue()), ("hello\n", ""))

    def test_early(self):
        """
        What is typed before the connection is open is not lost.
        """
        self.internet.serve(Echo)
        self.pipes.streams.pauseInput()
        self.pipes.type("hello\n")
        self.start("--wait", "1", URL)
        self.pipes.transport.settle()
        self.pipes.end()
        self.assertEqual((self.finish(), self.written), (0, "hello\n"))

    def test_outputLost(self):
        """
        Output that cannot be written, for the disk is full, is an error; a
        program that reads no more is none.
        """
        for self.isOutputPipe, expected, said in (
            (True, 0, ""),
            (False, 1, "txws: the output could not be written to the end\n"),
        ):
            self.pipes, self.errors = Pipes(), io.StringIO()
            self.internet.serve(Echo)
            self.start(URL)
            self.pipes.streams.writeConnectionLost()
            self.assertEqual(self.finish(), expected)
            self.assertEqual(self.errors.getvalue(), said)

    def test_closed(self):
        """
        The exit code says whether the server closed as it should; if not, it
        is told beside the output.
        """
        for code, expected, said in (
            (1000, 0, ""),
            (4000, 1, 'txws: closed by the server: 4000 "bye"\n'),
        ):
            self.setUp()
            application = RecordingHandlerFactory(RecordingHandler)
            self.internet.serve(application)
            self.start(URL)
            application.handlers[0].transport.loseConnection(code, "bye")
            self.assertEqual(self.finish(), expected)
            self.assertEqual(self.errors.getvalue(), said)
            self.assertEqual(self.written, "")

    def test_refused(self):
        """
        Errors are a sentence, and what is likely to be the reason.
        """
        self.internet.servers[80] = Factory.forProtocol(
            lambda: Saying(b"HTTP/1.1 403 No\r\nContent-Length: 3\r\n\r\nno\x1b")
        )
        self.start(URL)
        self.assertEqual(self.finish(), 1)
        first, second = self.errors.getvalue().splitlines()
        self.assertEqual(first, "txws: the server answered 403 instead of 101: no\\x1b")
        self.assertIn("--origin", second)

    def test_notText(self):
        """
        Input that is no text is an error.
        """
        self.internet.serve(Echo)
        self.start(URL)
        self.pipes.type(b"\xff\n")
        self.assertEqual(self.finish(), 1)
        self.assertIn("line 1 of the input is no UTF-8", self.errors.getvalue())

    def test_insecure(self):
        """
        Who trusts anybody is warned, before anything else happens.
        """
        self.start("--insecure", "wss://example.com/")
        self.finish()
        self.assertTrue(self.errors.getvalue().startswith("txws: WARNING: --insecure"))


class InterruptTests(ShellTestCase):
    """
    Ctrl-C.
    """

    def test_once(self):
        """
        It closes with 1001.
        """
        application = RecordingHandlerFactory(RecordingHandler)
        self.internet.serve(application)
        self.start(URL)
        self.shell.interrupt()
        self.assertEqual(self.finish(), 130)
        self.assertEqual(application.handlers[0].reason.value.code, 1001)

    def test_twice(self):
        """
        Again, it does not wait for the server.
        """
        self.internet.serve(Echo)
        self.start(URL)
        client: Any = self.internet.clients[0]
        client.receiveData = lambda data: None
        self.shell.interrupt()
        self.internet.run(1)
        self.assertNoResult(self.ended)
        self.shell.interrupt()
        self.assertEqual(self.finish(0), 130)
        self.assertEqual(self.errors.getvalue(), "txws: interrupted\n")

    def test_connecting(self):
        """
        While it connects, it gives up.
        """
        self.internet.servers[80] = Factory.forProtocol(lambda: Saying(b"", False))
        self.start(URL)
        self.assertNoResult(self.ended)
        self.shell.interrupt()
        self.assertEqual(self.finish(0), 130)
        self.assertEqual(self.errors.getvalue(), "txws: interrupted\n")

    def test_afterwards(self):
        """
        After the end it does nothing.
        """
        self.start(URL)
        self.finish()
        self.shell.interrupt()
        self.assertEqual(self.successResultOf(self.ended), None)

    def test_check(self):
        """
        A check is given up.
        """
        self.internet.serve(Echo)
        self.start("check", "--idle", "60", URL)
        self.internet.run(5)
        self.shell.interrupt()
        self.assertEqual(self.finish(), 130)

    def test_checkConnecting(self):
        """
        So is one that waits for an answer.
        """
        self.internet.servers[80] = Factory.forProtocol(lambda: Saying(b"", False))
        self.start("check", URL)
        self.shell.interrupt()
        self.assertEqual(self.finish(0), 130)
        self.assertIn("interrupted", self.output.getvalue())

    def test_bench(self):
        """
        A load is ended, and what there is told.
        """
        self.internet.faults = self.internet.faults.__class__(delay=0.01)
        self.internet.serve(Echo)
        self.start("bench", "--seconds", "100", URL)
        self.internet.run(1)
        self.shell.interrupt()
        self.assertEqual(self.finish(), 130)
        self.assertIn("latency", self.output.getvalue())


class TerminalTests(ShellTestCase):
    """
    Talking on a terminal.
    """

    def setUp(self):
        """
        Have one.
        """
        super().setUp()
        self.isTerminal = True

    def test_talk(self):
        """
        The terminal delivers each key while the connection is open, and is
        told who closed; lines are remembered.
        """
        self.internet.serve(Echo)
        self.start(URL)
        self.assertEqual(self.raw, ["raw"])
        self.pipes.type("hello\r")
        self.internet.run()
        self.written = self.pipes.take()
        self.assertIn("* connected to ws://example.com/; try /help\n", self.written)
        self.assertIn("< hello\n", self.written)
        self.pipes.type("\x04")
        self.assertEqual(self.finish(), 0)
        self.assertEqual(self.raw, ["raw", "cooked"])
        self.assertTrue(
            self.written.endswith("* closed by us: 1000; the server answered 1000\n")
        )
        history = self.state / "txws" / "history"
        self.assertEqual(history.read_text(), '"hello"\n')

    def test_noHistory(self):
        """
        They are not, if that is not wanted.
        """
        self.internet.serve(Echo)
        self.start("--no-history", URL)
        self.pipes.type("hello\r\x04")
        self.assertEqual(self.finish(), 0)
        self.assertFalse(self.state.exists())

    def test_interrupt(self):
        """
        Ctrl-C closes with 1001, again aborts, and the lines are remembered
        all the same.
        """
        self.internet.serve(Echo)
        self.start(URL)
        self.pipes.type("hello\r")
        self.internet.run()
        client: Any = self.internet.clients[0]
        client.receiveData = lambda data: None
        self.pipes.type("\x03\x03")
        self.assertEqual(self.finish(0), 130)
        self.assertEqual(self.raw, ["raw", "cooked"])
        self.assertTrue((self.state / "txws" / "history").exists())

    def test_server(self):
        """
        An end by the server is told there, and nowhere else; the subprotocol
        is named.
        """
        application = RecordingHandlerFactory(RecordingHandler, "v1")
        self.internet.serve(application)
        self.start("-s", "v1", URL)
        application.handlers[0].transport.loseConnection(4000)
        self.assertEqual(self.finish(), 1)
        self.assertIn(", subprotocol v1; try", self.written)
        self.assertIn("* closed by the server: 4000\n", self.written)
        self.assertEqual(self.errors.getvalue(), "")


class CheckTests(ShellTestCase):
    """
    Checking.
    """

    def test_people(self):
        """
        People read lines; the exit code says that all is well.
        """
        self.internet.serve(Echo)
        self.start("check", URL)
        self.assertEqual(self.finish(), 0)
        self.assertTrue(self.output.getvalue().endswith("verdict      all is well\n"))

    def test_programs(self):
        """
        Programs read JSON and nothing else; the exit code says that not all
        is well.
        """
        self.start("check", "--json", URL)
        self.assertEqual(self.finish(), 1)
        self.assertFalse(json.loads(self.output.getvalue())["ok"])


class BenchTests(ShellTestCase):
    """
    Loading.
    """

    def setUp(self):
        """
        Have a network that is not infinitely fast.
        """
        super().setUp()
        self.internet.faults = self.internet.faults.__class__(delay=0.01)

    def test_people(self):
        """
        People read lines; without a terminal no progress is shown.
        """
        self.internet.serve(Echo)
        self.start("bench", "-n", "100", URL)
        self.assertEqual(self.finish(), 0)
        self.assertIn("100 of 64 bytes", self.output.getvalue())
        self.assertEqual(self.errors.getvalue(), "")

    def test_progress(self):
        """
        On a terminal, it is, and wiped out in the end.
        """
        self.errors = Terminal()
        self.internet.serve(Echo)
        self.start("bench", "-n", "100", URL)
        self.finish()
        self.assertTrue(self.errors.getvalue().startswith("\r\x1b[K0 s  "))
        self.assertTrue(self.errors.getvalue().endswith("\r\x1b[K"))

    def test_programs(self):
        """
        Programs read JSON; the exit code says that not all is well.
        """
        self.internet.serve(Echo, limits=Limits(maxConnections=1))
        self.start("bench", "-n", "10", "--json", URL)
        self.assertEqual(self.finish(), 1)
        self.assertEqual(json.loads(self.output.getvalue())["errors"]["refused"], 9)


class RunningInternet(Internet):
    """
    A reactor that runs until it is stopped.
    """

    running = False
    isInterrupted = False
    isStopping = False

    def callWhenRunning(self, function, *arguments):
        """
        Remember it.
        """
        self.begin = function

    def addSystemEventTrigger(self, phase, event, function):
        """
        Remember what to do before it stops.
        """
        assert (phase, event) == ("before", "shutdown")
        self.before = function

    def callFromThread(self, function, *arguments):
        """
        Call it.
        """
        function(*arguments)

    def run(self, seconds=0.0):
        """
        Let time pass; or run.
        """
        if self.running or seconds:
            super().run(seconds)
            return
        self.running = True
        self.begin()
        if self.isInterrupted:
            signal.raise_signal(signal.SIGINT)
        for _ in range(100):
            if self.running:
                super().run(1)

    def stop(self):
        """
        Run no more.
        """
        if self.isStopping:
            raise ReactorNotRunning
        self.isStopping = True
        self.before()
        self.running = False


class MainTests(SynchronousTestCase):
    """
    The whole program.
    """

    def setUp(self):
        """
        Have a reactor, and streams.
        """
        self.reactor = RunningInternet()
        self.patch(twisted.internet, "reactor", self.reactor)
        self.output, self.errors = io.StringIO(), io.StringIO()
        self.patch(sys, "stdout", self.output)
        self.patch(sys, "stderr", self.errors)
        handler = signal.getsignal(signal.SIGINT)
        self.addCleanup(signal.signal, signal.SIGINT, handler)

    def test_misused(self):
        """
        A command line that makes no sense is said in a sentence, and is 2.
        """
        self.assertEqual(main([]), 2)
        self.assertEqual(
            self.errors.getvalue(),
            "txws: a URL is missing, such as wss://example.com/feed\n",
        )

    def test_check(self):
        """
        A command is run, and its exit code returned.
        """
        self.reactor.serve(Echo)
        self.assertEqual(main(["check", URL]), 0)
        self.assertIn("all is well", self.output.getvalue())
        self.assertFalse(self.reactor.running)

    def test_interrupted(self):
        """
        SIGINT interrupts it.
        """
        self.reactor.isInterrupted = True
        self.reactor.serve(Echo)
        self.assertEqual(main(["bench", "--seconds", "90", URL]), 130)

    def test_stopped(self):
        """
        What stops the reactor, as SIGTERM does, is no success.
        """
        self.reactor.serve(Echo)
        self.reactor.callLater(3, self.reactor.stop)
        self.assertEqual(main(["check", "--idle", "60", URL]), 1)
        self.assertIn("interrupted", self.errors.getvalue())

    def test_bug(self):
        """
        A mistake of this program's is not hidden.
        """
        self.patch(command, "Check", None)
        self.assertEqual(main(["check", URL]), 1)
        self.assertIn("'NoneType' object is not callable", self.errors.getvalue())
