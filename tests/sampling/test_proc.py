"""On real threads and processes: this one, and children."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import psutil
import pytest

if sys.platform != "linux":
    pytest.skip("there is no /proc", allow_module_level=True)

from threadscope.sampling.descriptors import Budget
from threadscope.sampling.factory import open_sampler
from threadscope.sampling.proc import ProcessSampler, counts_nanoseconds, process_clock
from threadscope.sampling.thread import TURNS

LIMIT_S = 30


@pytest.fixture
def sampler():
    """Of this process."""
    sampler = ProcessSampler(os.getpid())
    yield sampler
    sampler.close()


@contextmanager
def threads(count: int, target, *args):
    """Running threads; yields their numbers. `target` gets an event that ends it."""
    stop, tids, ready = threading.Event(), [], threading.Barrier(count + 1)

    def run():
        tids.append(threading.get_native_id())
        ready.wait(LIMIT_S)
        target(stop, *args)

    running = [threading.Thread(target=run) for _ in range(count)]
    for thread in running:
        thread.start()
    try:
        ready.wait(LIMIT_S)
        yield tids
    finally:
        stop.set()
        for thread in running:
            thread.join(LIMIT_S)
        give_up = time.monotonic() + LIMIT_S
        while any(os.path.exists(f"/proc/self/task/{tid}") for tid in tids):
            assert time.monotonic() < give_up, "joined, and the kernel has it still"
            time.sleep(0.001)


def burn(stop: threading.Event) -> None:
    while not stop.is_set():
        sum(range(1000))


def nap(stop: threading.Event) -> None:
    stop.wait(LIMIT_S)


def named(stop: threading.Event, name: bytes) -> None:
    ctypes.CDLL(None).prctl(15, name, 0, 0, 0)  # PR_SET_NAME
    stop.wait(LIMIT_S)


def look(sampler):
    """One sample, its threads by number."""
    sample = sampler.sample(time.monotonic_ns())
    assert sample is not None
    return sample, {thread.tid: thread for thread in sample.threads}


def until(sampler, condition):
    """Looks again and again until the condition on the threads holds."""
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        sample, rows = look(sampler)
        if condition(rows):
            return sample, rows
    raise AssertionError(f"did not happen in {LIMIT_S} s: {rows}")


@pytest.mark.parametrize("schedstat", [True, False])
def test_who_burns_and_who_sleeps(schedstat):
    if schedstat and not counts_nanoseconds():
        pytest.skip("this kernel does not fill schedstat")
    sampler = ProcessSampler(os.getpid(), schedstat=schedstat)
    with threads(2, burn) as burning, threads(3, nap) as napping:
        first, before = look(sampler)
        goal = 100_000_000  # ns
        _, after = until(
            sampler, lambda rows: all(rows[t].cpu_ns > before[t].cpu_ns + goal for t in burning)
        )
        for tid in napping:
            assert after[tid].cpu_ns - before[tid].cpu_ns < goal / 2
            assert after[tid].state == "S"
        for tid in (*burning, *napping):
            assert (after[tid].wait_ns is None) == (not schedstat)
            assert after[tid].born == before[tid].born > 0
            assert after[tid].processor in range(os.cpu_count() or 1)
        # a sample reads this clock before those of the threads
        assert look(sampler)[0].cpu_ns - first.cpu_ns >= goal
    sampler.close()


def test_finds_the_threads_that_psutil_finds(sampler):
    with threads(5, nap):
        # a thread of an earlier test may be on its last steps
        until(sampler, lambda rows: set(rows) == {t.id for t in psutil.Process().threads()})


def test_a_name_with_spaces_parentheses_and_newlines(sampler):
    with threads(1, named, b"a) R 1\n((b") as [tid]:
        _, rows = until(sampler, lambda rows: rows[tid].name == "a) R 1((b")
        assert rows[tid].state == "S"
        assert rows[tid].born > 1


def test_a_thread_without_news_gives_the_same_object(sampler):
    with threads(1, nap) as [tid]:
        last = look(sampler)[1][tid]

        def nothing_new(rows):
            nonlocal last
            before, last = last, rows[tid]
            return last is before and last.state == "S"

        until(sampler, nothing_new)


def test_switches_are_known_at_first_sight(sampler):
    with threads(2, nap) as tids:
        rows = look(sampler)[1]
        assert all(rows[tid].voluntary is not None for tid in tids)


def test_switches_of_a_thread_that_naps_often_grow(sampler):
    def naps(stop):
        while not stop.wait(0.001):
            pass

    with threads(1, naps) as [tid]:
        _, before = look(sampler)
        _, after = until(sampler, lambda rows: rows[tid].voluntary > before[tid].voluntary + 5)
        assert after[tid].involuntary >= before[tid].involuntary


def test_switches_are_counted_at_each_look(sampler):
    def naps_when_told(stop, told, napped):
        while not stop.is_set():
            if told.wait(0.05):
                told.clear()
                for _ in range(20):
                    time.sleep(0.0001)
                napped.set()

    if not counts_nanoseconds():
        pytest.skip("this kernel does not fill schedstat")
    told, napped = threading.Event(), threading.Event()
    with threads(1, naps_when_told, told, napped) as [tid]:
        last = look(sampler)[1][tid]
        for _ in range(2 * TURNS):
            told.set()
            assert napped.wait(LIMIT_S)
            napped.clear()
            now = look(sampler)[1][tid]
            assert now.voluntary + now.involuntary >= last.voluntary + last.involuntary + 20
            last = now


def test_a_state_is_seen_within_a_thread_s_turns(sampler):
    wake = threading.Event()

    def sleep_then_burn(stop):
        wake.wait(LIMIT_S)
        burn(stop)

    with threads(1, sleep_then_burn) as [tid]:
        until(sampler, lambda rows: rows[tid].state == "S")
        wake.set()
        until(sampler, lambda rows: rows[tid].state == "R")
    until(sampler, lambda rows: tid not in rows)


def test_a_thread_that_takes_the_place_of_another_is_found(sampler):
    """The folder has as many links as before."""
    for _ in range(5):
        with threads(3, nap) as before:
            assert set(before) <= set(look(sampler)[1])
        with threads(3, nap) as after:
            rows = look(sampler)[1]
            assert set(after) <= set(rows)
            assert not (set(before) - set(after)) & set(rows)


def test_threads_come_and_go(sampler):
    stop = threading.Event()

    def churn():
        while not stop.is_set():
            short = threading.Thread(target=int)
            short.start()
            short.join()

    churning = threading.Thread(target=churn)
    churning.start()
    try:
        seen = set()
        end = time.monotonic() + LIMIT_S
        while len(seen) < 20 and time.monotonic() < end:
            sample, rows = look(sampler)
            assert len(rows) == len(sample.threads)
            seen |= {(row.tid, row.born) for row in rows.values()}
        assert len(seen) >= 20
    finally:
        stop.set()
        churning.join(LIMIT_S)


def test_ended_threads_stay_in_the_clock_of_the_process(sampler):
    def some_work():
        while time.thread_time_ns() < 50_000_000:
            sum(range(1000))

    before, _ = look(sampler)
    worker = threading.Thread(target=some_work)
    worker.start()
    worker.join(LIMIT_S)
    after, _ = until(sampler, lambda rows: worker.native_id not in rows)
    assert after.cpu_ns - before.cpu_ns >= 50_000_000


def test_files_are_kept_open_and_given_back():
    budget = Budget(limit=1000)
    sampler = ProcessSampler(os.getpid(), budget=budget)
    files = len(os.listdir("/proc/self/fd"))
    with threads(4, nap) as tids:
        _, rows = look(sampler)
        assert set(tids) <= set(rows)
        assert budget.used == 3 * len(rows)
        assert len(os.listdir("/proc/self/fd")) == files + budget.used
    _, rows = until(sampler, lambda rows: not set(tids) & set(rows))
    assert budget.used == 3 * len(rows)
    sampler.close()
    assert budget.used == 0


@pytest.mark.parametrize("limit", [0, 5])
def test_beyond_the_budget_files_are_opened_for_each_look(limit):
    budget = Budget(limit=limit)
    sampler = ProcessSampler(os.getpid(), budget=budget)
    with threads(6, nap) as tids:
        for _ in range(3):
            _, rows = look(sampler)
            assert set(tids) <= set(rows)
            assert all(rows[tid].voluntary is not None for tid in tids)
        assert budget.used == limit
    sampler.close()
    assert budget.used == 0


def test_the_limit_of_open_files_is_raised_when_it_is_met():
    code = """
