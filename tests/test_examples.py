"""
The programs in C{examples} and the sessions in C{docs}, run in memory.
"""

from __future__ import annotations

import asyncio
import doctest
import re
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from hashlib import sha256
from importlib import import_module
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any
from unittest import TestResult

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Protocol
from twisted.internet.testing import StringTransport
from twisted.protocols.portforward import ProxyServer
from twisted.python.failure import Failure
from twisted.python.reflect import namedAny
from twisted.trial.unittest import SkipTest, SynchronousTestCase
from zope.interface.verify import verifyObject

from txws import HandlerFactory, HandshakePolicy, WebSocketFactory
from txws.client import ClientSettings, WebSocketClientProtocol
from txws.demo import Echo
from txws.errors import HandshakeRefused
from txws.tap import Options
from txws.testing import (
    MemoryClient,
    MemoryConnection,
    MemoryServer,
    RecordingHandler,
)
from txws.wire.codes import CloseCode, Opcode
from txws.wire.connection import Connection
from txws.wire.events import TextMessageReceived, ViolationReceived
from txws.wire.extensions import (
    ExtensionOffer,
    IExtension,
    IExtensionFactory,
    acceptExtensions,
    confirmExtensions,
)
from txws.wire.states import Role

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
            r"twistd -n websocket\s+(--wrap [^}]+)}", import_module(name).__doc__ or ""
        )
        assert command is not None
        options = Options()
        options.parseOptions(command[1].split())
        return WebSocketFactory(options["application"], limits=options["limits"])

    def connect(
        self, factory: Any, *subprotocols: str, target: str = "/"
    ) -> tuple[RecordingHandler, MemoryConnection]:
        """
        Connect a client to what is served.
        """
        client = RecordingHandler()
        connection = connectClient(factory, client, self.reactor, target, subprotocols)
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

    def test_forwardToItsEnd(self) -> None:
        """
        When the TCP server ends, C{forward_tcp} closes, whose producer it
        still is.
        """
        self.patch(ProxyServer, "reactor", self.reactor)
        self.run_("forward_tcp")
        client, connection = self.connect(self.listeningAt(6080))
        factory = self.reactor.tcpClients[0][2]
        server: Any = factory.buildProtocol(None)
        server.makeConnection(StringTransport())
        server.dataReceived(b"bye")
        server.connectionLost(Failure(ConnectionDone()))
        connection.flush()
        self.assertEqual(client.messages, [b"bye"])
        self.assertEqual(client.reason.value.code, CloseCode.NORMAL_CLOSURE)
        self.assertEqual(self.reactor.getDelayedCalls(), [])


