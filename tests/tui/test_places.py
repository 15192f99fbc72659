from __future__ import annotations

from functools import partial

from tests import factories as f
from tests.factories import BASE, MS, PID, S
from threadscope.model.snapshot import Lane, Snapshot
from threadscope.tui.places import Places, activity
from threadscope.tui.rows import key_of

AT = BASE + 20 * S


lane = partial(f.worker_lane, AT)


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


def test_chunks_are_summed_once():
    busy, sums = lane(1, (5, 4), (3, 2), (1.5, 0)), {}
    first = activity([busy], AT - 6 * S, AT, {}, sums)
    assert sorted(total for _, total in sums.values()) == [S, S]
    told = {key: (chunk, 0) for key, (chunk, _) in sums.items()}
    later = {}
    assert activity([busy], AT - 6 * S, AT, told, later) == {(PID, 1): 2 * 1.5 * S}
    assert later == told
    assert first == {(PID, 1): 2 * 3.5 * S}


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
