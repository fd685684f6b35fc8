"""
The server on real sockets: what memory cannot show about TCP, TLS and UNIX
sockets, above all that nothing is left behind.
"""

from __future__ import annotations

import gc
import os
import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import (
    Deferred,
    gatherResults,
    inlineCallbacks,
    maybeDeferred,
)
from twisted.internet.endpoints import (
    UNIXClientEndpoint,
    clientFromString,
    quoteStringArgument,
    serverFromString,
    wrapClientTLS,
)
from twisted.internet.interfaces import (
    IListeningPort,
    IStreamClientEndpoint,
    ITCPTransport,
)
from twisted.internet.protocol import Factory
from twisted.internet.ssl import PrivateCertificate, optionsForClientTLS
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from twisted.web.client import readBody
from twisted.web.iweb import IPolicyForHTTPS
from twisted.web.resource import Resource
from twisted.web.server import Site
from zope.interface import implementer

from tests.certificates import makePEM
from txws import (
    HandlerFactory,
    KeepalivePolicy,
    Limits,
    WebSocketFactory,
    WebSocketHandler,
    WebSocketResource,
    websocket,
)
from txws.client import ClientSettings, WebSocketClientProtocol
from txws.demo import Echo
from txws.errors import WebSocketClosed
from txws.testing import RecordingHandler
from txws.transport import WebSocketTransport

_REQUEST = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
# What connections are made of, at both ends.
_KINDS = (
    "BufferingTLSTransport",
    "Client",
    "Connection",
    "HTTPChannel",
    "Keepalive",
    "Request",
    "Server",
    "WebSocketClientProtocol",
    "WebSocketProtocol",
    "WebSocketRequest",
    "WebSocketTransport",
    "_GenericHTTPChannelProtocol",
    "_Lost",
    "_ResourceUpgrade",
)
_QUICK = KeepalivePolicy(handshakeTimeout=0.5, closeTimeout=0.5)


