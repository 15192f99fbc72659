"""Who decides when a request is sent: a burst, a schedule; and what is asked in turn."""

from __future__ import annotations

import itertools
import threading
from collections import Counter

import pytest

from tests.load.raw_server import raw_server, says
from threadscope.load.messages import Progress, Result, State
from threadscope.load.plan import LoadPlan, Model
from threadscope.model.histogram import Histogram
from threadscope.model.snapshot import PhaseState
from threadscope.probe import layout as L

pytestmark = pytest.mark.integration

HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
STATES = [PhaseState.SETTLE, PhaseState.MEASURE, PhaseState.DRAIN, PhaseState.DONE]


def sums(result: Result) -> tuple[int, int, int]:
    """Scheduled requests that were sent, those that were not, and what is missing."""
    found = result.scheduled
    assert found is not None
    sent = found.on_time + found.late
    return sent, found.dropped, found.scheduled - sent - found.dropped


class Gate:
    """Answers when it is open."""

    def __init__(self):
        self.open = threading.Event()
        self.lock = threading.Lock()
        self.waiting = 0

    def __call__(self, connection, _):
        with self.lock:
            self.waiting += 1
        self.open.wait(30)
        connection.sendall(HELLO)
        return True


# -- bursts ------------------------------------------------------------------------------------
def test_a_burst_is_all_at_once_and_each_client_asks_once(load):
    gate = Gate()
    with raw_server(gate) as raw:
        load.begin(LoadPlan(raw.url, clients=30, model=Model.BURST, seconds=0.01, requests=2))
        load.wait_for(State, PhaseState.MEASURE)
        load.wait_until(lambda _: gate.waiting == 30)
        gate.open.set()
        result = load.wait_for(Result)
        assert len(raw.asked) == raw.connections == 30
    assert result.burst.n == result.started == result.completed == result.in_measure == 30
    assert 0 < result.burst.total_s <= result.duration_s
    assert load.states() == STATES
    records = load.records()
    measure = next(e.t for e in load.events if isinstance(e, State) and e.state == "measure")
    sends = [record for record in records if record[L.R_KIND] == L.SEND]
    assert all(record[L.R_T] > measure for record in sends), "connecting is not part of it"
    assert sorted(record[L.R_X] for record in sends) == list(range(1, 31))


def test_a_burst_nobody_answers_ends_with_the_time_out(load, server):
    plan = LoadPlan(f"{server.url}/hang", clients=5, model=Model.BURST, timeout_s=0.3)
    result = load.run(plan)
    assert (result.started, result.errors) == (5, {"timeout": 5})
    assert (result.burst.n, result.burst.total_s) == (5, None)


def test_a_burst_that_is_stopped(load):
    with raw_server(Gate()) as raw:
        load.begin(LoadPlan(raw.url, clients=5, model=Model.BURST))
        load.wait_until(lambda records: len(records) == 5)
        load.set_clients(50)  # not in the middle of it
        load.stop(within_s=0.1)
        result = load.wait_for(Result)
        assert len(raw.asked) == 5
    assert (result.started, result.cut_off) == (5, 5)


def test_a_burst_of_new_connections(load, server):
    plan = LoadPlan(f"{server.url}/hello", clients=20, model=Model.BURST, keep_alive=False)
    assert load.run(plan).completed == len(server.seen()) == 20


# -- schedules ---------------------------------------------------------------------------------
def test_so_many_scheduled_requests_are_exactly_so_many(load, server):
    url = f"{server.url}/hello"
    result = load.run(LoadPlan(url, clients=5, requests=150, model=Model.OPEN, rate=500.0))
    assert len(server.seen()) == result.started == result.completed == 150
    assert sums(result) == (150, 0, 0)
    assert result.scheduled.scheduled == 150
    of_schedule = Histogram.from_json(result.scheduled.histogram)
    assert of_schedule.count == Histogram.from_json(result.histogram).count == 150
    assert of_schedule.total >= Histogram.from_json(result.histogram).total


