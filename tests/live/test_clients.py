"""
Clients on real sockets: each of the ways in which a server or a proxy can let them
down ends in its own error and in time, and leaves nothing behind.
"""

from __future__ import annotations

import gc
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, cast

from twisted.application.internet import ClientService
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import quoteStringArgument, serverFromString
from twisted.internet.error import ConnectionRefusedError as NobodyListens
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.ssl import Certificate, optionsForClientTLS
from twisted.python.failure import Failure
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface import implementer

from tests.certificates import makePEM
from tests.processes import TESTED, environment
from txws import (
    ClientTimeouts,
    DeadlineExpired,
    HandshakeRefused,
    KeepalivePolicy,
    ProxyRefused,
    RedirectRefused,
    TLSFailed,
    WebSocketClientEndpoint,
    WebSocketFactory,
    WebSocketFailed,
    connect,
)
from txws.demo import Echo

from .badservers import (
    ANSWER,
    CHALLENGE,
    REFUSAL,
    Answering,
    Dribbling,
    Resetting,
    Silent,
    factoryOf,
    redirection,
)
from .programs import TWISTD, freePort
from .test_sockets import _KINDS, SocketTestCase, countDescriptors, wait

# What a client is made of, besides its connection.
_CLIENT_KINDS = (
    "Conversation",
    "ConversationHandler",
    "Dialer",
    "StreamHandler",
    "TimedEndpoint",
    "Visit",
    "_DialFactory",
    "_TalkingHandler",
)
_SECONDS = 1.5
_TIMEOUTS = ClientTimeouts(
    nameTimeout=_SECONDS,
    connectTimeout=_SECONDS,
    proxyTimeout=_SECONDS,
    tlsTimeout=_SECONDS,
)
_KEEPALIVE = KeepalivePolicy(
    handshakeTimeout=_SECONDS, closeTimeout=_SECONDS, pingInterval=0.5, pingTimeout=1
)


@implementer(IPolicyForHTTPS)
class _Trusting:
    """
    Trusts the certificate of these tests alone.
    """

    def creatorForNetloc(self, hostname: bytes, port: int) -> Any:
        """
        See L{IPolicyForHTTPS}.
        """
        return optionsForClientTLS(
            hostname.decode("ascii"), trustRoot=Certificate.loadPEM(makePEM())
        )


def count() -> dict[str, int]:
    """
    Count what connections are made of, and what they may leave behind.
    """
    gc.collect()
    found = Counter(type(each).__name__ for each in gc.get_objects())
    return {
        "descriptors": countDescriptors(),
        "delayed calls": len(reactor.getDelayedCalls()),
        **{name: found[name] for name in (*_KINDS, *_CLIENT_KINDS)},
    }


