"""
What the values of the options of C{twistd websocket} mean; what is wrong with
one is said in one sentence.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from traceback import extract_tb
from typing import Any

from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IProtocolFactory
from twisted.python.reflect import namedAny
from twisted.python.usage import UsageError

from .applications import Application, handlerFactoryFor
from .endpoints import WebSocketServerEndpoint
from .factories import WebSocketFactory
from .interfaces import IExtensionFactory
from .wire.deflate import PerMessageDeflate

__all__ = [
    "checkPort",
    "explain",
    "loadApplication",
    "parseCompression",
    "parseCount",
    "parseSeconds",
]

_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
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


def checkPort(description: str, reactor: Any) -> None:
    """
    Check that an endpoint can be made from a description.

    @param description: what is given with C{--port}.
    @param reactor: what is to listen.
    @raise UsageError: if it cannot.
    """
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


def loadApplication(name: str, writesText: bool) -> Application:
    """
    Find what is to be served; modules of the current directory count.

    @param name: what is given with C{--wrap}.
    @param writesText: whether a wrapped protocol is to send text messages.
    @raise UsageError: if it cannot be loaded.
    @raise InvalidSetting: if it is nothing to be served.
    """
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
    handlerFactoryFor(application, writesText)
    return application


def parseCompression(preset: str | None) -> Sequence[IExtensionFactory] | None:
    """
    Find the extensions that a preset of compression means.

    @param preset: what is given with C{--compression}, or L{None}.
    @return: L{None} for the default.
    @raise UsageError: if there is no such preset.
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


def parseCount(option: str, value: str) -> int:
    """
    Parse a count or a size.

    @param option: what it is for.
    @param value: a whole number, with a unit or not.
    @raise UsageError: if it is none.
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


def parseSeconds(option: str, value: str) -> float:
    """
    Parse a time.

    @param option: what it is for.
    @param value: a number of seconds.
    @raise UsageError: if it is none.
    """
    try:
        return float(value)
    except ValueError:
        raise UsageError(
            f"--{option} must be a number of seconds, not {value!r}"
        ) from None


def explain(error: BaseException) -> str:
    """
    Put what an exception says into one line.

    @param error: the exception.
    """
    return " ".join(str(error).split()) or type(error).__name__


def _isFactoryClass(loaded: object) -> bool:
    """
    Tell whether a class is one of factories to be wrapped.
    """
    # One of ours cannot be made without what it serves, and is refused.
    isOurs = loaded is WebSocketFactory
    return not isOurs and bool(IProtocolFactory.implementedBy(loaded))


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
    return "there is too much in it" if isTooMuch else explain(error)


def _explainLoading(error: BaseException) -> str:
    """
    Say what went wrong in a module that was to be loaded, and where.
    """
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {explain(error)}"
    ours = (__file__, namedAny.__code__.co_filename, "<frozen ")
    places = [
        place
        for place in extract_tb(error.__traceback__)
        if not place.filename.startswith(ours)
    ]
    if not places:
        # It was not even found.
        return explain(error)
    kind, said = type(error).__name__, explain(error)
    told = kind if said == kind else f"{kind}: {said}"
    return f"{told} ({places[-1].filename}, line {places[-1].lineno})"
