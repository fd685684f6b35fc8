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

    __slots__ = ("_hasDescriptors", "_spent", "_transport")

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        # The sockets of UNIX have a queue of them, which go with the next byte.
        self._hasDescriptors = hasattr(transport, "_sendmsgQueue")
        self._spent = 0

    def write(self, pieces: Sequence[bytes]) -> None:
        """
        Write.
        """
        if self._spent > _AT_ONCE_SIZE or not self._isFree(self._transport):
            # What is written next waits behind this.
            self._spent = 0
            self._transport.writeSequence(pieces)
        elif 1 < len(pieces) <= _MOST_PIECES and len(pieces[-1]) >= _LARGE_PIECE:
            self._send(pieces, sum(map(len, pieces)))
        else:
            data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            self._send(data, len(data))

    def _send(self, data: bytes | Sequence[bytes], size: int) -> None:
        """
        Send now what the socket takes.
        """
        transport = self._transport
        try:
            if isinstance(data, bytes):
                sent = transport.socket.send(data)
            else:
                sent = transport.socket.sendmsg(data)
        except OSError:
            # It is full, or lost, as the reactor will find out.
            sent = 0
        self._spent += size + _WRITE_COST
        if sent < size:
            rest = data if isinstance(data, bytes) else b"".join(data)
            transport.write(rest[sent:])

    def _isFree(self, transport: Any) -> bool:
        """
        Find out whether nothing speaks against writing at once.
        """
        return bool(
            transport.connected
            and not transport.disconnecting
            and not transport.dataBuffer
            and not transport._tempDataBuffer
            and not transport.TLS
            and not transport._writeDisconnected
            and not (self._hasDescriptors and transport._sendmsgQueue)
        )
