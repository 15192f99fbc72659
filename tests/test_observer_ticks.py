"""When the observer wakes."""

from __future__ import annotations

from itertools import pairwise

from threadscope.observer import SAMPLE_TICKS, TICK_S, TICKS_A_SNAPSHOT, next_tick


def test_it_wakes_for_samples_and_snapshots_and_for_nothing_else():
    ticks = [0]
    while len(ticks) < 60:
        ticks.append(next_tick(ticks[-1]))
    due = [n for n in range(ticks[-1] + 1) if n % TICKS_A_SNAPSHOT in (0, *SAMPLE_TICKS)]
    assert ticks == due
    assert max(b - a for a, b in pairwise(ticks)) * TICK_S <= 0.1, "a ring is never left for long"
