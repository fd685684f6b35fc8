"""
Threads that are none: a reactor in memory, and what waits for it, which turns
it meanwhile.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet import error
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.testing import MemoryReactorClock
from twisted.python import threadable
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from txws.reactorthread import ReactorThread
from txws.testing import MemoryConnection

from .peers import ADDRESS, useMemoryReactor

__all__ = [
    "MemoryEndpoint",
    "ThreadlessReactor",
    "ThreadlessSignal",
    "ThreadlessTestCase",
]


class ThreadlessReactor(MemoryReactorClock):
    """
    A reactor in memory that can be called as if from another thread.

    @ivar connections: what it carries bytes on.
    @ivar isReversed: whether calls from threads come in another order.
    @ivar isStopped: whether it was stopped.
    @ivar runError: what running it raises, or L{None}.
    """

    def __init__(self) -> None:
        super().__init__()
        self.connections: list[MemoryConnection] = []
        self.isReversed = False
        self.isStopped = False
        self.runError: BaseException | None = None
        self._functions: deque[Callable[[], object]] = deque()

    def callFromThread(self, function: Callable[..., object], *arguments: Any) -> None:
        """
        Call a function in the next turn.
        """
        self._functions.append(lambda: function(*arguments))

    def run(self, installSignalHandlers: bool = True) -> None:
        """
        Begin to run, which here does not wait for the end.
        """
        assert not installSignalHandlers
        if self.runError is not None:
            raise self.runError
        self.running = True
        self.hasRun = True

    def stop(self) -> None:
        """
        Stop, as soon as what has to be done before is done.
        """
        if self.isStopped:
            raise error.ReactorNotRunning
        self.isStopped = True
        waiting = [
            function(*arguments, **keywords)
            for function, arguments, keywords in self.trigger("before")
        ]
        self.turn()
        assert all(deferred.called for deferred in waiting)
        self.running = False
        for function, arguments, keywords in self.trigger("after"):
            function(*arguments, **keywords)

    def trigger(self, phase: str) -> list[Any]:
        """
        Find what is to be done in a phase of the shutdown.
        """
        found: list[Any] = self.triggers.get(phase, {}).get("shutdown", [])
        return found

    def turn(self) -> None:
        """
        Do what there is to do now.
        """
        while self.running and self._functions:
            if self.isReversed:
                self._functions.reverse()
            self._functions.popleft()()
        self.advance(0)
        for connection in self.connections:
            connection.flush()


class ThreadlessSignal:
    """
    What a thread waits for, without one.
    """

    def __init__(self, case: ThreadlessTestCase) -> None:
        self._case = case
        self._isSet = False

    def set(self) -> None:
        """
        Wake who waits.
        """
        self._isSet = True

    def wait(self, timeout: float | None) -> bool:
        """
        Do what happens during this wait, and turn the reactor until it is set.
        """
        self._case.waits.append(timeout)
        if self._case.duringWaits:
            self._case.duringWaits.popleft()()
        self._case.reactor.turn()
        if not self._isSet and timeout is not None:
            self._case.reactor.advance(timeout)
            self._case.reactor.turn()
        elif not self._isSet:
            raise AssertionError("waits for ever")
        return self._isSet


class ThreadlessThread:
    """
    A thread that does at once what it is to do.

    @ivar joined: how long it was waited for, each time.
    """

    def __init__(self, target: Callable[[], None], name: str, daemon: bool) -> None:
        self._target = target
        self.name = name
        self.isDaemon = daemon
        self.joined: list[float] = []

    def start(self) -> None:
        """
        Do it.
        """
        self._target()

    def join(self, timeout: float) -> None:
        """
        Wait for its end.
        """
        self.joined.append(timeout)


@implementer(IStreamClientEndpoint)
class MemoryEndpoint:
    """
    Connects to a server in memory.

    @ivar connecting: what the next connection waits for, or L{None}.
    """

    def __init__(self, reactor: ThreadlessReactor, factory: Any) -> None:
        self.connecting: Deferred[Any] | None = None
        self._reactor = reactor
        self._factory = factory

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        """
        Connect.
        """
        if self.connecting is not None:
            return self.connecting
        client = protocolFactory.buildProtocol(None)
        connection = MemoryConnection(self._factory.buildProtocol(ADDRESS), client)
        self._reactor.connections.append(connection)
        return succeed(client)


class ThreadlessTestCase(SynchronousTestCase):
    """
    Has a thread that runs the reactor, without one.

    @ivar reactor: the reactor.
    @ivar thread: the thread that it runs in.
    @ivar threads: the threads that were begun.
    @ivar onExit: what is called when the interpreter exits.
    @ivar duringWaits: what happens while somebody waits, each time.
    @ivar waits: how long somebody waited at most, each time.
    """

    def setUp(self) -> None:
        """
        Nothing runs yet.
        """
        useMemoryReactor(self)
        self.reactor = ThreadlessReactor()
        import twisted.internet

        self.patch(twisted.internet, "reactor", self.reactor)
        self.patch(threadable, "ioThread", None)
        self.threads: list[ThreadlessThread] = []
        self.onExit: list[Callable[[], None]] = []
        self.duringWaits: deque[Callable[[], object]] = deque()
        self.waits: list[float | None] = []
        self.thread = self.makeReactorThread()

    def makeReactorThread(self) -> ReactorThread:
        """
        Make one that has not begun.
        """
        return ReactorThread(self.makeThread, self.makeSignal, self.onExit.append)

    def makeThread(self, **settings: Any) -> Any:
        """
        Make a thread.
        """
        self.threads.append(ThreadlessThread(**settings))
        return self.threads[-1]

    def makeSignal(self) -> ThreadlessSignal:
        """
        Make what a call waits for.
        """
        return ThreadlessSignal(self)

    def interrupt(self) -> None:
        """
        Be Ctrl-C.
        """
        raise KeyboardInterrupt
