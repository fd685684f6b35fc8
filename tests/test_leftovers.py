"""
Tests that a connection that has ended leaves nothing to the garbage collector,
which would take longer to find it than the whole connection took.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txws.conversation import Conversation
from txws.errors import BadHandshake
from txws.factories import WebSocketFactory
from txws.handlers import WebSocketHandler
from txws.interfaces import IWebSocketTransport
from txws.wire.codes import Opcode

from .peers import RawPeer, makeRequest


class Echo(WebSocketHandler):
    """
    Answers, and keeps its transport, as most handlers do.
    """

    def textMessageReceived(self, message: str) -> None:
        """
        Answer.
        """
        self.transport.sendTextMessage(message)


class EchoProtocol(Protocol):
    """
    Answers on a stream of bytes.
    """

    def dataReceived(self, data: bytes) -> None:
        """
        Answer.
        """
        assert self.transport is not None
        self.transport.write(data)


async def serveAll(conversation: Conversation) -> None:
    """
    Answer, until the peer has closed.
    """
    async for message in conversation:
        await conversation.send(message)


async def serveOn(conversation: Conversation) -> None:
    """
    Answer, until the end interrupts.
    """
    while True:
        await conversation.send(await conversation.receive())


class Refusing(WebSocketHandler):
    """
    Refuses when it is started, and keeps its transport.
    """

    def negotiationStarted(self, transport: IWebSocketTransport) -> None:
        """
        Refuse.
        """
        self.transport = transport
        raise BadHandshake(403, "no")


class LeftoverTests(SynchronousTestCase):
    """
    What is left of a connection.
    """

    def setUp(self):
        """
        Put what is there already out of sight of the collector, and have it
        collect nothing by itself.
        """
        self.addCleanup(gc.enable)
        self.addCleanup(gc.garbage.clear)
        self.addCleanup(gc.set_debug, gc.get_debug())
        gc.collect()
        gc.freeze()
        self.addCleanup(gc.unfreeze)
        gc.disable()

    def findGarbage(self) -> list[str]:
        """
        Find the kinds of what is left to the garbage collector.
        """
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        gc.set_debug(0)
        found = [type(left).__name__ for left in gc.garbage]
        gc.garbage.clear()
        gc.collect()
        return found

    def live(self, factory: WebSocketFactory, leave: Callable[[RawPeer], Any]) -> None:
        """
        Let a connection live.

        @param leave: ends it.
        """
        peer = RawPeer.upgraded(factory)
        peer.sendFrame(Opcode.TEXT, b"a")
        self.assertEqual(len(peer.takeMessages()), 1)
        leave(peer)
        peer.transport.takeData()
        peer.transport.settle()
        self.assertTrue(peer.transport.isLost)
        # A socket forgets its protocol.
        peer.transport.protocol = Protocol()

    def test_end(self):
        """
        Nothing is left, whatever was served, and whoever has ended it.
        """
        applications: tuple[Any, ...] = (
            Echo,
            Factory.forProtocol(EchoProtocol),
            serveAll,
            serveOn,
        )
        endings = (
            partial(RawPeer.sendClose, code=1000),
            RawPeer.leave,
            lambda peer: (peer.protocol.loseConnection(), peer.sendClose(1000)),
            lambda peer: peer.protocol.abortConnection(),
        )
        for application, leave in product(applications, endings):
            factory = WebSocketFactory(application, clock=Clock())
            self.live(factory, leave)
            self.assertEqual(self.findGarbage(), [], (application, leave))

    def test_refused(self):
        """
        Nothing is left of a handler that refuses.
        """
        factory = WebSocketFactory(Refusing, clock=Clock())
        peer = RawPeer(factory)
        peer.send(makeRequest())
        self.assertEqual(peer.takeAnswer().status, 403)
        self.assertEqual(self.findGarbage(), [])
