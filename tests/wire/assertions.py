"""
Assertions that speak RFC 6455.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from txws.wire.codes import Opcode
from txws.wire.connection import Connection
from txws.wire.errors import BadHandshake, HandshakeRefused, Violation
from txws.wire.states import ConnectionState

from .tables import sentFrames


class WireTestCase(SynchronousTestCase):
    """
    Judges connections and opening handshakes.
    """

    def assertFailed(
        self, connection: Connection, closeCode: int, case: object = None
    ) -> None:
        """
        Assert that a connection was failed: that the last frame that it sent,
        and no other one, is a Close with a close code, RFC 6455 section 7.1.7.

        @param case: which case of a table this is.
        """
        frames = sentFrames(connection)
        codes = [
            int.from_bytes(frame.payload[:2], "big")
            for frame in frames
            if frame.opcode is Opcode.CLOSE
        ]
        self.assertEqual(codes, [closeCode], case)
        self.assertIs(frames[-1].opcode, Opcode.CLOSE, case)
        status = connection.closeSent
        assert status is not None
        self.assertEqual(status.code, closeCode, case)
        self.assertIs(connection.state, ConnectionState.FAILED, case)

    def assertViolation(
        self,
        kind: type[Violation],
        case: object,
        act: Callable[..., object],
        *arguments: object,
    ) -> str:
        """
        Assert that a call finds a violation of one kind.

        @param case: which case of a table this is.
        @return: the explanation.
        """
        try:
            returned = act(*arguments)
        except Violation as violation:
            self.assertIs(type(violation), kind, case)
            return violation.explanation
        return self.fail(f"{case!r}: returned {returned!r}")

    def assertRefused(
        self,
        status: int,
        explanation: str,
        act: Callable[..., object],
        *arguments: object,
    ) -> BadHandshake:
        """
        Assert that a server refuses a handshake, and with which HTTP status
        and explanation.
        """
        try:
            returned = act(*arguments)
        except BadHandshake as error:
            self.assertEqual((error.status, error.explanation), (status, explanation))
            return error
        return self.fail(f"{explanation!r}: returned {returned!r}")

    def assertAnswerRefused(
        self, explanation: str, act: Callable[..., object], *arguments: object
    ) -> HandshakeRefused:
        """
        Assert that a client refuses a server's answer, and why.
        """
        try:
            returned = act(*arguments)
        except HandshakeRefused as error:
            self.assertEqual(error.explanation, explanation)
            return error
        return self.fail(f"{explanation!r}: returned {returned!r}")
