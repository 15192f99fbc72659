"""The JSON report of a load by itself, described as in `schema`."""

from __future__ import annotations

from typing import Any

from tests.report.schema import COUNTS, DOCUMENT, LATENCY, MAYBE, MAYBE_TEXT, check

MAYBE_INT = (int, type(None))
NOTHING = type(None)
PHASE = {
    "demo": NOTHING,
    "variant": NOTHING,
    "round": int,
    "burst": (dict, NOTHING),
    "aborted": MAYBE_TEXT,
    "target": {
        **dict.fromkeys(("pids", "command", "python", "gil", "workers", "loop", "http"), NOTHING),
        "url": str,
    },
    "settle_s": float,
    "duration_s": float,
    "drain_s": float,
    "load": {
        "model": {"closed", "burst", "open"},
        "concurrency": int,
        "rate": MAYBE,
        "urls": [str],
        "method": str,
        "headers": dict,
        "body_bytes": int,
        "timeout_s": float,
        "keep_alive": bool,
        "loop": MAYBE_TEXT,
        "generator_cpu_percent": MAYBE,
    },
    "requests": {
        **COUNTS,
        "cut_off": int,
        "per_second": float,
        **dict.fromkeys(("scheduled", "on_time", "late", "dropped"), MAYBE_INT),
    },
    "latency_ms": LATENCY,
    "latency_from_schedule_ms": (dict, NOTHING),
    "histogram_ms": [list],
    "statuses": dict,
    "errors": dict.fromkeys(
        ("refused", "reset", "timeout", "4xx", "5xx", "wrong_length", "garbage", "other"), int
    ),
    "received_bytes": int,
    "routes": NOTHING,
    "server": NOTHING,
    "findings": [dict],
    "events": NOTHING,
}


def check_load_document(document: Any) -> None:
    """Every key is there, no other one is, and each holds what it should."""
    check(document, {**DOCUMENT, "phases": [PHASE]}, "document")
    for phase in document["phases"]:
        if phase["latency_from_schedule_ms"] is not None:
            check(phase["latency_from_schedule_ms"], LATENCY, "latency_from_schedule_ms")
