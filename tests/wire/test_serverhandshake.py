"""
Tests for L{txws.wire.serverhandshake}.
"""

from __future__ import annotations

from txws.wire.extensions import ExtensionOffer
from txws.wire.http import (
    Headers,
    HeadLimits,
    HeadReader,
    RequestHead,
    parseRequestHead,
    parseResponseHead,
)
from txws.wire.serverhandshake import (
    UpgradeRequest,
    acceptUpgrade,
    isUpgrade,
    parsePath,
    parseUpgrade,
    refuseRequest,
)

from .assertions import WireTestCase
from .tables import splits

LIMITS = HeadLimits(maxSize=16384, maxHeaders=128, maxLineSize=8192)
KEY = "dGhlIHNhbXBsZSBub25jZQ=="

# RFC 6455 section 1.2.
EXAMPLE = (
    b"GET /chat HTTP/1.1\r\n"
    b"Host: server.example.com\r\n"
    b"Upgrade: websocket\r\n"
    b"Connection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Origin: http://example.com\r\n"
    b"Sec-WebSocket-Protocol: chat, superchat\r\n"
    b"Sec-WebSocket-Version: 13\r\n"
    b"\r\n"
)


def makeHead(*changes, target="/", method="GET", minorVersion=1):
    """
    Make the head of a valid handshake with some header fields replaced: by
    none, one or several values.
    """
    fields = {
        "Host": ["example.com"],
        "Upgrade": ["websocket"],
        "Connection": ["Upgrade"],
        "Sec-WebSocket-Key": [KEY],
        "Sec-WebSocket-Version": ["13"],
    }
    for name, *values in changes:
        fields[name] = values
    headers = [(name, value) for name, values in fields.items() for value in values]
    return RequestHead(method, target, minorVersion, Headers(headers))


def parse(*changes, **others):
    """
    Check a handshake with some header fields replaced.
    """
    return parseUpgrade(makeHead(*changes, **others))


class IsUpgradeTests(WireTestCase):
    """
    An upgrade to WebSocket is told from other requests.
    """

    def test_upgrade(self):
        """
        A request that names WebSocket in C{Upgrade} is one, be the rest valid
        or not.
        """
        for values in (
            ["websocket"],
            ["WebSocket"],
            ["h2c, websocket"],
            ["h2c", " WEBSOCKET\t"],
        ):
            head = RequestHead("POST", "*", 0, Headers(("upgrade", v) for v in values))
            self.assertIs(isUpgrade(head), True, values)

    def test_others(self):
        """
        Other requests, and other upgrades, are none.
        """
        for values in (
            [],
            [""],
            ["h2c"],
            ["websockets"],
            ["web socket"],
            ["websocket/13"],
            ["websocket\x85"],
            ["\xa0websocket"],
        ):
            head = RequestHead("GET", "/", 1, Headers(("Upgrade", v) for v in values))
            self.assertIs(isUpgrade(head), False, values)


