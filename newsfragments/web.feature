``txws.WebSocketResource`` serves an application anywhere in a tree of ``twisted.web`` resources: beside
pages on one port, in a Klein application, behind guards, over TLS, with the limits, policies and
deadlines of a port of its own.

An upgrade on a connection that has already brought pages from the ``site`` of a ``txws.WebSocketFactory``
is accepted as if it had come first.

``txws.WebSocketFactory`` takes factories written for ``twisted.web.websocket``, and handlers that declare no interface.
