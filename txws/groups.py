"""
Groups of connections that are sent the same, step 4 of the stair.

A message to all is serialized once.  What becomes of members that read more
slowly than they are sent to is the group's policy for slow readers: L{Block},
L{DropOldest}, L{Latest} or L{Close}.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import TypeAlias

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from .errors import InvalidSetting
from .interfaces import IGroup, IWebSocketTransport
from .slowreaders import (
    Block,
    Close,
    DropOldest,
    GroupCounters,
    Latest,
    Pace,
    SlowReader,
    SlowReaderPolicy,
)
from .wire.prepared import PreparedMessage

__all__ = [
    "Block",
    "Close",
    "DropOldest",
    "Group",
    "GroupCounters",
    "Latest",
    "Message",
    "SlowReader",
    "SlowReaderPolicy",
]

Message: TypeAlias = "str | bytes | bytearray | memoryview | PreparedMessage"

_log = Logger()


@implementer(IGroup)
class Group:
    """
    Connections that are sent the same.

    Members leave it when they are lost, before their handlers are told.

    @ivar counters: what became of what was broadcast.
    """

    def __init__(self, slowReaders: SlowReaderPolicy | None = None) -> None:
        """
        @param slowReaders: what to do about members that read too slowly;
            L{None} for L{Block}.
        @raise InvalidSetting: if it is no policy.
        """
        if slowReaders is None:
            slowReaders = Block()
        if not isinstance(slowReaders, SlowReaderPolicy):
            raise InvalidSetting(
                "slowReaders", f"must be a SlowReaderPolicy, not {slowReaders!r}"
            )
        self.counters = GroupCounters()
        self._slowReaders = slowReaders
        self._members: dict[IWebSocketTransport, SlowReader | None] = {}

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[IWebSocketTransport]:
        return iter(tuple(self._members))

    def __contains__(self, member: object) -> bool:
        return member in self._members

    def __repr__(self) -> str:
        return f"<Group of {len(self)}, {self._slowReaders!r}>"

    def add(self, transport: IWebSocketTransport) -> None:
        """
        Make a connection a member, unless it is closing already.

        @raise TypeError: if it is no L{IWebSocketTransport}; a handler, say.
        """
        if not IWebSocketTransport.providedBy(transport):
            raise TypeError(
                f"transport must provide IWebSocketTransport, not {transport!r}"
            )
        if transport.isOpen and transport not in self._members:
            self._members[transport] = None
            transport.groups.add(self)

    def discard(self, member: IWebSocketTransport) -> None:
        """
        Let a member go, if it is one; what waits for it here is forgotten.
        """
        if member in self._members:
            reader = self._members.pop(member)
            member.groups.discard(self)
            if reader is not None:
                reader.leave()

    def waiting(self, member: IWebSocketTransport) -> int:
        """
        Count the messages that wait here for a member to read.
        """
        reader = self._members.get(member)
        return 0 if reader is None else len(reader.waiting)

    def broadcast(
        self,
        message: Message,
        exclude: Iterable[IWebSocketTransport] = (),
        compress: bool | None = None,
    ) -> Deferred[None]:
        """
        Send a message to all members that there are now.  A member to which
        that raises is logged and discarded, and the others get it.

        @param message: text, or data for a binary message.
        @param exclude: who is not to get it: the member that said it, say.
        @param compress: whether to compress it where that was negotiated, once
            for all who agreed on the same if no member's compression looks back
            to earlier messages; L{None} to compress all but short ones.  What a
            prepared message says goes before.
        @return: with L{Block} fires when no member that it was sent to is
            above its high-water mark any more, or when those have left; with
            other policies it has fired.  Cancelling it ends the wait, and
            nothing else.
        @raise TypeError: if the message is neither L{str} nor like bytes, or
            C{exclude} not iterable.
        @raise UnicodeEncodeError: if the text has surrogates, which UTF-8
            cannot say.
        """
        members = self._without(exclude)
        prepared = message
        if not isinstance(prepared, PreparedMessage):
            prepared = PreparedMessage(prepared, compress)
        key = self._slowReaders.keyOf(message)
        readers = self._members
        for member in members:
            # Another one's end may have been the end of this one.
            if member not in readers:
                continue
            try:
                if readers[member] is not None or member.isAboveHighWater:
                    self._sendSlowly(member, prepared, key)
                elif member.isOpen:
                    member.sendPreparedMessage(prepared)
                    self.counters.sent += 1
            except Exception:
                self._giveUp(member)
        return self._pace(members) if self._slowReaders.isPacing else succeed(None)

    def _without(
        self, exclude: Iterable[IWebSocketTransport]
    ) -> tuple[IWebSocketTransport, ...]:
        """
        List the members but for some.
        """
        try:
            excluded = set(exclude)
        except TypeError:
            raise TypeError(
                f"exclude must be an iterable of members, not {exclude!r}"
            ) from None
        if not excluded:
            return tuple(self._members)
        return tuple(member for member in self._members if member not in excluded)

    def _sendSlowly(
        self, member: IWebSocketTransport, message: PreparedMessage, key: Hashable
    ) -> None:
        """
        Do what the policy says about a member that reads slowly.
        """
        if member.isOpen:
            reader = self._readerFor(member)
            self._slowReaders.apply(reader, message, key)
            self._watch(reader)

    def _pace(self, members: Iterable[IWebSocketTransport]) -> Deferred[None]:
        """
        Wait for the slow readers among some members.
        """
        pace = Pace()
        for member in members:
            try:
                isSlow = member in self._members and member.isAboveHighWater
                if isSlow and member.isOpen:
                    reader = self._readerFor(member)
                    pace.waitFor(reader)
                    self._watch(reader)
            except Exception:
                self._giveUp(member)
        pace.oneDone()
        return pace.done

    def _readerFor(self, member: IWebSocketTransport) -> SlowReader:
        """
        Take a member for a slow reader from now on.
        """
        reader = self._members[member]
        if reader is None:
            reader = SlowReader(member, self, self.counters)
            self._members[member] = reader
        return reader

    def _watch(self, reader: SlowReader) -> None:
        """
        Be told when a slow reader has read.
        """
        if reader.wait is None and self._members.get(reader.member) is reader:
            reader.wait = reader.member.whenWritable()
            reader.wait.addCallbacks(self._readerRead, _ignore, (reader,))

    def _readerRead(self, result: None, reader: SlowReader) -> None:
        """
        A slow reader has read.
        """
        reader.wait = None
        try:
            reader.sendWaiting()
            if reader.waiting:
                self._watch(reader)
                return
        except Exception:
            self._giveUp(reader.member)
        if self._members.get(reader.member) is reader:
            self._members[reader.member] = None
        reader.leave()

    def _giveUp(self, member: IWebSocketTransport) -> None:
        """
        Discard a member that has raised.
        """
        _log.failure("{group}: {member} raised", group=self, member=member)
        self.counters.failed += 1
        self.discard(member)


def _ignore(cancelled: Failure) -> None:
    """
    Nobody waits any more.
    """
    cancelled.trap(CancelledError)
