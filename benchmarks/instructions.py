"""
How many instructions a message takes, as valgrind counts them: unlike times, they
are the same however busy the machine is.

For the txws that is installed, and its other wire::

    python benchmarks/instructions.py
    TXWS_PLAIN=1 python benchmarks/instructions.py

Text messages of 32 bytes, masked and 32 to a read, are parsed, echoed by a
connection of the wire, or echoed by a handler on a transport in memory; and messages of
1 KiB are broadcast to 32 members.  What the process takes besides is counted too, and
subtracted.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys

from txws import Group, WebSocketHandler
from txws.testing import FakeWebSocketTransport
from txws.wire import isCompiled
from txws.wire.codes import Opcode
from txws.wire.connection import Connection
from txws.wire.frames import Frame, FrameParser
from txws.wire.states import Role

READS = 100
MESSAGES = 32
READ = Frame(Opcode.TEXT, b"abcdefgh" * 4).serialize(b"\x37\xfa\x21\x3d") * MESSAGES
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
    transport = FakeWebSocketTransport(Echo())
    transport.finishNegotiation()
    for _ in range(READS):
        transport.dataReceived(READ)
        transport.carrier.takeData()  # type: ignore[attr-defined]  # in memory


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


LOOPS = {loop.__name__: loop for loop in (start, parse, echo, handle, join, broadcast)}


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
        ("broadcast", "join"),
    ):
        taken = (count(name) - count(before)) / READS / MESSAGES
        print(f"{name}: {taken:,.0f} instructions a message")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        LOOPS[sys.argv[1]]()
    else:
        main()
