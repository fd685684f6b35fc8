txws.IWebSocketTransport has flow control both ways: producers, paused delivery, high and low water marks, and a cap beyond which a slow reader is closed with 1008.
