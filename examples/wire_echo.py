"""
An echo without Twisted: txws.wire on a blocking socket, for one client.
"""

import socket

from txws.wire.connection import Connection, ConnectionState, Role
from txws.wire.events import TextMessageReceived
from txws.wire.http import HeadLimits, HeadReader, parseRequestHead
from txws.wire.serverhandshake import acceptUpgrade, isUpgrade, parseUpgrade

LIMITS = HeadLimits(maxSize=16384, maxHeaders=128, maxLineSize=8192)


def converse(peer):
    """
    Send back text until the client goes; a bad handshake raises BadHandshake.
    """
    reader, connection = HeadReader(LIMITS), None
    while data := peer.recv(65536):
        if connection is None:
            if read := reader.receiveData(data):
                if not isUpgrade(head := parseRequestHead(read[0], LIMITS)):
                    return
                peer.sendall(acceptUpgrade(parseUpgrade(head)))
                connection = Connection(Role.SERVER, maxMessageSize=2**20)
            continue
        connection.receiveData(data)
        while event := connection.nextEvent():
            if isinstance(event, TextMessageReceived):
                connection.sendText(event.message)
        peer.sendall(b"".join(connection.dataToSend()))
        if connection.state is not ConnectionState.OPEN:
            return


if __name__ == "__main__":
    with socket.create_server(("localhost", 9000)) as server:
        converse(server.accept()[0])
