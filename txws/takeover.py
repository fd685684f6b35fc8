"""
The seam between L{twisted.web} and WebSocket: how a connection is taken away
from it.

L{twisted.web} has no public way to do that.  All that txws knows of the inner
life of its channels is here; it is looked for before it is used, and none of
it is imported.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IProtocol

__all__ = ["canTakeOver", "hasEarlyData", "takeOver"]

# What takeOver() and hasEarlyData() need of an HTTPChannel.
_CHANNEL = (
    "_buffer",
    "_dataBuffer",
    "_networkProducer",
    "persistent",
    "requests",
    "setTimeout",
    "transport",
)


def canTakeOver(channel: Any) -> bool:
    """
    Tell whether a channel is one of HTTP/1.1 as L{takeOver} knows it.

    @param channel: the channel of a request.
    """
    return all(hasattr(channel, name) for name in _CHANNEL)


def hasEarlyData(channel: Any) -> bool:
    """
    Tell whether a channel has received more than the request that it handles.

    @param channel: an
        L{HTTPChannel<twisted.web.http.HTTPChannel>}.
    """
    # The first holds what came with the request as long as the request is
    # being delivered, the second what came later.
    return bool(channel._buffer or channel._dataBuffer)


def takeOver(request: Any, protocol: IProtocol) -> None:
    """
    Take a connection away from L{twisted.web}, with the request that it
    handles as its last one.

    The channel stays where it is, for what calls it may be the transport, TLS,
    or any wrapper in between; but from now on it only passes on what it is
    told.

    @param request: a L{Request<twisted.web.http.Request>} that nothing was
        written to, of a channel that L{canTakeOver} has approved of.
    @param protocol: what gets the connection.
    """
    channel = request.channel
    # Whoever still holds the request cannot write into the frames.
    request.setResponseCode(101)
    request.startedWriting = request.finished = 1
    if getattr(channel, "factory", None) is not None:
        # The access log.
        channel.factory.log(request)
    # An idle browser is none of its concerns any more.
    channel.setTimeout(None)
    # With a producer that never ends, TLS would never close, and nobody else
    # could register one.
    channel._networkProducer.unregisterProducer()
    # It would tell the request of the end; we do.
    channel.requests.clear()
    upgrade = getattr(channel, "_protocolUpgradeForWebsockets", None)
    if upgrade is not None:
        # Twisted 25.5 and later; what follows is what it does.
        upgrade(protocol)
    else:
        channel.dataReceived = protocol.dataReceived
        channel.connectionLost = protocol.connectionLost
        protocol.makeConnection(channel.transport)
