"""
Tests for L{txws.proxies} and L{txws.tunnels}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.address import HostnameAddress, IPv4Address, IPv6Address
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import (
    ConnectError,
    ConnectingCancelledError,
    ConnectionDone,
    ConnectionLost,
    NoProtocol,
)
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import PrivateCertificate, optionsForClientTLS
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from txws.authentication import Credentials
from txws.errors import DeadlineExpired, InvalidSetting, ProxyRefused, TLSFailed
from txws.policy import Limits
from txws.proxies import (
    HTTPProxyEndpoint,
    Proxy,
    SOCKSProxyEndpoint,
    proxyFromEnvironment,
)
from txws.testing import MemoryConnection, MemoryTransport

from .certificates import makePEM
from .peers import wrapTLS

OK = b"HTTP/1.1 200 OK\r\n\r\n"
WANTED = (
    b'HTTP/1.1 407 Told\r\nProxy-Authenticate: Basic realm="r"\r\n'
    b"Content-Length: 0\r\n\r\n"
)
PROXY = "http://user:sesame@proxy.example:3128"

stable = settings(deadline=None, derandomize=True, max_examples=200, database=None)


class Inner(Protocol):
    """
    Notes what it is told.
    """

    def __init__(self) -> None:
        self.received = b""
        self.lost: Failure | None = None

    def dataReceived(self, data: bytes) -> None:
        """
        Note it.
        """
        self.received += data

    def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:  # noqa: B008
        """
        Note it.
        """
        self.lost = reason


@implementer(IHalfCloseableProtocol)
class HalfInner(Inner):
    """
    Notes that a half was closed, too.
    """

    halves: tuple[str, ...] = ()

    def readConnectionLost(self) -> None:
        """
        Note it.
        """
        self.halves += ("read",)

    def writeConnectionLost(self) -> None:
        """
        Note it.
        """
        self.halves += ("write",)


class InnerFactory(Factory):
    """
    Makes one protocol, and notes the rest.
    """

    noisy = False

    def __init__(self, inner: Protocol | None = None) -> None:
        self.inner: Any = Inner() if inner is None else inner
        self.addresses: list[object] = []

    def buildProtocol(self, addr):
        """
        Return it.
        """
        self.addresses.append(addr)
        return self.inner


@implementer(IStreamClientEndpoint)
class MemoryEndpoint:
    """
    Leads to a proxy in memory.

    @ivar transports: of each connection.
    """

    def __init__(self) -> None:
        self.transports: list[MemoryTransport] = []
        self.factories: list[Factory] = []

    def connect(self, protocolFactory) -> Deferred:
        """
        Connect at once.
        """
        protocol = protocolFactory.buildProtocol(None)
        self.factories.append(protocolFactory)
        transport = MemoryTransport(protocol)
        self.transports.append(transport)
        transport.connect()
        connected: Deferred = Deferred()
        connected.callback(protocol)
        return connected


@implementer(IStreamClientEndpoint)
class LateEndpoint(MemoryEndpoint):
    """
    Leads to a proxy that cannot be reached yet.
    """

    def __init__(self, canceller=None) -> None:
        super().__init__()
        self._canceller = canceller

    def connect(self, protocolFactory) -> Deferred:
        """
        Wait.
        """
        self.factory = protocolFactory
        return Deferred(self._canceller)


class TunnelTestCase(SynchronousTestCase):
    """
    Connects through a proxy in memory.
    """

    def setUp(self):
        """
        There is a proxy.
        """
        self.clock = Clock()
        self.proxy = MemoryEndpoint()
        self.factory = InnerFactory()

    @property
    def transport(self) -> Any:
        """
        The latest connection to the proxy.
        """
        return self.proxy.transports[-1]

    def http(self, host="example.com", proxy=PROXY, below=None) -> Any:
        """
        Make an endpoint.
        """
        return HTTPProxyEndpoint(
            self.proxy if below is None else below,
            host,
            443,
            Proxy.parse(proxy),
            self.clock,
            10,
            Limits().headLimits,
        )

    def socks(self, host="example.com") -> Any:
        """
        Make an endpoint.
        """
        proxy = Proxy.parse("socks5://proxy.example")
        return SOCKSProxyEndpoint(self.proxy, host, 443, proxy, self.clock, 10)

    def assertClean(self) -> None:
        """
        Assert that nothing is left behind.
        """
        self.assertEqual(self.clock.getDelayedCalls(), [])
        for transport in self.proxy.transports:
            self.assertTrue(transport.isAborted)


class OpenTests(TunnelTestCase):
    """
    Tunnels that open.
    """

    def test_endpoint(self):
        """
        Both are endpoints like every other.
        """
        for endpoint in (self.http(), self.socks()):
            verifyObject(IStreamClientEndpoint, endpoint)

    def test_http(self):
        """
        A protocol is connected when the proxy says so, and not before, by the
        transport that leads to the proxy; it gets what followed.
        """
        connecting = self.http().connect(self.factory)
        self.assertEqual(
            self.transport.takeData(),
            b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n",
        )
        self.assertNoResult(connecting)
        self.assertEqual(self.factory.addresses, [])
        self.transport.receiveData(OK + b"hel")
        inner = self.successResultOf(connecting)
        self.assertIs(inner, self.factory.inner)
        self.assertIs(inner.transport, self.transport)
        self.transport.receiveData(b"lo")
        self.assertEqual(inner.received, b"hello")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_socks(self):
        """
        So it is through SOCKS.
        """
        connecting = self.socks().connect(self.factory)
        self.transport.receiveData(b"\x05\x00")
        self.assertEqual(
            self.transport.takeData(),
            b"\x05\x01\x00\x05\x01\x00\x03\x0bexample.com\x01\xbb",
        )
        self.transport.receiveData(b"\x05\x00\x00\x01" + bytes(6) + b"hello")
        self.assertEqual(self.successResultOf(connecting).received, b"hello")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_address(self):
        """
        A factory is told where the tunnel leads to.
        """
        for host, sent, told in (
            ("example.com", b"example.com", HostnameAddress(b"example.com", 443)),
            ("192.0.2.1", b"192.0.2.1", IPv4Address("TCP", "192.0.2.1", 443)),
            ("2001:db8::1", b"[2001:db8::1]", IPv6Address("TCP", "2001:db8::1", 443)),
        ):
            self.factory = InnerFactory()
            self.http(host).connect(self.factory)
            self.assertIn(b"CONNECT " + sent + b":443 HTTP", self.transport.takeData())
            self.transport.receiveData(OK)
            self.assertEqual(self.factory.addresses, [told])

    def test_newConnection(self):
        """
        If the proxy asks who the client is and closes, it is told on a new
        connection; the old one is gone.
        """
        connecting = self.http().connect(self.factory)
        self.transport.receiveData(WANTED.replace(b"1.1", b"1.0"))
        first, second = self.proxy.transports
        self.assertTrue(first.isAborted)
        self.assertIn(b"Proxy-Authorization: Basic ", second.takeData())
        second.receiveData(OK)
        self.assertIs(self.successResultOf(connecting).transport, second)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_sameConnection(self):
        """
        If the proxy does not close, it is told on the same connection.
        """
        connecting = self.http().connect(self.factory)
        self.transport.takeData()
        self.transport.receiveData(WANTED)
        self.assertIn(b"Proxy-Authorization: Basic ", self.transport.takeData())
        self.transport.receiveData(OK)
        self.successResultOf(connecting)
        self.assertEqual(len(self.proxy.transports), 1)

    def test_digest(self):
        """
        Each answer by Digest has a nonce of its own.
        """
        nonces = set()
        digest = WANTED.replace(b"Basic", b"Digest nonce=n, qop=auth,")
        for _ in range(2):
            self.http().connect(self.factory)
            self.transport.takeData()
            self.transport.receiveData(digest)
            _, _, nonce = self.transport.takeData().partition(b'cnonce="')
            nonces.add(nonce.partition(b'"')[0])
        self.assertEqual([len(nonce) for nonce in nonces], [24, 24])

    def test_leaving(self):
        """
        A protocol that closes at once is not told what came behind the answer.
        """
        for leave in (
            lambda inner: inner.transport.loseConnection(),
            lambda inner: (
                inner.transport.lose(ConnectionLost()),
                inner.transport.settle(),
            ),
        ):
            factory = InnerFactory()
            self.http().connect(factory).addCallback(leave)
            self.transport.receiveData(OK + b"hello")
            self.transport.takeData()
            self.transport.settle()
            self.assertEqual(factory.inner.received, b"")
            self.assertIsNotNone(factory.inner.lost)

    def test_lost(self):
        """
        A protocol is told how its connection has ended.
        """
        for lost, expected in (
            (ConnectionLost(), ConnectionLost),
            (None, ConnectionDone),
        ):
            factory = InnerFactory()
            self.http().connect(factory)
            self.transport.receiveData(OK)
            self.transport.lose(lost)
            self.transport.settle()
            self.assertTrue(factory.inner.lost.check(expected))

    def test_usedFactory(self):
        """
        A factory is told when it is in use and when it is not any more.
        """
        self.http().connect(self.factory)
        (below,) = self.proxy.factories
        below.doStart()
        self.assertEqual(self.factory.numPorts, 1)
        below.doStop()
        self.assertEqual(self.factory.numPorts, 0)


class HalfTests(TunnelTestCase):
    """
    Connections that are closed in halves.
    """

    def connect(self, inner):
        """
        Open a tunnel.
        """
        factory = InnerFactory(inner)
        self.http().connect(factory)
        self.transport.receiveData(OK)
        return inner, self.transport.protocol

    def test_halves(self):
        """
        A protocol that knows halves is told of both.
        """
        inner, tunnel = self.connect(HalfInner())
        tunnel.readConnectionLost()
        tunnel.writeConnectionLost()
        self.assertEqual(inner.halves, ("read", "write"))
        self.assertFalse(self.transport.isAborted)

    def test_wholes(self):
        """
        For one that does not, the peer's half is the clean end of all, and its
        own half is nothing.
        """
        inner, tunnel = self.connect(Inner())
        tunnel.writeConnectionLost()
        self.assertFalse(self.transport.isAborted)
        tunnel.readConnectionLost()
        self.transport.settle()
        self.assertTrue(inner.lost.check(ConnectionDone))
        self.assertTrue(self.transport.isAborted)

    def test_beforeItIsOpen(self):
        """
        A proxy that closes its half refuses.
        """
        connecting = self.http().connect(self.factory)
        self.transport.protocol.readConnectionLost()
        self.transport.settle()
        refused = self.failureResultOf(connecting, ProxyRefused).value
        self.assertIsInstance(refused.__cause__, ConnectionDone)
        self.assertClean()


class FailureTests(TunnelTestCase):
    """
    Tunnels that do not open.
    """

    def test_refused(self):
        """
        A refusal is told, and the connection is aborted.
        """
        connecting = self.http().connect(self.factory)
        self.transport.receiveData(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
        refused = self.failureResultOf(connecting, ProxyRefused).value
        self.assertEqual(refused.status, 403)
        self.assertEqual(self.factory.addresses, [])
        # What comes before the end of the connection is not heard.
        self.transport.protocol.dataReceived(OK)
        self.transport.settle()
        self.assertClean()

    def test_refusedBySOCKS(self):
        """
        So is one of SOCKS.
        """
        connecting = self.socks().connect(self.factory)
        self.transport.receiveData(b"\x05\x00\x05\x05")
        refused = self.failureResultOf(connecting, ProxyRefused).value
        self.assertEqual(refused.reply, 5)
        self.assertClean()

    def test_passwordStaysInside(self):
        """
        No error has the password in it.
        """
        connecting = self.http().connect(self.factory)
        for _ in range(2):
            self.transport.receiveData(WANTED)
        failure = self.failureResultOf(connecting, ProxyRefused)
        told = f"{failure.value!r} {failure.getTraceback()} {vars(failure.value)}"
        self.assertNotIn("sesame", told)

    def test_unreachable(self):
        """
        What the proxy cannot be reached for is told as it is.
        """

        class Unreachable(MemoryEndpoint):
            def connect(self, protocolFactory):
                return fail(ConnectError())

        connecting = self.http(below=Unreachable()).connect(self.factory)
        self.failureResultOf(connecting, ConnectError)
        self.assertClean()

    def test_lost(self):
        """
        A proxy that closes or resets the connection refuses.
        """
        for endpoint in (self.http(), self.socks()):
            for lost in (None, ConnectionLost()):
                connecting = endpoint.connect(self.factory)
                self.transport.lose(lost)
                self.transport.settle()
                failure = self.failureResultOf(connecting, ProxyRefused)
                self.assertIn("closed the connection", str(failure.value))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_untrusted(self):
        """
        If TLS to the proxy fails, that is what is told.
        """
        connecting = self.http().connect(self.factory)
        self.transport.lose(RuntimeError("certificate"))
        self.transport.settle()
        failure = self.failureResultOf(connecting, TLSFailed)
        self.assertEqual(failure.value.explanation, "at the proxy, certificate")

    def test_deadline(self):
        """
        There is an absolute deadline: no byte of the proxy prolongs it.
        """
        for endpoint, answer in (
            (self.http(), b"HTTP/1.1 "),
            (self.socks(), b"\x05\x00\x05\x00\x00\x03\xff\x00\x00"),
        ):
            connecting = endpoint.connect(self.factory)
            for byte in answer:
                self.clock.advance(1)
                self.transport.receiveData(bytes((byte,)))
            self.assertNoResult(connecting)
            self.clock.advance(1)
            expired = self.failureResultOf(connecting, DeadlineExpired).value
            self.assertEqual((expired.deadline, expired.seconds), ("proxyTimeout", 10))
            self.assertClean()

    def test_deadlineOfARefusal(self):
        """
        A refusal whose body never ends is a refusal all the same.
        """
        connecting = self.http().connect(self.factory)
        self.transport.receiveData(b"HTTP/1.1 502 No\r\n\r\nbecause")
        self.clock.advance(10)
        refused = self.failureResultOf(connecting, ProxyRefused).value
        self.assertEqual((refused.status, refused.body), (502, b"because"))
        self.assertClean()

    def test_deadlineOfAllConnections(self):
        """
        A new connection has no new deadline.
        """
        connecting = self.http().connect(self.factory)
        self.clock.advance(9)
        self.transport.receiveData(WANTED.replace(b"1.1", b"1.0"))
        self.clock.advance(1)
        self.failureResultOf(connecting, DeadlineExpired)
        self.assertClean()

    def test_noProtocol(self):
        """
        A factory may have no protocol, or fail to make one, or that may fail to
        be connected.
        """

        class NoFactory(InnerFactory):
            def buildProtocol(self, addr):
                return None

        class BadFactory(InnerFactory):
            def buildProtocol(self, addr):
                raise KeyError

        class BadInner(Inner):
            def connectionMade(self):
                raise KeyError

        inner = BadInner()
        for factory, error in (
            (NoFactory(), NoProtocol),
            (BadFactory(), KeyError),
            (InnerFactory(inner), KeyError),
        ):
            connecting = self.http().connect(factory)
            self.transport.receiveData(OK)
            self.failureResultOf(connecting, error)
            self.transport.settle()
        self.assertIsNotNone(inner.lost)
        self.assertClean()


class CancelTests(TunnelTestCase):
    """
    Nobody waits any more.
    """

    def test_negotiating(self):
        """
        While the proxy is asked, the connection is aborted.
        """
        for endpoint in (self.http(), self.socks()):
            connecting = endpoint.connect(self.factory)
            connecting.cancel()
            self.failureResultOf(connecting, CancelledError)
            self.transport.settle()
            self.assertClean()

    def test_secondConnection(self):
        """
        So it is on a second one.
        """
        connecting = self.http().connect(self.factory)
        self.transport.receiveData(WANTED.replace(b"1.1", b"1.0"))
        connecting.cancel()
        self.failureResultOf(connecting, CancelledError)
        self.assertEqual(len(self.proxy.transports), 2)
        self.assertClean()

    def test_connecting(self):
        """
        While the proxy is being reached, that is given up.
        """
        reactor = MemoryReactorClock()
        below = TCP4ClientEndpoint(reactor, "192.0.2.9", 3128)
        connecting = self.http(below=below).connect(self.factory)
        connecting.cancel()
        self.failureResultOf(connecting, ConnectingCancelledError)
        self.assertTrue(reactor.connectors[0].stoppedConnecting)
        self.assertClean()

    def test_deadlineWhileConnecting(self):
        """
        The deadline counts meanwhile, too.
        """
        reactor = MemoryReactorClock()
        below = TCP4ClientEndpoint(reactor, "192.0.2.9", 3128)
        connecting = self.http(below=below).connect(self.factory)
        self.clock.advance(10)
        self.failureResultOf(connecting, DeadlineExpired)
        self.assertTrue(reactor.connectors[0].stoppedConnecting)
        self.assertClean()

    def test_connectedNevertheless(self):
        """
        A connection that comes after all is aborted.
        """
        below = LateEndpoint()
        connecting = self.http(below=below).connect(self.factory)
        connecting.cancel()
        self.failureResultOf(connecting, CancelledError)
        transport = MemoryTransport(below.factory.buildProtocol(None))
        transport.connect()
        self.assertTrue(transport.isAborted)
        self.assertEqual(transport.takeData(), b"")

    def test_byTheProtocol(self):
        """
        A protocol may cancel while it is being connected.
        """

        class Cancelling(Inner):
            def connectionMade(self):
                connecting.cancel()

        class Failing(Cancelling):
            def connectionMade(self):
                super().connectionMade()
                raise KeyError

        for inner in (Cancelling(), Failing()):
            connecting = self.http().connect(InnerFactory(inner))
            self.transport.receiveData(OK + b"hello")
            self.failureResultOf(connecting, CancelledError)
            self.transport.settle()
            self.assertEqual(inner.received, b"")
            self.assertIsNotNone(inner.lost)
            self.assertClean()

    def test_open(self):
        """
        When the tunnel is open, there is nothing to cancel.
        """
        connecting = self.http().connect(self.factory)
        self.transport.receiveData(OK)
        connecting.cancel()
        self.assertFalse(self.transport.isAborted)
        self.successResultOf(connecting)


class RelayingProxy(Protocol):
    """
    A proxy and the server behind it, in memory.
    """

    def __init__(self, answer: bytes, build: Callable[[], Protocol]) -> None:
        self._answer = answer
        self._build = build
        self.asked = b""
        self.server: Protocol | None = None

    def dataReceived(self, data: bytes) -> None:
        """
        Answer, and be the server from then on.
        """
        if self.server is None:
            self.asked += data
            self.transport.write(self._answer)
            self.server = self._build()
            self.server.makeConnection(self.transport)
        else:
            self.server.dataReceived(data)

    def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:  # noqa: B008
        """
        Tell the server.
        """
        if self.server is not None:
            self.server.connectionLost(reason)


@implementer(IStreamClientEndpoint)
class RelayingEndpoint:
    """
    Leads to a L{RelayingProxy}.
    """

    def __init__(self, proxy: Protocol) -> None:
        self._proxy = proxy

    def connect(self, protocolFactory) -> Deferred:
        """
        Connect at once.
        """
        protocol = protocolFactory.buildProtocol(None)
        self.connection = MemoryConnection(self._proxy, protocol)
        connected: Deferred = Deferred()
        connected.callback(protocol)
        return connected


@implementer(IStreamClientEndpoint)
class TLSEndpoint:
    """
    What C{wrapClientTLS} makes, on a clock: Twisted 24.11 has none for it.
    """

    def __init__(self, options, below, clock) -> None:
        self._options = options
        self._below = below
        self._clock = clock

    def connect(self, protocolFactory) -> Deferred:
        """
        Connect by TLS.
        """
        factory = TLSMemoryBIOFactory(
            self._options, True, protocolFactory, clock=self._clock
        )
        connecting = self._below.connect(factory)
        return connecting.addCallback(lambda protocol: protocol.wrappedProtocol)


class TLSTests(TunnelTestCase):
    """
    TLS through a tunnel.
    """

    def setUp(self):
        """
        There is a server that speaks TLS.
        """
        super().setUp()
        self.served = InnerFactory()
        self.options = optionsForClientTLS(
            "localhost", trustRoot=PrivateCertificate.loadPEM(makePEM())
        )
        self.proxyProtocol = RelayingProxy(
            OK, lambda: wrapTLS(self.served, self.clock).buildProtocol(None)
        )
        self.below = RelayingEndpoint(self.proxyProtocol)

    def flush(self) -> None:
        """
        Carry bytes until nothing moves.
        """
        for _ in range(3):
            self.below.connection.flush()
            self.clock.advance(0)

    def connect(self, below=None):
        """
        Connect by TLS through the proxy.
        """
        endpoint = TLSEndpoint(
            self.options, self.http("localhost", below=below or self.below), self.clock
        )
        connecting = endpoint.connect(self.factory)
        self.flush()
        return self.successResultOf(connecting)

    def test_both(self):
        """
        Bytes go both ways, and the connection is closed cleanly.
        """
        inner = self.connect()
        inner.transport.write(b"hello")
        self.flush()
        self.assertEqual(self.served.inner.received, b"hello")
        self.served.inner.transport.write(b"good day")
        self.flush()
        self.assertEqual(inner.received, b"good day")
        inner.transport.loseConnection()
        self.flush()
        self.assertTrue(inner.lost.check(ConnectionDone))
        self.assertTrue(self.served.inner.lost.check(ConnectionDone))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_abort(self):
        """
        A connection can be aborted.
        """
        inner = self.connect()
        inner.transport.abortConnection()
        self.flush()
        self.assertIsNotNone(inner.lost)
        self.assertIsNotNone(self.served.inner.lost)
        self.assertTrue(self.below.connection.client.isAborted)

    def test_secureProxy(self):
        """
        The proxy itself may be reached by TLS, and nobody in between sees whom
        it is asked for.
        """
        wrapped = wrapTLS(Factory.forProtocol(lambda: self.proxyProtocol), self.clock)
        self.below = RelayingEndpoint(wrapped.buildProtocol(None))
        inner = self.connect(TLSEndpoint(self.options, self.below, self.clock))
        inner.transport.write(b"hello")
        self.flush()
        self.assertIn(b"CONNECT localhost:443", self.proxyProtocol.asked)
        self.assertEqual(self.served.inner.received, b"hello")

    def test_producer(self):
        """
        A producer above the tunnel is paused while the network is full.
        """

        class Producer:
            calls: tuple = ()

            def pauseProducing(self):
                self.calls += ("pause",)

            def resumeProducing(self):
                self.calls += ("resume",)

            def stopProducing(self):
                self.calls += ("stop",)

        inner = self.connect()
        producer = Producer()
        inner.transport.registerProducer(producer, True)
        inner.transport.write(bytes(200_000))
        self.clock.advance(0)
        self.assertEqual(producer.calls, ("pause",))
        self.flush()
        self.assertEqual(producer.calls, ("pause", "resume"))
        inner.transport.unregisterProducer()
        inner.transport.loseConnection()
        self.flush()
        self.assertEqual(len(self.served.inner.received), 200_000)


class ProxyTests(SynchronousTestCase):
    """
    Tests for L{Proxy}.
    """

    def test_parsed(self):
        """
        A URL says how a proxy is reached.
        """
        for url, proxy in (
            ("http://proxy.example", Proxy("http", "proxy.example", 80)),
            ("HTTP://Proxy.example:3128/", Proxy("http", "Proxy.example", 3128)),
            ("https://proxy.example", Proxy("https", "proxy.example", 443)),
            ("socks5://192.0.2.1", Proxy("socks5", "192.0.2.1", 1080)),
            ("socks5h://[2001:db8::1]:99", Proxy("socks5h", "2001:db8::1", 99)),
            (
                "http://us%40er:p%C3%A4ss:w%2Frd@proxy.example",
                Proxy(
                    "http", "proxy.example", 80, Credentials("us@er", "p\u00e4ss:w/rd")
                ),
            ),
            (
                "socks5://user:pass@proxy.example",
                Proxy("socks5", "proxy.example", 1080, Credentials("user", "pass")),
            ),
            (
                "http://user@proxy.example",
                Proxy("http", "proxy.example", 80, Credentials("user", "")),
            ),
        ):
            self.assertEqual(Proxy.parse(url), proxy)

    def test_kinds(self):
        """
        It says what a proxy speaks, and over what.
        """
        for scheme, isSecure, isSOCKS in (
            ("http", False, False),
            ("https", True, False),
            ("socks5", False, True),
            ("socks5h", False, True),
        ):
            proxy = Proxy.parse(f"{scheme}://proxy.example")
            self.assertEqual((proxy.isSecure, proxy.isSOCKS), (isSecure, isSOCKS))

    def test_hidden(self):
        """
        A password does not get into logs.
        """
        self.assertNotIn("sesame", repr(Proxy.parse(PROXY)))
        self.assertIn("proxy.example", repr(Proxy.parse(PROXY)))

    def test_invalid(self):
        """
        What is no proxy is refused, and the error does not show the password.
        """
        for url in (
            "",
            "proxy.example:3128",
            "user:sesame@proxy.example",
            "ftp://user:sesame@proxy.example",
            "socks4://user:sesame@proxy.example:1080",
            "http://user:sesame@",
            "http://user:sesame@proxy.example:port",
            "http://user:sesame@proxy.example:0",
            "http://user:sesame@proxy.example:65536",
            "http://user:sesame@proxy.example/path",
            "http://user:ses@me@proxy.example",
            "http://user:sesame%FF@proxy.example",
            "http://user:sesame@proxy.example\n",
            "http://user:sesame @proxy.example",
            "http://[::::]",
            "http://[::1",
            "http://proxy..example",
            f"http://{'a' * 64}.example",
            f"http://{'a.' * 128}",
            "socks5://:sesame@proxy.example",
            f"socks5://user:{'sesame' * 43}@proxy.example",
        ):
            error = self.assertRaises(InvalidSetting, Proxy.parse, url)
            self.assertEqual(error.setting, "proxy", url)
            self.assertNotIn("ses", str(error), url)
            self.assertNotIn("sesame", Failure(error).getTraceback())

    @stable
    @given(st.text(), st.text())
    def test_anyText(self, url, userinfo):
        """
        Whatever it is, it is a proxy or an L{InvalidSetting}.
        """
        for text in (url, f"http://{userinfo}@h"):
            try:
                Proxy.parse(text)
            except InvalidSetting:
                continue

    def test_target(self):
        """
        Where a tunnel leads to has to be a host and a port.
        """
        proxy = Proxy.parse(PROXY)
        for host, port, setting in (
            ("exam ple", 80, "host"),
            ("a\r\nb", 80, "host"),
            ("[::1]", 80, "host"),
            ("::1%\r\n", 80, "host"),
            ("::::", 80, "host"),
            ("", 80, "host"),
            ("m\u00fcnchen", 80, "host"),
            ("x" * 256, 80, "host"),
            ("example.com", 0, "port"),
            ("example.com", 65536, "port"),
        ):
            error = self.assertRaises(
                InvalidSetting,
                SOCKSProxyEndpoint,
                *(MemoryEndpoint(), host, port, proxy, Clock(), 1),
            )
            self.assertEqual(error.setting, setting)


class EnvironmentTests(SynchronousTestCase):
    """
    Tests for L{proxyFromEnvironment}.
    """

    def assertProxy(
        self,
        expected: str | None,
        host="example.com",
        port=443,
        isSecure=True,
        **environ,
    ) -> None:
        """
        Assert what proxy is found.
        """
        found = proxyFromEnvironment(host, port, isSecure, environ)
        self.assertEqual(found and found.host, expected, (host, port, environ))

    def test_none(self):
        """
        Nobody has asked for a proxy.
        """
        self.assertProxy(None)
        self.assertProxy(None, HTTP_PROXY="http://a")
        self.assertProxy(None, isSecure=False, HTTPS_PROXY="http://a")

    def test_order(self):
        """
        The variable for the scheme goes before the one for all, and lower case
        before upper case; an empty one asks for nothing.
        """
        self.assertProxy("a", HTTPS_PROXY="http://a", ALL_PROXY="http://b")
        self.assertProxy("b", HTTP_PROXY="http://a", ALL_PROXY="socks5://b")
        self.assertProxy("b", HTTPS_PROXY="http://a", https_proxy="http://b")
        self.assertProxy("b", ALL_PROXY="http://a", all_proxy="http://b")
        self.assertProxy("b", HTTPS_PROXY="", all_proxy="http://b")
        self.assertProxy(None, HTTPS_PROXY="http://a", https_proxy="")
        self.assertProxy(
            "a", isSecure=False, http_proxy="http://a", HTTPS_PROXY="http://b"
        )

    def test_noScheme(self):
        """
        A proxy without a scheme speaks HTTP.
        """
        self.assertProxy("a", HTTPS_PROXY="user:secret@a:3128")

    def test_CGI(self):
        """
        In a CGI program C{HTTP_PROXY} is what the client says.
        """
        settings = {"REQUEST_METHOD": "GET", "HTTP_PROXY": "http://a"}
        self.assertProxy(None, isSecure=False, **settings)
        self.assertProxy("b", isSecure=False, **settings, http_proxy="http://b")
        self.assertProxy("b", isSecure=False, **settings, ALL_PROXY="http://b")
        self.assertProxy("b", **settings, HTTPS_PROXY="http://b")

    def test_invalid(self):
        """
        A variable that holds something else is not passed over.
        """
        for name in ("ALL_PROXY", "https_proxy"):
            environ = {name: "ftp://a"}
            error = self.assertRaises(InvalidSetting, self.assertProxy, None, **environ)
            self.assertEqual(error.setting, name.upper())

    def test_excluded(self):
        """
        Some hosts are reached without a proxy.
        """
        for excluded, host, isExcluded in (
            ("*", "example.com", True),
            ("example.com", "example.com", True),
            ("Example.COM.", "example.com", True),
            ("example.com", "EXAMPLE.com.", True),
            ("example.com", "www.example.com", True),
            (".example.com", "www.example.com", True),
            ("*.example.com", "www.example.com", True),
            ("example.com", "badexample.com", False),
            ("www.example.com", "example.com", False),
            ("a, example.com b", "example.com", True),
            ("a example.com,b", "example.com", True),
            ("", "example.com", False),
            (",. ,", "example.com", False),
            ("example.com:443", "example.com", True),
            ("example.com:80", "example.com", False),
            ("192.0.2.1", "192.0.2.1", True),
            ("192.0.2.1:443", "192.0.2.1", True),
            ("192.0.2.1:80", "192.0.2.1", False),
            ("2.1", "192.0.2.1", False),
            ("192.0.2.0/24", "192.0.2.1", True),
            ("192.0.2.77/24", "192.0.2.1", True),
            ("192.0.3.0/24", "192.0.2.1", False),
            ("192.0.2.0/99", "192.0.2.1", False),
            ("0.0.0.0/0", "2001:db8::1", False),
            ("0.0.0.0/0", "example.com", False),
            ("2001:db8::1", "2001:db8::1", True),
            ("2001:DB8::/32", "2001:db8::1", True),
            ("[2001:db8::1]", "2001:db8::1", True),
            ("[2001:db8::1]:443", "2001:db8:0::1", True),
            ("[2001:db8::1]:80", "2001:db8::1", False),
        ):
            for name in ("NO_PROXY", "no_proxy"):
                environ = {"ALL_PROXY": "http://a", name: excluded}
                self.assertProxy(None if isExcluded else "a", host, **environ)

    def test_lowerCase(self):
        """
        The exclusions in lower case go before those in upper case.
        """
        self.assertProxy("a", ALL_PROXY="http://a", NO_PROXY="*", no_proxy="")
