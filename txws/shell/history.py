"""
What was typed before, in a file of the user's.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

__all__ = ["History", "historyPath"]

_MAX_LINES = 1000
_MAX_LENGTH = 4096


def historyPath(environment: Mapping[str, str]) -> Path:
    """
    Find the file, by the XDG base directory specification.

    @param environment: the environment variables.
    """
    state = environment.get("XDG_STATE_HOME", "")
    if not state.startswith("/"):
        state = str(Path(environment.get("HOME") or "~").expanduser() / ".local/state")
    return Path(state) / "txws" / "history"


class History:
    """
    Earlier lines, in a file that only the user reads: they may hold secrets.

    What cannot be read or written is not there: nobody talks less for it.
    """

    def __init__(self, path: Path | None) -> None:
        """
        @param path: the file, or L{None} to keep nothing.
        """
        self._path = path
        self._added: list[str] = []

    def load(self) -> list[str]:
        """
        Read the lines, the oldest first.
        """
        if self._path is None:
            return []
        try:
            kept = self._path.read_text("utf-8", "replace").splitlines()
        except OSError:
            return []
        return [line for line in map(_decode, kept[-_MAX_LINES:]) if line]

    def add(self, line: str) -> None:
        """
        Remember a line, unless it begins with a space or is very long.

        @param line: what was typed.
        """
        if line and not line.startswith(" ") and len(line) <= _MAX_LENGTH:
            self._added.append(line)

    def save(self) -> None:
        """
        Write what is new, behind what others have written meanwhile.
        """
        if self._path is None or not self._added:
            return
        lines = [*self.load(), *self._added][-_MAX_LINES:]
        self._added.clear()
        written = "".join(f"{json.dumps(line)}\n" for line in lines)
        beside = self._path.with_suffix(f".{os.getpid()}")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            beside.touch(mode=0o600)
            beside.write_text(written, "utf-8")
            beside.replace(self._path)
        except OSError:
            return


def _decode(line: str) -> str | None:
    """
    Read one line of the file.
    """
    try:
        decoded = json.loads(line)
    except ValueError:
        return None
    return decoded if isinstance(decoded, str) else None
