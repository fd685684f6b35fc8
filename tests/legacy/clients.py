"""
Scripted clients of the versions before RFC 6455, and the examples of their
drafts.

A client checks what it is answered as its draft tells clients to, byte by byte
where the draft does.
"""

from __future__ import annotations

from hashlib import md5
from typing import ClassVar

from twisted.internet.interfaces import IProtocolFactory

from tests.peers import ACCEPT, KEY, RawPeer
from tests.wire.tables import frame, readFrames
from txws.wire.codes import Opcode
from txws.wire.frames import Frame

__all__ = [
    "CHALLENGES",
    "CLIENTS",
    "HIXIE_75_ANSWER",
    "HIXIE_75_REQUEST",
    "HIXIE_76_ANSWER",
    "HIXIE_76_REQUEST",
    "HYBI_7_ANSWER",
    "HYBI_7_REQUEST",
    "HYBI_8_REQUEST",
    "Hixie75Client",
    "Hixie76Client",
    "Hybi7Client",
    "Hybi8Client",
    "LegacyClient",
    "change",
]


def head(*lines: str) -> bytes:
    """
    Put the lines of a head together.
    """
    return "\r\n".join((*lines, "", "")).encode("latin-1")


# draft-hixie-thewebsocketprotocol-75 section 1.2.
HIXIE_75_REQUEST = head(
    "GET /demo HTTP/1.1",
    "Upgrade: WebSocket",
    "Connection: Upgrade",
    "Host: example.com",
    "Origin: http://example.com",
    "WebSocket-Protocol: sample",
)
HIXIE_75_ANSWER = head(
    "HTTP/1.1 101 Web Socket Protocol Handshake",
    "Upgrade: WebSocket",
    "Connection: Upgrade",
    "WebSocket-Origin: http://example.com",
    "WebSocket-Location: ws://example.com/demo",
    "WebSocket-Protocol: sample",
)

# draft-hixie-thewebsocketprotocol-76 section 1.2.
HIXIE_76_REQUEST = (
    head(
        "GET /demo HTTP/1.1",
        "Host: example.com",
        "Connection: Upgrade",
        "Sec-WebSocket-Key2: 12998 5 Y3 1  .P00",
        "Sec-WebSocket-Protocol: sample",
        "Upgrade: WebSocket",
        "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5",
        "Origin: http://example.com",
    )
    + b"^n:ds[4U"
)
HIXIE_76_ANSWER = (
    head(
        "HTTP/1.1 101 WebSocket Protocol Handshake",
        "Upgrade: WebSocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Origin: http://example.com",
        "Sec-WebSocket-Location: ws://example.com/demo",
        "Sec-WebSocket-Protocol: sample",
    )
    + b"8jKS'y:G*Co,Wxa-"
)

# The two keys with their numbers, the third key and the answer: the same
# draft, sections 1.2, 1.3 and 5.
CHALLENGES = (
    (
        ("4 @1  46546xW%0l 1 5", 829309203),
        ("12998 5 Y3 1  .P00", 259970620),
        b"^n:ds[4U",
        b"8jKS'y:G*Co,Wxa-",
    ),
    (
        ("18x 6]8vM;54 *(5:  {   U1]8  z [  8", 155712099),
        ("1_ tx7X d  <  nw  334J702) 7]o}` 0", 173347027),
        b"Tm[K T2u",
        b"fQJ,fN/4F4!~K~MH",
    ),
    (
        ("3e6b263  4 17 80", 906585445),
        ("17  9 G`ZD9   2 2b 7X 3 /r90", 179922739),
        b"WjN}|M(6",
        b"n`9eBk9z$R8pOtVb",
    ),
)

