"""
An echo on asyncio: C{python on_asyncio.py}.
"""

import asyncio

from twisted.internet import asyncioreactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import react

from txws import CoroutineFactory, WebSocketFactory
from txws.coroutines import onAsyncio


async def echo(websocket):
    """
    Send back each message a little later, by asyncio's clock.
    """
    async for message in websocket:
        await asyncio.sleep(0.01)
        await websocket.send(message)


async def main(reactor):
    """
    Serve ws://localhost:9000/.
    """
    factory = WebSocketFactory(CoroutineFactory(onAsyncio(echo)))
    await serverFromString(reactor, "tcp:9000").listen(factory)
    await Deferred()


if __name__ == "__main__":
    asyncioreactor.install()
    react(main)
