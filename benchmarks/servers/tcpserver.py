"""
R, the measure of all: an echo of bytes, on Twisted's reactor, without WebSocket.
"""

from __future__ import annotations

from serving import listen
from twisted.internet.protocol import Factory, Protocol


class Echo(Protocol):
    """
    Sends back what it gets.
    """

    def dataReceived(self, data: bytes) -> None:
        """
        Echo.
        """
        self.transport.write(data)


if __name__ == "__main__":
    listen(Factory.forProtocol(Echo))
