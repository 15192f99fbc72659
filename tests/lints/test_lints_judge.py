"""Which lints speak, how loudly, in which order, and how long what they said stays."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.lints.seen import MS, S, hold, process, route, seen, workers
from threadscope.lints.catalog import LINTS
from threadscope.lints.judge import STAYS_NS, Lints, Settings, evaluate, judge
from threadscope.lints.lint import State, Threshold, Unit
from threadscope.model.snapshot import Level

BAD = seen(holds=(hold(),), lost=3, done=100, failed=50)


def names(findings):
    return [finding.lint for finding in findings]


def test_the_worst_comes_first():
    assert names(evaluate(BAD)) == ["errors", "loop-blocked", "events-dropped"]
    assert [x.level for x in evaluate(BAD)] == [Level.ERROR, Level.WARNING, Level.INFO]


def test_nothing_is_found_where_nothing_happened():
    assert evaluate(seen()) == ()
    assert evaluate(seen(seconds=0.0, done=0, load_percent=None)) == ()


def test_every_lint_answers_to_an_empty_observation():
    said = judge(seen(done=0, load_percent=None), Settings())
    assert said.keys() == LINTS.keys()
    assert not [name for name, one in said.items() if one.state is State.WARN]


@pytest.mark.parametrize(("settings", "left"), [
    (Settings(allow=frozenset({"errors"})), ["loop-blocked", "events-dropped"]),
    (Settings(allow=frozenset({"all"})), []),
    (Settings(allow=frozenset({"all"}), warn=frozenset({"errors"})), ["errors"]),
    (Settings(thresholds={"loop-blocked": 500 * MS}), ["errors", "events-dropped"]),
])  # fmt: skip
def test_settings_choose(settings, left):
    assert names(evaluate(BAD, settings)) == left


def test_a_lint_that_informs_can_be_made_to_warn():
    loud = Settings(warn=frozenset({"events-dropped"}))
    assert {x.lint: x.level for x in evaluate(BAD, loud)}["events-dropped"] is Level.WARNING
    everything = Settings(warn=frozenset({"all"}))
    assert {x.level for x in evaluate(BAD, everything)} == {Level.ERROR, Level.WARNING}


def test_a_live_finding_stays_and_says_since_when():
    lints = Lints()
    (first,) = lints.live(seen(holds=(hold(),)), 10 * S)
    assert first.since == 10 * S
    (again,) = lints.live(seen(holds=(hold(900),)), 11 * S)
    assert again.since == 10 * S
    assert "900 ms" in again.message
    (stays,) = lints.live(seen(), 11 * S + STAYS_NS - 1)
    assert stays == again
    assert lints.live(seen(), 11 * S + STAYS_NS) == ()
    (new,) = lints.live(seen(holds=(hold(),)), 20 * S)
    assert new.since == 20 * S


def test_steps_are_gathered_from_the_lowest_threshold_on():
    assert Lints().hold_ns == 100 * MS
    assert Lints(Settings(thresholds={"loop-blocked": 20e6})).hold_ns == 20 * MS


@pytest.mark.parametrize(("unit", "text", "value"), [
    (Unit.TIME, "50ms", 50e6), (Unit.TIME, "1.5s", 1.5e9), (Unit.TIME, "200us", 200e3),
    (Unit.SHARE, "80%", 0.8), (Unit.FACTOR, "10x", 10), (Unit.FACTOR, "10", 10),
    (Unit.COUNT, "5", 5),
])  # fmt: skip
def test_thresholds_are_read_as_people_write_them(unit, text, value):
    assert Threshold(unit, 1, "").parse(text) == pytest.approx(value)


@pytest.mark.parametrize(("unit", "text"), [
    (Unit.TIME, "50"), (Unit.TIME, "0ms"), (Unit.TIME, "-5ms"), (Unit.SHARE, "80"),
    (Unit.COUNT, "x"), (Unit.TIME, ""), (Unit.TIME, "1e9s"), (Unit.FACTOR, "5%"),
])  # fmt: skip
def test_what_is_no_threshold_is_refused_with_an_example(unit, text):
    with pytest.raises(ValueError, match="say "):
        Threshold(unit, 1, "").parse(text)


@pytest.mark.parametrize("name", LINTS)
def test_a_threshold_prints_as_it_is_read(name):
    threshold = LINTS[name].threshold
    text = threshold.text().replace(" ", "")
    assert threshold.parse(text) == pytest.approx(threshold.default)


def test_findings_of_one_observation_do_not_depend_on_the_order_of_its_parts():
    parts = {"routes": (route(hold_ms=40, single=100), route(ms=3)), "threads": workers(50, 50),
             "processes": (process(gil_ms=9), process(2))}  # fmt: skip
    turned = {key: value[::-1] for key, value in parts.items()}
    assert evaluate(seen(**parts)) == evaluate(seen(**turned))


def test_what_took_long_in_a_server_that_stood_still_says_nothing():
    """What was counted is true all the same."""
    bad = seen(holds=(hold(),), failed=50, done=100)
    assert {x.lint for x in evaluate(bad)} == {"loop-blocked", "errors"}
    assert {x.lint for x in evaluate(replace(bad, stopped=1.0))} == {"errors"}
    assert {x.lint for x in evaluate(replace(bad, stopped=0.04))} == {"loop-blocked", "errors"}
