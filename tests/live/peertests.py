"""
Tests that are there for each peer, and are run with those that are installed.

C{TXWS_PEERS} is the directory that C{python -m tests.live.interoperation --install
--peers DIR} has filled.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from twisted.trial.unittest import TestCase

from .installation import PEERS, PeerMissing
from .interoperation import Place

__all__ = ["PeerTests", "makePlace", "needs", "whySkipped"]

_Test = TypeVar("_Test", bound=Callable[..., Any])


def whySkipped(name: str) -> str | None:
    """
    Tell why a peer is not to be run here, or L{None} if it is.
    """
    if os.environ.get("TXWS_LIVE") != "1":
        return "The live tests run if TXWS_LIVE=1 is set."
    (peer,) = (peer for peer in PEERS if peer.name == name)
    try:
        peer.find(Path(os.environ.get("TXWS_PEERS", "nowhere")), Path())
    except PeerMissing as missing:
        return f"TXWS_LIVE=1 IS SET, BUT {name} IS NOT TALKED WITH: {missing}"
    return None


def needs(name: str) -> Callable[[_Test], _Test]:
    """
    Have a test skipped if a peer is not to be run here.
    """

    def mark(test: _Test) -> _Test:
        test.skip = whySkipped(name)  # type: ignore[attr-defined]  # of trial
        return test

    return mark


def makePlace(case: TestCase) -> Place:
    """
    Make the place where the peers of a test are, and may write.
    """
    work = Path(case.mktemp()).absolute()
    work.mkdir()
    return Place(Path(os.environ.get("TXWS_PEERS", "nowhere")).absolute(), work)


class PeerTests:
    """
    Tests for the peers that everything is tried with; to be mixed into a case.
    """

    async def check(self, name: str) -> None:
        """
        Try a peer.
        """
        raise NotImplementedError

    @needs("websockets")
    async def test_websockets(self) -> None:
        """
        The library websockets.
        """
        await self.check("websockets")

    @needs("ws")
    async def test_ws(self) -> None:
        """
        The library ws of Node.
        """
        await self.check("ws")

    @needs("Chromium")
    async def test_chromium(self) -> None:
        """
        Chromium.
        """
        await self.check("Chromium")

    @needs("Firefox")
    async def test_firefox(self) -> None:
        """
        Firefox.
        """
        await self.check("Firefox")
