"""
Tests for L{txws.shell.pipe}.
"""

from __future__ import annotations

from secrets import token_hex
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from txws.demo import Echo
from txws.endpoints import connect
from txws.errors import WebSocketClosed
from txws.shell import pipe
from txws.shell.pipe import LineTooLong, NotText, Pipe
from txws.testing import RecordingHandler, RecordingHandlerFactory

from .internet import Internet, Pipes


class PipeTests(SynchronousTestCase):
    """
    Somebody talks to a server through pipes.
    """

    def start(self, application: Any = Echo, **settings: Any) -> None:
        """
        Connect, and begin.
        """
        self.internet = Internet()
        self.internet.serve(application)
        connecting = connect(self.internet, "ws://example.com/")
        self.internet.run()
        self.conversation = self.successResultOf(connecting)
        self.pipes = Pipes()
        self.pipes.streams.pauseInput()
        piping = Pipe(self.conversation, self.pipes.streams, self.internet, **settings)
        self.talking = Deferred.fromCoroutine(piping.run())

    def type(self, data: bytes | str) -> str:
        """
        Give input, and take output.
        """
        self.pipes.type(data)
        self.internet.run()
        return self.pipes.take()

    def test_lines(self):
        """
        Each line is a message, and the output is what is received and nothing
        else, as it is.
        """
        self.start()
        self.assertEqual(self.type("one\ntwo\r\n\nthr"), "one\ntwo\n\n")
        self.assertEqual(self.type("ee\x1b\n"), "three\x1b\n")

    def test_end(self):
        """
        The last line need not end; after the end of input, answers are waited
        for until the server closes.
        """
        self.start()
        self.type("one")
        self.pipes.end()
        self.internet.run(100)
        self.assertEqual(self.pipes.take(), "one\n")
        self.assertNoResult(self.talking)

    def test_wait(self):
        """
        They are waited for so long as was said, and then it closes with 1000.
        """
        self.start(wait=2.0)
        self.type("one\n")
        self.internet.run(60)
        self.pipes.end()
        self.internet.run(1.9)
        self.assertNoResult(self.talking)
        self.internet.run(0.2)
        ended = self.successResultOf(self.talking)
        self.assertEqual((ended.sent.code, ended.isReceivedFirst), (1000, False))

    def test_nothingLeft(self):
        """
        A server that closes meanwhile leaves no delayed call.
        """
        self.application = RecordingHandlerFactory(RecordingHandler)
        self.start(self.application, wait=2.0)
        self.pipes.end()
        self.application.handlers[0].transport.loseConnection(1000)
        self.internet.run()
        self.assertIsInstance(self.successResultOf(self.talking), WebSocketClosed)
        self.assertEqual(self.internet.getDelayedCalls(), [])

    def test_binary(self):
        """
        Lines can be sent as binary messages, whatever is in them.
        """
        self.start(isBinary=True)
        self.pipes.type(b"a\xff\r\n")
        self.internet.run()
        self.assertEqual(self.pipes.transport.takeData(), b"a\xff\r\n")

    def test_terminal(self):
        """
        On a terminal, what is received is made harmless.
        """
        self.start(isShown=True)
        self.assertEqual(self.type("\x1b[2J\n"), "\\x1b[2J\n")

    def test_notText(self):
        """
        What is no UTF-8 is not sent as text: the line is named.
        """
        self.start()
        self.assertEqual(self.type("one\n"), "one\n")
        self.pipes.type(b"\xff\nthree\n")
        self.internet.run()
        error = self.failureResultOf(self.talking, NotText).value
        self.assertEqual(str(error), "line 2 of the input is no UTF-8: use --binary")
        self.assertEqual(self.pipes.take(), "")

    def test_tooLong(self):
        """
        A line that does not end is not kept for ever.
        """
        self.patch(pipe, "_MAX_LINE", 10)
        self.start()
        self.type("x" * 11)
        self.failureResultOf(self.talking, LineTooLong)

    def test_slowServer(self):
        """
        While the server takes no more, no more input is read.
        """
        self.start(RecordingHandlerFactory(RecordingHandler))
        # What can be compressed is no trouble.
        self.pipes.type((token_hex(100000) + "\n") * 3)
        self.assertFalse(self.pipes.transport.isReading)
        self.internet.run()
        self.assertTrue(self.pipes.transport.isReading)

    def test_nobodyReads(self):
        """
        When nobody reads the output any more, it closes.
        """
        self.start()
        self.pipes.streams.writeConnectionLost()
        self.pipes.type("more\n")
        self.internet.run()
        self.assertEqual(self.successResultOf(self.talking).sent.code, 1000)

    def test_late(self):
        """
        Input that comes after the end is not asked for.
        """
        self.application = RecordingHandlerFactory(RecordingHandler)
        self.start(self.application)
        self.application.handlers[0].transport.loseConnection(4000)
        self.pipes.type("x" * 200000 + "\nmore\n")
        self.internet.run()
        self.assertEqual(self.successResultOf(self.talking).code, 4000)
        self.type("late\n")
        self.pipes.end()
