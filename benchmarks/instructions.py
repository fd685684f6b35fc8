"""
How many instructions a message takes, as valgrind counts them: unlike times, they
are the same however busy the machine is.

For the txws that is installed, and its other wire::

    python benchmarks/instructions.py
    TXWS_PLAIN=1 python benchmarks/instructions.py

Text messages of 32 bytes, masked and 32 to a read, are parsed, echoed by a
connection of the wire, or echoed by a handler or a wrapped protocol on a transport in
memory; and messages of 1 KiB are broadcast to 32 members.  Opening handshakes are
parsed and answered by the wire, or by all of a server, up to the closing one.  What
the process takes besides is counted too, and subtracted.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys

from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock

from txws import Group, WebSocketFactory, WebSocketHandler
from txws.encodings import Binary
from txws.interfaces import IWebSocketHandler
from txws.streaming import StreamHandler
from txws.testing import FakeWebSocketTransport, MemoryTransport
from txws.wire import isCompiled
from txws.wire.codes import Opcode
from txws.wire.connection import Connection
from txws.wire.frames import Frame, FrameParser
from txws.wire.http import HeadLimits, HeadReader, parseRequestHead
from txws.wire.serverhandshake import acceptUpgrade, isUpgrade, parseUpgrade
from txws.wire.states import Role

READS = 100
MESSAGES = 32
KEY = b"\x37\xfa\x21\x3d"
READ = Frame(Opcode.TEXT, b"abcdefgh" * 4).serialize(KEY) * MESSAGES
CLOSE = Frame(Opcode.CLOSE, b"\x03\xe8").serialize(KEY)
HANDSHAKES = 300
REQUEST = (
    b"GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Version: 13\r\n\r\n"
)
LIMITS = HeadLimits(16384, 100, 8192)
COUNT = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")


def start() -> None:
    """
    Do nothing.
    """


def parse() -> None:
    """
    Parse the messages.
    """
    parser = FrameParser(isMasked=True)
    for _ in range(READS):
        parser.receiveData(READ)
        while parser.nextPayload() is not None:
            pass


def echo() -> None:
    """
    Echo the messages.
    """
    connection = Connection(Role.SERVER)
    for _ in range(READS):
        connection.receiveData(READ)
        while (event := connection.nextEvent()) is not None:
            connection.sendText(event.message)
        connection.dataToSend()


class Echo(WebSocketHandler):
    """
    Sends back what it receives.
    """

    def textMessageReceived(self, message: str) -> None:
        """
        Send it back.
        """
        self.transport.sendTextMessage(message)


def handle() -> None:
    """
    Echo the messages by a handler.
    """
    serve(Echo())


class EchoProtocol(Protocol):
    """
    Sends back what it receives.
    """

    def dataReceived(self, data: bytes) -> None:
        """
        Send it back.
        """
        assert self.transport is not None
        self.transport.write(data)


def wrap() -> None:
    """
    Echo the messages by a wrapped protocol.
    """
    serve(StreamHandler(EchoProtocol(), Binary()))


def serve(handler: IWebSocketHandler) -> None:
    """
    Have a handler serve.
    """
    transport = FakeWebSocketTransport(handler)
    transport.finishNegotiation()
    for _ in range(READS):
        transport.dataReceived(READ)
        transport.carrier.takeData()  # type: ignore[attr-defined]  # in memory


def upgrade() -> None:
    """
    Parse opening handshakes, and answer them.
    """
    for _ in range(HANDSHAKES):
        read = HeadReader(LIMITS).receiveData(REQUEST)
        assert read is not None
        head = parseRequestHead(read[0], LIMITS)
        assert isUpgrade(head)
        acceptUpgrade(parseUpgrade(head))


def visit() -> None:
    """
    Serve connections that are opened and closed.
    """
    factory = WebSocketFactory(Echo, clock=Clock())
    for _ in range(HANDSHAKES):
        transport = MemoryTransport(factory.buildProtocol(None))
        transport.connect()
        for data in (REQUEST, CLOSE):
            transport.receiveData(data)
            transport.takeData()
        transport.settle()


def join() -> Group:
    """
    Make a group, of as many members as there are messages in a read.
    """
    group = Group()
    for _ in range(MESSAGES):
        transport = FakeWebSocketTransport(WebSocketHandler())
        transport.finishNegotiation()
        group.add(transport)
    return group


def broadcast() -> None:
    """
    Broadcast messages of 1 KiB to a group.
    """
    group = join()
    for _ in range(READS):
        group.broadcast("a" * 1024)
        for member in group:
            member.carrier.takeData()  # type: ignore[attr-defined]  # in memory


LOOPS = {
    loop.__name__: loop
    for loop in (start, parse, echo, handle, wrap, join, broadcast, upgrade, visit)
}


def count(name: str) -> int:
    """
    Count the instructions of a process that runs a loop.
    """
    ran = subprocess.run(
        [*COUNT, sys.executable, __file__, name],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"Collected : (\d+)", ran.stderr)
    assert found is not None, ran.stderr
    return int(found[1])


def main() -> None:
    """
    Print a line for each loop.
    """
    print("wire:", "compiled" if isCompiled else "plain")
    for name, before in (
        ("parse", "start"),
        ("echo", "start"),
        ("handle", "start"),
        ("wrap", "start"),
        ("broadcast", "join"),
    ):
        taken = (count(name) - count(before)) / READS / MESSAGES
        print(f"{name}: {taken:,.0f} instructions a message")
    for name in ("upgrade", "visit"):
        taken = (count(name) - count("start")) / HANDSHAKES
        print(f"{name}: {taken:,.0f} instructions a handshake")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        LOOPS[sys.argv[1]]()
    else:
        main()
