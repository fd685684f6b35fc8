"""
The machine: its cores, its limits, and what there is to know about it.
"""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path

__all__ = ["describe", "loadAverage", "pinLoad", "pinServer", "raiseLimits"]


def pinServer(process: int) -> None:
    """
    Keep a process on the core for servers.

    @param process: its id; 0 for this one.
    """
    os.sched_setaffinity(process, {_cores()[-1]})


def pinLoad(process: int) -> None:
    """
    Keep a process on the core for the load, which is another one if there are
    two.

    @param process: its id.
    """
    os.sched_setaffinity(process, {_cores()[0]})


def _cores() -> list[int]:
    """
    List the cores that there are for this process.
    """
    return sorted(os.sched_getaffinity(0))


def raiseLimits() -> int:
    """
    Let this process and its children have as many descriptors as they may.

    @return: how many.
    """
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def describe() -> dict[str, str]:
    """
    Tell of the machine, as it is now.
    """
    cores = len(_cores())
    shared = ", shared by server and load" if cores == 1 else ""
    return {
        "Measured": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "Processor": f"{_processor()}, cores: {cores}{shared}",
        "System": f"{platform.system()} {platform.release()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "Load average before": loadAverage(),
    }


def loadAverage() -> str:
    """
    Tell how much there was to do in the last 1, 5 and 15 minutes.
    """
    return " ".join(f"{load:.2f}" for load in os.getloadavg())


def _processor() -> str:
    """
    Find the name of the processor.
    """
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
