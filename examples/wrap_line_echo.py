"""
Any Twisted protocol over WebSocket; this one sends back each line.
"""

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory
from twisted.internet.task import react
from twisted.protocols.basic import LineOnlyReceiver

from txws import WebSocketFactory


class LineEcho(LineOnlyReceiver):
    """
    Knows nothing of WebSocket.
    """

    delimiter = b"\n"

    def lineReceived(self, line):
        """
        Send it back.
        """
        self.sendLine(line)


async def main(reactor):
    """
    Serve ws://localhost:9000/.
    """
    factory = WebSocketFactory(Factory.forProtocol(LineEcho))
    await serverFromString(reactor, "tcp:9000").listen(factory)
    await Deferred()


if __name__ == "__main__":
    react(main)
