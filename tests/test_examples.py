"""
The programs in C{examples} and the sessions in C{docs}, run in memory.
"""

from __future__ import annotations

import doctest
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any
from unittest import TestResult

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Protocol
from twisted.internet.testing import StringTransport
from twisted.protocols.portforward import ProxyServer
from twisted.python.reflect import namedAny
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from txws import HandlerFactory, HandshakePolicy, WebSocketFactory
from txws.client import ClientSettings, WebSocketClientProtocol
from txws.tap import Options
from txws.testing import MemoryConnection, RecordingHandler
from txws.wire.codes import Opcode
from txws.wire.connection import Connection, Role
from txws.wire.events import TextMessageReceived, ViolationReceived
from txws.wire.extensions import (
    ExtensionOffer,
    IExtension,
    IExtensionFactory,
    acceptExtensions,
    confirmExtensions,
)

from .certificates import makePEM
from .peers import (
    ACCEPT,
    RawPeer,
    TLSPair,
    connectClient,
    makeRequest,
    useMemoryReactor,
)
from .wire.tables import frame, readFrames

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
DOCUMENTS = sorted(ROOT.glob("docs/**/*.rst"))


class ExampleTestCase(SynchronousTestCase):
    """
    Finds the examples, and gives them a reactor in memory.

    @ivar reactor: what they take for the global reactor.
    """

    def setUp(self) -> None:
        """
        Have them importable as they are from their own folder.
        """
        self.reactor = useMemoryReactor(self)
        self.patch(sys, "path", [str(ROOT / "examples"), *sys.path])
        self.addCleanup(self.forget)

    def forget(self) -> None:
        """
        Forget what was imported.
        """
        for path in EXAMPLES:
            sys.modules.pop(path.stem, None)

    def run_(self, name: str, *arguments: str) -> ModuleType:
        """
        Run the C{main} of a program.
        """
        module: Any = import_module(name)
        running = Deferred.fromCoroutine(module.main(self.reactor, *arguments))
        self.assertNoResult(running)
        return module

    def listeningAt(self, port: int, isSecure: bool = False) -> Any:
        """
        Find what the program serves at a port.
        """
        listening = self.reactor.sslServers if isSecure else self.reactor.tcpServers
        (found,) = listening
        self.assertEqual(found[0], port)
        return found[1]

    def wrapped(self, name: str) -> WebSocketFactory:
        """
        Make what C{twistd websocket} serves, with the command that the program
        tells.
        """
        command = re.search(
            r"twistd -n websocket (--wrap \S+)}", import_module(name).__doc__ or ""
        )
        assert command is not None
        options = Options()
        options.parseOptions(command[1].split())
        return WebSocketFactory(options["application"])

    def connect(
        self, factory: Any, *subprotocols: str
    ) -> tuple[RecordingHandler, MemoryConnection]:
        """
        Connect a client to what is served.
        """
        client = RecordingHandler()
        connection = connectClient(
            factory, client, self.reactor, subprotocols=subprotocols
        )
        return client, connection

    def leave(self, client: RecordingHandler, connection: MemoryConnection) -> None:
        """
        Close the connection of a client, after which nothing must be left.
        """
        client.transport.loseConnection()
        connection.flush()
        self.assertIsNotNone(client.reason)
        self.assertEqual(self.reactor.getDelayedCalls(), [])


