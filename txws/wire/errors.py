"""
What can be wrong with a peer's bytes: each kind of violation, with the close
code (RFC 6455 section 7.4.1) or the HTTP status (RFC 9110 section 15) that
answers it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from .codes import CloseCode

__all__ = [
    "BadCompression",
    "BadFrame",
    "BadHandshake",
    "BadPayload",
    "ConnectionStateError",
    "ExtensionViolation",
    "HandshakeRefused",
    "MessageTooBig",
    "NoHTTPAnswer",
    "UnofferedExtension",
    "UnofferedSubprotocol",
    "Violation",
    "WireError",
    "WrongAcceptKey",
]


class WireError(Exception):
    """
    Anything that L{txws.wire} raises.
    """


class ConnectionStateError(WireError):
    """
    A call came at a time when the state of the connection does not allow it.

    @ivar state: the name of the state.
    @ivar act: what was tried.
    """

    def __init__(self, state: str, act: str) -> None:
        super().__init__(f"{act} is not possible in state {state}")
        self.state = state
        self.act = act


class Violation(WireError):
    """
    The peer broke the protocol after the opening handshake, RFC 6455 section
    7.1.7; the connection is failed with L{closeCode}.

    @cvar closeCode: the code of the Close frame that answers it.
    @ivar explanation: one sentence without payload, fit for the reason of a
        Close frame.
    """

    closeCode: ClassVar[CloseCode] = CloseCode.PROTOCOL_ERROR

    def __init__(self, explanation: str) -> None:
        super().__init__(explanation)
        self.explanation = explanation


class BadFrame(Violation):
    """
    A frame, or the order of frames, is not what RFC 6455 section 5 allows.
    """


class ExtensionViolation(Violation):
    """
    A frame is not what a negotiated extension allows, RFC 6455 section 9.
    """


class BadPayload(Violation):
    """
    A text message or a close reason is not UTF-8, RFC 6455 section 8.1.
    """

    closeCode = CloseCode.INVALID_PAYLOAD_DATA


class BadCompression(Violation):
    """
    A compressed message cannot be inflated, RFC 6455 section 7.4.1: "data
    within a message that was not consistent with the type of the message".
    """

    # RFC 7692 names no code. The frames are well-formed, the data in them is
    # not; peers, such as ws for Node, say 1007 too.
    closeCode = CloseCode.INVALID_PAYLOAD_DATA


class MessageTooBig(Violation):
    """
    A message has more bytes or more fragments than this end accepts, RFC 6455
    section 10.4.
    """

    closeCode = CloseCode.MESSAGE_TOO_BIG


class BadHandshake(WireError):
    """
    A server refuses an opening handshake, RFC 6455 section 4.2.2, or the HTTP
    message is not one.

    @ivar status: the HTTP status that answers it.
    @ivar explanation: one sentence, fit to be sent to the peer as plain text.
    @ivar headers: further header fields of the answer, as (name, value).
    """

    def __init__(
        self,
        status: int,
        explanation: str,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes | None = None,
    ) -> None:
        """
        @raise TypeError: if one of them is of another type, or the headers are no
            pairs of text.
        @raise ValueError: if the status refuses nothing.
        """
        _checkType("status", status, int)
        _checkType("explanation", explanation, str)
        if body is not None:
            _checkType("body", body, bytes)
        if not 300 <= status <= 599:
            raise ValueError(f"a status from 300 to 599 refuses, not {status}")
        super().__init__(f"{status}: {explanation}")
        self.status = status
        self.explanation = explanation
        self.headers = tuple(map(_checkField, headers))
        self._body = body

    @property
    def body(self) -> bytes:
        """
        The body of the answer: what was given, of which C{headers} should name
        the C{Content-Type}, or the explanation as plain text.
        """
        if self._body is not None:
            return self._body
        return f"{self.explanation}\n".encode("utf-8", "replace")


class HandshakeRefused(WireError):
    """
    The server answered a client's opening handshake with something else than a
    valid 101, RFC 6455 section 4.1.

    @ivar explanation: what is wrong with the answer, in one sentence.
    @ivar status: the HTTP status, or 0 if there was no HTTP answer at all.
    @ivar headers: the header fields of the answer, as (name, value).
    @ivar body: the first bytes of the answer's body.
    """

    def __init__(
        self,
        explanation: str,
        status: int = 0,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> None:
        super().__init__(explanation)
        self.explanation = explanation
        self.status = status
        self.headers = tuple(headers)
        self.body = body


class NoHTTPAnswer(HandshakeRefused):
    """
    What a server answered is no HTTP/1.1: perhaps it speaks TLS, or something
    else.
    """


class WrongAcceptKey(HandshakeRefused):
    """
    A server's C{Sec-WebSocket-Accept} does not answer the key, RFC 6455 section
    4.1: it does not speak WebSocket, or the answer is somebody else's.
    """


class UnofferedSubprotocol(HandshakeRefused):
    """
    A server has chosen a subprotocol that was not offered, RFC 6455 section
    4.1.
    """


class UnofferedExtension(HandshakeRefused):
    """
    A server uses an extension that was not offered, RFC 6455 section 4.1.
    """


def _checkType(name: str, value: object, kind: type) -> None:
    """
    Check that an argument is what it is to be.
    """
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be {kind.__name__}, not {type(value).__name__}")


def _checkField(field: object) -> tuple[str, str]:
    """
    Check that a header field is a name and a value.
    """
    if isinstance(field, (tuple, list)) and len(field) == 2:
        name, value = field
        if isinstance(name, str) and isinstance(value, str):
            return name, value
    raise TypeError(f"headers must be pairs of a name and a value, not {field!r}")
