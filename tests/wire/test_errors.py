"""
Tests for L{txws.wire.errors}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txws.wire.codes import CloseCode
from txws.wire.errors import (
    BadFrame,
    BadHandshake,
    BadPayload,
    ConnectionStateError,
    ExtensionViolation,
    HandshakeRefused,
    MessageTooBig,
    Violation,
    WireError,
)


class ErrorsTests(SynchronousTestCase):
    """
    An error says what was wrong and how it is answered.
    """

    def test_closeCodes(self):
        """
        Each kind of violation has the close code of RFC 6455 section 7.4.1.
        """
        for kind, closeCode in (
            (Violation, CloseCode.PROTOCOL_ERROR),
            (BadFrame, CloseCode.PROTOCOL_ERROR),
            (ExtensionViolation, CloseCode.PROTOCOL_ERROR),
            (BadPayload, CloseCode.INVALID_PAYLOAD_DATA),
            (MessageTooBig, CloseCode.MESSAGE_TOO_BIG),
        ):
            violation = kind("too loud")
            self.assertIs(violation.closeCode, closeCode, kind)
            self.assertEqual(violation.explanation, "too loud")
            self.assertEqual(str(violation), "too loud")
            self.assertIsInstance(violation, Violation)

    def test_oneBase(self):
        """
        One C{except} catches all that the wire raises.
        """
        for error in (
            ConnectionStateError("open", "singing"),
            Violation("too loud"),
            BadHandshake(400, "too shy"),
            HandshakeRefused("too late"),
        ):
            self.assertIsInstance(error, WireError)

    def test_stateError(self):
        """
        A call at the wrong time is told which state did not allow what.
        """
        error = ConnectionStateError("closing", "sending a Ping")
        self.assertEqual(error.state, "closing")
        self.assertEqual(error.act, "sending a Ping")
        self.assertEqual(str(error), "sending a Ping is not possible in state closing")

    def test_badHandshake(self):
        """
        A refused handshake has what its HTTP answer needs.
        """
        error = BadHandshake(426, "too old", [("Upgrade", "websocket")])
        self.assertEqual(error.status, 426)
        self.assertEqual(error.explanation, "too old")
        self.assertEqual(error.headers, (("Upgrade", "websocket"),))
        self.assertEqual(str(error), "426: too old")
        self.assertEqual(BadHandshake(400, "wrong").headers, ())

    def test_statusThatRefusesNothing(self):
        """
        What is refused is refused by a status of HTTP that says no.
        """
        for status in (0, 101, 200, 299, 600, 999, -403):
            self.assertRaises(ValueError, BadHandshake, status, "no")
        for status in (300, 302, 403, 599):
            self.assertEqual(BadHandshake(status, "no").status, status)

    def test_wrongArguments(self):
        """
        What cannot be sent as an answer is told by name where the handshake is
        refused.
        """
        for setting, arguments in (
            ("status must be int, not str", ("403", "no")),
            ("status must be int, not float", (403.0, "no")),
            ("explanation must be str, not bytes", (403, b"no")),
            ("explanation must be str, not NoneType", (403, None)),
            ("body must be bytes, not str", (403, "no", (), "<b>No</b>")),
            ("body must be bytes, not bytearray", (403, "no", (), bytearray(b"No"))),
        ):
            error = self.assertRaises(TypeError, BadHandshake, *arguments)
            self.assertEqual(str(error), setting)

    def test_wrongHeaders(self):
        """
        Header fields are pairs of text; whatever else they may be is told where
        the handshake is refused.
        """
        for headers in (
            {"Retry-After": "9"},
            ["Retry-After"],
            "Retry-After",
            [("Retry-After",)],
            [("Retry-After", "9", "s")],
            [("Retry-After", 9)],
            [(b"Retry-After", b"9")],
            None,
        ):
            self.assertRaises(TypeError, BadHandshake, 503, "later", headers)
        self.assertEqual(
            BadHandshake(503, "later", [("Retry-After", "9")]).headers,
            (("Retry-After", "9"),),
        )

    def test_handshakeRefused(self):
        """
        A client learns what the server answered, if it did.
        """
        error = HandshakeRefused("not now", 503, [("Retry-After", "9")], b"Full.")
        self.assertEqual(error.explanation, "not now")
        self.assertEqual(str(error), "not now")
        self.assertEqual(error.status, 503)
        self.assertEqual(error.headers, (("Retry-After", "9"),))
        self.assertEqual(error.body, b"Full.")

    def test_handshakeRefusedWithoutAnswer(self):
        """
        Without an HTTP answer there is no status, header or body.
        """
        error = HandshakeRefused("silence")
        self.assertEqual((error.status, error.headers, error.body), (0, (), b""))
