"""
Tests for L{txws.dialing}, L{txws.carriers} and the doors of clients in
L{txws.endpoints}: from a URL to an open connection.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from functools import partial
from http.cookiejar import CookieJar
from typing import Any

from twisted.application.internet import ClientService
from twisted.internet.address import HostnameAddress, IPv4Address, IPv6Address
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.error import (
    ConnectingCancelledError,
    ConnectionLost,
    DNSLookupError,
    NoProtocol,
)
from twisted.internet.error import (
    ConnectionRefusedError as Refused,
)
from twisted.internet.error import (
    TimeoutError as UserTimeoutError,
)
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import (
    ClientFactory,
    Factory,
    Protocol,
    connectionDone,
)
from twisted.internet.ssl import PrivateCertificate, optionsForClientTLS
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from txws import (
    ClientTimeouts,
    Credentials,
    DeadlineExpired,
    HandshakeRefused,
    InvalidSetting,
    KeepalivePolicy,
    ProxyRefused,
    RedirectRefused,
    TLSFailed,
    WebSocketClientEndpoint,
    WebSocketFactory,
    WebSocketFailed,
    connect,
)
from txws.conversation import Conversation
from txws.cookies import storeCookies
from txws.errors import BadHandshake
from txws.handlers import WebSocketHandler
from txws.interfaces import IWebSocketRequest
from txws.policy import HandshakePolicy
from txws.testing import (
    MemoryConnection,
    RecordingHandler,
    RecordingHandlerFactory,
)

from .certificates import makePEM
from .peers import useMemoryReactor, wrapTLS

HOST = HostnameAddress(b"example.com", 80)


class Silence:
    """
    A resolver that never finds a name.
    """

    def resolveHostName(self, receiver: Any, *arguments: Any, **keywords: Any) -> Any:
        """
        Begin, and never end.
        """
        receiver.resolutionBegan(None)


class Nowhere(Silence):
    """
    A resolver that finds no address.
    """

    def resolveHostName(self, receiver: Any, *arguments: Any, **keywords: Any) -> Any:
        """
        Find nothing.
        """
        receiver.resolutionBegan(None)
        receiver.resolutionComplete()


class Asked(Nowhere):
    """
    A resolver that notes what it is asked for, and finds nothing.
    """

    def __init__(self) -> None:
        self.names: list[str] = []

    def resolveHostName(
        self, receiver: Any, name: str, *arguments: Any, **keywords: Any
    ) -> Any:
        """
        Note it.
        """
        self.names.append(name)
        super().resolveHostName(receiver)


class Twice(Silence):
    """
    A resolver that finds two addresses, of which each version of IP has one.
    """

    def resolveHostName(
        self, receiver: Any, name: str, port: int, *arguments: Any, **keywords: Any
    ) -> Any:
        """
        Find them.
        """
        receiver.resolutionBegan(None)
        receiver.addressResolved(IPv6Address("TCP", "2001:db8::1", port))
        receiver.addressResolved(IPv4Address("TCP", "192.0.2.1", port))
        receiver.resolutionComplete()


class Trusting:
    """
    Trusts the certificate of the tests, for one name.
    """

    def __init__(
        self,
        name: str = "localhost",
        pem: bytes | None = None,
        shown: PrivateCertificate | None = None,
    ) -> None:
        self.name = name
        self.pem = makePEM() if pem is None else pem
        self.shown = shown
        self.asked: list[tuple[bytes, int]] = []

    def creatorForNetloc(self, hostname: bytes, port: int) -> Any:
        """
        See L{IPolicyForHTTPS<twisted.web.iweb.IPolicyForHTTPS>}.
        """
        self.asked.append((hostname, port))
        return optionsForClientTLS(
            self.name,
            trustRoot=PrivateCertificate.loadPEM(self.pem),
            clientCertificate=self.shown,
        )


class Refusing(RecordingHandlerFactory):
    """
    Refuses with one answer after the other, then accepts.
    """

    def __init__(self, *refusals: BadHandshake) -> None:
        super().__init__()
        self.refusals = list(refusals)

    def buildHandler(self, request: IWebSocketRequest) -> Any:
        """
        Refuse, or accept.
        """
        if self.refusals:
            self.requests.append(request)
            raise self.refusals.pop(0)
        return super().buildHandler(request)


class Line(Protocol):
    """
    A byte-stream protocol.
    """

    def __init__(self) -> None:
        self.received = b""

    def dataReceived(self, data: bytes) -> None:
        """
        Note it.
        """
        self.received += data


class DialTestCase(SynchronousTestCase):
    """
    A reactor in memory, and servers that are connected by hand.
    """

    def setUp(self) -> None:
        """
        Make the reactor.
        """
        # Older versions of Twisted have TLS run on the global one.
        self.reactor = useMemoryReactor(self)
        self.connections: list[MemoryConnection] = []
        self.dialed = 0

    def answer(
        self, application: Any = None, isSecure: bool = False, **settings: Any
    ) -> Any:
        """
        Have a server accept the next connection.

        @return: its application, a recorder by default.
        """
        if application is None:
            application = RecordingHandlerFactory()
        server: Any = application
        if not isinstance(application, WebSocketFactory):
            server = WebSocketFactory(application, clock=self.reactor, **settings)
        if isSecure:
            server = wrapTLS(server, self.reactor)
        self.join(server.buildProtocol(None))
        return application

    def join(self, server: Any) -> None:
        """
        Connect a protocol with the client that dials.
        """
        _host, _port, factory, _timeout, _bind = self.reactor.tcpClients[self.dialed]
        self.dialed += 1
        client: Any = factory.buildProtocol(None)
        self.connections.append(MemoryConnection(server, client))
        self.flush()

    def flush(self) -> None:
        """
        Carry bytes until nothing moves.
        """
        for _turn in range(4):
            for connection in self.connections:
                connection.flush()
            self.reactor.advance(0)

    def advance(self, seconds: float) -> None:
        """
        Let time pass.
        """
        self.reactor.advance(seconds)
        self.flush()

    def assertNothingLeft(self) -> None:
        """
        Assert that all connections are gone and nothing is scheduled.
        """
        self.flush()
        for connection in self.connections:
            self.assertTrue(connection.client.isLost)
        self.assertEqual(self.reactor.getDelayedCalls(), [])


class ConnectTests(DialTestCase):
    """
    Tests for L{connect}.
    """

    def test_conversation(self):
        """
        Without an application it makes a conversation.
        """
        connecting = connect(self.reactor, "ws://example.com:9000/feed?a=b")
        self.assertNoResult(connecting)
        host, port = self.reactor.tcpClients[0][:2]
        self.assertEqual((host, port), ("127.0.0.1", 9000))
        server = self.answer()
        websocket = self.successResultOf(connecting)
        websocket.send("hello")
        self.flush()
        self.assertEqual(server.handlers[0].messages, ["hello"])
        self.assertEqual(server.requests[0].host, "example.com:9000")
        self.assertEqual(server.requests[0].target, "/feed?a=b")
        closed = websocket.close()
        self.flush()
        self.successResultOf(closed)
        self.assertNothingLeft()

    def test_handlers(self):
        """
        It connects a handler, a class of them, or a coroutine function.
        """

        async def serve(websocket: Conversation) -> None:
            await websocket.send("hello")
            await websocket.receive()

        handler = RecordingHandler()
        for application in (handler, RecordingHandler, serve):
            found: Any = application
            connecting = connect(self.reactor, "ws://example.com/", found)
            server = self.answer()
            made = self.successResultOf(connecting)
            if application is handler:
                self.assertIs(made, handler)
            elif application is serve:
                self.assertEqual(server.handlers[0].messages, ["hello"])
            else:
                self.assertIsInstance(made, RecordingHandler)

    def test_request(self):
        """
        The request says what the options say.
        """
        connecting = connect(
            self.reactor,
            "ws://example.com/",
            headers=[("X-Token", "1")],
            origin="https://example.com",
            subprotocols=["v2", "v1"],
        )
        server = self.answer(
            handshake=HandshakePolicy(origins=["*"], subprotocols=["v1"])
        )
        (request,) = server.requests
        self.assertEqual(request.headers.getAll("X-Token"), ["1"])
        self.assertEqual(request.origin, "https://example.com")
        self.assertEqual(request.subprotocols, ("v2", "v1"))
        self.assertRegex(request.headers.get("User-Agent"), r"\Atxws/[0-9]")
        self.assertEqual(self.successResultOf(connecting).subprotocol, "v1")

    def test_omittedHeaders(self):
        """
        Header fields can be left out.
        """
        connect(self.reactor, "ws://example.com/", omittedHeaders=["user-agent"])
        (request,) = self.answer().requests
        self.assertNotIn("User-Agent", request.headers)

    def test_addresses(self):
        """
        If the first address of a name does not answer at once, the next one is
        tried beside it; the first that answers is taken, and the other let go.
        """
        resolver: Any = Twice()
        self.reactor.installNameResolver(resolver)
        connecting = connect(self.reactor, "ws://example.com/", WebSocketHandler())
        self.assertEqual(len(self.reactor.tcpClients), 1)
        self.reactor.advance(0.3)
        hosts = [host for host, *_rest in self.reactor.tcpClients]
        self.assertEqual(hosts, ["2001:db8::1", "192.0.2.1"])
        self.dialed = 1
        self.answer()
        self.successResultOf(connecting)
        stopped = [each.stoppedConnecting for each in self.reactor.connectors]
        self.assertEqual(stopped, [True, False])

    def test_userAgent(self):
        """
        A program may say what it is, instead of what it is made of.
        """
        connect(self.reactor, "ws://example.com/", headers=[("user-agent", "bot/1")])
        (request,) = self.answer().requests
        self.assertEqual(request.headers.getAll("User-Agent"), ["bot/1"])

    def test_headerFunction(self):
        """
        Headers may come from a function, a coroutine function too, that is
        asked for each attempt.
        """
        tokens = iter("12")

        def now() -> Any:
            return [("X-Token", next(tokens))]

        async def later() -> Any:
            return await succeed(now())

        for function, expected in ((now, "1"), (later, "2")):
            connect(self.reactor, "ws://example.com/", headers=function)
            (request,) = self.answer().requests
            self.assertEqual(request.headers.getAll("X-Token"), [expected])

    def test_invalid(self):
        """
        What makes no sense is refused at the call.
        """
        self.assertRaises(InvalidSetting, connect, self.reactor, "http://example.com")
        application: Any = 3
        self.assertRaises(
            InvalidSetting, connect, self.reactor, "ws://example.com", application
        )
        self.assertRaises(
            TypeError, connect, self.reactor, "ws://example.com", unknown=1
        )

    def test_invalidOptions(self):
        """
        An option that makes no sense is refused at the call, by its name:
        nothing is silently taken for something else.
        """
        for name, values in (
            ("headers", ({"X-A": "b"}, ["X-A: b"], "X-A: b", [("X-A", 5)], 5)),
            ("headers", ([("X", "a\r\nb")], [("A B", "c")], [("host", "evil")])),
            ("headers", ([("Content-Length", "5")], [("transfer-encoding", "x")])),
            ("omittedHeaders", ("User-Agent", 5, [5], ["Host"])),
            ("origin", (5, ["https://example.com"], "https://a\nX: b")),
            ("text", (1, "yes")),
            ("subprotocols", ("chat", 5, ["a b"], ["a", "a"])),
            ("limits", (3, None)),
            ("keepalive", (3, None)),
            ("timeouts", (3, None)),
            ("tlsPolicy", (True, "none")),
            ("endpoint", ("tcp:example.com:80", 5)),
            ("proxy", (5, "ftp://proxy.example", ["http://proxy.example"])),
            ("usesEnvironment", (1, "yes")),
            ("credentials", ("joe", ("joe",), ("joe", 5), 5)),
            ("cookies", ({}, {"a": "b"}, "a=b")),
            ("bindAddress", (5, b"127.0.0.1")),
            ("maxRedirects", (-1, "5", None, True)),
            ("logsFrames", ("no",)),
        ):
            for value in values:
                options: Any = {name: value}
                error = self.assertRaises(
                    InvalidSetting,
                    WebSocketClientEndpoint,
                    self.reactor,
                    "ws://example.com/",
                    **options,
                )
                self.assertEqual(error.setting, name, value)

    def test_headerFunctionFails(self):
        """
        A function that returns no header fields fails the attempt, and its
        name is told, but nothing of what it returned.
        """
        for returned in (None, {"Authorization": "secret"}, [("X", b"secret")]):
            headers: Any = partial(succeed, returned)
            connecting = connect(self.reactor, "ws://example.com/", headers=headers)
            failure = self.failureResultOf(connecting, InvalidSetting)
            self.assertEqual(failure.value.setting, "headers")
            self.assertNotIn("secret", str(failure.value))

    def test_unfitHeaders(self):
        """
        So does one that returns what cannot be sent, or what the handshake
        says itself.
        """
        for returned in ([("X", "a\r\nb")], [("Host", "evil")]):
            headers: Any = partial(succeed, returned)
            connecting = connect(self.reactor, "ws://example.com/", headers=headers)
            failure = self.failureResultOf(connecting, InvalidSetting)
            self.assertEqual(failure.value.setting, "headers")
        self.assertEqual(self.reactor.tcpClients, [])


class AsyncioTests(DialTestCase):
    """
    The same from asyncio.
    """

    def test_cancelled(self):
        """
        A connection that is open when the task that waits for it is being
        cancelled is not left alone.
        """

        async def wait(connecting: Any) -> Any:
            return await connecting

        async def check() -> None:
            for application in (None, RecordingHandler()):
                found: Any = application
                connecting = connect(self.reactor, "ws://example.com/", found)
                task = asyncio.ensure_future(wait(connecting))
                await asyncio.sleep(0)
                self.answer()
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

        loop = asyncio.new_event_loop()
        try:
            loop.run_until_complete(check())
        finally:
            loop.close()
        self.assertNothingLeft()


class EndpointTests(DialTestCase):
    """
    Tests for L{WebSocketClientEndpoint}.
    """

    def test_interface(self):
        """
        It is an endpoint; what C{ClientService} logs of it has no user and no
        query, where tokens are.
        """
        url = "ws://joe:pw@example.com/a?token=1"
        endpoint = WebSocketClientEndpoint(self.reactor, url)
        verifyObject(IStreamClientEndpoint, endpoint)
        self.assertEqual(repr(endpoint), "<WebSocketClientEndpoint ws://example.com/a>")

    def test_noFactory(self):
        """
        What is no factory is refused at the call.
        """
        endpoint = WebSocketClientEndpoint(self.reactor, "ws://example.com/")
        for value in (None, Line, Line()):
            factory: Any = value
            error = self.assertRaises(InvalidSetting, endpoint.connect, factory)
            self.assertEqual(error.setting, "protocolFactory")
        self.assertEqual(self.reactor.tcpClients, [])

    def test_protocol(self):
        """
        It connects a protocol, when the server has agreed.
        """
        endpoint = WebSocketClientEndpoint(self.reactor, "ws://example.com/")
        connecting = endpoint.connect(Factory.forProtocol(Line))
        self.assertNoResult(connecting)
        server = self.answer()
        protocol: Any = self.successResultOf(connecting)
        self.assertIsInstance(protocol, Line)
        protocol.transport.write(b"a")
        server.handlers[0].transport.sendBytesMessage(b"b")
        self.flush()
        self.assertEqual(server.handlers[0].messages, [b"a"])
        self.assertEqual(protocol.received, b"b")
        protocol.transport.loseConnection()
        self.assertNothingLeft()

    def test_text(self):
        """
        Its protocols can send text.
        """
        endpoint = WebSocketClientEndpoint(self.reactor, "ws://example.com/", text=True)
        connecting = endpoint.connect(Factory.forProtocol(Line))
        server = self.answer()
        protocol: Any = self.successResultOf(connecting)
        protocol.transport.write(b"a")
        self.flush()
        self.assertEqual(server.handlers[0].messages, ["a"])

    def test_noProtocol(self):
        """
        A factory that makes no protocol gives up.
        """

        class Nobody(Factory):
            """
            Makes none.
            """

            def buildProtocol(self, addr: object) -> None:
                """
                Make none.
                """

        endpoint = WebSocketClientEndpoint(self.reactor, "ws://example.com/")
        connecting = endpoint.connect(Nobody())
        self.answer()
        self.failureResultOf(connecting, NoProtocol)
        self.assertNothingLeft()

    def test_startedAndStopped(self):
        """
        The factory is started before, and stopped after.
        """
        told: list[str] = []

        class Told(ClientFactory):
            """
            Notes what it is told.
            """

            protocol = Line
            noisy = False

            def startFactory(self) -> None:
                """
                Note it.
                """
                told.append("start")

            def stopFactory(self) -> None:
                """
                Note it.
                """
                told.append("stop")

        endpoint = WebSocketClientEndpoint(self.reactor, "ws://example.com/")
        endpoint.connect(Told())
        factory = self.reactor.tcpClients[0][2]
        factory.doStart()
        self.assertEqual(told, ["start"])
        factory.doStop()
        self.assertEqual(told, ["start", "stop"])

    def test_startedAndStoppedAlone(self):
        """
        A conversation has no factory that would be.
        """
        connect(self.reactor, "ws://example.com/")
        factory = self.reactor.tcpClients[0][2]
        factory.doStart()
        factory.doStop()

    def test_bindAddress(self):
        """
        One can say from which address to connect.
        """
        connect(self.reactor, "ws://example.com/", bindAddress="192.0.2.9")
        self.assertEqual(self.reactor.tcpClients[0][4], ("192.0.2.9", 0))

    def test_clientService(self):
        """
        To a L{ClientService} a refused handshake is a failure: it tries again.
        """
        service = ClientService(
            WebSocketClientEndpoint(self.reactor, "ws://example.com/"),
            Factory.forProtocol(Line),
            retryPolicy=float,
            clock=self.reactor,
        )
        service.startService()
        connected = service.whenConnected()
        refusing = Refusing(BadHandshake(503, "later"), BadHandshake(503, "later"))
        self.answer(refusing)
        self.assertEqual(len(self.reactor.tcpClients), 1)
        self.advance(1)
        self.answer(refusing)
        self.advance(1)
        self.assertEqual(len(self.reactor.tcpClients), 2)
        self.advance(1)
        self.assertNoResult(connected)
        self.answer(refusing)
        self.assertIsInstance(self.successResultOf(connected), Line)
        # Then it is lost, and connected again.
        self.connections[-1].server.abortConnection()
        self.flush()
        again = service.whenConnected()
        self.advance(1)
        self.answer(refusing)
        self.successResultOf(again)
        service.stopService()


class FailureTests(DialTestCase):
    """
    Failures that explain themselves.
    """

    def check(
        self,
        kind: type[BaseException],
        url: str = "ws://example.com/",
        act: Callable[[], object] = lambda: None,
        **options: Any,
    ) -> Any:
        """
        Check what connecting fails with, and that nothing is left.
        """
        connecting = connect(self.reactor, url, **options)
        act()
        failure = self.failureResultOf(connecting, kind)
        self.assertNothingLeft()
        return failure.value

    def test_noName(self):
        """
        A name that is not found.
        """
        resolver: Any = Nowhere()
        self.reactor.installNameResolver(resolver)
        self.check(DNSLookupError)

    def test_nameOfAContainer(self):
        """
        Names that are none of the Internet's are resolved all the same:
        containers have them, and content networks.
        """
        for name in ("my_service", "r3---sn-a.example", "-a.example"):
            resolver: Any = Asked()
            self.reactor.installNameResolver(resolver)
            self.assertIn(name, str(self.check(DNSLookupError, f"ws://{name}:1/")))
            self.assertEqual(resolver.names, [name])

    def test_nameOfNoCertificate(self):
        """
        No certificate can be for such a name, which is said at once.
        """
        error = self.check(InvalidSetting, "wss://my_service/")
        self.assertEqual(
            str(error), "url needs TLS, which takes no host like 'my_service'"
        )

    def test_slowName(self):
        """
        A name that nobody answers for.
        """
        resolver: Any = Silence()
        self.reactor.installNameResolver(resolver)
        error = self.check(
            DeadlineExpired,
            act=lambda: self.reactor.advance(3),
            timeouts=ClientTimeouts(nameTimeout=3),
        )
        self.assertEqual((error.deadline, error.seconds), ("nameTimeout", 3))

    def test_refused(self):
        """
        A host that does not listen.
        """

        def refuse() -> None:
            factory = self.reactor.tcpClients[0][2]
            connector: Any = self.reactor.connectors[0]
            factory.clientConnectionFailed(connector, Failure(Refused()))
            self.reactor.advance(1)

        self.check(Refused, act=refuse)

    def test_slowConnection(self):
        """
        A host that does not answer.
        """
        error = self.check(
            DeadlineExpired,
            act=lambda: self.reactor.pump([1.0] * 4),
            timeouts=ClientTimeouts(connectTimeout=4),
        )
        self.assertEqual((error.deadline, error.seconds), ("connectTimeout", 4))
        self.assertTrue(all(c.stoppedConnecting for c in self.reactor.connectors))

    def test_slowConnectionOfTheReactor(self):
        """
        The reactor's own timer, which is for the same time, may be the first.
        """

        def expire() -> None:
            factory = self.reactor.tcpClients[0][2]
            connector: Any = self.reactor.connectors[0]
            factory.clientConnectionFailed(connector, Failure(UserTimeoutError()))
            self.reactor.advance(1)

        error = self.check(
            DeadlineExpired, act=expire, timeouts=ClientTimeouts(connectTimeout=4)
        )
        self.assertEqual((error.deadline, error.seconds), ("connectTimeout", 4))

    def test_slowSocket(self):
        """
        A UNIX socket whose server accepts no connection.
        """
        error = self.check(
            DeadlineExpired,
            "ws+unix:///run/a.sock",
            act=lambda: self.reactor.advance(4),
            timeouts=ClientTimeouts(connectTimeout=4),
        )
        self.assertEqual((error.deadline, error.seconds), ("connectTimeout", 4))

    def test_silentServer(self):
        """
        A server that does not answer the request.
        """

        def act() -> None:
            self.join(Protocol())
            self.advance(5)

        error = self.check(
            DeadlineExpired, act=act, keepalive=KeepalivePolicy(handshakeTimeout=5)
        )
        self.assertEqual((error.deadline, error.seconds), ("handshakeTimeout", 5))

    def test_goesWhileTheHandlerStarts(self):
        """
        A server that has agreed, and goes before the handler is ready.
        """

        class Slow(WebSocketHandler):
            """
            Is never ready.
            """

            def negotiationStarted(self, transport: Any) -> Any:
                """
                Begin, and never end.
                """
                return Deferred()

        connecting = connect(self.reactor, "ws://example.com/", Slow())
        self.answer()
        self.connections[-1].server.abortConnection()
        self.flush()
        error = self.failureResultOf(connecting, WebSocketFailed).value
        self.assertIsInstance(error.cause, ConnectionLost)
        self.assertNothingLeft()

    def test_refusedHandshake(self):
        """
        A server that does not agree, with what it says.
        """
        error = self.check(
            HandshakeRefused,
            act=lambda: self.answer(Refusing(BadHandshake(402, "pay first"))),
        )
        self.assertEqual((error.status, error.body), (402, b"pay first\n"))

    def test_silentTLS(self):
        """
        A server that does not begin TLS.
        """

        def act() -> None:
            self.join(Protocol())
            self.advance(2)

        error = self.check(
            DeadlineExpired,
            "wss://example.com/",
            act=act,
            timeouts=ClientTimeouts(tlsTimeout=2),
        )
        self.assertEqual((error.deadline, error.seconds), ("tlsTimeout", 2))

    def test_untrusted(self):
        """
        A certificate that nobody trusts, or that is for another name.
        """
        for policy in (None, Trusting("example.org")):
            error = self.check(
                TLSFailed,
                "wss://localhost/",
                act=lambda: self.answer(isSecure=True),
                tlsPolicy=policy,
            )
            self.assertIn("TLS failed: ", str(error))
            self.assertNotIn("[", str(error))

    def test_certificateDates(self):
        """
        A certificate that is not good any more, or not yet, is said to be that.
        """
        for begin, end, said in ((-2, -1, "has expired"), (1, 2, "is not yet valid")):
            pem = makePEM(begin, end)
            server = TLSMemoryBIOFactory(
                PrivateCertificate.loadPEM(pem).options(),
                False,
                WebSocketFactory(RecordingHandlerFactory(), clock=self.reactor),
                self.reactor,
            )
            error = self.check(
                TLSFailed,
                "wss://localhost/",
                act=partial(self.join, server.buildProtocol(None)),
                tlsPolicy=Trusting(pem=pem),
            )
            self.assertIn(f"certificate {said}", error.explanation)

    def test_certificateWanted(self):
        """
        A server that wants to see a certificate, which TLS 1.3 tells after its
        handshake.
        """
        certificate = PrivateCertificate.loadPEM(makePEM())
        server = TLSMemoryBIOFactory(
            certificate.options(certificate),
            False,
            WebSocketFactory(RecordingHandlerFactory(), clock=self.reactor),
            self.reactor,
        )
        error = self.check(
            TLSFailed,
            "wss://localhost/",
            act=lambda: self.join(server.buildProtocol(None)),
            tlsPolicy=Trusting(),
        )
        self.assertIn("certificate", error.explanation)

    def test_noTLS(self):
        """
        A server that speaks plain HTTP where TLS is asked for.
        """

        class Plain(Protocol):
            """
            Does not understand.
            """

            def dataReceived(self, data: bytes) -> None:
                """
                Answer, as a web server does.
                """
                assert self.transport is not None
                self.transport.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        error = self.check(
            TLSFailed, "wss://example.com/", act=lambda: self.join(Plain())
        )
        self.assertIn("wrong version", error.explanation)

    def test_resets(self):
        """
        A server that goes in the middle.
        """

        def act() -> None:
            self.join(Protocol())
            self.connections[-1].server.abortConnection()
            self.flush()

        self.check(HandshakeRefused, act=act)
        self.check(TLSFailed, "wss://example.com/", act=act)


class SecureTests(DialTestCase):
    """
    TLS.
    """

    def test_secure(self):
        """
        C{wss} is encrypted, and the policy asked for the host.
        """
        policy = Trusting()
        connecting = connect(self.reactor, "wss://localhost:8443/", tlsPolicy=policy)
        server = self.answer(isSecure=True)
        websocket = self.successResultOf(connecting)
        self.assertTrue(server.requests[0].isSecure)
        self.assertEqual(server.requests[0].url, "wss://localhost:8443/")
        self.assertEqual(policy.asked, [(b"localhost", 8443)])
        websocket.send("a")
        self.flush()
        self.assertEqual(server.handlers[0].messages, ["a"])
        closed = websocket.close()
        self.flush()
        self.successResultOf(closed)
        self.assertNothingLeft()

    def test_clientCertificate(self):
        """
        A client may come with a certificate, which the server sees.
        """
        certificate = PrivateCertificate.loadPEM(makePEM())
        recorder = RecordingHandlerFactory()
        server = TLSMemoryBIOFactory(
            certificate.options(certificate),
            False,
            WebSocketFactory(recorder, clock=self.reactor),
            self.reactor,
        )
        connecting = connect(
            self.reactor, "wss://localhost/", tlsPolicy=Trusting(shown=certificate)
        )
        self.join(server.buildProtocol(None))
        self.successResultOf(connecting)
        seen = recorder.handlers[0].transport.carrier.getPeerCertificate()
        self.assertEqual(seen.get_subject().CN, "localhost")

    def test_endpoint(self):
        """
        An endpoint can be given for what is below, with TLS on top.
        """

        @implementer(IStreamClientEndpoint)
        class Given:
            """
            Notes who connects.
            """

            def connect(self, factory: Any) -> Deferred[Any]:
                """
                Note it.
                """
                self.factory = factory
                return Deferred()

        given: Any = Given()
        connect(self.reactor, "ws://example.com/", endpoint=given)
        self.assertEqual(self.reactor.tcpClients, [])
        plain = given.factory
        connect(
            self.reactor, "wss://example.com/", endpoint=given, tlsPolicy=Trusting()
        )
        self.assertNotIsInstance(given.factory, type(plain))

    def test_unix(self):
        """
        UNIX sockets are connected to by their path, and may be encrypted.
        """
        policy = Trusting()
        for scheme in ("ws+unix", "wss+unix"):
            connect(self.reactor, f"{scheme}:///run/a.sock:/feed", tlsPolicy=policy)
        paths = [path for path, *_ in self.reactor.unixClients]
        self.assertEqual(paths, ["/run/a.sock", "/run/a.sock"])
        self.assertEqual(policy.asked, [(b"localhost", 443)])


class RedirectTests(DialTestCase):
    """
    Redirections.
    """

    def redirect(self, location: str, status: int = 302) -> BadHandshake:
        """
        Make an answer that redirects.
        """
        return BadHandshake(status, "elsewhere", [("Location", location)])

    def test_followed(self):
        """
        A redirection is followed, with all that was asked for.
        """
        for status in (301, 302, 303, 307, 308):
            connecting = connect(
                self.reactor,
                "ws://example.com/a",
                headers=[("Authorization", "Bearer 1"), ("X", "y")],
            )
            refusing = Refusing(self.redirect("/b?c", status))
            self.answer(refusing)
            self.assertNoResult(connecting)
            self.answer(refusing)
            self.successResultOf(connecting)
            request = refusing.requests[-1]
            self.assertEqual(request.target, "/b?c")
            self.assertEqual(request.headers.get("Authorization"), "Bearer 1")
            self.assertEqual(request.headers.get("X"), "y")

    def test_otherServer(self):
        """
        To another server credentials are not told.
        """
        connecting = connect(
            self.reactor,
            "ws://example.com/",
            headers=[("Authorization", "Bearer 1"), ("Cookie", "a=b"), ("X", "y")],
        )
        refusing = Refusing(self.redirect("http://example.org/"))
        self.answer(refusing)
        self.answer(refusing)
        self.successResultOf(connecting)
        request = refusing.requests[-1]
        self.assertEqual(request.host, "example.org")
        self.assertNotIn("Authorization", request.headers)
        self.assertNotIn("Cookie", request.headers)
        self.assertEqual(request.headers.get("X"), "y")

    def test_tooMany(self):
        """
        Redirections are limited, to five if nothing else is said.
        """
        options: list[dict[str, Any]] = [{"maxRedirects": 0}, {"maxRedirects": 1}, {}]
        for maximum, chosen in zip((0, 1, 5), options, strict=True):
            connecting = connect(self.reactor, "ws://example.com/", **chosen)
            for _redirection in range(maximum + 1):
                self.assertNoResult(connecting)
                self.answer(Refusing(self.redirect("/")))
            failure = self.failureResultOf(connecting, RedirectRefused)
            self.assertIn("maxRedirects", str(failure.value))
            self.assertEqual(failure.value.location, "/")
        self.assertNothingLeft()

    def test_notFollowed(self):
        """
        Redirections do not lead out of TLS, nowhere, or away from an endpoint
        that was given.
        """
        connecting = connect(self.reactor, "wss://localhost/", tlsPolicy=Trusting())
        self.answer(Refusing(self.redirect("http://localhost/")), isSecure=True)
        self.failureResultOf(connecting, RedirectRefused)
        connecting = connect(self.reactor, "ws://example.com/")
        self.answer(Refusing(self.redirect("mailto:joe")))
        self.failureResultOf(connecting, RedirectRefused)
        self.assertNothingLeft()

    def test_endpoint(self):
        """
        An endpoint that was given is for its server alone.
        """
        given = WebSocketClientEndpoint(self.reactor, "ws://tunnel.example/")
        connecting = connect(self.reactor, "ws://example.com/", endpoint=given)
        inner = WebSocketFactory(
            Refusing(self.redirect("http://example.org/")), clock=self.reactor
        )
        self.answer(WebSocketFactory(inner_(inner), clock=self.reactor))
        self.failureResultOf(connecting, RedirectRefused)

    def test_noLocation(self):
        """
        Without a Location, or with two, it is a refusal as any other.
        """
        for headers in ([], [("Location", "/a"), ("Location", "/b")]):
            connecting = connect(self.reactor, "ws://example.com/")
            self.answer(Refusing(BadHandshake(302, "elsewhere", headers)))
            self.failureResultOf(connecting, HandshakeRefused)


def inner_(factory: WebSocketFactory) -> Any:
    """
    Make a protocol factory of a server inside another.
    """

    class Inside(Factory):
        """
        Builds what the server builds.
        """

        def buildProtocol(self, addr: Any) -> Any:
            """
            Build it.
            """
            return factory.buildProtocol(addr)

    return Inside()


class CancelTests(DialTestCase):
    """
    Giving up, whatever is being waited for.
    """

    def check(self, url: str, act: Callable[[], object], **options: Any) -> None:
        """
        Check that connecting can be cancelled, and leaves nothing.
        """
        waits = (
            connect(self.reactor, url, **options),
            WebSocketClientEndpoint(self.reactor, url, **options).connect(
                Factory.forProtocol(Line)
            ),
        )
        for _wait in waits:
            act()
        for wait in waits:
            waiting: Deferred[Any] = wait
            waiting.cancel()
            failure = self.failureResultOf(
                waiting, CancelledError, ConnectingCancelledError
            )
            address = getattr(failure.value, "address", HOST)
            self.assertEqual(address.hostname, HOST.hostname)
        self.assertNothingLeft()

    def test_name(self):
        """
        While the name is looked for.
        """
        resolver: Any = Silence()
        self.reactor.installNameResolver(resolver)
        self.check("ws://example.com/", lambda: None)

    def test_connection(self):
        """
        While it connects.
        """
        self.check("ws://example.com/", lambda: None)
        self.assertTrue(all(c.stoppedConnecting for c in self.reactor.connectors))

    def test_handshake(self):
        """
        While the server does not answer.
        """
        self.check("ws://example.com/", lambda: self.join(Protocol()))

    def test_tls(self):
        """
        While TLS begins.
        """
        self.check("wss://example.com/", lambda: self.join(Protocol()))

    def test_headers(self):
        """
        While the headers are not there.
        """
        cancelled: list[object] = []
        self.check(
            "ws://example.com/",
            lambda: None,
            headers=lambda: Deferred(cancelled.append),
        )
        self.assertEqual(len(cancelled), 2)

    def test_redirected(self):
        """
        After a redirection.
        """
        redirect = BadHandshake(302, "elsewhere", [("Location", "/b")])
        self.check("ws://example.com/", lambda: self.answer(Refusing(redirect)))

    def test_open(self):
        """
        When it is open it is too late: nothing changes.
        """
        connecting = connect(self.reactor, "ws://example.com/", WebSocketHandler())
        self.answer()
        connecting.cancel()
        self.successResultOf(connecting)
        self.flush()
        self.assertFalse(self.connections[0].client.isLost)


class CredentialTests(DialTestCase):
    """
    Who comes.
    """

    def challenge(self, *challenges: str) -> BadHandshake:
        """
        Make an answer that asks who comes.
        """
        return BadHandshake(
            401, "who?", [("WWW-Authenticate", challenge) for challenge in challenges]
        )

    def authorizations(self, refusing: Refusing) -> list[list[str]]:
        """
        Tell what was said in each attempt.
        """
        return [
            request.headers.getAll("Authorization") for request in refusing.requests
        ]

    def test_url(self):
        """
        A user in the URL is told at once, by Basic.
        """
        connecting = connect(self.reactor, "ws://joe:s%40e@example.com/")
        refusing = self.answer(Refusing())
        self.successResultOf(connecting)
        self.assertEqual(self.authorizations(refusing), [["Basic am9lOnNAZQ=="]])

    def test_basic(self):
        """
        Credentials are told when the server asks.
        """
        connecting = connect(
            self.reactor, "ws://example.com/", credentials=("joe", "s@e")
        )
        refusing = Refusing(self.challenge('Basic realm="x"'))
        self.answer(refusing)
        self.answer(refusing)
        self.successResultOf(connecting)
        self.assertEqual(self.authorizations(refusing), [[], ["Basic am9lOnNAZQ=="]])

    def test_digest(self):
        """
        By Digest, if it is offered, also with a user in the URL.
        """
        asked = 'Digest realm="x", nonce="n", qop="auth", algorithm=SHA-256'
        for url, options in (
            ("ws://example.com/a?b", {"credentials": Credentials("joe", "pw")}),
            ("ws://joe:pw@example.com/a?b", {}),
        ):
            found: Any = options
            connecting = connect(self.reactor, url, **found)
            refusing = Refusing(self.challenge('Basic realm="x"', asked))
            self.answer(refusing)
            self.answer(refusing)
            self.successResultOf(connecting)
            (answer,) = self.authorizations(refusing)[1]
            self.assertTrue(answer.startswith("Digest "), answer)
            self.assertIn('uri="/a?b"', answer)

    def test_wrong(self):
        """
        It is said once; if that does not help, the refusal is told.
        """
        connecting = connect(
            self.reactor, "ws://example.com/", credentials=("joe", "wrong")
        )
        refusing = Refusing(*[self.challenge('Basic realm="x"')] * 3)
        self.answer(refusing)
        self.answer(refusing)
        self.assertEqual(
            self.failureResultOf(connecting, HandshakeRefused).value.status, 401
        )

    def test_stale(self):
        """
        A nonce that has become too old is no reason to give up, once.
        """
        first = 'Digest realm="x", nonce="a", qop="auth"'
        stale = 'Digest realm="x", nonce="b", qop="auth", stale=true'
        connecting = connect(
            self.reactor, "ws://example.com/", credentials=("joe", "pw")
        )
        refusing = Refusing(*map(self.challenge, (first, stale, stale)))
        for _attempt in range(3):
            self.answer(refusing)
        self.failureResultOf(connecting, HandshakeRefused)

    def test_unknownScheme(self):
        """
        What nobody understands is a refusal.
        """
        connecting = connect(
            self.reactor, "ws://example.com/", credentials=("joe", "pw")
        )
        self.answer(Refusing(self.challenge("Negotiate")))
        self.failureResultOf(connecting, HandshakeRefused)

    def test_otherServer(self):
        """
        Another server that is redirected to is not told, even if it asks.
        """
        for url, options in (
            ("ws://example.com/", {"credentials": ("joe", "pw")}),
            ("ws://joe:pw@example.com/", {}),
        ):
            found: Any = options
            connecting = connect(self.reactor, url, **found)
            refusing = Refusing(
                BadHandshake(302, "there", [("Location", "http://example.org/")]),
                self.challenge('Basic realm="x"'),
            )
            self.answer(refusing)
            self.answer(refusing)
            self.failureResultOf(connecting, HandshakeRefused)
            self.assertEqual(self.authorizations(refusing)[1], [])

    def test_ownHeader(self):
        """
        A header of the application's goes before.
        """
        connect(
            self.reactor,
            "ws://joe:pw@example.com/",
            headers=[("Authorization", "Bearer 1")],
        )
        refusing = self.answer(Refusing())
        self.assertEqual(self.authorizations(refusing), [["Bearer 1"]])


class CookieTests(DialTestCase):
    """
    Cookies.
    """

    def test_kept(self):
        """
        Cookies of acceptances and refusals are kept, and sent next time to
        whom they belong.
        """
        jar = CookieJar()
        connecting = connect(self.reactor, "ws://example.com/", cookies=jar)
        refusing = Refusing(
            BadHandshake(
                302, "there", [("Location", "/b"), ("Set-Cookie", "a=1; Path=/")]
            )
        )
        self.answer(refusing)
        self.answer(
            refusing, handshake=HandshakePolicy(headers=[("Set-Cookie", "b=2")])
        )
        self.successResultOf(connecting)
        self.assertEqual(dict(refusing.requests[-1].cookies), {"a": "1"})
        connect(self.reactor, "ws://example.com/", cookies=jar)
        self.answer(refusing)
        self.assertEqual(dict(refusing.requests[-1].cookies), {"a": "1", "b": "2"})
        connect(self.reactor, "ws://example.org/", cookies=jar)
        self.answer(refusing)
        self.assertEqual(dict(refusing.requests[-1].cookies), {})

    def test_ownHeader(self):
        """
        A header of the application's goes before.
        """
        jar = CookieJar()
        storeCookies(jar, "ws://example.com/", [("Set-Cookie", "a=1")])
        connect(
            self.reactor,
            "ws://example.com/",
            cookies=jar,
            headers=[("Cookie", "c=3")],
        )
        refusing = self.answer(Refusing())
        self.assertEqual(dict(refusing.requests[0].cookies), {"c": "3"})


class ProxyTests(DialTestCase):
    """
    Proxies.
    """

    def test_http(self):
        """
        The way leads through an HTTP proxy.
        """
        connecting = connect(
            self.reactor, "ws://example.com:9000/", proxy="http://proxy.example:3128"
        )
        self.assertEqual(self.reactor.tcpClients[0][1], 3128)
        proxy = Tunnel(self.serve())
        self.join(proxy)
        self.successResultOf(connecting)
        self.assertIn(b"CONNECT example.com:9000 HTTP/1.1\r\n", proxy.asked)

    def test_secure(self):
        """
        TLS goes through it, to the server.
        """
        connecting = connect(
            self.reactor,
            "wss://localhost/",
            proxy="http://proxy.example",
            tlsPolicy=Trusting(),
        )
        server = self.serve()
        self.join(Tunnel(wrapTLS(server, self.reactor)))
        websocket = self.successResultOf(connecting)
        self.assertTrue(websocket.request.isSecure)

    def test_socks(self):
        """
        Or through a SOCKS proxy.
        """
        connect(self.reactor, "ws://example.com/", proxy="socks5://proxy.example")
        self.assertEqual(self.reactor.tcpClients[0][1], 1080)

    def test_secureProxy(self):
        """
        The proxy itself may be reached by TLS; the server is asked as its URL
        says.
        """
        connecting = connect(
            self.reactor,
            "ws://example.com/",
            proxy="https://localhost:8443",
            tlsPolicy=Trusting(),
        )
        tunnel = Tunnel(self.serve())
        secure: Any = wrapTLS(Factory.forProtocol(lambda: tunnel), self.reactor)
        self.join(secure.buildProtocol(None))
        self.flush()
        websocket = self.successResultOf(connecting)
        self.assertFalse(websocket.request.isSecure)

    def test_untrustedProxy(self):
        """
        A proxy whose certificate nobody trusts is said to be the one.
        """
        connecting = connect(
            self.reactor, "ws://example.com/", proxy="https://localhost:8443"
        )
        server = wrapTLS(Factory.forProtocol(Protocol), self.reactor)
        self.join(server.buildProtocol(None))
        failure = self.failureResultOf(connecting, TLSFailed)
        self.assertIn("at the proxy, certificate", failure.value.explanation)
        self.assertNothingLeft()

    def test_unix(self):
        """
        A UNIX socket needs no proxy.
        """
        connect(self.reactor, "ws+unix:///run/a.sock", proxy="http://proxy.example")
        self.assertEqual(len(self.reactor.unixClients), 1)

    def test_refused(self):
        """
        A proxy that does not want is told of.
        """
        connecting = connect(
            self.reactor, "ws://example.com/", proxy="http://proxy.example"
        )
        self.join(Tunnel(None))
        failure = self.failureResultOf(connecting, ProxyRefused)
        self.assertEqual(failure.value.status, 403)
        self.assertNothingLeft()

    def test_silent(self):
        """
        One that does not answer has a deadline.
        """
        connecting = connect(
            self.reactor,
            "ws://example.com/",
            proxy="http://proxy.example",
            timeouts=ClientTimeouts(proxyTimeout=3),
        )
        self.join(Protocol())
        self.advance(3)
        failure = self.failureResultOf(connecting, DeadlineExpired)
        self.assertEqual(failure.value.deadline, "proxyTimeout")
        self.assertNothingLeft()

    def test_environment(self):
        """
        A proxy of the environment is used if that is asked for.
        """
        self.patch(os, "environ", {"http_proxy": "http://proxy.example:3128"})
        connect(self.reactor, "ws://example.com/")
        connect(self.reactor, "ws://example.com/", usesEnvironment=True)
        ports = [port for _host, port, *_rest in self.reactor.tcpClients]
        self.assertEqual(ports, [80, 3128])

    def test_invalid(self):
        """
        A proxy leads to the host of the URL, and an endpoint elsewhere.
        """
        given: Any = WebSocketClientEndpoint(self.reactor, "ws://tunnel.example/")
        for options in (
            {"proxy": "http://proxy.example", "endpoint": given},
            {"usesEnvironment": True, "endpoint": given},
        ):
            found: Any = options
            self.assertRaises(
                InvalidSetting, connect, self.reactor, "ws://example.com/", **found
            )

    def serve(self) -> WebSocketFactory:
        """
        Make a server.
        """
        return WebSocketFactory(RecordingHandlerFactory(), clock=self.reactor)


class Tunnel(Protocol):
    """
    An HTTP proxy that leads to a server, or refuses.

    @ivar asked: what it is asked.
    """

    def __init__(self, server: Any) -> None:
        self.asked = b""
        self._server = server
        self._behind: Any = None

    def dataReceived(self, data: bytes) -> None:
        """
        Answer, or pass on.
        """
        assert self.transport is not None
        if self._behind is not None:
            self._behind.dataReceived(data)
            return
        self.asked += data
        if self._server is None:
            self.transport.write(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
            return
        self.transport.write(b"HTTP/1.1 200 OK\r\n\r\n")
        self._behind = self._server.buildProtocol(None)
        self._behind.makeConnection(self.transport)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Pass it on.
        """
        if self._behind is not None:
            self._behind.connectionLost(reason)