class ParseUpgradeTests(WireTestCase):
    """
    Valid handshakes are understood.
    """

    def test_example(self):
        """
        The RFC's example is understood, however it arrives.
        """
        for pieces in splits(EXAMPLE):
            reader = HeadReader(LIMITS)
            for piece in pieces:
                read = reader.receiveData(piece)
            assert read is not None
            head = parseRequestHead(read[0], LIMITS)
            self.assertTrue(isUpgrade(head))
            self.assertEqual(
                parseUpgrade(head),
                UpgradeRequest(
                    target="/chat",
                    path="/chat",
                    query="",
                    host="server.example.com",
                    origin="http://example.com",
                    key=KEY,
                    subprotocols=("chat", "superchat"),
                    extensions=(),
                    headers=head.headers,
                ),
            )

    def test_smallest(self):
        """
        Origin, subprotocols and extensions need not be there.
        """
        request = parse()
        self.assertIs(request.origin, None)
        self.assertEqual(request.subprotocols, ())
        self.assertEqual(request.extensions, ())

    def test_lists(self):
        """
        Lists may be spread over several fields.
        """
        request = parse(
            ("Sec-WebSocket-Protocol", "a, b", "c"),
            ("Sec-WebSocket-Extensions", "foo; x=1", "bar"),
            ("Connection", "keep-alive", "foo, uPGRADE"),
        )
        self.assertEqual(request.subprotocols, ("a", "b", "c"))
        self.assertEqual(
            request.extensions,
            (ExtensionOffer("foo", (("x", "1"),)), ExtensionOffer("bar", ())),
        )

    def test_targets(self):
        """
        The path is percent-decoded, the query is not; an absolute target
        brings its own host, RFC 9112 section 3.2.2.
        """
        for target, path, query, host in (
            ("/", "/", "", "example.com"),
            ("/a/b?c=d?e", "/a/b", "c=d?e", "example.com"),
            ("/?", "/", "", "example.com"),
            ("/?a%20b", "/", "a%20b", "example.com"),
            ("/gr%C3%BC%c3%9Fe", "/grüße", "", "example.com"),
            ("/%3Fa%23b%2Fc", "/?a#b/c", "", "example.com"),
            ("/a+b", "/a+b", "", "example.com"),
            ("/%", "/%", "", "example.com"),
            ("//a/b", "//a/b", "", "example.com"),
            ("/http://a/b", "/http://a/b", "", "example.com"),
            ("http://other.org", "/", "", "other.org"),
            ("http://other.org/", "/", "", "other.org"),
            ("https://other.org:8443/a?b", "/a", "b", "other.org:8443"),
            ("HTTP://other.org?a", "/", "a", "other.org"),
            ("http://[::1]:80/a", "/a", "", "[::1]:80"),
            ("http://h/a", "/a", "", "h"),
            ("http://http/http", "/http", "", "http"),
            ("https://s:80/s:80", "/s:80", "", "s:80"),
            ("http://a/b//c", "/b//c", "", "a"),
        ):
            request = parse(target=target)
            self.assertEqual(
                (request.path, request.query, request.host), (path, query, host), target
            )

    def test_hosts(self):
        """
        A host is a name or an address, with a port or without.
        """
        for host in (
            "a",
            "a.b-c.example:80",
            "127.0.0.1:65535",
            "[::1]",
            "[fe80::1.2.3.4]:9000",
            "xn--grn-ioa.example",
            "a_b",
            "a:",
        ):
            self.assertEqual(parse(("Host", host)).host, host)

    def test_origin(self):
        """
        The origin is what was sent, even if it is empty.
        """
        for origin in ("https://example.com", "null", ""):
            self.assertEqual(parse(("Origin", origin)).origin, origin)

    def test_emptyBody(self):
        """
        A body of no bytes may be announced.
        """
        self.assertEqual(parse(("Content-Length", "0")).path, "/")


