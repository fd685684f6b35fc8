"""
Tests for L{txws}, the façade.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import txws

from .processes import runPython

# Says which names of a list are loaded after something has been imported.
LOADED = "import sys; print(*(n for n in {names} if n in sys.modules))"


class FacadeTests(SynchronousTestCase):
    """
    All public names are to be had from one module.
    """

    def importAndList(self, statement: str, *names: str) -> list[str]:
        """
        Run a statement in a new process, and find out which of some modules it
        has loaded.
        """
        ran = runPython("-c", f"{statement}\n{LOADED.format(names=names)}")
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        return ran.stdout.split()

    def test_everyNameIsThere(self):
        """
        Each public name can be had, and is what its module says it is.
        """
        for name in txws.__all__:
            found = getattr(txws, name)

            self.assertIsNotNone(found, name)
            module = getattr(found, "__module__", None)
            if module is not None:
                self.assertIs(getattr(import_module(module), name), found)

    def test_namesAreSorted(self):
        """
        The public names are listed in order, and once.
        """
        names = txws.__all__

        self.assertEqual(len(set(names)), len(names))
        self.assertEqual(dir(txws), sorted(dir(txws)))

    def test_namesAreListed(self):
        """
        The public names are listed before they are loaded, for those who look
        around.
        """
        ran = runPython("-c", "import txws; print(*dir(txws))")

        self.assertLessEqual(set(txws.__all__), set(ran.stdout.split()))

    def test_everythingIsImported(self):
        """
        C{from txws import *} brings the public names.
        """
        ran = runPython("-c", "from txws import *; print(*dir())")

        self.assertLessEqual({*txws.__all__} - {"__version__"}, {*ran.stdout.split()})

    def test_unknownName(self):
        """
        A name that is not there is an error that says where it is not.
        """
        error = self.assertRaises(AttributeError, getattr, txws, "WebSocketFactry")

        self.assertEqual(str(error), "module 'txws' has no attribute 'WebSocketFactry'")

    def test_publicNamesHaveModules(self):
        """
        What a module says is public is there.
        """
        package = Path(txws.__file__).parent
        for path in sorted(package.rglob("*.py")):
            parts = path.relative_to(package.parent).with_suffix("").parts
            module = import_module(".".join(parts).removesuffix(".__init__"))
            for name in getattr(module, "__all__", ()):
                self.assertTrue(hasattr(module, name), f"{module.__name__}.{name}")

    def test_lazy(self):
        """
        Importing the package loads nothing of Twisted, and neither does the
        wire.
        """
        for statement in ("import txws", "import txws.wire", "import txws.wire.codes"):
            self.assertEqual(self.importAndList(statement, "twisted"), [], statement)

    def test_wireWithoutTwisted(self):
        """
        All of the wire can be used where there is no Twisted.
        """
        statement = "\n".join(
            f"import txws.wire.{path.stem}"
            for path in (Path(txws.__file__).parent / "wire").glob("*.py")
            if path.stem != "__init__"
        )

        self.assertEqual(self.importAndList(statement, "twisted"), [])

    def test_noReactor(self):
        """
        Using the public names installs no reactor.
        """
        statement = "from txws import *"

        self.assertEqual(
            self.importAndList(statement, "twisted", "twisted.internet.reactor"),
            ["twisted"],
        )

    def test_noWebServer(self):
        """
        Using the public names loads no L{twisted.web}, but for the resource,
        which is one of its.
        """
        statement = (
            "import txws\n"
            "for name in txws.__all__:\n"
            "    if name != 'WebSocketResource':\n"
            "        getattr(txws, name)"
        )

        self.assertEqual(self.importAndList(statement, "twisted.web"), [])

    def test_noWerkzeug(self):
        """
        Using the public names loads no C{werkzeug}, which is an extra.
        """
        self.assertEqual(self.importAndList("from txws import *", "werkzeug"), [])

    def test_version(self):
        """
        The version is the one of the distribution.
        """
        pyproject = Path(txws.__file__).parents[1] / "pyproject.toml"

        if pyproject.exists():
            self.assertIn(f'version = "{txws.__version__}"', pyproject.read_text())
        self.assertRegex(txws.__version__, r"\A[0-9]+\.[0-9]+\.[0-9]+")
