"""What a load asks and what it counts, against a real server."""

from __future__ import annotations

import contextlib
import resource
import socket
import threading
from collections import Counter

import psutil
import pytest

from threadscope.load.answer import ErrorKind
from threadscope.load.crew import BACK_OFF_S
from threadscope.load.messages import Result, State
from threadscope.load.plan import LoadPlan
from threadscope.model.histogram import Histogram
from threadscope.model.snapshot import PhaseState
from threadscope.probe import layout as L

pytestmark = pytest.mark.integration

STATES = [PhaseState.SETTLE, PhaseState.MEASURE, PhaseState.DRAIN, PhaseState.DONE]


def adds_up(result: Result) -> bool:
    unhappy = sum(n for status, n in result.statuses.items() if int(status) >= 400)
    return (
        result.started == result.completed + result.failed + result.cut_off
        and result.failed == unhappy + sum(result.errors.values())
        and result.in_measure == Histogram.from_json(result.histogram).count
    )


def kinds(records):
    return Counter(record[L.R_KIND] for record in records)


def test_so_many_requests_are_exactly_so_many(load, server):
    result = load.run(LoadPlan(f"{server.url}/hello/{{client}}", clients=5, requests=200))
    seen = server.seen()
    assert len(seen) == result.started == result.completed == result.in_measure == 200
    assert adds_up(result)
    assert result.statuses == {"200": 200}
    assert result.errors == {}
    assert {request["path"] for request in seen} == {f"/hello/{n}" for n in range(1, 6)}
    assert load.states() == STATES


def test_each_request_carries_its_number_first_and_nothing_superfluous(load, server):
    load.run(LoadPlan(f"{server.url}/hello", clients=3, requests=20))
    load.run(LoadPlan(f"{server.url}/hello", clients=3, requests=10))
    headers = [request["headers"] for request in server.seen()]
    host = server.url.removeprefix("http://")
    assert sorted(int(h[0][1]) for h in headers) == list(range(1, 31)), "unique in its life"
    for first, *rest in headers:
        assert first[0] == L.CLIENT_HEADER.decode()
        assert rest == [["host", host]]


def test_fewer_requests_than_clients(load, server):
    result = load.run(LoadPlan(f"{server.url}/hello", clients=20, requests=3))
    assert len(server.seen()) == result.completed == 3


def test_a_timed_phase_agrees_with_the_server_and_the_ring(load, server):
    plan = LoadPlan(f"{server.url}/slow", clients=8, seconds=0.5, route="/slow")
    result = load.run(plan)
    records = load.records()
    assert adds_up(result)
    assert result.started == result.completed == len(server.seen()) > 8
    assert 0 < result.in_measure < result.completed, "some ended in settle or drain"
    assert kinds(records) == {L.SEND: result.started, L.DONE: result.completed + result.failed}
    assert load.states() == STATES
    times = [event.t for event in load.events if isinstance(event, State)]
    assert times == sorted(times)
    ended = [r[L.R_T] for r in records if r[L.R_KIND] == L.DONE]
    assert sum(times[1] <= t <= times[2] for t in ended) == result.in_measure
    assert {r[L.R_X] for r in records if r[L.R_T] < times[1] and r[L.R_KIND] == L.DONE} == set(
        range(1, 9)
    ), "it settles until every client was answered"


def test_the_records_of_a_request(load, server):
    load.run(LoadPlan(f"{server.url}/status/404", clients=2, requests=10, route="/status/{code}"))
    sends, dones = {}, {}
    for record in load.records():
        side = sends if record[L.R_KIND] == L.SEND else dones
        side[record[L.R_REQUEST]] = record
    assert sends.keys() == dones.keys() == set(range(1, 11))
    for number, send in sends.items():
        done = dones[number]
        assert send[L.R_T] == send[L.R_A] == done[L.R_A] < done[L.R_T]
        assert send[L.R_X] == done[L.R_X] in (1, 2)
        assert send[L.R_WHAT] == done[L.R_WHAT] > 0
        assert (send[L.R_STATUS], done[L.R_STATUS], done[L.R_Y]) == (0, 404, ErrorKind.NONE)


