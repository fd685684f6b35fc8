"""
Tests for L{txws.reading}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Connection as Socket
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.trial.unittest import SynchronousTestCase

from txws.reading import FULL_SIZE, readMore

from .test_writing import FakeSocket


class ReadMoreTests(SynchronousTestCase):
    """
    A peer that sends much is read in larger portions.
    """

    def connect(self) -> Any:
        """
        Make the transport of a socket.
        """
        socket: Any = FakeSocket()
        return Socket(socket, Protocol(), MemoryReactorClock())

    def test_usual(self):
        """
        The usual portions grow once, and those of no other connection do.
        """
        transport = self.connect()
        self.assertEqual(transport.bufferSize, FULL_SIZE)
        readMore(transport)
        larger = transport.bufferSize
        self.assertGreater(larger, FULL_SIZE)
        readMore(transport)
        self.assertEqual(transport.bufferSize, larger)
        self.assertEqual(self.connect().bufferSize, FULL_SIZE)

    def test_others(self):
        """
        Whoever has chosen them, and what is no socket, is left alone.
        """
        transport = self.connect()
        transport.bufferSize = 1000
        readMore(transport)
        self.assertEqual(transport.bufferSize, 1000)
        other: Any = StringTransport()
        other.bufferSize = FULL_SIZE
        readMore(other)
        self.assertEqual(other.bufferSize, FULL_SIZE)
