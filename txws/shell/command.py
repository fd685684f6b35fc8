"""
The commands: from a command line to an exit code.
"""

from __future__ import annotations

import os
import shutil
import signal
import stat
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TextIO

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.python.failure import Failure
from twisted.python.usage import UsageError

from txws.conversation import Conversation
from txws.endpoints import connect
from txws.errors import WebSocketClosed, WebSocketFailed
from txws.wire.codes import CloseCode

from .bench import Bench
from .check import Check
from .diagnosis import advise, explain, isClean, tellEnd
from .display import harmless
from .editor import LineEditor
from .history import History, historyPath
from .options import (
    BenchOptions,
    CheckOptions,
    ConnectOptions,
    TalkOptions,
    parseOptions,
)
from .pipe import Pipe
from .report import Report
from .screen import Screen, rawTerminal
from .streams import Streams
from .talk import Talk

__all__ = ["Shell", "main"]

GOOD = 0
BAD = 1
MISUSED = 2
INTERRUPTED = 130

_WARNING = (
    "WARNING: --insecure: the certificate of the server is not verified. Anybody on the"
    " way can read and change what you send and receive."
)


@dataclass
class Shell:
    """
    What a command runs in: everything that is outside of it.

    @ivar reactor: what connects and schedules.
    @ivar output: where results go.
    @ivar errors: where everything else goes.
    @ivar openStreams: makes input and output one, for talking.
    @ivar isInputTerminal: whether somebody types the input.
    @ivar isOutputTerminal: whether somebody reads the output.
    @ivar isOutputPipe: whether another program reads the output, which may stop to.
    @ivar environment: the environment variables.
    @ivar columns: tells how wide the terminal is.
    @ivar makeRaw: makes what has a terminal deliver each key.
    """

    reactor: Any
    output: TextIO
    errors: TextIO
    openStreams: Callable[[], Streams]
    isInputTerminal: bool = False
    isOutputTerminal: bool = False
    isOutputPipe: bool = True
    environment: Any = field(default_factory=dict)
    columns: Callable[[], int] = lambda: 80
    makeRaw: Callable[[], Any] = ExitStack
    _interrupts: int = 0
    _gently: Callable[[], object] | None = None
    _task: Deferred[int] | None = None

    def start(self, options: ConnectOptions) -> Deferred[int]:
        """
        Run a command.

        @param options: which, and how.
        @return: fires with the exit code.
        """
        if options["insecure"]:
            self._complain(_WARNING)
        run: Callable[[Any], Coroutine[Any, Any, int]] = self._talk
        if isinstance(options, CheckOptions):
            run = self._check
        elif isinstance(options, BenchOptions):
            run = self._bench
        task = self._task = Deferred.fromCoroutine(run(options))
        return task.addErrback(self._failed)

    def interrupt(self) -> None:
        """
        Somebody has pressed Ctrl-C: end gently at first, and at once if that
        is not enough.
        """
        self._interrupts += 1
        if self._interrupts == 1 and self._gently is not None:
            self._gently()
        elif self._task is not None:
            self._task.cancel()

    def abandon(self) -> Deferred[int] | None:
        """
        End at once: the reactor stops.

        @return: fires when everything is as it was before.
        """
        if self._task is not None:
            self._task.cancel()
        return self._task

    async def _talk(self, options: TalkOptions) -> int:
        """
        Talk to a server.
        """
        streams = self.openStreams()
        streams.pauseInput()
        try:
            conversation = await connect(
                self.reactor, options["url"], **options.settings
            )
            self._gently = lambda: conversation.transport.loseConnection(
                CloseCode.GOING_AWAY
            )
            try:
                ended = await self._converse(options, conversation, streams)
            finally:
                # Does nothing after the end.
                conversation.transport.abortConnection()
        finally:
            await streams.finish()
        if streams.isOutputLost and not self.isOutputPipe:
            self._complain("the output could not be written to the end")
            return BAD
        return self._verdict(ended)

    async def _converse(
        self, options: TalkOptions, conversation: Conversation, streams: Streams
    ) -> WebSocketClosed | WebSocketFailed:
        """
        Talk on a terminal, or through pipes.
        """
        isBinary = bool(options["binary"])
        if not (self.isInputTerminal and self.isOutputTerminal):
            return await Pipe(
                conversation,
                streams,
                self.reactor,
                isBinary=isBinary,
                isShown=self.isOutputTerminal,
                wait=options["wait"],
            ).run()
        keepsHistory = not options["no-history"]
        history = History(historyPath(self.environment) if keepsHistory else None)
        screen = Screen(streams, LineEditor(history.load()), self.columns)
        screen.interrupted = self.interrupt
        subprotocol = conversation.subprotocol
        using = f", subprotocol {harmless(subprotocol)}" if subprotocol else ""
        try:
            with self.makeRaw():
                hello = f"connected to {options['parsedURL']}{using}; try /help"
                screen.show("*", [hello])
                streams.resumeInput()
                ended = await Talk(conversation, screen, history, isBinary).run()
                await screen.show("*", [tellEnd(ended)])
                return ended
        finally:
            history.save()

    def _verdict(self, ended: WebSocketClosed | WebSocketFailed) -> int:
        """
        Find the exit code, and say what piped output does not.
        """
        isTold = self.isInputTerminal and self.isOutputTerminal
        if not isClean(ended) and not isTold:
            self._complain(tellEnd(ended))
        if self._interrupts:
            return INTERRUPTED
        return GOOD if isClean(ended) else BAD

    async def _check(self, options: CheckOptions) -> int:
        """
        Check a server.
        """
        url = str(options["parsedURL"])
        report = Report(url, None if options["json"] else self._print)
        await Check(self.reactor, options, report).run()
        if options["json"]:
            self._print(report.toJSON())
        if self._interrupts:
            return INTERRUPTED
        return GOOD if report.isGood else BAD

    async def _bench(self, options: BenchOptions) -> int:
        """
        Load a server.
        """
        isSeen = self.errors.isatty()
        bench = Bench(self.reactor, options, self._showProgress if isSeen else None)
        self._gently = bench.stop
        await bench.run()
        if options["json"]:
            self._print(bench.toJSON())
        else:
            for line in bench.tell():
                self._print(line)
        if self._interrupts:
            return INTERRUPTED
        return GOOD if bench.isGood else BAD

    def _failed(self, failure: Failure) -> int:
        """
        Say in a sentence what went wrong.
        """
        error: Any = failure.value
        if self._interrupts and isinstance(error, (CancelledError, WebSocketFailed)):
            self._complain("interrupted")
            return INTERRUPTED
        self._complain(explain(error))
        advice = advise(error)
        if advice is not None:
            self._complain(advice)
        return BAD

    def _print(self, line: str) -> None:
        """
        Write a line of the result.
        """
        self.output.write(f"{line}\n")
        self.output.flush()

    def _complain(self, line: str) -> None:
        """
        Write a line that is not the result.
        """
        self.errors.write(f"txws: {line}\n")
        self.errors.flush()

    def _showProgress(self, line: str) -> None:
        """
        Write over the last line.
        """
        self.errors.write(f"\r\x1b[K{line}")
        self.errors.flush()


