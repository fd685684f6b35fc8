"""
Tests for L{txws.services}.
"""

from __future__ import annotations

from twisted.application.internet import StreamServerEndpointService
from twisted.application.service import IService
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from txws.applications import HandlerFactory
from txws.factories import WebSocketFactory
from txws.policy import KeepalivePolicy
from txws.services import WebSocketService
from txws.testing import RecordingHandler

from .peers import RawPeer


@implementer(IListeningPort)
class Port:
    """
    A port in memory.

    @ivar closed: fires when it is closed, which it never is by itself.
    """

    def __init__(self) -> None:
        self.isListening = True
        self.closed: Deferred[None] = Deferred()

    def startListening(self) -> None:
        """
        It listens already.
        """

    def stopListening(self) -> Deferred[None]:
        """
        Begin to close.
        """
        self.isListening = False
        return self.closed

    def getHost(self) -> IPv4Address:
        """
        Get an address.
        """
        return IPv4Address("TCP", "192.0.2.1", 80)


@implementer(IStreamServerEndpoint)
class Endpoint:
    """
    An endpoint whose ports are in memory.
    """

    def __init__(self) -> None:
        self.ports: list[Port] = []

    def listen(self, protocolFactory: object) -> Deferred[IListeningPort]:
        """
        Open a port.
        """
        self.ports.append(Port())
        return succeed(self.ports[-1])


class ServiceTests(SynchronousTestCase):
    """
    A server can be a service.
    """

    def setUp(self):
        """
        Run a service with two ports.
        """
        self.clock = Clock()
        self.endpoints = [Endpoint(), Endpoint()]
        self.handlers: list[RecordingHandler] = []
        # So that the service itself has to give peers up.
        patient = KeepalivePolicy(closeTimeout=60)
        self.factory = WebSocketFactory(
            HandlerFactory(self.makeHandler), clock=self.clock, keepalive=patient
        )
        self.service = WebSocketService(
            self.factory,
            [
                StreamServerEndpointService(endpoint, self.factory)
                for endpoint in self.endpoints
            ],
            self.clock,
            closeTimeout=5,
        )
        self.service.startService()

    def makeHandler(self) -> RecordingHandler:
        """
        Make a handler, and remember it.
        """
        self.handlers.append(RecordingHandler())
        return self.handlers[-1]

    @property
    def ports(self) -> list[Port]:
        """
        The ports that were opened.
        """
        return [port for endpoint in self.endpoints for port in endpoint.ports]

    def closePorts(self) -> None:
        """
        Have the ports closed.
        """
        for port in self.ports:
            port.closed.callback(None)

    def test_interface(self):
        """
        It is a service in Twisted's sense.
        """
        verifyObject(IService, self.service)

    def test_started(self):
        """
        When it is started it listens wherever it was told to.
        """
        self.assertTrue(self.service.running)
        self.assertEqual([port.isListening for port in self.ports], [True, True])

    def test_stopped(self):
        """
        When it is stopped, its ports are closed at once and all peers told
        that the server goes away; it has stopped when the peers have answered
        and the ports are closed.
        """
        peer = RawPeer.upgraded(self.factory)

        stopped = self.service.stopService()

        self.assertEqual([port.isListening for port in self.ports], [False, False])
        (close,) = peer.takeFrames()
        self.assertEqual(close.payload, b"\x03\xe9the server is stopping")
        self.closePorts()
        self.assertNoResult(stopped)
        peer.sendClose(1001)
        peer.takeFrames()
        peer.transport.settle()
        self.successResultOf(stopped)
        self.assertFalse(self.service.running)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stoppedWithoutConnections(self):
        """
        Without connections it has stopped when the ports are closed.
        """
        stopped = self.service.stopService()

        self.assertNoResult(stopped)
        self.closePorts()
        self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_unanswered(self):
        """
        Peers that do not answer in time are aborted, of which the log warns;
        the service has stopped when they are gone and their handlers know.
        """
        peer = RawPeer.upgraded(self.factory)
        stopped = self.service.stopService()
        self.closePorts()
        reasons = stopped.addCallback(
            lambda _: [handler.reason for handler in self.handlers]
        )

        self.clock.advance(4)
        peer.transport.settle()
        self.assertFalse(peer.transport.isLost)
        with capturedLogs() as logged:
            self.clock.advance(1)
        self.assertNoResult(reasons)
        peer.transport.settle()

        self.assertTrue(peer.transport.isLost)
        self.assertNotIn(None, self.successResultOf(reasons))
        (event,) = (event for event in logged if event["log_level"] is LogLevel.warn)
        self.assertEqual(
            formatEvent(event),
            "1 connections were aborted: 5 s after the Close their peers had not gone",
        )
        self.assertEqual(self.clock.getDelayedCalls(), [])
