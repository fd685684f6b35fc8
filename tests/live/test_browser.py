"""
Tests that the demo of C{twistd websocket} works in a real browser.

L{BrowserTests} wants Chromium, ChromeDriver and selenium.
"""

from __future__ import annotations

import json
import re
import signal
import tempfile
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import ROOT

from .browser import Page, startBrowser, whySkipped
from .programs import TwistdServer, waitUntil


class PolicyTests(SynchronousTestCase):
    """
    What the page promises about its own content can be read from its file,
    without a browser.
    """

    def setUp(self):
        """
        Read the page.
        """
        self.page = (ROOT / "txws" / "demo.html").read_text(encoding="utf-8")

    def test_allowsItsOwnStyleAndScript(self):
        """
        The page's security policy allows the style and the script that are in
        the page, and no other: whoever changes one has to change its hash.
        """
        for element in ("style", "script"):
            (content,) = re.findall(
                rf"<{element}\b[^>]*>(.*?)</{element}>", self.page, re.DOTALL
            )
            digest = b64encode(sha256(content.encode()).digest()).decode()
            self.assertIn(
                f"; {element}-src 'sha256-{digest}';",
                self.page,
                f"{element}-src does not fit the {element}",
            )

    def test_loadsNothing(self):
        """
        The page is one file, which works where there is no network but the server's.
        """
        self.assertEqual(
            re.findall(
                r"""(?:src|href|action)="(?!data:|#)[^"]*|url\(|@import|fetch\(""",
                self.page,
            ),
            [],
        )


