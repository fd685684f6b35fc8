"""
What a check has found, for people and for programs.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

__all__ = ["FORMAT", "Report"]

# Raised when a key of the JSON report changes its meaning or goes away.
FORMAT = 1

_STEPS = (
    "name",
    "connection",
    "tls",
    "proxy",
    "handshake",
    "roundTrip",
    "closing",
    "probes",
    "idle",
)
_TITLES = {"roundTrip": "round trip", "tls": "TLS"}
_WIDTH = 12


class Report:
    """
    What a check has found.

    @ivar facts: what each step has found, by its name; L{None} for a step that
        was not made.
    @ivar problems: what is wrong, the most serious first found first.
    """

    def __init__(self, url: str, show: Callable[[str], object] | None = None) -> None:
        """
        @param url: what is checked.
        @param show: called with each line for people, as soon as it is known;
            L{None} if nobody reads them.
        """
        self.facts: dict[str, Any] = dict.fromkeys(_STEPS)
        self.problems: list[dict[str, object]] = []
        self._url = url
        self._show = show

    @property
    def isGood(self) -> bool:
        """
        Whether nothing is wrong that matters.
        """
        return not any(problem["isSerious"] for problem in self.problems)

    def tell(self, step: str, facts: Any, *lines: str) -> None:
        """
        Tell what a step has found.

        @param step: its name.
        @param facts: what JSON can say.
        @param lines: the same for people, harmless.
        """
        self.facts[step] = facts
        title = _TITLES.get(step, step)
        for line in lines:
            self._say(f"{title:<{_WIDTH}} {line}")
            title = ""

    def complain(
        self, step: str, what: str, advice: str | None = None, isSerious: bool = True
    ) -> None:
        """
        Tell what is wrong.

        @param step: which step has found it.
        @param what: one sentence, harmless.
        @param advice: what is likely to be the reason, or L{None}.
        @param isSerious: whether it matters now.
        """
        self.problems.append(
            {"step": step, "what": what, "advice": advice, "isSerious": isSerious}
        )
        title = _TITLES.get(step, step)
        self._say(f"{title:<{_WIDTH}} {'PROBLEM' if isSerious else 'note'}: {what}")
        if advice is not None:
            self._say(f"{'':<{_WIDTH}} {advice}")

    def finish(self) -> None:
        """
        Tell the verdict.
        """
        serious = sum(bool(problem["isSerious"]) for problem in self.problems)
        count = f"{serious} problem{'s' if serious > 1 else ''}"
        found = "all is well" if self.isGood else count
        self._say(f"{'verdict':<{_WIDTH}} {found}")

    def toJSON(self) -> str:
        """
        Tell everything to a program.
        """
        report = {
            "format": FORMAT,
            "url": self._url,
            "ok": self.isGood,
            **self.facts,
            "problems": self.problems,
        }
        return json.dumps(report, indent=2, ensure_ascii=True)

    def _say(self, line: str) -> None:
        """
        Say a line.
        """
        if self._show is not None:
            self._show(line)
