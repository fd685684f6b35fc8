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
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IProducer, ITransport
from twisted.python.failure import Failure
from zope.interface import Attribute, Interface

from .wire.codes import CloseCode
from .wire.extensions import IExtension, IExtensionFactory
from .wire.http import Headers
from .wire.prepared import PreparedMessage

__all__ = [
    "IExtension",
    "IExtensionFactory",
    "IGroup",
    "IWebSocketHandler",
    "IWebSocketHandlerFactory",
    "IWebSocketRequest",
    "IWebSocketTransport",
]


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

    isSecure: bool = Attribute("Whether the connection is encrypted by TLS.")

    peer: IAddress = Attribute("The address of the other side.")

    url: str = Attribute("The C{ws} or C{wss} URL of the resource.")


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
    does with what is written to a transport that is being closed.
    """

    carrier: ITransport = Attribute(
        "The Twisted transport below: for facts such as the peer's certificate, and"
        " options of its socket.  Anything written to it breaks the connection."
    )

    request: IWebSocketRequest = Attribute("What the client asked for.")

    subprotocol: str | None = Attribute("The subprotocol in use, if there is one.")

    pendingSize: int = Attribute(
        "How many bytes wait here: for the end of this turn, or for the Twisted"
        " transport to take more."
    )

    isOpen: bool = Attribute(
        "Whether messages can be sent: until the closing begins, on whichever side."
    )

    isAboveHighWater: bool = Attribute(
        "Whether more than the high-water mark was pending, and the low-water mark"
        " is not yet reached: the peer reads more slowly than it is sent to."
    )

    groups: set[IGroup] = Attribute(
        "The groups that the connection leaves when it is lost: for groups, which"
        " put themselves here when they get a member."
    )

    roundTripTime: float | None = Attribute(
        "How many seconds the last ping of the keepalive took to be answered, or"
        " L{None} as long as none was."
    )

    def sendTextMessage(message: str) -> None:
        """
        Send a text message.

        @raise TypeError: if it is not L{str}.
        @raise UnicodeEncodeError: if it has surrogates, which UTF-8 cannot
            say.
        """

    def sendBytesMessage(data: bytes | bytearray | memoryview) -> None:
        """
        Send a binary message.  It may be changed afterwards.

        @raise TypeError: if it is not like bytes.
        """

    def sendPreparedMessage(message: PreparedMessage) -> None:
        """
        Send a message that goes to many, without serializing it again.

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
        up for its silence.
        """

    def resumeProducing() -> None:
        """
        Go on where L{pauseProducing} stopped.
        """


class IWebSocketHandler(Interface):
    """
    An application: what happens on one connection.

    An exception that one of its methods raises is logged, and closes the
    connection with code 1011.
    """

    def negotiationStarted(transport: IWebSocketTransport) -> None:
        """
        The opening handshake is valid and about to be accepted.

        Called once, first.  An exception refuses the handshake, with status
        500 if it is no L{BadHandshake<txws.wire.errors.BadHandshake>}.
        """

    def negotiationFinished() -> None:
        """
        The connection is open.

        Called once, after L{negotiationStarted}, unless the connection is lost
        before.
        """

    def textMessageReceived(message: str) -> None:
        """
        The peer has sent a text message.

        Called for each, in order, as long as the connection is open.
        """

    def bytesMessageReceived(data: bytes) -> None:
        """
        The peer has sent a binary message.

        Called for each, in order, as long as the connection is open.
        """

    def pongReceived(payload: bytes) -> None:
        """
        The peer has sent a Pong, RFC 6455 section 5.5.3.  Pongs that answer
        pings of the keepalive do not come here.

        @param payload: of a Ping that it answers; Pings that came in between
            may stay unanswered.
        """

    def connectionLost(reason: Failure) -> None:
        """
        The connection has ended.

        Called once, last, if L{negotiationStarted} has returned.

        @param reason: a L{WebSocketClosed<txws.errors.WebSocketClosed>}, which
            is a L{ConnectionDone<twisted.internet.error.ConnectionDone>}, if
            both sides have said that they close; a
            L{WebSocketFailed<txws.errors.WebSocketFailed>}, which is a
            L{ConnectionLost<twisted.internet.error.ConnectionLost>}, if not.
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

    def buildHandler(request: IWebSocketRequest) -> IWebSocketHandler | None:
        """
        Make a handler for a connection.

        Called when the handshake is valid and its path, origin and subprotocol
        are known to be accepted, before it is answered.

        @return: L{None} to refuse the handshake with status 403.
        @raise txws.wire.errors.BadHandshake: to refuse it with another status.
        """
