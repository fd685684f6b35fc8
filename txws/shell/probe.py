"""
One connection that is watched: when it came how far, and by what.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IHandshakeListener,
    IProtocolFactory,
    ISSLTransport,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import ClientFactory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from txws.carriers import TLSPolicy, limit
from txws.client import ClientSettings, WebSocketClientProtocol
from txws.clientoptions import ClientOptions
from txws.conversation import Conversation
from txws.coroutines import ConversationHandler
from txws.dialing import carrierFor, proxyFor, settingsFor
from txws.errors import WebSocketClosed, WebSocketFailed
from txws.policy import KeepalivePolicy
from txws.urls import WebSocketURL
from txws.visits import Visit

from .options import ConnectOptions
from .trust import AnybodyPolicy

__all__ = ["Listener", "Probe", "TLSFacts"]


class Listener:
    """
    Hears out what a server says.

    @ivar conversation: with the server.
    @ivar count: how many messages came.
    @ivar ended: how the connection has ended, or L{None}.
    """

    def __init__(self, conversation: Conversation) -> None:
        """
        @param conversation: with the server.
        """
        self.conversation = conversation
        self.count = 0
        self.ended: WebSocketClosed | WebSocketFailed | None = None
        Deferred.fromCoroutine(self._listen())

    async def _listen(self) -> None:
        """
        Count messages until the end.
        """
        try:
            while True:
                await self.conversation.receive()
                self.count += 1
        except (WebSocketClosed, WebSocketFailed) as ended:
            self.ended = ended


class TLSFacts:
    """
    What is known of the encryption of a connection.

    @ivar version: the version of TLS.
    @ivar cipher: the name of the cipher.
    @ivar subject: whose certificate it is.
    @ivar issuer: who has signed it.
    @ivar names: for which names it is.
    @ivar expires: until when.
    """

    def __init__(self, carrier: Any) -> None:
        """
        @param carrier: an encrypted transport of Twisted's.
        """
        handle = carrier.getHandle()
        self.version: str = handle.get_protocol_version_name()
        self.cipher: str = handle.get_cipher_name() or ""
        certificate: Any = carrier.getPeerCertificate().to_cryptography()
        self.subject: str = certificate.subject.rfc4514_string()
        self.issuer: str = certificate.issuer.rfc4514_string()
        self.names = _namesOf(certificate)
        # cryptography 42 has not_valid_after_utc; the other is deprecated.
        expires = getattr(certificate, "not_valid_after_utc", None)
        if expires is None:
            expires = certificate.not_valid_after.replace(tzinfo=timezone.utc)
        self.expires: datetime = expires

    def daysLeft(self, now: float) -> int:
        """
        Tell for how many whole days the certificate is still good.

        @param now: the time, as L{time.time} has it.
        """
        left = self.expires - datetime.fromtimestamp(now, timezone.utc)
        return left.days


class Probe:
    """
    One connection that is watched.

    @ivar times: when a phase was done, by its name: C{"start"}, C{"tcp"},
        C{"tls"}, C{"open"}.
    @ivar protocol: what asked for the upgrade, or L{None}.
    @ivar isSecure: whether there has to be TLS.
    @ivar proxy: what it goes through, or L{None}.
    """

    def __init__(
        self,
        reactor: Any,
        url: WebSocketURL,
        options: ConnectOptions,
        keepalive: KeepalivePolicy | None = None,
    ) -> None:
        """
        @param reactor: what connects.
        @param url: where to.
        @param options: how.
        @param keepalive: how long it waits.
        """
        self.times: dict[str, float] = {}
        self.protocol: _WatchedProtocol | None = None
        self._reactor = reactor
        self._url = url
        self._options = options
        self._asked: ClientOptions = options["asked"]
        self.isSecure: bool = url.isSecure
        self.proxy = proxyFor(url, self._asked)
        self._keepalive = KeepalivePolicy() if keepalive is None else keepalive

    async def connect(self) -> Listener:
        """
        Connect.

        @return: what hears the server.  The exceptions are those of
            L{connect<txws.endpoints.connect>}, but redirections are not
            followed.
        """
        self.note("start")
        # Made before, for what cannot be asked for is known then.
        handler = ConversationHandler(lambda conversation: Deferred())
        self.protocol = _WatchedProtocol(self._settings(), handler, self)
        await _connect(self._carrier(self._asked.tlsPolicy), self.protocol)
        await self.protocol.opened
        self.note("open")
        return Listener(handler.conversation)

    async def lookAtCertificate(self) -> TLSFacts | None:
        """
        Look at a certificate that is not trusted.  Nothing is sent to the
        server.

        @return: L{None} if there is none to be seen.
        """
        looking = _Looking()
        seconds = self._asked.timeouts.tlsTimeout
        try:
            await _connect(self._carrier(AnybodyPolicy()), looking)
            return await limit(looking.seen, seconds, self._reactor, "tlsTimeout")
        except Exception:
            # That there is no connection has been told before.
            return None

    def note(self, phase: str) -> None:
        """
        Note that a phase is done.

        @param phase: its name.
        """
        self.times[phase] = self._reactor.seconds()

    def _settings(self) -> ClientSettings:
        """
        Find out what to ask for.
        """
        headers = Visit(self._url, self._asked).fields(self._options["header"])
        settings = settingsFor(self._reactor, self._url, self._asked, headers)
        return replace(settings, keepalive=self._keepalive)

    def _carrier(self, policy: TLSPolicy | None) -> IStreamClientEndpoint:
        """
        Make what carries the connection.
        """
        return carrierFor(self._reactor, self._url, self._asked, policy)


class _WatchedProtocol(WebSocketClientProtocol):
    """
    Notes how far a connection came.
    """

    def __init__(
        self, settings: ClientSettings, handler: ConversationHandler, probe: Probe
    ) -> None:
        super().__init__(settings, handler)
        self._probe = probe

    def connectionMade(self) -> None:
        """
        TCP is connected.
        """
        self._probe.note("tcp")
        super().connectionMade()

    def handshakeCompleted(self) -> None:
        """
        TLS is done.
        """
        self._probe.note("tls")
        super().handshakeCompleted()


@implementer(IHandshakeListener)
class _Looking(Protocol):
    """
    Looks at a certificate, and leaves.
    """

    def __init__(self) -> None:
        self.seen: Deferred[TLSFacts | None] = Deferred(lambda seen: self._leave())

    def connectionMade(self) -> None:
        """
        Begin TLS.
        """
        assert self.transport is not None
        # OpenSSL begins when something is written.
        self.transport.write(b"")

    def handshakeCompleted(self) -> None:
        """
        The certificate is there.
        """
        assert self.transport is not None
        if not self.seen.called:
            facts = TLSFacts(ISSLTransport(self.transport))
            self._leave()
            self.seen.callback(facts)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        There is no TLS.
        """
        if not self.seen.called:
            self.seen.callback(None)

    def _leave(self) -> None:
        """
        Leave.
        """
        transport: Any = self.transport
        if transport is not None:
            transport.abortConnection()


class _One(ClientFactory):
    """
    A factory of one protocol.
    """

    noisy = False

    def __init__(self, protocol: Protocol) -> None:
        self._made = protocol

    def buildProtocol(self, addr: object) -> Protocol:
        """
        Return it.
        """
        return self._made


async def _connect(endpoint: IStreamClientEndpoint, protocol: Protocol) -> None:
    """
    Connect a protocol.
    """
    connecting: Deferred[Any] = endpoint.connect(IProtocolFactory(_One(protocol)))
    await connecting


def _namesOf(certificate: Any) -> list[str]:
    """
    Find the names and addresses that a certificate is for.
    """
    from cryptography.x509 import ExtensionNotFound, SubjectAlternativeName

    try:
        found = certificate.extensions.get_extension_for_class(SubjectAlternativeName)
    except ExtensionNotFound:
        return []
    return [str(name.value) for name in found.value]
