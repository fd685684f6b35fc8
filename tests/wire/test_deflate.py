"""
Tests for L{txws.wire.deflate}.
"""

from __future__ import annotations

import tracemalloc
from itertools import product
from random import Random
from typing import Any

from zope.interface.verify import verifyObject

from txws.wire.codes import CloseCode, Opcode
from txws.wire.connection import Connection
from txws.wire.deflate import PRESETS, PerMessageDeflate
from txws.wire.errors import (
    BadCompression,
    BadFrame,
    BadPayload,
    HandshakeRefused,
    MessageTooBig,
)
from txws.wire.events import (
    BytesFragmentReceived,
    BytesMessageReceived,
    PingReceived,
    TextMessageReceived,
)
from txws.wire.extensions import (
    ExtensionOffer,
    IExtension,
    IExtensionFactory,
    IReleasable,
    acceptExtensions,
    confirmExtensions,
)
from txws.wire.frames import RSV1, Frame
from txws.wire.handshake import parseExtensions, serializeExtensions
from txws.wire.states import Role

from .assertions import WireTestCase
from .ciphers import Signature
from .streams import HELLO, HELLO_AGAIN, bomb, compress, decompress
from .tables import dribble, makeConnection, peerFrame, receive, sentBytes, sentFrames

MIB = 1 << 20

# Settings that make no demands.
OPEN = PerMessageDeflate.preset("best", level=6)
TEXT = "Hello, world. " * 20
TENS = "; server_max_window_bits=10; client_max_window_bits=10"


def parse(header: str) -> list[ExtensionOffer]:
    """
    Parse the parameters of offers of the extension.
    """
    return parseExtensions([f"permessage-deflate{header}"])


def accept(factory: PerMessageDeflate, header: str) -> str | None:
    """
    Offer the extension to a server.

    @return: the parameters of its answer, or L{None} if it declines.
    """
    answers, extensions = acceptExtensions(parse(header), [factory], None)
    if not answers:
        return None
    (extension,) = extensions
    assert verifyObject(IExtension, extension)
    return serializeExtensions(answers).removeprefix("permessage-deflate")


def makePair(
    server: PerMessageDeflate, client: PerMessageDeflate, **settings
) -> dict[Role, Connection]:
    """
    Negotiate, and make both sides of a connection.
    """
    limit = settings.get("maxMessageSize")
    offers = [ExtensionOffer(client.name, offer) for offer in client.offers()]
    answers, atServer = acceptExtensions(offers, [server], limit)
    atClient = confirmExtensions(answers, [client], limit)
    return {
        Role.SERVER: makeConnection(Role.SERVER, extensions=atServer, **settings),
        Role.CLIENT: makeConnection(Role.CLIENT, extensions=atClient, **settings),
    }


def makeOne(
    factory: PerMessageDeflate = OPEN, header: str = "", **settings
) -> tuple[Connection, Any]:
    """
    Make a server that has accepted an offer, and its extension.
    """
    limit = settings.get("maxMessageSize")
    _, extensions = acceptExtensions(parse(header), [factory], limit)
    return makeConnection(Role.SERVER, extensions=extensions, **settings), extensions[0]


def deflated(
    payload: bytes,
    opcode: Opcode = Opcode.TEXT,
    isFinal: bool = True,
    rsv: int = RSV1,
) -> bytes:
    """
    Make a frame as a client sends it to a server.
    """
    return peerFrame(Role.SERVER, opcode, payload, isFinal, rsv)


