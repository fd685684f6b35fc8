"""
Tests for L{txws.shell.editor}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txws.shell.editor import LineEditor


def edit(*names: str, text: str = "", history: tuple[str, ...] = ()) -> LineEditor:
    """
    Make an editor with a text, and press keys; what is no name of a key is
    typed.
    """
    editor = LineEditor(history)
    editor.press("text", text)
    for name in names:
        if name.startswith("<"):
            editor.press(name.strip("<>"))
        else:
            editor.press("text", name)
    return editor


class EditTests(SynchronousTestCase):
    """
    A line is edited as everywhere.
    """

    def test_keys(self):
        """
        Each key does what it does in other programs.
        """
        for names, text, cursor in (
            (("x",), "one twox", 8),
            (("<left>", "<left>", "x"), "one txwo", 6),
            (("<home>", "<left>", "x", "<right>"), "xone two", 2),
            (("<end>", "<right>", "x"), "one twox", 8),
            (("<backspace>",), "one tw", 6),
            (("<home>", "<backspace>"), "one two", 0),
            (("<home>", "<delete>"), "ne two", 0),
            (("<delete>",), "one two", 7),
            (("<newline>",), "one two\n", 8),
            (("<wordLeft>",), "one two", 4),
            (("<wordLeft>", "<wordLeft>", "<wordRight>"), "one two", 3),
            (("<cutWord>",), "one ", 4),
            (("<cutWord>", "<home>", "<yank>"), "twoone ", 3),
            (("<wordLeft>", "<cutBefore>"), "two", 0),
            (("<wordLeft>", "<cutAfter>", "<yank>", "<yank>"), "one twotwo", 10),
            (("<unknown>",), "one two", 7),
        ):
            editor = edit(*names, text="one two")
            self.assertEqual((editor.text, editor.cursor), (text, cursor), names)


class HistoryTests(SynchronousTestCase):
    """
    Earlier lines come back.
    """

    def test_up(self):
        """
        The keys go up and down in what was typed, and the new line is not
        lost.
        """
        for names, text in (
            (("<up>",), "two"),
            (("<up>", "<up>"), "one"),
            (("<up>", "<up>", "<up>"), "one"),
            (("<up>", "<up>", "<down>"), "two"),
            (("<up>", "<down>"), "new"),
            (("<down>",), "new"),
        ):
            editor = edit(*names, text="new", history=("one", "two"))
            self.assertEqual((editor.text, editor.cursor), (text, len(text)), names)

    def test_take(self):
        """
        What was entered is the last of the history, once; what is empty is
        not.
        """
        editor = edit(text="one")
        self.assertEqual(editor.take(), "one")
        self.assertEqual(editor.text, "")
        self.assertEqual(editor.take(), "")
        editor.press("text", "one")
        editor.take()
        editor.press("up")
        editor.press("up")
        self.assertEqual(editor.text, "one")
        editor.press("down")
        self.assertEqual(editor.text, "")


class RenderTests(SynchronousTestCase):
    """
    The line fits into one row.
    """

    def test_short(self):
        """
        A line that fits is shown.
        """
        self.assertEqual(edit("<left>", text="abc").render(10), ("abc", 2))

    def test_long(self):
        """
        Of one that does not, the part around the cursor is.
        """
        text = "".join(map(str, range(10)))
        self.assertEqual(edit(text=text).render(5), ("6789", 4))
        self.assertEqual(edit("<home>", text=text).render(5), ("01234", 0))
        self.assertEqual(edit("<left>", "<left>", text=text).render(5), ("45678", 4))
        self.assertEqual(edit(text=text).render(0), ("", 0))

    def test_wide(self):
        """
        Columns count, not characters; what a terminal would obey is escaped.
        """
        self.assertEqual(edit(text="\u4e2d\u4e2d").render(10), ("\u4e2d\u4e2d", 4))
        self.assertEqual(edit(text="\u4e2d\u4e2d").render(4), ("\u4e2d", 2))
        self.assertEqual(edit(text="a\x1b\nb").render(20), ("a\\x1b\u23ceb", 7))
        self.assertEqual(edit(text="e\u0301").render(20), ("e\u0301", 1))
