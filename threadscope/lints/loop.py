"""The event loop: who computes on it, who blocks it, and who never lets go of it."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from threadscope.lints.lint import OK, UNSURE, Judgement, Lint, State, Threshold, Unit
from threadscope.lints.words import duration, most_common, ms, named, plural, waited
from threadscope.model.observation import Observation
from threadscope.model.snapshot import Hold, Level

BUSY_SHARE = 0.5
"""On CPU for so much of its time, a step computes."""
IDLE_SHARE = 0.2
"""Below this it waits; and so much of it may be explained by the GIL or a missing core."""
GIL_CALM_NS = 10_000_000
"""Two of Python's switch intervals: whoever waits longer for the GIL shares it with several, and a
step that lets go of it in each of its system calls waits as often."""
SEEN_AFTER_NS = 300_000_000
"""The probe looks ten times a second: if no look came in so long, nobody else had the GIL."""
ENOUGH = 5
ONE_STEP_SHARE = 0.95
"""Of so many requests at least, nearly all: one may wait for something else. A choice."""


def _worst_first(holds: Sequence[Hold]) -> list[list[Hold]]:
    """By endpoint, that with the longest hold first."""
    groups: dict[object, list[Hold]] = {}
    for hold in holds:
        groups.setdefault(hold.endpoint, []).append(hold)
    return sorted(groups.values(), key=lambda group: -max(hold.length for hold in group))


def _judgement(holds: Sequence[Hold], threshold: float, verb: str) -> Judgement:
    groups = _worst_first(holds)
    worst = groups[0]
    longest = max(worst, key=lambda hold: hold.length)
    endpoint = longest.endpoint
    place = longest.place if longest.lasts else most_common(hold.place for hold in worst)
    innermost = most_common(hold.innermost for hold in worst if hold.place == place)
    most = max(hold.waiting for hold in worst)
    has = "has held" if longest.lasts else "held"
    message = f"{named(endpoint)} {has} the event loop for {duration(longest.length)}"
    message += _where(longest, place, innermost) + waited(most)
    if len(groups) > 1:
        others = [group[0].endpoint.label for group in groups[1:4]]
        message += f"; also {', '.join(others)}"
    steps = plural(len(holds), "step")
    return Judgement(
        State.WARN,
        message,
        f"{steps} {verb} the event loop for {duration(threshold)} or more",
        len(holds),
        {
            "route": endpoint.label,
            "endpoint": endpoint.name or None,
            "defined_at": endpoint.place or None,
            "place": place or None,
            "innermost": innermost or None,
            "steps": len(worst),
            "longest_ms": ms(longest.length),
            "total_ms": ms(sum(hold.length for hold in worst)),
            "cpu_share": round(longest.cpu / longest.length, 3),
            "gil_lag_ms": ms(longest.gil_lag),
            "waiting_median": median(hold.waiting for hold in worst),
            "waiting_max": most,
            "waiters": ", ".join(sorted({r for hold in worst for r in hold.waiters})) or None,
            "other_routes": ", ".join(group[0].endpoint.label for group in groups[1:]) or None,
        },
    )


def _where(hold: Hold, place: str, innermost: str) -> str:
    """` at reports.py:88 in report()`; where nobody could look, what that means."""
    if place:
        deeper = innermost and innermost != place
        return f" at {place}" + (f", inside {innermost}" if deeper else "")
    if innermost:
        return f", inside {innermost}"
    if hold.length >= SEEN_AFTER_NS and hold.cpu >= BUSY_SHARE * hold.length:
        return " in native code that keeps the GIL"
    return f" (defined at {hold.endpoint.place})" if hold.endpoint.place else ""


def computes(hold: Hold, threshold: float) -> bool:
    """Whether it computed for that long; the time without a core is nobody's fault in the app."""
    own = hold.length - hold.core_wait
    return own >= threshold and hold.cpu >= BUSY_SHARE * own


def blocks(hold: Hold, threshold: float) -> bool:
    """Whether it waited for that long, and neither for the GIL nor for a core."""
    least = IDLE_SHARE * hold.length
    return (
        hold.length >= threshold
        and hold.cpu < least
        and hold.core_wait < least
        and hold.gil_lag is not None
        and hold.gil_lag < min(least, GIL_CALM_NS)
    )


def _loop_blocked(seen: Observation, threshold: float) -> Judgement:
    found = [hold for hold in seen.holds if computes(hold, threshold)]
    return _judgement(found, threshold, "held") if found else OK


def _blocking_call(seen: Observation, threshold: float) -> Judgement:
    found = [hold for hold in seen.holds if blocks(hold, threshold)]
    if not found:
        return OK
    said = _judgement(found, threshold, "blocked")
    message = said.message.replace(" the event loop ", " the event loop in a blocking call ", 1)
    return Judgement(said.state, message, said.summary, said.count, said.evidence)


def _never_awaits(seen: Observation, threshold: float) -> Judgement:
    burning = [
        route for route in seen.routes
        if route.endpoint.kind == "async def" and (route.cpu_ns_per_request or 0) >= threshold
    ]  # fmt: skip
    found = [
        route for route in burning
        if route.completed >= ENOUGH and route.single >= ONE_STEP_SHARE * route.completed
    ]  # fmt: skip
    if not found:
        few = any(route.completed < ENOUGH or route.late for route in burning)
        return UNSURE if few else OK
    worst = max(found, key=lambda route: route.cpu_ns_per_request or 0)
    cpu = worst.cpu_ns_per_request or 0
    return Judgement(
        State.WARN,
        f"{named(worst.endpoint)} never awaits: each of {plural(worst.completed, 'request')} ran"
        f" from begin to end in one step, {duration(cpu)} of CPU on average",
        f"{plural(len(found), 'endpoint')} never awaited and computed {duration(threshold)}"
        " a request or more",
        len(found),
        {
            "route": worst.endpoint.label,
            "endpoint": worst.endpoint.name or None,
            "defined_at": worst.endpoint.place or None,
            "requests": worst.completed,
            "in_one_step": worst.single,
            "cpu_ms_per_request": ms(cpu),
            "other_routes": ", ".join(r.endpoint.label for r in found if r is not worst) or None,
        },
    )


LOOP_BLOCKED = Lint(
    "loop-blocked",
    Level.WARNING,
    "a step computed on the event loop for so long that everybody else noticed",
    Threshold(Unit.TIME, 100e6, "the length of a step"),
    _loop_blocked,
)
BLOCKING_CALL = Lint(
    "blocking-call-in-async",
    Level.WARNING,
    "a step held the event loop and did nothing: a sleep, a lock, synchronous I/O",
    Threshold(Unit.TIME, 100e6, "the length of a step"),
    _blocking_call,
)
NEVER_AWAITS = Lint(
    "never-awaits",
    Level.WARNING,
    "the requests of an `async def` endpoint end in one step and compute",
    Threshold(Unit.TIME, 10e6, "the endpoint's CPU a request"),
    _never_awaits,
)