class SettingsTests(WireTestCase):
    """
    Settings are checked, and have names.
    """

    def test_interfaces(self):
        """
        They provide L{IExtensionFactory}, and what they make L{IExtension} and
        L{IReleasable}.
        """
        self.assertTrue(verifyObject(IExtensionFactory, PerMessageDeflate()))
        _, extension = makeOne()
        self.assertTrue(verifyObject(IExtension, extension))
        self.assertTrue(verifyObject(IReleasable, extension))

    def test_presets(self):
        """
        C{balanced} is the default, C{low} keeps nothing between messages,
        C{best} spares nothing; what is said besides counts more.
        """
        self.assertEqual(list(PRESETS), ["low", "balanced", "best"])
        self.assertEqual(PerMessageDeflate.preset("balanced"), PerMessageDeflate())
        low = PerMessageDeflate.preset("low", threshold=7)
        self.assertEqual((low.contextTakeover, low.threshold), (False, 7))
        self.assertEqual(PerMessageDeflate.preset("best").windowBits, 15)

    def test_unknownPreset(self):
        """
        Other names are refused.
        """
        wrong: tuple[Any, ...] = ("huge", None, ["low"])
        for name in wrong:
            with self.assertRaises(ValueError) as caught:
                PerMessageDeflate.preset(name)
            self.assertEqual(
                str(caught.exception),
                f"compression must be one of low, balanced, best, not {name!r}",
            )

    def test_nonsense(self):
        """
        Settings that make no sense are refused, and named.
        """
        wrong: dict[str, tuple[Any, ...]] = {
            "windowBits": (7, 16, 9.5, "9", None, True),
            "peerWindowBits": (7, 16),
            "level": (-2, 10),
            "memoryLevel": (0, 10),
            "threshold": (-1, None),
            "contextTakeover": ("no", 1, None),
            "peerContextTakeover": (0,),
            "isStrict": ("yes",),
        }
        for setting, values in wrong.items():
            for value in values:
                with self.assertRaises(ValueError) as caught:
                    PerMessageDeflate(**{setting: value})
                said = str(caught.exception)
                self.assertTrue(said.startswith(f"{setting} must be "), said)
                self.assertTrue(said.endswith(f"not {value!r}"), said)


class AcceptTests(WireTestCase):
    """
    A server answers the offers of clients, RFC 7692 section 7.1.
    """

    def test_open(self):
        """
        A server without demands answers what it was asked for.
        """
        for offer, answer in (
            ("", ""),
            ("; client_max_window_bits", ""),
            ("; client_max_window_bits=15", ""),
            ("; client_max_window_bits=10", "; client_max_window_bits=10"),
            ("; client_max_window_bits=8", "; client_max_window_bits=8"),
            ("; server_max_window_bits=15", "; server_max_window_bits=15"),
            ("; server_max_window_bits=8", "; server_max_window_bits=8"),
            ('; server_max_window_bits="9"', "; server_max_window_bits=9"),
            ("; server_no_context_takeover", "; server_no_context_takeover"),
            ("; client_no_context_takeover", "; client_no_context_takeover"),
        ):
            self.assertEqual(accept(OPEN, offer), answer, offer)

    def test_demands(self):
        """
        A server asks for what it wants where it may, and keeps to it itself.
        """
        balanced, low = PerMessageDeflate(), PerMessageDeflate.preset("low")
        for factory, offer, answer in (
            (balanced, "", "; server_max_window_bits=12"),
            (
                balanced,
                "; client_max_window_bits",
                "; server_max_window_bits=12; client_max_window_bits=12",
            ),
            (
                balanced,
                "; client_max_window_bits=9; server_max_window_bits=14",
                "; server_max_window_bits=12; client_max_window_bits=9",
            ),
            (
                balanced,
                "; client_max_window_bits=14; server_max_window_bits=8",
                "; server_max_window_bits=8; client_max_window_bits=12",
            ),
            (
                low,
                "; client_max_window_bits",
                f"; server_no_context_takeover; client_no_context_takeover{TENS}",
            ),
        ):
            self.assertEqual(accept(factory, offer), answer, offer)

    def test_strict(self):
        """
        A strict server declines offers that do not let it limit the client.
        """
        strict = PerMessageDeflate(isStrict=True)
        self.assertIsNone(accept(strict, ""))
        self.assertIsNotNone(accept(strict, "; client_max_window_bits"))
        self.assertEqual(
            accept(PerMessageDeflate.preset("best", isStrict=True), ""), ""
        )

    def test_declined(self):
        """
        Offers that are not valid are declined.
        """
        for offer in (
            "; unknown",
            "; server_max_window_bits",
            "; server_max_window_bits=7",
            "; server_max_window_bits=16",
            "; server_max_window_bits=010",
            "; client_max_window_bits=7",
            "; client_max_window_bits=16",
            "; client_max_window_bits=x",
            "; server_no_context_takeover=1",
            "; client_no_context_takeover=true",
            "; server_no_context_takeover; server_no_context_takeover",
            "; client_max_window_bits; client_max_window_bits=9",
            "; server_max_window_bits=9; server_max_window_bits=9",
        ):
            self.assertIsNone(accept(OPEN, offer), offer)

    def test_fallback(self):
        """
        Of several offers the first valid one is answered.
        """
        self.assertEqual(
            accept(
                OPEN,
                "; unknown, permessage-deflate; server_max_window_bits=7,"
                " permessage-deflate; server_max_window_bits=9, permessage-deflate",
            ),
            "; server_max_window_bits=9",
        )


