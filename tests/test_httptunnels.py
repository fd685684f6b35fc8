"""
Tests for L{txws.httptunnels}.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txws.authentication import Credentials
from txws.errors import ProxyRefused
from txws.httptunnels import HTTPNegotiation
from txws.tunnels import NewConnectionNeeded
from txws.wire.http import HeadLimits

LIMITS = HeadLimits(maxSize=1000, maxHeaders=8, maxLineSize=400)
TARGET = "example.com:443"
REQUEST = b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n"
ALADDIN = Credentials("Aladdin", "open sesame")
BASIC = b"Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"
DIGEST = b'Proxy-Authenticate: Digest realm="r", nonce="n1", qop="auth"'

stable = settings(deadline=None, derandomize=True, max_examples=200, database=None)


def makeNegotiation(credentials=ALADDIN) -> HTTPNegotiation:
    """
    Make a negotiation that has asked.
    """
    negotiation = HTTPNegotiation(TARGET, credentials, LIMITS, lambda: b"nonce")
    assert negotiation.connectionMade() == REQUEST
    return negotiation


def response(status: int, *lines: bytes, body: bytes = b"", version=b"1.1") -> bytes:
    """
    Make an answer.
    """
    first = b"HTTP/%b %d Told" % (version, status)
    return b"\r\n".join((first, *lines, b"", body))


def wanted(*lines: bytes, body: bytes = b"no", **settings) -> bytes:
    """
    Make an answer that asks who the client is, after which the proxy reads on.
    """
    length = b"Content-Length: %d" % len(body)
    if not any(line.startswith(b"Proxy-Authenticate") for line in lines):
        lines = (b'Proxy-Authenticate: Basic realm="r"', *lines)
    return response(407, length, *lines, body=body, **settings)


class NegotiationTestCase(SynchronousTestCase):
    """
    Judges negotiations.
    """

    def assertRefused(self, told: str, act, *arguments) -> ProxyRefused:
        """
        Assert that the proxy refuses, with one sentence.
        """
        refused = self.assertRaises(ProxyRefused, act, *arguments)
        self.assertEqual(refused.explanation, told)
        return refused


class OpenTests(NegotiationTestCase):
    """
    Tunnels that open.
    """

    def test_accepted(self):
        """
        Any 2xx opens the tunnel, however it is cut; what follows is what came
        through it, whatever the headers say of a body.
        """
        for status in (200, 201, 299):
            answer = response(status, b"Content-Length: 5", body=b"hello, world")
            for cut in range(len(answer)):
                negotiation = makeNegotiation()
                received = b""
                for piece in (answer[:cut], answer[cut:]):
                    if negotiation.rest is None:
                        self.assertEqual(negotiation.receiveData(piece), b"")
                    else:
                        received += piece
                self.assertEqual((negotiation.rest or b"") + received, b"hello, world")

    def test_interim(self):
        """
        Answers that are none yet are passed over, but not for ever.
        """
        negotiation = makeNegotiation()
        negotiation.receiveData(response(102) * 8 + response(200, body=b"x"))
        self.assertEqual(negotiation.rest, b"x")
        negotiation = makeNegotiation()
        self.assertRefused(
            "the proxy sends nothing but 1xx",
            negotiation.receiveData,
            response(100) * 9,
        )


class RefusalTests(NegotiationTestCase):
    """
    Tunnels that do not open.
    """

    def test_refused(self):
        """
        An error has the status, the headers and the body of the answer.
        """
        negotiation = makeNegotiation()
        head = response(403, b"Content-Length: 5", b"Via: x")
        self.assertEqual(negotiation.receiveData(head + b"not"), b"")
        refused = self.assertRefused(
            "the proxy answered 403 to CONNECT example.com:443",
            negotiation.receiveData,
            b" you",
        )
        self.assertEqual((refused.status, refused.reply), (403, None))
        self.assertEqual(refused.headers, (("Content-Length", "5"), ("Via", "x")))
        self.assertEqual(refused.body, b"not y")

    def test_noBody(self):
        """
        An answer that has no body is not waited for.
        """
        for answer in (
            response(403, b"Content-Length: 0"),
            response(304, b"Content-Length: 9"),
            response(101),
        ):
            negotiation = makeNegotiation()
            refused = self.assertRaises(ProxyRefused, negotiation.receiveData, answer)
            self.assertEqual(refused.body, b"")

    def test_longBody(self):
        """
        Of a long body the beginning is kept.
        """
        for lines in (
            (),
            (b"Content-Length: 99999",),
            (b"Transfer-Encoding: chunked",),
        ):
            negotiation = makeNegotiation()
            framing = b"fffff\r\n" if b"Transfer-Encoding: chunked" in lines else b""
            body = framing + b"x" * 4095
            negotiation.receiveData(response(502, *lines, body=body))
            refused = self.assertRaises(
                ProxyRefused, negotiation.receiveData, b"x" * 100_000
            )
            self.assertEqual(refused.body, b"x" * 4096)

    def test_cutOff(self):
        """
        If the proxy closes, what it has said explains why; so it does if it
        never says the rest.
        """
        negotiation = makeNegotiation()
        self.assertIsNone(negotiation.refusal)
        negotiation.receiveData(response(503, body=b"full"))
        for refused in (
            negotiation.refusal,
            self.assertRaises(ProxyRefused, negotiation.connectionLost),
        ):
            self.assertEqual((refused.status, refused.body), (503, b"full"))

    def test_closed(self):
        """
        A proxy that says nothing, or half of something, refuses too.
        """
        negotiation = makeNegotiation()
        self.assertRefused(
            "the proxy closed the connection without an answer",
            negotiation.connectionLost,
        )
        negotiation.receiveData(b"HTTP/1.1 2")
        self.assertRefused("the proxy's answer was cut off", negotiation.connectionLost)

    def test_notHTTP(self):
        """
        What is not HTTP, or more than the limits allow, is told.
        """
        for answer, told in (
            (b"\x05\x00\r\n\r\n", "the status line is not one of HTTP/1.1"),
            (b"\x05\x00", "the status line is not one of HTTP/1.1"),
            (
                b"HTTP/1.1 1" + b"x" * 400,
                "the first line exceeds 400 bytes (maxLineSize)",
            ),
            (
                response(200, *[b"A: " + b"x" * 300] * 4),
                "the head exceeds 1000 bytes (maxHandshakeSize)",
            ),
            (response(200, *[b"A: b"] * 9), "more than 8 header fields (maxHeaders)"),
        ):
            self.assertRefused(
                f"the proxy does not speak HTTP/1.1: {told}",
                makeNegotiation().receiveData,
                answer,
            )


class AuthenticationTests(NegotiationTestCase):
    """
    A proxy that wants to know who the client is.
    """

    def test_basic(self):
        """
        It is told on the same connection, when its answer is read.
        """
        negotiation = makeNegotiation()
        answer = wanted()
        self.assertEqual(negotiation.receiveData(answer[:-1]), b"")
        self.assertIsNone(negotiation.refusal)
        asked = negotiation.receiveData(answer[-1:])
        self.assertEqual(asked, REQUEST[:-2] + BASIC + b"\r\n")
        negotiation.receiveData(response(200))
        self.assertEqual(negotiation.rest, b"")

    def test_digest(self):
        """
        A proxy that knows Digest does not get the password.
        """
        asked = makeNegotiation().receiveData(wanted(DIGEST))
        self.assertIn(b'Proxy-Authorization: Digest username="Aladdin"', asked)
        self.assertIn(b'uri="example.com:443"', asked)
        self.assertNotIn(b"Basic", asked)

    def test_newConnection(self):
        """
        It is told on a new connection if this one ends, or may not be used
        again.
        """
        for answer in (
            wanted(b"Connection: close"),
            wanted(b"Proxy-Connection: Close"),
            wanted(version=b"1.0"),
            wanted(b"Transfer-Encoding: chunked"),
            wanted(b"Content-Length: 2"),
            wanted(body=b"x" * 65537),
            wanted() + b"HTTP/1.1 200 OK\r\n\r\n",
            response(407, b"Proxy-Authenticate: Basic"),
        ):
            negotiation = makeNegotiation()
            self.assertRaises(NewConnectionNeeded, negotiation.receiveData, answer)
            self.assertIn(BASIC, negotiation.connectionMade())
            negotiation.receiveData(response(200))
            self.assertEqual(negotiation.rest, b"")

    def test_closedMeanwhile(self):
        """
        A proxy may close the connection although it did not say so.
        """
        for answer in (wanted()[:-1], wanted()):
            negotiation = makeNegotiation()
            negotiation.receiveData(answer)
            self.assertRaises(NewConnectionNeeded, negotiation.connectionLost)
            self.assertIn(BASIC, negotiation.connectionMade())
            self.assertRaises(ProxyRefused, negotiation.connectionLost)

    def test_wrong(self):
        """
        Credentials that the proxy does not accept are not offered again.
        """
        negotiation = makeNegotiation()
        negotiation.receiveData(wanted())
        refused = self.assertRefused(
            "the proxy answered 407 to CONNECT example.com:443: "
            "it does not accept the username and the password",
            negotiation.receiveData,
            wanted(),
        )
        self.assertEqual((refused.status, refused.body), (407, b"no"))

    def test_stale(self):
        """
        If only the nonce was too old, a new one is answered, once.
        """
        negotiation = makeNegotiation()
        negotiation.receiveData(wanted(DIGEST))
        stale = DIGEST.replace(b"n1", b"n2") + b", stale=true"
        self.assertIn(b'nonce="n2"', negotiation.receiveData(wanted(stale)))
        self.assertRaises(ProxyRefused, negotiation.receiveData, wanted(stale))

    def test_noCredentials(self):
        """
        Without credentials, or with no way to tell them, the error says so.
        """
        for credentials, line, told in (
            (None, DIGEST, "it wants a username and a password"),
            (
                ALADDIN,
                b"Proxy-Authenticate: Negotiate",
                "it wants a kind of authentication that is not known",
            ),
        ):
            self.assertRefused(
                f"the proxy answered 407 to CONNECT example.com:443: {told}",
                makeNegotiation(credentials).receiveData,
                wanted(line),
            )

    def test_otherStatus(self):
        """
        Only a 407 asks a client of a proxy who it is.
        """
        answer = wanted().replace(b"407", b"401")
        refused = self.assertRaises(ProxyRefused, makeNegotiation().receiveData, answer)
        self.assertEqual(refused.status, 401)


class HostileTests(SynchronousTestCase):
    """
    Any proxy.
    """

    @stable
    @given(
        st.lists(
            st.binary()
            | st.sampled_from(
                [
                    response(200),
                    response(100),
                    response(500, b"Content-Length: 3"),
                    wanted(),
                    wanted(DIGEST),
                    wanted(DIGEST + b", stale=true"),
                    wanted(DIGEST + b", stale=true", b"Connection: close"),
                ]
            ),
        ),
        st.integers(1, 50),
    )
    def test_hostile(self, answers, size):
        """
        Whatever a proxy sends, in any pieces, it ends in a tunnel or in an
        error that is known, after a few connections at most.
        """
        negotiation = makeNegotiation()
        connections = 1
        data = b"".join(answers)
        for start in range(0, len(data), size):
            try:
                negotiation.receiveData(data[start : start + size])
            except ProxyRefused:
                return
            except NewConnectionNeeded:
                negotiation.connectionMade()
                connections += 1
            if negotiation.rest is not None:
                return
        self.assertLessEqual(connections, 3)
