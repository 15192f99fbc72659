"""Whether a server passes: findings that are too bad, and limits that were not kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from threadscope.model.snapshot import Level, PhaseSummary
from threadscope.report.findings import finding_lines
from threadscope.report.units import duration, plural, rate

_ORDER = list(Level)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server must keep. Times in ns."""

    fail_on: Level | None = Level.WARNING
    """Findings of this level or worse fail; None: none does."""
    loop_hold: float | None = None
    """The longest time for which a request may hold the event loop."""
    p99: float | None = None
    """What 99 of 100 requests may take at the clients; below 100 requests, the longest."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether it passes."""

    reasons: tuple[str, ...]
    """Why not, a line each."""
    explain: tuple[str, ...] = ()
    """Lints that are among them."""

    @property
    def passed(self) -> bool:
        """There was nothing to say against it."""
        return not self.reasons


def verdict(phases: Sequence[PhaseSummary], limits: Limits) -> Verdict:
    """Holds phases against limits."""
    bad = [
        (phase, finding)
        for phase in phases
        for finding in phase.findings
        if limits.fail_on is not None
        and _ORDER.index(finding.level) >= _ORDER.index(limits.fail_on)
    ]
    reasons = [f"{finding.lint}: {finding.message}" for _, finding in bad]
    for phase in phases:
        reasons += _over(phase, limits)
    return Verdict(tuple(dict.fromkeys(reasons)), tuple(dict.fromkeys(f.lint for _, f in bad)))


def _over(phase: PhaseSummary, limits: Limits) -> list[str]:
    found = []
    if limits.loop_hold is not None:
        found += [
            f"--max-loop-hold: {route.endpoint.label} held the event loop for"
            f" {duration(route.hold_longest)}, more than {duration(limits.loop_hold)}"
            for route in phase.routes
            if route.hold_longest > limits.loop_hold
        ]
    few = phase.latency.p99 is None
    slowest = phase.latency.max if few else phase.latency.p99
    if limits.p99 is not None and slowest is not None and slowest > limits.p99:
        what = f"the longest of {plural(phase.latency.count, 'request')}" if few else "p99"
        found.append(
            f"--max-p99: {what} took {duration(slowest)}, more than {duration(limits.p99)}"
            f" ({phase.variant.title})"
        )
    return found


def check_lines(phases: Sequence[PhaseSummary], said: Verdict) -> list[str]:
    """What was measured and found, and whether it passes."""
    lines = []
    for phase in phases:
        latency, tail = phase.latency, "p99" if phase.latency.p99 is not None else "max"
        slowest = latency.max if latency.p99 is None else latency.p99
        lines.append(
            f"{phase.variant.title}: {plural(latency.count, 'request')}, {rate(phase.per_second)}"
            f" a second, p50 {duration(latency.p50)}, {tail} {duration(slowest)}"
        )
        lines += [f"  {line}" for line in finding_lines(phase.findings)]
    if said.passed:
        return [*lines, "", "passed"]
    lines += ["", *(f"failed: {reason}" for reason in said.reasons)]
    return [*lines, *(f"  threadscope explain {name}" for name in said.explain)]


def check_document(report: dict[str, Any], said: Verdict) -> dict[str, Any]:
    """The JSON report with the verdict before it."""
    return {"passed": said.passed, "reasons": list(said.reasons), **report}
