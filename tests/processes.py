"""
Other processes: what one that has imported nothing yet does.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

__all__ = ["ROOT", "runPython", "runTwistd"]

ROOT = Path(__file__).resolve().parents[1]

# What the twistd script does, for the interpreter that runs the tests.
_TWISTD = "from twisted.scripts.twistd import run; run()"


def runPython(
    *arguments: str, cwd: Path = ROOT, timeout: float = 60, said: str = ""
) -> subprocess.CompletedProcess[str]:
    """
    Run Python to its end, with this package within its reach.

    @param said: what it reads from its standard input.
    """
    searched = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": searched},
        input=said,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def runTwistd(
    *arguments: str, cwd: Path = ROOT, timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """
    Run C{twistd} to its end.
    """
    return runPython("-c", _TWISTD, *arguments, cwd=cwd, timeout=timeout)
