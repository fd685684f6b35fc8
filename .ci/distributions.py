"""
Checks what wheels and source distributions hold.

C{distributions.py FILE...} is run at the root of the checkout.
"""

import re
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

PLUGIN = "twisted/plugins/txws_plugin.py"
# An __init__.py would hide Twisted or its plugins, a dropin.cache the plugin.
FORBIDDEN = {"twisted/__init__.py", "twisted/plugins/__init__.py"}
FORBIDDEN_NAMES = {"dropin.cache", "__pycache__"}
SOURCES = {"LICENSE", "README.rst", "CHANGELOG.rst", "pyproject.toml", "setup.py"}


# What is compiled, by the name of its source.
COMPILED = re.compile(r"(txws/(?:wire/)?)compiled/(\w+)\.[\w-]+\.(?:so|pyd)")


def shipped() -> set[str]:
    """
    Return the files of the checkout that every wheel holds.
    """
    package = Path("txws")
    files = [*package.rglob("*.py"), *package.glob("*.html"), package / "py.typed"]
    return {file.as_posix() for file in files} | {PLUGIN}


def complaintsAboutWheel(path: str) -> set[str]:
    """
    Compare a wheel with the checkout: no file less, and none more, but that all
    is compiled that has types beside it, unless the wheel is for any machine.
    """
    with zipfile.ZipFile(path) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    found = {name: COMPILED.fullmatch(name) for name in names}
    compiled = {f"{match[1]}{match[2]}.pxd" for match in found.values() if match}
    expected = set() if path.endswith("-py3-none-any.whl") else types()
    held = {name for name, match in found.items() if not match}
    return (
        {f"misses {name}" for name in shipped() - held}
        | {f"should not hold {name}" for name in held - shipped()}
        | {f"has not compiled as {name} says" for name in expected - compiled}
        | {f"should not have compiled as {name} says" for name in compiled - expected}
    )


def types() -> set[str]:
    """
    Return the files of types that the compiler is given.
    """
    return {file.as_posix() for file in Path("txws").rglob("*.pxd")}


def complaintsAboutSource(path: str) -> set[str]:
    """
    Look in a source distribution for what is needed to build and to test, and
    for what must never travel.
    """
    with tarfile.open(path) as archive:
        names = [PurePosixPath(name) for name in archive.getnames()]
    held = {"/".join(name.parts[1:]) for name in names}
    forbidden = FORBIDDEN & held
    forbidden |= {str(name) for name in names if FORBIDDEN_NAMES & set(name.parts)}
    tests = {file.as_posix() for file in Path("tests").rglob("*.py")}
    code = {file.as_posix() for file in Path("txws").rglob("*.pyx")} | types()
    needed = shipped() | SOURCES | tests | code
    return {f"misses {name}" for name in needed - held} | {
        f"should not hold {name}" for name in forbidden
    }


def main(paths: list[str]) -> int:
    """
    Print all complaints.

    @return: the exit status.
    """
    complaints = 0
    for path in paths:
        isWheel = path.endswith(".whl")
        check = complaintsAboutWheel if isWheel else complaintsAboutSource
        for complaint in sorted(check(path)):
            print(f"{path} {complaint}")
            complaints += 1
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
