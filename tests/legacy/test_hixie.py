"""
Tests for L{txws.legacy.hixie}.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.tables import (
    BAD_TEXTS,
    CUT_TEXTS,
    dribble,
    keptSize,
    receive,
    sentBytes,
    splits,
)
from tests.wire.test_properties import chunks, stable
from txws.legacy.hixie import BinaryUnsupported, HixieConnection
from txws.testing import splitData
from txws.wire.codes import CloseCode, Opcode
from txws.wire.errors import (
    BadFrame,
    BadPayload,
    ConnectionStateError,
    MessageTooBig,
)
from txws.wire.events import (
    CloseReceived,
    CloseStatus,
    TextFragmentReceived,
    TextMessageReceived,
    ViolationReceived,
)
from txws.wire.frames import Frame
from txws.wire.prepared import PreparedMessage
from txws.wire.states import ConnectionState, Direction

NO_STATUS = CloseStatus(CloseCode.NO_STATUS_RECEIVED, "")
CLOSE = b"\xff\x00"

# What is no frame of any version of hixie, or none that is accepted here.
BAD_FRAMES = (
    (b"\x01text\xff", "another type of text"),
    (b"\x7f", "the last type of text"),
    (b"\x80\x00", "an empty frame with a length"),
    (b"\x80\x03abc", "a frame with a length"),
    (b"\x80" + b"\xff" * 9 + b"\x7f", "a frame of 2 ** 70 bytes"),
    (b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "a frame of RFC 6455"),
    (b"\xfe\x00", "the type before the last"),
    (b"GET / HTTP/1.1\r\n", "a request"),
)


def countCalls(act: Callable[[], object]) -> int:
    """
    Do something, and count the calls that it takes.
    """
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    # Whoever measures coverage may be there.
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        act()
    finally:
        sys.setprofile(before)
    return calls


def connect(hasClose: bool = True, **settings) -> HixieConnection:
    """
    Make a connection, of hixie-76 if it has a closing handshake.
    """
    return HixieConnection(hasClose, **settings)


class HixieTestCase(SynchronousTestCase):
    """
    Judges connections.
    """

    def assertFailed(self, connection, events, kind, case=None) -> None:
        """
        Assert that the last of some events is a violation, and that the
        connection has failed.
        """
        self.assertIsInstance(events[-1], ViolationReceived, case)
        self.assertIs(type(events[-1].violation), kind, case)
        self.assertIs(connection.state, ConnectionState.FAILED, case)
        self.assertEqual(receive(connection, b"\x00late\xff"), [], case)


class ReceiveTests(HixieTestCase):
    """
    Tests for what a client sends.
    """

    def test_text(self) -> None:
        """
        What is between 0x00 and 0xFF is a text message, however it arrives.
        """
        sent = b"\x00Hello\xff\x00\xff\x00\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xff"
        expected = [TextMessageReceived(text) for text in ("Hello", "", "é€😀")]
        for pieces in splits(sent):
            for hasClose in (True, False):
                self.assertEqual(receive(connect(hasClose), *pieces), expected)

    def test_parts(self) -> None:
        """
        Who wants messages in parts gets them as they arrive, cut between two
        characters.
        """
        connection = connect(deliversFragments=True)

        events = receive(connection, b"\x00H\xc3", b"\xa9", b"llo\xff\x00", b"\xff")

        expected = [("H", False), ("é", False), ("llo", True), ("", True)]
        self.assertEqual(events, [TextFragmentReceived(*event) for event in expected])

    def test_nothingIsParsedUnasked(self) -> None:
        """
        What has been received waits until somebody asks.
        """
        connection = connect()
        connection.receiveData(b"\x00one\xff\x00two\xff\x80")

        self.assertEqual(connection.nextEvent(), TextMessageReceived("one"))
        self.assertIs(connection.state, ConnectionState.OPEN)
        self.assertEqual(connection.nextEvent(), TextMessageReceived("two"))
        self.assertIsInstance(connection.nextEvent(), ViolationReceived)

    def test_badFrames(self) -> None:
        """
        Frames of another type fail the connection by their first byte,
        whatever length they claim.
        """
        for data, case in BAD_FRAMES:
            for hasClose in (True, False):
                connection = connect(hasClose)

                events = receive(connection, b"\x00before\xff" + data)

                self.assertEqual(events[0], TextMessageReceived("before"))
                self.assertFailed(connection, events, BadFrame, case)
                self.assertEqual(len(events), 2, case)
                self.assertLess(keptSize(connection), 100, case)
                self.assertEqual(sentBytes(connection), CLOSE if hasClose else b"")

    def test_closeThatIsNotEmpty(self) -> None:
        """
        A Close that claims to have a length fails the connection, without the
        rest of it.
        """
        connection = connect()

        events = receive(connection, b"\xff\x81")

        self.assertFailed(connection, events, BadFrame)

    def test_closeWhereThereIsNone(self) -> None:
        """
        There is no Close in hixie-75.
        """
        connection = connect(hasClose=False)

        self.assertFailed(connection, receive(connection, CLOSE), BadFrame)
        self.assertIsNone(connection.closeReceived)

    def test_badText(self) -> None:
        """
        Text that is not UTF-8 fails the connection, and not only at its end.
        """
        for bad, good, case in BAD_TEXTS:
            if bad == b"\xff":
                # It ends the frame.
                continue
            for pieces in splits(b"\x00ok" + bad):
                connection = connect()

                events = receive(connection, *pieces)
                events += receive(connection, b"\xff") if not events else []

                self.assertFailed(connection, events, BadPayload, (case, good))

    def test_cutText(self) -> None:
        """
        A text that ends inside a character fails the connection.
        """
        for cut in CUT_TEXTS:
            connection = connect()

            events = receive(connection, b"\x00ok" + cut + b"\xff")

            self.assertFailed(connection, events, BadPayload, cut)

    def test_limit(self) -> None:
        """
        A message up to the limit is received, whatever its pieces are; a
        larger one fails the connection, and does not need to end.
        """
        for pieces in splits(b"\x0012345678\xff"):
            connection = connect(maxMessageSize=8)

            events = receive(connection, *pieces)

            self.assertEqual(events, [TextMessageReceived("12345678")])
        for pieces in splits(b"\x00123456789"):
            connection = connect(maxMessageSize=8)

            self.assertFailed(connection, receive(connection, *pieces), MessageTooBig)

    def test_endlessFrame(self) -> None:
        """
        A frame that never ends is given up at the limit, and nothing of it is
        kept.
        """
        connection = connect(maxMessageSize=1 << 20)

        events = receive(connection, b"\x00", *dribble(bytes(2**14)))
        events += receive(connection, *[bytes(4096)] * 256)

        self.assertFailed(connection, events, MessageTooBig)
        self.assertLess(keptSize(connection), 100)

    def test_linear(self) -> None:
        """
        A byte of a frame that comes byte by byte takes as many calls as any other.
        """
        connection = connect()
        receive(connection, b"\x00")

        counts = [countCalls(lambda: receive(connection, b"a")) for _ in range(2000)]

        self.assertLess(sum(counts[1000:]), sum(counts[:1000]) * 1.05)

    def test_observer(self) -> None:
        """
        Whoever watches sees frames as RFC 6455 would have them.
        """
        seen: list[tuple[Direction, Frame]] = []
        connection = connect(observer=lambda *frame: seen.append(frame))
        receive(connection, b"\x00one\xff\x00t")
        receive(connection, b"wo\xff")
        connection.sendText("three")
        receive(connection, CLOSE)

        self.assertEqual(
            seen,
            [
                (Direction.RECEIVED, Frame(Opcode.TEXT, b"one")),
                (Direction.RECEIVED, Frame(Opcode.TEXT, b"t", False)),
                (Direction.RECEIVED, Frame(Opcode.CONTINUATION, b"wo")),
                (Direction.SENT, Frame(Opcode.TEXT, b"three")),
                (Direction.RECEIVED, Frame(Opcode.CLOSE, b"")),
                (Direction.SENT, Frame(Opcode.CLOSE, b"")),
            ],
        )

    @stable
    @given(
        st.lists(
            st.text(max_size=9).map(lambda text: b"\x00" + text.encode() + b"\xff")
            | st.sampled_from([CLOSE, b"\x00", b"\xff", b"\x80\x81\x01"])
            | st.binary(max_size=9),
            max_size=6,
        ).map(b"".join),
        chunks,
        st.booleans(),
        st.booleans(),
    )
    def test_chunking(self, data, sizes, hasClose, deliversFragments) -> None:
        """
        Whatever arrives, nothing is raised, and neither messages nor answers
        nor the state depend on how it was cut.
        """
        outcomes = []
        for pieces in ([data], splitData(data, sizes)):
            connection = connect(
                hasClose, maxMessageSize=20, deliversFragments=deliversFragments
            )
            told = [tell(event) for event in receive(connection, *pieces)]
            if deliversFragments:
                told = ["".join(each for each in told if isinstance(each, str))]
                if connection.state is ConnectionState.FAILED:
                    # Some of its last text may have been handed on.
                    told = []
            outcomes.append((told, sentBytes(connection), connection.state))

        self.assertEqual(*outcomes)


def tell(event) -> object:
    """
    Make events comparable.
    """
    if isinstance(event, ViolationReceived):
        return type(event.violation)
    if isinstance(event, TextFragmentReceived):
        return event.text + ("." if event.isFinal else "")
    return event


class SendTests(HixieTestCase):
    """
    Tests for what is sent to a client.
    """

    def test_text(self) -> None:
        """
        A message is sent between 0x00 and 0xFF.
        """
        connection = connect()
        connection.sendText("Hello")
        connection.sendText("")
        connection.sendText("é")

        self.assertEqual(connection.pendingSize, 13)
        self.assertEqual(connection.pendingPieces, 3)
        self.assertEqual(
            sentBytes(connection), b"\x00Hello\xff\x00\xff\x00\xc3\xa9\xff"
        )
        self.assertEqual(connection.pendingSize, 0)

    def test_parts(self) -> None:
        """
        A message that is sent while it is made is one message to the client.
        """
        connection = connect()
        connection.sendTextFragment("one ")
        connection.sendTextFragment("")
        self.assertEqual(len(connection.dataToSend()), 1)
        connection.sendTextFragment("")
        self.assertEqual(connection.dataToSend(), [])
        connection.sendTextFragment("two")
        connection.finishMessage()
        connection.sendTextFragment("three", True)
        connection.finishMessage()

        self.assertEqual(sentBytes(connection), b"two\xff\x00three\xff\x00\xff")

    def test_messagesDoNotMix(self) -> None:
        """
        No message is sent inside another, whether that has left or waits.
        """
        connection = connect()
        connection.sendTextFragment("one")
        self.assertRaises(ConnectionStateError, connection.sendText, "two")
        sentBytes(connection)
        self.assertRaises(ConnectionStateError, connection.sendText, "two")
        connection.finishMessage()
        connection.sendText("two")

        self.assertEqual(sentBytes(connection), b"\xff\x00two\xff")

    def test_misuse(self) -> None:
        """
        What is no text is refused, and nothing of it is sent.
        """
        connection = connect()
        for send in (connection.sendText, connection.sendTextFragment):
            self.assertRaises(TypeError, send, b"bytes")
            self.assertRaises(UnicodeEncodeError, send, "\ud800")
        self.assertRaises(ValueError, connection.sendClose, 1006)
        self.assertRaises(ValueError, connection.sendClose, 5000)

        self.assertEqual(sentBytes(connection), b"")
        self.assertIs(connection.state, ConnectionState.OPEN)

    def test_prepared(self) -> None:
        """
        A text message that goes to many is sent as any other; a binary one
        cannot be said.
        """
        connection = connect()
        connection.sendPrepared(PreparedMessage("one"))
        self.assertRaises(
            BinaryUnsupported, connection.sendPrepared, PreparedMessage(b"\xff")
        )
        self.assertRaises(TypeError, connection.sendPrepared, "two")
        connection.sendTextFragment("half of")
        self.assertRaises(
            ConnectionStateError, connection.sendPrepared, PreparedMessage("two")
        )

        self.assertEqual(sentBytes(connection), b"\x00one\xff\x00half of")

    def test_noBinary(self) -> None:
        """
        A binary message cannot be said, and whoever sends one is told.
        """
        connection = connect()
        for send in (connection.sendBytes, connection.sendBytesFragment):
            self.assertRaises(BinaryUnsupported, send, b"\x00\xff")

        self.assertEqual(sentBytes(connection), b"")

    def test_noPings(self) -> None:
        """
        There are no Pings and Pongs: none is sent.
        """
        connection = connect()
        connection.sendPing(b"anybody?")
        connection.sendPong()

        self.assertEqual(sentBytes(connection), b"")

    def test_pieces(self) -> None:
        """
        Not more is fetched than was asked for, but for the last piece.
        """
        connection = connect()
        for text in ("one", "two", "three"):
            connection.sendText(text)

        self.assertEqual(connection.dataToSend(4), [b"\x00one\xff"])
        self.assertEqual(connection.pendingSize, 12)
        self.assertEqual(connection.dataToSend(5), [b"\x00two\xff", b"\x00three\xff"])
        self.assertEqual(connection.dataToSend(5), [])

    @stable
    @given(st.lists(st.text(max_size=9), max_size=6))
    def test_roundTrip(self, messages) -> None:
        """
        What is sent is what is received.
        """
        sender, receiver = connect(), connect()
        for message in messages:
            sender.sendText(message)

        events = receive(receiver, sentBytes(sender))

        self.assertEqual([event.message for event in events], messages)


class CloseTests(HixieTestCase):
    """
    Tests for the closing handshake, and for where there is none.
    """

    def test_ours(self) -> None:
        """
        A Close is 0xFF 0x00, whatever its code and reason; messages come until
        the client answers, and then nothing.
        """
        connection = connect()
        connection.sendClose(4000, "a reason")

        self.assertEqual(sentBytes(connection), CLOSE)
        self.assertIs(connection.state, ConnectionState.CLOSE_SENT)
        self.assertEqual(connection.closeSent, NO_STATUS)
        events = receive(connection, b"\x00late\xff", CLOSE + b"\x00dropped\xff")
        self.assertEqual(
            events, [TextMessageReceived("late"), CloseReceived(NO_STATUS)]
        )
        self.assertIs(connection.state, ConnectionState.CLOSING)
        self.assertFalse(connection.isCloseReceivedFirst)
        self.assertEqual(sentBytes(connection), b"")

    def test_theirs(self) -> None:
        """
        A client's Close is answered, however it arrives.
        """
        for pieces in splits(b"\x00last\xff" + CLOSE):
            connection = connect()

            events = receive(connection, *pieces)

            self.assertEqual(
                events, [TextMessageReceived("last"), CloseReceived(NO_STATUS)]
            )
            self.assertEqual(sentBytes(connection), CLOSE)
            self.assertTrue(connection.isCloseReceivedFirst)
            self.assertEqual(connection.closeReceived, NO_STATUS)

    def test_nothingAfterAClose(self) -> None:
        """
        After a Close nothing can be sent.
        """
        connection = connect()
        connection.sendClose(None)

        for send, *arguments in (
            (connection.sendText, "late"),
            (connection.sendTextFragment, "late"),
            (connection.sendBytes, b"late"),
            (connection.finishMessage,),
            (connection.sendPing,),
            (connection.sendPong,),
            (connection.sendClose,),
        ):
            self.assertRaises(ConnectionStateError, send, *arguments)

    def test_hixie75(self) -> None:
        """
        In hixie-75 nothing is said: the transport is to be closed when what was
        sent before has left, and what the client still sends is dropped.
        """
        connection = connect(hasClose=False)
        connection.sendText("last")
        connection.sendClose()

        self.assertIs(connection.state, ConnectionState.FAILED)
        self.assertIsNone(connection.closeSent)
        self.assertEqual(sentBytes(connection), b"\x00last\xff")
        self.assertEqual(receive(connection, b"\x00late\xff"), [])

    def test_unreadInHixie75(self) -> None:
        """
        The same holds for what has been received, and not asked for.
        """
        connection = connect(hasClose=False)
        connection.receiveData(b"\x00unread\xff")
        connection.sendClose()

        self.assertIsNone(connection.nextEvent())

    def test_insideAMessage(self) -> None:
        """
        Inside a message no Close is sent: it would make what there is of the
        message pass for all of it.
        """
        for isFetched in (True, False):
            connection = connect()
            connection.sendTextFragment("half of")
            taken = sentBytes(connection) if isFetched else b""
            connection.sendClose(1011)

            self.assertEqual(taken + sentBytes(connection), b"\x00half of")
            self.assertIs(connection.state, ConnectionState.FAILED)

    def test_insideADiscardedMessage(self) -> None:
        """
        The same if its end has been discarded, but not if all of it has.
        """
        for fetched, expected in ((1, b""), (0, CLOSE)):
            connection = connect()
            connection.sendTextFragment("half of")
            connection.sendTextFragment(" it", True)
            connection.dataToSend(fetched - 1)
            connection.discardData()
            connection.sendClose(1008)

            self.assertEqual(connection.pendingSize, len(expected))
            self.assertEqual(sentBytes(connection), expected)

    def test_theirsInsideOurMessage(self) -> None:
        """
        A client's Close inside a message of ours cannot be answered.
        """
        connection = connect()
        connection.sendTextFragment("half of")

        self.assertEqual(receive(connection, CLOSE), [CloseReceived(NO_STATUS)])
        self.assertEqual(sentBytes(connection), b"\x00half of")
        self.assertIs(connection.state, ConnectionState.CLOSING)
        self.assertIsNone(connection.closeSent)

    def test_lost(self) -> None:
        """
        When the transport is gone, nothing is left, and nothing follows.
        """
        connection = connect()
        connection.sendText("unsent")
        connection.receiveData(b"\x00unread\xff")
        connection.connectionLost()

        self.assertEqual(sentBytes(connection), b"")
        self.assertIsNone(connection.nextEvent())
        self.assertRaises(ConnectionStateError, connection.connectionLost)

    def test_violationAfterAClose(self) -> None:
        """
        A violation after our Close is not answered a second time.
        """
        connection = connect()
        connection.sendClose()
        sentBytes(connection)

        self.assertFailed(connection, receive(connection, b"\x80"), BadFrame)
        self.assertEqual(sentBytes(connection), b"")
