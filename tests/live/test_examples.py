"""
Tests that the programs in C{examples} run as they are told to: servers are opened by
the WebSocket of a page in a real browser, clients talk to them, each in a process of
its own.
"""

from __future__ import annotations

import os
import re
import socket
import tempfile
from hashlib import sha256
from pathlib import Path
from resource import RLIMIT_NOFILE, getrlimit, setrlimit

from twisted.trial.unittest import SynchronousTestCase

from tests.certificates import makePEM
from tests.processes import ROOT, runPython

from .browser import End, startBrowser, whySkipped
from .browsersockets import BrowserSocket
from .programs import TWISTD, Program, Server, TwistdServer, freePort, waitUntil

EXAMPLES = ROOT / "examples"
NORMAL = End(1000, "", True)


class ProgramTestCase(SynchronousTestCase):
    """
    Runs the programs.

    @ivar directory: where they may leave something.
    """

    def setUp(self):
        """
        Make the directory.
        """
        kept = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.addCleanup(kept.cleanup)
        self.directory = Path(kept.name)
        self.servers: list[Program] = []

    def begin(self, server):
        """
        See to it that a server is ended, and has logged no failure.
        """
        self.addCleanup(server.kill)
        self.servers.append(server)
        return server

    def wrap(self, name, *options):
        """
        Have C{twistd websocket} serve an example.
        """
        options = ("--wrap", name, *options)
        return self.begin(TwistdServer(self.directory, *options, cwd=EXAMPLES))

    def run_(self, name, *arguments, port=None, scheme="http"):
        """
        Run an example that listens by itself: as it is, but for the port.
        """
        port = port or freePort()
        program = self.copy(name, port)
        return self.begin(
            Server(self.directory, port, program, *arguments, scheme=scheme)
        )

    def copy(self, name, port):
        """
        Copy an example, with a port of its own.
        """
        text = (EXAMPLES / f"{name}.py").read_text("utf-8")
        text = re.sub(r"tcp:\d+", f"tcp:{port}:interface=127.0.0.1", text)
        text = text.replace("9000", str(port))
        program = self.directory / f"{name}.py"
        program.write_text(text, "utf-8")
        return str(program)

    def assertNothingWentWrong(self):
        """
        Assert that no server has logged a failure.
        """
        for server in self.servers:
            self.assertNotIn("Traceback", server.log)


class CompletenessTests(SynchronousTestCase):
    """
    What holds for this module, and can be read from it.
    """

    def test_everyExample(self):
        """
        Each example has a test here, but the one that is a test, and the one that
        no browser has the other half of.
        """
        tested = re.findall(r"C\{(\w+)\}", Path(__file__).read_text("utf-8"))
        examples = {path.stem for path in EXAMPLES.glob("*.py")}
        self.assertEqual(examples - set(tested), {"test_chat", "extension"})


