"""Threads from /proc on Linux, cheap enough for ten looks a second at hundreds of them.

Each thread's `schedstat` and `stat` stay open and are read with `pread`: that costs a tenth of
opening them, and an open file never speaks of another thread that got the same number.
A thread whose `schedstat` did not change has not run: it is in the state that it was in, and its
longer files are read now and then only. Its sample is the same object again.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Collection

from threadscope.model.sample import ProcessSample, ThreadSample

from . import parse
from .descriptors import SHARED, Budget

_SIZE = 4096
"""Bytes; no file here is longer (`status` has about 1,500)."""
_DETAIL_EVERY = 4
"""Samples from one look at a thread's context switches to the next, and to the `stat` of a thread
that does not run: another one may have renamed or woken it."""
_NO_FILES = (errno.EMFILE, errno.ENFILE)
"""Our own trouble; any other error means that a thread ended."""


def process_clock(pid: int) -> int:
    """The clock id of another process's CPU time.

    MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED) of the kernel's include/linux/posix-timers_types.h
    (before 6.8: posix-timers.h); it is what clock_getcpuclockid(3) returns.
    """
    return (~pid << 3) | 2


def counts_nanoseconds() -> bool:
    """Whether this kernel fills `schedstat`: some lack it, some leave zeros in it."""
    try:
        with open("/proc/self/schedstat", "rb") as file:
            return parse.parse_schedstat(file.read())[0] > 0
    except (OSError, ValueError):
        return False


class _File:
    """One file of one thread: kept open while the budget lasts, else opened for each look."""

    __slots__ = ("_budget", "_dir", "_fd", "_path")

    def __init__(self, directory: int, path: str, budget: Budget) -> None:
        self._dir, self._path, self._budget, self._fd = directory, path, budget, -1

    def read(self) -> bytes:
        """Its content now.

        Raises:
            OSError: the thread ended.
        """
        if self._fd >= 0:
            return os.pread(self._fd, _SIZE, 0)
        fd = os.open(self._path, os.O_RDONLY, dir_fd=self._dir)
        if self._budget.take():
            self._fd = fd
            return os.pread(fd, _SIZE, 0)
        try:
            return os.pread(fd, _SIZE, 0)
        finally:
            os.close(fd)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._budget.give()
            self._fd = -1


class _Thread:
    """What is kept of one thread between two looks."""

    __slots__ = (
        "_head",
        "_sched",
        "_sched_file",
        "_stat",
        "_stat_file",
        "_status_file",
        "_switched",
        "sample",
    )

    def __init__(self, directory: int, tid: int, schedstat: bool, budget: Budget) -> None:
        self._stat_file = _File(directory, f"{tid}/stat", budget)
        self._sched_file = _File(directory, f"{tid}/schedstat", budget) if schedstat else None
        self._status_file = _File(directory, f"{tid}/status", budget)
        self._stat = self._sched = self._head = self._switched = b""
        self.sample = ThreadSample(tid, -1, "", "", None, 0, None, None, None)

    def look(self, *, thorough: bool) -> ThreadSample:
        """Reads `schedstat`, and `stat` too where that has changed.

        Args:
            thorough: read `stat` in any case.

        Raises:
            OSError: the thread ended.
        """
        sched = self._sched_file.read() if self._sched_file else b""
        if sched and sched == self._sched and not thorough:
            return self.sample
        stat = self._stat_file.read()
        if stat != self._stat or sched != self._sched:
            self.sample = self._parse(stat, sched)
            self._stat, self._sched = stat, sched
        return self.sample

    def _parse(self, stat: bytes, sched: bytes) -> ThreadSample:
        end = parse.split_stat(stat)
        fields = parse.stat_fields(stat, end)
        old = self.sample
        born, name = old.born, old.name
        if stat[:end] != self._head or int(fields[19]) != born:
            self._head = stat[:end]
            name = parse.stat_name(stat, end)
            born = int(fields[19])
            if born != old.born:  # another thread with the same number
                old = old._replace(voluntary=None, involuntary=None)
        if sched:
            cpu, wait = parse.parse_schedstat(sched)
        else:
            cpu, wait = (int(fields[11]) + int(fields[12])) * parse.NS_PER_TICK, None
        state, processor = fields[0].decode("ascii"), int(fields[36])
        return ThreadSample(
            old.tid, born, name, state, processor, cpu, wait, old.voluntary, old.involuntary
        )

    def look_closer(self) -> ThreadSample:
        """Reads the context switches too, unless it has not run since it did that before.

        Raises:
            OSError: the thread ended.
        """
        if self._sched and self._sched == self._switched:
            return self.sample
        self._switched = self._sched
        try:
            voluntary, involuntary = parse.parse_switches(self._status_file.read())
        except ValueError:
            return self.sample
        if (voluntary, involuntary) != (self.sample.voluntary, self.sample.involuntary):
            self.sample = self.sample._replace(voluntary=voluntary, involuntary=involuntary)
        return self.sample

    def close(self) -> None:
        self._stat_file.close()
        self._status_file.close()
        if self._sched_file:
            self._sched_file.close()


class ProcessSampler:
    """Looks at one process and all its threads.

    Args:
        pid: the process, of any user.
        schedstat: whether to use it; None: if the kernel fills it. Without it the CPU clocks
            move in steps of 10 ms, and nobody knows how long a thread waited for a core.
        budget: the files that may stay open.
        proc: where the kernel shows its processes.

    Raises:
        OSError: this process has no file left to open.
    """

    def __init__(
        self,
        pid: int,
        *,
        schedstat: bool | None = None,
        budget: Budget = SHARED,
        proc: str = "/proc",
    ) -> None:
        self.pid, self._proc = pid, proc
        self._schedstat = counts_nanoseconds() if schedstat is None else schedstat
        self._budget = budget
        self._clock = process_clock(pid)
        self._threads: dict[int, _Thread] = {}
        self._round = 0
        try:
            self._dir = os.open(f"{proc}/{pid}/task", os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            if error.errno in _NO_FILES:
                raise
            self._dir = -1

    def sample(self, t: int) -> ProcessSample | None:
        """One look.

        Args:
            t: now, monotonic ns; it is only passed on.

        Returns:
            The sample, or None when the process is gone (also when only a zombie is left).

        Raises:
            OSError: this process has no file left to open, though the sampler closed its own.
        """
        if self._dir < 0:
            return None
        try:
            return self._sample(t)
        except OSError as error:
            if error.errno not in _NO_FILES:
                raise
        self._budget.overdrawn()
        self._forget(list(self._threads))
        return self._sample(t)

    def _sample(self, t: int) -> ProcessSample | None:
        try:
            tids = [int(name) for name in os.listdir(self._dir)]
            cpu_ns = self._process_cpu()
        except OSError as error:
            if error.errno in _NO_FILES:
                raise
            self.close()
            return None
        self._forget(self._threads.keys() - tids)
        self._round += 1
        threads = tuple([s for tid in tids if (s := self._look(tid)) is not None])
        if all(thread.state in "ZX" for thread in threads):
            self.close()
            return None
        return ProcessSample(self.pid, t, cpu_ns, threads)

    def close(self) -> None:
        """Closes all files; every later sample is None."""
        self._forget(list(self._threads))
        if self._dir >= 0:
            os.close(self._dir)
            self._dir = -1

    def _look(self, tid: int) -> ThreadSample | None:
        """One thread; None if it ended just now."""
        for _ in range(2):  # the second time for a new thread that got the number of an old one
            thread = self._threads.get(tid)
            if thread is None:
                thread = _Thread(self._dir, tid, self._schedstat, self._budget)
                self._threads[tid] = thread
            try:
                turn = (self._round + tid) % _DETAIL_EVERY == 0
                sample = thread.look(thorough=turn)
                # by turns, so that the cost spreads over the samples; at first sight at once
                return thread.look_closer() if turn or sample.voluntary is None else sample
            except OSError as error:
                if error.errno in _NO_FILES:
                    raise
                self._forget([tid])
            except ValueError:  # an empty file, in the middle of the end
                self._forget([tid])
        return None

    def _forget(self, tids: Collection[int]) -> None:
        for tid in tids:
            self._threads.pop(tid).close()

    def _process_cpu(self) -> int:
        """The process's own clock, which threads that ended are part of.

        Raises:
            OSError: the process is gone.
        """
        try:
            return time.clock_gettime_ns(self._clock)
        except OSError:  # a kernel or a sandbox without such clocks
            with open(f"{self._proc}/{self.pid}/stat", "rb") as file:
                return parse.parse_stat(file.read()).ticks * parse.NS_PER_TICK
