"""
Servers and proxies that do not do what they are asked for, on real sockets.
"""

from __future__ import annotations

from itertools import chain, repeat
from typing import Any

from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

__all__ = [
    "ANSWER",
    "CHALLENGE",
    "REFUSAL",
    "Answering",
    "Dribbling",
    "Resetting",
    "Silent",
    "factoryOf",
    "redirection",
]

# Nothing is ever asked by this key.
ANSWER = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n"
    b"\r\n"
)
REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 1000\r\n\r\n"
)
CHALLENGE = (
    b"HTTP/1.1 407 Proxy Authentication Required\r\n"
    b'Proxy-Authenticate: Basic realm="proxy"\r\nContent-Length: 6\r\n\r\nsecret'
)


def redirection(location: str) -> bytes:
    """
    Make an answer that leads somewhere else.
    """
    return (
        f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
    ).encode("ascii")


class Silent(Protocol):
    """
    Takes everything, and says nothing.
    """


class Answering(Protocol):
    """
    Answers each request, whatever it asks for.
    """

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._received = b""

    def dataReceived(self, data: bytes) -> None:
        """
        Answer, when a request is complete.
        """
        self._received += data
        if b"\r\n\r\n" in self._received:
            self._received = b""
            self.transport.write(self._answer)


class Dribbling(Protocol):
    """
    Sends one byte a second, without being asked.
    """

    def __init__(self, atOnce: bytes, slowly: bytes) -> None:
        """
        @param atOnce: what is sent as soon as anything is received.
        @param slowly: what follows byte by byte, again and again.
        """
        self._atOnce = atOnce
        self._bytes = chain.from_iterable(repeat(slowly))
        self._sending = LoopingCall(self._send)

    def dataReceived(self, data: bytes) -> None:
        """
        Begin.
        """
        if not self._sending.running:
            self.transport.write(self._atOnce)
            self._sending.start(1, now=True)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        End.
        """
        if self._sending.running:
            self._sending.stop()

    def _send(self) -> None:
        """
        Send a byte.
        """
        self.transport.write(bytes([next(self._bytes)]))


class Resetting(Protocol):
    """
    Resets the connection.
    """

    def __init__(self, answer: bytes | None = None, isPatient: bool = True) -> None:
        """
        @param answer: what is sent before.
        @param isPatient: whether that is when something has been received, or
            at once.
        """
        self._answer = answer
        self._isPatient = isPatient

    def connectionMade(self) -> None:
        """
        Reset it, without patience.
        """
        if not self._isPatient:
            self.transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        """
        Answer, and reset it.
        """
        answer, self._answer = self._answer, None
        if answer is None:
            self.transport.abortConnection()
        else:
            self.transport.write(answer)
            # A reset overtakes what the other side has not read.
            reactor.callLater(0.2, self.transport.abortConnection)


def factoryOf(kind: type[Protocol], *arguments: object) -> Any:
    """
    Make a factory of bad servers.
    """
    factory: Any = Factory.forProtocol(lambda: kind(*arguments))
    factory.noisy = False
    return factory
