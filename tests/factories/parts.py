"""What snapshots are put together from: spans, lanes, rows, and a snapshot without any."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from threadscope.model.snapshot import (
    CpuPoint,
    Endpoint,
    Event,
    Health,
    Lane,
    Latency,
    Limiter,
    LogLine,
    PhaseInfo,
    PhaseState,
    Role,
    Snapshot,
    Span,
    TargetInfo,
    ThreadRow,
    Variant,
)

MS = 1_000_000
S = 1_000 * MS
BASE = 1_000 * S
"""The monotonic clock when the observation began."""
WALL = 1_760_000_000 * S
PID = 41213
ASYNC = Variant("async", "async def /cpu/async/{client}")
DEF = Variant("def", "def /cpu/def/{client}")
HELLO_ASYNC = Variant("async", "async def /hello")
CPU_ASYNC = Endpoint("GET", "/cpu/async/{client}", "cpu_async", "async def", "cpu.py:14")
CPU_DEF = Endpoint("GET", "/cpu/def/{client}", "cpu_def", "def", "cpu.py:20")
SLEEP = Endpoint("GET", "/sleep", "sleep_def", "def", "io.py:9")
HELLO = Endpoint("GET", "/hello", "hello", "async def", "hello.py:5")
TARGET = TargetInfo(
    title="demo cpu",
    url="http://127.0.0.1:8000",
    pids=(PID,),
    command="uvicorn cpu:app",
    python="3.12.1",
    gil=True,
    loop="uvloop",
    http="httptools",
    cpus=2,
)


def chunked(items: Iterable, time_of) -> tuple[tuple, ...]:
    """Items in chunks of a second, as lanes hold them."""
    chunks: dict[int, list] = {}
    for item in items:
        chunks.setdefault(time_of(item) // S, []).append(item)
    return tuple(map(tuple, chunks.values()))


def span(begin: int, end: int, request: int, requests: int = 1, busy: int | None = None) -> Span:
    return Span(begin, end, request, requests, end - begin if busy is None else busy)


def cpu_points(at: int, share, since: int = BASE) -> tuple[tuple[CpuPoint, ...], ...]:
    """A CPU clock at 10 Hz over the last minute; `share(t)` is 0..1 of a core."""
    points, clock = [], 0
    for t in range(max(since, at // (S // 10) * (S // 10) - 60 * S), at + 1, S // 10):
        points.append(CpuPoint(t, clock))
        clock += int(share(t) * S / 10)
    return chunked(points, lambda point: point.t)


def lane(
    label: str,
    spans: Iterable[Span] = (),
    *,
    at: int,
    share=lambda t: 0.0,
    tid: int = PID,
    role: Role | None = None,
    active_at: int | None = None,
) -> Lane:
    """A lane; spans that reach `at` go on."""
    spans = [one for one in spans if one.begin < at and one.end > at - 60 * S]
    done = chunked((one for one in spans if one.end <= at), lambda one: one.end)
    current = tuple(one._replace(end=at) for one in spans if one.end > at)
    role = role or (Role.LOOP if label == "event loop" else Role.WORKER)
    active = at if active_at is None else active_at
    return Lane(PID, tid, label, role, done, current, cpu_points(at, share), active)


def worker_lane(at: int, tid: int, *spans: tuple[float, float], share: float = 0.0) -> Lane:
    """A worker's lane; spans in seconds before `at`, 0 meaning that it goes on."""
    made = [span(at - int(a * S), at - int(b * S) + (b == 0), tid) for a, b in spans]
    return lane(f"worker-{tid:02}", made, at=at, tid=tid, share=lambda t: share)


def thread(label: str = "worker-01", **changes) -> ThreadRow:
    row = ThreadRow(
        pid=PID,
        tid=PID,
        label=label,
        role=Role.LOOP if label == "event loop" else Role.WORKER,
        state="S",
        processor=1,
        cpu_percent=0.0,
        wait_percent=0.0,
        switches_per_s=0.0,
        cpu_s=0.0,
        hops=None if label == "event loop" else 0,
        now=None,
        active_at=0,
    )
    return replace(row, **changes)


def back_to_back(start: int, length: int, first: int, step: int, until: int) -> Iterator[Span]:
    """Requests one right after the other."""
    request, begin = first, start
    while begin < until:
        yield span(begin, begin + length, request)
        begin, request = begin + length, request + step


def log(spans: Iterable[Span], at: int, endpoint: Endpoint, wait: int, threads) -> tuple:
    lines = []
    for one in spans:
        client = one.request % 4 + 1
        who = (one.request, client, endpoint, threads(one))
        lines.append(LogLine(one.begin, Event.START, *who, 0, 1, None, ""))
        here = one.end - one.begin
        lines.append(LogLine(one.end, Event.END, *who, 200, here, here + wait, ""))
    return tuple(sorted(line for line in lines if at - 20 * S < line.t <= at))[-200:]


def base(at: int, **changes) -> Snapshot:
    snapshot = Snapshot(
        at=at,
        wall_offset=WALL - BASE,
        started=BASE,
        target=TARGET,
        phase=PhaseInfo(ASYNC, PhaseState.MEASURE, BASE + S, None, 4, True),
        in_flight=4,
        limiters=(Limiter("default", 40, 0, 0),),
        loop_lag_ns=2 * MS,
        gil_lag_ns=MS,
        health=Health(monitor_percent=3.1, load_percent=2.0),
        output=("INFO:     Application startup complete.",),
    )
    return replace(snapshot, **changes)


def latency(milliseconds: float, count: int = 16) -> Latency:
    ns = int(milliseconds * MS)
    p99 = int(ns * 1.6) if count >= 100 else None
    return Latency(count, ns // 2, ns * 1.01, ns, int(ns * 1.1), int(ns * 1.2), p99, int(ns * 2))
