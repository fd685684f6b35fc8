"""
Tests for L{txws.origins}.
"""

from __future__ import annotations

import re

from txws.origins import ANY_ORIGIN, SAME_ORIGIN
from txws.policy import HandshakePolicy
from txws.request import WebSocketRequest
from txws.wire.errors import BadHandshake

from .test_policy import SettingsTestCase, makeRequest


class OriginTests(SettingsTestCase):
    """
    Tests for the origins of L{HandshakePolicy}.
    """

    def accepts(self, request: WebSocketRequest, *origins) -> bool:
        """
        Find out whether a request is accepted.
        """
        policy = HandshakePolicy(origins=origins) if origins else HandshakePolicy()
        try:
            policy.checkRequest(request)
        except BadHandshake as refused:
            self.assertEqual(refused.status, 403)
            self.assertIn(repr(str(request.origin)[:200]), refused.explanation)
            return False
        return True

    def assertTable(self, pattern, accepted, refused) -> None:
        """
        Assert which origins a pattern matches.
        """
        for origin in accepted:
            self.assertTrue(self.accepts(makeRequest(origin), pattern), origin)
        for origin in refused:
            self.assertFalse(self.accepts(makeRequest(origin), pattern), origin)

    def test_noOrigin(self):
        """
        A client that is no page sends no Origin, and is accepted, whatever
        origins are.
        """
        for origins in ((SAME_ORIGIN,), (), ("https://example.com",)):
            HandshakePolicy(origins=origins).checkRequest(makeRequest(None))

    def test_none(self):
        """
        Where no origin is allowed, no page is.
        """
        policy = HandshakePolicy(origins=())
        request = makeRequest("http://example.com")
        self.assertRaises(BadHandshake, policy.checkRequest, request)

    def test_sameOrigin(self):
        """
        By default a page may connect that comes from this very server: by
        scheme, host and port, which may be the default one on either side.
        """
        for host, isSecure, origin in (
            ("example.com", False, "http://example.com"),
            ("example.com", False, "http://example.com:80"),
            ("example.com:80", False, "http://example.com"),
            ("example.com", True, "https://example.com"),
            ("example.com:443", True, "https://example.com"),
            ("example.com", True, "https://example.com:443"),
            ("example.com:8080", False, "http://example.com:8080"),
            ("EXAMPLE.com", False, "http://example.COM"),
            ("example.com", False, "HTTP://example.com"),
            ("127.0.0.1:9000", False, "http://127.0.0.1:9000"),
            ("[2001:DB8::1]:9000", False, "http://[2001:db8::1]:9000"),
            ("[::1]", False, "http://[::1]"),
            ("my_host", False, "http://my_host"),
        ):
            request = makeRequest(origin, host, isSecure)
            self.assertTrue(self.accepts(request), (host, origin))

    def test_otherOrigin(self):
        """
        By default no page may connect that comes from anywhere else.
        """
        for host, isSecure, origin in (
            ("example.com", False, "https://example.com"),
            ("example.com", True, "http://example.com"),
            ("example.com", False, "ws://example.com"),
            ("example.com", False, "http://example.com:8080"),
            ("example.com:8080", False, "http://example.com"),
            ("example.com:443", False, "https://example.com"),
            ("example.com", False, "http://evil.com"),
            ("example.com", False, "http://example.com.evil.com"),
            ("example.com", False, "http://evilexample.com"),
            ("example.com", False, "http://www.example.com"),
            ("www.example.com", False, "http://example.com"),
            ("[::1]", False, "http://[::2]"),
            ("example.com", False, "null"),
            ("example.com", False, ""),
        ):
            request = makeRequest(origin, host, isSecure)
            self.assertFalse(self.accepts(request), (host, origin))

    def test_hostThatIsNoOrigin(self):
        """
        If this server was called by a name that no origin has, no page comes
        from it, above all none whose origin is not one either.
        """
        for host in ("a!b.example.com", "example.com:", "a~b", "ex%61mple.com", "a=b"):
            for origin in ("null", "", "junk", f"http://{host}", "http://evil.com/"):
                request = makeRequest(origin, host)
                self.assertFalse(self.accepts(request), (host, origin))

    def test_junk(self):
        """
        What is not an origin is like nothing.
        """
        junk = (
            "",
            "example.com",
            "http:example.com",
            "http:/example.com",
            "//example.com",
            "http://",
            "http://example.com/",
            "http://example.com/path",
            "http://example.com?",
            "http://example.com#",
            "http://example.com:",
            "http://example.com:0",
            "http://example.com:080",
            "http://example.com:65536",
            "http://example.com:99999",
            "http://example.com:+80",
            "http://example.com:8 0",
            "http://example.com:\u0668\u0660",
            "http://user@example.com",
            "http://user:password@example.com",
            "http://example.com@evil.com",
            "http://evil.com#@example.com",
            "http://example.com\\@evil.com",
            "http://example.com\t",
            "\thttp://example.com",
            " http://example.com",
            "http://example.com ",
            "http://exa\tmple.com",
            "http://example.com\n",
            "http://example.com http://evil.com",
            "http://example.com, http://example.com",
            "http://*.example.com",
            "http://exämple.com",
            "http://[::1",
            "http://::1",
            "javascript://example.com",
            "file://",
            "data:",
        )
        exact = "http://example.com"
        self.assertTable(exact, (exact,), junk)
        self.assertTable("http://*.example.com", ("http://a.example.com",), junk)
        self.assertTable(SAME_ORIGIN, (exact,), junk)

    def test_exact(self):
        """
        An origin is accepted if its scheme, host and port are those that are
        named.
        """
        self.assertTable(
            "https://Example.com",
            ("https://example.com", "https://example.com:443", "HTTPS://EXAMPLE.COM"),
            (
                "http://example.com",
                "https://example.com:8443",
                "https://www.example.com",
                "https://evilexample.com",
                "https://example.com.evil.com",
                "https://exampleXcom",
                "null",
            ),
        )
        self.assertTable(
            "http://[::1]:8080", ("http://[::1]:8080",), ("http://[::1]", "http://[::]")
        )
        highest = "http://example.com:65535"
        self.assertTable(highest, (highest,), ("http://example.com:65534",))
        self.assertTable(
            "app+x://host", ("app+x://host",), ("app+x://host:1", "app://host")
        )

    def test_subdomains(self):
        """
        A wildcard stands for one subdomain or several, not for the domain
        itself, nor for a domain that only ends like it.
        """
        self.assertTable(
            "https://*.example.com:8443",
            (
                "https://a.example.com:8443",
                "https://A.Example.COM:8443",
                "https://a.b.example.com:8443",
            ),
            (
                "https://example.com:8443",
                "https://.example.com:8443",
                "https://*.example.com:8443",
                "https://evilexample.com:8443",
                "https://a.example.com",
                "http://a.example.com:8443",
                "https://a.example.com.evil.com:8443",
                "null",
            ),
        )

    def test_null(self):
        """
        Pages that have no origin are accepted where that is said.
        """
        self.assertTable("null", ("null",), ("NULL", "", "http://null", "nullx"))

    def test_pattern(self):
        """
        A compiled pattern has to match all of the header.
        """
        pattern = re.compile(r"https://[a-z]+\.example\.com|http://localhost")
        self.assertTable(
            pattern,
            ("https://a.example.com", "http://localhost"),
            (
                "https://a.example.com.evil.com",
                "xhttps://a.example.com",
                "https://a.example.com\n",
                "http://localhost:80",
                "",
            ),
        )

    def test_function(self):
        """
        A function decides for itself, by the header and the request.
        """
        asked = []

        def accept(origin, request) -> bool:
            asked.append((origin, request))
            return origin == "anything at all"

        request = makeRequest("anything at all")
        self.assertTrue(self.accepts(request, accept))
        self.assertFalse(self.accepts(makeRequest("else"), accept))
        self.assertEqual(asked[0], ("anything at all", request))
        self.assertIs(asked[0][1], request)

    def test_any(self):
        """
        Everything can be accepted, if that is said.
        """
        junk = ("http://evil.com", "null", "", "junk\t")
        self.assertTable(ANY_ORIGIN, junk, ())

    def test_several(self):
        """
        One of several origins is enough.
        """
        origins = ("null", "https://a.example", SAME_ORIGIN)
        for origin in ("null", "https://a.example", "http://example.com"):
            self.assertTrue(self.accepts(makeRequest(origin), *origins), origin)
        request = makeRequest("https://b.example")
        self.assertFalse(self.accepts(request, *origins))

    def test_invalid(self):
        """
        What is not the pattern of an origin cannot be a setting.
        """
        self.assertInvalid(
            HandshakePolicy,
            "origins",
            ["example.com"],
            ["https://example.com/"],
            ["https://*"],
            ["https://a.*.example.com"],
            ["https://*example.com"],
            ["https://example.com:0"],
            ["https://example.com:65536"],
            [""],
            [None],
            [80],
            [b"https://example.com"],
            [re.compile(b"https://example.com")],
            "https://example.com",
            b"*",
            None,
            80,
        )
