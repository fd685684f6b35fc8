"""
How long a server takes to inflate and compress a message, and how small that
makes it: echoes of 1 KiB of JSON, CPU time of the server's process.

C{python benchmarks/compression.py --peers VENV/bin/python}, where VENV has
websockets, autobahn with Twisted, and aiohttp; without C{--peers} txws alone.
C{--rst FILE} writes the table.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import socket
import subprocess
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from random import Random
from statistics import median
from typing import NamedTuple

HERE = Path(__file__).parent
TICK = os.sysconf("SC_CLK_TCK")
REQUEST = (
    "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits{}\r\n\r\n"
)


class Server(NamedTuple):
    """
    A server that runs.
    """

    name: str
    port: int
    version: str
    pid: int

    @property
    def cpu(self) -> float:
        """
        The seconds that it has computed.
        """
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    @property
    def memory(self) -> int:
        """
        The bytes that it has in memory.
        """
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def running(name: str, peers: str | None) -> Iterator[Server]:
    """
    Run a server.
    """
    python = sys.executable if name.startswith("txws") else peers
    path = os.pathsep.join((str(HERE.parent), os.environ.get("PYTHONPATH", "")))
    environment = {**os.environ, "PYTHONPATH": path if python != peers else ""}
    with subprocess.Popen(
        [str(python), str(HERE / "compression_servers.py"), name],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    ) as process:
        try:
            assert process.stdout is not None
            port, version = process.stdout.readline().decode().split()
            yield Server(name, int(port), version, process.pid)
        finally:
            process.kill()


def makeMessages(count: int) -> list[bytes]:
    """
    Make messages of 1 KiB of JSON, as feeds send them.
    """
    random = Random(0)
    names = ["symbol", "price", "volume", "bid", "ask", "high", "low", "change"]
    messages = []
    for number in range(count):
        rows: list[dict[str, object]] = []
        while len(json.dumps({"sequence": number, "rows": rows})) < 1024 - 150:
            row: dict[str, object] = {
                name: round(random.uniform(1, 500), 2) for name in names[1:]
            }
            rows.append({"symbol": "".join(random.choices("ABCDEFG", k=4)), **row})
        text = json.dumps({"sequence": number, "rows": rows})
        messages.append(text.ljust(1024).encode())
    return messages


def compressed(message: bytes) -> bytes:
    """
    Make a frame as a client sends it, which looks back into no earlier one and
    no further than any window.
    """
    stream = zlib.compressobj(6, zlib.DEFLATED, -9, 5)
    payload = (stream.compress(message) + stream.flush(zlib.Z_SYNC_FLUSH))[:-4]
    return b"\xc1" + _length(0x80, len(payload)) + bytes(4) + payload


def plain(message: bytes) -> bytes:
    """
    Make a frame that is not compressed.
    """
    return b"\x81" + _length(0x80, len(message)) + bytes(4) + message


def _length(masked: int, length: int) -> bytes:
    if length < 126:
        return bytes((masked | length,))
    return bytes((masked | 126,)) + length.to_bytes(2, "big")


def connect(server: Server, parameters: str = "") -> socket.socket:
    """
    Open a connection, and go through the opening handshake.
    """
    client = socket.create_connection(("127.0.0.1", server.port))
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.sendall(REQUEST.format(parameters).encode())
    head = b""
    while b"\r\n\r\n" not in head:
        head += client.recv(1)
    if b" 101 " not in head.partition(b"\r\n")[0] + b" ":
        raise RuntimeError(f"{server.name}: {head!r}")
    return client


def frameSize(data: bytes) -> int | None:
    """
    Tell how long the first frame is, if that is all there.
    """
    if len(data) < 4:
        return None
    length = data[1] & 0x7F
    size = 2 + length if length < 126 else 4 + int.from_bytes(data[2:4], "big")
    return size if len(data) >= size else None


def receive(client: socket.socket) -> bytes:
    """
    Receive what there is.
    """
    data = client.recv(65536)
    if not data:
        raise RuntimeError("the server has closed the connection")
    return data


def exchange(
    server: Server, frames: Sequence[bytes], connections: int, count: int
) -> tuple[float, float]:
    """
    Have messages echoed, one at a time on each connection.

    @return: microseconds and bytes of an echo, each.
    """
    parameters = "=12" if server.name == "aiohttp" else ""
    clients = [connect(server, parameters) for _ in range(connections)]
    selector = selectors.DefaultSelector()
    for client in clients:
        selector.register(client, selectors.EVENT_READ)
    received = dict.fromkeys(clients, b"")
    size, begun, sent, echoed = 0, server.cpu, 0, 0
    for client in clients:
        client.sendall(frames[sent % len(frames)])
        sent += 1
    while echoed < sent:
        for key, _ in selector.select():
            client = key.fileobj
            assert isinstance(client, socket.socket)
            data = received[client] + receive(client)
            if (length := frameSize(data)) is not None:
                size += length
                echoed += 1
                data = data[length:]
                if sent < count:
                    client.sendall(frames[sent % len(frames)])
                    sent += 1
            received[client] = data
    took = server.cpu - begun
    for client in clients:
        client.close()
    selector.close()
    return took / count * 1e6, size / count


def parseArguments(description: str | None) -> argparse.Namespace:
    """
    Parse the command line.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--peers", metavar="PYTHON")
    parser.add_argument("--count", type=int, default=20000)
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rst", type=Path, metavar="FILE")
    return parser.parse_args()


def report(rows: Sequence[Sequence[str]], note: str, destination: Path | None) -> None:
    """
    Print a table, and write it for the docs.
    """
    for row in rows:
        print("  ".join(cell.ljust(18) for cell in row))
    print(note)
    if destination is not None:
        lines = [".. list-table::", "   :header-rows: 1", ""]
        for row in rows:
            first, *others = row
            lines += [f"   * - {first}", *(f"     - {cell}" for cell in others)]
        destination.write_text("\n".join([*lines, "", note, ""]), "utf-8")


def main() -> None:
    """
    Measure all servers in turn, several times.
    """
    options = parseArguments(__doc__)
    names = ["txws none", "txws low", "txws balanced", "txws best", "txws level 1"]
    if find_spec("isal"):
        names += ["txws low, ISA-L", "txws level 1, ISA-L"]
    if options.peers:
        names += ["websockets", "autobahn", "aiohttp"]
    messages = makeMessages(256)
    results: dict[str, list[tuple[float, float]]] = {}
    versions = {}
    for _ in range(options.rounds):
        for name in names:
            make = plain if name == "txws none" else compressed
            frames = [make(message) for message in messages]
            with running(name, options.peers) as server:
                exchange(server, frames, 10, 500)
                result = exchange(server, frames, options.connections, options.count)
                results.setdefault(name, []).append(result)
                versions[name] = server.version
    rows = [["Server", "Version", "CPU, µs a message", "Bytes of 1024"]]
    for name in names:
        took, size = (median(each) for each in zip(*results[name], strict=True))
        rows.append([name, versions[name], f"{took:.0f}", f"{size:.0f}"])
    note = (
        f"{options.connections} connections, one message at a time on each, medians of"
        f" {options.rounds} rounds, Python {sys.version.split()[0]}, zlib"
        f" {zlib.ZLIB_RUNTIME_VERSION}."
    )
    report(rows, note, options.rst)


if __name__ == "__main__":
    main()
