"""
How bytes arrive: who sends much is read in larger pieces.

Twisted reads 64 KiB at a time.  With that, a large message costs more turns of the
reactor than anything else.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import ITransport
from twisted.internet.tcp import Connection as Socket

__all__ = ["FULL_READ", "readMuch"]

# So many bytes show that there may be more.
FULL_READ = Socket.bufferSize

# It takes time to make room for what does not come.
_LARGE_READ = 4 * FULL_READ


def readMuch(transport: ITransport, isMuch: bool) -> None:
    """
    Choose how much is read at a time from the socket of a TCP connection; any
    other transport stays as it is.

    @param transport: the transport.
    @param isMuch: whether there is likely to be much.
    """
    if isinstance(transport, Socket):
        socket: Any = transport
        socket.bufferSize = _LARGE_READ if isMuch else FULL_READ
