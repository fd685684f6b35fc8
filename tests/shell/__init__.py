"""
Tests for L{txws.shell}.
"""
