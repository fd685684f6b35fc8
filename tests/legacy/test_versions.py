"""
Tests for L{txws.legacy.versions}.
"""

from __future__ import annotations

from twisted.logger import LogLevel, capturedLogs, formatEvent
from zope.interface.verify import verifyObject

from tests.peers import makeRequest
from tests.wire.assertions import WireTestCase
from txws.errors import InvalidSetting
from txws.interfaces import ILegacyVersions
from txws.legacy import VERSIONS, Legacy
from txws.wire.http import HeadLimits, RequestHead, parseRequestHead

from .clients import (
    HIXIE_75_ANSWER,
    HIXIE_75_REQUEST,
    HIXIE_76_ANSWER,
    HIXIE_76_REQUEST,
    HYBI_7_ANSWER,
    HYBI_7_REQUEST,
    HYBI_8_REQUEST,
    change,
)

# The examples of the drafts, by version: the request, the answer, and the
# subprotocol that was chosen.
EXAMPLES = {
    "hixie-75": (HIXIE_75_REQUEST, HIXIE_75_ANSWER, "sample"),
    "hixie-76": (HIXIE_76_REQUEST, HIXIE_76_ANSWER, "sample"),
    "hybi-7": (HYBI_7_REQUEST, HYBI_7_ANSWER, "chat"),
    "hybi-8": (HYBI_8_REQUEST, HYBI_7_ANSWER, "chat"),
}

# What is none of these versions, but would be without one header.
OTHERS = (
    (makeRequest(), "RFC 6455"),
    (makeRequest(("Sec-WebSocket-Version", "6")), "hybi 6"),
    (makeRequest(("Sec-WebSocket-Version", "14")), "a version to come"),
    (makeRequest(("Sec-WebSocket-Version", "8", "8")), "a version twice"),
    (makeRequest(("Sec-WebSocket-Version", "8, 13")), "a list of versions"),
    (makeRequest(("Sec-WebSocket-Version",)), "no version, but a key"),
    (change(HIXIE_76_REQUEST, "Sec-WebSocket-Key", "k"), "keys of all kinds"),
    (change(HIXIE_75_REQUEST, "Sec-WebSocket-Protocol", "a"), "a later header"),
    (change(HIXIE_75_REQUEST, "Sec-WebSocket-Nonsense", "a"), "an unknown header"),
)

LIMITS = HeadLimits(maxSize=16384, maxHeaders=128, maxLineSize=8192)


def split(request: bytes) -> tuple[RequestHead, bytes]:
    """
    Split a request into its head and what follows.
    """
    head, _separator, rest = request.partition(b"\r\n\r\n")
    return parseRequestHead(head, LIMITS), rest


def makeLegacy(*versions: str) -> Legacy:
    """
    Switch some versions on, or all of them.
    """
    return Legacy(*(versions or VERSIONS))


class SwitchTests(WireTestCase):
    """
    Tests for the switch.
    """

    def test_interface(self) -> None:
        """
        It is what a factory wants.
        """
        self.assertTrue(verifyObject(ILegacyVersions, makeLegacy()))

    def test_warning(self) -> None:
        """
        Who switches a version on is warned in the log, by its name.
        """
        with capturedLogs() as logs:
            legacy = Legacy("hybi-8", "hixie-76", "hybi-8")

        (event,) = logs
        self.assertIs(event["log_level"], LogLevel.warn)
        told = formatEvent(event)
        self.assertIn("none of them safe: hixie-76, hybi-8.", told)
        for lack in ("masking", "caches", "binary", "Ping", "close code", "origin"):
            self.assertIn(lack, told)
        self.assertEqual(legacy.versions, ("hixie-76", "hybi-8"))
        self.assertEqual(repr(legacy), "Legacy('hixie-76', 'hybi-8')")

    def test_names(self) -> None:
        """
        None, or one that there is not, raises, and is not warned of.
        """
        for names in ((), ("hybi-13",), ("hixie-76", "hixie"), ("",), (8,)):
            with capturedLogs() as logs:
                error = self.assertRaises(InvalidSetting, Legacy, *names)

            self.assertEqual(error.setting, "legacy")
            self.assertIn("hixie-75, hixie-76, hybi-7, hybi-8", str(error))
            self.assertEqual(logs, [])

    def test_eachIsSwitchedByItself(self) -> None:
        """
        A client is recognized if its version is switched on, and by no other.
        """
        for version, (request, _answer, _subprotocol) in EXAMPLES.items():
            for name in VERSIONS:
                recognized = makeLegacy(name).recognize(split(request)[0], 100)

                self.assertIs(recognized is not None, name == version)
                if recognized is not None:
                    self.assertEqual(recognized.version, version)

    def test_others(self) -> None:
        """
        Nothing else is recognized, above all not what RFC 6455 has words for.
        """
        for request, case in OTHERS:
            self.assertIsNone(makeLegacy().recognize(split(request)[0], 100), case)
