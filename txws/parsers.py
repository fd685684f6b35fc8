r"""
Endpoint strings: C{ws:} before any server endpoint, as in
C{ws:tcp:9000:interface=127.0.0.1} or C{ws:ssl:443:privateKey=key.pem}.

What is known here is taken out of the string, and what is left describes the
endpoint below:

  - C{origin=}, where pages may come from, as in
    L{HandshakePolicy.origins<txws.policy.HandshakePolicy>}, separated by
    commas; a colon in it is written C{\:}.
  - C{path=}, the paths that exist, separated by commas.
  - C{text=yes}, to send text messages.

For clients C{ws:} and C{wss:} say where to connect, as in
C{wss:host=example.com:path=/chat}:

  - C{host=} and C{port=}, of which the port need not be said; or both at the
    beginning, as in C{ws:example.com:9000}.
  - C{path=}, with the query, if there is one.
  - C{text=yes}, to send text messages.
  - C{subprotocol=}, what is offered, separated by commas.
  - C{origin=}, what the C{Origin} header says.
  - C{endpoint=}, another client endpoint to connect by, its colons written
    C{\:}.
"""

from __future__ import annotations

import re
from typing import Any

from twisted.internet.endpoints import (
    clientFromString,
    quoteStringArgument,
    serverFromString,
)
from twisted.internet.interfaces import (
    IReactorCore,
    IReactorTime,
    IStreamClientEndpoint,
    IStreamClientEndpointStringParserWithReactor,
    IStreamServerEndpoint,
    IStreamServerEndpointStringParser,
)
from twisted.plugin import IPlugin
from zope.interface import implementer

from .errors import InvalidSetting

__all__ = ["WebSocketClientParser", "WebSocketServerParser"]

_CLIENT_ARGUMENTS = dict.fromkeys(
    ("host", "port", "path", "text", "subprotocol", "origin", "endpoint")
)
_BOOLEANS = {"yes": True, "no": False}


@implementer(IPlugin, IStreamServerEndpointStringParser)
class WebSocketServerParser:
    """
    Parses C{ws:} in the description of a server endpoint.
    """

    prefix = "ws"

    def parseStreamServer(
        self, reactor: IReactorCore, *args: object, **kwargs: object
    ) -> IStreamServerEndpoint:
        """
        Make the endpoint that a string describes.

        @param reactor: the reactor.
        @param args: the positional arguments of the string.
        @param kwargs: the keyword arguments of the string.
        @raise InvalidSetting: if one of ours makes no sense.
        @raise ValueError: if the endpoint below is not described.
        """
        # Every program that uses Twisted's plugins loads this module.
        from .endpoints import WebSocketServerEndpoint
        from .policy import HandshakePolicy

        ours = {
            name: str(kwargs.pop(name))
            for name in ("origin", "path", "text")
            if name in kwargs
        }
        # A port alone is what comes to mind first.
        if not args or str(args[0]).isdecimal() or args[0] == "":
            raise ValueError(
                "ws: needs the description of an endpoint, as in ws:tcp:9000"
            )
        policies: dict[str, Any] = {
            setting: ours[name].split(",")
            for name, setting in (("origin", "origins"), ("path", "paths"))
            if name in ours
        }
        try:
            handshake = HandshakePolicy(**policies)
        except InvalidSetting as error:
            raise InvalidSetting(
                f"{error.setting[:-1]}=",
                f"{error.problem}; in a string, ':' is written '\\:'",
            ) from None
        return WebSocketServerEndpoint(
            serverFromString(reactor, _describe(args, kwargs)),
            _parseBoolean("text", ours.get("text", "no")),
            handshake=handshake,
            clock=IReactorTime(reactor, None),
        )


