"""
A server's side of a connection of hybi version 7 or 8 after its opening
handshake: what RFC 6455 became, but for one close code.
"""

from __future__ import annotations

from txws.wire.codes import CloseCode, Opcode
from txws.wire.connection import Connection
from txws.wire.events import CloseReceived

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

    def _receiveClose(self, payload: bytes) -> CloseReceived:
        """
        Answer the peer's Close.
        """
        return super()._receiveClose(_translate(payload, _TOO_LARGE, _TOO_BIG))

    def _sendControl(self, opcode: Opcode, payload: bytes) -> None:
        """
        Send a control frame.
        """
        if opcode is Opcode.CLOSE:
            payload = _translate(payload, _TOO_BIG, _TOO_LARGE)
        super()._sendControl(opcode, payload)


def _translate(payload: bytes, code: bytes, meaning: bytes) -> bytes:
    """
    Replace one close code by another.
    """
    return meaning + payload[2:] if payload[:2] == code else payload
