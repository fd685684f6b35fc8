"""
The switch: which versions a server speaks beside RFC 6455.
"""

from __future__ import annotations

from twisted.logger import Logger
from zope.interface import implementer

from txws.errors import InvalidSetting
from txws.interfaces import ILegacyHandshake, ILegacyVersions
from txws.wire.http import Headers, RequestHead

from .handshakes import Hixie75Handshake, Hixie76Handshake, HybiHandshake

__all__ = ["VERSIONS", "Legacy"]

_log = Logger()

# The oldest first.
VERSIONS = ("hixie-75", "hixie-76", "hybi-7", "hybi-8")

_HYBI = {"7": "hybi-7", "8": "hybi-8"}


@implementer(ILegacyVersions)
class Legacy:
    """
    Versions of the protocol that a server is to speak beside RFC 6455.

    Making one says so in the log, at level warn.

    @ivar versions: their names.
    """

    def __init__(self, *versions: str) -> None:
        """
        @param versions: names, of L{VERSIONS}.
        @raise InvalidSetting: if there is none, or an unknown one.
        """
        if not versions:
            raise InvalidSetting("legacy", f"must name some of {', '.join(VERSIONS)}")
        for version in versions:
            if version not in VERSIONS:
                raise InvalidSetting(
                    "legacy", f"must be of {', '.join(VERSIONS)}, not {version!r}"
                )
        self.versions = tuple(name for name in VERSIONS if name in versions)
        _log.warn(
            "old versions are spoken beside RFC 6455, none of them safe: {versions}."
            "  Hixie has no masking, so that pages can poison the caches of proxies,"
            " and no binary, Ping or close code; in hybi 7 and 8, the origin of a page"
            " comes where nobody between looks for it",
            versions=", ".join(self.versions),
        )

    def __repr__(self) -> str:
        return f"Legacy({', '.join(map(repr, self.versions))})"

    def recognize(self, head: RequestHead, spareSize: int) -> ILegacyHandshake | None:
        """
        See L{ILegacyVersions}.
        """
        version = _versionOf(head.headers)
        if version not in self.versions:
            return None
        if version == "hixie-75":
            return Hixie75Handshake(head)
        if version == "hixie-76":
            return Hixie76Handshake(head, spareSize)
        assert version is not None
        return HybiHandshake(head, version)


def _versionOf(headers: Headers) -> str | None:
    """
    Find out which version a client speaks, if it is one of these.
    """
    versions = headers.getAll("Sec-WebSocket-Version")
    if versions:
        return _HYBI.get(versions[0]) if len(versions) == 1 else None
    if "Sec-WebSocket-Key" in headers:
        return None
    if "Sec-WebSocket-Key1" in headers or "Sec-WebSocket-Key2" in headers:
        return "hixie-76"
    # It has no mark of its own: whatever has one of a later version is not it.
    if any(name.lower().startswith("sec-websocket-") for name, _value in headers):
        return None
    return "hixie-75"
