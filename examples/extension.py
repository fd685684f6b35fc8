"""
An extension: a checksum behind each frame, C{extensions=[Checksum()]} on both ends.
"""

# ruff: noqa: D102 - what the methods are for is said by the interfaces.
from zlib import crc32

from zope.interface import implementer

from txws import IExtension, IExtensionFactory
from txws.wire.errors import ExtensionViolation


@implementer(IExtensionFactory, IExtension)
class Checksum:
    """
    Negotiates, and is at work: it keeps nothing, so that one will do for all.
    """

    name, rsv, isPerFrame = "x-checksum", 0, True

    def accept(self, parameters, maxMessageSize):
        return None if parameters else ((), self)

    def offers(self):
        return [()]

    def confirm(self, parameters, maxMessageSize):
        return self

    def encode(self, frame, compress=None):
        checksum = crc32(frame.payload).to_bytes(4, "big")
        return frame._replace(payload=frame.payload + checksum)

    def decode(self, frame):
        payload, checksum = frame.payload[:-4], frame.payload[-4:]
        if checksum != crc32(payload).to_bytes(4, "big"):
            raise ExtensionViolation("a frame is damaged")
        return [frame._replace(payload=payload)]
