"""
The server's half of the opening handshake of each version.

Each is put into the words of RFC 6455 and then checked by
L{txws.wire.serverhandshake}, so that nothing gets past these that would not
get past that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from zope.interface import implementer

from txws.interfaces import ILegacyHandshake, IWebSocketRequest
from txws.wire.contract import WireConnection
from txws.wire.errors import BadHandshake
from txws.wire.extensions import ExtensionOffer, IExtension
from txws.wire.frames import Frame
from txws.wire.handshake import VERSION
from txws.wire.http import Headers, RequestHead, serializeHead
from txws.wire.serverhandshake import (
    UpgradeRequest,
    acceptUpgrade,
    checkAcceptanceHeaders,
    parseUpgrade,
)
from txws.wire.states import Direction, Role

from .hixie import HixieConnection
from .hybi import HybiConnection
from .keys import CHALLENGE_SIZE, answerChallenge, parseKeyNumber

__all__ = ["Hixie75Handshake", "Hixie76Handshake", "HybiHandshake"]

# What RFC 6455 demands and hixie does not have.
_MODERN = (("Sec-WebSocket-Version", VERSION), ("Sec-WebSocket-Key", "A" * 22 + "=="))

# How noVNC calls a stream of binary messages, which hixie does not have either.
_BINARY = "binary"


@implementer(ILegacyHandshake)
class HybiHandshake:
    """
    The opening handshake of hybi version 7 or 8.
    """

    hasPings = True

    def __init__(self, head: RequestHead, version: str) -> None:
        """
        @param head: the head of the request.
        @param version: its name.
        @raise BadHandshake: if it is not valid.
        """
        self.version = version
        modern = {
            "sec-websocket-version": lambda value: ("Sec-WebSocket-Version", VERSION),
            "sec-websocket-origin": lambda value: ("Origin", value),
        }
        self._upgrade = _parse(head, modern)

    def receiveData(self, data: bytes) -> UpgradeRequest | None:
        """
        See L{ILegacyHandshake}.
        """
        _checkNothingFollows(data)
        return self._upgrade

    def accept(
        self,
        request: IWebSocketRequest,
        extensions: Sequence[ExtensionOffer],
        headers: Iterable[tuple[str, str]],
    ) -> bytes:
        """
        See L{ILegacyHandshake}.
        """
        return acceptUpgrade(self._upgrade, request.subprotocol, extensions, headers)

    def connect(
        self,
        maxMessageSize: int | None,
        maxFragments: int | None,
        extensions: Sequence[IExtension],
        deliversFragments: bool,
        observer: Callable[[Direction, Frame], None] | None,
    ) -> WireConnection:
        """
        See L{ILegacyHandshake}.
        """
        return HybiConnection(
            Role.SERVER,
            maxMessageSize=maxMessageSize,
            maxFragments=maxFragments,
            extensions=extensions,
            deliversFragments=deliversFragments,
            observer=observer,
        )


@implementer(ILegacyHandshake)
class Hixie75Handshake:
    """
    The opening handshake of hixie-75, in which nothing is proved.

    @cvar version: its name.
    """

    version = "hixie-75"
    hasPings = False

    # Clients of hixie-75 compare these three lines byte by byte.
    _statusLine = "HTTP/1.1 101 Web Socket Protocol Handshake"
    _start = (("Upgrade", "WebSocket"), ("Connection", "Upgrade"))
    _prefix = "WebSocket-"
    _hasClose = False

    def __init__(self, head: RequestHead) -> None:
        """
        @param head: the head of the request.
        @raise BadHandshake: if it is not valid.
        """
        modern = {
            "websocket-protocol": lambda value: ("Sec-WebSocket-Protocol", value),
        }
        upgrade = _parse(head, modern, _MODERN)
        if upgrade.origin is None:
            raise BadHandshake(400, "Origin is missing")
        self._origin = upgrade.origin
        spoken = tuple(name for name in upgrade.subprotocols if name != _BINARY)
        self._upgrade = upgrade._replace(subprotocols=spoken, extensions=())

    def receiveData(self, data: bytes) -> UpgradeRequest | None:
        """
        See L{ILegacyHandshake}.
        """
        _checkNothingFollows(data)
        return self._upgrade

    def accept(
        self,
        request: IWebSocketRequest,
        extensions: Sequence[ExtensionOffer],
        headers: Iterable[tuple[str, str]],
    ) -> bytes:
        """
        See L{ILegacyHandshake}.
        """
        fields = [
            *self._start,
            (f"{self._prefix}Origin", self._origin),
            (f"{self._prefix}Location", request.url),
        ]
        if request.subprotocol is not None:
            fields.append((f"{self._prefix}Protocol", request.subprotocol))
        fields.extend(checkAcceptanceHeaders(headers))
        return serializeHead(self._statusLine, fields)

    def connect(
        self,
        maxMessageSize: int | None,
        maxFragments: int | None,
        extensions: Sequence[IExtension],
        deliversFragments: bool,
        observer: Callable[[Direction, Frame], None] | None,
    ) -> WireConnection:
        """
        See L{ILegacyHandshake}.
        """
        return HixieConnection(
            self._hasClose,
            maxMessageSize=maxMessageSize,
            deliversFragments=deliversFragments,
            observer=observer,
        )


class Hixie76Handshake(Hixie75Handshake):
    """
    The opening handshake of hixie-76, which is hybi-00: two keys in the head,
    and one behind it.
    """

    version = "hixie-76"

    _statusLine = "HTTP/1.1 101 WebSocket Protocol Handshake"
    _prefix = "Sec-WebSocket-"
    _hasClose = True

    def __init__(self, head: RequestHead, spareSize: int) -> None:
        """
        @param head: the head of the request.
        @param spareSize: how many bytes may follow it.
        @raise BadHandshake: if it is not valid, or too long for its last key.
        """
        super().__init__(head)
        if spareSize < CHALLENGE_SIZE:
            raise BadHandshake(431, "the handshake is too long (maxHandshakeSize)")
        self._first = _parseKey(head.headers, "Sec-WebSocket-Key1")
        self._second = _parseKey(head.headers, "Sec-WebSocket-Key2")
        self._challenge = b""

    def receiveData(self, data: bytes) -> UpgradeRequest | None:
        """
        See L{ILegacyHandshake}.
        """
        missing = CHALLENGE_SIZE - len(self._challenge)
        _checkNothingFollows(data[missing:])
        self._challenge += data
        return self._upgrade if len(data) == missing else None

    def accept(
        self,
        request: IWebSocketRequest,
        extensions: Sequence[ExtensionOffer],
        headers: Iterable[tuple[str, str]],
    ) -> bytes:
        """
        See L{ILegacyHandshake}.
        """
        head = super().accept(request, extensions, headers)
        return head + answerChallenge(self._first, self._second, self._challenge)


def _parse(
    head: RequestHead,
    modern: dict[str, Callable[[str], tuple[str, str]]],
    missing: Iterable[tuple[str, str]] = (),
) -> UpgradeRequest:
    """
    Put a head into the words of RFC 6455, and check it.

    @param modern: what becomes of a header, by its name in lower case.
    @param missing: what is not there.
    """
    fields = list(missing)
    for name, value in head.headers:
        translate = modern.get(name.lower())
        fields.append((name, value) if translate is None else translate(value))
    upgrade = parseUpgrade(head._replace(headers=Headers(fields)))
    return upgrade._replace(headers=head.headers)


def _parseKey(headers: Headers, name: str) -> int:
    """
    Parse a key of hixie-76 that has to be there exactly once.
    """
    values = headers.getAll(name)
    if len(values) != 1:
        problem = "more than once" if values else "missing"
        raise BadHandshake(400, f"{name} is {problem}")
    try:
        return parseKeyNumber(values[0])
    except ValueError as error:
        raise BadHandshake(400, f"{name} {error}") from None


def _checkNothingFollows(data: bytes) -> None:
    """
    Check that a client waits for its answer.
    """
    if data:
        raise BadHandshake(400, "data follow the handshake unanswered")