class _Lost(RecordingHandler):
    """
    A handler whose end can be waited for.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lost: Deferred[None] = Deferred()

    def connectionLost(self, reason) -> None:
        """
        Fire.
        """
        super().connectionLost(reason)
        self.lost.callback(None)


class _One(Factory):
    """
    A factory of one protocol.  The class that connectProtocol() makes for each
    call is remembered for ever by zope.interface, and the protocol with it.
    """

    noisy = False

    def __init__(self, protocol: WebSocketClientProtocol) -> None:
        self._made = protocol

    def buildProtocol(self, addr) -> WebSocketClientProtocol:
        """
        Return it.
        """
        return self._made


def countDescriptors() -> int:
    """
    Count the open file descriptors of this process.
    """
    return len(os.listdir("/proc/self/fd"))


def countTransports() -> int:
    """
    Count the connections that are still in memory.
    """
    gc.collect()
    return sum(type(found) is WebSocketTransport for found in gc.get_objects())


def greetAll(handlers: Iterable[WebSocketHandler]) -> None:
    """
    Send something on each connection.
    """
    for handler in handlers:
        handler.transport.sendTextMessage("hello")


def wait(seconds: float) -> Deferred[None]:
    """
    Wait.
    """
    return deferLater(reactor, seconds, lambda: None)


class SocketTestCase(TestCase):
    """
    Serves TCP.
    """

    if not os.environ.get("TXWS_LIVE"):
        skip = "uses real sockets; set TXWS_LIVE=1 to run it"

    timeout = 120
    connections = 60

    def setUp(self) -> None:
        """
        Nothing is served yet.
        """
        self.ports: list[IListeningPort] = []
        self.addCleanup(
            lambda: gatherResults(
                [maybeDeferred(port.stopListening) for port in self.ports]
            )
        )

    def describe(self) -> str:
        """
        Describe where to listen.
        """
        return "tcp:0:interface=127.0.0.1"

    def clientEndpoint(self, port) -> IStreamClientEndpoint:
        """
        Make the endpoint of a client.
        """
        return clientFromString(reactor, f"tcp:127.0.0.1:{port.getHost().port}")

    def rawSocket(self, port) -> socket.socket:
        """
        Connect a blocking socket.
        """
        return socket.create_connection(("127.0.0.1", port.getHost().port), 10)

    @inlineCallbacks
    def serve(self, factory: WebSocketFactory | Site):
        """
        Serve a factory.
        """
        port = yield serverFromString(reactor, self.describe()).listen(factory)
        self.ports.append(port)
        return port

    @inlineCallbacks
    def connect(self, port, handlers: Iterable[WebSocketHandler]):
        """
        Connect clients.
        """
        endpoint = self.clientEndpoint(port)
        for handler in handlers:
            settings = ClientSettings("localhost", "/", reactor)
            client = WebSocketClientProtocol(settings, handler)
            protocol = yield endpoint.connect(_One(client))
            yield protocol.opened


class SocketTests(SocketTestCase):
    """
    Tests for TCP.

    @cvar hasDelay: whether the kernel waits for more of what is small.
    """

    hasDelay = True

    @inlineCallbacks
    def checkNothingIsLeft(self, end: Callable[[WebSocketFactory, list[_Lost]], None]):
        """
        Open connections, end them, and count what is left.
        """
        factory = WebSocketFactory(Echo, keepalive=_QUICK)
        port = yield self.serve(factory)
        yield wait(0)
        before = countDescriptors(), len(reactor.getDelayedCalls()), countTransports()
        handlers = [_Lost() for _ in range(self.connections)]
        yield self.connect(port, handlers)
        greetAll(handlers)
        during = countTransports()
        end(factory, handlers)
        yield gatherResults([handler.lost for handler in handlers])
        for _ in range(100):
            yield wait(0.02)
            if not list(factory.connections):
                break
        reasons = {type(handler.reason.value).__name__ for handler in handlers}
        handlers.clear()
        yield wait(0.1)
        after = countDescriptors(), len(reactor.getDelayedCalls()), countTransports()
        self.assertEqual(during - before[2], 2 * self.connections)
        self.assertEqual(before, after)
        return reasons

    @inlineCallbacks
    def test_noDelay(self):
        """
        Small messages do not wait until the peer has acknowledged those before.
        """
        factory = WebSocketFactory(Echo)
        port = yield self.serve(factory)
        handler = _Lost()
        yield self.connect(port, [handler])
        (server,) = factory.connections
        for transport in (handler.transport, server):
            if self.hasDelay:
                carrier = ITCPTransport(transport.carrier)
                self.assertTrue(carrier.getTcpNoDelay())
        handler.transport.loseConnection()
        yield handler.lost

    @inlineCallbacks
    def test_closedByTheServer(self):
        """
        A server that closes its connections keeps nothing of them, and neither
        do its clients.
        """

        def end(factory, handlers) -> None:
            factory.closeAll()

        reasons = yield self.checkNothingIsLeft(end)
        self.assertEqual(reasons, {"WebSocketClosed"})

    @inlineCallbacks
    def test_closedByTheClient(self):
        """
        Clients that close their connections leave nothing behind on a server.
        """

        def end(factory, handlers) -> None:
            for handler in handlers:
                handler.transport.loseConnection()

        reasons = yield self.checkNothingIsLeft(end)
        self.assertEqual(reasons, {"WebSocketClosed"})

    @inlineCallbacks
    def test_abortedByTheClient(self):
        """
        Clients that vanish leave nothing behind on a server.
        """

        def end(factory, handlers) -> None:
            for handler in handlers:
                handler.transport.abortConnection()

        reasons = yield self.checkNothingIsLeft(end)
        self.assertEqual(reasons, {"WebSocketFailed"})

    @inlineCallbacks
    def test_abortedByTheServer(self):
        """
        A server that cuts its connections keeps nothing of them.
        """

        def end(factory, handlers) -> None:
            for connection in factory.connections:
                connection.abortConnection()

        reasons = yield self.checkNothingIsLeft(end)
        self.assertEqual(reasons, {"WebSocketFailed"})

    @inlineCallbacks
    def test_silentPeer(self):
        """
        A peer that connects and says nothing is cut off after the handshake
        timeout, and leaves nothing behind.
        """
        factory = WebSocketFactory(Echo, keepalive=_QUICK)
        port = yield self.serve(factory)
        yield wait(0)
        before = countDescriptors(), len(reactor.getDelayedCalls())
        peer = self.rawSocket(port)
        yield wait(0.2)
        self.assertGreater(countDescriptors(), before[0] + 1)
        yield wait(0.6)
        self.assertRaises((ConnectionError, TimeoutError), self.readAll, peer, True)
        peer.close()
        self.assertEqual((countDescriptors(), len(reactor.getDelayedCalls())), before)

    @inlineCallbacks
    def test_peerThatNeverAnswersClose(self):
        """
        A peer that does not answer a Close is cut off after the close timeout.
        """
        handlers: list[_Lost] = []

        def makeHandler() -> _Lost:
            handlers.append(_Lost())
            return handlers[-1]

        port = yield self.serve(
            WebSocketFactory(HandlerFactory(makeHandler), keepalive=_QUICK)
        )
        peer = yield deferToThread(self.openRaw, port)
        handlers[0].transport.loseConnection()
        yield handlers[0].lost
        self.assertIn("closeTimeout", str(handlers[0].reason.value))
        peer.close()

    @inlineCallbacks
    def test_violationIsToldToAPeerThatIsSending(self):
        """
        A peer that breaks the protocol and goes on to send is told why its
        connection is closed.
        """
        port = yield self.serve(WebSocketFactory(Echo, keepalive=_QUICK))

        def misbehave() -> bytes:
            peer = self.openRaw(port)
            peer.sendall(b"\x83\x80abcd")
            try:
                for _ in range(64):
                    peer.sendall(b"\x82\xfe\x10\x00abcd" + bytes(4096))
                    time.sleep(0.002)
            except OSError:
                pass
            try:
                return self.readAll(peer)
            finally:
                peer.close()

        received = yield deferToThread(misbehave)
        self.assertEqual(received[:1], b"\x88")
        self.assertEqual(received[2:4], (1002).to_bytes(2, "big"))

    @inlineCallbacks
    def test_peerThatHasSentAll(self):
        """
        A peer that closes its half of the connection and reads on is told why
        it is refused, or why its connection is closed.
        """
        port = yield self.serve(WebSocketFactory(Echo, keepalive=_QUICK))

        def ask(isOpen: bool, sent: bytes) -> bytes:
            connect = self.openRaw if isOpen else self.openSecure
            peer = connect(port)
            peer.sendall(sent)
            self.shutdown(peer)
            try:
                return self.readAll(peer)
            finally:
                peer.close()

        for _ in range(10):
            answer = yield deferToThread(ask, False, b"GET / HTTP/1.1\r\n\r\n")
            self.assertIn(b"\r\nUpgrade: websocket\r\n", answer)
            told = yield deferToThread(ask, True, b"\x83\x80abcd")
            self.assertEqual(told[:1] + told[2:4], b"\x88\x03\xea")

    @inlineCallbacks
    def test_peerThatNeverReads(self):
        """
        A peer that sends and never reads is read no further than the high
        water, and what is kept for it stays small.
        """
        pending: list[int] = []

        class Watched(Echo):
            """
            Notes what is pending after each echo.
            """

            def bytesMessageReceived(self, data: bytes) -> None:
                """
                Echo.
                """
                super().bytesMessageReceived(data)
                pending.append(self.transport.pendingSize)

        limits = Limits()
        port = yield self.serve(
            WebSocketFactory(HandlerFactory(Watched), limits=limits)
        )

        def flood() -> int:
            peer = self.openRaw(port)
            peer.settimeout(1)
            sent = 0
            frame = b"\x82\xfe\x10\x00abcd" + bytes(4096)
            try:
                while sent < 256 * 1024 * 1024:
                    sent += peer.send(frame * 16)
            except (TimeoutError, ConnectionError):
                pass
            peer.close()
            return sent

        sent = yield deferToThread(flood)
        self.assertLess(sent, 64 * 1024 * 1024)
        self.assertLess(max(pending), 2 * limits.highWaterMark + 128 * 1024)

    @inlineCallbacks
    def test_slowReader(self):
        """
        A peer that reads slowly gets all that was sent before the connection
        was closed, however long the timeouts are.
        """
        size = 8 * 1024 * 1024

        class Generous(WebSocketHandler):
            """
            Sends a lot and closes.
            """

            def negotiationFinished(self) -> None:
                """
                Do so.
                """
                self.transport.sendBytesMessage(bytes(size))
                self.transport.loseConnection()

        port = yield self.serve(WebSocketFactory(Generous, keepalive=_QUICK))

        def read() -> int:
            peer = self.openRaw(port)
            received = 0
            try:
                while data := peer.recv(32 * 1024):
                    received += len(data)
                    time.sleep(0.01)
            except ConnectionError:
                # It is cut off, for it does not answer the Close.
                pass
            peer.close()
            return received

        received = yield deferToThread(read)
        # A little may have come with the 101.
        self.assertGreater(received, size - 4096)

    def openRaw(self, port) -> socket.socket:
        """
        Connect a blocking socket and go through the opening handshake.
        """
        peer = self.openSecure(port)
        peer.sendall(_REQUEST)
        received = b""
        while b"\r\n\r\n" not in received:
            received += peer.recv(4096)
        self.assertTrue(received.startswith(b"HTTP/1.1 101 "), received)
        return peer

    def openSecure(self, port) -> socket.socket:
        """
        Connect a blocking socket.
        """
        return self.secure(self.rawSocket(port))

    def secure(self, peer: socket.socket) -> socket.socket:
        """
        Do what goes before the opening handshake: nothing.
        """
        return peer

    def shutdown(self, peer: socket.socket) -> None:
        """
        Close a peer's half of a connection.
        """
        peer.shutdown(socket.SHUT_WR)

    def readAll(self, peer: socket.socket, isEndAnError: bool = False) -> bytes:
        """
        Read to the end.
        """
        received = b""
        while data := peer.recv(65536):
            received += data
        if isEndAnError:
            raise ConnectionError("closed")
        return received


class SecureTestCase(SocketTestCase):
    """
    Serves TLS.
    """

    def setUp(self) -> None:
        """
        Make a certificate.
        """
        super().setUp()
        self.pem = self.mktemp()
        Path(self.pem).write_bytes(makePEM())

    def describe(self) -> str:
        """
        Describe where to listen.
        """
        return f"ssl:0:interface=127.0.0.1:privateKey={quoteStringArgument(self.pem)}"

    def clientEndpoint(self, port) -> IStreamClientEndpoint:
        """
        Make the endpoint of a client.
        """
        return wrapClientTLS(
            optionsForClientTLS(
                "localhost", trustRoot=PrivateCertificate.loadPEM(makePEM())
            ),
            super().clientEndpoint(port),
        )

    def secure(self, peer: socket.socket) -> socket.socket:
        """
        Go through the TLS handshake.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context.wrap_socket(peer)

    def shutdown(self, peer: socket.socket) -> None:
        """
        Do nothing: over TLS there is no half of a connection to be closed.
        """


