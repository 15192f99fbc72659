"""Watching without a load: one phase, of what others ask."""

from __future__ import annotations

from threadscope.model.aggregator import Aggregator
from threadscope.model.snapshot import PhaseState, PhaseSummary, Variant
from threadscope.phases import STOPPED

WATCH = Variant("watch", "what others ask")


class Watching:
    """The phase of a server that nobody of ours asks. Lives in the observer's thread.

    Args:
        aggregator: is told where the phase is.
        t: monotonic ns now: from here on counts.
        seconds: how long; None: until it is stopped.
    """

    def __init__(self, aggregator: Aggregator, t: int, seconds: float | None) -> None:
        self._aggregator = aggregator
        self._live, self._cut = seconds is None, False
        self._end_at = None if seconds is None else t + int(seconds * 1e9)
        self._drained_at: int | None = None
        self.finished: list[PhaseSummary] = []
        """The phase, when it has ended."""
        self.broken = ""
        """Why it ended early."""
        aggregator.begin_phase(t, WATCH, 0, seconds)
        aggregator.load_state(PhaseState.MEASURE, t)

    @property
    def results(self) -> list[PhaseSummary]:
        """The same, if anything was seen."""
        return [one for one in self.finished if one.latency.count]

    @property
    def over(self) -> bool:
        """Whether it was watched to its end."""
        return bool(self.finished)

    def stop(self, t: int) -> None:
        """Ends it now."""
        if self._end_at is None or t < self._end_at:
            self._cut = not self._live
            self._end_at = t

    def server_ended(self, why: str, t: int) -> None:
        """Nothing more will be seen."""
        self.broken = why
        self.stop(t)

    def tick(self, mark: int, t: int) -> None:
        """Ends the phase when its time is up and all of it was folded.

        Args:
            mark: the aggregator's watermark.
            t: monotonic ns now.
        """
        if self._end_at is None or t < self._end_at or self.finished:
            return
        if self._drained_at is None:
            self._drained_at = t
            self._aggregator.load_state(PhaseState.DRAIN, t)
        elif mark > self._drained_at:
            self._aggregator.load_state(PhaseState.DONE, t)
            aborted = self.broken or (STOPPED if self._cut else "")
            self.finished.append(self._aggregator.end_phase(self._aggregator.watched(), aborted))
