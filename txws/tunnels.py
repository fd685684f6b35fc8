"""
The tunnel through a proxy: the protocol that asks for it, and hands the
connection over when it is open.

What is asked, and how answers are understood, is a L{Negotiation}'s business:
bytes in, bytes out.
"""

from __future__ import annotations

from typing import Any, NoReturn
from typing import Protocol as Promise

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost, NoProtocol
from twisted.internet.interfaces import (
    IAddress,
    IHalfCloseableProtocol,
    IProtocol,
    IProtocolFactory,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from .closing import abortTransport
from .errors import ProxyRefused, TLSFailed
from .tlsfailures import explainTLS

__all__ = ["Negotiation", "NewConnectionNeeded", "Tunnel", "TunnelFactory"]


class NewConnectionNeeded(Exception):
    """
    The proxy has to be asked again, on another connection.
    """


class Negotiation(Promise):
    """
    How a proxy is asked for a tunnel, without a transport.

    @ivar rest: when the tunnel is open, what has been received through it
        already; L{None} before.
    """

    rest: bytes | None

    @property
    def refusal(self) -> ProxyRefused | None:
        """
        What the proxy refuses with, if it has not said all of it yet.
        """

    def connectionMade(self) -> bytes:
        """
        Begin on a new connection.

        @return: what to send.
        """

    def receiveData(self, data: bytes) -> bytes:
        """
        Add bytes of the proxy's, as long as C{rest} is L{None}.

        @return: what to send.
        @raise ProxyRefused: if there will be no tunnel.
        @raise NewConnectionNeeded: if there will be none on this connection.
        """

    def connectionLost(self) -> NoReturn:
        """
        The proxy has closed the connection before the tunnel was open.

        @raise ProxyRefused: if there will be no tunnel.
        @raise NewConnectionNeeded: if there will be none on this connection.
        """


@implementer(IHalfCloseableProtocol)
class Tunnel(Protocol):
    """
    Asks a proxy for a tunnel, and connects a protocol when it is open.

    That protocol has the very transport that leads to the proxy; what this one
    receives from then on, it passes on.

    @ivar opened: fires with the protocol when it is connected, and fails if it
        never is.  Cancelling it aborts the connection.
    """

    def __init__(
        self, negotiation: Negotiation, factory: IProtocolFactory, address: IAddress
    ) -> None:
        """
        @param negotiation: how the proxy is asked.
        @param factory: makes the protocol.
        @param address: where the tunnel leads to.
        """
        self.opened: Deferred[IProtocol] = Deferred(lambda opened: self._giveUp())
        self._negotiation: Negotiation | None = negotiation
        self._factory = factory
        self._address = address
        self._inner: IProtocol | None = None
        # What the connection has ended with before the transport says it.
        self._ended: Failure | None = None

    def connectionMade(self) -> None:
        """
        Ask.
        """
        assert self.transport is not None
        if self._negotiation is None:
            # It was cancelled before.
            abortTransport(self.transport)
        else:
            self.transport.write(self._negotiation.connectionMade())

    def dataReceived(self, data: bytes) -> None:
        """
        Read the answer, or pass on what comes through the tunnel.
        """
        if self._inner is not None:
            self._inner.dataReceived(data)
        elif self._negotiation is not None:
            self._negotiate(self._negotiation, data)

    def readConnectionLost(self) -> None:
        """
        The peer closes its half of the connection: for a protocol that does
        not ask for halves, that is the end.
        """
        assert self.transport is not None
        half: Any = IHalfCloseableProtocol(self._inner, None)
        if half is not None:
            half.readConnectionLost()
        else:
            self._ended = connectionDone
            abortTransport(self.transport)

    def writeConnectionLost(self) -> None:
        """
        Pass on that this half of the connection is closed.
        """
        half: Any = IHalfCloseableProtocol(self._inner, None)
        if half is not None:
            half.writeConnectionLost()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Pass it on, to the protocol or to whoever waits for it.
        """
        if self._ended is not None:
            reason = self._ended
        inner, self._inner = self._inner, None
        if inner is not None:
            inner.connectionLost(reason)
        elif self._negotiation is not None:
            self._fail(_explain(self._negotiation, reason, self.transport))

    def abandon(self) -> None:
        """
        Nobody waits for the tunnel any more: if it is not open, it will not be.
        """
        self.opened.addErrback(lambda reason: None)
        self.opened.cancel()

    def _negotiate(self, negotiation: Negotiation, data: bytes) -> None:
        """
        Read the answer.
        """
        assert self.transport is not None
        try:
            sent = negotiation.receiveData(data)
        except (ProxyRefused, NewConnectionNeeded) as error:
            self._fail(Failure(error))
            return
        if sent:
            self.transport.write(sent)
        if negotiation.rest is not None:
            self._open(negotiation.rest)

    def _open(self, rest: bytes) -> None:
        """
        Connect the protocol.

        @param rest: what has been received for it already.
        """
        assert self.transport is not None
        try:
            inner = self._factory.buildProtocol(self._address)
            if inner is None:
                raise NoProtocol
            self._inner = inner
            inner.makeConnection(self.transport)
        except Exception:
            self._fail(Failure())
            return
        if self.opened.called:
            # The protocol's user has cancelled it meanwhile.
            return
        self._negotiation = None
        self.opened.callback(inner)
        # It may have closed the connection by now.
        isLeaving = getattr(self.transport, "disconnecting", False)
        if rest and not isLeaving and self._inner is not None:
            self._inner.dataReceived(rest)

    def _fail(self, failure: Failure) -> None:
        """
        Close the transport, and say why.
        """
        self._giveUp()
        if not self.opened.called:
            self.opened.errback(failure)

    def _giveUp(self) -> None:
        """
        Close the transport, be it now or when it is there.
        """
        self._negotiation = None
        if self.transport is not None:
            abortTransport(self.transport)


class TunnelFactory(Factory):
    """
    Brings one L{Tunnel} to the endpoint that leads to a proxy.
    """

    noisy = False

    def __init__(self, tunnel: Tunnel, factory: IProtocolFactory) -> None:
        """
        @param tunnel: the protocol to connect.
        @param factory: what is told that it is in use.
        """
        self._tunnel = tunnel
        self._factory = factory

    def doStart(self) -> None:
        """
        See L{IProtocolFactory}.
        """
        self._factory.doStart()

    def doStop(self) -> None:
        """
        See L{IProtocolFactory}.
        """
        self._factory.doStop()

    def buildProtocol(self, addr: IAddress | None) -> Tunnel:
        """
        Get the tunnel.
        """
        return self._tunnel


def _explain(negotiation: Negotiation, reason: Failure, transport: Any) -> Failure:
    """
    Say why there is no tunnel when the connection has ended.

    @param reason: what it was lost with.
    @param transport: what led to the proxy.
    """
    if reason.check(ConnectionDone, ConnectionLost) is None:
        # Such as a certificate of the proxy that cannot be verified.
        return Failure(TLSFailed(f"at the proxy, {explainTLS(reason, transport)}"))
    try:
        negotiation.connectionLost()
    except (ProxyRefused, NewConnectionNeeded) as error:
        error.__cause__ = reason.value
        return Failure(error)
