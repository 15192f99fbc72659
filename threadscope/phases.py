"""The order in which variants come under load, and how a phase is driven from begin to end."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from threadscope.load.bodies import answerers
from threadscope.load.control import LoadProcess
from threadscope.load.messages import Beside, Result, State
from threadscope.load.plan import MAX_CLIENTS, LoadPlan, Model
from threadscope.model.aggregator import Aggregator
from threadscope.model.histogram import Histogram
from threadscope.model.load_result import LoadResult
from threadscope.model.phases import PHASES_KEPT
from threadscope.model.snapshot import (
    BesideSummary,
    BurstSummary,
    Latency,
    PhaseState,
    PhaseSummary,
    Variant,
)

GRACE_NS = 2_000_000_000
"""So long the load may take to count up a phase that was broken off; its requests may hang."""
LAST_S = 1.0
"""So long the last answers are awaited when nothing comes after; the rest counts as cut off."""
CLEAR_NS = 5_000_000_000
"""How long the next phase waits for requests that were cut off and still run in the server."""
QUIET_NS = 300_000_000
"""And how long there must be none: the last ones may not have arrived yet."""
STOPPED = "stopped before its end"
OPEN_CLIENTS = 100
"""With a rate, at least so many requests may be out at a time: what is slow must not slow it."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One variant under load."""

    variant: Variant
    plan: LoadPlan
    tour: bool = False
    again: bool = False
    """When it has ended it comes once more, after those that wait."""

    @property
    def live(self) -> bool:
        """It has no end of its own: whenever it is stopped, it is whole."""
        return self.plan.live


def schedule_step(rate: float, up: bool) -> float | None:
    """The next of 1, 2, 5, 10, 20, 50, … requests a second; None: there is no lower one."""
    steps = [float(digit * 10**power) for power in range(5) for digit in (1, 2, 5)]
    found = [x for x in steps if (x > rate if up else x < rate)]
    if not found:
        return steps[-1] if up else None
    return found[0] if up else found[-1]


@dataclass(frozen=True, slots=True)
class Way:
    """One way to ask the server: a variant, and the loads that measure it."""

    variant: Variant
    plans: Callable[[str], Sequence[LoadPlan]]
    """By the server's URL, which has no slash at its end. Each plan is a phase; whoever plays it
    sets its length and its clients."""


class Played(NamedTuple):
    """A phase that ended."""

    phase: Phase
    summary: PhaseSummary


