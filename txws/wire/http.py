"""
As much of HTTP/1.1 as the opening handshake needs, RFC 9112: the heads of
messages, parsed as bytes with explicit line ends, strictly and within limits,
and serialized.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from itertools import chain
from typing import NamedTuple

from .errors import BadHandshake

__all__ = [
    "STATUS_BEGINNING",
    "HeadLimits",
    "HeadReader",
    "Headers",
    "RequestHead",
    "ResponseHead",
    "parseRequestHead",
    "parseResponseHead",
    "serializeFields",
    "serializeHead",
    "statusLine",
]

# RFC 9110 5.6.2 (tokens) and 5.5 (field values).  The anchors are "\Z", for "$"
# would let a line end through.
_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_REQUEST_LINE = re.compile(rb"\A(" + _TOKEN + rb") ([\x21-\x7e]+) HTTP/1\.([0-9])\Z")
_STATUS_LINE = re.compile(rb"\AHTTP/1\.([0-9]) ([1-9][0-9]{2})(?: ([^\x00\r\n]*))?\Z")
# No two parts of a pattern match the same byte, so that none goes back and forth.
_FIELD = re.compile(rb"\A(" + _TOKEN + rb"):([\t\x20-\x7e\x80-\xff]*)\Z")
_FIELD_NAME = re.compile(r"\A" + _TOKEN.decode("ascii") + r"\Z")
_UNFIT = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
_LINE_END = b"\r\n"
_END = _LINE_END * 2

# What each response begins with.
STATUS_BEGINNING = b"HTTP/1."
_NO_STATUS_LINE = "the status line is not one of HTTP/1.1"

# What most requests to upgrade have is kept once for all of them.
_FREQUENT_FIELDS = {
    f"{name}: {value}".encode("ascii"): (name, value)
    for name, value in (
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Connection", "keep-alive, Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Extensions", "permessage-deflate"),
        ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"),
        ("Accept-Encoding", "gzip, deflate, br, zstd"),
        ("Cache-Control", "no-cache"),
        ("Pragma", "no-cache"),
    )
}
_FREQUENT_NAMES = {
    name.encode("ascii"): name
    for name in (
        "Accept",
        "Accept-Encoding",
        "Accept-Language",
        "Authorization",
        "Cookie",
        "Host",
        "Origin",
        "Sec-WebSocket-Accept",
        "Sec-WebSocket-Extensions",
        "Sec-WebSocket-Key",
        "Sec-WebSocket-Protocol",
        "Server",
        "User-Agent",
        "X-Forwarded-For",
    )
}


class Headers:
    """
    The header fields of a request or a response, in their order.

    Names are compared without case.  Values are text in which each character
    stands for one byte (ISO 8859-1), so that none is lost.
    """

    # Names and values in turn: every connection keeps the headers of its request.
    __slots__ = ("_flat",)

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        """
        @param fields: the fields, as (name, value).
        """
        self._flat = tuple(chain.from_iterable(fields))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self.getAll(name))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Headers):
            return NotImplemented
        return self._flat == other._flat

    def __hash__(self) -> int:
        return hash(self._flat)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        flat = iter(self._flat)
        return zip(flat, flat, strict=True)

    def __len__(self) -> int:
        return len(self._flat) // 2

    def __repr__(self) -> str:
        # Only names: values are where passwords and tokens are.
        return f"<Headers {', '.join(self._flat[::2])}>"

    def get(self, name: str, default: str = "") -> str:
        """
        Get the value of a field, the first one if it is there several times.

        @param name: the name of the field, in any case.
        @param default: what to return if there is none.
        """
        values = self.getAll(name)
        return values[0] if values else default

    def getAll(self, name: str) -> list[str]:
        """
        Get all values of a field, in their order.

        @param name: the name of the field, in any case.
        """
        wanted, flat = name.lower(), self._flat
        return [
            value
            for name, value in zip(flat[::2], flat[1::2], strict=True)
            if name.lower() == wanted
        ]

    def index(self) -> dict[str, list[str]]:
        """
        Find the values of all fields, for whoever asks for many.

        @return: the values of each field, by its name in lower case.
        """
        index: dict[str, list[str]] = {}
        for name, value in self:
            index.setdefault(name.lower(), []).append(value)
        return index


class RequestHead(NamedTuple):
    """
    The head of a request, RFC 9112 section 3.

    @ivar method: the method, case-sensitive.
    @ivar target: the request target as it was sent.
    @ivar minorVersion: 1 for HTTP/1.1.
    @ivar headers: the header fields.
    """

    method: str
    target: str
    minorVersion: int
    headers: Headers


class ResponseHead(NamedTuple):
    """
    The head of a response, RFC 9112 section 4.

    @ivar status: the status code.
    @ivar headers: the header fields.
    @ivar minorVersion: 1 for HTTP/1.1.
    """

    status: int
    headers: Headers
    minorVersion: int = 1


@dataclass(frozen=True)
class HeadLimits:
    """
    How much of a head is read.

    @ivar maxSize: the most bytes in all.
    @ivar maxHeaders: the most header fields.
    @ivar maxLineSize: the most bytes in one line.
    """

    maxSize: int
    maxHeaders: int
    maxLineSize: int


class HeadReader:
    """
    Reads a head that arrives in any pieces, in time linear in its size.

    @ivar received: all bytes so far, also those that follow the head.
    """

    __slots__ = ("_beginning", "_limits", "received")

    def __init__(self, limits: HeadLimits, beginning: bytes = b"") -> None:
        """
        @param limits: when to stop.
        @param beginning: what every such head begins with, so that another
            protocol is known by its first bytes: it may never send a head's end.
        """
        self._limits = limits
        self._beginning = beginning
        self.received = bytearray()

    def receiveData(self, data: bytes) -> tuple[bytes, bytes] | None:
        """
        Add bytes.

        @param data: any bytes, cut anywhere.
        @return: the head without the empty line that ends it, and what
            follows; L{None} as long as the end is not there.
        @raise BadHandshake: if the head exceeds a limit: 414 for its first
            line, 431 for the rest, RFC 6585 section 5; 400 if it begins with
            something else.
        """
        received = self.received
        searched = max(len(received) - len(_END) + 1, 0)
        received += data
        end = received.find(_END, searched)
        self._checkFirstLine()
        size = len(received) if end < 0 else end + len(_END)
        if size > self._limits.maxSize:
            raise BadHandshake(
                431, f"the head exceeds {self._limits.maxSize} bytes (maxHandshakeSize)"
            )
        if end < 0:
            return None
        return bytes(received[:end]), bytes(received[size:])

    def _checkFirstLine(self) -> None:
        """
        Check the beginning and the length of the first line.
        """
        received, size = self.received, len(self.received)
        if not received.startswith(self._beginning[:size]):
            raise BadHandshake(400, _NO_STATUS_LINE)
        limit = self._limits.maxLineSize
        end = limit + len(_LINE_END)
        if size >= end and received.find(_LINE_END, 0, end) < 0:
            raise BadHandshake(
                414, f"the first line exceeds {limit} bytes (maxLineSize)"
            )


def parseRequestHead(head: bytes, limits: HeadLimits) -> RequestHead:
    """
    Parse the head of a request.

    @param head: the head, without the empty line that ends it.
    @param limits: what its fields must keep.
    @raise BadHandshake: if it is not one.
    """
    first, *lines = head.split(_LINE_END)
    match = _REQUEST_LINE.match(first)
    if match is None:
        raise BadHandshake(400, "the request line is not one of HTTP/1.1")
    method, target, minorVersion = match.groups()
    return RequestHead(
        method.decode("ascii"),
        target.decode("ascii"),
        int(minorVersion),
        _parseFields(lines, limits),
    )


def parseResponseHead(head: bytes, limits: HeadLimits) -> ResponseHead:
    """
    Parse the head of a response.

    @param head: the head, without the empty line that ends it.
    @param limits: what its fields must keep.
    @raise BadHandshake: if it is not one.
    """
    first, *lines = head.split(_LINE_END)
    match = _STATUS_LINE.match(first)
    if match is None:
        raise BadHandshake(400, _NO_STATUS_LINE)
    minorVersion, status, _phrase = match.groups()
    return ResponseHead(int(status), _parseFields(lines, limits), int(minorVersion))


def _parseFields(lines: list[bytes], limits: HeadLimits) -> Headers:
    """
    Parse header fields, one line each: RFC 9112 section 5.2 tells servers to
    refuse folded ones.
    """
    if len(lines) > limits.maxHeaders:
        raise BadHandshake(
            431, f"more than {limits.maxHeaders} header fields (maxHeaders)"
        )
    fields = []
    maxLineSize = limits.maxLineSize
    for line in lines:
        if len(line) > maxLineSize:
            raise BadHandshake(
                431, f"a header exceeds {maxLineSize} bytes (maxLineSize)"
            )
        fields.append(_FREQUENT_FIELDS.get(line) or _parseField(line))
    return Headers(fields)


def _parseField(line: bytes) -> tuple[str, str]:
    """
    Parse a header field.
    """
    match = _FIELD.match(line)
    if match is None:
        raise BadHandshake(400, "a header line is not 'name: value'")
    name, value = match.groups()
    if not value.isascii() and _hasControls(value):
        raise BadHandshake(400, "a header has a control character")
    return (
        _FREQUENT_NAMES.get(name) or name.decode("ascii"),
        value.strip(b" \t").decode("latin-1"),
    )


def _hasControls(value: bytes) -> bool:
    """
    Tell whether there is a C1 control character in a value, read as UTF-8 if it
    is that; or U+0085, read as ISO 8859-1, which is how it is handed on, for
    some programs take that for the end of a line.
    """
    if b"\x85" in value:
        return True
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        text = value.decode("latin-1")
    return any("\x80" <= character <= "\x9f" for character in text)


def serializeHead(firstLine: str, fields: Iterable[tuple[str, str]]) -> bytes:
    """
    Serialize a head, with the empty line that ends it.

    @param firstLine: the request line or the status line.
    @param fields: the header fields, as (name, value).
    @raise ValueError: if a line could be taken for more than one, or a
        character is not ISO 8859-1; it names the field.
    """
    if _UNFIT.search(firstLine) is not None:
        raise ValueError(f"not fit for the first line of a head: {firstLine!r}")
    return firstLine.encode("latin-1") + _LINE_END + serializeFields(fields)


def serializeFields(fields: Iterable[tuple[str, str]]) -> bytes:
    """
    Serialize the rest of a head, as L{serializeHead} does.
    """
    lines = []
    for name, value in fields:
        if _FIELD_NAME.match(name) is None:
            raise ValueError(f"not a header name: {name!r}")
        unfit = _UNFIT.search(value)
        if unfit is not None:
            # Not all of the value is shown: there may be a token in it.
            raise ValueError(f"not fit for header {name}: has {unfit.group()!r}")
        if not value.isascii() and _hasControls(value.encode("latin-1")):
            raise ValueError(f"not fit for header {name}: has a control character")
        lines.append(f"{name}: {value}")
    return "\r\n".join((*lines, "", "")).encode("latin-1")


def statusLine(status: int) -> str:
    """
    Make a status line, RFC 9112 section 4.

    @param status: the status code.
    """
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}"
