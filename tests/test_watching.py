"""The phase of a server that nobody of ours asks; time is an argument."""

from __future__ import annotations

import pytest

from threadscope.model.aggregator import Aggregator
from threadscope.model.sample import Stack
from threadscope.model.snapshot import Health, PhaseState, Role
from threadscope.phases import STOPPED
from threadscope.watching import Watching

MS, SECOND = 1_000_000, 1_000_000_000


class Watched:
    """An aggregator and a phase, driven by hand."""

    def __init__(self, seconds):
        self.aggregator = Aggregator(0)
        self.aggregator.limited = ""
        self.watching = Watching(self.aggregator, 0, seconds)

    def run(self, until):
        """As the session's observer does, up to a moment in ms."""
        for t in range(0, until * MS, 50 * MS):
            self.aggregator.advance(t)
            self.watching.tick(t - 150 * MS, t)

    @property
    def state(self):
        return self.aggregator.snapshot(Health()).phase.state


def test_it_measures_from_the_begin_to_its_end():
    watched = Watched(2.0)
    watched.run(1900)
    assert (watched.state, watched.watching.over) == (PhaseState.MEASURE, False)
    watched.run(2600)
    [summary] = watched.watching.finished
    assert summary.duration_s == pytest.approx(2.0)
    assert (summary.clients, summary.aborted, summary.completed) == (0, "", 0)
    assert watched.state is PhaseState.DONE
    assert watched.watching.results == [], "nothing was asked"


def test_without_an_end_it_is_whole_whenever_it_is_stopped():
    watched = Watched(None)
    watched.run(60_000)
    assert not watched.watching.over
    watched.watching.stop(60_000 * MS)
    watched.run(60_500)
    [summary] = watched.watching.finished
    assert summary.aborted == ""


def test_one_with_an_end_that_is_stopped_is_cut_short():
    watched = Watched(10.0)
    watched.run(1000)
    watched.watching.stop(1000 * MS)
    watched.run(1500)
    [summary] = watched.watching.finished
    assert summary.aborted == STOPPED
    assert summary.duration_s == pytest.approx(1.0)


def test_the_servers_end_is_its_end():
    watched = Watched(None)
    watched.run(1000)
    watched.watching.server_ended("the server was killed by SIGKILL", 1000 * MS)
    watched.run(1500)
    [summary] = watched.watching.finished
    assert summary.aborted == watched.watching.broken == "the server was killed by SIGKILL"


def test_what_is_not_known_is_not_nought():
    aggregator = Aggregator(0)
    aggregator.limited = "no probe"
    aggregator.advance(3 * SECOND)
    snapshot = aggregator.snapshot(Health())
    assert (snapshot.per_second, snapshot.open, snapshot.queued, snapshot.websockets) == (None,) * 4
    aggregator.sockets(3)
    snapshot = aggregator.snapshot(Health())
    assert (snapshot.queued, snapshot.queued_at_least) == (3, True)
    assert snapshot.health.limited == "no probe"


def test_places_of_threads_without_a_probe(sampled):
    aggregator = Aggregator(0)
    aggregator.add_sample(sampled(7, 8))
    found = [
        Stack(7, "MainThread", Role.LOOP, "app.py:3 in f()", True),
        Stack(9, "x", None, "", False),
    ]
    aggregator.stacks(0, 1, found)
    aggregator.stacks(0, 2, [Stack(8, "another process's", None, "", False)])
    aggregator.advance(SECOND)
    loop, other = aggregator.snapshot(Health()).threads
    assert (loop.label, loop.role, loop.where, loop.holds_gil) == (
        "event loop", Role.LOOP, "app.py:3 in f()", True,
    )  # fmt: skip
    assert (other.tid, other.where) == (8, "")


@pytest.fixture
def sampled():
    """A sample of process 1 with some threads."""
    from threadscope.model.sample import ProcessSample, ThreadSample

    def sample(*tids):
        threads = (ThreadSample(tid, 1, "python", "S", 0, 0, 0, 0, 0) for tid in tids)
        return ProcessSample(1, 0, 0, tuple(threads))

    return sample
