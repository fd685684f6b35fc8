"""
Tests for L{txws.reactorthread}.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from functools import partial
from threading import TIMEOUT_MAX
from typing import Any

from twisted.internet import error
from twisted.internet.defer import CancelledError
from twisted.python import threadable

from txws.errors import InvalidSetting
from txws.results import Result

from .threads import ThreadlessSignal, ThreadlessTestCase


class _Returned(Result[str]):
    """
    A result that remembers what is given back.
    """

    def __init__(self) -> None:
        super().__init__()
        self.givenBack: list[Any] = []

    def giveBack(self, result: Any) -> None:
        """
        Remember it.
        """
        self.givenBack.append(result)


def fired(value: str) -> Result[str]:
    """
    Make a result that has fired.
    """
    result: Result[str] = Result()
    result.callback(value)
    return result


class StartTests(ThreadlessTestCase):
    """
    Whose reactor is used.
    """

    def test_own(self) -> None:
        """
        If nobody runs the reactor, it is run in a daemon thread, once.
        """
        self.thread.start()
        self.assertIs(self.thread.start(), self.reactor)
        (thread,) = self.threads
        self.assertTrue(thread.isDaemon)
        self.assertTrue(self.reactor.running)
        self.assertEqual(len(self.onExit), 1)

    def test_running(self) -> None:
        """
        If the program runs the reactor, it is used, and left alone when the
        interpreter exits.
        """
        self.reactor.running = True
        self.assertEqual(self.thread.call(lambda: fired("done")), "done")
        self.assertEqual(self.threads, [])
        self.assertEqual(self.onExit, [])
        self.thread.stop()
        self.reactor.turn()
        self.assertFalse(self.reactor.isStopped)

    def test_cannotRun(self) -> None:
        """
        If the reactor cannot be run, whoever calls is told why.
        """
        self.reactor.runError = error.ReactorNotRestartable()
        for _ in range(2):
            with self.assertRaises(error.ReactorNotRunning) as raised:
                self.thread.call(lambda: fired("done"))
            self.assertIs(raised.exception.__cause__, self.reactor.runError)

    def test_noThread(self) -> None:
        """
        If there can be no more threads, whoever calls is told.
        """
        self.reactor.runError = RuntimeError("can't start new thread")
        self.patch(self, "makeThread", self.makeUnstartable)
        self.thread = self.makeReactorThread()
        error_ = self.assertRaises(error.ReactorNotRunning, self.thread.start)
        self.assertIn("can't start new thread", str(error_))

    def makeUnstartable(self, **settings: Any) -> Any:
        """
        Make a thread that cannot be started.
        """

        class Unstartable:
            """
            There are too many already.
            """

            def start(self) -> None:
                """
                Fail.
                """
                raise RuntimeError("can't start new thread")

        return Unstartable()

    def test_ownThread(self) -> None:
        """
        The reactor's own thread is told not to wait, from the beginning.
        """
        self.reactor.running = True
        self.patch(threadable, "ioThread", threadable.getThreadID())
        self.assertRaises(RuntimeError, self.thread.start)
        self.patch(threadable, "ioThread", None)
        self.thread.start()
        self.patch(threadable, "ioThread", threadable.getThreadID())
        told = self.assertRaises(RuntimeError, self.thread.call, lambda: fired("done"))
        self.assertIn("txws.connect", str(told))

    def test_forked(self) -> None:
        """
        A process that was forked is told that the reactor stayed behind, and
        does not stop it.
        """
        self.thread.start()
        self.reactor.turn()
        child = os.getpid() + 1
        self.patch(os, "getpid", lambda: child)
        told = self.assertRaises(RuntimeError, self.thread.call, lambda: fired("done"))
        self.assertIn("fork", str(told))
        self.thread.post(self.fail)
        self.thread.stop()
        self.reactor.turn()
        self.assertFalse(self.reactor.isStopped)
        self.assertEqual(self.threads[0].joined, [])


class CallTests(ThreadlessTestCase):
    """
    What comes of a call.
    """

    def test_result(self) -> None:
        """
        A call waits for its result, which may take a while.
        """
        result: Result[str] = Result()
        self.reactor.callLater(5, result.callback, "done")
        self.assertEqual(self.thread.call(lambda: result, 5), "done")

    def test_raises(self) -> None:
        """
        What the function raises is raised where it was called, with the lines
        of both.
        """

        def refuse() -> Result[str]:
            raise ValueError("no")

        with self.assertRaises(ValueError) as raised:
            self.thread.call(refuse)
        frames = traceback.extract_tb(raised.exception.__traceback__)
        names = [frame.name for frame in frames]
        self.assertEqual((names[0], names[-1]), ("test_raises", "refuse"))

    def test_fails(self) -> None:
        """
        What the result fails with is raised.
        """
        result: Result[str] = Result()
        result.errback(ValueError("no"))
        self.assertRaises(ValueError, self.thread.call, lambda: result)

    def test_timeout(self) -> None:
        """
        What takes too long is cancelled.
        """
        cancelled: list[object] = []
        result: Result[str] = Result(cancelled.append)
        told = self.assertRaises(TimeoutError, self.thread.call, lambda: result, 1.5)
        self.assertEqual(str(told), "not done within 1.5 s")
        self.assertEqual(cancelled, [result])

    def test_inTimeAfterAll(self) -> None:
        """
        What comes before it can be cancelled is not lost.
        """

        def late(result: Any) -> None:
            result.callback("late")

        self.assertEqual(self.thread.call(lambda: Result(late), 1), "late")

    def test_ownCancelledError(self) -> None:
        """
        That something else was cancelled is no timeout.
        """
        result: Result[str] = Result()
        result.cancel()
        self.assertRaises(CancelledError, self.thread.call, lambda: result, 1)

    def test_raisesTooLate(self) -> None:
        """
        A timeout that is over before the call is made cancels nothing.
        """

        def refuse() -> Result[str]:
            raise ValueError("no")

        self.thread.start()
        self.reactor.turn()
        self.reactor.running = False
        self.duringWaits.append(lambda: None)
        self.duringWaits.append(lambda: setattr(self.reactor, "running", True))
        self.assertRaises(ValueError, self.thread.call, refuse, 0)

    def test_badTimeout(self) -> None:
        """
        A negative timeout is refused, and so is what is no number.
        """
        for timeout in (-1, float("nan"), "5", [], 1j):
            call: Callable[..., object] = self.thread.call
            error = self.assertRaises(
                InvalidSetting, call, lambda: fired("done"), timeout
            )
            self.assertIn("timeout must be a number of seconds", str(error))

    def test_longTimeout(self) -> None:
        """
        A timeout may be longer than a thread can wait.
        """
        done = self.thread.call(lambda: fired("done"), float("inf"))
        self.assertEqual(done, "done")
        self.assertEqual(self.waits, [TIMEOUT_MAX])

    def test_order(self) -> None:
        """
        Functions are called in the order in which they were posted, even if
        the reactor calls in another.
        """
        self.reactor.isReversed = True
        self.thread.start()
        called: list[int] = []
        for number in range(4):
            self.thread.post(partial(called.append, number))
        self.reactor.turn()
        self.assertEqual(called, [0, 1, 2, 3])


class InterruptTests(ThreadlessTestCase):
    """
    Ctrl-C.
    """

    def interruptLater(self) -> None:
        """
        Be Ctrl-C when the call is made.
        """
        self.reactor.turn()
        self.interrupt()

    def test_cancelled(self) -> None:
        """
        What nobody waits for any more is cancelled; there is nothing to give back.
        """
        result = _Returned()
        self.duringWaits.append(self.interruptLater)
        self.assertRaises(KeyboardInterrupt, self.thread.call, lambda: result)
        self.reactor.turn()
        self.assertTrue(result.called)
        self.assertEqual(result.givenBack, [])

    def test_tooLate(self) -> None:
        """
        What comes before it can be cancelled is given back.
        """
        result = _Returned()
        self.duringWaits.append(self.interruptLater)
        self.assertRaises(KeyboardInterrupt, self.thread.call, lambda: result)
        result.callback("message")
        self.reactor.turn()
        self.assertEqual(result.givenBack, ["message"])

    def test_notTaken(self) -> None:
        """
        What has come, and was not taken, is given back.
        """
        result = _Returned()
        result.callback("message")

        self.duringWaits.append(self.interruptLater)
        self.assertRaises(KeyboardInterrupt, self.thread.call, lambda: result)
        self.assertEqual(result.givenBack, [])
        self.reactor.turn()
        self.assertEqual(result.givenBack, ["message"])

    def test_notBegun(self) -> None:
        """
        A call that was not made yet is not made any more.
        """
        self.duringWaits.append(self.interrupt)
        calls: list[Result[str]] = []

        def call() -> Result[str]:
            calls.append(fired("done"))
            return calls[-1]

        self.assertRaises(KeyboardInterrupt, self.thread.call, call)
        self.reactor.turn()
        self.assertEqual(calls, [])

    def test_raised(self) -> None:
        """
        Of a call that has raised there is nothing to give back.
        """

        def refuse() -> Result[str]:
            raise ValueError("no")

        self.duringWaits.append(self.interruptLater)
        self.assertRaises(KeyboardInterrupt, self.thread.call, refuse)
        self.reactor.turn()
        self.assertEqual(self.flushLoggedErrors(), [])


class StopTests(ThreadlessTestCase):
    """
    The end of the reactor.
    """

    def test_exit(self) -> None:
        """
        When the interpreter exits, the reactor is stopped, and waited for, not
        for ever.
        """
        self.thread.start()
        (stop,) = self.onExit
        stop()
        self.reactor.turn()
        self.assertTrue(self.reactor.isStopped)
        self.assertEqual(self.threads[0].joined, [2.0])

    def test_stoppedBefore(self) -> None:
        """
        The program may have stopped it before.
        """
        self.thread.start()
        self.reactor.isStopped = True
        self.thread.stop()
        self.reactor.turn()
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_waiting(self) -> None:
        """
        Who waits when the reactor stops is told.
        """
        result: Result[str] = Result()

        def stop() -> None:
            self.reactor.turn()
            self.reactor.stop()

        self.duringWaits.append(stop)
        self.assertRaises(error.ReactorNotRunning, self.thread.call, lambda: result)

    def test_meanwhile(self) -> None:
        """
        So is who begins to wait just then.
        """

        def makeSignal() -> ThreadlessSignal:
            self.reactor.turn()
            self.reactor.stop()
            return ThreadlessSignal(self)

        self.patch(self, "makeSignal", makeSignal)
        self.thread = self.makeReactorThread()
        call: Callable[..., object] = self.thread.call
        self.assertRaises(error.ReactorNotRunning, call, lambda: fired("done"))

    def test_after(self) -> None:
        """
        Who calls after the end is told, and what is posted is dropped.
        """
        self.thread.start()
        self.reactor.turn()
        self.reactor.stop()
        call: Callable[..., object] = self.thread.call
        self.assertRaises(error.ReactorNotRunning, call, lambda: fired("done"))
        self.thread.post(self.fail)
        self.reactor.running = True
        self.reactor.turn()
