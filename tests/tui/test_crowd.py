from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests import factories as f
from tests.factories import BASE, MS, PID, S
from threadscope.model.snapshot import Lane, Snapshot
from threadscope.tui import lanes_math as lm
from threadscope.tui.crowd import Places, activity, meet, together
from threadscope.tui.rows import key_of

AT = BASE + 20 * S
VIEW = lm.window(AT, 6 * S, 60)
"""A cell is 100 ms."""


def lane(tid: int, *spans: tuple[float, float], share: float = 0.0, **more):
    """A worker's lane; spans in seconds before now, 0 meaning that it goes on."""
    made = [f.span(AT - int(a * S), AT - int(b * S) + (b == 0), tid) for a, b in spans]
    return f.lane(f"worker-{tid:02}", made, at=AT, tid=tid, share=lambda t: share, **more)


def ranks(*lanes, seconds: int = 6) -> list[int]:
    did = activity(lanes, AT - seconds * S, AT)
    return sorted((one.tid for one in lanes), key=lambda tid: -did[PID, tid])


def test_time_in_requests_counts():
    assert ranks(lane(1, (5, 4)), lane(2, (5, 2)), lane(3), lane(4, (4, 0))) == [4, 2, 1, 3]


def test_what_was_before_the_window_does_not():
    assert activity([lane(1, (15, 9))], AT - 6 * S, AT) == {(PID, 1): 0}
    assert activity([lane(1, (19, 1))], AT - 6 * S, AT)[PID, 1] == 6 * S


def test_who_is_in_a_request_now_comes_before_who_was():
    assert ranks(lane(1, (6, 1)), lane(2, (3, 0)), lane(3, (2, 0))) == [2, 1, 3]


def test_who_computes_comes_before_who_sleeps():
    sleeper, worker = lane(1, (6, 0)), lane(2, (6, 0), share=0.3)
    stranger, idle = lane(3, share=0.9), lane(4)
    assert ranks(sleeper, worker, stranger, idle) == [2, 3, 1, 4]


def shown(one, levels: int = lm.FULL) -> str:
    """`#` for CPU, `░` for a request without, `.` for neither."""
    cells = lm.lane_cells(one, VIEW, levels)
    return "".join("#" if c.height else "░" if c.held else "." for c in cells)


@given(
    st.lists(
        st.lists(st.tuples(st.integers(3, 20), st.integers(1, 30)), max_size=12),
        min_size=2,
        max_size=4,
    ),
    st.lists(st.integers(1, 12), min_size=1, max_size=6),
)
def test_a_crowd_is_the_same_however_often_it_was_drawn_before(threads, looks):
    """Gaps are three cells and more: none is left out."""
    every = []
    for tid, spans in enumerate(threads, 1):
        t, made = AT - 9 * S, []
        for idle, busy in spans:
            begin, t = t + idle * 100 * MS, t + (idle + busy) * 100 * MS
            made.append(f.span(begin, t, tid))
        every.append((tid, made))
    at, before = AT - 5 * S, None
    for step in looks:
        at += step * 130 * MS
        view = lm.window(at, 6 * S, 60)
        lanes = [f.lane(f"w{tid}", made, at=at, tid=tid) for tid, made in every]
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


def test_places_are_judged_once_a_second():
    places, busy = Places(), lane(1, (6, 0))
    first = places.activity(Snapshot(at=AT, lanes=(busy,)))
    assert first == {(PID, 1): 12 * S}
    assert places.activity(Snapshot(at=AT + 900 * MS, lanes=())) is first
    assert places.activity(Snapshot(at=AT + 1100 * MS, lanes=())) == {}
    assert places.activity(Snapshot(at=AT - S, lanes=(busy,))) != {}, "stepping back"
    places.seconds = 3.0
    assert places.activity(Snapshot(at=AT - S, lanes=(busy,)))[PID, 1] <= 6 * S, "another zoom"


def test_places_are_settled_before_the_picture_that_would_have_to():
    places, lanes = Places(), tuple(lane(n, (6, 5)) for n in range(1, 9))

    def at(later: int, *busy: Lane) -> Snapshot:
        return Snapshot(at=AT + later * MS, lanes=busy or lanes)

    def shown(snapshot: Snapshot) -> list[int]:
        ours, _ = places.choose("lanes", snapshot, snapshot.lanes, 3, apart=False)
        return [one.tid for one in ours]

    assert shown(at(0)) == [1, 2]
    now_busy = (*lanes[:7], lane(8, (6, 0), share=1.0))
    soon = at(750, *now_busy)
    assert shown(soon) == [1, 2], "settled for a second"
    judged = places.activity(soon)
    places.settle(soon)
    settled = places.activity(soon)
    assert settled is not judged
    assert shown(at(1000, *now_busy)) == [1, 8]
    assert places.activity(at(1000, *now_busy)) is settled, "not judged again"
    places.settle(at(1250, *now_busy))
    assert places.activity(at(1250, *now_busy)) is settled, "too soon"


def test_places_know_how_many_panels_show_a_thread():
    places, one, two = Places(), lane(1), lane(2)
    places.keep("threads", [one])
    places.keep("lanes", [one, two])
    assert places.kept == {key_of(one): 2, key_of(two): 1}
    places.keep("lanes", [two])
    assert places.kept == {key_of(one): 1, key_of(two): 1}
