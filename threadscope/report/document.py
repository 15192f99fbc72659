"""The JSON report: one document for programs. Unknown is null, never absent and never 0."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from typing import Any

import threadscope
from threadscope.model.facts import OUTSIDE
from threadscope.model.snapshot import (
    BesideSummary,
    BurstSummary,
    Finding,
    Latency,
    PhaseSummary,
    ProcessSummary,
    RouteSummary,
    TargetInfo,
    ThreadSummary,
)
from threadscope.model.units import ms
from threadscope.report.figures import latency_ms as _latency
from threadscope.report.figures import rounded as _round
from threadscope.report.findings import holders
from threadscope.report.rounds import (
    METRICS,
    Case,
    Metric,
    Ratio,
    Trial,
    beside_p50,
    beside_p99,
    cases,
    ratios,
)

SCHEMA = 0
"""0 until 1.0: keys may still change."""


def document(demo: str, target: TargetInfo, phases: Sequence[PhaseSummary]) -> dict[str, Any]:
    """The whole report.

    Args:
        demo: the demo's name.
        target: the server.
        phases: in the order in which they were measured.
    """
    return _document(target.cpus, [_phase(demo, target, phase) for phase in phases], [])


def compared(trials: Sequence[Trial]) -> dict[str, Any]:
    """The report of a comparison.

    Args:
        trials: in the order in which they were measured.
    """
    cpus = max((trial.target.cpus for trial in trials), default=os.cpu_count() or 1)
    phases = [_phase(one.demo, one.target, one.summary) for one in trials]
    found = [ratio for case in cases(trials) for ratio in ratios(case, _metrics(case))]
    return _document(cpus, phases, [_comparison(ratio) for ratio in found])


def _metrics(case: Case) -> list[Metric]:
    return [*METRICS, *map(beside_p50, case.beside), *map(beside_p99, case.beside)]


def _document(
    cpus: int, phases: list[dict[str, Any]], comparisons: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "threadscope": threadscope.__version__,
        "host": {
            "cpus": cpus,
            "platform": platform.platform(),
            "python": platform.python_version(),
        },
        "phases": phases,
        "comparisons": comparisons,
    }


def _comparison(one: Ratio) -> dict[str, Any]:
    return {
        "demo": one.case.demo,
        "burst": one.case.burst,
        "base": one.base,
        "against": one.against,
        "metric": one.metric.name,
        "median": _round(one.median),
        "min": _round(one.least),
        "max": _round(one.greatest),
        "rounds": one.rounds,
        "verdict": one.verdict,
    }


def _phase(demo: str, target: TargetInfo, phase: PhaseSummary) -> dict[str, Any]:
    measured = phase.duration_s >= 0.001  # else it was broken off, and nobody counted it up
    return {
        "demo": demo,
        "variant": phase.variant.key,
        "round": phase.round,
        "burst": _burst(phase.burst),
        "aborted": phase.aborted or None,
        "target": {
            "pids": list(target.pids),
            "command": target.command,
            "python": target.python or None,
            "gil": target.gil,
            "workers": target.workers,
            "loop": target.loop or None,
            "http": target.http or None,
            "url": target.url,
            "work": target.work,
        },
        "settle_s": _round(phase.settle_s) if measured else None,
        "duration_s": _round(phase.duration_s) if measured else None,
        "drain_s": _round(phase.drain_s) if measured else None,
        "load": _load(phase) if phase.clients else None,
        "requests": _requests(phase, measured),
        "latency_ms": _latency(phase.latency),
        "beside": [_light(one) for one in phase.beside],
        "routes": [_route(x, phase) for x in phase.routes if x.endpoint.kind != OUTSIDE],
        "server": _server(phase),
        "findings": [_finding(finding) for finding in phase.findings],
        "events": {"read": phase.events_read, "dropped": phase.events_dropped},
    }


def _requests(phase: PhaseSummary, measured: bool) -> dict[str, Any]:
    """As the load counted them; without one, as the server's probe did."""
    known = bool(phase.clients) or phase.served is not None
    return {
        "started": phase.started if known else None,
        "completed": phase.completed if known else None,
        "failed": phase.failed if known else None,
        "cut_off": phase.cut_off if known else None,
        "per_second": _round(phase.per_second) if known and measured else None,
    }


def _load(phase: PhaseSummary) -> dict[str, Any]:
    return {
        "concurrency": phase.clients,
        "rate": phase.rate,
        "generator_cpu_percent": _round(phase.generator_percent, 1),
    }


