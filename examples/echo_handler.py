"""
A handler of messages: an echo.
"""

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import react

from txws import WebSocketFactory, WebSocketHandler


class Echo(WebSocketHandler):
    """
    Sends back what it receives; each connection has an Echo of its own.
    """

    def textMessageReceived(self, message):
        """
        Send back text.
        """
        self.transport.sendTextMessage(message)

    def bytesMessageReceived(self, data):
        """
        Send back bytes.
        """
        self.transport.sendBytesMessage(data)


async def main(reactor):
    """
    Serve ws://localhost:9000/.
    """
    await serverFromString(reactor, "tcp:9000").listen(WebSocketFactory(Echo))
    await Deferred()


if __name__ == "__main__":
    react(main)
