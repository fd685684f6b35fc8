"""
As many numbers as a client reads: C{twistd -n websocket --wrap firehose.Firehose}.
"""

from itertools import count

from twisted.internet.interfaces import IPullProducer
from zope.interface import implementer

from txws import WebSocketHandler


@implementer(IPullProducer)
class Firehose(WebSocketHandler):
    """
    Sends a number whenever there is room for one.
    """

    def negotiationFinished(self):
        """
        Begin.
        """
        self._numbers = count()
        self.transport.attachProducer(self, streaming=False)

    def resumeProducing(self):
        """
        Send the next number.
        """
        self.transport.sendTextMessage(str(next(self._numbers)))

    def stopProducing(self):
        """
        The connection has ended.
        """
