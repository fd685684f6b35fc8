"""
Tools to test WebSocket applications with, in memory: no socket, no clock but
the one that the test turns.
"""

from __future__ import annotations

from .connections import MemoryConnection
from .faults import Faults, splitData
from .handlers import RecordingHandler, RecordingHandlerFactory
from .pairs import MemoryClient, MemoryPair
from .servers import MemoryServer
from .transports import MemoryTransport

__all__ = [
    "Faults",
    "MemoryClient",
    "MemoryConnection",
    "MemoryPair",
    "MemoryServer",
    "MemoryTransport",
    "RecordingHandler",
    "RecordingHandlerFactory",
    "splitData",
]
