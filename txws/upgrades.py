"""
Upgrades of connections that are in the hands of L{twisted.web}: a request of
its is answered, and if it is an opening handshake (RFC 6455 section 4.2) that
is accepted, its connection is taken over.

Nothing of L{twisted.web} is imported: a bare port that hands plain HTTP to a
site needs this as much as a resource does.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from weakref import ref

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import directlyProvides, providedBy

from .errors import DeadlineExpired
from .interfaces import IWebSocketHandler
from .keepalive import Keepalive
from .negotiation import Negotiation, ServerSettings
from .refusals import earlyData, logRefusal, notAnUpgrade
from .request import WebSocketRequest
from .takeover import canTakeOver, hasEarlyData, takeOver
from .transport import WebSocketTransport
from .wire.codes import CloseCode
from .wire.errors import BadHandshake
from .wire.http import (
    Headers,
    HeadLimits,
    HeadReader,
    RequestHead,
    parseRequestHead,
    serializeHead,
    statusLine,
)
from .wire.serverhandshake import (
    UpgradeRequest,
    isUpgrade,
    parseUpgrade,
    refusalFields,
)

__all__ = [
    "RequestUpgrade",
    "answerRequest",
    "divertUpgrades",
]

_log = Logger()

NotAnUpgrade = Callable[[ServerSettings, RequestHead, "str | None"], BadHandshake]


class RequestUpgrade(Protocol):
    """
    One request that is a valid opening handshake, and the connection that
    comes of it.

    @ivar webSocket: the connection, when it is upgraded, or L{None}.
    """

    def __init__(
        self,
        request: Any,
        settings: ServerSettings,
        upgrade: UpgradeRequest,
        http: object = None,
    ) -> None:
        """
        @param request: the L{Request<twisted.web.http.Request>}.
        @param settings: what the server does.
        @param upgrade: what the client asks for.
        @param http: what the application finds as
            L{IWebSocketRequest.http<txws.interfaces.IWebSocketRequest.http>}.
        """
        self.webSocket: WebSocketTransport | None = None
        self._request = request
        self._channel = request.channel
        self._keepalive = Keepalive(settings.keepalive, settings.clock, self._expire)
        asked = WebSocketRequest(
            target=upgrade.target,
            host=upgrade.host,
            origin=upgrade.origin,
            headers=upgrade.headers,
            subprotocols=upgrade.subprotocols,
            isSecure=request.isSecure(),
            peer=request.getClientAddress(),
            http=http,
        )
        self._negotiation: Negotiation | None = Negotiation(
            settings, upgrade, asked, self._channel.transport, self._keepalive, self
        )

    def start(self, path: str | None = None) -> None:
        """
        Ask the application.

        @param path: what a router is to look for; L{None} for the path of the
            request.
        """
        assert self._negotiation is not None
        self._request.notifyFinish().addErrback(self._left)
        self._keepalive.start()
        self._negotiation.start(path)

    # For subclasses

    def handlerBuilt(self, handler: IWebSocketHandler) -> None:
        """
        A handler has been built for this connection.
        """

    def opened(self, webSocket: WebSocketTransport) -> None:
        """
        The connection is taken over, and about to be opened.
        """

    def ended(self) -> None:
        """
        The request is refused, or the connection lost.
        """

    # NegotiationOwner

    def negotiationAccepted(
        self, webSocket: WebSocketTransport, acceptance: bytes
    ) -> None:
        """
        See L{NegotiationOwner<txws.negotiation.NegotiationOwner>}.
        """
        self._negotiation = None
        if hasEarlyData(self._channel):
            refusal = earlyData()
            webSocket.connectionLost(Failure(ConnectionLost(refusal.explanation)))
            self._refuse(refusal)
            return
        self.webSocket = webSocket
        takeOver(self._request, self)
        self.opened(webSocket)
        webSocket.open(_addCookies(acceptance, self._request))

    def negotiationRefused(self, refusal: BadHandshake) -> None:
        """
        See L{NegotiationOwner<txws.negotiation.NegotiationOwner>}.
        """
        self._negotiation = None
        self._refuse(refusal)

    # IProtocol, when the connection is taken over

    def dataReceived(self, data: bytes) -> None:
        """
        Pass on frames.
        """
        if self.webSocket is not None:
            self.webSocket.dataReceived(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Tell the application, and those who wait for the end of the request.
        """
        self._keepalive.stop()
        webSocket, self.webSocket = self.webSocket, None
        assert webSocket is not None
        try:
            webSocket.connectionLost(reason)
        finally:
            self._finishRequest(reason)
            # Whoever still holds the channel holds nothing of the request.
            self._request = self._channel = None
            self.ended()

    # Member of Connections

    def loseConnection(
        self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = ""
    ) -> None:
        """
        Close an open connection by the closing handshake, and refuse one that
        is not open.

        @param code: the close code.
        @param reason: the close reason.
        """
        if self.webSocket is not None:
            self.webSocket.loseConnection(code, reason)
        elif self._negotiation is not None:
            self._refuse(
                BadHandshake(503, "the server is closing", [("Connection", "close")])
            )

    def abortConnection(self) -> None:
        """
        Close an open connection at once.
        """
        if self.webSocket is not None:
            self.webSocket.abortConnection()

    # Helpers

    def _refuse(self, refusal: BadHandshake) -> None:
        """
        Answer by HTTP after all.
        """
        self._stop(Failure(ConnectionLost(refusal.explanation)))
        if self._request.channel is not None:
            # The application has not cut the connection meanwhile.
            _refuseRequest(self._request, refusal)
        self.ended()

    def _stop(self, reason: Failure) -> None:
        """
        Stop to ask the application.
        """
        self._keepalive.stop()
        negotiation, self._negotiation = self._negotiation, None
        if negotiation is not None:
            negotiation.cancel(reason)

    def _left(self, reason: Failure) -> None:
        """
        The client has left without its answer.
        """
        if self._negotiation is not None:
            self._stop(reason)
            self.ended()

    def _expire(self, expired: DeadlineExpired) -> None:
        """
        Give up an application that does not get its answer done.
        """
        self._refuse(BadHandshake(503, "the application took too long"))

    def _finishRequest(self, reason: Failure) -> None:
        """
        Tell those who wait for the end of the request that it has come.
        """
        request = self._request
        if reason.check(ConnectionDone) is None:
            request.connectionLost(reason)
            return
        request.channel = None
        request.content.close()
        notifications, request.notifications = request.notifications, []
        for finished in notifications:
            finished.callback(None)


