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


@dataclass(slots=True)
class TextMessageReceived:
    """
    A text message is complete.
    """

    message: str


@dataclass(slots=True)
class BytesMessageReceived:
    """
    A binary message is complete.
    """

    data: bytes


@dataclass(slots=True)
class TextFragmentReceived:
    """
    A part of a text message has arrived, cut between two characters.

    @ivar isFinal: whether the message is complete.
    """

    text: str
    isFinal: bool


@dataclass(slots=True)
class BytesFragmentReceived:
    """
    A part of a binary message has arrived.

    @ivar isFinal: whether the message is complete.
    """

    data: bytes
    isFinal: bool


@dataclass(slots=True)
class PingReceived:
    """
    A Ping has been received, and its Pong is queued.
    """

    payload: bytes


@dataclass(slots=True)
class PongReceived:
    """
    A Pong has been received, solicited or not.
    """

    payload: bytes


@dataclass(slots=True)
class CloseReceived:
    """
    The peer's Close has been received, and answered if it came first; nothing
    follows.
    """

    status: CloseStatus


@dataclass(slots=True)
class ViolationReceived:
    """
    The peer broke the protocol, and a Close that says so is queued; nothing
    follows.
    """

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
