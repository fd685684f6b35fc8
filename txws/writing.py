"""
How bytes leave: a plain socket is tried at once, if nothing waits for it.

Twisted queues what is written, asks whether the socket is writable and sends
in the next turn of the reactor; it nearly always is.  So half of the work of an
answer is saved, and a large message is not copied before the kernel does it.

Nor does the kernel wait: two small messages would be up to 40 milliseconds apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.interfaces import ITCPTransport, ITransport
from twisted.internet.tcp import Connection as Socket

__all__ = ["TURN_SIZE", "SocketWriter", "Writer", "writerFor"]

# As much as a Twisted transport takes before it says that it is full.
TURN_SIZE = 64 * 1024

# After so many bytes the reactor has its turn, however fast the peer reads: who
# sends without an end must not keep everybody else waiting.
_AT_ONCE_SIZE = 1024 * 1024

# So many pieces, of which the last has so many bytes, are not joined before.
_MOST_PIECES = 16
_LARGE_PIECE = 16 * 1024

# What each write costs besides its bytes, as if it were bytes.
_WRITE_COST = 4096


def writerFor(transport: ITransport) -> Writer:
    """
    Find out how to write to a Twisted transport.

    @param transport: the transport.  If it is the socket of a TCP or a UNIX
        connection, without TLS, it is tried at once; any other transport, and
        what the socket does not take, goes the ordinary way.
    """
    _forbidDelay(transport)
    if isinstance(transport, Socket) and _isKnown(transport):
        return SocketWriter(transport)
    return Writer(transport)


def _forbidDelay(transport: ITransport) -> None:
    """
    Have the kernel send what is small before the peer has acknowledged what went
    before, RFC 9293 section 3.7.4: all of a turn leaves in one write anyway.
    """
    if ITCPTransport.providedBy(transport):
        try:
            transport.setTcpNoDelay(True)
        except (AttributeError, OSError):
            # A UNIX socket says that it is TCP, too; a lost one is none any more.
            return


def _isKnown(transport: Any) -> bool:
    """
    Find out whether a socket's transport is as it is known here, for none of that
    is promised.
    """
    try:
        _ = transport.connected, transport.dataBuffer, transport.disconnecting
        _ = transport.writeSomeData, transport.TLS
        return isinstance(transport._tempDataBuffer, list)
    except AttributeError:
        return False


class Writer:
    """
    Writes to any transport, in the ordinary way.
    """

    __slots__ = ("_transport",)

    def __init__(self, transport: Any) -> None:
        """
        @param transport: what is written to.
        """
        self._transport = transport

    def startTurn(self) -> None:
        """
        Others have had their turn of the reactor.
        """

    def send(self, pieces: list[bytes]) -> None:
        """
        Write pieces of bytes, in one.
        """
        self._transport.writeSequence(pieces)

    def sendLarge(self, pieces: list[bytes], large: memoryview) -> int:
        """
        Write pieces of bytes, and the beginning of what is too large to be kept by
        the transport.

        @return: how much of that.
        """
        part = bytes(large[:TURN_SIZE])
        self._transport.writeSequence([*pieces, part])
        return len(part)


class SocketWriter(Writer):
    """
    Writes to a socket, at once if nothing waits for it.
    """

    __slots__ = ("_hasDescriptors", "_spent")

    def __init__(self, transport: Any) -> None:
        """
        @param transport: the transport that has the socket.
        """
        super().__init__(transport)
        # The sockets of UNIX have a queue of them, which go with the next byte.
        self._hasDescriptors = hasattr(transport, "_sendmsgQueue")
        self._spent = 0

    def startTurn(self) -> None:
        """
        See L{Writer}.
        """
        self._spent = 0

    def send(self, pieces: list[bytes]) -> None:
        """
        See L{Writer}.
        """
        if not self._isFree(self._transport):
            # What is written next waits behind this.
            self._spent = 0
            self._transport.writeSequence(pieces)
            return
        if len(pieces) == 1:
            size = len(pieces[0])
            sent = self._sendNow(pieces[0])
        elif len(pieces) > _MOST_PIECES or len(pieces[-1]) < _LARGE_PIECE:
            joined = b"".join(pieces)
            size = len(joined)
            sent = self._sendNow(joined)
        else:
            size = sum(map(len, pieces))
            sent = self._sendNow(pieces)
        if sent < size:
            self._transport.write(b"".join(pieces)[sent:])

    def sendLarge(self, pieces: list[bytes], large: memoryview) -> int:
        """
        See L{Writer}.
        """
        if not self._isFree(self._transport):
            self._spent = 0
            # Cython's cpdef methods have no super().
            return Writer.sendLarge(self, pieces, large)
        size = sum(map(len, pieces))
        large = large[:_AT_ONCE_SIZE]
        sent = self._sendNow([*pieces, large])
        if sent == size + len(large):
            return len(large)
        # The transport tells when the socket takes more.
        head = b"".join(pieces)[sent:]
        begin = max(sent - size, 0)
        part = bytes(large[begin : begin + TURN_SIZE])
        self._transport.write(head + part)
        return begin + len(part)

    def _sendNow(self, data: bytes | Sequence[bytes | memoryview]) -> int:
        """
        Send now what the socket takes.
        """
        socket = self._transport.socket
        sent: int
        try:
            sent = socket.send(data) if type(data) is bytes else socket.sendmsg(data)
        except OSError:
            # It is full, or lost, as the reactor will find out.
            sent = 0
        self._spent += sent + _WRITE_COST
        return sent

    def _isFree(self, transport: Any) -> bool:
        """
        Find out whether nothing speaks against writing at once.
        """
        return bool(
            self._spent <= _AT_ONCE_SIZE
            and transport.connected
            and not transport.disconnecting
            and not transport.dataBuffer
            and not transport._tempDataBuffer
            and not transport.TLS
            and not transport._writeDisconnected
            and not (self._hasDescriptors and transport._sendmsgQueue)
        )
