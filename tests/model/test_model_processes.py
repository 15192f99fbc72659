"""Several processes: what each is there for, what it served, and who waits beside a load."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.model.by_hand import LOOP, Ring, S, Watched, at, cell, sample, thread
from tests.model.test_model_aggregator import result
from threadscope.model.behaviour import Evidence, behaviour
from threadscope.model.processes import part_of
from threadscope.model.snapshot import Part, PhaseState, TargetInfo, Variant, Word
from threadscope.model.windows import Depths
from threadscope.probe import layout as L


@pytest.mark.parametrize(
    ("pid", "serving", "workers", "part"),
    [
        (1, {1}, 1, Part.SERVER),
        (1, set(), 1, Part.SERVER),
        (1, {2, 3}, 2, Part.SUPERVISOR),
        (2, {2, 3}, 2, Part.WORKER),
        (4, {2, 3}, 2, Part.HELPER),
        (2, {2, 3}, 1, Part.WORKER),
        (1, set(), 2, Part.SUPERVISOR),
        (2, set(), 2, Part.HELPER),
        (2, {2}, 2, Part.WORKER),
        (1, {2}, 1, Part.SUPERVISOR),
    ],
)
def test_what_a_process_is_there_for(pid, serving, workers, part):
    assert part_of(pid, serving, workers, (1, 2, 3, 4)) is part


def two_workers():
    """A supervisor 1 and workers 2 and 3, of which 2 has served three requests and 3 one."""
    watched = Watched()
    aggregator, other = watched.aggregator, Ring(3)
    aggregator.target = TargetInfo(pids=(1, 2, 3), workers=2)
    watched.server = Ring(2)
    aggregator.begin_phase(at(0), Variant("async", "async def"), 4, 1.0)
    aggregator.load_state(PhaseState.MEASURE, at(0))
    for number in (1, 2, 3):
        watched.server.only(number * 10, number * 10 + 5, number)
    other.only(10, 15, 1)
    other.arrive(900, 2)
    aggregator.add_batch(other.batch(1000, cells=[cell(LOOP, L.ROLE_LOOP, ended=1)]))
    for t, cpu in ((100, 0.0), (900, 400.0)):
        for pid, share in ((1, 0.0), (2, 1.0), (3, 0.5)):
            one = thread(LOOP, cpu * share)
            aggregator.add_sample(sample(t, one, pid=pid, cpu=cpu * share))
    return watched, watched.look(1100, cells=[cell(LOOP, L.ROLE_LOOP, ended=3)])


def test_each_process_has_its_own_figures():
    _, snapshot = two_workers()
    supervisor, first, second = snapshot.processes
    assert (supervisor.pid, supervisor.part) == (1, Part.SUPERVISOR)
    assert (first.pid, first.part, first.ended, first.open) == (2, Part.WORKER, 3, 0)
    assert (second.pid, second.part, second.ended, second.open) == (3, Part.WORKER, 1, 1)
    assert first.cpu_percent == pytest.approx(50)
    assert snapshot.cores_used == pytest.approx(0.75)


def test_a_summary_tells_what_each_process_served():
    watched, _ = two_workers()
    watched.aggregator.load_state(PhaseState.DRAIN, at(1200))
    watched.look(1500, cells=[cell(LOOP, L.ROLE_LOOP, ended=3)])
    summary = watched.aggregator.end_phase(result(4))
    assert [(one.pid, one.part, one.served) for one in summary.processes] == [
        (1, Part.SUPERVISOR, 0),
        (2, Part.WORKER, 3),
        (3, Part.WORKER, 1),
    ]
    assert summary.served == 4


def held(share: float, cores: float = 1.0) -> Word:
    """The word for loops that are held for so much of the time, with no hop."""
    return behaviour(
        Evidence(seen=5 * S, wanted=5 * S, one_hop=5 * S, held=share * 5 * S, cpu=cores * 5 * S)
    ).word


def test_two_loops_that_are_held_at_the_same_time_are_not_sequential():
    assert held(1.0) is Word.SEQUENTIAL
    assert held(1.1) is Word.SEQUENTIAL
    assert held(1.11) is Word.CONCURRENT
    assert held(1.98, cores=1.98) is Word.PARALLEL


def test_light_requests_are_in_none_of_the_loads_figures():
    watched = Watched()
    for number, flags in ((1, 0), (2, L.F_BESIDE), (3, L.F_BESIDE)):
        watched.load.put(L.SEND, 0, number, flags=flags, a=at(0), x=1)
    watched.load.put(L.DONE, 500, 1, a=at(0), status=200)
    for number, took in ((2, 100), (3, 300)):
        watched.load.put(
            L.DONE, took, number, flags=L.F_BESIDE, a=at(0), status=200, what="/health"
        )
    before = watched.look(300)
    assert before.in_flight == 2, "what waits counts, whoever asked"
    snapshot = watched.look(2000)
    assert (snapshot.in_flight, snapshot.done, snapshot.latency.count) == (0, 1, 1)
    [light] = snapshot.beside
    assert (light.route, light.latency.count) == ("/health", 2)
    assert light.latency.max == pytest.approx(300e6, rel=0.02)


@pytest.mark.parametrize("light", [False, True], ids=["alone", "with a light one beside"])
@pytest.mark.parametrize("routes", [1, 2])
def test_what_clients_saw_is_known_by_route(routes, light):
    watched = Watched()
    for number in range(1, 101):
        what, t = f"/r{number % routes}", 5 + number
        watched.load.put(L.DONE, t, number, a=at(t - number % routes - 1), status=200, what=what)
    if light:
        for number in range(101, 104):
            watched.load.put(
                L.DONE, 100, number, flags=L.F_BESIDE, a=at(50), status=200, what="/health"
            )
    snapshot = watched.look(400)
    if light:  # and one for itself
        watched.load.put(L.DONE, 450, 104, flags=L.F_BESIDE, a=at(400), status=200, what="/health")
        snapshot = watched.look(600)
    assert snapshot.done == 100
    seen = watched.aggregator._fold.books.tally.clients
    found = {where: (histogram.count, histogram.max) for where, histogram in seen.items()}
    expected = {f"/r{n}": (100 // routes, (n + 1) * 1_000_000) for n in range(routes)}
    assert found == expected | ({"/health": (4, 50_000_000)} if light else {})


def test_the_next_phase_begins_without_the_light_requests_of_the_last():
    watched = Watched()
    watched.load.put(L.DONE, 100, 2, flags=L.F_BESIDE, a=at(0), status=200, what="/health")
    assert watched.look(1000).beside
    watched.aggregator.begin_phase(at(1000), Variant("def", "def"), 4, None)
    assert watched.fold(1100).beside == ()


def test_who_waits_for_a_token_is_kept_for_the_lanes():
    watched = Watched()
    for t, waiting in ((100, 0), (200, 80), (300, 80), (400, 40)):
        watched.server.put(L.LIMITER, t, 7, a=40, x=40, y=waiting, what="default")
        watched.look(t + 150)
    snapshot = watched.look(1000)
    points = [point.depth for chunk in snapshot.token_queue for point in chunk]
    assert points == [0, 80, 40]
    assert snapshot.limiters[0].tasks_waiting == 40


def test_a_depth_that_nobody_knows_is_no_depth():
    depths = Depths()
    for t, depth in ((1, None), (2, 3), (3, 3), (4, 0)):
        depths.add(t * S, depth)
    assert [(p.t, p.depth) for chunk in depths.chunks() for p in chunk] == [(2 * S, 3), (4 * S, 0)]


def test_a_burst_says_so_while_it_lasts():
    watched = Watched()
    watched.aggregator.begin_phase(at(0), Variant("def", "def"), 120, None, burst=120)
    phase = watched.fold(200).phase
    assert (phase.burst, phase.clients) == (120, 120)
    assert replace(phase, burst=None) != phase
