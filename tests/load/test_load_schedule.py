"""What becomes of each scheduled request: sent on time, sent late or dropped, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from threadscope.load.schedule import MAX_WAITING, ON_TIME_NS, Schedule

S, MS = 1_000_000_000, 1_000_000


def waiting(schedule):
    return schedule.scheduled - schedule.on_time - schedule.late - schedule.dropped


def test_requests_come_due_at_even_moments():
    schedule = Schedule(100, 10 * S)
    assert schedule.take(0) is None, "not before it starts"
    schedule.start(5 * S)
    assert [schedule.take(5 * S + 25 * MS) for _ in range(4)] == [
        5 * S, 5 * S + 10 * MS, 5 * S + 20 * MS, None,
    ]  # fmt: skip
    assert schedule.next_due(0) == 5 * S + 30 * MS


def test_a_rate_that_does_not_divide_a_second_does_not_drift():
    schedule = Schedule(7, 10 * S, most=71)
    schedule.start(0)
    moments = [schedule.take(10 * S) for _ in range(71)]
    assert moments == [n * S // 7 for n in range(71)]
    assert schedule.take(10 * S) is None
    assert schedule.exhausted


def test_late_is_what_was_not_sent_at_its_moment():
    schedule = Schedule(1, 10 * S)
    schedule.start(0)
    assert schedule.take(ON_TIME_NS) == 0
    assert schedule.take(S + ON_TIME_NS + 1) == S
    assert (schedule.scheduled, schedule.on_time, schedule.late, schedule.dropped) == (2, 1, 1, 0)


def test_what_waits_longer_than_its_patience_is_dropped():
    schedule = Schedule(10, 2 * S)
    schedule.start(0)
    assert schedule.take(5 * S) == 3 * S, "the oldest that still has a user"
    assert (schedule.scheduled, schedule.dropped) == (51, 30)


def test_the_end_drops_what_waits():
    schedule = Schedule(10, 100 * S)
    schedule.start(0)
    schedule.take(0)
    schedule.end(S)
    assert (schedule.scheduled, schedule.on_time, schedule.dropped) == (11, 1, 10)
    assert schedule.exhausted
    assert schedule.take(2 * S) is None
    assert schedule.scheduled == 11


def test_a_pause_makes_no_requests():
    schedule = Schedule(10, 100 * S)
    schedule.start(0)
    schedule.take(0)
    schedule.pause(50 * MS)
    assert schedule.take(10 * S) is None
    schedule.start(20 * S)
    assert schedule.take(20 * S) == 20 * S
    assert schedule.scheduled == 2
    assert not schedule.exhausted


def test_another_rate_holds_from_the_next_request_on():
    schedule = Schedule(10, 100 * S)
    schedule.start(0)
    assert schedule.take(50 * MS) == 0
    schedule.set_rate(2, 50 * MS)
    assert schedule.next_due(0) == S // 2, "half a second after the last one"
    schedule.set_rate(1000, 60 * MS)
    assert schedule.take(60 * MS) == MS


def test_a_backlog_is_bounded():
    schedule = Schedule(100_000, 10_000 * S)
    schedule.start(0)
    assert schedule.take(2 * S) > 0
    assert waiting(schedule) == MAX_WAITING - 1
    assert schedule.dropped == schedule.scheduled - MAX_WAITING


steps = st.lists(
    st.tuples(
        st.sampled_from(["take", "take", "take", "rate", "pause", "start"]), st.integers(0, 3 * S)
    ),
    max_size=30,
)


@given(st.sampled_from([0.5, 3.0, 200.0, 999.0]), st.none() | st.integers(1, 50), steps)
def test_nothing_is_lost_whatever_happens(rate, most, steps):
    schedule, now, taken = Schedule(rate, S, most), 0, []
    schedule.start(now)
    for action, passed in steps:
        now += passed
        if action == "take":
            taken += [due for due in (schedule.take(now),) if due is not None]
        elif action == "rate":
            schedule.set_rate(passed / S + 0.1, now)
        else:
            getattr(schedule, action)(now)
        assert schedule.on_time + schedule.late == len(taken)
        assert waiting(schedule) >= 0
    schedule.end(now)
    assert schedule.scheduled == schedule.on_time + schedule.late + schedule.dropped
    assert schedule.scheduled <= (most if most is not None else schedule.scheduled)
    assert taken == sorted(taken)
