"""
A server's side of a connection, from its acceptance on: the opening handshake,
RFC 6455 section 4.2, and the hand-over to
L{WebSocketTransport<txws.transport.WebSocketTransport>}, or to HTTP.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import (
    IConsumer,
    IProtocol,
    IProtocolFactory,
    ISSLTransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from .closing import abortTransport, seeOff
from .errors import DeadlineExpired
from .interfaces import ILegacyHandshake, IWebSocketHandler
from .keepalive import Keepalive
from .negotiation import Negotiation, ServerSettings
from .refusals import earlyData, logRefusal, notAnUpgrade
from .request import WebSocketRequest
from .transport import WebSocketTransport
from .upgrades import RequestUpgrade, answerRequest, divertUpgrades
from .wire.codes import CloseCode
from .wire.errors import BadHandshake
from .wire.http import HeadReader, RequestHead, parseRequestHead
from .wire.serverhandshake import (
    UpgradeRequest,
    isUpgrade,
    parseUpgrade,
    refuseRequest,
)

__all__ = ["WebSocketServerProtocol"]

_log = Logger()


class WebSocketServerProtocol(Protocol):
    """
    Accepts or refuses the opening handshake of one connection.

    @ivar webSocket: the connection, when it is upgraded, or L{None}.
    @ivar isTurnedAway: whether no request is even read.
    """

    def __init__(
        self,
        settings: ServerSettings,
        lost: Callable[[WebSocketServerProtocol], object],
        site: IProtocolFactory | None = None,
        refusal: BadHandshake | None = None,
    ) -> None:
        """
        @param settings: what to do.
        @param lost: called last, when this connection is lost and the
            application knows.
        @param site: what serves requests that are no upgrades, or L{None}.
        @param refusal: why no request is even read, or L{None}.
        """
        self.webSocket: WebSocketTransport | None = None
        self._settings = settings
        self._lost = lost
        self._site = site
        self.isTurnedAway = refusal is not None
        self._refusal = refusal
        self._isHead = False
        # Whom it is for: this object, then nobody, a WebSocket or a site.
        self._receive: Callable[[bytes], None] = self._readRequest
        # Until the request is there.
        self._reader: HeadReader | None = HeadReader(settings.limits.headLimits)
        self._http: IProtocol | None = None
        self._negotiation: Negotiation | None = None
        self._keepalive = Keepalive(settings.keepalive, settings.clock, self._expire)

    def connectionMade(self) -> None:
        """
        Start the clock, or refuse at once.
        """
        self._keepalive.start()
        if self._refusal is not None:
            self._refuse(self._refusal)

    def dataReceived(self, data: bytes) -> None:
        """
        Read the request, or pass on what belongs to whom it was handed over.
        """
        self._receive(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Tell whom it was handed over.
        """
        self._keepalive.stop()
        self._stopNegotiation(reason)
        # Whoever still holds this protocol holds nothing of the application.
        self._receive = self.dataReceived = _drop  # type: ignore[method-assign]
        webSocket, self.webSocket = self.webSocket, None
        try:
            if self._http is not None:
                # It passes it on, if the upgrade came late.
                self._http.connectionLost(reason)
            elif webSocket is not None:
                webSocket.connectionLost(reason)
        finally:
            self._lost(self)

    def loseConnection(
        self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = ""
    ) -> None:
        """
        Close an open connection by the closing handshake, any other at once.

        @param code: the close code.
        @param reason: the close reason.
        """
        if self.webSocket is not None:
            self.webSocket.loseConnection(code, reason)
        elif self.transport is not None:
            # TLS would wait for a site that is still producing.
            cast(IConsumer, self.transport).unregisterProducer()
            self.transport.loseConnection()

    def abortConnection(self) -> None:
        """
        Close the transport at once.
        """
        if self.webSocket is not None:
            self.webSocket.abortConnection()
        elif self.transport is not None:
            abortTransport(self.transport)

    def upgradedLater(self, webSocket: WebSocketTransport) -> None:
        """
        An upgrade that came after other requests is accepted.

        @param webSocket: the connection.
        """
        self.webSocket = webSocket
        self._receive = webSocket.dataReceived

    def handlerBuilt(self, handler: IWebSocketHandler) -> None:
        """
        A handler has been built for this connection; for subclasses.
        """

    def negotiationAccepted(
        self, webSocket: WebSocketTransport, acceptance: bytes
    ) -> None:
        """
        See L{NegotiationOwner<txws.negotiation.NegotiationOwner>}.
        """
        self._negotiation = None
        # Twisted calls it directly from now on.
        receive = webSocket.dataReceived
        self._receive = self.dataReceived = receive  # type: ignore[assignment,method-assign]
        self.webSocket = webSocket
        webSocket.open(acceptance)

    def negotiationRefused(self, refusal: BadHandshake) -> None:
        """
        See L{NegotiationOwner<txws.negotiation.NegotiationOwner>}.
        """
        self._negotiation = None
        self._refuse(refusal)

    def _readRequest(self, data: bytes) -> None:
        """
        Read the head of the request and find out what it asks for.
        """
        limits = self._settings.limits.headLimits
        assert self._reader is not None
        try:
            read = self._reader.receiveData(data)
            if read is None:
                return
            head = parseRequestHead(read[0], limits)
            self._isHead = head.method == "HEAD"
            if not isUpgrade(head):
                self._serveHTTP(head)
                return
            if head.method != "GET":
                raise notAnUpgrade(self._settings, head)
            legacy = self._recognize(head, len(read[0]))
            if legacy is not None:
                self._readLegacy(legacy, read[1])
                return
            upgrade = parseUpgrade(head)
            if read[1]:
                raise earlyData()
            self._upgrade(upgrade)
        except BadHandshake as refusal:
            self._refuse(refusal)

    def _recognize(self, head: RequestHead, size: int) -> ILegacyHandshake | None:
        """
        Find out whether an upgrade is of another version than RFC 6455, if such
        are spoken.
        """
        if self._settings.legacy is None:
            return None
        # An empty line ends the head.
        spareSize = self._settings.limits.maxHandshakeSize - size - 4
        return self._settings.legacy.recognize(head, spareSize)

    def _readLegacy(self, legacy: ILegacyHandshake, data: bytes) -> None:
        """
        Read what follows the head of such a handshake.
        """
        assert self.transport is not None
        self._receive = partial(self._readLegacy, legacy)
        try:
            upgrade = legacy.receiveData(data)
        except BadHandshake as refusal:
            self._refuse(refusal)
            return
        if upgrade is not None:
            _log.info(
                "{peer} speaks {version}, not RFC 6455",
                peer=self.transport.getPeer(),
                version=legacy.version,
            )
            self._upgrade(upgrade, legacy)

    def _serveHTTP(self, head: RequestHead) -> None:
        """
        Hand a connection over to the site, with all that it has sent.
        """
        assert self.transport is not None and self._reader is not None
        site = self._site
        http = None if site is None else site.buildProtocol(self.transport.getPeer())
        if http is None:
            raise notAnUpgrade(self._settings, head)
        self._receive = http.dataReceived
        self._keepalive.stop()
        self._http = http
        # The next request on this connection may be an upgrade.
        divertUpgrades(http, self._upgradeLater)
        http.makeConnection(self.transport)
        received = bytes(self._reader.received)
        self._reader = None
        http.dataReceived(received)

    def _upgradeLater(self, request: Any) -> None:
        """
        Answer an upgrade that comes after other requests.

        @param request: what the site has made of it.
        """
        answerRequest(request, self._settings, partial(_LateUpgrade, self))

    def _upgrade(
        self, upgrade: UpgradeRequest, legacy: ILegacyHandshake | None = None
    ) -> None:
        """
        Find out whether a valid handshake is wanted.
        """
        assert self.transport is not None
        request = WebSocketRequest(
            target=upgrade.target,
            host=upgrade.host,
            origin=upgrade.origin,
            headers=upgrade.headers,
            subprotocols=upgrade.subprotocols,
            isSecure=ISSLTransport.providedBy(self.transport),
            peer=self.transport.getPeer(),
        )
        self._reader = None
        self._receive = self._receiveEarly
        self._negotiation = Negotiation(
            self._settings,
            upgrade,
            request,
            self.transport,
            self._keepalive,
            self,
            legacy,
        )
        self._negotiation.start()

    def _receiveEarly(self, data: bytes) -> None:
        """
        Receive bytes before the handshake is answered.
        """
        self._refuse(earlyData())

    def _stopNegotiation(self, reason: Failure) -> None:
        """
        Stop asking the application, if it is still being asked.
        """
        negotiation, self._negotiation = self._negotiation, None
        if negotiation is not None:
            negotiation.cancel(reason)

    def _refuse(self, refusal: BadHandshake) -> None:
        """
        Answer with an error, and see the peer off.
        """
        assert self.transport is not None
        self._stopNegotiation(Failure(ConnectionLost(refusal.explanation)))
        logRefusal(self.transport.getPeer(), refusal)
        self._receive = _drop
        self._reader = None
        answer = _serializeRefusal(refusal)
        if self._isHead:
            # RFC 9110 9.3.2: the answer has no content, whatever it says of it.
            answer = answer[: answer.index(b"\r\n\r\n") + 4]
        self.transport.write(answer)
        self._keepalive.closingProgressed()
        seeOff(self.transport)

    def _expire(self, expired: DeadlineExpired) -> None:
        """
        Give up a peer that does not get its request done, or does not go; or
        an application that does not get its answer done.
        """
        assert self.transport is not None
        if self._negotiation is not None:
            self._refuse(BadHandshake(503, "the application took too long"))
            return
        _log.warn("{peer}: {expired}", peer=self.transport.getPeer(), expired=expired)
        abortTransport(self.transport)


class _LateUpgrade(RequestUpgrade):
    """
    An upgrade on a connection that has served a site before.
    """

    def __init__(self, protocol: WebSocketServerProtocol, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._protocol = protocol

    def handlerBuilt(self, handler: IWebSocketHandler) -> None:
        """
        Tell whom it belongs to.
        """
        self._protocol.handlerBuilt(handler)

    def opened(self, webSocket: WebSocketTransport) -> None:
        """
        Tell whom it belongs to.
        """
        self._protocol.upgradedLater(webSocket)


def _drop(data: bytes) -> None:
    """
    Receive bytes from a peer that is refused.
    """


def _serializeRefusal(refusal: BadHandshake) -> bytes:
    """
    Make the answer that refuses a request, in plain text.
    """
    try:
        return refuseRequest(refusal.status, refusal.body, refusal.headers)
    except ValueError:
        # What an application wants to say may be not fit for HTTP.
        _log.failure("cannot answer with {refusal}", refusal=refusal)
        return refuseRequest(500, b"internal error\n")
