"""
What both sides of the opening handshake share, RFC 6455 section 4.3 and 9.1:
the accept key, and the grammar of lists, subprotocols and extensions.

The grammar is read by a parser that looks at each character once, so that no
header can keep it busy.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Container, Iterable
from hashlib import sha1

from .extensions import ExtensionOffer

__all__ = [
    "VERSION",
    "acceptKey",
    "isKey",
    "parseExtensions",
    "parseTokens",
    "serializeExtensions",
]

# RFC 6455 4.1: "... the value of this header field MUST be 13."
VERSION = "13"

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

# 16 bytes in base64: 22 characters, of which the last carries two bits.
_KEY = re.compile(r"\A[A-Za-z0-9+/]{21}[AQgw]==\Z")
_TOKEN_CHARACTERS = frozenset(
    "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)
_BLANKS = " \t"


def acceptKey(key: str) -> str:
    """
    Compute the C{Sec-WebSocket-Accept} that answers a key, RFC 6455 section
    4.2.2.

    @param key: the client's C{Sec-WebSocket-Key}.
    """
    # Not for secrecy: it proves that the server speaks WebSocket.
    digest = sha1((key + _GUID).encode("ascii"), usedforsecurity=False).digest()
    return b64encode(digest).decode("ascii")


def isKey(key: str) -> bool:
    """
    Tell whether a C{Sec-WebSocket-Key} is what RFC 6455 section 4.1 demands:
    16 bytes in base64.

    @param key: the value of the header.
    """
    return _KEY.match(key) is not None


def parseTokens(values: Iterable[str]) -> list[str]:
    """
    Parse a header whose value is a list of tokens, RFC 9110 section 5.6.1.

    @param values: the values of the header, in their order.
    @return: the tokens, as they were sent.
    @raise ValueError: if something else is in the list.
    """
    tokens = []
    for value in values:
        for element in value.split(","):
            token = element.strip(_BLANKS)
            # RFC 9110 5.6.1.2: "A recipient MUST parse and ignore a
            # reasonable number of empty list elements".
            if not token:
                continue
            if not _TOKEN_CHARACTERS.issuperset(token):
                raise ValueError(f"{token!r} is not a token")
            tokens.append(token)
    return tokens


def parseExtensions(values: Iterable[str]) -> list[ExtensionOffer]:
    """
    Parse C{Sec-WebSocket-Extensions}, RFC 6455 section 9.1.

    @param values: the values of the header, in their order.
    @return: the extensions, names of them and their parameters in lower case.
    @raise ValueError: if the header does not keep the grammar.
    """
    offers = []
    for value in values:
        reader = _Reader(value)
        while reader.skipEmptyElements():
            offers.append(reader.readExtension())
    return offers


def serializeExtensions(offers: Iterable[ExtensionOffer]) -> str:
    """
    Serialize C{Sec-WebSocket-Extensions}, RFC 6455 section 9.1.

    @param offers: the extensions, in their order.
    @raise ValueError: if a name or a value is not a token.
    """
    return ", ".join(map(_serializeExtension, offers))


def _serializeExtension(offer: ExtensionOffer) -> str:
    """
    Serialize an extension with its parameters.
    """
    pieces = [_checkToken(offer.name)]
    for name, value in offer.parameters:
        piece = _checkToken(name)
        pieces.append(piece if value is None else f"{piece}={_checkToken(value)}")
    return "; ".join(pieces)


def _checkToken(token: object) -> str:
    """
    Check a name or a value that is to be written.
    """
    if isinstance(token, str) and token and _TOKEN_CHARACTERS.issuperset(token):
        return token
    raise ValueError(f"Sec-WebSocket-Extensions: {token!r} is not a token")


class _Reader:
    """
    Reads a header value from left to right.
    """

    def __init__(self, value: str) -> None:
        self._value = value
        self._position = 0

    def skipEmptyElements(self) -> bool:
        """
        Go to the next element of a list.

        @return: whether there is one.
        """
        self._skip(_BLANKS + ",")
        return self._position < len(self._value)

    def readExtension(self) -> ExtensionOffer:
        """
        Read one extension with its parameters.
        """
        name = self._readToken().lower()
        parameters = []
        while self._accept(";"):
            parameters.append(self._readParameter())
        if self._position < len(self._value) and not self._accept(","):
            raise self._unexpected()
        return ExtensionOffer(name, tuple(parameters))

    def _readParameter(self) -> tuple[str, str | None]:
        """
        Read a parameter's name and value.
        """
        name = self._readToken().lower()
        if not self._accept("="):
            return name, None
        self._skip(_BLANKS)
        if self._value[self._position : self._position + 1] == '"':
            return name, self._readQuoted()
        return name, self._readToken()

    def _readToken(self) -> str:
        """
        Read a token and the blanks around it.
        """
        self._skip(_BLANKS)
        start = self._position
        self._skip(_TOKEN_CHARACTERS)
        token = self._value[start : self._position]
        if not token:
            raise self._unexpected()
        self._skip(_BLANKS)
        return token

    def _readQuoted(self) -> str:
        """
        Read a quoted string.  RFC 6455 section 9.1: "the value after
        unescaping MUST conform to the 'token' ABNF".
        """
        characters = []
        self._position += 1
        while (character := self._next()) != '"':
            characters.append(self._next() if character == "\\" else character)
        if not characters or not _TOKEN_CHARACTERS.issuperset(characters):
            raise ValueError("a quoted parameter is not a token")
        self._skip(_BLANKS)
        return "".join(characters)

    def _next(self) -> str:
        """
        Read one character.
        """
        if self._position == len(self._value):
            raise ValueError("a quoted string does not end")
        self._position += 1
        return self._value[self._position - 1]

    def _accept(self, character: str) -> bool:
        """
        Read a character if it is the next one.
        """
        if self._value[self._position : self._position + 1] != character:
            return False
        self._position += 1
        return True

    def _skip(self, characters: Container[str]) -> None:
        """
        Go on while one of some characters is next.
        """
        value, position = self._value, self._position
        while position < len(value) and value[position] in characters:
            position += 1
        self._position = position

    def _unexpected(self) -> ValueError:
        """
        Say what stands where something else should.
        """
        found = self._value[self._position : self._position + 1] or "the end"
        return ValueError(f"unexpected {found!r} at character {self._position}")
