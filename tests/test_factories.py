"""
Tests for L{txws.factories}.
"""

from __future__ import annotations

import gc
import weakref
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import (
    INegotiated,
    IProtocol,
    IProtocolFactory,
    IProtocolNegotiationFactory,
    ISSLTransport,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site
from zope.interface import implementer
from zope.interface.verify import verifyObject

from txws.applications import HandlerFactory, handlerFactoryFor
from txws.errors import InvalidSetting, WebSocketClosed, WebSocketFailed
from txws.factories import WebSocketFactory, WebSocketProtocol
from txws.handlers import WebSocketHandler
from txws.interfaces import IStartedHandlerFactory, IWebSocketHandlerFactory
from txws.policy import KeepalivePolicy
from txws.streaming import StreamHandlerFactory
from txws.testing import RecordingHandler
from txws.wire.codes import CloseCode, Opcode
from txws.wire.prepared import PreparedMessage

from .peers import ADDRESS, RawPeer, TLSPair, makeRequest, useMemoryReactor

# For factories that do not look at it.
REQUEST: Any = None


class Echo(Protocol):
    """
    Writes back what it receives.
    """

    def dataReceived(self, data: bytes) -> None:
        """
        Write it back.
        """
        self.transport.write(data)


class HandlerEcho(WebSocketHandler):
    """
    Sends back what it receives.
    """

    def textMessageReceived(self, message: str) -> None:
        """
        Send it back.
        """
        self.transport.sendTextMessage(message)


@implementer(IWebSocketHandlerFactory)
class OddFactory:
    """
    A handler factory of an application's own.
    """

    subprotocols = ("odd",)

    def buildHandler(self, request: object) -> HandlerEcho:
        """
        Build one.
        """
        return HandlerEcho()


class AdaptationTests(SynchronousTestCase):
    """
    Whatever an application is, it becomes a handler factory.
    """

    def test_handlerFactory(self):
        """
        A handler factory is taken as it is.
        """
        application = OddFactory()

        self.assertIs(handlerFactoryFor(application), application)

    def test_protocolFactory(self):
        """
        A factory of protocols is wrapped.
        """
        application = Factory.forProtocol(Echo)

        adapted = handlerFactoryFor(application)

        assert isinstance(adapted, StreamHandlerFactory)
        self.assertIs(adapted.factory, application)

    def test_protocolClass(self):
        """
        A class of protocols is wrapped, with a new one for each connection.
        """
        adapted = handlerFactoryFor(Echo)

        assert isinstance(adapted, StreamHandlerFactory)
        protocol = adapted.factory.buildProtocol(ADDRESS)
        self.assertIsInstance(protocol, Echo)
        self.assertIsNot(adapted.factory.buildProtocol(ADDRESS), protocol)

    def test_handlerClass(self):
        """
        A class of handlers makes a new one for each connection.
        """
        adapted = handlerFactoryFor(HandlerEcho)

        verifyObject(IWebSocketHandlerFactory, adapted)
        handler = adapted.buildHandler(REQUEST)
        self.assertIsInstance(handler, HandlerEcho)
        self.assertIsNot(adapted.buildHandler(REQUEST), handler)

    def test_handlerFactoryOfOurs(self):
        """
        A function that makes handlers needs a L{HandlerFactory} around it,
        which knows their subprotocols.
        """

        def makeHandler() -> HandlerEcho:
            made.append(HandlerEcho())
            return made[-1]

        made: list[HandlerEcho] = []
        adapted = HandlerFactory(makeHandler, "a", "b")

        verifyObject(IWebSocketHandlerFactory, adapted)
        self.assertEqual(tuple(adapted.subprotocols), ("a", "b"))
        self.assertIs(adapted.buildHandler(REQUEST), made[0])

    def test_somethingElse(self):
        """
        Anything else is refused at once, with an error that says what is
        wanted and what was given.
        """
        for wrong in (
            None,
            5,
            "txws.demo.Echo",
            object,
            Echo(),
            HandlerEcho(),
            Factory,
        ):
            error = self.assertRaises(InvalidSetting, WebSocketFactory, wrong)

            self.assertEqual(error.setting, "application")
            self.assertIn("must be a factory (IProtocolFactory)", str(error))
            self.assertTrue(str(error).endswith(f", not {wrong!r}"), str(error))

    def test_function(self):
        """
        Whoever gives a function that makes what is wanted is told to call it.
        """
        error = self.assertRaises(InvalidSetting, WebSocketFactory, lambda: Echo)

        self.assertIn("; of a function, give what it returns", str(error))
        self.assertIn("or a CoroutineFactory if it is to get conv", str(error))

    def test_wrappedTwice(self):
        """
        What speaks WebSocket already is not wrapped again: nobody could talk
        to that.
        """
        for wrong in (WebSocketFactory(Echo), WebSocketFactory):
            error = self.assertRaises(InvalidSetting, WebSocketFactory, wrong)

            self.assertEqual(error.setting, "application")
            self.assertEqual(
                error.problem,
                "is a WebSocketFactory, which would be wrapped twice: give what is "
                "inside it",
            )

    def test_wrongSettings(self):
        """
        A setting of the wrong kind is refused at once, and named.
        """
        for setting, *values in (
            ("text", "yes", 1, None),
            ("logsFrames", "yes", 1, None),
            ("clock", 3, "reactor", Clock),
            ("site", 3, "site", Resource()),
            ("extensions", "permessage-deflate", 3, [object()], ["x"]),
        ):
            for value in values:
                wrong = {setting: value}
                error = self.assertRaises(
                    InvalidSetting, WebSocketFactory, Echo, **wrong
                )

                self.assertEqual(error.setting, setting)
                self.assertTrue(error.problem.startswith("must "), error.problem)

    def test_wrongHandlerFactory(self):
        """
        L{HandlerFactory} wants something to call, and subprotocols one by one.
        """
        for setting, *arguments in (
            ("makeHandler", 3),
            ("makeHandler", None),
            ("subprotocols", HandlerEcho, ["a", "b"]),
            ("subprotocols", HandlerEcho, "a b"),
            ("subprotocols", HandlerEcho, "a", ""),
        ):
            error = self.assertRaises(InvalidSetting, HandlerFactory, *arguments)

            self.assertEqual(error.setting, setting)
            self.assertTrue(error.problem.endswith(f"not {arguments[-1]!r}"))

    def test_textIsForStreams(self):
        """
        Text mode makes no sense for handlers, which send either.
        """
        for application in (HandlerEcho, OddFactory()):
            error = self.assertRaises(
                InvalidSetting, WebSocketFactory, application, text=True
            )

            self.assertEqual(error.setting, "text")

    def test_anyApplicationIsServed(self):
        """
        Each kind of application answers over WebSocket.
        """
        for application, text in (
            (OddFactory(), False),
            (HandlerEcho, False),
            (Echo, True),
            (Factory.forProtocol(Echo), True),
        ):
            factory = WebSocketFactory(application, text, clock=Clock())
            peer = RawPeer.upgraded(factory)

            peer.sendFrame(Opcode.TEXT, b"hello")

            self.assertEqual(peer.takeMessages(), ["hello"], application)


class FactoryTestCase(SynchronousTestCase):
    """
    Serves handlers that note what they are told.
    """

    def setUp(self):
        """
        Make a server.
        """
        self.clock = Clock()
        self.handlers: list[RecordingHandler] = []
        self.factory = WebSocketFactory(
            HandlerFactory(self.makeHandler), clock=self.clock
        )

    def makeHandler(self) -> RecordingHandler:
        """
        Make a handler, and remember it.
        """
        self.handlers.append(RecordingHandler())
        return self.handlers[-1]


class FactoryTests(FactoryTestCase):
    """
    The factory is one of Twisted's.
    """

    def test_interfaces(self):
        """
        It is a protocol factory, for TLS as well, and builds protocols.
        """
        verifyObject(IProtocolFactory, self.factory)
        verifyObject(IProtocolNegotiationFactory, self.factory)
        protocol = self.factory.buildProtocol(None)
        verifyObject(IProtocol, protocol)
        self.assertIsInstance(protocol, WebSocketProtocol)
        self.assertIs(protocol.factory, self.factory)

    def test_applicationProtocolNegotiation(self):
        """
        Over TLS it chooses HTTP/1.1, whatever else a browser offers.
        """
        self.assertEqual(self.factory.acceptableProtocols(), [b"http/1.1"])
        client = Protocol()

        TLSPair(self.factory, self.clock, client, [b"h2", b"http/1.1"])

        self.assertTrue(ISSLTransport.providedBy(client.transport))
        negotiated = INegotiated(client.transport).negotiatedProtocol
        self.assertEqual(negotiated, b"http/1.1")

    def test_theReactorIsTheClock(self):
        """
        Without a clock the reactor counts the time, the one that there is when
        the first connection comes.
        """
        factory = WebSocketFactory(HandlerEcho)
        reactor = useMemoryReactor(self)

        peer = RawPeer(factory)
        reactor.advance(10)

        self.assertTrue(peer.isAborted)

    def test_startsAndStopsWhatIsBelow(self):
        """
        The wrapped factory and the site are started and stopped with it, once,
        however many ports it has.
        """

        class Noting(Factory):
            noisy = False

            def __init__(self) -> None:
                self.events: list[str] = []

            def startFactory(self) -> None:
                self.events.append("start")

            def stopFactory(self) -> None:
                self.events.append("stop")

        wrapped, site = Noting(), Noting()
        factory = WebSocketFactory(wrapped, site=site, clock=self.clock)

        factory.doStart()
        factory.doStart()
        factory.doStop()
        self.assertEqual((wrapped.events, site.events), (["start"], ["start"]))
        factory.doStop()

        self.assertEqual(wrapped.events, ["start", "stop"])
        self.assertEqual(site.events, ["start", "stop"])

    def test_startsWhoWantsToKnow(self):
        """
        A handler factory is started and stopped with it, if it wants to know.
        """

        @implementer(IStartedHandlerFactory)
        class Started(OddFactory):
            events: tuple[str, ...] = ()

            def doStart(self) -> None:
                self.events += ("start",)

            def doStop(self) -> None:
                self.events += ("stop",)

        application = Started()
        factory = WebSocketFactory(application, clock=self.clock)

        factory.doStart()
        self.assertEqual(application.events, ("start",))
        factory.doStop()

        self.assertEqual(application.events, ("start", "stop"))
        verifyObject(IStartedHandlerFactory, application)

    def test_startsWithoutAnythingBelow(self):
        """
        A factory of handlers has nothing else to start.
        """
        self.factory.doStart()
        self.factory.doStop()

        self.assertEqual(self.factory.numPorts, 0)

    def test_connections(self):
        """
        The connections that are open are listed, while they come and go; who
        is still in the opening handshake is not.
        """
        first, second = (RawPeer.upgraded(self.factory) for _ in range(2))
        RawPeer(self.factory)
        listed = self.factory.connections
        transports = [handler.transport for handler in self.handlers]

        self.assertEqual(set(self.factory.connections), set(transports))
        first.leave()
        self.assertEqual(list(listed), transports[1:])
        self.assertEqual(list(self.factory.connections), transports[1:])
        second.leave()
        self.assertEqual(list(self.factory.connections), [])

    def test_broadcast(self):
        """
        A message goes to all who are open: not to those in the opening
        handshake, nor to those who are closing.
        """
        first, second, closing = (RawPeer.upgraded(self.factory) for _ in range(3))
        early = RawPeer(self.factory)
        self.handlers[2].transport.loseConnection()
        closing.takeFrames()

        for message in ("Grüße", b"\0", PreparedMessage("a")):
            self.assertEqual(self.factory.broadcast(message), 2)

        for peer in (first, second):
            self.assertEqual(peer.takeMessages(), ["Grüße", b"\0", "a"])
        self.assertEqual(closing.takeFrames(), [])
        self.assertEqual(early.transport.writes, [])

    def test_broadcastToABadConnection(self):
        """
        One to which nothing can be sent is logged, and the others get it.
        """
        peers = [RawPeer.upgraded(self.factory) for _ in range(3)]

        def fail(message: object) -> None:
            raise ValueError

        bad: Any = self.handlers[1].transport
        bad.sendPreparedMessage = fail
        self.assertEqual(self.factory.broadcast("a"), 2)

        self.assertEqual([p.takeMessages() for p in peers], [["a"], [], ["a"]])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_broadcastOfNothing(self):
        """
        What cannot be sent is an error of the caller, whoever is there.
        """
        self.assertRaises(TypeError, self.factory.broadcast, 5)
        self.assertRaises(UnicodeEncodeError, self.factory.broadcast, "\ud800")
        self.assertEqual(self.factory.broadcast("a"), 0)

    def test_binaryMode(self):
        """
        A subclass of the protocol may choose between text and binary messages,
        before the connection is open and after.
        """
        factory = WebSocketFactory(Echo, clock=self.clock)
        before, after = RawPeer(factory), RawPeer(factory)

        before.protocol.setBinaryMode(False)
        for peer in (before, after):
            peer.send(makeRequest())
            peer.takeAnswer()
        after.protocol.setBinaryMode(False)
        for peer in (before, after):
            peer.sendFrame(Opcode.BINARY, b"data")

        self.assertEqual(before.takeMessages(), ["data"])
        self.assertEqual(after.takeMessages(), ["data"])

    def test_binaryModeOfBase64(self):
        """
        The mode does not count where base64 is agreed on.
        """
        factory = WebSocketFactory(Echo, clock=self.clock)
        peer = RawPeer(factory)
        peer.protocol.setBinaryMode(True)
        peer.send(makeRequest(("Sec-WebSocket-Protocol", "base64")))
        peer.takeAnswer()

        peer.sendFrame(Opcode.TEXT, b"AP8=")

        self.assertEqual(peer.takeMessages(), ["AP8="])

    def test_binaryModeOfHandlers(self):
        """
        Handlers choose for themselves: the mode means nothing to them.
        """
        factory = WebSocketFactory(HandlerEcho, clock=self.clock)
        peer = RawPeer(factory)
        peer.protocol.setBinaryMode(True)
        peer.send(makeRequest())
        peer.takeAnswer()

        peer.sendFrame(Opcode.TEXT, b"data")

        self.assertEqual(peer.takeMessages(), ["data"])

    def test_nothingIsKept(self):
        """
        Whoever still holds what the factory has built, after the connection is
        lost, holds nothing of the application.
        """
        built: list[weakref.ref[Protocol]] = []

        def makeProtocol() -> Protocol:
            protocol = Echo()
            built.append(weakref.ref(protocol))
            return protocol

        factory = WebSocketFactory(Factory.forProtocol(makeProtocol), clock=self.clock)
        peer = RawPeer.upgraded(factory)
        self.assertIsNotNone(built[0]())

        peer.leave()
        gc.collect()

        self.assertIsNone(built[0]())
        self.assertIsNone(peer.protocol.webSocket)

    def test_notYetConnected(self):
        """
        A protocol that is not yet connected has nothing to close.
        """
        protocol = self.factory.buildProtocol(None)

        protocol.loseConnection()
        protocol.abortConnection()

        self.assertEqual(self.clock.getDelayedCalls(), [])


class CloseAllTests(FactoryTestCase):
    """
    All connections of a server can be closed.
    """

    def test_nothingToClose(self):
        """
        Where there is no connection nothing has to be waited for.
        """
        self.assertIsNone(self.successResultOf(self.factory.closeAll()))

    def test_allAreTold(self):
        """
        All peers get a Close that says that the server goes away, and the
        wait is over when the last of them is gone and its handler knows.
        """
        peers = [RawPeer.upgraded(self.factory) for _ in range(3)]

        gone = self.factory.closeAll(reason="maintenance")
        reasons: list[Any] = []
        gone.addCallback(
            lambda _: reasons.extend(handler.reason for handler in self.handlers)
        )

        for peer in peers:
            self.assertNoResult(gone)
            (close,) = peer.takeFrames()
            self.assertEqual(close.payload, b"\x03\xe9maintenance")
            peer.sendClose(1001)
            peer.takeFrames()
            peer.transport.settle()
        self.successResultOf(gone)
        kinds = [reason.type for reason in reasons]
        self.assertEqual(kinds, [WebSocketClosed] * 3)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_codeAndReason(self):
        """
        Code and reason can be chosen.
        """
        peer = RawPeer.upgraded(self.factory)

        self.factory.closeAll(CloseCode.SERVICE_RESTART, "back soon")

        (close,) = peer.takeFrames()
        self.assertEqual(close.payload, b"\x03\xf4back soon")

    def test_codeThatMayNotTravel(self):
        """
        A code that may not travel is refused, whether there are connections or
        not, and none is closed.
        """
        self.assertRaises(ValueError, self.factory.closeAll, 1006)
        found: Any = "1001"
        self.assertRaises(TypeError, self.factory.closeAll, found)
        peer = RawPeer.upgraded(self.factory)

        self.assertRaises(ValueError, self.factory.closeAll, 1005)
        self.assertRaises(TypeError, self.factory.closeAll, 1001, reason=b"bye")

        self.assertEqual(peer.takeFrames(), [])
        gone = self.factory.closeAll()
        peer.leave()
        self.successResultOf(gone)

    def test_handshakingPeersAreDropped(self):
        """
        Who is still in the opening handshake, or has been refused, is
        disconnected without waiting.
        """
        silent, refused = RawPeer(self.factory), RawPeer(self.factory)
        refused.send(makeRequest(method="POST"))
        refused.takeAnswer()
        refused.transport.settle()

        gone = self.factory.closeAll()

        for peer in (silent, refused):
            peer.transport.settle()
            self.assertTrue(peer.transport.isLost)
        self.successResultOf(gone)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_siteIsDropped(self):
        """
        Who talks HTTP with the site is disconnected without waiting, over TLS
        too.
        """

        class Slow(Resource):
            isLeaf = True

            def render_GET(self, request):
                return NOT_DONE_YET

        site = Site(Slow(), reactor=self.clock)
        factory = WebSocketFactory(HandlerEcho, site=site, clock=self.clock)
        client = Protocol()
        pair = TLSPair(factory, self.clock, client)
        client.transport.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        pair.flush()
        plain = RawPeer(factory)
        plain.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")

        gone = factory.closeAll()
        plain.transport.settle()
        pair.flush()

        self.successResultOf(gone)

    def test_newConnectionsDoNotMatter(self):
        """
        Connections that come later are neither closed nor waited for.
        """
        peer = RawPeer.upgraded(self.factory)
        gone = self.factory.closeAll()
        later = RawPeer.upgraded(self.factory)

        peer.leave()

        self.successResultOf(gone)
        self.assertEqual(later.takeFrames(), [])

    def test_closedAgain(self):
        """
        Whoever closes all twice waits twice for the same end.
        """
        peer = RawPeer.upgraded(self.factory)

        both = [self.factory.closeAll(), self.factory.closeAll(4000)]

        self.assertEqual(peer.takeCloseCode(), 1001)
        peer.leave()
        for gone in both:
            self.successResultOf(gone)

    def test_closedAgainByWhoWaits(self):
        """
        Whoever has waited may close all again at once.
        """
        peer = RawPeer.upgraded(self.factory)
        gone = self.factory.closeAll()
        gone.addCallback(lambda _: self.factory.closeAll())

        peer.leave()

        self.successResultOf(gone)

    def test_cancelledByWhoWaits(self):
        """
        Whoever has waited may cancel another wait for the same end.
        """
        peer = RawPeer.upgraded(self.factory)
        gone, other = self.factory.closeAll(), self.factory.closeAll()
        gone.addCallback(lambda _: other.cancel())

        peer.leave()

        self.successResultOf(gone)
        self.failureResultOf(other, CancelledError)

    def test_cancelled(self):
        """
        Whoever cancels the wait aborts those that are left, and no others.
        """
        answering, deaf = (RawPeer.upgraded(self.factory) for _ in range(2))
        gone = self.factory.closeAll()
        later = RawPeer.upgraded(self.factory)
        answering.leave()

        gone.cancel()

        self.failureResultOf(gone, CancelledError)
        self.assertTrue(deaf.isAborted)
        self.assertFalse(later.isAborted)
        self.assertIsInstance(self.handlers[1].reason.value, WebSocketFailed)
        later.leave()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_handshakingPeersAreAborted(self):
        """
        Who is still in the opening handshake is aborted by that, too.
        """
        peer = RawPeer(self.factory)
        peer.transport.write(b"something that is not taken")
        gone = self.factory.closeAll()
        self.assertFalse(peer.isAborted)

        gone.cancel()

        self.failureResultOf(gone, CancelledError)
        self.assertTrue(peer.isAborted)

    def test_unansweredCloses(self):
        """
        A peer that does not answer is cut off after the close timeout, with
        which the wait ends.
        """
        factory = WebSocketFactory(
            HandlerEcho, clock=self.clock, keepalive=KeepalivePolicy(closeTimeout=3)
        )
        peer = RawPeer.upgraded(factory)
        gone = factory.closeAll()
        peer.takeFrames()

        self.clock.advance(3)

        self.assertTrue(peer.isAborted)
        self.successResultOf(gone)
