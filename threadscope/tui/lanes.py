"""The lanes: one row a thread, a cell is a slice of time, the newest at the right."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from rich.style import Style
from textual.strip import Strip

from threadscope.model.snapshot import Lane, ProcessRow, Role, Snapshot, ThreadRow
from threadscope.report.units import percent
from threadscope.tui import lanes_math as lm
from threadscope.tui.crowd import Met, meet, together
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
from threadscope.tui.places import Places
from threadscope.tui.processes import affordable, by_process, headings, title
from threadscope.tui.rows import Crowd, Key, key_of, worth_a_row

ZOOMS = (1.5, 3, 6, 15, 30, 60)
"""Seconds that the lanes can show."""
FILLED = 7 / 8
"""A lane this high is drawn as blocks with the number inside."""
BRIEF = 3
"""Fewer cells than this on an event loop, and little CPU: a request that only passes it."""
LITTLE = 1 / 4
GAP_FROM = 3
"""Requests of at least so many cells get a gap between them; narrower ones differ by colour."""
TOKENS_NS = 60_000_000_000
"""So long after the last request waited for a token its line stays."""
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


@lru_cache(2)  # a picture asks for it more than once; a split one is of two snapshots
def lanes_of(snapshot: Snapshot) -> tuple[Lane, ...]:
    """The lanes that want a row: not the probe's, not those of other threads that do nothing."""
    rows = {key_of(row): row for row in snapshot.threads}
    return tuple(
        lane
        for lane in snapshot.lanes
        if lane.role in (Role.LOOP, Role.WORKER)
        or ((row := rows.get(key_of(lane))) is not None and worth_a_row(row))
    )


def queues_of(snapshot: Snapshot) -> int:
    """Lines for those who wait: for the app where that is known, for a token where any had to."""
    begin = snapshot.at - TOKENS_NS
    tokens = any(
        point.depth and point.t > begin for chunk in snapshot.token_queue for point in chunk
    )
    return (snapshot.queued is not None or bool(snapshot.queue)) + tokens


class Frame(NamedTuple):
    """What lanes have in common that are drawn one above the other."""

    width: int
    label: int
    """Columns of the names."""
    seconds: float
    """How far back the lanes reach."""
    tall: bool
    """Two lines a lane."""

    @property
    def levels(self) -> int:
        """Height of a full cell."""
        return 2 * lm.FULL if self.tall else lm.FULL

    def window(self, at: int) -> lm.Window:
        """What of a snapshot's time is seen."""
        return lm.window(at, int(self.seconds * 1e9), self.width - self.label - RIGHT)


