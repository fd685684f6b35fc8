"""
A page and a WebSocket on one port.
"""

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import react
from twisted.web.resource import Resource
from twisted.web.server import Site
from twisted.web.static import Data

from txws import WebSocketResource
from txws.demo import Echo

PAGE = b"""<!doctype html><input onchange="socket.send(value)"><script>
const socket = new WebSocket(location.href.replace("http", "ws") + "echo")
socket.onmessage = (event) => document.body.append(event.data, " ")
</script>"""


async def main(reactor):
    """
    Serve http://localhost:9000/ and ws://localhost:9000/echo.
    """
    root = Resource()
    root.putChild(b"", Data(PAGE, "text/html"))
    root.putChild(b"echo", WebSocketResource(Echo))
    await serverFromString(reactor, "tcp:9000").listen(Site(root))
    await Deferred()


if __name__ == "__main__":
    react(main)
