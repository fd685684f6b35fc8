"""
Tests for C{twistd websocket --legacy}.
"""

from __future__ import annotations

from twisted.logger import capturedLogs, formatEvent
from twisted.python.usage import UsageError

from tests.peers import RawPeer
from tests.processes import runTwistd
from tests.test_tap import OptionsTestCase
from txws.tap import makeService

from .clients import Hixie76Client, Hybi8Client


class LegacyOptionTests(OptionsTestCase):
    """
    Tests for the option.
    """

    def test_off(self) -> None:
        """
        Without the option nothing is switched on.
        """
        self.assertIsNone(self.parse()["legacy"])

    def test_versions(self) -> None:
        """
        Versions are named one by one, or separated by commas.
        """
        for arguments in (
            ("--legacy", "hybi-8", "--legacy", "hixie-76"),
            ("--legacy=hixie-76,hybi-8",),
            ("--legacy", "hixie-76, hybi-8"),
        ):
            with capturedLogs() as logs:
                options = self.parse(*arguments)

            self.assertEqual(options["legacy"].versions, ("hixie-76", "hybi-8"))
            self.assertEqual(len(logs), 1)
            self.assertIn("none of them safe", formatEvent(logs[0]))

    def test_unknown(self) -> None:
        """
        A version that there is not is told of in one sentence.
        """
        for wrong in ("hixie-77", "", "hybi-8,", "13"):
            error = self.assertRaises(UsageError, self.parse, "--legacy", wrong)

            self.assertTrue(str(error).startswith("--legacy must be of"), str(error))

    def test_served(self) -> None:
        """
        What is named is spoken, and nothing else.
        """
        makeService(self.parse("--legacy", "hixie-76")).startService()
        factory = self.reactor.tcpServers[0][1]

        client = Hixie76Client(factory)
        client.sendText("hello")
        self.assertEqual(client.takeMessages(), ["hello"])
        other = RawPeer(factory)
        other.send(Hybi8Client.request(None))
        self.assertEqual(other.takeAnswer().status, 426)

    def test_help(self) -> None:
        """
        The help says that it is unsafe.
        """
        ran = runTwistd("websocket", "--help")

        self.assertIn("UNSAFE", ran.stdout)
