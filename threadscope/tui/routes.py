"""View 2: a row a route, with what it does to the event loop and to the threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from textual.strip import Strip

from threadscope.model.snapshot import RouteSummary, SlowRequest, Snapshot
from threadscope.model.text import clean
from threadscope.report.units import UNKNOWN, duration, plural, rate
from threadscope.tui.line import Line, Piece, fit
from threadscope.tui.palette import ALARM, GHOST, GOOD, KEY, METER, MUTED, QUEUE, STRONG, TEXT, WARN
from threadscope.tui.panel import Panel
from threadscope.tui.sharing import WIDE

SECONDS = 5
BAR = 36
"""Columns of a request's timeline."""


class Column(NamedTuple):
    """A number of a route."""

    title: str
    width: int
    value: Callable[[RouteSummary], float | None]
    text: Callable[[RouteSummary], str]
    narrow: bool = True
    """Shown on narrow screens too."""


def _percentile(route: RouteSummary, name: str) -> int | None:
    """At our clients where they ask, else in the server."""
    of = route.client_latency if route.client_latency.count else route.latency
    found: int | None = getattr(of, name)
    return of.max if found is None and name == "p99" else found


def _share(route: RouteSummary) -> str:
    return UNKNOWN if route.hold_share is None else f"{route.hold_share * 100:.1f}"


COLUMNS = (
    Column("REQ/S", 6, lambda r: r.completed, lambda r: rate(r.per_second)),
    Column("P50", 8, lambda r: _percentile(r, "p50"), lambda r: duration(_percentile(r, "p50"))),
    Column("P99", 8, lambda r: _percentile(r, "p99"), lambda r: duration(_percentile(r, "p99"))),
    Column("ERR", 5, lambda r: r.failed, lambda r: str(r.failed)),
    Column("HELD", 8, lambda r: r.hold_longest, lambda r: duration(r.hold_longest)),
    Column("TOTAL", 8, lambda r: r.hold_total, lambda r: duration(r.hold_total), False),
    Column("LOOP%", 6, lambda r: r.hold_share, _share),
    Column("HOP WAIT", 9, lambda r: r.hop_wait.p50, lambda r: duration(r.hop_wait.p50), False),
    Column(
        "CPU", 8, lambda r: r.cpu_ns_per_request, lambda r: duration(r.cpu_ns_per_request), False
    ),
)


class RoutesPanel(Panel):
    """The routes of the last seconds; one of them can be chosen and opened."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._filter = ""
        self._sort = 5
        self._reverse = False
        self._chosen = ""

    @property
    def filter(self) -> str:
        """Only routes with this text are shown; "" for all."""
        return self._filter

    @filter.setter
    def filter(self, text: str) -> None:
        self._filter = text
        self.redraw()

    @property
    def sorted_by(self) -> str:
        """The column's title."""
        return COLUMNS[self._sort].title

    def next_sort(self) -> None:
        """Sort by the next column that is shown."""
        narrow = self.size.width < WIDE
        for _ in COLUMNS:
            self._sort = (self._sort + 1) % len(COLUMNS)
            if COLUMNS[self._sort].narrow or not narrow:
                break
        self.redraw()

    def reverse(self) -> None:
        """Turn the order around."""
        self._reverse = not self._reverse
        self.redraw()

    def rows(self, snapshot: Snapshot) -> list[RouteSummary]:
        """What is shown, in its order."""
        text, value = self._filter.casefold(), COLUMNS[self._sort].value
        found = [
            r for r in snapshot.routes if text in f"{r.endpoint.label} {r.endpoint.name}".casefold()
        ]

        def greatness(route: RouteSummary) -> float:
            number = value(route)
            return -1.0 if number is None else number

        return sorted(found, key=greatness, reverse=not self._reverse)

    def chosen(self, snapshot: Snapshot) -> RouteSummary | None:
        """The route that enter opens."""
        rows = self.rows(snapshot)
        first = rows[0] if rows else None
        return next((row for row in rows if row.endpoint.label == self._chosen), first)

    def choose(self, snapshot: Snapshot, by: int) -> None:
        """Goes to the next route, or the one before."""
        now = self.chosen(snapshot)
        if now is not None:
            rows = self.rows(snapshot)
            index = min(max(rows.index(now) + by, 0), len(rows) - 1)
            self._chosen = rows[index].endpoint.label
            self.redraw()

    def draw(self, snapshot: Snapshot, width: int, height: int) -> list[Strip]:
        """The title, the columns' names, and a row a route."""
        title = Line().add(" Routes", STRONG).add(f"   the last {SECONDS} s", MUTED)
        if self._filter:
            title.add("   only ", MUTED).add(clean(self._filter, 40), WARN)
        columns = [c for c in COLUMNS if c.narrow or width >= WIDE]
        label = max(12, width - 12 - sum(c.width + 1 for c in columns))
        strips = [Strip.blank(width), title.strip(width), self._names(columns, label, width)]
        rows, chosen = self.rows(snapshot), self.chosen(snapshot)
        room = max(height - len(strips), 1)
        first = max(0, rows.index(chosen) - room + 1) if chosen in rows else 0
        shown = rows[first : first + room]
        strips += [_row(row, columns, label, width, row is chosen) for row in shown]
        if not rows:
            text = (
                " nothing matches" if self._filter and snapshot.routes else " no request ended yet"
            )
            strips.append(Line().add(text, GHOST).strip(width))
        return strips

    def _names(self, columns: Sequence[Column], label: int, width: int) -> Strip:
        line = Line().add("   ").left("KIND", 9, MUTED).left("ROUTE", label, MUTED)
        for column in columns:
            marked = column is COLUMNS[self._sort]
            arrow = ("▲" if self._reverse else "▼") if marked else ""
            line.right(arrow + column.title, column.width + 1, STRONG if marked else MUTED)
        return line.strip(width)


