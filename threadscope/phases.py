"""The order in which variants come under load, and how a phase is driven from begin to end."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from threadscope.load.control import LoadProcess
from threadscope.load.messages import Result, State
from threadscope.load.plan import LoadPlan
from threadscope.model.aggregator import Aggregator, LoadResult
from threadscope.model.histogram import Histogram
from threadscope.model.snapshot import PhaseState, PhaseSummary, Variant


@dataclass(frozen=True, slots=True)
class Phase:
    """One variant under load."""

    variant: Variant
    plan: LoadPlan
    tour: bool = False


class Script:
    """Plays phases one after the other. Lives in the observer's thread.

    Attributes:
        finished: their summaries so far.
    """

    def __init__(self, load: LoadProcess, aggregator: Aggregator) -> None:
        self._load, self._aggregator = load, aggregator
        self._next: deque[Phase] = deque()
        self._running: Phase | None = None
        self._result: tuple[int, LoadResult] | None = None
        self.finished: list[PhaseSummary] = []
        self.broken = ""
        """Why no phase can be played any more."""

    @property
    def running(self) -> Phase | None:
        """The phase that is under load."""
        return self._running

    @property
    def over(self) -> bool:
        """Whether all was played."""
        return self._running is None and not self._next

    def play(self, phases: list[Phase], t: int) -> None:
        """Ends what runs and plays these instead.

        Args:
            phases: in their order.
            t: monotonic ns now.
        """
        self._next = deque(phases)
        if self._running is None:
            self._begin(t)
        else:
            self._load.stop()

    def stop(self) -> None:
        """Ends what runs; nothing comes after it."""
        self._next.clear()
        if self._running is not None:
            self._load.stop()

    def _begin(self, t: int) -> None:
        self._running = self._next.popleft() if self._next and not self.broken else None
        if self._running is not None:
            variant, plan = self._running.variant, self._running.plan
            self._aggregator.begin_phase(
                t, variant, plan.clients, plan.seconds, tour=self._running.tour
            )
            self._load.begin(plan)

    def load_state(self, state: State) -> None:
        """The load says where it is."""
        self._aggregator.load_state(state.state, state.t)

    def load_result(self, result: Result, t: int) -> None:
        """The load says what it counted."""
        if self._running is None:
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
            ),
        )

    def tick(self, mark: int, t: int) -> None:
        """Ends the phase when all of it was folded, and begins the next one.

        Args:
            mark: the aggregator's watermark.
            t: monotonic ns now.
        """
        if self._result is None or mark <= self._result[0]:
            return
        _, result = self._result
        self._result = None
        aborted = self.broken
        self.finished.append(self._aggregator.end_phase(result, aborted))
        self._running = None
        self._begin(t)

    def abort(self, why: str, t: int) -> None:
        """The server or the load is gone: the phase ends with what there is."""
        self.broken = self.broken or why
        self._next.clear()
        if self._running is not None and self._result is None:
            self._aggregator.load_state(PhaseState.DONE, t)
            nothing = LoadResult(0, 0, 0, 0, 0.0, 0.0, 0.0, 0.0, Histogram(), None)
            self._result = t, nothing
