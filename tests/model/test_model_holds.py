"""Long steps: who waited, where they were, what else happened meanwhile; and where time went."""

from __future__ import annotations

import pytest

from tests.model.by_hand import LOOP, MS, Ring, S, Watched, at, cell, entry, route, sample, thread
from threadscope.model.aggregator import Aggregator
from threadscope.model.facts import OUTSIDE
from threadscope.model.histogram import Histogram
from threadscope.model.holds import NATIVE, Unseen
from threadscope.model.load_result import LoadResult
from threadscope.model.snapshot import Health, PhaseState, Variant
from threadscope.probe import layout as L

RESULT = LoadResult(4, 4, 0, 0, 1.0, 0.0, 4.0, 0.0, Histogram(), 2.0)


class Keeper:
    """A judge that keeps what it is shown."""

    hold_ns = 100 * MS

    def __init__(self):
        self.seen = []

    def phase(self, observation):
        self.seen.append(observation)
        return ()

    def live(self, observation, at):
        self.seen.append(observation)
        return ()


@pytest.fixture
def watched():
    one = Watched()
    one.keeper = Keeper()
    one.aggregator = Aggregator(at(0), judge=one.keeper)
    return one


def holds(watched):
    return watched.keeper.seen[-1].holds


def four_clients(watched):
    """Each asks at once; the loop serves the first one for 300 ms."""
    for client in range(1, 5):
        watched.load.send(client, 100 + client, client)
    watched.server.step(10, 310, 1)
    watched.server.only(10, 309.9, 1, client=101)


def test_who_waits_for_a_long_step_is_counted_before_its_end(watched):
    four_clients(watched)
    watched.load.done(1, 310.2, 101)
    watched.load.send(310.4, 105)
    watched.look(900)
    (hold,) = holds(watched)
    assert hold.length == 300 * MS
    assert hold.waiting == 3
    assert hold.endpoint.route == "/x"


def test_below_a_middleware_all_are_open_and_still_three_wait(watched):
    for client in range(1, 5):
        watched.load.send(client, 100 + client, client)
        watched.server.arrive(5 + client, client, client=100 + client)
    watched.server.started(10, 1, came=6, client=101)
    watched.server.step(10, 310, 1)
    watched.look(900, open=[entry(n, 5 + n, client=100 + n) for n in range(1, 5)])
    assert holds(watched)[0].waiting == 3


def test_without_our_load_only_the_open_ones_that_have_not_started_are_known_to_wait(watched):
    watched.server.arrive(5, 2)
    watched.server.started(6, 3, came=6)
    watched.server.step(10, 310, 1)
    watched.look(900, open=[entry(2, 5), entry(3, 6)])
    assert holds(watched)[0].waiting == 1


def test_requests_on_worker_threads_do_not_wait_for_the_loop(watched):
    watched.load.send(1, 101)
    watched.load.send(1, 102)
    watched.server.hop_out(5, 250, 2, client=102)
    watched.server.step(10, 310, 1)
    watched.server.only(10, 309, 1, client=101)
    watched.server.end(4, 312, 2, what=route("/y", "def"))
    watched.look(900)
    assert holds(watched)[0].waiting == 0


def stall(ring, t, begin, own="app.py:9 in work()", innermost="app.py:9 in work()", flags=0):
    ring.put(L.STALL, t, 1, a=at(begin), x=ring.what(own), y=ring.what(innermost), flags=flags,
             what=route())  # fmt: skip


def test_the_place_belongs_to_the_step_that_began_then(watched):
    stall(watched.server, 120, 10)
    watched.server.step(10, 310, 1)
    watched.server.step(311, 460, 2)
    watched.look(900)
    first, second = holds(watched)
    assert (first.place, second.place) == ("app.py:9 in work()", "")


def test_the_place_of_a_long_hop_is_its_routes(watched):
    stall(watched.server, 120, 10, flags=L.F_STALL_HOP)
    watched.server.end(5, 320, 1)
    snapshot = watched.look(900)
    assert snapshot.routes[0].hop_place == "app.py:9 in work()"
    assert "app.py:9" not in snapshot.behaviour.reason


def runs(watched, until, *, share=1.0, wait=0.0):
    """The loop's thread computes for a share of the time, and lacks a core for another."""
    for t in range(0, until, 100):
        watched.aggregator.add_sample(
            sample(t, thread(LOOP, cpu=t * share, wait=round(t * wait * MS)))
        )


def outside(ring, t, due, own="tasks.py:31 in refresh()"):
    ring.put(L.STALL, t, 0, a=at(due), x=ring.what(own), y=ring.what(own))


def late(ring, t, lag):
    ring.put(L.LAG, t, flags=L.F_LAG_LOOP, a=lag * MS)


