from __future__ import annotations

import csv
import io
import json
from collections import Counter
from itertools import pairwise

import pytest

from tests.recording.saved import save_session
from threadscope.recording.chrometrace import COLUMNS, chrome_trace, table
from threadscope.recording.decode import SessionFile
from threadscope.recording.slices import read_trace

NUMBER = (int, float)
COMMON = {"ph": str, "pid": int, "tid": int}
FIELDS = {
    "X": {"name": str, "cat": str, "ts": NUMBER, "dur": NUMBER, "args": dict},
    "M": {"name": str, "args": dict},
    "C": {"name": str, "ts": NUMBER, "args": dict},
    "s": {"name": str, "cat": str, "id": int, "ts": NUMBER},
    "f": {"name": str, "cat": str, "id": int, "ts": NUMBER, "bp": str},
}
"""Chrome's Trace Event Format: what an event of each phase must have, and may."""


def check(whole: dict) -> list[dict]:
    """That it is a trace file as the format wants it; its events."""
    assert isinstance(whole["traceEvents"], list)
    for event in whole["traceEvents"]:
        wanted = {**COMMON, **FIELDS[event["ph"]]}
        assert set(event) == set(wanted)
        for key, kind in wanted.items():
            assert isinstance(event[key], kind), event
        assert event.get("ts", 0) >= 0
        assert event.get("dur", 0) >= 0
        if event["ph"] == "C":
            assert all(isinstance(value, NUMBER) for value in event["args"].values())
    return whole["traceEvents"]


def slices(events, kind) -> list[dict]:
    return [event for event in events if event["ph"] == "X" and event["cat"] == kind]


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    path = tmp_path_factory.mktemp("trace") / "x.tscope"
    live = save_session(path)
    trace = read_trace(SessionFile(path), lambda done: None)
    return live, trace, check(json.loads(chrome_trace(trace)))


def test_slices_summed_by_thread_equal_the_report(traced):
    live, _, events = traced
    first, second = live.results
    held = sum(route.hold_total for route in first.routes)
    steps = slices(events, "step")
    assert {event["tid"] for event in steps} == {10}
    assert round(sum(event["dur"] for event in steps)) == held // 1000
    hops = slices(events, "hop")
    assert {event["tid"] for event in hops} == {20}
    assert len(hops) == sum(route.completed for route in second.routes) == 20
    on_the_loop = 20 * 60
    cpu = sum(
        route.cpu_ns_per_request * route.completed for route in second.routes if route.completed
    )
    assert sum(event["args"]["cpu_ms"] for event in hops) + on_the_loop == round(cpu / 1e6)
    assert len(slices(events, "request")) == len(slices(events, "client")) == 40


def test_arrows_go_from_arrivals_to_hops(traced):
    _, _, events = traced
    requests = {event["args"]["request"]: event for event in slices(events, "request")}
    starts = {event["id"]: event for event in events if event["ph"] == "s"}
    ends = {event["id"]: event for event in events if event["ph"] == "f"}
    assert starts.keys() == ends.keys()
    hops = sorted(slices(events, "hop"), key=lambda hop: hop["ts"])
    for hop, number in zip(hops, sorted(starts), strict=True):
        request = requests[hop["args"]["request"]]
        assert (starts[number]["pid"], starts[number]["tid"]) == (request["pid"], request["tid"])
        assert starts[number]["ts"] == request["ts"]
        assert (ends[number]["tid"], ends[number]["ts"]) == (hop["tid"], hop["ts"])


def test_no_two_slices_of_a_track_overlap(traced):
    _, _, events = traced
    tracks: dict[tuple, list] = {}
    for event in events:
        if event["ph"] == "X":
            tracks.setdefault((event["pid"], event["tid"]), []).append(event)
    for track in tracks.values():
        track.sort(key=lambda event: event["ts"])
        for before, after in pairwise(track):
            assert before["ts"] + before["dur"] <= after["ts"] + 0.002


def test_tracks_have_names_and_counters_are_there(traced):
    _, _, events = traced
    named = {(e["pid"], e["tid"]): e["args"]["name"] for e in events if e["name"] == "thread_name"}
    assert named[1, 10] == "event loop"
    assert named[1, 20] == "worker-01"
    counters = Counter(event["name"] for event in events if event["ph"] == "C")
    assert {"cores used", "requests", "in flight", "threadpool", "CPU %"} <= set(counters)
    phases = [event["name"] for event in slices(events, "phase")]
    assert phases[0] == "measure async def /x"
    assert phases[-1] == "done def /x"


def test_the_table_has_the_same_slices(traced):
    _, trace, events = traced
    head, *rows = csv.reader(io.StringIO(table(trace)))
    assert tuple(head) == COLUMNS
    kinds = Counter(row[0] for row in rows)
    assert kinds == {kind: len(slices(events, kind)) for kind in kinds}
    hop = next(dict(zip(head, row, strict=True)) for row in rows if row[0] == "hop")
    assert (hop["thread"], hop["duration_ms"], hop["cpu_ms"]) == ("worker-01", "80.000", "60.000")