MakeUpgrade = Callable[[Any, ServerSettings, UpgradeRequest], RequestUpgrade]


def answerRequest(
    request: Any,
    settings: ServerSettings,
    makeUpgrade: MakeUpgrade,
    routed: str | None = None,
    refuse: NotAnUpgrade = notAnUpgrade,
) -> None:
    """
    Answer a request, now or later, by an upgrade or a refusal.

    @param request: the L{Request<twisted.web.http.Request>}.
    @param settings: what the server does.
    @param makeUpgrade: makes what asks the application; it may raise
        L{BadHandshake}.
    @param routed: what a router is to look for; L{None} for the path of the
        request.
    @param refuse: refuses what is no upgrade.
    """
    channel = request.channel
    if channel is None:
        # Somebody took long to find out that it is for us, and it has gone.
        return
    try:
        upgrade = _parse(request, settings, routed, refuse)
        if hasEarlyData(channel):
            raise earlyData()
        upgrading = makeUpgrade(request, settings, upgrade)
    except BadHandshake as refusal:
        _refuseRequest(request, refusal)
    else:
        upgrading.start(routed)


def divertUpgrades(http: Any, answer: Callable[[Any], object]) -> None:
    """
    Have requests for an upgrade answered by somebody else than the site that
    they are sent to.

    @param http: what the site has built for a connection.  If it does not make
        requests as L{twisted.web} does, nothing is diverted.
    @param answer: is called with each L{Request<twisted.web.http.Request>}
        that asks for an upgrade.
    """
    makeRequest = getattr(http, "requestFactory", None)
    if makeRequest is not None:
        http.requestFactory = _DivertingFactory(makeRequest, answer)


