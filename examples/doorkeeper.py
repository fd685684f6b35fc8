"""
Those who are known come in: C{twistd -n websocket --wrap doorkeeper.door}.
"""

from txws import HandlerFactory, WebSocketHandler

NAMES = {"c2VjcmV0": "Ada"}


class Greeter(WebSocketHandler):
    """
    Greets a user.
    """

    def negotiationFinished(self):
        """
        Greet by name.
        """
        name = NAMES[self.transport.request.cookies["session"]]
        self.transport.sendTextMessage(f"Hello, {name}.")


class Door(HandlerFactory):
    """
    Knows users by their cookies.
    """

    def buildHandler(self, request):
        """
        Make a handler, or refuse with status 403.
        """
        isKnown = request.cookies.get("session") in NAMES
        return super().buildHandler(request) if isKnown else None


door = Door(Greeter, "greeting.example")
