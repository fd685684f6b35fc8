"""
Tests for L{txws.urls}.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txws.errors import InvalidSetting
from txws.urls import WebSocketURL

# What is parsed: secure, host, port, target, authority.
URLS = (
    ("ws://example.com", False, "example.com", 80, "/", "example.com"),
    ("wss://example.com", True, "example.com", 443, "/", "example.com"),
    ("WSS://EXAMPLE.com/A", True, "example.com", 443, "/A", "example.com"),
    ("ws://example.com:80/", False, "example.com", 80, "/", "example.com"),
    ("ws://example.com:443/", False, "example.com", 443, "/", "example.com:443"),
    ("wss://example.com:80/", True, "example.com", 80, "/", "example.com:80"),
    ("ws://example.com:/", False, "example.com", 80, "/", "example.com"),
    ("ws://h?a=b", False, "h", 80, "/?a=b", "h"),
    ("ws://h/a?b=c&d=%20", False, "h", 80, "/a?b=c&d=%20", "h"),
    ("ws://h/ä/€?ü", False, "h", 80, "/%C3%A4/%E2%82%AC?%C3%BC", "h"),
    ('ws://h/"<>^`{|}', False, "h", 80, "/%22%3C%3E%5E%60%7B%7C%7D", "h"),
    ("ws://h//a//b", False, "h", 80, "//a//b", "h"),
    ("ws://[::1]:9000/", False, "::1", 9000, "/", "[::1]:9000"),
    ("ws://[2001:DB8::0:1]/", False, "2001:db8::1", 80, "/", "[2001:db8::1]"),
    ("ws://[fe80::1%25eth0]/", False, "fe80::1%eth0", 80, "/", "[fe80::1]"),
    ("ws://127.0.0.1:8080/", False, "127.0.0.1", 8080, "/", "127.0.0.1:8080"),
    ("ws://bücher.example/", False, "xn--bcher-kva.example", 80, "/", None),
    ("ws://BÜCHER.example/", False, "xn--bcher-kva.example", 80, "/", None),
    ("ws://my_service:1/", False, "my_service", 1, "/", "my_service:1"),
    ("ws://example.com./", False, "example.com.", 80, "/", "example.com."),
)

BAD_URLS = (
    "",
    "example.com",
    "http://example.com/",
    "https://example.com/",
    "ws:example.com",
    "ws://",
    "ws:///path",
    "ws://:80/",
    "ws://h:0/",
    "ws://h:65536/",
    "ws://h:-1/",
    "ws://h:x/",
    "ws://h/a#b",
    "ws://h/a b",
    "ws://h/\r\nX: a",
    "ws://h/\x00",
    "ws://[::1/",
    "ws://[gggg::]/",
    "ws://a..b/",
    "ws://a/b".replace("a/", "a%2fb/"),
    f"ws://{'a' * 64}.example/",
    f"ws://{'a.' * 127}/",
    "ws://\u2028/",
    "ws+unix://relative.sock",
    "ws+unix:///run/",
    "ws+unix:///run/a%00.sock",
    f"ws+unix:///{'a' * 107}",
    f"ws+unix:///{'ä' * 54}",
)


class ParseTests(SynchronousTestCase):
    """
    Tests for L{WebSocketURL.parse}.
    """

    def test_urls(self):
        """
        Names, addresses, ports, paths and queries are understood.
        """
        for text, isSecure, host, port, target, authority in URLS:
            url = WebSocketURL.parse(text)
            self.assertEqual(
                (url.isSecure, url.host, url.port, url.target),
                (isSecure, host, port, target),
                text,
            )
            self.assertEqual(url.authority, authority or host, text)
            self.assertIsNone(url.username)
            self.assertEqual(WebSocketURL.parse(str(url)).target, target)

    def test_bad(self):
        """
        What is no URL of a WebSocket is refused; the setting is named.
        """
        others: tuple[Any, ...] = (None, 1, b"ws://example.com/")
        for text in (*BAD_URLS, *others):
            error = self.assertRaises(InvalidSetting, WebSocketURL.parse, text)
            self.assertEqual(error.setting, "url")

    def test_user(self):
        """
        The user and the password are decoded, and never shown.
        """
        for text, username, password in (
            ("ws://joe@h/", "joe", ""),
            ("ws://joe:@h/", "joe", ""),
            ("ws://joe:se%40cret@h/", "joe", "se@cret"),
            ("ws://j%3Ae:a:b@h/", "j:e", "a:b"),
            ("ws://:pw@h/", "", "pw"),
        ):
            url = WebSocketURL.parse(text)
            self.assertEqual((url.username, url.password), (username, password))
            self.assertEqual(str(url), "ws://h/")
            self.assertNotIn("joe", repr(url))
            self.assertNotIn("cret", repr(url))

    def test_errorsTellNoSecrets(self):
        """
        Errors do not show the password.
        """
        others: tuple[Any, ...] = (b"ws://joe:secret@h/",)
        for text in (
            "ws://joe:secret@h:x/",
            "ws://joe:secret@/",
            "ws://a:secret@h /",
            "ws://joe:secret/1@h/",
            "ws://joe:secret@\u2100/",
            *others,
        ):
            error = self.assertRaises(InvalidSetting, WebSocketURL.parse, text)
            self.assertNotIn("secret", str(error))

    def test_unix(self):
        """
        A UNIX socket is named by its path, the resource behind a colon.
        """
        for text, isSecure, socketPath, target in (
            ("ws+unix:///run/a.sock", False, "/run/a.sock", "/"),
            ("ws+unix:/run/a.sock:/feed?a=b", False, "/run/a.sock", "/feed?a=b"),
            ("wss+unix:///run/a%20b.sock:/", True, "/run/a b.sock", "/"),
        ):
            url = WebSocketURL.parse(text)
            self.assertEqual(
                (url.isSecure, url.socketPath, url.target),
                (isSecure, socketPath, target),
            )
            self.assertEqual(url.authority, "localhost")
        self.assertEqual(
            str(WebSocketURL.parse("ws+unix:/run/a.sock:/feed")),
            "ws+unix:///run/a.sock:/feed",
        )

    @given(st.text())
    def test_anything(self, text):
        """
        Nothing but a URL or the error comes out, whatever goes in.
        """
        for found in (text, f"ws://{text}", f"ws://h/{text}", f"ws+unix:/{text}"):
            try:
                url = WebSocketURL.parse(found)
            except InvalidSetting:
                continue
            self.assertRegex(url.target, r"\A/[!-~]*\Z")
            self.assertRegex(url.authority, r"\A[!-~]+\Z")


class RedirectTests(SynchronousTestCase):
    """
    Tests for L{WebSocketURL.redirected}.
    """

    def test_locations(self):
        """
        Relative and absolute locations are understood, with the schemes of HTTP
        and of WebSocket.
        """
        url = WebSocketURL.parse("wss://joe:pw@example.com/a/b?c")
        for location, expected in (
            ("/x?y", "wss://example.com/x?y"),
            ("x", "wss://example.com/a/x"),
            ("?d", "wss://example.com/a/b?d"),
            ("//other.example/x", "wss://other.example/x"),
            ("https://other.example:8443/", "wss://other.example:8443/"),
            ("http://example.com/", "ws://example.com/"),
            ("wss://example.com/x#y", "wss://example.com/x"),
            ("/ä", "wss://example.com/%C3%A4"),
        ):
            self.assertEqual(str(url.redirected(location)), expected)

    def test_credentials(self):
        """
        Who is known at one server is not told to another.
        """
        url = WebSocketURL.parse("wss://joe:pw@example.com/")
        self.assertEqual(url.redirected("/x").username, "joe")
        for location in (
            "https://other.example/",
            "https://example.com:444/",
            "http://example.com/",
        ):
            self.assertIsNone(url.redirected(location).username)

    def test_unix(self):
        """
        On a UNIX socket a location leads to another path of the same one.
        """
        url = WebSocketURL.parse("ws+unix:/run/a.sock:/feed")
        self.assertEqual(str(url.redirected("/x")), "ws+unix:///run/a.sock:/x")

    def test_bad(self):
        """
        What leads nowhere is refused.
        """
        url = WebSocketURL.parse("ws://example.com/")
        for location in (
            "ftp://example.com/",
            "mailto:joe",
            "http://:80/",
            "/a b",
            "http://[::1/",
            "//\u2100/",
        ):
            self.assertRaises(InvalidSetting, url.redirected, location)
