"""What snapshots and summaries both speak of: endpoints and latencies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

OUTSIDE = "outside"
"""Kind of an endpoint that is none: a function that held an event loop outside of any request."""


class Endpoint(NamedTuple):
    """A function of the app that answers a route, or that holds an event loop outside of any."""

    method: str = ""
    route: str = ""
    """The route's template, `/items/{id}`, never a path that a client asked for."""
    name: str = ""
    kind: str = ""
    """`async def`, `def`, OUTSIDE, or "" where it is not known."""
    place: str = ""
    """`cpu.py:14`"""

    @property
    def label(self) -> str:
        """`GET /items/{id}`, or `refresh(), outside any request`."""
        if self.kind == OUTSIDE:
            return f"{self.name}, outside any request"
        return f"{self.method} {self.route}".strip()


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles in ns; None where there are too few samples for them."""

    count: int = 0
    min: int | None = None
    mean: float | None = None
    p50: int | None = None
    p90: int | None = None
    p95: int | None = None
    p99: int | None = None
    max: int | None = None
    p999: int | None = None
    """99.9 %."""
