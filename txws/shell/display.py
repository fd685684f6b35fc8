"""
How things look on a terminal: whatever a server sends is made harmless first.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

__all__ = [
    "cellWidth",
    "harmless",
    "hexDump",
    "oneLine",
    "tellMessage",
    "tellSeconds",
    "tellSize",
]

_MAX_TEXT = 16 * 1024
_MAX_BINARY = 1024
_ROW = 16
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def harmless(text: str) -> str:
    """
    Escape what a terminal would obey or hide: control characters, overrides of
    the direction of writing, what has no width, and what is no character.

    @param text: anything.
    @return: one line, of characters that can be seen.
    """
    if text.isprintable():
        return text
    return "".join(map(_harmlessCharacter, text))


def oneLine(text: str, size: int = 200) -> str:
    """
    Make a harmless excerpt.

    @param text: anything.
    @param size: how many characters of it are shown, at most.
    """
    joined = " ".join(text.split())
    return harmless(joined[:size]) + ("..." if len(joined) > size else "")


def hexDump(data: bytes) -> Iterator[str]:
    """
    Show bytes, sixteen in a line, with their offset and their ASCII.

    @param data: the bytes.
    """
    for offset in range(0, len(data), _ROW):
        row = data[offset : offset + _ROW]
        hexadecimal = f"{row[:8].hex(' ')}  {row[8:].hex(' ')}"
        shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        yield f"{offset:08x}  {hexadecimal:<50}|{shown}|"


def tellMessage(message: str | bytes) -> list[str]:
    """
    Show a message: text in its lines, each harmless; binary as a hex dump.
    What is too long to be read is cut, and said to be.

    @param message: the message.
    @return: lines.
    """
    if isinstance(message, bytes):
        lines = [f"binary, {tellSize(len(message))}"]
        lines += hexDump(message[:_MAX_BINARY])
        rest, unit = len(message) - _MAX_BINARY, "bytes"
    else:
        lines = [harmless(line) for line in message[:_MAX_TEXT].split("\n")]
        rest, unit = len(message) - _MAX_TEXT, "characters"
    if rest > 0:
        lines.append(f"... {rest} {unit} more")
    return lines


def tellSeconds(seconds: float) -> str:
    """
    Show a time, in a unit that fits.

    @param seconds: how long.
    """
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f} us"
    if seconds < 1:
        return f"{seconds * 1e3:.1f} ms"
    return f"{seconds:.2f} s"


def tellSize(size: float) -> str:
    """
    Show how many bytes.

    @param size: so many.
    """
    for unit, limit in (("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024)):
        if size >= limit:
            return f"{size / limit:.4g} {unit}"
    return f"{size:.4g} {'byte' if size == 1 else 'bytes'}"


def cellWidth(shown: str) -> int:
    """
    Tell how many columns of a terminal a character takes.

    @param shown: one harmless character, or what stands for one.
    """
    if shown.isascii():
        return len(shown)
    if unicodedata.combining(shown[0]) or unicodedata.category(shown[0]) == "Me":
        return 0
    return 2 if unicodedata.east_asian_width(shown[0]) in "WF" else 1


def _harmlessCharacter(character: str) -> str:
    """
    Escape a character, unless it can be seen.
    """
    if character.isprintable():
        return character
    named = _NAMED.get(character)
    if named is not None:
        return named
    number = ord(character)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
