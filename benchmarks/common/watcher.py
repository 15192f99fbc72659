"""Watches one server as the monitor does, without its screen: for observer_effect.py.

    python watcher.py FOLDER PID

The kernel eight times a second, a snapshot four times, the rings for each of them, heartbeats: the
ticks of `threadscope.observer`, in a process of its own. Says `watching` when it does, and when its
standard input ends: requests seen, records dropped, and its own CPU in ns.
"""

from __future__ import annotations

import os
import select
import sys
import time
from pathlib import Path

from threadscope.model.aggregator import Aggregator
from threadscope.model.snapshot import Health
from threadscope.observer import SAMPLE_TICKS, TICK_S, TICKS_A_SNAPSHOT, next_tick
from threadscope.rings.set import RingSet
from threadscope.sampling.factory import open_sampler

now = time.monotonic_ns


def watch(folder: Path, pid: int) -> str:
    """Watches until standard input ends; what it saw."""
    rings, sampler, aggregator = RingSet(folder), open_sampler(pid), Aggregator(now())
    tick, looks, seen, dropped = 0, 1, 0, 0
    before: tuple[int, int] | None = None  # what was over, and overwritten, before we came
    due = time.monotonic()
    cpu = time.process_time_ns()
    while not select.select([0], [], [], max(0.0, due - time.monotonic()))[0]:
        for batch, is_load in rings.read(now()):
            aggregator.add_batch(batch, load=is_load)
            seen, dropped = sum(cell.ended for cell in batch.cells), batch.dropped
            before = before or (seen, dropped)
        aggregator.advance(now())
        place = tick % TICKS_A_SNAPSHOT
        if place == 0:
            aggregator.snapshot(Health())
        if place in SAMPLE_TICKS and (sample := sampler.sample(now())) is not None:
            aggregator.add_sample(sample)
        if looks == 2:
            print("watching", flush=True)
        looks, before_it, tick = looks + 1, tick, next_tick(tick)
        due = max(due + (tick - before_it) * TICK_S, time.monotonic())
    begun = before or (0, 0)
    return f"{seen - begun[0]} {dropped - begun[1]} {time.process_time_ns() - cpu}"


if __name__ == "__main__":
    os.environ.pop("THREADSCOPE_DIR", None)
    print(watch(Path(sys.argv[1]), int(sys.argv[2])), flush=True)
