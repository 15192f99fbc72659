"""The table of threads: what each costs, and what it runs now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from textual.strip import Strip

from threadscope.model.snapshot import Activity, ProcessRow, Role, Snapshot, ThreadRow
from threadscope.report.units import UNKNOWN, cpu_time, percent, plural, rate, seconds
from threadscope.tui.line import Line, fit, meter
from threadscope.tui.palette import GHOST, GOOD, METER, MUTED, STRONG, TEXT, request_styles
from threadscope.tui.panel import Panel
from threadscope.tui.places import CPU_WEIGHT, Places
from threadscope.tui.processes import affordable, by_process, figures, headings, title
from threadscope.tui.rows import (
    Crowd,
    Key,
    choose,
    fold_text,
    is_idle,
    key_of,
    short_label,
    worth_a_row,
)
from threadscope.tui.sharing import WIDE


class Column(NamedTuple):
    """A column of numbers."""

    title: str
    width: int
    text: Callable[[ThreadRow], str]
    value: Callable[[ThreadRow], float | None]
    """What it sorts by."""
    wide: bool = False
    """Left out on a narrow screen."""


WAIT = Column("WAIT%", 5, lambda row: percent(row.wait_percent), lambda row: row.wait_percent)
SWITCHES = Column(
    "SW/s", 5, lambda row: rate(row.switches_per_s), lambda row: row.switches_per_s, wide=True
)
TIME = Column("TIME+", 8, lambda row: cpu_time(row.cpu_s), lambda row: row.cpu_s)
HOPS = Column(
    "HOPS",
    5,
    lambda row: "" if row.hops is None else f"{row.hops:,}",
    lambda row: row.hops,
    wide=True,
)
CPU = Column("%CPU", 5, lambda row: percent(row.cpu_percent), lambda row: row.cpu_percent)
MIN_ROUTE = 8
"""With less room than this for the route, `NOW` has the request's number alone."""
SORTABLE = (CPU, WAIT, SWITCHES, TIME, HOPS)
"""`s` goes through these; before the first, threads stand in their natural order."""


def rows_of(snapshot: Snapshot, hide_idle: bool = False) -> list[ThreadRow]:
    """The threads that want a row."""
    at = snapshot.at
    return [
        row for row in snapshot.threads if worth_a_row(row) and not (hide_idle and is_idle(row, at))
    ]


