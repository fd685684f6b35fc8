"""
What a connection is, and the table of its life, RFC 6455 section 7.1.
"""

from __future__ import annotations

from enum import Enum

__all__ = ["TRANSITIONS", "ConnectionState", "Direction", "Input", "Role"]


class Role(Enum):
    """
    Which side of the connection this is; clients mask, RFC 6455 section 5.3.
    """

    CLIENT = "client"
    SERVER = "server"


class Direction(Enum):
    """
    Which way a frame goes.
    """

    RECEIVED = "received"
    SENT = "sent"


class Input(Enum):
    """
    What moves a connection from one state to the next.
    """

    SEND_CLOSE = "Close sent"
    RECEIVE_CLOSE = "Close received"
    FAIL = "violation"
    LOSE = "transport lost"

    # Of Enum's own, many a look at the table would be calls.
    __hash__ = object.__hash__


class ConnectionState(Enum):
    """
    The life of a connection, RFC 6455 section 7.1.

    @cvar OPEN: messages go both ways.
    @cvar CLOSE_SENT: this end has sent its Close and waits for the peer's.
    @cvar FAILED: the peer broke the protocol, or an extension raised, and what
        the peer still sends is dropped; the transport is to be closed.
    @cvar CLOSING: both have sent their Close; the transport is to be closed,
        by the server first.
    @cvar CLOSED: the transport is gone.
    """

    OPEN = "open"
    CLOSE_SENT = "close sent"
    FAILED = "failed"
    CLOSING = "closing"
    CLOSED = "closed"

    __hash__ = object.__hash__


TRANSITIONS = {
    (ConnectionState.OPEN, Input.SEND_CLOSE): ConnectionState.CLOSE_SENT,
    (ConnectionState.OPEN, Input.RECEIVE_CLOSE): ConnectionState.CLOSING,
    (ConnectionState.OPEN, Input.FAIL): ConnectionState.FAILED,
    (ConnectionState.OPEN, Input.LOSE): ConnectionState.CLOSED,
    (ConnectionState.CLOSE_SENT, Input.RECEIVE_CLOSE): ConnectionState.CLOSING,
    (ConnectionState.CLOSE_SENT, Input.FAIL): ConnectionState.FAILED,
    (ConnectionState.CLOSE_SENT, Input.LOSE): ConnectionState.CLOSED,
    (ConnectionState.FAILED, Input.LOSE): ConnectionState.CLOSED,
    (ConnectionState.CLOSING, Input.LOSE): ConnectionState.CLOSED,
}
