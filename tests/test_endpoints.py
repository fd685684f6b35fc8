"""
Tests for L{txws.endpoints}.
"""

from __future__ import annotations

from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock, RaisingMemoryReactor
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from txws.endpoints import WebSocketServerEndpoint
from txws.errors import InvalidSetting
from txws.factories import WebSocketFactory
from txws.policy import HandshakePolicy, KeepalivePolicy, Limits
from txws.wire.codes import CloseCode, Opcode

from .peers import RawPeer, makeRequest, useMemoryReactor


class Echo(Protocol):
    """
    Writes back what it receives.
    """

    def dataReceived(self, data: bytes) -> None:
        """
        Write it back.
        """
        self.transport.write(data)


class ServerEndpointTests(SynchronousTestCase):
    """
    Any program that listens on an endpoint can serve WebSockets.
    """

    def setUp(self):
        """
        Have an endpoint to listen on.
        """
        self.reactor = useMemoryReactor(self)
        self.below = TCP4ServerEndpoint(self.reactor, 9000, interface="127.0.0.1")

    def listen(self, *arguments, **settings) -> RawPeer:
        """
        Listen, and connect a peer.
        """
        endpoint = WebSocketServerEndpoint(self.below, *arguments, **settings)
        port = self.successResultOf(endpoint.listen(Factory.forProtocol(Echo)))
        verifyObject(IListeningPort, port)
        ((number, factory, _, interface),) = self.reactor.tcpServers
        self.assertEqual((number, interface), (9000, "127.0.0.1"))
        return RawPeer(factory)

    def test_interface(self):
        """
        It is an endpoint in Twisted's sense.
        """
        verifyObject(IStreamServerEndpoint, WebSocketServerEndpoint(self.below))

    def test_served(self):
        """
        The protocols of a factory that listens on it speak WebSocket, in
        binary messages.
        """
        peer = self.listen()

        peer.send(makeRequest())
        self.assertEqual(peer.takeAnswer().status, 101)
        peer.sendFrame(Opcode.BINARY, b"\xff")

        self.assertEqual(peer.takeMessages(), [b"\xff"])

    def test_text(self):
        """
        They send text messages, if told so.
        """
        peer = self.listen(True)

        peer.send(makeRequest())
        peer.takeAnswer()
        peer.sendFrame(Opcode.BINARY, b"text")

        self.assertEqual(peer.takeMessages(), ["text"])

    def test_handshakePolicy(self):
        """
        The policy of the opening handshake is kept.
        """
        peer = self.listen(handshake=HandshakePolicy(paths=["/ws"]))

        peer.send(makeRequest())

        self.assertEqual(peer.takeAnswer().status, 404)

    def test_limits(self):
        """
        The limits are kept.
        """
        peer = self.listen(limits=Limits(maxMessageSize=3))

        peer.send(makeRequest())
        peer.takeAnswer()
        peer.sendFrame(Opcode.BINARY, b"long")

        self.assertEqual(peer.takeCloseCode(), CloseCode.MESSAGE_TOO_BIG)

    def test_keepalive(self):
        """
        The deadlines are kept.
        """
        peer = self.listen(keepalive=KeepalivePolicy(handshakeTimeout=3))

        self.reactor.advance(3)

        self.assertTrue(peer.isAborted)

    def test_cannotListen(self):
        """
        That the endpoint below cannot listen is told.
        """
        busy = RaisingMemoryReactor(
            listenException=CannotListenError("127.0.0.1", 9000, OSError("in use"))
        )
        endpoint = WebSocketServerEndpoint(TCP4ServerEndpoint(busy, 9000))

        listening = endpoint.listen(Factory.forProtocol(Echo))

        self.failureResultOf(listening, CannotListenError)

    def test_noFactory(self):
        """
        What is no factory is refused.
        """
        endpoint = WebSocketServerEndpoint(
            TCP4ServerEndpoint(MemoryReactorClock(), 9000)
        )

        self.assertRaises(InvalidSetting, endpoint.listen, None)

    def test_wrappedTwice(self):
        """
        A factory or an endpoint that speaks WebSocket by itself is refused:
        nobody could talk to what is wrapped twice.
        """
        endpoint = WebSocketServerEndpoint(self.below)

        error = self.assertRaises(
            InvalidSetting, endpoint.listen, WebSocketFactory(Echo)
        )
        self.assertIn("would be wrapped twice", error.problem)
        error = self.assertRaises(InvalidSetting, WebSocketServerEndpoint, endpoint)
        self.assertEqual(error.setting, "endpoint")
        self.assertIn("would be wrapped twice", error.problem)

    def test_noEndpoint(self):
        """
        What is no endpoint, such as the description of one, is refused at once.
        """
        for wrong in ("tcp:9000", None, 9000):
            error = self.assertRaises(InvalidSetting, WebSocketServerEndpoint, wrong)

            self.assertEqual(error.setting, "endpoint")
            self.assertTrue(error.problem.endswith(f"not {wrong!r}"), error.problem)
