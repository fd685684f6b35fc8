"""
A terminal, with somebody who types, and a screen on which one can read.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time

from tests import processes

__all__ = ["Terminal"]

_COLUMNS, _ROWS = 80, 24
_CONTROL = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])|([\r\n\x08])|([^\x1b\r\n\x08]+)")


class Terminal:
    """
    A program that runs in a terminal of its own.

    @ivar screen: the rows that were shown, the last being the one with the
        cursor.
    @ivar raw: everything that the program has written.
    """

    def __init__(self, *arguments: str, **environment: str) -> None:
        """
        Start Python.

        @param arguments: of the interpreter.
        @param environment: further variables.
        """
        self.screen = [""]
        self.raw = b""
        self._column = 0
        self._rest = ""
        self._code: int | None = None
        self._process, self._descriptor = pty.fork()
        if self._process == 0:
            os.environ.update(processes.environment() | environment)
            os.execv(sys.executable, [sys.executable, *arguments])
        size = struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0)
        fcntl.ioctl(self._descriptor, termios.TIOCSWINSZ, size)

    def type(self, text: str) -> None:
        """
        Type something.
        """
        os.write(self._descriptor, text.encode())

    def signal(self, number: int) -> None:
        """
        Send the program a signal.
        """
        os.kill(self._process, number)

    def waitFor(self, text: str, seconds: float = 20) -> None:
        """
        Wait until a row shows something.

        @raise AssertionError: if it does not.
        """
        end = time.monotonic() + seconds
        while not any(text in row for row in self.screen):
            if time.monotonic() > end or not self._read(end):
                raise AssertionError(f"{text!r} is not shown: {self.screen}")

    @property
    def isEchoing(self) -> bool:
        """
        Whether the terminal shows by itself what is typed, as a shell wants to
        find it.
        """
        return bool(termios.tcgetattr(self._descriptor)[3] & termios.ECHO)

    def waitForEnd(self, seconds: float = 20) -> int:
        """
        Wait until the program has ended.

        @return: its exit code.
        """
        end = time.monotonic() + seconds
        while self._read(end) and time.monotonic() < end:
            pass
        _process, status = os.waitpid(self._process, 0)
        self._code = os.waitstatus_to_exitcode(status)
        return self._code

    def close(self) -> None:
        """
        Take the terminal away.
        """
        os.close(self._descriptor)
        if self._code is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process, 9)
            os.waitpid(self._process, 0)

    def _read(self, end: float) -> bool:
        """
        Read what the program writes.

        @return: whether there may be more.
        """
        left = max(0.0, end - time.monotonic())
        if not select.select([self._descriptor], [], [], left)[0]:
            return False
        try:
            data = os.read(self._descriptor, 65536)
        except OSError:
            # Linux says so when the program has ended.
            return False
        self.raw += data
        self._show(data.decode())
        return bool(data)

    def _show(self, text: str) -> None:
        """
        Do what a terminal does.
        """
        text = self._rest + text
        position = 0
        while found := _CONTROL.match(text, position):
            position = found.end()
            number, command, moved, plain = found.groups()
            if command == "K":
                self.screen[-1] = self.screen[-1][: self._column]
            elif command == "C":
                self._column += int(number or 1)
            elif moved == "\r":
                self._column = 0
            elif moved == "\n":
                self.screen.append("")
            elif plain:
                row = self.screen[-1].ljust(self._column)
                after = self._column + len(plain)
                self.screen[-1] = row[: self._column] + plain + row[after:]
                self._column = after
        self._rest = text[position:]
