"""
Tables that are made from the code when the pages are built: the states of a
connection, and the fields of a class of settings.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from txws.wire.connection import TRANSITIONS

__all__ = ["setup"]


def setup(application: Sphinx) -> dict[str, bool]:
    """
    Add the directives.
    """
    application.add_directive("transitions", TransitionsDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class TransitionsDirective(SphinxDirective):
    """
    Shows L{TRANSITIONS}: a row for each state, a column for each input.
    """

    def run(self) -> list[nodes.Node]:
        """
        Make the table.
        """
        states = list(dict.fromkeys(state for state, _ in TRANSITIONS))
        states += [state for state in TRANSITIONS.values() if state not in states][:1]
        inputs = list(dict.fromkeys(given for _, given in TRANSITIONS))
        rows = [["", *(given.value for given in inputs)]]
        for state in states:
            reached = (TRANSITIONS.get((state, given)) for given in inputs)
            rows.append(
                [
                    f"**{state.name}**",
                    *("" if after is None else after.name for after in reached),
                ]
            )
        lines = [".. list-table::", "   :header-rows: 1", "   :stub-columns: 1", ""]
        lines += [line for row in rows for line in _row(row)]
        parent = nodes.container()
        source = str(self.env.doc2path(self.env.docname))
        self.state.nested_parse(StringList(lines, source), self.content_offset, parent)
        return parent.children


def _row(cells: Sequence[str]) -> Iterable[str]:
    return [f"   {'* ' if not n else '  '}- {cell}" for n, cell in enumerate(cells)]
