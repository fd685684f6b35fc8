"""
Two extensions for the tests, one of each sort that L{txws.wire.extensions}
knows, and a factory for any.
"""

from __future__ import annotations

from collections.abc import Iterable

from zope.interface import implementer

from txws.wire.codes import Opcode
from txws.wire.errors import ExtensionViolation, HandshakeRefused
from txws.wire.extensions import IExtension, IExtensionFactory
from txws.wire.frames import RSV1, RSV2, Frame


@implementer(IExtension)
class Stream:
    """
    Adds to each byte of a message its place in the message, and says so with
    RSV1 on the first frame: an extension that works on messages, with a state
    that goes from fragment to fragment.
    """

    rsv = RSV1
    isPerFrame = False

    def __init__(self) -> None:
        self._encoded = 0
        self._decoded = 0
        self._isPlain = False

    def encode(self, frame: Frame, compress: bool | None = None) -> Frame:
        """
        Add.
        """
        rsv = frame.rsv
        if frame.opcode is not Opcode.CONTINUATION:
            self._encoded = 0
            rsv |= RSV1
        payload = shift(frame.payload, self._encoded, 1)
        self._encoded += len(payload)
        return frame._replace(payload=payload, rsv=rsv)

    def decode(self, frame: Frame) -> Iterable[Frame]:
        """
        Subtract, unless the message comes without RSV1.
        """
        if frame.opcode is not Opcode.CONTINUATION:
            self._decoded = 0
            self._isPlain = not frame.rsv & RSV1
        if self._isPlain:
            return [frame]
        payload = shift(frame.payload, self._decoded, -1)
        self._decoded += len(payload)
        return [frame._replace(payload=payload, rsv=frame.rsv & ~RSV1)]


class Nothing(Stream):
    """
    Leaves nothing of a message: the best compression that there is.
    """

    def encode(self, frame: Frame, compress: bool | None = None) -> Frame:
        """
        Leave it out.
        """
        return frame._replace(payload=b"")


def shift(payload: bytes, start: int, direction: int) -> bytes:
    """
    Add to each byte its place, or subtract it.
    """
    return bytes(
        (byte + direction * place) % 256 for place, byte in enumerate(payload, start)
    )


@implementer(IExtension)
class Mirror:
    """
    Turns each frame around, puts a bar at its end, and says so with RSV2: an
    extension that works on single frames and needs them whole.
    """

    rsv = RSV2
    isPerFrame = True

    def encode(self, frame: Frame, compress: bool | None = None) -> Frame:
        """
        Turn around.
        """
        payload = frame.payload[::-1] + b"|"
        return frame._replace(payload=payload, rsv=frame.rsv | RSV2)

    def decode(self, frame: Frame) -> Iterable[Frame]:
        """
        Turn back.
        """
        if not frame.rsv & RSV2 or not frame.payload.endswith(b"|"):
            raise ExtensionViolation("a frame is not mirrored")
        return [frame._replace(payload=frame.payload[-2::-1], rsv=frame.rsv & ~RSV2)]


@implementer(IExtension)
class Signature:
    """
    Signs whatever passes, with no reserved bit.
    """

    rsv = 0
    isPerFrame = True

    def __init__(self, name: bytes) -> None:
        self._name = name

    def encode(self, frame: Frame, compress: bool | None = None) -> Frame:
        """
        Sign.
        """
        return frame._replace(payload=self._name + b"(" + frame.payload + b")")

    def decode(self, frame: Frame) -> Iterable[Frame]:
        """
        Take the signature off.
        """
        start, end = self._name + b"(", b")"
        if not (frame.payload.startswith(start) and frame.payload.endswith(end)):
            raise ExtensionViolation(f"a frame is not signed {self._name.decode()}")
        return [frame._replace(payload=frame.payload[len(start) : -len(end)])]


@implementer(IExtensionFactory)
class CipherFactory:
    """
    Negotiates an extension that has one parameter, C{level}: servers take
    C{level=2} and decline others, clients offer 3 and then 2.

    @ivar considered: the parameters and limits that it was asked about.
    """

    def __init__(self, name, makeExtension):
        self.name = name
        self.considered = []
        self._makeExtension = makeExtension

    def accept(self, parameters, maxMessageSize):
        """
        Accept level 2.
        """
        self.considered.append((parameters, maxMessageSize))
        if tuple(parameters) != (("level", "2"),):
            return None
        return parameters, self._makeExtension()

    def offers(self):
        """
        Offer level 3 and, failing that, level 2.
        """
        return [[("level", "3")], [("level", "2")]]

    def confirm(self, parameters, maxMessageSize):
        """
        Confirm level 2.
        """
        self.considered.append((parameters, maxMessageSize))
        if tuple(parameters) != (("level", "2"),):
            raise HandshakeRefused(f"the server answers {self.name} on a wrong level")
        return self._makeExtension()
