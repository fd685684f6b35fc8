"""
Tests for L{txws.legacy.hybi}.
"""

from __future__ import annotations

from tests.wire.assertions import WireTestCase
from tests.wire.tables import peerFrame, receive, sentBytes, sentFrames, splits
from txws.legacy.hybi import FRAME_TOO_LARGE, HybiConnection
from txws.wire.codes import CloseCode, Opcode
from txws.wire.events import (
    BytesMessageReceived,
    CloseReceived,
    CloseStatus,
    PingReceived,
    TextMessageReceived,
)
from txws.wire.states import ConnectionState, Role

# draft-ietf-hybi-thewebsocketprotocol-07 and -08 section 4.7, those that a
# client sends, and what they mean.
EXAMPLES = (
    (b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", TextMessageReceived("Hello")),
    (b"\x89\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", PingReceived(b"Hello")),
)


def closePayload(code: int, reason: str = "") -> bytes:
    """
    Make what a Close carries.
    """
    return code.to_bytes(2, "big") + reason.encode()


class HybiTests(WireTestCase):
    """
    Tests for connections of hybi version 7 or 8.
    """

    def test_drafts(self) -> None:
        """
        The frames of the drafts are understood, however they arrive.
        """
        for data, event in EXAMPLES:
            for pieces in splits(data):
                connection = HybiConnection(Role.SERVER)

                self.assertEqual(receive(connection, *pieces), [event])

    def test_sent(self) -> None:
        """
        What is sent are the frames of the drafts.
        """
        connection = HybiConnection(Role.SERVER)
        connection.sendText("Hello")

        self.assertEqual(sentBytes(connection), b"\x81\x05Hello")

    def test_tooLargeIsReceived(self) -> None:
        """
        A client that says that a frame was too large, in a code that RFC 6455
        reserves, is understood and answered in the same.
        """
        connection = HybiConnection(Role.SERVER)
        payload = closePayload(FRAME_TOO_LARGE, "too much")

        events = receive(connection, peerFrame(Role.SERVER, Opcode.CLOSE, payload))

        status = CloseStatus(CloseCode.MESSAGE_TOO_BIG, "too much")
        self.assertEqual(events, [CloseReceived(status)])
        self.assertEqual([each.payload for each in sentFrames(connection)], [payload])

    def test_tooLargeIsSent(self) -> None:
        """
        A message that exceeds the limit is refused in a code that the client
        knows.
        """
        connection = HybiConnection(Role.SERVER, maxMessageSize=4)

        receive(connection, peerFrame(Role.SERVER, Opcode.TEXT, b"Hello"))

        self.assertIs(connection.state, ConnectionState.FAILED)
        status = connection.closeSent
        self.assertEqual(status.code, CloseCode.MESSAGE_TOO_BIG)
        (frame,) = sentFrames(connection)
        self.assertEqual(frame.payload[:2], closePayload(FRAME_TOO_LARGE))

    def test_otherCodes(self) -> None:
        """
        Other codes are what they are, and so are messages that look like one.
        """
        for code in (1000, 1001, 1011, 4000):
            connection = HybiConnection(Role.SERVER)
            close = peerFrame(Role.SERVER, Opcode.CLOSE, closePayload(code))

            events = receive(connection, close)

            self.assertEqual(events, [CloseReceived(CloseStatus(code, ""))])
        connection = HybiConnection(Role.SERVER)
        data = closePayload(FRAME_TOO_LARGE)
        events = receive(connection, peerFrame(Role.SERVER, Opcode.BINARY, data))
        self.assertEqual(events, [BytesMessageReceived(data)])

    def test_reservedCodes(self) -> None:
        """
        Codes that no version has are refused.
        """
        for code in (999, 1005, 1006):
            connection = HybiConnection(Role.SERVER)

            receive(
                connection, peerFrame(Role.SERVER, Opcode.CLOSE, closePayload(code))
            )

            self.assertFailed(connection, CloseCode.PROTOCOL_ERROR, code)
