"""
The server's half of the opening handshake, RFC 6455 section 4.2.

A request goes through three questions: is it an upgrade to WebSocket at all
(L{isUpgrade}), is it a valid one (L{parseUpgrade}), and does the server want
it, which is not decided here but answered with L{acceptUpgrade} or
L{refuseRequest}.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

from .errors import BadHandshake
from .extensions import ExtensionOffer
from .handshake import (
    VERSION,
    acceptKey,
    isKey,
    parseExtensions,
    parseTokens,
    serializeExtensions,
)
from .http import Headers, RequestHead, serializeFields, serializeHead, statusLine

__all__ = [
    "UpgradeRequest",
    "acceptUpgrade",
    "checkAcceptanceHeaders",
    "isUpgrade",
    "parsePath",
    "parseUpgrade",
    "refusalFields",
    "refuseRequest",
    "upgradeRequired",
]

# RFC 3986 3.2.2 and 3.2.3, without userinfo.
_HOST = re.compile(
    r"\A(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~%!$&'()*+,;=]+)(?::[0-9]{0,5})?\Z"
)

_T = TypeVar("_T")

# The values of header fields, by their names in lower case.
_Index = dict[str, list[str]]

# What each 101 begins with.
_ACCEPTANCE = (
    b"HTTP/1.1 101 Switching Protocols\r\n"
    b"Upgrade: websocket\r\n"
    b"Connection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: "
)

# What a 101 says on its own; a 101 has no body.
_OURS = re.compile(
    r"(?:Upgrade|Connection|Sec-WebSocket-.*|Content-Length|Transfer-Encoding)\Z",
    re.IGNORECASE,
)

# What says where the body of an answer ends, RFC 9112 section 6.
_FRAMING = frozenset(("content-length", "transfer-encoding"))


class UpgradeRequest(NamedTuple):
    """
    A valid opening handshake of a client, RFC 6455 section 4.2.1.

    @ivar target: the path and query of the resource, as they were sent.
    @ivar path: the path of the resource, percent-decoded.
    @ivar query: what follows the "?" of the request target, as it was sent, or
        "".
    @ivar host: the C{Host} header: the name the client knows this server by,
        and the port if it is not the default.
    @ivar origin: the C{Origin} header, L{None} if there is none.
    @ivar key: the C{Sec-WebSocket-Key} header.
    @ivar subprotocols: what the client offers, the preferred one first.
    @ivar extensions: what the client offers, the preferred one first.
    @ivar headers: all header fields.
    """

    target: str
    path: str
    query: str
    host: str
    origin: str | None
    key: str
    subprotocols: tuple[str, ...]
    extensions: tuple[ExtensionOffer, ...]
    headers: Headers


def isUpgrade(head: RequestHead) -> bool:
    """
    Tell whether a request asks for an upgrade to WebSocket, valid or not.

    @param head: the head of the request.
    """
    return _saysWebSocket(head.headers.getAll("Upgrade"))


def parsePath(target: str) -> str:
    """
    Find the path in a request target, percent-decoded.

    @param target: as it was sent, RFC 9112 section 3.2.
    @raise BadHandshake: with 400 if there is none.
    """
    return _decodePath(_splitTarget(target)[0].partition("?")[0])


def parseUpgrade(head: RequestHead) -> UpgradeRequest:
    """
    Check an opening handshake, RFC 6455 section 4.2.1.

    @param head: the head of the request.
    @raise BadHandshake: if it is not valid; it names the header.
    """
    headers = head.headers.index()
    if not _saysWebSocket(headers.get("upgrade", ())):
        raise BadHandshake(400, "Upgrade does not say 'websocket'")
    if head.method != "GET":
        raise BadHandshake(405, "an upgrade needs method GET", [("Allow", "GET")])
    if head.minorVersion < 1:
        raise BadHandshake(400, "an upgrade needs HTTP/1.1")
    _checkConnection(headers)
    _checkVersion(headers)
    key = _getOne(headers, "Sec-WebSocket-Key")
    if not isKey(key):
        raise BadHandshake(400, "Sec-WebSocket-Key is not 16 bytes in base64")
    _checkNoBody(headers)
    target, authority = _splitTarget(head.target)
    path, _, query = target.partition("?")
    host = _getOne(headers, "Host")
    if _HOST.match(host) is None:
        raise BadHandshake(400, "Host is not a host and a port")
    origins = headers.get("origin", ())
    if len(origins) > 1:
        raise BadHandshake(400, "Origin is there more than once")
    return UpgradeRequest(
        target=target,
        path=_decodePath(path),
        query=query,
        host=authority or host,
        origin=origins[0] if origins else None,
        key=key,
        subprotocols=_parseSubprotocols(headers),
        extensions=tuple(_parse(parseExtensions, headers, "Sec-WebSocket-Extensions")),
        headers=head.headers,
    )


def acceptUpgrade(
    request: UpgradeRequest,
    subprotocol: str | None = None,
    extensions: Sequence[ExtensionOffer] = (),
    headers: Iterable[tuple[str, str]] = (),
) -> bytes:
    """
    Make the 101 that accepts an opening handshake, RFC 6455 section 4.2.2.

    @param request: the handshake.
    @param subprotocol: the one chosen of those that the client offers, or
        L{None}.
    @param extensions: those in use, with their parameters.
    @param headers: further header fields.
    @raise ValueError: if a header is not fit to be sent, or is one of those
        that make the handshake.
    """
    headers = checkAcceptanceHeaders(headers)
    fields: list[tuple[str, str]] = []
    if subprotocol is not None:
        fields.append(("Sec-WebSocket-Protocol", subprotocol))
    if extensions:
        fields.append(("Sec-WebSocket-Extensions", serializeExtensions(extensions)))
    rest = serializeFields((*fields, *headers))
    return b"%s%s\r\n%s" % (_ACCEPTANCE, acceptKey(request.key).encode("ascii"), rest)


def checkAcceptanceHeaders(
    headers: Iterable[tuple[str, str]],
) -> Sequence[tuple[str, str]]:
    """
    Check further header fields of a 101, as L{acceptUpgrade} does.

    @return: the same.
    """
    fields = tuple(headers)
    if fields:
        serializeHead("", fields)
    for name, _value in fields:
        if _OURS.match(name) is not None:
            raise ValueError(f"{name} belongs to the handshake itself")
    return fields


def refuseRequest(
    status: int,
    body: bytes,
    headers: Iterable[tuple[str, str]] = (),
) -> bytes:
    """
    Make the response that refuses a request and ends the connection.

    @param status: the HTTP status.
    @param body: what to tell; plain text unless C{headers} say otherwise.
    @param headers: further header fields.
    @raise ValueError: if a header is not fit to be sent.
    """
    fields = refusalFields(body, headers)
    options = Headers(fields).getAll("Connection")
    if "close" not in ", ".join(options).lower():
        fields = [field for field in fields if field[0].lower() != "connection"]
        fields.append(("Connection", ", ".join((*options, "close"))))
    return serializeHead(statusLine(status), fields) + body


def refusalFields(
    body: bytes, headers: Iterable[tuple[str, str]] = ()
) -> list[tuple[str, str]]:
    """
    Make the header fields of a response that refuses a request.

    @param body: what to tell; plain text unless C{headers} say otherwise.
    @param headers: further header fields; where the body ends is not theirs to
        say.
    """
    given = Headers(field for field in headers if field[0].lower() not in _FRAMING)
    fields = [("Content-Length", str(len(body)))]
    if "Content-Type" not in given:
        fields.append(("Content-Type", "text/plain; charset=utf-8"))
    # What a refusal says comes from the request in part; it is never markup.
    fields.append(("X-Content-Type-Options", "nosniff"))
    return [*fields, *given]


def _saysWebSocket(upgrades: Sequence[str]) -> bool:
    """
    Tell whether one of the protocols of an Upgrade header is this.
    """
    protocols = ",".join(upgrades).lower().split(",")
    return "websocket" in [protocol.strip(" \t") for protocol in protocols]


def _getOne(headers: _Index, name: str) -> str:
    """
    Get the value of a header that has to be there exactly once.
    """
    values = headers.get(name.lower(), ())
    if len(values) != 1:
        problem = "more than once" if values else "missing"
        raise BadHandshake(400, f"{name} is {problem}")
    return values[0]


def _checkConnection(headers: _Index) -> None:
    """
    Check that the upgrade is meant for this hop.
    """
    if "upgrade" not in map(str.lower, _parse(parseTokens, headers, "Connection")):
        raise BadHandshake(
            400,
            "Connection does not say 'Upgrade'; "
            "a proxy in between may have to be told to pass it on",
        )


def upgradeRequired(explanation: str) -> BadHandshake:
    """
    Refuse a request that asks for another protocol, RFC 6455 section 4.4.

    @param explanation: one sentence.
    """
    return BadHandshake(
        426,
        explanation,
        [
            ("Sec-WebSocket-Version", VERSION),
            # RFC 9110 15.5.22: a 426 MUST say what to upgrade to.
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
        ],
    )


def _checkVersion(headers: _Index) -> None:
    """
    Check the version, RFC 6455 section 4.4.
    """
    if _getOne(headers, "Sec-WebSocket-Version") != VERSION:
        raise upgradeRequired(f"Sec-WebSocket-Version is not {VERSION}")


def _checkNoBody(headers: _Index) -> None:
    """
    Check that nothing follows the head that could be taken for frames.
    """
    if headers.get("transfer-encoding", ()):
        raise BadHandshake(400, "Transfer-Encoding is there; an upgrade has no body")
    if set(headers.get("content-length", ())) - {"0"}:
        raise BadHandshake(400, "Content-Length is not 0; an upgrade has no body")


def _splitTarget(target: str) -> tuple[str, str]:
    """
    Split a request target, RFC 9112 section 3.2, into its origin form and the
    authority of its absolute form.
    """
    authority = ""
    if not target.startswith("/"):
        try:
            parts = urlsplit(target)
        except ValueError:
            raise BadHandshake(400, "the request target is not a URL") from None
        authority = parts.netloc
        if parts.scheme not in ("http", "https") or _HOST.match(authority) is None:
            raise BadHandshake(400, "the request target is neither a path nor a URL")
        target = target.partition("//")[2][len(authority) :]
        if not target.startswith("/"):
            target = f"/{target}"
    if "#" in target:
        raise BadHandshake(400, "the request target has a fragment")
    return target, authority


def _decodePath(path: str) -> str:
    """
    Decode a percent-encoded path.
    """
    try:
        return unquote(path, errors="strict")
    except UnicodeDecodeError:
        raise BadHandshake(400, "the path is not UTF-8") from None


def _parseSubprotocols(headers: _Index) -> tuple[str, ...]:
    """
    Parse C{Sec-WebSocket-Protocol}, RFC 6455 section 4.1.
    """
    subprotocols = _parse(parseTokens, headers, "Sec-WebSocket-Protocol")
    if len(set(subprotocols)) != len(subprotocols):
        raise BadHandshake(400, "Sec-WebSocket-Protocol offers one more than once")
    return tuple(subprotocols)


def _parse(
    parse: Callable[[Iterable[str]], list[_T]], headers: _Index, name: str
) -> list[_T]:
    """
    Parse a header that is a list.
    """
    try:
        return parse(headers.get(name.lower(), ()))
    except ValueError as error:
        raise BadHandshake(400, f"{name}: {error}") from None
