"""
A TCP server, such as one of VNC, for browsers: C{python forward_tcp.py HOST PORT}.
"""

import sys

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import react
from twisted.protocols.portforward import ProxyFactory

from txws import WebSocketFactory


async def main(reactor, host="localhost", port="5900"):
    """
    Serve on ws://localhost:6080/ what the TCP server says.
    """
    factory = WebSocketFactory(ProxyFactory(host, int(port)))
    await serverFromString(reactor, "tcp:6080").listen(factory)
    await Deferred()


if __name__ == "__main__":
    react(main, sys.argv[1:])