class RefusedUpgradeTests(WireTestCase):
    """
    Handshakes that are not valid are refused, and the header is named.
    """

    def test_method(self):
        """
        Any method but GET is refused, and GET is recommended.
        """
        for method in ("POST", "HEAD", "get", "CONNECT"):
            error = self.assertRefused(
                405,
                "an upgrade needs method GET",
                parseUpgrade,
                makeHead(method=method),
            )
            self.assertEqual(error.headers, (("Allow", "GET"),))

    def test_noUpgrade(self):
        """
        A request that asks for something else is no handshake.
        """
        for values in ((), ("h2c",), ("websockets",)):
            self.assertRefused(
                400, "Upgrade does not say 'websocket'", parse, ("Upgrade", *values)
            )

    def test_oldHTTP(self):
        """
        HTTP/1.0 knows no upgrade.
        """
        self.assertRefused(
            400, "an upgrade needs HTTP/1.1", parseUpgrade, makeHead(minorVersion=0)
        )

    def test_laterHTTP(self):
        """
        Later versions of HTTP/1 do.
        """
        self.assertEqual(parse(minorVersion=2).path, "/")

    def test_missing(self):
        """
        The headers that RFC 6455 section 4.2.1 demands have to be there.
        """
        for name in ("Host", "Sec-WebSocket-Key", "Sec-WebSocket-Version"):
            self.assertRefused(400, f"{name} is missing", parse, (name,))

    def test_twice(self):
        """
        Headers that have one value must not be there twice, even if both say
        the same.
        """
        for name, value in (
            ("Host", "example.com"),
            ("Sec-WebSocket-Key", KEY),
            ("Sec-WebSocket-Version", "13"),
        ):
            for other in (value, "other", ""):
                self.assertRefused(
                    400, f"{name} is more than once", parse, (name, value, other)
                )
        self.assertRefused(
            400, "Origin is there more than once", parse, ("Origin", "a", "a")
        )

    def test_version(self):
        """
        Another version is told the right one, RFC 6455 section 4.4.
        """
        for version in ("8", "12", "14", "", "13.0", "013", "13, 8", "\xb913"):
            error = self.assertRefused(
                426,
                "Sec-WebSocket-Version is not 13",
                parse,
                ("Sec-WebSocket-Version", version),
            )
            headers = Headers(error.headers)
            self.assertEqual(headers.get("Sec-WebSocket-Version"), "13")
            self.assertEqual(headers.get("Upgrade"), "websocket")
            self.assertIn("Upgrade", headers.get("Connection"))

    def test_connection(self):
        """
        The upgrade has to be meant for this hop.
        """
        for values in ([], [""], ["keep-alive"], ["close", "upgrades"]):
            self.assertRefused(
                400,
                "Connection does not say 'Upgrade'; "
                "a proxy in between may have to be told to pass it on",
                parse,
                ("Connection", *values),
            )
        self.assertRefused(
            400,
            "Connection: 'keep alive' is not a token",
            parse,
            ("Connection", "Upgrade, keep alive"),
        )

    def test_key(self):
        """
        The key has to be 16 bytes in base64.
        """
        for key in ("", "short", "dGhlIHNhbXBsZSBub25jZQ", KEY + "\x85"):
            self.assertRefused(
                400,
                "Sec-WebSocket-Key is not 16 bytes in base64",
                parse,
                ("Sec-WebSocket-Key", key),
            )

    def test_host(self):
        """
        The host must not be anything else than a host and a port.
        """
        for host in (
            "",
            ":80",
            "a:b",
            "a:80:80",
            "a:123456",
            "a b",
            "a/b",
            "user@a",
            "a,b\x85",
            "a\\b",
            "[::1",
            "::1",
            "[]",
            "[a]b",
            "é",
            "a?b",
            "a#b",
            '"a"',
            "<a>",
        ):
            self.assertRefused(
                400, "Host is not a host and a port", parse, ("Host", host)
            )

    def test_hostOfAbsoluteTarget(self):
        """
        An absolute target does not make up for a C{Host} that is missing or
        malformed.
        """
        for values, explanation in (
            ([], "Host is missing"),
            (["a", "b"], "Host is more than once"),
            (["a b"], "Host is not a host and a port"),
        ):
            head = makeHead(("Host", *values), target="http://example.com/")
            self.assertRefused(400, explanation, parseUpgrade, head)

    def test_body(self):
        """
        A body is refused, for it could be taken for frames.
        """
        for values in (["1"], ["00"], [""], ["-0"], ["0", "5"], ["0, 5"], ["x"]):
            self.assertRefused(
                400,
                "Content-Length is not 0; an upgrade has no body",
                parse,
                ("Content-Length", *values),
            )
        for value in ("chunked", "identity", ""):
            self.assertRefused(
                400,
                "Transfer-Encoding is there; an upgrade has no body",
                parse,
                ("Transfer-Encoding", value),
            )

    def test_target(self):
        """
        A target that is neither a path nor a URL of this protocol is refused.
        """
        for target, explanation in (
            ("*", "the request target is neither a path nor a URL"),
            ("a", "the request target is neither a path nor a URL"),
            ("?a", "the request target is neither a path nor a URL"),
            ("example.com:80", "the request target is neither a path nor a URL"),
            ("ftp://a/b", "the request target is neither a path nor a URL"),
            ("http:/a", "the request target is neither a path nor a URL"),
            ("http:a//b", "the request target is neither a path nor a URL"),
            ("http://", "the request target is neither a path nor a URL"),
            ("http:///a", "the request target is neither a path nor a URL"),
            ("http://user@a/", "the request target is neither a path nor a URL"),
            ("http://a:b/", "the request target is neither a path nor a URL"),
            ("http://a\\b/", "the request target is neither a path nor a URL"),
            ("http://[::1/", "the request target is not a URL"),
            ("/a#b", "the request target has a fragment"),
            ("/a?b#", "the request target has a fragment"),
            ("http://a#b", "the request target has a fragment"),
            ("/%FF", "the path is not UTF-8"),
            ("/%ED%A0%80", "the path is not UTF-8"),
        ):
            self.assertRefused(400, explanation, parseUpgrade, makeHead(target=target))

    def test_subprotocols(self):
        """
        Subprotocols have to be tokens, each offered once.
        """
        for values, explanation in (
            (["a b"], "Sec-WebSocket-Protocol: 'a b' is not a token"),
            (["a", '"b"'], "Sec-WebSocket-Protocol: '\"b\"' is not a token"),
            (["a, b", "a"], "Sec-WebSocket-Protocol offers one more than once"),
        ):
            self.assertRefused(
                400, explanation, parse, ("Sec-WebSocket-Protocol", *values)
            )

    def test_subprotocolsOfAnyCase(self):
        """
        Subprotocols that differ in case are different.
        """
        request = parse(("Sec-WebSocket-Protocol", "a, A"))
        self.assertEqual(request.subprotocols, ("a", "A"))

    def test_extensions(self):
        """
        Extensions have to keep their grammar.
        """
        self.assertRefused(
            400,
            "Sec-WebSocket-Extensions: unexpected ';' at character 2",
            parse,
            ("Sec-WebSocket-Extensions", "a;;b"),
        )


