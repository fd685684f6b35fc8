"""
Tests for L{txws.demo}.
"""

from __future__ import annotations

import json

from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from txws.applications import HandlerFactory
from txws.demo import ChatMember, ChatRoom, Demo, Echo, readPage
from txws.factories import WebSocketFactory
from txws.interfaces import IWebSocketHandler, IWebSocketHandlerFactory
from txws.wire.codes import Opcode

from .peers import RawPeer


class DemoTestCase(SynchronousTestCase):
    """
    Serves the demo.
    """

    def setUp(self):
        """
        Make a server.
        """
        self.clock = Clock()
        self.factory = WebSocketFactory(Demo(), clock=self.clock)

    def connect(self, path: str) -> RawPeer:
        """
        Connect to a path.
        """
        return RawPeer.upgraded(self.factory, target=path)

    def takeEvents(self, peer: RawPeer) -> list[dict[str, object]]:
        """
        Take what the chat room has told a member.
        """
        messages = peer.takeMessages()
        self.assertEqual([type(message) for message in messages], [str] * len(messages))
        return [json.loads(message) for message in messages]


class EchoTests(DemoTestCase):
    """
    Every path but one is an echo.
    """

    def test_interfaces(self):
        """
        The demo makes handlers, by path.
        """
        verifyObject(IWebSocketHandlerFactory, Demo())
        verifyObject(IWebSocketHandler, Echo())
        verifyObject(IWebSocketHandler, ChatMember(ChatRoom()))

    def test_echo(self):
        """
        Text comes back as text, and bytes as bytes, empty ones too.
        """
        for path in ("/", "/echo", "/chat/", "/Chat", "/chat/x"):
            peer = self.connect(path)

            peer.sendFrame(Opcode.TEXT, "häß 😀".encode())
            peer.sendFrame(Opcode.BINARY, b"\x00\xff")
            peer.sendFrame(Opcode.TEXT)
            peer.sendFrame(Opcode.BINARY)

            self.assertEqual(
                peer.takeMessages(), ["häß 😀", b"\x00\xff", "", b""], path
            )


class ChatTests(DemoTestCase):
    """
    On C{/chat} there is a chat room.
    """

    def join(self) -> RawPeer:
        """
        Join the chat.
        """
        return self.connect("/chat")

    def test_welcome(self):
        """
        Who joins is told the name that it gets, and who is there.
        """
        first = self.join()
        second = self.join()

        self.assertEqual(
            self.takeEvents(first)[0],
            {"event": "welcome", "name": "guest-1", "members": ["guest-1"]},
        )
        self.assertEqual(
            self.takeEvents(second),
            [
                {
                    "event": "welcome",
                    "name": "guest-2",
                    "members": ["guest-1", "guest-2"],
                }
            ],
        )

    def test_joined(self):
        """
        The others are told who has joined.
        """
        first = self.join()
        self.takeEvents(first)

        self.join()

        self.assertEqual(
            self.takeEvents(first), [{"event": "joined", "name": "guest-2"}]
        )

    def test_said(self):
        """
        What one says all are told, itself as well, with who said it.
        """
        members = [self.join(), self.join()]
        for member in members:
            self.takeEvents(member)
        text = 'おはよう <b>"you"</b>\n\u2028\x00'

        members[1].sendFrame(Opcode.TEXT, text.encode())

        for member in members:
            self.assertEqual(
                self.takeEvents(member),
                [{"event": "said", "name": "guest-2", "text": text}],
            )

    def test_scriptsTravelAsTheyAre(self):
        """
        Text in other scripts is not blown up by escapes.
        """
        member = self.join()
        member.takeMessages()

        member.sendFrame(Opcode.TEXT, "日本".encode())

        self.assertEqual(
            member.takeMessages(),
            ['{"event": "said", "name": "guest-1", "text": "日本"}'],
        )

    def test_left(self):
        """
        The others are told who has left, whether with a Close or without; the
        name is not given again.
        """
        first, second, third = self.join(), self.join(), self.join()
        self.takeEvents(first)

        second.sendClose(1000)
        second.takeFrames()
        second.transport.settle()
        third.leave()

        self.assertEqual(
            self.takeEvents(first),
            [
                {"event": "left", "name": "guest-2"},
                {"event": "left", "name": "guest-3"},
            ],
        )
        fourth = self.join()
        self.assertEqual(
            self.takeEvents(fourth),
            [
                {
                    "event": "welcome",
                    "name": "guest-4",
                    "members": ["guest-1", "guest-4"],
                }
            ],
        )

    def test_allLeaveAtOnce(self):
        """
        When the server closes all connections nothing goes wrong among those
        who tell each other that they leave.
        """
        members = [self.join() for _ in range(3)]
        gone = self.factory.closeAll()

        for member in members:
            member.sendClose(1001)
            member.takeFrames()
            member.transport.settle()

        self.successResultOf(gone)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_neverJoined(self):
        """
        A member whose connection is gone before it has joined was never there.
        """
        room = ChatRoom()

        ChatMember(room).connectionLost(Failure(ConnectionDone()))

        factory = HandlerFactory(lambda: ChatMember(room))
        peer = RawPeer.upgraded(WebSocketFactory(factory, clock=self.clock))
        (welcome,) = self.takeEvents(peer)
        self.assertEqual(welcome["members"], ["guest-1"])

    def test_bytesAreNotSaid(self):
        """
        Bytes are no speech.
        """
        member = self.join()
        self.takeEvents(member)

        member.sendFrame(Opcode.BINARY, b"hello")

        self.assertEqual(self.takeEvents(member), [])

    def test_roomsOfTheirOwn(self):
        """
        Two servers have two rooms.
        """
        self.join()

        other = RawPeer.upgraded(
            WebSocketFactory(Demo(), clock=self.clock), target="/chat"
        )

        (welcome,) = self.takeEvents(other)
        self.assertEqual(welcome["members"], ["guest-1"])


class PageTests(SynchronousTestCase):
    """
    There is a page for browsers.
    """

    def test_page(self):
        """
        It is a whole HTML document, in UTF-8.
        """
        page = readPage().decode("utf-8")

        self.assertTrue(page.lower().startswith("<!doctype html>"))
        self.assertIn('<meta charset="utf-8">', page)
        self.assertTrue(page.rstrip().endswith("</html>"))
