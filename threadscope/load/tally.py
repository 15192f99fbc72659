"""What becomes of a phase's requests, counted."""

from __future__ import annotations

from collections import Counter

from threadscope.load.answer import Answer, ErrorKind, NoAnswer
from threadscope.load.messages import Burst, Progress, Result, Scheduled
from threadscope.load.plan import LoadPlan, Model
from threadscope.load.schedule import SECOND, Schedule
from threadscope.model.histogram import Histogram


class Tally:
    """Counts requests, and the latencies of those that are answered in the measurement."""

    def __init__(self, plan: LoadPlan) -> None:
        self.schedule: Schedule | None = None
        """Of the open model."""
        if plan.rate is not None:
            patience = round(plan.timeout_s * SECOND)
            self.schedule = Schedule(plan.rate, patience, plan.requests)
        self.cut_off = 0
        self.measuring = False
        self._burst = plan.clients if plan.model is Model.BURST else None
        self._sent = self._first_sent = self._last_answer = 0
        self._statuses: Counter[int] = Counter()
        self._errors: Counter[ErrorKind] = Counter()
        self._reasons: dict[ErrorKind, str] = {}
        self._bytes = 0
        self._whole, self._recent = Histogram(), Histogram()
        self._from_schedule = Histogram()
        self._told: tuple[int, int] | None = None
        """When progress was told, and how many were answered then."""

    # -- one request: the hot path -------------------------------------------------------------
    def sent_at(self, t: int) -> None:
        """A request was sent."""
        self._sent += 1
        self._first_sent = self._first_sent or t

    def answer(self, answer: Answer, sent: int, due: int | None) -> None:
        """A request was answered; `due` is its moment on the schedule, if there is one."""
        status, t, size = answer
        self._statuses[status] += 1
        self._bytes += size
        self._last_answer = t
        if self.measuring:
            self._recent.add(t - sent)
            if due is not None:
                self._from_schedule.add(t - due)

    def no_answer(self, error: NoAnswer) -> None:
        """A request got none."""
        self._errors[error.kind] += 1
        self._reasons.setdefault(error.kind, error.why)

    # -- sums ----------------------------------------------------------------------------------
    @property
    def answered(self) -> int:
        """Whole answers, with whatever status."""
        return self._statuses.total()

    @property
    def failed(self) -> int:
        """No whole answer, or one of 400 or more."""
        unhappy = sum(n for status, n in self._statuses.items() if status >= 400)
        return unhappy + self._errors.total()

    @property
    def in_flight(self) -> int:
        """Sent, and nothing became of them so far."""
        return self._sent - self.answered - self._errors.total() - self.cut_off

    def progress(self, t: int) -> Progress:
        """What is known at t; rate and latency are of the time since the last call."""
        recent, answered, told = self._recent.latency(), self.answered, self._told
        self._told = t, answered
        self._whole.merge(self._recent)
        self._recent = Histogram()
        schedule = self.schedule
        return Progress(
            t=t,
            answered=answered,
            failed=self.failed,
            in_flight=self.in_flight,
            per_second=None if told is None else (answered - told[1]) * SECOND / (t - told[0]),
            p50=recent.p50,
            p99=recent.p99,
            max=recent.max,
            late=schedule.late if schedule else None,
            dropped=schedule.dropped if schedule else None,
        )

    def result(self, settle: int, measure: int, drain: int, cpu: int) -> Result:
        """The sum of it all.

        Args:
            settle: how long it settled, ns,
            measure: measured,
            drain: and drained.
            cpu: of this process while it measured, ns.
        """
        self._whole.merge(self._recent)
        count, failed = self._whole.count, self.failed
        completed = self.answered + self._errors.total() - failed
        return Result(
            started=completed + failed + self.cut_off,
            completed=completed,
            failed=failed,
            cut_off=self.cut_off,
            in_measure=count,
            per_second=count * SECOND / measure if measure else 0.0,
            settle_s=settle / SECOND,
            duration_s=measure / SECOND,
            drain_s=drain / SECOND,
            histogram=self._whole.to_json(),
            statuses={str(status): n for status, n in sorted(self._statuses.items())},
            errors={kind.name.lower(): n for kind, n in sorted(self._errors.items())},
            reasons={kind.name.lower(): why for kind, why in self._reasons.items()},
            received_bytes=self._bytes,
            generator_percent=100 * cpu / measure if measure else None,
            burst=self._as_burst(),
            scheduled=self._as_scheduled(),
        )

    def _as_burst(self) -> Burst | None:
        if self._burst is None:
            return None
        whole = (self._last_answer - self._first_sent) / SECOND if self.answered else None
        return Burst(self._burst, whole)

    def _as_scheduled(self) -> Scheduled | None:
        schedule = self.schedule
        if schedule is None:
            return None
        return Scheduled(
            scheduled=schedule.scheduled,
            on_time=schedule.on_time,
            late=schedule.late,
            dropped=schedule.dropped,
            histogram=self._from_schedule.to_json(),
        )
