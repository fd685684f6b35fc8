"""
Tests for L{txws.wire.http}.
"""

from __future__ import annotations

from txws.wire.errors import BadHandshake
from txws.wire.http import (
    Headers,
    HeadLimits,
    HeadReader,
    RequestHead,
    ResponseHead,
    parseRequestHead,
    parseResponseHead,
    serializeHead,
    statusLine,
)

from .assertions import WireTestCase
from .tables import dribble, keptSize, splits

# The limits of a server, FEATURES: 16 KiB, 128 headers, 8 KiB a line.
LIMITS = HeadLimits(maxSize=16384, maxHeaders=128, maxLineSize=8192)

NOT_A_FIELD = "a header line is not 'name: value'"

# Bytes that some software takes for the end of a line, or of a string.
LINE_TRICKS = (b"\n", b"\r", b"\x0b", b"\x0c", b"\x1c", b"\x1d", b"\x1e", b"\0")


def fieldsOf(*lines):
    """
    Parse header lines.
    """
    head = b"\r\n".join((b"GET / HTTP/1.1", *lines))
    return list(parseRequestHead(head, LIMITS).headers)


class HeadersTests(WireTestCase):
    """
    Header fields are found by name.
    """

    def test_get(self):
        """
        A field is found by its name in any case, the first one if there are
        several.
        """
        headers = Headers([("Accept", "a"), ("host", "b"), ("ACCEPT", "c")])
        self.assertEqual(headers.get("accept"), "a")
        self.assertEqual(headers.get("HOST"), "b")
        self.assertEqual(headers.getAll("Accept"), ["a", "c"])

    def test_missing(self):
        """
        A field that is not there has the value that was asked for, or is
        empty.
        """
        headers = Headers()
        self.assertEqual(headers.get("Host"), "")
        self.assertEqual(headers.get("Host", "nowhere"), "nowhere")
        self.assertEqual(headers.getAll("Host"), [])

    def test_empty(self):
        """
        A field that is there and empty is not missing.
        """
        headers = Headers([("Origin", "")])
        self.assertEqual(headers.get("origin", "nowhere"), "")
        self.assertIn("ORIGIN", headers)

    def test_contains(self):
        """
        C{in} asks for names.
        """
        headers = Headers([("Host", "a")])
        self.assertIn("hOST", headers)
        self.assertNotIn("a", headers)
        self.assertNotIn(b"Host", headers)

    def test_order(self):
        """
        The fields come in their order, as they were written.
        """
        fields = [("b", "1"), ("A", "2"), ("b", "3")]
        headers = Headers(iter(fields))
        self.assertEqual(list(headers), fields)
        self.assertEqual(len(headers), 3)

    def test_equality(self):
        """
        Headers with the same fields in the same order are equal.
        """
        headers = Headers([("a", "1"), ("b", "2")])
        self.assertEqual(headers, Headers([("a", "1"), ("b", "2")]))
        self.assertEqual(hash(headers), hash(Headers([("a", "1"), ("b", "2")])))
        self.assertNotEqual(headers, Headers([("b", "2"), ("a", "1")]))
        self.assertNotEqual(headers, [("a", "1"), ("b", "2")])

    def test_frozen(self):
        """
        What is returned can be changed without changing the headers.
        """
        headers = Headers([("a", "1")])
        headers.getAll("a").append("2")
        self.assertEqual(headers.getAll("a"), ["1"])

    def test_representation(self):
        """
        Values, which may be secret, stay out of logs and tracebacks.
        """
        headers = Headers([("Host", "a"), ("Authorization", "Basic c2VjcmV0")])
        self.assertEqual(repr(headers), "<Headers Host, Authorization>")


