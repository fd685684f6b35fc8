"""
Tests for the choice between the plain and the compiled wire.
"""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import runPython
from txws import (
    delivery,
    encodings,
    flow,
    inflow,
    keepalive,
    sending,
    streaming,
    writing,
)
from txws.wire import __file__ as path
from txws.wire import (
    connection,
    contract,
    events,
    frames,
    isCompiled,
    masking,
    messages,
    singleframes,
)
from txws.wire import sending as wireSending

COMPILED = (
    masking,
    singleframes,
    frames,
    events,
    messages,
    contract,
    wireSending,
    connection,
    writing,
    keepalive,
    flow,
    delivery,
    inflow,
    sending,
    encodings,
    streaming,
)

CHOICE = """
import os, sys
os.environ.pop("TXWS_PLAIN", None)
os.environ.update(pair.split("=") for pair in sys.argv[2:])
sys.path.insert(0, sys.argv[1])
"""


class CompiledTests(SynchronousTestCase):
    """
    The wire is either compiled or not.
    """

    def test_all(self):
        """
        All of what can be compiled is, or nothing.
        """
        for module in COMPILED:
            isPlain = Path(str(module.__file__)).suffix == ".py"
            self.assertIsNot(isPlain, isCompiled, module)

    def test_notConstructed(self):
        """
        An object whose constructor was not called raises an error when it is
        used, and the process goes on.
        """

        class Careless(connection.Connection):
            def __init__(self):
                """
                Forget the one above.
                """

        for act in (
            Careless().nextEvent,
            lambda: Careless().sendText("Hello"),
            lambda: len(Careless().dataToSend()),
            frames.FrameParser.__new__(frames.FrameParser).nextFrame,
        ):
            self.assertRaises((AttributeError, TypeError), act)

    def test_choice(self):
        """
        What is compiled comes first, unless the environment says otherwise.
        """
        folder = Path(self.mktemp()).resolve() / "wire"
        (folder / "compiled").mkdir(parents=True)
        for place in (folder, folder / "compiled"):
            (place / "frames.py").touch()
        (folder / "__init__.py").write_text(Path(path).read_text())
        program = f"{CHOICE}from wire import frames; print(frames.__file__)"
        for environment, chosen in (
            ((), folder / "compiled"),
            (("TXWS_PLAIN=",), folder / "compiled"),
            (("TXWS_PLAIN=1",), folder),
        ):
            ended = runPython("-c", program, str(folder.parent), *environment)
            self.assertEqual(ended.stdout.strip(), str(chosen / "frames.py"), ended)

    def test_plain(self):
        """
        A process can be kept from using anything that is compiled.
        """
        program = f"{CHOICE}import txws.wire; print(txws.wire.isCompiled)"
        found = Path(path).parents[2]
        ended = runPython("-c", program, str(found), "TXWS_PLAIN=1")
        self.assertEqual(ended.stdout, "False\n", ended)

    def test_processes(self):
        """
        What these tests start in other processes is what they test themselves.
        """
        program = "import txws.wire; print(txws.wire.isCompiled, txws.wire.__file__)"
        ended = runPython("-c", program)
        self.assertEqual(ended.stdout, f"{isCompiled} {path}\n", ended)
