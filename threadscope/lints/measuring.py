"""The measurement itself: what limits it, and whether requests are answered at all."""

from __future__ import annotations

from threadscope.lints.lint import OK, UNSURE, Judgement, Lint, State, Threshold, Unit
from threadscope.lints.words import plural
from threadscope.model.load_summary import BOUND_PERCENT
from threadscope.model.observation import Observation
from threadscope.model.snapshot import Level


def _generator_bound(seen: Observation, threshold: float) -> Judgement:
    if seen.load_percent is None:
        return UNSURE if seen.done else OK
    if seen.load_percent < threshold * 100:
        return OK
    return Judgement(
        State.WARN,
        f"the load generator uses {seen.load_percent:.0f} % of a core itself: it may be the limit,"
        " not the server",
        "the load generator was busy",
        1,
        {"load_cpu_percent": round(seen.load_percent, 1)},
    )


def _errors(seen: Observation, threshold: float) -> Judgement:
    at_clients = seen.done > 0
    done = seen.done if at_clients else sum(route.completed for route in seen.routes)
    failed = seen.failed if at_clients else sum(route.failed for route in seen.routes)
    if not failed or failed < threshold * done:
        return OK
    worst = max(seen.routes, key=lambda route: route.failed, default=None)
    where = ""
    if worst is not None and worst.failed:
        where = f", {worst.failed:,} of them in {worst.endpoint.label or 'no route'}"
    return Judgement(
        State.WARN,
        f"{failed:,} of {plural(done, 'request')} failed{where}",
        f"{plural(failed, 'request')} failed",
        failed,
        {
            "failed": failed,
            "done": done,
            "route": worst.endpoint.label if worst is not None and worst.failed else None,
        },
    )


def _events_dropped(seen: Observation, threshold: float) -> Judgement:
    if seen.lost < threshold:
        return OK
    return Judgement(
        State.WARN,
        f"{plural(seen.lost, 'event')} were lost before they were read: lanes, log and routes have"
        " gaps",
        f"{plural(seen.lost, 'event')} lost",
        seen.lost,
        {"lost": seen.lost},
    )


GENERATOR_BOUND = Lint(
    "generator-bound",
    Level.INFO,
    "the load generator itself is near one core",
    Threshold(Unit.SHARE, BOUND_PERCENT / 100, "the load's CPU, of one core"),
    _generator_bound,
    counts=True,
)
ERRORS = Lint(
    "errors",
    Level.ERROR,
    "requests fail",
    Threshold(Unit.SHARE, 0.01, "failed requests, of all"),
    _errors,
    counts=True,
)
EVENTS_DROPPED = Lint(
    "events-dropped",
    Level.INFO,
    "the server wrote events faster than they were read",
    Threshold(Unit.COUNT, 1, "events that were lost"),
    _events_dropped,
    counts=True,
)
