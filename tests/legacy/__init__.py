"""
Tests for L{txws.legacy}.  They go when it goes, and nothing else does.
"""