import resource
from threadscope.sampling.descriptors import Budget
resource.setrlimit(resource.RLIMIT_NOFILE, (300, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
budget = Budget()
print(budget.limit, all(budget.take() for _ in range(500)), budget.limit > 500)
"""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < 1000:
        pytest.skip("the hard limit is low here")
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["100", "True", "True"]


def test_when_others_took_the_files_it_closes_its_own_and_goes_on():
    code = """
import os, resource, threading
from threadscope.sampling.proc import ProcessSampler
stop = threading.Event()
threads = [threading.Thread(target=stop.wait) for _ in range(150)]
for thread in threads:
    thread.start()
sampler = ProcessSampler(os.getpid())
resource.setrlimit(resource.RLIMIT_NOFILE, (300, 300))  # the budget thinks of many more
for _ in range(3):
    print(len(sampler.sample(0).threads))
stop.set()
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["151"] * 3


def test_a_process_that_dies_ends_the_samples_even_as_a_zombie():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    sampler = open_sampler(child.pid)
    try:
        sample = sampler.sample(7)
        assert sample is not None
        assert (sample.pid, sample.t) == (child.pid, 7)
        child.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, not yet reaped
        assert sampler.sample(8) is None
        assert sampler.sample(9) is None
    finally:
        child.kill()
        child.wait(LIMIT_S)
        sampler.close()


def test_a_process_that_never_was():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait(LIMIT_S)
    sampler = open_sampler(child.pid)
    assert sampler.sample(0) is None
    sampler.close()


def test_the_clock_id_is_the_one_of_the_c_library():
    clock = ctypes.c_int()
    assert ctypes.CDLL(None).clock_getcpuclockid(os.getpid(), ctypes.byref(clock)) == 0
    assert process_clock(os.getpid()) == clock.value


def test_a_thread_that_sleeps_is_seen_with_the_name_that_another_one_gave_it(sampler):
    with threads(1, nap) as [tid]:
        until(sampler, lambda rows: rows[tid].state == "S")
        look(sampler)
        with open(f"/proc/self/task/{tid}/comm", "w") as file:
            file.write("renamed")
        names = [look(sampler)[1][tid].name for _ in range(TURNS)]
        assert names[-1] == "renamed"


def test_a_thread_that_wakes_after_a_long_sleep_is_seen_at_once(sampler):
    def sleep_then_burn(stop, wake):
        wake.wait(LIMIT_S)
        burn(stop)

    wake = threading.Event()
    with threads(1, sleep_then_burn, wake) as [tid]:
        _, before = until(sampler, lambda rows: rows[tid].state == "S")
        before = look(sampler)[1]
        wake.set()
        _, after = until(sampler, lambda rows: rows[tid].cpu_ns > before[tid].cpu_ns)
        assert after[tid] is not before[tid]
        until(sampler, lambda rows: rows[tid].state == "R")
