"""Threads as rows and lanes: the kernel's samples and the requests' spans, joined by thread."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from functools import partial

from threadscope.model.records import CellEntry
from threadscope.model.sample import ProcessSample, Stack, ThreadSample
from threadscope.model.snapshot import (
    Activity,
    CpuPoint,
    Endpoint,
    Lane,
    Role,
    Span,
    ThreadRow,
    ThreadSummary,
)
from threadscope.model.windows import SECOND, Chunks

WINDOW_NS = SECOND
"""A running thread's clock moves by the kernel's tick (4 ms): shorter windows show steps."""
TOMBSTONE_NS = 5 * SECOND
MERGE_NS = 20_000_000
SHORT_NS = MERGE_NS // 4
"""Spans shorter than SHORT_NS become one within MERGE_NS: nobody can see them apart."""
_new_span = partial(tuple.__new__, Span)
"""Half the price of Span(...), for thousands of them a second."""
MOST_THREADS = 8192
"""Of all processes; of more that a ring names nothing is kept."""
ROLE_LOOP, ROLE_WORKER, ROLE_PROBE = 1, 2, 4

Key = tuple[int, int]
"""pid and tid."""


class Thread:
    """One thread of the server."""

    def __init__(self, pid: int, tid: int, born: int) -> None:
        self.pid, self.tid, self.born = pid, tid, born
        self.role = Role.OTHER
        self.label = ""
        self.samples: deque[tuple[int, ThreadSample]] = deque()
        self.cpu: Chunks[CpuPoint] = Chunks()
        self.spans: Chunks[Span] = Chunks()
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
        """By the records of the present measurement: cells are read ahead of the watermark."""

    def span(self, begin: int, end: int, request: int) -> None:
        """A request had this thread; short ones next to each other become one span."""
        if end > self.active_at:
            self.active_at = end
        busy = end - begin
        if busy < SHORT_NS and (last := self.spans.last()) is not None:
            first, until, before, requests, had = last
            if end - first < MERGE_NS and begin >= first:
                requests += before != request
                until = end if end > until else until
                self.spans.replace_last(_new_span((first, until, request, requests, had + busy)))
                return
        self.spans.append(end, _new_span((begin, end, request, 1, busy)))

    def cut_off(self, t: int) -> None:
        """It is gone; what it ran, it ran until then."""
        for activity in self._activities():
            if activity.since < t:
                self.span(activity.since, t, activity.request)
        self.step = self.cell_step = None
        self.running.clear()

    def _activities(self) -> list[Activity]:
        return [*self.running.values(), *([self.step] if self.step else [])]

    def sampled(self, t: int, sample: ThreadSample) -> None:
        """The kernel's figures at t."""
        if self.samples and sample.cpu_ns - self.samples[-1][1].cpu_ns > 1_000_000:
            self.active_at = max(self.active_at, t)
        self.samples.append((t, sample))
        while len(self.samples) > 2 and self.samples[1][0] <= t - WINDOW_NS:
            self.samples.popleft()
        self.cpu.append(t, CpuPoint(t, sample.cpu_ns))

    def row(self, at: int) -> ThreadRow:
        """The thread over about the last second."""
        now = self.step or next(iter(self.running.values()), None)
        if not self.samples:
            return ThreadRow(
                self.pid, self.tid, self.label, self.role, "?", None, None, None, None, None,
                self.hops, now, self.active_at,
            )  # fmt: skip
        (t0, old), (t1, new) = self.samples[0], self.samples[-1]
        passed = t1 - t0
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
        """The last minute."""
        current = [
            Span(x.since, at, x.request, 1, at - x.since)
            for x in self._activities()
            if x.since < at
        ]
        return Lane(
            self.pid, self.tid, self.label, self.role, self.spans.chunks(), tuple(current),
            self.cpu.chunks(), self.active_at,
        )  # fmt: skip

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


