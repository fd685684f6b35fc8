"""
Runs a module of the checkout, such as trial with its tests, on the package that
is installed and on one of its wires::

    python .ci/installed.py compiled twisted.trial tests
    python .ci/installed.py plain tests.live.conformance server --all

C{python -m} would find the package of the checkout first.
"""

import os
import sys
from pathlib import Path
from runpy import run_module

CHECKOUT = Path(__file__).resolve().parents[1]
WIRES = {"compiled": True, "plain": False}


def chooseWire(name: str) -> None:
    """
    Import the installed package, for this process and those that it starts.

    @raise SystemExit: if that is not there, or not with this wire.
    """
    if WIRES[name]:
        os.environ.pop("TXWS_PLAIN", None)
    else:
        os.environ["TXWS_PLAIN"] = "1"
    import txws.wire

    if Path(txws.__file__).is_relative_to(CHECKOUT / "txws"):
        sys.exit("txws is not installed")
    if txws.wire.isCompiled is not WIRES[name]:
        sys.exit(f"the wire is not {name}: {txws.wire.__path__}")


if __name__ == "__main__":
    _, wire, module, *arguments = sys.argv
    chooseWire(wire)
    sys.path[0] = str(CHECKOUT)
    sys.argv[1:] = arguments
    run_module(module, run_name="__main__", alter_sys=True)
