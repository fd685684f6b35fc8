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
  - L{txws.wire.connection}: everything after it.
"""
