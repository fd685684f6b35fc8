"""
Many clients in one process: C{python many_clients.py ws://127.0.0.1:9000/ 2000}.
"""

from resource import RUSAGE_SELF, getrusage
from sys import argv

from twisted.internet import defer, task

from txws import connect


async def talk(websocket):
    """
    Say something to an echo, ten times, and wait for each answer.
    """
    for number in range(10):
        await websocket.send(f"message {number}")
        assert await websocket.receive() == f"message {number}"


async def main(reactor, url="ws://127.0.0.1:9000/", count="2000"):
    """
    Connect, a hundred at a time; talk, all at once; tell what it took.
    """
    gate, began = defer.DeferredSemaphore(100), reactor.seconds()
    dialing = [gate.run(connect, reactor, url) for _ in range(int(count))]
    clients = await defer.gatherResults(dialing)
    opened = reactor.seconds()
    print(round(len(clients) / (opened - began)), "opened a second")
    await defer.gatherResults([defer.ensureDeferred(talk(each)) for each in clients])
    print(round(len(clients) * 10 / (reactor.seconds() - opened)), "echoes a second")
    print(sum(client.transport.isOpen for client in clients), "open at once")
    print(getrusage(RUSAGE_SELF).ru_maxrss // 1024, "MiB of memory, all in all")
    await defer.gatherResults([client.close() for client in clients])


if __name__ == "__main__":
    task.react(main, argv[1:])
