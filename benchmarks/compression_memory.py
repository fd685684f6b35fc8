"""
How much memory an idle connection takes whose messages are compressed: what a
server's process grows by, after one message of 1 KiB has been echoed on each.

C{python benchmarks/compression_memory.py --peers VENV/bin/python}, as for
C{compression.py}.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from compression import (
    Server,
    compressed,
    connect,
    frameSize,
    makeMessages,
    parseArguments,
    plain,
    receive,
    report,
    running,
)

WARM_UP = 50


def echo(server: Server, frame: bytes, count: int, parameters: str) -> list[object]:
    """
    Open connections, and have a message echoed on each.
    """
    clients = []
    for _ in range(count):
        client = connect(server, parameters)
        client.sendall(frame)
        data = b""
        while frameSize(data) is None:
            data += receive(client)
        clients.append(client)
    return clients


def measure(name: str, peers: str | None, connections: int) -> tuple[int, str]:
    """
    Measure one server.

    @return: the bytes of a connection, and its version.
    """
    (message,) = makeMessages(1)
    frame = plain(message) if name == "txws none" else compressed(message)
    parameters = "=12" if name == "aiohttp" else ""
    with running(name, peers) as server:
        kept = echo(server, frame, WARM_UP, parameters)
        before = server.memory
        kept += echo(server, frame, connections, parameters)
        grown = server.memory - before
        assert len(kept) == connections + WARM_UP
        return grown // connections, server.version


def main() -> None:
    """
    Measure all servers.
    """
    options = parseArguments(__doc__)
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2
    )
    names = ["txws none", "txws low", "txws balanced", "txws best"]
    if options.peers:
        names += ["websockets", "autobahn", "autobahn default", "aiohttp"]
    rows = [["Server", "Version", "Bytes a connection"]]
    for name in names:
        size, version = measure(name, options.peers, 1000)
        rows.append([name, version, f"{size:,}"])
    report(rows, "1000 connections, one message of 1 KiB echoed on each.", options.rst)


if __name__ == "__main__":
    main()