class OfferTests(WireTestCase):
    """
    A client offers the extension, and checks the answer.
    """

    def test_offers(self):
        """
        It offers what it wants and, unless it is strict, whatever the server
        likes.
        """
        unconditional = [("client_max_window_bits", None)]
        balanced = [("server_max_window_bits", "12"), ("client_max_window_bits", "12")]
        self.assertEqual(OPEN.offers(), [unconditional])
        self.assertEqual(PerMessageDeflate().offers(), [balanced, unconditional])
        self.assertEqual(PerMessageDeflate(isStrict=True).offers(), [balanced])
        self.assertEqual(
            PerMessageDeflate.preset("low").offers()[0],
            [
                ("server_no_context_takeover", None),
                ("client_no_context_takeover", None),
                ("server_max_window_bits", "10"),
                ("client_max_window_bits", "10"),
            ],
        )

    def test_confirmed(self):
        """
        Answers that accept an offer are confirmed.
        """
        strict = PerMessageDeflate(isStrict=True)
        forgetful = PerMessageDeflate.preset("low", isStrict=True)
        for factory, answer in (
            (OPEN, ""),
            (OPEN, "; server_max_window_bits=9"),
            (OPEN, "; server_no_context_takeover; client_no_context_takeover"),
            (OPEN, "; client_max_window_bits=15"),
            (OPEN, "; client_max_window_bits=8"),
            (PerMessageDeflate(), ""),
            (PerMessageDeflate(), "; client_max_window_bits=15"),
            (strict, "; server_max_window_bits=12"),
            (strict, "; server_max_window_bits=8; client_max_window_bits=12"),
            (forgetful, "; server_no_context_takeover; server_max_window_bits=10"),
        ):
            (offer,) = parse(answer)
            extension = factory.confirm(offer.parameters, None)
            self.assertTrue(verifyObject(IExtension, extension))

    def test_refused(self):
        """
        Answers that accept no offer, or are not valid, are refused.
        """
        strict = PerMessageDeflate(isStrict=True)
        forgetful = PerMessageDeflate.preset("low", isStrict=True)
        wrong = "the server answers permessage-deflate as it was not offered"
        for factory, answer, explanation in (
            (strict, "", wrong),
            (strict, "; server_max_window_bits=13", wrong),
            (strict, "; server_max_window_bits=12; client_max_window_bits=13", wrong),
            (forgetful, "; server_max_window_bits=10", wrong),
            (OPEN, "; unknown", "unknown is unknown"),
            (OPEN, "; server_max_window_bits", "None is no size of a window"),
            (OPEN, "; client_max_window_bits", "None is no size of a window"),
            (OPEN, "; client_max_window_bits=16", "'16' is no size of a window"),
            (OPEN, "; server_max_window_bits=7", "'7' is no size of a window"),
            (
                OPEN,
                "; server_no_context_takeover=0",
                "server_no_context_takeover has a value",
            ),
            (
                OPEN,
                "; client_no_context_takeover; client_no_context_takeover",
                "client_no_context_takeover comes twice",
            ),
        ):
            (offer,) = parse(answer)
            invalid = f"the server answers permessage-deflate: {explanation}"
            self.assertAnswerRefused(
                wrong if explanation is wrong else invalid,
                factory.confirm,
                offer.parameters,
                None,
            )

    def test_ownLimits(self):
        """
        A client keeps to its own settings, also if a server allows more.
        """
        factory = PerMessageDeflate(windowBits=9, contextTakeover=False)
        extension = factory.confirm((), None)
        data = bytes(range(256)) * 8
        for _ in range(2):
            payload = extension.encode(Frame(Opcode.BINARY, data)).payload
            self.assertEqual(decompress(payload, windowBits=9), [data])

    def test_everyPair(self):
        """
        Any server and any client that know the extension agree, and understand
        each other.
        """
        choices = [
            PerMessageDeflate(*each)
            for each in product((8, 12, 15), (9, 15), (True, False), (True, False))
        ]
        for server, client in product(choices, choices):
            pair = makePair(server, client)
            for sender, receiver in (tuple(Role), tuple(Role)[::-1]) * 2:
                pair[sender].sendText(TEXT)
                self.assertEqual(
                    receive(pair[receiver], sentBytes(pair[sender])),
                    [TextMessageReceived(TEXT)],
                )


