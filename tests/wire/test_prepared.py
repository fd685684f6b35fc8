"""
Tests for L{txws.wire.prepared}.
"""

from __future__ import annotations

from itertools import product
from random import Random

from zope.interface import implementer
from zope.interface.verify import verifyObject

from txws.wire.codes import Opcode
from txws.wire.compression import Deflater
from txws.wire.connection import Connection
from txws.wire.deflate import PerMessageDeflate
from txws.wire.errors import ConnectionStateError
from txws.wire.events import BytesMessageReceived, TextMessageReceived
from txws.wire.extensions import IShareableExtension
from txws.wire.frames import RSV1, RSV2, Frame
from txws.wire.prepared import PreparedMessage, sharingKeyOf
from txws.wire.states import Direction, Role

from .assertions import WireTestCase
from .ciphers import Mirror, Stream
from .streams import decompress
from .tables import (
    KEY,
    exchange,
    frame,
    makeConnection,
    readFrames,
    sentBytes,
    sentFrames,
)

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = Opcode


@implementer(IShareableExtension)
class Rotation:
    """
    Rotates each byte, by as much as was agreed on, and says so with RSV1: an
    extension whose frames are the same on all connections that agreed on the
    same.

    @cvar encoded: how many frames were encoded, on all connections.
    """

    rsv = RSV1
    isPerFrame = True
    encoded = 0

    def __init__(self, distance: int, isShared: bool = True) -> None:
        self.sharingKey = distance if isShared else None
        self._distance = distance

    def encode(self, frame: Frame, compress: bool | None = None) -> Frame:
        """
        Rotate.
        """
        Rotation.encoded += 1
        return self._rotate(frame, self._distance)

    def decode(self, frame: Frame) -> list[Frame]:
        """
        Rotate back.
        """
        return [self._rotate(frame, -self._distance)]

    def _rotate(self, frame: Frame, distance: int) -> Frame:
        payload = bytes((byte + distance) % 256 for byte in frame.payload)
        return frame._replace(payload=payload, rsv=frame.rsv ^ RSV1)


@implementer(IShareableExtension)
class Reversal(Mirror):
    """
    The other one that can be shared; its keys are the same numbers.
    """

    sharingKey = 1


