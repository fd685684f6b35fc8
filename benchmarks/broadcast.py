"""
What it costs a server to send 1 KiB to 1,000 members, for each member: the
broadcast of a txws Group and a loop of sends, beside Autobahn's prepared
messages and websockets' C{broadcast}.

The servers run in processes of their own, each as it comes, without
compression; this process connects the members, over loopback, and only reads.
What counts is the CPU time of the server's process, from C{/proc}.  The rounds
of the servers are interleaved, and each begins with a new server::

    python -m venv .venv && .venv/bin/pip install -r benchmarks/requirements.txt
    .venv/bin/python benchmarks/broadcast.py
"""

from __future__ import annotations

import asyncio
import os
import platform
import resource
import select
import socket
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

MEMBERS = 1000
SIZE = 1024
BROADCASTS = 200
WARM_UP = 20
ROUNDS = 5

ROOT = Path(__file__).parent.parent
MESSAGE = "x" * SIZE
# A header of four bytes, and the payload.
FRAME_SIZE = 4 + SIZE
REQUEST = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
# Text of one letter, masked with zeros: asks for a broadcast.
ASK = b"\x81\x81\0\0\0\0x"
CORES = sorted(os.sched_getaffinity(0))


# The servers, each in a process of its own


def serveGroup() -> None:
    """
    Serve a txws Group.
    """
    from txws import Group, WebSocketHandler

    group = Group()

    class Member(WebSocketHandler):
        """
        Has all told what it does not look at.
        """

        def negotiationFinished(self) -> None:
            """
            Join.
            """
            group.add(self.transport)

        def textMessageReceived(self, message: str) -> None:
            """
            Broadcast.
            """
            group.broadcast(MESSAGE)

    serveHandler(Member)


def serveLoop() -> None:
    """
    Serve txws connections that are sent to one by one.
    """
    from txws import WebSocketHandler

    members = set()

    class Member(WebSocketHandler):
        """
        Has all told what it does not look at.
        """

        def negotiationFinished(self) -> None:
            """
            Join.
            """
            members.add(self.transport)

        def textMessageReceived(self, message: str) -> None:
            """
            Send to each.
            """
            for member in members:
                member.sendTextMessage(MESSAGE)

    serveHandler(Member)


def serveHandler(handler: type) -> None:
    """
    Serve a class of txws handlers.
    """
    from txws import WebSocketFactory

    serveFactory(WebSocketFactory(handler))


def serveFactory(factory: object) -> None:
    """
    Serve a factory of Twisted's.
    """
    from twisted.internet import reactor

    port = reactor.listenTCP(0, factory, interface="127.0.0.1")
    print(port.getHost().port, flush=True)
    reactor.run()


def serveAutobahn() -> None:
    """
    Serve Autobahn on Twisted, with prepared messages.
    """
    from autobahn.twisted.websocket import (
        WebSocketServerFactory,
        WebSocketServerProtocol,
    )

    members = set()

    class Member(WebSocketServerProtocol):
        """
        Has all told what it does not look at.
        """

        def onOpen(self) -> None:
            """
            Join.
            """
            members.add(self)

        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            """
            Broadcast.
            """
            prepared = self.factory.prepareMessage(MESSAGE.encode())
            for member in members:
                member.sendPreparedMessage(prepared)

    factory = WebSocketServerFactory()
    factory.protocol = Member
    serveFactory(factory)


def serveWebsockets() -> None:
    """
    Serve websockets on asyncio.
    """
    from websockets.asyncio.server import broadcast, serve

    members = set()

    async def member(connection) -> None:
        members.add(connection)
        async for _ in connection:
            broadcast(members, MESSAGE)

    async def main() -> None:
        async with serve(member, "127.0.0.1", 0) as server:
            print(server.sockets[0].getsockname()[1], flush=True)
            await server.serve_forever()

    asyncio.run(main())