# draft-ietf-hybi-thewebsocketprotocol-07 and -08 section 1.2.
HYBI_7_REQUEST = head(
    "GET /chat HTTP/1.1",
    "Host: server.example.com",
    "Upgrade: websocket",
    "Connection: Upgrade",
    f"Sec-WebSocket-Key: {KEY}",
    "Sec-WebSocket-Origin: http://example.com",
    "Sec-WebSocket-Protocol: chat, superchat",
    "Sec-WebSocket-Version: 7",
)
HYBI_8_REQUEST = HYBI_7_REQUEST.replace(b"Version: 7", b"Version: 8")
HYBI_7_ANSWER = head(
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    f"Sec-WebSocket-Accept: {ACCEPT}",
    "Sec-WebSocket-Protocol: chat",
)


def change(request: bytes, name: str, *values: str) -> bytes:
    """
    Replace a header field of a request: by none, one or several values.
    """
    start, separator, rest = request.partition(b"\r\n\r\n")
    lines = [
        line
        for line in start.decode("latin-1").split("\r\n")
        if not line.startswith(f"{name}: ")
    ]
    lines += [f"{name}: {value}" for value in values]
    return "\r\n".join(lines).encode("latin-1") + separator + rest


class LegacyClient:
    """
    A client of some version, connected in memory.

    @cvar version: its name.
    @cvar hasClose: whether it knows a closing handshake.
    @ivar peer: the client's bytes.
    """

    version: ClassVar[str]
    hasClose: ClassVar[bool] = True

    def __init__(self, factory: IProtocolFactory, subprotocol: str | None = None):
        """
        Connect to a server, go through the opening handshake, and check the
        answer.
        """
        self.peer = RawPeer(factory)
        self.peer.send(self.request(subprotocol))
        self.answer = self.peer.transport.takeData()
        expected = self.expected(subprotocol)
        rest = self.answer[len(expected) :]
        if self.answer != expected + rest:
            raise AssertionError(f"the handshake fails: {self.answer!r}")
        if rest:
            self.peer.transport.writes.insert(0, rest)

    @classmethod
    def request(cls, subprotocol: str | None) -> bytes:
        """
        Make its opening handshake.
        """
        raise NotImplementedError

    @classmethod
    def expected(cls, subprotocol: str | None) -> bytes:
        """
        Make the only answer that it accepts.
        """
        raise NotImplementedError

    def sendText(self, *messages: str) -> None:
        """
        Send text messages, all at once.
        """
        raise NotImplementedError

    def sendClose(self) -> None:
        """
        Send a Close.
        """
        raise NotImplementedError

    def takeAll(self) -> bytes:
        """
        Take what has been written, and what is written when that is taken.
        """
        taken = b""
        while data := self.peer.transport.takeData():
            taken += data
            self.peer.transport.settle()
        return taken

    def takeMessages(self) -> list[str]:
        """
        Take what the server has written: text messages, and "close" in angle
        brackets for a Close.
        """
        raise NotImplementedError


class Hixie76Client(LegacyClient):
    """
    A client of hixie-76.
    """

    version = "hixie-76"
    prefix = "Sec-WebSocket-"
    statusLine = "HTTP/1.1 101 WebSocket Protocol Handshake"
    keys: ClassVar[tuple[str, ...]] = (
        "Sec-WebSocket-Key1: 18x 6]8vM;54 *(5:  {   U1]8  z [  8",
        "Sec-WebSocket-Key2: 1_ tx7X d  <  nw  334J702) 7]o}` 0",
    )
    challenge = b"Tm[K T2u"
    proof = b"fQJ,fN/4F4!~K~MH"

    @classmethod
    def request(cls, subprotocol: str | None) -> bytes:
        """
        Make its opening handshake.
        """
        lines = [
            "GET /demo?a=b HTTP/1.1",
            "Upgrade: WebSocket",
            "Connection: Upgrade",
            "Host: example.com",
            "Origin: http://example.com",
            *cls.keys,
        ]
        if subprotocol is not None:
            lines.append(f"{cls.prefix}Protocol: {subprotocol}")
        return head(*lines) + cls.challenge

    @classmethod
    def expected(cls, subprotocol: str | None) -> bytes:
        """
        Make the only answer that it accepts.
        """
        lines = [
            cls.statusLine,
            "Upgrade: WebSocket",
            "Connection: Upgrade",
            f"{cls.prefix}Origin: http://example.com",
            f"{cls.prefix}Location: ws://example.com/demo?a=b",
        ]
        if subprotocol is not None:
            lines.append(f"{cls.prefix}Protocol: {subprotocol}")
        return head(*lines) + cls.proof

    def sendText(self, *messages: str) -> None:
        """
        Send text messages, all at once.
        """
        frames = (b"\x00" + message.encode() + b"\xff" for message in messages)
        self.peer.send(b"".join(frames))

    def sendClose(self) -> None:
        """
        Send a Close.
        """
        self.peer.send(b"\xff\x00")

    def takeMessages(self) -> list[str]:
        """
        Take what the server has written.
        """
        data = self.peer.transport.takeData()
        messages = []
        while data:
            if data[:2] == b"\xff\x00":
                messages.append("<close>")
                data = data[2:]
                continue
            if data[:1] != b"\x00":
                raise AssertionError(f"no frame: {data!r}")
            message, _end, data = data[1:].partition(b"\xff")
            messages.append(message.decode())
        return messages


