"""
What the Autobahn test suite found, judged: verdicts on cases, the run that they
make up, and how both are shown to a reader.
"""

from __future__ import annotations

import json
import platform
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, unique
from pathlib import Path

import twisted

from txws.wire import isCompiled

__all__ = [
    "Outcome",
    "Run",
    "Verdict",
    "formatPage",
    "formatSummary",
    "readVerdicts",
]

# What happens there is undefined by the RFC, or depends on who is faster.
INFORMATIONAL_CASES = frozenset(("7.1.6", "7.13.1", "7.13.2"))

SECTIONS = {
    1: "Framing",
    2: "Pings and pongs",
    3: "Reserved bits",
    4: "Opcodes",
    5: "Fragmentation",
    6: "UTF-8 handling",
    7: "Closing handshake",
    9: "Limits and performance",
    10: "Automatic fragmentation",
    12: "Compression, different payloads",
    13: "Compression, different parameters",
}


@unique
class Outcome(Enum):
    """
    What a verdict counts as, in the words of the suite.
    """

    OK = "OK"
    NON_STRICT = "NON-STRICT"
    INFORMATIONAL = "INFORMATIONAL"
    UNIMPLEMENTED = "UNIMPLEMENTED"
    FAILED = "FAILED"


@dataclass(frozen=True)
class Verdict:
    """
    What the suite says about one case.

    @ivar case: its number, such as C{"7.1.6"}.
    @ivar behavior: how the peer behaved; C{"MISSING"} if the case did not run.
    @ivar behaviorClose: how the connection was closed.
    @ivar report: the page with the details.
    """

    case: str
    behavior: str
    behaviorClose: str
    report: Path

    @property
    def section(self) -> int:
        """
        The section of the suite that the case belongs to.
        """
        return int(self.case.partition(".")[0])

    @property
    def outcome(self) -> Outcome:
        """
        The worse of the two behaviors; whatever is not known counts as failed.
        """
        if self.behaviorClose not in (Outcome.OK.value, self.behavior):
            return Outcome.FAILED
        known = {outcome.value: outcome for outcome in Outcome}
        return known.get(self.behavior, Outcome.FAILED)

    @property
    def isConformant(self) -> bool:
        """
        Whether the case is as good as it can be.
        """
        allowed = {Outcome.OK.value}
        if self.case in INFORMATIONAL_CASES:
            allowed.add(Outcome.INFORMATIONAL.value)
        return {self.behavior, self.behaviorClose} <= allowed


@dataclass(frozen=True)
class Run:
    """
    One run of the suite.

    @ivar verdicts: one for each case that was asked for.
    @ivar complaints: what went wrong besides the cases, a sentence each.
    """

    verdicts: tuple[Verdict, ...]
    complaints: tuple[str, ...] = ()

    @property
    def isConformant(self) -> bool:
        """
        Whether cases were run and there is nothing to complain of.
        """
        cases = [verdict.isConformant for verdict in self.verdicts]
        return bool(cases) and all(cases) and not self.complaints


def readVerdicts(planned: Iterable[str], directory: Path) -> tuple[Verdict, ...]:
    """
    Read what the suite wrote about the one peer that was under test.

    @param planned: the cases that the suite was to run.
    @param directory: where its C{index.json} is.
    @return: one verdict for each planned case, in that order.
    """
    index = json.loads((directory / "index.json").read_text("utf-8"))
    # A peer that could not be reached is not in the index.
    entries: Mapping[str, Mapping[str, str]] = next(iter(index.values()), {})
    return tuple(_readVerdict(case, entries.get(case), directory) for case in planned)


def _readVerdict(
    case: str, entry: Mapping[str, str] | None, directory: Path
) -> Verdict:
    if entry is None:
        return Verdict(case, "MISSING", "MISSING", directory / "wstest.log")
    report = (directory / entry["reportfile"]).with_suffix(".html")
    return Verdict(case, entry["behavior"], entry["behaviorClose"], report)


def formatSummary(run: Run) -> str:
    """
    Render a run for the terminal: the table by section, then what is not OK.
    """
    rows = _table(run.verdicts)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [_alignRow(row, widths) for row in rows]
    lines += ["", *map(_describe, _notable(run.verdicts))]
    return "\n".join([*lines, *(f"! {complaint}" for complaint in run.complaints)])


def formatPage(run: Run) -> str:
    """
    Render a run as a part of a page in reStructuredText, without a heading.
    """
    header, *rows = _table(run.verdicts)
    lines = [
        ".. list-table::",
        "   :header-rows: 1",
        f"   :widths: 40 {' '.join(['10'] * (len(header) - 1))}",
        "",
    ]
    for row in (header, *rows):
        lines += [f"   * - {row[0]}", *(f"     - {cell}" for cell in row[1:])]
    notes = [
        f"* {verdict.case}: {verdict.behavior}, closing {verdict.behaviorClose}"
        for verdict in _notable(run.verdicts)
    ]
    notes += [f"* {complaint}" for complaint in run.complaints]
    python = f"{platform.python_implementation()} {platform.python_version()}"
    wire = "compiled" if isCompiled else "plain"
    versions = f"With Twisted {twisted.__version__} on {python}, the {wire} wire."
    return "\n".join([*lines, "", *notes, "", versions, ""])


def _table(verdicts: Sequence[Verdict]) -> list[list[str]]:
    rows = [["Section", "Cases", *(outcome.value for outcome in Outcome)]]
    for section in sorted({verdict.section for verdict in verdicts}):
        title = f"{section} {SECTIONS.get(section, '')}"
        rows.append(_row(title, [each for each in verdicts if each.section == section]))
    return [*rows, _row("All", verdicts)]


def _row(title: str, verdicts: Sequence[Verdict]) -> list[str]:
    counts = Counter(verdict.outcome for verdict in verdicts)
    return [title, str(len(verdicts)), *(str(counts[outcome]) for outcome in Outcome)]


def _alignRow(row: Sequence[str], widths: Sequence[int]) -> str:
    counts = map(str.rjust, row[1:], widths[1:])
    return "  ".join([row[0].ljust(widths[0]), *counts])


def _notable(verdicts: Iterable[Verdict]) -> list[Verdict]:
    return [verdict for verdict in verdicts if verdict.outcome is not Outcome.OK]


def _describe(verdict: Verdict) -> str:
    mark = " " if verdict.isConformant else "!"
    behaviors = f"{verdict.behavior} / {verdict.behaviorClose}"
    return f"{mark} {verdict.case:9} {behaviors:30} {verdict.report}"
