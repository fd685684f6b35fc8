"""
The blocking client in real threads and real processes: what memory cannot
show about Ctrl-C, forks and the end of a program.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from textwrap import dedent
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import inlineCallbacks, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.processes import TESTED, environment
from txws import HandlerFactory, WebSocketFactory
from txws.blocking import BlockingConversation, Clients
from txws.demo import Echo
from txws.reactorthread import ReactorThread

# Long enough for an interpreter on a busy machine, far from for ever.
_BOUND = 30

# What every program begins with.
_HEAD = """\
import sys
from txws import KeepalivePolicy
from txws.blocking import connect
url = sys.argv[1]
def ready():
    print("ready", flush=True)
"""


class Reasoned(Echo):
    """
    Echoes, and remembers how each connection ended.
    """

    def __init__(self, reasons: list[Any], isReading: bool) -> None:
        super().__init__()
        self._reasons = reasons
        self._isReading = isReading

    def negotiationFinished(self) -> None:
        """
        Read nothing, if that is wanted.
        """
        if not self._isReading:
            self.transport.pauseProducing()

    def connectionLost(self, reason: Any) -> None:
        """
        Remember it.
        """
        self._reasons.append(reason.value)


class Run:
    """
    What became of a program.

    @ivar seconds: how long it took after it was ready.
    """

    def __init__(self, code: str, url: str, isInterrupted: bool) -> None:
        """
        Run it to its end; send it SIGINT when it is ready, if that is wanted.
        """
        with subprocess.Popen(
            [sys.executable, "-X", "dev", "-c", _HEAD + dedent(code), url],
            cwd=TESTED,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None and process.stderr is not None
            bound = threading.Timer(_BOUND, process.kill)
            bound.start()
            try:
                self.first = process.stdout.readline()
                started = time.monotonic()
                if isInterrupted:
                    time.sleep(0.3)
                    process.send_signal(signal.SIGINT)
                # communicate() would lose what was read with the first line.
                self.output = process.stdout.read()
                self.errors = process.stderr.read()
                process.wait()
            finally:
                bound.cancel()
                process.kill()
        self.status = process.returncode
        self.seconds = time.monotonic() - started


class LiveTestCase(TestCase):
    """
    Serves an echo by the reactor of the tests.

    @ivar isReading: whether the server reads.
    @ivar reasons: how its connections ended.
    """

    if not os.environ.get("TXWS_LIVE"):
        skip = "uses real sockets; set TXWS_LIVE=1 to run it"

    timeout = 120

    def setUp(self) -> None:
        """
        Serve.
        """
        self.isReading = True
        self.reasons: list[Any] = []
        self.factory = WebSocketFactory(
            HandlerFactory(lambda: Reasoned(self.reasons, self.isReading))
        )
        self.url = self.serve(self.factory)
        self.addCleanup(self.waitForTheEnd)

    def serve(self, factory: Any) -> str:
        """
        Serve a factory.

        @return: the URL.
        """
        endpoint = serverFromString(reactor, "tcp:0:interface=127.0.0.1")
        port = self.successResultOf(endpoint.listen(factory))
        self.addCleanup(lambda: maybeDeferred(port.stopListening))
        return f"ws://127.0.0.1:{port.getHost().port}/"

    @inlineCallbacks
    def waitForTheEnd(self):
        """
        Wait until all connections have ended.
        """
        for connection in self.factory.connections:
            connection.abortConnection()
        for _ in range(500):
            if not list(self.factory.connections):
                break
            yield deferLater(reactor, 0.01, lambda: None)


class ThreadTests(LiveTestCase):
    """
    Threads of a program that runs the reactor itself.
    """

    def setUp(self) -> None:
        """
        Have clients.
        """
        super().setUp()
        self.clients = Clients(ReactorThread())

    def inThreads(self, functions: Iterable[Callable[[], Any]]):
        """
        Run each function in a thread.

        @return: fires with the list of what they return.
        """
        functions = list(functions)

        def run() -> list[Any]:
            with ThreadPoolExecutor(len(functions)) as pool:
                running = [pool.submit(function) for function in functions]
                return [each.result(_BOUND) for each in running]

        return deferToThread(run)

    @inlineCallbacks
    def test_manyClients(self):
        """
        Each of many threads has a client of its own, and gets its own echoes.
        """

        def converse(name: int) -> list[str | bytes]:
            with self.clients.connect(self.url) as websocket:
                received = []
                for number in range(50):
                    websocket.send(f"{name} {number}")
                    received.append(websocket.receive(_BOUND))
                return received

        echoes = yield self.inThreads([partial(converse, name) for name in range(40)])
        for name, received in enumerate(echoes):
            self.assertEqual(received, [f"{name} {number}" for number in range(50)])
        self.assertEqual(len(self.reasons), 40)
        self.assertEqual({reason.code for reason in self.reasons}, {1000})

    @inlineCallbacks
    def test_sharedClient(self):
        """
        Many threads may send by one client, messages and streams, while
        another receives.
        """

        def send(websocket: BlockingConversation, name: str) -> None:
            for number in range(25):
                websocket.send(f"{name} {number}")
                websocket.send(piece for piece in (name, " ", "piece"))

        def converse() -> list[str | bytes]:
            with (
                self.clients.connect(self.url) as websocket,
                ThreadPoolExecutor(8) as pool,
            ):
                for name in "abcdefgh":
                    pool.submit(send, websocket, name)
                return [websocket.receive(_BOUND) for _ in range(400)]

        received = yield deferToThread(converse)
        expected = [f"{name} {number}" for name in "abcdefgh" for number in range(25)]
        expected += [f"{name} piece" for name in "abcdefgh"] * 25
        self.assertEqual(sorted(received), sorted(expected))

    @inlineCallbacks
    def test_receiveTimeouts(self):
        """
        However short the timeouts are, no message is lost.
        """

        def converse() -> list[str | bytes]:
            received: list[str | bytes] = []
            with self.clients.connect(self.url) as websocket:
                for number in range(500):
                    websocket.send(str(number))
                deadline = time.monotonic() + _BOUND
                while len(received) < 500 and time.monotonic() < deadline:
                    with contextlib.suppress(TimeoutError):
                        received.append(websocket.receive(timeout=0.00001))
            return received

        received = yield deferToThread(converse)
        self.assertEqual(received, [str(number) for number in range(500)])

    @inlineCallbacks
    def test_ownThread(self):
        """
        The reactor's own thread is told not to wait.
        """
        yield deferToThread(lambda: self.clients.connect(self.url).close())
        told = self.assertRaises(RuntimeError, self.clients.connect, self.url)
        self.assertIn("txws.connect", str(told))


class ProgramTests(LiveTestCase):
    """
    Programs that have no reactor.
    """

    def run_(self, code: str, url: str | None = None, isInterrupted: bool = False):
        """
        Run a program.

        @return: fires with what became of it.
        """
        return deferToThread(lambda: Run(code, url or self.url, isInterrupted))

    def interrupt(self, code: str, url: str | None = None):
        """
        Run a program, and send it SIGINT.
        """
        return self.run_(code, url, True)

    def assertInterrupted(self, run: Run) -> None:
        """
        Assert that Ctrl-C has ended a program, soon.
        """
        self.assertEqual(run.first, "ready\n", run.errors)
        self.assertEqual(run.status, -signal.SIGINT, run.errors)
        self.assertEqual(run.errors.splitlines()[-1], "KeyboardInterrupt")
        self.assertNotIn("Unhandled", run.errors)
        self.assertLess(run.seconds, 5)

    @inlineCallbacks
    def test_quiet(self):
        """
        A program prints what it prints, and nothing else, whatever fails, and
        ends.
        """
        run = yield self.run_(
            """
            for wrong in ("ws://127.0.0.1:1/", "ws://name.invalid/", "nothing"):
                try:
                    connect(wrong)
                except Exception:
                    pass
            with connect(url) as websocket:
                websocket.send("hello")
                print(websocket.receive())
                try:
                    websocket.receive(timeout=0.01)
                except TimeoutError:
                    print("late")
            try:
                websocket.send("more")
            except Exception as error:
                print(type(error).__name__)
            """
        )
        self.assertEqual(run.first + run.output, "hello\nlate\nWebSocketClosed\n")
        self.assertEqual(run.errors, "")
        self.assertEqual(run.status, 0)

    @inlineCallbacks
    def test_asyncio(self):
        """
        The asyncio reactor will do, too.
        """
        run = yield self.run_(
            """
            from twisted.internet import asyncioreactor
            asyncioreactor.install()
            with connect(url) as websocket:
                for number in range(100):
                    websocket.send(str(number))
                    assert websocket.receive(timeout=5) == str(number)
                    try:
                        websocket.receive(timeout=0)
                    except TimeoutError:
                        pass
            left_open = connect(url)
            print("done")
            """
        )
        self.assertEqual((run.first, run.errors, run.status), ("done\n", "", 0))
        self.assertEqual([reason.code for reason in self.reasons], [1000, 1001])

    @inlineCallbacks
    def test_manyThreads(self):
        """
        Many threads of a program share one reactor.
        """
        run = yield self.run_(
            """
            import threading
            from concurrent.futures import ThreadPoolExecutor
            def converse(name):
                with connect(url) as websocket:
                    for number in range(20):
                        websocket.send(f"{name} {number}")
                        assert websocket.receive(timeout=20) == f"{name} {number}"
            with ThreadPoolExecutor(50) as pool:
                list(pool.map(converse, range(50)))
            names = [thread.name for thread in threading.enumerate()]
            print(names.count("txws reactor"))
            """
        )
        self.assertEqual((run.first, run.errors), ("1\n", ""))
        self.assertEqual(len(self.reasons), 50)

    @inlineCallbacks
    def test_idle(self):
        """
        To wait takes no processor time.
        """
        run = yield self.run_(
            """
            import time
            with connect(url) as websocket:
                before = time.process_time()
                try:
                    websocket.receive(timeout=2)
                except TimeoutError:
                    print(time.process_time() - before)
            """
        )
        self.assertEqual(run.errors, "")
        self.assertLess(float(run.first), 0.05)

    @inlineCallbacks
    def test_interruptReceive(self):
        """
        Ctrl-C ends a program that receives, and closes its connection.
        """
        run = yield self.interrupt(
            """
            with connect(url) as websocket:
                ready()
                websocket.receive()
            """
        )
        self.assertInterrupted(run)
        self.assertEqual([reason.code for reason in self.reasons], [1001])

    @inlineCallbacks
    def test_interruptIteration(self):
        """
        Ctrl-C loses no message: who catches it goes on where it was.
        """
        run = yield self.interrupt(
            """
            with connect(url) as websocket:
                ready()
                try:
                    for message in websocket:
                        pass
                except KeyboardInterrupt:
                    websocket.send("still here")
                    print(websocket.receive(timeout=5))
            """
        )
        self.assertEqual((run.output, run.errors), ("still here\n", ""))

    @inlineCallbacks
    def test_interruptSend(self):
        """
        Ctrl-C ends a program that sends to a peer which does not read.
        """
        self.isReading = False
        run = yield self.interrupt(
            """
            with connect(url, keepalive=KeepalivePolicy(closeTimeout=1)) as websocket:
                ready()
                while True:
                    websocket.send(bytes(65536))
            """
        )
        self.assertInterrupted(run)

    @inlineCallbacks
    def test_interruptConnect(self):
        """
        Ctrl-C ends a program that waits for a server which says nothing.
        """
        silent = Factory.forProtocol(Protocol)
        silent.noisy = False
        url = self.serve(silent)
        run = yield self.interrupt(
            """
            ready()
            connect(url)
            """,
            url,
        )
        self.assertInterrupted(run)
        self.assertIn("in connect", run.errors)

    @inlineCallbacks
    def test_interruptClose(self):
        """
        Ctrl-C ends a program that waits for a peer which does not answer its
        Close.
        """
        self.isReading = False
        run = yield self.interrupt(
            """
            websocket = connect(url)
            ready()
            websocket.close()
            """
        )
        self.assertInterrupted(run)

    @inlineCallbacks
    def test_exit(self):
        """
        Connections that are open when a program ends are closed.
        """
        run = yield self.run_(
            """
            open = [connect(url) for _ in range(3)]
            ready()
            """
        )
        self.assertEqual((run.first, run.errors, run.status), ("ready\n", "", 0))
        self.assertLess(run.seconds, 2)
        self.assertEqual([reason.code for reason in self.reasons], [1001] * 3)

    @inlineCallbacks
    def test_exitWhileReceiving(self):
        """
        A daemon thread that receives does not keep a program from its end.
        """
        run = yield self.run_(
            """
            import threading
            websocket = connect(url)
            def receive():
                try:
                    websocket.receive()
                except Exception:
                    pass
            threading.Thread(target=receive, daemon=True).start()
            ready()
            """
        )
        self.assertEqual((run.first, run.errors, run.status), ("ready\n", "", 0))
        self.assertLess(run.seconds, 2)
        self.assertEqual([reason.code for reason in self.reasons], [1001])

    @inlineCallbacks
    def test_exitWithoutAnswer(self):
        """
        A peer that does not answer a Close keeps a program no longer than two
        seconds.
        """
        self.isReading = False
        run = yield self.run_(
            """
            websocket = connect(url)
            ready()
            """
        )
        self.assertEqual((run.first, run.errors, run.status), ("ready\n", "", 0))
        self.assertGreater(run.seconds, 1.5)
        self.assertLess(run.seconds, 5)

    @inlineCallbacks
    def test_fork(self):
        """
        A process that was forked after its parent connected is told; one that
        was forked before connects by itself.
        """
        run = yield self.run_(
            """
            import os
            def inChild(function):
                child = os.fork()
                if not child:
                    try:
                        function()
                    finally:
                        sys.stdout.flush()
                        os._exit(0)
                os.waitpid(child, 0)
            def echo():
                with connect(url) as websocket:
                    websocket.send("child")
                    print(websocket.receive(timeout=5))
            inChild(echo)
            def refused():
                for function in (lambda: connect(url), websocket.receive):
                    try:
                        function()
                    except RuntimeError as error:
                        print("fork" in str(error))
            with connect(url) as websocket:
                inChild(refused)
                websocket.send("parent")
                print(websocket.receive(timeout=5))
            """
        )
        self.assertEqual(run.first + run.output, "child\nTrue\nTrue\nparent\n")
        self.assertNotIn("Error", run.errors)
