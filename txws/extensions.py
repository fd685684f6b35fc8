"""
Which extensions are negotiated where none are named: compression, but not for
wrapped protocols.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .errors import InvalidSetting
from .interfaces import IByteStreamHandler, IExtensionFactory, IWebSocketHandler
from .wire.deflate import PerMessageDeflate
from .wire.extensions import checkNames

__all__ = ["DEFAULT_EXTENSIONS", "checkExtensions", "extensionsFor"]

DEFAULT_EXTENSIONS: Sequence[IExtensionFactory] = (PerMessageDeflate(),)


def checkExtensions(
    extensions: Iterable[IExtensionFactory] | None,
) -> Sequence[IExtensionFactory] | None:
    """
    Check the extensions that an application names.

    @return: a copy of them.
    @raise InvalidSetting: if these are none, or two have the same name.
    """
    if extensions is None:
        return None
    copy = tuple(extensions)
    for extension in copy:
        if not IExtensionFactory.providedBy(extension):
            raise InvalidSetting(
                "extensions", f"must be IExtensionFactory, not {extension!r}"
            )
    try:
        checkNames(copy)
    except ValueError as error:
        raise InvalidSetting("extensions", f"are not possible: {error}") from None
    return copy


def extensionsFor(
    handler: IWebSocketHandler, extensions: Sequence[IExtensionFactory] | None
) -> Sequence[IExtensionFactory]:
    """
    Choose what is negotiated for a handler.

    @param handler: the handler.
    @param extensions: what the application names, or L{None} for compression,
        unless the handler carries a stream of bytes.
    """
    if extensions is not None:
        return extensions
    return () if IByteStreamHandler.providedBy(handler) else DEFAULT_EXTENSIONS
