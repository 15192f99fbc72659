"""What a phase amounts to: gathered between the begin and the end of its measurement."""

from __future__ import annotations

from threadscope.model.histogram import Histogram
from threadscope.model.requests import Ended
from threadscope.model.summary import RouteSummary
from threadscope.model.tally import Tally


class Measurement:
    """All that is gathered while a phase is measured."""

    def __init__(self, begin: int, since: int = 0) -> None:
        self.begin = begin
        self.since = since
        """When the phase began; what arrived before is not its own."""
        self.end: int | None = None
        self.tally = Tally()
        """Grows by a second at a time, see `Fold.roll`."""
        self.work = 0.0
        """Requests served, those in parts that were open when it began or ended: with few long
        requests, counting the ends alone would be off by as many as are open at a time."""

    def served(self, ends: list[Ended], earliest: int) -> None:
        """Requests have ended, of which the first one arrived at `earliest`."""
        if earliest >= self.begin and self.end is None:  # as mostly
            self.work += len(ends)
            return
        for end in ends:
            arrived, ended = end[0].arrived, end[1]
            begin = max(arrived, self.begin)
            until = ended if self.end is None else min(ended, self.end)
            if until > begin:
                self.work += (until - begin) / (ended - arrived)

    def latency(self) -> Histogram:
        """Of all requests, in the server."""
        whole = Histogram()
        for route in self.tally.routes.values():
            whole.merge(route.latency)
        return whole

    def covers(self, t: int) -> bool:
        """Whether t lies inside."""
        return self.begin <= t and (self.end is None or t <= self.end)

    def length(self, now: int) -> int:
        """How long so far, ns."""
        return (self.end or now) - self.begin

    def route_summaries(self, now: int) -> tuple[RouteSummary, ...]:
        """One a route, the longest holder of the loop first."""
        return self.tally.route_summaries(self.length(now))

    def cores_used(self) -> float | None:
        """Of all processes together."""
        pairs = [p.cpu_used() for p in self.tally.processes.values()]
        return sum(used / passed for used, passed in pairs if passed) if pairs else None

    def cpu_used(self) -> int:
        """CPU of all processes, ns."""
        return sum(p.cpu_used()[0] for p in self.tally.processes.values())
