"""
Tests for L{txws.wire.connection}.
"""

from __future__ import annotations

import random
from itertools import product

from txws.wire.codes import CloseCode, Opcode, isSendableCloseCode
from txws.wire.connection import (
    TRANSITIONS,
    Connection,
    ConnectionState,
    Direction,
    Input,
    Role,
)
from txws.wire.errors import (
    BadFrame,
    BadPayload,
    ConnectionStateError,
    MessageTooBig,
)
from txws.wire.events import (
    BytesMessageReceived,
    CloseReceived,
    CloseStatus,
    PingReceived,
    PongReceived,
    TextMessageReceived,
    ViolationReceived,
)
from txws.wire.frames import RSV1, Frame

from .assertions import WireTestCase
from .ciphers import Mirror
from .tables import (
    BAD_TEXTS,
    CUT_TEXTS,
    KEY,
    dribble,
    exchange,
    frame,
    header,
    keptSize,
    makeConnection,
    peerFrame,
    pendingEvents,
    readFrames,
    receive,
    sentBytes,
    sentFrames,
    splits,
)

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = Opcode
OPEN, CLOSE_SENT, FAILED, CLOSING, CLOSED = ConnectionState
NO_STATUS = CloseStatus(1005, "")
NORMAL = b"\x03\xe8"


class Markup(str):
    """
    Text of a kind of its own, as a library for templates may have it.
    """


class Digest(bytes):
    """
    Bytes of a kind of their own.
    """


def closeBody(code, reason=""):
    """
    Make the payload of a Close.
    """
    return code.to_bytes(2, "big") + reason.encode()


def messageFrames(role, messages):
    """
    Make the frames of messages as the peer of a role sends them.
    """
    return b"".join(
        peerFrame(role, TEXT, message.encode())
        if isinstance(message, str)
        else peerFrame(role, BINARY, message)
        for message in messages
    )


class ReceiveTests(WireTestCase):
    """
    What the peer sends becomes events.
    """

    def test_events(self):
        """
        Messages, Pings, Pongs and a Close are events in their order, whatever
        way the bytes arrive, for both roles.
        """
        for role in Role:
            data = b"".join(
                (
                    peerFrame(role, TEXT, "Grüße".encode()),
                    peerFrame(role, BINARY, b"\xff", isFinal=False),
                    peerFrame(role, PING, b"12"),
                    peerFrame(role, CONTINUATION, b"\xfe"),
                    peerFrame(role, PONG, b"34"),
                    peerFrame(role, TEXT),
                    peerFrame(role, CLOSE, closeBody(1001, "später")),
                )
            )
            for pieces in splits(data):
                connection = makeConnection(role)
                self.assertEqual(
                    receive(connection, *pieces),
                    [
                        TextMessageReceived("Grüße"),
                        PingReceived(b"12"),
                        BytesMessageReceived(b"\xff\xfe"),
                        PongReceived(b"34"),
                        TextMessageReceived(""),
                        CloseReceived(CloseStatus(1001, "später")),
                    ],
                    pieces,
                )

    def test_pull(self):
        """
        Nothing happens before an event is asked for, so that not asking
        pauses.
        """
        server = makeConnection(Role.SERVER)
        text = peerFrame(Role.SERVER, TEXT, b"a")
        server.receiveData(peerFrame(Role.SERVER, PING) + text)
        server.receiveData(text)
        self.assertEqual(server.pendingSize, 0)
        self.assertEqual(server.pendingPieces, 0)
        self.assertEqual(server.nextEvent(), PingReceived(b""))
        self.assertEqual(sentFrames(server), [Frame(PONG, b"")])
        server.receiveData(text)
        self.assertEqual(pendingEvents(server), [TextMessageReceived("a")] * 3)

    def test_bytesLike(self):
        """
        What has arrived may lie in memory that is used again.
        """
        for make in (bytearray, lambda data: memoryview(bytearray(data))):
            for role in Role:
                connection = makeConnection(role)
                data = make(peerFrame(role, BINARY, b"Hello"))
                connection.receiveData(data[:-1])
                connection.receiveData(data[-1:])
                data[:] = bytes(len(data))
                (event,) = pendingEvents(connection)
                self.assertEqual(event, BytesMessageReceived(b"Hello"))
                self.assertIsInstance(event.data, bytes)

    def test_ownKinds(self):
        """
        What has arrived may be bytes of a kind of their own.
        """
        for role in Role:
            connection = makeConnection(role)
            data = peerFrame(role, BINARY, b"Hello") * 2
            connection.receiveData(Digest(data))
            self.assertEqual(connection.nextMessages(), [b"Hello"] * 2)
            connection.receiveData(Digest(data[:5]))
            connection.receiveData(Digest(data[5:]))
            events = pendingEvents(connection)
            self.assertEqual(events, [BytesMessageReceived(b"Hello")] * 2)
            self.assertIs(type(events[0].data), bytes)

    def test_notBytes(self):
        """
        What is not like bytes is refused at once.
        """
        connection = makeConnection(Role.SERVER)
        for wrong in ("text", None, 5):
            self.assertRaises(TypeError, connection.receiveData, wrong)
        self.assertEqual(receive(connection), [])

    def test_idle(self):
        """
        An idle connection keeps nothing of what it has received.
        """
        for role in Role:
            connection = makeConnection(role)
            fresh = keptSize(connection)
            receive(connection, peerFrame(role, BINARY, bytes(100000)))
            receive(connection, *dribble(peerFrame(role, TEXT, b"Hello")))
            self.assertEqual(keptSize(connection), fresh)

    def test_reply(self):
        """
        An application may send while it is told of an event.
        """
        server = makeConnection(Role.SERVER)
        server.receiveData(peerFrame(Role.SERVER, TEXT, b"a") * 2)
        while (event := server.nextEvent()) is not None:
            server.sendText(event.message.upper())
        self.assertEqual(sentFrames(server), [Frame(TEXT, b"A")] * 2)

    def test_tinyFragments(self):
        """
        A flood of tiny and empty fragments is counted, and takes no more room
        than its bytes do.
        """
        server = makeConnection(Role.SERVER, maxFragments=4096)
        fresh = keptSize(server)
        empty = peerFrame(Role.SERVER, CONTINUATION, isFinal=False)
        tiny = peerFrame(Role.SERVER, CONTINUATION, b"a", isFinal=False)
        receive(server, peerFrame(Role.SERVER, TEXT, isFinal=False))
        receive(server, empty * 2000 + tiny * 2000, *dribble((empty + tiny) * 47))
        self.assertEqual(receive(server, empty), [])
        self.assertLessEqual(keptSize(server) - fresh, 2047 + len(KEY))
        (event,) = receive(server, empty)
        self.assertIs(type(event.violation), MessageTooBig)
        self.assertFailed(server, CloseCode.MESSAGE_TOO_BIG)


