"""
What L{tests.live.interoperation} has found: a row for each pair of libraries, a cell
for each check, and how they are shown to a reader.
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, unique

import twisted

__all__ = [
    "Cell",
    "Matrix",
    "Outcome",
    "Row",
    "formatList",
    "formatPage",
    "formatSummary",
    "formatVersions",
]


@unique
class Outcome(Enum):
    """
    What has come of a check.
    """

    OK = "OK"
    FAILED = "FAILED"
    CANNOT = "cannot"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Cell:
    """
    One check on one pair.

    @ivar outcome: what has come of it.
    @ivar problem: why it is not OK, in one sentence.
    @ivar end: how txws and the peer tell of the end of the connection.
    """

    outcome: Outcome
    problem: str = ""
    end: tuple[str, str] | None = None


@dataclass(frozen=True)
class Row:
    """
    One pair.

    @ivar title: who connected to whom.
    @ivar version: of the peer.
    @ivar cells: by the name of the check.
    """

    title: str
    version: str
    cells: Mapping[str, Cell] = field(default_factory=dict)


@dataclass(frozen=True)
class Matrix:
    """
    All pairs.

    @ivar checks: the names of the columns.
    @ivar rows: the pairs.
    """

    checks: Sequence[str]
    rows: Sequence[Row]

    @property
    def counts(self) -> Counter[Outcome]:
        """
        How many cells there are of each outcome; one that is missing has not
        run.
        """
        return Counter(self.cell(row, check).outcome for row, check in self.places())

    @property
    def isInteroperable(self) -> bool:
        """
        Whether something was run, and nothing failed.
        """
        return self.counts[Outcome.OK] > 0 and not self.counts[Outcome.FAILED]

    def places(self) -> Iterator[tuple[Row, str]]:
        """
        Go through all cells, by their rows and the names of their checks.
        """
        for row in self.rows:
            for check in self.checks:
                yield row, check

    def cell(self, row: Row, check: str) -> Cell:
        """
        Find a cell.
        """
        return row.cells.get(check, Cell(Outcome.NOT_RUN))

    def problems(self) -> Iterator[str]:
        """
        Tell of each cell that is not OK, a sentence for each reason.
        """
        found: dict[str, list[str]] = {}
        for row, check in self.places():
            cell = self.cell(row, check)
            if cell.outcome is not Outcome.OK:
                told = f"{row.title}: {cell.outcome.value}: {cell.problem}"
                found.setdefault(told, []).append(check)
        for told, checks in found.items():
            isWhole = len(checks) == len(self.checks)
            yield told if isWhole else f"{told} ({', '.join(checks)})"


def formatSummary(matrix: Matrix) -> str:
    """
    Render a matrix for the terminal.
    """
    table = _table(matrix)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in table]
    counts = ", ".join(
        f"{matrix.counts[outcome]} {outcome.value}" for outcome in Outcome
    )
    problems = [f"! {problem}" for problem in matrix.problems()]
    return "\n".join([*lines, "", *problems, counts])


def formatPage(matrix: Matrix) -> str:
    """
    Render a matrix as a part of a page in reStructuredText, without a heading.
    """
    lines = [*formatList(_table(matrix)), ""]
    lines += [f"* {problem}" for problem in matrix.problems()]
    lines += ["", "How each side tells of the end:", ""]
    lines += [*formatList(_ends(matrix)), ""]
    return "\n".join([*lines, formatVersions(matrix.rows), ""])


def formatVersions(rows: Sequence[Row]) -> str:
    """
    Tell what has been run, in a sentence.
    """
    versions = sorted({row.version for row in rows if row.version})
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return (
        f"With Twisted {twisted.__version__} on {python}; "
        + "; ".join(versions or ["no peers"])
        + "."
    )


def _table(matrix: Matrix) -> list[list[str]]:
    """
    Make the rows of the table, the first of which is its head.
    """
    return [
        ["", *matrix.checks],
        *(
            [
                row.title,
                *(matrix.cell(row, name).outcome.value for name in matrix.checks),
            ]
            for row in matrix.rows
        ),
    ]


def _ends(matrix: Matrix) -> list[list[str]]:
    """
    Make the rows of the table of ends.
    """
    rows = [["", "Closed by", "txws tells", "the peer tells"]]
    for row, check in matrix.places():
        cell = matrix.cell(row, check)
        closedBy, isClosing, _ = check.partition(" closes")
        if isClosing and cell.end is not None:
            rows.append([row.title, closedBy, *cell.end])
    return rows


def formatList(table: Sequence[Sequence[str]]) -> Iterator[str]:
    """
    Render a table in reStructuredText.

    @param table: its rows, the first of which is its head.
    """
    yield from (".. list-table::", "   :header-rows: 1", "   :stub-columns: 1", "")
    for first, *others in table:
        yield f"   * - {first}".rstrip()
        yield from (f"     - {cell}".rstrip() for cell in others)