def test_a_phase_without_an_end_runs_until_it_is_stopped(load, server):
    load.begin(LoadPlan(f"{server.url}/hello", clients=2))
    load.wait_for(State, PhaseState.MEASURE)
    load.wait_until(lambda records: kinds(records)[L.DONE] > 20)
    load.stop()
    result = load.wait_for(Result)
    assert result.completed == result.started == len(server.seen()) > 20


def test_a_stop_while_it_settles(load, server):
    load.begin(LoadPlan(f"{server.url}/hang", clients=2, settle_s=600, timeout_s=2.0))
    load.wait_for(State, PhaseState.SETTLE)
    load.wait_until(lambda records: kinds(records)[L.SEND] == 2)
    load.stop()
    result = load.wait_for(Result)
    assert (result.started, result.cut_off, result.in_measure) == (2, 2, 0)
    assert load.states() == STATES


def test_a_new_phase_ends_the_one_that_runs(load, server):
    load.begin(LoadPlan(f"{server.url}/hello", clients=2))
    load.wait_for(State, PhaseState.MEASURE)
    load.begin(LoadPlan(f"{server.url}/status/500", clients=2, requests=4))
    first, second = load.wait_for(Result), load.wait_for(Result)
    assert first.completed == first.started
    assert second.statuses == {"500": 4}
    assert load.states() == STATES * 2


def test_a_phase_that_is_stopped_before_its_turn_has_its_result(load, server):
    load.begin(LoadPlan(f"{server.url}/hang", clients=2, settle_s=0, timeout_s=0.3))
    load.wait_for(State, PhaseState.MEASURE)
    load.begin(LoadPlan(f"{server.url}/hello"))
    load.set_clients(3)
    load.stop()
    assert load.wait_for(Result).cut_off == 2
    assert load.wait_for(Result).started == 0


def test_what_never_answers_is_cut_off(load, server):
    plan = LoadPlan(f"{server.url}/hang", clients=3, seconds=0.1, settle_s=0.1, timeout_s=0.3)
    result = load.run(plan)
    assert (result.started, result.completed, result.failed, result.cut_off) == (3, 0, 0, 3)
    assert kinds(load.records()) == {L.SEND: 3}
    assert len(server.seen()) == 3


