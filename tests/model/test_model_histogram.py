from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from threadscope.model.histogram import FRESH, MAX_NS, SAMPLES_FOR, Histogram, bucket, middle
from threadscope.model.snapshot import Latency

US, S = 1_000, 1_000_000_000

durations = st.integers(10 * US, 60 * S)
samples = st.lists(durations, min_size=1, max_size=200)


def of(values):
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    return histogram


def contents(histogram):
    return (
        {k: v for k, v in histogram.counts.items() if v},
        histogram.count, histogram.total, histogram.min, histogram.max,
    )  # fmt: skip


@given(durations)
def test_a_value_is_known_to_within_one_percent(value):
    assert abs(middle(bucket(value)) - value) <= value / 100
    assert abs(middle(bucket(value)) - value) <= value / 256 + 1, "what the module promises"


@given(st.integers(-10, 2 * MAX_NS), st.integers(0, MAX_NS))
def test_buckets_keep_the_order(value, more):
    assert bucket(value) <= bucket(value + more)


@given(samples, st.floats(0, 100))
def test_a_percentile_is_that_of_the_sorted_values(values, percent):
    exact = sorted(values)[max(1, -int(-len(values) * percent // 100)) - 1]
    assert abs(of(values).percentile(percent) - exact) <= exact / 100


@given(samples)
def test_percentiles_rise(values):
    histogram = of(values)
    found = [histogram.percentile(percent) for percent in (0, 1, 25, 50, 90, 95, 99, 99.9, 100)]
    assert found == sorted(found)
    assert found[0] >= min(values)
    assert found[-1] <= max(values)


@given(samples, samples)
def test_merging_is_adding_all(one, other):
    merged = of(one)
    merged.merge(of(other))
    assert contents(merged) == contents(of(one + other))
    merged.merge(Histogram())
    assert contents(merged) == contents(of(one + other))
    empty = Histogram()
    empty.merge(of(one))
    assert contents(empty) == contents(of(one))


@given(st.lists(durations))
def test_json_and_back(values):
    histogram = of(values)
    back = Histogram.from_json(json.loads(json.dumps(histogram.to_json())))
    assert contents(back) == contents(histogram)


@pytest.mark.parametrize("data", [{}, {"counts": 3, "total": 0, "min": 0, "max": 0},
                                  {"counts": [[1]], "total": 0, "min": 0, "max": 0},
                                  {"counts": [[10**12, 1]], "total": 0, "min": 0, "max": 0},
                                  {"counts": [[-1, 1]], "total": 0, "min": 0, "max": 0},
                                  {"counts": [], "total": "x", "min": 0, "max": 0}])  # fmt: skip
def test_another_form_is_refused(data):
    with pytest.raises((ValueError, TypeError, KeyError)):
        Histogram.from_json(data)


@pytest.mark.parametrize(("name", "needed"), SAMPLES_FOR.items())
def test_no_percentile_without_the_samples_for_it(name, needed):
    assert getattr(of([5 * US] * (needed - 1)).latency(), name) is None
    assert getattr(of([5 * US] * needed).latency(), name) == 5 * US


def test_p99_needs_a_hundred():
    assert SAMPLES_FOR["p99"] == 100


def test_min_mean_and_max_are_exact():
    latency = of([1_000_003, 5_000_017, 7_654_321]).latency()
    assert (latency.count, latency.min, latency.max) == (3, 1_000_003, 7_654_321)
    assert latency.mean == (1_000_003 + 5_000_017 + 7_654_321) / 3


def test_nothing_is_known_of_nothing():
    assert Histogram().latency() == Latency()
    with pytest.raises(ValueError, match="empty"):
        Histogram().percentile(50)


@given(st.lists(st.integers(0, 2**70), min_size=1, max_size=300))
def test_it_stays_small_whatever_comes(values):
    assert all(0 <= index <= bucket(MAX_NS) for index in of(values).counts)
    assert bucket(MAX_NS) < 5000


def test_what_waits_to_be_counted_is_counted_whoever_looks_when():
    values = [n * 997 % 5_000 * US for n in range(1, 3 * FRESH + 10)]
    looked_at, left_alone = Histogram(), of(values)
    for number, value in enumerate(values, 1):
        looked_at.add(value)
        assert looked_at.count == number
        if number % 100 == 0:
            assert (looked_at.min, looked_at.max) == (min(values[:number]), max(values[:number]))
    assert contents(looked_at) == contents(left_alone)
    assert looked_at.total == sum(values)


few = st.lists(durations, max_size=40)


@given(few, few, st.booleans())
def test_few_that_were_not_counted_yet_are_added_like_all_others(mine, others, looked):
    one, other = of(mine), of(others)
    if looked:
        other.latency()
    one.merge(other)
    assert contents(one) == contents(of(mine + others))
    assert one.latency() == of(mine + others).latency()
    assert contents(other) == contents(of(others)), "the other one stays as it was"


def test_a_coarse_one_has_few_buckets_and_errs_by_three_percent():
    values = [10**6 + 3_001 * n for n in range(5000)]
    fine, coarse = of(values), of(values)
    coarse.coarsen()
    assert len(coarse.counts) <= len(fine.counts) / 7
    assert contents(coarse)[1:] == contents(fine)[1:], "count, sum and ends stay exact"
    for percent in (1, 50, 90, 99):
        assert coarse.percentile(percent) == pytest.approx(fine.percentile(percent), rel=0.04)
    few = of(values[:20])
    before = contents(few)
    few.coarsen()
    assert contents(few) == before


many = st.lists(durations, min_size=100, max_size=300)


@given(many, many, st.booleans(), st.booleans())
@settings(max_examples=50)
def test_coarse_ones_and_fine_ones_add_up(mine, others, first, second):
    one, other = of(mine), of(others)
    if first:
        one.coarsen()
    if second:
        other.coarsen()
    kept = contents(other)
    one.merge(other)
    both = of(mine + others)
    assert contents(one)[1:] == contents(both)[1:]
    assert sum(one.counts.values()) == one.count
    for percent in (1, 50, 99):
        assert one.percentile(percent) == pytest.approx(both.percentile(percent), rel=0.1)
    assert contents(other) == kept


@given(st.lists(st.lists(durations, max_size=80), min_size=2, max_size=5))
def test_what_is_taken_out_again_leaves_the_rest(parts):
    histograms = [of(part) for part in parts]
    total = Histogram()
    for one in histograms:
        total.merge(one)
    total.unmerge(histograms[0])
    total.bound(histograms[1:])
    assert contents(total) == contents(of([value for part in parts[1:] for value in part]))


@given(st.lists(st.integers(0, 2 * MAX_NS), min_size=1, max_size=100))
def test_all_are_counted_from_nothing_to_an_hour(values):
    one, other = Histogram(), Histogram()
    one.extend(values)
    for value in reversed(values):
        other.add(value)
        assert other.max >= value
    assert contents(one) == contents(other)
    assert sum(one.counts.values()) == len(values)
    assert list(one.counts) == sorted({bucket(value) for value in values})
