"""
What the commands have in common: their options, and what they tell of
themselves.
"""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

from .catalog import SERVERS
from .machine import describe
from .workshop import ROOT, versionsIn

__all__ = ["addChoice", "addRounds", "factsOf", "revisionOf"]


def addChoice(
    parser: ArgumentParser,
    option: str,
    names: Collection[str],
    chosen: Sequence[str] = (),
) -> None:
    """
    Add an option that is some of some names.

    @param chosen: which ones by default; none for all of them.
    """
    parser.add_argument(
        option,
        type=_choice(names),
        default=list(chosen or names),
        metavar="NAME,...",
        help=f"some of {', '.join(names)}",
    )


def _choice(names: Collection[str]) -> Callable[[str], list[str]]:
    """
    Make the type of such an option: names with commas between them.
    """

    def parse(text: str) -> list[str]:
        chosen = text.split(",")
        for name in chosen:
            if name not in names:
                known = ", ".join(names)
                raise ArgumentTypeError(f"{name!r} is none of {known}")
        return chosen

    return parse


def addRounds(parser: ArgumentParser, rounds: int, seconds: float) -> None:
    """
    Add the options of how long to measure.
    """
    parser.add_argument("--rounds", type=_count, default=rounds, help="%(default)s")
    parser.add_argument(
        "--seconds",
        type=_seconds,
        default=seconds,
        help="how long each is measured, a round: %(default)s",
    )


def _count(text: str) -> int:
    """
    Parse how many times to do something.
    """
    if not (text.isdecimal() and int(text)):
        raise ArgumentTypeError(f"must be a whole number from 1 on, not {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    """
    Parse a time.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise ArgumentTypeError(f"must be a number of seconds above 0, not {text!r}")
    return seconds


def factsOf(module: str, python: Path, servers: Iterable[str]) -> dict[str, str]:
    """
    Tell of the machine, the versions and the command.

    @param module: what the command is called.
    """
    installed = versionsIn(python)
    wanted = [name for each in servers for name in SERVERS[each].distributions]
    versions = [
        f"{name} {installed.get(name, 'missing')}" for name in dict.fromkeys(wanted)
    ]
    command = " ".join(("python -m", module, *sys.argv[1:]))
    return {
        "Command": f"``{command}``",
        **describe(),
        "Versions": ", ".join((f"txws {revisionOf(ROOT)}", *versions)),
    }


def revisionOf(root: Path) -> str:
    """
    Find out which revision the package in a checkout has.
    """
    revision = _git(root, "log", "-1", "--format=%h", "--", "txws")
    changes = _git(root, "status", "--porcelain", "--", "txws")
    return (revision or "without a revision") + (" with changes" if changes else "")


def _git(root: Path, *arguments: str) -> str:
    """
    Ask git, which may not be there.
    """
    if shutil.which("git") is None:
        return ""
    found = subprocess.run(
        ["git", *arguments], cwd=root, capture_output=True, text=True, check=False
    )
    return found.stdout.strip()
