"""
Bodies of responses, RFC 9112 section 6.3: what a server says to explain a
refusal, however long it is, in pieces as they arrive.
"""

from __future__ import annotations

import re
from enum import Enum
from math import inf

from .http import ResponseHead

__all__ = ["BodyBeginning", "BodyReader"]

_LINE_END = b"\r\n"
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?\Z", re.DOTALL)
_MAX_LINE = 1024
_MAX_TRAILERS = 128
_MAX_BEGINNING = 4096


class _Part(Enum):
    """
    What comes next.
    """

    DATA = "the body itself, or a part of it"
    SIZE = "the size of a chunk"
    CHUNK_END = "the line end behind a chunk"
    TRAILER = "a line behind the last chunk"
    DONE = "nothing"


class BodyReader:
    """
    Reads the body of one response, and keeps none of it.

    @ivar length: how many bytes it has, or L{None} if that is not said.
    """

    __slots__ = ("_isChunked", "_line", "_part", "_rest", "_trailers", "length")

    def __init__(self, head: ResponseHead) -> None:
        """
        @param head: the head of the response.
        """
        self.length: int | None = None
        self._line = b""
        self._trailers = 0
        self._rest: float = inf
        self._isChunked = "Transfer-Encoding" in head.headers
        # More than one say nothing.
        lengths = head.headers.getAll("Content-Length")
        length = lengths[0] if len(lengths) == 1 else ""
        if head.status < 200 or head.status in (204, 304):
            self._isChunked, self.length = False, 0
        elif self._isChunked:
            # RFC 9112 6.3: it overrides the Content-Length.
            self._part = _Part.SIZE
            return
        elif re.fullmatch("[0-9]{1,15}", length):
            self.length = int(length)
        if self.length is not None:
            self._rest = self.length
        self._part = _Part.DATA if self._rest else _Part.DONE

    @property
    def isDone(self) -> bool:
        """
        Whether the end of the body has been read.
        """
        return self._part is _Part.DONE

    @property
    def endsWithConnection(self) -> bool:
        """
        Whether nothing but the end of the connection ends the body.
        """
        return self._rest == inf and not self._isChunked

    def receiveData(self, data: bytes) -> bytes:
        """
        Read bytes.

        @param data: any bytes, cut anywhere.
        @return: what of them belongs to the body.
        @raise ValueError: if the body is not what its head says.
        """
        found = []
        while data and not self.isDone:
            if self._part is _Part.DATA:
                piece = data if self._rest == inf else data[: int(self._rest)]
                data = data[len(piece) :]
                found.append(piece)
                self._advance(len(piece))
            else:
                data = self._readLine(data)
        return b"".join(found)

    def _advance(self, size: int) -> None:
        """
        Some of the body, or of a chunk, has been read.
        """
        self._rest -= size
        if not self._rest:
            self._part = _Part.CHUNK_END if self._isChunked else _Part.DONE

    def _readLine(self, data: bytes) -> bytes:
        """
        Read what frames the chunks, RFC 9112 section 7.1.

        @return: what follows it.
        """
        line, end, rest = (self._line + data).partition(_LINE_END)
        if len(line) > _MAX_LINE:
            raise ValueError("a line between chunks is too long")
        if not end:
            self._line = line
            return b""
        self._line = b""
        if self._part is _Part.SIZE:
            self._beginChunk(line)
        elif self._part is _Part.CHUNK_END:
            if line:
                raise ValueError("a chunk is longer than it says")
            self._part = _Part.SIZE
        else:
            self._passTrailer(line)
        return rest

    def _beginChunk(self, line: bytes) -> None:
        """
        Read the size of a chunk; the last one is empty.
        """
        match = _CHUNK_SIZE.match(line)
        if match is None:
            raise ValueError(f"not the size of a chunk: {line[:40]!r}")
        self._rest = int(match[1], 16)
        self._part = _Part.DATA if self._rest else _Part.TRAILER

    def _passTrailer(self, line: bytes) -> None:
        """
        Pass over a line behind the last chunk; the last one is empty.
        """
        self._trailers += 1
        if self._trailers > _MAX_TRAILERS:
            raise ValueError("too many lines follow the last chunk")
        if not line:
            self._part = _Part.DONE


class BodyBeginning:
    """
    The first bytes of a body, as many as are kept to explain a refusal: 4096.

    @ivar head: the head of the response.
    @ivar data: what has been read.
    @ivar length: how many bytes the whole body has, or L{None} if that is not
        said.
    @ivar isComplete: whether there will be no more.
    """

    __slots__ = ("_reader", "data", "head", "isComplete", "length")

    def __init__(self, head: ResponseHead) -> None:
        """
        @param head: the head of the response.
        """
        self._reader = BodyReader(head)
        self.head = head
        self.data = b""
        self.length = self._reader.length
        self.isComplete = self._reader.isDone

    def receiveData(self, data: bytes) -> None:
        """
        Read bytes.

        @param data: any bytes, cut anywhere.
        """
        try:
            found = self._reader.receiveData(data)
        except ValueError:
            # What came before the mistake explains as much as it can.
            self.isComplete = True
            return
        self.data = (self.data + found)[:_MAX_BEGINNING]
        self.isComplete = self._reader.isDone or len(self.data) == _MAX_BEGINNING
