"""
Tests for L{txws.upgrades}.
"""

from __future__ import annotations

import gc
import weakref
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http import HTTPChannel, HTTPFactory
from twisted.web.http import Request as PlainRequest
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site
from twisted.web.static import Data
from zope.interface import implementer
from zope.interface.verify import verifyObject

from txws.applications import HandlerFactory
from txws.errors import BadHandshake, WebSocketClosed, WebSocketFailed
from txws.factories import WebSocketFactory, WebSocketProtocol
from txws.handlers import WebSocketHandler
from txws.interfaces import IWebSocketHandlerFactory
from txws.policy import HandshakePolicy, KeepalivePolicy, Limits
from txws.resource import WebSocketResource
from txws.takeover import canTakeOver
from txws.testing import RecordingHandler
from txws.wire.codes import Opcode

from .peers import ACCEPT, Answer, RawPeer, TLSPair, makeRequest, readAnswer
from .test_server import BAD_REQUESTS
from .wire.tables import dribble, frame

stable = settings(deadline=None, derandomize=True, max_examples=200, database=None)

REQUEST = makeRequest()
GET = b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n"


@implementer(IWebSocketHandlerFactory)
class Asked:
    """
    Takes its time to make a handler.
    """

    subprotocols = ()

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.answers: list[Deferred[Any]] = []

    def buildHandler(self, request):
        """
        Wait to be told.
        """
        self.requests.append(request)
        self.answers.append(Deferred())
        return self.answers[-1]


class UpgradeTestCase(SynchronousTestCase):
    """
    Serves a resource and a page in one site.
    """

    def setUp(self) -> None:
        """
        Nothing has happened yet.
        """
        self.clock = Clock()
        self.handlers: list[RecordingHandler] = []

    def makeHandler(self) -> RecordingHandler:
        """
        Make a handler, and remember it.
        """
        self.handlers.append(RecordingHandler())
        return self.handlers[-1]

    def serve(self, application: Any = None, **settings: Any) -> Site:
        """
        Make a site with a resource in it.
        """
        if application is None:
            application = HandlerFactory(self.makeHandler)
        self.resource = WebSocketResource(application, clock=self.clock, **settings)
        root = Resource()
        root.putChild(b"", self.resource)
        root.putChild(b"page", Data(b"a page", "text/plain"))
        self.site = Site(root, reactor=self.clock)
        return self.site

    def upgraded(self, application: Any = None, **settings: Any) -> RawPeer:
        """
        Connect to a new site, and upgrade.
        """
        return RawPeer.upgraded(self.serve(application, **settings))

    def assertOver(self, peer: RawPeer) -> None:
        """
        Assert that a peer has gone and nothing waits for it.
        """
        peer.transport.settle()
        self.assertTrue(peer.transport.isLost)
        self.assertIsNone(peer.transport.producer)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(list(self.resource.connections), [])


