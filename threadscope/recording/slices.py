"""Who had which thread when: the slices of a saved session, and its counters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from threadscope.model.records import (
    DONE,
    END,
    F_ONLY,
    HOP_OUT,
    STEP,
    STEP_RECORD_NS,
    Batch,
    Record,
    endpoint,
)
from threadscope.model.snapshot import Snapshot
from threadscope.model.text import clean
from threadscope.recording.decode import SessionFile
from threadscope.recording.feed import Feeder

STEP_KIND, HOP_KIND, REQUEST_KIND, CLIENT_KIND = "step", "hop", "request", "client"


class Slice(NamedTuple):
    """A stretch of time that belonged to a request. Times in monotonic ns."""

    kind: str
    """`step` (on an event loop), `hop` (on a worker thread), `request` (arrival to last byte),
    `client` (asked to answered, as our load saw it)."""
    pid: int
    tid: int
    """0 for requests and clients: they are no thread's."""
    begin: int
    end: int
    request: int
    """Of its process; of a client: our load's number."""
    label: str
    client: int | None = None
    """Our load's number of the request, where it came from there."""
    cpu_ns: int | None = None
    wait_ns: int | None = None
    """Of a hop: from the hand-over to its begin."""
    status: int | None = None


class Counters(NamedTuple):
    """A snapshot's numbers. None: not known."""

    t: int
    cores_used: float | None
    in_flight: int | None
    open: int | None
    queued: int | None
    borrowed: int
    waiting: int
    loop_lag_ns: int | None
    cpu_percent: dict[str, float]
    """By thread."""


class PhasePart(NamedTuple):
    """A state of a phase, from its begin on."""

    t: int
    title: str


@dataclass
class Trace:
    """All that a trace shows."""

    started: int
    title: str = ""
    slices: list[Slice] = field(default_factory=list)
    counters: list[Counters] = field(default_factory=list)
    threads: dict[tuple[int, int], str] = field(default_factory=dict)
    """Labels by pid and tid."""
    phases: list[PhasePart] = field(default_factory=list)
    trouble: str = ""


def read_trace(file: SessionFile, progress: Callable[[float], None]) -> Trace:
    """The slices and counters of a whole session.

    Args:
        file: the session.
        progress: is told how much was read, 0..1.

    Raises:
        RecordingError: it holds what cannot be read.
    """
    feeder, trace = Feeder(file), Trace(file.header.started)
    title = ""
    for call, read in file.calls():
        if call.name == "add_batch":
            _add_batch(trace, call.args[0])
        elif call.name == "begin_phase":
            title = call.named["variant"].title
        elif call.name == "load_state":
            trace.phases.append(PhasePart(call.named["t"], f"{call.named['state']} {title}"))
        snapshot = feeder.tell(call)
        if snapshot is not None:
            _add_snapshot(trace, snapshot)
            progress(read / max(file.size, 1))
    trace.title = feeder.aggregator.target.title
    trace.slices.sort(key=lambda one: (one.begin, -one.end))
    trace.trouble = file.trouble
    return trace


def _add_batch(trace: Trace, batch: Batch) -> None:
    makers = {STEP: _step, HOP_OUT: _hop, END: _end, DONE: _done}
    for record in batch.records:
        maker = makers.get(record[1])
        if maker is not None and record[7] <= record[6]:
            trace.slices += maker(batch, record)


def _step(batch: Batch, record: Record) -> list[Slice]:
    _, _, _, _, tid, number, t, begin, cpu, _, _, what, *_ = record
    label = endpoint(batch.text(what)).label
    return [Slice(STEP_KIND, batch.pid, tid, begin, t, number, label, cpu_ns=cpu * 1000)]


def _hop(batch: Batch, record: Record) -> list[Slice]:
    _, _, _, _, tid, number, t, begin, cpu, waited, client, what, *_ = record
    function = endpoint(batch.text(what))
    label = function.name or function.label or clean(batch.text(what))
    return [
        Slice(HOP_KIND, batch.pid, tid, begin, t, number, label, client or None, cpu * 1000,
              waited * 1000)
    ]  # fmt: skip


def _end(batch: Batch, record: Record) -> list[Slice]:
    """The request, and its only step where that has no record of its own."""
    _, _, flags, status, tid, number, t, arrived, cpu, held, longest, what, *_ = record
    label = endpoint(batch.text(what)).label
    only = bool(flags & F_ONLY)
    client = (held or None) if only else None
    whole = Slice(
        REQUEST_KIND, batch.pid, 0, arrived, t, number, label, client, cpu * 1000, None, status
    )
    if not only or longest * 1000 >= STEP_RECORD_NS:
        return [whole]
    step = Slice(
        STEP_KIND, batch.pid, tid, arrived, arrived + longest * 1000, number, label, client
    )
    return [whole, step]


def _done(batch: Batch, record: Record) -> list[Slice]:
    _, _, _, status, _, number, t, sent, client, *_ = record
    label = f"client {client}"
    return [Slice(CLIENT_KIND, batch.pid, 0, sent, t, number, label, number, status=status or None)]


def _add_snapshot(trace: Trace, snapshot: Snapshot) -> None:
    pools = snapshot.limiters
    trace.counters.append(
        Counters(
            snapshot.at, snapshot.cores_used, snapshot.in_flight, snapshot.open, snapshot.queued,
            sum(pool.borrowed_tokens for pool in pools), sum(pool.tasks_waiting for pool in pools),
            snapshot.loop_lag_ns,
            {x.label: x.cpu_percent for x in snapshot.threads if x.cpu_percent is not None},
        )
    )  # fmt: skip
    for row in snapshot.threads:
        trace.threads[row.pid, row.tid] = row.label
