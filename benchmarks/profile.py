"""
Finds out where the time of a message goes: into the kernel, the interpreter (Twisted
and what is not compiled), what is compiled of txws, or other libraries; and writes that
into C{docs/benchmarks}: C{python -m benchmarks.profile}.  It takes perf, of Linux.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from .catalog import BARE, SERVERS
from .load import applyLoad
from .options import addChoice, factsOf
from .pages import DOCS
from .rounds import Candidate, candidatesOf, measure, trafficFor
from .rows import ROWS, Row
from .running import Unavailable, running
from .tables import bulletList, formatNumber, table
from .workshop import buildPackage, compileLoad, makeEnvironment

__all__ = ["Profile", "makePage", "parseReport"]

_ROWS = ("small", "pipelined", "large", "huge", "handshake", "broadcast", "deflate")
_SERVERS = (BARE, "compiled", "handler", "picows")
_PARTS = ("kernel", "interpreter", "compiled txws", "other libraries")
_FREQUENCY = "4000"


class Profile(NamedTuple):
    """
    Where the time of a row goes.

    @ivar row: the row.
    @ivar server: the name of the server.
    @ivar cost: what it costs without being watched, in the unit of the row.
    @ivar shares: how much of that is spent where, by parts.
    """

    row: Row
    server: str
    cost: float
    shares: Mapping[str, float]


def parseReport(report: str, compiled: Iterable[str]) -> dict[str, float]:
    """
    Sum up what perf reports of each library.

    @param report: lines of a share in percent and a library.
    @param compiled: the names of the modules of txws that are compiled.
    @return: shares of 1, by parts.
    """
    shares = dict.fromkeys(_PARTS, 0.0)
    names = set(compiled)
    for line in report.splitlines():
        share, mark, library = line.strip().partition("%")
        if not mark or line.startswith("#"):
            continue
        library = library.strip(" ;")
        part = "other libraries"
        if library.startswith("[kernel") or library == "[vdso]":
            part = "kernel"
        elif library.startswith(("libpython", "python")):
            part = "interpreter"
        elif library.split(".")[0] in names:
            part = "compiled txws"
        shares[part] += float(share) / 100
    return shares


def makePage(profiles: Iterable[Profile], facts: Mapping[str, str]) -> str:
    """
    Write the table.
    """
    lines = [
        [
            profile.row.title,
            SERVERS[profile.server].title,
            f"{formatNumber(profile.cost)} {profile.row.unit}",
            *(formatNumber(profile.cost * profile.shares[part]) for part in _PARTS),
        ]
        for profile in profiles
    ]
    head = ["Work", "Server", "Cost", *_PARTS]
    return "\n".join(
        (
            table(head, lines, "Where it goes"),
            bulletList(f"{name}: {fact}" for name, fact in facts.items()),
        )
    )


@contextmanager
def _watched(process: int, data: Path) -> Iterator[None]:
    """
    Watch a process as long as the block runs.
    """
    command = ["perf", "record", "-q", "-F", _FREQUENCY, "-o", str(data)]
    with subprocess.Popen([*command, "-p", str(process)]) as perf:
        try:
            yield
        finally:
            perf.send_signal(signal.SIGINT)


def _profile(
    candidate: Candidate, row: Row, python: Path, seconds: float, compiled: set[str]
) -> Profile:
    """
    Measure one row, and watch it once more.

    @raise Unavailable: if the server cannot.
    """
    server = candidate.server
    cost = measure(candidate, row, python, seconds)
    with TemporaryDirectory() as folder:
        data = Path(folder) / "perf.data"
        traffic = trafficFor(server, row)
        with (
            running(server, row.work, python, candidate.package) as process,
            _watched(process.process, data),
        ):
            applyLoad(compileLoad(), traffic, process, row.connections, seconds)
        report = subprocess.run(
            ["perf", "report", "--stdio", "--sort", "dso", "-t", ";", "-i", str(data)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    return Profile(row, server.name, cost, parseReport(report, compiled))


def main() -> None:
    """
    Profile.
    """
    parser = ArgumentParser("python -m benchmarks.profile", description=__doc__)
    addChoice(parser, "--rows", ROWS, _ROWS)
    addChoice(parser, "--servers", SERVERS, _SERVERS)
    parser.add_argument("--seconds", type=float, default=2, help="%(default)s")
    parser.add_argument("--print", action="store_true", help="write no page")
    options = parser.parse_args()
    if shutil.which("perf") is None:
        sys.exit("perf is missing: it comes with the kernel, as linux-perf or the like")
    compileLoad()
    python = makeEnvironment()
    package = buildPackage(python)
    compiled = {path.name.split(".")[0] for path in package.rglob("compiled/*")}
    profiles = []
    for row in (ROWS[name] for name in options.rows):
        for candidate in candidatesOf(SERVERS, options.servers, package):
            print(f"{row.title}: {candidate.server.title}", file=sys.stderr)
            try:
                found = _profile(candidate, row, python, options.seconds, compiled)
            except Unavailable as reason:
                print(f"MISSING: {reason}", file=sys.stderr)
            else:
                profiles.append(found)
    page = makePage(profiles, factsOf("benchmarks.profile", python, options.servers))
    print(page)
    if not options.print:
        (DOCS / "profile.rst").write_text(page, "utf-8")


if __name__ == "__main__":
    main()
