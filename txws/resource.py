"""
txws and L{twisted.web}: the only module that imports it.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.web.resource import Resource
from twisted.web.server import Request, Site
from twisted.web.static import Data

__all__ = ["makePageSite"]


def makePageSite(page: bytes, clock: IReactorTime) -> Site:
    """
    Make a site that serves one page at C{/}, and nothing else.

    @param page: HTML in UTF-8.
    @param clock: what schedules the site's time-outs.
    """
    root = Resource()
    root.putChild(b"", Data(page, "text/html; charset=utf-8"))
    return Site(root, _BodilessRequest, reactor=clock)


class _BodilessRequest(Request):
    """
    A request to which nobody needs to say more than its head.
    """

    def handleContentChunk(self, data: bytes) -> None:
        """
        Read no body: L{twisted.web} would keep one of any size.
        """
        self.loseConnection()  # type: ignore[no-untyped-call]  # Twisted's

    def process(self) -> None:
        """
        Answer, and close the connection: L{twisted.web} would go on to answer
        a peer that does not read.
        """
        channel: Any = self.channel
        channel.persistent = False
        self.responseHeaders.setRawHeaders(b"Connection", [b"close"])
        super().process()  # type: ignore[no-untyped-call]  # Twisted's
        # It would also wait for ever until the answer is taken.
        channel.setTimeout(channel.site.timeOut)