class BrowserTests(ProgramTestCase):
    """
    A page of each server connects to it.
    """

    skip = whySkipped()

    def setUp(self):
        """
        Start the browser.
        """
        super().setUp()
        self.driver = startBrowser(
            self.directory / "profile", "--ignore-certificate-errors"
        )
        self.addCleanup(self.driver.quit)

    def connect(self, server, path="", *subprotocols):
        """
        Connect from a page of a server.
        """
        url = server.address.replace("http", "ws", 1) + path
        return BrowserSocket(self.driver, server.address, url, subprotocols)

    def assertCloses(self, page):
        """
        Assert that the page can close, and the server agrees.
        """
        self.assertIsNone(page.end)
        self.assertEqual(page.close(4001, "bye"), End(4001, "bye", True))
        self.assertNothingWentWrong()

    def test_lineEcho(self):
        """
        C{wrap_line_echo} sends back lines, whether they come as text or bytes.
        """
        page = self.connect(self.run_("wrap_line_echo"))
        page.send("one\ntw", b"o\n")
        self.assertEqual(page.receive(2), [b"one\n", b"two\n"])
        self.assertCloses(page)

    def test_echo(self):
        """
        C{echo_handler} sends back text and bytes.
        """
        page = self.connect(self.run_("echo_handler"))
        page.send("häß 日本 😀", bytes(range(256)))
        self.assertEqual(page.receive(2), ["häß 日本 😀", bytes(range(256))])
        self.assertCloses(page)

    def test_secureEcho(self):
        """
        C{secure_echo} echoes over TLS.
        """
        pem = self.directory / "server.pem"
        pem.write_bytes(makePEM())
        port = freePort()
        endpoint = f"ws:ssl:{port}:interface=127.0.0.1:privateKey={pem}"
        server = self.run_("secure_echo", endpoint, port=port, scheme="https")
        page = self.connect(server)
        page.send("text", b"bytes")
        # What a wrapped protocol gets is a stream.
        waitUntil(lambda: b"".join(page.messages) == b"textbytes", "the echo")
        self.assertCloses(page)

    def test_forward(self):
        """
        C{forward_tcp} connects a page to a TCP server, and ends when that does.
        """
        with socket.create_server(("127.0.0.1", 0)) as listening:
            listening.settimeout(10)
            target = str(listening.getsockname()[1])
            server = self.run_("forward_tcp", "127.0.0.1", target)
            page = self.connect(server, "", "binary")
            self.assertEqual(page.subprotocol, "binary")
            forwarded, _address = listening.accept()
            with forwarded:
                forwarded.settimeout(10)
                forwarded.sendall(b"RFB 003.008\n")
                self.assertEqual(page.receive(1), [b"RFB 003.008\n"])
                page.send(b"\x01\x02")
                self.assertEqual(forwarded.recv(10), b"\x01\x02")
            self.assertEqual(page.waitUntilClosed(), NORMAL)
        self.assertNothingWentWrong()

    def test_chat(self):
        """
        C{chat} tells everybody what one says.
        """
        server = self.wrap("chat.room")
        first, second = self.connect(server), self.connect(server)
        second.send("Hello.")
        for page in (first, second):
            self.assertEqual(page.receive(1), ["Hello."])
        self.assertCloses(first)

    def test_votes(self):
        """
        C{votes} tells all who vote how it stands.
        """
        server = self.wrap("votes.vote")
        first, second = self.connect(server), self.connect(server)
        first.send("tea")
        self.assertEqual(second.receive(1), ["tea: 1 of 1"])
        second.send("tea")
        self.assertEqual(first.receive(2), ["tea: 1 of 1", "tea: 2 of 2"])
        self.assertCloses(first)

    def test_ticker(self):
        """
        C{ticker} tells prices.
        """
        page = self.connect(self.run_("ticker"))
        for price in page.receive(10):
            self.assertRegex(price, r"\A[ABC] \d+\Z")
        self.assertCloses(page)

    def test_doorkeeper(self):
        """
        C{doorkeeper} knows a page by its cookie, and refuses others.
        """
        server = self.wrap("doorkeeper.door")
        page = self.connect(server)
        self.assertEqual(page.waitUntilClosed(), End(1006, "", False))
        self.driver.add_cookie({"name": "session", "value": "c2VjcmV0"})
        page = self.connect(server, "", "greeting.example")
        self.assertEqual(page.subprotocol, "greeting.example")
        self.assertEqual(page.receive(1), ["Hello, Ada."])
        self.assertCloses(page)

    def test_router(self):
        """
        C{router} has an application for each path, with its own limits.
        """
        server = self.wrap("router.router")
        page = self.connect(server, "hello/Bob")
        self.assertEqual(page.receive(1), ["Hello, Bob."])
        page = self.connect(server, "stream")
        page.send(b"bytes")
        self.assertEqual(page.receive(1), [b"bytes"])
        page = self.connect(server, "repeat/2")
        page.send("again", "a" * 1025)
        self.assertEqual(page.waitUntilClosed().code, 1009)
        self.assertEqual(page.messages, ["again", "again"])
        page = self.connect(server, "nowhere")
        self.assertEqual(page.waitUntilClosed(), End(1006, "", False))
        self.assertNothingWentWrong()

    def test_webResource(self):
        """
        C{web_resource} has its page and its WebSocket on one port; so has
        C{klein_routes}, whose page counts who is connected.
        """
        for name, shown in (("web_resource", "input"), ("klein_routes", "connected")):
            server = self.run_(name)
            page = self.connect(server, "echo")
            self.assertIn(shown, self.driver.page_source)
            page.send("häß", b"bytes")
            self.assertEqual(page.receive(2), ["häß", b"bytes"])
            self.assertCloses(page)

    def test_firehose(self):
        """
        C{firehose} sends numbers until the page has enough.
        """
        page = self.connect(self.wrap("firehose.Firehose"))
        self.assertEqual(page.receive(500), [str(number) for number in range(500)])
        self.assertCloses(page)

    def test_digest(self):
        """
        C{digest} takes messages larger than the usual limit.
        """
        server = self.wrap("digest.Digest", "--max-message-size", "unlimited")
        page = self.connect(server)
        data = os.urandom(3_000_000)
        page.send(data, "häß")
        self.assertEqual(
            page.receive(2),
            [sha256(message).hexdigest() for message in (data, "häß".encode())],
        )
        self.assertCloses(page)

    def test_download(self):
        """
        C{download} sends files, and closes with a code of its own if there is
        none.
        """
        page = self.connect(self.wrap("download.Download"))
        page.send("chat.py")
        self.assertEqual(page.receive(1), [(EXAMPLES / "chat.py").read_bytes()])
        page.send("nothing.py")
        self.assertEqual(page.waitUntilClosed(), End(4004, "no such file", True))
        self.assertNothingWentWrong()

    def test_guess(self):
        """
        C{guess} is played to its end, which closes normally.
        """
        page = self.connect(self.wrap("guess.play"))
        page.receive(1)
        low, high, told = 1, 100, ""
        for count in range(2, 10):
            guess = (low + high) // 2
            page.send(str(guess))
            told = page.receive(count)[-1]
            if told == "Yes!":
                break
            low, high = (guess + 1, high) if "more" in told else (low, guess - 1)
        self.assertEqual(told, "Yes!")
        self.assertEqual(page.waitUntilClosed(), NORMAL)
        self.assertNothingWentWrong()

    def test_json(self):
        """
        C{json_sum} adds, and closes with 1007 when it is told nonsense.
        """
        page = self.connect(self.wrap("json_sum.add"))
        page.send("[1, 2]", b"[0.5]")
        self.assertEqual(page.receive(2), ['{"sum": 3}', '{"sum": 0.5}'])
        page.send("[")
        self.assertEqual(page.waitUntilClosed().code, 1007)
        self.assertNothingWentWrong()

    def test_onAsyncio(self):
        """
        C{on_asyncio} echoes, on asyncio.
        """
        page = self.connect(self.run_("on_asyncio"))
        page.send("text", b"bytes")
        self.assertEqual(page.receive(2), ["text", b"bytes"])
        self.assertCloses(page)

    def test_wireEcho(self):
        """
        C{wire_echo} serves one page, and ends with it.
        """
        port = freePort()
        program = Program(self.directory / "log", self.copy("wire_echo", port))
        self.addCleanup(program.kill)
        pages = []

        def isConnected():
            url = f"ws://127.0.0.1:{port}/"
            pages.append(BrowserSocket(self.driver, elsewhere.address, url))
            return pages[-1].isOpen

        # Whoever looks whether it listens, or asks for a page, would be the one that
        # it serves.
        elsewhere = self.wrap("echo_handler.Echo")
        waitUntil(isConnected, "it listens")
        pages[-1].send("häß")
        self.assertEqual(pages[-1].receive(1), ["häß"])
        self.assertEqual(pages[-1].close(4001, "bye").code, 4001)
        self.assertEqual((program.wait(), program.log), (0, ""))


