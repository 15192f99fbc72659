"""Cores and the GIL: who could run and did not, and for want of what."""

from __future__ import annotations

from collections.abc import Sequence

from threadscope.lints.lint import OK, UNSURE, Judgement, Lint, State, Threshold, Unit
from threadscope.lints.words import duration, ms, plural
from threadscope.model.observation import Observation, of_the_app
from threadscope.model.snapshot import Level, ProcessSummary, Role, ThreadSummary

WANTS_PERCENT = 8.0
"""A thread that gets so much of a core, or would, wants to run. A choice: of ten busy threads on
one core each gets 10 %, and an idle loop takes less than 1 % for its heartbeat."""
ONE_CORE = 1.25
"""Threads that share one GIL get no more: `demo hello`, variant `def`, was seen at 1.06."""
MOST_OF_A_CORE = 0.6
"""Below this they do not want much: nobody is slow for want of the GIL. A choice."""
LEAST_MISSED = 0.1
"""Cores. A server that hardly runs misses little, however large a share that is."""
BEAT_NS = 100e6
"""From one wake-up of the probe's thread to the next."""


def _threads_of(seen: Observation, pid: int) -> list[ThreadSummary]:
    return [thread for thread in of_the_app(seen.threads) if thread.pid == pid]


def _cores(threads: Sequence[ThreadSummary]) -> tuple[float, float]:
    """Cores that threads got, and cores that they could have used and did not get."""
    used = sum(thread.cpu_percent or 0 for thread in threads) / 100
    missed = sum(thread.wait_percent or 0 for thread in threads) / 100
    return used, missed


def _starved(seen: Observation) -> tuple[float, float]:
    """Cores that the server got, and how many more it could have used.

    Who waits for the GIL gets in line for a core as well, every 5 ms only to ask for the GIL, while
    another thread computes: the threads of a process that shares a GIL could use one core together.
    """
    used = missed = 0.0
    for pid in {thread.pid for thread in seen.threads}:
        got, waited = _cores(_threads_of(seen, pid))
        used += got
        missed += waited if got > ONE_CORE else min(waited, max(1.0 - got, 0.0))
    return used, missed


def _gil_wait(seen: Observation, process: ProcessSummary) -> float | None:
    """How long a thread that wants to run waits for the GIL, ns.

    The probe's own tries ten times a second. It wakes up late for want of a core too; the kernel
    tells how much of it that was.
    """
    lag = process.gil_lag.mean
    if lag is None:
        return None
    probe = next(
        (t for t in seen.threads if t.pid == process.pid and t.role is Role.PROBE), None
    )  # fmt: skip
    no_core = (probe.wait_percent or 0) / 100 if probe is not None else 0
    return max(lag - no_core * (BEAT_NS + lag), 0)


def _gil_bound(seen: Observation, threshold: float) -> Judgement:
    said = [_bound(seen, process, threshold) for process in seen.processes]
    found = [one for one in said if one.state is State.WARN]
    if not found:
        return UNSURE if UNSURE in said else OK
    worst = max(found, key=lambda one: float(one.evidence["gil_wait_ms"] or 0))
    of = "process was" if len(found) == 1 else "processes were"
    summary = f"{len(found)} {of} bound by the GIL"
    return Judgement(State.WARN, worst.message, summary, len(found), worst.evidence)


def _bound(seen: Observation, process: ProcessSummary, threshold: float) -> Judgement:
    threads = _threads_of(seen, process.pid)
    wanting = [t for t in threads if (t.cpu_percent or 0) + (t.wait_percent or 0) >= WANTS_PERCENT]
    used, missed = _cores(threads)
    if len(wanting) < 2 or used > ONE_CORE or used + missed < MOST_OF_A_CORE:
        return OK
    wait = _gil_wait(seen, process)
    if wait is None:
        return UNSURE
    if wait < threshold:
        return OK
    done = sum(route.completed for route in seen.routes)
    cpu = sum((r.cpu_ns_per_request or 0) * r.completed for r in seen.routes) / max(done, 1)
    message = (
        f"{plural(len(wanting), 'thread')} want to run Python and share {used:.2f} of a core:"
        f" each waits {duration(wait)} for the GIL"
    )
    if cpu:
        message += f"; a request costs {duration(cpu)} of CPU"
    return Judgement(
        State.WARN,
        message,
        evidence={
            "pid": process.pid,
            "threads": len(wanting),
            "cores_used": round(used, 3),
            "cores_missed": round(missed, 3),
            "gil_wait_ms": ms(wait),
            "gil_lag_p50_ms": ms(process.gil_lag.p50),
            "gil_lag_max_ms": ms(process.gil_lag.max),
            "cpu_ms_per_request": ms(cpu),
        },
    )


def _gil_released(seen: Observation, threshold: float) -> Judgement:
    found = [p for p in seen.processes if (p.cores_used or 0) >= threshold]
    if not found:
        return UNSURE if any(p.cores_used is None for p in seen.processes) else OK
    best = max(found, key=lambda process: process.cores_used or 0)
    running = [t for t in _threads_of(seen, best.pid) if (t.cpu_percent or 0) >= WANTS_PERCENT]
    return Judgement(
        State.WARN,
        f"one process uses {best.cores_used:.2f} cores on {plural(len(running), 'thread')}: its"
        " native code lets go of the GIL, so that requests run in parallel",
        f"{len(found)} of {len(seen.processes)} processes used more than one core",
        len(found),
        {"pid": best.pid, "cores_used": best.cores_used, "threads": len(running)},
    )


def _core_starved(seen: Observation, threshold: float) -> Judgement:
    threads = of_the_app(seen.threads)
    if not threads or all(thread.wait_percent is None for thread in threads):
        return UNSURE
    used, missed = _starved(seen)
    if missed < LEAST_MISSED or missed < threshold * (used + missed):
        return OK
    share = missed / (used + missed)
    waiting = [t for t in threads if (t.wait_percent or 0) >= WANTS_PERCENT]
    return Judgement(
        State.WARN,
        f"for {share:.0%} of the time that the server could have run it had no core: it got"
        f" {used:.2f} of {plural(seen.cpus, 'core')} and missed {missed:.2f}",
        f"{plural(max(len(waiting), 1), 'thread')} waited for a core",
        max(len(waiting), 1),
        {
            "cores_used": round(used, 3),
            "cores_missed": round(missed, 3),
            "share": round(share, 3),
            "cpus": seen.cpus,
        },
    )


GIL_BOUND = Lint(
    "gil-bound",
    Level.WARNING,
    "two or more threads want to run Python, and together they get about one core",
    Threshold(Unit.TIME, 3e6, "the mean wait of a thread for the GIL"),
    _gil_bound,
)
GIL_RELEASED = Lint(
    "gil-released",
    Level.INFO,
    "one process uses clearly more than one core",
    Threshold(Unit.FACTOR, 1.25, "the cores that one process uses"),
    _gil_released,
)
CORE_STARVED = Lint(
    "core-starved",
    Level.INFO,
    "the server could have computed more, and had no core for it",
    Threshold(Unit.SHARE, 0.2, "the time without a core, of the time that it could have run"),
    _core_starved,
)
