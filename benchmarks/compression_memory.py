"""
How much memory an idle connection takes whose messages are compressed: what a
server's process grows by, after one message of 1 KiB has been echoed on each; and
what is left of that when nothing was sent between two heartbeats, and the allocator
of the C library has given back what is free.

C{python benchmarks/compression_memory.py --peers VENV/bin/python}, as for
C{compression.py}.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from importlib.util import find_spec
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

# Seconds: when those of txws send heartbeats, which all messages have to be done
# before; and how long the second of them may take.
PING_INTERVAL = 20.0
HEARTBEATS = 5.0


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


def measure(name: str, peers: str | None, connections: int) -> tuple[int, int, str]:
    """
    Measure one server.

    @return: the bytes of a connection, those when it has been idle, and the
        version.
    """
    (message,) = makeMessages(1)
    frame = plain(message) if name == "txws none" else compressed(message)
    parameters = "=12" if name == "aiohttp" else ""
    begun = time.monotonic()
    with running(name, peers) as server:
        kept = echo(server, frame, WARM_UP, parameters)
        before = server.memory
        kept += echo(server, frame, connections, parameters)
        grown = server.memory - before
        assert len(kept) == connections + WARM_UP
        assert time.monotonic() - begun < PING_INTERVAL
        if name.startswith("txws"):
            time.sleep(2 * PING_INTERVAL + HEARTBEATS)
        os.kill(server.pid, signal.SIGUSR1)
        time.sleep(1)
        left = server.memory - before
        return grown // connections, left // connections, server.version


def main() -> None:
    """
    Measure all servers.
    """
    options = parseArguments(__doc__)
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2
    )
    names = ["txws none", "txws low", "txws balanced", "txws best", "txws level 1"]
    if find_spec("isal"):
        names += ["txws low, ISA-L", "txws level 1, ISA-L"]
    if options.peers:
        names += ["websockets", "autobahn", "autobahn default", "aiohttp"]
    rows = [["Server", "Version", "Bytes a connection", "when it is idle"]]
    for name in names:
        size, left, version = measure(name, options.peers, 1000)
        rows.append([name, version, f"{size:,}", f"{left:,}"])
    report(rows, "1000 connections, one message of 1 KiB echoed on each.", options.rst)


if __name__ == "__main__":
    main()
