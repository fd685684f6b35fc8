"""
The versions before RFC 6455 on real sockets, and everything else without them.
"""

from __future__ import annotations

import os
import socket
from contextlib import closing
from pathlib import Path
from shutil import copytree, ignore_patterns

from twisted.internet import reactor
from twisted.internet.defer import inlineCallbacks
from twisted.internet.endpoints import serverFromString
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.legacy.clients import CLIENTS, HIXIE_75_REQUEST, LegacyClient
from tests.processes import ROOT, runPython
from tests.wire.tables import frame
from txws import WebSocketFactory
from txws.demo import Echo
from txws.legacy import VERSIONS, Legacy

# A text, the echo of it, our Close, and theirs.
HIXIE = (b"\x00hello\xff", b"\x00hello\xff", b"\xff\x00", b"\xff\x00")
HYBI = (
    frame(1, b"hello", isMasked=True),
    frame(1, b"hello"),
    frame(8, b"\x03\xe8", isMasked=True),
    frame(8, b"\x03\xe8"),
)


def converse(port: int, kind: type[LegacyClient]) -> bytes:
    """
    Connect, say hello, close, and read up to the end of the connection.

    @return: all that the server has sent.
    """
    hello, _echo, close, _closed = HIXIE if kind.version[:5] == "hixie" else HYBI
    expected = kind.expected(None)
    with closing(socket.create_connection(("127.0.0.1", port), 20)) as connection:
        connection.sendall(kind.request(None))
        received = b""
        while len(received) < len(expected):
            received += connection.recv(1000)
        connection.sendall(hello)
        received += connection.recv(1000)
        if kind.hasClose:
            connection.sendall(close)
        else:
            connection.shutdown(socket.SHUT_WR)
        while data := connection.recv(1000):
            received += data
    return received


class LegacyTests(TestCase):
    """
    Tests for TCP.
    """

    if not os.environ.get("TXWS_LIVE"):
        skip = "uses real sockets; set TXWS_LIVE=1 to run it"

    timeout = 600

    @inlineCallbacks
    def serve(self):
        """
        Serve an echo to all versions.
        """
        factory = WebSocketFactory(Echo, legacy=Legacy(*VERSIONS))
        endpoint = serverFromString(reactor, "tcp:0:interface=127.0.0.1")
        port = yield endpoint.listen(factory)
        self.addCleanup(port.stopListening)
        return port.getHost().port

    @inlineCallbacks
    def test_conversations(self):
        """
        A client of each version is echoed, and its connection closed, by TCP
        too.
        """
        port = yield self.serve()
        for kind in CLIENTS:
            received = yield deferToThread(converse, port, kind)

            isHixie = kind.version.startswith("hixie")
            _hello, echo, _close, closed = HIXIE if isHixie else HYBI
            expected = kind.expected(None) + echo + (closed if kind.hasClose else b"")
            self.assertEqual(received, expected, kind.version)

    @inlineCallbacks
    def test_refused(self):
        """
        A page of another origin is refused.
        """
        port = yield self.serve()

        def ask() -> bytes:
            with closing(socket.create_connection(("127.0.0.1", port), 20)) as peer:
                peer.sendall(HIXIE_75_REQUEST.replace(b"Origin: http", b"Origin: ftp"))
                return peer.recv(1000)

        answer = yield deferToThread(ask)
        self.assertTrue(answer.startswith(b"HTTP/1.1 403 "), answer)

    @inlineCallbacks
    def test_everythingElse(self):
        """
        Everything else passes its tests where the package, its tests and its
        page are deleted.
        """
        copy = Path(self.mktemp())
        copytree(ROOT, copy, ignore=ignore_patterns("legacy*", ".*", "_*temp*"))
        self.assertFalse((copy / "txws" / "legacy").exists())
        names = sorted(
            f"tests.{path.stem}"
            for path in (copy / "tests").glob("test_*.py")
            # The pages name it.
            if path.stem != "test_features"
        )
        for tests in (names, ["tests.wire"]):
            ran = yield deferToThread(
                runPython,
                *("-m", "twisted.trial"),
                *tests,
                cwd=copy.absolute(),
                timeout=self.timeout,
            )

            self.assertEqual(ran.returncode, 0, ran.stdout[-3000:])
            self.assertIn("PASSED", ran.stdout)
