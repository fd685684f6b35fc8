"""
Tests for L{txws.parsers}.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.endpoints import (
    clientFromString,
    quoteStringArgument,
    serverFromString,
)
from twisted.internet.interfaces import (
    IStreamClientEndpointStringParserWithReactor,
    IStreamServerEndpoint,
    IStreamServerEndpointStringParser,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.plugin import IPlugin, getPlugins
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from txws.endpoints import WebSocketClientEndpoint, WebSocketServerEndpoint
from txws.errors import InvalidSetting
from txws.factories import WebSocketFactory
from txws.parsers import WebSocketClientParser, WebSocketServerParser
from txws.policy import HandshakePolicy
from txws.testing import MemoryConnection, RecordingHandlerFactory
from txws.wire.codes import Opcode

from .certificates import makePEM
from .peers import RawPeer, makeRequest, useMemoryReactor


class Greeter(Protocol):
    """
    Greets, and writes back what it receives.
    """

    def dataReceived(self, data: bytes) -> None:
        """
        Write it back.
        """
        self.transport.write(data)


class ParserTests(SynchronousTestCase):
    """
    An endpoint string that begins with C{ws:} serves WebSockets.
    """

    def setUp(self):
        """
        Listen in memory.
        """
        self.reactor = useMemoryReactor(self)

    def listen(self, description: str) -> None:
        """
        Listen on what a string describes.
        """
        endpoint = serverFromString(self.reactor, description)
        self.assertIsInstance(endpoint, WebSocketServerEndpoint)
        self.successResultOf(endpoint.listen(Factory.forProtocol(Greeter)))

    def connect(self, description: str) -> RawPeer:
        """
        Listen on a TCP port that a string describes, and connect to it.
        """
        self.listen(description)
        (server,) = self.reactor.tcpServers
        return RawPeer(server[1])

    def assertStatus(self, status: int, peer: RawPeer, *changes, **request) -> None:
        """
        Assert how a request is answered.
        """
        peer.send(makeRequest(*changes, **request))
        self.assertEqual(peer.takeAnswer().status, status)

    def test_interfaces(self):
        """
        It is a plugin that parses endpoint strings, and makes endpoints.
        """
        parser = WebSocketServerParser()

        verifyObject(IStreamServerEndpointStringParser, parser)
        verifyObject(IPlugin, parser)
        self.assertEqual(parser.prefix, "ws")
        endpoint = parser.parseStreamServer(self.reactor, "tcp", "9000")
        verifyObject(IStreamServerEndpoint, endpoint)

    def test_plugin(self):
        """
        Twisted finds it, once.
        """
        found = [
            parser
            for parser in getPlugins(IStreamServerEndpointStringParser)
            if isinstance(parser, WebSocketServerParser)
        ]

        self.assertEqual(len(found), 1)

    def test_tcp(self):
        """
        What follows is the description of the endpoint below, with all its
        arguments.
        """
        self.listen("ws:tcp:9000:interface=127.0.0.1:backlog=7")

        ((port, _, backlog, interface),) = self.reactor.tcpServers
        self.assertEqual((port, interface, backlog), (9000, "127.0.0.1", 7))

    def test_served(self):
        """
        Who connects there speaks WebSocket with the factory, in binary
        messages.
        """
        peer = self.connect("ws:tcp:9000")

        self.assertStatus(101, peer)
        peer.sendFrame(Opcode.BINARY, b"\xff")

        self.assertEqual(peer.takeMessages(), [b"\xff"])

    def test_ipv6(self):
        """
        Colons in an argument are quoted as in any endpoint string.
        """
        self.listen(r"ws:tcp6:port=9000:interface=\:\:1")

        ((port, _, _, interface),) = self.reactor.tcpServers
        self.assertEqual((port, interface), (9000, "::1"))

    def test_ssl(self):
        """
        TLS may be below.
        """
        pem = self.mktemp()
        Path(pem).write_bytes(makePEM())

        self.listen(f"ws:ssl:443:privateKey={quoteStringArgument(pem)}")

        ((port, _, _, _, _),) = self.reactor.sslServers
        self.assertEqual(port, 443)

    def test_unix(self):
        """
        A UNIX socket may be below, whatever its path looks like, as a
        positional argument and by name.
        """
        for path, quoted in (
            ("/run/ws.sock", "/run/ws.sock"),
            ("/run/a:b", r"/run/a\:b"),
            ("/run/a\\b", r"/run/a\\b"),
            ("/run/a=b", r"/run/a\=b"),
            ("\\:=", r"\\\:\="),
        ):
            for argument in (quoted, f"address={quoted}"):
                self.reactor.unixServers.clear()

                self.listen(f"ws:unix:{argument}:mode=600")

                ((address, _, _, mode, _),) = self.reactor.unixServers
                self.assertEqual((address, mode), (path, 0o600), argument)

    def test_emptyArgument(self):
        """
        An empty argument stays one.
        """
        self.listen("ws:tcp:9000:interface=")

        ((_, _, _, interface),) = self.reactor.tcpServers
        self.assertEqual(interface, "")

    def test_origins(self):
        """
        C{origin} says where pages may come from.
        """
        description = (
            r"ws:tcp:9000:origin=https\://a.example,https\://*.b.example\:8443,null"
        )
        for origin, status in (
            ("https://a.example", 101),
            ("https://x.b.example:8443", 101),
            ("null", 101),
            ("http://a.example", 403),
            ("https://x.b.example", 403),
            ("http://example.com", 403),
        ):
            self.reactor.tcpServers.clear()

            self.assertStatus(status, self.connect(description), ("Origin", origin))

    def test_sameOrigin(self):
        """
        Without C{origin} pages of the same origin are accepted, and no others.
        """
        self.assertStatus(
            101, self.connect("ws:tcp:9000"), ("Origin", "http://example.com")
        )
        self.reactor.tcpServers.clear()
        self.assertStatus(
            403, self.connect("ws:tcp:9000"), ("Origin", "http://a.example")
        )

    def test_paths(self):
        """
        C{path} says which paths exist.
        """
        for path, status in (("/a", 101), ("/b:c", 101), ("/", 404), ("/a/", 404)):
            self.reactor.tcpServers.clear()

            peer = self.connect(r"ws:tcp:9000:path=/a,/b\:c")

            self.assertStatus(status, peer, target=path)

    def test_text(self):
        """
        C{text=yes} has text messages sent, C{text=no} binary ones.
        """
        for text, message in (("yes", "data"), ("no", b"data")):
            self.reactor.tcpServers.clear()
            peer = self.connect(f"ws:text={text}:tcp:9000")
            self.assertStatus(101, peer)

            peer.sendFrame(Opcode.BINARY, b"data")

            self.assertEqual(peer.takeMessages(), [message])

    def test_badArguments(self):
        """
        Arguments that make no sense are refused, and named.
        """
        for arguments, setting in (
            ("origin=example.com", "origin"),
            ("origin=", "origin"),
            (r"origin=https\://a.example,,", "origin"),
            ("path=chat", "path"),
            ("path=", "path"),
            ("text=", "text="),
            ("text=true", "text="),
        ):
            error = self.assertRaises(
                InvalidSetting,
                serverFromString,
                self.reactor,
                f"ws:tcp:9000:{arguments}",
            )

            self.assertIn(setting, error.setting)

    def test_badEndpoints(self):
        """
        What describes no endpoint is refused.
        """
        for description in ("ws", "ws:", "ws:9000", "ws:nonsense:9000", "ws:tcp:x"):
            self.assertRaises(ValueError, serverFromString, self.reactor, description)
        for description in ("ws:text=yes", "ws", "ws:", "ws:9000"):
            error = self.assertRaises(
                ValueError, serverFromString, self.reactor, description
            )
            self.assertIn("as in ws:tcp:9000", str(error), description)

    def test_wrappedTwice(self):
        """
        C{ws:} before C{ws:} is refused: nobody could talk to that.
        """
        error = self.assertRaises(
            InvalidSetting, serverFromString, self.reactor, "ws:ws:tcp:0"
        )

        self.assertIn("would be wrapped twice", str(error))

    def test_unknownArgument(self):
        """
        An argument that neither WebSocket nor the endpoint below knows is an
        error, not ignored.
        """
        self.assertRaises(
            TypeError, serverFromString, self.reactor, "ws:tcp:9000:orgin=null"
        )


class ClientParserTests(SynchronousTestCase):
    """
    A client endpoint string that begins with C{ws:} or C{wss:} speaks
    WebSocket.
    """

    def setUp(self):
        """
        Connect in memory.
        """
        self.reactor = useMemoryReactor(self)

    def request(self, description: str) -> Any:
        """
        Connect to what a string describes, and get what the server is asked.
        """
        endpoint = clientFromString(self.reactor, description)
        self.assertIsInstance(endpoint, WebSocketClientEndpoint)
        endpoint.connect(Factory.forProtocol(Greeter))
        _host, port, factory, *_rest = self.reactor.tcpClients.pop()
        recorder = RecordingHandlerFactory()
        server = WebSocketFactory(
            recorder,
            clock=self.reactor,
            handshake=HandshakePolicy(origins=["*"], subprotocols=["v1"]),
        )
        client: Any = factory.buildProtocol(None)
        MemoryConnection(server.buildProtocol(None), client).flush()
        (request,) = recorder.requests
        return port, request

    def test_interface(self):
        """
        It is a plugin for both.
        """
        prefixes = set()
        for parser in getPlugins(IStreamClientEndpointStringParserWithReactor):
            if isinstance(parser, WebSocketClientParser):
                verifyObject(IStreamClientEndpointStringParserWithReactor, parser)
                verifyObject(IPlugin, parser)
                prefixes.add(parser.prefix)
        self.assertEqual(prefixes, {"ws", "wss"})

    def test_arguments(self):
        """
        Host, port, path, subprotocols and origin can be said.
        """
        port, request = self.request(
            "ws:host=example.com:port=9000:path=/chat?a=b:subprotocol=v2,v1"
            ":origin=https\\://example.com"
        )
        self.assertEqual(port, 9000)
        self.assertEqual(request.host, "example.com:9000")
        self.assertEqual(request.target, "/chat?a=b")
        self.assertEqual(request.subprotocols, ("v2", "v1"))
        self.assertEqual(request.origin, "https://example.com")

    def test_short(self):
        """
        Host and port may come first, and the port be the default.
        """
        for description, expected, host in (
            ("ws:example.com", 80, "example.com"),
            ("ws:example.com:9000", 9000, "example.com:9000"),
            ("ws:host=\\:\\:1", 80, "[::1]"),
        ):
            port, request = self.request(description)
            self.assertEqual((port, request.host), (expected, host))

    def test_endpoint(self):
        """
        It may connect by another endpoint.
        """
        port, request = self.request(
            "ws:host=example.com:endpoint=tcp\\:proxy.example\\:1234"
        )
        self.assertEqual((port, request.host), (1234, "example.com"))

    def test_secure(self):
        """
        C{wss:} is encrypted.
        """
        endpoint = clientFromString(self.reactor, "wss:host=example.com:path=/a")
        self.assertEqual(
            repr(endpoint), "<WebSocketClientEndpoint wss://example.com/a>"
        )
        endpoint.connect(Factory.forProtocol(Greeter))
        self.assertEqual(self.reactor.tcpClients[0][1], 443)

    def test_bad(self):
        """
        What makes no sense is refused, and named.
        """
        for description, setting in (
            ("ws:", "host="),
            ("ws:port=80", "host="),
            ("ws:host=a:path=b", "path="),
            ("ws:host=a:text=maybe", "text="),
            ("ws:host=a:hots=b", "hots="),
            ("ws:a:80:b", "ws:"),
            ("ws:host=a:port=x", "port="),
            ("ws:host=a:port=", "port="),
            ("ws:host=a:port=65536", "port="),
            ("ws:a:0", "port="),
            ("ws:host=a:endpoint=b", "endpoint="),
            ("ws:host=a:endpoint=tcp", "endpoint="),
            ("ws:a:65536", "port="),
            ("ws:a:0", "port="),
            ("ws:host=a:port=\u0661", "port="),
            ("ws:host=a/b", "host="),
            ("wss:host=joe@a", "host="),
        ):
            error = self.assertRaises(
                InvalidSetting, clientFromString, self.reactor, description
            )
            self.assertEqual(error.setting, setting, description)
        error = self.assertRaises(
            InvalidSetting, clientFromString, self.reactor, "ws:a:80:b"
        )
        self.assertIn("a host and a port", str(error))
