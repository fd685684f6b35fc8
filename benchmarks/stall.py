"""
How long a large fragmented message stops a web server.

A client sends 33 MB in masked fragments of 8 KiB over TCP to a resource of
L{twisted.web}, while a looping call ticks every 10 ms in the server.  Printed
is the longest gap between two ticks, for our resource and for Twisted's own::

    python benchmarks/stall.py

The client is a process of its own.  The client's bytes are the same for both.
"""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from typing import Any

import twisted
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.task import LoopingCall, react
from twisted.web.resource import Resource
from twisted.web.server import Site

import txws
from txws import Limits, WebSocketResource
from txws.wire.codes import Opcode
from txws.wire.frames import Frame

SIZE = 33_000_000
FRAGMENT = 8 * 1024
TICK = 0.01
MOST = 0.1
ROUNDS = 3
REQUEST = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


class Sink:
    """
    Waits for one message; for both, so it declares nothing.
    """

    def __init__(self) -> None:
        self.received: Deferred[int] = Deferred()

    def buildProtocol(self, request: Any) -> Sink:
        """
        Be the handler of the only connection.
        """
        return self

    def bytesMessageReceived(self, data: bytes) -> None:
        """
        It is here.
        """
        self.received.callback(len(data))

    def ignore(self, *arguments: Any) -> None:
        """
        Do nothing.
        """

    negotiationStarted = negotiationFinished = textMessageReceived = ignore
    pongReceived = connectionLost = ignore


def send(port: int) -> None:
    """
    Be the client: send the message.
    """
    import socket

    fragments = Frame(Opcode.BINARY, b"x" * SIZE).fragments(FRAGMENT)
    message = b"".join(each.serialize(b"\x01\x02\x03\x04") for each in fragments)
    with socket.create_connection(("127.0.0.1", port)) as peer:
        peer.sendall(REQUEST)
        if not peer.recv(4096).startswith(b"HTTP/1.1 101 "):
            raise RuntimeError("the handshake is refused")
        peer.sendall(message)
        # Until it is taken, or the server is tired.
        peer.settimeout(120)
        peer.recv(4096)


async def measure(reactor: Any, makeResource: Any) -> tuple[float, float]:
    """
    Find the longest gap.

    @return: the longest gap, and how long all took, in seconds.
    """
    sink = Sink()
    root = Resource()
    root.putChild(b"ws", makeResource(sink))
    endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
    port = await endpoint.listen(Site(root))
    ticks: list[float] = []
    ticking = LoopingCall(lambda: ticks.append(time.perf_counter()))
    command = [sys.executable, __file__, str(port.getHost().port)]
    with subprocess.Popen(command) as client:
        ticking.start(TICK)
        if await sink.received != SIZE:
            raise RuntimeError("the message did not arrive whole")
        now = time.perf_counter()
        client.kill()
    ticking.stop()
    await port.stopListening()
    moments = [*ticks, now]
    gaps = [after - before for before, after in pairwise(moments)]
    return max(gaps), now - ticks[0]


def ours(sink: Sink) -> Resource:
    """
    Make our resource.
    """
    return WebSocketResource(
        sink, limits=Limits(maxMessageSize=None, maxFragments=None)
    )


async def main(reactor: Any) -> None:
    """
    Print a row for each.
    """
    found = [("txws", txws.__version__, ours)]
    try:
        from twisted.web.websocket import WebSocketResource as Theirs

        name = f"twisted.web.websocket (wsproto {version('wsproto')})"
        found.append((name, twisted.__version__, Theirs))
    except (ImportError, PackageNotFoundError):
        print("twisted.web.websocket is not installed")
    print(f"Python {platform.python_version()}, Twisted {twisted.__version__}")
    print(f"{SIZE} bytes in fragments of {FRAGMENT}, the worst of {ROUNDS} rounds")
    for name, release, makeResource in found:
        rounds = [await measure(reactor, makeResource) for _ in range(ROUNDS)]
        gap = max(gap for gap, _ in rounds)
        taken = max(taken for _, taken in rounds)
        print(
            f"{name} {release}: longest gap {gap * 1000:.0f} ms, all in {taken:.1f} s"
        )
        if makeResource is ours and gap > MOST:
            raise SystemExit(f"longer than {MOST * 1000:.0f} ms")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        send(int(sys.argv[1]))
    else:
        react(lambda reactor: Deferred.fromCoroutine(main(reactor)))
