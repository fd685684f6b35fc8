"""
Tests for L{txws.handlers}.
"""

from __future__ import annotations

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyClass, verifyObject

from txws.handlers import WebSocketHandler
from txws.interfaces import IWebSocketHandler


class WebSocketHandlerTests(SynchronousTestCase):
    """
    Tests for L{WebSocketHandler}.
    """

    def test_interface(self):
        """
        It is a whole handler, and so is what derives from it.
        """

        class Derived(WebSocketHandler):
            """
            Changes nothing.
            """

        verifyClass(IWebSocketHandler, WebSocketHandler)
        verifyObject(IWebSocketHandler, Derived())

    def test_transport(self):
        """
        It keeps the connection that it is given, for its methods to use.
        """
        handler = WebSocketHandler()
        transport: object = object()
        handler.negotiationStarted(transport)  # type: ignore[arg-type]  # not used
        self.assertIs(handler.transport, transport)

    def test_nothing(self):
        """
        It does nothing else, so that only the methods that matter have to be
        written: without a connection, anything that it did would fail.
        """
        handler = WebSocketHandler()
        handler.negotiationFinished()
        handler.textMessageReceived("a")
        handler.bytesMessageReceived(b"a")
        handler.pongReceived(b"a")
        handler.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(vars(handler), {})
