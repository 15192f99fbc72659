"""The JSON report, described: what each key holds. A list has one description for all its items."""

from __future__ import annotations

from typing import Any, NamedTuple

NUMBER = (int, float)
MAYBE = (int, float, type(None))
MAYBE_TEXT = (str, type(None))


class Maybe(NamedTuple):
    """None, or what is described."""

    description: Any


LATENCY = dict.fromkeys(("min", "mean", "p50", "p90", "p95", "p99", "p99.9", "max"), MAYBE)
COUNTS = {"started": int, "completed": int, "failed": int}
ROUTE = {
    "route": str,
    "method": str,
    "endpoint": MAYBE_TEXT,
    "kind": MAYBE_TEXT,
    "place": MAYBE_TEXT,
    "requests": COUNTS,
    "latency_ms": LATENCY,
    "client_latency_ms": LATENCY,
    "loop_hold_ms": {"longest": NUMBER, "total": NUMBER, "share": MAYBE},
    "hop_wait_ms": LATENCY,
    "cpu_ms_per_request": MAYBE,
}
LIMITER = {
    "name": str,
    "total_tokens": int,
    "borrowed_max": int,
    "waiting_max": int,
    "wait_ms": LATENCY,
}
PROCESS = {
    "pid": int,
    "role": {"server", "supervisor", "worker", "helper"},
    "requests_completed": int,
    "cores_used": MAYBE,
    "loop_lag_ms": LATENCY,
    "gil_lag_ms": LATENCY,
    "limiters": [LIMITER],
}
THREAD = {
    "pid": int,
    "tid": int,
    "name": str,
    "role": {"event loop", "worker", "probe", "other"},
    "cpu_percent": MAYBE,
    "run_queue_wait_percent": MAYBE,
    "voluntary_switches_per_s": MAYBE,
    "involuntary_switches_per_s": MAYBE,
    "hops": (int, type(None)),
}
HOLDER = {
    "route": str,
    "endpoint": MAYBE_TEXT,
    "place": MAYBE_TEXT,
    "seen_at": MAYBE_TEXT,
    "holds": int,
    "longest_ms": NUMBER,
    "total_ms": NUMBER,
    "share": MAYBE,
    "waited_max": int,
    "waiters": [str],
}
FINDING = {
    "lint": str,
    "level": {"info", "warning", "error"},
    "message": str,
    "summary": str,
    "count": int,
    "evidence": dict,
}
SERVER = {
    "requests_completed": (int, type(None)),
    "behaviour": {"sequential", "concurrent", "parallel", "idle", "unknown"},
    "reason": str,
    "evidence": dict,
    "open_max": (int, type(None)),
    "open_mean": MAYBE,
    "in_threads_max": (int, type(None)),
    "cores_used": MAYBE,
    "cpu_ms_per_request": MAYBE,
    "switches_per_request": MAYBE,
    "processes": [PROCESS],
    "threads": [THREAD],
    "held_the_loop": [HOLDER],
}
TARGET = {
    "pids": [int],
    "command": str,
    "python": MAYBE_TEXT,
    "gil": (bool, type(None)),
    "workers": int,
    "loop": MAYBE_TEXT,
    "http": MAYBE_TEXT,
    "url": str,
    "work": (int, type(None)),
}
BURST = {
    "n": int,
    "total_s": MAYBE,
    "threads": [{"name": str, "ident": int, "answers": int}],
}
BESIDE = {"route": str, "requests": COUNTS, "latency_ms": LATENCY}
COMPARISON = {
    "demo": str,
    "burst": (int, type(None)),
    "base": str,
    "against": str,
    "metric": str,
    "median": NUMBER,
    "min": NUMBER,
    "max": NUMBER,
    "rounds": int,
    "verdict": {"higher", "lower", "no clear difference", "one round"},
}
PHASE = {
    "demo": str,
    "variant": str,
    "round": int,
    "burst": Maybe(BURST),
    "aborted": MAYBE_TEXT,
    "target": TARGET,
    "settle_s": MAYBE,
    "duration_s": MAYBE,
    "drain_s": MAYBE,
    "load": {"concurrency": int, "rate": type(None), "generator_cpu_percent": MAYBE},
    "requests": {**COUNTS, "cut_off": int, "per_second": MAYBE},
    "latency_ms": LATENCY,
    "beside": [BESIDE],
    "routes": [ROUTE],
    "server": SERVER,
    "findings": [FINDING],
    "events": {"read": int, "dropped": int},
}
DOCUMENT = {
    "schema": int,
    "threadscope": str,
    "host": {"cpus": int, "platform": str, "python": str},
    "phases": [PHASE],
    "comparisons": [COMPARISON],
}


def check_document(document: Any) -> None:
    """Every key is there, no other one is, and each holds what it should."""
    check(document, DOCUMENT, "document")


def check(value: Any, wanted: Any, where: str) -> None:
    """Checks a part of a document against its description."""
    if isinstance(wanted, Maybe):
        if value is not None:
            check(value, wanted.description, where)
    elif isinstance(wanted, dict):
        assert isinstance(value, dict), where
        assert value.keys() == wanted.keys(), where
        for key, item in value.items():
            check(item, wanted[key], f"{where}.{key}")
    elif isinstance(wanted, list):
        assert isinstance(value, list), where
        for number, item in enumerate(value):
            check(item, wanted[0], f"{where}[{number}]")
    elif isinstance(wanted, set):
        assert value in wanted, where
    else:
        assert isinstance(value, wanted), f"{where} is {value!r}"
        assert not (isinstance(value, bool) and wanted in (int, NUMBER, MAYBE)), where
