"""
Roles for names that C{tests.test_features} holds against the code: C{:api:} for
a public name, C{:test:} for a test.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from docutils.parsers.rst.states import Inliner
from sphinx.application import Sphinx

__all__ = ["setup"]


def setup(application: Sphinx) -> dict[str, bool]:
    """
    Add the roles.
    """
    application.add_role("api", _literal)
    application.add_role("test", _literal)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _literal(
    role: str,
    source: str,
    text: str,
    line: int,
    inliner: Inliner,
    options: dict[str, Any] | None = None,
    content: list[str] | None = None,
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    return [nodes.literal(source, text, classes=[role])], []
