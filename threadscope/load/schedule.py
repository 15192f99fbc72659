"""The schedule of the open model: which request is due when, and what became of each. Pure."""

from __future__ import annotations

import sys
from collections import deque

SECOND = 1_000_000_000
ON_TIME_NS = 10_000_000
"""A request that is sent within this time after its moment was on time."""
MAX_WAITING = 100_000
"""So many may wait for a client; beyond, the oldest are dropped."""


class Schedule:
    """Even moments, and the requests that wait for a client since theirs.

    `scheduled == on_time + late + dropped + waiting` at any time. A request is dropped when it
    has waited as long as the time-out, for then its user is gone, and when the load ends first.

    Args:
        rate: requests per second.
        patience_ns: how long one may wait.
        most: how many there are in all; None: no end.
    """

    def __init__(self, rate: float, patience_ns: int, most: int | None = None) -> None:
        self.scheduled = self.on_time = self.late = self.dropped = 0
        self._rate, self._patience = rate, patience_ns
        self._left = sys.maxsize if most is None else most
        self._waiting: deque[int] = deque()
        self._base: int | None = None
        self._since_base = 0
        self._begun = 0

    @property
    def exhausted(self) -> bool:
        """No more requests will come, and none waits."""
        return not self._left and not self._waiting

    @property
    def running(self) -> bool:
        """Whether requests come due."""
        return self._base is not None and self._left > 0

    def start(self, now: int) -> None:
        """The next request is due now, and the others after it."""
        self._base, self._since_base, self._begun = now, 0, now

    def set_rate(self, rate: float, now: int) -> None:
        """Changes the pace: the next request comes a step of the new rate after the last one."""
        if self._base is not None:
            self._come_due(now)
            last = self.next_due(now) - round(SECOND / self._rate)
            self._base, self._since_base = max(last + round(SECOND / rate), self._begun), 0
        self._rate = rate

    def pause(self, now: int) -> None:
        """Until `start` nothing comes due; what waits is dropped."""
        if self._base is not None:
            self._come_due(now)
            self._base = None
        self.dropped += len(self._waiting)
        self._waiting.clear()

    def end(self, now: int) -> None:
        """As `pause`, for good."""
        self.pause(now)
        self._left = 0

    def next_due(self, now: int) -> int:
        """When the next request comes due; `now` is told where none will."""
        if self._base is None:
            return now
        return self._base + int(self._since_base * SECOND / self._rate)

    def take(self, now: int) -> int | None:
        """The moment of the request that is to be sent now; None: none is due."""
        self._come_due(now)
        if not self._waiting:
            return None
        due = self._waiting.popleft()
        if now - due <= ON_TIME_NS:
            self.on_time += 1
        else:
            self.late += 1
        return due

    def _come_due(self, now: int) -> None:
        waiting = self._waiting
        while self.running and (due := self.next_due(now)) <= now:
            waiting.append(due)
            self.scheduled += 1
            self._since_base += 1
            self._left -= 1
            if len(waiting) > MAX_WAITING:
                waiting.popleft()
                self.dropped += 1
        while waiting and now - waiting[0] > self._patience:
            waiting.popleft()
            self.dropped += 1
