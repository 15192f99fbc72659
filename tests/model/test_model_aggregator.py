"""From samples and records to the figures of a snapshot and of a phase."""

from __future__ import annotations

import pytest
from by_hand import LOOP, MS, WORKER, Ring, Watched, at, cell, entry, hop, route, sample, thread

from threadscope.model.histogram import Histogram
from threadscope.model.load_result import LoadResult
from threadscope.model.snapshot import Limiter, PhaseState, Variant, Word
from threadscope.probe import layout as L


@pytest.fixture
def watched():
    return Watched()


def result(completed, **changes):
    latency = Histogram()
    for _ in range(completed):
        latency.add(5 * MS)
    values = {
        "started": completed, "completed": completed, "failed": 0, "cut_off": 0,
        "per_second": 1.0, "settle_s": 0.1, "duration_s": 1.0, "drain_s": 0.1,
        "latency": latency, "generator_percent": 2.0,
    }  # fmt: skip
    return LoadResult(**values | changes)


# -- figures of the moment -------------------------------------------------------------------------
def test_without_a_probe_the_server_is_not_seen(watched):
    watched.aggregator.add_sample(sample(0, thread(LOOP)))
    snapshot = watched.fold(200)
    assert (snapshot.open, snapshot.in_threads, snapshot.queued) == (None, None, None)
    assert snapshot.behaviour.word is Word.UNKNOWN
    assert "no probe" in snapshot.health.limited
    assert [row.tid for row in snapshot.threads] == [LOOP]


def test_cores_used_is_that_of_all_processes(watched):
    for t in range(0, 1100, 100):
        watched.aggregator.add_sample(sample(t, pid=1, cpu=t * 0.9))
        watched.aggregator.add_sample(sample(t, pid=2, cpu=t * 0.5))
    assert watched.fold(1100).cores_used == pytest.approx(1.4)


def test_a_process_that_ended_uses_no_core(watched):
    for t in range(0, 3100, 100):
        watched.aggregator.add_sample(sample(t, pid=1, cpu=t * 0.9))
        if t < 1000:
            watched.aggregator.add_sample(sample(t, pid=2, cpu=t * 0.5))
    assert watched.fold(3100).cores_used == pytest.approx(0.9)