class SendingTests(WireTestCase):
    """
    What is sent is compressed if it is worth it.
    """

    def test_message(self):
        """
        A message is one frame with RSV1 set; the second looks back to the
        first.
        """
        server, _ = makeOne()
        server.sendText(TEXT)
        server.sendBytes(TEXT.encode())
        first, second = sentFrames(server)
        self.assertEqual((first.opcode, first.rsv), (Opcode.TEXT, RSV1))
        self.assertEqual((second.opcode, second.rsv), (Opcode.BINARY, RSV1))
        self.assertEqual(decompress(first.payload, second.payload), [TEXT.encode()] * 2)
        self.assertLess(len(second.payload), len(first.payload))

    def test_threshold(self):
        """
        Messages of fewer bytes than the threshold are sent as they are.
        """
        server, _ = makeOne()
        for size, rsv in ((0, 0), (1, 0), (127, 0), (128, RSV1)):
            server.sendBytes(bytes(size))
            (sent,) = sentFrames(server)
            self.assertEqual(sent.rsv, rsv, size)

    def test_choice(self):
        """
        For each message it may be said that it is to be compressed, or that it
        is not.
        """
        server, _ = makeOne()
        for size in (0, 5, 1000):
            for compressed, rsv in ((True, RSV1), (False, 0)):
                server.sendText("a" * size, compress=compressed)
                server.sendBytes(b"b" * size, compress=compressed)
                server.sendTextFragment("c" * size, compress=compressed)
                server.sendTextFragment("d", True)
                server.sendBytesFragment(b"c" * size, compress=compressed)
                server.finishMessage()
                self.assertEqual(
                    [sent.rsv for sent in sentFrames(server)],
                    [rsv, rsv, rsv, 0, rsv, 0],
                )

    def test_withoutExtension(self):
        """
        Where nothing was negotiated, the choice has no effect.
        """
        server = makeConnection(Role.SERVER)
        server.sendText("a" * 1000, compress=True)
        self.assertEqual(sentFrames(server), [Frame(Opcode.TEXT, b"a" * 1000)])

    def test_stream(self):
        """
        A message that is sent in fragments is compressed as one, and each
        fragment can be read when it arrives.
        """
        server, _ = makeOne()
        for text in (TEXT, "", TEXT):
            server.sendTextFragment(text)
        server.finishMessage()
        frames = sentFrames(server)
        self.assertEqual([sent.rsv for sent in frames], [RSV1, 0, 0, 0])
        payloads = [sent.payload for sent in frames]
        self.assertLess(len(payloads[2]), len(payloads[0]))
        self.assertEqual(decompress(b"".join(payloads)), [(TEXT * 2).encode()])
        self.assertEqual(
            decompress(payloads[0].removesuffix(b"\x00\x00\xff\xff")), [TEXT.encode()]
        )

    def test_fragments(self):
        """
        Long messages are compressed before they are cut.
        """
        server, _ = makeOne(fragmentSize=10)
        server.sendText(TEXT)
        frames = sentFrames(server)
        self.assertGreater(len(frames), 1)
        self.assertLessEqual(max(len(sent.payload) for sent in frames), 10)
        self.assertEqual([sent.rsv for sent in frames[:2]], [RSV1, 0])
        payload = b"".join(sent.payload for sent in frames)
        self.assertEqual(decompress(payload), [TEXT.encode()])

    def test_controlFrames(self):
        """
        Control frames are left alone, also between fragments.
        """
        server, _ = makeOne()
        server.sendTextFragment(TEXT)
        server.sendPing(bytes(125))
        server.sendClose(1000, "a" * 123)
        self.assertEqual([sent.rsv for sent in sentFrames(server)], [RSV1, 0, 0])

    def test_release(self):
        """
        A connection gives memory back when it is told to, also in the middle of
        a message, and goes on; extensions that have none are not asked.
        """
        server, extension = makeOne()
        both = makeConnection(
            Role.SERVER, extensions=[extension, Signature(b"x")], fragmentSize=10**6
        )
        messages = []
        for connection in (server, server, both):
            tracemalloc.start()
            connection.sendText(TEXT, compress=True)
            messages.append(sentFrames(connection)[0].payload)
            before = tracemalloc.get_traced_memory()[0]
            connection.release()
            freed = before - tracemalloc.get_traced_memory()[0]
            tracemalloc.stop()
            self.assertGreater(freed, 100_000)
        self.assertEqual(messages[0], messages[1])
        self.assertEqual(decompress(*messages[:2]), [TEXT.encode()] * 2)

    def test_noMemory(self):
        """
        Without context takeover nothing is kept between messages, and before
        the first message nothing is there at all.
        """
        server, _ = makeOne(PerMessageDeflate.preset("low"))
        data = deflated(compress(TEXT.encode(), windowBits=10))
        for _ in range(3):
            tracemalloc.start()
            before = tracemalloc.get_traced_memory()[0]
            server.sendText(TEXT)
            sentFrames(server)
            receive(server, data)
            kept = tracemalloc.get_traced_memory()[0] - before
            tracemalloc.stop()
        self.assertLess(kept, 2000)

    def test_sharingKey(self):
        """
        Messages may be shared by connections that compress alike and do not
        look back, and by those alone.
        """
        forgetful = "; server_no_context_takeover"
        _, keeping = makeOne()
        _, one = makeOne(header=forgetful)
        _, other = makeOne(header=forgetful + "; client_max_window_bits=9")
        _, smaller = makeOne(header=forgetful + "; server_max_window_bits=9")
        self.assertIsNone(keeping.sharingKey)
        self.assertIsNotNone(one.sharingKey)
        self.assertEqual(one.sharingKey, other.sharingKey)
        self.assertEqual(hash(one.sharingKey), hash(other.sharingKey))
        self.assertNotEqual(one.sharingKey, smaller.sharingKey)
        for text in (TEXT, "short"):
            frame = Frame(Opcode.TEXT, text.encode())
            one.encode(Frame(Opcode.TEXT, b"before" * 99))
            self.assertEqual(one.encode(frame), other.encode(frame))


