"""
The plain wire beside the compiled one, in one process: the same modules, once
more, in a package of another name.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import txws.wire

__all__ = ["plain"]

_PACKAGE = "txwsplainwire"


def plain(name: str) -> ModuleType:
    """
    Import a module of the wire as plain Python, whatever L{txws.wire} is.

    @param name: its name in the wire, such as C{"frames"}.
    """
    if _PACKAGE not in sys.modules:
        package = ModuleType(_PACKAGE)
        # The compiled modules are in a folder below it.
        package.__path__ = [str(Path(txws.wire.__file__).parent)]
        sys.modules[_PACKAGE] = package
    return import_module(f"{_PACKAGE}.{name}")
