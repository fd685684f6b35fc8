"""
What has been measured.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from statistics import median

__all__ = ["Results"]


class Results:
    """
    Measurements of rounds, by row and server, and why some are missing.

    @ivar facts: what there is to know of the machine and of the versions.
    @ivar notes: reasons, by row and server.
    """

    def __init__(self) -> None:
        self.facts: dict[str, str] = {}
        self.notes: dict[tuple[str, str], str] = {}
        self._values: dict[tuple[str, str], list[float]] = {}

    @property
    def rows(self) -> list[str]:
        """
        The rows of which anything is known, in the order of their coming.
        """
        return list(dict.fromkeys(row for row, _ in self._values))

    @property
    def servers(self) -> list[str]:
        """
        The servers of which anything is known, in the order of their coming.
        """
        return list(dict.fromkeys(server for _, server in self._values))

    def add(self, row: str, server: str, value: float) -> None:
        """
        Keep what was measured in one round.
        """
        self._values.setdefault((row, server), []).append(value)

    def median(self, row: str, server: str) -> float | None:
        """
        Find the median of all rounds.

        @return: L{None} if there was none.
        """
        values = self._values.get((row, server))
        return median(values) if values else None

    def spread(self, row: str, server: str) -> tuple[float, float]:
        """
        Find the least and the most of all rounds.

        @raise KeyError: if there was none.
        """
        values = self._values[row, server]
        return min(values), max(values)

    def ratio(self, row: str, server: str, other: str) -> float | None:
        """
        Compare two servers.

        @return: how many times the other's cost a server's is, or L{None} if
            one of them was not measured.
        """
        mine, theirs = self.median(row, server), self.median(row, other)
        return mine / theirs if mine is not None and theirs else None

    def first(self, row: str, servers: Iterable[str]) -> str | None:
        """
        Find the first of some servers that was measured.
        """
        for server in servers:
            if self.median(row, server) is not None:
                return server
        return None

    def dump(self, path: Path) -> None:
        """
        Write all to a file.
        """
        document = {
            "facts": self.facts,
            "notes": [[*key, reason] for key, reason in self.notes.items()],
            "values": [[*key, values] for key, values in self._values.items()],
        }
        text = json.dumps(document, indent=1, ensure_ascii=False)
        path.write_text(text + "\n", "utf-8")

    @classmethod
    def load(cls, path: Path) -> Results:
        """
        Read what L{dump} has written.
        """
        document = json.loads(path.read_text("utf-8"))
        results = cls()
        results.facts = document["facts"]
        results.notes = {(row, server): why for row, server, why in document["notes"]}
        results._values = {
            (row, server): values for row, server, values in document["values"]
        }
        return results
