"""
Tests that programs written for txWS 0.9 run.

They are written here as they were written then: names are imported from
C{txws}, and the reactor is whatever C{twisted.internet} has.
"""

from __future__ import annotations

from base64 import b64decode
from typing import Any

from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txws import WebSocketFactory, WebSocketProtocol
from txws.wire.codes import CloseCode, Opcode

from .peers import RawPeer, makeRequest, useMemoryReactor


class Echo(Protocol):
    """
    The protocol of the most programs.
    """

    def dataReceived(self, data):
        """
        Write it back.
        """
        self.transport.write(data)


class BinaryEcho(Echo):
    """
    One that asks its transport for binary messages.
    """

    def connectionMade(self):
        """
        Ask.
        """
        self.transport.setBinaryMode(True)


class EchoFactory(Factory):
    """
    A factory as they wrote them.
    """

    def buildProtocol(self, addr):
        """
        Build a protocol.
        """
        return Echo()


class TextInConstructor(WebSocketProtocol):
    """
    A WebSocket protocol that chooses its mode when it is made.
    """

    def __init__(self, *args, **kwargs):
        WebSocketProtocol.__init__(self, *args, **kwargs)
        self.setBinaryMode(False)


class TextOnConnection(WebSocketProtocol):
    """
    One that chooses its mode when it is connected.
    """

    def connectionMade(self):
        """
        Choose.
        """
        WebSocketProtocol.connectionMade(self)
        self.setBinaryMode(False)


class TextOnData(WebSocketProtocol):
    """
    One that chooses its mode when something is received.
    """

    def dataReceived(self, data):
        """
        Choose.
        """
        self.setBinaryMode(False)
        WebSocketProtocol.dataReceived(self, data)


class TextFactory(WebSocketFactory):
    """
    A factory whose protocol is replaced in its class.
    """

    protocol = TextInConstructor


