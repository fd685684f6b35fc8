"""
The thread that the reactor runs in, and how other threads call into it and
wait.

If the program runs the reactor itself, in another thread, that one is used;
otherwise it is run in a daemon thread, once in a process.
"""

from __future__ import annotations

import atexit
import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from threading import TIMEOUT_MAX, Event, Lock, Thread
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import CancelledError
from twisted.internet.error import ReactorNotRunning
from twisted.python import threadable
from twisted.python.failure import Failure

from .errors import InvalidSetting
from .results import Result

__all__ = ["ReactorThread", "Signal"]

# How long an interpreter that exits waits for the closing handshakes.
_EXIT_TIMEOUT = 2.0

_T = TypeVar("_T")
_Post = Callable[[Callable[[], object]], None]


class Signal(Protocol):
    """
    An L{Event<threading.Event>}, as far as it is used here.
    """

    def set(self) -> None:
        """
        Wake who waits.
        """

    def wait(self, timeout: float | None) -> bool:
        """
        Wait until it is set.

        @param timeout: for so many seconds at most.
        @return: whether it is set.
        """


class _Call:
    """
    One call into the reactor's thread, and the wait for what comes of it.

    Its outcome is for who waits, or is given back if nobody does any more:
    whoever acquires the lock has decided that.
    """

    def __init__(self, function: Callable[[], Result[Any]], signal: Signal) -> None:
        self._function = function
        self._signal = signal
        self._decided = Lock()
        self._result: Result[Any] | None = None
        self._outcome: Any = None

    # In the reactor's thread

    def run(self) -> None:
        """
        Make the call, if somebody still waits.
        """
        if self._decided.locked():
            return
        try:
            self._result = self._function()
        except Exception:
            self.finish(Failure())
        else:
            self._result.addBoth(self.finish)

    def finish(self, outcome: Any) -> None:
        """
        Hand over what has come of it.
        """
        if self._decided.acquire(blocking=False):
            self._outcome = outcome
            self._signal.set()
        else:
            self._outcome = outcome
            self.giveBack()

    def cancel(self) -> None:
        """
        Cancel what the call has begun.
        """
        if self._result is not None:
            self._result.cancel()

    def giveBack(self) -> None:
        """
        Give back what nobody has taken.
        """
        if self._result is not None and not isinstance(self._outcome, Failure):
            self._result.giveBack(self._outcome)

    # In the thread that waits

    def make(self, timeout: float | None, post: _Post) -> Any:
        """
        Have the call made, and wait.

        @param timeout: for so many seconds, or L{None}.
        @param post: runs something in the reactor's thread.
        @raise TimeoutError: if it took longer.
        """
        try:
            self._await(timeout, post)
        except BaseException:
            self._abandon(post)
            raise
        outcome, self._outcome = self._outcome, None
        if not isinstance(outcome, Failure):
            return outcome
        assert outcome.value is not None
        try:
            raise outcome.value
        finally:
            # The exception knows this frame, which must not know it.
            del outcome

    def _await(self, timeout: float | None, post: _Post) -> None:
        """
        Wait until the outcome is there.
        """
        post(self.run)
        if self._signal.wait(timeout):
            return
        # What came in time, before it could be cancelled, is taken.
        post(self.cancel)
        self._signal.wait(None)
        if isinstance(self._outcome, Failure) and self._outcome.check(CancelledError):
            self._outcome = Failure(TimeoutError(f"not done within {timeout:g} s"))

    def _abandon(self, post: _Post) -> None:
        """
        Stop to wait, because of a KeyboardInterrupt, say.
        """
        if self._decided.acquire(blocking=False):
            post(self.cancel)
        else:
            post(self.giveBack)