class WrapTests(ExampleTestCase):
    """
    Programs that wrap a protocol.
    """

    def test_lineEcho(self) -> None:
        """
        C{wrap_line_echo} sends back each line, wherever messages end.
        """
        self.run_("wrap_line_echo")
        client, connection = self.connect(self.listeningAt(9000))
        client.transport.sendTextMessage("one\ntw")
        client.transport.sendBytesMessage(b"o\n")
        connection.flush()
        self.assertEqual(client.messages, [b"one\n", b"two\n"])
        self.leave(client, connection)

    def test_secureEcho(self) -> None:
        """
        C{secure_echo} serves TLS, and echoes.
        """
        pem = Path(self.mktemp())
        pem.write_bytes(makePEM())
        self.run_("secure_echo", f"ws:ssl:9443:privateKey={pem}")
        factory = self.listeningAt(9443, isSecure=True)
        client = RecordingHandler()
        settings = ClientSettings("localhost", "/", self.reactor)
        protocol = WebSocketClientProtocol(settings, client)
        pair = TLSPair(factory, self.reactor, protocol)
        self.settle(pair)
        client.transport.sendBytesMessage(b"secret")
        self.settle(pair)
        self.assertEqual(client.messages, [b"secret"])
        client.transport.loseConnection()
        self.settle(pair)
        self.assertIsNotNone(client.reason)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def settle(self, pair: TLSPair) -> None:
        """
        Let both sides of TLS have their turns.
        """
        for _ in range(3):
            pair.flush()

    def test_forward(self) -> None:
        """
        C{forward_tcp} connects to a TCP server, and carries bytes both ways.
        """
        self.patch(ProxyServer, "reactor", self.reactor)
        self.run_("forward_tcp", "vnc.example", "5901")
        client, connection = self.connect(self.listeningAt(6080), "binary")
        self.assertEqual(client.transport.subprotocol, "binary")
        ((host, port, target, *_),) = self.reactor.tcpClients
        self.assertEqual((host, port), ("vnc.example", 5901))

        server, below = target.buildProtocol(None), StringTransport()
        assert isinstance(server, Protocol)
        server.makeConnection(below)
        client.transport.sendBytesMessage(b"RFB 003.008\n")
        server.dataReceived(b"\x01\x02")
        connection.flush()
        self.assertEqual(below.value(), b"RFB 003.008\n")
        self.assertEqual(client.messages, [b"\x01\x02"])
        self.leave(client, connection)
        self.assertTrue(below.disconnecting)


class HandlerTests(ExampleTestCase):
    """
    Programs that handle messages.
    """

    def test_echo(self) -> None:
        """
        C{echo_handler} sends back text as text, and bytes as bytes.
        """
        self.run_("echo_handler")
        client, connection = self.connect(self.listeningAt(9000))
        client.transport.sendTextMessage("text")
        client.transport.sendBytesMessage(b"bytes")
        connection.flush()
        self.assertEqual(client.messages, ["text", b"bytes"])
        self.leave(client, connection)

    def test_chat(self) -> None:
        """
        C{chat} tells what one says to all who are there.
        """
        factory = self.wrapped("chat")
        first, firstConnection = self.connect(factory)
        second, secondConnection = self.connect(factory)
        second.transport.sendTextMessage("Hello.")
        secondConnection.flush()
        firstConnection.flush()
        self.assertEqual(first.messages, ["Hello."])
        self.assertEqual(second.messages, ["Hello."])
        second.transport.loseConnection()
        secondConnection.flush()
        first.transport.sendTextMessage("Alone?")
        firstConnection.flush()
        self.assertEqual(first.messages, ["Hello.", "Alone?"])
        self.leave(first, firstConnection)

    def test_doorkeeper(self) -> None:
        """
        C{doorkeeper} greets whom it knows, and refuses others with 403.
        """
        factory = self.wrapped("doorkeeper")
        known = RawPeer.upgraded(
            factory,
            ("Cookie", "session=c2VjcmV0"),
            ("Sec-WebSocket-Protocol", "greeting.example"),
        )
        self.assertEqual(known.takeMessages(), ["Hello, Ada."])
        known.leave()
        unknown = RawPeer(factory)
        unknown.send(makeRequest(("Cookie", "session=guess")))
        self.assertEqual(unknown.takeAnswer().status, 403)
        unknown.leave()
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_firehose(self) -> None:
        """
        C{firehose} sends as long as the client reads, and then no more.
        """
        factory = self.wrapped("firehose")
        peer = RawPeer(factory)
        peer.send(makeRequest())
        kept = sum(map(len, peer.transport.writes))
        self.assertLess(kept, 2 * peer.transport.bufferSize)
        _, _, data = peer.transport.takeData().partition(b"\r\n\r\n")
        first = [int(found.payload) for found in readFrames(data)]
        then = [int(found.payload) for found in peer.takeFrames()]
        self.assertEqual(first + then, list(range(len(first) + len(then))))
        self.assertGreater(len(then), 0)
        peer.leave()
        self.assertEqual(self.reactor.getDelayedCalls(), [])


