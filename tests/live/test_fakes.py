"""
The connection of L{txws.testing} held against a real one.
"""

from __future__ import annotations

import os
import socket

from twisted.internet.selectreactor import SelectReactor
from twisted.internet.tcp import Connection
from twisted.trial.unittest import SynchronousTestCase

from tests.contract import Recorder, TransportContract


class TCPTests(TransportContract, SynchronousTestCase):
    """
    Tests for Twisted's own TCP connection.
    """

    if not os.environ.get("TXWS_LIVE"):
        skip = "uses real sockets; set TXWS_LIVE=1 to run it"

    def setUp(self) -> None:
        """
        Connect two sockets, on a reactor of their own.
        """
        self._reactor = SelectReactor()
        with socket.create_server(("127.0.0.1", 0)) as listening:
            first = socket.create_connection(listening.getsockname())
            second, _ = listening.accept()
        self.nearProtocol, self.near = self._connect(first)
        self.farProtocol, self.far = self._connect(second)

    def tearDown(self) -> None:
        """
        Close what is still open.
        """
        self.near.abortConnection()
        self.far.abortConnection()
        self.turn()
        self._reactor.removeAll()

    def _connect(self, connected: socket.socket) -> tuple[Recorder, Connection]:
        """
        Give a protocol a socket.
        """
        protocol = Recorder()
        transport = Connection(connected, protocol, self._reactor)
        transport.connected = True
        transport.startReading()
        protocol.makeConnection(transport)
        return protocol, transport

    def turn(self) -> None:
        """
        Have the reactor do what there is to do.
        """
        for _ in range(20):
            self._reactor.iterate(0.001)