class ClientTestCase(SocketTestCase):
    """
    Clients, and what they meet.
    """

    clients = 10

    async def listen(self, factory: Any, isSecure: bool = False) -> int:
        """
        Serve something.

        @return: the port.
        """
        place = "tcp:0:interface=127.0.0.1"
        if isSecure:
            pem = Path(self.mktemp())
            pem.write_bytes(makePEM())
            key = quoteStringArgument(str(pem))
            place = f"ssl:0:interface=127.0.0.1:privateKey={key}"
        port = await serverFromString(reactor, place).listen(factory)
        self.ports.append(port)
        return port.getHost().port

    async def checkFailures(
        self,
        url: str,
        error: type[Exception],
        seconds: float = 0.0,
        **options: Any,
    ) -> Any:
        """
        Have clients connect, half of them by C{connect()} and half by an
        endpoint; check that each fails, when it is to fail, and that nothing is
        left.

        @param url: where to.
        @param error: what it is to fail with.
        @param seconds: when, or soon after.
        @param options: how to connect.
        @return: one of the errors.
        """
        options = {"timeouts": _TIMEOUTS, "keepalive": _KEEPALIVE, **options}
        # Name resolvers and caches are made once.
        await self.failAtOnce(url, options, 2)
        before = await self.settle(None)
        begun = time.monotonic()
        errors = await self.failAtOnce(url, options, self.clients)
        elapsed = time.monotonic() - begun
        self.assertEqual(await self.settle(before), before)
        self.assertTrue(all(isinstance(each, error) for each in errors), errors)
        self.assertEqual(len({str(each) for each in errors}), 1, errors)
        self.assertGreaterEqual(elapsed, seconds * 0.9)
        self.assertLess(elapsed, seconds + 1)
        return errors[0]

    async def failAtOnce(
        self, url: str, options: dict[str, Any], clients: int
    ) -> list[BaseException]:
        """
        Have clients connect at the same time, in vain.
        """

        def attempt(number: int) -> Deferred[Any]:
            if number % 2:
                endpoint = WebSocketClientEndpoint(reactor, url, **options)
                return endpoint.connect(factoryOf(Silent))
            return connect(reactor, url, **options)

        failures: list[BaseException] = []

        def failed(failure: Failure) -> None:
            failures.append(cast(BaseException, failure.value))

        attempts = [attempt(number) for number in range(clients)]
        await gatherResults([each.addErrback(failed) for each in attempts])
        self.assertEqual(len(failures), clients)
        for failure in failures:
            # Frames that are shown in a traceback hold what they were about.
            failure.with_traceback(None)
            failure.__context__ = None
        return failures

    async def settle(self, expected: dict[str, int] | None) -> dict[str, int]:
        """
        Count what is there, when it is what is expected or nothing more happens.
        """
        found = count()
        for _ in range(30):
            await wait(0.05)
            found, last = count(), found
            if found == expected or (expected is None and found == last):
                break
        return found


class SilenceTests(ClientTestCase):
    """
    Servers and proxies that say nothing.
    """

    def assertExpired(self, error: Any, deadline: str) -> None:
        """
        Assert which deadline was exceeded.
        """
        expired = error if isinstance(error, DeadlineExpired) else error.cause
        self.assertIsInstance(expired, DeadlineExpired)
        self.assertEqual(expired.deadline, deadline)

    async def test_neverAccepts(self) -> None:
        """
        A server that does not accept connections is given up after
        C{connectTimeout}.
        """
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            address = listener.getsockname()
            waiting = [socket.socket() for _ in range(4)]
            for each in waiting:
                self.addCleanup(each.close)
                each.setblocking(False)
                each.connect_ex(address)
            await wait(0.1)
            error = await self.checkFailures(
                f"ws://127.0.0.1:{address[1]}/", DeadlineExpired, _SECONDS
            )
        self.assertExpired(error, "connectTimeout")

    async def test_server(self) -> None:
        """
        A server that does not answer is given up after C{handshakeTimeout}.
        """
        port = await self.listen(factoryOf(Silent))
        error = await self.checkFailures(
            f"ws://127.0.0.1:{port}/", DeadlineExpired, _SECONDS
        )
        self.assertExpired(error, "handshakeTimeout")

    async def test_serverBelowTLS(self) -> None:
        """
        One that is to speak TLS and is silent, after C{tlsTimeout}.
        """
        port = await self.listen(factoryOf(Silent))
        error = await self.checkFailures(
            f"wss://localhost:{port}/", DeadlineExpired, _SECONDS, tlsPolicy=_Trusting()
        )
        self.assertExpired(error, "tlsTimeout")

    async def test_serverAboveTLS(self) -> None:
        """
        One that speaks TLS and does not answer, after C{handshakeTimeout}.
        """
        port = await self.listen(factoryOf(Silent), isSecure=True)
        error = await self.checkFailures(
            f"wss://localhost:{port}/", DeadlineExpired, _SECONDS, tlsPolicy=_Trusting()
        )
        self.assertExpired(error, "handshakeTimeout")

    async def test_proxy(self) -> None:
        """
        A proxy that does not answer is given up after C{proxyTimeout}.
        """
        port = await self.listen(factoryOf(Silent))
        for scheme in ("http", "socks5"):
            error = await self.checkFailures(
                "ws://example.invalid/",
                DeadlineExpired,
                _SECONDS,
                proxy=f"{scheme}://127.0.0.1:{port}",
            )
            self.assertExpired(error, "proxyTimeout")

    async def test_afterTheHandshake(self) -> None:
        """
        A server that falls silent when the connection is open is given up after
        C{pingInterval} and C{pingTimeout}.
        """
        factory = WebSocketFactory(Echo)
        url = f"ws://127.0.0.1:{await self.listen(factory)}/"
        before = await self.settle(None)
        for _ in range(3):
            websocket = await connect(reactor, url, keepalive=_KEEPALIVE)
            (server,) = factory.connections
            # It reads nothing, and so answers no Ping.
            server.pauseProducing()
            begun = time.monotonic()
            ended = await websocket.whenClosed()
            self.assertLess(time.monotonic() - begun, 2.5)
            self.assertExpired(ended, "pingTimeout")
            server.abortConnection()
            del websocket, server, ended
        self.assertEqual(await self.settle(before), before)