class BlockingSocket:
    """
    A socket that gets what a client sends, and keeps what is sent to it.
    """

    def __init__(self, *received: bytes) -> None:
        self._received = [*received, b""]
        self.sent = b""

    def recv(self, size: int) -> bytes:
        """
        Return what the client sent next, and nothing when it is gone.
        """
        return self._received.pop(0)

    def sendall(self, data: bytes) -> None:
        """
        Keep what is sent.
        """
        self.sent += data


class WireTests(ExampleTestCase):
    """
    The program without Twisted.
    """

    def test_echo(self) -> None:
        """
        C{wire_echo} accepts a client, sends back its text and its Close, and
        is done.
        """
        hello = frame(Opcode.TEXT, b"hello", isMasked=True)
        close = frame(Opcode.CLOSE, b"\x03\xe8", isMasked=True)
        peer = BlockingSocket(makeRequest(), hello[:3], hello[3:], close, hello)
        import_module("wire_echo").converse(peer)
        head, _, rest = peer.sent.partition(b"\r\n\r\n")
        self.assertIn(ACCEPT.encode(), head)
        self.assertEqual(
            [(found.opcode, found.payload) for found in readFrames(rest)],
            [(Opcode.TEXT, b"hello"), (Opcode.CLOSE, b"\x03\xe8")],
        )

    def test_noUpgrade(self) -> None:
        """
        C{wire_echo} says nothing to a client that does not ask for an upgrade.
        """
        peer = BlockingSocket(makeRequest(("Upgrade",)))
        import_module("wire_echo").converse(peer)
        self.assertEqual(peer.sent, b"")


class ExtensionTests(ExampleTestCase):
    """
    The extension.
    """

    def test_checksum(self) -> None:
        """
        C{extension} is agreed on by both ends, lets messages through, and fails
        the connection of a peer whose frame is damaged.
        """
        checksum = import_module("extension").Checksum()
        verifyObject(IExtension, checksum)
        verifyObject(IExtensionFactory, checksum)
        offers = [ExtensionOffer(checksum.name, each) for each in checksum.offers()]
        answers, atServer = acceptExtensions(offers, [checksum], None)
        atClient = confirmExtensions(answers, [checksum], None)
        server = Connection(Role.SERVER, extensions=atServer)
        client = Connection(Role.CLIENT, extensions=atClient)
        client.sendText("hello")
        data = b"".join(client.dataToSend())
        for received, kind in (
            (data, TextMessageReceived),
            (data[:-1] + bytes([data[-1] ^ 1]), ViolationReceived),
        ):
            server.receiveData(received)
            self.assertIsInstance(server.nextEvent(), kind)
        self.assertIsNone(checksum.accept((("level", "9"),), None))


class OwnTests(ExampleTestCase):
    """
    The example that is a test.
    """

    def test_passes(self) -> None:
        """
        C{test_chat} passes, and notices when something is wrong.
        """
        module: Any = import_module("test_chat")
        self.assertTrue(self.outcomeOf(module).wasSuccessful())
        namedAny("chat.Member").textMessageReceived = lambda self, message: None
        self.assertFalse(self.outcomeOf(module).wasSuccessful())

    def outcomeOf(self, module: Any) -> TestResult:
        """
        Run its one test.
        """
        result = TestResult()
        module.ChatTests("test_everybodyHears").run(result)
        self.assertEqual(result.testsRun, 1)
        return result