@implementer(IPlugin, IStreamClientEndpointStringParserWithReactor)
class WebSocketClientParser:
    """
    Parses C{ws:} and C{wss:} in the description of a client endpoint.

    @ivar prefix: which of them.
    """

    def __init__(self, prefix: str) -> None:
        """
        @param prefix: C{ws} or C{wss}.
        """
        self.prefix = prefix

    def parseStreamClient(
        self, reactor: IReactorCore, *args: object, **kwargs: object
    ) -> IStreamClientEndpoint:
        """
        Make the endpoint that a string describes.

        @param reactor: the reactor.
        @param args: the positional arguments of the string: host and port.
        @param kwargs: the keyword arguments of the string.
        @raise InvalidSetting: if one of them makes no sense, or is not known.
        """
        # Every program that uses Twisted's plugins loads this module.
        from .endpoints import WebSocketClientEndpoint

        given = {name: str(value) for name, value in kwargs.items()}
        for name, value in zip(("host", "port"), args, strict=False):
            given.setdefault(name, str(value))
        unknown = sorted(given.keys() - _CLIENT_ARGUMENTS)
        if unknown:
            raise InvalidSetting(
                f"{unknown[0]}=",
                f"is not known here; known are {', '.join(_CLIENT_ARGUMENTS)}",
            )
        if len(args) > 2:
            raise InvalidSetting(
                f"{self.prefix}:",
                f"takes a host and a port without a name, and not {args[2]!r}; in a"
                " string, ':' is written '\\:'",
            )
        options: dict[str, Any] = {}
        if "endpoint" in given:
            options["endpoint"] = _parseEndpoint(reactor, given["endpoint"])
        if "subprotocol" in given:
            options["subprotocols"] = given["subprotocol"].split(",")
        if "origin" in given:
            options["origin"] = given["origin"]
        return WebSocketClientEndpoint(
            reactor,
            self._makeURL(given),
            text=_parseBoolean("text", given.get("text", "no")),
            **options,
        )

    def _makeURL(self, given: dict[str, str]) -> str:
        """
        Say where to connect.
        """
        host = given.get("host", "")
        if not host:
            raise InvalidSetting(
                "host=", f"is missing, as in {self.prefix}:host=example.com:path=/chat"
            )
        if re.search(r"[/?#@]", host):
            raise InvalidSetting("host=", f"must be a name or an address, not {host!r}")
        path = given.get("path", "/")
        if not path.startswith("/"):
            raise InvalidSetting("path=", f"must start with '/', not {path!r}")
        host = f"[{host}]" if ":" in host else host
        port = ""
        if "port" in given:
            port = f":{_parsePort(given['port'])}"
        return f"{self.prefix}://{host}{port}{path}"


def _parseBoolean(name: str, value: str) -> bool:
    """
    Parse C{yes} or C{no}.
    """
    if value not in _BOOLEANS:
        raise InvalidSetting(f"{name}=", f"must be 'yes' or 'no', not {value!r}")
    return _BOOLEANS[value]


def _parsePort(value: str) -> int:
    """
    Parse the number of a port to connect to.
    """
    isNumber = value.isascii() and value.isdecimal() and len(value) < 6
    if not isNumber or not 0 < int(value) < 65536:
        raise InvalidSetting("port=", f"must be from 1 to 65535, not {value!r}")
    return int(value)


def _parseEndpoint(reactor: IReactorCore, description: str) -> IStreamClientEndpoint:
    """
    Make the endpoint to connect by.
    """
    try:
        endpoint: IStreamClientEndpoint = clientFromString(reactor, description)
    except (TypeError, ValueError) as error:
        raise InvalidSetting(
            "endpoint=", f"cannot be {description!r}: {error}"
        ) from None
    return endpoint


def _describe(args: tuple[object, ...], kwargs: dict[str, object]) -> str:
    """
    Put a description together again.
    """
    # Not quoted, a "=" would make a positional argument a named one.
    positional = [
        quoteStringArgument(str(argument)).replace("=", r"\=") for argument in args
    ]
    named = [f"{name}={quoteStringArgument(str(kwargs[name]))}" for name in kwargs]
    return ":".join(positional + named)
