txws.WebSocketHandler and txws.IWebSocketHandlerFactory serve messages: handlers that send, ping, close with a code, and see the request's path, headers and cookies.