class StyleTests(ExampleTestCase):
    """
    What holds for all examples.
    """

    def test_areShort(self) -> None:
        """
        An example has fewer than 40 lines.
        """
        for path in EXAMPLES:
            self.assertLess(len(path.read_text("utf-8").splitlines()), 40, path)

    def test_areShown(self) -> None:
        """
        Each example is included by a page, and what a page includes exists.
        """
        pages = "".join(path.read_text("utf-8") for path in DOCUMENTS)
        shown = set(re.findall(r"literalinclude:: \S*/examples/(\S+)", pages))
        self.assertEqual(shown, {path.name for path in EXAMPLES})


class TutorialTests(ExampleTestCase):
    """
    What the tutorial tells about proxies.
    """

    def test_proxyProtocol(self) -> None:
        """
        Behind C{haproxy:} the peer is the one that the proxy names.
        """
        handler = RecordingHandler()
        factory = WebSocketFactory(HandlerFactory(lambda: handler))
        endpoint = serverFromString(self.reactor, "haproxy:tcp:9001")
        endpoint.listen(factory)
        peer = RawPeer(self.listeningAt(9001))
        peer.send(b"PROXY TCP4 203.0.113.7 192.0.2.1 50000 9001\r\n", makeRequest())
        self.assertEqual(peer.takeAnswer().status, 101)
        self.assertEqual(
            handler.transport.request.peer, IPv4Address("TCP", "203.0.113.7", 50000)
        )

    def test_originBehindAProxy(self) -> None:
        """
        Behind a proxy that ends TLS the server's own origin is not the one of
        its pages: that has to be named.
        """
        origins = ("https://example.com",)
        for policy, status in (
            (HandshakePolicy(), 403),
            (HandshakePolicy(origins=origins), 101),
        ):
            peer = RawPeer(WebSocketFactory(RecordingHandler, handshake=policy))
            peer.send(makeRequest(("Origin", *origins)))
            self.assertEqual(peer.takeAnswer().status, status)


class DocumentTests(ExampleTestCase):
    """
    What the pages show.
    """

    def test_sessions(self) -> None:
        """
        Sessions at the prompt go as they are told, on every page that has one.
        """
        failed, tried = 0, 0
        for path in DOCUMENTS:
            result = doctest.testfile(str(path), module_relative=False)
            failed, tried = failed + result.failed, tried + result.attempted
        self.assertEqual(failed, 0)
        self.assertGreater(tried, 0)

    def test_snippets(self) -> None:
        """
        The Python of the README and of the pages, block after block, does what
        it says, as far as that shows when it is run.
        """
        tried = 0
        for path in (ROOT / "README.rst", *DOCUMENTS):
            names = self.namesForSnippets()
            for number, code in blocks(path, "python"):
                exec(compile(code, f"{path}:{number}", "exec"), names)
                tried += 1
        self.assertGreater(tried, 0)

    def namesForSnippets(self) -> dict[str, object]:
        """
        Make what the text around snippets speaks of.
        """
        return {
            "__name__": "snippet",
            "endpoint": Endpoint(),
            "reactor": self.reactor,
            "LineEcho": namedAny("wrap_line_echo.LineEcho"),
        }


class Endpoint:
    """
    An endpoint to listen on, in memory.
    """

    def listen(self, factory: Any) -> Deferred[None]:
        """
        Begin to listen, for ever.
        """
        factory.doStart()
        return Deferred()


def blocks(path: Path, language: str) -> Iterator[tuple[int, str]]:
    """
    Find the code of one language in a page.

    @return: the line where each block begins, and the block.
    """
    text = path.read_text("utf-8")
    found = re.finditer(
        rf"^( *)\.\. code-block:: {language}\n((?:\n|\1 +.*\n)+)", text, re.MULTILINE
    )
    for block in found:
        number = text.count("\n", 0, block.start(2))
        # So that a traceback shows the line of the page.
        yield number, "\n" * number + dedent(block[2])