class NextMessagesTests(WireTestCase):
    """
    Messages that follow each other can be had in a shorter way.
    """

    # Of every length that is written in another way.
    MESSAGES = ("", "Grüße", b"", b"\xff", "a" * 125, b"b" * 126, "c" * 0xFFFF)

    def test_messages(self):
        """
        Text is L{str} and binary is L{bytes}; what is not whole comes when the
        rest of it does, and nothing comes twice.
        """
        for role in Role:
            data = messageFrames(role, self.MESSAGES[:-1])
            for pieces in splits(data):
                connection = makeConnection(role)
                received = []
                for piece in pieces:
                    connection.receiveData(piece)
                    received += connection.nextMessages()
                    for event in pendingEvents(connection):
                        isText = isinstance(event, TextMessageReceived)
                        received.append(event.message if isText else event.data)
                self.assertEqual(received, list(self.MESSAGES[:-1]))

    def test_whole(self):
        """
        All that has arrived in one piece is had at once.
        """
        for role in Role:
            connection = makeConnection(role)
            connection.receiveData(messageFrames(role, self.MESSAGES))
            self.assertEqual(connection.nextMessages(), list(self.MESSAGES))
            self.assertEqual(connection.nextMessages(), [])
            self.assertIsNone(connection.nextEvent())

    def test_few(self):
        """
        No more than 32 are had at once.
        """
        server = makeConnection(Role.SERVER)
        server.receiveData(messageFrames(Role.SERVER, "a" * 70))
        counts = [len(server.nextMessages()) for _ in range(4)]
        self.assertEqual(counts, [32, 32, 6, 0])

    def test_others(self):
        """
        Whatever is no such message is left for L{Connection.nextEvent}, and so
        is what comes behind it.
        """
        for role in Role:
            ours = peerFrame(role, TEXT, b"a")
            other = Role.CLIENT if role is Role.SERVER else Role.SERVER
            for data in (
                peerFrame(role, PING),
                peerFrame(role, TEXT, isFinal=False),
                peerFrame(role, TEXT, b"a", rsv=RSV1),
                peerFrame(role, TEXT, b"a\xff"),
                peerFrame(role, TEXT, b"a" * 101),
                peerFrame(role, 3),
                peerFrame(other, TEXT, b"a"),
                peerFrame(other, TEXT, b"a" * 99),
                header(TEXT, 126, isMasked=role is Role.SERVER)[:-1] + b"\x7d" + KEY,
                header(TEXT, 1 << 16, isMasked=role is Role.SERVER) + KEY,
            ):
                connection = makeConnection(role, maxMessageSize=100)
                connection.receiveData(ours + data + bytes(200))
                self.assertEqual(connection.nextMessages(), ["a"], data)
                self.assertEqual(connection.nextMessages(), [], data)
                plain = makeConnection(role, maxMessageSize=100)
                plain.receiveData(data + bytes(200))
                self.assertEqual(
                    str(connection.nextEvent()), str(plain.nextEvent()), data
                )

    def test_insideMessage(self):
        """
        While a message arrives in fragments there is no shorter way.
        """
        for role in Role:
            text = peerFrame(role, TEXT, b"ab")
            for begun in (peerFrame(role, TEXT, b"a", isFinal=False), text[:-1]):
                connection = makeConnection(role)
                connection.receiveData(begun)
                self.assertIsNone(connection.nextEvent())
                connection.receiveData(text * 2)
                self.assertEqual(connection.nextMessages(), [])

    def test_seen(self):
        """
        There is none either where each frame or each part has to be seen.
        """
        for settings in (
            {"extensions": [Mirror()]},
            {"observer": lambda direction, frame: None},
            {"deliversFragments": True},
        ):
            server = makeConnection(Role.SERVER, **settings)
            server.receiveData(peerFrame(Role.SERVER, TEXT))
            self.assertEqual(server.nextMessages(), [])
            self.assertEqual(len(pendingEvents(server)), 1)


