"""From records and samples to snapshots: pure, and every time is an argument.

Records of all rings, samples and the load's messages come in any order. They are folded in the
order of their times up to a *watermark*, 100 ms behind now: a snapshot is the state at that moment,
so that what is in flight, open and queued always agree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from threadscope.model.counted import as_seen, merged, watched
from threadscope.model.fold import Fold
from threadscope.model.holds import Unseen
from threadscope.model.intake import Intake
from threadscope.model.judging import Judging
from threadscope.model.load_result import LoadResult
from threadscope.model.observation import Judge
from threadscope.model.phases import HEADLINE_NS, Phases
from threadscope.model.processes import Processes, parts
from threadscope.model.rates import Seconds
from threadscope.model.records import Batch
from threadscope.model.sample import ProcessSample, Stack
from threadscope.model.snapshot import (
    Behaviour,
    BesideNow,
    Gap,
    Health,
    Part,
    PhaseInfo,
    PhaseState,
    PhaseSummary,
    Role,
    Snapshot,
    TargetInfo,
    Variant,
    Word,
)
from threadscope.model.windows import KEPT_S, SECOND, Depths

WATERMARK_NS = 100_000_000
"""How far the picture is behind: rings are read just before, but writers may be late."""
GAP_NS = 2 * SECOND
"""So long without a look, and what happened meanwhile is not all known."""
STOPPED = "threadscope did not run"


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
        self._gaps: tuple[Gap, ...] = ()
        self._intake = Intake(self._fold)
        self._queue, self._token_queue = Depths(), Depths()
        self._seconds = Seconds(started)
        self._phases = Phases(self._fold, self._intake, started)
        self._over = ""
        self._at_sockets: int | None = None
        self._processes, self._interruptions = Processes(), self._fold.interruptions
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
        if news := self._interruptions.sampled(sample):
            fold.log.note(sample.t, news)
        fold.timeline.hops_ended(fold.threads.sampled(sample))
        used = self._processes.sampled(sample.pid, sample.t, sample.cpu_ns)
        if used is not None:
            fold.timeline.used(used[0], sample.t, used[1])
        if fold.books.measurement is not None and fold.books.measurement.covers(sample.t):
            fold.books.measurement.tally.processes[sample.pid].cpu(sample.t, sample.cpu_ns)

    def note(self, t: int, text: str) -> None:
        """A remark for the log."""
        self._intake.at(t, lambda: self._fold.log.note(t, text))

    def server_ended(self, t: int, how: str) -> None:
        """Nothing runs any more, and no ring of it tells anything new."""
        self._over = how
        self._interruptions.over()
        self._intake.at(t, lambda: self._fold.stop(t))
        self._intake.closed = True

    def process_ended(self, t: int, pid: int) -> None:
        """One process of the server is gone, and all that ran in it; the others go on."""
        self._intake.at(t, lambda: self._process_gone(t, pid))

    def _process_gone(self, t: int, pid: int) -> None:
        self._fold.process_gone(t, pid)
        self._intake.process_gone(pid)
        self._processes.gone(pid)
        self._interruptions.gone(pid)

    def sockets(self, waiting: int | None) -> None:
        """Without a load of ours: how many requests the sockets hold, at the least."""
        self._at_sockets = waiting

    def stacks(self, t: int, pid: int, found: Sequence[Stack]) -> None:
        """Where the threads of a process without a probe are."""
        self._intake.at(t, lambda: self._fold.threads.stacks(pid, found, t))

    def unseen(self, t: int) -> list[Unseen]:
        """Steps that last at t, and whose place the probe cannot see."""
        return self._fold.holds.unseen(self._fold.threads.loops(), t)

    def place(self, t: int, step: Unseen, own: str, innermost: str, holds_gil: bool) -> None:
        """Where such a step is, in the app's own code and innermost, as somebody else saw it."""
        holds = self._fold.holds
        self._intake.at(t, lambda: holds.looked(step, own, innermost, holds_gil=holds_gil))

    # -- phases --------------------------------------------------------------------------------
    def begin_phase(
        self, t: int, variant: Variant, clients: int, seconds: float | None, *,
        tour: bool = False, burst: int | None = None, rate: float | None = None,
    ) -> None:  # fmt: skip
        """A variant comes under load."""
        self._phases.begin(
            t,
            PhaseInfo(variant, PhaseState.STARTING, t, seconds, clients, True, tour, burst, rate),
        )

    def load_state(self, state: PhaseState, t: int) -> None:
        """The load went from one state of the phase to the next."""
        self._intake.at(t, lambda: self._phases.enter(state, t))

    def set_load(
        self, t: int, *, clients: int | None = None, on: bool | None = None,
        rate: float | None = None,
    ) -> None:  # fmt: skip
        """The load was changed at t while it runs."""
        self._phases.change(t, clients=clients, on=on, rate=rate)

    def as_seen(self) -> LoadResult:
        """What a load would say that cannot be waited for: counts as they were seen here.

        Rates and latency are those of the last minute of the measurement.
        """
        return as_seen(self._fold, self._phases.begun, self._mark)

    def end_phase(self, result: LoadResult, aborted: str = "") -> PhaseSummary:
        """Sums a phase up; call it when all of it was folded.

        Args:
            result: the load's own counts.
            aborted: why it did not reach its end.
        """
        phases = self._phases
        summary = phases.sum_up(
            result, self._mark, part=self._parts(), limited=self.limited, aborted=aborted
        )
        summary = self._judging.judged(summary, self._mark, self.target.cpus)
        phases.end(summary)
        return summary

    def watched(self) -> LoadResult:
        """What a phase without a load of ours amounts to, by what the server saw; see `end_phase`.

        Without a probe nothing was seen: all counts are 0.
        """
        return watched(self._fold, self._mark)

    # -- what comes out ------------------------------------------------------------------------
    @property
    def open(self) -> int:
        """Requests that are in the server."""
        return len(self._fold.open)

    def advance(self, now: int) -> None:
        """Folds all that is older than the watermark.

        Args:
            now: monotonic ns.
        """
        mark = max(now - WATERMARK_NS, self._mark)
        fold = self._fold
        if mark - self._mark > GAP_NS and self._mark > self._started:
            self._gaps = (*self._gaps, Gap(self._mark, mark))[-KEPT_S:]
            fold.log.note(mark, f"no data for {(mark - self._mark) / SECOND:.0f} s: {STOPPED}")
        fold.take(self._intake.take(mark))
        fold.timeline.pass_to(mark)
        fold.threads.steps_at(mark, self._intake.steps_covering(mark))
        self._mark = mark
        fold.books.roll(mark)
        self._queue.add(mark, self._queued())
        self._token_queue.add(mark, sum(pool.tasks_waiting for pool in fold.limiters.values()))

    def _queued(self) -> int | None:
        fold = self._fold
        if not fold.clients.used:
            return self._at_sockets
        if self.limited:
            return None
        return max(fold.clients.in_flight - len(fold.open), 0)

    def snapshot(self, health: Health, output: tuple[str, ...] = ()) -> Snapshot:
        """The state at the watermark.

        Args:
            health: what the session knows of itself; events lost are added here.
            output: the server's last lines.
        """
        fold, phases, at = self._fold, self._phases, self._mark
        part = self._parts()
        begin = max(at - HEADLINE_NS, phases.begun)
        rate = fold.books.answered if fold.clients.used else fold.books.served
        per_second, latency = rate.window(begin, at)
        evidence = fold.timeline.evidence(begin, at)
        seen = not self.limited
        known = seen or fold.clients.used
        self._judging.look(
            begin, at, processes=self._processes, part=part, cpus=self.target.cpus,
            load_percent=health.load_percent, lost=phases.lost,
        )  # fmt: skip
        threads = fold.threads.all()
        rings = self._intake.rings.values()
        return Snapshot(
            at=at,
            wall_offset=self._wall_offset,
            started=self._started,
            target=self.target,
            phase=phases.info,
            per_second=per_second if known and at - begin >= SECOND else None,
            bars=rate.bars(at) if known else (),
            seconds=self._seconds.points(rate, at) if known else (),
            marks=phases.marks.since(at - KEPT_S * SECOND),
            gaps=tuple(gap for gap in self._gaps if gap.end > at - KEPT_S * SECOND),
            latency=latency,
            latency_at_client=fold.clients.used,
            beside=tuple(
                BesideNow(route, light.window(begin, at)[1])
                for route, light in fold.books.lights.items()
            ),
            in_flight=fold.clients.in_flight if fold.clients.used else None,
            open=len(fold.open) if seen else None,
            queued=self._queued(),
            queued_at_least=not fold.clients.used,
            websockets=sum(ring.websockets for ring in rings) if seen else None,
            in_threads=fold.timeline.hops if seen else None,
            done=fold.books.done,
            failed=fold.books.failed,
            limiters=merged(fold.limiters),
            loop_lag_ns=fold.loop_lags.worst(at),
            gil_lag_ns=fold.gil_lags.worst(at),
            cores_used=self._processes.cores_used(at),
            processes=self._processes.rows(at, part, fold.open, self._ended_in),
            threads=tuple(thread.row(at) for thread in threads),
            lanes=tuple(x.lane(at) for x in threads if x.role in (Role.LOOP, Role.WORKER)),
            queue=self._queue.chunks(),
            token_queue=self._token_queue.chunks(),
            log=fold.log.lines(),
            logged=fold.log.added,
            behaviour=(
                Behaviour(Word.UNKNOWN, self._over)
                if self._over
                else phases.behaviour(evidence, at, self.limited or self._interruptions.now)
            ),
            findings=self._judging.findings,
            routes=self._judging.routes,
            finished=phases.finished,
            health=replace(
                health,
                dropped=sum(ring.dropped for ring in rings),
                holes=sum(ring.holes for ring in rings),
                probe_errors=sum(ring.errors for ring in rings),
                no_slot=sum(ring.no_slot for ring in rings),
                no_name=sum(ring.no_name for ring in rings),
                no_cell=sum(ring.no_cell for ring in rings),
                limited=self.limited or self._interruptions.now or health.limited,
            ),
            output=output,
        )

    def _parts(self) -> Callable[[int], Part]:
        return parts(self._fold.threads.serving, self.target)

    def _ended_in(self, pid: int) -> int:
        ring = self._intake.rings.get(pid)
        return ring.ended if ring else 0