def _server(phase: PhaseSummary) -> dict[str, Any]:
    return {
        "requests_completed": phase.served,
        "behaviour": phase.behaviour.word.value,
        "reason": phase.behaviour.sentence,
        "evidence": phase.behaviour.evidence,
        "open_max": phase.open_max,
        "open_mean": _round(phase.open_mean),
        "in_threads_max": phase.in_threads_max,
        "cores_used": _round(phase.cores_used),
        "cpu_ms_per_request": ms(phase.cpu_ns_per_request),
        "switches_per_request": _round(phase.switches_per_request, 1),
        "processes": [_process(process) for process in phase.processes],
        "threads": [_thread(thread) for thread in phase.threads],
        "held_the_loop": [_holder(route) for route in holders(phase)],
    }


def _holder(route: RouteSummary) -> dict[str, Any]:
    return {
        "route": route.endpoint.label,
        "endpoint": route.endpoint.name or None,
        "place": route.endpoint.place or None,
        "seen_at": route.hold_place or None,
        "holds": route.holds,
        "longest_ms": ms(route.hold_longest),
        "total_ms": ms(route.hold_total),
        "share": _round(route.hold_share),
        "waited_max": route.waited,
        "waiters": list(route.waiters),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "lint": finding.lint,
        "level": finding.level.value,
        "message": finding.message,
        "summary": finding.summary,
        "count": finding.count,
        "evidence": finding.evidence,
    }


def _burst(burst: BurstSummary | None) -> dict[str, Any] | None:
    if burst is None:
        return None
    threads = [{"name": x.name, "ident": x.ident, "answers": x.answers} for x in burst.threads]
    return {"n": burst.n, "total_s": _round(burst.total_s), "threads": threads}


def _light(one: BesideSummary) -> dict[str, Any]:
    return {
        "route": one.route,
        "requests": {"started": one.started, "completed": one.completed, "failed": one.failed},
        "latency_ms": _latency(one.latency),
    }


def _client_latency(route: str, phase: PhaseSummary) -> Latency:
    """What the clients of a route saw: those beside the load, or those of the load itself."""
    beside = [one.latency for one in phase.beside if one.route == route]
    apart = {x.route for x in phase.beside}
    asked = [x.endpoint for x in phase.routes if x.endpoint.kind != OUTSIDE]
    others = [x for x in asked if x.route not in apart]
    alone = len(others) == 1  # else the load's own figures are of several routes together
    return beside[0] if beside else phase.latency if alone else Latency()


def _route(route: RouteSummary, phase: PhaseSummary) -> dict[str, Any]:
    return {
        "route": route.endpoint.route,
        "method": route.endpoint.method,
        "endpoint": route.endpoint.name or None,
        "kind": route.endpoint.kind or None,
        "place": route.endpoint.place or None,
        "requests": {
            "started": route.started,
            "completed": route.completed,
            "failed": route.failed,
        },
        "latency_ms": _latency(route.latency),
        "client_latency_ms": _latency(_client_latency(route.endpoint.route, phase)),
        "loop_hold_ms": {
            "longest": ms(route.hold_longest),
            "total": ms(route.hold_total),
            "share": _round(route.hold_share),
        },
        "hop_wait_ms": _latency(route.hop_wait),
        "cpu_ms_per_request": ms(route.cpu_ns_per_request),
    }


def _process(process: ProcessSummary) -> dict[str, Any]:
    return {
        "pid": process.pid,
        "role": process.part.value,
        "requests_completed": process.served,
        "cores_used": _round(process.cores_used),
        "loop_lag_ms": _latency(process.loop_lag),
        "gil_lag_ms": _latency(process.gil_lag),
        "limiters": [
            {
                "name": limiter.name,
                "total_tokens": limiter.total_tokens,
                "borrowed_max": limiter.borrowed_max,
                "waiting_max": limiter.waiting_max,
                "wait_ms": _latency(limiter.wait),
            }
            for limiter in process.limiters
        ],
    }


def _thread(thread: ThreadSummary) -> dict[str, Any]:
    return {
        "pid": thread.pid,
        "tid": thread.tid,
        "name": thread.label,
        "role": thread.role.value,
        "cpu_percent": _round(thread.cpu_percent, 1),
        "run_queue_wait_percent": _round(thread.wait_percent, 1),
        "voluntary_switches_per_s": _round(thread.voluntary_per_s, 1),
        "involuntary_switches_per_s": _round(thread.involuntary_per_s, 1),
        "hops": thread.hops,
    }
