"""The phases: where the one that runs is, and what each that ended amounts to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from threadscope.model.behaviour import Evidence, behaviour
from threadscope.model.counted import MEASURED_NS, switches
from threadscope.model.fold import Fold
from threadscope.model.intake import Intake
from threadscope.model.load_result import LoadResult
from threadscope.model.measurement import Measurement
from threadscope.model.snapshot import (
    Behaviour,
    Part,
    PhaseInfo,
    PhaseState,
    PhaseSummary,
    ProcessSummary,
    ThreadSummary,
)
from threadscope.model.windows import SECOND, Marks

HEADLINE_NS = 5 * SECOND
"""What the headline is about: the last seconds."""
PHASES_KEPT = 200
"""Bursts that go on make some a minute."""


class Phases:
    """One after the other, each from its begin to its summary.

    Args:
        fold: the state of the server.
        intake: the rings, which count what ended and what was lost.
        started: when the observation began, monotonic ns.
    """

    def __init__(self, fold: Fold, intake: Intake, started: int) -> None:
        self._fold, self._intake = fold, intake
        self.info = PhaseInfo()
        """The one that runs."""
        self.begun = started
        """When it began, monotonic ns."""
        self.marks = Marks()
        """What was changed, and when."""
        self.finished: tuple[PhaseSummary, ...] = ()
        """Those that ended, the newest PHASES_KEPT of them, oldest first."""
        self._stale = 0
        """Requests of the phase before that still ran when this one began."""
        self._served_before: dict[int, int] = {}
        self._lost_before = self._read_before = 0
        self._threads: tuple[ThreadSummary, ...] = ()

    @property
    def lost(self) -> int:
        """Events that were never read, since the phase began."""
        return self._lost - self._lost_before

    @property
    def _lost(self) -> int:
        return sum(ring.dropped + ring.holes for ring in self._intake.rings.values())

    def served(self, pid: int) -> int:
        """Requests that ended in a process since the phase began, by its own count."""
        ring = self._intake.rings.get(pid)
        return ring.ended - self._served_before.get(pid, 0) if ring else 0

    # -- the course of one ---------------------------------------------------------------------
    def begin(self, t: int, info: PhaseInfo) -> None:
        """A variant comes under load at t."""
        fold = self._fold
        self.info, self.begun = info, t
        self.marks.add(t, info.variant.key)
        self._served_before = {pid: ring.ended for pid, ring in self._intake.rings.items()}
        self._lost_before, self._read_before = self._lost, fold.read
        fold.books.done = fold.books.failed = 0
        fold.books.lights.clear()
        fold.books.measurement = None
        fold.books.roll(t, now=True)
        fold.timeline.restart(t)
        self._stale = len(fold.open) if info.clients else 0

    def enter(self, state: PhaseState, t: int) -> None:
        """The load went to the next state at t; all before that is folded."""
        fold = self._fold
        self.info = replace(self.info, state=state, since=t)
        if state is PhaseState.MEASURE:
            fold.timeline.pass_to(t)
            fold.timeline.mark(t)
            fold.books.roll(t, now=True)
            fold.books.measurement = Measurement(t, self.begun)
            for thread in fold.threads.all():
                thread.begin_measure()
        elif state is PhaseState.DRAIN:
            fold.timeline.pass_to(t)
            fold.books.roll(t, now=True)
            if fold.books.measurement is not None:
                fold.books.measurement.end = t
            self._threads = tuple(x.summary() for x in fold.threads.all())
        elif state is PhaseState.DONE:
            fold.clients.forget()
            fold.timeline.in_flight = 0

    def change(
        self, t: int, *, clients: int | None = None, on: bool | None = None,
        rate: float | None = None,
    ) -> None:  # fmt: skip
        """The load was changed at t while it runs."""
        if clients is not None:
            self.marks.add(t, f"{clients} clients")
            self.info = replace(self.info, clients=clients)
        if rate is not None:
            self.marks.add(t, f"{rate:g} req/s")
            self.info = replace(self.info, rate=rate)
        if on is not None:
            self.marks.add(t, "load on" if on else "load off")
            self.info = replace(self.info, load_on=on)

    # -- what it amounts to --------------------------------------------------------------------
    def behaviour(self, evidence: Evidence, at: int, limited: str) -> Behaviour:
        """The word, unless what was seen is not what it is about.

        Where the loop is held is added when the probe has seen it lately.

        Args:
            evidence: what happened.
            at: the watermark.
            limited: why requests are not seen.
        """
        stale = f"{self._stale} requests of the phase before still ran" if self._stale else ""
        loops = sum(not loop.ended_at for loop in self._fold.threads.loops())
        found = behaviour(evidence, limited=limited or stale, loops=loops)
        t, place = self._fold.stall
        held = found.evidence.get("loop_held_share", 0) >= 0.5
        return replace(found, place=place) if held and at - t <= HEADLINE_NS else found

    def sum_up(
        self, result: LoadResult, at: int, *, part: Callable[[int], Part], limited: str,
        aborted: str,
    ) -> PhaseSummary:  # fmt: skip
        """What the phase amounts to, but for what lints say of it.

        Args:
            result: the load's own counts.
            at: the watermark; all of the phase was folded.
            part: what a process is there for, by its pid.
            limited: why requests are not seen; "" when they are.
            aborted: why it did not reach its end.
        """
        fold = self._fold
        fold.books.roll(at, now=True)
        measured = fold.books.measurement
        begin, end = (measured.begin, measured.end or at) if measured else (at, at)
        evidence = fold.timeline.evidence(begin, end)
        # shorter, and two samples of the clocks say nothing
        done = measured.work if measured and end - begin >= MEASURED_NS else 0.0
        cpu = measured.cpu_used() if measured else 0
        seen = not limited
        return PhaseSummary(
            variant=self.info.variant,
            round=1,
            clients=self.info.clients,
            rate=self.info.rate,
            settle_s=result.settle_s,
            duration_s=result.duration_s,
            drain_s=result.drain_s,
            started=result.started,
            completed=result.completed,
            failed=result.failed,
            cut_off=result.cut_off,
            per_second=result.per_second,
            latency=result.latency.latency(),
            generator_percent=result.generator_percent,
            served=self._served_in_all(result) if seen else None,
            behaviour=self.behaviour(evidence, at, limited),
            open_max=fold.timeline.open_max if seen else None,
            open_mean=evidence.open / evidence.seen if evidence.seen and seen else None,
            in_threads_max=fold.timeline.hops_max if seen else None,
            cores_used=measured.cores_used() if measured else None,
            cpu_ns_per_request=cpu / done if done else None,
            switches_per_request=switches(self._threads, end - begin, done),
            routes=measured.route_summaries(end) if measured else (),
            processes=self._process_summaries(measured, part) if measured else (),
            threads=self._threads,
            events_read=fold.read - self._read_before,
            events_dropped=self.lost,
            aborted=aborted,
            burst=result.burst,
            beside=result.beside,
        )

    def end(self, summary: PhaseSummary) -> None:
        """The phase is over, and this is all that is to be said of it."""
        self.finished = (*self.finished, summary)[-PHASES_KEPT:]
        self.info = replace(self.info, state=PhaseState.DONE, tour=False)

    def _served_in_all(self, result: LoadResult) -> int:
        """By the server's own count; without a load it runs on, and what was folded counts."""
        if not self.info.clients:
            return result.completed + result.failed
        return sum(map(self.served, self._intake.rings))

    def _process_summaries(
        self, measured: Measurement, part: Callable[[int], Part]
    ) -> tuple[ProcessSummary, ...]:
        return tuple(
            process.summary(pid, part(pid), self.served(pid), process.cores_used())
            for pid, process in sorted(measured.tally.processes.items())
        )
