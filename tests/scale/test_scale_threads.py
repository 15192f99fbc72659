from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from tests import factories as f
from tests.scale.generated import MS, Observer, Proc, S, Server, at
from threadscope.model.history import MOST_ROWS, History
from threadscope.model.snapshot import Role
from threadscope.probe import layout as L
from threadscope.sampling.proc import ProcessSampler
from threadscope.sampling.thread import TURNS
from threadscope.tui import lanes_math
from threadscope.tui.lanes import LanesPanel
from threadscope.tui.threads import ThreadsPanel

THREADS = 1000


@pytest.fixture
def proc(tmp_path):
    return Proc(tmp_path / "proc", THREADS)


@pytest.fixture
def sampler(proc):
    sampler = ProcessSampler(proc.pid, schedstat=True, proc=str(proc.root))
    yield sampler
    sampler.close()


@pytest.fixture
def observer(tmp_path):
    (tmp_path / "rings").mkdir()
    return Observer(tmp_path / "rings")


def sampled(observer, sampler, t):
    observer.aggregator.add_sample(sampler.sample(at(t)))
    return observer.look(t + 100)


def busy_server(tmp_path, proc, hops):
    """A server in which so many threads have a hop of a request each."""
    server = Server(tmp_path / "rings", proc.pid)
    for tid in range(1, hops + 1):
        cell = server.ring.cell(tid, 0, L.ROLE_WORKER, "AnyIO worker thread")
        begin = (cell.next_hop(), at(50), L.F_ENDPOINT << 48, 0, tid)
        L.HOP_BEGINS.pack_into(server.ring.map, cell.begin, *begin)
    return server


def test_each_thread_is_listed_with_its_own_clock(proc, sampler, observer):
    sampled(observer, sampler, 100)
    for tid in proc.cpu_ns:
        proc.set(tid, tid * MS // 2, "R" if tid % 3 == 0 else "S")
    for turn in range(TURNS):  # each thread's state is read in its turn
        sampler.sample(at(200 + turn))
    seen = sampled(observer, sampler, 1100)
    assert len(seen.threads) == THREADS
    for row in seen.threads:
        assert row.cpu_percent == pytest.approx(row.tid / 20)
        assert row.state == ("R" if row.tid % 3 == 0 else "S")
    assert sum(row.cpu_s for row in seen.threads) * S == pytest.approx(sum(proc.cpu_ns.values()))


def test_threads_that_do_nothing_are_the_same_rows_again(proc, sampler, observer):
    for t in (100, 200, 300):
        sampled(observer, sampler, t)
    before = sampled(observer, sampler, 500).threads
    proc.set(7, 20 * MS)
    after = sampled(observer, sampler, 600).threads
    assert [row.tid for row, old in zip(after, before, strict=True) if row is not old] == [7]


def test_threads_that_end_while_others_are_read(proc, sampler, observer):
    sampled(observer, sampler, 100)
    for tid in range(1, 501):
        proc.end(tid)
    seen = sampled(observer, sampler, 300)
    states = {row.tid: row.state for row in seen.threads}
    assert {tid for tid, state in states.items() if state == "X"} == set(range(1, 501))
    assert len(states) == THREADS


def test_a_folder_that_changes_while_it_is_read(proc, sampler, observer):
    def change():
        for tid in range(1, 301):
            proc.set(tid, tid * MS)
            if tid % 3 == 0:
                proc.end(tid)

    writer = threading.Thread(target=change)
    writer.start()
    t = 100
    while writer.is_alive():
        sampled(observer, sampler, t)
        t += 100
    writer.join()
    seen = sampled(observer, sampler, t)
    living = {row.tid: row.cpu_s for row in seen.threads if row.state != "X"}
    assert living == {tid: cpu_ns / S for tid, cpu_ns in proc.cpu_ns.items()}


def test_hops_on_all_of_them_are_told_once(tmp_path, proc, sampler, observer):
    server = busy_server(tmp_path, proc, THREADS)
    for t in range(200, 900, 100):
        seen = sampled(observer, sampler, t)
        assert seen.in_threads == THREADS
    workers = [row for row in seen.threads if row.role is Role.WORKER]
    assert {row.now.request for row in workers} == set(range(1, THREADS + 1))
    assert observer.aggregator.snapshot(seen.health).in_threads == THREADS
    for cell in server.ring.cells():
        server.ring.words[cell.now] = 0
        server.ring.put(L.HOP_OUT, L.F_ENDPOINT, 0, cell.tid, cell.tid, at(950), at(50), 10, 0)
    seen = sampled(observer, sampler, 1100)
    assert seen.in_threads == 0
    assert all(row.now is None for row in seen.threads)


def test_those_without_room_are_folded_and_summed(tmp_path, proc, sampler, observer):
    busy_server(tmp_path, proc, THREADS)
    sampled(observer, sampler, 100)
    for tid in proc.cpu_ns:
        proc.set(tid, 10 * MS)
    seen = sampled(observer, sampler, 1100)
    lines = [strip.text for strip in ThreadsPanel().draw(seen, 120, 20)]
    shown = sum("worker-" in line for line in lines)
    # the event loop's thread is one that no sample of this process has
    (fold,) = [line for line in lines if "more workers" in line]
    folded = THREADS - shown
    assert f"{folded} more workers: {folded} in a request, {float(folded):.1f} %" in fold
    assert lines[-1].split()[:3] == ["all", f"{THREADS + 1:,}", "1000.0"]
    assert f"{THREADS:,} in a request" in lines[-1]


def test_only_lanes_that_are_seen_are_drawn(tmp_path, proc, sampler, observer, monkeypatch):
    busy_server(tmp_path, proc, THREADS)
    seen = sampled(observer, sampler, 200)
    drawn, draw = [], lanes_math.lane_cells
    monkeypatch.setattr(lanes_math, "lane_cells", lambda *args: drawn.append(1) or draw(*args))
    strips = LanesPanel().draw(seen, 120, 14)
    assert len(seen.lanes) == THREADS + 1
    assert len(strips) <= 14
    assert 0 < len(drawn) < 14


def test_a_minute_of_a_thousand_threads_is_kept_in_larger_steps():
    history, row = History(), f.thread()
    for n in range(400):
        history.add(replace(f.cpu_async(), at=at(250 * n), threads=(row,) * THREADS))
    kept = history.all()
    assert history.latest.at == at(250 * 399)
    assert kept[-1].at - kept[0].at > 55 * S
    assert sum(len(one.threads) for one in kept) <= MOST_ROWS + 2 * THREADS


def test_a_minute_of_few_threads_is_kept_whole():
    history = History()
    for n in range(240):
        history.add(replace(f.cpu_async(), at=at(250 * n)))
    assert len(history) == 240
