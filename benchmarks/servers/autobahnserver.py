"""
Autobahn on Twisted, with its native accelerators.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from serving import PING_INTERVAL, listen, refuse

# Read by what is imported next.
os.environ["AUTOBAHN_USE_NVX"] = "1"

from autobahn.twisted.websocket import (
    WebSocketServerFactory,
    WebSocketServerProtocol,
)
from autobahn.websocket import USES_NVX
from autobahn.websocket.compress import (
    PerMessageDeflateOffer,
    PerMessageDeflateOfferAccept,
)

members = set()


class Echo(WebSocketServerProtocol):
    """
    Sends back what it gets.
    """

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """
        Echo.
        """
        self.sendMessage(payload, isBinary)


class Member(WebSocketServerProtocol):
    """
    Has all told what it is told.
    """

    def onOpen(self) -> None:
        """
        Join.
        """
        members.add(self)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """
        Broadcast.
        """
        prepared = self.factory.prepareMessage(payload, isBinary)
        for member in members:
            member.sendPreparedMessage(prepared)


def accept(offers: Any) -> Any:
    """
    Accept permessage-deflate, with the settings that it has by default.
    """
    for offer in offers:
        if isinstance(offer, PerMessageDeflateOffer):
            return PerMessageDeflateOfferAccept(offer)
    return None


def main(work: str) -> None:
    """
    Serve.
    """
    if not USES_NVX:
        refuse("Autobahn has no native accelerators here")
    factory = WebSocketServerFactory()
    factory.protocol = Member if work == "broadcast" else Echo
    if work == "deflate":
        factory.setProtocolOptions(perMessageCompressionAccept=accept)
    if work == "idle":
        factory.setProtocolOptions(
            autoPingInterval=PING_INTERVAL, autoPingTimeout=PING_INTERVAL
        )
    listen(factory)


if __name__ == "__main__":
    main(*sys.argv[1:])