def test_what_a_stalled_server_delays_is_sent_late_and_counted_from_its_moment(load):
    gate = Gate()
    with raw_server(gate) as raw:
        load.begin(LoadPlan(raw.url, clients=4, model=Model.OPEN, rate=300.0, settle_s=0))
        load.wait_until(lambda _: gate.waiting == 4)
        for _ in range(3):  # seconds in which requests come due, and nobody is free
            told = load.wait_for(Progress)
        assert told.in_flight == 4
        gate.open.set()
        load.wait_until(lambda _: gate.waiting > 200)
        load.stop()
        result = load.wait_for(Result)
        assert len(raw.asked) == result.started == result.completed
    assert sums(result) == (result.started, result.scheduled.dropped, 0)
    assert result.scheduled.late > 0
    from_sent = Histogram.from_json(result.histogram)
    from_schedule = Histogram.from_json(result.scheduled.histogram)
    assert from_schedule.count == from_sent.count == result.in_measure
    assert from_schedule.percentile(90) > from_sent.percentile(90)


def test_the_ring_tells_the_moment_of_the_schedule(load):
    gate = Gate()
    with raw_server(gate) as raw:
        load.begin(LoadPlan(raw.url, clients=2, requests=40, model=Model.OPEN, rate=400.0))
        load.wait_until(lambda _: gate.waiting == 2)
        gate.open.set()
        result = load.wait_for(Result)
    sends = [record for record in load.records() if record[L.R_KIND] == L.SEND]
    assert len(sends) == result.started == 40
    assert all(record[L.R_A] <= record[L.R_T] for record in sends)
    moments = sorted(record[L.R_A] for record in sends)
    steps = {after - before for before, after in itertools.pairwise(moments)}
    assert steps == {2_500_000}, "even, however late they were sent"


def test_what_waits_longer_than_the_time_out_is_dropped(load, server):
    plan = LoadPlan(
        f"{server.url}/hang", clients=2, requests=200, model=Model.OPEN, rate=400.0, timeout_s=0.2
    )
    result = load.run(plan)
    sent, dropped, missing = sums(result)
    assert missing == 0
    assert sent + dropped == result.scheduled.scheduled == 200
    assert sent == result.started == len(server.seen()) == result.errors["timeout"]
    assert dropped > 0


def test_a_timed_schedule_drops_what_waits_at_its_end(load):
    gate = Gate()
    with raw_server(gate) as raw:
        load.begin(LoadPlan(raw.url, clients=3, seconds=0.3, model=Model.OPEN, rate=200.0,
                            settle_s=0))  # fmt: skip
        load.wait_for(State, PhaseState.DRAIN)
        gate.open.set()
        result = load.wait_for(Result)
        assert len(raw.asked) == result.started == result.completed == 3
    sent, dropped, missing = sums(result)
    assert (sent, missing) == (3, 0)
    assert dropped > 0


def test_a_schedule_goes_on_where_nobody_listens(load):
    with raw_server(says(HELLO)) as raw:
        url = raw.url
    result = load.run(LoadPlan(url, clients=3, requests=30, model=Model.OPEN, rate=500.0))
    assert result.errors == {"refused": result.started}
    assert sums(result)[2] == 0


def test_rate_clients_and_off_and_on_live(load, server):
    def asked(records):
        return sum(record[L.R_KIND] == L.SEND for record in records)

    url = f"{server.url}/hello"
    load.begin(LoadPlan(url, clients=2, model=Model.OPEN, rate=0.001, settle_s=0))
    load.wait_for(State, PhaseState.MEASURE)
    load.wait_until(lambda records: asked(records) == 1)
    load.set_rate(200.0)  # without it the next one came after a quarter of an hour
    load.set_clients(8)
    load.wait_until(lambda records: asked(records) > 50)
    load.set_on(False)
    load.wait_until(lambda records: 2 * asked(records) == len(records))
    load.set_on(True)
    before = asked(load.records())
    load.wait_until(lambda records: asked(records) > before + 50)
    load.stop()
    result = load.wait_for(Result)
    assert result.started == len(server.seen())
    assert sums(result)[2] == 0


def test_a_rate_is_no_matter_of_a_closed_loop(load, server):
    load.begin(LoadPlan(f"{server.url}/hello", clients=2))
    load.set_rate(5.0)
    load.wait_until(lambda records: len(records) > 50)
    load.stop()
    result = load.wait_for(Result)
    assert (result.scheduled, result.burst) == (None, None)
    with pytest.raises(ValueError, match="the rate must be more than 0"):
        load.set_rate(0)


