"""
Tests for L{txws.wire.frames}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txws.wire.codes import Opcode
from txws.wire.errors import BadFrame, MessageTooBig, Violation
from txws.wire.frames import (
    RSV1,
    RSV2,
    RSV3,
    Frame,
    FrameParser,
    serializeHeader,
)

from .assertions import WireTestCase
from .tables import KEY, dribble, frame, header, keptSize, readFrames, splits

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = Opcode
DATA = (TEXT, BINARY)
CONTROL = (CLOSE, PING, PONG)

# RFC 6455 section 5.7: what is on the wire, whether it is masked, and what it
# means.
EXAMPLES = (
    (b"\x81\x05Hello", False, [Frame(TEXT, b"Hello")]),
    (
        b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
        True,
        [Frame(TEXT, b"Hello")],
    ),
    (
        b"\x01\x03Hel\x80\x02lo",
        False,
        [Frame(TEXT, b"Hel", isFinal=False), Frame(CONTINUATION, b"lo")],
    ),
    (b"\x89\x05Hello", False, [Frame(PING, b"Hello")]),
    (
        b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
        True,
        [Frame(PONG, b"Hello")],
    ),
)


def parse(parser, *pieces):
    """
    Give a parser pieces, and collect the frames.
    """
    frames = []
    for piece in pieces:
        parser.receiveData(piece)
        frames.extend(iter(parser.nextFrame, None))
    return frames


def messages(frames):
    """
    Put data frames together: opcode, payload and reserved bits of each message.
    """
    found = []
    for parsed in frames:
        if parsed.opcode is CONTINUATION:
            opcode, payload, rsv = found.pop()
            found.append((opcode, payload + parsed.payload, rsv))
        else:
            found.append((parsed.opcode, parsed.payload, parsed.rsv))
    return found


class SerializeTests(SynchronousTestCase):
    """
    Frames are written as RFC 6455 section 5.2 has it.
    """

    def test_examples(self):
        """
        The RFC's examples come out.
        """
        for data, isMasked, frames in EXAMPLES:
            key = KEY if isMasked else None
            self.assertEqual(b"".join(each.serialize(key) for each in frames), data)

    def test_lengths(self):
        """
        The payload length takes as few bytes as it can, masked or not.
        """
        for length, written in (
            (0, b"\x00"),
            (125, b"\x7d"),
            (126, b"\x7e\x00\x7e"),
            (0xFFFF, b"\x7e\xff\xff"),
            (0x10000, b"\x7f\0\0\0\0\0\1\0\0"),
            (2**63 - 1, b"\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"),
        ):
            masked = bytes([written[0] | 0x80]) + written[1:]
            self.assertEqual(
                serializeHeader(BINARY, length, True, 0, None), b"\x82" + written
            )
            self.assertEqual(
                serializeHeader(BINARY, length, True, 0, KEY), b"\x82" + masked + KEY
            )

    def test_bits(self):
        """
        FIN, the reserved bits and the opcode share the first byte.
        """
        for sent, first in (
            (Frame(TEXT, b"", isFinal=False), 0x01),
            (Frame(CONTINUATION, b""), 0x80),
            (Frame(TEXT, b"", rsv=RSV1), 0xC1),
            (Frame(BINARY, b"", rsv=RSV2), 0xA2),
            (Frame(BINARY, b"", isFinal=False, rsv=RSV3), 0x12),
            (Frame(PONG, b""), 0x8A),
        ):
            self.assertEqual(sent.serialize(), bytes([first, 0]))

    def test_defaults(self):
        """
        A frame is final and has no reserved bits unless it is told to.
        """
        sent = Frame(TEXT, b"a")
        self.assertIs(sent.isFinal, True)
        self.assertEqual(sent.rsv, 0)


class FragmentsTests(SynchronousTestCase):
    """
    A frame can be cut into fragments, RFC 6455 section 5.4.
    """

    def test_fragments(self):
        """
        The fragments have the size that was asked for, but for the last one;
        only the first has the opcode and the reserved bits, only the last FIN.
        """
        sent = Frame(TEXT, b"abcdefg", rsv=RSV1)
        self.assertEqual(
            list(sent.fragments(3)),
            [
                Frame(TEXT, b"abc", isFinal=False, rsv=RSV1),
                Frame(CONTINUATION, b"def", isFinal=False),
                Frame(CONTINUATION, b"g"),
            ],
        )

    def test_sizes(self):
        """
        No fragment is empty where the size divides the payload.
        """
        for size, payloads in (
            (1, [b"a", b"b", b"c", b"d"]),
            (2, [b"ab", b"cd"]),
            (3, [b"abc", b"d"]),
            (4, [b"abcd"]),
            (5, [b"abcd"]),
        ):
            fragments = list(Frame(BINARY, b"abcd").fragments(size))
            self.assertEqual([each.payload for each in fragments], payloads)
            self.assertEqual(
                [each.isFinal for each in fragments],
                [False] * (len(payloads) - 1) + [True],
            )

    def test_empty(self):
        """
        An empty frame is one fragment.
        """
        self.assertEqual(list(Frame(TEXT, b"").fragments(1)), [Frame(TEXT, b"")])

    def test_notFinal(self):
        """
        The fragments of a frame that is not final are none of them final.
        """
        fragments = Frame(TEXT, b"ab", isFinal=False).fragments(1)
        self.assertEqual([each.isFinal for each in fragments], [False, False])

    def test_control(self):
        """
        Control frames cannot be fragmented.
        """
        for opcode in CONTROL:
            self.assertRaises(ValueError, Frame(opcode, b"abc").fragments, 2)

    def test_badSize(self):
        """
        A fragment has room for at least one byte.
        """
        for size in (0, -1):
            self.assertRaises(ValueError, Frame(TEXT, b"abc").fragments, size)


class FrameParserTests(SynchronousTestCase):
    """
    Frames are parsed from bytes that were cut anywhere.
    """

    def test_examples(self):
        """
        The RFC's examples are understood.
        """
        for data, isMasked, frames in EXAMPLES:
            self.assertEqual(parse(FrameParser(isMasked), data), frames)

    def test_splits(self):
        """
        What is parsed does not depend on how the bytes arrive.
        """
        for isMasked in (False, True):
            frames = [
                Frame(TEXT, "Grüße".encode()),
                Frame(PING, b"12"),
                Frame(BINARY, b"", isFinal=False, rsv=RSV1),
                Frame(CLOSE, b""),
                Frame(CONTINUATION, bytes(130), isFinal=False),
                Frame(CONTINUATION, b""),
                Frame(TEXT, b""),
                Frame(PONG, b"7" * 125),
            ]
            data = b"".join(frame(*each, isMasked=isMasked) for each in frames)
            for pieces in splits(data):
                parser = FrameParser(isMasked, firstRSV=RSV1, keepsFramesWhole=True)
                self.assertEqual(parse(parser, *pieces), frames, pieces)

    def test_parts(self):
        """
        A data frame of which a part has arrived is parsed as that part,
        followed by continuations; only the first part has the opcode and the
        reserved bits, only the last is final.
        """
        for isMasked in (False, True):
            data = frame(BINARY, b"abcdef", rsv=RSV2, isMasked=isMasked)
            parser = FrameParser(isMasked, firstRSV=RSV2)
            self.assertEqual(
                parse(parser, data[:-4]), [Frame(BINARY, b"ab", False, RSV2)]
            )
            self.assertEqual(
                parse(parser, data[-4:-1]), [Frame(CONTINUATION, b"cde", False)]
            )
            self.assertEqual(parse(parser, data[-1:]), [Frame(CONTINUATION, b"f")])

    def test_partsOfFragments(self):
        """
        The parts of a fragment that is not final are none of them final.
        """
        parser = FrameParser(False)
        data = frame(TEXT, b"ab", isFinal=False) + frame(CONTINUATION, b"cd")
        frames = parse(parser, *dribble(data))
        self.assertEqual([each.isFinal for each in frames], [False] * 3 + [True])
        self.assertEqual(messages(frames), [(TEXT, b"abcd", 0)])

    def test_controlFramesWhole(self):
        """
        Control frames are never parsed in parts.
        """
        for opcode in CONTROL:
            parser = FrameParser(True)
            data = frame(opcode, b"ab", isMasked=True)
            self.assertEqual(parse(parser, *dribble(data[:-1])), [])
            self.assertEqual(parse(parser, data[-1:]), [Frame(opcode, b"ab")])

    def test_pull(self):
        """
        Frames that are not asked for wait, with what arrives behind them.
        """
        parser = FrameParser(False)
        parser.receiveData(frame(TEXT, b"a") + frame(TEXT, b"b") + b"\x81")
        self.assertEqual(parser.nextFrame(), Frame(TEXT, b"a"))
        parser.receiveData(b"\x01")
        parser.receiveData(b"c" + frame(TEXT, b"d"))
        rest = list(iter(parser.nextFrame, None))
        self.assertEqual([each.payload for each in rest], [b"b", b"c", b"d"])

    def test_oneByOne(self):
        """
        Bytes may arrive between two calls that each find a frame.
        """
        parser = FrameParser(False)
        for payload in (b"a", b"bcd", b"e"):
            parser.receiveData(frame(TEXT, payload))
            self.assertEqual(parser.nextFrame(), Frame(TEXT, payload))

    def test_lengths(self):
        """
        Payload lengths are read from one, three and nine bytes.
        """
        for length in (0, 1, 125, 126, 127, 0xFFFF, 0x10000):
            for isMasked in (False, True):
                payload = (b"0123456789" * 6554)[:length]
                data = frame(BINARY, payload, isMasked=isMasked)
                for cut in range(15):
                    frames = parse(FrameParser(isMasked), data[:cut], data[cut:])
                    self.assertEqual(messages(frames), [(BINARY, payload, 0)])

    def test_clear(self):
        """
        What has arrived and was not parsed can be dropped.
        """
        for isWhole in (False, True):
            parser = FrameParser(False, keepsFramesWhole=isWhole)
            parser.receiveData(frame(TEXT, b"a") + b"\x82\x05b")
            parser.receiveData(b"cd")
            self.assertEqual(parser.nextFrame(), Frame(TEXT, b"a"))
            parser.clear()
            self.assertIs(parser.nextFrame(), None)


class CountingBytes(bytes):
    """
    Bytes that count how many of them are copied into slices.
    """

    copied = 0

    def __getitem__(self, key):
        found = super().__getitem__(key)
        if isinstance(found, bytes) and len(found) < len(self):
            type(self).copied += len(found)
            return type(self)(found)
        return found


class KeptBytesTests(SynchronousTestCase):
    """
    A parser keeps and copies no more than it has to.
    """

    def test_manyFrames(self):
        """
        Many frames that arrive at once are parsed in linear time: what comes
        behind a frame is not copied with it.
        """

        class Counted(CountingBytes):
            pass

        data = frame(TEXT, b"abcd", isMasked=True) * 1000
        parser = FrameParser(True)
        self.assertEqual(len(parse(parser, Counted(data))), 1000)
        self.assertLessEqual(Counted.copied, len(data))

    def test_idle(self):
        """
        Between two frames nothing is kept.
        """
        for isMasked in (False, True):
            parser = FrameParser(isMasked)
            data = frame(BINARY, bytes(70000), isMasked=isMasked)
            parse(parser, data, data)
            self.assertEqual(keptSize(parser), 0)

    def test_partOfPayload(self):
        """
        In the middle of a payload nothing is kept, for it is handed on.
        """
        parser = FrameParser(False)
        parse(parser, frame(BINARY, bytes(70000))[:-1])
        self.assertEqual(keptSize(parser), 0)

    def test_partOfHeader(self):
        """
        In the middle of a header, what came before it is not kept.
        """
        parser = FrameParser(True)
        parse(parser, frame(BINARY, bytes(70000), isMasked=True) + b"\x82")
        self.assertEqual(keptSize(parser), 1)

    def test_partOfControlFrame(self):
        """
        At most a control frame is kept until it is whole.
        """
        parser = FrameParser(True)
        whole = frame(BINARY, bytes(1000), isMasked=True)
        ping = frame(PING, bytes(125), isMasked=True)
        parse(parser, whole + ping[:60], *dribble(ping[60:-1]))
        self.assertEqual(keptSize(parser), len(ping) - 1)

    def test_wholeFrames(self):
        """
        A frame that is to be kept whole is kept once, and then no more.
        """
        parser = FrameParser(True, keepsFramesWhole=True)
        data = frame(BINARY, bytes(1000), isMasked=True)
        self.assertEqual(parse(parser, *dribble(data[:-1])), [])
        self.assertLessEqual(keptSize(parser), 999 + len(KEY))
        self.assertEqual(parse(parser, data[-1:]), [Frame(BINARY, bytes(1000))])
        self.assertLessEqual(keptSize(parser), len(KEY))


# What is refused as soon as its header is there: whether the peer has to mask,
# what came before, and the header without masking key and payload.
REFUSED = (
    *(
        (f"opcode {opcode:#x}", True, b"", header(opcode, 0, isMasked=True))
        for opcode in (3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF)
    ),
    *(
        (f"bit {rsv:#x} on opcode {opcode}", False, b"", header(opcode, 0, rsv=rsv))
        for opcode in (*DATA, *CONTROL)
        for rsv in (RSV1, RSV2, RSV3)
    ),
    *(
        (
            f"bit {rsv:#x} on a continuation",
            False,
            frame(TEXT, isFinal=False),
            header(CONTINUATION, 0, rsv=rsv),
        )
        for rsv in (RSV1, RSV2, RSV3)
    ),
    *(
        (f"unmasked opcode {opcode}", True, b"", header(opcode, 0))
        for opcode in (*DATA, *CONTROL)
    ),
    *(
        (f"masked opcode {opcode}", False, b"", header(opcode, 0, isMasked=True))
        for opcode in (*DATA, *CONTROL)
    ),
    *(
        (f"fragmented opcode {opcode}", False, b"", header(opcode, 0, isFinal=False))
        for opcode in CONTROL
    ),
    *(
        (f"long opcode {opcode}, {second}", False, b"", bytes([0x80 | opcode, second]))
        for opcode in CONTROL
        for second in (126, 127)
    ),
    ("a continuation at first", False, b"", header(CONTINUATION, 0)),
    ("a fragment at first", False, b"", header(CONTINUATION, 0, isFinal=False)),
    (
        "a continuation after a message",
        False,
        frame(TEXT, b"a"),
        header(CONTINUATION, 0),
    ),
    (
        "a continuation after a fragmented message",
        False,
        frame(TEXT, b"a", isFinal=False) + frame(CONTINUATION, b"b"),
        header(CONTINUATION, 0),
    ),
    *(
        (
            f"opcode {opcode} inside a message",
            False,
            frame(TEXT, b"a", isFinal=False) + frame(PING),
            header(opcode, 0),
        )
        for opcode in DATA
    ),
    ("0 in two bytes", False, b"", b"\x82\x7e\0\0"),
    ("125 in two bytes", False, b"", b"\x82\x7e\0\x7d"),
    ("125 in eight bytes", False, b"", b"\x82\x7f\0\0\0\0\0\0\0\x7d"),
    ("65535 in eight bytes", False, b"", b"\x82\x7f\0\0\0\0\0\0\xff\xff"),
    ("the top bit", False, b"", b"\x82\x7f\x80\0\0\0\0\0\0\0"),
    ("the top bit, masked", True, b"", b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
)


class RefusedFramesTests(WireTestCase):
    """
    A frame is refused by its header.
    """

    def test_refused(self):
        """
        What RFC 6455 section 5 forbids is refused before its payload, and even
        its masking key, is there, however it arrives.
        """
        for case, isMasked, before, refused in REFUSED:
            for pieces in splits(refused):
                parser = FrameParser(isMasked)
                parse(parser, before)
                parse(parser, *pieces[:-1])
                self.assertViolation(BadFrame, case, parse, parser, pieces[-1])

    def test_tellsWhy(self):
        """
        The explanation says which rule was broken.
        """
        for isMasked, data, explanation in (
            (False, b"\x83\0", "opcode 0x3 is not defined"),
            (False, b"\xc1\0", "a reserved bit is set that no extension has claimed"),
            (True, b"\x81\0", "a client's frame is not masked"),
            (False, b"\x81\x80", "a server's frame is masked"),
            (False, b"\x09\0", "a control frame is fragmented"),
            (False, b"\x89\x7e", "a control frame has more than 125 bytes"),
            (False, b"\x80\0", "a continuation has no message to continue"),
            (False, b"\x01\0\x01\0", "a message begins inside another"),
            (False, b"\x82\x7e\0\0", "a payload length is longer than it needs to be"),
            (False, b"\x82\x7f" + b"\xff" * 8, "a payload length has its top bit set"),
        ):
            error = self.assertRaises(BadFrame, parse, FrameParser(isMasked), data)
            self.assertEqual(error.explanation, explanation)

    def test_framesBefore(self):
        """
        Frames that came before a refused one are parsed first.
        """
        parser = FrameParser(False)
        parser.receiveData(frame(TEXT, b"a") + frame(3))
        self.assertEqual(parser.nextFrame(), Frame(TEXT, b"a"))
        self.assertRaises(BadFrame, parser.nextFrame)

    def test_claimedBits(self):
        """
        Reserved bits that an extension has claimed are allowed where it has
        claimed them: on the first frame of a message, or on all of them.
        """
        first, other = RSV1 | RSV3, RSV3
        for rsv in (0, RSV1, RSV2, RSV3, RSV1 | RSV3, RSV1 | RSV2 | RSV3):
            for opcode, before, claimed in (
                (TEXT, b"", first),
                (BINARY, b"", first),
                (CONTINUATION, frame(TEXT, isFinal=False), other),
                (CLOSE, b"", 0),
                (PING, b"", 0),
                (PONG, b"", 0),
            ):
                parser = FrameParser(False, firstRSV=first, continuationRSV=other)
                parse(parser, before)
                data = frame(opcode, b"a", rsv=rsv)
                if rsv & ~claimed:
                    self.assertRaises(BadFrame, parse, parser, data)
                else:
                    parsed = parse(parser, data)
                    self.assertEqual(parsed, [Frame(opcode, b"a", rsv=rsv)])


class LimitsTests(SynchronousTestCase):
    """
    A message is refused by the header that takes it over a limit.
    """

    def assertTooBig(self, parser, *pieces):
        """
        Assert that the last of some pieces takes a message over a limit.
        """
        parse(parser, *pieces[:-1])
        return self.assertRaises(MessageTooBig, parse, parser, pieces[-1])

    def test_largestMessage(self):
        """
        A message may have as many bytes as the limit says, and not one more.
        """
        for limit in (0, 1, 125, 126, 0xFFFF, 0x10000):
            parser = FrameParser(True, maxMessageSize=limit)
            whole = frame(BINARY, bytes(limit), isMasked=True)
            self.assertEqual(
                parse(parser, whole, whole), [Frame(BINARY, bytes(limit))] * 2
            )
            error = self.assertTooBig(
                parser, *dribble(header(BINARY, limit + 1, isMasked=True))
            )
            self.assertEqual(
                error.explanation,
                f"a message has more than {limit} bytes (maxMessageSize)",
            )

    def test_largestLength(self):
        """
        The largest length that a frame can declare is refused.
        """
        parser = FrameParser(False, maxMessageSize=2**62)
        self.assertTooBig(parser, header(BINARY, 2**63 - 1))

    def test_bytesOfFragments(self):
        """
        The bytes of all fragments count, also of those that are on their way.
        """
        parser = FrameParser(False, maxMessageSize=10)
        first = frame(TEXT, b"12345", isFinal=False)
        second = frame(CONTINUATION, b"6789", isFinal=False)
        self.assertTooBig(parser, *dribble(first), second, header(CONTINUATION, 2))

    def test_bytesCountAnew(self):
        """
        Each message has the limit for itself, whether fragmented or not.
        """
        parser = FrameParser(False, maxMessageSize=4)
        fragmented = frame(TEXT, b"ab", isFinal=False) + frame(CONTINUATION, b"cd")
        whole = frame(TEXT, b"efgh")
        frames = parse(parser, *dribble((fragmented + whole) * 3))
        self.assertEqual(
            [payload for opcode, payload, rsv in messages(frames)],
            [b"abcd", b"efgh"] * 3,
        )

    def test_controlFramesDoNotCount(self):
        """
        Control frames in the middle of a message add nothing to it.
        """
        parser = FrameParser(False, maxMessageSize=2, maxFragments=2)
        frames = parse(
            parser,
            frame(TEXT, b"a", isFinal=False),
            frame(PING, b"12345") * 5,
            frame(CONTINUATION, b"b"),
        )
        self.assertEqual(len(frames), 7)

    def test_fragments(self):
        """
        A message may have as many fragments as the limit says; one more is
        refused by its header, be it the last or empty.
        """
        for limit in (1, 2, 5):
            for isFinal in (False, True):
                for length in (0, 1, 300):
                    parser = FrameParser(False, maxFragments=limit)
                    middle = frame(CONTINUATION, isFinal=False) * (limit - 1)
                    parse(parser, frame(TEXT, isFinal=False) + middle)
                    error = self.assertTooBig(
                        parser, header(CONTINUATION, length, isFinal=isFinal)
                    )
                    self.assertEqual(
                        error.explanation,
                        f"a message has more than {limit} fragments (maxFragments)",
                    )

    def test_fragmentsCountAnew(self):
        """
        Each message has the limit for itself.
        """
        parser = FrameParser(False, maxFragments=2)
        message = frame(TEXT, b"a", isFinal=False) + frame(CONTINUATION, b"b")
        self.assertEqual(len(parse(parser, message * 5)), 10)

    def test_partsAreNotFragments(self):
        """
        A frame that arrives in many parts is one fragment.
        """
        parser = FrameParser(False, maxFragments=1)
        frames = parse(parser, *dribble(frame(TEXT, b"abcdef") * 2))
        self.assertEqual(messages(frames), [(TEXT, b"abcdef", 0)] * 2)

    def test_noLimits(self):
        """
        Without limits a message may have any size and any number of fragments.
        """
        parser = FrameParser(False)
        parse(parser, frame(TEXT, isFinal=False))
        frames = parse(parser, frame(CONTINUATION, isFinal=False) * 70000)
        self.assertEqual(len(frames), 70000)
        self.assertEqual(parse(parser, header(CONTINUATION, 2**63 - 1)), [])
        self.assertEqual(parse(parser, b"a"), [Frame(CONTINUATION, b"a", False)])


class RoundTripTests(SynchronousTestCase):
    """
    What is serialized is what is parsed.
    """

    def test_roundTrip(self):
        """
        A frame comes back as it was, with and without a masking key, and looks
        the same to an independent reader.
        """
        for opcode in (*DATA, *CONTROL):
            for key in (None, KEY):
                sent = Frame(opcode, b"\0\x7f\xff")
                data = sent.serialize(key)
                self.assertEqual(readFrames(data), [sent])
                self.assertEqual(parse(FrameParser(key is not None), data), [sent])

    def test_onlyViolations(self):
        """
        All pairs of first bytes are parsed, wait for more, or are violations.
        """
        outcomes: set[object] = set()
        for first in range(256):
            for second in range(256):
                try:
                    frames = parse(FrameParser(True), bytes([first, second]), KEY)
                    outcomes.add(len(frames))
                except Violation:
                    outcomes.add("violation")
        self.assertEqual(outcomes, {0, 1, "violation"})