def test_more_clients_than_the_usual_limit_of_open_files(new_load):
    load = new_load()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2000:
        pytest.skip("too few files may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    load.start()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    with socket.create_server(("127.0.0.1", 0), backlog=2000) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
        load.begin(LoadPlan(url, clients=1500, timeout_s=600))
        load.wait_until(lambda _: psutil.Process(load.pid).num_fds() > 1500)
        load.stop(within_s=0.1)
        result = load.wait_for(Result)
    assert (result.started, result.cut_off, result.errors) == (1500, 1500, {})


def test_a_time_out_inside_the_measurement_is_a_failure(load, server):
    result = load.run(LoadPlan(f"{server.url}/hang", clients=2, requests=4, timeout_s=0.2))
    assert result.errors == {"timeout": 4}
    assert adds_up(result)
    done = [r for r in load.records() if r[L.R_KIND] == L.DONE]
    assert [r[L.R_Y] for r in done] == [ErrorKind.TIMEOUT] * 4


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_server_that_is_not_there(load, host):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    plan = LoadPlan(f"http://{host}:{port}/", clients=4, seconds=0.5, settle_s=0.1)
    result = load.run(plan)
    assert adds_up(result)
    assert result.errors == {"refused": result.started}
    assert result.failed >= 4
    whole = result.settle_s + result.duration_s + result.drain_s
    assert result.started <= 4 * (1 + whole / BACK_OFF_S), "it does not spin"


def test_a_server_that_closes_every_connection(load, server):
    result = load.run(LoadPlan(f"{server.url}/close", clients=3, requests=50))
    assert result.completed == len(server.seen()) == 50


def test_a_server_that_hangs_up_without_an_answer_is_asked_once_each(load):
    with dropping_server() as (url, asked):
        result = load.run(LoadPlan(url, clients=2, requests=6))
    assert result.errors == {"reset": 6}
    assert adds_up(result)
    assert len(asked) == 6, "no silent repetition"


def test_an_answer_that_is_no_http_is_told(load):
    with dropping_server(b"SMTP ready\r\n\r\n") as (url, _):
        result = load.run(LoadPlan(url, clients=1, requests=2))
    assert result.errors == {"garbage": 2}
    assert result.reasons == {"garbage": "what came is not HTTP"}


def test_half_an_answer_is_none(load):
    with dropping_server(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf") as (url, _):
        result = load.run(LoadPlan(url, clients=1, requests=2))
    assert result.errors == {"wrong_length": 2}
    assert result.statuses == {}


@pytest.mark.parametrize(("status", "completed"), [(201, 5), (404, 0), (500, 0), (503, 0)])
def test_statuses_from_400_on_are_failures(load, server, status, completed):
    result = load.run(LoadPlan(f"{server.url}/status/{status}", clients=2, requests=5))
    assert (result.completed, result.failed) == (completed, 5 - completed)
    assert result.statuses == {str(status): 5}
    assert adds_up(result)


def test_redirects_are_answers_and_not_followed(load, server):
    result = load.run(LoadPlan(f"{server.url}/move", clients=1, requests=3))
    assert result.statuses == {"307": 3}
    assert {request["path"] for request in server.seen()} == {"/move"}


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost"])
def test_a_redirect_leads_to_no_other_host_or_port(load, server, host):
    with socket.create_server(("", 0)) as other:
        other.settimeout(0)
        there = f"http:,,{host}:{other.getsockname()[1]},"
        result = load.run(LoadPlan(f"{server.url}/move/{there}", clients=2, requests=4))
        assert result.statuses == {"307": 4}
        with pytest.raises(BlockingIOError):
            other.accept()
    assert len(server.seen()) == 4


def test_clients_come_and_go_live(load, server):
    load.begin(LoadPlan(f"{server.url}/hello", clients=2))
    load.wait_for(State, PhaseState.MEASURE)
    assert {r[L.R_X] for r in load.records()} == {1, 2}
    load.set_clients(5)
    load.wait_until(lambda records: {r[L.R_X] for r in records[-100:]} == {1, 2, 3, 4, 5})
    load.set_clients(1)
    load.wait_until(lambda records: {r[L.R_X] for r in records[-100:]} == {1})
    load.stop()
    result = load.wait_for(Result)
    assert result.started == result.completed == len(server.seen())


def test_the_load_goes_off_and_on_live(load, server):
    def in_flight(records):
        counts = kinds(records)
        return counts[L.SEND] - counts[L.DONE]

    load.begin(LoadPlan(f"{server.url}/slow", clients=3))
    load.wait_for(State, PhaseState.MEASURE)
    load.wait_until(lambda records: in_flight(records) == 3)
    load.set_on(False)
    load.wait_until(lambda records: in_flight(records) == 0)
    before = len(load.records())
    load.set_clients(4)  # remembered, and still off
    load.set_on(True)
    load.wait_until(lambda records: {r[L.R_X] for r in records[before:]} == {1, 2, 3, 4})
    load.stop()
    assert load.wait_for(Result).started == len(server.seen())


@contextlib.contextmanager
def dropping_server(answer: bytes = b""):
    """A server that reads a request, says `answer` and hangs up. Yields its URL and its log."""
    asked: list[bytes] = []

    def serve():
        with contextlib.suppress(OSError):  # the listener was shut down
            while True:
                connection, _ = listener.accept()
                with connection:
                    asked.append(connection.recv(65536))
                    connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/", asked
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
