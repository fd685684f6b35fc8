"""
Tests for L{txws.testing}.
"""
