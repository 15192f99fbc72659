"""The lanes: one row a thread, a cell is a slice of time, the newest at the right."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from rich.style import Style
from textual.strip import Strip

from threadscope.model.snapshot import Lane, ProcessRow, Role, Snapshot, ThreadRow
from threadscope.report.units import percent
from threadscope.tui import lanes_math as lm
from threadscope.tui.line import BLOCKS, Line, Piece, fit, grouped
from threadscope.tui.palette import (
    GHOST,
    MUTED,
    QUEUE,
    STRONG,
    TEXT,
    UNCLAIMED,
    RequestStyles,
    request_styles,
)
from threadscope.tui.panel import Panel
from threadscope.tui.processes import affordable, by_process, headings, title
from threadscope.tui.rows import Key, choose, fold_text, key_of, worth_a_row

ZOOMS = (1.5, 3, 6, 15, 30, 60)
"""Seconds that the lanes can show."""
FILLED = 7 / 8
"""A lane this high is drawn as blocks with the number inside."""
BRIEF = 3
"""Fewer cells than this on an event loop, and little CPU: a request that only passes it."""
LITTLE = 1 / 4
GAP_FROM = 3
"""Requests of at least so many cells get a gap between them; narrower ones differ by colour."""
IDLE = "·"
HELD = "░"
LEGEND = 80
"""From this many columns on the glyphs are explained."""
RIGHT = 12
"""Columns right of the lanes."""


def lanes_of(snapshot: Snapshot) -> list[Lane]:
    """The lanes that want a row: not the probe's, not those of other threads that do nothing."""
    rows = {key_of(row): row for row in snapshot.threads}
    return [
        lane
        for lane in snapshot.lanes
        if lane.role in (Role.LOOP, Role.WORKER)
        or ((row := rows.get(key_of(lane))) is not None and worth_a_row(row))
    ]


def has_queue(snapshot: Snapshot) -> bool:
    """True where it is known how many requests wait."""
    return snapshot.queued is not None or bool(snapshot.queue)


class LanesPanel(Panel):
    """The lanes of the threads, with the queue on top."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._zoom = ZOOMS.index(6)
        self._shown: frozenset[Key] = frozenset()
        self.gap = 0
        """Blank lines above."""
        self.tall = False
        """Two lines a lane."""

    @property
    def seconds(self) -> float:
        """How far back the lanes reach."""
        return ZOOMS[self._zoom]

    def zoom(self, by: int) -> None:
        """Show more time (above 0) or less."""
        self._zoom = min(len(ZOOMS) - 1, max(0, self._zoom + by))
        self.redraw()

    def draw(self, snapshot: Snapshot, width: int, height: int) -> list[Strip]:
        """Title, queue, lanes, fold and, where there is room, the axis of time."""
        lanes = lanes_of(snapshot)
        pids = {lane.pid for lane in lanes}
        heads = tuple(head for head in headings(snapshot) if head.pid in pids)
        rows = {key_of(row): row for row in snapshot.threads}
        heads = affordable(heads, len(lanes), height - 2 - self.gap)
        names = {key_of(lane): name_of(lane, snapshot, heads) for lane in lanes}
        label = min(max([10, *map(len, names.values())]), 16) + 2
        view = lm.window(snapshot.at, int(self.seconds * 1e9), width - label - RIGHT)
        strips = [Strip.blank(width)] * self.gap + [self._title(width)]
        if has_queue(snapshot):
            strips.append(_queue_strip(snapshot, view, label, width))
        axis = [_axis(view, self.seconds, label, width)] if self.gap else []
        per_lane = 2 if self.tall else 1
        room = (height - len(strips) - len(axis) - len(heads)) // per_lane
        shown, folded = choose(lanes, max(1, room), snapshot.at, self._shown)
        self._shown = frozenset(map(key_of, shown))
        for one in by_process(shown, heads):
            if isinstance(one, ProcessRow):
                strips.append(_process(one, view, label, width))
                continue
            key = key_of(one)
            strips += self._lane_strips(one, names[key], rows.get(key), view, label, width)
        if folded:
            strips.append(Line().to(label).add(fold_text(folded, rows), MUTED).strip(width))
        if not lanes:
            why = snapshot.health.limited or "no thread was seen yet"
            strips.append(Line().add(f" no lanes: {why}", MUTED).strip(width))
        return strips + axis

    def _title(self, width: int) -> Strip:
        line = Line().add(" Lanes", STRONG)
        legend = "height = CPU   colour = request   ░ held without CPU   · idle"
        line.add("   " + legend if width >= LEGEND else "", MUTED)
        right = f"last {self.seconds:g} s "
        return line.to(width - len(right)).add(right, TEXT).strip(width)

    def _lane_strips(
        self,
        lane: Lane,
        name: str,
        row: ThreadRow | None,
        view: lm.Window,
        label: int,
        width: int,
    ) -> list[Strip]:
        cells = lm.lane_cells(lane, view, 16 if self.tall else lm.FULL)
        share = row.cpu_percent if row else lm.cpu_percent(lane, view.at)
        ended, loop = row is not None and row.state == "X", lane.role is Role.LOOP
        line = Line().add(" ").left(fit(name, label - 2), label - 1, MUTED if ended else TEXT)
        lines = [line]
        if self.tall:
            upper = Line().to(label).pieces(lane_pieces(cells, upper=True, loop=loop))
            lines = [upper, line.pieces(lane_pieces(cells, lower=True, loop=loop))]
        else:
            line.pieces(lane_pieces(cells, loop=loop))
        line.right("ended" if ended else f"{percent(share)} %", RIGHT - 1, MUTED)
        return [one.strip(width) for one in lines]


def name_of(lane: Lane, snapshot: Snapshot, heads: Sequence[ProcessRow] = ()) -> str:
    """The thread's label, with the process where there are several and none has a heading."""
    if heads or len({one.pid for one in snapshot.lanes}) < 2:
        return lane.label
    return f"{lane.pid} {lane.label.removeprefix('event ')}"