# -- what is asked -----------------------------------------------------------------------------
def test_urls_are_asked_in_turn(load, server):
    with raw_server(says(HELLO)) as raw:
        plan = LoadPlan(
            f"{server.url}/hello/{{client}}", clients=3, requests=90,
            further_urls=(f"{server.url}/status/404", raw.url),
        )  # fmt: skip
        result = load.run(plan)
        assert len(raw.asked) == 30
    assert Counter(request["path"].split("/")[1] for request in server.seen()) == {
        "hello": 30, "status": 30,
    }  # fmt: skip
    assert result.statuses == {"200": 60, "404": 30}
    (path,) = load.folder.glob("load-*.ring")
    data = path.read_bytes()
    assert b"/status/404" in data
    assert b"/hello/{client}" in data


def test_urls_of_one_server_are_asked_in_turn_on_the_same_connections(load):
    with raw_server(says(HELLO)) as raw:
        plan = LoadPlan(f"{raw.url}a", clients=2, requests=40, further_urls=(f"{raw.url}b",))
        assert load.run(plan).completed == 40
        assert Counter(head.split()[1] for head in raw.asked) == {b"/a": 20, b"/b": 20}
        assert raw.connections == 2


def test_method_headers_and_body_reach_the_server(load, server):
    body = bytes(range(256)) * 500
    plan = LoadPlan(
        f"{server.url}/echo", clients=2, requests=10, method="PUT", body=body,
        headers=(("Content-Type", "text/x"), ("X-One", "1")),
    )  # fmt: skip
    result = load.run(plan)
    assert result.received_bytes == 10 * len(body)
    for request in server.seen():
        assert request["method"] == "PUT"
        assert ["content-type", "text/x"] in request["headers"]
        assert ["x-one", "1"] in request["headers"]


def test_without_keep_alive_each_request_has_a_connection(load):
    with raw_server(says(HELLO)) as raw:
        result = load.run(LoadPlan(raw.url, clients=3, requests=30, keep_alive=False))
        assert raw.connections == result.completed == 30
        assert all(b"\r\nconnection: close\r\n" in head for head in raw.asked)


def test_a_name_that_nobody_knows_fails_every_request(load):
    plan = LoadPlan("http://nobody.invalid/", clients=2, requests=4, allow_remote=True)
    result = load.run(plan)
    assert (result.started, result.errors) == (4, {"other": 4})
    assert result.reasons == {"other": "nobody knows this host"}


def test_what_the_server_counts_the_load_counts_and_the_histogram_holds_are_one_number(
    load, server
):
    result = load.run(LoadPlan(f"{server.url}/hello", clients=50, requests=1_500))
    counts = Histogram.from_json(result.histogram).counts
    assert len(server.seen()) == result.started == result.completed == 1_500
    assert sum(counts.values()) == result.in_measure == 1_500


# -- its end -----------------------------------------------------------------------------------
@pytest.mark.parametrize("state", [PhaseState.SETTLE, PhaseState.MEASURE, PhaseState.DRAIN])
def test_a_hurried_stop_waits_for_no_one_in_any_state(load, state):
    settle, seconds = (600, None) if state is PhaseState.SETTLE else (0, None)
    if state is PhaseState.DRAIN:
        seconds = 0.05
    with raw_server(Gate()) as raw:
        load.begin(LoadPlan(raw.url, clients=3, seconds=seconds, settle_s=settle, timeout_s=600))
        load.wait_for(State, state)
        load.wait_until(lambda _: len(raw.asked) == 3)
        load.stop(within_s=0.05)
        result = load.wait_for(Result)
    assert (result.started, result.cut_off) == (3, 3)
    assert load.states() == STATES


def test_progress_is_told_while_it_lasts(load, server):
    load.begin(LoadPlan(f"{server.url}/hello", clients=2))
    told = [load.wait_for(Progress) for _ in range(3)]
    load.stop()
    result = load.wait_for(Result)
    assert told[0].per_second is None
    assert told[0].answered <= told[1].answered < told[2].answered <= result.completed
    assert told[2].p50 is not None
