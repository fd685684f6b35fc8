"""
How to test a handler, in memory: C{python -m twisted.trial test_chat}.
"""

from chat import room
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txws import WebSocketFactory
from txws.client import ClientSettings, WebSocketClientProtocol
from txws.testing import MemoryConnection, RecordingHandler


class ChatTests(SynchronousTestCase):
    """
    Two clients in one room.
    """

    def test_everybodyHears(self):
        """
        What one says, all hear, who says it included.
        """
        clock = Clock()
        factory = WebSocketFactory(room, clock=clock)
        settings = ClientSettings("chat.example", "/", clock)
        clients, connections = (RecordingHandler(), RecordingHandler()), []
        for client in clients:
            protocol = WebSocketClientProtocol(settings, client)
            server = factory.buildProtocol(None)
            connections.append(MemoryConnection(server, protocol))
            connections[-1].flush()
        clients[0].transport.sendTextMessage("Hello.")
        for connection in connections:
            connection.flush()
        for client in clients:
            self.assertEqual(client.messages, ["Hello."])
