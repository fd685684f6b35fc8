"""
The pydoctor system that CI builds the API reference with.

A dead C{L{}} link fails that build.  Links out of the package are looked up in
inventories that pydoctor downloads from the sites of the other projects, which
a machine without a way to them cannot do.  But the other projects are
installed, so here a link is alive when Python finds what it names.
"""

import builtins
import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from urllib.parse import quote

from pydoctor.model import System
from pydoctor.sphinx import SphinxInventory
from zope.interface.interface import InterfaceClass

# Pages are searched for, not guessed: not every name has one of its own.
SEARCHES = {
    "twisted": "https://docs.twisted.org/en/stable/search.html?q=",
    "zope": "https://zopeinterface.readthedocs.io/en/latest/search.html?q=",
    "python": "https://docs.python.org/3/search.html?q=",
}


class InstalledNames(SphinxInventory):
    """
    An inventory of everything that can be imported from Twisted,
    zope.interface and the standard library.
    """

    def getLink(self, name: str) -> str | None:
        """
        Return the address of a page that tells about a name, or L{None} if
        nothing has that name.
        """
        search = SEARCHES.get(_project(name))
        if search is None or not _exists(name):
            return None
        return search + quote(name)


class OfflineSystem(System):
    """
    A pydoctor system that knows L{InstalledNames}.
    """

    def __init__(self, options: object = None) -> None:
        super().__init__(options)
        self.intersphinx = InstalledNames(logger=self.msg)


def _project(name: str) -> str:
    root = name.partition(".")[0]
    if root in sys.stdlib_module_names or hasattr(builtins, root):
        return "python"
    return root


def _exists(name: str) -> bool:
    """
    Tell whether a dotted name leads to a module, or to anything inside of one.
    """
    if _isModule(name):
        return True
    parts = name.split(".")
    if hasattr(builtins, parts[0]):
        parts.insert(0, "builtins")
    for length in range(len(parts), 0, -1):
        module = _imported(".".join(parts[:length]))
        if module is not None:
            return _leadsTo(module, parts[length:])
    return False


def _isModule(name: str) -> bool:
    """
    Tell whether there is such a module, even if it needs one that there is not.
    """
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _imported(name: str) -> ModuleType | None:
    try:
        return import_module(name)
    except ImportError:
        return None


def _leadsTo(start: object, path: list[str]) -> bool:
    for step in path:
        if isinstance(start, InterfaceClass) and step in start:
            start = start[step]
        elif hasattr(start, step):
            start = getattr(start, step)
        else:
            return False
    return True
