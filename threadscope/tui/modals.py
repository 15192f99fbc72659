"""What lies over the screen until it is closed: the list of keys, and the card after a tour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widget import Widget

from threadscope.model.snapshot import Finding, PhaseSummary, RouteSummary
from threadscope.report.compare import compare_lines
from threadscope.tui.findings import explanation_lines
from threadscope.tui.keys import Key
from threadscope.tui.line import Line, Piece, width_of
from threadscope.tui.palette import KEY, MUTED, ON_BAR, STRONG, TEXT
from threadscope.tui.routes import slow_lines

CARD_WIDTH = 70
"""Columns of the card's sentences."""
FRAME = 2
"""Lines of a box beside what it says."""


class Box(Widget):
    """Lines of plain text in a frame, as wide and as high as they are."""

    def __init__(self, lines: Sequence[Sequence[Piece]]) -> None:
        super().__init__()
        self._lines = lines
        self.styles.width = max(sum(width_of(text) for text, _ in line) for line in lines) + 6
        self.styles.height = len(lines) + FRAME

    def render_line(self, y: int) -> Strip:
        """One of the lines."""
        pieces = self._lines[y] if y < len(self._lines) else ()
        return Line().pieces(pieces).strip(self.size.width).apply_style(ON_BAR)


class Overlay(ModalScreen[None]):
    """A box that a key or a click takes away; what lies below goes on.

    Args:
        title: its first line, which also says how to close it: it is seen on the smallest screen.
        lines: what it says.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,space,question_mark", "close"),
        Binding("q", "app.quit"),
        Binding("up", "scroll(-1)"),
        Binding("down", "scroll(1)"),
        Binding("pageup", "page(-1)"),
        Binding("pagedown", "page(1)"),
        Binding("home", "scroll(-999)"),
        Binding("end", "scroll(999)"),
    ]

    def __init__(self, title: str, lines: Sequence[Sequence[Piece]]) -> None:
        super().__init__()
        hint = [("   esc", KEY), (" closes this", MUTED)]
        self.lines = [[(title, STRONG), *hint], [], *lines]
        """What it says, the title first."""

    def compose(self) -> ComposeResult:
        """The box."""
        if len(self.lines) + FRAME > self.app.size.height:
            self.lines[0] = [*self.lines[0], ("   ↓", KEY), (" shows more", MUTED)]
        yield Box(self.lines)

    def action_close(self) -> None:
        """Takes it away; two keys at once may ask for it twice."""
        if self.is_active:
            self.dismiss()

    def action_scroll(self, by: int) -> None:
        """By lines, where the box is higher than the screen."""
        self.scroll_relative(y=by, animate=False)

    def action_page(self, by: int) -> None:
        """By screens."""
        self.action_scroll(by * (self.size.height - 1))

    def on_click(self, event: Click) -> None:
        """Anywhere."""
        event.stop()
        self.action_close()


def help_overlay(keys: Sequence[Key], absent: Mapping[str, Sequence[Key]]) -> Overlay:
    """All keys; those that do nothing here stand below, by the reason."""
    lines: list[list[Piece]] = [
        [(f"{key.pair or key.display:>5}  ", KEY), (key.help, TEXT)] for key in keys if key.help
    ]
    lines += [[]] if absent else []
    for why, idle in absent.items():
        names = " ".join(key.display for key in idle)
        lines += [[(line, MUTED)] for line in wrap(f"{names}: {why}", CARD_WIDTH)]
    return Overlay("Keys", lines)


def finding_overlay(finding: Finding, text: str, width: int) -> Overlay:
    """A finding, and what its lint means.

    Args:
        finding: the one that is asked about.
        text: the lint's explanation.
        width: columns of the screen.
    """
    lines = explanation_lines(finding, text, min(width - 8, CARD_WIDTH + 20))
    return Overlay(finding.lint, lines)


def route_overlay(route: RouteSummary, at: int) -> Overlay:
    """A route's latest slow requests."""
    return Overlay(route.endpoint.label, slow_lines(route, at))


def card_overlay(summaries: Sequence[PhaseSummary]) -> Overlay:
    """The variants of a tour side by side."""
    head, *rows = compare_lines(summaries)
    rest = [part for row in rows for part in (wrap(row, CARD_WIDTH) or [""])]
    lines: list[list[Piece]] = [[(head, STRONG)], *([(line, TEXT)] for line in rest)]
    return Overlay("What the tour saw, in one round", lines)
