"""
What is left without WebSocket: C{bareserver.py WORK}.

On Twisted's reactor, and sent at once, it does what the row needs and nothing else:
bytes go back as they came, the answer to a handshake is a template, the frame of a
broadcast is made beforehand.  The rest of what a server costs is its own.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha1

from serving import listen
from twisted.internet.protocol import Factory, Protocol

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY = b"Sec-WebSocket-Key: "
_ACCEPTANCE = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Accept: %b\r\n\r\n"
)
_CLOSE = b"\x88\x02\x03\xe8"
_MEMBER_MESSAGE = b"\x81\x7e\x04\x00" + b"a" * 1024


class Bare(Protocol):
    """
    Does what comes first in C{dataReceived}.
    """

    members: list[Bare] = []

    def dataReceived(self, data: bytes) -> None:
        """
        Answer a handshake, or echo.
        """
        if data.startswith(b"GET "):
            key = data[data.index(_KEY) + len(_KEY) :].split(b"\r\n", 1)[0]
            self.send(_ACCEPTANCE % b64encode(sha1(key + _GUID).digest()))
            self.members.append(self)
            self.dataReceived = self.frameReceived  # type: ignore[method-assign]
        else:
            self.dataReceived = self.send  # type: ignore[method-assign]
            self.send(data)

    def frameReceived(self, data: bytes) -> None:
        """
        Close, or send a message to all.
        """
        if data[0] & 0x0F == 8:
            self.send(_CLOSE)
            self.transport.loseConnection()
        else:
            for member in self.members:
                member.send(_MEMBER_MESSAGE)

    def send(self, data: bytes) -> None:
        """
        Send what the socket takes at once, and the rest later.
        """
        transport = self.transport
        sent = 0
        if not (transport.dataBuffer or transport._tempDataBuffer):
            try:
                sent = transport.socket.send(data)
            except OSError:
                sent = 0
        if sent < len(data):
            transport.write(data[sent:])

    def connectionLost(self, reason: object) -> None:
        """
        Leave.
        """
        if self in self.members:
            self.members.remove(self)


if __name__ == "__main__":
    listen(Factory.forProtocol(Bare))
