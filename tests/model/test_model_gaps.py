"""What an aggregator makes of a time in which nobody asked it to look."""

from __future__ import annotations

import pytest

from tests.model.by_hand import LOOP, S, Watched, at, entry, log, route, sample, thread
from threadscope.model.snapshot import Gap


@pytest.fixture
def watched() -> Watched:
    one = Watched()
    one.server.only(10, 20, 1)
    one.look(200)
    return one


def test_a_gap_is_known_for_a_minute_and_said_in_the_log(watched):
    assert watched.look(1_900).gaps == ()
    snapshot = watched.look(14_000)
    assert snapshot.gaps == (Gap(at(1_800), at(13_900)),)
    assert snapshot.log[-1].text == "no data for 12 s: threadscope did not run"
    for t in range(14, 74):
        assert len(watched.fold(t * 1000).gaps) == 1
    assert watched.fold(74_100).gaps == ()


def test_one_that_comes_late_has_missed_nothing():
    late = Watched()
    late.server.only(10, 20, 1)
    assert late.look(60_000).gaps == ()


def test_what_was_written_down_meanwhile_counts_and_nothing_is_below_zero(watched):
    watched.aggregator.add_sample(sample(250, thread(LOOP, 30), cpu=40))
    watched.load.send(300, 7, client=3)
    watched.look(400, open=[entry(7, 300, watched.server.what(route()))])
    watched.server.end(300, 5_000, 7)
    watched.server.only(6_000, 6_001, 8)
    watched.aggregator.add_sample(sample(13_950, thread(LOOP, 6_000), cpu=6_020))
    snapshot = watched.look(14_100)
    assert log(snapshot)[-1] == "end 8" or "end 8" in log(snapshot)
    assert (snapshot.open, snapshot.queued) == (0, 1), "its answer is not known yet"
    counts = snapshot.done, snapshot.failed, snapshot.in_flight, snapshot.in_threads
    assert min(counts) >= 0
    assert sum(snapshot.bars) >= 0
    (row,) = snapshot.threads
    assert 0 <= row.cpu_percent <= 100


def test_two_gaps_are_two(watched):
    watched.look(5_000)
    snapshot = watched.look(9_000)
    assert [(gap.end - gap.begin) // S for gap in snapshot.gaps] == [4, 4]
