"""
Every interface of txws: what it promises to applications, and what it asks of
them.

An application is an L{IWebSocketHandler}, one for each connection, made by an
L{IWebSocketHandlerFactory} when a client has asked for an upgrade.  It talks
to its peer through an L{IWebSocketTransport} and knows about it from an
L{IWebSocketRequest}.

The life of a handler::

    buildHandler(request)
        negotiationStarted(transport)
            [the 101 is sent]
            negotiationFinished()
                textMessageReceived, bytesMessageReceived, pongReceived ...
        connectionLost(reason)

What a handler may want besides are interfaces of their own, each for one
thing: L{IFragmentHandler}, L{IPingHandler}, L{ICloseHandler},
L{IConcurrentHandler}.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IProducer, IReactorTime, ITransport
from twisted.python.failure import Failure
from zope.interface import Attribute, Interface

from .sources import Source
from .wire.codes import CloseCode
from .wire.contract import WireConnection
from .wire.extensions import ExtensionOffer, IExtension, IExtensionFactory
from .wire.frames import Frame
from .wire.http import Headers, RequestHead
from .wire.prepared import PreparedMessage
from .wire.serverhandshake import UpgradeRequest
from .wire.states import Direction

__all__ = [
    "IByteStreamHandler",
    "ICloseHandler",
    "IConcurrentHandler",
    "IExtension",
    "IExtensionFactory",
    "IFragmentHandler",
    "IGroup",
    "ILegacyHandshake",
    "ILegacyVersions",
    "IPingHandler",
    "IRoute",
    "ISharedWebSocketHandler",
    "IStartedHandlerFactory",
    "IWebSocketHandler",
    "IWebSocketHandlerFactory",
    "IWebSocketRequest",
    "IWebSocketRouter",
    "IWebSocketTransport",
]

# What a method of a handler may return: nothing, or something to wait for.
Awaited: TypeAlias = "Deferred[None] | Coroutine[Deferred[Any], Any, None] | None"


class IWebSocketRequest(Interface):
    """
    An opening handshake, RFC 6455 section 4: what the client asked for.

    It never changes.
    """

    target: str = Attribute("The path and query of the resource, as sent.")

    path: str = Attribute("The path of the resource, percent-decoded.")

    query: str = Attribute("What follows the C{?} of the target, as sent, or C{''}.")

    host: str = Attribute("The name, and port if not the default, of the server.")

    origin: str | None = Attribute("The C{Origin} header; browsers send it.")

    headers: Headers = Attribute("All header fields.")

    cookies: Mapping[str, str] = Attribute("The cookies, by name.")

    subprotocols: Sequence[str] = Attribute("Those offered, the preferred one first.")

    subprotocol: str | None = Attribute("The subprotocol in use, if there is one.")

    parameters: Mapping[str, object] = Attribute(
        "What a router has found in the path, by name."
    )

    isSecure: bool = Attribute("Whether the connection is encrypted by TLS.")

    peer: IAddress = Attribute("The address of the other side.")

    url: str = Attribute("The C{ws} or C{wss} URL of the resource.")

    http: object = Attribute(
        "The L{twisted.web.server.Request}, of which the session is, if a"
        " L{WebSocketResource<txws.resource.WebSocketResource>} was asked; else"
        " L{None}."
    )


class IGroup(Interface):
    """
    What connections can be members of until they are lost; see
    L{txws.groups.Group}.
    """

    def discard(member: IWebSocketTransport) -> None:
        """
        Forget a member, if it is one.

        Called when the connection is lost, before its handler is told so.
        """


class IWebSocketTransport(Interface):
    """
    One connection, from the application's side.

    Sending never blocks.  What is sent while a method of the handler runs
    leaves in one write when it returns, or in a few if it is more than 64 KiB.
    All of it may be called at any time,
    also from inside a method of the handler; what is sent before the end of
    the opening handshake is kept until then.  After L{loseConnection},
    L{abortConnection} or the peer's Close, what is sent is ignored, as Twisted
    does with what is written to a transport that is being closed; whoever waits
    for it is told, when the connection has ended, what C{connectionLost} is
    told, as a failure.
    """

    carrier: ITransport = Attribute(
        "The Twisted transport below: for facts such as the peer's certificate, and"
        " options of its socket.  Anything written to it breaks the connection."
    )

    request: IWebSocketRequest = Attribute("What the client asked for.")

    subprotocol: str | None = Attribute("The subprotocol in use, if there is one.")

    clock: IReactorTime = Attribute(
        "What schedules: the reactor, or the clock of a test."
    )

    isOpen: bool = Attribute(
        "Whether what is sent will leave: neither side has begun to close."
    )

    isAboveHighWater: bool = Attribute(
        "Whether more was pending than the high-water mark, and it is not yet down"
        " to the low-water mark."
    )

    pendingSize: int = Attribute(
        "How many bytes wait here: for the end of this turn, or for the Twisted"
        " transport to take more."
    )

    groups: set[IGroup] = Attribute(
        "The groups that the connection leaves when it is lost: for groups, which"
        " put themselves here when they get a member."
    )

    roundTripTime: float | None = Attribute(
        "How many seconds the last ping of the keepalive took to be answered, or"
        " L{None} as long as none was."
    )

    def sendTextMessage(message: str, compress: bool | None = None) -> Deferred[None]:
        """
        Send a text message.

        @param message: the text.
        @param compress: whether to compress it, if that was negotiated; L{None}
            to compress all but short ones.
        @return: see L{whenWritable}; and if much was sent without a wait, fires in
            the next turn of the reactor, so that others are served, too.  Whoever
            does not want to wait ignores it.
        @raise TypeError: if it is not L{str}.
        @raise UnicodeEncodeError: if it has surrogates, which UTF-8 cannot
            say.
        """

    def sendBytesMessage(
        data: bytes | bytearray | memoryview, compress: bool | None = None
    ) -> Deferred[None]:
        """
        Send a binary message.  It may be changed afterwards.

        @param compress: as for L{sendTextMessage}; L{False} is for what is
            compressed already, such as images.
        @return: as L{sendTextMessage}.
        @raise TypeError: if it is not like bytes.
        """

    def sendStream(source: Source, compress: bool | None = None) -> Deferred[None]:
        """
        Send one message while it is made, in fragments (RFC 6455 section 5.4):
        each piece that the source gives is one, and the next is asked for when
        no more than the high-water mark is pending, and others have had their
        turn.

        Messages that are sent meanwhile wait for its end, and so does
        L{loseConnection}; Pings do not.

        @param source: an iterable or an asynchronous iterable of L{str}, for a
            text message, or of L{bytes} and the like, for a binary one; or an
            L{IBodyProducer<twisted.web.iweb.IBodyProducer>}.
        @param compress: as for L{sendTextMessage}; L{None} compresses it.
        @return: fires when the last piece is sent.  Fails with what the source
            raises: with L{TypeError} if it gives text and bytes, or neither;
            with what C{connectionLost} is told if the connection ends before.
            If a part of the message has left, it cannot be taken back: the
            connection is closed with code 1011 then, also if this is
            cancelled.
        """

    def sendPreparedMessage(message: PreparedMessage) -> Deferred[None]:
        """
        Send a message that goes to many, without serializing it again.

        @return: as L{sendTextMessage}.
        @raise TypeError: if it is not a
            L{PreparedMessage<txws.wire.prepared.PreparedMessage>}.
        """

    def whenWritable() -> Deferred[None]:
        """
        Wait for the peer to read.

        @return: fires when no more than the low-water mark is pending, or the
            connection has ended; it has fired already unless
            L{isAboveHighWater}.  Cancelling it ends the wait, and nothing
            else.
        """

    def ping(payload: bytes = b"") -> None:
        """
        Send a Ping; the answer is
        L{pongReceived<IWebSocketHandler.pongReceived>}.

        @param payload: what the Pong is to repeat, at most 125 bytes.
        @raise ValueError: if it is longer.
        """

    def loseConnection(code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """
        Close the connection by the closing handshake, RFC 6455 section 7.1.2:
        send what is pending and a Close, wait for the peer's Close, close the
        transport.  If for the policy's C{closeTimeout} the peer neither
        answers nor takes any of what is pending, the connection is aborted.

        From now on no message is delivered; C{connectionLost} is the only
        call that follows.  Calling it again does nothing.

        @param code: a close code that may travel, RFC 6455 section 7.4.
        @param reason: for the peer's log; cut at 123 bytes of UTF-8.
        @raise ValueError: if the code may not travel.
        """

    def abortConnection() -> None:
        """
        Close the transport at once, and drop what is pending.
        """

    def getPeer() -> IAddress:
        """
        Get the address of the peer.
        """

    def getHost() -> IAddress:
        """
        Get the address of this side.
        """

    def attachProducer(producer: IProducer, streaming: bool = True) -> None:
        """
        Have a producer paused when more than the high-water mark is pending,
        and resumed when no more than the low-water mark is left.  It is
        stopped when the connection ends.

        @param producer: an
            L{IPushProducer<twisted.internet.interfaces.IPushProducer>}, or an
            L{IPullProducer<twisted.internet.interfaces.IPullProducer>} if
            C{streaming} is false.
        @param streaming: whether it produces until it is paused, and not only
            when it is asked.
        @raise RuntimeError: if one is attached already.
        """

    def detachProducer() -> None:
        """
        Forget the attached producer, if there is one.
        """

    def pauseProducing() -> None:
        """
        Deliver no more messages, and read no more from the peer, until
        L{resumeProducing}.  At most what one read of the transport has
        brought is kept meanwhile.  A peer that is not read from is not given
        up for its silence, unless it takes nothing of what is pending because
        the Twisted transport is full.
        """

    def resumeProducing() -> None:
        """
        Go on where L{pauseProducing} stopped.
        """


class IWebSocketHandler(Interface):
    """
    An application: what happens on one connection.

    Its methods may be coroutines, or return a L{Deferred}.  Then nothing is
    read from the peer and no other method is called before it is done, but
    C{connectionLost}; L{IConcurrentHandler} is for those who do not want to
    wait.

    An exception that one of its methods raises is logged, and closes the
    connection with code 1011.
    """

    def negotiationStarted(transport: IWebSocketTransport) -> Awaited:
        """
        The opening handshake is valid and about to be accepted.

        Called once, first.  An exception refuses the handshake: a
        L{BadHandshake<txws.wire.errors.BadHandshake>} with its status, headers
        and body, any other with status 500.  If it is not done by the end of
        C{handshakeTimeout}, it is cancelled and the handshake refused with
        status 503.
        """

    def negotiationFinished() -> Awaited:
        """
        The connection is open.

        Called once, after L{negotiationStarted}, unless the connection is lost
        before.
        """

    def textMessageReceived(message: str) -> Awaited:
        """
        The peer has sent a text message.

        Called for each, in order, as long as the connection is open.
        """

    def bytesMessageReceived(data: bytes) -> Awaited:
        """
        The peer has sent a binary message.

        Called for each, in order, as long as the connection is open.
        """

    def pongReceived(payload: bytes) -> Awaited:
        """
        The peer has sent a Pong, RFC 6455 section 5.5.3.  Pongs that answer
        pings of the keepalive do not come here.

        @param payload: of a Ping that it answers; Pings that came in between
            may stay unanswered.
        """

    def connectionLost(reason: Failure) -> Awaited:
        """
        The connection has ended.

        Called once, last, if L{negotiationStarted} is done; a method that is
        not done when it is called goes on.

        @param reason: a L{WebSocketClosed<txws.errors.WebSocketClosed>}, which
            is a L{ConnectionDone<twisted.internet.error.ConnectionDone>}, if
            both sides have said that they close; a
            L{WebSocketFailed<txws.errors.WebSocketFailed>}, which is a
            L{ConnectionLost<twisted.internet.error.ConnectionLost>}, if not.
        """


class ISharedWebSocketHandler(Interface):
    """
    An application that is one object for many connections, on servers and on
    clients alike: each method is told which connection it is about.

    Otherwise it is as L{IWebSocketHandler} says; the methods of one connection
    wait for each other, those of different ones do not.
    """

    def negotiationStarted(transport: IWebSocketTransport) -> Awaited:
        """
        See L{IWebSocketHandler.negotiationStarted}.
        """

    def negotiationFinished(transport: IWebSocketTransport) -> Awaited:
        """
        See L{IWebSocketHandler.negotiationFinished}.
        """

    def textMessageReceived(transport: IWebSocketTransport, message: str) -> Awaited:
        """
        See L{IWebSocketHandler.textMessageReceived}.
        """

    def bytesMessageReceived(transport: IWebSocketTransport, data: bytes) -> Awaited:
        """
        See L{IWebSocketHandler.bytesMessageReceived}.
        """

    def pongReceived(transport: IWebSocketTransport, payload: bytes) -> Awaited:
        """
        See L{IWebSocketHandler.pongReceived}.
        """

    def connectionLost(transport: IWebSocketTransport, reason: Failure) -> Awaited:
        """
        See L{IWebSocketHandler.connectionLost}.
        """


class IWebSocketHandlerFactory(Interface):
    """
    Makes handlers for those who ask.
    """

    subprotocols: Sequence[str] = Attribute(
        """
        The subprotocols that its handlers speak, the preferred one first;
        they count where the
        L{HandshakePolicy<txws.policy.HandshakePolicy>} names none.
        """
    )

    def buildHandler(
        request: IWebSocketRequest,
    ) -> (
        IWebSocketHandler
        | Deferred[IWebSocketHandler | None]
        | Coroutine[Deferred[Any], Any, IWebSocketHandler | None]
        | None
    ):
        """
        Make a handler for a connection.

        Called when the handshake is valid and its path, origin and subprotocol
        are known to be accepted, before it is answered.  It may be a
        coroutine, or return a L{Deferred}: if that has not fired by the end of
        C{handshakeTimeout}, it is cancelled and the handshake refused with
        status 503.

        @param request: what the client asks for.
        @return: the handler, or L{None} to refuse the handshake with status 403.
        @raise txws.wire.errors.BadHandshake: to refuse it with another status,
            headers and a body.
        """


class IStartedHandlerFactory(Interface):
    """
    An L{IWebSocketHandlerFactory} that wants to know when it is served, as an
    L{IProtocolFactory<twisted.internet.interfaces.IProtocolFactory>} does.
    """

    def doStart() -> None:
        """
        A server that it is given to listens on its first port.  Each of
        several servers calls this.
        """

    def doStop() -> None:
        """
        A server that has called L{doStart} does not listen any more.
        """


class IFragmentHandler(Interface):
    """
    A handler that gets messages in parts, as they arrive, so that none has to
    be kept as a whole: then C{textMessageReceived} and C{bytesMessageReceived}
    are not called.

    C{maxMessageSize} and C{maxFragments} hold for the messages as before.
    """

    def textFragmentReceived(text: str, isFinal: bool) -> Awaited:
        """
        A part of a text message has arrived.

        @param text: cut between two characters, not where the peer has cut; it
            may be empty if it is the last part.
        @param isFinal: whether it ends the message.
        """

    def bytesFragmentReceived(data: bytes, isFinal: bool) -> Awaited:
        """
        A part of a binary message has arrived.

        @param data: cut not where the peer has cut; it may be empty if it is
            the last part.
        @param isFinal: whether it ends the message.
        """


class IPingHandler(Interface):
    """
    A handler that wants to know of Pings.
    """

    def pingReceived(payload: bytes) -> Awaited:
        """
        The peer has sent a Ping, RFC 6455 section 5.5.2; its Pong is on the
        way without this.
        """


class ICloseHandler(Interface):
    """
    A handler that wants to know of the peer's Close before the connection is
    lost.
    """

    def closeReceived(code: int, reason: str) -> Awaited:
        """
        The peer has begun to close, RFC 6455 section 7.1.2: nothing more can
        be sent, and what C{connectionLost} is told follows.

        Not called if this side has begun.

        @param code: the close code, 1005 if there is none.
        @param reason: the close reason.
        """


class IConcurrentHandler(Interface):
    """
    A handler whose methods are called without waiting for what earlier ones
    have returned.  How much that keeps in memory at a time is then its own
    concern.
    """


class IByteStreamHandler(Interface):
    """
    A handler that carries a stream of bytes, such as a wrapped protocol, or what
    makes such handlers.

    Compression is not negotiated for it, unless extensions are named: such
    streams are often encrypted or compressed, and their pieces small.
    """


class IRoute(Interface):
    """
    What is at a path.
    """

    handlerFactory: IWebSocketHandlerFactory = Attribute("The application.")

    parameters: Mapping[str, object] = Attribute("What was found in the path.")

    limits: Any = Attribute(
        "The L{Limits<txws.policy.Limits>} of the path, or L{None} for the server's."
    )

    keepalive: Any = Attribute(
        "The L{KeepalivePolicy<txws.policy.KeepalivePolicy>} of the path, or L{None}"
        " for the server's."
    )

    handshake: Any = Attribute(
        "The L{HandshakePolicy<txws.policy.HandshakePolicy>} of the path, or L{None}"
        " for the server's."
    )


class IWebSocketRouter(Interface):
    """
    Knows what is at which path.  An L{IWebSocketHandlerFactory} that provides
    this is asked for a route before anything else.
    """

    def findRoute(path: str) -> IRoute | None:
        """
        Find out what is at a path.

        @param path: percent-decoded.
        @return: L{None} if there is nothing: the answer is 404.
        """


class ILegacyVersions(Interface):
    """
    Versions of the protocol that a server speaks beside RFC 6455, because it
    was told to.
    """

    def recognize(head: RequestHead, spareSize: int) -> ILegacyHandshake | None:
        """
        Find out whether an upgrade is of one of these versions.  This is asked
        once for each, before it is checked by RFC 6455.

        @param head: the head of the request.
        @param spareSize: how many bytes may follow it as part of the handshake.
        @return: L{None} if it is not.
        @raise BadHandshake: if it is, and is not valid.
        """


class ILegacyHandshake(Interface):
    """
    The opening handshake of one client in another version than RFC 6455.
    """

    version: str = Attribute("The name of the version.")

    hasPings: bool = Attribute("Whether there are Pings in this version.")

    def receiveData(data: bytes) -> UpgradeRequest | None:
        """
        Receive what follows the head; called at once, and then for all that
        comes as long as it returns L{None}.

        @return: what the client asks for, when the handshake is complete.
        @raise BadHandshake: if it is not valid.
        """

    def accept(
        request: IWebSocketRequest,
        extensions: Sequence[ExtensionOffer],
        headers: Iterable[tuple[str, str]],
    ) -> bytes:
        """
        Make the 101 that accepts the handshake.

        @param request: what was asked for, with the subprotocol in use.
        @param extensions: those in use, with their parameters.
        @param headers: further header fields.
        @raise ValueError: if a header is not fit to be sent.
        """

    def connect(
        maxMessageSize: int | None,
        maxFragments: int | None,
        extensions: Sequence[IExtension],
        deliversFragments: bool,
        observer: Callable[[Direction, Frame], None] | None,
    ) -> WireConnection:
        """
        Make what comes after the handshake; see
        L{Connection<txws.wire.connection.Connection>} for the arguments.
        """
