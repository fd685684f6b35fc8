"""
Asking a proxy for a tunnel by C{CONNECT}, RFC 9110 section 9.3.6.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from .authentication import Credentials, answerChallenge, isStale
from .errors import ProxyRefused
from .tunnels import NewConnectionNeeded
from .wire.bodies import BodyBeginning
from .wire.errors import BadHandshake
from .wire.http import (
    STATUS_BEGINNING,
    HeadLimits,
    HeadReader,
    ResponseHead,
    parseResponseHead,
    serializeHead,
)

__all__ = ["HTTPNegotiation"]

# How much of a body is passed over to ask again on the same connection.
_MAX_SKIPPED = 64 * 1024
_MAX_INTERIM = 8


class HTTPNegotiation:
    """
    A L{Negotiation<txws.tunnels.Negotiation>} with an HTTP proxy.

    Who the client is, it says only when it is asked: so a proxy that knows
    Digest never sees the password.

    @ivar rest: see L{Negotiation<txws.tunnels.Negotiation>}.
    """

    def __init__(
        self,
        authority: str,
        credentials: Credentials | None,
        limits: HeadLimits,
        generateNonce: Callable[[], bytes],
    ) -> None:
        """
        @param authority: the host and the port that the tunnel leads to.
        @param credentials: who the client is, or L{None}.
        @param limits: how much of an answer's head is read.
        @param generateNonce: makes unpredictable bytes.
        """
        self.rest: bytes | None = None
        self._authority = authority
        self._credentials = credentials
        self._limits = limits
        self._generateNonce = generateNonce
        self._authorizations: list[str] = []
        self._isFirst = True
        self._await()

    @property
    def refusal(self) -> ProxyRefused | None:
        """
        See L{Negotiation<txws.tunnels.Negotiation>}.
        """
        if self._refusing is None or self._isAsking:
            return None
        return self._refused(self._refusing)

    def connectionMade(self) -> bytes:
        """
        See L{Negotiation<txws.tunnels.Negotiation>}.
        """
        self._isFirst = True
        return self._ask()

    def receiveData(self, data: bytes) -> bytes:
        """
        See L{Negotiation<txws.tunnels.Negotiation>}.
        """
        while self._refusing is None:
            try:
                read = self._reader.receiveData(data)
                if read is None:
                    return b""
                head = parseResponseHead(read[0], self._limits)
            except BadHandshake as error:
                raise ProxyRefused(
                    f"the proxy does not speak HTTP/1.1: {error.explanation}"
                ) from None
            data = read[1]
            if 200 <= head.status < 300:
                # RFC 9110 9.3.6: "A client MUST ignore any Content-Length or
                # Transfer-Encoding header fields ..."
                self.rest = data
                return b""
            if head.status < 200 and head.status != 101:
                self._skipInterim()
            else:
                self._judge(head)
        return self._receiveBody(self._refusing, data)

    def connectionLost(self) -> NoReturn:
        """
        See L{Negotiation<txws.tunnels.Negotiation>}.
        """
        if self._refusing is not None and not self._isAsking:
            raise self._refused(self._refusing)
        if self._isAsking or not (self._isFirst or self._reader.received):
            # It has closed though it did not say that it would.
            raise NewConnectionNeeded
        if self._reader.received:
            raise ProxyRefused("the proxy's answer was cut off")
        raise ProxyRefused("the proxy closed the connection without an answer")

    def _await(self) -> None:
        """
        Be ready for an answer.
        """
        self._reader = HeadReader(self._limits, STATUS_BEGINNING)
        self._interim = 0
        self._refusing: BodyBeginning | None = None
        # Whether the proxy is asked again when its refusal is read.
        self._isAsking = False
        self._skipped = 0

    def _ask(self) -> bytes:
        """
        Make the request.
        """
        self._await()
        fields = [("Host", self._authority)]
        if self._authorizations:
            fields.append(("Proxy-Authorization", self._authorizations[-1]))
        return serializeHead(f"CONNECT {self._authority} HTTP/1.1", fields)

    def _skipInterim(self) -> None:
        """
        Pass over a 1xx, RFC 9110 section 15.2.
        """
        self._interim += 1
        if self._interim > _MAX_INTERIM:
            raise ProxyRefused("the proxy sends nothing but 1xx")
        self._reader = HeadReader(self._limits, STATUS_BEGINNING)

    def _judge(self, head: ResponseHead) -> None:
        """
        Find out whether there is an answer to a refusal.
        """
        self._refusing = refusing = BodyBeginning(head)
        authorization = self._authorize(head)
        if authorization is None:
            return
        self._authorizations.append(authorization)
        self._isAsking = True
        length = refusing.length
        if _isClosing(head) or length is None or length > _MAX_SKIPPED:
            raise NewConnectionNeeded

    def _authorize(self, head: ResponseHead) -> str | None:
        """
        Say who the client is, once, and once more if that came too late.

        @return: L{None} if it cannot be said, or does not help.
        """
        if head.status != 407 or self._credentials is None:
            return None
        challenges = head.headers.getAll("Proxy-Authenticate")
        tries = 2 if isStale(challenges) else 1
        if len(self._authorizations) >= tries:
            return None
        return answerChallenge(
            challenges,
            self._credentials,
            "CONNECT",
            self._authority,
            self._generateNonce,
        )

    def _receiveBody(self, refusing: BodyBeginning, data: bytes) -> bytes:
        """
        Read the body of a refusal: all of it to ask again, the beginning of it
        to explain it.
        """
        if not self._isAsking:
            refusing.receiveData(data)
            if refusing.isComplete:
                raise self._refused(refusing)
            return b""
        assert refusing.length is not None
        self._skipped += len(data)
        if self._skipped < refusing.length:
            return b""
        if self._skipped > refusing.length:
            # Whatever it is, it does not answer what will be asked.
            raise NewConnectionNeeded
        self._isFirst = False
        return self._ask()

    def _refused(self, refusing: BodyBeginning) -> ProxyRefused:
        """
        Say what the proxy has answered.
        """
        head = refusing.head
        explanation = f"the proxy answered {head.status} to CONNECT {self._authority}"
        if head.status == 407:
            explanation = f"{explanation}: {self._explainAuthentication()}"
        return ProxyRefused(
            explanation,
            status=head.status,
            headers=tuple(head.headers),
            body=refusing.data,
        )

    def _explainAuthentication(self) -> str:
        """
        Say why the proxy does not know the client.
        """
        if self._credentials is None:
            return "it wants a username and a password"
        if self._authorizations:
            return "it does not accept the username and the password"
        return "it wants a kind of authentication that is not known"


def _isClosing(head: ResponseHead) -> bool:
    """
    Tell whether the proxy says that it will close the connection.
    """
    if head.minorVersion == 0:
        return True
    options = head.headers.getAll("Connection")
    options += head.headers.getAll("Proxy-Connection")
    return any("close" in option.lower() for option in options)
