"""
What a Close says, RFC 6455 section 5.5.1: a close code, and why in UTF-8.
"""

from __future__ import annotations

from .codes import CloseCode, isSendableCloseCode
from .errors import BadFrame, BadPayload
from .events import CloseStatus
from .frames import MAX_CONTROL_PAYLOAD

__all__ = ["checkClose", "parseClose", "serializeClose"]

_NO_STATUS = CloseStatus(CloseCode.NO_STATUS_RECEIVED, "")


def checkClose(code: int | None, reason: str) -> None:
    """
    Check what a Close is to say.

    @param code: a close code that may travel, or L{None} for none.
    @param reason: why.
    @raise TypeError: if the code is not L{int}, or the reason not L{str}.
    @raise ValueError: if the code may not travel, or if there is a reason
        without a code.
    """
    # mypy sees what may be passed; it does not see what users pass.
    found: object = code
    if not (found is None or isinstance(found, int)):
        raise TypeError(f"code must be int, not {type(found).__name__}")
    if not isinstance(reason, str):
        raise TypeError(f"reason must be str, not {type(reason).__name__}")
    if code is None and reason:
        raise ValueError("a reason needs a close code")
    if code is not None and not isSendableCloseCode(code):
        raise ValueError(f"close code {code} may not be sent")


def serializeClose(code: int, reason: str) -> tuple[CloseStatus, bytes]:
    """
    Make the payload of a Close.

    @param code: a close code; 1005 for none.
    @param reason: why; cut at 123 bytes of UTF-8, between two characters.
    @return: what the peer will read, and the payload.
    """
    if code == CloseCode.NO_STATUS_RECEIVED:
        return CloseStatus(code, reason), b""
    told = reason.encode("utf-8", "replace")[: MAX_CONTROL_PAYLOAD - 2]
    reason = told.decode("utf-8", "ignore")
    return CloseStatus(code, reason), code.to_bytes(2, "big") + reason.encode("utf-8")


def parseClose(payload: bytes) -> CloseStatus:
    """
    Parse the payload of a Close.

    @param payload: what it carries.
    @return: what the peer says.
    @raise BadFrame: if its code is none that may travel.
    @raise BadPayload: if its reason is not UTF-8.
    """
    if not payload:
        return _NO_STATUS
    if len(payload) == 1:
        raise BadFrame("a Close carries half a close code")
    code = int.from_bytes(payload[:2], "big")
    if not isSendableCloseCode(code):
        raise BadFrame(f"close code {code} may not be sent")
    try:
        return CloseStatus(code, str(payload[2:], "utf-8"))
    except UnicodeDecodeError:
        raise BadPayload("a close reason is not UTF-8") from None
