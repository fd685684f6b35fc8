"""
Tests that txws agrees with others on parameters of permessage-deflate, and keeps to
them; and that L{tests.live.parameters}, which judges that, is not lenient.

Which peers are there, L{tests.live.peertests} tells.  Of the combinations every
fifth is run; C{python -m tests.live.parameters} runs all.
"""

from __future__ import annotations

from twisted.internet import reactor
from twisted.trial.unittest import SynchronousTestCase, TestCase

from txws import PerMessageDeflate

from .matrix import Cell, Outcome, Row
from .parameters import (
    COMBINATIONS,
    SUBJECTS,
    Combination,
    Witness,
    formatPage,
    problemsOf,
    runParameters,
    tabulate,
)
from .peertests import PeerTests, makePlace

SAMPLE = COMBINATIONS[::5]


class ParametersTests(PeerTests, TestCase):
    """
    txws and one other.
    """

    timeout = 120

    async def check(self, name: str) -> None:
        """
        Run combinations, and have each pass of which the other is capable.
        """
        (subject,) = (subject for subject in SUBJECTS if subject.name == name)
        rows = await runParameters(reactor, makePlace(self), subject, SAMPLE)
        self.assertEqual(problemsOf(rows), [])
        for row in rows:
            role = "client" if row.title.startswith("txws") else "server"
            wanted = [each.name for each in SAMPLE if subject.can(each, role)]
            self.assertEqual(list(row.cells), wanted)
            self.assertGreater(len(wanted), 5)


class JudgeTests(SynchronousTestCase):
    """
    What counts as passed.
    """

    def test_combinations(self) -> None:
        """
        There are four ways to look back and eight sizes on each side, and a
        sample of them has every value.
        """
        self.assertEqual(len(set(COMBINATIONS)), 256)
        self.assertEqual(len({each.name for each in COMBINATIONS}), 256)
        for value in ("takeover", "serverBits", "clientBits"):
            self.assertEqual(
                {getattr(each, value) for each in SAMPLE},
                {getattr(each, value) for each in COMBINATIONS},
            )

    def test_agreed(self) -> None:
        """
        What was agreed on is read from the answer, and remembered.
        """
        for settings, answer, agreed in (
            (PerMessageDeflate.preset("best"), [], Combination(False, False, 15, 15)),
            (
                PerMessageDeflate(9, 10, False, False),
                [("client_max_window_bits", None)],
                Combination(True, True, 9, 10),
            ),
            (
                PerMessageDeflate(11, 12),
                [
                    ("client_max_window_bits", "8"),
                    ("client_no_context_takeover", None),
                ],
                Combination(False, True, 11, 8),
            ),
        ):
            witness = Witness(settings)
            self.assertIsNotNone(witness.accept(answer, None))
            self.assertEqual(Combination.agreed(witness.answers[0]), agreed)

    def test_table(self) -> None:
        """
        What has not passed is not counted, and told.
        """
        good, bad, *_ = COMBINATIONS
        row = Row(
            "txws → x",
            "x 1",
            {
                good.name: Cell(Outcome.OK),
                bad.name: Cell(Outcome.FAILED, "too bad"),
            },
        )
        self.assertEqual(tabulate([row])[1], ["txws → x", "1 of 2", *["0 of 0"] * 3])
        (problem,) = problemsOf([row])
        self.assertEqual(problem, f"txws → x: FAILED: too bad ({bad.name})")
        self.assertIn(f"* {problem}\n", formatPage([row]))
