from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from threadscope.model.rates import Rate, Seconds
from threadscope.model.windows import FEW, KEPT_S, SECOND, Chunks, Marks

MS = SECOND // 1000


def filled(*times):
    chunks = Chunks()
    for t in times:
        chunks.append(t, t)
    return chunks


def busy(second):
    """So much that a second has a chunk of its own."""
    return [second * SECOND + n for n in range(FEW)]


def test_a_chunk_is_a_second_where_much_happens():
    chunks = filled(*busy(0), *busy(1), *busy(3)).chunks()
    assert chunks == (tuple(busy(0)), tuple(busy(1)), tuple(busy(3)))


def test_what_happens_rarely_shares_a_chunk():
    few = [second * SECOND for second in range(30)]
    chunks = filled(*few).chunks()
    assert [item for chunk in chunks for item in chunk] == few
    assert [len(chunk) for chunk in chunks] == [FEW, 29 - FEW, 1]


def test_chunks_that_are_over_are_shared_and_never_change():
    chunks = filled(*busy(0), *busy(1), 2 * SECOND)
    before = chunks.chunks()
    assert chunks.chunks() is before, "nothing was added"
    chunks.append(2 * SECOND + 1, "new")
    after = chunks.chunks()
    assert [one is other for one, other in zip(before, after, strict=True)] == [True, True, False]
    assert before[2] == (2 * SECOND,), "what was handed out stays as it was"
    assert after[2] == (2 * SECOND, "new")


def test_the_last_minute_is_kept():
    kept = filled(*(item for second in range(200) for item in busy(second))).chunks()
    assert kept[-1] == tuple(busy(199))
    assert kept[0] == tuple(busy(199 - KEPT_S))
    assert len(kept) == KEPT_S + 1


def test_the_newest_item_can_be_replaced():
    chunks = filled(0, 5)
    assert chunks.last() == 5
    chunks.replace_last(6)
    assert chunks.chunks() == ((0, 6),)
    assert Chunks().last() is None


@given(st.lists(st.integers(0, 100 * SECOND)))
def test_nothing_is_lost_within_the_minute(times):
    times = sorted(times)
    found = [item for chunk in filled(*times).chunks() for item in chunk]
    newest = times[-1] // SECOND if times else 0
    minute = [t for t in times if t // SECOND >= newest - KEPT_S]
    older = len(found) - len(minute)
    assert found[older:] == minute
    assert 0 <= older < FEW, "what is older goes with its chunk"


# -- Rate ------------------------------------------------------------------------------------------
def counted(*ends, took=5 * MS):
    rate = Rate()
    for t in ends:
        rate.add(t, took)
    return rate


def test_ends_a_second_over_whole_slices():
    rate = counted(*(t * 100 * MS for t in range(50)))
    per_second, latency = rate.window(0, 5 * SECOND)
    assert (per_second, latency.count, latency.p50) == (10, 50, 5 * MS)
    per_second, latency = rate.window(SECOND + 1, 2 * SECOND + 99 * MS)
    assert (per_second, latency.count) == (10, 9), "cut slices at both ends do not count"


def test_no_rate_over_no_time():
    assert counted(0).window(0, 99 * MS)[0] is None
    assert counted(0).window(5, 5)[0] is None


def test_no_ends_are_a_rate_of_zero():
    per_second, latency = Rate().window(0, SECOND)
    assert (per_second, latency.count, latency.p50) == (0, 0, None)


def test_bars_are_the_last_whole_seconds():
    rate = counted(0, SECOND, SECOND + 1, 59 * SECOND, 60 * SECOND, 60 * SECOND + 1)
    bars = rate.bars(60 * SECOND + 500 * MS)
    assert len(bars) == KEPT_S
    assert (bars[0], bars[1], bars[-1], sum(bars)) == (1, 2, 1, 4), "the present second is not over"
    assert rate.bars(61 * SECOND)[-1] == 2


def test_old_ends_are_forgotten():
    rate = counted(*(second * SECOND for second in range(1000)))
    assert sum(rate.bars(1000 * SECOND)) == KEPT_S
    assert len(rate._slices) <= KEPT_S + 3


@given(
    st.lists(
        st.tuples(st.integers(0, 4 * SECOND), st.integers(0, SECOND), st.integers(1, 40)),
        max_size=25,
    ),
    st.integers(0, 3 * SECOND),
)
def test_a_window_that_moves_is_what_one_that_was_never_looked_at_is(moves, length):
    """It is summed up anew for what came and what went only, and some ends come late."""
    rate, now = Rate(), 10 * SECOND
    for number, (passed, late, count) in enumerate(moves):
        now += passed
        for n in range(count):
            rate.add(now - late, (number + 1) * MS + n)
        begin = max(now - length, 0)
        per_second, latency = rate.window(begin, now)
        first, last = -(-begin // Rate.SLICE), now // Rate.SLICE
        plain = rate.total(first * Rate.SLICE, last * Rate.SLICE)
        assert latency == plain.latency()
        assert per_second == (plain.count * 10 / (last - first) if last > first else None)


@given(st.lists(st.tuples(st.integers(0, SECOND), st.integers(0, 60 * SECOND)), max_size=200))
def test_many_ends_at_once_are_those_one_by_one(moves):
    one, many, t = Rate(), Rate(), 5 * SECOND
    times, durations = [], []
    for passed, duration in moves:
        t += passed
        one.add(t, duration)
        times.append(t)
        durations.append(duration)
    many.extend(times, durations)
    assert many.bars(t) == one.bars(t)
    assert many.window(0, t) == one.window(0, t)


def test_each_second_is_told_once_it_is_over():
    rate, seconds = Rate(), Seconds(10 * SECOND)
    for t, took in ((10.2, 5), (10.9, 7), (12.0, 9)):
        rate.add(int(t * SECOND), took)
    assert seconds.points(rate, int(10.95 * SECOND)) == ()
    points = seconds.points(rate, int(13.5 * SECOND))
    assert [(p.t // SECOND, p.latency.count, p.latency.max) for p in points] == [
        (10, 2, 7),
        (11, 0, None),
        (12, 1, 9),
    ]
    assert seconds.points(rate, int(13.6 * SECOND)) == points
    assert len(seconds.points(rate, 500 * SECOND)) == 60


def test_marks_of_one_kind_in_quick_succession_are_one():
    marks = Marks()
    for t, text in ((1, "5 clients"), (1.5, "6 clients"), (2, "load off"), (9, "7 clients")):
        marks.add(int(t * SECOND), text)
    assert [mark.text for mark in marks.since(0)] == ["6 clients", "load off", "7 clients"]
    assert [mark.text for mark in marks.since(3 * SECOND)] == ["7 clients"]