class AcceptanceTests(UpgradeTestCase):
    """
    A connection of a site is taken over.
    """

    def test_accepted(self) -> None:
        """
        The answer is the same as on a port of its own, and so is what follows.
        """
        peer = RawPeer(self.serve())

        peer.send(REQUEST)
        answer = peer.takeAnswer()
        peer.sendFrame(Opcode.TEXT, b"hello")

        self.assertEqual((answer.status, answer.body), (101, b""))
        self.assertEqual(
            list(answer.headers),
            [
                ("Upgrade", "websocket"),
                ("Connection", "Upgrade"),
                ("Sec-WebSocket-Accept", ACCEPT),
            ],
        )
        self.assertEqual(self.handlers[0].messages, ["hello"])

    def test_dribbled(self) -> None:
        """
        All may arrive byte by byte.
        """
        peer = RawPeer(self.serve())

        peer.send(*dribble(REQUEST))
        answer = peer.takeAnswer()
        peer.send(*dribble(frame(Opcode.TEXT, b"hello", isMasked=True)))

        self.assertEqual(answer.status, 101)
        self.assertEqual(self.handlers[0].messages, ["hello"])

    def test_afterAPage(self) -> None:
        """
        A connection that has brought a page may be upgraded, and its upgrade
        may be pipelined.
        """
        for pieces in ((GET, REQUEST), (GET + REQUEST,)):
            peer = RawPeer(self.serve())
            peer.send(*pieces)
            page, _, upgrade = peer.transport.takeData().partition(b"a page")
            peer.sendFrame(Opcode.TEXT, b"hello")

            self.assertEqual(readAnswer(page).status, 200)
            self.assertEqual(readAnswer(upgrade).status, 101)
            self.assertEqual(self.handlers.pop().messages, ["hello"])

    def test_requestIsTold(self) -> None:
        """
        The application finds the request of L{twisted.web}, and its session,
        whose cookie travels with the 101.
        """
        sessions: list[Any] = []

        @implementer(IWebSocketHandlerFactory)
        class Welcoming:
            subprotocols = ()

            def buildHandler(self, request):
                sessions.append(request.http.getSession())
                return WebSocketHandler()

        peer = RawPeer(self.serve(Welcoming()))
        peer.send(REQUEST)

        (session,) = sessions
        cookie = peer.takeAnswer().headers.get("Set-Cookie")
        self.assertTrue(cookie.startswith(f"TWISTED_SESSION={session.uid.decode()}"))
        (webSocket,) = self.resource.connections
        http: Any = webSocket.request.http
        self.assertIs(http.getSession(), session)
        session.expire()

    def test_accessLog(self) -> None:
        """
        The access log of the site has a line for the 101.
        """
        logged: list[int] = []
        site = self.serve()
        self.patch(site, "log", lambda request: logged.append(request.code))

        RawPeer.upgraded(site)

        self.assertEqual(logged, [101])

    def test_noFactory(self) -> None:
        """
        A channel that no factory has made has no access log.
        """
        site = self.serve()
        channel: Any = HTTPChannel()
        channel.site, channel.requestFactory = site, Request
        peer = RawPeer.upgraded(_Only(channel))

        peer.sendFrame(Opcode.TEXT, b"hello")

        self.assertEqual(self.handlers[0].messages, ["hello"])

    def useHook(self, hook: Any) -> None:
        """
        Replace the hook that channels have, from some version of Twisted on.
        """
        if not hasattr(HTTPChannel, _HOOK):
            setattr(HTTPChannel, _HOOK, None)
            self.addCleanup(delattr, HTTPChannel, _HOOK)
        self.patch(HTTPChannel, _HOOK, hook)

    def test_byHand(self) -> None:
        """
        It does not need the hook that later versions of Twisted have for it.
        """
        self.useHook(None)
        peer = self.upgraded()

        peer.sendFrame(Opcode.TEXT, b"hello")
        peer.leave()

        self.assertEqual(self.handlers[0].messages, ["hello"])
        self.assertOver(peer)

    def test_sitesTimeoutIsOver(self) -> None:
        """
        The site does not take a silent WebSocket for a browser that is idle.
        """
        peer = self.upgraded(keepalive=KeepalivePolicy(pingInterval=None))

        self.clock.pump([10] * 30)
        peer.sendFrame(Opcode.TEXT, b"hello")

        self.assertEqual(self.handlers[0].messages, ["hello"])

    def test_timeoutsAreOver(self) -> None:
        """
        So it is with a time-out that somebody has set meanwhile.
        """

        @implementer(IWebSocketHandlerFactory)
        class Hasty:
            subprotocols = ()

            def buildHandler(self, request):
                request.http.channel.setTimeout(60)
                return WebSocketHandler()

        self.upgraded(Hasty())

        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_pressure(self) -> None:
        """
        It is the WebSocket that is told when the connection takes no more.
        """
        peer = self.upgraded()
        transport = self.handlers[0].transport

        transport.sendBytesMessage(bytes(64 * 1024))
        transport.sendBytesMessage(bytes(1000))

        self.assertGreater(transport.pendingSize, 1000)
        peer.transport.takeData()
        self.assertEqual(transport.pendingSize, 0)

    def test_nothingCanBeWrittenIntoTheFrames(self) -> None:
        """
        Who still holds the request cannot write into the frames.
        """
        peer = self.upgraded()
        (webSocket,) = self.resource.connections
        http: Any = webSocket.request.http

        self.assertRaises(RuntimeError, http.write, b"HTTP/1.1 200 OK\r\n")

        self.assertEqual(peer.transport.takeData(), b"")

    def test_protocolIsOne(self) -> None:
        """
        What a channel passes on to is a protocol in Twisted's sense.
        """
        from twisted.internet.interfaces import IProtocol

        peer = RawPeer(self.serve())
        taken: list[Any] = []
        self.useHook(lambda channel, protocol: taken.append(protocol))
        peer.send(REQUEST)

        verifyObject(IProtocol, taken[0])
        # Frames that come before it is opened, or when it has been lost.
        taken[0].connectionLost()
        taken[0].dataReceived(frame(Opcode.TEXT, b"hello", isMasked=True))
        self.assertEqual(self.handlers[0].messages, [])


