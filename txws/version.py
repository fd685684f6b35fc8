"""
Which txws this is.
"""

__all__ = ["VERSION"]

VERSION = "1.0.0.dev0"
