"""
Results, now or later: what the methods of an application return, and what
those who send are given to wait for.
"""

from __future__ import annotations

import sys
from collections.abc import Coroutine, Generator
from types import CoroutineType
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

__all__ = ["DONE", "Result", "Shared", "deferredOf", "resultOf"]

_T = TypeVar("_T")


class Shared(Deferred[None]):
    """
    A L{Deferred} that can be given to many, for it stays as it is: what is
    added to it is added to a new one.

    So sending a message costs none, as long as nobody waits for it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._branches: dict[Deferred[None], None] = {}
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
            return succeed(None)
        branch: Deferred[None] = Deferred(self._forget)
        self._branches[branch] = None
        return branch

    def _forget(self, branch: Deferred[None]) -> None:
        """
        Forget one who does not wait any more.
        """
        self._branches.pop(branch, None)

    def _fired(self, result: None) -> None:
        """
        Fire for all who wait.
        """
        branches, self._branches = self._branches, {}
        for branch in branches:
            if not branch.called:
                # Nobody who was told before has cancelled it.
                branch.callback(None)

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
        Wait, in the way of whoever waits.
        """
        asyncio = sys.modules.get("asyncio")
        try:
            task = None if asyncio is None else asyncio.current_task()
        except RuntimeError:
            # No event loop runs.
            task = None
        if asyncio is None or task is None:
            return super().__await__()
        return self._awaitOnAsyncio(asyncio.get_running_loop().create_future())

    def _awaitOnAsyncio(self, future: Any) -> Generator[Any, None, _T]:
        """
        Wait for a L{asyncio.Future} instead.
        """
        self.addBoth(self._transfer, future)
        future.add_done_callback(self._checkCancelled)
        result: _T = yield from future.__await__()
        return result

    def _transfer(self, result: Any, future: Any) -> None:
        """
        Hand a result on, or back if nobody waits any more.
        """
        if future.done():
            self.giveBack(result)
        elif isinstance(result, Failure):
            future.set_exception(result.value)
        else:
            future.set_result(result)

    def _checkCancelled(self, future: Any) -> None:
        """
        Cancel this, if what waits for it is cancelled.
        """
        if future.cancelled():
            self.cancel()

    def giveBack(self, result: Any) -> None:
        """
        Nobody has taken the result.
        """


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
