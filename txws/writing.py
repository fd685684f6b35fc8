"""
How bytes leave: a plain socket is tried at once, if nothing waits for it.

Twisted queues what is written, asks whether the socket is writable and sends
in the next turn of the reactor; it nearly always is.  So half of the work of an
answer is saved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from twisted.internet.interfaces import ITransport
from twisted.internet.tcp import Connection as Socket

__all__ = ["writerFor"]

# What has to be as it is known here, for none of it is promised.
_KNOWN = ("connected", "dataBuffer", "disconnecting", "writeSomeData", "TLS")


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
    return partial(_writeAtOnce, transport)


def _writeAtOnce(transport: Any, pieces: Sequence[bytes]) -> None:
    """
    Write to a socket, at once if nothing waits for it.
    """
    isFree = (
        transport.connected
        and not transport.disconnecting
        and not transport.dataBuffer
        and not transport._tempDataBuffer
        and not transport.TLS
        and not transport._writeDisconnected
    )
    if not isFree:
        transport.writeSequence(pieces)
        return
    data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    sent = transport.writeSomeData(data)
    if not isinstance(sent, int) or sent < 0:
        # It is lost, as the reactor will find out.
        transport.write(data)
    elif sent < len(data):
        transport.write(data[sent:])
