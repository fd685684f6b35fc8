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

or serve from the command line::

    twistd -n websocket --port 9000

All public names are here; what they promise is in L{txws.interfaces}.  They
are loaded when they are first used, so that L{txws.wire} can be had without
Twisted.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__all__ = [
    "ANY_ORIGIN",
    "SAME_ORIGIN",
    "BadHandshake",
    "CloseCode",
    "Conversation",
    "CoroutineFactory",
    "HandlerFactory",
    "HandshakePolicy",
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
    "SharedWebSocketHandler",
    "WebSocketClosed",
    "WebSocketFactory",
    "WebSocketFailed",
    "WebSocketHandler",
    "WebSocketProtocol",
    "WebSocketServerEndpoint",
    "WebSocketService",
    "__version__",
]

if TYPE_CHECKING:
    from .coroutines import Conversation, CoroutineFactory
    from .endpoints import WebSocketServerEndpoint
    from .errors import (
        BadHandshake,
        InvalidSetting,
        WebSocketClosed,
        WebSocketFailed,
    )
    from .factories import HandlerFactory, WebSocketFactory, WebSocketProtocol
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
    from .policy import (
        ANY_ORIGIN,
        SAME_ORIGIN,
        HandshakePolicy,
        KeepalivePolicy,
        Limits,
    )
    from .services import WebSocketService
    from .wire.codes import CloseCode
    from .wire.deflate import PerMessageDeflate

__version__ = "1.0.0.dev0"

_MODULES = {
    "coroutines": ("Conversation", "CoroutineFactory"),
    "endpoints": ("WebSocketServerEndpoint",),
    "errors": (
        "BadHandshake",
        "InvalidSetting",
        "WebSocketClosed",
        "WebSocketFailed",
    ),
    "factories": ("HandlerFactory", "WebSocketFactory", "WebSocketProtocol"),
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
    "policy": (
        "ANY_ORIGIN",
        "SAME_ORIGIN",
        "HandshakePolicy",
        "KeepalivePolicy",
        "Limits",
    ),
    "services": ("WebSocketService",),
    "wire.codes": ("CloseCode",),
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
