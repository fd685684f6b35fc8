"""
A WebSocket among the routes of Klein.
"""

from klein import Klein
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import react
from twisted.web.server import Site

from txws import WebSocketResource
from txws.demo import Echo

app = Klein()
echo = WebSocketResource(Echo)


@app.route("/")
def page(request):
    """
    Show who is there.
    """
    return f"{len(list(echo.connections))} connected to /echo"


app.route("/echo", endpoint="echo")(lambda request: echo)


async def main(reactor):
    """
    Serve http://localhost:9000/ and ws://localhost:9000/echo.
    """
    await serverFromString(reactor, "tcp:9000").listen(Site(app.resource()))
    await Deferred()


if __name__ == "__main__":
    react(main)
