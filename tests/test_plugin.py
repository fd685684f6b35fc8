"""
Tests for the plugin: what L{txws} adds to Twisted.
"""

from __future__ import annotations

from twisted.application.service import IServiceMaker
from twisted.internet.interfaces import IStreamServerEndpointStringParser
from twisted.plugin import IPlugin, getPlugins
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from txws.parsers import WebSocketServerParser
from txws.tap import Options, makeService

from .processes import ROOT, runPython, runTwistd


class PluginTests(SynchronousTestCase):
    """
    Twisted finds what it is to find.
    """

    def test_serviceMaker(self):
        """
        There is one C{websocket} for C{twistd}, which knows its options.
        """
        makers = [
            maker for maker in getPlugins(IServiceMaker) if maker.tapname == "websocket"
        ]

        (maker,) = makers
        verifyObject(IServiceMaker, maker)
        verifyObject(IPlugin, maker)
        self.assertIs(maker.options, Options)
        self.assertIs(maker.makeService, makeService)
        self.assertIn("WebSocket", maker.description)

    def test_parser(self):
        """
        There is one C{ws:} for endpoint strings.
        """
        parsers = [
            parser
            for parser in getPlugins(IStreamServerEndpointStringParser)
            if parser.prefix == "ws"
        ]

        (parser,) = parsers
        self.assertIsInstance(parser, WebSocketServerParser)
        verifyObject(IPlugin, parser)

    def test_noReactor(self):
        """
        Loading the plugin, as every program does that asks Twisted for
        plugins, installs no reactor and loads neither what it serves nor
        L{twisted.web}.
        """
        ran = runPython(
            "-c",
            "import sys, twisted.plugins.txws_plugin\n"
            "for name in ('twisted.internet.reactor', 'twisted.web', 'txws.tap',\n"
            "             'txws.factories'):\n"
            "    print(name, name in sys.modules)",
        )

        self.assertEqual(ran.stderr, "")
        self.assertEqual(
            ran.stdout.splitlines(),
            [
                "twisted.internet.reactor False",
                "twisted.web False",
                "txws.tap False",
                "txws.factories False",
            ],
        )

    def test_twistedStaysWhole(self):
        """
        The folder of the plugin hides nothing of Twisted's.
        """
        ran = runPython("-c", "import twisted; print(twisted.__version__)")

        self.assertRegex(ran.stdout, r"\A[0-9]+\.")
        self.assertFalse((ROOT / "twisted" / "__init__.py").exists())


class TwistdTests(SynchronousTestCase):
    """
    C{twistd} knows C{websocket}.
    """

    def test_listed(self):
        """
        C{twistd --help} lists it.
        """
        ran = runTwistd("--help")

        self.assertRegex(ran.stdout, r"(?m)^ +websocket +A WebSocket server")

    def test_wrongOption(self):
        """
        A wrong option gets one sentence, after the help, and no traceback.
        """
        ran = runTwistd("-n", "websocket", "--port", "nonsense")

        said = ran.stdout + ran.stderr
        self.assertNotIn("Traceback", said)
        self.assertTrue(
            said.splitlines()[-1].endswith(
                "--port 'nonsense' is no endpoint: Unknown endpoint type: 'nonsense'"
            ),
            said,
        )
