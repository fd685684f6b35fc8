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
"""

from __future__ import annotations

from typing import Any

from twisted.internet.endpoints import quoteStringArgument, serverFromString
from twisted.internet.interfaces import (
    IReactorCore,
    IReactorTime,
    IStreamServerEndpoint,
    IStreamServerEndpointStringParser,
)
from twisted.plugin import IPlugin
from zope.interface import implementer

from .errors import InvalidSetting

__all__ = ["WebSocketServerParser"]

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
        if not args:
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


def _parseBoolean(name: str, value: str) -> bool:
    """
    Parse C{yes} or C{no}.
    """
    if value not in _BOOLEANS:
        raise InvalidSetting(name, f"must be 'yes' or 'no', not {value!r}")
    return _BOOLEANS[value]


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
