"""
Tests for L{txws.reading}.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Connection as Socket
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from txws.reading import FULL_READ, readMuch
from txws.testing import MemoryTransport
from txws.wire.codes import Opcode

from .ends import End
from .wire.tables import peerFrame


class ReadMuchTests(SynchronousTestCase):
    """
    How much is read at a time.
    """

    def test_socket(self):
        """
        More from the socket of whoever sends much, until it does not.
        """
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        self.addCleanup(theirs.close)
        transport: Any = Socket(ours, Protocol(), MemoryReactorClock())
        readMuch(transport, True)
        self.assertEqual(transport.bufferSize, 4 * FULL_READ)
        readMuch(transport, False)
        self.assertEqual(transport.bufferSize, FULL_READ)

    def test_others(self):
        """
        Any other transport stays as it is.
        """
        transport = MemoryTransport(Protocol())
        before = dict(vars(transport))
        readMuch(transport, True)
        self.assertEqual(vars(transport), before)

    def test_connection(self):
        """
        A full read shows that a peer sends much, and one that is not full that it
        does not.
        """
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        self.addCleanup(theirs.close)
        carrier: Any = Socket(ours, Protocol(), MemoryReactorClock())
        end = End.opened()
        end.webSocket._inflow._carrier = carrier
        sizes = []
        frame = peerFrame(end.role, Opcode.BINARY, bytes(FULL_READ))
        for data in (frame[:FULL_READ], frame[FULL_READ:], frame, frame[:0]):
            end.webSocket.dataReceived(data)
            sizes.append(carrier.bufferSize // FULL_READ)
        self.assertEqual(sizes, [4, 1, 4, 1])
