"""
What the benchmarks make of their measurements.  Nothing is measured here.
"""

from __future__ import annotations

import json
import zlib
from argparse import ArgumentParser
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from subprocess import CalledProcessError
from xml.etree import ElementTree

from twisted.trial.unittest import SynchronousTestCase

from benchmarks import compare
from benchmarks.catalog import OURS, SERVERS
from benchmarks.charts import Bars, Lines, drawBars, drawLines
from benchmarks.compare import formatComparison
from benchmarks.growth import connectionScale, makePage, sizeScale
from benchmarks.load import parseResult, planTraffic
from benchmarks.options import addChoice, addRounds
from benchmarks.pages import formatCosts, formatNotes, formatTargets, writeRows
from benchmarks.profile import Profile, parseReport
from benchmarks.profile import makePage as makeProfilePage
from benchmarks.results import Results
from benchmarks.rows import ROWS
from benchmarks.running import Unavailable
from benchmarks.tables import formatNumber, table
from benchmarks.targets import TARGETS, Verdict, judge
from benchmarks.traffic import (
    makeDocuments,
    makeRequest,
    makeText,
    serialize,
    serializeDeflated,
)
from benchmarks.wire import PARTS, leastTime
from txws.wire.codes import Opcode
from txws.wire.frames import RSV1, Frame, FrameParser

SVG = "{http://www.w3.org/2000/svg}"


def makeResults(**costs: dict[str, float]) -> Results:
    """
    Make results of one round.

    @param costs: the costs of servers, by rows.
    """
    results = Results()
    for row, servers in costs.items():
        for server, cost in servers.items():
            results.add(row, server, cost)
    return results


def parseFrame(data: bytes, rsv: int = 0) -> Frame | None:
    """
    Parse a frame of a client's.
    """
    parser = FrameParser(isMasked=True, firstRSV=rsv)
    parser.receiveData(data)
    return parser.nextFrame()


class ResultsTests(SynchronousTestCase):
    """
    Tests for L{Results} and for what the load prints.
    """

    def test_median(self):
        """
        One disturbed round of three changes nothing.
        """
        results = Results()
        for cost in (3.0, 900.0, 2.0):
            results.add("small", "tcp", cost)
        self.assertEqual(results.median("small", "tcp"), 3.0)
        self.assertEqual(results.spread("small", "tcp"), (2.0, 900.0))

    def test_ratio(self):
        """
        A ratio says how many times the other's cost it is.
        """
        results = makeResults(small={"handler": 30.0, "tcp": 12.0})
        self.assertEqual(results.ratio("small", "handler", "tcp"), 2.5)

    def test_ratioOfNothing(self):
        """
        What was not measured has no ratio.
        """
        results = makeResults(small={"handler": 30.0})
        self.assertIsNone(results.ratio("small", "handler", "tcp"))
        self.assertIsNone(results.ratio("small", "tcp", "handler"))

    def test_first(self):
        """
        The first server of some that was measured is found.
        """
        results = makeResults(small={"handler": 30.0})
        self.assertEqual(results.first("small", ("compiled", "handler")), "handler")
        self.assertIsNone(results.first("large", ("compiled", "handler")))

    def test_kept(self):
        """
        Results come back from their file as they were.
        """
        path = Path(self.mktemp())
        results = makeResults(small={"handler": 30.0}, large={"tcp": 50.0})
        results.facts = {"Python": "3"}
        results.notes["deflate", "picows"] = "it has none"
        results.dump(path)
        loaded = Results.load(path)
        self.assertEqual(loaded.rows, ["small", "large"])
        self.assertEqual(loaded.servers, ["handler", "tcp"])
        self.assertEqual(loaded.median("small", "handler"), 30.0)
        self.assertEqual(loaded.facts, results.facts)
        self.assertEqual(loaded.notes, results.notes)

    def test_parsed(self):
        """
        The CPU time that the load prints is shared by all messages.
        """
        self.assertAlmostEqual(parseResult("6400 0.002 1.0\n", scale=32), 1e-5)

    def test_nothingCameBack(self):
        """
        A server that sends nothing back has no cost.
        """
        self.assertRaises(Unavailable, parseResult, "0 0.5 1.0\n", 1)


def judged(results: Results) -> list[Verdict]:
    """
    Judge the targets of which enough was measured.
    """
    return [verdict for verdict in judge(results) if verdict.value is not None]


