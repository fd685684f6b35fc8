"""
Measures how the cost of a message grows with the number of connections, and
that of a byte with the size of the message, and writes what it finds into
C{docs/benchmarks}: C{python -m benchmarks.growth}.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from .catalog import RAW, SERVERS
from .charts import Lines, drawLines
from .machine import loadAverage, raiseLimits
from .options import addChoice, addRounds, factsOf
from .pages import DOCS, formatFacts, formatNotes
from .results import Results
from .rounds import candidatesOf, play
from .rows import KIB, MIB, Row
from .tables import formatNumber, table
from .workshop import buildPackage, compileLoad, makeEnvironment

__all__ = ["Scale", "connectionScale", "makePage", "sizeScale"]

CONNECTIONS = (1, 10, 100, 1000, 10_000)
SIZES = (16, 256, 4 * KIB, 64 * KIB, MIB, 16 * MIB)
_SMALL = 32
_SENDERS = 8
# Descriptors that a process has beside its connections.
_OTHERS = 100


class Scale(NamedTuple):
    """
    What is varied, and what is told of it.

    @ivar title: what the chart is of.
    @ivar x: what is varied.
    @ivar y: what is told.
    @ivar rows: the rows, by what is varied.
    @ivar factor: what makes of a row's cost what is told, by what is varied.
    """

    title: str
    x: str
    y: str
    rows: dict[int, Row]
    factor: Callable[[int], float]


def connectionScale(descriptors: int) -> Scale:
    """
    Vary the number of connections.

    @param descriptors: how many a process may have.
    """
    most = descriptors - _OTHERS
    counts = dict.fromkeys(min(count, most) for count in CONNECTIONS)
    rows = {
        count: Row(f"connections-{count}", f"{count:,}", "bytes", count, _SMALL)
        for count in counts
    }
    return Scale(
        f"A message of {_SMALL} bytes, by connections",
        "connections",
        "µs a message",
        rows,
        lambda count: 1,
    )


def sizeScale() -> Scale:
    """
    Vary the size of messages.
    """
    rows = {
        size: Row(
            f"size-{size}", _sizeTitle(size), "bytes", _SENDERS, size, work="large"
        )
        for size in SIZES
    }
    return Scale(
        f"A byte, by the size of its message, on {_SENDERS} connections",
        "bytes in a message",
        "ns a byte",
        rows,
        lambda size: 1000 / size,
    )


def _sizeTitle(size: int) -> str:
    for unit, name in ((MIB, "MiB"), (KIB, "KiB")):
        if size >= unit:
            return f"{size // unit} {name}"
    return f"{size} B"


def pointsOf(results: Results, scale: Scale, server: str) -> list[tuple[float, float]]:
    """
    Find what was measured of a server.
    """
    return [
        (number, cost * scale.factor(number))
        for number, row in scale.rows.items()
        if (cost := results.median(row.name, server)) is not None
    ]


def makePage(results: Results, scales: Sequence[Scale]) -> str:
    """
    Write the tables.
    """
    parts = [".. image:: growth.svg", "   :alt: The tables below as lines", ""]
    for scale in scales:
        head = ["Server", *(row.title for row in scale.rows.values())]
        lines = []
        for server in results.servers:
            points = dict(pointsOf(results, scale, server))
            costs = [formatNumber(points.get(number)) for number in scale.rows]
            lines.append([SERVERS[server].title, *costs])
        parts.append(table(head, lines, f"{scale.title}: {scale.y}"))
    titles = {row.name: row.title for scale in scales for row in scale.rows.values()}
    return "\n".join((*parts, formatNotes(results, titles), formatFacts(results)))


def makeChart(results: Results, scales: Sequence[Scale]) -> str:
    """
    Draw the tables.
    """
    panels = []
    for scale in scales:
        series = {
            SERVERS[server].title: points
            for server in results.servers
            if (points := pointsOf(results, scale, server))
        }
        panels.append(Lines(scale.title, scale.x, scale.y, series))
    return drawLines(panels)


def writeGrowth(results: Results, scales: Sequence[Scale], folder: Path = DOCS) -> None:
    """
    Write the page, the chart, and what was measured.
    """
    folder.mkdir(exist_ok=True)
    (folder / "growth.rst").write_text(makePage(results, scales), "utf-8")
    (folder / "growth.svg").write_text(makeChart(results, scales), "utf-8")
    results.dump(folder / "growth.json")


def main() -> None:
    """
    Measure.
    """
    parser = ArgumentParser("python -m benchmarks.growth", description=__doc__)
    addRounds(parser, rounds=3, seconds=1)
    chosen = (RAW, "handler", "compiled", "autobahn", "picows")
    addChoice(parser, "--servers", SERVERS, chosen)
    options = parser.parse_args()
    compileLoad()
    python = makeEnvironment()
    descriptors = raiseLimits()
    scales = (connectionScale(descriptors), sizeScale())
    rows = [row for scale in scales for row in scale.rows.values()]
    facts = factsOf("benchmarks.growth", python, options.servers)
    candidates = candidatesOf(SERVERS, options.servers, buildPackage(python))
    results = play(candidates, rows, python, options.rounds, options.seconds)
    results.facts = {
        **facts,
        "Rounds": f"{options.rounds} of {options.seconds:g} s",
        "Load average after": loadAverage(),
        "Descriptors": f"{descriptors:,} a process, so that {max(scales[0].rows):,} "
        "connections were reached",
    }
    writeGrowth(results, scales)
    print(makePage(results, scales))
    print(f"Written: {DOCS}/growth.rst, growth.svg and growth.json")


if __name__ == "__main__":
    main()
