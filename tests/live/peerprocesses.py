"""
Peers that run: each is a process that is told what to do, and tells what it has
seen.  See L{tests.live.peers} for what is said.
"""

from __future__ import annotations

import json
import tempfile
from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater
from twisted.internet.utils import getProcessOutputAndValue
from twisted.python.failure import Failure
from twisted.web.server import Site
from twisted.web.static import File

from txws import Conversation, WebSocketFactory

from .browser import CHROMIUM_FLAGS
from .installation import HERE, Command
from .peers import CLOSE_CODE, CLOSE_REASON

__all__ = ["BrowserPeer", "PeerEnded", "ProgramPeer", "RunningPeer"]

# Seconds that a process gets to end before it is killed.
END_TIMEOUT = 5.0

# Firefox looks for updates, news and add-ons at its start.
_FIREFOX_SETTINGS = """
user_pref("app.update.enabled", false);
user_pref("app.normandy.enabled", false);
user_pref("browser.safebrowsing.malware.enabled", false);
user_pref("browser.safebrowsing.phishing.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.startup.homepage_override.mstone", "ignore");
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("extensions.update.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("services.settings.server", "data:,#remote-settings-dummy/v1");
user_pref("toolkit.telemetry.enabled", false);
"""
# How Firefox calls SHA-256 where it keeps exceptions.
_SHA256 = "OID.2.16.840.1.101.3.4.2.1"


class PeerEnded(Exception):
    """
    The process of a peer has ended while something was wanted of it.
    """


