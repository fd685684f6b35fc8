"""
Tests for L{txws.wire.sending}.
"""

from __future__ import annotations

import random
from itertools import product

from txws.wire.codes import Opcode
from txws.wire.connection import Connection
from txws.wire.errors import ConnectionStateError
from txws.wire.events import PingReceived
from txws.wire.frames import Frame
from txws.wire.states import Role

from .assertions import WireTestCase
from .tables import (
    KEY,
    Digest,
    Markup,
    closeBody,
    frame,
    makeConnection,
    peerFrame,
    readFrames,
    receive,
    sentBytes,
    sentFrames,
)

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = Opcode
NORMAL = b"\x03\xe8"


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

    def test_ownLength(self):
        """
        Text of a kind of its own may say that it is shorter than it is: as wide as
        it is shown, for example.
        """

        class Shown(Markup):
            """
            Text of which nothing is shown.
            """

            def __len__(self):
                return 0

        for role in Role:
            for size in (0, 3, 200, 5000, 70000):
                connection = makeConnection(role)
                connection.sendText(Shown("a" * size))
                self.assertEqual(sentFrames(connection), [Frame(TEXT, b"a" * size)])

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
