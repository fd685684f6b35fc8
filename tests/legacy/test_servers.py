"""
Tests for servers that speak what L{txws.legacy} knows: the same handlers,
limits, deadlines and policies as for RFC 6455.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import LogLevel, capturedLogs, formatEvent
from zope.interface import implementer

from tests.peers import RawPeer, makeRequest
from tests.test_server import ServerTestCase
from tests.wire.ciphers import CipherFactory, Stream
from tests.wire.tables import dribble, frame, splits
from txws.applications import HandlerFactory
from txws.conversation import Conversation
from txws.demo import Echo
from txws.errors import (
    BadFrame,
    BadPayload,
    InvalidSetting,
    MessageTooBig,
    WebSocketClosed,
    WebSocketFailed,
)
from txws.factories import WebSocketFactory
from txws.handlers import WebSocketHandler
from txws.interfaces import (
    IFragmentHandler,
    IWebSocketHandler,
    IWebSocketHandlerFactory,
    IWebSocketRequest,
    IWebSocketTransport,
)
from txws.legacy import VERSIONS, BinaryUnsupported, Legacy
from txws.policy import HandshakePolicy, KeepalivePolicy, Limits
from txws.wire.codes import CloseCode, Opcode

from .clients import (
    CLIENTS,
    HIXIE_75_REQUEST,
    HIXIE_76_REQUEST,
    HYBI_7_REQUEST,
    HYBI_8_REQUEST,
    Hixie75Client,
    Hixie76Client,
    Hybi7Client,
    Hybi8Client,
    LegacyClient,
    change,
)

HIXIE = (Hixie75Client, Hixie76Client)
HYBI = (Hybi7Client, Hybi8Client)
REQUESTS = (HIXIE_75_REQUEST, HIXIE_76_REQUEST, HYBI_7_REQUEST, HYBI_8_REQUEST)


class ByteEcho(Protocol):
    """
    A byte-stream protocol.
    """

    def dataReceived(self, data: bytes) -> None:
        """
        Send it back.
        """
        self.transport.write(data)


class BinaryEcho(WebSocketHandler):
    """
    Answers text in binary.
    """

    def textMessageReceived(self, message: str) -> None:
        """
        Send it back, as bytes.
        """
        self.transport.sendBytesMessage(message.encode())


@implementer(IFragmentHandler)
class PartHandler(WebSocketHandler):
    """
    Notes the parts of text messages.
    """

    def __init__(self) -> None:
        self.parts: list[tuple[str, bool]] = []

    def textFragmentReceived(self, text: str, isFinal: bool) -> None:
        """
        Note it.
        """
        self.parts.append((text, isFinal))

    def bytesFragmentReceived(self, data: bytes, isFinal: bool) -> None:
        """
        There are none.
        """


class Hasty(WebSocketHandler):
    """
    Has nothing to do.
    """

    def negotiationStarted(self, transport: IWebSocketTransport) -> None:
        """
        Close.
        """
        super().negotiationStarted(transport)
        transport.sendTextMessage("welcome")
        transport.loseConnection()


@implementer(IWebSocketHandlerFactory)
class SlowFactory:
    """
    Never decides about a request.
    """

    subprotocols: Sequence[str] = ()

    def buildHandler(
        self, request: IWebSocketRequest
    ) -> Deferred[IWebSocketHandler | None]:
        """
        Wait.
        """
        return Deferred()


@implementer(IWebSocketHandlerFactory)
class RefusingFactory:
    """
    Refuses everybody.
    """

    subprotocols: Sequence[str] = ()

    def buildHandler(self, request: IWebSocketRequest) -> None:
        """
        Refuse.
        """


async def echo(websocket: Conversation) -> None:
    """
    Send back what is received, as a coroutine.
    """
    async for message in websocket:
        await websocket.send(message)


class LegacyTestCase(ServerTestCase):
    """
    Serves all versions.
    """

    def serve(self, application=None, *subprotocols, **settings) -> WebSocketFactory:
        """
        Make a server.
        """
        settings.setdefault("legacy", Legacy(*VERSIONS))
        return super().serve(application, *subprotocols, **settings)

    def assertEnded(self, client: LegacyClient, cause: type[BaseException]) -> None:
        """
        Assert that the last handler was told that its connection has failed,
        and that nothing is left.
        """
        client.peer.leave()
        ended = self.handlers[-1].reason.value
        self.assertIsInstance(ended, WebSocketFailed)
        self.assertIsInstance(ended.cause, cause)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class SwitchTests(LegacyTestCase):
    """
    Tests for the setting.
    """

    def test_offByDefault(self) -> None:
        """
        Who does not switch them on does not speak them: each gets the answer
        that it always got.
        """
        for request, status in zip(REQUESTS, (400, 400, 426, 426), strict=True):
            peer = self.connect(legacy=None)
            peer.send(request)

            self.assertRefused(peer, status, request)

    def test_oneAlone(self) -> None:
        """
        Only what is named is spoken.
        """
        for request, status in zip(REQUESTS[:3], (400, 400, 426), strict=True):
            peer = self.connect(legacy=Legacy("hybi-8"))
            peer.send(request)

            self.assertRefused(peer, status, request)
        Hybi8Client(self.serve(legacy=Legacy("hybi-8")))

    def test_versionsAreNotAdvertised(self) -> None:
        """
        A client of no version that is spoken is told of RFC 6455 alone.
        """
        peer = self.connect()
        peer.send(makeRequest(("Sec-WebSocket-Version", "6")))

        answer = self.assertRefused(peer, 426)
        self.assertEqual(answer.headers.getAll("Sec-WebSocket-Version"), ["13"])

    def test_modernClients(self) -> None:
        """
        Clients of RFC 6455 notice nothing.
        """
        peer = RawPeer.upgraded(self.serve(Echo))
        peer.sendFrame(Opcode.TEXT, b"hello")

        self.assertEqual(peer.takeMessages(), ["hello"])

    def test_itIsLogged(self) -> None:
        """
        Each client of an old version leaves a line in the log.
        """
        factory = self.serve()
        for kind in CLIENTS:
            with capturedLogs() as logs:
                kind(factory)

            (event,) = logs
            self.assertIs(event["log_level"], LogLevel.info)
            self.assertIn(f"speaks {kind.version}, not RFC 6455", formatEvent(event))

    def test_invalid(self) -> None:
        """
        What is no set of versions raises.
        """
        for wrong in ("hixie-76", ["hybi-8"], True):
            error = self.assertRaises(
                InvalidSetting, WebSocketFactory, Echo, legacy=wrong
            )

            self.assertEqual(error.setting, "legacy")


class ConversationTests(LegacyTestCase):
    """
    Tests for whole conversations, by scripted clients.
    """

    def test_handler(self) -> None:
        """
        A handler is what it is for any client: it is told of messages and of
        the request, and what it sends arrives.
        """
        for kind in CLIENTS:
            client = kind(self.serve(None, "chat"), "chat")
            handler = self.handlers[-1]
            client.sendText("one", "", "zwölf €😀")
            handler.transport.sendTextMessage("grüße")
            handler.transport.sendTextMessage("")

            self.assertEqual(handler.messages, ["one", "", "zwölf €😀"])
            self.assertEqual(client.takeMessages(), ["grüße", ""])
            request = handler.transport.request
            self.assertEqual(request.path, "/demo")
            self.assertEqual(request.query, "a=b")
            self.assertEqual(request.origin, "http://example.com")
            self.assertEqual(request.subprotocol, "chat")
            self.assertEqual(request.url, "ws://example.com/demo?a=b")

    def test_applications(self) -> None:
        """
        Handlers, coroutines and wrapped protocols echo to every client.
        """
        for application, settings in (
            (Echo, {}),
            (echo, {}),
            (Factory.forProtocol(ByteEcho), {"text": True}),
        ):
            for kind in CLIENTS:
                client = kind(self.serve(application, **settings))
                client.sendText("one", "two €")
                client.sendText("three")

                self.assertEqual(
                    "".join(client.takeMessages()), "onetwo €three", kind.version
                )

    def test_dribbled(self) -> None:
        """
        It does not matter how the bytes of an opening handshake, and of what
        follows, are cut.
        """
        for kind in HIXIE:
            request = kind.request(None)
            for pieces in splits(request):
                peer = self.connect(Echo)
                peer.send(*pieces)

                self.assertEqual(peer.transport.takeData(), kind.expected(None))
                peer.send(*dribble(b"\x00hello\xff"))
                self.assertEqual(peer.transport.takeData(), b"\x00hello\xff")
        for other in HYBI:
            peer = self.connect(Echo)
            peer.send(*dribble(other.request(None)))
            self.assertEqual(peer.transport.takeData(), other.expected(None))

    def test_parts(self) -> None:
        """
        A handler that wants parts of messages gets them as they arrive.
        """
        for kind in HIXIE:
            handler = PartHandler()

            def make(made: PartHandler = handler) -> PartHandler:
                return made

            client = kind(self.serve(HandlerFactory(make)))
            client.peer.send(b"\x00one", b" two\xff")

            self.assertEqual(handler.parts, [("one", False), (" two", True)])

    def test_theyClose(self) -> None:
        """
        A client's Close is answered, and the server closes TCP.
        """
        for kind in (Hixie76Client, *HYBI):
            client = kind(self.serve())
            client.sendClose()

            self.assertEqual(client.takeMessages(), ["<close>"])
            self.assertTrue(client.peer.transport.hasEnded)
            client.peer.transport.settle()
            ended = self.handlers[-1].reason.value
            self.assertIsInstance(ended, WebSocketClosed)
            self.assertTrue(ended.isReceivedFirst)
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_weClose(self) -> None:
        """
        The server's Close is answered by a client, and TCP is closed.
        """
        for kind in (Hixie76Client, *HYBI):
            client = kind(self.serve())
            self.handlers[-1].transport.loseConnection(4000, "enough")

            self.assertEqual(client.takeMessages(), ["<close>"])
            self.assertFalse(client.peer.transport.hasEnded)
            client.sendText("late")
            client.sendClose()
            self.assertTrue(client.peer.transport.hasEnded)
            client.peer.transport.settle()
            ended = self.handlers[-1].reason.value
            self.assertIsInstance(ended, WebSocketClosed)
            self.assertFalse(ended.isReceivedFirst)

    def test_closeOfHixie75(self) -> None:
        """
        To a client of hixie-75 the server closes TCP, when what it has sent is
        gone; what the client still sends does not keep that from arriving.
        """
        client = Hixie75Client(self.serve())
        transport = self.handlers[-1].transport
        transport.sendTextMessage("last")
        transport.loseConnection()
        transport.sendTextMessage("too late")
        client.sendText("unheard")

        self.assertEqual(client.takeMessages(), ["last"])
        self.assertTrue(client.peer.transport.hasEnded)
        self.assertFalse(client.peer.transport.isAborted)
        self.assertEqual(self.handlers[-1].messages, [])
        self.assertEnded(client, ConnectionDone)

    def test_clientOfHixie75Closes(self) -> None:
        """
        A client of hixie-75 closes TCP, which is no closing handshake.
        """
        client = Hixie75Client(self.serve())
        client.sendText("last")
        client.sendClose()

        self.assertEqual(self.handlers[-1].messages, ["last"])
        self.assertEqual(self.handlers[-1].reason.value.code, 1006)
        self.assertEnded(client, ConnectionDone)

    def test_closeBeforeTheAnswer(self) -> None:
        """
        A handler that closes before the handshake is answered has the answer
        and what it has sent go first.
        """
        for kind in CLIENTS:
            client = kind(self.serve(HandlerFactory(Hasty)))

            told = client.takeMessages()
            closed = ["<close>"] if client.hasClose else []
            self.assertEqual(told, ["welcome", *closed])
            client.sendClose()
            client.peer.transport.settle()
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_broadcast(self) -> None:
        """
        What is sent to all reaches each in its own version; what is binary,
        those who have that.
        """
        factory = self.serve()
        clients = [kind(factory) for kind in CLIENTS]
        modern = RawPeer.upgraded(factory)
        factory.broadcast("to all €")

        self.assertEqual(modern.takeMessages(), ["to all €"])
        for client in clients:
            self.assertEqual(client.takeMessages(), ["to all €"], client.version)
        factory.broadcast(b"\x00\xff")

        self.assertEqual(modern.takeMessages(), [b"\x00\xff"])
        self.assertEqual(len(self.flushLoggedErrors(BinaryUnsupported)), len(HIXIE))
        taken = [client.peer.transport.takeData() for client in clients]
        self.assertEqual(taken, [b"", b"", b"\x82\x02\x00\xff", b"\x82\x02\x00\xff"])

    def test_closeAll(self) -> None:
        """
        All connections are closed by a server that stops.
        """
        for kind in CLIENTS:
            factory = self.serve()
            client = kind(factory)
            gone = factory.closeAll()

            told = client.takeMessages()
            self.assertEqual(told, ["<close>"] if client.hasClose else [])
            self.assertNoResult(gone)
            client.sendClose()
            client.peer.transport.settle()
            self.assertIsNone(self.successResultOf(gone))

    def test_stream(self) -> None:
        """
        A message that is sent while it is made arrives as one.
        """
        for kind in HIXIE:
            client = kind(self.serve())
            transport = self.handlers[-1].transport
            sent = transport.sendStream(["one, ", "", "two"])
            transport.sendTextMessage("three")

            self.assertIsNone(self.successResultOf(sent))
            self.assertEqual(client.takeMessages(), ["one, two", "three"])
            self.assertIsNone(self.successResultOf(transport.sendStream([])))
            self.assertEqual(client.takeMessages(), [""])

    def test_brokenStream(self) -> None:
        """
        A message that cannot be finished does not pass for a whole one.
        """

        def pieces():
            yield "half of"
            raise ZeroDivisionError

        for kind in HIXIE:
            client = kind(self.serve())
            sent = self.handlers[-1].transport.sendStream(pieces())

            self.failureResultOf(sent, ZeroDivisionError)
            written = client.peer.transport.takeData()
            self.assertEqual(written, b"\x00half of")
            self.assertTrue(client.peer.transport.hasEnded)


class BinaryTests(LegacyTestCase):
    """
    Tests for what hixie cannot say.
    """

    def test_caller(self) -> None:
        """
        Who sends a binary message is told, and the connection goes on.
        """
        for kind in HIXIE:
            client = kind(self.serve())
            transport = self.handlers[-1].transport

            self.assertRaises(BinaryUnsupported, transport.sendBytesMessage, b"\xff")
            self.failureResultOf(transport.sendStream([b"\xff"]), BinaryUnsupported)
            transport.sendTextMessage("text")
            self.assertEqual(client.takeMessages(), ["text"])

    def test_behindAStream(self) -> None:
        """
        Who sends a binary message while another is streamed is told when its
        turn comes, and what waits behind it is sent.
        """
        for kind in HIXIE:
            client = kind(self.serve())
            transport = self.handlers[-1].transport
            piece: Deferred[str] = Deferred()

            async def pieces(piece: Deferred[str] = piece) -> AsyncIterator[str]:
                yield await piece

            transport.sendStream(pieces())
            gone = transport.sendBytesMessage(b"\xff")
            transport.sendTextMessage("last")
            transport.loseConnection()
            self.assertNoResult(gone)
            piece.callback("first")

            self.failureResultOf(gone, BinaryUnsupported)
            told = client.takeMessages()
            closed = ["<close>"] if client.hasClose else []
            self.assertEqual(told, ["first", "last", *closed])

    def test_handler(self) -> None:
        """
        A handler that answers in binary, and does not expect this, has failed:
        it is logged, and the connection closed.
        """
        for kind in HIXIE:
            client = kind(self.serve(BinaryEcho))
            client.sendText("hello")

            self.assertEqual(len(self.flushLoggedErrors(BinaryUnsupported)), 1)
            told = client.takeMessages()
            self.assertEqual(told, ["<close>"] if client.hasClose else [])

    def test_base64(self) -> None:
        """
        Any byte can be sent in base64, to a client that offers that.
        """
        for kind in HIXIE:
            client = kind(self.serve(Factory.forProtocol(ByteEcho)), "base64")
            client.sendText("AP+A")

            self.assertEqual(client.takeMessages(), ["AP+A"])

    def test_noVNC(self) -> None:
        """
        A client that offers binary beside base64 gets base64.
        """
        peer = self.connect(Factory.forProtocol(ByteEcho))
        peer.send(change(HIXIE_76_REQUEST, "Sec-WebSocket-Protocol", "binary, base64"))

        answer = peer.takeAnswer()
        self.assertEqual(answer.headers.getAll("Sec-WebSocket-Protocol"), ["base64"])

    def test_hybi(self) -> None:
        """
        Hybi has binary messages.
        """
        for kind in HYBI:
            client = kind(self.serve(Echo))
            client.peer.sendFrame(Opcode.BINARY, b"\x00\xff")

            self.assertEqual(
                [each.payload for each in client.takeFrames()], [b"\x00\xff"]
            )


class PolicyTests(LegacyTestCase):
    """
    Tests for what a server accepts.
    """

    def test_origins(self) -> None:
        """
        A page of another origin is refused, whatever its header is called.
        """
        for request in REQUESTS:
            for name in ("Origin", "Sec-WebSocket-Origin"):
                foreign = request.replace(
                    f"\r\n{name}: http://example.com".encode(),
                    f"\r\n{name}: http://evil.example".encode(),
                )
                if foreign != request:
                    peer = self.connect()
                    peer.send(foreign)

                    self.assertRefused(peer, 403, foreign)
        self.assertEqual(self.handlers, [])

    def test_trustedOrigin(self) -> None:
        """
        A page of a named origin is accepted.
        """
        policy = HandshakePolicy(origins=["http://example.com"])
        for request in (HYBI_7_REQUEST, HYBI_8_REQUEST):
            peer = self.connect(handshake=policy)
            peer.send(request)

            self.assertEqual(peer.takeAnswer().status, 101)

    def test_paths(self) -> None:
        """
        There is nothing on other paths.
        """
        policy = HandshakePolicy(paths=["/other"], origins=["http://example.com"])
        for request in REQUESTS:
            peer = self.connect(handshake=policy)
            peer.send(request)

            self.assertRefused(peer, 404, request)

    def test_headers(self) -> None:
        """
        The 101 has the headers of the policy.
        """
        policy = HandshakePolicy(
            headers=[("X-One", "1")], origins=["http://example.com"]
        )
        for request in REQUESTS:
            peer = self.connect(handshake=policy)
            peer.send(request)

            self.assertEqual(peer.takeAnswer().headers.getAll("X-One"), ["1"])

    def test_refusedByTheApplication(self) -> None:
        """
        An application refuses any client.
        """
        for kind in CLIENTS:
            peer = self.connect(RefusingFactory())
            peer.send(kind.request(None))

            self.assertRefused(peer, 403, kind)

    def test_maxConnections(self) -> None:
        """
        Clients of all versions are counted together.
        """
        factory = self.serve(limits=Limits(maxConnections=1))
        Hixie76Client(factory)

        self.assertEqual(RawPeer(factory).takeAnswer().status, 503)

    def test_extensions(self) -> None:
        """
        An extension works for hybi, and is not offered to hixie.
        """
        offer = "Sec-WebSocket-Extensions"
        for request, isExpected in ((HYBI_8_REQUEST, True), (HIXIE_76_REQUEST, False)):
            peer = self.connect(
                extensions=[CipherFactory("x-stream", Stream)],
                handshake=HandshakePolicy(origins=["http://example.com"]),
            )
            peer.send(change(request, offer, "x-stream; level=2"))

            answered = peer.takeAnswer().headers.getAll(offer)
            expected = ["x-stream; level=2"] if isExpected else []
            self.assertEqual(answered, expected)
            self.handlers[-1].transport.sendTextMessage("hello")
            isPlain = b"hello" in peer.transport.takeData()
            self.assertIs(isPlain, not isExpected)


class LimitTests(LegacyTestCase):
    """
    Tests for what a client can make a server keep, and for how long.
    """

    def test_maxMessageSize(self) -> None:
        """
        A message that is too big ends the connection.
        """
        for kind in CLIENTS:
            client = kind(self.serve(limits=Limits(maxMessageSize=8)))
            client.sendText("12345678", "123456789")

            self.assertEqual(self.handlers[-1].messages, ["12345678"])
            told = client.takeMessages()
            self.assertEqual(told, ["<close>"] if client.hasClose else [])
            self.assertTrue(client.peer.transport.hasEnded)
            self.assertEnded(client, MessageTooBig)

    def test_hybiCloseCode(self) -> None:
        """
        Clients of hybi are told so in the code that they know.
        """
        for kind in HYBI:
            client = kind(self.serve(limits=Limits(maxMessageSize=8)))
            client.sendText("123456789")

            (close,) = client.takeFrames()
            self.assertEqual(close.payload[:2], (1004).to_bytes(2, "big"))
            client.peer.leave()
            ended = self.handlers[-1].reason.value
            self.assertEqual(ended.sent.code, CloseCode.MESSAGE_TOO_BIG)

    def test_maxFragments(self) -> None:
        """
        A message of hybi that has too many fragments ends the connection.
        """
        for kind in HYBI:
            client = kind(self.serve(limits=Limits(maxFragments=2)))
            for opcode in (Opcode.TEXT, Opcode.CONTINUATION, Opcode.CONTINUATION):
                client.peer.send(frame(opcode, b"a", isFinal=False, isMasked=True))

            self.assertEqual(client.takeMessages(), ["<close>"])
            self.assertEnded(client, MessageTooBig)

    def test_badBytes(self) -> None:
        """
        What no version has, and text that is not UTF-8, end the connection.
        """
        for kind in HIXIE:
            for data, cause in (
                (b"\x80" + b"\xff" * 100, BadFrame),
                (b"\x00\xc3\x28\xff", BadPayload),
            ):
                client = kind(self.serve())
                client.peer.send(data)

                told = client.takeMessages()
                self.assertEqual(told, ["<close>"] if client.hasClose else [])
                self.assertTrue(client.peer.transport.hasEnded)
                self.assertEnded(client, cause)

    def test_handshakeSize(self) -> None:
        """
        The last key of hixie-76 is part of the handshake's size.
        """
        size = len(HIXIE_76_REQUEST)
        for limit, status in ((size, 101), (size - 1, 431), (size - 8, 431)):
            peer = self.connect(limits=Limits(maxHandshakeSize=limit, maxLineSize=100))
            peer.send(HIXIE_76_REQUEST)

            self.assertEqual(peer.takeAnswer().status, status, limit - size)

    def test_handshakeDeadline(self) -> None:
        """
        A client that does not send its last key is given up, and no byte of it
        prolongs that.
        """
        peer = self.connect()
        peer.send(HIXIE_76_REQUEST[:-8])
        for byte in dribble(b"\0" * 7):
            self.clock.advance(1)
            peer.send(byte)
        self.clock.advance(2.9)
        self.assertFalse(peer.isAborted)
        self.clock.advance(0.1)

        self.assertTrue(peer.isAborted)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.handlers, [])

    def test_clientThatLeavesEarly(self) -> None:
        """
        A client that leaves before its last key leaves nothing behind.
        """
        peer = self.connect()
        peer.send(HIXIE_76_REQUEST[:-1])
        peer.leave()

        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_badHandshakes(self) -> None:
        """
        A bad key, and data behind the last one, are refused: at once, and also
        when they come by themselves.
        """
        bad = change(HIXIE_76_REQUEST, "Sec-WebSocket-Key1", "x")
        for pieces in ((bad,), (HIXIE_76_REQUEST[:-1], b"U\x00")):
            peer = self.connect()
            peer.send(*pieces)

            self.assertRefused(peer, 400, pieces)

    def test_dataBeforeTheAnswer(self) -> None:
        """
        A client that does not wait for its answer is refused.
        """
        for kind in CLIENTS:
            peer = self.connect(SlowFactory())
            peer.send(kind.request(None))
            peer.send(b"\x00")

            self.assertRefused(peer, 400, kind)

    def test_noPings(self) -> None:
        """
        A client that cannot answer Pings is not sent any, and not given up for
        its silence.
        """
        for kind in HIXIE:
            client = kind(self.serve())
            self.clock.advance(0)
            for _minute in range(10):
                self.clock.advance(60)

            self.assertEqual(client.peer.transport.takeData(), b"")
            self.handlers[-1].transport.ping(b"anybody?")
            self.assertEqual(client.peer.transport.takeData(), b"")
            self.assertTrue(self.handlers[-1].transport.isOpen)

    def test_oneWayKeepalive(self) -> None:
        """
        Nor are Pongs sent to it.
        """
        policy = KeepalivePolicy(isOneWay=True)
        for kind in HIXIE:
            client = kind(self.serve(keepalive=policy))
            self.clock.advance(60)

            self.assertEqual(client.peer.transport.takeData(), b"")

    def test_pings(self) -> None:
        """
        Clients of hybi are sent Pings, and given up if they do not answer.
        """
        for kind in HYBI:
            client = kind(self.serve())
            self.clock.advance(20)
            (ping,) = client.takeFrames()
            self.assertIs(ping.opcode, Opcode.PING)
            self.clock.advance(20)

            self.assertTrue(client.peer.isAborted)

    def test_idle(self) -> None:
        """
        A client that is idle for too long is closed, and given up if it does
        not answer.
        """
        for kind in CLIENTS:
            policy = KeepalivePolicy(idleTimeout=15)
            client = kind(self.serve(keepalive=policy))
            self.clock.advance(15)

            told = client.takeMessages()
            self.assertEqual(told, ["<close>"] if client.hasClose else [])
            self.assertFalse(client.peer.isAborted)
            self.clock.advance(5)
            self.assertTrue(client.peer.isAborted, kind)
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_backPressure(self) -> None:
        """
        A client that does not read is not read from, and nothing is lost when
        it does again.
        """
        for kind in HIXIE:
            client = kind(self.serve(Echo))
            texts = [f"{number:05}" * 2000 for number in range(40)]
            for text in texts:
                client.sendText(text)
            self.assertFalse(client.peer.transport.isReading)

            told = client.takeAll().split(b"\xff")

            self.assertTrue(told == [*(b"\x00" + text.encode() for text in texts), b""])
            self.assertTrue(client.peer.transport.isReading)

    def test_largeMessage(self) -> None:
        """
        A message that is larger than the transport's buffer arrives whole,
        and the Close behind it.
        """
        for kind in HIXIE:
            client = kind(self.serve())
            text = "0123456789" * 100_000
            self.handlers[-1].transport.sendTextMessage(text)
            self.handlers[-1].transport.loseConnection()

            close = b"\xff\x00" if client.hasClose else b""
            expected = b"\x00" + text.encode() + b"\xff" + close
            self.assertTrue(client.takeAll() == expected)

    def test_slowReader(self) -> None:
        """
        A client for which too much is pending is given up, and what it gets
        are whole messages.
        """
        limits = Limits(highWaterMark=1000, lowWaterMark=100, maxPendingSize=100_000)
        for kind in HIXIE:
            client = kind(self.serve(limits=limits))
            # More than the Twisted transport takes at once, and the limit.
            for _number in range(30):
                self.handlers[-1].transport.sendTextMessage("0123456789" * 1000)

            self.assertFalse(self.handlers[-1].transport.isOpen)
            written = client.takeAll()
            self.assertLess(len(written), 200_000)
            close = b"\xff\x00" if client.hasClose else b""
            self.assertTrue(written.endswith(b"\xff" + close))
            messages = written.removesuffix(close).split(b"\xff")[:-1]
            self.assertEqual({*messages}, {b"\x00" + b"0123456789" * 1000})

    def test_frameLog(self) -> None:
        """
        Frames are logged on demand, as for RFC 6455.
        """
        client = Hixie76Client(self.serve(Echo, logsFrames=True))
        with capturedLogs() as logs:
            client.sendText("hello")

        told = [formatEvent(event) for event in logs]
        self.assertEqual(len(told), 2)
        self.assertIn("received TEXT 5 bytes: 'hello'", told[0])
        self.assertIn("sent TEXT 5 bytes: 'hello'", told[1])
