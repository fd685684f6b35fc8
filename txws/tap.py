"""
C{twistd websocket}: the options, and the service that they describe.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar

from twisted.application.service import IService
from twisted.application.strports import service as listeningService
from twisted.internet.error import CannotListenError
from twisted.python.usage import Options as BaseOptions
from twisted.python.usage import UsageError

from .applications import Application
from .demo import Demo, readPage
from .errors import InvalidSetting
from .factories import WebSocketFactory
from .interfaces import ILegacyVersions
from .optionvalues import (
    checkPort,
    explain,
    loadApplication,
    parseCompression,
    parseCount,
    parseSeconds,
)
from .policy import HandshakePolicy, KeepalivePolicy, Limits
from .services import WebSocketService

__all__ = ["Options", "makeService"]

_Settings = TypeVar("_Settings")

_DEFAULT_PORT = "9000"
_NONE = {
    "max-connections": "unlimited",
    "max-fragments": "unlimited",
    "max-message-size": "unlimited",
    "ping-interval": "never",
}
_COMPRESSION_HELP = (
    "Compress messages: none, low, balanced or best [default: balanced, but none for "
    "wrapped protocols]."
)

# What each setting is called on the command line.
_OPTIONS = {
    "application": "wrap",
    "closeTimeout": "close-timeout",
    "handshakeTimeout": "handshake-timeout",
    "legacy": "legacy",
    "maxConnections": "max-connections",
    "maxFragments": "max-fragments",
    "maxMessageSize": "max-message-size",
    "origins": "origin",
    "paths": "path",
    "pingInterval": "ping-interval",
    "pingTimeout": "ping-timeout",
    "subprotocols": "subprotocol",
    "text": "text",
}


class Options(BaseOptions):
    """
    The options of C{twistd websocket}.
    """

    synopsis = "[options]"
    longdesc = (
        "Serve WebSockets: a demo, to be opened in a browser, or whatever --wrap "
        "names. Sizes may end in K, M or G; times are in seconds. An endpoint is "
        "described as in tcp:9000:interface=127.0.0.1 or ssl:443:privateKey=key.pem, "
        "an origin as in https://example.com, https://*.example.com, null or *. "
        "What --wrap names, as in package.module.name, is a factory, a class of "
        "protocols, a class of handlers, a coroutine function, or a handler factory; "
        "modules in this directory count."
    )

    optFlags = (
        ("text", None, "Have a wrapped protocol send text messages, not binary ones."),
        ("log-frames", None, "Log each frame that is received or sent."),
    )

    optParameters = (
        (
            "max-message-size",
            None,
            None,
            "Most bytes in a message received, or 'unlimited' [default: 1M].",
        ),
        (
            "max-fragments",
            None,
            None,
            "Most frames in a message received, or 'unlimited' [default: 4096].",
        ),
        (
            "max-connections",
            None,
            None,
            "Most connections at a time; more get a 503 [default: unlimited].",
        ),
        (
            "compression",
            None,
            None,
            _COMPRESSION_HELP,
        ),
        (
            "ping-interval",
            None,
            None,
            "Send a Ping after so much silence, or 'never' [default: 20].",
        ),
        (
            "ping-timeout",
            None,
            None,
            "Give a peer up that leaves a Ping unanswered so long [default: 20].",
        ),
        (
            "handshake-timeout",
            None,
            None,
            "How long a client has for its opening handshake [default: 10].",
        ),
        (
            "close-timeout",
            None,
            None,
            "How long a peer has to answer a Close [default: 5].",
        ),
    )

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Twisted's
        self["wrap"] = None
        self["port"] = []
        self["path"] = []
        self["origin"] = []
        self["subprotocol"] = []
        self["legacy"] = []

    # Twisted prints these docstrings as they are, so that each is one line.

    def opt_port(self, description: str) -> None:
        """
        Listen here: a port or an endpoint; repeatable [default: 9000].
        """
        self["port"].append(description)

    opt_p = opt_port

    def opt_wrap(self, name: str) -> None:
        """
        Serve this, by its dotted name [default: a demo].
        """
        if self["wrap"] is not None:
            raise UsageError("--wrap is there twice")
        self["wrap"] = name

    opt_w = opt_wrap

    def opt_path(self, path: str) -> None:
        """
        Accept WebSockets on this path alone; repeatable [default: all].
        """
        self["path"].append(path)

    def opt_origin(self, origin: str) -> None:
        """
        Accept pages of this origin; repeatable [default: same-origin].
        """
        self["origin"].append(origin)

    def opt_subprotocol(self, subprotocol: str) -> None:
        """
        Speak this subprotocol, the preferred one first; repeatable.
        """
        self["subprotocol"].append(subprotocol)

    def opt_legacy(self, versions: str) -> None:
        """
        UNSAFE: speak hixie-75, hixie-76, hybi-7 or hybi-8 too; repeatable.
        """
        self["legacy"].extend(version.strip() for version in versions.split(","))

    def parseArgs(self, *arguments: str) -> None:
        """
        Refuse what is no option.

        @raise UsageError: if there is anything.
        """
        if arguments:
            raise UsageError(
                f"{arguments[0]!r} is no option; a port is given with --port"
            )

    def postOptions(self) -> None:
        """
        Check everything, so that what is wrong is said in one sentence.

        @raise UsageError: if something is.
        """
        from twisted.internet import reactor

        self["port"] = [
            f"tcp:{port}" if port.removeprefix("-").isdecimal() else port
            for port in self["port"] or [_DEFAULT_PORT]
        ]
        for description in self["port"]:
            checkPort(description, reactor)
        try:
            self["limits"] = self._makeSettings(Limits, parseCount)
            self["keepalive"] = self._makeSettings(KeepalivePolicy, parseSeconds)
            self["handshake"] = HandshakePolicy(
                origins=self["origin"] or HandshakePolicy.origins,
                subprotocols=self["subprotocol"] or None,
                paths=self["path"] or None,
            )
            self["extensions"] = parseCompression(self["compression"])
            self["application"] = self._loadApplication()
            self["legacy"] = _loadLegacy(self["legacy"])
        except InvalidSetting as error:
            option = _OPTIONS[error.setting]
            raise UsageError(f"--{option} {error.problem}") from None

    def _makeSettings(
        self, kind: type[_Settings], parse: Callable[[str, str], object]
    ) -> _Settings:
        """
        Make the settings of one kind from the options that were given.
        """
        given: dict[str, Any] = {}
        for setting in fields(kind):  # type: ignore[arg-type]  # a dataclass
            option = _OPTIONS.get(setting.name)
            if option is None or self[option] is None:
                continue
            isNone = self[option] == _NONE.get(option)
            given[setting.name] = None if isNone else parse(option, self[option])
        return kind(**given)

    def _loadApplication(self) -> Application | None:
        """
        Find what is to be served; L{None} for the demo.
        """
        if self["wrap"] is None:
            if self["text"]:
                raise UsageError("--text needs --wrap: the demo sends both")
            return None
        return loadApplication(self["wrap"], bool(self["text"]))


def makeService(options: Options) -> IService:
    """
    Make the service that the options describe.

    @param options: parsed and checked.
    """
    from twisted.internet import reactor

    application = options["application"]
    site = None
    if application is None:
        from .resource import makePageSite

        application = Demo()
        site = makePageSite(readPage(), reactor)
    factory = WebSocketFactory(
        application,
        bool(options["text"]),
        limits=options["limits"],
        keepalive=options["keepalive"],
        handshake=options["handshake"],
        extensions=options["extensions"],
        site=site,
        logsFrames=bool(options["log-frames"]),
        legacy=options["legacy"],
        clock=reactor,
    )
    return _CommandService(
        factory,
        [listeningService(port, factory, reactor) for port in options["port"]],
        reactor,
        options["keepalive"].closeTimeout,
    )


class _CannotListen(SystemExit, Exception):
    """
    The program ends with one sentence: in the foreground as every
    L{SystemExit} does, and as a daemon because its parent is told of an
    L{Exception}, and of nothing else.

    @ivar code: what Python prints.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(f"twistd websocket: {problem}")
        self._problem = problem

    def __str__(self) -> str:
        # The parent prints 100 bytes of it.
        return self._problem


class _CommandService(WebSocketService):
    """
    A service that is started from the command line.
    """

    def privilegedStartService(self) -> None:
        """
        Listen, or say in one sentence why that is not possible.
        """
        try:
            super().privilegedStartService()  # type: ignore[no-untyped-call]  # Twisted's
        except OverflowError as error:
            # Endpoints leave it to the operating system to look at a number.
            raise _CannotListen(f"a number is out of range: {explain(error)}") from None
        except (CannotListenError, OSError) as error:
            raise _CannotListen(explain(error)) from None


def _loadLegacy(versions: list[str]) -> ILegacyVersions | None:
    """
    Find what is spoken beside RFC 6455, which may be not installed.
    """
    if not versions:
        return None
    try:
        from .legacy import Legacy
    except ModuleNotFoundError:
        raise UsageError("--legacy needs txws.legacy, which is not here") from None
    return Legacy(*versions)
