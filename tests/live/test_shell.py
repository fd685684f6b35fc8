"""
The command line as people use it: as a program of its own, in a terminal and
in pipes, with a server on a real socket.

Run as a program, it makes the transcript in C{docs/howto/shell.rst}::

    python -m tests.live.test_shell
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.certificates import makePEM
from tests.processes import ROOT, TESTED, environment
from txws.shell.screen import rawTerminal

from .terminal import Terminal

PAGE = ROOT / "docs" / "howto" / "shell.rst"
PORT = 9000

# What somebody types, and what is waited for.
SESSION = (
    ("hello\r", "< hello"),
    ("caf\u00e9 \u202egnp.exe\r", "< caf\u00e9 \\u202egnp.exe"),
    ("/binary 00ff 7478 7773\r", "|..txws|"),
    ("/ping\r", "pong after"),
    ("//slash\r", "< /slash"),
    ("/nothing\r", "! there is no"),
    ("/close 4000 bye\r", "closed by us"),
)


class Server:
    """
    The demo of C{twistd websocket}, on a port of its own.
    """

    def __init__(
        self, *options: str, port: int = 0, secure: Path | None = None
    ) -> None:
        """
        Start it, and wait until it listens.
        """
        where = f"tcp:{port}:interface=127.0.0.1"
        if secure is not None:
            where = f"ssl:{port}:interface=127.0.0.1:privateKey={secure}"
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-u", "-c"),
                "from twisted.scripts.twistd import run; run()",
                *("-n", "--pidfile=", "websocket", "--port", where, *options),
            ],
            cwd=TESTED,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            found = re.search(r"starting on (\d+)", line)
            if found is not None:
                self.port = int(found[1])
                break

    def stop(self) -> None:
        """
        Stop it.
        """
        self._process.terminate()
        self._process.communicate(timeout=30)


def run(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """
    Run the command line to its end, in pipes.
    """
    return subprocess.run(
        [sys.executable, "-m", "txws", *arguments],
        cwd=TESTED,
        input=given,
        capture_output=True,
        timeout=60,
        check=False,
    )


class ShellTestCase(SynchronousTestCase):
    """
    Has a server.
    """

    if not os.environ.get("TXWS_LIVE"):
        skip = "uses real sockets; set TXWS_LIVE=1 to run it"

    def setUp(self):
        """
        Start it.
        """
        self.server = Server()
        self.addCleanup(self.server.stop)
        self.url = f"ws://127.0.0.1:{self.server.port}/"


class TerminalTests(ShellTestCase):
    """
    Somebody types.
    """

    def start(self, *arguments: str) -> Terminal:
        """
        Start in a terminal.
        """
        state = str(Path(self.mktemp()).absolute())
        terminal = Terminal("-m", "txws", *arguments, XDG_STATE_HOME=state)
        self.addCleanup(terminal.close)
        return terminal

    def test_session(self):
        """
        What is typed is sent, what comes is shown above the line that is
        edited, and the terminal is left as it was.
        """
        terminal = self.start(self.url)
        terminal.waitFor("* connected to")
        self.assertFalse(terminal.isEchoing)
        for typed, shown in SESSION:
            terminal.type(typed)
            terminal.waitFor(shown)
        self.assertEqual(terminal.waitForEnd(), 0)
        self.assertTrue(terminal.isEchoing)
        self.assertIn("> hello", terminal.screen)
        self.assertTrue(terminal.raw.endswith(b'answered 4000 "bye"\r\n'))
        self.assertIn(b"\x1b[?2004l", terminal.raw)
        self.assertNotIn("\u202e".encode(), terminal.raw)

    def test_history(self):
        """
        Lines come back with the arrow keys.
        """
        terminal = self.start(self.url)
        terminal.waitFor("* connected to")
        terminal.type("one\r")
        terminal.waitFor("< one")
        terminal.type("\x1b[A\x7f\x7fff\r")
        terminal.waitFor("< off")
        terminal.type("\x04")
        self.assertEqual(terminal.waitForEnd(), 0)

    def test_interrupt(self):
        """
        Ctrl-C closes with 1001.
        """
        terminal = self.start(self.url)
        terminal.waitFor("* connected to")
        terminal.type("half\x03")
        terminal.waitFor("closed by us: 1001")
        self.assertEqual(terminal.waitForEnd(), 130)
        self.assertTrue(terminal.isEchoing)

    def test_terminated(self):
        """
        A terminal is left as it was by SIGTERM, too.
        """
        terminal = self.start(self.url)
        terminal.waitFor("* connected to")
        self.assertFalse(terminal.isEchoing)
        terminal.signal(signal.SIGTERM)
        self.assertNotEqual(terminal.waitForEnd(), 0)
        self.assertTrue(terminal.isEchoing)
        self.assertIn(b"\x1b[?2004l", terminal.raw)
        self.assertTrue(terminal.raw.endswith(b"txws: interrupted\r\n"), terminal.raw)

    def test_refused(self):
        """
        An error is a sentence, not a traceback.
        """
        terminal = self.start("ws://127.0.0.1:1/")
        terminal.waitFor("txws: connection refused")
        self.assertEqual(terminal.waitForEnd(), 1)
        self.assertNotIn(b"Traceback", terminal.raw)

    def test_raw(self):
        """
        A terminal is left as it was, whatever happens.
        """
        import pty
        import termios

        above, below = pty.openpty()
        self.addCleanup(os.close, above)
        self.addCleanup(os.close, below)
        before = termios.tcgetattr(below)
        try:
            with rawTerminal(below):
                self.assertNotEqual(termios.tcgetattr(below), before)
                raise ZeroDivisionError
        except ZeroDivisionError:
            self.assertEqual(termios.tcgetattr(below), before)


class PipeTests(ShellTestCase):
    """
    The command line in pipes.
    """

    def test_echo(self):
        """
        The output is exactly the messages.
        """
        lines = b"".join(b"%d\n" % number for number in range(20000))
        ran = run("--wait", "1", self.url, given=lines)
        self.assertEqual((ran.returncode, ran.stderr), (0, b""))
        self.assertEqual(ran.stdout, lines)

    def test_files(self):
        """
        Input and output may be files.
        """
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as taken:
            given.write(b"one\ntwo")
            given.seek(0)
            code = subprocess.call(
                [sys.executable, "-m", "txws", "--wait=1", self.url],
                cwd=TESTED,
                stdin=given,
                stdout=taken,
                timeout=60,
            )
            taken.seek(0)
            self.assertEqual((code, taken.read()), (0, b"one\ntwo\n"))

    def test_fullDisk(self):
        """
        Output that cannot be written is an error.
        """
        for arguments in (("--wait=1", self.url), ("check", "--no-probe", self.url)):
            with open("/dev/full", "wb") as full:
                ran = subprocess.run(
                    [sys.executable, "-m", "txws", *arguments],
                    cwd=ROOT,
                    input=b"one\n",
                    stdout=full,
                    stderr=subprocess.PIPE,
                    timeout=60,
                    check=False,
                )
            self.assertEqual(ran.returncode, 1)
            self.assertRegex(ran.stderr, rb"\Atxws: [^\n]+\n\Z")

    def test_closedDescriptors(self):
        """
        A program that was begun without input, output or errors finds none, and
        takes nothing else for them.
        """
        command = f"{sys.executable} -m txws --wait 0 {self.url}"
        for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
            ran = subprocess.run(
                ["sh", "-c", f"{command} {closed}"],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=60,
                check=False,
            )
            self.assertEqual((ran.returncode, ran.stderr), (0, b""), closed)
        refused = subprocess.run(
            ["sh", "-c", f"{sys.executable} -m txws 2>&-"],
            cwd=ROOT,
            timeout=60,
            check=False,
        )
        self.assertEqual(refused.returncode, 2)

    def test_nobodyReads(self):
        """
        It ends when nobody reads its output any more, as C{head} does.
        """
        process = subprocess.Popen(
            [sys.executable, "-m", "txws", self.url],
            cwd=TESTED,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"one\n")
        process.stdin.flush()
        self.assertEqual(process.stdout.readline(), b"one\n")
        process.stdout.close()
        self.assertEqual(process.wait(20), 0)
        process.stdin.close()

    def test_interrupt(self):
        """
        SIGINT closes with 1001.
        """
        process = subprocess.Popen(
            [sys.executable, "-m", "txws", self.url],
            cwd=TESTED,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"one\n")
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(20), 130)
        self.assertEqual(process.communicate()[1], b"")


class CommandTests(ShellTestCase):
    """
    Checking and loading.
    """

    def test_check(self):
        """
        All is well with the demo.
        """
        ran = run("check", "--json", self.url)
        report = json.loads(ran.stdout)
        self.assertEqual((ran.returncode, report["ok"]), (0, True))
        self.assertEqual([probe["answers"] for probe in report["probes"]], [1] * 5)

    def test_bench(self):
        """
        The demo echoes everything.
        """
        ran = run("bench", "--messages=2000", "--in-flight=4", "--json", self.url)
        self.assertEqual(ran.returncode, 0)
        self.assertEqual(json.loads(ran.stdout)["messages"], 2000)


class TLSTests(SynchronousTestCase):
    """
    The command line over TLS.
    """

    if not os.environ.get("TXWS_LIVE"):
        skip = "uses real sockets; set TXWS_LIVE=1 to run it"

    def setUp(self):
        """
        Start a server.
        """
        self.path = Path(self.mktemp()).absolute()
        self.path.write_bytes(makePEM())
        self.server = Server(secure=self.path)
        self.addCleanup(self.server.stop)
        self.url = f"wss://localhost:{self.server.port}/"

    def test_authority(self):
        """
        An authority can be named.
        """
        ran = run("--ca", str(self.path), "--wait=1", self.url, given=b"hello\n")
        self.assertEqual((ran.returncode, ran.stdout), (0, b"hello\n"))

    def test_insecure(self):
        """
        Who trusts anybody is warned.
        """
        ran = run("--insecure", "--wait=1", self.url, given=b"hello\n")
        self.assertEqual((ran.returncode, ran.stdout), (0, b"hello\n"))
        self.assertTrue(ran.stderr.startswith(b"txws: WARNING"), ran.stderr)

    def test_untrusted(self):
        """
        Else the certificate has to be known, and is shown by C{check}.
        """
        ran = run(self.url)
        self.assertEqual(ran.returncode, 1)
        self.assertIn(b"certificate verify failed", ran.stderr)
        ran = run("check", self.url)
        self.assertEqual(ran.returncode, 1)
        self.assertIn(b"certificate of CN=localhost", ran.stdout)


def record(*arguments: str, session: tuple[tuple[str, str], ...] = ()) -> list[str]:
    """
    Run a command in a terminal.

    @return: what is on the screen in the end.
    """
    with tempfile.TemporaryDirectory() as state:
        terminal = Terminal("-m", "txws", *arguments, XDG_STATE_HOME=state)
        if session:
            terminal.waitFor("* connected to")
        for typed, shown in session:
            terminal.type(typed)
            terminal.waitFor(shown)
        terminal.waitForEnd()
        terminal.close()
    told = ["$ python -m txws " + " ".join(arguments), *terminal.screen]
    return [f"   {row}".rstrip() for row in told if row]


def main() -> None:
    """
    Write the transcripts into the page.
    """
    server = Server(port=PORT)
    url = f"ws://localhost:{PORT}/"
    try:
        transcripts = {
            "talk": record(url, session=SESSION),
            "check": record("check", url),
            "bench": record("bench", "--seconds", "2", "--in-flight", "4", url),
        }
    finally:
        server.stop()
    page = PAGE.read_text("utf-8")
    for name, rows in transcripts.items():
        mark = f".. transcript-{name}\n\n.. code-block:: console\n\n"
        before, _mark, after = page.partition(mark)
        after = re.sub(r"\A(?:   .*\n)+", "", after)
        page = "".join((before, mark, *(f"{row}\n" for row in rows), after))
    PAGE.write_text(page, "utf-8")


if __name__ == "__main__":
    main()
