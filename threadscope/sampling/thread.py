"""One thread's files under /proc, looked at eight times a second.

`schedstat`, `stat` and `status` stay open and are read with `pread`: that costs a tenth of opening
them, and an open file never speaks of another thread that got the same number. A thread whose
`schedstat` did not change has not run: its sample is the same object again. The others are long to
put together for the kernel, so they are read by turns.
"""

from __future__ import annotations

import os
from functools import partial

from threadscope.model.sample import ThreadSample

from . import parse
from .descriptors import Budget

TURNS = 10
"""Looks until a thread has had each of its turns: a bit more than a second."""
STAT_TURNS = frozenset((0, 3, 7))
"""Looks that read the `stat` of a thread that has run: two or three a second."""
ALL_TURN = 0
"""Here `stat` is read in any case, as another thread may have renamed this one, and `status`."""
_SIZE = 4096
"""Bytes; no file here is longer (`status` has about 1,500)."""
_SCHED_SIZE = 64
"""Bytes; three numbers of at most 20 digits."""

_pread = os.pread
_new_sample = partial(tuple.__new__, ThreadSample)
"""Half the price of ThreadSample(...), for thousands of them a second."""


class _File:
    """One file of one thread: kept open while the budget lasts, else opened for each look."""

    __slots__ = ("_budget", "_dir", "_path", "fd")

    def __init__(self, directory: int, path: str, budget: Budget) -> None:
        self._dir, self._path, self._budget = directory, path, budget
        self.fd = -1

    def read(self) -> bytes:
        """Its content now.

        Raises:
            OSError: the thread ended.
        """
        if self.fd >= 0:
            return _pread(self.fd, _SIZE, 0)
        fd = os.open(self._path, os.O_RDONLY, dir_fd=self._dir)
        if self._budget.take():
            self.fd = fd
            return _pread(fd, _SIZE, 0)
        try:
            return _pread(fd, _SIZE, 0)
        finally:
            os.close(fd)

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self._budget.give()
            self.fd = -1


class KnownThread:
    """What is kept of one thread between two looks.

    Args:
        directory: the open `task` folder.
        tid: its number.
        budget: the files that may stay open.
        schedstat: whether the kernel fills it. Without it all is read at each look.
        first: it is the process's first one, an event loop's as a rule, and what is left of a
            process that died: its `stat` is read whenever it has run.
    """

    __slots__ = (
        "_always", "_at_stat", "_at_status", "_head", "_involuntary", "_sched", "_sched_file",
        "_stat", "_stat_file", "_status_file", "_switches", "sample",
    )  # fmt: skip

    def __init__(
        self, directory: int, tid: int, budget: Budget, *, schedstat: bool, first: bool
    ) -> None:
        self._sched_file = _File(directory, f"{tid}/schedstat", budget) if schedstat else None
        self._stat_file = _File(directory, f"{tid}/stat", budget)
        self._status_file = _File(directory, f"{tid}/status", budget)
        self._always = first or not schedstat
        self._sched = self._stat = self._head = b""
        self._at_stat = self._at_status = b"-"
        """`schedstat` when they were read."""
        self._switches: int | None = None
        """Context switches beyond the times that it got a core; None: not known."""
        self._involuntary = 0
        self.sample = ThreadSample(tid, -1, "", "", None, 0, None, None, None)

    def look(self, turn: int) -> ThreadSample:
        """The thread now.

        Args:
            turn: 0 to TURNS - 1, one after the other.

        Raises:
            OSError: the thread ended.
            ValueError: likewise, in the middle of it.
        """
        file = self._sched_file
        if file is None:
            sched = b""
        else:
            sched = _pread(file.fd, _SCHED_SIZE, 0) if file.fd >= 0 else file.read()
        news, stat = sched != self._sched, self._stat
        if not stat:
            turn = ALL_TURN
        if turn in STAT_TURNS or self._always:
            if sched != self._at_stat or turn == ALL_TURN or file is None:
                self._at_stat, stat = sched, self._stat_file.read()
            if turn == ALL_TURN and (sched != self._at_status or file is None):
                self._at_status, news = sched, self._count_switches(sched) or news
        if news or stat != self._stat:
            self.sample = self._put_together(sched, stat)
            self._sched, self._stat = sched, stat
        return self.sample

    def _put_together(self, sched: bytes, stat: bytes) -> ThreadSample:
        tid, born, name, state, processor, cpu, wait, _, _ = self.sample
        kept, slices = self._sched_file, 0
        if stat != self._stat:
            end = parse.split_stat(stat)
            state, processor = chr(stat[end + 2]), parse.stat_processor(stat, end)
            if kept is None or self._stat_file.fd < 0 or stat[:end] != self._head:
                self._head, (name, *_, ticks, now_born, _) = stat[:end], parse.parse_stat(stat)
                if born not in (-1, now_born):  # another thread with the same number
                    self._switches = None
                born, cpu = now_born, ticks * parse.NS_PER_TICK
        if kept is not None:
            cpu, wait, slices = parse.parse_schedstat(sched)
        voluntary = involuntary = None
        if self._switches is not None:
            involuntary = self._involuntary
            voluntary = self._switches + slices - involuntary
        return _new_sample((tid, born, name, state, processor, cpu, wait, voluntary, involuntary))

    def _count_switches(self, sched: bytes) -> bool:
        """Reads how often it gave its core up and how often that was taken from it.

        `schedstat` tells at each look how often it got one, which is as often as both together;
        so only the second is some looks old.

        Returns:
            Whether that is known.
        """
        try:
            voluntary, involuntary = parse.parse_switches(self._status_file.read())
        except ValueError:  # a kernel without task accounting
            return False
        slices = parse.parse_schedstat(sched)[2] if sched else 0
        self._switches, self._involuntary = voluntary + involuntary - slices, involuntary
        return True

    def close(self) -> None:
        """Closes its files."""
        for file in (self._sched_file, self._stat_file, self._status_file):
            if file is not None:
                file.close()
