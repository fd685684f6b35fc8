"""
Tests for L{txws.results}.
"""

from __future__ import annotations

import asyncio
import builtins
import gc
from typing import Any

from twisted.internet.defer import (
    CancelledError,
    Deferred,
    FirstError,
    fail,
    succeed,
)
from twisted.internet.defer import TimeoutError as WaitedTooLong
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from txws.results import DONE, Result, Shared, deferredOf, isNothingBut, resultOf


class Broken(Exception):
    """
    An error of an application.
    """


async def coroutine(result: Any = None) -> Any:
    """
    Be a coroutine.
    """
    return result


class DoneTests(SynchronousTestCase):
    """
    A Deferred that has fired and stays as it is.
    """

    def test_callbacks(self):
        """
        Callbacks are called at once, and change nothing.
        """
        called: list[object] = []
        for add in (DONE.addCallback, DONE.addBoth):
            added = add(called.append)
            self.assertIsNot(added, DONE)
        DONE.addCallbacks(called.append, called.append)
        DONE.addErrback(called.append)
        self.assertEqual(called, [None] * 3)
        self.assertIsNone(self.successResultOf(DONE))

    def test_result(self):
        """
        What a callback returns is the result of what it was added to alone.
        """
        self.assertEqual(self.successResultOf(DONE.addCallback(lambda _: 1)), 1)
        self.failureResultOf(DONE.addCallback(lambda _: 1 / 0), ZeroDivisionError)
        self.assertIsNone(self.successResultOf(DONE))

    def test_await(self):
        """
        It can be awaited, and returned from a callback, as often as one likes.
        """

        async def wait() -> str:
            await DONE
            await DONE
            return "waited"

        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(wait())), "waited")
        chained = succeed(1).addCallback(lambda _: DONE)
        self.assertIsNone(self.successResultOf(chained))
        self.assertIsNone(self.successResultOf(DONE))

    def test_cancel(self):
        """
        To cancel it does nothing.
        """
        DONE.cancel()
        self.assertIsNone(self.successResultOf(DONE))

    def test_failure(self):
        """
        One that fails tells those who wait, each of them, and nobody else.
        """
        shared = Shared()
        early = shared.addCallback(lambda _: 1)
        shared.errback(Broken())
        late = shared.addCallback(lambda _: 1)
        for waiting in (early, late):
            self.failureResultOf(waiting, Broken)
        del shared
        gc.collect()
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_pending(self):
        """
        One that has not fired can be waited for by many, each for himself: one
        that fails, is cancelled or gives up changes nothing for the others.
        """
        shared = Shared()
        clock = Clock()

        async def wait() -> str:
            await shared
            return "waited"

        waiting = Deferred.fromCoroutine(wait())
        failing = shared.addCallback(lambda _: 1 / 0)
        cancelled = shared.addErrback(lambda failure: failure)
        cancelled.cancel()
        late = shared.addTimeout(5, clock)
        chained = succeed(1).addCallback(lambda _: shared)
        clock.advance(5)
        shared.cancel()
        self.failureResultOf(cancelled, CancelledError)
        self.failureResultOf(late, WaitedTooLong)
        self.assertNoResult(waiting)
        shared.callback(None)
        self.assertEqual(self.successResultOf(waiting), "waited")
        self.failureResultOf(failing, ZeroDivisionError)
        self.assertIsNone(self.successResultOf(chained))
        self.assertIsNone(self.successResultOf(shared))


class DeferredOfTests(SynchronousTestCase):
    """
    What has to be waited for.
    """

    def test_nothing(self):
        """
        Nothing that has no result later is waited for.
        """
        for returned in (None, DONE, 1, "x", [], object()):
            self.assertIsNone(deferredOf(returned))

    def test_deferred(self):
        """
        A Deferred is itself.
        """
        deferred: Deferred[None] = Deferred()
        self.assertIs(deferredOf(deferred), deferred)

    def test_coroutine(self):
        """
        A coroutine is run.
        """
        deferred = deferredOf(coroutine(1))
        assert deferred is not None
        self.assertEqual(self.successResultOf(deferred), 1)


