"""
Tests that txws talks with other libraries and with browsers, and that the judge of
what they tell, L{tests.live.checks} and L{tests.live.matrix}, is not lenient.

C{TXWS_PEERS} is the directory that C{python -m tests.live.interoperation --install
--peers DIR} has filled.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.trial.unittest import SynchronousTestCase, TestCase

from txws import WebSocketClosed, WebSocketFailed
from txws.wire.events import CloseStatus

from .checks import CHECKS, Check, CheckFailed, judgeEnd
from .installation import PEERS, PeerMissing
from .interoperation import Place, runMatrix
from .matrix import Cell, Matrix, Outcome, Row, formatPage, formatSummary


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


class InteroperationTests(TestCase):
    """
    txws and one other, in each role that the other has.
    """

    timeout = 300

    async def check(self, name: str) -> None:
        """
        Run all checks, and have each shown that the other has an API for.
        """
        work = Path(self.mktemp()).absolute()
        work.mkdir()
        place = Place(Path(os.environ.get("TXWS_PEERS", "nowhere")).absolute(), work)
        peers = [peer for peer in PEERS if peer.name == name]
        matrix = await runMatrix(reactor, place, peers)
        told = "\n" + formatSummary(matrix)
        self.assertTrue(matrix.isInteroperable, told)
        self.assertEqual(matrix.counts[Outcome.NOT_RUN], 0, told)
        self.assertEqual(
            matrix.counts[Outcome.CANNOT], len(matrix.rows) * len(peers[0].cannot)
        )

    async def test_websockets(self) -> None:
        """
        The library websockets.
        """
        await self.check("websockets")

    test_websockets.skip = whySkipped("websockets")  # type: ignore[attr-defined]  # of trial

    async def test_aiohttp(self) -> None:
        """
        The library aiohttp.
        """
        await self.check("aiohttp")

    test_aiohttp.skip = whySkipped("aiohttp")  # type: ignore[attr-defined]  # of trial

    async def test_autobahn(self) -> None:
        """
        The library Autobahn.
        """
        await self.check("Autobahn")

    test_autobahn.skip = whySkipped("Autobahn")  # type: ignore[attr-defined]  # of trial

    async def test_ws(self) -> None:
        """
        The library ws of Node.
        """
        await self.check("ws")

    test_ws.skip = whySkipped("ws")  # type: ignore[attr-defined]  # of trial

    async def test_chromium(self) -> None:
        """
        Chromium.
        """
        await self.check("Chromium")

    test_chromium.skip = whySkipped("Chromium")  # type: ignore[attr-defined]  # of trial

    async def test_firefox(self) -> None:
        """
        Firefox.
        """
        await self.check("Firefox")

    test_firefox.skip = whySkipped("Firefox")  # type: ignore[attr-defined]  # of trial


class JudgeTests(SynchronousTestCase):
    """
    What counts as an end that both sides agree on.
    """

    check = Check("txws closes", code=4000, reason="done")

    def report(self, **told: Any) -> dict[str, Any]:
        """
        Make what a peer tells.
        """
        return {"code": 4000, "reason": "done", "subprotocol": None, **told}

    def end(
        self, received: int = 4000, sent: int = 4000, isReceivedFirst: bool = False
    ) -> WebSocketClosed:
        """
        Make what txws tells.
        """
        return WebSocketClosed(
            CloseStatus(received, "done"), CloseStatus(sent, "done"), isReceivedFirst
        )

    def test_agreed(self) -> None:
        """
        Both tell what was to be; a peer may answer with another code.
        """
        judgeEnd(self.check, self.end(), self.report())
        judgeEnd(self.check, self.end(received=1000), self.report())

    def test_notAgreed(self) -> None:
        """
        Anything else is a failure.
        """
        ends: tuple[tuple[Any, dict[str, Any]], ...] = (
            (WebSocketFailed(ValueError("lost")), self.report()),
            (self.end(sent=1000), self.report()),
            (self.end(isReceivedFirst=True), self.report()),
            (self.end(), self.report(code=1000)),
            (self.end(), self.report(code=1006)),
            (self.end(), self.report(reason="")),
            (self.end(), self.report(reason=None)),
            (self.end(), self.report(subprotocol="chat")),
        )
        for ours, theirs in ends:
            self.assertRaises(CheckFailed, judgeEnd, self.check, ours, theirs)

    def test_closedByPeer(self) -> None:
        """
        If the peer closes, its code counts, and it may not know the reason.
        """
        check = Check("peer closes", code=4000, reason="done", isClosedByPeer=True)
        judgeEnd(check, self.end(isReceivedFirst=True), self.report(reason=None))
        for ours in (self.end(), self.end(received=1000, isReceivedFirst=True)):
            self.assertRaises(CheckFailed, judgeEnd, check, ours, self.report())

    def test_columns(self) -> None:
        """
        Each column has a name of its own, and what a peer cannot is a column.
        """
        names = [check.name for check in CHECKS]
        self.assertEqual(len(set(names)), len(names))
        for peer in PEERS:
            self.assertLessEqual(set(peer.cannot), set(names))


class MatrixTests(SynchronousTestCase):
    """
    What a reader is shown.
    """

    def matrix(self, **cells: Cell) -> Matrix:
        """
        Make a matrix of one row.
        """
        return Matrix(("text", "peer closes"), [Row("txws → x", "x 1", cells)])

    def test_passed(self) -> None:
        """
        It is good if something was run, and nothing failed.
        """
        self.assertTrue(self.matrix(text=Cell(Outcome.OK)).isInteroperable)

    def test_failed(self) -> None:
        """
        One failure is enough, and is told.
        """
        matrix = self.matrix(
            text=Cell(Outcome.FAILED, "too bad"), **{"peer closes": Cell(Outcome.OK)}
        )
        self.assertFalse(matrix.isInteroperable)
        self.assertIn("! txws → x: FAILED: too bad (text)", formatSummary(matrix))
        self.assertIn("* txws → x: FAILED: too bad (text)", formatPage(matrix))

    def test_notRun(self) -> None:
        """
        What is not there was not run, and nothing is good of which nothing was.
        """
        for cells in (
            {},
            {
                name: Cell(Outcome.NOT_RUN, "not here")
                for name in ("text", "peer closes")
            },
        ):
            matrix = self.matrix(**cells)
            self.assertFalse(matrix.isInteroperable)
            self.assertEqual(matrix.counts, {Outcome.NOT_RUN: 2})
            self.assertIn("txws → x  not run  not run", formatSummary(matrix))
            self.assertEqual(formatPage(matrix).count("     - not run\n"), 2)

    def test_ends(self) -> None:
        """
        How connections ended is shown where a column is about that.
        """
        closed = Cell(Outcome.OK, end=("sent 1", "received 2"))
        page = formatPage(self.matrix(text=closed, **{"peer closes": closed}))
        row = "   * - txws → x\n     - peer\n     - sent 1\n     - received 2\n"
        self.assertEqual(page.count(row), 1)
        self.assertEqual(page.count("received 2"), 1)
