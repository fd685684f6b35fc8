"""
Checking a server, step by step, up to the first step that fails.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress

from txws.carriers import limit
from txws.conversation import Conversation
from txws.dialing import proxyFor
from txws.errors import (
    DeadlineExpired,
    HandshakeRefused,
    ProxyRefused,
    TLSFailed,
    WebSocketClosed,
    WebSocketFailed,
)
from txws.policy import ClientTimeouts, KeepalivePolicy
from txws.proxies import Proxy
from txws.wire.handshake import parseExtensions, serializeExtensions

from .diagnosis import advise, explain, tellEnd
from .display import harmless, oneLine, tellSeconds
from .lookup import KnownNames, lookUp
from .options import CheckOptions
from .probe import Listener, Probe, TLSFacts
from .report import Report
from .trials import Trials, patiently, tellLost

__all__ = ["Check"]

_FEW_DAYS = 14
_NO_PINGS = KeepalivePolicy(pingInterval=None)

# Headers of an answer that say who gave it, and what was agreed.
_INTERESTING = (
    "server",
    "via",
    "x-powered-by",
    "x-cache",
    "cf-ray",
    "location",
    "retry-after",
    "www-authenticate",
    "proxy-authenticate",
    "sec-websocket-version",
    "sec-websocket-protocol",
    "sec-websocket-extensions",
)


class Stopped(Exception):
    """
    A step has failed, and those after it make no sense.
    """


class Check:
    """
    Checks one server.
    """

    def __init__(
        self,
        reactor: Any,
        options: CheckOptions,
        report: Report,
        now: Callable[[], float] = time.time,
    ) -> None:
        """
        @param reactor: what connects and schedules.
        @param options: what to check, and how.
        @param report: what is told.
        @param now: tells the date, for certificates.
        """
        self._reactor = reactor
        self._options = options
        self._report = report
        self._now = now
        self._url = options["parsedURL"]
        self._connecting = reactor
        self._proxy = proxyFor(self._url, options["asked"])
        self._listener: Listener | None = None

    async def run(self) -> None:
        """
        Check everything.
        """
        try:
            await self._checkAll()
        except Stopped:
            pass
        finally:
            if self._listener is not None:
                self._listener.conversation.transport.abortConnection()
        self._report.finish()

    async def _checkAll(self) -> None:
        """
        Go step by step.

        @raise Stopped: if one fails.
        """
        await self._checkName()
        conversation = await self._checkHandshake()
        await self._checkRoundTrip(conversation)
        await self._checkClosing(conversation)
        trials = Trials(self._reactor, self._report)
        if not self._options["no-probe"]:
            await trials.tryMessages(await self._connectAgain("probes"))
        if self._options["idle"] is not None:
            listener = await self._connectAgain("idle", _NO_PINGS)
            await trials.trySilence(listener, self._options["idle"])

    async def _checkName(self) -> None:
        """
        Find the addresses.
        """
        if self._url.socketPath is not None:
            return
        host = self._url.host
        if self._proxy is not None:
            # The proxy finds the server's name.
            host = self._proxy.host
            self._tellProxy(self._proxy)
        began = self._reactor.seconds()
        try:
            found = await limit(
                lookUp(self._reactor, host),
                ClientTimeouts().nameTimeout,
                self._reactor,
                "nameTimeout",
            )
        except Exception as error:
            raise self._stopped("name", error) from None
        seconds = self._reactor.seconds() - began
        self._connecting = KnownNames(self._reactor, found)
        addresses = list(dict.fromkeys(map(_tellAddress, found)))
        self._report.tell(
            "name",
            {"host": host, "addresses": addresses, "seconds": seconds},
            f"{host} is {', '.join(addresses)} ({tellSeconds(seconds)})",
        )

    def _tellProxy(self, proxy: Proxy) -> None:
        """
        Tell which proxy it goes through.
        """
        facts = {"scheme": proxy.scheme, "host": proxy.host, "port": proxy.port}
        self._report.tell(
            "proxy", facts, f"through {proxy.scheme}://{proxy.host}:{proxy.port}"
        )

    async def _checkHandshake(self) -> Conversation:
        """
        Connect, and tell how far it went.
        """
        probe = Probe(self._connecting, self._url, self._options)
        try:
            self._listener = await probe.connect()
        except Exception as error:
            self._tellConnection(probe)
            await self._tellUntrusted(probe, error)
            self._tellRefused(probe, error)
            raise self._stopped(_phaseOf(probe, error), error) from None
        conversation = self._listener.conversation
        self._tellConnection(probe)
        self._tellTLS(probe, conversation)
        self._tellHandshake(probe, conversation)
        return conversation

    def _tellConnection(self, probe: Probe) -> None:
        """
        Tell how long it took to connect.
        """
        if "tcp" not in probe.times:
            return
        assert probe.protocol is not None
        transport: Any = probe.protocol.transport
        peer = _tellAddress(transport.getPeer())
        seconds = probe.times["tcp"] - probe.times["start"]
        facts = {"peer": peer, "seconds": seconds}
        through = "without a proxy" if self._proxy is None else "through the proxy"
        self._report.tell(
            "connection", facts, f"to {peer} in {tellSeconds(seconds)}, {through}"
        )

    def _tellTLS(self, probe: Probe, conversation: Conversation) -> None:
        """
        Tell how it is encrypted.
        """
        if not self._url.isSecure:
            return
        facts = TLSFacts(conversation.transport.carrier)
        seconds = probe.times["tls"] - probe.times["tcp"]
        isVerified = not self._options["insecure"]
        self._tellCertificate(facts, isVerified, seconds)
        if not isVerified:
            self._report.complain(
                "tls",
                "the certificate was not verified",
                "--insecure looks away",
                isSerious=False,
            )
        days = facts.daysLeft(self._now())
        if days < _FEW_DAYS:
            when = "expires soon" if days >= 0 else "has expired"
            self._report.complain(
                "tls", f"the certificate {when}: renew it", isSerious=False
            )

    async def _tellUntrusted(self, probe: Probe, error: Exception) -> None:
        """
        Tell what certificate it is that is not trusted.
        """
        if isinstance(error, TLSFailed):
            facts = await probe.lookAtCertificate()
            if facts is not None:
                self._tellCertificate(facts, False, None)

    def _tellCertificate(
        self, facts: TLSFacts, isVerified: bool, seconds: float | None
    ) -> None:
        """
        Tell what a certificate says.
        """
        days = facts.daysLeft(self._now())
        took = "" if seconds is None else f" in {tellSeconds(seconds)}"
        expires = facts.expires.date().isoformat()
        left = f": {days} days left" if days >= 0 else ""
        names = ", ".join(facts.names) or "no name"
        self._report.tell(
            "tls",
            {
                "version": facts.version,
                "cipher": facts.cipher,
                "subject": facts.subject,
                "issuer": facts.issuer,
                "names": facts.names,
                "expires": facts.expires.isoformat(),
                "daysLeft": days,
                "isVerified": isVerified,
                "seconds": seconds,
            },
            f"{facts.version}, {facts.cipher}{took}",
            f"certificate of {oneLine(facts.subject)}, for {oneLine(names)}",
            f"by {oneLine(facts.issuer)}, until {expires}{left}",
        )

    def _tellHandshake(self, probe: Probe, conversation: Conversation) -> None:
        """
        Tell what was agreed.
        """
        assert probe.protocol is not None
        assert probe.protocol.answer is not None
        answer = probe.protocol.answer
        headers = _interesting(tuple(answer))
        asked = max(probe.times["tcp"], probe.times.get("tls", 0.0))
        seconds = probe.times["open"] - asked
        accepted = parseExtensions(answer.getAll("Sec-WebSocket-Extensions"))
        extensions = [serializeExtensions([extension]) for extension in accepted]
        subprotocol = conversation.subprotocol
        self._report.tell(
            "handshake",
            {
                "status": 101,
                "seconds": seconds,
                "headers": headers,
                "subprotocol": subprotocol,
                "extensions": extensions,
            },
            f"101 in {tellSeconds(seconds)}",
            f"subprotocol: {subprotocol or 'none'}",
            f"extensions: {oneLine(', '.join(extensions)) or 'none'}",
            *_tellHeaders(headers),
        )
        offered = self._options["subprotocol"]
        if offered and subprotocol is None:
            self._report.complain(
                "handshake",
                "the server speaks none of the subprotocols offered",
                isSerious=False,
            )

    def _tellRefused(self, probe: Probe, error: Exception) -> None:
        """
        Tell what the server answered instead.
        """
        if isinstance(error, HandshakeRefused) and error.status:
            headers = _interesting(error.headers)
            self._report.tell(
                "handshake",
                {"status": error.status, "headers": headers},
                f"{error.status}",
                *_tellHeaders(headers),
            )

    async def _checkRoundTrip(self, conversation: Conversation) -> None:
        """
        Send Pings, one after the other.
        """
        times: list[float] = []
        try:
            for _ in range(self._options["pings"]):
                seconds = await patiently(conversation.ping(), self._reactor, "pong")
                times.append(seconds)
        except (DeadlineExpired, WebSocketClosed, WebSocketFailed) as error:
            self._report.complain(
                "roundTrip",
                f"a Ping was not answered: {tellLost(error)}",
                "RFC 6455 wants a Pong; without one nobody notices that a peer is gone",
            )
        if times:
            least, middle, most = min(times), median(times), max(times)
            self._report.tell(
                "roundTrip",
                {"count": len(times), "min": least, "median": middle, "max": most},
                f"{tellSeconds(least)} / {tellSeconds(middle)} / {tellSeconds(most)}"
                f" (min/median/max of {len(times)})",
            )

    async def _checkClosing(self, conversation: Conversation) -> None:
        """
        Close, and see what the server does.
        """
        began = self._reactor.seconds()
        conversation.transport.loseConnection()
        ended = await conversation.whenClosed()
        seconds = self._reactor.seconds() - began
        isAnswered = isinstance(ended, WebSocketClosed)
        isOurs = seconds >= KeepalivePolicy().closeTimeout
        self._report.tell(
            "closing",
            {
                "isAnswered": isAnswered,
                "code": int(ended.code),
                "reason": ended.reason,
                "tcpClosedBy": "us" if isOurs else "server",
                "seconds": seconds,
            },
            f"{tellEnd(ended)}; TCP closed by {'us' if isOurs else 'the server'}"
            f" after {tellSeconds(seconds)}",
        )
        if not isAnswered:
            self._report.complain(
                "closing",
                "the server does not answer a Close",
                "RFC 6455 section 5.5.1 wants one in response",
            )
        elif isOurs:
            self._report.complain(
                "closing",
                "the server leaves TCP open after the closing handshake",
                "RFC 6455 section 7.1.1 wants the server to close it first",
                isSerious=False,
            )

    async def _connectAgain(
        self, step: str, keepalive: KeepalivePolicy | None = None
    ) -> Listener:
        """
        Connect once more.
        """
        probe = Probe(self._connecting, self._url, self._options, keepalive)
        try:
            self._listener = await probe.connect()
        except Exception as error:
            raise self._stopped(step, error) from None
        return self._listener

    def _stopped(self, step: str, error: Exception) -> Stopped:
        """
        Tell what is wrong.
        """
        self._report.complain(step, explain(error), advise(error))
        return Stopped()


def _phaseOf(probe: Probe, error: Exception) -> str:
    """
    Find the step that has failed.
    """
    if isinstance(error, ProxyRefused) or _isOf(error, "proxyTimeout"):
        return "proxy"
    if "tcp" not in probe.times:
        return "connection"
    isTLS = isinstance(error, TLSFailed) or "tls" not in probe.times
    return "tls" if probe.isSecure and isTLS else "handshake"


def _isOf(error: Exception, deadline: str) -> bool:
    """
    Tell whether a deadline has expired.
    """
    return isinstance(error, DeadlineExpired) and error.deadline == deadline


def _tellAddress(address: IAddress) -> str:
    """
    Show an address.
    """
    if not isinstance(address, (IPv4Address, IPv6Address)):
        return harmless(str(getattr(address, "name", address)))
    if not address.port:
        return str(address.host)
    host = f"[{address.host}]" if isinstance(address, IPv6Address) else address.host
    return f"{host}:{address.port}"


def _interesting(fields: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """
    Choose the header fields that say who answered, and what was agreed.
    """
    return {
        name.lower(): value for name, value in fields if name.lower() in _INTERESTING
    }


def _tellHeaders(headers: dict[str, str]) -> list[str]:
    """
    Show header fields.
    """
    return [f"{name}: {oneLine(value)}" for name, value in headers.items()]