class ResultOfTests(SynchronousTestCase):
    """
    Waiting for what a method has returned.
    """

    def test_results(self):
        """
        The result is the same, now or later.
        """
        for returned in (1, succeed(1), coroutine(1)):
            waiting = Deferred.fromCoroutine(resultOf(returned))
            self.assertEqual(self.successResultOf(waiting), 1)

    def test_failure(self):
        """
        So is a failure.
        """
        waiting = Deferred.fromCoroutine(resultOf(fail(Broken())))
        self.failureResultOf(waiting, Broken)


class ResultTests(SynchronousTestCase):
    """
    A Deferred for Twisted and for asyncio.
    """

    def run_(self, awaitable: Any) -> Any:
        """
        Run something on asyncio.
        """
        loop = asyncio.new_event_loop()
        try:
            return loop.run_until_complete(awaitable)
        finally:
            loop.close()

    def test_twisted(self):
        """
        A coroutine of Twisted's can await it.
        """
        result: Result[int] = Result()

        async def wait() -> int:
            return await result

        waiting = Deferred.fromCoroutine(wait())
        self.assertNoResult(waiting)
        result.callback(1)
        self.assertEqual(self.successResultOf(waiting), 1)

    def test_asyncio(self):
        """
        A coroutine of asyncio's can await it, fired before or later.
        """

        async def wait() -> list[int]:
            before: Result[int] = Result()
            before.callback(1)
            later: Result[int] = Result()
            asyncio.get_running_loop().call_soon(later.callback, 2)
            return [await before, await later]

        self.assertEqual(self.run_(wait()), [1, 2])

    def test_asyncioFailure(self):
        """
        What it fails with is raised there.
        """

        async def wait() -> None:
            result: Result[None] = Result()
            asyncio.get_running_loop().call_soon(result.errback, Broken())
            await result

        self.assertRaises(Broken, self.run_, wait())

    def test_asyncioCancelled(self):
        """
        When the task that awaits it is cancelled, so is it.
        """
        result: Result[None] = Result()

        async def await_() -> None:
            await result

        async def cancel() -> None:
            task = asyncio.ensure_future(await_())
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        self.run_(cancel())
        self.assertTrue(result.called)
        self.successResultOf(result)

    def test_takenBack(self):
        """
        A result that comes when the task is being cancelled is given back.
        """
        given: list[object] = []

        class Returning(Result[int]):
            """
            Notes what is given back.
            """

            def giveBack(self, result: object) -> None:
                """
                Note it.
                """
                given.append(result)

        result = Returning()

        async def await_() -> int:
            return await result

        async def cancel() -> None:
            task = asyncio.ensure_future(await_())
            await asyncio.sleep(0)
            result.callback(1)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        self.run_(cancel())
        self.assertEqual(given, [1])

    def test_cancel(self):
        """
        It can be cancelled as any Deferred.
        """
        result: Result[None] = Result()
        result.cancel()
        self.failureResultOf(result, CancelledError)


class NothingButTests(SynchronousTestCase):
    """
    The end of a connection is recognized in what waits for several things.
    """

    def test_itself(self):
        """
        It is itself, when there is one.
        """
        ended = Failure(Broken())
        self.assertTrue(isNothingBut(ended.value, ended))
        self.assertFalse(isNothingBut(Broken(), ended))
        self.assertFalse(isNothingBut(None, None))

    def test_firstError(self):
        """
        C{gatherResults} wraps it.
        """
        ended = Failure(Broken())
        self.assertTrue(isNothingBut(FirstError(ended, 0), ended))
        self.assertFalse(isNothingBut(FirstError(Failure(Broken()), 0), ended))

    def test_group(self):
        """
        C{asyncio.TaskGroup} groups it, perhaps with others, which count.
        """
        group: Any = getattr(builtins, "BaseExceptionGroup", None)
        if group is None:
            raise SkipTest("this Python has no groups of exceptions")
        ended = Failure(Broken())
        one = group("", [ended.value])
        self.assertTrue(isNothingBut(group("", [one, ended.value]), ended))
        self.assertFalse(isNothingBut(group("", [one, Broken()]), ended))
