"""The load's charts: the rate and the latency of the last minute, with what was changed when."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from textual.strip import Strip

from threadscope.model.snapshot import Second, Snapshot
from threadscope.report.units import duration, plural, rate
from threadscope.tui import charts_math as cm
from threadscope.tui.line import BLOCKS, Line, Piece, grouped
from threadscope.tui.palette import GHOST, METER, MUTED, STRONG, TEXT, WARN
from threadscope.tui.panel import Panel

LABEL = 9
"""Columns of the scale at the left."""
TICK_S = (60, 50, 40, 30, 20, 10)
P50, P90, P99 = "━", "─", "╌"


class ChartsPanel(Panel):
    """Rate above, latency below, on one axis of time."""

    def draw(self, snapshot: Snapshot, width: int, height: int) -> list[Strip]:
        """Two charts that share the height, and their axis."""
        columns = cm.Columns(snapshot.at, width - LABEL - 1)
        shown = columns.spread(snapshot.seconds)
        marks = cm.place_marks(snapshot.marks, columns)
        lines = {column for column, _ in marks}
        rows = max(2, height - 5)
        upper = rows * 2 // 5
        strips = [_rate_title(snapshot, width), _marks_strip(marks, width)]
        strips += _rate_strips(shown, lines, upper, width)
        strips += [Strip.blank(width), _latency_title(snapshot, width)]
        strips += _latency_strips(snapshot.seconds, shown, lines, rows - upper, width)
        return [*strips, _axis(columns, width)]


def _rate_title(snapshot: Snapshot, width: int) -> Strip:
    phase = snapshot.phase
    line = Line().add(" Rate", STRONG).add("   answers in each second", MUTED)
    if not phase.clients:
        return line.strip(width)
    asked = f"{phase.rate:g} a second" if phase.rate else plural(phase.clients, "client")
    load = asked + ("" if phase.load_on else ", load off")
    return line.to(width - len(load) - 1).add(load, TEXT).strip(width)


def _marks_strip(marks: Sequence[tuple[int, str]], width: int) -> Strip:
    line = Line().add(" " * LABEL)
    for column, text in marks:
        start = min(column, width - LABEL - 1 - len(text))
        if text:
            line.to(LABEL + start).add(text, WARN)
    return line.strip(width)


def _rate_strips(
    shown: Sequence[Second | None], lines: set[int], rows: int, width: int
) -> list[Strip]:
    top = cm.nice(max((s.latency.count for s in shown if s), default=0))
    heights = [cm.eighths(s.latency.count, top, rows) if s else 0 for s in shown]
    strips = []
    for row in reversed(range(rows)):
        label = rate(top) if row == rows - 1 else rate(top / 2) if row == rows // 2 - 1 else ""
        cells = [_bar(height - 8 * row, column in lines) for column, height in enumerate(heights)]
        strips.append(_row(label, cells, width))
    return strips


def _bar(height: int, marked: bool) -> Piece:
    if height > 0:
        return BLOCKS[min(height, 8)], METER
    return _empty(marked)


def _empty(marked: bool) -> Piece:
    return ("╎", MUTED) if marked else (" ", TEXT)


def _latency_title(snapshot: Snapshot, width: int) -> Strip:
    where = "at the clients" if snapshot.latency_at_client else "in the server"
    line = Line().add(" Latency", STRONG).add(f"   {where}   ", MUTED)
    for glyph, name, style in _KINDS:
        line.add(glyph * 2, style).add(f" {name}  ", MUTED)
    now = f"p50 {duration(snapshot.latency.p50)} "
    return line.to(max(line.width, width - len(now))).add(now, TEXT).strip(width)


_KINDS: tuple[tuple[str, str, Style], ...] = (
    (P50, "p50", METER),
    (P90, "p90", TEXT),
    (P99, "p99, or the longest of under 100", WARN),
)


def _latency_strips(
    seconds: Sequence[Second],
    shown: Sequence[Second | None],
    lines: set[int],
    rows: int,
    width: int,
) -> list[Strip]:
    scale = cm.scale(seconds, rows)
    ticks = scale.ticks()
    grid = [
        [("·", GHOST) if row in ticks else _empty(column in lines) for column in range(len(shown))]
        for row in range(rows)
    ]
    for column, second in enumerate(shown):
        if second is None:
            continue
        found = (cm.worst(second), second.latency.p90, cm.typical(second))
        for value, (glyph, _, style) in zip(found, reversed(_KINDS), strict=True):
            if value is not None:  # the more typical one is drawn last, and stays
                grid[scale.row(value)][column] = (glyph, style)
    return [
        _row(duration(ticks[row]) if row in ticks else "", grid[row], width)
        for row in reversed(range(rows))
    ]


def _row(label: str, cells: Sequence[Piece], width: int) -> Strip:
    line = Line().right(label, LABEL - 1, MUTED).add(" ")
    return line.pieces(grouped(cells)).strip(width)


def _axis(columns: cm.Columns, width: int) -> Strip:
    line = Line()
    for age in TICK_S:
        line.to(LABEL + round(columns.width * (1 - age / TICK_S[0])))
        line.add(f"╵-{age} s", GHOST)
    return line.to(LABEL + columns.width - 4).add("now╵", GHOST).strip(width)
