"""Records that cannot be believed, and batches that come in any order."""

from __future__ import annotations

import pytest
from by_hand import WORKER, Watched, at, log, route
from hypothesis import given, settings
from hypothesis import strategies as st

from threadscope.model.aggregator import Aggregator
from threadscope.model.snapshot import Health
from threadscope.probe import layout as L


@pytest.fixture
def watched():
    return Watched()


@pytest.mark.parametrize("t", [10**9, 2**63 / 10**6])
def test_records_from_the_future_are_ignored(watched, t):
    watched.server.only(0, t, 1)
    watched.server.arrive(t, 2)
    snapshot = watched.look(200)
    assert (snapshot.open, snapshot.log) == (0, ())
    assert watched.aggregator._intake.take(1 << 70) == []


def test_records_that_end_before_they_begin_are_ignored(watched):
    watched.server.only(10**9, 5, 1)
    watched.server.end(50, 5, 2)
    watched.server.step(60, 5, 3)
    watched.server.hop_out(70, 5, 4)
    watched.load.done(80, 5, 5)
    snapshot = watched.look(200)
    assert (snapshot.log, snapshot.lanes, snapshot.done) == ((), (), 0)
    assert watched.aggregator._intake.take(1 << 70) == []


def test_records_older_than_the_observation_are_history(watched):
    watched.server.only(-5000, -4990, 1)
    snapshot = watched.look(200)
    assert log(snapshot) == ["start 1", "end 1"]
    assert snapshot.open == 0


def test_kinds_of_the_other_ring_are_ignored(watched):
    watched.server.send(0, 1)
    watched.load.arrive(0, 2)
    snapshot = watched.look(200)
    assert (snapshot.in_flight, snapshot.open) == (None, 0)


def test_an_unknown_string_number_is_an_endpoint_without_a_name(watched):
    watched.server.put(L.ENDPOINT, 0, 1, a=at(0), what=999)
    watched.server.put(L.STALL, 1, 1, a=at(0), x=888, y=777)
    watched.server.put(L.LIMITER, 1, 1, a=1, x=40, what=999)
    watched.server.put(L.END, 2, 1, a=at(0), what=999, n=2)
    snapshot = watched.look(200)
    assert snapshot.log[-1].endpoint.label == ""
    assert snapshot.limiters[0].name == ""


def test_a_name_that_is_written_late_is_found_then(watched):
    text = route("/late")
    number = len(watched.server._texts)
    watched.server.put(L.ENDPOINT, 0, 1, a=at(0), what=number)
    watched.look(200)
    assert watched.server.what(text) == number
    watched.server.put(L.END, 150, 1, a=at(0), what=number, n=2)
    assert watched.look(400).log[-1].endpoint.route == "/late"


# -- no order of arrival matters -------------------------------------------------------------------
def story():
    """Three processes and a load, each with records of its own; no two at the same moment."""
    rings = [Watched(pid=pid).server for pid in (1, 2)]
    load = Watched().load
    t = 0.0
    for number in range(1, 13):
        ring = rings[number % 2]
        load.send(t := t + 0.31, number, client=number % 4)
        ring.started(t + 0.07, number, client=number)
        ring.step(t + 0.02, t + 2.53, number)
        ring.hop_out(t + 0.11, t + 3.17, number, WORKER + number % 3, client=number, flags=0)
        if number % 5:
            ring.end(t, t + 4.19, number, held=2.5, longest=2.5)
            load.done(t, t + 4.43, number)
    return [(ring, record, False) for ring in rings for record in ring.records] + [
        (load, record, True) for record in load.records
    ]


def fold(pieces):
    aggregator = Aggregator(at(0))
    for ring, record, is_load in pieces:
        aggregator.add_batch(ring.batch(60, [record]), load=is_load)
    aggregator.advance(at(200))
    return aggregator.snapshot(Health())


def comparable(snapshot):
    return (
        snapshot.log, snapshot.open, snapshot.in_flight, snapshot.queued, snapshot.in_threads,
        snapshot.done, snapshot.latency, snapshot.behaviour, snapshot.queue,
        [(lane.pid, lane.tid, lane.label, lane.spans) for lane in snapshot.lanes],
        [(row.label, row.now) for row in snapshot.threads],
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_in_which_batches_come_does_not_matter(random):
    pieces = story()
    expected = comparable(fold(pieces))
    random.shuffle(pieces)
    assert comparable(fold(pieces)) == expected
