txws.testing.MemoryConnection, txws.testing.MemoryTransport and txws.testing.RecordingHandler test WebSocket applications in memory.
