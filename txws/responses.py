"""
What a server has refused a client with, as L{twisted.web.client} would have
it: for L{txws.websocket}.
"""

from __future__ import annotations

from typing import cast

from twisted.internet.interfaces import IProtocol, IPushProducer, ITransport
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone, ResponseFailed
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IResponse
from zope.interface import implementer

from .closing import abortTransport
from .errors import HandshakeRefused
from .wire.bodies import BodyReader
from .wire.http import Headers as WireHeaders
from .wire.http import ResponseHead, statusLine

__all__ = ["RefusalResponse"]


@implementer(IResponse)
class RefusalResponse:
    """
    A refusal, whose body is read when somebody wants it.

    See L{IResponse} for what its attributes mean.
    """

    version = (b"HTTP", 1, 1)
    request = None
    previousResponse: IResponse | None = None

    def __init__(self, refused: HandshakeRefused, transport: ITransport) -> None:
        """
        @param refused: the head of the refusal, and what has come with it.
        @param transport: where the rest comes from; it is paused.
        """
        self.code = refused.status
        self.phrase = statusLine(self.code).split(" ", 2)[2].encode("ascii")
        self.headers = Headers()
        for name, value in refused.headers:
            self.headers.addRawHeader(name.encode("ascii"), value.encode("latin-1"))
        head = ResponseHead(refused.status, WireHeaders(refused.headers))
        self._reader = BodyReader(head)
        length = self._reader.length
        self.length = UNKNOWN_LENGTH if length is None else length
        self._transport = transport
        self._protocol: IProtocol | None = None
        self._isDelivered = False
        # What has come with the head; for the rest the transport is paused.
        self._waiting = [refused.body]
        self._ended: Failure | None = None

    def deliverBody(self, protocol: IProtocol) -> None:
        """
        See L{IResponse}.

        @raise RuntimeError: if it has been called before.
        """
        if self._isDelivered:
            raise RuntimeError("the body is delivered once")
        self._isDelivered = True
        self._protocol = protocol
        protocol.makeConnection(self._transport)
        if self._ended is None:
            # Also if all is there: closing TLS waits for the peer's answer.
            cast(IPushProducer, self._transport).resumeProducing()
        waiting, self._waiting = self._waiting, []
        self.dataReceived(b"".join(waiting))
        if self._ended is not None:
            self.connectionLost(self._ended)

    def setPreviousResponse(self, response: IResponse) -> None:
        """
        See L{IResponse}.
        """
        self.previousResponse = response

    def dataReceived(self, data: bytes) -> None:
        """
        Bytes have arrived.

        @param data: of the body, as it is on the wire.
        """
        if not self._isDelivered:
            self._waiting.append(data)
            return
        try:
            body = self._reader.receiveData(data)
        except ValueError:
            abortTransport(self._transport)
            self._finish(Failure(ResponseFailed([Failure()])))
            return
        if body and self._protocol is not None:
            self._protocol.dataReceived(body)
        if self._reader.isDone:
            self._transport.loseConnection()
            self._finish(Failure(ResponseDone()))

    def connectionLost(self, reason: Failure) -> None:
        """
        The connection has ended, and with it perhaps the body.

        @param reason: why.
        """
        self._ended = reason
        if self._isDelivered:
            if self._reader.endsWithConnection:
                self._finish(Failure(PotentialDataLoss()))
            else:
                self._finish(Failure(ResponseFailed([reason])))

    def _finish(self, reason: Failure) -> None:
        """
        Tell that nothing more comes, and why.
        """
        protocol, self._protocol = self._protocol, None
        if protocol is not None:
            protocol.connectionLost(reason)
