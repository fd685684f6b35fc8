"""
Tests for L{txws.optionvalues}.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from twisted.internet.protocol import Factory

from txws.demo import Echo
from txws.factories import WebSocketFactory
from txws.policy import KeepalivePolicy
from txws.wire.deflate import PerMessageDeflate

from .processes import runPython
from .test_tap import EchoFactory, LineEcho, OptionsTestCase, demo, echoFactory, router


class NeedyFactory(Factory):
    """
    A class of factories that cannot be made without arguments.
    """

    def __init__(self, needed: object) -> None:
        self.needed = needed


number = 5
webSocketFactory = WebSocketFactory(LineEcho)


def makeFactory() -> EchoFactory:
    """
    Make a factory, which C{--wrap} does not ask for.
    """
    return EchoFactory()


class PortTests(OptionsTestCase):
    """
    Where to listen.
    """

    def test_ports(self):
        """
        A port is a number or an endpoint description, and there may be many.
        """
        options = self.parse(
            "--port", "9001", "-p", "tcp:9002:interface=127.0.0.1", "--port=unix:/x"
        )

        self.assertEqual(
            options["port"],
            ["tcp:9001", "tcp:9002:interface=127.0.0.1", "unix:/x"],
        )

    def test_wrongPorts(self):
        """
        What is no endpoint is refused, with the reason.
        """
        for description, reason in (
            ("nonsense", "Unknown endpoint type: 'nonsense'"),
            ("", "Unknown endpoint type: ''"),
            ("tcp", "'port' is missing"),
            ("tcp:9000:bogus=1", "'bogus' is unknown"),
            ("tcp:9000:port=1", "'port' is there twice"),
            ("tcp:1:2:3:4", "there is too much in it"),
            ("tcp:http", "'http' is no number"),
            ("tcp:", "'' is no number"),
            ("tcp:9000:backlog=many", "'many' is no number"),
            ("ssl:443:privateKey=/nowhere.pem", "No such file"),
            ("systemd:domain=INET:index=0", "there is no such socket"),
        ):
            said = self.assertWrong("port", f"--port={description}")

            self.assertTrue(
                said.startswith(f"{description!r} is no endpoint: "), description
            )
            self.assertIn(reason, said)

    def test_portThatNeedsMore(self):
        """
        Whoever wants TLS without having what it needs is told what to install.
        """
        ran = runPython(
            "-c",
            "import sys; sys.modules['OpenSSL'] = None\n"
            "from txws.tap import Options\n"
            "Options().parseOptions(['--port=ssl:443:privateKey=key.pem'])",
        )

        self.assertTrue(
            ran.stderr.endswith(
                "--port 'ssl:443:privateKey=key.pem' is no endpoint: it needs "
                "OpenSSL; pip install 'txws[tls]'\n"
            ),
            ran.stderr,
        )

    def test_portsThatDoNotExist(self):
        """
        A port number that cannot be is refused before anything listens.
        """
        for description in (
            "-1",
            "65536",
            "tcp:99999",
            "tcp:port=70000",
            "tcp6:-1",
            "tcp:interface=127.0.0.1:port=99999",
            "haproxy:tcp:70000",
        ):
            said = self.assertWrong("port", "--port", description)

            self.assertIn("a port is a number from 0 to 65535", said)

    def test_webSocketInWebSocket(self):
        """
        What is served speaks WebSocket already: C{ws:} would wrap it twice.
        """
        said = self.assertWrong("port", "--port", "ws:tcp:9000")

        self.assertIn("needs no 'ws:'", said)


class NumberTests(OptionsTestCase):
    """
    Sizes, counts and times.
    """

    def test_sizes(self):
        """
        Sizes are in bytes, KiB, MiB or GiB, or there is no limit.
        """
        for given, size in (
            ("1", 1),
            ("65536", 65536),
            ("64k", 65536),
            ("64K", 65536),
            ("2m", 2 << 20),
            ("3G", 3 << 30),
            ("unlimited", None),
        ):
            limits = self.parse("--max-message-size", given)["limits"]

            self.assertEqual(limits.maxMessageSize, size, given)

    def test_counts(self):
        """
        Fragments and connections are counted.
        """
        limits = self.parse("--max-fragments=7", "--max-connections=8")["limits"]

        self.assertEqual((limits.maxFragments, limits.maxConnections), (7, 8))
        limits = self.parse("--max-fragments=unlimited")["limits"]
        self.assertIsNone(limits.maxFragments)

    def test_wrongCounts(self):
        """
        What is no count from 1 on is refused.
        """
        for option in ("max-message-size", "max-fragments", "max-connections"):
            for wrong in ("", "many", "k", "1.5M", "-1", "1e6", "٣", "1 000", "9" * 99):
                said = self.assertWrong(option, f"--{option}={wrong}")

                self.assertIn("must be a whole number from 1 on", said)
                self.assertTrue(said.endswith(f"not {wrong!r}"), said)
            self.assertWrong(option, f"--{option}=never")
            said = self.assertWrong(option, f"--{option}=0")
            self.assertTrue(said.endswith("not 0"), said)

    def test_times(self):
        """
        Times are in seconds, whole or not.
        """
        keepalive = self.parse(
            "--ping-interval=1.5",
            "--ping-timeout=2",
            "--handshake-timeout=3",
            "--close-timeout=0.25",
        )["keepalive"]

        self.assertEqual(
            keepalive,
            KeepalivePolicy(
                pingInterval=1.5, pingTimeout=2, handshakeTimeout=3, closeTimeout=0.25
            ),
        )
        keepalive = self.parse("--ping-interval=never")["keepalive"]
        self.assertIsNone(keepalive.pingInterval)

    def test_wrongTimes(self):
        """
        What is no time is refused; only pings may never be sent.
        """
        wrong = ("", "soon", "1s", "nan", "inf", "1e999", "0", "-1")
        for option in (
            "ping-interval",
            "ping-timeout",
            "handshake-timeout",
            "close-timeout",
        ):
            for given in wrong:
                said = self.assertWrong(option, f"--{option}={given}")

                self.assertIn("must be a number of seconds", said)
        self.assertWrong("ping-interval", "--ping-interval=unlimited")
        for option in ("ping-timeout", "handshake-timeout", "close-timeout"):
            said = self.assertWrong(option, f"--{option}=never")
            self.assertTrue(said.endswith("not 'never'"), said)


class CompressionTests(OptionsTestCase):
    """
    How messages are compressed.
    """

    def test_compression(self):
        """
        Compression is chosen by the name of a preset, or switched off.
        """
        self.assertEqual(self.parse("--compression=none")["extensions"], ())
        for preset in ("low", "balanced", "best"):
            self.assertEqual(
                self.parse(f"--compression={preset}")["extensions"],
                (PerMessageDeflate.preset(preset),),
            )
        self.assertEqual(
            self.assertWrong("compression", "--compression=huge"),
            "must be none, low, balanced or best, not 'huge'",
        )


class WrapTests(OptionsTestCase):
    """
    What is served.
    """

    def test_wrap(self):
        """
        What is named is loaded: a factory, a class of factories, of protocols
        or of handlers, a handler factory, a router.
        """
        for name, expected in (
            ("tests.test_tap.echoFactory", echoFactory),
            ("tests.test_tap.LineEcho", LineEcho),
            ("txws.demo.Echo", Echo),
            ("tests.test_tap.demo", demo),
            ("tests.test_tap.router", router),
        ):
            self.assertIs(self.parse("--wrap", name)["application"], expected)
        made = self.parse("-w", "tests.test_tap.EchoFactory")["application"]
        self.assertIsInstance(made, EchoFactory)

    def test_wrapFromTheCurrentDirectory(self):
        """
        Modules of the current directory can be named.
        """
        directory = Path(self.mktemp())
        directory.mkdir()
        name = f"wrapped{id(self)}"
        (directory / f"{name}.py").write_text(
            "from txws.demo import Echo\nclass Mine(Echo): pass\n"
        )
        self.addCleanup(os.chdir, Path.cwd())
        self.addCleanup(sys.modules.pop, name, None)
        os.chdir(directory)

        application = self.parse("--wrap", f"{name}.Mine")["application"]

        self.assertEqual(application.__name__, "Mine")
        self.assertEqual(sys.path.count(str(Path.cwd())), 1)
        self.parse("--wrap", f"{name}.Mine")
        self.assertEqual(sys.path.count(str(Path.cwd())), 1)

    def test_wrongWrap(self):
        """
        What cannot be loaded, or is nothing to be served, is refused.
        """
        for name, reason in (
            ("", "cannot load ''"),
            ("nowhere", "cannot load 'nowhere'"),
            ("nowhere.Echo", "cannot load 'nowhere.Echo'"),
            ("txws.demo.Nothing", "cannot load 'txws.demo.Nothing'"),
            ("tests.test_optionvalues.NeedyFactory", "cannot load"),
            ("tests.test_optionvalues.number", "must be a factory (IProtocolFactory)"),
            ("txws.demo", "must be a factory (IProtocolFactory)"),
            (
                "tests.test_optionvalues.makeFactory",
                "of a function, give what it returns",
            ),
            ("tests.test_optionvalues.webSocketFactory", "give what is inside it"),
            ("txws.WebSocketFactory", "give what is inside it"),
        ):
            said = self.assertWrong("wrap", f"--wrap={name}")

            self.assertIn(reason, said)

    def test_wrapThatFails(self):
        """
        A module that fails when it is loaded is refused with what it says, in
        one line, the name of its error, and the place.
        """
        directory = Path(self.mktemp())
        directory.mkdir()
        sys.path.insert(0, str(directory))
        for statement, reason in (
            (
                "\nraise RuntimeError('one\\n  two')",
                "RuntimeError: one two (@.py, line 2)",
            ),
            ("raise ZeroDivisionError", "ZeroDivisionError (@.py, line 1)"),
            ("if", "SyntaxError: invalid syntax (@.py, line 1)"),
            ("raise SystemExit(3)", "SystemExit: 3 (@.py, line 1)"),
            ("import json; json.loads('')", "JSONDecodeError: Expecting value"),
        ):
            name = f"failing{abs(hash(statement))}"
            (directory / f"{name}.py").write_text(statement)

            said = self.assertWrong("wrap", "--wrap", f"{name}.factory")

            self.assertIn(
                f"cannot load '{name}.factory': {reason.replace('@', name)}",
                said.replace(f"{directory.resolve()}{os.sep}", ""),
            )
