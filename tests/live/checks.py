"""
What L{tests.live.interoperation} has each pair of libraries show, one L{Check} for
each column of its table.

A check is the same in both roles: txws runs C{script} on the open connection while
the peer does what C{behavior} says, see L{tests.live.peers}; then the connection is
closed, and both sides have to tell of the same end.  An extension is checked by one
more entry of L{CHECKS}, with C{extensions} and a script: peers agree on compression
already.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from twisted.logger import ILogObserver, LogEvent
from zope.interface import implementer

from txws import Conversation, WebSocketClosed, WebSocketFailed
from txws.interfaces import IExtensionFactory

from .peers import CLOSE_CODE, CLOSE_REASON, SUBPROTOCOL

__all__ = [
    "CHECKS",
    "Check",
    "CheckFailed",
    "Frames",
    "Script",
    "expectEcho",
    "judgeEnd",
    "require",
]

_MIB = 1024 * 1024
_TEXTS = ("", "hello", "Grüße, 世界 🌍")
_BLOBS = (b"", b"hello", bytes(range(256)))


class CheckFailed(Exception):
    """
    A check has not shown what it is to show.
    """


@implementer(ILogObserver)
class Frames:
    """
    Watches the frames of the one connection that is logged.

    @ivar fragments: how many frames that do not end their message have been
        C{"sent"} and C{"received"}.
    @ivar size: how many bytes of payload, as they are on the wire.
    """

    def __init__(self) -> None:
        self.fragments = {"sent": 0, "received": 0}
        self.size = {"sent": 0, "received": 0}

    def __call__(self, event: LogEvent) -> None:
        """
        Count a frame, if an event of the log tells of one.
        """
        if event.get("log_namespace") == "txws.framelog":
            self.size[event["direction"]] += event["size"]
            self.fragments[event["direction"]] += bool(event["more"])


Script = Callable[[Conversation, Frames], Awaitable[None]]


async def _doNothing(websocket: Conversation, frames: Frames) -> None:
    """
    Leave all to the end of the connection.
    """


@dataclass(frozen=True)
class Check:
    """
    A column of the table.

    @ivar name: its heading.
    @ivar script: what txws does on the open connection; raises L{CheckFailed}.
    @ivar behavior: what the peer does.
    @ivar code: with which code txws closes.
    @ivar reason: with which reason.
    @ivar isClosedByPeer: whether the peer closes, and not txws.
    @ivar isSecure: whether by TLS.
    @ivar offered: the subprotocols that the client offers.
    @ivar subprotocol: the one that both have to see.
    @ivar extensions: those of txws, in either role.
    @ivar deflate: what the peer's client offers of permessage-deflate: its
        parameters, C{True} for one without a value.
    """

    name: str
    script: Script = _doNothing
    behavior: str = "echo"
    code: int = 1000
    reason: str = ""
    isClosedByPeer: bool = False
    isSecure: bool = False
    offered: Sequence[str] = ()
    subprotocol: str | None = None
    extensions: Sequence[IExtensionFactory] = ()
    deflate: Mapping[str, int | bool] = field(default_factory=dict)


def require(isRight: object, problem: str) -> None:
    """
    Fail if something is not as it has to be.
    """
    if not isRight:
        raise CheckFailed(problem)


async def expectEcho(websocket: Conversation, message: str | bytes) -> None:
    """
    Receive what has been sent.
    """
    received = await websocket.receive()
    require(
        type(received) is type(message) and received == message,
        f"sent {message[:40]!r} of {len(message)},"
        f" received {received[:40]!r} of {len(received)}",
    )


def _echo(*messages: str | bytes) -> Script:
    """
    Make a script that sends messages and wants them back.
    """

    async def script(websocket: Conversation, frames: Frames) -> None:
        for message in messages:
            await websocket.send(message)
            await expectEcho(websocket, message)

    return script


async def _sendFragments(websocket: Conversation, frames: Frames) -> None:
    """
    Send messages in fragments, and want them back as a whole.
    """
    await websocket.send(iter(["Grü", "ße, ", "世界 🌍"]))
    await expectEcho(websocket, "Grüße, 世界 🌍")
    await websocket.send(iter([b"abc", b"", bytes(70_000)]))
    await expectEcho(websocket, b"abc" + bytes(70_000))
    require(frames.fragments["sent"] >= 4, "txws has sent no fragments")


async def _receiveFragments(websocket: Conversation, frames: Frames) -> None:
    """
    Have messages sent back in fragments.
    """
    for message in ("fragmented", bytes(range(256)) * 300):
        await websocket.send(message)
        await expectEcho(websocket, message)
    require(frames.fragments["received"] >= 4, "the peer has sent no fragments")


async def _ping(websocket: Conversation, frames: Frames) -> None:
    """
    Have a Ping answered, with a message before it and one behind it.
    """
    await websocket.send("before")
    await websocket.ping()
    await expectEcho(websocket, "before")
    await websocket.send("behind")
    await expectEcho(websocket, "behind")


async def _answerPing(websocket: Conversation, frames: Frames) -> None:
    """
    Answer a Ping.
    """
    received = await websocket.receive()
    require(received == "pong", f"received {received!r} instead of 'pong'")


CHECKS = (
    Check("text", _echo(*_TEXTS)),
    Check("binary", _echo(*_BLOBS)),
    Check("1 MiB", _echo(bytes(range(256)) * 4096, "ü" * (_MIB // 2))),
    Check("fragments out", _sendFragments),
    Check("fragments in", _receiveFragments, "fragments"),
    Check("txws closes", code=4000, reason="txws is done ✓"),
    Check(
        "peer closes",
        behavior="close",
        code=CLOSE_CODE,
        reason=CLOSE_REASON,
        isClosedByPeer=True,
    ),
    Check(
        "subprotocol",
        _echo("hello"),
        offered=("superchat", SUBPROTOCOL),
        subprotocol=SUBPROTOCOL,
    ),
    Check("TLS", _echo("hello", bytes(_MIB)), isSecure=True),
    Check("ping out", _ping),
    Check("ping in", _answerPing, "ping"),
)


def judgeEnd(
    check: Check, ours: WebSocketClosed | WebSocketFailed, theirs: Mapping[str, Any]
) -> None:
    """
    Hold against each other what both sides tell of the end.

    @param ours: what txws tells.
    @param theirs: what the peer tells.
    @raise CheckFailed: if it is not what it has to be.
    """
    expected = (check.code, check.reason)
    require(isinstance(ours, WebSocketClosed), f"txws: {ours}")
    # A peer may answer with another code, such as 1000.
    said = ours.received if check.isClosedByPeer else ours.sent
    require(said and (said.code, said.reason) == expected, f"txws: {ours}")
    require(
        ours.isReceivedFirst == check.isClosedByPeer, f"the wrong side closed: {ours}"
    )
    # One that tells no reason of its own closing tells the code.
    reasons = (check.reason, None) if check.isClosedByPeer else (check.reason,)
    require(
        theirs["code"] == check.code and theirs["reason"] in reasons,
        f"the peer saw {theirs['code']} {theirs['reason']!r} instead of {expected}",
    )
    require(
        theirs["subprotocol"] == check.subprotocol,
        f"the peer saw subprotocol {theirs['subprotocol']!r}",
    )
