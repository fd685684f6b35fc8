"""
What txws is to reach, as ratios of costs in the same run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .catalog import FASTEST, RAW
from .results import Results

__all__ = ["TARGETS", "Target", "Verdict", "judge"]

# Kilobytes of memory.
_MOST_MEMORY = 4
_ECHOES = ("small", "medium", "pipelined", "large", "huge")


class Target(NamedTuple):
    """
    One of txws's servers is to cost so much at most.

    @ivar row: the row.
    @ivar server: which of txws's.
    @ivar limit: how many times the cost of the other, or how many of the row's
        unit if there is no other.
    @ivar others: what it is compared with: the first of them that was
        measured.
    """

    row: str
    server: str
    limit: float
    others: tuple[str, ...] = ()


class Verdict(NamedTuple):
    """
    Whether a target was met.

    @ivar target: the target.
    @ivar other: what it was compared with, if with anything.
    @ivar value: what was measured, or L{None} if that is not enough to tell.
    """

    target: Target
    other: str | None
    value: float | None

    @property
    def isMet(self) -> bool:
        """
        Whether it is known to be met.
        """
        return self.value is not None and self.value <= self.target.limit


def _targets() -> Iterator[Target]:
    """
    List all targets.
    """
    plain = {
        ("small", RAW): 0.85,
        ("medium", RAW): 0.85,
        ("pipelined", "autobahn"): 1 / 10,
        ("pipelined", "picows"): 1 / 2,
        ("large", RAW): 1.2,
        ("huge", "autobahn"): 1.0,
        ("handshake", "autobahn"): 1 / 3,
        ("broadcast", "autobahn"): 1 / 3,
        ("deflate", "websockets"): 1.0,
    }
    compiled = {
        ("small", RAW): 0.7,
        ("small", "autobahn"): 1 / 4,
        ("medium", RAW): 0.7,
        ("medium", "autobahn"): 1 / 4,
        ("pipelined", "picows"): 1 / 6,
        ("pipelined", RAW): 1.1,
        ("large", RAW): 1.0,
        ("huge", RAW): 0.85,
        ("huge", "picows"): 1.0,
        ("handshake", "picows"): 1.2,
        ("broadcast", "picows"): 1.2,
        ("deflate", "aiohttp"): 1.0,
    }
    for server, limits in (("handler", plain), ("compiled", compiled)):
        for (row, other), limit in limits.items():
            yield Target(row, server, limit, (other,))
        yield Target("memory", server, _MOST_MEMORY)
    # All of these have the fastest wire that there is.
    for row in _ECHOES:
        yield Target(row, "resource", 1.1, FASTEST)
        yield Target(row, "wrap", 1.15, FASTEST)


TARGETS = tuple(_targets())


def judge(results: Results) -> list[Verdict]:
    """
    Find out which targets were met.

    @return: a verdict for each target.
    """
    return [_judgeOne(results, target) for target in TARGETS]


def _judgeOne(results: Results, target: Target) -> Verdict:
    row, server, _, others = target
    if not others:
        return Verdict(target, None, results.median(row, server))
    other = results.first(row, others)
    if other is None:
        return Verdict(target, others[-1], None)
    return Verdict(target, other, results.ratio(row, server, other))