class PreparedMessageTests(WireTestCase):
    """
    A message that goes to many is serialized once.
    """

    def setUp(self) -> None:
        """
        Count from zero.
        """
        self.patch(Rotation, "encoded", 0)

    def test_text(self):
        """
        Text is sent as a text message.
        """
        server = makeConnection(Role.SERVER)
        server.sendPrepared(PreparedMessage("Grüße"))
        server.sendPrepared(PreparedMessage(""))
        self.assertEqual(sentBytes(server), frame(TEXT, "Grüße".encode()) + frame(TEXT))

    def test_bytesLike(self):
        """
        Whatever is like bytes is sent as a binary message, and may be changed
        afterwards.
        """
        data = bytearray(b"abc")
        for given in (b"abc", data, memoryview(data), memoryview(b"xabcx")[1:4]):
            prepared = PreparedMessage(given)
            data[:] = b"abd"
            server = makeConnection(Role.SERVER)
            server.sendPrepared(prepared)
            self.assertEqual(sentBytes(server), frame(BINARY, b"abc"))
            data[:] = b"abc"

    def test_ownKinds(self):
        """
        Text and bytes of a kind of their own are sent as any other.
        """
        text, data = type("Markup", (str,), {}), type("Digest", (bytes,), {})
        for role in Role:
            for size in (3, 5000):
                plain, shared = (makeConnection(role) for _ in range(2))
                plain.sendPrepared(PreparedMessage("a" * size))
                plain.sendPrepared(PreparedMessage(b"a" * size))
                shared.sendPrepared(PreparedMessage(text("a" * size)))
                shared.sendPrepared(PreparedMessage(data(b"a" * size)))
                self.assertEqual(sentBytes(shared), sentBytes(plain))

    def test_sizes(self):
        """
        It is the frame that would be sent otherwise, whatever its size.
        """
        for size in (0, 125, 126, 4096, 4097, 65535, 65536, 70000):
            plain, shared = (makeConnection(Role.SERVER) for _ in range(2))
            plain.sendBytes(bytes(size))
            shared.sendPrepared(PreparedMessage(bytes(size)))
            self.assertEqual(shared.pendingSize, plain.pendingSize, size)
            self.assertEqual(shared.dataToSend(), plain.dataToSend(), size)
            self.assertEqual(shared.pendingSize, 0)

    def test_shared(self):
        """
        All connections send the very same bytes: nothing is copied for each.
        """
        for payload in (b"small", bytes(100000)):
            prepared = PreparedMessage(payload)
            written = []
            for _ in range(3):
                server = makeConnection(Role.SERVER)
                server.sendPrepared(prepared)
                written.append(server.dataToSend())
            for pieces in written:
                for piece, first in zip(pieces, written[0], strict=True):
                    self.assertIs(piece, first)
        self.assertIs(written[0][-1], payload)

    def test_order(self):
        """
        It keeps its place among what is sent otherwise.
        """
        server = makeConnection(Role.SERVER)
        prepared = PreparedMessage(bytes(5000))
        server.sendText("a")
        server.sendPrepared(prepared)
        server.sendPing(b"b")
        server.sendPrepared(prepared)
        self.assertEqual(
            [sent.opcode for sent in sentFrames(server)], [TEXT, BINARY, PING, BINARY]
        )

    def test_wholeFrames(self):
        """
        A large one is fetched whole, or not at all.
        """
        server = makeConnection(Role.SERVER)
        prepared = PreparedMessage(bytes(5000))
        server.sendPrepared(prepared)
        server.sendPrepared(prepared)
        (found,) = readFrames(b"".join(server.dataToSend(100)))
        self.assertEqual(found, Frame(BINARY, bytes(5000)))
        self.assertEqual(server.pendingSize, 5004)

    def test_pongs(self):
        """
        Pongs that coalesce leave it alone.
        """
        server = makeConnection(Role.SERVER)
        server.isCongested = True
        server.sendPong(b"1")
        server.sendPrepared(PreparedMessage("a"))
        server.sendPong(b"2")
        server.sendPong(b"3")
        self.assertEqual(
            sentFrames(server),
            [Frame(PONG, b"1"), Frame(TEXT, b"a"), Frame(PONG, b"3")],
        )

    def test_masked(self):
        """
        A client masks it, each time with a new key.
        """
        keys = [KEY, b"\1\2\3\4"]
        client = makeConnection(Role.CLIENT, generateKey=keys.pop)
        prepared = PreparedMessage("abc")
        client.sendPrepared(prepared)
        client.sendPrepared(prepared)
        first, second = client.dataToSend()
        self.assertNotEqual(first, second)
        self.assertEqual(readFrames(first + second), [Frame(TEXT, b"abc")] * 2)

    def test_fragments(self):
        """
        A connection that sends in fragments does so with this, too.
        """
        server = makeConnection(Role.SERVER, fragmentSize=2)
        server.sendPrepared(PreparedMessage("abc"))
        server.sendPrepared(PreparedMessage("ab"))
        self.assertEqual(
            sentFrames(server),
            [
                Frame(TEXT, b"ab", isFinal=False),
                Frame(CONTINUATION, b"c"),
                Frame(TEXT, b"ab"),
            ],
        )

    def test_observer(self):
        """
        The observer of a connection sees it.
        """
        for role, fragmentSize in product(Role, (None, 1)):
            seen = []
            connection = makeConnection(
                role,
                fragmentSize=fragmentSize,
                observer=lambda direction, sent, seen=seen: seen.append(
                    (direction, sent)
                ),
            )
            connection.sendPrepared(PreparedMessage(b"a"))
            self.assertEqual(seen, [(Direction.SENT, Frame(BINARY, b"a"))])

    def test_closed(self):
        """
        After a Close it cannot be sent.
        """
        for role in Role:
            connection = makeConnection(role)
            connection.sendClose()
            sentBytes(connection)
            self.assertRaises(
                ConnectionStateError, connection.sendPrepared, PreparedMessage("a")
            )
            self.assertEqual(connection.dataToSend(), [])

    def test_misuse(self):
        """
        What cannot be sent cannot be prepared, and what is not prepared cannot
        be sent so.
        """
        self.assertRaises(UnicodeEncodeError, PreparedMessage, "\ud800")
        for nothing in (5, None, ["a"]):
            error = self.assertRaises(TypeError, PreparedMessage, nothing)
            self.assertIn(type(nothing).__name__, str(error))
        error = self.assertRaises(
            TypeError, makeConnection(Role.SERVER).sendPrepared, "a"
        )
        self.assertEqual(str(error), "message must be PreparedMessage, not str")