class ProgramTests(SynchronousTestCase):
    """
    Programs that run.
    """

    def setUp(self):
        """
        Put a reactor where they look for it.
        """
        self.reactor = useMemoryReactor(self)

    def connect(self, factory: WebSocketFactory, *changes) -> RawPeer:
        """
        Have a program listen, and a browser connect.
        """
        from twisted.internet import reactor

        reactor.listenTCP(8080, factory)
        ((port, listening, _, _),) = self.reactor.tcpServers
        self.assertEqual(port, 8080)
        return RawPeer.upgraded(listening, *changes)

    def test_wrapped(self):
        """
        A factory that is wrapped and listened with serves WebSockets.
        """
        peer = self.connect(WebSocketFactory(EchoFactory()))

        peer.sendFrame(Opcode.TEXT, b"hello, world!")

        self.assertEqual(peer.takeMessages(), [b"hello, world!"])

    def test_noSubprotocol(self):
        """
        A client that offers subprotocols which the server does not know is
        accepted without one; 0.9 dropped the connection.
        """
        peer = self.connect(
            WebSocketFactory(EchoFactory()), ("Sec-WebSocket-Protocol", "chat")
        )

        peer.sendFrame(Opcode.TEXT, b"hello")

        self.assertEqual(peer.takeMessages(), [b"hello"])

    def test_binaryModeByTheWrappedProtocol(self):
        """
        A wrapped protocol may ask its transport for binary messages.
        """
        peer = self.connect(WebSocketFactory(Factory.forProtocol(BinaryEcho)))

        peer.sendFrame(Opcode.BINARY, b"\x00\xff")

        self.assertEqual(peer.takeMessages(), [b"\x00\xff"])

    def test_modeBySubclass(self):
        """
        A subclass of the WebSocket protocol chooses the mode of its
        connections, in its constructor or whenever it likes.
        """
        for protocol in (TextInConstructor, TextOnConnection, TextOnData):
            self.reactor.tcpServers.clear()
            factory = WebSocketFactory(EchoFactory())
            factory.protocol = protocol
            peer = self.connect(factory)

            peer.sendFrame(Opcode.TEXT, b"hello")

            self.assertEqual(peer.takeMessages(), ["hello"], protocol)

    def test_modeBySubclassedFactory(self):
        """
        The subclass may stand in a subclass of the factory.
        """
        peer = self.connect(TextFactory(EchoFactory()))

        peer.sendFrame(Opcode.TEXT, b"hello")

        self.assertEqual(peer.takeMessages(), ["hello"])

    def test_base64(self):
        """
        Old noVNC talks base64, in both directions, however it offers it.
        """
        for offered in ("base64", "base64, chat", "chat,base64"):
            self.reactor.tcpServers.clear()
            peer = self.connect(
                WebSocketFactory(EchoFactory()), ("Sec-WebSocket-Protocol", offered)
            )

            peer.sendFrame(Opcode.TEXT, b"AP8=")

            self.assertEqual(peer.takeMessages(), ["AP8="])

    def test_base64InBinaryMode(self):
        """
        It does so with a protocol that asks for binary messages.
        """
        peer = self.connect(
            WebSocketFactory(Factory.forProtocol(BinaryEcho)),
            ("Sec-WebSocket-Protocol", "base64"),
        )

        peer.sendFrame(Opcode.TEXT, b"AP8=")

        self.assertEqual(peer.takeMessages(), ["AP8="])

    def test_binaryNoVNC(self):
        """
        Newer noVNC offers C{binary} first, and gets it.
        """
        peer = RawPeer(WebSocketFactory(EchoFactory()))

        peer.send(makeRequest(("Sec-WebSocket-Protocol", "binary, base64")))

        answer = peer.takeAnswer()
        self.assertEqual(answer.headers.get("Sec-WebSocket-Protocol"), "binary")

    def test_textIsWritten(self):
        """
        What is written as text is sent as a text message, in every mode; a
        base64 client gets it in base64.
        """

        class Talkative(Protocol):
            transport: Any

            def connectionMade(self):
                self.transport.write('{"a": "ä"}')
                self.transport.write("")
                self.transport.setBinaryMode(True)
                self.transport.write('{"b": 2}')
                self.transport.write(b"bytes")
                self.transport.loseConnection()
                self.transport.write("late")

        for text in (False, True):
            self.reactor.tcpServers.clear()
            factory = WebSocketFactory(Factory.forProtocol(Talkative), text)
            self.assertEqual(
                self.connect(factory).takeMessages(),
                ['{"a": "ä"}', '{"b": 2}', b"bytes"],
            )
        self.reactor.tcpServers.clear()
        peer = self.connect(factory, ("Sec-WebSocket-Protocol", "base64"))
        self.assertEqual(
            [b64decode(message) for message in peer.takeMessages()],
            ['{"a": "ä"}'.encode(), b'{"b": 2}', b"bytes"],
        )

    def test_textAfterHalfACodePoint(self):
        """
        In text mode text cannot go on where bytes have stopped within a
        character, and what follows is sent again.
        """
        case = self

        class Halving(Protocol):
            transport: Any

            def connectionMade(self):
                self.transport.write("ä".encode()[:1])
                case.assertRaises(ValueError, self.transport.write, "b")
                self.transport.write("c")

        factory = WebSocketFactory(Factory.forProtocol(Halving), True)
        self.assertEqual(self.connect(factory).takeMessages(), ["c"])

    def test_whatTheRequestWas(self):
        """
        The transport tells what was asked for, as it did.
        """
        asked: list[str] = []

        class Curious(Protocol):
            transport: Any

            def connectionMade(self):
                asked.append(self.transport.location)

        factory = WebSocketFactory(Factory.forProtocol(Curious), clock=Clock())
        RawPeer.upgraded(factory, target="/a%20b?c=1")
        self.assertEqual(asked, ["/a%20b?c=1"])

    def test_closed(self):
        """
        A wrapped protocol that loses its connection closes the WebSocket.
        """

        class Rude(Protocol):
            def dataReceived(self, data):
                self.transport.loseConnection()

        peer = self.connect(WebSocketFactory(Factory.forProtocol(Rude)))

        peer.sendFrame(Opcode.TEXT, b"hello")

        self.assertEqual(peer.takeCloseCode(), CloseCode.NORMAL_CLOSURE)

    def test_closedBySubclass(self):
        """
        A subclass of the WebSocket protocol closes its connection as it did.
        """
        peer = self.connect(WebSocketFactory(EchoFactory()))

        peer.protocol.loseConnection()

        self.assertEqual(peer.takeCloseCode(), CloseCode.NORMAL_CLOSURE)

    def test_strangersAreRefused(self):
        """
        A wrapped factory may refuse who it does not know by building no
        protocol.
        """

        class Local(Factory):
            protocol = Echo

            def buildProtocol(self, addr):
                if addr.host != "127.0.0.1":
                    return None
                return Factory.buildProtocol(self, addr)

        peer = RawPeer(WebSocketFactory(Local()))

        peer.send(makeRequest())

        self.assertEqual(peer.takeAnswer().status, 403)


class HookTests(SynchronousTestCase):
    """
    What is no longer called is not ignored.
    """

    def test_hooksThatAreNotCalled(self):
        """
        A subclass whose method 0.9 would have called, to refuse clients say,
        is refused itself where it is defined: it would let everybody in.
        """
        for hook in (
            "validateHeaders",
            "parseFrames",
            "sendCommonPreamble",
            "sendFrames",
            "sendHyBi00Preamble",
            "sendHyBi07Preamble",
            "write",
            "writeSequence",
            "close",
        ):
            error = self.assertRaises(
                TypeError,
                type,
                "Guarded",
                (WebSocketProtocol,),
                {hook: lambda self: False},
            )

            self.assertEqual(
                str(error),
                f"Guarded.{hook} would never be called, as it was by txWS 0.9; see "
                "HandshakePolicy and IWebSocketHandlerFactory for what to do instead",
            )

    def test_otherMethods(self):
        """
        Other methods may be added, and what is there overridden.
        """
        noted: list[object] = []

        class Noting(WebSocketProtocol):
            def connectionMade(self):
                WebSocketProtocol.connectionMade(self)
                self.note()

            def note(self):
                noted.append(self)

        factory = WebSocketFactory(EchoFactory(), clock=Clock())
        factory.protocol = Noting

        peer = RawPeer.upgraded(factory)

        self.assertEqual(noted, [peer.protocol])
