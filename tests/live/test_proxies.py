"""
WebSocket through real proxies: tinyproxy, squid and microsocks, those that are
installed; and what memory cannot show about connections closed in halves.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.endpoints import (
    TCP4ClientEndpoint,
    clientFromString,
    serverFromString,
    wrapClientTLS,
)
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.ssl import PrivateCertificate, optionsForClientTLS
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from tests.certificates import makePEM
from txws import Limits, WebSocketFactory, WebSocketHandler
from txws.client import ClientSettings, WebSocketClientProtocol
from txws.demo import Echo
from txws.errors import ProxyRefused
from txws.proxies import HTTPProxyEndpoint, Proxy, SOCKSProxyEndpoint

_TINYPROXY = """
Port {port}
Listen 127.0.0.1
Timeout 60
LogLevel Critical
LogFile "{home}/log"
BasicAuth user secret
"""

_SQUID = """
http_port 127.0.0.1:{port}
auth_param digest program {prefix}/lib/squid/digest_file_auth {home}/users
auth_param digest realm txws
auth_param digest children 1
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
cache_effective_user nobody
pid_filename none
cache_log {home}/log
access_log none
cache deny all
cache_mem 0
memory_cache_shared off
netdb_filename none
pinger_enable off
shutdown_lifetime 0 seconds
mime_table {prefix}/share/squid/mime.conf
icon_directory {prefix}/share/squid/icons
error_directory {prefix}/share/squid-langpack/templates
err_page_stylesheet {prefix}/../etc/squid/errorpage.css
unlinkd_program {prefix}/lib/squid/unlinkd
logfile_daemon {prefix}/lib/squid/log_file_daemon
"""


def _find(program: str) -> str | None:
    """
    Find a program, also where only root looks.
    """
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def _freePort() -> int:
    """
    Find a port that nobody listens on.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


class _One(Factory):
    """
    A factory of one protocol.
    """

    noisy = False

    def __init__(self, protocol) -> None:
        self._made = protocol

    def buildProtocol(self, addr):
        """
        Return it.
        """
        return self._made


class _Receiver(WebSocketHandler):
    """
    Waits for a message, and for the end.
    """

    def __init__(self) -> None:
        self.message: Deferred[str] = Deferred()
        self.lost: Deferred[None] = Deferred()

    def textMessageReceived(self, message: str) -> None:
        """
        Fire.
        """
        self.message.callback(message)

    def connectionLost(self, reason) -> None:
        """
        Fire.
        """
        self.lost.callback(None)


class ProxyTestCase(TestCase):
    """
    Connects through a program that is run for the test.
    """

    if not os.environ.get("TXWS_LIVE"):
        skip = "uses real sockets; set TXWS_LIVE=1 to run it"

    timeout = 60

    @inlineCallbacks
    def start(self, arguments, port):
        """
        Run a proxy until the test is over.
        """
        process = subprocess.Popen(
            arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

        def stop() -> None:
            process.terminate()
            process.wait(10)

        self.addCleanup(stop)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                yield deferLater(reactor, 0.05)
            else:
                return
        self.fail(f"{arguments[0]} does not listen")

    def home(self) -> Path:
        """
        Make a folder that a proxy can read whoever it runs as.
        """
        home = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, home)
        home.chmod(0o777)
        return home

    @inlineCallbacks
    def serve(self, description: str):
        """
        Serve an echo.
        """
        port = yield serverFromString(reactor, description).listen(
            WebSocketFactory(Echo)
        )
        self.addCleanup(port.stopListening)
        return port.getHost().port

    def through(self, url: str, host: str, port: int):
        """
        Make an endpoint that leads through a proxy.
        """
        proxy = Proxy.parse(url)
        below = clientFromString(reactor, f"tcp:{proxy.host}:{proxy.port}")
        if proxy.isSOCKS:
            return SOCKSProxyEndpoint(below, host, port, proxy, reactor, 10)
        limits = Limits().headLimits
        return HTTPProxyEndpoint(below, host, port, proxy, reactor, 10, limits)

    @inlineCallbacks
    def echo(self, endpoint):
        """
        Send a message, and wait for its echo.
        """
        handler = _Receiver()
        client = WebSocketClientProtocol(
            ClientSettings("localhost", "/", reactor), handler
        )
        yield endpoint.connect(_One(client))
        yield client.opened
        text = "hello" * 50_000
        handler.transport.sendTextMessage(text)
        received = yield handler.message
        self.assertEqual(received, text)
        handler.transport.loseConnection()
        yield handler.lost

    @inlineCallbacks
    def checkEcho(self, url: str):
        """
        Speak WebSocket through a proxy, with TLS and without.
        """
        port = yield self.serve("tcp:0:interface=127.0.0.1")
        yield self.echo(self.through(url, "localhost", port))
        yield self.echo(self.through(url, "127.0.0.1", port))
        pem = self.home() / "pem"
        pem.write_bytes(makePEM())
        port = yield self.serve(f"ssl:0:interface=127.0.0.1:privateKey={pem}")
        options = optionsForClientTLS(
            "localhost", trustRoot=PrivateCertificate.loadPEM(makePEM())
        )
        yield self.echo(wrapClientTLS(options, self.through(url, "localhost", port)))

    @inlineCallbacks
    def refusal(self, url: str, port: int):
        """
        Find out what a proxy refuses with.
        """
        connecting = self.through(url, "127.0.0.1", port).connect(_One(Protocol()))
        refused = yield self.assertFailure(connecting, ProxyRefused)
        self.assertNotIn("wrong", str(refused))
        return refused


