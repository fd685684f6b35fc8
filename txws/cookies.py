"""
The cookies of an opening handshake, RFC 6265, kept in a
L{CookieJar<http.cookiejar.CookieJar>}: the ones that a program shares with
its other HTTP clients.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from email.message import Message
from http.client import HTTPResponse
from http.cookiejar import CookieJar
from typing import cast
from urllib.parse import urlsplit, urlunsplit
from urllib.request import Request

__all__ = ["cookieHeader", "storeCookies"]

# To a jar a handshake is the request that it begins as, RFC 6455 section 4.1.
_SCHEMES = {"ws": "http", "wss": "https", "http": "http", "https": "https"}
# RFC 6265 5.2.2: without digits, "ignore the cookie-av".  A jar ignores all cookies
# of the answer instead, and warns of a bug of its own.
_NO_AGE = re.compile(r";[ \t]*max-age[ \t]*(?=;|\Z)", re.IGNORECASE)


def cookieHeader(jar: CookieJar, url: str) -> str | None:
    """
    Find the cookies for a handshake.

    @param jar: where they are kept.
    @param url: what is asked for, C{ws} or C{wss}.
    @return: the value of C{Cookie}, or L{None} if there are none.
    @raise ValueError: if the URL is not one of TCP.
    """
    request = _requestFor(url)
    jar.add_cookie_header(request)
    return request.get_header("Cookie")


def storeCookies(jar: CookieJar, url: str, headers: Iterable[tuple[str, str]]) -> None:
    """
    Keep the cookies that come with the answer to a handshake, be it a 101 or a
    refusal.

    @param jar: where to keep them; its policy decides which.
    @param url: what was asked for, C{ws} or C{wss}.
    @param headers: the header fields of the answer, as (name, value).
    @raise ValueError: if the URL is not one of TCP.
    """
    # All that a jar asks of a response.
    response = cast(HTTPResponse, _Answer(headers))
    jar.extract_cookies(response, _requestFor(url))


class _Answer:
    """
    An answer, as a jar reads it.
    """

    def __init__(self, headers: Iterable[tuple[str, str]]) -> None:
        self._message = Message()
        for name, value in headers:
            if name.lower() == "set-cookie":
                self._message[name] = _NO_AGE.sub("", value)

    def info(self) -> Message:
        """
        Get the header fields.
        """
        return self._message


def _requestFor(url: str) -> Request:
    """
    Make the request that a handshake begins as.
    """
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise ValueError("cookies need a URL that begins with 'ws://' or 'wss://'")
    # A jar would take the name of a user for a part of the host's.
    host = parts.netloc.rpartition("@")[2]
    path = parts.path or "/"
    url = urlunsplit((_SCHEMES[parts.scheme], host, path, parts.query, ""))
    return Request(url)  # noqa: S310  # nothing is opened
