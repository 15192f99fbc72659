"""The split picture: the variant before, frozen, above the present one, on one time scale."""

from __future__ import annotations

from typing import NamedTuple

from textual.strip import Strip

from threadscope.model.snapshot import Snapshot
from threadscope.report.units import duration, rate, tokens
from threadscope.tui.lanes import (
    Frame,
    axis_strip,
    band,
    label_width,
    lanes_of,
    queues_of,
    title_strip,
)
from threadscope.tui.line import Item, Line, fact, item, joined, keep
from threadscope.tui.palette import MUTED, STRONG, WARN
from threadscope.tui.panel import Panel
from threadscope.tui.places import Places
from threadscope.tui.processes import headings
from threadscope.tui.verdict import CHIPS

ROOMY = 20
"""From this many lines on there is one to spare."""
LEAST = 4
"""Lines of a band, its head included."""


class _Bands(NamedTuple):
    """Lines of the upper and of the lower band, without their heads."""

    upper: int
    lower: int
    tall: bool


class SplitPanel(Panel):
    """Two bands of lanes, each below the figures of its variant."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.before: Snapshot | None = None
        """The last picture of the variant before; None: there was none."""
        self.seconds = 6.0
        """How far back the lanes reach."""
        self._places = Places(), Places()

    def draw(self, snapshot: Snapshot, width: int, height: int) -> list[Strip]:
        """Title, the variant before, the present one, and the axis of time below both."""
        before = self.before
        shown = [one for one in (before, snapshot) if one is not None]
        label = max(label_width(one, height) for one in shown)
        gap = int(height >= ROOMY)
        room = height - gap - 3 - 2 * (before is not None)  # title, axis, heads, a line between
        bands = _share(shown, room)
        frame = Frame(width, label, self.seconds, bands.tall)
        strips = [Strip.blank(width)] * gap + [title_strip("Split", frame)]
        places_before, places = self._places
        places_before.seconds = places.seconds = self.seconds
        if before is None:
            hint = "no other variant was seen yet: m goes to the next one"
            strips.append(Line().add(f" {hint}", WARN).strip(width))
        else:
            upper = band(before, frame, bands.upper, places_before)
            strips += [_head(before, width, frozen=True), *upper, Strip.blank(width)]
        lower = band(snapshot, frame, bands.lower, places)
        return [*strips, _head(snapshot, width), *lower, axis_strip(frame, snapshot.at)]


def _wanted(snapshot: Snapshot, tall: bool) -> int:
    lanes = max(1, len(lanes_of(snapshot)))
    return queues_of(snapshot) + len(headings(snapshot)) + lanes * (2 if tall else 1)


def _share(shown: list[Snapshot], room: int) -> _Bands:
    """Each gets what it wants; where that is too much, the one that wants more gives way."""
    tall = sum(_wanted(one, True) for one in shown) <= room
    wanted = [_wanted(one, tall) for one in shown]
    if len(wanted) == 1:
        return _Bands(0, max(LEAST, min(wanted[0], room)), tall)
    upper, lower = wanted
    if upper + lower > room:
        half = room // 2
        upper = min(upper, max(half, room - lower))
        lower = room - upper
    return _Bands(max(1, upper), max(1, lower), tall)


def _head(snapshot: Snapshot, width: int, *, frozen: bool = False) -> Strip:
    """`async def /cpu/async/{client}   SEQUENTIAL   req/s 3.3   p99 1.2 s   cores used 1.00`."""
    word = snapshot.behaviour.word
    title = item(snapshot.phase.variant.title or snapshot.target.title, STRONG, rank=0)
    facts = [title, item("frozen" if frozen else "live", MUTED, rank=6)]
    chip = item(f" {word.upper()} ", CHIPS[word], rank=1)
    latency = snapshot.latency
    known = latency.p99 is not None
    worst = duration(latency.p99 if known else latency.max)
    facts += [chip, fact("req/s", rate(snapshot.per_second), 2)]
    facts.append(fact("p99" if known else "max", worst, 3))
    if snapshot.cores_used is not None:
        facts.append(fact("cores used", f"{snapshot.cores_used:.2f}", 4))
    for pool in snapshot.limiters:
        name = "pool" if pool.name == "default" else f"{pool.name} pool"
        facts.append(fact(name, tokens(*pool[1:]), 5))
    for light in snapshot.beside:
        name = light.route.rpartition("/")[2]
        facts.append(Item(((f"{name} p50 ", WARN), (duration(light.latency.p50), STRONG)), 2))
    return Line().add(" ").pieces(joined(keep(facts, width - 2, 3), 3)).strip(width)