class SendTests(WireTestCase):
    """
    What the application sends becomes frames.
    """

    def test_messages(self):
        """
        A message is one frame.
        """
        for role in Role:
            connection = makeConnection(role)
            connection.sendText("Grüße")
            connection.sendBytes(b"\xff")
            connection.sendText("")
            self.assertEqual(
                sentFrames(connection),
                [
                    Frame(TEXT, "Grüße".encode()),
                    Frame(BINARY, b"\xff"),
                    Frame(TEXT, b""),
                ],
            )

    def test_fragmentByFragment(self):
        """
        A message can be sent as it is made, fragment by fragment.
        """
        for role in Role:
            connection = makeConnection(role)
            connection.sendTextFragment("Grü")
            connection.sendPing(b"?")
            connection.sendTextFragment("ße", isFinal=True)
            connection.sendBytesFragment(bytearray(b"a"))
            connection.finishMessage()
            connection.sendBytesFragment(b"b", isFinal=True)
            connection.finishMessage()
            self.assertEqual(
                sentFrames(connection),
                [
                    Frame(TEXT, "Grü".encode(), isFinal=False),
                    Frame(PING, b"?"),
                    Frame(CONTINUATION, "ße".encode()),
                    Frame(BINARY, b"a", isFinal=False),
                    Frame(CONTINUATION, b""),
                    Frame(BINARY, b"b"),
                    Frame(BINARY, b""),
                ],
            )

    def test_fragmentsOfTwoMessages(self):
        """
        RFC 6455 section 5.4: fragments of two messages must not be mixed.
        """
        connection = makeConnection(Role.SERVER)
        connection.sendTextFragment("a")
        for send, message in (
            (connection.sendText, "b"),
            (connection.sendBytes, b"b"),
            (connection.sendBytesFragment, b"b"),
        ):
            self.assertRaises(ConnectionStateError, send, message)
        connection.sendClose()
        self.assertRaises(ConnectionStateError, connection.sendTextFragment, "b")
        self.assertRaises(ConnectionStateError, connection.finishMessage)

    def test_fragmentKinds(self):
        """
        Fragments are text or bytes.
        """
        connection = makeConnection(Role.SERVER)
        self.assertRaises(TypeError, connection.sendTextFragment, b"a")
        self.assertRaises(UnicodeEncodeError, connection.sendTextFragment, "\ud800")
        self.assertRaises(TypeError, connection.sendBytesFragment, "a")
        self.assertRaises(TypeError, connection.sendBytesFragment, 5)
        self.assertEqual(sentFrames(connection), [])

    def test_masking(self):
        """
        Clients mask, servers do not, RFC 6455 section 5.1.
        """
        for role, isMasked in ((Role.CLIENT, True), (Role.SERVER, False)):
            connection = makeConnection(role)
            connection.sendText("Hello")
            connection.sendPing(b"?")
            connection.sendPong(b"!")
            connection.sendClose(1000, "Bye")
            self.assertEqual(
                sentBytes(connection),
                frame(TEXT, b"Hello", isMasked=isMasked)
                + frame(PING, b"?", isMasked=isMasked)
                + frame(PONG, b"!", isMasked=isMasked)
                + frame(CLOSE, closeBody(1000, "Bye"), isMasked=isMasked),
            )

    def test_keyForEachFrame(self):
        """
        Each frame of a client has a masking key of its own, in the order in
        which they were made.
        """
        keys = [b"abcd", b"efgh", b"ijkl"]
        client = makeConnection(
            Role.CLIENT, generateKey=iter(keys).__next__, fragmentSize=1
        )
        client.sendText("ab")
        client.sendPing()
        data = sentBytes(client)
        self.assertEqual([data[2:6], data[9:13], data[16:20]], keys)

    def test_serversNeedNoKeys(self):
        """
        A server makes no masking keys.
        """
        server = makeConnection(Role.SERVER, generateKey=lambda: self.fail("a key"))
        server.sendText("a")
        self.assertEqual(sentBytes(server), b"\x81\x01a")

    def test_unpredictableKeys(self):
        """
        Left to itself, a client makes keys of four bytes that do not repeat,
        not even when C{random} starts again.
        """
        client = Connection(Role.CLIENT)
        for _ in range(8):
            random.seed(0)
            client.sendText("")
        data = sentBytes(client)
        keys = {data[start + 2 : start + 6] for start in range(0, len(data), 6)}
        self.assertEqual(len(data), 48)
        self.assertEqual(len(keys), 8)

    def test_bytesLike(self):
        """
        Anything that is like bytes can be sent, and may be changed afterwards.
        """
        for role in Role:
            for size in (3, 5000):
                connection = makeConnection(role)
                buffer = bytearray(b"a" * size)
                connection.sendBytes(buffer)
                connection.sendBytes(memoryview(buffer)[1:])
                buffer[:] = b"b" * size
                self.assertEqual(
                    sentFrames(connection),
                    [Frame(BINARY, b"a" * size), Frame(BINARY, b"a" * (size - 1))],
                )

    def test_ownKinds(self):
        """
        Text and bytes of a kind of their own are sent as any other.
        """
        for role in Role:
            for size in (0, 3, 200, 5000):
                connection = makeConnection(role)
                payload = b"a" * size
                connection.sendText(Markup("a" * size))
                connection.sendBytes(Digest(payload))
                connection.sendTextFragment(Markup("a" * size), True)
                connection.sendBytesFragment(Digest(payload), True)
                self.assertEqual(
                    sentFrames(connection),
                    [Frame(opcode, payload) for opcode in (TEXT, BINARY)] * 2,
                )

    def test_notBytes(self):
        """
        What is not like bytes, or not text, is refused at the call, and not
        sent: a number is not so many zeros.
        """
        for role in Role:
            connection = makeConnection(role)
            for data in (5, "text", [1, 2], None):
                self.assertRaises(TypeError, connection.sendBytes, data)
            for message in (5, b"bytes", None):
                self.assertRaises(TypeError, connection.sendText, message)
            self.assertRaises(TypeError, connection.sendPing, "text")
            self.assertRaises(TypeError, connection.sendClose, 1000, b"bytes")
            error = self.assertRaises(TypeError, connection.sendClose, "1000")
            self.assertEqual(str(error), "code must be int, not str")
            self.assertEqual(connection.pendingSize, 0)
            self.assertEqual(connection.dataToSend(), [])

    def test_surrogates(self):
        """
        Text that UTF-8 cannot say is refused at the call, and not sent.
        """
        server = makeConnection(Role.SERVER)
        self.assertRaises(UnicodeEncodeError, server.sendText, "a\ud800")
        self.assertEqual(server.dataToSend(), [])

    def test_fragments(self):
        """
        A message longer than the size of a fragment is sent in fragments,
        others in one frame.
        """
        server = makeConnection(Role.SERVER, fragmentSize=3)
        server.sendText("abc")
        server.sendBytes(b"abcd")
        server.sendText("")
        self.assertEqual(
            sentFrames(server),
            [
                Frame(TEXT, b"abc"),
                Frame(BINARY, b"abc", isFinal=False),
                Frame(CONTINUATION, b"d"),
                Frame(TEXT, b""),
            ],
        )

    def test_controlFramesWhole(self):
        """
        Control frames are not fragmented.
        """
        server = makeConnection(Role.SERVER, fragmentSize=1)
        server.sendPing(b"abc")
        server.sendClose(1000, "abc")
        self.assertEqual([sent.isFinal for sent in sentFrames(server)], [True, True])

    def test_emptyControlFrames(self):
        """
        Left to itself, a Ping and a Pong carry nothing.
        """
        server = makeConnection(Role.SERVER)
        server.sendPing()
        server.sendPong()
        self.assertEqual(sentFrames(server), [Frame(PING, b""), Frame(PONG, b"")])

    def test_longControlFrames(self):
        """
        A Ping and a Pong carry at most 125 bytes; longer ones are refused at
        the call, and not sent.
        """
        server = makeConnection(Role.SERVER)
        for send, opcode in ((server.sendPing, PING), (server.sendPong, PONG)):
            error = self.assertRaises(ValueError, send, bytes(126))
            self.assertEqual(
                str(error), f"a {opcode.name} carries at most 125 bytes, not 126"
            )
            self.assertEqual(server.pendingSize, 0)
            send(bytes(125))
            self.assertEqual(sentFrames(server), [Frame(opcode, bytes(125))])


