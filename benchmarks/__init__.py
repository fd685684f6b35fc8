"""
How fast txws is, beside others and beside itself.

In the root of a checkout, on Linux::

    python -m benchmarks                  all work, on all servers
    python -m benchmarks.growth           cost by connections and by size
    python -m benchmarks.compare OLD NEW  two revisions of txws
    python -m benchmarks.wire             the parts of the wire, in one process

The first two write tables and charts into C{docs/benchmarks}.  What they need
goes into C{benchmarks/.work}, which may be deleted at any time.
"""
