"""
Tests for what is left without L{txws.legacy}: everything else.  With
C{TXWS_LIVE}, C{tests.live.test_legacy} runs all other tests where it is deleted.
"""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import runPython

# Hides the package from whatever is imported afterwards.
HIDE = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("txws.legacy"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hidden())
"""

# Imports every other module, as a user would.
IMPORT_ALL = """
from importlib import import_module
from pkgutil import walk_packages
import txws
names = [found.name for found in walk_packages(txws.__path__, "txws.")]
names = [name for name in names if not name.startswith("txws.legacy")]
assert "txws.wire.contract" in names and "txws.tap" in names
for name in names:
    import_module(name)
from txws import *
assert not [name for name in sys.modules if name.startswith("txws.legacy")]
"""

# Runs tests, with the arguments of trial.
RUN_TESTS = """
import atexit
@atexit.register
def check():
    print("found" if "txws.legacy" in sys.modules else "never looked for")
from twisted.scripts.trial import run
run()
"""

# Asks for it.
ASK = """
from twisted.python.usage import UsageError
from txws.tap import Options
try:
    Options().parseOptions(["--legacy", "hixie-76"])
except UsageError as error:
    print(error)
"""


class IsolationTests(SynchronousTestCase):
    """
    Nothing but the option that asks for it misses it.
    """

    def runHidden(self, *parts: str) -> str:
        """
        Run a program from which the package is hidden.

        @return: what it printed.
        """
        ran = runPython("-c", "".join((HIDE, *parts)))
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        return ran.stdout

    def test_hidden(self) -> None:
        """
        The package is really hidden from these programs.
        """
        ran = runPython("-c", HIDE + "import txws.legacy")

        self.assertIn("No module named 'txws.legacy'", ran.stderr)

    def test_everythingElseIsImported(self) -> None:
        """
        Every other module, and every public name, is imported without it.
        """
        self.runHidden(IMPORT_ALL)

    def test_serversWork(self) -> None:
        """
        What serves passes its tests without it.
        """
        folder = f"--temp-directory={Path(self.mktemp()).absolute()}"
        names = ("tests.test_factories", "tests.test_server")
        ran = runPython("-c", HIDE + RUN_TESTS, folder, *names)

        self.assertEqual(ran.returncode, 0, ran.stdout)
        self.assertIn("never looked for", ran.stdout)

    def test_option(self) -> None:
        """
        Who asks for it on the command line is told in one sentence.
        """
        self.assertEqual(
            self.runHidden(ASK), "--legacy needs txws.legacy, which is not here\n"
        )