def test_what_holds_the_loop_outside_of_any_request_lasts_until_its_heartbeat(watched):
    runs(watched, 1200)
    watched.load.send(200, 101)
    outside(watched.server, 210, 100)
    late(watched.server, 400, 300)
    snapshot = watched.look(1200)
    (hold,) = holds(watched)
    assert (hold.begin, hold.end) == (at(100), at(400))
    assert (hold.request, hold.endpoint.kind, hold.endpoint.name) == (0, OUTSIDE, "refresh()")
    assert (hold.place, hold.waiting) == ("tasks.py:31 in refresh()", 1)
    assert hold.cpu > 0.9 * hold.length
    (row,) = snapshot.routes
    assert (row.holds, row.hold_longest, row.completed) == (1, 300 * MS, 0)
    assert (row.hold_place, row.waited) == ("tasks.py:31 in refresh()", 1)
    assert snapshot.behaviour.place == "", "the word speaks of requests"


def test_it_is_seen_while_it_lasts(watched):
    runs(watched, 1200)
    outside(watched.server, 210, 100)
    watched.look(900)
    (hold,) = holds(watched)
    assert (hold.lasts, hold.end) == (True, at(800))


def test_steps_before_and_after_it_are_no_part_of_it(watched):
    runs(watched, 1200)
    watched.server.step(50, 150, 1)
    outside(watched.server, 310, 100)
    watched.server.step(450, 490, 2)
    late(watched.server, 500, 400)
    watched.look(1200)
    (before, hold) = holds(watched)
    assert before.request == 1
    assert (hold.begin, hold.end) == (at(150), at(450))


def test_a_heartbeat_that_began_anew_tells_when_it_was_over_at_the_latest(watched):
    runs(watched, 1200)
    outside(watched.server, 210, 100)
    late(watched.server, 630, 30)  # ordered at 500
    watched.look(1200)
    assert holds(watched)[0].end == at(500)


@pytest.mark.parametrize(("share", "wait", "gil"), [(0.4, 0.6, 0), (0.02, 0.0, 200)])
def test_what_waits_for_a_core_or_the_gil_holds_nothing(watched, share, wait, gil):
    runs(watched, 1200, share=share, wait=wait)
    outside(watched.server, 210, 100)
    watched.server.put(L.LAG, 390, flags=L.F_LAG_GIL, a=gil * MS)
    late(watched.server, 400, 300)
    assert watched.look(1200).routes == ()
    assert holds(watched) == ()


def test_heartbeats_that_came_late_meanwhile_are_averaged(watched):
    put = watched.server.put
    for t, lag in [(5, 1), (150, 20), (290, 40), (330, 30), (900, 500)]:
        put(L.LAG, t, flags=L.F_LAG_GIL, a=lag * MS)
    watched.server.step(10, 310, 1)
    watched.look(1200)
    assert holds(watched)[0].gil_lag == 30 * MS


def test_cpu_and_the_wait_for_a_core_are_known(watched):
    for t in range(0, 1000, 100):
        watched.aggregator.add_sample(
            sample(t, thread(LOOP, cpu=t * 0.5, wait=round(t * 0.4 * MS)))
        )
    watched.server.put(L.STEP, 410, 1, a=at(10), x=200_000, n=1, what=route())
    watched.look(1100)
    (hold,) = holds(watched)
    assert hold.cpu == 200 * MS
    assert hold.core_wait == pytest.approx(160 * MS, rel=0.02)


def test_a_step_that_lasts_is_seen_while_it_does(watched):
    text = watched.server.what(route("/regex"))
    for t in range(0, 1200, 100):
        watched.aggregator.add_sample(sample(t, thread(LOOP, cpu=float(t))))
    watched.load.send(20, 102)
    watched.look(1200, cells=[cell(LOOP, L.ROLE_LOOP, request=1, since=10, what=text)])
    (hold,) = holds(watched)
    assert hold.lasts
    assert hold.endpoint.route == "/regex"
    assert hold.waiting == 1
    assert hold.cpu > hold.length * 0.9


def test_a_look_from_outside_tells_of_a_step_whose_probe_is_silent(watched):
    unseen, ring = watched.aggregator.unseen, watched.server
    cells = [cell(LOOP, L.ROLE_LOOP, request=1, since=10, what=ring.what(route()))]
    runs(watched, 2000)
    ring.put(L.LAG, 120, flags=L.F_LAG_GIL)
    stall(ring, 120, 10, own="app.py:3 in before()")
    watched.look(400, cells=cells)
    assert unseen(at(400)) == [], "the probe may still look"
    watched.look(700, cells=cells)
    [step] = unseen(at(700))
    assert (step.pid, step.tid, step.begin) == (1, LOOP, at(10))
    line = "regex.py:9 in find()"
    watched.aggregator.place(at(750), step, line, line, True)
    watched.look(1000, cells=cells)
    (hold,) = holds(watched)
    assert (hold.lasts, hold.place, hold.innermost) == (True, line, NATIVE)
    assert unseen(at(1000)) == [], "once is enough"
    stall(ring, 1020, 10, own="regex.py:10 in find()")  # the GIL is free, and the probe looks
    ring.step(10, 1030, 1)
    ring.only(10, 1030, 1)
    snapshot = watched.look(1600)
    assert holds(watched)[0].place == line
    assert snapshot.routes[0].hold_place == line


