"""From records to what is open, queued and logged; no clock, no sleep."""

from __future__ import annotations

import pytest
from by_hand import LOOP, Watched, at, cell, entry, log, route

from threadscope.model.requests import ENDED_KEPT, Requests
from threadscope.model.snapshot import Endpoint, Event
from threadscope.model.timeline import Timeline
from threadscope.probe import layout as L


@pytest.fixture
def watched():
    return Watched()


# -- the watermark ---------------------------------------------------------------------------------
def test_nothing_younger_than_100_ms_is_folded(watched):
    watched.server.started(0, 1)
    watched.server.started(101, 2)
    assert watched.look(200).open == 1
    assert watched.fold(201).open == 2
    assert watched.fold(201).at == at(101)


def test_the_watermark_does_not_go_back(watched):
    assert watched.fold(500).at == at(400)
    assert watched.fold(300).at == at(400)


def test_records_are_folded_in_the_order_of_their_times_across_rings(watched):
    other = Watched(pid=2).server
    other.only(5, 6, 1)
    watched.server.only(1, 2, 1)
    watched.server.only(9, 10, 2)
    watched.aggregator.add_batch(other.batch(50))
    lines = watched.look(200).log
    assert [line.t for line in lines] == [at(t) for t in (1, 2, 5, 6, 9, 10)]


def test_a_record_that_comes_late_is_still_taken(watched):
    watched.server.only(10, 11, 1)
    watched.look(300)
    watched.server.only(5, 6, 2)  # a number that was claimed and written 112 ms later
    assert log(watched.look(400)) == ["start 1", "end 1", "start 2", "end 2"]


# -- open ------------------------------------------------------------------------------------------
def test_a_request_is_open_between_arrival_and_end(watched):
    watched.server.arrive(0, 1)
    watched.server.started(2, 1, came=0)
    assert watched.look(150).open == 1
    watched.server.end(0, 60, 1)
    assert watched.look(200).open == 0


def test_what_is_said_twice_is_taken_once(watched):
    watched.server.arrive(0, 1)
    watched.server.started(0, 1)
    watched.server.started(0, 1)
    snapshot = watched.look(150)
    assert snapshot.open == 1
    assert log(snapshot) == ["start 1"]


def test_an_end_is_complete_in_itself(watched):
    watched.server.end(10, 40, 7, status=201)
    snapshot = watched.look(200)
    assert snapshot.open == 0
    assert log(snapshot) == ["start 7", "end 7"]
    end = snapshot.log[-1]
    assert (end.status, end.here_ns, end.endpoint.route) == (201, 30_000_000, "/x")


def test_an_end_says_that_its_request_was_open(watched):
    """Also one that has waited: what else it wrote may be lost."""
    watched.server.end(10, 150, 7)
    assert watched.look(200).open == 1, "100 ms ago it was"
    assert watched.fold(300).open == 0


def test_an_endpoint_that_starts_late_knows_our_client(watched):
    """Its ARRIVE was lost; that it came is known from its END."""
    watched.load.send(0, 7, client=3)
    watched.server.started(40, 1, came=10, client=7)
    watched.server.end(10, 50, 1)
    watched.load.done(0, 60, 7)
    start, end = watched.look(300).log
    assert (start.event, start.t, start.client) == (Event.START, at(40), 3)
    assert end.client_ns == 60_000_000


def test_an_arrival_after_the_end_opens_no_phantom(watched):
    watched.server.end(0, 10, 1)
    watched.look(200)
    watched.server.arrive(0, 1)
    watched.server.started(1, 1, came=0)
    assert watched.look(400).open == 0


def test_the_same_number_in_another_process_is_another_request(watched):
    other = Watched(pid=2).server
    watched.server.started(0, 1)
    other.started(0, 1)
    watched.server.end(0, 5, 1)
    watched.aggregator.add_batch(other.batch(50))
    assert watched.look(200).open == 1


def test_a_request_in_its_first_step_is_seen_through_the_step_cell(watched):
    what = watched.server.what(route())
    step = cell(LOOP, L.ROLE_LOOP, request=1, since=20, what=what, client=7)
    watched.load.send(10, 7, client=3)
    snapshot = watched.look(60, cells=[step])
    snapshot = watched.look(200, cells=[step])
    assert (snapshot.open, snapshot.in_flight, snapshot.queued) == (1, 1, 0)
    assert log(snapshot) == ["start 1"]
    assert (snapshot.log[0].t, snapshot.log[0].client) == (at(20), 3)
    (row,) = snapshot.threads
    assert (row.label, row.now.request, row.now.endpoint.route) == ("event loop", 1, "/x")


def test_the_step_cell_of_a_request_that_ended_meanwhile_opens_nothing(watched):
    step = cell(LOOP, L.ROLE_LOOP, request=1, since=20, what=watched.server.what(route()))
    watched.server.only(20, 55, 1)
    assert watched.look(60, cells=[step]).open == 0
    assert watched.look(400, cells=[cell(LOOP, L.ROLE_LOOP)]).open == 0


