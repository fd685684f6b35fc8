"""
Compares two revisions of txws: C{python -m benchmarks.compare OLD NEW}.  Without
C{NEW} it is the checkout as it is.

Each row is played by both in turn.  A ratio under 1 means that the new one is
cheaper; where the rounds of the two overlap, it means little.
"""

from __future__ import annotations

import subprocess
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from .catalog import OURS, SERVERS
from .machine import raiseLimits
from .options import addChoice, addRounds, revisionOf
from .results import Results
from .rounds import Candidate, play
from .rows import ROWS
from .tables import formatNumber
from .workshop import ROOT, WORK, buildPackage, compileLoad, makeEnvironment

__all__ = ["formatComparison"]

OLD, NEW = "old", "new"


def parseOptions() -> Namespace:
    """
    Read the command line.
    """
    parser = ArgumentParser("python -m benchmarks.compare", description=__doc__)
    parser.add_argument("old", help="a revision, as git knows it")
    parser.add_argument("new", nargs="?", help="another one, or the checkout as it is")
    addRounds(parser, rounds=3, seconds=0.5)
    addChoice(parser, "--rows", ROWS)
    addChoice(parser, "--servers", OURS, chosen=("handler", "compiled"))
    return parser.parse_args()


@contextmanager
def checkedOut(revision: str | None, name: str) -> Iterator[Path]:
    """
    Have a revision in a folder, as long as the block runs.

    @raise SystemExit: if git has none of that name.
    """
    if revision is None:
        yield ROOT
        return
    tree = WORK / name
    if tree.exists():
        # The last comparison was killed.
        _git("worktree", "remove", "--force", str(tree))
    try:
        _git("worktree", "add", "--quiet", "--force", "--detach", str(tree), revision)
    except subprocess.CalledProcessError:
        # git has said why.
        raise SystemExit(f"There is no revision {revision!r} to compare.") from None
    try:
        yield tree
    finally:
        _git("worktree", "remove", "--force", str(tree))


def _git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=ROOT, check=True)


def formatComparison(results: Results, names: Sequence[str]) -> str:
    """
    Write a line for each row and server.
    """
    lines = [f"{'':46} {OLD:>8} {NEW:>8} {'ratio':>6}"]
    for row in results.rows:
        for name in names:
            old, new = f"{name} {OLD}", f"{name} {NEW}"
            ratio = results.ratio(row, new, old)
            if ratio is not None:
                costs = (formatNumber(results.median(row, each)) for each in (old, new))
                title = f"{name}, {ROWS[row].title}"
                columns = " ".join(f"{cost:>8}" for cost in costs)
                hint = "" if isClear(results, row, old, new) else "  (overlap)"
                lines.append(f"{title:46} {columns} {ratio:6.2f}{hint}")
    return "\n".join(lines)


def isClear(results: Results, row: str, one: str, other: str) -> bool:
    """
    Find out whether all rounds of one were cheaper than all of another.
    """
    (least, most), (otherLeast, otherMost) = (
        results.spread(row, each) for each in (one, other)
    )
    return most < otherLeast or otherMost < least


def main() -> None:
    """
    Compare.
    """
    options = parseOptions()
    compileLoad()
    python = makeEnvironment()
    raiseLimits()
    with ExitStack() as stack:
        candidates = []
        for revision, name in ((options.old, OLD), (options.new, NEW)):
            tree = stack.enter_context(checkedOut(revision, name))
            print(f"{name}: {revision or 'the checkout'}, {revisionOf(tree)}")
            package = buildPackage(python, tree)
            candidates += [
                Candidate(f"{each} {name}", SERVERS[each], package)
                for each in options.servers
            ]
        rows = [ROWS[name] for name in options.rows]
        results = play(candidates, rows, python, options.rounds, options.seconds)
    print(formatComparison(results, options.servers))


if __name__ == "__main__":
    main()
