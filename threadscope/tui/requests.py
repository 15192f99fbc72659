"""The log of requests: who came, what started where, what ended how. Newest on top."""

from __future__ import annotations

from functools import lru_cache
from operator import itemgetter

from textual.strip import Strip

from threadscope.model.snapshot import Event, LogLine, Snapshot, TargetInfo
from threadscope.model.text import clean
from threadscope.report.units import duration, wall
from threadscope.tui.line import Line
from threadscope.tui.palette import ALARM, GHOST, MUTED, STRONG, TEXT, WARN, request_styles
from threadscope.tui.panel import Panel
from threadscope.tui.rows import short_label
from threadscope.tui.sharing import WIDE

GLYPHS = {Event.ARRIVE: "·", Event.START: "▶", Event.END: "■", Event.NOTE: "—"}
WAITED_NS = 1_000_000
"""A start that came so long after the arrival says so."""
_TIME = itemgetter(LogLine._fields.index("t"))


def matches(line: LogLine, text: str) -> bool:
    """True where the endpoint, the thread, the client or the number contains the text."""
    hay = (
        f"{line.endpoint.label} {line.endpoint.name} {line.thread} client {line.client} "
        f"#{line.request} {line.event} {line.text} {outcome(line)[0]}"
    )
    return text.casefold() in hay.casefold()


def outcome(line: LogLine) -> tuple[str, bool]:
    """The status of an ended request in words, and whether it is bad news."""
    if line.event is not Event.END:
        return "", False
    if line.status == 0:
        return "FAILED", True
    return (f"{line.status} ERROR", True) if line.status >= 500 else (str(line.status), False)


class RequestsPanel(Panel):
    """The request log."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._filter = ""
        self.gap = 0
        """Blank lines above."""

    @property
    def filter(self) -> str:
        """Only lines with this text are shown; "" for all."""
        return self._filter

    @filter.setter
    def filter(self, text: str) -> None:
        self._filter = text
        self.redraw()

    def draw(self, snapshot: Snapshot, width: int, height: int) -> list[Strip]:
        """The title and as many lines as there is room for."""
        title = Line().add(" Requests", STRONG)
        if self._filter:
            title.add("   only ", MUTED).add(clean(self._filter, 40), WARN)
            title.add("   esc shows all", MUTED)
        else:
            title.add(_work(snapshot.target), MUTED)
        strips = [Strip.blank(width)] * self.gap + [title.strip(width)]
        # an arrival is written down when its start comes so much later: here it is in its place
        lines = sorted(snapshot.log, key=_TIME)
        for line in reversed(lines):
            if len(strips) >= height:
                break
            if not self._filter or matches(line, self._filter):
                strips.append(_strip(line, snapshot.wall_offset, width))
        if len(strips) == self.gap + 1:
            unseen = snapshot.open is None and snapshot.health.limited
            text = " no request is seen without a probe" if unseen else " no request yet"
            text = " nothing matches" if self._filter and snapshot.log else text
            strips.append(Line().add(text, GHOST).strip(width))
        return strips


def _work(target: TargetInfo) -> str:
    """How much a request has to do, where a demo says it."""
    if target.work is None:
        return ""
    takes = f", about {target.work_ms} ms of CPU" if target.work_ms else ""
    return f"   {target.work:,} additions each{takes}"


@lru_cache(256)
def _strip(entry: LogLine, wall_offset: int, width: int) -> Strip:
    line = Line().add(" ").add(wall(entry.t, wall_offset), MUTED)
    glyph = GLYPHS[entry.event]
    if entry.event is Event.NOTE:
        return line.add(f"  {glyph} ", MUTED).add(clean(entry.text), TEXT).strip(width)
    styles = request_styles(entry.request)
    arriving = entry.event is Event.ARRIVE
    line.add(f"  {glyph} ", MUTED if arriving else styles.name)
    client = "" if entry.client is None else f"client {entry.client}"
    wide = width >= WIDE
    line.left(entry.event.value, 7, MUTED if arriving else TEXT)
    line.left(f"#{entry.request}", 8 if wide else 6, styles.name).add(" ")
    if wide and client:
        line.left(client, 11, MUTED)
    spare = width - line.width - (_DETAIL if wide else _SHORT_DETAIL)
    label = entry.endpoint.label if wide else short_label(entry.endpoint)
    line.left(label, max(12, min(44, spare))).add("  " if wide else " ")
    if entry.event is Event.END:
        _end(line, entry, None if wide or not client else client, width)
        return line.strip(width)
    line.left(entry.thread, max(11, len(entry.thread)))
    line.add_if_it_fits("" if wide else f" {client}", width, MUTED)
    if entry.event is Event.START and entry.here_ns >= WAITED_NS:
        after = duration(entry.here_ns)
        text = f" {after} after it arrived" if wide else f" after {after}"
        line.add_if_it_fits(text, width, MUTED)
    return line.strip(width)


_DETAIL, _SHORT_DETAIL = 44, 37
"""Columns for what follows the endpoint."""


def _end(line: Line, entry: LogLine, client: str | None, width: int) -> None:
    """The status and the two durations: in the server, and as the client saw it."""
    status, bad = outcome(entry)
    line.left(status, 11 if bad else 4 if client else 6, ALARM if bad else TEXT)
    line.add(f"{duration(entry.here_ns)} here")
    if entry.client_ns is not None:
        there = f"{duration(entry.client_ns)} at {client or 'the client'}"
        if line.width + 2 + len(there) <= width:
            line.add(", ", MUTED).add(there)
