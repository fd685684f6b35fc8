"""
What has to be made before anything can be measured: an environment with the
peers, and the program that is the load.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["HERE", "ROOT", "WORK", "compileLoad", "makeEnvironment", "versionsIn"]

HERE = Path(__file__).parent
ROOT = HERE.parent
WORK = HERE / ".work"

_REQUIREMENTS = HERE / "requirements.txt"
_PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
_LIST = """
from importlib.metadata import distributions
for found in distributions():
    print(found.metadata["Name"].lower(), found.version)
"""


def compileLoad() -> Path:
    """
    Compile the load, unless that is done.

    @return: the program.
    @raise SystemExit: if there is no compiler.
    """
    source, program = HERE / "load.c", WORK / "load"
    if program.exists() and program.stat().st_mtime > source.stat().st_mtime:
        return program
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise SystemExit(
            "There is no C compiler (cc, gcc or clang), and benchmarks/load.c, which "
            "sends the load, needs one.  Nothing is measured."
        )
    WORK.mkdir(exist_ok=True)
    options = ("-O2", "-Wall", "-Wextra", "-o", str(program))
    subprocess.run([compiler, *options, str(source)], check=True)
    return program


def makeEnvironment() -> Path:
    """
    Install the peers, unless that is done.  What cannot be installed is told,
    and left out.

    @return: the environment's Python.
    """
    home = WORK / "environment"
    python, stamp = home / "bin" / "python", home / "requirements.txt"
    wanted = f"# {sys.version}\n{_REQUIREMENTS.read_text()}"
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    print(f"Installing the peers into {home}", file=sys.stderr)
    WORK.mkdir(exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
    together = [str(python), *_PIP, "--requirement", str(_REQUIREMENTS)]
    if subprocess.run(together, check=False).returncode:
        for line in _REQUIREMENTS.read_text().splitlines():
            _install(python, line)
    stamp.write_text(wanted)
    return python


def _install(python: Path, requirement: str) -> None:
    """
    Install one requirement, or tell that it cannot be had.
    """
    if not requirement or requirement.startswith("#"):
        return
    command = [str(python), *_PIP, requirement]
    if subprocess.run(command, check=False).returncode:
        print(f"NOT INSTALLED: {requirement}", file=sys.stderr)


def versionsIn(python: Path) -> dict[str, str]:
    """
    Find the versions of all that an environment has.

    @return: versions by the names of distributions, in lower case.
    """
    found = subprocess.run(
        [str(python), "-c", _LIST], check=True, capture_output=True, text=True
    )
    return dict(line.split() for line in found.stdout.splitlines())
