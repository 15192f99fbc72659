"""Lanes as cells: which request a thread served in each slice of time, and with how much CPU.

Pure. Slices lie on a fixed grid of time, so that a lane moves in whole cells and a cell, once
drawn, stays what it was. Spans and points come in chunks that are in time order: what lies
before the window is skipped by bisection.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from operator import itemgetter
from typing import NamedTuple, TypeVar

from threadscope.model.snapshot import CpuPoint, DepthPoint, Lane, Span

MANY = -1
"""In place of a request's number: several short ones shared the cell."""
UNSEEN = -2
"""In place of a request's number: nobody looked, and none is known."""
PASSING = -3
"""In place of a request's number: several short ones, and mostly the thread was free."""
HELD_PART = 4
"""Several that had a thread for less than the fourth part of a cell did not hold it."""
FULL = 8
"""Height of a full cell."""
QUEUE_SCALE = 8
"""A queue fills its lane from this depth on."""
VISIBLE = 3
"""Less CPU than this, in percent, is not drawn."""
EXTRAPOLATE_NS = 300_000_000
"""So long after its last sample a thread is taken to go on as before."""

P = TypeVar("P", CpuPoint, DepthPoint)

_TIME = itemgetter(0)
_END = itemgetter(1)


class LaneCell(NamedTuple):
    """A slice of time on one thread."""

    height: int
    """CPU that it got: 0 none, FULL (or `levels`) all of it."""
    request: int
    """The request that it served, 0 for none, MANY or PASSING for several short ones."""
    boundary: bool
    """A request begins here, right behind another one."""
    held: bool
    """A request was there, with CPU or without."""


_new_cell = partial(tuple.__new__, LaneCell)
"""Half the price of LaneCell(...), for thousands of cells a picture."""
_UNSEEN = LaneCell(0, UNSEEN, False, False)