class ThreadTable:
    """All threads of the server's processes."""

    def __init__(self) -> None:
        self._threads: dict[Key, Thread] = {}
        self._workers = 0
        self._loops = 0

    def get(self, pid: int, tid: int, role: Role | None = None) -> Thread:
        """A thread, made at first sight; a role gives it its label, once."""
        thread = self._threads.get((pid, tid))
        if thread is None:
            if len(self._threads) >= MOST_THREADS:
                return Thread(pid, tid, 0)
            thread = self._threads[pid, tid] = Thread(pid, tid, 0)
        if role is not None and thread.role is not role and thread.role is Role.OTHER:
            thread.role = role
            thread.label = self._new_label(role)
        return thread

    def _new_label(self, role: Role) -> str:
        if role == Role.WORKER:
            self._workers += 1
            return f"worker-{self._workers:02}"
        if role == Role.LOOP:
            self._loops += 1
            return "event loop" if self._loops == 1 else f"event loop {self._loops}"
        return str(role)

    @property
    def serving(self) -> set[int]:
        """Processes in which an event loop lives."""
        return {x.pid for x in self._threads.values() if x.role == Role.LOOP and not x.ended_at}

    def cells(self, pid: int, cells: list[CellEntry], endpoint: dict[int, Endpoint]) -> None:
        """What the probe says of its threads.

        Args:
            pid: their process.
            cells: one a thread.
            endpoint: endpoints by string number.
        """
        for cell in cells:
            if not cell.tid:
                continue
            role = (
                Role.PROBE if cell.role & ROLE_PROBE
                else Role.LOOP if cell.role & ROLE_LOOP
                else Role.WORKER if cell.role & ROLE_WORKER
                else None
            )  # fmt: skip
            thread = self.get(pid, cell.tid, role)
            if thread.role == Role.OTHER:
                thread.label = cell.name
            if role == Role.WORKER:
                thread.hops = cell.hops - cell.hops_before
            elif role == Role.LOOP:
                what = endpoint.get(cell.now_what, Endpoint())
                step = Activity(cell.now_request, what, cell.now_since)
                thread.cell_step = step if cell.now_request else None

    def stacks(self, pid: int, found: Sequence[Stack], t: int) -> None:
        """Names, roles and places of a process without a probe.

        Args:
            pid: the process.
            found: its threads.
            t: when.
        """
        places = {one.tid: one for one in found}
        for (owner, tid), thread in self._threads.items():
            one = places.get(tid) if owner == pid else None
            if one is None:
                continue
            thread.where, thread.holds_gil = one.where, one.holds_gil
            if one.role is not None:
                self.get(pid, tid, one.role)
            elif thread.role == Role.OTHER and one.name:
                thread.label = one.name

    def steps_at(self, mark: int, covering: dict[Key, Activity]) -> None:
        """Which steps hold the event loops at the watermark.

        Args:
            mark: the watermark.
            covering: steps that began before it and ended after it.
        """
        for key, thread in self._threads.items():
            if thread.role == Role.LOOP:
                cell = thread.cell_step
                known = cell if cell is not None and cell.since <= mark else None
                thread.step = covering.get(key, known)

    def sampled(self, sample: ProcessSample) -> int:
        """What the kernel says of one process.

        Returns:
            How many threads ended with a hop that has not.
        """
        seen, cut_off = set(), 0
        for one in sample.threads:
            thread = self.get(sample.pid, one.tid)
            if thread.born != one.born:
                if thread.born:  # the number was given again: another thread
                    cut_off += bool(thread.running)
                    del self._threads[sample.pid, one.tid]
                    thread = self.get(sample.pid, one.tid)
                thread.born = one.born
            if thread.role == Role.OTHER and not thread.label:
                thread.label = "main" if one.tid == sample.pid else one.name
            thread.sampled(sample.t, one)
            thread.ended_at = 0
            seen.add(one.tid)
        for (pid, tid), thread in list(self._threads.items()):
            if pid != sample.pid:
                if thread.ended_at and sample.t - thread.ended_at > TOMBSTONE_NS:
                    del self._threads[pid, tid]
                continue
            if tid in seen:
                continue
            # one that no sample ever saw may have begun just now, or lived too short for any
            idle = not thread.running and thread.active_at < sample.t - WINDOW_NS
            if thread.samples or (idle and seen):
                cut_off += bool(thread.running)
                self._gone(thread, sample.t)
        return cut_off

    def release(self, pid: int, requests: set[int], before: int) -> int:
        """Takes hops from threads whose end was lost.

        Args:
            pid: a process.
            requests: what runs there by its cells.
            before: hops that began later are left alone.

        Returns:
            How many threads run nothing now.
        """
        idle = 0
        for thread in self._threads.values():
            lost = [
                hop.request
                for hop in thread.running.values()
                if thread.pid == pid and hop.since < before and hop.request not in requests
            ]
            for request in lost:
                del thread.running[request]
            idle += bool(lost) and not thread.running
        return idle

    def _gone(self, thread: Thread, t: int) -> None:
        thread.cut_off(t)
        thread.ended_at = thread.ended_at or t
        if t - thread.ended_at > TOMBSTONE_NS:
            del self._threads[thread.pid, thread.tid]

    def process_gone(self, t: int, pid: int) -> int:
        """All threads of one process have ended.

        Returns:
            How many of them ended with a hop that has not.
        """
        mine = [thread for (owner, _), thread in self._threads.items() if owner == pid]
        cut_off = sum(bool(thread.running) for thread in mine)
        for thread in mine:
            self._gone(thread, t)
        return cut_off

    def stop(self, t: int) -> None:
        """All of them have ended."""
        for thread in self._threads.values():
            thread.cut_off(t)
            thread.ended_at = thread.ended_at or 1

    def runs(self, pid: int) -> Counter[Endpoint]:
        """Whose requests run on the worker threads of a process, and on how many."""
        return Counter(
            next(iter(thread.running.values())).endpoint
            for thread in self._threads.values()
            if thread.pid == pid and thread.running
        )

    def loops(self) -> list[Thread]:
        """Those of event loops, in no order."""
        return [thread for thread in self._threads.values() if thread.role == Role.LOOP]

    def all(self) -> list[Thread]:
        """Event loops first, then workers by number, then the rest."""
        order = {Role.LOOP: 0, Role.WORKER: 1, Role.OTHER: 2, Role.PROBE: 3}
        return sorted(self._threads.values(), key=lambda t: (order[t.role], t.label, t.tid))
