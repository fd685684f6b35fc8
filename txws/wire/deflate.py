"""
permessage-deflate, RFC 7692: negotiated by both roles, with all of its four
parameters, and at work.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from zope.interface import implementer

from .codes import Opcode
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
from .extensions import IExtensionFactory, IReleasable, IShareableExtension
from .frames import RSV1, Frame

__all__ = ["PRESETS", "MessageDeflation", "PerMessageDeflate"]

_SERVER_FORGETS = "server_no_context_takeover"
_CLIENT_FORGETS = "client_no_context_takeover"
_SERVER_BITS = "server_max_window_bits"
_CLIENT_BITS = "client_max_window_bits"
_FLAGS = frozenset((_SERVER_FORGETS, _CLIENT_FORGETS))
_SIZES = frozenset((_SERVER_BITS, _CLIENT_BITS))

_Parameters = Sequence[tuple[str, str | None]]

# Settings of L{PerMessageDeflate} by name.
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "low": {
        "windowBits": 10,
        "peerWindowBits": 10,
        "contextTakeover": False,
        "peerContextTakeover": False,
        "memoryLevel": 3,
    },
    "balanced": {},
    "best": {
        "windowBits": LARGEST_WINDOW,
        "peerWindowBits": LARGEST_WINDOW,
        "level": 9,
        "memoryLevel": 9,
    },
}


@implementer(IShareableExtension, IReleasable)
class MessageDeflation(Deflation):
    """
    permessage-deflate at work on one connection, RFC 7692 section 7.2.

    @ivar sharingKey: see L{IShareableExtension}.
    """

    __slots__ = (
        "_deflater",
        "_inflater",
        "_isIn",
        "_isOut",
        "_threshold",
        "sharingKey",
    )

    rsv = RSV1
    isPerFrame = False

    def __init__(
        self,
        deflater: Deflater,
        inflater: Inflater,
        threshold: int,
        sharingKey: Hashable = None,
    ) -> None:
        """
        See L{Deflation}.

        @param sharingKey: see L{IShareableExtension}.
        """
        super().__init__(deflater, inflater, threshold)
        self.sharingKey = sharingKey
        # Whether the message that is on its way is compressed.
        self._isIn = False
        self._isOut = False

    def encode(self, frame: Frame, compress: bool | None = None) -> Frame:
        """
        Compress, if it is worth it.

        Of a message that is sent while it is made nobody knows the size: it is
        compressed.
        """
        opcode, payload, isFinal, rsv = frame
        if opcode is not Opcode.CONTINUATION:
            if compress is None:
                compress = not isFinal or len(payload) >= self._threshold
            self._isOut = compress
            rsv |= RSV1
        if not self._isOut:
            return frame
        return Frame(opcode, self._deflater.deflate(payload, isFinal), isFinal, rsv)

    def decode(self, frame: Frame) -> Iterable[Frame]:
        """
        Inflate, if the message is compressed.
        """
        if frame.opcode is not Opcode.CONTINUATION:
            # RFC 7692 6.2: "The "Per-Message Compressed" bit, which indicates
            # whether or not the message is compressed."
            self._isIn = bool(frame.rsv & RSV1)
        if not self._isIn:
            return (frame,)
        return inflateFrame(frame, self._inflater, frame.isFinal)


@implementer(IExtensionFactory)
@dataclass(frozen=True)
class PerMessageDeflate:
    """
    Negotiates permessage-deflate, as a server and as a client.

    As a server it accepts any valid offer, within these settings.  As a client
    it offers these settings and, for servers that do not take them, the
    extension without conditions.

    @cvar name: the name of the extension.
    @ivar windowBits: how far messages that are sent look back, at most: so many
        bits, from 8 to 15.
    @ivar peerWindowBits: what the peer is asked to keep to.
    @ivar contextTakeover: whether messages that are sent may look back into
        earlier ones, which takes memory as long as the connection lasts.
    @ivar peerContextTakeover: whether the peer's may.
    @ivar level: how hard to try, from 0 to 9; -1 for zlib's own choice.
    @ivar memoryLevel: how much memory to take for speed, from 1 to 9.
    @ivar threshold: a message of fewer bytes is not compressed, unless it is
        said that it is to be.
    @ivar isStrict: whether to do without compression if the peer does not
        promise what it is asked for.
    """

    name: ClassVar[str] = "permessage-deflate"

    windowBits: int = 12
    peerWindowBits: int = 12
    contextTakeover: bool = True
    peerContextTakeover: bool = True
    level: int = 6
    memoryLevel: int = 5
    threshold: int = 128
    isStrict: bool = False

    @classmethod
    def preset(cls, name: str, **changes: Any) -> PerMessageDeflate:
        """
        Take settings by name.

        @param name: C{"low"}, for little memory; C{"balanced"}, which is the
            default; or C{"best"}, for small messages at any cost.
        @param changes: settings to change.
        @raise ValueError: if there are none of this name, or if they make no
            sense.
        """
        if name not in tuple(PRESETS):
            raise ValueError(
                f"compression must be one of {', '.join(PRESETS)}, not {name!r}"
            )
        return cls(**{**PRESETS[name], **changes})

    def __post_init__(self) -> None:
        for setting, least, most in (
            ("windowBits", SMALLEST_WINDOW, LARGEST_WINDOW),
            ("peerWindowBits", SMALLEST_WINDOW, LARGEST_WINDOW),
            ("level", -1, 9),
            ("memoryLevel", 1, 9),
            ("threshold", 0, None),
        ):
            checkNumber(setting, getattr(self, setting), least, most)
        for setting in ("contextTakeover", "peerContextTakeover", "isStrict"):
            checkBoolean(setting, getattr(self, setting))

    def accept(
        self, parameters: _Parameters, maxMessageSize: int | None
    ) -> tuple[_Parameters, MessageDeflation] | None:
        """
        See L{IExtensionFactory}; RFC 7692 section 7.1.
        """
        try:
            offer = _parse(parameters, isAnswer=False)
        except ValueError:
            # RFC 7692 7.1: "A server MUST decline an extension negotiation
            # offer for this extension if any of the following conditions are
            # met".
            return None
        isLimited = _CLIENT_BITS in offer
        if self.isStrict and not isLimited and self.peerWindowBits < LARGEST_WINDOW:
            return None
        answer: dict[str, int] = {}
        if not self.contextTakeover or _SERVER_FORGETS in offer:
            answer[_SERVER_FORGETS] = 0
        if not self.peerContextTakeover or _CLIENT_FORGETS in offer:
            answer[_CLIENT_FORGETS] = 0
        answer[_SERVER_BITS] = min(self.windowBits, offer.get(_SERVER_BITS, 15))
        if isLimited:
            answer[_CLIENT_BITS] = min(self.peerWindowBits, offer[_CLIENT_BITS])
        extension = self._makeExtension(
            answer[_SERVER_BITS],
            _SERVER_FORGETS not in answer,
            answer.get(_CLIENT_BITS, LARGEST_WINDOW),
            _CLIENT_FORGETS not in answer,
            maxMessageSize,
        )
        return _serialize(answer, keeps=_SERVER_BITS in offer), extension

    def offers(self) -> list[_Parameters]:
        """
        See L{IExtensionFactory}.
        """
        preferred: list[tuple[str, str | None]] = []
        if not self.peerContextTakeover:
            preferred.append((_SERVER_FORGETS, None))
        if not self.contextTakeover:
            preferred.append((_CLIENT_FORGETS, None))
        if self.peerWindowBits < LARGEST_WINDOW:
            preferred.append((_SERVER_BITS, str(self.peerWindowBits)))
        isLimited = self.windowBits < LARGEST_WINDOW
        preferred.append((_CLIENT_BITS, str(self.windowBits) if isLimited else None))
        unconditional: _Parameters = [(_CLIENT_BITS, None)]
        if self.isStrict or preferred == unconditional:
            return [preferred]
        return [preferred, unconditional]

    def confirm(
        self, parameters: _Parameters, maxMessageSize: int | None
    ) -> MessageDeflation:
        """
        See L{IExtensionFactory}; RFC 7692 section 7.1.
        """
        try:
            answer = _parse(parameters, isAnswer=True)
        except ValueError as error:
            raise HandshakeRefused(f"the server answers {self.name}: {error}") from None
        if not any(_fits(answer, _parse(offer, False)) for offer in self.offers()):
            raise HandshakeRefused(
                f"the server answers {self.name} as it was not offered"
            )
        return self._makeExtension(
            min(self.windowBits, answer.get(_CLIENT_BITS, LARGEST_WINDOW)),
            self.contextTakeover and _CLIENT_FORGETS not in answer,
            answer.get(_SERVER_BITS, LARGEST_WINDOW),
            _SERVER_FORGETS not in answer,
            maxMessageSize,
        )

    def _makeExtension(
        self,
        windowBits: int,
        isKept: bool,
        peerWindowBits: int,
        isPeerKept: bool,
        maxMessageSize: int | None,
    ) -> MessageDeflation:
        """
        Put what was negotiated to work.
        """
        settings = (windowBits, self.level, self.memoryLevel)
        return MessageDeflation(
            Deflater(*settings, isKept),
            Inflater(peerWindowBits, isPeerKept, maxMessageSize),
            self.threshold,
            None if isKept else (self.name, *settings, self.threshold),
        )


def _parse(parameters: _Parameters, isAnswer: bool) -> dict[str, int]:
    """
    Parse the parameters of an offer or an answer.

    @return: the sizes of windows, and anything for those without a value.
    @raise ValueError: if they are not valid.
    """
    parsed: dict[str, int] = {}
    for name, value in parameters:
        if name in parsed:
            raise ValueError(f"{name} comes twice")
        if name in _FLAGS:
            if value is not None:
                raise ValueError(f"{name} has a value")
            parsed[name] = 0
        elif name == _CLIENT_BITS and value is None and not isAnswer:
            # RFC 7692 7.1.2.2: "This parameter may have no value."
            parsed[name] = LARGEST_WINDOW
        elif name in _SIZES:
            parsed[name] = parseWindowBits(value)
        else:
            raise ValueError(f"{name} is unknown")
    return parsed


def _fits(answer: Mapping[str, int], offer: Mapping[str, int]) -> bool:
    """
    Tell whether an answer accepts an offer.
    """
    if _SERVER_FORGETS in offer and _SERVER_FORGETS not in answer:
        return False
    if _SERVER_BITS in offer:
        limit = offer[_SERVER_BITS]
        if answer.get(_SERVER_BITS, LARGEST_WINDOW + 1) > limit:
            return False
    # RFC 7692 7.1.2.2: "If a received extension negotiation offer doesn't have
    # the "client_max_window_bits" extension parameter, the corresponding
    # extension negotiation response to the offer MUST NOT include" it.
    return answer.get(_CLIENT_BITS, 0) <= offer.get(_CLIENT_BITS, 0)


def _serialize(answer: Mapping[str, int], keeps: bool) -> _Parameters:
    """
    Write the parameters of an answer; a window of full size is said only if it
    was asked for.

    @param keeps: whether the size of the server's window was.
    """
    parameters: list[tuple[str, str | None]] = []
    for name, value in answer.items():
        if name in _FLAGS:
            parameters.append((name, None))
        elif value < LARGEST_WINDOW or (name == _SERVER_BITS and keeps):
            parameters.append((name, str(value)))
    return parameters
