"""
Which extensions are negotiated where none are named: compression, but not for
wrapped protocols.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from .errors import InvalidSetting
from .interfaces import (
    IByteStreamHandler,
    IExtensionFactory,
    IWebSocketHandler,
    IWebSocketHandlerFactory,
)
from .wire.deflate import PerMessageDeflate

__all__ = ["DEFAULT_EXTENSIONS", "checkExtensions", "extensionsFor"]

# RFC 6455 9.1: "extension-token = registered-token"; names are compared in lower
# case.
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9a-z]+")

DEFAULT_EXTENSIONS: Sequence[IExtensionFactory] = (PerMessageDeflate(),)


def checkExtensions(
    extensions: object,
) -> Sequence[IExtensionFactory] | None:
    """
    Check the extensions that an application names.

    @param extensions: factories of extensions, or L{None}.
    @return: a copy of them, or L{None}.
    @raise InvalidSetting: if they are none, or two have the same name.
    """
    if extensions is None:
        return None
    if isinstance(extensions, str) or not isinstance(extensions, Iterable):
        raise InvalidSetting("extensions", f"must be a sequence, not {extensions!r}")
    copy = tuple(extensions)
    for extension in copy:
        if not IExtensionFactory.providedBy(extension):
            raise InvalidSetting(
                "extensions", f"must provide IExtensionFactory, not {extension!r}"
            )
    _checkNames(copy)
    return copy


def extensionsFor(
    application: IWebSocketHandler | IWebSocketHandlerFactory,
    extensions: Sequence[IExtensionFactory] | None,
) -> Sequence[IExtensionFactory]:
    """
    Choose what is negotiated for an application.

    @param application: the handler, or what will make it.
    @param extensions: what the application names, or L{None} for compression,
        unless it carries a stream of bytes.
    """
    if extensions is not None:
        return extensions
    return () if IByteStreamHandler.providedBy(application) else DEFAULT_EXTENSIONS


def _checkNames(extensions: Sequence[IExtensionFactory]) -> None:
    """
    Check that extensions can be negotiated beside each other.
    """
    names: list[object] = [getattr(extension, "name", None) for extension in extensions]
    for name in names:
        if not isinstance(name, str) or _NAME.fullmatch(name) is None:
            raise InvalidSetting(
                "extensions",
                "are not possible: the name of an extension must be a token in lower "
                f"case, not {name!r}",
            )
        if names.count(name) > 1:
            raise InvalidSetting(
                "extensions", f"are not possible: there are two extensions {name!r}"
            )
