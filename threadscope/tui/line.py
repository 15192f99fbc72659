"""One line of the screen, put together from plain text: nothing in it is ever markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from threadscope.tui.palette import MUTED, TEXT

Piece = tuple[str, Style]
"""A text and how it looks."""

BLOCKS = " ▁▂▃▄▅▆▇█"
"""Heights 0 to 8."""

new_segment = partial(tuple.__new__, Segment)
"""Half the price of Segment(...), for hundreds of them a picture."""


def width_of(text: str) -> int:
    """How many cells a text takes; some characters take two."""
    return len(text) if text.isascii() else cell_len(text)


def fit(text: str, width: int) -> str:
    """The text in at most `width` cells, with an ellipsis where it was cut."""
    if width_of(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + "…" if width > 1 else "…"[:width]


def meter(share: float, width: int) -> tuple[str, str]:
    """A bar for 0..1 in steps of half a cell, and the thin rest of its track."""
    halves = round(min(1.0, max(0.0, share)) * width * 2)
    bar = "━" * (halves // 2) + "╸" * (halves % 2)
    return bar, "─" * (width - len(bar))


def spark(values: Sequence[float]) -> str:
    """Bars on a scale from 0 to the greatest value; 0 is an empty cell."""
    top = max(values, default=0)
    if top <= 0:
        return " " * len(values)
    return "".join(BLOCKS[-int(-8 * value // top)] for value in values)


def grouped(cells: Iterable[Piece]) -> list[Piece]:
    """Neighbours of one style as one text: fewer segments, less to write to the terminal."""
    pieces: list[Piece] = []
    text, last = "", TEXT
    for ch, style in cells:
        if style is not last and text:
            pieces.append((text, last))
            text = ""
        text += ch
        last = style
    return [*pieces, (text, last)]


class Line:
    """Builds a Strip from left to right."""

    def __init__(self) -> None:
        self._segments: list[Segment] = []
        self.width = 0
        """Cells so far."""

    def add(self, text: str, style: Style = TEXT) -> Line:
        """Append text."""
        if text:
            self._segments.append(new_segment((text, style, None)))
            self.width += len(text) if text.isascii() else cell_len(text)
        return self

    def add_if_it_fits(self, text: str, width: int, style: Style = TEXT) -> Line:
        """Append text, or nothing where it would pass `width` cells."""
        return self.add(text, style) if self.width + width_of(text) <= width else self

    def left(self, text: str, width: int, style: Style = TEXT) -> Line:
        """Append text in a column, flush left."""
        text = fit(text, width)
        return self.add(text + " " * (width - width_of(text)), style)

    def right(self, text: str, width: int, style: Style = TEXT) -> Line:
        """Append text in a column, flush right."""
        text = fit(text, width)
        return self.add(" " * (width - width_of(text)) + text, style)

    def to(self, column: int) -> Line:
        """Append blanks up to a column."""
        return self.add(" " * (column - self.width))

    def pieces(self, pieces: Sequence[Piece]) -> Line:
        """Append several texts."""
        for text, style in pieces:
            self.add(text, style)
        return self

    def cells(self, pieces: Sequence[Piece]) -> Line:
        """Append texts in which every character takes one cell: cheap, for the lanes."""
        self._segments += map(new_segment, [(text, style, None) for text, style in pieces])
        self.width += sum([len(text) for text, _ in pieces])
        return self

    def strip(self, width: int) -> Strip:
        """The line, exactly `width` cells wide, with an ellipsis where it was cut."""
        if self.width == width:
            return Strip(self._segments, width)
        if self.width < width:
            return Strip([*self._segments, Segment(" " * (width - self.width))], width)
        strip = Strip(self._segments, self.width).adjust_cell_length(width)
        if width > 1:
            cut = strip.crop(0, width - 1)
            return Strip([*cut, Segment("…", TEXT)], width)
        return strip


class Item(NamedTuple):
    """A part of a line that can be left out when there is no room."""

    pieces: tuple[Piece, ...]
    rank: int
    """Lower stays longer."""

    @property
    def width(self) -> int:
        """Cells it takes."""
        return sum(width_of(text) for text, _ in self.pieces)


def item(text: str, style: Style = TEXT, *, rank: int) -> Item:
    """An item of one text."""
    return Item(((text, style),), rank)


def fact(name: str, value: str, rank: int) -> Item:
    """A value, and what it is called."""
    return Item(((f"{name} ", MUTED), (value, TEXT)), rank)


def keep(items: Sequence[Item], width: int, gap: int) -> list[Item]:
    """The items that fit into `width` cells with `gap` blanks between; the order stays."""
    kept = list(items)
    while kept and sum(one.width for one in kept) + gap * (len(kept) - 1) > width:
        kept.remove(max(reversed(kept), key=lambda one: one.rank))
    return kept


def joined(items: Sequence[Item], gap: int) -> list[Piece]:
    """The items' pieces with blanks between."""
    pieces: list[Piece] = []
    for one in items:
        if pieces:
            pieces.append((" " * gap, TEXT))
        pieces.extend(one.pieces)
    return pieces
