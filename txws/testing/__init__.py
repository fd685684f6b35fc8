"""
Tools to test WebSocket applications with, in memory: no socket, no clock but
the one that the test turns.
"""

from __future__ import annotations

from .connections import MemoryConnection
from .fakes import FakeWebSocketTransport
from .faults import Faults, splitData
from .handlers import RecordingHandler, RecordingHandlerFactory
from .pairs import MemoryClient, MemoryPair
from .requests import makeRequest
from .servers import MemoryServer
from .transports import MemoryTransport

__all__ = [
    "FakeWebSocketTransport",
    "Faults",
    "MemoryClient",
    "MemoryConnection",
    "MemoryPair",
    "MemoryServer",
    "MemoryTransport",
    "RecordingHandler",
    "RecordingHandlerFactory",
    "makeRequest",
    "splitData",
]
