"""What happened in a stretch of time: endpoint by endpoint, process by process, hold by hold.

A tally covers about a second. Tallies add up: to the last seconds for the screen, to a measurement
for the report.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from threadscope.model.facts import Endpoint
from threadscope.model.histogram import Histogram
from threadscope.model.part import Part
from threadscope.model.requests import Ended
from threadscope.model.summary import (
    Hold,
    LimiterSummary,
    ProcessSummary,
    RouteSummary,
    SlowRequest,
)

MAX_HOLDS = 2000
"""Long steps kept of one tally; at 100 ms each, one event loop has ten a second."""
MAX_SLOW = 12
"""Slowest requests kept of a route, one a second: more than the screen has lines for."""
MANY_ROUTES = 250
"""Of more routes than this the latencies are known less exactly: each takes some kilobytes."""


@dataclass(slots=True)
class RouteStats:
    """One endpoint so far. Times in ns."""

    completed: int = 0
    failed: int = 0
    latency: Histogram = field(default_factory=Histogram)
    holds: int = 0
    hold_longest: int = 0
    hold_total: int = 0
    hold_place: str = ""
    hop_wait: Histogram = field(default_factory=Histogram)
    hop_total: int = 0
    hop_cpu: int = 0
    hop_place: str = ""
    cpu: int = 0
    single: int = 0
    late: int = 0
    waited: int = 0
    waiters: set[str] = field(default_factory=set)
    slowest: SlowRequest | None = None
    slow: tuple[SlowRequest, ...] = ()
    """The slowest of the tallies that were added, the newest first."""

    def book(self, ends: list[Ended]) -> None:
        """Counts requests that have ended."""
        took_all: list[int] = []
        waits: list[int] = []
        longest, slowest = self.hold_longest, -math.inf
        if self.slowest is not None:
            slowest = self.slowest.here
        held_all = cpu_all = steps_all = hop_wall = hop_cpu = 0
        for end in ends:
            request, t, _, _, failed, _, steps, cpu, held, most = end
            took = t - request.arrived
            took_all.append(took)
            held_all += held
            cpu_all += cpu
            steps_all += steps
            if steps == 1:
                self.single += 1
            if most > longest:
                longest = most
            if failed:
                self.failed += 1
            if request.late:
                self.late += 1
            if request.hops:
                waits.append(request.hop_wait)
                hop_wall += request.hop_wall
                hop_cpu += request.hop_cpu
            if took > slowest:
                slowest, self.slowest = took, _slow(end)
        self.completed += len(ends)
        self.latency.extend(took_all)
        self.hop_wait.extend(waits)
        self.holds += steps_all
        self.hold_total += held_all
        self.hold_longest = longest
        self.hop_total += hop_wall
        self.hop_cpu += hop_cpu
        self.cpu += cpu_all + hop_cpu

    def held_up(self, hold: Hold) -> None:
        """Takes note of a long step of one of its requests: where it was, and who waited."""
        self.waited = max(self.waited, hold.waiting)
        self.waiters.update(hold.waiters)
        self.hold_place = hold.place or hold.innermost or self.hold_place

    def held_outside(self, hold: Hold) -> None:
        """Counts a hold that belongs to no request, whose end would count it."""
        self.holds += 1
        self.hold_total += hold.length
        self.hold_longest = max(self.hold_longest, hold.length)
        self.held_up(hold)

    def add(self, other: RouteStats) -> None:
        """Adds what came after."""
        self.completed += other.completed
        self.failed += other.failed
        self.latency.merge(other.latency)
        self.holds += other.holds
        self.hold_longest = max(self.hold_longest, other.hold_longest)
        self.hold_total += other.hold_total
        self.hold_place = other.hold_place or self.hold_place
        self.hop_wait.merge(other.hop_wait)
        self.hop_total += other.hop_total
        self.hop_cpu += other.hop_cpu
        self.hop_place = other.hop_place or self.hop_place
        self.cpu += other.cpu
        self.single += other.single
        self.late += other.late
        self.waited = max(self.waited, other.waited)
        self.waiters |= other.waiters
        newer = (other.slowest,) if other.slowest is not None else ()
        self.slow = (*newer, *other.slow, *self.slow)[:MAX_SLOW]

    def summary(
        self, endpoint: Endpoint, passed: int, loops: int, clients: Histogram
    ) -> RouteSummary:
        """The figures so far.

        Args:
            endpoint: whose.
            passed: ns.
            loops: event loops that could have been held.
            clients: what ours saw of the route.
        """
        done = self.completed
        return RouteSummary(
            endpoint=endpoint,
            started=done,
            completed=done,
            failed=self.failed,
            latency=self.latency.latency(),
            hold_longest=self.hold_longest,
            hold_total=self.hold_total,
            # steps are counted when their request ends: some of it may lie before
            hold_share=min(self.hold_total / passed / loops, 1.0) if passed else None,
            hop_wait=self.hop_wait.latency(),
            cpu_ns_per_request=self.cpu / done if done else None,
            client_latency=clients.latency(),
            per_second=done * 1e9 / passed if passed else None,
            holds=self.holds,
            single=self.single,
            late=self.late,
            hop_ns=self.hop_total / done if done and self.hop_wait.count else None,
            hop_cpu_ns=self.hop_cpu / done if done and self.hop_wait.count else None,
            hop_place=self.hop_place,
            hold_place=self.hold_place,
            waited=self.waited,
            waiters=tuple(sorted(self.waiters)),
            slow=self.slow,
        )


def _slow(end: Ended) -> SlowRequest:
    request, t, number, status, _, sent, _, _, held, _ = end
    took, wait, wall = t - request.arrived, request.hop_wait, request.hop_wall
    queued = None if sent is None else max(request.arrived - sent, 0)
    rest = max(took - wait - wall - held, 0)
    return SlowRequest(t, number, status, queued, took, wait, wall, held, rest)


@dataclass(slots=True)
class LimiterStats:
    """One threadpool so far."""

    name: str
    total: int = 0
    borrowed_max: int = 0
    waiting_max: int = 0
    looks: int = 0
    exhausted: int = 0
    holders: Counter[Endpoint] = field(default_factory=Counter)

    def looked(self, borrowed: int, total: int, waiting: int) -> bool:
        """What it was like at one look; whether it was exhausted."""
        self.total = total
        self.looks += 1
        self.borrowed_max = max(self.borrowed_max, borrowed)
        self.waiting_max = max(self.waiting_max, waiting)
        exhausted = waiting > 0 and borrowed >= total
        self.exhausted += exhausted
        return exhausted

    def add(self, other: LimiterStats) -> None:
        """Adds what came after."""
        self.total = other.total
        self.borrowed_max = max(self.borrowed_max, other.borrowed_max)
        self.waiting_max = max(self.waiting_max, other.waiting_max)
        self.looks += other.looks
        self.exhausted += other.exhausted
        self.holders.update(other.holders)


class ProcessStats:
    """One server process so far."""

    def __init__(self) -> None:
        self.loop_lag = Histogram()
        self.gil_lag = Histogram()
        self.hop_wait = Histogram()
        self.limiters: dict[int, LimiterStats] = {}
        self.completed = 0
        self.cpu_first: tuple[int, int] | None = None
        self.cpu_last: tuple[int, int] | None = None

    def add(self, other: ProcessStats) -> None:
        """Adds what came after; but not the CPU clock, which a measurement reads itself."""
        self.loop_lag.merge(other.loop_lag)
        self.gil_lag.merge(other.gil_lag)
        self.hop_wait.merge(other.hop_wait)
        self.completed += other.completed
        for number, limiter in other.limiters.items():
            self.limiters.setdefault(number, LimiterStats(limiter.name)).add(limiter)

    def cpu(self, t: int, cpu_ns: int) -> None:
        """The process's CPU clock at t."""
        self.cpu_first = self.cpu_first or (t, cpu_ns)
        self.cpu_last = (t, cpu_ns)

    def cpu_used(self) -> tuple[int, int]:
        """CPU ns and the ns in which they were used."""
        if self.cpu_first is None or self.cpu_last is None:
            return 0, 0
        return self.cpu_last[1] - self.cpu_first[1], self.cpu_last[0] - self.cpu_first[0]

    def cores_used(self) -> float | None:
        """By its clock; None where that was not read twice."""
        used, passed = self.cpu_used()
        return used / passed if passed else None

    def summary(
        self, pid: int, part: Part, served: int, cores_used: float | None
    ) -> ProcessSummary:
        """The figures so far.

        Args:
            pid: whose.
            part: what it is there for.
            served: requests that ended in it.
            cores_used: by it.
        """
        return ProcessSummary(
            pid=pid,
            part=part,
            served=served,
            cores_used=cores_used,
            loop_lag=self.loop_lag.latency(),
            gil_lag=self.gil_lag.latency(),
            limiters=tuple(
                LimiterSummary(x.name, x.total, x.borrowed_max, x.waiting_max,
                               self.hop_wait.latency(), x.looks, x.exhausted,
                               tuple(x.holders.most_common(3)))
                for x in self.limiters.values()
            ),
        )  # fmt: skip


