"""
Tests for L{txws.handlers}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyClass, verifyObject

from txws.errors import InvalidSetting
from txws.factories import WebSocketFactory
from txws.handlers import (
    SharedHandlerFactory,
    SharedWebSocketHandler,
    WebSocketHandler,
)
from txws.interfaces import (
    ISharedWebSocketHandler,
    IWebSocketHandler,
    IWebSocketHandlerFactory,
    IWebSocketTransport,
)
from txws.wire.codes import Opcode
from txws.wire.frames import Frame
from txws.wire.states import Role

from .ends import End
from .peers import RawPeer, makeRequest
from .wire.tables import frame


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


class SharedHandlerFactoryTests(SynchronousTestCase):
    """
    Tests for L{SharedHandlerFactory}.
    """

    def test_misuse(self):
        """
        What is no shared handler, and a subprotocol that is none, are refused.
        """
        make: Any = SharedHandlerFactory
        shared = SharedWebSocketHandler()
        for setting, *arguments in (
            ("shared", None),
            ("shared", WebSocketHandler()),
            ("shared", SharedWebSocketHandler),
            ("subprotocols", shared, "a b"),
            ("subprotocols", shared, ["a"]),
        ):
            error = self.assertRaises(InvalidSetting, make, *arguments)
            self.assertEqual(error.setting, setting)

    def test_class(self):
        """
        Nor is a class of them an application: all connections share one.
        """
        found: Any = SharedWebSocketHandler
        error = self.assertRaises(InvalidSetting, WebSocketFactory, found)
        self.assertEqual(
            str(error),
            "application is a class of shared handlers: give one of them, "
            f"not {found!r}",
        )


class Chat(SharedWebSocketHandler):
    """
    One object for many connections.
    """

    def __init__(self) -> None:
        self.told: list[tuple[str, str | bytes]] = []

    def negotiationFinished(self, transport: IWebSocketTransport) -> None:
        """
        Note it.
        """
        self.told.append((transport.request.path, "open"))

    def textMessageReceived(self, transport: IWebSocketTransport, message: str) -> None:
        """
        Note and answer it.
        """
        self.told.append((transport.request.path, message))
        transport.sendTextMessage(f"{transport.request.path} said {message}")

    def bytesMessageReceived(self, transport: IWebSocketTransport, data: bytes) -> None:
        """
        Note it.
        """
        self.told.append((transport.request.path, data))

    def pongReceived(self, transport: IWebSocketTransport, payload: bytes) -> None:
        """
        Note it.
        """
        self.told.append((transport.request.path, payload))

    def connectionLost(self, transport: IWebSocketTransport, reason: Failure) -> None:
        """
        Note it.
        """
        self.told.append((transport.request.path, "lost"))


class SharedHandlerTests(SynchronousTestCase):
    """
    Tests for L{SharedWebSocketHandler} and L{SharedHandlerFactory}.
    """

    def connect(self, factory: WebSocketFactory, path: str) -> RawPeer:
        """
        Connect, and upgrade.
        """
        peer = RawPeer(factory)
        peer.transport.receiveData(makeRequest(target=path))
        peer.transport.takeData()
        return peer

    def test_interfaces(self):
        """
        The promises are kept.
        """
        verifyClass(ISharedWebSocketHandler, SharedWebSocketHandler)
        factory = SharedHandlerFactory(SharedWebSocketHandler(), "v2", "v1")
        verifyObject(IWebSocketHandlerFactory, factory)
        self.assertEqual(factory.subprotocols, ("v2", "v1"))
        handler = factory.buildHandler(End().webSocket.request)
        assert handler is not None
        handler.negotiationStarted(End().webSocket)
        verifyObject(IWebSocketHandler, handler)

    def test_connections(self):
        """
        It is told which connection something is about.
        """
        chat = Chat()
        factory = WebSocketFactory(chat, clock=Clock())
        one, two = self.connect(factory, "/1"), self.connect(factory, "/2")
        one.transport.receiveData(frame(Opcode.TEXT, b"a", isMasked=True))
        two.transport.receiveData(frame(Opcode.BINARY, b"b", isMasked=True))
        two.transport.receiveData(frame(Opcode.PONG, b"c", isMasked=True))
        one.transport.lose()
        one.transport.settle()
        self.assertEqual(
            chat.told,
            [
                *(("/1", "open"), ("/2", "open"), ("/1", "a")),
                *(("/2", b"b"), ("/2", b"c"), ("/1", "lost")),
            ],
        )

    def test_answers(self):
        """
        It answers by the connection that it is told.
        """
        factory = WebSocketFactory(Chat(), clock=Clock())
        one, two = self.connect(factory, "/1"), self.connect(factory, "/2")
        two.transport.receiveData(frame(Opcode.TEXT, b"a", isMasked=True))
        self.assertEqual(two.transport.takeData()[2:], b"/2 said a")
        self.assertEqual(one.transport.takeData(), b"")

    def test_order(self):
        """
        Its methods may take time; connections do not wait for each other.
        """
        waiting: Deferred[None] = Deferred()
        told: list[str] = []

        class Slow(SharedWebSocketHandler):
            """
            Takes its time.
            """

            async def textMessageReceived(
                self, transport: IWebSocketTransport, message: str
            ) -> None:
                told.append(message)
                await waiting

        factory = WebSocketFactory(Slow(), clock=Clock())
        one, two = self.connect(factory, "/1"), self.connect(factory, "/2")
        for peer, text in ((one, b"a"), (one, b"b"), (two, b"c")):
            peer.transport.receiveData(frame(Opcode.TEXT, text, isMasked=True))
        self.assertEqual(told, ["a", "c"])
        waiting.callback(None)
        one.transport.settle()
        self.assertEqual(told, ["a", "c", "b"])

    def test_client(self):
        """
        It serves clients as well.
        """
        chat = Chat()
        handler: Any = SharedHandlerFactory(chat).buildHandler(End().webSocket.request)
        end = End.opened(handler, role=Role.CLIENT)
        end.receiveText("a")
        self.assertEqual(chat.told, [("/feed", "open"), ("/feed", "a")])
        self.assertEqual(end.takeFrames(), [Frame(Opcode.TEXT, b"/feed said a")])

    def test_nothing(self):
        """
        The base class does nothing.
        """
        handler: Any = SharedHandlerFactory(SharedWebSocketHandler()).buildHandler(
            End().webSocket.request
        )
        end = End.opened(handler)
        end.receive(
            *(end.frame(opcode) for opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.PONG))
        )
        self.assertEqual(end.takeFrames(), [])
        end.leave()
        self.assertEqual(self.flushLoggedErrors(), [])
