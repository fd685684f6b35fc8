"""
Tests for L{txws.wire.extensions}.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

from zope.interface import implementer
from zope.interface.verify import verifyObject

from txws.wire.codes import CloseCode, Opcode
from txws.wire.connection import Connection
from txws.wire.errors import (
    ConnectionStateError,
    ExtensionViolation,
    MessageTooBig,
)
from txws.wire.events import (
    BytesMessageReceived,
    PingReceived,
    TextMessageReceived,
    ViolationReceived,
)
from txws.wire.extensions import (
    ExtensionOffer,
    IExtension,
    IExtensionFactory,
    IReleasable,
    IShareableExtension,
    acceptExtensions,
    confirmExtensions,
)
from txws.wire.frames import RSV1, RSV2, Frame
from txws.wire.prepared import PreparedMessage
from txws.wire.states import ConnectionState, Role

from .assertions import WireTestCase
from .ciphers import CipherFactory, Mirror, Signature, Stream
from .tables import (
    dribble,
    makeConnection,
    peerFrame,
    pendingEvents,
    receive,
    sentBytes,
    sentFrames,
    splits,
)

LEVEL_2 = (("level", "2"),)
LEVEL_3 = (("level", "3"),)


def makeFactories():
    """
    Make a factory for each extension.
    """
    return CipherFactory("stream", Stream), CipherFactory("mirror", Mirror)


class InterfacesTests(WireTestCase):
    """
    The extensions of these tests are what the interfaces ask for, so that
    what is found out with them holds for others.
    """

    def test_extensions(self):
        """
        They provide L{IExtension}.
        """
        for extension in (Stream(), Mirror(), Signature(b"foo")):
            self.assertTrue(verifyObject(IExtension, extension))

    def test_factories(self):
        """
        Their factories provide L{IExtensionFactory}.
        """
        for factory in makeFactories():
            self.assertTrue(verifyObject(IExtensionFactory, factory))


class AcceptTests(WireTestCase):
    """
    A server chooses among a client's offers.
    """

    def test_firstAcceptable(self):
        """
        Of each extension the first offer that the server can accept is
        answered, with the parameters of its factory; unknown ones are passed
        over.
        """
        answers, extensions = acceptExtensions(
            [
                ExtensionOffer("unknown"),
                ExtensionOffer("stream", LEVEL_3),
                ExtensionOffer("stream", LEVEL_2),
                ExtensionOffer("stream", LEVEL_2),
            ],
            makeFactories(),
            None,
        )
        self.assertEqual(answers, [("stream", LEVEL_2)])
        self.assertEqual([type(each) for each in extensions], [Stream])

    def test_order(self):
        """
        The client's order counts, not the server's.
        """
        offers = [ExtensionOffer("mirror", LEVEL_2), ExtensionOffer("stream", LEVEL_2)]
        for factories in (makeFactories(), makeFactories()[::-1]):
            answers, extensions = acceptExtensions(offers, factories, None)
            self.assertEqual(answers, offers)
            self.assertEqual([type(each) for each in extensions], [Mirror, Stream])

    def test_conflict(self):
        """
        An extension whose reserved bit is taken is declined; one that comes
        after it and has its own is not.
        """
        rival = CipherFactory("rival", Stream)
        answers, extensions = acceptExtensions(
            [
                ExtensionOffer("rival", LEVEL_2),
                ExtensionOffer("stream", LEVEL_2),
                ExtensionOffer("mirror", LEVEL_2),
            ],
            [*makeFactories(), rival],
            None,
        )
        self.assertEqual([answer.name for answer in answers], ["rival", "mirror"])
        self.assertEqual([type(each) for each in extensions], [Stream, Mirror])

    def test_noneAcceptable(self):
        """
        Offers that no factory takes leave the connection without extensions.
        """
        declined, unknown = ExtensionOffer("stream", LEVEL_3), ExtensionOffer("zip")
        for offers in ([], [declined], [unknown], [unknown, declined]):
            self.assertEqual(acceptExtensions(offers, makeFactories(), 1), ([], []))

    def test_asksFactories(self):
        """
        A factory is told the parameters and the largest message.
        """
        factories = makeFactories()
        acceptExtensions([ExtensionOffer("mirror", LEVEL_3)], factories, 1000)
        self.assertEqual(factories[0].considered, [])
        self.assertEqual(factories[1].considered, [(LEVEL_3, 1000)])


class ConfirmTests(WireTestCase):
    """
    A client checks what a server says is in use.
    """

    def test_confirmed(self):
        """
        The extensions are in use in the order of the answer.
        """
        factories = makeFactories()
        extensions = confirmExtensions(
            [ExtensionOffer("mirror", LEVEL_2), ExtensionOffer("stream", LEVEL_2)],
            factories,
            1000,
        )
        self.assertEqual([type(each) for each in extensions], [Mirror, Stream])
        self.assertEqual(factories[0].considered, [(LEVEL_2, 1000)])

    def test_none(self):
        """
        A server need not use what it was offered.
        """
        self.assertEqual(confirmExtensions([], makeFactories(), None), [])

    def test_notOffered(self):
        """
        An extension that was not offered is refused.
        """
        self.assertAnswerRefused(
            "the server uses extension 'zip', which was not offered",
            confirmExtensions,
            [ExtensionOffer("zip")],
            makeFactories(),
            None,
        )

    def test_twice(self):
        """
        An extension that is answered twice is refused.
        """
        self.assertAnswerRefused(
            "the server uses extension 'stream', which was not offered",
            confirmExtensions,
            [ExtensionOffer("stream", LEVEL_2)] * 2,
            makeFactories(),
            None,
        )

    def test_conflict(self):
        """
        Extensions that claim the same reserved bit are refused.
        """
        self.assertAnswerRefused(
            "extension 'rival' claims a reserved bit that is taken",
            confirmExtensions,
            [ExtensionOffer("stream", LEVEL_2), ExtensionOffer("rival", LEVEL_2)],
            [*makeFactories(), CipherFactory("rival", Stream)],
            None,
        )

    def test_badParameters(self):
        """
        Parameters that the extension does not allow are refused.
        """
        self.assertAnswerRefused(
            "the server answers stream on a wrong level",
            confirmExtensions,
            [ExtensionOffer("stream", LEVEL_3)],
            makeFactories(),
            None,
        )


class ConstructionTests(WireTestCase):
    """
    Extensions that are in each other's way are refused before they are at work.
    """

    def test_reservedBits(self):
        """
        Two extensions cannot claim the same reserved bit of one connection; any
        number claims none.
        """
        makeConnection(
            Role.SERVER,
            extensions=[Stream(), Mirror(), Signature(b"a"), Signature(b"b")],
        )
        with self.assertRaisesRegex(ValueError, "claims a reserved bit that is taken"):
            makeConnection(Role.SERVER, extensions=[Stream(), Mirror(), Stream()])

    def test_noReservedBits(self):
        """
        Nothing else can be claimed: the first reserved bit is L{RSV1}, not 1,
        which is a part of the opcode.
        """

        class Counting(Stream):
            rsv = 1

        for wrong in (1, 0x80, RSV1 | 2, -1):
            Counting.rsv = wrong
            with self.assertRaisesRegex(ValueError, "claims .*, which is no reserved"):
                makeConnection(Role.SERVER, extensions=[Counting()])


class ExtensionsAtWorkTests(WireTestCase):
    """
    Extensions change the data frames of a connection on their way.
    """

    def test_perMessage(self):
        """
        An extension that works on messages sees all fragments of one; its bit
        is set on the first.
        """
        client = makeConnection(Role.CLIENT, extensions=[Stream()], fragmentSize=2)
        client.sendBytes(b"aaaa")
        client.sendBytes(b"aa")
        self.assertEqual(
            sentFrames(client),
            [
                Frame(Opcode.BINARY, b"ab", isFinal=False, rsv=RSV1),
                Frame(Opcode.CONTINUATION, b"cd"),
                Frame(Opcode.BINARY, b"ab", rsv=RSV1),
            ],
        )

    def test_perFrame(self):
        """
        An extension that works on frames has its bit set on all of them.
        """
        client = makeConnection(Role.CLIENT, extensions=[Mirror()], fragmentSize=2)
        client.sendText("abcd")
        self.assertEqual(
            sentFrames(client),
            [
                Frame(Opcode.TEXT, b"ba|", isFinal=False, rsv=RSV2),
                Frame(Opcode.CONTINUATION, b"dc|", rsv=RSV2),
            ],
        )

    def test_roundTrip(self):
        """
        Each sort of extension, and both together, undo on one side what they
        do on the other, however the bytes are cut.
        """
        for kinds in ([Stream], [Mirror], [Stream, Mirror], [Mirror, Stream]):
            sender = makeConnection(
                Role.CLIENT, extensions=[kind() for kind in kinds], fragmentSize=3
            )
            sender.sendText("Grüße")
            sender.sendPing(b"?")
            sender.sendBytes(b"")
            sender.sendBytes(b"1234567")
            data = sentBytes(sender)
            for pieces in splits(data):
                server = makeConnection(
                    Role.SERVER, extensions=[kind() for kind in kinds]
                )
                self.assertEqual(
                    receive(server, *pieces),
                    [
                        TextMessageReceived("Grüße"),
                        PingReceived(b"?"),
                        BytesMessageReceived(b""),
                        BytesMessageReceived(b"1234567"),
                    ],
                    pieces,
                )

    def test_order(self):
        """
        With C{Sec-WebSocket-Extensions: foo, bar}, what is sent is
        C{bar(foo(data))}, RFC 6455 section 9.1, in both directions.
        """
        extensions = [Signature(b"foo"), Signature(b"bar")]
        for role in Role:
            connection = makeConnection(role, extensions=extensions)
            connection.sendText("data")
            self.assertEqual(
                sentFrames(connection), [Frame(Opcode.TEXT, b"bar(foo(data))")]
            )
            received = peerFrame(role, Opcode.TEXT, b"bar(foo(data))")
            self.assertEqual(
                receive(connection, received), [TextMessageReceived("data")]
            )

    def test_controlFrames(self):
        """
        Control frames pass by the extensions.
        """
        server = makeConnection(Role.SERVER, extensions=[Mirror()])
        ping = peerFrame(Role.SERVER, Opcode.PING, b"ab")
        self.assertEqual(receive(server, ping), [PingReceived(b"ab")])
        server.sendPing(b"cd")
        server.sendClose()
        self.assertEqual(
            [sent.payload for sent in sentFrames(server)], [b"ab", b"cd", b"\x03\xe8"]
        )

    def test_messageWithout(self):
        """
        An extension that works on messages may leave one alone.
        """
        server = makeConnection(Role.SERVER, extensions=[Stream()])
        data = peerFrame(Role.SERVER, Opcode.TEXT, b"aaaa")
        self.assertEqual(receive(server, *dribble(data)), [TextMessageReceived("aaaa")])

    def test_violation(self):
        """
        What an extension does not allow fails the connection.
        """
        server = makeConnection(Role.SERVER, extensions=[Mirror()])
        (event,) = receive(server, peerFrame(Role.SERVER, Opcode.TEXT, b"a|"))
        self.assertIsInstance(event, ViolationReceived)
        self.assertIs(type(event.violation), ExtensionViolation)
        self.assertFailed(server, CloseCode.PROTOCOL_ERROR)

    def test_unclaimedBits(self):
        """
        Bits that the extensions have not claimed, and the bit of a
        per-message extension on a continuation, fail the connection.
        """
        first = peerFrame(Role.SERVER, Opcode.TEXT, b"", isFinal=False, rsv=RSV1)
        for kind, before, opcode, rsv in (
            (Stream, b"", Opcode.TEXT, RSV2),
            (Mirror, b"", Opcode.TEXT, RSV1),
            (Stream, b"", Opcode.PING, RSV1),
            (Mirror, b"", Opcode.PING, RSV2),
            (Stream, first, Opcode.CONTINUATION, RSV1),
        ):
            server = makeConnection(Role.SERVER, extensions=[kind()])
            receive(server, before, peerFrame(Role.SERVER, opcode, b"|", rsv=rsv))
            self.assertFailed(server, CloseCode.PROTOCOL_ERROR, (kind, opcode, rsv))

    def test_growth(self):
        """
        A message that grows beyond the limit when it is decoded is too big.
        """

        class Doubling(Stream):
            def decode(self, frame):
                return [frame._replace(payload=frame.payload * 2)]

        fragment = peerFrame(Role.SERVER, Opcode.BINARY, b"abc", isFinal=False)
        for before, opcode in ((b"", Opcode.BINARY), (fragment, Opcode.CONTINUATION)):
            server = makeConnection(
                Role.SERVER, extensions=[Doubling()], maxMessageSize=7
            )
            data = before + peerFrame(Role.SERVER, opcode, b"abcd")
            (event,) = receive(server, data)
            self.assertIs(type(event.violation), MessageTooBig)
            self.assertFailed(server, CloseCode.MESSAGE_TOO_BIG)


class Broken(Stream):
    """
    An extension with an error in it.
    """

    def __init__(
        self,
        encode: Callable[[Frame], Any] = lambda frame: frame,
        decode: Callable[[Frame], Any] = lambda frame: [frame],
    ) -> None:
        """
        @param encode: what it does to a frame.
        @param decode: what it makes of one.
        """
        self._do = encode
        self._undo = decode

    def encode(self, frame: Frame, compress: bool | None = None) -> Any:
        """
        Do it.
        """
        return self._do(frame)

    def decode(self, frame: Frame) -> Any:
        """
        Undo it.
        """
        return self._undo(frame)


def breakDown(frame: Frame) -> Any:
    """
    Raise, but not for everything.
    """
    if b"good" not in frame.payload:
        raise KeyError("broken")
    return frame


class BrokenExtensionTests(WireTestCase):
    """
    What an extension does wrong ends the connection, and mixes no messages up.
    """

    def test_raisesWhenEncoding(self):
        """
        If an extension raises when a message is sent, in whatever way, whoever
        sends is told, and the connection fails with 1011: others may have worked
        on the message already, and would look back to what the peer never sees.
        """
        sends: dict[str, Callable[[Connection], object]] = {
            "text": lambda server: server.sendText("bad"),
            "bytes": lambda server: server.sendBytes(b"bad"),
            "prepared": lambda server: server.sendPrepared(PreparedMessage("bad")),
            "first": lambda server: server.sendTextFragment("bad"),
            "end": lambda server: server.finishMessage(),
        }
        for name, send in sends.items():
            server = makeConnection(Role.SERVER, extensions=[Broken(breakDown)])
            server.sendTextFragment("good", isFinal=name != "end")
            sentBytes(server)
            with self.assertRaises(KeyError, msg=name):
                send(server)
            self.assertFailed(server, CloseCode.INTERNAL_ERROR, name)
            with self.assertRaises(ConnectionStateError):
                server.sendText("good")

    def test_sharedRaises(self):
        """
        So it is if the message is one that many connections share.
        """

        @implementer(IShareableExtension)
        class Shared(Broken):
            sharingKey = "shared"

        server = makeConnection(Role.SERVER, extensions=[Shared(breakDown)])
        with self.assertRaises(KeyError):
            server.sendPrepared(PreparedMessage("bad"))
        self.assertFailed(server, CloseCode.INTERNAL_ERROR)

    def test_encodesNonsense(self):
        """
        So it is if what it makes is no frame, or no bytes are in it.
        """
        text: Any = "a"
        for made in (None, b"a", Frame(Opcode.TEXT, text)):

            def encode(frame: Frame, made: Any = made) -> Any:
                return made

            for size in (1, 5000):
                server = makeConnection(Role.SERVER, extensions=[Broken(encode)])
                with self.assertRaises((TypeError, AttributeError)):
                    server.sendText("a" * size)
                self.assertFailed(server, CloseCode.INTERNAL_ERROR, made)

    def test_sharesNonsense(self):
        """
        So it is if such a message is one that many connections share.
        """

        @implementer(IShareableExtension)
        class Shared(Broken):
            sharingKey = "shared"

        for size in (1, 5000):
            payloads: tuple[Any, ...] = ("a" * size, bytearray(size))
            for payload in payloads:

                def encode(frame: Frame, payload: Any = payload) -> Frame:
                    return frame._replace(payload=payload)

                server = makeConnection(Role.SERVER, extensions=[Shared(encode)])
                with self.assertRaises(TypeError, msg=(type(payload), size)):
                    server.sendPrepared(PreparedMessage("a"))
                self.assertFailed(server, CloseCode.INTERNAL_ERROR, type(payload))

    def test_ownKinds(self):
        """
        Bytes of a kind of their own are bytes.
        """

        class Digest(bytes):
            """
            Bytes.
            """

        def make(frame: Frame) -> Frame:
            return frame._replace(payload=Digest(frame.payload))

        extension = Broken(make, lambda frame: [make(frame)])
        for size in (1, 200, 5000):
            server = makeConnection(Role.SERVER, extensions=[extension])
            server.sendBytes(bytes(size))
            self.assertEqual(sentFrames(server), [Frame(Opcode.BINARY, bytes(size))])
            given = peerFrame(Role.SERVER, Opcode.BINARY, bytes(size))
            self.assertEqual(
                receive(server, given), [BytesMessageReceived(bytes(size))]
            )

    def test_raisesWhenDecoding(self):
        """
        If an extension raises when a message is received, the connection fails
        with 1011, and it is given nothing more.
        """
        asked = []

        def decode(frame: Frame) -> Any:
            asked.append(frame)
            raise KeyError("broken")

        server = makeConnection(Role.SERVER, extensions=[Broken(decode=decode)])
        server.receiveData(peerFrame(Role.SERVER, Opcode.TEXT, b"a") * 2)
        with self.assertRaises(KeyError):
            server.nextEvent()
        self.assertIsNone(server.nextEvent())
        server.receiveData(peerFrame(Role.SERVER, Opcode.TEXT, b"a"))
        self.assertIsNone(server.nextEvent())
        self.assertEqual(len(asked), 1)
        self.assertFailed(server, CloseCode.INTERNAL_ERROR)

    def test_raisesAfterClose(self):
        """
        If it raises when a Close was sent already, no other is.
        """
        server = makeConnection(
            Role.SERVER, extensions=[Broken(decode=lambda frame: None)]
        )
        server.sendClose(1001)
        server.receiveData(peerFrame(Role.SERVER, Opcode.TEXT, b"a"))
        with self.assertRaises(TypeError):
            server.nextEvent()
        self.assertIs(server.state, ConnectionState.FAILED)
        self.assertEqual(len(sentFrames(server)), 1)

    def test_decodesNonsense(self):
        """
        So it is if what it makes of a message is not one message: the messages
        of a peer are never mixed up.
        """
        isFirst: Any = {"isFinal": False}
        continuation: Any = {"opcode": Opcode.CONTINUATION}
        text: Any = "a"
        buffer: Any = bytearray(b"a")
        decodes: dict[str, Callable[[Frame], Any]] = {
            "nothing": lambda frame: None,
            "no frame": lambda frame: [b"a"],
            "text": lambda frame: [frame._replace(payload=text)],
            "a buffer": lambda frame: [frame._replace(payload=buffer)],
            "no beginning": lambda frame: [frame._replace(**continuation)],
            "no end": lambda frame: [frame._replace(**isFirst)],
            "two beginnings": lambda frame: [frame._replace(**isFirst), frame],
            "two ends": lambda frame: [frame, frame._replace(**continuation)],
            "two messages": lambda frame: [frame, frame],
            "a control frame": lambda frame: [frame._replace(opcode=Opcode.PING)],
        }
        for deliversFragments in (False, True):
            for name, decode in decodes.items():
                server = makeConnection(
                    Role.SERVER,
                    extensions=[Broken(decode=decode)],
                    deliversFragments=deliversFragments,
                )
                server.receiveData(peerFrame(Role.SERVER, Opcode.TEXT, b"a"))
                with self.assertRaises((TypeError, ValueError), msg=name):
                    pendingEvents(server)
                self.assertFailed(server, CloseCode.INTERNAL_ERROR, name)

    def test_decodesEachFragment(self):
        """
        So it is if each fragment of a message becomes a message.
        """
        for deliversFragments in (False, True):
            server = makeConnection(
                Role.SERVER,
                extensions=[
                    Broken(decode=lambda frame: [Frame(Opcode.TEXT, frame.payload)])
                ],
                deliversFragments=deliversFragments,
            )
            fragments = [
                peerFrame(Role.SERVER, Opcode.TEXT, b"a", isFinal=False),
                peerFrame(Role.SERVER, Opcode.CONTINUATION, b"b"),
            ]
            for _ in range(2):
                # Of whole messages it makes what it should.
                events = receive(server, peerFrame(Role.SERVER, Opcode.TEXT, b"a"))
                self.assertEqual(len(events), 1)
            receive(server, fragments[0])
            server.receiveData(fragments[1])
            self.assertRaises(ValueError, server.nextEvent)
            self.assertFailed(server, CloseCode.INTERNAL_ERROR)

    def test_raisesWhenReleased(self):
        """
        So it is if it raises when it is to give memory back.
        """

        @implementer(IReleasable)
        class Releasing(Broken):
            def release(self) -> None:
                raise KeyError("release")

        server = makeConnection(Role.SERVER, extensions=[Releasing()])
        self.assertRaises(KeyError, server.release)
        self.assertFailed(server, CloseCode.INTERNAL_ERROR)

    def test_heldBack(self):
        """
        An extension may hold fragments back, as long as the message is whole at
        its end, or is not there at all.
        """

        class Whole(Stream):
            def __init__(self) -> None:
                self._payload = b""

            def decode(self, frame):
                self._payload += frame.payload
                if not frame.isFinal:
                    return ()
                payload, self._payload = self._payload, b""
                return [Frame(Opcode.TEXT, payload)] if payload != b"..." else ()

        class Frames(Broken):
            rsv = 0
            isPerFrame = True

        # One that works on frames gets what the other leaves, if anything.
        for deliversFragments, others in product((False, True), ((), (Frames(),))):
            server = makeConnection(
                Role.SERVER,
                extensions=[*others, Whole()],
                deliversFragments=deliversFragments,
            )
            for payload in (b"one", b"...", b"two"):
                receive(
                    server,
                    peerFrame(Role.SERVER, Opcode.TEXT, payload[:1], isFinal=False),
                    peerFrame(Role.SERVER, Opcode.PING, b""),
                )
                events = receive(
                    server, peerFrame(Role.SERVER, Opcode.CONTINUATION, payload[1:])
                )
                self.assertEqual(len(events), payload != b"...")
