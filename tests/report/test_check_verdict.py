"""Whether a server passes a check."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests import factories as f
from tests.lints.seen import MS, REPORT, route
from threadscope.model.snapshot import Finding, Latency, Level
from threadscope.report.check import Limits, Verdict, check_document, check_lines, verdict

BLOCKED = Finding("loop-blocked", Level.WARNING, "it held the loop", "1 step", 1)
OVERHEAD = Finding("threadpool-overhead", Level.INFO, "it takes a way", "1 endpoint", 1)
FINE = replace(f.summary(), latency=Latency(40, *[80 * MS] * 3, None, None, None, 120 * MS),
               routes=(route(REPORT, hold_ms=30),))  # fmt: skip
BAD = replace(FINE, findings=(BLOCKED, OVERHEAD))


@pytest.mark.parametrize(("fail_on", "lints"), [
    (Level.INFO, ("loop-blocked", "threadpool-overhead")), (Level.WARNING, ("loop-blocked",)),
    (Level.ERROR, ()), (None, ()),
])  # fmt: skip
def test_findings_fail_from_a_level_on(fail_on, lints):
    said = verdict([FINE, BAD], Limits(fail_on))
    assert said.explain == lints
    assert said.passed is (not lints)


def test_limits_are_held_against_each_route_and_phase():
    said = verdict([FINE], Limits(loop_hold=20 * MS, p99=100 * MS))
    assert said.reasons == (
        "--max-loop-hold: GET /report held the event loop for 30 ms, more than 20 ms",
        "--max-p99: the longest of 40 requests took 120 ms, more than 100 ms"
        " (async def /cpu/async/{client})",
    )
    assert verdict([FINE], Limits(loop_hold=30 * MS, p99=120 * MS)).passed


def test_with_100_requests_p99_is_the_limit():
    many = replace(FINE, latency=replace(FINE.latency, count=200, p99=90 * MS))
    assert verdict([many], Limits(p99=100 * MS)).passed
    assert "p99 took 90 ms" in verdict([many], Limits(p99=80 * MS)).reasons[0]


def test_the_same_reason_is_told_once():
    assert len(verdict([BAD, BAD], Limits()).reasons) == 1


def test_lines_say_what_was_measured_found_and_decided():
    assert check_lines([BAD], verdict([BAD], Limits())) == [
        "async def /cpu/async/{client}: 40 requests, 3.3 a second, p50 80 ms, max 120 ms",
        "  warning  loop-blocked  it held the loop",
        "  info     threadpool-overhead  it takes a way",
        "",
        "failed: loop-blocked: it held the loop",
        "  threadscope explain loop-blocked",
    ]
    assert check_lines([FINE], Verdict(()))[-1] == "passed"


def test_the_document_begins_with_the_verdict():
    made = check_document({"schema": 0}, verdict([BAD], Limits()))
    assert made == {"passed": False, "reasons": ["loop-blocked: it held the loop"], "schema": 0}
