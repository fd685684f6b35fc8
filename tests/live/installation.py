"""
The peers of L{tests.live.interoperation}: what they are, and how they get onto this
machine.

Libraries are installed from their registries into a directory of their own, with
the versions of C{interoperation-requirements.txt} and C{peers/package.json}.
Browsers are not installed: those that are on the C{PATH} are run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .peers import CLOSE_CODE, CLOSE_REASON, SUBPROTOCOL

__all__ = ["PEERS", "Command", "Peer", "PeerMissing", "install"]

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
REQUIREMENTS = HERE / "interoperation-requirements.txt"
PACKAGE = HERE / "peers" / "package.json"

# Seconds that an installation may take.
INSTALL_TIMEOUT = 300.0


class PeerMissing(Exception):
    """
    A peer is not on this machine.
    """


@dataclass(frozen=True)
class Command:
    """
    How a program is started.
    """

    arguments: Sequence[str]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Peer:
    """
    Something that speaks WebSocket.

    @ivar name: what it is called.
    @ivar find: tells how it is started; is given the directory that L{install}
        has filled and the PEM file, and raises L{PeerMissing}.
    @ivar cannot: the checks for which it has no API, and why.
    @ivar isBrowser: whether it is only a client, which is told what to do by a
        page.
    """

    name: str
    find: Callable[[Path, Path], Command]
    cannot: Mapping[str, str]
    isBrowser: bool = False


def _python(module: str) -> Callable[[Path, Path], Command]:
    """
    Make what finds a peer that is written in Python.
    """

    def find(directory: Path, pem: Path) -> Command:
        python = directory / "python" / "bin" / "python"
        if not python.exists():
            raise PeerMissing(f"{REQUIREMENTS.name} is not installed in {directory}")
        return Command(
            [str(python), "-m", f"tests.live.peers.{module}", str(pem)],
            # Nothing of the environment that the tests run in.
            {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
        )

    return find


def _node(directory: Path, pem: Path) -> Command:
    """
    Find the peer of Node.
    """
    modules = directory / "node" / "node_modules"
    node = shutil.which("node")
    if node is None:
        raise PeerMissing("there is no program node")
    if not (modules / "ws").exists():
        raise PeerMissing(f"{PACKAGE.name} is not installed in {directory}")
    program = HERE / "peers" / "wspeer.js"
    settings = [str(CLOSE_CODE), CLOSE_REASON, SUBPROTOCOL]
    return Command(
        [node, str(program), str(pem), *settings], {"NODE_PATH": str(modules)}
    )


def _browser(program: str) -> Callable[[Path, Path], Command]:
    """
    Make what finds a browser.
    """

    def find(directory: Path, pem: Path) -> Command:
        path = shutil.which(program)
        if path is None:
            raise PeerMissing(f"there is no program {program}")
        return Command([path], {**os.environ})

    return find


_PAGES = {
    "fragments in": "pages cannot send fragments",
    "ping in": "pages cannot send Pings",
}
PEERS = (
    Peer("websockets", _python("websocketspeer"), {}),
    Peer(
        "aiohttp",
        _python("aiohttppeer"),
        {"fragments in": "it has no API that sends fragments"},
    ),
    Peer("Autobahn", _python("autobahnpeer"), {}),
    Peer("ws", _node, {}),
    Peer("Chromium", _browser("chromium"), _PAGES, isBrowser=True),
    Peer("Firefox", _browser("firefox-esr"), _PAGES, isBrowser=True),
)


def install(directory: Path) -> list[str]:
    """
    Install the libraries.

    @param directory: where; what is there already is used again.
    @return: what could not be installed, a sentence each.
    """
    problems = []
    for what, steps in (
        (REQUIREMENTS.name, _pythonSteps(directory / "python")),
        (PACKAGE.name, _nodeSteps(directory / "node")),
    ):
        try:
            for step in steps:
                step()
        except (OSError, subprocess.SubprocessError) as error:
            output = getattr(error, "stderr", None) or b""
            said = output.decode("utf-8", "replace").strip()[-500:]
            problems.append(f"{what} cannot be installed: {error} {said}".strip())
    return problems


def _pythonSteps(home: Path) -> Sequence[Callable[[], object]]:
    """
    Install into a virtual environment.
    """
    python = home / "bin" / "python"
    return (
        lambda: None if python.exists() else _run(sys.executable, "-m", "venv", home),
        lambda: _run(python, "-m", "pip", "install", "--quiet", "-r", REQUIREMENTS),
    )


def _nodeSteps(home: Path) -> Sequence[Callable[[], object]]:
    """
    Install by npm.
    """
    return (
        lambda: home.mkdir(parents=True, exist_ok=True),
        lambda: shutil.copy(PACKAGE, home),
        lambda: _run(
            "npm", "install", "--prefix", home, "--no-audit", "--no-fund", "--silent"
        ),
    )


def _run(*command: str | Path) -> None:
    """
    Run a command to its end.
    """
    subprocess.run(
        command,
        check=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=INSTALL_TIMEOUT,
    )
