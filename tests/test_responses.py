"""
Tests for L{txws.responses}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone, ResponseFailed, readBody
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import UNKNOWN_LENGTH, IResponse
from twisted.web.resource import Resource
from twisted.web.server import Site
from zope.interface.verify import verifyObject

from txws.websocket import ConnectionRejected, WebSocketClientEndpoint

from .peers import TLSPair
from .test_websocket import ChattyClient, ClientTestCase


class _Body(Protocol):
    """
    Notes a body.
    """

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.reason: Failure | None = None

    def dataReceived(self, data: bytes) -> None:
        """
        Note it.
        """
        self.pieces.append(data)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # always told
        """
        Note it.
        """
        self.reason = reason


class RejectionTests(ClientTestCase):
    """
    A refusal is told when its head is there, and its body delivered.
    """

    def reject(self, *fields: str, body: bytes = b"") -> Any:
        """
        Have the server refuse.

        @return: the response.
        """
        connecting = self.connect()
        lines = "\r\n".join(("HTTP/1.1 403 No", *fields, "", ""))
        self.answer(lines.encode() + body)
        response: Any = self.failureResultOf(
            connecting, ConnectionRejected
        ).value.response
        return response

    def test_facts(self) -> None:
        """
        The response says what the server has answered.
        """
        response = self.reject("Content-Length: 5", "X: y", "X: z")

        verifyObject(IResponse, response)
        self.assertEqual((response.code, response.phrase), (403, b"Forbidden"))
        self.assertEqual(response.version, (b"HTTP", 1, 1))
        self.assertEqual(response.length, 5)
        self.assertEqual(response.headers.getRawHeaders("X"), ["y", "z"])
        response.setPreviousResponse(response)
        self.assertIs(response.previousResponse, response)
        self.assertIs(self.reject().length, UNKNOWN_LENGTH)

    def test_atOnce(self) -> None:
        """
        A body that has come with the head can be read like any other.
        """
        response = self.reject("Content-Length: 5", body=b"hello")

        self.assertEqual(self.successResultOf(readBody(response)), b"hello")
        self.memory.transport.settle()
        self.assertTrue(self.memory.transport.isLost)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_closedOverTLS(self) -> None:
        """
        Over TLS the connection is closed when the body has been read, without
        waiting for a deadline.
        """
        site = Site(Resource(), reactor=self.clock)
        endpoint = WebSocketClientEndpoint(self.memory, "ws://localhost/", self.clock)
        memory: Any = self.memory
        memory.connect = self.keep
        connecting = Deferred.fromCoroutine(endpoint.connect(ChattyClient()))
        pair = TLSPair(site, self.clock, self.kept[0])
        self.later[0].callback(self.kept[0])
        for _ in range(3):
            pair.flush()
        rejected = self.failureResultOf(connecting, ConnectionRejected)

        reading = readBody(rejected.value.response)
        for _ in range(3):
            pair.flush()

        self.assertIn(b"404", self.successResultOf(reading))
        self.assertTrue(pair.client.isLost)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def keep(self, protocolFactory: Any) -> Deferred[Any]:
        """
        Keep a protocol, to be connected later.
        """
        self.kept = [protocolFactory.buildProtocol(None)]
        self.later: list[Deferred[Any]] = [Deferred()]
        return self.later[0]

    def test_slow(self) -> None:
        """
        One that comes slowly is delivered as it arrives, without its chunks.
        """
        response = self.reject("Transfer-Encoding: chunked")
        body = _Body()
        response.deliverBody(body)

        for data in (b"5\r\nhello\r\n", b"5\r\nworld\r\n"):
            self.clock.advance(4)
            self.memory.transport.receiveData(data)
        self.assertEqual(body.pieces, [b"hello", b"world"])
        self.assertIsNone(body.reason)
        self.memory.transport.receiveData(b"0\r\n\r\n")

        self.assertTrue(body.reason.check(ResponseDone))
        self.assertTrue(self.memory.transport.disconnecting)
        # Nobody is there any more.
        response.dataReceived(b"more")
        self.assertEqual(len(body.pieces), 2)

    def test_notWanted(self) -> None:
        """
        A body that nobody asks for is not read, and not waited for.
        """
        self.reject(body=b"a")
        self.assertFalse(self.memory.transport.isReading)

        self.clock.advance(5)
        self.memory.transport.settle()

        self.assertTrue(self.memory.transport.isLost)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_once(self) -> None:
        """
        It is delivered once.
        """
        response = self.reject()
        response.deliverBody(_Body())

        self.assertRaises(RuntimeError, response.deliverBody, _Body())

    def test_endOfConnection(self) -> None:
        """
        A body that ends too early, or with the connection, says so; also when
        it has ended before it was asked for.
        """
        for fields, reason in (
            (("Content-Length: 5",), ResponseFailed),
            (("Transfer-Encoding: chunked",), ResponseFailed),
            ((), PotentialDataLoss),
        ):
            for isLate in (False, True):
                response, body = self.reject(*fields), _Body()
                if not isLate:
                    response.deliverBody(body)
                self.memory.transport.receiveData(b"1\r\nh")
                self.memory.transport.lose()
                self.memory.transport.isReading = True
                self.memory.transport.settle()
                if isLate:
                    response.deliverBody(body)
                self.assertTrue(body.reason.check(reason), (fields, isLate))
                self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_bad(self) -> None:
        """
        Chunks that are none end the body, and the connection.
        """
        response = self.reject("Transfer-Encoding: chunked", body=b"x\r\n")
        body = _Body()

        response.deliverBody(body)
        self.memory.transport.settle()

        self.assertTrue(body.reason.check(ResponseFailed))
        self.assertTrue(self.memory.transport.isLost)
