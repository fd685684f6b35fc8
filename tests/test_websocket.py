"""
Tests for L{txws.websocket}, and Twisted's own tests of what it stands for, as
they are installed.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from types import ModuleType
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import (
    IHostnameResolver,
    IReactorPluggableNameResolver,
    IStreamClientEndpoint,
)
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.reporter import TestResult
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import BrowserLikePolicyForHTTPS
from twisted.web.error import SchemeNotSupported
from twisted.web.iweb import IAgentEndpointFactory
from twisted.web.resource import Resource
from twisted.web.server import Site
from zope.interface import implementer

import txws.websocket
from txws.errors import HandshakeRefused, WebSocketClosed
from txws.factories import WebSocketFactory
from txws.testing import MemoryTransport
from txws.websocket import (
    WebSocketClientEndpoint,
    WebSocketClientFactory,
    WebSocketProtocol,
    WebSocketResource,
    WebSocketServerFactory,
    WebSocketTransport,
)
from txws.wire.codes import Opcode

from .peers import RawPeer, useMemoryReactor

_THEIRS = "twisted.web.test.test_websocket"
_IDN = "xn--bcher-kva.de"

# Which of Twisted's tests do not hold here, and why.
EXCLUDED = {
    "test_backpressure": (
        "it wants the application's producer to be the one that is registered with"
        " the TCP transport; here it is paused at the high-water mark of what is"
        " pending"
    ),
    "test_connectionRefusedWeird": (
        "it takes 102 for a refusal; RFC 9110 15.2 wants a client to go on to wait"
        " for the final answer"
    ),
    "test_connectionRefusedSlow": (
        "it wants a body that is complete to end with ConnectionDone, which"
        " twisted.web.client.readBody takes for a failure; here it ends with"
        " ResponseDone"
    ),
}


def _loadTheirs() -> ModuleType | None:
    """
    Load Twisted's tests, with our names in place of Twisted's.

    @return: L{None} if this version of Twisted has none.
    """
    found = find_spec(_THEIRS)
    if found is None or found.origin is None:
        return None
    spec = spec_from_file_location(f"{__name__}.theirs", found.origin)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    replaced = {
        "twisted.web.websocket": txws.websocket,
        module.__name__: module,
        # They look for what their own implementation stands on.
        "wsproto": ModuleType("wsproto"),
    }
    before = {name: sys.modules.get(name) for name in replaced}
    sys.modules.update(replaced)
    try:
        spec.loader.exec_module(module)
    finally:
        for name, replacing in before.items():
            if replacing is None:
                del sys.modules[name]
            else:
                sys.modules[name] = replacing
    return module


theirs: Any = _loadTheirs()


class DropInTests(SynchronousTestCase):
    """
    Twisted's own tests, run against our classes.
    """

    if theirs is None:
        skip = "this version of Twisted has no twisted.web.websocket"

    def run_(self, name: str) -> TestResult:
        """
        Run one of Twisted's tests.
        """
        result = TestResult()
        for case in (theirs.WebSocketTests, theirs.FramingAndFragmentationTests):
            if hasattr(case, name):
                case(name).run(result)
        self.assertEqual(result.testsRun, 1, name)
        self.flushLoggedErrors()
        return result

    def test_all(self) -> None:
        """
        All pass but those that are excluded.
        """
        names = [
            name
            for case in (theirs.WebSocketTests, theirs.FramingAndFragmentationTests)
            for name in dir(case)
            if name.startswith("test")
        ]
        self.assertGreater(len(names), len(EXCLUDED))
        for name in names:
            if name not in EXCLUDED:
                result = self.run_(name)
                self.assertEqual(result.successes, 1, (name, _problems(result)))

    def test_excluded(self) -> None:
        """
        Those that are excluded fail, and so have to be.
        """
        for name in EXCLUDED:
            self.assertFalse(self.run_(name).wasSuccessful(), name)


def _problems(result: TestResult) -> list[object]:
    """
    Say what went wrong.
    """
    return [problem for _, problem in (*result.errors, *result.failures, *result.skips)]


@dataclass
class Chatty(WebSocketProtocol):
    """
    Written for Twisted's L{typing.Protocol}: it declares nothing, and is not
    even hashable.
    """

    told: list[object] = field(default_factory=list)

    def negotiationStarted(self, transport: WebSocketTransport) -> None:
        """
        Keep it.
        """
        self.transport = transport

    def negotiationFinished(self) -> None:
        """
        Do nothing.
        """

    def bytesMessageReceived(self, data: bytes) -> None:
        """
        Do nothing.
        """

    def pongReceived(self, payload: bytes) -> None:
        """
        Do nothing.
        """

    def textMessageReceived(self, message: str) -> None:
        """
        Note it, and answer.
        """
        self.told.append(message)
        if message == "hello":
            self.transport.sendTextMessage("world")

    def connectionLost(self, reason: Failure) -> None:
        """
        Note it.
        """
        self.told.append(type(reason.value))


class ChattyServer(WebSocketServerFactory[Chatty]):
    """
    Makes them for requests.
    """

    def __init__(self) -> None:
        self.made: list[Chatty] = []

    def buildProtocol(self, request: Any) -> Chatty:
        """
        Make one, and remember it.
        """
        self.made.append(Chatty([request.path]))
        return self.made[-1]


class ChattyClient(WebSocketClientFactory[Chatty]):
    """
    Makes them for URLs.
    """

    def buildProtocol(self, url: str) -> Chatty:
        """
        Make one.
        """
        return Chatty([url])


@implementer(IStreamClientEndpoint, IAgentEndpointFactory)
class _Memory:
    """
    Connects in memory, and notes to what.
    """

    def __init__(self) -> None:
        self.uris: list[Any] = []
        self.transport: Any = None

    def endpointForURI(self, uri):
        """
        Note it.
        """
        self.uris.append(uri)
        return self

    def connect(self, protocolFactory):
        """
        Connect.
        """
        protocol = protocolFactory.buildProtocol(None)
        self.transport = MemoryTransport(protocol)
        self.transport.connect()
        return succeed(protocol)


@implementer(IHostnameResolver)
class _Resolver:
    """
    Knows addresses alone.
    """

    def resolveHostName(self, receiver, hostName, portNumber=0, *others):
        """
        Resolve at once.
        """
        receiver.resolutionBegan(self)
        receiver.addressResolved(IPv4Address("TCP", hostName, portNumber))
        receiver.resolutionComplete()
        return receiver


@implementer(IReactorPluggableNameResolver)
class _Reactor(MemoryReactorClock):
    """
    Resolves names in memory, as that of later versions of Twisted does.
    """

    def __init__(self) -> None:
        super().__init__()
        self.nameResolver = _Resolver()


class ServerTests(SynchronousTestCase):
    """
    Tests for L{WebSocketResource}.
    """

    def setUp(self) -> None:
        """
        Serve.
        """
        self.clock = Clock()
        self.server = ChattyServer()
        self.resource = WebSocketResource(self.server, clock=self.clock)
        root = Resource()
        root.putChild(b"ws", self.resource)
        self.site = Site(root, reactor=self.clock)

    def test_served(self) -> None:
        """
        A factory is asked with the request of L{twisted.web}, and what it
        makes runs unchanged.
        """
        peer = RawPeer.upgraded(self.site, target="/ws")

        peer.sendFrame(Opcode.TEXT, b"hello")

        self.assertEqual(peer.takeMessages(), ["world"])
        peer.sendClose(1000)
        peer.takeCloseCode()
        peer.transport.settle()
        self.assertEqual(self.server.made[0].told, [b"/ws", "hello", WebSocketClosed])
        self.assertIs(self.resource.factory, self.server)

    def test_onABarePort(self) -> None:
        """
        Such a factory can also have a port of its own; there is no request of
        L{twisted.web} then.
        """
        factory = WebSocketFactory(self.server, clock=self.clock)
        peer = RawPeer.upgraded(factory, target="/here")

        peer.sendFrame(Opcode.TEXT, b"hello")

        self.assertEqual(peer.takeMessages(), ["world"])
        self.assertEqual(self.server.made[0].told, ["/here", "hello"])

    def test_plainRequests(self) -> None:
        """
        A plain GET is answered as Twisted's does it, all else as it should be.
        """
        for method, status, body in (
            ("GET", 400, b"websocket protocol negotiation error"),
            ("POST", 405, b"this server speaks WebSocket\n"),
        ):
            peer = RawPeer(self.site)
            peer.send(f"{method} /ws HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            answer = peer.takeAnswer()
            self.assertEqual((answer.status, answer.body), (status, body))


class ClientTestCase(SynchronousTestCase):
    """
    Connects in memory.
    """

    def setUp(self) -> None:
        """
        Nothing is connected yet.
        """
        self.clock = Clock()
        self.memory = _Memory()

    def connect(self, url: str = "ws://example.com/feed?x=1") -> Deferred[Chatty]:
        """
        Connect.
        """
        endpoint = WebSocketClientEndpoint(self.memory, url, self.clock)
        return Deferred.fromCoroutine(endpoint.connect(ChattyClient()))

    def answer(self, data: bytes) -> None:
        """
        Have the server answer.
        """
        self.memory.transport.takeData()
        self.memory.transport.receiveData(data)


class ClientTests(ClientTestCase):
    """
    Tests for L{WebSocketClientEndpoint}.
    """

    def test_connected(self) -> None:
        """
        What a factory makes for the URL is connected, and runs unchanged.
        """
        connecting = self.connect()
        site = Site(WebSocketResource(ChattyServer()), reactor=self.clock)
        useMemoryReactor(self)
        site.resource.isLeaf = True
        server = RawPeer(site)
        server.send(self.memory.transport.takeData())
        self.assertNoResult(connecting)
        self.memory.transport.receiveData(server.transport.takeData())

        client = self.successResultOf(connecting)
        client.transport.sendTextMessage("hello")
        server.send(self.memory.transport.takeData())
        self.memory.transport.receiveData(server.transport.takeData())

        self.assertEqual(client.told, ["ws://example.com/feed?x=1", "world"])

    def test_urls(self) -> None:
        """
        The endpoint is asked for by HTTP's schemes, and the request names the
        host and what is asked for.
        """
        for url, uri, host, target in (
            ("ws://a.example/", "http a.example 80", "a.example", "/"),
            ("http://a.example:80", "http a.example 80", "a.example", "/"),
            ("WSS://a.example/x?y=z", "https a.example 443", "a.example", "/x?y=z"),
            ("https://a.b:8443/", "https a.b 8443", "a.b:8443", "/"),
            ("ws://[::1]:90/a", "http ::1 90", "[::1]:90", "/a"),
            ("ws://b\xfccher.de/\xe9", f"http {_IDN} 80", _IDN, "/%C3%A9"),
        ):
            self.connect(url)
            asked = self.memory.uris.pop()
            found = b"%s %s %d" % (asked.scheme, asked.host, asked.port)
            self.assertEqual(found.decode(), uri)
            head = self.memory.transport.takeData().decode().split("\r\n")
            self.assertEqual(head[:2], [f"GET {target} HTTP/1.1", f"Host: {host}"])

    def test_otherSchemes(self) -> None:
        """
        No other protocol is spoken.
        """
        self.failureResultOf(self.connect("ftp://a.example/"), SchemeNotSupported)

    def test_new(self) -> None:
        """
        The reactor connects, with the settings that are given.
        """
        reactor = _Reactor()
        policy = BrowserLikePolicyForHTTPS()
        for url, arguments, port, timeout, address in (
            ("ws://127.0.0.1/", (), 80, 30, None),
            ("wss://127.0.0.1:444/", (policy, 7, b"127.0.0.2"), 444, 7, "127.0.0.2"),
        ):
            endpoint = WebSocketClientEndpoint.new(reactor, url, *arguments)
            Deferred.fromCoroutine(endpoint.connect(ChattyClient()))
            connecting = reactor.tcpClients.pop()
            self.assertEqual(connecting[:2], ("127.0.0.1", port))
            self.assertEqual(connecting[3], timeout)
            self.assertIn(address, (connecting[4], (connecting[4] or [b""])[0]))

    def test_cancelled(self) -> None:
        """
        Who does not want to wait any more leaves nothing behind.
        """
        connecting = self.connect()

        connecting.cancel()
        self.memory.transport.settle()

        self.failureResultOf(connecting, CancelledError)
        self.assertTrue(self.memory.transport.isLost)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_noHTTP(self) -> None:
        """
        What is no answer of HTTP at all has no response to look at.
        """
        for data in (b"hello\r\n\r\n", b"HTTP/1.1 101 Odd\r\n\r\n"):
            connecting = self.connect()
            self.answer(data)
            self.failureResultOf(connecting, HandshakeRefused)
