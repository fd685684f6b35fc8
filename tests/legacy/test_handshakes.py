"""
Tests for L{txws.legacy.handshakes}.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from tests.peers import ADDRESS
from tests.wire.assertions import WireTestCase
from tests.wire.tables import splits
from tests.wire.test_properties import stable
from txws.interfaces import ILegacyHandshake
from txws.legacy import Legacy
from txws.request import WebSocketRequest
from txws.wire.errors import BadHandshake
from txws.wire.extensions import ExtensionOffer
from txws.wire.serverhandshake import UpgradeRequest

from .clients import (
    HIXIE_75_REQUEST,
    HIXIE_76_REQUEST,
    HYBI_7_REQUEST,
    HYBI_8_REQUEST,
    change,
)
from .test_versions import EXAMPLES, makeLegacy, split

# What is of a version and not valid, with the status and the explanation.
BAD = (
    (change(HIXIE_75_REQUEST, "Origin"), 400, "Origin is missing"),
    (
        change(HIXIE_75_REQUEST, "Origin", "http://a", "http://b"),
        400,
        "Origin is there more than once",
    ),
    (change(HIXIE_75_REQUEST, "Host"), 400, "Host is missing"),
    (change(HIXIE_75_REQUEST, "Host", "a b"), 400, "Host is not a host and a port"),
    (
        change(HIXIE_75_REQUEST, "WebSocket-Protocol", "a b"),
        400,
        "Sec-WebSocket-Protocol: 'a b' is not a token",
    ),
    (
        change(HIXIE_75_REQUEST, "Content-Length", "5"),
        400,
        "Content-Length is not 0; an upgrade has no body",
    ),
    (
        HIXIE_75_REQUEST.replace(b"GET", b"POST"),
        405,
        "an upgrade needs method GET",
    ),
    (
        HIXIE_75_REQUEST.replace(b"HTTP/1.1", b"HTTP/1.0"),
        400,
        "an upgrade needs HTTP/1.1",
    ),
    (
        change(HIXIE_76_REQUEST, "Sec-WebSocket-Key1"),
        400,
        "Sec-WebSocket-Key1 is missing",
    ),
    (
        change(HIXIE_76_REQUEST, "Sec-WebSocket-Key2"),
        400,
        "Sec-WebSocket-Key2 is missing",
    ),
    (
        change(HIXIE_76_REQUEST, "Sec-WebSocket-Key2", "1 0", "1 0"),
        400,
        "Sec-WebSocket-Key2 is more than once",
    ),
    (
        change(HIXIE_76_REQUEST, "Sec-WebSocket-Key1", "12345"),
        400,
        "Sec-WebSocket-Key1 has no digits, or no spaces",
    ),
    (
        change(HIXIE_76_REQUEST, "Sec-WebSocket-Key1", "x y z"),
        400,
        "Sec-WebSocket-Key1 has no digits, or no spaces",
    ),
    (
        change(HIXIE_76_REQUEST, "Sec-WebSocket-Key2", "1 2 3"),
        400,
        "Sec-WebSocket-Key2 has a number that its spaces do not divide",
    ),
    (
        change(HIXIE_76_REQUEST, "Sec-WebSocket-Key2", "9 " * 600 + "9"),
        400,
        "Sec-WebSocket-Key2 has a number of more than 32 bits",
    ),
    (HIXIE_76_REQUEST + b"\x00", 400, "data follow the handshake unanswered"),
    (HIXIE_75_REQUEST + b"\x00", 400, "data follow the handshake unanswered"),
    (HYBI_8_REQUEST + b"\x81", 400, "data follow the handshake unanswered"),
    (
        change(HYBI_8_REQUEST, "Sec-WebSocket-Key", "short"),
        400,
        "Sec-WebSocket-Key is not 16 bytes in base64",
    ),
    (
        change(HYBI_8_REQUEST, "Sec-WebSocket-Origin", "http://a", "http://b"),
        400,
        "Origin is there more than once",
    ),
    (
        change(HYBI_8_REQUEST, "Origin", "http://other.example"),
        400,
        "Origin is there more than once",
    ),
    (
        change(HYBI_7_REQUEST, "Connection", "keep-alive"),
        400,
        (
            "Connection does not say 'Upgrade'; "
            "a proxy in between may have to be told to pass it on"
        ),
    ),
)


def read(legacy: Legacy, request: bytes) -> UpgradeRequest | None:
    """
    Read a request that is all there.
    """
    head, rest = split(request)
    handshake = legacy.recognize(head, 100)
    return None if handshake is None else handshake.receiveData(rest)


def answer(upgrade: UpgradeRequest | None, subprotocol: str | None) -> WebSocketRequest:
    """
    Make the request as applications see it.
    """
    assert upgrade is not None
    return WebSocketRequest(
        target=upgrade.target,
        host=upgrade.host,
        origin=upgrade.origin,
        headers=upgrade.headers,
        subprotocols=upgrade.subprotocols,
        isSecure=False,
        peer=ADDRESS,
        subprotocol=subprotocol,
    )


class HandshakeTests(WireTestCase):
    """
    Tests for the opening handshakes.
    """

    def test_interface(self) -> None:
        """
        Each keeps the interface, and has Pings or not.
        """
        for version, (request, *_rest) in EXAMPLES.items():
            handshake = makeLegacy().recognize(split(request)[0], 100)

            self.assertTrue(verifyObject(ILegacyHandshake, handshake))
            self.assertIs(handshake.hasPings, version.startswith("hybi"))

    def test_drafts(self) -> None:
        """
        The examples of the drafts are answered as they say.
        """
        for version, (request, expected, subprotocol) in EXAMPLES.items():
            head, rest = split(request)
            for pieces in splits(rest) if rest else ([b""],):
                handshake = makeLegacy().recognize(head, 100)
                *early, upgrade = map(handshake.receiveData, pieces)

                self.assertEqual(early, [None] * (len(pieces) - 1))
                self.assertEqual(upgrade.headers, head.headers)
                self.assertEqual(upgrade.origin, "http://example.com")
                told = handshake.accept(answer(upgrade, subprotocol), (), ())
                self.assertEqual(told, expected, version)

    def test_withoutSubprotocol(self) -> None:
        """
        If no subprotocol was chosen, none is answered.
        """
        for request, *_rest in EXAMPLES.values():
            head, rest = split(request)
            handshake = makeLegacy().recognize(head, 100)
            upgrade = handshake.receiveData(rest)

            self.assertNotIn(
                b"Protocol:", handshake.accept(answer(upgrade, None), (), ())
            )

    def test_bad(self) -> None:
        """
        What is not valid is refused, as it would be by RFC 6455.
        """
        for request, status, explanation in BAD:
            self.assertRefused(status, explanation, read, makeLegacy(), request)

    def test_tooMuchAfterTheHead(self) -> None:
        """
        The last key of hixie-76 is exactly eight bytes, however they arrive.
        """
        head, rest = split(HIXIE_76_REQUEST)
        for first in range(9):
            handshake = makeLegacy().recognize(head, 8)
            self.assertIsNone(handshake.receiveData(rest[: min(first, 7)]))
            self.assertRefused(
                400,
                "data follow the handshake unanswered",
                handshake.receiveData,
                rest[min(first, 7) :] + b"\x00",
            )

    def test_lastKeyCounts(self) -> None:
        """
        The last key of hixie-76 is part of the handshake, of which the size is
        limited.
        """
        head, rest = split(HIXIE_76_REQUEST)
        self.assertIsNotNone(makeLegacy().recognize(head, 8).receiveData(rest))
        self.assertRefused(
            431,
            "the handshake is too long (maxHandshakeSize)",
            makeLegacy().recognize,
            head,
            7,
        )

    def test_hixieOffersNoBinary(self) -> None:
        """
        Clients that cannot speak binary are not understood to offer it; nor any
        extension.
        """
        offered = "binary, base64"
        for request in (
            change(HIXIE_75_REQUEST, "WebSocket-Protocol", offered),
            change(
                change(HIXIE_76_REQUEST, "Sec-WebSocket-Protocol", offered),
                "Sec-WebSocket-Extensions",
                "x-one",
            ),
        ):
            upgrade = read(makeLegacy(), request)

            self.assertEqual(upgrade.subprotocols, ("base64",))
            self.assertEqual(upgrade.extensions, ())

    def test_hybiExtensions(self) -> None:
        """
        Extensions are negotiated with clients of hybi as with any other.
        """
        head, rest = split(change(HYBI_8_REQUEST, "Sec-WebSocket-Extensions", "x-one"))
        handshake = makeLegacy().recognize(head, 100)
        upgrade = handshake.receiveData(rest)

        self.assertEqual(upgrade.extensions, (ExtensionOffer("x-one"),))
        told = handshake.accept(answer(upgrade, None), upgrade.extensions, ())
        self.assertIn(b"\r\nSec-WebSocket-Extensions: x-one\r\n", told)

    def test_hybiWithoutOrigin(self) -> None:
        """
        A client of hybi that is no page has no origin.
        """
        upgrade = read(makeLegacy(), change(HYBI_8_REQUEST, "Sec-WebSocket-Origin"))

        self.assertIsNone(upgrade.origin)

    def test_headers(self) -> None:
        """
        Further headers of the answer are sent, if they are fit for it.
        """
        for request, *_rest in EXAMPLES.values():
            head, rest = split(request)
            handshake = makeLegacy().recognize(head, 100)
            seen = answer(handshake.receiveData(rest), None)

            told = handshake.accept(seen, (), [("Set-Cookie", "a=b")])

            self.assertIn(b"\r\nSet-Cookie: a=b\r\n", told)
            for field in (("X", "a\r\nb"), ("Upgrade", "x"), ("X\r\n", "a")):
                self.assertRaises(ValueError, handshake.accept, seen, (), [field])

    def test_secure(self) -> None:
        """
        Over TLS a client of hixie is told that it is at a C{wss} URL.
        """
        head, rest = split(HIXIE_76_REQUEST)
        handshake = makeLegacy().recognize(head, 100)
        seen = replace(answer(handshake.receiveData(rest), None), isSecure=True)

        self.assertIn(
            b"Location: wss://example.com/demo\r\n", handshake.accept(seen, (), ())
        )

    @stable
    @given(
        st.sampled_from(sorted(EXAMPLES)),
        st.sampled_from(
            [
                "Origin",
                "Host",
                "WebSocket-Protocol",
                "Sec-WebSocket-Key1",
                "Sec-WebSocket-Key2",
                "Sec-WebSocket-Origin",
                "Sec-WebSocket-Protocol",
                "Upgrade",
            ]
        ),
        st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF)),
        st.binary(max_size=9),
    )
    def test_anything(self, version, name, value, more) -> None:
        """
        Whatever a header says, a request is accepted or refused; and what is
        answered has no line more than it should have.
        """
        request, _expected, subprotocol = EXAMPLES[version]
        try:
            head, rest = split(change(request, name, value))
            handshake = makeLegacy().recognize(head, 100)
            upgrade = handshake and handshake.receiveData(rest + more)
        except BadHandshake:
            return
        if upgrade:
            told = handshake.accept(answer(upgrade, subprotocol), (), ())
            self.assertLessEqual(told.partition(b"\r\n\r\n")[0].count(b"\r\n"), 5)
            self.assertEqual(len(told.splitlines()[0].split(b" ")[1]), 3)