class ExtensionTests(WireTestCase):
    """
    Extensions may say that what they make of a message is the same for many.
    """

    def setUp(self) -> None:
        """
        Count from zero.
        """
        self.patch(Rotation, "encoded", 0)

    def test_interface(self):
        """
        An extension that shares is an extension.
        """
        for extension in (Rotation(1), Reversal()):
            verifyObject(IShareableExtension, extension)

    def test_encodedOnce(self):
        """
        It is encoded once for all connections that have agreed on the same.
        """
        prepared = PreparedMessage(b"abc")
        for _ in range(3):
            for distance in (1, 2):
                server = makeConnection(Role.SERVER, extensions=[Rotation(distance)])
                server.sendPrepared(prepared)
                (sent,) = sentFrames(server)
                self.assertEqual(sent.rsv, RSV1)
                self.assertEqual(sent.payload[0], ord("a") + distance)
        self.assertEqual(Rotation.encoded, 2)

    def test_observer(self):
        """
        The observer sees what is sent, encoded.
        """
        prepared = PreparedMessage(b"a")
        for _ in range(2):
            seen = []
            server = makeConnection(
                Role.SERVER,
                extensions=[Rotation(1)],
                observer=lambda direction, sent, seen=seen: seen.append(sent),
            )
            server.sendPrepared(prepared)
            self.assertEqual(seen, [Frame(BINARY, b"b", rsv=RSV1)])

    def test_several(self):
        """
        Those of one connection count together, in their order; equal keys of
        different extensions are not taken for each other.
        """
        chains = (
            ([], b"ab", 0),
            ([Rotation(1)], b"bc", RSV1),
            ([Reversal()], b"ba|", RSV2),
            ([Rotation(1), Reversal()], b"cb|", RSV1 | RSV2),
            ([Reversal(), Rotation(1)], b"cb}", RSV1 | RSV2),
        )
        prepared = PreparedMessage("ab")
        for chain, payload, rsv in chains * 2:
            server = makeConnection(Role.SERVER, extensions=chain)
            server.sendPrepared(prepared)
            self.assertEqual(sentFrames(server), [Frame(TEXT, payload, rsv=rsv)])
        self.assertEqual(Rotation.encoded, 3)

    def test_notShared(self):
        """
        If one of them has a state of its own, each connection encodes by
        itself: what says nothing about sharing, and what says that it does
        not.
        """
        for extension in (Stream, Mirror, lambda: Rotation(1, isShared=False)):
            chain = [Reversal(), extension()]
            self.assertIsNone(sharingKeyOf(chain))
            server, client = (
                makeConnection(role, extensions=[extension()])
                for role in (Role.SERVER, Role.CLIENT)
            )
            prepared = PreparedMessage("abc")
            server.sendPrepared(prepared)
            server.sendPrepared(prepared)
            _, received = exchange(server, client)
            self.assertEqual(received, [TextMessageReceived("abc")] * 2)
        self.assertEqual(Rotation.encoded, 2)

    def test_clients(self):
        """
        Clients mask what an extension has encoded for themselves alone.
        """
        client, server = (
            makeConnection(role, extensions=[Rotation(1)])
            for role in (Role.CLIENT, Role.SERVER)
        )
        prepared = PreparedMessage(b"abc")
        client.sendPrepared(prepared)
        server.sendPrepared(prepared)
        self.assertEqual(
            exchange(client, server),
            ([BytesMessageReceived(b"abc")], [BytesMessageReceived(b"abc")]),
        )


