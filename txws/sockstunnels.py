"""
Asking a proxy for a tunnel by SOCKS5, RFC 1928, with username and password,
RFC 1929.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import NoReturn

from .authentication import Credentials
from .errors import ProxyRefused

__all__ = ["SOCKSNegotiation"]

_VERSION = 5
# RFC 1928 section 3.
_NO_AUTHENTICATION = 0
_PASSWORD = 2
_NO_METHOD = 0xFF
# RFC 1929 section 2.
_PASSWORD_VERSION = 1
# RFC 1928 sections 4 to 6.
_CONNECT = 1
_IPV4, _NAME, _IPV6 = 1, 3, 4
_REPLIES = {
    1: "general failure",
    2: "connection not allowed by ruleset",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "TTL expired",
    7: "command not supported",
    8: "address type not supported",
}


class SOCKSNegotiation:
    """
    A L{Negotiation<txws.tunnels.Negotiation>} with a SOCKS5 proxy.

    @ivar rest: see L{Negotiation<txws.tunnels.Negotiation>}.
    """

    # What the proxy refuses with is said at once.
    refusal = None

    def __init__(self, host: str, port: int, credentials: Credentials | None) -> None:
        """
        @param host: where the tunnel leads to: an address, or a name for the
            proxy to resolve.
        @param port: where it leads to.
        @param credentials: who the client is, of at most 255 bytes each, or
            L{None}.
        """
        self.rest: bytes | None = None
        self._target = _serializeHost(host) + port.to_bytes(2, "big")
        self._credentials = credentials
        self._received = bytearray()
        self._step: Callable[[], bytes | None] = self._methodReceived

    def connectionMade(self) -> bytes:
        """
        See L{Negotiation<txws.tunnels.Negotiation>}.
        """
        methods = bytes(self._methods())
        return bytes((_VERSION, len(methods))) + methods

    def receiveData(self, data: bytes) -> bytes:
        """
        See L{Negotiation<txws.tunnels.Negotiation>}.
        """
        self._received += data
        answers = []
        while self.rest is None and (answer := self._step()) is not None:
            answers.append(answer)
        return b"".join(answers)

    def connectionLost(self) -> NoReturn:
        """
        See L{Negotiation<txws.tunnels.Negotiation>}.
        """
        raise ProxyRefused("the proxy closed the connection before it was connected")

    def _methods(self) -> list[int]:
        """
        List the ways in which the client can say who it is.
        """
        if self._credentials is None:
            return [_NO_AUTHENTICATION]
        return [_NO_AUTHENTICATION, _PASSWORD]

    def _take(self, size: int) -> bytes | None:
        """
        Take bytes of the answer.

        @return: L{None} if there are fewer.
        """
        if len(self._received) < size:
            return None
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken

    def _methodReceived(self) -> bytes | None:
        """
        The proxy chooses how the client says who it is.
        """
        _checkVersion(self._received)
        taken = self._take(2)
        if taken is None:
            return None
        method = taken[1]
        if method == _NO_METHOD:
            raise ProxyRefused(
                "the proxy wants a username and a password"
                if self._credentials is None
                else "the proxy wants a kind of authentication that is not known"
            )
        if method not in self._methods():
            raise ProxyRefused(
                f"the proxy chose method {method}, which was not offered"
            )
        if method == _NO_AUTHENTICATION:
            return self._request()
        self._step = self._verdictReceived
        assert self._credentials is not None
        username = self._credentials.username.encode()
        password = self._credentials.password.encode()
        return b"".join(
            (
                bytes((_PASSWORD_VERSION, len(username))),
                username,
                bytes((len(password),)),
                password,
            )
        )

    def _verdictReceived(self) -> bytes | None:
        """
        The proxy knows the client, or does not.
        """
        taken = self._take(2)
        if taken is None:
            return None
        if taken[1]:
            raise ProxyRefused(
                "the proxy does not accept the username and the password"
            )
        return self._request()

    def _request(self) -> bytes:
        """
        Ask for the tunnel.
        """
        self._step = self._replyReceived
        return bytes((_VERSION, _CONNECT, 0)) + self._target

    def _replyReceived(self) -> bytes | None:
        """
        The tunnel is open, or will not be.
        """
        received = self._received
        _checkVersion(received)
        if len(received) >= 2 and received[1]:
            # Some proxies say no more than that.
            told = _REPLIES.get(received[1], "an unknown failure")
            raise ProxyRefused(
                f"the proxy replied {received[1]}, {told}", reply=received[1]
            )
        if len(received) < 5:
            return None
        sizes = {_IPV4: 4, _NAME: 1 + received[4], _IPV6: 16}
        size = sizes.get(received[3])
        if size is None:
            raise ProxyRefused(f"the proxy replied with address type {received[3]}")
        if self._take(4 + size + 2) is None:
            return None
        self.rest = bytes(received)
        return b""


def _checkVersion(received: bytearray) -> None:
    """
    Check the first byte of an answer, if it is there.
    """
    if received and received[0] != _VERSION:
        raise ProxyRefused("the proxy does not speak SOCKS5")


def _serializeHost(host: str) -> bytes:
    """
    Say a host, RFC 1928 section 5.
    """
    try:
        address = ip_address(host)
    except ValueError:
        name = host.encode("ascii")
        return bytes((_NAME, len(name))) + name
    return bytes((_IPV4 if address.version == 4 else _IPV6,)) + address.packed
