"""Lints of the event loop: what computes, what blocks, and what only waits for others."""

from __future__ import annotations

import pytest

from tests.lints.seen import MS, REPORT, SLOW, check, fires, hold, route, seen
from threadscope.lints.lint import State
from threadscope.model.facts import OUTSIDE


def test_a_long_step_on_cpu_is_named_with_its_place_and_who_waited():
    said = check("loop-blocked", seen(holds=(hold(230), hold(120, waiting=1))))
    assert said.message == (
        "`async def report` (GET /report) held the event loop for 230 ms"
        " at reports.py:88 in report(); 3 requests waited"
    )
    assert said.summary == "2 steps held the event loop for 100 ms or more"
    assert said.count == 2
    assert said.evidence["waiting_median"] == 2
    assert said.evidence["longest_ms"] == 230
    assert said.evidence["total_ms"] == 350


@pytest.mark.parametrize("ms", [99, 20])
def test_a_short_step_is_none(ms):
    assert not fires("loop-blocked", seen(holds=(hold(ms),)))


def test_the_threshold_can_be_set():
    assert fires("loop-blocked", seen(holds=(hold(60),)), 50 * MS)


def test_without_a_core_a_step_is_not_long_of_its_own():
    waited = hold(150, cpu=0.3, core_wait=0.6)
    assert not fires("loop-blocked", seen(holds=(waited,)))
    computed = hold(400, cpu=0.4, core_wait=0.5)
    assert fires("loop-blocked", seen(holds=(computed,)))


def test_a_loop_that_waits_for_the_gil_is_neither_blocked_nor_in_a_blocking_call():
    waits = seen(holds=(hold(1300, cpu=0.01, gil_lag=900),))
    assert not fires("loop-blocked", waits)
    assert not fires("blocking-call-in-async", waits)


def test_a_sleep_is_a_blocking_call():
    said = check("blocking-call-in-async", seen(holds=(hold(300, cpu=0.001, waiting=9),)))
    assert said.message == (
        "`async def report` (GET /report) held the event loop in a blocking call for 300 ms"
        " at reports.py:88 in report(); 9 requests waited"
    )
    assert not fires("loop-blocked", seen(holds=(hold(300, cpu=0.001),)))


@pytest.mark.parametrize("more", [
    {"cpu": 0.3}, {"core_wait": 0.5}, {"gil_lag": 70}, {"gil_lag": 11}, {"gil_lag": None},
])  # fmt: skip
def test_what_may_have_another_reason_is_no_blocking_call(more):
    slept = {"cpu": 0.001, **more}
    assert not fires("blocking-call-in-async", seen(holds=(hold(300, **slept),)))


def test_native_code_that_keeps_the_gil_is_named_while_it_runs():
    runs = hold(2400, place="", lasts=True, gil_lag=None)
    assert check("loop-blocked", seen(holds=(runs,))).message == (
        "`async def report` (GET /report) has held the event loop for 2.40 s"
        " in native code that keeps the GIL; 3 requests waited"
    )


def test_without_a_place_the_definition_has_to_do():
    said = check("loop-blocked", seen(holds=(hold(120, place=""),)))
    assert " for 120 ms (defined at reports.py:80); 3 requests waited" in said.message


def test_the_line_inside_a_library_is_told_too():
    call = hold(300, cpu=0.0)._replace(innermost="socket.py:706 in readinto()")
    said = check("blocking-call-in-async", seen(holds=(call,)))
    assert "at reports.py:88 in report(), inside socket.py:706 in readinto()" in said.message


def test_other_bad_routes_are_named_after_the_worst():
    said = check("loop-blocked", seen(holds=(hold(200), hold(500, endpoint=SLOW))))
    assert said.message.startswith("`def slow` (GET /slow) held the event loop for 500 ms")
    assert said.message.endswith("; also GET /report")


def test_code_of_no_route_has_a_name_as_well():
    nobody = hold(200, endpoint=REPORT.__class__())
    assert "code outside of any route held" in check("loop-blocked", seen(holds=(nobody,))).message


def test_code_outside_of_any_request_is_named_by_its_line():
    refresh = REPORT.__class__(kind=OUTSIDE, name="refresh()", place="tasks.py")
    held = hold(230, endpoint=refresh, place="tasks.py:31 in refresh()")
    said = check("loop-blocked", seen(holds=(held,)))
    assert said.message == (
        "code outside any request held the event loop for 230 ms at tasks.py:31 in refresh();"
        " 3 requests waited"
    )
    assert said.evidence["route"] == "refresh(), outside any request"
    assert said.evidence["endpoint"] == "refresh()"


def test_an_endpoint_that_never_awaits():
    burns = route(hold_ms=40, single=100)
    said = check("never-awaits", seen(routes=(burns,)))
    assert said.message == (
        "`async def report` (GET /report) never awaits: each of 100 requests ran from begin to end"
        " in one step, 40 ms of CPU on average"
    )


@pytest.mark.parametrize("burns", [
    route(hold_ms=2, single=100),
    route(hold_ms=40, single=50),
    route(hold_ms=40, single=100, endpoint=SLOW),
    route(hold_ms=300, cpu_ms=0.2, single=100),
])  # fmt: skip
def test_an_endpoint_that_is_short_or_awaits_or_runs_on_threads_or_sleeps(burns):
    assert check("never-awaits", seen(routes=(burns,))).state is State.OK


@pytest.mark.parametrize("burns", [
    route(hold_ms=40, completed=3, single=3),
    route(hold_ms=40, single=0, late=100),
])  # fmt: skip
def test_few_requests_or_child_tasks_are_not_enough(burns):
    assert check("never-awaits", seen(routes=(burns,))).state is State.UNSURE
