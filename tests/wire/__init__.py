"""
Tests for L{txws.wire}: tables of bytes, run whole and split at every byte.
"""
