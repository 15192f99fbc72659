from __future__ import annotations

from dataclasses import replace
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from tests import factories as f
from tests.factories import BASE, MS, S
from threadscope.tui import lanes_math as lm
from threadscope.tui.crowd import meet, together

AT = BASE + 20 * S
VIEW = lm.window(AT, 6 * S, 60)
"""A cell is 100 ms."""


lane = partial(f.worker_lane, AT)


def shown(one, levels: int = lm.FULL) -> str:
    """`#` for CPU, `░` for a request without, `.` for neither."""
    cells = lm.lane_cells(one, VIEW, levels)
    return "".join("#" if c.height else "░" if c.held else "." for c in cells)


@given(
    st.lists(
        st.tuples(
            st.lists(st.tuples(st.integers(3, 20), st.integers(1, 30)), max_size=12),
            st.integers(0, 40),
        ),
        min_size=2,
        max_size=4,
    ),
    st.lists(st.integers(1, 12), min_size=1, max_size=6),
)
def test_a_crowd_is_the_same_however_often_it_was_drawn_before(threads, looks):
    """Gaps are three cells and more: none is left out."""
    every = []
    for tid, (spans, percent) in enumerate(threads, 1):
        t, made = AT - 9 * S, []
        for idle, busy in spans:
            begin, t = t + idle * 100 * MS, t + (idle + busy) * 100 * MS
            made.append(f.span(begin, t, tid))
        every.append((tid, made, percent))
    at, before = AT - 5 * S, None
    for step in looks:
        at += step * 130 * MS
        view = lm.window(at, 6 * S, 60)
        lanes = [
            f.lane("w", made, at=at, tid=tid, share=lambda t, p=percent: p * (t // S % 3) / 200)
            for tid, made, percent in every
        ]
        before = meet(lanes, view, before)
        whole = lm.lane_cells(together(lanes, view), view)
        assert lm.lane_cells(together(lanes, view, before), view) == whole


def test_a_crowd_has_the_cpu_of_all_of_them():
    four = [lane(tid, (6, 0), share=0.25) for tid in range(1, 5)]
    heights = {cell.height for cell in lm.lane_cells(together(four, VIEW), VIEW)}
    assert heights == {lm.FULL}
    heights = {cell.height for cell in lm.lane_cells(together(four[:2], VIEW), VIEW)}
    assert heights == {lm.FULL // 2}


def test_a_crowd_is_in_a_request_when_any_of_them_is():
    crowd = together([lane(1, (6, 4)), lane(2, (5, 3)), lane(3, (1, 0)), lane(4)], VIEW)
    assert shown(crowd) == "░" * 29 + "." * 20 + "░" * 11
    assert {c.request for c in lm.lane_cells(crowd, VIEW)} == {0, lm.MANY}
    assert crowd.label == "4 more"


def test_what_one_did_while_it_had_a_lane_of_its_own_counts_once():
    many = [lane(tid, share=0.02) for tid in range(1, 21)]
    before = None
    for at, lanes in ((AT - 2 * S, many), (AT - S, many[1:]), (AT, many)):
        view = lm.window(at, 6 * S, 60)
        lanes = [replace(one, cpu=f.cpu_points(at, lambda t: 0.02)) for one in lanes]
        before = meet(lanes, view, before)
    whole = lm.lane_cells(together(many, view), view)
    assert lm.lane_cells(together(many, view, before), view) == whole


def test_a_crowd_of_short_requests_is_held_by_as_many_as_there_are():
    def crowd(count: int) -> set[int]:
        lanes = []
        for tid in range(count):
            begin = AT - 6 * S + tid * 2 * MS
            short = [f.span(begin + i * 20 * MS, begin + i * 20 * MS + MS, tid) for i in range(290)]
            lanes.append(f.lane("worker", short, at=AT, tid=tid))
        return {c.request for c in lm.lane_cells(together(lanes, VIEW), VIEW)[5:50]}

    assert crowd(2) == {lm.PASSING}
    assert crowd(8) == {lm.MANY}


def test_an_idle_crowd_is_idle():
    assert shown(together([lane(1), lane(2)], VIEW)) == "." * 60


def test_threads_of_processes_that_are_sampled_one_after_the_other():
    later = lane(2, (6, 0), share=0.25)
    moved = tuple(tuple(p._replace(t=p.t + 7 * MS) for p in chunk) for chunk in later.cpu)
    crowd = together([lane(1, (6, 0), share=0.25), replace(later, cpu=moved)], VIEW)
    heights = {cell.height for cell in lm.lane_cells(crowd, VIEW)[1:-4]}
    assert heights == {lm.FULL // 2}


def test_a_thread_that_comes_later_adds_what_it_did_since():
    late = lane(2, (2, 0), share=0.5)
    clock = [[p._replace(cpu_ns=p.cpu_ns + 99 * S) for p in chunk] for chunk in late.cpu[-2:]]
    crowd = together([lane(1), replace(late, cpu=clock)], VIEW)
    assert shown(crowd)[:35] == "." * 35
    assert {cell.height for cell in lm.lane_cells(crowd, VIEW)[-10:]} == {lm.FULL // 2}


@given(st.lists(st.tuples(st.integers(1, 8), st.integers(0, 190), st.integers(1, 9)), max_size=60))
def test_many_threads_or_long_cells_change_little(made):
    """The quick ways give what the slow one gives, but for gaps that nobody sees."""
    spans: dict[int, list] = {}
    for tid, begin, length in sorted(made):
        mine = spans.setdefault(tid, [])
        at = BASE + begin * 100 * MS
        if not mine or mine[-1].end <= at:
            mine.append(f.span(at, min(at + length * 100 * MS, AT), tid))
    lanes = [f.lane("worker", some, at=AT, tid=tid) for tid, some in spans.items()]
    if not lanes:
        return
    held = [any(a < t + 50 * MS < b for some in spans.values() for a, b, *_ in some)
            for t in range(VIEW.begin, AT - VIEW.slice_ns, VIEW.slice_ns)]  # fmt: skip
    cells = lm.lane_cells(together(lanes, VIEW), VIEW)
    assert [cell.held for cell in cells][: len(held)] == held
    minute = lm.window(AT, 60 * S, 60)
    coarse = lm.lane_cells(together(lanes, minute), minute)
    assert any(cell.held for cell in coarse) or not any(
        b - a > 500 * MS for some in spans.values() for a, b, *_ in some
    )
