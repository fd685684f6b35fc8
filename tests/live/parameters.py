"""
Runs txws against other libraries and browsers with every combination of the
parameters of permessage-deflate, RFC 7692 section 7.1: who looks back into earlier
messages, and windows of 8 to 15 bits, on both sides.

C{python -m tests.live.parameters} installs the libraries into a directory that it
removes, and prints a table; C{--help} lists the options.  On each connection both
sides have to have agreed on what was to be agreed on, and messages are echoed whose
repetitions lie as far apart as windows of each size reach.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

from twisted.internet.task import react
from zope.interface import implementer

from txws import Conversation, PerMessageDeflate
from txws.interfaces import IExtension, IExtensionFactory

from .checks import Check, Frames, Script, expectEcho, require
from .installation import PEERS, install
from .interoperation import Place, runPeer
from .matrix import Matrix, Outcome, Row, formatList, formatVersions

__all__ = [
    "COMBINATIONS",
    "SUBJECTS",
    "Combination",
    "Subject",
    "formatPage",
    "main",
    "problemsOf",
    "runParameters",
    "tabulate",
]

SIZES = range(8, 16)

# Bytes that cannot be compressed but by looking back: 256 to 32,768 of them.
_random = Random(0)
_FAR = b"".join(_random.randbytes(1 << bits) * 2 for bits in SIZES)
_TEXT = json.dumps(
    [{"symbol": f"ÄBC{number}", "price": number * 1.25} for number in range(60)],
    ensure_ascii=False,
)

Parameters = Sequence[tuple[str, str | None]]


@dataclass(frozen=True)
class Combination:
    """
    What both sides are to agree on.

    @ivar isServerForgetful: whether the server's messages do not look back into
        earlier ones.
    @ivar isClientForgetful: whether the client's do not.
    @ivar serverBits: the size of the window of the server's messages.
    @ivar clientBits: that of the client's.
    """

    isServerForgetful: bool
    isClientForgetful: bool
    serverBits: int
    clientBits: int

    @property
    def takeover(self) -> str:
        """
        Who does not look back.
        """
        forgetful = {
            "server_no_context_takeover": self.isServerForgetful,
            "client_no_context_takeover": self.isClientForgetful,
        }
        return ", ".join(name for name in forgetful if forgetful[name]) or "neither"

    @property
    def name(self) -> str:
        """
        What it is called, unlike any other.
        """
        return f"{self.takeover}; server {self.serverBits}, client {self.clientBits}"

    @property
    def offer(self) -> dict[str, int | bool]:
        """
        The parameters of a client that asks for it.
        """
        return {
            "server_no_context_takeover": self.isServerForgetful,
            "client_no_context_takeover": self.isClientForgetful,
            "server_max_window_bits": self.serverBits,
            "client_max_window_bits": self.clientBits,
        }

    @classmethod
    def agreed(cls, answer: Parameters) -> Combination:
        """
        Read a server's answer.
        """
        said = dict(answer)
        return cls(
            "server_no_context_takeover" in said,
            "client_no_context_takeover" in said,
            int(said.get("server_max_window_bits") or SIZES[-1]),
            int(said.get("client_max_window_bits") or SIZES[-1]),
        )


COMBINATIONS = tuple(
    Combination(*forgetful, *bits)
    for forgetful in product((False, True), repeat=2)
    for bits in product(SIZES, repeat=2)
)


@implementer(IExtensionFactory)
class Witness:
    """
    Negotiates as another does, and remembers what came of it.

    @ivar answers: the answers that were made or confirmed.
    """

    name = PerMessageDeflate.name

    def __init__(self, witnessed: PerMessageDeflate) -> None:
        """
        @param witnessed: what negotiates.
        """
        self.answers: list[Parameters] = []
        self._witnessed = witnessed

    def offers(self) -> Sequence[Parameters]:
        """
        See L{IExtensionFactory}.
        """
        return self._witnessed.offers()

    def accept(
        self, parameters: Parameters, maxMessageSize: int | None
    ) -> tuple[Parameters, IExtension] | None:
        """
        See L{IExtensionFactory}.
        """
        accepted = self._witnessed.accept(parameters, maxMessageSize)
        if accepted is not None:
            self.answers.append(accepted[0])
        return accepted

    def confirm(self, parameters: Parameters, maxMessageSize: int | None) -> IExtension:
        """
        See L{IExtensionFactory}.
        """
        self.answers.append(parameters)
        return self._witnessed.confirm(parameters, maxMessageSize)


def _scriptOf(combination: Combination, witness: Witness) -> Script:
    """
    Make what txws does on a connection.
    """

    async def script(websocket: Conversation, frames: Frames) -> None:
        (answer,) = witness.answers or [[("nothing", None)]]
        agreed = Combination.agreed(answer)
        require(agreed == combination, f"agreed on {agreed.name}: {answer!r}")
        for message in (_TEXT, _TEXT, _FAR, _FAR[:500], _TEXT):
            await websocket.send(message)
            await expectEcho(websocket, message)
        whole = 3 * len(_TEXT.encode()) + len(_FAR)
        for direction, size in frames.size.items():
            require(size < whole, f"nothing was compressed that was {direction}")

    return script


def _check(
    combination: Combination, settings: PerMessageDeflate, deflate: Mapping[str, Any]
) -> Check:
    """
    Make a check of a combination.

    @param settings: those of txws.
    @param deflate: what the peer's client offers.
    """
    witness = Witness(settings)
    return Check(
        combination.name,
        _scriptOf(combination, witness),
        extensions=[witness],
        deflate=deflate,
    )


def askedByTxws(combination: Combination, role: str) -> Check:
    """
    Have txws ask for a combination, by its offer or by its answer.
    """
    bits = combination.serverBits, combination.clientBits
    forgetful = combination.isServerForgetful, combination.isClientForgetful
    if role == "client":
        bits, forgetful = bits[::-1], forgetful[::-1]
    settings = PerMessageDeflate(*bits, *(not each for each in forgetful))
    return _check(combination, settings, {"client_max_window_bits": True})


def askedByPeer(combination: Combination) -> Check:
    """
    Have the peer's client ask for a combination.
    """
    return _check(combination, PerMessageDeflate.preset("best"), combination.offer)


@dataclass(frozen=True)
class Subject:
    """
    What can be asked of a peer.

    @ivar name: what the peer is called.
    @ivar leastBits: the smallest window with which it compresses.
    @ivar isLimited: whether its client lets a server limit it.
    @ivar isAsking: whether its client can be told what to offer.
    @ivar note: why not all of this.
    """

    name: str
    leastBits: int = SIZES[0]
    isLimited: bool = True
    isAsking: bool = False
    note: str = ""

    def can(self, combination: Combination, role: str) -> bool:
        """
        Tell whether it can keep to a combination.

        @param role: that of txws.
        """
        isServer = role == "client"
        bits = combination.serverBits if isServer else combination.clientBits
        return bits >= self.leastBits and (
            isServer or self.isLimited or bits == SIZES[-1]
        )


SUBJECTS = (
    Subject(
        "websockets",
        leastBits=9,
        isAsking=True,
        note="it hands a window of 8 bits on to zlib, which has none",
    ),
    Subject("ws", isAsking=True),
    Subject("Chromium"),
    Subject(
        "Firefox",
        isLimited=False,
        note="it does not offer client_max_window_bits",
    ),
)


async def runParameters(
    reactor: Any,
    place: Place,
    subject: Subject,
    wanted: Sequence[Combination] = COMBINATIONS,
) -> list[Row]:
    """
    Run combinations on one peer, in each role that it has.

    @param reactor: what runs them.
    @param place: where everything is.
    @param subject: the peer, and what can be asked of it.
    @param wanted: the combinations.
    @return: a row for each role and for each side that asks.
    """
    (peer,) = (peer for peer in PEERS if peer.name == subject.name)

    def possible(role: str) -> Iterator[Combination]:
        return (each for each in wanted if subject.can(each, role))

    rows = await runPeer(
        reactor,
        place,
        peer,
        lambda role: [askedByTxws(each, role) for each in possible(role)],
    )
    if not subject.isAsking:
        return rows
    asking = await runPeer(
        reactor,
        place,
        peer,
        lambda role: [askedByPeer(each) for each in possible(role) if role == "server"],
    )
    return rows + [
        Row(f"{row.title}, which it asks", row.version, row.cells)
        for row in asking
        if row.cells
    ]


def tabulate(rows: Sequence[Row]) -> list[list[str]]:
    """
    Count what has passed, by who looks back.
    """
    heads = list(dict.fromkeys(each.takeover for each in COMBINATIONS))
    table = [["", *heads]]
    for row in rows:
        asked = Counter(name.partition(";")[0] for name in row.cells)
        passed = Counter(
            name.partition(";")[0]
            for name, cell in row.cells.items()
            if cell.outcome is Outcome.OK
        )
        table.append(
            [row.title, *(f"{passed[head]} of {asked[head]}" for head in heads)]
        )
    return table


def problemsOf(rows: Sequence[Row]) -> list[str]:
    """
    Tell of each combination that has not passed.
    """
    return [
        problem for row in rows for problem in Matrix(list(row.cells), [row]).problems()
    ]


def formatPage(rows: Sequence[Row]) -> str:
    """
    Render the table as a part of a page in reStructuredText, without a heading.
    """
    lines = [*formatList(tabulate(rows)), ""]
    lines += [f"* {problem}" for problem in problemsOf(rows)]
    lines += [
        f"* {subject.name}: {subject.note}" for subject in SUBJECTS if subject.note
    ]
    return "\n".join([*lines, "", formatVersions(rows), ""])


def main(arguments: Sequence[str]) -> int:
    """
    Run as the command line says.

    @return: the exit status: 0 if something was run, and nothing has failed.
    """
    options = _parser().parse_args(arguments)
    rows: list[Row] = []

    async def run(reactor: Any) -> None:
        with tempfile.TemporaryDirectory(prefix="txws-parameters-") as temporary:
            home = (options.peers or Path(temporary) / "peers").absolute()
            for problem in install(home):
                print(f"NOT INSTALLED: {problem}", file=sys.stderr)
            for subject in SUBJECTS:
                if options.only in (None, subject.name):
                    place = Place(home, Path(temporary))
                    rows.extend(await runParameters(reactor, place, subject))

    try:
        react(run)
    except SystemExit as end:
        if end.code:
            raise
    return _report(rows, options.rst)


def _report(rows: Sequence[Row], destination: Path | None) -> int:
    """
    Show the table.

    @return: the exit status.
    """
    for line in tabulate(rows):
        print("  ".join(cell.ljust(28) for cell in line).rstrip())
    for problem in problemsOf(rows):
        print(f"! {problem}")
    if destination is not None:
        destination.write_text(formatPage(rows), "utf-8")
    outcomes = Counter(cell.outcome for row in rows for cell in row.cells.values())
    return 0 if outcomes[Outcome.OK] and not outcomes[Outcome.FAILED] else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.live.parameters")
    add = parser.add_argument
    add("--rst", type=Path, metavar="FILE", help="write a summary for the docs")
    names = [subject.name for subject in SUBJECTS]
    add("--only", choices=names, help="run one peer")
    add(
        "--peers",
        type=Path,
        metavar="DIR",
        help="install the libraries there, and leave them there",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
