"""The request log, and the hops on their threads, from records by hand."""

from __future__ import annotations

import pytest
from by_hand import WORKER, Watched, at, cell, log, route

from threadscope.model.snapshot import Event, Role
from threadscope.probe import layout as L


@pytest.fixture
def watched():
    return Watched()


def test_async_requests_are_logged_one_after_the_other(watched):
    for number in range(4):
        watched.server.only(number * 10, number * 10 + 9, number + 1)
    expected = [f"{event} {number}" for number in range(1, 5) for event in ("start", "end")]
    assert log(watched.look(500)) == expected


def test_def_requests_all_start_before_the_first_ends(watched):
    what = route("/d", "def")
    for number in range(1, 5):
        watched.server.started(number, number, what=what, flags=0)
        watched.server.hop_in(number + 5, number, WORKER + number)
    for number in range(1, 5):
        watched.server.hop_out(number + 5, 50 + number, number, WORKER + number)
        watched.server.end(number, 60 + number, number, what=what)
    snapshot = watched.look(500)
    assert log(snapshot) == [f"start {n}" for n in range(1, 5)] + [f"end {n}" for n in range(1, 5)]
    starts = [line for line in snapshot.log if line.event is Event.START]
    assert [line.thread for line in starts] == [f"worker-0{n}" for n in range(1, 5)]
    assert starts[0].t == at(6), "when the endpoint itself began"


def test_an_arrival_long_before_the_start_gets_a_line(watched):
    watched.server.started(100, 1, came=0)
    watched.server.started(110, 2, came=61)
    assert log(watched.look(500)) == ["arrive 1", "start 1", "start 2"]


def test_a_hop_that_is_not_the_endpoint_is_no_start(watched):
    watched.server.started(0, 1, what=route("/d", "def"), flags=0)
    watched.server.hop_in(1, 1, flags=0)
    assert log(watched.look(200)) == []


def test_the_log_is_bounded_and_counts_what_was_added(watched):
    for number in range(1000):
        watched.server.only(number / 100, number / 100, number + 1)
    snapshot = watched.look(500)
    assert (len(snapshot.log), snapshot.logged) == (400, 2000)


def test_a_note_takes_its_place_in_time(watched):
    watched.server.only(10, 20, 1)
    watched.aggregator.note(at(15), "30 clients")
    lines = watched.look(200).log
    assert [line.event for line in lines] == [Event.START, Event.NOTE, Event.END]
    assert lines[1].text == "30 clients"


# -- hops ------------------------------------------------------------------------------------------
def test_hops_run_on_their_threads(watched):
    watched.server.started(0, 1, what=route("/d", "def"), flags=0)
    watched.server.hop_in(10, 1)
    snapshot = watched.look(150)
    (worker,) = [row for row in snapshot.threads if row.role is Role.WORKER]
    assert (worker.label, worker.now.request, worker.now.endpoint.route) == ("worker-01", 1, "/d")
    assert snapshot.in_threads == 1
    watched.server.hop_out(10, 90, 1)
    snapshot = watched.look(300)
    assert (snapshot.in_threads, snapshot.threads[0].now) == (0, None)
    lane = next(lane for lane in snapshot.lanes if lane.tid == WORKER)
    (span,) = [span for chunk in lane.spans for span in chunk]
    assert (span.begin, span.end, span.request) == (at(10), at(90), 1)


def test_a_hop_without_its_begin_is_a_span_and_counts_for_nothing_more(watched):
    watched.server.hop_out(10, 90, 1)
    snapshot = watched.look(300)
    assert snapshot.in_threads == 0
    assert len(snapshot.lanes) == 1
    watched.server.hop_in(250, 2)
    assert watched.look(400).in_threads == 1


def test_a_hop_whose_end_was_lost_is_over_when_its_cell_says_so(watched):
    watched.server.hop_in(0, 1)
    running = [cell(WORKER, L.ROLE_WORKER, request=1, since=0)]
    assert watched.look(200, cells=running).in_threads == 1
    assert watched.look(2000, cells=running).in_threads == 1
    snapshot = watched.look(3000, cells=[cell(WORKER, L.ROLE_WORKER)])
    assert snapshot.in_threads == 0
    watched.server.hop_in(3100, 2)
    watched.server.hop_out(3100, 3200, 2)
    assert watched.look(3500).in_threads == 0, "and the next ones are counted right"
