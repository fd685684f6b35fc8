"""
Results, now or later: what the methods of an application return, and what
those who send are given to wait for.
"""

from __future__ import annotations

from collections.abc import Coroutine
from types import CoroutineType
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, succeed

__all__ = ["DONE", "deferredOf", "resultOf"]

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
