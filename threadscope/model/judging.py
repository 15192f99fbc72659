"""Puts together what lints look at, and keeps what they said."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

from threadscope.model.fold import Fold
from threadscope.model.observation import Judge, Observation, Silent, thread_now
from threadscope.model.part import Part
from threadscope.model.processes import Processes
from threadscope.model.snapshot import Finding, Hold, PhaseSummary, RouteSummary, ThreadSummary
from threadscope.model.tally import Tally, longest_first
from threadscope.model.windows import SECOND

JUDGED_NS = SECOND // 2
"""So often the last seconds are summed up and judged: more often nobody could read it."""
AT_ONCE = 200
"""Of more routes or threads than this, the sum is made in parts: a thousand take up to a twentieth
of a second, and a picture would wait for them. What one part is about takes some milliseconds."""
PARTS = 2
"""A picture."""


class Judging:
    """Between the state of the server and a judge.

    Args:
        fold: the state.
        judge: says what is wrong; None: nobody does.
    """

    def __init__(self, fold: Fold, judge: Judge | None) -> None:
        self._fold, self._judge = fold, judge or Silent()
        fold.holds.least = self._judge.hold_ns
        self._at = self._now = 0
        self._work: Iterator[None] | None = None
        """A judgement that is not complete."""
        self.findings: tuple[Finding, ...] = ()
        """What is wrong now."""
        self.routes: tuple[RouteSummary, ...] = ()
        """The endpoints over the last seconds."""

    def judged(self, summary: PhaseSummary, at: int, cpus: int) -> PhaseSummary:
        """A phase that is summed up at `at`, with what was wrong in its measurement."""
        measured = self._fold.books.measurement
        if measured is None:
            return summary
        seen = Observation(
            seconds=measured.length(at) / SECOND,
            routes=summary.routes,
            holds=self._of_the_app(measured.tally.holds),
            processes=summary.processes,
            threads=summary.threads,
            cpus=cpus,
            done=measured.tally.done,
            failed=measured.tally.failed,
            load_percent=summary.generator_percent,
            lost=summary.events_dropped,
            stopped=self._fold.interruptions.longest(measured.begin, measured.end or at) / SECOND,
        )
        return replace(summary, findings=self._judge.phase(seen))

    def look(
        self, begin: int, at: int, *, processes: Processes, part: Callable[[int], Part],
        cpus: int, load_percent: float | None, lost: int,
    ) -> None:  # fmt: skip
        """Sums up and judges the time between two moments, if the last time was long ago.

        Args:
            begin: monotonic ns.
            at: the watermark.
            processes: their CPU clocks.
            part: what a process is there for, by its pid.
            cpus: cores of the host.
            load_percent: CPU of our load.
            lost: events that were never read.
        """
        if self._work is None:
            if at - self._at < JUDGED_NS:
                return
            self._at = at
            self._work = self._look(begin, at, processes, part, cpus, load_percent, lost)
        self._now = at
        many = max(len(self.routes), len(self._fold.threads)) > AT_ONCE
        parts = PARTS if many else sys.maxsize
        while parts and self._work is not None:
            parts -= 1
            if next(self._work, True):
                self._work = None

    def _look(
        self, begin: int, at: int, processes: Processes, part: Callable[[int], Part],
        cpus: int, load_percent: float | None, lost: int,
    ) -> Iterator[None]:  # fmt: skip
        """The same, in parts of some milliseconds."""
        fold, tally, routes = self._fold, Tally(), list[RouteSummary]()
        for second in fold.books.since(begin):
            tally.add(second)
            yield
        each = tally.each_route(at - begin)
        while some := list(islice(each, AT_ONCE)):
            routes += some
            yield
        self.routes = longest_first(routes)
        everyone = fold.threads.all()
        known = iter([x for x in everyone if not x.ended_at])
        threads = list[ThreadSummary]()
        while few := list(islice(known, AT_ONCE)):
            threads += [thread_now(x.row(self._now)) for x in few]
            yield
        now = self._now
        lasting = [fold.holds.lasting(x, now, fold.clients, fold.open) for x in everyone]
        seen = Observation(
            seconds=(at - begin) / SECOND,
            routes=self.routes,
            holds=self._of_the_app([*tally.holds, *(x for x in lasting if x is not None)]),
            processes=tuple(
                x.summary(pid, part(pid), x.completed, processes.cores_of(pid, now))
                for pid, x in sorted(tally.processes.items())
            ),
            threads=tuple(threads),
            cpus=cpus,
            done=tally.done,
            failed=tally.failed,
            load_percent=load_percent,
            lost=lost,
            stopped=fold.interruptions.longest(begin, at) / SECOND,
        )
        self.findings = self._judge.live(seen, now)

    def _of_the_app(self, holds: Sequence[Hold]) -> tuple[Hold, ...]:
        """Long steps, but those that were long because somebody had stopped their process."""
        still = self._fold.interruptions.longest
        return tuple(hold for hold in holds if not still(hold.begin, hold.end, hold.pid))
