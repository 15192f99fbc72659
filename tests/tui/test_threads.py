from __future__ import annotations

from dataclasses import replace

from tests import factories as f
from tests.tui.driving import text
from threadscope.model.snapshot import Role, Snapshot
from threadscope.tui.lanes import LanesPanel
from threadscope.tui.places import Places
from threadscope.tui.sharing import share
from threadscope.tui.threads import ThreadsPanel

NAMES = ["Threads", "TID", "THREAD", "S", "P", "%CPU", "WAIT%", "SW/s", "TIME+", "HOPS", "NOW"]


def test_the_event_loop_is_first_and_the_sum_last():
    lines = text(ThreadsPanel(), f.cpu_async())
    assert lines[0].split() == NAMES
    assert lines[1].split()[:6] == ["41213", "event", "loop", "R", "1", "99.8"]
    assert "#77 GET /cpu/async/{client}" in lines[1]
    assert lines[-1].startswith("           all  2 threads")
    assert lines[-1].split()[3:7] == ["99.8", "1.00", "of", "2"]


def test_several_processes_have_a_heading_each_and_their_threads_below():
    lines = text(ThreadsPanel(), f.two_workers())
    assert [line.split()[:3] for line in lines[1:-1]] == [
        ["▾", "supervisor", f"{f.PID}"],
        ["▾", "worker", f"{f.PID + 1}"],
        [f"{f.PID + 1}", "event", "loop"],
        ["▾", "worker", f"{f.PID + 2}"],
        [f"{f.PID + 2}", "event", "loop"],
    ]
    assert lines[2].rstrip().endswith("39 requests, 1 open")


def test_headings_give_way_where_there_is_no_room():
    lines = text(ThreadsPanel(), f.two_workers(), height=5)
    assert [line.split()[0] for line in lines[1:-1]] == [f"{f.PID + 1}", f"{f.PID + 2}"]


def test_sorting_goes_through_the_columns_and_back():
    panel, snapshot = ThreadsPanel(), f.cpu_def()
    natural = text(panel, snapshot)
    panel.next_sort()
    assert "▼%CPU" in text(panel, snapshot)[0]
    assert "worker-01" in text(panel, snapshot)[1]
    panel.reverse()
    assert "▲%CPU" in text(panel, snapshot)[0]
    assert "event loop" in text(panel, snapshot)[1]
    panel.reverse()
    for title in ("WAIT%", "SW/s", "TIME+", "HOPS", ""):
        panel.next_sort()
        assert panel.sorted_by == title
    assert text(panel, snapshot) == natural


def test_idle_threads_can_be_hidden():
    panel = ThreadsPanel()
    panel.toggle_idle()
    lines = text(panel, f.cpu_async())
    assert not any("worker-01" in line for line in lines)
    assert "idle hidden" in lines[0]


def test_a_narrow_screen_drops_columns():
    assert "SW/s" not in text(ThreadsPanel(), f.cpu_async(), width=80)[0]


def test_what_is_not_known_is_not_zero():
    row = f.thread(cpu_percent=None, wait_percent=None, processor=None, cpu_s=None)
    line = text(ThreadsPanel(), replace(f.cpu_async(), threads=(row,)))[1]
    assert line.split()[2:] == ["S", "-", "-", "─" * 10, "-", "0.0", "-", "0"]


def test_the_event_loop_has_a_row_on_the_smallest_screen():
    lines = text(ThreadsPanel(), f.pool(), 60, share(15, 0, 41, 41).threads)
    assert "event loop" in lines[1]
    assert "40 more workers: 40 in a request" in lines[2]


def stranger_among_many() -> Snapshot:
    """Forty workers in requests, and a thread of another library that computes."""
    snapshot = f.pool()
    busy = f.thread(
        "blas", tid=f.PID + 99, role=Role.OTHER, cpu_percent=95.0, active_at=snapshot.at
    )
    return replace(snapshot, threads=(*snapshot.threads, busy))


def test_a_thread_that_computes_has_a_row_though_it_has_no_lane():
    lines = text(ThreadsPanel(), stranger_among_many(), height=6)
    assert [line.split()[1] for line in lines[1:3]] == ["event", "worker-01"]
    assert lines[3].split()[1] == "blas"
    assert lines[4].strip() == "39 more workers: 39 in a request, 0.0 %"


def test_the_column_decides_who_has_a_row_when_they_are_sorted():
    rows = f.pool().threads
    rows = [replace(row, cpu_percent=float(i)) for i, row in enumerate(rows)]
    panel, snapshot = ThreadsPanel(), replace(f.pool(), threads=tuple(rows))
    panel.next_sort()
    lines = text(panel, snapshot, height=7)
    assert [line.split()[1] for line in lines[1:5]] == [
        "worker-40", "worker-39", "worker-38", "event",
    ]  # fmt: skip
    panel.reverse()
    assert [line.split()[1] for line in text(panel, snapshot, height=7)[1:5]] == [
        "event", "worker-01", "worker-02", "worker-03",
    ]  # fmt: skip


def test_table_and_lanes_agree_on_whom_they_show():
    places = Places()
    threads, lanes = ThreadsPanel(places), LanesPanel(places)
    for t in range(24, 40):
        snapshot = f.pool(t * f.S)
        table, drawn = text(threads, snapshot, height=8), text(lanes, snapshot, height=12)
        shown = {line.split()[1] for line in table[2:6]}
        assert len(shown) == 4
        assert all(any(line.startswith(f" {name}") for line in drawn) for name in shown)