class HandlerTests(ExampleTestCase):
    """
    Programs that handle messages.
    """

    def test_echo(self) -> None:
        """
        C{echo_handler} sends back text as text, and bytes as bytes.
        """
        self.run_("echo_handler")
        server = MemoryServer(self.listeningAt(9000), clock=self.reactor)
        client = server.connect()
        client.send("text")
        client.send(b"bytes")
        self.assertEqual(client.takeMessages(), ["text", b"bytes"])
        self.close(client)

    def test_chat(self) -> None:
        """
        C{chat} tells what one says to all who are there.
        """
        server = MemoryServer(self.wrapped("chat"), clock=self.reactor)
        first, second = server.connect(), server.connect()
        second.send("Hello.")
        self.assertEqual(first.takeMessages(), ["Hello."])
        self.assertEqual(second.takeMessages(), ["Hello."])
        second.close()
        first.send("Alone?")
        self.assertEqual(first.takeMessages(), ["Alone?"])
        self.close(first)

    def test_ticker(self) -> None:
        """
        C{ticker} tells all who read each price, and one who has not read for a
        while the latest of each share.
        """
        self.run_("ticker")
        factory = self.listeningAt(9000)
        quick, slow = (RawPeer.upgraded(factory) for _ in range(2))
        for _ in range(3):
            slow.protocol.webSocket.sendBytesMessage(bytes(65536))
        for _ in range(300):
            self.reactor.advance(0.01)
        prices = quick.takeMessages()
        self.assertEqual(len(prices), 300)
        told: list[str | bytes] = []
        while messages := slow.takeMessages():
            told += messages
        latest = {str(price).split()[0]: price for price in prices}
        self.assertEqual(set(told[3:]), set(latest.values()))
        for peer in (quick, slow):
            peer.leave()
        self.assertEqual(len(self.reactor.getDelayedCalls()), 1)

    def test_votes(self) -> None:
        """
        C{votes} counts the last vote of each who is there.
        """
        server = MemoryServer(self.wrapped("votes"), clock=self.reactor)
        first, second, third = (server.connect() for _ in range(3))
        first.send("tea")
        second.send("coffee")
        third.send("coffee")
        told = ["tea: 1 of 1", "tea: 1 of 2", "coffee: 2 of 3"]
        self.assertEqual(first.takeMessages(), told)
        self.assertEqual(third.takeMessages(), told)
        second.send("tea")
        third.close()
        first.send("tea")
        self.assertEqual(first.takeMessages(), ["tea: 2 of 3", "tea: 2 of 2"])
        second.close()
        self.close(first)

    def test_digest(self) -> None:
        """
        C{digest} answers texts and files, those beyond the usual limit too,
        with their SHA-256.
        """
        server = MemoryServer(self.wrapped("digest"), clock=self.reactor)
        client = server.connect()
        client.send(bytes(3_000_000))
        client.send("häß")
        client.send(b"")
        self.assertEqual(
            client.takeMessages(),
            [
                sha256(message).hexdigest()
                for message in (bytes(3_000_000), "häß".encode(), b"")
            ],
        )
        self.close(client)

    def test_download(self) -> None:
        """
        C{download} sends the files that it is asked for, a message each, and
        closes if there is none.
        """
        server = MemoryServer(self.wrapped("download"), clock=self.reactor)
        client = server.connect()
        for name in ("download.py", "chat.py"):
            client.send(name)
        files = [
            (ROOT / "examples" / name).read_bytes()
            for name in ("download.py", "chat.py")
        ]
        self.assertEqual(client.takeMessages(), files)
        client.send("../setup.py")
        self.assertEqual(client.takeMessages(), [])
        self.assertEqual((client.closeCode, client.closeReason), (4004, "no such file"))
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_doorkeeper(self) -> None:
        """
        C{doorkeeper} greets whom it knows, and refuses others with 403.
        """
        server = MemoryServer(self.wrapped("doorkeeper"), clock=self.reactor)
        known = server.connect(
            headers=[("Cookie", "session=c2VjcmV0")], subprotocols=["greeting.example"]
        )
        self.assertEqual(known.takeMessages(), ["Hello, Ada."])
        with self.assertRaises(HandshakeRefused) as raised:
            server.connect(headers=[("Cookie", "session=guess")])
        self.assertEqual(raised.exception.status, 403)
        self.close(known)

    def close(self, client: MemoryClient) -> None:
        """
        Close the last connection, after which nothing must be left.
        """
        client.close()
        self.assertEqual(client.closeCode, 1000)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_router(self) -> None:
        """
        C{router} greets, repeats and echoes, each at its path and with its
        limits.
        """
        factory = self.wrapped("router")
        client, connection = self.connect(factory, target="/hello/Ada")
        self.assertEqual(client.messages, ["Hello, Ada."])
        self.leave(client, connection)
        client, connection = self.connect(factory, target="/stream")
        client.transport.sendBytesMessage(bytes(2000))
        connection.flush()
        self.assertEqual(client.messages, [bytes(2000)])
        self.leave(client, connection)
        client, connection = self.connect(factory, target="/repeat/2")
        client.transport.sendTextMessage("again")
        client.transport.sendTextMessage("a" * 1025)
        connection.flush()
        self.assertEqual(client.messages, ["again", "again"])
        self.assertEqual(client.reason.value.code, CloseCode.MESSAGE_TOO_BIG)
        peer = RawPeer(factory)
        peer.send(makeRequest(target="/repeat/10"))
        self.assertEqual(peer.takeAnswer().status, 404)
        peer.leave()
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_firehose(self) -> None:
        """
        C{firehose} sends as long as the client reads, and then no more.
        """
        factory = self.wrapped("firehose")
        peer = RawPeer(factory)
        peer.send(makeRequest())
        # Now and then others have their turn.
        self.reactor.advance(0)
        kept = sum(map(len, peer.transport.writes))
        self.assertLess(kept, 2 * peer.transport.bufferSize)
        _, _, data = peer.transport.takeData().partition(b"\r\n\r\n")
        first = [int(found.payload) for found in readFrames(data)]
        self.reactor.advance(0)
        then = [int(found.payload) for found in peer.takeFrames()]
        self.assertEqual(first + then, list(range(len(first) + len(then))))
        self.assertGreater(len(then), 0)
        peer.leave()
        self.assertEqual(self.reactor.getDelayedCalls(), [])


