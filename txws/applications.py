"""
Applications: whatever a server or a client may be given, adapted to what makes
handlers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import iscoroutinefunction
from types import FunctionType, MethodType
from typing import Any, TypeAlias
from typing import Protocol as TypingProtocol

from twisted.internet.interfaces import IProtocol, IProtocolFactory
from twisted.internet.protocol import Factory
from zope.interface import implementer

from .coroutines import CoroutineFactory, Serve
from .errors import InvalidSetting
from .handlers import SharedHandlerFactory
from .interfaces import (
    ISharedWebSocketHandler,
    IWebSocketHandler,
    IWebSocketHandlerFactory,
    IWebSocketRequest,
)
from .policy import checkSubprotocol
from .streaming import StreamHandlerFactory

__all__ = [
    "Application",
    "BuildsHandlers",
    "HandlerFactory",
    "RequestHandlerFactory",
    "handlerFactoryFor",
    "isServer",
]


class BuildsHandlers(TypingProtocol):
    """
    A factory as L{twisted.web.websocket} has them.
    """

    def buildProtocol(self, request: Any, /) -> Any:
        """
        Make something that has the methods of L{IWebSocketHandler}.
        """


_FUNCTION_HINT = (
    "; of a function, give what it returns, or a CoroutineFactory if it is to get "
    "conversations"
)

Application: TypeAlias = (
    "IWebSocketHandlerFactory | IProtocolFactory | ISharedWebSocketHandler"
    " | BuildsHandlers | type[IWebSocketHandler] | type[IProtocol] | Serve"
)


@implementer(IWebSocketHandlerFactory)
class HandlerFactory:
    """
    Makes a new handler for each connection, without asking who it is.
    """

    def __init__(
        self, makeHandler: Callable[[], IWebSocketHandler], *subprotocols: str
    ) -> None:
        """
        @param makeHandler: makes a handler; a class of handlers, say.
        @param subprotocols: what the handlers speak, the preferred one first.
        @raise InvalidSetting: if they make no sense.
        """
        if not callable(makeHandler):
            raise InvalidSetting(
                "makeHandler", f"must make a handler when called, not {makeHandler!r}"
            )
        for subprotocol in subprotocols:
            checkSubprotocol(subprotocol)
        self.subprotocols: Sequence[str] = subprotocols
        self._makeHandler = makeHandler

    def buildHandler(self, request: IWebSocketRequest) -> IWebSocketHandler:
        """
        See L{IWebSocketHandlerFactory}.
        """
        return self._makeHandler()


@implementer(IWebSocketHandlerFactory)
class RequestHandlerFactory:
    """
    Makes handlers by a factory as L{twisted.web.websocket} has them.
    """

    subprotocols: Sequence[str] = ()

    def __init__(self, factory: BuildsHandlers) -> None:
        """
        @param factory: its C{buildProtocol} is given a
            L{Request<twisted.web.server.Request>} where there is one, else an
            L{IWebSocketRequest}.
        """
        self._factory = factory

    def buildHandler(self, request: IWebSocketRequest) -> IWebSocketHandler:
        """
        See L{IWebSocketHandlerFactory}.
        """
        http = request.http
        handler: IWebSocketHandler = self._factory.buildProtocol(
            request if http is None else http
        )
        return handler


def isServer(found: object) -> bool:
    """
    Tell whether something is a whole server, or its class, which cannot be
    the application of another.
    """
    kind = found if isinstance(found, type) else type(found)
    return bool(getattr(kind, "isWebSocketServer", False))


def handlerFactoryFor(
    application: Application, text: bool = False
) -> IWebSocketHandlerFactory:
    """
    Adapt an application to L{IWebSocketHandlerFactory}.

    @param application: one of

      - an L{IWebSocketHandlerFactory};
      - an L{IProtocolFactory<twisted.internet.interfaces.IProtocolFactory>},
        whose protocols are wrapped;
      - a class of L{IWebSocketHandler}s, of which each connection gets one; it
        need not declare the interface if it has all the methods;
      - an L{ISharedWebSocketHandler}, which all connections share;
      - a coroutine function, which is called with the
        L{Conversation<txws.conversation.Conversation>} of each connection;
      - a class of L{IProtocol<twisted.internet.interfaces.IProtocol>}s,
        likewise;
      - an object as L{twisted.web.websocket} has them, which declares no
        interface: its C{buildProtocol(request)} makes something that has the
        methods of L{IWebSocketHandler}.
    @param text: have wrapped protocols send text messages.
    @raise InvalidSetting: if it is none of these, or a
        L{WebSocketFactory<txws.factories.WebSocketFactory>}.
    """
    # mypy sees what may be passed; it does not see what users pass.
    found: Any = application
    if isServer(found):
        raise InvalidSetting(
            "application",
            "is a WebSocketFactory, which would be wrapped twice: give what is "
            "inside it",
        )
    factory = _adaptStreams(found, text)
    if factory is not None:
        return factory
    if text:
        raise InvalidSetting("text", "is for wrapped protocols; handlers send both")
    factory = _adaptMessages(found)
    if factory is not None:
        return factory
    isFunction = isinstance(found, (FunctionType, MethodType))
    hint = _FUNCTION_HINT if isFunction else ""
    raise InvalidSetting(
        "application",
        "must be a factory (IProtocolFactory), a class of protocols (IProtocol) or "
        "of handlers (IWebSocketHandler), a handler factory "
        "(IWebSocketHandlerFactory), a shared handler (ISharedWebSocketHandler), a "
        "coroutine function, or have buildProtocol() as twisted.web.websocket knows "
        f"it{hint}, not {application!r}",
    )


def _adaptStreams(application: Any, text: bool) -> IWebSocketHandlerFactory | None:
    """
    Adapt what makes byte-stream protocols.
    """
    if IProtocolFactory.providedBy(application):
        return StreamHandlerFactory(application, text)
    if isinstance(application, type) and IProtocol.implementedBy(application):
        makeProtocol: Any = application
        return StreamHandlerFactory(Factory.forProtocol(makeProtocol), text)
    return None


def _adaptMessages(application: Any) -> IWebSocketHandlerFactory | None:
    """
    Adapt what speaks in messages.
    """
    if IWebSocketHandlerFactory.providedBy(application):
        factory: IWebSocketHandlerFactory = application
        return factory
    if ISharedWebSocketHandler.providedBy(application):
        return SharedHandlerFactory(application)
    if isinstance(application, type):
        _checkNotShared(application)
        return HandlerFactory(application) if _isHandler(application) else None
    if iscoroutinefunction(application):
        return CoroutineFactory(application)
    if callable(getattr(application, "buildProtocol", None)):
        return RequestHandlerFactory(application)
    return None


def _checkNotShared(found: type) -> None:
    """
    Check that a class is not one of shared handlers, whose methods have the names
    of others.
    """
    if ISharedWebSocketHandler.implementedBy(found):
        raise InvalidSetting(
            "application",
            f"is a class of shared handlers: give one of them, not {found!r}",
        )


def _isHandler(found: type) -> bool:
    """
    Tell whether a class is one of handlers, declared or not.
    """
    if IWebSocketHandler.implementedBy(found):
        return True
    return all(callable(getattr(found, name, None)) for name in IWebSocketHandler)
