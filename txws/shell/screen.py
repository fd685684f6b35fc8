"""
A terminal: a line that is edited at the bottom, and what comes in above it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from twisted.internet.defer import Deferred

from .editor import LineEditor
from .keys import Key, KeyReader
from .streams import Streams

__all__ = ["Screen", "rawTerminal"]

_PROMPT = "> "
_PASTE_ON = "\x1b[?2004h"
_PASTE_OFF = "\x1b[?2004l"
_ERASE = "\r\x1b[K"
_CLEAR = "\x1b[H\x1b[2J"


class Screen:
    """
    A terminal whose last line is edited.

    The line is shown in one row, whatever its length, so that it can be erased
    and shown again around what comes in.

    @ivar entered: called with each line.
    @ivar interrupted: called for Ctrl-C.
    @ivar ended: called for Ctrl-D in an empty line, and when the terminal is
        gone.
    """

    def __init__(
        self, streams: Streams, editor: LineEditor, columns: Callable[[], int]
    ) -> None:
        """
        @param streams: the terminal's.
        @param editor: the line.
        @param columns: tells how wide the terminal is.
        """
        self.entered: Callable[[str], object] = lambda line: None
        self.interrupted: Callable[[], object] = lambda: None
        self.ended: Callable[[], object] = lambda: None
        self._streams = streams
        self._editor = editor
        self._columns = columns
        self._keys = KeyReader()
        self._isEditing = False

    def open(self) -> None:
        """
        Begin to edit.
        """
        self._isEditing = True
        self._streams.received = self._received
        self._streams.ended = self._inputEnded
        self._streams.write(_PASTE_ON + self._line())

    def close(self) -> None:
        """
        Edit no more, and leave the terminal as it was.
        """
        if self._isEditing:
            self._isEditing = False
            self._streams.write(_ERASE + _PASTE_OFF)

    def show(self, sign: str, lines: Iterable[str]) -> Deferred[None]:
        """
        Show something above the line that is edited.

        @param sign: what it is, one character; further lines get a C{|}.
        @param lines: harmless lines.
        @return: fires when the terminal takes more.
        """
        signs = _signs(sign)
        shown = "".join(f"{next(signs)} {line}\n" for line in lines)
        line = self._line() if self._isEditing else ""
        return self._streams.write(f"{_ERASE if line else ''}{shown}{line}")

    def _inputEnded(self) -> None:
        """
        The terminal is gone.
        """
        self.ended()

    def _received(self, data: bytes) -> None:
        """
        Do what was typed.
        """
        for key in self._keys.receiveData(data):
            self._press(key)
        if self._isEditing:
            self._streams.write(self._line())

    def _press(self, key: Key) -> None:
        """
        Do what a key does.
        """
        if key.name == "enter":
            self._enter()
        elif key.name == "interrupt":
            self.interrupted()
        elif key.name == "endOfInput" and not self._editor.text:
            self.ended()
        elif key.name == "endOfInput":
            self._editor.press("delete")
        elif key.name == "clear":
            self._streams.write(_CLEAR)
        else:
            self._editor.press(key.name, key.text)

    def _enter(self) -> None:
        """
        Hand the line on; what it was stays visible.
        """
        self._editor.press("end")
        if not self._isEditing:
            return
        self._streams.write(f"{self._line()}\n")
        self.entered(self._editor.take())

    def _line(self) -> str:
        """
        Show the line that is edited, and the cursor in it.
        """
        # Nothing in the last column: there, terminals differ.
        shown, cursor = self._editor.render(self._columns() - len(_PROMPT) - 1)
        return f"{_ERASE}{_PROMPT}{shown}\r\x1b[{len(_PROMPT) + cursor}C"


@contextmanager
def rawTerminal(descriptor: int) -> Iterator[None]:
    """
    Have a terminal deliver each key as it is pressed, for the time of a block.

    @param descriptor: the file descriptor of the terminal.
    """
    import termios

    before = termios.tcgetattr(descriptor)
    settings: list[Any] = termios.tcgetattr(descriptor)
    settings[0] &= ~(termios.ICRNL | termios.INLCR | termios.IGNCR | termios.IXON)
    settings[3] &= ~(termios.ICANON | termios.ECHO | termios.IEXTEN | termios.ISIG)
    termios.tcsetattr(descriptor, termios.TCSADRAIN, settings)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _signs(sign: str) -> Iterator[str]:
    """
    Say what the lines of one message begin with.
    """
    yield sign
    while True:
        yield "|"