class _Process(ProcessProtocol):
    """
    A process, its lines and its end.
    """

    def __init__(self, log: Path) -> None:
        self.ended: Deferred[None] = Deferred()
        self.isRunning = True
        self._log = log
        self._rest = b""

    def lineReceived(self, line: bytes) -> None:
        """
        The process has said something.  For subclasses.
        """

    def outReceived(self, data: bytes) -> None:
        """
        Split lines.
        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self.lineReceived(line)

    def errReceived(self, data: bytes) -> None:
        """
        Keep complaints.
        """
        with self._log.open("ab") as log:
            log.write(data)

    def processEnded(self, reason: Failure) -> None:
        """
        It is over.
        """
        self.isRunning = False
        self.ended.callback(None)


class RunningPeer:
    """
    A peer that runs.

    @ivar version: what the peer calls itself.
    @ivar ports: where it serves: C{False} for without TLS, C{True} for with TLS.
    @ivar pageOrigin: the C{Origin} of its connections, or L{None}.
    """

    version = ""
    pageOrigin: str | None = None

    def __init__(self, reactor: Any, log: Path) -> None:
        """
        @param reactor: what runs it.
        @param log: where its complaints go.
        """
        self.ports: dict[bool, int] = {}
        self._reactor = reactor
        self._log = log
        self._reports: dict[str, Mapping[str, Any]] = {}
        self._wanted: dict[str, Deferred[Mapping[str, Any]]] = {}
        self._process: _Process | None = None

    def order(
        self, url: str, subprotocols: Sequence[str], deflate: Mapping[str, Any]
    ) -> None:
        """
        Have it connect to a URL.

        @param url: the URL.
        @param subprotocols: what it is to offer.
        @param deflate: the parameters of permessage-deflate that it is to offer,
            if it lets one choose them.
        """
        self._tell(
            {"url": url, "subprotocols": list(subprotocols), "deflate": dict(deflate)}
        )

    def reportOf(self, target: str) -> Deferred[Mapping[str, Any]]:
        """
        Wait for what it tells of the connection to a target.
        """

        def forget(report: Deferred[Mapping[str, Any]]) -> None:
            del self._wanted[target]

        report: Deferred[Mapping[str, Any]] = Deferred(forget)
        if target in self._reports:
            report.callback(self._reports.pop(target))
        else:
            self._wanted[target] = report
        return report

    async def stop(self) -> None:
        """
        End it.
        """
        process = self._process
        if process is None or not process.isRunning:
            return
        self._askToEnd(process)
        killing = self._reactor.callLater(
            END_TIMEOUT, process.transport.signalProcess, "KILL"
        )
        await process.ended
        killing.cancel()

    def _tell(self, order: object) -> None:
        """
        Tell it what to do.
        """
        raise NotImplementedError

    def _askToEnd(self, process: _Process) -> None:
        """
        Ask its process to end.
        """
        process.transport.closeStdin()

    def _reported(self, report: Mapping[str, Any]) -> None:
        """
        Keep a report, or hand it to who waits for it.
        """
        wanted = self._wanted.pop(report["target"], None)
        if wanted is None:
            self._reports[report["target"]] = report
        else:
            wanted.callback(report)

    def _start(self, process: _Process, command: Command) -> None:
        """
        Start the process.
        """
        self._process = process
        self._reactor.spawnProcess(
            process,
            command.arguments[0],
            list(command.arguments),
            env=dict(command.environment),
        )


class _Program(_Process):
    """
    The process of a L{ProgramPeer}.
    """

    def __init__(self, log: Path, told: Any) -> None:
        super().__init__(log)
        self._told = told

    def lineReceived(self, line: bytes) -> None:
        """
        Pass it on.
        """
        self._told(json.loads(line))


class ProgramPeer(RunningPeer):
    """
    A program of L{tests.live.peers}.
    """

    async def start(self, command: Command) -> None:
        """
        Start it, and wait until it serves.

        @raise PeerEnded: if it does not.
        """
        announced: Deferred[Mapping[str, Any]] = Deferred()
        process = _Program(self._log, announced.callback)
        process.ended.addCallback(lambda ignored: self._ended(announced))
        self._start(process, command)
        told = await announced
        process._told = self._reported
        self.version = told["version"]
        self.ports = {False: told["plain"], True: told["secure"]}

    def _tell(self, order: object) -> None:
        """
        Tell it what to do.
        """
        assert self._process is not None
        self._process.transport.write(json.dumps(order).encode() + b"\n")

    def _ended(self, announced: Deferred[Mapping[str, Any]]) -> None:
        """
        Tell who waits for it that it does not run.
        """
        if not announced.called:
            complaints = self._log.read_text("utf-8", "replace")
            announced.errback(PeerEnded(complaints.strip()[-500:] or "no complaint"))


class BrowserPeer(RunningPeer):
    """
    A browser with the page of L{tests.live.peers}.
    """

    async def start(self, command: Command, pem: Path, securePort: int) -> None:
        """
        Start it, and wait until its page asks for orders.

        @param pem: the certificate that it is to trust.
        @param securePort: the port where it is to trust it.
        """
        asked: Deferred[Conversation] = Deferred()

        async def order(websocket: Conversation) -> None:
            asked.callback(websocket)
            async for message in websocket:
                self._reported(json.loads(message))

        page = File(str(HERE / "peers"))
        endpoint = TCP4ServerEndpoint(self._reactor, 0, interface="127.0.0.1")
        self._port: IListeningPort = await endpoint.listen(
            WebSocketFactory(order, site=Site(page))
        )
        self.pageOrigin = f"http://localhost:{self._port.getHost().port}"
        program = command.arguments[0]
        self._profile = tempfile.TemporaryDirectory(
            prefix="txws-", ignore_cleanup_errors=True
        )
        profile = Path(self._profile.name)
        prepare = _prepareFirefox if "firefox" in program else _prepareChromium
        flags = prepare(profile, pem, securePort)
        settings = f"code={CLOSE_CODE}&reason={quote(CLOSE_REASON)}"
        url = f"{self.pageOrigin}/browserpeer.html#{settings}"
        environment = {**command.environment, "HOME": str(profile)}
        self.version = await _versionOf(self._reactor, program, environment)
        self._start(_Process(self._log), Command([program, *flags, url], environment))
        self._orders = await asked

    def _tell(self, order: object) -> None:
        """
        Tell it what to do.
        """
        self._orders.send(json.dumps(order))

    async def stop(self) -> None:
        """
        End it.
        """
        await super().stop()
        await maybeDeferred(self._port.stopListening)
        # Its children may write to its profile a little longer.
        await deferLater(self._reactor, 0.2)
        self._profile.cleanup()

    def _askToEnd(self, process: _Process) -> None:
        """
        Ask its process to end.
        """
        process.transport.signalProcess("TERM")


async def _versionOf(reactor: Any, program: str, environment: Mapping[str, str]) -> str:
    """
    Ask a browser for its version.
    """
    output, _complaints, _status = await getProcessOutputAndValue(
        program, ["--version"], env=dict(environment), reactor=reactor
    )
    return " ".join(output.decode("utf-8", "replace").split("built")[0].split())


def _prepareChromium(profile: Path, pem: Path, port: int) -> Sequence[str]:
    """
    Have Chromium trust a certificate.
    """
    key = x509.load_pem_x509_certificate(pem.read_bytes()).public_key()
    digest = sha256(
        key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ).digest()
    trusted = f"--ignore-certificate-errors-spki-list={b64encode(digest).decode()}"
    return (*CHROMIUM_FLAGS, f"--user-data-dir={profile}", trusted)


def _prepareFirefox(profile: Path, pem: Path, port: int) -> Sequence[str]:
    """
    Have Firefox trust a certificate.
    """
    certificate = x509.load_pem_x509_certificate(pem.read_bytes())
    fingerprint = certificate.fingerprint(SHA256()).hex(":").upper()
    (profile / "cert_override.txt").write_text(
        f"localhost:{port}:\t{_SHA256}\t{fingerprint}\t\n"
    )
    (profile / "user.js").write_text(_FIREFOX_SETTINGS)
    return ("--headless", "--no-remote", "--profile", str(profile))