class ParsePathTests(WireTestCase):
    """
    The path of any request, RFC 9112 section 3.2.
    """

    def test_path(self):
        """
        It is percent-decoded, and without the query; that of an absolute
        target is what follows the authority.
        """
        for target, path in (
            ("/", "/"),
            ("/caf%C3%A9/a%2Fb?c=/d", "/café/a/b"),
            ("//a", "//a"),
            ("http://example.com/a?b", "/a"),
            ("https://example.com", "/"),
        ):
            self.assertEqual(parsePath(target), path)

    def test_none(self):
        """
        A target without a path, or with one that is no text, is refused.
        """
        for target, explanation in (
            ("*", "the request target is neither a path nor a URL"),
            ("example.com:80", "the request target is neither a path nor a URL"),
            ("http://[/", "the request target is not a URL"),
            ("/%FF", "the path is not UTF-8"),
        ):
            self.assertRefused(400, explanation, parsePath, target)


class AcceptUpgradeTests(WireTestCase):
    """
    Handshakes are accepted.
    """

    def test_accept(self):
        """
        The 101 has what RFC 6455 section 4.2.2 wants, and no more.
        """
        self.assertEqual(
            acceptUpgrade(parse()),
            b"HTTP/1.1 101 Switching Protocols\r\n"
            b"Upgrade: websocket\r\n"
            b"Connection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
            b"\r\n",
        )

    def test_everything(self):
        """
        What was agreed on is said, and so are further headers.
        """
        data = acceptUpgrade(
            parse(),
            "chat",
            [ExtensionOffer("foo", [("a", "1")]), ExtensionOffer("bar")],
            [("Set-Cookie", "a=b")],
        )
        head = parseResponseHead(data[:-4], LIMITS)
        self.assertEqual(
            list(head.headers)[3:],
            [
                ("Sec-WebSocket-Protocol", "chat"),
                ("Sec-WebSocket-Extensions", "foo; a=1, bar"),
                ("Set-Cookie", "a=b"),
            ],
        )

    def test_injection(self):
        """
        No header can end its line.
        """
        evil = "a\r\nSet-Cookie: b"
        self.assertRaises(ValueError, acceptUpgrade, parse(), evil)
        self.assertRaises(ValueError, acceptUpgrade, parse(), None, (), [("X", evil)])
        offers = [ExtensionOffer("foo", [("a", evil)])]
        self.assertRaises(ValueError, acceptUpgrade, parse(), None, offers)


class RefuseRequestTests(WireTestCase):
    """
    Requests are refused.
    """

    def test_refuse(self):
        """
        A refusal is plain text that no browser takes for something else, and
        the last response.
        """
        self.assertEqual(
            refuseRequest(403, b"<b>No</b>", [("Retry-After", "9")]),
            b"HTTP/1.1 403 Forbidden\r\n"
            b"Content-Length: 9\r\n"
            b"Content-Type: text/plain; charset=utf-8\r\n"
            b"X-Content-Type-Options: nosniff\r\n"
            b"Retry-After: 9\r\n"
            b"Connection: close\r\n"
            b"\r\n"
            b"<b>No</b>",
        )

    def test_ownHeaders(self):
        """
        The type of the body and the C{Connection} can be given, in any case.
        """
        data = refuseRequest(
            426, b"", [("content-type", "text/html"), ("CONNECTION", "Upgrade, close")]
        )
        self.assertEqual(
            data,
            b"HTTP/1.1 426 Upgrade Required\r\n"
            b"Content-Length: 0\r\n"
            b"X-Content-Type-Options: nosniff\r\n"
            b"content-type: text/html\r\n"
            b"CONNECTION: Upgrade, close\r\n"
            b"\r\n",
        )

    def test_lastResponse(self):
        """
        A C{Connection} that does not say so is made to say that this is the
        last response.
        """
        data = refuseRequest(426, b"", [("connection", "Upgrade")])
        self.assertTrue(data.endswith(b"\r\nConnection: Upgrade, close\r\n\r\n"))
        self.assertNotIn(b"connection", data)

    def test_framing(self):
        """
        Where the body ends is said once, whatever the further headers say.
        """
        data = refuseRequest(
            403, b"No", [("content-length", "3"), ("Transfer-Encoding", "chunked")]
        )
        self.assertEqual(data, refuseRequest(403, b"No"))

    def test_iterator(self):
        """
        Further headers may come from an iterator.
        """
        data = refuseRequest(404, b"", iter([("X", "y")]))
        self.assertIn(b"\r\nX: y\r\n", data)

    def test_injection(self):
        """
        No header can end its line.
        """
        self.assertRaises(
            ValueError, refuseRequest, 302, b"", [("Location", "/\r\nX:")]
        )
