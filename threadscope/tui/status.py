"""The two lines on top: whose server this is, and how it does."""

from __future__ import annotations

from textual.strip import Strip

from threadscope.model.snapshot import Latency, PhaseInfo, PhaseState, Snapshot, TargetInfo
from threadscope.report.units import SECOND, duration, elapsed, plural, rate, seconds, tokens
from threadscope.tui.line import Item, Line, Piece, fact, fit, item, joined, keep, spark
from threadscope.tui.palette import (
    ALARM,
    CHIP,
    KEY,
    METER,
    MUTED,
    ON_BAR,
    STRONG,
    TEXT,
    WARN,
)
from threadscope.tui.panel import Panel
from threadscope.tui.sharing import WIDE

TITLE = 2
"""Rank of the variant's title."""
MIN_TITLE = 20
"""`async def /cpu/asyn…`: so much of it stays."""
MIN_SPARK = 10
"""Bars of one second that stay on the narrowest screen."""


class StatusBar(Panel):
    """Title, facts, load and latency."""

    GROUND = ON_BAR

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.behind_ns: int | None = None
        """Paused: how far back the picture lies; None while it is live."""
        self.position = ""
        """Where in a saved session the picture lies; "" while it is live."""

    def draw(self, snapshot: Snapshot, width: int, height: int) -> list[Strip]:
        """Two lines; what there is no room for is left out, the least important first."""
        paused = f"PAUSED  {seconds(self.behind_ns)} ago" if self.behind_ns is not None else ""
        return [_who(snapshot, self.position or paused, width), _how(snapshot, width)]


def phase_text(phase: PhaseInfo, at: int) -> str:
    """`measure 4/10 s`, `settle`; "" while a load just goes on."""
    if not phase.clients and not phase.tour:
        return ""
    tour = "tour: " if phase.tour else ""
    if phase.state is PhaseState.MEASURE and phase.seconds is None:
        return "tour" if phase.tour else ""
    if phase.state is PhaseState.MEASURE and phase.seconds is not None:
        spent = min((at - phase.since) / SECOND, phase.seconds)
        return f"{tour}measure {int(spent)}/{phase.seconds:g} s"
    return tour + phase.state.value


def _who(snapshot: Snapshot, place: str, width: int) -> Strip:
    left, right = _left(snapshot, place, width), _right(snapshot.target, width)
    full = next((one for one in left if one.rank == TITLE), None)
    if full is not None:  # a route gives way before a fact does: its begin says which one it is
        left[left.index(full)] = _cut(full, MIN_TITLE)
    kept = set(keep([*left, *right], width - 3, 2))
    left, right = [i for i in left if i in kept], [i for i in right if i in kept]
    if full is not None:
        spare = width - 1 - sum(one.width + 2 for one in [*left, *right])
        left = [_cut(full, one.width + spare) if one.rank == TITLE else one for one in left]
    tail = joined(right, 2)
    line = Line().add(" ").pieces(joined(left, 3 if _spare(left, right, width) else 2))
    line.to(width - 1 - sum(len(text) for text, _ in tail))
    return line.pieces(tail).strip(width)


def _cut(title: Item, width: int) -> Item:
    [(text, style)] = title.pieces
    return item(fit(text, width), style, rank=title.rank)


def _left(snapshot: Snapshot, place: str, width: int) -> list[Item]:
    """What is watched, and how far it is."""
    phase = snapshot.phase
    out = [item("threadscope", KEY, rank=7 if width < WIDE else 3)]
    if place:
        out[0] = item(f" {place} ", CHIP, rank=0)
    out.append(item(snapshot.target.title, STRONG, rank=3))
    if phase.variant.title:
        out.append(item(phase.variant.title, TEXT, rank=TITLE))
    state = phase_text(phase, snapshot.at)
    if state and snapshot.target.running:  # else a banner says more
        out.append(item(state, WARN, rank=1))
    return out


def _right(target: TargetInfo, width: int) -> list[Item]:
    """The server."""
    out = []
    if target.pids:
        pids = str(target.pids[0]) + (f" +{len(target.pids) - 1}" if len(target.pids) > 1 else "")
        out.append(fact("pid", pids, 4))
    if target.python:
        out.append(fact("python", ".".join(target.python.split(".")[:2]), 5))
    if target.gil is not None:
        out.append(fact("GIL", "on" if target.gil else "off", 4))
    out.append(item(plural(target.workers, "worker"), TEXT, rank=6))
    out.append(item(target.url, TEXT, rank=7 if width >= WIDE else 9))
    return out


def _spare(left: list[Item], right: list[Item], width: int) -> bool:
    used = sum(one.width for one in left + right) + 2 * len(right) + 3 * len(left)
    return used <= width - 2


def _how(snapshot: Snapshot, width: int) -> Strip:
    numbers = _numbers(snapshot)
    gap = 3 if width >= 140 else 2
    head = f"req/s {rate(snapshot.per_second)} "
    fixed = len(head) + 2
    room = width - fixed - MIN_SPARK
    kept = keep(numbers, room, gap)
    used = sum(one.width for one in kept) + gap * len(kept)
    size = max(0, min(30, width - fixed - used))
    bars = (
        snapshot.bars[len(snapshot.bars) - size :] if size < len(snapshot.bars) else snapshot.bars
    )
    line = Line().add(" ").add("req/s ", MUTED).add(head[6:], STRONG)
    line.right(spark(bars), size, METER).add(" " * gap).pieces(joined(kept, gap))
    return line.strip(width)


def _numbers(snapshot: Snapshot) -> list[Item]:
    latency, phase = snapshot.latency, snapshot.phase
    out = [fact("p50", duration(latency.p50), 1), _worst(latency)]
    if phase.burst:
        out.append(fact("at once", str(phase.burst), 2))
    elif phase.clients:
        off = " (load off)" if not phase.load_on else ""
        name, asked = ("asked", f"{phase.rate:g}/s") if phase.rate else ("clients", phase.clients)
        out.append(fact(name, f"{asked}{off}", 5 if phase.load_on else 1))
    if snapshot.in_flight is not None:
        out.append(fact("in flight", str(snapshot.in_flight), 2))
    elif snapshot.open is not None:
        out.append(fact("open", str(snapshot.open), 2))
    if snapshot.websockets:
        out.append(fact("WebSockets", f"{snapshot.websockets:,}", 3))
    if snapshot.open is not None or snapshot.in_flight is not None:  # else nobody counts
        out.append(fact("done", f"{snapshot.done:,}", 3))
        bad: Piece = (str(snapshot.failed), ALARM if snapshot.failed else TEXT)
        out.append(Item((("failed ", MUTED), bad), 0 if snapshot.failed else 4))
    for light in snapshot.beside:
        name = light.route.rpartition("/")[2] or light.route
        out.append(Item(((f"{name} p50 ", WARN), (duration(light.latency.p50), STRONG)), 1))
    if snapshot.limiters:
        pool = snapshot.limiters[0]
        out.append(fact("pool", tokens(*pool[1:]), 1 if pool.tasks_waiting else 4))
    out.append(item(elapsed(snapshot.at - snapshot.started), TEXT, rank=6))
    if snapshot.health.monitor_percent is not None:
        out.append(fact("monitor", f"{snapshot.health.monitor_percent:.0f} %", 7))
    return out


def _worst(latency: Latency) -> Item:
    """p99, or the longest where there are too few requests for a p99."""
    if latency.p99 is not None:
        return fact("p99", duration(latency.p99), 1)
    return fact("max", duration(latency.max), 1)
