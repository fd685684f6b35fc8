"""
A path for each application: C{twistd -n websocket --wrap router.router}.
"""

from twisted.protocols.wire import Echo

from txws import ANY_ORIGIN, HandshakePolicy, Limits, Router, WebSocketHandler

router = Router()
router.add("/stream", Echo)


@router.route("/hello/<name>", handshake=HandshakePolicy(origins=[ANY_ORIGIN]))
class Greeter(WebSocketHandler):
    """
    Greets, whatever page it is that asks.
    """

    def negotiationFinished(self):
        """
        Greet by name.
        """
        name = self.transport.request.parameters["name"]
        self.transport.sendTextMessage(f"Hello, {name}.")


@router.route("/repeat/<int(max=9):times>", limits=Limits(maxMessageSize=1024))
class Repeater(WebSocketHandler):
    """
    Sends back small messages, several times.
    """

    def textMessageReceived(self, message):
        """
        Send back text.
        """
        for _ in range(self.transport.request.parameters["times"]):
            self.transport.sendTextMessage(message)
