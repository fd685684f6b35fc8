"""
How long the parts of the wire take, in this process, without sockets or
Twisted: C{python -m benchmarks.wire}.

Printed is the least of some repetitions, in nanoseconds, which is what the
machine can do when nobody disturbs it.
"""

from __future__ import annotations

import platform
from argparse import ArgumentParser
from collections.abc import Callable
from timeit import Timer

import txws
from txws.wire.codes import Opcode
from txws.wire.connection import Connection
from txws.wire.events import TextMessageReceived
from txws.wire.frames import Frame, FrameParser
from txws.wire.masking import mask
from txws.wire.messages import MessageAssembler
from txws.wire.states import Role

from .machine import loadAverage, pinServer
from .rows import KIB, MIB
from .traffic import makeText, serialize

__all__ = ["PARTS", "leastTime"]

SIZES = {"32 B": 32, "1 KiB": KIB, "64 KiB": 64 * KIB, "1 MiB": MIB}
_KEY = bytes.fromhex("37fa213d")
_FRAGMENTS = 8
_LETTER = "å"

Operation = Callable[[], object]


def parse(size: int) -> Operation:
    """
    Parse a masked frame: its header, its checks and its payload.
    """
    data, parser = serialize(makeText(size)), FrameParser(isMasked=True)

    def operation() -> object:
        parser.receiveData(data)
        return parser.nextFrame()

    return operation


def unmask(size: int) -> Operation:
    """
    Unmask a part of what was received.
    """
    received = memoryview(serialize(makeText(size)))[-size:]
    return lambda: mask(received, _KEY)


def maskWhole(size: int) -> Operation:
    """
    Mask a payload.
    """
    payload = makeText(size)
    return lambda: mask(payload, _KEY)


def serializeFrame(size: int) -> Operation:
    """
    Serialize a frame of a server.
    """
    return Frame(Opcode.TEXT, makeText(size)).serialize


def assemble(size: int) -> Operation:
    """
    Put a binary message together, from eight fragments.
    """
    message = Frame(Opcode.BINARY, makeText(size))
    fragments = [
        (fragment.opcode, fragment.payload, fragment.isFinal)
        for fragment in message.fragments(size // _FRAGMENTS)
    ]
    assembler = MessageAssembler()

    def operation() -> object:
        for fragment in fragments:
            message = assembler.receiveFrame(*fragment)
        return message

    return operation


def decodeASCII(size: int) -> Operation:
    """
    Take a text message of ASCII.
    """
    return _decode(makeText(size))


def decodeOther(size: int) -> Operation:
    """
    Take a text message of letters of two bytes.
    """
    return _decode((_LETTER * (size // 2)).encode())


def _decode(payload: bytes) -> Operation:
    assembler = MessageAssembler()
    return lambda: assembler.receiveFrame(Opcode.TEXT, payload, True)


def echo(size: int) -> Operation:
    """
    Take a message and send it back, all that a connection does.
    """
    data, connection = serialize(makeText(size)), Connection(Role.SERVER)

    def operation() -> object:
        connection.receiveData(data)
        event = connection.nextEvent()
        assert isinstance(event, TextMessageReceived)
        connection.sendText(event.message)
        return connection.dataToSend()

    return operation


PARTS: dict[str, Callable[[int], Operation]] = {
    "parse": parse,
    "unmask": unmask,
    "mask": maskWhole,
    "serialize": serializeFrame,
    "assemble 8 fragments": assemble,
    "decode ASCII": decodeASCII,
    "decode other text": decodeOther,
    "echo, whole connection": echo,
}


def leastTime(operation: Operation, repetitions: int, seconds: float) -> float:
    """
    Time an operation.

    @param repetitions: how many times.
    @param seconds: how long about each is to take.
    @return: the least time, in nanoseconds.
    """
    timer = Timer(operation)
    number = 1
    while (taken := timer.timeit(number)) < seconds / 4:
        number *= 2
    number = max(1, int(number * seconds / taken))
    return min(timer.repeat(repetitions, number)) / number * 1e9


def main() -> None:
    """
    Print a row for each part.
    """
    parser = ArgumentParser("python -m benchmarks.wire", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=9, help="%(default)s")
    parser.add_argument(
        "--seconds", type=float, default=0.02, help="of one repetition: %(default)s"
    )
    options = parser.parse_args()
    pinServer(0)
    print(f"txws {txws.__version__}, Python {platform.python_version()}", end=", ")
    print("load average", loadAverage())
    print(f"{'ns':24}", *(f"{title:>12}" for title in SIZES))
    for name, part in PARTS.items():
        times = (
            leastTime(part(size), options.repetitions, options.seconds)
            for size in SIZES.values()
        )
        print(f"{name:24}", *(f"{time:12,.0f}" for time in times))


if __name__ == "__main__":
    main()
