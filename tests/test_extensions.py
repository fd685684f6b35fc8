"""
Tests for L{txws.extensions}: what is compressed where nobody says anything, and
where somebody does.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable
from typing import Any, cast

from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import directlyProvides, implementer

from txws.applications import HandlerFactory
from txws.client import ClientSettings, WebSocketClientProtocol
from txws.conversation import Conversation
from txws.errors import InvalidSetting
from txws.extensions import DEFAULT_EXTENSIONS, checkExtensions
from txws.factories import WebSocketFactory
from txws.groups import Block, Close, DropOldest, Group, Latest
from txws.interfaces import IExtensionFactory, IFragmentHandler
from txws.policy import KeepalivePolicy, Limits
from txws.testing import MemoryConnection, RecordingHandler
from txws.wire.codes import Opcode
from txws.wire.deflate import PerMessageDeflate
from txws.wire.frames import RSV1, Frame
from txws.wire.prepared import PreparedMessage
from txws.wire.states import Role

from .ends import FULL, ActingHandler, End
from .peers import ADDRESS, RawPeer, makeRequest, streamHandlerFor
from .wire.ciphers import CipherFactory, Mirror, Stream
from .wire.streams import bomb, decompress

CHROME = ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")
TEXT = "Hello, world. " * 20
MIB = 1 << 20


class Echo(Protocol):
    """
    A stream of bytes.
    """

    def dataReceived(self, data: bytes) -> None:
        """
        Echo.
        """
        self.transport.write(data)


def answerOf(application: Any, **settings: Any) -> str:
    """
    Ask a server as Chromium does.

    @return: the extensions of its answer.
    """
    peer = RawPeer(WebSocketFactory(application, clock=Clock(), **settings))
    peer.send(makeRequest(CHROME))
    return peer.takeAnswer().headers.get("Sec-WebSocket-Extensions", "")


class DefaultTests(SynchronousTestCase):
    """
    Messages are compressed by default, streams of bytes are not.
    """

    def test_server(self) -> None:
        """
        A server accepts compression, with windows of 12 bits, for handlers and
        coroutines.
        """

        async def serve(conversation: Conversation) -> None:
            await conversation.receive()

        expected = (
            "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12"
        )
        for application in (RecordingHandler, serve):
            self.assertEqual(answerOf(application), expected)
        (default,) = DEFAULT_EXTENSIONS
        assert isinstance(default, PerMessageDeflate)
        self.assertEqual((default.memoryLevel, default.threshold), (5, 128))

    def test_wrappedProtocols(self) -> None:
        """
        For wrapped protocols it does so if it is told to.
        """
        for application in (Echo, Factory.forProtocol(Echo)):
            self.assertEqual(answerOf(application), "")
            self.assertIn(
                "permessage-deflate",
                answerOf(application, extensions=[PerMessageDeflate()]),
            )

    def test_none(self) -> None:
        """
        No extension is used if none is wanted.
        """
        self.assertEqual(answerOf(RecordingHandler, extensions=()), "")

    def test_client(self) -> None:
        """
        A client offers compression, but for a wrapped protocol.
        """
        for handler, extensions, isOffered in (
            (RecordingHandler(), None, True),
            (RecordingHandler(), (), False),
            (self.makeStreamHandler(), None, False),
            (self.makeStreamHandler(), DEFAULT_EXTENSIONS, True),
        ):
            settings = ClientSettings("a", "/", Clock(), extensions=extensions)
            client = WebSocketClientProtocol(settings, handler)
            server = WebSocketFactory(RecordingHandler, clock=Clock()).buildProtocol(
                ADDRESS
            )
            connection = MemoryConnection(server, client)
            request = connection.client.takeData()
            self.assertIs(b"permessage-deflate" in request, isOffered, handler)

    def makeStreamHandler(self) -> Any:
        """
        Make the handler of a wrapped protocol.
        """
        client = RawPeer(WebSocketFactory(RecordingHandler, clock=Clock())).transport
        return streamHandlerFor(Factory.forProtocol(Echo), client)

    def test_nonsense(self) -> None:
        """
        What is no extension, or two of the same name, is refused at once.
        """
        self.assertIsNone(checkExtensions(None))
        twice: list[Any] = [CipherFactory("a", Stream)] * 2
        wrong: Any = [PerMessageDeflate]
        for extensions, problem in (
            (twice, "are not possible: there are two extensions 'a'"),
            (wrong, f"must provide IExtensionFactory, not {PerMessageDeflate!r}"),
            (
                [CipherFactory("X-A", Stream)],
                (
                    "are not possible: the name of an extension must be a token in"
                    " lower case, not 'X-A'"
                ),
            ),
        ):
            with self.assertRaises(InvalidSetting) as caught:
                WebSocketFactory(RecordingHandler, extensions=extensions)
            self.assertEqual(
                (caught.exception.setting, caught.exception.problem),
                ("extensions", problem),
            )


def makeEnd(handler: RecordingHandler | None = None, **settings: Any) -> End:
    """
    Make one end of a connection that compresses without looking back.
    """
    forgetful = PerMessageDeflate(contextTakeover=False)
    accepted = forgetful.accept((), None)
    assert accepted is not None
    return End.opened(handler, extensions=[accepted[1]], **settings)


class NameTests(SynchronousTestCase):
    """
    Extensions that are negotiated beside each other have names of their own.
    """

    def test_same(self) -> None:
        """
        Two extensions of the same name cannot be negotiated.
        """
        stream, mirror = (
            CipherFactory("stream", Stream),
            CipherFactory("mirror", Mirror),
        )
        self.assertEqual(checkExtensions([stream, mirror]), (stream, mirror))
        with self.assertRaises(InvalidSetting) as caught:
            checkExtensions([stream, mirror, CipherFactory("mirror", Stream)])
        self.assertEqual(
            str(caught.exception),
            "extensions are not possible: there are two extensions 'mirror'",
        )

    def test_unfit(self) -> None:
        """
        A name that cannot be told, or is not found as it is told in lower case,
        is refused.
        """
        wrong: tuple[Any, ...] = (
            "Mirror",
            "a b",
            "",
            "a;b",
            "a\r\nb",
            "\xe4",
            None,
            b"a",
        )
        for name in wrong:
            with self.assertRaises(InvalidSetting) as caught:
                checkExtensions([CipherFactory(cast(str, name), Stream)])
            self.assertEqual(
                str(caught.exception),
                "extensions are not possible: the name of an extension must be a token "
                f"in lower case, not {name!r}",
            )
        checkExtensions([CipherFactory("x-1!#$%&'*+.^_`|~", Stream)])

    def test_nameless(self) -> None:
        """
        An extension without a name is refused.
        """

        class Nameless:
            """
            Has none.
            """

        nameless = Nameless()
        directlyProvides(nameless, IExtensionFactory)
        with self.assertRaisesRegex(InvalidSetting, "not None"):
            checkExtensions([nameless])


class ChoiceTests(SynchronousTestCase):
    """
    An application chooses what is compressed.
    """

    def test_messages(self) -> None:
        """
        Short messages are not compressed, long ones are; either way it may be
        said otherwise.
        """
        end = makeEnd()
        for text, compress, rsv in (
            ("a", None, 0),
            ("a", True, RSV1),
            (TEXT, None, RSV1),
            (TEXT, False, 0),
        ):
            end.webSocket.sendTextMessage(text, compress=compress)
            end.webSocket.sendBytesMessage(text.encode(), compress=compress)
            self.assertEqual([sent.rsv for sent in end.takeFrames()], [rsv, rsv])

    def test_streams(self) -> None:
        """
        A message that is sent while it is made is compressed as one, unless it
        is said otherwise; so it is for those that wait behind it.
        """
        end = makeEnd()
        for compress, rsv in ((None, RSV1), (False, 0)):
            end.webSocket.sendStream([TEXT, "", TEXT], compress=compress)
            frames = end.takeFrames()
            self.assertEqual([sent.rsv for sent in frames], [rsv, 0, 0])
            payload = b"".join(sent.payload for sent in frames)
            if rsv:
                (payload,) = decompress(payload)
            self.assertEqual(payload, TEXT.encode() * 2)

        def pieces() -> Iterable[bytes]:
            end.webSocket.sendTextMessage("a", compress=True)
            end.webSocket.sendBytesMessage(TEXT.encode(), compress=False)
            yield b"first"

        end.webSocket.sendStream(pieces(), compress=False)
        self.assertEqual(
            [(sent.opcode, sent.rsv) for sent in end.takeFrames()],
            [
                (Opcode.BINARY, 0),
                (Opcode.CONTINUATION, 0),
                (Opcode.TEXT, RSV1),
                (Opcode.BINARY, 0),
            ],
        )

    def test_conversations(self) -> None:
        """
        Coroutines choose in the same way.
        """
        end = makeEnd()
        conversation = Conversation(end.webSocket)
        for message, opcode in (
            ("a", Opcode.TEXT),
            (b"a", Opcode.BINARY),
            (["a"], Opcode.TEXT),
        ):
            for compress, rsv in ((True, RSV1), (False, 0)):
                conversation.send(message, compress=compress)
                first = end.takeFrames()[0]
                self.assertEqual((first.opcode, first.rsv), (opcode, rsv))


# What is compressed if nobody says anything, and what is if somebody does.
CHOICES = (
    ("a", None, 0),
    ("a", True, RSV1),
    (TEXT, None, RSV1),
    (TEXT, True, RSV1),
    (TEXT, False, 0),
)


class BroadcastTests(SynchronousTestCase):
    """
    An application chooses what of a broadcast is compressed.
    """

    def read(self, *frames: Frame) -> list[tuple[int, str]]:
        """
        Read messages that do not look back, and whether they were compressed.
        """
        return [
            (
                frame.rsv,
                (decompress(frame.payload)[0] if frame.rsv else frame.payload).decode(),
            )
            for frame in frames
        ]

    def test_group(self) -> None:
        """
        Short messages to a group are not compressed, long ones are; either way
        it may be said otherwise.  Who has no compression gets them as they are,
        and clients choose in the same way.
        """
        group = Group()
        compressing, client = makeEnd(), makeEnd(role=Role.CLIENT)
        plain = End.opened()
        for end in (compressing, client, plain):
            group.add(end.webSocket)
        for text, compress, rsv in CHOICES:
            group.broadcast(text, compress=compress)
            self.assertEqual(self.read(*compressing.takeFrames()), [(rsv, text)])
            self.assertEqual(self.read(*client.takeFrames()), [(rsv, text)])
            self.assertEqual(self.read(*plain.takeFrames()), [(0, text)])

    def test_factory(self) -> None:
        """
        So it is for all connections of a server.
        """
        factory = WebSocketFactory(HandlerFactory(ActingHandler), clock=Clock())
        forgetful = f"{CHROME[1]}; server_no_context_takeover"
        compressing = RawPeer.upgraded(factory, (CHROME[0], forgetful))
        plain = RawPeer.upgraded(factory)
        for text, compress, rsv in CHOICES:
            self.assertEqual(factory.broadcast(text, compress=compress), 2)
            self.assertEqual(self.read(*compressing.takeFrames()), [(rsv, text)])
            self.assertEqual(self.read(*plain.takeFrames()), [(0, text)])

    def test_prepared(self) -> None:
        """
        What a prepared message says goes before what its broadcast says.
        """
        group, end = Group(), makeEnd()
        group.add(end.webSocket)
        for text, chosen, rsv in CHOICES:
            for compress in (None, True, False):
                group.broadcast(PreparedMessage(text, chosen), compress=compress)
                self.assertEqual(self.read(*end.takeFrames()), [(rsv, text)])

    def test_slowReaders(self) -> None:
        """
        What has to wait for a slow reader leaves as it was chosen; so does what
        goes behind a message that is streamed.
        """
        limits = Limits(highWaterMark=1000, lowWaterMark=100)
        for policy in (Block(), DropOldest(), Latest(hash)):
            group, end = Group(policy), makeEnd(limits=limits)
            group.add(end.webSocket)
            end.webSocket.sendBytesMessage(bytes(FULL), compress=False)
            end.webSocket.sendBytesMessage(bytes(2000), compress=False)
            self.assertTrue(end.webSocket.isAboveHighWater)
            for text, compress, _ in CHOICES[1::3]:
                group.broadcast(text, compress=compress)
            *_, first, second = end.takeAll()
            self.assertEqual(self.read(first, second), [(RSV1, "a"), (0, TEXT)], policy)

        group, end = Group(Close()), makeEnd()
        group.add(end.webSocket)

        def pieces() -> Iterable[bytes]:
            for text, compress, _ in CHOICES:
                group.broadcast(text, compress=compress)
            yield b"first"

        end.webSocket.sendStream(pieces(), compress=False)
        self.assertEqual(
            self.read(*end.takeAll()[2:]),
            [(rsv, text) for text, compress, rsv in CHOICES],
        )


@implementer(IFragmentHandler)
class PartHandler(RecordingHandler):
    """
    Takes messages in parts, and pauses after each.

    @ivar sizes: how many bytes each part had.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def textFragmentReceived(self, text: str, isFinal: bool) -> None:
        """
        Nobody sends text.
        """

    def bytesFragmentReceived(self, data: bytes, isFinal: bool) -> None:
        """
        Pause.
        """
        self.sizes.append(len(data))
        self.transport.pauseProducing()