class TLSTests(SecureTestCase, SocketTests):
    """
    The same over TLS.
    """


class ManyTests(SecureTestCase):
    """
    1,000 connections over TLS, in batches, at a port of their own and at a
    resource of a site, closed by either side.
    """

    batches = 10
    connections = 100
    timeout = 300

    @inlineCallbacks
    def checkNothingIsLeftOfMany(self, factory, server, isClosedByServer: bool):
        """
        Open and close connections, and count what is left.

        @param factory: what listens.
        @param server: whose connections they are: it, or a resource in it.
        """
        port = yield self.serve(factory)
        # What is made once: caches, for the most part.
        yield self.openAndClose(port, server, isClosedByServer)
        before = self.count()
        for _ in range(self.batches):
            yield self.openAndClose(port, server, isClosedByServer)
        self.assertEqual(self.count(), before)

    def count(self) -> dict[str, int]:
        """
        Count what connections are made of.
        """
        gc.collect()
        found = Counter(type(found).__name__ for found in gc.get_objects())
        return {
            "descriptors": countDescriptors(),
            "delayed calls": len(reactor.getDelayedCalls()),
            **{name: found[name] for name in _KINDS},
        }

    @inlineCallbacks
    def openAndClose(self, port, server, isClosedByServer: bool):
        """
        Open connections, send something on each, and close them.
        """
        handlers = [_Lost() for _ in range(self.connections)]
        yield self.connect(port, handlers)
        greetAll(handlers)
        self.assertEqual(len(list(server.connections)), self.connections)
        during = self.count()
        for kind in ("WebSocketTransport", "BufferingTLSTransport", "Keepalive"):
            self.assertGreaterEqual(during[kind], 2 * self.connections, kind)
        if isClosedByServer:
            yield server.closeAll()
        else:
            for handler in handlers:
                handler.transport.loseConnection()
        yield gatherResults([handler.lost for handler in handlers])
        for _ in range(100):
            yield wait(0.02)
            if not list(server.connections):
                break
        reasons = {type(handler.reason.value).__name__ for handler in handlers}
        self.assertEqual(reasons, {"WebSocketClosed"})
        yield wait(0.1)

    def makeSite(self) -> tuple[Site, WebSocketResource]:
        """
        Make a site of one resource.
        """
        root = WebSocketResource(Echo)
        root.isLeaf = True
        site = Site(root)
        return site, root

    @inlineCallbacks
    def test_portClosedByTheServer(self):
        """
        A port that closes 1,000 connections keeps nothing of them.
        """
        factory = WebSocketFactory(Echo)
        yield self.checkNothingIsLeftOfMany(factory, factory, True)

    @inlineCallbacks
    def test_portClosedByTheClient(self):
        """
        Clients that close 1,000 connections leave nothing behind at a port.
        """
        factory = WebSocketFactory(Echo)
        yield self.checkNothingIsLeftOfMany(factory, factory, False)

    @inlineCallbacks
    def test_resourceClosedByTheServer(self):
        """
        A resource that closes 1,000 connections keeps nothing of them.
        """
        site, root = self.makeSite()
        yield self.checkNothingIsLeftOfMany(site, root, True)

    @inlineCallbacks
    def test_resourceClosedByTheClient(self):
        """
        Clients that close 1,000 connections leave nothing behind at a
        resource.
        """
        site, root = self.makeSite()
        yield self.checkNothingIsLeftOfMany(site, root, False)


