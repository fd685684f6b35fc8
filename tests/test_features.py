"""
The names and the tests that the pages in C{docs} tell of, held against the code.

A page says C{:api:} before a public name, and C{:test:} before a test.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from importlib import import_module
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.interface import InterfaceClass

from txws import ClientTimeouts
from txws.clientoptions import ClientOptions

DOCS = Path(__file__).parent.parent / "docs"

ROWS = (
    *(f"P{number}" for number in range(1, 6)),
    *(f"S{number}" for number in range(1, 6)),
    *(f"W{number}" for number in range(1, 14)),
    *(f"Y{number}" for number in range(1, 8)),
    "X",
    *(f"B{number}" for number in range(1, 14)),
)
DEFAULTS = 10
ATTACKS = 14

_CELL = re.compile(r"^   [* ] - ?(.*(?:\n {7}.*)*)", re.MULTILINE)


def named(role: str) -> Iterator[tuple[str, str]]:
    """
    Find the names in all pages that are marked with a role.

    @return: pairs of a page and a name.
    """
    for path in sorted(DOCS.glob("**/*.rst")):
        for name in re.findall(rf":{role}:`([^`]+)`", path.read_text("utf-8")):
            yield path.name, name


def resolve(name: str) -> object:
    """
    Find what has a dotted name: a module, or anything inside one.

    @raise AttributeError: if nothing has.
    """
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: object = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            isPromised = isinstance(found, InterfaceClass) and part in found
            found = found[part] if isPromised else getattr(found, part)  # type: ignore[index]  # of an interface
        return found
    raise AttributeError(name)


def tables() -> list[list[list[str]]]:
    """
    Read the tables of C{docs/features.rst}, without their headings: rows of
    cells.
    """
    text = (DOCS / "features.rst").read_text("utf-8")
    found = []
    for table in re.split(r"^\.\. list-table::\n", text, flags=re.MULTILINE)[1:]:
        rows = re.split(r"^   \* -", table, flags=re.MULTILINE)[2:]
        found.append([_CELL.findall(f"   * -{row}") for row in rows])
    return found


class NameTests(SynchronousTestCase):
    """
    What the pages name.
    """

    def test_namesExist(self) -> None:
        """
        Each public name is there.
        """
        for page, name in named("api"):
            try:
                resolve(name)
            except AttributeError as error:
                self.fail(f"{page}: {name}: {error}")

    def test_testsExist(self) -> None:
        """
        Each test is there, and is run.
        """
        for page, name in named("test"):
            try:
                test = resolve(name)
            except AttributeError as error:
                self.fail(f"{page}: {name}: {error}")
            self.assertTrue(callable(test), name)
            case = resolve(name.rpartition(".")[0])
            self.assertTrue(hasattr(case, "run"), f"{page}: {name}")

    def test_missingNames(self) -> None:
        """
        What is not there is noticed: a module, a class, an attribute, a method
        of an interface.
        """
        for name in (
            "nowhere.at.all",
            "txws.nowhere",
            "txws.wire.frames.Nothing",
            "txws.Limits.maxNothing",
            "txws.IWebSocketTransport.sendNothing",
        ):
            self.assertRaises(AttributeError, resolve, name)


class OptionTests(SynchronousTestCase):
    """
    What clients can be told.
    """

    def test_everyOption(self) -> None:
        """
        The page about clients has every option and every deadline.
        """
        page = (DOCS / "howto" / "clients.rst").read_text("utf-8")
        for option in fields(ClientOptions):
            self.assertIn(f"   * - ``{option.name}``\n", page)
        for deadline in fields(ClientTimeouts):
            self.assertIn(f"     - ``{deadline.name}``\n", page)


class FeatureTests(SynchronousTestCase):
    """
    The list of features.
    """

    def test_everyRow(self) -> None:
        """
        Each row is listed, once and in order.
        """
        followed, beyond, defaults, attacks = tables()
        self.assertEqual(tuple(row[0] for row in followed + beyond), ROWS)
        self.assertEqual(len(defaults), DEFAULTS)
        self.assertEqual(len(attacks), ATTACKS)

    def test_provedOrNotYet(self) -> None:
        """
        Each row names a test that proves it, or says that it is not there yet.
        """
        for row in (row for table in tables() for row in table):
            *said, proof = row
            isProved = ":test:`" in proof
            isThere = said[-1] != "not yet"
            self.assertEqual(isProved, isThere, row)
