"""What the lints say of real runs: observations that `benchmarks/lints_live.py --save` has kept."""

from __future__ import annotations

import pytest

from tests.lints.expected import EXPECTED
from tests.lints.saved import FOLDER, from_json, load, to_json
from threadscope.lints.catalog import LINTS
from threadscope.lints.judge import evaluate
from threadscope.model.observation import Observation, of_the_app
from threadscope.model.snapshot import Role

SAVED = {path.stem: load(path) for path in sorted(FOLDER.glob("*.json"))}


@pytest.mark.parametrize("name", SAVED)
def test_no_false_alarm_and_nothing_missed(name):
    found = {finding.lint for finding in evaluate(SAVED[name])}
    expected = EXPECTED[name.removesuffix("-hog")]
    assert expected.wrong(found) == set(), "fired, and must not"
    assert expected.missing(found) == set(), "did not fire, and must"


def test_there_is_an_observation_of_each_with_and_without_something_beside_it():
    assert {name for name in SAVED if not name.endswith("-hog")} == set(EXPECTED)
    assert {name.removesuffix("-hog") for name in SAVED if name.endswith("-hog")} == set(EXPECTED)


def test_the_table_names_lints():
    named = {lint for one in EXPECTED.values() for lint in (*one.must, *one.may)}
    assert named <= set(LINTS)


def finding(name, lint):
    return next(one for one in evaluate(SAVED[name]) if one.lint == lint)


def test_a_busy_loop_is_found_at_its_line_and_three_of_four_wait():
    found = finding("cpu-async", "loop-blocked")
    assert str(found.evidence["place"]).startswith("cpu.py:")
    assert "burn()" in str(found.evidence["place"])
    assert found.evidence["waiting_median"] == 3


def test_a_sleep_is_found_at_its_line():
    found = finding("blocking-mistake", "blocking-call-in-async")
    assert found.evidence["endpoint"] == "blocking_mistake"
    assert str(found.evidence["place"]).endswith("in blocking_mistake()")


def test_an_exhausted_pool_names_the_slow_endpoint():
    found = finding("pool-shared", "threadpool-exhausted")
    assert found.evidence["endpoint"] == "pool_shared"
    assert str(found.evidence["place"]).endswith("in pool_shared()")


def test_a_starved_route_names_both():
    for name, light, heavy in (
        ("fairness-async", "health", "fairness_async"),
        ("pool-shared", "pool_quick", "pool_shared"),
    ):
        found = finding(name, "starved-route")
        assert found.evidence["endpoint"] == light
        assert found.evidence["because_of_endpoint"] == heavy


def test_the_place_is_found_below_a_middleware_too():
    found = finding("middleware-cpu", "loop-blocked")
    assert found.evidence["endpoint"] == "cpu"
    assert str(found.evidence["place"]).startswith("middleware.py:")


def test_threads_that_take_turns_on_two_free_cores_miss_none():
    """They were in line for a quarter of a core, while one of them always computed."""
    free = load(FOLDER / "free" / "cpu-def.json")
    threads = of_the_app(free.threads)
    assert [thread.role for thread in threads].count(Role.WORKER) == 4
    assert sum(thread.wait_percent for thread in threads) > 25
    assert sum(thread.cpu_percent for thread in threads) > 95
    assert [finding.lint for finding in evaluate(free)] == ["gil-bound"]


@pytest.mark.parametrize("name", SAVED)
def test_an_observation_is_read_as_it_was_written(name):
    assert from_json(Observation, to_json(SAVED[name])) == SAVED[name]
