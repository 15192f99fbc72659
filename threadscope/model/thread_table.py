"""All threads of a server's processes: what the kernel, the probe and stacks say of each."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from threadscope.model.records import CellEntry
from threadscope.model.sample import ProcessSample, Stack
from threadscope.model.snapshot import Activity, Endpoint, Role
from threadscope.model.threads import WINDOW_NS, Thread
from threadscope.model.windows import SECOND

TOMBSTONE_NS = 5 * SECOND
"""So long a thread that has ended is still shown."""
MOST_THREADS = 8192
"""Of all processes; of more that a ring names nothing is kept."""
ROLE_LOOP, ROLE_WORKER, ROLE_PROBE = 1, 2, 4
_ORDER = {Role.LOOP: 0, Role.WORKER: 1, Role.OTHER: 2, Role.PROBE: 3}

Key = tuple[int, int]
"""pid and tid."""


class ThreadTable:
    """All threads of the server's processes."""

    def __init__(self) -> None:
        self.of: defaultdict[int, dict[int, Thread]] = defaultdict(dict)
        """By process and number: what is said of one process must not cost all of them."""
        self._workers = self._loops = 0
        self._tidied = 0

    def get(self, pid: int, tid: int, role: Role | None = None) -> Thread:
        """A thread, made at first sight; a role gives it its label, once."""
        mine = self.of[pid]
        thread = mine.get(tid)
        if thread is None:
            if sum(map(len, self.of.values())) >= MOST_THREADS:
                return Thread(pid, tid, 0)
            thread = mine[tid] = Thread(pid, tid, 0)
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
        return {x.pid for x in self._each() if x.role is Role.LOOP and not x.ended_at}

    def _each(self) -> Iterator[Thread]:
        for mine in self.of.values():
            yield from mine.values()

    def has_hop(self, pid: int, cell: CellEntry) -> bool:
        """Whether it is known that a cell's thread runs what the cell says."""
        thread = self.of[pid].get(cell.tid)
        hop = thread.running.get(cell.now_request) if thread is not None else None
        return hop is not None and hop.since >= cell.now_since

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
        mine = self.of[pid]
        for one in found:
            thread = mine.get(one.tid)
            if thread is None:
                continue
            thread.where, thread.holds_gil = one.where, one.holds_gil
            if one.role is not None:
                self.get(pid, one.tid, one.role)
            elif thread.role == Role.OTHER and one.name:
                thread.label = one.name

    def steps_at(self, mark: int, covering: dict[Key, Activity]) -> None:
        """Which steps hold the event loops at the watermark.

        Args:
            mark: the watermark.
            covering: steps that began before it and ended after it.
        """
        for thread in self._each():
            if thread.role is Role.LOOP:
                cell = thread.cell_step
                known = cell if cell is not None and cell.since <= mark else None
                thread.step = covering.get((thread.pid, thread.tid), known)

    def sampled(self, sample: ProcessSample) -> int:
        """What the kernel says of one process.

        Returns:
            How many threads ended with a hop that has not.
        """
        pid, t, cut_off = sample.pid, sample.t, 0
        mine = self.of[pid]
        for one in sample.threads:
            thread = mine.get(one.tid) or self.get(pid, one.tid)
            if thread.born != one.born:
                if thread.born:  # the number was given again: another thread
                    cut_off += bool(thread.running)
                    del mine[one.tid]
                    thread = self.get(pid, one.tid)
                thread.born = one.born
            if not thread.label and thread.role is Role.OTHER:
                thread.label = "main" if one.tid == pid else one.name
            thread.sampled(t, one)
            thread.ended_at = 0
        if len(mine) > len(sample.threads):
            cut_off += self._vanished(sample)
        self._forget_ended(t)
        return cut_off

    def _vanished(self, sample: ProcessSample) -> int:
        """Threads that are not in a sample of their process; how many had a hop that has not."""
        seen, cut_off = {one.tid for one in sample.threads}, 0
        for thread in [x for tid, x in self.of[sample.pid].items() if tid not in seen]:
            # one that no sample ever saw may have begun just now, or lived too short for any
            idle = not thread.running and thread.active_at < sample.t - WINDOW_NS
            if thread.samples or (idle and seen):
                cut_off += bool(thread.running)
                self._gone(thread, sample.t)
        return cut_off

    def _forget_ended(self, t: int) -> None:
        """Those of processes that have ended have no sample to end with."""
        if t < self._tidied + SECOND:
            return
        self._tidied = t
        for thread in [x for x in self._each() if x.ended_at and t - x.ended_at > TOMBSTONE_NS]:
            del self.of[thread.pid][thread.tid]
        for pid in [pid for pid, mine in self.of.items() if not mine]:
            del self.of[pid]

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
        for thread in self.of[pid].values():
            lost = [
                hop.request
                for hop in thread.running.values()
                if hop.since < before and hop.request not in requests
            ]
            for request in lost:
                del thread.running[request]
            idle += bool(lost) and not thread.running
        return idle

    def _gone(self, thread: Thread, t: int) -> None:
        thread.cut_off(t)
        thread.ended_at = thread.ended_at or t
        if t - thread.ended_at > TOMBSTONE_NS:
            del self.of[thread.pid][thread.tid]

    def process_gone(self, t: int, pid: int) -> int:
        """All threads of one process have ended.

        Returns:
            How many of them ended with a hop that has not.
        """
        mine = list(self.of[pid].values())
        cut_off = sum(bool(thread.running) for thread in mine)
        for thread in mine:
            self._gone(thread, t)
        return cut_off

    def stop(self, t: int) -> None:
        """All of them have ended."""
        for thread in self._each():
            thread.cut_off(t)
            thread.ended_at = thread.ended_at or 1

    def runs(self, pid: int) -> Counter[Endpoint]:
        """Whose requests run on the worker threads of a process, and on how many."""
        return Counter(
            next(iter(thread.running.values())).endpoint
            for thread in self.of[pid].values()
            if thread.running
        )

    def __len__(self) -> int:
        return sum(map(len, self.of.values()))

    def loops(self) -> list[Thread]:
        """Those of event loops, in no order."""
        return [thread for thread in self._each() if thread.role is Role.LOOP]

    def all(self) -> list[Thread]:
        """Event loops first, then workers by number, then the rest."""
        return sorted(self._each(), key=lambda t: (_ORDER[t.role], t.label, t.tid))