class ReceivingTests(WireTestCase):
    """
    What is received is inflated, within limits.
    """

    def test_examples(self):
        """
        The examples of RFC 7692 section 7.2.3 are received, in a frame or in
        fragments, with a Ping in between, and one without compression.
        """
        data = (
            deflated(HELLO)
            + deflated(HELLO_AGAIN[:2], isFinal=False)
            + peerFrame(Role.SERVER, Opcode.PING, b"?")
            + deflated(HELLO_AGAIN[2:], Opcode.CONTINUATION, rsv=0)
            + deflated(b"Hello", rsv=0)
            + deflated(HELLO_AGAIN, Opcode.BINARY)
        )
        for pieces in ([data], dribble(data)):
            server, _ = makeOne()
            self.assertEqual(
                receive(server, *pieces),
                [
                    TextMessageReceived("Hello"),
                    PingReceived(b"?"),
                    TextMessageReceived("Hello"),
                    TextMessageReceived("Hello"),
                    BytesMessageReceived(b"Hello"),
                ],
            )

    def test_reservedBits(self):
        """
        RSV1 may be set on the first frame of a message alone, RFC 7692 section
        6.1.
        """
        first = deflated(HELLO[:2], isFinal=False)
        for data in (
            first + deflated(HELLO[2:], Opcode.CONTINUATION),
            first + deflated(b"", Opcode.PING),
            deflated(HELLO, rsv=RSV1 | 0x20),
        ):
            server, _ = makeOne()
            events = receive(server, data)
            self.assertIs(type(events[-1].violation), BadFrame)
            self.assertFailed(server, CloseCode.PROTOCOL_ERROR)

    def test_corrupt(self):
        """
        Data that cannot be inflated fails the connection with 1007: its frames
        are well-formed, but not what is in them.
        """
        server, _ = makeOne()
        (event,) = receive(server, deflated(b"\xff\xff\xff"))
        self.assertIs(type(event.violation), BadCompression)
        self.assertFailed(server, CloseCode.INVALID_PAYLOAD_DATA)

    def test_badText(self):
        """
        Text fails on its first bad byte, before the rest of the frame has come,
        or of what is in it is inflated.
        """
        text = b"a" * 9 + b"\xff" + bytes(200 * MIB)
        data = deflated(compress(text, level=1))
        server, _ = makeOne()
        tracemalloc.start()
        (event,) = receive(server, data)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        self.assertIs(type(event.violation), BadPayload)
        self.assertIn("at byte 9", event.violation.explanation)
        self.assertLess(peak, MIB + 2 * len(data))

        flushed = compress(text[:10]) + b"\x00\x00\xff\xff"
        server, _ = makeOne()
        (event,) = receive(server, deflated(flushed + bytes(100))[:-100])
        self.assertIs(type(event.violation), BadPayload)

    def test_limit(self):
        """
        A message may have as many bytes as allowed when it is inflated, but not
        one more; also if its bytes cannot be compressed, and are more than that
        on the wire.
        """
        for size in (1, 1000, 100_000):
            good, bad = bytes(size), bytes(size + 1)
            server, _ = makeOne(maxMessageSize=size)
            for level in (0, 9):
                data = deflated(compress(good, level=level), Opcode.BINARY)
                self.assertEqual(receive(server, data), [BytesMessageReceived(good)])
            (event,) = receive(server, deflated(compress(bad), Opcode.BINARY))
            self.assertIs(type(event.violation), MessageTooBig)
            self.assertFailed(server, CloseCode.MESSAGE_TOO_BIG)

    def test_limitOfFragments(self):
        """
        So it may if it comes in fragments, each of which takes some bytes to say
        that it can be inflated at once.
        """
        for size in (1, 10, 100):
            data = Random(size).randbytes(3000)
            server, _ = makeOne(maxMessageSize=len(data))
            client, _ = makeOne()
            for start in range(0, len(data), size):
                client.sendBytesFragment(
                    data[start : start + size], start + size == len(data)
                )
            frames = sentFrames(client)
            self.assertEqual(len(frames), len(data) // size)
            events = receive(
                server,
                *(
                    deflated(each.payload, each.opcode, each.isFinal, each.rsv)
                    for each in frames
                ),
            )
            self.assertEqual(events, [BytesMessageReceived(data)], size)

    def test_limitOnTheWire(self):
        """
        What cannot be within the limit is refused by its header, whether it is
        one frame or many.
        """
        stored = compress(bytes(1800), level=0)
        for data in (
            deflated(bytes(2000), Opcode.BINARY)[:8],
            deflated(stored[:900], Opcode.BINARY, isFinal=False)
            + deflated(stored[900:], Opcode.CONTINUATION, rsv=0)[:8],
            deflated(bytes(1001), Opcode.BINARY, rsv=0)[:8],
        ):
            server, _ = makeOne(maxMessageSize=1000)
            (event,) = receive(server, data)
            self.assertIs(type(event.violation), MessageTooBig)

    def test_bombs(self):
        """
        200 MB in one frame or over many fragments are refused with 1009, and
        take less than four times the limit.
        """
        payload = bomb(200 * MIB)
        cut = range(0, len(payload), 97)
        frames = [Frame(Opcode.BINARY, payload, True, RSV1)]
        fragments = [
            deflated(
                payload[start : start + 97],
                Opcode.CONTINUATION if start else Opcode.BINARY,
                start == cut[-1],
                0 if start else RSV1,
            )
            for start in cut
        ]
        one = deflated(frames[0].payload, Opcode.BINARY)
        for pieces in ([one], dribble(one[:3000]), fragments, [b"".join(fragments)]):
            for deliversFragments in (False, True):
                server, _ = makeOne(
                    maxMessageSize=MIB, deliversFragments=deliversFragments
                )
                tracemalloc.start()
                for piece in pieces:
                    server.receiveData(piece)
                    while server.nextEvent() is not None:
                        pass
                peak = tracemalloc.get_traced_memory()[1]
                tracemalloc.stop()
                self.assertFailed(server, CloseCode.MESSAGE_TOO_BIG)
                self.assertLess(peak, 4 * MIB)

    def test_level(self):
        """
        A stream of messages that inflate to just under the limit keeps memory
        level.
        """
        server, _ = makeOne(maxMessageSize=MIB)
        data = deflated(compress(bytes(MIB)), Opcode.BINARY)
        peaks = []
        for _ in range(20):
            tracemalloc.start()
            self.assertEqual(len(receive(server, data)), 1)
            peaks.append(tracemalloc.get_traced_memory())
            tracemalloc.stop()
        kept = [kept for kept, peak in peaks[1:]]
        self.assertLess(max(kept), 2000)
        self.assertLess(max(peak for kept, peak in peaks), 4 * MIB)

    def test_parts(self):
        """
        An application that takes messages in parts gets what a frame inflates
        to in parts, too, as it asks for them.
        """
        server, _ = makeOne(deliversFragments=True)
        server.receiveData(deflated(bomb(64 * MIB), Opcode.BINARY))
        tracemalloc.start()
        sizes = []
        while (event := server.nextEvent()) is not None:
            assert isinstance(event, BytesFragmentReceived)
            sizes.append(len(event.data))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        self.assertEqual(sum(sizes), 64 * MIB)
        self.assertLess(peak, MIB)

    def test_lost(self):
        """
        What a frame still holds when the connection ends is not inflated.
        """
        server, _ = makeOne(deliversFragments=True)
        server.receiveData(deflated(bomb(4 * MIB), Opcode.BINARY))
        self.assertIsNotNone(server.nextEvent())
        server.connectionLost()
        self.assertIsNone(server.nextEvent())

    def test_belowFrameExtension(self):
        """
        An extension that works on frames gets those whole that have been
        inflated in parts.
        """
        text = "a" * 300_000
        connections = []
        for role in Role:
            _, deflation = makeOne()
            connections.append(
                makeConnection(role, extensions=[Signature(b"sig"), deflation])
            )
        for sender, receiver in (connections, connections[::-1]):
            for each in (text, "short"):
                sender.sendText(each)
                data = sentBytes(sender)
                self.assertLess(len(data), 2000)
                self.assertEqual(receive(receiver, data), [TextMessageReceived(each)])


class RefusalTests(WireTestCase):
    """
    What is refused is refused as the rest of the wire refuses.
    """

    def test_unlimitedIsNotOffered(self):
        """
        A server's answer with a size for the client is refused by a client that
        has not offered to take one.
        """

        class Fixed(PerMessageDeflate):
            def offers(self):
                return [[]]

        with self.assertRaises(HandshakeRefused):
            Fixed().confirm([("client_max_window_bits", "15")], None)
