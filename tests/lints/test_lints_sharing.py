"""Lints of workers, routes beside each other, and the measurement itself."""

from __future__ import annotations

import pytest

from tests.lints.seen import QUICK, REPORT, SLOW, check, fires, process, route, seen
from threadscope.lints.lint import State
from threadscope.model.snapshot import Endpoint

HEALTH = Endpoint("GET", "/health", "health", "async def", "app.py:5")


def test_a_worker_that_serves_most():
    said = check("worker-skew", seen(
        processes=(process(7, completed=90), process(8, completed=10), process(9, completed=20))
    ))  # fmt: skip
    assert said.message == "worker 7 served 90 of 120 requests, the other 2 workers 15 on average"


@pytest.mark.parametrize("counts", [(100,), (60, 40), (66, 34)])
def test_workers_that_share(counts):
    said = check("worker-skew", seen(processes=tuple(process(i, completed=n)
                                                     for i, n in enumerate(counts))))  # fmt: skip
    assert said.state is State.OK


def test_few_requests_are_shared_by_chance():
    few = (process(1, completed=12), process(2, completed=2))
    assert check("worker-skew", seen(processes=few)).state is State.UNSURE


def test_a_health_check_behind_a_heavy_endpoint():
    health = route(HEALTH, completed=30, ms=0.2, hold_ms=0.2, single=30, client_ms=420)
    heavy = route(REPORT, completed=16, ms=300, hold_ms=300, single=16, client_ms=1200)
    said = check("starved-route", seen(routes=(health, heavy)))
    assert said.message == (
        "`async def health` (GET /health) needs 0.2 ms and takes 420 ms:"
        " `async def report` (GET /report) keeps it waiting"
    )


def test_a_quick_def_behind_a_slow_one():
    quick = route(QUICK, ms=900, hop_ms=0.02, wait_ms=890)
    slow = route(SLOW, ms=1000, hop_ms=1000, wait_ms=1)
    said = check("starved-route", seen(routes=(quick, slow)))
    assert said.evidence["route"] == "GET /quick"
    assert said.evidence["because_of"] == "GET /slow"


def test_a_route_that_awaits_long_is_not_starved():
    awaits = route(HEALTH, ms=400, hold_ms=0.2, client_ms=401)
    heavy = route(REPORT, completed=16, ms=300, hold_ms=300, client_ms=1200)
    assert not fires("starved-route", seen(routes=(awaits, heavy)))


def test_a_route_that_queues_behind_itself_is_not_starved_by_another():
    heavy = route(REPORT, completed=16, ms=300, hold_ms=300, client_ms=6000)
    light = route(HEALTH, completed=30, ms=0.2, hold_ms=0.2, client_ms=1)
    assert not fires("starved-route", seen(routes=(heavy, light)))
    assert not fires("starved-route", seen(routes=(heavy,)))


def test_a_crowd_of_light_requests_is_its_own_cause():
    light = route(HEALTH, completed=20_000, ms=0.1, hold_ms=0.1, client_ms=30)
    other = route(QUICK, completed=10, ms=1, hop_ms=0.5, wait_ms=0.2, client_ms=30)
    assert not fires("starved-route", seen(routes=(light, other)))


@pytest.mark.parametrize(("percent", "state"), [
    (80.0, State.WARN), (79.9, State.OK), (None, State.UNSURE),
])  # fmt: skip
def test_a_load_generator_at_its_limit(percent, state):
    assert check("generator-bound", seen(load_percent=percent)).state is state


def test_failed_requests_are_counted_at_the_clients():
    failing = seen(done=200, failed=7, routes=(route(REPORT, failed=5),))
    said = check("errors", failing)
    assert said.message == "7 of 200 requests failed, 5 of them in GET /report"
    assert not fires("errors", seen(done=2000, failed=7))


def test_without_our_load_the_server_counts_them():
    assert fires("errors", seen(done=0, routes=(route(REPORT, failed=5),)))


def test_lost_events():
    assert check("events-dropped", seen(lost=120)).count == 120
    assert check("events-dropped", seen()).state is State.OK


def test_a_thousand_routes_beside_a_heavy_one_are_all_starved_by_it():
    heavy = route(REPORT, completed=16, ms=300, hold_ms=300, single=16, client_ms=1200)
    light = [
        route(HEALTH._replace(route=f"/r{n}"), completed=30, ms=0.2, hold_ms=0.2, client_ms=420)
        for n in range(1000)
    ]
    said = check("starved-route", seen(routes=(*light[:500], heavy, *light[500:])))
    assert (said.state, said.count) == (State.WARN, 1000)
    assert said.evidence["because_of"] == "GET /report"