class TargetTests(SynchronousTestCase):
    """
    Tests for L{judge}.
    """

    def test_known(self):
        """
        All targets are about rows and servers that there are.
        """
        for target in TARGETS:
            self.assertIn(target.row, ROWS)
            self.assertIn(target.server, OURS)
            self.assertLessEqual(set(target.others), set(SERVERS))

    def test_limit(self):
        """
        A target is met up to its limit, and not beyond it.
        """
        for cost, isMet in ((12.0, True), (12.1, False)):
            results = makeResults(large={"handler": cost, "tcp": 10.0})
            [verdict] = judged(results)
            self.assertIs(verdict.isMet, isMet)

    def test_memory(self):
        """
        The target for memory is compared with nothing.
        """
        [verdict] = judged(makeResults(memory={"handler": 8.0}))
        self.assertIsNone(verdict.other)
        self.assertEqual((verdict.value, verdict.isMet), (8.0, False))

    def test_notMeasured(self):
        """
        A target of which too little is known is not met.
        """
        verdicts = judge(makeResults(small={"handler": 1.0}))
        self.assertEqual([verdict.target for verdict in verdicts], [*TARGETS])
        self.assertFalse(any(verdict.isMet for verdict in verdicts))

    def test_fastestWire(self):
        """
        Another door is compared with the handler on the compiled wire, if
        there is one, for it has that wire too.
        """
        costs = {"wrap": 10.0, "handler": 20.0}
        [verdict] = judged(makeResults(small=costs))
        self.assertEqual((verdict.other, verdict.value), ("handler", 0.5))
        [verdict] = judged(makeResults(small={**costs, "compiled": 5.0}))
        self.assertEqual((verdict.other, verdict.value), ("compiled", 2.0))


class PageTests(SynchronousTestCase):
    """
    Tests for the tables and the pages.
    """

    def test_numbers(self):
        """
        A number has three digits, or all that are before its point.
        """
        values = (0.114, 9.994, 9.996, 99.96, 3785.4, None)
        self.assertEqual(
            [formatNumber(value) for value in values],
            ["0.11", "9.99", "10.0", "100", "3,785", "\N{EN DASH}"],
        )

    def test_table(self):
        """
        A table has a head, and a line for each cell.
        """
        self.assertEqual(
            table(("a", "b"), [("1", "")], "Costs"),
            ".. list-table:: Costs\n   :header-rows: 1\n\n"
            "   * - a\n     - b\n   * - 1\n     -\n",
        )

    def test_costs(self):
        """
        What was not measured is a dash in the table.
        """
        results = makeResults(
            small={"tcp": 12.1, "handler": 23.0}, handshake={"handler": 350.0}
        )
        lines = formatCosts(results).splitlines()[3:]
        self.assertEqual(
            [line[7:] for line in lines],
            [
                "Server",
                "100 connections, 32 B (µs a message)",
                "Handshake and close (µs)",
                "R: raw TCP, Twisted",
                "12.1",
                "\N{EN DASH}",
                "txws, handler, plain wire",
                "23.0",
                "350",
            ],
        )

    def test_targets(self):
        """
        A target says what it is, what was measured, and whether it is met.
        """
        results = makeResults(large={"handler": 15.0, "tcp": 10.0})
        page = formatTargets(results)
        self.assertIn(
            "   * - 1 connection, 64 KiB\n"
            "     - handler, plain wire\n"
            "     - ≤ 1.20 times R: raw TCP, Twisted\n"
            "     - 1.50\n"
            "     - **not met**\n",
            page,
        )
        self.assertTrue(page.endswith("     - \N{EN DASH}\n     - not measured\n"))

    def test_missing(self):
        """
        A page says what is missing, and why: of a server that is not there at
        all, only once.
        """
        results = makeResults(small={"autobahn": 34.0})
        results.notes["deflate", "autobahn"] = "`no` such\\thing"
        results.notes["small", "picows"] = results.notes["large", "picows"] = "gone"
        titles = {"deflate": "Deflate", "small": "Small", "large": "Large"}
        self.assertEqual(
            formatNotes(results, titles),
            "* **Missing:** Autobahn, Twisted, native (Deflate): "
            "``'no' such/thing``\n"
            "* **Missing:** picows, uvloop: ``gone``\n",
        )

    def test_written(self):
        """
        A page is written with its chart, and with what was measured.
        """
        folder = Path(self.mktemp())
        results = makeResults(small={"handler": 15.0, "tcp": 10.0})
        results.facts["Python"] = "3.14"
        writeRows(results, folder)
        self.assertIn("* Python: 3.14\n", (folder / "rows.rst").read_text("utf-8"))
        ElementTree.parse(folder / "rows.svg")
        json.loads((folder / "rows.json").read_text("utf-8"))

    def test_growth(self):
        """
        The page of growth tells large messages by the byte.
        """
        scales = (connectionScale(20_000), sizeScale())
        results = makeResults(**{"connections-1": {"tcp": 20.0}})
        results.add("size-1048576", "tcp", 1048.576)
        page = makePage(results, scales)
        self.assertIn("   * - R: raw TCP, Twisted\n     - 20.0\n", page)
        self.assertIn("     - 1.00\n", page)

    def test_descriptors(self):
        """
        No more connections are tried than there are descriptors for.
        """
        self.assertEqual(max(connectionScale(1100).rows), 1000)
        self.assertEqual(list(connectionScale(600).rows), [1, 10, 100, 500])

    def test_comparison(self):
        """
        A comparison says where the rounds of two revisions overlap.
        """
        results = Results()
        for old, new in ((10.0, 5.0), (12.0, 6.0)):
            results.add("small", "handler old", old)
            results.add("small", "handler new", new)
            results.add("large", "handler old", old)
            results.add("large", "handler new", old - 1)
        _, small, large = formatComparison(results, ["handler"]).splitlines()
        self.assertEqual(small.split()[-3:], ["11.0", "5.50", "0.50"])
        self.assertEqual(large.split()[-2:], ["0.91", "(overlap)"])


