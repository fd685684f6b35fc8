"""
What has to be made before anything can be measured: an environment with the
peers, the program that is the load, and txws itself, compiled.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

__all__ = [
    "HERE",
    "ROOT",
    "WORK",
    "buildPackage",
    "compileLoad",
    "makeEnvironment",
    "versionsIn",
]

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


def buildPackage(python: Path, root: Path = ROOT) -> Path:
    """
    Build txws as it would be installed, unless that is done.  If its wire cannot
    be compiled, or could not be yet, that is told, and it is plain.

    @param python: the environment's Python.
    @param root: the checkout of txws.
    @return: the folder that has the package.
    @raise SystemExit: if pip cannot build it.
    """
    sources = [
        path
        for name in ("setup.py", "pyproject.toml", "README.rst", "txws", "twisted")
        for path in sorted(_filesIn(root / name))
    ]
    digest = sha256(sys.version.encode())
    for path in sources:
        digest.update(b"\0".join((bytes(path.relative_to(root)), path.read_bytes())))
    built = WORK / "packages" / digest.hexdigest()[:16]
    if not built.exists():
        print(f"Building txws into {built}", file=sys.stderr)
        source, made = WORK / "source", WORK / "made"
        for folder in (source, made):
            shutil.rmtree(folder, ignore_errors=True)
        for path in sources:
            target = source / path.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        command = [str(python), *_PIP, "--no-deps", "--no-build-isolation"]
        command += ["--target", str(made), str(source)]
        if subprocess.run(command, check=False).returncode:
            raise SystemExit(
                "txws could not be built, see above.  If what it is built with was not "
                f"installed, remove {WORK / 'environment'} and try again."
            )
        built.parent.mkdir(exist_ok=True)
        made.rename(built)
    return built


def _filesIn(path: Path) -> list[Path]:
    """
    Find the sources below a path, or at it.
    """
    if path.is_file():
        return [path]
    return [
        each
        for each in path.rglob("*")
        if each.is_file() and each.suffix not in (".pyc", ".so", ".cache")
    ]


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
