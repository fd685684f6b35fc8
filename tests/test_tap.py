"""
Tests for L{txws.tap}.
"""

from __future__ import annotations

import json
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

from .certificates import makePEM
from .peers import RawPeer, makeRequest, readAnswer, useMemoryReactor


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
