"""
The client's half of the opening handshake, RFC 6455 section 4.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .bodies import BodyBeginning
from .errors import (
    BadHandshake,
    HandshakeRefused,
    NoHTTPAnswer,
    UnofferedSubprotocol,
    WrongAcceptKey,
)
from .extensions import ExtensionOffer, IExtension, IExtensionFactory, confirmExtensions
from .handshake import (
    VERSION,
    acceptKey,
    parseExtensions,
    parseTokens,
    serializeExtensions,
)
from .http import (
    STATUS_BEGINNING,
    HeadLimits,
    HeadReader,
    ResponseHead,
    parseResponseHead,
    serializeHead,
)

__all__ = ["OUR_HEADERS", "ClientHandshake", "HandshakeAccepted"]

_MAX_INTERIM = 8
# The header fields that say what the handshake is, which has no body.
OUR_HEADERS = frozenset(
    (
        "connection",
        "content-length",
        "host",
        "origin",
        "sec-websocket-extensions",
        "sec-websocket-key",
        "sec-websocket-protocol",
        "sec-websocket-version",
        "transfer-encoding",
        "upgrade",
    )
)


@dataclass(frozen=True)
class HandshakeAccepted:
    """
    The server accepts.

    @ivar head: the server's response.
    @ivar subprotocol: the subprotocol in use, or L{None}.
    @ivar extensions: the extensions in use.
    @ivar rest: what the server sent after it, the beginning of its frames.
    """

    head: ResponseHead
    subprotocol: str | None
    extensions: list[IExtension]
    rest: bytes


class ClientHandshake:
    """
    Asks a server for an upgrade and checks its answer.

    @ivar request: what to send.
    """

    def __init__(
        self,
        host: str,
        target: str,
        key: str,
        limits: HeadLimits,
        *,
        origin: str | None = None,
        subprotocols: Sequence[str] = (),
        extensions: Sequence[IExtensionFactory] = (),
        headers: Iterable[tuple[str, str]] = (),
        maxMessageSize: int | None = None,
        waitsForBody: bool = True,
    ) -> None:
        """
        @param host: the C{Host} header: the server's name, and its port if it
            is not the default.
        @param target: the path and query of the resource, percent-encoded.
        @param key: 16 random bytes in base64.
        @param limits: how much of an answer is read.
        @param origin: the C{Origin} header, or L{None}.
        @param subprotocols: what to offer, the preferred one first.
        @param extensions: what to offer, the preferred one first.
        @param headers: further header fields.
        @param maxMessageSize: the most bytes of a message after extensions
            have worked on it, or L{None} for no limit.
        @param waitsForBody: whether a refusal is told when the beginning of its
            body is there; if not, as soon as its head is.
        @raise ValueError: if the target or a header is not fit to be sent.
        """
        if re.fullmatch("[!-~]+", target) is None:
            raise ValueError(f"not a request target: {target!r}")
        self._key = key
        self._limits = limits
        self._subprotocols = tuple(subprotocols)
        self._extensions = tuple(extensions)
        self._maxMessageSize = maxMessageSize
        self._waitsForBody = waitsForBody
        self._reader = HeadReader(limits, STATUS_BEGINNING)
        self._interim = 0
        self._refusal: BodyBeginning | None = None

        fields = [
            ("Host", host),
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", key),
            ("Sec-WebSocket-Version", VERSION),
        ]
        if origin is not None:
            fields.append(("Origin", origin))
        if subprotocols:
            fields.append(("Sec-WebSocket-Protocol", ", ".join(subprotocols)))
        offers = [
            ExtensionOffer(factory.name, parameters)
            for factory in extensions
            for parameters in factory.offers()
        ]
        if offers:
            fields.append(("Sec-WebSocket-Extensions", serializeExtensions(offers)))
        further = tuple(headers)
        _checkGiven(subprotocols, further)
        self.request = serializeHead(f"GET {target} HTTP/1.1", (*fields, *further))

    def receiveData(self, data: bytes) -> HandshakeAccepted | None:
        """
        Add bytes of the server's answer.

        @param data: any bytes, cut anywhere.
        @return: L{None} when more bytes are needed.
        @raise HandshakeRefused: if the answer is anything but a valid 101.
        """
        while self._refusal is None:
            try:
                read = self._reader.receiveData(data)
                if read is None:
                    return None
                head = parseResponseHead(read[0], self._limits)
            except BadHandshake as error:
                raise NoHTTPAnswer(
                    f"the server does not speak HTTP/1.1: {error.explanation}"
                ) from None
            data = read[1]
            if head.status == 101:
                return self._accept(head, data)
            if head.status < 200:
                self._skipInterim(head)
            else:
                self._refusal = BodyBeginning(head)
        self._receiveBody(self._refusal, data)
        return None

    @property
    def refusal(self) -> HandshakeRefused | None:
        """
        What the server has answered, if its answer is a refusal whose body is
        not complete, or L{None}.
        """
        refusal = self._refusal
        return None if refusal is None else self._refused(refusal.head, refusal.data)

    def connectionLost(self) -> None:
        """
        The server has closed the connection.

        @raise HandshakeRefused: always; with the answer, if there was one.
        """
        refusal = self.refusal
        if refusal is not None:
            raise refusal
        if self._reader.received:
            raise HandshakeRefused("the server's answer was cut off")
        raise HandshakeRefused("the server closed the connection without an answer")

    def _skipInterim(self, head: ResponseHead) -> None:
        """
        Pass over a 1xx, RFC 9110 section 15.2.
        """
        self._interim += 1
        if self._interim > _MAX_INTERIM:
            raise HandshakeRefused("the server sends nothing but 1xx", head.status)
        self._reader = HeadReader(self._limits, STATUS_BEGINNING)

    def _receiveBody(self, refusal: BodyBeginning, data: bytes) -> None:
        """
        Read the beginning of the body of a refusal, to explain it.
        """
        if not self._waitsForBody:
            raise self._refused(refusal.head, data)
        refusal.receiveData(data)
        if refusal.isComplete:
            raise self._refused(refusal.head, refusal.data)

    def _refused(self, head: ResponseHead, body: bytes) -> HandshakeRefused:
        """
        Say that the server answered with something else than a 101.
        """
        return HandshakeRefused(
            f"the server answered {head.status} instead of 101",
            head.status,
            tuple(head.headers),
            body,
        )

    def _accept(self, head: ResponseHead, rest: bytes) -> HandshakeAccepted:
        """
        Check a 101, RFC 6455 section 4.1.
        """
        try:
            self._checkUpgrade(head)
            subprotocol = self._chooseSubprotocol(head)
            offers = parseExtensions(head.headers.getAll("Sec-WebSocket-Extensions"))
            extensions = confirmExtensions(
                offers, self._extensions, self._maxMessageSize
            )
            return HandshakeAccepted(head, subprotocol, extensions, rest)
        except HandshakeRefused as refused:
            raise type(refused)(
                refused.explanation, head.status, tuple(head.headers)
            ) from None
        except ValueError as error:
            raise HandshakeRefused(
                f"a header of the server's answer is malformed: {error}",
                head.status,
                tuple(head.headers),
            ) from None

    def _checkUpgrade(self, head: ResponseHead) -> None:
        """
        Check that the server has understood what it was asked.
        """
        headers = head.headers
        if head.minorVersion == 0:
            raise HandshakeRefused("the server speaks HTTP/1.0, which has no upgrade")
        if [value.lower() for value in headers.getAll("Upgrade")] != ["websocket"]:
            raise HandshakeRefused("the server's Upgrade is not 'websocket'")
        options = parseTokens(headers.getAll("Connection"))
        if "upgrade" not in (option.lower() for option in options):
            raise HandshakeRefused("the server's Connection does not say 'Upgrade'")
        if headers.getAll("Sec-WebSocket-Accept") != [acceptKey(self._key)]:
            raise WrongAcceptKey(
                "the server's Sec-WebSocket-Accept does not answer the key"
            )

    def _chooseSubprotocol(self, head: ResponseHead) -> str | None:
        """
        Find the subprotocol that the server has chosen.
        """
        values = head.headers.getAll("Sec-WebSocket-Protocol")
        if not values:
            return None
        chosen = parseTokens(values)
        if len(chosen) != 1 or chosen[0] not in self._subprotocols:
            named = ", ".join(chosen) or repr("")
            raise UnofferedSubprotocol(
                f"the server uses subprotocol {named}, which was not offered"
            )
        return chosen[0]


def _checkGiven(
    subprotocols: Sequence[str], headers: Sequence[tuple[str, str]]
) -> None:
    """
    Check that what the application gives says what it means to the server.
    """
    for subprotocol in subprotocols:
        if parseTokens([subprotocol]) != [subprotocol]:
            raise ValueError(f"subprotocol {subprotocol!r} is not a token")
    for name, _ in headers:
        if name.lower() in OUR_HEADERS:
            raise ValueError(f"header {name} is up to the handshake")
