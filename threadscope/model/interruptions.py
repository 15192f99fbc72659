"""What stands still: a process of the server that somebody has stopped."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from threadscope.model.sample import ProcessSample
from threadscope.model.units import duration

MOST = 500
"""Interruptions that are remembered."""
SAMPLED_NS = 100_000_000
"""From one sample to the next: one may have been stopped so long before it was seen."""


class _Still(NamedTuple):
    pid: int
    begin: int
    end: int


class Interruptions:
    """Says when a process stands still, and when it goes on; remembers when one did."""

    def __init__(self) -> None:
        self._stopped: dict[int, int] = {}
        """Processes, and since when they are."""
        self._over: deque[_Still] = deque(maxlen=MOST)

    def sampled(self, sample: ProcessSample) -> str:
        """The kernel says what the threads of a process do.

        Returns:
            What to note; "" when that is no news.
        """
        pid, states = sample.pid, {thread.state for thread in sample.threads}
        if states == {"T"}:
            known = pid in self._stopped
            self._stopped.setdefault(pid, sample.t)
            return "" if known else _stopped(pid)
        since = self._stopped.pop(pid, None)
        if since is None:
            return ""
        self._over.append(_Still(pid, since - SAMPLED_NS, sample.t))
        return f"process {pid} goes on, {duration(sample.t - since)} after it was stopped"

    def gone(self, pid: int) -> None:
        """A process has ended."""
        self._stopped.pop(pid, None)

    def over(self) -> None:
        """All of them have."""
        self._stopped.clear()

    def longest(self, begin: int, end: int, pid: int | None = None) -> int:
        """How long a process, or the one that did longest, stood still between two moments, ns."""
        still: dict[int, int] = {}
        lasting = (_Still(pid, since - SAMPLED_NS, end) for pid, since in self._stopped.items())
        for one in (*self._over, *lasting):
            if pid is None or one.pid == pid:
                shared = min(one.end, end) - max(one.begin, begin)
                still[one.pid] = still.get(one.pid, 0) + max(shared, 0)
        return max(still.values(), default=0)

    @property
    def now(self) -> str:
        """Which stands still; "" when none does."""
        return _stopped(min(self._stopped)) if self._stopped else ""


def _stopped(pid: int) -> str:
    return f"process {pid} is stopped: `kill -CONT {pid}` lets it go on"
