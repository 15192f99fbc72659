"""From records and samples to snapshots: pure, and every time is an argument.

Records of all rings, samples and the load's messages come in any order. They are folded in the
order of their times up to a *watermark*, 100 ms behind now: a snapshot is the state at that moment,
so that what is in flight, open and queued always agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from threadscope.model.behaviour import Evidence, behaviour
from threadscope.model.counted import MEASURED_NS, as_seen, merged, switches, watched
from threadscope.model.fold import Fold
from threadscope.model.intake import Intake
from threadscope.model.judging import Judging
from threadscope.model.load_result import LoadResult as LoadResult
from threadscope.model.observation import Judge
from threadscope.model.phase import Measurement
from threadscope.model.processes import Processes, part_of
from threadscope.model.records import Batch
from threadscope.model.sample import ProcessSample, Stack
from threadscope.model.snapshot import (
    Behaviour,
    BesideNow,
    Health,
    Part,
    PhaseInfo,
    PhaseState,
    PhaseSummary,
    ProcessRow,
    ProcessSummary,
    Role,
    Snapshot,
    TargetInfo,
    ThreadSummary,
    Variant,
    Word,
)
from threadscope.model.windows import KEPT_S, SECOND, Depths, Marks, Seconds

WATERMARK_NS = 100_000_000
"""How far the picture is behind: rings are read just before, but writers may be late."""
HEADLINE_NS = 5 * SECOND
PHASES_KEPT = 200
"""Bursts that go on make some a minute."""


class Aggregator:
    """Everything that is known, up to a watermark."""

    def __init__(self, started: int, *, wall_offset: int = 0, judge: Judge | None = None) -> None:
        """Begins an observation.

        Args:
            started: monotonic ns.
            wall_offset: wall clock minus monotonic clock, ns.
            judge: says what is wrong; None: nobody does.
        """
        self._fold = Fold(started)
        self._judging = Judging(self._fold, judge)
        self._started, self._wall_offset = started, wall_offset
        self._mark = started
        self._intake = Intake(self._fold)
        self._queue, self._token_queue = Depths(), Depths()
        self._seconds, self._marks = Seconds(started), Marks()
        self._phase = PhaseInfo()
        self._phase_begun = started
        self._served_before: dict[int, int] = {}
        self._stale = 0
        """Requests of the phase before that still ran when this one began."""
        self._over = ""
        self._at_sockets: int | None = None
        self._lost_before = self._read_before = 0
        self._threads_measured: tuple[ThreadSummary, ...] = ()
        self._processes = Processes()
        self._finished: tuple[PhaseSummary, ...] = ()
        self.target = TargetInfo()
        self.limited = "no probe in the server: its requests cannot be seen"
        """Why requests are not seen; "" once a ring of the server was read."""

    # -- what comes in -------------------------------------------------------------------------
    def add_batch(self, batch: Batch, *, load: bool = False) -> None:
        """What one look at one ring gave."""
        self._intake.read(batch, load=load)
        if not load:
            self.limited = ""

    def add_sample(self, sample: ProcessSample) -> None:
        """What the kernel says of one process."""
        self._intake.at(sample.t, lambda: self._sampled(sample))

    def _sampled(self, sample: ProcessSample) -> None:
        fold = self._fold
        fold.timeline.hopped(-fold.threads.sampled(sample))
        used = self._processes.sampled(sample.pid, sample.t, sample.cpu_ns)
        if used is not None:
            fold.timeline.used(used[0], sample.t, used[1])
        if fold.measurement is not None and fold.measurement.covers(sample.t):
            fold.measurement.tally.processes[sample.pid].cpu(sample.t, sample.cpu_ns)

    def note(self, t: int, text: str) -> None:
        """A remark for the log."""
        self._intake.at(t, lambda: self._fold.log.note(t, text))

    # -- phases --------------------------------------------------------------------------------
    def begin_phase(
        self, t: int, variant: Variant, clients: int, seconds: float | None, *,
        tour: bool = False, burst: int | None = None, rate: float | None = None,
    ) -> None:  # fmt: skip
        """A variant comes under load."""
        self._phase = PhaseInfo(
            variant, PhaseState.STARTING, t, seconds, clients, True, tour, burst, rate
        )
        self._phase_begun = t
        self._marks.add(t, variant.key)
        self._served_before = {pid: ring.ended for pid, ring in self._intake.rings.items()}
        self._lost_before, self._read_before = self._lost, self._fold.read
        self._fold.done = self._fold.failed = 0
        self._fold.lights.clear()
        self._fold.measurement = None
        self._fold.roll(t, now=True)
        self._fold.timeline.restart(t)
        self._stale = self.open if clients else 0

    def load_state(self, state: PhaseState, t: int) -> None:
        """The load went from one state of the phase to the next."""
        self._intake.at(t, lambda: self._enter(state, t))

    def _enter(self, state: PhaseState, t: int) -> None:
        fold = self._fold
        self._phase = replace(self._phase, state=state, since=t)
        if state is PhaseState.MEASURE:
            fold.timeline.pass_to(t)
            fold.timeline.mark(t)
            fold.roll(t, now=True)
            fold.measurement = Measurement(t, self._phase_begun)
            for thread in fold.threads.all():
                thread.begin_measure()
        elif state is PhaseState.DRAIN:
            fold.timeline.pass_to(t)
            fold.roll(t, now=True)
            if fold.measurement is not None:
                fold.measurement.end = t
            self._threads_measured = tuple(x.summary() for x in fold.threads.all())
        elif state is PhaseState.DONE:
            fold.clients.forget()
            fold.timeline.in_flight = 0

    def set_load(
        self, t: int, *, clients: int | None = None, on: bool | None = None,
        rate: float | None = None,
    ) -> None:  # fmt: skip
        """The load was changed at t while it runs."""
        if clients is not None:
            self._marks.add(t, f"{clients} clients")
            self._phase = replace(self._phase, clients=clients)
        if rate is not None:
            self._marks.add(t, f"{rate:g} req/s")
            self._phase = replace(self._phase, rate=rate)
        if on is not None:
            self._marks.add(t, "load on" if on else "load off")
            self._phase = replace(self._phase, load_on=on)

    def as_seen(self) -> LoadResult:
        """What a load would say that cannot be waited for: counts as they were seen here.

        Rates and latency are those of the last minute of the measurement.
        """
        return as_seen(self._fold, self._phase_begun, self._mark)

    def end_phase(self, result: LoadResult, aborted: str = "") -> PhaseSummary:
        """Sums a phase up; call it when all of it was folded.

        Args:
            result: the load's own counts.
            aborted: why it did not reach its end.
        """
        fold, at = self._fold, self._mark
        fold.roll(at, now=True)
        measured = fold.measurement
        begin, end = (measured.begin, measured.end or at) if measured else (at, at)
        evidence = fold.timeline.evidence(begin, end)
        # shorter, and two samples of the clocks say nothing
        done = measured.work if measured and end - begin >= MEASURED_NS else 0.0
        cpu = measured.cpu_used() if measured else 0
        seen = not self.limited
        summary = PhaseSummary(
            variant=self._phase.variant,
            round=1,
            clients=self._phase.clients,
            rate=self._phase.rate,
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
            served=self._served_in_phase(result) if seen else None,
            behaviour=self._behaviour(evidence),
            open_max=fold.timeline.open_max if seen else None,
            open_mean=evidence.open / evidence.seen if evidence.seen and seen else None,
            in_threads_max=fold.timeline.hops_max if seen else None,
            cores_used=measured.cores_used() if measured else None,
            cpu_ns_per_request=cpu / done if done else None,
            switches_per_request=switches(self._threads_measured, end - begin, done),
            routes=measured.route_summaries(end) if measured else (),
            processes=self._process_summaries(measured),
            threads=self._threads_measured,
            events_read=fold.read - self._read_before,
            events_dropped=self._lost - self._lost_before,
            aborted=aborted,
            burst=result.burst,
            beside=result.beside,
        )
        summary = self._judging.judged(summary, end, self.target.cpus)
        self._finished = (*self._finished, summary)[-PHASES_KEPT:]
        self._phase = replace(self._phase, state=PhaseState.DONE, tour=False)
        return summary

    def watched(self) -> LoadResult:
        """What a phase without a load of ours amounts to, by what the server saw; see `end_phase`.

        Without a probe nothing was seen: all counts are 0.
        """
        return watched(self._fold, self._mark)

    def sockets(self, waiting: int | None) -> None:
        """Without a load of ours: how many requests the sockets hold, at the least."""
        self._at_sockets = waiting

    def stacks(self, t: int, pid: int, found: Sequence[Stack]) -> None:
        """Where the threads of a process without a probe are."""
        self._intake.at(t, lambda: self._fold.threads.stacks(pid, found, t))

    def _served_in_phase(self, result: LoadResult) -> int:
        """By the server's own count; without a load it runs on, and what was folded counts."""
        if not self._phase.clients:
            return result.completed + result.failed
        return sum(map(self._served, self._intake.rings))

    # -- what comes out ------------------------------------------------------------------------
    @property
    def open(self) -> int:
        """Requests that are in the server."""
        return len(self._fold.open)

    def _served(self, pid: int) -> int:
        """Requests that ended in a process since the phase began, by its own count."""
        ring = self._intake.rings.get(pid)
        return ring.ended - self._served_before.get(pid, 0) if ring else 0

    @property
    def _lost(self) -> int:
        return sum(ring.dropped + ring.holes for ring in self._intake.rings.values())

    def advance(self, now: int) -> None:
        """Folds all that is older than the watermark.

        Args:
            now: monotonic ns.
        """
        mark = max(now - WATERMARK_NS, self._mark)
        fold = self._fold
        fold.take(self._intake.take(mark))
        fold.timeline.pass_to(mark)
        fold.threads.steps_at(mark, self._intake.steps_covering(mark))
        self._mark = mark
        fold.roll(mark)
        self._queue.add(mark, self._queued())
        self._token_queue.add(mark, sum(pool.tasks_waiting for pool in fold.limiters.values()))

    def _queued(self) -> int | None:
        fold = self._fold
        if not fold.clients.used:
            return self._at_sockets
        if self.limited:
            return None
        return max(fold.clients.in_flight - len(fold.open), 0)

    # -- the processes -------------------------------------------------------------------------
    def _part(self, pid: int) -> Part:
        serving = self._fold.threads.serving
        return part_of(pid, serving, self.target.workers, self.target.pids)

    def _process_row(self, pid: int) -> ProcessRow:
        cores, ring = self._processes.cores_of(pid, self._mark), self._intake.rings.get(pid)
        return ProcessRow(
            pid=pid,
            part=self._part(pid),
            cpu_percent=None if cores is None else 100 * cores,
            open=sum(key[0] == pid for key in self._fold.open),
            ended=ring.ended if ring else 0,
        )

    def _process_summaries(self, measured: Measurement | None) -> tuple[ProcessSummary, ...]:
        if measured is None:
            return ()
        return tuple(
            process.summary(pid, self._part(pid), self._served(pid), process.cores_used())
            for pid, process in sorted(measured.tally.processes.items())
        )

    def server_ended(self, t: int, how: str) -> None:
        """Nothing runs any more, and no ring of it tells anything new."""
        self._over = how
        self._intake.at(t, lambda: self._fold.stop(t))
        self._intake.closed = True

    def process_ended(self, t: int, pid: int) -> None:
        """One process of the server is gone, and all that ran in it; the others go on."""
        self._intake.at(t, lambda: self._process_gone(t, pid))

    def _process_gone(self, t: int, pid: int) -> None:
        self._fold.process_gone(t, pid)
        self._intake.process_gone(pid)
        self._processes.gone(pid)

    def _behaviour(self, evidence: Evidence) -> Behaviour:
        """The word, unless what was seen is not what it is about.

        Where the loop is held is added when the probe has seen it lately.
        """
        stale = f"{self._stale} requests of the phase before still ran" if self._stale else ""
        found = behaviour(evidence, limited=self.limited or stale)
        t, place = self._fold.stall
        held = found.evidence.get("loop_held_share", 0) >= 0.5
        return replace(found, place=place) if held and self._mark - t <= HEADLINE_NS else found

    def snapshot(self, health: Health, output: tuple[str, ...] = ()) -> Snapshot:
        """The state at the watermark.

        Args:
            health: what the session knows of itself; events lost are added here.
            output: the server's last lines.
        """
        fold, at = self._fold, self._mark
        begin = max(at - HEADLINE_NS, self._phase_begun)
        rate = fold.answered if fold.clients.used else fold.served
        per_second, latency = rate.window(begin, at)
        evidence = fold.timeline.evidence(begin, at)
        loop_lag, gil_lag = fold.lags(at)
        seen = not self.limited
        known = seen or fold.clients.used
        self._judging.look(
            begin, at, processes=self._processes, part=self._part, cpus=self.target.cpus,
            load_percent=health.load_percent, lost=self._lost - self._lost_before,
        )  # fmt: skip
        threads = fold.threads.all()
        rings = self._intake.rings.values()
        return Snapshot(
            at=at,
            wall_offset=self._wall_offset,
            started=self._started,
            target=self.target,
            phase=self._phase,
            per_second=per_second if known and at - begin >= SECOND else None,
            bars=rate.bars(at) if known else (),
            seconds=self._seconds.points(rate, at) if known else (),
            marks=self._marks.since(at - KEPT_S * SECOND),
            latency=latency,
            latency_at_client=fold.clients.used,
            beside=tuple(
                BesideNow(route, light.window(begin, at)[1]) for route, light in fold.lights.items()
            ),
            in_flight=fold.clients.in_flight if fold.clients.used else None,
            open=len(fold.open) if seen else None,
            queued=self._queued(),
            queued_at_least=not fold.clients.used,
            websockets=sum(ring.websockets for ring in rings) if seen else None,
            in_threads=fold.timeline.hops if seen else None,
            done=fold.done,
            failed=fold.failed,
            limiters=merged(fold.limiters),
            loop_lag_ns=loop_lag,
            gil_lag_ns=gil_lag,
            cores_used=self._processes.cores_used(at),
            processes=tuple(map(self._process_row, self._processes.pids)),
            threads=tuple(thread.row(at) for thread in threads),
            lanes=tuple(x.lane(at) for x in threads if x.role in (Role.LOOP, Role.WORKER)),
            queue=self._queue.chunks(),
            token_queue=self._token_queue.chunks(),
            log=fold.log.lines(),
            logged=fold.log.added,
            behaviour=(
                Behaviour(Word.UNKNOWN, self._over) if self._over else self._behaviour(evidence)
            ),
            findings=self._judging.findings,
            routes=self._judging.routes,
            finished=self._finished,
            health=replace(
                health,
                dropped=sum(ring.dropped for ring in rings),
                holes=sum(ring.holes for ring in rings),
                probe_errors=sum(ring.errors for ring in rings),
                limited=self.limited or health.limited,
            ),
            output=output,
        )