class EndTests(UpgradeTestCase):
    """
    Connections end, and leave nothing behind.
    """

    def notify(self) -> list[Any]:
        """
        Note what those are told who wait for the end of a request.
        """
        (webSocket,) = self.resource.connections
        finished: list[Any] = []
        http: Any = webSocket.request.http
        http.notifyFinish().addBoth(finished.append)
        return finished

    def test_closedByThePeer(self) -> None:
        """
        A closing handshake ends the connection, and then the request.
        """
        peer = self.upgraded()
        finished = self.notify()

        peer.sendClose(1000)
        self.assertEqual(finished, [])
        self.assertEqual(peer.takeCloseCode(), 1000)
        peer.transport.settle()

        self.assertEqual(finished, [None])
        self.assertTrue(self.handlers[0].reason.check(WebSocketClosed))
        self.assertOver(peer)

    def test_closedByUs(self) -> None:
        """
        The resource closes its connections by the closing handshake.
        """
        peer = self.upgraded()
        finished = self.notify()

        gone = self.resource.closeAll(reason="bye")
        self.assertEqual(peer.takeCloseCode(), 1001)
        self.assertNoResult(gone)
        peer.sendClose(1001)
        peer.transport.settle()

        self.successResultOf(gone)
        self.assertEqual(finished, [None])
        self.assertOver(peer)

    def test_cut(self) -> None:
        """
        When the network breaks, those are told who wait for the request.
        """
        peer = self.upgraded()
        finished = self.notify()

        peer.transport.lose(ConnectionLost())

        self.assertEqual(len(self.handlers), 1)
        peer.transport.settle()
        self.assertTrue(self.handlers[0].reason.check(WebSocketFailed))
        (failure,) = finished
        self.assertTrue(failure.check(ConnectionLost))
        self.assertOver(peer)

    def test_aborted(self) -> None:
        """
        Those that do not answer in time are cut.
        """
        peer = self.upgraded()

        gone = self.resource.closeAll()
        gone.cancel()
        peer.transport.settle()

        self.assertOver(peer)
        self.assertIsNone(self.failureResultOf(gone).check(ConnectionDone))

    def test_overTLS(self) -> None:
        """
        Over TLS connections close from either side.
        """
        for isOurs in (True, False):
            client = Protocol()
            received: list[bytes] = []
            client.dataReceived = received.append  # type: ignore[assignment,method-assign]  # a test's
            pair = TLSPair(self.serve(), self.clock, client)
            client.transport.write(REQUEST)
            pair.flush()
            pair.flush()
            self.assertTrue(received[0].startswith(b"HTTP/1.1 101 "))
            (webSocket,) = self.resource.connections
            self.assertTrue(webSocket.request.isSecure)

            if isOurs:
                webSocket.loseConnection()
                pair.flush()
            client.transport.write(
                frame(Opcode.CLOSE, (1000).to_bytes(2, "big"), isMasked=True)
            )
            pair.flush()
            pair.flush()

            self.assertTrue(self.handlers[-1].reason.check(WebSocketClosed))
            self.assertTrue(pair.server.isLost)
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_nothingIsKept(self) -> None:
        """
        When a connection has ended, nothing keeps its request or its handler,
        not even who holds its protocol; and nothing keeps its channel.
        """
        peer = self.upgraded()
        (webSocket,) = self.resource.connections
        http: Any = webSocket.request.http
        channel = weakref.ref(http.channel)
        kept = [weakref.ref(found) for found in (http, webSocket, self.handlers[0])]
        self.handlers.clear()
        del webSocket, http

        peer.leave()
        gc.collect()
        self.assertEqual([reference() for reference in kept], [None] * 3)
        self.assertIsNotNone(channel())

        peer.protocol = None
        peer.transport.protocol = Protocol()
        gc.collect()
        self.assertIsNone(channel())