class PongTests(WireTestCase):
    """
    Pings are answered, RFC 6455 section 5.5.3.
    """

    def test_pongs(self):
        """
        Each Ping has its Pong, with the same payload, in order.
        """
        for role in Role:
            connection = makeConnection(role)
            payloads = [b"", b"a", b"p" * 125]
            for payload in payloads:
                receive(connection, peerFrame(role, PING, payload))
            self.assertEqual(
                sentFrames(connection), [Frame(PONG, each) for each in payloads]
            )

    def test_coalesce(self):
        """
        While the transport cannot write, only the latest of several Pings is
        answered, so that a flood of them takes the room of one.
        """
        server = makeConnection(Role.SERVER)
        server.isCongested = True
        for number in range(1000):
            ping = peerFrame(Role.SERVER, PING, b"%d" % number)
            self.assertEqual(receive(server, ping), [PingReceived(b"%d" % number)])
        self.assertEqual(server.pendingSize, 5)
        self.assertEqual(server.pendingPieces, 1)
        self.assertEqual(sentFrames(server), [Frame(PONG, b"999")])
        self.assertEqual(server.pendingSize, 0)

    def test_coalesceBehindOthers(self):
        """
        A Pong never passes another frame: only those that follow each other
        are coalesced.
        """
        server = makeConnection(Role.SERVER)
        server.isCongested = True
        for send, payload in (
            (server.sendPong, b"1"),
            (server.sendPong, b"2"),
            (server.sendBytes, b"3"),
            (server.sendPong, b"4"),
            (server.sendPing, b"5"),
            (server.sendPong, b"6"),
            (server.sendPong, b"7"),
        ):
            send(payload)
        self.assertEqual(server.pendingSize, 15)
        self.assertEqual(
            [sent.payload for sent in sentFrames(server)],
            [b"2", b"3", b"4", b"5", b"7"],
        )

    def test_coalesceOnlyAnswers(self):
        """
        A Pong that nobody has asked for takes the place of no answer to a Ping,
        and no answer takes that of it.
        """
        server = makeConnection(Role.SERVER)
        server.isCongested = True
        receive(server, peerFrame(Role.SERVER, PING, b"are you there"))
        server.sendPong(b"still here")
        server.sendPong(b"still here, too")
        receive(server, peerFrame(Role.SERVER, PING, b"1"))
        receive(server, peerFrame(Role.SERVER, PING, b"2"))
        self.assertEqual(
            sentFrames(server),
            [
                Frame(PONG, b"are you there"),
                Frame(PONG, b"still here, too"),
                Frame(PONG, b"2"),
            ],
        )

    def test_coalesceOnlyWhenCongested(self):
        """
        A Pong replaces another only while the transport cannot write.
        """
        server = makeConnection(Role.SERVER)
        server.sendPong(b"1")
        server.sendPong(b"2")
        server.isCongested = True
        server.sendPong(b"3")
        server.isCongested = False
        server.sendPong(b"4")
        self.assertEqual(
            [sent.payload for sent in sentFrames(server)], [b"1", b"3", b"4"]
        )

    def test_fetchedPong(self):
        """
        A Pong that has been fetched stays what it is.
        """
        server = makeConnection(Role.SERVER)
        server.isCongested = True
        server.sendPong(b"1")
        self.assertEqual(sentFrames(server), [Frame(PONG, b"1")])
        server.sendPong(b"2")
        self.assertEqual(sentFrames(server), [Frame(PONG, b"2")])

    def test_refusedPong(self):
        """
        A Pong that is refused for its length replaces none.
        """
        server = makeConnection(Role.SERVER)
        server.isCongested = True
        server.sendPong(b"1")
        self.assertRaises(ValueError, server.sendPong, bytes(126))
        self.assertEqual(server.pendingSize, 3)
        self.assertEqual(sentFrames(server), [Frame(PONG, b"1")])

    def test_afterClose(self):
        """
        A Ping that comes after this end's Close and before the peer's is
        answered, RFC 6455 section 5.5.2.
        """
        server = makeConnection(Role.SERVER)
        server.sendClose()
        receive(server, peerFrame(Role.SERVER, PING, b"1"))
        self.assertEqual(sentFrames(server), [Frame(CLOSE, NORMAL), Frame(PONG, b"1")])


class DataToSendTests(WireTestCase):
    """
    What is to be written is fetched at once or in portions.
    """

    def test_all(self):
        """
        Everything is fetched once, and counted until then.
        """
        server = makeConnection(Role.SERVER)
        server.sendText("abc")
        self.assertEqual(server.pendingSize, 5)
        server.sendPing(b"d")
        self.assertEqual(server.pendingSize, 8)
        self.assertEqual(server.dataToSend(), [b"\x81\x03abc", b"\x89\x01d"])
        self.assertEqual(server.pendingSize, 0)
        self.assertEqual(server.dataToSend(), [])

    def test_largePayload(self):
        """
        A payload of more than 4096 bytes is not copied behind its header.
        """
        server = makeConnection(Role.SERVER)
        payload = bytes(4097)
        server.sendBytes(payload)
        server.sendBytes(payload[1:])
        self.assertEqual(server.pendingSize, 2 * 4 + 4097 + 4096)
        head, body, joined = server.dataToSend()
        self.assertEqual(head, b"\x82\x7e\x10\x01")
        self.assertIs(body, payload)
        self.assertEqual(joined, b"\x82\x7e\x10\x00" + payload[1:])

    def test_portions(self):
        """
        A portion ends with the frame that exceeds its size; portions lose
        nothing, keep the order, and what is left stays counted.
        """
        for role, atMost in product(Role, (0, 1, 9, 10, 11, 30, 5000, 100000)):
            connection = makeConnection(role)
            for number in range(10):
                connection.sendBytes(b"%d" % number * 6)
                connection.sendBytes(b"%d" % number * 4097)
            waiting = connection.pendingSize
            data = b""
            while portion := connection.dataToSend(atMost):
                last = readFrames(b"".join(portion))[-1]
                before = len(b"".join(portion)) - len(last.serialize(KEY))
                self.assertLessEqual(before, atMost)
                data += b"".join(portion)
                self.assertEqual(connection.pendingSize, waiting - len(data))
                if connection.pendingSize:
                    self.assertGreater(len(b"".join(portion)), atMost)
            self.assertEqual(len(data), waiting)
            self.assertEqual(connection.pendingSize, 0)
            whole = makeConnection(role)
            for number in range(10):
                whole.sendBytes(b"%d" % number * 6)
                whole.sendBytes(b"%d" % number * 4097)
            self.assertEqual(data, sentBytes(whole))

    def test_wholeFrames(self):
        """
        A portion never ends between a header and its payload, so that what is
        left can be discarded and a Close sent instead.
        """
        for role, size in product(Role, (4097, 70000)):
            for atMost in range(30):
                connection = makeConnection(role)
                connection.sendText("abc")
                connection.sendBytes(bytes(size))
                connection.sendText("def")
                data = b"".join(connection.dataToSend(atMost))
                connection.discardData()
                connection.sendClose()
                *frames, last = readFrames(data + sentBytes(connection))
                self.assertEqual(last, Frame(CLOSE, NORMAL))
                expected = [Frame(TEXT, b"abc"), Frame(BINARY, bytes(size))]
                small = len(frame(TEXT, b"abc", isMasked=role is Role.CLIENT))
                self.assertEqual(frames, expected[: 1 + (atMost >= small)])

    def test_manyPortions(self):
        """
        Pongs are coalesced between two portions, too, and what is sent between
        them is behind what was there.
        """
        server = makeConnection(Role.SERVER)
        server.isCongested = True
        for number in range(9):
            server.sendText(str(number))
        data = b"".join(server.dataToSend(0) + server.dataToSend(0))
        server.sendPong(b"a")
        server.sendPong(b"b")
        data += b"".join(server.dataToSend(3))
        server.sendText("9")
        expected = [Frame(TEXT, b"%d" % number) for number in range(9)]
        expected += [Frame(PONG, b"b"), Frame(TEXT, b"9")]
        self.assertEqual(readFrames(data + sentBytes(server)), expected)

    def test_everythingFits(self):
        """
        What fits into a portion is fetched at once.
        """
        server = makeConnection(Role.SERVER)
        for _ in range(5):
            server.sendText("")
        self.assertEqual(server.dataToSend(10), [b"\x81\0"] * 5)
        self.assertEqual(server.dataToSend(0), [])

    def test_discard(self):
        """
        What has not been fetched can be forgotten.
        """
        server = makeConnection(Role.SERVER)
        server.sendText("a")
        server.discardData()
        self.assertEqual(server.pendingSize, 0)
        self.assertEqual(server.dataToSend(), [])
        server.sendText("b")
        self.assertEqual(sentFrames(server), [Frame(TEXT, b"b")])


