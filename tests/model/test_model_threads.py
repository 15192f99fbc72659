"""Threads as rows: labels, roles, numbers that are given again, threads that end."""

from __future__ import annotations

import pytest
from by_hand import LOOP, MS, WORKER, at, cell, sample, thread

from threadscope.model.records import endpoint
from threadscope.model.snapshot import Activity, Endpoint, Role
from threadscope.model.thread_table import ThreadTable
from threadscope.probe import layout as L


@pytest.fixture
def table():
    return ThreadTable()


def labels(table):
    return [thread.label for thread in table.all()]


def look(table, *cells, pid=1, names=None):
    table.cells(pid, list(cells), names or {})


def test_labels_are_given_by_first_sight(table):
    look(table, cell(LOOP, L.ROLE_LOOP), cell(31, L.ROLE_WORKER), cell(30, L.ROLE_WORKER))
    look(table, cell(29, L.ROLE_WORKER), cell(31, L.ROLE_WORKER))
    found = {one.tid: one.label for one in table.all()}
    assert found == {LOOP: "event loop", 31: "worker-01", 30: "worker-02", 29: "worker-03"}


def test_several_event_loops_are_numbered(table):
    look(table, cell(LOOP, L.ROLE_LOOP), pid=1)
    look(table, cell(LOOP, L.ROLE_LOOP), pid=2)
    assert labels(table) == ["event loop", "event loop 2"]


def test_the_order_is_loops_workers_others_and_the_probe(table):
    look(
        table, cell(1, L.ROLE_PROBE, name="threadscope probe"), cell(2, 0, name="timer"),
        cell(3, L.ROLE_WORKER), cell(4, L.ROLE_LOOP),
    )  # fmt: skip
    assert [one.role for one in table.all()] == [Role.LOOP, Role.WORKER, Role.OTHER, Role.PROBE]
    assert labels(table)[2] == "timer"


def test_a_thread_keeps_its_label_when_it_does_something_else(table):
    look(table, cell(5, L.ROLE_LOOP))
    look(table, cell(5, L.ROLE_LOOP | L.ROLE_WORKER))
    table.get(1, 5, Role.WORKER)
    assert labels(table) == ["event loop"]


def test_without_a_probe_the_kernels_names_are_used(table):
    table.sampled(sample(0, thread(1, name="uvicorn"), thread(2, name="libuv-worker")))
    assert sorted(labels(table)) == ["libuv-worker", "main"]


def test_hops_are_those_of_the_cells_present_owner(table):
    look(table, cell(3, L.ROLE_WORKER, hops=12, before=7))
    assert table.get(1, 3).row(at(0)).hops == 5