# -- the open table --------------------------------------------------------------------------------
def test_a_monitor_that_comes_late_takes_the_open_table(watched):
    what = watched.server.what(route("/slow"))
    table = [entry(5, 100, what), entry(6, 4500, what)]
    snapshot = watched.look(5000, open=table)
    assert snapshot.open == 2
    assert log(snapshot) == [], "when their endpoints started is not in the table"
    table.append(entry(7, 5150, what))
    watched.server.end(100, 5100, 5, what=route("/slow"))
    assert watched.look(5240, open=table[1:]).open == 1, "the third comes after the watermark"
    assert watched.fold(5251).open == 2


def test_what_the_table_says_again_and_again_is_one_request(watched):
    table = [entry(1, 10, client=7)]
    for t in (50, 100, 150, 200):
        snapshot = watched.look(t, open=table)
    assert snapshot.open == 1
    watched.server.end(10, 205, 1)
    assert watched.look(400).open == 0


def test_the_table_knows_our_client(watched):
    watched.load.send(0, 7, client=3)
    watched.look(150, open=[entry(1, 10, client=7)])
    watched.server.end(10, 160, 1)
    watched.load.done(0, 170, 7)
    end = watched.look(400).log[-1]
    assert (end.event, end.client_ns) == (Event.END, 170_000_000)


def test_an_end_that_was_lost_closes_after_a_second(watched):
    watched.server.started(0, 1)
    opened = [entry(1, 0)]
    assert watched.look(200, open=opened).open == 1
    assert watched.look(3000, open=opened).open == 1, "as long as the table has it"
    assert watched.look(4000).open == 1
    assert watched.look(4900).open == 1
    assert watched.look(5501).open == 0
    watched.server.end(0, 5000, 1)
    assert watched.look(6000).open == 0


def test_a_request_in_a_step_is_not_taken_for_lost(watched):
    watched.server.started(0, 1)
    step = [cell(LOOP, L.ROLE_LOOP, request=1, since=0)]
    for t in range(200, 6000, 600):
        assert watched.look(t, cells=step).open == 1


def test_every_process_is_held_against_its_own_table(watched):
    other = Watched(pid=2).server
    watched.server.started(0, 1)
    other.started(0, 1)
    for t in (200, 900, 1600, 2300, 3000):
        watched.aggregator.add_batch(watched.server.batch(t))
        watched.aggregator.add_batch(other.batch(t))
        snapshot = watched.fold(t)
    assert snapshot.open == 0


# -- our clients -----------------------------------------------------------------------------------
def test_queued_is_what_is_in_flight_and_not_open(watched):
    for number in range(1, 5):
        watched.load.send(0, number)
    watched.server.started(1, 1, client=1)
    snapshot = watched.look(200)
    assert (snapshot.in_flight, snapshot.open, snapshot.queued) == (4, 1, 3)


def test_queued_is_never_negative(watched):
    watched.load.send(0, 1)
    watched.server.started(1, 1, client=1)
    watched.server.started(1, 2)  # somebody else's
    watched.server.started(1, 3)
    assert watched.look(200).queued == 0


def test_without_our_load_nothing_is_known_of_the_queue(watched):
    watched.server.started(0, 1)
    snapshot = watched.look(200)
    assert (snapshot.in_flight, snapshot.queued, snapshot.open) == (None, None, 1)
    assert not snapshot.latency_at_client


def test_what_is_answered_counts_and_may_have_failed(watched):
    for number, (status, error) in enumerate([(200, 0), (404, 0), (500, 0), (0, 3)], 1):
        watched.load.send(0, number)
        watched.load.done(0, 10, number, status=status, error=error)
    watched.server.arrive(0, 1)
    snapshot = watched.look(200)
    assert (snapshot.done, snapshot.failed, snapshot.in_flight) == (4, 3, 0)


@pytest.mark.parametrize("late", ["server", "load"])
def test_both_ends_of_a_request_are_joined_whichever_comes_first(watched, late):
    watched.load.send(0, 77, client=4)
    watched.server.only(20, 50, 1, client=77)
    if late == "load":
        watched.look(300)
        watched.load.done(0, 60, 77)
    else:
        held_back, watched.server.records = watched.server.records, []
        watched.load.done(0, 60, 77)
        watched.look(300)
        watched.server.records = held_back
    end = watched.look(400).log[-1]
    assert (end.event, end.request) == (Event.END, 1)
    assert (end.here_ns, end.client_ns) == (30_000_000, 60_000_000)


def test_answers_that_nobody_waits_for_are_not_kept_for_ever(watched):
    for number in range(3000):
        watched.load.send(0, number + 1)
        watched.load.done(0, 1, number + 1)
    for number in range(3000):
        watched.server.only(2, 3, number + 1, client=100_000 + number)
    watched.look(200)
    log = watched.aggregator._fold.log
    assert len(log._early) <= 400
    assert len(log._unanswered) <= 400


def test_of_what_has_ended_the_last_is_kept_of_all_processes_together():
    requests = Requests(Timeline(0))
    for number in range(1, 2 * ENDED_KEPT):
        for pid in (1, 2, 3):
            requests.opened((pid, number), 0, 0, Endpoint())
            requests.closed((pid, number))
            assert requests.opened((pid, number), 0, 0, Endpoint()) is None, "it has ended"
    kept = [*requests._ended.values(), *requests._ended_before.values()]
    assert ENDED_KEPT <= sum(map(len, kept)) <= 2 * ENDED_KEPT + 2
    assert requests.open == {}
