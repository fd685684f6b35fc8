``twistd websocket`` serves a demo to be opened in a browser, or by ``--wrap`` any factory, protocol or handler; it stops gracefully.
