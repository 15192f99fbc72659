"""What an observer sees at one moment: frozen, complete, and the only thing a screen reads.

Times are monotonic nanoseconds unless the name says otherwise; shares are percent of one core.
None means "not known"; it is never replaced by 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from threadscope.model.facts import Endpoint as Endpoint
from threadscope.model.facts import Latency as Latency
from threadscope.model.lane import CpuPoint as CpuPoint
from threadscope.model.lane import DepthPoint as DepthPoint
from threadscope.model.lane import Lane as Lane
from threadscope.model.lane import Role as Role
from threadscope.model.lane import Span as Span
from threadscope.model.part import Part as Part
from threadscope.model.part import ProcessRow as ProcessRow
from threadscope.model.summary import Finding as Finding
from threadscope.model.summary import Hold as Hold
from threadscope.model.summary import Level as Level
from threadscope.model.summary import LimiterSummary as LimiterSummary
from threadscope.model.summary import ProcessSummary as ProcessSummary
from threadscope.model.summary import RouteSummary as RouteSummary
from threadscope.model.summary import SlowRequest as SlowRequest
from threadscope.model.summary import ThreadSummary as ThreadSummary


class Word(StrEnum):
    """How the server behaves, see `model.behaviour`."""

    SEQUENTIAL = "sequential"
    CONCURRENT = "concurrent"
    PARALLEL = "parallel"
    IDLE = "idle"
    UNKNOWN = "unknown"


class PhaseState(StrEnum):
    """Where a phase is: settle, measure, drain, then done."""

    STARTING = "starting"
    SETTLE = "settle"
    MEASURE = "measure"
    DRAIN = "drain"
    DONE = "done"


class Activity(NamedTuple):
    """What a thread runs now."""

    request: int
    endpoint: Endpoint
    since: int


@dataclass(frozen=True, slots=True, eq=False)
class ThreadRow:
    """One thread, over about the last second."""

    pid: int
    tid: int
    label: str
    """`event loop`, `worker-01`, or the thread's own name."""
    role: Role
    state: str
    """As in /proc: R, S, D, Z; `X` for a thread that ended a moment ago."""
    processor: int | None
    cpu_percent: float | None
    wait_percent: float | None
    """Share of the time that it was ready to run and had no core."""
    switches_per_s: float | None
    cpu_s: float | None
    """CPU seconds in its whole life."""
    hops: int | None
    now: Activity | None
    active_at: int
    """When it last did something."""
    where: str = ""
    """Without a probe: the function that it was last seen in, `cpu.py:14 in burn()`."""
    holds_gil: bool = False
    """Without a probe: it had the GIL then."""


class Event(StrEnum):
    """Kinds of lines in the request log."""

    ARRIVE = "arrive"
    START = "start"
    END = "end"
    NOTE = "note"


class LogLine(NamedTuple):
    """One line of the request log."""

    t: int
    event: Event
    request: int
    client: int | None
    endpoint: Endpoint
    thread: str
    status: int
    here_ns: int
    """END: from arrival to the last byte; START: from arrival to here."""
    client_ns: int | None
    """END: what the client saw, once it is known."""
    text: str
    """NOTE: what happened."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The word, the sentence that explains it, and the numbers that it stands on."""

    word: Word
    reason: str
    evidence: dict[str, float] = field(default_factory=dict)
    place: str = ""
    """Where a long step on the event loop was last seen: `cpu.py:31 in burn()`."""

    @property
    def sentence(self) -> str:
        """The reason, and the place."""
        return f"{self.reason}, last seen at {self.place}" if self.place else self.reason


class Second(NamedTuple):
    """What ended in one whole second."""

    t: int
    """When it began."""
    latency: Latency
    """Its count is how many ended."""


class Mark(NamedTuple):
    """The load was changed."""

    t: int
    text: str
    """`8 clients`, `load off`, a variant's key."""


class Gap(NamedTuple):
    """Nobody looked: we were stopped, or the host gave us no core."""

    begin: int
    end: int


class Limiter(NamedTuple):
    """A threadpool in AnyIO's words."""

    name: str
    total_tokens: int
    borrowed_tokens: int
    tasks_waiting: int


@dataclass(frozen=True, slots=True)
class TargetInfo:
    """The server's facts."""

    title: str = ""
    """`demo cpu`, or the command."""
    url: str = ""
    pids: tuple[int, ...] = ()
    command: str = ""
    python: str = ""
    gil: bool | None = None
    workers: int = 1
    loop: str = ""
    http: str = ""
    cpus: int = 1
    """Cores of the host."""
    work: int | None = None
    """Additions a request, in a demo that counts its work so."""
    work_ms: int | None = None
    """What they take of CPU, as the demo found out; None where it was told how many."""
    running: bool = True
    ended: str = ""
    """How it ended: `exited with status 1`, `killed by SIGKILL`."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to answer the demo's requests."""

    key: str = ""
    """`async`, `def`"""
    title: str = ""
    """`async def /cpu/async/{client}`"""


@dataclass(frozen=True, slots=True)
class PhaseInfo:
    """Which variant is under load, and how far it is."""

    variant: Variant = Variant()
    state: PhaseState = PhaseState.STARTING
    since: int = 0
    """When the present state began."""
    seconds: float | None = None
    """Length of the measurement; None: until it is stopped."""
    clients: int = 0
    load_on: bool = False
    tour: bool = False
    burst: int | None = None
    """Requests that are sent at once; None: it is no burst."""
    rate: float | None = None
    """Requests a second, on a schedule; None: the clients ask again when they are answered."""


