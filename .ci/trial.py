"""
Runs trial on the tests of the checkout and on the package that is installed:
C{python -m twisted.trial} would find that of the checkout first.
"""

import sys
from pathlib import Path

import txws

CHECKOUT = Path(__file__).resolve().parents[1]

if Path(txws.__file__).is_relative_to(CHECKOUT / "txws"):
    sys.exit("txws is not installed")
sys.path[0] = str(CHECKOUT)

from twisted.scripts.trial import run  # noqa: E402  # it adds to sys.path as well

run()
