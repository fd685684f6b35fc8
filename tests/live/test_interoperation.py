"""
Tests that txws talks with other libraries and with browsers, and that the judge of
what they tell, L{tests.live.checks} and L{tests.live.matrix}, is not lenient.

Which peers are there, L{tests.live.peertests} tells.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.trial.unittest import SynchronousTestCase, TestCase

from txws import WebSocketClosed, WebSocketFailed
from txws.wire.events import CloseStatus

from .checks import CHECKS, Check, CheckFailed, judgeEnd
from .installation import PEERS
from .interoperation import runMatrix
from .matrix import Cell, Matrix, Outcome, Row, formatPage, formatSummary
from .peertests import PeerTests, makePlace, needs


class InteroperationTests(PeerTests, TestCase):
    """
    txws and one other, in each role that the other has.
    """

    timeout = 300

    async def check(self, name: str) -> None:
        """
        Run all checks, and have each shown that the other has an API for.
        """
        peers = [peer for peer in PEERS if peer.name == name]
        matrix = await runMatrix(reactor, makePlace(self), peers)
        told = "\n" + formatSummary(matrix)
        self.assertTrue(matrix.isInteroperable, told)
        self.assertEqual(matrix.counts[Outcome.NOT_RUN], 0, told)
        self.assertEqual(
            matrix.counts[Outcome.CANNOT], len(matrix.rows) * len(peers[0].cannot)
        )

    @needs("aiohttp")
    async def test_aiohttp(self) -> None:
        """
        The library aiohttp.
        """
        await self.check("aiohttp")

    @needs("Autobahn")
    async def test_autobahn(self) -> None:
        """
        The library Autobahn.
        """
        await self.check("Autobahn")


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
