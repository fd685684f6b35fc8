"""
C{twistd websocket}: the options, and the service that they describe.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from traceback import extract_tb
from typing import Any, TypeVar

from twisted.application.service import IService
from twisted.application.strports import service as listeningService
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IProtocolFactory
from twisted.python.reflect import namedAny
from twisted.python.usage import Options as BaseOptions
from twisted.python.usage import UsageError

from .applications import Application, handlerFactoryFor
from .demo import Demo, readPage
from .endpoints import WebSocketServerEndpoint
from .errors import InvalidSetting
from .factories import WebSocketFactory
from .interfaces import IExtensionFactory, ILegacyVersions
from .policy import HandshakePolicy, KeepalivePolicy, Limits
from .services import WebSocketService
from .wire.deflate import PerMessageDeflate

__all__ = ["Options", "makeService"]

_Settings = TypeVar("_Settings")

_DEFAULT_PORT = "9000"
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_NONE = {
    "max-connections": "unlimited",
    "max-fragments": "unlimited",
    "max-message-size": "unlimited",
    "ping-interval": "never",
}
_PORT_NUMBER = re.compile(
    r"(?:(?:\A|:)(?:tcp6?|ssl):(?:port=)?|:port=)(-?[0-9]+)(?=:|\Z)"
)

_TLS_PACKAGES = ("OpenSSL", "cryptography", "service_identity")

# What Python says of the arguments that a description makes, and in plain words.
_WRONG_ARGUMENTS = (
    (re.compile(r"invalid literal for int\(\) .*: ('.*')"), "{} is no number"),
    (re.compile(r"missing .* argument: ('\w+')"), "{} is missing"),
    (re.compile(r"unexpected keyword argument ('\w+')"), "{} is unknown"),
    (re.compile(r"multiple values for argument ('\w+')"), "{} is there twice"),
)

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
        self["port"] = [
            f"tcp:{port}" if port.removeprefix("-").isdecimal() else port
            for port in self["port"] or [_DEFAULT_PORT]
        ]
        for description in self["port"]:
            _checkPort(description)
        try:
            self["limits"] = self._makeSettings(Limits, _parseCount)
            self["keepalive"] = self._makeSettings(KeepalivePolicy, _parseSeconds)
            self["handshake"] = HandshakePolicy(
                origins=self["origin"] or HandshakePolicy.origins,
                subprotocols=self["subprotocol"] or None,
                paths=self["path"] or None,
            )
            self["extensions"] = _parseCompression(self["compression"])
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
        name = self["wrap"]
        if name is None:
            if self["text"]:
                raise UsageError("--text needs --wrap: the demo sends both")
            return None
        if "" not in sys.path and os.getcwd() not in sys.path:
            sys.path.insert(0, os.getcwd())
        try:
            loaded: Any = namedAny(name)
            if isinstance(loaded, type) and _isFactoryClass(loaded):
                loaded = loaded()
        except (Exception, SystemExit) as error:
            raise UsageError(
                f"--wrap cannot load {name!r}: {_explainLoading(error)}"
            ) from None
        application: Application = loaded
        handlerFactoryFor(application, bool(self["text"]))
        return application


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
            raise _CannotListen(
                f"a number is out of range: {_explain(error)}"
            ) from None
        except (CannotListenError, OSError) as error:
            raise _CannotListen(_explain(error)) from None


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


def _isFactoryClass(loaded: object) -> bool:
    """
    Tell whether a class is one of factories to be wrapped.
    """
    # One of ours cannot be made without what it serves, and is refused.
    isOurs = loaded is WebSocketFactory
    return not isOurs and bool(IProtocolFactory.implementedBy(loaded))


def _checkPort(description: str) -> None:
    """
    Check that an endpoint can be made from a description.
    """
    from twisted.internet import reactor

    try:
        _checkPortNumber(description)
        endpoint = serverFromString(reactor, description)
    except Exception as error:
        raise UsageError(
            f"--port {description!r} is no endpoint: {_explainPort(error)}"
        ) from None
    if isinstance(endpoint, WebSocketServerEndpoint):
        raise UsageError(
            f"--port {description!r} needs no 'ws:', which would wrap it twice"
        )


def _checkPortNumber(description: str) -> None:
    """
    Check a number that Twisted does not look at before it listens.

    @raise ValueError: if it is out of range.
    """
    for number in _PORT_NUMBER.findall(description):
        if not 0 <= int(number) <= 65535:
            raise ValueError("a port is a number from 0 to 65535")


def _explainPort(error: Exception) -> str:
    """
    Say in plain words what Python says when a description is no endpoint.
    """
    if isinstance(error, ImportError) and error.name in _TLS_PACKAGES:
        return f"it needs {error.name}; pip install 'txws[tls]'"
    if isinstance(error, LookupError):
        return "there is no such socket"
    for pattern, words in _WRONG_ARGUMENTS:
        found = pattern.search(str(error))
        if found is not None:
            return words.format(found[1])
    isTooMuch = isinstance(error, TypeError)
    return "there is too much in it" if isTooMuch else _explain(error)


def _explainLoading(error: BaseException) -> str:
    """
    Say what went wrong in a module that was to be loaded, and where.
    """
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {_explain(error)}"
    ours = (__file__, namedAny.__code__.co_filename, "<frozen ")
    places = [
        place
        for place in extract_tb(error.__traceback__)
        if not place.filename.startswith(ours)
    ]
    if not places:
        # It was not even found.
        return _explain(error)
    kind, said = type(error).__name__, _explain(error)
    told = kind if said == kind else f"{kind}: {said}"
    return f"{told} ({places[-1].filename}, line {places[-1].lineno})"


def _explain(error: BaseException) -> str:
    """
    Put what an exception says into one line.
    """
    return " ".join(str(error).split()) or type(error).__name__


def _parseCompression(
    preset: str | None,
) -> Sequence[IExtensionFactory] | None:
    """
    Find the extensions that a preset of compression means.
    """
    if preset is None:
        return None
    if preset == "none":
        return ()
    try:
        return (PerMessageDeflate.preset(preset),)
    except ValueError:
        raise UsageError(
            f"--compression must be none, low, balanced or best, not {preset!r}"
        ) from None


def _parseCount(option: str, value: str) -> int:
    """
    Parse a count or a size.
    """
    number, unit = value, ""
    if value and value[-1].lower() in _UNITS:
        number, unit = value[:-1], value[-1].lower()
    if not (number.isascii() and number.isdecimal() and len(number) < 16):
        raise UsageError(
            f"--{option} must be a whole number from 1 on, which may end in K, M or "
            f"G, not {value!r}"
        )
    return int(number) * _UNITS[unit]


def _parseSeconds(option: str, value: str) -> float:
    """
    Parse a time.
    """
    try:
        return float(value)
    except ValueError:
        raise UsageError(
            f"--{option} must be a number of seconds, not {value!r}"
        ) from None