class LanesPanel(Panel):
    """The lanes of the threads, with the queue on top."""

    def __init__(self, places: Places | None = None, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._zoom = ZOOMS.index(6)
        self._places = places or Places()
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
        self._places.seconds = self.seconds
        self.redraw()

    def draw(self, snapshot: Snapshot, width: int, height: int) -> list[Strip]:
        """Title, queue, lanes, fold and, where there is room, the axis of time."""
        lines = height - self.gap - 1 - (1 if self.gap else 0)
        frame = Frame(width, label_width(snapshot, lines), self.seconds, self.tall)
        lanes = band(snapshot, frame, lines, self._places)
        axis = [axis_strip(frame, snapshot.at)] if self.gap else []
        return [Strip.blank(width)] * self.gap + [title_strip("Lanes", frame)] + lanes + axis


def title_strip(name: str, frame: Frame) -> Strip:
    """What is drawn, how to read it, and how far back it reaches."""
    line = Line().add(f" {name}", STRONG)
    right = f"last {frame.seconds:g} s "
    legend = "   height = CPU   colour = request   ░ held without CPU   · idle"
    line.add(legend if frame.width >= LEGEND else "", MUTED)
    return line.to(frame.width - len(right)).add(right, TEXT).strip(frame.width)


def label_width(snapshot: Snapshot, lines: int) -> int:
    """Columns that the lanes' names want."""
    lanes = lanes_of(snapshot)
    heads = _heads(snapshot, lanes, lines)
    alone = alone_in(snapshot, heads)
    return min(max([10, *(len(name_of(lane, alone)) for lane in lanes)]), 16) + 2


def _heads(snapshot: Snapshot, lanes: Sequence[Lane], lines: int) -> tuple[ProcessRow, ...]:
    pids = {lane.pid for lane in lanes}
    wanted = tuple(head for head in headings(snapshot) if head.pid in pids)
    return affordable(wanted, len(lanes), lines - queues_of(snapshot))


def band(snapshot: Snapshot, frame: Frame, lines: int, places: Places) -> list[Strip]:
    """The queues, the lanes, and where not all have room one lane for the rest together.

    Args:
        snapshot: what to draw.
        frame: where.
        lines: room.
        places: who has a lane.
    """
    lanes, view = lanes_of(snapshot), frame.window(snapshot.at)._replace(gaps=snapshot.gaps)
    heads, rows = _heads(snapshot, lanes, lines), {key_of(row): row for row in snapshot.threads}
    strips = _queue_strips(snapshot, view, frame)
    room = (lines - len(strips) - len(heads)) // (2 if frame.tall else 1)
    shown, folded = places.choose("lanes", snapshot, lanes, max(1, room), apart=bool(heads))
    alone = alone_in(snapshot, heads)
    mine: list[Lane | Crowd[Lane]] = [*shown, *folded]
    before, places.drawn = places.drawn, {}
    met_before, places.met = places.met, {}
    for one in by_process(mine, heads):
        if isinstance(one, ProcessRow):
            strips.append(_process(one, view, frame))
        elif isinstance(one, Crowd):
            met = places.met[one.pid] = meet(one.threads, view, met_before.get(one.pid))
            strips += _crowd_strips(one.threads, rows, met, view, frame)
        else:
            name, key = name_of(one, alone), (one.pid, one.tid, one.label)
            drawn = lm.drawn(one, view, frame.levels, before.get(key))
            places.drawn[key] = drawn
            strips += _thread_strips(one, name, rows.get(key_of(one)), drawn, frame)
    if not lanes:
        why = snapshot.health.limited or "no thread was seen yet"
        strips.append(Line().add(f" no lanes: {why}", MUTED).strip(frame.width))
    return strips


def _thread_strips(
    lane: Lane, name: str, row: ThreadRow | None, drawn: lm.Drawn, frame: Frame
) -> list[Strip]:
    if row is not None and row.state == "X":
        return _lane_strips(lane, name, "ended", drawn.cells, frame, MUTED)
    share = row.cpu_percent if row else lm.cpu_percent(lane, drawn.view.at)
    return _lane_strips(lane, name, f"{percent(share)} %", drawn.cells, frame)


def _crowd_strips(
    lanes: Sequence[Lane], rows: dict[Key, ThreadRow], met: Met, view: lm.Window, frame: Frame
) -> list[Strip]:
    """The threads that have no lane of their own, in one."""
    both = together(lanes, view, met)
    known = [row.cpu_percent for lane in lanes if (row := rows.get(key_of(lane))) is not None]
    shares = [share for share in known if share is not None]
    share = percent(sum(shares) if shares else None)
    cells = lm.lane_cells(both, view, frame.levels)
    return _lane_strips(both, both.label, f"{share} %", cells, frame, MUTED)


def _lane_strips(
    lane: Lane,
    name: str,
    right: str,
    cells: Sequence[lm.LaneCell],
    frame: Frame,
    style: Style = TEXT,
) -> list[Strip]:
    label, loop = frame.label, lane.role is Role.LOOP
    line = Line().add(" ").left(fit(name, label - 2), label - 1, style)
    lines = [line]
    if frame.tall:
        upper = Line().to(label).cells(lane_pieces(cells, upper=True, loop=loop))
        lines = [upper, line.cells(lane_pieces(cells, lower=True, loop=loop))]
    else:
        line.cells(lane_pieces(cells, loop=loop))
    line.right(right, RIGHT - 1, MUTED)
    return [one.strip(frame.width) for one in lines]


def alone_in(snapshot: Snapshot, heads: Sequence[ProcessRow] = ()) -> bool:
    """Whether a lane's label says all: there is one process, or they have headings."""
    return bool(heads) or len({one.pid for one in snapshot.lanes}) < 2


def name_of(lane: Lane, alone: bool) -> str:
    """The thread's label, with the process where it is not alone."""
    if alone:
        return lane.label
    return f"{lane.pid} {lane.label.removeprefix('event ')}"


def _process(head: ProcessRow, view: lm.Window, frame: Frame) -> Strip:
    line = Line().add(" ▾ ").add(title(head), TEXT).add(" ")
    line.add("╌" * (frame.label + view.width - line.width), GHOST)
    return line.right(f"{percent(head.cpu_percent)} %", RIGHT - 1, MUTED).strip(frame.width)


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
            pieces += _unclaimed(text, upper=upper)
        elif request == lm.UNSEEN:
            pieces.append((" " * len(text), TEXT))
        elif request == lm.PASSING or (loop and _passes(heights[begin:end], top)):
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


@lru_cache(4096)  # most are those of the picture before, moved to the left
def _claimed(
    text: str, request: int, number: int, *, filled: bool, blank: bool, gap: bool
) -> tuple[Piece, ...]:
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
    return (
        *_split(text[:at], styles.block, free),
        *written,
        *_split(text[at + len(name) :], styles.block, free),
        *last,
    )


def _split(blocks: str, style: Style, free: Piece) -> Sequence[Piece]:
    """Blocks in one style; where there are none, another character in another style."""
    if not blocks:
        return ()
    if " " not in blocks:
        return ((blocks, style),)
    return [
        (free[0] * len(part), free[1]) if part[0] == " " else (part, style)
        for part in _PARTS.findall(blocks)
    ]


@lru_cache(1024)
def _unclaimed(text: str, *, upper: bool) -> Sequence[Piece]:
    """Cells of no request."""
    return _split(text, UNCLAIMED, (" " if upper else IDLE, GHOST))


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


def _queue_strips(snapshot: Snapshot, view: lm.Window, frame: Frame) -> list[Strip]:
    strips = []
    if snapshot.queued is not None or snapshot.queue:
        depths = lm.depth_cells(snapshot.queue, view)
        waiting = snapshot.queued if snapshot.queued is not None else [0, *depths][-1]
        least = "≥ " if snapshot.queued_at_least and waiting else ""
        strips.append(_queue_strip("queued", depths, f"{least}{waiting}", frame))
    if queues_of(snapshot) > len(strips):
        depths = lm.depth_cells(snapshot.token_queue, view)
        waiting = sum(pool.tasks_waiting for pool in snapshot.limiters)
        strips.append(_queue_strip("no token", depths, str(waiting), frame))
    return strips


def _queue_strip(name: str, depths: Sequence[int], waiting: str, frame: Frame) -> Strip:
    scale = max(depths, default=0)
    line = Line().add(" ").left(name, frame.label - 1)
    blocks = "".join([BLOCKS[lm.depth_height(depth, scale)] for depth in depths])
    line.cells(_split(blocks, QUEUE, (IDLE, GHOST)))
    style: Style = QUEUE if waiting != "0" else MUTED
    return line.right(f"{waiting} waiting", RIGHT - 1, style).strip(frame.width)


def axis_strip(frame: Frame, at: int) -> Strip:
    """`-6 s … -3 s … now` below the lanes."""
    view, seconds = frame.window(at), frame.seconds
    step = next(s for s in (0.25, 0.5, 1, 2, 5, 10, 20) if view.width * s / seconds >= 12)
    line = Line()
    for k in range(int(seconds / step), 0, -1):
        line.to(frame.label + round(view.width * (1 - k * step / seconds)))
        line.add(f"╵-{k * step:g} s", GHOST)
    return line.to(frame.label + view.width - 4).add("now╵", GHOST).strip(frame.width)
