"""
A WebSocket server as a service: it listens, and stops gracefully.
"""

from __future__ import annotations

from collections.abc import Iterable

from twisted.application.service import IService, MultiService
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.defer import TimeoutError as WaitedTooLong
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from .factories import WebSocketFactory
from .wire.codes import CloseCode

__all__ = ["WebSocketService"]

_log = Logger()


class WebSocketService(MultiService):
    """
    Services that listen for one factory.

    Stopping it closes the ports, tells all peers with code 1001, waits for
    their answers, and aborts those that do not answer in time.
    """

    def __init__(
        self,
        factory: WebSocketFactory,
        listeners: Iterable[IService],
        clock: IReactorTime,
        closeTimeout: float,
    ) -> None:
        """
        @param factory: what is served.
        @param listeners: what listens for it; see
            L{twisted.application.strports.service}.
        @param clock: what the wait for the peers is measured with.
        @param closeTimeout: how many seconds they have.
        """
        super().__init__()  # type: ignore[no-untyped-call]  # Twisted's
        self._factory = factory
        self._clock = clock
        self._closeTimeout = closeTimeout
        for listener in listeners:
            listener.setServiceParent(self)

    def stopService(self) -> Deferred[list[object]]:
        """
        Stop gracefully.

        @return: fires when the ports are closed and the connections gone.
        """
        gone = self._factory.closeAll(CloseCode.GOING_AWAY, "the server is stopping")
        gone.addTimeout(self._closeTimeout, self._clock)
        gone.addErrback(self._aborted)
        return gatherResults([maybeDeferred(super().stopService), gone])

    def _aborted(self, failure: Failure) -> Deferred[None]:
        """
        Some peers did not answer in time.  They have been aborted; wait until
        they are gone.
        """
        failure.trap(WaitedTooLong)
        _log.warn(
            "{count} connections were aborted: "
            "{seconds} s after the Close their peers had not gone",
            count=len(list(self._factory.connections)),
            seconds=self._closeTimeout,
        )
        return self._factory.closeAll()
