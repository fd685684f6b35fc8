"""
What the servers of the benchmarks have in common.

Each prints its port, serves on loopback until it is killed, and sends back what
it gets.  What it is to do beside that is the first word of its arguments, its
I{work}: C{echo}, C{large} (messages of any size), C{broadcast} (each text to
all), C{deflate} (with permessage-deflate) or C{idle} (with keepalive).
"""

from __future__ import annotations

import sys
from typing import Any, NoReturn

__all__ = [
    "BACKLOG",
    "HOST",
    "LARGEST",
    "PING_INTERVAL",
    "announce",
    "listen",
    "refuse",
]

HOST = "127.0.0.1"
BACKLOG = 1000
# More than any message that is measured, in bytes.
LARGEST = 32 * 1024 * 1024
# Between the Pings of an idle connection, in seconds.
PING_INTERVAL = 20


def announce(port: int) -> None:
    """
    Tell where the server is.
    """
    print(port, flush=True)


def refuse(reason: str) -> NoReturn:
    """
    Tell why there is no such server.
    """
    print(f"no: {reason}", flush=True)
    sys.exit()


def listen(factory: Any) -> None:
    """
    Serve a factory of Twisted's, on its default reactor.
    """
    from twisted.internet import reactor as installed

    reactor: Any = installed
    port = reactor.listenTCP(0, factory, BACKLOG, HOST)
    announce(port.getHost().port)
    reactor.run()