class HeadReaderTests(WireTestCase):
    """
    Heads are read within limits, from bytes that were cut anywhere.
    """

    def read(self, limits, *pieces):
        """
        Give pieces to a new reader, which must not be done before the last.
        """
        reader = HeadReader(limits)
        for piece in pieces[:-1]:
            self.assertIs(reader.receiveData(piece), None)
        return reader.receiveData(pieces[-1])

    def test_splits(self):
        """
        The head ends with the first empty line, however it was cut; what
        follows in the last piece is handed on.
        """
        head = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        for pieces in splits(head):
            *first, last = pieces
            self.assertEqual(
                self.read(LIMITS, *first, last + b"\x81\r\n\r\n"),
                (head[:-4], b"\x81\r\n\r\n"),
            )

    def test_emptyHead(self):
        """
        A head may be empty, as far as its end goes.
        """
        for pieces in splits(b"\r\n\r\n"):
            self.assertEqual(self.read(LIMITS, *pieces), (b"", b""))

    def test_bareLineEnds(self):
        """
        Only CR LF CR LF ends a head.
        """
        for end in (b"\n\n", b"\r\r", b"\n\r\n", b"\r\n\n", b"\r\n\r", b"\r\n \r\n"):
            self.assertIs(self.read(LIMITS, b"GET / HTTP/1.1" + end), None)

    def test_received(self):
        """
        All bytes can be had again, for the one who reads something else.
        """
        reader = HeadReader(LIMITS)
        for byte in dribble(b"GET /\r\n\r\nrest"):
            reader.receiveData(byte)
        self.assertEqual(bytes(reader.received), b"GET /\r\n\r\nrest")

    def test_keptBytes(self):
        """
        A head takes no more room than its bytes do.
        """
        reader = HeadReader(LIMITS)
        for byte in dribble(bytes(4000)):
            reader.receiveData(byte)
        self.assertEqual(keptSize(reader), 4000)

    def test_size(self):
        """
        A head may be as large as the limit says, and not one byte larger,
        however it arrives; what follows it does not count.
        """
        line = b"GET / HTTP/1.1\r\n"
        limits = HeadLimits(maxSize=100, maxHeaders=128, maxLineSize=90)
        largest = line + b"a" * (100 - len(line) - 4)
        for pieces in splits(largest + b"\r\n\r\n"):
            self.assertEqual(self.read(limits, *pieces), (largest, b""))
        self.assertEqual(
            self.read(limits, largest + b"\r\n\r\n" + bytes(1000)),
            (largest, bytes(1000)),
        )
        for larger in (largest + b"a\r\n\r\n", largest + b"aaaaaaaa"):
            for pieces in splits(larger):
                self.assertRefused(
                    431,
                    "the head exceeds 100 bytes (maxHandshakeSize)",
                    self.read,
                    limits,
                    *pieces,
                )

    def test_refusedInTime(self):
        """
        A head that exceeds the limit is refused with the first byte too many,
        not at its end.
        """
        limits = HeadLimits(maxSize=50, maxHeaders=128, maxLineSize=10)
        reader = HeadReader(limits)
        reader.receiveData(b"GET\r\n" + b"a" * 45)
        self.assertRefused(
            431,
            "the head exceeds 50 bytes (maxHandshakeSize)",
            reader.receiveData,
            b"a",
        )

    def test_firstLine(self):
        """
        The first line may be as long as the limit says, and not one byte
        longer, however it arrives.
        """
        limits = HeadLimits(maxSize=100, maxHeaders=128, maxLineSize=20)
        rest = b"\r\nHost: a\r\n\r\n"
        for pieces in splits(b"a" * 20 + rest):
            self.assertEqual(
                self.read(limits, *pieces), (b"a" * 20 + rest[:-4], b""), pieces
            )
        for pieces in splits(b"a" * 21 + rest):
            self.assertRefused(
                414,
                "the first line exceeds 20 bytes (maxLineSize)",
                self.read,
                limits,
                *pieces,
            )

    def test_emptyFirstLine(self):
        """
        An empty first line is not too long, whatever follows it.
        """
        limits = HeadLimits(maxSize=100, maxHeaders=128, maxLineSize=20)
        head = b"\r\n" + b"a" * 40
        self.assertEqual(self.read(limits, head + b"\r\n\r\n"), (head, b""))

    def test_firstLineRefusedInTime(self):
        """
        A first line that is too long is refused before its end is there.
        """
        limits = HeadLimits(maxSize=100, maxHeaders=128, maxLineSize=20)
        self.assertRefused(
            414,
            "the first line exceeds 20 bytes (maxLineSize)",
            self.read,
            limits,
            b"a" * 22,
        )

    def test_serverLimits(self):
        """
        The limits hold to the byte when a head of their size dribbles in.
        """
        line = b"GET / HTTP/1.1\r\n"
        largest = line + b"a" * (16384 - len(line) - 4) + b"\r\n\r\n"
        self.assertEqual(self.read(LIMITS, *dribble(largest)), (largest[:-4], b""))
        self.assertRefused(
            431,
            "the head exceeds 16384 bytes (maxHandshakeSize)",
            self.read,
            LIMITS,
            *dribble(largest[:-4] + b"aaaaa"),
        )
        longest = b"a" * 8192 + b"\r\n\r\n"
        self.assertEqual(self.read(LIMITS, *dribble(longest)), (longest[:-4], b""))
        self.assertRefused(
            414,
            "the first line exceeds 8192 bytes (maxLineSize)",
            self.read,
            LIMITS,
            *dribble(b"a" + longest)[:-3],
        )


