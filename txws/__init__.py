"""
WebSockets for Twisted.

Wrap any Twisted factory, and its protocols speak WebSocket::

    from txws import WebSocketFactory

    endpoint.listen(WebSocketFactory(Factory.forProtocol(Echo)))

or write a handler of messages::

    from txws import WebSocketFactory, WebSocketHandler

    class Echo(WebSocketHandler):
        def textMessageReceived(self, message):
            self.transport.sendTextMessage(message)

    endpoint.listen(WebSocketFactory(Echo))

or a coroutine::

    async def echo(websocket):
        async for message in websocket:
            await websocket.send(message)

    endpoint.listen(WebSocketFactory(echo))

or connect::

    websocket = await connect(reactor, "wss://example.com/feed")

or serve from the command line::

    twistd -n websocket --port 9000

All public names are here; what they promise is in L{txws.interfaces}.  They
are loaded when they are first used, so that L{txws.wire} can be had without
Twisted.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

from .version import VERSION

if not os.environ.get("TXWS_PLAIN"):
    # Where txws.wire says what is compiled, and why.
    __path__.insert(0, os.path.join(__path__[0], "compiled"))

__all__ = [
    "ANY_ORIGIN",
    "SAME_ORIGIN",
    "BadHandshake",
    "ClientTimeouts",
    "CloseCode",
    "Conversation",
    "CoroutineFactory",
    "Credentials",
    "DeadlineExpired",
    "Group",
    "HandlerFactory",
    "HandshakePolicy",
    "HandshakeRefused",
    "ICloseHandler",
    "IConcurrentHandler",
    "IExtension",
    "IExtensionFactory",
    "IFragmentHandler",
    "IPingHandler",
    "ISharedWebSocketHandler",
    "IWebSocketHandler",
    "IWebSocketHandlerFactory",
    "IWebSocketRequest",
    "IWebSocketTransport",
    "InvalidSetting",
    "KeepalivePolicy",
    "Limits",
    "PerMessageDeflate",
    "PreparedMessage",
    "Proxy",
    "ProxyRefused",
    "RedirectRefused",
    "Router",
    "SharedWebSocketHandler",
    "TLSFailed",
    "WebSocketClientEndpoint",
    "WebSocketClosed",
    "WebSocketFactory",
    "WebSocketFailed",
    "WebSocketHandler",
    "WebSocketProtocol",
    "WebSocketResource",
    "WebSocketServerEndpoint",
    "WebSocketService",
    "__version__",
    "connect",
]

if TYPE_CHECKING:
    from .applications import HandlerFactory
    from .authentication import Credentials
    from .conversation import Conversation
    from .coroutines import CoroutineFactory
    from .endpoints import WebSocketClientEndpoint, WebSocketServerEndpoint, connect
    from .errors import (
        BadHandshake,
        DeadlineExpired,
        HandshakeRefused,
        InvalidSetting,
        ProxyRefused,
        RedirectRefused,
        TLSFailed,
        WebSocketClosed,
        WebSocketFailed,
    )
    from .factories import WebSocketFactory, WebSocketProtocol
    from .groups import Group
    from .handlers import SharedWebSocketHandler, WebSocketHandler
    from .interfaces import (
        ICloseHandler,
        IConcurrentHandler,
        IExtension,
        IExtensionFactory,
        IFragmentHandler,
        IPingHandler,
        ISharedWebSocketHandler,
        IWebSocketHandler,
        IWebSocketHandlerFactory,
        IWebSocketRequest,
        IWebSocketTransport,
    )
    from .origins import ANY_ORIGIN, SAME_ORIGIN
    from .policy import ClientTimeouts, HandshakePolicy, KeepalivePolicy, Limits
    from .proxies import Proxy
    from .resource import WebSocketResource
    from .routing import Router
    from .services import WebSocketService
    from .wire.codes import CloseCode
    from .wire.deflate import PerMessageDeflate
    from .wire.prepared import PreparedMessage

__version__ = VERSION

_MODULES = {
    "authentication": ("Credentials",),
    "conversation": ("Conversation",),
    "coroutines": ("CoroutineFactory",),
    "endpoints": ("WebSocketClientEndpoint", "WebSocketServerEndpoint", "connect"),
    "errors": (
        "BadHandshake",
        "DeadlineExpired",
        "HandshakeRefused",
        "InvalidSetting",
        "ProxyRefused",
        "RedirectRefused",
        "TLSFailed",
        "WebSocketClosed",
        "WebSocketFailed",
    ),
    "applications": ("HandlerFactory",),
    "factories": ("WebSocketFactory", "WebSocketProtocol"),
    "groups": ("Group",),
    "handlers": ("SharedWebSocketHandler", "WebSocketHandler"),
    "interfaces": (
        "ICloseHandler",
        "IConcurrentHandler",
        "IExtension",
        "IExtensionFactory",
        "IFragmentHandler",
        "IPingHandler",
        "ISharedWebSocketHandler",
        "IWebSocketHandler",
        "IWebSocketHandlerFactory",
        "IWebSocketRequest",
        "IWebSocketTransport",
    ),
    "origins": ("ANY_ORIGIN", "SAME_ORIGIN"),
    "policy": ("ClientTimeouts", "HandshakePolicy", "KeepalivePolicy", "Limits"),
    "proxies": ("Proxy",),
    "resource": ("WebSocketResource",),
    "routing": ("Router",),
    "services": ("WebSocketService",),
    "wire.codes": ("CloseCode",),
    "wire.prepared": ("PreparedMessage",),
    "wire.deflate": ("PerMessageDeflate",),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    """
    Load a public name, PEP 562.
    """
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """
    List the public names, loaded or not.
    """
    return sorted({*globals(), *__all__})
