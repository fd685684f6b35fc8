"""
How bytes come: who sends much is read in larger portions.
"""

from __future__ import annotations

from twisted.internet.interfaces import ITransport
from twisted.internet.tcp import Connection as Socket

from .memory import keepMemory

__all__ = ["FULL_SIZE", "readMore"]

# As much as Twisted reads from a socket at once.
FULL_SIZE = 64 * 1024

# Not so much that memory for it is asked for, and given back, each time.
_LARGER_SIZE = 125 * 1024


def readMore(transport: ITransport) -> None:
    """
    Read a peer in larger portions, for what it sends fills the usual ones: a message
    of 64 KiB comes in one piece then, not in two.

    @param transport: its transport.  If it is no socket, and if its portions are not
        the usual ones, it is left alone.
    """
    keepMemory()
    if isinstance(transport, Socket) and transport.bufferSize == FULL_SIZE:
        transport.bufferSize = _LARGER_SIZE
