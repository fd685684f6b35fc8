"""
A chat room: C{twistd -n websocket --wrap chat.room}.
"""

from functools import partial

from txws import Group, HandlerFactory, WebSocketHandler


class Member(WebSocketHandler):
    """
    Somebody in the room, who leaves it with the connection.
    """

    def __init__(self, members):
        self._members = members

    def negotiationFinished(self):
        """
        Come in.
        """
        self._members.add(self.transport)

    def textMessageReceived(self, message):
        """
        Tell everybody.
        """
        self._members.broadcast(message)


room = HandlerFactory(partial(Member, Group()))
