"""
What went wrong, in one sentence, and what is likely to be the reason.
"""

from __future__ import annotations

from twisted.internet import error as network
from twisted.internet.defer import CancelledError

from txws.errors import (
    DeadlineExpired,
    HandshakeRefused,
    InvalidSetting,
    ProxyRefused,
    RedirectRefused,
    TLSFailed,
    WebSocketClosed,
    WebSocketFailed,
)
from txws.wire.codes import CloseCode
from txws.wire.events import CloseStatus

from .display import harmless, oneLine

__all__ = ["advise", "explain", "isClean", "tellEnd"]

_NO_UPGRADE = (
    "this is what a proxy answers that does not pass Upgrade and Connection on"
    " (nginx: proxy_http_version 1.1 and both headers), or a server that has no"
    " WebSocket at this path"
)
_ADVICE = {
    0: "nothing there speaks HTTP: another service may listen on this port, or it"
    " wants TLS (wss instead of ws), or none",
    101: "the server, or what stands before it, answers from a cache or does not"
    " know RFC 6455",
    200: _NO_UPGRADE,
    400: "the server does not like the request: " + _NO_UPGRADE,
    401: "the server wants to know who comes: try --header 'Authorization: ...'",
    403: "the server does not let this one in: it may want an --origin that it"
    " knows, or credentials",
    404: "there is no WebSocket at this path; or " + _NO_UPGRADE,
    405: "there is no WebSocket at this path",
    407: "a proxy wants credentials",
    421: "the name in the URL is not one that this server serves",
    426: "the server did not see the Upgrade, or wants another version: " + _NO_UPGRADE,
    429: "the server has had too many connections from here",
    500: "the server has an error: its log says which",
    502: "a proxy answers, and cannot reach the server behind it, or does not"
    " understand its 101",
    503: "the server, or what is behind the proxy, is down or full",
    504: "a proxy answers; the server behind it takes too long",
}
_DEADLINES = {
    "nameTimeout": "the name server does not answer",
    "connectTimeout": "the host does not answer: a firewall drops what is sent to it,"
    " or it is down",
    "proxyTimeout": "the proxy does not reach the server",
    "tlsTimeout": "what listens there may not speak TLS: try ws instead of wss",
    "handshakeTimeout": "what listens there takes the request and says nothing: it may"
    " be no HTTP server, or want TLS",
}
_CLEAN = (
    CloseCode.NORMAL_CLOSURE,
    CloseCode.GOING_AWAY,
    CloseCode.NO_STATUS_RECEIVED,
)


def explain(error: BaseException) -> str:
    """
    Say in one sentence what went wrong, without anything that a terminal would
    obey.

    @param error: what was raised.
    """
    if isinstance(error, WebSocketFailed):
        return f"the connection failed: {explain(error.cause)}"
    if isinstance(error, HandshakeRefused):
        body = oneLine(error.body.decode("utf-8", "replace"))
        said = oneLine(error.explanation)
        return f"{said}: {body}" if body else said
    if isinstance(error, ProxyRefused):
        return oneLine(str(error))
    if isinstance(error, RedirectRefused):
        return oneLine(f"{error.explanation}: {error.location}")
    if isinstance(error, InvalidSetting):
        return oneLine(str(error))
    told = oneLine(_tellNetwork(error) or str(error)).rstrip(".")
    return told or type(error).__name__


def advise(error: BaseException) -> str | None:
    """
    Say what is likely to be the reason.

    @param error: what was raised while connecting.
    @return: a sentence, or L{None} if there is nothing to guess.
    """
    if isinstance(error, WebSocketFailed):
        return advise(error.cause)
    if isinstance(error, DeadlineExpired):
        return _DEADLINES.get(error.deadline)
    if isinstance(error, HandshakeRefused):
        return _adviseRefused(error)
    if isinstance(error, network.ConnectionRefusedError):
        return "nothing listens on this port"
    if isinstance(error, TLSFailed):
        return _adviseTLS(error.explanation)
    return None


def tellEnd(ended: WebSocketClosed | WebSocketFailed) -> str:
    """
    Say who closed the connection, with what.

    @param ended: how it has ended.
    """
    if isinstance(ended, WebSocketFailed):
        said = explain(ended)
        return (
            said if ended.sent is None else f"{said}; we had sent {_tell(ended.sent)}"
        )
    assert ended.received is not None
    assert ended.sent is not None
    if ended.isReceivedFirst:
        return f"closed by the server: {_tell(ended.received)}"
    answer = _tell(ended.received)
    return f"closed by us: {_tell(ended.sent)}; the server answered {answer}"


def isClean(ended: WebSocketClosed | WebSocketFailed) -> bool:
    """
    Tell whether the connection ended as it should: by a closing handshake that
    the server did not begin because of an error.

    @param ended: how it has ended.
    """
    if isinstance(ended, WebSocketFailed):
        return False
    return not ended.isReceivedFirst or ended.code in _CLEAN


def _tell(status: CloseStatus) -> str:
    """
    Say what a Close said.
    """
    if status.code == CloseCode.NO_STATUS_RECEIVED:
        return "without a code"
    if not status.reason:
        return f"{status.code:d}"
    return f'{status.code:d} "{harmless(status.reason)}"'


def _tellNetwork(error: BaseException) -> str | None:
    """
    Say what is wrong with the network, without Twisted's prefixes.
    """
    if isinstance(error, network.DNSLookupError):
        return ": ".join(("there is no such host", *map(str, error.args)))
    if isinstance(error, network.ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, (network.TCPTimedOutError, network.TimeoutError)):
        return "the host does not answer in time"
    if isinstance(error, network.ConnectError) and error.osError is not None:
        return f"cannot connect: {error}"
    if isinstance(error, CancelledError):
        return "interrupted"
    return None


def _adviseRefused(error: HandshakeRefused) -> str | None:
    """
    Guess why the answer is no 101.
    """
    locations = [value for name, value in error.headers if name.lower() == "location"]
    if 300 <= error.status < 400 and locations:
        return (
            f"the server is somewhere else, {oneLine(locations[0])}: give that URL,"
            " with ws for http and wss for https"
        )
    return _ADVICE.get(error.status)


def _adviseTLS(explanation: str) -> str | None:
    """
    Guess why there is no encryption.
    """
    said = explanation.lower()
    if "wrong version number" in said or "http request" in said:
        return "what listens there does not speak TLS: try ws instead of wss"
    if "certificate" in said or "verif" in said:
        return (
            "the certificate is expired, for another name, or of an authority that is"
            " not known here: --ca FILE names one, --insecure looks away"
        )
    return None
