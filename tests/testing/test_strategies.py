"""
Tests for L{txws.testing.strategies}: what is made is what it is said to be.
"""

from __future__ import annotations

from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.tables import frame, makeConnection, receive
from txws import WebSocketHandler
from txws.testing import Faults, MemoryServer, MemoryTransport, splitData
from txws.testing.strategies import (
    chunkings,
    closeCodes,
    closeReasons,
    controlFrames,
    fragmentedMessages,
    frames,
    headerNames,
    headerValues,
    hostileBytes,
    hostileHeaders,
    hostileRequestHeads,
    messages,
    requestHeads,
)
from txws.wire.codes import Opcode, isSendableCloseCode
from txws.wire.errors import BadHandshake
from txws.wire.events import (
    BytesMessageReceived,
    CloseReceived,
    PingReceived,
    PongReceived,
    TextMessageReceived,
    ViolationReceived,
)
from txws.wire.http import HeadLimits, parseRequestHead, serializeHead
from txws.wire.serverhandshake import parseUpgrade
from txws.wire.states import Role

stable = settings(deadline=None, derandomize=True, max_examples=100, database=None)

# The first that is found will do, however large.
searching = settings(stable, max_examples=2000, phases=[Phase.generate])


def serialize(made):
    """
    Serialize a frame as a client does, by the hand of a test.
    """
    return frame(made.opcode, made.payload, made.isFinal, made.rsv, isMasked=True)


def eventsOf(*made):
    """
    Have a server receive frames.
    """
    return receive(makeConnection(Role.SERVER), b"".join(map(serialize, made)))


def makesAll(strategy, *conditions):
    """
    Tell whether a strategy makes something of each kind; if not, this raises.
    """
    missing = list(conditions)

    def isLast(made):
        missing[:] = [condition for condition in missing if not condition(made)]
        return not missing

    find(strategy, isLast, settings=searching)
    return not missing


class Echo(WebSocketHandler):
    """
    Sends back what it receives.
    """

    def textMessageReceived(self, message: str) -> None:
        """
        Send it back.
        """
        self.transport.sendTextMessage(message)

    def bytesMessageReceived(self, data: bytes) -> None:
        """
        Send it back.
        """
        self.transport.sendBytesMessage(data)


class MessageStrategyTests(SynchronousTestCase):
    """
    Messages, and what ends them.
    """

    @stable
    @given(messages(10))
    def test_messages(self, message):
        """
        Messages are text or bytes, and no longer than they may be.
        """
        self.assertIsInstance(message, (str, bytes))
        self.assertLessEqual(len(message), 10)

    def test_bothKinds(self):
        """
        There are both kinds, also of the greatest size.
        """
        self.assertTrue(
            makesAll(
                messages(5),
                lambda made: isinstance(made, str) and len(made) == 5,
                lambda made: isinstance(made, bytes) and len(made) == 5,
            )
        )

    @stable
    @given(closeCodes(), closeReasons())
    def test_closes(self, code, reason):
        """
        Close codes and reasons travel, and arrive whole.
        """
        connection = makeConnection(Role.SERVER)
        connection.sendClose(code, reason)
        assert connection.closeSent is not None
        self.assertEqual(connection.closeSent.code, code)
        self.assertEqual(connection.closeSent.reason, reason)

    def test_allCloses(self):
        """
        The codes of RFC 6455 are among them, and those of applications; and
        reasons that are as long as can be.
        """
        codes = (1000, 1011, 1014, 3000, 4999)
        self.assertTrue(all(map(isSendableCloseCode, codes)))
        isThis = [lambda made, code=code: made == code for code in codes]
        self.assertTrue(makesAll(closeCodes(), *isThis))
        self.assertTrue(
            makesAll(closeReasons(), lambda made: len(made.encode()) == 123)
        )


