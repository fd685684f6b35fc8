"""
Runs txws against other libraries and browsers: its client against their servers,
and its server against their clients.

C{python -m tests.live.interoperation} installs the libraries into a directory that
it removes, and prints a table; C{--help} lists the options.  What is not on this
machine is said, and is C{not run} in the table.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.defer import TimeoutError as WaitedTooLong
from twisted.internet.endpoints import quoteStringArgument, serverFromString
from twisted.internet.interfaces import IListeningPort
from twisted.internet.ssl import Certificate, optionsForClientTLS
from twisted.internet.task import react
from twisted.logger import globalLogPublisher
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface import implementer

from tests.certificates import makePEM
from txws import (
    Conversation,
    HandshakePolicy,
    WebSocketClosed,
    WebSocketFactory,
    WebSocketFailed,
    connect,
)

from .checks import CHECKS, Check, CheckFailed, Frames, judgeEnd
from .installation import PEERS, Peer, PeerMissing, install
from .matrix import Cell, Matrix, Outcome, Row, formatPage, formatSummary
from .peerprocesses import BrowserPeer, PeerEnded, ProgramPeer, RunningPeer
from .peers import SUBPROTOCOL
from .programs import freePort

__all__ = ["Place", "main", "runMatrix", "runPeer"]

# Seconds that a peer gets to start, and that each cell may take.
START_TIMEOUT = 60.0
CELL_TIMEOUT = 15.0

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Place:
    """
    Where everything is.

    @ivar peers: the directory that L{install} has filled.
    @ivar work: a directory for logs and the certificate.
    """

    peers: Path
    work: Path

    @property
    def pem(self) -> Path:
        """
        The certificate of all servers, and its key.
        """
        return self.work / "localhost.pem"


@implementer(IPolicyForHTTPS)
class _Trusting:
    """
    Trusts one certificate and no other.
    """

    def __init__(self, pem: Path) -> None:
        self._certificate = Certificate.loadPEM(pem.read_bytes())

    def creatorForNetloc(self, hostname: bytes, port: int) -> Any:
        """
        See L{IPolicyForHTTPS}.
        """
        return optionsForClientTLS(
            hostname.decode("ascii"), trustRoot=self._certificate
        )


class _Pair:
    """
    A peer that runs, and txws in one of the roles.
    """

    def __init__(
        self, reactor: Any, place: Place, peer: RunningPeer, securePort: int
    ) -> None:
        self.reactor = reactor
        self.place = place
        self.peer = peer
        self.securePort = securePort
        self.port: IListeningPort | None = None

    async def dial(self, check: Check, target: str) -> Conversation:
        """
        Connect the client of txws to the peer's server.
        """
        scheme = "wss" if check.isSecure else "ws"
        return await connect(
            self.reactor,
            f"{scheme}://localhost:{self.peer.ports[check.isSecure]}{target}",
            subprotocols=check.offered,
            extensions=check.extensions,
            tlsPolicy=_Trusting(self.place.pem),
            logsFrames=True,
        )

    async def accept(self, check: Check, target: str) -> Conversation:
        """
        Have the peer's client connect to the server of txws.
        """
        accepted: Deferred[Conversation] = Deferred()

        async def serve(websocket: Conversation) -> None:
            accepted.callback(websocket)
            await websocket.whenClosed()

        origin = self.peer.pageOrigin
        factory = WebSocketFactory(
            serve,
            handshake=HandshakePolicy(
                origins=[origin] if origin else (), subprotocols=[SUBPROTOCOL]
            ),
            extensions=check.extensions,
            logsFrames=True,
        )
        self.port = await serverFromString(self.reactor, self._describe(check)).listen(
            factory
        )
        scheme = "wss" if check.isSecure else "ws"
        number = self.port.getHost().port
        url = f"{scheme}://localhost:{number}{target}"
        self.peer.order(url, check.offered, check.deflate)
        return await accepted

    async def close(self) -> None:
        """
        Stop to listen, if it has been listened.
        """
        port, self.port = self.port, None
        if port is not None:
            await maybeDeferred(port.stopListening)

    def _describe(self, check: Check) -> str:
        """
        Describe where to listen.
        """
        if not check.isSecure:
            return "tcp:0:interface=127.0.0.1"
        pem = quoteStringArgument(str(self.place.pem))
        return f"ssl:{self.securePort}:interface=127.0.0.1:privateKey={pem}"


_Open = Callable[[_Pair, Check, str], Any]

# The roles of txws: how a row is called, and how a connection is opened.
ROLES: Mapping[str, tuple[str, _Open]] = {
    "client": ("txws → {}", _Pair.dial),
    "server": ("{} → txws", _Pair.accept),
}


async def runMatrix(reactor: Any, place: Place, peers: Sequence[Peer]) -> Matrix:
    """
    Run all checks on all pairs.

    @param reactor: what runs them.
    @param place: where everything is.
    @param peers: the peers.
    """
    rows: list[Row] = []
    for peer in peers:
        rows += await runPeer(reactor, place, peer)
    return Matrix([check.name for check in CHECKS], rows)


async def runPeer(
    reactor: Any,
    place: Place,
    peer: Peer,
    checksOf: Callable[[str], Sequence[Check]] = lambda role: CHECKS,
) -> list[Row]:
    """
    Run checks on one peer, in each role that it has.

    @param checksOf: tells which, by the role of txws, C{"client"} or C{"server"}.
    @return: a row for each role.
    """
    place.pem.write_bytes(makePEM())
    roles = ["server"] if peer.isBrowser else ["client", "server"]
    securePort = freePort()
    log = place.work / f"{peer.name}.log"
    running: RunningPeer = (BrowserPeer if peer.isBrowser else ProgramPeer)(
        reactor, log
    )
    try:
        await _startPeer(reactor, place, peer, running, securePort)
    except (PeerMissing, PeerEnded, WaitedTooLong) as error:
        outcome = Outcome.NOT_RUN if isinstance(error, PeerMissing) else Outcome.FAILED
        cell = Cell(outcome, f"{type(error).__name__}: {error}")
        await running.stop()
        return [
            Row(
                ROLES[role][0].format(peer.name),
                "",
                {check.name: cell for check in checksOf(role)},
            )
            for role in roles
        ]
    try:
        pair = _Pair(reactor, place, running, securePort)
        return [await _runRole(pair, peer, role, checksOf(role)) for role in roles]
    finally:
        await running.stop()


async def _startPeer(
    reactor: Any, place: Place, peer: Peer, running: RunningPeer, securePort: int
) -> None:
    """
    Start a peer, if it is on this machine.
    """
    command = peer.find(place.peers, place.pem)
    if isinstance(running, BrowserPeer):
        starting = running.start(command, place.pem, securePort)
    else:
        assert isinstance(running, ProgramPeer)
        starting = running.start(command)
    await Deferred.fromCoroutine(starting).addTimeout(START_TIMEOUT, reactor)


async def _runRole(pair: _Pair, peer: Peer, role: str, checks: Sequence[Check]) -> Row:
    """
    Run checks on a pair.
    """
    title, opened = ROLES[role]
    cells = {}
    for check in checks:
        if check.name in peer.cannot:
            cells[check.name] = Cell(Outcome.CANNOT, peer.cannot[check.name])
        else:
            cells[check.name] = await _runCheck(pair, check, opened)
    return Row(title.format(peer.name), pair.peer.version, cells)


async def _runCheck(pair: _Pair, check: Check, opened: _Open) -> Cell:
    """
    Run one check on a pair.
    """
    talking: Deferred[Cell] = Deferred.fromCoroutine(_talk(pair, check, opened))
    talking.addTimeout(CELL_TIMEOUT, pair.reactor)
    try:
        return await talking
    except (WaitedTooLong, CancelledError):
        return Cell(Outcome.FAILED, f"it took more than {CELL_TIMEOUT:g} seconds")
    except Exception as error:
        return Cell(Outcome.FAILED, f"{type(error).__name__}: {error}")
    finally:
        await pair.close()


async def _talk(pair: _Pair, check: Check, opened: _Open) -> Cell:
    """
    Open a connection, run the script of a check, and hear what both sides tell
    of the end.
    """
    target = f"/{check.behavior}?number={next(_numbers)}"
    frames = Frames()
    globalLogPublisher.addObserver(frames)
    try:
        websocket = await opened(pair, check, target)
        try:
            if websocket.subprotocol != check.subprotocol:
                raise CheckFailed(f"txws saw subprotocol {websocket.subprotocol!r}")
            await check.script(websocket, frames)
            if not check.isClosedByPeer:
                await websocket.close(check.code, check.reason)
            ours = await websocket.whenClosed()
        finally:
            websocket.transport.abortConnection()
        theirs = await pair.peer.reportOf(target)
    finally:
        globalLogPublisher.removeObserver(frames)
    judgeEnd(check, ours, theirs)
    return Cell(Outcome.OK, end=(_tell(ours), _tellTheirs(theirs)))


def _tell(end: WebSocketClosed | WebSocketFailed) -> str:
    """
    Say how txws tells of an end.
    """
    return str(end).partition(": ")[2].rstrip(".")


def _tellTheirs(report: Mapping[str, Any]) -> str:
    """
    Say how a peer tells of an end.
    """
    if report["reason"] is None:
        return f"{report['code']}, no reason told"
    return f"{report['code']} {report['reason']!r}"


def main(arguments: Sequence[str]) -> int:
    """
    Run as the command line says.

    @return: the exit status: 0 if nothing has failed, 1 if something has, or
        nothing was run.
    """
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="txws-interoperation-") as temporary:
        home = options.peers or Path(temporary) / "peers"
        for problem in install(home.absolute()):
            print(f"NOT INSTALLED: {problem}", file=sys.stderr)
        if options.install:
            return 0
        logs = options.logs or Path(temporary) / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        place = Place(home.absolute(), logs.absolute())
        peers = [peer for peer in PEERS if options.only in (None, peer.name)]
        matrix = _reactToMatrix(place, peers)
    for row in matrix.rows:
        if Outcome.NOT_RUN in {cell.outcome for cell in row.cells.values()}:
            print(f"NOT RUN: {row.title}", file=sys.stderr)
    print(formatSummary(matrix))
    if options.rst is not None:
        options.rst.write_text(formatPage(matrix), "utf-8")
    return 0 if matrix.isInteroperable else 1


def _reactToMatrix(place: Place, peers: Sequence[Peer]) -> Matrix:
    """
    Run the reactor until the matrix is there.
    """
    found: list[Matrix] = []

    async def run(reactor: Any) -> None:
        found.append(await runMatrix(reactor, place, peers))

    try:
        react(run)
    except SystemExit as end:
        if end.code:
            raise
    return found[0]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.live.interoperation")
    add = parser.add_argument
    add("--rst", type=Path, metavar="FILE", help="write a summary for the docs")
    add("--only", choices=[peer.name for peer in PEERS], help="run one peer")
    add(
        "--peers",
        type=Path,
        metavar="DIR",
        help="install the libraries there, and leave them there",
    )
    add("--install", action="store_true", help="install, and run nothing")
    add("--logs", type=Path, metavar="DIR", help="where complaints of peers go")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
