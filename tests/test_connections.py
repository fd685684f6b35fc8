"""
Tests for L{txws.connections}; what a port and a resource make of it is tested
with them.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase

from txws.connections import Connections


class _Member:
    """
    Notes what it is told.
    """

    def __init__(self, webSocket: Any = None) -> None:
        self.webSocket = webSocket
        self.told: list[object] = []

    def loseConnection(self, code: int, reason: str) -> None:
        """
        Note it.
        """
        self.told.append((code, reason))

    def abortConnection(self) -> None:
        """
        Note it.
        """
        self.told.append("abort")


class ConnectionsTests(SynchronousTestCase):
    """
    The connections of one server.
    """

    def test_full(self) -> None:
        """
        There may be as many as the limit says; those that are turned away do
        not count, neither when they come nor when they go.
        """
        connections = Connections(1)
        first, turnedAway = _Member(), _Member()
        self.assertFalse(connections.isFull)

        connections.add(first)
        self.assertTrue(connections.isFull)
        connections.add(turnedAway, isCounted=False)
        connections.discard(turnedAway)
        self.assertTrue(connections.isFull)
        for _ in range(2):
            connections.discard(first)

        self.assertFalse(connections.isFull)
        connections.add(first)
        self.assertTrue(connections.isFull)

    def test_open(self) -> None:
        """
        Those that are upgraded are found, while others come and go.
        """
        connections = Connections(None)
        members = [_Member("a"), _Member(), _Member("b")]
        for member in members:
            connections.add(member)

        found = []
        for webSocket in connections:
            found.append(webSocket)
            connections.discard(members[0])

        self.assertEqual(found, ["a", "b"])
        self.assertFalse(connections.isFull)

    def test_closeAll(self) -> None:
        """
        All are told, and their end is waited for.
        """
        connections = Connections(None)
        self.successResultOf(connections.closeAll(1001, ""))
        members = [_Member(), _Member()]
        for member in members:
            connections.add(member)

        gone = connections.closeAll(4000, "bye")
        connections.add(_Member())
        connections.discard(members[0])
        self.assertNoResult(gone)
        connections.discard(members[1])

        self.successResultOf(gone)
        self.assertEqual([member.told for member in members], [[(4000, "bye")]] * 2)

    def test_cancelled(self) -> None:
        """
        Those that are left when nobody wants to wait any more are aborted.
        """
        connections = Connections(None)
        member = _Member()
        connections.add(member)
        gone = connections.closeAll(1001, "")

        gone.cancel()

        self.failureResultOf(gone, CancelledError)
        self.assertEqual(member.told, [(1001, ""), "abort"])
        connections.discard(member)

    def test_codeThatMayNotTravel(self) -> None:
        """
        Nobody is told a close code that may not be sent.
        """
        connections = Connections(None)
        member = _Member()
        connections.add(member)

        self.assertRaises(ValueError, connections.closeAll, 1006, "")

        self.assertEqual(member.told, [])