class ReactorThread:
    """
    The thread that the reactor runs in, as other threads see it.
    """

    def __init__(
        self,
        makeThread: Callable[..., Thread] = Thread,
        makeSignal: Callable[[], Signal] = Event,
        onExit: Callable[[Callable[[], None]], object] = atexit.register,
    ) -> None:
        """
        @param makeThread: makes a thread.
        @param makeSignal: makes what a thread waits for.
        @param onExit: has something called when the interpreter exits.
        """
        self._makeThread = makeThread
        self._makeSignal = makeSignal
        self._onExit = onExit
        self._lock = Lock()
        self._reactor: Any = None
        self._process = 0
        self._thread: Thread | None = None
        self._ended: BaseException | None = None
        self._functions: deque[Callable[[], object]] = deque()
        self._calls: set[_Call] = set()

    def start(self) -> Any:
        """
        Have the reactor run.

        @return: the reactor.
        @raise RuntimeError: in the reactor's own thread, and in a process
            that was forked when it ran.
        @raise ReactorNotRunning: if it cannot run, or not any more.
        """
        if self._reactor is None:
            from twisted.internet import reactor

            with self._lock:
                if self._reactor is None:
                    self._begin(reactor)
        self._check()
        return self._reactor

    def call(
        self, function: Callable[[], Result[_T]], timeout: float | None = None
    ) -> _T:
        """
        Call a function in the reactor's thread, and wait for its result.

        When the wait is interrupted, by Ctrl-C, say, or takes too long, the
        result is cancelled, and what it fires with nevertheless is given back.

        @param function: what to call.
        @param timeout: how many seconds to wait; L{None} for as long as it
            takes.
        @return: what the result fires with.
        @raise TimeoutError: if that takes longer.
        @raise RuntimeError: see L{start}.
        @raise ReactorNotRunning: see L{start}.
        @raise InvalidSetting: if this is no timeout.
        """
        if timeout is not None:
            timeout = _checkTimeout(timeout)
        self.start()
        call = _Call(function, self._makeSignal())
        self._calls.add(call)
        try:
            # The reactor may have stopped before this call was known.
            self._check()
            result: _T = call.make(timeout, self.post)
            return result
        finally:
            self._calls.discard(call)

    def post(self, function: Callable[[], object]) -> None:
        """
        Call a function in the reactor's thread, after what was posted before,
        and do not wait.  It is dropped if the reactor does not run any more.
        """
        if self._ended is not None or self._process != os.getpid():
            return
        # The asyncio reactor may call in another order than it was asked to.
        self._functions.append(function)
        self._reactor.callFromThread(self._runNext)

    def stop(self) -> None:
        """
        Stop the reactor, if it runs in a thread of its own, and wait a little
        for what has to be done before.
        """
        if self._thread is not None and self._process == os.getpid():
            self.post(self._stopReactor)
            self._thread.join(_EXIT_TIMEOUT)

    def _begin(self, reactor: Any) -> None:
        """
        Use a reactor, and run it if nobody does.
        """
        self._process = os.getpid()
        # From here on other threads take it as begun.
        self._reactor = reactor
        self.post(self._watch)
        if not reactor.running:
            self._thread = self._makeThread(
                target=self._run, name="txws reactor", daemon=True
            )
            self._onExit(self.stop)
            try:
                self._thread.start()
            except RuntimeError as error:
                # There are too many threads, or the interpreter exits.
                self._end(error)

    def _check(self) -> None:
        """
        Check that there is something to wait for.
        """
        if self._process != os.getpid():
            raise RuntimeError(
                "this process was forked when the reactor ran, which stayed behind: "
                "connect after the fork"
            )
        if self._ended is not None:
            raise ReactorNotRunning(
                f"the reactor does not run: {self._ended!r}"
            ) from self._ended
        if self._reactor.running and threadable.isInIOThread():
            raise RuntimeError(
                "the reactor's own thread must not wait for it: "
                "use txws.connect there, or call this in another thread"
            )

    # In the reactor's thread

    def _run(self) -> None:
        """
        Run the reactor.
        """
        try:
            self._reactor.run(installSignalHandlers=False)
        except BaseException as error:
            self._end(error)

    def _watch(self) -> None:
        """
        Learn when the reactor has stopped.
        """
        self._reactor.addSystemEventTrigger(
            "after", "shutdown", lambda: self._end(ReactorNotRunning("it was stopped"))
        )

    def _stopReactor(self) -> None:
        """
        Stop the reactor.
        """
        with suppress(ReactorNotRunning):
            self._reactor.stop()

    def _runNext(self) -> None:
        """
        Call the next function that was posted.
        """
        self._functions.popleft()()

    def _end(self, error: BaseException) -> None:
        """
        Tell all who wait that the reactor does not run any more.
        """
        self._ended = error
        for call in tuple(self._calls):
            call.finish(Failure(ReactorNotRunning(f"the reactor has ended: {error!r}")))


def _checkTimeout(timeout: object) -> float:
    """
    Check how long to wait.

    @return: that, or as long as a thread can.
    """
    if not isinstance(timeout, (int, float)) or not timeout >= 0:
        raise InvalidSetting(
            "timeout",
            f"must be a number of seconds from 0 on, or None, not {timeout!r}",
        )
    return min(timeout, TIMEOUT_MAX)