class OptionTests(SynchronousTestCase):
    """
    What the commands are told.
    """

    def complain(self, *arguments: str) -> str:
        """
        Find out what is said of wrong options.
        """
        parser = ArgumentParser("bench")
        addRounds(parser, rounds=3, seconds=1)
        addChoice(parser, "--rows", ("small", "large"))
        errors = StringIO()
        with redirect_stderr(errors):
            self.assertRaises(SystemExit, parser.parse_args, arguments)
        return errors.getvalue().splitlines()[-1]

    def test_good(self):
        """
        Rounds are counted, seconds measured, and rows chosen.
        """
        parser = ArgumentParser()
        addRounds(parser, rounds=3, seconds=1)
        options = parser.parse_args(["--rounds", "2", "--seconds", "0.2"])
        self.assertEqual((options.rounds, options.seconds), (2, 0.2))

    def test_bad(self):
        """
        What makes no sense gets a sentence, before anything is installed.
        """
        for option, values, complaint in (
            ("--rounds", ("0", "-1", "x", "1.5"), "must be a whole number from 1 on"),
            (
                "--seconds",
                ("0", "-1", "x", "nan", "inf"),
                "must be a number of seconds",
            ),
            ("--rows", ("tiny", "", "small,"), "is none of small, large"),
        ):
            for value in values:
                said = self.complain(f"{option}={value}")
                self.assertIn(f"argument {option}: ", said)
                self.assertIn(complaint, said)


class RevisionTests(SynchronousTestCase):
    """
    What is compared.
    """

    def test_unknown(self):
        """
        A revision that git does not know is told by its name.
        """

        def fail(*arguments: str) -> None:
            raise CalledProcessError(128, arguments)

        self.patch(compare, "_git", fail)
        revision = compare.checkedOut("v0", "old")
        refusal = self.assertRaises(SystemExit, revision.__enter__)
        self.assertIn("'v0'", str(refusal))


class ChartTests(SynchronousTestCase):
    """
    Tests for the charts.
    """

    def test_bars(self):
        """
        Bars are as long as what they stand for, and the cheapest is first.
        """
        panel = Bars("A < B", {"slow": 40.0, "fast": 10.0}, frozenset(["fast"]))
        root = ElementTree.fromstring(drawBars([panel]))
        _, fast, slow = root.findall(f"{SVG}rect")
        self.assertAlmostEqual(
            float(slow.attrib["width"]), 4 * float(fast.attrib["width"]), delta=0.5
        )
        self.assertNotEqual(slow.attrib["fill"], fast.attrib["fill"])
        self.assertEqual(
            [text.text for text in root.findall(f"{SVG}text")],
            ["A < B", "fast", "10.0", "slow", "40.0"],
        )

    def test_lines(self):
        """
        Equal ratios are equal distances, on both axes.
        """
        points = [(1.0, 1000.0), (10.0, 100.0), (100.0, 10.0)]
        root = ElementTree.fromstring(
            drawLines([Lines("Growth", "connections", "µs", {"txws": points})])
        )
        circles = root.findall(f"{SVG}circle")
        xs = [float(circle.attrib["cx"]) for circle in circles]
        ys = [float(circle.attrib["cy"]) for circle in circles]
        self.assertAlmostEqual(xs[1] - xs[0], xs[2] - xs[1], delta=0.2)
        self.assertAlmostEqual(ys[1] - ys[0], ys[2] - ys[1], delta=0.2)
        self.assertTrue(xs[0] < xs[1] and ys[0] < ys[1])

    def test_one(self):
        """
        A single point can be drawn, and so can nothing.
        """
        for series in ({"txws": [(1.0, 1.0)]}, {}):
            ElementTree.fromstring(drawLines([Lines("Growth", "x", "y", series)]))


