"""
A line that is being edited, with a history; it knows no terminal.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .display import cellWidth, harmless

__all__ = ["LineEditor"]

_NEWLINE = "\u23ce"
_WORD_BEFORE = re.compile(r"\w*\W*\Z")
_WORD_AFTER = re.compile(r"\W*\w*")


class LineEditor:
    """
    A line that is being edited.

    @ivar text: what it says.
    @ivar cursor: how many characters of it are before the cursor.
    """

    def __init__(self, history: Sequence[str] = ()) -> None:
        """
        @param history: earlier lines, the oldest first.
        """
        self.text = ""
        self.cursor = 0
        self._history = list(history)
        # Which line of the history is shown; after the last, the new one.
        self._position = len(self._history)
        self._new = ""
        self._cut = ""

    def press(self, name: str, text: str = "") -> None:
        """
        Press a key.

        @param name: its name, as L{KeyReader<txws.shell.keys.KeyReader>} has
            it; one that edits nothing does nothing.
        @param text: what is inserted.
        """
        act = getattr(self, f"_press_{name}", None)
        if act is not None:
            act(text)

    def take(self) -> str:
        """
        Take the line, remember it, and begin a new one.
        """
        taken = self.text
        if taken and (not self._history or self._history[-1] != taken):
            self._history.append(taken)
        self._position = len(self._history)
        self._new = ""
        self._set("")
        return taken

    def render(self, columns: int) -> tuple[str, int]:
        """
        Show as much of the line as fits, with the cursor in it.

        @param columns: how many columns there are.
        @return: what to show, and the column of the cursor in it.
        """
        columns = max(columns, 1)
        # Nothing further from the cursor can be seen.
        first = max(0, self.cursor - columns)
        cells = [
            _NEWLINE if character == "\n" else harmless(character)
            for character in self.text[first : self.cursor + columns]
        ]
        widths = [_widthOf(cell) for cell in cells]
        at = self.cursor - first
        begin = at
        before = 0
        # The column of the cursor itself is needed, too.
        while begin > 0 and before + widths[begin - 1] < columns:
            begin -= 1
            before += widths[begin]
        end, width = at, before
        while end < len(cells) and width + widths[end] <= columns:
            width += widths[end]
            end += 1
        return "".join(cells[begin:end]), before

    def _set(self, text: str) -> None:
        """
        Have another line, with the cursor behind it.
        """
        self.text = text
        self.cursor = len(text)

    def _replace(self, begin: int, end: int, text: str = "") -> str:
        """
        Replace a part of the line.

        @return: what was there.
        """
        replaced = self.text[begin:end]
        self.text = self.text[:begin] + text + self.text[end:]
        self.cursor = begin + len(text)
        return replaced

    def _wordBefore(self) -> int:
        """
        Find where the word before the cursor begins.
        """
        found = _WORD_BEFORE.search(self.text[: self.cursor])
        assert found is not None
        return found.start()

    def _wordAfter(self) -> int:
        """
        Find where the word after the cursor ends.
        """
        found = _WORD_AFTER.match(self.text, self.cursor)
        assert found is not None
        return found.end()

    def _recall(self, position: int) -> None:
        """
        Show a line of the history, or the new one.
        """
        if not 0 <= position <= len(self._history):
            return
        if self._position == len(self._history):
            self._new = self.text
        self._position = position
        isNew = position == len(self._history)
        self._set(self._new if isNew else self._history[position])

    # Keys

    def _press_text(self, text: str) -> None:
        self._replace(self.cursor, self.cursor, text)

    def _press_newline(self, text: str) -> None:
        self._replace(self.cursor, self.cursor, "\n")

    def _press_backspace(self, text: str) -> None:
        self._replace(max(self.cursor - 1, 0), self.cursor)

    def _press_delete(self, text: str) -> None:
        self._replace(self.cursor, self.cursor + 1)

    def _press_left(self, text: str) -> None:
        self.cursor = max(self.cursor - 1, 0)

    def _press_right(self, text: str) -> None:
        self.cursor = min(self.cursor + 1, len(self.text))

    def _press_home(self, text: str) -> None:
        self.cursor = 0

    def _press_end(self, text: str) -> None:
        self.cursor = len(self.text)

    def _press_wordLeft(self, text: str) -> None:
        self.cursor = self._wordBefore()

    def _press_wordRight(self, text: str) -> None:
        self.cursor = self._wordAfter()

    def _press_cutBefore(self, text: str) -> None:
        self._cut = self._replace(0, self.cursor)

    def _press_cutAfter(self, text: str) -> None:
        self._cut = self._replace(self.cursor, len(self.text))

    def _press_cutWord(self, text: str) -> None:
        self._cut = self._replace(self._wordBefore(), self.cursor)

    def _press_yank(self, text: str) -> None:
        self._press_text(self._cut)

    def _press_up(self, text: str) -> None:
        self._recall(self._position - 1)

    def _press_down(self, text: str) -> None:
        self._recall(self._position + 1)


def _widthOf(cell: str) -> int:
    """
    Tell how many columns a cell takes: a character, or its escape in ASCII.
    """
    return len(cell) if len(cell) > 1 else cellWidth(cell)
