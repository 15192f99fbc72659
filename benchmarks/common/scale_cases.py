"""What scale.py watches: servers of great numbers, and how each is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from common.programs import HERE, Program, uvicorn
from threadscope.load.plan import LoadPlan
from threadscope.model.snapshot import Snapshot, Variant
from threadscope.phases import Way


def writers(processes: int, count: int, per_second: float) -> Program:
    """Processes that write rings as servers do."""
    words = (processes, count, per_second)
    return Program("writers", [str(HERE / "scale_writers.py"), *map(str, words)], serves=False)


class Case(NamedTuple):
    """One great number."""

    title: str
    target: Callable[[], Program]
    clients: int
    """0: nobody of ours asks."""
    paths: Callable[[], Sequence[str]]
    seen: Callable[[Snapshot], int]
    """How much of the great number a picture shows."""
    least: int
    """So much must have been seen, or the case was not what it says."""
    what: str
    """Of which so many are seen."""

    def ways(self) -> list[Way]:
        """How it is asked; none where nobody of ours asks."""
        paths = self.paths()
        if not paths:
            return []

        def plans(url: str) -> list[LoadPlan]:
            first, *rest = [url + path for path in paths]
            return [LoadPlan(url=first, route=paths[0], further_urls=tuple(rest), timeout_s=60.0)]

        return [Way(Variant("scale", self.title), plans)]


def _known_routes(snapshot: Snapshot) -> int:
    return sum(bool(route.endpoint.name) for route in snapshot.routes)


CASES = {
    "threads": Case(
        "1,000 threads, a request on each", lambda: uvicorn("scale_apps:threads"), 1_000,
        lambda: ["/hop"], lambda x: len(x.threads), 1_000, "threads",
    ),
    "processes": Case(
        "64 processes, 40 req/s each", lambda: writers(64, 8, 40.0), 0,
        lambda: [], lambda x: len(x.processes), 64, "processes",
    ),
    "connections": Case(
        "200 connections, as fast as it goes", lambda: uvicorn("hello:app"), 200,
        lambda: ["/async"], lambda x: x.in_flight or 0, 150, "in flight",
    ),
    "routes": Case(
        "1,000 routes with ids in their paths", lambda: uvicorn("scale_apps:routes"), 64,
        lambda: [f"/r{n}/items/{{client}}" for n in range(1_000)], _known_routes, 900, "routes",
    ),
    "in-flight": Case(
        "10,000 in flight in one process", lambda: uvicorn("scale_apps:waits"), 10_000,
        lambda: ["/wait"], lambda x: x.in_flight or 0, 10_000, "in flight",
    ),
    "open": Case(
        "10,000 open in 4 processes", lambda: writers(4, 2_500, 200.0), 0,
        lambda: [], lambda x: x.open or 0, 10_000, "open",
    ),
}  # fmt: skip
"""By their name on the command line."""
