"""The live report as plain lines: for pipes, logs and terminals without a screen."""

from __future__ import annotations

from collections.abc import Iterator

from threadscope.model.snapshot import Event, LogLine, PhaseState, Snapshot
from threadscope.report.units import duration, elapsed, rate, wall

SETTLED_NS = 100_000_000
"""An end waits so long for what its client saw, before it is printed."""
STATUS_NS = 1_000_000_000

_WORDS = {Event.ARRIVE: "arrive", Event.START: "start", Event.END: "end", Event.NOTE: "note"}


class TextReport:
    """Turns snapshots into lines: what happened since the last one, and a status a second."""

    def __init__(self) -> None:
        self._printed = 0
        self._status_at = 0
        self._phases = 0
        self._phase = ""

    def lines(self, snapshot: Snapshot) -> Iterator[str]:
        """The lines that a new snapshot adds."""
        yield from self._begun(snapshot)
        yield from self._log(snapshot)
        if snapshot.at - self._status_at >= STATUS_NS:
            self._status_at = snapshot.at
            yield status_line(snapshot)
        for summary in snapshot.finished[self._phases :]:
            word, reason = summary.behaviour.word.upper(), summary.behaviour.reason
            yield f"== {summary.variant.title}: {word}, {reason}"
        self._phases = len(snapshot.finished)

    def _begun(self, snapshot: Snapshot) -> Iterator[str]:
        phase = snapshot.phase
        if phase.state is PhaseState.DONE or phase.variant.key == self._phase:
            return
        self._phase = phase.variant.key
        if self._phase:
            clients = f"{phase.clients} clients" if phase.clients != 1 else "1 client"
            yield f"== {phase.variant.title}: {clients}"

    def _log(self, snapshot: Snapshot) -> Iterator[str]:
        settled = [line for line in snapshot.log if line.t <= snapshot.at - SETTLED_NS]
        unsettled = len(snapshot.log) - len(settled)
        new = snapshot.logged - unsettled - self._printed
        if new > len(settled):
            yield f"   ... {new - len(settled):,} more lines"
        for line in settled[max(len(settled) - new, 0) :]:
            yield log_line(line, snapshot.wall_offset)
        self._printed = max(snapshot.logged - unsettled, self._printed)


def log_line(line: LogLine, wall_offset: int) -> str:
    """`19:16:46.101  start  #80  client 3  GET /cpu/async/{client}  event loop`."""
    parts = [wall(line.t, wall_offset), f"{_WORDS[line.event]:<6}"]
    if line.event is Event.NOTE:
        return "  ".join([*parts, line.text])
    parts.append(f"#{line.request:<5}")
    if line.client is not None:
        parts.append(f"client {line.client}")
    parts.append(line.endpoint.label)
    if line.event is Event.START:
        parts.append(line.thread)
    elif line.event is Event.END:
        here = f"{duration(line.here_ns)} here"
        there = f", {duration(line.client_ns)} at the client" if line.client_ns else ""
        parts += [str(line.status), here + there]
    return "  ".join(parts)


def status_line(snapshot: Snapshot) -> str:
    """One line of figures, as in the screen's status bar."""
    latency = snapshot.latency
    parts = [
        f"-- {elapsed(snapshot.at - snapshot.started)}",
        snapshot.phase.state.value,
        f"req/s {rate(snapshot.per_second)}",
        f"p50 {duration(latency.p50)}",
        f"max {duration(latency.max)}",
        *_count("in flight", snapshot.in_flight),
        *_count("open", snapshot.open),
        *_count("in threads", snapshot.in_threads),
        f"done {snapshot.done}",
        f"failed {snapshot.failed}",
    ]
    if snapshot.cores_used is not None:
        parts.append(f"cores {snapshot.cores_used:.2f}")
    pools = snapshot.limiters[:1]
    parts += [f"pool {pool.borrowed_tokens}/{pool.total_tokens}" for pool in pools]
    parts.append(snapshot.behaviour.word.upper())
    lost = snapshot.health.dropped + snapshot.health.holes
    if lost:
        parts.append(f"dropped {lost:,} events")
    if snapshot.health.limited:
        parts.append(f"limited: {snapshot.health.limited}")
    return "  ".join(parts)


def _count(name: str, value: int | None) -> list[str]:
    return [] if value is None else [f"{name} {value}"]
