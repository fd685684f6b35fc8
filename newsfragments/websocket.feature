Programs written for ``twisted.web.websocket`` run on txws when they import its names from ``txws.websocket``, on
servers and clients alike.
