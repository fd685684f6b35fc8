"""
Tests that the judge of what the Autobahn test suite has seen,
L{tests.live.verdicts}, is not lenient.
"""

from __future__ import annotations

import json
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from .verdicts import (
    Outcome,
    Run,
    Verdict,
    formatPage,
    formatSummary,
    readVerdicts,
)


def verdict(case: str, behavior: str, behaviorClose: str) -> Verdict:
    """
    Make a verdict without a report.
    """
    return Verdict(case, behavior, behaviorClose, Path("report.html"))


class VerdictTests(SynchronousTestCase):
    """
    What counts as conformant.
    """

    def test_outcomes(self) -> None:
        """
        A case is conformant if both of its behaviors are OK, or informational
        where everybody is; it counts as the worse of the two.
        """
        table = (
            ("1.1.1", "OK", "OK", Outcome.OK, True),
            ("7.1.6", "OK", "OK", Outcome.OK, True),
            ("7.1.6", "INFORMATIONAL", "INFORMATIONAL", Outcome.INFORMATIONAL, True),
            ("7.13.2", "INFORMATIONAL", "OK", Outcome.INFORMATIONAL, True),
            ("7.1.6", "INFORMATIONAL", "UNCLEAN", Outcome.FAILED, False),
            ("7.1.6", "NON-STRICT", "OK", Outcome.NON_STRICT, False),
            ("7.1.5", "INFORMATIONAL", "INFORMATIONAL", Outcome.INFORMATIONAL, False),
            ("7.1.5", "OK", "INFORMATIONAL", Outcome.FAILED, False),
            ("6.4.1", "NON-STRICT", "OK", Outcome.NON_STRICT, False),
            ("6.4.1", "NON-STRICT", "FAILED", Outcome.FAILED, False),
            ("12.1.1", "UNIMPLEMENTED", "OK", Outcome.UNIMPLEMENTED, False),
            ("1.1.1", "FAILED", "OK", Outcome.FAILED, False),
            ("1.1.1", "OK", "FAILED", Outcome.FAILED, False),
            ("7.7.1", "OK", "WRONG CODE", Outcome.FAILED, False),
            ("7.7.1", "OK", "UNCLEAN", Outcome.FAILED, False),
            ("7.7.1", "OK", "FAILED BY CLIENT", Outcome.FAILED, False),
            ("1.1.1", "MISSING", "MISSING", Outcome.FAILED, False),
        )
        for case, behavior, behaviorClose, outcome, isConformant in table:
            subject = verdict(case, behavior, behaviorClose)
            self.assertIs(subject.outcome, outcome, subject)
            self.assertIs(subject.isConformant, isConformant, subject)

    def test_oneFailedCase(self) -> None:
        """
        One failed case among good ones fails the run.
        """
        good, bad = verdict("1.1.1", "OK", "OK"), verdict("1.1.2", "FAILED", "OK")
        self.assertTrue(Run((good,)).isConformant)
        self.assertFalse(Run((good, bad)).isConformant)

    def test_complaint(self) -> None:
        """
        A run is not conformant if there is anything to complain of, though
        each of its cases is OK.
        """
        good = verdict("1.1.1", "OK", "OK")
        self.assertFalse(Run((good,), ("The server ended.",)).isConformant)

    def test_noCases(self) -> None:
        """
        A run without cases shows nothing.
        """
        self.assertFalse(Run(()).isConformant)


class ReadingTests(SynchronousTestCase):
    """
    What is read from the suite's report.
    """

    def setUp(self) -> None:
        """
        Make a directory for a report.
        """
        self.directory = Path(self.mktemp())
        self.directory.mkdir()

    def read(self, index: object, *planned: str) -> tuple[Verdict, ...]:
        """
        Read the verdicts on the planned cases from a report.
        """
        (self.directory / "index.json").write_text(json.dumps(index), "utf-8")
        return readVerdicts(planned, self.directory)

    def test_case(self) -> None:
        """
        A verdict has the words of the suite and leads to its page.
        """
        entry = {
            "behavior": "OK",
            "behaviorClose": "UNCLEAN",
            "remoteCloseCode": 1000,
            "duration": 2,
            "reportfile": "txws_case_7_1_5.json",
        }
        page = self.directory / "txws_case_7_1_5.html"
        self.assertEqual(
            self.read({"txws": {"7.1.5": entry}}, "7.1.5"),
            (Verdict("7.1.5", "OK", "UNCLEAN", page),),
        )

    def test_missingCase(self) -> None:
        """
        A case that the suite planned but has no verdict on is failed.
        """
        reports: tuple[dict[str, object], ...] = ({}, {"txws": {}})
        for index in reports:
            (missing,) = self.read(index, "1.1.1")
            self.assertEqual(missing.behavior, "MISSING")
            self.assertFalse(missing.isConformant)


class FormattingTests(SynchronousTestCase):
    """
    What a reader sees of a run.
    """

    run_ = Run(
        (
            verdict("1.1.1", "OK", "OK"),
            verdict("7.1.6", "INFORMATIONAL", "INFORMATIONAL"),
            verdict("7.7.1", "OK", "WRONG CODE"),
        ),
        ("The suite took more than 5 seconds.",),
    )

    def test_summary(self) -> None:
        """
        The summary counts by section, lists what is not OK with its page,
        marks what is not conformant, and repeats the complaints.
        """
        lines = formatSummary(self.run_).splitlines()
        self.assertEqual(
            [" ".join(line.split()) for line in lines[1:4]],
            [
                "1 Framing 1 1 0 0 0 0",
                "7 Closing handshake 2 0 0 1 0 1",
                "All 3 1 0 1 0 1",
            ],
        )
        self.assertEqual(
            [" ".join(line.split()) for line in lines[5:]],
            [
                "7.1.6 INFORMATIONAL / INFORMATIONAL report.html",
                "! 7.7.1 OK / WRONG CODE report.html",
                "! The suite took more than 5 seconds.",
            ],
        )

    def test_page(self) -> None:
        """
        The page has the same table, and what is not OK without local paths.
        """
        page = formatPage(self.run_)
        row = ("7 Closing handshake", "2", "0", "0", "1", "0", "1")
        self.assertIn("   * - " + "\n     - ".join(row) + "\n", page)
        self.assertIn("\n* 7.7.1: OK, closing WRONG CODE\n", page)
        self.assertIn("\n* The suite took more than 5 seconds.\n", page)
        self.assertNotIn("report.html", page)
