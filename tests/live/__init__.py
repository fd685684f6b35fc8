"""
Tests that need real sockets, browsers or the conformance suite.
"""
