"""
What applications may see in a L{Failure<twisted.python.failure.Failure>} or
catch at a call.

Each end of a connection is one of two: L{WebSocketClosed}, if both sides have
said that they close, and L{WebSocketFailed}, if not.  They are a
L{ConnectionDone<twisted.internet.error.ConnectionDone>} and a
L{ConnectionLost<twisted.internet.error.ConnectionLost>}, so that protocols
which know nothing of WebSocket understand them.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.error import ConnectionDone, ConnectionLost

from .wire.codes import CloseCode
from .wire.errors import (
    BadFrame,
    BadHandshake,
    BadPayload,
    ExtensionViolation,
    HandshakeRefused,
    MessageTooBig,
    NoHTTPAnswer,
    UnofferedExtension,
    UnofferedSubprotocol,
    Violation,
    WrongAcceptKey,
)
from .wire.events import CloseStatus

__all__ = [
    "BadFrame",
    "BadHandshake",
    "BadPayload",
    "DeadlineExpired",
    "ExtensionViolation",
    "HandshakeRefused",
    "InvalidSetting",
    "MessageTooBig",
    "NoHTTPAnswer",
    "ProxyRefused",
    "RedirectRefused",
    "TLSFailed",
    "UnofferedExtension",
    "UnofferedSubprotocol",
    "Violation",
    "WebSocketClosed",
    "WebSocketFailed",
    "WrongAcceptKey",
]


class InvalidSetting(ValueError):
    """
    A setting makes no sense.

    @ivar setting: its name.
    @ivar problem: what is wrong with it.
    """

    def __init__(self, setting: str, problem: str) -> None:
        super().__init__(f"{setting} {problem}")
        self.setting = setting
        self.problem = problem


class TLSFailed(Exception):
    """
    The connection cannot be encrypted, or the server is not the one that was
    meant: its certificate is expired, or for another name, or nobody trusts it;
    or it does not speak TLS.

    @ivar explanation: what OpenSSL says.
    """

    def __init__(self, explanation: str) -> None:
        super().__init__(f"TLS failed: {explanation}")
        self.explanation = explanation


class RedirectRefused(Exception):
    """
    The server sends the client somewhere where it does not go.

    @ivar explanation: why not, in one sentence.
    @ivar location: where to.
    """

    def __init__(self, explanation: str, location: str) -> None:
        super().__init__(explanation)
        self.explanation = explanation
        self.location = location


class DeadlineExpired(Exception):
    """
    The peer took too long.

    @ivar deadline: the name of the setting that limits it.
    @ivar seconds: how long it had.
    @ivar pendingSize: how many bytes waited for it meanwhile.
    """

    def __init__(self, deadline: str, seconds: float) -> None:
        super().__init__(deadline, seconds)
        self.deadline = deadline
        self.seconds = seconds
        self.pendingSize = 0

    def __str__(self) -> str:
        explanation = f"the peer exceeded {self.deadline} of {self.seconds:g} s"
        if self.pendingSize:
            explanation += f" while {self.pendingSize} bytes waited for it"
        return explanation


class ProxyRefused(Exception):
    """
    A proxy does not connect a client to a server.

    @ivar explanation: why not, in one sentence.
    @ivar status: the HTTP status that it answered with, or L{None}.
    @ivar reply: the reply code of SOCKS that it answered with, RFC 1928
        section 6, or L{None}.
    @ivar headers: the header fields of its answer, as (name, value).
    @ivar body: the first bytes of its answer's body.
    """

    def __init__(
        self,
        explanation: str,
        *,
        status: int | None = None,
        reply: int | None = None,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> None:
        super().__init__(explanation)
        self.explanation = explanation
        self.status = status
        self.reply = reply
        self.headers = tuple(headers)
        self.body = body


class _Ended:
    """
    What both ends of a connection have said about its end.

    @ivar received: what the peer's Close said, L{None} if none came.
    @ivar sent: what our Close said, L{None} if none was sent.
    @ivar isReceivedFirst: whether the peer's Close came before ours.
    """

    received: CloseStatus | None
    sent: CloseStatus | None
    isReceivedFirst: bool

    @property
    def code(self) -> int:
        """
        The close code of the connection, RFC 6455 section 7.1.5: the peer's,
        1005 if its Close had none, 1006 if it sent no Close.
        """
        if self.received is None:
            return CloseCode.ABNORMAL_CLOSURE
        return self.received.code

    @property
    def reason(self) -> str:
        """
        The close reason of the connection, RFC 6455 section 7.1.6: the
        peer's, or "".
        """
        return "" if self.received is None else self.received.reason

    def _tell(self) -> str:
        """
        Say who closed with what, in which order.
        """
        told = [
            f"{who} {_tellStatus(status)}"
            for who, status in (("sent", self.sent), ("received", self.received))
            if status is not None
        ]
        if self.isReceivedFirst:
            told.reverse()
        return ", then ".join(told) or "no Close sent or received"


class WebSocketClosed(_Ended, ConnectionDone):
    """
    The connection was closed by a closing handshake, RFC 6455 section 7.1.4.
    """

    def __init__(
        self, received: CloseStatus, sent: CloseStatus, isReceivedFirst: bool
    ) -> None:
        super().__init__()
        self.received = received
        self.sent = sent
        self.isReceivedFirst = isReceivedFirst

    def __str__(self) -> str:
        return f"The WebSocket connection was closed: {self._tell()}."


class WebSocketFailed(_Ended, ConnectionLost):
    """
    The connection ended without a closing handshake.

    @ivar cause: why: a L{Violation}, a L{DeadlineExpired}, or what the
        transport was lost with.
    """

    def __init__(
        self,
        cause: BaseException,
        received: CloseStatus | None = None,
        sent: CloseStatus | None = None,
        isReceivedFirst: bool = False,
    ) -> None:
        super().__init__()
        self.cause = cause
        self.received = received
        self.sent = sent
        self.isReceivedFirst = isReceivedFirst

    def __str__(self) -> str:
        return f"The WebSocket connection failed: {self.cause} ({self._tell()})."


def _tellStatus(status: CloseStatus) -> str:
    """
    Say what a Close said.
    """
    if status.code == CloseCode.NO_STATUS_RECEIVED:
        return "a Close without a code"
    return f"{status.code:d} {status.reason!r}" if status.reason else f"{status.code:d}"
