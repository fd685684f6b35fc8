"""
Starts C{twistd websocket} and speaks to it as a client, with nothing but
sockets.

C{handshake.py TWISTD} ends with an exception if anything is not as RFC 6455
says: the opening handshake (section 4.1), then the closing one (section 7.1.2).
"""

import base64
import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

HOST = "127.0.0.1"
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
NORMAL_CLOSURE = (1000).to_bytes(2, "big")
# Seconds.
START_TIMEOUT = 30
TIMEOUT = 10


@contextmanager
def served(twistd: str, port: int) -> Iterator[None]:
    """
    Run the service as long as the block does.
    """
    description = f"tcp:{port}:interface={HOST}"
    command = [twistd, "--nodaemon", "--pidfile=", "websocket", "--port", description]
    with subprocess.Popen(command) as process:
        try:
            yield
        finally:
            process.terminate()
    # After an orderly shutdown twistd hands the signal on to itself.
    assert process.returncode == -signal.SIGTERM, process.returncode


def freePort() -> int:
    """
    Return a port that nobody listens on.
    """
    with socket.create_server((HOST, 0)) as server:
        return server.getsockname()[1]


def connect(port: int) -> socket.socket:
    """
    Connect as soon as somebody listens.
    """
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        try:
            return socket.create_connection((HOST, port), TIMEOUT)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def shakeHands(connection: socket.socket, port: int) -> None:
    """
    Open a WebSocket, then close it.
    """
    key = base64.b64encode(os.urandom(16))
    connection.sendall(
        b"GET / HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: %s\r\n\r\n" % (HOST.encode(), port, key)
    )
    stream = connection.makefile("rb")
    status = stream.readline()
    assert status.startswith(b"HTTP/1.1 101 "), status
    fields = [line.partition(b":") for line in iter(stream.readline, b"\r\n")]
    headers = {name.lower(): value.strip() for name, _, value in fields}
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
    assert headers[b"sec-websocket-accept"] == accept, headers

    # A masking key of zeros leaves the payload as it is.
    connection.sendall(b"\x88\x82\0\0\0\0" + NORMAL_CLOSURE)
    reply = stream.read()
    assert reply == b"\x88\x02" + NORMAL_CLOSURE, reply


def main(twistd: str) -> None:
    """
    Start the service, shake hands, stop it.
    """
    port = freePort()
    with served(twistd, port), connect(port) as connection:
        shakeHands(connection, port)
    print("Opened, closed and stopped.")


if __name__ == "__main__":
    main(sys.argv[1])
