"""Histories of bounded length that snapshots can share."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from typing import Generic, TypeVar

from threadscope.model.histogram import Histogram
from threadscope.model.snapshot import DepthPoint, Latency, Mark
from threadscope.model.snapshot import Second as OneSecond

SECOND = 1_000_000_000
KEPT_S = 60
FEW = 16
"""Items that share a chunk even if they are of several seconds."""


T = TypeVar("T")


class Chunks(Generic[T]):
    """The last minute of something, in chunks of a second, or of several where little happens.

    A chunk that is over does not change, so that many snapshots hold the same one.
    """

    __slots__ = ("_closed", "_ends", "_frozen", "_items", "_second", "_whole")

    def __init__(self) -> None:
        self._closed: deque[tuple[T, ...]] = deque()
        self._ends: deque[int] = deque()
        """The last second of each."""
        self._frozen: tuple[tuple[T, ...], ...] = ()
        self._items: list[T] = []
        self._second = 0
        self._whole: tuple[tuple[T, ...], ...] | None = ()
        """What `chunks` gave last, while nothing was added."""

    def append(self, t: int, item: T) -> None:
        """Adds an item of time t (monotonic ns); times should not go back."""
        second = t // SECOND
        if second > self._second:
            self._close(second)
        self._items.append(item)
        self._whole = None

    def last(self) -> T | None:
        """The newest item, if it is of the present second."""
        return self._items[-1] if self._items else None

    def replace_last(self, item: T) -> None:
        """Puts another item in the newest one's place."""
        self._items[-1] = item
        self._whole = None

    def _close(self, second: int) -> None:
        items = self._items
        if items:
            if self._closed and len(self._closed[-1]) + len(items) <= FEW:
                items = [*self._closed.pop(), *items]
                self._ends.pop()
            self._closed.append(tuple(items))
            self._ends.append(self._second)
            self._items = []
        self._second = second
        while self._ends and self._ends[0] < second - KEPT_S:
            self._ends.popleft()
            self._closed.popleft()
        self._frozen = tuple(self._closed)

    def chunks(self) -> tuple[tuple[T, ...], ...]:
        """All that is kept, oldest first; the same object while nothing is added."""
        if self._whole is None:
            self._whole = (*self._frozen, tuple(self._items)) if self._items else self._frozen
        return self._whole


class Depths:
    """The last minute of a queue's depth: a point wherever it changes."""

    def __init__(self) -> None:
        self._points: Chunks[DepthPoint] = Chunks()
        self._depth = -1

    def add(self, t: int, depth: int | None) -> None:
        """The depth from t on; None: nobody knows it."""
        if depth is not None and depth != self._depth:
            self._depth = depth
            self._points.append(t, DepthPoint(t, depth))

    def chunks(self) -> tuple[tuple[DepthPoint, ...], ...]:
        """All that is kept, oldest first."""
        return self._points.chunks()


class Rate:
    """Counts and durations of what ended, over the last minute.

    Slices of 100 ms carry them, so that the headline moves with every picture.
    """

    SLICE = SECOND // 10

    def __init__(self) -> None:
        self._slices: deque[tuple[int, Histogram]] = deque()
        self._end = 0
        """Of the newest slice."""

    def add(self, t: int, duration: int) -> None:
        """Counts one end at t that took `duration` ns."""
        if t >= self._end:
            self._begin(t)
        self._slices[-1][1].add(duration)

    def extend(self, times: list[int], durations: list[int]) -> None:
        """Counts many ends, the times in ascending order."""
        done = 0
        while done < len(times):
            if times[done] >= self._end:
                self._begin(times[done])
            until = max(bisect_left(times, self._end, done), done + 1)
            self._slices[-1][1].extend(durations[done:until])
            done = until

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
        total = self.total(first * self.SLICE, last * self.SLICE)
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
            self._points.append(OneSecond(begin, rate.window(begin, begin + SECOND)[1]))
            self._next += 1
        return tuple(self._points)


class Marks:
    """Changes of the load in the last minute."""

    def __init__(self) -> None:
        self._marks: deque[Mark] = deque(maxlen=KEPT_S)

    def add(self, t: int, text: str) -> None:
        """Something was changed; the same thing again within a second counts once."""
        if self._marks and t - self._marks[-1].t < SECOND and _same(self._marks[-1].text, text):
            self._marks.pop()
        self._marks.append(Mark(t, text))

    def since(self, t: int) -> tuple[Mark, ...]:
        """Those at or after t, oldest first."""
        return tuple(mark for mark in self._marks if mark.t >= t)


def _same(one: str, other: str) -> bool:
    """`4 clients` and `5 clients` are of one kind: the word counts."""
    return one.split()[-1] == other.split()[-1]
