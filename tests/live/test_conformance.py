"""
Tests that txws conforms to RFC 6455 as the Autobahn test suite sees it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from .conformance import (
    SAMPLE,
    Selection,
    SuiteMissing,
    findSuite,
    runClient,
    runServer,
)
from .verdicts import Run, formatSummary

CORE_SIZE = 301
COMPRESSION_SIZE = 216
# With other tests beside it.
SAMPLE_TIMEOUT = 900.0


def whySkipped() -> str | None:
    """
    Tell why the suite is not to be run here, or L{None} if it is.
    """
    if os.environ.get("TXWS_LIVE") != "1":
        return "The live tests run if TXWS_LIVE=1 is set."
    try:
        findSuite()
    except SuiteMissing as missing:
        return f"TXWS_LIVE=1 IS SET, BUT CONFORMANCE IS NOT TESTED: {missing}"
    return None


class ConformanceTests(SynchronousTestCase):
    """
    txws, as the suite sees it: every case of the core and every fifth case of
    compression is OK, with default settings, but for the three that are
    informational for everybody.
    """

    skip = whySkipped()

    def check(self, run: Callable[[Selection, Path, float], Run]) -> None:
        """
        Run the cases.
        """
        directory = Path(self.mktemp()).absolute()
        directory.mkdir()
        ran = run(SAMPLE, directory, SAMPLE_TIMEOUT)
        self.assertTrue(ran.isConformant, "\n" + formatSummary(ran))
        compressed = [each for each in ran.verdicts if each.section in (12, 13)]
        self.assertEqual(len(ran.verdicts) - len(compressed), CORE_SIZE)
        self.assertEqual(len(compressed), -(-COMPRESSION_SIZE // 5))

    def test_server(self) -> None:
        """
        As a server, to the suite's fuzzing client.
        """
        self.check(runServer)

    def test_client(self) -> None:
        """
        As a client, to the suite's fuzzing server.
        """
        self.check(runClient)
