"""
How bytes leave: a plain socket is tried at once, if nothing waits for it.

Twisted queues what is written, asks whether the socket is writable and sends
in the next turn of the reactor; it nearly always is.  So half of the work of an
answer is saved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.interfaces import ITransport
from twisted.internet.tcp import Connection as Socket

__all__ = ["writerFor"]

# What has to be as it is known here, for none of it is promised.
_KNOWN = ("connected", "dataBuffer", "disconnecting", "writeSomeData", "TLS")

# After so many bytes the reactor has its turn, however fast the peer reads: who
# sends without an end must not keep everybody else waiting.
_AT_ONCE_SIZE = 256 * 1024

# So many pieces, of which the last has so many bytes, are not joined before.
_MOST_PIECES = 16
_LARGE_PIECE = 16 * 1024

# What each write costs besides its bytes, as if it were bytes.
_WRITE_COST = 1024


def writerFor(transport: ITransport) -> Callable[[Sequence[bytes]], None]:
    """
    Find out how to write to a Twisted transport.

    @param transport: the transport.  If it is the socket of a TCP or a UNIX
        connection, without TLS, it is tried at once; any other transport, and
        what the socket does not take, goes the ordinary way.
    @return: writes pieces of bytes, in one.
    """
    isKnown = isinstance(transport, Socket) and all(
        hasattr(transport, name) for name in _KNOWN
    )
    if not isKnown or not isinstance(getattr(transport, "_tempDataBuffer", None), list):
        return transport.writeSequence
    return _SocketWriter(transport).write


class _SocketWriter:
    """
    Writes to a socket, at once if nothing waits for it.
    """

    __slots__ = ("_spent", "_transport")

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._spent = 0

    def write(self, pieces: Sequence[bytes]) -> None:
        """
        Write.
        """
        transport = self._transport
        if self._spent > _AT_ONCE_SIZE or not self._isFree(transport):
            # What is written next waits behind this.
            self._spent = 0
            transport.writeSequence(pieces)
            return
        socket = transport.socket
        sent = 0
        try:
            if len(pieces) <= _MOST_PIECES and len(pieces[-1]) >= _LARGE_PIECE:
                sent = socket.sendmsg(pieces)
            else:
                pieces = (b"".join(pieces),)
                sent = socket.send(pieces[0])
        except OSError:
            # It is full, or lost, as the reactor will find out.
            pass
        size = sum(map(len, pieces))
        self._spent += size + _WRITE_COST
        if sent < size:
            transport.write(b"".join(pieces)[sent:])

    def _isFree(self, transport: Any) -> bool:
        """
        Find out whether nothing speaks against writing at once.
        """
        return (
            transport.connected
            and not transport.disconnecting
            and not transport.dataBuffer
            and not transport._tempDataBuffer
            and not transport.TLS
            and not transport._writeDisconnected
            # File descriptors that go with the next byte.
            and not getattr(transport, "_sendmsgQueue", None)
        )
