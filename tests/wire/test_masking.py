"""
Tests for L{txws.wire.masking}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txws.wire.masking import Masker, mask

from .tables import KEY, splits, xor

# RFC 6455 section 5.7.
HELLO = b"\x7f\x9f\x4d\x51\x58"


class MaskingTests(SynchronousTestCase):
    """
    Payloads are masked as RFC 6455 section 5.3 has it.
    """

    def test_example(self):
        """
        The RFC's example comes out.
        """
        self.assertEqual(mask(b"Hello", KEY), HELLO)

    def test_unmask(self):
        """
        Masking twice with one key gives the payload back.
        """
        self.assertEqual(mask(mask(b"Hello", KEY), KEY), b"Hello")

    def test_lengths(self):
        """
        Each byte is masked with the key's byte at its place, at any length.
        """
        for length in (*range(40), 125, 126, 127, 1021, 65537):
            payload = bytes(range(256)) * 257
            self.assertEqual(mask(payload[:length], KEY), xor(payload[:length], KEY))

    def test_view(self):
        """
        A part of a buffer is masked without being copied first.
        """
        self.assertEqual(mask(memoryview(b">Hello<")[1:-1], KEY), HELLO)

    def test_everyOtherByte(self):
        """
        A part of a buffer need not lie in one piece.
        """
        self.assertEqual(mask(memoryview(b"H-e-l-l-o-")[::2], KEY), HELLO)
        self.assertEqual(mask(memoryview(b"olleH")[::-1], KEY), HELLO)

    def test_wrongKey(self):
        """
        A masking key has four bytes.
        """
        for key in (b"", b"abc", b"abcde"):
            self.assertRaises(ValueError, mask, b"Hello", key)

    def test_pieces(self):
        """
        A payload that arrives in pieces is unmasked in pieces.
        """
        for pieces in splits(HELLO * 3):
            masker = Masker(KEY)
            unmasked = b"".join(masker.process(piece) for piece in pieces)
            self.assertEqual(unmasked, xor(HELLO * 3, KEY), pieces)
