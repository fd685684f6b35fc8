"""
The tests of txws, one module for each module of the package.

Everything here runs in memory; only C{tests.live} opens sockets.
"""
