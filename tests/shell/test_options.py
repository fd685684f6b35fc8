"""
Tests for L{txws.shell.options}.
"""

from __future__ import annotations

import io
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from tests.certificates import makePEM
from txws.shell import options
from txws.shell.options import (
    BenchOptions,
    CheckOptions,
    TalkOptions,
    parseOptions,
    tellVersions,
)
from txws.shell.trust import AnybodyPolicy, AuthorityPolicy
from txws.wire import isCompiled

URL = "ws://example.com/feed"


class OptionsTests(SynchronousTestCase):
    """
    Command lines.
    """

    def assertWrong(self, said: str, *arguments: str) -> None:
        """
        Assert that a command line is refused in one line that begins so.
        """
        error = self.assertRaises(UsageError, parseOptions, list(arguments))
        self.assertTrue(str(error).startswith(said), str(error))
        self.assertTrue(str(error).isprintable(), str(error))

    def test_commands(self):
        """
        The first word is the command, unless it is a URL.
        """
        for arguments, kind in (
            ([URL], TalkOptions),
            (["check", URL], CheckOptions),
            (["bench", URL], BenchOptions),
        ):
            parsed = parseOptions(arguments)
            self.assertIs(type(parsed), kind)
            self.assertEqual(str(parsed["parsedURL"]), URL)
            self.assertIn(arguments[0] if arguments[1:] else "options", parsed.synopsis)

    def test_request(self):
        """
        Headers, origin and subprotocols are those of the request.
        """
        parsed = parseOptions(
            [
                *("--header", "X-A: 1", "-H", "X-B:2:3", "--origin=https://a.example"),
                *("-s", "v2", "--subprotocol", "v1", URL),
            ]
        )
        settings = parsed.settings
        self.assertEqual(settings["headers"], [("X-A", "1"), ("X-B", "2:3")])
        self.assertEqual(settings["origin"], "https://a.example")
        self.assertEqual(settings["subprotocols"], ["v2", "v1"])
        self.assertEqual(settings["limits"].maxMessageSize, 1048576)
        self.assertIsNone(settings["tlsPolicy"])

    def test_behindTheURL(self):
        """
        Options may stand behind the URL, too.
        """
        parsed = parseOptions([URL, "--wait", "2", "-b", "--max-message-size=2M"])
        self.assertEqual((parsed["wait"], parsed["binary"]), (2.0, 1))
        self.assertEqual(parsed["limits"].maxMessageSize, 2 * 1048576)

    def test_unlimited(self):
        """
        A message may have any size, if that is wanted.
        """
        parsed = parseOptions(["--max-message-size", "unlimited", URL])
        self.assertIsNone(parsed["limits"].maxMessageSize)

    def test_trust(self):
        """
        Authorities come from a file; or anybody is trusted.
        """
        path = Path(self.mktemp())
        path.write_bytes(makePEM())
        self.assertIsInstance(
            parseOptions(["--ca", str(path), URL])["policy"], AuthorityPolicy
        )
        self.assertIsInstance(
            parseOptions(["--insecure", URL])["policy"], AnybodyPolicy
        )
        self.assertWrong("--insecure trusts", "--insecure", "--ca", str(path), URL)
        path.write_text("nothing")
        self.assertWrong(f"--ca {path}: there is no", "--ca", str(path), URL)
        path.write_text("-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n")
        self.assertWrong(f"--ca {path}: a certificate", "--ca", str(path), URL)
        self.assertWrong("--ca /nowhere: ", "--ca", "/nowhere", URL)

    def test_proxy(self):
        """
        A proxy is given, or found in the environment if that is wanted.
        """
        asked = parseOptions(["--proxy", "socks5://proxy.example", URL])["asked"]
        self.assertEqual((asked.proxy.port, asked.usesEnvironment), (1080, False))
        asked = parseOptions(["--use-environment", URL])["asked"]
        self.assertEqual((asked.proxy, asked.usesEnvironment), (None, True))

    def test_withoutTLS(self):
        """
        Where there is no TLS, it is told how to get it.
        """
        name = "twisted.internet.ssl"
        before: Any = sys.modules[name]
        modules: Any = sys.modules
        modules[name] = None
        self.addCleanup(modules.update, {name: before})
        self.assertWrong("--ca needs TLS: pip install", "--ca", "/nowhere", URL)

    def test_versionWithoutWsaccel(self):
        """
        That masking is not fast is said.
        """

        def missing(name: str) -> str:
            raise PackageNotFoundError

        self.patch(options, "version", missing)
        self.assertIn("wsaccel not installed", tellVersions())

    def test_wrong(self):
        """
        What makes no sense is said in one sentence.
        """
        for said, arguments in (
            ("a URL is missing", ()),
            ("a URL is missing", ("check",)),
            ("there is one URL", (URL, "ws://\x1b")),
            ("the URL must begin", ("http://example.com",)),
            ("option --nothing", ("--nothing", URL)),
            ("--header must be", ("--header", "nothing", URL)),
            ("--header must be", ("--header", ":nothing", URL)),
            ("--header cannot be sent: not a header", ("--header", "a b: c", URL)),
            (
                "--header cannot have Host, which is up to the handshake",
                ("--header", "Host: c", URL),
            ),
            ("--origin cannot be sent: not fit", ("--origin", "a\nb", URL)),
            ("--subprotocol must be", ("-s", "a b", URL)),
            ("--proxy must be like", ("--proxy", "me:secret@", URL)),
            ("--subprotocol must be", ("-s", '"', URL)),
            ("--max-message-size must", ("--max-message-size", "\x1b", URL)),
            ("--max-message-size must", ("--max-message-size", "0", URL)),
            ("--text and --binary", ("-t", "-b", URL)),
            ("--wait must be a number from 0", ("--wait", "x", URL)),
            ("--wait must be a number from 0", ("--wait", "-1", URL)),
            ("--idle must be", ("check", "--idle", "nan", URL)),
            ("--pings must be a whole", ("check", "--pings", "1.5", URL)),
            ("--connections must be", ("bench", "-c", "0", URL)),
            ("--rate must be", ("bench", "--rate", "0", URL)),
            ("--size must be at least", ("bench", "--size", "0", URL)),
        ):
            self.assertWrong(said, *arguments)

    def test_bench(self):
        """
        A load ends after ten seconds, if nobody says when.
        """
        self.assertEqual(parseOptions(["bench", URL])["seconds"], 10.0)
        parsed = parseOptions(["bench", "-n", "5", "--size", "2K", URL])
        self.assertEqual((parsed["messages"], parsed["seconds"]), (5, None))
        self.assertEqual(parsed["size"], 2048)

    def test_version(self):
        """
        The version says which wire it is, and of Python and Twisted.
        """
        output = io.StringIO()
        self.patch(sys, "stdout", output)
        stopped = self.assertRaises(SystemExit, parseOptions, ["--version"])
        self.assertEqual(stopped.code, 0)
        self.assertEqual(output.getvalue(), f"{tellVersions()}\n")
        wire = "wire: compiled" if isCompiled else "wire: plain Python"
        for word in ("txws ", wire, "Python ", "Twisted ", "wsaccel "):
            self.assertIn(word, tellVersions())