class OneByteASecondTests(ClientTestCase):
    """
    Servers that send one byte a second: no byte prolongs a deadline.
    """

    seconds = 2.5
    slow = KeepalivePolicy(handshakeTimeout=seconds)

    async def test_head(self) -> None:
        """
        The head of the answer.
        """
        for isSecure, scheme in ((False, "ws"), (True, "wss")):
            port = await self.listen(factoryOf(Dribbling, b"", ANSWER), isSecure)
            error = await self.checkFailures(
                f"{scheme}://localhost:{port}/",
                DeadlineExpired,
                self.seconds,
                keepalive=self.slow,
                tlsPolicy=_Trusting(),
            )
            self.assertEqual(error.deadline, "handshakeTimeout")

    async def test_body(self) -> None:
        """
        The body of a refusal, whose beginning is told.
        """
        port = await self.listen(factoryOf(Dribbling, REFUSAL, b"sorry "))
        error = await self.checkFailures(
            f"ws://127.0.0.1:{port}/",
            HandshakeRefused,
            self.seconds,
            keepalive=self.slow,
        )
        self.assertEqual((error.status, error.body), (503, b"sor"))

    async def test_tls(self) -> None:
        """
        A record of TLS.
        """
        record = b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03" + bytes(32)
        port = await self.listen(factoryOf(Dribbling, b"", record))
        error = await self.checkFailures(
            f"wss://localhost:{port}/", DeadlineExpired, _SECONDS, tlsPolicy=_Trusting()
        )
        self.assertEqual(error.deadline, "tlsTimeout")

    async def test_proxy(self) -> None:
        """
        The answer of a proxy.
        """
        port = await self.listen(factoryOf(Dribbling, b"", CHALLENGE))
        error = await self.checkFailures(
            "ws://example.invalid/",
            DeadlineExpired,
            _SECONDS,
            proxy=f"http://127.0.0.1:{port}",
        )
        self.assertEqual(error.deadline, "proxyTimeout")


