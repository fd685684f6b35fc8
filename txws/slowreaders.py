"""
What becomes of members of a group that read more slowly than they are sent to:
policies as frozen values, and the slow reader that they decide about.

L{txws.groups} has all that applications need of it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from .errors import InvalidSetting
from .interfaces import IGroup, IWebSocketTransport
from .wire.codes import CloseCode
from .wire.prepared import PreparedMessage

__all__ = [
    "Block",
    "Close",
    "DropOldest",
    "GroupCounters",
    "Latest",
    "Pace",
    "SlowReader",
    "SlowReaderPolicy",
]

_log = Logger()


class SlowReaderPolicy:
    """
    What a group does about slow readers: members above their high-water mark.

    @cvar isPacing: whether a broadcast waits for them.
    """

    isPacing = False

    def keyOf(self, message: Any) -> Hashable:
        """
        Find the key of a message, once for each broadcast; whatever this
        raises, the broadcast raises.

        @param message: what is broadcast, as it was given.
        @return: what L{SlowReader.keep} tells messages apart by.
        """
        return None

    def apply(
        self, reader: SlowReader, message: PreparedMessage, key: Hashable
    ) -> None:
        """
        Decide what becomes of a message to a slow reader.

        @param reader: the slow reader.
        @param message: the message.
        @param key: what L{keyOf} has found.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Block(SlowReaderPolicy):
    """
    Everybody gets all messages, and a sender that waits for its broadcast is
    blocked until the slowest has read.

    With a sender that does not wait, what is pending grows up to the
    connection's C{maxPendingSize}, beyond which it is closed.
    """

    isPacing = True

    def apply(
        self, reader: SlowReader, message: PreparedMessage, key: Hashable
    ) -> None:
        """
        Send it.
        """
        reader.send(message)


@dataclass(frozen=True)
class DropOldest(SlowReaderPolicy):
    """
    Messages wait in the group for a slow reader; when they are too many, the
    oldest is dropped.

    @ivar size: the most messages that wait for one member.
    """

    size: int = 100

    def __post_init__(self) -> None:
        _checkSize(self.size)

    def keyOf(self, message: Any) -> Hashable:
        """
        Make a key that no other message has.
        """
        return object()

    def apply(
        self, reader: SlowReader, message: PreparedMessage, key: Hashable
    ) -> None:
        """
        Have it wait.
        """
        reader.keep(message, key, self.size)


@dataclass(frozen=True)
class Latest(SlowReaderPolicy):
    """
    For a slow reader only the latest message of each key waits in the group,
    in the place of the one that it replaces.

    @ivar key: finds the key of a message, as it was given to
        L{Group.broadcast}: something hashable.
    @ivar size: the most keys for which a message waits for one member; beyond
        it the oldest is dropped.
    """

    key: Callable[[Any], Hashable]
    size: int = 1000

    def __post_init__(self) -> None:
        if not callable(self.key):
            raise InvalidSetting("key", f"must be callable, not {self.key!r}")
        _checkSize(self.size)

    def keyOf(self, message: Any) -> Hashable:
        """
        Ask the application.

        @raise TypeError: if its key is not hashable.
        """
        key = self.key(message)
        try:
            hash(key)
        except TypeError:
            raise TypeError(f"key must return what is hashable, not {key!r}") from None
        return key

    def apply(
        self, reader: SlowReader, message: PreparedMessage, key: Hashable
    ) -> None:
        """
        Have it wait.
        """
        reader.keep(message, key, self.size)


@dataclass(frozen=True)
class Close(SlowReaderPolicy):
    """
    A slow reader is closed, with code 1008.

    Nobody can read before a turn of the reactor is over: whoever broadcasts
    more in one turn than the marks allow closes all.
    """

    def apply(
        self, reader: SlowReader, message: PreparedMessage, key: Hashable
    ) -> None:
        """
        Close it.
        """
        reader.close()


@dataclass
class GroupCounters:
    """
    What became of the messages of a group, each counted for each member.

    @ivar sent: messages handed to connections.
    @ivar dropped: messages dropped because too many waited.
    @ivar replaced: messages replaced by later ones while they waited.
    @ivar closed: members closed because they read too slowly.
    @ivar failed: members discarded because they could not be sent to.
    """

    sent: int = 0
    dropped: int = 0
    replaced: int = 0
    closed: int = 0
    failed: int = 0


class Pace:
    """
    A broadcast that waits for slow readers.

    @ivar done: what its sender waits for.
    """

    __slots__ = ("_missing", "done")

    def __init__(self) -> None:
        self.done: Deferred[None] = Deferred()
        # The broadcast itself.
        self._missing = 1

    def waitFor(self, reader: SlowReader) -> None:
        """
        Wait for one more.
        """
        self._missing += 1
        reader.paces.append(self)

    def oneDone(self) -> None:
        """
        One has read, or is gone; or the broadcast waits for no more.
        """
        self._missing -= 1
        if not self._missing:
            # It does nothing if the sender has given up.
            self.done.callback(None)


class SlowReader:
    """
    A member of a group from when it is seen above its high-water mark until
    all that waits for it is sent: for L{SlowReaderPolicy.apply}.

    @ivar member: the connection.
    @ivar waiting: the messages that wait for it, by their keys.
    @ivar wait: fires when it has read, or L{None} if that is not waited for.
    @ivar paces: the broadcasts that wait for it.
    """

    __slots__ = ("_counters", "_group", "member", "paces", "wait", "waiting")

    def __init__(
        self, member: IWebSocketTransport, group: IGroup, counters: GroupCounters
    ) -> None:
        """
        @param member: the connection.
        @param group: its group.
        @param counters: those of the group.
        """
        self.member = member
        self.waiting: OrderedDict[Hashable, PreparedMessage] = OrderedDict()
        self.wait: Deferred[None] | None = None
        self.paces: list[Pace] = []
        self._group = group
        self._counters = counters

    def send(self, message: PreparedMessage) -> None:
        """
        Send a message at once.
        """
        self.member.sendPreparedMessage(message)
        self._counters.sent += 1

    def keep(self, message: PreparedMessage, key: Hashable, size: int) -> None:
        """
        Have a message wait, in the place of one that has the same key.

        @param key: what it may be replaced by.
        @param size: how many may wait; if there are more, the oldest is
            dropped.
        """
        if key in self.waiting:
            self._counters.replaced += 1
        self.waiting[key] = message
        if len(self.waiting) > size:
            self.waiting.popitem(last=False)
            self._counters.dropped += 1

    def close(self) -> None:
        """
        Close the connection.
        """
        _log.warn(
            "{group}: {member} reads too slowly", group=self._group, member=self.member
        )
        self._counters.closed += 1
        self._group.discard(self.member)
        self.member.loseConnection(CloseCode.POLICY_VIOLATION, "read too slowly")

    def sendWaiting(self) -> None:
        """
        Send what waits, as long as the peer reads.
        """
        member = self.member
        while self.waiting and member.isOpen and not member.isAboveHighWater:
            _, message = self.waiting.popitem(last=False)
            self.send(message)
        if not member.isOpen:
            self.waiting.clear()

    def leave(self) -> None:
        """
        Be no slow reader any more.
        """
        self.waiting.clear()
        wait, self.wait = self.wait, None
        if wait is not None:
            wait.cancel()
        paces, self.paces = self.paces, []
        for pace in paces:
            pace.oneDone()


def _checkSize(size: object) -> None:
    """
    Check a setting that says how many messages may wait.
    """
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise InvalidSetting("size", f"must be a whole number from 1 on, not {size!r}")
