"""
Tests for L{txws.wire.connection}.
"""

from __future__ import annotations

import sys
from itertools import product

from txws.wire.codes import CloseCode, Opcode, isSendableCloseCode
from txws.wire.connection import Connection
from txws.wire.errors import BadFrame, BadPayload, MessageTooBig
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
from txws.wire.prepared import PreparedMessage
from txws.wire.states import ConnectionState, Direction, Role

from .assertions import WireTestCase
from .ciphers import Mirror
from .tables import (
    BAD_TEXTS,
    CUT_TEXTS,
    KEY,
    Digest,
    closeBody,
    dribble,
    exchange,
    frame,
    header,
    keptSize,
    makeConnection,
    peerFrame,
    pendingEvents,
    receive,
    sentFrames,
    splits,
)

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = Opcode
OPEN, CLOSE_SENT, FAILED, CLOSING, CLOSED = ConnectionState
NO_STATUS = CloseStatus(1005, "")
NORMAL = b"\x03\xe8"


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
    MESSAGES = (
        *("", "Grüße", b"", b"\xff", "a" * 125, b"b" * 126),
        *("c" * 0xFFFF, "d" * 0x10000, "\xe9" * 0x8000, b"e" * 0x20001),
    )
    SHORT = MESSAGES[:6]

    def test_messages(self):
        """
        Text is L{str} and binary is L{bytes}; what is not whole comes when the
        rest of it does, and nothing comes twice.
        """
        for role in Role:
            data = messageFrames(role, self.SHORT)
            for pieces in splits(data):
                connection = makeConnection(role)
                received = []
                for piece in pieces:
                    connection.receiveData(piece)
                    received += connection.nextMessages()
                    for event in pendingEvents(connection):
                        isText = isinstance(event, TextMessageReceived)
                        received.append(event.message if isText else event.data)
                self.assertEqual(received, list(self.SHORT))

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

    def test_hasMore(self):
        """
        Whoever has got all of it is told so, and nothing of it is kept.
        """
        for role in Role:
            connection = makeConnection(role)
            data = peerFrame(role, TEXT, b"a" * 100)
            connection.receiveData(data)
            self.assertTrue(connection.hasMore)
            connection.nextMessages()
            self.assertFalse(connection.hasMore)
            self.assertIsNone(connection.nextEvent())
            connection.receiveData(data)
            self.assertTrue(connection.hasMore)

            for rest in (data[:-1], data[:1], peerFrame(role, PING)):
                connection = makeConnection(role)
                connection.receiveData(data + rest)
                self.assertEqual(len(connection.nextMessages()), 1)
                self.assertTrue(connection.hasMore, rest)

    def test_hasMoreThatArrivesMeanwhile(self):
        """
        What arrives while messages are seen to is not forgotten.
        """
        server = makeConnection(Role.SERVER)
        server.receiveData(messageFrames(Role.SERVER, "a" * 40))
        self.assertEqual(len(server.nextMessages()), 32)
        self.assertTrue(server.hasMore)
        server.receiveData(messageFrames(Role.SERVER, "b"))
        self.assertEqual(len(server.nextMessages()), 8)
        self.assertTrue(server.hasMore)
        self.assertEqual(pendingEvents(server), [TextMessageReceived("b")])
        server.receiveData(messageFrames(Role.SERVER, "c"))
        self.assertTrue(server.hasMore)
        self.assertEqual(server.nextMessages(), ["c"])
        self.assertFalse(server.hasMore)

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
                header(TEXT, 1 << 62, isMasked=role is Role.SERVER) + KEY,
                header(TEXT, 1 << 16, isMasked=role is Role.SERVER)[:-8]
                + (0xFFFF).to_bytes(8, "big"),
                header(TEXT, 1 << 16, isMasked=role is Role.SERVER)[:-8] + b"\xff" * 8,
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

    def test_maskedWrongly(self):
        """
        What is not masked as it has to be is no message, whatever its length, and
        however much comes behind it.
        """
        for role in Role:
            other = Role.CLIENT if role is Role.SERVER else Role.SERVER
            for opcode, size in product((TEXT, BINARY), (0, 1, 99, 125, 126, 1 << 16)):
                connection = makeConnection(role)
                data = peerFrame(other, opcode, b"a" * size)
                connection.receiveData(data + bytes(1 << 17))
                self.assertEqual(connection.nextMessages(), [], size)
                event = connection.nextEvent()
                self.assertIsInstance(event, ViolationReceived, size)

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


class InterruptionTests(WireTestCase):
    """
    Garbage is collected and signals are handled in the middle of anything.
    """

    def test_lostWhileDecoding(self):
        """
        A connection may be lost while a message is put together.
        """

        def interrupt(frame, event, argument):
            if event == "call" and frame.f_code.co_name == "decode":
                sys.setprofile(before)
                connection.connectionLost()

        before = sys.getprofile()
        for role in Role:
            connection = makeConnection(role)
            receive(connection, peerFrame(role, TEXT, b"a", isFinal=False))
            connection.receiveData(peerFrame(role, CONTINUATION, b"b"))
            sys.setprofile(interrupt)
            try:
                event = connection.nextEvent()
            finally:
                sys.setprofile(before)
            self.assertEqual(event, TextMessageReceived("ab"))
            self.assertIs(connection.state, CLOSED)
            self.assertIsNone(connection.nextEvent())


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


class ObserverTests(WireTestCase):
    """
    An observer sees the frames of both directions.
    """

    def test_empty(self):
        """
        An observer that is false, such as a list that is empty, sees them, too.
        """

        class Seen(list):
            """
            A list that can be called.
            """

            def __call__(self, *seeing):
                self.append(seeing)

        prepared = PreparedMessage("a")
        for role in Role:
            for send in (
                lambda connection: connection.sendText("a"),
                lambda connection: connection.sendPrepared(prepared),
            ):
                seen = Seen()
                send(makeConnection(role, observer=seen))
                self.assertEqual(seen, [(Direction.SENT, Frame(TEXT, b"a"))])

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
