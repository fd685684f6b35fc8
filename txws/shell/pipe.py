"""
Talking through pipes: each line of the input is a message, and what is
received is the output, and nothing else.
"""

from __future__ import annotations

from collections import deque

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from txws.conversation import Conversation
from txws.errors import WebSocketClosed, WebSocketFailed

from .display import tellMessage
from .streams import Streams

__all__ = ["LineTooLong", "NotText", "Pipe"]

_MAX_LINE = 64 * 1024 * 1024


class NotText(Exception):
    """
    A line of the input is no UTF-8.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"line {number} of the input is no UTF-8: use --binary")


class LineTooLong(Exception):
    """
    A line of the input does not end.
    """

    def __init__(self) -> None:
        super().__init__(f"a line of the input has more than {_MAX_LINE} bytes")


class Pipe:
    """
    One conversation through pipes.
    """

    def __init__(
        self,
        conversation: Conversation,
        streams: Streams,
        clock: IReactorTime,
        *,
        isBinary: bool = False,
        isShown: bool = False,
        wait: float | None = None,
    ) -> None:
        """
        @param conversation: with the server.
        @param streams: input and output.
        @param clock: what schedules.
        @param isBinary: whether lines are sent as binary messages.
        @param isShown: whether the output is a terminal, which gets nothing
            that it would obey.
        @param wait: how many seconds to wait for messages after the end of the
            input; L{None} for until the server closes.
        """
        self._conversation = conversation
        self._streams = streams
        self._clock = clock
        self._isBinary = isBinary
        self._isShown = isShown
        self._wait = wait
        self._lines: deque[bytes] = deque()
        self._rest = bytearray()
        self._number = 0
        self._isSending = False
        self._hasEnded = False
        self._error: Exception | None = None
        self._closing: IDelayedCall | None = None

    async def run(self) -> WebSocketClosed | WebSocketFailed:
        """
        Talk until the connection has ended.

        @return: how.
        @raise NotText: if the input is none.
        @raise LineTooLong: if it has no lines.
        """
        streams = self._streams
        streams.received, streams.ended = self._received, self._inputEnded
        streams.outputLost = self._conversation.transport.loseConnection
        streams.resumeInput()
        try:
            while True:
                await self._write(await self._conversation.receive())
        except (WebSocketClosed, WebSocketFailed) as ended:
            if self._error is not None:
                raise self._error from None
            return ended
        finally:
            streams.received, streams.ended = lambda data: None, lambda: None
            if self._closing is not None and self._closing.active():
                self._closing.cancel()

    def _received(self, data: bytes) -> None:
        """
        Read lines.
        """
        lines = data.split(b"\n")
        self._rest += lines[0]
        for line in lines[1:]:
            self._lines.append(bytes(self._rest))
            self._rest = bytearray(line)
        if len(self._rest) > _MAX_LINE:
            self._fail(LineTooLong())
        self._send()

    def _inputEnded(self) -> None:
        """
        There is no more input; its last line need not end.
        """
        self._hasEnded = True
        if self._rest:
            self._lines.append(bytes(self._rest))
            self._rest.clear()
        self._send()

    def _send(self) -> None:
        """
        Send the lines, unless they are being sent.
        """
        if not self._isSending:
            self._isSending = True
            Deferred.fromCoroutine(self._sendLines())

    async def _sendLines(self) -> None:
        """
        Send all lines that there are, as fast as the server takes them.
        """
        self._streams.pauseInput()
        try:
            while self._lines:
                self._number += 1
                await self._conversation.send(self._messageOf(self._lines.popleft()))
        except NotText as error:
            self._fail(error)
            return
        except (WebSocketClosed, WebSocketFailed):
            # It is told elsewhere.
            return
        self._isSending = False
        if not self._hasEnded:
            self._streams.resumeInput()
        elif self._wait is not None:
            self._closing = self._clock.callLater(
                self._wait, self._conversation.transport.loseConnection
            )

    def _messageOf(self, line: bytes) -> str | bytes:
        """
        Make a message of a line.
        """
        if self._isBinary:
            return line
        try:
            return line.removesuffix(b"\r").decode("utf-8")
        except UnicodeDecodeError:
            raise NotText(self._number) from None

    def _fail(self, error: Exception) -> None:
        """
        Close, because of the input.
        """
        self._error = error
        self._lines.clear()
        self._rest.clear()
        self._conversation.transport.loseConnection()

    async def _write(self, message: str | bytes) -> None:
        """
        Write what was received.
        """
        if self._isShown:
            await self._streams.write("".join(f"{x}\n" for x in tellMessage(message)))
        elif isinstance(message, str):
            await self._streams.write(f"{message}\n")
        else:
            await self._streams.write(message + b"\n")