class FrameStrategyTests(SynchronousTestCase):
    """
    Frames, right and wrong.
    """

    @stable
    @given(frames())
    def test_frames(self, made):
        """
        Each frame is received as what it is.
        """
        kinds = {
            Opcode.TEXT: TextMessageReceived,
            Opcode.BINARY: BytesMessageReceived,
            Opcode.PING: PingReceived,
            Opcode.PONG: PongReceived,
            Opcode.CLOSE: CloseReceived,
        }
        self.assertEqual([type(e) for e in eventsOf(made)], [kinds[made.opcode]])

    def test_allFrames(self):
        """
        There are all kinds that can stand alone.
        """
        opcodes = set(Opcode) - {Opcode.CONTINUATION}
        isThis = [
            lambda made, opcode=opcode: made.opcode is opcode for opcode in opcodes
        ]
        self.assertTrue(makesAll(frames(), *isThis))

    @stable
    @given(fragmentedMessages())
    def test_fragmentedMessages(self, made):
        """
        Fragments make up their message, with what comes between.
        """
        message, fragments = made
        *between, event = eventsOf(*fragments)
        if isinstance(message, str):
            self.assertEqual(event, TextMessageReceived(message))
        else:
            self.assertEqual(event, BytesMessageReceived(message))
        controls = [f.payload for f in fragments if f.opcode >= Opcode.CLOSE]
        self.assertEqual([event.payload for event in between], controls)

    def test_allFragments(self):
        """
        Messages are whole or have several fragments, empty ones too, with and
        without something between; text may be cut inside of a character.
        """

        def isCutInside(made):
            message, fragments = made
            try:
                fragments[0].payload.decode()
            except UnicodeDecodeError:
                return isinstance(message, str)
            return False

        self.assertTrue(
            makesAll(
                fragmentedMessages(),
                lambda made: len(made[1]) == 1,
                lambda made: len(made[1]) > 3,
                lambda made: any(f.opcode is Opcode.PING for f in made[1]),
                lambda made: any(not f.isFinal and not f.payload for f in made[1]),
                isCutInside,
            )
        )

    @stable
    @given(controlFrames())
    def test_controlFrames(self, made):
        """
        Control frames are Pings and Pongs.
        """
        (event,) = eventsOf(made)
        self.assertIsInstance(event, (PingReceived, PongReceived))

    def test_hostileBytes(self):
        """
        Hostile bytes are right, wrong, or not all there, for either role.
        """
        for role in Role:

            def receiveAs(data, role=role):
                return receive(makeConnection(role), data)

            self.assertTrue(
                makesAll(
                    hostileBytes(role).map(receiveAs),
                    lambda events: any(
                        isinstance(e, ViolationReceived) for e in events
                    ),
                    lambda events: any(
                        isinstance(e, TextMessageReceived) for e in events
                    ),
                    lambda events: any(isinstance(e, CloseReceived) for e in events),
                    lambda events: not events,
                )
            )


class ChunkingStrategyTests(SynchronousTestCase):
    """
    Ways to cut.
    """

    @stable
    @given(chunkings(2, 5, 3), st.binary(max_size=40))
    def test_chunkings(self, sizes, data):
        """
        Pieces are of the sizes that they may have, and are the whole.
        """
        self.assertLessEqual(len(sizes), 3)
        self.assertTrue(all(2 <= size <= 5 for size in sizes))
        self.assertEqual(b"".join(splitData(data, sizes)), data)

    @stable
    @given(fragmentedMessages(), chunkings(), chunkings(maxSize=5), st.booleans())
    def test_network(self, made, toServer, toClient, isTogether):
        """
        Whatever the fragments and the pieces in which they arrive, an echo is
        the message.
        """
        message, fragments = made
        client = MemoryServer(Echo).connect(
            toServer=Faults(split=toServer), toClient=Faults(split=toClient)
        )
        data = [serialize(fragment) for fragment in fragments]
        for piece in [b"".join(data)] if isTogether else data:
            client.connection.client.write(piece)
            client.flush()
        self.assertEqual(client.takeMessages(), [message])


class HeadStrategyTests(SynchronousTestCase):
    """
    Opening handshakes, right and wrong.
    """

    @stable
    @given(requestHeads())
    def test_requestHeads(self, head):
        """
        Each is an upgrade, and stays the same when it is sent.
        """
        upgrade = parseUpgrade(head)
        self.assertEqual(upgrade.target, head.target)
        self.assertEqual(upgrade.host, "example.com")
        data = serializeHead(f"GET {head.target} HTTP/1.1", head.headers)
        limits = HeadLimits(10000, 100, 1000)
        self.assertEqual(parseRequestHead(data[:-4], limits), head)

    @stable
    @given(requestHeads())
    def test_server(self, head):
        """
        A server accepts it.
        """
        server = MemoryServer(Echo)
        protocol = server.factory.buildProtocol(None)
        transport = MemoryTransport(protocol)
        transport.connect()
        transport.receiveData(
            serializeHead(f"GET {head.target} HTTP/1.1", head.headers)
        )
        self.assertTrue(transport.takeData().startswith(b"HTTP/1.1 101 "))

    def test_hostileRequestHeads(self):
        """
        Hostile ones are accepted, or refused in many ways.
        """

        def outcome(head):
            try:
                parseUpgrade(head)
            except BadHandshake as refusal:
                return refusal.status, refusal.explanation
            return 101, ""

        expected = (
            (101, ""),
            (405, "an upgrade needs method GET"),
            (400, "an upgrade needs HTTP/1.1"),
            (400, "Sec-WebSocket-Key is not 16 bytes in base64"),
            (400, "Host is missing"),
        )
        isThis = [lambda found, each=each: found == each for each in expected]
        self.assertTrue(makesAll(hostileRequestHeads().map(outcome), *isThis))

    @stable
    @given(hostileHeaders(), headerNames(), headerValues())
    def test_headers(self, headers, name, value):
        """
        Hostile headers are of the names that matter, with any values that
        bytes can say.
        """
        value.encode("latin-1")
        self.assertNotIn(":", name)
        for _, each in headers:
            each.encode("latin-1")
