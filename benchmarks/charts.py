"""
Charts in SVG: bars of what many cost, and lines of how a cost grows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import NamedTuple

from .tables import formatNumber

__all__ = ["Bars", "Lines", "drawBars", "drawLines"]

_WIDTH = 900
_COLORS = ("#3b6ea5", "#c8553d", "#5b8c5a", "#8a6bb1", "#c99700", "#4d4d4d")
_QUIET = "#b8c4d0"
_STYLE = "font: 12px sans-serif"

# Of bars, in pixels.
_COLUMNS = 3
_BAR = 16
_HEAD = 30
_GAP = 18
_NAMES = 118
_NUMBERS = 44

# Of lines.
_PLOT_HEIGHT = 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 200, 40, 50


class Bars(NamedTuple):
    """
    A panel of bars.

    @ivar title: its title.
    @ivar values: what each costs.
    @ivar marked: which of them stand out.
    """

    title: str
    values: Mapping[str, float]
    marked: frozenset[str] = frozenset()


class Lines(NamedTuple):
    """
    A panel of lines, on logarithmic axes.

    @ivar title: its title.
    @ivar x: what the horizontal axis is.
    @ivar y: what the vertical axis is.
    @ivar series: the points of each line, which have no zeros.
    """

    title: str
    x: str
    y: str
    series: Mapping[str, Sequence[tuple[float, float]]]


def drawBars(panels: Sequence[Bars]) -> str:
    """
    Draw panels of bars, each to its own scale.
    """
    width = _WIDTH / _COLUMNS
    parts: list[str] = []
    top = 0.0
    for start in range(0, len(panels), _COLUMNS):
        line = panels[start : start + _COLUMNS]
        for column, panel in enumerate(line):
            parts.extend(_barPanel(panel, column * width + 6, top))
        top += _HEAD + _GAP + _BAR * max(len(panel.values) for panel in line)
    return _document(top, parts)


def _barPanel(panel: Bars, left: float, top: float) -> Iterator[str]:
    """
    Draw a panel, the cheapest one first.
    """
    yield _text(left, top + 20, panel.title, weight="bold")
    longest = _WIDTH / _COLUMNS - _NAMES - _NUMBERS - 10
    most = max(panel.values.values(), default=1)
    cheapest = sorted(panel.values.items(), key=lambda item: item[1])
    for number, (name, value) in enumerate(cheapest):
        y = top + _HEAD + number * _BAR
        color = _COLORS[1] if name in panel.marked else _QUIET
        length = value / most * longest
        yield _text(left + _NAMES - 4, y + 12, name, anchor="end")
        yield (
            f'<rect x="{left + _NAMES:.1f}" y="{y + 2:.1f}" '
            f'width="{length:.1f}" height="{_BAR - 4}" fill="{color}"/>'
        )
        yield _text(left + _NAMES + length + 4, y + 12, formatNumber(value))


def drawLines(panels: Sequence[Lines]) -> str:
    """
    Draw panels of lines, one above the other.
    """
    parts: list[str] = []
    for number, panel in enumerate(panels):
        parts.extend(_Plot(panel, number * (_PLOT_HEIGHT + _TOP + _BOTTOM)).draw())
    return _document(len(panels) * (_PLOT_HEIGHT + _TOP + _BOTTOM), parts)


class _Plot:
    """
    A panel of lines, and its scales.
    """

    def __init__(self, panel: Lines, top: float) -> None:
        self._panel = panel
        self._top = top + _TOP
        points = [point for line in panel.series.values() for point in line]
        self._xs = _decades([x for x, _ in points])
        self._ys = _decades([y for _, y in points])

    def draw(self) -> Iterator[str]:
        """
        Draw everything.
        """
        bottom = self._top + _PLOT_HEIGHT
        title = f"{self._panel.title}: {self._panel.y}"
        middle = (_LEFT + _WIDTH - _RIGHT) / 2
        yield _text(_LEFT, self._top - 16, title, weight="bold")
        yield _text(middle, bottom + 36, self._panel.x, anchor="middle")
        yield from self._grid()
        for number, (name, points) in enumerate(self._panel.series.items()):
            yield from self._line(number, name, points)

    def _grid(self) -> Iterator[str]:
        bottom, right = self._top + _PLOT_HEIGHT, _WIDTH - _RIGHT
        for exponent in range(self._xs[0], self._xs[1] + 1):
            x = self._x(10.0**exponent)
            yield _stroke(((x, self._top), (x, bottom)), "#e4e4e4", 1)
            yield _text(x, bottom + 16, _power(exponent), anchor="middle")
        for exponent in range(self._ys[0], self._ys[1] + 1):
            y = self._y(10.0**exponent)
            yield _stroke(((_LEFT, y), (right, y)), "#e4e4e4", 1)
            yield _text(_LEFT - 6, y + 4, _power(exponent), anchor="end")

    def _line(
        self, number: int, name: str, points: Sequence[tuple[float, float]]
    ) -> Iterator[str]:
        color = _COLORS[number % len(_COLORS)]
        places = [(self._x(x), self._y(y)) for x, y in points]
        yield _stroke(places, color, 2)
        for x, y in places:
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"/>'
        yield _text(
            _WIDTH - _RIGHT + 12, self._top + 16 * (number + 1), name, color=color
        )

    def _x(self, value: float) -> float:
        least, most = self._xs
        span = _WIDTH - _LEFT - _RIGHT
        return _LEFT + (math.log10(value) - least) / (most - least) * span

    def _y(self, value: float) -> float:
        least, most = self._ys
        share = (math.log10(value) - least) / (most - least)
        return self._top + (1 - share) * _PLOT_HEIGHT


def _decades(values: Sequence[float]) -> tuple[int, int]:
    """
    Find the powers of ten between which values are.
    """
    least = math.floor(math.log10(min(values, default=1)))
    most = math.ceil(math.log10(max(values, default=1)))
    return least, max(most, least + 1)


def _power(exponent: int) -> str:
    """
    Write a power of ten.
    """
    return f"{10**exponent:,}" if exponent >= 0 else f"{10.0**exponent:g}"


def _document(height: float, parts: Sequence[str]) -> str:
    """
    Make a whole file.
    """
    size = f'width="{_WIDTH}" height="{height:.0f}" viewBox="0 0 {_WIDTH} {height:.0f}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} style="{_STYLE}">'
    paper = '<rect width="100%" height="100%" fill="white"/>'
    return "\n".join((head, paper, *parts, "</svg>", ""))


def _stroke(points: Sequence[tuple[float, float]], color: str, width: int) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return (
        f'<polyline points="{path}" fill="none" stroke="{color}" '
        f'stroke-width="{width}"/>'
    )


def _text(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    weight: str = "normal",
    color: str = "#222",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
        f'font-weight="{weight}" fill="{color}">{escape(text)}</text>'
    )
