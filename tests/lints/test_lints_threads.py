"""Lints of threadpool, GIL and cores."""

from __future__ import annotations

import pytest

from tests.lints.seen import QUICK, SLOW, check, fires, pool, process, route, seen, thread, workers
from threadscope.lints.lint import State
from threadscope.model.snapshot import Role


def test_an_exhausted_pool_names_who_holds_its_tokens():
    slow = route(SLOW, hop_ms=1000, wait_ms=700, hop_place="app.py:22 in slow()")
    said = check("threadpool-exhausted", seen(routes=(slow,), processes=(process(pools=[pool()]),)))
    assert said.message == (
        "all 40 tokens of the default threadpool were borrowed and 12 requests waited, up to"
        " 800 ms; `def slow` (GET /slow) held 38 of them at app.py:22 in slow()"
    )


@pytest.mark.parametrize("one", [
    pool(exhausted=0), pool(exhausted=1), pool(wait_ms=40, exhausted=0),
])  # fmt: skip
def test_a_pool_with_tokens_or_without_a_wait_is_fine(one):
    assert check("threadpool-exhausted", seen(processes=(process(pools=[one]),))).state is State.OK


def test_a_pool_whose_waits_have_not_ended_is_not_enough():
    said = check("threadpool-exhausted", seen(processes=(process(pools=[pool(wait_ms=1)]),)))
    assert said.state is State.UNSURE


def test_a_hop_that_costs_more_than_the_work():
    quick = route(QUICK, ms=4.0, hold_ms=0.1, hop_ms=0.02, wait_ms=3.0)
    said = check("threadpool-overhead", seen(routes=(quick,), processes=(process(),)))
    assert said.message == (
        "`def quick` (GET /quick) works 20 µs a request and takes 3.9 ms to a worker thread and"
        " back; `async def` would save the way"
    )


@pytest.mark.parametrize("quick", [
    route(QUICK, ms=31.0, hop_ms=30, wait_ms=0.3),
    route(QUICK, ms=400.0, hop_ms=2, wait_ms=300),
    route(ms=400.0),
])  # fmt: skip
def test_work_that_is_worth_a_hop(quick):
    assert not fires("threadpool-overhead", seen(routes=(quick,), processes=(process(),)))


def test_a_quick_endpoint_beside_a_slow_one_is_not_told_to_save_its_hop():
    quick = route(QUICK, ms=900, hop_ms=0.02, wait_ms=890)
    slow = route(SLOW, ms=1000, hop_ms=1000, wait_ms=1)
    assert not fires("threadpool-overhead", seen(routes=(quick, slow), processes=(process(),)))


def test_few_requests_say_nothing_of_overhead():
    quick = route(QUICK, completed=5, ms=4.0, hop_ms=0.02, wait_ms=3.0)
    assert check("threadpool-overhead", seen(routes=(quick,))).state is State.UNSURE


def test_threads_that_share_one_core_are_bound_by_the_gil():
    said = check("gil-bound", seen(
        threads=workers(31, 29, 27, 14), processes=(process(gil_ms=12),),
        routes=(route(SLOW, cpu_ms=319, completed=16),),
    ))  # fmt: skip
    assert said.message == (
        "4 threads want to run Python and share 1.02 of a core: each waits 12 ms for the GIL;"
        " a request costs 319 ms of CPU"
    )


@pytest.mark.parametrize(("threads", "gil_ms"), [
    (workers(99), 5.5),
    (workers(98, 98), 0.2),
    (workers(31, 29, 27, 14), 0.4),
    (workers(10, 9), 8),
])  # fmt: skip
def test_one_thread_or_two_cores_or_a_free_gil_or_little_work(threads, gil_ms):
    assert not fires("gil-bound", seen(threads=threads, processes=(process(gil_ms=gil_ms),)))


def test_a_wait_for_a_core_is_not_one_for_the_gil():
    """The probe's thread wakes up late, and the kernel says that it had no core meanwhile."""
    starved = (*workers(30, 30, wait=50)[:-1], thread("probe", 0.2, 20.0, role=Role.PROBE))
    both = seen(threads=starved, processes=(process(gil_ms=25),))
    assert not fires("gil-bound", both)
    assert fires("core-starved", both)
    hungry = (*workers(50, 50, wait=50)[:-1], thread("probe", 0.2, 2.0, role=Role.PROBE))
    assert fires("gil-bound", seen(threads=hungry, processes=(process(gil_ms=25),)))


def test_more_than_a_core_is_good_news():
    said = check("gil-released", seen(threads=workers(98, 97), processes=(process(cores=1.96),)))
    assert said.message.startswith("one process uses 1.96 cores on 2 threads")


@pytest.mark.parametrize("cores", [1.06, 0.99])
def test_hello_in_def_uses_a_little_more_than_a_core(cores):
    assert not fires("gil-released", seen(processes=(process(cores=cores),)))


def test_two_workers_with_a_core_each_are_no_news():
    both = (process(1, cores=0.99), process(2, cores=0.98))
    assert not fires("gil-released", seen(processes=both))


def test_threads_without_a_core():
    said = check("core-starved", seen(threads=workers(40, wait=30)))
    assert said.message == (
        "for 42% of the time that the server could have run it had no core: it got 0.41 of 2 cores"
        " and missed 0.30"
    )
    assert not fires("core-starved", seen(threads=workers(95, wait=3)))


def test_in_line_for_a_core_only_to_ask_for_the_gil():
    """Four threads of one process share one core, however many there are."""
    assert not fires("core-starved", seen(threads=workers(25, 25, 24, 24, wait=8)))
    assert fires("core-starved", seen(threads=workers(15, 15, 15, 15, wait=50)))
    two = (*workers(24, 24, 24, 24, wait=20), *workers(10, 10, 10, 10, wait=20, pid=2))
    said = check("core-starved", seen(threads=two))
    assert (said.evidence["cores_used"], said.evidence["cores_missed"]) == (1.38, 0.62)


def test_without_a_gil_between_them_each_thread_misses_a_core_of_its_own():
    assert fires("core-starved", seen(threads=workers(70, 70, wait=30)))


def test_a_system_that_does_not_count_the_wait():
    nobody_knows = [thread("worker-1", 50, None)]
    assert check("core-starved", seen(threads=tuple(nobody_knows))).state is State.UNSURE
