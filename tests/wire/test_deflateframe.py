"""
Tests for L{txws.wire.deflateframe}.
"""

from __future__ import annotations

from typing import Any

from zope.interface.verify import verifyObject

from txws.wire.codes import CloseCode, Opcode
from txws.wire.deflate import PerMessageDeflate
from txws.wire.deflateframe import WebkitDeflateFrame
from txws.wire.errors import BadCompression, MessageTooBig
from txws.wire.events import BytesMessageReceived, TextMessageReceived
from txws.wire.extensions import (
    IExtension,
    IExtensionFactory,
    IReleasable,
    acceptExtensions,
    confirmExtensions,
)
from txws.wire.frames import RSV1
from txws.wire.handshake import parseExtensions, serializeExtensions
from txws.wire.states import Role

from .assertions import WireTestCase
from .streams import HELLO, HELLO_AGAIN, bomb, compress, decompress
from .tables import makeConnection, peerFrame, receive, sentBytes, sentFrames, splits

NAME = "x-webkit-deflate-frame"
TEXT = "Hello, world. " * 20


def accept(factory, header=""):
    """
    Offer the extension to a server.

    @return: the parameters of its answer and the extension, or L{None} if it
        declines.
    """
    answers, extensions = acceptExtensions(
        parseExtensions([NAME + header]), [factory], None
    )
    if not answers:
        return None
    return serializeExtensions(answers).removeprefix(NAME), extensions[0]


def makeServer(header="", **settings):
    """
    Make a server that has accepted an offer.
    """
    limit = settings.get("maxMessageSize")
    _, extensions = acceptExtensions(
        parseExtensions([NAME + header]), [WebkitDeflateFrame()], limit
    )
    return makeConnection(Role.SERVER, extensions=extensions, **settings)


def frame(payload, opcode=Opcode.TEXT, isFinal=True, rsv=RSV1):
    """
    Make a frame as a client sends it.
    """
    return peerFrame(Role.SERVER, opcode, payload, isFinal, rsv)


class NegotiationTests(WireTestCase):
    """
    Each side tells the other what to keep to.
    """

    def test_interfaces(self):
        """
        It provides L{IExtensionFactory}, and what it makes L{IExtension} and
        L{IReleasable}.
        """
        self.assertTrue(verifyObject(IExtensionFactory, WebkitDeflateFrame()))
        _, extension = accept(WebkitDeflateFrame())
        self.assertTrue(verifyObject(IExtension, extension))
        self.assertTrue(verifyObject(IReleasable, extension))

    def test_accepted(self):
        """
        Valid offers are answered with what the server demands.
        """
        demanding = WebkitDeflateFrame(peerWindowBits=9, peerContextTakeover=False)
        for offer in ("", "; max_window_bits=8; no_context_takeover"):
            self.assertEqual(accept(WebkitDeflateFrame(), offer)[0], "")
            self.assertEqual(
                accept(demanding, offer)[0], "; max_window_bits=9; no_context_takeover"
            )

    def test_declined(self):
        """
        Others are declined, and refused where they are answers.
        """
        for offer in (
            "; unknown",
            "; max_window_bits",
            "; max_window_bits=7",
            "; no_context_takeover=1",
            "; no_context_takeover; no_context_takeover",
        ):
            self.assertIsNone(accept(WebkitDeflateFrame(), offer), offer)
            answers = parseExtensions([NAME + offer])
            with self.assertRaisesRegex(Exception, f"the server answers {NAME}: "):
                confirmExtensions(answers, [WebkitDeflateFrame()], None)

    def test_besidePerMessageDeflate(self):
        """
        A server that knows both takes what the client prefers, and no more:
        they claim the same bit.
        """
        factories = [PerMessageDeflate(), WebkitDeflateFrame()]
        both = ["permessage-deflate", NAME]
        for names in (both, both[::-1]):
            offers = parseExtensions([", ".join(names)])
            answers, _ = acceptExtensions(offers, factories, None)
            self.assertEqual([answer.name for answer in answers], names[:1])

    def test_nonsense(self):
        """
        Settings that make no sense are refused, and named.
        """
        wrong: dict[str, Any] = {
            "peerWindowBits": 16,
            "level": 10,
            "memoryLevel": 0,
            "threshold": -1,
            "peerContextTakeover": "no",
        }
        for setting, value in wrong.items():
            with self.assertRaisesRegex(ValueError, f"^{setting} must be "):
                WebkitDeflateFrame(**{setting: value})


