"""What the server printed, as inert text."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from threadscope.model.snapshot import Snapshot
from threadscope.model.text import clean
from threadscope.tui.line import Line
from threadscope.tui.palette import GHOST, ON_BACKGROUND, STRONG, TEXT


class OutputView(ScrollView, can_focus=True, inherit_bindings=False):
    """The last lines of the server's output, the newest at the bottom."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("up", "scroll_up"),
        ("down", "scroll_down"),
        ("pageup", "page_up"),
        ("pagedown", "page_down"),
        ("home", "scroll_home"),
        ("end", "scroll_end"),
    ]
    """Not the arrows to the sides: these step through a pause."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: tuple[str, ...] = ()

    def show(self, snapshot: Snapshot) -> None:
        """Show the output; follows it unless one has scrolled up."""
        if not self.display or snapshot.output == self._lines:
            return
        follow = self.scroll_offset.y >= self.max_scroll_y
        self._lines = snapshot.output
        self.virtual_size = Size(self.size.width, len(self._lines) + 1)
        if follow:
            self.scroll_end(animate=False)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """A title, then a line of the output."""
        width = self.size.width
        index = y + self.scroll_offset.y - 1
        if index < 0:
            line = Line().add(" Server's output", STRONG)
            line.add("" if self._lines else "   nothing yet", GHOST)
            return line.strip(width).apply_style(ON_BACKGROUND)
        text = clean(self._lines[index]) if index < len(self._lines) else ""
        return Line().add(" " + text, TEXT).strip(width).apply_style(ON_BACKGROUND)
