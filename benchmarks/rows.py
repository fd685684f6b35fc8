"""
The rows of the table: what the servers have to do.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["KIB", "MIB", "ROWS", "Row"]

KIB = 1024
MIB = 1024 * KIB


class Row(NamedTuple):
    """
    A kind of load.

    @ivar name: what commands call it.
    @ivar title: what tables call it.
    @ivar kind: of what kind: C{bytes}, C{broadcast}, C{deflate}, C{handshake}
        or C{idle}.
    @ivar connections: how many.
    @ivar size: of a message, in bytes.
    @ivar inFlight: how many messages a connection sends before it waits.
    @ivar work: what the server is to do.
    @ivar unit: what is counted.
    """

    name: str
    title: str
    kind: str
    connections: int
    size: int = 0
    inFlight: int = 1
    work: str = "echo"
    unit: str = "µs a message"

    @property
    def factor(self) -> float:
        """
        What makes the unit of seconds, or of bytes.
        """
        return 1e-3 if self.kind == "idle" else 1e6


ROWS = {
    row.name: row
    for row in (
        Row("small", "100 connections, 32 B", "bytes", 100, 32),
        Row("medium", "100 connections, 1 KiB", "bytes", 100, KIB),
        Row("pipelined", "100 connections, 32 in flight, 32 B", "bytes", 100, 32, 32),
        Row("large", "1 connection, 64 KiB", "bytes", 1, 64 * KIB),
        Row("huge", "4 connections, 1 MiB", "bytes", 4, MIB),
        Row("handshake", "Handshake and close", "handshake", 8, unit="µs"),
        Row(
            "broadcast",
            "Broadcast, 1 KiB to 1,000",
            "broadcast",
            1000,
            KIB,
            work="broadcast",
            unit="µs a member",
        ),
        Row("deflate", "Deflate, 1 KiB JSON", "deflate", 100, KIB, work="deflate"),
        Row(
            "memory",
            "Memory, idle connection",
            "idle",
            1000,
            work="idle",
            unit="KB a connection",
        ),
    )
}
