"""
Patterns of paths, such as C{/chat/<room>}, in werkzeug's language: the only
module that imports it.

Its parameters are matched here: a path is taken as it is, whatever slashes it
has; the order in which patterns are added does not matter; and no path takes
longer than its length says.
"""

from __future__ import annotations

import re
from bisect import insort
from collections.abc import Mapping
from math import isinf
from typing import Any, Generic, TypeVar

from werkzeug.routing import (
    AnyConverter,
    BaseConverter,
    FloatConverter,
    IntegerConverter,
    Map,
    Rule,
    UUIDConverter,
)

from .errors import InvalidSetting

__all__ = ["Patterns"]

_T = TypeVar("_T")

# A parameter, as werkzeug spells it, and the arguments of its converter.
_PARAMETER = re.compile(
    r"<(?:[a-zA-Z_][a-zA-Z0-9_]*(?:\((.*?)\))?:)?[a-zA-Z_][a-zA-Z0-9_]*>"
)
_ARGUMENT = r"""\s*(?:\w+\s*=\s*)?(?:[\w.]+|"[^"]*"|'[^']*')\s*"""
_ARGUMENTS = re.compile(rf"(?:{_ARGUMENT}(?:,{_ARGUMENT})*)?")


class _Any(AnyConverter):
    """
    One of a few words: more specific than what else may be there.
    """

    weight = 25


class _UUID(UUIDConverter):
    """
    A UUID: as specific as a number.
    """

    weight = 50


# Of these no two match the same text.
_DISJOINT = (IntegerConverter, FloatConverter, UUIDConverter)


