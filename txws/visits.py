"""
What a server may answer instead of agreeing: a challenge (RFC 9110 section 11),
or a redirection (section 15.4); and what is told to whom.
"""

from __future__ import annotations

from collections.abc import Iterable
from secrets import token_bytes

from .authentication import Credentials, answerBasic, answerChallenge, isStale
from .clientoptions import ClientOptions
from .cookies import cookieHeader, storeCookies
from .errors import HandshakeRefused, InvalidSetting, RedirectRefused
from .policy import HeaderFields
from .urls import WebSocketURL
from .version import VERSION

__all__ = ["Visit"]


_USER_AGENT = f"txws/{VERSION}"
_REDIRECTS = frozenset((301, 302, 303, 307, 308))

# What says who comes, and is not told to another server.
_SECRETS = frozenset(("authorization", "cookie", "proxy-authorization"))


class Visit:
    """
    Attempts that belong together: where they have led, and what was said about
    who comes.

    @ivar url: where to go next.
    """

    def __init__(self, url: WebSocketURL, options: ClientOptions) -> None:
        """
        @param url: where to go first.
        @param options: how.
        """
        self.url = url
        self._first = url
        self._options = options
        self._redirects = 0
        self._answers = 0
        credentials = options.credentials
        if url.username is not None:
            credentials = Credentials(url.username, url.password)
        assert not isinstance(credentials, tuple)
        self._credentials = credentials
        self._authorization: str | None = None
        if url.username is not None and credentials is not None:
            self._authorization = answerBasic(credentials)

    @property
    def _isAtHome(self) -> bool:
        """
        Whether the next attempt is for the server that was meant.
        """
        return self.url.isSameOrigin(self._first)

    def fields(self, headers: HeaderFields) -> HeaderFields:
        """
        Make the header fields of the next attempt.

        @param headers: those that the application gives.
        """
        fields = [*headers]
        given = {name.lower() for name, _value in headers}
        if "user-agent" not in given:
            fields.insert(0, ("User-Agent", _USER_AGENT))
        if self._authorization is not None and "authorization" not in given:
            fields.append(("Authorization", self._authorization))
        if not self._isAtHome:
            fields = [field for field in fields if field[0].lower() not in _SECRETS]
        jar = self._options.cookies
        if jar is not None and "cookie" not in given:
            cookie = cookieHeader(jar, self._urlForCookies)
            if cookie is not None:
                fields.append(("Cookie", cookie))
        omitted = {name.lower() for name in self._options.omittedHeaders}
        return [field for field in fields if field[0].lower() not in omitted]

    def keepCookies(self, headers: Iterable[tuple[str, str]]) -> None:
        """
        Keep the cookies of an answer.

        @param headers: its header fields.
        """
        jar = self._options.cookies
        if jar is not None:
            storeCookies(jar, self._urlForCookies, headers)

    def goOn(self, refused: HandshakeRefused) -> None:
        """
        Do what a server asks for instead of agreeing.

        @param refused: its answer.
        @raise HandshakeRefused: if it asks for nothing that can be done.
        @raise RedirectRefused: if it leads where the client does not go.
        """
        self.keepCookies(refused.headers)
        location = _locationOf(refused)
        if location is not None:
            self._follow(location)
        elif not self._authorize(refused):
            raise refused

    @property
    def _urlForCookies(self) -> str:
        """
        The URL, as cookies know it: a UNIX socket is a host of its own.
        """
        scheme = "wss" if self.url.isSecure else "ws"
        return f"{scheme}://{self.url.authority}{self.url.target}"

    def _authorize(self, refused: HandshakeRefused) -> bool:
        """
        Say who comes, if the server asks for it and it has not been said.
        """
        challenges = [
            value
            for name, value in refused.headers
            if name.lower() == "www-authenticate"
        ]
        if refused.status != 401 or self._credentials is None or not self._isAtHome:
            return False
        if self._answers and not (self._answers == 1 and isStale(challenges)):
            return False
        answer = answerChallenge(
            challenges, self._credentials, "GET", self.url.target, _generateNonce
        )
        if answer is None or answer == self._authorization:
            return False
        self._answers += 1
        self._authorization = answer
        return True

    def _follow(self, location: str) -> None:
        """
        Follow a redirection, if it does not lead too far.
        """
        options = self._options
        self._redirects += 1
        if self._redirects > options.maxRedirects:
            raise RedirectRefused(
                f"more than {options.maxRedirects} redirections (maxRedirects)",
                location,
            )
        try:
            found = self.url.redirected(location)
        except InvalidSetting as error:
            raise RedirectRefused(
                f"the server redirects to nowhere: {error}", location
            ) from None
        if self.url.isSecure and not found.isSecure:
            raise RedirectRefused("the server redirects from wss to ws", location)
        if options.endpoint is not None and not self.url.isSameOrigin(found):
            raise RedirectRefused(
                "the server redirects away from the endpoint that was given", location
            )
        # A Digest answer is for one target.
        self._authorization = None
        self._answers = 0
        if self._first.username is not None and self._credentials is not None:
            self._authorization = answerBasic(self._credentials)
        self.url = found


def _generateNonce() -> bytes:
    """
    Make what a Digest answer is salted with.
    """
    return token_bytes(16)


def _locationOf(refused: HandshakeRefused) -> str | None:
    """
    Find out where an answer redirects to, if it does.
    """
    if refused.status not in _REDIRECTS:
        return None
    locations = [value for name, value in refused.headers if name.lower() == "location"]
    return locations[0] if len(locations) == 1 else None
