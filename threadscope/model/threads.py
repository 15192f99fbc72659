"""A thread as row and lane: the kernel's samples and the requests' spans, joined."""

from __future__ import annotations

from collections import deque

from threadscope.model.cpu_clock import CpuClock
from threadscope.model.sample import ThreadSample
from threadscope.model.snapshot import Activity, Lane, Role, Span, ThreadRow, ThreadSummary
from threadscope.model.spans import Spans
from threadscope.model.windows import SECOND

WINDOW_NS = SECOND
"""A running thread's clock moves by the kernel's tick (4 ms): shorter windows show steps."""
_NO_SAMPLE: tuple[int, ThreadSample | None] = (0, None)


class Thread:
    """One thread of the server."""

    def __init__(self, pid: int, tid: int, born: int) -> None:
        self.pid, self.tid, self.born = pid, tid, born
        self.role = Role.OTHER
        self.label = ""
        self.samples: deque[tuple[int, ThreadSample]] = deque()
        self.cpu = CpuClock()
        self.spans = Spans()
        self.running: dict[int, Activity] = {}
        """Hops that run at the watermark, by request (one, but for hops within hops)."""
        self.step: Activity | None = None
        """The step that holds this event loop at the watermark."""
        self.cell_step: Activity | None = None
        """And when its cell was read, some time after that."""
        self.hops: int | None = None
        self.active_at = 0
        self.where, self.holds_gil = "", False
        self.ended_at = 0
        self.first: tuple[int, ThreadSample] | None = None
        """The first sample of the present measurement."""
        self.hops_measured = 0
        """By the records, since the measurement began: cells are read ahead of the watermark."""
        self._row: ThreadRow | None = None
        self._row_key: tuple[object, ...] = ()
        self._lane: Lane | None = None

    def span(self, begin: int, end: int, request: int) -> None:
        """A request had this thread."""
        if end > self.active_at:
            self.active_at = end
        self.spans.add(begin, end, request)

    def cut_off(self, t: int) -> None:
        """It is gone; what it ran, it ran until then."""
        for activity in self._activities():
            if activity.since < t:
                self.span(activity.since, t, activity.request)
        self.step = self.cell_step = None
        self.running.clear()

    def _activities(self) -> list[Activity]:
        running = list(self.running.values())
        return [*running, self.step] if self.step else running

    def sampled(self, t: int, sample: ThreadSample) -> None:
        """The kernel's figures at t."""
        if self.samples and sample.cpu_ns - self.samples[-1][1].cpu_ns > 1_000_000:
            self.active_at = max(self.active_at, t)
        self.samples.append((t, sample))
        while len(self.samples) > 2 and self.samples[1][0] <= t - WINDOW_NS:
            self.samples.popleft()
        self.cpu.read(t, sample.cpu_ns)

    def row(self, at: int) -> ThreadRow:
        """The thread over about the last second; the same object while nothing changes."""
        now = self.step or next(iter(self.running.values()), None)
        first = last = _NO_SAMPLE
        if self.samples:
            first, last = self.samples[0], self.samples[-1]
        passed, same = last[0] - first[0], first[1] is last[1]
        key = (
            first[1], last[1], min(passed, 1) if same else passed, now, self.active_at, self.hops,
            self.label, self.role, self.ended_at, self.where, self.holds_gil,
        )  # fmt: skip
        if self._row is None or key != self._row_key:
            self._row, self._row_key = self._new_row(first[1], last[1], passed, now), key
        return self._row

    def _new_row(
        self, old: ThreadSample | None, new: ThreadSample | None, passed: int, now: Activity | None
    ) -> ThreadRow:
        if old is None or new is None:
            return ThreadRow(
                self.pid, self.tid, self.label, self.role, "?", None, None, None, None, None,
                self.hops, now, self.active_at,
            )  # fmt: skip
        return ThreadRow(
            pid=self.pid,
            tid=self.tid,
            label=self.label,
            role=self.role,
            state="X" if self.ended_at else new.state,
            processor=new.processor,
            cpu_percent=_percent(old.cpu_ns, new.cpu_ns, passed),
            wait_percent=_percent(old.wait_ns, new.wait_ns, passed),
            switches_per_s=_per_second(_switches(old), _switches(new), passed),
            cpu_s=new.cpu_ns / SECOND,
            hops=self.hops,
            now=now,
            active_at=self.active_at,
            where=self.where,
            holds_gil=self.holds_gil,
        )

    def lane(self, at: int) -> Lane:
        """The last minute; the same object while nothing changes."""
        spans, cpu = self.spans.chunks(), self.cpu.chunks()
        current = tuple(
            [
                Span(x.since, at, x.request, 1, at - x.since)
                for x in self._activities()
                if x.since < at
            ]
        )
        old = self._lane
        if (
            old is None or current or old.current or old.spans is not spans or old.cpu is not cpu
            or old.active_at != self.active_at or old.label != self.label
        ):  # fmt: skip
            old = self._lane = Lane(
                self.pid, self.tid, self.label, self.role, spans, current, cpu, self.active_at
            )
        return old

    def core_wait(self, begin: int, end: int) -> int:
        """Ns between two moments in which it was ready to run and had no core, about."""
        if len(self.samples) < 2:
            return 0
        inside = [x for x in self.samples if begin <= x[0] <= end]
        before = [x for x in self.samples if x[0] < begin][-1:]
        seen = [*before, *inside]
        if len(seen) < 2:
            seen = list(self.samples)[-2:]
        (t0, old), (t1, new) = seen[0], seen[-1]
        if old.wait_ns is None or new.wait_ns is None or t1 <= t0:
            return 0
        return int((new.wait_ns - old.wait_ns) / (t1 - t0) * (end - begin))

    def cpu_between(self, begin: int, end: int) -> int | None:
        """CPU ns between two moments of the last second or so, about."""
        inside = [x for x in self.samples if begin <= x[0] <= end]
        if len(inside) < 2:
            return None
        (t0, old), (t1, new) = inside[0], inside[-1]
        return min(int((new.cpu_ns - old.cpu_ns) / (t1 - t0) * (end - begin)), end - begin)

    def cpu_about(self, begin: int, end: int) -> int | None:
        """The same, where need be from the share that it had of the last two samples' time."""
        known = self.cpu_between(begin, end)
        if known is not None or len(self.samples) < 2:
            return known
        (t0, old), (t1, new) = list(self.samples)[-2:]
        return min(int((new.cpu_ns - old.cpu_ns) / (t1 - t0) * (end - begin)), end - begin)

    def begin_measure(self) -> None:
        """From here on counts for the summary."""
        self.first = self.samples[-1] if self.samples else None
        self.hops_measured = 0

    def summary(self) -> ThreadSummary:
        """The thread since the measurement began."""
        cpu = wait = voluntary = involuntary = None
        if self.first is not None and self.samples:
            (t0, old), (t1, new) = self.first, self.samples[-1]
            cpu = _percent(old.cpu_ns, new.cpu_ns, t1 - t0)
            wait = _percent(old.wait_ns, new.wait_ns, t1 - t0)
            voluntary = _per_second(old.voluntary, new.voluntary, t1 - t0)
            involuntary = _per_second(old.involuntary, new.involuntary, t1 - t0)
        return ThreadSummary(
            self.pid, self.tid, self.label, self.role, cpu, wait, voluntary, involuntary,
            None if self.hops is None and not self.hops_measured else self.hops_measured,
        )  # fmt: skip


def _percent(old: int | None, new: int | None, passed: int) -> float | None:
    """Share of one core; a clock that runs in ticks may overshoot, a thread cannot."""
    if old is None or new is None or passed <= 0:
        return None
    return min(max((new - old) / passed * 100, 0.0), 100.0)


def _per_second(old: int | None, new: int | None, passed: int) -> float | None:
    if old is None or new is None or passed <= 0:
        return None
    return max((new - old) * SECOND / passed, 0.0)


def _switches(sample: ThreadSample) -> int | None:
    if sample.voluntary is None or sample.involuntary is None:
        return None
    return sample.voluntary + sample.involuntary