class ClosingHandshakeTests(WireTestCase):
    """
    Connections are closed as RFC 6455 section 7 has it.
    """

    def test_peerCloses(self):
        """
        The peer's Close is answered with the same, and both are known.
        """
        for role in Role:
            connection = makeConnection(role)
            close = peerFrame(role, CLOSE, closeBody(4321, "enough"))
            status = CloseStatus(4321, "enough")
            self.assertEqual(receive(connection, close), [CloseReceived(status)])
            self.assertIs(connection.state, CLOSING)
            sent = [Frame(CLOSE, closeBody(4321, "enough"))]
            self.assertEqual(sentFrames(connection), sent)
            self.assertEqual(connection.closeReceived, status)
            self.assertEqual(connection.closeSent, status)
            self.assertIs(connection.isCloseReceivedFirst, True)

    def test_peerClosesWithoutCode(self):
        """
        A Close without a code is 1005, and is answered without one.
        """
        server = makeConnection(Role.SERVER)
        close = peerFrame(Role.SERVER, CLOSE)
        self.assertEqual(receive(server, close), [CloseReceived(NO_STATUS)])
        self.assertEqual(sentFrames(server), [Frame(CLOSE, b"")])
        self.assertEqual(server.closeReceived, NO_STATUS)
        self.assertEqual(server.closeSent, NO_STATUS)

    def test_thisEndCloses(self):
        """
        The answer to this end's Close ends the closing handshake, and is not
        answered again.
        """
        for role in Role:
            connection = makeConnection(role)
            connection.sendClose(1001, "Tschüß")
            self.assertIs(connection.state, CLOSE_SENT)
            self.assertEqual(connection.closeSent, CloseStatus(1001, "Tschüß"))
            self.assertIs(connection.closeReceived, None)
            self.assertEqual(
                sentFrames(connection), [Frame(CLOSE, closeBody(1001, "Tschüß"))]
            )
            close = peerFrame(role, CLOSE, closeBody(1001))
            self.assertEqual(
                receive(connection, close), [CloseReceived(CloseStatus(1001, ""))]
            )
            self.assertIs(connection.state, CLOSING)
            self.assertEqual(connection.dataToSend(), [])
            self.assertIs(connection.isCloseReceivedFirst, False)

    def test_bothClose(self):
        """
        Both sides may close at once.
        """
        client, server = makeConnection(Role.CLIENT), makeConnection(Role.SERVER)
        client.sendClose(4000, "client")
        server.sendClose(4001, "server")
        clientEvents, serverEvents = exchange(client, server)
        self.assertEqual(clientEvents, [CloseReceived(CloseStatus(4001, "server"))])
        self.assertEqual(serverEvents, [CloseReceived(CloseStatus(4000, "client"))])
        for connection in (client, server):
            self.assertIs(connection.state, CLOSING)
            self.assertIs(connection.isCloseReceivedFirst, False)
        self.assertEqual(client.closeSent, CloseStatus(4000, "client"))

    def test_defaults(self):
        """
        Left to itself, a Close is 1000 without a reason.
        """
        server = makeConnection(Role.SERVER)
        server.sendClose()
        self.assertEqual(sentFrames(server), [Frame(CLOSE, NORMAL)])
        self.assertEqual(server.closeSent, CloseStatus(1000, ""))

    def test_noCode(self):
        """
        A Close can be sent without a code, but then it has no reason either.
        """
        server = makeConnection(Role.SERVER)
        error = self.assertRaises(ValueError, server.sendClose, None, "why")
        self.assertEqual(str(error), "a reason needs a close code")
        self.assertIs(server.state, OPEN)
        server.sendClose(None)
        self.assertEqual(sentFrames(server), [Frame(CLOSE, b"")])
        self.assertEqual(server.closeSent, NO_STATUS)
        self.assertIs(server.state, CLOSE_SENT)

    def test_codesToSend(self):
        """
        Every close code that may travel is sent; every other one is refused at
        the call.
        """
        for code in (*range(5001), 65535, 65536, -1):
            server = makeConnection(Role.SERVER)
            if isSendableCloseCode(code):
                server.sendClose(code)
                self.assertEqual(sentFrames(server), [Frame(CLOSE, closeBody(code))])
            else:
                error = self.assertRaises(ValueError, server.sendClose, code)
                self.assertEqual(str(error), f"close code {code} may not be sent")
                self.assertIs(server.state, OPEN)
                self.assertEqual(server.pendingSize, 0)

    def test_codesReceived(self):
        """
        Every close code that may travel is received; every other one is a
        violation.
        """
        for code in (*range(5001), 65535):
            server = makeConnection(Role.SERVER)
            close = peerFrame(Role.SERVER, CLOSE, closeBody(code, "why"))
            (event,) = receive(server, close)
            if isSendableCloseCode(code):
                self.assertEqual(event, CloseReceived(CloseStatus(code, "why")))
            else:
                self.assertEqual(
                    event.violation.explanation, f"close code {code} may not be sent"
                )
                self.assertFailed(server, CloseCode.PROTOCOL_ERROR, code)

    def test_longReasons(self):
        """
        A reason is cut at 123 bytes of UTF-8, between two characters, and what
        was sent is remembered.
        """
        for reason, sent in (
            ("a" * 123, "a" * 123),
            ("a" * 124, "a" * 123),
            ("ä" * 61, "ä" * 61),
            ("ä" * 62, "ä" * 61),
            ("aä" + "€" * 40, "aä" + "€" * 40),
            ("ä" + "€" * 41, "ä" + "€" * 40),
            ("😀" * 31, "😀" * 30),
            ("aaa" + "😀" * 31, "aaa" + "😀" * 30),
            ("a" * 122 + "😀", "a" * 122),
            ("a\ud800b", "a?b"),
        ):
            server = makeConnection(Role.SERVER)
            server.sendClose(1000, reason)
            self.assertEqual(sentFrames(server), [Frame(CLOSE, NORMAL + sent.encode())])
            self.assertEqual(server.closeSent, CloseStatus(1000, sent))

    def test_longestReasonReceived(self):
        """
        A reason of 123 bytes is received.
        """
        server = makeConnection(Role.SERVER)
        close = peerFrame(Role.SERVER, CLOSE, closeBody(1000, "€" * 41))
        for pieces in splits(close):
            server = makeConnection(Role.SERVER)
            self.assertEqual(
                receive(server, *pieces), [CloseReceived(CloseStatus(1000, "€" * 41))]
            )

    def test_insideMessage(self):
        """
        A Close may come in the middle of a fragmented message, which is then
        never complete.
        """
        for role in Role:
            connection = makeConnection(role)
            data = b"".join(
                (
                    peerFrame(role, TEXT, b"a", isFinal=False),
                    peerFrame(role, CLOSE, NORMAL),
                    peerFrame(role, CONTINUATION, b"b"),
                )
            )
            self.assertEqual(
                receive(connection, *dribble(data)),
                [CloseReceived(CloseStatus(1000, ""))],
            )

    def test_framesAfterClose(self):
        """
        What follows the peer's Close is dropped, be it valid or not, in the
        same bytes or later ones, RFC 6455 section 5.5.1.
        """
        for late in (
            peerFrame(Role.SERVER, TEXT, b"a"),
            peerFrame(Role.SERVER, PING, b"a"),
            peerFrame(Role.SERVER, CLOSE, closeBody(1001)),
            peerFrame(Role.SERVER, 3),
            b"\x81",
        ):
            server = makeConnection(Role.SERVER)
            fresh = keptSize(server)
            (event,) = receive(
                server, peerFrame(Role.SERVER, CLOSE, NORMAL) + late, late, late
            )
            self.assertEqual(event, CloseReceived(CloseStatus(1000, "")))
            self.assertEqual(sentFrames(server), [Frame(CLOSE, NORMAL)])
            self.assertIs(server.state, CLOSING)
            self.assertEqual(keptSize(server), fresh)

    def test_framesBeforeAnswer(self):
        """
        Messages that come between this end's Close and the peer's are still
        received.
        """
        server = makeConnection(Role.SERVER)
        server.sendClose()
        data = b"".join(
            (
                peerFrame(Role.SERVER, TEXT, b"late"),
                peerFrame(Role.SERVER, PONG, b"a"),
                peerFrame(Role.SERVER, CLOSE, NORMAL),
            )
        )
        self.assertEqual(
            receive(server, *dribble(data)),
            [
                TextMessageReceived("late"),
                PongReceived(b"a"),
                CloseReceived(CloseStatus(1000, "")),
            ],
        )

    def test_lost(self):
        """
        When the transport is gone, nothing is kept or taken any more.
        """
        server = makeConnection(Role.SERVER)
        fresh = keptSize(server)
        server.sendText("a")
        server.receiveData(peerFrame(Role.SERVER, TEXT, b"a"))
        server.connectionLost()
        self.assertIs(server.state, CLOSED)
        self.assertEqual(server.pendingSize, 0)
        self.assertEqual(server.dataToSend(), [])
        self.assertEqual(receive(server, peerFrame(Role.SERVER, TEXT, b"a")), [])
        self.assertEqual(keptSize(server), fresh)

    def test_lostAfterViolation(self):
        """
        When the transport is gone after a violation, there are no events.
        """
        server = makeConnection(Role.SERVER)
        receive(server, frame(TEXT))
        server.receiveData(b"\x88")
        server.connectionLost()
        self.assertEqual(receive(server, b"\x80"), [])


