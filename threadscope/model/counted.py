"""What a phase counted: as the load itself says, or as it was seen where no load says anything."""

from __future__ import annotations

from collections.abc import Mapping

from threadscope.model.fold import Fold
from threadscope.model.histogram import Histogram
from threadscope.model.load_result import LoadResult
from threadscope.model.snapshot import Limiter, Role, ThreadSummary
from threadscope.model.windows import KEPT_S, SECOND

MEASURED_NS = SECOND // 2
"""A shorter measurement says nothing of a rate."""


def as_seen(fold: Fold, begun: int, at: int) -> LoadResult:
    """The counts of a load that says nothing any more; see `Aggregator.as_seen`.

    Args:
        fold: what was folded.
        begun: the begin of the phase, monotonic ns.
        at: the watermark.
    """
    measured = fold.books.measurement
    open_ = fold.clients.in_flight
    counts = fold.books.done + open_, fold.books.done - fold.books.failed, fold.books.failed, open_
    if measured is None or measured.length(at) < MEASURED_NS:
        return LoadResult(*counts, 0.0, 0.0, 0.0, 0.0, Histogram(), None)
    begin, end = measured.begin, measured.end or at
    seen = fold.books.answered.total(max(begin, end - KEPT_S * SECOND), end)
    settle_s, duration_s, drain_s = (x / SECOND for x in (begin - begun, end - begin, at - end))
    per_second = seen.count / min(duration_s, KEPT_S)
    return LoadResult(*counts, per_second, settle_s, duration_s, drain_s, seen, None)


def watched(fold: Fold, at: int) -> LoadResult:
    """The counts of a phase without a load; see `Aggregator.watched`.

    Args:
        fold: what was folded.
        at: the watermark.
    """
    measured, open_ = fold.books.measurement, len(fold.open)
    counts = fold.books.done + open_, fold.books.done - fold.books.failed, fold.books.failed, open_
    if measured is None or measured.length(at) <= 0:
        return LoadResult(*counts, 0.0, 0.0, 0.0, 0.0, Histogram(), None)
    seen, duration_s = measured.latency(), measured.length(at) / SECOND
    return LoadResult(*counts, seen.count / duration_s, 0.0, duration_s, 0.0, seen, None)


def merged(limiters: Mapping[tuple[int, int], Limiter]) -> tuple[Limiter, ...]:
    """The same pool of several processes as one."""
    out: dict[str, Limiter] = {}
    for name, total, borrowed, waiting in limiters.values():
        known = out.get(name, Limiter(name, 0, 0, 0))
        out[name] = Limiter(name, known[1] + total, known[2] + borrowed, known[3] + waiting)
    return tuple(out.values())


def switches(threads: tuple[ThreadSummary, ...], passed: int, done: float) -> float | None:
    """Context switches a request, without the probe's own thread."""
    rates = [
        x.voluntary_per_s + x.involuntary_per_s
        for x in threads
        if x.role != Role.PROBE
        and x.voluntary_per_s is not None
        and x.involuntary_per_s is not None
    ]
    return sum(rates) * passed / SECOND / done if rates and done else None
