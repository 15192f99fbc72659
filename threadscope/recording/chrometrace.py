"""A session as a trace file for Perfetto and Chrome's tracing page, or as a table.

The format is Chrome's "Trace Event Format", JSON object form. Times are microseconds since the
session's begin.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush
from typing import Any

from threadscope.recording.slices import (
    CLIENT_KIND,
    HOP_KIND,
    REQUEST_KIND,
    Counters,
    Slice,
    Trace,
)

Event = dict[str, Any]
REQUESTS, CLIENTS, PHASES = 1, 2, 3
"""Processes of the trace that are none: they hold what no thread does."""
COLUMNS = (
    "kind", "pid", "tid", "thread", "request", "client_request", "label", "begin_s", "end_s",
    "duration_ms", "cpu_ms", "wait_ms", "status",
)  # fmt: skip


def chrome_trace(trace: Trace) -> str:
    """The trace file."""
    events = [*_names(trace), *_slices(trace), *_flows(trace), *_phases(trace)]
    for counters in trace.counters:
        events += _counters(trace, counters)
    whole = {
        "displayTimeUnit": "ms",
        "otherData": {"title": trace.title, "made_by": "threadscope"},
        "traceEvents": events,
    }
    return json.dumps(whole, separators=(",", ":"))


def table(trace: Trace) -> str:
    """One line a slice, as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in trace.slices:
        begin, end = one.begin - trace.started, one.end - trace.started
        writer.writerow(
            (
                one.kind, one.pid, one.tid or "", _name(trace.threads.get((one.pid, one.tid), "")),
                one.request, one.client or "", _name(one.label),
                f"{begin / 1e9:.6f}", f"{end / 1e9:.6f}",
                _ms(end - begin), _ms(one.cpu_ns), _ms(one.wait_ns), one.status or "",
            )
        )  # fmt: skip
    return out.getvalue()


def _name(text: str) -> str:
    """Never the formula that a spreadsheet would make of it."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def _ms(ns: int | None) -> str:
    return "" if ns is None else f"{ns / 1e6:.3f}"


# -- the events --------------------------------------------------------------------------------
def _us(trace: Trace, t: int) -> float:
    return (t - trace.started) / 1000


def _meta(name: str, pid: int, tid: int, value: object) -> Event:
    key = "sort_index" if name.endswith("sort_index") else "name"
    return {"ph": "M", "name": name, "pid": pid, "tid": tid, "args": {key: value}}


def _names(trace: Trace) -> Iterator[Event]:
    for pid in sorted({pid for pid, _ in trace.threads}):
        yield _meta("process_name", pid, 0, f"{trace.title} (pid {pid})")
    for i, ((pid, tid), label) in enumerate(trace.threads.items()):
        yield _meta("thread_name", pid, tid, label)
        yield _meta("thread_sort_index", pid, tid, i)
    for pid, name in ((REQUESTS, "requests"), (CLIENTS, "clients"), (PHASES, "phases")):
        yield _meta("process_name", pid, 0, name)


def _slices(trace: Trace) -> Iterator[Event]:
    """Steps and hops on their threads; requests and clients on tracks that are packed."""
    tracks = {
        id(one): track
        for kind in (REQUEST_KIND, CLIENT_KIND)
        for one, track in _packed([one for one in trace.slices if one.kind == kind])
    }
    for one in trace.slices:
        pid, tid = one.pid, one.tid
        if one.kind == REQUEST_KIND:
            pid, tid = REQUESTS, tracks[id(one)]
        elif one.kind == CLIENT_KIND:
            pid, tid = CLIENTS, tracks[id(one)]
        args = {
            "request": one.request,
            "client_request": one.client,
            "cpu_ms": None if one.cpu_ns is None else one.cpu_ns / 1e6,
            "wait_ms": None if one.wait_ns is None else one.wait_ns / 1e6,
            "status": one.status,
        }
        yield {
            "ph": "X", "cat": one.kind, "name": f"#{one.request} {one.label}", "pid": pid,
            "tid": tid, "ts": _us(trace, one.begin), "dur": (one.end - one.begin) / 1000,
            "args": {key: value for key, value in args.items() if value is not None},
        }  # fmt: skip


def _packed(slices: Sequence[Slice]) -> Iterator[tuple[Slice, int]]:
    """Each on the lowest track that is free: no two of a track overlap."""
    free: list[int] = []
    busy: list[tuple[int, int]] = []
    tracks = 0
    for one in slices:
        while busy and busy[0][0] <= one.begin:
            heappush(free, heappop(busy)[1])
        if not free:
            tracks += 1
            heappush(free, tracks)
        track = heappop(free)
        heappush(busy, (one.end, track))
        yield one, track


def _flows(trace: Trace) -> Iterator[Event]:
    """An arrow from each request's arrival to each of its hops."""
    arrivals = {(x.pid, x.request): x for x in trace.slices if x.kind == REQUEST_KIND}
    tracks = {
        id(one): track
        for one, track in _packed([x for x in trace.slices if x.kind == REQUEST_KIND])
    }
    hops = (one for one in trace.slices if one.kind == HOP_KIND)
    for number, hop in enumerate(hops, 1):
        request = arrivals.get((hop.pid, hop.request))
        if request is None or hop.begin < request.begin:
            continue
        same = {"cat": "hop", "name": "hop", "id": number}
        yield {
            **same, "ph": "s", "pid": REQUESTS, "tid": tracks[id(request)],
            "ts": _us(trace, request.begin),
        }  # fmt: skip
        yield {
            **same, "ph": "f", "bp": "e", "pid": hop.pid, "tid": hop.tid,
            "ts": _us(trace, hop.begin),
        }  # fmt: skip


def _phases(trace: Trace) -> Iterator[Event]:
    parts = trace.phases
    ends: Iterable[int] = [part.t for part in parts[1:]]
    last = trace.counters[-1].t if trace.counters else trace.started
    for part, end in zip(parts, [*ends, max([last, *ends])], strict=False):
        yield {
            "ph": "X", "cat": "phase", "name": part.title, "pid": PHASES, "tid": 1,
            "ts": _us(trace, part.t), "dur": max(end - part.t, 0) / 1000, "args": {},
        }  # fmt: skip


def _counters(trace: Trace, counters: Counters) -> Iterator[Event]:
    pid = min((pid for pid, _ in trace.threads), default=0)
    series: dict[str, dict[str, float | None]] = {
        "cores used": {"cores": counters.cores_used},
        "requests": {"open": counters.open, "queued": counters.queued},
        "in flight": {"in flight": counters.in_flight},
        "threadpool": {"borrowed": counters.borrowed, "waiting": counters.waiting},
        "loop lag": {"ms": None if counters.loop_lag_ns is None else counters.loop_lag_ns / 1e6},
        "CPU %": {**counters.cpu_percent},
    }
    for name, values in series.items():
        known = {key: value for key, value in values.items() if value is not None}
        if known:
            ts = _us(trace, counters.t)
            yield {"ph": "C", "name": name, "pid": pid, "tid": 0, "ts": ts, "args": known}