class BombTests(SynchronousTestCase):
    """
    What little a peer sends does not become much.
    """

    def makeReceiver(self, **settings: Any) -> End:
        """
        Make an end that inflates.
        """
        accepted = PerMessageDeflate().accept((), Limits().maxMessageSize)
        assert accepted is not None
        return End.opened(extensions=[accepted[1]], **settings)

    def test_refused(self) -> None:
        """
        Of a message of 200 MB in 200 kB the handler sees nothing but the end,
        and it is closed with 1009, whether it comes in one frame or in many
        with Pings in between.
        """
        payload = bomb(200 * MIB)
        for opcode in (Opcode.TEXT, Opcode.BINARY):
            one = makeEnd().frame(opcode, payload, rsv=RSV1)
            many = [makeEnd().frame(opcode, payload[:9], isFinal=False, rsv=RSV1)]
            for start in range(9, len(payload), 500):
                part = payload[start : start + 500]
                many.append(makeEnd().frame(Opcode.PING, b"?"))
                many.append(makeEnd().frame(Opcode.CONTINUATION, part, isFinal=False))
            for data in (one, b"".join(many)):
                end = self.makeReceiver()
                tracemalloc.start()
                end.receive(data)
                peak = tracemalloc.get_traced_memory()[1]
                tracemalloc.stop()
                self.assertLess(peak, 4 * MIB)
                self.assertEqual(end.takeAll()[-1].payload[:2], b"\x03\xf1")
                end.leave()
                self.assertNotIn("textMessageReceived", end.names)
                self.assertNotIn("bytesMessageReceived", end.names)
                self.assertEqual(end.ended.sent.code, 1009)

    def test_paused(self) -> None:
        """
        A handler that pauses in the middle of what one frame inflates to is
        given no more of it until it resumes, and the rest takes no memory.
        """
        handler = PartHandler()
        end = self.makeReceiver(handler=handler, deliversFragments=True)
        data = end.frame(Opcode.BINARY, bomb(MIB), rsv=RSV1)
        tracemalloc.start()
        end.receive(data + end.frame(Opcode.PING, b"?"))
        for count in range(1, 17):
            self.assertEqual(len(handler.sizes), count)
            self.assertEqual(end.takeFrames(), [])
            end.webSocket.resumeProducing()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        self.assertEqual(sum(handler.sizes), MIB)
        self.assertLess(peak, MIB // 2)


class IdleTests(SynchronousTestCase):
    """
    Connections that are idle take little memory.
    """

    def setUp(self) -> None:
        """
        Connect a peer that is silent but for its Pongs.
        """
        self.clock = Clock()
        self.handler = ActingHandler()
        factory = WebSocketFactory(
            HandlerFactory(lambda: self.handler),
            clock=self.clock,
            keepalive=KeepalivePolicy(pingInterval=20, pingTimeout=20),
        )
        self.peer = RawPeer.upgraded(factory, CHROME)

    def send(self) -> int:
        """
        Send the same once more.

        @return: how many bytes it takes.
        """
        self.handler.transport.sendTextMessage(TEXT)
        (sent,) = self.peer.takeFrames()
        return len(sent.payload)

    def silence(self) -> None:
        """
        Let so much time pass that the peer gets a Ping, and answer it.
        """
        self.clock.advance(20)
        (ping,) = self.peer.takeFrames()
        self.assertIs(ping.opcode, Opcode.PING)
        self.peer.sendFrame(Opcode.PONG, ping.payload)

    def test_released(self) -> None:
        """
        When nothing was sent between two Pings, the memory of the compressor is
        given back, and what is sent then does not look back.
        """
        first, second = self.send(), self.send()
        self.assertLess(second, first)
        for _ in range(2):
            self.silence()
            self.silence()
            self.assertEqual(self.send(), first)
            self.assertEqual(self.send(), second)

    def test_freed(self) -> None:
        """
        That is nearly all that a message has taken.
        """
        self.silence()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        self.send()
        taken = tracemalloc.get_traced_memory()[0] - before
        self.silence()
        self.silence()
        left = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        self.assertGreater(taken, 20_000)
        self.assertLess(left, 2000)

    def test_notIdle(self) -> None:
        """
        Who is sent something now and then is not idle, though it says nothing.
        """
        first, second = self.send(), self.send()
        self.assertLess(second, first)
        for _ in range(5):
            self.silence()
            self.assertEqual(self.send(), second)
