"""
Tests for L{txws.refusals}; how refusals are answered is tested with those who
do so.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from txws.applications import HandlerFactory
from txws.demo import Echo
from txws.errors import BadHandshake
from txws.policy import HandshakePolicy, KeepalivePolicy, Limits
from txws.refusals import earlyData, logRefusal, notAnUpgrade
from txws.setups import ServerSetup
from txws.wire.http import Headers, RequestHead

from .peers import ADDRESS


class RefusalTests(SynchronousTestCase):
    """
    What is refused, and how it is told.
    """

    def test_notAnUpgrade(self) -> None:
        """
        Where there is nothing, nothing else is said; else what is spoken.
        """
        settings = ServerSetup(
            HandlerFactory(Echo),
            False,
            Limits(),
            KeepalivePolicy(),
            HandshakePolicy(paths=["/café"]),
            (),
            False,
            Clock(),
        ).settings
        for method, target, status in (
            ("GET", "/caf%C3%A9?x=1", 426),
            ("POST", "/caf%C3%A9", 405),
            ("GET", "/", 404),
        ):
            head = RequestHead(method, target, 1, Headers())
            self.assertEqual(notAnUpgrade(settings, head).status, status, target)

    def test_logged(self) -> None:
        """
        A refusal is a warning, unless it is nobody's fault.
        """
        for refusal, level in (
            (earlyData(), LogLevel.warn),
            (BadHandshake(426, "no upgrade"), LogLevel.info),
            (BadHandshake(503, "too many"), LogLevel.info),
        ):
            with capturedLogs() as logged:
                logRefusal(ADDRESS, refusal)
            (event,) = logged
            self.assertEqual(event["log_level"], level)
            self.assertEqual(event["status"], refusal.status)
