"""
What libraries that could take the place of zlib need for a message of 1 KiB of JSON:
microseconds to compress it by itself (10 bits, memory level 3) and looking back (12
bits, 5), the bytes that it takes then, microseconds to inflate it, and the memory of
what compresses and of what inflates (12 bits, 5).

C{python benchmarks/compression_libraries.py [--rst FILE]}, with whatever is installed
of zlib-ng and isal.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from timeit import repeat
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from compression import makeMessages, parseArguments, report

LIBRARIES = (
    ("zlib", "zlib", (1, 6)),
    ("zlib-ng", "zlib_ng.zlib_ng", (1, 6)),
    ("ISA-L", "isal.isal_zlib", (1, 2, 3)),
)
ALONE = (10, 3)
LOOKING_BACK = (12, 5)
KEPT = 500
DEFLATED = 8
SYNC_FLUSH = 2


def compress(stream: Any, message: bytes) -> bytes:
    """
    Compress a message.
    """
    deflated: bytes = stream.compress(message) + stream.flush(SYNC_FLUSH)
    return deflated


def microseconds(act: Callable[[], object], count: int) -> float:
    """
    Measure how long something takes that does so many messages.
    """
    return min(repeat(act, number=1, repeat=20)) / count * 1e6


def measure(name: str, level: int) -> tuple[str, ...]:
    """
    Measure one library at one level.
    """
    library = import_module(name)
    messages = makeMessages(256)

    def make(bits: int, memory: int) -> Any:
        return library.compressobj(level, DEFLATED, -bits, memory)

    def alone() -> list[bytes]:
        return [compress(make(*ALONE), message) for message in messages]

    def lookingBack() -> list[bytes]:
        stream = make(*LOOKING_BACK)
        return [compress(stream, message) for message in messages]

    deflated = lookingBack()

    def inflate() -> None:
        stream = library.decompressobj(-LOOKING_BACK[0])
        for message in deflated:
            stream.decompress(message, 1 << 16)

    cells = []
    for act in (alone, lookingBack):
        cells.append(f"{microseconds(act, len(messages)):.0f}")
        cells.append(f"{sum(map(len, act())) / len(messages) - 4:.0f}")
    return (*cells, f"{microseconds(inflate, len(messages)):.0f}")


def resident() -> int:
    """
    Ask the kernel how many bytes this process has.
    """
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def weigh(name: str, level: int, isInflating: bool) -> int:
    """
    Measure the memory of a stream that has done one message, in a process in which
    nothing was done before.
    """
    library = import_module(name)
    bits, memory = LOOKING_BACK
    (message,) = makeMessages(1)
    deflated = compress(import_module("zlib").compressobj(6, DEFLATED, -9), message)
    kept = []

    def use() -> None:
        if isInflating:
            stream = library.decompressobj(-bits)
            stream.decompress(deflated, 1 << 16)
        else:
            stream = library.compressobj(level, DEFLATED, -bits, memory)
            compress(stream, message)
        kept.append(stream)

    for _ in range(20):
        use()
    before = resident()
    for _ in range(KEPT):
        use()
    return (resident() - before) // KEPT


def weighAlone(name: str, level: int, isInflating: bool) -> str:
    """
    Have another process weigh.
    """
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "from compression_libraries import weigh;"
        f"print(weigh({name!r}, {level}, {isInflating}))"
    )
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", program, here]
    return f"{int(subprocess.check_output(command)):,}"


def rows() -> Sequence[Sequence[str]]:
    """
    Measure all that is installed.
    """
    found = [
        [
            "Library, level",
            "Alone, µs",
            "bytes",
            "Looking back, µs",
            "bytes",
            "Inflating, µs",
            "Memory, compressing",
            "inflating",
        ]
    ]
    for title, name, levels in LIBRARIES:
        try:
            import_module(name)
        except ImportError:
            print(f"NOT INSTALLED: {title}", file=sys.stderr)
            continue
        for level in levels:
            weights = (weighAlone(name, level, each) for each in (False, True))
            found.append([f"{title}, {level}", *measure(name, level), *weights])
    return found


if __name__ == "__main__":
    report(
        rows(),
        f"Messages of 1 KiB, the best of 20 rounds, Python {sys.version.split()[0]}.",
        parseArguments(__doc__).rst,
    )
