from __future__ import annotations

from dataclasses import replace

from tests import factories as f
from tests.tui.driving import text
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
