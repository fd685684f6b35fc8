"""
How a client answers when it is asked who it is: challenges parsed, RFC 9110
section 11, and answered by Digest, RFC 7616, or Basic, RFC 7617.

It serves servers (C{WWW-Authenticate}, C{Authorization}) and proxies
(C{Proxy-Authenticate}, C{Proxy-Authorization}) alike.  Whatever a challenge
says, nothing is raised: one that cannot be answered is passed over.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from urllib.parse import quote

from .errors import InvalidSetting

__all__ = [
    "Challenge",
    "Credentials",
    "answerBasic",
    "answerChallenge",
    "isStale",
    "parseChallenges",
]

# RFC 9110 5.6.2 (tokens), 5.6.4 (quoted strings) and 11.2 (token68).  No two
# parts of a pattern match the same character, so that none goes back and forth.
_NAME = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_TEXT = r"\t\x20-\x7e\x80-\xff"
_PARAMETER = re.compile(
    rf"({_NAME})[ \t]*=[ \t]*"
    rf'(?:({_NAME})|"((?:(?!["\\])[{_TEXT}]|\\[{_TEXT}])*)")[ \t]*(?=,|\Z)'
)
_CHALLENGE = re.compile(
    rf"({_NAME})"
    r"(?:[ \t]*(?=,|\Z)|"  # nothing,
    r" +[A-Za-z0-9\-._~+/]+=*[ \t]*(?=,|\Z)|"  # a token68, or
    rf" +(?={_NAME}[ \t]*=))"  # parameters
)
_GAP = re.compile(r"[ \t,]*")
_ESCAPE = re.compile(r"\\(.)")
_QUOTABLE = re.compile(r"[\x20-\x7e]*")

# From the best to the worst.
_ALGORITHMS = ("SHA-256", "SHA-256-sess", "MD5", "MD5-sess")
_NONCE_COUNT = "00000001"


@dataclass(frozen=True)
class Credentials:
    """
    Who a client is.

    @ivar username: any text; Basic cannot say one with a colon.
    @ivar password: any text.
    """

    username: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        for name in ("username", "password"):
            value = getattr(self, name)
            if not isinstance(value, str) or not _isEncodable(value):
                raise InvalidSetting("credentials", f"need a {name} that is text")


@dataclass(frozen=True)
class Challenge:
    """
    What a server or a proxy asks for, RFC 9110 section 11.3.

    @ivar scheme: such as C{digest}, in lower case.
    @ivar parameters: what it says more, by names in lower case.
    """

    scheme: str
    parameters: dict[str, str]


def answerChallenge(
    challenges: Sequence[str],
    credentials: Credentials,
    method: str,
    target: str,
    generateNonce: Callable[[], bytes],
) -> str | None:
    """
    Answer the best of some challenges: Digest by SHA-256, Digest by MD5,
    Basic.

    @param challenges: the values of all C{WWW-Authenticate} or
        C{Proxy-Authenticate} header fields.
    @param credentials: who the client is.
    @param method: the method of the request that will carry the answer.
    @param target: the target of that request, as it is sent.
    @param generateNonce: makes unpredictable bytes.
    @return: the value of C{Authorization} or C{Proxy-Authorization}, or
        L{None} if no challenge can be answered.
    """
    parsed = parseChallenges(challenges)
    digests = [
        (rank, each) for each in parsed if (rank := _digestRank(each)) is not None
    ]
    if digests:
        rank, best = min(digests, key=itemgetter(0))
        nonce = _base64(generateNonce())
        return _answerDigest(
            _ALGORITHMS[rank], best.parameters, credentials, method, target, nonce
        )
    if any(each.scheme == "basic" for each in parsed):
        return answerBasic(credentials)
    return None


def answerBasic(credentials: Credentials) -> str | None:
    """
    Say who the client is by Basic, RFC 7617 section 2, asked or not.

    @param credentials: who the client is.
    @return: the value of C{Authorization} or C{Proxy-Authorization}, or
        L{None} if Basic cannot say it.
    """
    username, password = credentials.username, credentials.password
    # "... the user-id and password MUST NOT contain any control characters", and
    # a user-id no colon.
    if ":" in username or _hasControls(username + password):
        return None
    return f"Basic {_base64(f'{username}:{password}'.encode())}"


def isStale(challenges: Sequence[str]) -> bool:
    """
    Tell whether a Digest answer was refused only because its nonce had become
    too old, so that answering once more makes sense, RFC 7616 section 3.3.

    @param challenges: the values of all C{WWW-Authenticate} or
        C{Proxy-Authenticate} header fields.
    """
    return any(
        each.scheme == "digest" and each.parameters.get("stale", "").lower() == "true"
        for each in parseChallenges(challenges)
    )


def parseChallenges(values: Iterable[str]) -> list[Challenge]:
    """
    Parse challenges, RFC 9110 section 11.6.1, looking at each character a
    fixed number of times.

    @param values: the values of header fields; each may hold several.
    @return: what could be parsed: of a malformed value that is what stands
        before the mistake, but for the last challenge, which may be incomplete.
    """
    return [challenge for value in values for challenge in _parseValue(value)]


def _parseValue(value: str) -> list[Challenge]:
    """
    Parse the challenges of one header field.
    """
    found: list[Challenge] = []
    position = _skipGap(value, 0)
    while position < len(value):
        match = _PARAMETER.match(value, position)
        if match is not None:
            if not found or not _addParameter(found[-1], match):
                return found[:-1]
        else:
            match = _CHALLENGE.match(value, position)
            if match is None:
                return found[:-1]
            found.append(Challenge(match.group(1).lower(), {}))
        position = _skipGap(value, match.end())
    return found


def _skipGap(value: str, position: int) -> int:
    """
    Pass over commas and white space.
    """
    match = _GAP.match(value, position)
    assert match is not None
    return match.end()


def _addParameter(challenge: Challenge, match: re.Match[str]) -> bool:
    """
    Note a parameter.

    @return: whether it is the first of its name, RFC 9110 section 11.2.
    """
    name = match.group(1).lower()
    if name in challenge.parameters:
        return False
    token, quoted = match.group(2), match.group(3)
    challenge.parameters[name] = _ESCAPE.sub(r"\1", quoted) if token is None else token
    return True


def _digestRank(challenge: Challenge) -> int | None:
    """
    Tell how good a challenge by Digest is, 0 for the best.

    @return: L{None} if it cannot be answered, or is none.
    """
    parameters = challenge.parameters
    if challenge.scheme != "digest" or not {"realm", "nonce"} <= parameters.keys():
        return None
    algorithm = parameters.get("algorithm", "MD5").lower()
    for rank, known in enumerate(_ALGORITHMS):
        if algorithm == known.lower():
            # Without "qop" there is no client's nonce, which a session needs.
            isLegacy = "qop" not in parameters and not known.endswith("-sess")
            return rank if isLegacy or _offersAuth(parameters) else None
    return None


def _offersAuth(parameters: dict[str, str]) -> bool:
    """
    Tell whether a challenge can be answered with C{qop=auth}: C{auth-int} would
    need a body.
    """
    options = parameters.get("qop", "").split(",")
    return "auth" in (option.strip().lower() for option in options)


def _answerDigest(
    algorithm: str,
    asked: dict[str, str],
    credentials: Credentials,
    method: str,
    target: str,
    clientNonce: str,
) -> str:
    """
    Answer a challenge by Digest, RFC 7616 section 3.4.
    """
    response = _digest(algorithm, asked, credentials, f"{method}:{target}", clientNonce)
    fields = [
        _usernameField(algorithm, asked, credentials),
        *(f"{name}={_quote(asked[name])}" for name in ("realm", "nonce")),
        f"uri={_quote(target)}",
        f'response="{response}"',
    ]
    if "algorithm" in asked:
        fields.append(f"algorithm={algorithm}")
    if "opaque" in asked:
        fields.append(f"opaque={_quote(asked['opaque'])}")
    if "qop" in asked:
        fields += ["qop=auth", f"nc={_NONCE_COUNT}", f'cnonce="{clientNonce}"']
    if _wantsUserHash(asked):
        fields.append("userhash=true")
    return f"Digest {', '.join(fields)}"


def _digest(
    algorithm: str,
    asked: dict[str, str],
    credentials: Credentials,
    request: str,
    clientNonce: str,
) -> str:
    """
    Compute C{response}, RFC 7616 sections 3.4.1 to 3.4.3, or as RFC 2069 did
    if there is no C{qop}.
    """
    realm, nonce = (asked[name].encode("latin-1") for name in ("realm", "nonce"))
    username, password = credentials.username.encode(), credentials.password.encode()
    cnonce = clientNonce.encode("ascii")
    secret = _hash(algorithm, username, realm, password)
    if algorithm.endswith("-sess"):
        secret = _hash(algorithm, secret, nonce, cnonce)
    parts = [secret, nonce]
    if "qop" in asked:
        parts += [_NONCE_COUNT.encode("ascii"), cnonce, b"auth"]
    hashed = _hash(algorithm, *parts, _hash(algorithm, request.encode()))
    return hashed.decode("ascii")


def _usernameField(
    algorithm: str, asked: dict[str, str], credentials: Credentials
) -> str:
    """
    Say the username, RFC 7616 sections 3.4 and 3.4.4.
    """
    username = credentials.username
    if _wantsUserHash(asked):
        realm = asked["realm"].encode("latin-1")
        hashed = _hash(algorithm, username.encode(), realm)
        return f'username="{hashed.decode("ascii")}"'
    if _QUOTABLE.fullmatch(username):
        return f"username={_quote(username)}"
    return f"username*=UTF-8''{quote(username, safe='')}"


def _wantsUserHash(asked: dict[str, str]) -> bool:
    """
    Tell whether a challenge wants the username hashed.
    """
    return asked.get("userhash", "").lower() == "true"


def _hash(algorithm: str, *parts: bytes) -> bytes:
    """
    Hash what is joined by colons, and write it in hexadecimal digits.
    """
    data = b":".join(parts)
    if algorithm.startswith("SHA-256"):
        return hashlib.sha256(data).hexdigest().encode("ascii")
    return hashlib.md5(data, usedforsecurity=False).hexdigest().encode("ascii")


def _quote(text: str) -> str:
    """
    Make a quoted string, RFC 9110 section 5.6.4.
    """
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _base64(data: bytes) -> str:
    """
    Encode bytes.
    """
    return b64encode(data).decode("ascii")


def _hasControls(text: str) -> bool:
    """
    Tell whether there is a control character of ASCII in a text.
    """
    return any(character < " " or character == "\x7f" for character in text)


def _isEncodable(text: str) -> bool:
    """
    Tell whether a text can be said in UTF-8.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
