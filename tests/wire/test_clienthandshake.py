"""
Tests for L{txws.wire.clienthandshake}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txws.wire.clienthandshake import ClientHandshake, HandshakeAccepted
from txws.wire.errors import (
    HandshakeRefused,
    NoHTTPAnswer,
    UnofferedExtension,
    UnofferedSubprotocol,
    WrongAcceptKey,
)
from txws.wire.extensions import acceptExtensions
from txws.wire.http import Headers, HeadLimits, ResponseHead, parseRequestHead
from txws.wire.serverhandshake import acceptUpgrade, parseUpgrade, refuseRequest

from .assertions import WireTestCase
from .ciphers import CipherFactory, Mirror, Stream
from .tables import dribble, keptSize, splits

LIMITS = HeadLimits(maxSize=16384, maxHeaders=128, maxLineSize=8192)
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

# RFC 6455 section 1.2.
EXAMPLE = (
    b"HTTP/1.1 101 Switching Protocols\r\n"
    b"Upgrade: websocket\r\n"
    b"Connection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
    b"Sec-WebSocket-Protocol: chat\r\n"
    b"\r\n"
)


def makeHandshake(**settings):
    """
    Make a handshake for the RFC's example.
    """
    settings.setdefault("subprotocols", ["chat", "superchat"])
    return ClientHandshake("server.example.com", "/chat", KEY, LIMITS, **settings)


def answer(*changes):
    """
    Make a 101 with some header fields replaced: by none, one or several
    values.
    """
    fields = {
        "Upgrade": ["websocket"],
        "Connection": ["Upgrade"],
        "Sec-WebSocket-Accept": [ACCEPT],
    }
    for name, *values in changes:
        fields[name] = values
    lines = [f"{name}: {value}" for name, values in fields.items() for value in values]
    head = "\r\n".join(("HTTP/1.1 101 Switching Protocols", *lines, "", ""))
    return head.encode("latin-1")


def receive(handshake, *pieces):
    """
    Give a handshake the server's answer; tell what the last piece brings.
    """
    for piece in pieces:
        result = handshake.receiveData(piece)
    return result


class RequestTests(SynchronousTestCase):
    """
    A client asks for an upgrade.
    """

    def test_smallest(self):
        """
        The request has what RFC 6455 section 4.1 wants, and no more.
        """
        handshake = ClientHandshake("example.com:9000", "/a?b", KEY, LIMITS)
        self.assertEqual(
            handshake.request,
            b"GET /a?b HTTP/1.1\r\n"
            b"Host: example.com:9000\r\n"
            b"Upgrade: websocket\r\n"
            b"Connection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Sec-WebSocket-Version: 13\r\n"
            b"\r\n",
        )

    def test_everything(self):
        """
        What the client offers is in the request, and so are further headers.
        """
        handshake = makeHandshake(
            origin="http://example.com",
            extensions=[CipherFactory("stream", Stream)],
            headers=[("Cookie", "a=b")],
        )
        head = parseRequestHead(handshake.request[:-4], LIMITS)
        self.assertEqual(
            list(head.headers)[5:],
            [
                ("Origin", "http://example.com"),
                ("Sec-WebSocket-Protocol", "chat, superchat"),
                ("Sec-WebSocket-Extensions", "stream; level=3, stream; level=2"),
                ("Cookie", "a=b"),
            ],
        )

    def test_notATokenOffered(self):
        """
        A subprotocol that would read as something else is refused.
        """
        for subprotocol in ("", "a,b", "a b", "é"):
            self.assertRaises(ValueError, makeHandshake, subprotocols=[subprotocol])

    def test_ownHeaders(self):
        """
        A header that the handshake sets cannot be given again.
        """
        for name in ("Host", "upgrade", "Sec-WebSocket-Key", "Origin"):
            error = self.assertRaises(ValueError, makeHandshake, headers=[(name, "a")])
            self.assertIn(name, str(error))

    def test_injection(self):
        """
        No part of the request can end its line.
        """
        evil = "a\r\nCookie: b"
        for host, target, settings in (
            (evil, "/", {}),
            ("a", f"/{evil}", {}),
            ("a", "/", {"origin": evil}),
            ("a", "/", {"subprotocols": [evil]}),
            ("a", "/", {"headers": [("X", evil)]}),
            ("a", "/", {"headers": [(evil, "X")]}),
        ):
            with self.assertRaises(ValueError):
                ClientHandshake(host, target, KEY, LIMITS, **settings)

    def test_target(self):
        """
        A target that is not percent-encoded is refused, for it would be
        another one.
        """
        for target in ("/a b", "/é", "/€", "", "/ HTTP/1.0"):
            with self.assertRaises(ValueError):
                ClientHandshake("a", target, KEY, LIMITS)


class AcceptedTests(SynchronousTestCase):
    """
    A client understands that it was accepted.
    """

    def test_example(self):
        """
        The RFC's example is understood, however it arrives; what follows in
        the last piece is handed on.
        """
        for pieces in splits(EXAMPLE):
            accepted = receive(makeHandshake(), *pieces[:-1], pieces[-1] + b"\x81\0")
            self.assertEqual(
                accepted,
                HandshakeAccepted(
                    ResponseHead(
                        101,
                        Headers(
                            [
                                ("Upgrade", "websocket"),
                                ("Connection", "Upgrade"),
                                ("Sec-WebSocket-Accept", ACCEPT),
                                ("Sec-WebSocket-Protocol", "chat"),
                            ]
                        ),
                    ),
                    "chat",
                    [],
                    b"\x81\0",
                ),
            )

    def test_waits(self):
        """
        Until the answer is complete there is no result.
        """
        handshake = makeHandshake()
        for byte in dribble(EXAMPLE)[:-1]:
            self.assertIs(handshake.receiveData(byte), None)

    def test_variants(self):
        """
        C{Upgrade} and C{Connection} may be written in any case, and
        C{Connection} may say more.
        """
        for changes in (
            [("Upgrade", "WebSocket")],
            [("Connection", "keep-alive, upgrade")],
            [("Connection", "Keep-Alive", "UPGRADE")],
        ):
            accepted = receive(makeHandshake(), answer(*changes))
            self.assertIs(accepted.subprotocol, None)
            self.assertEqual(accepted.extensions, [])

    def test_extensions(self):
        """
        The extensions that the server has chosen are in use, in its order, and
        know the limit.
        """
        stream = CipherFactory("stream", Stream)
        mirror = CipherFactory("mirror", Mirror)
        handshake = makeHandshake(extensions=[stream, mirror], maxMessageSize=99)
        accepted = receive(
            handshake,
            answer(("Sec-WebSocket-Extensions", "mirror; level=2", "stream; level=2")),
        )
        self.assertEqual([type(each) for each in accepted.extensions], [Mirror, Stream])
        self.assertEqual(stream.considered, [((("level", "2"),), 99)])

    def test_interim(self):
        """
        Interim responses are passed over, RFC 9110 section 15.2, up to eight.
        """
        interim = b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"
        data = b"HTTP/1.1 100 Continue\r\n\r\n" + interim + EXAMPLE
        for pieces in splits(data):
            self.assertEqual(receive(makeHandshake(), *pieces).subprotocol, "chat")
        accepted = receive(makeHandshake(), interim * 8 + EXAMPLE)
        self.assertEqual(accepted.subprotocol, "chat")

    def test_backToBack(self):
        """
        What this package's server answers, its client accepts.
        """
        factories = [CipherFactory("mirror", Mirror), CipherFactory("stream", Stream)]
        handshake = makeHandshake(extensions=factories, origin="http://example.com")
        request = parseUpgrade(parseRequestHead(handshake.request[:-4], LIMITS))
        answers, extensions = acceptExtensions(request.extensions, factories, None)
        accepted = receive(
            handshake, acceptUpgrade(request, "superchat", answers, [("Server", "a")])
        )
        self.assertEqual(request.path, "/chat")
        self.assertEqual(request.host, "server.example.com")
        self.assertEqual(request.origin, "http://example.com")
        self.assertEqual(accepted.subprotocol, "superchat")
        self.assertEqual(
            [type(each) for each in accepted.extensions],
            [type(each) for each in extensions],
        )
        self.assertEqual(len(extensions), 2)


class WrongAnswerTests(WireTestCase):
    """
    A client refuses a 101 that does not keep RFC 6455 section 4.1, and says
    what is wrong.
    """

    def assertWrong(self, explanation, *changes):
        """
        Assert that a 101 is refused, however it arrives, and with what is
        known of it.
        """
        for pieces in ([answer(*changes)], dribble(answer(*changes))):
            refused = self.assertAnswerRefused(
                explanation, receive, makeHandshake(), *pieces
            )
            self.assertEqual(refused.status, 101)
            self.assertTrue(refused.headers)
            self.assertEqual(refused.body, b"")

    def test_upgrade(self):
        """
        C{Upgrade} has to say C{websocket} and nothing else.
        """
        for values in ([], [""], ["h2c"], ["websocket, h2c"], ["websocket"] * 2):
            self.assertWrong(
                "the server's Upgrade is not 'websocket'", ("Upgrade", *values)
            )

    def test_connection(self):
        """
        C{Connection} has to say C{Upgrade}.
        """
        for values in ([], [""], ["keep-alive"], ["upgrades"]):
            self.assertWrong(
                "the server's Connection does not say 'Upgrade'",
                ("Connection", *values),
            )

    def test_accept(self):
        """
        C{Sec-WebSocket-Accept} has to answer this very key, once.
        """
        for values in ([], [""], [KEY], [ACCEPT.lower()], [ACCEPT] * 2, [ACCEPT + "x"]):
            self.assertWrong(
                "the server's Sec-WebSocket-Accept does not answer the key",
                ("Sec-WebSocket-Accept", *values),
            )

    def test_subprotocol(self):
        """
        The subprotocol has to be one that was offered, in its case, and only
        one.
        """
        for values, named in (
            (["other"], "other"),
            (["CHAT"], "CHAT"),
            (["chat, superchat"], "chat, superchat"),
            (["chat", "chat"], "chat, chat"),
            ([""], "''"),
            ([",", ""], "''"),
        ):
            self.assertWrong(
                f"the server uses subprotocol {named}, which was not offered",
                ("Sec-WebSocket-Protocol", *values),
            )

    def test_extension(self):
        """
        The extensions have to be ones that were offered.
        """
        self.assertWrong(
            "the server uses extension 'zip', which was not offered",
            ("Sec-WebSocket-Extensions", "zip"),
        )

    def test_kinds(self):
        """
        What a program may want to tell apart has an error of its own, which
        has the status and the headers, too.
        """
        for kind, change in (
            (WrongAcceptKey, ("Sec-WebSocket-Accept", "x")),
            (UnofferedSubprotocol, ("Sec-WebSocket-Protocol", "other")),
            (UnofferedExtension, ("Sec-WebSocket-Extensions", "zip")),
            (HandshakeRefused, ("Upgrade", "h2c")),
        ):
            with self.assertRaises(HandshakeRefused) as raised:
                makeHandshake().receiveData(answer(change))
            self.assertIs(type(raised.exception), kind)
            self.assertEqual(raised.exception.status, 101)
            self.assertTrue(raised.exception.headers)

    def test_noHTTP(self):
        """
        An answer that is no HTTP/1.1 has its own, too, as soon as that can be
        known: a server that waits for the client may say no more.
        """
        for data in (
            b"\x15",
            b"220",
            b"SSH-2.0-x\r\n",
            b"HTTP/2",
            b"HTTP/1.1\x00\r\n\r\n",
        ):
            handshake = makeHandshake()
            with self.assertRaises(NoHTTPAnswer):
                receive(handshake, *(data[at : at + 1] for at in range(len(data))))
        # After a 1xx, too.
        handshake = makeHandshake()
        handshake.receiveData(b"HTTP/1.1 100 Continue\r\n\r\nHT")
        self.assertRaises(NoHTTPAnswer, handshake.receiveData, b"ML")

    def test_oldHTTP(self):
        """
        HTTP/1.0 knows no upgrade, RFC 9110 section 7.8, but refusals.
        """
        old = answer().replace(b"HTTP/1.1", b"HTTP/1.0")
        self.assertAnswerRefused(
            "the server speaks HTTP/1.0, which has no upgrade",
            receive,
            makeHandshake(),
            old,
        )
        refused = self.assertAnswerRefused(
            "the server answered 404 instead of 101",
            receive,
            makeHandshake(),
            b"HTTP/1.0 404 Odd\r\nContent-Length: 0\r\n\r\n",
        )
        self.assertEqual(refused.status, 404)

    def test_malformed(self):
        """
        Headers that are lists have to keep their grammar.
        """
        for name, value, problem in (
            ("Connection", "Upgrade, a b", "'a b' is not a token"),
            ("Sec-WebSocket-Protocol", "a;b", "'a;b' is not a token"),
            ("Sec-WebSocket-Extensions", "a;;", "unexpected ';' at character 2"),
        ):
            self.assertWrong(
                f"a header of the server's answer is malformed: {problem}",
                (name, value),
            )


class RefusedTests(WireTestCase):
    """
    A client is told how it was refused.
    """

    def test_refused(self):
        """
        The status, the headers and the body of a refusal are told when the
        body is complete, however it arrives.
        """
        data = refuseRequest(401, b"Who are you?", [("WWW-Authenticate", "Basic")])
        for pieces in splits(data):
            handshake = makeHandshake()
            for piece in pieces[:-1]:
                self.assertIs(handshake.receiveData(piece), None)
            refused = self.assertAnswerRefused(
                "the server answered 401 instead of 101",
                handshake.receiveData,
                pieces[-1],
            )
            self.assertEqual(refused.status, 401)
            self.assertIn(("WWW-Authenticate", "Basic"), refused.headers)
            self.assertEqual(refused.body, b"Who are you?")

    def test_anyStatus(self):
        """
        Whatever is not an interim response or a 101 is a refusal.
        """
        for status in (200, 204, 301, 400, 500, 999):
            refused = self.assertAnswerRefused(
                f"the server answered {status} instead of 101",
                receive,
                makeHandshake(),
                f"HTTP/1.1 {status} Odd\r\nContent-Length: 0\r\n\r\n".encode(),
            )
            self.assertEqual(refused.status, status)

    def test_afterInterim(self):
        """
        A refusal may come after an interim response.
        """
        self.assertAnswerRefused(
            "the server answered 403 instead of 101",
            receive,
            makeHandshake(),
            b"HTTP/1.1 100 Continue\r\n\r\n" + refuseRequest(403, b"No."),
        )

    def test_interimFlood(self):
        """
        A server that sends one interim response after the other is refused.
        """
        refused = self.assertAnswerRefused(
            "the server sends nothing but 1xx",
            receive,
            makeHandshake(),
            *dribble(b"HTTP/1.1 102 Processing\r\n\r\n" * 9),
        )
        self.assertEqual(refused.status, 102)

    def test_bodyLimit(self):
        """
        Of a body, only the first 4096 bytes are kept, whatever its length is
        said to be.
        """
        for length in ("Content-Length: 5000", "Content-Length: 4097", "X: y"):
            head = f"HTTP/1.1 500 Odd\r\n{length}\r\n\r\n".encode()
            for pieces in ([head + b"a" * 9000], [head, *[b"a" * 100] * 41]):
                handshake = makeHandshake()
                refused = self.assertAnswerRefused(
                    "the server answered 500 instead of 101",
                    receive,
                    handshake,
                    *pieces,
                )
                self.assertEqual(refused.body, b"a" * 4096)

    def test_pipelined(self):
        """
        What follows the body is not part of it.
        """
        refused = self.assertAnswerRefused(
            "the server answered 403 instead of 101",
            receive,
            makeHandshake(),
            refuseRequest(403, b"No.") + b"HTTP/1.1 101 Odd\r\n\r\n",
        )
        self.assertEqual(refused.body, b"No.")

    def test_bodyWithoutLength(self):
        """
        A body whose length is not said, or is nonsense, ends with the
        connection.
        """
        for length in ("X: y", "Content-Length: ten", "Content-Length: \xb2"):
            handshake = makeHandshake()
            head = f"HTTP/1.1 403 Odd\r\n{length}\r\n\r\n".encode("latin-1")
            self.assertIs(receive(handshake, head + b"No", b"."), None)
            refused = self.assertAnswerRefused(
                "the server answered 403 instead of 101", handshake.connectionLost
            )
            self.assertEqual((refused.status, refused.body), (403, b"No."))

    def test_bodyInChunks(self):
        """
        A body in chunks is told without what frames them, as far as they are
        some; one that cannot come is not waited for.
        """
        for status, header, data, body in (
            (
                302,
                "Transfer-Encoding: chunked",
                b"2\r\nHe\r\n3\r\nllo\r\n0\r\n\r\n",
                b"Hello",
            ),
            (
                200,
                "Content-Length: 5\r\nTransfer-Encoding: chunked",
                b"5\r\nHello\r\n-1\r\n",
                b"",
            ),
            (500, "Transfer-Encoding: chunked", b"1388\r\n" + b"a" * 4096, b"a" * 4096),
            (204, "X: y", b"", b""),
            (304, "Content-Length: 5", b"", b""),
        ):
            head = f"HTTP/1.1 {status} Odd\r\n{header}\r\n\r\n".encode()
            refused = self.assertAnswerRefused(
                f"the server answered {status} instead of 101",
                receive,
                makeHandshake(),
                head + data,
            )
            self.assertTrue(refused.headers)
            self.assertEqual(refused.body, body)

    def test_cutBody(self):
        """
        A body that is cut off is told as far as it came.
        """
        handshake = makeHandshake()
        receive(handshake, refuseRequest(403, b"No way.")[:-4])
        refused = self.assertAnswerRefused(
            "the server answered 403 instead of 101", handshake.connectionLost
        )
        self.assertEqual(refused.body, b"No ")

    def test_cutHead(self):
        """
        An answer that is cut off is told from none.
        """
        handshake = makeHandshake()
        receive(handshake, EXAMPLE[:-1])
        refused = self.assertAnswerRefused(
            "the server's answer was cut off", handshake.connectionLost
        )
        self.assertEqual(refused.status, 0)

    def test_noAnswer(self):
        """
        A server may close the connection without a word.
        """
        refused = self.assertAnswerRefused(
            "the server closed the connection without an answer",
            makeHandshake().connectionLost,
        )
        self.assertEqual(refused.status, 0)

    def test_notHTTP(self):
        """
        A server that speaks something else is told apart.
        """
        for data, problem in (
            (b"220 mail.example.com\r\n\r\n", "the status line is not one of HTTP/1.1"),
            (b"HTTP/2.0 200 Odd\r\n\r\n", "the status line is not one of HTTP/1.1"),
            (
                b"HTTP/1.1 200 OK\r\nfoo\r\n\r\n",
                "a header line is not 'name: value'",
            ),
            (
                b"HTTP/1.1" + b"\0" * 9000,
                "the first line exceeds 8192 bytes (maxLineSize)",
            ),
            (
                b"HTTP/1.1 200 OK\r\n" + b"a" * 17000,
                "the head exceeds 16384 bytes (maxHandshakeSize)",
            ),
            (
                b"HTTP/1.1 200 OK\r\n" + b"a:b\r\n" * 129 + b"\r\n",
                "more than 128 header fields (maxHeaders)",
            ),
        ):
            refused = self.assertAnswerRefused(
                f"the server does not speak HTTP/1.1: {problem}",
                receive,
                makeHandshake(),
                data,
            )
            self.assertEqual(refused.status, 0)

    def test_keptBytes(self):
        """
        However much a server sends, little is kept.
        """
        handshake = makeHandshake()
        empty = keptSize(handshake)
        head = b"HTTP/1.1 500 Odd\r\n\r\n"
        receive(handshake, head, *[b"a" * 100] * 40)
        self.assertLessEqual(keptSize(handshake) - empty, len(head) + 4000)
