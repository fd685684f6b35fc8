"""
A chat room: C{twistd -n websocket --wrap chat.room}.
"""

from functools import partial

from txws import HandlerFactory, WebSocketHandler


class Member(WebSocketHandler):
    """
    Somebody in the room.
    """

    def __init__(self, members):
        self._members = members

    def negotiationFinished(self):
        """
        Come in.
        """
        self._members.add(self)

    def textMessageReceived(self, message):
        """
        Tell everybody.
        """
        for member in tuple(self._members):
            member.transport.sendTextMessage(message)

    def connectionLost(self, reason):
        """
        Leave.
        """
        self._members.discard(self)


room = HandlerFactory(partial(Member, set()))
