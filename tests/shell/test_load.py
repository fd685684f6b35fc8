"""
Tests for L{txws.shell.load} and L{txws.shell.bench}.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from txws.demo import Echo
from txws.handlers import WebSocketHandler
from txws.interfaces import IWebSocketHandler
from txws.policy import Limits
from txws.shell.bench import Bench
from txws.shell.load import Load, LoadingHandler, LoadSettings
from txws.testing import Faults

from .internet import Internet, optionsOf


class Forging(WebSocketHandler):
    """
    Answers everything with the same.
    """

    def bytesMessageReceived(self, data: bytes) -> None:
        """
        Answer.
        """
        self.transport.sendBytesMessage(b"forged")

    def textMessageReceived(self, message: str) -> None:
        """
        Answer in the other kind.
        """
        self.transport.sendBytesMessage(message.encode())


class Doubling(WebSocketHandler):
    """
    Answers twice.
    """

    def bytesMessageReceived(self, data: bytes) -> None:
        """
        Answer.
        """
        self.transport.sendBytesMessage(data)
        self.transport.sendBytesMessage(data)


class Leaving(WebSocketHandler):
    """
    Closes at the third message.
    """

    count = 0

    def bytesMessageReceived(self, data: bytes) -> None:
        """
        Answer, or close.
        """
        self.count += 1
        if self.count == 3:
            self.transport.loseConnection(1013, "enough")
        self.transport.sendBytesMessage(data)


class Ignoring(WebSocketHandler):
    """
    Answers nothing.
    """

    def bytesMessageReceived(self, data: bytes) -> None:
        """
        Ignore it.
        """


class BenchTestCase(SynchronousTestCase):
    """
    Loads servers.
    """

    def setUp(self):
        """
        Have an internet where answers take 10 ms.
        """
        self.internet = Internet()
        self.internet.faults = Faults(delay=0.01)
        self.progress: list[str] = []

    def begin(self, application: Any, *arguments: str, **settings: Any) -> Bench:
        """
        Begin to load a server.
        """
        if application is not None:
            self.internet.serve(application, **settings)
        options = optionsOf("bench", *arguments, "ws://me:secret@example.com/")
        self.bench = Bench(self.internet, options, self.progress.append)
        self.running = Deferred.fromCoroutine(self.bench.run())
        return self.bench

    def load(self, application: Any, *arguments: str, **settings: Any) -> Any:
        """
        Load a server to the end.

        @return: what is told to a program.
        """
        bench = self.begin(application, *arguments, **settings)
        self.internet.run(60)
        self.successResultOf(self.running)
        self.assertEqual(self.internet.getDelayedCalls(), [])
        self.assertTrue(all(client.isLost for client in self.internet.clients))
        result = json.loads(bench.toJSON())
        self.assertEqual(result["ok"], bench.isGood)
        return result


class BenchTests(BenchTestCase):
    """
    A server that echoes.
    """

    def test_messages(self):
        """
        So many messages are sent, on so many connections, and their latencies
        measured.
        """
        result = self.load(Echo, "-n", "100", "-c", "4")
        self.assertEqual((result["connections"], result["opened"]), (4, 4))
        self.assertEqual((result["messages"], result["size"]), (100, 64))
        self.assertTrue(result["ok"])
        for name in ("p50", "p90", "p99", "max"):
            self.assertAlmostEqual(result["latency"][name], 0.01, 3)
        # 25 on each connection, one after the other.
        self.assertTrue(0.25 <= result["seconds"] < 0.27, result["seconds"])
        self.assertAlmostEqual(result["messagesPerSecond"] * result["seconds"], 100, 3)
        self.assertAlmostEqual(
            result["bytesPerSecond"], 64 * result["messagesPerSecond"], 3
        )
        self.assertEqual(result["url"], "ws://example.com/")

    def test_seconds(self):
        """
        It lasts so long, and what is underway then is waited for.
        """
        result = self.load(Echo, "--seconds", "2", "-c", "1")
        self.assertTrue(2 <= result["seconds"] < 2.03, result["seconds"])
        self.assertTrue(190 <= result["messages"] <= 201, result["messages"])

    def test_inFlight(self):
        """
        So many messages of a connection are underway at a time.
        """
        result = self.load(Echo, "--seconds", "1", "-c", "1", "--in-flight", "10")
        self.assertTrue(950 <= result["messages"] <= 1010, result["messages"])

    def test_rate(self):
        """
        So many messages are sent in a second, all together.
        """
        result = self.load(Echo, "--seconds", "10", "-c", "3", "--rate", "20")
        self.assertTrue(200 <= result["messages"] <= 201, result["messages"])

    def test_slow(self):
        """
        At a fixed rate, the time that a message waits for a slow server
        counts.
        """
        self.internet.faults = Faults(delay=0.1)
        result = self.load(Echo, "-n", "20", "-c", "1", "--rate", "20")
        self.assertTrue(0.9 <= result["latency"]["max"] <= 1.2, result["latency"])

    def test_rare(self):
        """
        That little is sent is not taken for silence of the server.
        """
        result = self.load(Echo, "--seconds", "35", "-c", "1", "--rate", "0.07")
        self.assertEqual((result["messages"], result["ok"]), (3, True))

    def test_text(self):
        """
        Messages may be text, of any size.
        """
        result = self.load(Echo, "-n", "10", "--text", "--size", "1")
        self.assertEqual((result["messages"], result["ok"]), (10, True))

    def test_people(self):
        """
        People read five lines.
        """
        self.load(Echo, "-n", "10", "-c", "2")
        lines = self.bench.tell()
        self.assertEqual(
            [line.split()[0] for line in lines],
            ["connections", "messages", "rate", "latency", "errors"],
        )
        self.assertIn("10 of 64 bytes", lines[1])
        self.assertIn("p50 10.0 ms, p90 10.0 ms", lines[3])
        self.assertIn("0 refused, 0 lost, 0 wrong, 0 missing", lines[4])

    def test_progress(self):
        """
        How far it is is shown four times a second, and wiped out.
        """
        self.load(Echo, "--seconds", "1", "-c", "1")
        self.assertTrue(4 <= len(self.progress) <= 6, self.progress)
        self.assertIn("messages", self.progress[1])
        self.assertEqual(self.progress[-1], "")

    def test_unseen(self):
        """
        Nothing is shown, if nobody looks.
        """
        self.internet.serve(Echo)
        options = optionsOf("bench", "-n", "1", "ws://example.com/")
        running = Deferred.fromCoroutine(Bench(self.internet, options).run())
        self.internet.run(5)
        self.successResultOf(running)


class ErrorTests(BenchTestCase):
    """
    A server that does not echo as it should.
    """

    def test_refused(self):
        """
        Connections that are refused are counted, and the reason told once.
        """
        result = self.load(Echo, "-n", "10", "-c", "4", limits=Limits(maxConnections=3))
        self.assertEqual((result["opened"], result["errors"]["refused"]), (3, 1))
        self.assertEqual((result["messages"], result["ok"]), (10, False))
        self.assertIn("503", self.bench.tell()[-1])

    def test_nobody(self):
        """
        Where nothing listens, it ends at once.
        """
        result = self.load(None, "-c", "2")
        self.assertEqual((result["opened"], result["messages"]), (0, 0))
        self.assertEqual(result["latency"]["p50"], None)
        self.assertIn("none", self.bench.tell()[0])

    def test_forged(self):
        """
        Echoes that are not what was sent are wrong.
        """
        result = self.load(Forging, "-n", "4", "-c", "2", "--timeout", "2")
        self.assertTrue(result["errors"]["wrong"] >= 2, result)
        self.assertEqual(result["messages"], 0)

    def test_kind(self):
        """
        So are those of the other kind.
        """
        result = self.load(Forging, "-n", "1", "-c", "1", "--text")
        self.assertEqual(result["errors"]["wrong"], 1)

    def test_doubled(self):
        """
        So are those that nobody has asked for.
        """
        result = self.load(Doubling, "-n", "4", "-c", "1")
        self.assertTrue(result["errors"]["wrong"] >= 1, result)

    def test_lost(self):
        """
        Connections that are lost are counted, with what they owe and why.
        """
        result = self.load(Leaving, "-n", "100", "-c", "2", "--in-flight", "3")
        self.assertEqual(result["errors"]["lost"], 2)
        self.assertTrue(result["errors"]["missing"] >= 2, result)
        self.assertEqual(
            self.bench.tell()[-1].strip(), 'closed by the server: 1013 "enough"'
        )

    def test_silent(self):
        """
        A server that does not echo is given up.
        """
        result = self.load(Ignoring, "-n", "10", "-c", "2", "--timeout", "5")
        self.assertEqual(result["errors"]["missing"], 2)
        self.assertTrue(5 <= result["seconds"] < 5.1, result["seconds"])

    def test_silentToTheEnd(self):
        """
        Echoes that are missing in the end are waited for, and given up.
        """
        result = self.load(Ignoring, "-n", "2", "-c", "2", "--timeout", "5")
        self.assertEqual(result["errors"]["missing"], 2)


class StopTests(BenchTestCase):
    """
    Somebody has seen enough.
    """

    def test_stopped(self):
        """
        What there is so far is told.
        """
        bench = self.begin(Echo, "-c", "1", "--seconds", "100")
        self.internet.run(1)
        bench.stop()
        bench.stop()
        self.internet.run(1)
        self.successResultOf(self.running)
        self.assertTrue(90 <= json.loads(bench.toJSON())["messages"] <= 101)
        self.assertEqual(self.internet.getDelayedCalls(), [])

    def test_early(self):
        """
        Who does not wait for the connections gets no messages.
        """
        bench = self.begin(Echo, "-c", "1")
        bench.stop()
        self.internet.run(1)
        self.successResultOf(self.running)
        self.assertEqual(json.loads(bench.toJSON())["messages"], 0)

    def test_cancelled(self):
        """
        Who does not even wait for that ends it at once.
        """
        bench = self.begin(Echo, "-c", "2")
        bench.stop()
        self.running.cancel()
        self.successResultOf(self.running)
        self.assertEqual(json.loads(bench.toJSON())["errors"]["refused"], 2)
        self.internet.run(1)
        self.assertEqual(self.internet.getDelayedCalls(), [])


class LoadTests(SynchronousTestCase):
    """
    The parts of a load.
    """

    def test_interface(self):
        """
        Each connection has a handler.
        """
        load = Load(LoadSettings(), Internet())
        handler = LoadingHandler(load)
        verifyObject(IWebSocketHandler, handler)
        handler.pongReceived(b"")
        self.assertEqual(load.underway, 0)
