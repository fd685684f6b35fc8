"""
Endpoints: WebSocket as one more thing that a Twisted program can listen on,
or connect to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, overload

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
)
from zope.interface import implementer

from .applications import Application, HandlerFactory, handlerFactoryFor
from .clientoptions import ClientOptions
from .conversation import Conversation
from .coroutines import ConversationHandler
from .dialing import Dialer
from .errors import InvalidSetting
from .factories import WebSocketFactory
from .interfaces import IExtensionFactory, IWebSocketHandler
from .policy import HandshakePolicy, KeepalivePolicy, Limits, checkBoolean
from .results import Result
from .streaming import StreamHandler, StreamHandlerFactory
from .urls import WebSocketURL

__all__ = ["WebSocketClientEndpoint", "WebSocketServerEndpoint", "connect"]


@implementer(IStreamServerEndpoint)
class WebSocketServerEndpoint:
    """
    Serves any factory over WebSocket, on top of another endpoint.
    """

    def __init__(
        self,
        endpoint: IStreamServerEndpoint,
        text: bool = False,
        *,
        limits: Limits | None = None,
        keepalive: KeepalivePolicy | None = None,
        handshake: HandshakePolicy | None = None,
        extensions: Sequence[IExtensionFactory] | None = None,
        site: IProtocolFactory | None = None,
        logsFrames: bool = False,
        clock: IReactorTime | None = None,
    ) -> None:
        """
        What follows C{endpoint} is as for
        L{WebSocketFactory<txws.factories.WebSocketFactory>}.

        @param endpoint: what to listen on.
        @param text: send text messages, not binary ones.
        @param limits: how much a peer may make this server keep.
        @param keepalive: how long it waits.
        @param handshake: which origins, subprotocols and paths it accepts.
        @param extensions: the extensions it knows; L{None} for compression, but
            not of wrapped protocols; none to do without.
        @param site: what serves HTTP requests that are no upgrades.
        @param logsFrames: whether to log each frame.
        @param clock: what schedules.
        @raise InvalidSetting: if C{endpoint} is none, or one like this.
        """
        if isinstance(endpoint, WebSocketServerEndpoint):
            raise InvalidSetting(
                "endpoint", "speaks WebSocket already, which would be wrapped twice"
            )
        if not IStreamServerEndpoint.providedBy(endpoint):
            raise InvalidSetting(
                "endpoint", f"must provide IStreamServerEndpoint, not {endpoint!r}"
            )
        self._endpoint = endpoint
        self._makeFactory = partial(
            WebSocketFactory,
            text=text,
            limits=limits,
            keepalive=keepalive,
            handshake=handshake,
            extensions=extensions,
            site=site,
            logsFrames=logsFrames,
            clock=clock,
        )

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """
        Listen for WebSocket connections.

        @param protocolFactory: makes the protocols that are wrapped.
        @return: fires with the port.
        @raise InvalidSetting: if it is no factory, or a
            L{WebSocketFactory<txws.factories.WebSocketFactory>}, which needs
            no endpoint like this.
        """
        listening: Deferred[IListeningPort] = self._endpoint.listen(
            self._makeFactory(protocolFactory)
        )
        return listening


@implementer(IStreamClientEndpoint)
class WebSocketClientEndpoint:
    """
    Connects any factory to a WebSocket server: its protocols get the bytes
    that messages carry.
    """

    def __init__(
        self, reactor: Any, url: str, text: bool = False, **options: Any
    ) -> None:
        """
        @param reactor: what connects.
        @param url: where to: C{ws}, C{wss}, C{ws+unix} or C{wss+unix}; see
            L{WebSocketURL<txws.urls.WebSocketURL>}.
        @param text: send text messages, not binary ones.
        @param options: how; see
            L{ClientOptions<txws.clientoptions.ClientOptions>}.
        @raise InvalidSetting: if the URL, or an option, is none.
        """
        checkBoolean("text", text)
        self._reactor = reactor
        self._url = WebSocketURL.parse(url)
        self._text = text
        self._options = _makeOptions(options)

    def __repr__(self) -> str:
        # ClientService logs it, and queries are where tokens are.
        url, _separator, _query = str(self._url).partition("?")
        return f"<WebSocketClientEndpoint {url}>"

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Connect a protocol.

        @param protocolFactory: makes the protocol when the server has agreed.
        @return: fires with the protocol when the connection is open.  Fails
            with what went wrong: see L{connect<txws.endpoints.connect>}.
            Cancelling it gives up, whatever it is waiting for.
        @raise InvalidSetting: if C{protocolFactory} is none.
        """
        if not IProtocolFactory.providedBy(protocolFactory):
            raise InvalidSetting(
                "protocolFactory",
                f"must provide IProtocolFactory, not {protocolFactory!r}",
            )
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, protocolFactory: IProtocolFactory) -> IProtocol:
        """
        Connect a protocol.
        """
        dialer = Dialer(self._reactor, self._url, self._options, protocolFactory)
        application = StreamHandlerFactory(protocolFactory, self._text)
        handler = await dialer.dial(application)
        assert isinstance(handler, StreamHandler)
        return handler.protocol


