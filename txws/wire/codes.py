"""
The numbers of RFC 6455: opcodes (section 5.2) and close codes (section 7.4).
"""

from __future__ import annotations

from enum import IntEnum, unique

__all__ = ["CloseCode", "Opcode", "isSendableCloseCode"]


@unique
class Opcode(IntEnum):
    """
    What a frame carries, RFC 6455 section 5.2.
    """

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


@unique
class CloseCode(IntEnum):
    """
    Why a connection is closed, RFC 6455 section 7.4.1 and the registry that it
    founded.
    """

    NORMAL_CLOSURE = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    NO_STATUS_RECEIVED = 1005
    ABNORMAL_CLOSURE = 1006
    INVALID_PAYLOAD_DATA = 1007
    POLICY_VIOLATION = 1008
    MESSAGE_TOO_BIG = 1009
    MANDATORY_EXTENSION = 1010
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    BAD_GATEWAY = 1014
    TLS_HANDSHAKE = 1015


# RFC 6455 7.4.1: "... is a reserved value and MUST NOT be set as a status code
# in a Close control frame by an endpoint."
_RESERVED = frozenset(
    (
        CloseCode.NO_STATUS_RECEIVED,
        CloseCode.ABNORMAL_CLOSURE,
        CloseCode.TLS_HANDSHAKE,
    )
)
_SENDABLE = frozenset(CloseCode) - _RESERVED


def isSendableCloseCode(code: int) -> bool:
    """
    Tell whether a close code may travel in a Close frame, RFC 6455 section
    7.4: a registered one that is not reserved, or one of 3000 to 4999, the
    ranges for libraries and applications.

    @param code: the close code.
    """
    return code in _SENDABLE or 3000 <= code <= 4999
