"""
The pages of C{docs/benchmarks} that are written by commands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from .catalog import OURS, SERVERS
from .charts import Bars, drawBars
from .results import Results
from .rows import ROWS
from .tables import bulletList, formatNumber, table
from .targets import Verdict, judge
from .workshop import ROOT

__all__ = [
    "DOCS",
    "formatCosts",
    "formatFacts",
    "formatNotes",
    "formatTargets",
    "writeRows",
]

DOCS = ROOT / "docs" / "benchmarks"


def writeRows(results: Results, folder: Path = DOCS) -> None:
    """
    Write the table of all work, the targets, and the chart.
    """
    folder.mkdir(exist_ok=True)
    page = "\n".join(
        (
            ".. image:: rows.svg",
            "   :alt: What a message costs each server, the table below as bars",
            "",
            formatCosts(results),
            formatNotes(results, {row.name: row.title for row in ROWS.values()}),
            ".. rubric:: Targets",
            "",
            formatTargets(results),
            ".. rubric:: How this was measured",
            "",
            formatFacts(results),
        )
    )
    (folder / "rows.rst").write_text(page, "utf-8")
    (folder / "rows.svg").write_text(drawBars(list(barsOf(results))), "utf-8")
    results.dump(folder / "rows.json")


def formatCosts(results: Results) -> str:
    """
    Write what each row costs each server.
    """
    rows = [ROWS[name] for name in ROWS if name in results.rows]
    head = ["Server", *(f"{row.title} ({row.unit})" for row in rows)]
    lines = []
    for name in (name for name in SERVERS if name in results.servers):
        costs = [formatNumber(results.median(row.name, name)) for row in rows]
        lines.append([SERVERS[name].title, *costs])
    return table(head, lines, "Medians of the CPU time of the server")


def formatNotes(results: Results, titles: Mapping[str, str]) -> str:
    """
    Write what is missing, and why: each reason of a server's once.

    @param titles: what tables call the rows.
    """
    reasons: dict[tuple[str, str], list[str]] = {}
    for (row, server), reason in results.notes.items():
        reasons.setdefault((server, reason), []).append(row)
    lines = []
    for (server, reason), rows in reasons.items():
        isGone = server not in results.servers
        where = "" if isGone else f" ({'; '.join(titles[row] for row in rows)})"
        # It may be anything that a program has printed.
        literal = reason.replace("`", "'").replace("\\", "/")
        lines.append(f"**Missing:** {SERVERS[server].title}{where}: ``{literal}``")
    return bulletList(lines)


def formatTargets(results: Results) -> str:
    """
    Write which targets were met.
    """
    head = ("Work", "txws", "Target", "Measured", "Verdict")
    return table(head, map(formatVerdict, judge(results)))


def formatVerdict(verdict: Verdict) -> tuple[str, ...]:
    """
    Write whether a target was met.
    """
    row, server, limit, _ = verdict.target
    if verdict.value is None:
        said = "not measured"
    else:
        said = "met" if verdict.isMet else "**not met**"
    if verdict.other is None:
        of = ROWS[row].unit
    else:
        of = f"times {SERVERS[verdict.other].title}"
    return (
        ROWS[row].title,
        SERVERS[server].title.removeprefix("txws, "),
        f"≤ {formatNumber(limit)} {of}",
        formatNumber(verdict.value),
        said,
    )


def formatFacts(results: Results) -> str:
    """
    Write what there is to know of the machine.
    """
    return bulletList(f"{name}: {value}" for name, value in results.facts.items())


def barsOf(results: Results) -> Iterator[Bars]:
    """
    Make the panels of the chart.
    """
    for name in (name for name in ROWS if name in results.rows):
        costs = {
            server: cost
            for server in results.servers
            if (cost := results.median(name, server)) is not None
        }
        row = ROWS[name]
        yield Bars(f"{row.title}: {row.unit}", costs, frozenset(OURS))
