"""
How the bytes of a stream become messages: binary, text or base64.
"""

from __future__ import annotations

from base64 import b64encode
from codecs import utf_8_decode

from twisted.logger import Logger

from .interfaces import IWebSocketTransport

__all__ = ["Base64", "Binary", "Encoding", "Text"]

_log = Logger()

# From here on bytes are parts of longer code points.
_ASCII_END = 0x80


class Encoding:
    """
    How bytes become messages.
    """

    __slots__ = ()

    def send(self, transport: IWebSocketTransport, data: bytes) -> None:
        """
        Send bytes.

        @raise ValueError: if this encoding cannot say them.
        """
        raise NotImplementedError

    def sendText(self, transport: IWebSocketTransport, text: str) -> None:
        """
        Send text.

        @raise ValueError: if UTF-8 cannot say it.
        """
        self.send(transport, str.encode(text))

    def finish(self, transport: IWebSocketTransport) -> None:
        """
        No more will be sent.
        """


class Binary(Encoding):
    """
    Bytes as binary messages, the default.
    """

    __slots__ = ()

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


class Text(Encoding):
    """
    UTF-8 as text messages; a code point of which a part is missing is held
    back until the rest of it is written.
    """

    __slots__ = ("_heldBack",)

    def __init__(self) -> None:
        self._heldBack = b""

    def send(self, transport: IWebSocketTransport, data: bytes) -> None:
        """
        See L{Encoding}.
        """
        heldBack, self._heldBack = self._heldBack, b""
        whole = heldBack + data
        try:
            if whole[-1] < _ASCII_END:
                # Nothing can be missing, and this takes less.
                text = whole.decode("utf-8")
            else:
                text, size = utf_8_decode(whole, "strict", False)
                self._heldBack = whole[size:]
        except UnicodeDecodeError as error:
            position = max(error.start - len(heldBack), 0)
            raise ValueError(
                "only UTF-8 can be written to a WebSocket in text mode; "
                f"this is not, from byte {position} on"
            ) from None
        if text:
            transport.sendTextMessage(text)

    def finish(self, transport: IWebSocketTransport) -> None:
        """
        See L{Encoding}.
        """
        heldBack, self._heldBack = self._heldBack, b""
        if heldBack:
            _log.warn(
                "{peer} is not sent the last {size} bytes in text mode: "
                "the rest of their code point is missing",
                peer=transport.getPeer(),
                size=len(heldBack),
            )


class Base64(Encoding):
    """
    Bytes in base64 as text messages, what old noVNC speaks.
    """

    __slots__ = ()

    def send(self, transport: IWebSocketTransport, data: bytes) -> None:
        """
        See L{Encoding}.
        """
        transport.sendTextMessage(b64encode(data).decode("ascii"))