class CoroutineTests(ExampleTestCase):
    """
    Programs that converse.
    """

    def serve(self, name: str) -> MemoryServer:
        """
        Serve what a program is for.
        """
        return MemoryServer(self.wrapped(name), clock=self.reactor)

    def test_guess(self) -> None:
        """
        C{guess} says where to look, and closes when the number is found.
        """
        self.patch(import_module("guess"), "randint", lambda low, high: 42)
        client = self.serve("guess").connect()
        for guess in ("50", b"41", "what?", "9" * 5000, "42"):
            client.send(guess)
        self.assertEqual(
            client.takeMessages(),
            [
                "I think of a number from 1 to 100.",
                "It is less.",
                "It is more.",
                "That is no number.",
                "That is no number.",
                "Yes!",
            ],
        )
        self.assertEqual(client.closeCode, 1000)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_json(self) -> None:
        """
        C{json_sum} adds what comes as JSON, and closes with 1007 when that
        makes no sense.
        """
        server = self.serve("json_sum")
        client = server.connect()
        client.send("[1, 2, 0.5]")
        client.send(b"[]")
        self.assertEqual(client.takeMessages(), ['{"sum": 3.5}', '{"sum": 0}'])
        client.close()
        for nonsense in ("[1", '["a"]', "null", b"\xff"):
            client = server.connect()
            client.send(nonsense)
            self.assertEqual(client.closeCode, CloseCode.INVALID_PAYLOAD_DATA)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_onAsyncio(self) -> None:
        """
        C{on_asyncio} sends back what it receives, by asyncio's clock.
        """
        self.run_("on_asyncio")
        server = MemoryServer(self.listeningAt(9000), clock=self.reactor)

        async def talk() -> MemoryClient:
            client = server.connect()
            client.send("text")
            client.send(b"bytes")
            while len(client.handler.messages) < 2:
                await asyncio.sleep(0.001)
                client.flush()
            client.close()
            await asyncio.sleep(0)
            return client

        loop = asyncio.new_event_loop()
        self.addCleanup(loop.close)
        client = loop.run_until_complete(asyncio.wait_for(talk(), 10))
        self.assertEqual(client.takeMessages(), ["text", b"bytes"])
        self.assertEqual(client.closeCode, 1000)
        self.assertEqual(self.reactor.getDelayedCalls(), [])


