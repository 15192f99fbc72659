from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from threadscope.model.timeline import BUCKET_NS, KEPT, Timeline

B = BUCKET_NS
ORIGIN = 7 * 10**12 + 12_345


def at(buckets):
    return ORIGIN + round(buckets * B)


def opened(timeline, by):
    """So many more are open, or less."""
    for _ in range(abs(by)):
        timeline.opened() if by > 0 else timeline.closed()


def hops_began(timeline, count):
    for _ in range(count):
        timeline.hop_began()


@pytest.fixture
def timeline():
    return Timeline(ORIGIN)


def test_the_state_lasts_until_it_changes(timeline):
    opened(timeline, 1)
    timeline.pass_to(at(1.5))
    opened(timeline, 2)
    hops_began(timeline, 2)
    timeline.pass_to(at(4))
    evidence = timeline.evidence(at(0), at(4))
    assert (evidence.seen, evidence.open) == (4 * B, 1.5 * B + 3 * 2.5 * B)
    assert evidence.wanted == 2.5 * B, "two or more wanted service"
    assert (evidence.alone, evidence.one_hop) == (0, 0)
    assert (timeline.open_max, timeline.hops_max) == (3, 2)


def test_clients_that_wait_want_service_though_one_request_is_open(timeline):
    timeline.in_flight = 4
    opened(timeline, 1)
    timeline.pass_to(at(2))
    evidence = timeline.evidence(at(0), at(2))
    assert (evidence.wanted, evidence.alone, evidence.one_hop) == (2 * B, 2 * B, 2 * B)


def test_time_that_has_passed_does_not_pass_again(timeline):
    opened(timeline, 2)
    timeline.pass_to(at(3))
    timeline.pass_to(at(1))
    timeline.pass_to(at(3))
    assert timeline.evidence(at(0), at(3)).open == 2 * 3 * B


def test_only_whole_buckets_count(timeline):
    opened(timeline, 2)
    timeline.pass_to(at(10))
    assert timeline.evidence(at(1.5), at(4.9)).seen == 2 * B
    assert timeline.evidence(at(4), at(4)).seen == 0


def test_steps_count_for_the_share_of_time_that_was_wanted(timeline):
    timeline.pass_to(at(0.5))
    opened(timeline, 2)
    timeline.pass_to(at(2))
    timeline.held(at(0), at(2), 2 * B)
    timeline.used(at(1), at(2), B)
    evidence = timeline.evidence(at(0), at(2))
    assert evidence.wanted == 1.5 * B
    assert evidence.held == pytest.approx(1.5 * B)
    assert evidence.cpu == pytest.approx(B)


@given(st.floats(0, 20), st.floats(0.01, 20), st.integers(1, 10**10))
def test_an_amount_is_spread_without_loss(begin, length, amount):
    timeline = Timeline(ORIGIN)
    opened(timeline, 2)
    timeline.pass_to(at(41))
    timeline.held(at(begin), at(begin + length), amount)
    assert timeline.evidence(at(0), at(41)).held == pytest.approx(amount)


@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 3 * B)), max_size=60))
def test_sums_are_exact_whatever_happens(moves):
    timeline, t, open, expected = Timeline(ORIGIN), ORIGIN, 0, 0
    for by, passes in moves:
        opened(timeline, by)
        open = max(open + by, 0)
        expected += open * passes
        t += passes
        timeline.pass_to(t)
    opened(timeline, -timeline.open)
    timeline.pass_to(t + B)
    assert timeline.evidence(ORIGIN, t + B + B).open == expected


def test_open_requests_and_hops_never_fall_below_none(timeline):
    opened(timeline, -1)
    timeline.hops_ended(1)
    assert (timeline.open, timeline.hops) == (0, 0)


def test_a_minute_is_kept(timeline):
    opened(timeline, 2)
    timeline.pass_to(at(10 * KEPT))
    assert len(timeline._buckets) == KEPT
    assert timeline.evidence(at(9.5 * KEPT), at(10 * KEPT)).seen == KEPT // 2 * B


def test_from_a_mark_on_nothing_is_forgotten(timeline):
    opened(timeline, 2)
    timeline.pass_to(at(100))
    timeline.mark(at(100))
    timeline.pass_to(at(100 + 3 * KEPT))
    evidence = timeline.evidence(at(100), at(100 + 3 * KEPT))
    assert (evidence.seen, evidence.wanted) == (3 * KEPT * B, 3 * KEPT * B)


def test_a_mark_begins_the_maxima_anew(timeline):
    opened(timeline, 5)
    hops_began(timeline, 3)
    opened(timeline, -4)
    timeline.hops_ended(3)
    timeline.mark(at(1))
    assert (timeline.open_max, timeline.hops_max) == (1, 0)


def test_what_began_long_ago_is_spread_over_what_is_kept_only(timeline):
    """The end of a stream that lasted for hours must not take seconds to fold."""
    opened(timeline, 2)
    timeline.pass_to(at(100 * KEPT))
    before = timeline.evidence(at(99 * KEPT), at(100 * KEPT)).held
    touched = []
    bucket = timeline._bucket
    timeline._bucket = lambda index: touched.append(index) or bucket(index)
    timeline.held(at(0), at(100 * KEPT), 100 * KEPT * 1000)
    assert len(touched) <= KEPT
    held = timeline.evidence(at(99 * KEPT), at(100 * KEPT)).held - before
    assert held == pytest.approx(KEPT * 1000), "its share of that time"
    assert len(timeline._buckets) == KEPT


def test_a_restart_forgets_the_sums_and_keeps_the_state(timeline):
    opened(timeline, 3)
    timeline.pass_to(at(5))
    timeline.restart(at(5))
    assert timeline.evidence(at(0), at(5)).seen == 0
    timeline.pass_to(at(7))
    assert timeline.evidence(at(5), at(7)).open == 3 * 2 * B


def test_little_over_a_long_time_is_told_in_pieces(timeline):
    timeline.pass_to(at(200))
    opened(timeline, 2)
    timeline.pass_to(at(400))
    timeline.held(at(200), at(400), 450_000)  # a request that waited for 20 s
    whole = timeline.evidence(at(200), at(400)).held
    assert whole == pytest.approx(450_000)
    halves = [timeline.evidence(at(a), at(b)).held for a, b in ((200, 300), (300, 400))]
    assert halves == [pytest.approx(225_000)] * 2


def test_what_lies_before_all_that_is_kept_is_left_out(timeline):
    timeline.pass_to(at(50))
    opened(timeline, 2)
    timeline.pass_to(at(KEPT + 100))
    timeline.held(at(-1000), at(KEPT + 100), 50_000_000)
    kept = timeline.evidence(at(0), at(KEPT + 100)).held
    assert kept == pytest.approx(50_000_000 * KEPT / (KEPT + 1100), rel=0.01)
