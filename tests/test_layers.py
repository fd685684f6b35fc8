"""
The stair, held against the code: a room knows the rooms below it and nothing
above.

The table is the one of C{docs/design}.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "txws"

# Each room and its step; a room imports only from lower steps.
STEPS = {
    "__init__": 7,
    "testing": 6,
    "tap": 6,
    "parsers": 6,
    "demo": 5,
    "services": 5,
    "endpoints": 5,
    "factories": 4,
    "resource": 4,
    "server": 3,
    "client": 3,
    "streaming": 3,
    "coroutines": 3,
    "negotiation": 2.8,
    "transport": 2.5,
    "delivery": 2.2,
    "outbox": 2.2,
    "sources": 0.9,
    "results": 0.9,
    "flow": 2,
    "keepalive": 2,
    "framelog": 2,
    "encodings": 2,
    "handlers": 1.5,
    "request": 1.5,
    "policy": 1.4,
    "extensions": 1.4,
    "errors": 1,
    "interfaces": 1,
}

# The modules of the wire; each imports only those before it.
WIRE = (
    "codes",
    "errors",
    "masking",
    "frames",
    "events",
    "messages",
    "extensions",
    "compression",
    "deflate",
    "deflateframe",
    "http",
    "handshake",
    "serverhandshake",
    "clienthandshake",
    "connection",
)


def modules(folder: Path) -> dict[str, ast.Module]:
    """
    Parse the modules of a folder, by their names.
    """
    return {
        path.stem: ast.parse(path.read_text(), str(path))
        for path in sorted(folder.glob("*.py"))
    }


def importsOf(tree: ast.Module) -> Iterator[str]:
    """
    Find what a module imports, anywhere in it, names of our own with leading
    dots.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


class LayerTests(SynchronousTestCase):
    """
    Tests for the order of the rooms.
    """

    def test_everyRoomHasAStep(self) -> None:
        """
        Each module of the package stands on the stair.
        """
        self.assertEqual(set(modules(PACKAGE)), set(STEPS))

    def test_everyWireModuleHasAPlace(self) -> None:
        """
        Each module of the wire has its place.
        """
        self.assertEqual(set(modules(PACKAGE / "wire")), {"__init__", *WIRE})

    def test_roomsImportDownTheStair(self) -> None:
        """
        A room imports from lower steps alone.
        """
        for name, tree in modules(PACKAGE).items():
            if name == "__init__":
                continue
            for imported in importsOf(tree):
                room = imported.lstrip(".").partition(".")[0]
                if not imported.startswith(".") or room == "wire":
                    continue
                self.assertLess(STEPS[room], STEPS[name], f"{name} imports {room}")

    def test_wireImportsWhatStandsBeforeIt(self) -> None:
        """
        A module of the wire imports those before it, and no room above.
        """
        for name, tree in modules(PACKAGE / "wire").items():
            for imported in importsOf(tree):
                self.assertFalse(imported.startswith(".."), f"{name}: {imported}")
                if imported.startswith("."):
                    before = WIRE[: WIRE.index(name)]
                    self.assertIn(imported[1:], before, f"{name}: {imported}")

    def test_wireKnowsNothingOfTwisted(self) -> None:
        """
        The wire imports the standard library, wsaccel and zope.interface.
        """
        allowed = {*sys.stdlib_module_names, "wsaccel", "zope"}
        for name, tree in modules(PACKAGE / "wire").items():
            for imported in importsOf(tree):
                if not imported.startswith("."):
                    self.assertIn(imported.partition(".")[0], allowed, name)

    def test_onlyTheDoorToTwistedWebKnowsIt(self) -> None:
        """
        L{twisted.web} is imported by C{resource} alone.
        """
        users = {
            name
            for name, tree in modules(PACKAGE).items()
            if any(imported.startswith("twisted.web") for imported in importsOf(tree))
        }
        self.assertEqual(users, {"resource"})

    def test_theReactorIsImportedInsideFunctions(self) -> None:
        """
        Importing a module of the package installs no reactor, and few modules
        know that there is a global one.
        """
        users = set()
        for name, tree in modules(PACKAGE).items():
            for node in ast.walk(tree):
                if not isinstance(node, ast.ImportFrom):
                    continue
                names = {f"{node.module}.{alias.name}" for alias in node.names}
                if "twisted.internet.reactor" in names:
                    users.add(name)
                    self.assertNotIn(node, tree.body, name)
        self.assertEqual(users, {"factories", "tap"})

    def test_onlyTheClockSchedules(self) -> None:
        """
        C{callLater} is called in C{keepalive} alone.
        """
        self.assertEqual(self.callersOf("callLater"), {"keepalive"})

    def test_fewWriteToATransport(self) -> None:
        """
        Bytes leave by C{flow}, but for what goes before the first frame.
        """
        writers = self.callersOf("write") | self.callersOf("writeSequence")
        # A StreamTransport and a MemoryTransport write to themselves.
        writers -= {"streaming", "testing"}
        self.assertEqual(writers, {"flow", "transport", "server", "client"})

    def test_testingIsForTests(self) -> None:
        """
        The tools for tests are not imported by what they test.
        """
        for name, tree in modules(PACKAGE).items():
            self.assertNotIn(".testing", set(importsOf(tree)), name)

    def test_twistedStaysWhole(self) -> None:
        """
        No file of ours hides Twisted, or its plugins.
        """
        for folder in (ROOT / "twisted", ROOT / "twisted" / "plugins"):
            self.assertFalse((folder / "__init__.py").exists(), str(folder))

    def callersOf(self, method: str) -> set[str]:
        """
        Find the modules that call a method of this name.
        """
        return {
            name
            for name, tree in modules(PACKAGE).items()
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == method
        }
