"""
x-webkit-deflate-frame, the ancestor of permessage-deflate that old Safaris
speak: draft-tyoshino-hybi-websocket-perframe-deflate, for those who ask for it.

Each frame is compressed by itself, and a parameter binds the other side: what
one end says in its offer or answer, its peer keeps to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from zope.interface import implementer

from .compression import (
    LARGEST_WINDOW,
    SMALLEST_WINDOW,
    Deflater,
    Deflation,
    Inflater,
    checkBoolean,
    checkNumber,
    inflateFrame,
    parseWindowBits,
)
from .errors import HandshakeRefused
from .extensions import IExtension, IExtensionFactory, IReleasable
from .frames import RSV1, Frame

__all__ = ["FrameDeflation", "WebkitDeflateFrame"]

_FORGETS = "no_context_takeover"
_BITS = "max_window_bits"

_Parameters = Sequence[tuple[str, str | None]]


@implementer(IExtension, IReleasable)
class FrameDeflation(Deflation):
    """
    x-webkit-deflate-frame at work on one connection.
    """

    __slots__ = ()

    isPerFrame = True

    def encode(self, frame: Frame, compress: bool | None = None) -> Frame:
        """
        Compress, if it is worth it.
        """
        if compress is None:
            compress = len(frame.payload) >= self._threshold
        if not compress:
            return frame
        payload = self._deflater.deflate(frame.payload, True)
        return frame._replace(payload=payload, rsv=frame.rsv | RSV1)

    def decode(self, frame: Frame) -> Iterable[Frame]:
        """
        Inflate, if the frame is compressed.
        """
        if not frame.rsv & RSV1:
            return (frame,)
        return inflateFrame(frame, self._inflater, True)


@implementer(IExtensionFactory)
@dataclass(frozen=True)
class WebkitDeflateFrame:
    """
    Negotiates x-webkit-deflate-frame, as a server and as a client.

    @cvar name: the name of the extension.
    @ivar peerWindowBits: how far the peer's frames may look back: so many bits,
        from 8 to 15.
    @ivar peerContextTakeover: whether they may look back into earlier ones.
    @ivar level: how hard to try, from 0 to 9.
    @ivar memoryLevel: how much memory to take for speed, from 1 to 9.
    @ivar threshold: a frame of fewer bytes is not compressed.
    """

    name: ClassVar[str] = "x-webkit-deflate-frame"

    peerWindowBits: int = LARGEST_WINDOW
    peerContextTakeover: bool = True
    level: int = 6
    memoryLevel: int = 5
    threshold: int = 128

    def __post_init__(self) -> None:
        for setting, least, most in (
            ("peerWindowBits", SMALLEST_WINDOW, LARGEST_WINDOW),
            ("level", -1, 9),
            ("memoryLevel", 1, 9),
            ("threshold", 0, None),
        ):
            checkNumber(setting, getattr(self, setting), least, most)
        checkBoolean("peerContextTakeover", self.peerContextTakeover)

    def accept(
        self, parameters: _Parameters, maxMessageSize: int | None
    ) -> tuple[_Parameters, FrameDeflation] | None:
        """
        See L{IExtensionFactory}.
        """
        try:
            return self._demands(), self._makeExtension(parameters, maxMessageSize)
        except ValueError:
            return None

    def offers(self) -> list[_Parameters]:
        """
        See L{IExtensionFactory}.
        """
        return [self._demands()]

    def confirm(
        self, parameters: _Parameters, maxMessageSize: int | None
    ) -> FrameDeflation:
        """
        See L{IExtensionFactory}.
        """
        try:
            return self._makeExtension(parameters, maxMessageSize)
        except ValueError as error:
            raise HandshakeRefused(f"the server answers {self.name}: {error}") from None

    def _demands(self) -> _Parameters:
        """
        Make what the peer is to keep to.
        """
        demands: list[tuple[str, str | None]] = []
        if self.peerWindowBits < LARGEST_WINDOW:
            demands.append((_BITS, str(self.peerWindowBits)))
        if not self.peerContextTakeover:
            demands.append((_FORGETS, None))
        return demands

    def _makeExtension(
        self, parameters: _Parameters, maxMessageSize: int | None
    ) -> FrameDeflation:
        """
        Put what was negotiated to work.

        @param parameters: what this side is to keep to.
        @raise ValueError: if they are not valid.
        """
        windowBits, isKept = LARGEST_WINDOW, True
        if len({name for name, value in parameters}) < len(parameters):
            raise ValueError("a parameter comes twice")
        for name, value in parameters:
            if name == _BITS:
                windowBits = parseWindowBits(value)
            elif name == _FORGETS and value is None:
                isKept = False
            else:
                raise ValueError(f"{name} is unknown, or has a value")
        return FrameDeflation(
            Deflater(windowBits, self.level, self.memoryLevel, isKept),
            Inflater(self.peerWindowBits, self.peerContextTakeover, maxMessageSize),
            self.threshold,
        )
