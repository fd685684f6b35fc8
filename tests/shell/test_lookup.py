"""
Tests for L{txws.shell.lookup}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import CancelledError
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import (
    IHostnameResolver,
    IHostResolution,
    IReactorPluggableNameResolver,
)
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from txws.shell.lookup import KnownNames, lookUp

from .internet import ADDRESS, Internet


class LookUpTests(SynchronousTestCase):
    """
    The addresses of a name.
    """

    def setUp(self):
        """
        Have an internet.
        """
        self.internet = Internet()

    def test_found(self):
        """
        They are found.
        """
        found: Any
        (found,) = self.successResultOf(lookUp(self.internet, "example.com"))
        self.assertEqual(found.host, ADDRESS)

    def test_notFound(self):
        """
        That there are none is an error.
        """
        self.failureResultOf(lookUp(self.internet, "no.example"), DNSLookupError)

    def test_cancelled(self):
        """
        Who does not want to wait any more need not, whether or not the
        resolver can be told.
        """
        for canCancel in (True, False):
            self.internet.canCancel = canCancel
            looking = lookUp(self.internet, "silent.example")
            looking.cancel()
            self.failureResultOf(looking, CancelledError)
            self.assertEqual(len(self.internet.cancelled), 1)
            # What comes late is not told any more.
            self.internet.receiver.resolutionComplete()

    def test_known(self):
        """
        What is known is not looked up again.
        """
        known = KnownNames(self.internet, [IPv4Address("TCP", "192.0.2.7", 0)])
        verifyObject(IReactorPluggableNameResolver, known)
        verifyObject(IHostnameResolver, known.nameResolver)
        found: Any
        (found,) = self.successResultOf(lookUp(known, "no.example"))
        self.assertEqual(found.host, "192.0.2.7")

    def test_done(self):
        """
        It is done at once, and there is nothing to be cancelled.
        """

        class Receiver:
            def resolutionBegan(self, resolution):
                self.began = resolution

            def addressResolved(self, address):
                """
                There is none.
                """

            def resolutionComplete(self):
                self.began.cancel()

        receiver: Any = Receiver()
        address: Any = "no address"
        known = KnownNames(self.internet, [address])
        known.nameResolver.resolveHostName(receiver, "example.com")
        verifyObject(IHostResolution, receiver.began)
