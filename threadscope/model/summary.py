"""What endpoints, threadpools, processes and threads did over some time, and what is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from threadscope.model.facts import Endpoint, Latency
from threadscope.model.lane import Role
from threadscope.model.part import Part


class Level(StrEnum):
    """How bad a finding is, the mildest first."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a lint has found, see `threadscope.lints`."""

    lint: str
    """The lint's name: `loop-blocked`."""
    level: Level
    message: str
    """One sentence about the worst case, with the measured values."""
    summary: str
    """How often: `12 steps held the event loop too long`."""
    count: int
    evidence: dict[str, float | str | None] = field(default_factory=dict)
    """The numbers behind it; the unit is the end of a key."""
    since: int = 0
    """Live: when it was first seen."""


class SlowRequest(NamedTuple):
    """The slowest request of its route in one second, and where its time went. Times in ns."""

    t: int
    """When it ended."""
    request: int
    status: int
    queued: int | None
    """From its client to the app; None where the client is not ours."""
    here: int
    """From arrival to the last byte. The next four are parts of it."""
    token_wait: int
    """For a worker thread: a token, the hand-over, the GIL."""
    on_thread: int
    on_loop: int
    awaiting: int
    """The rest: it awaited something else, or the event loop was busy with others."""


class Hold(NamedTuple):
    """A step that held the event loop long. Times in ns."""

    pid: int
    request: int
    endpoint: Endpoint
    begin: int
    end: int
    cpu: int
    """CPU of the loop's thread in it."""
    core_wait: int
    """Within it: ready to run, and no core was free."""
    gil_lag: int | None
    """How late the heartbeats of a thread were meanwhile, on average."""
    place: str
    """Innermost in the app's own code, `cpu.py:31 in burn()`; "" where nobody could look."""
    innermost: str
    """Innermost at all."""
    waiting: int
    """Requests that had not started when it ended."""
    waiters: tuple[str, ...] = ()
    """Their routes."""
    lasts: bool = False
    """It goes on; `end` is the moment of the look."""

    @property
    def length(self) -> int:
        """How long it held the loop."""
        return self.end - self.begin


@dataclass(frozen=True, slots=True)
class RouteSummary:
    """One endpoint over some time: a phase's measurement, or the last seconds. Times in ns."""

    endpoint: Endpoint
    started: int
    completed: int
    failed: int
    latency: Latency
    """In the server: arrival to last byte."""
    hold_longest: int
    hold_total: int
    hold_share: float | None
    """Share of the measured time in which it held the event loop, 0..1."""
    hop_wait: Latency
    cpu_ns_per_request: float | None
    client_latency: Latency = field(default_factory=Latency)
    """As our clients saw it; empty without our load."""
    per_second: float | None = None
    """Ends a second."""
    holds: int = 0
    """Steps of its requests."""
    single: int = 0
    """Requests that ended in their first step."""
    late: int = 0
    """Requests that waited before their endpoint was reached: in a middleware's child task, say."""
    hop_ns: float | None = None
    """Its functions on worker threads, a request, from begin to end."""
    hop_cpu_ns: float | None = None
    """Their CPU, a request."""
    hop_place: str = ""
    """Where one of them was found when it had lasted long."""
    hold_place: str = ""
    """Where a long step of its requests was found; "" where there was none, or no look at it."""
    waited: int = 0
    """The most requests that waited behind one of its long steps."""
    waiters: tuple[str, ...] = ()
    """Their routes."""
    slow: tuple[SlowRequest, ...] = ()
    """The slowest of each second, the newest first."""


@dataclass(frozen=True, slots=True)
class LimiterSummary:
    """A threadpool over some time."""

    name: str
    total_tokens: int
    borrowed_max: int
    waiting_max: int
    wait: Latency
    looks: int = 0
    exhausted: int = 0
    """Looks that found no token left and somebody waiting."""
    holders: tuple[tuple[Endpoint, int], ...] = ()
    """Whose requests ran on worker threads then, and how often; the first has the most."""


@dataclass(frozen=True, slots=True)
class ProcessSummary:
    """A server process over some time."""

    pid: int
    part: Part
    served: int
    """Requests that ended in it, by its own count; in a phase, in all of it."""
    cores_used: float | None
    loop_lag: Latency
    gil_lag: Latency
    limiters: tuple[LimiterSummary, ...]


@dataclass(frozen=True, slots=True)
class ThreadSummary:
    """A thread during a phase's measurement."""

    pid: int
    tid: int
    label: str
    role: Role
    cpu_percent: float | None
    wait_percent: float | None
    voluntary_per_s: float | None
    involuntary_per_s: float | None
    hops: int | None
