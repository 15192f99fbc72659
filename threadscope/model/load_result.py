"""What the load itself counted in a phase; see `load.messages.Result`."""

from __future__ import annotations

from dataclasses import dataclass

from threadscope.model.histogram import Histogram
from threadscope.model.snapshot import BesideSummary, BurstSummary


@dataclass(frozen=True, slots=True)
class LoadResult:
    """Its counts, over the whole phase, and its rate and latency over the measurement."""

    started: int
    completed: int
    failed: int
    cut_off: int
    per_second: float
    settle_s: float
    duration_s: float
    drain_s: float
    latency: Histogram
    generator_percent: float | None
    burst: BurstSummary | None = None
    beside: tuple[BesideSummary, ...] = ()
