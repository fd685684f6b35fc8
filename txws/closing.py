"""
How Twisted transports are closed: so that what was written last arrives, or at
once.
"""

from __future__ import annotations

from twisted.internet.interfaces import (
    IConsumer,
    IPullProducer,
    IPushProducer,
    ISSLTransport,
    ITCPTransport,
    ITransport,
)
from zope.interface import implementer

__all__ = ["abortTransport", "seeOff"]


def seeOff(transport: ITransport) -> None:
    """
    Close a Twisted transport whose peer may still be sending: what was written
    last has to reach it, but closing a socket that holds unread data makes TCP
    reset the connection, and the peer lose what it has not read.

    So TCP is closed for writing alone, until the peer closes or a deadline
    expires; TLS waits for the peer's answer by itself.  Nothing is read before
    all is written, for Twisted drops that when it reads that the peer has
    closed its half.

    @param transport: one that may not provide
        L{ITCPTransport<twisted.internet.interfaces.ITCPTransport>}.
    """
    isTLS = ISSLTransport.providedBy(transport)
    if ITCPTransport.providedBy(transport) and not isTLS:
        ITCPTransport(transport).loseWriteConnection()
        _Farewell(transport).begin()
    else:
        transport.loseConnection()


@implementer(IPullProducer)
class _Farewell:
    """
    Reads no more from a peer until all that is written to it has left; to its
    Twisted transport it is a producer, for that is whom it tells.
    """

    def __init__(self, transport: ITransport) -> None:
        """
        @param transport: what is to be closed for writing.
        """
        self._transport = transport
        self._isAsked = False

    def begin(self) -> None:
        """
        Stop to read, and wait.
        """
        IPushProducer(self._transport).pauseProducing()
        IConsumer(self._transport).registerProducer(self, False)
        self._isAsked = True

    def resumeProducing(self) -> None:
        """
        All has left, unless this comes from the registration itself.
        """
        if self._isAsked:
            IConsumer(self._transport).unregisterProducer()
            # A producer goes before the closing that was asked for.
            ITCPTransport(self._transport).loseWriteConnection()
            IPushProducer(self._transport).resumeProducing()

    def stopProducing(self) -> None:
        """
        The transport is lost.
        """


def abortTransport(transport: ITransport) -> None:
    """
    Close a Twisted transport at once, as far as it knows how to.

    @param transport: one that may not provide
        L{ITCPTransport<twisted.internet.interfaces.ITCPTransport>}.
    """
    getattr(transport, "abortConnection", transport.loseConnection)()
