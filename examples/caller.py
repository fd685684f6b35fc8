"""
Calls a server, again whenever the connection is lost: C{twistd -ny caller.py}.
"""

from twisted.application.internet import ClientService
from twisted.application.service import Application
from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol

from txws import WebSocketClientEndpoint


class Caller(Protocol):
    """
    Knows nothing of WebSocket.
    """

    def connectionMade(self):
        """
        Say something.
        """
        self.transport.write(b"Hello.\n")

    def dataReceived(self, data):
        """
        Show the answer.
        """
        print(data.decode(), end="")


endpoint = WebSocketClientEndpoint(reactor, "ws://localhost:9000/")
service = ClientService(endpoint, Factory.forProtocol(Caller))
application = Application("caller")
service.setServiceParent(application)