# What fails a server: the close code, what comes before, and the frame.
VIOLATIONS = (
    (1002, b"", peerFrame(Role.SERVER, 3), "opcode 3"),
    (1002, b"", peerFrame(Role.SERVER, TEXT, rsv=RSV1), "RSV1"),
    (1002, b"", frame(TEXT, b"a"), "not masked"),
    (1002, b"", peerFrame(Role.SERVER, PING, isFinal=False), "fragmented Ping"),
    (1002, b"", peerFrame(Role.SERVER, PING, bytes(126)), "long Ping"),
    (1002, b"", peerFrame(Role.SERVER, CONTINUATION), "no message"),
    (
        1002,
        peerFrame(Role.SERVER, TEXT, b"a", isFinal=False),
        peerFrame(Role.SERVER, TEXT, b"b"),
        "message inside message",
    ),
    (1007, b"", peerFrame(Role.SERVER, TEXT, b"a\xff"), "not UTF-8"),
    (1009, b"", peerFrame(Role.SERVER, BINARY, bytes(101)), "too big"),
)


class ViolationTests(WireTestCase):
    """
    What the peer must not do fails the connection, RFC 6455 section 7.1.7.
    """

    def makeServer(self):
        """
        Make a server whose messages have at most 100 bytes.
        """
        return makeConnection(Role.SERVER, maxMessageSize=100)

    def test_failed(self):
        """
        A violation is an event, and is answered with a Close that says what
        was wrong.
        """
        for code, before, violating, case in VIOLATIONS:
            server = self.makeServer()
            (event,) = receive(server, before + violating)
            self.assertIs(type(event), ViolationReceived)
            self.assertEqual(event.violation.closeCode, code)
            self.assertEqual(
                server.closeSent, CloseStatus(code, event.violation.explanation), case
            )
            self.assertFailed(server, code, case)
            self.assertIs(server.state, FAILED)
            self.assertIs(server.closeReceived, None)

    def test_explanation(self):
        """
        The peer is told the reason.
        """
        server = self.makeServer()
        receive(server, frame(TEXT))
        self.assertEqual(
            sentFrames(server),
            [Frame(CLOSE, closeBody(1002, "a client's frame is not masked"))],
        )

    def test_masked(self):
        """
        A client fails a connection whose frames are masked.
        """
        client = makeConnection(Role.CLIENT)
        (event,) = receive(client, frame(TEXT, b"a", isMasked=True))
        self.assertIs(type(event.violation), BadFrame)
        self.assertFailed(client, CloseCode.PROTOCOL_ERROR)

    def test_messagesBefore(self):
        """
        A message that came before a violation is an event before it.
        """
        for _code, before, violating, case in VIOLATIONS:
            data = peerFrame(Role.SERVER, TEXT, b"a") + before + violating
            for pieces in splits(data):
                events = receive(self.makeServer(), *pieces)
                self.assertEqual(events[0], TextMessageReceived("a"), case)
                self.assertIs(type(events[1]), ViolationReceived, case)
                self.assertEqual(len(events), 2, case)

    def test_refusedByHeader(self):
        """
        A frame that is too big is refused when its header is there; nothing of
        it is kept.
        """
        for length in (101, 126, 2**16, 2**63 - 1):
            for pieces in splits(header(BINARY, length, isMasked=True)):
                server = self.makeServer()
                fresh = keptSize(server)
                receive(server, *pieces)
                self.assertFailed(server, CloseCode.MESSAGE_TOO_BIG, length)
                receive(server, KEY, bytes(100))
                self.assertEqual(keptSize(server), fresh, length)

    def test_discarded(self):
        """
        What follows a violation is dropped, and nothing of it is kept.
        """
        for code, before, violating, case in VIOLATIONS:
            server = self.makeServer()
            receive(server, before + violating)
            self.assertFailed(server, code)
            for late in (
                peerFrame(Role.SERVER, TEXT, b"a"),
                peerFrame(Role.SERVER, PING, b"a"),
                violating,
                peerFrame(Role.SERVER, BINARY, bytes(70000)),
                peerFrame(Role.SERVER, CLOSE, NORMAL),
            ):
                self.assertEqual(receive(server, late), [], case)
                self.assertIs(server.state, FAILED, case)
            self.assertEqual(server.dataToSend(), [], case)

    def test_afterCloseSent(self):
        """
        A violation after this end's Close is an event, but has no Close of its
        own.
        """
        for _code, before, violating, case in VIOLATIONS:
            server = self.makeServer()
            server.sendClose(1001)
            (event,) = receive(server, before + violating)
            self.assertIs(type(event), ViolationReceived, case)
            self.assertIs(server.state, FAILED, case)
            self.assertEqual(sentFrames(server), [Frame(CLOSE, closeBody(1001))], case)
            self.assertEqual(server.closeSent, CloseStatus(1001, ""), case)

    def test_halfMessage(self):
        """
        What had been received of a message is not kept.
        """
        server = makeConnection(Role.SERVER)
        fresh = keptSize(server)
        receive(server, peerFrame(Role.SERVER, BINARY, bytes(70000), isFinal=False))
        receive(server, frame(TEXT))
        self.assertFailed(server, CloseCode.PROTOCOL_ERROR)
        self.assertEqual(keptSize(server), fresh)

    def test_fragmentSize(self):
        """
        Fragments of nothing are refused when a connection is made.
        """
        self.assertRaises(ValueError, Connection, Role.SERVER, fragmentSize=0)

    def test_queuedFrames(self):
        """
        What was sent before the violation goes out before the Close.
        """
        server = self.makeServer()
        server.sendText("a")
        receive(server, frame(TEXT))
        self.assertEqual([sent.opcode for sent in sentFrames(server)], [TEXT, CLOSE])


