"""
Checksums of files, however large: C{twistd -n websocket --wrap digest.Digest
--max-message-size unlimited}.
"""

from hashlib import sha256

from zope.interface import implementer

from txws import IFragmentHandler, WebSocketHandler


@implementer(IFragmentHandler)
class Digest(WebSocketHandler):
    """
    Answers each message with its SHA-256, and never has more than a part of it.
    """

    def negotiationFinished(self):
        """
        Begin.
        """
        self._digest = sha256()

    def bytesFragmentReceived(self, data, isFinal):
        """
        Take a part of a file.
        """
        self._digest.update(data)
        if isFinal:
            self.transport.sendTextMessage(self._digest.hexdigest())
            self._digest = sha256()

    def textFragmentReceived(self, text, isFinal):
        """
        Take a part of a text.
        """
        self.bytesFragmentReceived(text.encode(), isFinal)
