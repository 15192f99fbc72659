"""The JSON report of a load by itself, with the keys that every report has."""

from __future__ import annotations

import os
import platform
from typing import Any

import threadscope
from threadscope.model.histogram import Histogram, middle
from threadscope.model.load_summary import BOUND_PERCENT, LoadSummary
from threadscope.model.units import ms
from threadscope.report.document import SCHEMA
from threadscope.report.figures import latency_ms, rounded

KINDS = ("refused", "reset", "timeout", "4xx", "5xx", "wrong_length", "garbage", "other")


def load_document(summary: LoadSummary) -> dict[str, Any]:
    """The whole report. What only a probe in the server can know is null."""
    return {
        "schema": SCHEMA,
        "threadscope": threadscope.__version__,
        "host": {
            "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1,
            "platform": platform.platform(),
            "python": platform.python_version(),
        },
        "phases": [_phase(summary)],
        "comparisons": [],
    }


def _phase(one: LoadSummary) -> dict[str, Any]:
    burst = {"n": one.asked.clients, "total_s": rounded(one.burst_s)}
    failures = one.failures
    return {
        "demo": None,
        "variant": None,
        "round": 1,
        "burst": burst if one.asked.model == "burst" else None,
        "aborted": one.aborted or None,
        "target": _target(one),
        "settle_s": rounded(one.settle_s),
        "duration_s": rounded(one.duration_s),
        "drain_s": rounded(one.drain_s),
        "load": _load(one),
        "requests": {
            "started": one.started,
            "completed": one.completed,
            "failed": one.failed,
            "cut_off": one.cut_off,
            "per_second": rounded(one.per_second),
            **_scheduled(one),
        },
        "latency_ms": latency_ms(one.latency.latency()),
        "latency_from_schedule_ms": (
            latency_ms(one.schedule.latency.latency()) if one.schedule else None
        ),
        "histogram_ms": _histogram(one.latency),
        "statuses": one.statuses,
        "errors": {kind: failures.get(kind, 0) for kind in KINDS},
        "received_bytes": one.received_bytes,
        "routes": None,
        "server": None,
        "findings": _findings(one),
        "events": None,
    }


def _target(one: LoadSummary) -> dict[str, Any]:
    unknown = ("pids", "command", "python", "gil", "workers", "loop", "http")
    return {**dict.fromkeys(unknown), "url": one.asked.urls[0]}


def _load(one: LoadSummary) -> dict[str, Any]:
    asked = one.asked
    return {
        "model": asked.model,
        "concurrency": asked.clients,
        "rate": asked.rate,
        "urls": list(asked.urls),
        "method": asked.method,
        "headers": asked.headers,
        "body_bytes": asked.body_bytes,
        "timeout_s": asked.timeout_s,
        "keep_alive": asked.keep_alive,
        "loop": one.loop or None,
        "generator_cpu_percent": rounded(one.generator_percent, 1),
    }


def _scheduled(one: LoadSummary) -> dict[str, int | None]:
    names = ("scheduled", "on_time", "late", "dropped")
    return {name: getattr(one.schedule, name) if one.schedule else None for name in names}


def _histogram(histogram: Histogram) -> list[list[float | int | None]]:
    """Pairs of a latency and how many had it, to within 0.4 %."""
    return [[ms(middle(index)), count] for index, count in sorted(histogram.counts.items())]


def _findings(one: LoadSummary) -> list[dict[str, Any]]:
    if not one.generator_bound:
        return []
    return [
        {
            "lint": "generator-bound",
            "level": "info",
            "message": one.bound_sentence,
            "evidence": {
                "generator_cpu_percent": rounded(one.generator_percent, 1),
                "threshold_percent": BOUND_PERCENT,
            },
        }
    ]
