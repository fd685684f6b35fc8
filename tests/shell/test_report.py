"""
Tests for L{txws.shell.report}.
"""

from __future__ import annotations

import json
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from txws.shell.report import Report

# What programs may count on.
KEYS = [
    "format",
    "url",
    "ok",
    "name",
    "connection",
    "tls",
    "proxy",
    "handshake",
    "roundTrip",
    "closing",
    "probes",
    "idle",
    "problems",
]


PAGE = Path(__file__).parents[2] / "docs" / "howto" / "shell.rst"


class ReportTests(SynchronousTestCase):
    """
    A report, for people and for programs.
    """

    def setUp(self):
        """
        Have one.
        """
        self.lines: list[str] = []
        self.report = Report("ws://example.com/", self.lines.append)

    def test_people(self):
        """
        People read each line as soon as it is known, and the verdict last.
        """
        self.report.tell("roundTrip", {"count": 1}, "one", "two")
        self.report.complain("tls", "it is old", "renew it", isSerious=False)
        self.report.finish()
        self.assertEqual(
            self.lines,
            [
                "round trip   one",
                "             two",
                "TLS          note: it is old",
                "             renew it",
                "verdict      all is well",
            ],
        )
        self.assertTrue(self.report.isGood)

    def test_problem(self):
        """
        A serious problem makes the verdict.
        """
        self.report.complain("closing", "no answer")
        self.report.finish()
        self.assertEqual(
            self.lines,
            ["closing      PROBLEM: no answer", "verdict      1 problem"],
        )
        self.assertFalse(self.report.isGood)

    def test_documented(self):
        """
        The keys that programs may count on are documented.
        """
        page = PAGE.read_text("utf-8")
        for key in KEYS:
            self.assertIn(f"* - ``{key}``\n", page)

    def test_programs(self):
        """
        The keys of the JSON are always there, in ASCII.
        """
        report = Report("ws://example.com/\u202e")
        report.tell("name", {"seconds": 1.5}, "nobody reads it")
        report.complain("tls", "it is old")
        report.finish()
        told = report.toJSON()
        read = json.loads(told)
        self.assertTrue(told.isascii())
        self.assertEqual(list(read), KEYS)
        self.assertEqual((read["format"], read["ok"]), (1, False))
        self.assertEqual(read["name"], {"seconds": 1.5})
        self.assertEqual(
            read["problems"],
            [{"step": "tls", "what": "it is old", "advice": None, "isSerious": True}],
        )