def test_a_row_is_about_the_last_second(table):
    for t in range(0, 2100, 100):
        table.sampled(sample(t, thread(LOOP, cpu=max(t - 1000, 0) / 2, wait=t * MS // 4)))
    row = table.get(1, LOOP).row(at(2000))
    assert row.cpu_percent == pytest.approx(50)
    assert row.wait_percent == pytest.approx(25)
    assert row.cpu_s == pytest.approx(0.5)


def test_a_clock_that_jumps_is_held_within_one_core(table):
    table.sampled(sample(0, thread(LOOP)))
    table.sampled(sample(100, thread(LOOP, cpu=140)))
    assert table.get(1, LOOP).row(at(100)).cpu_percent == 100


def test_one_sample_tells_no_share(table):
    table.sampled(sample(0, thread(LOOP, cpu=50)))
    row = table.get(1, LOOP).row(at(0))
    assert (row.cpu_percent, row.switches_per_s, row.cpu_s) == (None, None, 0.05)


def test_a_number_that_is_given_again_is_another_thread(table):
    look(table, cell(WORKER, L.ROLE_WORKER))
    table.sampled(sample(0, thread(WORKER, cpu=900, born=5)))
    first = table.get(1, WORKER)
    table.sampled(sample(100, thread(WORKER, cpu=1, born=77)))
    second = table.get(1, WORKER)
    assert second is not first
    assert (second.born, second.role, len(second.samples)) == (77, Role.OTHER, 1)
    look(table, cell(WORKER, L.ROLE_WORKER))
    assert labels(table) == ["worker-02"]


def test_a_thread_that_ended_is_shown_for_five_seconds(table):
    look(table, cell(WORKER, L.ROLE_WORKER, request=3))
    table.sampled(sample(0, thread(LOOP), thread(WORKER)))
    table.sampled(sample(100, thread(LOOP)))
    row = table.get(1, WORKER).row(at(100))
    assert (row.state, row.now) == ("X", None)
    table.sampled(sample(5100, thread(LOOP)))
    assert len(table.all()) == 2, "just five seconds"
    table.sampled(sample(5101, thread(LOOP)))
    assert [one.tid for one in table.all()] == [LOOP]


def test_another_processs_sample_ends_nobody(table):
    table.sampled(sample(0, thread(LOOP), pid=1))
    table.sampled(sample(100, thread(LOOP), pid=2))
    assert table.get(1, LOOP).row(at(100)).state == "S"


def test_threads_that_no_sample_ever_saw_leave_as_well(table):
    """A pool made for each request: threads that live for less than a sample's distance."""
    table.sampled(sample(0, thread(LOOP)))
    for tid in range(100, 150):
        table.get(1, tid, Role.WORKER).span(at(10), at(11), tid)
    for t in (100, 200, 5_400, 11_000):
        table.sampled(sample(t, thread(LOOP)))
    assert [one.tid for one in table.all()] == [LOOP]


def test_where_threads_cannot_be_sampled_the_probes_stay(table):
    """Not on Linux: the kernel's side of the sample is empty."""
    look(table, cell(WORKER, L.ROLE_WORKER))
    for t in (0, 6_000, 12_000):
        table.sampled(sample(t))
    assert labels(table) == ["worker-01"]


def test_a_thread_that_ends_in_the_middle_of_a_hop_is_counted(table):
    table.sampled(sample(0, thread(LOOP), thread(WORKER)))
    table.get(1, WORKER).running[7] = Activity(7, Endpoint(), at(0))
    assert table.sampled(sample(100, thread(LOOP))) == 1
    assert table.sampled(sample(200, thread(LOOP))) == 0
    table.get(1, LOOP).running[8] = Activity(8, Endpoint(), at(0))
    assert table.sampled(sample(300, thread(LOOP, born=99))) == 1, "its number is another's now"


def test_a_thread_is_not_gone_before_a_sample_could_see_it(table):
    table.sampled(sample(0, thread(LOOP)))
    table.get(1, WORKER, Role.WORKER).active_at = at(95)
    table.sampled(sample(100, thread(LOOP)))
    assert table.get(1, WORKER).row(at(100)).state == "?"


# -- lanes -----------------------------------------------------------------------------------------
def test_short_spans_next_to_each_other_become_one(table):
    loop = table.get(1, LOOP, Role.LOOP)
    for number in range(4):
        loop.span(at(number), at(number + 0.5), number)
    ((span,),) = loop.lane(at(10)).spans
    assert (span.begin, span.end, span.requests, span.request) == (at(0), at(3.5), 4, 3)
    assert span.busy == 2 * MS


def test_long_spans_stay_apart(table):
    loop = table.get(1, LOOP, Role.LOOP)
    loop.span(at(0), at(300), 1)
    loop.span(at(300), at(600), 2)
    ((one, other),) = loop.lane(at(600)).spans
    assert (one.request, other.request) == (1, 2)


def test_what_goes_on_ends_at_the_snapshot(table):
    look(table, cell(LOOP, L.ROLE_LOOP, request=8, since=50, what=1))
    table.get(1, LOOP)
    table.steps_at(at(100), {})
    (span,) = table.get(1, LOOP).lane(at(100)).current
    assert (span.begin, span.end, span.request) == (at(50), at(100), 8)


def test_a_step_that_began_after_the_watermark_is_not_shown(table):
    names = {1: endpoint("GET\x1f/x\x1fx\x1fasync def\x1fx.py:1")}
    look(table, cell(LOOP, L.ROLE_LOOP, request=8, since=150, what=1), names=names)
    table.steps_at(at(100), {})
    assert table.get(1, LOOP).row(at(100)).now is None
    table.steps_at(at(160), {})
    now = table.get(1, LOOP).row(at(160)).now
    assert (now.request, now.endpoint.route) == (8, "/x")
    assert now.endpoint != Endpoint()


# -- summaries -------------------------------------------------------------------------------------
def test_a_summary_counts_from_the_begin_of_the_measurement(table):
    look(table, cell(WORKER, L.ROLE_WORKER, hops=10))
    table.sampled(sample(0, thread(WORKER, cpu=700, voluntary=50)))
    worker = table.get(1, WORKER)
    worker.begin_measure()
    look(table, cell(WORKER, L.ROLE_WORKER, hops=14))
    worker.hops_measured += 4
    for t in range(100, 2100, 100):
        table.sampled(sample(t, thread(WORKER, cpu=700 + t / 4, voluntary=50 + t // 100)))
    found = worker.summary()
    assert found.cpu_percent == pytest.approx(25)
    assert found.voluntary_per_s == pytest.approx(10)
    assert (found.hops, found.label) == (4, "worker-01")
