"""
Programs of other libraries that L{tests.live.interoperation} talks with.

Each is a server and a client in one process, and does on each connection what the
path of the URL says:

  - C{/echo}: send back each message;
  - C{/fragments}: send back each message in fragments;
  - C{/ping}: send a Ping, and a text message C{pong} when it is answered; echo;
  - C{/close}: close the connection, with L{CLOSE_CODE} and L{CLOSE_REASON}.

It is started with the path of a PEM file, its certificate and its key, which its
client trusts, too.  It announces itself by a line of JSON on standard output: the
C{version} of the library, and the ports C{plain} and C{secure} of its server.  A
line of JSON on standard input has its client connect, to C{url}, offering
C{subprotocols}, and permessage-deflate with the parameters C{deflate}, if it lets one
choose them.  When a connection of either role has ended, a line on standard
output tells its C{target}, its C{subprotocol}, and the C{code} and the C{reason}
of its end as the library tells them; C{null} is what it does not tell.  The
program ends when standard input does.

Servers speak the subprotocol L{SUBPROTOCOL} and no other.  Both roles agree on
compression with whoever wants it, with any parameters.
"""

__all__ = ["CLOSE_CODE", "CLOSE_REASON", "SUBPROTOCOL"]

CLOSE_CODE = 4001
CLOSE_REASON = "the peer is done"
SUBPROTOCOL = "chat"
