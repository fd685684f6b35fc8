"""
Tests for L{txws.tap}.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

from twisted.application.service import IService
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import capturedLogs, formatEvent
from twisted.protocols.basic import LineReceiver
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from txws.demo import Demo, Echo
from txws.factories import WebSocketFactory
from txws.handlers import WebSocketHandler
from txws.origins import SAME_ORIGIN
from txws.policy import HandshakePolicy, KeepalivePolicy, Limits
from txws.routing import Router
from txws.tap import Options, makeService
from txws.wire.codes import CloseCode, Opcode
from txws.wire.deflate import PerMessageDeflate

from .certificates import makePEM
from .peers import RawPeer, makeRequest, readAnswer, useMemoryReactor
from .processes import runPython


class LineEcho(LineReceiver):
    """
    A class of protocols, for C{--wrap}.
    """

    def lineReceived(self, line: bytes) -> None:
        """
        Send it back.
        """
        self.sendLine(line)


class EchoFactory(Factory):
    """
    A class of factories, for C{--wrap}.
    """

    protocol = LineEcho


class NeedyFactory(Factory):
    """
    A class of factories that cannot be made without arguments.
    """

    def __init__(self, needed: object) -> None:
        self.needed = needed


class Generous(WebSocketHandler):
    """
    A class of handlers that send much.
    """

    def negotiationFinished(self) -> None:
        """
        Send it.
        """
        self.transport.sendBytesMessage(bytes(4 << 20))


class Shouting(Protocol):
    """
    A protocol that writes what is no UTF-8.
    """

    def connectionMade(self) -> None:
        """
        Write it.
        """
        self.transport.write(b"\xff")


echoFactory = EchoFactory()
router = Router()
router.add("/echo", EchoFactory(), limits=Limits(maxMessageSize=5))
router.add("/demo/<name>", Echo)
demo = Demo()
number = 5
webSocketFactory = WebSocketFactory(LineEcho)


def makeFactory() -> EchoFactory:
    """
    Make a factory, which C{--wrap} does not ask for.
    """
    return EchoFactory()


class OptionsTestCase(SynchronousTestCase):
    """
    Parses command lines.
    """

    def setUp(self):
        """
        Leave the interpreter as it was.
        """
        self.reactor = useMemoryReactor(self)
        self.patch(sys, "path", list(sys.path))

    def parse(self, *arguments: str) -> Options:
        """
        Parse a command line.
        """
        options = Options()
        options.parseOptions(list(arguments))
        return options

    def assertWrong(self, option: str, *arguments: str) -> str:
        """
        Assert that a command line is wrong, and that what is said about it is
        one sentence that names the option.

        @return: the rest of the sentence.
        """
        try:
            self.parse(*arguments)
        except UsageError as error:
            said = str(error)
        else:
            self.fail(f"{arguments} is accepted")
        self.assertTrue(said.startswith(f"--{option} "), said)
        self.assertEqual(len(said.splitlines()), 1, said)
        self.assertTrue(said.isprintable(), said)
        return said[len(option) + 3 :]


class OptionsTests(OptionsTestCase):
    """
    Every option is checked before anything is served.
    """

    def test_defaults(self):
        """
        Without options the demo is served on port 9000, with the defaults of
        the policies, which are those that the documentation promises.
        """
        options = self.parse()

        self.assertEqual(options["port"], ["tcp:9000"])
        self.assertIsNone(options["application"])
        self.assertFalse(options["text"])
        self.assertFalse(options["log-frames"])
        self.assertEqual(options["limits"], Limits())
        self.assertEqual(options["limits"].maxMessageSize, 1024 * 1024)
        self.assertEqual(options["limits"].maxFragments, 4096)
        self.assertIsNone(options["limits"].maxConnections)
        self.assertEqual(options["keepalive"], KeepalivePolicy())
        self.assertEqual(options["keepalive"].handshakeTimeout, 10)
        self.assertEqual(options["keepalive"].closeTimeout, 5)
        self.assertEqual(options["keepalive"].pingInterval, 20)
        self.assertEqual(options["keepalive"].pingTimeout, 20)
        self.assertEqual(options["handshake"], HandshakePolicy())
        self.assertEqual(tuple(options["handshake"].origins), (SAME_ORIGIN,))
        self.assertIsNone(options["handshake"].paths)
        self.assertIsNone(options["handshake"].subprotocols)
        self.assertIsNone(options["extensions"])

    def test_defaultsAreTold(self):
        """
        The help tells the defaults that there are: giving an option its
        default changes nothing.
        """
        told = " ".join(str(Options()).split())
        for option, default in (
            ("max-message-size", "1M"),
            ("max-fragments", "4096"),
            ("max-connections", "unlimited"),
            ("ping-interval", "20"),
            ("ping-timeout", "20"),
            ("handshake-timeout", "10"),
            ("close-timeout", "5"),
            ("port", "9000"),
            ("origin", "same-origin"),
        ):
            _, found, described = told.partition(f" --{option}=")
            self.assertTrue(found, option)
            described = described.partition(" --")[0]
            self.assertIn(f"[default: {default}]", described, option)

            options = self.parse(f"--{option}", default)

            self.assertEqual(options["limits"], Limits(), option)
            self.assertEqual(options["keepalive"], KeepalivePolicy(), option)
            self.assertEqual(options["handshake"], HandshakePolicy(), option)
            self.assertEqual(options["port"], ["tcp:9000"], option)

    def test_help(self):
        """
        Every option is explained, on lines that fit a terminal.
        """
        told = str(Options()).splitlines()

        for option in (
            "port",
            "wrap",
            "text",
            "path",
            "origin",
            "subprotocol",
            "max-message-size",
            "max-fragments",
            "max-connections",
            "compression",
            "ping-interval",
            "ping-timeout",
            "handshake-timeout",
            "close-timeout",
            "log-frames",
        ):
            (line,) = (line for line in told if re.match(rf" .*--{option}[= ]", line))
            self.assertRegex(line, rf"--{option}=? +[A-Z]\w", option)
        self.assertIn("Serve WebSockets: a demo", "\n".join(told))
        self.assertLessEqual(max(map(len, told)), 80)
        self.assertFalse([line for line in told if "L{" in line or "C{" in line])

    def test_ports(self):
        """
        A port is a number or an endpoint description, and there may be many.
        """
        options = self.parse(
            "--port", "9001", "-p", "tcp:9002:interface=127.0.0.1", "--port=unix:/x"
        )

        self.assertEqual(
            options["port"],
            ["tcp:9001", "tcp:9002:interface=127.0.0.1", "unix:/x"],
        )

    def test_wrongPorts(self):
        """
        What is no endpoint is refused, with the reason.
        """
        for description, reason in (
            ("nonsense", "Unknown endpoint type: 'nonsense'"),
            ("", "Unknown endpoint type: ''"),
            ("tcp", "'port' is missing"),
            ("tcp:9000:bogus=1", "'bogus' is unknown"),
            ("tcp:9000:port=1", "'port' is there twice"),
            ("tcp:1:2:3:4", "there is too much in it"),
            ("tcp:http", "'http' is no number"),
            ("tcp:", "'' is no number"),
            ("tcp:9000:backlog=many", "'many' is no number"),
            ("ssl:443:privateKey=/nowhere.pem", "No such file"),
            ("systemd:domain=INET:index=0", "there is no such socket"),
        ):
            said = self.assertWrong("port", f"--port={description}")

            self.assertTrue(
                said.startswith(f"{description!r} is no endpoint: "), description
            )
            self.assertIn(reason, said)

    def test_portThatNeedsMore(self):
        """
        Whoever wants TLS without having what it needs is told what to install.
        """
        ran = runPython(
            "-c",
            "import sys; sys.modules['OpenSSL'] = None\n"
            "from txws.tap import Options\n"
            "Options().parseOptions(['--port=ssl:443:privateKey=key.pem'])",
        )

        self.assertTrue(
            ran.stderr.endswith(
                "--port 'ssl:443:privateKey=key.pem' is no endpoint: it needs "
                "OpenSSL; pip install 'txws[tls]'\n"
            ),
            ran.stderr,
        )

    def test_portsThatDoNotExist(self):
        """
        A port number that cannot be is refused before anything listens.
        """
        for description in (
            "-1",
            "65536",
            "tcp:99999",
            "tcp:port=70000",
            "tcp6:-1",
            "tcp:interface=127.0.0.1:port=99999",
            "haproxy:tcp:70000",
        ):
            said = self.assertWrong("port", "--port", description)

            self.assertIn("a port is a number from 0 to 65535", said)

    def test_webSocketInWebSocket(self):
        """
        What is served speaks WebSocket already: C{ws:} would wrap it twice.
        """
        said = self.assertWrong("port", "--port", "ws:tcp:9000")

        self.assertIn("needs no 'ws:'", said)

    def test_sizes(self):
        """
        Sizes are in bytes, KiB, MiB or GiB, or there is no limit.
        """
        for given, size in (
            ("1", 1),
            ("65536", 65536),
            ("64k", 65536),
            ("64K", 65536),
            ("2m", 2 << 20),
            ("3G", 3 << 30),
            ("unlimited", None),
        ):
            limits = self.parse("--max-message-size", given)["limits"]

            self.assertEqual(limits.maxMessageSize, size, given)

    def test_counts(self):
        """
        Fragments and connections are counted.
        """
        limits = self.parse("--max-fragments=7", "--max-connections=8")["limits"]

        self.assertEqual((limits.maxFragments, limits.maxConnections), (7, 8))
        limits = self.parse("--max-fragments=unlimited")["limits"]
        self.assertIsNone(limits.maxFragments)

    def test_wrongCounts(self):
        """
        What is no count from 1 on is refused.
        """
        for option in ("max-message-size", "max-fragments", "max-connections"):
            for wrong in ("", "many", "k", "1.5M", "-1", "1e6", "٣", "1 000", "9" * 99):
                said = self.assertWrong(option, f"--{option}={wrong}")

                self.assertIn("must be a whole number from 1 on", said)
                self.assertTrue(said.endswith(f"not {wrong!r}"), said)
            self.assertWrong(option, f"--{option}=never")
            said = self.assertWrong(option, f"--{option}=0")
            self.assertTrue(said.endswith("not 0"), said)

    def test_times(self):
        """
        Times are in seconds, whole or not.
        """
        keepalive = self.parse(
            "--ping-interval=1.5",
            "--ping-timeout=2",
            "--handshake-timeout=3",
            "--close-timeout=0.25",
        )["keepalive"]

        self.assertEqual(
            keepalive,
            KeepalivePolicy(
                pingInterval=1.5, pingTimeout=2, handshakeTimeout=3, closeTimeout=0.25
            ),
        )
        keepalive = self.parse("--ping-interval=never")["keepalive"]
        self.assertIsNone(keepalive.pingInterval)

    def test_wrongTimes(self):
        """
        What is no time is refused; only pings may never be sent.
        """
        wrong = ("", "soon", "1s", "nan", "inf", "1e999", "0", "-1")
        for option in (
            "ping-interval",
            "ping-timeout",
            "handshake-timeout",
            "close-timeout",
        ):
            for given in wrong:
                said = self.assertWrong(option, f"--{option}={given}")

                self.assertIn("must be a number of seconds", said)
        self.assertWrong("ping-interval", "--ping-interval=unlimited")
        for option in ("ping-timeout", "handshake-timeout", "close-timeout"):
            said = self.assertWrong(option, f"--{option}=never")
            self.assertTrue(said.endswith("not 'never'"), said)

    def test_handshake(self):
        """
        Paths, origins and subprotocols may be given many times.
        """
        policy = self.parse(
            "--path=/a",
            "--path=/b",
            "--origin=https://a.example",
            "--origin=null",
            "--subprotocol=v2",
            "--subprotocol=v1",
        )["handshake"]

        self.assertEqual(
            policy,
            HandshakePolicy(
                origins=["https://a.example", "null"],
                paths=["/a", "/b"],
                subprotocols=["v2", "v1"],
            ),
        )

    def test_wrongHandshake(self):
        """
        Those that cannot be are refused.
        """
        for option, wrong in (
            ("path", "a"),
            ("path", ""),
            ("path", "/x?y"),
            ("origin", "example.com"),
            ("origin", "https://example.com/"),
            ("origin", ""),
            ("subprotocol", "a b"),
            ("subprotocol", ""),
        ):
            said = self.assertWrong(option, f"--{option}={wrong}")

            self.assertTrue(said.endswith(f"not {wrong!r}"), said)

    def test_compression(self):
        """
        Compression is chosen by the name of a preset, or switched off.
        """
        self.assertEqual(self.parse("--compression=none")["extensions"], ())
        for preset in ("low", "balanced", "best"):
            self.assertEqual(
                self.parse(f"--compression={preset}")["extensions"],
                (PerMessageDeflate.preset(preset),),
            )
        self.assertEqual(
            self.assertWrong("compression", "--compression=huge"),
            "must be none, low, balanced or best, not 'huge'",
        )

    def test_wrap(self):
        """
        What is named is loaded: a factory, a class of factories, of protocols
        or of handlers, a handler factory, a router.
        """
        for name, expected in (
            ("tests.test_tap.echoFactory", echoFactory),
            ("tests.test_tap.LineEcho", LineEcho),
            ("txws.demo.Echo", Echo),
            ("tests.test_tap.demo", demo),
            ("tests.test_tap.router", router),
        ):
            self.assertIs(self.parse("--wrap", name)["application"], expected)
        made = self.parse("-w", "tests.test_tap.EchoFactory")["application"]
        self.assertIsInstance(made, EchoFactory)

    def test_wrapFromTheCurrentDirectory(self):
        """
        Modules of the current directory can be named.
        """
        directory = Path(self.mktemp())
        directory.mkdir()
        name = f"wrapped{id(self)}"
        (directory / f"{name}.py").write_text(
            "from txws.demo import Echo\nclass Mine(Echo): pass\n"
        )
        self.addCleanup(os.chdir, Path.cwd())
        self.addCleanup(sys.modules.pop, name, None)
        os.chdir(directory)

        application = self.parse("--wrap", f"{name}.Mine")["application"]

        self.assertEqual(application.__name__, "Mine")
        self.assertEqual(sys.path.count(str(Path.cwd())), 1)
        self.parse("--wrap", f"{name}.Mine")
        self.assertEqual(sys.path.count(str(Path.cwd())), 1)

    def test_wrongWrap(self):
        """
        What cannot be loaded, or is nothing to be served, is refused.
        """
        for name, reason in (
            ("", "cannot load ''"),
            ("nowhere", "cannot load 'nowhere'"),
            ("nowhere.Echo", "cannot load 'nowhere.Echo'"),
            ("txws.demo.Nothing", "cannot load 'txws.demo.Nothing'"),
            ("tests.test_tap.NeedyFactory", "cannot load"),
            ("tests.test_tap.number", "must be a factory (IProtocolFactory)"),
            ("txws.demo", "must be a factory (IProtocolFactory)"),
            ("tests.test_tap.makeFactory", "of a function, give what it returns"),
            ("tests.test_tap.webSocketFactory", "give what is inside it"),
            ("txws.WebSocketFactory", "give what is inside it"),
        ):
            said = self.assertWrong("wrap", f"--wrap={name}")

            self.assertIn(reason, said)

    def test_wrapThatFails(self):
        """
        A module that fails when it is loaded is refused with what it says, in
        one line, the name of its error, and the place.
        """
        directory = Path(self.mktemp())
        directory.mkdir()
        sys.path.insert(0, str(directory))
        for statement, reason in (
            (
                "\nraise RuntimeError('one\\n  two')",
                "RuntimeError: one two (@.py, line 2)",
            ),
            ("raise ZeroDivisionError", "ZeroDivisionError (@.py, line 1)"),
            ("if", "SyntaxError: invalid syntax (@.py, line 1)"),
            ("raise SystemExit(3)", "SystemExit: 3 (@.py, line 1)"),
            ("import json; json.loads('')", "JSONDecodeError: Expecting value"),
        ):
            name = f"failing{abs(hash(statement))}"
            (directory / f"{name}.py").write_text(statement)

            said = self.assertWrong("wrap", "--wrap", f"{name}.factory")

            self.assertIn(
                f"cannot load '{name}.factory': {reason.replace('@', name)}",
                said.replace(f"{directory.resolve()}{os.sep}", ""),
            )

    def test_wrapTwice(self):
        """
        One thing is served.
        """
        said = self.assertWrong(
            "wrap", "--wrap=tests.test_tap.demo", "-w", "tests.test_tap.LineEcho"
        )

        self.assertEqual(said, "is there twice")

    def test_text(self):
        """
        Text mode is for wrapped protocols.
        """
        self.assertTrue(self.parse("--text", "--wrap=tests.test_tap.LineEcho")["text"])
        said = self.assertWrong("text", "--text")
        self.assertIn("--wrap", said)
        self.assertWrong("text", "--text", "--wrap=txws.demo.Echo")

    def test_arguments(self):
        """
        Anything but options is an error.
        """
        self.assertRaises(UsageError, self.parse, "9000")
        self.assertRaises(UsageError, self.parse, "--prot=9000")


class ServiceTests(OptionsTestCase):
    """
    The service does what the options say.
    """

    def serve(self, *arguments: str) -> IService:
        """
        Start the service that a command line describes.
        """
        service = makeService(self.parse(*arguments))
        verifyObject(IService, service)
        service.startService()
        return service

    def connect(self, *arguments: str) -> RawPeer:
        """
        Start a service with one TCP port, and connect to it.
        """
        self.reactor.tcpServers.clear()
        self.serve(*arguments)
        (server,) = self.reactor.tcpServers
        return RawPeer(server[1])

    def upgraded(self, *arguments: str, target: str = "/") -> RawPeer:
        """
        Start a service with one TCP port, and go through the opening
        handshake.
        """
        self.connect(*arguments)
        (server,) = self.reactor.tcpServers
        return RawPeer.upgraded(server[1], target=target)

    def test_portInUse(self):
        """
        A port that is taken is told of in one sentence, and ends the program.
        """

        def listenTCP(port, factory, backlog=50, interface=""):
            raise CannotListenError(interface, port, OSError("in use"))

        vars(self.reactor)["listenTCP"] = listenTCP
        service = makeService(self.parse("--port=9001"))

        ended = self.assertRaises(SystemExit, service.privilegedStartService)

        self.assertIn("9001", ended.code)
        self.assertTrue(ended.code.startswith("twistd websocket: "))
        self.assertEqual(ended.code.count("\n"), 0)

    def test_parentOfADaemonIsTold(self):
        """
        twistd tells the parent of a daemon of what is an L{Exception}, in 100
        bytes, and only of that.
        """
        service = makeService(self.parse("--port=9001"))
        vars(self.reactor)["listenTCP"] = lambda *arguments, **named: 1 // 0
        self.assertRaises(ZeroDivisionError, service.privilegedStartService)

        for error, said in (
            (CannotListenError("", 9001, OSError("in use")), "Couldn't listen on"),
            (OverflowError("too large"), "a number is out of range: too large"),
        ):

            def listenTCP(*arguments, error=error, **named):
                raise error

            vars(self.reactor)["listenTCP"] = listenTCP
            ended = self.assertRaises(SystemExit, service.privilegedStartService)

            self.assertIsInstance(ended, Exception)
            self.assertTrue(str(ended).startswith(said), str(ended))

    def test_ports(self):
        """
        It listens on every port, with TLS where it is told so.
        """
        pem = Path(self.mktemp())
        pem.write_bytes(makePEM())

        self.serve(
            "--port=9001",
            "--port=tcp:9002:interface=127.0.0.1",
            "--port=unix:/run/ws",
            f"--port=ssl:443:privateKey={pem}",
        )

        self.assertEqual(
            [(port, interface) for port, _, _, interface in self.reactor.tcpServers],
            [(9001, ""), (9002, "127.0.0.1")],
        )
        ((path, unix, *_),) = self.reactor.unixServers
        ((secure, tls, *_),) = self.reactor.sslServers
        self.assertEqual((path, secure), ("/run/ws", 443))
        self.assertIs(unix, tls)
        self.assertIsInstance(tls, WebSocketFactory)

    def test_page(self):
        """
        A browser that opens the demo finds its page.
        """
        peer = self.connect()

        peer.send(b"GET / HTTP/1.1\r\nHost: localhost:9000\r\n\r\n")

        answer = peer.takeAnswer()
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers.get("Content-Type"), "text/html; charset=utf-8")
        self.assertIn("txws", answer.body.decode())

    def test_echo(self):
        """
        The demo echoes.
        """
        peer = self.upgraded(target="/any")

        peer.sendFrame(Opcode.TEXT, b"hello")
        peer.sendFrame(Opcode.BINARY, b"\xff")

        self.assertEqual(peer.takeMessages(), ["hello", b"\xff"])

    def test_chat(self):
        """
        The demo chats on C{/chat}.
        """
        peer = self.upgraded(target="/chat")

        (welcome,) = peer.takeMessages()

        self.assertEqual(json.loads(welcome)["event"], "welcome")

    def test_wrapped(self):
        """
        A wrapped protocol is served, in binary messages or in text.
        """
        for text, echo in (((), b"hello\r\n"), (("--text",), "hello\r\n")):
            peer = self.upgraded("--wrap=tests.test_tap.echoFactory", *text)

            peer.sendFrame(Opcode.TEXT, b"hello\r\n")

            self.assertEqual(peer.takeMessages(), [echo])

    def test_router(self):
        """
        A router's applications are served, each at its path and with its
        settings; those that the command line sets are for the others.
        """
        arguments = ("--wrap=tests.test_tap.router", "--max-message-size=7")
        for target, size in (("/echo", 5), ("/demo/a", 7)):
            peer = self.upgraded(*arguments, target=target)
            peer.sendFrame(Opcode.TEXT, b"a" * (size - 2) + b"\r\n")
            self.assertEqual(len(peer.takeMessages()), 1)
            peer.sendFrame(Opcode.TEXT, b"a" * (size + 1))
            self.assertEqual(peer.takeCloseCode(), CloseCode.MESSAGE_TOO_BIG)
        peer = self.connect(*arguments)
        peer.send(makeRequest())
        self.assertEqual(peer.takeAnswer().status, 404)
        self.assertIn("handlers", self.assertWrong("text", arguments[0], "--text"))

    def test_wrappedHasNoPage(self):
        """
        With a wrapped protocol there is no page.
        """
        peer = self.connect("--wrap=txws.demo.Echo")

        peer.send(b"GET / HTTP/1.1\r\nHost: localhost:9000\r\n\r\n")

        self.assertEqual(peer.takeAnswer().status, 426)

    def test_handshakePolicy(self):
        """
        Paths, origins and subprotocols count.
        """
        arguments = ("--path=/ws", "--origin=https://a.example", "--subprotocol=v1")
        for target, origin, status in (
            ("/ws", "https://a.example", 101),
            ("/ws", "http://example.com", 403),
            ("/", "https://a.example", 404),
        ):
            peer = self.connect(*arguments)

            peer.send(
                makeRequest(
                    ("Origin", origin),
                    ("Sec-WebSocket-Protocol", "v2, v1"),
                    target=target,
                )
            )

            answer = peer.takeAnswer()
            self.assertEqual(answer.status, status)
            if status == 101:
                self.assertEqual(answer.headers.get("Sec-WebSocket-Protocol"), "v1")

    def test_compression(self):
        """
        The server compresses as it is told to.
        """
        offer = ("Sec-WebSocket-Extensions", "permessage-deflate")
        for arguments, answer in (
            ((), "permessage-deflate; server_max_window_bits=12"),
            (("--compression=none",), ""),
            (("--compression=best",), "permessage-deflate"),
            (("--wrap=tests.test_tap.EchoFactory",), ""),
        ):
            peer = self.connect(*arguments)
            peer.send(makeRequest(offer))
            headers = peer.takeAnswer().headers
            self.assertEqual(headers.get("Sec-WebSocket-Extensions"), answer)

    def test_limits(self):
        """
        The limits count.
        """
        peer = self.upgraded("--max-message-size=3")
        peer.sendFrame(Opcode.TEXT, b"long")
        self.assertEqual(peer.takeCloseCode(), CloseCode.MESSAGE_TOO_BIG)

        self.connect("--max-connections=1")
        (server,) = self.reactor.tcpServers
        refused = RawPeer(server[1])
        self.assertEqual(refused.takeAnswer().status, 503)

    def test_deadlines(self):
        """
        The deadlines count.
        """
        silent = self.connect("--handshake-timeout=3")
        self.reactor.advance(3)
        self.assertTrue(silent.isAborted)

        deaf = self.upgraded("--ping-interval=2", "--ping-timeout=1")
        self.reactor.advance(2)
        (ping,) = deaf.takeFrames()
        self.assertEqual(ping.opcode, Opcode.PING)
        self.reactor.advance(1)
        self.assertTrue(deaf.isAborted)

    def test_framesAreLogged(self):
        """
        Frames are logged when that is asked for, and not otherwise.
        """
        with capturedLogs() as logged:
            self.upgraded().sendFrame(Opcode.TEXT, b"quiet")
            self.upgraded("--log-frames").sendFrame(Opcode.TEXT, b"loud")

        received, sent = (
            formatEvent(event)
            for event in logged
            if event["log_namespace"] == "txws.framelog"
        )
        self.assertIn("received TEXT 4 bytes: 'loud'", received)
        self.assertIn("sent TEXT 4 bytes: 'loud'", sent)

    def test_stopped(self):
        """
        Stopping tells all peers that the server goes away, waits for their
        answers up to the close timeout, then aborts them.
        """
        self.reactor.tcpServers.clear()
        service = self.serve("--close-timeout=2")
        (server,) = self.reactor.tcpServers
        deaf, polite = (RawPeer.upgraded(server[1]) for _ in range(2))

        stopped = service.stopService()

        self.assertEqual(deaf.takeCloseCode(), CloseCode.GOING_AWAY)
        self.assertEqual(polite.takeCloseCode(), CloseCode.GOING_AWAY)
        polite.sendClose(1001)
        polite.takeFrames()
        polite.transport.settle()
        self.reactor.advance(1.9)
        self.assertNoResult(stopped)
        self.assertFalse(deaf.isAborted)
        self.reactor.advance(0.1)
        self.assertTrue(deaf.isAborted)
        self.successResultOf(stopped)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_stoppedWhileAPeerReadsSlowly(self):
        """
        The close timeout counts for the program as a whole: a peer that goes
        on to take what is pending does not keep it from stopping.
        """
        self.reactor.tcpServers.clear()
        service = self.serve("--close-timeout=2", "--wrap=tests.test_tap.Generous")
        (server,) = self.reactor.tcpServers
        slow = RawPeer.upgraded(server[1])

        stopped = service.stopService()

        for _ in range(19):
            self.reactor.advance(0.1)
            slow.transport.takeData(70000)
            slow.transport.settle()
        self.assertNoResult(stopped)
        self.reactor.advance(0.1)
        self.assertTrue(slow.isAborted)
        self.successResultOf(stopped)

    def test_protocolThatWritesNoText(self):
        """
        A protocol that writes no UTF-8 is not to be run with C{--text}: its
        connections are closed, and the log says why.
        """
        peer = self.connect("--wrap=tests.test_tap.Shouting", "--text")

        peer.send(makeRequest())

        self.assertEqual(readAnswer(peer.transport.takeData()).status, 101)
        (error,) = self.flushLoggedErrors(ValueError)
        self.assertIn("only UTF-8", str(error.value))
