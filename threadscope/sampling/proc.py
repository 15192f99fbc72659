"""Processes from /proc on Linux, cheap enough for eight looks a second at hundreds of threads."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Collection

from threadscope.model.sample import ProcessSample, ThreadSample

from . import parse
from .descriptors import SHARED, Budget
from .thread import TURNS, KnownThread

_NO_FILES = (errno.EMFILE, errno.ENFILE)
"""Our own trouble; any other error means that a thread ended."""
_LINKS = 2
"""A folder's links to itself; `task` has one more a thread."""


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
        self._threads: dict[int, KnownThread] = {}
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
        self._round += 1
        try:
            links = os.fstat(self._dir).st_nlink
            if links != _LINKS + len(self._threads) or self._round % TURNS == 0:
                self._list()
            cpu_ns = self._process_cpu()
            threads, ended = self._look()
            if ended:  # others may have come in their place, with the same number too
                self._forget(ended)
                self._list()
                threads, ended = self._look()
                self._forget(ended)
        except OSError as error:
            if error.errno in _NO_FILES:
                raise
            self.close()
            return None
        if all(thread.state in "ZX" for thread in threads):
            self.close()
            return None
        return ProcessSample(self.pid, t, cpu_ns, tuple(threads))

    def _list(self) -> None:
        """Which threads there are.

        Raises:
            OSError: the process is gone.
        """
        known, tids = self._threads, [int(name) for name in os.listdir(self._dir)]
        self._forget(known.keys() - tids)
        for tid in tids:
            if tid not in known:
                known[tid] = KnownThread(
                    self._dir, tid, self._budget, schedstat=self._schedstat, first=tid == self.pid
                )

    def _look(self) -> tuple[list[ThreadSample], list[int]]:
        """The threads, and the numbers of those that have ended just now.

        Raises:
            OSError: this process has no file left to open.
        """
        threads, ended, turn = [], [], self._round
        for tid, thread in self._threads.items():
            try:
                threads.append(thread.look((turn + tid) % TURNS))
            except ValueError:  # an empty file, in the middle of the end
                ended.append(tid)
            except OSError as error:
                if error.errno in _NO_FILES:
                    raise
                ended.append(tid)
        return threads, ended

    def close(self) -> None:
        """Closes all files; every later sample is None."""
        self._forget(list(self._threads))
        if self._dir >= 0:
            os.close(self._dir)
            self._dir = -1

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
