"""
What txws adds to Twisted: C{twistd websocket}, and the C{ws:} and
C{wss:} endpoints.
"""

from twisted.application.service import ServiceMaker

from txws.parsers import WebSocketClientParser, WebSocketServerParser

webSocketServiceMaker = ServiceMaker(
    "txws",
    "txws.tap",
    "A WebSocket server: a demo, or any Twisted factory.",
    "websocket",
)
webSocketServerParser = WebSocketServerParser()
webSocketClientParser = WebSocketClientParser("ws")
secureWebSocketClientParser = WebSocketClientParser("wss")
