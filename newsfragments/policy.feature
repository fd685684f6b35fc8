txws.Limits, txws.KeepalivePolicy and txws.HandshakePolicy set every limit and deadline, and which origins, subprotocols and paths are accepted; pages of the same origin alone by default.