def _row(
    route: RouteSummary, columns: Sequence[Column], label: int, width: int, chosen: bool
) -> Strip:
    line = Line().add(" ▸ " if chosen else "   ", KEY)
    line.left(route.endpoint.kind.replace("async def", "async") or UNKNOWN, 9, MUTED)
    line.left(fit(clean(route.endpoint.label), label - 1), label)
    for column in columns:
        bad = column.title == "ERR" and route.failed
        line.right(column.text(route), column.width + 1, ALARM if bad else TEXT)
    return line.strip(width)


_PARTS = (
    ("queued", "░", QUEUE),
    ("waits for a thread", "▒", WARN),
    ("on a thread", "█", GOOD),
    ("on the event loop", "▓", METER),
    ("awaits", "·", MUTED),
)


def slow_lines(route: RouteSummary, at: int) -> list[Sequence[Piece]]:
    """The slowest request of each of the last seconds, and where its time went.

    Args:
        route: whose they are.
        at: now.
    """
    place = route.endpoint.place and f"   {route.endpoint.name} at {route.endpoint.place}"
    lines: list[Sequence[Piece]] = [
        [(f"{route.endpoint.kind} {route.endpoint.label}".strip(), STRONG), (place, MUTED)],
        [],
        [(f"{glyph} {name}   ", style) for name, glyph, style in _PARTS],
        [],
    ]
    for one in route.slow:
        total = (one.queued or 0) + one.here
        ago = f"{(at - one.t) / 1e9:4.1f} s ago"
        head = f"#{one.request:<6} {one.status}  {ago} {duration(total):>8}  "
        lines.append([(head, TEXT), *_bar(one, total)])
        lines.append([(" " * 8 + _in_words(one), MUTED)])
    if not route.slow:
        lines.append([("none has ended in the last seconds", GHOST)])
    if route.waited:
        lines += [
            [],
            [(f"{plural(route.waited, 'request')} waited behind its longest steps", TEXT)],
        ]
    return lines


def _times(one: SlowRequest) -> tuple[int, ...]:
    return one.queued or 0, one.token_wait, one.on_thread, one.on_loop, one.awaiting


def _bar(one: SlowRequest, total: int) -> list[Piece]:
    """A column for each 1/36 of it, at least one for whatever took a 72nd."""
    return [
        (glyph * round(took / max(total, 1) * BAR), style)
        for took, (_, glyph, style) in zip(_times(one), _PARTS, strict=True)
    ]


def _in_words(one: SlowRequest) -> str:
    times = zip(_times(one), _PARTS, strict=True)
    return ", ".join(f"{name} {duration(took)}" for took, (name, _, _) in times if took >= 50_000)
