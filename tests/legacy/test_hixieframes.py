"""
Tests for L{txws.legacy.hixieframes}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txws.legacy.hixieframes import HixieFrameParser
from txws.wire.codes import Opcode
from txws.wire.errors import BadFrame
from txws.wire.frames import Frame

CONTINUATION, TEXT, CLOSE = Opcode.CONTINUATION, Opcode.TEXT, Opcode.CLOSE


def parse(*pieces: bytes, hasClose: bool = True) -> list[Frame]:
    """
    Parse what comes in pieces, each as soon as it is there.
    """
    parser = HixieFrameParser(hasClose)
    frames = []
    for piece in pieces:
        parser.receiveData(piece)
        while (frame := parser.nextFrame()) is not None:
            frames.append(frame)
    return frames


class ParserTests(SynchronousTestCase):
    """
    Tests for L{HixieFrameParser}.
    """

    def test_whole(self) -> None:
        """
        Texts and a Close become frames of RFC 6455.
        """
        self.assertEqual(
            parse(b"\x00a\xff\x00\xff\xff\x00"),
            [Frame(TEXT, b"a"), Frame(TEXT, b""), Frame(CLOSE, b"")],
        )

    def test_cut(self) -> None:
        """
        What has arrived of a text is handed on, and goes on as continuations.
        """
        self.assertEqual(
            parse(b"\x00", b"a", b"", b"b", b"\xff", b"\xff", b"\x00"),
            [
                Frame(TEXT, b"a", False),
                Frame(CONTINUATION, b"b", False),
                Frame(CONTINUATION, b""),
                Frame(CLOSE, b""),
            ],
        )

    def test_bad(self) -> None:
        """
        Other types of frames are refused, as is a Close with a payload, or
        where there is none.
        """
        for data, hasClose in (
            (b"\x01", True),
            (b"\x80", True),
            (b"\xff\x01", True),
            (b"\xff", False),
        ):
            self.assertRaises(BadFrame, parse, data, hasClose=hasClose)

    def test_clear(self) -> None:
        """
        What is dropped is not parsed.
        """
        parser = HixieFrameParser(True)
        parser.receiveData(b"\x00a\xff\x00b\xff")
        self.assertEqual(parser.nextFrame(), Frame(TEXT, b"a"))

        parser.clear()

        self.assertIsNone(parser.nextFrame())
        parser.receiveData(b"\x00c\xff")
        self.assertEqual(parser.nextFrame(), Frame(TEXT, b"c"))