class TinyproxyTests(ProxyTestCase):
    """
    Tests for tinyproxy, which asks for Basic.
    """

    if not _find("tinyproxy"):
        skip = "SKIPPED: tinyproxy is not installed"

    @inlineCallbacks
    def test_tinyproxy(self):
        """
        WebSocket goes through it; a wrong password and a closed port are told.
        """
        port, home = _freePort(), self.home()
        settings = home / "conf"
        settings.write_text(_TINYPROXY.format(port=port, home=home))
        yield self.start([_find("tinyproxy"), "-d", "-c", str(settings)], port)
        yield self.checkEcho(f"http://user:secret@127.0.0.1:{port}")
        refused = yield self.refusal(f"http://user:wrong@127.0.0.1:{port}", 9)
        self.assertIn(refused.status, (401, 407))
        refused = yield self.refusal(
            f"http://user:secret@127.0.0.1:{port}", _freePort()
        )
        self.assertGreaterEqual(refused.status, 500)


class SquidTests(ProxyTestCase):
    """
    Tests for squid, which asks for Digest.
    """

    if not _find("squid"):
        skip = "SKIPPED: squid is not installed"

    @inlineCallbacks
    def test_squid(self):
        """
        WebSocket goes through it; a wrong password, none at all and a closed
        port are told.
        """
        program = _find("squid")
        port, home = _freePort(), self.home()
        prefix = Path(str(program)).resolve().parents[1]
        settings = home / "conf"
        settings.write_text(_SQUID.format(port=port, home=home, prefix=prefix))
        (home / "users").write_text("user:secret\n")
        name = f"txws{os.getpid()}"
        yield self.start([program, "-N", "-n", name, "-f", str(settings)], port)
        yield self.checkEcho(f"http://user:secret@127.0.0.1:{port}")
        for url in (f"http://user:wrong@127.0.0.1:{port}", f"http://127.0.0.1:{port}"):
            refused = yield self.refusal(url, 9)
            self.assertEqual(refused.status, 407)
        refused = yield self.refusal(
            f"http://user:secret@127.0.0.1:{port}", _freePort()
        )
        self.assertEqual(refused.status, 503)


class MicrosocksTests(ProxyTestCase):
    """
    Tests for microsocks, which speaks SOCKS5.
    """

    if not _find("microsocks"):
        skip = "SKIPPED: microsocks is not installed"

    @inlineCallbacks
    def test_microsocks(self):
        """
        WebSocket goes through it; a closed port is told.
        """
        port = _freePort()
        yield self.start(
            [_find("microsocks"), "-i", "127.0.0.1", "-p", str(port)], port
        )
        yield self.checkEcho(f"socks5://127.0.0.1:{port}")
        refused = yield self.refusal(f"socks5h://127.0.0.1:{port}", _freePort())
        self.assertEqual(refused.reply, 5)

    @inlineCallbacks
    def test_password(self):
        """
        With a username and a password too; wrong ones are told.
        """
        port = _freePort()
        listen = ["-i", "127.0.0.1", "-p", str(port), "-u", "user", "-P", "secret"]
        yield self.start([_find("microsocks"), *listen], port)
        yield self.checkEcho(f"socks5://user:secret@127.0.0.1:{port}")
        refused = yield self.refusal(f"socks5://user:wrong@127.0.0.1:{port}", 9)
        self.assertIn("password", str(refused))
        refused = yield self.refusal(f"socks5://127.0.0.1:{port}", 9)
        self.assertIn("wants", str(refused))


class _HalfClosing(Protocol):
    """
    A proxy, and a server that ends what it says and goes on to listen.
    """

    def __init__(self) -> None:
        self.received = b""
        self.lost: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        """
        Answer, once, and note the rest.
        """
        if b"CONNECT" in data:
            self.transport.write(b"HTTP/1.1 200 OK\r\n\r\nbye")
            self.transport.loseWriteConnection()
        else:
            self.received += data

    def connectionLost(self, reason=connectionDone) -> None:
        """
        Fire.
        """
        self.lost.callback(None)


class _Inner(Protocol):
    """
    Notes what it is told.
    """

    def __init__(self) -> None:
        self.received = b""
        self.lost: Deferred[object] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        """
        Note it.
        """
        self.received += data

    def connectionLost(self, reason=connectionDone) -> None:
        """
        Fire.
        """
        self.lost.callback(reason.type)


@implementer(IHalfCloseableProtocol)
class _HalfInner(_Inner):
    """
    Speaks on when the peer has ended.
    """

    def readConnectionLost(self) -> None:
        """
        Have the last word.
        """
        self.transport.write(b"last")
        self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """
        Not used here.
        """


class HalfTests(ProxyTestCase):
    """
    Connections that the peer closes for writing alone.
    """

    @inlineCallbacks
    def connect(self, inner):
        """
        Connect a protocol, and wait for the end of both sides.
        """
        peer = _HalfClosing()
        port = yield serverFromString(reactor, "tcp:0:interface=127.0.0.1").listen(
            _One(peer)
        )
        self.addCleanup(port.stopListening)
        below = TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)
        endpoint = HTTPProxyEndpoint(
            below,
            "localhost",
            80,
            Proxy("http", "127.0.0.1", 80),
            reactor,
            5,
            Limits().headLimits,
        )
        yield endpoint.connect(_One(inner))
        reason = yield inner.lost
        yield peer.lost
        self.assertEqual(inner.received, b"bye")
        self.assertIs(reason, connectionDone.type)
        return peer

    @inlineCallbacks
    def test_halves(self):
        """
        A protocol that knows halves has the last word.
        """
        peer = yield self.connect(_HalfInner())
        self.assertEqual(peer.received, b"last")

    @inlineCallbacks
    def test_wholes(self):
        """
        One that does not is told that the connection was closed.
        """
        peer = yield self.connect(_Inner())
        self.assertEqual(peer.received, b"")
