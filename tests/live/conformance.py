"""
Runs the Autobahn test suite against txws and judges what it found.

C{python -m tests.live.conformance} runs the core, that is all cases but the
compression of sections 12 and 13; C{--help} lists the options. The suite is a
program of its own, C{wstest}: it is taken from the environment variable
C{TXWS_WSTEST} or from the C{PATH}.

The suite and the peer under test are two child processes of this one, so that
neither can stop the other or outlive the run. For each role of RFC 6455 section
1.3 that can be under test, L{ROLES} has the function that runs it.
"""

from __future__ import annotations

import argparse
import ast
import gc
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum, unique
from pathlib import Path
from typing import IO, Any

import twisted
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.stdio import StandardIO
from twisted.internet.task import react
from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    globalLogBeginner,
    textFileLogObserver,
)
from twisted.python.failure import Failure
from zope.interface import implementer

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

# Seconds that a child process gets to start, to end, and for all its cases.
START_TIMEOUT = 20.0
END_TIMEOUT = 10.0
RUN_TIMEOUT = 1800.0

# Sections 9.1 and 9.2 send messages of 16 MiB; 9.3 and 9.4 fragment them finely.
MAX_MESSAGE_SIZE = 64 * 1024 * 1024
MAX_FRAGMENTS = 1_000_000


class SuiteMissing(Exception):
    """
    There is no C{wstest} to run.
    """


class SuiteFailed(Exception):
    """
    The suite or the peer under test ended before there was anything to judge.
    """


@dataclass(frozen=True)
class Selection:
    """
    Which cases to run: numbers, or patterns such as C{"9.*"}.
    """

    cases: tuple[str, ...]
    excluded: tuple[str, ...] = ()


CORE = Selection(("*",), ("12.*", "13.*"))


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


def formatMarkdown(run: Run) -> str:
    """
    Render a run as a fragment of a Markdown page, without a heading.
    """
    header, *rows = [f"| {' | '.join(row)} |" for row in _table(run.verdicts)]
    rule = f"|---|{'---:|' * (header.count('|') - 2)}"
    notes = [
        f"* {verdict.case}: {verdict.behavior}, closing {verdict.behaviorClose}"
        for verdict in _notable(run.verdicts)
    ]
    notes += [f"* {complaint}" for complaint in run.complaints]
    python = f"{platform.python_implementation()} {platform.python_version()}"
    versions = f"With Twisted {twisted.__version__} on {python}."
    return "\n".join([header, rule, *rows, "", *notes, "", versions, ""])


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


def findSuite() -> str:
    """
    Find the suite's program.

    @return: its path.
    @raise SuiteMissing: if it is nowhere.
    """
    name = os.environ.get("TXWS_WSTEST", "wstest")
    path = shutil.which(name)
    if path is None:
        raise SuiteMissing(
            f"{name!r} is no program: install autobahntestsuite for CPython 2.7"
            " and put its wstest on the PATH or into TXWS_WSTEST."
        )
    return os.path.abspath(path)


def runServer(
    selection: Selection,
    directory: Path,
    timeout: float = RUN_TIMEOUT,
    url: str | None = None,
) -> Run:
    """
    Put a server under test: the suite connects to it, once for each case.

    @param selection: the cases.
    @param directory: an existing directory for the report and the logs.
    @param timeout: how many seconds the suite may take.
    @param url: a server that runs already; by default txws is started.
    @raise SuiteMissing: if there is no suite.
    @raise SuiteFailed: if there is nothing to judge.
    """
    if url is not None:
        spec = _serverSpec(selection, directory, "foreign", url)
        return _runFuzzingClient(spec, directory, timeout)
    with _echoServer(directory) as server:
        spec = _serverSpec(selection, directory, "txws", _announcedURL(server))
        run = _runFuzzingClient(spec, directory, timeout, lambda: _end(server))
    if server.returncode == 0:
        return run
    log = directory / "testee.log"
    complaint = f"The server ended with status {server.returncode}, see {log}"
    return replace(run, complaints=(*run.complaints, complaint))


ROLES: Mapping[str, Callable[[Selection, Path, float, str | None], Run]] = {
    "server": runServer,
}


def _serverSpec(
    selection: Selection, directory: Path, agent: str, url: str
) -> Mapping[str, object]:
    return {
        "outdir": str(directory),
        "servers": [{"agent": agent, "url": url}],
        "cases": selection.cases,
        "exclude-cases": selection.excluded,
        "exclude-agent-cases": {},
    }


def _runFuzzingClient(
    spec: Mapping[str, object],
    directory: Path,
    timeout: float,
    endServer: Callable[[], None] = lambda: None,
) -> Run:
    complaints = []
    with _suite("fuzzingclient", spec, directory) as suite:
        if not _hasEnded(suite, timeout):
            complaints.append(f"The suite took more than {timeout:g} seconds.")
            # What it knows so far it reports when it cannot connect any more.
            endServer()
            _hasEnded(suite, END_TIMEOUT)
    return Run(_collectVerdicts(directory), tuple(complaints))


def _collectVerdicts(directory: Path) -> tuple[Verdict, ...]:
    log = (directory / "wstest.log").read_text("utf-8", "replace")
    cases = re.search(r"^Cases = (\[.+\])$", log, re.MULTILINE)
    if cases is None or not (directory / "index.json").exists():
        raise SuiteFailed(f"The suite has no verdicts. It said last:\n{log[-2000:]}")
    return readVerdicts(ast.literal_eval(cases[1]), directory)