class ClientTests(ProgramTestCase):
    """
    Clients, on servers that are examples.
    """

    if not os.environ.get("TXWS_LIVE"):
        skip = "uses real sockets; set TXWS_LIVE=1 to run it"

    def test_player(self):
        """
        C{player} wins, tells how, and ends.
        """
        server = self.wrap("guess.play")
        ran = runPython(
            "player.py", server.address.replace("http", "ws"), cwd=EXAMPLES, timeout=20
        )
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        lines = ran.stdout.splitlines()
        self.assertEqual(lines[0], "I think of a number from 1 to 100.")
        self.assertRegex(lines[-1], r"\A\d+\? Yes!\Z")

    def test_manyClients(self):
        """
        C{many_clients} connects two thousand, and all of them get an answer.
        """
        soft, most = getrlimit(RLIMIT_NOFILE)
        self.addCleanup(setrlimit, RLIMIT_NOFILE, (soft, most))
        # For the server, which gets it from this process.
        setrlimit(RLIMIT_NOFILE, (most, most))
        server = self.wrap("echo_handler.Echo")
        url = server.address.replace("http", "ws")
        ran = runPython("many_clients.py", url, "2000", cwd=EXAMPLES, timeout=60)
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        self.assertIn("2000 open at once", ran.stdout)
        self.assertNothingWentWrong()

    def test_blockingClient(self):
        """
        C{blocking_client} is answered, in a program without a reactor of its own.
        """
        server = self.wrap("echo_handler.Echo")
        ran = runPython(
            "blocking_client.py",
            server.address.replace("http", "ws"),
            cwd=EXAMPLES,
            timeout=20,
            said="Hello.\nhäß\n",
        )
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        self.assertEqual(ran.stdout.splitlines()[1:], ["Hello.", "häß"])
        self.assertNothingWentWrong()

    def test_caller(self):
        """
        C{caller} is answered, and calls again when its server comes back.
        """
        server = self.run_("wrap_line_echo")
        program = self.copy("caller", server.port)
        twistd = ("-c", TWISTD, "-n", "--pidfile=", "-y", program)
        caller = self.begin(Program(self.directory / "caller.log", *twistd))
        waitUntil(lambda: caller.log.count("Hello.") == 1, "it is answered")
        server.kill()
        self.run_("wrap_line_echo", port=server.port)
        waitUntil(lambda: caller.log.count("Hello.") == 2, "it is answered again")
        self.assertNothingWentWrong()
