"""
Loading a server, and telling how it did.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import (
    Deferred,
    DeferredSemaphore,
    gatherResults,
)
from twisted.internet.task import LoopingCall

from txws.endpoints import connect

from .diagnosis import explain
from .display import tellSeconds, tellSize
from .latencies import Latencies
from .load import Load, LoadingHandler, LoadSettings
from .options import BenchOptions

__all__ = ["FORMAT", "Bench"]

# Raised when a key of the JSON result changes its meaning or goes away.
FORMAT = 1

# More at a time overflow the backlog of a server that listens.
_CONNECTING = 50
_TICK = 0.005
_PROGRESS = 0.25


class Bench:
    """
    Loads one server.

    @ivar load: what is sent.
    """

    def __init__(
        self,
        reactor: Any,
        options: BenchOptions,
        showProgress: Callable[[str], object] | None = None,
    ) -> None:
        """
        @param reactor: what connects and schedules.
        @param options: how to load.
        @param showProgress: called with a line now and then, and with "" at
            the end; L{None} if nobody looks.
        """
        self._reactor = reactor
        self._options = options
        self._showProgress = showProgress
        self._refused: list[str] = []
        self._openTimes = Latencies()
        self._missing = 0
        self._seconds = 0.0
        self._progressAt = 0.0
        self._done: Deferred[None] = Deferred()
        self.load = Load(
            LoadSettings(
                size=options["size"],
                inFlight=options["in-flight"],
                messages=options["messages"],
                seconds=options["seconds"],
                rate=options["rate"],
                timeout=options["timeout"],
                isText=bool(options["text"]),
            ),
            reactor,
        )

    @property
    def isGood(self) -> bool:
        """
        Whether all connections were opened and all messages came back.
        """
        return not any(self._errors().values())

    async def run(self) -> None:
        """
        Connect, load, and close.
        """
        limiter = DeferredSemaphore(_CONNECTING)
        await gatherResults(
            [
                limiter.run(lambda: Deferred.fromCoroutine(self._connect()))
                for _ in range(self._options["connections"])
            ]
        )
        await self._run()
        await self._close()

    def stop(self) -> None:
        """
        Send no more, and tell what there is to tell.
        """
        if not self._done.called:
            self._done.callback(None)

    def toJSON(self) -> str:
        """
        Tell the result to a program.
        """
        return json.dumps(self._result(), indent=2)

    def tell(self) -> list[str]:
        """
        Tell the result to people.
        """
        result = self._result()
        errors = ", ".join(f"{count} {name}" for name, count in self._errors().items())
        size = tellSize(self.load.settings.size)
        opened = f"{result['opened']} of {result['connections']}"
        rate = f"{result['messagesPerSecond']:.0f} messages/s"
        took = tellSeconds(result["seconds"])
        lines = [
            f"connections  {opened}, opened in {_tellTimes(result['openTime'])}",
            f"messages     {result['messages']} of {size} in {took}",
            f"rate         {rate}, {tellSize(result['bytesPerSecond'])}/s each way",
            f"latency      {_tellTimes(result['latency'])}",
            f"errors       {errors}",
        ]
        reasons = dict.fromkeys([*self._refused, *self.load.lost])
        return lines + [f"{'':<12} {said}" for said in reasons]

    async def _connect(self) -> None:
        """
        Open one connection.
        """
        began = self._reactor.seconds()
        handler = LoadingHandler(self.load)
        try:
            await connect(
                self._reactor, self._options["url"], handler, **self._options.settings
            )
        except Exception as error:
            self._refused.append(explain(error))
        else:
            self._openTimes.add(self._reactor.seconds() - began)

    async def _run(self) -> None:
        """
        Send until everything is sent and has come back.
        """
        if self._done.called:
            return
        load = self.load
        load.start()
        ticking = LoopingCall(self._tick)
        ticking.clock = self._reactor
        failing = ticking.start(_TICK)
        failing.addErrback(self._done.errback)
        try:
            await self._done
        finally:
            self._seconds = load.elapsed
            load.stop()
            if ticking.running:
                ticking.stop()
            self._progress("")

    def _tick(self) -> None:
        """
        See to what is due.
        """
        load = self.load
        load.sendDue()
        if load.isDone:
            self.stop()
        elif load.elapsed >= self._progressAt:
            self._progressAt += _PROGRESS
            p99 = load.latencies.percentile(99)
            self._progress(
                f"{load.elapsed:.0f} s  {load.latencies.count} messages"
                f"  {load.latencies.count / max(load.elapsed, _TICK):.0f}/s"
                + ("" if p99 is None else f"  p99 {tellSeconds(p99)}")
            )

    async def _close(self) -> None:
        """
        Close all connections.
        """
        # What is underway now is missing, whatever comes of it.
        self._missing = self.load.missing + self.load.underway
        handlers = tuple(self.load.handlers)
        for handler in handlers:
            handler.transport.loseConnection()
        await gatherResults([handler.ended for handler in handlers])

    def _progress(self, line: str) -> None:
        """
        Show how far it is.
        """
        if self._showProgress is not None:
            self._showProgress(line)

    def _errors(self) -> dict[str, int]:
        """
        Count what went wrong.
        """
        return {
            "refused": len(self._refused),
            "lost": len(self.load.lost),
            "wrong": self.load.wrong,
            "missing": self._missing,
        }

    def _result(self) -> dict[str, Any]:
        """
        Tell everything.
        """
        load = self.load
        count, seconds = load.latencies.count, max(self._seconds, 1e-9)
        return {
            "format": FORMAT,
            "url": str(self._options["parsedURL"]),
            "ok": self.isGood,
            "connections": self._options["connections"],
            "opened": self._openTimes.count,
            "messages": count,
            "size": load.settings.size,
            "seconds": self._seconds,
            "messagesPerSecond": count / seconds,
            "bytesPerSecond": count * load.settings.size / seconds,
            "latency": load.latencies.summary(),
            "openTime": self._openTimes.summary(),
            "errors": self._errors(),
        }


def _tellTimes(summary: dict[str, float | None]) -> str:
    """
    Show percentiles.
    """
    told = [
        f"{name} {tellSeconds(seconds)}"
        for name, seconds in summary.items()
        if seconds is not None
    ]
    return ", ".join(told) or "none"
