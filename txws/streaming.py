"""
Any byte-stream protocol over WebSocket: a handler that feeds an
L{IProtocol<twisted.internet.interfaces.IProtocol>}, and a transport for it
whose every write is a message.

WebSocket has no half-close, and its messages no meaning for a byte stream:
the protocol may get them in other pieces than the peer sent.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Sequence

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import (
    IAddress,
    IConsumer,
    INegotiated,
    IProducer,
    IProtocol,
    IProtocolFactory,
    IPushProducer,
    ISSLTransport,
    ITCPTransport,
    ITransport,
)
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import classImplements, implementer

from .delivery import Receiver
from .encodings import Base64, Binary, Encoding, Text
from .interfaces import (
    IByteStreamHandler,
    IStartedHandlerFactory,
    IWebSocketHandler,
    IWebSocketHandlerFactory,
    IWebSocketRequest,
    IWebSocketTransport,
)
from .sending import Sender
from .wire.codes import CloseCode

__all__ = [
    "StreamHandler",
    "StreamHandlerFactory",
    "StreamTransport",
    "TCPStreamTransport",
    "TLSStreamTransport",
]

_log = Logger()


class StreamTransport:
    """
    What a wrapped protocol has for a transport.

    @ivar disconnecting: whether L{loseConnection} has been called, as many
        protocols ask.
    """

    def __init__(self, webSocket: IWebSocketTransport, encoding: Encoding) -> None:
        """
        @param webSocket: the connection.
        @param encoding: how bytes become messages.
        """
        self.disconnecting = False
        self._webSocket = webSocket
        self._encoding = encoding
        self._sender = _senderOf(webSocket, encoding)
        self._producer: IProducer | None = None
        self._isStreaming = False

    @property
    def request(self) -> IWebSocketRequest:
        """
        What the client asked for.
        """
        return self._webSocket.request

    @property
    def location(self) -> str:
        """
        The request target, as txWS 0.9 called it.
        """
        return self._webSocket.request.target

    @property
    def webSocket(self) -> IWebSocketTransport:
        """
        The connection below, for protocols that know WebSocket.
        """
        return self._webSocket

    def setBinaryMode(self, mode: bool) -> None:
        """
        Send what is written as binary messages, or as text messages.

        The C{base64} subprotocol stays what it is.

        @param mode: true for binary, false for text, which has to be UTF-8.
        """
        if not isinstance(self._encoding, Base64):
            self._encoding.finish(self._webSocket)
            self._encoding = Binary() if mode else Text()
            self._sender = _senderOf(self._webSocket, self._encoding)

    def write(self, data: bytes | str) -> None:
        """
        Send bytes; or text, as a text message, which txWS 0.9 did.

        @param data: what is sent; nothing is if it is empty.
        @raise TypeError: if C{data} is neither L{bytes} nor L{str}.
        @raise ValueError: in text mode, if C{data} is not UTF-8; and if it is
            text that UTF-8 cannot say.
        """
        if not isinstance(data, (bytes, str)):
            raise TypeError(f"data must be bytes, not {type(data).__name__}")
        if not data or (self.disconnecting and not self._webSocket.isOpen):
            return
        if isinstance(data, str):
            self._encoding.sendText(self._webSocket, data)
        elif self._sender is None or not self._sender.sendBytesAtOnce(data):
            self._encoding.send(self._webSocket, data)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """
        Send bytes, all in one message.

        @param data: pieces of bytes.
        @raise TypeError: if one is not L{bytes}.
        @raise ValueError: as for L{write}.
        """
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """
        Close the connection when what has been written is sent, and, as TCP
        does, when a pull producer is unregistered, or a push producer is not
        paused.
        """
        self.disconnecting = True
        if not self._isHeld:
            self._lose()
        elif self._isStreaming:
            # Not before it is resumed, and not if it is paused once more.
            writable = self._webSocket.whenWritable()
            writable.addCallback(lambda ignored: self.loseConnection())

    def abortConnection(self) -> None:
        """
        Close the connection at once.
        """
        self.disconnecting = True
        self._webSocket.abortConnection()

    def getPeer(self) -> IAddress:
        """
        Get the address of the peer.
        """
        return self._webSocket.getPeer()

    def getHost(self) -> IAddress:
        """
        Get the address of this side.
        """
        return self._webSocket.getHost()

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """
        See L{IConsumer<twisted.internet.interfaces.IConsumer>}.
        """
        # First, for a pull producer may be done before it is attached.
        registered = (self._producer, self._isStreaming)
        self._producer, self._isStreaming = producer, streaming
        try:
            self._webSocket.attachProducer(producer, streaming)
        except RuntimeError:
            self._producer, self._isStreaming = registered
            raise

    def unregisterProducer(self) -> None:
        """
        See L{IConsumer<twisted.internet.interfaces.IConsumer>}.
        """
        self._producer = None
        self._webSocket.detachProducer()
        if self.disconnecting:
            self._lose()

    def pauseProducing(self) -> None:
        """
        Deliver nothing to the protocol until L{resumeProducing}.
        """
        self._webSocket.pauseProducing()

    def resumeProducing(self) -> None:
        """
        Go on to deliver.
        """
        self._webSocket.resumeProducing()

    def stopProducing(self) -> None:
        """
        Close the connection.
        """
        self.loseConnection()

    @property
    def _isHeld(self) -> bool:
        """
        Whether a producer has more to say before the connection is closed.
        """
        isPulled = not self._isStreaming
        return self._producer is not None and (
            isPulled or self._webSocket.isAboveHighWater
        )

    def _lose(self) -> None:
        """
        Close the connection, unless that has begun.
        """
        if self._webSocket.isOpen:
            self._encoding.finish(self._webSocket)
            self._webSocket.loseConnection()


# No decorator, for these classes can be compiled.
classImplements(StreamTransport, ITransport, IConsumer, IPushProducer)


@implementer(ITCPTransport)
class TCPStreamTransport(StreamTransport):
    """
    The transport of a wrapped protocol whose connection goes over TCP: the
    options of its socket are that socket's.
    """

    def __init__(self, webSocket: IWebSocketTransport, encoding: Encoding) -> None:
        """
        @param webSocket: the connection.
        @param encoding: how bytes become messages.
        """
        super().__init__(webSocket, encoding)
        self._tcp = ITCPTransport(webSocket.carrier)

    def getPeer(self) -> IPv4Address | IPv6Address:
        """
        Get the address of the peer.
        """
        return self._tcp.getPeer()

    def getHost(self) -> IPv4Address | IPv6Address:
        """
        Get the address of this side.
        """
        return self._tcp.getHost()

    def loseWriteConnection(self) -> None:
        """
        Close the connection: WebSocket has no half-close, RFC 6455 section
        5.5.1.
        """
        self.loseConnection()

    def getTcpNoDelay(self) -> bool:
        """
        See L{ITCPTransport<twisted.internet.interfaces.ITCPTransport>}.
        """
        return self._tcp.getTcpNoDelay()

    def setTcpNoDelay(self, enabled: bool) -> None:
        """
        See L{ITCPTransport<twisted.internet.interfaces.ITCPTransport>}.
        """
        self._tcp.setTcpNoDelay(enabled)

    def getTcpKeepAlive(self) -> bool:
        """
        See L{ITCPTransport<twisted.internet.interfaces.ITCPTransport>}.
        """
        return self._tcp.getTcpKeepAlive()

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """
        See L{ITCPTransport<twisted.internet.interfaces.ITCPTransport>}.
        """
        self._tcp.setTcpKeepAlive(enabled)


@implementer(ISSLTransport, INegotiated)
class TLSStreamTransport(TCPStreamTransport):
    """
    The transport of a wrapped protocol whose connection is encrypted by TLS.
    """

    def getPeerCertificate(self) -> object:
        """
        Get the certificate that the peer has shown, or L{None}.
        """
        return ISSLTransport(self._tcp).getPeerCertificate()

    @property
    def negotiatedProtocol(self) -> bytes | None:
        """
        What ALPN has agreed on, or L{None}.
        """
        return INegotiated(self._tcp).negotiatedProtocol


def _senderOf(webSocket: IWebSocketTransport, encoding: Encoding) -> Sender | None:
    """
    Find out what sends bytes in a shorter way, if there is one.
    """
    if not (isinstance(encoding, Binary) and isinstance(webSocket, Sender)):
        return None
    sender: Sender = webSocket
    # A class derived from it may have another way, which is not left out.
    isUsual = type(sender).sendBytesMessage is Sender.sendBytesMessage
    return sender if isUsual else None


def _transportFor(
    webSocket: IWebSocketTransport, encoding: Encoding
) -> StreamTransport:
    """
    Make the transport that keeps the promises of the one below.
    """
    if ISSLTransport.providedBy(webSocket.carrier):
        return TLSStreamTransport(webSocket, encoding)
    if ITCPTransport.providedBy(webSocket.carrier):
        return TCPStreamTransport(webSocket, encoding)
    return StreamTransport(webSocket, encoding)


class StreamHandler(Receiver):
    """
    Feeds a byte-stream protocol with what messages carry.

    @ivar protocol: the protocol.
    """

    __slots__ = (
        "_encoding",
        "_isBase64",
        "_isConnected",
        "_transport",
        "protocol",
    )

    def __init__(self, protocol: IProtocol, encoding: Encoding) -> None:
        """
        @param protocol: the protocol, not yet connected.
        @param encoding: how bytes become messages.
        """
        self.protocol = protocol
        self._encoding = encoding
        self._isBase64 = isinstance(encoding, Base64)
        self._transport: StreamTransport | None = None
        self._isConnected = False

    def setBinaryMode(self, mode: bool) -> None:
        """
        See L{StreamTransport.setBinaryMode}; also before there is one.
        """
        if self._transport is not None:
            self._transport.setBinaryMode(mode)
        elif not self._isBase64:
            self._encoding = Binary() if mode else Text()

    def negotiationStarted(self, transport: IWebSocketTransport) -> None:
        """
        Make the transport of the protocol.
        """
        self._transport = _transportFor(transport, self._encoding)

    def negotiationFinished(self) -> None:
        """
        Connect the protocol.
        """
        assert self._transport is not None
        self._isConnected = True
        self.protocol.makeConnection(self._transport)

    def textMessageReceived(self, message: str) -> None:
        """
        Feed the protocol.
        """
        if self._isBase64:
            self._base64Received(message)
        else:
            # As below, with one call less; C knows text, and nothing derived.
            text = message if type(message) is str else str.__str__(message)
            data = text.encode("utf-8")
            assert self._transport is not None
            if data and not self._transport.disconnecting:
                self.protocol.dataReceived(data)

    def bytesMessageReceived(self, data: bytes) -> None:
        """
        Feed the protocol.
        """
        assert self._transport is not None
        # An empty message is nothing in a stream of bytes; and who has lost
        # the connection hears nothing more, also if a producer goes on.
        if data and not self._transport.disconnecting:
            self.protocol.dataReceived(data)

    def pongReceived(self, payload: bytes) -> None:
        """
        A stream of bytes has no Pongs.
        """

    def connectionLost(self, reason: Failure) -> None:
        """
        Tell the protocol, if it was connected.
        """
        if self._isConnected:
            self.protocol.connectionLost(reason)

    def _base64Received(self, message: str) -> None:
        """
        Feed the protocol, if this is base64.
        """
        assert self._transport is not None
        try:
            data = b64decode(message, validate=True)
        except ValueError:
            peer = self._transport.getPeer()
            _log.warn("{peer} sent text that is not base64", peer=peer)
            self._transport.webSocket.loseConnection(
                CloseCode.INVALID_PAYLOAD_DATA, "not base64"
            )
        else:
            self.bytesMessageReceived(data)


classImplements(StreamHandler, IWebSocketHandler, IByteStreamHandler)


@implementer(IWebSocketHandlerFactory, IStartedHandlerFactory, IByteStreamHandler)
class StreamHandlerFactory:
    """
    Makes handlers of the protocols of a factory.
    """

    # What noVNC and websockify speak: browsers want one of those they offer.
    subprotocols: Sequence[str] = ("binary", "base64")

    def __init__(self, factory: IProtocolFactory, text: bool = False) -> None:
        """
        @param factory: makes the protocols.
        @param text: send text messages, not binary ones.
        """
        self.factory = factory
        self._isText = text

    def doStart(self) -> None:
        """
        Start the factory.
        """
        self.factory.doStart()

    def doStop(self) -> None:
        """
        Stop the factory.
        """
        self.factory.doStop()

    def buildHandler(self, request: IWebSocketRequest) -> StreamHandler | None:
        """
        Build a protocol, for the address of the peer.
        """
        protocol = self.factory.buildProtocol(request.peer)
        if protocol is None:
            return None
        if request.subprotocol == "base64":
            return StreamHandler(protocol, Base64())
        isText = self._isText and request.subprotocol != "binary"
        return StreamHandler(protocol, Text() if isText else Binary())