class FramesTests(WireTestCase):
    """
    Each frame is compressed by itself.
    """

    def test_roundTrip(self):
        """
        A client and a server understand each other, whatever they demand.
        """
        for server, client in (
            (WebkitDeflateFrame(), WebkitDeflateFrame()),
            (
                WebkitDeflateFrame(peerWindowBits=8),
                WebkitDeflateFrame(peerContextTakeover=False),
            ),
        ):
            (offer,) = client.offers()
            accepted = server.accept(offer, None)
            assert accepted is not None
            answer, atServer = accepted
            ends = [
                makeConnection(Role.SERVER, extensions=[atServer], fragmentSize=150),
                makeConnection(Role.CLIENT, extensions=[client.confirm(answer, None)]),
            ]
            for sender, receiver in (ends, ends[::-1]) * 2:
                for text in (TEXT, "short", TEXT):
                    sender.sendText(text)
                    self.assertEqual(
                        receive(receiver, sentBytes(sender)),
                        [TextMessageReceived(text)],
                    )

    def test_sent(self):
        """
        Each frame that is worth it is compressed, and says so; what the client
        demands is kept to.
        """
        server = makeServer("; no_context_takeover", fragmentSize=150)
        server.sendText(TEXT)
        server.sendText(TEXT, compress=False)
        server.sendText("a", compress=True)
        frames = sentFrames(server)
        self.assertEqual([sent.rsv for sent in frames], [RSV1, RSV1, 0, 0, RSV1])
        self.assertEqual(decompress(frames[0].payload), [TEXT.encode()[:150]])

    def test_release(self):
        """
        Memory is given back when the connection is told to.
        """
        server = makeServer()
        payloads = []
        for _ in range(2):
            server.sendText(TEXT)
            payloads.append(sentFrames(server)[0].payload)
            server.release()
        self.assertEqual(*payloads)

    def test_received(self):
        """
        Frames come compressed or not, in any order, however they are cut.
        """
        data = (
            frame(HELLO, isFinal=False)
            + frame(b"Hello", Opcode.CONTINUATION, isFinal=False, rsv=0)
            + frame(HELLO_AGAIN, Opcode.CONTINUATION)
            + frame(b"Hello", rsv=0)
        )
        for pieces in splits(data):
            self.assertEqual(
                receive(makeServer(), *pieces),
                [TextMessageReceived("Hello" * 3), TextMessageReceived("Hello")],
            )

    def test_large(self):
        """
        A frame may grow to more than is inflated at a time.
        """
        data = frame(compress(bytes(200_000)), Opcode.BINARY)
        events = receive(makeServer(), data)
        self.assertEqual(events, [BytesMessageReceived(bytes(200_000))])

    def test_refused(self):
        """
        Frames that inflate to too much, alone or together, or to nothing, fail
        the connection.
        """
        half = frame(compress(bytes(600)), Opcode.BINARY, isFinal=False)
        rest = frame(compress(bytes(600)), Opcode.CONTINUATION)
        for data, kind, code in (
            (frame(bomb(1 << 21)[:900]), MessageTooBig, CloseCode.MESSAGE_TOO_BIG),
            (half + rest, MessageTooBig, CloseCode.MESSAGE_TOO_BIG),
            (frame(b"\xff"), BadCompression, CloseCode.INVALID_PAYLOAD_DATA),
        ):
            server = makeServer(maxMessageSize=1000)
            (event,) = receive(server, data)
            self.assertIs(type(event.violation), kind)
            self.assertFailed(server, code)