class Hixie75Client(Hixie76Client):
    """
    A client of hixie-75.
    """

    version = "hixie-75"
    hasClose = False
    prefix = "WebSocket-"
    statusLine = "HTTP/1.1 101 Web Socket Protocol Handshake"
    keys = ()
    challenge = b""
    proof = b""

    def sendClose(self) -> None:
        """
        Close TCP.
        """
        self.peer.leave()


class Hybi8Client(LegacyClient):
    """
    A client of hybi version 8.
    """

    version = "hybi-8"

    @classmethod
    def request(cls, subprotocol: str | None) -> bytes:
        """
        Make its opening handshake.
        """
        lines = [
            "GET /demo?a=b HTTP/1.1",
            "Host: example.com",
            "Upgrade: websocket",
            "Connection: keep-alive, Upgrade",
            f"Sec-WebSocket-Key: {KEY}",
            "Sec-WebSocket-Origin: http://example.com",
            f"Sec-WebSocket-Version: {cls.version[-1]}",
        ]
        if subprotocol is not None:
            lines.append(f"Sec-WebSocket-Protocol: {subprotocol}")
        return head(*lines)

    @classmethod
    def expected(cls, subprotocol: str | None) -> bytes:
        """
        Make the only answer that it accepts.
        """
        lines = [
            "HTTP/1.1 101 Switching Protocols",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Accept: {ACCEPT}",
        ]
        if subprotocol is not None:
            lines.append(f"Sec-WebSocket-Protocol: {subprotocol}")
        return head(*lines)

    def sendText(self, *messages: str) -> None:
        """
        Send text messages, all at once.
        """
        self.peer.send(
            b"".join(
                frame(Opcode.TEXT, message.encode(), isMasked=True)
                for message in messages
            )
        )

    def sendClose(self) -> None:
        """
        Send a Close.
        """
        self.peer.sendFrame(Opcode.CLOSE, b"\x03\xe8")

    def takeFrames(self) -> list[Frame]:
        """
        Take what the server has written, as frames.
        """
        return readFrames(self.peer.transport.takeData())

    def takeMessages(self) -> list[str]:
        """
        Take what the server has written.
        """
        return [
            "<close>" if found.opcode is Opcode.CLOSE else found.payload.decode()
            for found in self.takeFrames()
        ]


class Hybi7Client(Hybi8Client):
    """
    A client of hybi version 7.
    """

    version = "hybi-7"


CLIENTS: tuple[type[LegacyClient], ...] = (
    Hixie75Client,
    Hixie76Client,
    Hybi7Client,
    Hybi8Client,
)


def proofOf(first: int, second: int, challenge: bytes) -> bytes:
    """
    Compute the answer to a challenge, as the draft of hixie-76 spells it.
    """
    numbers = bytes(
        number >> shift & 0xFF for number in (first, second) for shift in (24, 16, 8, 0)
    )
    return md5(numbers + challenge).digest()
