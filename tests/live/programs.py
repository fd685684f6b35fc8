"""
Programs in processes of their own: servers, and whoever talks to them.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.processes import TESTED, environment

# Seconds that a process gets to start, and that anything else may take.
START_TIMEOUT = 20.0
WAIT_TIMEOUT = 10.0

# What the twistd script does, for the interpreter that runs the tests. A shell lets
# what it starts in the background ignore SIGINT; the server then would, too.
TWISTD = """
import signal
from twisted.scripts.twistd import run
signal.signal(signal.SIGINT, signal.default_int_handler)
run()
"""


def waitUntil(
    question: Callable[[], object], what: str, timeout: float = WAIT_TIMEOUT
) -> None:
    """
    Return as soon as C{question} answers with something true.

    @param question: called again and again.
    @param what: what is waited for, in words.
    @param timeout: how many seconds to wait.
    @raise AssertionError: if it does not happen in time.
    """
    deadline = time.monotonic() + timeout
    while not question():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} seconds: {what}")
        time.sleep(0.02)


def freePort() -> int:
    """
    Find a TCP port of the loopback interface that nobody listens on.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Program:
    """
    A process that runs Python.
    """

    def __init__(self, log: Path, *arguments: str, cwd: Path = TESTED) -> None:
        """
        Start it.

        @param log: where to write what it says.
        @param arguments: those of Python.
        @param cwd: where it is started.
        """
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=cwd,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def log(self) -> str:
        """
        All that it has said.
        """
        return self._log.read_text(errors="replace")

    @property
    def pid(self) -> int:
        """
        The number of the process.
        """
        return self._process.pid

    @property
    def hasEnded(self) -> bool:
        """
        Whether it runs no more.
        """
        return self._process.poll() is not None

    def wait(self) -> int:
        """
        Wait for its end.

        @return: its exit code.
        @raise subprocess.TimeoutExpired: if it goes on.
        """
        return self._process.wait(WAIT_TIMEOUT)

    def stop(self, signalNumber: int) -> None:
        """
        Send a signal, and wait for its end.

        @raise subprocess.TimeoutExpired: if it goes on.
        """
        self._process.send_signal(signalNumber)
        self.wait()

    def kill(self) -> None:
        """
        End it at once, if it still runs.
        """
        self._process.kill()
        self._process.wait()


class Server(Program):
    """
    A process that listens.
    """

    def __init__(
        self,
        directory: Path,
        port: int,
        *arguments: str,
        cwd: Path = TESTED,
        scheme: str = "http",
    ) -> None:
        """
        Start it, and wait until it listens.

        @param directory: where its log goes.
        @param port: where it will listen.
        @param arguments: those of Python.
        @param cwd: where it is started.
        @param scheme: C{"http"} or C{"https"}.
        """
        self.port = port
        self.address = f"{scheme}://127.0.0.1:{port}/"
        super().__init__(directory / f"server-{port}.log", *arguments, cwd=cwd)
        try:
            waitUntil(self._isListening, "the server listens", START_TIMEOUT)
        except BaseException:
            self.kill()
            raise

    def _isListening(self) -> bool:
        if self.hasEnded:
            raise AssertionError(f"the server ended instead of listening:\n{self.log}")
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class TwistdServer(Server):
    """
    What C{twistd -n websocket} serves.
    """

    def __init__(self, directory: Path, *options: str, cwd: Path = TESTED) -> None:
        """
        Start it, and wait until it listens.

        @param directory: where its log goes.
        @param options: those of C{twistd websocket}, but the port.
        @param cwd: where it is started.
        """
        port = freePort()
        endpoint = f"tcp:{port}:interface=127.0.0.1"
        twistd = ("-c", TWISTD, "-n", "--pidfile=", "websocket", "--port", endpoint)
        super().__init__(directory, port, *twistd, *options, cwd=cwd)
