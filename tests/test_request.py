"""
Tests for L{txws.request}.
"""

from __future__ import annotations

from dataclasses import FrozenInstanceError

from twisted.internet.address import IPv4Address
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from txws.interfaces import IWebSocketRequest
from txws.request import WebSocketRequest
from txws.wire.http import Headers

PEER = IPv4Address("TCP", "192.0.2.2", 50000)


def makeRequest(
    *fields: tuple[str, str],
    target: str = "/",
    host: str = "example.com",
    isSecure: bool = False,
) -> WebSocketRequest:
    """
    Make a request.

    @param fields: its header fields.
    """
    return WebSocketRequest(
        target=target,
        host=host,
        origin=None,
        headers=Headers(fields),
        subprotocols=("v2", "v1"),
        isSecure=isSecure,
        peer=PEER,
    )


class WebSocketRequestTests(SynchronousTestCase):
    """
    Tests for L{WebSocketRequest}.
    """

    def test_interface(self):
        """
        It has everything that an application may ask for.
        """
        request = makeRequest()
        verifyObject(IWebSocketRequest, request)
        self.assertIsNone(request.subprotocol)

    def test_frozen(self):
        """
        It never changes.
        """
        request = makeRequest(("Cookie", "a=b"))
        self.assertRaises(FrozenInstanceError, setattr, request, "path", "/else")
        with self.assertRaises(TypeError):
            request.cookies["a"] = "c"  # type: ignore[index]  # not to be changed

    def test_url(self):
        """
        The URL of the resource is put together from what was asked for.
        """
        for request, url in (
            (makeRequest(), "ws://example.com/"),
            (makeRequest(isSecure=True), "wss://example.com/"),
            (makeRequest(host="[::1]:9000"), "ws://[::1]:9000/"),
            (makeRequest(target="/a/b?c=d&e"), "ws://example.com/a/b?c=d&e"),
            (makeRequest(target="/a%2Fb:c;d@x"), "ws://example.com/a%2Fb:c;d@x"),
        ):
            self.assertEqual(request.url, url)

    def test_cookies(self):
        """
        Cookies are found by their name, in all headers there are.
        """
        request = makeRequest(
            ("Cookie", "session=abc=; theme=dark"),
            ("Accept", "x=y"),
            ("cookie", 'quoted="a b"'),
        )
        self.assertEqual(
            dict(request.cookies),
            {"session": "abc=", "theme": "dark", "quoted": "a b"},
        )

    def test_noCookies(self):
        """
        There may be none.
        """
        self.assertEqual(dict(makeRequest().cookies), {})

    def test_sameCookie(self):
        """
        Of two cookies with one name the first counts, which browsers make the
        one that fits the path best.
        """
        request = makeRequest(("Cookie", "a=1; a=2"), ("Cookie", "a=3"))
        self.assertEqual(dict(request.cookies), {"a": "1"})

    def test_malformedCookies(self):
        """
        What is no cookie is skipped, and what is one stays as it is.
        """
        for header, cookies in (
            ("", {}),
            ("; ;; ", {}),
            ("junk", {}),
            ("junk; a=1", {"a": "1"}),
            ("a=", {"a": ""}),
            ("\t a \t=\t 1 \t", {"a": "1"}),
            ('a="', {"a": '"'}),
            ('a="1', {"a": '"1'}),
            ('a=1"', {"a": '1"'}),
            ('a=""1""', {"a": '"1"'}),
            ('a=""', {"a": ""}),
        ):
            request = makeRequest(("Cookie", header))
            self.assertEqual(dict(request.cookies), cookies, header)

    def test_disguisedCookie(self):
        """
        A cookie whose name only looks like another one's is not that one:
        otherwise any page of the domain could set C{__Host-} cookies, which
        browsers let only the host itself set.
        """
        for blank in ("\xa0", "\x85", "\x1f", "\x0b"):
            request = makeRequest(
                ("Cookie", f"{blank}__Host-id=evil; __Host-id=good{blank}")
            )
            self.assertEqual(request.cookies["__Host-id"], f"good{blank}", blank)
