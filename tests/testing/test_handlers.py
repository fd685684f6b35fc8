"""
Tests for L{txws.testing.handlers}.
"""

from __future__ import annotations

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from txws import WebSocketHandler
from txws.interfaces import IWebSocketHandler, IWebSocketHandlerFactory
from txws.testing import (
    MemoryServer,
    RecordingHandler,
    RecordingHandlerFactory,
)


class RecordingHandlerTests(SynchronousTestCase):
    """
    Tests for L{RecordingHandler}.
    """

    def test_records(self):
        """
        It notes all calls, in their order, and the messages alone.
        """
        handler = RecordingHandler()
        verifyObject(IWebSocketHandler, handler)
        self.assertIsNone(handler.reason)
        transport: object = object()
        reason = Failure(ConnectionDone())
        handler.negotiationStarted(transport)  # type: ignore[arg-type]  # not used
        handler.negotiationFinished()
        handler.textMessageReceived("a")
        handler.pongReceived(b"b")
        handler.bytesMessageReceived(b"c")
        handler.connectionLost(reason)
        self.assertEqual(
            handler.events,
            [
                ("negotiationStarted",),
                ("negotiationFinished",),
                ("textMessageReceived", "a"),
                ("pongReceived", b"b"),
                ("bytesMessageReceived", b"c"),
                ("connectionLost",),
            ],
        )
        self.assertEqual(handler.messages, ["a", b"c"])
        self.assertIs(handler.reason, reason)
        self.assertIs(handler.transport, transport)


class RecordingHandlerFactoryTests(SynchronousTestCase):
    """
    Tests for L{RecordingHandlerFactory}.
    """

    def test_keeps(self):
        """
        A server's handlers can be seen, in the order of their connections, and
        what they were made for.
        """
        factory = RecordingHandlerFactory()
        verifyObject(IWebSocketHandlerFactory, factory)
        server = MemoryServer(factory)
        server.connect(target="/first").send("a")
        server.connect(target="/second").send(b"b")
        messages = [handler.messages for handler in factory.handlers]
        self.assertEqual(messages, [["a"], [b"b"]])
        targets = [request.target for request in factory.requests]
        self.assertEqual(targets, ["/first", "/second"])

    def test_class(self):
        """
        The handlers may be of any class, and speak subprotocols.
        """
        factory = RecordingHandlerFactory(WebSocketHandler, "v2", "v1")
        pair = MemoryServer(factory).connect(subprotocols=["v1", "v2"])
        (handler,) = factory.handlers
        self.assertIs(type(handler), WebSocketHandler)
        self.assertIs(handler.transport, pair.server)
        self.assertEqual(pair.client.subprotocol, "v2")
