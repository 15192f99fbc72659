"""What a phase amounts to: gathered between the begin and the end of its measurement."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from threadscope.model.histogram import Histogram
from threadscope.model.requests import OpenRequest
from threadscope.model.snapshot import (
    Endpoint,
    LimiterSummary,
    Part,
    ProcessSummary,
    RouteSummary,
)


@dataclass(slots=True)
class RouteStats:
    """One endpoint so far. Times in ns."""

    started: int = 0
    completed: int = 0
    failed: int = 0
    latency: Histogram = field(default_factory=Histogram)
    hold_longest: int = 0
    hold_total: int = 0
    hop_wait: Histogram = field(default_factory=Histogram)
    cpu: int = 0

    def summary(self, endpoint: Endpoint, measured: int) -> RouteSummary:
        """The figures after `measured` ns."""
        return RouteSummary(
            endpoint=endpoint,
            started=self.started,
            completed=self.completed,
            failed=self.failed,
            latency=self.latency.latency(),
            hold_longest=self.hold_longest,
            hold_total=self.hold_total,
            hold_share=self.hold_total / measured if measured else None,
            hop_wait=self.hop_wait.latency(),
            cpu_ns_per_request=self.cpu / self.completed if self.completed else None,
        )


@dataclass(slots=True)
class LimiterStats:
    """One threadpool so far."""

    name: str
    total: int = 0
    borrowed_max: int = 0
    waiting_max: int = 0


class ProcessStats:
    """One server process so far."""

    def __init__(self) -> None:
        self.loop_lag = Histogram()
        self.gil_lag = Histogram()
        self.hop_wait = Histogram()
        self.limiters: dict[int, LimiterStats] = {}
        self.cpu_first: tuple[int, int] | None = None
        self.cpu_last: tuple[int, int] | None = None

    def cpu(self, t: int, cpu_ns: int) -> None:
        """The process's CPU clock at t."""
        self.cpu_first = self.cpu_first or (t, cpu_ns)
        self.cpu_last = (t, cpu_ns)

    def cpu_used(self) -> tuple[int, int]:
        """CPU in ns, and over how many ns."""
        if self.cpu_first is None or self.cpu_last is None:
            return 0, 0
        return self.cpu_last[1] - self.cpu_first[1], self.cpu_last[0] - self.cpu_first[0]

    def summary(self, pid: int, part: Part, served: int) -> ProcessSummary:
        """The figures so far.

        Args:
            pid: whose.
            part: what it is there for.
            served: requests that ended in it.
        """
        used, passed = self.cpu_used()
        return ProcessSummary(
            pid=pid,
            part=part,
            served=served,
            cores_used=used / passed if passed else None,
            loop_lag=self.loop_lag.latency(),
            gil_lag=self.gil_lag.latency(),
            limiters=tuple(
                LimiterSummary(x.name, x.total, x.borrowed_max, x.waiting_max,
                               self.hop_wait.latency())
                for x in self.limiters.values()
            ),
        )  # fmt: skip


class Measurement:
    """All that is gathered while a phase is measured."""

    def __init__(self, begin: int, since: int = 0) -> None:
        self.begin = begin
        self.since = since
        """When the phase began; what arrived before is not its own."""
        self.end: int | None = None
        self.routes: defaultdict[Endpoint, RouteStats] = defaultdict(RouteStats)
        self.processes: defaultdict[int, ProcessStats] = defaultdict(ProcessStats)
        self.work = 0.0
        """Requests served, those in parts that were open when it began or ended: with few long
        requests, counting the ends alone would be off by as many as are open at a time."""

    def served(self, arrived: int, ended: int) -> None:
        """A request was open between two moments."""
        begin = max(arrived, self.begin)
        end = ended if self.end is None else min(ended, self.end)
        if end > begin:
            self.work += (end - begin) / (ended - arrived)

    def latency(self) -> Histogram:
        """Of all requests, in the server."""
        whole = Histogram()
        for route in self.routes.values():
            whole.merge(route.latency)
        return whole

    def route(self, request: OpenRequest) -> RouteStats | None:
        """Where a request is counted; None for one of the phase before."""
        return self.routes[request.endpoint] if request.arrived >= self.since else None

    def covers(self, t: int) -> bool:
        """Whether t lies inside."""
        return self.begin <= t and (self.end is None or t <= self.end)

    def length(self, now: int) -> int:
        """How long so far, ns."""
        return (self.end or now) - self.begin

    def route_summaries(self, now: int) -> tuple[RouteSummary, ...]:
        """One a route, the longest holder of the loop first."""
        found = [
            stats.summary(e, self.length(now))
            for e, stats in self.routes.items()
            if e.route or stats.started  # else only a hop was seen of it so far
        ]
        return tuple(sorted(found, key=lambda r: -r.hold_total))

    def cores_used(self) -> float | None:
        """Of all processes together."""
        pairs = [p.cpu_used() for p in self.processes.values()]
        return sum(used / passed for used, passed in pairs if passed) if pairs else None

    def cpu_used(self) -> int:
        """CPU of all processes, ns."""
        return sum(p.cpu_used()[0] for p in self.processes.values())