class ClientTests(ExampleTestCase):
    """
    Programs that connect to a server.
    """

    def answer(self, application: Any, number: int = -1) -> MemoryConnection:
        """
        Have a server answer a connection of the program, the last by default.
        """
        host, port, factory, *_ = self.reactor.tcpClients[number]
        client: Any = factory.buildProtocol(None)
        self.assertEqual((host, port), ("127.0.0.1", 9000))
        server = WebSocketFactory(application, clock=self.reactor)
        connection = MemoryConnection(server.buildProtocol(None), client)
        connection.flush()
        return connection

    def test_player(self) -> None:
        """
        C{player} wins the game of C{guess}, whatever the number is, and is done.
        """
        for number in (1, 42, 100):
            self.patch(import_module("guess"), "randint", lambda *_, it=number: it)
            player: Any = import_module("player")
            said: list[str] = []
            player.print = said.append
            playing = Deferred.fromCoroutine(player.main(self.reactor))
            self.answer(namedAny("guess.play"))
            self.successResultOf(playing)
            self.assertEqual(said[0], "I think of a number from 1 to 100.")
            self.assertEqual(said[-1], f"{number}? Yes!")
            self.assertLess(len(said), 9)
            self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_caller(self) -> None:
        """
        C{caller} is answered, connects again when it is lost, and stops when
        it is told to.
        """
        caller: Any = import_module("caller")
        said: list[str] = []
        caller.print = lambda text, end: said.append(text)
        caller.service.parent.startService()
        echo = namedAny("wrap_line_echo.LineEcho")
        for times in (1, 2):
            connection = self.answer(echo)
            self.assertEqual(said, ["Hello.\n"] * times)
            connection.server.abortConnection()
            connection.flush()
            self.assertEqual(len(self.reactor.tcpClients), times)
            self.reactor.advance(5)
            self.assertEqual(len(self.reactor.tcpClients), times + 1)
        connection = self.answer(echo)
        stopping = caller.service.parent.stopService()
        connection.flush()
        self.successResultOf(stopping)
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


class WebTests(ExampleTestCase):
    """
    Programs that serve WebSockets among pages.
    """

    def check(self, page: bytes) -> None:
        """
        Check what is served: a page, and an echo.
        """
        factory = self.listeningAt(9000)
        browser = RawPeer(factory)
        browser.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertIn(page, browser.transport.takeData())
        browser.leave()
        client = RecordingHandler()
        connection = connectClient(factory, client, self.reactor, "/echo")
        client.transport.sendTextMessage("text")
        connection.flush()
        self.assertEqual(client.messages, ["text"])
        client.transport.loseConnection()
        connection.flush()
        self.assertIsNotNone(client.reason)

    def test_resource(self) -> None:
        """
        C{web_resource} serves a page that knows where the echo is.
        """
        self.run_("web_resource")
        self.check(b'+ "echo")')

    def test_klein(self) -> None:
        """
        C{klein_routes} serves a page that counts connections.
        """
        if find_spec("klein") is None:
            raise SkipTest("Klein is not installed: pip install klein")
        self.run_("klein_routes")
        self.check(b"0 connected")


class ManyClientsTests(ExampleTestCase):
    """
    The program of many clients.
    """

    def test_manyClients(self) -> None:
        """
        C{many_clients} has them all open at once, and all get their answers.
        """
        factory = WebSocketFactory(Echo, clock=self.reactor)
        module: Any = import_module("many_clients")
        told = StringIO()
        with redirect_stdout(told):
            running = Deferred.fromCoroutine(module.main(self.reactor, count="150"))
            connections: list[MemoryConnection] = []
            for _ in range(20):
                self.carry(factory, connections)
        self.successResultOf(running)
        self.assertIn("150 open at once", told.getvalue())
        self.assertEqual(len(connections), 150)
        self.assertTrue(all(connection.isLost for connection in connections))
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def carry(
        self, factory: WebSocketFactory, connections: list[MemoryConnection]
    ) -> None:
        """
        Connect those who want to, and carry what they say.
        """
        for _, _, dialing, *_ in self.reactor.tcpClients[len(connections) :]:
            client: Any = dialing.buildProtocol(None)
            server: Any = factory.buildProtocol(None)
            connections.append(MemoryConnection(server, client))
        for connection in connections:
            connection.flush()
        self.reactor.advance(0.01)


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
