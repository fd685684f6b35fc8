"""
Tests for L{txws.framelog}.
"""

from __future__ import annotations

from twisted.internet.address import IPv4Address
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from txws.framelog import FrameLog
from txws.wire.codes import Opcode
from txws.wire.frames import Frame
from txws.wire.states import Direction

PEER = IPv4Address("TCP", "192.0.2.2", 50000)


class FrameLogTests(SynchronousTestCase):
    """
    Tests for L{FrameLog}.
    """

    def log(self, direction: Direction, frame: Frame) -> str:
        """
        Log a frame and read the line.
        """
        with capturedLogs() as events:
            FrameLog(PEER)(direction, frame)
        (event,) = events
        self.assertIs(event["log_level"], LogLevel.debug)
        self.assertEqual(event["log_namespace"], "txws.framelog")
        self.assertIs(event["peer"], PEER)
        return formatEvent(event).removeprefix(str(PEER))

    def test_frame(self):
        """
        A line says which way a frame goes, what it is and what is in it.
        """
        for direction, frame, line in (
            (
                Direction.RECEIVED,
                Frame(Opcode.TEXT, b"hello"),
                " received TEXT 5 bytes: 'hello'",
            ),
            (
                Direction.SENT,
                Frame(Opcode.CONTINUATION, b"\xff\0", isFinal=False),
                r" sent CONTINUATION (more follows) 2 bytes: '\xff\x00'",
            ),
            (Direction.SENT, Frame(Opcode.PING, b""), " sent PING 0 bytes: ''"),
        ):
            self.assertEqual(self.log(direction, frame), line)

    def test_longPayload(self):
        """
        A long payload is cut, and a line says so; how long it is remains.
        """
        self.assertEqual(
            self.log(Direction.SENT, Frame(Opcode.BINARY, b"x" * 48)),
            f" sent BINARY 48 bytes: '{'x' * 48}'",
        )
        self.assertEqual(
            self.log(Direction.SENT, Frame(Opcode.BINARY, b"x" * 49)),
            f" sent BINARY 49 bytes: '{'x' * 48}'...",
        )

    def test_escapes(self):
        """
        No payload gives orders to a terminal, nor begins a new line, nor is
        taken for a field of the log.
        """
        evil = b"\x1b[2J\r\n\x9b31m\x85{log_source}'\""
        line = self.log(Direction.RECEIVED, Frame(Opcode.TEXT, evil))
        self.assertTrue(line.isprintable() and line.isascii(), line)
        self.assertIn("{log_source}", line)