def _process(head: ProcessRow, view: lm.Window, label: int, width: int) -> Strip:
    line = Line().add(" ▾ ").add(title(head), TEXT).add(" ")
    line.add("╌" * (label + view.width - line.width), GHOST)
    return line.right(f"{percent(head.cpu_percent)} %", RIGHT - 1, MUTED).strip(width)


class _Run(NamedTuple):
    """Cells in a row that belong to one request."""

    cells: list[lm.LaneCell]
    followed: bool
    """Another request begins right behind it."""


def lane_pieces(
    cells: Sequence[lm.LaneCell],
    *,
    upper: bool = False,
    lower: bool = False,
    loop: bool = False,
) -> list[Piece]:
    """A lane as text.

    Args:
        cells: of `lane_cells`; with 16 levels when drawn in two lines.
        upper: draw the upper of two lines; it carries the numbers.
        lower: draw the lower of two lines.
        loop: an event loop's lane: requests pass it on their way to a worker thread.
    """
    top = 16 if upper or lower else lm.FULL
    base = lm.FULL if upper else 0
    pieces: list[Piece] = []
    for run in _runs(cells):
        heights = [min(lm.FULL, max(0, cell.height - base)) for cell in run.cells]
        request = run.cells[0].request
        if not request:
            pieces += grouped(_free(height, upper) for height in heights)
            continue
        styles = request_styles(request)
        if loop and _passes(run.cells, top):
            pieces.append(("".join(_free(height, upper)[0] for height in heights), styles.name))
            continue
        filled = sum(cell.height for cell in run.cells) >= FILLED * top * len(run.cells)
        drawn = [
            (BLOCKS[height], styles.block) if height else (HELD, styles.shade) for height in heights
        ]
        if upper and any(cell.height for cell in run.cells):
            drawn = [(" ", styles.block) if ch == HELD else (ch, style) for ch, style in drawn]
        gap = run.followed and len(drawn) >= GAP_FROM
        if request > 0 and not lower:
            _write_number(drawn, request, len(drawn) - gap, styles, filled=filled)
        if gap:
            drawn[-1] = ("▊", styles.edge) if heights[-1] == lm.FULL else (" ", TEXT)
        pieces += grouped(drawn)
    return pieces


def _runs(cells: Sequence[lm.LaneCell]) -> list[_Run]:
    groups = [list(group) for _, group in groupby(cells, key=lambda cell: cell.request)]
    return [
        _Run(group, i + 1 < len(groups) and groups[i + 1][0].boundary)
        for i, group in enumerate(groups)
    ]


def _passes(cells: Sequence[lm.LaneCell], top: int) -> bool:
    """Whether a request is on the loop only for a moment, on its way to a worker thread.

    Without the shade of one that holds it, it is seen that the loop idles or waits for the GIL.
    """
    return len(cells) < BRIEF and all(cell.height <= LITTLE * top for cell in cells)


def _free(height: int, upper: bool) -> Piece:
    """A cell that no request claims."""
    if height:
        return BLOCKS[height], UNCLAIMED
    return " " if upper else IDLE, GHOST


def _write_number(
    drawn: list[Piece], request: int, room: int, styles: RequestStyles, *, filled: bool
) -> None:
    """`84` in the middle of full blocks, `#84` at the start of low ones, where there is room."""
    text = str(request) if filled else f"#{request}"
    if len(text) > room:
        return
    if filled:
        text = f" {text} " if len(text) + 4 <= room else text
        start = (room - len(text)) // 2
    else:
        start = 0
        text += " " if len(text) < room else ""
    style = styles.number if filled else styles.start
    for i, ch in enumerate(text, start):
        drawn[i] = (ch, style)


def _queue_strip(snapshot: Snapshot, view: lm.Window, label: int, width: int) -> Strip:
    depths = lm.depth_cells(snapshot.queue, view)
    scale = max(depths, default=0)
    line = Line().add(" ").left("queued", label - 1)
    line.pieces(grouped(_depth_piece(lm.depth_height(depth, scale)) for depth in depths))
    waiting = snapshot.queued if snapshot.queued is not None else depths[-1] if depths else 0
    style: Style = QUEUE if waiting else MUTED
    return line.right(f"{waiting} waiting", RIGHT - 1, style).strip(width)


def _depth_piece(height: int) -> Piece:
    return (BLOCKS[height], QUEUE) if height else (IDLE, GHOST)


def _axis(view: lm.Window, seconds: float, label: int, width: int) -> Strip:
    """`-6 s … -3 s … now` below the lanes."""
    step = next(s for s in (0.25, 0.5, 1, 2, 5, 10, 20) if view.width * s / seconds >= 12)
    line = Line()
    for k in range(int(seconds / step), 0, -1):
        line.to(label + round(view.width * (1 - k * step / seconds)))
        line.add(f"╵-{k * step:g} s", GHOST)
    return line.to(label + view.width - 4).add("now╵", GHOST).strip(width)
