from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.factories import MS, S, chunked, lane, span
from threadscope.model.snapshot import CpuPoint, DepthPoint
from threadscope.tui import lanes_math as lm

AT = 1100 * S


def view(seconds: float = 6, width: int = 60, at: int = AT) -> lm.Window:
    return lm.window(at, int(seconds * S), width)


def numbers(cells: list[lm.LaneCell]) -> list[int]:
    return [cell.request for cell in cells]


def heights(cells: list[lm.LaneCell]) -> list[int]:
    return [cell.height for cell in cells]


def test_the_last_cell_holds_the_snapshots_time():
    for at in (AT, AT + 1, AT + 99 * MS):
        shown = view(at=at)
        assert shown.end - shown.slice_ns <= at < shown.end
        assert shown.slice_ns == 100 * MS


def test_a_lane_moves_in_whole_cells():
    spans = [span(AT - 5 * S + i * 700 * MS, AT - 5 * S + (i + 1) * 700 * MS, i) for i in range(9)]
    one = lane("event loop", spans, at=AT + S, share=lambda t: (t // MS % 7) / 7)
    before = lm.lane_cells(one, view(at=AT))
    after = lm.lane_cells(one, view(at=AT + 300 * MS))
    assert after[: 60 - 3 - 1] == before[3 : 60 - 1]


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(1, 900)), max_size=40),
    st.lists(st.integers(1, 900), min_size=1, max_size=8),
    st.sampled_from([lm.FULL, 2 * lm.FULL]),
)
def test_a_lane_is_the_same_however_often_it_was_drawn_before(gaps, looks, levels):
    """But for its first cell: of what is cut off there the earlier drawings know more."""
    begin, spans = AT - 8 * S, []
    for number, (idle, busy) in enumerate(gaps):
        begin += idle * MS
        spans.append(span(begin, begin + busy * MS, number + 1))
        begin += busy * MS
    whole = lane("w", at=AT, share=lambda t: (t // MS % 7) / 7)
    at, before = AT - 6 * S, None
    for step in looks:
        at += step * MS
        read = tuple(tuple(p for p in chunk if p.t <= at - 70 * MS) for chunk in whole.cpu)
        one = replace(lane("w", spans, at=at), cpu=read)
        before = lm.drawn(one, view(at=at), levels, before)
        assert before.cells[1:] == lm.lane_cells(one, view(at=at), levels)[1:]
        assert len(before.cells) == 60


def test_a_span_takes_the_cells_that_it_fills():
    one = lane("w", [span(AT - 3 * S, AT - 2 * S, 7)], at=AT)
    assert numbers(lm.lane_cells(one, view())) == [0] * 29 + [7] * 10 + [0] * 21


def test_successive_requests_have_a_boundary_and_gaps_have_none():
    spans = [span(AT - 3 * S, AT - 2 * S, 7), span(AT - 2 * S, AT - S, 8)]
    spans.append(span(AT - 500 * MS, AT - 200 * MS, 9))
    cells = lm.lane_cells(lane("w", spans, at=AT), view())
    assert [i for i, cell in enumerate(cells) if cell.boundary] == [39]


def test_two_steps_of_one_request_have_no_boundary():
    spans = [span(AT - 3 * S, AT - 2 * S, 7), span(AT - 2 * S, AT - S, 7)]
    assert not any(cell.boundary for cell in lm.lane_cells(lane("w", spans, at=AT), view()))


def test_a_current_span_reaches_the_last_cell():
    one = lane("w", [span(AT - S, AT + S, 7)], at=AT)
    assert numbers(lm.lane_cells(one, view()))[-11:] == [7] * 11
    just = lane("w", [span(AT - MS, AT + S, 8)], at=AT)
    assert numbers(lm.lane_cells(just, view()))[-2:] == [0, 8]


def test_a_short_span_is_seen_and_several_are_many():
    spans = [span(AT - 2 * S + 10 * MS, AT - 2 * S + 12 * MS, 1)]
    spans += [span(AT - S + i * MS, AT - S + (i + 1) * MS, 2 + i) for i in range(30)]
    cells = lm.lane_cells(lane("w", spans, at=AT), view())
    assert numbers(cells)[39] == 1
    assert numbers(cells)[49] == lm.MANY
    assert sum(cell.held for cell in cells) == 2


def test_spans_of_several_requests_have_no_number():
    one = lane("w", [span(AT - S, AT - 500 * MS, 7, requests=40)], at=AT)
    assert set(numbers(lm.lane_cells(one, view()))) == {0, lm.MANY}


def test_short_ones_with_much_time_between_them_only_pass():
    def cells(*spans):
        return numbers(lm.lane_cells(lane("w", spans, at=AT), view()))[39:49]

    begin = AT - 2 * S
    thin = [span(begin + i * 25 * MS, begin + (i * 25 + 1) * MS, 2 + i) for i in range(40)]
    assert cells(*thin) == [lm.PASSING] * 10
    assert cells(*thin[::4]) == [one.request for one in thin[::4]], "alone in its cell"
    whole = span(begin, begin + S, 2, requests=40, busy=240 * MS)
    assert cells(whole) == [lm.PASSING] * 10
    assert cells(whole._replace(busy=260 * MS)) == [lm.MANY] * 10
    within = [span(begin + i * 100 * MS, begin + (i * 100 + 20) * MS, 2 + i, 9, 2 * MS)
              for i in range(10)]  # fmt: skip
    assert cells(*within) == [lm.PASSING] * 10
    long = span(begin, begin + 260 * MS, 1)
    after = [span(begin + (262 + 9 * i) * MS, begin + (263 + 9 * i) * MS, 2 + i) for i in range(4)]
    assert cells(long, *after)[:4] == [1, 1, 1, 0], "the cell is the long one's"


def test_a_span_longer_than_the_window_fills_it():
    one = lane("w", [span(AT - 50 * S, AT + S, 7)], at=AT)
    assert numbers(lm.lane_cells(one, view(1.5))) == [7] * 60


def test_height_is_the_share_of_a_core():
    for share, height in ((0.0, 0), (0.02, 0), (0.05, 1), (0.25, 2), (0.5, 4), (0.93, 7), (1.0, 8)):
        one = lane("w", at=AT, share=lambda t, share=share: share)
        assert set(heights(lm.lane_cells(one, view()))) == {height}
    assert set(heights(lm.lane_cells(lane("w", at=AT, share=lambda t: 0.25), view(), 16))) == {4}


def test_cells_narrower_than_a_sample_interpolate():
    one = lane("w", at=AT, share=lambda t: 1.0 if t < AT - S else 0.0)
    cells = heights(lm.lane_cells(one, view(1.5, 60)))
    assert cells[:19] == [8] * 19
    assert cells[21:] == [0] * 39


def test_an_impossible_clock_does_no_harm():
    points = ((CpuPoint(AT - 2 * S, 5 * S), CpuPoint(AT - S, 0), CpuPoint(AT, 9 * S)),)
    one = lane("w", at=AT)
    one = type(one)(one.pid, one.tid, "w", one.role, (), (), points, AT)
    cells = heights(lm.lane_cells(one, view()))
    assert cells[45] == 0
    assert cells[55] == 8


def test_a_lane_ends_with_its_thread():
    one = lane("w", at=AT - 3 * S, share=lambda t: 1.0)
    cells = heights(lm.lane_cells(one, view()))
    assert cells[:29] == [8] * 29
    assert cells[35:] == [0] * 25


def test_a_lane_that_knows_nothing_is_idle():
    one = lane("w", at=AT)
    empty = type(one)(1, 1, "w", one.role, ((),), (), ((),), 0)
    assert lm.lane_cells(empty, view()) == [lm.LaneCell(0, 0, False, False)] * 60
    assert lm.lane_cells(one, view(width=0)) == []
    assert lm.cpu_percent(empty, AT) is None


def test_percent_of_the_last_second():
    one = lane("w", at=AT, share=lambda t: 0.5 if t >= AT - 2 * S else 1.0)
    assert round(lm.cpu_percent(one, AT) or 0) == 50


def test_the_queues_cell_holds_its_greatest_depth():
    points = [DepthPoint(AT - 5 * S, 3), DepthPoint(AT - 2 * S, 0)]
    points += [DepthPoint(AT - S + MS, 9), DepthPoint(AT - S + 2 * MS, 1)]
    cells = lm.depth_cells(chunked(points, lambda point: point.t), view())
    assert cells[:9] == [0] * 9
    assert cells[9:39] == [3] * 30
    assert cells[40:49] == [0] * 9
    assert cells[49:] == [9] + [1] * 10
    assert lm.depth_cells((), view()) == [0] * 60


def test_a_queue_of_one_is_seen_and_a_long_one_is_full():
    assert [lm.depth_height(depth, 3) for depth in (0, 1, 3, 8)] == [0, 1, 3, 8]
    assert [lm.depth_height(depth, 80) for depth in (0, 1, 40, 80)] == [0, 1, 4, 8]


steps = st.lists(st.tuples(st.integers(0, 300), st.integers(1, 900)), max_size=60)


@given(steps, st.sampled_from([1.5, 6, 60]), st.integers(1, 200))
def test_any_spans_fill_exactly_the_window(pairs: list[tuple[int, int]], zoom: float, width: int):
    spans, t = [], AT - 30 * S
    for i, (idle, busy) in enumerate(pairs, 1):
        spans.append(span(t + idle * MS, t + (idle + busy) * MS, i))
        t += (idle + busy) * MS
    shown = view(zoom, width)
    cells = lm.lane_cells(lane("w", spans, at=AT), shown)
    assert len(cells) == width
    for i, cell in enumerate(cells):
        begin, end = shown.begin + i * shown.slice_ns, shown.begin + (i + 1) * shown.slice_ns
        there = {one.request for one in spans if one.begin < end and one.end > begin}
        assert cell.request in there | {0, lm.MANY, lm.PASSING}
        assert cell.held == bool(cell.request)
        if cell.request < 0:
            assert len(there) > 1
