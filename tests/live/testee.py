"""
The server that the conformance suite puts under test: echoes, with limits wide
enough for every case.

C{python -m tests.live.testee} is started by L{tests.live.conformance}.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.stdio import StandardIO
from twisted.internet.task import react
from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    globalLogBeginner,
    textFileLogObserver,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from txws import Limits, WebSocketFactory
from txws.demo import Echo

__all__ = ["MAX_FRAGMENTS", "MAX_MESSAGE_SIZE", "logStrictly", "serveEcho"]

# Sections 9.1 and 9.2 send messages of 16 MiB; 9.3 and 9.4 fragment them finely.
MAX_MESSAGE_SIZE = 64 * 1024 * 1024
MAX_FRAGMENTS = 1_000_000


def serveEcho() -> None:
    """
    Serve echoes until standard input ends, so that the server cannot outlive
    the process that started it; announce the URL on standard output, log on
    standard error, and end with status 1 if a failure was logged.
    """
    react(_serveEcho, (logStrictly(),))


def logStrictly() -> list[LogEvent]:
    """
    Log warnings on standard error.

    @return: the failures that have been logged.
    """
    failures: list[LogEvent] = []

    @implementer(ILogObserver)
    def keep(event: LogEvent) -> None:
        failures.append(event)

    globalLogBeginner.beginLoggingTo(
        [
            _atLeast(LogLevel.warn, textFileLogObserver(sys.stderr)),
            _atLeast(LogLevel.critical, keep),
        ],
        redirectStandardIO=False,
    )
    return failures


def _atLeast(level: Any, observer: ILogObserver) -> FilteringLogObserver:
    return FilteringLogObserver(observer, [LogLevelFilterPredicate(level)])


async def _serveEcho(reactor: Any, failures: Sequence[LogEvent]) -> None:
    endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
    port = await endpoint.listen(_echoFactory())
    print(f"ws://127.0.0.1:{port.getHost().port}", flush=True)
    await _standardInputEnd()
    # A Deferred whose failure nobody heard tells of it when it is collected.
    gc.collect()
    if failures:
        raise SystemExit(1)


def _standardInputEnd() -> Deferred[None]:
    ended: Deferred[None] = Deferred()

    class Parent(Protocol):
        def connectionLost(self, reason: Failure = connectionDone) -> None:
            ended.callback(None)

    StandardIO(Parent())
    return ended


def _echoFactory() -> WebSocketFactory:
    limits = Limits(maxMessageSize=MAX_MESSAGE_SIZE, maxFragments=MAX_FRAGMENTS)
    return WebSocketFactory(Echo, limits=limits)


if __name__ == "__main__":
    serveEcho()
