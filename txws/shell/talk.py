"""
Talking by hand, on a terminal.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import Deferred

from txws.conversation import Conversation
from txws.errors import WebSocketClosed, WebSocketFailed
from txws.wire.codes import CloseCode

from .display import harmless, oneLine, tellMessage, tellSeconds
from .history import History
from .screen import Screen

__all__ = ["HELP", "Talk"]

HELP = (
    "A line is sent as a message when Enter is pressed; Alt-Enter makes a new line.",
    "//text           send a message that begins with one slash",
    "/binary 00ff     send bytes",
    "/ping            measure the round trip",
    "/close 4000 bye  close, with a code and a reason if you like",
    "/help            this",
    "Ctrl-D closes with 1000, Ctrl-C with 1001, Ctrl-C again aborts.",
)


class CommandError(Exception):
    """
    What was typed cannot be done; it says why, in one sentence.
    """


class Talk:
    """
    One conversation on a terminal.
    """

    def __init__(
        self,
        conversation: Conversation,
        screen: Screen,
        history: History,
        isBinary: bool = False,
    ) -> None:
        """
        @param conversation: with the server.
        @param screen: the terminal.
        @param history: what remembers lines.
        @param isBinary: whether lines are sent as binary messages.
        """
        self._conversation = conversation
        self._screen = screen
        self._history = history
        self._isBinary = isBinary
        self._commands: dict[str, Callable[[str], Awaitable[None]]] = {
            "binary": self._sendBinary,
            "close": self._close,
            "help": self._help,
            "ping": self._ping,
        }

    async def run(self) -> WebSocketClosed | WebSocketFailed:
        """
        Talk until the connection has ended.

        @return: how.
        """
        self._screen.entered = self._entered
        self._screen.ended = self._leave
        self._screen.open()
        try:
            while True:
                message = await self._conversation.receive()
                await self._screen.show("<", tellMessage(message))
        except (WebSocketClosed, WebSocketFailed) as ended:
            return ended
        finally:
            self._screen.close()

    def _leave(self) -> None:
        """
        The user has nothing more to say.
        """
        self._conversation.transport.loseConnection()

    def _entered(self, line: str) -> Deferred[None]:
        """
        Do what a line says.
        """
        self._history.add(line)
        return Deferred.fromCoroutine(self._try(line))

    async def _try(self, line: str) -> None:
        """
        Do what a line says, or say why that cannot be done.
        """
        try:
            await self._act(line)
        except CommandError as error:
            await self._screen.show("!", [oneLine(str(error))])
        except (WebSocketClosed, WebSocketFailed):
            # It is told elsewhere.
            return

    async def _act(self, line: str) -> None:
        """
        Send a line, or obey it.
        """
        if not line.startswith("/") or line.startswith("//"):
            text = line[1:] if line.startswith("//") else line
            await self._send(text.encode() if self._isBinary else text)
            return
        name, _space, rest = line[1:].partition(" ")
        command = self._commands.get(name)
        if command is None:
            raise CommandError(
                f"there is no /{harmless(name)}: /help tells what there is, and //text"
                " sends /text"
            )
        await command(rest.strip())

    async def _send(self, message: str | bytes) -> None:
        """
        Send a message.
        """
        if not isinstance(message, bytes):
            # What was typed as no UTF-8 has become what may be sent.
            message = message.encode("utf-8", "replace").decode("utf-8")
        await self._conversation.send(message)

    async def _sendBinary(self, given: str) -> None:
        """
        Send bytes, given in hexadecimal.
        """
        try:
            data = bytes.fromhex(given)
        except ValueError:
            raise CommandError(
                "/binary wants pairs of hexadecimal digits, such as 00ff"
            ) from None
        await self._send(data)

    async def _ping(self, given: str) -> None:
        """
        Measure the round trip.
        """
        seconds: float = await self._conversation.ping()
        await self._screen.show("*", [f"pong after {tellSeconds(seconds)}"])

    async def _close(self, given: str) -> None:
        """
        Close, with a code and a reason.
        """
        code, _space, reason = given.partition(" ")
        try:
            number: Any = int(code) if code else CloseCode.NORMAL_CLOSURE
            self._conversation.transport.loseConnection(number, reason.strip())
        except ValueError:
            raise CommandError(
                "/close wants a code that may be sent, 1000 or one from 3000 to 4999,"
                " and a reason if you like: /close 4000 bye"
            ) from None

    async def _help(self, given: str) -> None:
        """
        Tell what there is.
        """
        await self._screen.show("*", HELP)
