"""The base of all panels: whole lines, drawn by a pure function, only changed ones repainted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import ClassVar

from rich.style import Style
from textual.events import Resize
from textual.filter import ANSIToTruecolor
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from threadscope.model.snapshot import Snapshot
from threadscope.tui.line import new_segment
from threadscope.tui.palette import ON_BACKGROUND


class Painted(Strip):
    """A line as the terminal gets it.

    Textual divides each line of each picture where widgets end, and a strip remembers how. One that
    is left whole would remember itself: garbage that only a search through all objects finds, some
    2,000 of them a second.
    """

    __slots__ = ()

    def divide(self, cuts: Iterable[int]) -> Sequence[Strip]:
        """The pieces between some cells."""
        known = list(cuts)
        return [self] if known == [self.cell_length] else super().divide(known)


class Lines(Widget):
    """A widget of whole lines.

    It hands them to Textual finished: borders, padding and the like, which Textual would look for
    in each line of each picture, are not used here, and looking for them costs as much as drawing.
    """

    GROUND: ClassVar[Style] = ON_BACKGROUND
    """What the lines stand on."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._strips: list[Strip] = []
        self._painted: dict[int, Strip] = {}
        """The same on their ground, as the terminal gets them."""
        self._grounded = _Grounded(self.GROUND)

    def redraw(self) -> None:
        """Draw again and put the lines."""
        raise NotImplementedError

    def put(self, strips: list[Strip]) -> None:
        """Show these lines, and repaint those that changed."""
        old, self._strips = self._strips, strips
        pairs = enumerate(zip_longest(old, strips))
        changed = [y for y, (was, now) in pairs if was is not now and was != now]
        for y in changed:
            if y < len(strips):
                self._painted[y] = self._paint(strips[y])
            else:
                self._painted.pop(y, None)
        if changed:
            width = self.size.width
            self.refresh(*(Region(0, y, width, n) for y, n in _runs(changed)))

    def _paint(self, strip: Strip) -> Strip:
        """The strip on its ground, through the filters that the user asked for (NO_COLOR)."""
        pieces = [(text, self._grounded[style], None) for text, style, _ in strip]
        painted: Strip = Painted(map(new_segment, pieces), strip.cell_length)
        for line_filter in self.get_line_filters():
            if not isinstance(line_filter, ANSIToTruecolor):  # no such colour is in the palette
                filtered = painted.apply_filter(line_filter, self.background_colors[1])
                painted = Painted(filtered, filtered.cell_length)
        return painted

    def render_lines(self, crop: Region) -> list[Strip]:
        """Some of the lines, for Textual."""
        painted = [self.render_line(y) for y in crop.line_range]
        begin, end = crop.column_span
        if (begin, end) == (0, self.size.width):
            return painted
        return [strip.crop(begin, end) for strip in painted]

    def render_line(self, y: int) -> Strip:
        """One line."""
        return self._painted.get(y) or self._paint(Strip.blank(self.size.width))

    def on_resize(self, event: Resize) -> None:
        """Another size: other lines."""
        self._strips = []
        self._painted.clear()
        self.redraw()
        self.refresh()  # also lines that were drawn and are none of ours any more


class Panel(Lines):
    """A widget that shows a snapshot."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.snapshot: Snapshot | None = None
        """What is shown."""
        self._drawn: tuple[Snapshot | None, Size] = (None, Size())

    def draw(self, snapshot: Snapshot, width: int, height: int) -> list[Strip]:
        """The lines, at most `height`, each `width` cells wide."""
        raise NotImplementedError

    def show(self, snapshot: Snapshot) -> None:
        """Show a snapshot; costs nothing while the panel is hidden."""
        self.snapshot = snapshot
        self.redraw()

    def catch_up(self) -> None:
        """Draw what is not drawn yet, or was for another size."""
        snapshot, size = self._drawn
        if snapshot is not self.snapshot or size != self.size:
            self.redraw()

    def redraw(self) -> None:
        """Draw again and repaint the lines that changed."""
        self._drawn = self.snapshot, self.size
        width, height = self.size
        if self.snapshot is not None and self.display and width and height:
            self.put(self.draw(self.snapshot, width, height)[:height])


class _Grounded(dict[Style | None, Style]):
    """Styles on a ground, each put together once."""

    def __init__(self, ground: Style) -> None:
        super().__init__()
        self._ground = ground

    def __missing__(self, style: Style | None) -> Style:
        new = self[style] = self._ground + style
        return new


def _runs(numbers: list[int]) -> list[tuple[int, int]]:
    """Rising numbers as stretches without a gap: first number and length."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and sum(runs[-1]) == number:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((number, 1))
    return runs
