"""What is wrong now: the worst findings, below the word for the behaviour."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from rich.style import Style
from textual.strip import Strip

from threadscope.model.snapshot import Finding, Level, Snapshot
from threadscope.model.text import clean
from threadscope.report.units import elapsed
from threadscope.tui.line import Line, Piece
from threadscope.tui.palette import ALARM, KEY, MUTED, STRONG, TEXT, WARN
from threadscope.tui.panel import Panel

SHOWN = 3
"""More than that nobody reads while it moves."""
TALL = 36
"""From this many lines on a sentence may take two of them."""
MARKS: dict[Level, tuple[str, Style]] = {
    Level.ERROR: ("✖", ALARM),
    Level.WARNING: ("▲", WARN),
    Level.INFO: ("•", MUTED),
}


def shown(snapshot: Snapshot, height: int) -> tuple[Finding, ...]:
    """Those that there is room for on a screen of so many lines."""
    return snapshot.findings[: SHOWN if height >= 24 else 1]


class FindingsPanel(Panel):
    """A finding a line, or two; one of them can be chosen and opened."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.screen_height = TALL
        """Lines of the whole screen: they decide how many findings are shown, and how long."""
        self.choosing = True
        """The arrows choose among them, and not among routes."""
        self._chosen = ""

    def lines(self, snapshot: Snapshot, width: int) -> list[Line]:
        """All lines, for a screen of so many columns."""
        found, chosen = shown(snapshot, self.screen_height), self.chosen(snapshot)
        several, tall = len(found) > 1 and self.choosing, self.screen_height >= TALL
        return [
            line
            for finding in found
            for line in _lines(finding, snapshot.at, width, tall, finding is chosen and several)
        ]

    def chosen(self, snapshot: Snapshot) -> Finding | None:
        """The finding that enter opens."""
        found = shown(snapshot, self.screen_height)
        return next((one for one in found if one.lint == self._chosen), found[0] if found else None)

    def choose(self, snapshot: Snapshot, by: int) -> None:
        """Goes to the next finding, or the one before."""
        found, now = shown(snapshot, self.screen_height), self.chosen(snapshot)
        if now is not None:
            self._chosen = found[(found.index(now) + by) % len(found)].lint
            self.redraw()

    def draw(self, snapshot: Snapshot, width: int, height: int) -> list[Strip]:
        """The lines that fit."""
        return [line.strip(width) for line in self.lines(snapshot, width)[:height]]


def _lines(finding: Finding, at: int, width: int, tall: bool, chosen: bool) -> list[Line]:
    mark, style = MARKS[finding.level]
    age = f"  {elapsed(at - finding.since)}" if finding.since else ""
    line = Line().add(" ▸ " if chosen else "   ", KEY).add(f"{mark} ", style)
    line.add(finding.lint, STRONG if finding.level is not Level.INFO else TEXT).add("  ")
    room = max(width - line.width - len(age) - 1, 10)
    text = clean(finding.message)
    head, *rest = (
        wrap(text, room) if tall else [text[: room - 1] + "…" if len(text) > room else text]
    )
    line.add(head).to(width - len(age) - 1).add(age, MUTED)
    if not rest:
        return [line]
    tail = " ".join(rest)
    return [line, Line().add("     ").add(tail)]


def explanation_lines(finding: Finding, text: str, width: int) -> list[Sequence[Piece]]:
    """A finding and what it means, wrapped.

    Args:
        finding: the one that is asked about.
        text: its lint's explanation, paragraphs with an empty line between them.
        width: columns.
    """
    lines: list[Sequence[Piece]] = [[(part, TEXT)] for part in wrap(clean(finding.message), width)]
    for paragraph in text.split("\n\n"):
        lines.append([])
        for item in _items(paragraph):
            indent = "  " if item.startswith("- ") else ""
            plain = item.replace("`", "")
            head, star, rest = plain.removeprefix("**").partition("**")
            if star:
                lines.append([(head, KEY)])
                plain = rest.strip()
            lines += [[(part, TEXT)] for part in wrap(plain, width, subsequent_indent=indent)]
    return lines


def _items(paragraph: str) -> list[str]:
    """A paragraph as one line, a list as one line an item."""
    items: list[str] = []
    for line in paragraph.splitlines():
        if items and not line.startswith("- "):
            items[-1] += " " + line.strip()
        else:
            items.append(line)
    return items
