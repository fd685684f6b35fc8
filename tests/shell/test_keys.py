"""
Tests for L{txws.shell.keys}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txws.shell.keys import KeyReader

# What is typed, and what it is.
TYPED = (
    (b"abc\r", ["abc", "enter"]),
    ("caf\u00e9\U0001f600".encode(), ["caf\u00e9\U0001f600"]),
    (b"\x1b[A\x1b[B\x1bOC\x1b[D", ["<up>", "<down>", "<right>", "<left>"]),
    (b"\x1b[1~\x1b[4~\x1b[3~\x7f", ["<home>", "<end>", "<delete>", "<backspace>"]),
    (b"\x1b[1;5D\x1bf", ["<wordLeft>", "<wordRight>"]),
    (b"a\nb\x1b\rc", ["a", "<newline>", "b", "<newline>", "c"]),
    (b"\x03\x04\x0c", ["<interrupt>", "<endOfInput>", "<clear>"]),
    (b"\x1b[99;99Xa\x1bza\x00b", ["aab"]),
    (b"\x1b[200~one\r\ntwo\x03\x1b[A\x1b[201~\r", ["one\ntwo\x03\x1b[A", "enter"]),
    (b"\xff", ["\ufffd"]),
)


def read(*pieces: bytes) -> list[str]:
    """
    Read keys: text as it is, joined, and names of keys.
    """
    reader = KeyReader()
    told: list[str] = []
    wasText = False
    for piece in pieces:
        for key in reader.receiveData(piece):
            isText = key.name == "text"
            if isText and wasText:
                told[-1] += key.text
            else:
                told.append(key.text if isText else key.name)
            wasText = isText
    return told


def _bare(names: list[str]) -> list[str]:
    """
    Write keys as L{read} does.
    """
    return [name.strip("<>") for name in names]


class KeyReaderTests(SynchronousTestCase):
    """
    Keys are found in what a terminal sends.
    """

    def test_keys(self):
        """
        Text, keys and what is pasted are told apart.
        """
        for typed, names in TYPED:
            self.assertEqual(read(typed), _bare(names), typed)

    def test_cut(self):
        """
        They are, too, if the bytes come one by one.
        """
        for typed, names in TYPED:
            pieces = [typed[index : index + 1] for index in range(len(typed))]
            self.assertEqual(read(*pieces), _bare(names), typed)

    def test_malformed(self):
        """
        An escape sequence that is none is left out, and what follows is not.
        """
        self.assertEqual(read(b"\x1b[\x01a"), ["home", "a"])
