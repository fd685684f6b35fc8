"""
Messages that go to many: serialized once, RFC 6455 section 5.2, for all
connections that send the same bytes.

These are a server's connections, which do not mask (section 5.1), without
extensions, or with extensions that make the same of a message wherever the
same was agreed on.  All other connections serialize the message for themselves.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

from .codes import Opcode
from .extensions import IExtension, IShareableExtension, checkPayload
from .frames import JOINED_PAYLOAD, Frame, serializeHeader

__all__ = ["PreparedMessage", "SharedFrame", "SharingKey", "sharingKeyOf"]

SharingKey = tuple[tuple[type, Hashable], ...]


class SharedFrame(NamedTuple):
    """
    A frame, and the bytes that many connections send for it.

    @ivar frame: the frame, as extensions have left it.
    @ivar pieces: what is written.
    @ivar size: how many bytes that is.
    """

    frame: Frame
    pieces: Sequence[bytes]
    size: int


class PreparedMessage:
    """
    A message that can be sent any number of times, on any connections.

    It keeps what it was serialized to, once for each set of extensions that it
    met.

    @ivar frame: the message in one frame, before extensions.
    @ivar compress: whether to compress it where that was negotiated; L{None} to
        leave it to the extension.
    @ivar pieces: what is written without extensions.
    @ivar size: how many bytes that is.
    """

    __slots__ = ("_shared", "compress", "frame", "pieces", "size")

    def __init__(
        self,
        message: str | bytes | bytearray | memoryview,
        compress: bool | None = None,
    ) -> None:
        """
        @param message: the text of a text message, or the data of a binary
            one, which is copied unless it is immutable.
        @param compress: whether to compress it where that was negotiated;
            L{None} to leave it to the extension.
        @raise TypeError: if it is neither L{str} nor like bytes.
        @raise UnicodeEncodeError: if the text has surrogates, which UTF-8
            cannot say.
        """
        if isinstance(message, str):
            self.frame = Frame(Opcode.TEXT, str.encode(message))
        elif type(message) is bytes:
            self.frame = Frame(Opcode.BINARY, message)
        else:
            try:
                view = memoryview(message)
            except TypeError:
                raise TypeError(
                    f"message must be str or like bytes, not {type(message).__name__}"
                ) from None
            self.frame = Frame(Opcode.BINARY, bytes(view))
        self.compress = compress
        # What most connections send, which have no extensions.
        plain = _serialize(self.frame)
        self._shared: dict[SharingKey, SharedFrame] = {(): plain}
        self.pieces, self.size = plain.pieces, plain.size

    def serializedFor(
        self, key: SharingKey, extensions: Sequence[IExtension]
    ) -> SharedFrame:
        """
        Serialize this for a connection that does not mask, unless that was
        done already for one like it.

        @param key: what L{sharingKeyOf} says of its extensions.
        @param extensions: its extensions.
        """
        shared = self._shared.get(key)
        if shared is None:
            frame = self.frame
            for extension in extensions:
                frame = extension.encode(frame, self.compress)
            checkPayload(frame.payload)
            shared = self._shared[key] = _serialize(frame)
        return shared


def sharingKeyOf(extensions: Sequence[IExtension]) -> SharingKey | None:
    """
    Say what connections must have in common to send the same bytes.

    @param extensions: the extensions of a connection, in their order.
    @return: L{None} if it shares with no other.
    """
    keys: list[tuple[type, Hashable]] = []
    for extension in extensions:
        # mypy takes it that the adaptation succeeds.
        shareable: Any = IShareableExtension(extension, None)
        key = None if shareable is None else shareable.sharingKey
        if key is None:
            return None
        keys.append((type(extension), key))
    return tuple(keys)


def _serialize(frame: Frame) -> SharedFrame:
    """
    Serialize a frame without a mask.
    """
    opcode, payload, isFinal, rsv = frame
    header = serializeHeader(opcode, len(payload), isFinal, rsv, None)
    isJoined = len(payload) <= JOINED_PAYLOAD
    pieces = (header + payload,) if isJoined else (header, payload)
    return SharedFrame(frame, pieces, len(header) + len(payload))
