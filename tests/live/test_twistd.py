"""
C{twistd websocket} as a process of its own, in the foreground and as a daemon.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import runTwistd


class CannotListenTests(SynchronousTestCase):
    """
    A program that cannot listen ends at once, and says why.
    """

    if not os.environ.get("TXWS_LIVE"):
        skip = "uses real sockets; set TXWS_LIVE=1 to run it"

    def runIn(self, *options: str, port: str) -> subprocess.CompletedProcess[str]:
        """
        Run C{twistd websocket} in a folder of its own.
        """
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        arguments = (*options, "--pidfile=pid", "websocket", "--port", port)
        return runTwistd(*arguments, cwd=self.directory, timeout=20)

    def assertSentence(self, sentence: str, log: str) -> None:
        """
        Assert that a sentence is in a log, once, and that no traceback is.
        """
        (line,) = (line for line in log.splitlines() if "#error]" in line)
        self.assertIn(f"[stderr#error] twistd websocket: {sentence}", line)
        self.assertNotIn("Traceback", log)

    def takePort(self) -> int:
        """
        Listen where the program is to listen.
        """
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        port: int = taken.getsockname()[1]
        return port

    def test_foreground(self):
        """
        In the foreground one sentence is all that is said.
        """
        port = self.takePort()

        ran = self.runIn("-n", port=f"tcp:{port}:interface=127.0.0.1")

        self.assertEqual(ran.returncode, 1)
        self.assertSentence(
            f"Couldn't listen on 127.0.0.1:{port}", ran.stdout + ran.stderr
        )
        self.assertFalse((self.directory / "pid").exists())

    def test_daemon(self):
        """
        A daemon does not start, does not keep its parent waiting, and leaves no
        pid file.
        """
        port = self.takePort()

        ran = self.runIn(port=f"tcp:{port}:interface=127.0.0.1")

        self.assertEqual(ran.returncode, 1)
        self.assertIn(f"Couldn't listen on 127.0.0.1:{port}", ran.stderr)
        self.assertSentence(
            f"Couldn't listen on 127.0.0.1:{port}", self.waitForLog("#error]")
        )
        self.assertFalse((self.directory / "pid").exists())

    def waitForLog(self, text: str) -> str:
        """
        Wait until the daemon, which ends after its parent, has logged
        something.
        """
        log = self.directory / "twistd.log"
        for _try in range(200):
            if text in log.read_text():
                break
            time.sleep(0.05)
        return log.read_text()

    def test_numberOutOfRange(self):
        """
        So does one with a number that the operating system does not take.
        """
        ran = self.runIn("-n", port="tcp:0:backlog=-99999999999")

        self.assertEqual(ran.returncode, 1)
        self.assertSentence("a number is out of range", ran.stdout + ran.stderr)
