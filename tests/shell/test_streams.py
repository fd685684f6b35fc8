"""
Tests for L{txws.shell.streams}.
"""

from __future__ import annotations

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from txws.shell.streams import Streams

from .internet import Pipes


class StreamsTests(SynchronousTestCase):
    """
    Input and output wait for each other.
    """

    def setUp(self):
        """
        Note what is received.
        """
        self.pipes = Pipes()
        self.streams = self.pipes.streams
        self.heard: list[object] = []
        self.streams.received = self.heard.append
        self.streams.ended = lambda: self.heard.append("ended")
        self.streams.outputLost = lambda: self.heard.append("lost")

    def test_interfaces(self):
        """
        They are what Twisted's standard input and output want.
        """
        verifyObject(IHalfCloseableProtocol, Streams())
        verifyObject(IPushProducer, Streams())

    def test_input(self):
        """
        Input is delivered, and its end, once.
        """
        self.pipes.type(b"abc")
        self.pipes.end()
        self.pipes.end()
        self.assertEqual(self.heard, [b"abc", "ended"])

    def test_paused(self):
        """
        What is paused is not read until it is resumed.
        """
        self.streams.pauseInput()
        self.streams.pauseInput()
        self.pipes.type(b"abc")
        self.assertEqual(self.heard, [])
        self.streams.resumeInput()
        self.pipes.finish()
        self.assertEqual(self.heard, [b"abc"])

    def test_ended(self):
        """
        After the end there is nothing to be paused or resumed.
        """
        self.streams.pauseInput()
        self.pipes.end()
        self.streams.resumeInput()
        self.streams.pauseInput()
        self.assertFalse(self.pipes.transport.isReading)

    def test_output(self):
        """
        Text is written in UTF-8, bytes as they are; who writes need not wait.
        """
        self.assertTrue(self.streams.write("caf\u00e9").called)
        self.streams.write(b"\xff")
        self.assertEqual(self.pipes.transport.takeData(), b"caf\xc3\xa9\xff")

    def test_full(self):
        """
        While the output is full, who writes waits.
        """
        self.streams.write(bytes(100000))
        waiting = self.streams.write(b"more")
        self.assertNoResult(waiting)
        self.pipes.take()
        self.successResultOf(waiting)

    def test_finished(self):
        """
        In the end, what is left is written.
        """
        self.streams.write(b"last")
        finished = self.streams.finish()
        self.assertNoResult(finished)
        self.assertEqual(self.pipes.take(), "last")
        self.pipes.finish()
        self.successResultOf(finished)
        self.successResultOf(self.streams.finish())
        self.assertTrue(self.streams.write(b"late").called)

    def test_lost(self):
        """
        When nobody reads the output, nobody waits for it.
        """
        self.streams.write(bytes(100000))
        waiting = self.streams.write(b"more")
        self.streams.writeConnectionLost()
        self.successResultOf(waiting)
        self.successResultOf(self.streams.finish())
        self.assertEqual(self.heard, ["lost"])
        self.assertTrue(self.streams.isOutputLost)

    def test_lostInTheEnd(self):
        """
        What could not be written in the end is known, too.
        """
        for reason, isLost in ((ConnectionDone(), False), (ConnectionLost(), True)):
            self.setUp()
            self.streams.write(b"last")
            finished = self.streams.finish()
            self.streams.connectionLost(Failure(reason))
            self.successResultOf(finished)
            self.assertIs(self.streams.isOutputLost, isLost)

    def test_stopped(self):
        """
        An output that stops its producer keeps nobody waiting.
        """
        self.streams.pauseProducing()
        self.streams.pauseProducing()
        waiting = self.streams.write(b"more")
        self.streams.stopProducing()
        self.successResultOf(waiting)
