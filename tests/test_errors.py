"""
Tests for L{txws.errors}.
"""

from __future__ import annotations

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from txws import errors
from txws.errors import (
    DeadlineExpired,
    InvalidSetting,
    ProxyRefused,
    WebSocketClosed,
    WebSocketFailed,
)
from txws.wire.events import CloseStatus

NORMAL = CloseStatus(1000, "")
AWAY = CloseStatus(1001, "moving")
NO_STATUS = CloseStatus(1005, "")


class ErrorTests(SynchronousTestCase):
    """
    Tests for what is raised.
    """

    def test_public(self):
        """
        All that applications may catch is in one module.
        """
        for name in errors.__all__:
            self.assertTrue(issubclass(getattr(errors, name), Exception), name)

    def test_invalidSetting(self):
        """
        A setting that makes no sense is named, with what is wrong with it.
        """
        error = InvalidSetting("size", "must be more than 0")
        self.assertIsInstance(error, ValueError)
        self.assertEqual(
            (str(error), error.setting, error.problem),
            ("size must be more than 0", "size", "must be more than 0"),
        )

    def test_deadlineExpired(self):
        """
        A deadline is told by the setting that makes it, and how long it was.
        """
        error = DeadlineExpired("pingTimeout", 20.0)
        self.assertEqual(
            (str(error), error.deadline, error.seconds),
            ("the peer exceeded pingTimeout of 20 s", "pingTimeout", 20.0),
        )

    def test_proxyRefused(self):
        """
        What a proxy refuses with is there as a sentence and as numbers.
        """
        error = ProxyRefused("no", status=403, headers=[("Via", "x")], body=b"!")
        self.assertEqual((str(error), error.explanation), ("no", "no"))
        self.assertEqual((error.status, error.reply), (403, None))
        self.assertEqual((error.headers, error.body), ((("Via", "x"),), b"!"))
        self.assertEqual(ProxyRefused("no", reply=5).reply, 5)


class WebSocketClosedTests(SynchronousTestCase):
    """
    Tests for L{WebSocketClosed}.
    """

    def test_connectionDone(self):
        """
        Protocols that know nothing of WebSocket take it for a clean end.
        """
        failure = Failure(WebSocketClosed(NORMAL, NORMAL, True))
        self.assertIs(failure.check(ConnectionDone), ConnectionDone)
        self.assertIsNone(failure.check(ConnectionLost))

    def test_code(self):
        """
        The code and the reason of the connection are the peer's.
        """
        closed = WebSocketClosed(AWAY, NORMAL, True)
        self.assertEqual((closed.code, closed.reason), (1001, "moving"))
        self.assertEqual((closed.received, closed.sent), (AWAY, NORMAL))
        self.assertTrue(closed.isReceivedFirst)

    def test_noCode(self):
        """
        A Close without a code counts as 1005.
        """
        self.assertEqual(WebSocketClosed(NO_STATUS, NORMAL, False).code, 1005)

    def test_text(self):
        """
        It says who closed with what, in which order.
        """
        for closed, text in (
            (
                WebSocketClosed(AWAY, NORMAL, True),
                "received 1001 'moving', then sent 1000",
            ),
            (
                WebSocketClosed(NORMAL, AWAY, False),
                "sent 1001 'moving', then received 1000",
            ),
            (
                WebSocketClosed(NO_STATUS, NO_STATUS, True),
                "received a Close without a code, then sent a Close without a code",
            ),
        ):
            self.assertEqual(
                str(closed), f"The WebSocket connection was closed: {text}."
            )

    def test_escapes(self):
        """
        What the peer gives as a reason cannot pretend to be something else,
        nor give orders to a terminal.
        """
        evil = CloseStatus(1000, "x\r\n\x1b[31m'")
        text = str(WebSocketClosed(evil, NORMAL, True))
        self.assertIn(repr(evil.reason), text)
        self.assertTrue(text.isprintable())


class WebSocketFailedTests(SynchronousTestCase):
    """
    Tests for L{WebSocketFailed}.
    """

    def test_connectionLost(self):
        """
        Protocols that know nothing of WebSocket take it for a broken
        connection.
        """
        failure = Failure(WebSocketFailed(ConnectionDone()))
        self.assertIs(failure.check(ConnectionLost), ConnectionLost)
        self.assertIsNone(failure.check(ConnectionDone))

    def test_code(self):
        """
        Without a Close from the peer the code is 1006 and there is no reason.
        """
        failed = WebSocketFailed(ConnectionDone(), sent=AWAY)
        self.assertEqual((failed.code, failed.reason), (1006, ""))
        self.assertIs(failed.sent, AWAY)
        self.assertIsNone(failed.received)
        self.assertFalse(failed.isReceivedFirst)

    def test_codeAfterAClose(self):
        """
        If the peer did send a Close, its code counts.
        """
        failed = WebSocketFailed(ConnectionDone(), AWAY, NORMAL, True)
        self.assertEqual((failed.code, failed.reason), (1001, "moving"))

    def test_text(self):
        """
        It says why, and what was said before.
        """
        cause = DeadlineExpired("closeTimeout", 5)
        why = "the peer exceeded closeTimeout of 5 s"
        for failed, told in (
            (WebSocketFailed(cause), "no Close sent or received"),
            (WebSocketFailed(cause, sent=NORMAL), "sent 1000"),
            (
                WebSocketFailed(cause, AWAY, NORMAL, True),
                "received 1001 'moving', then sent 1000",
            ),
        ):
            self.assertIs(failed.cause, cause)
            self.assertEqual(
                str(failed), f"The WebSocket connection failed: {why} ({told})."
            )
