"""The request log, and the hops on their threads, from records by hand."""

from __future__ import annotations

import pytest
from by_hand import WORKER, Watched, at, cell, entry, hop, log, route

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


@pytest.mark.parametrize("looked_at", [None, 30, 160], ids=["afterwards", "early", "in time"])
def test_def_requests_all_start_before_the_first_ends(watched, looked_at):
    """Whether a look met them on their threads or only read how their hops had ended."""
    what = route("/d", "def")
    if looked_at:
        number_of = watched.server.what(what)
        table = [entry(n, n, number_of, since=at(1)) for n in range(1, 5)]
        cells = [hop(n + 5, n, WORKER + n, what=number_of) for n in range(1, 5)]
        watched.look(looked_at, cells=cells, open=table)
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
    """A dependency's, before the endpoint was reached."""
    watched.server.arrive(0, 1)
    running = hop(1, 1, flags=0)
    assert log(watched.look(200, cells=[running], open=[entry(1, 0)])) == []
    watched.server.hop_out(1, 150, 1, flags=0)
    assert log(watched.look(300, open=[entry(1, 0)])) == []


def test_a_start_knows_our_client_by_the_hop(watched):
    """A `def` request that waits for nothing but its endpoint's hop writes nothing before."""
    watched.load.send(0, 77, client=4)
    watched.server.hop_out(10, 40, 1, client=77)
    watched.server.end(5, 50, 1, what=route("/d", "def"))
    watched.load.done(0, 60, 77)
    start, end = watched.look(300).log
    assert (start.event, start.client, start.endpoint.route) == (Event.START, 4, "/d")
    assert (end.event, end.client_ns) == (Event.END, 60_000_000)


def test_a_start_knows_our_client_by_the_cell(watched):
    watched.load.send(0, 77, client=4)
    what = watched.server.what(route("/d", "def"))
    table = [entry(1, 5, what, since=at(1))]
    (start,) = watched.look(200, cells=[hop(10, 1, client=77)], open=table).log
    assert (start.t, start.client, start.endpoint.route) == (at(10), 4, "/d")
    assert start.thread == "worker-01"


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
    what = watched.server.what(route("/d", "def"))
    table = [entry(1, 0, what, since=at(1))]
    snapshot = watched.look(150, cells=[hop(10, 1)], open=table)
    (worker,) = [row for row in snapshot.threads if row.role is Role.WORKER]
    assert (worker.label, worker.now.request, worker.now.endpoint.route) == ("worker-01", 1, "/d")
    assert snapshot.in_threads == 1
    watched.server.hop_out(10, 90, 1)
    snapshot = watched.look(300, cells=[cell(WORKER, L.ROLE_WORKER)])
    assert (snapshot.in_threads, snapshot.threads[0].now) == (0, None)
    lane = next(lane for lane in snapshot.lanes if lane.tid == WORKER)
    (span,) = [span for chunk in lane.spans for span in chunk]
    assert (span.begin, span.end, span.request) == (at(10), at(90), 1)


def test_a_hop_that_no_look_met_ran_from_its_begin_to_its_end(watched):
    watched.server.hop_out(10, 90, 1)
    snapshot = watched.look(120)
    assert (snapshot.in_threads, snapshot.threads[0].now.request) == (1, 1), "100 ms ago it did"
    snapshot = watched.look(300)
    assert (snapshot.in_threads, snapshot.threads[0].now) == (0, None)
    assert len(snapshot.lanes) == 1
    assert watched.look(400, cells=[hop(250, 2)]).in_threads == 1


def test_a_hop_that_many_looks_meet_is_one(watched):
    for t in range(100, 600, 50):
        snapshot = watched.look(t, cells=[hop(10, 1)])
    assert (snapshot.in_threads, snapshot.threads[0].now.since) == (1, at(10))
    watched.server.hop_out(10, 590, 1)
    snapshot = watched.look(700, cells=[cell(WORKER, L.ROLE_WORKER)])
    assert snapshot.in_threads == 0
    assert len([span for chunk in snapshot.lanes[0].spans for span in chunk]) == 1


def test_a_hop_whose_end_was_lost_is_over_when_its_cell_says_so(watched):
    running = [hop(0, 1)]
    assert watched.look(200, cells=running).in_threads == 1
    assert watched.look(2000, cells=running).in_threads == 1
    snapshot = watched.look(3000, cells=[cell(WORKER, L.ROLE_WORKER)])
    assert snapshot.in_threads == 0
    watched.server.hop_out(3100, 3200, 2)
    assert watched.look(3500).in_threads == 0, "and the next ones are counted right"
