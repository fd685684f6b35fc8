"""
What is typed on a terminal: bytes in, keys and text out.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Key", "KeyReader"]

_PASTE_BEGINS = "\x1b[200~"
_PASTE_ENDS = "\x1b[201~"

# An escape sequence, ECMA-48 section 5.4, or the beginning of one.
_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O[@-~]|[^\[O])")
_BEGINNING = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|O)?")

_NAMES = {
    "\r": "enter",
    "\n": "newline",
    "\x1b\r": "newline",
    "\x1b\n": "newline",
    "\x7f": "backspace",
    "\x08": "backspace",
    "\x01": "home",
    "\x1b[H": "home",
    "\x1bOH": "home",
    "\x1b[1~": "home",
    "\x05": "end",
    "\x1b[F": "end",
    "\x1bOF": "end",
    "\x1b[4~": "end",
    "\x02": "left",
    "\x1b[D": "left",
    "\x1bOD": "left",
    "\x06": "right",
    "\x1b[C": "right",
    "\x1bOC": "right",
    "\x10": "up",
    "\x1b[A": "up",
    "\x1bOA": "up",
    "\x0e": "down",
    "\x1b[B": "down",
    "\x1bOB": "down",
    "\x1b[3~": "delete",
    "\x1bb": "wordLeft",
    "\x1b[1;5D": "wordLeft",
    "\x1bf": "wordRight",
    "\x1b[1;5C": "wordRight",
    "\x15": "cutBefore",
    "\x0b": "cutAfter",
    "\x17": "cutWord",
    "\x1b\x7f": "cutWord",
    "\x19": "yank",
    "\x0c": "clear",
    "\x03": "interrupt",
    "\x04": "endOfInput",
}


@dataclass(frozen=True)
class Key:
    """
    Something that was typed.

    @ivar name: what it does; "text" for what is to be inserted.
    @ivar text: what is to be inserted.
    """

    name: str
    text: str = ""


class KeyReader:
    """
    Finds keys in bytes, however they are cut.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._isPasting = False

    def receiveData(self, data: bytes) -> Iterator[Key]:
        """
        Read what was typed.  Keys that do nothing here are left out.

        @param data: any bytes, cut anywhere.
        """
        text = self._rest + self._decoder.decode(data)
        position = 0
        while position < len(text):
            if self._isPasting:
                key, after = self._readPaste(text, position)
            else:
                key, after = self._readKey(text, position)
            if after == position:
                break
            position = after
            if key is not None:
                yield key
        self._rest = text[position:]

    def _readPaste(self, text: str, position: int) -> tuple[Key | None, int]:
        """
        Read what is pasted, as text, whatever it is.
        """
        end = text.find(_PASTE_ENDS, position)
        if end >= 0:
            self._isPasting = False
            return _pasted(text[position:end]), end + len(_PASTE_ENDS)
        escape = text.find("\x1b", max(position, len(text) - len(_PASTE_ENDS)))
        end = escape if escape >= 0 else len(text)
        if end == len(text) and text.endswith("\r"):
            # What follows may belong to the same end of a line.
            end -= 1
        return _pasted(text[position:end]), end

    def _readKey(self, text: str, position: int) -> tuple[Key | None, int]:
        """
        Read one key, or the text until the next.
        """
        character = text[position]
        if character == "\x1b":
            return self._readSequence(text, position)
        if character in _NAMES:
            return Key(_NAMES[character]), position + 1
        end = position
        while end < len(text) and _isText(text[end]):
            end += 1
        if end == position:
            return None, position + 1
        return Key("text", text[position:end]), end

    def _readSequence(self, text: str, position: int) -> tuple[Key | None, int]:
        """
        Read an escape sequence, if all of it is there.
        """
        found = _SEQUENCE.match(text, position)
        if found is None:
            beginning = _BEGINNING.match(text, position)
            assert beginning is not None
            isCut = beginning.end() == len(text)
            return None, position if isCut else beginning.end()
        if found[0] == _PASTE_BEGINS:
            self._isPasting = True
        name = _NAMES.get(found[0])
        return None if name is None else Key(name), found.end()


def _isText(character: str) -> bool:
    """
    Tell whether a character stands for itself.
    """
    return character >= " " and character != "\x7f"


def _pasted(text: str) -> Key | None:
    """
    Make a key of what was pasted.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return Key("text", text) if text else None
