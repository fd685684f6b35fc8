"""
The stair, held against the code: a room knows the rooms below it and nothing
above.

The table is the one of C{docs/design}.
"""

from __future__ import annotations

import ast
import sys
from functools import cache
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "txws"

# Each room and its step; a room imports only from lower steps.
STEPS = {
    "__init__": 7,
    "blocking": 6,
    "__main__": 7,
    "tap": 6,
    "optionvalues": 5.5,
    "parsers": 6,
    "demo": 5,
    "services": 5,
    "websocket": 5,
    "responses": 4.9,
    "endpoints": 5,
    "routing": 4.5,
    "factories": 4,
    "setups": 3.9,
    "applications": 3.8,
    "groups": 4,
    "resource": 4.5,
    "server": 3,
    "client": 3,
    "proxies": 3,
    "streaming": 3,
    "carriers": 3.2,
    "clientoptions": 3.3,
    "visits": 3.4,
    "dialing": 3.5,
    "coroutines": 3,
    "conversation": 2.9,
    "httptunnels": 2.8,
    "sockstunnels": 2.8,
    "negotiation": 2.8,
    "slowreaders": 3,
    "upgrades": 2.9,
    "refusals": 2.85,
    "takeover": 2.85,
    "connections": 1.5,
    "tunnels": 2.6,
    "transport": 2.5,
    "sending": 2.4,
    "inflow": 2.3,
    "delivery": 2.2,
    "outbox": 2.2,
    "sources": 0.9,
    "results": 0.9,
    "cookies": 0.9,
    "flow": 2,
    "deadlines": 1.8,
    "memory": 1.8,
    "reading": 1.9,
    "writing": 1.9,
    "closing": 2,
    "keepalive": 2,
    "framelog": 2,
    "encodings": 2,
    "handlers": 1.5,
    "request": 1.5,
    "reactorthread": 1.5,
    "policy": 1.4,
    "origins": 1.3,
    "extensions": 1.4,
    "urls": 1.1,
    "patterns": 1.4,
    "authentication": 1.2,
    "tlsfailures": 1.1,
    "errors": 1,
    "interfaces": 1,
    "version": 0.1,
}

# The modules of the wire; each imports only those before it.
WIRE = (
    "codes",
    "errors",
    "masking",
    "singleframes",
    "frames",
    "events",
    "messages",
    "extensions",
    "prepared",
    "compression",
    "deflate",
    "deflateframe",
    "http",
    "bodies",
    "handshake",
    "serverhandshake",
    "clienthandshake",
    "states",
    "closeframe",
    "contract",
    "sending",
    "connection",
)

# The modules of the tools for tests, on the step of TESTING_STEP; each imports
# only those before it.
TESTING = (
    "transports",
    "faults",
    "links",
    "connections",
    "networks",
    "handlers",
    "requests",
    "fakes",
    "pairs",
    "servers",
    "strategies",
)
TESTING_STEP = 6

# What stands beside the stair; it may go, and nothing else does.
LEGACY = PACKAGE / "legacy"
# The modules of the command line, on the step of SHELL_STEP; each imports only
# those before it.
SHELL = (
    "display",
    "diagnosis",
    "trust",
    "options",
    "keys",
    "editor",
    "history",
    "streams",
    "screen",
    "talk",
    "pipe",
    "lookup",
    "probe",
    "report",
    "trials",
    "check",
    "latencies",
    "load",
    "bench",
    "command",
)
SHELL_STEP = 6


@cache
def modules(folder: Path) -> dict[str, ast.Module]:
    """
    Parse the modules of a folder, by their names.
    """
    return {
        path.stem: ast.parse(path.read_text(), str(path))
        for path in sorted(folder.glob("*.py"))
    }