class RefusalTests(UpgradeTestCase):
    """
    What is not wanted is refused by HTTP.
    """

    def ask(self, site: Site, *pieces: bytes) -> Answer:
        """
        Ask a site.
        """
        self.peer = RawPeer(site)
        self.peer.send(*pieces)
        return self.peer.takeAnswer()

    def test_badRequests(self) -> None:
        """
        Whatever a port of its own refuses is refused with the same status, in
        plain text; what L{twisted.web} cannot read, it refuses itself.
        """
        for request, status, case in BAD_REQUESTS:
            if case == "a folded header":
                # twisted.web joins its lines before anybody else sees it.
                continue
            site = self.serve(handshake=HandshakePolicy(paths=["/"]))
            site.resource = self.resource
            self.resource.isLeaf = True
            peer = RawPeer(site)

            peer.send(request)

            self.assertEqual(self.handlers, [], case)
            written = peer.transport.takeData()
            if case in TWISTED_REFUSES:
                self.assertIn(written[:12], (b"HTTP/1.1 400", b""), case)
                continue
            answer = readAnswer(written)
            headers = answer.headers
            self.assertEqual(answer.status, status, case)
            self.assertEqual(
                headers.getAll("Content-Type"), ["text/plain; charset=utf-8"], case
            )
            self.assertEqual(
                headers.getAll("X-Content-Type-Options"), ["nosniff"], case
            )

    def test_keptAlive(self) -> None:
        """
        After a refusal the connection serves other requests.
        """
        answer = self.ask(self.serve(), makeRequest(("Origin", "http://evil.example")))

        self.assertEqual(answer.status, 403)
        self.peer.send(GET)
        self.assertEqual(self.peer.takeAnswer().body, b"a page")
        self.peer.send(REQUEST)
        self.assertEqual(self.peer.takeAnswer().status, 101)

    def test_notAnUpgrade(self) -> None:
        """
        A browser that asks for a page is told what to upgrade to.
        """
        answer = self.ask(self.serve(), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")

        self.assertEqual(answer.status, 426)
        self.assertEqual(answer.headers.get("Upgrade"), "websocket")
        self.assertEqual(answer.headers.get("Connection"), "Upgrade")
        self.peer.send(GET)
        self.assertEqual(self.peer.takeAnswer().body, b"a page")

    def test_head(self) -> None:
        """
        HEAD is refused without a body.
        """
        answer = self.ask(self.serve(), b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")

        self.assertEqual((answer.status, answer.body), (405, b""))
        self.assertEqual(answer.headers.get("Allow"), "GET")

    def test_ownRefusal(self) -> None:
        """
        An application refuses with a status, headers and a body of its own.
        """

        @implementer(IWebSocketHandlerFactory)
        class Refusing:
            subprotocols = ()

            def buildHandler(self, request):
                raise BadHandshake(
                    401,
                    "who are you?",
                    [("WWW-Authenticate", "Basic"), ("Content-Type", "text/html")],
                    b"<p>Who?",
                )

        answer = self.ask(self.serve(Refusing()), REQUEST)

        self.assertEqual((answer.status, answer.body), (401, b"<p>Who?"))
        self.assertEqual(answer.headers.get("WWW-Authenticate"), "Basic")
        self.assertEqual(answer.headers.getAll("Content-Type"), ["text/html"])

    def test_unfitRefusal(self) -> None:
        """
        A refusal that would break HTTP is an internal error.
        """

        @implementer(IWebSocketHandlerFactory)
        class Refusing:
            subprotocols = ()

            def buildHandler(self, request):
                raise BadHandshake(302, "there", [("Location", "/\r\nX: y")])

        answer = self.ask(self.serve(Refusing()), REQUEST)

        self.assertEqual((answer.status, answer.body), (500, b"internal error\n"))
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_earlyData(self) -> None:
        """
        Bytes that follow the request unanswered are refused before anybody is
        asked, and are not taken for a request.
        """
        answer = self.ask(self.serve(), REQUEST + GET)

        self.assertEqual(answer.status, 400)
        self.assertEqual(answer.headers.get("Connection"), "close")
        self.assertEqual(self.handlers, [])
        self.peer.transport.settle()
        self.assertOver(self.peer)

    def test_earlyDataMeanwhile(self) -> None:
        """
        So are those that come while the application is being asked, and the
        handler that it has made is told of the end.
        """
        asked = Asked()
        peer = RawPeer(self.serve(asked))
        peer.send(REQUEST)
        peer.send(frame(Opcode.TEXT, b"hello", isMasked=True))

        asked.answers[0].callback(self.makeHandler())

        self.assertEqual(peer.takeAnswer().status, 400)
        self.assertEqual(
            self.handlers[0].events, [("negotiationStarted",), ("connectionLost",)]
        )
        self.assertOver(peer)

    def test_tooManyConnections(self) -> None:
        """
        When there are as many connections as there may be, more are refused;
        pages are served all the same.
        """
        site = self.serve(limits=Limits(maxConnections=1))
        first = RawPeer.upgraded(site)

        self.assertEqual(self.ask(site, REQUEST).status, 503)
        self.assertEqual(self.ask(site, GET).status, 200)
        first.leave()

        self.assertEqual(self.ask(site, REQUEST).status, 101)

    def test_unknownChannel(self) -> None:
        """
        A web server whose inner life is not as expected is not touched.
        """

        class Future(HTTPChannel):
            @property
            def requests(self):
                raise AttributeError

            @requests.setter
            def requests(self, value):
                pass

        self.assertFalse(canTakeOver(Future()))
        self.assertTrue(canTakeOver(_connected(HTTPChannel())))

    def test_refusesToTouch(self) -> None:
        """
        An upgrade that is not possible is refused.
        """
        import txws.takeover

        self.patch(txws.takeover, "_CHANNEL", ("nothing like it",))
        with capturedLogs() as logged:
            answer = self.ask(self.serve(), REQUEST)

        self.assertEqual(answer.status, 501)
        self.assertIn("cannot be taken over", str(logged[0]["log_format"]))


class AskingTests(UpgradeTestCase):
    """
    Applications may take their time.
    """

    def test_accepted(self) -> None:
        """
        The 101 comes when the application has decided.
        """
        asked = Asked()
        peer = RawPeer(self.serve(asked))
        peer.send(REQUEST)
        self.assertEqual(peer.transport.takeData(), b"")

        asked.answers[0].callback(self.makeHandler())

        self.assertEqual(peer.takeAnswer().status, 101)
        peer.sendFrame(Opcode.TEXT, b"hello")
        self.assertEqual(self.handlers[0].messages, ["hello"])

    def test_deadline(self) -> None:
        """
        It has the time of a handshake; then it is cancelled and the client
        refused, which may go on to talk HTTP.
        """
        asked = Asked()
        peer = RawPeer(self.serve(asked))
        peer.send(REQUEST)

        self.clock.advance(10)

        self.assertEqual(peer.takeAnswer().status, 503)
        self.assertTrue(asked.answers[0].called)
        self.assertEqual(list(self.resource._connections._members), [])
        peer.send(GET)
        self.assertEqual(peer.takeAnswer().body, b"a page")

    def test_left(self) -> None:
        """
        When the client leaves meanwhile, the application is cancelled.
        """
        asked = Asked()
        peer = RawPeer(self.serve(asked, limits=Limits(maxConnections=1)))
        peer.send(REQUEST)

        peer.leave()

        self.assertTrue(asked.answers[0].called)
        self.assertOver(peer)
        again = RawPeer(self.site)
        again.send(REQUEST)
        self.assertEqual(len(asked.answers), 2)

    def test_closeAll(self) -> None:
        """
        Who is not yet answered when all are closed is refused.
        """
        asked = Asked()
        peer = RawPeer(self.serve(asked))
        peer.send(REQUEST)

        gone = self.resource.closeAll()

        self.successResultOf(gone)
        answer = peer.takeAnswer()
        self.assertEqual(answer.status, 503)
        self.assertEqual(answer.headers.get("Connection"), "close")
        self.assertOver(peer)

    def test_goneWhileAllAreClosed(self) -> None:
        """
        Whoever goes while all are being closed is gone.
        """
        peers: list[RawPeer] = []

        def leave(answer: object) -> None:
            for peer in peers:
                peer.leave()

        @implementer(IWebSocketHandlerFactory)
        class Fragile:
            subprotocols = ()

            def buildHandler(self, request):
                return Deferred(leave)

        site = self.serve(Fragile())
        peers += [RawPeer(site), RawPeer(site)]
        for peer in peers:
            peer.send(REQUEST)

        gone = self.resource.closeAll()

        self.successResultOf(gone)
        for peer in peers:
            self.assertOver(peer)

    def test_goneWhileAllAreCut(self) -> None:
        """
        So it is when all are cut.
        """
        peers: list[RawPeer] = []

        class Watching(RecordingHandler):
            def connectionLost(self, reason) -> None:
                super().connectionLost(reason)
                for peer in peers:
                    peer.leave()

        site = self.serve(Watching)
        peers += [RawPeer.upgraded(site), RawPeer.upgraded(site)]
        gone = self.resource.closeAll()
        # The network breaks when the first one is cut.
        for peer in peers:
            self.patch(peer.transport, "abortConnection", peer.leave)

        gone.cancel()

        self.successResultOf(gone)
        for peer in peers:
            self.assertOver(peer)

    def test_gone(self) -> None:
        """
        A request whose client has gone before the resource was found is not
        answered.
        """
        found: list[Request] = []

        class Slow(Resource):
            isLeaf = True

            def render(self, request):
                found.append(request)
                return NOT_DONE_YET

        site = self.serve()
        site.resource = Slow()
        peer = RawPeer(site)
        peer.send(REQUEST)
        peer.leave()

        self.resource.render(found[0])

        self.assertEqual(self.handlers, [])
        self.assertOver(peer)


class LateUpgradeTests(SynchronousTestCase):
    """
    A connection that was handed to a site may be upgraded by a later request.
    """

    def setUp(self) -> None:
        """
        Serve a site beside WebSockets.
        """
        self.clock = Clock()
        self.handlers: list[RecordingHandler] = []

    def makeHandler(self) -> RecordingHandler:
        """
        Make a handler, and remember it.
        """
        self.handlers.append(RecordingHandler())
        return self.handlers[-1]

    def connect(self, site: Any = None, application: Any = None, **settings) -> RawPeer:
        """
        Connect to a server, and get a page.
        """
        if site is None:
            root = Resource()
            root.putChild(b"page", Data(b"a page", "text/plain"))
            site = Site(root, reactor=self.clock)
        self.factory = WebSocketFactory(
            application or HandlerFactory(self.makeHandler),
            site=site,
            clock=self.clock,
            **settings,
        )
        peer = RawPeer(self.factory)
        peer.send(GET)
        self.assertEqual(peer.takeAnswer().body, b"a page")
        return peer

    def test_accepted(self) -> None:
        """
        It is accepted as if it had come first; pages may come in between.
        """
        peer = self.connect()
        peer.send(GET)
        self.assertEqual(peer.takeAnswer().body, b"a page")

        peer.send(REQUEST)

        self.assertEqual(peer.takeAnswer().status, 101)
        peer.sendFrame(Opcode.TEXT, b"hello")
        self.assertEqual(self.handlers[0].messages, ["hello"])
        (webSocket,) = self.factory.connections
        self.assertIsNone(webSocket.request.http)

    def test_counted(self) -> None:
        """
        It counts as one connection, from the beginning to the end.
        """
        peer = self.connect(limits=Limits(maxConnections=2))
        peer.send(REQUEST)
        peer.takeAnswer()
        second, third = RawPeer(self.factory), RawPeer(self.factory)
        self.assertEqual(third.takeAnswer().status, 503)

        for leaving in (peer, second, third):
            leaving.leave()

        self.assertEqual([h.reason is None for h in self.handlers], [False])
        self.assertEqual(list(self.factory.connections), [])
        self.assertEqual(self.clock.getDelayedCalls(), [])
        for _ in range(2):
            RawPeer.upgraded(self.factory)

    def test_closeAll(self) -> None:
        """
        It is closed with the others.
        """
        peer = self.connect()
        peer.send(REQUEST)
        peer.takeAnswer()

        gone = self.factory.closeAll(4000)
        self.assertEqual(peer.takeCloseCode(), 4000)
        peer.sendClose(4000)
        peer.transport.settle()

        self.successResultOf(gone)
        self.assertTrue(self.handlers[0].reason.check(WebSocketClosed))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_closeAllMeanwhile(self) -> None:
        """
        While the application is being asked, it is closed at once.
        """
        asked = Asked()
        peer = self.connect(application=asked)
        peer.send(REQUEST)

        gone = self.factory.closeAll()
        peer.transport.settle()

        self.successResultOf(gone)
        self.assertTrue(asked.answers[0].called)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_refused(self) -> None:
        """
        What would be refused if it came first is refused by HTTP.
        """
        peer = self.connect()

        peer.send(makeRequest(("Sec-WebSocket-Key", "short")))

        self.assertEqual(peer.takeAnswer().status, 400)
        peer.send(GET)
        self.assertEqual(peer.takeAnswer().body, b"a page")

    def test_otherUpgrades(self) -> None:
        """
        Upgrades to something else are the site's business.
        """
        peer = self.connect()

        peer.send(GET[:-2] + b"Upgrade: h2c\r\n\r\n")

        self.assertEqual(peer.takeAnswer().body, b"a page")

    def test_upgradeThatIsNoText(self) -> None:
        """
        So are those that nobody can read; a peer that sends one breaks nothing.
        """
        peer = self.connect()

        peer.send(GET[:-2] + b"Upgrade: \xff\r\n\r\n")

        self.assertEqual(peer.takeAnswer().body, b"a page")
        peer.send(GET[:-2] + b"Upgrade: \xff, websocket\r\n\r\n")
        self.assertEqual(peer.takeAnswer().status, 400)

    @stable
    @given(
        st.sampled_from(("Upgrade", "Connection", "Sec-WebSocket-Key", "Origin")),
        st.binary(max_size=20),
        st.booleans(),
    )
    def test_anyHeader(self, name: str, value: bytes, isUpgrade: bool) -> None:
        """
        Whatever is in a header, the request is answered, and nothing raises.
        """
        peer = self.connect()
        request = REQUEST if isUpgrade else GET
        field = b"%s: %s\r\n\r\n" % (name.encode(), value.translate(None, b"\r\n"))

        peer.send(request[:-2] + field)

        self.assertTrue(peer.transport.takeData().startswith(b"HTTP/1.1 "))

    def test_modeOfAWrappedProtocol(self) -> None:
        """
        What a program for txWS 0.9 has set holds.
        """

        class TextProtocol(WebSocketProtocol):
            def makeConnection(self, transport) -> None:
                self.setBinaryMode(False)
                super().makeConnection(transport)

        class Echo(Protocol):
            def dataReceived(self, data: bytes) -> None:
                self.transport.write(data)

        peer = self.connect(application=Factory.forProtocol(Echo))
        self.factory.protocol = TextProtocol
        peer = RawPeer(self.factory)
        peer.send(GET, REQUEST)
        peer.transport.takeData()

        peer.sendFrame(Opcode.BINARY, b"hello")

        self.assertEqual(peer.takeMessages(), ["hello"])

    def test_plainRequests(self) -> None:
        """
        It works with sites that know no resources.
        """

        class Plain(PlainRequest):
            def process(self) -> None:
                self.setHeader(b"Content-Length", b"6")
                self.write(b"a page")
                self.finish()

        site = HTTPFactory(reactor=self.clock)
        peer = self.connect(_WithRequests(site, Plain))

        peer.send(REQUEST)

        self.assertEqual(peer.takeAnswer().status, 101)

    def test_requestsAreNotKept(self) -> None:
        """
        A request that is done is gone without waiting to be collected.
        """
        requests: list[Any] = []

        class Noted(Resource):
            isLeaf = True

            def render(self, request):
                requests.append(weakref.ref(request))
                return b"a page"

        gc.disable()
        self.addCleanup(gc.enable)
        peer = self.connect(Site(Noted(), reactor=self.clock))
        peer.send(GET)
        peer.takeAnswer()

        self.assertEqual(len(requests), 2)
        self.assertIsNone(requests[0]())


class _Only(Factory):
    """
    Makes one protocol.
    """

    def __init__(self, protocol: Any) -> None:
        self._made = protocol

    def buildProtocol(self, addr) -> Any:
        """
        Return it.
        """
        return self._made


class _WithRequests(Factory):
    """
    Has what another factory builds make requests of a class.
    """

    def __init__(self, factory: Any, requestFactory: Any) -> None:
        self._factory = factory
        self._requestFactory = requestFactory

    def buildProtocol(self, addr) -> Any:
        """
        Build it.
        """
        protocol = self._factory.buildProtocol(addr)
        protocol.requestFactory = self._requestFactory
        return protocol


def _connected(channel: HTTPChannel) -> HTTPChannel:
    """
    Connect a channel.
    """
    RawPeer(_Only(channel))
    return channel


_HOOK = "_protocolUpgradeForWebsockets"

# What twisted.web refuses in its own words, or waits for the end of.
TWISTED_REFUSES = frozenset(
    (
        "an empty line",
        "no HTTP at all",
        "TLS",
        "HTTP/2",
        "a body",
        "a chunked body",
        "a long head",
    )
)
