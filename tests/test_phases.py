"""Which phases are worth comparing; how phases are played is tested with a real load."""

from __future__ import annotations

from tests.factories import ASYNC, DEF, summary
from threadscope.load.plan import LoadPlan
from threadscope.model.snapshot import Latency
from threadscope.phases import Phase, Played, best_of_each, schedule_step

URL = "http://127.0.0.1:8000/"


def played(variant=ASYNC, *, seconds=None, requests=None, **changes) -> Played:
    plan = LoadPlan(URL, seconds=seconds, requests=requests)
    return Played(Phase(variant, plan), summary(variant, **changes))


def test_a_full_measurement_is_preferred_to_what_came_live_and_that_to_what_was_cut_short():
    cut = played(seconds=10, aborted="stopped")
    live = played()
    whole = played(seconds=10)
    counted = played(requests=100)
    assert best_of_each([cut]) == [cut.summary]
    assert best_of_each([live, cut]) == best_of_each([cut, live]) == [live.summary]
    assert best_of_each([cut, whole, live]) == [whole.summary]
    assert best_of_each([whole, counted, live]) == [counted.summary]


def test_of_the_same_kind_the_newest_counts():
    first, second = played(seconds=10, started=1), played(seconds=10, started=2)
    assert best_of_each([first, second]) == [second.summary]


def test_variants_come_as_they_were_first_seen():
    cut = played(ASYNC, seconds=10, aborted="stopped")
    other, whole = played(DEF), played(ASYNC, seconds=10)
    assert best_of_each([cut, other, whole]) == [whole.summary, other.summary]


def test_a_phase_without_an_answer_says_nothing():
    assert best_of_each([played(latency=Latency())]) == []
    assert best_of_each([]) == []


def test_a_schedule_goes_by_steps_of_1_2_and_5_and_ends_below_1():
    steps = [1.0]
    while len(steps) < 8:
        steps.append(schedule_step(steps[-1], True))
    assert steps == [1, 2, 5, 10, 20, 50, 100, 200]
    assert [schedule_step(rate, False) for rate in (200, 7.3, 2, 1)] == [100, 5, 1, None]
    assert schedule_step(50_000, True) == 50_000