class RequestHeadTests(WireTestCase):
    """
    The heads of requests are parsed strictly.
    """

    def test_request(self):
        """
        A request has a method, a target, a version and headers.
        """
        self.assertEqual(
            parseRequestHead(b"GET /chat?x=1 HTTP/1.1\r\nHost: a\r\nOrigin:b", LIMITS),
            RequestHead(
                "GET", "/chat?x=1", 1, Headers([("Host", "a"), ("Origin", "b")])
            ),
        )

    def test_noHeaders(self):
        """
        A request need not have headers, as far as HTTP/1.0 goes.
        """
        self.assertEqual(
            parseRequestHead(b"get-IT! * HTTP/1.0", LIMITS),
            RequestHead("get-IT!", "*", 0, Headers()),
        )

    def test_badRequestLine(self):
        """
        What is not exactly a request line is refused.
        """
        for line in (
            b"",
            b"GET",
            b"GET /",
            b"GET / HTTP/1.1 ",
            b" GET / HTTP/1.1",
            b"GET  / HTTP/1.1",
            b"GET /  HTTP/1.1",
            b"GET\t/ HTTP/1.1",
            b"GET /a b HTTP/1.1",
            b"GET / HTTP/1.1\n",
            b"GET / HTTP/1.1\r",
            b"GET / HTTP/2.0",
            b"GET / HTTP/0.9",
            b"GET / HTTP/11",
            b"GET / HTTP/1.11",
            b"GET / HTTP/1.x",
            b"GET / http/1.1",
            b"G(T / HTTP/1.1",
            "GÉT / HTTP/1.1".encode(),
            "GET /é HTTP/1.1".encode(),
            b"GET /\x7f HTTP/1.1",
            *(b"GET /" + trick + b" HTTP/1.1" for trick in LINE_TRICKS),
            b"\r\nGET / HTTP/1.1",
            b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
        ):
            self.assertRefused(
                400,
                "the request line is not one of HTTP/1.1",
                parseRequestHead,
                line,
                LIMITS,
            )


class ResponseHeadTests(WireTestCase):
    """
    The heads of responses are parsed strictly.
    """

    def test_response(self):
        """
        A response has a status, headers and a version; the reason phrase is of
        no use.
        """
        for line, minorVersion in (
            (b"HTTP/1.1 101 Switching Protocols", 1),
            (b"HTTP/1.0 101 ", 0),
            (b"HTTP/1.1 101", 1),
            ("HTTP/1.1 101 ça va".encode("latin-1"), 1),
        ):
            self.assertEqual(
                parseResponseHead(line + b"\r\nServer: a", LIMITS),
                ResponseHead(101, Headers([("Server", "a")]), minorVersion),
            )

    def test_badStatusLine(self):
        """
        What is not exactly a status line is refused.
        """
        for line in (
            b"",
            b"HTTP/1.1",
            b"HTTP/1.1 ",
            b"HTTP/1.1 10",
            b"HTTP/1.1 1010",
            b"HTTP/1.1 001 Odd",
            b"HTTP/1.1 1x1 Odd",
            b"HTTP/1.1  101 Odd",
            b"HTTP/1.1 101Odd",
            b"HTTP/2 101 Odd",
            b"HTTP/2.0 101 Odd",
            b" HTTP/1.1 101 Odd",
            b"HTTP/1.1 101 Odd\n",
            b"HTTP/1.1 101 O\rdd",
            b"HTTP/1.1 101 O\0dd",
            b"ICY 200 OK",
            b"SSH-2.0-OpenSSH_9.7",
        ):
            self.assertRefused(
                400,
                "the status line is not one of HTTP/1.1",
                parseResponseHead,
                line,
                LIMITS,
            )

    def test_badField(self):
        """
        The headers of responses are parsed as strictly.
        """
        self.assertRefused(
            400, NOT_A_FIELD, parseResponseHead, b"HTTP/1.1 101 Odd\r\na", LIMITS
        )


