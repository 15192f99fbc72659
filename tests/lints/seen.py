"""Observations by hand: what lints look at, with the numbers that a test is about."""

from __future__ import annotations

from dataclasses import replace

from threadscope.lints.catalog import LINTS
from threadscope.lints.lint import State
from threadscope.model.observation import Observation
from threadscope.model.snapshot import (
    Endpoint,
    Hold,
    Latency,
    LimiterSummary,
    Part,
    ProcessSummary,
    Role,
    RouteSummary,
    ThreadSummary,
)

MS = 1_000_000
S = 1000 * MS
REPORT = Endpoint("GET", "/report", "report", "async def", "reports.py:80")
QUICK = Endpoint("GET", "/quick", "quick", "def", "app.py:9")
SLOW = Endpoint("GET", "/slow", "slow", "def", "app.py:20")
PLACE = "reports.py:88 in report()"


def check(name, seen, threshold=None):
    """What one lint says."""
    lint = LINTS[name]
    return lint.check(seen, lint.threshold.default if threshold is None else threshold)


def fires(name, seen, threshold=None):
    return check(name, seen, threshold).state is State.WARN


def latency(ms, count=100, **more):
    """All of them took as long."""
    ns = int(ms * MS)
    return replace(
        Latency(count, ns, ns, ns, ns, ns, ns if count >= 100 else None, ns),
        **{k: int(v * MS) for k, v in more.items()},
    )


def hold(ms=230, *, cpu=1.0, core_wait=0.0, gil_lag=1.0, place=PLACE, waiting=3, endpoint=REPORT,
         **more):  # fmt: skip
    """A long step; `cpu` and `core_wait` are shares of it, `gil_lag` is in ms."""
    length = int(ms * MS)
    return Hold(
        1, 7, endpoint, 100 * S, 100 * S + length, int(cpu * length), int(core_wait * length),
        None if gil_lag is None else int(gil_lag * MS), place, place, waiting, ("/report",), **more,
    )  # fmt: skip


def route(endpoint=REPORT, *, completed=100, ms=1.0, failed=0, hold_ms=0.0, cpu_ms=None, single=0,
          late=0, wait_ms=None, hop_ms=None, client_ms=None, **more):  # fmt: skip
    """An endpoint; times are ms a request."""
    return RouteSummary(
        endpoint, completed, completed, failed, latency(ms, completed), int(hold_ms * MS),
        int(hold_ms * MS * completed), None,
        Latency() if wait_ms is None else latency(wait_ms, completed),
        (hold_ms if cpu_ms is None else cpu_ms) * MS,
        client_latency=Latency() if client_ms is None else latency(client_ms, completed),
        holds=completed, single=single, late=late, hop_ns=None if hop_ms is None else hop_ms * MS,
        hop_cpu_ns=None if hop_ms is None else hop_ms * MS, **more,
    )  # fmt: skip


def thread(label, cpu=0.0, wait=0.0, *, role=Role.WORKER, pid=1):
    return ThreadSummary(pid, hash(label) % 1000, label, role, cpu, wait, 1.0, 1.0, 3)


def workers(*cpus, wait=0.0, pid=1):
    """An event loop, workers that get so many percent, and the probe."""
    rows = [thread(f"worker-{i}", cpu, wait, pid=pid) for i, cpu in enumerate(cpus)]
    return (
        thread("event loop", 1.0, role=Role.LOOP, pid=pid), *rows,
        thread("probe", 0.2, role=Role.PROBE, pid=pid),
    )  # fmt: skip


def pool(*, total=40, waiting=12, exhausted=5, wait_ms=800, holders=((SLOW, 190),)):
    return LimiterSummary(
        "default", total, total if exhausted else 3, waiting, latency(wait_ms), 10, exhausted,
        holders,
    )  # fmt: skip


def process(pid=1, *, cores=1.0, gil_ms=0.5, pools=(), completed=100):
    return ProcessSummary(
        pid, Part.WORKER, completed, cores, latency(1), latency(gil_ms), tuple(pools)
    )  # fmt: skip


def seen(**parts):
    return replace(Observation(seconds=5.0, cpus=2, done=100, load_percent=10.0), **parts)
