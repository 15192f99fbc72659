"""Who gets what: workers that share the load badly, and routes that starve beside others."""

from __future__ import annotations

from threadscope.lints.lint import OK, UNSURE, Judgement, Lint, State, Threshold, Unit
from threadscope.lints.words import duration, ms, named, plural
from threadscope.model.observation import Observation
from threadscope.model.snapshot import Level, Part, RouteSummary

ENOUGH_A_WORKER = 20
"""Requests; see worker-skew.md for what chance does with so many."""
ENOUGH = 2
"""A starved route hardly ever ends a request."""
NOTICED_NS = 20e6
"""A wait below this is no starvation, however light the route is."""
CAUSE_SHARE = 0.3
"""Who keeps loop and threads for less of the time is not the cause."""
LEAST_OWN_NS = 50e3
"""Below this a route's own time is the framework's."""


def _worker_skew(seen: Observation, threshold: float) -> Judgement:
    workers = [process for process in seen.processes if process.part is Part.WORKER]
    counts = sorted((process.served for process in workers), reverse=True)
    if len(counts) < 2:
        return OK
    if sum(counts) < ENOUGH_A_WORKER * len(counts):
        return UNSURE
    most, others = counts[0], sum(counts[1:]) / (len(counts) - 1)
    if most <= threshold * others:
        return OK
    busiest = max(workers, key=lambda process: process.served)
    return Judgement(
        State.WARN,
        f"worker {busiest.pid} served {most:,} of {sum(counts):,} requests, the other"
        f" {plural(len(counts) - 1, 'worker')} {others:,.0f} on average",
        f"1 of {len(counts)} workers served more than {threshold:g} times its share",
        1,
        {
            "pid": busiest.pid,
            "workers": len(counts),
            "served": most,
            "others_mean": round(others, 1),
        },
    )


def own_ns(route: RouteSummary) -> float:
    """What a request of a route keeps the event loop and worker threads for itself."""
    steps = route.hold_total / route.completed if route.completed else 0.0
    return steps + (route.hop_ns or 0)


def _kept(route: RouteSummary) -> float:
    """What all of them did, ns."""
    return own_ns(route) * route.completed


def _pushed_back(route: RouteSummary) -> float:
    """What half of a route's requests waited at least for the loop, or for a thread, ns."""
    queued = 0
    if route.client_latency.p50 is not None and route.latency.p50 is not None:
        queued = max(route.client_latency.p50 - route.latency.p50, 0)
    return queued + (route.hop_wait.p50 or 0)


def _starved_route(seen: Observation, threshold: float) -> Judgement:
    routes = [route for route in seen.routes if route.endpoint.route]
    if len(routes) < 2:
        return OK
    heaviest = sorted(routes, key=_kept, reverse=True)[:2]
    enough = [route for route in routes if route.completed >= ENOUGH]
    found: list[tuple[RouteSummary, RouteSummary, float]] = []
    for light in enough:
        cause = heaviest[heaviest[0] is light]
        own = max(own_ns(light), LEAST_OWN_NS)
        wait = _pushed_back(light)
        if (
            wait >= NOTICED_NS
            and wait + own >= threshold * own
            and _kept(cause) >= CAUSE_SHARE * seen.seconds * 1e9
            and own_ns(cause) >= threshold / 2 * own
        ):
            found.append((light, cause, wait))
    if not found:
        return OK if enough else UNSURE
    light, cause, wait = max(found, key=lambda one: one[2])
    own = own_ns(light)
    return Judgement(
        State.WARN,
        f"{named(light.endpoint)} needs {duration(own)} and takes {duration(wait + own)}:"
        f" {named(cause.endpoint)} keeps it waiting",
        f"{plural(len(found), 'route')} starved beside a heavier one",
        len(found),
        {
            "route": light.endpoint.label,
            "endpoint": light.endpoint.name or None,
            "because_of": cause.endpoint.label,
            "because_of_endpoint": cause.endpoint.name or None,
            "own_ms": ms(own),
            "waits_ms": ms(wait),
            "latency_p50_ms": ms(light.client_latency.p50 or light.latency.p50),
            "because_of_own_ms": ms(own_ns(cause)),
        },
    )


WORKER_SKEW = Lint(
    "worker-skew",
    Level.INFO,
    "one of several worker processes serves much more than the others",
    Threshold(Unit.FACTOR, 2, "what one worker served, against the mean of the others"),
    _worker_skew,
)
STARVED_ROUTE = Lint(
    "starved-route",
    Level.WARNING,
    "a light route waits because of a heavy one",
    Threshold(Unit.FACTOR, 10, "a route's latency, against its own time"),
    _starved_route,
)
