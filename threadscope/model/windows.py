"""Histories of bounded length that snapshots can share."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

from threadscope.model.snapshot import DepthPoint, Mark

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