class ThreadsPanel(Panel):
    """The threads, the event loop first."""

    def __init__(self, places: Places | None = None, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._places = places or Places()
        self._sort = -1
        self._reverse = False
        self._hide_idle = False
        self.gap = 0
        """Blank lines above."""

    @property
    def hide_idle(self) -> bool:
        """Threads that do nothing are left out."""
        return self._hide_idle

    @property
    def sorted_by(self) -> str:
        """The column's title; "" for the natural order."""
        return SORTABLE[self._sort].title if self._sort >= 0 else ""

    def next_sort(self) -> None:
        """Sort by the next column; after the last one in natural order again."""
        self._sort = self._sort + 1 if self._sort + 1 < len(SORTABLE) else -1
        self.redraw()

    def reverse(self) -> None:
        """Turn the order around."""
        self._reverse = not self._reverse
        self.redraw()

    def toggle_idle(self) -> None:
        """Hide threads that do nothing, or show them again."""
        self._hide_idle = not self._hide_idle
        self.redraw()

    def draw(self, snapshot: Snapshot, width: int, height: int) -> list[Strip]:
        """The columns' names, the rows, the fold and the sum."""
        rows = rows_of(snapshot, self._hide_idle)
        room = max(1, height - self.gap - 2)
        heads = affordable(headings(snapshot), len(rows), room)
        shown, folded = self._chosen(snapshot, rows, room - len(heads), apart=bool(heads))
        longest = max((len(row.label) for row in rows), default=0)
        label = min(16 if width >= WIDE else 11, max(11, longest))
        strips = [Strip.blank(width)] * self.gap + [self._names(label, width)]
        mine: list[ThreadRow | Crowd[ThreadRow]] = [*self._ordered(shown), *folded]
        for one in by_process(mine, heads):
            if isinstance(one, ProcessRow):
                strips.append(_process(one, label, width))
            elif isinstance(one, Crowd):
                strips.append(_fold(one.threads, width))
            else:
                strips.append(_row(one, snapshot.at, label, width))
        return [*strips, _sum(snapshot, label, width)]

    def _chosen(
        self, snapshot: Snapshot, rows: list[ThreadRow], room: int, *, apart: bool
    ) -> tuple[list[ThreadRow], list[Crowd[ThreadRow]]]:
        """Those that did most, or that come first in the column that they are sorted by."""
        if self._sort >= 0:
            ordered = self._ordered(rows)
            first = {key_of(row): len(rows) - place for place, row in enumerate(ordered)}
            return choose(rows, room, first, apart=apart)

        def without_lanes() -> dict[Key, float]:  # one of another library, but it may compute
            return {key_of(row): _cpu(row) * self._places.seconds for row in rows}

        return self._places.choose("threads", snapshot, rows, room, apart=apart, more=without_lanes)

    def _ordered(self, rows: list[ThreadRow]) -> list[ThreadRow]:
        if self._sort < 0:
            return rows[::-1] if self._reverse else rows
        value = SORTABLE[self._sort].value

        def greatness(row: ThreadRow) -> float:
            number = value(row)
            return -1.0 if number is None else number

        return sorted(rows, key=greatness, reverse=not self._reverse)

    def _names(self, label: int, width: int) -> Strip:
        wide = width >= WIDE
        line = Line()
        if wide:
            line.add(" Threads", STRONG).right("TID", 6, MUTED)
        else:
            line.right("TID", 8, MUTED)
        line.add("  ").left("THREAD", label, MUTED).add(" S", MUTED)
        line.add("  P" if wide else "", MUTED)
        for column in _columns(width):
            marked = column.title == self.sorted_by
            arrow = ("▲" if self._reverse else "▼") if marked else ""
            style = STRONG if marked else MUTED
            line.right(arrow + column.title, column.width + 1, style)
            if column is CPU:
                line.to(line.width + _meter_width(width) + 1)
        turned = " ▲" if self._reverse and self._sort < 0 else ""
        line.add("  NOW", MUTED).add(turned, STRONG)
        hidden = "idle hidden "
        if self._hide_idle:
            line.to(width - len(hidden)).add(hidden, MUTED)
        return line.strip(width)


def _cpu(row: ThreadRow) -> float:
    """What a thread's CPU of a second counts, as `places.activity` has it."""
    return CPU_WEIGHT * (row.cpu_percent or 0) * 10_000_000


def _row(row: ThreadRow, at: int, label: int, width: int) -> Strip:
    wide = width >= WIDE
    busy = row.state == "R"
    line = Line().right(str(row.tid), 14 if wide else 8, MUTED)
    line.add("  ").left(row.label, label).add(" ").add(row.state[:1], GOOD if busy else MUTED)
    if wide:
        line.right(UNKNOWN if row.processor is None else str(row.processor), 3, MUTED)
    for column in _columns(width):
        style = TEXT if column is CPU else MUTED
        line.right(column.text(row), column.width + 1, style)
        if column is CPU:
            size = _meter_width(width)
            bar, track = meter((row.cpu_percent or 0) / 100, size)
            line.add(" ").add(bar, METER).add(track, GHOST)
    line.add("  ")
    if row.state == "X":
        line.add("ended", MUTED)
    elif row.now is not None:
        _now(line, row.now, at, width)
    elif row.where:
        line.add("GIL " if row.holds_gil else "", GOOD)
        line.add(fit(row.where, width - line.width - 1), TEXT)
    return line.strip(width)


def _fold(rows: Sequence[ThreadRow], width: int) -> Strip:
    text = fold_text(rows, {key_of(row): row for row in rows})
    return Line().to(_label_at(width)).add(text, MUTED).strip(width)


def _process(head: ProcessRow, label: int, width: int) -> Strip:
    """`▾ worker 5460   48.6 ━━━━━─────`: the threads below are its own."""
    size = _meter_width(width)
    bar, track = meter((head.cpu_percent or 0) / 100, size)
    line = Line().add(f" ▾ {title(head)}", STRONG)
    line.to(_label_at(width) + label + (5 if width >= WIDE else 2))
    line.right(percent(head.cpu_percent), CPU.width + 1).add(" ").add(bar, METER).add(track, GHOST)
    rest = sum(column.width + 1 for column in _columns(width) if column is not CPU)
    return line.to(line.width + rest + 2).add(figures(head), MUTED).strip(width)


def _columns(width: int) -> Sequence[Column]:
    columns = (CPU, WAIT, SWITCHES, TIME, HOPS)
    return [column for column in columns if width >= WIDE or not column.wide]


def _meter_width(width: int) -> int:
    return 10 if width >= WIDE else 6


def _label_at(width: int) -> int:
    return 16 if width >= WIDE else 10


def _now(line: Line, now: Activity, at: int, width: int) -> None:
    """`#80 GET /cpu/async/{client}  0.11 s`, cut in the middle."""
    number, since = f"#{now.request} ", f"  {seconds(at - now.since)}"
    label = now.endpoint.label if width >= WIDE else short_label(now.endpoint)
    line.add(number, request_styles(now.request).name)
    room = width - line.width - 1 - len(since)
    if room >= MIN_ROUTE:
        line.add(fit(label, room)).add(since, MUTED)


def _sum(snapshot: Snapshot, label: int, width: int) -> Strip:
    """`all  5 threads  99.8  1.00 of 2 cores`: all threads but the probe's own."""
    rows = [row for row in snapshot.threads if row.role is not Role.PROBE]
    known = [row.cpu_percent for row in rows if row.cpu_percent is not None]
    wide = width >= WIDE
    line = Line().right("all", 14 if wide else 8, MUTED)
    count = plural(len(rows), "thread")
    line.add("  ").left(count if len(count) <= label else f"{len(rows):,}", label, MUTED)
    line.to(_label_at(width) + label + (5 if wide else 2))
    line.right(percent(sum(known) if known else None), 6, TEXT)
    if snapshot.cores_used is not None:
        cpus = plural(snapshot.target.cpus, "core")
        line.add(f" {snapshot.cores_used:.2f} of {cpus}", MUTED)
    waiting = [row for row in rows if row.now is not None]
    if not rows:
        line.add(f"  {snapshot.health.limited or 'no thread was seen yet'}", GHOST)
    elif waiting:
        line.add_if_it_fits(f"   {len(waiting):,} in a request", width, MUTED)
    return line.strip(width)