# What each is called, the distribution that it needs, and what serves it.
SERVERS: dict[str, tuple[str, str | None, Callable[[], None]]] = {
    "group": ("txws, Group.broadcast", None, serveGroup),
    "loop": ("txws, a loop of sends", None, serveLoop),
    "autobahn": ("Autobahn, prepared message", "autobahn", serveAutobahn),
    "websockets": ("websockets, broadcast", "websockets", serveWebsockets),
}


# The members, in this process


@contextmanager
def running(name: str) -> Iterator[tuple[int, int]]:
    """
    Run a server.

    @return: the id of its process, and its port.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, __file__, name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as server:
        pin(server.pid, 0)
        assert server.stdout is not None
        try:
            yield server.pid, int(server.stdout.readline())
        finally:
            server.kill()


def pin(process: int, core: int) -> None:
    """
    Keep a process on one core, if there are enough for each to have its own.
    """
    if len(CORES) > 1:
        os.sched_setaffinity(process, {CORES[core]})


def join(port: int) -> socket.socket:
    """
    Connect a member, past its opening handshake.
    """
    member = socket.create_connection(("127.0.0.1", port))
    member.sendall(REQUEST)
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += member.recv(4096)
    if not answer.startswith(b"HTTP/1.1 101 "):
        raise RuntimeError(f"the server refuses: {answer!r}")
    member.setblocking(False)
    return member


def cpuOf(process: int) -> float:
    """
    Find out how many seconds of CPU a process has used, user and system.
    """
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(name: str) -> float:
    """
    Have a server broadcast.

    @return: how many microseconds of CPU one message to one member took it.
    """
    with running(name) as (process, port):
        members = {member.fileno(): member for member in map(join, [port] * MEMBERS)}
        poll = select.epoll()
        for descriptor in members:
            poll.register(descriptor, select.EPOLLIN)
        broadcast(poll, members, WARM_UP)
        before = cpuOf(process)
        broadcast(poll, members, BROADCASTS)
        taken = cpuOf(process) - before
    # Not before the server is gone, which has nothing to say about it.
    poll.close()
    for member in members.values():
        member.close()
    return taken / (BROADCASTS * MEMBERS) * 1e6


def broadcast(
    poll: select.epoll, members: dict[int, socket.socket], count: int
) -> None:
    """
    Ask for broadcasts, one after the other, each when all have got the last.
    """
    asking = next(iter(members.values()))
    for _ in range(count):
        asking.sendall(ASK)
        missing = FRAME_SIZE * len(members)
        while missing:
            for descriptor, _event in poll.poll():
                received = len(members[descriptor].recv(65536))
                if not received:
                    raise RuntimeError("the server has closed a connection")
                missing -= received


def main() -> None:
    """
    Print a row for each server.
    """
    if sys.argv[1:]:
        SERVERS[sys.argv[1]][2]()
        return
    _, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    print(f"Python {platform.python_version()}, Twisted {version('twisted')}")
    pin(0, 1)
    names = []
    for name, (title, distribution, _) in SERVERS.items():
        try:
            told = f" ({version(distribution)})" if distribution else ""
        except PackageNotFoundError:
            print(f"{title}: left out, {distribution} is not installed")
        else:
            names.append((name, title + told))
    taken: dict[str, list[float]] = {name: [] for name, _ in names}
    for _ in range(ROUNDS):
        for name, _title in names:
            taken[name].append(measure(name))
    base = statistics.median(taken["group"])
    print(f"{MEMBERS} members, {SIZE} bytes, medians of {ROUNDS} rounds")
    print(f"{'':38}  µs a member  ratio  least  most")
    for name, title in names:
        median = statistics.median(taken[name])
        least, most = min(taken[name]), max(taken[name])
        print(
            f"{title:38}  {median:11.2f}  {median / base:5.2f}"
            f"  {least:5.2f}  {most:4.2f}"
        )


if __name__ == "__main__":
    main()
