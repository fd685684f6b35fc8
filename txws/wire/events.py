"""
What a connection has received: the results of
L{nextEvent<txws.wire.connection.Connection.nextEvent>}.
"""

from __future__ import annotations

from dataclasses import dataclass

from .errors import Violation

__all__ = [
    "BytesFragmentReceived",
    "BytesMessageReceived",
    "CloseReceived",
    "CloseStatus",
    "Event",
    "MessageEvent",
    "PingReceived",
    "PongReceived",
    "TextFragmentReceived",
    "TextMessageReceived",
    "ViolationReceived",
]


@dataclass(frozen=True)
class CloseStatus:
    """
    What a Close frame says, RFC 6455 section 7.1.5 and 7.1.6.

    @ivar code: its close code, 1005 if it has none.
    @ivar reason: its reason, "" if it has none.
    """

    code: int
    reason: str


@dataclass
class TextMessageReceived:
    """
    A text message is complete.
    """

    __slots__ = ("message",)

    message: str


@dataclass
class BytesMessageReceived:
    """
    A binary message is complete.
    """

    __slots__ = ("data",)

    data: bytes


@dataclass
class TextFragmentReceived:
    """
    A part of a text message has arrived, cut between two characters.

    @ivar isFinal: whether the message is complete.
    """

    __slots__ = ("isFinal", "text")

    text: str
    isFinal: bool


@dataclass
class BytesFragmentReceived:
    """
    A part of a binary message has arrived.

    @ivar isFinal: whether the message is complete.
    """

    __slots__ = ("data", "isFinal")

    data: bytes
    isFinal: bool


@dataclass
class PingReceived:
    """
    A Ping has been received, and its Pong is queued.
    """

    __slots__ = ("payload",)

    payload: bytes


@dataclass
class PongReceived:
    """
    A Pong has been received, solicited or not.
    """

    __slots__ = ("payload",)

    payload: bytes


@dataclass
class CloseReceived:
    """
    The peer's Close has been received, and answered if it came first; nothing
    follows.
    """

    __slots__ = ("status",)

    status: CloseStatus


@dataclass
class ViolationReceived:
    """
    The peer broke the protocol, and a Close that says so is queued; nothing
    follows.
    """

    __slots__ = ("violation",)

    violation: Violation


MessageEvent = (
    TextMessageReceived
    | BytesMessageReceived
    | TextFragmentReceived
    | BytesFragmentReceived
)
Event = (
    TextMessageReceived
    | BytesMessageReceived
    | TextFragmentReceived
    | BytesFragmentReceived
    | PingReceived
    | PongReceived
    | CloseReceived
    | ViolationReceived
)