class DropInTests(SecureTestCase):
    """
    The drop-in for L{twisted.web.websocket}, over TLS.
    """

    @inlineCallbacks
    def test_echo(self):
        """
        A client and a server that were written for it talk to each other.
        """
        received: Deferred[str] = Deferred()
        lost: Deferred[None] = Deferred()

        class Asking(WebSocketHandler):
            """
            Waits for one answer.
            """

            def textMessageReceived(self, message: str) -> None:
                """
                This is it.
                """
                received.callback(message)

            def connectionLost(self, reason: Failure) -> None:
                """
                It is over.
                """
                lost.errback(reason)

        root = Resource()
        root.putChild(b"echo", websocket.WebSocketResource(_Twisteds(Echo)))
        port = yield self.serve(Site(root))
        url = f"wss://localhost:{port.getHost().port}/echo"
        endpoint = websocket.WebSocketClientEndpoint.new(
            reactor, url, _Trusting(), 5, b"127.0.0.1"
        )
        connecting = endpoint.connect(_Twisteds(Asking))
        client = yield Deferred.fromCoroutine(connecting)
        client.transport.sendTextMessage("hello")
        self.assertEqual((yield received), "hello")
        client.transport.loseConnection()
        with self.assertRaises(WebSocketClosed):
            yield lost
        with self.assertRaises(websocket.ConnectionRejected) as raised:
            wrong = websocket.WebSocketClientEndpoint.new(
                reactor, f"{url}/nowhere", _Trusting()
            )
            yield Deferred.fromCoroutine(wrong.connect(_Twisteds(Asking)))
        body = yield readBody(raised.exception.response)
        self.assertIn(b"404", body)
        yield wait(0.2)