class FieldsTests(WireTestCase):
    """
    Header fields are parsed strictly.
    """

    def test_blanks(self):
        """
        Blanks around a value do not belong to it; those inside do.
        """
        for line in (b"a:b c", b"a: b c", b"a:\t b c \t", b"a:   b c"):
            self.assertEqual(fieldsOf(line), [("a", "b c")])

    def test_emptyValue(self):
        """
        A value may be empty.
        """
        for line in (b"a:", b"a: ", b"a:\t \t"):
            self.assertEqual(fieldsOf(line), [("a", "")])

    def test_colons(self):
        """
        The first colon ends the name.
        """
        self.assertEqual(fieldsOf(b"Host: [::1]:80"), [("Host", "[::1]:80")])

    def test_bytesAboveASCII(self):
        """
        Bytes above ASCII, which browsers send in cookies, stay what they are:
        no line ends, no blanks.
        """
        values = [bytes([0x61, byte, 0x62, byte]) for byte in range(0xA0, 0x100)]
        values += [text.encode() for text in ("Zürich", "åse", "日本", "😀")]
        for value in values:
            self.assertEqual(fieldsOf(b"a: " + value), [("a", value.decode("latin-1"))])

    def test_controlsAboveASCII(self):
        """
        Control characters above ASCII are refused, in ISO 8859-1 and in UTF-8:
        some programs take U+0085 for the end of a line.
        """
        for code in range(0x80, 0xA0):
            for encoding in ("latin-1", "utf-8"):
                line = b"a: b" + chr(code).encode(encoding) + b"c"
                error = self.assertRaises(BadHandshake, fieldsOf, line)
                self.assertEqual(error.status, 400)

    def test_lineEndInACharacter(self):
        """
        Nor does the byte of U+0085 pass as a part of a character of UTF-8:
        values are ISO 8859-1 to whoever gets them.
        """
        for character in "ÅŅ亅":
            line = b"a: b" + character.encode()
            error = self.assertRaises(BadHandshake, fieldsOf, line)
            self.assertEqual(error.status, 400)

    def test_tricks(self):
        """
        Bare line ends and what looks like one, NUL, and all other control
        characters are refused wherever they are.
        """
        controls = {bytes([byte]) for byte in (*range(0x20), 0x7F)} - {b"\t"}
        for trick in sorted(controls.union(LINE_TRICKS)):
            for line in (
                b"Origin: a" + trick + b"Host: b",
                b"Origin: a" + trick,
                b"Origin:" + trick + b"a",
                b"Ori" + trick + b"gin: a",
                trick + b"Origin: a",
            ):
                self.assertRefused(400, NOT_A_FIELD, fieldsOf, b"a: b", line)

    def test_notFields(self):
        """
        Lines that are not C{name: value} are refused, folded ones included.
        """
        for line in (
            b"",
            b"a",
            b": a",
            b"a : b",
            b"a\t: b",
            b" a: b",
            b"\ta: b",
            b" folded",
            b"a b: c",
            b"a(b): c",
            b'"a": b',
            "é: a".encode(),
            b"\xe9: a",
        ):
            self.assertRefused(400, NOT_A_FIELD, fieldsOf, b"a: b", line, b"c: d")

    def test_names(self):
        """
        A name may have any character of a token, RFC 9110 section 5.6.2, and
        no other.
        """
        allowed = {chr(byte) for byte in range(256) if self.isName(bytes([byte]))}
        self.assertEqual(
            allowed,
            set(
                "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
            ),
        )

    def isName(self, name):
        """
        Tell whether a header may have a name.
        """
        try:
            return fieldsOf(name + b": a") == [(name.decode("latin-1"), "a")]
        except Exception:
            return False

    def test_number(self):
        """
        There may be as many headers as the limit says, and not one more.
        """
        self.assertEqual(len(fieldsOf(*[b"a: b"] * 128)), 128)
        self.assertRefused(
            431, "more than 128 header fields (maxHeaders)", fieldsOf, *[b"a: b"] * 129
        )

    def test_lineSize(self):
        """
        A header may be as long as the limit says, and not one byte longer.
        """
        longest = b"a: " + b"b" * 8189
        self.assertEqual(fieldsOf(longest), [("a", "b" * 8189)])
        self.assertRefused(
            431, "a header exceeds 8192 bytes (maxLineSize)", fieldsOf, longest + b"b"
        )

    def test_manyBlanks(self):
        """
        A header of many blanks takes no longer to refuse than any other: with
        a parser that goes back and forth, this test would take a minute.
        """
        limits = HeadLimits(maxSize=1 << 20, maxHeaders=1, maxLineSize=1 << 20)
        head = b"GET / HTTP/1.1\r\na:" + b" " * 100000 + b"\0"
        self.assertRefused(400, NOT_A_FIELD, parseRequestHead, head, limits)


