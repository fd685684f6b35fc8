"""
Tests for L{txws.wire.codes}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txws.wire.codes import CloseCode, Opcode, isSendableCloseCode


class CodesTests(SynchronousTestCase):
    """
    The numbers are those of the RFC and of its registry.
    """

    def test_opcodes(self):
        """
        The opcodes are those that RFC 6455 section 5.2 defines, and no other.
        """
        self.assertEqual(
            {opcode.name: opcode.value for opcode in Opcode},
            {
                "CONTINUATION": 0,
                "TEXT": 1,
                "BINARY": 2,
                "CLOSE": 8,
                "PING": 9,
                "PONG": 10,
            },
        )

    def test_closeCodes(self):
        """
        The close codes are those of RFC 6455 section 7.4.1 and the registry.
        """
        self.assertEqual(
            {code.value: code.name for code in CloseCode},
            {
                1000: "NORMAL_CLOSURE",
                1001: "GOING_AWAY",
                1002: "PROTOCOL_ERROR",
                1003: "UNSUPPORTED_DATA",
                1005: "NO_STATUS_RECEIVED",
                1006: "ABNORMAL_CLOSURE",
                1007: "INVALID_PAYLOAD_DATA",
                1008: "POLICY_VIOLATION",
                1009: "MESSAGE_TOO_BIG",
                1010: "MANDATORY_EXTENSION",
                1011: "INTERNAL_ERROR",
                1012: "SERVICE_RESTART",
                1013: "TRY_AGAIN_LATER",
                1014: "BAD_GATEWAY",
                1015: "TLS_HANDSHAKE",
            },
        )

    def test_sendableCloseCodes(self):
        """
        Of all numbers, only the registered close codes and those of libraries
        and applications may travel in a Close.
        """
        registered = {*range(1000, 1004), *range(1007, 1015)}
        sendable = {code for code in range(-1, 65537) if isSendableCloseCode(code)}
        self.assertEqual(sendable, registered | {*range(3000, 5000)})
