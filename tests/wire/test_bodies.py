"""
Tests for L{txws.wire.bodies}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txws.wire.bodies import BodyReader
from txws.wire.http import Headers, ResponseHead

CHUNKED = ("Transfer-Encoding", "chunked")

# Heads, all that follows, the body in it, and whether its end has been read.
BODIES = (
    (200, [("Content-Length", "5")], b"hello", b"hello", True),
    (200, [("Content-Length", "5")], b"hello there", b"hello", True),
    (200, [("Content-Length", "5")], b"hell", b"hell", False),
    (200, [("Content-Length", "0")], b"HTTP/1.1", b"", True),
    (204, [("Content-Length", "5")], b"hello", b"", True),
    (101, [], b"hello", b"", True),
    (
        403,
        [("Content-Length", "4"), ("Content-Length", "5")],
        b"hello",
        b"hello",
        False,
    ),
    (304, [CHUNKED], b"5\r\nhello\r\n", b"", True),
    (403, [], b"hello", b"hello", False),
    (403, [("Content-Length", "five")], b"hello", b"hello", False),
    (403, [CHUNKED], b"5\r\nhello\r\n0\r\n\r\nmore", b"hello", True),
    (403, [CHUNKED, ("Content-Length", "1")], b"2\r\nhe\r\n", b"he", False),
    (403, [CHUNKED], b"2;a=b\r\nhe\r\nA \r\n, you ther\r\n", b"he, you ther", False),
    (403, [CHUNKED], b"1\r\na\r\n00\r\nX: y\r\nZ: \r\n\r\n", b"a", True),
    (403, [CHUNKED], b"0\r\nX: y\r\n", b"", False),
)

# What chunks must not look like.
BAD_CHUNKS = (
    b"x\r\n",
    b"\r\n",
    b"-1\r\n",
    b"5 5\r\n",
    b"1\r\nab\r\n",
    b"1" * 16 + b"\r\n",
    b"1;" + b"a" * 2000,
    b"0\r\n" + b"X: y\r\n" * 129,
)


class BodyReaderTests(SynchronousTestCase):
    """
    Bodies are read as they arrive.
    """

    def test_bodies(self) -> None:
        """
        A body ends where its head says, wherever it is cut.
        """
        for status, fields, data, body, isDone in BODIES:
            for size in (1, 3, len(data)):
                reader = BodyReader(ResponseHead(status, Headers(fields)))
                found = b"".join(
                    reader.receiveData(data[start : start + size])
                    for start in range(0, len(data), size)
                )
                self.assertEqual((found, reader.isDone), (body, isDone), data)

    def test_length(self) -> None:
        """
        The length is known if the head says it, and a body without any ends
        with its connection.
        """
        for fields, length, isOpen in (
            ([("Content-Length", "5")], 5, False),
            ([CHUNKED], None, False),
            ([], None, True),
        ):
            reader = BodyReader(ResponseHead(403, Headers(fields)))
            self.assertEqual(reader.length, length)
            self.assertEqual(reader.endsWithConnection, isOpen)

    def test_badChunks(self) -> None:
        """
        What are no chunks is told, wherever it is cut.
        """
        for data in BAD_CHUNKS:
            for size in (1, len(data)):
                reader = BodyReader(ResponseHead(403, Headers([CHUNKED])))
                with self.assertRaises(ValueError, msg=data):
                    for start in range(0, len(data), size):
                        reader.receiveData(data[start : start + size])
