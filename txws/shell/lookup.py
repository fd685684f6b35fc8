"""
Finding the addresses of a name, as a step by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IResolutionReceiver,
)
from zope.interface import implementer

from txws.carriers import ResolvingReactor

__all__ = ["KnownNames", "lookUp"]


def lookUp(reactor: Any, host: str) -> Deferred[list[IAddress]]:
    """
    Find the addresses of a name.

    @param reactor: what resolves.
    @param host: the name, or an address.
    @return: fires with addresses; fails with
        L{DNSLookupError<twisted.internet.error.DNSLookupError>} if there are
        none.
    """
    receiver = _Receiver(host)
    reactor.nameResolver.resolveHostName(receiver, host)
    return receiver.found


class KnownNames(ResolvingReactor):
    """
    A reactor that knows the addresses of the only name that is asked for.
    """

    def __init__(self, reactor: Any, addresses: Sequence[IAddress]) -> None:
        """
        @param reactor: what connects.
        @param addresses: what is known.
        """
        super().__init__(reactor, _Resolver(addresses))


@implementer(IResolutionReceiver)
class _Receiver:
    """
    Gathers the addresses of a name.
    """

    def __init__(self, host: str) -> None:
        self.found: Deferred[list[IAddress]] = Deferred(self._cancelled)
        self._host = host
        self._addresses: list[IAddress] = []
        self._resolution: IHostResolution | None = None

    def resolutionBegan(self, resolution: IHostResolution) -> None:
        """
        See L{IResolutionReceiver}.
        """
        self._resolution = resolution

    def addressResolved(self, address: IAddress) -> None:
        """
        See L{IResolutionReceiver}.
        """
        self._addresses.append(address)

    def resolutionComplete(self) -> None:
        """
        See L{IResolutionReceiver}.
        """
        if self.found.called:
            return
        if self._addresses:
            self.found.callback(self._addresses)
        else:
            self.found.errback(DNSLookupError(self._host))

    def _cancelled(self, found: object) -> None:
        """
        Nobody waits for it any more.
        """
        cancel = getattr(self._resolution, "cancel", None)
        if cancel is not None:
            try:
                cancel()
            except NotImplementedError:
                # Twisted's threaded resolver cannot.
                return


@implementer(IHostnameResolver)
class _Resolver:
    """
    Knows one name.
    """

    def __init__(self, addresses: Sequence[IAddress]) -> None:
        self._addresses = addresses

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
        resolution = _Resolution(hostName)
        resolutionReceiver.resolutionBegan(resolution)
        for address in self._addresses:
            if isinstance(address, (IPv4Address, IPv6Address)):
                resolutionReceiver.addressResolved(
                    type(address)("TCP", address.host, portNumber)
                )
        resolutionReceiver.resolutionComplete()
        return resolution


@implementer(IHostResolution)
class _Resolution:
    """
    One that is done.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def cancel(self) -> None:
        """
        Do nothing: it is done.
        """
