"""
How long a fragmented message takes to be delivered, by its size.

A masked message in fragments of 8 KiB arrives at a server in reads of 64 KiB,
as from a socket.  The time for each MiB has to be the same for all sizes::

    python benchmarks/fragments.py
"""

from __future__ import annotations

import platform
import statistics
import time

import twisted
from twisted.internet.task import Clock

from txws import Limits, WebSocketFactory, WebSocketHandler
from txws.testing import MemoryTransport
from txws.wire.codes import Opcode
from txws.wire.frames import Frame

MIB = 1024 * 1024
FRAGMENT = 8 * 1024
READ = 64 * 1024
ROUNDS = 5
REQUEST = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


class Measured(WebSocketHandler):
    """
    Notes the size of what it gets.
    """

    received = 0

    def textMessageReceived(self, message: str) -> None:
        """
        Note a text message.
        """
        type(self).received = len(message)

    def bytesMessageReceived(self, data: bytes) -> None:
        """
        Note a binary message.
        """
        type(self).received = len(data)


def serializeMessage(opcode: Opcode, size: int) -> bytes:
    """
    Make a message of one letter, in masked fragments.
    """
    fragments = Frame(opcode, b"x" * size).fragments(FRAGMENT)
    return b"".join(fragment.serialize(b"\x01\x02\x03\x04") for fragment in fragments)


def deliver(message: bytes, size: int) -> float:
    """
    Deliver a message to a server.

    @return: how many seconds it took.
    """
    limits = Limits(maxMessageSize=None, maxFragments=None)
    factory = WebSocketFactory(Measured, limits=limits, clock=Clock())
    transport = MemoryTransport(factory.buildProtocol(None))
    transport.connect()
    transport.receiveData(REQUEST)
    reads = [message[start : start + READ] for start in range(0, len(message), READ)]
    begun = time.perf_counter()
    for read in reads:
        transport.receiveData(read)
    taken = time.perf_counter() - begun
    if Measured.received != size:
        raise RuntimeError(f"{Measured.received} bytes arrived, not {size}")
    return taken


def main() -> None:
    """
    Print a row for each size.
    """
    print(f"Python {platform.python_version()}, Twisted {twisted.__version__}")
    print(f"{'MiB':>4}  {'text, s/MiB':>12}  {'binary, s/MiB':>14}")
    for mebibytes in (4, 16, 64):
        size = mebibytes * MIB
        columns = []
        for opcode in (Opcode.TEXT, Opcode.BINARY):
            message = serializeMessage(opcode, size)
            rounds = [deliver(message, size) for _ in range(ROUNDS)]
            columns.append(statistics.median(rounds) / mebibytes)
        print(f"{mebibytes:>4}  {columns[0]:>12.6f}  {columns[1]:>14.6f}")


if __name__ == "__main__":
    main()
