"""
The load: C{load.c}, told what to send to whom.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from .machine import pinLoad
from .rows import Row
from .running import Running, Unavailable
from .traffic import (
    makeDocuments,
    makeRequest,
    makeText,
    serialize,
    serializeDeflated,
)

__all__ = ["Traffic", "applyLoad", "parseResult", "planTraffic"]

_DEFLATE = "permessage-deflate"
# More than any window remembers.
_DOCUMENTS = 64
_GRACE = 60


class Traffic(NamedTuple):
    """
    What is sent.

    @ivar kind: how C{load.c} calls it.
    @ivar request: the opening handshake.
    @ivar batches: what each connection sends at a time, in turn.
    @ivar expected: how much is to come back of a batch.
    @ivar scale: how much of that is one message.
    @ivar header: what the answer to the handshake has to contain.
    """

    kind: str
    request: bytes
    batches: Sequence[bytes] = ()
    expected: int = 0
    scale: float = 1
    header: str = ""


def planTraffic(row: Row, isRaw: bool) -> Traffic:
    """
    Make the traffic of a row.

    @param isRaw: whether the server knows nothing of WebSocket.
    """
    plans: dict[str, Callable[[Row], Traffic]] = {
        "bytes": _planRaw if isRaw else _planBytes,
        "broadcast": _planBroadcast,
        "deflate": _planDeflate,
    }
    plan = plans.get(row.kind)
    if plan is not None:
        return plan(row)
    return Traffic(row.kind, b"" if isRaw else makeRequest())


def _planBytes(row: Row) -> Traffic:
    batch = serialize(makeText(row.size)) * row.inFlight
    return Traffic(
        "bytes", makeRequest(), [batch], row.size * row.inFlight, scale=row.size
    )


def _planRaw(row: Row) -> Traffic:
    # The very bytes, which come back as they are.
    batch = serialize(makeText(row.size)) * row.inFlight
    return Traffic("raw", b"", [batch], len(batch), scale=len(batch) / row.inFlight)


def _planBroadcast(row: Row) -> Traffic:
    message = serialize(makeText(row.size))
    expected = row.size * row.connections
    return Traffic("broadcast", makeRequest(), [message], expected, scale=row.size)


def _planDeflate(row: Row) -> Traffic:
    batches = [serializeDeflated(each) for each in makeDocuments(_DOCUMENTS, row.size)]
    request = makeRequest(f"{_DEFLATE}; client_max_window_bits")
    return Traffic("messages", request, batches, 1, header=_DEFLATE)


def applyLoad(
    program: Path, traffic: Traffic, server: Running, connections: int, seconds: float
) -> float:
    """
    Have a server work.

    @param seconds: how long it is measured, after a quarter of that.
    @return: what one message cost it, in seconds of CPU time; or what one idle
        connection did, in bytes.
    @raise Unavailable: if it fails.
    """
    command = [
        str(program),
        traffic.kind,
        str(server.process),
        str(server.port),
        str(connections),
        str(seconds),
        str(traffic.expected),
        traffic.header,
    ]
    lengths = [len(part) for part in (traffic.request, *traffic.batches)]
    line = " ".join(map(str, lengths)).encode()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        pinLoad(process.pid)
        try:
            output, errors = process.communicate(
                b"\n".join((line, traffic.request)) + b"".join(traffic.batches),
                timeout=seconds + _GRACE,
            )
        except subprocess.TimeoutExpired:
            process.kill()
            raise Unavailable("it does not answer any more") from None
    if process.returncode:
        lines = errors.decode(errors="replace").split("\n")
        raise Unavailable(lines[0].strip() or "the load failed")
    return parseResult(output.decode(), traffic.scale)


def parseResult(line: str, scale: float) -> float:
    """
    Find the cost of one message in what C{load.c} has printed.

    @param scale: how much of what it counts is one message.
    @raise Unavailable: if it has counted nothing.
    """
    amount, cost, _ = line.split()
    messages = int(amount) / scale
    if not messages:
        raise Unavailable("nothing came back")
    return float(cost) / messages
