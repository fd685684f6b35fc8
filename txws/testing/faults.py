"""
What a network does to bytes on purpose: a frozen value, for one direction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from random import Random

from txws.errors import InvalidSetting

__all__ = ["NO_FAULTS", "Faults", "splitData"]


@dataclass(frozen=True)
class Faults:
    """
    How one direction of a connection misbehaves.  All faults can be had at
    once; without any, bytes arrive whole and at once.

    Bytes and seconds count from when these faults are set.

    @ivar split: into which pieces bytes are split: of so many bytes; of these
        sizes, one after the other, and then not any more; or, with a
        L{Random<random.Random>}, of any size.
    @ivar merge: for so many seconds what is written is gathered, to arrive in
        one piece.
    @ivar delay: how many seconds bytes, and the end of the connection, are on
        their way.
    @ivar bytesPerSecond: how fast the reader takes bytes, 0 for not at all;
        what it does not take waits with the writer.  L{None} for at once.
    @ivar cutAfter: after how many bytes in this direction the connection is
        cut, for both sides; L{None} for never.
    @ivar isReset: whether it is cut as by a crash, with what is on its way
        lost; else it ends as if each side had closed it.
    """

    split: int | Sequence[int] | Random | None = None
    merge: float = 0.0
    delay: float = 0.0
    bytesPerSecond: float | None = None
    cutAfter: int | None = None
    isReset: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.split, Sequence):
            object.__setattr__(self, "split", tuple(self.split))
            for size in self.split:
                _check("split", size, int, least=1)
        elif self.split is not None and not isinstance(self.split, Random):
            _check("split", self.split, int, least=1)
        for name in ("merge", "delay", "bytesPerSecond"):
            if getattr(self, name) is not None:
                _check(name, getattr(self, name), (int, float))
        if self.cutAfter is not None:
            _check("cutAfter", self.cutAfter, int)
        if self.isReset and self.cutAfter is None:
            raise InvalidSetting("isReset", "says how to cut; cutAfter is not set")

    @property
    def isTimed(self) -> bool:
        """
        Whether a clock is needed.
        """
        return bool(self.merge or self.delay) or self.bytesPerSecond is not None

    def sizes(self) -> Iterator[int]:
        """
        Tell how large the pieces are, as long as that does not depend on
        anything else.
        """
        if isinstance(self.split, int):
            return repeat(self.split)
        return iter(self.split if isinstance(self.split, Sequence) else ())


def splitData(data: bytes, sizes: Sequence[int]) -> list[bytes]:
    """
    Split bytes into pieces.

    @param data: the bytes.
    @param sizes: the sizes of the pieces; what is left is one more.
    """
    pieces = []
    start = 0
    for size in sizes:
        if start >= len(data):
            break
        pieces.append(data[start : start + size])
        start += size
    if start < len(data):
        pieces.append(data[start:])
    return pieces


def _check(
    name: str,
    value: object,
    kind: type | tuple[type, ...],
    least: int = 0,
) -> None:
    """
    Check a fault that is a number.
    """
    isNumber = isinstance(value, kind) and not isinstance(value, bool)
    if not isNumber or not value >= least:  # type: ignore[operator]  # it is one
        raise InvalidSetting(name, f"must be a number from {least} on, not {value!r}")


NO_FAULTS = Faults()