@cache
def importsOf(tree: ast.Module) -> list[str]:
    """
    Find what a module imports, anywhere in it, names of our own with leading
    dots.
    """
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append("." * node.level + (node.module or ""))
    return found


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

    def test_everyTestingModuleHasAPlace(self) -> None:
        """
        Each module of the tools for tests has its place.
        """
        self.assertEqual(set(modules(PACKAGE / "testing")), {"__init__", *TESTING})

    def test_roomsImportDownTheStair(self) -> None:
        """
        A room imports from lower steps alone.
        """
        for name, tree in modules(PACKAGE).items():
            if name == "__init__":
                continue
            for imported in importsOf(tree):
                room = imported.lstrip(".").partition(".")[0]
                self.assertNotEqual(imported, ".", f"{name} imports the façade")
                if not imported.startswith(".") or room in {"wire", "legacy"}:
                    continue
                step = SHELL_STEP if room == "shell" else STEPS[room]
                self.assertLess(step, STEPS[name], f"{name} imports {room}")

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
        The wire imports the standard library, wsaccel and zope.interface; of what
        else it would use, isal, it does without what is not there.
        """
        allowed = {*sys.stdlib_module_names, "wsaccel", "zope"}
        for name, tree in modules(PACKAGE / "wire").items():
            for imported in importsOf(tree):
                if not imported.startswith("."):
                    self.assertIn(imported.partition(".")[0], allowed, name)

    def test_testingImportsWhatStandsBeforeIt(self) -> None:
        """
        A module of the tools for tests imports those before it, and rooms on
        lower steps.
        """
        for name, tree in modules(PACKAGE / "testing").items():
            for imported in importsOf(tree):
                package, _, room = imported.partition(".")
                where = f"testing.{name} imports {imported}"
                if package == "txws" and not room.startswith("wire"):
                    self.assertLess(STEPS[room], TESTING_STEP, where)
                elif not package and name != "__init__":
                    self.assertIn(room, TESTING[: TESTING.index(name)], where)

    def test_shellImportsWhatStandsBeforeIt(self) -> None:
        """
        A module of the command line imports those before it, and rooms on
        lower steps; all have their places.
        """
        found = modules(PACKAGE / "shell")
        self.assertEqual(set(found), {"__init__", *SHELL})
        for name, tree in found.items():
            for imported in importsOf(tree):
                package, _, room = imported.partition(".")
                where = f"shell.{name} imports {imported}"
                if package == "txws" and not room.startswith("wire"):
                    self.assertLess(STEPS[room], SHELL_STEP, where)
                elif not package:
                    self.assertIn(room, SHELL[: SHELL.index(name)], where)

    def test_onlyMainKnowsTheShell(self) -> None:
        """
        What is for the command line is not imported by anything else.
        """
        for folder in (PACKAGE, PACKAGE / "wire", PACKAGE / "testing"):
            for name, tree in modules(folder).items():
                if name != "__main__":
                    for imported in importsOf(tree):
                        self.assertNotIn("shell", imported.split("."), name)

    def test_onlyStrategiesNeedHypothesis(self) -> None:
        """
        C{hypothesis} is for those who import C{testing.strategies}; nobody
        else does.
        """
        for name, tree in modules(PACKAGE / "testing").items():
            imports = set(importsOf(tree))
            self.assertEqual("hypothesis" in imports, name == "strategies", name)
            self.assertNotIn(".strategies", imports, name)

    def test_theWireKnowsNothingOfItsPast(self) -> None:
        """
        The package does not know C{legacy}, but for the option of the command
        line, which looks for it when it is used.
        """
        rooms = {**modules(PACKAGE / "wire"), **modules(PACKAGE)}
        for name, tree in rooms.items():
            lookups = [
                node
                for node in ast.walk(tree)
                if isinstance(node, ast.ImportFrom | ast.Import)
                and "legacy" in ast.unparse(node)
            ]
            if name != "tap":
                self.assertEqual(lookups, [], name)
            for node in lookups:
                self.assertNotIn(node, tree.body, name)

    def test_legacyKnowsTheWireAlone(self) -> None:
        """
        C{legacy} imports the wire, the interfaces and the errors.
        """
        for name, tree in modules(LEGACY).items():
            for imported in importsOf(tree):
                package, _dot, room = imported.partition(".")
                if package == "txws":
                    room = room.partition(".")[0]
                    self.assertIn(room, {"wire", "interfaces", "errors"}, name)

    def test_onlyTheDoorToTwistedWebKnowsIt(self) -> None:
        """
        L{twisted.web} is imported by C{resource} alone, and by the drop-in for
        a part of it, with its responses.
        """
        users = {
            name
            for name, tree in modules(PACKAGE).items()
            if any(imported.startswith("twisted.web") for imported in importsOf(tree))
        }
        self.assertEqual(users, {"resource", "responses", "websocket"})

    def test_onlyPatternsKnowWerkzeug(self) -> None:
        """
        C{werkzeug} is imported by C{patterns} alone.
        """
        users = {
            name
            for name, tree in modules(PACKAGE).items()
            if any(imported.startswith("werkzeug") for imported in importsOf(tree))
        }
        self.assertEqual(users, {"patterns"})

    def test_theReactorIsImportedInsideFunctions(self) -> None:
        """
        Importing a module of the package installs no reactor, and few modules
        know that there is a global one.
        """
        users = set()
        found = {**modules(PACKAGE / "shell"), **modules(PACKAGE)}
        for name, tree in found.items():
            for node in ast.walk(tree):
                if not isinstance(node, ast.ImportFrom):
                    continue
                names = {f"{node.module}.{alias.name}" for alias in node.names}
                if "twisted.internet.reactor" in names:
                    users.add(name)
                    self.assertNotIn(node, tree.body, name)
        self.assertEqual(users, {"command", "reactorthread", "setups", "tap"})

    def test_onlyTheClockSchedules(self) -> None:
        """
        C{callLater} is called in C{keepalive} alone.
        """
        self.assertEqual(self.callersOf("callLater"), {"deadlines", "keepalive"})
        self.assertEqual(self.callersOf("callLater", PACKAGE / "testing"), set())

    def test_fewWriteToATransport(self) -> None:
        """
        Bytes leave by C{writing}, but for what clients say first, and refusals.
        """
        writers = self.callersOf("write") | self.callersOf("writeSequence")
        # A StreamTransport writes to itself, and what is not upgraded is
        # answered through its request.
        writers -= {"streaming", "upgrades"}
        self.assertEqual(writers, {"writing", "server", "client", "tunnels"})

    def test_testingIsForTests(self) -> None:
        """
        The tools for tests are not imported by what they test.
        """
        for folder in (PACKAGE, PACKAGE / "wire", PACKAGE / "shell"):
            for name, tree in modules(folder).items():
                for imported in importsOf(tree):
                    self.assertNotIn("testing", imported.split("."), name)

    def test_twistedStaysWhole(self) -> None:
        """
        No file of ours hides Twisted, or its plugins.
        """
        for folder in (ROOT / "twisted", ROOT / "twisted" / "plugins"):
            self.assertFalse((folder / "__init__.py").exists(), str(folder))

    def callersOf(self, method: str, folder: Path = PACKAGE) -> set[str]:
        """
        Find the modules that call a method of this name.
        """
        return {
            name
            for name, tree in modules(folder).items()
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == method
        }
