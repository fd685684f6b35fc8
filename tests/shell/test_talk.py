"""
Tests for L{txws.shell.talk}.
"""

from __future__ import annotations

import re
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from txws.demo import Echo
from txws.endpoints import connect
from txws.errors import WebSocketClosed
from txws.shell.diagnosis import tellEnd
from txws.shell.editor import LineEditor
from txws.shell.history import History
from txws.shell.screen import Screen
from txws.shell.talk import HELP, Talk
from txws.testing import RecordingHandler, RecordingHandlerFactory

from .internet import Internet, Pipes, outcomeOf


class TalkTestCase(SynchronousTestCase):
    """
    Talks to a server.
    """

    application: Any = Echo
    isBinary = False

    def setUp(self):
        """
        Connect.
        """
        self.internet = Internet()
        self.internet.serve(self.application)
        connecting = connect(self.internet, "ws://example.com/")
        self.internet.run()
        self.conversation = self.successResultOf(connecting)
        self.pipes = Pipes()
        screen = Screen(self.pipes.streams, LineEditor(), lambda: 80)
        history = History(None)
        talk = Talk(self.conversation, screen, history, self.isBinary)
        self.talking = Deferred.fromCoroutine(talk.run())
        self.pipes.take()

    def type(self, typed: str) -> list[str]:
        """
        Type something.

        @return: what was shown for it, without the line that is edited.
        """
        self.pipes.type(typed)
        self.internet.run()
        shown = re.sub(r"\x1b\[[0-9]*[KC]", "", self.pipes.take())
        rows = [row.rpartition("\r")[2] for row in shown.split("\n")]
        return [row for row in rows if row]


class TalkTests(TalkTestCase):
    """
    Somebody talks to an echo.
    """

    def test_messages(self):
        """
        A line is a message; the answer is shown above the next line.
        """
        self.assertEqual(self.type("hello\r"), ["< hello"])
        self.assertEqual(self.type("one\x1b\rtwo\r"), ["< one", "| two"])
        self.assertEqual(self.type("\r"), ["< "])

    def test_slash(self):
        """
        A message may begin with a slash.
        """
        self.assertEqual(self.type("//help\r"), ["< /help"])

    def test_binary(self):
        """
        Bytes are given in hexadecimal, and shown so.
        """
        shown = self.type("/binary 00 ff41\r")
        self.assertEqual(shown[0], "< binary, 3 bytes")
        self.assertTrue(shown[1].startswith("| 00000000  00 ff 41 "), shown)
        self.assertTrue(self.type("/binary 0g\r")[0].startswith("! /binary wants"))

    def test_ping(self):
        """
        The round trip is measured.
        """
        self.assertEqual(self.type("/ping\r"), ["* pong after 0 us"])

    def test_help(self):
        """
        There is help, which names all commands; what is none is said.
        """
        shown = self.type("/help\r")
        self.assertEqual([row[2:] for row in shown], list(HELP))
        for name in ("ping", "close", "binary", "help"):
            self.assertIn(f"/{name}", " ".join(HELP))
        self.assertIn("no /no\\u202e:", self.type("/no\u202e\r")[0])

    def test_harmless(self):
        """
        What would be obeyed by the terminal is shown.
        """
        self.assertEqual(self.type("\x1b[200~\x1b[2J\x1b[201~\r"), ["< \\x1b[2J"])

    def test_surrogate(self):
        """
        What was typed as no UTF-8 is sent as what it was taken for.
        """
        self.pipes.type(b"a\xffb\r")
        self.assertIn("< a\ufffdb", self.type(""))

    def test_close(self):
        """
        It is closed with the code and the reason that are given.
        """
        self.type("/close 4000 good bye\r")
        ended = self.successResultOf(self.talking)
        self.assertIsInstance(ended, WebSocketClosed)
        self.assertEqual(
            (ended.sent.code, ended.sent.reason, ended.isReceivedFirst),
            (4000, "good bye", False),
        )

    def test_closeWithout(self):
        """
        It is closed with 1000, if no code is given.
        """
        self.type("/close\r")
        self.assertEqual(self.successResultOf(self.talking).sent.code, 1000)

    def test_badClose(self):
        """
        A code that may not be sent is refused, in one sentence.
        """
        for given in ("1006", "x", "1", "70000"):
            (shown,) = self.type(f"/close {given}\r")
            self.assertTrue(shown.startswith("! /close wants a code"), shown)
        self.assertNoResult(self.talking)

    def test_endOfInput(self):
        """
        Ctrl-D closes with 1000.
        """
        self.type("\x04")
        self.assertEqual(self.successResultOf(self.talking).sent.code, 1000)

    def test_late(self):
        """
        What is typed while it is being closed does no harm.
        """
        self.pipes.type("\x04more\r/ping\r")
        self.internet.run()
        self.assertEqual(self.successResultOf(self.talking).sent.code, 1000)
        self.flushLoggedErrors()


class BinaryTests(TalkTestCase):
    """
    Somebody sends binary messages.
    """

    isBinary = True

    def test_messages(self):
        """
        Lines are sent as binary messages.
        """
        self.assertEqual(self.type("hello\r")[0], "< binary, 5 bytes")


class ServerTests(TalkTestCase):
    """
    The server has something to say.
    """

    def setUp(self):
        """
        Keep the server's handlers.
        """
        self.application = RecordingHandlerFactory(RecordingHandler)
        super().setUp()
        (handler,) = self.application.handlers
        self.server = handler.transport

    def test_message(self):
        """
        A message is shown above the line that is edited.
        """
        self.pipes.type("half")
        self.pipes.take()
        self.server.sendTextMessage("news")
        self.internet.run()
        self.assertEqual(self.pipes.take(), "\r\x1b[K< news\n\r\x1b[K> half\r\x1b[6C")

    def test_closed(self):
        """
        The end by the server is told, with its code and reason.
        """
        self.server.loseConnection(4001, "bye\x1b")
        self.internet.run()
        ended = self.successResultOf(self.talking)
        self.assertEqual(tellEnd(ended), 'closed by the server: 4001 "bye\\x1b"')

    def test_slowTerminal(self):
        """
        While the terminal takes no more, no more is read from the server.
        """
        for _ in range(100):
            self.server.sendTextMessage("x" * 10000)
        self.internet.run()
        self.assertEqual(self.conversation.waitingMessages, 16)
        shown = 0
        while taken := self.pipes.take():
            shown += taken.count("< x")
            self.internet.run()
        self.assertEqual(shown, 100)

    def test_cut(self):
        """
        A connection that is cut is an end, too.
        """
        self.server.abortConnection()
        self.internet.run()
        self.assertIn("failed", tellEnd(outcomeOf(self.talking)))
