"""
How the bytes of a stream become messages, and messages bytes: binary, text or
base64.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from codecs import getincrementaldecoder
from typing import Protocol

from twisted.logger import Logger

from .interfaces import IWebSocketTransport

__all__ = ["Base64", "Binary", "Encoding", "Text"]

_log = Logger()


class Encoding(Protocol):
    """
    How bytes become messages, and messages bytes.
    """

    def send(self, transport: IWebSocketTransport, data: bytes) -> None:
        """
        Send bytes.

        @raise ValueError: if this encoding cannot say them.
        """

    def sendText(self, transport: IWebSocketTransport, text: str) -> None:
        """
        Send text.

        @raise ValueError: if UTF-8 cannot say it.
        """

    def receiveText(self, message: str) -> bytes:
        """
        Decode a text message.

        @raise ValueError: if it is not in this encoding.
        """

    def finish(self, transport: IWebSocketTransport) -> None:
        """
        No more will be sent.
        """


class Binary:
    """
    Bytes as binary messages, the default.
    """

    def send(self, transport: IWebSocketTransport, data: bytes) -> None:
        """
        See L{Encoding}.
        """
        transport.sendBytesMessage(data)

    def sendText(self, transport: IWebSocketTransport, text: str) -> None:
        """
        See L{Encoding}.
        """
        transport.sendTextMessage(text)

    def receiveText(self, message: str) -> bytes:
        """
        See L{Encoding}.
        """
        return message.encode("utf-8")

    def finish(self, transport: IWebSocketTransport) -> None:
        """
        See L{Encoding}.
        """


class Text(Binary):
    """
    UTF-8 as text messages; a code point of which a part is missing is held
    back until the rest of it is written.
    """

    def __init__(self) -> None:
        self._decoder = getincrementaldecoder("utf-8")()

    def send(self, transport: IWebSocketTransport, data: bytes) -> None:
        """
        See L{Encoding}.
        """
        heldBack, _ = self._decoder.getstate()
        try:
            text = self._decoder.decode(data)
        except UnicodeDecodeError as error:
            self._decoder.reset()
            position = max(error.start - len(heldBack), 0)
            raise ValueError(
                "only UTF-8 can be written to a WebSocket in text mode; "
                f"this is not, from byte {position} on"
            ) from None
        if text:
            transport.sendTextMessage(text)

    def sendText(self, transport: IWebSocketTransport, text: str) -> None:
        """
        See L{Encoding}.
        """
        self.send(transport, text.encode("utf-8"))

    def finish(self, transport: IWebSocketTransport) -> None:
        """
        See L{Encoding}.
        """
        heldBack, _ = self._decoder.getstate()
        if heldBack:
            self._decoder.reset()
            _log.warn(
                "{peer} is not sent the last {size} bytes in text mode: "
                "the rest of their code point is missing",
                peer=transport.getPeer(),
                size=len(heldBack),
            )


class Base64(Binary):
    """
    Bytes in base64 as text messages, what old noVNC speaks.
    """

    def send(self, transport: IWebSocketTransport, data: bytes) -> None:
        """
        See L{Encoding}.
        """
        transport.sendTextMessage(b64encode(data).decode("ascii"))

    def sendText(self, transport: IWebSocketTransport, text: str) -> None:
        """
        See L{Encoding}.
        """
        self.send(transport, text.encode("utf-8"))

    def receiveText(self, message: str) -> bytes:
        """
        See L{Encoding}.
        """
        return b64decode(message, validate=True)