class BadCloseTests(WireTestCase):
    """
    A Close that is itself a violation fails the connection.
    """

    def test_badClose(self):
        """
        Half a close code, a code that may not travel, and a reason that is not
        UTF-8 are violations.
        """
        for payload, code, explanation in (
            (b"\x03", 1002, "a Close carries half a close code"),
            (closeBody(999), 1002, "close code 999 may not be sent"),
            (closeBody(1005, "a"), 1002, "close code 1005 may not be sent"),
            *(
                (NORMAL + b"a" + bad, 1007, "a close reason is not UTF-8")
                for bad in (*(each[0] for each in BAD_TEXTS), *CUT_TEXTS)
            ),
        ):
            for role in Role:
                connection = makeConnection(role)
                close = peerFrame(role, CLOSE, payload)
                (event,) = receive(connection, *dribble(close), close)
                self.assertEqual(event.violation.explanation, explanation)
                self.assertFailed(connection, code, payload)
                self.assertIs(connection.state, FAILED)
                self.assertIs(connection.closeReceived, None)
                self.assertIs(connection.isCloseReceivedFirst, False)

    def test_badAnswer(self):
        """
        An answer to this end's Close that is a violation fails the connection,
        without another Close.
        """
        server = makeConnection(Role.SERVER)
        server.sendClose(1001)
        (event,) = receive(server, peerFrame(Role.SERVER, CLOSE, b"\x03"))
        self.assertIs(type(event), ViolationReceived)
        self.assertIs(server.state, FAILED)
        self.assertIs(server.isCloseReceivedFirst, False)
        self.assertEqual(sentFrames(server), [Frame(CLOSE, closeBody(1001))])

    def test_badCloseFrame(self):
        """
        So does a Close whose header is a violation.
        """
        for data in (
            frame(CLOSE, NORMAL),
            peerFrame(Role.SERVER, CLOSE, NORMAL, rsv=RSV1),
            peerFrame(Role.SERVER, CLOSE, NORMAL, isFinal=False),
            peerFrame(Role.SERVER, CLOSE, NORMAL + bytes(124)),
        ):
            for pieces in splits(data):
                server = makeConnection(Role.SERVER)
                (event,) = receive(server, *pieces)
                self.assertIs(type(event.violation), BadFrame)
                self.assertFailed(server, CloseCode.PROTOCOL_ERROR, pieces)


class BadTextTests(WireTestCase):
    """
    Text that is not UTF-8 fails the connection at its first bad byte, RFC 6455
    section 8.1.
    """

    def assertFailsAt(self, data, last, case):
        """
        Assert that a server fails with the last byte of some, and not before.
        """
        server = makeConnection(Role.SERVER)
        self.assertEqual(receive(server, *dribble(data[:last])), [], case)
        self.assertIs(server.state, OPEN, case)
        (event,) = receive(server, data[last : last + 1])
        self.assertIs(type(event.violation), BadPayload, case)
        self.assertFailed(server, CloseCode.INVALID_PAYLOAD_DATA, case)

    def test_insideFrame(self):
        """
        The rest of the frame need not be there, and neither its end.
        """
        for bad, good, case in BAD_TEXTS:
            for size in (100, 1000, 70000):
                for isFinal in (False, True):
                    payload = b"ok" + bad + b"." * (size - len(bad))
                    data = peerFrame(Role.SERVER, TEXT, payload, isFinal)
                    start = len(data) - len(payload)
                    self.assertFailsAt(data, start + 2 + good, case)

    def test_acrossFragments(self):
        """
        A character may be spread over fragments, with a Ping between them; the
        fragment with the bad byte fails.
        """
        for bad, good, case in BAD_TEXTS:
            for cut in range(len(bad) + 1):
                for ping in (b"", peerFrame(Role.SERVER, PING)):
                    first = b"ok" + bad[:cut]
                    head = peerFrame(Role.SERVER, TEXT, first, isFinal=False)
                    tail = peerFrame(Role.SERVER, CONTINUATION, bad[cut:])
                    server = makeConnection(Role.SERVER)
                    events = receive(server, head)
                    self.assertEqual(len(events), int(cut > good), case)
                    events += receive(server, ping + tail)
                    self.assertIs(type(events[-1].violation), BadPayload, case)
                    self.assertEqual(
                        events[-1].violation.explanation,
                        "a text message is not UTF-8 at byte 2",
                    )

    def test_cut(self):
        """
        Text that ends in the middle of a character fails at its end.
        """
        for cut in CUT_TEXTS:
            data = peerFrame(Role.SERVER, TEXT, b"ok" + cut)
            self.assertFailsAt(data, len(data) - 1, cut)
            data = peerFrame(Role.SERVER, TEXT, b"ok" + cut, isFinal=False)
            data += peerFrame(Role.SERVER, CONTINUATION)
            self.assertFailsAt(data, len(data) - 1, cut)

    def test_bytes(self):
        """
        Bytes need not be UTF-8.
        """
        for bad, _good, _case in BAD_TEXTS:
            server = makeConnection(Role.SERVER)
            data = peerFrame(Role.SERVER, BINARY, bad)
            self.assertEqual(
                receive(server, *dribble(data)), [BytesMessageReceived(bad)]
            )


