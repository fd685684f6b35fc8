"""
Runs the Autobahn test suite against txws; what it found is judged by
L{tests.live.verdicts}.

C{python -m tests.live.conformance} runs the core, that is all cases but the
compression of sections 12 and 13, which take ten times as long; C{--all} runs
those too, and C{--help} lists the options. The suite is a program of its own,
C{wstest}: it is taken from the environment variable C{TXWS_WSTEST} or from the
C{PATH}.

The suite and the peer under test are two child processes of this one, so that
neither can stop the other or outlive the run. For each role of RFC 6455 section
1.3 that can be under test, L{ROLES} has the function that runs it.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from tests.processes import environment

from .verdicts import Run, Verdict, formatPage, formatSummary, readVerdicts

__all__ = [
    "ALL",
    "CORE",
    "ROLES",
    "SAMPLE",
    "Selection",
    "SuiteFailed",
    "SuiteMissing",
    "findSuite",
    "main",
    "runClient",
    "runServer",
]

# Seconds that a child process gets to start, to end, and for all its cases.
START_TIMEOUT = 20.0
END_TIMEOUT = 10.0
RUN_TIMEOUT = 1800.0


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


ALL = Selection(("*",))
CORE = Selection(("*",), ("12.*", "13.*"))

# Section 12 has five sorts of payload, 13 seven sets of offers, both in 18 sizes.
_COMPRESSION = [
    f"{section}.{kind}.{size}"
    for section, kinds in ((12, 5), (13, 7))
    for kind in range(1, kinds + 1)
    for size in range(1, 19)
]

# The core, and every fifth case of compression.
SAMPLE = Selection(
    ("*",), tuple(case for at, case in enumerate(_COMPRESSION) if at % 5)
)


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
    with _testee(directory, "tests.live.testee") as server:
        spec = _serverSpec(selection, directory, "txws", _announcedURL(server))
        run = _runFuzzingClient(spec, directory, timeout, lambda: _end(server))
    if server.returncode == 0:
        return run
    log = directory / "testee.log"
    complaint = f"The server ended with status {server.returncode}, see {log}"
    return replace(run, complaints=(*run.complaints, complaint))


def runClient(
    selection: Selection,
    directory: Path,
    timeout: float = RUN_TIMEOUT,
    url: str | None = None,
) -> Run:
    """
    Put a client under test: it connects to the suite, once for each case.

    @param selection: the cases.
    @param directory: an existing directory for the report and the logs.
    @param timeout: how many seconds the suite may take.
    @param url: where the suite is to listen; by default on a free port.
    @raise SuiteMissing: if there is no suite.
    @raise SuiteFailed: if there is nothing to judge.
    """
    url = url or f"ws://127.0.0.1:{_freePort()}"
    spec = {
        "url": url,
        "outdir": str(directory),
        "cases": selection.cases,
        "exclude-cases": selection.excluded,
        "exclude-agent-cases": {},
    }
    complaints = []
    with _suite("fuzzingserver", spec, directory):
        with _testee(directory, "tests.live.clienttestee", url) as client:
            if not _hasEnded(client, timeout):
                complaints.append(f"The client took more than {timeout:g} seconds.")
        if client.returncode != 0:
            log = directory / "testee.log"
            complaints.append(
                f"The client ended with status {client.returncode}, see {log}"
            )
    return Run(_collectVerdicts(directory), tuple(complaints))


def _freePort() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


ROLES: Mapping[str, Callable[[Selection, Path, float, str | None], Run]] = {
    "client": runClient,
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
    # Otherwise it serves pages at port 8080, to everybody, if nobody else does.
    command += ["--webport", "0"]
    # What is set for this Python is wrong for the suite's.
    kept = {name: os.environ[name] for name in os.environ if name[:6] != "PYTHON"}
    cleaned = {**kept, "PYTHONUNBUFFERED": "1"}
    with (directory / "wstest.log").open("wb") as log:
        nothing = subprocess.DEVNULL
        with _child(command, cleaned, nothing, log, log) as process:
            yield process


@contextmanager
def _testee(
    directory: Path, module: str, *arguments: str
) -> Iterator[subprocess.Popen[bytes]]:
    with (directory / "testee.log").open("wb") as log:
        pipe = subprocess.PIPE
        command = [sys.executable, "-m", module, *arguments]
        # A child that started in the checkout would find the txws of that.
        with _child(command, environment(), pipe, pipe, log, directory) as process:
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
    variables: Mapping[str, str],
    stdin: int,
    stdout: int | IO[bytes],
    stderr: IO[bytes],
    cwd: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        command, env=variables, stdin=stdin, stdout=stdout, stderr=stderr, cwd=cwd
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
    if options.rst is not None:
        options.rst.write_text(formatPage(run), "utf-8")
    return 0 if run.isConformant else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.live.conformance")
    add = parser.add_argument
    add("role", nargs="?", choices=sorted(ROLES), default="server")
    chosen = parser.add_mutually_exclusive_group().add_argument
    chosen("--cases", type=_selection, default=CORE, metavar="1.*,7.1.6")
    for name, selection in (("--all", ALL), ("--sample", SAMPLE)):
        chosen(name, dest="cases", action="store_const", const=selection)
    add("--report", type=Path, metavar="DIR", help="default: a new temporary one")
    add("--rst", type=Path, metavar="FILE", help="write a summary for the docs")
    add("--timeout", type=float, default=RUN_TIMEOUT, metavar="SECONDS")
    add("--url", metavar="URL", help="test the server there instead of txws")
    return parser


def _selection(patterns: str) -> Selection:
    return Selection(tuple(pattern.strip() for pattern in patterns.split(",")))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