class Tally:
    """All of it."""

    def __init__(self) -> None:
        self.routes: defaultdict[Endpoint, RouteStats] = defaultdict(RouteStats)
        self.processes: defaultdict[int, ProcessStats] = defaultdict(ProcessStats)
        self.holds: list[Hold] = []
        self.clients: defaultdict[str, Histogram] = defaultdict(Histogram)
        """What our clients saw, by route."""
        self.done = self.failed = 0
        """Answered to our clients."""

    def add(self, other: Tally) -> None:
        """Adds what came after."""
        for endpoint, stats in other.routes.items():
            self.routes[endpoint].add(stats)
        for pid, process in other.processes.items():
            self.processes[pid].add(process)
        self.holds += other.holds[: MAX_HOLDS - len(self.holds)]
        for route, histogram in other.clients.items():
            self.clients[route].merge(histogram)
        self.done += other.done
        self.failed += other.failed

    def coarsen(self) -> None:
        """Keeps less of each route where there are many: for tallies that stay."""
        if len(self.routes) > MANY_ROUTES:
            for stats in self.routes.values():
                stats.latency.coarsen()
                stats.hop_wait.coarsen()
            for histogram in self.clients.values():
                histogram.coarsen()

    def each_route(self, passed: int) -> Iterator[RouteSummary]:
        """One an endpoint after `passed` ns, put together when it is asked for."""
        loops, none = max(len(self.processes), 1), Histogram()
        for endpoint, stats in self.routes.items():
            if endpoint.label or stats.completed:  # else only a hop was seen of it so far
                clients = self.clients.get(endpoint.route, none)
                yield stats.summary(endpoint, passed, loops, clients)

    def route_summaries(self, passed: int) -> tuple[RouteSummary, ...]:
        """One an endpoint after `passed` ns, the longest holder of the event loop first."""
        return longest_first(self.each_route(passed))


def longest_first(routes: Iterable[RouteSummary]) -> tuple[RouteSummary, ...]:
    """By how long they held the event loop."""
    return tuple(sorted(routes, key=lambda r: (-r.hold_total, r.endpoint.label)))