def enter(state):
    """
    Bring a new server into a state.
    """
    server = makeConnection(Role.SERVER)
    if state is CLOSE_SENT:
        server.sendClose()
    elif state is FAILED:
        receive(server, frame(TEXT))
    elif state is CLOSING:
        receive(server, peerFrame(Role.SERVER, CLOSE))
    elif state is CLOSED:
        server.connectionLost()
    server.dataToSend()
    return server


class TransitionsTests(WireTestCase):
    """
    The life of a connection is a table.
    """

    INPUTS = {
        Input.SEND_CLOSE: lambda server: server.sendClose(),
        Input.RECEIVE_CLOSE: lambda server: receive(
            server, peerFrame(Role.SERVER, CLOSE)
        ),
        Input.FAIL: lambda server: receive(server, frame(TEXT)),
        Input.LOSE: lambda server: server.connectionLost(),
    }

    def test_rows(self):
        """
        The table has these rows.
        """
        self.assertEqual(
            TRANSITIONS,
            {
                (OPEN, Input.SEND_CLOSE): CLOSE_SENT,
                (OPEN, Input.RECEIVE_CLOSE): CLOSING,
                (OPEN, Input.FAIL): FAILED,
                (OPEN, Input.LOSE): CLOSED,
                (CLOSE_SENT, Input.RECEIVE_CLOSE): CLOSING,
                (CLOSE_SENT, Input.FAIL): FAILED,
                (CLOSE_SENT, Input.LOSE): CLOSED,
                (FAILED, Input.LOSE): CLOSED,
                (CLOSING, Input.LOSE): CLOSED,
            },
        )

    def test_everyRow(self):
        """
        Each row happens.
        """
        for (state, given), following in TRANSITIONS.items():
            server = enter(state)
            self.assertIs(server.state, state)
            self.INPUTS[given](server)
            self.assertIs(server.state, following, (state, given))

    def test_missingRows(self):
        """
        What this end does and the table does not have is an error; what the
        peer does has no effect.
        """
        for state, given in product(ConnectionState, Input):
            if (state, given) in TRANSITIONS:
                continue
            server = enter(state)
            act = self.INPUTS[given]
            if given in (Input.SEND_CLOSE, Input.LOSE):
                error = self.assertRaises(ConnectionStateError, act, server)
                self.assertEqual(error.state, state.value)
            else:
                self.assertEqual(act(server), [], (state, given))
            self.assertIs(server.state, state)
            self.assertEqual(server.pendingSize, 0)

    def test_lostTwice(self):
        """
        A transport is lost once.
        """
        server = enter(CLOSED)
        error = self.assertRaises(ConnectionStateError, server.connectionLost)
        self.assertEqual(error.act, "transport lost")

    def test_sending(self):
        """
        Messages, Pings and Closes can be sent while the connection is open,
        Pongs until the peer's Close has been received; everything else is an
        error that says what was tried.
        """
        for send, act, allowed in (
            (lambda server: server.sendText("a"), "sending a message", [OPEN]),
            (lambda server: server.sendBytes(b"a"), "sending a message", [OPEN]),
            (lambda server: server.sendPing(), "sending a Ping", [OPEN]),
            (lambda server: server.sendClose(), "sending a Close", [OPEN]),
            (lambda server: server.sendPong(), "sending a Pong", [OPEN, CLOSE_SENT]),
        ):
            for state in ConnectionState:
                server = enter(state)
                if state in allowed:
                    send(server)
                    self.assertGreater(server.pendingSize, 0)
                else:
                    error = self.assertRaises(ConnectionStateError, send, server)
                    self.assertEqual((error.state, error.act), (state.value, act))
                    self.assertEqual(server.pendingSize, 0)


class ObserverTests(WireTestCase):
    """
    An observer sees the frames of both directions.
    """

    def test_frames(self):
        """
        It sees them as they are on the wire, but unmasked, in their order.
        """
        for role in Role:
            seen = []
            connection = makeConnection(
                role,
                observer=lambda *seeing, seen=seen: seen.append(seeing),
                fragmentSize=2,
            )
            receive(connection, peerFrame(role, PING, b"a"))
            connection.sendText("abc")
            receive(connection, peerFrame(role, BINARY, b"b", isFinal=False))
            receive(connection, peerFrame(role, CLOSE, closeBody(1001, "c")))
            self.assertEqual(
                seen,
                [
                    (Direction.RECEIVED, Frame(PING, b"a")),
                    (Direction.SENT, Frame(PONG, b"a")),
                    (Direction.SENT, Frame(TEXT, b"ab", isFinal=False)),
                    (Direction.SENT, Frame(CONTINUATION, b"c")),
                    (Direction.RECEIVED, Frame(BINARY, b"b", isFinal=False)),
                    (Direction.RECEIVED, Frame(CLOSE, closeBody(1001, "c"))),
                    (Direction.SENT, Frame(CLOSE, closeBody(1001, "c"))),
                ],
            )


class BackToBackTests(WireTestCase):
    """
    Two connections understand each other.
    """

    def test_conversation(self):
        """
        What one side sends, the other receives, in both directions, up to the
        end of the closing handshake.
        """
        client, server = makeConnection(Role.CLIENT), makeConnection(Role.SERVER)
        for first, second in ((client, server), (server, client)):
            first.sendText("Grüße")
            first.sendBytes(bytes(70000))
            first.sendPing(b"1")
            firstEvents, secondEvents = exchange(first, second)
            self.assertEqual(firstEvents, [PongReceived(b"1")])
            self.assertEqual(
                secondEvents,
                [
                    TextMessageReceived("Grüße"),
                    BytesMessageReceived(bytes(70000)),
                    PingReceived(b"1"),
                ],
            )
        client.sendClose(1000, "done")
        clientEvents, serverEvents = exchange(client, server)
        status = CloseStatus(1000, "done")
        self.assertEqual(clientEvents, [CloseReceived(status)])
        self.assertEqual(serverEvents, [CloseReceived(status)])
        self.assertIs(client.state, CLOSING)
        self.assertIs(server.state, CLOSING)

    def test_violation(self):
        """
        When one side fails the connection, the other is told.
        """
        client = makeConnection(Role.CLIENT)
        server = makeConnection(Role.SERVER, maxMessageSize=3)
        client.sendText("abcd")
        clientEvents, serverEvents = exchange(client, server)
        status = CloseStatus(1009, "a message has more than 3 bytes (maxMessageSize)")
        self.assertEqual(clientEvents, [CloseReceived(status)])
        self.assertEqual(len(serverEvents), 1)
        self.assertIs(client.state, CLOSING)
        self.assertIs(server.state, FAILED)