def main(arguments: list[str]) -> int:
    """
    Run a command line.

    @param arguments: what follows C{python -m txws}.
    @return: the exit code: 0 if all went well, 1 if not, 2 for a command line
        that makes no sense, 130 after Ctrl-C.
    """
    _openClosed()
    try:
        options = parseOptions(arguments)
    except UsageError as error:
        sys.stderr.write(f"txws: {harmless(str(error))}\n")
        return MISUSED
    from twisted.internet import reactor

    return _finish(_run(_makeShell(reactor), options))


def _finish(code: int) -> int:
    """
    Write what is left of the output.

    @param code: the exit code so far.
    """
    try:
        sys.stdout.flush()
    except OSError:
        # Python would try again when it ends, and tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return code or BAD
    return code


def _makeShell(reactor: Any) -> Shell:
    """
    Make the shell of this process.
    """
    from twisted.internet.stdio import StandardIO

    def openStreams() -> Streams:
        streams = Streams()
        StandardIO(streams, reactor=reactor)
        return streams

    return Shell(
        reactor,
        sys.stdout,
        sys.stderr,
        openStreams,
        sys.stdin is not None and sys.stdin.isatty() and os.name == "posix",
        sys.stdout.isatty(),
        _isPipe(1),
        os.environ,
        lambda: shutil.get_terminal_size().columns,
        lambda: rawTerminal(0),
    )


def _openClosed() -> None:
    """
    Have input, output and errors be there, if the program was begun without: what
    is opened next would take their place.
    """
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest number that is free is this one.
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, open(descriptor, "r+", closefd=False))  # noqa: SIM115


def _isPipe(descriptor: int) -> bool:
    """
    Tell whether there is another program at the other end.
    """
    kind = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind)


@contextmanager
def _keptBlocking() -> Iterator[None]:
    """
    Leave input and output as they were after a block: other programs have them,
    too, and few can read or write what does not block.
    """
    before = {}
    for descriptor in (0, 1, 2):
        with suppress(OSError):
            before[descriptor] = os.get_blocking(descriptor)
    try:
        yield
    finally:
        for descriptor, isBlocking in before.items():
            with suppress(OSError):
                os.set_blocking(descriptor, isBlocking)


def _run(shell: Shell, options: ConnectOptions) -> int:
    """
    Run the reactor for the time of a command.
    """
    codes: list[int] = []
    reactor = shell.reactor

    def start() -> None:
        # Twisted's would stop the reactor in the midst of it.
        signal.signal(
            signal.SIGINT,
            lambda *ignored: reactor.callFromThread(shell.interrupt),
        )
        shell.start(options).addCallback(codes.append).addBoth(finish)

    def finish(result: object) -> None:
        # Something else may have stopped it.
        with suppress(ReactorNotRunning):
            reactor.stop()

    # What SIGTERM ends leaves the terminal as it was, too.
    reactor.addSystemEventTrigger("before", "shutdown", shell.abandon)
    reactor.callWhenRunning(start)
    with _keptBlocking():
        reactor.run()
    # What a signal has ended has no code.
    return codes[0] if codes else BAD
