"""
How to test a handler, in memory: C{python -m twisted.trial test_chat}.
"""

from chat import room
from twisted.trial.unittest import SynchronousTestCase

from txws.testing import MemoryServer


class ChatTests(SynchronousTestCase):
    """
    Two clients in one room.
    """

    def test_everybodyHears(self):
        """
        What one says, all hear, who says it included.
        """
        server = MemoryServer(room)
        ada, bob = server.connect(), server.connect()
        ada.send("Hello.")
        self.assertEqual(ada.takeMessages(), ["Hello."])
        self.assertEqual(bob.takeMessages(), ["Hello."])