class CompressionTests(WireTestCase):
    """
    A message to many is compressed once for all who agreed on the same.
    """

    text = "Hello, world. " * 20

    def setUp(self) -> None:
        """
        Count what is compressed.
        """
        self.compressed: list[bytes] = []
        deflate = Deflater.deflate

        def count(deflater: Deflater, data: bytes, isFinal: bool) -> bytes:
            self.compressed.append(data)
            return deflate(deflater, data, isFinal)

        self.patch(Deflater, "deflate", count)

    def server(self, *offer: tuple[str, str | None], **settings) -> Connection:
        """
        Make a server that has accepted an offer.
        """
        accepted = PerMessageDeflate().accept(offer, None)
        assert accepted is not None
        return makeConnection(Role.SERVER, extensions=[accepted[1]], **settings)

    def alone(self, bits: int, **settings) -> Connection:
        """
        Make a server whose client wants no message to look back into another.
        """
        return self.server(
            ("server_no_context_takeover", None),
            ("server_max_window_bits", str(bits)),
            **settings,
        )

    def test_compressedOnce(self):
        """
        Connections that do not look back share what is compressed with the same
        parameters; whatever the client was asked for has no part in it.
        """
        servers = [self.alone(bits) for bits in (9, 10, 12) * 20]
        servers.append(
            self.server(
                ("server_no_context_takeover", None),
                ("client_max_window_bits", "9"),
                ("client_no_context_takeover", None),
            )
        )
        for number in range(1, 4):
            prepared = PreparedMessage(self.text)
            written = []
            for server in servers:
                server.sendPrepared(prepared)
                written.append(server.dataToSend()[0])
            self.assertEqual(len(self.compressed), 3 * number)
            self.assertEqual(len({id(each) for each in written}), 3)
            for each in written:
                (sent,) = readFrames(each)
                self.assertEqual(sent.rsv, RSV1)
                self.assertEqual(decompress(sent.payload), [self.text.encode()])

    def test_lookingBack(self):
        """
        Connections that look back compress it by themselves, each with what it
        has sent before, and so do clients.
        """
        client = PerMessageDeflate(contextTakeover=False).confirm((), None)
        connections = [self.server(), self.server()]
        connections.append(makeConnection(Role.CLIENT, extensions=[client]))
        first = self.text.replace("world", "reader")
        connections[0].sendText(first)
        before = sentFrames(connections[0])[0].payload
        prepared = PreparedMessage(self.text)
        for connection in connections:
            connection.sendPrepared(prepared)
        self.assertEqual(self.compressed[1:], [self.text.encode()] * 3)
        later, fresh, masked = (sentFrames(each)[0].payload for each in connections)
        self.assertLess(len(later), len(fresh))
        self.assertEqual(
            decompress(before, later), [first.encode(), self.text.encode()]
        )
        for payload in (fresh, masked):
            self.assertEqual(decompress(payload), [self.text.encode()])

    def test_fragments(self):
        """
        What is larger when it is compressed is sent in fragments, if it exceeds
        their size only then.
        """
        data = Random(1).randbytes(1000)
        server = self.alone(10, fragmentSize=len(data))
        server.sendPrepared(PreparedMessage(data))
        frames = sentFrames(server)
        self.assertEqual(
            [(opcode, isFinal, rsv) for opcode, _payload, isFinal, rsv in frames],
            [(BINARY, False, RSV1), (CONTINUATION, True, 0)],
        )
        payloads = [sent.payload for sent in frames]
        self.assertEqual(len(payloads[0]), len(data))
        self.assertEqual(decompress(b"".join(payloads)), [data])

    def test_fragmentsShared(self):
        """
        What is sent in fragments is compressed once, too; what is not is the same
        bytes for all.
        """
        for size in (5, 1000):
            self.compressed.clear()
            prepared = PreparedMessage(self.text)
            servers = [self.alone(10, fragmentSize=size) for _ in range(3)]
            written = []
            for server in servers:
                server.sendPrepared(prepared)
                written.append(server.dataToSend())
            self.assertEqual(len(self.compressed), 1)
            self.assertEqual(
                len({id(pieces[0]) for pieces in written}), 1 if size == 1000 else 3
            )
            for pieces in written:
                sent = readFrames(b"".join(pieces))
                payload = b"".join(each.payload for each in sent)
                self.assertEqual(decompress(payload), [self.text.encode()])
                self.assertLessEqual(max(len(each.payload) for each in sent), size)

    def test_choice(self):
        """
        Short messages are not compressed, long ones are, unless it was said
        otherwise when the message was made; on all connections alike.
        """
        client = PerMessageDeflate().confirm((), None)
        for make, isPlain in (
            (lambda: makeConnection(Role.SERVER), True),
            (lambda: self.alone(10), False),
            (lambda: self.alone(10, fragmentSize=5), False),
            (self.server, False),
            (lambda: makeConnection(Role.CLIENT, extensions=[client]), False),
        ):
            for text, compress, rsv in (
                ("short", None, 0),
                ("short", True, RSV1),
                ("", True, RSV1),
                (self.text, None, RSV1),
                (self.text, False, 0),
            ):
                connection = make()
                prepared = PreparedMessage(text, compress)
                self.assertIs(prepared.compress, compress)
                connection.sendPrepared(prepared)
                first, *others = sentFrames(connection)
                self.assertEqual(first.rsv, 0 if isPlain else rsv, (text, compress))
                payload = b"".join(each.payload for each in (first, *others))
                if first.rsv:
                    (payload,) = decompress(payload)
                self.assertEqual(payload, text.encode())

    def test_together(self):
        """
        What is shared keeps its place among messages that are not, and whoever
        has context takeover goes on looking back.
        """
        for make in (self.server, lambda: self.alone(12)):
            connection = make()
            prepared = PreparedMessage(self.text)
            connection.sendText(self.text)
            connection.sendPrepared(prepared)
            connection.release()
            connection.sendPrepared(prepared)
            connection.sendText(self.text)
            payloads = [sent.payload for sent in sentFrames(connection)]
            self.assertEqual(decompress(*payloads), [self.text.encode()] * 4)
