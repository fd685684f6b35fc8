"""
Tests for L{txws.memory}.
"""

from __future__ import annotations

import platform
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

# Allocates what a large message needs, and prints how many pages were made anew,
# before and after the lesson.
PROGRAM = """
import resource
from txws.memory import keepMemory

def countPages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _message in range(50):
        received = b"a" * 2**20
        text = received.decode()
        sent = text.encode()
        del received, text, sent
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

first = countPages()
keepMemory()
keepMemory()
countPages()
print(first, countPages())
"""


class KeepMemoryTests(SynchronousTestCase):
    """
    The memory of large messages is kept.
    """

    if platform.libc_ver()[0] != "glibc":
        skip = "only the allocator of glibc learns"

    def test_pages(self):
        """
        Fewer pages are made anew for messages of 1 MiB.
        """
        environment = {"PATH": "", "PYTHONPATH": ":".join(sys.path)}
        printed = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        before, after = map(int, printed.split())
        self.assertGreater(before, 1000)
        self.assertLess(after, before / 10)
