"""
Results, now or later: what the methods of an application return, and what
those who send are given to wait for.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from types import CoroutineType
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, FirstError, fail, succeed
from twisted.python.failure import Failure

__all__ = ["DONE", "Result", "Shared", "deferredOf", "isNothingBut", "resultOf"]

_T = TypeVar("_T")

# Python 3.10 has none.
_GROUP: Any = getattr(builtins, "BaseExceptionGroup", ())


class Shared(Deferred[None]):
    """
    A L{Deferred} that can be given to many, for it stays as it is: what is
    added to it is added to a new one.

    So sending a message costs none, as long as nobody waits for it; and if it
    fails, that is told to those who wait, and to nobody else.
    """

    def __init__(self) -> None:
        super().__init__()
        self._branches: dict[Deferred[None], None] = {}
        self._failure: Failure | None = None
        super().addBoth(self._fired)

    @property
    def waiting(self) -> int:
        """
        How many wait.
        """
        return len(self._branches)

    def branch(self) -> Deferred[None]:
        """
        Make a L{Deferred} that fires with this one, for one who waits.
        """
        if self.called:
            return succeed(None) if self._failure is None else fail(self._failure)
        branch: Result[None] = Result(self._forget)
        self._branches[branch] = None
        return branch

    def _forget(self, branch: Deferred[None]) -> None:
        """
        Forget one who does not wait any more.
        """
        self._branches.pop(branch, None)

    def _fired(self, result: Failure | None) -> None:
        """
        Fire for all who wait.
        """
        self._failure = result
        branches, self._branches = self._branches, {}
        for branch in branches:
            if not branch.called:
                # Nobody who was told before has cancelled it.
                branch.callback(result)

    def cancel(self) -> None:
        """
        Do nothing: others may wait for it.
        """

    def addCallbacks(self, *arguments: Any, **keywords: Any) -> Any:
        """
        See L{Deferred.addCallbacks}.
        """
        return self.branch().addCallbacks(*arguments, **keywords)

    def addCallback(self, *arguments: Any, **keywords: Any) -> Any:
        """
        See L{Deferred.addCallback}.
        """
        return self.branch().addCallback(*arguments, **keywords)

    def addErrback(self, *arguments: Any, **keywords: Any) -> Any:
        """
        See L{Deferred.addErrback}.
        """
        return self.branch().addErrback(*arguments, **keywords)

    def addBoth(self, *arguments: Any, **keywords: Any) -> Any:
        """
        See L{Deferred.addBoth}.
        """
        return self.branch().addBoth(*arguments, **keywords)

    def addTimeout(self, *arguments: Any, **keywords: Any) -> Any:
        """
        See L{Deferred.addTimeout}.
        """
        return self.branch().addTimeout(*arguments, **keywords)

    def __await__(self) -> Generator[Any, None, None]:
        """
        Wait for it.
        """
        return self.branch().__await__()


def _makeDone() -> Shared:
    """
    Make one that has fired.
    """
    done = Shared()
    done.callback(None)
    return done


DONE = _makeDone()


class Result(Deferred[_T]):
    """
    A L{Deferred} that can be awaited by what runs on asyncio, too, if the
    asyncio reactor runs on the same event loop.
    """

    def __await__(self) -> Generator[Any, None, _T]:
        """
        Wait, in the way of whoever runs what waits.
        """
        if self.called and not self.paused:
            return (yield from super().__await__())
        waiter = _Waiter(self.cancel)
        self.addBoth(waiter.fire)
        while not waiter.hasFired():
            waiter.expectTask()
            try:
                yield waiter
            except BaseException:
                # A task that is cancelled when the result is there already.
                if waiter.hasFired() and not isinstance(waiter.outcome, Failure):
                    self.giveBack(waiter.outcome)
                raise
        outcome: Any = waiter.outcome
        if isinstance(outcome, Failure):
            outcome.raiseException()
        result: _T = outcome
        return result

    def giveBack(self, outcome: Any) -> None:
        """
        Nobody has taken the result.

        @param outcome: the result.
        """


class _Waiter(Deferred[Any]):
    """
    What a coroutine yields to whoever runs it: to Twisted a L{Deferred}, to a
    L{asyncio.Task} what that knows of a L{asyncio.Future}.

    Who is running cannot be asked: a coroutine of Twisted's goes on where
    something fires, and that may be inside of a task.

    @ivar outcome: the outcome.
    """

    def __init__(self, cancelResult: Callable[[], None]) -> None:
        """
        @param cancelResult: cancels what is waited for.
        """
        super().__init__(lambda waiter: cancelResult())
        self._isFired = False
        self.outcome: Any = None
        self._cancelResult = cancelResult
        self._wakeUp: Callable[[], object] | None = None

    def hasFired(self) -> bool:
        """
        Tell whether the outcome is there.
        """
        return self._isFired

    def fire(self, outcome: Any) -> None:
        """
        Tell whoever waits.
        """
        self._isFired = True
        self.outcome = outcome
        if self._wakeUp is not None:
            self._wakeUp()
        else:
            self.callback(outcome)

    def expectTask(self) -> None:
        """
        Be ready to be yielded to a task.
        """
        # Not of the class, for it would be taken for a Future altogether.
        self._asyncio_future_blocking = True

    def get_loop(self) -> Any:
        """
        Tell a task that this is of its event loop.
        """
        from asyncio import get_running_loop

        return get_running_loop()

    def add_done_callback(
        self, callback: Callable[[Any], Any], context: Any = None
    ) -> None:
        """
        Wake up a task.
        """
        self._wakeUp = partial(
            self.get_loop().call_soon, callback, self, context=context
        )

    def result(self) -> None:  # type: ignore[override]  # no Deferred yet
        """
        Tell a task nothing: what it runs knows.
        """

    def cancel(self, msg: object = None) -> None:
        """
        See L{Deferred.cancel}.

        @param msg: what a task may say.
        """
        if self._wakeUp is None:
            super().cancel()
        else:
            # The task goes on when that tells.
            self._cancelResult()


def deferredOf(returned: object) -> Deferred[Any] | None:
    """
    Find out whether a method has returned something that has to be waited for.

    @param returned: what it has returned.
    @return: what fires when it is done, or L{None} if it is.
    """
    if returned is DONE:
        return None
    if isinstance(returned, Deferred):
        return returned
    if isinstance(returned, CoroutineType):
        return Deferred.fromCoroutine(returned)
    return None


async def resultOf(
    returned: _T | Deferred[_T] | Coroutine[Deferred[Any], Any, _T],
) -> _T:
    """
    Wait for the result of a method, if it has to be waited for.

    @param returned: what it has returned.
    """
    if isinstance(returned, (Deferred, CoroutineType)):
        awaited: _T = await returned
        return awaited
    result: Any = returned
    return result  # type: ignore[no-any-return]  # what is left is a _T


def isNothingBut(raised: BaseException | None, ended: Failure | None) -> bool:
    """
    Find out whether somebody has raised what has ended a connection, as it is or
    as those raise it who wait for several things: L{asyncio.TaskGroup},
    L{gatherResults<twisted.internet.defer.gatherResults>}.

    @param raised: what was raised.
    @param ended: what has ended the connection, or L{None} as long as nothing has.
    """
    if ended is None or raised is ended.value:
        return ended is not None
    if isinstance(raised, FirstError):
        return isNothingBut(raised.subFailure.value, ended)
    return isinstance(raised, _GROUP) and all(
        isNothingBut(part, ended) for part in raised.exceptions
    )
