"""Snapshots of each demo at a moment, and of what can go wrong."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from tests.factories.parts import (
    BASE,
    CPU_ASYNC,
    CPU_DEF,
    DEF,
    HELLO,
    HELLO_ASYNC,
    MS,
    PID,
    SLEEP,
    TARGET,
    S,
    back_to_back,
    base,
    chunked,
    lane,
    latency,
    log,
    span,
    thread,
)
from tests.factories.summaries import cpu_def_summary, summary
from threadscope.model.snapshot import (
    Activity,
    Behaviour,
    DepthPoint,
    Health,
    Latency,
    Limiter,
    Part,
    PhaseInfo,
    PhaseState,
    ProcessRow,
    Role,
    Snapshot,
    Span,
    Word,
)


def cpu_async(at: int = 24 * S) -> Snapshot:
    """Four clients, one full lane cut into requests, three waiting."""
    at += BASE
    spans = list(back_to_back(BASE + S, 302 * MS, 1, 1, at))
    now = spans[-1]
    row = thread(
        "event loop", state="R", cpu_percent=99.8, wait_percent=0.1, switches_per_s=2.0,
        cpu_s=(at - BASE) / S, now=Activity(now.request, CPU_ASYNC, now.begin), active_at=at,
    )  # fmt: skip
    depths = chunked(
        (DepthPoint(t, 3) for t in range(max(BASE + S, at - 60 * S), at, S // 4)), lambda p: p.t
    )
    return base(
        at,
        per_second=3.3,
        bars=(0,) * 36 + (3,) + (3, 4, 3, 3) * 5 + (3, 4, 3),
        latency=latency(1210),
        open=1,
        queued=3,
        in_threads=0,
        done=now.request - 1,
        cores_used=1.0,
        loop_lag_ns=301 * MS,
        threads=(row, thread(tid=PID + 7)),
        lanes=(
            lane("event loop", spans, at=at, share=lambda t: 0.998 if t > BASE + S else 0.0),
            lane("worker-01", at=at, tid=PID + 7, active_at=0),
        ),
        queue=depths,
        log=log(spans, at, CPU_ASYNC, 908 * MS, lambda one: "event loop"),
        behaviour=Behaviour(Word.SEQUENTIAL, "one request at a time on one thread"),
    )


def cpu_def(at: int = 24 * S, workers: int = 4) -> Snapshot:
    """Four workers, each with about a quarter of one core."""
    at += BASE
    shares = [0.31, 0.29, 0.27, 0.14] + [0.25] * max(0, workers - 4)
    lanes = [lane("event loop", at=at, share=lambda t: 0.003)]
    rows = [
        thread("event loop", cpu_percent=0.3, switches_per_s=12.0, cpu_s=0.21, active_at=at),
    ]
    everything: list[tuple[Span, str]] = []
    for i in range(workers):
        name, tid = f"worker-{i + 1:02}", PID + 7 + i
        length = int(302 * MS / shares[i] * 1.01)
        spans = list(back_to_back(BASE + S + i * 90 * MS, length, 1 + i, workers, at))
        everything += [(one, name) for one in spans]

        def share(t: int, i: int = i) -> float:
            wave = ((t // (100 * MS)) * (7 + 4 * i)) % 5 - 2
            return shares[i] + 0.045 * wave if t > BASE + S else 0.0

        lanes.append(lane(name, spans, at=at, share=share, tid=tid))
        rows.append(
            thread(
                name, tid=tid, state="R" if i == 1 else "S", processor=i % 2,
                cpu_percent=100 * shares[i], wait_percent=0.4, switches_per_s=140.0 + i,
                cpu_s=(at - BASE) / S * shares[i], hops=len(spans), active_at=at,
                now=Activity(spans[-1].request, CPU_DEF, spans[-1].begin),
            )
        )  # fmt: skip
    names = {one.request: name for one, name in everything}
    spans = sorted(one for one, _ in everything)
    return base(
        at,
        phase=PhaseInfo(DEF, PhaseState.MEASURE, BASE + S, None, workers, True),
        per_second=3.3,
        bars=(0,) * 37 + (3, 4, 3, 3) * 5 + (3, 4, 3),
        latency=latency(1205),
        in_flight=workers,
        open=workers,
        queued=0,
        in_threads=workers,
        done=max(0, len(spans) - workers),
        limiters=(Limiter("default", 40, workers, 0),),
        cores_used=1.01,
        gil_lag_ns=14 * MS,
        threads=tuple(rows),
        lanes=tuple(lanes),
        queue=((DepthPoint(BASE, 0),),),
        log=log(spans, at, CPU_DEF, 4 * MS, lambda one: names[one.request]),
        behaviour=Behaviour(Word.CONCURRENT, f"{workers} requests at once share one core"),
    )


def native(at: int = 24 * S) -> Snapshot:
    """C code that drops the GIL: two full lanes."""
    snapshot = cpu_def(at, workers=2)
    lanes = [snapshot.lanes[0]]
    for one in snapshot.lanes[1:]:
        first = int(one.label[-2:])
        spans = list(back_to_back(BASE + S + first * 60 * MS, 500 * MS, 99 + first, 2, snapshot.at))
        lanes.append(lane(one.label, spans, at=snapshot.at, tid=one.tid, share=lambda t: 0.98))
    return replace(
        snapshot,
        lanes=tuple(lanes),
        threads=(
            snapshot.threads[0],
            *(replace(row, cpu_percent=98.0, state="R") for row in snapshot.threads[1:]),
        ),
        cores_used=1.97,
        behaviour=Behaviour(Word.PARALLEL, "two requests at once on two cores"),
    )


def pool(at: int = 24 * S, workers: int = 40) -> Snapshot:
    """A pool whose threads all sleep for 2 s, and twice as many requests that wait."""
    at += BASE
    lanes, rows = [lane("event loop", at=at, share=lambda t: 0.01)], []
    rows.append(thread("event loop", cpu_percent=1.0, cpu_s=0.4, active_at=at))
    everything = []
    for i in range(workers):
        spans = list(back_to_back(BASE + S + i * 3 * MS, 2 * S, 1 + i, workers, at))
        everything += spans
        name, tid = f"worker-{i + 1:02}", PID + 7 + i
        lanes.append(lane(name, spans, at=at, tid=tid, active_at=at - i))
        now = Activity(spans[-1].request, SLEEP, spans[-1].begin)
        rows.append(thread(name, tid=tid, hops=len(spans), now=now, active_at=at - i, cpu_s=0.01))
    depths = [DepthPoint(BASE + S, 80)]
    return base(
        at,
        target=replace(TARGET, title="demo io"),
        phase=PhaseInfo(DEF, PhaseState.MEASURE, BASE + S, 10.0, 120, True),
        per_second=20.0,
        bars=(0,) * 37 + (40, 0) * 11 + (40,),
        latency=latency(6010),
        in_flight=120,
        open=120,
        queued=80,
        in_threads=40,
        done=440,
        limiters=(Limiter("default", 40, 40, 80),),
        cores_used=0.02,
        threads=tuple(rows),
        lanes=tuple(lanes),
        queue=(tuple(depths),),
        log=log(sorted(everything), at, SLEEP, 4 * S, lambda one: "worker-01"),
        behaviour=Behaviour(Word.CONCURRENT, "40 requests at once, asleep; 80 wait for a thread"),
    )


def two_workers(at: int = 24 * S) -> Snapshot:
    """A supervisor and two worker processes, an event loop each."""
    snapshot = cpu_async(at)
    [row, _], [loop, _] = snapshot.threads, snapshot.lanes
    pids = PID + 1, PID + 2
    labels = "event loop", "event loop 2"
    named = list(zip(pids, labels, strict=True))
    return replace(
        snapshot,
        target=replace(TARGET, title="demo workers", pids=(PID, *pids), workers=2),
        processes=(
            ProcessRow(PID, Part.SUPERVISOR, 0.1, 0, 0),
            *(ProcessRow(pid, Part.WORKER, 99.5, 1, 39) for pid in pids),
        ),
        threads=tuple(replace(row, pid=pid, tid=pid, label=label) for pid, label in named),
        lanes=tuple(replace(loop, pid=pid, tid=pid, label=label) for pid, label in named),
        cores_used=1.99,
        behaviour=Behaviour(Word.PARALLEL, "requests run on 2.0 cores at the same time"),
    )


def hello(at: int = 24 * S) -> Snapshot:
    """5,000 short requests a second, put together to spans of 10 ms."""
    at += BASE
    tens = range(max(BASE, at - 60 * S), at, 10 * MS)
    spans = [span(a, b - MS, (a - BASE) // (200_000), 50, 8 * MS) for a, b in pairwise(tens)]
    row = thread(
        "event loop", state="R", cpu_percent=93.0, switches_per_s=900.0, cpu_s=22.0, active_at=at
    )
    return base(
        at,
        target=replace(TARGET, title="demo hello"),
        phase=PhaseInfo(HELLO_ASYNC, PhaseState.MEASURE, BASE, None, 100, True),
        per_second=5012.4,
        bars=(0,) * 36 + (4800, 5100, 5020, 4990) * 6,
        latency=latency(18.2, 25000),
        in_flight=100,
        open=2,
        queued=98,
        in_threads=0,
        done=120_331,
        cores_used=0.93,
        threads=(row,),
        lanes=(lane("event loop", spans, at=at, share=lambda t: 0.93),),
        queue=((DepthPoint(BASE, 98),),),
        log=log(
            [span(at - i * MS, at - i * MS + 200_000, 120_331 - i) for i in range(1, 60)],
            at, HELLO, 18 * MS, lambda one: "event loop",
        ),
        behaviour=Behaviour(Word.SEQUENTIAL, "one request at a time on one thread"),
        health=Health(dropped=120, holes=3, monitor_percent=11.0),
    )  # fmt: skip


def dead(at: int = 24 * S) -> Snapshot:
    """The server was killed."""
    snapshot = cpu_async(at)
    return replace(
        snapshot,
        target=replace(TARGET, running=False, ended="exited with status 1"),
        output=(
            "INFO:     Application startup complete.",
            "Traceback (most recent call last):",
            '  File "cpu.py", line 14, in burn',
            "MemoryError [bold]not markup[/bold] \x1b[31mno colour\x1b[0m",
        ),
    )


def no_probe(at: int = 24 * S) -> Snapshot:
    """Only what the kernel knows: threads, no requests."""
    snapshot = cpu_def(at)
    names = ["uvicorn", *(f"thread {row.tid}" for row in snapshot.threads[1:])]
    return replace(
        snapshot,
        target=replace(TARGET, title="attach 41213", python="", gil=None, loop="", http=""),
        phase=PhaseInfo(),
        per_second=None, bars=(), latency=Latency(), in_flight=None, open=None, queued=None,
        in_threads=None, done=0, limiters=(), loop_lag_ns=None, gil_lag_ns=None, queue=(), log=(),
        threads=tuple(
            replace(row, label=name, role=Role.OTHER, hops=None, now=None)
            for row, name in zip(snapshot.threads, names, strict=True)
        ),
        lanes=tuple(
            replace(one, label=name, role=Role.OTHER, spans=(), current=())
            for one, name in zip(snapshot.lanes, names, strict=True)
        ),
        behaviour=Behaviour(Word.UNKNOWN, "no probe in the server"),
        health=Health(limited="no probe: requests cannot be seen", monitor_percent=2.0),
    )  # fmt: skip


def touring(at: int = 24 * S) -> Snapshot:
    """In the middle of a tour."""
    phase = PhaseInfo(DEF, PhaseState.MEASURE, BASE + at - 4 * S, 10.0, 4, True, tour=True)
    return replace(cpu_def(at), phase=phase, finished=(summary(),))


def toured(at: int = 25 * S) -> Snapshot:
    """Right after a tour."""
    return replace(cpu_def(at), finished=(summary(), cpu_def_summary()))