class _DivertingFactory:
    """
    Makes requests that look whether they ask for an upgrade.
    """

    def __init__(
        self, makeRequest: Callable[..., Any], answer: Callable[[Any], object]
    ) -> None:
        self._makeRequest = makeRequest
        self._answer = answer
        # How it wants to be called.
        directlyProvides(self, providedBy(makeRequest))

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        request = self._makeRequest(*arguments, **keywords)
        # Not the request itself, which would live until it is collected.
        request.process = partial(_process, ref(request), self._answer)
        return request


def _process(reference: Callable[[], Any], answer: Callable[[Any], object]) -> None:
    """
    Process a request, or have it diverted.
    """
    request = reference()
    del request.process
    # Asked for as text, it would have to be UTF-8.
    values = request.requestHeaders.getRawHeaders(b"Upgrade", ())
    fields = Headers(("Upgrade", value.decode("latin-1")) for value in values)
    if isUpgrade(RequestHead("GET", "/", 1, fields)):
        answer(request)
    else:
        request.process()


def _parse(
    request: Any, settings: ServerSettings, routed: str | None, refuse: NotAnUpgrade
) -> UpgradeRequest:
    """
    Find out what is asked for, as strictly as on a port of our own.
    """
    if not request.clientproto.startswith(b"HTTP/1."):
        # RFC 9113 8.2.2: connection-specific headers are no part of HTTP/2.
        raise BadHandshake(505, "WebSocket is spoken over HTTP/1.1 here")
    head = _readHead(request, settings.limits.headLimits)
    if not isUpgrade(head) or head.method != "GET":
        raise refuse(settings, head, routed)
    upgrade = parseUpgrade(head)
    if not canTakeOver(request.channel):
        _log.error(
            "{channel} of twisted.web cannot be taken over", channel=request.channel
        )
        raise BadHandshake(501, "this server cannot upgrade connections")
    return upgrade


def _readHead(request: Any, limits: HeadLimits) -> RequestHead:
    """
    Read the head of a request again: L{twisted.web} is more lenient.
    """
    lines = [b" ".join((request.method, request.uri, request.clientproto))]
    for name, values in request.requestHeaders.getAllRawHeaders():
        lines += [b"%s: %s" % (name, value) for value in values]
    read = HeadReader(limits).receiveData(b"\r\n".join((*lines, b"", b"")))
    assert read is not None
    return parseRequestHead(read[0], limits)


def _addCookies(acceptance: bytes, request: Any) -> bytes:
    """
    Add to a 101 the cookies that have been set meanwhile, such as the one of a
    session.
    """
    cookies = [b"Set-Cookie: %s\r\n" % cookie for cookie in request.cookies]
    return b"".join((acceptance[:-2], *cookies, b"\r\n"))


def _refuseRequest(request: Any, refusal: BadHandshake) -> None:
    """
    Answer a request with an error, in plain text.
    """
    logRefusal(request.getClientAddress(), refusal)
    body = refusal.body
    fields = refusalFields(body, refusal.headers)
    try:
        serializeHead("", fields)
    except ValueError:
        # What an application wants to say may be not fit for HTTP.
        _log.failure("cannot answer with {refusal}", refusal=refusal)
        _refuseRequest(request, BadHandshake(500, "internal error"))
        return
    options = ", ".join(Headers(fields).getAll("Connection"))
    if "close" in options.lower():
        request.channel.persistent = False
    phrase = statusLine(refusal.status).split(" ", 2)[2]
    request.setResponseCode(refusal.status, phrase.encode("ascii"))
    for name, _ in fields:
        request.responseHeaders.removeHeader(name)
    for name, value in fields:
        request.responseHeaders.addRawHeader(
            name.encode("ascii"), value.encode("latin-1")
        )
    request.write(body)
    request.finish()
