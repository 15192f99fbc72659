"""The lanes: one row a thread, a cell is a slice of time, the newest at the right."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from rich.style import Style
from textual.strip import Strip

from threadscope.model.snapshot import Lane, Role, Snapshot, ThreadRow
from threadscope.report.units import percent
from threadscope.tui import lanes_math as lm
from threadscope.tui.line import BLOCKS, Line, Piece, fit
from threadscope.tui.palette import (
    GHOST,
    MUTED,
    QUEUE,
    STRONG,
    TEXT,
    UNCLAIMED,
    request_styles,
)
from threadscope.tui.panel import Panel
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
_LOWER = BLOCKS + BLOCKS[-1] * lm.FULL
_UPPER = BLOCKS[0] * lm.FULL + BLOCKS
"""The block of each height, in the lower (or only) and in the upper line of a lane."""
_PARTS = re.compile(" +|[^ ]+")


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
        rows = {key_of(row): row for row in snapshot.threads}
        label = max([10, *(len(name_of(lane, snapshot)) for lane in lanes)])
        label = min(label, 16) + 2
        view = lm.window(snapshot.at, int(self.seconds * 1e9), width - label - RIGHT)
        strips = [Strip.blank(width)] * self.gap + [self._title(width)]
        if has_queue(snapshot):
            strips.append(_queue_strip(snapshot, view, label, width))
        axis = [_axis(view, self.seconds, label, width)] if self.gap else []
        per_lane = 2 if self.tall else 1
        room = (height - len(strips) - len(axis)) // per_lane
        shown, folded = choose(lanes, max(1, room), snapshot.at, self._shown)
        self._shown = frozenset(map(key_of, shown))
        for lane in shown:
            strips += self._lane_strips(lane, snapshot, rows.get(key_of(lane)), view, label, width)
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
        snapshot: Snapshot,
        row: ThreadRow | None,
        view: lm.Window,
        label: int,
        width: int,
    ) -> list[Strip]:
        cells = lm.lane_cells(lane, view, 16 if self.tall else lm.FULL)
        share = row.cpu_percent if row else lm.cpu_percent(lane, snapshot.at)
        name = fit(name_of(lane, snapshot), label - 2)
        ended, loop = row is not None and row.state == "X", lane.role is Role.LOOP
        line = Line().add(" ").left(name, label - 1, MUTED if ended else TEXT)
        lines = [line]
        if self.tall:
            upper = Line().to(label).cells(lane_pieces(cells, upper=True, loop=loop))
            lines = [upper, line.cells(lane_pieces(cells, lower=True, loop=loop))]
        else:
            line.cells(lane_pieces(cells, loop=loop))
        line.right("ended" if ended else f"{percent(share)} %", RIGHT - 1, MUTED)
        return [one.strip(width) for one in lines]


def name_of(lane: Lane, snapshot: Snapshot) -> str:
    """The thread's label, with the process where there are several."""
    if len(snapshot.target.pids) < 2:
        return lane.label
    return f"{lane.pid} {lane.label.removeprefix('event ')}"


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
    top = 2 * lm.FULL if upper or lower else lm.FULL
    blocks = _UPPER if upper else _LOWER
    heights = [cell.height for cell in cells]
    line = "".join([blocks[height] for height in heights])
    pieces: list[Piece] = []
    begin = end = 0
    for request, group in groupby([cell.request for cell in cells]):
        begin, end = end, end + len(list(group))
        text = line[begin:end]
        if not request:
            pieces += _split(text, UNCLAIMED, (" " if upper else IDLE, GHOST))
        elif loop and _passes(heights[begin:end], top):
            style = request_styles(request).name
            pieces.append((text if upper else text.replace(" ", IDLE), style))
        else:
            cpu = sum(heights[begin:end])
            filled = cpu >= FILLED * top * len(text)
            followed = end < len(cells) and cells[end].boundary
            number = 0 if lower else request
            held = upper and cpu > 0
            pieces += _claimed(text, request, number, filled=filled, blank=held, gap=followed)
    return pieces


def _claimed(
    text: str, request: int, number: int, *, filled: bool, blank: bool, gap: bool
) -> list[Piece]:
    """Cells of one request.

    Args:
        text: their blocks.
        request: gives the colour.
        number: is written on them where there is room; not above 0: none is.
        filled: they are high enough for a number inside.
        blank: cells without CPU are left blank; else they are shaded.
        gap: another request begins right behind them.
    """
    styles = request_styles(request)
    free = (" ", styles.block) if blank else (HELD, styles.shade)
    last: list[Piece] = []
    if gap and len(text) >= GAP_FROM:
        last = [("▊", styles.edge) if text[-1] == BLOCKS[-1] else (" ", TEXT)]
        text = text[:-1]
    name, at = _number(number, len(text), filled=filled) if number > 0 else ("", 0)
    written = [(name, styles.number if filled else styles.start)] if name else []
    return [
        *_split(text[:at], styles.block, free),
        *written,
        *_split(text[at + len(name) :], styles.block, free),
        *last,
    ]


def _split(blocks: str, style: Style, free: Piece) -> list[Piece]:
    """Blocks in one style; where there are none, another character in another style."""
    if not blocks:
        return []
    if " " not in blocks:
        return [(blocks, style)]
    return [
        (free[0] * len(part), free[1]) if part[0] == " " else (part, style)
        for part in _PARTS.findall(blocks)
    ]


def _passes(heights: Sequence[int], top: int) -> bool:
    """Whether a request is on the loop only for a moment, on its way to a worker thread.

    Without the shade of one that holds it, it is seen that the loop idles or waits for the GIL.
    """
    return len(heights) < BRIEF and all(height <= LITTLE * top for height in heights)


def _number(request: int, room: int, *, filled: bool) -> tuple[str, int]:
    """`84` in the middle of full blocks, `#84` at the start of low ones; "" without room."""
    text = str(request) if filled else f"#{request}"
    if len(text) > room:
        return "", 0
    if filled:
        text = f" {text} " if len(text) + 4 <= room else text
        return text, (room - len(text)) // 2
    return text + " " * (len(text) < room), 0


def _queue_strip(snapshot: Snapshot, view: lm.Window, label: int, width: int) -> Strip:
    depths = lm.depth_cells(snapshot.queue, view)
    scale = max(depths, default=0)
    line = Line().add(" ").left("queued", label - 1)
    blocks = "".join([BLOCKS[lm.depth_height(depth, scale)] for depth in depths])
    line.cells(_split(blocks, QUEUE, (IDLE, GHOST)))
    waiting = snapshot.queued if snapshot.queued is not None else depths[-1] if depths else 0
    style: Style = QUEUE if waiting else MUTED
    least = "≥ " if snapshot.queued_at_least and waiting else ""
    return line.right(f"{least}{waiting} waiting", RIGHT - 1, style).strip(width)


def _axis(view: lm.Window, seconds: float, label: int, width: int) -> Strip:
    """`-6 s … -3 s … now` below the lanes."""
    step = next(s for s in (0.25, 0.5, 1, 2, 5, 10, 20) if view.width * s / seconds >= 12)
    line = Line()
    for k in range(int(seconds / step), 0, -1):
        line.to(label + round(view.width * (1 - k * step / seconds)))
        line.add(f"╵-{k * step:g} s", GHOST)
    return line.to(label + view.width - 4).add("now╵", GHOST).strip(width)
