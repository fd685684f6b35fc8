"""
The directive C{transitions}: the states of a connection as a table, made from
L{txws.wire.states.TRANSITIONS} when the pages are built.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from txws.wire.states import TRANSITIONS

__all__ = ["setup"]


def setup(application: Sphinx) -> dict[str, bool]:
    """
    Add the directive.
    """
    application.add_directive("transitions", TransitionsDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class TransitionsDirective(SphinxDirective):
    """
    Shows a row for each state, a column for each input, and where it leads.
    """

    def run(self) -> list[nodes.Node]:
        """
        Make the table.
        """
        lines = [".. list-table::", "   :header-rows: 1", "   :stub-columns: 1", ""]
        for row in _rows():
            lines += _serialize(row)
        parent = nodes.container()
        source = str(self.env.doc2path(self.env.docname))
        self.state.nested_parse(StringList(lines, source), self.content_offset, parent)
        return parent.children


def _rows() -> Iterator[list[str]]:
    inputs = dict.fromkeys(given for _, given in TRANSITIONS)
    yield ["", *(given.value for given in inputs)]
    for state in dict.fromkeys(
        (*(before for before, _ in TRANSITIONS), *TRANSITIONS.values())
    ):
        after = [TRANSITIONS.get((state, given)) for given in inputs]
        yield [state.name, *("" if found is None else found.name for found in after)]


def _serialize(row: Sequence[str]) -> list[str]:
    return [
        f"   {'  ' if column else '* '}- {row[column]}" for column in range(len(row))
    ]
