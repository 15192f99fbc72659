"""The threadpool: when it has no token left, and when the way to it costs more than the work."""

from __future__ import annotations

from threadscope.lints.lint import OK, UNSURE, Judgement, Lint, State, Threshold, Unit
from threadscope.lints.words import duration, ms, named, plural
from threadscope.model.observation import Observation
from threadscope.model.snapshot import Endpoint, Latency, Level, LimiterSummary, RouteSummary

LOOKS = 2
"""One look may have met a short burst."""
ENOUGH = 20
"""Requests: the first hops start the threads, which takes far longer than the way. A choice."""
MAIN_SHARE = 0.5
"""Who takes less of the worker threads' time waits because of others."""


def long_wait(wait: Latency) -> float:
    """What a tenth of the hops waited at least; the longest where there are few."""
    return (wait.p90 if wait.p90 is not None else wait.max) or 0


def is_exhausted(pool: LimiterSummary, threshold: float) -> bool:
    """Whether it was seen without a token, and hops waited for one."""
    return pool.exhausted >= LOOKS and long_wait(pool.wait) >= threshold


def _exhausted(seen: Observation, threshold: float) -> Judgement:
    pools = [pool for process in seen.processes for pool in process.limiters]
    found = [pool for pool in pools if is_exhausted(pool, threshold)]
    if not found:
        return UNSURE if any(pool.exhausted >= LOOKS for pool in pools) else OK
    worst = max(found, key=lambda pool: (pool.waiting_max, long_wait(pool.wait)))
    holder, held = worst.holders[0] if worst.holders else (Endpoint(), 0)
    tokens = round(held / worst.exhausted)
    place = next((r.hop_place for r in seen.routes if r.endpoint == holder), "")
    message = (
        f"all {plural(worst.total_tokens, 'token')} of the {worst.name} threadpool were borrowed"
        f" and {plural(worst.waiting_max, 'request')} waited, up to {duration(worst.wait.max)}"
    )
    if tokens:
        message += f"; {named(holder)} held {tokens} of them" + (f" at {place}" if place else "")
    return Judgement(
        State.WARN,
        message,
        f"{plural(len(found), 'threadpool')} had no token left",
        len(found),
        {
            "pool": worst.name,
            "total_tokens": worst.total_tokens,
            "waiting_max": worst.waiting_max,
            "wait_p50_ms": ms(worst.wait.p50),
            "wait_max_ms": ms(worst.wait.max),
            "looks": worst.looks,
            "looks_exhausted": worst.exhausted,
            "route": holder.label or None,
            "endpoint": holder.name or None,
            "defined_at": holder.place or None,
            "tokens_held": tokens,
            "place": place or None,
        },
    )


def _overhead(seen: Observation, threshold: float) -> Judgement:
    hopping = [r for r in seen.routes if r.endpoint.kind == "def" and r.hop_ns is not None]
    if not hopping:
        return OK
    if sum(route.completed for route in hopping) < ENOUGH:
        return UNSURE
    total = sum((route.hop_ns or 0) * route.completed for route in hopping)
    found = [
        route for route in hopping
        if route.completed >= ENOUGH
        and (route.hop_ns or 0) * route.completed >= MAIN_SHARE * total
        and (route.hop_cpu_ns or 0) <= threshold
        and (route.hop_ns or 0) < _way(route)
        and not any(is_exhausted(pool, 100e6) for p in seen.processes for pool in p.limiters)
    ]  # fmt: skip
    if not found:
        return OK
    worst = max(found, key=lambda route: route.completed)
    return Judgement(
        State.WARN,
        f"{named(worst.endpoint)} works {duration(worst.hop_ns)} a request and takes"
        f" {duration(_way(worst))} to a worker thread and back; `async def` would save the way",
        f"{plural(len(found), 'endpoint')} worked less than the way to a thread takes",
        len(found),
        {
            "route": worst.endpoint.label,
            "endpoint": worst.endpoint.name or None,
            "defined_at": worst.endpoint.place or None,
            "requests": worst.completed,
            "work_ms": ms(worst.hop_ns),
            "hop_wait_ms": ms(worst.hop_wait.mean),
            "way_ms": ms(_way(worst)),
            "cpu_ms_per_request": ms(worst.cpu_ns_per_request),
        },
    )


def _way(route: RouteSummary) -> float:
    """What a request spends on neither its own work on the thread nor its steps on the loop, ns."""
    steps = route.hold_total / route.completed if route.completed else 0
    return max((route.latency.mean or 0) - (route.hop_ns or 0) - steps, 0)


EXHAUSTED = Lint(
    "threadpool-exhausted",
    Level.WARNING,
    "all tokens of a threadpool are borrowed, and requests wait for one",
    Threshold(Unit.TIME, 100e6, "what a tenth of the functions waited for a thread"),
    _exhausted,
)
OVERHEAD = Lint(
    "threadpool-overhead",
    Level.INFO,
    "the work of a `def` endpoint is shorter than its way to a worker thread and back",
    Threshold(Unit.TIME, 1e6, "the most CPU that such an endpoint uses on the thread"),
    _overhead,
)