@contextmanager
def _suite(
    mode: str, spec: Mapping[str, object], directory: Path
) -> Iterator[subprocess.Popen[bytes]]:
    # The verdicts of an earlier run must not be taken for those of this one.
    (directory / "index.json").unlink(missing_ok=True)
    (directory / "spec.json").write_text(json.dumps(spec, indent=2), "utf-8")
    command = [findSuite(), "-m", mode, "-s", str(directory / "spec.json")]
    # What is set for this Python is wrong for the suite's.
    kept = {name: os.environ[name] for name in os.environ if name[:6] != "PYTHON"}
    environment = {**kept, "PYTHONUNBUFFERED": "1"}
    with (directory / "wstest.log").open("wb") as log:
        nothing = subprocess.DEVNULL
        with _child(command, environment, nothing, log, log) as process:
            yield process


@contextmanager
def _echoServer(directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    code = "from tests.live.conformance import serveEcho; serveEcho()"
    # The child must find the very txws that this process would import.
    path = os.pathsep.join(map(os.path.abspath, sys.path))
    environment = {**os.environ, "PYTHONPATH": path}
    with (directory / "testee.log").open("wb") as log:
        pipe, command = subprocess.PIPE, [sys.executable, "-c", code]
        with _child(command, environment, pipe, pipe, log) as process:
            yield process


def _announcedURL(server: subprocess.Popen[bytes]) -> str:
    assert server.stdout is not None
    alarm = threading.Timer(START_TIMEOUT, server.kill)
    alarm.start()
    try:
        url = server.stdout.readline().decode("ascii").strip()
    finally:
        alarm.cancel()
    if not url:
        raise SuiteFailed("The server under test did not start, see testee.log.")
    return url


@contextmanager
def _child(
    command: Sequence[str],
    environment: Mapping[str, str],
    stdin: int,
    stdout: int | IO[bytes],
    stderr: IO[bytes],
) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        command, env=environment, stdin=stdin, stdout=stdout, stderr=stderr
    ) as process:
        try:
            yield process
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is None:
        process.terminate()
    else:
        process.stdin.close()
    if not _hasEnded(process, END_TIMEOUT):
        process.kill()
        process.wait()


def _hasEnded(process: subprocess.Popen[bytes], timeout: float) -> bool:
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        return False
    return True


def serveEcho() -> None:
    """
    Serve echoes until standard input ends, so that the server cannot outlive
    the process that started it; announce the URL on standard output, log on
    standard error, and end with status 1 if a failure was logged.
    """
    failures: list[LogEvent] = []

    @implementer(ILogObserver)
    def keep(event: LogEvent) -> None:
        failures.append(event)

    globalLogBeginner.beginLoggingTo(
        [
            _atLeast(LogLevel.warn, textFileLogObserver(sys.stderr)),
            _atLeast(LogLevel.critical, keep),
        ],
        redirectStandardIO=False,
    )
    react(_serveEcho, (failures,))


def _atLeast(level: Any, observer: ILogObserver) -> FilteringLogObserver:
    return FilteringLogObserver(observer, [LogLevelFilterPredicate(level)])


async def _serveEcho(reactor: Any, failures: Sequence[LogEvent]) -> None:
    endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
    port = await endpoint.listen(_echoFactory())
    print(f"ws://127.0.0.1:{port.getHost().port}", flush=True)
    await _standardInputEnd()
    # A Deferred whose failure nobody heard tells of it when it is collected.
    gc.collect()
    if failures:
        raise SystemExit(1)


def _standardInputEnd() -> Deferred[None]:
    ended: Deferred[None] = Deferred()

    class Parent(Protocol):
        def connectionLost(self, reason: Failure = connectionDone) -> None:
            ended.callback(None)

    StandardIO(Parent())
    return ended


def _echoFactory() -> IProtocolFactory:
    # Not above: a foreign server can be tested without txws.
    from txws import Limits, WebSocketFactory, WebSocketHandler

    class Echo(WebSocketHandler):
        def textMessageReceived(self, message: str) -> None:
            self.transport.sendTextMessage(message)

        def bytesMessageReceived(self, data: bytes) -> None:
            self.transport.sendBytesMessage(data)

    limits = Limits(maxMessageSize=MAX_MESSAGE_SIZE, maxFragments=MAX_FRAGMENTS)
    return WebSocketFactory(Echo, limits=limits)


def main(arguments: Sequence[str]) -> int:
    """
    Run the suite as the command line says.

    @return: the exit status: 0 if all is well, 1 if anything is not as good as
        it can be, 2 if the suite could not be run.
    """
    options = _parser().parse_args(arguments)
    directory = options.report or Path(tempfile.mkdtemp(prefix="txws-conformance-"))
    directory = directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    runRole = ROLES[options.role]
    try:
        run = runRole(options.cases, directory, options.timeout, options.url)
    except (SuiteMissing, SuiteFailed) as error:
        print(error, f"Logs: {directory}", sep="\n", file=sys.stderr)
        return 2
    print(formatSummary(run), f"Report: {directory / 'index.html'}", sep="\n\n")
    if options.markdown is not None:
        options.markdown.write_text(formatMarkdown(run), "utf-8")
    return 0 if run.isConformant else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.live.conformance")
    add = parser.add_argument
    add("role", nargs="?", choices=sorted(ROLES), default="server")
    add("--cases", type=_selection, default=CORE, metavar="1.*,7.1.6")
    add("--report", type=Path, metavar="DIR", help="default: a new temporary one")
    add("--markdown", type=Path, metavar="FILE", help="write a summary for the docs")
    add("--timeout", type=float, default=RUN_TIMEOUT, metavar="SECONDS")
    add("--url", metavar="URL", help="test the server there instead of txws")
    return parser


def _selection(patterns: str) -> Selection:
    return Selection(tuple(pattern.strip() for pattern in patterns.split(",")))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
