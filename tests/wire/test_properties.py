"""
Tests for all of L{txws.wire}: what holds for any bytes, in any pieces.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txws.testing import splitData
from txws.testing.strategies import (
    chunkings,
    headerNames,
    headerValues,
    hostileBytes,
    hostileHeaders,
    hostileRequestHeads,
)
from txws.wire.clienthandshake import ClientHandshake
from txws.wire.codes import Opcode
from txws.wire.compression import Inflater
from txws.wire.deflate import PerMessageDeflate
from txws.wire.deflateframe import WebkitDeflateFrame
from txws.wire.errors import (
    BadCompression,
    BadHandshake,
    HandshakeRefused,
    MessageTooBig,
)
from txws.wire.events import (
    BytesMessageReceived,
    CloseReceived,
    PingReceived,
    TextMessageReceived,
    ViolationReceived,
)
from txws.wire.extensions import (
    ExtensionOffer,
    acceptExtensions,
    confirmExtensions,
)
from txws.wire.frames import RSV1
from txws.wire.handshake import parseExtensions, parseTokens, serializeExtensions
from txws.wire.http import (
    HeadLimits,
    HeadReader,
    parseRequestHead,
    parseResponseHead,
    serializeHead,
)
from txws.wire.serverhandshake import isUpgrade, parseUpgrade
from txws.wire.states import ConnectionState, Role

from .ciphers import Mirror, Stream
from .tables import makeConnection, peerFrame, readFrames, receive, sentBytes

stable = settings(deadline=None, derandomize=True, max_examples=150, database=None)

# RFC 6455 section 1.3.
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
LIMITS = HeadLimits(maxSize=400, maxHeaders=8, maxLineSize=100)

roles = st.sampled_from(Role)
chunks = chunkings(minSize=0)
roleAndBytes = roles.flatmap(
    lambda role: st.tuples(st.just(role), hostileBytes(role) | st.binary())
)


def describe(event):
    """
    Make violations comparable.
    """
    if isinstance(event, ViolationReceived):
        return type(event.violation), event.violation.explanation
    return event


def plainly(event):
    """
    Make messages what they are, and violations comparable.
    """
    if isinstance(event, TextMessageReceived):
        return event.message
    if isinstance(event, BytesMessageReceived):
        return event.data
    return describe(event)


class ReceivingTests(SynchronousTestCase):
    """
    No bytes do harm.
    """

    @stable
    @given(roleAndBytes, chunks, st.sampled_from([(), (Stream,), (Mirror,)]))
    def test_chunking(self, roleAndBytes, sizes, kinds):
        """
        Whatever arrives, nothing is raised, and neither events nor answers nor
        the state depend on how it was cut.
        """
        role, data = roleAndBytes
        outcomes = []
        for pieces in ([data], splitData(data, sizes)):
            connection = makeConnection(
                role,
                maxMessageSize=200,
                maxFragments=3,
                extensions=[kind() for kind in kinds],
            )
            events = receive(connection, *pieces)
            outcomes.append(
                (
                    [describe(event) for event in events],
                    sentBytes(connection),
                    connection.state,
                    connection.closeSent,
                    connection.closeReceived,
                    connection.isCloseReceivedFirst,
                )
            )
        self.assertEqual(outcomes[0], outcomes[1])

    @stable
    @given(
        roleAndBytes,
        st.sampled_from([b"", bytes(300)]),
        chunks,
        st.sampled_from([130, None]),
    )
    def test_shorterWay(self, roleAndBytes, rest, sizes, limit):
        """
        Messages are the same whether they are had as messages or as events, and
        so is everything else.
        """
        role, data = roleAndBytes
        data += rest
        settings = {"maxMessageSize": limit, "maxFragments": 3}
        longer, shorter = (makeConnection(role, **settings) for _ in range(2))
        events: list[object] = []
        for piece in splitData(data, sizes):
            shorter.receiveData(piece)
            while True:
                messages = shorter.nextMessages()
                events += messages
                if not shorter.hasMore:
                    self.assertIsNone(shorter.nextEvent())
                    break
                if not messages:
                    event = shorter.nextEvent()
                    if event is None:
                        break
                    events.append(plainly(event))
        expected = [plainly(event) for event in receive(longer, data)]
        self.assertEqual(events, expected)
        self.assertEqual(sentBytes(shorter), sentBytes(longer))
        self.assertIs(shorter.state, longer.state)

    @stable
    @given(roleAndBytes)
    def test_order(self, roleAndBytes):
        """
        Whatever arrives, there is at most one violation and one Close; nothing
        but a Close follows the violation, and nothing at all the Close.
        """
        role, data = roleAndBytes
        connection = makeConnection(role, maxMessageSize=200, maxFragments=3)
        kinds = [type(event) for event in receive(connection, data)]
        last = [kind for kind in kinds if kind in (ViolationReceived, CloseReceived)]
        self.assertIn(
            last,
            (
                [],
                [ViolationReceived],
                [CloseReceived],
                [ViolationReceived, CloseReceived],
            ),
        )
        self.assertEqual(kinds[len(kinds) - len(last) :], last)
        self.assertIs(connection.state is ConnectionState.OPEN, not last)
        closes = [
            frame
            for frame in readFrames(sentBytes(connection))
            if frame.opcode is Opcode.CLOSE
        ]
        self.assertEqual(len(closes), min(len(last), 1))


messages = st.lists(
    st.text(max_size=60)
    | st.binary(max_size=60)
    | st.binary(min_size=4090, max_size=4200)
    | st.builds(PingReceived, st.binary(max_size=125)),
    max_size=8,
)


def send(connection, sent):
    """
    Send a message or a Ping, and tell what the peer is to receive.
    """
    if isinstance(sent, str):
        connection.sendText(sent)
        return TextMessageReceived(sent)
    if isinstance(sent, bytes):
        connection.sendBytes(sent)
        return BytesMessageReceived(sent)
    connection.sendPing(sent.payload)
    return sent


class RoundTripTests(SynchronousTestCase):
    """
    What one side sends, the other receives.
    """

    @stable
    @given(
        roles,
        messages,
        st.none() | st.integers(1, 70),
        st.integers(0, 5000),
        chunks,
        st.lists(st.sampled_from([Stream, Mirror]), unique=True),
        st.text(max_size=100),
    )
    def test_messages(self, role, messages, fragmentSize, atMost, sizes, kinds, reason):
        """
        Messages, Pings and a Close arrive as they were sent, with or without
        extensions, whatever the fragments, the portions in which they were
        fetched, and the pieces in which they arrived.
        """
        sender = makeConnection(
            role, fragmentSize=fragmentSize, extensions=[kind() for kind in kinds]
        )
        expected = [send(sender, each) for each in messages]
        sender.sendClose(1000, reason)
        status = sender.closeSent
        assert status is not None
        expected.append(CloseReceived(status))
        portions = iter(lambda: b"".join(sender.dataToSend(atMost)), b"")
        peer = makeConnection(
            Role.CLIENT if role is Role.SERVER else Role.SERVER,
            extensions=[kind() for kind in kinds],
        )
        pieces = [piece for portion in portions for piece in splitData(portion, sizes)]
        self.assertEqual(receive(peer, *pieces), expected)
        answers = receive(sender, sentBytes(peer))
        self.assertEqual(answers[-1], CloseReceived(status))
        pings = [each.payload for each in messages if isinstance(each, PingReceived)]
        self.assertEqual([answer.payload for answer in answers[:-1]], pings)


messageDeflations = st.builds(
    PerMessageDeflate,
    windowBits=st.integers(8, 15),
    peerWindowBits=st.integers(8, 15),
    contextTakeover=st.booleans(),
    peerContextTakeover=st.booleans(),
    level=st.integers(-1, 9),
    memoryLevel=st.integers(1, 9),
    threshold=st.sampled_from([0, 128]),
)
frameDeflations = st.builds(
    WebkitDeflateFrame,
    peerWindowBits=st.integers(8, 15),
    peerContextTakeover=st.booleans(),
    threshold=st.sampled_from([0, 128]),
)

# Messages in which there is something to compress, and some in which there is
# not, with whether they are to be compressed.
compressible = st.lists(
    st.tuples(
        st.binary(max_size=300)
        | st.builds(bytes.__mul__, st.binary(max_size=300), st.integers(0, 300)),
        st.sampled_from([None, True, False]),
    ),
    max_size=6,
)


def negotiate(server, client, limit):
    """
    Make both ends of a connection.
    """
    offers = parseExtensions(
        [
            serializeExtensions([ExtensionOffer(client.name, each)])
            for each in client.offers()
        ]
    )
    answers, atServer = acceptExtensions(offers, [server], limit)
    atClient = confirmExtensions(answers, [client], limit)
    return {Role.SERVER: atServer, Role.CLIENT: atClient}


class CompressionTests(SynchronousTestCase):
    """
    What is compressed is what is inflated, and nothing else does harm.
    """

    @stable
    @given(
        st.tuples(messageDeflations, messageDeflations)
        | st.tuples(frameDeflations, frameDeflations),
        roles,
        compressible,
        st.none() | st.integers(1, 700),
        st.booleans(),
        chunks,
    )
    def test_roundTrip(
        self, factories, role, messages, fragmentSize, isStreamed, sizes
    ):
        """
        Messages arrive as they were sent, whatever was negotiated, whether they
        are compressed or not, whole or in fragments, and however the bytes are
        cut; memory may be given back at any time.
        """
        extensions = negotiate(factories[0], factories[1], None)
        sender = makeConnection(
            role, extensions=extensions.pop(role), fragmentSize=fragmentSize
        )
        (other,) = extensions
        receiver = makeConnection(other, extensions=extensions[other])
        for message, compress in messages:
            if isStreamed:
                for piece in splitData(message, sizes[::2]):
                    sender.sendBytesFragment(piece, compress=compress)
                sender.finishMessage()
            else:
                sender.sendBytes(message, compress=compress)
            if compress is None:
                sender.release()
        self.assertEqual(
            receive(receiver, *splitData(sentBytes(sender), sizes)),
            [BytesMessageReceived(message) for message, compress in messages],
        )

    @stable
    @given(
        st.lists(st.binary(max_size=300), min_size=1, max_size=4),
        st.booleans(),
        st.sampled_from([None, 0, 10, 1000]),
        st.sampled_from([b"", b"\x03\x00", b"\xf3H\xcd\xc9\xc9\x07\x00"]),
        st.integers(8, 15),
    )
    def test_inflating(self, parts, isKept, limit, start, windowBits):
        """
        Any bytes are inflated, within the limit, or refused.
        """
        inflater = Inflater(windowBits, isKept, limit)
        inflated = 0
        try:
            for number, part in enumerate(parts, 1):
                isFinal = number == len(parts)
                for chunk in inflater.inflate(start + part, isFinal):
                    inflated += len(chunk)
        except (BadCompression, MessageTooBig):
            pass
        if limit is not None:
            self.assertLessEqual(inflated, limit)

    @stable
    @given(
        roles,
        st.lists(
            st.tuples(
                st.sampled_from([b"", b"\xf2H\xcd\xc9\xc9\x07\x00", b"\x03\x00"]),
                st.binary(max_size=60),
                st.sampled_from([Opcode.TEXT, Opcode.BINARY, Opcode.CONTINUATION]),
                st.booleans(),
                st.sampled_from([RSV1, 0]),
            ),
            max_size=6,
        ),
        chunks,
        st.sampled_from([PerMessageDeflate(), WebkitDeflateFrame()]),
    )
    def test_receiving(self, role, frames, sizes, factory):
        """
        Whatever arrives, nothing is raised, and whether the connection fails
        does not depend on how it was cut.
        """
        data = b"".join(
            peerFrame(role, opcode, start + rest, isFinal, rsv)
            for start, rest, opcode, isFinal, rsv in frames
        )
        outcomes = []
        for pieces in ([data], splitData(data, sizes)):
            connection = makeConnection(
                role,
                maxMessageSize=200,
                extensions=negotiate(factory, factory, 200)[role],
            )
            events = receive(connection, *pieces)
            good = [each for each in events if not isinstance(each, ViolationReceived)]
            outcomes.append((good, connection.state))
        self.assertEqual(outcomes[0], outcomes[1])

    @stable
    @given(
        messageDeflations | frameDeflations,
        st.lists(
            st.tuples(
                st.sampled_from(
                    [
                        "server_no_context_takeover",
                        "client_no_context_takeover",
                        "server_max_window_bits",
                        "client_max_window_bits",
                        "max_window_bits",
                    ]
                )
                | st.text("abc", max_size=3),
                st.none()
                | st.integers(0, 20).map(str)
                | st.text(st.characters(), max_size=3),
            ),
            max_size=4,
        ),
    )
    def test_negotiating(self, factory, parameters):
        """
        Any parameters of an offer are accepted or declined, of an answer
        confirmed or refused.
        """
        factory.accept(parameters, None)
        outcome(factory.confirm, HandshakeRefused, parameters, None)


def outcome(act, error, *arguments):
    """
    Tell what a call returns or which declared error it raises; any other one
    goes on.
    """
    try:
        return act(*arguments)
    except error as raised:
        return type(raised), raised.args, vars(raised)


class HandshakeTests(SynchronousTestCase):
    """
    No handshake does harm.
    """

    @stable
    @given(st.binary() | st.lists(st.binary(max_size=20)).map(b"\r\n".join))
    def test_heads(self, head):
        """
        Any bytes are a head or refused.
        """
        for parse in (parseRequestHead, parseResponseHead):
            self.assertIsNotNone(outcome(parse, BadHandshake, head, LIMITS))

    @stable
    @given(
        st.sampled_from([b"", b"GET / HTTP/1.1\r\n", b"a" * 99 + b"\r\n"]),
        st.builds(
            lambda length, rest: b"a" * length + rest,
            st.integers(0, 450),
            st.just(b"\r\n\r\n") | st.binary(max_size=20),
        ),
        chunks,
    )
    def test_headChunking(self, start, rest, sizes):
        """
        Where a head ends, and whether it exceeds a limit, does not depend on
        how it was cut.
        """

        def read(pieces):
            reader = HeadReader(LIMITS)
            for number, piece in enumerate(pieces, 1):
                result = reader.receiveData(piece)
                if result is not None:
                    head, follows = result
                    return head, follows + b"".join(pieces[number:])
            return bytes(reader.received)

        data = start + rest
        self.assertEqual(
            outcome(read, BadHandshake, [data]),
            outcome(read, BadHandshake, splitData(data, sizes)),
        )

    @stable
    @given(hostileRequestHeads())
    def test_upgrades(self, head):
        """
        Any head is an upgrade or refused.
        """
        self.assertIn(isUpgrade(head), (True, False))
        self.assertIsNotNone(outcome(parseUpgrade, BadHandshake, head))

    @stable
    @given(
        st.sampled_from(["101 Odd", "200 OK", "100 Continue", "x"]),
        hostileHeaders(),
        st.binary(max_size=30),
        chunks,
    )
    def test_answers(self, status, headers, rest, sizes):
        """
        Any answer is accepted, refused or not complete, and which one does not
        depend on how it was cut.
        """
        lines = [f"{name}: {value}" for name, value in headers]
        head = "\r\n".join((f"HTTP/1.1 {status}", *lines, "", ""))
        data = head.encode("latin-1") + rest

        def answer(pieces):
            handshake = ClientHandshake("a", "/", KEY, LIMITS)
            received = b""
            for number, piece in enumerate(pieces):
                accepted = handshake.receiveData(piece)
                if accepted is not None:
                    received = accepted.rest + b"".join(pieces[number + 1 :])
                    return accepted.head, accepted.subprotocol, received
            return handshake.connectionLost()

        self.assertEqual(
            outcome(answer, HandshakeRefused, [data]),
            outcome(answer, HandshakeRefused, splitData(data, sizes)),
        )

    @stable
    @given(st.lists(headerValues() | st.text('a;=,"\\ \t', max_size=30), max_size=3))
    def test_grammars(self, values):
        """
        Any header is a list or refused, and a list of extensions that was
        understood is understood again when it is written.
        """
        outcome(parseTokens, ValueError, values)
        try:
            offers = parseExtensions(values)
        except ValueError:
            return
        self.assertEqual(parseExtensions([serializeExtensions(offers)]), offers)

    @stable
    @given(
        st.lists(st.tuples(st.text(max_size=9) | headerNames(), st.text(max_size=20)))
    )
    def test_injection(self, fields):
        """
        Any header is written on one line or refused.
        """
        try:
            data = serializeHead("GET / HTTP/1.1", fields)
        except ValueError:
            return
        self.assertEqual(data.count(b"\r\n"), len(fields) + 2)
        limits = HeadLimits(1 << 20, 1 << 20, 1 << 20)
        parsed = parseRequestHead(data[:-4], limits).headers
        self.assertEqual(
            list(parsed), [(name, value.strip(" \t")) for name, value in fields]
        )
