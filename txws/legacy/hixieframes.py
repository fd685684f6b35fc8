"""
The frames of hixie-75 and hixie-76, as a server receives them: text between
0x00 and 0xFF, and 0xFF 0x00 to close.
"""

from __future__ import annotations

from collections import deque

from txws.wire.codes import Opcode
from txws.wire.errors import BadFrame
from txws.wire.frames import Frame

__all__ = ["TEXT_END", "HixieFrameParser"]

# No byte of UTF-8.
TEXT_END = b"\xff"
_TEXT = 0x00
_CLOSE = 0xFF


class HixieFrameParser:
    """
    Parses the frames of a client, and hands on their text as it arrives: each
    byte is looked at once, and none is kept.

    What the drafts tell servers to skip is refused: types other than these
    were never sent by anyone.
    """

    __slots__ = ("_arrived", "_hasClose", "_opcode", "_position")

    def __init__(self, hasClose: bool) -> None:
        """
        @param hasClose: whether there is a closing handshake.
        """
        self._hasClose = hasClose
        self._arrived: deque[bytes] = deque()
        # In the first of these.
        self._position = 0
        # Of the frame that is on its way.
        self._opcode: Opcode | None = None

    def receiveData(self, data: bytes) -> None:
        """
        Keep bytes for L{nextFrame}.

        @param data: any bytes, cut anywhere.
        """
        if data:
            self._arrived.append(data)

    def nextFrame(self) -> Frame | None:
        """
        Parse the next frame, or the next part of one, as RFC 6455 would have
        it: text, continuations or a Close.

        @return: L{None} when more bytes are needed.
        @raise BadFrame: if the next frame is none of this version.
        """
        frame = None
        while frame is None and self._arrived:
            data = self._arrived[0]
            frame = self._parse(data)
            if self._position == len(data):
                self._arrived.popleft()
                self._position = 0
        return frame

    def clear(self) -> None:
        """
        Drop what has been received and is not parsed.
        """
        self._arrived.clear()
        self._position = 0

    def _parse(self, data: bytes) -> Frame | None:
        """
        Parse what comes next, from the bytes that came together alone.
        """
        if self._opcode is None:
            self._opcode = self._parseType(data[self._position])
            self._position += 1
            return None
        if self._opcode is Opcode.CLOSE:
            if data[self._position]:
                raise BadFrame("a frame of type 0xff is not empty")
            self._position += 1
            self._opcode = None
            return Frame(Opcode.CLOSE, b"")
        return self._parseText(self._opcode, data)

    def _parseType(self, kind: int) -> Opcode:
        """
        Parse the first byte of a frame.
        """
        if kind == _TEXT:
            return Opcode.TEXT
        if kind == _CLOSE and self._hasClose:
            return Opcode.CLOSE
        # Also those that have a length, which may be any number of bytes long.
        raise BadFrame(f"frame type {kind:#04x} is not supported")

    def _parseText(self, opcode: Opcode, data: bytes) -> Frame:
        """
        Parse text up to its end, or as much of it as there is.
        """
        end = data.find(TEXT_END, self._position)
        isFinal = end >= 0
        if not isFinal:
            end = len(data)
        frame = Frame(opcode, data[self._position : end], isFinal)
        self._position = end + isFinal
        self._opcode = None if isFinal else Opcode.CONTINUATION
        return frame
