from __future__ import annotations

from tests.factories import S, pool, thread
from threadscope.model.snapshot import Role
from threadscope.tui.rows import choose, fold_text, is_idle, key_of, worth_a_row
from threadscope.tui.sharing import Heights, notice_room, share

AT = 100 * S


def workers(count: int, **changes) -> list:
    return [thread(f"worker-{i:02}", tid=i, **changes) for i in range(1, count + 1)]


def labels(rows) -> list[str]:
    return [row.label for row in rows]


def test_natural_order_is_the_loop_then_the_workers_by_number():
    rows = [*workers(10)[::-1], thread("event loop", tid=99)]
    shown, folded = choose(rows, 20, AT)
    assert labels(shown) == ["event loop", *(f"worker-{i:02}" for i in range(1, 11))]
    assert folded == []


def test_activity_decides_who_is_shown_but_not_where():
    rows = [thread("event loop", tid=99), *workers(10)]
    rows[9] = thread("worker-09", tid=9, active_at=AT)
    shown, folded = choose(rows, 4, AT)
    assert labels(shown) == ["event loop", "worker-01", "worker-09"]
    assert len(folded) == 8


def test_who_had_a_row_keeps_it_among_the_active():
    rows = workers(40, active_at=AT)
    before = frozenset(key_of(row) for row in rows[10:13])
    shown, _ = choose(rows, 4, AT, before)
    assert labels(shown) == ["worker-11", "worker-12", "worker-13"]


def test_an_idle_one_gives_its_row_to_an_active_one():
    rows = workers(4)
    rows[3] = thread("worker-04", tid=4, active_at=AT)
    shown, _ = choose(rows, 2, AT, frozenset([key_of(rows[0])]))
    assert labels(shown) == ["worker-04"]


def test_no_thread_is_lost():
    rows = workers(40)
    for room in (1, 2, 39, 40, 41):
        shown, folded = choose(rows, room, AT)
        assert len(shown) + len(folded) == 40
        assert len(shown) + bool(folded) <= max(1, room)


def test_the_fold_says_what_it_holds():
    rows = {key_of(row): row for row in pool().threads}
    asleep = [row for row in rows.values() if row.role is Role.WORKER][4:]
    assert fold_text(asleep, rows) == "36 more workers: 36 in a request, 0.0 %"
    idle = workers(2)
    assert fold_text(idle, {key_of(row): row for row in idle}) == "2 more workers idle"
    assert fold_text([thread("x", role=Role.OTHER)], {}) == "1 more thread idle"


def test_the_probes_thread_and_sleeping_strangers_have_no_row():
    assert not worth_a_row(thread("probe", role=Role.PROBE, cpu_percent=50.0))
    assert not worth_a_row(thread("x", role=Role.OTHER))
    assert worth_a_row(thread("x", role=Role.OTHER, cpu_percent=40.0))


def test_the_event_loop_is_never_idle():
    assert is_idle(thread(), AT)
    assert not is_idle(thread("event loop"), AT)
    assert not is_idle(thread(active_at=AT), AT)


def total(height: int, notices: int, heights: Heights) -> int:
    return 2 + notices + heights.threads + heights.lanes + heights.requests + heights.verdict + 1


def test_the_panels_fill_the_screen_exactly():
    for height in (15, 19, 20, 24, 29, 30, 36, 50, 80):
        for threads in (0, 1, 5, 41, 400):
            for notices in (0, 1, notice_room(height)):
                heights = share(height, notices, threads, threads)
                assert total(height, notices, heights) == height
                assert heights.threads - heights.gap >= min(3, threads + 2)
                assert heights.lanes - heights.gap >= 3
                assert heights.requests - heights.gap >= 2


def test_few_threads_get_tall_lanes_and_many_do_not():
    assert share(36, 0, 5, 5).tall
    assert not share(24, 0, 2, 2).tall
    assert not share(36, 0, 41, 41).tall


def test_a_higher_screen_gives_more_to_lanes_and_log():
    low, high = share(24, 0, 41, 41), share(50, 0, 41, 41)
    assert high.lanes > low.lanes
    assert high.requests > low.requests
