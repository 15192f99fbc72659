"""Characters that are drawings, as rectangles: fonts leave seams between them.

Block elements, box lines and braille. A cell goes from 0, 0 (top left) to 1, 1.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

LINE = 0.15
"""Width of a light line, in cell widths."""
ASPECT = 2.0
"""A cell is so much higher than it is wide."""


class Box(NamedTuple):
    """A rectangle in a cell."""

    x: float
    y: float
    width: float
    height: float
    opacity: float = 1.0


_EIGHTHS_UP = {chr(0x2580 + n): n / 8 for n in range(1, 9)}
_EIGHTHS_LEFT = {chr(0x2588 + n): 1 - n / 8 for n in range(1, 8)}
_SHADES = {"░": 0.25, "▒": 0.5, "▓": 0.75}
_QUADRANTS = {
    "▖": "3", "▗": "4", "▘": "1", "▙": "134", "▚": "14", "▛": "123", "▜": "124", "▝": "2",
    "▞": "23", "▟": "234",
}  # fmt: skip
_QUARTER = {"1": (0.0, 0.0), "2": (0.5, 0.0), "3": (0.0, 0.5), "4": (0.5, 0.5)}
_LINES = {
    "─": "lr", "│": "ud", "┌": "rd", "┐": "ld", "└": "ru", "┘": "lu", "├": "udr", "┤": "udl",
    "┬": "lrd", "┴": "lru", "┼": "lrud", "╭": "rd", "╮": "ld", "╯": "lu", "╰": "ru", "╴": "l",
    "╵": "u", "╶": "r", "╷": "d", "━": "LR", "┃": "UD", "┏": "RD", "┓": "LD", "┗": "RU",
    "┛": "LU", "┣": "UDR", "┫": "UDL", "┳": "LRD", "┻": "LRU", "╋": "LRUD", "╸": "L", "╹": "U",
    "╺": "R", "╻": "D",
}  # fmt: skip
"""Which ways a line goes from the middle; capitals are heavy."""
_BRAILLE = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))
"""Column and row of each bit's dot."""


@cache
def boxes(char: str) -> tuple[Box, ...] | None:
    """The rectangles of a character; None: it is an ordinary one, for a font."""
    if char in _EIGHTHS_UP:
        high = _EIGHTHS_UP[char]
        return (Box(0, 1 - high, 1, high),)
    if char in _EIGHTHS_LEFT:
        return (Box(0, 0, _EIGHTHS_LEFT[char], 1),)
    if char in _SHADES:
        return (Box(0, 0, 1, 1, _SHADES[char]),)
    if char in _QUADRANTS:
        return tuple(Box(*_QUARTER[part], 0.5, 0.5) for part in _QUADRANTS[char])
    if char in "▀▐▔▕":
        box = {"▀": Box(0, 0, 1, 0.5), "▐": Box(0.5, 0, 0.5, 1), "▔": Box(0, 0, 1, 0.125)}
        return (box.get(char, Box(0.875, 0, 0.125, 1)),)
    if char in _LINES:
        return tuple(_arm(way) for way in _LINES[char])
    if "\u2800" <= char <= "\u28ff":
        bits = ord(char) - 0x2800
        return tuple(_dot(*place) for i, place in enumerate(_BRAILLE) if bits >> i & 1)
    return None


def _arm(way: str) -> Box:
    wide = LINE * (2.2 if way.isupper() else 1)
    high = wide / ASPECT
    x, y = 0.5 - wide / 2, 0.5 - high / 2
    match way.lower():
        case "l":
            return Box(0, y, 0.5 + wide / 2, high)
        case "r":
            return Box(x, y, 1 - x, high)
        case "u":
            return Box(x, 0, wide, 0.5 + high / 2)
        case _:
            return Box(x, y, wide, 1 - y)


def _dot(column: int, row: int) -> Box:
    wide = 0.22
    return Box(0.14 + 0.5 * column, 0.06 + 0.25 * row, wide, wide / ASPECT)