class BrowserTests(SynchronousTestCase):
    """
    Somebody opens the demo in a browser.
    """

    skip = whySkipped()

    def setUp(self):
        """
        Start the server and the browser.
        """
        kept = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.addCleanup(kept.cleanup)
        directory = Path(kept.name)
        self.server = TwistdServer(directory)
        self.addCleanup(self.server.kill)
        self.driver = startBrowser(directory / "profile")
        self.addCleanup(self.driver.quit)

    def open(self, service):
        """
        Open the page in a new tab.
        """
        return Page(self.driver, self.server.address, service)

    def join(self):
        """
        Open the page in a new tab, and join the chat there.

        @return: the page, and the name that the server gave to the new member.
        """
        page = self.open("chat")
        page.connect()
        waitUntil(lambda: page.members, "the server welcomes the member")
        welcomes = [
            json.loads(entry.payload)
            for entry in page.entries
            if '"welcome"' in entry.payload
        ]
        return page, welcomes[0]["name"]

    def assertNothingWentWrong(self):
        """
        No page has an error on its console, and the server has logged no failure.
        """
        errors = [
            entry["message"]
            for entry in self.driver.get_log("browser")
            if entry["level"] == "SEVERE"
        ]
        self.assertEqual(errors, [])
        self.assertNotIn("Traceback", self.server.log)

    def assertGoesAway(self, signalNumber):
        """
        A signal to the server tells every page that the server is going away.
        """
        echo, (chat, _) = self.open("echo"), self.join()
        echo.connect()
        self.server.stop(signalNumber)
        for page in (echo, chat):
            page.waitUntilClosed()
            self.assertEqual((page.end.code, page.end.wasClean), (1001, True))
            self.assertEqual(page.endTitle, "The server went away")
        self.assertNothingWentWrong()

    def test_pageLoads(self):
        """
        Whoever opens the server's address in a browser gets the demo, ready to connect.
        """
        page = self.open("echo")
        self.assertEqual(page.title, "txws: WebSocket demo")
        self.assertEqual(page.state, "idle")
        self.assertNothingWentWrong()

    def test_textEcho(self):
        """
        Text in any script comes back unchanged.
        """
        text = "häß 日本 😀"
        page = self.open("echo")
        page.connect()
        page.send("text", text, "send-text")
        echo = page.received("text")
        self.assertEqual((echo.payload, echo.size), (text, str(len(text.encode()))))
        self.assertIn("unchanged", echo.note)
        self.assertNothingWentWrong()

    def test_emptyEcho(self):
        """
        An empty message comes back as an empty message of its own kind.
        """
        page = self.open("echo")
        page.connect()
        page.send("text", "", "send-text")
        page.send("hex", "", "send-hex")
        for echo in (page.received("text"), page.received("binary")):
            self.assertEqual((echo.payload, echo.size), ("", "0"))
            self.assertIn("unchanged", echo.note)
        self.assertNothingWentWrong()

    def test_binaryEcho(self):
        """
        Bytes of every value come back unchanged.
        """
        data = bytes(range(256))
        page = self.open("echo")
        page.connect()
        page.send("hex", data.hex(" "), "send-hex")
        echo = page.received("binary")
        self.assertEqual((echo.data, echo.size), (data, "256"))
        self.assertIn("unchanged", echo.note)
        self.assertNothingWentWrong()

    def test_largeEcho(self):
        """
        A message whose length takes the longest form of a frame's header comes
        back unchanged.
        """
        page = self.open("echo")
        page.connect()
        page.send("random-size", "100000", "send-random")
        echo = page.received("binary")
        self.assertEqual(echo.size, "100000")
        self.assertIn("unchanged", echo.note)
        self.assertNothingWentWrong()

    def test_chat(self):
        """
        Two members of the chat see each other join, speak and leave.
        """
        first, firstName = self.join()
        second, secondName = self.join()
        both = {firstName, secondName}
        waitUntil(
            lambda: set(first.members) == set(second.members) == both, "both see both"
        )
        first.send("text", "Good morning", "say")
        waitUntil(
            lambda: f"{firstName}: Good morning" in second.conversation,
            "the second hears the first",
        )
        second.send("text", "おはよう", "say")
        waitUntil(
            lambda: f"{secondName}: おはよう" in first.conversation,
            "the first hears the second",
        )
        second.disconnect(1000, "")
        waitUntil(lambda: first.members == [firstName], "the first is alone")
        self.assertEqual(
            first.conversation,
            [
                f"You joined as {firstName}",
                f"{secondName} joined",
                f"{firstName}: Good morning",
                f"{secondName}: おはよう",
                f"{secondName} left",
            ],
        )
        self.assertNothingWentWrong()

    def test_closedTab(self):
        """
        A member who closes the tab has left the chat.
        """
        first, firstName = self.join()
        second, secondName = self.join()
        waitUntil(lambda: secondName in first.members, "the first sees the second")
        second.closeTab()
        waitUntil(lambda: first.members == [firstName], "the first is alone")
        self.assertNothingWentWrong()

    def test_markupIsText(self):
        """
        What another member says is shown as it was said, never taken for a part
        of the page.
        """
        said = '<img src=x onerror=alert(1)><b>bold</b> & "quoted" </script>'
        first, firstName = self.join()
        second, _ = self.join()
        first.send("text", said, "say")
        waitUntil(
            lambda: f"{firstName}: {said}" in second.conversation, "the second reads it"
        )
        self.assertNothingWentWrong()

    def test_cleanClose(self):
        """
        Whoever closes a connection with a code and a reason is told that it was
        closed cleanly, with that code.
        """
        page = self.open("echo")
        page.connect()
        page.disconnect(4001, "bye")
        self.assertEqual((page.end.code, page.end.wasClean), (4001, True))
        sent, received = (entry for entry in page.entries if entry.kind == "close")
        self.assertEqual((sent.direction, sent.size), ("sent", "5"))
        self.assertEqual((received.direction, received.note), ("received", "clean"))
        self.assertNothingWentWrong()

    def test_connectAgain(self):
        """
        After a close, the same page can connect again.
        """
        page = self.open("echo")
        page.connect()
        page.disconnect(1000, "")
        page.connect()
        page.send("text", "again", "send-text")
        self.assertEqual(page.received("text").payload, "again")
        self.assertNothingWentWrong()

    def test_interrupted(self):
        """
        When the server is stopped with Control-C, open pages are told so, with
        code 1001.
        """
        self.assertGoesAway(signal.SIGINT)

    def test_terminated(self):
        """
        When the system stops the server, open pages are told so, with code 1001.
        """
        self.assertGoesAway(signal.SIGTERM)
