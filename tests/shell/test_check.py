"""
Tests for L{txws.shell.check}, L{txws.shell.trials} and L{txws.shell.probe}.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import SynchronousTestCase

from tests.certificates import makePEM
from tests.peers import wrapTLS
from txws.demo import Echo
from txws.factories import WebSocketFactory
from txws.handlers import WebSocketHandler
from txws.policy import HandshakePolicy, KeepalivePolicy, Limits
from txws.shell.check import Check
from txws.shell.report import Report
from txws.testing import Faults

from .internet import Internet, Saying, optionsOf


class Silent(WebSocketHandler):
    """
    Answers nothing, and closes after some silence.
    """

    def textMessageReceived(self, message: str) -> None:
        """
        Ignore it.
        """

    def bytesMessageReceived(self, data: bytes) -> None:
        """
        Ignore it.
        """


class Refusing(Silent):
    """
    Wants no binary messages.
    """

    def bytesMessageReceived(self, data: bytes) -> None:
        """
        Close.
        """
        self.transport.loseConnection(1003, "text only")


class Deaf(Factory):
    """
    Accepts the handshake, and then answers nothing.
    """

    def __init__(self, clock: Any) -> None:
        self._below = WebSocketFactory(Silent, clock=clock)

    def buildProtocol(self, addr):
        """
        Make a protocol that goes deaf.
        """
        protocol: Any = self._below.buildProtocol(addr)
        hear = protocol.dataReceived

        def hearOnce(data: bytes) -> None:
            hear(data)
            protocol.dataReceived = lambda data: None

        protocol.dataReceived = hearOnce
        return protocol


class Tunnel(Protocol):
    """
    A proxy that connects everybody to one server.
    """

    def __init__(self, server: WebSocketFactory) -> None:
        self._server = server

    def dataReceived(self, data: bytes) -> None:
        """
        Connect.
        """
        assert data.startswith(b"CONNECT inside.example:80 HTTP/1.1\r\n"), data
        self.transport.write(b"HTTP/1.1 200 OK\r\n\r\n")
        inner: Any = self._server.buildProtocol(None)
        inner.makeConnection(self.transport)
        through: Any = self
        through.dataReceived = inner.dataReceived
        through.connectionLost = inner.connectionLost


class CheckTestCase(SynchronousTestCase):
    """
    Checks servers.
    """

    def setUp(self):
        """
        Have an internet where answers take some time.
        """
        self.internet = Internet()
        self.internet.faults = Faults(delay=0.05)
        self.lines: list[str] = []

    now = staticmethod(time.time)

    def check(
        self, *arguments: str, url: str = "ws://example.com/", wait: float = 200
    ) -> Any:
        """
        Check a server.

        @return: what is told to a program.
        """
        options = optionsOf("check", *arguments, url)
        self.lines.clear()
        self.report = Report(url, self.lines.append)
        check = Check(self.internet, options, self.report, self.now)
        self.checking = Deferred.fromCoroutine(check.run())
        self.internet.run(wait)
        self.successResultOf(self.checking)
        self.assertEqual(self.internet.getDelayedCalls(), [])
        self.assertTrue(all(client.isLost for client in self.internet.clients))
        self.assertTrue(all(line.isprintable() for line in self.lines), self.lines)
        return json.loads(self.report.toJSON())

    def line(self, begin: str) -> str:
        """
        Find a line that people read.
        """
        (found,) = [line for line in self.lines if line.startswith(begin)]
        return found[13:]

    def assertProblem(self, report: Any, step: str, what: str, advice: str) -> None:
        """
        Assert that one problem is found.
        """
        (problem,) = report["problems"]
        self.assertEqual(problem["step"], step)
        self.assertIn(what, problem["what"])
        self.assertIn(advice, problem["advice"])
        self.assertEqual(report["ok"], not problem["isSerious"])


class GoodTests(CheckTestCase):
    """
    A server with which all is well.
    """

    def test_steps(self):
        """
        Each step tells what it has found, and how long it took.
        """
        self.internet.serve(
            Echo, handshake=HandshakePolicy(headers=[("Server", "test\x7f"[:4])])
        )
        report = self.check()
        self.assertTrue(report["ok"])
        self.assertEqual(report["problems"], [])
        self.assertEqual(
            report["name"],
            {"host": "example.com", "addresses": ["192.0.2.1"], "seconds": 0.0},
        )
        self.assertEqual(report["connection"]["peer"], "192.0.2.1:80")
        self.assertIsNone(report["tls"])
        handshake = report["handshake"]
        self.assertEqual((handshake["status"], handshake["subprotocol"]), (101, None))
        self.assertEqual(handshake["headers"].pop("server"), "test")
        self.assertEqual(
            handshake["headers"],
            {"sec-websocket-extensions": ", ".join(handshake["extensions"])},
        )
        (extension,) = handshake["extensions"]
        self.assertTrue(extension.startswith("permessage-deflate;"), extension)
        self.assertAlmostEqual(handshake["seconds"], 0.05, 3)
        self.assertEqual(report["roundTrip"]["count"], 5)
        for name in ("min", "median", "max"):
            self.assertAlmostEqual(report["roundTrip"][name], 0.05, 3)
        closing = report["closing"]
        self.assertEqual(
            (closing["isAnswered"], closing["code"], closing["tcpClosedBy"]),
            (True, 1000, "server"),
        )
        self.assertIsNone(report["idle"])
        self.assertEqual(self.line("verdict"), "all is well")
        self.assertEqual(
            self.line("round trip"),
            "50.0 ms / 50.0 ms / 50.0 ms (min/median/max of 5)",
        )

    def test_probes(self):
        """
        Messages of all kinds are tried.
        """
        self.internet.serve(Echo)
        probes = self.check()["probes"]
        self.assertEqual(len(probes), 5)
        for tried in probes:
            self.assertTrue(tried["isAccepted"], tried)
            self.assertEqual((tried["answers"], tried["code"]), (1, None), tried)

    def test_noProbe(self):
        """
        No message is sent, if that is not wanted.
        """
        self.internet.serve(Refusing)
        report = self.check("--no-probe", "--pings=0")
        self.assertIsNone(report["probes"])
        self.assertIsNone(report["roundTrip"])
        self.assertEqual(len(self.internet.clients), 1)

    def test_agreed(self):
        """
        What was agreed is told; that no subprotocol was is worth a note.
        """
        self.internet.serve(Echo, handshake=HandshakePolicy(subprotocols=["v1"]))
        report = self.check("-s", "v1")
        self.assertEqual(report["handshake"]["subprotocol"], "v1")
        self.assertProblem(
            {
                **self.check("-s", "v2"),
                "problems": [{**self.report.problems[0], "advice": ""}],
            },
            "handshake",
            "none of the subprotocols",
            "",
        )

    def test_unix(self):
        """
        A server at a UNIX socket has no name to be found.
        """
        self.internet.servers["/run/ws"] = WebSocketFactory(Echo, clock=self.internet)
        report = self.check(url="ws+unix:///run/ws")
        self.assertTrue(report["ok"])
        self.assertIsNone(report["name"])


class LimitTests(CheckTestCase):
    """
    What a server does not accept.
    """

    def test_refused(self):
        """
        The first message that is refused is told, with the close code, and
        is the last.
        """
        self.internet.serve(Refusing)
        report = self.check()
        probes = report["probes"]
        self.assertEqual([probe["isAccepted"] for probe in probes], [True, True, False])
        self.assertEqual((probes[2]["code"], probes[2]["reason"]), (1003, "text only"))
        self.assertTrue(report["ok"])
        self.assertIn(
            'a binary message is refused: closed by the server: 1003 "text only"',
            "\n".join(self.lines),
        )

    def test_tooBig(self):
        """
        A limit of size is found.
        """
        self.internet.serve(Echo, limits=Limits(maxMessageSize=70000))
        probes = self.check()["probes"]
        self.assertEqual((len(probes), probes[4]["code"]), (5, 1009))

    def test_deaf(self):
        """
        A server that answers no Ping and no Close is told of.
        """
        self.internet.servers[80] = Deaf(self.internet)
        report = self.check()
        steps = [problem["step"] for problem in report["problems"]]
        self.assertEqual(steps, ["roundTrip", "closing"])
        self.assertFalse(report["closing"]["isAnswered"])
        self.assertEqual(len(report["probes"]), 1)
        self.assertFalse(report["probes"][0]["isAccepted"])
        self.assertIn("nor the Ping behind it", self.line("probes"))


class ClosingTests(CheckTestCase):
    """
    How a server closes.
    """

    def test_leavesOpen(self):
        """
        A server that leaves TCP open is told of.
        """
        factory = self.internet.serve(Echo)
        build = factory.buildProtocol

        class Open:
            def buildProtocol(self, addr):
                protocol: Any = build(addr)
                make = protocol.makeConnection

                def makeConnection(transport):
                    transport.loseConnection = lambda: None
                    make(transport)

                protocol.makeConnection = makeConnection
                return protocol

        self.internet.servers[80] = Open()
        report = self.check("--no-probe")
        self.assertEqual(report["closing"]["tcpClosedBy"], "us")
        self.assertProblem(report, "closing", "leaves TCP open", "7.1.1")
        self.internet.clients.clear()


class IdleTests(CheckTestCase):
    """
    Silent connections.
    """

    def test_open(self):
        """
        A connection that survives is told so; nothing is sent meanwhile.
        """
        self.internet.serve(Echo, keepalive=KeepalivePolicy(pingInterval=None))
        report = self.check("--idle", "60", "--no-probe")
        self.assertEqual(report["idle"]["isCut"], False)
        self.assertAlmostEqual(report["idle"]["seconds"], 60, 1)
        self.assertEqual(self.line("idle"), "still open after 60 s of silence")

    def test_closed(self):
        """
        A server that hangs up is told of, and when it did.
        """
        self.internet.serve(
            Echo, keepalive=KeepalivePolicy(pingInterval=None, idleTimeout=30)
        )
        report = self.check("--idle", "60", "--no-probe")
        self.assertTrue(report["idle"]["isCut"])
        self.assertAlmostEqual(report["idle"]["seconds"], 30, 0)
        self.assertProblem(report, "idle", 'by the server: 1000 "idle"', "Pings")

    def test_dropped(self):
        """
        A connection that is open on this side alone is noticed.
        """
        self.internet.serve(Echo, keepalive=KeepalivePolicy(pingInterval=None))
        options = optionsOf("check", "--idle", "60", "--no-probe", "ws://example.com/")
        self.report = Report("", self.lines.append)
        check = Check(self.internet, options, self.report)
        checking = Deferred.fromCoroutine(check.run())
        self.internet.run(30)
        client: Any = self.internet.clients[-1]
        client.receiveData = lambda data: None
        self.internet.run(100)
        self.successResultOf(checking)
        (problem,) = self.report.problems
        self.assertIn("nothing came in 10 s", problem["what"])

    def test_interrupted(self):
        """
        Nobody has to wait for the end of it.
        """
        self.internet.serve(Echo, keepalive=KeepalivePolicy(pingInterval=None))
        options = optionsOf("check", "--idle", "60", "--no-probe", "ws://example.com/")
        check = Check(self.internet, options, Report(""))
        checking = Deferred.fromCoroutine(check.run())
        self.internet.run(30)
        checking.cancel()
        self.failureResultOf(checking)
        self.internet.run(10)
        self.assertEqual(self.internet.getDelayedCalls(), [])


class BadTests(CheckTestCase):
    """
    A server that cannot be reached, or does not agree.
    """

    def answer(self, said: str, **settings: Any) -> Any:
        """
        Check a server that says something else.
        """
        self.internet.servers[80] = Factory.forProtocol(
            lambda: Saying(said.encode("latin-1"), **settings)
        )
        return self.check()

    def test_noName(self):
        """
        There is no such name.
        """
        report = self.check(url="ws://no.example/")
        (problem,) = report["problems"]
        self.assertEqual(problem["what"], "there is no such host: no.example")
        self.assertEqual(self.line("verdict"), "1 problem")

    def test_silentName(self):
        """
        The name server does not answer.
        """
        report = self.check(url="ws://silent.example/")
        self.assertProblem(report, "name", "nameTimeout", "name server")

    def test_nobody(self):
        """
        Nothing listens there.
        """
        report = self.check()
        self.assertProblem(report, "connection", "refused", "nothing listens")
        self.assertIsNone(report["connection"])

    def test_proxy(self):
        """
        A proxy that drops the Upgrade is suspected, and what it says of itself
        shown, harmless.
        """
        report = self.answer(
            "HTTP/1.1 426 Upgrade Required\r\nServer: nginx\r\nContent-Length: 5\r\n"
            "Date: now\r\n\r\nno\x1b[m"
        )
        self.assertProblem(
            report, "handshake", "426 instead of 101: no\\x1b[m", "nginx"
        )
        self.assertEqual(
            report["handshake"], {"status": 426, "headers": {"server": "nginx"}}
        )
        self.assertEqual(self.line("handshake    426"), "426")

    def test_redirect(self):
        """
        A redirection is told, and not followed.
        """
        report = self.answer(
            "HTTP/1.1 301 Moved\r\nLocation: https://example.com/\r\n"
            "Content-Length: 0\r\n\r\n"
        )
        self.assertProblem(report, "handshake", "301", "https://example.com/")

    def test_wrongAccept(self):
        """
        An answer to another key is one from a cache.
        """
        report = self.answer(
            "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
            "Sec-WebSocket-Accept: AAAA\r\n\r\n"
        )
        self.assertProblem(report, "handshake", "Sec-WebSocket-Accept", "cache")

    def test_noHTTP(self):
        """
        Another service listens there.
        """
        report = self.answer("220 mail.example ESMTP\r\n\r\n")
        self.assertProblem(report, "handshake", "HTTP", "another service")

    def test_silent(self):
        """
        What listens there says nothing.
        """
        report = self.answer("", closes=False)
        self.assertProblem(report, "handshake", "handshakeTimeout", "TLS")

    def test_gone(self):
        """
        A server that is gone after the first connection is told of.
        """
        factory = self.internet.serve(Echo)

        class Once:
            def buildProtocol(inner, addr):
                del self.internet.servers[80]
                return factory.buildProtocol(addr)

        self.internet.servers[80] = Once()
        report = self.check()
        self.assertProblem(report, "probes", "refused", "nothing listens")


class ProxyTests(CheckTestCase):
    """
    Servers behind proxies.
    """

    proxy = ("--proxy", "http://me:secret@proxy.example:3128", "--no-probe")

    def test_through(self):
        """
        The proxy is told, without who comes; its name is found, the server's
        is left to it.
        """
        server = self.internet.serve(Echo)
        self.internet.servers[3128] = Factory.forProtocol(lambda: Tunnel(server))
        report = self.check(*self.proxy, url="ws://inside.example/")
        self.assertTrue(report["ok"])
        self.assertEqual(
            report["proxy"], {"scheme": "http", "host": "proxy.example", "port": 3128}
        )
        self.assertEqual(report["name"]["host"], "proxy.example")
        self.assertEqual(self.line("proxy"), "through http://proxy.example:3128")
        self.assertTrue(self.line("connection").endswith("through the proxy"))

    def test_environment(self):
        """
        The environment names it, if that is asked for.
        """
        self.patch(os, "environ", {"HTTP_PROXY": "proxy.example"})
        server = self.internet.serve(Echo)
        self.internet.servers[80] = Factory.forProtocol(lambda: Tunnel(server))
        report = self.check("-e", "--no-probe", url="ws://inside.example/")
        self.assertEqual((report["ok"], report["proxy"]["port"]), (True, 80))

    def test_refused(self):
        """
        A proxy that refuses is told of.
        """
        self.internet.servers[3128] = Factory.forProtocol(
            lambda: Saying(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
        )
        report = self.check(*self.proxy)
        (problem,) = report["problems"]
        self.assertEqual(problem["step"], "proxy")
        self.assertIn("403", problem["what"])


class TLSTests(CheckTestCase):
    """
    Servers over TLS.
    """

    def setUp(self):
        """
        Serve at localhost.
        """
        super().setUp()
        factory = WebSocketFactory(Echo, clock=self.internet)
        self.internet.servers[443] = wrapTLS(factory, self.internet)
        path = Path(self.mktemp())
        path.write_bytes(makePEM())
        self.authority = ("--ca", str(path), "--no-probe")

    def test_good(self):
        """
        Version, cipher and certificate are told.
        """
        report = self.check(*self.authority, url="wss://localhost/")
        tls = report["tls"]
        self.assertIn("TLSv1.", tls["version"])
        self.assertEqual((tls["subject"], tls["issuer"]), ("CN=localhost",) * 2)
        self.assertEqual((tls["names"], tls["daysLeft"]), (["localhost"], 0))
        self.assertTrue(tls["isVerified"])
        self.assertTrue(0.04 < tls["seconds"] < 0.2, tls)
        self.assertEqual(
            [problem["what"] for problem in report["problems"]],
            ["the certificate expires soon: renew it"],
        )
        self.assertTrue(report["ok"])

    def test_insecure(self):
        """
        That nothing was verified is told.
        """
        report = self.check("--insecure", "--no-probe", url="wss://localhost/")
        self.assertFalse(report["tls"]["isVerified"])
        self.assertIn("not verified", report["problems"][0]["what"])
        self.assertIn("expires soon", report["problems"][1]["what"])
        self.assertTrue(report["ok"])

    def test_expired(self):
        """
        That a certificate has expired is told also to whom nothing is verified.
        """
        self.now = lambda: time.time() + 3 * 86400
        report = self.check("--insecure", "--no-probe", url="wss://localhost/")
        self.assertEqual(
            report["problems"][1]["what"], "the certificate has expired: renew it"
        )
        self.assertNotIn("left", "".join(self.lines))

    def test_untrusted(self):
        """
        A certificate that is not trusted is shown, so that one can see why.
        """
        report = self.check(url="wss://localhost/")
        self.assertProblem(report, "tls", "certificate verify failed", "--ca")
        self.assertEqual(report["tls"]["subject"], "CN=localhost")
        self.assertFalse(report["tls"]["isVerified"])

    def test_otherName(self):
        """
        So is one that is for another name.
        """
        report = self.check(*self.authority, url="wss://example.com/")
        self.assertEqual(report["problems"][0]["step"], "tls")
        self.assertEqual(report["tls"]["names"], ["localhost"])

    def test_noTLS(self):
        """
        What listens there does not speak TLS, and there is no certificate to
        be seen.
        """
        self.internet.servers[443] = Factory.forProtocol(
            lambda: Saying(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        )
        report = self.check(url="wss://localhost/")
        self.assertProblem(report, "tls", "TLS failed", "ws instead")
        self.assertIsNone(report["tls"])