class ResetTests(ClientTestCase):
    """
    Servers that reset the connection, at each phase.
    """

    async def test_refused(self) -> None:
        """
        Before it is there.
        """
        await self.checkFailures(f"ws://127.0.0.1:{freePort()}/", NobodyListens)

    async def test_accept(self) -> None:
        """
        As soon as it is accepted.
        """
        port = await self.listen(factoryOf(Resetting, None, False))
        error = await self.checkFailures(f"ws://127.0.0.1:{port}/", HandshakeRefused)
        self.assertEqual(error.status, 0)
        await self.checkFailures(
            f"wss://localhost:{port}/", TLSFailed, tlsPolicy=_Trusting()
        )

    async def test_tls(self) -> None:
        """
        Instead of TLS, and in it.
        """
        for answer in (None, b"\x16\x03\x03\x40\x00\x02"):
            port = await self.listen(factoryOf(Resetting, answer))
            await self.checkFailures(
                f"wss://localhost:{port}/", TLSFailed, tlsPolicy=_Trusting()
            )

    async def test_head(self) -> None:
        """
        Instead of an answer, and in the head of one; above TLS, too.
        """
        for answer in (None, ANSWER[:60]):
            for isSecure, scheme in ((False, "ws"), (True, "wss")):
                port = await self.listen(factoryOf(Resetting, answer), isSecure)
                error = await self.checkFailures(
                    f"{scheme}://localhost:{port}/",
                    HandshakeRefused,
                    tlsPolicy=_Trusting(),
                )
                self.assertEqual(error.status, 0)

    async def test_body(self) -> None:
        """
        In the body of a refusal, whose beginning is told.
        """
        for isSecure, scheme in ((False, "ws"), (True, "wss")):
            port = await self.listen(factoryOf(Resetting, REFUSAL + b"sorry"), isSecure)
            error = await self.checkFailures(
                f"{scheme}://localhost:{port}/",
                HandshakeRefused,
                tlsPolicy=_Trusting(),
            )
            self.assertEqual((error.status, error.body), (503, b"sorry"))

    async def test_proxy(self) -> None:
        """
        In the answer of a proxy.
        """
        for answer in (None, CHALLENGE[:30]):
            port = await self.listen(factoryOf(Resetting, answer))
            await self.checkFailures(
                "ws://example.invalid/",
                ProxyRefused,
                proxy=f"http://127.0.0.1:{port}",
            )


class RefusalTests(ClientTestCase):
    """
    Servers and proxies that lead nowhere.
    """

    async def test_proxyAsksForAuthentication(self) -> None:
        """
        A proxy that answers 407, to one who does not say who it is, and to one
        whom it does not know.
        """
        port = await self.listen(factoryOf(Answering, CHALLENGE))
        for user in ("", "user:wrong@"):
            for scheme in ("ws", "wss"):
                error = await self.checkFailures(
                    f"{scheme}://example.invalid/",
                    ProxyRefused,
                    proxy=f"http://{user}127.0.0.1:{port}",
                )
                self.assertEqual((error.status, error.body), (407, b"secret"))

    async def test_redirectLoop(self) -> None:
        """
        A server that leads to itself, and two that lead to each other.
        """
        port = await self.listen(factoryOf(Answering, redirection("/again")))
        url = f"ws://127.0.0.1:{port}/again"
        error = await self.checkFailures(url, RedirectRefused)
        self.assertEqual(error.location, "/again")
        other = await self.listen(factoryOf(Answering, redirection(url)))
        error = await self.checkFailures(f"ws://127.0.0.1:{other}/", RedirectRefused)
        self.assertIn("maxRedirects", str(error))


class CancelTests(ClientTestCase):
    """
    Clients that lose patience first.
    """

    async def test_everyPhase(self) -> None:
        """
        Whoever cancels while nobody answers leaves nothing behind, at whatever
        phase.
        """
        silent = await self.listen(factoryOf(Silent))
        secure = await self.listen(factoryOf(Silent), isSecure=True)
        attempts: tuple[tuple[str, dict[str, Any]], ...] = (
            (f"ws://localhost:{silent}/", {}),
            (f"wss://localhost:{silent}/", {}),
            (f"wss://localhost:{secure}/", {"tlsPolicy": _Trusting()}),
            ("ws://example.invalid/", {"proxy": f"http://127.0.0.1:{silent}"}),
        )
        before: dict[str, int] | None = None
        for seconds in (0.3, 0.0, 0.002, 0.01, 0.3):
            for url, options in attempts:
                for connecting in (
                    connect(reactor, url, **options),
                    WebSocketClientEndpoint(reactor, url, **options).connect(
                        factoryOf(Silent)
                    ),
                ):
                    await wait(seconds)
                    connecting.addErrback(lambda failure: None)
                    connecting.cancel()
                    del connecting
            if before is None:
                before = await self.settle(None)
        self.assertEqual(await self.settle(before), before)


