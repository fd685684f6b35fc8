"""
An echo over TLS, by nothing but an endpoint string: C{python secure_echo.py}.
"""

import sys

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory
from twisted.internet.task import react
from twisted.protocols.wire import Echo

ENDPOINT = "ws:ssl:9443:privateKey=server.pem"


async def main(reactor, description=ENDPOINT):
    """
    Serve wss://localhost:9443/ with the key and the certificate in server.pem.
    """
    endpoint = serverFromString(reactor, description)
    await endpoint.listen(Factory.forProtocol(Echo))
    await Deferred()


if __name__ == "__main__":
    react(main, sys.argv[1:])
