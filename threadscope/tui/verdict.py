"""How the server behaves, in one word and a sentence, with the numbers behind it."""

from __future__ import annotations

from textual.strip import Strip

from threadscope.model.snapshot import Snapshot, Word
from threadscope.report.units import duration, plural
from threadscope.tui.line import Item, Line, item, joined, keep
from threadscope.tui.palette import (
    CALM_CHIP,
    CHIP,
    GOOD_CHIP,
    MUTED,
    QUIET_CHIP,
    TEXT,
)
from threadscope.tui.panel import Panel

CHIPS = {
    Word.SEQUENTIAL: CHIP,
    Word.CONCURRENT: CALM_CHIP,
    Word.PARALLEL: GOOD_CHIP,
    Word.IDLE: QUIET_CHIP,
    Word.UNKNOWN: QUIET_CHIP,
}


class VerdictPanel(Panel):
    """The word for the behaviour."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.gap = 0
        """Blank lines above."""

    def draw(self, snapshot: Snapshot, width: int, height: int) -> list[Strip]:
        """The word and the reason; below, where there is room, the evidence."""
        behaviour = snapshot.behaviour
        line = Line().add(" ").add(f" {behaviour.word.upper()} ", CHIPS[behaviour.word])
        line.add(f"  {behaviour.reason}")
        strips = [Strip.blank(width)] * self.gap + [line.strip(width)]
        facts = keep(evidence(snapshot), width - 4, 3)
        return [*strips, Line().add("   ").pieces(joined(facts, 3)).strip(width)]


def evidence(snapshot: Snapshot) -> list[Item]:
    """The numbers that the word stands on; what is not known is left out."""
    facts: list[tuple[str, str]] = []
    if snapshot.cores_used is not None:
        cores = plural(snapshot.target.cpus, "core")
        facts.append(("cores used", f"{snapshot.cores_used:.2f} of {cores}"))
    if snapshot.behaviour.place:
        facts.append(("last seen at", snapshot.behaviour.place))
    if snapshot.open is not None:
        facts.append(("open", str(snapshot.open)))
    if snapshot.in_threads is not None:
        facts.append(("in threads at once", str(snapshot.in_threads)))
    if snapshot.loop_lag_ns is not None:
        facts.append(("loop lag", duration(snapshot.loop_lag_ns)))
    if snapshot.gil_lag_ns is not None:
        facts.append(("GIL lag", duration(snapshot.gil_lag_ns)))
    items = [
        Item(((f"{name} ", MUTED), (value, TEXT)), rank) for rank, (name, value) in enumerate(facts)
    ]
    return items or [item("no numbers yet", MUTED, rank=0)]
