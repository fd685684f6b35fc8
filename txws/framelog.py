"""
Frames in the log, on demand: what goes over the wire, a line for each frame.
"""

from __future__ import annotations

from twisted.internet.interfaces import IAddress
from twisted.logger import Logger

from .wire.frames import Frame
from .wire.states import Direction

__all__ = ["FrameLog"]

_log = Logger()

_SHOWN = 48


class FrameLog:
    """
    Logs the frames of one connection, at level debug, long payloads elided.
    """

    __slots__ = ("_peer",)

    def __init__(self, peer: IAddress) -> None:
        """
        @param peer: the address of the peer.
        """
        self._peer = peer

    def __call__(self, direction: Direction, frame: Frame) -> None:
        """
        Log a frame.

        @param direction: which way it goes.
        @param frame: the frame, unmasked.
        """
        _log.debug(
            "{peer} {direction} {opcode}{more} {size} bytes: {payload}",
            peer=self._peer,
            direction=direction.value,
            opcode=frame.opcode.name,
            more="" if frame.isFinal else " (more follows)",
            size=len(frame.payload),
            # ascii() leaves nothing that a terminal would obey.
            payload=ascii(frame.payload[:_SHOWN])[1:]
            + ("..." if len(frame.payload) > _SHOWN else ""),
        )