@dataclass(frozen=True, slots=True)
class Health:
    """What limits the picture."""

    dropped: int = 0
    """Events overwritten before they were read."""
    holes: int = 0
    """Events that were claimed and never written."""
    probe_errors: int = 0
    no_slot: int = 0
    """Requests that found the open table full: only their events tell that they are open."""
    no_name: int = 0
    """Routes, functions and the like that the ring had no room to name."""
    no_cell: int = 0
    """Threads that found no cell of their own: what they run at the moment is not known."""
    limited: str = ""
    """Why something is missing: `no probe`."""
    monitor_percent: float | None = None
    """CPU of the monitor itself."""
    load_percent: float | None = None
    """CPU of the load process."""


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """The state at `at`."""

    at: int
    wall_offset: int = 0
    """Wall clock minus monotonic clock, ns."""
    started: int = 0
    """When the observation began."""
    target: TargetInfo = TargetInfo()
    phase: PhaseInfo = PhaseInfo()
    per_second: float | None = None
    """Ends a second over the last 5 s (or since the phase's measurement began, if shorter)."""
    bars: tuple[int, ...] = ()
    """Ends in each of the last 60 whole seconds, oldest first."""
    seconds: tuple[Second, ...] = ()
    """The last 60 whole seconds, oldest first; the latencies are of the same kind as `latency`."""
    marks: tuple[Mark, ...] = ()
    """Changes of the load in the last minute, oldest first."""
    gaps: tuple[Gap, ...] = ()
    """Of the last minute, oldest first."""
    latency: Latency = field(default_factory=Latency)
    """Over the last 5 s: at our clients, or in the server without our load."""
    latency_at_client: bool = True
    beside: tuple[BesideNow, ...] = ()
    in_flight: int | None = None
    """Asked by our clients and not answered."""
    open: int | None = None
    """In the server: arrived and not ended."""
    queued: int | None = None
    """in flight - open: sent, not yet seen by the app; without our load: what the sockets hold."""
    queued_at_least: bool = False
    """Without our load there may be more."""
    websockets: int | None = None
    """Open now."""
    in_threads: int | None = None
    done: int = 0
    failed: int = 0
    limiters: tuple[Limiter, ...] = ()
    loop_lag_ns: int | None = None
    gil_lag_ns: int | None = None
    cores_used: float | None = None
    processes: tuple[ProcessRow, ...] = ()
    """Those that live, the first one first."""
    threads: tuple[ThreadRow, ...] = ()
    lanes: tuple[Lane, ...] = ()
    queue: tuple[tuple[DepthPoint, ...], ...] = ()
    """Depth of the queue over the last minute, in chunks like the lanes."""
    token_queue: tuple[tuple[DepthPoint, ...], ...] = ()
    """How many waited for a token of a threadpool, likewise."""
    log: tuple[LogLine, ...] = ()
    """The last lines, oldest first."""
    logged: int = 0
    """Lines that were ever added to it."""
    behaviour: Behaviour = Behaviour(Word.UNKNOWN, "nothing was seen yet")
    findings: tuple[Finding, ...] = ()
    """What is wrong now, the worst first."""
    routes: tuple[RouteSummary, ...] = ()
    """The endpoints over the last 5 s, the longest holder of the event loop first."""
    finished: tuple[PhaseSummary, ...] = ()
    """Phases that ended, oldest first."""
    health: Health = Health()
    output: tuple[str, ...] = ()
    """The last lines that the server printed."""


class Answerer(NamedTuple):
    """A thread as an answer named it."""

    name: str
    ident: int
    """Python's identifier of it."""
    answers: int


@dataclass(frozen=True, slots=True)
class BurstSummary:
    """Requests that were sent at once."""

    n: int
    total_s: float | None
    """From the first one's sending to the last one's answer; None: there was none."""
    threads: tuple[Answerer, ...] = ()
    """On which threads the answers were made, where they say so; the busiest first."""


class BesideNow(NamedTuple):
    """Light requests beside a load, over the last 5 s, as their clients saw them."""

    route: str
    latency: Latency


@dataclass(frozen=True, slots=True)
class BesideSummary:
    """Light requests beside a load, as their clients saw them."""

    route: str
    started: int
    completed: int
    failed: int
    latency: Latency
    """From the moment at which each should have been sent."""


@dataclass(frozen=True, slots=True)
class PhaseSummary:
    """A whole phase: settle, measure and drain. Counts are over all of it, rates over measure."""

    variant: Variant
    round: int
    clients: int
    settle_s: float
    duration_s: float
    drain_s: float
    started: int
    completed: int
    failed: int
    cut_off: int
    """In flight when the time-out of the drain came."""
    per_second: float
    latency: Latency
    generator_percent: float | None
    served: int | None
    """Ended, by the server's own count."""
    behaviour: Behaviour
    open_max: int | None
    open_mean: float | None
    in_threads_max: int | None
    cores_used: float | None
    cpu_ns_per_request: float | None
    switches_per_request: float | None
    routes: tuple[RouteSummary, ...] = ()
    processes: tuple[ProcessSummary, ...] = ()
    threads: tuple[ThreadSummary, ...] = ()
    events_read: int = 0
    events_dropped: int = 0
    aborted: str = ""
    """Why it did not reach its end."""
    findings: tuple[Finding, ...] = ()
    """What was wrong in its measurement, the worst first."""
    rate: float | None = None
    """Requests a second on a schedule, the last one asked for; None: a closed loop or a burst."""
    burst: BurstSummary | None = None
    """None: it was none."""
    beside: tuple[BesideSummary, ...] = ()
