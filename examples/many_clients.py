"""
Two thousand clients in one process: C{python many_clients.py ws://localhost:9000/}.
"""

import sys
from resource import RLIMIT_NOFILE, getrlimit, setrlimit

from twisted.internet.defer import DeferredSemaphore, gatherResults
from twisted.internet.task import react

from txws import connect


async def main(reactor, url="ws://localhost:9000/", count="2000"):
    """
    Connect a hundred at a time, have all say something at once, and leave.
    """
    _soft, most = getrlimit(RLIMIT_NOFILE)
    setrlimit(RLIMIT_NOFILE, (most, most))
    began = reactor.seconds()

    def tell(number, what):
        print(f"{number} {what} after {reactor.seconds() - began:.1f} s")

    door = DeferredSemaphore(100)
    clients = await gatherResults(
        [door.run(connect, reactor, url) for _ in range(int(count))]
    )
    tell(len(clients), "are connected")
    for client in clients:
        client.send("Is anybody there?")
    answers = await gatherResults([client.receive() for client in clients])
    tell(len(answers), "have an answer")
    await gatherResults([client.close() for client in clients])
    tell(len(clients), "have left")


if __name__ == "__main__":
    react(main, sys.argv[1:])
