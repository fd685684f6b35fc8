"""
Memory for large messages: have the allocator keep what it is given back.

A message of 1 MiB needs as much several times: as it comes, as text, as it goes.
The allocator of glibc asks the kernel for so much memory and returns it at once, so
that each of its pages is made anew for each message, which costs more than all else
that is done with them.  It learns better, as C{mallopt(3)} tells, from a block that is
larger: those that are smaller are kept from then on.
"""

from __future__ import annotations

__all__ = ["keepMemory"]

# What is smaller is kept, in all not more than twice as much.  It is never written
# to, so that there is nothing behind it but addresses.
_LESSON_SIZE = 16 * 1024 * 1024

_lessons = [_LESSON_SIZE]


def keepMemory() -> None:
    """
    Have memory kept, of the whole process: from its first large message on at most
    32 MiB that nobody uses.  Where the environment sets C{MALLOC_TRIM_THRESHOLD_} or
    the like, and where the allocator is another one, this changes nothing.
    """
    while _lessons:
        bytes(_lessons.pop())
