"""
Tests for L{txws.resource}.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txws.demo import Echo
from txws.factories import WebSocketFactory
from txws.resource import makePageSite
from txws.wire.codes import Opcode

from .peers import Answer, RawPeer, makeRequest

PAGE = "<!doctype html><title>ä</title>".encode()


class PageTests(SynchronousTestCase):
    """
    A site of one page stands beside WebSockets.
    """

    def setUp(self):
        """
        Make a server.
        """
        self.clock = Clock()
        self.factory = WebSocketFactory(
            Echo, site=makePageSite(PAGE, self.clock), clock=self.clock
        )

    def ask(self, method: str, target: str) -> Answer:
        """
        Ask by plain HTTP.
        """
        peer = RawPeer(self.factory)
        peer.send(f"{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        return peer.takeAnswer()

    def test_page(self):
        """
        The page is at C{/}, as HTML in UTF-8.
        """
        answer = self.ask("GET", "/")

        self.assertEqual((answer.status, answer.body), (200, PAGE))
        self.assertEqual(answer.headers.get("Content-Type"), "text/html; charset=utf-8")

    def test_query(self):
        """
        A query changes nothing.
        """
        self.assertEqual(self.ask("GET", "/?x=1").body, PAGE)

    def test_head(self):
        """
        HEAD gets the length of the page, and not the page.
        """
        answer = self.ask("HEAD", "/")

        self.assertEqual((answer.status, answer.body), (200, b""))
        self.assertEqual(answer.headers.get("Content-Length"), str(len(PAGE)))

    def test_nothingElse(self):
        """
        Nothing else is there, and nothing can be sent there.
        """
        for method, target, status in (
            ("GET", "/index.html", 404),
            ("GET", "//", 404),
            ("GET", "/../etc/passwd", 404),
            ("POST", "/", 405),
        ):
            self.assertEqual(self.ask(method, target).status, status, target)

    def test_body(self):
        """
        Whoever sends a body is disconnected when it begins: nobody reads it,
        and kept it would fill the disk.
        """
        for header, chunk in (
            (b"Content-Length: 1000000000000", bytes(1000)),
            (b"Content-Length: 1", b"a"),
            (b"Transfer-Encoding: chunked", b"3e8\r\n" + bytes(1000) + b"\r\n"),
        ):
            peer = RawPeer(self.factory)
            peer.send(b"POST / HTTP/1.1\r\nHost: a\r\n" + header + b"\r\n\r\n")

            peer.send(chunk)
            peer.transport.takeData()

            self.assertTrue(peer.isAborted, header)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_oneAnswer(self):
        """
        A connection gets one answer, which says that it is the last: a peer
        that goes on asking without reading makes the server keep no more.
        """
        for version in (b"1.1", b"1.0"):
            peer = RawPeer(self.factory)

            peer.send(b"GET / HTTP/%s\r\nHost: a\r\n\r\n" % version * 1000)
            peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 1000)

            answer = peer.takeAnswer()
            self.assertEqual(answer.body, PAGE)
            self.assertEqual(answer.headers.get("Connection"), "close")
            self.assertTrue(peer.isAborted)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_deafBrowser(self):
        """
        A browser that does not take its answer is given up, by the clock that
        was given.
        """
        peer = RawPeer(self.factory)
        peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")

        self.clock.pump([1] * 60)
        self.assertFalse(peer.transport.isLost)
        self.clock.pump([1] * 60)

        self.assertTrue(peer.isAborted)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_webSocketsBesideIt(self):
        """
        WebSockets are served all the same, on the same path.
        """
        peer = RawPeer(self.factory)
        peer.send(makeRequest())
        self.assertEqual(peer.takeAnswer().status, 101)

        peer.sendFrame(Opcode.TEXT, b"hello")

        self.assertEqual(peer.takeMessages(), ["hello"])
