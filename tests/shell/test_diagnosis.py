"""
Tests for L{txws.shell.diagnosis}.
"""

from __future__ import annotations

from twisted.internet import error as network
from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase

from txws.errors import (
    DeadlineExpired,
    HandshakeRefused,
    InvalidSetting,
    RedirectRefused,
    TLSFailed,
    WebSocketClosed,
    WebSocketFailed,
)
from txws.shell.diagnosis import advise, explain, isClean, tellEnd
from txws.wire.events import CloseStatus


class ExplainTests(SynchronousTestCase):
    """
    What went wrong is said in one sentence.
    """

    def test_sentences(self):
        """
        Each error has its sentence, of which a terminal obeys nothing.
        """
        for error, said in (
            (
                HandshakeRefused("answered 403", 403, (), b"no\n\x1b[31m"),
                "answered 403: no \\x1b[31m",
            ),
            (HandshakeRefused("no answer"), "no answer"),
            (RedirectRefused("too far", "http://\x1b/"), "too far: http://\\x1b/"),
            (InvalidSetting("url", "is none"), "url is none"),
            (network.DNSLookupError("x"), "there is no such host: x"),
            (network.ConnectionRefusedError(), "connection refused"),
            (network.TimeoutError(), "the host does not answer in time"),
            (
                network.ConnectError(111, "no route"),
                "cannot connect: An error occurred while connecting: 111: no route",
            ),
            (CancelledError(), "interrupted"),
            (TLSFailed("expired"), "TLS failed: expired"),
            (
                WebSocketFailed(DeadlineExpired("pingTimeout", 20)),
                "the connection failed: the peer exceeded pingTimeout of 20 s",
            ),
            (ValueError(), "ValueError"),
        ):
            self.assertEqual(explain(error), said)


class AdviseTests(SynchronousTestCase):
    """
    What is likely to be the reason.
    """

    def test_statuses(self):
        """
        A proxy that drops the Upgrade is suspected where it may be one.
        """
        for status in (200, 400, 404, 426):
            advice = advise(HandshakeRefused("refused", status))
            self.assertIn("proxy", advice, status)
            self.assertIn("Upgrade", advice, status)
        for status, word in (
            (0, "HTTP"),
            (101, "cache"),
            (401, "--header"),
            (403, "--origin"),
            (502, "behind"),
            (503, "down"),
        ):
            self.assertIn(word, advise(HandshakeRefused("refused", status)), status)
        self.assertIsNone(advise(HandshakeRefused("refused", 299)))

    def test_redirect(self):
        """
        A redirection says where the server is.
        """
        headers = (("Location", "https://example.com/\x1b"),)
        advice = advise(HandshakeRefused("refused", 301, headers))
        self.assertIn("https://example.com/\\x1b", advice)
        self.assertIn("wss", advice)
        self.assertIsNone(advise(HandshakeRefused("refused", 304)))

    def test_network(self):
        """
        Deadlines, refused connections and TLS have their likely reasons.
        """
        for error, word in (
            (WebSocketFailed(DeadlineExpired("handshakeTimeout", 10)), "TLS"),
            (DeadlineExpired("connectTimeout", 10), "firewall"),
            (DeadlineExpired("nameTimeout", 10), "name server"),
            (network.ConnectionRefusedError(), "listens"),
            (TLSFailed("wrong version number"), "ws instead"),
            (TLSFailed("certificate verify failed"), "--ca"),
        ):
            self.assertIn(word, advise(error))
        self.assertIsNone(advise(TLSFailed("bad luck")))
        self.assertIsNone(advise(ValueError()))


class EndTests(SynchronousTestCase):
    """
    Who closed, with what.
    """

    def test_told(self):
        """
        The end says who closed first, and whether it was as it should be.
        """
        bye, done = CloseStatus(4000, "bye\x1b"), CloseStatus(1000, "")
        none = CloseStatus(1005, "")
        late = DeadlineExpired("closeTimeout", 5)
        gone = OSError("gone")
        for ended, said, clean in (
            (
                WebSocketClosed(bye, bye, True),
                'closed by the server: 4000 "bye\\x1b"',
                False,
            ),
            (WebSocketClosed(done, done, True), "closed by the server: 1000", True),
            (
                WebSocketClosed(none, none, True),
                "closed by the server: without a code",
                True,
            ),
            (
                WebSocketClosed(done, bye, False),
                'closed by us: 4000 "bye\\x1b"; the server answered 1000',
                True,
            ),
            (
                WebSocketFailed(gone),
                f"the connection failed: {gone}",
                False,
            ),
            (
                WebSocketFailed(late, None, done),
                f"the connection failed: {late}; we had sent 1000",
                False,
            ),
        ):
            self.assertEqual(tellEnd(ended), said)
            self.assertEqual(isClean(ended), clean, said)
