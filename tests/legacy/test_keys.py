"""
Tests for L{txws.legacy.keys}.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.test_properties import stable
from txws.legacy.keys import answerChallenge, parseKeyNumber

from .clients import CHALLENGES, proofOf

# What a client hides a number among: U+0021 to U+007E, but no digits.
FILLERS = [chr(code) for code in range(0x21, 0x7F) if not chr(code).isdigit()]

BAD_KEYS = (
    ("", "nothing"),
    ("12345", "no space"),
    (" ", "no digit"),
    ("a b c", "letters"),
    ("7 5 ", "75 in two"),
    ("4294967296 ", "a number of 33 bits"),
    ("9" * 5000 + " ", "a number of 5000 digits"),
    ("0" * 10 + "1 ", "a number of eleven digits"),
    ("\xb2 \xb3", "digits that are not ASCII"),
)


class KeyTests(SynchronousTestCase):
    """
    Tests for the keys of hixie-76.
    """

    def test_drafts(self) -> None:
        """
        The examples of the draft have the numbers and the answers that it
        says.
        """
        for (first, number), (second, other), challenge, answer in CHALLENGES:
            self.assertEqual(parseKeyNumber(first), number)
            self.assertEqual(parseKeyNumber(second), other)
            self.assertEqual(answerChallenge(number, other, challenge), answer)

    def test_bad(self) -> None:
        """
        A key without digits, without spaces, or whose number is no multiple of
        its spaces or has more than 32 bits, is refused.
        """
        for key, case in BAD_KEYS:
            with self.assertRaises(ValueError, msg=case):
                parseKeyNumber(key)

    def test_digits(self) -> None:
        """
        Only the digits of ASCII make the number.
        """
        self.assertEqual(parseKeyNumber("\xb21 \xb3"), 1)

    def test_largest(self) -> None:
        """
        A number of 32 bits is none too large.
        """
        self.assertEqual(parseKeyNumber("4294967295 "), 0xFFFFFFFF)
        self.assertEqual(parseKeyNumber("0 "), 0)

    @stable
    @given(
        st.integers(1, 12),
        st.lists(st.sampled_from(FILLERS), min_size=1, max_size=12),
        st.data(),
    )
    def test_hidden(self, spaces, fillers, data) -> None:
        """
        What a client hides as the draft says is found.
        """
        number = data.draw(st.integers(0, 0xFFFFFFFF // spaces))
        characters = [*str(number * spaces)]
        for filler in [*fillers, *" " * spaces]:
            characters.insert(data.draw(st.integers(0, len(characters))), filler)

        self.assertEqual(parseKeyNumber("".join(characters)), number)

    @stable
    @given(st.text(st.characters(max_codepoint=0xFF)))
    def test_anything(self, key) -> None:
        """
        Any other key is a number of 32 bits, or is refused.
        """
        try:
            number = parseKeyNumber(key)
        except ValueError:
            return
        self.assertTrue(0 <= number <= 0xFFFFFFFF)

    @stable
    @given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.binary())
    def test_answers(self, first, second, challenge) -> None:
        """
        The answer is the MD5 of the numbers, in network order, and the
        challenge.
        """
        expected = proofOf(first, second, challenge)

        self.assertEqual(answerChallenge(first, second, challenge), expected)
