"""The live report as plain lines: for pipes, logs and terminals without a screen."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, takewhile

from threadscope.model.snapshot import (
    Event,
    LogLine,
    PhaseInfo,
    PhaseState,
    PhaseSummary,
    Snapshot,
    Variant,
)
from threadscope.report.bursts import burst_title
from threadscope.report.units import duration, elapsed, plural, rate, tokens, wall

SETTLED_NS = 100_000_000
"""An end waits so long for what its client saw, before it is printed."""
STATUS_NS = 1_000_000_000

_WORDS = {Event.ARRIVE: "arrive", Event.START: "start", Event.END: "end", Event.NOTE: "note"}


class TextReport:
    """Turns snapshots into lines: what happened since the last one, and a status a second."""

    def __init__(self) -> None:
        self._printed = 0
        self._status_at = 0
        self._begun = self._ended = 0
        """Phases of which begin and end were told."""
        self._heads: list[tuple[int, str]] = []
        """Begins and ends of phases that are to be printed, and when: between which log lines."""

    def lines(self, snapshot: Snapshot, *, last: bool = False) -> Iterator[str]:
        """The lines that a new snapshot adds.

        Args:
            snapshot: the newest.
            last: there is none after it, so nothing is held back.
        """
        self._look_at_phases(snapshot)
        until = snapshot.at if last else snapshot.at - SETTLED_NS
        for line in self._new(snapshot, until):
            if isinstance(line, str):
                yield line
                continue
            yield from self._heads_until(line.t)
            yield log_line(line, snapshot.wall_offset)
        yield from self._heads_until(until)
        if self._begun and not self._heads and snapshot.at - self._status_at >= STATUS_NS:
            self._status_at = snapshot.at
            yield status_line(snapshot)

    def _look_at_phases(self, snapshot: Snapshot) -> None:
        phase, ended = snapshot.phase, len(snapshot.finished)
        running = bool(phase.variant.key) and (phase.state is not PhaseState.DONE or not ended)
        begun = self._first_moment(snapshot, phase.variant) if running else snapshot.at
        for summary in snapshot.finished[self._ended :]:
            if self._begun == self._ended:  # it was over before it was seen
                moment = self._first_moment(snapshot, summary.variant)
                self._begin(moment, summary, summary.burst is not None)
            word, why = summary.behaviour.word.upper(), summary.behaviour.sentence
            took = f"{burst_title(summary.burst)}: " if summary.burst else ""
            self._heads.append((begun, f"== {summary.variant.title}: {took}{word}, {why}"))
            self._ended += 1
        if running and self._begun == ended:
            self._begin(begun, phase, phase.burst is not None)

    def _begin(self, t: int, phase: PhaseInfo | PhaseSummary, burst: bool) -> None:
        self._begun += 1
        who = plural(phase.clients, "client")
        if burst:
            who = f"{plural(phase.clients, 'request')} at once"
        elif phase.rate is not None:
            who = f"{phase.rate:g} requests a second"
        asked_by = f": {who}" if phase.clients else ""
        self._heads.append((t, f"== {phase.variant.title}{asked_by}"))

    def _first_moment(self, snapshot: Snapshot, variant: Variant) -> int:
        """Not after the first request of a phase that is seen for the first time."""
        unprinted = islice(reversed(snapshot.log), max(snapshot.logged - self._printed, 0))
        route_in = variant.title.__contains__
        times = [line.t for line in unprinted if line.request and route_in(line.endpoint.route)]
        return min([snapshot.phase.since, *times])

    def _heads_until(self, t: int) -> Iterator[str]:
        while self._heads and self._heads[0][0] <= t:
            yield self._heads.pop(0)[1]

    def _new(self, snapshot: Snapshot, until: int) -> Iterator[LogLine | str]:
        """Log lines that were not printed and will not change; how many were missed."""
        settled = list(takewhile(lambda line: line.t <= until, snapshot.log))
        logged = snapshot.logged - (len(snapshot.log) - len(settled))
        new = max(logged - self._printed, 0)
        self._printed += new
        if new > len(settled):
            yield f"   ... {new - len(settled):,} more lines"
        yield from settled[max(len(settled) - new, 0) :]


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
    known = snapshot.open is not None or snapshot.in_flight is not None
    parts = [
        f"-- {elapsed(snapshot.at - snapshot.started)}",
        snapshot.phase.state.value,
        f"req/s {rate(snapshot.per_second)}",
        f"p50 {duration(latency.p50)}",
        f"max {duration(latency.max)}",
        *_count("in flight", snapshot.in_flight),
        *_count("open", snapshot.open),
        *_waiting(snapshot),
        *_count("in threads", snapshot.in_threads),
        *_count("done", snapshot.done if known else None),
        *_count("failed", snapshot.failed if known else None),
    ]
    parts += [f"{one.route} p50 {duration(one.latency.p50)}" for one in snapshot.beside]
    if snapshot.cores_used is not None:
        parts.append(f"cores {snapshot.cores_used:.2f}")
    pools = snapshot.limiters[:1]
    parts += [f"pool {tokens(*pool[1:])}" for pool in pools]
    parts.append(snapshot.behaviour.word.upper())
    lost = snapshot.health.dropped + snapshot.health.holes
    if lost:
        parts.append(f"dropped {lost:,} events")
    if snapshot.health.limited:
        parts.append(f"limited: {snapshot.health.limited}")
    return "  ".join(parts)


def _waiting(snapshot: Snapshot) -> list[str]:
    """Told without a load of ours only: with one, it is in flight less open."""
    known = snapshot.queued is not None and snapshot.queued_at_least
    return [f"waiting, at least {snapshot.queued}"] if known else []


def _count(name: str, value: int | None) -> list[str]:
    return [] if value is None else [f"{name} {value}"]
