"""Counts and durations of what ended, over the last minute."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque

from threadscope.model.histogram import Histogram
from threadscope.model.snapshot import Latency
from threadscope.model.snapshot import Second as OneSecond
from threadscope.model.windows import KEPT_S, SECOND

Slices = deque[tuple[int, Histogram]]
"""By their number, in ascending order; only the newest may still grow."""


class _Window:
    """The sum of some slices. The next one is mostly the same, but for a few at both ends."""

    def __init__(self) -> None:
        self._in: deque[tuple[int, Histogram, int]] = deque()
        """Those that are in the sum, and how many ends each had then."""
        self._begin = self._end = 0
        self._sum = Histogram()

    def over(self, slices: Slices, begin: int, end: int) -> Histogram:
        """The sum of the slices from one number to before another one."""
        inside = self._in
        grown = bool(inside) and inside[-1][1].count != inside[-1][2]
        if grown or begin < self._begin or end < self._end:
            inside.clear()
            self._sum = Histogram()
        while inside and inside[0][0] < begin:
            self._sum.unmerge(inside.popleft()[1])
        new = []
        known = inside[-1][0] if inside else begin - 1
        for index, histogram in reversed(slices):
            if index <= known:
                break
            if index < end:
                new.append((index, histogram, histogram.count))
        for one in reversed(new):
            self._sum.merge(one[1])
            inside.append(one)
        self._begin, self._end = begin, end
        self._sum.bound(one[1] for one in inside)
        return self._sum


class Rate:
    """Counts and durations of what ended, over the last minute.

    Slices of 100 ms carry them, so that the headline moves with every picture.
    """

    SLICE = SECOND // 10

    def __init__(self) -> None:
        self._slices: deque[tuple[int, Histogram]] = deque()
        self._end = 0
        """Of the newest slice."""
        self._window = _Window()

    def add(self, t: int, duration: int) -> None:
        """Counts one end at t that took `duration` ns."""
        if t >= self._end:
            self._begin(t)
        self._slices[-1][1].add(duration)

    def extend(self, times: list[int], durations: list[int]) -> list[Histogram]:
        """Counts many ends, the times in ascending order; those durations, for who needs them."""
        done, parts = 0, list[Histogram]()
        while done < len(times):
            if times[done] >= self._end:
                self._begin(times[done])
            until = max(bisect_left(times, self._end, done), done + 1)
            part = Histogram()
            part.extend(durations[done:until])
            self._slices[-1][1].merge(part)
            parts.append(part)
            done = until
        return parts

    def _begin(self, t: int) -> None:
        """Another slice."""
        index = t // self.SLICE
        self._end = (index + 1) * self.SLICE
        self._slices.append((index, Histogram()))
        while self._slices[0][0] < index - 10 * (KEPT_S + 2):
            self._slices.popleft()

    def window(self, begin: int, end: int) -> tuple[float | None, Latency]:
        """Ends a second and their latency, over the whole slices between two moments (ns)."""
        first, last = -(-begin // self.SLICE), end // self.SLICE
        if last <= first:
            return None, Latency()
        total = self._window.over(self._slices, first, last)
        return total.count * (SECOND // self.SLICE) / (last - first), total.latency()

    def total(self, begin: int, end: int) -> Histogram:
        """All that ended between two moments (ns), as the slices that begin there have it."""
        total = Histogram()
        for index, histogram in reversed(self._slices):
            if index * self.SLICE < begin:
                break
            if index * self.SLICE < end:
                total.merge(histogram)
        return total

    def bars(self, end: int) -> tuple[int, ...]:
        """Ends in each of the last 60 whole seconds before `end`, oldest first."""
        counts = [0] * KEPT_S
        last = end // SECOND
        for index, histogram in self._slices:
            age = last - index * self.SLICE // SECOND
            if 1 <= age <= KEPT_S:
                counts[-age] += histogram.count
        return tuple(counts)


class Seconds:
    """The last minute, second by second; each is computed once, when it is over."""

    def __init__(self, origin: int) -> None:
        self._points: deque[OneSecond] = deque(maxlen=KEPT_S)
        self._next = origin // SECOND

    def points(self, rate: Rate, at: int) -> tuple[OneSecond, ...]:
        """All whole seconds before `at` (ns), oldest first."""
        self._next = max(self._next, at // SECOND - KEPT_S)
        while self._next < at // SECOND:
            begin = self._next * SECOND
            self._points.append(OneSecond(begin, rate.total(begin, begin + SECOND).latency()))
            self._next += 1
        return tuple(self._points)