class _Twisteds:
    """
    A factory as L{twisted.web.websocket} has them.
    """

    def __init__(self, handler: type[WebSocketHandler]) -> None:
        self._handler = handler

    def buildProtocol(self, asked: object) -> Any:
        """
        Make a handler.
        """
        return self._handler()


@implementer(IPolicyForHTTPS)
class _Trusting:
    """
    Trusts the certificate of these tests alone.
    """

    def creatorForNetloc(self, hostname: bytes, port: int):
        """
        See L{IPolicyForHTTPS}.
        """
        return optionsForClientTLS(
            hostname.decode("ascii"),
            trustRoot=PrivateCertificate.loadPEM(makePEM()),
        )


class UNIXTests(SocketTests):
    """
    The same over UNIX sockets.
    """

    hasDelay = False

    def describe(self) -> str:
        """
        Describe where to listen.
        """
        # mktemp() is too long for the address of a UNIX socket.
        self.path = f"/tmp/txws-{os.getpid()}-{id(self)}.sock"
        return f"unix:{self.path}"

    def clientEndpoint(self, port) -> IStreamClientEndpoint:
        """
        Make the endpoint of a client.
        """
        return UNIXClientEndpoint(reactor, self.path)

    def rawSocket(self, port) -> socket.socket:
        """
        Connect a blocking socket.
        """
        peer = socket.socket(socket.AF_UNIX)
        peer.settimeout(10)
        peer.connect(self.path)
        return peer
