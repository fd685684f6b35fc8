"""
The options of the command line.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from getopt import GetoptError, gnu_getopt
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import twisted
from twisted.python.usage import Options as BaseOptions
from twisted.python.usage import UsageError

from txws.clientoptions import ClientOptions
from txws.errors import InvalidSetting
from txws.policy import Limits
from txws.urls import WebSocketURL
from txws.version import VERSION
from txws.wire import isCompiled

from .display import harmless, oneLine
from .trust import AnybodyPolicy, AuthorityPolicy

__all__ = [
    "BenchOptions",
    "CheckOptions",
    "ConnectOptions",
    "TalkOptions",
    "parseOptions",
    "tellVersions",
]

# What each setting is called on the command line.
_OPTIONS = {
    "headers": "--header",
    "origin": "--origin",
    "proxy": "--proxy",
    "subprotocols": "--subprotocol",
    "url": "the URL",
}

_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


class ConnectOptions(BaseOptions):
    """
    The options of all commands.
    """

    command = ""

    optFlags: Sequence[Sequence[Any]] = (
        ("insecure", "k", "Trust any certificate: anybody may listen."),
        (
            "use-environment",
            "e",
            "Go through the proxy that the environment names, as HTTPS_PROXY.",
        ),
    )

    optParameters: Sequence[Sequence[Any]] = (
        ("origin", "o", None, "The Origin of the request."),
        ("proxy", "p", None, "Go through this proxy: http://, https:// or socks5://."),
        ("ca", None, None, "Trust the authorities in this file, PEM."),
        (
            "max-message-size",
            None,
            "1M",
            "Most bytes in a message received, or 'unlimited'.",
        ),
    )

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Twisted's
        self["header"] = []
        self["subprotocol"] = []

    @property
    def synopsis(self) -> str:
        """
        How it is called.
        """
        name = f"{self.command} " if self.command else ""
        return f"Usage: python -m txws {name}[options] URL"

    # Twisted prints these docstrings as they are, so that each is one line.

    def opt_header(self, header: str) -> None:
        """
        Send this header field, as NAME:VALUE; repeatable.
        """
        name, separator, value = header.partition(":")
        if not separator or not name:
            raise UsageError(f"--header must be NAME:VALUE, not {header!r}")
        self["header"].append((name.strip(), value.strip()))

    opt_H = opt_header

    def opt_subprotocol(self, subprotocol: str) -> None:
        """
        Offer this subprotocol, the preferred one first; repeatable.
        """
        self["subprotocol"].append(subprotocol)

    opt_s = opt_subprotocol

    def opt_version(self) -> None:
        """
        Tell which versions this is made of.
        """
        sys.stdout.write(f"{tellVersions()}\n")
        raise SystemExit(0)

    def parseArgs(self, *arguments: str) -> None:
        """
        Take the URL.

        @raise UsageError: if there is none, or more.
        """
        if len(arguments) != 1:
            raise UsageError(
                "a URL is missing, such as wss://example.com/feed"
                if not arguments
                else f"there is one URL, and {oneLine(arguments[1])!r} is another"
            )
        self["url"] = arguments[0]

    def postOptions(self) -> None:
        """
        Check everything, so that what is wrong is said in one sentence.

        @raise UsageError: if something is.
        """
        try:
            self["parsedURL"] = WebSocketURL.parse(self["url"])
            size = _parseLimit(self["max-message-size"])
            self["limits"] = Limits(maxMessageSize=size, maxFragments=65536)
            self["policy"] = self._makePolicy()
            self["asked"] = ClientOptions(**self.settings)
        except InvalidSetting as error:
            what = _OPTIONS.get(error.setting, "--max-message-size")
            raise UsageError(f"{what} {oneLine(error.problem)}") from None

    @property
    def settings(self) -> dict[str, Any]:
        """
        What L{connect<txws.endpoints.connect>} is to be told.
        """
        return {
            "headers": self["header"],
            "origin": self["origin"],
            "subprotocols": self["subprotocol"],
            "limits": self["limits"],
            "tlsPolicy": self["policy"],
            "proxy": self["proxy"],
            "usesEnvironment": bool(self["use-environment"]),
        }

    def _makePolicy(self) -> AnybodyPolicy | AuthorityPolicy | None:
        """
        Find out whom to trust.
        """
        if self["insecure"]:
            if self["ca"] is not None:
                raise UsageError("--insecure trusts anybody: --ca has no meaning")
            return AnybodyPolicy()
        if self["ca"] is None:
            return None
        try:
            return AuthorityPolicy(self["ca"])
        except ImportError:
            raise UsageError("--ca needs TLS: pip install 'txws[tls]'") from None
        except (OSError, ValueError) as error:
            raise UsageError(f"--ca {self['ca']}: {oneLine(str(error))}") from None

    def _number(self, option: str, least: float, isWhole: bool = False) -> Any:
        """
        Read an option that is a number, or L{None} if it is not given.
        """
        given = self[option]
        if given is None:
            return None
        try:
            number = int(given) if isWhole else float(given)
        except ValueError:
            number = -1
        if not least <= number < 1e9:
            kind = "a whole number" if isWhole else "a number"
            raise UsageError(
                f"--{option} must be {kind} from {least} on, not {given!r}"
            )
        return number


class TalkOptions(ConnectOptions):
    """
    The options for talking by hand.
    """

    longdesc = (
        "Talk to a WebSocket server. On a terminal, type messages, and /help. If input"
        " or output is no terminal, each line is a message, and what is received is"
        " written and nothing else. Other commands: check URL, bench URL; each has"
        " its --help."
    )

    optFlags: Sequence[Sequence[Any]] = (
        ("text", "t", "Send text messages, which is the default."),
        ("binary", "b", "Send binary messages."),
        ("no-history", None, "Keep no history of what is typed."),
    )

    optParameters: Sequence[Sequence[Any]] = (
        (
            "wait",
            "w",
            None,
            "Seconds to wait for messages after piped input [default: until the end].",
        ),
    )

    def postOptions(self) -> None:
        """
        See L{ConnectOptions.postOptions}.
        """
        super().postOptions()
        if self["text"] and self["binary"]:
            raise UsageError("--text and --binary exclude each other")
        self["wait"] = self._number("wait", 0)


class CheckOptions(ConnectOptions):
    """
    The options for checking a server.
    """

    command = "check"
    longdesc = (
        "Check a WebSocket server, step by step. The exit code is 0 if all is well, 1"
        " if not."
    )

    optFlags: Sequence[Sequence[Any]] = (
        ("json", "j", "Print the report as JSON."),
        ("no-probe", None, "Send no messages to find out what is accepted."),
    )

    optParameters: Sequence[Sequence[Any]] = (
        ("idle", None, None, "Say nothing for so many seconds, to see who hangs up."),
        ("pings", None, "5", "How many Pings to send."),
    )

    def postOptions(self) -> None:
        """
        See L{ConnectOptions.postOptions}.
        """
        super().postOptions()
        self["idle"] = self._number("idle", 0)
        self["pings"] = self._number("pings", 0, isWhole=True)


class BenchOptions(ConnectOptions):
    """
    The options for loading a server.
    """

    command = "bench"
    longdesc = (
        "Load a WebSocket server that echoes, and measure how fast it does. Only load"
        " servers that are yours."
    )

    optFlags: Sequence[Sequence[Any]] = (
        ("json", "j", "Print the result as JSON."),
        ("text", "t", "Send text messages, not binary ones."),
    )

    optParameters: Sequence[Sequence[Any]] = (
        ("connections", "c", "10", "How many connections."),
        ("messages", "n", None, "How many messages, all connections together."),
        ("seconds", None, None, "How long [default: 10, if --messages is not given]."),
        ("size", None, "64", "Bytes in a message; may end in K or M."),
        ("in-flight", None, "1", "How many messages of a connection may be underway."),
        (
            "rate",
            "r",
            None,
            "Messages a second, all together [default: what it takes].",
        ),
        ("timeout", None, "10", "Give up after so many seconds without an echo."),
    )

    def postOptions(self) -> None:
        """
        See L{ConnectOptions.postOptions}.
        """
        super().postOptions()
        for option in ("connections", "messages", "in-flight"):
            self[option] = self._number(option, 1, isWhole=True)
        for option in ("seconds", "rate", "timeout"):
            self[option] = self._number(option, 0.001)
        self["size"] = _parseSize("size", self["size"])
        if self["size"] < 1:
            raise UsageError("--size must be at least 1: an echo has to be known again")
        if self["messages"] is None and self["seconds"] is None:
            self["seconds"] = 10.0


def parseOptions(arguments: list[str]) -> ConnectOptions:
    """
    Parse a command line.

    @param arguments: what follows C{python -m txws}.
    @raise UsageError: if it makes no sense.
    @raise SystemExit: if it asks for help, or for the version.
    """
    commands: dict[str, type[ConnectOptions]] = {
        "check": CheckOptions,
        "bench": BenchOptions,
    }
    found = commands.get(arguments[0]) if arguments else None
    options = TalkOptions() if found is None else found()
    rest = arguments if found is None else arguments[1:]
    options.parseOptions(_optionsFirst(options, rest))  # type: ignore[no-untyped-call]  # Twisted's
    return options


def tellVersions() -> str:
    """
    Say which versions this is made of, and which wire.
    """
    wire = "compiled" if isCompiled else "plain Python"
    try:
        masking = version("wsaccel")
    except PackageNotFoundError:
        masking = "not installed"
    return (
        f"txws {VERSION}, wire: {wire}, wsaccel {masking}\n"
        f"{platform.python_implementation()} {platform.python_version()},"
        f" Twisted {twisted.__version__}"
    )


def _optionsFirst(options: ConnectOptions, arguments: list[str]) -> list[str]:
    """
    Put options before the URL, where Twisted wants them.
    """
    try:
        found, rest = gnu_getopt(arguments, options.shortOpt, options.longOpt)
    except GetoptError as error:
        raise UsageError(str(error)) from None
    given = [
        f"{name}={value}" if value and name.startswith("--") else f"{name}{value}"
        for name, value in found
    ]
    return [*given, "--", *rest]


def _parseLimit(value: str) -> int | None:
    """
    Parse a size that may be unlimited.
    """
    return None if value == "unlimited" else _parseSize("max-message-size", value)


def _parseSize(option: str, value: str) -> int:
    """
    Parse a size.
    """
    number, unit = value, ""
    if value and value[-1].lower() in _UNITS:
        number, unit = value[:-1], value[-1].lower()
    if not (number.isascii() and number.isdecimal() and len(number) < 10):
        raise UsageError(f"--{option} must be a number, not {harmless(value)!r}")
    return int(number) * _UNITS[unit]
