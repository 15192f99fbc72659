from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.factories import PID, S, pool, thread
from threadscope.model.snapshot import Role
from threadscope.tui.rows import choose, fold_text, is_idle, key_of, worth_a_row
from threadscope.tui.sharing import Heights, notice_room, share

AT = 100 * S


def workers(count: int, **changes) -> list:
    return [thread(f"worker-{i:02}", tid=i, **changes) for i in range(1, count + 1)]


def labels(rows) -> list[str]:
    return [row.label for row in rows]


def doing(*seconds: float) -> dict:
    """What workers 1, 2, ... did."""
    return {(PID, tid): s * S for tid, s in enumerate(seconds, 1)}


def picked(rows, room: int, *args, **how) -> list[str]:
    return labels(choose(rows, room, *args, **how)[0])


def test_natural_order_is_the_loop_then_the_workers_by_number():
    rows = [*workers(10)[::-1], thread("event loop", tid=99)]
    shown, folded = choose(rows, 20, {})
    assert labels(shown) == ["event loop", *(f"worker-{i:02}" for i in range(1, 11))]
    assert folded == []


def test_what_they_do_decides_who_is_shown_but_not_where():
    rows = [thread("event loop", tid=99), *workers(10)]
    assert picked(rows, 4, doing(0, 1, 0, 0, 0, 0, 0, 0, 3)) == [
        "event loop", "worker-02", "worker-09",
    ]  # fmt: skip


def test_the_event_loop_has_a_row_though_it_does_nothing():
    rows = [*workers(10), thread("event loop", tid=99)]
    assert "event loop" in picked(rows, 2, doing(*[5] * 10))


def test_who_has_a_row_keeps_it_until_another_does_much_more():
    rows, kept = workers(3), {key_of(workers(3)[0]): 1}
    assert picked(rows, 2, doing(1, 1.4, 0), kept) == ["worker-01"]
    assert picked(rows, 2, doing(1, 1.6, 0), kept) == ["worker-02"]
    kept[key_of(rows[0])] = 2
    assert picked(rows, 2, doing(1, 2.1, 0), kept) == ["worker-01"], "it has one in two panels"


def test_the_idle_ones_give_way_to_whoever_does_anything():
    rows, kept = workers(4), {key_of(row): 2 for row in workers(3)}
    assert picked(rows, 2, doing(0, 0, 0, 0.001), kept) == ["worker-04"]
    assert picked(rows, 3, doing(), kept) == ["worker-01", "worker-02"]


def of(pid: int, count: int, first: int = 1) -> list:
    loop = thread("event loop", pid=pid, tid=pid)
    return [loop, *(replace(row, pid=pid) for row in workers(count))]


def test_processes_take_turns():
    rows = of(100, 40) + of(200, 3)
    did = {key_of(row): 5 * S for row in rows if row.pid == 100}
    did |= {(200, 1): 1 * S, (200, 2): 2 * S}
    shown, folded = choose(rows, 8, did)
    assert [(row.pid, row.label) for row in shown] == [
        (100, "event loop"), (100, "worker-01"), (100, "worker-02"), (100, "worker-03"),
        (200, "event loop"), (200, "worker-01"), (200, "worker-02"),
    ]  # fmt: skip
    assert [(crowd.pid, len(crowd.threads)) for crowd in folded] == [(0, 38)]


def test_a_fold_for_each_process_where_there_is_room():
    rows = of(100, 40) + of(200, 40)
    did = {key_of(row): S for row in rows}
    for room in (4, 5, 9, 50):
        shown, folded = choose(rows, room, did, apart=True)
        assert [crowd.pid for crowd in folded] == [100, 200]
        assert {row.pid for row in shown} == {100, 200}
        assert len(shown) + len(folded) == room
    assert [crowd.pid for crowd in choose(rows, 3, did, apart=True)[1]] == [0]


def test_a_fold_never_holds_one_thread_alone():
    rows = of(100, 4) + of(200, 1)
    shown, folded = choose(rows, 6, {key_of(row): S for row in rows}, apart=True)
    assert [crowd.pid for crowd in folded] == [100]
    assert [row.label for row in shown if row.pid == 200] == ["event loop", "worker-01"]


some_threads = st.lists(
    st.tuples(st.integers(1, 3), st.sampled_from([Role.LOOP, Role.WORKER, Role.OTHER])), max_size=40
)


@given(some_threads, st.integers(1, 45), st.booleans(), st.randoms())
def test_every_thread_has_a_line_or_is_in_a_fold(made, room, apart, random):
    rows = [thread("x", pid=pid, tid=tid, role=role) for tid, (pid, role) in enumerate(made, 1)]
    did = {key_of(row): random.choice([0, 1, 2, 5]) * S for row in rows}
    kept = {key_of(row): random.randrange(3) for row in rows}
    shown, folded = choose(rows, room, did, kept, apart=apart)
    together = [row for crowd in folded for row in crowd.threads]
    assert sorted(map(key_of, shown + together)) == sorted(map(key_of, rows))
    assert len(shown) + len(folded) <= room
    assert all(len(crowd.threads) > 1 for crowd in folded) or room <= len(folded)
    if any(row.role is not Role.LOOP for row in shown) and not apart:
        assert all(row.role is not Role.LOOP for row in together)


@given(st.lists(st.integers(0, 50), min_size=9, max_size=9), st.lists(st.integers(90, 110)))
def test_rows_that_do_about_the_same_never_jump(before, noise):
    rows, kept = workers(9), {}
    first = picked(rows, 5, doing(*before))
    for percent in noise:
        kept = {key_of(row): 1 for row in rows if row.label in first}
        did = doing(*(s * (percent if i % 2 else 200 - percent) for i, s in enumerate(before)))
        assert picked(rows, 5, did, kept) == first


@given(st.lists(st.integers(0, 50), min_size=12, max_size=12), st.integers(2, 12))
def test_a_smaller_panel_shows_a_part_of_what_a_larger_one_shows(did, room):
    rows = [thread("event loop", tid=99), *workers(12)]
    small, large = (picked(rows, lines, doing(*did)) for lines in (room, room + 2))
    assert set(small) <= set(large)


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
