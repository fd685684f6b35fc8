"""
Other processes: what one that has imported nothing yet does.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import txws

__all__ = ["ROOT", "TESTED", "environment", "runPython", "runTwistd"]

ROOT = Path(__file__).resolve().parents[1]

# Where the package is that is tested: in this checkout, or where it has been
# installed. A process that starts elsewhere could find the other one.
TESTED = Path(txws.__file__).resolve().parents[1]

# What the twistd script does, for the interpreter that runs the tests.
_TWISTD = "from twisted.scripts.twistd import run; run()"


def environment() -> dict[str, str]:
    """
    Make the environment of a process that finds the package that is tested,
    and these tests.
    """
    searched = [str(TESTED), str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, searched))}


def runPython(
    *arguments: str, cwd: Path = TESTED, timeout: float = 60, said: str = ""
) -> subprocess.CompletedProcess[str]:
    """
    Run Python to its end, with this package within its reach.

    @param said: what it reads from its standard input.
    """
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=environment(),
        input=said,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def runTwistd(
    *arguments: str, cwd: Path = TESTED, timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """
    Run C{twistd} to its end.
    """
    return runPython("-c", _TWISTD, *arguments, cwd=cwd, timeout=timeout)
