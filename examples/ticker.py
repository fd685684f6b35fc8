"""
Prices, a hundred a second; who reads slowly gets the latest of each share.
"""

from random import choice, randrange

from twisted.internet.endpoints import serverFromString
from twisted.internet.task import deferLater, react

from txws import Group, WebSocketFactory, WebSocketHandler
from txws.groups import Latest


class Reader(WebSocketHandler):
    """
    Somebody who wants to know.
    """

    readers = Group(Latest(key=lambda message: message.split()[0]))

    def negotiationFinished(self):
        """
        Be told from now on.
        """
        self.readers.add(self.transport)


async def main(reactor):
    """
    Serve ws://localhost:9000/.
    """
    await serverFromString(reactor, "tcp:9000").listen(WebSocketFactory(Reader))
    while True:
        Reader.readers.broadcast(f"{choice('ABC')} {randrange(100)}")
        await deferLater(reactor, 0.01)


if __name__ == "__main__":
    react(main)
