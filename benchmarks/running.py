"""
Servers that run, each in a process and on a core of its own.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from .catalog import Server
from .machine import pinServer
from .workshop import HERE

__all__ = ["Running", "Unavailable", "running"]


class Unavailable(Exception):
    """
    There is no such server here, or it failed; its text says why.
    """


class Running(NamedTuple):
    """
    A server that runs.

    @ivar process: the id of its process.
    @ivar port: where it listens, on loopback.
    """

    process: int
    port: int


@contextmanager
def running(
    server: Server, work: str, python: Path, package: Path
) -> Iterator[Running]:
    """
    Run a server as long as the block does.

    @param work: what it is to do.
    @param python: the Python of an environment that has all that it needs but
        txws.
    @param package: the folder that has the txws that it takes.
    @raise Unavailable: if it does not start.
    """
    program = HERE / "servers" / f"{server.program}.py"
    command = [str(python), str(program), work, *server.arguments]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(server, package),
        text=True,
    ) as process:
        pinServer(process.pid)
        assert process.stdout is not None and process.stderr is not None
        try:
            told = process.stdout.readline().strip()
            if not told.isdigit():
                process.stdout.close()
                raise Unavailable(_reason(told, process.stderr.read()))
            yield Running(process.pid, int(told))
        finally:
            process.kill()


def _environment(server: Server, package: Path) -> dict[str, str]:
    """
    Make a server's environment.
    """
    environment = {**os.environ, "PYTHONPATH": str(package)}
    environment.pop("TXWS_PLAIN", None)
    if server.isPlain:
        environment["TXWS_PLAIN"] = "1"
    return environment


def _reason(told: str, errors: str) -> str:
    """
    Find out why a server does not start.
    """
    if told.startswith("no: "):
        return told.removeprefix("no: ")
    lines = errors.strip().splitlines()
    return lines[-1] if lines else "it ends at once"