@pytest.mark.parametrize(("holds_gil", "wait", "said"), [
    (True, 0.0, f"{NATIVE} under re.py:2 in match()"),
    (False, 0.0, "re.py:2 in match()"),
    (True, 0.5, "re.py:2 in match()"),
])  # fmt: skip
def test_only_who_has_the_gil_and_a_core_keeps_the_gil(watched, holds_gil, wait, said):
    """Without a core the probe is silent as well, and nobody is to blame for it."""
    runs(watched, 2000, share=1 - wait, wait=wait)
    watched.server.step(10, 900, 1)
    watched.aggregator.place(
        at(500), Unseen(1, LOOP, at(10)), "regex.py:9 in find()", "re.py:2 in match()", holds_gil
    )
    watched.look(1600)
    assert holds(watched)[0].innermost == said


def test_two_workers_share_what_is_queued():
    keeper = Keeper()
    aggregator = Aggregator(at(0), judge=keeper)
    rings, load = [Ring(1), Ring(2)], Ring(99)
    for client in range(1, 9):
        load.send(client, 100 + client, client)
    for ring, number in zip(rings, (101, 102), strict=True):
        ring.step(10, 310, 1)
        ring.only(10, 309, 1, client=number)
        aggregator.add_batch(ring.batch(900))
    aggregator.add_batch(load.batch(900), load=True)
    aggregator.advance(at(900))
    aggregator.snapshot(Health())
    assert [hold.waiting for hold in keeper.seen[-1].holds] == [3, 3]


def test_a_measurement_has_the_holds_within_it_and_no_others(watched):
    aggregator = watched.aggregator
    aggregator.begin_phase(at(0), Variant("async"), 1, 4.0)
    watched.server.step(100, 400, 1)
    aggregator.load_state(PhaseState.MEASURE, at(1000))
    for begin in (1100, 2500, 3900):
        watched.server.step(begin, begin + 200, begin)
        watched.server.only(begin, begin + 199, begin)
    aggregator.load_state(PhaseState.DRAIN, at(4500))
    watched.server.step(4600, 4900, 9)
    watched.look(6000)
    summary = aggregator.end_phase(RESULT)
    assert len(holds(watched)) == 3
    (found,) = summary.routes
    assert (found.completed, found.holds, found.single) == (3, 3, 3)


def test_an_end_that_comes_late_still_belongs_to_its_measurement(watched):
    aggregator = watched.aggregator
    aggregator.begin_phase(at(0), Variant("async"), 1, 4.0)
    aggregator.load_state(PhaseState.MEASURE, at(1000))
    aggregator.load_state(PhaseState.DRAIN, at(2000))
    watched.look(2500)
    watched.server.only(1500, 1600, 1)
    watched.look(2600)
    assert aggregator.end_phase(RESULT).routes[0].completed == 1


def test_the_last_seconds_forget(watched):
    watched.server.step(10, 310, 1)
    watched.look(900)
    assert len(holds(watched)) == 1
    for t in range(1000, 9000, 500):
        watched.look(t)
    assert holds(watched) == ()


def test_the_slowest_request_of_a_second_tells_where_its_time_went(watched):
    watched.load.send(0, 101)
    watched.server.hop_out(40, 140, 1, cpu=5, waited=30, client=101)
    watched.server.end(8, 160, 1, what=route("/d", "def"), held=4, longest=4)
    watched.server.only(170, 171, 2)
    for t in (900, 1500, 2100):
        snapshot = watched.look(t)
    slow = {found.endpoint.route: found.slow for found in snapshot.routes}
    (one,) = slow["/d"]
    assert (one.request, one.queued, one.here) == (1, 8 * MS, 152 * MS)
    assert (one.token_wait, one.on_thread, one.on_loop) == (30 * MS, 100 * MS, 4 * MS)
    assert one.awaiting == 18 * MS


def test_routes_have_their_own_latency_at_the_clients(watched):
    names = {"/a": 20, "/b": 400}
    for number, (name, took) in enumerate(names.items(), 1):
        what = watched.load.what(name)
        for i in range(5):
            sent, request = 10 * i, 100 * number + i
            watched.load.put(L.SEND, sent, request, a=at(sent), x=number, what=what)
            watched.load.put(L.DONE, sent + took, request, a=at(sent), status=200, what=what)
            watched.server.only(sent, sent + 1, request, client=request, what=route(name))
    snapshot = watched.look(2 * S // MS)
    seen = {r.endpoint.route: r.client_latency.p50 for r in snapshot.routes}
    assert {name: round(ns / MS) for name, ns in seen.items()} == names