class _Greeting(Protocol):
    """
    Says something when it is connected, and waits for it to come back.
    """

    def __init__(self) -> None:
        self.greeted: Deferred[bytes] = Deferred()
        self.lost: Deferred[Any] = Deferred()

    def connectionMade(self) -> None:
        """
        Say it.
        """
        self.transport.write(b"hello")

    def dataReceived(self, data: bytes) -> None:
        """
        It has come.
        """
        self.greeted.callback(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        It is over.
        """
        self.lost.callback(reason.value)


class ServiceTests(ClientTestCase):
    """
    L{ClientService} on an endpoint of txws.
    """

    def setUp(self) -> None:
        """
        No server runs.
        """
        super().setUp()
        self.port = freePort()
        self.server: subprocess.Popen[bytes] | None = None
        self.addCleanup(self.kill)

    def start(self) -> None:
        """
        Start the server, a process of its own.
        """
        place = f"tcp:{self.port}:interface=127.0.0.1"
        self.server = subprocess.Popen(
            [
                *(sys.executable, "-c", TWISTD, "-n", "--pidfile="),
                *("websocket", "--port", place),
            ],
            cwd=TESTED,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        """
        Kill the server.
        """
        server, self.server = self.server, None
        if server is not None:
            server.send_signal(signal.SIGKILL)
            server.wait(10)

    def makeService(self) -> ClientService:
        """
        Make a service that tries again soon.
        """
        factory = factoryOf(_Greeting)
        endpoint = WebSocketClientEndpoint(
            reactor, f"ws://127.0.0.1:{self.port}/echo", timeouts=_TIMEOUTS
        )
        return ClientService(endpoint, factory, retryPolicy=lambda failures: 0.05)

    async def reconnect(self, service: ClientService) -> BaseException:
        """
        Start the server, wait for the protocol to be connected and greeted, and
        kill the server.

        @return: what the protocol was told of that.
        """
        self.start()
        protocol: Any = await service.whenConnected()
        self.assertEqual(await protocol.greeted, b"hello")
        self.kill()
        lost: BaseException = await protocol.lost
        # The service is told after its protocol.
        await wait(0)
        return lost

    async def test_serverKilledTenTimes(self) -> None:
        """
        A server is killed and restarted ten times: the protocol is connected
        each time, and nothing of the earlier ones is left.
        """
        atFirst = await self.settle(None)
        service = self.makeService()
        service.startService()
        before: dict[str, int] = {}
        for attempt in range(10):
            self.assertIsInstance(await self.reconnect(service), WebSocketFailed)
            if attempt == 0:
                await wait(0.3)
                before = await self.settleBetween(None)
        await wait(0.3)
        self.assertEqual(await self.settleBetween(before), before)
        await service.stopService()
        del service
        self.assertEqual(await self.settle(atFirst), atFirst)

    async def settleBetween(self, expected: dict[str, int] | None) -> dict[str, int]:
        """
        Count while the service waits for its next attempt, not in one.
        """
        for _ in range(100):
            found = await self.settle(expected)
            if not found["Client"]:
                return found
        return found

    async def test_stoppedWhileConnecting(self) -> None:
        """
        A service that is stopped while a server is silent leaves nothing
        behind.
        """
        self.port = await self.listen(factoryOf(Silent))
        await self.stopSoon()
        before = await self.settle(None)
        for _ in range(self.clients):
            await self.stopSoon()
        self.assertEqual(await self.settle(before), before)

    async def stopSoon(self) -> None:
        """
        Start a service, and stop it.
        """
        service = self.makeService()
        service.startService()
        await wait(0.05)
        await service.stopService()
