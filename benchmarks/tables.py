"""
Tables in reStructuredText.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["bulletList", "formatNumber", "table"]


def formatNumber(value: float | None) -> str:
    """
    Write a number with about three digits.

    @param value: L{None} for what is not known.
    """
    if value is None:
        return "\N{EN DASH}"
    if value >= 99.95:
        return f"{value:,.0f}"
    if value >= 9.995:
        return f"{value:.1f}"
    return f"{value:.2f}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], title: str = "") -> str:
    """
    Write a table.

    @param head: the names of the columns.
    @param rows: the cells.
    """
    lines = [f".. list-table:: {title}".rstrip(), "   :header-rows: 1", ""]
    for row in (head, *rows):
        for number, cell in enumerate(row):
            mark = " " if number else "*"
            lines.append(f"   {mark} - {cell}".rstrip())
    return "\n".join((*lines, ""))


def bulletList(items: Iterable[str]) -> str:
    """
    Write a list.
    """
    return "".join(f"* {item}\n" for item in items)