class Script:
    """Plays phases one after the other. Lives in the observer's thread.

    Args:
        load: is told what to do.
        aggregator: is told what it does.
        clients: how many ask.
    """

    def __init__(self, load: LoadProcess, aggregator: Aggregator, clients: int) -> None:
        self._load, self._aggregator = load, aggregator
        self._clients, self._on = clients, True
        self._next: deque[Phase] = deque()
        self._running: Phase | None = None
        self._state = PhaseState.STARTING
        self._asked = self._cut = False
        self._give_up_at: int | None = None
        self._clear_by = 0
        self._idle_since: int | None = None
        self._result: tuple[int, LoadResult | None] | None = None
        """When it came, and what it says; None: nobody counted."""
        self.played: deque[Played] = deque(maxlen=PHASES_KEPT)
        """What ended, oldest first."""
        self.broken = ""
        """Why no phase can be played any more."""

    @property
    def over(self) -> bool:
        """Whether something was asked for, and all of it was played."""
        return self._asked and self._running is None and not self._next

    @property
    def finished(self) -> list[PhaseSummary]:
        """Phases that ended, oldest first."""
        return [summary for _, summary in self.played]

    @property
    def results(self) -> list[PhaseSummary]:
        """The phase of each variant that says most, see `best_of_each`."""
        return best_of_each(self.played)

    # -- what comes from people ----------------------------------------------------------------
    def play(self, phases: Iterable[Phase], t: int) -> None:
        """Ends what runs and plays these instead.

        Args:
            phases: in their order.
            t: monotonic ns now.
        """
        self._asked = True
        if self.broken:
            return
        self._next = deque(phases)
        if self._running is None:
            self._begin(t)
        else:
            self._end_running()

    def stop(self, t: int) -> None:
        """Ends what runs, within GRACE_NS; nothing comes after it."""
        self._asked = True
        self._next.clear()
        if self._running is not None:
            self._end_running(LAST_S)
            self._give_up_at = self._give_up_at or t + GRACE_NS

    def change_clients(self, by: int, t: int) -> None:
        """Lets so many clients more (or fewer) ask, in the phases that follow too.

        A burst has none: its size is the experiment.
        """
        if self._running is not None and self._running.plan.model is Model.BURST:
            return
        self._clients = max(1, min(self._clients + by, MAX_CLIENTS))
        self._load.set_clients(self._clients)
        self._aggregator.set_load(t, clients=self._clients)

    def change_rate(self, up: bool, now_per_second: float, t: int) -> None:
        """Lets requests come on a schedule: a step faster, or slower; slowest of all: closed loop.

        Args:
            up: faster.
            now_per_second: what is answered now; the first schedule is the step below that.
            t: monotonic ns now.
        """
        running = self._running
        if running is None or running.plan.model is Model.BURST:
            return
        old = running.plan.rate
        rate = schedule_step(old, up) if old else schedule_step(now_per_second, False) or 1.0
        if old and rate:
            self._running = replace(running, plan=replace(running.plan, rate=rate))
            self._load.set_rate(rate)
            self._aggregator.set_load(t, rate=rate)
        elif old or up:  # from one model to the other: another phase
            model = Model.OPEN if rate else Model.CLOSED
            plan = replace(running.plan, seconds=None, requests=None, rate=rate, model=model)
            self.play([Phase(running.variant, plan)], t)

    def toggle_load(self, t: int) -> None:
        """Stops the load, or starts it again; every phase begins with it."""
        self._on = not self._on
        self._load.set_on(self._on)
        self._aggregator.set_load(t, on=self._on)

    # -- what comes from the load and the server -----------------------------------------------
    def load_state(self, state: State) -> None:
        """The load says where it is."""
        self._state = state.state
        self._aggregator.load_state(state.state, state.t)

    def load_result(self, result: Result, t: int) -> None:
        """The load says what it counted."""
        if self._running is None or self._result is not None:
            return
        histogram = Histogram.from_json(result.histogram) if result.histogram else Histogram()
        self._result = (
            t,
            LoadResult(
                started=result.started,
                completed=result.completed,
                failed=result.failed,
                cut_off=result.cut_off,
                per_second=result.per_second,
                settle_s=result.settle_s,
                duration_s=result.duration_s,
                drain_s=result.drain_s,
                latency=histogram,
                generator_percent=result.generator_percent,
                burst=_burst(result),
                beside=tuple(map(_beside, result.beside)),
            ),
        )

    def server_ended(self, why: str, t: int) -> None:
        """No more phases; the load still counts up the one that runs."""
        self.broken = self.broken or why
        self.stop(t)

    def load_ended(self, why: str, t: int) -> None:
        """No more phases, and nobody who counts up the one that runs."""
        self.broken = self.broken or why
        self.stop(t)
        self._give_up_at = t

    # -- the course of things ------------------------------------------------------------------
    def tick(self, mark: int, t: int) -> None:
        """Ends the phase when all of it was folded, and begins the next one.

        Args:
            mark: the aggregator's watermark.
            t: monotonic ns now.
        """
        if self._running is None:
            if self._next and self._clear(t):
                self._begin(t)
            return
        if self._result is None and self._give_up_at is not None and t >= self._give_up_at:
            self._result = t, None
            if self._state not in (PhaseState.DRAIN, PhaseState.DONE):
                self._aggregator.load_state(PhaseState.DRAIN, t)
        if self._result is None or mark <= self._result[0]:
            return
        aborted = self.broken or (STOPPED if self._cut else "")
        result = self._result[1] or self._aggregator.as_seen()
        if self._result[1] is None:  # nor will anybody say that it is over
            self._aggregator.load_state(PhaseState.DONE, t)
        summary = self._aggregator.end_phase(result, aborted)
        self.played.append(Played(self._running, summary))
        if self._running.again:
            self._next.append(self._running)
        self._running = self._result = None
        self._clear_by = t + (CLEAR_NS if summary.cut_off or summary.failed else 0)
        self._idle_since = None
        if self._clear(t):
            self._begin(t)

    def _clear(self, t: int) -> bool:
        """Whether the server has done with what the load gave up: it would spoil what follows."""
        if self._aggregator.open:
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = t
        quiet = self._idle_since is not None and t - self._idle_since >= QUIET_NS
        return quiet or t >= self._clear_by

    def _begin(self, t: int) -> None:
        self._cut, self._give_up_at, self._state = False, None, PhaseState.STARTING
        if not self._next:
            return
        phase = self._next.popleft()
        if phase.plan.model is not Model.BURST:  # there, they are the size of the experiment
            least = OPEN_CLIENTS if phase.plan.model is Model.OPEN else 1
            clients = max(self._clients, least)
            phase = replace(phase, plan=replace(phase.plan, clients=clients))
        self._running, plan, self._on = phase, phase.plan, True
        self._aggregator.begin_phase(
            t,
            phase.variant,
            plan.clients,
            plan.seconds,
            tour=phase.tour,
            burst=plan.clients if plan.model is Model.BURST else None,
            rate=plan.rate,
        )
        self._load.begin(phase.plan)

    def _end_running(self, within_s: float | None = None) -> None:
        """Asks the load for an end; a phase that had one before it is cut short.

        Args:
            within_s: the longest wait for answers; None: a request's time-out.
        """
        assert self._running is not None
        self._running = replace(self._running, again=False)
        measured = self._state in (PhaseState.DRAIN, PhaseState.DONE)
        self._cut = self._cut or not (self._running.live or measured)
        self._load.stop(within_s)


def _burst(result: Result) -> BurstSummary | None:
    burst = result.burst
    return BurstSummary(burst.n, burst.total_s, answerers(result.bodies)) if burst else None


def _beside(one: Beside) -> BesideSummary:
    latency = Histogram.from_json(one.histogram).latency() if one.histogram else Latency()
    return BesideSummary(one.route, one.started, one.completed, one.failed, latency)


def best_of_each(played: Iterable[Played]) -> list[PhaseSummary]:
    """The phase that says most of each variant, and of each size of its bursts.

    They come in the order in which variants were first seen.

    That is the newest one that ran its full length; else the newest live one; else the newest
    that was cut short. Phases in which nothing was answered say nothing.
    """
    best: dict[tuple[str, int], tuple[int, PhaseSummary]] = {}
    for phase, summary in played:
        rank = 0 if summary.aborted else 1 if phase.live else 2
        key = summary.variant.key, summary.burst.n if summary.burst else 0
        if summary.latency.count and rank >= best.get(key, (0, None))[0]:
            best[key] = rank, summary
    return [summary for _, summary in best.values()]
