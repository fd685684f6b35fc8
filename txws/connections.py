"""
The connections of one server, whichever door they came in by: how many there
may be, which of them are open, and how all of them are closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from twisted.internet.defer import Deferred, succeed

from .interfaces import IWebSocketTransport
from .wire.closeframe import checkClose

__all__ = ["Connections", "Member"]


class Member(Protocol):
    """
    One connection, from its acceptance on.
    """

    @property
    def webSocket(self) -> IWebSocketTransport | None:
        """
        The connection, when it is upgraded, or L{None}.
        """

    def loseConnection(self, code: int, reason: str) -> None:
        """
        Close an open connection by the closing handshake, any other at once.
        """

    def abortConnection(self) -> None:
        """
        Close it at once.
        """


class Connections:
    """
    All connections of one server, those in their opening handshake included.
    """

    def __init__(self, limit: int | None) -> None:
        """
        @param limit: how many there may be, or L{None}.
        """
        self._limit = limit
        # Whether each counts: not if it came when there were too many.
        self._members: dict[Member, bool] = {}
        self._count = 0
        self._leaving: list[tuple[set[Member], Deferred[None]]] = []

    def __iter__(self) -> Iterator[IWebSocketTransport]:
        """
        Find those that are open or being closed.
        """
        members = tuple(self._members)
        return (m.webSocket for m in members if m.webSocket is not None)

    @property
    def isFull(self) -> bool:
        """
        Whether there are as many as there may be.
        """
        return self._limit is not None and self._count >= self._limit

    def add(self, member: Member, isCounted: bool = True) -> None:
        """
        A connection is there.

        @param member: the connection.
        @param isCounted: whether it counts; not if it is being turned away.
        """
        self._members[member] = isCounted
        self._count += isCounted

    def discard(self, member: Member) -> None:
        """
        A connection is gone.
        """
        self._count -= self._members.pop(member, False)
        leaving, self._leaving = self._leaving, []
        done = []
        for members, gone in leaving:
            members.discard(member)
            if members:
                self._leaving.append((members, gone))
            else:
                done.append(gone)
        for gone in done:
            if not gone.called:
                # It has not been cancelled.
                gone.callback(None)

    def closeAll(self, code: int, reason: str) -> Deferred[None]:
        """
        Close all connections that there are now: the open ones by a closing
        handshake, the others at once.

        @param code: the close code.
        @param reason: the close reason.
        @return: fires when they are gone.  Cancelling it aborts those that are
            left.
        @raise ValueError: if the code may not travel.
        """
        checkClose(code, reason)
        members = set(self._members)
        if not members:
            return succeed(None)

        def abort(deferred: Deferred[None]) -> None:
            for member in tuple(members):
                member.abortConnection()

        gone: Deferred[None] = Deferred(abort)
        self._leaving.append((members, gone))
        for member in tuple(members):
            member.loseConnection(code, reason)
        return gone
