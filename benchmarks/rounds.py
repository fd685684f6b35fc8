"""
Rounds: in each one every server does every row, and each time it is a new
process.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from .catalog import BARE, RAW, Server
from .load import Traffic, applyLoad, planTraffic
from .results import Results
from .rows import Row
from .running import Unavailable, running
from .workshop import compileLoad

__all__ = ["Candidate", "candidatesOf", "measure", "play", "trafficFor"]


class Candidate(NamedTuple):
    """
    A server that is compared with others.

    @ivar name: what the results call it.
    @ivar server: what it is.
    @ivar package: the folder that has the txws that it takes.
    """

    name: str
    server: Server
    package: Path


def candidatesOf(
    servers: Mapping[str, Server], names: Iterable[str], package: Path
) -> list[Candidate]:
    """
    Find servers by their names.
    """
    return [Candidate(name, servers[name], package) for name in names]


def measure(candidate: Candidate, row: Row, python: Path, seconds: float) -> float:
    """
    Have a server do a row.

    @return: the cost, in the unit of the row.
    @raise Unavailable: if it cannot.
    """
    server = candidate.server
    traffic = trafficFor(server, row)
    with running(server, row.work, python, candidate.package) as process:
        cost = applyLoad(compileLoad(), traffic, process, row.connections, seconds)
    return cost * row.factor


def trafficFor(server: Server, row: Row) -> Traffic:
    """
    Make the traffic that a row is for a server.
    """
    # The bare one knows of handshakes, and nothing of frames.
    isRaw = server.name == RAW or (server.name == BARE and row.kind == "bytes")
    return planTraffic(row, isRaw=isRaw)


def play(
    candidates: Sequence[Candidate],
    rows: Sequence[Row],
    python: Path,
    rounds: int,
    seconds: float,
) -> Results:
    """
    Play rounds.  Every other one goes backwards, so that none is always the
    first.

    @param seconds: how long each is measured.
    """
    results = Results()
    for number in range(rounds):
        for row in rows:
            print(f"Round {number + 1} of {rounds}: {row.title}", file=sys.stderr)
            for candidate in _inTurn(candidates, number):
                if row.work in candidate.server.works and _can(row, candidate):
                    _note(results, candidate, row, python, seconds)
    return results


def _inTurn(candidates: Sequence[Candidate], number: int) -> Iterator[Candidate]:
    return iter(candidates) if number % 2 == 0 else reversed(candidates)


def _can(row: Row, candidate: Candidate) -> bool:
    """
    Find out whether a row means anything to a server.
    """
    return row.kind != "handshake" or candidate.server.name != RAW


def _note(
    results: Results, candidate: Candidate, row: Row, python: Path, seconds: float
) -> None:
    """
    Have a server do a row, unless it could not before.
    """
    key = (row.name, candidate.name)
    if key in results.notes:
        return
    try:
        results.add(*key, measure(candidate, row, python, seconds))
    except Unavailable as reason:
        results.notes[key] = str(reason)
        print(f"MISSING: {candidate.name}, {row.title}: {reason}", file=sys.stderr)
