"""
Tests for L{txws.cookies}.
"""

from __future__ import annotations

import warnings
from http.cookiejar import CookieJar
from urllib.request import Request

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txws.cookies import cookieHeader, storeCookies
from txws.wire.http import Headers

URL = "ws://example.com/feed?from=1"

# What the headers of cookies are made of, right and wrong.
PIECES = (
    *("a", "=", "; ", "Path", "Domain", "Expires", "Max-Age", "Version", "Port"),
    *('"', "\xe9", " "),
)

stable = settings(deadline=None, derandomize=True, max_examples=200, database=None)


def jarWith(*cookies: str, url: str = URL) -> CookieJar:
    """
    Make a jar with the cookies of an answer.
    """
    jar = CookieJar()
    storeCookies(jar, url, [("Set-Cookie", cookie) for cookie in cookies])
    return jar


class CookieTests(SynchronousTestCase):
    """
    Cookies, there and back.
    """

    def test_roundTrip(self):
        """
        What an answer sets is sent with the next handshake.
        """
        headers = Headers(
            [("Server", "x"), ("Set-Cookie", "a=1; HttpOnly"), ("set-cookie", "b=2")]
        )
        jar = CookieJar()
        storeCookies(jar, URL, headers)
        self.assertEqual(cookieHeader(jar, URL), "a=1; b=2")

    def test_none(self):
        """
        Without a cookie there is no header.
        """
        self.assertIsNone(cookieHeader(CookieJar(), URL))
        self.assertIsNone(cookieHeader(jarWith("a=1"), "ws://example.org/feed"))

    def test_secure(self):
        """
        A secure cookie travels by wss alone.
        """
        jar = jarWith("a=1; Secure", url="wss://example.com/")
        self.assertIsNone(cookieHeader(jar, "ws://example.com/"))
        self.assertEqual(cookieHeader(jar, "wss://example.com/"), "a=1")

    def test_sharedWithHTTP(self):
        """
        The cookies of a site's pages are sent to its WebSocket.
        """
        jar = jarWith("id=7; Secure", url="https://example.com/login")
        self.assertEqual(cookieHeader(jar, "wss://example.com/feed"), "id=7")
        request = Request("https://example.com/other")
        jar.add_cookie_header(request)
        self.assertEqual(request.get_header("Cookie"), "id=7")

    def test_path(self):
        """
        A cookie of one path is not sent to another.
        """
        jar = jarWith("a=1; Path=/feed", "b=2; Path=/")
        self.assertEqual(cookieHeader(jar, URL), "a=1; b=2")
        self.assertEqual(cookieHeader(jar, "ws://example.com"), "b=2")

    def test_domain(self):
        """
        A cookie of a domain is sent to its hosts, and a host cannot set one
        for another domain.
        """
        jar = jarWith("a=1; Domain=example.com", url="ws://www.example.com/")
        self.assertEqual(cookieHeader(jar, "ws://feed.example.com/"), "a=1")
        jar = jarWith("a=1; Domain=example.org")
        self.assertEqual(len(jar), 0)

    def test_otherHosts(self):
        """
        Hosts may be addresses, have ports, and be called with a user's name.
        """
        for url in (
            "ws://192.0.2.1:8080/",
            "ws://[2001:db8::1]:8080/",
            "ws://localhost/",
            "ws://user:secret@example.com:81/#fragment",
        ):
            jar = jarWith("a=1", url=url)
            self.assertEqual(cookieHeader(jar, url), "a=1", url)
        self.assertEqual(cookieHeader(jar, "ws://example.com/"), "a=1")

    def test_forgotten(self):
        """
        A cookie that has expired is not sent.
        """
        jar = jarWith("a=1")
        storeCookies(jar, URL, [("Set-Cookie", "a=1; Max-Age=0")])
        self.assertIsNone(cookieHeader(jar, URL))

    def test_malformed(self):
        """
        An age that is none does not count, and harms no other cookie.
        """
        jar = jarWith("a=1; Max-Age ; Path=/", "b=2; max-age")
        self.assertEqual(cookieHeader(jar, "ws://example.com/"), "a=1; b=2")

    def test_obsolete(self):
        """
        C{Set-Cookie2}, which RFC 6265 has made obsolete, sets nothing, and has
        the jar warn of nothing.
        """
        jar = CookieJar()
        answer = [("Set-Cookie", "a=1"), ("Set-Cookie2", "b=2; Expires=never")]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            storeCookies(jar, URL, answer)
        self.assertEqual(cookieHeader(jar, URL), "a=1")

    def test_otherURLs(self):
        """
        What is not on TCP has no cookies.
        """
        for url in ("ws+unix:///run/feed", "ftp://example.com/", "example.com", "ws:"):
            self.assertRaises(ValueError, cookieHeader, CookieJar(), url)
            self.assertRaises(ValueError, storeCookies, CookieJar(), url, [])

    @stable
    @given(
        st.lists(
            st.text(st.characters(max_codepoint=255))
            | st.lists(st.sampled_from(PIECES) | st.integers().map(str)).map(
                lambda pieces: "a=1; " + "".join(pieces)
            ),
            max_size=3,
        )
    )
    def test_hostile(self, cookies):
        """
        Whatever an answer sets, nothing is raised or warned of.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            cookieHeader(jarWith(*cookies), URL)
