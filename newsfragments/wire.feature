txws.wire speaks RFC 6455, both roles, without Twisted: frames, connections, opening handshakes, and hooks for extensions.
