"""
What compressed messages do to the memory of a server: a process of its own, on
a real socket, with its default limits.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from select import select

from twisted.trial.unittest import SynchronousTestCase

from tests.wire.streams import bomb, compress, decompress
from tests.wire.tables import peerFrame
from txws.policy import Limits
from txws.wire.codes import CloseCode, Opcode
from txws.wire.frames import RSV1, Frame, FrameParser
from txws.wire.states import Role

from .programs import WAIT_TIMEOUT, TwistdServer, waitUntil

KIB = 1 << 10
MIB = 1 << 20
LIMIT = Limits().maxMessageSize or 0
REQUEST = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
)


def deflated(
    payload: bytes, opcode: Opcode = Opcode.BINARY, isFinal: bool = True, rsv: int = 0
) -> bytes:
    """
    Make a frame as a client sends it.
    """
    return peerFrame(Role.SERVER, opcode, payload, isFinal, rsv)


def fragments(payloads: Iterable[bytes], opcode: Opcode) -> Iterator[bytes]:
    """
    Make a message without an end of many fragments.
    """
    rsv = RSV1
    for payload in payloads:
        yield deflated(payload, opcode, False, rsv)
        opcode, rsv = Opcode.CONTINUATION, 0


def cut(data: bytes, size: int) -> list[bytes]:
    """
    Cut bytes into pieces.
    """
    return [data[start : start + size] for start in range(0, len(data), size)]


def manySmallBombs(size: int, count: int) -> Iterator[bytes]:
    """
    Compress a message in parts, each of which inflates to a little of it.
    """
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    for _ in range(count):
        yield stream.compress(b"a" * size) + stream.flush(zlib.Z_SYNC_FLUSH)


class Memory:
    """
    What the kernel says of the memory of a process.
    """

    def __init__(self, pid: int) -> None:
        self._home = Path(f"/proc/{pid}")

    @property
    def resident(self) -> int:
        """
        The bytes that it has now.
        """
        return self._read("VmRSS")

    @property
    def peak(self) -> int:
        """
        The most bytes that it has had since L{forget}.
        """
        return self._read("VmHWM")

    def forget(self) -> None:
        """
        Forget the peak.
        """
        (self._home / "clear_refs").write_text("5")

    def _read(self, name: str) -> int:
        for line in (self._home / "status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
        raise AssertionError(f"the kernel does not tell {name}")


class Client:
    """
    A client that sends whatever frames it is told to.
    """

    def __init__(self, port: int) -> None:
        """
        Connect, and go through the opening handshake.
        """
        self.pings = 0
        self._socket = socket.create_connection(("127.0.0.1", port), WAIT_TIMEOUT)
        self._parser = FrameParser(
            False, firstRSV=RSV1, keepsFramesWhole=True, maxMessageSize=None
        )
        self._socket.sendall(REQUEST)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self._socket.recv(1)
        if b"permessage-deflate" not in head:
            raise AssertionError(f"no compression: {head!r}")

    def send(self, *frames: bytes) -> None:
        """
        Send frames; a server that has closed may not read all of them.
        """
        with contextlib.suppress(ConnectionError):
            self._socket.sendall(b"".join(frames))

    def receive(self) -> Frame:
        """
        Receive a frame that is no Ping; those are answered.
        """
        while (frame := self._nextFrame()) is None:
            self._read()
        return frame

    def answerPings(self) -> None:
        """
        Answer the Pings that have come.
        """
        while select([self._socket], [], [], 0)[0]:
            self._read()
        if self._nextFrame() is not None:
            raise AssertionError("there was more than Pings")

    def _nextFrame(self) -> Frame | None:
        """
        Take a frame that is no Ping from what has come.
        """
        while (frame := self._parser.nextFrame()) is not None:
            if frame.opcode is not Opcode.PING:
                return frame
            self.pings += 1
            self.send(deflated(frame.payload, Opcode.PONG))
        return None

    def _read(self) -> None:
        """
        Read what comes next.
        """
        data = self._socket.recv(1 << 16)
        if not data:
            raise AssertionError("the server has closed without a word")
        self._parser.receiveData(data)

    def close(self) -> None:
        """
        Leave.
        """
        self._socket.close()


class InflationTests(SynchronousTestCase):
    """
    A server inflates as much as its limit says, and no more.
    """

    if os.environ.get("TXWS_LIVE") != "1":
        skip = "The live tests run if TXWS_LIVE=1 is set."
    elif not os.access("/proc/self/clear_refs", os.W_OK):
        skip = "TXWS_LIVE=1 IS SET, BUT THIS SYSTEM DOES NOT TELL A PROCESS'S PEAK"

    def serve(self, *options: str) -> TwistdServer:
        """
        Start a server, and have it echo a small message.
        """
        directory = Path(self.mktemp())
        directory.mkdir()
        server = TwistdServer(directory, *options)
        self.addCleanup(server.kill)
        client = self.connect(server)
        client.send(deflated(compress(bytes(100)), rsv=RSV1))
        client.receive()
        client.close()
        return server

    def connect(self, server: TwistdServer) -> Client:
        """
        Connect a client.
        """
        client = Client(server.port)
        self.addCleanup(client.close)
        return client

    def test_bombs(self) -> None:
        """
        A message of 200 MB in 200 kB is refused with 1009, in one frame or over
        many, and takes less than four times the limit; so is one of which each
        fragment is small.
        """
        payload = bomb(200 * MIB)
        small = list(manySmallBombs(50_000, 4000))
        for opcode in (Opcode.BINARY, Opcode.TEXT):
            for name, frames in (
                ("one frame", [deflated(payload, opcode, rsv=RSV1)]),
                ("fragments", [*fragments(cut(payload, 100), opcode)]),
                ("small bombs", [*fragments(small, opcode)]),
            ):
                server = self.serve("--compression", "best")
                client, memory = self.connect(server), Memory(server.pid)
                memory.forget()
                before = memory.resident
                client.send(*frames)
                answer = client.receive()
                grown = memory.peak - before
                self.assertIs(answer.opcode, Opcode.CLOSE)
                code = int.from_bytes(answer.payload[:2], "big")
                self.assertEqual(code, CloseCode.MESSAGE_TOO_BIG)
                self.assertLess(grown, 4 * LIMIT, (opcode, name))
                client.close()
                server.stop(signal.SIGTERM)

    def test_level(self) -> None:
        """
        The memory of a server that echoes message after message of just under
        the limit stays level.
        """
        server = self.serve("--compression", "best")
        memory, client = Memory(server.pid), self.connect(server)
        data = deflated(compress(bytes(LIMIT - 1)), rsv=RSV1)
        peaks = []
        for _ in range(10):
            memory.forget()
            for _ in range(20):
                client.send(data)
                self.assertIs(client.receive().opcode, Opcode.BINARY)
            peaks.append(memory.peak)
        self.assertLess(max(peaks) - peaks[0], LIMIT)
        server.stop(signal.SIGTERM)

    def test_released(self) -> None:
        """
        What the compressors of many connections take is given back to the
        system when nothing is sent for two heartbeats, each time; what is sent
        then does not look back, and what follows it does.
        """
        # So that what is free shows: glibc would keep it for the next connection.
        self.patch(os, "environ", {**os.environ, "MALLOC_MMAP_THRESHOLD_": "4096"})
        server = self.serve("--compression", "best", "--ping-interval", "1")
        memory = Memory(server.pid)
        clients = [self.connect(server) for _ in range(100)]
        text = Random(1).randbytes(500).hex().encode()
        before = memory.resident
        for _ in range(3):
            for client in clients:
                first, second = (self.echo(client, text) for _ in range(2))
                self.assertEqual(decompress(first), [text])
                self.assertLess(len(second), len(first) // 4)
                client.pings = 0
            self.assertGreater(memory.resident - before, len(clients) * 100 * KIB)

            def isReleased() -> bool:
                for client in clients:
                    client.answerPings()
                # Those whose turn came last would look back for a while yet.
                if min(client.pings for client in clients) < 2:
                    return False
                # Of what inflates, the window alone may have 32 KiB.
                return memory.resident - before < len(clients) * 50 * KIB

            waitUntil(isReleased, "memory is given back")
        server.stop(signal.SIGTERM)

    def echo(self, client: Client, text: bytes) -> bytes:
        """
        Have a message echoed.

        @return: its payload, compressed.
        """
        client.send(deflated(compress(text), rsv=RSV1))
        frame = client.receive()
        self.assertEqual((frame.opcode, frame.rsv), (Opcode.BINARY, RSV1))
        return frame.payload
