"""
The WebSocket protocol, RFC 6455, as bytes in and events out.

This is the lowest step of the stair.  It knows the RFC and nothing else: no
Twisted, no socket, no clock, no log.  Use it alone to speak WebSocket over
anything that moves bytes.

From the bottom up:

  - L{txws.wire.codes}: the numbers of the RFC.
  - L{txws.wire.errors}: each kind of violation, with its close code or status.
  - L{txws.wire.masking}, L{txws.wire.frames}: frames, parsed and serialized.
  - L{txws.wire.events}, L{txws.wire.messages}: messages, put together.
  - L{txws.wire.extensions}: what changes frames on their way.
  - L{txws.wire.http}, L{txws.wire.handshake}, L{txws.wire.serverhandshake},
    L{txws.wire.clienthandshake}: the opening handshake.
  - L{txws.wire.states}: the life of a connection, as a table.
  - L{txws.wire.closeframe}, L{txws.wire.sending}, L{txws.wire.connection}:
    everything after the opening handshake.

Where txws was installed with a C compiler, the modules that every message goes
through are compiled, here and in the rooms above.  They do the same, and
L{isCompiled} tells.  In a process whose environment has C{TXWS_PLAIN=1} nothing
compiled is used.
"""

import os
from importlib.machinery import ExtensionFileLoader
from importlib.util import find_spec

__all__ = ["isCompiled"]

_compiled = os.path.join(__path__[0], "compiled")
__path__[:0] = [] if os.environ.get("TXWS_PLAIN") else [_compiled]

_spec = find_spec(f"{__name__}.frames")

# Whether this is the compiled wire.
isCompiled = _spec is not None and isinstance(_spec.loader, ExtensionFileLoader)
