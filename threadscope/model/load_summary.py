"""A load by itself, summed up: what was asked, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from threadscope.model.histogram import Histogram

BOUND_PERCENT = 80.0
"""A load process that uses so much of a core may itself be what limits the figures.

It does one thing after the other. At 80 % what has to be done waits twice as long as it takes, on
average, at 90 % four and a half times (a queue with one server and even service, M/D/1:
share / (2 * (1 - share))), and that is in every latency.
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a load was to do. Nothing secret is in it."""

    urls: tuple[str, ...]
    method: str
    headers: dict[str, str]
    body_bytes: int
    model: str
    """closed, burst or open."""
    clients: int
    rate: float | None
    """Requests per second; None: not on a schedule."""
    timeout_s: float
    keep_alive: bool


@dataclass(frozen=True, slots=True)
class OnSchedule:
    """scheduled = on_time + late + dropped."""

    scheduled: int
    on_time: int
    late: int
    dropped: int
    latency: Histogram
    """From the scheduled moments on, ns."""


@dataclass(frozen=True, slots=True)
class LoadSummary:
    """Counts are over the whole phase, rate and latency over its measurement."""

    asked: Asked
    started: int
    completed: int
    """Answered with a status below 400."""
    failed: int
    cut_off: int
    """In flight at the end, and unanswered when the time was up."""
    per_second: float
    settle_s: float
    duration_s: float
    drain_s: float
    latency: Histogram
    """From the moment at which a request was sent, ns."""
    statuses: dict[str, int] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    """Requests without a whole answer, by kind."""
    reasons: dict[str, str] = field(default_factory=dict)
    """Of these kinds, in a few words."""
    received_bytes: int = 0
    """Of bodies."""
    burst_s: float | None = None
    """From the first request of a burst to its last answer."""
    schedule: OnSchedule | None = None
    generator_percent: float | None = None
    """CPU of the load process, percent of a core."""
    loop: str = ""
    aborted: str = ""
    """Why it did not reach its end."""

    @property
    def failures(self) -> dict[str, int]:
        """All that failed, by kind, with statuses as `4xx` and `5xx`: the sum is `failed`."""
        found = dict(self.errors)
        for status, count in self.statuses.items():
            if int(status) >= 400:
                kind = f"{status[0]}xx"
                found[kind] = found.get(kind, 0) + count
        return found

    @property
    def generator_bound(self) -> bool:
        """Whether the load process may be what limits the figures."""
        return (self.generator_percent or 0.0) >= BOUND_PERCENT

    @property
    def bound_sentence(self) -> str:
        """What that means."""
        return (
            f"generator-bound: the load used {self.generator_percent or 0:.0f} % of a core; "
            "the server may be faster than these figures"
        )
