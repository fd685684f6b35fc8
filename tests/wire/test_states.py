"""
Tests for L{txws.wire.states}.
"""

from __future__ import annotations

from itertools import product

from txws.wire.codes import Opcode
from txws.wire.errors import ConnectionStateError
from txws.wire.states import TRANSITIONS, ConnectionState, Input, Role

from .assertions import WireTestCase
from .tables import frame, makeConnection, peerFrame, receive

TEXT = Opcode.TEXT
CLOSE = Opcode.CLOSE
OPEN, CLOSE_SENT, FAILED, CLOSING, CLOSED = ConnectionState


def enter(state):
    """
    Bring a new server into a state.
    """
    server = makeConnection(Role.SERVER)
    if state is CLOSE_SENT:
        server.sendClose()
    elif state is FAILED:
        receive(server, frame(TEXT))
    elif state is CLOSING:
        receive(server, peerFrame(Role.SERVER, CLOSE))
    elif state is CLOSED:
        server.connectionLost()
    server.dataToSend()
    return server


class TransitionsTests(WireTestCase):
    """
    The life of a connection is a table.
    """

    INPUTS = {
        Input.SEND_CLOSE: lambda server: server.sendClose(),
        Input.RECEIVE_CLOSE: lambda server: receive(
            server, peerFrame(Role.SERVER, CLOSE)
        ),
        Input.FAIL: lambda server: receive(server, frame(TEXT)),
        Input.LOSE: lambda server: server.connectionLost(),
    }

    def test_rows(self):
        """
        The table has these rows.
        """
        self.assertEqual(
            TRANSITIONS,
            {
                (OPEN, Input.SEND_CLOSE): CLOSE_SENT,
                (OPEN, Input.RECEIVE_CLOSE): CLOSING,
                (OPEN, Input.FAIL): FAILED,
                (OPEN, Input.LOSE): CLOSED,
                (CLOSE_SENT, Input.RECEIVE_CLOSE): CLOSING,
                (CLOSE_SENT, Input.FAIL): FAILED,
                (CLOSE_SENT, Input.LOSE): CLOSED,
                (FAILED, Input.LOSE): CLOSED,
                (CLOSING, Input.LOSE): CLOSED,
            },
        )

    def test_everyRow(self):
        """
        Each row happens.
        """
        for (state, given), following in TRANSITIONS.items():
            server = enter(state)
            self.assertIs(server.state, state)
            self.INPUTS[given](server)
            self.assertIs(server.state, following, (state, given))

    def test_missingRows(self):
        """
        What this end does and the table does not have is an error; what the
        peer does has no effect.
        """
        for state, given in product(ConnectionState, Input):
            if (state, given) in TRANSITIONS:
                continue
            server = enter(state)
            act = self.INPUTS[given]
            if given in (Input.SEND_CLOSE, Input.LOSE):
                error = self.assertRaises(ConnectionStateError, act, server)
                self.assertEqual(error.state, state.value)
            else:
                self.assertEqual(act(server), [], (state, given))
            self.assertIs(server.state, state)
            self.assertEqual(server.pendingSize, 0)

    def test_lostTwice(self):
        """
        A transport is lost once.
        """
        server = enter(CLOSED)
        error = self.assertRaises(ConnectionStateError, server.connectionLost)
        self.assertEqual(error.act, "transport lost")

    def test_sending(self):
        """
        Messages, Pings and Closes can be sent while the connection is open,
        Pongs until the peer's Close has been received; everything else is an
        error that says what was tried.
        """
        for send, act, allowed in (
            (lambda server: server.sendText("a"), "sending a message", [OPEN]),
            (lambda server: server.sendBytes(b"a"), "sending a message", [OPEN]),
            (lambda server: server.sendPing(), "sending a Ping", [OPEN]),
            (lambda server: server.sendClose(), "sending a Close", [OPEN]),
            (lambda server: server.sendPong(), "sending a Pong", [OPEN, CLOSE_SENT]),
        ):
            for state in ConnectionState:
                server = enter(state)
                if state in allowed:
                    send(server)
                    self.assertGreater(server.pendingSize, 0)
                else:
                    error = self.assertRaises(ConnectionStateError, send, server)
                    self.assertEqual((error.state, error.act), (state.value, act))
                    self.assertEqual(server.pendingSize, 0)
