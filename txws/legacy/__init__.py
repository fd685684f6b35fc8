"""
What was spoken before RFC 6455, for servers whose clients cannot be replaced:
hixie-75, hixie-76 (which is hybi-00), and hybi versions 7 and 8.

B{None of them is safe.}  Nothing here is reached unless a server is told so
by name::

    WebSocketFactory(application, legacy=Legacy("hixie-76", "hybi-8"))

This package stands beside the stair: it knows L{txws.wire} and the interfaces,
and of the rest only C{twistd websocket --legacy} knows that it is there.

  - L{txws.legacy.versions}: L{Legacy}, the switch.
  - L{txws.legacy.handshakes}: the opening handshake of each version.
  - L{txws.legacy.keys}: the challenge of hixie-76.
  - L{txws.legacy.hixieframes}: the frames of hixie-75 and hixie-76.
  - L{txws.legacy.hixie}: what follows the handshake of hixie-75 and hixie-76.
  - L{txws.legacy.hybi}: what follows the handshake of hybi 7 and 8.
"""

from __future__ import annotations

from .hixie import BinaryUnsupported
from .versions import VERSIONS, Legacy

__all__ = ["VERSIONS", "BinaryUnsupported", "Legacy"]
