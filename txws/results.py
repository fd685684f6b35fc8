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

__all__ = ["DONE", "Result", "deferredOf", "resultOf"]

_T = TypeVar("_T")


class _Done(Deferred[None]):
    """
    A L{Deferred} that has fired and stays as it is, so that one does for all:
    sending a message costs none.

    What is added to it is added to a new one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.callback(None)

    def addCallbacks(self, *arguments: Any, **keywords: Any) -> Any:
        """
        See L{Deferred.addCallbacks}.
        """
        return succeed(None).addCallbacks(*arguments, **keywords)

    def addCallback(self, *arguments: Any, **keywords: Any) -> Any:
        """
        See L{Deferred.addCallback}.
        """
        return succeed(None).addCallback(*arguments, **keywords)

    def addErrback(self, *arguments: Any, **keywords: Any) -> Any:
        """
        See L{Deferred.addErrback}.
        """
        return succeed(None).addErrback(*arguments, **keywords)

    def addBoth(self, *arguments: Any, **keywords: Any) -> Any:
        """
        See L{Deferred.addBoth}.
        """
        return succeed(None).addBoth(*arguments, **keywords)


DONE: Deferred[None] = _Done()


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
