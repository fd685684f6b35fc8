"""
What a server does with messages, and with silence.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from txws.carriers import limit
from txws.errors import DeadlineExpired, WebSocketClosed, WebSocketFailed

from .diagnosis import tellEnd
from .display import tellSeconds
from .probe import Listener
from .report import Report

__all__ = ["Trials", "patiently", "tellLost"]

_PATIENCE = 10.0

_PROBES: tuple[tuple[str, str | bytes], ...] = (
    ("an empty text message", ""),
    ("a text message", "txws check"),
    ("a binary message", b"txws check"),
    ("64 KiB of text", "x" * 65536),
    ("1 MiB of bytes", bytes(1048576)),
)


class Trials:
    """
    Tries out a server, on a connection for each trial.
    """

    def __init__(self, reactor: Any, report: Report) -> None:
        """
        @param reactor: what schedules.
        @param report: what is told.
        """
        self._reactor = reactor
        self._report = report

    async def tryMessages(self, listener: Listener) -> None:
        """
        Find out which messages are accepted, up to the first that is not.

        @param listener: an open connection, which is closed.
        """
        facts: list[dict[str, object]] = []
        lines: list[str] = []
        for what, message in _PROBES:
            answers = await self._probe(listener, message)
            ended = listener.ended
            facts.append(_factsOf(what, answers, ended))
            lines.append(_tellProbe(what, answers, ended))
            if answers is None:
                break
        self._report.tell("probes", facts, *lines)
        await self._leave(listener)

    async def _probe(self, listener: Listener, message: str | bytes) -> int | None:
        """
        Send a message, and a Ping behind it.

        @return: how many messages came back, or L{None} if there was no Pong.
        """
        conversation, before = listener.conversation, listener.count
        try:
            await patiently(conversation.send(message), self._reactor, "answer")
            await patiently(conversation.ping(), self._reactor, "pong")
        except (DeadlineExpired, WebSocketClosed, WebSocketFailed):
            return None
        return listener.count - before

    async def trySilence(self, listener: Listener, idle: float) -> None:
        """
        Say nothing, and see whether the connection is cut.

        @param listener: an open connection that sends no Pings, which is
            closed.
        @param idle: for how many seconds.
        """
        began = self._reactor.seconds()
        waiting = deferLater(self._reactor, idle, lambda: None)
        listener.conversation.whenClosed().addCallback(lambda ended: waiting.cancel())
        waiting.addErrback(lambda failure: failure if listener.ended is None else None)
        await waiting
        seconds = self._reactor.seconds() - began
        cut = await self._tellCut(listener)
        facts = {"seconds": seconds, "isCut": cut is not None, "cause": cut}
        if cut is None:
            await self._leave(listener)
            self._report.tell("idle", facts, f"still open after {idle:g} s of silence")
            return
        self._report.tell("idle", facts)
        self._report.complain(
            "idle",
            f"cut after {tellSeconds(seconds)} of silence: {cut}",
            "something on the way, or the server, hangs up on silent connections"
            " (nginx after proxy_read_timeout, 60 s): have one side send Pings",
        )

    async def _tellCut(self, listener: Listener) -> str | None:
        """
        Find out whether the connection was closed, or is only open on this
        side.

        @return: what is wrong.
        """
        if listener.ended is not None:
            return tellEnd(listener.ended)
        try:
            await patiently(listener.conversation.ping(), self._reactor, "pong")
        except (DeadlineExpired, WebSocketClosed, WebSocketFailed) as error:
            return tellLost(error)
        return None

    async def _leave(self, listener: Listener) -> None:
        """
        Close a connection.
        """
        listener.conversation.transport.loseConnection()
        await listener.conversation.whenClosed()


def patiently(waiting: Deferred[Any], clock: Any, what: str) -> Deferred[Any]:
    """
    Wait for something for some seconds.

    @param waiting: what is waited for.
    @param clock: what schedules.
    @param what: what it is, for L{DeadlineExpired}.
    @return: the same.
    """
    return limit(waiting, _PATIENCE, clock, what)


def tellLost(error: Exception) -> str:
    """
    Say why there is no answer.

    @param error: what was raised while it was waited for.
    """
    if isinstance(error, (WebSocketClosed, WebSocketFailed)):
        return tellEnd(error)
    return f"nothing came in {_PATIENCE:g} s"


def _factsOf(
    what: str, answers: int | None, ended: WebSocketClosed | WebSocketFailed | None
) -> dict[str, object]:
    """
    Say for a program what became of a message.
    """
    return {
        "message": what,
        "isAccepted": answers is not None,
        "answers": answers,
        "code": None if ended is None else int(ended.code),
        "reason": None if ended is None else ended.reason,
    }


def _tellProbe(
    what: str, answers: int | None, ended: WebSocketClosed | WebSocketFailed | None
) -> str:
    """
    Say what became of a message.
    """
    if answers is not None:
        return f"{what} is accepted, {answers} answered"
    if ended is not None:
        return f"{what} is refused: {tellEnd(ended)}"
    return f"{what} is not answered, nor the Ping behind it"
