"""
The client that the conformance suite puts under test: echoes, case by case,
with limits wide enough for every case.

C{python -m tests.live.clienttestee URL} is started by
L{tests.live.conformance}; the URL is that of the suite's fuzzing server.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.task import deferLater, react

from txws import Limits, connect
from txws.conversation import Conversation
from txws.errors import WebSocketClosed, WebSocketFailed

from .testee import MAX_FRAGMENTS, MAX_MESSAGE_SIZE, logStrictly

__all__ = ["AGENT", "testClient"]

AGENT = "txws"

# How often, and after how many seconds, it is tried again to find the suite.
_TRIES = 100
_PAUSE = 0.1


def testClient(url: str) -> None:
    """
    Go through all cases of a fuzzing server.

    @param url: where it is.
    """
    react(_testClient, (url, logStrictly()))


async def _testClient(reactor: Any, url: str, failures: list[Any]) -> None:
    limits = Limits(maxMessageSize=MAX_MESSAGE_SIZE, maxFragments=MAX_FRAGMENTS)
    await _waitFor(reactor, url)
    count = int(await _ask(reactor, f"{url}/getCaseCount"))
    for case in range(1, count + 1):
        target = f"{url}/runCase?case={case}&agent={AGENT}"
        await _echo(await connect(reactor, target, limits=limits))
    await _ask(reactor, f"{url}/updateReports?agent={AGENT}")
    if failures:
        raise SystemExit(1)


async def _waitFor(reactor: Any, url: str) -> None:
    for attempt in range(_TRIES):
        try:
            await _ask(reactor, f"{url}/getCaseCount")
        except Exception:
            if attempt == _TRIES - 1:
                raise
            await deferLater(reactor, _PAUSE)
        else:
            return


async def _ask(reactor: Any, url: str) -> str:
    answer = ""
    websocket = await connect(reactor, url)
    async for message in websocket:
        answer = str(message)
    return answer


async def _echo(websocket: Conversation) -> None:
    try:
        async for message in websocket:
            await websocket.send(message)
    except (WebSocketClosed, WebSocketFailed):
        # Many a case breaks the protocol on purpose.
        pass


if __name__ == "__main__":
    testClient(sys.argv[1])
