"""
Tests for L{txws.wire.closeframe}.
"""

from __future__ import annotations

from txws.wire.codes import CloseCode, Opcode
from txws.wire.errors import BadFrame
from txws.wire.events import ViolationReceived
from txws.wire.frames import RSV1, Frame
from txws.wire.states import ConnectionState, Role

from .assertions import WireTestCase
from .tables import (
    BAD_TEXTS,
    CUT_TEXTS,
    closeBody,
    dribble,
    frame,
    makeConnection,
    peerFrame,
    receive,
    sentFrames,
    splits,
)

CLOSE = Opcode.CLOSE
FAILED = ConnectionState.FAILED
NORMAL = b"\x03\xe8"


class BadCloseTests(WireTestCase):
    """
    A Close that is itself a violation fails the connection.
    """

    def test_badClose(self):
        """
        Half a close code, a code that may not travel, and a reason that is not
        UTF-8 are violations.
        """
        for payload, code, explanation in (
            (b"\x03", 1002, "a Close carries half a close code"),
            (closeBody(999), 1002, "close code 999 may not be sent"),
            (closeBody(1005, "a"), 1002, "close code 1005 may not be sent"),
            *(
                (NORMAL + b"a" + bad, 1007, "a close reason is not UTF-8")
                for bad in (*(each[0] for each in BAD_TEXTS), *CUT_TEXTS)
            ),
        ):
            for role in Role:
                connection = makeConnection(role)
                close = peerFrame(role, CLOSE, payload)
                (event,) = receive(connection, *dribble(close), close)
                self.assertEqual(event.violation.explanation, explanation)
                self.assertFailed(connection, code, payload)
                self.assertIs(connection.state, FAILED)
                self.assertIs(connection.closeReceived, None)
                self.assertIs(connection.isCloseReceivedFirst, False)

    def test_badAnswer(self):
        """
        An answer to this end's Close that is a violation fails the connection,
        without another Close.
        """
        server = makeConnection(Role.SERVER)
        server.sendClose(1001)
        (event,) = receive(server, peerFrame(Role.SERVER, CLOSE, b"\x03"))
        self.assertIs(type(event), ViolationReceived)
        self.assertIs(server.state, FAILED)
        self.assertIs(server.isCloseReceivedFirst, False)
        self.assertEqual(sentFrames(server), [Frame(CLOSE, closeBody(1001))])

    def test_badCloseFrame(self):
        """
        So does a Close whose header is a violation.
        """
        for data in (
            frame(CLOSE, NORMAL),
            peerFrame(Role.SERVER, CLOSE, NORMAL, rsv=RSV1),
            peerFrame(Role.SERVER, CLOSE, NORMAL, isFinal=False),
            peerFrame(Role.SERVER, CLOSE, NORMAL + bytes(124)),
        ):
            for pieces in splits(data):
                server = makeConnection(Role.SERVER)
                (event,) = receive(server, *pieces)
                self.assertIs(type(event.violation), BadFrame)
                self.assertFailed(server, CloseCode.PROTOCOL_ERROR, pieces)