class _TalkingHandler(ConversationHandler):
    """
    Leaves the conversation to whoever has connected it.
    """

    def __init__(self) -> None:
        super().__init__(lambda conversation: Deferred())

    def negotiationFinished(self) -> None:
        """
        Do nothing.
        """


class _Connected(Result[Any]):
    """
    A connection that is aborted if nobody takes it.
    """

    def __init__(
        self, canceller: Callable[[Deferred[Any]], None], dialer: Dialer
    ) -> None:
        super().__init__(canceller)
        self._dialer = dialer

    def giveBack(self, result: Any) -> None:
        """
        See L{Result.giveBack}.
        """
        self._dialer.abandon()


@overload
def connect(
    reactor: Any, url: str, application: None = None, **options: Any
) -> Result[Conversation]: ...


@overload
def connect(
    reactor: Any,
    url: str,
    application: Application | IWebSocketHandler,
    **options: Any,
) -> Result[IWebSocketHandler]: ...


def connect(
    reactor: Any,
    url: str,
    application: Application | IWebSocketHandler | None = None,
    **options: Any,
) -> Any:
    """
    Connect to a WebSocket server.

    @param reactor: what connects.
    @param url: where to: C{ws}, C{wss}, C{ws+unix} or C{wss+unix}; see
        L{WebSocketURL<txws.urls.WebSocketURL>}.
    @param application: a handler, or what
        L{WebSocketFactory<txws.factories.WebSocketFactory>} takes, too; or
        L{None} for a L{Conversation<txws.conversation.Conversation>}.
    @param options: how; see L{ClientOptions<txws.clientoptions.ClientOptions>}.
    @return: fires with the conversation, or the handler, when the connection
        is open.  Cancelling it gives up, whatever it is waiting for.  Fails
        with

          - L{DeadlineExpired<txws.errors.DeadlineExpired>}, which names the
            step that took too long;
          - L{DNSLookupError<twisted.internet.error.DNSLookupError>} or another
            L{ConnectError<twisted.internet.error.ConnectError>} if there is no
            such host, or it does not listen;
          - L{TLSFailed<txws.errors.TLSFailed>} if it cannot be trusted;
          - L{HandshakeRefused<txws.wire.errors.HandshakeRefused>} if it does
            not agree;
          - L{RedirectRefused<txws.errors.RedirectRefused>} if it sends the
            client where it does not go;
          - L{WebSocketFailed<txws.errors.WebSocketFailed>} if it agrees, and is
            lost before the handler is ready.
    @raise InvalidSetting: if the URL, the application or an option is none.
    """
    dialer = Dialer(reactor, WebSocketURL.parse(url), _makeOptions(options))
    result: Result[Any] = _Connected(lambda result: dialing.cancel(), dialer)
    if application is None:
        dialing: Deferred[Any] = Deferred.fromCoroutine(
            dialer.dial(HandlerFactory(_TalkingHandler))
        )
        dialing.addCallback(lambda handler: handler.conversation)
    else:
        found: Any = application
        if IWebSocketHandler.providedBy(found):
            factory: Any = HandlerFactory(lambda: found)
        else:
            factory = handlerFactoryFor(found)
        dialing = Deferred.fromCoroutine(dialer.dial(factory))
    dialing.addBoth(lambda outcome: None if result.called else result.callback(outcome))
    return result


def _makeOptions(options: dict[str, Any]) -> ClientOptions:
    """
    Make the options of a client.
    """
    return ClientOptions(**options)
