"""What is counted many at a time amounts to the same as one by one: whatever comes, and however
often it is folded meanwhile.
"""

from __future__ import annotations

from by_hand import WORKER, Watched, at, route
from hypothesis import given, settings
from hypothesis import strategies as st

from threadscope.model.snapshot import Event, PhaseState, Variant

ROUTES = [route(), route("/y"), route("/d", "def")]
LONG_MS = 1000
MEASURED_MS = 200, 500

requests = st.tuples(
    st.integers(0, 700),  # when its client asks, ms
    st.integers(1, 60),  # until it arrives
    st.integers(0, 90),  # until it ends
    st.integers(0, 60),  # from then until its client knows, or from before
    st.sampled_from(["only", "end", "hop", "waits", "lost"]),
    st.sampled_from(ROUTES),
    st.sampled_from([200, 404, 500]),
)


def moments(request):
    """Never at the edge of the measurement."""
    asked, queued, took, back, *rest = request
    came = asked + 0.5 + queued
    return asked + 0.5, came, came + took, max(came + took - 5, asked + 0.5) + back, *rest


def write(watched, number, request):
    asked, came, end, known, kind, what, status = moments(request)
    server, load, took = watched.server, watched.load, end - came
    load.send(asked, number, client=number % 5)
    if kind == "only":
        server.only(came, end, number, client=number, what=what, status=status)
    elif kind == "hop":
        server.hop_out(came + took / 4, came + took / 2, number, WORKER + number % 3, cpu=took / 8,
                       waited=took / 4, client=number)  # fmt: skip
        server.end(came, end, number, what=what, status=status, held=took / 4, longest=took / 8)
    elif kind != "lost":
        if kind == "waits":
            server.arrive(came, number, client=number)
            server.started(came + took / 3, number, came=came, client=number, what=what)
            server.step(came, came + took / 3, number)
        server.end(came, end, number, what=what, status=status, held=took / 3, longest=took / 3)
    load.done(asked, known, number, status=status, client=number % 5)


def folded(found, looks):
    """All of it, looked at at these ms."""
    watched = Watched()
    watched.aggregator.begin_phase(at(0), Variant("x", "x"), 5, None)
    for t, state in zip(MEASURED_MS, (PhaseState.MEASURE, PhaseState.DRAIN), strict=True):
        watched.aggregator.load_state(state, at(t))
    for number, request in enumerate(found, 1):
        write(watched, number, request)
    watched.aggregator.add_batch(watched.server.batch(50))
    watched.aggregator.add_batch(watched.load.batch(50), load=True)
    for t in looks:
        watched.fold(t)
    snapshot = watched.fold(LONG_MS + 300)
    return watched.aggregator, snapshot


def counts(histogram):
    return histogram.counts, histogram.total, histogram.min, histogram.max


def amounts(aggregator, snapshot):
    fold = aggregator._fold
    measured = fold.books.measurement
    tally = measured.tally
    return {
        "counts": (snapshot.done, snapshot.failed, snapshot.open, snapshot.in_flight),
        "headline": (snapshot.per_second, snapshot.latency, snapshot.bars),
        "log": snapshot.log,
        "lanes": [(lane.tid, lane.spans, lane.current) for lane in snapshot.lanes],
        "evidence": fold.timeline.evidence(at(0), at(LONG_MS)),
        "work": round(measured.work, 9),
        "routes": {
            endpoint: (x.completed, x.failed, x.late, x.holds, x.hold_total, x.hold_longest, x.cpu,
                       x.hop_total, counts(x.latency), counts(x.hop_wait))
            for endpoint, x in tally.routes.items()
        },
        "clients": {name: counts(x) for name, x in tally.clients.items()},
        "processes": {pid: (x.completed, counts(x.hop_wait)) for pid, x in tally.processes.items()},
        "answered": (tally.done, tally.failed),
    }  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(requests, max_size=25), st.lists(st.integers(50, LONG_MS + 200), max_size=30))
def test_it_does_not_matter_how_often_it_is_folded(found, looks):
    once = amounts(*folded(found, []))
    often = amounts(*folded(found, sorted(looks)))
    for what, amount in once.items():
        assert often[what] == amount, what


@settings(max_examples=40, deadline=None)
@given(st.lists(requests, min_size=1, max_size=25))
def test_sums_are_those_of_the_records(found):
    """By another way than the model's: from what was written."""
    aggregator, snapshot = folded(found, range(50, LONG_MS, 40))
    begin, end = MEASURED_MS
    requests = [moments(x) for x in found]
    ended = [x for x in requests if x[4] != "lost"]
    measured = [x for x in ended if begin < x[2] < end]
    answered = [x for x in requests if begin < x[3] < end]
    assert (snapshot.done, snapshot.open) == (len(found), 0)
    assert snapshot.failed == sum(x[6] >= 400 for x in requests)
    assert [line.t for line in snapshot.log if line.event is Event.END] == sorted(
        at(x[2]) for x in ended
    )
    tally = aggregator._fold.books.measurement.tally
    assert sum(x.completed for x in tally.routes.values()) == len(measured)
    assert sum(x.failed for x in tally.routes.values()) == sum(x[6] >= 500 for x in measured)
    assert sum(x.latency.total for x in tally.routes.values()) == sum(
        at(x[2]) - at(x[1]) for x in measured
    )
    assert (tally.done, tally.failed) == (len(answered), sum(x[6] >= 400 for x in answered))
    assert sum(x.total for x in tally.clients.values()) == sum(
        at(x[3]) - at(x[0]) for x in answered
    )
