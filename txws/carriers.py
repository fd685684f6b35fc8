"""
What carries a client's connection: the endpoint below it, which finds the
server's name and address, goes through a proxy if there is one, and encrypts.

Each step has its deadline, and its own error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from twisted.internet.address import HostnameAddress
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint
from twisted.internet.error import ConnectingCancelledError, DNSLookupError
from twisted.internet.error import TimeoutError as UserTimeoutError
from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IOpenSSLClientConnectionCreator,
    IProtocol,
    IProtocolFactory,
    IReactorPluggableNameResolver,
    IReactorTCP,
    IReactorTime,
    IResolutionReceiver,
    IStreamClientEndpoint,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from .errors import DeadlineExpired, InvalidSetting
from .policy import ClientTimeouts
from .proxies import HTTPProxyEndpoint, Proxy, SOCKSProxyEndpoint
from .urls import WebSocketURL
from .wire.http import HeadLimits

__all__ = [
    "ResolvingReactor",
    "TLSPolicy",
    "TimedEndpoint",
    "encrypted",
    "endpointFor",
    "endpointThrough",
    "limit",
]

_T = TypeVar("_T")

# HostnameEndpoint refuses names that IDNA does not know, but which are in use, such as
# "my_service"; the resolver does not.
_ANY_HOST = "host.invalid"


class TLSPolicy(Protocol):
    """
    An L{IPolicyForHTTPS<twisted.web.iweb.IPolicyForHTTPS>}: whom to trust, and
    as whom to come.
    """

    def creatorForNetloc(
        self, hostname: bytes, port: int
    ) -> IOpenSSLClientConnectionCreator:
        """
        Make what begins TLS with a host.
        """


def limit(
    waiting: Deferred[_T], seconds: float, clock: IReactorTime, deadline: str
) -> Deferred[_T]:
    """
    Have something fail if it takes too long.

    @param waiting: what is waited for; it is cancelled then.
    @param seconds: how long.
    @param clock: what schedules.
    @param deadline: the name of the setting, for L{DeadlineExpired}.
    @return: the same.
    """

    def expired(result: object, timeout: float) -> Failure:
        return Failure(DeadlineExpired(deadline, seconds))

    waiting.addTimeout(seconds, clock, onTimeoutCancel=expired)
    return waiting


def endpointFor(
    reactor: Any,
    url: WebSocketURL,
    timeouts: ClientTimeouts,
    bindAddress: str | None = None,
) -> IStreamClientEndpoint:
    """
    Make the endpoint of a URL's host, or of its UNIX socket, without TLS.

    @param reactor: what connects.
    @param url: where to.
    @param timeouts: how long it may take.
    @param bindAddress: from which address, or L{None} for any.
    """
    if url.socketPath is not None:
        return _TimedUNIXEndpoint(reactor, url.socketPath, timeouts.connectTimeout)
    return TimedEndpoint(reactor, url.host, url.port, timeouts, bindAddress)


def endpointThrough(
    reactor: Any,
    proxy: Proxy,
    url: WebSocketURL,
    timeouts: ClientTimeouts,
    limits: HeadLimits,
    policy: TLSPolicy | None = None,
    bindAddress: str | None = None,
) -> IStreamClientEndpoint:
    """
    Make the endpoint of a URL's host that leads through a proxy, without TLS
    to the host.

    @param reactor: what connects.
    @param proxy: the proxy.
    @param url: where to.
    @param timeouts: how long it may take.
    @param limits: how much of the answer of an HTTP proxy is read.
    @param policy: whom to trust if the proxy itself is reached by TLS.
    @param bindAddress: from which address, or L{None} for any.
    """
    below: IStreamClientEndpoint = TimedEndpoint(
        reactor, proxy.host, proxy.port, timeouts, bindAddress
    )
    if proxy.isSecure:
        below = encrypted(below, proxy.host, proxy.port, policy, reactor)
    host = url.host.partition("%")[0]
    seconds = timeouts.proxyTimeout
    if proxy.isSOCKS:
        return SOCKSProxyEndpoint(below, host, url.port, proxy, reactor, seconds)
    return HTTPProxyEndpoint(below, host, url.port, proxy, reactor, seconds, limits)


def encrypted(
    endpoint: IStreamClientEndpoint,
    host: str,
    port: int,
    policy: TLSPolicy | None,
    clock: IReactorTime,
) -> IStreamClientEndpoint:
    """
    Put TLS on top of an endpoint.

    @param endpoint: what is below.
    @param host: whose server it has to be.
    @param port: its port.
    @param policy: whom to trust; L{None} for those that the system trusts.
    @param clock: what schedules.
    @raise InvalidSetting: if there is no TLS here, or none for such a host.
    """
    host = host.partition("%")[0]
    try:
        from twisted.internet.ssl import optionsForClientTLS
        from twisted.protocols.tls import TLSMemoryBIOFactory
    except ImportError as error:
        raise InvalidSetting(
            "url", f"needs TLS: pip install 'txws[tls]' ({error})"
        ) from None
    try:
        if policy is None:
            creator = optionsForClientTLS(host)
        else:
            creator = policy.creatorForNetloc(host.encode("ascii"), port)
    except UnicodeError:
        raise InvalidSetting(
            "url", f"needs TLS, which takes no host like {host!r}"
        ) from None
    return _EncryptedEndpoint(
        endpoint, lambda above: TLSMemoryBIOFactory(creator, True, above, clock)
    )


@implementer(IStreamClientEndpoint)
class _EncryptedEndpoint:
    """
    TLS on top of another endpoint.

    It is what C{wrapClientTLS} makes, which takes no clock in every Twisted.
    """

    def __init__(
        self,
        endpoint: IStreamClientEndpoint,
        wrap: Callable[[IProtocolFactory], IProtocolFactory],
    ) -> None:
        self._endpoint = endpoint
        self._wrap = wrap

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Connect, and begin TLS.
        """
        connecting: Deferred[Any] = self._endpoint.connect(self._wrap(protocolFactory))
        return connecting.addCallback(lambda encrypted: encrypted.wrappedProtocol)