def _levels(levels: int) -> tuple[int, ...]:
    """Height for each whole percent; what is drawn at all is at least one eighth high."""
    return tuple(
        0 if percent < VISIBLE else max(1, (percent * levels + 50) // 100) for percent in range(101)
    )


_LEVELS = {levels: _levels(levels) for levels in (FULL, 2 * FULL)}


class Window(NamedTuple):
    """The stretch of time that a row of cells shows."""

    begin: int
    slice_ns: int
    width: int
    at: int
    """The snapshot's time: it lies in the last cell, which may not be over."""
    gaps: Sequence[tuple[int, int]] = ()
    """When nobody looked."""

    @property
    def end(self) -> int:
        """Where the last cell ends."""
        return self.begin + self.slice_ns * self.width


def window(at: int, length_ns: int, width: int) -> Window:
    """The last `length_ns` in `width` cells."""
    slice_ns = max(1, length_ns // max(1, width))
    return Window((at // slice_ns - width + 1) * slice_ns, slice_ns, width, at)


def unseen(view: Window) -> list[int]:
    """The cells of which nothing is known but what was written down meanwhile."""
    cells: list[int] = []
    for begin, end in view.gaps:
        first = max(0, -((view.begin - begin) // view.slice_ns))
        cells += range(first, min(view.width, (end - view.begin) // view.slice_ns))
    return cells


class Drawn(NamedTuple):
    """The cells of a lane as they were drawn last."""

    view: Window
    levels: int
    cells: list[LaneCell]
    known_until: int
    """Up to here it cannot change any more but by what has ended since."""


def lane_cells(
    lane: Lane, view: Window, levels: int = FULL, before: Drawn | None = None
) -> list[LaneCell]:
    """The cells of one lane, oldest first.

    Args:
        lane: the thread's last minute.
        view: what to show of it.
        levels: height of a full cell; 16 for a lane of two rows.
        before: an earlier drawing of it: what cannot have changed since is taken from there.
    """
    if not view.width:
        return []
    kept = _kept(lane, view, levels, before) if before is not None else []
    if kept:
        first = view.begin + len(kept) * view.slice_ns
        view = view._replace(begin=first, width=view.width - len(kept))
    requests = _requests(lane, view)
    heights = _heights(_points(lane.cpu, view.begin), view, levels)
    bounds = [bool(kept) and requests[0] != kept[-1].request != 0 != requests[0]]
    bounds += [a != b and a != 0 and b != 0 for a, b in pairwise(requests)]
    rows = zip(heights, requests, bounds, map(bool, requests), strict=True)
    cells = list(map(_new_cell, rows))
    for i in unseen(view):
        if not cells[i].request:
            cells[i] = _UNSEEN
    return kept + cells


def drawn(lane: Lane, view: Window, levels: int = FULL, before: Drawn | None = None) -> Drawn:
    """The same as `lane_cells`, to be given to the next drawing."""
    clock = next((chunk[-1].t for chunk in reversed(lane.cpu) if chunk), 0)
    known_until = min([clock, view.at, *[span.begin for span in lane.current]])
    return Drawn(view, levels, lane_cells(lane, view, levels, before), known_until)


def _kept(lane: Lane, view: Window, levels: int, before: Drawn) -> list[LaneCell]:
    """The cells that are still right: those before all that has become known since.

    That is what its clock said since it was read last, what has ended since, and what went on then.
    """
    old = before.view
    moved, off = divmod(view.begin - old.begin, view.slice_ns)
    same = (old.slice_ns, old.width, before.levels) == (view.slice_ns, view.width, levels)
    if not same or off or moved < 0 or view.gaps or old.gaps:
        return []
    settled = min([before.known_until, *[span.begin for span in lane.current]])
    for chunk, p in _from(lane, old.at):
        settled = min([settled, *[span.begin for span in chunk[p:]]])
    cells = (settled - old.begin) // old.slice_ns - 1  # one earlier: the next may begin in it
    return before.cells[moved:cells] if moved < cells < view.width + moved else []


def depth_cells(queue: Sequence[Sequence[DepthPoint]], view: Window) -> list[int]:
    """The greatest depth of the queue in each cell."""
    points = _points(queue, view.begin)
    cells: list[int] = []
    depth = k = 0
    for border in range(view.begin, view.end, view.slice_ns):
        while k < len(points) and points[k].t <= border:
            depth = points[k].depth
            k += 1
        top = depth
        while k < len(points) and points[k].t < border + view.slice_ns:
            depth = points[k].depth
            top = max(top, depth)
            k += 1
        cells.append(top)
    return cells


def depth_height(depth: int, scale: int) -> int:
    """A depth as a height 0..FULL; whoever waits is seen."""
    return min(FULL, -(-FULL * depth // max(QUEUE_SCALE, scale)))


def cpu_percent(lane: Lane, at: int, over_ns: int = 1_000_000_000) -> float | None:
    """CPU over the last second from the lane's own points; None without two of them."""
    points = _points(lane.cpu, at - over_ns)
    if len(points) < 2 or points[-1].t < at - over_ns:
        return None
    first, last = points[0], points[-1]
    return 100 * (last.cpu_ns - first.cpu_ns) / max(1, last.t - first.t)


def _points(chunks: Sequence[Sequence[P]], begin: int) -> list[P]:
    """The points from the last one at or before `begin` on."""
    kept: list[Sequence[P]] = []
    for chunk in reversed(chunks):
        if chunk:
            kept.append(chunk)
            if chunk[0][0] <= begin:
                break
    points = [point for chunk in reversed(kept) for point in chunk]
    return points[max(0, bisect_right(points, begin, key=_TIME) - 1) :]


def _heights(points: list[CpuPoint], view: Window, levels: int) -> list[int]:
    """CPU of each slice: the slope of the thread's clock, linear between two samples."""
    if len(points) < 2:
        return [0] * view.width
    last = points[-1]
    pace = (last.cpu_ns - points[-2].cpu_ns) / max(1, last.t - points[-2].t)
    stop = last.t + EXTRAPOLATE_NS
    rest = last.cpu_ns + int(pace * EXTRAPOLATE_NS)
    times, clocks = zip(*points, (stop, rest), (max(stop, view.end) + 1, rest), strict=True)
    clock: list[float] = []
    t, cpu, slope, k = 0, clocks[0], 0.0, 0
    until = times[0]
    for border in range(view.begin, view.end + 1, view.slice_ns):
        if border >= until:
            k = bisect_right(times, border, k)
            t, cpu, until = times[k - 1], clocks[k - 1], times[k]
            slope = (clocks[k] - cpu) / (until - t) if until > t else 0.0
        clock.append(cpu + (border - t) * slope)
    heights, scale = _LEVELS[levels], 100 / view.slice_ns
    shares = [int((b - a) * scale + 0.5) for a, b in pairwise(clock)]
    return [heights[share if 0 <= share <= 100 else 100 * (share > 0)] for share in shares]


def _requests(lane: Lane, view: Window) -> list[int]:
    """The request of each cell: 0 none, MANY or PASSING for several.

    A span longer than a cell takes the cells that it fills for the greater part. Of spans that lie
    within one cell bisection finds the first that leaves it; what lies before has it together.
    """
    start, slice_ns, width, *_ = view
    half = slice_ns // 2 - start
    cells = [0] * width
    short, held = -1, 0  # the last cell that short spans claimed, and for how long they had it
    before = 0  # and who had claimed it before them
    for chunk, p in _from(lane, start):
        size = len(chunk)
        while p < size:
            begin, end, request, requests, busy = chunk[p]
            p += 1
            left, right = (begin + half) // slice_ns, (end + half) // slice_ns
            if right > left:
                number = request if requests <= 1 else _several(busy, end - begin)
                for cell in range(left if left > 0 else 0, right if right < width else width):
                    cells[cell] = number
                continue
            i = (begin - start) // slice_ns
            if i >= width:
                break
            if i < 0:  # it belongs to the cell before the first
                continue
            beyond = start + (i + 1) * slice_ns
            skip = bisect_left(chunk, beyond, p, key=_END) if p < size else p
            if i != short:
                held, before = 0, cells[i]
            held += busy + sum([span[4] for span in chunk[p:skip]])
            if skip > p or i == short or requests > 1:
                several = _several(held, slice_ns)
                cells[i] = before if before and several == PASSING else several
                p = skip
            elif not before:
                cells[i] = request
            short = i
    for begin, end, request, requests, busy in lane.current:
        last = (min(end, view.end - 1) - start) // slice_ns
        left = min(max(0, (begin + half) // slice_ns), last)
        number = request if requests <= 1 else _several(busy, end - begin)
        cells[left : last + 1] = [number] * (last + 1 - left)
    return cells


def _several(held: int, of: int) -> int:
    """What stands for several requests that had the thread for so much of so many ns."""
    return MANY if HELD_PART * held >= of else PASSING


def _from(lane: Lane, begin: int) -> list[tuple[Sequence[Span], int]]:
    """Chunks that reach into the window, each with the place of its first span there."""
    found: list[tuple[Sequence[Span], int]] = []
    for chunk in reversed(lane.spans):  # mostly the last one is asked for, of sixty
        if chunk:
            if chunk[-1].end <= begin:
                break
            found.append((chunk, bisect_right(chunk, begin, key=_END)))
    return found[::-1]
