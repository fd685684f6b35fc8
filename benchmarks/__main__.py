"""
Measures all work on all servers, and writes what it finds into
C{docs/benchmarks}: C{python -m benchmarks}.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from .catalog import SERVERS
from .machine import loadAverage, raiseLimits
from .options import addChoice, addRounds, factsOf
from .pages import DOCS, formatCosts, formatTargets, writeRows
from .results import Results
from .rounds import candidatesOf, play
from .rows import ROWS
from .workshop import buildPackage, compileLoad, makeEnvironment


def parseOptions() -> Namespace:
    """
    Read the command line.
    """
    parser = ArgumentParser("python -m benchmarks", description=__doc__)
    addRounds(parser, rounds=3, seconds=1)
    addChoice(parser, "--rows", ROWS)
    addChoice(parser, "--servers", SERVERS)
    parser.add_argument(
        "--print",
        action="store_true",
        dest="isPrinted",
        help="print the tables, and leave docs/benchmarks as it is",
    )
    return parser.parse_args()


def main() -> None:
    """
    Measure.
    """
    options = parseOptions()
    compileLoad()
    python = makeEnvironment()
    raiseLimits()
    rows = [ROWS[name] for name in options.rows]
    candidates = candidatesOf(SERVERS, options.servers, buildPackage(python))
    facts = factsOf("benchmarks", python, options.servers)
    results = play(candidates, rows, python, options.rounds, options.seconds)
    results.facts = {
        **facts,
        "Load average after": loadAverage(),
        "Rounds": f"{options.rounds} of {options.seconds:g} s",
    }
    report(results, options.isPrinted)


def report(results: Results, isPrinted: bool) -> None:
    """
    Tell what was found.
    """
    print(formatCosts(results))
    print(formatTargets(results))
    if not isPrinted:
        writeRows(results)
        print(f"Written: {DOCS}/rows.rst, rows.svg and rows.json")


if __name__ == "__main__":
    main()