class TrafficTests(SynchronousTestCase):
    """
    Tests for what the load sends.
    """

    def test_frames(self):
        """
        Frames of all lengths are masked text frames that say what they should.
        """
        for size in (0, 1, 125, 126, 65535, 65536, 100_001):
            text = makeText(size)
            self.assertEqual(len(text), size)
            self.assertEqual(parseFrame(serialize(text)), Frame(Opcode.TEXT, text))

    def test_deflated(self):
        """
        A compressed frame is inflated to its document, and can follow any
        other.
        """
        inflater = zlib.decompressobj(-12)
        for document in makeDocuments(3, 1024) * 2:
            self.assertEqual(len(document), 1024)
            frame = parseFrame(serializeDeflated(document), RSV1)
            assert frame is not None
            self.assertEqual(frame.rsv, RSV1)
            inflated = inflater.decompress(frame.payload + b"\x00\x00\xff\xff")
            self.assertEqual(inflated, document)

    def test_documents(self):
        """
        No two documents are the same, and they are the same each time.
        """
        documents = makeDocuments(8, 1024)
        self.assertEqual(len(set(documents)), 8)
        self.assertEqual(documents, makeDocuments(8, 1024))

    def test_request(self):
        """
        An opening handshake offers what it is told to, and nothing else.
        """
        self.assertNotIn(b"Extensions", makeRequest())
        self.assertTrue(
            makeRequest("x-one").endswith(b"Sec-WebSocket-Extensions: x-one\r\n\r\n")
        )

    def test_echo(self):
        """
        What is to come back are the payloads of all that are in flight.
        """
        traffic = planTraffic(ROWS["pipelined"], isRaw=False)
        self.assertEqual((traffic.expected, traffic.scale), (32 * 32, 32))

    def test_raw(self):
        """
        A server that knows nothing of WebSocket gets the same bytes, and no
        handshake; all of them come back.
        """
        raw = planTraffic(ROWS["pipelined"], isRaw=True)
        self.assertEqual(raw.batches, planTraffic(ROWS["pipelined"], False).batches)
        self.assertEqual((raw.request, raw.kind), (b"", "raw"))
        self.assertEqual(raw.expected, 32 * raw.scale)

    def test_broadcast(self):
        """
        A broadcast comes back as often as there are members.
        """
        traffic = planTraffic(ROWS["broadcast"], isRaw=False)
        self.assertEqual(traffic.expected / traffic.scale, 1000)

    def test_deflate(self):
        """
        Compression is offered, and has to be agreed on.
        """
        traffic = planTraffic(ROWS["deflate"], isRaw=False)
        self.assertIn(b"permessage-deflate", traffic.request)
        self.assertEqual(traffic.header, "permessage-deflate")


class WireTests(SynchronousTestCase):
    """
    Tests for the measured parts of the wire.
    """

    def test_parts(self):
        """
        Each part does its work, as often as it is asked to.
        """
        for name, part in PARTS.items():
            operation = part(1024)
            self.assertTrue(operation(), name)
            self.assertTrue(operation(), name)

    def test_leastTime(self):
        """
        An operation is repeated.
        """
        calls: list[None] = []
        least = leastTime(lambda: calls.append(None), repetitions=3, seconds=1e-6)
        self.assertTrue(least > 0)
        self.assertTrue(len(calls) > 3)


class ProfileTests(SynchronousTestCase):
    """
    Where the time goes.
    """

    REPORT = """# Overhead;Shared Object
  50.50% ;[kernel.kallsyms]
 0.50%  ;[vdso]
30.00%  ;libpython3.11.so.1.0
10.00%;frames.cpython-311-x86_64-linux-gnu.so
 9.00%  ;libc.so.6

"""

    def test_parts(self):
        """
        Libraries are summed up by what they are.
        """
        shares = parseReport(self.REPORT, ["frames", "flow"])
        self.assertEqual(
            {part: round(share, 4) for part, share in shares.items()},
            {
                "kernel": 0.51,
                "interpreter": 0.3,
                "compiled txws": 0.1,
                "other libraries": 0.09,
            },
        )

    def test_page(self):
        """
        The page tells what each part costs.
        """
        shares = parseReport(self.REPORT, ["frames"])
        profile = Profile(ROWS["small"], "compiled", 10.0, shares)
        page = makeProfilePage([profile], {"Command": "``it``"})
        for told in ("10.0 µs a message", "- 5.10", "- 3.00", "- 1.00", "- 0.90"):
            self.assertIn(told, page)
        self.assertIn("* Command: ``it``", page)