def test_limiters_of_several_processes_are_one_pool(watched):
    other = Watched(pid=2).server
    for ring, borrowed in ((watched.server, 3), (other, 40)):
        ring.put(L.LIMITER, 1, 555, a=borrowed, x=40, y=borrowed // 20, what="default")
    watched.aggregator.add_batch(other.batch(10))
    assert watched.look(200).limiters == (Limiter("default", 80, 43, 2),)


def test_the_worst_lag_of_the_last_second(watched):
    for t, lag in ((0, 900), (1200, 30), (1300, 20)):
        watched.server.put(L.LAG, t, flags=L.F_LAG_LOOP, a=lag * MS)
    watched.server.put(L.LAG, 1300, flags=L.F_LAG_GIL, a=5 * MS)
    snapshot = watched.look(1500)
    assert (snapshot.loop_lag_ns, snapshot.gil_lag_ns) == (30 * MS, 5 * MS)


def test_what_was_lost_is_said(watched):
    snapshot = watched.look(200, dropped=120, holes=3, errors=1)
    health = snapshot.health
    assert (health.dropped, health.holes, health.probe_errors) == (120, 3, 1)


def test_a_short_step_of_the_past_is_shown_at_the_watermark(watched):
    """It is over when the ring is read, and was not 100 ms ago."""
    watched.server.step(50, 150, 4)
    snapshot = watched.look(200, cells=[cell(LOOP, L.ROLE_LOOP)])
    assert snapshot.threads[0].now.request == 4
    snapshot = watched.look(300, cells=[cell(LOOP, L.ROLE_LOOP)])
    assert snapshot.threads[0].now is None


def test_the_rate_is_the_servers_without_our_load_and_the_clients_with_it(watched):
    for number in range(20):
        watched.server.only(number * 100, number * 100 + 50, number + 1)
    assert watched.look(2200).per_second == pytest.approx(20 / 2.1)
    watched.load.send(2100, 1)
    watched.load.done(2100, 2150, 1)
    snapshot = watched.look(2400)
    assert snapshot.latency_at_client
    assert snapshot.latency.count == 1


def test_the_depth_of_the_queue_is_kept_where_it_changes(watched):
    for t in range(5):
        watched.load.send(t * 100, t + 1)
        watched.look(t * 100 + 150)
    depths = [point.depth for chunk in watched.look(900).queue for point in chunk]
    assert depths == [1, 2, 3, 4, 5]


# -- the two fixtures of the behaviour -------------------------------------------------------------
def test_middleware_with_four_async_requests_is_sequential(watched):
    """All four are open, the loop serves one at a time."""
    for number in range(1, 5):
        watched.server.started(0, number)
    for turn in range(20):
        begin, number = turn * 100, turn + 1
        watched.server.step(begin, begin + 99, number)
        watched.server.end(max(begin - 300, 0), begin + 99, number, held=99, longest=99)
        watched.server.started(begin + 99, number + 4)
    for t in range(0, 2100, 100):
        watched.aggregator.add_sample(sample(t, thread(LOOP, cpu=t), cpu=t))
    snapshot = watched.look(2100)
    assert snapshot.open == 4
    assert snapshot.behaviour.word is Word.SEQUENTIAL
    assert snapshot.behaviour.evidence["alone_share"] == 0


def test_def_requests_that_share_a_core_are_concurrent(watched):
    what = watched.server.what(route("/d", "def"))
    running = [hop(0, number, WORKER + number) for number in range(1, 5)]
    table = [entry(number, 0, what, since=at(1)) for number in range(1, 5)]
    for t in range(0, 2100, 100):
        watched.aggregator.add_sample(sample(t, cpu=t * 1.06))
    snapshot = watched.look(2100, cells=running, open=table)
    assert snapshot.behaviour.word is Word.CONCURRENT
    assert snapshot.in_threads == 4


def test_two_cores_are_parallel_and_one_client_is_idle(watched):
    watched.server.started(0, 1)
    for t in range(0, 2100, 100):
        watched.aggregator.add_sample(sample(t, cpu=t * 1.9))
    assert watched.look(2100).behaviour.word is Word.IDLE
    watched.server.started(2000, 2)
    for t in range(2100, 9000, 100):
        watched.aggregator.add_sample(sample(t, cpu=t * 1.9))
    assert watched.look(9000).behaviour.word is Word.PARALLEL


def test_the_place_of_a_stall_is_named_while_it_is_fresh(watched):
    watched.load.send(0, 1)
    watched.load.send(0, 2)
    where = watched.server.what("cpu.py:14 in burn()")
    for t in range(0, 2000, 100):
        watched.server.step(t, t + 99, t + 1)
    watched.server.put(L.STALL, 150, 1, a=at(0), x=where)
    assert watched.look(2100).behaviour.place == "cpu.py:14 in burn()"
    for t in range(2000, 9000, 100):
        watched.server.step(t, t + 99, t + 1)
    assert watched.look(9100).behaviour.place == ""


# -- a phase ---------------------------------------------------------------------------------------
def phase(watched, begin, end):
    """A measurement between two moments."""
    watched.aggregator.begin_phase(at(0), Variant("async", "async def"), 4, 1.0)
    for state, t in ((PhaseState.SETTLE, 1), (PhaseState.MEASURE, begin), (PhaseState.DRAIN, end)):
        watched.aggregator.load_state(state, at(t))


def test_a_summary_counts_what_ended_inside_the_measurement(watched):
    phase(watched, 1000, 3000)
    for number in range(1, 9):  # one of 500 ms after the other, from 0 on
        begin = (number - 1) * 500
        watched.server.started(begin, number)
        watched.server.step(begin, begin + 450, number)
        watched.server.end(begin, begin + 499, number, held=460, longest=450, cpu=440)
    loop = cell(LOOP, L.ROLE_LOOP, ended=8)
    watched.look(4500, cells=[loop])
    summary = watched.aggregator.end_phase(result(8, per_second=2.0))
    (found,) = summary.routes
    assert (found.started, found.completed, found.failed) == (4, 4, 0)
    assert found.endpoint.route == "/x"
    assert (found.hold_longest, found.hold_total) == (450 * MS, 4 * 460 * MS)
    assert found.hold_share == pytest.approx(0.92)
    assert found.cpu_ns_per_request == 440 * MS
    assert summary.served == 8, "over all of the phase"
    assert (summary.open_max, summary.clients) == (1, 4)
    assert summary.events_read == 24
    assert (summary.completed, summary.per_second, summary.aborted) == (8, 2.0, "")


def test_requests_that_reach_beyond_the_measurement_count_in_parts(watched):
    phase(watched, 1000, 2000)
    watched.server.end(500, 1500, 1)  # half of it inside
    watched.server.end(1250, 1500, 2)  # all of it
    watched.server.end(1750, 2750, 3)  # a quarter
    watched.server.end(0, 4000, 4)  # a quarter, though neither end is inside
    watched.server.end(2100, 2200, 5)  # nothing
    for t in range(0, 4000, 100):
        watched.aggregator.add_sample(sample(t, cpu=t))
    watched.look(4500)
    work = watched.aggregator._fold.books.measurement.work
    assert work == pytest.approx(0.5 + 1 + 0.25 + 0.25)
    summary = watched.aggregator.end_phase(result(5))
    assert summary.cpu_ns_per_request == pytest.approx(1000 * MS / 2)


def test_server_errors_are_failures_of_their_route(watched):
    phase(watched, 1000, 2000)
    watched.server.end(1100, 1110, 1, status=500)
    watched.server.end(1100, 1120, 2, status=404)
    watched.server.end(1100, 1130, 3, flags=L.F_FAILED)
    watched.look(3000)
    (found,) = watched.aggregator.end_phase(result(3)).routes
    assert (found.completed, found.failed) == (3, 2)


def test_hop_waits_and_pools_are_in_the_summary(watched):
    phase(watched, 1000, 2000)
    what = route("/d", "def")
    for number in range(1, 11):
        watched.server.hop_out(1100, 1200, number, WORKER + number, cpu=9, waited=4)
        watched.server.end(1000 + number, 1300, number, what=what, cpu=1)
    watched.server.put(L.LIMITER, 1150, 5, a=10, x=40, y=7, what="default")
    watched.server.put(L.LIMITER, 1160, 5, a=3, x=40, y=0, what="default")
    watched.look(3000)
    summary = watched.aggregator.end_phase(result(10))
    (found,) = summary.routes
    assert (found.hop_wait.count, found.hop_wait.p50) == (10, 4 * MS)
    assert found.cpu_ns_per_request == 10 * MS, "on the loop and on the threads"
    (limiter,) = summary.processes[0].limiters
    assert (limiter.total_tokens, limiter.borrowed_max, limiter.waiting_max) == (40, 10, 7)
    assert (summary.in_threads_max, summary.open_max) == (10, 10)


def test_a_summary_without_a_probe_says_what_it_does_not_know(watched):
    phase(watched, 1000, 2000)
    for t in range(0, 2500, 100):
        watched.aggregator.add_sample(sample(t, thread(LOOP, cpu=t / 2), cpu=t / 2))
    watched.fold(3000)
    summary = watched.aggregator.end_phase(result(3))
    assert (summary.served, summary.open_max, summary.open_mean) == (None, None, None)
    assert summary.cores_used == pytest.approx(0.5)
    assert [found.tid for found in summary.threads] == [LOOP]


def test_a_new_phase_begins_its_counts_anew(watched):
    watched.load.send(0, 1)
    watched.load.done(0, 50, 1)
    watched.server.only(1, 2, 1)
    assert watched.look(300).done == 1
    phase(watched, 400, 800)
    snapshot = watched.look(600)
    assert (snapshot.done, snapshot.phase.state) == (0, PhaseState.MEASURE)
    watched.look(2000)
    watched.aggregator.load_state(PhaseState.DONE, at(2100))
    snapshot = watched.fold(2300)
    watched.aggregator.end_phase(result(0))
    assert watched.fold(2301).phase.state is PhaseState.DONE
    assert len(watched.fold(2302).finished) == 1


def test_a_load_that_is_over_has_nothing_in_flight(watched):
    phase(watched, 100, 200)
    watched.load.send(150, 1)
    assert watched.look(300).in_flight == 1
    watched.aggregator.load_state(PhaseState.DONE, at(400))
    assert watched.fold(600).in_flight == 0


def test_a_phase_that_was_aborted_says_why(watched):
    phase(watched, 1000, 2000)
    watched.look(300)
    summary = watched.aggregator.end_phase(result(0), "the server exited with status 1")
    assert summary.aborted == "the server exited with status 1"
    assert (summary.routes, summary.cores_used) == ((), None)


# -- several processes -----------------------------------------------------------------------------
def test_a_worker_process_that_ended_takes_only_its_own_with_it(watched):
    other = Ring(pid=2)
    watched.server.arrive(100, 1)
    other.arrive(100, 1)
    running = hop(150, 1)
    for ring in (watched.server, other):
        watched.aggregator.add_batch(ring.batch(200, cells=[running], open=[entry(1, 100)]))
        watched.aggregator.add_sample(sample(200, thread(WORKER), pid=ring.pid))
    assert (watched.fold(400).open, watched.fold(400).in_threads) == (2, 2)

    watched.aggregator.process_ended(at(500), 2)
    watched.aggregator.add_batch(other.batch(550, cells=[running], open=[entry(1, 100)]))
    watched.aggregator.add_sample(sample(700, thread(WORKER), pid=1))
    after = watched.fold(900)
    assert (after.open, after.in_threads) == (1, 1)
    assert {(row.pid, row.state) for row in after.threads} == {(1, "S"), (2, "X")}

    watched.aggregator.add_sample(sample(6000, thread(WORKER), pid=1))
    assert [row.pid for row in watched.fold(6200).threads] == [1]


def test_what_the_phase_before_left_running_is_not_one_of_its_routes(watched):
    watched.server.started(0, 1)
    watched.look(300)
    watched.aggregator.begin_phase(at(400), Variant("def", "def"), 4, 1.0)
    watched.aggregator.load_state(PhaseState.MEASURE, at(500))
    watched.server.end(0, 700, 1, what=route("/old", "async def"))
    watched.server.end(600, 800, 2)
    watched.look(1000)
    (found,) = watched.aggregator.end_phase(result(1)).routes
    assert (found.endpoint.route, found.completed) == ("/x", 1)


def test_a_phase_that_nobody_counts_up_has_the_rates_that_were_seen(watched):
    phase(watched, 1000, 3000)
    for number in range(1, 9):  # one of 500 ms after the other, and the last one hangs
        watched.load.send((number - 1) * 500, number)
        if number < 8:
            watched.load.done((number - 1) * 500, number * 500 - 1, number)
    watched.look(5000)
    seen = watched.aggregator.as_seen()
    assert (seen.started, seen.completed, seen.failed, seen.cut_off) == (8, 7, 0, 1)
    assert (seen.settle_s, seen.duration_s, seen.per_second) == (1.0, 2.0, 2.0)
    assert seen.latency.count == 4
    summary = watched.aggregator.end_phase(seen, "stopped before its end")
    assert summary.latency.max == pytest.approx(499 * MS, rel=0.01)


def test_a_phase_that_was_hardly_measured_has_no_rates(watched):
    phase(watched, 1000, 1400)
    watched.load.send(1100, 1)
    watched.load.done(1100, 1200, 1)
    watched.look(3000)
    seen = watched.aggregator.as_seen()
    assert (seen.completed, seen.per_second, seen.duration_s) == (1, 0.0, 0.0)


def test_what_ran_when_the_server_ended_ran_until_then(watched):
    watched.server.hop_out(100, 200, 1)
    watched.look(400, cells=[hop(300, 2), cell(LOOP, L.ROLE_LOOP, request=3, since=250)])
    watched.aggregator.server_ended(at(700), "the server was killed by SIGKILL")
    snapshot = watched.fold(1000)
    spans = {
        lane.label: [(one.begin, one.end, one.request) for chunk in lane.spans for one in chunk]
        for lane in snapshot.lanes
    }
    assert spans == {
        "event loop": [(at(250), at(700), 3)],
        "worker-01": [(at(100), at(200), 1), (at(300), at(700), 2)],
    }
    assert all(not lane.current for lane in snapshot.lanes)
