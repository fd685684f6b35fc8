"""
The challenge of hixie-76, section 1.3 of its draft: two numbers hidden among
spaces and other characters, and eight bytes, answered by their MD5.
"""

from __future__ import annotations

from hashlib import md5

__all__ = ["CHALLENGE_SIZE", "answerChallenge", "parseKeyNumber"]

# The third key, in bytes.
CHALLENGE_SIZE = 8

# Not str.isdigit, to which a superscript two is a digit.
_DIGITS = frozenset("0123456789")
_MAX_NUMBER = 0xFFFFFFFF


def parseKeyNumber(key: str) -> int:
    """
    Find the number in a key: its digits, divided by how many spaces there are.

    @param key: the value of C{Sec-WebSocket-Key1} or C{Sec-WebSocket-Key2}.
    @raise ValueError: if there is no such number of 32 bits.
    """
    digits = "".join(character for character in key if character in _DIGITS)
    spaces = key.count(" ")
    if not digits or not spaces:
        raise ValueError("has no digits, or no spaces")
    # Before int(), which takes long for many digits, or refuses them.
    if len(digits) > len(str(_MAX_NUMBER)) or int(digits) > _MAX_NUMBER:
        raise ValueError("has a number of more than 32 bits")
    number, rest = divmod(int(digits), spaces)
    if rest:
        raise ValueError("has a number that its spaces do not divide")
    return number


def answerChallenge(first: int, second: int, challenge: bytes) -> bytes:
    """
    Compute what proves that the server has understood the handshake.

    @param first: the number in C{Sec-WebSocket-Key1}.
    @param second: the number in C{Sec-WebSocket-Key2}.
    @param challenge: the eight bytes that follow the head.
    @return: 16 bytes.
    """
    numbers = first.to_bytes(4, "big") + second.to_bytes(4, "big")
    # Not for secrecy: the draft names it.
    return md5(numbers + challenge, usedforsecurity=False).digest()
