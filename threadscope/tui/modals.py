"""What lies over the screen for a moment: the list of keys, and the card after a tour."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from textual.app import ComposeResult
from textual.events import Click, Key
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widget import Widget

from threadscope.model.snapshot import Finding, PhaseSummary, RouteSummary
from threadscope.report.compare import compare_lines
from threadscope.tui.findings import explanation_lines
from threadscope.tui.keys import Key as KeyOfOurs
from threadscope.tui.line import Line, Piece, width_of
from threadscope.tui.palette import KEY, MUTED, ON_BAR, STRONG, TEXT
from threadscope.tui.routes import slow_lines

CARD_WIDTH = 70
"""Columns of the card's sentences."""


class Box(Widget):
    """Lines of plain text in a frame, as wide and as high as they are."""

    def __init__(self, lines: Sequence[Sequence[Piece]]) -> None:
        super().__init__()
        self._lines = lines
        self.styles.width = max(sum(width_of(text) for text, _ in line) for line in lines) + 6
        self.styles.height = len(lines) + 2

    def render_line(self, y: int) -> Strip:
        """One of the lines."""
        pieces = self._lines[y] if y < len(self._lines) else ()
        return Line().pieces(pieces).strip(self.size.width).apply_style(ON_BAR)


class Overlay(ModalScreen[None]):
    """A box that any key takes away; what lies below goes on."""

    def __init__(self, lines: Sequence[Sequence[Piece]]) -> None:
        super().__init__()
        self.lines = lines
        """What it says."""

    def compose(self) -> ComposeResult:
        """The box."""
        yield Box(self.lines)

    def on_key(self, event: Key) -> None:
        """Any key; where the box is higher than the screen, the arrows scroll."""
        event.stop()
        if event.key in ("up", "down") and self.max_scroll_y:
            self.scroll_relative(y=1 if event.key == "down" else -1, animate=False)
        else:
            self.dismiss()

    def on_click(self, event: Click) -> None:
        """A click does the same."""
        event.stop()
        self.dismiss()


def help_overlay(keys: Sequence[KeyOfOurs], absent: Sequence[KeyOfOurs]) -> Overlay:
    """All keys; those that do nothing here stand below, with the reason."""
    lines: list[list[Piece]] = [[("Keys", STRONG)], []]
    lines += [
        [(f"{key.pair or key.display:>5}  ", KEY), (key.help, TEXT)] for key in keys if key.help
    ]
    if absent:
        names = " ".join(key.display for key in absent)
        lines += [[], [(f"{names}: not here, there is nothing to steer", MUTED)]]
    return Overlay([*lines, [], [("any key closes this", MUTED)]])


def finding_overlay(finding: Finding, text: str, width: int) -> Overlay:
    """A finding, and what its lint means.

    Args:
        finding: the one that is asked about.
        text: the lint's explanation.
        width: columns of the screen.
    """
    lines = explanation_lines(finding, text, min(width - 8, CARD_WIDTH + 20))
    return Overlay([[(finding.lint, STRONG)], [], *lines])


def route_overlay(route: RouteSummary, at: int) -> Overlay:
    """A route's latest slow requests."""
    return Overlay(slow_lines(route, at))


def card_overlay(summaries: Sequence[PhaseSummary]) -> Overlay:
    """The variants of a tour side by side."""
    head, *rows = compare_lines(summaries)
    rest = [part for row in rows for part in (wrap(row, CARD_WIDTH) or [""])]
    lines: list[list[Piece]] = [[("What the tour saw", STRONG)], [], [(head, STRONG)]]
    lines += [[(line, TEXT)] for line in rest]
    return Overlay([*lines, [], [("one round; any key closes this", MUTED)]])
