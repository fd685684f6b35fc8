"""
A server's side of a connection of hybi version 7 or 8 after its opening
handshake: what RFC 6455 became, but for one close code.
"""

from __future__ import annotations

from txws.wire.codes import CloseCode, Opcode
from txws.wire.connection import Connection
from txws.wire.events import Event
from txws.wire.frames import Frame

__all__ = ["FRAME_TOO_LARGE", "HybiConnection"]

# Section 7.4.1 of drafts 7 and 8; RFC 6455 reserves it, and has 1009.
FRAME_TOO_LARGE = 1004

_TOO_LARGE = FRAME_TOO_LARGE.to_bytes(2, "big")
_TOO_BIG = CloseCode.MESSAGE_TOO_BIG.to_bytes(2, "big")


class HybiConnection(Connection):
    """
    A connection on whose wire close code 1009 is 1004.
    """

    __slots__ = ()

    def _receiveFrame(self, frame: Frame) -> Event | None:
        """
        Find out what a frame means.
        """
        return super()._receiveFrame(_translate(frame, _TOO_LARGE, _TOO_BIG))

    def _queue(self, frame: Frame) -> None:
        """
        Serialize a frame.
        """
        super()._queue(_translate(frame, _TOO_BIG, _TOO_LARGE))


def _translate(frame: Frame, code: bytes, meaning: bytes) -> Frame:
    """
    Replace one close code by another.
    """
    if frame.opcode is Opcode.CLOSE and frame.payload[:2] == code:
        return frame._replace(payload=meaning + frame.payload[2:])
    return frame
