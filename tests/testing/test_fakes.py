"""
Tests for L{txws.testing.fakes}.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail
from twisted.trial.unittest import SynchronousTestCase

from tests.websockets import WebSocketTransportContract
from txws import BadHandshake, IWebSocketTransport, WebSocketHandler
from txws.testing import FakeWebSocketTransport, RecordingHandler, makeRequest
from txws.wire.codes import Opcode
from txws.wire.events import CloseStatus
from txws.wire.frames import Frame


class ContractTests(WebSocketTransportContract, SynchronousTestCase):
    """
    The fake does what a connection does.
    """


class FakeWebSocketTransportTests(SynchronousTestCase):
    """
    Tests for L{FakeWebSocketTransport} alone: what a test sees.
    """

    def test_handler(self):
        """
        A handler is tested in a few lines.
        """

        class Echo(WebSocketHandler):
            """
            Sends back text.
            """

            def textMessageReceived(self, message):
                self.transport.sendTextMessage(message)

        transport = FakeWebSocketTransport(Echo())
        transport.finishNegotiation()
        transport.receive("hello")
        self.assertEqual(transport.messages, ["hello"])

    def test_slowNegotiation(self):
        """
        A handler may take its time before the connection is opened, or refuse it
        then.
        """

        class Slow(WebSocketHandler):
            """
            Waits.
            """

            async def negotiationStarted(self, transport: IWebSocketTransport) -> None:
                super().negotiationStarted(transport)
                await asked
                transport.sendTextMessage("welcome")

        asked: Deferred[None] = Deferred()
        transport = FakeWebSocketTransport(Slow())
        self.assertRaises(RuntimeError, transport.finishNegotiation)
        asked.callback(None)
        transport.finishNegotiation()
        self.assertEqual(transport.messages, ["welcome"])
        asked = fail(BadHandshake(403, "go away"))
        transport = FakeWebSocketTransport(Slow())
        self.assertRaises(BadHandshake, transport.finishNegotiation)

    def test_records(self):
        """
        Messages, Pings and the Close can be seen, each for itself and in their
        order.
        """
        transport = FakeWebSocketTransport()
        self.assertIsInstance(transport.handler, RecordingHandler)
        transport.finishNegotiation()
        transport.sendTextMessage("a")
        transport.ping(b"b")
        transport.sendBytesMessage(b"c")
        self.assertIsNone(transport.closeSent)
        transport.loseConnection(1001)
        self.assertEqual(transport.messages, ["a", b"c"])
        self.assertEqual(transport.pings, [b"b"])
        self.assertEqual(transport.closeSent, CloseStatus(1001, ""))
        self.assertIsNone(transport.closeReceived)
        transport.receiveClose(1000)
        self.assertEqual(transport.closeReceived, CloseStatus(1000, ""))
        self.assertEqual(
            transport.frames,
            [
                Frame(Opcode.TEXT, b"a"),
                Frame(Opcode.PING, b"b"),
                Frame(Opcode.BINARY, b"c"),
                Frame(Opcode.CLOSE, b"\x03\xe9"),
            ],
        )

    def test_isAborted(self):
        """
        It is seen whether the handler has aborted, and not taken for a loss.
        """
        for act, isAborted in (("lose", False), ("abortConnection", True)):
            transport = FakeWebSocketTransport()
            transport.finishNegotiation()
            getattr(transport, act)()
            self.assertEqual(transport.isAborted, isAborted)

    def test_pending(self):
        """
        Who stalls the network sees what is pending, and has it leave.
        """
        transport = FakeWebSocketTransport()
        transport.finishNegotiation()
        transport.stall()
        transport.sendTextMessage("a")
        self.assertEqual((transport.pendingSize, transport.messages), (3, []))
        transport.drain()
        self.assertEqual((transport.pendingSize, transport.messages), (0, ["a"]))

    def test_endWhileStalled(self):
        """
        A connection may end while the network is stalled.
        """
        for act in ("abortConnection", "lose"):
            transport = FakeWebSocketTransport()
            transport.finishNegotiation()
            transport.stall()
            getattr(transport, act)()
            transport.drain()
            transport.stall()
            transport.drain()
            self.assertFalse(transport.isOpen)

    def test_facts(self):
        """
        The request is the test's.
        """
        request = makeRequest("/feed?x=1", subprotocol="v1")
        transport = FakeWebSocketTransport(request=request)
        self.assertIs(transport.request, request)
        self.assertEqual(transport.subprotocol, "v1")


class MakeRequestTests(SynchronousTestCase):
    """
    Tests for L{makeRequest}.
    """

    def test_defaults(self):
        """
        There is nothing that has to be said.
        """
        request = makeRequest()
        self.assertEqual(request.url, "ws://example.com/")
        self.assertEqual(list(request.headers), [])
        self.assertEqual((request.origin, request.subprotocol), (None, None))
        self.assertEqual(request.subprotocols, ())

    def test_arguments(self):
        """
        And nothing that cannot be said.
        """
        peer: object = object()
        request = makeRequest(
            "/a%20b?c",
            host="example.org",
            origin="https://example.org",
            headers=[("Cookie", "a=b")],
            subprotocols=["v2", "v1"],
            subprotocol="v1",
            isSecure=True,
            peer=peer,  # type: ignore[arg-type]  # any will do
        )
        self.assertEqual((request.path, request.query), ("/a b", "c"))
        self.assertEqual(request.url, "wss://example.org/a%20b?c")
        self.assertEqual(request.origin, "https://example.org")
        self.assertEqual(request.cookies, {"a": "b"})
        self.assertEqual(request.subprotocols, ("v2", "v1"))
        self.assertEqual(request.subprotocol, "v1")
        self.assertIs(request.peer, peer)
