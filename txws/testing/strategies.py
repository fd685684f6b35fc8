"""
Strategies for U{hypothesis<https://hypothesis.readthedocs.io>}, which has to
be installed: what WebSocket carries, and how it arrives.

Import this module by itself; C{txws.testing} does without it.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from txws.wire.codes import CloseCode, Opcode, isSendableCloseCode
from txws.wire.frames import (
    MAX_CONTROL_PAYLOAD,
    RSV1,
    RSV2,
    RSV3,
    Frame,
    serializeHeader,
)
from txws.wire.http import Headers, RequestHead
from txws.wire.masking import mask
from txws.wire.states import Role

from .faults import splitData

__all__ = [
    "chunkings",
    "closeCodes",
    "closeReasons",
    "controlFrames",
    "fragmentedMessages",
    "frames",
    "headerNames",
    "headerValues",
    "hostileBytes",
    "hostileHeaders",
    "hostileRequestHeads",
    "messages",
    "requestHeads",
]

# The masking key of the examples in RFC 6455 section 5.7.
_KEY = b"\x37\xfa\x21\x3d"


def messages(maxSize: int = 100) -> SearchStrategy[str | bytes]:
    """
    Make messages, text and binary.

    @param maxSize: the most characters or bytes in one.
    """
    return st.text(max_size=maxSize) | st.binary(max_size=maxSize)


def closeCodes() -> SearchStrategy[int]:
    """
    Make close codes that may travel, RFC 6455 section 7.4.
    """
    registered = [int(code) for code in CloseCode if isSendableCloseCode(code)]
    return st.sampled_from(registered) | st.integers(3000, 4999)


def closeReasons() -> SearchStrategy[str]:
    """
    Make close reasons that travel whole.
    """
    size = MAX_CONTROL_PAYLOAD - 2
    return st.text(max_size=size).map(
        lambda text: text.encode("utf-8")[:size].decode("utf-8", "ignore")
    )


def controlFrames() -> SearchStrategy[Frame]:
    """
    Make Pings and Pongs, which may come between the fragments of a message.
    """
    opcodes = st.sampled_from((Opcode.PING, Opcode.PONG))
    payloads = st.binary(max_size=MAX_CONTROL_PAYLOAD)
    # Not of the class itself: hypothesis would make up the other fields.
    return st.tuples(opcodes, payloads).map(lambda made: Frame(*made))


def frames(maxSize: int = 200) -> SearchStrategy[Frame]:
    """
    Make frames that can stand alone: whole messages, Pings, Pongs and Closes.

    @param maxSize: the most characters or bytes in a message.
    """
    return st.one_of(
        messages(maxSize).map(_frameOf),
        controlFrames(),
        st.just(Frame(Opcode.CLOSE, b"")),
        st.builds(
            lambda code, reason: Frame(
                Opcode.CLOSE, code.to_bytes(2, "big") + reason.encode("utf-8")
            ),
            closeCodes(),
            closeReasons(),
        ),
    )


def fragmentedMessages(
    maxSize: int = 200,
) -> SearchStrategy[tuple[str | bytes, list[Frame]]]:
    """
    Make messages with the frames that carry them: fragments of any size, also
    of none, cut anywhere, also inside of a character, with Pings and Pongs in
    between (RFC 6455 section 5.4).

    @param maxSize: the most characters or bytes in a message.
    @return: a strategy of pairs of a message and its frames.
    """
    return st.builds(
        lambda message, sizes, between: (message, _fragment(message, sizes, between)),
        messages(maxSize),
        chunkings(minSize=0),
        st.lists(st.none() | controlFrames(), max_size=8),
    )


def chunkings(
    minSize: int = 1, maxSize: int = 100, maxPieces: int = 8
) -> SearchStrategy[tuple[int, ...]]:
    """
    Make ways to cut bytes: the sizes of the first pieces, for
    L{splitData<txws.testing.faults.splitData>} and for
    L{Faults<txws.testing.faults.Faults>}.

    @param minSize: the least bytes in a piece.
    @param maxSize: the most bytes in a piece.
    @param maxPieces: how many pieces there are at most, but for the rest.
    """
    sizes = st.integers(minSize, maxSize)
    return st.lists(sizes, max_size=maxPieces).map(tuple)


def hostileBytes(role: Role, maxFrames: int = 6) -> SearchStrategy[bytes]:
    """
    Make bytes that begin like frames: right and wrong ones, masked or not, cut
    off or followed by anything.

    @param role: who receives them; most are masked as its peer's are.
    @param maxFrames: how many frames there are at most.
    """
    frame = st.builds(
        _serialize,
        st.just(role) | st.sampled_from(Role),
        st.sampled_from(Opcode).map(int) | st.integers(0, 15),
        st.sampled_from((b"", b"\x03\xe8"))
        | st.binary(max_size=140)
        | st.text(max_size=9).map(str.encode),
        st.booleans(),
        st.just(0) | st.sampled_from((RSV1, RSV2, RSV3)),
    )
    return st.builds(
        lambda made, rest, end: (b"".join(made) + rest)[:end],
        st.lists(frame, max_size=maxFrames),
        st.just(b"") | st.binary(max_size=20),
        st.none() | st.integers(0, 400),
    )


def requestHeads() -> SearchStrategy[RequestHead]:
    """
    Make opening handshakes that are valid, RFC 6455 section 4.1, for any path,
    in the ways in which clients spell them.
    """
    return st.builds(
        lambda target, upgrade, connection, key, more: RequestHead(
            "GET",
            target,
            1,
            Headers(
                [
                    ("Host", "example.com"),
                    ("Upgrade", upgrade),
                    ("Connection", connection),
                    ("Sec-WebSocket-Key", b64encode(key).decode("ascii")),
                    ("Sec-WebSocket-Version", "13"),
                    *more,
                ]
            ),
        ),
        _PATHS,
        st.sampled_from(("websocket", "WebSocket", "WEBSOCKET")),
        st.sampled_from(("Upgrade", "upgrade", "keep-alive, Upgrade")),
        st.binary(min_size=16, max_size=16),
        st.lists(st.sampled_from(_MORE_FIELDS), unique_by=lambda field: field[0]),
    )


def hostileRequestHeads() -> SearchStrategy[RequestHead]:
    """
    Make requests that may be opening handshakes, or miss it by a header that
    is missing, wrong or there twice.
    """
    return st.builds(
        RequestHead,
        # Most are right, so that the headers count.
        st.sampled_from(("GET", "GET", "GET", "GET", "POST", "get")),
        _TARGETS,
        st.sampled_from((1, 1, 1, 1, 0)),
        hostileHeaders(),
    )


def hostileHeaders() -> SearchStrategy[Headers]:
    """
    Make header fields of opening handshakes, of requests and of answers, as
    they are and as they should not be.
    """
    names = st.sampled_from([name for name, _ in _VALID_FIELDS])
    changes = st.lists(st.tuples(names, st.none() | headerValues()), max_size=2)
    others = st.lists(st.tuples(headerNames(), headerValues()), max_size=8)
    return st.builds(_change, changes, st.just([]) | others) | others.map(Headers)


def headerNames() -> SearchStrategy[str]:
    """
    Make names of header fields that matter to an opening handshake.
    """
    return st.sampled_from(_NAMES)


def headerValues() -> SearchStrategy[str]:
    """
    Make values of header fields: those of opening handshakes, and any others.
    """
    return st.sampled_from(_VALUES) | st.text(
        st.characters(max_codepoint=255), max_size=20
    )


_NAMES = (
    "Host",
    "Upgrade",
    "Connection",
    "Origin",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Version",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Extensions",
    "Sec-WebSocket-Accept",
    "Content-Length",
    "Transfer-Encoding",
)

# RFC 6455 section 1.3: the key of the example, and what accepts it.
_SAMPLE_KEY = "dGhlIHNhbXBsZSBub25jZQ=="
_SAMPLE_ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

_VALUES = (
    "",
    "13",
    "0",
    "websocket",
    "Upgrade",
    _SAMPLE_KEY,
    _SAMPLE_ACCEPT,
    "example.com",
    'foo; a="b"',
)
_VALID_FIELDS = (
    ("Host", "example.com"),
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Key", _SAMPLE_KEY),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Accept", _SAMPLE_ACCEPT),
)
_MORE_FIELDS = (
    ("Origin", "http://example.com"),
    ("Cookie", "session=1; theme=dark"),
    ("User-Agent", "txws"),
    ("Sec-WebSocket-Protocol", "v2, v1"),
    ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"),
    ("Content-Length", "0"),
)
_SEGMENTS = st.text("abcXYZ019-._~", max_size=8) | st.just("%C3%BC")
_PATHS = st.builds(
    lambda segments, query: "/" + "/".join(segments) + query,
    st.lists(_SEGMENTS, max_size=4),
    st.sampled_from(("", "?", "?a=b&c")),
)
_TARGETS = st.sampled_from(("/", "*", "http://a/b?c")) | st.text(
    st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=30
).map(lambda text: text if text[0] in "/h" else f"http://{text}")


def _frameOf(message: str | bytes) -> Frame:
    """
    Make the frame that carries a message.
    """
    if isinstance(message, str):
        return Frame(Opcode.TEXT, message.encode("utf-8"))
    return Frame(Opcode.BINARY, message)


def _fragment(
    message: str | bytes, sizes: Sequence[int], between: Sequence[Frame | None]
) -> list[Frame]:
    """
    Make the fragments of a message.

    @param sizes: the sizes of the first fragments.
    @param between: what follows the fragments before the last one, if anything.
    """
    opcode, payload, *_ = _frameOf(message)
    pieces = splitData(payload, sizes) or [b""]
    made: list[Frame] = []
    for left, piece in zip(range(len(pieces) - 1, -1, -1), pieces, strict=True):
        made.append(Frame(opcode, piece, isFinal=not left))
        opcode = Opcode.CONTINUATION
        control = between[left] if 0 < left < len(between) else None
        made += [] if control is None else [control]
    return made


def _change(
    changes: Sequence[tuple[str, str | None]], others: Sequence[tuple[str, str]]
) -> Headers:
    """
    Change the header fields of a valid handshake.

    @param changes: those that are dropped or have another value.
    @param others: those that come in addition.
    """
    fields = {**dict(_VALID_FIELDS), **dict(changes)}
    left = [(name, value) for name, value in fields.items() if value is not None]
    return Headers([*left, *others])


def _serialize(
    role: Role, opcode: int, payload: bytes, isFinal: bool, rsv: int
) -> bytes:
    """
    Serialize a frame as the peer of a role sends it, right or wrong.
    """
    maskingKey = _KEY if role is Role.SERVER else None
    header = serializeHeader(opcode, len(payload), isFinal, rsv, maskingKey)
    return header + (payload if maskingKey is None else mask(payload, maskingKey))