class _Pattern(Rule):
    """
    One pattern.

    @ivar found: what its parameters are made of, by name, in order.
    """

    def __init__(self, pattern: str) -> None:
        super().__init__(pattern)
        pieces = _PARAMETER.split(pattern)
        self._texts = pieces[::2]
        for arguments in pieces[1::2]:
            # Werkzeug leaves out what it cannot read at their end.
            if _ARGUMENTS.fullmatch(arguments or "") is None:
                raise ValueError(f"cannot read ({arguments})")
        self.found: dict[str, BaseConverter] = {}

    def get_converter(
        self,
        variable_name: str,
        converter_name: str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> BaseConverter:
        """
        Find what a parameter is made of, for werkzeug.
        """
        if variable_name in self.found:
            raise ValueError(f"has {variable_name!r} twice")
        converter = super().get_converter(variable_name, converter_name, args, kwargs)
        if isinstance(converter, (IntegerConverter, FloatConverter)):
            _checkRange(converter)
        self.found[variable_name] = converter
        return converter

    def finish(self) -> None:
        """
        Make ready what matches, when werkzeug has read the pattern.

        @raise ValueError: if a path might keep it busy: where two parameters
            can share a text between them in many ways, all would be tried.
        """
        if any("/" not in text for text in self._texts[1:-1]):
            raise ValueError("has two parameters without a '/' between them")
        if sum(not converter.part_isolating for converter in self.found.values()) > 1:
            raise ValueError("has two parameters that may contain '/'")
        groups = [f"(?P<{name}>{self.found[name].regex})" for name in self.found]
        pieces = [re.escape(text) for text in self._texts]
        for number, group in enumerate(groups):
            pieces[number] += group
        self._regex = re.compile("".join(pieces), re.DOTALL)

    def match(self, path: str) -> dict[str, Any] | None:
        """
        Find the parameters in a path.

        @return: L{None} if it does not match.
        """
        match = self._regex.fullmatch(path)
        if match is None:
            return None
        try:
            return {
                name: _convert(converter, match[name])
                for name, converter in self.found.items()
            }
        except ValueError:
            # Out of range; or a number of thousands of digits.
            return None

    def rank(self) -> list[tuple[int, ...]]:
        """
        Tell how specific it is, the lower the more: one piece between slashes
        after the other, text before parameters.
        """
        converters = iter(self.found.values())
        ranks: list[tuple[int, ...]] = []
        # No piece has two parameters.
        for piece in "<>".join(self._texts).split("/"):
            prefix, isParameter, suffix = piece.partition("<>")
            if not isParameter:
                ranks.append((0,))
                continue
            converter = next(converters)
            kind = 1 if converter.part_isolating else 2
            ranks.append((kind, -len(prefix), -len(suffix), converter.weight))
        return [*ranks, (3,)]

    def isLike(self, other: _Pattern) -> bool:
        """
        Tell whether both match some path, and neither is more specific.
        """
        return self._texts == other._texts and all(
            map(_areAlike, self.found.values(), other.found.values())
        )


class Patterns(Generic[_T]):
    """
    Finds what belongs to the most specific pattern that matches a path.
    """

    def __init__(self, converters: Mapping[str, type[BaseConverter]]) -> None:
        """
        @param converters: further ones, by their names in patterns.
        @raise InvalidSetting: if they are none.
        """
        _checkConverters(converters)
        self._converters = {"any": _Any, "uuid": _UUID, **converters}
        self._patterns: list[tuple[_Pattern, _T]] = []

    def add(self, pattern: str, belonging: _T) -> None:
        """
        Add a pattern.

        @param pattern: starts with C{/}.
        @param belonging: what belongs to it.
        @raise InvalidSetting: if it cannot be one, or is like another one.
        """
        try:
            _checkStart(pattern)
            added = _Pattern(pattern)
            Map(merge_slashes=False, converters=self._converters).add(added)
            added.finish()
        except (ValueError, TypeError, LookupError, SyntaxError, re.error) as error:
            raise InvalidSetting("pattern", f"{pattern!r}: {error}") from None
        for other, _ in self._patterns:
            if added.isLike(other):
                raise InvalidSetting(
                    "pattern", f"{pattern!r} matches the same paths as {other.rule!r}"
                )
        insort(self._patterns, (added, belonging), key=lambda item: item[0].rank())

    def find(self, path: str) -> tuple[_T, dict[str, Any]] | None:
        """
        Find what belongs to a path.

        @param path: percent-decoded.
        @return: that and the parameters in the path, or L{None}.
        """
        for pattern, belonging in self._patterns:
            parameters = pattern.match(path)
            if parameters is not None:
                return belonging, parameters
        return None


def _checkStart(pattern: object) -> None:
    """
    Check that something may be a pattern.
    """
    if not isinstance(pattern, str) or not pattern.startswith("/"):
        raise ValueError("does not start with '/'")


def _checkConverters(converters: object) -> None:
    """
    Check that something has classes of converters by their names.
    """
    if not isinstance(converters, Mapping) or not all(
        isinstance(kind, type) and issubclass(kind, BaseConverter)
        for kind in converters.values()
    ):
        raise InvalidSetting(
            "converters",
            f"must be subclasses of BaseConverter by their names, not {converters!r}",
        )


def _checkRange(converter: IntegerConverter | FloatConverter) -> None:
    """
    Check that the numbers that a path has can be compared with those of a pattern.
    """
    for name in ("min", "max"):
        bound = getattr(converter, name)
        if not (bound is None or isinstance(bound, (int, float))):
            raise ValueError(f"{name} must be a number, not {bound!r}")


def _areAlike(one: BaseConverter, other: BaseConverter) -> bool:
    """
    Tell whether two parameters are as specific and may match the same text.
    """
    if one.weight != other.weight:
        return False
    if isinstance(one, AnyConverter) and isinstance(other, AnyConverter):
        return not one.items.isdisjoint(other.items)
    return not any(
        isinstance(one, kind) != isinstance(other, kind) for kind in _DISJOINT
    )


def _convert(converter: BaseConverter, text: str) -> object:
    """
    Make a parameter of a piece of a path.

    @raise ValueError: if it is none.
    """
    value: object = converter.to_python(text)
    if isinstance(value, float) and isinf(value):
        raise ValueError("too large for a number")
    return value
