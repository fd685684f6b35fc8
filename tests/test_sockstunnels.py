"""
Tests for L{txws.sockstunnels}.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txws.authentication import Credentials
from txws.errors import ProxyRefused
from txws.sockstunnels import SOCKSNegotiation

USER = Credentials("user", "p\u00e4ss")
OPEN = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"

stable = settings(deadline=None, derandomize=True, max_examples=200, database=None)


def makeNegotiation(host="example.com", credentials=None) -> SOCKSNegotiation:
    """
    Make a negotiation.
    """
    return SOCKSNegotiation(host, 443, credentials)


def receive(negotiation: SOCKSNegotiation, data: bytes, size: int) -> bytes:
    """
    Receive bytes in pieces.

    @return: what is answered.
    """
    return b"".join(
        negotiation.receiveData(data[start : start + size])
        for start in range(0, len(data), size)
    )


class SOCKSTests(SynchronousTestCase):
    """
    Tests for L{SOCKSNegotiation}.
    """

    def test_open(self):
        """
        A tunnel to a name is asked for, and the proxy resolves it.
        """
        for size in range(1, 13):
            negotiation = makeNegotiation()
            self.assertEqual(negotiation.connectionMade(), b"\x05\x01\x00")
            self.assertEqual(
                receive(negotiation, b"\x05\x00", size),
                b"\x05\x01\x00\x03\x0bexample.com\x01\xbb",
            )
            self.assertEqual(receive(negotiation, OPEN, size), b"")
            self.assertEqual(negotiation.rest, b"")

    def test_addresses(self):
        """
        Addresses are sent as such.
        """
        for host, sent in (
            ("192.0.2.1", b"\x01\xc0\x00\x02\x01"),
            ("2001:db8::1", b"\x04\x20\x01\x0d\xb8" + bytes(11) + b"\x01"),
        ):
            negotiation = makeNegotiation(host)
            negotiation.connectionMade()
            self.assertEqual(
                negotiation.receiveData(b"\x05\x00"),
                b"\x05\x01\x00" + sent + b"\x01\xbb",
            )

    def test_rest(self):
        """
        What follows the reply came through the tunnel, whatever kind of
        address the reply has.
        """
        for address in (
            b"\x01" + bytes(4),
            b"\x04" + bytes(16),
            b"\x03\x00",
            b"\x03\x02ab",
        ):
            negotiation = makeNegotiation()
            reply = b"\x05\x00\x05\x00\x00" + address + b"\x00\x50"
            negotiation.receiveData(reply + b"hello")
            self.assertEqual(negotiation.rest, b"hello", address)

    def test_password(self):
        """
        A proxy that wants to know who the client is gets told, RFC 1929.
        """
        negotiation = makeNegotiation(credentials=USER)
        self.assertEqual(negotiation.connectionMade(), b"\x05\x02\x00\x02")
        self.assertEqual(
            negotiation.receiveData(b"\x05\x02"), b"\x01\x04user\x05p\xc3\xa4ss"
        )
        self.assertEqual(negotiation.receiveData(b"\x01"), b"")
        self.assertEqual(negotiation.receiveData(b"\x00")[:3], b"\x05\x01\x00")
        negotiation.receiveData(OPEN)
        self.assertEqual(negotiation.rest, b"")

    def test_passwordNotWanted(self):
        """
        A proxy that lets anybody in is not told who the client is.
        """
        negotiation = makeNegotiation(credentials=USER)
        self.assertEqual(negotiation.receiveData(b"\x05\x00")[:3], b"\x05\x01\x00")

    def test_refused(self):
        """
        Each refusal is explained as soon as it is known, with its reply code if
        it has one.
        """
        replies = (
            (1, "general failure"),
            (2, "connection not allowed by ruleset"),
            (3, "network unreachable"),
            (4, "host unreachable"),
            (5, "connection refused"),
            (6, "TTL expired"),
            (7, "command not supported"),
            (8, "address type not supported"),
            (9, "an unknown failure"),
        )
        for credentials, data, told, reply in (
            (None, b"H", "the proxy does not speak SOCKS5", None),
            (None, b"\x05\x00H", "the proxy does not speak SOCKS5", None),
            (None, b"\x05\xff", "the proxy wants a username and a password", None),
            (
                USER,
                b"\x05\xff",
                "the proxy wants a kind of authentication that is not known",
                None,
            ),
            (
                None,
                b"\x05\x02",
                "the proxy chose method 2, which was not offered",
                None,
            ),
            (
                USER,
                b"\x05\x01",
                "the proxy chose method 1, which was not offered",
                None,
            ),
            (
                USER,
                b"\x05\x02\x01\x01",
                "the proxy does not accept the username and the password",
                None,
            ),
            (
                None,
                b"\x05\x00\x05\x00\x00\x02\x00",
                "the proxy replied with address type 2",
                None,
            ),
            *(
                (
                    None,
                    bytes((5, 0, 5, code)),
                    f"the proxy replied {code}, {said}",
                    code,
                )
                for code, said in replies
            ),
        ):
            negotiation = makeNegotiation(credentials=credentials)
            negotiation.connectionMade()
            receive(negotiation, data[:-1], 1)
            refused = self.assertRaises(
                ProxyRefused, negotiation.receiveData, data[-1:]
            )
            self.assertEqual((str(refused), refused.reply), (told, reply))
            self.assertIsNone(refused.status)

    def test_closed(self):
        """
        A proxy that closes the connection refuses.
        """
        negotiation = makeNegotiation()
        negotiation.connectionMade()
        self.assertIsNone(negotiation.refusal)
        refused = self.assertRaises(ProxyRefused, negotiation.connectionLost)
        self.assertEqual(
            str(refused), "the proxy closed the connection before it was connected"
        )

    @stable
    @given(
        st.binary()
        | st.lists(st.sampled_from([b"\x05\x00", b"\x05\x02", b"\x01\x00", OPEN])).map(
            b"".join
        ),
        st.sampled_from([None, USER]),
        st.integers(1, 5),
    )
    def test_hostile(self, data, credentials, size):
        """
        Whatever a proxy sends, in any pieces, it opens a tunnel or refuses, and
        the outcome does not depend on the pieces.
        """
        outcomes: list[object] = []
        for length in (size, max(len(data), 1)):
            negotiation = makeNegotiation(credentials=credentials)
            negotiation.connectionMade()
            rest = b""
            try:
                for start in range(0, len(data), length):
                    piece = data[start : start + length]
                    if negotiation.rest is None:
                        negotiation.receiveData(piece)
                    else:
                        rest += piece
            except ProxyRefused as refused:
                outcomes.append(str(refused))
            else:
                isOpen = negotiation.rest is not None
                outcomes.append((isOpen, (negotiation.rest or b"") + rest))
        self.assertEqual(outcomes[0], outcomes[1])