class SerializeHeadTests(WireTestCase):
    """
    Heads are written so that nobody can take them for something else.
    """

    def test_head(self):
        """
        Each field has its line; an empty line ends the head.
        """
        self.assertEqual(
            serializeHead("GET / HTTP/1.1", [("Host", "a"), ("Cookie", "b\tc é")]),
            b"GET / HTTP/1.1\r\nHost: a\r\nCookie: b\tc \xe9\r\n\r\n",
        )

    def test_noFields(self):
        """
        A head may be one line.
        """
        self.assertEqual(serializeHead("HTTP/1.1 200 ", []), b"HTTP/1.1 200 \r\n\r\n")

    def test_roundTrip(self):
        """
        What is written is what is read.
        """
        fields = [("Host", "a:80"), ("X", ""), ("Y", 'b, c; d="e" \xff')]
        head = serializeHead("GET /x HTTP/1.1", fields)
        read = HeadReader(LIMITS).receiveData(head)
        assert read is not None
        self.assertEqual(
            parseRequestHead(read[0], LIMITS),
            RequestHead("GET", "/x", 1, Headers(fields)),
        )

    def test_injection(self):
        """
        Line ends, what looks like one, other control characters and what is
        not ISO 8859-1 are refused in values, and the header is named; not its
        value, in which a token may be.
        """
        for value in (
            "a\r\nSet-Cookie: b",
            "a\nb",
            "a\rb",
            "\n",
            "a\n",
            "a\0",
            "a\x0bb",
            "a\x0cb",
            "a\x1cb",
            "a\x7f",
            "a\u2028b",
            "\u010d\u010a",
            "€",
        ):
            error = self.assertRaises(
                ValueError, serializeHead, "GET / HTTP/1.1", [("X-Name", value)]
            )
            self.assertIs(type(error), ValueError)
            unfit = value.strip("aA")[0]
            self.assertEqual(str(error), f"not fit for header X-Name: has {unfit!r}")

    def test_controlsAboveASCII(self):
        """
        What would be refused when it comes is not sent.
        """
        for value in ("a\x85b", "a\x9b2Jb", "\x80", "\x9f", "\xc3\x85"):
            error = self.assertRaises(
                ValueError, serializeHead, "GET / HTTP/1.1", [("X-Name", value)]
            )
            self.assertEqual(
                str(error), "not fit for header X-Name: has a control character"
            )
        for value in ("é", "日本".encode().decode("latin-1")):
            head = serializeHead("GET / HTTP/1.1", [("X-Name", value)])
            self.assertIn(value.encode("latin-1"), head)

    def test_badName(self):
        """
        A name that is not a token is refused.
        """
        for name in ("", "a b", "a:", "a\r\nb", "a\n", "é", " a"):
            error = self.assertRaises(
                ValueError, serializeHead, "GET / HTTP/1.1", [(name, "b")]
            )
            self.assertEqual(str(error), f"not a header name: {name!r}")

    def test_badFirstLine(self):
        """
        The first line must be one line.
        """
        for line in ("GET /\r\nHost: a", "GET /\n", "GET /\0", "GET /\u2028"):
            error = self.assertRaises(ValueError, serializeHead, line, [])
            self.assertEqual(
                str(error), f"not fit for the first line of a head: {line!r}"
            )


class StatusLineTests(WireTestCase):
    """
    Status lines have the registered phrase.
    """

    def test_known(self):
        """
        A registered status has its phrase.
        """
        self.assertEqual(statusLine(101), "HTTP/1.1 101 Switching Protocols")
        self.assertEqual(statusLine(404), "HTTP/1.1 404 Not Found")

    def test_unknown(self):
        """
        Any other status has none, but the blank before it.
        """
        self.assertEqual(statusLine(599), "HTTP/1.1 599 ")