@implementer(IStreamClientEndpoint)
class TimedEndpoint:
    """
    A L{HostnameEndpoint} that tells which of its steps takes too long: finding
    the name, or connecting to one of its addresses.
    """

    def __init__(
        self,
        reactor: Any,
        host: str,
        port: int,
        timeouts: ClientTimeouts,
        bindAddress: str | None = None,
    ) -> None:
        """
        @param reactor: what connects.
        @param host: the name or the address of the server.
        @param port: its port.
        @param timeouts: how long it may take.
        @param bindAddress: from which address, or L{None} for any.
        """
        self._reactor = reactor
        self._host = host
        self._port = port
        self._timeouts = timeouts
        self._bindAddress = bindAddress

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Connect.

        @return: fires with the protocol.  Fails with L{DeadlineExpired}, or
            with what L{HostnameEndpoint} says.
        """
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, protocolFactory: IProtocolFactory) -> IProtocol:
        """
        Connect.
        """
        resolved: Deferred[None] = Deferred()
        resolver = _NotingResolver(self._reactor.nameResolver, self._host, resolved)
        timeouts = self._timeouts
        endpoint = HostnameEndpoint(
            ResolvingReactor(self._reactor, resolver),
            _ANY_HOST,
            self._port,
            timeout=timeouts.connectTimeout,
            bindAddress=self._bindAddress,
        )
        connecting: Deferred[IProtocol] = endpoint.connect(protocolFactory)
        connecting.addErrback(self._tellHost)
        try:
            await limit(resolved, timeouts.nameTimeout, self._reactor, "nameTimeout")
        except BaseException:
            connecting.addErrback(lambda failure: None)
            connecting.cancel()
            raise
        seconds = timeouts.connectTimeout
        try:
            return await limit(connecting, seconds, self._reactor, "connectTimeout")
        except UserTimeoutError:
            # The reactor limits each connection to the same time.
            raise DeadlineExpired("connectTimeout", seconds) from None

    def _tellHost(self, failure: Failure) -> Failure:
        """
        Say which host it was.
        """
        if failure.check(DNSLookupError):
            return Failure(DNSLookupError(self._host))
        if failure.check(ConnectingCancelledError):
            address = HostnameAddress(self._host.encode("ascii"), self._port)
            return Failure(ConnectingCancelledError(address))
        return failure


@implementer(IReactorPluggableNameResolver, IReactorTCP, IReactorTime)
class ResolvingReactor:
    """
    A reactor, as L{HostnameEndpoint} uses it, that finds names by other means.
    """

    def __init__(self, reactor: Any, resolver: IHostnameResolver) -> None:
        """
        @param reactor: what connects.
        @param resolver: what finds names.
        """
        self.nameResolver = resolver
        self.connectTCP = reactor.connectTCP
        self.listenTCP = reactor.listenTCP
        self.seconds = reactor.seconds
        self.callLater = reactor.callLater
        self.getDelayedCalls = reactor.getDelayedCalls
        self.installNameResolver = reactor.installNameResolver


@implementer(IStreamClientEndpoint)
class _TimedUNIXEndpoint:
    """
    A L{UNIXClientEndpoint} that tells when it takes too long.
    """

    def __init__(self, reactor: Any, socketPath: str, seconds: float) -> None:
        self._reactor = reactor
        self._socketPath = socketPath
        self._seconds = seconds

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Connect.
        """
        # The reactor's own timer would not tell which it is.
        endpoint = UNIXClientEndpoint(self._reactor, self._socketPath, timeout=None)
        connecting: Deferred[IProtocol] = endpoint.connect(protocolFactory)
        return limit(connecting, self._seconds, self._reactor, "connectTimeout")


@implementer(IHostnameResolver)
class _NotingResolver:
    """
    A resolver of one name that tells when it is found, or is known not to be.
    """

    def __init__(
        self, resolver: IHostnameResolver, host: str, resolved: Deferred[None]
    ) -> None:
        self._resolver = resolver
        self._host = host
        self._resolved = resolved

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[IAddress]] | None = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        """
        See L{IHostnameResolver}.
        """
        return self._resolver.resolveHostName(
            _NotingReceiver(resolutionReceiver, self._resolved),
            self._host,
            portNumber,
            addressTypes,
            transportSemantics,
        )


@implementer(IResolutionReceiver)
class _NotingReceiver:
    """
    Tells when a name is found.
    """

    def __init__(self, receiver: IResolutionReceiver, resolved: Deferred[None]) -> None:
        self._receiver = receiver
        self._resolved = resolved

    def resolutionBegan(self, resolution: IHostResolution) -> None:
        """
        See L{IResolutionReceiver}.
        """
        self._receiver.resolutionBegan(resolution)

    def addressResolved(self, address: IAddress) -> None:
        """
        See L{IResolutionReceiver}.
        """
        self._receiver.addressResolved(address)

    def resolutionComplete(self) -> None:
        """
        See L{IResolutionReceiver}.
        """
        self._receiver.resolutionComplete()
        if not self._resolved.called:
            self._resolved.callback(None)
