"""The base of all panels: whole lines, drawn by a pure function, only changed ones repainted."""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from textual.events import Resize
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from threadscope.model.snapshot import Snapshot
from threadscope.tui.palette import ON_BACKGROUND


class Panel(Widget):
    """A widget that shows a snapshot.

    Textual's line API costs a tenth of its tables and logs at four updates a second.
    """

    GROUND: ClassVar[Style] = ON_BACKGROUND
    """What the lines stand on."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.snapshot: Snapshot | None = None
        """What is shown."""
        self._strips: list[Strip] = []

    def draw(self, snapshot: Snapshot, width: int, height: int) -> list[Strip]:
        """The lines, at most `height`, each `width` cells wide."""
        raise NotImplementedError

    def show(self, snapshot: Snapshot) -> None:
        """Show a snapshot; costs nothing while the panel is hidden."""
        self.snapshot = snapshot
        self.redraw()

    def redraw(self) -> None:
        """Draw again and repaint the lines that changed."""
        width, height = self.size
        if self.snapshot is None or not self.display or not width or not height:
            return
        old, self._strips = self._strips, self.draw(self.snapshot, width, height)[:height]
        longest = max(len(old), len(self._strips))
        changed = [y for y in range(longest) if old[y : y + 1] != self._strips[y : y + 1]]
        if changed:
            self.refresh(*(Region(0, y, width, 1) for y in changed))

    def render_line(self, y: int) -> Strip:
        """One line for Textual."""
        strip = self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width)
        return strip.apply_style(self.GROUND)

    def on_resize(self, event: Resize) -> None:
        """Another size: other lines."""
        self._strips = []
        self.redraw()
        self.refresh()  # also lines that were drawn and are none of ours any more
