txws.parsers.WebSocketServerParser makes ``ws:`` before any server endpoint string serve WebSockets; txws.WebSocketServerEndpoint does so in programs.
